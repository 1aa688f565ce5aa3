#!/usr/bin/env python3
"""Writes the checkpoint fixtures beside this file, with a real PyTorch (2.x) and NumPy.

Every tensor number k (in the order of NAMES) has elements ((7 i + k) mod 61 - 30) / 8 in row-major
order, which all floating-point types hold exactly; the tests compute the same.
"""
import argparse
import collections
import io
import os
import pickle
import struct
import zipfile

import numpy
import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
SHAPES = {
    "first_conv.weight": (4, 3, 1, 1),
    "encoder_blocks.0.tdf.2.weight": (5, 4),
    "final_conv.2.weight": (2, 3, 2, 2),
}
NAMES = list(SHAPES)


def values(k):
    shape = SHAPES[NAMES[k]]
    count = int(numpy.prod(shape))
    flat = torch.tensor([((7 * i + k) % 61 - 30) / 8 for i in range(count)], dtype=torch.float64)
    return flat.reshape(shape)


def state_dict(dtype=torch.float32, prefix=""):
    result = collections.OrderedDict()
    for k, name in enumerate(NAMES):
        result[prefix + name] = values(k).to(dtype)
    result[prefix + "norm.num_batches_tracked"] = torch.tensor(3)
    return result


def views():
    """The same elements as views of one shared storage: offset, transposed, strided, expanded."""
    storage = torch.full((400,), 99.0)
    result = collections.OrderedDict()
    first = storage[7:7 + 12].view(SHAPES[NAMES[0]])
    first.copy_(values(0))
    transposed = storage[40:60].view(4, 5).t()
    transposed.copy_(values(1))
    strided = storage[100:100 + 2 * 3 * 2 * 2 * 3].view(2, 3, 2, 6)[:, :, :, 1::3]
    strided.copy_(values(2))
    result[NAMES[0]] = first
    result[NAMES[1]] = transposed
    result[NAMES[2]] = strided
    result["expanded"] = storage[40:41].expand(3, 1000)
    result["slice"] = storage[10:16:2]
    return result


def training(dtype=torch.float32):
    """What a training program saves beside the weights."""
    weights = [torch.nn.Parameter(values(k).float()) for k in range(2)]
    optimizer = torch.optim.Adam(weights, lr=9e-5)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    return {
        "epoch": 17,
        "best": numpy.float64(8.25),
        "history": [numpy.float32(1.5), 2.5, None, True, 2**80, -5, "text", b"bytes"],
        "args": argparse.Namespace(lr=1e-4, names=["a", "b"], nested=argparse.Namespace(x=1)),
        "array": numpy.arange(6, dtype=numpy.int16).reshape(2, 3),
        "default": collections.defaultdict(list, a=[1]),
        "set": {1, 2},
        "frozen": frozenset([3]),
        "complex": 1 + 2j,
        "bool_tensor": torch.tensor([True, False]),
        "optimizer": optimizer.state_dict(),
        "state_dict": state_dict(dtype),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([1, 2]),
    }


class Command:
    """Its pickle calls os.system when a program loads it."""

    def __reduce__(self):
        return os.system, ("touch cleave-executed-a-pickle",)


def path(name):
    return os.path.join(FOLDER, name)


def save(name, value, **options):
    torch.save(value, path(name), **options)


def save_stream(name, value, **options):
    torch.save(value, path(name), _use_new_zipfile_serialization=False, **options)


def repack(source, target, change):
    """Copies a ZIP; change(name, data) gives (data, compression) or None to leave it out."""
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(target), "w") as new:
        for name in old.namelist():
            changed = change(name, old.read(name))
            if changed:
                new.writestr(zipfile.ZipInfo(name), changed[0], compress_type=changed[1])


