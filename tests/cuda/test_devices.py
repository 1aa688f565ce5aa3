"""NVIDIA GPUs as `cleave devices` and `cleave doctor` show them, and the choice among them, on the
simulated driver of simulators/cuda. The environment is that of simulated_gpu.py; the backend is that of
probed_backend.c, whose table of kernels is a release's."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_gpu import DRIVER, MIX, MODEL, SimulatedGpuTest  # noqa: E402
from processes import TIME_LIMIT  # noqa: E402

GIB = 1 << 30

# What probing asks the driver, each once or more.
PROBING = ("cuInit", "cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
           "cuDeviceGetUuid_v2", "cuDeviceTotalMem_v2", "cuDeviceGetAttribute")


class DeviceTest(SimulatedGpuTest):
    def reason(self, settings, which="cuda:0", **changes):
        """Why a device is not available, which auto then does not take."""
        devices, auto = self.devices(settings, **changes)
        self.assertFalse(devices[which]["available"])
        self.assertNotEqual(auto["device"], which)
        self.assertLess(len(devices[which]["reason"]), 250)
        return devices[which]["reason"]

    def usable(self, settings, which="cuda:0", **changes):
        devices, _ = self.devices(settings, **changes)
        self.assertTrue(devices[which]["available"], devices[which]["reason"])
        return devices[which]


# ---- What a GPU is ----------------------------------------------------------------------------

class DescriptionTest(DeviceTest):
    def test_r6_a_gpu_says_what_it_is(self):
        gpu = self.usable("driver=12080,driver_version=570.86.10,name=NVIDIA GeForce RTX 4060")
        self.assertEqual(gpu["name"], "NVIDIA GeForce RTX 4060 (simulated)")
        self.assertEqual(gpu["driver"], "NVIDIA 570.86.10")
        self.assertEqual(gpu["runtime"], "CUDA 12.8 (driver API)")
        self.assertTrue(gpu["system"])
        self.assertTrue(gpu["simulated"])
        self.assertIsNone(gpu["warning"])

    def test_r15_auto_takes_it(self):
        self.assertEqual(self.devices("")[1]["device"], "cuda:0")

    def test_r14_capabilities(self):
        flags = self.usable("cc=8.9")["capabilities"]
        able = {name for name, flag in flags.items() if flag["able"]}
        self.assertEqual(able, {"f16", "bf16", "stft", "compile"})
        self.assertIn("memory of its own", flags["unified_memory"]["reason"])
        flags = self.usable("cc=7.5")["capabilities"]
        self.assertFalse(flags["bf16"]["able"])
        self.assertIn("8.0", flags["bf16"]["reason"])
        self.assertTrue(flags["f16"]["able"])

    def test_r14_it_shares_the_memory_of_the_system(self):
        gpu = self.usable("integrated=1,memory=16G")
        self.assertTrue(gpu["capabilities"]["unified_memory"]["able"])
        self.assertEqual(gpu["system_memory_total"], 16 * GIB)
        self.assertGreater(gpu["memory_available"], 0)
        self.assertLessEqual(gpu["memory_available"], 16 * GIB)
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_r3_memory_as_nvml_tells_it(self):
        devices, _ = self.devices("devices=2,memory=8G,used=3G,memory:1=24G,used:1=1G")
        self.assertEqual(
            [(devices[one]["memory_total"], devices[one]["memory_available"])
             for one in ("cuda:0", "cuda:1")], [(8 * GIB, 5 * GIB), (24 * GIB, 23 * GIB)])
        self.assertIsNone(devices["cuda:0"]["system_memory_total"])
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_r3_memory_without_nvml(self):
        """A context tells, for as long as the question takes."""
        alone = self.path("driver")
        os.mkdir(alone)
        shutil.copy(os.path.join(DRIVER, "libcuda.so.1"), alone)
        for settings, folder in (("nvml=0,", DRIVER), ("fail=nvmlDeviceGetMemoryInfo:1,", DRIVER),
                                 ("fail=nvmlDeviceGetHandleByUUID:1,"
                                  "fail=nvmlDeviceGetHandleByUUID:2,", DRIVER), ("", alone)):
            gpu = self.usable(settings + "memory=8G,used=3G", folder=folder)
            self.assertEqual(gpu["memory_total"], 8 * GIB)
            self.assertEqual(gpu["memory_available"], 5 * GIB)
            self.assertEqual(self.counts["contexts_created"], 1)
            self.assertEqual(self.counts["contexts_active"], 0)

    def test_r3_memory_that_nobody_tells(self):
        for call in ("cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2", "cuMemGetInfo_v2"):
            gpu = self.usable("nvml=0,fail=%s:1" % call)
            self.assertEqual((gpu["memory_total"], gpu["memory_available"]), (8 * GIB, 0))
            self.assertEqual(self.counts["contexts_active"], 0)

    def test_r6_the_driver_without_nvml(self):
        for settings in ("nvml=0", "fail=nvmlSystemGetDriverVersion:1"):
            self.assertEqual(self.usable(settings)["driver"], "NVIDIA (CUDA 12.8)")


# ---- Which can be used ------------------------------------------------------------------------

class UseTest(DeviceTest):
    def test_r15_there_is_none(self):
        self.assertEqual(self.reason("devices=0", "cuda"), "the driver finds no NVIDIA GPU")
        reason = self.reason("devices=0", "cuda", CUDA_VISIBLE_DEVICES="7")
        self.assertIn('CUDA_VISIBLE_DEVICES names: "7"', reason)
        result = self.on("devices=0", MIX, "-m", MODEL, "-d", "cuda", "--strict-device", "-o",
                         self.output, code=4)
        self.assertIn("the driver finds no NVIDIA GPU; likely: ", result.err)
        self.assertIn("--gpus all", result.err)

    def test_several_in_the_order_of_the_driver(self):
        devices, auto = self.devices("devices=3,name:0=First,name:1=Second,name:2=Third,cc:1=7.5")
        names = [devices["cuda:%d" % i]["name"] for i in range(3)]
        self.assertEqual(names, ["%s (simulated)" % one for one in ("First", "Second", "Third")])
        able = [devices["cuda:%d" % i]["capabilities"]["bf16"]["able"] for i in range(3)]
        self.assertEqual(able, [True, False, True])
        self.assertEqual(auto["device"], "cuda:0")
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_compute_capabilities(self):
        for capability in ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0", "12.1"):
            self.assertIsNone(self.usable("driver=12090,cc=" + capability)["warning"])
        for capability in ("5.0", "6.1", "7.0", "7.2"):
            reason = self.reason("cc=%s,name=An old GPU" % capability)
            self.assertEqual(reason, "An old GPU has compute capability %s; cleave needs 7.5 "
                                     "(GTX 16, RTX 20, or newer)" % capability)
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_r12_a_gpu_newer_than_cleave(self):
        """The driver compiles the kernels for it, if it knows the text's version."""
        for capability in ("11.0", "13.0", "99.0"):
            for driver in ("12090", "99000"):
                gpu = self.usable("driver=%s,cc=%s" % (driver, capability))
                self.assertIn("no machine code for compute capability %s:" % capability,
                              gpu["warning"])
            self.assertIn("it knows CUDA 12.8, and the kernels for A GPU need CUDA 12.9: 575 or newer "
                          "has it", self.reason("name=A GPU,driver=12080,cc=" + capability))

    def test_r12_a_driver_too_old_for_the_kernels(self):
        for driver, words in (("11080", "CUDA 11.8"), ("11990", "CUDA 11.99")):
            reason = self.reason("name=A GPU,driver_version=520.61.05,driver=" + driver)
            self.assertEqual(reason, "the driver, NVIDIA 520.61.05, is too old: it knows %s, and the "
                                     "kernels for A GPU need CUDA 12.0: 525 or newer has it" % words)
        self.usable("driver=12000")

    def test_a_gpu_that_lets_nobody_compute(self):
        reason = self.reason("mode=2")
        self.assertIn("compute mode", reason)
        self.assertIn("nvidia-smi -c", reason)
        self.usable("mode=3") # one program at a time, which may be this one

    def test_r15_one_can_be_used_and_one_cannot(self):
        settings = "devices=2,cc:0=6.1,name:0=An old GPU"
        devices, auto = self.devices(settings)
        self.assertEqual([devices[one]["available"] for one in ("cuda:0", "cuda:1")], [False, True])
        self.assertEqual(devices["cuda:0"]["name"], "An old GPU (simulated)")
        self.assertIsNone(devices["cuda:0"]["capabilities"])
        self.assertEqual(auto["device"], "cuda:1")
        result = self.on(settings, MIX, "-m", MODEL, "-d", "cuda:0", "--strict-device", "-o",
                         self.output, code=4)
        self.assertIn("device cuda:0 is not available: An old GPU has compute capability 6.1",
                      result.err)
        self.assertIn("; try ", result.err)
        self.assertNotIn("likely", result.err) # it is certain
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_it_can_be_left_out(self):
        result = self.run_on("", "devices", CLEAVE_WITHOUT="cuda")
        self.assertIn("CLEAVE_WITHOUT leaves the cuda backend out", result.out)


