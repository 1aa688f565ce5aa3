#!/usr/bin/env python3
"""Makes files that mean harm: make_files.py OUT [STAMP]. Checkpoints, configurations and audio whose
numbers lie, or that ask for far more memory or time than their size. test_files.c says how each
must end. Every file is small; standard library only.
"""
import json
import os
import struct
import sys
import zlib

FOUR_GB = 0xfffffffc

# ---- Pickles ----


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def integer(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(integer(value) for value in values) + b"t"


def tensor(key, elements, shape, strides, offset=0):
    storage = (b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") +
               integer(elements) + b"tQ")
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + numbers(shape) +
            numbers(strides) + b"\x89NtR")


def state_dict(items):
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in items) + b"u."


def vector(key, elements):
    return tensor(key, elements, [elements], [1])


def one_tensor(*arguments):
    return state_dict([("first_conv.weight", tensor(*arguments))])


# ---- ZIPs ----

def local_header(name, method, crc, packed, size):
    return struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, method, 0, 33, crc, packed, size, len(name),
                       0) + name


def central_header(name, method, crc, packed, size, offset, extra=b""):
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, method, 0, 33, crc, packed, size,
                       len(name), len(extra), 0, 0, 0, 0, offset) + name + extra


def end_of(central, count, offset):
    count = min(count, 0xffff)
    return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(central), offset, 0)


class Entry:
    """A file of the archive; `size` and `extra` are what its records say."""

    def __init__(self, name, data, deflated=False, size=None, crc=None, extra=b""):
        self.name = ("archive/" + name).encode()
        self.method = 8 if deflated else 0
        self.raw = deflate(data) if deflated else data
        self.size = len(data) if size is None else size
        self.crc = zlib.crc32(data) if crc is None else crc
        self.extra = extra


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def archive(entries):
    body = b""
    central = b""
    for entry in entries:
        packed = len(entry.raw) if not entry.extra else 0xffffffff
        central += central_header(entry.name, entry.method, entry.crc, packed, entry.size,
                                  len(body), entry.extra)
        body += local_header(entry.name, entry.method, entry.crc, packed, entry.size) + entry.raw
    return body + central + end_of(central, len(entries), len(body))


def checkpoint(pickle, data=bytes(16), **options):
    return archive([Entry("data.pkl", pickle), Entry("data/0", data, **options)])


