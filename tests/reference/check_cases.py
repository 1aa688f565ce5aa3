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


def read_case(folder):
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
        return json.load(file)


def family_of(folder):
    """The module that has the case's kind of network."""
    is_roformer = roformer_reference.is_roformer(os.path.join(folder, "model.yaml"))
    return roformer_reference if is_roformer else reference


def load_network(folder, case):
    family = family_of(folder)
    config = family.read_config(os.path.join(folder, "model.yaml"))
    return family.load_network(os.path.join(folder, case.get("model", "model.ckpt")), config)


def separate(folder, case, network):
    mix, _ = reference.read_audio(os.path.join(folder, "mix.wav"))
    return reference.separate(
        network, mix, case["overlap"], case["blend"], case["tta"], case.get("residual")
    )


def check_case(folder):
    """The lowest SNR of the case's stems."""
    case = read_case(folder)
    stems = separate(folder, case, load_network(folder, case))
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
