"""Runs the reference over folders of cases and prints each stem's SNR against what they expect.

    check_cases.py FOLDER ...        a case, or a folder of cases
"""

import json
import math
import os
import sys

import mdx23c_reference as reference
import roformer_reference

ENOUGH_DB = 130.0  # float32 files and float32 window tables in their making leave no more


def case_folders(path):
    """The folders at or below `path` that hold a case, sorted."""
    return [folder for folder, _, files in sorted(os.walk(path)) if "case.json" in files]


def load_network(folder, case):
    """Of the family that the configuration says."""
    path = os.path.join(folder, "model.yaml")
    names = [case.get("model", "model.ckpt"), "model.safetensors"]
    model = next(filter(os.path.exists, (os.path.join(folder, name) for name in names)))
    if roformer_reference.is_roformer(path):
        return roformer_reference.load_network(model, path)
    return reference.load_network(model, reference.read_config(path))


def check_case(folder):
    """The lowest SNR of the case's stems."""
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
        case = json.load(file)
    network = load_network(folder, case)
    mix, _ = reference.read_audio(os.path.join(folder, "mix.wav"))
    stems = reference.separate(
        network, mix, case["overlap"], case["blend"], case["tta"], case.get("residual")
    )
    lowest = math.inf
    for name in case["stems"]:
        expected, _ = reference.read_audio(os.path.join(folder, f"expected-{name}.wav"))
        snr = reference.snr_db(expected, stems[name])
        print(f"{os.path.basename(folder):28} {name:14} {snr:6.1f} dB")
        lowest = min(lowest, snr)
    return lowest


def main(paths):
    if not paths:
        sys.exit(__doc__.strip())
    folders = [folder for path in paths for folder in case_folders(os.path.normpath(path))]
    results = [check_case(folder) for folder in folders]
    failed = sum(snr < ENOUGH_DB for snr in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
