"""The cuda device as a user meets it, on the simulated driver of simulators/cuda: what the GPU is given
and gives back, the same bits for every batch, precisions, memory, transforms of all sizes, profiles and
trials. What fails is the matter of test_failures.py. The environment is that of simulated_gpu.py; and
CLEAVE_MAKE_NETWORK names tools/make_network."""
import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_gpu import (DEMO, MIX, MODEL, SimulatedGpuTest, environment,  # noqa: E402
                           read_float_wav, write_wav)
from test_cli import PROGRAM, Process, TIME_LIMIT  # noqa: E402

DEMO_MIX = os.path.join(DEMO, "demo-kit.flac")
DEMO_MODEL = os.path.join(DEMO, "drumsep-mini.ckpt")
CHUNK = 3968  # samples: MODEL's
STRICT = "--strict-device"

# Calls that take something, and those that let it go.
PAIRS = (("cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRelease_v2"),
         ("cuCtxPushCurrent_v2", "cuCtxPopCurrent_v2"), ("cuMemAlloc_v2", "cuMemFree_v2"),
         ("cuMemHostAlloc", "cuMemFreeHost"), ("cuModuleLoadData", "cuModuleUnload"),
         ("cuStreamCreate", "cuStreamDestroy_v2"), ("cuEventCreate", "cuEventDestroy_v2"),
         ("cuStreamBeginCapture_v2", "cuGraphDestroy"),
         ("cuGraphInstantiateWithFlags", "cuGraphExecDestroy"))


class CudaTest(SimulatedGpuTest):
    def chirps(self, chunks, name="chirps.wav"):
        """Two channels of so many chunks, which need not be a whole number."""
        count = round(chunks * CHUNK)
        write_wav(self.path(name), [[0.3 * math.sin(0.00001 * i * i) for i in range(count)],
                                    [0.2 * math.cos(0.00002 * i * i) for i in range(count)]])
        return self.path(name)

    def calls(self, *names):
        return [self.counts["calls"].get(name, 0) for name in names]

    def assert_nothing_stays(self):
        """Nor does anything stay until the context goes, which another program in the process may
        hold."""
        stays = ("live_bytes", "live_objects", "pinned_bytes", "contexts_active")
        self.assertEqual([self.counts[key] for key in stays], [0] * len(stays))
        self.assertGreater(self.counts["peak_bytes"], 1000)
        for take, free in PAIRS:
            taken, freed = self.calls(take, free)
            self.assertEqual(freed, taken, free)


# ---- What the GPU is given --------------------------------------------------------------------

