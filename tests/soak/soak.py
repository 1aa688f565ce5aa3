"""Memory does not grow with length: 2 minutes, 1 hour and 8 hours of audio through a very small
network, to WAV and FLAC, from a file and (where the program reads one) from a pipe, and 1 hour with
--resume. Prints peak memory and speed of each; fails where a long run takes more memory than the
short one of its kind, or writes another length than it read.

    soak.py BUILD-FOLDER [--hours N] [--folder FOLDER]

Needs about 11 GB of disk and takes some minutes: `make soak`, not part of the quick tests.
"""
import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

RATE = 44100
SHORT, HOUR = 120, 3600
GROWTH = 1.05  # the most that a peak may be above the short run's
FRAME_BYTES = 4  # 16-bit stereo


# ---- Files ------------------------------------------------------------------------------------

def wav_frames(file):
    """Of 16-bit stereo WAV or RF64."""
    head = file.read(12)
    assert head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE", "no WAV"
    long_size = 0
    while True:
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            long_size = struct.unpack("<Q", file.read(size)[8:16])[0]
        elif name == b"data":
            return (long_size if size == 0xffffffff else size) // FRAME_BYTES
        else:
            file.seek(size + size % 2, 1)


def frames_of(path):
    with open(path, "rb") as file:
        if path.endswith(".wav"):
            return wav_frames(file)
        file.seek(8 + 13)  # FLAC: "fLaC", a block header, then STREAMINFO
        high, low = struct.unpack(">BI", file.read(5))
        return (high & 0x0f) << 32 | low


def size_text(count):
    return "%.1f MB" % (count / 1e6)


def check_disk(folder, needed):
    free = shutil.disk_usage(folder).free
    print("%s: %s needed, %s free" % (folder, size_text(needed), size_text(free)), flush=True)
    if free < needed:
        sys.exit("soak: too little disk space; choose another folder with --folder")


# ---- Runs -------------------------------------------------------------------------------------

class Soak:
    def __init__(self, build, folder):
        self.program = os.path.join(build, "cleave")
        self.make_audio = os.path.join(build, "tools", "make_audio")
        self.folder = folder
        self.model = os.path.join(folder, "network.ckpt")
        config = os.path.join(os.path.dirname(os.path.abspath(__file__)), "network.yaml")
        shutil.copy(config, os.path.join(folder, "network.yaml"))
        subprocess.run([os.path.join(build, "tools", "make_network"), config, "-o", self.model],
                       check=True, stdout=subprocess.DEVNULL)

    def make(self, seconds, kind):
        path = os.path.join(self.folder, "%d.%s" % (seconds, kind))
        subprocess.run([self.make_audio, str(seconds), path], check=True,
                       stdout=subprocess.DEVNULL)
        return path

    def run(self, source, kind, arguments, piped, messages=None):
        """The track's JSON object, and the peak of memory as the system saw it."""
        output = os.path.join(self.folder, "out")
        words = [self.program, "-" if piped else source, "-m", self.model, "-o", output, "-f", kind,
                 "--bits", "16", "--stems", "vocals", "--json"] + arguments
        with open(source if piped else os.devnull, "rb") as input_file:
            feeder = None
            if piped:  # a pipe and not the file itself, so that nobody can seek
                feeder = subprocess.Popen(["cat"], stdin=input_file, stdout=subprocess.PIPE)
            process = subprocess.Popen(words, stdin=feeder.stdout if feeder else input_file,
                                       stdout=subprocess.PIPE, stderr=messages)
            if feeder:
                feeder.stdout.close()
            out = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if feeder:
                feeder.wait()
        try:
            if process.returncode != 0:
                raise RuntimeError("exit code %d: %s" % (process.returncode, out.decode()))
            track = json.loads(out)
            frames = frames_of(track["outputs"][0]["path"])
            return track, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), frames
        finally:
            shutil.rmtree(output, ignore_errors=True)

    def reads_pipes(self):
        source = self.make(1, "wav")
        try:
            self.run(source, "wav", [], True, subprocess.DEVNULL)
            return True
        except RuntimeError:
            return False
        finally:
            os.remove(source)


def measure(soak, name, seconds, source, kind, arguments=(), piped=False):
    """Prints a line; returns the peak and whether the length is right."""
    begin = time.monotonic()
    track, peak, frames = soak.run(source, kind, list(arguments), piped)
    wall = time.monotonic() - begin
    right = frames == track["samples"] == seconds * RATE
    print("%-16s %8d s %12s %12s %9.1f s %8.0fx%s" % (
        name, seconds, size_text(peak), size_text(track["peak_memory_bytes"]), wall,
        seconds / wall, "" if right else "  %d frames of %d" % (frames, seconds * RATE)),
        flush=True)
    return max(peak, track["peak_memory_bytes"]), right


def soak_all(soak, longest):
    """The lengths for each kind; the first one sets the bound."""
    kinds = [("WAV", "w64", "wav", [], False, (SHORT, HOUR, longest)),
             ("FLAC", "flac", "flac", [], False, (SHORT, HOUR)),
             ("WAV, --resume", "w64", "wav", ["--resume"], False, (SHORT, HOUR))]
    if soak.reads_pipes():
        kinds.append(("from a pipe", "flac", "flac", [], True, (SHORT, HOUR)))
    else:
        print("the program reads no pipes: left out")
    print("%-16s %10s %12s %12s %11s %9s" % ("", "audio", "peak RSS", "own figure", "time",
                                             "real time"))
    failures = []
    for name, source_kind, kind, arguments, piped, lengths in kinds:
        first = None
        for seconds in lengths:
            source = soak.make(seconds, source_kind)
            peak, right = measure(soak, name, seconds, source, kind, arguments, piped)
            os.remove(source)
            first = first or peak
            if peak > GROWTH * first:
                failures.append("%s, %d s: %.1f %% more memory than %d s" % (
                    name, seconds, 100 * (peak / first - 1), lengths[0]))
            if not right:
                failures.append("%s, %d s: another length" % (name, seconds))
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--hours", type=int, default=8, help="of the longest run")
    parser.add_argument("--folder", default=tempfile.gettempdir())
    options = parser.parse_args()
    longest = options.hours * HOUR
    os.makedirs(options.folder, exist_ok=True)
    # The longest input and output; an hour's with its journal of floats takes less.
    check_disk(options.folder, int(2.1 * max(longest, 2 * HOUR) * RATE * FRAME_BYTES))
    folder = tempfile.mkdtemp(prefix="cleave-soak-", dir=options.folder)
    try:
        failures = soak_all(Soak(os.path.abspath(options.build), folder), longest)
    finally:
        shutil.rmtree(folder)
    for failure in failures:
        print("soak: " + failure)
    print("soak: %s" % ("failed" if failures else "memory does not grow with length"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
