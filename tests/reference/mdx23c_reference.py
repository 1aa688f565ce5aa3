"""Slow, plain reference of MDX23C networks and of how they are run over a file.

Everything here favours being read over being fast: one chunk at a time, whole files in memory,
float64 by default. It shares no code with cleave and exists only so that the golden cases of the
tests have a second opinion. It unpickles checkpoints with PyTorch: use it on files you trust.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import math
import os
import re
import struct
import sys

import numpy as np
import soundfile
import torch
import torch.nn.functional as functional
import yaml
from torch import nn

NORM_EPSILON = 1e-5
DTYPES = {"float32": torch.float32, "float64": torch.float64}


# ---- Configuration ---------------------------------------------------------------------------


class ConfigLoader(yaml.SafeLoader):
    """Safe YAML, with the tuple tag that training programs write taken as a list."""


ConfigLoader.add_constructor(
    "tag:yaml.org,2002:python/tuple",
    lambda loader, node: loader.construct_sequence(node, deep=True),
)


@dataclasses.dataclass(frozen=True)
class Config:
    """What the YAML says, under the specification's names."""

    n_fft: int
    hop: int
    dim_f: int
    chunk_size: int
    mean_dim_t: int
    channels: int
    sample_rate: int
    subbands: int
    scales: int
    blocks: int
    width: int
    growth: int
    bottleneck: int
    scale: tuple
    norm: str
    act: str
    stems: tuple
    overlap: int
    normalize: bool

    @property
    def subband_bins(self):
        return self.dim_f // self.subbands

    @property
    def subband_channels(self):
        return 2 * self.channels * self.subbands

    def frames(self, samples):
        """Frames that the centred STFT makes of a chunk of so many samples."""
        return 1 + (samples + 2 * (self.n_fft // 2) - self.n_fft) // self.hop

    def chunk(self, blend):
        mean = self.hop * (self.mean_dim_t - 1) + self.n_fft % 2
        return mean if blend == "mean" else self.chunk_size

    def check_chunk(self, chunk):
        """A chunk must be long enough to reflect, and its frames must survive every halving."""
        require(chunk > self.n_fft // 2, f"chunk {chunk} is too short for n_fft {self.n_fft}")
        frames, factor = self.frames(chunk), self.scale[0] ** self.scales
        require(
            frames % factor == 0,
            f"{frames} frames do not divide by scale[0]^num_scales = {factor}",
        )


def covered(chunk, n_fft, hop):
    """The samples of a chunk that its frames give back: what is left over behind them is no chunk."""
    return chunk - (chunk - n_fft % 2) % hop


def read_yaml(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=ConfigLoader)


def read_config(path):
    tree = read_yaml(path)
    audio, model, training = tree["audio"], tree["model"], tree["training"]
    inference = tree.get("inference") or {}
    target = training.get("target_instrument")
    config = Config(
        n_fft=audio["n_fft"],
        hop=audio["hop_length"],
        dim_f=audio["dim_f"],
        chunk_size=covered(
            inference.get("chunk_size") or audio["chunk_size"],
            audio["n_fft"],
            audio["hop_length"],
        ),
        mean_dim_t=inference.get("dim_t") or audio["dim_t"],
        channels=audio.get("num_channels", 2),
        sample_rate=audio.get("sample_rate", 44100),
        subbands=model["num_subbands"],
        scales=model["num_scales"],
        blocks=model["num_blocks_per_scale"],
        width=model["num_channels"],
        growth=model["growth"],
        bottleneck=model["bottleneck_factor"],
        scale=tuple(model["scale"]),
        norm=str(model.get("norm")),
        act=model["act"],
        stems=(target,) if target else tuple(training["instruments"]),
        overlap=inference.get("num_overlap") or 2,
        normalize=inference.get("normalize") is True,
    )
    check_config(config)
    return config


def require(condition, text):
    if not condition:
        raise ValueError(text)


def check_config(config):
    """The size rules; what breaks one is refused with its numbers."""
    bins = config.n_fft // 2 + 1
    require(config.dim_f <= bins, f"dim_f {config.dim_f} is above n_fft/2 + 1 = {bins}")
    require(
        config.dim_f % config.subbands == 0,
        f"dim_f {config.dim_f} does not divide by num_subbands {config.subbands}",
    )
    width = config.subband_bins
    for index in range(config.scales + 1):
        require(
            width % config.bottleneck == 0,
            f"{width} bins at scale {index} do not divide by "
            f"bottleneck_factor {config.bottleneck}",
        )
        if index < config.scales:
            require(
                width % config.scale[1] == 0,
                f"{width} bins at scale {index} do not divide by scale[1] {config.scale[1]}",
            )
            width //= config.scale[1]
    config.check_chunk(config.chunk_size)


# ---- Network ---------------------------------------------------------------------------------


def make_norm(kind, channels):
    if kind == "InstanceNorm":
        return nn.InstanceNorm2d(channels, eps=NORM_EPSILON, affine=True)
    if kind == "BatchNorm":
        return nn.BatchNorm2d(channels, eps=NORM_EPSILON)
    group = re.fullmatch(r"GroupNorm(\d+)", kind)
    if group:
        return nn.GroupNorm(int(group.group(1)), channels, eps=NORM_EPSILON)
    return nn.Identity()


def make_act(kind):
    if kind == "gelu":
        return nn.GELU(approximate="none")
    if kind == "relu":
        return nn.ReLU()
    elu = re.fullmatch(r"elu(\d+(?:\.\d*)?|\.\d+)", kind)
    require(elu is not None, f"unknown activation '{kind}'")
    return nn.ELU(alpha=float(elu.group(1)))


def pointwise(inputs, outputs):
    return nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)


class Block(nn.Module):
    """One block of a TFC_TDF: convolutions around a bottleneck along frequency."""

    def __init__(self, config, inputs, outputs, width):
        super().__init__()
        hidden = width // config.bottleneck
        self.tfc1 = nn.Sequential(
            make_norm(config.norm, inputs),
            make_act(config.act),
            nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        )
        self.tdf = nn.Sequential(
            make_norm(config.norm, outputs),
            make_act(config.act),
            nn.Linear(width, hidden, bias=False),
            make_norm(config.norm, outputs),
            make_act(config.act),
            nn.Linear(hidden, width, bias=False),
        )
        self.tfc2 = nn.Sequential(
            make_norm(config.norm, outputs),
            make_act(config.act),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        )
        self.shortcut = pointwise(inputs, outputs)

    def forward(self, x):
        around = self.shortcut(x)
        x = self.tfc1(x)
        x = x + self.tdf(x)
        return self.tfc2(x) + around


class TfcTdf(nn.Module):
    def __init__(self, config, inputs, outputs, width):
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(config, outputs if index else inputs, outputs, width)
            for index in range(config.blocks)
        )

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Rescale(nn.Module):
    """Norm, activation, and a strided or transposed convolution whose kernel is its stride."""

    def __init__(self, config, convolution, inputs, outputs):
        super().__init__()
        self.conv = nn.Sequential(
            make_norm(config.norm, inputs),
            make_act(config.act),
            convolution(
                inputs, outputs, kernel_size=config.scale, stride=config.scale, bias=False
            ),
        )

    def forward(self, x):
        return self.conv(x)


def concatenate(parts):
    """Along channels. What was rounded (see "Lower precision") still remembers from what."""
    whole = torch.cat(parts, dim=1)
    if any(computed(part) is not part for part in parts):
        whole.computed = torch.cat([computed(part) for part in parts], dim=1)
    return whole


class EncoderStage(nn.Module):
    def __init__(self, config, channels, width):
        super().__init__()
        self.tfc_tdf = TfcTdf(config, channels, channels, width)
        self.downscale = Rescale(config, nn.Conv2d, channels, channels + config.growth)


class DecoderStage(nn.Module):
    def __init__(self, config, channels, width):
        super().__init__()
        self.upscale = Rescale(
            config, nn.ConvTranspose2d, channels + config.growth, channels
        )
        self.tfc_tdf = TfcTdf(config, 2 * channels, channels, width)


class Network(nn.Module):
    """Waveform (B, ch, L) in, stems (B, stems, ch, L) out."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        outer = config.subband_channels
        shapes = [
            (config.width + i * config.growth, config.subband_bins // config.scale[1] ** i)
            for i in range(config.scales + 1)
        ]
        self.first_conv = pointwise(outer, config.width)
        self.encoder_blocks = nn.ModuleList(
            EncoderStage(config, channels, width) for channels, width in shapes[:-1]
        )
        channels, width = shapes[-1]
        self.bottleneck_block = TfcTdf(config, channels, channels, width)
        self.decoder_blocks = nn.ModuleList(
            DecoderStage(config, channels, width) for channels, width in shapes[-2::-1]
        )
        self.final_conv = nn.Sequential(
            pointwise(config.width + outer, config.width),
            make_act(config.act),
            pointwise(config.width, len(config.stems) * outer),
        )

    def forward(self, waveform):
        batch, _, samples = waveform.shape
        spectrum = stft(self.config, waveform)
        out = self.spectral(spectrum)
        stems, channels = len(self.config.stems), 2 * self.config.channels
        out = out.reshape(batch * stems, channels, *out.shape[2:])
        return istft(self.config, out, samples).reshape(batch, stems, -1, samples)

    def spectral(self, spectrum):
        """The network between the transforms: (B, 2ch, dim_f, T) → (B, stems·2ch, dim_f, T)."""
        batch, channels, bins, frames = spectrum.shape
        k = self.config.subbands
        mix = spectrum.reshape(batch, channels * k, bins // k, frames)
        first = self.first_conv(mix)
        x = self.unet(first.transpose(2, 3)).transpose(2, 3) * first
        x = self.final_conv(torch.cat([mix, x], dim=1))
        return x.reshape(batch, -1, bins, frames)

    def unet(self, x):
        skips = []
        for stage in self.encoder_blocks:
            x = stage.tfc_tdf(x)
            skips.append(x)
            x = stage.downscale(x)
        x = self.bottleneck_block(x)
        for stage in self.decoder_blocks:
            x = concatenate([stage.upscale(x), skips.pop()])
            x = stage.tfc_tdf(x)
        return x


# ---- Transforms ------------------------------------------------------------------------------


def hann(n_fft, dtype):
    phase = torch.arange(n_fft, dtype=torch.float64) * (2 * math.pi / n_fft)
    return (0.5 - 0.5 * torch.cos(phase)).to(dtype)


def stft(config, waveform):
    """(B, ch, L) → (B, 2ch, dim_f, T): real and imaginary part of each channel in turn."""
    batch, channels, _ = waveform.shape
    half = config.n_fft // 2
    padded = functional.pad(waveform, (half, half), mode="reflect")
    frames = padded.unfold(-1, config.n_fft, config.hop) * hann(config.n_fft, waveform.dtype)
    bins = torch.fft.rfft(frames)[..., : config.dim_f]
    parts = torch.stack([bins.real, bins.imag], dim=2)  # (B, ch, 2, T, F)
    return parts.transpose(3, 4).reshape(batch, 2 * channels, config.dim_f, -1)


def overlap_add(config, spectrum):
    """(B, 2ch, dim_f, T) → the sum (B, ch, all that the frames reach) and the windows' weight."""
    batch, channels, _, frames = spectrum.shape
    bins = config.n_fft // 2 + 1
    parts = functional.pad(spectrum, (0, 0, 0, bins - config.dim_f))
    parts = parts.reshape(batch, channels // 2, 2, bins, frames).transpose(3, 4)
    real, imaginary = parts[:, :, 0], parts[:, :, 1].clone()
    imaginary[..., 0] = 0
    if config.n_fft % 2 == 0:
        imaginary[..., -1] = 0
    window = hann(config.n_fft, spectrum.dtype)
    pieces = torch.fft.irfft(torch.complex(real, imaginary), n=config.n_fft) * window
    length = config.n_fft + config.hop * (frames - 1)
    total = pieces.new_zeros(batch, channels // 2, length)
    weight = pieces.new_zeros(length)
    for index in range(frames):
        place = slice(index * config.hop, index * config.hop + config.n_fft)
        total[..., place] += pieces[:, :, index]
        weight[place] += window * window
    return total, weight


def istft(config, spectrum, samples):
    """(B, 2ch, dim_f, T) → (B, ch, samples); silence behind the middle of the last frame."""
    total, weight = overlap_add(config, spectrum)
    kept = slice(config.n_fft // 2, total.shape[-1] - config.n_fft // 2)
    signal = total[..., kept] / weight[kept]
    return fit(signal, samples)


def fit(signal, samples):
    """Zero-extends or cuts the last axis."""
    missing = samples - signal.shape[-1]
    return functional.pad(signal, (0, missing))  # a negative pad cuts


# ---- Running over a file ---------------------------------------------------------------------


def run_chunk(network, chunk):
    """(ch, L) → (stems, ch, L)."""
    return network(chunk[None])[0]


def complete_chunk(part, chunk):
    """Pads the short last chunk at its end."""
    held = part.shape[-1]
    mode = "reflect" if held > chunk // 2 else "constant"
    return functional.pad(part, (0, chunk - held), mode=mode) if held < chunk else part


def fade_window(chunk, first, last, dtype):
    fade = chunk // 10
    window = torch.ones(chunk, dtype=torch.float64)
    ramp = torch.linspace(0, 1, fade, dtype=torch.float64)
    if not first:
        window[:fade] = ramp
    if not last:
        window[chunk - fade :] = ramp.flip(0)
    return window.to(dtype)


def demix_fade(network, mix, overlap):
    chunk = network.config.chunk("fade")
    step = chunk // overlap
    require(step > 0, f"overlap {overlap} is above chunk_size {chunk}")
    border = chunk - step
    length = mix.shape[-1]
    bordered = border > 0 and length > 2 * border
    if bordered:
        mix = functional.pad(mix, (border, border), mode="reflect")
    padded_length = mix.shape[-1]
    total = mix.new_zeros(len(network.config.stems), *mix.shape)
    weight = mix.new_zeros(padded_length)
    for start in range(0, padded_length, step):
        part = mix[:, start : start + chunk]
        held = part.shape[-1]
        stems = run_chunk(network, complete_chunk(part, chunk))
        last = start + step >= padded_length
        window = fade_window(chunk, start == 0, last, mix.dtype)[:held]
        total[..., start : start + held] += window * stems[..., :held]
        weight[start : start + held] += window
    silent = weight == 0
    out = torch.where(silent, 0.0, total / torch.where(silent, 1.0, weight))
    return out[..., border : border + length] if bordered else out


def demix_mean(network, mix, overlap):
    chunk = network.config.chunk("mean")
    network.config.check_chunk(chunk)
    step = chunk // overlap
    require(step > 0, f"overlap {overlap} is above the chunk of {chunk} samples")
    length = mix.shape[-1]
    pad = step - (length - chunk) % step
    front, behind = chunk - step, pad + chunk - step
    mix = functional.pad(mix, (front, behind))
    total = mix.new_zeros(len(network.config.stems), *mix.shape)
    for start in range(0, mix.shape[-1] - chunk + 1, step):
        place = slice(start, start + chunk)
        total[..., place] += run_chunk(network, mix[:, place])
    return total[..., front : front + length] / overlap


def demix(network, mix, overlap, blend):
    return (demix_mean if blend == "mean" else demix_fade)(network, mix, overlap)


def demix_augmented(network, mix, overlap, blend):
    plain = demix(network, mix, overlap, blend)
    swapped = demix(network, mix.flip(0), overlap, blend).flip(1)
    inverted = -demix(network, -mix, overlap, blend)
    return (plain + swapped + inverted) / 3


def match_channels(mix, channels):
    """(any, L) → (channels, L): mono is doubled, of too many the first two are taken; a mono network
    gets their mean."""
    if mix.shape[0] == 1:
        return mix.expand(channels, -1)
    return mix[:2].mean(0, keepdim=True) if channels == 1 else mix[:channels]


@torch.no_grad()
def separate(network, mix, overlap, blend="fade", tta=False, residual=None):
    """mix (any channels, L) → {stem: (ch, L)}, the residual last."""
    mix = match_channels(mix, network.config.channels)
    mean, deviation = 0.0, 1.0
    if network.config.normalize:
        mono = mix.mean(0)
        mean, deviation = mono.mean(), mono.std(correction=0)
    runner = demix_augmented if tta else demix
    stems = runner(network, (mix - mean) / deviation, overlap, blend) * deviation + mean
    out = dict(zip(network.config.stems, stems, strict=True))
    if residual:
        out[residual] = mix - stems.sum(0)
    return out


# ---- Lower precision -------------------------------------------------------------------------

WINOGRAD_TILE, WINOGRAD_WINDOW = 4, 6
WINOGRAD_POINTS = (0.0, math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2.0), -math.sqrt(2.0))


def winograd_matrices():
    """A^T, G and B^T of F(4, 3) by Cook and Toom, interpolating at WINOGRAD_POINTS and infinity: a
    filter g and a window d make A^T ((G g) * (B^T d)). Each point's factor 1/f stands in G."""
    points, last = WINOGRAD_POINTS, WINOGRAD_WINDOW - 1
    output = np.zeros((WINOGRAD_TILE, WINOGRAD_WINDOW))
    filters = np.zeros((WINOGRAD_WINDOW, 3))
    window = np.zeros((WINOGRAD_WINDOW, WINOGRAD_WINDOW))
    for index, point in enumerate(points):
        others = [other for other in points if other != point]
        output[:, index] = [point**power for power in range(WINOGRAD_TILE)]
        filters[index] = [point**power for power in range(3)]
        filters[index] /= math.prod(point - other for other in others)
        window[index, :last] = np.poly(others)[::-1]
    output[-1, last] = filters[last, -1] = 1
    window[last] = np.poly(points)[::-1]
    return [torch.from_numpy(matrix) for matrix in (output, filters, window)]


def winograd(x, weight, rounded):
    """A 3x3 convolution, padded by one, whose transformed operands are rounded."""
    output, filters, window = (matrix.to(x.dtype) for matrix in winograd_matrices())
    batch, _, height, width = x.shape
    down, across = -(-height // WINOGRAD_TILE), -(-width // WINOGRAD_TILE)
    x = functional.pad(x, (1, 1 + across * WINOGRAD_TILE - width,
                           1, 1 + down * WINOGRAD_TILE - height))
    tiles = x.unfold(2, WINOGRAD_WINDOW, WINOGRAD_TILE).unfold(3, WINOGRAD_WINDOW, WINOGRAD_TILE)
    left = rounded(window @ tiles @ window.T)
    right = rounded(filters @ weight @ filters.T)
    products = torch.einsum("bcuvij,ocij->bouvij", left, right)
    out = (output @ products @ output.T).transpose(3, 4)
    out = out.reshape(batch, -1, down * WINOGRAD_TILE, across * WINOGRAD_TILE)
    return out[..., :height, :width]


def rounded(tensor, dtype):
    return tensor.to(dtype).to(tensor.dtype)


def inner_products(network):
    """(name, module) of convolutions and linears, but the outer ones, which read the spectrogram or
    make it."""
    for name, module in network.named_modules():
        outer = name.startswith(("first_conv", "final_conv"))
        if not outer and isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            yield name, module


def round_direct_operands(module, dtype):
    module.weight.data = rounded(module.weight.data, dtype)
    module.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0], dtype),))


