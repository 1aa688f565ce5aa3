#!/usr/bin/env python3
"""Compares the time, memory and precision of cleave and of other runtimes, on the same networks
with the same weights. The engines take turns, so that whatever disturbs the machine disturbs all of them.

    bench/compare.py [--network full,drum6,demo,kim,bs512,tiny] [--repeats 5] [--threads 2]
                     [--precision f32,bf16] [--together 2]

Needs a built cleave (build/). Makes an environment in build/venv-bench with the runtimes of
requirements.txt, works in build/compare, and writes compare.md and compare.json there. README.md in
this folder says what is measured and how.
"""
import argparse
import datetime
import hashlib
import json
import os
import platform
import select
import subprocess
import sys
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(BENCH)
sys.path.insert(0, BENCH)
sys.path.insert(0, os.path.join(ROOT, "tests/export"))

import table  # noqa: E402

NAMES = {"cleave": "cleave", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
         "pytorch": "PyTorch", "compiled": "PyTorch, torch.compile", "ggml": "BSRoformer.cpp"}
PYTORCH = ("pytorch", "compiled")
NATIVE = ("cleave", "ggml")  # from samples to samples
# ONNX Runtime's CPU provider has f32 only; BSRoformer.cpp's files have f32 or f16.
PRECISIONS = {"onnxruntime": ("f32",), "ggml": ("f32", "f16")}
START_LIMIT = 1800  # seconds until an engine's first result
RUN_LIMIT = 900
PAUSE = 0.5  # seconds between runs, in which threads that still spin go to sleep
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
         "amx_bf16", "asimd", "fphp", "asimdhp", "bf16", "i8mm", "sve", "sve2")


# ---- The machine ------------------------------------------------------------------------------

def first_line(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""


def cpu_fields():
    """The first processor's, of /proc/cpuinfo."""
    fields = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                key, colon, value = line.partition(":")
                if not colon:
                    break
                fields[key.strip()] = value.strip()
    except OSError:
        pass
    return fields


def caches():
    found = []
    folder = "/sys/devices/system/cpu/cpu0/cache"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        parts = [first_line(os.path.join(folder, name, key)) for key in ("level", "type", "size")]
        if parts[0] and parts[1] != "Instruction":
            found.append("L%s %s" % (parts[0], parts[2]))
    return ", ".join(found)


def commit():
    """Of cleave; "" outside of a checkout, or without git."""
    try:
        done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def describe_machine():
    fields = cpu_fields()
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "instruction sets": ", ".join(flag for flag in FLAGS if flag in flags),
        "processors this process may use": str(available),
        "caches": caches(),
        "memory": "%.1f GB" % (memory / 1e9),
        "system": "%s, Python %s" % (platform.platform(), platform.python_version()),
        "cleave": commit(),
    }


# ---- Environments -----------------------------------------------------------------------------

def make_environment(folder, requirements):
    """The environment's interpreter; None where it could not be made, which scripts/venv says."""
    path = os.path.join(ROOT, "build", folder)
    done = subprocess.run([os.path.join(ROOT, "scripts/venv"), path,
                           os.path.join(BENCH, requirements)], check=False)
    return os.path.join(path, "bin/python") if done.returncode == 0 else None


def enter_environment():
    """Starts this script again in the environment, which has NumPy."""
    folder = os.path.join(ROOT, "build/venv-bench")
    interpreter = make_environment("venv-bench", "requirements.txt")
    if interpreter is None:
        sys.exit("compare: cannot install the runtimes; is there a network?")
    if os.path.realpath(sys.prefix) != os.path.realpath(folder):
        os.execv(interpreter, [interpreter, *sys.argv])


# ---- Networks ---------------------------------------------------------------------------------

def program(*path):
    return os.path.join(ROOT, "build", *path)


def random_network(work, name, config):
    """Random weights from make_network's fixed seed."""
    model = os.path.join(work, name + ".safetensors")
    if not os.path.exists(model):
        partial = os.path.join(work, "partial.safetensors")
        subprocess.run([program("tools/make_network"), os.path.join(ROOT, config), "--embed-config",
                        "-o", partial], check=True)
        os.rename(partial, model)
    return model


