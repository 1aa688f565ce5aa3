"""The matrix of containers, codings and channels: files that other programs write, each read by an
AudioReader and compared sample by sample with FFmpeg's decode and, where the coding is lossless,
with what went in; as a file, and from a pipe. matrix_files.py has the list.

    test_matrix.py DECODE MAKE_SNDFILE [--keep FOLDER] [NAME…]

DECODE and MAKE_SNDFILE are the programs of decode.c and make_sndfile.c. A NAME is a pattern of the
files to be looked at (*.ogg). What cannot be made here, since an encoder is missing, is skipped and
named; fewer than MINIMUM files compared is a failure. Exit code 77: there is no ffmpeg program.
"""
import argparse
import array
import concurrent.futures
import fnmatch
import math
import operator
import os
import re
import shutil
import subprocess
import sys
import tempfile

import matrix_writers as write
from matrix_files import (BY_NAME, EDITED, EDITED_TWICE, EITHER, EXTRA, FFMPEG, FILES, PRIMING,
                          SOURCE, SUBTITLES, TONES, Bytes, Derived, Ffmpeg, Missing, Sndfile, Sox,
                          chain, frames_of, samples_of)

MINIMUM = 200
BATCH = 24         # files for one process of ffmpeg
BLOCK = 1024       # frames of a codec
TIME_LIMIT = 120   # seconds for one process
WORKERS = max(2, os.cpu_count() or 1)
COMMAND = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-y"]


def run(command, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          timeout=TIME_LIMIT, check=False, **options)


def first_line(data):
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else "no word why"


def batches(items, size):
    return [items[at:at + size] for at in range(0, len(items), size)]


