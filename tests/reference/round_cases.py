"""Measures what rounding to bf16 and f16 costs each case, and keeps it there: the SNR of every stem
where the network multiplies bf16 or f16, all else in float64. What cleave reaches in these
precisions is held against that.

MDX23C: convolutions and linears, but the outer ones:
    operands: 3x3 convolutions by Winograd's F(4x4, 3x3), after its transforms
    stored:   3x3 convolutions by direct products, and what products store is rounded as well, but
              residual sums
Roformers: everything that is multiplied in a matrix product, attention's as well:
    rounded

    round_cases.py FOLDER ...        a case, or a folder of cases; rewrites case.json
"""

import itertools
import json
import math
import os
import sys

import torch

import mdx23c_reference as reference
import roformer_reference
from check_cases import case_folders, family_of, load_network, read_case, separate

PRECISIONS = {"bf16": torch.bfloat16, "f16": torch.float16}
WAYS = {
    reference: {"operands": reference.round_operands, "stored": reference.round_stored},
    roformer_reference: {"rounded": roformer_reference.round_operands},
}


def separate_rounded(folder, case, make_round, dtype):
    network = load_network(folder, case)
    make_round(network, dtype)
    return separate(folder, case, network)


def measure_case(folder):
    case = read_case(folder)
    for (way, make_round), (precision, dtype) in itertools.product(
        WAYS[family_of(folder)].items(), PRECISIONS.items()
    ):
        stems = separate_rounded(folder, case, make_round, dtype)
        for name, figures in case["stems"].items():
            expected, _ = reference.read_audio(os.path.join(folder, f"expected-{name}.wav"))
            snr = reference.snr_db(expected, stems[name])
            print(f"{os.path.basename(folder):28} {name:14} {precision:4} {way:8} {snr:6.1f} dB")
            # An overflow of f16 makes stems that are no numbers: nothing to hold cleave against.
            figures[f"{precision}_{way}_snr_db"] = round(snr, 1) if math.isfinite(snr) else None
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as file:
        json.dump(case, file, indent=1)


def main(paths):
    if not paths:
        sys.exit(__doc__.strip())
    for path in paths:
        for folder in case_folders(os.path.normpath(path)):
            measure_case(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
