"""Weights that the mps device reads where they lie in the checkpoint's file, on the simulated Mac: which
are, which are copied, and that the stems are the same. The environment is that of tests/cli/test_cli.py.
"""
import json
import math
import os
import re
import shutil
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_mac import DATA, MIX, MODEL, SimulatedMacTest, read_float_wav  # noqa: E402

PAGE = os.sysconf("SC_PAGE_SIZE")
ALIGNMENT = 16
CASE = os.path.join(DATA, "cases", "three-channels-normalize")


class Safetensors:
    """A file's header and bytes, to be written with changes."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        size = struct.unpack("<Q", data[:8])[0]
        self.header = json.loads(data[8:8 + size])
        self.text = data[8:8 + size].decode()
        self.data = bytearray(data[8 + size:])

    def write(self, path, begin):
        """Tensors begin at `begin` modulo 64."""
        padding = (begin - 8 - len(self.text)) % 64
        text = self.text.encode() + b" " * padding
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + self.data)
        return 8 + len(text)

    def convolutions(self):
        """(name, first byte, bytes) of all weights of convolutions."""
        for name, tensor in self.header.items():
            if len(tensor.get("shape", [])) == 4:
                yield name, tensor["data_offsets"][0], 4 * math.prod(tensor["shape"])


class InPlaceTest(SimulatedMacTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("model.safetensors")
        self.file = Safetensors(os.path.join(CASE, "model.safetensors"))
        shutil.copy(os.path.join(CASE, "model.yaml"), self.path("model.yaml"))

    def stems_on(self, settings, *arguments, model=MODEL, mix=MIX):
        """The stems' samples; sets self.counts and, of a profile op by op, self.layers, the convolutions.
        Nothing stays on the device."""
        result = self.on(settings, mix, "-m", model, "-d", "mps", "--strict-device", "-v", "-o",
                         self.path("stems"), "--json", *arguments)
        said = re.search(r"copied for the GPU, (\S+) \S+ read where they lie", result.err)
        self.assertEqual(float(said[1]) > 0, self.in_place() > 0, result.err)
        info = json.loads(result.out)
        self.layers = sum(op["layers"] for op in info.get("profile", {}).get("ops", [])
                          if op["op"] in ("conv", "conv_transposed"))
        self.assertEqual((self.counts["live_bytes"], self.counts["no_copy_bytes"],
                          self.counts["live_objects"]), (0, 0, 0))
        return {one["stem"]: read_float_wav(one["path"])[0] for one in info["outputs"]}

    def in_place(self):
        return self.counts["peak_no_copy_bytes"]

    def test_r2_r3_no_second_copy_of_a_convolutions_weights(self):
        """To the byte: what the host writes for the GPU, and the pages that the GPU reads; and what the
        GPU's memory is spared."""
        mix = os.path.join(CASE, "mix.wav")
        for begin in (0, 8):
            first = self.file.write(self.model, begin)
            kept = [(first + at, size) for _, at, size in self.file.convolutions()
                    if (first + at) % ALIGNMENT == 0]
            self.assertGreater(len(kept), 3)
            expected = self.stems_on("macos=14.0", model=self.model, mix=mix)
            copied = self.counts
            self.assertEqual(self.in_place(), 0)
            self.assertEqual(self.stems_on("macos=15.0", model=self.model, mix=mix), expected)
            self.assertEqual(copied["upload_bytes"] - self.counts["upload_bytes"],
                             sum(size for _, size in kept))
            self.assertEqual(self.in_place(), sum(
                PAGE * ((at + size + PAGE - 1) // PAGE - at // PAGE) for at, size in kept))
            self.assertEqual(copied["peak_bytes"] - self.counts["peak_bytes"], sum(
                4096 * ((size + 4095) // 4096) for _, size in kept))

    def test_r2_every_convolution_of_a_torch_file(self):
        """torch.save aligns them all: each is an upload less."""
        layers = 0
        for mode in (["--no-compile", "--profile", self.path("trace.json")], [], ["-b", "4"]):
            expected = self.stems_on("macos=14.0", *mode)
            copied = self.counts
            self.assertEqual(self.stems_on("macos=15.0", *mode), expected)
            fewer = {key: copied[key] - self.counts[key] for key in copied}
            layers = self.layers or layers
            self.assertEqual(fewer["uploads"], layers)
            self.assertGreaterEqual(fewer["peak_bytes"], fewer["upload_bytes"])
            self.assertGreaterEqual(self.in_place(), fewer["upload_bytes"])
        self.assertGreater(layers, 10)

    def test_r12_where_it_cannot_be_it_is_copied(self):
        expected = self.stems_on("macos=14.0")
        for settings in ("macos=15.0,no_copy=nil", "macos=15.0,no_copy=empty",
                         "macos=15.0,unified=0", "macos=14.7"):
            self.assertEqual(self.stems_on(settings), expected, settings)
            self.assertEqual(self.in_place(), 0, settings)

    def test_r1_f16_of_an_f32_file_is_converted(self):
        expected = self.stems_on("macos=14.0", "-p", "f16")
        self.assertEqual(self.stems_on("macos=15.0", "-p", "f16"), expected)
        self.assertEqual(self.in_place(), 0)

    def test_r1_f16_of_an_f16_file_stays(self):
        case = os.path.join(DATA, "cases", "tta-c20-f16")
        model, mix = os.path.join(case, "model.ckpt"), os.path.join(case, "mix.wav")
        expected = self.stems_on("macos=14.0", "-p", "f16", model=model, mix=mix)
        copied = self.counts
        self.assertEqual(self.stems_on("macos=15.0", "-p", "f16", model=model, mix=mix), expected)
        self.assertGreater(self.in_place(), 0)
        self.assertLess(self.counts["upload_bytes"], copied["upload_bytes"])
        self.stems_on("macos=15.0", "-p", "f32", model=model, mix=mix)
        self.assertEqual(self.in_place(), 0)

    def test_r11_a_weight_that_is_no_number_is_found_there_too(self):
        mix = os.path.join(CASE, "mix.wav")
        name, at, _ = next(one for one in self.file.convolutions() if one[1] % ALIGNMENT == 0)
        self.file.data[at + 4:at + 8] = struct.pack("<f", math.nan)
        self.file.write(self.model, 0)
        said = [self.on(settings, mix, "-m", self.model, "-d", "mps", "--strict-device", "-o",
                        self.output, code=3).err for settings in ("macos=14.0", "macos=15.0")]
        self.assertIn(name + ": 1 of ", said[0])
        self.assertEqual(said[0], said[1])
        self.assertEqual((self.counts["live_bytes"], self.counts["no_copy_bytes"]), (0, 0))

    def test_r3_the_plan_counts_the_files_pages(self):
        """They must be there while the GPU works: what is planned is the same, wherever they lie."""
        needs = [json.loads(self.on(settings, "inspect", MODEL, "--json").out)["memory"]["needs"]
                 for settings in ("macos=14.0", "macos=15.0")]
        self.assertEqual(needs[0], needs[1])

    def test_b1_out_of_memory_where_weights_stay(self):
        mix = self.long_mix()
        expected = self.stems_on("macos=15.0", "-b", "2", mix=mix)
        self.assertEqual(self.stems_on("macos=15.0,oom_at=2", "-b", "4", mix=mix), expected)
        self.assertGreater(self.in_place(), 0)


if __name__ == "__main__":
    unittest.main()
