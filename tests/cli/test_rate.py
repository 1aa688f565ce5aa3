"""Stems at another sample rate than the network's: as long as the input and in step with it.

The environment is that of test_cli.py, whose ways of running the program are used here.
"""
import math
import os
import struct
import subprocess
import unittest

from test_cli import (CliTest, MIX, MODEL, PROGRAM, TIME_LIMIT, environment, read_float_wav,
                      snr, write_float_wav)

NOTE = "stems are at 44100 Hz, the network's rate; --rate source keeps the input's "


def tones(rate, frames):
    """Two channels of sines that every rate from 16 kHz on holds."""
    return [[0.3 * math.sin(2 * math.pi * frequency * i / rate) +
             0.2 * math.sin(2 * math.pi * 3.3 * frequency * i / rate + 1) for i in range(frames)]
            for frequency in (440.0, 523.0)]


class RateTest(CliTest):
    def make(self, rate, frames, name="song.wav"):
        channels = tones(rate, frames)
        write_float_wav(self.path(name), channels, rate)
        return channels

    def stems(self, *names):
        return [read_float_wav(os.path.join(self.output, "song", name + ".wav"))
                for name in names]

    def test_as_long_as_the_input_and_in_step_with_it(self):
        """All stems and the residual add up to the mix, whatever the network makes of it."""
        for rate in (48000, 96000, 22050, 32000, 44056, 44100):
            frames = rate // 5 + 17
            mix = self.make(rate, frames)
            result = self.separate("song.wav", "--rate", "source", "--stems", "vocals",
                                   "--residual", "rest", "--json")
            self.assert_done(result)
            track = result.objects()[0]
            self.assertEqual((track["sample_rate"], track["source_sample_rate"],
                              track["samples"]), (rate, rate, frames))
            self.assertAlmostEqual(track["audio_seconds"], frames / rate, places=5)
            self.assertNotIn(NOTE, result.err)
            (vocals, one), (rest, other) = self.stems("vocals", "rest")
            self.assertEqual((one, other), (rate, rate))
            self.assertEqual([len(channel) for channel in vocals + rest], 4 * [frames])
            edge = frames // 8
            whole = [[a + b for a, b in zip(*pair)][edge:-edge] for pair in zip(vocals, rest)]
            self.assertGreater(snr([channel[edge:-edge] for channel in mix], whole), 85.0, rate)
            peak = max(abs(x) for channel in vocals for x in channel)
            self.assertAlmostEqual(track["outputs"][0]["peak"], peak, places=6)

    def test_any_rate(self):
        self.make(48000, 4801)
        for value, rate, frames in (("model", 44100, 4411), ("96000", 96000, 9602),
                                    ("8000", 8000, 800), ("48000", 48000, 4801)):
            self.assert_done(self.separate("song.wav", "--rate", value))
            (vocals, found), = self.stems("vocals")
            self.assertEqual((found, len(vocals[0])), (rate, frames), value)

    def test_what_is_told(self):
        self.make(48000, 4801)
        self.make(48000, 4801, "other.wav")
        self.make(44100, 4801, "same.wav")
        result = self.separate("song.wav", "other.wav")
        self.assert_done(result)
        self.assertEqual(result.err.count(NOTE + "48000 Hz"), 1)
        for arguments in (["same.wav"], ["song.wav", "--rate", "44100"], ["song.wav", "-q"]):
            self.assertNotIn("Hz", self.separate(*arguments).err)

    def test_the_model_s_rate_is_the_default(self):
        self.make(44100, 4801)
        contents = []
        for more in ([], ["--rate", "model"], ["--rate", "source"], ["--rate", "44100"]):
            self.assert_done(self.separate("song.wav", *more))
            contents.append([self.read(name) for name in self.files()])
        self.assertTrue(all(other == contents[0] for other in contents))

    def read(self, name):
        with open(os.path.join(self.output, name), "rb") as file:
            return file.read()

    def test_integers_are_the_floats_rounded(self):
        self.make(48000, 9601)
        self.assert_done(self.separate("song.wav", "--rate", "source", "--stems", "vocals"))
        (floats, _), = self.stems("vocals")
        for bits, size in (("16", 2), ("24", 3)):
            self.assert_done(self.separate("song.wav", "--rate", "source", "--stems", "vocals",
                                           "-f", "raw", "--bits", bits))
            data = self.read("song/vocals.raw")
            values = [int.from_bytes(data[i:i + size], "little", signed=True)
                      for i in range(0, len(data), size)]
            self.assertEqual(len(values), 2 * 9601)
            scale = 1 << (8 * size - 1)
            for c in (0, 1):
                self.assertTrue(all(abs(x * scale - y) <= 0.5
                                    for x, y in zip(floats[c], values[c::2])))

    def test_stream(self):
        self.make(48000, 4801)
        self.assert_done(self.separate("song.wav", "--rate", "source", "--stems", "vocals"))
        (expected, _), = self.stems("vocals")
        with open(self.path("song.wav"), "rb") as file:
            done = subprocess.run([PROGRAM, "-", "-m", MODEL, "--stems", "vocals", "-o", "-",
                                   "--rate", "source"], input=file.read(), cwd=self.folder,
                                  env=environment(), capture_output=True, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        at = done.stdout.index(b"data") + 8
        self.assertEqual(struct.unpack_from("<I", done.stdout, done.stdout.index(b"fmt ") + 12)[0],
                         48000)
        values = struct.unpack("<%df" % ((len(done.stdout) - at) // 4), done.stdout[at:])
        self.assertEqual([list(values[c::2]) for c in (0, 1)], [list(c) for c in expected])

    def test_skip_existing_and_resume(self):
        self.make(48000, 4801)
        self.assert_done(self.separate("song.wav", "--rate", "source", "--resume"))
        first = [self.read(name) for name in self.files()]
        result = self.separate("song.wav", "--rate", "source", "--skip-existing", "--json")
        self.assertEqual(result.objects()[0]["status"], "skipped")
        self.assert_done(self.separate("song.wav", "--rate", "source"))
        self.assertEqual([self.read(name) for name in self.files()], first)

    def test_picture_and_page(self):
        self.make(48000, 48000)
        self.assert_done(self.separate("song.wav", "--rate", "source", "--spectrogram", "--report",
                                       "page.html"))
        self.assertIn("song/spectrogram.png", self.files())

    def test_rates_that_are_none(self):
        for value in ("", "fast", "999", "768001", "-1", "48k", "48000.5"):
            self.assert_failed(self.separate(MIX, "--rate", value), 2, "--rate", "48000"
                               if value.startswith("48000") else "source or model")

    def test_rate_that_the_format_has_not(self):
        self.make(96000, 9600)
        result = self.separate("song.wav", "--rate", "source", "-f", "mp3")
        self.assertEqual(result.code, 1)
        self.assertIn("96000 Hz", result.err)


if __name__ == "__main__":
    unittest.main()
