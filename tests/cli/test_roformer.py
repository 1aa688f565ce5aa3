"""Roformers as a user meets them: what is opened, what is refused and how it is named, and what comes
out.

The environment is that of test_cli.py."""
import json
import os
import re
import struct
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "hostile")]
from make_files import Entry, archive, tensor, text  # noqa: E402
from test_cli import CliTest, DATA  # noqa: E402

GOLDEN = os.path.join(DATA, "golden")
CASE = os.path.join(GOLDEN, "bs-mono-4stem")
CONFIG = os.path.join(CASE, "model.yaml")
WEIGHTS = os.path.join(CASE, "model.safetensors")
STEMS = ["drums", "bass", "other", "vocals"]

# Tensors of networks that cleave does not run, and how each is named.
VARIANTS = {
    "layers.0.0.layers.0.0.pope_embed.freqs": "PoPE",
    "layers.0.0.layers.0.0.to_value_residual_mix.weight": "value residuals",
    "layers.0.0.layers.0.0.branch.norm.gamma": "hyper-connections",
    "mask_estimators.0.segm.p2.weight": "HyperACE",
    "mask_estimators.0.axial.weight": "other mask estimators",
    "layers.0.0.layers.0.attn.to_qkv.weight": "conformers",
    "layers.0.0.A_log": "Mamba2",
    "layers.0.2.layers.0.0.to_qkv.weight": "linear attention",
    "layers.0.0.layers.0.0.to_qkv.lora_A": "LoRA weights that are not merged in",
}
VARIANT_KEYS = {
    "use_pope: true": "PoPE",
    "use_value_residual_learning: true": "value residuals",
    "num_residual_streams: 4": "hyper-connections",
    "linear_transformer_depth: 1": "linear attention",
    "time_conformer_depth: 1": "conformers",
    "num_repeat_mask: 8": "Mamba2",
    "num_bands: 60": "freqs_per_bands, as a BS-Roformer, and num_bands, as a Mel-Band Roformer",
}


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def read_weights():
    """Name → (shape, bytes of f16)."""
    with open(WEIGHTS, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    weights = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        weights[name] = (entry["shape"], data[8 + length + begin : 8 + length + end])
    return weights


def safetensors(weights):
    header, data = {}, b""
    for name, (shape, values) in weights.items():
        header[name] = {"dtype": "F16", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


class Pickle:
    """A checkpoint as torch.save writes it: dicts of dicts and of tensors."""

    def __init__(self, tree):
        self.storages = []
        self.pickle = b"\x80\x02" + self.value(tree) + b"."

    def value(self, value):
        if isinstance(value, dict):
            items = (text(key) + self.value(item) for key, item in value.items())
            return b"}(" + b"".join(items) + b"u"
        if isinstance(value, int):
            return b"K" + bytes([value])
        shape, values = value
        strides = [1] * len(shape)
        for i in range(len(shape) - 1, 0, -1):
            strides[i - 1] = strides[i] * shape[i]
        self.storages.append(values)
        described = tensor(str(len(self.storages) - 1), len(values) // 2, shape, strides)
        return described.replace(b"FloatStorage", b"HalfStorage")

    def bytes(self):
        entries = [Entry("data.pkl", self.pickle)]
        entries += [Entry(f"data/{i}", values) for i, values in enumerate(self.storages)]
        return archive(entries)


class OpenTest(CliTest):
    def inspect(self, model, config=CONFIG):
        return self.run_program("inspect", model, "-c", config, "--json")

    def parameters(self, content, name="model.ckpt"):
        result = self.inspect(self.write(name, content))
        self.assert_done(result)
        return json.loads(result.out)["parameters"]

    def refuse(self, weights, *words):
        model = self.write("model.safetensors", safetensors(weights))
        self.assert_failed(self.inspect(model), 3, model, *words)

    def refuse_config(self, content, *words, model=WEIGHTS):
        config = self.write("other.yaml", content.encode())
        self.assert_failed(self.inspect(model, config), 3, *words)

    def test_containers_and_prefixes(self):
        weights = read_weights()
        wanted = json.loads(self.inspect(WEIGHTS).out)["parameters"]
        others = {f"state.{i}": ([2], bytes(4)) for i in range(2 * len(weights))}
        for prefix in ("", "module.", "model.", "_orig_mod.", "module._orig_mod.model.",
                       "_orig_mod.module.", "model.module."):
            named = {prefix + name: value for name, value in weights.items()}
            for tree in (named, {"state": named}, {"state_dict": named}, {"model_state_dict": named},
                         {"state": {"state_dict": named, "epoch": 7}},
                         {"optimizer": others, "epoch": 3, "network": named}):
                with self.subTest(prefix=prefix, keys=list(tree)[:3]):
                    self.assertEqual(self.parameters(Pickle(tree).bytes()), wanted)
            self.assertEqual(self.parameters(safetensors(named), "model.safetensors"), wanted)

    def test_variants_by_tensors(self):
        weights = read_weights()
        for name, variant in VARIANTS.items():
            with self.subTest(variant):
                self.refuse({**weights, name: ([2], b"\x00\x3c\x00\x3c")}, name,
                            "BS-Roformer with " + variant)

    def test_variants_by_keys(self):
        for line, words in VARIANT_KEYS.items():
            with self.subTest(line):
                plain = read_text(CONFIG).replace("  linear_transformer_depth: 0\n", "")
                self.refuse_config(plain.replace("model:\n", f"model:\n  {line}\n"), "other.yaml", words)

    def test_tensors_that_are_missing_or_too_many(self):
        weights = read_weights()
        name = "layers.0.0.layers.0.0.to_gates.bias"
        few = {other: value for other, value in weights.items() if other != name}
        self.refuse(few, name + " is missing", "model.heads")
        self.refuse({**weights, "mystery": ([1], b"\x00\x3c")}, "mystery is there")
        wrong = {**weights, name: ([4], bytes(8))}
        self.refuse(wrong, name + " has the shape (4); the configuration asks for (8)")
        unused = {"layers.0.0.layers.0.0.to_qkv.bias": ([384], bytes(768)),
                  "x.num_batches_tracked": ([1], b"\x00\x3c")}
        self.parameters(safetensors({**weights, **unused}))
        no_frequencies = {other: value for other, value in weights.items() if "rotary" not in other}
        self.parameters(safetensors(no_frequencies))

    def test_numbers_that_contradict_the_checkpoint(self):
        for key, value, words in (("depth", 2, "model.depth 1, the configuration says 2"),
                                  ("dim", 64, "model.dim 32, the configuration says 64"),
                                  ("mask_estimator_depth", 3,
                                   "model.mask_estimator_depth 2, the configuration says 3"),
                                  ("time_transformer_depth", 2,
                                   "model.time_transformer_depth 1, the configuration says 2"),
                                  ("freq_transformer_depth", 1,
                                   "model.freq_transformer_depth 2, the configuration says 1"),
                                  ("num_stems", 3, "model.num_stems is 3, but training names 4 stems"),
                                  ("stft_win_length", 256,
                                   "model.stft_win_length is 256, and model.stft_n_fft 512")):
            with self.subTest(key):
                content = re.sub(rf"(?m)^  {key}: .*$", f"  {key}: {value}", read_text(CONFIG))
                self.refuse_config(content, words)

    def test_files_of_different_networks(self):
        mel = os.path.join(GOLDEN, "mel-target", "model.yaml")
        mdx = os.path.join(GOLDEN, "short-input", "model")
        self.assert_failed(self.inspect(WEIGHTS, mel), 3, "of the kind BS-Roformer",
                           "of the kind Mel-Band Roformer")
        self.assert_failed(self.inspect(WEIGHTS, mdx + ".yaml"), 3, "of the kind MDX23C")
        self.assert_failed(self.inspect(mdx + ".ckpt", mel), 3, "of the kind MDX23C",
                           "of the kind Mel-Band Roformer")

    def test_the_checkpoint_decides_where_the_configuration_does_not(self):
        undecided = ("audio: {chunk_size: 4096}\n"
                     "model: {dim: 8, depth: 1, num_stems: 4, stft_n_fft: 2048}\n"
                     "training: {instruments: [a, b, c, d]}\n")
        self.refuse_config(undecided, "model.freqs_per_bands 26, the configuration says 62")
        one = undecided.replace("num_stems: 4", "num_stems: 1").replace(", b, c, d", "")
        self.refuse_config(one, "model.num_bands 40, the configuration says 60",
                           model=os.path.join(GOLDEN, "mel-target", "model.ckpt"))

    def test_the_log_has_the_sizes(self):
        result = self.run_program("inspect", WEIGHTS, "-c", CONFIG, "-vv")
        self.assertIn("BS-Roformer: n_fft 512", result.err)
        self.assertIn("1 blocks of 1 + 2 layers, dim 32, 8 heads of 16", result.err)


class SeparateTest(CliTest):
    def stems(self, folder, *arguments):
        output = self.path(folder)
        result = self.run_program(os.path.join(CASE, "mix.wav"), "-m", WEIGHTS, "-o", output,
                                  "--overlap", "4", "-p", "f32", "-f", "wav", "--bits", "float",
                                  *arguments)
        self.assert_done(result)
        return {name: self.read(os.path.join(output, name)) for name in self.files(output)}

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_stems_and_residual(self):
        stems = self.stems("all", "--residual", "rest")
        self.assertEqual(sorted(stems), sorted(f"mix/{name}.wav" for name in [*STEMS, "rest"]))

    def test_a_stem_alone_is_the_same(self):
        every = self.stems("all")
        for name in ("drums", "vocals"):
            self.assertEqual(self.stems(name, "--stems", name), {f"mix/{name}.wav": every[f"mix/{name}.wav"]})

    def test_threads_and_batches_make_no_difference(self):
        one = self.stems("one", "-t", "1", "-b", "1")
        self.assertEqual(self.stems("two", "-t", "2", "-b", "3"), one)
        self.assertEqual(self.stems("three", "--no-compile"), one)


    def test_weights_that_are_no_numbers_are_named(self):
        weights = read_weights()
        for name in ("layers.0.1.layers.1.0.rotary_embed.freqs", "layers.0.0.layers.0.0.to_gates.bias",
                     "layers.0.0.layers.0.1.net.1.weight", "final_norm.gamma",
                     "band_split.to_features.3.1.weight", "mask_estimators.1.to_freqs.2.0.2.weight"):
            shape, values = weights[name]
            broken = {**weights, name: (shape, values[:-2] + b"\x00\x7e")}
            model = self.write("broken.safetensors", safetensors(broken))
            with self.subTest(name):
                result = self.run_program(os.path.join(CASE, "mix.wav"), "-m", model, "-c", CONFIG,
                                          "-o", self.output)
                self.assert_failed(result, 3, name, "1 of ")


class TrialTest(CliTest):
    def test_verify(self):
        result = self.run_program("verify", os.path.join(CASE, "mix.wav"), "-m", WEIGHTS, "--json")
        self.assert_done(result)
        modes = json.loads(result.out)["modes"]
        self.assertEqual({mode["precision"] for mode in modes}, {"f32", "f16", "bf16"})
        for mode in modes:
            self.assertTrue(mode["passed"], mode)

    def test_doctor(self):
        result = self.run_program("doctor", "-m", WEIGHTS)
        self.assert_done(result)

    def test_bench(self):
        result = self.run_program("bench", "-m", WEIGHTS, "--runs", "1", "--seconds", "1", "--json")
        self.assert_done(result)
        for one in json.loads(result.out)["configurations"]:
            self.assertIsNone(one["error"], one)
            self.assertGreater(one["median_seconds"], 0)

    def test_profile(self):
        result = self.run_program(os.path.join(CASE, "mix.wav"), "-m", WEIGHTS, "-o", self.output,
                                  "--profile", self.path("trace.json"))
        self.assert_done(result)
        self.assertIn("attention", result.out + result.err)

    def test_plan(self):
        result = self.run_program("inspect", WEIGHTS, "--plan", "--json")
        self.assert_done(result)
        layers = json.loads(result.out)["plan"]["layers"]
        self.assertEqual({layer["op"] for layer in layers},
                         {"stft", "band_split", "attention", "feed_forward", "rms_norm", "mask", "istft"})
        self.assertAlmostEqual(sum(layer["share"] for layer in layers), 1.0, places=6)
        largest = max(layers, key=lambda layer: layer["share"])
        self.assertEqual(largest["op"], "attention")
        text = self.run_program("inspect", WEIGHTS, "--plan").out
        self.assertIn("as far as FLOPs tell", text)
        self.assertNotIn("Winograd", text)


if __name__ == "__main__":
    unittest.main()
