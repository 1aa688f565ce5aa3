"""Roformers run over a file, by the rules of mdx23c_reference.py: in float64, one chunk at a time."""
import dataclasses

import torch
import yaml

import mdx23c_reference as reference
import roformer_network


@dataclasses.dataclass(frozen=True)
class Config:
    """What running a network over a file takes, under the names of mdx23c_reference.Config."""

    n_fft: int
    hop: int
    dim_f: int
    chunk_size: int
    mean_dim_t: int
    channels: int
    stems: tuple
    normalize: bool
    scale: tuple = (1, 1)
    scales: int = 0

    def frames(self, samples):
        return samples // self.hop + 1

    def chunk(self, blend):
        return self.hop * (self.mean_dim_t - 1) if blend == "mean" else self.chunk_size


def is_roformer(path):
    with open(path, encoding="utf-8") as file:
        return "num_subbands" not in yaml.load(file, Loader=reference.ConfigLoader)["model"]


def read_config(path):
    with open(path, encoding="utf-8") as file:
        tree = yaml.load(file, Loader=reference.ConfigLoader)
    audio, model, training = tree["audio"], tree["model"], tree["training"]
    inference = tree.get("inference") or {}
    target = training.get("target_instrument")
    n_fft = model.get("stft_n_fft", 2048)
    return Config(
        n_fft=n_fft,
        hop=model.get("stft_hop_length", 512),
        dim_f=n_fft // 2 + 1,
        chunk_size=inference.get("chunk_size") or audio["chunk_size"],
        mean_dim_t=inference.get("dim_t") or 0,
        channels=2 if model.get("stereo") else 1,
        stems=(target,) if target else tuple(training["instruments"]),
        normalize=inference.get("normalize") is True,
    )


class Separator:
    """(B, ch, L) → (B, stems, ch, L)."""

    def __init__(self, network, config):
        self.network, self.config = network, config

    def __call__(self, waveform):
        spectrum = reference.stft(self.config, waveform)
        stems = self.network(spectrum)
        signal = reference.istft(self.config, stems.flatten(0, 1), waveform.shape[-1])
        return signal.unflatten(0, stems.shape[:2])


def load_network(checkpoint, yaml_path, dtype=torch.float64):
    with open(yaml_path, encoding="utf-8") as file:
        network = roformer_network.load_network(checkpoint, file.read(), dtype)
    return Separator(network, read_config(yaml_path))
