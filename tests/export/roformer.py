"""BS-Roformers and Mel-Band Roformers in NumPy and float64, from spectrogram to spectrograms: the truth
that exported networks and precisions are compared with. Written from the published facts of the networks,
and slow, but no value is larger than one of tokens."""
import json
import math
import re
import struct

import numpy as np

CHUNK = 1 << 24  # scores that are computed at once


# ---- Checkpoints ------------------------------------------------------------------------------

def from_bf16(values):
    return (values.astype("<u4") << 16).view("<f4")


TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_safetensors(path):
    """{name: array}, and the configuration that the header carries, or ""."""
    weights = {}
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        metadata = header.pop("__metadata__", {})
        for name, entry in header.items():
            file.seek(8 + size + entry["data_offsets"][0])
            values = np.fromfile(file, TYPES[entry["dtype"]], math.prod(entry["shape"]))
            values = from_bf16(values) if entry["dtype"] == "BF16" else values
            weights[name] = values.reshape(entry["shape"])
    return weights, metadata.get("config", "")


def setting(config, key, default):
    """A number or a boolean of the section "model" of a configuration, which is YAML in block style."""
    section = re.search(r"^model:\n((?:[ #].*\n|\n)*)", config, re.MULTILINE)
    found = section and re.search(r"^ +%s: *([-\w.]+)" % key, section.group(1), re.MULTILINE)
    if not found:
        return default
    word = found.group(1)
    return word == "true" if word in ("true", "false") else int(word)


# ---- Bands ------------------------------------------------------------------------------------

