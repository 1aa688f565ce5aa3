"""cleave export: what stands in the file, for every network of the test data, and what becomes of
it when something is wrong. Whether other programs compute the same with it is test_runtime.py's
business.

The environment names the program (CLEAVE_PROGRAM), the test data (CLEAVE_TEST_DATA), the demo
(CLEAVE_DEMO) and tools/make_network (CLEAVE_MAKE_NETWORK).
"""
import glob
import json
import math
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

import onnx_reader

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
DATA = os.path.abspath(os.environ["CLEAVE_TEST_DATA"])
DEMO = os.path.join(os.path.abspath(os.environ["CLEAVE_DEMO"]), "drumsep-mini.ckpt")
GOLDEN = os.path.join(DATA, "golden", "inst-gelu-2stem")
MODEL = os.path.join(GOLDEN, "model.ckpt")
MAKE_NETWORK = os.environ["CLEAVE_MAKE_NETWORK"].split()
TIME_LIMIT = 120  # seconds: a hang is a failure
FLOAT, INT64 = 1, 7
IMAGE_OPS = {"Conv", "ConvTranspose", "MatMul", "InstanceNormalization", "BatchNormalization",
             "Gelu", "Relu", "Elu", "Add", "Mul", "Concat", "Transpose", "Reshape"}
TOKEN_OPS = {"MatMul", "ReduceL2", "Max", "Div", "Mul", "Add", "Sub", "Gelu", "Tanh", "Sigmoid",
             "Softmax", "Slice", "Gather", "Concat", "Transpose", "Reshape", "Identity"}


def run(*arguments, **changes):
    environment = {key: value for key, value in os.environ.items() if key != "CLEAVE_MODEL"}
    environment.update(LC_ALL="C.UTF-8")
    limit = changes.pop("preexec_fn", None)
    environment.update(changes)
    return subprocess.run([PROGRAM, *arguments], env=environment, text=True, timeout=TIME_LIMIT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=limit, check=False)


def inspect(model, *arguments):
    return json.loads(run("inspect", model, "--json", *arguments).stdout)


def models():
    """The checkpoints of all cases."""
    for kind in ("ckpt", "pth", "pt", "th", "safetensors"):
        yield from sorted(glob.glob(os.path.join(DATA, "golden", "*", "*." + kind)))
        yield from sorted(glob.glob(os.path.join(DATA, "cases", "*", "*." + kind)))


class ExportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-export-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "network.onnx")

    def export(self, model, *arguments):
        result = run("export", model, "-o", self.path, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return onnx_reader.read_model(self.path)

    def assert_refused(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("cleave: "), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(result.stdout, "")


class CheckedTest(ExportTest):
    def check_wiring(self, onnx):
        """Each input is known when it is used, each output new, and none is for nothing."""
        known = {value.name for value in onnx.inputs}
        weights = [weight.name for weight in onnx.weights]
        self.assertEqual(len(weights), len(set(weights)))
        known.update(weights)
        used = set()
        for node in onnx.nodes:
            self.assertIn(node.op, IMAGE_OPS | TOKEN_OPS)
            self.assertLessEqual(set(node.inputs), known, node.name)
            self.assertTrue(known.isdisjoint(node.outputs), node.name)
            known.update(node.outputs)
            used.update(node.inputs)
        self.assertEqual(known - used, {"stems"})

    def check_weights(self, onnx, info):
        """All that the network has, and nothing twice."""
        trained = 0
        for weight in onnx.weights:
            self.assertIn(weight.kind, (FLOAT, INT64))
            count = math.prod(weight.dims)
            size = 4 * count if weight.kind == FLOAT else count
            self.assertEqual(len(weight.data), size, weight.name)
            constant = "/" in weight.name
            if not constant and "running_" not in weight.name:
                trained += count
        self.assertEqual(trained, info["parameters"])

    def check_ends(self, onnx, info, frames):
        channels, stems = info["channels"], len(info["stems"])
        self.assertEqual(onnx.inputs, [onnx_reader.Value(
            "spectrogram", FLOAT, ("batch", 2 * channels, info["dim_f"], frames))])
        self.assertEqual(onnx.outputs, [onnx_reader.Value(
            "stems", FLOAT, ("batch", stems, 2 * channels, info["dim_f"], frames))])
        self.assertEqual(json.loads(onnx.metadata["stems"]), info["stems"])
        for key in ("sample_rate", "channels", "n_fft", "hop_length", "dim_f"):
            self.assertEqual(onnx.metadata[key], str(info[key]))
        self.assertEqual(onnx.metadata["dim_t"], str(frames))


class StructureTest(CheckedTest):
    def test_every_case(self):
        count = 0
        for model in models():
            with self.subTest(model=model):
                info = inspect(model)
                onnx = self.export(model)
                self.assertEqual((onnx.ir_version, onnx.opsets), (9, {"": 20}))
                self.check_wiring(onnx)
                self.check_weights(onnx, info)
                self.check_ends(onnx, info, info["dim_t"])
                count += 1
        self.assertGreater(count, 25)

    def test_the_weights_are_the_checkpoint_s(self):
        with zipfile.ZipFile(MODEL) as archive:
            stored = {archive.read(name) for name in archive.namelist() if "/data/" in name}
        for weight in self.export(MODEL).weights:
            if weight.kind == INT64:
                continue
            data = weight.data
            if weight.name.endswith(".T"):
                rows, columns = weight.dims
                values = [data[4 * i:4 * i + 4] for i in range(rows * columns)]
                data = b"".join(values[r * columns + c] for c in range(columns)
                                for r in range(rows))
            self.assertIn(data, stored, weight.name)

    def test_convolutions_carry_their_shape(self):
        nodes = {node.name: node for node in self.export(MODEL).nodes}
        wide = nodes["encoder_blocks.0.tfc_tdf.blocks.0.tfc1.2/conv"]
        self.assertEqual(wide.attributes, {"kernel_shape": (3, 3), "strides": (1, 1),
                                           "pads": (1, 1, 1, 1)})
        up = nodes["decoder_blocks.0.upscale.conv.2/conv_transposed"]
        self.assertEqual(up.attributes, {"kernel_shape": (2, 2), "strides": (2, 2),
                                         "pads": (0, 0, 0, 0)})

    def test_frames(self):
        info = inspect(MODEL)
        onnx = self.export(MODEL, "--frames", "64")
        self.check_wiring(onnx)
        self.check_ends(onnx, info, 64)

    def test_frames_of_an_odd_transform(self):
        model = glob.glob(os.path.join(DATA, "cases", "odd-transform", "*.ckpt"))[0]
        info = inspect(model)
        self.check_ends(self.export(model, "--frames", str(info["dim_t"])), info, info["dim_t"])


class RoformerTest(CheckedTest):
    """Networks of tokens, of random weights."""
    CONFIG = """
audio: {chunk_size: 1000}
model: {dim: 8, depth: 2, stereo: true, num_stems: 2, dim_head: 4, heads: 2, stft_n_fft: 64,
        stft_hop_length: 16, %s}
training: {instruments: [drums, other]}
"""
    BS = "freqs_per_bands: [1, 2, 10, 20], time_transformer_depth: 1"
    MEL = "num_bands: 4, skip_connection: true"

    def make(self, kind):
        config = os.path.join(self.folder, "model.yaml")
        model = os.path.join(self.folder, "model.safetensors")
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.CONFIG % kind)
        subprocess.run([*MAKE_NETWORK, config, "-o", model], check=True, timeout=TIME_LIMIT,
                       stdout=subprocess.DEVNULL)
        return model

    def test_structure(self):
        for kind, name in ((self.BS, "BS-Roformer"), (self.MEL, "Mel-Band Roformer")):
            with self.subTest(name=name):
                model = self.make(kind)
                onnx, info = self.export(model), inspect(model)
                self.assertEqual(onnx.name, name)
                self.check_wiring(onnx)
                self.check_weights(onnx, info)
                self.check_ends(onnx, info, 63)
                self.check_ends(self.export(model, "--frames", "9"), info, 9)

    def test_frequencies_that_are_no_numbers(self):
        model = self.make(self.BS)
        with open(model, "r+b") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
            name = "layers.1.1.layers.1.0.rotary_embed.freqs"
            file.seek(8 + size + header[name]["data_offsets"][0])
            file.write(struct.pack("<f", math.inf))
        self.assert_refused(run("export", model, "-o", self.path), 3, name, "1 of 2 values")
        self.assertFalse(os.path.exists(self.path))


class ProgramTest(ExportTest):
    def test_says_what_it_wrote(self):
        result = run("export", MODEL, "-o", self.path)
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn("(batch, 4, 256, 32) to stems (batch, 2, 4, 256, 32)", result.stderr)
        result = run("export", MODEL, "-o", self.path, "-q")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_json(self):
        result = json.loads(run("export", MODEL, "-o", self.path, "--json").stdout)
        self.assertEqual(result, {"model": MODEL, "output": self.path,
                                  "bytes": os.path.getsize(self.path), "opset": 20,
                                  "spectrogram": [4, 256, 32], "stems": [2, 4, 256, 32]})

    def test_model_of_the_environment(self):
        result = run("export", "-o", self.path, CLEAVE_MODEL=MODEL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.exists(self.path))

    def test_makes_the_folder(self):
        path = os.path.join(self.folder, "a", "b", "x.ONNX")
        self.assertEqual(run("export", MODEL, "-o", path).returncode, 0)
        self.assertTrue(os.path.exists(path))

    def test_same_bits_again(self):
        self.export(MODEL)
        with open(self.path, "rb") as file:
            first = file.read()
        self.export(MODEL)
        with open(self.path, "rb") as file:
            self.assertEqual(first, file.read())
        self.assertEqual(os.listdir(self.folder), ["network.onnx"])

    def test_wrong_usage(self):
        for arguments, word in ((["export", MODEL], "-o FILE.onnx"),
                                (["export", MODEL, "-o"], "--output FILE"),
                                (["export", MODEL, "-o", "model.ckpt"], "does not end in .onnx"),
                                (["export", MODEL, "-o", ""], "does not end in .onnx"),
                                (["export", "-o", self.path], "CLEAVE_MODEL"),
                                (["export", "-", "-o", self.path], "standard input"),
                                (["export", MODEL, "-o", self.path, "--frames", "0"], "--frames"),
                                (["export", MODEL, "-o", self.path, "--frames", "31"], "31"),
                                (["export", DEMO, "-o", self.path, "--frames", "1000000"],
                                 "cannot export"),
                                (["export", MODEL, "-o", self.path, "--stems", "kick"], "--stems"),
                                (["export", MODEL, MODEL, "-o", self.path], "model.ckpt")):
            with self.subTest(arguments=arguments):
                self.assert_refused(run(*arguments), 2, word)
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_such_model(self):
        self.assert_refused(run("export", "nothing.ckpt", "-o", self.path), 3, "nothing.ckpt")

    def test_a_place_that_cannot_be_written(self):
        with open(os.path.join(self.folder, "file"), "wb"):
            pass
        path = os.path.join(self.folder, "file", "x.onnx")
        self.assert_refused(run("export", MODEL, "-o", path), 1, os.path.dirname(path))

    def test_a_full_disk_leaves_what_was_there(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("older")
        result = run("export", MODEL, "-o", self.path, preexec_fn=limit_files)
        self.assert_refused(result, 1, self.path)
        self.assertEqual(os.listdir(self.folder), ["network.onnx"])
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "older")


def limit_files():
    """No file beyond 64 KiB; Python ignores the signal, and so does the child."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))


class CheckpointTest(ExportTest):
    """Checkpoints that are made here: one scale, one block, no norm."""

    def write_model(self, channels, data=None):
        """A safetensors file of the smallest kind of network; without data a hole, all zeros."""
        shapes = self.shapes(channels)
        header, offset = {}, 0
        for name, dims in shapes.items():
            size = 4 * math.prod(dims)
            header[name] = {"dtype": "F32", "shape": dims, "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        path = os.path.join(self.folder, "model.safetensors")
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            if data:
                file.write(data)
            file.truncate(8 + len(text) + offset)
        with open(os.path.join(self.folder, "model.yaml"), "w", encoding="utf-8") as file:
            file.write(self.config(channels))
        return path

    @staticmethod
    def shapes(channels):
        outer = 2 * 2 * 2  # real and imaginary parts, stereo, subbands
        shapes = {"first_conv.weight": [channels, outer, 1, 1]}

        def block(front, inputs, width):
            shapes[front + ".tfc1.2.weight"] = [channels, inputs, 3, 3]
            shapes[front + ".tdf.2.weight"] = [width // 2, width]
            shapes[front + ".tdf.5.weight"] = [width, width // 2]
            shapes[front + ".tfc2.2.weight"] = [channels, channels, 3, 3]
            shapes[front + ".shortcut.weight"] = [channels, inputs, 1, 1]
        block("encoder_blocks.0.tfc_tdf.blocks.0", channels, 8)
        shapes["encoder_blocks.0.downscale.conv.2.weight"] = [channels, channels, 2, 2]
        block("bottleneck_block.blocks.0", channels, 4)
        shapes["decoder_blocks.0.upscale.conv.2.weight"] = [channels, channels, 2, 2]
        block("decoder_blocks.0.tfc_tdf.blocks.0", 2 * channels, 8)
        shapes["final_conv.0.weight"] = [channels, channels + outer, 1, 1]
        shapes["final_conv.2.weight"] = [outer, channels, 1, 1]
        return shapes

    @staticmethod
    def config(channels):
        return """
audio: {chunk_size: 112, dim_f: 16, dim_t: 8, hop_length: 16, n_fft: 32, num_channels: 2,
        sample_rate: 44100}
model: {act: relu, bottleneck_factor: 2, growth: 0, norm: none, num_blocks_per_scale: 1,
        num_channels: %d, num_scales: 1, num_subbands: 2, scale: [2, 2]}
training: {instruments: [vocals], target_instrument: null}
""" % channels

    def test_smallest(self):
        onnx = self.export(self.write_model(3))
        self.assertEqual({weight.name.removesuffix(".T") for weight in onnx.weights
                          if weight.kind == FLOAT}, set(self.shapes(3)))

    def test_larger_than_onnx_allows(self):
        """More than 2 GiB by a little: refused before anything is read or written."""
        model = self.write_model(2700)
        self.assertGreater(os.path.getsize(model), 1 << 31)
        self.assert_refused(run("export", model, "-o", self.path), 3, "2 GiB")
        self.assertFalse(os.path.exists(self.path))

    def test_weights_that_are_no_numbers(self):
        model = self.write_model(3, struct.pack("<2f", 1.0, math.nan))
        self.assert_refused(run("export", model, "-o", self.path), 3, "first_conv.weight",
                            "1 of 24 values")
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    unittest.main(verbosity=1)
