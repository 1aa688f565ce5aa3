"""`cleave verify` and `cleave doctor` on the made-up device of test_devices.py, whose environment
this has: what they say of a device that computes right, and of one that fails."""
import json
import math
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_devices  # noqa: E402
from test_devices import MODEL  # noqa: E402


class VerifyTest(test_devices.DeviceTest):
    def verify(self, *arguments, **keywords):
        return self.run_program("verify", self.mix, "-m", MODEL, "-q", *arguments, **keywords)

    def modes(self, *arguments, code=0, **keywords):
        result = self.verify(*arguments, "--json", **keywords)
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)["modes"]

    def test_t2_another_device_against_the_cpu(self):
        modes = self.modes("--precision", "f32")
        self.assertEqual([(mode["device"], mode["compile"]) for mode in modes],
                         [("cuda:0", True), ("cuda:0", False), ("cpu", True)])
        for mode in modes:
            self.assertTrue(mode["passed"])
            self.assertEqual(mode["verdict"], "transparent")
        self.assertEqual(modes[1]["judged_snr"], "inf")  # it computes as the CPU does
        text = self.verify("--precision", "f32", "-d", "cuda").out
        self.assertIn("cuda f32 op by op: transparent; worst stem: vocals, equal\n", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_t2_a_simulated_device_is_called_so(self):
        arguments = ("--precision", "f32", "--compile", "yes", "-d", "cuda,cpu")
        modes = self.modes(*arguments, fault="simulated")
        self.assertEqual([(mode["device"], mode["simulated"]) for mode in modes],
                         [("cuda", True), ("cpu", False)])
        self.assertIn("\nSimulated: cuda; ", self.verify(*arguments, fault="simulated").out)
        self.assertNotIn("Simulated", self.verify(*arguments).out)

    def test_r4_a_compilation_that_fails_is_told(self):
        modes = self.modes("--precision", "f32", "-d", "cuda", fault="compile")
        self.assertEqual([(mode["compile"], mode["compiled"]) for mode in modes],
                         [(True, False), (False, False)])
        text = self.verify("--precision", "f32", "-d", "cuda", fault="compile").out
        self.assertIn("cuda f32 compiled: compiling failed; it ran op by op\n", text)
        self.assertNotIn("cuda f32 op by op: compiling failed", text)

    def test_r14_only_what_a_device_can_do_is_run(self):
        modes = self.modes("-d", "cuda", fault="no-compile-able")
        self.assertEqual({mode["compile"] for mode in modes}, {False})
        self.assertTrue(self.modes("-d", "cuda", "--compile", "yes", fault="no-compile-able"))

    def test_b4_ops_that_ran_elsewhere_are_told(self):
        arguments = ("--precision", "f32", "-d", "cuda", "--compile", "yes")
        mode = self.modes(*arguments, fault="fallback=2")[0]
        self.assertGreater(mode["fallback_ops"], 0)
        self.assertRegex(self.verify(*arguments, fault="fallback=2").out,
                         r"(?m)^cuda f32 compiled: \d+ ops did not run on the device$")
        self.assertEqual(self.modes(*arguments)[0]["fallback_ops"], 0)

    def test_r11_a_device_that_fails_fails_its_mode_alone(self):
        modes = self.modes("--precision", "f32", "--compile", "yes", fault="run=0", code=4)
        self.assertEqual([mode["device"] for mode in modes], ["cuda:0", "cpu"])
        self.assertIn("cuda:0", modes[0]["error"])
        self.assertEqual((modes[0]["verdict"], modes[0]["passed"]), (None, False))
        self.assertTrue(modes[1]["passed"])
        result = self.verify("--precision", "f32", "--compile", "yes", fault="run=0")
        self.assertEqual(result.code, 4)
        self.assertIn("cuda:0 f32 compiled: did not run\n", result.out)
        self.assertEqual(len(result.errors), 1)


class BenchTest(test_devices.DeviceTest):
    def test_t1_a_simulated_device_is_called_so(self):
        for fault, told in (("simulated", True), ("", False)):
            text = self.run_program("bench", "-m", MODEL, "-q", "--precision", "f32", "--compile", "yes",
                                    "--runs", "1", "--seconds", "1", fault=fault).out
            self.assertEqual("\nSimulated: cuda:0; " in text, told)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)


class DoctorTest(test_devices.DeviceTest):
    def doctor(self, **keywords):
        return self.run_program("doctor", "-q", **keywords)

    def trials(self, code, **keywords):
        result = self.run_program("doctor", "-q", "--json", **keywords)
        self.assertEqual(result.code, code, result.err)
        report = json.loads(result.out)
        self.assertEqual(report["failures"], code)
        return {trial["device"]: trial for trial in report["separation"]["trials"]}

    def test_each_device_is_tried(self):
        trials = self.trials(0)
        self.assertEqual(sorted(trials), ["cpu", "cuda:0"])
        for trial in trials.values():
            self.assertTrue(trial["ok"])
            self.assertGreater(trial["snr"] if trial["snr"] != "inf" else math.inf, 60)

    def test_r11_a_device_that_fails_is_told_with_the_reason(self):
        trials = self.trials(1, fault="run=0")
        self.assertTrue(trials["cpu"]["ok"])
        self.assertFalse(trials["cuda:0"]["ok"])
        self.assertIn("cuda:0", trials["cuda:0"]["error"])
        result = self.doctor(fault="run=0")
        self.assertEqual(result.code, 1)
        self.assertRegex(result.out, r"(?m)^  cuda:0 +FAILED: ")
        self.assertIn("\n1 thing does not work: look for FAILED above.\n", result.out)
        self.assertLessEqual(max(map(len, result.out.splitlines())), 80)

    def test_r12_versions_and_their_warnings_are_told(self):
        text = self.doctor().out
        self.assertRegex(text, r"(?m)^ +driver: \S.*; runtime: ")
        self.assertNotIn("warning: ", text)
        self.assertRegex(self.doctor(fault="old-driver").out, r"(?m)^ +warning: \S")

    def test_r6_a_simulated_device_is_called_so(self):
        self.assertIn("  simulated: there is no such device here", self.doctor(fault="simulated").out)


if __name__ == "__main__":
    unittest.main()