def zeros_checkpoint(megabytes):
    size = megabytes << 20
    return checkpoint(one_tensor("0", size // 4, [size // 4], [1]), bytes(size), deflated=True)


def overlapping(count, size):
    """Every storage is the same deflated data."""
    pickle = state_dict((f"w{i}", vector(f"{i:04}", size // 4)) for i in range(count))
    packed = deflate(bytes(size))
    crc = zlib.crc32(bytes(size))
    head = Entry("data.pkl", pickle)
    body = local_header(head.name, 0, head.crc, len(head.raw), head.size) + head.raw
    central = central_header(head.name, 0, head.crc, len(head.raw), head.size, 0)
    shared = len(body)
    body += local_header(b"archive/data/0000", 8, crc, len(packed), size) + packed
    for i in range(count):
        central += central_header(b"archive/data/%04d" % i, 8, crc, len(packed), size, shared)
    return body + central + end_of(central, count + 1, len(body))


def quoted(count, size):
    """Each deflated entry holds the local headers of all that follow as text, and the last one's
    data: they overlap although no two begin at the same place."""
    kernel = deflate(bytes(size))
    plain = bytes(size)
    parts = [(b"archive/data/%05d" % (count - 1), kernel, plain)]
    for i in range(count - 2, -1, -1):
        name, packed, content = parts[0]
        header = local_header(name, 8, zlib.crc32(content), len(packed), len(content))
        quote = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xffff) + header
        parts.insert(0, (b"archive/data/%05d" % i, quote + packed, header + content))
    sizes = [len(content) // 4 for _, _, content in parts]
    pickle = state_dict((f"w{i}", vector(f"{i:05}", n)) for i, n in enumerate(sizes))
    head = Entry("data.pkl", pickle)
    body = local_header(head.name, 0, head.crc, len(head.raw), head.size) + head.raw
    central = central_header(head.name, 0, head.crc, len(head.raw), head.size, 0)
    name, packed, content = parts[0]
    begin = len(body)
    body += local_header(name, 8, zlib.crc32(content), len(packed), len(content)) + packed
    for name, packed, content in parts:
        central += central_header(name, 8, zlib.crc32(content), len(packed), len(content), begin)
        begin += 30 + len(name) + 5
    return body + central + end_of(central, count + 1, len(body))


def zips():
    huge = struct.pack("<HHQQ", 1, 16, 1 << 60, 100)
    four = one_tensor("0", FOUR_GB // 4, [FOUR_GB // 4], [1])
    exabyte = one_tensor("0", 1 << 58, [1 << 58], [1])
    pairs = b"](" + b"K\1" * 200000 + b"e"
    many = b"}" + (b"(" + b"".join(b"Nh%c" % i for i in range(250)) + b"u") * 8000
    system = b"cposix\nsystem\n" + text("touch cleave-executed-a-pickle") + b"\x85R"
    evaluate = b"cbuiltins\neval\n" + text("open('cleave-executed-a-pickle', 'w')") + b"\x85R"
    weight = text("first_conv.weight") + vector("0", 4)
    return {
        "zip-claims-4gb.ckpt": checkpoint(four, deflated=True, size=FOUR_GB),
        "zip-claims-stored-4gb.ckpt": checkpoint(four, size=FOUR_GB),
        "zip-claims-exabyte.ckpt": checkpoint(exabyte, deflated=True, size=0xffffffff,
                                              extra=huge),
        "zip-holds-100mb.ckpt": zeros_checkpoint(100),
        "zip-holds-more-than-it-says.ckpt": checkpoint(
            one_tensor("0", 4, [4], [1]), bytes(20 << 20), deflated=True, size=16,
            crc=zlib.crc32(bytes(16))),
        "zip-overlapping.ckpt": overlapping(3000, 1 << 16),
        "zip-quoted.ckpt": quoted(1500, 1 << 17),
        "zip-pickle-of-lists.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02" + b"]" * (8 << 20) + b".", deflated=True)]),
        "zip-pickle-of-marks.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02" + b"(" * (16 << 20) + b".", deflated=True)]),
        "zip-deep-pickle.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02" + b"]" * 500000 + b"a" * 499999 + b".")]),
        "zip-doubling-pickle.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02N" + b"2\x86" * 500000 + b".")]),
        "zip-doubling-dicts.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02}" +
                   (b"q\0}(" + text("a") + b"h\0" + text("b") + b"h\0u") * 20000 + b".")]),
        "zip-same-dicts.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02}q\0}q\1}(" + b"h\1h\0" * 1000000 + b"u.",
                   deflated=True)]),
        "zip-many-dicts.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02" + b"".join(b"}q%c" % i for i in range(250)) + many +
                   b".", deflated=True)]),
        "zip-lists-of-no-pairs.ckpt": archive(
            [Entry("data.pkl", b"\x80\x02" + pairs + b"\x85q\0ccollections\nOrderedDict\nq\1" +
                   b"h\1h\0R0" * 200000 + b".", deflated=True)]),
        "zip-negative-shape.ckpt": checkpoint(one_tensor("0", 4, [-1], [1])),
        "zip-overflowing-shape.ckpt": checkpoint(one_tensor("0", 4, [1 << 32, 1 << 32], [0, 0])),
        "zip-stride-outside.ckpt": checkpoint(one_tensor("0", 4, [2, 2], [3, 1])),
        "zip-negative-stride.ckpt": checkpoint(one_tensor("0", 4, [2], [-1], 1)),
        "zip-short-storage.ckpt": checkpoint(one_tensor("0", 8, [8], [1])),
        "zip-zero-shape.ckpt": checkpoint(one_tensor("0", 4, [0, 1 << 62, 1 << 62], [1, 1, 1])),
        "roformer-endless-bias.ckpt": checkpoint(state_dict(
            [("layers.0.2.x.bias", tensor("0", 4, [1 << 59], [0]))])),
        "zip-system.ckpt": checkpoint(b"\x80\x02}(" + weight + text("x") + system + b"u."),
        "zip-eval.ckpt": checkpoint(b"\x80\x02}(" + weight + text("x") + evaluate + b"u."),
    }