def mel_bands(count, n_fft, rate):
    """The bins of each band: where a triangle of Slaney's mel filter bank is above zero, and the two
    outermost bins."""
    step = math.log(6.4) / 27
    half = rate / 2
    top = half / (200 / 3) if half < 1000 else 15 + math.log(half / 1000) / step
    mels = np.arange(count + 2) * top / (count + 1)
    edges = np.where(mels < 15, mels * (200 / 3), 1000 * np.exp(step * (mels - 15)))
    bins = np.arange(n_fft // 2 + 1) * (1 / (n_fft * (1 / rate)))
    inside = (edges[:-2, None] < bins) & (bins < edges[2:, None])
    inside[0, 0] = inside[-1, -1] = True
    return [np.flatnonzero(row) for row in inside]


class Shape:
    """What the weights' shapes, and a few keys of the configuration, say of a network."""

    def __init__(self, weights, config):
        self.n_fft = setting(config, "stft_n_fft", 2048)
        self.hop = setting(config, "stft_hop_length", 512)
        self.channels = 2 if setting(config, "stereo", False) else 1
        self.zero_dc = setting(config, "zero_dc", True)
        self.skip = setting(config, "skip_connection", False)
        self.is_mel = "final_norm.gamma" not in weights
        self.depth = count(weights, r"layers\.(\d+)\.")
        self.layers = [count(weights, r"layers\.0\.%d\.layers\.(\d+)\." % axis) for axis in (0, 1)]
        self.stems = count(weights, r"mask_estimators\.(\d+)\.")
        self.mask_layers = count(weights, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d+)\.") // 2 + 1
        self.heads = weights["layers.0.0.layers.0.0.to_gates.bias"].shape[0]
        self.bands = self.find_bands(weights, setting(config, "sample_rate", 44100))

    def find_bands(self, weights, rate):
        number = count(weights, r"band_split\.to_features\.(\d+)\.")
        if self.is_mel:
            return mel_bands(number, self.n_fft, rate)
        sizes = [weights["band_split.to_features.%d.0.gamma" % k].shape[0] // (2 * self.channels)
                 for k in range(number)]
        ends = np.cumsum(sizes)
        return [np.arange(end - size, end) for size, end in zip(sizes, ends)]

    def features(self, band):
        """Of the spectrogram, F·ch·2, those that a band has."""
        width = 2 * self.channels
        return (self.bands[band][:, None] * width + np.arange(width)).reshape(-1)


def count(weights, pattern):
    """One more than the largest number at a place in a name."""
    found = [re.match(pattern, name) for name in weights]
    return 1 + max(int(match.group(1)) for match in found if match)


# ---- The network ------------------------------------------------------------------------------

def rms_norm(x, gamma):
    length = np.sqrt(np.square(x).sum(axis=-1, keepdims=True))
    return x / np.maximum(length, 1e-12) * math.sqrt(x.shape[-1]) * gamma


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def gelu(x):
    try:
        from scipy.special import erf
    except ImportError:
        erf = np.vectorize(math.erf, otypes=[np.float64])
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


def softmax(x):
    x -= x.max(axis=-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=-1, keepdims=True)
    return x


def turn(x, frequencies):
    """RoPE of (…, positions, dim_head)."""
    angles = np.arange(x.shape[-2])[:, None] * frequencies
    cosines, sines = np.cos(angles), np.sin(angles)
    even, odd = x[..., 0::2], x[..., 1::2]
    result = np.empty_like(x)
    result[..., 0::2] = even * cosines - odd * sines
    result[..., 1::2] = odd * cosines + even * sines
    return result


class Roformer:
    """The network of a checkpoint: `weights` as read_safetensors() gives them."""

    def __init__(self, weights, config):
        self.weights = {name: value.astype(np.float64) for name, value in weights.items()}
        self.shape = Shape(weights, config)

    def linear(self, x, name):
        result = x @ self.weights[name + ".weight"].T
        bias = self.weights.get(name + ".bias")
        return result if bias is None else result + bias

    def attend(self, x, name, frequencies):
        """(sequences, positions, D) → what is added to it."""
        shape = self.shape
        u = rms_norm(x, self.weights[name + ".norm.gamma"])
        qkv = self.linear(u, name + ".to_qkv")
        number, length, width = qkv.shape
        q, k, v = qkv.reshape(number, length, 3, shape.heads, -1).transpose(2, 0, 3, 1, 4)
        head = width // 3 // shape.heads
        q, k = turn(q, frequencies), turn(k, frequencies)
        scores = softmax(q @ k.swapaxes(-1, -2) / math.sqrt(head))
        out = (scores @ v).transpose(0, 2, 1, 3) * sigmoid(self.linear(u, name + ".to_gates"))[..., None]
        return self.linear(out.reshape(number, length, -1), name + ".to_out.0")

    def feed_forward(self, x, name):
        u = rms_norm(x, self.weights[name + ".net.0.gamma"])
        return self.linear(gelu(self.linear(u, name + ".net.1")), name + ".net.4")

    def frequencies(self, axis):
        """Those that are stored last; all are the same."""
        names = [name for name in self.weights
                 if re.match(r"layers\.\d+\.%d\..*\.rotary_embed\.freqs" % axis, name)]
        if names:
            return self.weights[names[-1]]
        head = self.weights["layers.0.0.layers.0.0.to_qkv.weight"].shape[0] // 3 // self.shape.heads
        return (10000.0 ** (-np.arange(0, head, 2) / head)).astype(np.float32).astype(np.float64)

    def transform(self, x, block, axis):
        """One transformer of a block, on (sequences, positions, D), in place."""
        front = "layers.%d.%d" % (block, axis)
        frequencies = self.frequencies(axis)
        step = max(1, CHUNK // (self.shape.heads * x.shape[1] ** 2))
        for first in range(0, len(x), step):
            part = x[first:first + step]
            for layer in range(self.shape.layers[axis]):
                name = "%s.layers.%d" % (front, layer)
                part += self.attend(part, name + ".0", frequencies)
                part += self.feed_forward(part, name + ".1")
            if self.shape.is_mel:
                part[:] = rms_norm(part, self.weights[front + ".norm.gamma"])
        return x

    def split(self, spectrum):
        """(T, F·ch·2) → (K, T, D)."""
        bands = []
        for k in range(len(self.shape.bands)):
            name = "band_split.to_features.%d" % k
            features = rms_norm(spectrum[:, self.shape.features(k)], self.weights[name + ".0.gamma"])
            bands.append(self.linear(features, name + ".1"))
        return np.stack(bands)

    def mask(self, x, stem):
        """(K, T, D) → (T, F·ch·2)."""
        width = (self.shape.n_fft // 2 + 1) * 2 * self.shape.channels
        total, number = np.zeros((x.shape[1], width)), np.zeros(width)
        for k in range(len(self.shape.bands)):
            z = x[k]
            for layer in range(self.shape.mask_layers):
                z = np.tanh(z) if layer else z
                z = self.linear(z, "mask_estimators.%d.to_freqs.%d.0.%d" % (stem, k, 2 * layer))
            value, gate = np.split(z, 2, axis=-1)
            features = self.shape.features(k)
            total[:, features] += value * sigmoid(gate)
            number[features] += 1
        return total / number

    def tokens(self, spectrum):
        x, outputs = self.split(spectrum), []
        for block in range(self.shape.depth):
            for output in outputs if self.shape.skip else []:
                x = x + output
            x = self.transform(x, block, 0)
            x = self.transform(np.ascontiguousarray(x.swapaxes(0, 1)), block, 1)
            x = np.ascontiguousarray(x.swapaxes(0, 1))
            outputs.append(x.copy() if self.shape.skip else None)
        return x if self.shape.is_mel else rms_norm(x, self.weights["final_norm.gamma"])

    def run(self, spectrogram):
        """(2·ch, F, T) → (stems, 2·ch, F, T); real and imaginary part of each channel in turn."""
        parts, bins, frames = spectrogram.shape
        spectrum = spectrogram.transpose(2, 1, 0).reshape(frames, bins * parts).astype(np.float64)
        x = self.tokens(spectrum)
        stems = []
        for stem in range(self.shape.stems):
            mask = self.mask(x, stem)
            product = (mask[:, 0::2] + 1j * mask[:, 1::2]) * (spectrum[:, 0::2] + 1j * spectrum[:, 1::2])
            if self.shape.zero_dc:
                product[:, :self.shape.channels] = 0
            pair = np.stack([product.real, product.imag], axis=-1)
            stems.append(pair.reshape(frames, bins, parts).transpose(2, 1, 0))
        return np.stack(stems)
