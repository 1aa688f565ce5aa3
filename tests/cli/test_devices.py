"""Devices as a user meets them: lists, choices, failures and what becomes of a run, on a made-up
device that computes as the CPU does and fails as it is told (tests/backend/fault_backend.c)."""

import filecmp
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import wave

PROGRAM = os.environ["CLEAVE_PROGRAM"]
CASE = os.path.join(os.environ["CLEAVE_TEST_DATA"], "golden", "short-input")
MODEL = os.path.join(CASE, "model.ckpt")
BACKEND = os.environ["CLEAVE_FAULT_BACKEND"]
LIBRARY = os.environ["CLEAVE_SHARED_LIBRARY"]
EXTENSION = os.path.splitext(BACKEND)[1]
TIME_LIMIT = 120
FRAMES = 9000


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")
        self.errors = [line for line in self.err.splitlines() if "error: " in line]
        self.warnings = [line for line in self.err.splitlines() if "warning: " in line]


def write_noise(path):
    """Some chunks of it: a run of the network each, at least."""
    source = random.Random(1)
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        values = [source.randrange(-20000, 20000) for _ in range(2 * FRAMES)]
        file.writeframes(struct.pack("<%dh" % len(values), *values))


class DeviceTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-devices-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.mix = self.path("mix.wav")
        write_noise(self.mix)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def run_program(self, *arguments, fault="", backends=os.path.dirname(BACKEND), program=PROGRAM,
                    **changes):
        env = {key: value for key, value in os.environ.items()
               if not key.startswith("CLEAVE_") or key == "CLEAVE_WITHOUT"}
        env.update(LC_ALL="C.UTF-8", CLEAVE_FAULT=fault, **changes)
        if backends is not None:
            env["CLEAVE_BACKENDS"] = backends
        done = subprocess.run([program, *arguments], cwd=self.folder, env=env, timeout=TIME_LIMIT,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        return Result(done)

    def devices(self, **keywords):
        result = self.run_program("devices", "--json", **keywords)
        self.assertEqual(result.code, 0, result.err)
        found = json.loads(result.out)
        return {device["id"]: device for device in found["devices"]}, found["auto"]

    def separate(self, *arguments, output="out", **keywords):
        return self.run_program(self.mix, "-m", MODEL, "-o", self.path(output), *arguments, **keywords)

    def assert_same_stems(self, first, second):
        names = sorted(os.listdir(self.path(first, "mix")))
        self.assertTrue(names)
        self.assertEqual(names, sorted(os.listdir(self.path(second, "mix"))))
        for name in names:
            self.assertTrue(filecmp.cmp(self.path(first, "mix", name),
                                        self.path(second, "mix", name), shallow=False), name)


# ---- The list ---------------------------------------------------------------------------------

class ListTest(DeviceTest):
    def test_r3_memory_of_devices_and_system(self):
        devices, _ = self.devices()
        cpu, cuda = devices["cpu"], devices["cuda:0"]
        self.assertEqual(cuda["memory_total"], 8 << 30)
        self.assertEqual(cuda["memory_used_percent"], 25)
        self.assertIsNone(cuda["system_memory_total"])
        self.assertGreaterEqual(cpu["system_memory_total"], cpu["memory_total"])
        table = self.run_program("devices").out
        self.assertRegex(table, r"(?m)^cuda:0 .* 8\.0 GiB +6\.0 GiB +25 %$")
        self.assertRegex(table, r"(?m)^ +memory is the system's: \S+ \S+, \S+ \S+ of it free$")

    def test_r6_r14_kinds_and_capabilities_with_reasons(self):
        devices, _ = self.devices()
        self.assertEqual({device["kind"] for device in devices.values()}, {"mps", "cuda", "cpu"})
        flags = devices["cuda:0"]["capabilities"]
        self.assertEqual(set(flags), {"f16", "bf16", "stft", "compile", "unified_memory"})
        for device in devices.values():
            for flag in (device["capabilities"] or {}).values():
                self.assertTrue(flag["able"] or flag["reason"])
        self.assertFalse(flags["bf16"]["able"])
        table = self.run_program("devices").out
        self.assertRegex(table, r"(?m)^cuda:0 +cuda +yes +no +yes +yes +no$")
        self.assertRegex(table, r"(?m)^ +bf16: no: compute capability 7\.5 has none$")

    def test_r6_a_simulated_device_is_called_so(self):
        devices, _ = self.devices(fault="simulated")
        self.assertEqual([name for name, one in devices.items() if one["simulated"]], ["cuda:0"])
        for fault, told in (("simulated", True), ("", False)):
            table = self.run_program("devices", fault=fault).out
            self.assertEqual(" simulated: there is no such device here" in table, told)
            result = self.separate(fault=fault)
            self.assertEqual(any("cuda:0 is simulated" in line for line in result.warnings), told)

    def test_r12_versions_and_the_warning_of_one_that_limits(self):
        devices, _ = self.devices(fault="old-driver")
        self.assertEqual(devices["cuda:0"]["driver"], "made-up 500.1")
        self.assertIn("too old", devices["cuda:0"]["warning"])
        self.assertTrue(devices["cpu"]["system"])
        self.assertIsNone(devices["cpu"]["warning"])
        table = self.run_program("devices", fault="old-driver").out
        self.assertIn("Made-up OS 1.0, driver made-up 500.1, runtime made-up 12.3", table)
        self.assertIn("warning: driver 500.1 is too old for graph compilation", table)
        result = self.separate("-v", fault="old-driver,no-compile-able")
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("cuda:0: Made-up GPU 0; Made-up OS 1.0, driver made-up 500.1", result.err)
        self.assertTrue(any("525 or newer has it" in line for line in result.warnings))
        self.assertTrue(any("op by op" in line for line in result.warnings), result.err)

    def test_r15_several_devices_and_one_that_cannot_be_used(self):
        devices, auto = self.devices(fault="devices=3,second-dead")
        self.assertEqual(list(devices), ["mps", "cuda:0", "cuda:1", "cuda:2", "cpu"])
        self.assertFalse(devices["cuda:1"]["available"])
        self.assertIn("exclusively", devices["cuda:1"]["reason"])
        self.assertEqual(auto, {"device": "cuda:0", "reason": "preferred to cuda:2, cpu"})
        _, auto = self.devices(fault="probe")
        self.assertEqual(auto, {"device": "cpu", "reason": "the only device present"})
        devices, _ = self.devices(fault="devices=1000")
        self.assertEqual(len(devices), 32)
        self.assertTrue(devices["cpu"]["available"])

    def test_tables_keep_to_80_columns(self):
        for fault in ("", "devices=3,second-dead,old-driver", "probe", "simulated"):
            result = self.run_program("devices", fault=fault)
            self.assertEqual((result.code, result.err), (0, ""))
            for line in result.out.splitlines():
                self.assertLessEqual(len(line), 80, line)
                self.assertEqual(line, line.rstrip())


# ---- Objects that are no backends -------------------------------------------------------------

class LoadingTest(DeviceTest):
    def reason(self, **keywords):
        devices, auto = self.devices(**keywords)
        self.assertEqual(auto["device"], "cpu")
        self.assertFalse(devices["cuda"]["available"])
        return devices["cuda"]["reason"]

    def place(self, source=None, data=None):
        target = self.path("libcleave-cuda" + EXTENSION)
        if source is not None:
            shutil.copy(source, target)
        else:
            with open(target, "wb") as file:
                file.write(data)

    def test_r10_none_is_there(self):
        self.assertIn("has no cuda backend", self.reason(backends=self.folder))
        self.assertIn("; see docs/nvidia.md", self.reason(backends=self.folder))
        self.assertIn("has no cuda backend", self.reason(backends="/nowhere"))
        self.assertIn("has no cuda backend", self.reason(backends="/" + 5000 * "x"))

    def test_r10_what_is_there_is_no_library(self):
        with open(BACKEND, "rb") as file:
            whole = file.read()
        for data in (b"", b"no library", whole[:64], whole[:4096]):
            self.place(data=data)
            self.assertIn("cannot be loaded", self.reason(backends=self.folder))

    def test_r10_a_library_that_is_no_backend(self):
        self.place(source=LIBRARY)
        self.assertIn("no backend of cleave", self.reason(backends=self.folder))

    def test_r10_a_backend_that_does_not_fit(self):
        for fault, words in (("abi", "another version of cleave"),
                             ("version", "another version of cleave"),
                             ("kind", "another kind"), ("incomplete", "not complete"),
                             ("nothing", "offers no backend")):
            self.assertIn(words, self.reason(fault=fault))

    def test_r10_a_probe_that_fails_says_why(self):
        self.assertEqual(self.reason(fault="probe"), "the made-up driver finds no GPU")

    def test_a_kind_can_be_left_out(self):
        for left_out in ("cuda", "mps,cuda", "cuda,mps"):
            devices, _ = self.devices(CLEAVE_WITHOUT=left_out)
            self.assertFalse(devices["cuda"]["available"])
            self.assertIn("leaves the cuda backend out", devices["cuda"]["reason"])
        for left_out in ("", "mps", "cud", "cuda:0", "mps,,cudas"):
            devices, _ = self.devices(CLEAVE_WITHOUT=left_out)
            self.assertTrue(devices["cuda:0"]["available"])

    def test_r10_beside_the_program(self):
        program = self.path("bin", "cleave")
        os.makedirs(self.path("bin"))
        shutil.copy(PROGRAM, program)
        self.assertIn("has no cuda backend", self.reason(backends=None, program=program))
        shutil.copy(BACKEND, self.path("bin"))
        devices, _ = self.devices(backends=None, program=program)
        self.assertTrue(devices["cuda:0"]["available"])

    def test_r10_not_from_the_working_folder(self):
        """Started by its bare name from a folder in PATH, it must not load what lies around."""
        os.makedirs(self.path("bin"))
        shutil.copy(PROGRAM, self.path("bin", "cleave"))
        shutil.copy(BACKEND, self.folder)
        env = {"PATH": self.path("bin"), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["cleave", "devices"], cwd=self.folder, env=env, timeout=TIME_LIMIT,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              executable=self.path("bin", "cleave"))
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(b"Made-up", done.stdout)


# ---- The choice -------------------------------------------------------------------------------

class ChoiceTest(DeviceTest):
    def used(self, *arguments, **keywords):
        result = self.separate("--json", *arguments, **keywords)
        self.assertEqual(result.code, 0, result.err)
        return json.loads(result.out)["device"], result.warnings

    def test_r15_devices_by_name(self):
        two = {"fault": "devices=2"}
        self.assertEqual(self.used(**two), ("cuda:0", []))
        for name, device in (("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"),
                             ("cpu", "cpu")):
            self.assertEqual(self.used("-d", name, **two), (device, []))
            self.assertEqual(self.used("-d", name, "--strict-device", **two), (device, []))

    def test_r15_the_first_of_a_kind_that_works(self):
        device, warnings = self.used("-d", "cuda:1", fault="devices=2,second-dead")
        self.assertEqual(device, "cuda:0")
        self.assertEqual(len(warnings), 1)
        self.assertIn("cuda:1 is not available (it is in use exclusively)", warnings[0])

    def test_r15_an_absent_device_falls_back_or_fails(self):
        for name, fault in (("mps", ""), ("cuda:1", ""), ("cuda", "probe")):
            device, warnings = self.used("-d", name, fault=fault)
            self.assertEqual(device, "cpu" if fault else "cuda:0")
            self.assertEqual(len(warnings), 1)
            self.assertIn(name + " is not available", warnings[0])
            result = self.separate("-d", name, "--strict-device", fault=fault)
            self.assertEqual(result.code, 4)
            self.assertEqual(len(result.errors), 1)
            self.assertIn("device %s is not available" % name, result.errors[0])
            self.assertIn("; try ", result.errors[0])

    def test_r15_what_is_no_device_is_wrong_usage(self):
        for name in ("gpu", "cpu:1", "mps:1", "cuda:x", "cuda:", "cuda:-1", "CUDA"):
            result = self.separate("-d", name)
            self.assertEqual(result.code, 2, name)
            self.assertEqual(len(result.errors), 1)
            self.assertIn('"%s"' % name, result.errors[0])
            self.assertIn("; try ", result.errors[0])

    def test_r7_the_batch_in_inspect(self):
        for device, overlap, batch in (("cuda", 1, 8), ("cuda", 4, 4), ("cuda", 50, 2),
                                       ("cpu", 1, 1), ("cpu", 50, 1)):
            result = self.run_program("inspect", MODEL, "-d", device, "--overlap", str(overlap),
                                      "--json")
            memory = json.loads(result.out)["memory"]
            self.assertEqual((memory["device_batch"], memory["auto_batch"]), (batch, batch))


# ---- Failures ---------------------------------------------------------------------------------

class FailureTest(DeviceTest):
    def test_r11_each_failure_is_one_line_with_cause_and_remedy(self):
        for fault, words in (
                ("compile-all", "cuda:0 failed while making the network ready: made-up error 719"),
                ("memory-compile=0", "cuda:0 ran out of memory while making the network ready"),
                ("memory-run=0", "cuda:0 ran out of memory while running the network"),
                ("run=1", "cuda:0 failed while running the network: made-up error 719"),
                ("upload", "cuda:0 failed while sending audio to the device"),
                ("download", "cuda:0 failed while fetching stems from the device"),
                ("lost", "cuda:0 was lost while running the network"),
                ("probe", "device cuda is not available: the made-up driver finds no GPU")):
            result = self.separate("-d", "cuda", "--strict-device", "-b", "1", fault=fault)
            self.assertIn(result.code, (1, 4), fault)
            self.assertEqual(len(result.errors), 1, result.err)
            self.assertIn(words, result.errors[0])
            self.assertIn("; likely: ", result.errors[0])
            self.assertIn("; try ", result.errors[0])
            self.assertFalse(os.path.exists(self.path("out", "mix", "vocals.wav")))

    def test_r4_a_compiler_that_fails_does_not_lose_the_run(self):
        result = self.separate("--json", "--strict-device", "-d", "cuda", fault="compile")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("it runs op by op instead", result.warnings[0])
        track = json.loads(result.out)
        self.assertEqual((track["device"], track["compiled"]), ("cuda:0", False))
        self.assertIs(json.loads(self.separate("--json").out)["compiled"], True)
        self.assertIs(json.loads(self.separate("--json", "--no-compile").out)["compiled"], False)

    def test_b1_the_run_finishes_elsewhere_with_the_same_stems(self):
        self.assertEqual(self.separate("-d", "cpu", output="cpu").code, 0)
        for fault in ("memory-compile=0", "compile-all", "memory-run=0", "run=0", "run=1", "lost=2",
                      "free=1000"):
            result = self.separate("-b", "1", "--json", fault=fault, output=fault)
            self.assertEqual((result.code, result.errors), (0, []), result.err)
            self.assertTrue(any("; going on with cpu" in line for line in result.warnings), fault)
            self.assertEqual(json.loads(result.out)["device"], "cpu")
            self.assert_same_stems("cpu", fault)

    def test_b1_the_batch_is_halved_first(self):
        self.assertEqual(self.separate("-d", "cpu", output="cpu").code, 0)
        for fault in ("memory-compile=1", "memory-run=1"):
            result = self.separate("--json", "-b", "4", fault=fault, output=fault)
            self.assertEqual((result.code, len(result.warnings)), (0, 1), result.err)
            self.assertEqual(json.loads(result.out)["device"], "cuda:0")
            self.assert_same_stems("cpu", fault)

    def test_b1_a_halved_batch_holds_for_the_next_track(self):
        shutil.copy(self.mix, self.path("second.wav"))
        result = self.separate(self.path("second.wav"), "--json", "-b", "4", fault="memory-run=1")
        self.assertEqual((result.code, len(result.warnings)), (0, 1), result.err)
        self.assertEqual([json.loads(line)["batch"] for line in result.out.splitlines()], [1, 1])

    def test_b1_the_second_device_of_a_kind_comes_before_the_cpu(self):
        result = self.separate("--json", fault="devices=2,run=0")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual([re.search(r"going on with (\S+)", line).group(1)
                          for line in result.warnings], ["cuda:1", "cpu"])


# ---- Numbers that outgrow a precision ---------------------------------------------------------

class PrecisionTest(DeviceTest):
    NARROW = "auto=f16,bf16,nan=2"

    def used(self, *arguments, fault=NARROW, **keywords):
        """→ (precision, device, warnings that it goes on in another one)"""
        result = self.separate("--json", *arguments, fault=fault, **keywords)
        self.assertEqual((result.code, result.errors), (0, []), result.err)
        track = json.loads(result.out.splitlines()[-1])
        told = [line for line in result.warnings if "all that follow are computed in" in line]
        return track["precision"], track["device"], told

    def test_auto_is_the_device_s(self):
        self.assertEqual(self.used(fault="auto=f16"), ("f16", "cuda:0", []))
        self.assertEqual(self.used(fault=""), ("f32", "cuda:0", []))
        self.assertEqual(self.used("-d", "cpu", fault="auto=f16"), ("f32", "cpu", []))
        self.assertIn("auto (default: f16 on cuda,",
                      " ".join(self.run_program("separate", "--help").out.split()))

    def test_a_wider_precision_is_told_once_with_its_moment(self):
        precision, device, told = self.used("-b", "1")
        self.assertEqual((precision, device, len(told)), ("bf16", "cuda:0", 1))
        self.assertRegex(told[0], r'stem "\w+" is not a number \(NaN or infinity\) in the chunk from '
                                  r"0\.\d{3} to 0\.\d{3} s, computed in f16; this chunk and all that "
                                  r"follow are computed in bf16, .*; -p bf16 from the start")
        precision, _, told = self.used(fault="auto=f16,nan=2")
        self.assertEqual((precision, len(told)), ("f32", 1))
        self.assertIn("; -p f32 from the start", told[0])
        precision, _, told = self.used(fault=self.NARROW + ",nan-bf16=1")
        self.assertEqual((precision, len(told)), ("f32", 2))

    def test_later_tracks_stay_with_it(self):
        shutil.copy(self.mix, self.path("second.wav"))
        page = self.path("page.html")
        precision, _, told = self.used(self.path("second.wav"), "--report", page)
        self.assertEqual((precision, len(told)), ("bf16", 1))
        with open(page, encoding="utf-8") as file:
            self.assertRegex(file.read(), r"<dt>Precision</dt>\s*<dd>bf16</dd>")
        shutil.move(self.path("out", "second"), self.path("wide", "mix"))
        self.assertEqual(self.used("-p", "bf16", output="whole"), ("bf16", "cuda:0", []))
        self.assert_same_stems("wide", "whole")

    def test_the_next_device_knows_of_it(self):
        precision, device, told = self.used(
            "-b", "1", fault="devices=2,auto=f16,bf16,nan:0=1,nan:1=0,run:0=2")
        self.assertEqual((precision, device, len(told)), ("bf16", "cuda:1", 1))

    def test_an_explicit_f16_is_an_error_that_names_bf16(self):
        result = self.separate("-p", "f16", fault=self.NARROW)
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertIn("computed in f16; try -p bf16 or -p f32", result.errors[0])
        self.assertFalse(os.path.exists(self.path("out", "mix", "vocals.wav")))


# ---- Runs that are killed ---------------------------------------------------------------------

class KilledRuns(DeviceTest):
    def separate(self, *arguments, output="out", **keywords):
        return super().separate("-b", "1", "--overlap", "8", *arguments, output=output, **keywords)

    def whole(self, output, *arguments, fault):
        result = self.separate(*arguments, output=output, fault=fault)
        self.assertEqual(result.code, 0, result.err)

    def kill(self, *arguments, fault):
        result = self.separate("--resume", *arguments, fault=fault)
        self.assertEqual(result.code, -signal.SIGKILL, result.err)
        self.assertFalse(os.path.exists(self.path("out", "mix", "vocals.wav")))


class ResumeTest(KilledRuns):
    """cuda:0 gives twice what cuda:1 gives, so that each chunk tells who computed it. It fails after
    two of them, and the run goes on on cuda:1, until it is killed."""

    MOVES = "devices=2,double:0,run:0=2"

    def whole(self, output, *arguments, fault="devices=2,double:0"):
        super().whole(output, *arguments, fault=fault)

    def resume(self, *arguments, fault="devices=2,double:0"):
        """→ (device, warnings)"""
        result = self.separate("--resume", "--json", *arguments, fault=fault)
        self.assertEqual((result.code, result.errors), (0, []), result.err)
        self.assertEqual([name for name in os.listdir(self.path("out", "mix"))
                          if name.startswith(".")], [])
        return json.loads(result.out)["device"], result.warnings

    def test_b1_a_killed_run_goes_on_where_it_had_moved_to(self):
        """As if it had not been killed: two chunks of the first device, the rest of the second."""
        for first in (2, 0):
            moves = "devices=2,double:0,run:0=%d" % first
            self.whole("undisturbed", fault=moves)
            self.kill(fault=moves + ",kill:1=5")
            self.kill(fault="devices=2,double:0,kill:1=5")
            device, warnings = self.resume()
            self.assertEqual((device, len(warnings)), ("cuda:1", 1), warnings)
            self.assertIn("had moved from cuda:0 to cuda:1", warnings[0])
            self.assert_same_stems("out", "undisturbed")
            shutil.rmtree(self.path("out"))

    def test_b1_who_asks_for_one_device_gets_its_chunks_alone(self):
        """Neither device may have the other's chunks where it is asked for by name."""
        self.whole("first", "-d", "cuda:0")
        self.whole("second", "-d", "cuda:1")
        for arguments, fault, expected in (
                (["-d", "cuda:0", "--strict-device"], "devices=2,double:0", "first"),
                (["-d", "cuda:0"], "devices=1,double:0", "first"),  # the second is gone
                (["-d", "cuda:1"], "devices=2,double:0", "second")):
            self.kill("-d", "cuda:0", fault=self.MOVES + ",kill:1=5")
            _, warnings = self.resume(*arguments, fault=fault)
            self.assertTrue(any("starting over" in line for line in warnings), warnings)
            self.assert_same_stems("out", expected)
            shutil.rmtree(self.path("out"))

    def test_b1_a_killed_run_that_moves_twice(self):
        moves = "devices=3,double:0,run:0=2,run:1=3"
        self.whole("undisturbed", fault=moves)
        self.kill(fault=moves + ",kill:2=5")
        device, _ = self.resume(fault="devices=3,double:0")
        self.assertEqual(device, "cuda:2")
        self.assert_same_stems("out", "undisturbed")

    def test_b1_a_killed_run_that_never_moved_goes_on_and_may_move_then(self):
        self.whole("first", "-d", "cuda:0")
        self.kill(fault="devices=2,double:0,kill:0=7")
        device, warnings = self.resume()
        self.assertEqual((device, warnings), ("cuda:0", []))
        self.assert_same_stems("out", "first")
        shutil.rmtree(self.path("out"))
        self.kill(fault="devices=2,double:0,kill:0=7")
        device, _ = self.resume(fault="devices=2,double:0,run:0=1")
        self.assertEqual(device, "cuda:1")


class ResumedPrecisionTest(KilledRuns):
    """Two chunks in f16, the rest in bf16, killed in either."""

    NARROW = "auto=f16,bf16,nan=2"

    def precision(self, *arguments, fault):
        result = self.separate("--resume", "--json", *arguments, fault=fault)
        self.assertEqual((result.code, result.errors), (0, []), result.err)
        return json.loads(result.out)["precision"], [
            line for line in result.warnings if "unfinished run" in line]

    def test_a_killed_run_goes_on_in_its_wider_precision(self):
        self.whole("undisturbed", fault=self.NARROW)
        self.kill(fault=self.NARROW + ",kill=5")
        self.kill(fault="auto=f16,bf16,kill=2")
        precision, told = self.precision(fault="auto=f16,bf16")
        self.assertEqual((precision, len(told)), ("bf16", 1))
        self.assertIn("had outgrown f16 on cuda:0; going on in a wider precision", told[0])
        self.assert_same_stems("out", "undisturbed")

    def test_a_run_killed_before_has_no_wider_chunks(self):
        self.whole("undisturbed", fault="auto=f16,bf16")
        self.kill(fault="auto=f16,bf16,kill=5")
        self.assertEqual(self.precision(fault="auto=f16,bf16"), ("f16", []))
        self.assert_same_stems("out", "undisturbed")

    def test_a_killed_run_may_have_to_widen_further(self):
        self.whole("undisturbed", fault=self.NARROW + ",nan-bf16=3")
        self.kill(fault=self.NARROW + ",nan-bf16=3,kill=5")
        precision, _ = self.precision(fault="auto=f16,bf16")
        self.assertEqual(precision, "f32")
        self.assert_same_stems("out", "undisturbed")

    def test_who_asks_for_a_precision_gets_its_chunks_alone(self):
        for asked, expected, started in (("f16", "f16", "starting over on cuda:0"),
                                         ("f32", "f32", "starting over"),
                                         ("bf16", "bf16", "starting over")):
            self.whole("whole", "-p", asked, fault="bf16")
            self.kill(fault=self.NARROW + ",kill=5")
            precision, told = self.precision("-p", asked, fault="auto=f16,bf16")
            self.assertEqual((precision, len(told)), (expected, 1))
            self.assertIn(started, told[0])
            self.assert_same_stems("out", "whole")
            shutil.rmtree(self.path("out"))

    def test_a_device_without_that_precision_starts_over(self):
        self.whole("whole", "-p", "f32", fault="")
        self.kill(fault=self.NARROW + ",kill=5")
        precision, told = self.precision(fault="auto=f16,nan")
        self.assertEqual(precision, "f32")
        self.assertTrue(any("cuda:0 in a wider precision, which cannot go on with it here; starting "
                            "over on cuda:0" in line for line in told), told)
        self.assert_same_stems("out", "whole")

    def test_a_run_that_widened_and_moved_goes_on_where_it_is(self):
        moves = "devices=2,auto=f16,bf16,nan:0=1,run:0=3"
        self.whole("undisturbed", fault=moves)
        self.kill(fault=moves + ",kill:1=5")
        precision, told = self.precision(fault="devices=2,auto=f16,bf16")
        self.assertEqual((precision, len(told)), ("bf16", 1))
        self.assertIn("had moved from cuda:0 to cuda:1", told[0])
        self.assert_same_stems("out", "undisturbed")


# ---- What is told of a run --------------------------------------------------------------------

class AccountTest(DeviceTest):
    def test_b4_fallback_ops(self):
        result = self.separate(fault="fallback=3")
        self.assertEqual(result.code, 0)
        self.assertEqual(len(result.warnings), 1)
        self.assertIn("3 ops of the network do not run on cuda:0", result.warnings[0])
        self.assertIn("fallback: 3 ops ran elsewhere than on cuda:0: made-up op 0", result.out)
        track = json.loads(self.separate("--json", fault="fallback=3").out)
        self.assertEqual([op["name"] for op in track["fallback_ops"]],
                         ["made-up op 0", "made-up op 1", "made-up op 2"])
        for op in track["fallback_ops"]:
            self.assertEqual((op["op"], op["device"]), ("stft", "cpu"))
            self.assertTrue(op["reason"])
            self.assertGreater(op["runs"], 0)

    def test_b4_fallback_ops_of_each_device(self):
        """A run that moves tells of both devices."""
        fault = "devices=2,fallback:0=3,fallback:1=1,run:0=2"
        result = self.separate("-b", "1", fault=fault)
        told = [line for line in result.warnings if "of the network" in line]
        self.assertEqual([re.search(r"(\d) ops? of .* run on (\S+),", line).groups()
                          for line in told], [("3", "cuda:0"), ("1", "cuda:1")])
        self.assertIn("fallback: 3 ops ran elsewhere than on cuda:0: made-up op 0, ...\n"
                      "fallback: 1 op ran elsewhere than on cuda:1: made-up op 0\n", result.out)
        track = json.loads(self.separate("-b", "1", "--json", fault=fault).out)
        self.assertEqual([(op["instead_of"], op["device"]) for op in track["fallback_ops"]],
                         3 * [("cuda:0", "cpu")] + [("cuda:1", "cpu")])
        self.assertEqual(track["fallback_ops"][0]["runs"], 2)

    def test_b4_nothing_is_said_where_nothing_is_fallback(self):
        result = self.separate()
        self.assertEqual(result.warnings, [])
        self.assertNotIn("fallback", result.out)
        self.assertEqual(json.loads(self.separate("--json").out)["fallback_ops"], [])

    def test_b4_one_warning_for_many_tracks(self):
        shutil.copy(self.mix, self.path("second.wav"))
        result = self.separate(self.path("second.wav"), fault="fallback=1")
        self.assertEqual((result.code, len(result.warnings)), (0, 1), result.err)
        self.assertEqual(result.out.count("fallback: 1 op ran"), 2)

    def test_t4_peak_memory_of_host_and_device(self):
        result = self.separate()
        self.assertRegex(result.out, r"(?m)^memory: \S+ \S+ at most; of the network \S+ \S+ on cuda:0$")
        for line in result.out.splitlines():
            self.assertLessEqual(len(line), 80)
        track = json.loads(self.separate("--json").out)
        self.assertGreater(track["peak_memory_bytes"], 1 << 20)
        self.assertGreater(track["peak_device_memory_bytes"], 1000)
        inspected = json.loads(self.run_program("inspect", MODEL, "--json").out)["memory"]["needs"]
        need = [one for one in inspected
                if (one["batch"], one["precision"]) == (track["batch"], "f32")]
        if need:
            self.assertLess(track["peak_device_memory_bytes"],
                            need[0]["weights_bytes"] + need[0]["activations_bytes"] + 1001)


if __name__ == "__main__":
    unittest.main()
