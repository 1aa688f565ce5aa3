#!/usr/bin/env python3
"""Compares cleave on an NVIDIA GPU with PyTorch on the same one: networks of the full public size with the
same random weights, one chunk at a time and a whole song. The engines take turns, so that whatever changes
the GPU's clock changes it for all.

    bench/cuda_compare.py [--network full,drums] [--rounds 5] [--seconds 240] [--quick]

Needs cleave as `make cuda` builds it and, for the rows of PyTorch, an interpreter that has it (--pytorch;
the one that runs this by default). Prints a table and writes cuda_compare.md and .json into --work.
README.md in this folder says what is measured. `--device cpu --network tiny` tries it without a GPU."""
import argparse
import array
import json
import math
import os
import random
import select
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

import cuda_sizes  # noqa: E402

CLEAVE = ("f16", "bf16", "f32")
PYTORCH = ("f32", "f16", "f16 channels_last", "f16 channels_last compile", "bf16 channels_last compile",
           "f32 channels_last compile")
START_LIMIT = 600  # seconds; torch.compile takes minutes
RUN_LIMIT = 300
OVERLAP = 2        # of a song's chunks, in both
PYTORCH_BATCH = 4  # as people configure it


def say(text):
    print("cuda_compare: " + text, file=sys.stderr, flush=True)


def program(name):
    """Of the build folder, or beside this file where it was packed for another machine."""
    for path in (os.path.join(ROOT, "build", name), os.path.join(HERE, os.path.basename(name))):
        if os.path.exists(path):
            return path
    return sys.exit("cuda_compare: %s is not built" % name)


def environment(name):
    """cleave's backend is beside its program, not beside the worker; where both were packed for another
    machine, so were libraries, which are not PyTorch's."""
    if name != "cleave":
        return os.environ
    packed = os.path.join(HERE, "lib") + ":" + os.environ.get("LD_LIBRARY_PATH", "")
    return {**os.environ, "CLEAVE_BACKENDS": os.path.dirname(program("libcleave-cuda.so")),
            **({"LD_LIBRARY_PATH": packed} if os.path.isdir(os.path.join(HERE, "lib")) else {})}


