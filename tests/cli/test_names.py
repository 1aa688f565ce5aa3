"""Names of any bytes: in paths, options, the environment, lists, checkpoints and configurations.

Whatever they hold, everything that the program prints and writes is valid UTF-8 without characters
that steer a terminal, break a line or turn the text behind them; JSON can be read; and the files
that have such names are read and written all the same. Run with the environment of test_cli.py.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import (CONFIG, CliTest, MIX, MODEL, PROGRAM, TIME_LIMIT,  # noqa: E402
                      environment)

ROUNDS = 4
SEED = 7

# What random names are made of: bytes that belong to no character, controls of ASCII (but for the
# slash and NUL, which no name has), C1 as bytes and as characters, ends of lines, bidi, and text.
PIECES = [b"\x80", b"\x9b", b"\x9f", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\xa5", b"\xed\xa0\x80",
          b"\n", b"\r", b"\t", b"\x1b[2J", b"\x1b]0;x\x07", b"\x7f", b"\x08", b"\x01",
          b"\xc2\x80", b"\xc2\x85", b"\xc2\x9b31m", b"\xe2\x80\xa8", b"\xe2\x80\xa9",
          b"\xe2\x80\xaa", b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xe2\x81\xa9", b"a", b"%s%n", b"\"",
          b"\\", b"'", b"<b>", b"&", b",", b"\xc3\xa4", b"\xf0\x9f\xa5\x81", b" "]


def is_harmful(character):
    code = ord(character)
    return (code < 0x20 or 0x7f <= code < 0xa0 or code in (0x2028, 0x2029) or
            0x202a <= code <= 0x202e or 0x2066 <= code <= 0x2069)


# ---- Checkpoints ------------------------------------------------------------------------------

def pickled(raw):
    return b"X" + struct.pack("<I", len(raw)) + raw


def tensor(storage=b"0"):
    """Four floats, as torch.save has them."""
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + pickled(b"storage") +
            b"ctorch\nFloatStorage\n" + pickled(storage) + pickled(b"cpu") +
            b"K\x04tQK\x00(K\x04t(K\x01t\x89NtR")


def checkpoint(path, pickle, entry=b"data/0"):
    """A ZIP with entries named by bytes, which Python's zipfile takes only after the fact."""
    names = [b"archive/data.pkl", b"archive/" + entry]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in zip(names, (pickle, bytes(16))):
            archive.writestr("x" * len(name), content)
            archive.filelist[-1].filename = "x" * len(name)
    with open(path, "rb") as file:
        data = file.read()
    for name in names:
        data = data.replace(b"x" * len(name), name)
    with open(path, "wb") as file:
        file.write(data)


