"""`make install` and `make uninstall` by the script behind them: what one puts in place the other takes
away, and nothing else. BUILD SCRIPT. A small project stands in where the build has to change."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

BUILD, SCRIPT = sys.argv[1:3]
PROJECT = """
project('small', version: '1')
install_data('kept.txt', install_dir: get_option('datadir') / 'small/deep')
install_symlink('link.txt', pointing_to: 'deep/kept.txt', install_dir: get_option('datadir') / 'small')
import('pkgconfig').generate(name: 'small', description: 'small')
"""


def run(action, build, *prefix, root=""):
    return subprocess.run([SCRIPT, action, build, *prefix], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "DESTDIR": root}, check=False,
                          timeout=TIME_LIMIT)


def tree(folder):
    """Every file and folder below, relative."""
    return {os.path.relpath(os.path.join(where, name), folder)
            for where, folders, files in os.walk(folder) for name in folders + files}


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.small = os.path.join(place.name, "build")
        source = os.path.join(place.name, "source")
        os.mkdir(source)
        for name, text in {"meson.build": PROJECT, "kept.txt": "text\n"}.items():
            with open(os.path.join(source, name), "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["meson", "setup", cls.small, source, "--prefix=/usr"], check=True,
                       stdout=subprocess.DEVNULL, timeout=TIME_LIMIT)

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name
        self.root = os.path.join(self.folder, "root")

    def check(self, result, *words):
        self.assertEqual(result.returncode, 0, result.stdout)
        for word in words:
            self.assertIn(word, result.stdout)

    def test_whole_program(self):
        self.check(run("put", BUILD, root=self.root), "uninstall")
        names = {os.path.basename(path) for path in tree(self.root)}
        shared = "libcleave.dylib" if sys.platform == "darwin" else "libcleave.so"
        self.assertLessEqual({"cleave", "cleave.h", "extra.h", "libcleave.a", shared, "cleave.pc",
                              "cleave.1", "_cleave", "cleave.fish"}, names)
        self.check(run("remove", BUILD, root=self.root))
        self.assertEqual(tree(self.folder), set())

    def test_what_was_there_stays(self):
        os.makedirs(os.path.join(self.root, "usr/share/empty"))
        os.makedirs(os.path.join(self.root, "usr/share/small"))
        before = tree(self.root)
        self.check(run("put", self.small, root=self.root))
        self.check(run("put", self.small, root=self.root))  # again: still known as its own
        with open(os.path.join(self.root, "usr/share/small/deep/mine"), "w", encoding="utf-8"):
            pass
        self.check(run("remove", self.small, root=self.root))
        self.assertEqual(tree(self.root) - before,
                         {"usr/share/small/deep", "usr/share/small/deep/mine"})

    def test_another_prefix(self):
        self.check(run("put", self.small, "/opt/here", root=self.root))
        [pc_file] = [path for path in tree(self.root) if path.endswith("small.pc")]
        with open(os.path.join(self.root, pc_file), encoding="utf-8") as file:
            self.assertIn("prefix=/opt/here\n", file.read())
        self.assertIn("opt/here/share/small/link.txt", tree(self.root))
        self.check(run("put", self.small, "/usr", root=self.root))
        self.assertIn("usr/share/small/deep/kept.txt", tree(self.root))
        self.check(run("remove", self.small, root=self.root))
        self.assertFalse(os.path.exists(self.root))

    def test_nothing_to_remove(self):
        result = run("remove", BUILD, root=self.root)
        self.assertEqual(result.returncode, 1)
        self.assertIn("DESTDIR", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
