"""Slow, plain reference of BS-Roformers and Mel-Band Roformers, in float64.

As mdx23c_reference.py, from which it has files, transforms and demixing; it shares no code with
cleave either. Axes: b batch, s audio channel, t frame, f bin, k band, d feature.
"""

import dataclasses
import math

import numpy as np
import torch

import mdx23c_reference as common
from mdx23c_reference import require

DEFAULT_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
MARK = "band_split.to_features.0.0.gamma"


# ---- Configuration ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config:
    n_fft: int
    hop: int
    chunk_size: int
    mean_dim_t: int
    channels: int
    sample_rate: int
    dim: int
    depth: int
    layers: tuple  # of a block's transformers: along the frames, along the bands
    heads: int
    dim_head: int
    hidden: int  # hidden layers of a mask's MLP
    mel: bool
    bands: tuple  # the bins of each band, ascending
    zero_dc: bool
    skip: bool
    stems: tuple
    overlap: int
    normalize: bool

    @property
    def dim_f(self):
        return self.n_fft // 2 + 1

    def chunk(self, blend):
        if blend == "mean" and self.mean_dim_t:
            return self.hop * (self.mean_dim_t - 1)
        return self.chunk_size

    def check_chunk(self, chunk):
        require(chunk > self.n_fft // 2, f"chunk {chunk} is too short for n_fft {self.n_fft}")


def is_roformer(path):
    return "num_subbands" not in common.read_yaml(path)["model"]


def read_config(path):
    tree = common.read_yaml(path)
    audio, model, training = tree["audio"], tree["model"], tree["training"]
    inference = tree.get("inference") or {}
    target = training.get("target_instrument")
    mel = "num_bands" in model
    n_fft = model.get("stft_n_fft", 2048)
    return Config(
        n_fft=n_fft,
        hop=model.get("stft_hop_length", 512),
        chunk_size=inference.get("chunk_size") or audio["chunk_size"],
        mean_dim_t=inference.get("dim_t") or 0,
        channels=2 if model.get("stereo", False) else 1,
        sample_rate=audio.get("sample_rate", 44100),
        dim=model["dim"],
        depth=model["depth"],
        layers=(model.get("time_transformer_depth", 2), model.get("freq_transformer_depth", 2)),
        heads=model.get("heads", 8),
        dim_head=model.get("dim_head", 64),
        hidden=model.get("mask_estimator_depth", 1) if mel
        else model.get("mask_estimator_depth", 2) - 1,
        mel=mel,
        bands=mel_bands(n_fft, model.get("sample_rate", 44100), model["num_bands"]) if mel
        else runs_of_bins(model.get("freqs_per_bands", DEFAULT_BANDS)),
        zero_dc=model.get("zero_dc", True),
        skip=model.get("skip_connection", False),
        stems=(target,) if target else tuple(training["instruments"]),
        overlap=inference.get("num_overlap") or 2,
        normalize=inference.get("normalize") is True,
    )


def runs_of_bins(lengths):
    ends = np.cumsum(lengths)
    return tuple(np.arange(end - length, end) for end, length in zip(ends, lengths, strict=True))


def mel_bands(n_fft, rate, count):
    """The bins that a Slaney mel filter bank gives a weight to."""
    step = math.log(6.4) / 27

    def mel(hz):
        return hz / (200 / 3) if hz < 1000 else 15 + math.log(hz / 1000) / step

    def hz(mel):
        return mel * (200 / 3) if mel < 15 else 1000 * math.exp(step * (mel - 15))

    bins = np.arange(n_fft // 2 + 1)
    at = bins * (1 / (n_fft * (1 / rate)))
    edges = [hz(i * mel(rate / 2) / (count + 1)) for i in range(count + 2)]
    bands = []
    for k in range(count):
        within = (edges[k] < at) & (at < edges[k + 2])
        within[0] |= k == 0
        within[-1] |= k == count - 1
        bands.append(bins[within])
    return tuple(bands)


# ---- Network ---------------------------------------------------------------------------------


def rms_norm(x, gamma):
    length = x.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return x / length * math.sqrt(x.shape[-1]) * gamma


def turn(x, frequencies):
    """RoPE: (..., n, e) with pairs of neighbours turned by position times frequency."""
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * frequencies
    cos, sin = angle.cos(), angle.sin()
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


class Network:
    """Waveform (b, s, L) in, stems (b, stems, s, L) out. `rounded` is applied to whatever is
    multiplied by a weight, to that weight, and to q, k, v and the softmax between them."""

    def __init__(self, config, weights, rounded=lambda tensor: tensor):
        self.config = config
        self.weights = weights
        self.rounded = rounded

    def __call__(self, waveform):
        spectrum = self.spectrum(waveform)
        x = self.blocks(self.band_split(spectrum))
        if not self.config.mel:
            x = rms_norm(x, self.weights["final_norm.gamma"])
        stems = [self.stem(x, spectrum, n) for n in range(len(self.config.stems))]
        return torch.stack([self.waveform(stem, waveform.shape[-1]) for stem in stems], dim=1)

    def spectrum(self, waveform):
        """Complex (b, t, f, s)."""
        parts = common.stft(self.config, waveform)
        return torch.complex(parts[:, 0::2], parts[:, 1::2]).permute(0, 3, 2, 1)

    def waveform(self, spectrum, samples):
        batch, frames, bins, channels = spectrum.shape
        parts = torch.view_as_real(spectrum).permute(0, 3, 4, 2, 1)
        parts = parts.reshape(batch, 2 * channels, bins, frames)
        total, weight = common.overlap_add(self.config, parts)
        half = self.config.n_fft // 2
        return total[..., half : half + samples] / weight[half : half + samples]

    def linear(self, x, name):
        """With the bias where there is one."""
        bias = self.weights.get(f"{name}.bias", 0)
        return self.rounded(x) @ self.rounded(self.weights[f"{name}.weight"]).T + bias

    def band_split(self, spectrum):
        tokens = []
        for k, bins in enumerate(self.config.bands):
            name = f"band_split.to_features.{k}"
            values = torch.view_as_real(spectrum[:, :, bins]).flatten(2)
            values = rms_norm(values, self.weights[f"{name}.0.gamma"])
            tokens.append(self.linear(values, f"{name}.1"))
        return torch.stack(tokens, dim=2)  # (b, t, k, d)

    def blocks(self, x):
        outputs = []
        for i in range(self.config.depth):
            if self.config.skip:
                for output in outputs:
                    x = x + output
            x = self.transformer(x.transpose(1, 2), i, 0).transpose(1, 2)
            x = self.transformer(x, i, 1)
            outputs.append(x)
        return x

    def transformer(self, x, block, axis):
        """Along the last axis but one."""
        for j in range(self.config.layers[axis]):
            name = f"layers.{block}.{axis}.layers.{j}"
            x = x + self.attention(x, f"{name}.0", self.frequencies(axis))
            x = x + self.feed_forward(x, f"{name}.1.net")
        gamma = f"layers.{block}.{axis}.norm.gamma"
        return rms_norm(x, self.weights[gamma]) if self.config.mel else x

    def frequencies(self, axis):
        """The last ones stored."""
        block, layer = self.config.depth - 1, self.config.layers[axis] - 1
        name = f"layers.{block}.{axis}.layers.{layer}.0.rotary_embed.freqs"
        return self.weights[name]

    def attention(self, x, name, frequencies):
        heads = self.config.heads
        x = rms_norm(x, self.weights[f"{name}.norm.gamma"])
        qkv = self.linear(x, f"{name}.to_qkv").unflatten(-1, (3, heads, -1))
        q, k, v = qkv.movedim(-3, 0).transpose(-3, -2)  # (3, …, heads, n, dim_head)
        q, k = (self.rounded(turn(part, frequencies)) for part in (q, k))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.config.dim_head)
        out = self.rounded(scores.softmax(dim=-1)) @ self.rounded(v)
        gates = self.linear(x, f"{name}.to_gates").sigmoid()  # (…, n, heads)
        out = out.transpose(-3, -2) * gates[..., None]
        return self.linear(out.flatten(-2), f"{name}.to_out.0")

    def feed_forward(self, x, name):
        x = rms_norm(x, self.weights[f"{name}.0.gamma"])
        x = torch.nn.functional.gelu(self.linear(x, f"{name}.1"), approximate="none")
        return self.linear(x, f"{name}.4")

    def stem(self, x, spectrum, number):
        """Mask times spectrum; bins in two bands get the mean of two masks."""
        mask = torch.zeros_like(spectrum)
        times = torch.zeros(self.config.dim_f, dtype=x.dtype)
        for k, bins in enumerate(self.config.bands):
            z = self.mask_features(x[:, :, k], f"mask_estimators.{number}.to_freqs.{k}.0")
            z = z.unflatten(-1, (len(bins), self.config.channels, 2)).contiguous()
            mask[:, :, bins] += torch.view_as_complex(z)
            times[bins] += 1
        stem = mask / times[:, None] * spectrum
        if self.config.zero_dc:
            stem[:, :, 0] = 0
        return stem

    def mask_features(self, z, name):
        for layer in range(self.config.hidden):
            z = self.linear(z, f"{name}.{2 * layer}").tanh()
        value, gate = self.linear(z, f"{name}.{2 * self.config.hidden}").chunk(2, dim=-1)
        return value * gate.sigmoid()


def load_network(checkpoint, config, dtype=torch.float64):
    weights = common.read_weights(checkpoint, MARK)
    return Network(config, {name: value.to(dtype) for name, value in weights.items()})


def round_operands(network, dtype):
    """Makes the network round what it multiplies, weights as well, to `dtype`. Norms, sums, softmax
    and activations stay as they are."""
    network.rounded = lambda tensor: common.rounded(tensor, dtype)
