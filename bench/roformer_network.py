"""BS-Roformers and Mel-Band Roformers in PyTorch, from spectrogram to spectrograms, as PyTorch's users would
write and run them: in any precision, under autocast and torch.compile. The slow and plain reference is
tests/reference/roformer_reference.py. Needs PyTorch and NumPy alone.

Names of modules are those of the state dict.
"""
import math
import os
import re
import sys

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/export"))
import roformer  # noqa: E402

MARK = "band_split.to_features.0.0.gamma"  # every Roformer has it
NESTINGS = ("state_dict", "state", "model", "model_state_dict", "ema")


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = math.sqrt(width)
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x):
        return functional.normalize(x, dim=-1, eps=1e-12) * self.scale * self.gamma


class Rotary(nn.Module):
    """One for all layers of an axis."""

    def __init__(self, pairs):
        super().__init__()
        self.freqs = nn.Parameter(torch.empty(pairs))

    def tables(self, length):
        positions = torch.arange(length, dtype=self.freqs.dtype, device=self.freqs.device)
        angles = (positions[:, None] * self.freqs).repeat_interleave(2, dim=-1)
        return angles.cos(), angles.sin()


def turn(x, tables):
    """(…, positions, features): neighbours are a pair."""
    cosines, sines = tables
    pairs = x.unflatten(-1, (-1, 2))
    across = torch.stack((-pairs[..., 1], pairs[..., 0]), dim=-1).flatten(-2)
    return (x * cosines + across * sines).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, width, heads, head, rotary):
        super().__init__()
        self.heads, self.rotary_embed = heads, rotary
        self.norm = RMSNorm(width)
        self.to_qkv = nn.Linear(width, 3 * heads * head, bias=False)
        self.to_gates = nn.Linear(width, heads)
        self.to_out = nn.Sequential(nn.Linear(heads * head, width, bias=False))

    def forward(self, x, tables):
        """(sequences, positions, D)."""
        u = self.norm(x)
        q, k, v = self.to_qkv(u).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(turn(q, tables), turn(k, tables), v)
        out = out.transpose(1, 2) * self.to_gates(u).sigmoid()[..., None]
        return self.to_out(out.flatten(-2))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(RMSNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Identity(),
                                 nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net(x)


class Transformer(nn.Module):
    def __init__(self, shape, width, head, layers, rotary):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(width, shape.heads, head, rotary), FeedForward(width)])
            for _ in range(layers))
        self.norm = RMSNorm(width) if shape.is_mel else nn.Identity()

    def forward(self, x, tables):
        for attention, feed_forward in self.layers:
            x = x + attention(x, tables)
            x = x + feed_forward(x)
        return self.norm(x)


class BandSplit(nn.Module):
    def __init__(self, sizes, width):
        super().__init__()
        self.sizes = sizes
        self.to_features = nn.ModuleList(
            nn.Sequential(RMSNorm(size), nn.Linear(size, width)) for size in sizes)

    def forward(self, x):
        parts = x.split(self.sizes, dim=-1)
        return torch.stack([one(part) for one, part in zip(self.to_features, parts)], dim=2)


class MaskEstimator(nn.Module):
    def __init__(self, sizes, width, hidden, layers):
        super().__init__()
        self.to_freqs = nn.ModuleList(self.band(size, width, hidden, layers) for size in sizes)

    @staticmethod
    def band(size, width, hidden, layers):
        parts, last = [], width
        for _ in range(layers - 1):
            parts += [nn.Linear(last, hidden), nn.Tanh()]
            last = hidden
        return nn.Sequential(nn.Sequential(*parts, nn.Linear(last, 2 * size)), nn.GLU(dim=-1))

    def forward(self, x):
        return torch.cat([one(part) for one, part in zip(self.to_freqs, x.unbind(2))], dim=-1)