class Engine:
    """A process that runs one network in one way."""

    def __init__(self, name, way, command, output):
        self.name, self.way, self.output = name, way, output
        self.seconds, self.memory, self.absent, self.version = [], None, None, ""
        self.log = open(output + ".log", "w+", encoding="utf-8")
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.log, env=environment(name))
        except OSError as failure:
            self.process, self.absent = None, str(failure)
            return
        word, _, self.version = self.ask(None, START_LIMIT).partition(" ")
        if word != "ready":
            self.give_up()

    def ask(self, question, limit=RUN_LIMIT):
        """The line that it answers; "" where it ended, or took too long."""
        try:
            if question:
                self.process.stdin.write(question.encode() + b"\n")
                self.process.stdin.flush()
        except OSError:
            return ""
        if not select.select([self.process.stdout], [], [], limit)[0]:
            self.process.kill()
            return ""
        return self.process.stdout.readline().decode("utf-8", "replace").strip()

    def give_up(self):
        self.close()
        self.log.seek(0)
        lines = self.log.read().strip().splitlines()
        self.absent, self.seconds = lines[-1] if lines else "ended without a message", []
        say("%s %s: absent: %s" % (self.name, self.way, self.absent))

    def run(self):
        try:
            seconds = float(self.ask("run"))
        except ValueError:
            seconds = -1
        if seconds < 0:
            self.give_up()
        else:
            self.seconds.append(seconds)

    def close(self):
        if self.process is None:
            return
        answer = self.ask("memory") if self.process.poll() is None else ""
        self.memory = int(answer) if answer.isdigit() else None
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Case:
    """A network, and one chunk or a song, as files for the engines."""

    def __init__(self, key, seconds, options):
        self.size, self.options = cuda_sizes.SIZES[key], options
        self.title = "%s, %s" % (cuda_sizes.TITLES[key],
                                 "one chunk" if seconds == 0 else "a song of %d s" % seconds)
        self.samples = int(seconds * self.size["sample_rate"])
        self.work = os.path.join(options.work, "%s-%d" % (key, seconds))
        self.model = os.path.join(options.work, key + ".safetensors")
        os.makedirs(self.work, exist_ok=True)
        self.mix = os.path.join(self.work, "mix.f32")
        self.write_model(key)
        self.write_mix()

    def write_model(self, key):
        config = os.path.join(self.options.work, key + ".yaml")
        if not os.path.exists(self.model):
            cuda_sizes.write_config(key, config)
            subprocess.run([program("tools/make_network"), config, "--embed-config", "-o",
                            self.model + ".part.safetensors"], check=True)
            os.rename(self.model + ".part.safetensors", self.model)

    def write_mix(self):
        """Noise of a fixed seed, (channels, samples)."""
        draw = random.Random(1)
        second = array.array("f", (draw.uniform(-0.5, 0.5) for _ in range(self.size["sample_rate"])))
        count = self.size["channels"] * (self.samples or self.size["chunk_size"])
        with open(self.mix, "wb") as file:
            whole = second * math.ceil(count / len(second))
            whole[:count].tofile(file)

    def start(self, name, way):
        output = os.path.join(self.work, ("%s-%s" % (name, way)).replace(" ", "-"))
        if name == "cleave":
            command = [program("bench/cleave_engine"), self.model, self.mix, output,
                       str(os.cpu_count()), way, self.options.device]
            if self.samples:
                command += [str(self.samples), str(OVERLAP)]
        else:
            command = [self.options.pytorch, os.path.join(HERE, "cuda_engine.py"), self.model, self.mix,
                       output, self.options.device, way, str(self.samples), str(OVERLAP),
                       str(PYTORCH_BATCH)]
        say("%s: %s %s" % (self.title, name, way))
        return Engine(name, way, command, output)

    def chunks(self):
        """That a run computes, to the nearest."""
        if self.samples == 0:
            return 1
        return math.ceil(self.samples / (self.size["chunk_size"] // OVERLAP))

    def snr(self, one, other):
        """In dB, of one engine's chunk against another's. Of a song no two programs take the same chunks,
        and random weights make nothing of that which could be compared."""
        if one.absent or other.absent or self.samples:
            return None
        expected, found = array.array("f"), array.array("f")
        for values, engine in ((expected, one), (found, other)):
            with open(engine.output, "rb") as file:
                values.frombytes(file.read())
        if len(expected) != len(found):
            return None
        signal = sum(x * x for x in expected)
        noise = sum((x - y) ** 2 for x, y in zip(expected, found))
        return 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else math.inf


def measure(case, options):
    engines = [case.start("cleave", way) for way in options.cleave]
    engines += [case.start("PyTorch", way) for way in options.ways]
    for index in range(options.rounds):
        say("%s: round %d of %d" % (case.title, index + 1, options.rounds))
        for engine in engines:
            if engine.process is not None:
                engine.run()
                time.sleep(0.2)  # a pause for the GPU; nothing waits for it
    for engine in engines:
        engine.close()
    truth = next((engine for engine in engines if engine.way == "f32"), None)
    return {"title": case.title, "chunks": case.chunks(), "engines": [
        {"name": engine.name, "way": engine.way, "version": engine.version, "absent": engine.absent,
         "seconds": engine.seconds, "memory": engine.memory,
         "snr": case.snr(truth, engine) if truth and truth is not engine else None}
        for engine in engines]}


# ---- The table --------------------------------------------------------------------------------

def row(engine, chunks):
    if engine["absent"]:
        return "| %s | %s | – | – | – | %s |" % (engine["name"], engine["way"], engine["absent"][:80])
    if not engine["seconds"]:
        return "| %s | %s | – | – | – | not measured |" % (engine["name"], engine["way"])
    median = statistics.median(engine["seconds"])
    spread = (max(engine["seconds"]) - min(engine["seconds"])) / 2 / median
    snr = engine["snr"]
    return "| %s | %s | %.2f ±%.0f %% | %s | %s | %s |" % (
        engine["name"], engine["way"], 1e3 * median / chunks, 100 * spread,
        "–" if not engine["memory"] else "%.2f GB" % (engine["memory"] / 1e9),
        "–" if snr is None else "%.0f dB" % snr, engine["version"])


def page(results):
    lines = ["GPU: " + results["gpu"], ""]
    for case in results["cases"]:
        lines += ["## " + case["title"], "",
                  "| engine | way | ms per chunk | device memory | against cleave f32 | version |",
                  "| --- | --- | ---: | ---: | ---: | --- |"]
        lines += [row(engine, case["chunks"]) for engine in case["engines"]] + [""]
    return "\n".join(lines)


def gpu_name():
    try:
        return subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm,power.limit",
                               "--format=csv,noheader"], text=True, stdout=subprocess.PIPE,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", type=words, default=["full", "drums"],
                        help=", ".join(cuda_sizes.SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=240, help="of the song; 0: chunks alone")
    parser.add_argument("--quick", action="store_true", help="one network, chunks alone, 3 rounds")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--cleave", type=words, default=list(CLEAVE), help="precisions")
    parser.add_argument("--ways", type=words, default=list(PYTORCH), help="of PyTorch")
    parser.add_argument("--pytorch", default=sys.executable, help="an interpreter")
    parser.add_argument("--work", default=os.path.join(ROOT, "build/cuda_compare"))
    options = parser.parse_args()
    if options.quick:
        options.network, options.seconds, options.rounds = options.network[:1], 0, 3
    return options


def main():
    options = parse_options()
    os.makedirs(options.work, exist_ok=True)
    results = {"gpu": gpu_name(), "cases": []}
    for key in options.network:
        for seconds in (0, options.seconds) if options.seconds else (0,):
            results["cases"].append(measure(Case(key, seconds, options), options))
            # After each, so that what was measured is there if the time is up.
            for name, text in (("md", page(results)), ("json", json.dumps(results, indent=1))):
                with open(os.path.join(options.work, "cuda_compare." + name), "w",
                          encoding="utf-8") as file:
                    file.write(text + "\n")
    print(page(results))


if __name__ == "__main__":
    main()
