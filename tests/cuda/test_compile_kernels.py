"""What compiles the CUDA kernels refuses those that are missing, that take other arguments than the host
gives, and that would be slow: TOOL KIND PATH FOLDER, the tool, its compiler and the folder of
arguments.h. The kernels here do nothing; each case spoils one."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

TOOL, KIND, PATH, KERNELS = sys.argv[1:5]

SOURCE = """
#ifdef __CUDACC_RTC__
typedef int int32_t;
typedef unsigned uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#endif
#include "arguments.h"
#include "multiply.h"
#define HEAD(name, Arguments, bounds) \\
    extern "C" __global__ void __launch_bounds__ bounds name(const __grid_constant__ Arguments a)
#define KERNEL(name, Arguments, threads, capability) HEAD(name, Arguments, (threads)) { \\
    multiply(*(float **)&a); }
#define peak_f16 another
CUDA_KERNELS(KERNEL)
#undef peak_f16
"""

MULTIPLY = """
__device__ inline void multiply(float *p) {
    float d[4] = {p[0], p[1], p[2], p[3]};
    unsigned a = threadIdx.x;
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},"
                 "{%0,%1,%2,%3};" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a), "r"(a), "r"(a));
    p[threadIdx.x] = d[0] + d[1] + d[2] + d[3];
}
"""

GOOD = "HEAD(peak_f16, PeakArguments, (256)) { multiply(*(float **)&a); }\n"

# So many values that are alive at once, in a kernel of 256 threads.
ALIVE = """
HEAD(peak_f16, PeakArguments, (%s)) {
    volatile float *p = *(float **)&a;
    float v[%d];
    _Pragma("unroll") for (int i = 0; i < %d; i++) v[i] = p[i * 256 + threadIdx.x];
    _Pragma("unroll") for (int i = 0; i < %d; i++) p[i] = v[(i * 7 + 3) %% %d];
    multiply((float *)p);
}
"""


def alive(bounds, count):
    return ALIVE % (bounds, count, count, count, count)


class CompileTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name
        os.symlink(os.path.join(KERNELS, "arguments.h"), self.path("arguments.h"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def compile(self, spoiled=GOOD, multiply=MULTIPLY, architecture="sm_75", source="all.cu"):
        self.write("all.cu", SOURCE + spoiled)
        self.write("multiply.h", multiply)
        return subprocess.run(
            [TOOL, KIND, PATH, self.path(source), architecture, self.path("image"),
             self.path("table.txt"), self.path("rule.d")],
            text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=TIME_LIMIT)

    def expect_refused(self, words, **keywords):
        result = self.compile(**keywords)
        self.assertIn(words, result.stdout)
        self.assertEqual(result.returncode, 1)
        self.assertFalse(os.path.exists(self.path("image")), "an image that nobody should get")

    def test_what_is_good_passes(self):
        result = self.compile()
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertEqual(self.read("image")[:4], b"\x7fELF")
        rows = {line.split()[0]: line.split()[1:] for line in
                self.read("table.txt").decode().splitlines()[3:]}
        arguments, tensor, registers, *spills = map(int, rows["conv_f16_128"])
        self.assertGreater(arguments, 100)
        self.assertEqual((tensor, spills), (1, [0, 0, 0]))
        self.assertGreater(registers, 4)
        self.assertNotIn("conv_bf16_128", rows)  # not for so old a GPU
        self.assertEqual(rows["peak_f16"][:2], ["16", "1"])

    def test_the_rule_names_what_went_in(self):
        self.compile()
        target, sources = self.read("rule.d").decode().split(": ")
        self.assertEqual(target, self.path("image"))
        self.assertEqual(sources.split(),
                         [self.path(name) for name in ("all.cu", "arguments.h", "multiply.h")])

    def test_text_for_gpus_to_come(self):
        result = self.compile(architecture="compute_80")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn(b".target sm_80", self.read("image"))
        self.assertIn("conv_bf16_128", self.read("table.txt").decode())
        self.expect_refused_in_text()

    def expect_refused_in_text(self):
        os.remove(self.path("image"))
        self.expect_refused("peak_f16: is not in the image", spoiled="",
                            architecture="compute_80")
        self.expect_refused("peak_f16: takes 8 bytes", architecture="compute_80",
                            spoiled="HEAD(peak_f16, long long, (256)) {}\n")

    def test_a_kernel_that_is_missing(self):
        self.expect_refused("peak_f16: is not in the image", spoiled="")

    def test_arguments_that_differ_from_the_hosts(self):
        self.expect_refused("peak_f16: takes 8 bytes of arguments here, and ",
                            spoiled="HEAD(peak_f16, long long, (256)) {}\n")

    def test_no_tensor_cores(self):
        self.expect_refused("linear_f16_64: has no instructions for tensor cores",
                            multiply="__device__ inline void multiply(float *p) { p[0] = 1; }\n")

    def test_spills(self):
        self.expect_refused("peak_f16: spills ", spoiled=alive("256, 4", 150))

    def test_registers(self):
        self.assertEqual(self.compile(spoiled=alive("256", 100)).returncode, 0)
        os.remove(self.path("image"))
        self.expect_refused(" registers; with more than 128 two blocks do not fit",
                            spoiled=alive("256", 150))

    def test_products_that_wait_for_each_other(self):
        self.expect_refused('the compiler says "C7515"',
                            spoiled=GOOD + "#warning C7515 as ptxas says it\n")

    def test_a_source_with_a_mistake(self):
        self.expect_refused("is undefined", spoiled=GOOD + "int f() { return nothing_there; }\n")

    def test_a_source_that_is_not_there(self):
        self.expect_refused("nowhere.cu: ", source="nowhere.cu")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