class Network(nn.Module):
    """`shape`: what roformer.Shape finds; `weights`: those whose shapes say the rest."""

    def __init__(self, shape, weights):
        super().__init__()
        self.shape = shape
        width = weights["band_split.to_features.0.1.bias"].shape[0]
        head = weights["layers.0.0.layers.0.0.to_qkv.weight"].shape[0] // 3 // shape.heads
        hidden = weights["mask_estimators.0.to_freqs.0.0.0.bias"].shape[0]
        sizes = [len(shape.features(k)) for k in range(len(shape.bands))]
        self.rotary = [Rotary(head // 2), Rotary(head // 2)]
        self.layers = nn.ModuleList(
            nn.ModuleList(Transformer(shape, width, head, shape.layers[axis], self.rotary[axis])
                          for axis in (0, 1)) for _ in range(shape.depth))
        self.band_split = BandSplit(sizes, width)
        self.final_norm = nn.Identity() if shape.is_mel else RMSNorm(width)
        self.mask_estimators = nn.ModuleList(
            MaskEstimator(sizes, width, hidden, shape.mask_layers) for _ in range(shape.stems))

    def set_bands(self):
        """Which features each band reads, and in how many bands each feature is."""
        places = np.concatenate([self.shape.features(k) for k in range(len(self.shape.bands))])
        self.register_buffer("places", torch.from_numpy(places), persistent=False)
        self.register_buffer("shares", torch.from_numpy(1.0 / np.bincount(places)), persistent=False)

    def transform(self, x, block, axis, tables):
        """(B, T, K, D); along T for axis 0, along K for axis 1."""
        x = x.transpose(1, 2) if axis == 0 else x
        batch = x.shape[0]
        x = self.layers[block][axis](x.flatten(0, 1), tables).unflatten(0, (batch, -1))
        return x.transpose(1, 2) if axis == 0 else x

    def blocks(self, x):
        tables = [self.rotary[axis].tables(x.shape[1 + axis]) for axis in (0, 1)]
        outputs = []
        for block in range(self.shape.depth):
            for output in outputs if self.shape.skip else []:
                x = x + output
            for axis in (0, 1):
                x = self.transform(x, block, axis, tables[axis])
            outputs.append(x if self.shape.skip else None)
        return self.final_norm(x)

    def average(self, mask, width):
        """All bands' features to those of the spectrogram."""
        if mask.shape[-1] == width:
            return mask
        total = mask.new_zeros(*mask.shape[:-1], width)
        return total.index_add(-1, self.places, mask) * self.shares.to(mask.dtype)

    def forward(self, spectrogram):
        """(B, 2·ch, F, T) → (B, stems, 2·ch, F, T); real and imaginary part of each channel in turn."""
        bins = spectrogram.shape[2]
        spectrum = spectrogram.permute(0, 3, 2, 1).flatten(2)
        x = self.blocks(self.band_split(spectrum.index_select(-1, self.places)))
        masks = torch.stack([one(x) for one in self.mask_estimators], dim=1).to(spectrum.dtype)
        masks = self.average(masks, spectrum.shape[-1]).unflatten(-1, (-1, 2))
        mask_real, mask_imaginary = masks.unbind(-1)
        real, imaginary = spectrum[:, None].unflatten(-1, (-1, 2)).unbind(-1)
        stems = torch.stack([mask_real * real - mask_imaginary * imaginary,
                             mask_real * imaginary + mask_imaginary * real], dim=-1)
        stems = stems.flatten(-2).unflatten(-1, (bins, -1))
        if self.shape.zero_dc:
            stems = torch.cat([torch.zeros_like(stems[..., :1, :]), stems[..., 1:, :]], dim=-2)
        return stems.permute(0, 1, 4, 3, 2)


# ---- Checkpoints ------------------------------------------------------------------------------

def strip_prefixes(tree):
    return {re.sub(r"^(module\.|model\.|_orig_mod\.)+", "", str(key)): value
            for key, value in tree.items()}


def read_weights(path):
    """{name: tensor}, and the configuration that a header carries, or ""."""
    if path.endswith(".safetensors"):
        arrays, config = roformer.read_safetensors(path)
        return {name: torch.from_numpy(value) for name, value in arrays.items()}, config
    tree = torch.load(path, map_location="cpu", weights_only=False)
    while MARK not in strip_prefixes(tree):
        inner = [tree[key] for key in NESTINGS if isinstance(tree.get(key), dict)]
        if not inner:
            raise ValueError("%s: no tensors of a Roformer" % path)
        tree = inner[0]
    return strip_prefixes(tree), ""


def load_network(checkpoint, config="", dtype=torch.float32):
    """`config`: the text of a YAML; "": the checkpoint has it in its header."""
    weights, own = read_weights(checkpoint)
    with torch.device("meta"):
        network = Network(roformer.Shape(weights, config or own), weights)
    network.load_state_dict({name: value.to(dtype) for name, value in weights.items()}, assign=True)
    network.set_bands()
    return network.eval()