# ---- Streams ----

PREAMBLE = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."


def stream(pickle, elements=4, data=bytes(16)):
    keys = b"\x80\x02]" + text("0") + b"a."
    return PREAMBLE + pickle + keys + struct.pack("<Q", elements) + data


def streams():
    object_ = one_tensor("0", 4, [4], [1])
    system = b"\x80\x02cos\nsystem\n(" + text("touch cleave-executed-a-pickle") + b"tR."
    old = b"\x80\x02(" + text("touch cleave-executed-a-pickle") + b"iposix\nsystem\n."
    nested = b"\x80\x02csubprocess\nPopen\n" + text("true") + b"\x85\x81."
    return {
        "stream-exabyte.ckpt": stream(object_, 1 << 60),
        "stream-largest.ckpt": stream(object_, (1 << 64) - 1),
        "stream-exabyte-tensor.ckpt": stream(one_tensor("0", 1 << 60, [1 << 60], [1])),
        "stream-system.ckpt": stream(system),
        "stream-old-system.ckpt": stream(old),
        "stream-popen.ckpt": stream(nested),
    }


# ---- safetensors ----

def safetensors(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tensors_of_others():
    demucs = {}
    for name in ("encoder.0.conv.weight", "encoder.0.rewrite.weight", "crosstransformer.x.weight",
                 "decoder.0.conv_tr.weight", "tencoder.0.conv.weight"):
        demucs[name] = entry([1], 4 * len(demucs), 4 * len(demucs) + 4)
    return safetensors(demucs, bytes(20))


def all_safetensors():
    name = "first_conv.weight"
    return {
        "header-exabyte.safetensors": safetensors({}, length=1 << 60),
        "header-40-bits.safetensors": safetensors({}, length=1 << 39),
        "elements-exabyte.safetensors": safetensors({name: entry([1 << 60], 0, 16)}, bytes(16)),
        "offsets-exabyte.safetensors": safetensors({name: entry([1 << 58], 0, 1 << 60)}),
        "overflow.safetensors": safetensors({name: entry([1 << 32, 1 << 32], 0, 0)}),
        "overflow-to-4.safetensors": safetensors(
            {name: entry([(1 << 62) + 1, 4], 0, 16)}, bytes(16)),
        "negative.safetensors": safetensors({name: entry([-4], 0, 16)}, bytes(16)),
        "beyond-64-bits.safetensors": safetensors(
            b'{"a": {"dtype": "F32", "shape": [18446744073709551620], "data_offsets": [0, 16]}}',
            bytes(16)),
        "objects.safetensors": safetensors(b'{"a": [' + b"{}," * 2700000 + b"{}]}"),
        "lists.safetensors": safetensors(b'{"a": [' + b"[]," * 2700000 + b"[]]}"),
        "deep.safetensors": safetensors(b'{"a": ' + b"[" * 4000000),
        "metadata.safetensors": safetensors(
            {"__metadata__": {str(i): "[" * 1000 for i in range(4000)}}),
        "demucs.safetensors": tensors_of_others(),
    }


# ---- What is no checkpoint ----

def others():
    return {
        "empty.ckpt": b"",
        "page.ckpt": b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n",
        "pointer.ckpt": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 +
                        b"\nsize 450000000\n",
        "one-byte.ckpt": b"\x80",
        "pk.ckpt": b"PK\3\4",
    }


# ---- Configurations ----

def configs():
    training = "training: {instruments: [vocals, other]}\n"
    laughs = 'a0: &a0 ["lol"]\n' + "".join(
        f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]\n" for i in range(1, 40))
    merges = "m0: &m0 {x: 1}\n" + "".join(
        f"m{i}: &m{i} {{<<: [" + ", ".join([f"*m{i - 1}"] * 9) + "]}\n" for i in range(1, 40))
    return {
        "laughs.yaml": laughs + "audio: {n_fft: *a39}\nmodel: {x: *a39}\n" + training,
        "merges.yaml": merges + "audio: *m39\nmodel: *m39\n" + training,
        "itself.yaml": "audio: &a {<<: *a}\nmodel: *a\n" + training,
        "deep-lists.yaml": "[" * 1000000,
        "deep-maps.yaml": "{a: " * 250000,
        "deep-blocks.yaml": "- " * 500000,
        "directives.yaml": "".join(f"%TAG !a{i}! b\n" for i in range(60000)) + "--- a\n",
        "anchors.yaml": "".join(f"- &a{i} x\n" for i in range(60000)),
        "values.yaml": "[" + "a," * 500000,
        "long.yaml": "x" * (2 << 20),
        "zero.yaml": "audio:\0 {}\n",
    }


def roformer(model, audio="chunk_size: 4096"):
    """All Roformers have these keys; the last of two that are the same holds."""
    return (f"audio: {{{audio}}}\nmodel:\n  dim: 8\n  depth: 1\n  stft_n_fft: 512\n" +
            "  stft_hop_length: 128\n" + "".join(f"  {line}\n" for line in model) +
            "training: {instruments: [vocals]}\n")


def roformers():
    laughs = 'a0: &a0 [1]\n' + "".join(
        f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]\n" for i in range(1, 40))
    long = "chunk_size: 268435456"
    bands = "freqs_per_bands: [257]"
    return {
        "roformer-many-bands.yaml": roformer(["freqs_per_bands: [" + "1, " * 9000 + "1]"]),
        "roformer-large-bands.yaml": roformer(["freqs_per_bands: [" + "1048576, " * 4000 + "1]"]),
        "roformer-laughs.yaml": laughs + roformer(["freqs_per_bands: *a39"]),
        "roformer-empty-bands.yaml": roformer(["num_bands: 4096"]),
        "roformer-transform.yaml": roformer(["num_bands: 4096", "stft_n_fft: 1048576",
                                             "stft_win_length: 1048576"],
                                            "chunk_size: 16777216"),
        "roformer-layers.yaml": roformer([bands, "depth: 256", "time_transformer_depth: 64",
                                          "freq_transformer_depth: 64"]),
        "roformer-masks.yaml": roformer(
            ["freqs_per_bands: [" + "1, " * 256 + "1]", "num_stems: 256",
             "mask_estimator_depth: 64"]).replace(
                 "[vocals]", "[" + ", ".join(f"s{i}" for i in range(256)) + "]"),
        "roformer-heads.yaml": roformer([bands, "heads: 4096", "dim_head: 4096"], long),
        "roformer-dim.yaml": roformer([bands, "dim: 65536", "mlp_expansion_factor: 64"], long),
        "roformer-frames.yaml": roformer([bands, "stft_hop_length: 1"], long),
        "roformer-of-others.yaml": roformer([bands, "dim: 65536", "heads: 4096", "dim_head: 4096",
                                             "mlp_expansion_factor: 64"]),
    }


# ---- Audio ----

def chunk(name, data, size=None):
    return name + struct.pack("<I", len(data) if size is None else size) + data


def form(tag=1, channels=2, rate=44100, block=4, bits=16):
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xffffffff,
                                      block, bits))


