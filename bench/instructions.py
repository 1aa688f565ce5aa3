#!/usr/bin/env python3
"""Counts the instructions of one run of a small network with valgrind's callgrind, and compares
them with the recorded counts: unlike times, they do not depend on what else the machine is doing.

    bench/instructions.py            compare; exit code 1 if a total has grown by more than 5 %
    bench/instructions.py --record   write bench/instructions.json again

Needs a built cleave (build/) and valgrind. Only the run itself is counted: on one thread, in f32
and in bf16, with the AVX2 kernels, the fastest that valgrind can execute. Counts are valid for one
version of one compiler: with another one the totals are shown, and nothing fails. Instructions are
not time: `make bench` judges kernels.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

BENCH = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(BENCH)
RECORD = os.path.join(BENCH, "instructions.json")
PRECISIONS = ("f32", "bf16")
LIMIT = 1.05   # of a total, against the record
SHOWN = 0.005  # the least share of a total that a function needs for a line
CHANNELS = 2
COUNTED = ("executable_submit", "executable_collect")  # what one run of the network consists of


def program(*path):
    return os.path.join(ROOT, "build", *path)


def chunk_size():
    with open(os.path.join(BENCH, "instructions.yaml"), encoding="utf-8") as file:
        return int(re.search(r"chunk_size: (\d+)", file.read()).group(1))


def write_noise(path):
    """One chunk of noise, the same everywhere."""
    state, samples = 1, []
    for _ in range(CHANNELS * chunk_size()):
        state = (1664525 * state + 1013904223) % 2**32
        samples.append(state / 2**31 - 1)
    with open(path, "wb") as file:
        file.write(struct.pack("<%df" % len(samples), *samples))


def compiler():
    """The compiler that built the program, as the program's file names it."""
    text = subprocess.run(["readelf", "-p", ".comment", program("bench/cleave_engine")], check=True,
                          text=True, stdout=subprocess.PIPE).stdout
    return ", ".join(sorted(set(re.findall(r"\]\s+(\S.*\S)", text))))


def run_callgrind(folder, precision):
    """Counts one run; returns callgrind's file."""
    out = os.path.join(folder, precision + ".callgrind")
    subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out,
         *("--toggle-collect=" + function for function in COUNTED), program("bench/cleave_engine"),
         os.path.join(folder, "network.safetensors"), os.path.join(folder, "noise.f32"),
         os.path.join(folder, "stems.f32"), "1", precision],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=dict(os.environ, CLEAVE_KERNELS="avx2"))
    return out


def read_counts(path):
    """{function: its instructions, without those of its callees}"""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    counts = {}
    for line in text.splitlines():
        found = re.match(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+\S*?:(\S+)", line)
        if found:
            name = re.sub(r"\.(constprop|isra|part)\.\d+|'\d+$", "", found.group(2))
            counts[name] = counts.get(name, 0) + int(found.group(1).replace(",", ""))
    return counts


def count_all():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program("tools/make_network"), os.path.join(BENCH, "instructions.yaml"),
                        "--embed-config", "-o", os.path.join(folder, "network.safetensors")],
                       check=True, stdout=subprocess.DEVNULL)
        write_noise(os.path.join(folder, "noise.f32"))
        counts = {}
        for precision in PRECISIONS:
            functions = read_counts(run_callgrind(folder, precision))
            total = sum(functions.values())
            if total == 0:
                sys.exit("instructions: nothing was counted: none of %s was called; name in COUNTED "
                         "what runs the network now" % ", ".join(COUNTED))
            counts[precision] = {
                "total": total,
                "functions": {name: count for name, count in
                              sorted(functions.items(), key=lambda item: -item[1])
                              if count >= SHOWN * total}}
        return {"compiler": compiler(), "precisions": counts}


def change(now, before):
    return "%+7.2f %%" % (100 * (now / before - 1)) if before else "    new"


def print_table(now, before):
    print("%-6s %-28s %16s %16s %10s" % ("", "", "on record", "now", "change"))
    for precision, counts in now["precisions"].items():
        old = before["precisions"].get(precision, {"total": 0, "functions": {}})
        print("%-6s %-28s %16s %16s %10s" % (
            precision, "total", format(old["total"], ","), format(counts["total"], ","),
            change(counts["total"], old["total"])))
        for name in list(counts["functions"]) + [name for name in old["functions"]
                                                 if name not in counts["functions"]]:
            was, count = old["functions"].get(name, 0), counts["functions"].get(name, 0)
            print("%-6s   %-26s %16s %16s %10s" % (
                "", name[:26], format(was, ","), format(count, ","), change(count, was)))


def compare(now, before):
    print_table(now, before)
    if now["compiler"] != before["compiler"]:
        print("instructions: recorded with %s, built with %s: not compared"
              % (before["compiler"], now["compiler"]))
        return 0
    grown = [precision for precision, counts in now["precisions"].items()
             if counts["total"] > LIMIT * before["precisions"][precision]["total"]]
    if grown:
        print("instructions: more than 5 %% above the record in %s; if they are worth it, record "
              "them again with --record, and say why" % ", ".join(grown))
    return 1 if grown else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--record", action="store_true", help="write bench/instructions.json anew")
    options = parser.parse_args()
    if not os.access(program("bench/cleave_engine"), os.X_OK):
        sys.exit("instructions: cleave is not built; run make")
    now = count_all()
    if not options.record:
        with open(RECORD, encoding="utf-8") as file:
            return compare(now, json.load(file))
    with open(RECORD, "w", encoding="utf-8") as file:
        json.dump(now, file, indent=1)
        file.write("\n")
    print("instructions: " + ", ".join(
        "%s %s" % (precision, format(counts["total"], ","))
        for precision, counts in now["precisions"].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
