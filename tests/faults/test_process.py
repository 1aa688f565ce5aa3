"""The whole process under failing calls, third-party libraries included: allocations, reads,
writes, names and threads fail in turn in runs of the program with interpose.c preloaded. Each must
end by itself with a documented exit code, one error line where it failed, and no partial output;
and before each call that changes a name the process is killed, after which the same command must
come to the same end.

The environment names the program (CLEAVE_PROGRAM), the test data (CLEAVE_TEST_DATA) and the library
to preload (CLEAVE_INTERPOSE). A sample of the calls by default; CLEAVE_FAULTS=all makes all fail.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
INTERPOSE = os.path.abspath(os.environ["CLEAVE_INTERPOSE"])
DATA = os.path.abspath(os.environ["CLEAVE_TEST_DATA"])
CASES = os.path.join(DATA, "cases")
ALL = os.environ.get("CLEAVE_FAULTS") == "all"
SAMPLE = 8  # calls per case, class and mode where not all are made to fail
SEED = 1
TIME_LIMIT = 60
CODES = (0, 1, 2, 3, 4)  # what cleave --help lists, less those of signals
OWN = (".lock", ".resume", ".tmp")

# What interpose.c makes of a crash inside a library that uses what malloc() returns without a look
# (libsndfile, libvorbis, libogg, LAME); cleave cannot help it, but no output may be left even then.
CARELESS = 90
# Encoders that go on without what they could not allocate, and call the result a success.
CARELESS_FORMATS = ("ogg", "mp3")


NO_MEMORY = "error: out of memory; close other programs or try fewer files"


def tells_of_memory(line):
    return any(words in line.lower() for words in ("memory", "malloc", "allocat", "thread"))


class Case:
    def __init__(self, name, folder, model, arguments, resume=False):
        self.name, self.resume = name, resume
        self.words = [os.path.join(CASES, folder, "mix.wav"), "-m",
                      os.path.join(CASES, folder, model), "-q", "-t", "2"] + arguments
        if resume:
            self.words.append("--resume")
        self.expected = None


CASES_RUN = [
    Case("wav", "two-chunks-overlap-one", "model.safetensors", ["--residual", "rest"]),
    Case("flac", "overlap-fifty", "model.ckpt", ["-f", "flac", "--overlap", "3"], resume=True),
    Case("ogg", "mono-mix-32k", "model.pt", ["-f", "ogg", "--json"]),
    Case("mp3", "mean-tta-normalize", "model.ckpt", ["-f", "mp3", "--blend", "mean"]),
]


def contents(folder):
    found = {}
    for top, folders, names in os.walk(folder):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                found[os.path.relpath(os.path.join(top, name), folder)] = file.read()
        if not folders and not names and top != folder:
            found[os.path.relpath(top, folder) + "/"] = None
    return found


def run(case, folder, fault=None):
    """Exit code, standard error and the report of interpose.c: calls, and how many failed."""
    report = os.path.join(folder, "report")
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    if fault:
        environment.update(LD_PRELOAD=INTERPOSE, CLEAVE_FAULT="%s:%s:%d" % fault,
                           CLEAVE_FAULT_REPORT=report)
    done = subprocess.run([PROGRAM] + case.words + ["-o", os.path.join(folder, "out")],
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=TIME_LIMIT)
    numbers = (0, 0)
    if os.path.exists(report):
        with open(report) as file:
            numbers = tuple(int(word) for word in file.read().split())
    return done.returncode, done.stderr.decode("utf-8", "replace"), numbers


def problem(case, fault, code, err, out):
    """What is wrong with a run's end; None if nothing is."""
    errors = [line for line in err.splitlines() if "error:" in line]
    found = contents(out)
    names = fault[0] == "name"  # a failed rename or unlink may leave things, and says so
    complete = all(found.get(name) == case.expected[name] for name in case.expected)
    careless = fault[0] == "memory" and code == CARELESS
    if code < 0:
        return "ended by signal %d" % -code
    if code not in CODES and not careless:
        return "exit code %d" % code
    if code == 0 and fault[0] == "memory" and case.name in CARELESS_FORMATS:
        return None
    if code == 0 and not complete:
        return "success with other outputs"
    if code in CODES and len(errors) > 1 and fault[:2] == ("memory", "from"):
        errors = [line for line in errors if NO_MEMORY not in line]  # nor for what follows
    if code != 0 and not careless and len(errors) != 1:
        return "%d error lines" % len(errors)
    if code != 0 and not careless and fault[:2] == ("memory", "once") and not tells_of_memory(errors[0]):
        return "the cause is lost"
    for name, data in found.items():
        if name in case.expected and data != case.expected[name]:
            return "%s is not whole" % name
        if name in case.expected and code != 0 and not names and not complete:
            return "%s of a run that failed" % name
        may_stay = OWN if careless else (".resume",) if case.resume and code > 0 else ()
        if name not in case.expected and not names and not name.endswith(may_stay):
            return "left behind: " + name
    return None


def fault_once(case, fault):
    folder = tempfile.mkdtemp(prefix="cleave-process-")
    out = os.path.join(folder, "out")
    try:
        code, err, _ = run(case, folder, fault)
        if fault[1] == "kill":
            wrong = None
            for name, data in contents(out).items():
                if name in case.expected and data != case.expected[name]:
                    wrong = "%s is not whole" % name
                elif name not in case.expected and data is not None and not name.endswith(OWN):
                    wrong = "left behind: " + name
        else:
            wrong = problem(case, fault, code, err, out)
        if wrong is None:  # and as if nothing had been
            code, err, _ = run(case, folder)
            if code != 0 or contents(out) != case.expected:
                wrong = "the next run: exit code %d, %s" % (
                    code, sorted(set(contents(out)) ^ set(case.expected)))
        return wrong and "%s %s:%s:%d: %s\n  %s" % (
            (case.name,) + fault + (wrong, err.strip().replace("\n", "\n  ")))
    except subprocess.TimeoutExpired:
        return "%s %s:%s:%d: hangs" % ((case.name,) + fault)
    finally:
        shutil.rmtree(folder)


def numbers_of(calls, source):
    if ALL or calls <= SAMPLE:
        return range(1, calls + 1)
    return sorted(source.randrange(calls * i // SAMPLE, calls * (i + 1) // SAMPLE) + 1
                  for i in range(SAMPLE))


def faults_of(case, source):
    folder = tempfile.mkdtemp(prefix="cleave-process-")
    try:
        code, err, _ = run(case, folder)
        assert code == 0, err
        case.expected = contents(os.path.join(folder, "out"))
        for kind in ("memory", "read", "write", "name", "thread"):
            shutil.rmtree(os.path.join(folder, "out"))
            _, _, (calls, _) = run(case, folder, (kind, "count", 0))
            modes = ("once", "from", "kill") if kind == "name" else ("once", "from")
            for mode in modes:
                for number in numbers_of(calls, source):
                    yield (kind, mode, number)
    finally:
        shutil.rmtree(folder)


def main():
    source = random.Random(SEED)
    work = [(case, fault) for case in CASES_RUN for fault in list(faults_of(case, source))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [text for text in pool.map(lambda item: fault_once(*item), work) if text]
    for text in wrong:
        print(text)
    print("%d runs with a fault, %d of them wrong" % (len(work), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