def round_operands(network, dtype):
    """Makes convolutions and linears round what they multiply, weights as well, to `dtype`: 3x3
    convolutions what Winograd's transforms make of it, which costs more. Products and sums stay as
    they are, and so do the outer convolutions."""
    for _, module in inner_products(network):
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            module.forward = functools.partial(
                lambda x, weight: winograd(x, weight, lambda tensor: rounded(tensor, dtype)),
                weight=module.weight,
            )
        else:
            round_direct_operands(module, dtype)


# What is written of a product and a residual's second term at once: their sum.
ADDED_BEFORE_STORED = ("tdf.5", "tfc2.2")


def round_stored(network, dtype):
    """As a device does that keeps values between layers in `dtype`: products round what they
    multiply (3x3 convolutions too, without Winograd) and what they store. Residual sums stay as they
    are, and so do the outer convolutions and all beyond them. Norms take the statistics of what was
    computed, not of what was stored."""
    for name, module in inner_products(network):
        round_direct_operands(module, dtype)
        if not name.endswith(ADDED_BEFORE_STORED):
            module.register_forward_hook(lambda _, inputs, output: stored(output, dtype))
    for module in network.modules():
        if isinstance(module, (nn.InstanceNorm2d, nn.GroupNorm)):
            module.forward = functools.partial(normalize_stored, module)


