"""Exported Roformers in ONNX Runtime against the network in float64 (roformer.py), on random networks that
make_network makes: every stem of every item of a batch must come within 100 dB.

Argument: an environment as scripts/venv makes it, with NumPy and ONNX Runtime; without one the test
is skipped. The environment variables name the programs (CLEAVE_PROGRAM, CLEAVE_MAKE_NETWORK).
"""
import math
import os
import subprocess
import sys
import tempfile
import unittest

from environment import enter_environment

if __name__ == "__main__":
    enter_environment(sys.argv[1], "tests/export/requirements.txt")

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

from roformer import Roformer, mel_bands, read_safetensors  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
MAKE_NETWORK = os.environ["CLEAVE_MAKE_NETWORK"].split()
BOUND = 100  # dB
BATCH = 2
TIME_LIMIT = 120  # seconds: a hang is a failure

CONFIG = """
audio:
  chunk_size: {chunk_size}
model:
{model}
training:
  instruments: [{stems}]
"""
COMMON = {"dim": 24, "depth": 2, "stereo": "true", "num_stems": 1, "time_transformer_depth": 1,
          "freq_transformer_depth": 1, "dim_head": 8, "heads": 3, "stft_n_fft": 256,
          "stft_hop_length": 64, "mlp_expansion_factor": 2}
BS = {**COMMON, "mask_estimator_depth": 2, "freqs_per_bands": "[1, 2, 3, 5, 8, 13, 21, 34, 42]"}
MEL = {**COMMON, "num_bands": 11, "mask_estimator_depth": 1, "sample_rate": 44100}

# What make_network is told beside the configuration, by what a network has.
NETWORKS = {
    "BS": (BS, []),
    "BS, three stems, mono, without a hidden layer": (
        {**BS, "stereo": "false", "num_stems": 3, "mask_estimator_depth": 1}, []),
    "BS, several layers, bin 0 kept, f16": (
        {**BS, "time_transformer_depth": 2, "freq_transformer_depth": 3, "mask_estimator_depth": 3,
         "zero_dc": "false"}, ["--type", "f16"]),
    "Mel-Band": (MEL, []),
    "Mel-Band, two stems, sums of blocks, bf16": (
        {**MEL, "num_stems": 2, "depth": 3, "skip_connection": "true", "mask_estimator_depth": 2},
        ["--type", "bf16"]),
    "Mel-Band, mono, another rate, a hop that does not divide the chunk": (
        {**MEL, "stereo": "false", "sample_rate": 22050, "stft_hop_length": 60, "num_bands": 7}, []),
}


def config_text(model):
    lines = "".join("  %s: %s\n" % item for item in model.items())
    stems = ", ".join("stem%d" % i for i in range(model["num_stems"]))
    return CONFIG.format(chunk_size=1984, model=lines, stems=stems)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=TIME_LIMIT)


def snr(expected, found):
    noise = np.square(expected - found).sum()
    return 10 * math.log10(np.square(expected).sum() / noise) if noise > 0 else math.inf


class Network:
    """A random one, as a checkpoint and as an exported file."""

    def __init__(self, model, arguments, folder):
        config = os.path.join(folder, "model.yaml")
        self.checkpoint = os.path.join(folder, "model.safetensors")
        self.onnx = os.path.join(folder, "network.onnx")
        with open(config, "w", encoding="utf-8") as file:
            file.write(config_text(model))
        run(*MAKE_NETWORK, config, "-o", self.checkpoint, "--embed-config", *arguments)
        run(PROGRAM, "export", self.checkpoint, "-o", self.onnx, "-q")
        self.weights, self.config = read_safetensors(self.checkpoint)

    def runtime(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(self.onnx, options, providers=["CPUExecutionProvider"])
        shape = session.get_inputs()[0].shape[1:]
        return shape, lambda x: session.run(["stems"], {"spectrogram": x})[0]


class RoformerTest(unittest.TestCase):
    def networks(self):
        for name, (model, arguments) in NETWORKS.items():
            with tempfile.TemporaryDirectory(prefix="cleave-roformer-") as folder:
                yield name, Network(model, arguments, folder)

    def test_stems(self):
        generator = np.random.default_rng(1)
        for name, network in self.networks():
            shape, evaluate = network.runtime()
            truth = Roformer(network.weights, network.config)
            spectra = generator.standard_normal((BATCH, *shape)).astype(np.float32)
            spectra *= np.linspace(20, 0.01, shape[1], dtype=np.float32)[:, None]
            for spectrum, stems in zip(spectra, evaluate(spectra)):
                expected = truth.run(spectrum)
                self.assertEqual(stems.shape, expected.shape, name)
                for one, other in zip(expected, stems):
                    self.assertGreater(np.abs(one).max(), 0.1, name)
                    self.assertGreaterEqual(snr(one, other), BOUND, name)

    def test_silence(self):
        for name, network in self.networks():
            shape, evaluate = network.runtime()
            stems = evaluate(np.zeros((1, *shape), np.float32))
            self.assertTrue(np.all(stems == 0), name)

    def test_frequencies_are_those_that_all_networks_have(self):
        for name, network in self.networks():
            stored = [network.weights[key] for key in network.weights if key.endswith(".freqs")]
            pairs = network.weights["layers.0.0.layers.0.0.rotary_embed.freqs"].shape[0]
            expected = 10000.0 ** (-np.arange(pairs) / pairs)
            self.assertGreater(len(stored), 3, name)
            for frequencies in stored:
                np.testing.assert_allclose(frequencies, expected, rtol=2 ** -8,
                                           err_msg=name)

    def test_gains_are_near_one(self):
        for name, network in self.networks():
            gains = [network.weights[key] for key in network.weights if key.endswith(".gamma")]
            values = np.concatenate([gain.astype(np.float32) for gain in gains])
            self.assertLess(np.abs(values - 1).max(), 0.11, name)
            self.assertGreater(np.abs(values - 1).max(), 0.09, name)


class BandsTest(unittest.TestCase):
    def test_bands_of_the_public_networks(self):
        bands = mel_bands(60, 2048, 44100)
        self.assertEqual(sum(map(len, bands)), 1979)
        self.assertEqual([(band[0], band[-1]) for band in bands[:3] + bands[-2:]],
                         [(0, 6), (4, 9), (7, 12), (836, 957), (895, 1024)])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
