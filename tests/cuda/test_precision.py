"""What `auto` does where f16's range ends, on a simulated NVIDIA GPU: a network whose first layer makes
large numbers. The environment is that of simulated_gpu.py."""
import json
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from simulated_gpu import DATA, SimulatedGpuTest, read_float_wav  # noqa: E402
from test_cli import snr  # noqa: E402

CASE = os.path.join(DATA, "cases/silence-inside")
GAIN = "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0.weight"
FACTOR = 1e6


def write_loud_network(source, target):
    """A copy whose first norm multiplies by a million: what the next convolution stores lies beyond f16's
    65504. The norm behind it divides by as much."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    start = 8 + struct.unpack_from("<Q", data)[0]
    entry = json.loads(data[8:start])[GAIN]
    count = entry["shape"][0]
    at = start + entry["data_offsets"][0]
    values = struct.unpack_from("<%dd" % count, data, at)
    struct.pack_into("<%dd" % count, data, at, *(FACTOR * value for value in values))
    with open(target, "wb") as file:
        file.write(data)


class RangeTest(SimulatedGpuTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("loud.safetensors")
        write_loud_network(os.path.join(CASE, "model.safetensors"), self.model)

    def separate(self, settings, *arguments, device="cuda", code=0):
        """→ (result, JSON object, {stem: planes})."""
        result = self.on(settings, os.path.join(CASE, "mix.wav"), "-m", self.model, "-c",
                         os.path.join(CASE, "model.yaml"), "-d", device, "--strict-device", "-o",
                         self.path("out"), "--json", *arguments, code=code)
        info = json.loads(result.out)
        return result, info, {one["stem"]: read_float_wav(one["path"])[0]
                              for one in info.get("outputs", [])}

    def check_widened(self, settings, precision, decibels):
        result, info, stems = self.separate(settings)
        self.assertEqual(info["precision"], precision)
        self.assertIn("-p " + precision, result.err)
        self.assertEqual(self.counts["live_bytes"], 0)
        _, _, expected = self.separate("", "-p", "f32", device="cpu")
        for stem in expected:
            self.assertGreater(snr(expected[stem], stems[stem]), decibels, stem)

    def test_r1_auto_goes_on_in_bf16(self):
        self.check_widened("cc=8.9", "bf16", 25)

    def test_r1_without_bf16_auto_goes_on_in_f32(self):
        self.check_widened("cc=7.5", "f32", 100)

    def test_r1_f16_by_name_says_what_to_try(self):
        result, _, _ = self.separate("cc=8.9", "-p", "f16", code=1)
        self.assertIn("-p bf16", result.err)


if __name__ == "__main__":
    unittest.main()