def stored(tensor, dtype):
    """What is kept of a tensor, which remembers what it was rounded from."""
    kept = rounded(tensor, dtype)
    kept.computed = tensor
    return kept


def computed(tensor):
    return getattr(tensor, "computed", tensor)


def normalize_stored(norm, x):
    """InstanceNorm or GroupNorm by the statistics of what x was rounded from."""
    batch, channels = x.shape[:2]
    groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else channels
    seen = computed(x).reshape(batch, groups, -1)
    variance, mean = torch.var_mean(seen, dim=-1, correction=0, keepdim=True)
    out = (x.reshape(batch, groups, -1) - mean) / (variance + norm.eps).sqrt()
    return out.reshape(x.shape) * norm.weight[:, None, None] + norm.bias[:, None, None]


# ---- Files -----------------------------------------------------------------------------------

SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}
NESTINGS = ("state_dict", "state", "model", "model_state_dict", "ema")


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(
            bytearray(data[begin:end]), dtype=SAFETENSORS_DTYPES[entry["dtype"]]
        )
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def read_weights(path, mark="first_conv.weight"):
    """Name → tensor, without nesting and prefix, of a network that has the weight `mark`."""
    if path.endswith(".safetensors"):
        tree = read_safetensors(path)
    else:
        tree = torch.load(path, map_location="cpu", weights_only=False)
    while mark not in strip_prefixes(tree):
        inner = [tree[key] for key in NESTINGS if isinstance(tree.get(key), dict)]
        require(inner, f"{path}: no tensor {mark}")
        tree = inner[0]
    return strip_prefixes(tree)