def repack_zip64(source, target):
    """As PyTorch writes what is larger than 4 GB: 64-bit sizes and offsets in extra fields."""
    limit = zipfile.ZIP64_LIMIT
    zipfile.ZIP64_LIMIT = 10
    with zipfile.ZipFile(path(source)) as old, zipfile.ZipFile(path(target), "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name)
            info.extra = b"FB\x04\x00ZZZZ"
            with new.open(info, "w", force_zip64=True) as entry:
                entry.write(old.read(name))
    zipfile.ZIP64_LIMIT = limit


def deflate(_, data):
    return data, zipfile.ZIP_DEFLATED


def big_endian(name, data):
    return (b"big" if name.endswith("byteorder") else data), zipfile.ZIP_STORED


def without_storage(name, data):
    return None if name.endswith("data/1") else (data, zipfile.ZIP_STORED)


def shorten_storage(name, data):
    return (data[:-4] if name.endswith("data/1") else data), zipfile.ZIP_STORED


def deflate_and_lengthen(name, data):
    return data + bytes(1000 if name.endswith("data/1") else 0), zipfile.ZIP_DEFLATED


def save_safetensors(name, tensors, metadata):
    header = collections.OrderedDict()
    if metadata:
        header["__metadata__"] = metadata
    data = b""
    types = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.float64: "F64", torch.int64: "I64"}
    for key, tensor in tensors.items():
        raw = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        header[key] = {"dtype": types[tensor.dtype], "shape": list(tensor.shape),
                       "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    import json
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path(name), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def little_endian_to_big(name, target):
    """The machine that wrote a stream stands in its third pickle."""
    with open(path(name), "rb") as file:
        data = file.read()
    marker = b"little_endian"
    place = data.index(b"\x88", data.index(marker))
    with open(path(target), "wb") as file:
        file.write(data[:place] + b"\x89" + data[place + 1:])


def main():
    torch.manual_seed(0)
    dtypes = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
              "f64": torch.float64}
    for name, dtype in dtypes.items():
        save(f"zip_{name}.ckpt", state_dict(dtype))
        save_stream(f"stream_{name}.ckpt", state_dict(dtype))
        save_safetensors(f"plain_{name}.safetensors", state_dict(dtype), None)
    for protocol in (3, 4, 5):
        save(f"zip_protocol{protocol}.ckpt", training(), pickle_protocol=protocol)
        save_stream(f"stream_protocol{protocol}.ckpt", training(), pickle_protocol=protocol)
    save("zip_training.ckpt", training())
    save_stream("stream_training.ckpt", training())
    save("zip_views.ckpt", views())
    save_stream("stream_views.ckpt", views())
    for key in ("state", "model", "model_state_dict", "ema"):
        save(f"zip_under_{key}.ckpt", {"epoch": 1, key: state_dict()})
    save("zip_under_two.ckpt", {"state": {"model": state_dict(prefix="module.")}, "step": 5})
    save("zip_prefix_module.ckpt", state_dict(prefix="module."))
    save("zip_prefix_model.ckpt", {"state_dict": state_dict(prefix="model.")})
    save("zip_prefix_both.ckpt", state_dict(prefix="module.model.module."))
    both = state_dict()
    both.update(state_dict(prefix="model."))
    save("zip_collision.ckpt", both)
    parameters = {name: torch.nn.Parameter(tensor) if tensor.is_floating_point() else tensor
                  for name, tensor in state_dict().items()}
    save("zip_parameter.ckpt", parameters)
    save_stream("stream_parameter.ckpt", parameters)
    save("zip_module.ckpt", torch.nn.Linear(2, 2))
    save("zip_no_tensors.ckpt", {"epoch": 1})
    save("zip_command.ckpt", {"command": Command(), "state_dict": state_dict()})
    save_stream("stream_command.ckpt", {"command": Command(), "state_dict": state_dict()})
    repack("zip_training.ckpt", "zip_deflated.ckpt", deflate)
    repack_zip64("zip_f32.ckpt", "zip_zip64.ckpt")
    repack("zip_f32.ckpt", "zip_big_endian.ckpt", big_endian)
    repack("zip_f32.ckpt", "zip_missing_storage.ckpt", without_storage)
    repack("zip_f32.ckpt", "zip_short_storage.ckpt", shorten_storage)
    repack("zip_f32.ckpt", "zip_deflated_longer.ckpt", deflate_and_lengthen)
    save("bomb.tmp", {"first_conv.weight": torch.zeros(20 << 20)})
    repack("bomb.tmp", "zip_bomb.ckpt", deflate)
    os.remove(path("bomb.tmp"))
    little_endian_to_big("stream_f32.ckpt", "stream_big_endian.ckpt")
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    with open(path("script.pt"), "wb") as file:
        file.write(buffer.getvalue())
    with open(path("plain_pickle.pkl"), "wb") as file:
        pickle.dump({"a": [1, 2, 3]}, file)
    with zipfile.ZipFile(path("wrapped.zip"), "w") as archive:
        archive.writestr("folder/song.ckpt", b"nothing")


if __name__ == "__main__":
    main()
