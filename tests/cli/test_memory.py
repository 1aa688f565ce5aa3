"""Memory as a user meets it: --max-memory, batches that do not fit, and what inspect tells.

Run with the environment of test_cli.py.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import (CliTest, DATA, DEMO, MIX, MODEL, PROGRAM, TIME_LIMIT,  # noqa: E402
                      environment)

DRUMS = os.path.join(DEMO, "drumsep-mini.ckpt")


def is_sanitized():
    """A sanitizer's shadow takes terabytes of address space, which ulimit -v would not allow."""
    with open(PROGRAM, "rb") as file:
        return b"__asan_init" in file.read()


class PeakTest(CliTest):
    """The peak is the program's own, whatever memory the process has that starts it."""
    HELD = 400 << 20

    def started_from(self, held, *arguments):
        """What the program prints as JSON, started by a Python that holds so many bytes."""
        starter = ("import subprocess, sys; held = b'x' * int(sys.argv[1]); "
                   "sys.exit(subprocess.run(sys.argv[2:]).returncode)")
        done = subprocess.run([sys.executable, "-c", starter, str(held), PROGRAM, *arguments],
                              cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check(self, peak_of, *arguments):
        small = peak_of(self.started_from(0, *arguments))
        large = peak_of(self.started_from(self.HELD, *arguments))
        self.assertGreater(small, 1 << 20)
        self.assertLess(small, self.HELD)  # or the next line says nothing
        self.assertLess(large, self.HELD)

    def test_of_a_separation(self):
        self.check(lambda told: told["peak_memory_bytes"],
                   MIX, "-m", MODEL, "-o", self.output, "--json", "-q")

    def test_of_a_bench(self):
        self.check(lambda told: max(one["peak_memory_bytes"] for one in told["configurations"]),
                   "bench", MIX, "-m", MODEL, "--runs", "1", "--json", "-q")

    def test_of_a_doctor(self):
        def peak(told):
            return float(told["memory"]["peak so far"].split()[0]) * 2**30
        self.check(peak, "doctor", "--json")


class SizeTest(CliTest):
    def limit(self, size):
        """What inspect understood by a size, or None after a usage error."""
        result = self.run_program("inspect", MODEL, "--max-memory", size, "--json")
        if result.code == 0:
            return json.loads(result.out)["memory"]["limit_bytes"]
        self.assert_failed(result, 2, "--max-memory", "'%s'" % size, "600M")
        return None

    def test_sizes(self):
        for size, expected in (("600M", 600e6), ("2G", 2e9), ("1.5GiB", 1.5 * 2**30),
                               ("123456", 123456), ("64k", 64e3), ("64K", 64e3), ("1T", 1e12),
                               ("512mib", 2**29), ("512Mi", 2**29), ("3gb", 3e9), ("10B", 10),
                               ("1.31 GB", 1.31e9), ("0.5M", 5e5), (".5M", 5e5), ("2.G", 2e9)):
            self.assertEqual(self.limit(size), int(expected), size)

    def test_what_is_no_size(self):
        for size in ("", "0", "M", "-1M", "+1M", " 1M", "1e9", "0x10", "1.2.3M", "1MM", "1Mib2",
                     "inf", "nan", "2P", "1iB", "9999999T", "9" * 400, "1M ", "1  M", ".", "1 "):
            self.assertIsNone(self.limit(size), size)


class BatchTest(CliTest):
    def needs(self):
        """Bytes needed at each batch in f32."""
        result = self.run_program("inspect", DRUMS, "--json")
        self.assert_done(result)
        return {need["batch"]: need["total_bytes"]
                for need in json.loads(result.out)["memory"]["needs"]
                if need["precision"] == "f32"}

    def run_drums(self, *arguments, **keywords):
        return self.run_program(MIX, "-m", DRUMS, "-o", self.output, "--json", *arguments,
                                **keywords)

    def test_a_batch_is_lowered_to_what_fits(self):
        need = self.needs()[4]
        whole = self.run_drums("-b", "4", "--max-memory", str(need))
        self.assert_done(whole)
        self.assertEqual(whole.warnings, [])
        self.assertEqual(whole.objects()[0]["batch"], 4)
        self.assertEqual(whole.objects()[0]["memory_planned_bytes"], need)
        lowered = self.run_drums("-b", "4", "--max-memory", str(need - 1))
        self.assert_done(lowered)
        self.assertEqual(len(lowered.warnings), 1)
        self.assertIn("batch 4 needs ", lowered.warnings[0])
        self.assertIn("(--max-memory): using batch 3", lowered.warnings[0])
        self.assertEqual(lowered.objects()[0]["batch"], 3)
        self.assertLess(lowered.objects()[0]["memory_planned_bytes"], need)

    def test_what_does_not_fit_at_all_is_refused(self):
        need = self.needs()[1]
        self.assert_done(self.run_drums("-b", "1", "--max-memory", str(need)))
        shutil.rmtree(self.output)
        result = self.run_drums("-b", "8", "--max-memory", str(need - 1))
        self.assert_failed(result, 4, "the network needs", "at batch 1, and only",
                           "may be used (--max-memory)", "try")
        self.assertEqual(result.objects()[0]["status"], "out of memory")

    def test_the_plan_is_no_less_than_what_is_taken(self):
        if is_sanitized():
            self.skipTest("a sanitizer takes memory of its own")
        for batch in (1, 4):
            result = self.run_drums("-b", str(batch))
            self.assert_done(result)
            track = result.objects()[0]
            self.assertGreaterEqual(track["memory_planned_bytes"], track["peak_memory_bytes"])

    def test_ulimit_is_a_limit(self):
        if is_sanitized() or sys.platform != "linux":
            self.skipTest("needs ulimit -v")
        limit = 2 ** 29
        result = self.run_drums("-b", "64", prepare=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (limit, limit)))
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1, result.err)
        self.assertIn("(ulimit -v): using batch ", result.warnings[0])

    def test_a_refused_allocation_halves_the_batch(self):
        if is_sanitized() or sys.platform != "linux":
            self.skipTest("needs ulimit -v")
        limit = 2 ** 30
        result = self.run_drums("-b", "64", "--max-memory", "1T",
                                prepare=lambda: resource.setrlimit(
                                    resource.RLIMIT_AS, (limit, limit)))
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1, result.err)
        self.assertIn("memory ran out", result.warnings[0])
        self.assertLess(result.objects()[0]["batch"], 64)

    def test_verbose_says_what_was_planned(self):
        result = self.run_drums("-v")
        self.assert_done(result)
        self.assertIn("memory: ", result.err)
        self.assertIn(" needed at batch 1 (weights ", result.err)