class Matrix:
    """A folder with the files, and what came of making them."""

    def __init__(self, folder, decode, make_sndfile):
        self.folder = folder
        self.decode = decode
        self.make_sndfile = make_sndfile
        self.skipped = {}  # name -> reason
        self.encoders = self.names_listed("-encoders")
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS)

    def path(self, name, suffix=""):
        return os.path.join(self.folder, name + suffix)

    def in_parallel(self, function, items):
        return list(self.pool.map(function, items))

    @staticmethod
    def names_listed(option):
        lines = run(["ffmpeg", "-hide_banner", option]).stdout.decode().splitlines()
        return {line.split()[1] for line in lines if len(line.split()) > 1}

    # ---- Making ----

    def source(self, source):
        """The source's WAV file; its bare samples lie beside it."""
        path = self.path("source-%d-%d-%d" % source)
        if not os.path.exists(path + ".f32"):
            samples = samples_of(source)
            with open(path + ".wav", "wb") as file:
                file.write(write.wav(samples, source.channels, source.rate, "f32",
                                     extensible=True))
            with open(path + ".f32", "wb") as file:
                samples.tofile(file)
        return path

    def output(self, file):
        """The arguments of ffmpeg that make one file."""
        arguments = file.make.arguments
        target = [] if "pipe:1" in arguments else [self.path(file.name)]
        mapping = [] if "-map" in arguments else ["-map", "0:a"]
        return mapping + arguments + target

    def inputs(self, file):
        if file.make.base:
            return ["-i", self.path(file.make.base)]
        inputs = ["-i", self.source(file.source) + ".wav"]
        for extra in EXTRA if file.make.extra else ():
            inputs += [self.path(word) if word.endswith(".srt") else word for word in extra]
        return inputs

    def missing_encoder(self, file):
        arguments = file.make.arguments
        wanted = [b for a, b in zip(arguments, arguments[1:]) if a.startswith("-c:")]
        return [name for name in wanted if name not in self.encoders and name != "copy"]

    def make_by_ffmpeg(self, files):
        """Files of one source in one process; each alone where that fails."""
        command = COMMAND + self.inputs(files[0])
        for file in files:
            command += self.output(file)
        if "pipe:1" in command:
            with open(self.path(files[0].name), "wb") as out:
                done = run(command, stdout=out)
        else:
            done = run(command)
        if done.returncode == 0:
            return
        if len(files) == 1:
            self.skipped[files[0].name] = "ffmpeg: " + first_line(done.stderr)
            return
        for file in files:
            self.make_by_ffmpeg([file])

    def make_all_by_ffmpeg(self, files):
        groups = {}
        for file in files:
            missing = self.missing_encoder(file)
            if missing:
                self.skipped[file.name] = "ffmpeg has no encoder %s" % " ".join(missing)
                continue
            key = file.name if file.make.alone or file.make.base else (file.source,
                                                                       file.make.extra)
            groups.setdefault(key, []).append(file)
        self.in_parallel(self.make_by_ffmpeg,
                         [batch for group in groups.values() for batch in batches(group, BATCH)])

    def make_by_sox(self, file):
        if not shutil.which("sox"):
            self.skipped[file.name] = "there is no sox program"
            return
        done = run(["sox", "-D", self.source(file.source) + ".wav", *file.make.arguments,
                    self.path(file.name)])
        if done.returncode != 0:
            self.skipped[file.name] = "sox: " + " ".join(re.findall("FAIL .*",
                                                                    done.stderr.decode()))

    def make_by_sndfile(self, files):
        lines = ["%s.f32 %d %d %x %s\n" % (self.source(file.source), file.source.channels,
                                           file.source.rate, file.make.format,
                                           self.path(file.name)) for file in files]
        with open(self.path("sndfile.list"), "w", encoding="utf-8") as out:
            out.writelines(lines)
        done = run([self.make_sndfile, self.path("sndfile.list")])
        results = done.stdout.decode("utf-8", "replace").splitlines()
        assert done.returncode == 0 and len(results) == len(files), first_line(done.stderr)
        for file, result in zip(files, results):
            if result.startswith("no "):
                self.skipped[file.name] = "libsndfile: " + result.split(" ", 2)[2]

    def write_bytes(self, file):
        with open(self.path(file.name), "wb") as out:
            out.write(file.make.function(samples_of(file.source)))

    def derive(self, file):
        lacking = [base for base in file.make.bases if base in self.skipped]
        if lacking:
            self.skipped[file.name] = "it is made from %s, which is missing" % lacking[0]
            return
        parts = []
        for base in file.make.bases:
            with open(self.path(base), "rb") as part:
                parts.append(part.read())
        with open(self.path(file.name), "wb") as out:
            out.write(file.make.function(*parts))

    def make(self, files):
        """What is made from another file comes after it."""
        def of(kind):
            return [file for file in files if isinstance(file.make, kind)]

        with open(self.path("subtitles.srt"), "w", encoding="utf-8") as out:
            out.write(SUBTITLES)
        for source in sorted({file.source for file in files}):
            self.source(source)
        for file in of(Missing):
            self.skipped[file.name] = file.make.reason
        self.make_all_by_ffmpeg([file for file in of(Ffmpeg) if not file.make.base])
        self.in_parallel(self.make_by_sox, of(Sox))
        self.make_by_sndfile(of(Sndfile))
        for file in of(Bytes):
            self.write_bytes(file)
        self.make_all_by_ffmpeg([file for file in of(Ffmpeg) if file.make.base])
        for file in of(Derived):
            self.derive(file)


