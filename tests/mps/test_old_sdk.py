"""What is built with an SDK that has no Fourier transforms for the GPU: all but the mps backend, which is
left out in so many words. SOURCE: the project's root, which is configured against the simulated Mac's
headers without them; nothing is compiled."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
sys.argv[1:] = []
BACKEND = "src/backend/mps/"


class OldSdkTest(unittest.TestCase):
    def configure(self, *arguments):
        """→ (what meson says, sources that are compiled, the registry's command)"""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["meson", "setup", folder, SOURCE, "-Dapplesim=enabled", *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False, timeout=100)
            self.assertEqual(done.returncode, 0, done.stdout)
            with open(os.path.join(folder, "compile_commands.json"), encoding="utf-8") as file:
                commands = json.load(file)
        registry = [one["command"] for one in commands if one["file"].endswith("backend/registry.c")]
        return done.stdout, [one["file"] for one in commands], registry[0]

    def test_an_old_one_leaves_the_backend_out(self):
        said, files, registry = self.configure("-Dobjc_args=-DAPPLESIM_OLD_SDK", "-Dtests=disabled")
        self.assertIn("the backend mps is left out: it takes the SDK of macOS 14 or later", said)
        self.assertFalse([name for name in files if BACKEND in name])
        self.assertNotIn("CLEAVE_MPS", registry)
        self.assertTrue([name for name in files if name.endswith("src/cli/main.c")])

    def test_a_newer_one_builds_it(self):
        said, files, registry = self.configure("-Dtests=disabled")
        self.assertNotIn("left out", said)
        self.assertTrue([name for name in files if name.endswith(BACKEND + "transforms.m")])
        self.assertIn("-DCLEAVE_MPS", registry)


if __name__ == "__main__":
    unittest.main()
