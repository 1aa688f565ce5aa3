"""A build with the simulated Mac cannot be taken for a release: whatever it prints about devices says
so, it is not installed, and the check of releases finds it. BUILD CHECK INSTALLED FILE…: the
scripts check-release and installed, and the program and libraries of the build. The environment is that
of tests/cli/test_cli.py."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

BUILD, CHECK, INSTALLED, *FILES = sys.argv[1:]
sys.argv[1:] = []
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from test_cli import CliTest, MIX, MODEL, TIME_LIMIT, environment  # noqa: E402


def run(*command, **changes):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, env={**os.environ, **changes}, timeout=TIME_LIMIT)


class BuildTest(unittest.TestCase):
    def test_r6_the_check_of_releases_finds_it(self):
        """Each kind of trace, in the program and in both libraries."""
        self.assertEqual(len(FILES), 3)
        for path in FILES:
            result = run(CHECK, path)
            self.assertEqual(result.returncode, 1, result.stdout)
            for words in ("words ", "made of ", "symbols "):
                self.assertIn(words, result.stdout)
            linked = "sections " if path.endswith(".a") else "libgnustep-base"
            self.assertIn(linked, result.stdout)

    def test_r6_it_is_not_installed(self):
        for command in (["meson", "install", "-C", BUILD, "--no-rebuild"], [INSTALLED, "put", BUILD]):
            with tempfile.TemporaryDirectory() as root:
                result = run(*command, DESTDIR=root)
                self.assertNotEqual(result.returncode, 0, result.stdout)
                self.assertIn("simulated Mac is for tests", result.stdout)
                left = [name for _, _, names in os.walk(root) for name in names]
                self.assertEqual(left, [])


class OutputTest(CliTest):
    def done(self, *arguments):
        result = self.run_program(*arguments, env=environment())
        self.assertEqual(result.code, 0, result.err)
        return result

    def test_r6_version_devices_and_doctor_say_so(self):
        self.assertIn("simulated Apple GPU, for tests only", self.done("--version").out)
        listed = json.loads(self.done("devices", "--json").out)["devices"]
        self.assertEqual({one["id"]: one["simulated"] for one in listed},
                         {"mps": True, "cuda": False, "cpu": False})
        self.assertIn("simulated: there is no such device here", self.done("devices").out)
        doctor = self.done("doctor", "-q").out
        self.assertIn("simulated: there is no such device here", doctor)

    def test_r6_separating_warns(self):
        for device, warned in (("mps", True), ("cpu", False)):
            result = self.done(MIX, "-m", MODEL, "-d", device, "-o", self.output)
            self.assertEqual("mps is simulated" in result.err, warned, result.err)

    def test_t1_bench_says_so(self):
        common = ("bench", "-m", MODEL, "-d", "mps,cpu", "--precision", "f32", "--compile", "yes",
                  "--seconds", "1", "--runs", "1", "-q")
        self.assertIn("\nSimulated: mps; ", self.done(*common).out)
        expected = {"mps": True, "cpu": False}
        rows = json.loads(self.done(*common, "--json").out)["configurations"]
        self.assertEqual({row["device"]: row["simulated"] for row in rows}, expected)

    def test_t2_verify_says_so(self):
        common = ("verify", "-m", MODEL, "-d", "mps,cpu", "--precision", "f32", "--compile", "yes",
                  "--seconds", "1", "-q")
        self.assertIn("\nSimulated: mps; ", self.done(*common).out)
        modes = json.loads(self.done(*common, "--json").out)["modes"]
        self.assertEqual({mode["device"]: mode["simulated"] for mode in modes},
                         {"mps": True, "cpu": False})


if __name__ == "__main__":
    unittest.main()
