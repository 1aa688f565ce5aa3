"""cleave's own declarations of NVIDIA's driver are those of a toolkit's cuda.h: ROOT CUDA_H COMPILER…, a C++
compiler. Names and numbers alone count for the binary interface: each function's parameters must agree in
number, size and kind."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

ROOT, CUDA_H, *COMPILER = sys.argv[1:]
DRIVER_H = "src/backend/cuda/driver.h"
CALL = re.compile(r'^    X\((\w+), "(\w+)"', re.M)
CONSTANT = re.compile(r"^    (CUDA_[A-Z0-9_]+) = ", re.M)

VERSION = re.compile(r"^#define CUDA_VERSION (\d+)", re.M)
NEWEST = 13000  # of which all is known: older toolkits lack some numbers

# What is named otherwise than CUDA_… for an error CUDA_ERROR_….
NAMES = {
    "CUDA_OK": "CUDA_SUCCESS",
    "CUDA_DEVICES_UNAVAILABLE": "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "CUDA_COMPAT_NOT_SUPPORTED": "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
    "CUDA_ATTRIBUTE_MAX_GRID_X": "CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X",
    "CUDA_ATTRIBUTE_WARP_SIZE": "CU_DEVICE_ATTRIBUTE_WARP_SIZE",
    "CUDA_ATTRIBUTE_MULTIPROCESSORS": "CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT",
    "CUDA_ATTRIBUTE_INTEGRATED": "CU_DEVICE_ATTRIBUTE_INTEGRATED",
    "CUDA_ATTRIBUTE_COMPUTE_MODE": "CU_DEVICE_ATTRIBUTE_COMPUTE_MODE",
    "CUDA_ATTRIBUTE_ECC": "CU_DEVICE_ATTRIBUTE_ECC_ENABLED",
    "CUDA_ATTRIBUTE_CAPABILITY_MAJOR": "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR",
    "CUDA_ATTRIBUTE_CAPABILITY_MINOR": "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR",
    "CUDA_ATTRIBUTE_SHARED_OPT_IN": "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
    "CUDA_CONTEXT_BLOCKING_SYNC": "CU_CTX_SCHED_BLOCKING_SYNC",
    "CUDA_STREAM_NON_BLOCKING": "CU_STREAM_NON_BLOCKING",
    "CUDA_EVENT_DEFAULT": "CU_EVENT_DEFAULT",
    "CUDA_EVENT_BLOCKING_SYNC": "CU_EVENT_BLOCKING_SYNC",
    "CUDA_EVENT_NO_TIMING": "CU_EVENT_DISABLE_TIMING",
    "CUDA_FUNCTION_SHARED_BYTES": "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
    "CUDA_CAPTURE_THREAD_LOCAL": "CU_STREAM_CAPTURE_MODE_THREAD_LOCAL",
}

HEAD = """
#include <cuda.h>
#include <type_traits>
#include "backend/cuda/driver.h"

template <class A, class B> constexpr bool alike() {
    return sizeof(A) == sizeof(B) && std::is_pointer<A>::value == std::is_pointer<B>::value &&
           std::is_floating_point<A>::value == std::is_floating_point<B>::value;
}
template <class Own, class Theirs> struct Same {
    static const bool value = false; /* another number of parameters */
};
template <class R, class S> struct Same<R (*)(), S (*)()> {
    static const bool value = alike<R, S>();
};
template <class R, class S, class A, class B, class... As, class... Bs>
struct Same<R (*)(A, As...), S (*)(B, Bs...)> {
    static const bool value = alike<A, B>() && Same<R (*)(As...), S (*)(Bs...)>::value;
};
static_assert(sizeof(CudaUuid) == sizeof(CUuuid), "CudaUuid");
"""

FUNCTION = """static_assert(Same<decltype(CudaDriver::{0}), decltype(&{1})>::value, "{1} differs");\n"""
NUMBER = """static_assert((long)({0}) == (long)({1}), "{0} differs");\n"""


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def compile_text(text):
    """What the compiler says of it; "" for nothing."""
    return subprocess.run(
        [*COMPILER, "-std=c++17", "-fsyntax-only", "-x", "c++", "-", "-I" + os.path.join(ROOT, "src"),
         "-I" + os.path.join(ROOT, "include"), "-isystem", os.path.dirname(CUDA_H)],
        input=text, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=TIME_LIMIT).stdout


def theirs(name):
    return NAMES.get(name, name.replace("CUDA_", "CUDA_ERROR_", 1))


@unittest.skipIf(int(VERSION.search(read(CUDA_H))[1]) < NEWEST, "the toolkit is older than CUDA 13.0")
class DeclarationsTest(unittest.TestCase):
    def test_calls(self):
        calls = CALL.findall(read(DRIVER_H))
        self.assertGreater(len(calls), 40)
        self.assertEqual(compile_text(HEAD + "".join(FUNCTION.format(*call) for call in calls)), "")

    def test_constants(self):
        names = CONSTANT.findall(read(DRIVER_H))
        self.assertGreater(len(names), 30)
        self.assertEqual(
            compile_text(HEAD + "".join(NUMBER.format(name, theirs(name)) for name in names)), "")

    def test_what_differs_is_seen(self):
        for member, name in (("memory_free", "cuMemFreeHost"), ("stream_create", "cuStreamDestroy_v2"),
                             ("event_elapsed", "cuMemcpyDtoH_v2"), ("memory_info", "cuCtxSynchronize")):
            self.assertIn(name + " differs", compile_text(HEAD + FUNCTION.format(member, name)))
        self.assertIn("CUDA_OK differs", compile_text(HEAD + NUMBER.format("CUDA_OK", "1")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