class NamesTest(CliTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.root = os.fsencode(self.folder)
        try:
            with open(os.path.join(self.root, b"\xff"), "wb"):
                pass
        except OSError:
            self.skipTest("the file system takes UTF-8 names only")

    def name(self, longest=12):
        return b"".join(self.random.choice(PIECES)
                        for _ in range(self.random.randint(1, longest)))

    def file_name(self):
        """One that ls would hide or a shell take for an option is not what this is about."""
        return b"n" + self.name()

    def check_text(self, raw, where):
        text = raw.decode("utf-8")  # strict
        harmful = [character for character in text if is_harmful(character) and character != "\n"]
        self.assertEqual(harmful, [], (where, text))
        return text

    def run_bytes(self, *arguments, code=None, lines=None, **changes):
        """Runs the program, and checks what it printed. `lines`: of standard error."""
        done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, env=environment(**changes),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        out = self.check_text(done.stdout, arguments)
        err = self.check_text(done.stderr, arguments)
        if code is not None:
            self.assertEqual(done.returncode, code, (arguments, err))
        if lines is not None:
            self.assertEqual(len(err.splitlines()), lines, (arguments, err))
        return out, err

    def copy(self, source, name):
        target = os.path.join(self.root, name)
        shutil.copy(os.fsencode(source), target)
        return target

    # ---- Paths and options ----

    def test_paths_work_and_are_shown_harmless(self):
        self.skip_without_byte_arguments()
        for _ in range(ROUNDS):
            folder = os.path.join(self.root, self.file_name())
            os.makedirs(folder, exist_ok=True)
            song = self.copy(MIX, self.file_name() + b".wav")
            model = self.copy(MODEL, os.path.join(folder, self.file_name() + b".ckpt"))
            config = self.copy(CONFIG, os.path.join(folder, self.file_name() + b".yaml"))
            output = os.path.join(folder, b"out")
            report = os.path.join(folder, b"report.html")
            trace = os.path.join(folder, b"trace.json")
            out, _ = self.run_bytes(song, "-m", model, "-c", config, "-o", output, "--json",
                                    "--report", report, "--profile", trace, "-vv", code=0)
            told = json.loads(out)
            self.assertEqual(told["status"], "ok")
            self.assertEqual(len(os.listdir(output)), 1)
            with open(report, "rb") as file:
                self.check_text(file.read(), report)
            with open(trace, "rb") as file:
                json.loads(self.check_text(file.read(), trace))
            out, _ = self.run_bytes("inspect", model, "-c", config, "--json", code=0)
            json.loads(out)
            self.run_bytes("inspect", model, "-c", config, code=0)
            self.run_bytes(song, "-m", model, "-c", config, "-o", output, code=0)
            shutil.rmtree(folder)

    def test_json_tells_paths_as_they_are(self):
        """What is valid UTF-8 comes back byte by byte, however harmful it would be when shown."""
        name = "a\x9b31m\u202e\u2028\x7f\x1b\n\u00e4.wav"
        song = self.copy(MIX, os.fsencode(name))
        out, _ = self.run_bytes(song, "-m", MODEL, "-o", self.output, "--json", code=0)
        self.assertEqual(os.path.basename(json.loads(out)["input"]), name)

    def test_bad_paths_and_values_are_one_line(self):
        self.skip_without_byte_arguments()
        for _ in range(ROUNDS):
            name = self.file_name()
            self.run_bytes(name, "-m", MODEL, "-o", self.output, code=1, lines=1)
            self.run_bytes(MIX, "-m", name, code=3, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "-c", name, code=3, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "--stems", name + b"x", code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "-d", name, code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "-f", name, code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "--overlap", name, code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, b"--zz" + name, code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "--from-list", name, code=2, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "--score", name, code=2, lines=1)
            self.run_bytes("inspect", name, code=3, lines=1)
            self.run_bytes("export", name, "-o", "x.onnx", code=3, lines=1)
            self.run_bytes("score", name, MIX, code=1, lines=1)
            self.run_bytes("verify", name, "-m", MODEL, code=1, lines=1)
            self.run_bytes("bench", name, "-m", MODEL, code=1, lines=1)
            self.run_bytes("bench", "-m", name, code=3, lines=1)
            self.run_bytes("doctor", "-m", name, code=1)
            out, _ = self.run_bytes("doctor", "-m", name, "--json", code=1)
            json.loads(out)
            self.run_bytes("help", name, code=2, lines=1)
            self.run_bytes("completion", name, code=2, lines=1)

    def test_several_failures_are_summed_up(self):
        self.skip_without_byte_arguments()
        for _ in range(ROUNDS):
            names = [self.file_name() + b"%d" % i for i in range(3)]
            _, err = self.run_bytes(*names, "-m", MODEL, "-o", self.output, code=1)
            # Three errors, the count, "failed:" and three reasons, which need no second name.
            self.assertEqual(len(err.splitlines()), 8, err)
            self.assertEqual(err.count("cannot open audio"), 3, err)
            self.assertEqual(len([line for line in err.splitlines()
                                  if line.startswith("cleave:   ")
                                  and line.endswith(": No such file or directory")]), 3, err)

    def test_an_input_is_named_once(self):
        self.skip_without_byte_arguments()
        for name in (b"caf\xe9.wav", b"a\x9b.wav", b"x" * 250, b"/".join([b"\xe9" * 200] * 5)):
            _, err = self.run_bytes(name, "-m", MODEL, "-o", self.output, code=1, lines=1)
            self.assertEqual(err.count("cannot open audio"), 1, err)
            self.assertTrue(err.startswith("cleave: error: cannot open audio: "), err)

    def test_lists(self):
        for _ in range(ROUNDS):
            song = self.copy(MIX, self.file_name().replace(b"\n", b"").replace(b"\r", b"") +
                             b".wav")
            listed = self.write("list", b"nowhere" + self.name().replace(b"\n", b"") + b"\0" +
                                song + b"\0")
            out, _ = self.run_bytes("--from-list", listed, "--null", "-m", MODEL, "-o",
                                    self.output, "--json", code=1)
            told = [json.loads(line)["status"] for line in out.splitlines()]
            self.assertEqual(told, ["input error", "ok"])

    def test_environment(self):
        self.skip_without_byte_arguments()
        for _ in range(ROUNDS):
            name = os.fsdecode(self.name())
            self.run_bytes(MIX, "-o", self.output, CLEAVE_MODEL=name, code=3, lines=1)
            self.run_bytes(MIX, "-m", MODEL, "-o", self.output, CLEAVE_KERNELS=name)
            self.run_bytes("devices", CLEAVE_BACKENDS=name, code=0)
            out, _ = self.run_bytes("devices", "--json", CLEAVE_BACKENDS=name, code=0)
            json.loads(out)
            self.run_bytes("doctor", "-m", os.path.join(name, "x"), HOME=name, code=1)

    # ---- What stands in files ----

    def test_names_of_tensors(self):
        for _ in range(ROUNDS):
            self.check_checkpoint(b"\x80\x02}(" + pickled(self.name()) + tensor() + b"u.")
            name = self.name()  # with a prefix that is taken off, so that both are one
            both = pickled(name) + tensor() + pickled(b"module." + name) + tensor()
            self.check_checkpoint(b"\x80\x02}(" + both + b"u.")

    def test_names_of_storages_and_entries(self):
        for _ in range(ROUNDS):
            name = self.name()
            self.check_checkpoint(b"\x80\x02}(" + pickled(b"first_conv.weight") + tensor(name) +
                                  b"u.")
            path = self.path("entry.ckpt")
            checkpoint(path, b"\x80\x02N.", self.name() + b".ckpt")
            self.run_bytes("inspect", path, "-c", CONFIG, code=3, lines=1)

    def test_names_of_classes(self):
        for _ in range(ROUNDS):
            module, name = (self.name().replace(b"\n", b"") for _ in range(2))
            self.check_checkpoint(b"\x80\x02c" + module + b"\n" + name + b"\n)R.")
            self.check_checkpoint(b"\x80\x02cposix\nsystem" + name + b"\n)R.")

    def check_checkpoint(self, pickle):
        path = self.path("names.ckpt")
        checkpoint(path, pickle)
        for arguments in (("inspect", path, "-c", CONFIG), (MIX, "-m", path, "-c", CONFIG)):
            self.run_bytes(*arguments, code=3, lines=1)
        out, _ = self.run_bytes(MIX, "-m", path, "-c", CONFIG, "--json", code=3)
        self.assertEqual(json.loads(out)["status"], "model error")

    def test_safetensors(self):
        for _ in range(ROUNDS):
            name = self.name().decode("utf-8", "surrogateescape")
            entry = {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}
            for header in (json.dumps({name: entry}).encode(),
                           json.dumps({name: {"dtype": name}}, ensure_ascii=False).encode(
                               "utf-8", "surrogateescape"),
                           b'{"' + self.name() + b'": 1}'):
                path = self.write("names.safetensors",
                                  struct.pack("<Q", len(header)) + header + bytes(16))
                self.run_bytes("inspect", path, "-c", CONFIG, code=3, lines=1)

    def test_configurations(self):
        with open(CONFIG, "rb") as file:
            good = file.read()
        for _ in range(ROUNDS):
            name = self.name()
            quoted = json.dumps(name.decode("utf-8", "replace")).encode()  # YAML has these escapes
            for key in (b"n_fft", b"norm", b"act", b"instruments", b"normalize", b"scale"):
                for value in (name, quoted, b"[" + quoted + b"]"):
                    lines = [line if key + b":" not in line else
                             line.split(b":")[0] + b": " + value for line in good.splitlines()]
                    config = self.write("names.yaml", b"\n".join(lines))
                    self.run_bytes("inspect", MODEL, "-c", config)

    def test_stems_that_would_harm_are_refused(self):
        with open(CONFIG, "rb") as file:
            good = file.read()
        for escape in ("\\x9b31m", "\\u202e", "\\u2028", "\\x7f", "\\n"):
            config = self.write("stems.yaml", good.replace(
                b"- vocals", b'- "vo%scals"' % escape.encode()).replace(
                b"[vocals", b'["vo%scals"' % escape.encode()))
            self.run_bytes(MIX, "-m", MODEL, "-c", config, "-o", self.output, code=3, lines=1)


if __name__ == "__main__":
    unittest.main()