def strip_prefixes(tree):
    prefixes = re.compile(r"^(module\.|model\.|_orig_mod\.)+")
    return {prefixes.sub("", str(key)): value for key, value in tree.items()}


def load_network(checkpoint, config, dtype=torch.float64):
    network = Network(config)
    network.load_state_dict(read_weights(checkpoint))
    return network.to(dtype).eval()


def read_audio(path, dtype=torch.float64):
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return torch.from_numpy(samples.T.copy()).to(dtype), rate


def write_wav(path, signal, rate):
    """(ch, L) as float32 WAV; nothing in the file depends on when it was written."""
    data = np.ascontiguousarray(signal.to(torch.float32).numpy().T).astype("<f4")
    frames, channels = data.shape
    body = data.tobytes()
    chunks = [
        (b"fmt ", struct.pack("<HHIIHHH", 3, channels, rate, rate * channels * 4, channels * 4,
                              32, 0)),
        (b"fact", struct.pack("<I", frames)),
        (b"data", body),
    ]
    content = b"WAVE" + b"".join(
        name + struct.pack("<I", len(data)) + data for name, data in chunks
    )
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(content)) + content)


def snr_db(reference, estimate):
    """SNR in dB, infinite where both are equal."""
    reference, estimate = reference.double(), estimate.double()
    noise = float((reference - estimate).square().sum())
    signal = float(reference.square().sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


# ---- Command line ----------------------------------------------------------------------------


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mix")
    parser.add_argument("-m", "--model", required=True, help="checkpoint")
    parser.add_argument("-c", "--config", required=True, help="YAML")
    parser.add_argument("-o", "--output", required=True, help="folder; gets STEM.wav")
    parser.add_argument("--overlap", type=int, help="default: what the configuration says")
    parser.add_argument("--blend", choices=("fade", "mean"), default="fade")
    parser.add_argument("--tta", action="store_true")
    parser.add_argument("--residual", metavar="NAME")
    parser.add_argument("--dtype", choices=DTYPES, default="float64")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse_arguments(arguments)
    dtype = DTYPES[options.dtype]
    config = read_config(options.config)
    network = load_network(options.model, config, dtype)
    mix, rate = read_audio(options.mix, dtype)
    require(rate == config.sample_rate, f"{rate} Hz, but the model wants {config.sample_rate}")
    overlap = options.overlap or config.overlap
    stems = separate(network, mix, overlap, options.blend, options.tta, options.residual)
    os.makedirs(options.output, exist_ok=True)
    for name, signal in stems.items():
        write_wav(os.path.join(options.output, name + ".wav"), signal, rate)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