# Title, and the configuration or the model itself.
NETWORKS = {
    "full": ("Full public size", "tools/full_size.yaml"),
    "drum6": ("6 stems of drums", "tools/drum_six.yaml"),
    "demo": ("The bundled demo model", "demo/drumsep-mini.ckpt"),
    "kim": ("Mel-Band Roformer, dim 384, 6 blocks", "tools/mel_band_384.yaml"),
    "bs512": ("BS-Roformer, dim 512, 12 blocks", "tools/bs_roformer_512.yaml"),
    "tiny": ("A tiny Mel-Band Roformer", "bench/tiny_roformer.yaml"),
}


def chunk_of_audio(info):
    """The loudest chunk of the demo's drums, as (channels, samples)."""
    import numpy as np
    import soundfile
    audio, _ = soundfile.read(os.path.join(ROOT, "demo/demo-kit.flac"), dtype="float32",
                              always_2d=True)
    samples = info["chunk_size"]
    if len(audio) < samples:
        audio = np.tile(audio, (samples // len(audio) + 1, 1))
    energy = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64).sum(axis=1))])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return np.ascontiguousarray(audio[start:start + samples].T[:info["channels"]])


class Case:
    """A network and its input, as files for the engines."""

    def __init__(self, key, work):
        import numpy as np
        import transforms
        self.title, source = NETWORKS[key]
        self.model = random_network(work, key, source) if source.endswith(".yaml") else \
            os.path.join(ROOT, source)
        self.work = os.path.join(work, key)
        os.makedirs(self.work, exist_ok=True)
        self.onnx = self.path("network.onnx")
        subprocess.run([program("cleave"), "export", self.model, "-o", self.onnx, "-q"],
                       check=True)
        self.info = json.loads(subprocess.run(
            [program("cleave"), "inspect", self.model, "--json"], check=True, text=True,
            stdout=subprocess.PIPE).stdout)
        self.is_roformer = self.info["blocks"][1]["kind"] == "band_split"
        self.mix = chunk_of_audio(self.info)
        self.mix.tofile(self.path("mix.f32"))
        self.spectrogram = transforms.stft(self.mix.astype(np.float64), self.info["n_fft"],
                                           self.info["hop_length"], self.info["dim_f"])
        np.save(self.path("spectrogram.npy"), self.spectrogram[None].astype(np.float32))

    def path(self, name):
        return os.path.join(self.work, name)

    def stems_of(self, spectrograms):
        """(stems, 2·channels, dim_f, T) → (stems, channels, samples)."""
        import numpy as np
        import transforms
        return np.stack([transforms.istft(one.astype(np.float64), self.info["n_fft"],
                                          self.info["hop_length"], self.info["chunk_size"])
                         for one in spectrograms])

    def evaluate(self):
        """The stems' spectrograms in float64."""
        if self.is_roformer:
            import roformer
            return roformer.Roformer(*roformer.read_safetensors(self.model)).run(self.spectrogram)
        from network import float64_network
        return float64_network(self.onnx).run(self.spectrogram[None])[0]

    def truth(self):
        """The stems in float64; kept in a file, since they take minutes."""
        import numpy as np
        digest = hashlib.sha256(self.mix.tobytes())
        with open(self.onnx, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        path = self.path("truth-%s.npy" % digest.hexdigest()[:16])
        if not os.path.exists(path):
            say("%s: evaluating in float64" % self.title)
            np.save(path, self.stems_of(self.evaluate()))
        return np.load(path)


def snr(truth, stems):
    """In dB, of the worst stem."""
    import numpy as np
    ratios = []
    for expected, found in zip(truth, stems):
        noise = np.square(expected - found).sum()
        ratios.append(10 * np.log10(np.square(expected).sum() / noise) if noise > 0 else np.inf)
    return float(min(ratios))


# ---- Engines ----------------------------------------------------------------------------------

def say(text):
    print("compare: " + text, file=sys.stderr, flush=True)


def ggml_files(folder, case, precision):
    """BSRoformer.cpp's worker and model."""
    return (os.path.join(folder, "ggml_engine"),
            os.path.join(folder, "%s-%s.gguf" % (os.path.basename(case.work), precision)))


class Engine:
    """A process that runs one network on one engine."""

    def __init__(self, key, precision, case, threads, interpreter):
        self.key, self.precision, self.case = key, precision, case
        self.output = case.path("output-%s-%s" % (key, precision))
        self.version, self.absent, self.start, self.peak = "", None, None, None
        self.seconds = []
        self.process = None
        self.absent = self.why_absent(interpreter)
        if self.absent:
            return
        self.log = open(self.output + ".log", "w+", encoding="utf-8")
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            self.command(threads, interpreter), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.log, env=dict(os.environ, **self.settings(threads)))
        self.await_ready(begin)

    def settings(self, threads):
        """Environment variables. What torch.compile keeps would make a start shorter than a user's."""
        settings = {"OMP_NUM_THREADS": str(threads), "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
        if self.key == "ggml":
            settings["OMP_THREAD_LIMIT"] = str(threads)
        return settings

    def why_absent(self, interpreter):
        """What keeps it from being started; None: nothing."""
        if self.key in ("compiled", "ggml") and not self.case.is_roformer:
            return "only for Roformers"
        if self.key != "cleave" and interpreter is None:
            return {"ggml": "not asked for (--ggml)", "pytorch": "not asked for (--pytorch)",
                    "compiled": "not asked for (--pytorch)"}.get(self.key, "no environment")
        if self.key == "ggml":
            missing = [path for path in ggml_files(interpreter, self.case, self.precision)
                       if not os.path.exists(path)]
            return "there is no " + missing[0] if missing else None
        return None

    def command(self, threads, interpreter):
        if self.key in NATIVE:
            worker, model = program("bench/cleave_engine"), self.case.model
            if self.key == "ggml":
                worker, model = ggml_files(interpreter, self.case, self.precision)
            return [worker, model, self.case.path("mix.f32"), self.output, str(threads),
                    self.precision]
        network = self.case.model if self.case.is_roformer and self.key in PYTORCH else self.case.onnx
        return [interpreter, os.path.join(BENCH, "engine.py"), self.key, network,
                self.case.path("spectrogram.npy"), self.output + ".npy", str(threads),
                self.precision]

    def read_line(self, limit):
        """"" where the process ended, or took longer than `limit` seconds."""
        if not select.select([self.process.stdout], [], [], limit)[0]:
            self.process.kill()
            return ""
        return self.process.stdout.readline().decode("utf-8", "replace").strip()

    def await_ready(self, begin):
        line = self.read_line(START_LIMIT)
        self.start = time.perf_counter() - begin
        word, _, rest = line.partition(" ")
        if word == "ready":
            self.version = rest
        else:
            self.give_up(rest if word == "absent" else None)

    def give_up(self, why):
        """`why`: None where the worker did not say: the last line of its standard error."""
        self.close()
        self.log.seek(0)
        lines = self.log.read().strip().splitlines()
        self.absent = why or (lines[-1] if lines else "ended without a message")
        self.seconds = []
        say("%s %s: absent: %s" % (NAMES[self.key], self.precision, self.absent))

    def run(self):
        self.process.stdin.write(b"run\n")
        self.process.stdin.flush()
        line = self.read_line(RUN_LIMIT)
        try:
            seconds = float(line)
        except ValueError:
            seconds = -1
        if seconds < 0:
            self.give_up("a run failed")
        else:
            self.seconds.append(seconds)

    def close(self):
        if self.process is None:
            return
        self.peak = peak_memory(self.process.pid)
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stems(self):
        import numpy as np
        if self.key in NATIVE:
            shape = (len(self.case.info["stems"]), self.case.info["channels"],
                     self.case.info["chunk_size"])
            return np.fromfile(self.output, "<f4").reshape(shape).astype(np.float64)
        return self.case.stems_of(np.load(self.output + ".npy")[0])

    def result(self, with_snr):
        done = bool(self.seconds)
        return {
            "name": NAMES[self.key], "version": self.version, "precision": self.precision,
            "seconds": self.seconds, "absent": self.absent,
            "snr_db": snr(self.case.truth(), self.stems()) if done and with_snr else None,
            "peak_memory_bytes": self.peak,
            "start_seconds": self.start - table.median(self.seconds) if done else None,
            "median_seconds": table.median(self.seconds) if done else None}


def peak_memory(pid):
    """In bytes; None where the system does not say."""
    try:
        with open("/proc/%d/status" % pid, encoding="utf-8") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


# ---- Comparing --------------------------------------------------------------------------------

def start_engines(case, keys, options, interpreters):
    engines = []
    for key in keys:
        for precision in options.precision:
            if precision not in PRECISIONS.get(key, (precision,)):
                continue
            say("%s: %s %s" % (case.title, NAMES[key], precision))
            engines.append(Engine(key, precision, case, options.threads, interpreters.get(key)))
    return engines


def measure(case, keys, options, interpreters):
    if options.snr:
        case.truth()
    engines = start_engines(case, keys, options, interpreters)
    try:
        for index in range(options.rounds):
            say("%s: round %d of %d" % (case.title, index + 1, options.rounds))
            for engine in engines:
                if engine.process is not None:
                    time.sleep(PAUSE)
                    engine.run()
    finally:
        for engine in engines:
            engine.close()
    info = case.info
    beside = " and ".join(NAMES[key] for key in keys if key != "cleave")
    title = "%s, beside %s" % (case.title, beside) if options.together and beside else case.title
    return {"title": title, "parameters": info["parameters"],
            "flops": info["flops_per_chunk"],
            "chunk_seconds": info["chunk_size"] / info["sample_rate"],
            "engines": [engine.result(options.snr) for engine in engines]}


def groups(options):
    """Lists of engines that take turns."""
    others = [key for key in options.engines if key != "cleave"]
    count = options.together
    if not count or not others:
        return [options.engines]
    return [["cleave"] + others[i:i + count] for i in range(0, len(others), count)]


def write_results(results, work):
    with open(os.path.join(work, "compare.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(os.path.join(work, "compare.md"), "w", encoding="utf-8") as file:
        file.write(table.page(results))


def compare(options):
    os.makedirs(options.work, exist_ok=True)
    environment = sys.executable
    interpreters = {"onnxruntime": environment, "openvino": environment, "ggml": options.ggml,
                    "pytorch": options.pytorch, "compiled": options.pytorch}
    results = {"date": datetime.date.today().isoformat(), "machine": describe_machine(),
               "rounds": options.rounds, "threads": options.threads, "networks": []}
    for key in options.network:
        case = Case(key, options.work)
        for keys in groups(options):
            results["networks"].append(measure(case, keys, options, interpreters))
            write_results(results, options.work)  # at once: what comes may take an hour
    print(table.page(results))


def words_of(choices):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in choices:
                raise argparse.ArgumentTypeError("'%s' is not one of %s"
                                                 % (word, ", ".join(choices)))
        return words
    return parse


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("'%s' is less than 1" % text)
    return number


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--network", type=words_of(tuple(NETWORKS)), default=["full", "demo"],
                        help="some of %s (default: full,demo)" % ",".join(NETWORKS))
    parser.add_argument("--engines", type=words_of(tuple(NAMES)), default=list(NAMES),
                        help="some of %s (default: all)" % ",".join(NAMES))
    parser.add_argument("--precision", type=words_of(("f32", "bf16", "f16")),
                        default=["f32", "bf16"], help="default: f32,bf16")
    parser.add_argument("--rounds", "--repeats", type=positive, default=5,
                        help="runs of each (default: 5)")
    parser.add_argument("--together", type=positive, metavar="N",
                        help="cleave beside N other engines, then beside the next N, rather than "
                        "all at once: takes less memory, and more time")
    parser.add_argument("--threads", type=positive, default=2, help="default: 2")
    parser.add_argument("--pytorch", metavar="PYTHON",
                        help="an interpreter that has PyTorch and NumPy; or 'install': make "
                        "build/venv-pytorch (several GB on x86-64 Linux). Default: leave it out")
    parser.add_argument("--ggml", metavar="FOLDER",
                        help="where BSRoformer.cpp's worker and models are: README.md. Default: "
                        "leave it out")
    parser.add_argument("--no-snr", dest="snr", action="store_false",
                        help="leave out the SNR, and the minutes of float64 that it takes")
    parser.add_argument("--work", default=os.path.join(ROOT, "build/compare"),
                        help="where everything is made (default: build/compare)")
    return parser.parse_args()


def main():
    options = parse_options()
    if not os.access(program("bench/cleave_engine"), os.X_OK):
        sys.exit("compare: cleave is not built; run make")
    enter_environment()
    if options.pytorch == "install":
        options.pytorch = make_environment("venv-pytorch", "requirements-pytorch.txt")
    compare(options)


if __name__ == "__main__":
    main()
