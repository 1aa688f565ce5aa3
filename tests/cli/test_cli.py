"""The command line as a user meets it: words in, words out, exit codes, files written or not.

The environment names the program (CLEAVE_PROGRAM), the test data (CLEAVE_TEST_DATA) and the demo
(CLEAVE_DEMO). What the numbers in the audio should be is tested elsewhere; here one golden case
shows that the program passes the right things on.
"""
import json
import math
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import wave
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import Process, TIME_LIMIT, open_terminal, read_until  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
DATA = os.path.abspath(os.environ["CLEAVE_TEST_DATA"])
DEMO = os.path.abspath(os.environ["CLEAVE_DEMO"])
GOLDEN = os.path.join(DATA, "golden", "short-input")
MODEL = os.path.join(GOLDEN, "model.ckpt")
CONFIG = os.path.join(GOLDEN, "model.yaml")
MIX = os.path.join(GOLDEN, "mix.wav")
RATE = 44100

OPTIONS = {  # long: (short, takes a value)
    "model": ("m", True), "config": ("c", True), "output": ("o", True), "name": ("", True),
    "stems": ("", True), "residual": ("", True), "device": ("d", True),
    "strict-device": ("", False), "resume": ("", False), "precision": ("p", True),
    "threads": ("t", True),     "overlap": ("", True), "batch": ("b", True), "max-memory": ("", True),
    "blend": ("", True), "tta": ("", False),
    "no-compile": ("", False), "format": ("f", True), "bits": ("", True), "score": ("", True),
    "spectrogram": ("", False), "report": ("", True), "report-embed": ("", False),
    "json": ("", False), "quiet": ("q", False), "verbose": ("v", False), "version": ("", False),
    "help": ("h", False), "from-list": ("", True), "null": ("0", False), "ext": ("", True),
    "skip-existing": ("", False), "profile": ("", True), "stream": ("", True),
    "channels": ("", True), "keep-going": ("", False), "rate": ("", True),
}
COMMANDS = ("separate", "inspect", "devices", "score", "export", "bench", "verify", "doctor",
            "help", "completion", "man")


# ---- Audio ------------------------------------------------------------------------------------