class Decoded:
    """What FFmpeg and the reader make of a few files, in a folder of their own."""

    def __init__(self, matrix, folder, files):
        self.matrix = matrix
        self.folder = folder
        self.said = {}  # (way, file) -> Said
        self.decode_by_ffmpeg(files)
        links = {base for file in files if is_chained(file) for base in file.make.bases}
        jobs = [("file", file) for file in files]
        jobs += [("pipe", file) for file in files if file.pipe]
        jobs += [("file", BY_NAME[name]) for name in sorted(links)]
        while jobs:
            jobs = jobs[self.decode_by_reader(jobs):]

    def path(self, name, way):
        return os.path.join(self.folder, name + "." + way)

    def load(self, name, way):
        """Samples; none where there are none."""
        samples = array.array("f")
        path = self.path(name, way)
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            samples.frombytes(file.read())
        return samples

    def decode_by_ffmpeg(self, files):
        """Writes NAME.ffmpeg for each; not for what ffmpeg does not read."""
        if not files:
            return
        command = list(COMMAND)
        for file in files:
            command += file.decoding.split() + ["-i", self.matrix.path(file.name)]
        for i, file in enumerate(files):
            command += ["-map", "%d:a:0" % i, "-f", "f32le", self.path(file.name, "ffmpeg")]
        if run(command).returncode == 0:
            return
        for file in files:
            if len(files) > 1:
                self.decode_by_ffmpeg([file])
            elif os.path.exists(self.path(file.name, "ffmpeg")):
                os.remove(self.path(file.name, "ffmpeg"))

    def decode_by_reader(self, jobs):
        """Jobs are (way, file). Returns how many are done: where the reader crashes, the rest is
        left."""
        jobs_list = self.path("jobs", "list")
        with open(jobs_list, "w", encoding="utf-8") as out:
            for way, file in jobs:
                out.write("%s\t%s\t%s\n" % (way, self.matrix.path(file.name),
                                            self.path(file.name, way)))
        try:
            done = run([self.matrix.decode, jobs_list])
            trouble = "it crashes (%d)" % done.returncode if done.returncode else ""
        except subprocess.TimeoutExpired as expired:
            done, trouble = expired, "it takes longer than %d s" % TIME_LIMIT
        text = (done.stdout or b"").decode("utf-8", "replace")
        said = [Said(part) for part in re.split(r"^read .*\n", text, flags=re.M)[1:]]
        if trouble and (not said or said[-1].ended):
            raise SystemExit("the program that reads fails: " + first_line(done.stderr or b""))
        if trouble:
            said[-1].error = trouble
        self.said.update(zip(jobs, said))
        return len(said)


class Said:
    """What decode.c prints of one file."""

    def __init__(self, text):
        self.logs = re.findall(r"^log (.*)", text, re.M)
        self.error = "; ".join(re.findall(r"^error (.*)", text, re.M))
        self.ended = re.search(r"^end \d+$", text, re.M) is not None
        found = re.search(r"^format (\d+) (\d+) (-?\d+)$", text, re.M)
        self.channels, self.rate, self.announced = map(int, found.groups()) if found else (0, 0, 0)


# ---- Comparing ----

def difference(got, expected):
    """(largest difference, its index) of the part that both have."""
    count = min(len(got), len(expected))
    if got[:count].tobytes() == expected[:count].tobytes():
        return 0.0, 0
    apart = list(map(abs, map(operator.sub, got, expected)))
    largest = max(apart)
    return largest, apart.index(largest)


def compare(got, expected, channels, tolerance, what):
    """A complaint, or none."""
    largest, at = difference(got, expected)
    if largest <= tolerance and math.isfinite(sum(got)):
        return []
    return ["differs from %s by %.3g at frame %d, channel %d (%.3g, not %.3g; allowed %.3g)%s" %
            (what, largest, at // channels, at % channels + 1, got[at], expected[at], tolerance,
             permutation(got, expected, channels))]


def permutation(got, expected, channels):
    """Says which channel is where, if that is what is wrong. A thousand frames tell."""
    start = len(got) // channels // 2 * channels
    order = []
    for c in range(channels):
        part = got[start + c:start + 1000 * channels:channels]
        apart = [difference(part, expected[start + d:start + 1000 * channels:channels])[0]
                 for d in range(channels)]
        best = apart.index(min(apart))
        order.append(best + 1 if apart[best] < 0.01 else 0)
    moved = sorted(order) == list(range(1, channels + 1)) != order
    return "; its channels are %s of what is right" % order if moved else ""


def find_link(link, got, start, channels):
    """Samples between `start` and where a link begins; 0 where it is not within a block."""
    middle = len(link) // channels // 2 * channels
    probe = link[middle:middle + 64 * channels]
    for gap in range(0, (BLOCK + 1) * channels, channels):
        at = start + gap + middle
        part = got[at:at + len(probe)]
        if len(part) == len(probe) and abs(part[0] - probe[0]) < 1e-3 > difference(part, probe)[0]:
            return gap
    return 0