def wav(*parts, size=None):
    body = b"WAVE" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def rf64(length, frames):
    sizes = chunk(b"ds64", struct.pack("<QQQI", length, length, frames, 0))
    return (b"RF64\xff\xff\xff\xffWAVE" + sizes + form() + chunk(b"data", bytes(4000), 0xffffffff))


def crc8(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1) ^ (0x07 if value & 0x80 else 0)
            value &= 0xff
    return value


def flac(smallest, largest, rate, channels, bits, frames=0, header=bytes([0xff, 0xf8, 0x19, 8, 0])):
    packed = (rate << 44) | ((channels - 1) << 41) | ((bits - 1) << 36) | frames
    info = struct.pack(">HH", smallest, largest) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80" + (34).to_bytes(3, "big") + info + header + bytes([crc8(header)]) + bytes(500)


def ogg(payload, segments=None):
    table = bytes([min(len(payload), 255)]) if segments is None else segments
    return b"OggS\0\2" + bytes(8) + struct.pack("<III", 1, 0, 0) + bytes([len(table)]) + table + payload


def audio():
    data = chunk(b"data", bytes(4000))
    return {
        "channels.wav": wav(form(channels=65535, block=65534), data),
        "channels-1025.wav": wav(form(channels=1025, block=2050), data),
        "channels-none.wav": wav(form(channels=0, block=0), data),
        "rate-none.wav": wav(form(rate=0), data),
        "rate-31-bits.wav": wav(form(rate=1 << 31), data),
        "rate-largest.wav": wav(form(rate=0x7fffffff), data),
        "rate-one.wav": wav(form(rate=1), data),
        "block-lies.wav": wav(form(block=3), data),
        "block-none.wav": wav(form(block=0), data),
        "block-largest.wav": wav(form(block=65535), data),
        "bits-none.wav": wav(form(bits=0), data),
        "bits-largest.wav": wav(form(bits=65535), data),
        "list-4gb.wav": wav(form(), chunk(b"LIST", bytes(100), 0xfffffff0), data),
        "list-first-4gb.wav": wav(chunk(b"LIST", b"INFO" + bytes(96), 0xffffffff), form(), data),
        "format-4gb.wav": wav(chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 176400, 4, 16),
                                    0xfffffff0), data),
        "cue-4gb.wav": wav(form(), chunk(b"cue ", struct.pack("<I", 0xffffffff) + bytes(20)), data),
        "many-chunks.wav": wav(form(), chunk(b"junk", b"") * 400000, data),
        "many-formats.wav": wav(form() * 40000, data),
        "rf64-63-bits.wav": rf64(1 << 63, 1 << 63),
        "rf64-62-bits.wav": rf64(1 << 62, 1 << 60),
        "rf64-nothing.wav": rf64(0, 0),
        "blocks-none.flac": flac(0, 0, 44100, 2, 16),
        "blocks-largest.flac": flac(65535, 65535, 44100, 8, 32, (1 << 36) - 1),
        "rate-none.flac": flac(192, 192, 0, 2, 16),
        "no-frames.flac": flac(192, 192, 44100, 2, 16, 1 << 35, b"\xff\xff\xff\xff\xff"),
        "metadata.flac": b"fLaC" + b"\x04\xff\xff\xff" + bytes(100),
        "many-blocks.flac": b"fLaC" + b"\x01\0\0\0" * 400000,
        "tags.flac": b"fLaC\0" + (34).to_bytes(3, "big") + bytes(34) + b"\x84\0\0\x08" +
                     b"\xff\xff\xff\xff" * 2,
        "garbage.ogg": ogg(b"\x01vorbis" + bytes(range(200))),
        "vorbis-largest.ogg": ogg(b"\x01vorbis" + struct.pack("<IBIIIIBB", 0, 255, 44100, 0, 0, 0,
                                                              0xff, 1)),
        "pages.ogg": ogg(b"", b"") * 40000,
        "opus.ogg": ogg(b"OpusHead\1\xff" + bytes(9) + b"\xff" * 200),
        "id3-256mb.mp3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(4000),
        "id3-many.mp3": (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)) * 20000,
        "id3-then-nothing.mp3": b"ID3\x04\0\0\0\0\x7f\x7f" + bytes(16383),
        "sync-only.mp3": b"\xff\xfb\x90\x64" * 20000,
        "text.wav": b"Dear listener,\nthis is a letter and no sound.\n" * 20,
        "riff-only.wav": b"RIFF",
        "form-only.aiff": b"FORM\xff\xff\xff\xffAIFFCOMM\xff\xff\xff\xff",
        "channels.au": b".snd" + struct.pack(">5I", 24, 0xffffffff, 3, 44100, 0x7fffffff) + bytes(99),
        "offset.au": b".snd" + struct.pack(">5I", 0xfffffff0, 0xffffffff, 3, 44100, 1) + bytes(99),
        "atoms.m4a": struct.pack(">I", 8) + b"ftyp" + (struct.pack(">I", 0xffffffff) + b"moov") * 3,
        "nested.m4a": struct.pack(">I4s4s4x", 16, b"ftyp", b"M4A ") + b"".join(
            struct.pack(">I4s", 800000 - 8 * i, b"moov") for i in range(100000)),
        "ebml.webm": b"\x1aE\xdf\xa3\x01" + b"\xff" * 7 + b"\x18S\x80g\x01" + b"\xff" * 7,
    }


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    files = {**zips(), **streams(), **all_safetensors(), **others(), **configs(), **roformers(), **audio()}
    for name, data in files.items():
        with open(os.path.join(out, name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write("made\n")


if __name__ == "__main__":
    main()
