"""Makes the cases in tests/data/cases: small random networks, short mixes, expected stems.

    make_cases.py [-o FOLDER] [NAME ...]

Everything is drawn from seeded generators, so a run makes the same files again (to the last bit
with the versions named in README.md). What a case must be is in CASES, at the end of case_table.py;
how it is made is here; what the right answer is, is mdx23c_reference.py's business.
"""

import argparse
import json
import math
import os
import shutil

import numpy as np
import torch

import containers
import mdx23c_reference as reference
from case_table import CASES

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_OUTPUT = os.path.join(HERE, os.pardir, "data", "cases")
TARGET_RMS = 0.06
RMS_RANGE = (1e-3, 0.5)
EXACT_SNR_DB = 200.0  # recorded where float32 and float64 agree to the bit
ELEMENT_TYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
}


class Random:
    """Uniform numbers straight from the bits of a PCG64, the same under every NumPy."""

    def __init__(self, seed):
        self.bits = np.random.PCG64(seed)

    def uniform(self, low, high, shape):
        raw = self.bits.random_raw(math.prod(shape)) if math.prod(shape) else np.zeros(0)
        unit = (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)) * 2.0**-53
        return (low + (high - low) * unit).reshape(shape)

    def tensor(self, low, high, shape):
        return torch.from_numpy(self.uniform(low, high, tuple(shape)))

    def number(self, low, high):
        return float(self.uniform(low, high, (1,))[0])


# ---- Network ---------------------------------------------------------------------------------


def fill_network(network, random):
    """Weights that keep values near 1; norms whose gains, biases and statistics all matter."""
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(1234)
        elif name.endswith("running_mean"):
            value.copy_(random.tensor(-0.5, 0.5, value.shape))
        elif name.endswith("running_var"):
            value.copy_(random.tensor(0.4, 2.5, value.shape))
        elif name.endswith(".bias"):
            value.copy_(random.tensor(-0.4, 0.4, value.shape))
        elif value.dim() == 1:
            value.copy_(random.tensor(0.6, 1.4, value.shape))
        else:
            limit = math.sqrt(3 / fan_in(name, value.shape))
            value.copy_(random.tensor(-limit, limit, value.shape))


def fan_in(name, shape):
    """How many products sum up in one output."""
    if ".upscale." in name:
        return shape[0]  # kernel = stride: one tap of each input channel
    return math.prod(shape[1:])


def power_of_two_near(factor):
    """Scaling by a power of two is exact, so the files do not hang on the last bits of a sum."""
    return 2.0 ** round(math.log2(factor))


def calibrate(network, mix, case):
    """Scales both ends so that `first` is near 1 and the stems near TARGET_RMS."""
    config = network.config
    chunk = reference.fit(reference.match_channels(mix, config.channels), config.chunk_size)
    scale = 1.0
    if config.normalize:
        scale = float(mix.mean(0).std(correction=0))
    bins = reference.stft(config, chunk[None] / scale)
    level = float(bins.square().mean().sqrt())
    network.first_conv.weight.data *= power_of_two_near(1 / level)
    stems = reference.separate(network, mix, case.overlap, case.blend)
    offset = case.offset if config.normalize else 0.0  # comes back whatever the network does
    powers = [float((signal - offset).square().mean()) for signal in stems.values()]
    level = math.sqrt(sum(powers) / len(powers))
    network.final_conv[2].weight.data *= power_of_two_near(TARGET_RMS / level)


# ---- Mix -------------------------------------------------------------------------------------


def make_mix(case, rate, random):
    """Decaying sines and noise bursts, other ones in each channel: (ch, L), float32 values."""
    channels = [make_channel(case.samples, rate, random) for _ in range(case.mix_channels)]
    mix = torch.stack(channels)
    mix *= case.peak / mix.abs().max()
    mix += case.offset
    if case.silence:
        mix[:, case.silence[0] : case.silence[1]] = 0
    return mix.to(torch.float32).to(torch.float64)


def make_channel(samples, rate, random):
    time = torch.arange(samples, dtype=torch.float64) / rate
    signal = random.tensor(-0.02, 0.02, (samples,))
    for _ in range(5):
        onset = random.number(0, 0.8) * samples / rate if samples > 1 else 0.0
        since = (time - onset).clamp(min=0)
        frequency, decay = random.number(80, 0.2 * rate), random.number(8, 60)
        tone = torch.sin(2 * math.pi * frequency * since + random.number(0.5, 2.5))
        signal += random.number(0.2, 1) * torch.exp(-decay * since) * tone * (time >= onset)
    for _ in range(2):
        onset = int(random.number(0, 0.9) * samples)
        noise = random.tensor(-0.7, 0.7, (samples - onset,))
        signal[onset:] += noise * torch.exp(-80 * time[: samples - onset])
    return signal


