"""Roformers on the cuda device, on the simulated driver: transfers, the same bits however they are computed,
sizes of all kinds, memory, silence and levels. How exact they are is for test_golden, and each kernel for
tests/cuda/kernels. The environment is that of test_cuda.py."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_gpu import DATA, SimulatedGpuTest, read_float_wav, write_wav  # noqa: E402
from test_cli import TIME_LIMIT, write_float_wav  # noqa: E402

GOLDEN = os.path.join(DATA, "golden")
SHORT = "mel-short-silence"  # one chunk, its second half silent; bands overlap
BANDS = "bs-mean-2stem"      # several chunks; bands do not overlap
STRICT = "--strict-device"

CONFIG = """
audio: {{chunk_size: {chunk}, sample_rate: 44100}}
model: {{{model}}}
training: {{instruments: [{stems}]}}
inference: {{num_overlap: 1}}
"""
COMMON = {"dim": 20, "depth": 1, "stereo": "true", "num_stems": 1, "time_transformer_depth": 1,
          "freq_transformer_depth": 1, "dim_head": 10, "heads": 3, "stft_n_fft": 60,
          "stft_hop_length": 20, "mlp_expansion_factor": 2}
BS = {**COMMON, "mask_estimator_depth": 2, "freqs_per_bands": "[1, 2, 3, 5, 7, 13]"}
MEL = {**COMMON, "num_bands": 6, "mask_estimator_depth": 1, "stft_n_fft": 240, "stft_hop_length": 70}

# Widths and heads that no tile divides, heads of every padded size, transforms of 2, 3 and 5, chunks that
# the hop does not divide, sequences longer than a tile of queries.
NETWORKS = {
    "BS": (BS, 1234),
    "BS, three stems, mono, no hidden layer, bin 0 kept": (
        {**BS, "stereo": "false", "num_stems": 3, "mask_estimator_depth": 1, "zero_dc": "false"}, 700),
    "BS, odd width, three hidden layers, heads of 66": (
        {**BS, "dim": 33, "dim_head": 66, "heads": 1, "mask_estimator_depth": 4}, 3001),
    "Mel-Band, sums of blocks, heads of 40": (
        {**MEL, "depth": 3, "skip_connection": "true", "dim_head": 40, "num_stems": 2}, 2000),
}


class RoformerTest(SimulatedGpuTest):
    def separate(self, settings, mix, model, device, arguments):
        """{stem: planes}, with self.info."""
        result = self.on(settings, mix, "-m", model, "-d", device, STRICT, "-o", self.output, "--json",
                         *arguments)
        self.info = json.loads(result.out)
        return {one["stem"]: read_float_wav(one["path"])[0] for one in self.info["outputs"]}

    def stems_of(self, case, settings, *arguments, mix=None):
        """Nothing stays on the device."""
        folder = os.path.join(GOLDEN, case)
        stems = self.separate(settings, mix or os.path.join(folder, "mix.wav"),
                              os.path.join(folder, "model.ckpt"), "cuda", arguments)
        self.assertEqual((self.counts["live_bytes"], self.counts["live_objects"]), (0, 0))
        return stems

    # ---- What the GPU is given ----

    def test_r2_one_upload_one_graph_and_one_download_a_batch(self):
        counts = []
        for overlap in ("1", "4"):
            self.stems_of(BANDS, "", "-b", "1", "--overlap", overlap)
            self.assertEqual(self.info["fallback_ops"], [])
            counts.append(self.counts)
        batches = counts[1]["downloads"] - counts[0]["downloads"]
        self.assertGreater(batches, 2)
        for key in ("uploads", "graph_launches"):
            self.assertEqual(counts[1][key] - counts[0][key], batches, key)

    def test_r3_t4_memory_is_what_was_planned(self):
        for arguments in (["-p", "f32"], ["-p", "f16"], ["-p", "f16", "--no-compile"]):
            self.stems_of(BANDS, "", "-b", "3", *arguments)
            self.assertAlmostEqual(self.info["peak_device_memory_bytes"], self.counts["peak_bytes"],
                                   delta=4096)

    def test_b2_profile_of_each_op(self):
        self.stems_of(SHORT, "", "--profile", self.path("trace.json"))
        ops = {op["op"]: op for op in self.info["profile"]["ops"] if op["where"] == "network"}
        self.assertEqual(set(ops), {"stft", "band_split", "attention", "feed_forward", "rms_norm", "mask",
                                    "istft"})
        self.assertGreater(min(op["seconds"] for op in ops.values()), 0)
        for op in ("band_split", "attention", "feed_forward", "mask"):
            self.assertGreater(ops[op]["peak_share"], 0, op)

    def test_the_plan_is_shown(self):
        model = os.path.join(GOLDEN, SHORT, "model.ckpt")
        layers = json.loads(self.on("", "inspect", model, "-d", "cuda", "--plan",
                                    "--json").out)["plan"]["layers"]
        self.assertEqual({layer["op"]: layer["count"] for layer in layers},
                         {"stft": 1, "band_split": 1, "attention": 3, "feed_forward": 3, "rms_norm": 2,
                          "mask": 1, "istft": 1})

    # ---- The same, however it is computed ----

    def test_t3_batches_and_order_change_no_bit(self):
        for precision in ("f32", "f16", "bf16"):
            expected = self.stems_of(BANDS, "", "-p", precision, "-b", "1")
            for arguments in (["-b", "3"], ["-b", "2", "--no-compile"]):
                stems = self.stems_of(BANDS, "seed=%s" % arguments[1], "-p", precision, *arguments)
                self.assertEqual(stems, expected, (precision, arguments))

    # ---- Sizes ----

    def network(self, model, chunk):
        stems = ", ".join("stem%d" % i for i in range(model["num_stems"]))
        text = ", ".join("%s: %s" % item for item in model.items())
        with open(self.path("model.yaml"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(chunk=chunk, model=text, stems=stems))
        path = self.path("model.safetensors")
        subprocess.run([os.environ["CLEAVE_MAKE_NETWORK"], self.path("model.yaml"), "-o", path,
                        "--embed-config"], check=True, stdout=subprocess.DEVNULL, timeout=TIME_LIMIT)
        return path

    def noise(self, channels, count):
        """Numbers that repeat late, of a linear congruence."""
        state, planes = 1, []
        for _ in range(channels):
            plane = []
            for _ in range(count):
                state = (state * 1664525 + 1013904223) % 2 ** 32
                plane.append(0.5 * (state / 2 ** 31 - 1))
            planes.append(plane)
        write_wav(self.path("noise.wav"), planes)
        return self.path("noise.wav")

    def test_r1_sizes_of_all_kinds(self):
        for name, (model, chunk) in NETWORKS.items():
            path = self.network(model, chunk)
            mix = self.noise(2 if model["stereo"] == "true" else 1, chunk + chunk // 2)
            expected = self.separate("", mix, path, "cpu", ["-p", "f32"])
            for precision, decibels in (("f32", 100), ("f16", 50), ("bf16", 30)):
                stems = self.separate("", mix, path, "cuda", ["-p", precision, "-b", "2"])
                with self.subTest(name, precision=precision):
                    self.assert_near(stems, expected, decibels)

    def test_r4_heads_that_are_too_large_are_refused(self):
        path = self.network({**BS, "dim_head": 130, "heads": 1}, 1000)
        result = self.on("", self.noise(2, 1000), "-m", path, "-d", "cuda", STRICT, "-o", self.output,
                         code=4)
        self.assertIn("heads of 130 features", result.err)
        self.assertIn("layers.0.0", result.err)

    # ---- Levels ----

    def test_digital_silence_gives_zeros(self):
        """Behind the last sample that is none, and behind the frames that it reaches."""
        mix = read_float_wav(os.path.join(GOLDEN, SHORT, "mix.wav"))[0][0]
        last = max(i for i, sample in enumerate(mix) if sample != 0)
        self.assertLess(last, 0.7 * len(mix))
        for precision in ("f32", "f16", "bf16"):
            stem = self.stems_of(SHORT, "", "-p", precision)["dry"][0]
            self.assertGreater(max(abs(sample) for sample in stem), 0.01)
            self.assertEqual(set(stem[last + 1100:]), {0.0})

    def test_levels_change_no_bit(self):
        """A network scales with its input, and so does the transform, to the bit, for powers of 2."""
        planes, _ = read_float_wav(os.path.join(GOLDEN, SHORT, "mix.wav"))
        expected = self.stems_of(SHORT, "")["dry"]
        for factor in (2.0 ** -13, 2.0 ** 20):
            mix = self.path("scaled.wav")
            write_float_wav(mix, [[sample * factor for sample in plane] for plane in planes])
            stem = self.stems_of(SHORT, "", mix=mix)["dry"]
            scaled = [tuple(sample / factor for sample in plane) for plane in stem]
            self.assertEqual(scaled, [tuple(plane) for plane in expected])


if __name__ == "__main__":
    unittest.main()
