"""The mps device as a user meets it, on the simulated Mac of simulators/apple: what the GPU was given
and gave back, macOS versions, failures. The environment is that of tests/cli/test_cli.py; the program
is that of a build with -Dapplesim=enabled.
"""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_mac import DEMO, MIX, MODEL, SimulatedMacTest  # noqa: E402

DEMO_MIX = os.path.join(DEMO, "demo-kit.flac")
DEMO_MODEL = os.path.join(DEMO, "drumsep-mini.ckpt")


class MpsTest(SimulatedMacTest):
    # ---- What the GPU is given ----

    def test_r2_b3_one_upload_and_one_download_a_batch(self):
        """Two overlaps of the same input differ by batches; all else stays what it was."""
        counts = []
        mix = self.long_mix()
        for overlap in ("1", "4"):
            _, info, _ = self.separate_on("", "--strict-device", "--overlap", overlap, "-b", "1",
                                          mix=mix)
            self.assertEqual((info["device"], info["fallback_ops"]), ("mps", []))
            counts.append(self.counts)
        batches = counts[1]["command_buffers"] - counts[0]["command_buffers"]
        self.assertGreater(batches, 3)
        for key in ("uploads", "downloads", "graph_runs"):
            self.assertEqual(counts[1][key] - counts[0][key], batches, key)
        self.assertEqual(counts[0]["compilations"], 1)
        self.assertEqual(counts[1]["compilations"], 1)
        self.assertEqual(counts[1]["graph_runs"], counts[1]["command_buffers"])

    def test_r2_transfers_overlap_the_gpu(self):
        """One batch with gaps of silence goes in parts: while the GPU has one, the host fills the
        next one's input, and empties the one's before."""
        mix = self.long_mix(lambda i: i // 4000 % 4 > 0)
        arguments = ["--overlap", "1", "-b", "16"]
        expected = self.expected(*arguments, mix=mix)
        _, _, stems = self.separate_on("", "--strict-device", *arguments, mix=mix)
        self.assert_near(stems, expected)
        self.assertEqual(self.counts["command_buffers"], 3)
        self.assertEqual(self.counts["overlaps"], 4)

    def test_r9_nothing_stays_on_the_device(self):
        for arguments in ([], ["--no-compile"], ["-p", "f16"]):
            self.separate_on("", "--strict-device", *arguments)
            self.assertEqual((self.counts["live_bytes"], self.counts["live_objects"]), (0, 0))
            self.assertGreater(self.counts["peak_bytes"], 1000)

    def test_r1_f16_takes_less_of_the_device(self):
        peaks = {}
        for precision in ("f32", "f16"):
            self.separate_on("", "--strict-device", "-p", precision, "-b", "1")
            peaks[precision] = self.counts["peak_bytes"]
        self.assertLess(peaks["f16"], peaks["f32"])

    def test_r1_f16_on_the_demo(self):
        result = self.on("", "verify", DEMO_MIX, "-m", DEMO_MODEL, "-d", "mps", "-p", "f16",
                         "--compile", "yes,no", "--overlap", "1", "--seconds", "2", "--min-snr", "55",
                         "--json", "-q")
        self.assertTrue(json.loads(result.out)["passed"])

    def test_r1_f16_sdr_of_the_demo(self):
        """Against the true stems, to 0.02 dB of what f32 reaches."""
        scores = []
        for device, precision in (("cpu", "f32"), ("mps", "f16")):
            result = self.on("", DEMO_MIX, "-m", DEMO_MODEL, "-d", device, "-p", precision,
                             "--strict-device", "--overlap", "1", "-o", self.path(device), "--json",
                             "--score", os.path.join(DEMO, "stems"))
            outputs = json.loads(result.out)["outputs"]
            scores.append({one["stem"]: one["sdr"] for one in outputs})
        for stem, sdr in scores[0].items():
            self.assertAlmostEqual(scores[1][stem], sdr, delta=0.02, msg=stem)

    def test_b2_profile_of_the_whole_and_of_each_op(self):
        flops = {}
        for mode in ([], ["--no-compile"]):
            trace = self.path("trace.json")
            _, info, _ = self.separate_on("", "--strict-device", "--profile", trace, *mode)
            ops = info["profile"]["ops"]
            flops[len(mode)] = sum(op["flops"] or 0 for op in ops)
            names = {op["op"] for op in ops}
            self.assertEqual("network" in names, not mode)
            self.assertEqual({"conv", "stft", "norm"} <= names, bool(mode))
            with open(trace, encoding="utf-8") as file:
                rows = {event["args"]["name"] for event in json.load(file)["traceEvents"]
                        if event["name"] == "thread_name"}
            self.assertIn("GPU 0", rows)
        self.assertAlmostEqual(flops[0] / flops[1], 1, 6)

    # ---- Versions and devices ----

    def test_r12_r14_b4_macos_13_has_no_transforms(self):
        expected = self.expected()
        result, info, stems = self.separate_on("macos=13.2", "--strict-device")
        self.assert_near(stems, expected)
        self.assertEqual(len(info["fallback_ops"]), 2)
        self.assertIn("13.2", result.err)
        self.assertIn("stft", result.err)
        devices = json.loads(self.on("macos=13.2", "devices", "--json").out)["devices"]
        mps = [device for device in devices if device["id"] == "mps"][0]
        self.assertIn("13.2", mps["warning"])
        flags = mps["capabilities"]
        self.assertFalse(flags["stft"]["able"] or flags["compile"]["able"])
        self.assertIn("macOS 14", flags["stft"]["reason"])
        self.assertTrue(flags["f16"]["able"])

    def test_r12_b4_older_ones(self):
        expected = self.expected()
        for version in ("12.0", "11.3"):
            _, info, stems = self.separate_on("macos=" + version, "--strict-device")
            self.assert_near(stems, expected)
            self.assertEqual(len(info["fallback_ops"]), 2)

    def test_r14_r15_no_gpu(self):
        devices = json.loads(self.on("device=0", "devices", "--json").out)["devices"]
        self.assertFalse(devices[0]["available"])
        self.assertIn("GPU", devices[0]["reason"])
        result = self.on("device=0", MIX, "-m", MODEL, "-d", "mps", "--strict-device", "-o",
                         self.output, code=4)
        self.assertIn("mps", result.err)
        _, info, _ = self.separate_on("device=0")
        self.assertEqual(info["device"], "cpu")

    def test_r15_gpu_of_a_program_without_windows(self):
        _, info, _ = self.separate_on("windowless=1", "--strict-device")
        self.assertEqual(info["device"], "mps")

    def test_r15_auto_takes_it(self):
        result = self.on("", MIX, "-m", MODEL, "-o", self.output, "--json")
        self.assertEqual(json.loads(result.out)["device"], "mps")

    def test_r3_memory(self):
        mps = json.loads(self.on("memory=5G", "devices", "--json").out)["devices"][0]
        self.assertEqual(mps["memory_total"], 5 << 30)
        self.assertGreater(mps["memory_available"], 0)
        self.assertLessEqual(mps["memory_available"], 5 << 30)

    # ---- What fails ----

    def test_r4_compiling_that_fails_falls_back_to_op_by_op(self):
        expected = self.expected()
        for how in ("nil", "exception"):
            result, info, stems = self.separate_on("fail_compile=" + how)
            self.assert_near(stems, expected)
            self.assertEqual(info["device"], "mps")
            self.assertIn("op by op", result.err)

    def test_b1_out_of_memory_halves_the_batch(self):
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        result, info, stems = self.separate_on("oom_at=2", "-b", "4", mix=mix)
        self.assert_near(stems, expected)
        self.assertEqual(info["device"], "mps")
        self.assertIn("smaller", result.err)

    def test_b1_too_small_a_gpu_leaves_it_to_the_cpu(self):
        expected = self.expected()
        result, info, stems = self.separate_on("limit=200K")
        self.assert_near(stems, expected)
        self.assertEqual(info["device"], "cpu")
        self.assertIn("memory", result.err)

    def test_r11_what_the_gpu_says_reaches_the_user(self):
        for how, words in (("code=2", "too long"), ("code=7", "does not let"), ("code=11", "gone"),
                           ("code=1", "code 1"), ("with=interactivity", "too long, while a display"),
                           ("code=4", "mps was lost"), ("with=ignored", "mps was lost")):
            result = self.on("fail_at=1,fail_" + how, MIX, "-m", MODEL, "-d", "mps", "-b", "1",
                             "--no-compile", "-o", self.output)
            self.assertIn(words, result.err)
            self.assertIn("mps", result.err)
            self.assertIn("going on with cpu", result.err)

    def test_work_that_takes_too_long_halves_the_batch(self):
        """Whether the watchdog stopped it, or a display that waited."""
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        for how in ("code=2", "with=interactivity"):
            result, info, stems = self.separate_on("fail_at=2,fail_" + how, "-b", "4",
                                                   "--strict-device", mix=mix)
            self.assert_near(stems, expected)
            self.assertEqual(info["device"], "mps")
            self.assertIn("a batch of 4 chunks is too large (mps took too long", result.err)
            self.assertIn("smaller", result.err)

    def test_a_lost_gpu_is_not_asked_again(self):
        """What it still had to do is done on the CPU."""
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        for how in ("code=4", "with=ignored"):
            result, info, stems = self.separate_on("fail_at=2,fail_" + how, "-b", "1",
                                                   mix=mix)
            self.assert_near(stems, expected)
            self.assertEqual(info["device"], "cpu")
            self.assertIn("takes no more work for the GPU from this process", result.err)
            self.assertIn("mps was lost", result.err)
        self.on("fail_at=2,fail_code=4", mix, "-m", MODEL, "-d", "mps", "-b", "1", "-o", self.output,
                "--strict-device", code=4)

    def test_r13_graphs_that_go_on_in_another_command_buffer(self):
        expected = self.expected()
        for settings in ("continue=1", "continue=2"):
            for mode in ([], ["--no-compile"]):
                _, _, stems = self.separate_on(settings, "--strict-device", *mode)
                self.assert_near(stems, expected)

    def test_a_command_buffer_between_first_and_last_fails(self):
        """Only the completion handler hears of the failure."""
        expected = self.expected()
        for mode in ([], ["--no-compile"]):
            result, info, stems = self.separate_on("continue=2,fail_at=2,fail_code=9", *mode)
            self.assertIn("Invalid Resource", result.err)
            self.assertEqual(info["device"], "cpu")
            self.assert_near(stems, expected)

    def test_completion_handlers_that_are_never_called(self):
        """They are waited for once, and the run goes on without them."""
        expected = self.expected()
        result, _, stems = self.separate_on("handlers=0,continue=2", "--strict-device", "-vv")
        self.assert_near(stems, expected)
        self.assertEqual(result.err.count("does not say when it is done"), 1)

    def test_r11_b1_first_of_several_command_buffers_fails(self):
        """What comes after it is computed all the same, of nothing."""
        expected = self.expected()
        result, info, stems = self.separate_on("continue=1,fail_at=1,fail_code=9")
        self.assertIn("Invalid Resource", result.err)
        self.assertEqual(info["device"], "cpu")
        self.assert_near(stems, expected)

    def test_r11_an_op_is_named_before_it_first_runs(self):
        """MPS would end the process by an assertion, and no message could be printed."""
        result, _, _ = self.separate_on("", "--strict-device", "--no-compile", "-vv")
        named = [line.split("first run of ")[1] for line in result.err.splitlines()
                 if "first run of " in line]
        self.assertEqual(len(named), len(set(named)))
        for op in ("first_conv (conv)", "stft (stft)", "istft (istft)"):
            self.assertIn(op, named)
        result, _, _ = self.separate_on("", "--strict-device", "-b", "1", "-vv")
        self.assertEqual(result.err.count("mps: compiling the network"), 1)
        self.assertEqual(result.err.count("mps: first run of batch"), 1)

    # ---- The watchdog ----

    def flops(self):
        """Of a chunk."""
        model = json.loads(self.on("", "inspect", MODEL, "--json").out)
        return model["flops_per_chunk"]

    def separate_within(self, limit, settings, *arguments, **keywords):
        os.environ["CLEAVE_SUBMISSION_FLOPS"] = str(limit)
        try:
            return self.separate_on(settings, "--strict-device", *arguments, **keywords)
        finally:
            del os.environ["CLEAVE_SUBMISSION_FLOPS"]

    def test_no_submission_takes_too_much(self):
        """In pieces each of which the watchdog lets pass, for every size of batch; with the same
        result, and nothing left on the device."""
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        for batch in (1, 4):
            _, _, whole = self.separate_on("", "--strict-device", "-b", str(batch), mix=mix)
            runs = self.counts["command_buffers"]
            for share in (0.6, 0.3):
                limit = int(self.flops() * batch * share)
                result, info, stems = self.separate_within(
                    limit, "watchdog=%d" % limit, "-b", str(batch), "-vv", mix=mix)
                self.assert_near(stems, expected)
                self.assert_near(stems, whole, 120)
                self.assertIn(" pieces: macOS stops what", result.err)
                self.assertNotIn("too long", result.err.replace("GPU for too long", ""))
                self.assertGreaterEqual(self.counts["command_buffers"], runs / share)
                self.assertEqual((self.counts["live_bytes"], self.counts["live_objects"]), (0, 0))

    def test_batches_that_suit_the_watchdog(self):
        """Where the user asks for no batch."""
        batch = {}
        for share in (100, 2.5, 0.5):
            _, info, _ = self.separate_within(int(self.flops() * share), "", "--overlap", "2")
            batch[share] = info["batch"]
        self.assertEqual(batch, {100: 4, 2.5: 2, 0.5: 1})

    def test_a_single_chunk_that_takes_too_long_is_cut(self):
        """By a watchdog that is stricter than was thought, again and again."""
        expected = self.expected()
        for how in ("", ",fail_with=interactivity"):
            limit = int(self.flops() * 0.2)
            result, info, stems = self.separate_on("watchdog=%d%s" % (limit, how), "--strict-device",
                                                   "-b", "1", "-v")
            self.assert_near(stems, expected)
            self.assertEqual(info["device"], "mps")
            self.assertIn("cutting the network into smaller pieces", result.err)
            self.assertEqual((self.counts["live_bytes"], self.counts["live_objects"]), (0, 0))

    def test_batches_are_halved_before_a_chunk_is_cut(self):
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        limit = int(self.flops() * 0.7)
        result, info, stems = self.separate_on("watchdog=%d" % limit, "--strict-device", "-b", "4",
                                               mix=mix)
        self.assert_near(stems, expected)
        self.assertIn("a batch of 4 chunks is too large (mps took too long", result.err)
        self.assertIn("cutting the network into smaller pieces", result.err)

    def test_what_cannot_be_cut_any_more_goes_to_the_cpu(self):
        expected = self.expected()
        result, info, stems = self.separate_on("watchdog=1000")
        self.assert_near(stems, expected)
        self.assertEqual(info["device"], "cpu")
        self.assertIn("mps took too long", result.err)
        self.on("watchdog=1000", MIX, "-m", MODEL, "-d", "mps", "--strict-device", "-o", self.output,
                code=4)

    def test_f16_and_failures_in_pieces(self):
        limit = int(self.flops() * 0.3)
        _, _, whole = self.separate_on("", "--strict-device", "-p", "f16")
        _, _, stems = self.separate_within(limit, "", "-p", "f16")
        self.assert_near(stems, whole)
        mix = self.long_mix()
        expected = self.expected(mix=mix)
        for settings in ("oom_at=7", "continue=2,oom_at=8"):
            result, _, stems = self.separate_within(limit, settings, "-b", "4", mix=mix)
            self.assert_near(stems, expected)
            self.assertIn("smaller", result.err)

    # ---- Around it ----

    def test_t1_t2_bench_and_verify(self):
        rows = json.loads(self.on("", "bench", "-m", MODEL, "-d", "mps,cpu", "--precision",
                                  "f32,f16", "--seconds", "1", "--runs", "1", "--json",
                                  "-q").out)["configurations"]
        self.assertEqual({(row["device"], row["precision"], row["compiled"]) for row in rows},
                         {(device, precision, compiled) for device in ("mps", "cpu")
                          for precision in ("f32", "f16") for compiled in (True, False)})
        self.on("", "verify", "-m", MODEL, "-d", "mps", "--seconds", "1", "--min-snr", "50", "-q")

    def test_devices_say_that_it_is_a_simulator(self):
        mps = json.loads(self.on("", "devices", "--json").out)["devices"][0]
        self.assertIn("simulated", mps["name"])


if __name__ == "__main__":
    unittest.main()
