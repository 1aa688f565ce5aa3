"""Exported networks in ONNX Runtime against cleave itself, from audio to stems: random audio of one
chunk through `cleave separate`, and through the exported network between the STFT and its inverse,
which transforms.py has once more, after what the file's metadata say. The difference must be below
1e-4 of the largest sample.

Argument: an environment as scripts/venv makes it, with NumPy and ONNX Runtime; without one the test
is skipped. The environment variables name the program (CLEAVE_PROGRAM), the test data
(CLEAVE_TEST_DATA) and the demo (CLEAVE_DEMO).
"""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

from environment import enter_environment

BOUND = 1e-4  # of the largest sample
TIME_LIMIT = 120  # seconds: a hang is a failure
BATCH = 2

if __name__ == "__main__":
    enter_environment(sys.argv[1], "tests/export/requirements.txt")

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

from transforms import istft, stft  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
DATA = os.path.abspath(os.environ["CLEAVE_TEST_DATA"])
DEMO = os.path.abspath(os.environ["CLEAVE_DEMO"])


# ---- Audio ------------------------------------------------------------------------------------

def write_wav(path, signal, rate):
    channels = signal.shape[0]
    data = signal.T.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, channels, rate, rate * channels * 4, channels * 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def read_raw(path, channels):
    return np.fromfile(path, "<f4").reshape(-1, channels).T.astype(np.float64)


# ---- Both ways --------------------------------------------------------------------------------

def run_program(*arguments):
    return subprocess.run([PROGRAM, *arguments, "-q"], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=TIME_LIMIT).stdout


def by_cleave(model, mix, info, folder):
    """(stems, channels, samples)."""
    path = os.path.join(folder, "mix.wav")
    write_wav(path, mix, info["sample_rate"])
    run_program("separate", path, "-m", model, "--overlap", "1", "--blend", "fade", "-t", "2",
                "-f", "raw", "-o", folder, "--name", "{stem}")
    return np.stack([read_raw(os.path.join(folder, stem + ".raw"), info["channels"])
                     for stem in info["stems"]])


def by_runtime(path, mixes, samples):
    """(batch, stems, channels, samples)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    size, hop, bins = (int(metadata[key]) for key in ("n_fft", "hop_length", "dim_f"))
    spectra = np.stack([stft(mix, size, hop, bins) for mix in mixes]).astype(np.float32)
    (outputs,) = session.run(["stems"], {"spectrogram": spectra})
    return np.stack([[istft(stem.astype(np.float64), size, hop, samples) for stem in stems]
                     for stems in outputs])


def normalised(mix):
    mono = mix.mean(axis=0)
    return mono.mean(), mono.std()


def compare(model):
    """The difference relative to the largest sample."""
    info = json.loads(run_program("inspect", model, "--json"))
    generator = np.random.default_rng(1)
    samples = info["chunk_size"]
    mix = 0.2 * generator.standard_normal((info["channels"], samples))
    mix = mix.astype(np.float32).astype(np.float64)
    mean, deviation = normalised(mix) if info["normalize"] else (0.0, 1.0)
    with tempfile.TemporaryDirectory(prefix="cleave-runtime-") as folder:
        path = os.path.join(folder, "network.onnx")
        expected = by_cleave(model, mix, info, folder)
        run_program("export", model, "-o", path)
        mixes = [(mix - mean) / deviation] * BATCH
        found = by_runtime(path, mixes, samples) * deviation + mean
    largest = np.abs(expected).max()
    if found[0].shape != expected.shape or not largest > 0:
        raise ValueError("%s: %s is not %s" % (model, found[0].shape, expected.shape))
    return max(np.abs(one - expected).max() for one in found) / largest


def models():
    for kind in ("ckpt", "pth", "pt", "th", "safetensors"):
        for place in ("golden", "cases"):
            yield from sorted(glob.glob(os.path.join(DATA, place, "*", "*." + kind)))
    yield os.path.join(DEMO, "drumsep-mini.ckpt")


def main():
    failed = passed = 0
    for model in models():
        difference = compare(model)
        good = difference < BOUND
        passed += good
        failed += not good
        print("%-4s %s: %.2g of the largest sample" % ("ok" if good else "FAIL",
                                                       os.path.relpath(model, DATA), difference))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
