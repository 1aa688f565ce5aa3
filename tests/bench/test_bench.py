"""The comparison's parts that need neither the other runtimes nor time: its table, and its worker
for cleave.

The environment names the program (CLEAVE_PROGRAM), the worker (CLEAVE_ENGINE), the folder of the
comparison (CLEAVE_BENCH) and the test data (CLEAVE_TEST_DATA).
"""
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.environ["CLEAVE_BENCH"])
import compare  # noqa: E402
import table  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
ENGINE = os.path.abspath(os.environ["CLEAVE_ENGINE"])
MODEL = os.path.join(os.path.abspath(os.environ["CLEAVE_TEST_DATA"]),
                     "golden/inst-gelu-2stem/model.ckpt")
TIME_LIMIT = 120  # seconds: a hang is a failure


def engine(name, precision, seconds, absent=None):
    return {"name": name, "version": "1.2" if seconds else "", "precision": precision,
            "seconds": seconds, "absent": absent, "snr_db": 101.26 if seconds else None,
            "peak_memory_bytes": 1230000000 if seconds else None,
            "start_seconds": 0.5 if seconds else None}


RESULTS = {
    "date": "2026-01-02", "machine": {"processor": "abacus"}, "rounds": 3, "threads": 2,
    "networks": [{
        "title": "Small", "parameters": 1500000, "flops": 2e9, "chunk_seconds": 2.949,
        "engines": [engine("cleave", "f32", [2.0, 1.0, 4.0]),
                    engine("cleave", "bf16", [], "not on this | processor"),
                    engine("ONNX Runtime", "f32", [11.0, 10.0, 12.0])]}]}


class TableTest(unittest.TestCase):
    def rows(self, results):
        return [[cell.strip() for cell in line.strip("|").replace("\\|", "¦").split("|")]
                for line in table.page(results).splitlines() if line.startswith("| ")]

    def test_rows(self):
        rows = self.rows(RESULTS)
        self.assertEqual(rows[0], list(table.COLUMNS))
        self.assertEqual(rows[2], ["cleave 1.2", "f32", "2.000 s", "1.000 s – 4.000 s", "1",
                                   "5.50×", "101.3 dB", "1.23 GB", "0.500 s"])
        self.assertEqual(rows[3], ["cleave", "bf16", "absent: not on this ¦ processor"] + [""] * 6)
        self.assertEqual(rows[4][2:6], ["11.00 s", "10.00 s – 12.00 s", "0", "1.00×"])
        self.assertEqual({len(row) for row in rows}, {len(table.COLUMNS)})

    def test_page(self):
        page = table.page(RESULTS)
        self.assertIn("- processor: abacus\n", page)
        self.assertIn("1.5 M parameters, 2 GFLOP per chunk of 2.95 s", page)
        self.assertTrue(page.endswith("\n") and not page.endswith("\n\n"))

    def test_without_the_base(self):
        results = json.loads(json.dumps(RESULTS))
        results["networks"][0]["engines"].pop()
        self.assertEqual(self.rows(results)[2][5], "")

    def test_median(self):
        self.assertEqual(table.median([3, 1, 2]), 2)
        self.assertEqual(table.median([4, 1, 2, 3]), 2.5)

    def test_machine(self):
        machine = compare.describe_machine()
        self.assertTrue(all(isinstance(value, str) for value in machine.values()))
        self.assertRegex(machine["memory"], r"^\d+\.\d GB$")

    def test_without_git(self):
        with unittest.mock.patch.dict(os.environ, PATH=""):
            self.assertEqual(compare.commit(), "")


class OptionsTest(unittest.TestCase):
    @staticmethod
    def groups(*words):
        with unittest.mock.patch.object(sys, "argv", ["compare.py", *words]):
            return compare.groups(compare.parse_options())

    def test_all_take_turns(self):
        self.assertEqual(self.groups("--engines", "cleave,openvino,pytorch"),
                         [["cleave", "openvino", "pytorch"]])

    def test_pairs(self):
        self.assertEqual(self.groups("--pairs", "--engines", "cleave,openvino,compiled"),
                         [["cleave", "openvino"], ["cleave", "compiled"]])
        self.assertEqual(self.groups("--pairs", "--engines", "cleave"), [["cleave"]])

    def test_networks_are_there(self):
        for _, source in compare.NETWORKS.values():
            self.assertTrue(os.path.exists(os.path.join(compare.ROOT, source)), source)


