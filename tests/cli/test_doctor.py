"""`cleave doctor`: its page, its JSON, and that it finds what does not work.

The environment is that of test_cli.py. CLEAVE_BROKEN, which may be unset, is the same program with
a kernel that multiplies wrong.
"""
import getpass
import json
import os
import platform
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import CliTest, CONFIG, DATA, MODEL, TIME_LIMIT, environment  # noqa: E402

BROKEN = os.environ.get("CLEAVE_BROKEN")
KEYS = ["auto", "build", "devices", "failures", "kernels", "libraries", "memory", "processor",
        "self_test", "separation", "system", "version"]
LIBRARIES = ["FFmpeg", "jansson", "kissfft", "libebur128", "libpng", "libsndfile", "libyaml",
             "minizip", "soxr", "zlib"]
KERNELS = ["add", "gemm f32", "load elu", "load gelu", "load none", "load relu", "multiply",
           "narrow f16 weights", "statistics", "widen f16 weights", "winograd input",
           "winograd output", "winograd weights"]


class DoctorTest(CliTest):
    plain = None

    def setUp(self):
        super().setUp()
        self.temporary = self.path("tmp")
        os.mkdir(self.temporary)

    def doctor(self, *arguments, **changes):
        return self.run_program("doctor", *arguments,
                                env=environment(TMPDIR=self.temporary, **changes))

    def report(self, *arguments, code=0, **changes):
        result = self.doctor(*arguments, "--json", **changes)
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)

    def plain_report(self):
        """The report without arguments, which is made only once."""
        if DoctorTest.plain is None:
            DoctorTest.plain = self.report()
        return DoctorTest.plain

    def test_page(self):
        result = self.doctor()
        self.assert_done(result)
        self.assert_fits(result.out)
        for words in ("to paste into a bug report", "\nProgram\n", "\nMachine\n", "\nMemory\n",
                      "\nDevices\n", "\nKernels of the CPU\n", "\nSelf-test of the kernels\n",
                      "built in, random weights", "\nEverything works.\n"):
            self.assertIn(words, result.out)
        self.assertRegex(result.out, r"(?m)^  reference +ok: \d+ kernels$")
        self.assertRegex(result.out, r"(?m)^  cpu +ok, in \d+\.\d+ s; ")
        self.assertNotIn("FAILED", result.out)
        self.assertNotIn("\033", result.out)

    def test_r12_versions_of_system_and_libraries(self):
        report = self.plain_report()
        self.assertEqual(sorted(report), KEYS)
        self.assertEqual(sorted(report["libraries"]), LIBRARIES)
        for name, version in report["libraries"].items():
            if name != "FFmpeg":
                self.assertRegex(version, r"^\d+\.\d+", name)
        # On macOS people know its own version, not its kernel's.
        self.assertIn(platform.mac_ver()[0] or platform.release(), report["system"]["system"])
        self.assertEqual(report["system"]["machine"], platform.machine())
        self.assertRegex(report["system"]["threads"], r"^[1-9]\d*, of \d+ processors online$")
        self.assertIn("library", report["build"])
        self.assertIn("compiler", report["build"])
        self.assertRegex(report["build"]["formats written"], r"\bwav, flac\b.*\braw\b")
        for device in report["devices"]:
            self.assertIn("driver", device)
            self.assertIn("runtime", device)
            self.assertIn("warning", device)

    def test_r14_devices_and_what_they_can_do(self):
        report = self.plain_report()
        devices = {device["id"]: device for device in report["devices"]}
        cpu = devices["cpu"]
        self.assertTrue(cpu["available"])
        self.assertTrue(cpu["capabilities"]["stft"]["able"])
        self.assertTrue(devices[report["auto"]["device"]]["available"])
        for device in devices.values():
            self.assertEqual(device["available"], device["reason"] is None)

    def test_each_kernel_of_each_table_is_tried(self):
        report = self.plain_report()
        self.assertEqual(report["failures"], 0)
        tables = {}
        for test in report["self_test"]:
            table, kernel = test["kernel"].split(" ", 1)
            self.assertTrue(test["ok"], test)
            tables.setdefault(table, []).append(kernel)
        runnable = [name for name, text in report["kernels"].items()
                    if not text.startswith("not in use: no ")]
        self.assertEqual(sorted(tables), sorted(runnable))
        for kernels in tables.values():
            self.assertEqual(len(set(kernels)), len(kernels))
            self.assertLessEqual(set(KERNELS), set(kernels))

    def test_why_kernels_are_not_in_use(self):
        chosen = [name for name, text in self.plain_report()["kernels"].items()
                  if text.startswith("in use")]
        self.assertEqual(len(chosen), 1)
        lowered = self.report(CLEAVE_KERNELS="reference")["kernels"]
        self.assertEqual(lowered["reference"], "in use: CLEAVE_KERNELS asks for it")
        if chosen != ["reference"]:
            self.assertEqual(lowered[chosen[0]], "not in use: CLEAVE_KERNELS asks for reference")
        wrong = self.report(CLEAVE_KERNELS="avx9")["kernels"]
        self.assertIn("CLEAVE_KERNELS asks for 'avx9', which it cannot", wrong[chosen[0]])

    def test_a_wrong_kernel_is_found(self):
        if BROKEN is None:
            self.skipTest("this linker has no --wrap")
        done = subprocess.run([BROKEN, "doctor"], cwd=self.folder, capture_output=True,
                              env=environment(), timeout=TIME_LIMIT, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^  \w+ +FAILED: 1 of \d+ kernels$")
        self.assertRegex(done.stdout, r"(?m)^ +multiply: \S+ of the allowed error$")
        self.assertIn("\n1 thing does not work: look for FAILED above.\n", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  cpu +ok, in ")
        done = subprocess.run([BROKEN, "doctor", "--json"], cwd=self.folder, capture_output=True,
                              env=environment(), timeout=TIME_LIMIT, text=True)
        self.assertEqual(done.returncode, 1)
        wrong = [test["kernel"] for test in json.loads(done.stdout)["self_test"] if not test["ok"]]
        self.assertEqual([name.split(" ", 1)[1] for name in wrong], ["multiply"])

    def test_separation_with_a_model(self):
        for arguments, changes in ((("-m", MODEL), {}), ((), {"CLEAVE_MODEL": MODEL}),
                                   (("-m", MODEL, "-c", CONFIG), {})):
            # A HOME that the checkout may lie in would be shortened to ~: see test_nothing_private.
            separation = self.report(*arguments, HOME=self.folder, **changes)["separation"]
            self.assertEqual(separation["model"], MODEL)
            trial = next(t for t in separation["trials"] if t["device"] == "cpu")
            self.assertEqual((trial["ok"], trial["error"]), (True, None))
            self.assertGreater(trial["snr"], 100)

    def test_a_model_that_cannot_be_opened(self):
        result = self.doctor("-m", self.path("none.ckpt"))
        self.assertEqual(result.code, 1)
        self.assertRegex(result.out, r"(?m)^  model +FAILED: ")
        self.assertIn("1 thing does not work", result.out)
        self.assertIn("\nDevices\n", result.out)
        report = self.report("-m", self.path("none.ckpt"), code=1)
        self.assertEqual(report["failures"], 1)
        self.assertIn("none.ckpt", report["separation"]["trials"][0]["error"])

    def test_half_a_checkpoint(self):
        broken = self.path("broken.ckpt")
        with open(MODEL, "rb") as file:
            data = file.read()
        with open(broken, "wb") as file:
            file.write(data[:len(data) // 2])
        result = self.doctor("-m", broken, "-c", CONFIG)
        self.assertEqual(result.code, 1)
        self.assertIn("FAILED", result.out)

    def test_nothing_is_left_behind(self):
        self.assert_done(self.doctor())
        self.assertEqual(os.listdir(self.temporary), [])

    def test_a_configuration_in_the_temporary_folder_is_ignored(self):
        with open(os.path.join(self.temporary, "model.yaml"), "w") as file:
            file.write("nonsense: [\n")
        self.assert_done(self.doctor())

    def test_no_place_for_the_sample(self):
        result = self.run_program("doctor", env=environment(TMPDIR=self.path("missing")))
        self.assertEqual(result.code, 1)
        self.assertRegex(result.out, r"(?s)FAILED: .*TMPDIR")

    def test_nothing_private(self):
        home = self.path("home", "somebody")
        os.makedirs(home)
        model = os.path.join(home, "drums.ckpt")
        result = self.doctor("-m", model, HOME=home)
        self.assertEqual(result.code, 1)
        self.assertNotIn("somebody", result.out)
        self.assertIn("~/drums.ckpt", result.out)
        text = self.doctor(HOME="/").out
        self.assertNotIn("~", text)
        for name in (socket.gethostname(), getpass.getuser()):
            if len(name) > 4:  # shorter ones may be words of the page
                self.assertNotRegex(text, r"\b%s\b" % re.escape(name))
        self.assertNotIn(DATA, text)

    def test_bad_usage(self):
        self.assert_failed(self.doctor("song.wav"), 2, "'song.wav'")
        self.assert_failed(self.doctor("--device", "cpu"), 2, "--device")

    def test_help_names_the_keys(self):
        text = self.run_program("doctor", "--help").out
        for key in KEYS:
            self.assertIn(key, text)


if __name__ == "__main__":
    unittest.main()
