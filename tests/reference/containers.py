"""Writes a state dict in the containers that checkpoints come in, oddities included."""

import argparse
import collections
import dataclasses
import io
import json
import os
import pickle
import struct

import numpy as np
import torch


@dataclasses.dataclass(frozen=True)
class Container:
    form: str = "zip"  # zip, stream or safetensors
    nest: str = ""  # key under which the state dict lies
    prefix: str = ""  # in front of every tensor's name
    company: bool = False  # other objects beside the state dict
    views: bool = False  # all float tensors are strided views of one storage


def write(path, state, element, container):
    tensors = collections.OrderedDict(
        (container.prefix + name, cast(value, element)) for name, value in state.items()
    )
    if container.form == "safetensors":
        write_safetensors(path, tensors)
        return
    if container.views:
        tensors = share_storage(tensors, element)
    tree = tensors
    if container.nest:
        tree = {container.nest: tensors}
    if container.company:
        tree = {**company(tensors), **tree, "epoch": 7}
    if container.form == "zip":
        # The archive's inner folder is named after the file.
        torch.save(tree, path)
    else:
        write_stream(path, tree)


def cast(value, element):
    return value.to(element) if value.is_floating_point() else value.clone()


def company(tensors):
    """What training leaves in a checkpoint: objects that a reader must skip."""
    moments = {
        index: {"step": torch.tensor(3.0), "exp_avg": torch.full(value.shape, 0.25)}
        for index, value in enumerate(list(tensors.values())[:3])
    }
    groups = [{"lr": 9e-5, "betas": (0.9, 0.999), "amsgrad": False, "params": [0, 1, 2]}]
    return {
        "optimizer": {"state": moments, "param_groups": groups},
        "best_sdr": np.float64(8.25),
        "history": np.arange(4, dtype=np.float32),
        "args": argparse.Namespace(model_type="mdx23c", seed=0, resume=None),
        "unsettled": {1 << 40, -1},
        "note": "trained on ünïcode",
    }


def share_storage(tensors, element):
    """Lays all float tensors into one storage, with gaps, each with its axes in reverse order."""
    floating = {name: value for name, value in tensors.items() if value.is_floating_point()}
    gap = 3
    storage = torch.full(
        (sum(value.numel() + gap for value in floating.values()) + gap,), 7.5, dtype=element
    )
    shared, offset = collections.OrderedDict(), gap
    for name, value in tensors.items():
        if name not in floating:
            shared[name] = value
            continue
        piece = storage[offset : offset + value.numel()]
        axes = tuple(reversed(range(value.dim())))
        view = piece.view(tuple(reversed(value.shape))).permute(axes)
        view.copy_(value)
        shared[name] = view
        offset += value.numel() + gap
    return shared


# ---- The stream form --------------------------------------------------------------------------

STORAGE_ELEMENT_SIZES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
}


def write_stream(path, tree):
    """The form before PyTorch 1.6, with storages named and ordered by first use.

    torch.save names them by their addresses, and sorts by these; that would make other bytes in
    every run.
    """
    buffer = io.BytesIO()
    torch.save(tree, buffer, _use_new_zipfile_serialization=False)
    head, sizes, blocks = split_stream(buffer.getvalue())
    names = {key: str(index + 1).zfill(len(key)) for index, key in enumerate(sizes)}
    for key, name in names.items():
        head = head.replace(key.encode(), name.encode())
    with open(path, "wb") as file:
        file.write(head)
        file.write(pickle.dumps(list(names.values()), protocol=2))
        for key in sizes:
            file.write(blocks[key])


class StorageLister(pickle.Unpickler):
    """Collects {storage's key: bytes an element}, in order of first use, and builds no tensor."""

    def __init__(self, file):
        super().__init__(file)
        self.sizes = {}

    def persistent_load(self, identifier):
        _, kind, key, *_ = identifier
        self.sizes[key] = STORAGE_ELEMENT_SIZES[kind]

    def find_class(self, module, name):
        if name.endswith("Storage"):
            return name
        if name == "_rebuild_tensor_v2":
            return lambda *arguments: None
        return super().find_class(module, name)


def split_stream(data):
    """The pickles before the storages' list, {key: bytes an element}, {key: its block}."""
    file = io.BytesIO(data)
    for _ in range(3):  # magic number, protocol, the writer's word sizes
        pickle.load(file)
    lister = StorageLister(file)
    lister.load()
    head, blocks = data[: file.tell()], {}
    for key in pickle.load(file):
        start = file.tell()
        (count,) = struct.unpack("<q", file.read(8))
        file.seek(count * lister.sizes[key], io.SEEK_CUR)
        blocks[key] = data[start : file.tell()]
    if file.tell() != len(data) or blocks.keys() != lister.sizes.keys():
        raise ValueError("torch.save has changed its stream form")
    return head, lister.sizes, blocks


# ---- safetensors ------------------------------------------------------------------------------

SAFETENSORS_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
}


def write_safetensors(path, tensors):
    """Header padded with spaces to 8 bytes; data in another order than the header's."""
    entries, pieces, offset = {}, [], 0
    for name, value in sorted(tensors.items(), reverse=True):
        piece = value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
        entries[name] = {
            "dtype": SAFETENSORS_NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [offset, offset + len(piece)],
        }
        pieces.append(piece)
        offset += len(piece)
    header = {"__metadata__": {"format": "pt", "title": os.path.basename(path)}}
    header.update((name, entries[name]) for name in tensors)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(pieces))
