"""Files that people really have: what must come of each, as they see it.

The environment is that of test_cli.py, whose ways of running the program are used here. A network
separates what it reads, and with --residual the stems add up to it: so the tests see the samples.
"""
import math
import os
import shutil
import unittest

from test_cli import DATA, MODEL, RATE, CliTest, read_float_wav

FILES = os.path.join(DATA, "files")

# Frames that a plain decode gives, and the words of the one warning, if there is one.
WHOLE = {
    "01_chained.ogg": (90974, ()),
    "02_5.1.ogg": (45423, ()),
    "02_5.1_same_in_matroska.mka": (45760, ()),
    "03_float_stereo.w64": (45423, ()),
    "04_count_plus_one.mp3": (46127, ()),
    "04_damaged_middle.mp3": (45423, ("damaged at 0.3", "silence")),
    "05_subtitles.mkv": (45423, ()),
    "06_mp3_in.wav": (47232, ()),
    "07_mono_ima.wav": (49068, ()),
    "08_alac.caf": (45423, ()),
    "08_open_length.caf": (45423, ()),
    "09_id3v1.wv": (45423, ()),
    "10_cut_copy.flac": (31599, ("promises 1.030 s", "there are 0.717 s")),
    "11_dts_in_pcm.wav": (45568, ()),
    "12_tail.m4a": (45423, ()),
    "13_pipe.w64": (45423, ("does not tell the length",)),
}
# The same samples, and where they begin in the others.
SAME = {"03_float_stereo.w64": 0, "08_alac.caf": 0, "08_open_length.caf": 0, "09_id3v1.wv": 0,
        "10_cut_copy.flac": 13824, "13_pipe.w64": 0}
REFERENCE = "05_subtitles.mkv"


def power(samples, frequency):
    """Of a sine of this frequency, by its correlation with both phases."""
    step = 2 * math.pi * frequency / RATE
    real = sum(x * math.cos(step * i) for i, x in enumerate(samples))
    imaginary = sum(x * math.sin(step * i) for i, x in enumerate(samples))
    return (real * real + imaginary * imaginary) / len(samples) ** 2


@unittest.skipUnless(os.environ["CLEAVE_HAS_FFMPEG"] == "yes", "this build lacks FFmpeg")
class FilesTest(CliTest):
    def mix(self, name, *arguments):
        """What was read of a file: a stem and what is left without it, added up."""
        result = self.separate(os.path.join(FILES, name), "--stems", "vocals", "--residual", "rest",
                               *arguments)
        self.assert_done(result)
        track = os.path.join(self.output, os.path.splitext(name)[0])
        stems = [read_float_wav(os.path.join(track, stem + ".wav"))[0]
                 for stem in ("vocals", "rest")]
        return result, [[a + b for a, b in zip(*channels)] for channels in zip(*stems)]

    def test_each_is_read_to_its_end_with_at_most_one_warning(self):
        for name, (frames, words) in WHOLE.items():
            with self.subTest(name):
                result, mix = self.mix(name)
                self.assertEqual(len(mix[0]), frames)
                self.assertEqual(len(result.warnings), 1 if words else 0, result.err)
                for word in words:
                    self.assertIn(word, result.warnings[0])
                shutil.rmtree(self.output)

    def test_lossless_ones_hold_the_same_samples(self):
        _, reference = self.mix(REFERENCE)
        for name, begin in SAME.items():
            with self.subTest(name):
                _, mix = self.mix(name)
                for expected, read in zip(reference, mix):
                    self.assertLess(max(abs(a - b) for a, b in zip(expected[begin:], read)), 1e-6)

    def test_the_centre_of_5_1_is_on_both_sides_and_each_front_on_its_own(self):
        for name in ("02_5.1.ogg", "02_5.1_same_in_matroska.mka"):
            with self.subTest(name):
                _, (left, right) = self.mix(name)
                self.assertGreater(power(left, 300), 1000 * power(right, 300))
                self.assertGreater(power(right, 500), 1000 * power(left, 500))
                self.assertAlmostEqual(power(left, 700) / power(right, 700), 1, places=2)
                self.assertGreater(power(left, 700), 0.1 * power(left, 300))
                self.assertGreater(power(left, 900), 1000 * power(right, 900))
                self.assertGreater(power(right, 1100), 1000 * power(left, 1100))
                self.assertLess(power(left, 60), power(left, 300) / 1000)

    def test_front_takes_left_and_right_alone(self):
        _, (left, right) = self.mix("02_5.1.ogg", "--channels", "front")
        for side, own in ((left, 300), (right, 500)):
            for other in (60, 700, 900, 1100):
                self.assertLess(power(side, other), power(side, own) / 1000)

    def test_the_stream_that_is_asked_for_is_taken_and_told(self):
        for number, own, other in ((1, 440, 700), (2, 700, 440)):
            result, (left, _) = self.mix("two_streams.mka", "--stream", str(number), "-v")
            self.assertGreater(power(left, own), 1000 * power(left, other))
            told = [line for line in result.err.splitlines() if "audio stream" in line]
            self.assertEqual(len(told), 2, result.err)
            self.assertIn("(taken)", told[number - 1])
        self.assertIn("1 channel, 44100 Hz, language deu, title Kommentar", told[1])

    def test_a_stream_that_is_not_there_is_counted(self):
        result = self.separate(os.path.join(FILES, "05_subtitles.mkv"), "--stream", "2")
        self.assert_failed(result, 1, "05_subtitles.mkv", "no audio stream 2", "it has 1")
        self.assert_done(self.separate(os.path.join(FILES, "05_subtitles.mkv"), "--stream", "1"))

    def cut(self, name, sixteenths):
        with open(os.path.join(FILES, name), "rb") as file:
            data = file.read()
        return self.write(name, data[:len(data) * sixteenths // 16])

    def test_a_file_that_breaks_off_is_an_error_or_with_keep_going_what_there_is(self):
        path = self.cut("10_cut_copy.flac", 9)
        self.assert_failed(self.separate(path), 1, "breaks off at", "--keep-going")
        result = self.separate(path, "--keep-going")
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1, result.err)
        self.assertIn("breaks off at", result.warnings[0])
        samples, _ = read_float_wav(os.path.join(self.output, "10_cut_copy", "vocals.wav"))
        self.assertGreater(len(samples[0]), 8192)


if __name__ == "__main__":
    unittest.main()