# ---- One case --------------------------------------------------------------------------------


def run_reference(folder, case, dtype):
    config = reference.read_config(os.path.join(folder, "model.yaml"))
    network = reference.load_network(os.path.join(folder, case.model_file), config, dtype)
    mix, _ = reference.read_audio(os.path.join(folder, "mix.wav"), dtype)
    return reference.separate(network, mix, case.overlap, case.blend, case.tta, case.residual)


def describe(case, config, exact, single):
    stems = {}
    for name, signal in exact.items():
        snr = reference.snr_db(signal.to(torch.float32), single[name])
        stems[name] = {
            "rms": float(signal.square().mean().sqrt()),
            "float32_framework_snr_db": round(min(snr, EXACT_SNR_DB), 1),
        }
    description = {
        "purpose": case.purpose,
        "model": case.model_file,
        "overlap": case.overlap,
        "blend": case.blend,
        "tta": case.tta,
        "stems": stems,
        "samples": case.samples,
        "sample_rate": config.sample_rate,
    }
    if case.residual:
        description["residual"] = case.residual
    return description


def check_health(case, exact, description):
    for name, signal in exact.items():
        for channel, level in enumerate(signal.square().mean(-1).sqrt()):
            if not RMS_RANGE[0] <= float(level) <= RMS_RANGE[1]:
                raise ValueError(f"{case.name}: {name}, channel {channel}: RMS {float(level):.2g}")
        snr = description["stems"][name]["float32_framework_snr_db"]
        if snr < 110:
            raise ValueError(f"{case.name}: {name}: float32 reaches only {snr} dB")


def make_case(case, output):
    folder = os.path.join(output, case.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "model.yaml"), "w", encoding="utf-8", newline="") as file:
        file.write(case.yaml_text())
    config = reference.read_config(os.path.join(folder, "model.yaml"))
    random = Random(case.seed)
    mix = make_mix(case, config.sample_rate, random)
    reference.write_wav(os.path.join(folder, "mix.wav"), mix, config.sample_rate)
    network = reference.Network(config).double().eval()
    fill_network(network, random)
    calibrate(network, mix, case)
    containers.write(
        os.path.join(folder, case.model_file),
        network.state_dict(),
        ELEMENT_TYPES[case.element],
        case.container,
    )
    exact = run_reference(folder, case, torch.float64)
    single = run_reference(folder, case, torch.float32)
    description = describe(case, config, exact, single)
    check_health(case, exact, description)
    for name, signal in exact.items():
        reference.write_wav(
            os.path.join(folder, f"expected-{name}.wav"), signal, config.sample_rate
        )
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)
        file.write("\n")
    report(case, folder, network, description)


def report(case, folder, network, description):
    size = sum(entry.stat().st_size for entry in os.scandir(folder)) / 1000
    weights = sum(value.numel() for value in network.parameters())
    levels = "  ".join(
        f"{name} rms {stem['rms']:.3f} f32 {stem['float32_framework_snr_db']} dB"
        for name, stem in description["stems"].items()
    )
    print(f"{case.name:32} {size:6.0f} kB {weights:7} weights  {levels}")


README = """# Further cases

Small random networks with what they must answer, beside the ones in `../golden`. Made by
`tests/reference/make_cases.py` with an independent float64 implementation; do not edit by hand.

`case.json` says how to run each: `model` (the checkpoint's file name), `overlap`, `blend`, `tta`,
`residual` (name of the residual stem, where one is wanted), and per stem its RMS and the SNR in dB
that the same implementation reaches in float32. `expected-STEM.wav` is float32.

| case | what it is for |
| --- | --- |
"""


def write_readme(output):
    rows = (f"| {case.name} | {case.purpose} |\n" for case in CASES)
    with open(os.path.join(output, "README.md"), "w", encoding="utf-8") as file:
        file.write(README + "".join(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="cases to make (default: all)")
    parser.add_argument("-o", "--output", default=DEFAULT_OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums is part of the result
    chosen = [case for case in CASES if not options.names or case.name in options.names]
    for case in chosen:
        with torch.no_grad():
            make_case(case, options.output)
    write_readme(options.output)


if __name__ == "__main__":
    main()
