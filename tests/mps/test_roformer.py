"""Roformers on the mps device, on the simulated Mac: transfers, versions of macOS, tiles, pieces,
silence and levels. How exact they are is for test_golden. The environment is that of
tests/cli/test_cli.py.
"""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_mac import DATA, SimulatedMacTest, environment, read_float_wav  # noqa: E402
from test_cli import write_float_wav  # noqa: E402

GOLDEN = os.path.join(DATA, "golden")
SHORT = "mel-short-silence"  # one chunk, its second half silent; bands overlap
BANDS = "bs-mean-2stem"      # several chunks; bands do not overlap


class RoformerTest(SimulatedMacTest):
    changes = {}  # of the environment

    def stems_of(self, case, settings, *arguments, mix=None, limits=None):
        """{stem: planes}, with self.info and self.result; nothing stays on the device."""
        folder = os.path.join(GOLDEN, case)
        self.changes = limits or {}
        self.result = self.on(settings, mix or os.path.join(folder, "mix.wav"), "-m",
                              os.path.join(folder, "model.ckpt"), "-d", "mps", "--strict-device",
                              "-o", self.output, "--json", *arguments)
        self.info = json.loads(self.result.out)
        self.assertEqual((self.counts["live_bytes"], self.counts["no_copy_bytes"],
                          self.counts["live_objects"]), (0, 0, 0))
        return {one["stem"]: read_float_wav(one["path"])[0] for one in self.info["outputs"]}

    def run_on(self, settings, *arguments):
        self.make_trial(settings)
        return self.run_program(*arguments, env=environment(
            XDG_CACHE_HOME=self.cache, CLEAVE_APPLESIM="cautious=1," + settings, **self.changes))

    # ---- What the GPU is given ----

    def test_r2_one_upload_and_one_download_a_batch(self):
        counts = []
        for overlap in ("1", "4"):
            self.stems_of(BANDS, "", "-b", "1", "--overlap", overlap)
            self.assertEqual(self.info["fallback_ops"], [])
            counts.append(self.counts)
        batches = counts[1]["command_buffers"] - counts[0]["command_buffers"]
        self.assertGreater(batches, 2)
        for key in ("uploads", "downloads", "graph_runs"):
            self.assertEqual(counts[1][key] - counts[0][key], batches, key)

    def test_r2_matrices_stay_in_the_file(self):
        """Of an f32 checkpoint in f32, where the version has arrays at offsets."""
        expected = self.stems_of("bs-target", "macos=14.0", "--overlap", "1")
        copied = self.counts
        self.assertEqual(self.stems_of("bs-target", "macos=15.0", "--overlap", "1"),
                         expected)
        self.assertGreater(self.counts["peak_no_copy_bytes"], 900000)
        self.assertGreater(copied["upload_bytes"] - self.counts["upload_bytes"], 900000)
        self.assertGreater(copied["uploads"] - self.counts["uploads"], 100)

    def test_r12_b4_macos_13_has_no_inverse_transform(self):
        """The forward one needs none of MPSGraph's."""
        for version in ("13.2", "11.3"):
            stems = self.stems_of(SHORT, "macos=" + version)
            self.assertEqual([op["name"] for op in self.info["fallback_ops"]], ["istft"])
            self.assertIn("istft", self.result.err)
            self.assert_near(stems, self.stems_of(SHORT, ""), 110)

    def test_b2_profile_of_each_op(self):
        self.stems_of(SHORT, "", "--no-compile", "--profile", self.path("trace.json"))
        ops = {op["op"] for op in self.info["profile"]["ops"]}
        self.assertLess({"stft", "band_split", "attention", "feed_forward", "rms_norm", "mask",
                         "istft"}, ops)

    # ---- The same, however it is computed ----

    def test_batches_change_no_bit(self):
        expected = self.stems_of(BANDS, "", "-b", "1")
        for arguments in (["-b", "3"], ["-b", "3", "--no-compile"], ["--no-compile"]):
            self.assertEqual(self.stems_of(BANDS, "", *arguments), expected)

    def test_attention_in_tiles(self):
        """Heads by themselves, and their queries cut; in f16 by MPSGraph's attention as well."""
        for settings, precision in (("macos=14.0", "f32"), ("macos=14.0", "f16"),
                                    ("macos=15.0", "f16")):
            expected = self.stems_of(SHORT, settings, "-p", precision)
            runs = self.counts["graph_runs"]
            for scores in ("20000", "700"):
                stems = self.stems_of(SHORT, settings, "-p", precision,
                                      limits={"CLEAVE_ATTENTION_SCORES": scores})
                self.assert_near(stems, expected, 110)
                self.assertEqual(self.counts["graph_runs"], runs)

    def test_no_submission_takes_too_much(self):
        expected = self.stems_of(SHORT, "")
        runs = self.counts["command_buffers"]
        for limit in (50000000, 20000000):
            stems = self.stems_of(SHORT, "", "-v", limits={"CLEAVE_SUBMISSION_FLOPS": str(limit)})
            self.assert_near(stems, expected, 120)
            self.assertIn(" pieces: macOS stops what", self.result.err)
            self.assertGreater(self.counts["command_buffers"], runs)

    # ---- Levels ----

    def test_digital_silence_gives_zeros(self):
        """Behind the last sample that is none, and behind the frames that it reaches."""
        mix = read_float_wav(os.path.join(GOLDEN, SHORT, "mix.wav"))[0][0]
        last = max(i for i, sample in enumerate(mix) if sample != 0)
        self.assertLess(last, 0.7 * len(mix))
        for arguments in ([], ["-p", "f16"]):
            stem = self.stems_of(SHORT, "macos=15.0", *arguments)["dry"][0]
            self.assertGreater(max(abs(sample) for sample in stem), 0.01)
            self.assertEqual(set(stem[last + 1100:]), {0.0})

    def test_levels_change_no_bit(self):
        """A network scales with its input, and so does the transform, to the bit, for powers of 2."""
        planes, _ = read_float_wav(os.path.join(GOLDEN, SHORT, "mix.wav"))
        expected = self.stems_of(SHORT, "")["dry"]
        for factor in (2.0 ** -13, 2.0 ** 20):
            mix = self.path("scaled.wav")
            write_float_wav(mix, [[sample * factor for sample in plane] for plane in planes])
            stem = self.stems_of(SHORT, "", mix=mix)["dry"]
            self.assertEqual([tuple(sample / factor for sample in plane) for plane in stem],
                             expected)


if __name__ == "__main__":
    unittest.main()