# ---- Drivers that do not work -----------------------------------------------------------------

class DriverTest(DeviceTest):
    def driver(self, source=None, data=None):
        """A folder with this libcuda.so.1."""
        folder = self.path("driver")
        os.makedirs(folder, exist_ok=True)
        if source:
            shutil.copy(source, os.path.join(folder, "libcuda.so.1"))
        elif data is not None:
            self.write("driver/libcuda.so.1", data)
        return folder

    def reason_with(self, folder):
        """It leaves no report."""
        result = self.run_on("", "devices", folder=folder)
        self.assert_done(result)
        self.assertIn("-d auto takes cpu", result.out)
        return " ".join(result.out.split())

    def test_r15_no_driver(self):
        known = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, check=False,
                               timeout=TIME_LIMIT).stdout
        if b"libcuda.so.1" in known:
            self.skipTest("this machine has an NVIDIA driver")
        self.assertIn("cuda: no NVIDIA driver (libcuda.so.1) is installed",
                      self.reason_with(self.driver()))

    def test_a_driver_that_is_no_library(self):
        for data in (b"", b"no library"):
            self.assertIn("the NVIDIA driver cannot be loaded: ",
                          self.reason_with(self.driver(data=data)))

    def test_r12_a_driver_that_lacks_calls(self):
        folder = self.driver(source=os.path.join(DRIVER, "libnvidia-ml.so.1"))
        self.assertIn("the NVIDIA driver lacks the call cuInit: it is too old; 525 or newer has it",
                      self.reason_with(folder))

    def test_a_driver_that_does_not_start(self):
        for code, words in ((34, "stub"), (100, "finds no NVIDIA GPU"), (101, "nvidia-smi"),
                            (304, "/dev/nvidia"), (802, "fabricmanager"), (803, "reboot"),
                            (804, "cuda-compat"), (805, "nvidia-cuda-mps-control"),
                            (999, "nvidia_uvm"), (3, "CUDA_ERROR_NOT_INITIALIZED"),
                            (555, "error 555")):
            reason = self.reason("fail=cuInit:1:%d" % code, "cuda")
            self.assertIn(words, reason)
            self.assertEqual(reason.count("("), reason.count(")"), "it is cut: " + reason)

    def test_errors_that_have_no_name(self):
        for more in ("fail=cuGetErrorName:1", "fail=cuGetErrorString:1",
                     "fail=cuGetErrorName:1,fail=cuGetErrorString:1"):
            reason = self.reason("fail=cuDeviceGetCount:1:999," + more, "cuda")
            self.assertEqual("an error without a name" in reason, "ErrorName" in more, reason)
            self.assertEqual("no reason given" in reason, "ErrorString" in more, reason)
            self.assertIn("(error 999)", reason)

    def test_every_question_fails(self):
        """One GPU of which the driver does not tell is no harm to the other."""
        for call in PROBING:
            devices, _ = self.devices("devices=2,fail=%s:1" % call)
            first = devices.get("cuda:0", devices.get("cuda"))
            self.assertFalse(first["available"], call)
            self.assertIn("CUDA_ERROR_" if call.startswith("cuDeviceGet") else "", first["reason"])
            self.assertEqual("cuda:1" in devices, call.startswith("cuDevice") and "Count" not in call)
            self.assertTrue(devices.get("cuda:1", {"available": True})["available"], call)
        self.devices("")
        for i in range(1, self.counts["calls"]["cuDeviceGetAttribute"] + 1):
            self.assertIn("does not tell", self.reason("fail=cuDeviceGetAttribute:%d" % i))


# ---- The page ---------------------------------------------------------------------------------

class PageTest(DeviceTest):
    def test_pages_fit_80_columns(self):
        long = "NVIDIA RTX 6000 Ada Generation Laptop GPU with Max-Q Design"
        for settings in ("devices=3,cc:0=6.1,cc:1=13.0,driver=99000", "driver=11040", "devices=0",
                         "fail=cuInit:1:804", "mode=2", "fail=cuDeviceGetName:1",
                         "integrated=1"):
            for command in (["devices"], ["doctor", "-q"]):
                result = self.run_on("name=%s,%s" % (long, settings), *command)
                self.assertIn("cuda", result.out)
                self.assert_fits(result.out)

    def test_r6_it_is_said_to_be_simulated(self):
        for command in ("devices", "doctor"):
            self.assertIn("simulated: there is no such device here",
                          self.run_on("", command, "-q").out)


if __name__ == "__main__":
    unittest.main()
