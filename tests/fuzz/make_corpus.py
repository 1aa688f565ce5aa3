#!/usr/bin/env python3
"""Makes the files that fuzzing starts from: make_corpus.py OUT [STAMP].

One folder per target below OUT: the small fixtures of tests/data, and headers written here byte by
byte. The same files at each run. What a fuzzer found is in corpus/, and committed.
"""
import glob
import math
import os
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data")
LARGEST = 8192


def read(path):
    with open(path, "rb") as file:
        return file.read()


def fixtures(pattern):
    """Small files of tests/data, by name."""
    paths = sorted(glob.glob(os.path.join(DATA, pattern)))
    files = {os.path.relpath(path, DATA).replace(os.sep, "-"): read(path) for path in paths}
    return {name: data for name, data in files.items() if len(data) <= LARGEST}


# ---- Configurations ----

BASE = """audio:
  chunk_size: 3968
  dim_f: 256
  dim_t: 32
  hop_length: 128
  n_fft: 512
  num_channels: 2
  sample_rate: 44100
model:
  act: gelu
  bottleneck_factor: 4
  growth: 8
  norm: InstanceNorm
  num_blocks_per_scale: 2
  num_channels: 8
  num_scales: 2
  num_subbands: 4
  scale: [2, 2]
training:
  instruments: [vocals, other]
  target_instrument: null
inference:
  dim_t: 64
  num_overlap: 4
"""


ROFORMER = """audio: {chunk_size: 3968}
model:
  dim: 8
  depth: 2
  stereo: true
  num_stems: 2
  dim_head: 4
  heads: 2
  freqs_per_bands: [1, 2, 6]
  stft_n_fft: 16
  stft_hop_length: 4
training:
  instruments: [vocals, other]
"""


def yamls():
    files = fixtures("cases/*/model.yaml")
    files.update(fixtures("golden/*/model.yaml"))
    files["roformer"] = ROFORMER
    files["mel-roformer"] = ROFORMER.replace("freqs_per_bands: [1, 2, 6]", "num_bands: 2")
    files["roformer-by-type"] = ROFORMER.replace("  freqs_per_bands: [1, 2, 6]\n", "").replace(
        "training:", "training:\n  model_type: mel_band_roformer").replace("n_fft: 16", "n_fft: 2048")
    files["base"] = BASE
    files["tuple"] = BASE.replace("[2, 2]", "!!python/tuple\n  - 2\n  - 2")
    files["elu"] = BASE.replace("gelu", "elu0.5").replace("InstanceNorm", "GroupNorm4")
    files["anchors"] = "x: &a {n_fft: 512}\n" + BASE.replace("audio:", "audio:\n  <<: *a")
    files["bomb"] = "a: &a [x]\n" + "".join(
        f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}, *a]\n" for i in range(30))
    files["deep"] = "[" * 70
    files["json"] = '{"audio": {"n_fft": 512}, "model": {"scale": [2, 2]}}'
    return {name: data if isinstance(data, bytes) else data.encode()
            for name, data in files.items()}


# ---- Audio ----

