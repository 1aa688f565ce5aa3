"""Public structs may grow: a program built with this version's headers runs with a library of longer
structs, and one built with longer structs runs with this version's library: BUILD LIBRARY SOURCE MODEL
MIX. The compiler is in CC.

A library of longer structs is made here: lengthen.py adds fields to the headers, and all files of the
library are compiled with them, but for the CPU's kernels, which take no public struct. They are not
optimised, since that takes most of a compiler's time; the bits of the stems are the same."""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from lengthen import ADDED, FIXED, STRUCT, lengthen  # noqa: E402
from processes import TIME_LIMIT  # noqa: E402

BUILD, LIBRARY, SOURCE, MODEL, MIX = (os.path.abspath(path) for path in sys.argv[1:6])
COMPILER = shlex.split(os.environ["CC"])
HEADERS = os.path.join(SOURCE, "include")
PROGRAM = os.path.join(SOURCE, "tests", "api", "growth.c")


def run(*command, folder=BUILD, **environment):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=TIME_LIMIT,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(" ".join(command) + "\n" + done.stdout)
    return done.stdout


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def is_of_kernels(archive):
    return "kernels" in os.path.basename(archive)


def archive_of(entry):
    """The archive that a compile command's object goes into."""
    return os.path.dirname(entry["output"])[:-len(".p")]


class LongerLibrary:
    """Compiles and links the library in `place` as the build does, with other headers."""

    def __init__(self, headers, place):
        self.headers = headers
        self.place = place
        self.path = os.path.join(place, os.path.basename(LIBRARY))
        name = os.path.relpath(LIBRARY, BUILD)
        self.commands = json.loads(read(BUILD, "compile_commands.json"))
        self.kernels = [entry["output"] for entry in self.commands
                        if re.match(r"src/.*\.a$", archive_of(entry)) and is_of_kernels(archive_of(entry))]
        self.link = shlex.split(run("ninja", "-t", "commands", name).splitlines()[-1])
        # Longer structs are in all parts of the library but the kernels.
        self.parts = [word for word in self.link if re.fullmatch(r"src/.*\.a", word)
                      and not is_of_kernels(word)]

    def compile(self, entry):
        words = shlex.split(entry["command"])
        target = os.path.join(self.place, entry["output"].replace("/", "-"))
        public = os.path.relpath(HEADERS, BUILD)
        assert "-I" + public in words, words
        words = ["-I" + self.headers if word == "-I" + public else word for word in words]
        words = [word for word in words if word not in ("-MD", "-O2", "-O3")]
        words[words.index("-o") + 1] = target
        for option in ("-MQ", "-MF"):
            at = words.index(option)
            del words[at:at + 2]
        run(*words, "-O0", "-w")
        return target

    def build(self):
        entries = [entry for entry in self.commands if archive_of(entry) in self.parts]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            objects = list(threads.map(self.compile, entries))
        # Meson from 1.2 on has put the kernels' objects into a part, in place of an archive beside it.
        if not any(is_of_kernels(word) for word in self.link):
            objects += self.kernels
        words = [word for word in self.link if word not in self.parts]
        words[words.index("-o") + 1] = self.path
        at = words.index("-Wl,--whole-archive") + 1
        run(*words[:at], *objects, *words[at:])
        return self


class GrowthTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.place = place.name
        cls.longer_headers = cls.folder("include")
        cls.grown = lengthen(HEADERS, cls.longer_headers)
        soname = os.path.basename(LIBRARY)
        cls.libraries = {"this": LIBRARY,
                         "longer": LongerLibrary(cls.longer_headers, cls.folder("lib")).build().path}
        for kind, path in cls.libraries.items():
            links = cls.folder("links-" + kind)
            for name in {soname, re.sub(r"(\.so\.\d+)[.\d]*$", r"\1", soname)}:
                os.symlink(path, os.path.join(links, name))
        cls.programs = {"this": cls.program("this", HEADERS),
                        "longer": cls.program("longer", cls.longer_headers, "-DLONGER")}

    @classmethod
    def folder(cls, name):
        path = os.path.join(cls.place, name)
        os.makedirs(path, exist_ok=True)
        return path

    @classmethod
    def program(cls, name, headers, *options):
        path = os.path.join(cls.place, "growth-" + name)
        run(*COMPILER, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I" + headers, *options, PROGRAM,
            "-o", path, LIBRARY, "-lm")
        return path

    def output(self, program, library):
        """What a program prints with a library of this version's structs, or of longer ones."""
        stems = self.folder(f"out-{program}-{library}")
        return run(self.programs[program], MODEL, MIX, stems,
                   "known" if library == "longer" else "unknown",
                   LD_LIBRARY_PATH=os.path.join(self.place, "links-" + library))

    def assert_same(self, program, library):
        expected = self.output("this", "this").splitlines()
        self.assertEqual(expected[-1], "done")
        self.assertEqual(self.output(program, library).splitlines(), expected)

    def test_an_older_program_with_this_library(self):
        self.assert_same("this", "longer")

    def test_a_newer_program_with_this_library(self):
        self.assert_same("longer", "this")

    def test_both_newer(self):
        self.assert_same("longer", "longer")

    def test_every_struct_is_longer(self):
        text = "".join(read(HEADERS, name) for name in ("cleave.h", "cleave/extra.h"))
        structs = set(re.findall(r"typedef struct (cleave_\w+) \{", text))
        self.assertEqual(self.grown, structs - FIXED)
        for name in FIXED:
            self.assertIn(name, structs)
        longer = read(self.longer_headers, "cleave.h") + read(self.longer_headers, "cleave/extra.h")
        self.assertEqual(longer.count(ADDED), len(self.grown))
        self.assertEqual(len(STRUCT.findall(longer)), len(structs))

    def test_no_struct_that_grows_is_inside_another(self):
        for name in ("cleave.h", "cleave/extra.h"):
            for body, struct, _ in STRUCT.findall(read(HEADERS, name)):
                for member in re.findall(r"^ +(cleave_\w+) \w+[;\[]", body, re.M):
                    self.assertNotIn(member, self.grown, f"in {struct}")

    def test_every_function_with_a_size_is_called(self):
        program = read(PROGRAM)
        text = "".join(read(HEADERS, name) for name in ("cleave.h", "cleave/extra.h"))
        sized = set(re.findall(r"CLEAVE_API[^;]*?\b(cleave_\w+)_sized\(", text))
        self.assertGreater(len(sized), 20)
        for name in sized:
            self.assertRegex(program, rf"\b{name}\(", "not tried by growth.c")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
