"""The networks of cuda_compare.py: their configurations, for cleave's make_network as YAML, and for PyTorch
without a reader of YAML, which a machine may lack."""
import json
import os

COMMON = {"n_fft": 8192, "hop": 1024, "dim_f": 4096, "mean_dim_t": 256, "channels": 2,
          "sample_rate": 44100, "subbands": 4, "scales": 5, "blocks": 2, "width": 128, "growth": 128,
          "bottleneck": 4, "scale": (2, 2), "norm": "InstanceNorm", "act": "gelu", "overlap": 4,
          "chunk_size": 261120, "normalize": False}
SIZES = {
    "full": {**COMMON, "stems": ("vocals", "drums", "bass", "other")},
    "drums": {**COMMON, "stems": ("kick", "snare", "toms", "hh", "ride", "crash")},
    # For trying all of it out.
    "tiny": {**COMMON, "n_fft": 1024, "hop": 256, "dim_f": 512, "mean_dim_t": 32, "scales": 2, "blocks": 1,
             "width": 16, "growth": 16, "chunk_size": 256 * 31, "stems": ("one", "two")},
}
TITLES = {"full": "Full public size, 4 stems", "drums": "Full public size, 6 stems of drums",
          "tiny": "A tiny network"}

YAML = """audio:
  chunk_size: {chunk_size}
  dim_f: {dim_f}
  dim_t: {mean_dim_t}
  hop_length: {hop}
  n_fft: {n_fft}
  num_channels: {channels}
  sample_rate: {sample_rate}
model:
  act: {act}
  bottleneck_factor: {bottleneck}
  growth: {growth}
  norm: {norm}
  num_blocks_per_scale: {blocks}
  num_channels: {width}
  num_scales: {scales}
  num_subbands: {subbands}
  scale: [{scale[0]}, {scale[1]}]
training:
  instruments: [{instruments}]
  target_instrument: null
inference:
  batch_size: 1
  dim_t: {mean_dim_t}
  num_overlap: {overlap}
"""


def write_config(key, path):
    """PATH gets the YAML; beside it, with .json, are the same values for config_of()."""
    size = SIZES[key]
    with open(path, "w", encoding="utf-8") as file:
        file.write(YAML.format(instruments=", ".join(size["stems"]), **size))
    with open(os.path.splitext(path)[0] + ".json", "w", encoding="utf-8") as file:
        json.dump(size, file)


def config_of(kind, model):
    """The reference's configuration of a model whose YAML was written by write_config()."""
    with open(os.path.splitext(model)[0] + ".json", encoding="utf-8") as file:
        size = json.load(file)
    return kind(**{name: tuple(value) if isinstance(value, list) else value
                   for name, value in size.items()})