class Case:
    """As much of a case as decides which engines take part."""
    def __init__(self, folder, is_roformer):
        self.work, self.is_roformer = os.path.join(folder, "kim"), is_roformer
        self.model, self.onnx = "kim.safetensors", "network.onnx"

    @staticmethod
    def path(name):
        return name


class AbsentTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-bench-")
        self.addCleanup(shutil.rmtree, self.folder)

    def absent(self, key, interpreter, is_roformer=True):
        return compare.Engine(key, "f32", Case(self.folder, is_roformer), 1, interpreter).absent

    def test_what_was_not_asked_for(self):
        self.assertIn("--pytorch", self.absent("pytorch", None))
        self.assertIn("--pytorch", self.absent("compiled", None))
        self.assertIn("--ggml", self.absent("ggml", None))

    def test_other_networks(self):
        self.assertEqual(self.absent("compiled", "python3", False), "only for Roformers")
        self.assertEqual(self.absent("ggml", self.folder, False), "only for Roformers")

    def test_files_of_another_program(self):
        self.assertIn("ggml_engine", self.absent("ggml", self.folder))
        with open(os.path.join(self.folder, "ggml_engine"), "wb"):
            pass
        self.assertIn("kim-f32.gguf", self.absent("ggml", self.folder))


class WorkerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-bench-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.info = json.loads(subprocess.run([PROGRAM, "inspect", MODEL, "--json"], check=True,
                                              stdout=subprocess.PIPE,
                                              timeout=TIME_LIMIT).stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_mix(self, samples):
        """The same as planes for the worker and as raw samples in a WAV for the program."""
        planes = [[0.3 * math.sin(0.01 * (c + 3) * i) for i in range(samples)] for c in range(2)]
        with open(self.path("mix.f32"), "wb") as file:
            for plane in planes:
                file.write(struct.pack("<%df" % samples, *plane))
        values = [value for frame in zip(*planes) for value in frame]
        data = struct.pack("<%df" % len(values), *values)
        form = struct.pack("<HHIIHH", 3, 2, 44100, 44100 * 8, 8, 32)
        with open(self.path("mix.wav"), "wb") as file:
            file.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
                       struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data)

    def run_worker(self, text, precision="f32"):
        return subprocess.run([ENGINE, MODEL, self.path("mix.f32"), self.path("out"), "1",
                               precision], input=text, text=True, timeout=TIME_LIMIT, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_answers_each_run(self):
        self.write_mix(self.info["chunk_size"])
        result = self.run_worker("run\nrun\n")
        lines = result.stdout.splitlines()
        self.assertEqual((result.returncode, result.stderr, len(lines)), (0, "", 3))
        self.assertTrue(lines[0].startswith("ready "))
        self.assertTrue(all(float(line) > 0 for line in lines[1:]))

    def test_computes_what_the_program_computes(self):
        samples = self.info["chunk_size"]
        self.write_mix(samples)
        self.assertEqual(self.run_worker("").returncode, 0)
        subprocess.run([PROGRAM, self.path("mix.wav"), "-m", MODEL, "--overlap", "1", "-f", "raw",
                        "--name", "{stem}", "-o", self.folder, "-q"], check=True,
                       timeout=TIME_LIMIT)
        with open(self.path("out"), "rb") as file:
            planes = struct.unpack("<%df" % (2 * 2 * samples), file.read())
        for index, stem in enumerate(self.info["stems"]):
            with open(self.path(stem + ".raw"), "rb") as file:
                values = struct.unpack("<%df" % (2 * samples), file.read())
            for channel in range(2):
                begin = (2 * index + channel) * samples
                self.assertEqual(planes[begin:begin + samples], values[channel::2])

    def test_says_what_is_wrong(self):
        self.write_mix(self.info["chunk_size"] - 1)
        result = self.run_worker("run\n")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("too little audio", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
