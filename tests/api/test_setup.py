"""What scripts/setup says where it installs nothing itself: SETUP. A folder that holds the tools of some
system stands for it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

SETUP = sys.argv[1]
TOOLS = ("sh", "dirname", "id", "grep")


class SetupTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name
        for name in TOOLS:
            os.symlink(shutil.which(name), os.path.join(self.folder, name))

    def program(self, name, says=""):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nprintf '{says}'\n")
        os.chmod(path, 0o755)

    def setup(self, *arguments):
        return subprocess.run([os.path.join(self.folder, "sh"), SETUP, *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={"PATH": self.folder, "HOME": self.folder}, timeout=TIME_LIMIT)

    def lines(self):
        result = self.setup()
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stdout.splitlines()

    def test_fedora(self):
        self.program("uname", "Linux")
        self.program("dnf")
        [line] = self.lines()
        for words in ("Fedora", "(untried)", "sudo dnf install gcc ", " 'pkgconfig(sndfile)'",
                      " 'pkgconfig(kissfft-float)'", " 'pkgconfig(libavformat)'"):
            self.assertIn(words, line)

    def test_arch(self):
        self.program("uname", "Linux")
        self.program("pacman")
        [line] = self.lines()
        for words in ("Arch", "(untried)", "sudo pacman -S --needed gcc ", " libsndfile ", " kissfft "):
            self.assertIn(words, line)

    def test_another_linux(self):
        self.program("uname", "Linux")
        own, fedora, arch = self.lines()
        self.assertIn("under your system's names", own)
        self.assertIn("dnf install", fedora)
        self.assertIn("pacman", arch)

    def test_macos(self):
        self.program("uname", "Darwin")
        first, second = self.lines()
        self.assertIn("brew install meson ", first)
        self.assertIn(" cmake", first)
        self.assertIn("make-kissfft", second)

    def test_homebrew_is_not_asked_for_a_cmake_that_is_there(self):
        self.assertIn("cmake", self.setup("brew").stdout.split())
        self.program("cmake")
        names = self.setup("brew").stdout.split()
        self.assertNotIn("cmake", names)
        self.assertIn("libsndfile", names)

    def test_a_compiler_of_kernels_that_is_there_is_not_fetched(self):
        self.program("uname", "x86_64")
        library = os.path.join(self.folder, ".cache/cleave-cuda/lib/python3.99/site-packages",
                               "nvidia/cuda_nvrtc/lib/libnvrtc.so.12")
        os.makedirs(os.path.dirname(library))
        with open(library, "wb"):
            pass
        result = self.setup("cuda")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        found = subprocess.run([os.path.join(os.path.dirname(SETUP), "find-nvrtc")], text=True,
                               stdout=subprocess.PIPE, check=True, timeout=TIME_LIMIT,
                               env={"PATH": self.folder, "HOME": self.folder}).stdout
        self.assertEqual(found, library + "\n")

    def test_nothing_to_do(self):
        self.program("uname", "Linux")
        for name in ("cc", "c++", "meson", "ninja", "pkg-config", "python3"):
            self.program(name)
        result = self.setup()
        self.assertEqual((result.returncode, result.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
