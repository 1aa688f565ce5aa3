"""What a user of the cuda device sees when the driver or the GPU fails, on the simulated driver of
simulators/cuda: every call failed in turn, errors that end a context's life, memory that does not
suffice, other devices that take over. The environment is that of simulated_gpu.py."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_gpu import MIX, MODEL, SimulatedGpuTest  # noqa: E402

STRICT = "--strict-device"
ARGUMENTS = ["-p", "f32", "-b", "1", "--overlap", "4"]  # two batches

# Calls that let go: after a failure what they were to free may stay until the context goes, and a
# context that cannot be released stays for good. Nobody needs to hear of it.
RELEASING = ("cuDevicePrimaryCtxRelease_v2", "cuMemFree_v2", "cuMemFreeHost", "cuModuleUnload",
             "cuStreamDestroy_v2", "cuEventDestroy_v2", "cuGraphDestroy", "cuGraphExecDestroy",
             "cuCtxPopCurrent_v2")

# Calls without which all is well.
SPARED = ("cuDevicePrimaryCtxGetState", "cuDevicePrimaryCtxSetFlags_v2")

# Calls by which a device is found or not: a reason stands in the place of an error.
PROBING = ("cuInit", "cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
           "cuDeviceGetUuid_v2", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute")

# Calls before which no context is current, so that they end none's life.
OUTSIDE = ("cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2")

# Errors after which nothing works until the context is gone, and what is said of them.
STICKY = {214: "was lost", 700: "was lost", 702: "took too long", 719: "was lost"}

STEPS = ("while making the network ready", "while sending audio to the device",
         "while running the network", "while fetching stems from the device")


class FailureTest(SimulatedGpuTest):
    def setUp(self):
        super().setUp()
        self.stems = self.expected(*ARGUMENTS)

    def separate(self, settings, *arguments, code=0):
        return self.separate_on(settings, *ARGUMENTS, *arguments, code=code)

    def good_calls(self, *arguments):
        self.separate("", *arguments)
        return self.counts["calls"]

    def assert_nothing_stays(self, message=None):
        stays = ("live_bytes", "live_objects", "pinned_bytes", "contexts_active")
        self.assertEqual([self.counts[key] for key in stays], [0] * len(stays), message)

    def assert_one_line(self, result, message):
        """It names device and step, and what to try."""
        self.assertEqual(len(result.errors), 1, message)
        line = result.errors[0]
        self.assertIn("cuda", line, message)
        self.assertIn("; try ", line, message)
        self.assertNotIn(": : ", line, message)
        if "not available" not in line:
            self.assertTrue(any(step in line for step in STEPS) or "does not support" in line, line)
        self.assertRegex(line, r"CUDA_ERROR_\w+")


# ---- Calls ------------------------------------------------------------------------------------

class CallTest(FailureTest):
    def occurrences(self, count):
        """The first one, one in the middle, and the last one."""
        return sorted({1, (count + 1) // 2, count})

    def check(self, settings, call, *arguments):
        """The stems are right, on whatever device; what went wrong is told."""
        message = "%s %s" % (settings, arguments)
        result, info, stems = self.separate(settings, *arguments)
        message += "\n" + result.err
        self.assert_near(stems, self.stems)
        told = [line for line in result.warnings if "is simulated" not in line]
        if info["device"] == "cpu":
            self.assertEqual(len(told), 1, message)
            self.assertTrue("going on with cpu" in told[0] or "using cpu" in told[0], message)
        elif call in RELEASING + SPARED:
            self.assertEqual(told, [], message)
        else:
            self.assertTrue(all("op by op" in line or "one by one" in line for line in told), message)
        for line in told:
            self.assertRegex(line, r"CUDA_ERROR_\w+", message)
        if call != "cuDevicePrimaryCtxRelease_v2":
            self.assert_nothing_stays(message)

    def check_strict(self, settings, *arguments):
        result = self.run_on("report=%s,%s" % (self.path("counts.json"), settings), MIX, "-m", MODEL,
                             "-d", "cuda", STRICT, "-o", self.output, *ARGUMENTS, *arguments)
        message = settings + "\n" + result.err
        self.assertIn(result.code, (0, 4), message)
        if result.code == 4:
            self.assert_one_line(result, message)
        with open(self.path("counts.json"), encoding="utf-8") as file:
            self.counts = json.load(file)
        return result.code

    def test_r4_r11_b1_every_call_fails_once(self):
        calls = self.good_calls()
        self.assertGreater(len(calls), 30)
        failed = set()
        for call, count in calls.items():
            for at in self.occurrences(count):
                settings = "fail=%s:%d" % (call, at)
                self.check(settings, call)
                if self.check_strict(settings) == 4:
                    failed.add(call)
                if call != "cuDevicePrimaryCtxRelease_v2":
                    self.assert_nothing_stays(settings)
        self.assertLessEqual(set(PROBING) | {"cuMemAlloc_v2", "cuGraphLaunch", "cuEventSynchronize",
                                             "cuMemcpyDtoHAsync_v2"}, failed)
        self.assertFalse(failed & set(RELEASING + SPARED))

    def test_r11_op_by_op_too(self):
        """Where there is nothing to fall back to on the same device."""
        for call, count in self.good_calls("--no-compile").items():
            if call in PROBING + SPARED:
                continue
            self.check("fail=%s:%d" % (call, (count + 1) // 2), call, "--no-compile")

    def test_r11_calls_that_end_the_contexts_life(self):
        """All that comes after them fails too, and so does freeing, until the context is gone."""
        for call, count in self.good_calls().items():
            if call in PROBING + SPARED + OUTSIDE:
                continue
            for at in self.occurrences(count)[:2]:
                settings = "fail=%s:%d:719" % (call, at)
                result, _, stems = self.separate(settings)
                self.assert_near(stems, self.stems)
                if call not in RELEASING:
                    self.assertIn("cuda:0 was lost", result.err, settings)
                if call != "cuDevicePrimaryCtxRelease_v2":
                    self.assert_nothing_stays(settings)

    def test_r4_a_graph_that_cannot_be_captured(self):
        """Its steps are launched one by one, by the same plan: with the same bits."""
        _, _, whole = self.separate("")
        for call in ("cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
                     "cuLaunchKernel"):
            for at in (1, 2):
                result, info, stems = self.separate("fail=%s:%d" % (call, at), STRICT)
                self.assertEqual((info["device"], info["compiled"]), ("cuda:0", True))
                self.assertTrue(stems == whole, call)
                self.assertEqual(result.err.count("could not record the network as one graph"), 1)
                self.assertEqual(self.counts["graph_launches"], 0)

    def test_r11_the_kernel_is_named_that_is_missing(self):
        result, _, _ = self.separate("fail=cuModuleGetFunction:1")
        self.assertRegex(result.err, r"loading the kernel \w+: CUDA_ERROR_NOT_FOUND")


# ---- The GPU ----------------------------------------------------------------------------------

class DeviceTest(FailureTest):
    def test_r11_a_fault_while_it_computes(self):
        """What the GPU had not computed yet is computed on the CPU."""
        self.separate("")
        launches, copies = (self.counts[key] for key in ("launches", "downloads"))
        self.assertEqual(copies, 2)
        for code, words in STICKY.items():
            for what, at in (("launch", 1), ("launch", launches // 2 + 1), ("launch", launches)):
                settings = "sticky=%s:%d:%d" % (what, at, code)
                result, info, stems = self.separate(settings)
                self.assert_near(stems, self.stems)
                self.assertEqual(info["device"], "cpu", settings)
                self.assertIn("cuda:0 %s while running the network" % words, result.err)
                self.assert_nothing_stays(settings)
            result, _, _ = self.separate("sticky=launch:1:%d" % code, STRICT, code=4)
            self.assert_one_line(result, code)
            self.assertIn(words, result.errors[0])
            self.assert_nothing_stays(code)

    def test_r11_a_fault_while_it_copies(self):
        self.separate("")
        copies = self.counts["uploads"] + self.counts["downloads"]
        for at in range(copies - 3, copies + 1):
            result, info, stems = self.separate("sticky=copy:%d" % at)
            self.assert_near(stems, self.stems)
            self.assertEqual(info["device"], "cpu")
            self.assertIn("cuda:0 was lost", result.err)
            self.assert_nothing_stays(at)

    def test_r11_op_by_op_too(self):
        for code, words in STICKY.items():
            result, info, stems = self.separate("sticky=launch:100:%d" % code, "--no-compile")
            self.assert_near(stems, self.stems)
            self.assertEqual(info["device"], "cpu")
            self.assertIn(words, result.err)
            self.assert_nothing_stays(code)

    def test_r9_the_bench_and_verify_survive(self):
        for command in (("bench", "--seconds", "1", "--runs", "1"), ("verify", "--seconds", "1")):
            result = self.run_on("report=%s,sticky=launch:100" % self.path("counts.json"), *command,
                                 "-m", MODEL, "-d", "cuda", "--precision", "f32", "-q")
            self.assertNotEqual(result.code, 0, command)
            self.assertGreater(result.code, 0, result.err)
            self.assertIn("was lost", result.err + result.out)
            with open(self.path("counts.json"), encoding="utf-8") as file:
                self.counts = json.load(file)
            self.assert_nothing_stays(command)

    def test_b1_the_other_gpu_takes_over(self):
        for first, second in (("cuda:0", "cuda:1"), ("cuda:1", "cuda:0")):
            for settings in ("sticky=launch:70", "fail=cuGraphLaunch:1", "fail=cuMemAlloc_v2:3"):
                result = self.on("devices=2,cc:1=7.5," + settings, MIX, "-m", MODEL, "-d", first, "-o",
                                 self.output, "--json", *ARGUMENTS)
                self.assertEqual(json.loads(result.out)["device"], second)
                self.assertEqual(len([line for line in result.warnings if "going on with " + second
                                      in line and line.startswith("cleave: warning: " + first)]), 1,
                                 result.err)
                self.assertEqual(self.counts["contexts_created"], 2)
                self.assert_nothing_stays(settings)

    def test_b1_both_fail(self):
        result, info, stems = self.separate("devices=2,fail=cuGraphLaunch:1,fail=cuGraphLaunch:2")
        self.assert_near(stems, self.stems)
        self.assertEqual(info["device"], "cpu")
        self.assertIn("cuda:0 failed while running the network", result.err)
        self.assertIn("cuda:1 failed while running the network", result.err)
        self.assert_nothing_stays()


# ---- Memory -----------------------------------------------------------------------------------

class MemoryTest(FailureTest):
    def peak(self, batch, mix):
        self.separate_on("", STRICT, "-p", "f32", "-b", str(batch), mix=mix)
        return self.counts["peak_bytes"]

    def test_b1_a_batch_that_does_not_fit_is_halved(self):
        """As often as need be, though the GPU said that there was enough."""
        mix = self.long_mix()
        expected = self.expected("-p", "f32", "--overlap", "1", mix=mix)
        for batch in (4, 1):
            result, info, stems = self.separate_on("limit=%d" % self.peak(batch, mix), STRICT, "-p",
                                                   "f32", "-b", "8", "--overlap", "1", mix=mix)
            self.assert_near(stems, expected)
            self.assertEqual((info["device"], info["batch"]), ("cuda:0", batch))
            self.assertIn("for batch 8: using batch %d" % batch, result.err)
            self.assertEqual(self.counts["contexts_active"], 0)
            self.assert_nothing_stays(batch)

    def test_b1_memory_that_runs_out_while_it_runs(self):
        mix = self.long_mix()
        expected = self.expected("-p", "f32", "--overlap", "1", mix=mix)
        for call in ("cuGraphLaunch:1:2", "cuEventSynchronize:1:2", "cuMemcpyDtoHAsync_v2:1:2"):
            for seed in range(2):
                result, info, stems = self.separate_on(
                    "seed=%d,fail=%s" % (seed, call), STRICT, "-p", "f32", "-b", "4", "--overlap", "1",
                    mix=mix)
                self.assert_near(stems, expected)
                self.assertEqual(info["device"], "cuda:0")
                self.assertIn("a batch of 4 chunks is too large (cuda:0 ran out of memory",
                              result.err, call)
                self.assertIn("smaller", result.err)
                self.assert_nothing_stays(call)

    def test_b1_too_small_a_gpu_leaves_it_to_the_cpu(self):
        for settings in ("limit=200K", "limit=600K", "memory=300M,used=298M"):
            result, info, stems = self.separate(settings)
            self.assert_near(stems, self.stems)
            self.assertEqual(info["device"], "cpu")
            self.assertIn("memory", result.err)
            self.assert_nothing_stays(settings)
            result, _, _ = self.separate(settings, STRICT, code=4)
            self.assertEqual(len(result.errors), 1)

    def test_b1_the_larger_gpu_takes_over(self):
        result, info, stems = self.separate("devices=2,limit:0=100K")
        self.assert_near(stems, self.stems)
        self.assertEqual(info["device"], "cuda:1")
        self.assertIn("cuda:0 ran out of memory while making the network ready", result.err)
        self.assert_nothing_stays()


if __name__ == "__main__":
    unittest.main()