def samples(count):
    return [int(8000 * math.sin(0.05 * i)) for i in range(count)]


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav(tag, channels, rate, bits, data, extra=b"", block=0):
    block = block or channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits) + extra
    body = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rf64(channels, rate, data):
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    sizes = struct.pack("<QQQI", 72 + len(data), len(data), len(data) // channels // 2, 0)
    body = (b"WAVE" + chunk(b"ds64", sizes) + chunk(b"fmt ", form) + b"data\xff\xff\xff\xff" +
            data)
    return b"RF64\xff\xff\xff\xff" + body


def aiff(data):
    # 44100 Hz as an 80-bit float
    common = struct.pack(">hIh", 1, len(data) // 2, 16) + bytes.fromhex("400eac44000000000000")
    body = (b"AIFF" + b"COMM" + struct.pack(">I", len(common)) + common +
            b"SSND" + struct.pack(">III", len(data) + 8, 0, 0) + data)
    return b"FORM" + struct.pack(">I", len(body)) + body


def au(data):
    return b".snd" + struct.pack(">5I", 24, len(data), 3, 44100, 1) + data


def caf(data):
    form = struct.pack(">d4sIIIII", 44100.0, b"lpcm", 2, 2, 1, 1, 16)
    return (b"caff\0\1\0\0" + b"desc" + struct.pack(">q", len(form)) + form +
            b"data" + struct.pack(">qI", len(data) + 4, 0) + data)


def w64(data):
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    form = struct.pack("<HHIIHH", 1, 1, 44100, 88200, 2, 16)

    def part(name, content):
        padded = content + b"\0" * (-len(content) % 8)
        return name + tail + struct.pack("<Q", 24 + len(content)) + padded

    body = b"wave" + tail + part(b"fmt ", form) + part(b"data", data)
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    return head + struct.pack("<Q", 24 + len(body)) + body


def crc(data, polynomial, bits):
    value = 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
    return value


def flac(blocks):
    """Mono, 16 bits, 44100 Hz, blocks of 192 samples of one constant each."""
    info = struct.pack(">HH", 192, 192) + bytes(6)
    info += ((44100 << 44) | (0 << 41) | (15 << 36) | (192 * blocks)).to_bytes(8, "big")
    result = b"fLaC\x80" + (34).to_bytes(3, "big") + info + bytes(16)
    for i in range(blocks):
        header = bytes([0xff, 0xf8, 0x19, 0x08, i])
        header += bytes([crc(header, 0x07, 8)])
        frame = header + b"\0" + struct.pack(">h", 100 * i)
        result += frame + struct.pack(">H", crc(frame, 0x8005, 16))
    return result


def audio():
    pcm = struct.pack("<300h", *samples(300))
    big = struct.pack(">300h", *samples(300))
    floats = struct.pack("<300f", *(s / 32768 for s in samples(300)))
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    files = fixtures("audio/tone*")
    files.update({
        "pcm.wav": wav(1, 2, 44100, 16, pcm),
        "bytes.wav": wav(1, 1, 8000, 8, pcm[:200]),
        "pcm24.wav": wav(1, 3, 48000, 24, pcm[:594]),
        "float.wav": wav(3, 1, 48000, 32, floats),
        "extensible.wav": wav(0xfffe, 2, 22050, 16, pcm, struct.pack("<HHI", 22, 16, 3) + guid),
        "adpcm.wav": wav(2, 1, 11025, 4, pcm[:256], struct.pack("<HHH7H7H", 32, 500, 7, *(
            [256, 512, 0, 192, 240, 460, 392, 0, 65280, 0, 64, 0, 65328, 65304])), 256),
        "ima.wav": wav(0x11, 1, 11025, 4, pcm[:256], struct.pack("<HH", 2, 505), 256),
        "alaw.wav": wav(6, 1, 8000, 8, pcm[:200]),
        "gsm.wav": wav(0x31, 1, 8000, 0, pcm[:130], struct.pack("<HH", 2, 320), 65),
        "rf64.wav": rf64(2, 44100, pcm),
        "pcm.aiff": aiff(big),
        "pcm.au": au(big),
        "pcm.caf": caf(big),
        "pcm.w64": w64(pcm),
        "constant.flac": flac(6),
        "text.wav": b"not audio at all, but a line of text\n",
        "id3.mp3": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(40),
    })
    return files


# ---- Writing ----

def seeds():
    return {
        "zip": {**fixtures("model/zip_*"), **fixtures("model/*.pt"), **fixtures("model/*.zip")},
        "stream": fixtures("model/stream_*"),
        "safetensors": fixtures("model/*.safetensors"),
        "yaml": yamls(),
        "audio": audio(),
    }


def embed_config(files):
    """A safetensors file whose header carries a configuration."""
    import json
    header = json.dumps({"__metadata__": {"config": BASE},
                         "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    files["config.safetensors"] = struct.pack("<Q", len(header)) + header + bytes(8)


def main():
    out = sys.argv[1]
    targets = seeds()
    embed_config(targets["safetensors"])
    for target, files in targets.items():
        folder = os.path.join(out, target)
        os.makedirs(folder, exist_ok=True)
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w") as file:
            file.write("made\n")


if __name__ == "__main__":
    main()