def write_wav(path, channels, rate=RATE):
    """16-bit WAV of planar floats within ±1."""
    with wave.open(path, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        values = [round(x * 32767) for frame in zip(*channels) for x in frame]
        file.writeframes(struct.pack("<%dh" % len(values), *values))


def write_float_wav(path, channels, rate=RATE):
    values = [x for frame in zip(*channels) for x in frame]
    data = struct.pack("<%df" % len(values), *values)
    count = len(channels)
    form = struct.pack("<HHIIHH", 3, count, rate, rate * count * 4, count * 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def read_float_wav(path):
    """Planar floats of a 32-bit float WAV, and its rate."""
    with open(path, "rb") as file:
        data = file.read()
    position, channels, rate = 12, 0, 0
    while position + 8 <= len(data):
        name, size = data[position:position + 4], struct.unpack_from("<I", data, position + 4)[0]
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position + 8)
            assert bits == 32 and kind in (3, 0xFFFE), "not a float WAV: %s" % path
        if name == b"data":
            values = struct.unpack_from("<%df" % (size // 4), data, position + 8)
            return [values[c::channels] for c in range(channels)], rate
        position += 8 + size + size % 2
    raise AssertionError("no data in " + path)


def sine(frequency, seconds, level=0.5):
    step = 2 * math.pi * frequency / RATE
    return [level * math.sin(step * i) for i in range(int(seconds * RATE))]


def snr(reference, estimate):
    signal_power = sum(x * x for channel in reference for x in channel)
    noise_power = sum((x - y) ** 2 for a, b in zip(reference, estimate) for x, y in zip(a, b))
    return math.inf if noise_power == 0 else 10 * math.log10(signal_power / noise_power)


# ---- Running the program ----------------------------------------------------------------------

def environment(**changes):
    result = {key: value for key, value in os.environ.items()
              if key not in ("CLEAVE_MODEL", "NO_COLOR", "POSIXLY_CORRECT")}
    result.update(LC_ALL="C.UTF-8", TERM="xterm")
    result.update(changes)
    return result


class Result:
    def __init__(self, code, out, err):
        self.code, self.raw_out = code, out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        self.errors = [line for line in self.err.splitlines() if "error:" in line]
        self.warnings = [line for line in self.err.splitlines() if "warning:" in line]

    def objects(self):
        return [json.loads(line) for line in self.raw_out.decode("utf-8").splitlines()]


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-cli-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.output = self.path("out")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def run_program(self, *arguments, env=None, prepare=None):
        done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, env=env or environment(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIME_LIMIT, preexec_fn=prepare)
        return Result(done.returncode, done.stdout, done.stderr)

    def separate(self, *arguments, **keywords):
        return self.run_program(*arguments, "-m", MODEL, "-o", self.output, **keywords)

    def files(self, folder=None):
        """Every file below a folder, relative to it."""
        root = folder or self.output
        return sorted(os.path.relpath(os.path.join(where, name), root)
                      for where, _, names in os.walk(root) for name in names)

    def copy_mix(self, name):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        return shutil.copy(MIX, self.path(name))

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def skip_without_byte_arguments(self):
        if "simulated" in self.run_program("--version").out:
            self.skipTest("GNUstep, under the simulated Mac, takes UTF-8 arguments only")

    def assert_done(self, result):
        self.assertEqual((result.code, result.errors), (0, []), result.err)

    def assert_failed(self, result, code, *words):
        """This exit code, one error line that holds these words, and no output file or folder."""
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(len(result.errors), 1, result.err)
        self.assertTrue(result.errors[0].startswith("cleave: error: "), result.err)
        for word in words:
            self.assertIn(word, result.errors[0])
        self.assertEqual(os.listdir(self.output) if os.path.isdir(self.output) else [], [])

    def assert_fits(self, text, columns=80):
        for line in text.splitlines():
            self.assertLessEqual(len(line), columns, line)


# ---- Usage, help, version ---------------------------------------------------------------------

class UsageTest(CliTest):
    def check(self, arguments, *words):
        result = self.run_program(*arguments)
        self.assert_failed(result, 2, *words)
        self.assertEqual(result.out, "")

    def test_no_input(self):
        self.check([], "no input", "--help")

    def test_no_model_says_how_to_name_one(self):
        self.check(["song.wav"], "-m", "CLEAVE_MODEL")

    def test_unknown_option_suggests_the_nearest(self):
        self.check(["--overlp", "3", "x"], "--overlp", "did you mean --overlap?")
        self.check(["--modle=x", "x"], "did you mean --model?")
        self.check(["score", "--jsno", "a", "b"], "did you mean --json?")

    def test_unknown_option_without_a_near_one(self):
        self.check(["--zzzzzzz"], "--zzzzzzz", "--help")
        self.check(["-x"], "-x")

    def test_option_of_another_command(self):
        self.check(["devices", "--overlap", "3"], "--overlap")
        self.check(["score", "-m", "x", "a", "b"], "-m")

    def test_ambiguous_beginning_of_an_option(self):
        self.check(["--st", "x"], "--stems", "--strict-device")

    def test_missing_value(self):
        for option in ("-m", "--model", "--overlap", "-b"):
            self.check(["x.wav", option], "needs a value")

    def test_value_where_none_belongs(self):
        self.check(["--tta=3", "x"], "--tta", "no value")

    def test_empty_values(self):
        for option in ("--model=", "--config=", "--output=", "--name=", "--residual=", "--device=",
                       "--score="):
            self.check(["x", option], option.rstrip("="), "empty")
        self.check(["", "-m", MODEL], "empty")

    def test_numbers_are_strict(self):
        for option in ("--overlap", "--threads", "--batch"):
            for value in ("0", "-1", "+3", "3x", "x", "", " 3", "3 ", "3.0", "1e1", "0x2",
                          "99999", "99999999999999999999"):
                self.check(["x", "%s=%s" % (option, value)], option)

    def test_ranges_of_numbers(self):
        for option, value in (("--overlap", "51"), ("--threads", "257"), ("--batch", "65")):
            self.check(["x", option, value], option, value)

    def test_choices_name_what_there_is(self):
        self.check(["x", "-p", "f64"], "f64", "f32", "f16", "bf16")
        self.check(["x", "-f", "aac"], "aac", "wav", "flac", "aiff", "ogg", "mp3")
        self.check(["x", "--bits", "32"], "16", "24", "float")
        self.check(["x", "--blend", "max"], "fade", "mean", "hamming")

    def test_bits_that_a_format_has_not(self):
        self.check(["x", "-f", "flac", "--bits", "float"], "flac", "24")
        self.check(["x", "-f", "mp3", "--bits", "16"], "mp3")
        self.check(["x", "--bits", "24", "-f", "ogg"], "ogg")

    def test_stem_lists(self):
        for value in ("", ",", "a,,b", "a,", "a,a"):
            self.check(["x", "--stems=" + value], "--stems")

    def test_number_of_arguments(self):
        self.check(["score", "a"], "score")
        self.check(["score", "a", "b", "c"], "'c'")
        self.check(["devices", "a"], "'a'")
        self.check(["inspect", "a", "b"], "'b'")
        self.check(["inspect"], "CLEAVE_MODEL")

    def test_help_of_an_unknown_command(self):
        self.check(["help", "scor"], "did you mean 'score'?")
        self.check(["help", "zzzzzz"], "zzzzzz")

    def test_mistyped_command(self):
        self.check(["devcies"], "devcies", "did you mean 'cleave devices'?")
        self.check(["inspct", "model.ckpt"], "did you mean 'cleave inspect'?")

    def test_control_characters_do_not_break_the_line(self):
        self.check(["--\x1b[31m\nx"], "?[31m?x")

    def test_same_outputs_are_refused_before_the_start(self):
        first, second = self.copy_mix("a/song.wav"), self.copy_mix("b/song.wav")
        result = self.separate(first, second)
        self.assert_failed(result, 2, first, second, "--name")
        self.assert_failed(self.separate(first, first), 2, first)
        self.assert_failed(self.separate(first, self.path("b/song.flac")), 2, "song.flac")

    def test_name_without_track_for_several_inputs(self):
        result = self.separate(self.copy_mix("a.wav"), self.copy_mix("b.wav"), "--name", "{stem}")
        self.assert_failed(result, 2, "--name", "{track}")

    def test_name_without_stem_for_several_stems(self):
        self.assert_failed(self.separate(MIX, "--name", "{track}"), 2, "{stem}")

    def test_name_with_an_unknown_placeholder(self):
        self.check([MIX, "-m", MODEL, "--name", "{track}/{stem}{colour}"], "'{colour}'", "{folder} and {ext}")
        self.check([MIX, "-m", MODEL, "--name", "{track}/{stem}{"], "'{'")

    def test_stem_that_the_model_has_not(self):
        self.assert_failed(self.separate(MIX, "--stems", "bass"), 2, "bass", "vocals", "other")

    def test_residual_named_like_a_stem(self):
        self.assert_failed(self.separate(MIX, "--residual", "vocals"), 2, "vocals")

    def test_score_takes_one_input(self):
        os.mkdir(self.path("true"))
        result = self.separate(self.copy_mix("a.wav"), self.copy_mix("b.wav"), "--score", "true")
        self.assert_failed(result, 2, "--score")

    def test_lists_and_folders_that_are_not_there(self):
        self.check(["-m", MODEL, "--from-list", "nowhere"], "--from-list", "nowhere", "name a list")
        self.check([MIX, "-m", MODEL, "--score", "nowhere"], "nowhere", "name a folder")

    def test_score_folder_is_checked_before_the_start(self):
        self.assert_failed(self.separate(MIX, "--score", "nowhere"), 2, "nowhere")
        os.mkdir(self.path("empty"))
        self.assert_failed(self.separate(MIX, "--score", "empty"), 2, "empty")


class HelpTest(CliTest):
    def help(self, *arguments):
        result = self.run_program(*arguments)
        self.assertEqual((result.code, result.err), (0, ""))
        return result.out

    def test_every_option_is_explained(self):
        text = self.help("--help")
        for name, (letter, value) in OPTIONS.items():
            start = "-%s, --%s" % (letter, name) if letter else "    --%s" % name
            argument = " [A-Z]" if value else "  "
            self.assertRegex(text, r"\n  %s%s" % (re.escape(start), argument))

    def test_every_option_of_the_help_is_one(self):
        explained = re.findall(r"\n  (?:-., |    )--([a-z-]+)", self.help("separate", "--help"))
        self.assertEqual(sorted(explained), sorted(OPTIONS))

    def test_help_has_several_doors(self):
        self.assertEqual(self.help("--help"), self.help("help"))
        self.assertEqual(self.help("--help"), self.help("-h"))
        for command in COMMANDS:
            self.assertEqual(self.help("help", command), self.help(command, "--help"))
            self.assertEqual(self.help("help", command), self.help(command, "-h", "more"))

    def test_help_fits_80_columns(self):
        for arguments in [["--help"]] + [[command, "--help"] for command in COMMANDS]:
            self.assert_fits(self.help(*arguments))

    def test_help_has_usage_and_examples(self):
        for command in COMMANDS:
            text = self.help(command, "--help")
            self.assertIn("Usage: cleave ", text)
            self.assertIn("\nExamples:\n  cleave ", text)

    def test_overview_names_commands_and_exit_codes(self):
        text = self.help("--help")
        for word in COMMANDS + ("130", "143", "129", "CLEAVE_MODEL", "NO_COLOR", "CLEAVE_KERNELS",
                                "avx512", "avx2", "reference"):
            self.assertIn(word, text)

    def test_separate_help_defines_the_json_keys(self):
        text = self.help("separate", "--help")
        for key in JSON_KEYS:
            self.assertRegex(text, r"\b%s\b" % key)
        self.assertIn("audio_seconds / seconds", text)

    def test_version(self):
        for arguments in (["--version"], ["score", "--version"], ["x.wav", "--version"]):
            self.assertRegex(self.help(*arguments),
                             r"^cleave \d+\.\d+\.\d+ \(libcleave \d+\.\d+\.\d+\)(; .* for tests only)?\n$")

    def test_a_full_standard_output_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  env=environment(), timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cleave: error: standard output: ", done.stderr)


# ---- Devices, inspect, score ------------------------------------------------------------------

class DevicesTest(CliTest):
    def test_table(self):
        result = self.run_program("devices")
        self.assert_done(result)
        self.assertRegex(result.out, r"(?m)^cpu +\S")
        self.assert_fits(result.out)
        self.assertFalse(any(line.endswith(" ") for line in result.out.splitlines()))

    def test_json(self):
        result = self.run_program("devices", "--json")
        self.assert_done(result)
        devices = json.loads(result.out)["devices"]
        cpu = [device for device in devices if device["id"] == "cpu"][0]
        self.assertEqual(set(cpu), {"id", "kind", "name", "available", "reason", "simulated",
                                    "kernels", "threads", "memory_total", "memory_available",
                                    "memory_used_percent", "system_memory_total",
                                    "system_memory_available", "capabilities", "system", "driver",
                                    "runtime", "warning"})
        self.assertIs(cpu["available"], True)
        self.assertIsNone(cpu["reason"])
        self.assertGreater(cpu["threads"], 0)
        self.assertGreater(cpu["memory_total"], cpu["memory_available"])
        self.assertTrue(0 <= cpu["memory_used_percent"] <= 100)
        for device in devices:
            self.assertTrue(device["available"] or device["reason"])


class InspectTest(CliTest):
    def test_table(self):
        result = self.run_program("inspect", MODEL)
        self.assert_done(result)
        for words in (MODEL, CONFIG, "vocals, other", "44100 Hz", "3968 samples", "n_fft 512",
                      "InstanceNorm, gelu"):
            self.assertIn(words, result.out)
        self.assert_fits(result.out.replace(GOLDEN, ""))

    def test_json(self):
        result = self.run_program("inspect", MODEL, "--json")
        self.assert_done(result)
        info = json.loads(result.out)
        expected = {"path": MODEL, "name": "model", "config_source": CONFIG,
                    "architecture": "MDX23C",
                    "stems": ["vocals", "other"], "channels": 2, "sample_rate": RATE,
                    "chunk_size": 3968, "n_fft": 512, "hop_length": 128, "dim_f": 256, "dim_t": 32,
                    "num_subbands": 4, "num_scales": 2, "num_blocks_per_scale": 1,
                    "num_channels": 8, "growth": 8, "bottleneck_factor": 4, "scale": [2, 2],
                    "norm": "InstanceNorm", "act": "gelu", "default_overlap": 2,
                    "normalize": False}
        self.assertEqual({key: info[key] for key in expected}, expected)
        self.assertGreater(info["parameters"], 1000)
        self.assertGreater(info["flops_per_chunk"], 1e6)

    def test_roformer(self):
        model = os.path.join(DATA, "golden", "mel-skip-6stem", "model.ckpt")
        result = self.run_program("inspect", model)
        self.assert_done(result)
        for words in ("Mel-Band Roformer: 3 blocks, dim 32, 2 heads of 32, 14 bands", "mono",
                      "per block 1 along time and 1 along the bands", "depth 1, expansion factor 1",
                      "block 3", "masks", "bands x features x frames"):
            self.assertIn(words, result.out)
        self.assertNotIn("subbands", result.out)
        info = json.loads(self.run_program("inspect", model, "--json").out)
        expected = {"architecture": "Mel-Band Roformer", "stems": ["bass", "drums", "other", "vocals",
                                                                   "guitar", "piano"],
                    "weight_type": "f16", "channels": 1, "n_fft": 512, "hop_length": 128,
                    "dim_f": 257, "dim_t": 41, "dim": 32, "depth": 3, "heads": 2, "dim_head": 32,
                    "bands": 14, "time_transformer_depth": 1, "freq_transformer_depth": 1,
                    "mask_estimator_depth": 1, "mlp_expansion_factor": 1}
        self.assertEqual({key: info[key] for key in expected}, expected)
        self.assertNotIn("num_subbands", info)
        self.assertEqual([block["kind"] for block in info["blocks"]],
                         ["stft", "band_split", "block", "block", "block", "masks", "istft"])
        self.assertEqual(sum(block["parameters"] for block in info["blocks"]), info["parameters"])

    def test_configuration_of_another_name(self):
        model = shutil.copy(MODEL, self.path("weights.ckpt"))
        config = shutil.copy(CONFIG, self.path("elsewhere.yml"))
        self.assert_failed(self.run_program("inspect", model), 3)
        result = self.run_program("inspect", model, "-c", config, "--json")
        self.assert_done(result)
        self.assertEqual(json.loads(result.out)["config_source"], config)

    def test_stems(self):
        roformer = os.path.join(GOLDEN, "..", "mel-skip-6stem", "model.ckpt")
        needs = []
        for stems in [], ["--stems", "Drums,piano"], ["--stems", "piano"]:
            result = self.run_program("inspect", roformer, "--json", *stems)
            self.assert_done(result)
            needs.append(json.loads(result.out)["memory"]["needs"][0]["total_bytes"])
        self.assertEqual(needs, sorted(set(needs), reverse=True))
        for model in roformer, MODEL:
            self.assert_failed(self.run_program("inspect", model, "--stems", "zither"), 2, "zither", "vocals")

    def test_overlap_of_a_blend(self):
        roformer = os.path.join(GOLDEN, "..", "bs-target", "model.ckpt")
        config = self.path("changed.yaml")
        with open(roformer.replace(".ckpt", ".yaml"), encoding="utf-8") as file:
            text = re.sub(r"num_overlap: .*", "nothing: 0", file.read())
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        for blend, overlap in ("fade", 2), ("mean", 2), ("hamming", 8):
            result = self.run_program("inspect", roformer, "-c", config, "--json", "--blend", blend)
            self.assert_done(result)
            self.assertEqual(json.loads(result.out)["memory"]["overlap"], overlap)

    def test_model_of_the_environment(self):
        result = self.run_program("inspect", env=environment(CLEAVE_MODEL=MODEL))
        self.assert_done(result)
        self.assertIn("vocals, other", result.out)

    def test_missing_model(self):
        self.assert_failed(self.run_program("inspect", "nothing.ckpt"), 3, "nothing.ckpt")


class ScoreTest(CliTest):
    def make(self, folder, **stems):
        os.makedirs(self.path(folder), exist_ok=True)
        for name, channels in stems.items():
            write_wav(self.path(folder, name + ".wav"), channels)

    def test_table_with_mean(self):
        kick, snare = sine(100, 0.5, 0.5), sine(300, 0.5, 0.5)
        disturbed = [a + 0.1 * b for a, b in zip(kick, snare)]
        self.make("true", kick=[kick, kick], snare=[snare, snare])
        self.make("guess", kick=[disturbed, disturbed], snare=[[0.5 * x for x in snare]] * 2)
        result = self.run_program("score", "true", "guess")
        self.assert_done(result)
        numbers = {row.split()[0]: row.split()[-2:] for row in result.out.splitlines()
                   if row and row.split()[0] in ("kick", "snare", "mean")}
        self.assertAlmostEqual(float(numbers["kick"][0]), 20.0, delta=0.05)
        self.assertAlmostEqual(float(numbers["snare"][0]), 6.02, delta=0.05)
        self.assertGreater(float(numbers["snare"][1]), 60.0)
        self.assertAlmostEqual(float(numbers["mean"][0]), 13.01, delta=0.05)
        self.assert_fits(result.out)

    def test_json(self):
        tone = sine(200, 0.2)
        self.make("true", a=[tone], b=[[0.0] * len(tone)], c=[tone])
        self.make("guess", a=[tone], b=[tone], extra=[tone])
        result = self.run_program("score", "true", "guess", "--json")
        self.assertEqual(result.code, 1)
        score = json.loads(result.out)
        self.assertEqual([stem["stem"] for stem in score["stems"]], ["a", "b"])
        self.assertEqual(score["stems"][0]["sdr"], "inf")
        self.assertIsNone(score["stems"][1]["sdr"])
        self.assertEqual(score["stems"][0]["samples"], len(tone))
        self.assertEqual(score["missing"], ["c"])
        self.assertEqual(score["mean"]["sdr"], "inf")

    def test_missing_estimate_is_listed(self):
        tone = sine(200, 0.1)
        self.make("true", kick=[tone], toms=[tone])
        self.make("guess", kick=[[0.9 * x for x in tone]])
        result = self.run_program("score", "true", "guess")
        self.assert_failed(result, 1, "guess", "toms")
        self.assertRegex(result.out, r"(?m)^toms +missing$")
        self.assertRegex(result.out, r"(?m)^mean +20\.0\d +\S+$")

    def test_two_files_of_any_name(self):
        tone = sine(200, 0.1)
        write_wav(self.path("x.wav"), [tone])
        write_wav(self.path("y.wav"), [[0.9 * x for x in tone]])
        result = self.run_program("score", "x.wav", "y.wav")
        self.assert_done(result)
        self.assertRegex(result.out, r"(?m)^x +y\.wav +20\.0\d ")

    def test_extensions_need_not_agree(self):
        os.mkdir(self.path("true"))
        os.mkdir(self.path("guess"))
        shutil.copy(os.path.join(DEMO, "stems", "kick.flac"), self.path("true", "kick.flac"))
        shutil.copy(os.path.join(DEMO, "stems", "kick.flac"), self.path("guess", "kick.FLAC"))
        self.write("guess/kick.txt", b"not audio by its name")
        result = self.run_program("score", "true", "guess")
        self.assert_done(result)
        self.assertRegex(result.out, r"(?m)^kick +guess/kick\.FLAC +inf ")

    def test_case_need_not_agree(self):
        tone = sine(200, 0.1)
        low, high = [0.9 * x for x in tone], [0.99 * x for x in tone]
        self.make("true", Kick=[tone], TOMS=[tone], toms=[tone])
        self.make("guess", kick=[low], toms=[high], TOMS=[low])
        result = self.run_program("score", "true", "guess")
        self.assert_done(result)
        self.assertRegex(result.out, r"(?m)^Kick +guess/kick\.wav +20\.0\d ")
        self.assertRegex(result.out, r"(?m)^TOMS +guess/TOMS\.wav +20\.0\d ")
        self.assertRegex(result.out, r"(?m)^toms +guess/toms\.wav +40\.0\d ")

    def test_other_length_is_a_warning(self):
        tone = sine(200, 0.2)
        self.make("true", kick=[tone])
        self.make("guess", kick=[tone[:-10]])
        result = self.run_program("score", "true", "guess")
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("10 samples shorter", result.warnings[0])

    def test_other_rate_is_an_error(self):
        tone = sine(200, 0.2)
        write_wav(self.path("x.wav"), [tone])
        write_wav(self.path("y.wav"), [tone], 48000)
        self.assert_failed(self.run_program("score", "x.wav", "y.wav"), 1, "y.wav", "48000")

    def test_what_is_not_there(self):
        os.mkdir(self.path("empty"))
        self.assert_failed(self.run_program("score", "nothing", "empty"), 1, "nothing")
        self.assert_failed(self.run_program("score", "empty", "nothing"), 1, "nothing")
        self.assert_failed(self.run_program("score", "empty", "empty"), 1, "empty")
        self.assert_failed(self.run_program("score", "empty", MIX), 2, "empty")


# ---- Separate ---------------------------------------------------------------------------------

JSON_KEYS = ("input", "model", "status", "error", "outputs", "audio_seconds", "seconds",
             "real_time_factor", "network_seconds", "sample_rate", "source_sample_rate", "channels",
             "samples",
             "peak_memory_bytes", "peak_device_memory_bytes", "fallback_ops", "memory_planned_bytes",
             "device", "kernels", "precision", "compiled", "overlap", "batch", "blend", "tta")


class SeparateTest(CliTest):
    def test_golden_case(self):
        result = self.separate(MIX, "-c", CONFIG, "--overlap", "2", "--blend", "fade")
        self.assert_done(result)
        self.assertEqual(self.files(), ["mix/other.wav", "mix/vocals.wav"])
        for stem in ("vocals", "other"):
            expected, _ = read_float_wav(os.path.join(GOLDEN, "expected-%s.wav" % stem))
            written, rate = read_float_wav(os.path.join(self.output, "mix", stem + ".wav"))
            self.assertEqual((len(written), rate), (2, RATE))
            self.assertEqual(len(written[0]), len(expected[0]))
            self.assertGreater(snr(expected, written), 110.0)

    def test_what_was_written_is_listed(self):
        result = self.separate(MIX)
        self.assert_done(result)
        for stem in ("vocals", "other"):
            path = os.path.join(self.output, "mix", stem + ".wav")
            self.assertRegex(result.out, r"(?m)^%s +%s +-?\d+\.\d$" % (stem, re.escape(path)))
        self.assertRegex(result.out, r"(?m)^mix\.wav: 0\.0 s of audio in \S+ s, \S+x real time$")

    def test_default_folder_is_separated(self):
        self.assert_done(self.run_program(MIX, "-m", MODEL))
        self.assertEqual(self.files(self.path("separated")), ["mix/other.wav", "mix/vocals.wav"])

    def test_command_may_be_named(self):
        self.assert_done(self.separate("separate", MIX))
        self.assertEqual(len(self.files()), 2)

    def test_file_named_like_a_command(self):
        self.copy_mix("inspect")
        self.assert_done(self.separate("./inspect"))
        self.assertEqual(self.files(), ["inspect/other.wav", "inspect/vocals.wav"])

    def test_options_and_inputs_mix_and_two_dashes_end_options(self):
        self.copy_mix("a.wav")
        self.copy_mix("--json")
        result = self.run_program("a.wav", "-q", "-o", "out", "-m", MODEL, "--", "--json")
        self.assert_done(result)
        self.assertEqual(result.out, "")
        self.assertEqual(sorted(os.listdir(self.output)), ["--json", "a"])

    def test_model_of_the_environment(self):
        self.assert_done(self.run_program(MIX, "-o", "out", env=environment(CLEAVE_MODEL=MODEL)))
        self.assertEqual(len(self.files()), 2)

    def test_stems_and_residual(self):
        result = self.separate(MIX, "--stems", "Vocals", "--residual", "karaoke")
        self.assert_done(result)
        self.assertEqual(self.files(), ["mix/karaoke.wav", "mix/vocals.wav"])
        mix, _ = read_float_wav(MIX)
        parts = [read_float_wav(os.path.join(self.output, name))[0] for name in self.files()]
        total = [[a + b for a, b in zip(x, y)] for x, y in zip(*parts)]
        self.assertGreater(snr(mix, total), 120.0)

    def test_name_template(self):
        self.assert_done(self.separate(MIX, "--name", "{model}-{track} ({stem})"))
        self.assertEqual(self.files(), ["model-mix (other).wav", "model-mix (vocals).wav"])

    def test_formats(self):
        os.mkdir(self.path("true"))
        shutil.copy(os.path.join(GOLDEN, "expected-vocals.wav"), self.path("true", "vocals.wav"))
        for name, magic, least_sdr in (("wav", b"RIFF", 110), ("flac", b"fLaC", 100),
                                       ("aiff", b"FORM", 110), ("ogg", b"OggS", 15),
                                       ("mp3", b"", 10)):
            shutil.rmtree(self.output, ignore_errors=True)
            self.assert_done(self.separate(MIX, "-f", name))
            path = os.path.join(self.output, "mix", "vocals." + name)
            with open(path, "rb") as file:
                self.assertEqual(file.read(len(magic)), magic)
            score = self.run_program("score", "true", os.path.join(self.output, "mix"), "--json")
            self.assertGreater(json.loads(score.out)["stems"][0]["sdr"], least_sdr, name)

    def test_bits(self):
        for bits, bytes_per_sample in (("16", 2), ("24", 3)):
            self.assert_done(self.separate(MIX, "--bits", bits))
            with wave.open(os.path.join(self.output, "mix", "vocals.wav")) as file:
                self.assertEqual(file.getsampwidth(), bytes_per_sample)

    def loud_mix(self, factor):
        mix, rate = read_float_wav(MIX)
        write_float_wav(self.path("loud.wav"), [[factor * x for x in plane] for plane in mix], rate)
        return self.path("loud.wav")

    def test_cut_peaks_are_reported(self):
        loud = self.loud_mix(1000.0)
        result = self.separate(loud, "--bits", "16", "--json")
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertRegex(result.warnings[0],
                         r"loud\.wav: samples cut off at full scale: vocals \d+ \(peak [^;]*"
                         r"other \d+ \(peak [^;]*; try --bits float, which cuts none")
        for output in result.objects()[0]["outputs"]:
            self.assertGreater(output["clipped"], 0)
            self.assertGreater(output["peak"], 1.0)
        result = self.separate(loud, "--bits", "float", "--json")
        self.assertEqual(result.warnings, [])
        for output in result.objects()[0]["outputs"]:
            self.assertEqual(output["clipped"], 0)
            self.assertGreater(output["peak"], 1.0)

    def test_peaks_that_players_will_cut_are_reported(self):
        loud = self.loud_mix(1000.0)
        for name in ("ogg", "mp3"):
            result = self.separate(loud, "-f", name, "--json")
            self.assert_done(result)
            self.assertEqual(len(result.warnings), 1)
            self.assertRegex(result.warnings[0],
                             r"loud\.wav: samples beyond full scale: vocals \d+ \(peak [^;]*"
                             r"other \d+ \(peak [^;]*; the files keep them, but players cut them "
                             r"off: try -f wav --bits float, or lower the input's level$")
            for output in result.objects()[0]["outputs"]:
                self.assertGreater(output["clipped"], 0)

    def test_quiet_says_nothing(self):
        result = self.separate(MIX, "-q")
        self.assertEqual((result.code, result.out, result.err), (0, "", ""))
        self.assertEqual(len(self.files()), 2)

    def test_kernels_that_there_are_not_are_a_warning(self):
        result = self.separate(MIX, env=environment(CLEAVE_KERNELS="avx9"))
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("CLEAVE_KERNELS asks for 'avx9'", result.warnings[0])
        for value in ("reference", ""):
            result = self.separate(MIX, env=environment(CLEAVE_KERNELS=value))
            self.assertEqual((result.code, result.warnings), (0, []))

    def test_verbose_says_what_was_chosen(self):
        self.assertEqual(self.separate(MIX).err, "")
        once, twice = self.separate(MIX, "-v").err, self.separate(MIX, "-vv").err
        self.assertIn("cpu", once)
        self.assertGreater(len(twice.splitlines()), len(once.splitlines()))

    def test_several_inputs_and_a_summary(self):
        result = self.separate(self.copy_mix("a.wav"), self.copy_mix("b.wav"))
        self.assert_done(result)
        self.assertEqual(len(self.files()), 4)
        self.assertIn("cleave: 2 of 2 inputs done", result.err)

    def test_no_escape_sequences_off_the_terminal(self):
        result = self.separate(self.copy_mix("a.wav"), "nothing.wav")
        self.assertNotIn("\x1b", result.out + result.err)

    def test_ways_of_running_give_the_same_audio(self):
        self.assert_done(self.separate(MIX, "--overlap", "3"))
        expected, _ = read_float_wav(os.path.join(self.output, "mix", "vocals.wav"))
        for options in (["-b", "4"], ["-t", "1"], ["--no-compile"], ["-p", "f32", "-b", "auto"]):
            self.assert_done(self.separate(MIX, "--overlap", "3", *options))
            written, _ = read_float_wav(os.path.join(self.output, "mix", "vocals.wav"))
            self.assertGreater(snr(expected, written), 110.0, options)

    def test_absent_device_falls_back_with_a_warning(self):
        result = self.separate(MIX, "-d", "cuda:63")
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("cuda:63", result.warnings[0])
        self.assertEqual(len(self.files()), 2)

    def test_absent_device_with_strictness_is_an_error(self):
        self.assert_failed(self.separate(MIX, "-d", "cuda:63", "--strict-device"), 4, "cuda:63")

    def test_device_that_is_none(self):
        self.assert_failed(self.separate(MIX, "-d", "abacus"), 2, "abacus")


class SeparateScoreTest(CliTest):
    def truth(self, *stems):
        os.mkdir(self.path("true"))
        for stem in stems:
            expected = os.path.join(GOLDEN, "expected-%s.wav" % stem)
            shutil.copy(expected, self.path("true", stem + ".wav"))
        return self.path("true")

    def test_table(self):
        result = self.separate(MIX, "--overlap", "2", "--score", self.truth("vocals", "other"))
        self.assert_done(result)
        rows = [line.split() for line in result.out.splitlines()]
        self.assertEqual(rows[0], ["stem", "file", "SDR", "dB"])
        for row in (rows[2], rows[3], rows[5]):
            self.assertGreater(float(row[-1]), 100.0)
        self.assertEqual([rows[2][0], rows[3][0], rows[5][0]], ["vocals", "other", "mean"])
        self.assertRegex(result.out, r"x real time\nmemory: .+\n$")

    def test_json(self):
        result = self.separate(MIX, "--score", self.truth("vocals", "other"), "--json")
        self.assert_done(result)
        for output in result.objects()[0]["outputs"]:
            self.assertGreater(output["sdr"], 20.0)
            self.assertGreater(output["si_sdr"], 20.0)

    def test_case_of_names_does_not_matter(self):
        self.truth("vocals", "other")
        os.rename(self.path("true", "vocals.wav"), self.path("true", "Vocals.wav"))
        result = self.separate(MIX, "--score", "true")
        self.assert_done(result)
        self.assertEqual(result.warnings, [])
        self.assertNotIn("n/a", result.out)

    def test_stem_without_truth_is_a_warning(self):
        result = self.separate(MIX, "--score", self.truth("vocals"))
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("other", result.warnings[0])
        self.assertRegex(result.out, r"(?m)^other .* n/a$")

    def test_truth_that_cannot_be_compared(self):
        self.truth("vocals")
        self.write("true/other.wav", b"nothing of the kind")
        result = self.separate(MIX, "--score", "true")
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertEqual(len(self.files()), 2)


class JsonTest(CliTest):
    def test_schema(self):
        result = self.separate(MIX, "--json", "--overlap", "2")
        self.assert_done(result)
        objects = result.objects()
        self.assertEqual(len(objects), 1)
        track = objects[0]
        self.assertEqual(sorted(track), sorted(JSON_KEYS))
        expected = {"input": MIX, "model": MODEL, "status": "ok", "error": None,
                    "sample_rate": RATE, "channels": 2, "samples": 1587, "device": "cpu",
                    "precision": "f32", "overlap": 2, "batch": 1, "blend": "fade", "tta": False}
        self.assertEqual({key: track[key] for key in expected}, expected)
        self.assertAlmostEqual(track["audio_seconds"], 1587 / RATE, places=4)
        self.assertAlmostEqual(track["real_time_factor"] * track["seconds"],
                               track["audio_seconds"], places=4)
        self.assertTrue(0 < track["network_seconds"] <= track["seconds"])
        self.assertGreater(track["peak_memory_bytes"], 1 << 20)
        self.assertEqual([output["stem"] for output in track["outputs"]], ["vocals", "other"])
        for output in track["outputs"]:
            self.assertEqual(sorted(output), ["clipped", "path", "peak", "stem"])
            self.assertTrue(os.path.isfile(output["path"]))
            self.assertTrue(0 < output["peak"] < 1)

    def test_settings_are_told(self):
        result = self.separate(MIX, "--json", "--blend", "mean", "--tta", "-b", "2")
        track = result.objects()[0]
        self.assertEqual((track["blend"], track["tta"], track["batch"]), ("mean", True, 2))
        self.assertEqual(self.separate(MIX, "--json", "--blend", "hamming").objects()[0]["blend"], "hamming")

    def test_one_object_per_input_also_for_failed_ones(self):
        first, last = self.copy_mix("a.wav"), self.copy_mix("b.wav")
        result = self.separate(first, "nothing.wav", last, "--json")
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        tracks = result.objects()
        self.assertEqual([track["status"] for track in tracks], ["ok", "input error", "ok"])
        self.assertEqual(tracks[1]["outputs"], [])
        self.assertIn("nothing.wav", tracks[1]["error"])

    def test_model_that_fails_is_told_for_each_input(self):
        result = self.run_program("a.wav", "b.wav", "-m", "nothing.ckpt", "--json")
        self.assertEqual((result.code, len(result.errors)), (3, 1), result.err)
        self.assertEqual([(track["input"], track["status"]) for track in result.objects()],
                         [("a.wav", "model error"), ("b.wav", "model error")])

    def test_usage_errors_give_no_json(self):
        self.assertEqual(self.run_program("a.wav", "--json").out, "")

    def test_names_that_are_not_utf8(self):
        name = os.path.join(os.fsencode(self.folder), b"caf\xe9 \xe2\x82.wav")
        self.skip_without_byte_arguments()
        try:
            shutil.copy(os.fsencode(MIX), name)
        except OSError:
            self.skipTest("the file system takes UTF-8 names only")
        result = self.separate(name, "--json")
        self.assert_done(result)
        self.assertTrue(result.objects()[0]["input"].endswith("caf\ufffd \ufffd\ufffd.wav"))
        bare = self.separate(name)
        self.assert_done(bare)

    def test_names_with_newlines_quotes_and_escapes(self):
        name = self.copy_mix('new\nline "quoted" \x1b[31m.wav')
        result = self.separate(name, "--json")
        self.assert_done(result)
        self.assertEqual(result.objects()[0]["input"], name)
        listed = self.separate(name)
        self.assertNotIn("\x1b", listed.out)
        self.assertEqual(len(listed.out.splitlines()), 6)

    def test_reader_that_went_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run([PROGRAM, MIX, "-m", MODEL, "-o", self.output, "--json", "-q"],
                                  stdout=writer, stderr=subprocess.PIPE, env=environment(),
                                  timeout=TIME_LIMIT)
        finally:
            os.close(writer)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(self.files(), ["mix/other.wav", "mix/vocals.wav"])

    def test_closed_standard_streams_do_not_swallow_audio(self):
        code = subprocess.run([PROGRAM, MIX, "-m", MODEL, "-o", self.output],
                              env=environment(), timeout=TIME_LIMIT,
                              preexec_fn=lambda: os.closerange(0, 3)).returncode
        self.assertEqual(code, 0)
        read_float_wav(os.path.join(self.output, "mix", "vocals.wav"))


# ---- Bad input --------------------------------------------------------------------------------

class BadInputTest(CliTest):
    def test_missing_file(self):
        self.assert_failed(self.separate("nothing.wav"), 1, "nothing.wav")

    def test_folder_as_file(self):
        os.mkdir(self.path("folder.wav"))
        self.assert_failed(self.separate("folder.wav"), 1, "folder.wav")

    def test_empty_file(self):
        self.write("empty.wav", b"")
        self.assert_failed(self.separate("empty.wav"), 1, "empty.wav")

    def test_text_as_wav(self):
        self.write("text.wav", b"Dear diary, this is no music.\n" * 50)
        self.assert_failed(self.separate("text.wav"), 1, "text.wav")

    def test_truncated_flac(self):
        with open(os.path.join(DEMO, "demo-kit.flac"), "rb") as file:
            self.write("cut.flac", file.read(150000))
        self.assert_failed(self.separate("cut.flac"), 1, "cut.flac")

    def test_wav_header_without_sound(self):
        with open(MIX, "rb") as file:
            self.write("header.wav", file.read(20))
        self.assert_failed(self.separate("header.wav"), 1, "header.wav")

    def test_extreme_level_is_a_suspect_of_an_overflow(self):
        write_float_wav(self.path("extreme.wav"), [[1e30 * x for x in sine(220, 0.1)]] * 2)
        self.assert_failed(self.separate("extreme.wav"), 1, "not a number", "level", "extreme.wav")

    def test_more_than_two_channels_are_a_warning(self):
        tone = sine(220, 0.1)
        write_wav(self.path("three.wav"), [tone] * 3)
        result = self.separate("three.wav")
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("3 channels", result.warnings[0])
        self.assertIn("first two are taken", result.warnings[0])

    def test_one_bad_file_among_good_ones(self):
        self.write("bad.wav", b"RIFFnonsense")
        result = self.separate(self.copy_mix("a.wav"), "bad.wav", self.copy_mix("c.wav"))
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertIn("bad.wav", result.errors[0])
        self.assertEqual(self.files(), ["a/other.wav", "a/vocals.wav",
                                        "c/other.wav", "c/vocals.wav"])
        self.assertRegex(result.err, r"2 of 3 inputs done .*, 1 failed\n")
        self.assertIn("  bad.wav: it begins like a WAV file but is truncated or damaged\n",
                      result.err)


class BadModelTest(CliTest):
    def fail(self, model, *words, config=CONFIG):
        result = self.run_program(MIX, "-m", model, "-c", config, "-o", self.output)
        self.assert_failed(result, 3, *words)
        return result.errors[0]

    def model_bytes(self):
        with open(MODEL, "rb") as file:
            return file.read()

    def lying_config(self, key, value):
        with open(CONFIG, "rb") as file:
            text = file.read().decode()
        pattern = r"(?m)^(model:(?:\n  .*)*\n  %s: )\S+" % key
        changed, count = re.subn(pattern, r"\g<1>%s" % value, text)
        self.assertEqual(count, 1)
        return self.write("lie.yaml", changed.encode())

    def test_missing_model(self):
        self.fail("nothing.ckpt", "nothing.ckpt")

    def test_folder_as_model(self):
        os.mkdir(self.path("folder.ckpt"))
        self.fail("folder.ckpt", "folder.ckpt")

    def test_truncated_checkpoint(self):
        whole = self.model_bytes()
        for length in (0, 10, 1000, len(whole) // 2, len(whole) - 1000):
            self.write("cut.ckpt", whole[:length])
            self.fail("cut.ckpt", "cut.ckpt")

    def test_checkpoint_packed_anew(self):
        """What the message advises is read."""
        for name, method, works in (("bzip2", zipfile.ZIP_BZIP2, False),
                                    ("LZMA", zipfile.ZIP_LZMA, False),
                                    ("deflate", zipfile.ZIP_DEFLATED, True),
                                    ("stored", zipfile.ZIP_STORED, True)):
            with zipfile.ZipFile(MODEL) as old, zipfile.ZipFile(
                    self.path("packed.ckpt"), "w", method) as new:
                for entry in old.namelist():
                    new.writestr(entry, old.read(entry))
            if works:
                self.assert_done(self.run_program("inspect", "packed.ckpt", "-c", CONFIG))
            else:
                self.assertIn("unpack it", self.fail("packed.ckpt", "packed.ckpt", name))

    def test_what_is_no_file(self):
        os.mkfifo(self.path("pipe"))
        self.fail("pipe", "pipe", "a pipe or a device")
        self.fail("-", "cannot open -: ", "standard input")
        self.fail("https://example.org/a.ckpt", "https://example.org/a.ckpt", "download")
        self.fail(self.write("file", b"x") + "/a.ckpt", "a.ckpt", "check the path")

    def test_unpacked_checkpoint(self):
        with zipfile.ZipFile(MODEL) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            self.write("data.pkl", archive.read(name))
        self.fail("data.pkl", "data.pkl", "the checkpoint that it was unpacked from")

    def test_foreign_checkpoint(self):
        self.write("foreign.ckpt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
        self.fail("foreign.ckpt", "foreign.ckpt")
        self.fail(self.copy_mix("audio.ckpt"), "audio.ckpt")

    def test_checkpoint_of_another_network(self):
        other = os.path.join(DATA, "golden", "batch-relu-5stem", "model.ckpt")
        self.fail(other, "model.ckpt")

    def test_configuration_with_another_width_names_tensor_and_key(self):
        line = self.fail(MODEL, "first_conv.weight", config=self.lying_config("num_channels", 16))
        self.assertIn("num_channels", line)
        self.assertRegex(line, r"\b16\b.*\b8\b|\b8\b.*\b16\b")

    def test_configuration_with_another_depth_names_tensor_and_key(self):
        config = self.lying_config("num_blocks_per_scale", 2)
        line = self.fail(MODEL, "encoder_blocks", config=config)
        self.assertIn("num_blocks_per_scale", line)

    def test_sizes_that_do_not_divide(self):
        self.fail(MODEL, "7", config=self.lying_config("num_subbands", 7))

    def test_missing_configuration(self):
        self.fail(MODEL, "nothing.yaml", config="nothing.yaml")

    def test_no_configuration_beside_the_model(self):
        model = self.write("alone.ckpt", self.model_bytes())
        result = self.run_program(MIX, "-m", model, "-o", self.output)
        self.assert_failed(result, 3, "alone")

    def test_configuration_that_is_no_yaml(self):
        self.fail(MODEL, "broken.yaml", config=self.write("broken.yaml", b"audio: [1, {2: \n\t- %"))
        self.fail(MODEL, "binary.yaml", config=self.write("binary.yaml", bytes(range(256))))
        self.fail(MODEL, "empty.yaml", config=self.write("empty.yaml", b""))


class BadOutputTest(CliTest):
    def test_folder_below_a_regular_file(self):
        blocker = self.write("blocker", b"a file")
        result = self.run_program(MIX, "-m", MODEL, "-o", os.path.join(blocker, "out"))
        self.assert_failed(result, 1, "blocker")
        self.assertEqual(self.files(self.folder), ["blocker"])

    def test_output_folder_that_cannot_be_written_into(self):
        """Named is the folder, and no file that only cleave knows of."""
        self.write("file", b"")
        result = self.run_program(MIX, "-m", MODEL, "-o", "file")
        self.assert_failed(result, 1, "cannot write into file/mix: ", "another output folder")
        self.assertNotIn(".lock", result.err)

    def test_output_that_is_a_folder(self):
        os.makedirs(os.path.join(self.output, "mix", "other.wav"))
        result = self.separate(MIX)
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertIn("other.wav", result.errors[0])
        self.assertEqual(self.files(), [])

    def test_output_that_is_another_input(self):
        """x.wav would write x/vocals.wav, which is to be separated next."""
        with open(MIX, "rb") as file:
            content = file.read()
        self.write("x.wav", content)
        os.makedirs(self.path("x"))
        self.write("x/vocals.wav", content)
        result = self.run_program(self.path("x.wav"), self.path("x/vocals.wav"), "-m", MODEL,
                                  "-o", self.folder)
        self.assertEqual((result.code, len(result.errors)), (2, 1), result.err)
        self.assertIn("would overwrite the input", result.errors[0])
        with open(self.path("x/vocals.wav"), "rb") as file:
            self.assertEqual(file.read(), content)

    def test_output_that_is_the_input(self):
        self.assert_done(self.separate(MIX, "--stems", "vocals", "--name", "{stem}"))
        before = self.contents()
        result = self.separate(os.path.join(self.output, "vocals.wav"), "--stems", "vocals",
                               "--name", "{track}")
        self.assertEqual(result.code, 2, result.err)
        self.assertIn("overwrite its input", result.errors[0])
        self.assertEqual(self.contents(), before)

    def test_disk_full(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        result = self.separate(MIX, prepare=limit)
        self.assert_failed(result, 1, "mix.wav")

    def contents(self):
        result = {}
        for name in self.files():
            with open(os.path.join(self.output, name), "rb") as file:
                result[name] = file.read()
        return result

    def test_failure_keeps_what_was_there_before(self):
        self.assert_done(self.separate(MIX))
        before = self.contents()
        self.write("mix.wav", b"no audio at all")
        self.assertEqual(self.separate("mix.wav").code, 1)
        self.assertEqual(self.contents(), before)


# ---- Signals and progress ---------------------------------------------------------------------

class RunningTest(CliTest):
    """A high overlap makes many chunks of little audio: long work from a small file."""

    @staticmethod
    def attend_to_signals():
        """The test may run under nohup, whose ignored signals the program would inherit."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    def start(self, *inputs, prepare=attend_to_signals):
        command = [PROGRAM, *inputs, "-m", MODEL, "-o", self.output, "--overlap", "50"]
        return Process(command, cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare)

    def test_output_that_becomes_a_folder_keeps_what_was_there_before(self):
        """All targets are looked at again before the first of them is replaced."""
        long = self.long_input("long.wav", 1)
        os.makedirs(os.path.join(self.output, "long"))
        self.write("out/long/vocals.wav", b"an earlier run's")
        with self.start(long) as process:
            self.wait_for_progress(process)
            os.mkdir(os.path.join(self.output, "long", "other.wav"))
            _, err = process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(b"other.wav", err)
        self.assertEqual(self.files(), ["long/vocals.wav"])
        with open(os.path.join(self.output, "long", "vocals.wav"), "rb") as file:
            self.assertEqual(file.read(), b"an earlier run's")

    def long_input(self, name, seconds=2):
        tone = sine(220, 1) * seconds
        write_wav(self.path(name), [tone, tone])
        return name

    def wait_for_progress(self, process):
        for line in process.stderr:
            if re.match(rb"cleave: .*long\.wav: \d+ %", line):
                return
        self.fail("no progress")

    def interrupt(self, numbers, *inputs):
        """Sends the signals, 2 ms apart, once the long input's first line of progress is there."""
        with self.start(*inputs) as process:
            self.wait_for_progress(process)
            for number in numbers if isinstance(numbers, tuple) else (numbers,):
                process.send_signal(number)
                until = time.monotonic() + 0.002
                while time.monotonic() < until:
                    pass
            out, err = process.communicate(timeout=TIME_LIMIT)
        return Result(process.returncode, out, err)

    def test_interrupt_leaves_nothing(self):
        result = self.interrupt(signal.SIGINT, self.long_input("long.wav"))
        self.assert_failed(result, 130, "long.wav", "interrupted")
        self.assertEqual(result.out, "")

    def test_termination_leaves_nothing(self):
        result = self.interrupt(signal.SIGTERM, self.long_input("long.wav"))
        self.assert_failed(result, 143, "long.wav", "interrupted")

    def test_end_of_the_terminal_leaves_nothing(self):
        result = self.interrupt(signal.SIGHUP, self.long_input("long.wav"))
        self.assert_failed(result, 129, "long.wav", "interrupted")

    def test_second_signal_right_behind_the_first_changes_nothing(self):
        """As GNU timeout sends them, and nervous fingers."""
        long = self.long_input("long.wav")
        result = self.interrupt((signal.SIGINT, signal.SIGINT), long)
        self.assert_failed(result, 130, "long.wav", "interrupted")
        result = self.interrupt((signal.SIGTERM, signal.SIGCONT, signal.SIGTERM), long)
        self.assert_failed(result, 143, "long.wav", "interrupted")

    def test_later_second_signal_ends_a_program_that_hangs(self):
        """It hangs for a reader of its table who reads nothing."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        for size in (65536, 1):
            try:
                while True:
                    os.write(writer, b"x" * size)
            except BlockingIOError:
                pass
        os.set_blocking(writer, True)
        with Process([PROGRAM, MIX, "-m", MODEL, "-o", self.output], stdout=writer,
                     env=environment(), stderr=subprocess.DEVNULL) as process:
            os.close(writer)
            until = time.monotonic() + TIME_LIMIT
            written = ["mix/other.wav", "mix/vocals.wav"]
            while self.files() != written and time.monotonic() < until:
                pass
            process.send_signal(signal.SIGINT)
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(1.2)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(TIME_LIMIT), 130)

    def test_kill_leaves_nothing_but_a_lock_that_is_open(self):
        try:
            os.close(os.open(self.folder, os.O_TMPFILE | os.O_RDWR))
        except (AttributeError, OSError):
            self.skipTest("this system has no files without names here")
        result = self.interrupt(signal.SIGKILL, self.long_input("long.wav"))
        self.assertEqual(result.code, -signal.SIGKILL)
        self.assertEqual(self.files(), ["long/.other.wav.lock"])
        self.long_input("long.wav", 1)
        self.assertEqual(self.separate("long.wav").code, 0)
        self.assertEqual(self.files(), ["long/other.wav", "long/vocals.wav"])

    def test_interrupt_stops_the_inputs_behind(self):
        self.copy_mix("next.wav")
        result = self.interrupt(signal.SIGINT, self.long_input("long.wav"), "next.wav")
        self.assert_failed(result, 130, "long.wav")
        self.assertIn("cleave: 0 of 2 inputs done, 1 failed, 1 not started\n"
                      "cleave: failed:\ncleave:   long.wav: interrupted\n", result.err)

    def test_interrupt_keeps_the_inputs_before(self):
        self.copy_mix("first.wav")
        result = self.interrupt(signal.SIGINT, "first.wav", self.long_input("long.wav"))
        self.assertEqual((result.code, len(result.errors)), (130, 1), result.err)
        self.assertEqual(self.files(), ["first/other.wav", "first/vocals.wav"])

    def test_ignored_interrupt_stays_ignored(self):
        def ignore():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with self.start(self.long_input("long.wav", 1), prepare=ignore) as process:
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(len(self.files()), 2)

    def test_progress_lines_are_few_and_grow(self):
        result = self.separate(self.long_input("long.wav"), "--overlap", "8")
        self.assert_done(result)
        form = r"(?m)^cleave: long\.wav: (\d+) %, [\d.]+x, \d+:\d\d left, [\d.]+ [KMG]iB$"
        percent = [int(found) for found in re.findall(form, result.err)]
        self.assertEqual(percent, sorted(percent))
        self.assertTrue(0 < len(percent) <= 10, result.err)
        self.assertEqual(len(percent), len(result.err.splitlines()))

    def test_json_off_the_terminal_has_no_progress(self):
        result = self.separate(self.long_input("long.wav"), "--overlap", "8", "--json")
        self.assert_done(result)
        self.assertEqual(result.err, "")


class TerminalTest(CliTest):
    """The same on a pseudo-terminal of 60 columns."""

    def on_terminal(self, *arguments, **changes):
        import fcntl
        import termios
        leader, follower = open_terminal(self)
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        with Process([PROGRAM, *arguments, "-m", MODEL, "-o", "out"], cwd=self.folder,
                     env=environment(**changes), stdin=subprocess.DEVNULL, stdout=follower,
                     stderr=follower) as process:
            os.close(follower)
            seen = read_until(leader, lambda said: False)
        return process.returncode, seen.decode("utf-8")

    def input(self):
        tone = sine(220, 1)
        write_wav(self.path("a song of a rather long name that goes on and on.wav"), [tone, tone])
        return "a song of a rather long name that goes on and on.wav"

    def frames(self, text):
        return re.findall(r"\r([^\r\n]+?)\x1b\[K", text)

    def test_bar_fits_and_is_cleared(self):
        code, text = self.on_terminal(self.input(), "--overlap", "8")
        self.assertEqual(code, 0)
        frames = self.frames(text)
        self.assertTrue(frames, text)
        self.assertIn("\u2595", frames[-1])
        self.assertIn("%", frames[-1])
        for frame in frames:
            self.assertLess(len(frame), 60)
        self.assertTrue(text[:text.index("stem ")].rstrip("\x1b[1m").endswith("\r\x1b[K"), text)

    def test_tables_fit(self):
        _, text = self.on_terminal(self.input())
        table = re.sub(r"\x1b\[\d*m", "", text[text.rindex("\x1b[K") + 3:])
        self.assert_fits(table.replace("\r", ""), 60)
        self.assertIn("\u2026", table)

    def test_ascii_bar_where_the_locale_is_not_utf8(self):
        _, text = self.on_terminal(self.input(), "--overlap", "8", LC_ALL="C")
        self.assertRegex(self.frames(text)[-1], r"\[[#.]+\]")
        self.assertTrue(text.isascii())

    def test_colour_and_its_absence(self):
        self.assertIn("\x1b[1;31merror: \x1b[0m", self.on_terminal("nothing.wav")[1])
        code, text = self.on_terminal("nothing.wav", NO_COLOR="1")
        self.assertEqual(code, 1)
        self.assertNotIn("\x1b[1", text)
        self.assertIn("cleave: error: ", text)

    def test_dumb_terminal_gets_plain_lines(self):
        _, text = self.on_terminal(self.input(), "--overlap", "8", TERM="dumb")
        self.assertNotIn("\x1b", text)
        self.assertIn("cleave: a song", text)

    def test_quiet_draws_nothing(self):
        self.assertEqual(self.on_terminal(self.input(), "-q"), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
