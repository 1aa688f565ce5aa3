"""Formats of the stems: those that need a rate of their own, and those that need FFmpeg.

The environment is that of test_cli.py, whose ways of running the program are used here.
"""
import json
import os
import re
import unittest

from test_cli import MIX, MODEL, CliTest, read_float_wav, sine, write_float_wav

SKIPPED = "skipped, since its stems are there"


class FormatTest(CliTest):
    def setUp(self):
        super().setUp()
        report = json.loads(self.run_program("doctor", "-m", MODEL, "--json").out)
        told = report["build"]["formats written"].split("; not ")
        self.written = told[0].split(", ")
        self.lacking = told[1].split(", ") if len(told) > 1 else []

    def test_each_format_is_an_option_and_each_option_a_format(self):
        text = self.run_program("--help").out
        told = re.search(r"--format FORMAT +(.*?)\n +--", text, re.DOTALL).group(1)
        self.assertEqual(sorted(set(re.findall(r"\b(wav|flac|aiff|ogg|mp3|opus|m4a|alac|raw)\b",
                                               told))), sorted(self.written + self.lacking))
        refused = self.run_program(MIX, "-f", "tape").err
        self.assertEqual(re.findall(r"\w+", refused.split("one of ")[1].replace(" or ", " ")),
                         self.written + self.lacking)

    def test_what_this_build_lacks_is_refused_at_once(self):
        for name in self.lacking:
            result = self.separate(MIX, MIX + "x", "-f", name)
            self.assert_failed(result, 2, "cannot write " + name, "choose")

    def test_stems_are_written_scored_and_skipped(self):
        os.mkdir(self.path("true"))
        write_float_wav(self.path("tone.wav"), [sine(440, 1.0), sine(523, 1.0)])
        self.assert_done(self.separate("tone.wav", "--name", "../true/{stem}"))
        for name in ("opus", "m4a", "alac"):
            if name in self.lacking:
                continue
            extension = "m4a" if name == "alac" else name
            arguments = ["tone.wav", "-f", name, "--spectrogram", "--report", "page.html"]
            self.assert_done(self.separate(*arguments, "--name", name + "/{stem}.{ext}"))
            self.assertEqual(self.files(self.path("out", name)),
                             sorted(["other." + extension, "vocals." + extension,
                                     "spectrogram.png"]))
            again = self.separate(*arguments, "--name", name + "/{stem}", "--skip-existing")
            self.assertIn(SKIPPED, again.err)
            if name == "opus":
                continue  # at another rate, which cannot be scored
            score = self.run_program("score", "true", "out/" + name, "--json")
            self.assertEqual(score.code, 0, score.err)
            limit = 90.0 if name == "alac" else 10.0
            for stem in json.loads(score.out)["stems"]:
                self.assertGreater(stem["sdr"], limit, (name, stem))

    def test_cut_stems_are_written_anew(self):
        for name in ("opus", "m4a", "alac"):
            if name in self.lacking:
                continue
            self.assert_done(self.separate(MIX, "-f", name))
            path = self.path("out", "mix", "vocals." + ("m4a" if name == "alac" else name))
            with open(path, "r+b") as file:
                file.truncate(os.path.getsize(path) - 1)
            self.assertNotIn(SKIPPED, self.separate(MIX, "-f", name, "--skip-existing").err)
            self.assertIn(SKIPPED, self.separate(MIX, "-f", name, "--skip-existing").err)

    def test_opus_has_rates_of_its_own(self):
        result = self.separate(MIX, "-f", "opus", "--json")
        self.assert_done(result)
        self.assertEqual(result.objects()[0]["sample_rate"], 48000)
        self.assertIn("stems are at 48000 Hz: opus has no 44100 Hz", result.err)
        channels, _ = read_float_wav(MIX)
        write_float_wav(self.path("low.wav"), channels, 22050)
        for more, rate in ((["--rate", "source"], 24000), (["--rate", "12000"], 12000)):
            result = self.separate("low.wav", "-f", "opus", "--json", *more)
            self.assertEqual(result.objects()[0]["sample_rate"], rate)

    def test_rates_that_aac_has_not(self):
        if "m4a" in self.lacking:
            self.skipTest("no FFmpeg")
        result = self.separate(MIX, "-f", "m4a", "--rate", "44101")
        self.assert_failed(result, 1, "44101 Hz", "--rate 48000")

    def test_depths(self):
        for name in ("opus", "m4a", "mp3", "ogg"):
            self.assert_failed(self.separate(MIX, "-f", name, "--bits", "16"), 2, name, "none")
        self.assert_failed(self.separate(MIX, "-f", "alac", "--bits", "float"), 2, "alac", "floats")
        for bits in ("16", "24"):
            if "alac" in self.written:
                self.assert_done(self.separate(MIX, "-f", "alac", "--bits", bits))

    def test_none_of_them_is_a_stream(self):
        for name in ("opus", "m4a", "alac"):
            result = self.run_program(MIX, "-m", MODEL, "-f", name, "--stems", "vocals", "-o", "-")
            self.assertEqual(result.code, 2)
            self.assertIn(name, result.err)


if __name__ == "__main__":
    unittest.main()