class WorkTest(CudaTest):
    TAKEN = ("cuMemAlloc_v2", "cuMemHostAlloc", "cuModuleLoadData", "cuStreamCreate", "cuEventCreate",
             "cuGraphInstantiateWithFlags", "cuStreamBeginCapture_v2")

    def separate_twice(self, *arguments):
        """The counts at overlaps 1 and 4 of the same input, which differ by batches of one chunk."""
        mix = self.chirps(2)
        found = []
        for overlap in ("1", "4"):
            _, info, _ = self.separate_on("", STRICT, "-b", "1", "--overlap", overlap, *arguments,
                                          mix=mix)
            self.assertEqual((info["device"], info["fallback_ops"]), ("cuda:0", []))
            found.append((self.counts, self.calls(*self.TAKEN)))
        (few, taken), (many, taken_then) = found
        self.assertEqual(taken, taken_then)  # all of it before the first batch
        return few, many

    def test_r2_r5_b3_one_upload_one_graph_and_one_download_a_batch(self):
        few, many = self.separate_twice()
        batches = many["downloads"] - few["downloads"]
        self.assertGreater(batches, 5)
        for key in ("uploads", "graph_launches"):
            self.assertEqual(many[key] - few[key], batches, key)
        for counts in (few, many):
            self.assertEqual(counts["graph_launches"], counts["downloads"])
            self.assertEqual((counts["captures"], counts["instantiations"]), (2, 2))
        self.assertEqual(few["launches"] * many["downloads"], many["launches"] * few["downloads"])

    def test_r2_r4_op_by_op(self):
        few, many = self.separate_twice("--no-compile")
        batches = many["downloads"] - few["downloads"]
        self.assertGreater(batches, 5)
        self.assertEqual(many["uploads"] - few["uploads"], batches)
        self.assertEqual([many[key] for key in ("graph_launches", "captures", "instantiations",
                                                "overlaps")], [0, 0, 0, 0])
        self.assertEqual(few["launches"] * many["downloads"], many["launches"] * few["downloads"])

    def test_r4_fused_steps_are_fewer(self):
        launches = {}
        for mode in ([], ["--no-compile"]):
            self.separate_on("", STRICT, *mode)
            launches[len(mode)] = self.counts["launches"]
        self.assertLess(launches[0], launches[1])

    def test_r2_copies_overlap_computing(self):
        """One batch with gaps of silence goes in parts: while the GPU has one, the next one is sent,
        and the one before fetched."""
        silent = self.long_mix(lambda i: i // 4000 % 4 > 0)
        arguments = ["--overlap", "1", "-b", "16"]
        expected = self.expected(*arguments, mix=silent)
        _, _, stems = self.separate_on("", STRICT, "-p", "f32", *arguments, mix=silent)
        self.assert_near(stems, expected)
        self.assertEqual(self.counts["downloads"], 3)
        self.assertEqual(self.counts["overlaps"], 4)

    def test_b3_a_graph_for_each_size_of_batch(self):
        """A smaller last batch has one of its own, captured when it comes, and only once."""
        mix = self.chirps(5)
        self.separate_on("", STRICT, "-b", "4", "--overlap", "1", mix=mix)
        self.assertLessEqual(self.counts["downloads"], 3)
        self.assertEqual(self.counts["instantiations"], 3)
        self.assertEqual(self.calls("cuGraphExecDestroy", "cuGraphDestroy"), [3, 3])

    def test_several_tracks_share_the_network(self):
        two = [self.chirps(2, "first.wav"), self.chirps(2, "second.wav")]
        counts = []
        for tracks in (two[:1], two):
            self.on("", *tracks, "-m", MODEL, "-d", "cuda", STRICT, "-b", "1", "-o", self.output)
            self.assert_nothing_stays()
            counts.append((self.counts, self.calls(*self.TAKEN)))
        (one, taken), (both, taken_then) = counts
        self.assertEqual(taken, taken_then)
        self.assertEqual(both["contexts_created"], 1)
        self.assertEqual(both["downloads"], 2 * one["downloads"])
        self.assertEqual(both["uploads"] - one["uploads"], one["downloads"])

    def test_r9_nothing_stays_on_the_device(self):
        for arguments in ([], ["--no-compile"], ["-p", "f32"], ["--profile", self.path("t.json")]):
            self.separate_on("multiprocessors=2", STRICT, *arguments)
            self.assert_nothing_stays()

    def test_r9_nothing_stays_after_an_interrupt(self):
        for mode in ([], ["--no-compile"]):
            report = self.path("interrupted.json")
            command = [PROGRAM, self.chirps(2, "long.wav"), "-m", MODEL, "-o", self.output, "-d",
                       "cuda", STRICT, "--overlap", "50", "-b", "1", *mode]
            with Process(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, cwd=self.folder,
                         env=environment(LD_LIBRARY_PATH=os.environ["CLEAVE_CUDASIM_FOLDER"],
                                         CLEAVE_CUDASIM="report=" + report),
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
                for line in process.stderr:
                    if re.match(rb"cleave: .*long\.wav: \d+ %", line):
                        break
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=TIME_LIMIT)
            self.assertEqual(process.returncode, 130, err)
            with open(report, encoding="utf-8") as file:
                self.counts = json.load(file)
            self.assert_nothing_stays()

    def test_r9_the_bench_releases_each_network(self):
        self.on("", "bench", MIX, "-m", MODEL, "-d", "cuda", "--precision", "f32,f16", "--runs", "1",
                "-b", "1", "-q")
        self.assert_nothing_stays()
        self.assertGreaterEqual(self.counts["contexts_created"], 4)


# ---- The same bits ----------------------------------------------------------------------------

class BitsTest(CudaTest):
    def bits(self, settings, *arguments, mix, **changes):
        """Digests of the stems' files: a difference of megabytes is not to be printed."""
        result = self.on(settings, mix, "-m", MODEL, "-d", "cuda", STRICT, "-o", self.output, "--json",
                         *arguments, **changes)
        found = {}
        for one in json.loads(result.out)["outputs"]:
            with open(one["path"], "rb") as file:
                found[one["stem"]] = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(len(found), 2)
        return found

    def test_t3_every_batch_gives_the_same(self):
        """In whatever order the device does what it may do in any order."""
        mix = self.chirps(2)
        for settings, precisions in (("cc=8.9", ("f32", "f16", "bf16")), ("cc=7.5", ("f16",))):
            for precision in precisions:
                common = ["-p", precision, "--overlap", "4"]
                first = self.bits(settings, *common, "-b", "1", mix=mix)
                downloads = [self.counts["downloads"]]
                self.assertGreaterEqual(downloads[0], 8)
                for batch in (2, 3, 4, 8):
                    again = self.bits("%s,seed=%d" % (settings, batch), *common, "-b", str(batch),
                                      mix=mix)
                    self.assertEqual(again, first, (settings, precision, batch))
                    downloads.append(self.counts["downloads"])
                self.assertEqual(downloads, sorted(set(downloads), reverse=True))

    def test_t3_op_by_op(self):
        mix = self.chirps(1)
        for precision in ("f32", "f16"):
            common = ["-p", precision, "--overlap", "2", "--no-compile"]
            first = self.bits("", *common, "-b", "1", mix=mix)
            self.assertEqual(self.bits("seed=3", *common, "-b", "3", mix=mix), first)

    def test_t3_the_order_of_work_changes_nothing(self):
        mix = self.chirps(1)
        first = self.bits("", "-b", "1", mix=mix)
        for seed in range(1, 5):
            self.assertEqual(self.bits("seed=%d" % seed, "-b", "1", mix=mix), first, seed)

    def test_fused_and_split_layers_give_the_same(self):
        mix = self.chirps(1)
        for capability in ("7.5", "8.9"):
            for precision in ("f32", "f16"):
                launches, stems = [], []
                for plan in ("fused", "split"):
                    stems.append(self.bits("cc=" + capability, "-p", precision, mix=mix,
                                           CLEAVE_CUDA_PLAN=plan))
                    launches.append(self.counts["launches"])
                self.assertEqual(stems[0], stems[1], (capability, precision))
                self.assertLess(launches[0], launches[1])


# ---- Precisions and memory --------------------------------------------------------------------

class PrecisionTest(CudaTest):
    def test_r1_auto_is_f16_and_says_so(self):
        for capability in ("7.5", "8.9"):
            _, info, stems = self.separate_on("cc=" + capability, STRICT)
            self.assertEqual(info["precision"], "f16")
            self.assert_near(stems, self.expected(), 55)
        _, info, _ = self.separate_on("", STRICT, "-p", "f32")
        self.assertEqual(info["precision"], "f32")

    def test_r1_bf16_where_the_gpu_has_it(self):
        _, info, stems = self.separate_on("cc=8.0,driver=12090", STRICT, "-p", "bf16")
        self.assertEqual(info["precision"], "bf16")
        self.assert_near(stems, self.expected(), 35)
        result = self.on("cc=7.5", MIX, "-m", MODEL, "-d", "cuda", STRICT, "-p", "bf16", "-o",
                         self.output, code=4)
        self.assertEqual(len(result.errors), 1)
        self.assertIn("bf16", result.errors[0])
        self.assertIn("8.0", result.errors[0])

    def test_r1_f16_takes_less_of_the_device(self):
        peaks = {}
        for precision in ("f32", "f16"):
            self.separate_on("", STRICT, "-p", precision, "-b", "1")
            peaks[precision] = self.counts["peak_bytes"]
        self.assertLess(peaks["f16"], peaks["f32"])

    def test_r3_t4_memory_is_what_was_planned(self):
        for arguments in (["-p", "f32"], ["-p", "f16"], ["-p", "f16", "--no-compile"]):
            _, info, _ = self.separate_on("", STRICT, "-b", "3", *arguments)
            self.assertAlmostEqual(info["peak_device_memory_bytes"], self.counts["peak_bytes"],
                                   delta=4096)
            self.assertGreater(info["memory_planned_bytes"], info["peak_device_memory_bytes"])

    def test_r3_of_the_gpu_that_is_asked(self):
        info = json.loads(self.on("devices=2,memory:0=8G,memory:1=24G,used:1=4G", "inspect", MODEL,
                                  "-d", "cuda:1", "--json").out)["memory"]
        self.assertEqual((info["device"], info["limit_bytes"]), ("cuda:1", 20 << 30))


# ---- Transforms -------------------------------------------------------------------------------

NETWORK = """audio: {{chunk_size: {chunk}, dim_f: {bins}, dim_t: {frames}, hop_length: {hop}, n_fft: {n_fft},
  num_channels: 2, sample_rate: 44100}}
model: {{act: gelu, bottleneck_factor: 2, growth: 4, norm: InstanceNorm, num_blocks_per_scale: 1,
  num_channels: 8, num_scales: 1, num_subbands: 4, scale: [2, 2]}}
training: {{instruments: [vocals, other], target_instrument: null}}
inference: {{batch_size: 1, dim_t: {frames}, num_overlap: 2}}
"""


class TransformTest(CudaTest):
    def network(self, n_fft, hop, bins, chunk, frames):
        """A random network with these transforms."""
        with open(self.path("network.yaml"), "w", encoding="utf-8") as file:
            file.write(NETWORK.format(n_fft=n_fft, hop=hop, bins=bins, chunk=chunk, frames=frames))
        path = self.path("%d.safetensors" % n_fft)
        subprocess.run([os.environ["CLEAVE_MAKE_NETWORK"], self.path("network.yaml"), "-o", path,
                        "--embed-config"], check=True, stdout=subprocess.DEVNULL, timeout=TIME_LIMIT)
        return path

    def stems(self, model, *arguments, settings=""):
        result = self.on(settings, self.chirps(1), "-m", model, STRICT, "--overlap", "1", "-p", "f32",
                         "-o", self.output, "--json", *arguments)
        return {one["stem"]: read_float_wav(one["path"])[0]
                for one in json.loads(result.out)["outputs"]}

    def test_r2_lengths_of_small_factors(self):
        """2 · 3, 3 · 5, all three, and an odd one, whose points are complex ones."""
        for sizes in ((768, 192, 384, 1344, 8), (7680, 1920, 3840, 5760, 4), (960, 240, 480, 1680, 8),
                      (1125, 375, 560, 1500, 4)):
            model = self.network(*sizes)
            self.assert_near(self.stems(model, "-d", "cuda"), self.stems(model, "-d", "cpu"))

    def test_r2_buffers_in_shared_memory_or_beside_it(self):
        """128 KiB: more than a block has but in data-centre GPUs, where it must be asked for."""
        model = self.network(16384, 4096, 8192, 12288, 4)
        expected = self.stems(model, "-d", "cpu")
        peaks = {}
        for capability, asked in (("7.5", False), ("8.0", True), ("8.9", False)):
            stems = self.stems(model, "-d", "cuda", settings="driver=12090,cc=" + capability)
            self.assert_near(stems, expected)
            self.assertEqual(self.counts["shared_attributes"] > 0, asked, capability)
            peaks[capability] = self.counts["peak_bytes"]
        self.assertLess(peaks["8.0"], peaks["8.9"])


# ---- The demo ---------------------------------------------------------------------------------

class DemoTest(CudaTest):
    def test_r1_f16_on_the_demo(self):
        """70 dB below the stems an error changes their SDR, of 9 dB at most, by less than 0.01 dB."""
        result = self.on("", "verify", DEMO_MIX, "-m", DEMO_MODEL, "-d", "cuda", "-p", "f16",
                         "--compile", "yes", "--overlap", "1", "--seconds", "2", "--min-snr", "70",
                         "--json", "-q")
        self.assertTrue(json.loads(result.out)["passed"])


# ---- Profiles and trials ----------------------------------------------------------------------

class ShownTest(CudaTest):
    def test_b2_r8_profile_of_each_op(self):
        """On the device's own clock, which runs alike every time."""
        flops, seconds = [], []
        for mode in ([], [], ["--no-compile"]):
            trace = self.path("trace.json")
            _, info, _ = self.separate_on("multiprocessors=1", STRICT, "-p", "f16", "--profile", trace,
                                          *mode)
            profile = info["profile"]
            ops = [op for op in profile["ops"] if op["where"] == "network"]
            self.assertLessEqual({"conv", "conv_transposed", "linear", "stft", "istft"},
                                 {op["op"] for op in ops})
            self.assertGreater(min(op["seconds"] for op in ops), 4e-6)
            self.assertAlmostEqual(sum(op["flops"] for op in ops) / profile["flops"], 1, 6)
            self.assertGreater(profile["peak_flops_per_second"], 0)
            self.assertTrue(all(op["peak_share"] > 0 for op in ops if op["op"] == "conv"))
            flops.append(profile["flops"])
            seconds.append(sum(op["seconds"] for op in ops))
            with open(trace, encoding="utf-8") as file:
                rows = {event["args"]["name"] for event in json.load(file)["traceEvents"]
                        if event["name"] == "thread_name"}
            self.assertIn("GPU 0", rows)
        self.assertAlmostEqual(flops[0] / flops[2], 1, 6)
        self.assertAlmostEqual(seconds[0] / seconds[1], 1, 4)
        self.assertGreater(seconds[2], seconds[0])

    def test_b2_t1_the_table_fits(self):
        result = self.on("multiprocessors=1", MIX, "-m", MODEL, "-d", "cuda", STRICT, "-o", self.output,
                         "--profile", self.path("trace.json"))
        self.assert_fits(result.out)
        self.assertRegex(result.out, r"conv 3x3 +64x32 ")

    def test_r6_separating_warns_that_it_is_simulated(self):
        self.assertIn("cuda:0 is simulated: there is no such device here",
                      self.on("", MIX, "-m", MODEL, "-d", "cuda", "-o", self.output).err)

    def test_t1_bench(self):
        common = ("bench", MIX, "-m", MODEL, "-d", "cuda,cpu", "--precision", "f32,f16,bf16", "--runs",
                  "1", "-b", "1", "-q")
        text = self.on("", *common, "--compile", "yes").out
        self.assertIn("\nSimulated: cuda; ", text)
        self.assert_fits(text)
        rows = json.loads(self.on("", *common, "--json").out)["configurations"]
        self.assertEqual({(row["device"], row["precision"], row["compiled"], row["simulated"])
                          for row in rows},
                         {(device, precision, compiled, device == "cuda")
                          for device in ("cuda", "cpu") for precision in ("f32", "f16", "bf16")
                          for compiled in (True, False)})

    def test_t2_verify(self):
        common = ("verify", MIX, "-m", MODEL, "-d", "cuda", "-q")
        text = self.on("", *common, "--precision", "f16", "--min-snr", "60").out
        self.assertIn("\nSimulated: cuda; ", text)
        self.assert_fits(text)
        modes = json.loads(self.on("", *common, "--json", "--min-snr", "30").out)["modes"]
        found = {(mode["precision"], mode["compile"]): mode["judged_snr"] for mode in modes}
        self.assertEqual(len(found), 6)
        for (precision, _), reached in found.items():
            self.assertGreater(reached, {"f32": 115, "f16": 60, "bf16": 40}[precision])
        self.assertTrue(all(mode["simulated"] for mode in modes))

    def test_the_plan_is_shown(self):
        """Which differs: few multiply-add units beside the tensor cores activate beforehand."""
        hows = {}
        for capability in ("7.5", "8.9"):
            settings = "driver=12090,cc=" + capability
            text = self.on(settings, "inspect", DEMO_MODEL, "-d", "cuda", "--plan").out
            self.assert_fits(text)
            layers = json.loads(self.on(settings, "inspect", DEMO_MODEL, "-d", "cuda", "--plan",
                                        "--json").out)["plan"]["layers"]
            self.assertLessEqual({"conv", "conv_transposed", "linear", "stft", "istft"},
                                 {layer["op"] for layer in layers})
            hows[capability] = {layer["how"] for layer in layers if layer["kernel"] == [3, 3]}
            self.assertTrue(all(how.startswith("halo, ") for how in hows[capability]))
            self.assertIn("on cuda:0", text)
            self.assertNotIn("Winograd", text)
        self.assertTrue(all("split" in how for how in hows["7.5"]), hows)
        self.assertFalse(any("split" in how for how in hows["8.9"]), hows)
        self.assertEqual(self.counts["contexts_created"], 0)

    def test_r6_doctor(self):
        text = self.on("", "doctor", "-q").out
        self.assertIn("NVIDIA Simulated GPU (simulated)", text)
        self.assertIn("simulated: there is no such device here", text)
        self.assert_fits(text)


if __name__ == "__main__":
    unittest.main()
