"""The first contact with an Apple GPU, on the simulated Mac: what a user sees where the trial in a
process of its own dies, hangs, or computes wrongly, and when it is made again. The environment is that
of tests/cli/test_cli.py. The argument is a program linked with the shared library."""
import json
import os
import subprocess
import sys
import threading
import unittest

LIBRARY_USER = sys.argv[1:]
sys.argv[1:] = []
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from test_cli import CliTest, MIX, MODEL, TIME_LIMIT, environment  # noqa: E402


class TrialTest(CliTest):
    def run_on(self, settings, *arguments, **changes):
        changes.setdefault("XDG_CACHE_HOME", self.path("cache"))
        return self.run_program(*arguments, env=environment(CLEAVE_APPLESIM=settings, **changes))

    def devices(self, settings, **changes):
        """→ (mps, what auto takes and why)"""
        result = self.run_on(settings, "devices", "--json", **changes)
        self.assert_done(result)
        info = json.loads(result.out)
        mps = [one for one in info["devices"] if one["id"] == "mps"][0]
        return mps, info["auto"]

    def separated_on(self, settings, *arguments):
        result = self.run_on(settings, MIX, "-m", MODEL, "-o", self.output, "--json", *arguments)
        self.assert_done(result)
        return json.loads(result.out)["device"], result.err

    def verdicts(self):
        folder = self.path("cache", "cleave")
        return sorted(name for name in os.listdir(folder)
                      if name.startswith("trial-")) if os.path.isdir(folder) else []

    def expect_bad(self, settings, *words, **changes):
        mps, auto = self.devices(settings, **changes)
        self.assertFalse(mps["available"])
        self.assertEqual(auto["device"], "cpu")
        for word in words:
            self.assertIn(word, mps["reason"])
            self.assertIn(word, auto["reason"])
        self.assertIn("-d mps tries it again", mps["reason"])

    def test_good_is_kept_and_not_asked_again(self):
        mps, auto = self.devices("")
        self.assertTrue(mps["available"])
        self.assertEqual(auto["device"], "mps")
        self.assertEqual(len(self.verdicts()), 1)
        self.assertTrue(self.devices("assert_at=1")[0]["available"])

    def test_a_program_that_dies(self):
        self.expect_bad("assert_at=1", "died of signal 6 (Aborted): applesim: failed assertion")
        self.expect_bad("", "died of signal 6")
        text = self.run_on("", "devices").out
        self.assertIn("its trial died of signal 6", text)
        device, errors = self.separated_on("")
        self.assertEqual(device, "cpu")
        self.assertIn("its trial died of signal 6", errors)

    def test_a_program_that_dies_in_f16(self):
        """The second precision counts as the first."""
        version = self.run_on("", "--version").out.split()[1]
        self.assert_done(self.run_on("report=" + self.path("counts"), "--cleave-trial", "mps", version))
        with open(self.path("counts"), encoding="utf-8") as file:
            last = json.load(file)["command_buffers"]
        self.assertGreater(last, 2)
        self.expect_bad("assert_at=%d" % last, "died of signal 6")

    def test_a_program_that_hangs(self):
        self.expect_bad("hang_at=1", "hung: it was stopped after 1 s", CLEAVE_TRIAL_SECONDS="1")

    def test_wrong_results(self):
        self.expect_bad("noise=0.0095", "f32 came to 40.", "60 are needed")
        self.assertTrue(self.devices("noise=0.0001", XDG_CACHE_HOME=self.path("b"))[0]["available"])

    def test_a_gpu_that_fails(self):
        self.expect_bad("fail_at=1,fail_code=9", "without a result (exit status 1)")
        self.expect_bad("fail_at=1,fail_code=4,macos=14.1", "lost")

    def test_by_its_name_it_is_asked_anew(self):
        self.expect_bad("assert_at=1", "signal 6")
        self.assertEqual(self.separated_on("", "-d", "mps")[0], "mps")
        self.assertEqual(self.devices("")[1]["device"], "mps")

    def test_by_its_name_where_it_fails_again(self):
        self.expect_bad("assert_at=1", "signal 6")
        device, errors = self.separated_on("noise=0.0095", "-d", "mps")
        self.assertEqual(device, "cpu")
        self.assertIn("f32 came to 40.", errors)
        result = self.run_on("noise=0.0095", MIX, "-m", MODEL, "-o", self.output, "-d", "mps",
                             "--strict-device")
        self.assertEqual(result.code, 4)
        self.assertIn("device mps is not available: it computes wrongly", result.err)
        self.assertIn("cleave doctor", result.err)

    def test_the_cpu_by_its_name_tries_nothing(self):
        self.assertEqual(self.separated_on("assert_at=1", "-d", "cpu")[0], "cpu")
        self.assertEqual(self.verdicts(), [])

    def test_another_macos_is_tried_by_itself(self):
        self.expect_bad("assert_at=1", "signal 6")
        self.assertTrue(self.devices("macos=15.0")[0]["available"])
        self.assertEqual(len(self.verdicts()), 2)

    def test_macos_13_is_tried_op_by_op(self):
        self.assertTrue(self.devices("macos=13.2")[0]["available"])
        self.expect_bad("macos=13.2,noise=0.01,name=Apple M2", "computes wrongly")

    def test_damaged_verdicts_are_asked_anew(self):
        self.devices("")
        path = self.path("cache", "cleave", self.verdicts()[0])
        for content in (b"", b"good\n", b"\xff" * 9000):
            with open(path, "wb") as file:
                file.write(content)
            self.assertTrue(self.devices("")[0]["available"])
        with open(path, "wb") as file:
            file.write(b"")
        self.expect_bad("assert_at=1", "signal 6")

    def test_who_looks_for_the_fault_can_skip_it(self):
        self.expect_bad("noise=0.01", "computes wrongly")
        self.assertTrue(self.devices("noise=0.01", CLEAVE_TRIAL="skip")[0]["available"])
        self.assertEqual(self.run_on("assert_at=1", MIX, "-m", MODEL, "-d", "mps", "-o", self.output,
                                     CLEAVE_TRIAL="skip").code, -6)

    def test_without_a_cache_folder(self):
        blocked = self.write("file", b"")
        self.assertTrue(self.devices("", XDG_CACHE_HOME=blocked)[0]["available"])
        self.expect_bad("assert_at=1", "signal 6", XDG_CACHE_HOME=blocked)

    def test_many_at_once(self):
        found = []

        def ask():
            found.append(self.devices("")[0]["available"])
        threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIME_LIMIT)
        self.assertEqual(found, [True] * 4)
        self.assertEqual(len(self.verdicts()), 1)
        self.assertEqual(len(os.listdir(self.path("cache", "cleave"))), 1)

    def test_a_trial_of_another_version_is_none(self):
        result = self.run_on("", "--cleave-trial", "mps", "0.0.1")
        self.assertEqual(result.code, 2)
        self.assertIn("not 0.0.1", result.out)

    def test_the_library_finds_the_program_of_its_installation(self):
        """One that calls nothing of it, linked with the shared library."""
        for settings, words in (("", "mps"), ("assert_at=1,name=Apple M3", "signal 6")):
            done = subprocess.run(LIBRARY_USER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=True, timeout=60, env=environment(
                                      CLEAVE_APPLESIM=settings, XDG_CACHE_HOME=self.path("cache")))
            self.assertIn(words, done.stdout)
        self.assertEqual(len(self.verdicts()), 2)


if __name__ == "__main__":
    unittest.main()
