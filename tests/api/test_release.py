"""A release for Linux has nothing of the simulated devices, nor of the backend that runs on a simulated Mac
alone, in whatever is installed: BUILD CHECK [cuda], the script that looks for them, and whether the build
has the backend for NVIDIA GPUs. The compiler is in CC."""

import glob
import json
import os
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

BUILD, CHECK, *WITH_CUDA = sys.argv[1:]
COMPILER = shlex.split(os.environ["CC"])


def run(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=TIME_LIMIT)


class ReleaseTest(unittest.TestCase):
    """What is installed is what the tarball of a release and the packages hold."""

    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.root = place.name
        done = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.root)
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        [cls.program] = glob.glob(cls.root + "/**/bin/cleave", recursive=True)

    def test_r6_nothing_that_is_installed_is_simulated(self):
        result = run(CHECK, self.root)
        self.assertEqual(result.returncode, 0, result.stdout)
        looked = {os.path.basename(line.split(": ")[0]) for line in result.stdout.splitlines()}
        self.assertEqual({name.split(".so")[0] for name in looked},
                         {"cleave", "libcleave", "libcleave.a", *["libcleave-cuda"] * len(WITH_CUDA)})

    def test_r6_it_lists_no_simulated_device(self):
        listed = json.loads(run(self.program, "devices", "--json").stdout)
        devices = {device["id"]: device for device in listed["devices"]}
        self.assertTrue(devices["cpu"]["available"])
        self.assertFalse(any(device["simulated"] for device in devices.values()))
        self.assertEqual((devices["mps"]["available"], devices["mps"]["name"]),
                         (False, "Apple GPU"))
        self.assertIn("no mps backend", devices["mps"]["reason"])
        for words in (("--version",), ("devices",)):
            self.assertNotIn("simulated", run(self.program, *words).stdout)


class CheckTest(unittest.TestCase):
    """The check sees each trace by itself."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile(self, target, code, *options, source="some.c"):
        with open(self.path(source), "w", encoding="utf-8") as file:
            file.write(code)
        done = run(*COMPILER, "-x", "c", self.path(source), "-x", "none", "-o", self.path(target),
                   *options)
        self.assertEqual(done.returncode, 0, done.stdout)
        return self.path(target)

    def shared(self, code, *options, **keywords):
        return self.compile("lib.so", code, "-shared", "-fPIC", *options, **keywords)

    def expect(self, path, *words):
        result = run(CHECK, path)
        for word in words:
            self.assertIn(word, result.stdout)
        self.assertEqual(result.returncode, 1 if words else 0, result.stdout)

    def test_what_is_clean_passes(self):
        self.expect(self.shared("int f(void); int f(void) { return 1; }"))

    def test_words(self):
        self.expect(self.shared('const char *const f = "CLEAVE_APPLESIM";'), "words APPLESIM")
        self.expect(self.shared('const char *const f = "no MPSGraph";', "-s"), "words MPSGraph")
        self.expect(self.shared('const char *const f = "CLEAVE_CUDASIM";'), "words CLEAVE_CUDASIM")
        self.expect(self.shared('const char *const f = "cudasim_version";'))

    def test_symbols(self):
        self.expect(self.shared("int objc_msg_lookup(void); int f(void);"
                                "int f(void) { return objc_msg_lookup(); }"),
                    "symbols objc_msg_lookup")
        self.expect(self.shared("extern int backend_mps; int backend_mps = 1;"),
                    "symbols backend_mps")
        for name in ("cudasim_version", "emu_launch", "cuInit", "nvmlInit_v2"):
            self.expect(self.shared(f"int {name}(void); int {name}(void) {{ return 1; }}"),
                        "symbols " + name)
        self.expect(self.shared("int cuda_count(void); int nvml_release(void);"
                                "int cuda_count(void) { return 1; } int nvml_release(void) { return 1; }"))

    def test_sources(self):
        for name in ("device.m", "accounting.c", "all.cu"):
            self.expect(self.shared("int f = 1;", source=name), "made of " + name)

    def test_libraries(self):
        self.shared("int f = 1;", "-Wl,-soname,libgnustep-base.so.1.28")
        os.rename(self.path("lib.so"), self.path("libother.so"))
        self.expect(self.shared("extern int f; int *g = &f;", "-L" + self.folder,
                                "-Wl,--no-as-needed", "-lother"),
                    "linked with libgnustep-base.so.1.28")

    def test_nvidias_libraries(self):
        for soname in ("libcuda.so.1", "libcublasLt.so.12", "libnvidia-ml.so.1", "libnvrtc.so.12"):
            self.shared("int f = 1;", "-Wl,-soname," + soname)
            os.rename(self.path("lib.so"), self.path("libother.so"))
            self.expect(self.shared("extern int f; int *g = &f;", "-L" + self.folder,
                                    "-Wl,--no-as-needed", "-lother"), "linked with " + soname)

    def test_sections(self):
        self.expect(self.shared('int f __attribute__((section("__objc_data"))) = 1;'),
                    "sections __objc_data")

    def test_archives(self):
        self.compile("some.o", "int sim_count(void); int sim_count(void) { return 1; }", "-c")
        self.assertEqual(run("ar", "rcs", self.path("lib.a"), self.path("some.o")).returncode, 0)
        self.expect(self.path("lib.a"), "symbols sim_count")

    def test_names_in_a_folder(self):
        os.makedirs(self.path("root/lib"))
        library = self.shared("int f = 1;")
        for name in ("libapplesim.so", "libcuda.so.1", "cudasim"):
            os.rename(library, self.path("root/lib/" + name))
            self.expect(self.path("root"), "is named so")
            os.rename(self.path("root/lib/" + name), library)

    def test_nothing_to_look_through_is_no_pass(self):
        os.mkdir(self.path("empty"))
        self.expect(self.path("empty"), "no program")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