class InspectTest(CliTest):
    def inspect(self, *arguments):
        result = self.run_program("inspect", *arguments, "--json")
        self.assert_done(result)
        return json.loads(result.out)

    def test_the_parts_add_up(self):
        for folder in ("golden/batch-relu-5stem", "golden/group-elu-target", "cases/odd-transform"):
            info = self.inspect(os.path.join(DATA, folder, "model.ckpt"))
            blocks = info["blocks"]
            self.assertEqual(sum(block["parameters"] for block in blocks), info["parameters"])
            self.assertAlmostEqual(sum(block["flops_per_chunk"] for block in blocks) /
                                   info["flops_per_chunk"], 1, places=7)

    def test_the_parts_follow_each_other(self):
        blocks = self.inspect(DRUMS)["blocks"]
        self.assertEqual([block["name"] for block in blocks],
                         ["STFT", "first conv", "encoder 1", "encoder 2", "encoder 3", "bottleneck",
                          "decoder 3", "decoder 2", "decoder 1", "final convs", "inverse STFT"])
        for one, next_one in zip(blocks, blocks[1:]):
            self.assertEqual(one["output"], next_one["input"], next_one["name"])
        self.assertEqual(blocks[0]["input"], [2, 130048])
        self.assertEqual(blocks[0]["output"], [16, 256, 128])
        self.assertEqual(blocks[5]["output"], [112, 32, 16])
        self.assertEqual(blocks[-1]["output"], [10, 130048])

    def test_memory_grows_with_the_batch(self):
        memory = self.inspect(DRUMS)["memory"]
        totals = {}
        for precision in ("f32", "f16", "bf16"):
            needs = [need for need in memory["needs"] if need["precision"] == precision]
            self.assertEqual([need["batch"] for need in needs], [1, 2, 4, 8, 16])
            totals[precision] = [need["total_bytes"] for need in needs]
            self.assertEqual(totals[precision], sorted(set(totals[precision])))
            for need in needs:
                self.assertEqual(need["total_bytes"], need["weights_bytes"] +
                                 need["activations_bytes"] + need["buffers_bytes"])
        for narrow in ("f16", "bf16"):
            for one, wide in zip(totals[narrow], totals["f32"]):
                self.assertLess(one, wide)
        self.assertEqual((memory["device"], memory["auto_batch"], memory["device_batch"]),
                         ("cpu", 1, 1))

    def test_no_fusion_and_more_threads_need_more(self):
        least = self.inspect(DRUMS, "-t", "1")["memory"]["needs"][0]
        for more in (("-t", "8"), ("-t", "1", "--no-compile")):
            self.assertGreater(self.inspect(DRUMS, *more)["memory"]["needs"][0]["total_bytes"],
                               least["total_bytes"])

    def test_weights_are_grouped(self):
        info = self.inspect(DRUMS)
        self.assertNotIn("weights", info)
        groups = info["weight_groups"]
        self.assertEqual([group["prefix"] for group in groups][:2],
                         ["first_conv", "encoder_blocks.0"])
        self.assertEqual(sum(group["values"] for group in groups), info["parameters"])
        weights = self.inspect(DRUMS, "-v")["weights"]
        self.assertEqual(len(weights), sum(group["tensors"] for group in groups))
        self.assertIn({"name": "first_conv.weight", "type": "f16", "shape": [64, 16, 1, 1]},
                      weights)

    def test_the_table_fits_a_terminal_and_names_the_files(self):
        shutil.copy(DRUMS, self.path("mini.ckpt"))
        shutil.copy(os.path.join(DEMO, "drumsep-mini.yaml"), self.path("mini.yml"))
        shutil.copy(os.path.join(DEMO, "drumsep-mini.yaml"), self.path("model.yaml"))
        for more in ((), ("-v",), ("--max-memory", "200M")):
            result = self.run_program("inspect", "mini.ckpt", *more)
            self.assert_done(result)
            self.assert_fits(result.out)
            lines = [line.split() for line in result.out.splitlines()]
            state = {line[0]: line[-1] for line in lines if len(line) > 2}
            self.assertEqual((state["mini.yml"], state["model.yml"]), ("used", "there"))
            self.assertIn(["mini.yaml", "configuration", "not", "there"], lines)
            self.assertIn(["model.yaml", "or", "that", "500", "B", "not", "used"], lines)
            if more == ("--max-memory", "200M"):
                self.assertEqual([line[3] for line in lines if line[:1] in (["4"], ["8"], ["16"])],
                                 ["*", "*", "*"])
                self.assertNotIn("*", [line[3] for line in lines if line[:1] == ["1"]])

    def test_what_does_not_fit_is_said(self):
        result = self.run_program("inspect", DRUMS, "--max-memory", "1M")
        self.assert_done(result)
        self.assertIn("not even that fits", result.out)
        self.assertIn("* more than may be used", result.out)


if __name__ == "__main__":
    unittest.main()