def power(samples, tone, rate):
    """Of one frequency, by Goertzel's algorithm."""
    factor = 2 * math.cos(2 * math.pi * tone / rate)
    before = last = 0.0
    for x in samples:
        before, last = last, x + factor * last - before
    return last * last + before * before - factor * last * before


def wrong_tones(samples, source):
    """Channels whose loudest tone is another channel's."""
    count = source.channels
    wrong = []
    for c in range(count):
        plane = samples[c::count][-4096:]
        powers = [power(plane, tone, source.rate) for tone in TONES[:count]]
        if powers.index(max(powers)) != c:
            wrong.append(c + 1)
    return wrong


class Expected:
    """What must come of a file, and complaints about the file itself."""

    def __init__(self, decoded, file):
        self.file = file
        self.channels = file.source.channels
        self.source = samples_of(file.source)
        self.decodes = self.right_decodes(decoded)
        self.links = []
        if is_chained(file):
            self.links = [decoded.load(name, "file") for name in file.make.bases]
        self.complaints = []
        self.remarks = []  # on FFmpeg, where the source decides
        if file.against_ffmpeg and self.decodes:
            self.look_at_reference(self.decodes[0])
        elif file.against_ffmpeg and not file.lossless:
            self.complaints.append("FFmpeg cannot read it, so that there is nothing to compare to")

    def right_decodes(self, decoded):
        """FFmpeg's, of which there is none where it cannot read the file."""
        if not self.file.against_ffmpeg:
            return [] if self.file.lossless else [self.source]
        whole = decoded.load(self.file.name, "ffmpeg")
        return [] if whole is None else [whole]

    def joined_links(self, got):
        """Of a chained file what its links give alone is as right as FFmpeg's decode. Up to a
        block may lie between them: FFmpeg does not start its decoder anew with a link."""
        joined = array.array("f")
        for link in self.links:
            gap = find_link(link, got, len(joined), self.channels) if joined else 0
            joined += got[len(joined):len(joined) + gap] + link
        return [joined] if joined else []

    def right_frames(self, decodes):
        frames, millisecond = frames_of(self.file.source), self.file.rate // 1000
        if self.file.frames == SOURCE:
            return (frames,)
        if self.file.frames == EDITED:
            return range(frames - millisecond, frames + millisecond + 1)
        if self.file.frames == EDITED_TWICE:
            return range(frames - millisecond - PRIMING, frames + millisecond + 1)
        decoded = [len(decode) // self.channels for decode in decodes]
        if self.file.frames == FFMPEG:
            return decoded
        if self.file.frames == EITHER:
            return [frames] + decoded
        return self.file.frames

    def look_at_reference(self, decode):
        """Whether FFmpeg itself is right."""
        if self.file.lossless:
            self.remarks = compare(decode, self.source, self.channels, 0.0, "the source")
            if self.file.frames == SOURCE and len(decode) != len(self.source):
                self.remarks.append("%d samples of %d" % (len(decode), len(self.source)))
        elif self.channels > 2:
            wrong = wrong_tones(decode, self.file.source)
            if wrong:
                self.complaints.append("FFmpeg: channels %s have another one's tone" % wrong)

    def judge(self, said, got):
        """Complaints about what the reader gave."""
        file = self.file
        if file.may_refuse and re.search(file.may_refuse, said.error):
            return []
        complaints = ["error: " + said.error] if said.error else []
        for line in said.logs:
            if not file.may_warn or not re.search(file.may_warn, line):
                complaints.append("warning: " + line)
        if said.channels == 0:
            return complaints
        if (said.channels, said.rate) != (self.channels, file.rate):
            return complaints + ["%d channels at %d Hz, not %d at %d Hz" %
                                 (said.channels, said.rate, self.channels, file.rate)]
        if said.announced > file.seconds * said.rate:
            complaints.append("a length of %.1f s is announced" % (said.announced / said.rate))
        decodes = self.decodes + self.joined_links(got)
        right = self.right_frames(decodes)
        frames = len(got) // said.channels
        if frames not in right:
            complaints.append("%d frames, not %s" % (frames, counts(right)))
        return complaints + self.compare_samples(got, decodes)

    def compare_samples(self, got, decodes):
        """With the source, or with that decode which is nearest."""
        if self.file.lossless:
            return compare(got, self.source, self.channels, 0.0, "the source")
        what = "FFmpeg" if self.file.against_ffmpeg else "the source"
        found = [compare(got, decode, self.channels, self.file.tolerance, what)
                 for decode in decodes]
        return min(found, key=len, default=[])


def counts(right):
    if isinstance(right, range):
        return "%d to %d" % (right[0], right[-1])
    return " or ".join(map(str, sorted(set(right)))) or "any"


def is_chained(file):
    return isinstance(file.make, Derived) and file.make.function is chain


def judge(decoded, file):
    """(complaints, remarks) on one file."""
    expected = Expected(decoded, file)
    complaints = list(expected.complaints)
    first = None
    for way in ("file", "pipe"):
        said = decoded.said.get((way, file))
        if not said:
            continue
        samples = decoded.load(file.name, way)
        if first is not None and samples.tobytes() != first.tobytes():
            complaints.append("pipe: not the samples that the file gives")
        complaints += [way + ": " + text for text in expected.judge(said, samples)]
        first = samples
    return complaints, expected.remarks


def chosen(patterns):
    """The files of these names, and those that they are made from."""
    names = {file.name for file in FILES
             if not patterns or any(fnmatch.fnmatch(file.name, p) for p in patterns)}
    needed = set(names)
    while True:
        bases = set()
        for name in needed:
            made = BY_NAME[name].make
            bases |= set(made.bases if isinstance(made, Derived) else
                         [made.base] if isinstance(made, Ffmpeg) and made.base else [])
        if bases <= needed:
            break
        needed |= bases
    return ([file for file in FILES if file.name in names and file.judged],
            [file for file in FILES if file.name in needed])


def report(matrix, files, judged):
    for name, (complaints, remarks) in judged.items():
        for complaint in complaints:
            print("FAIL %s: %s" % (name, complaint.replace(matrix.path(""), "")))
        for remark in remarks:
            print("FFmpeg is wrong about %s: %s" % (name, remark))
    for file in files:
        if file.name in matrix.skipped:
            print("skipped %s: %s" % (file.name, matrix.skipped[file.name]))
    skipped = sum(file.name in matrix.skipped for file in files)
    compared = len(files) - skipped
    failed = sum(bool(complaints) for complaints, _ in judged.values())
    print("%d files compared, %d of them wrong, %d skipped" % (compared, failed, skipped))
    return compared, failed


def look(arguments, folder):
    files, needed = chosen(arguments.names)
    matrix = Matrix(folder, arguments.decode, arguments.make_sndfile)
    matrix.make(needed)
    made = [file for file in files if file.name not in matrix.skipped]

    def judge_some(some):
        outputs = tempfile.mkdtemp(dir=folder)
        decoded = Decoded(matrix, outputs, some)
        found = {file.name: judge(decoded, file) for file in some}
        if not arguments.keep:
            shutil.rmtree(outputs)
        return found

    judged = {}
    for found in matrix.in_parallel(judge_some, batches(made, BATCH)):
        judged.update(found)
    compared, failed = report(matrix, files, judged)
    if not arguments.names and compared < MINIMUM:
        print("FAIL: at least %d files must be compared" % MINIMUM)
        return 1
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("decode")
    parser.add_argument("make_sndfile")
    parser.add_argument("--keep", metavar="FOLDER")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_intermixed_args()
    if not shutil.which("ffmpeg"):
        print("skipped: there is no ffmpeg program, which makes and decodes the files")
        return 77
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
        return look(arguments, arguments.keep)
    with tempfile.TemporaryDirectory() as folder:
        return look(arguments, folder)


if __name__ == "__main__":
    sys.exit(main())
