"""Nothing is lost when the program is killed: SIGKILL at 200 moments of a run over three files with
--resume. After each kill every file under a final name is whole; the next run is not held up by
what the dead one left, and goes on; at its end the bits are those of a run nobody disturbed, and
nothing else is there. Then two processes share one list of files.

The environment names the program (CLEAVE_PROGRAM) and the test data (CLEAVE_TEST_DATA); CLEAVE_SEED
chooses other moments, CLEAVE_KILLS another number of them.
"""
import array
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import Process  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
MODEL = os.path.join(os.path.abspath(os.environ["CLEAVE_TEST_DATA"]), "golden", "short-input",
                     "model.ckpt")
KILLS = int(os.environ.get("CLEAVE_KILLS", "200"))
SEED = int(os.environ.get("CLEAVE_SEED", "1"))
TIME_LIMIT = 120  # seconds for a run that nobody kills: a hang is a failure
BUSY = "another process is at work"
RATE = 44100


# ---- Files ------------------------------------------------------------------------------------

def make_input(path, seconds, seed):
    """16-bit stereo noise."""
    source = random.Random(seed)
    samples = array.array("h", (source.randrange(-9000, 9000)
                                for _ in range(int(seconds * RATE) * 2)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def contents(folder):
    """Relative path of every file, and a digest of what is in it."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            try:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
            except FileNotFoundError:
                pass  # a name that a process which is still at work has just taken away
    return found


def is_own(name):
    """Files that the program may leave when it is killed, for the next run to find."""
    base = os.path.basename(name)
    return base.startswith(".") and base.endswith((".lock", ".resume", ".tmp"))


# ---- The runs ---------------------------------------------------------------------------------

class Job:
    """A command line, the folder that it writes to, and what should be there in the end."""

    def __init__(self, name, base, inputs, arguments):
        self.name = name
        self.output = os.path.join(base, "out-" + name)
        self.command = ([PROGRAM] + inputs + ["-m", MODEL, "-o", self.output, "-t", "1", "--resume",
                                              "-q"] + arguments)
        self.expected = {}

    def start(self):
        return Process(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)

    def run(self):
        """Runs to the end; returns the seconds."""
        begin = time.monotonic()
        process = self.start()
        finish(process, self.command)
        return time.monotonic() - begin

    def check_whole(self):
        """What has a final name is whole. Returns what kinds of files are there."""
        found = contents(self.output)
        for name, digest in found.items():
            if name in self.expected:
                assert digest == self.expected[name], "%s is not whole" % name
            else:
                assert is_own(name), "%s: nobody asked for it" % name
        return {os.path.splitext(name)[1] if is_own(name) else "output" for name in found}

    def check_done(self):
        found = contents(self.output)
        assert found == self.expected, "missing or other: %s; left behind: %s" % (
            sorted(n for n in self.expected if found.get(n) != self.expected[n]),
            sorted(set(found) - set(self.expected)))

    def reset(self):
        shutil.rmtree(self.output, ignore_errors=True)


def finish(process, command, allow_busy=False):
    _, err = process.communicate(timeout=TIME_LIMIT)
    text = err.decode("utf-8", "replace")
    busy = allow_busy and BUSY in text and process.returncode == 1
    assert process.returncode == 0 or busy, "%s ends with %s: %s" % (
        command, process.returncode, text)
    assert allow_busy or BUSY not in text, "held up by a dead process: " + text


def count_final(job):
    return sum(not is_own(os.path.join(top, name))
               for top, _, names in os.walk(job.output) for name in names)


def wait_for_output(job, process, before):
    """Until one more file than before has a final name, or the process is at its end."""
    while process.poll() is None and count_final(job) <= before:
        pass


def kill_once(job, moments, duration):
    """Starts the command and kills it; whether it was still running."""
    process = job.start()
    kind = moments.random()
    if kind < 0.25:  # while outputs get their names and the rest is cleared away
        wait_for_output(job, process, count_final(job))
        time.sleep(moments.choice((0, 0, 0.0002, 0.001, 0.003)))
    else:
        time.sleep(moments.uniform(0, duration * 1.05))
    running = process.poll() is None
    if running:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=TIME_LIMIT)
    else:
        finish(process, job.command)
    return running


def kill_many(jobs, moments, kills):
    """Returns how often a command came to its end by itself, and per kind of file after how many
    kills there was one."""
    killed, completed, number = 0, 0, 0
    kinds = {"output": 0, ".lock": 0, ".resume": 0, ".tmp": 0}
    while killed < kills:
        job = jobs[number % len(jobs)]
        number += 1
        job.reset()
        starts = 0
        while killed < kills and kill_once(job, moments, job.seconds):
            killed += 1
            starts += 1
            for kind in job.check_whole():
                kinds[kind] += 1
            if starts >= 8:  # moments that leave it no chance prove nothing new
                break
        job.run()
        job.check_done()
        completed += 1
    return completed, kinds


def share(job):
    """Two processes at once on the same files."""
    job.reset()
    both = [job.start(), job.start()]
    for process in both:
        finish(process, job.command, allow_busy=True)
        job.check_whole()
    job.check_done()


# ---- All --------------------------------------------------------------------------------------

def make_jobs(base):
    inputs = []
    for name, seconds in (("one", 0.3), ("two", 0.1), ("three", 0.5)):
        inputs.append(os.path.join(base, name + ".wav"))
        make_input(inputs[-1], seconds, name)
    return [Job("wav", base, inputs, ["--overlap", "4", "--residual", "rest"]),
            Job("flac", base, inputs, ["-f", "flac", "--overlap", "2", "--stems", "vocals",
                                         "--rate", "48000"]),
            Job("ogg", base, inputs, ["-f", "ogg", "--tta", "--name", "{track}-{stem}"])]


def main():
    base = tempfile.mkdtemp(prefix="cleave-kill-")
    moments = random.Random(SEED)
    try:
        jobs = make_jobs(base)
        for job in jobs:
            job.seconds = job.run()
            job.expected = contents(job.output)
            assert job.expected and not any(is_own(name) for name in job.expected)
            job.reset()
            job.seconds = min(job.seconds, job.run())
            job.check_done()
        print("seed %d; undisturbed: %s" % (SEED, ", ".join("%s %.2f s" % (j.name, j.seconds)
                                                            for j in jobs)), flush=True)
        begin = time.monotonic()
        completed, kinds = kill_many(jobs, moments, KILLS)
        print("%d kills, %d runs completed, %.1f s; kills that left something: %s" % (
            KILLS, completed, time.monotonic() - begin,
            ", ".join("%s %d" % kind for kind in kinds.items())), flush=True)
        assert KILLS < 100 or (kinds["output"] and kinds[".lock"] and kinds[".resume"]), \
            "the moments miss what they are for"
        for _ in range(3):
            for job in jobs:
                share(job)
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
