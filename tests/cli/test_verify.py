"""`cleave verify` as a user meets it: modes, figures, verdicts, exit codes.

The environment is that of test_cli.py. What the figures should be is tested in tests/measure; here
those of the program are held against what two separations give.
"""
import json
import math
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import (CliTest, MIX, MODEL, environment, read_float_wav, snr,  # noqa: E402
                      write_float_wav)

STEM_KEYS = ["error_dbfs", "level_dbfs", "max_difference", "max_difference_dbfs", "not_numbers",
             "silent", "snr", "spectral_difference", "stem", "verdict"]
MODE_KEYS = ["compile", "compiled", "device", "error", "fallback_ops", "judged_snr", "kernels",
             "passed", "precision", "simulated", "stems", "verdict", "worst_stem"]
KEYS = ["input", "model", "modes", "passed", "reference", "seconds", "start_seconds",
        "thresholds"]


class VerifyTest(CliTest):
    def verify(self, *arguments, **keywords):
        return self.run_program("verify", *arguments, "-m", MODEL, "-q", **keywords)

    def figures(self, *arguments, code=0):
        result = self.verify(*arguments, "--json")
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)

    def test_t2_json(self):
        info = self.figures(MIX, "-p", "bf16,f32", "--compile", "no,yes", "-d", "cpu")
        self.assertEqual(sorted(info), KEYS)
        self.assertEqual(info["reference"],
                         {"device": "cpu", "precision": "f32", "compile": False})
        self.assertEqual([(m["precision"], m["compile"]) for m in info["modes"]],
                         [("f32", True), ("bf16", True), ("bf16", False)])
        for mode in info["modes"]:
            self.assertEqual(sorted(mode), MODE_KEYS)
            self.assertEqual(mode["compile"], mode["compiled"])
            self.assertIsNone(mode["error"])
            self.assertEqual([stem["stem"] for stem in mode["stems"]], ["vocals", "other"])
            for stem in mode["stems"]:
                self.assertEqual(sorted(stem), STEM_KEYS)
                self.assertAlmostEqual(stem["level_dbfs"] - stem["error_dbfs"], stem["snr"], 3)
                self.assertAlmostEqual(20 * math.log10(stem["max_difference"]),
                                       stem["max_difference_dbfs"], 3)
            self.assertEqual(mode["judged_snr"], min(stem["snr"] for stem in mode["stems"]))
        self.assertEqual(info["modes"][0]["verdict"], "transparent")
        self.assertGreater(info["modes"][0]["judged_snr"], 100)
        self.assertTrue(info["passed"])

    def test_t2_figures_are_those_of_two_separations(self):
        """The whole of a short input, separated to files: the same SNR and largest difference."""
        reference, estimate = self.path("reference"), self.path("bf16")
        for folder, options in ((reference, ["--no-compile"]), (estimate, ["-p", "bf16"])):
            self.assert_done(self.run_program(MIX, "-m", MODEL, "-o", folder, "-q", *options))
        mode = self.figures(MIX, "-p", "bf16", "--compile", "yes")["modes"][0]
        for stem in mode["stems"]:
            files = [os.path.join(folder, "mix", stem["stem"] + ".wav")
                     for folder in (reference, estimate)]
            s, e = (read_float_wav(file)[0] for file in files)
            self.assertAlmostEqual(stem["snr"], snr(s, e), 3)
            largest = max(abs(x - y) for a, b in zip(s, e) for x, y in zip(a, b))
            self.assertAlmostEqual(stem["max_difference"], largest, 9)

    def test_t2_below_min_snr_the_exit_code_is_1(self):
        modes = ["-p", "f32,bf16", "--compile", "yes"]
        reached = self.figures(MIX, *modes)["modes"][1]["judged_snr"]
        self.assertGreater(reached, 20)
        info = self.figures(MIX, *modes, "--min-snr", "%.3f" % (reached + 0.1), code=1)
        self.assertEqual([mode["passed"] for mode in info["modes"]], [True, False])
        self.assertFalse(info["passed"])
        info = self.figures(MIX, *modes, "--min-snr", "%.3f" % (reached - 0.1))
        self.assertTrue(info["passed"])
        result = self.verify(MIX, *modes, "--min-snr", "100")
        self.assertEqual(result.code, 1)
        self.assertIn("1 of 2 modes fall below --min-snr 100 dB.", result.out)

    def test_t2_table(self):
        result = self.verify(MIX)
        self.assert_done(result)
        self.assert_fits(result.out.replace(MIX, ""))
        for words in ("Reference: cpu f32 op by op", "SNR dB", "max dBFS", "LSD dB", "verdict",
                      "cpu f32 compiled: transparent; worst stem: ", "60 dB", "20 dB",
                      "All reach --min-snr 20 dB."):
            self.assertIn(words, result.out)
        lines = result.out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("cpu bf16 compiled  "))
        first, second = lines[start].split()[3:], lines[start + 1].split()
        self.assertLessEqual(float(first[1]), float(second[1]), "worst stem first")
        worst = next(line for line in lines if line.startswith("cpu bf16 compiled: "))
        self.assertIn("worst stem: %s, %s dB" % (first[0], first[1]), worst)
        self.assertNotIn("\033", result.out)

    def test_t2_thresholds_are_in_the_help(self):
        result = self.run_program("verify", "--help")
        for words in ("transparent   60 dB", "broken        less than 20 dB", "Johnston",
                      "Gray & Markel", "sqrt(mean over bins", "-100 dBFS", "default: 20"):
            self.assertIn(words, result.out)
        for key in KEYS + MODE_KEYS + STEM_KEYS:
            self.assertRegex(result.out, r"\b%s\b" % key)

    def test_t2_audio_is_made_up_where_there_is_no_input(self):
        one = self.figures("--seconds", "1", "-p", "f32", "--compile", "yes")
        self.assertIsNone(one["input"])
        self.assertEqual(one["seconds"], 1)
        for stem in one["modes"][0]["stems"]:
            self.assertGreater(stem["level_dbfs"], -80)
        self.assertEqual(one, self.figures("--seconds", "1", "-p", "f32", "--compile", "yes"))

    def test_t2_the_loudest_part_is_compared(self):
        random.seed(1)
        quiet = [random.uniform(-0.01, 0.01) for _ in range(2 * 44100)]
        loud = [random.uniform(-0.5, 0.5) for _ in range(44100)]
        song = self.path("song.wav")
        write_float_wav(song, [quiet + loud + quiet] * 2)
        info = self.figures(song, "--seconds", "1", "-p", "f32", "--compile", "yes")
        self.assertEqual(info["seconds"], 1)
        self.assertLess(abs(info["start_seconds"] - 2), 0.1)

    def test_t2_silent_stems_are_judged_by_their_error(self):
        song = self.path("silence.wav")
        write_float_wav(song, [[0.0] * 20000] * 2)
        info = self.figures(song, "-p", "bf16", "--compile", "yes")
        for stem in info["modes"][0]["stems"]:
            self.assertTrue(stem["silent"])
            self.assertIsNone(stem["snr"])
            self.assertEqual(stem["verdict"], "transparent")
        result = self.verify(song, "-p", "bf16", "--compile", "yes")
        self.assert_done(result)
        self.assertRegex(result.out, r"worst stem: \w+, silent, error \S+ dBFS")

    def test_t2_what_is_no_number_is_broken(self):
        """Samples that f32 takes in its stride are beyond what f16 holds."""
        song = self.path("huge.wav")
        random.seed(2)
        write_float_wav(song, [[random.uniform(-1e6, 1e6) for _ in range(20000)]] * 2)
        result = self.verify(song, "-p", "f16,f32", "--compile", "yes", "--json")
        self.assertEqual(result.code, 1, result.err)
        f32, f16 = json.loads(result.out)["modes"]
        self.assertEqual(f32["verdict"], "transparent")
        self.assertEqual((f16["verdict"], f16["judged_snr"], f16["passed"]),
                         ("broken", "-inf", False))
        result = self.verify(song, "-p", "f16", "--compile", "yes", "--min-snr=-200")
        self.assertEqual(result.code, 1)
        self.assertIn("no number", result.out)

    def test_t2_a_mode_that_cannot_run_does_not_stop_the_rest(self):
        result = self.verify(MIX, "-d", "cuda:7,cpu", "-p", "f32", "--compile", "yes", "--json")
        self.assertEqual(result.code, 4)
        absent, cpu = json.loads(result.out)["modes"]
        self.assertIn("cuda", absent["error"])
        self.assertEqual((absent["verdict"], absent["passed"], absent["stems"]), (None, False, []))
        self.assertEqual((cpu["verdict"], cpu["passed"]), ("transparent", True))
        self.assertEqual(len(result.errors), 1)
        result = self.verify(MIX, "-d", "cuda:7", "-p", "f32", "--compile", "yes")
        self.assertIn("cuda:7 f32 compiled: did not run", result.out)

    def test_t2_devices_are_listed_once(self):
        info = self.figures(MIX, "-d", "cpu,auto,cpu", "-p", "f32", "--compile", "yes")
        self.assertEqual([mode["device"] for mode in info["modes"]].count("cpu"), 1)
        self.assertNotIn("auto", [mode["device"] for mode in info["modes"]])

    def test_t2_nothing_but_the_reference_is_a_usage_error(self):
        result = self.verify(MIX, "-d", "cpu", "-p", "f32", "--compile", "no")
        self.assert_failed(result, 2, "cpu f32 op by op is the reference")

    def test_t2_bad_values(self):
        for arguments in (["-p", "f64"], ["-p", "f32,"], ["-p", ""], ["--compile", "maybe"],
                          ["-d", "cpu,,cpu"], ["-d", ""], ["--min-snr", "x"], ["--min-snr", "nan"],
                          ["--min-snr", "40dB"], ["--min-snr", "1e9"], ["--seconds", "0"],
                          ["--seconds", "601"], ["--seconds", "1.5"]):
            self.assert_failed(self.verify(MIX, *arguments), 2)

    def test_t2_inputs_that_cannot_be_read(self):
        self.assert_failed(self.verify(self.path("none.wav")), 1, "none.wav")
        self.assert_failed(self.run_program("verify", MIX, "-m", self.path("none.ckpt")), 3)
        self.assert_failed(self.run_program("verify", MIX), 2, "CLEAVE_MODEL")
        self.assert_failed(self.verify("-"), 2)

    def test_t2_progress_counts_the_modes(self):
        result = self.run_program("verify", MIX, "-m", MODEL, "-p", "f32", env=environment())
        self.assert_done(result)
        self.assertNotIn("looking", result.err)
        for line in result.err.splitlines():
            self.assertRegex(line, r"^cleave: \[[12]/2\] cpu f32 ")


if __name__ == "__main__":
    unittest.main()
