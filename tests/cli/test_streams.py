"""Pipes in and out of the program, and audio of unusual length, rate, depth and header.

What is expected is what the same audio gives as an ordinary file, sample for sample. Numbers and
the environment are as in test_cli.py, whose helpers are used here.
"""
import fcntl
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

from test_cli import (DATA, MIX, MODEL, PROGRAM, TIME_LIMIT, CliTest, Process, Result, environment,
                      open_terminal, read_float_wav, read_until, sine, write_float_wav, write_wav)

AUDIO = os.path.join(DATA, "audio")
NORMALIZING = os.path.join(DATA, "cases", "mean-tta-normalize")
CHUNK = 3968  # samples, of MODEL
PROMPT = 3.0  # seconds in which a signal must be obeyed, model loaded and all
FFMPEG = shutil.which("ffmpeg")


def content(path):
    with open(path, "rb") as file:
        return file.read()


def stream_samples(data):
    """Planar floats of a float WAV whose lengths are unknown."""
    assert data[:12] == b"RIFF\xff\xff\xff\xffWAVE", data[:12]
    at = data.index(b"data\xff\xff\xff\xff") + 8
    channels, = struct.unpack_from("<H", data, 22)
    count = (len(data) - at) // 4
    assert count * 4 == len(data) - at
    values = struct.unpack_from("<%df" % count, data, at)
    return [values[c::channels] for c in range(channels)]


class StreamCase(CliTest):
    def pipe(self, data, *arguments, env=None, prepare=None):
        """Runs the program with these bytes on a pipe at its standard input."""
        done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, env=env or environment(),
                              input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIME_LIMIT, preexec_fn=prepare)
        return Result(done.returncode, done.stdout, done.stderr)

    def stems(self, track, folder=None):
        """Name and samples of each stem of a track, all float WAV."""
        where = os.path.join(folder or self.output, track)
        return {name: read_float_wav(os.path.join(where, name))
                for name in sorted(os.listdir(where))}

    def long_mix(self, seconds=1):
        tone = sine(220, 1, 0.4) * seconds
        write_wav(self.path("long.wav"), [tone, sine(330, 1, 0.3) * seconds])
        return self.path("long.wav")

    def assert_same_from_pipe(self, path, model=MODEL, env=None):
        track = os.path.splitext(os.path.basename(path))[0]
        self.assert_done(self.run_program(path, "-m", model, "-o", self.output))
        result = self.pipe(content(path), "-", "-m", model, "-o", self.output, env=env)
        self.assert_done(result)
        stems = self.stems("stdin")
        self.assertEqual(stems, self.stems(track))
        return stems


class InputTest(StreamCase):
    def test_wav(self):
        self.assert_same_from_pipe(self.long_mix())

    def test_wav_needs_no_temporary_folder(self):
        if "mka" not in self.known_extensions():
            self.skipTest("built without FFmpeg")
        self.assert_same_from_pipe(self.long_mix(), env=environment(TMPDIR="/nowhere"))

    def known_extensions(self):
        """What a build lacks, it says of an MP4 that is none."""
        result = self.separate(self.write("x.m4a", b"\0\0\0\x18ftypM4A " + bytes(40)))
        return ("mka",) if "lacks FFmpeg" not in result.err else ()

    def test_wav_of_unknown_length(self):
        whole = content(self.long_mix())
        self.assert_done(self.separate("long.wav"))
        for size in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
            data = whole[:4] + size + whole[8:40] + size + whole[44:]
            self.assert_done(self.pipe(data, "-", "-m", MODEL, "-o", self.output))
            self.assertEqual(self.stems("stdin"), self.stems("long"))

    def test_encoded(self):
        if not self.known_extensions():
            self.skipTest("built without FFmpeg")
        for name in ("tone.mp3", "tone.m4a", "tone.webm", "tone.aac"):
            os.makedirs(self.path(name))
            shutil.rmtree(self.output, ignore_errors=True)
            self.assert_same_from_pipe(os.path.join(AUDIO, name))

    def test_formats_of_its_own(self):
        """What the program writes, it reads from a pipe."""
        for kind in ("flac", "aiff", "ogg"):
            self.assert_done(self.run_program(self.long_mix(), "-m", MODEL, "-f", kind, "-o",
                                              self.path("made")))
            shutil.rmtree(self.output, ignore_errors=True)
            self.assert_same_from_pipe(self.path("made", "long", "vocals." + kind))

    def test_regular_file_as_standard_input(self):
        self.assert_done(self.separate(self.long_mix()))
        with open(self.path("long.wav"), "rb") as file:
            done = subprocess.run([PROGRAM, "-", "-m", MODEL, "-o", self.output], stdin=file,
                                  cwd=self.folder, env=environment(TMPDIR="/nowhere"),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.stems("stdin"), self.stems("long"))

    def test_regular_file_goes_on_where_it_stands(self):
        self.assert_done(self.separate(self.long_mix()))
        self.write("behind.bin", b"a line\n" + content(self.path("long.wav")))
        with open(self.path("behind.bin"), "rb", buffering=0) as file:
            file.readline()
            done = subprocess.run([PROGRAM, "-", "-m", MODEL, "-o", self.output], stdin=file,
                                  cwd=self.folder, env=environment(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.stems("stdin"), self.stems("long"))

    def test_named_pipe(self):
        self.assert_done(self.separate(self.long_mix()))
        os.mkfifo(self.path("live"))

        def feed():
            with open(self.path("live"), "wb") as file:
                file.write(content(self.path("long.wav")))
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        result = self.separate("live")
        feeder.join(TIME_LIMIT)
        self.assert_done(result)
        self.assertEqual(self.stems("live"), self.stems("long"))

    @unittest.skipUnless(os.path.isdir("/dev/fd"), "no /dev/fd")
    def test_process_substitution(self):
        self.assert_done(self.separate(self.long_mix()))
        reader, writer = os.pipe()
        with Process(["cat", self.path("long.wav")], stdout=writer):
            os.close(writer)
            done = subprocess.run([PROGRAM, "/dev/fd/%d" % reader, "-m", MODEL, "-o", self.output],
                                  cwd=self.folder, env=environment(), pass_fds=(reader,),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=TIME_LIMIT)
            os.close(reader)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.stems(str(reader)), self.stems("long"))

    def test_normalizing_network(self):
        """Two passes: the stream must be read twice."""
        model = os.path.join(NORMALIZING, "model.ckpt")
        self.assert_same_from_pipe(os.path.join(NORMALIZING, "mix.wav"), model)
        self.assert_same_from_pipe(self.long_mix(), model)

    def test_small_portions(self):
        """A writer slower than the program, in pieces that cut headers and frames."""
        self.assert_done(self.separate(MIX))
        data = content(MIX)
        with Process([PROGRAM, "-", "-m", MODEL, "-o", self.output], cwd=self.folder,
                     env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE) as process:
            for i in range(0, len(data), 7):
                process.stdin.write(data[i:i + 7])
                process.stdin.flush()
            process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.stems("stdin"), self.stems("mix"))

    def test_empty(self):
        self.assert_failed(self.pipe(b"", "-", "-m", MODEL, "-o", self.output), 1,
                           "standard input", "empty")

    def test_garbage(self):
        for data, word in ((b"\x01\x02garbage" * 400000, "not a known audio format"),
                           (b"Dear diary, " * 400000, "this is text"), (b"x", "this is text")):
            self.assert_failed(self.pipe(data, "-", "-m", MODEL, "-o", self.output), 1,
                               "standard input", word)

    def test_flac_that_breaks_off(self):
        self.assert_done(self.run_program(self.long_mix(), "-m", MODEL, "-f", "flac", "-o",
                                          self.path("made")))
        data = content(self.path("made", "long", "vocals.flac"))
        self.assert_failed(self.pipe(data[:len(data) // 2], "-", "-m", MODEL, "-o", self.output),
                           1, "standard input", "breaks off at")

    def test_terminal(self):
        _, terminal = open_terminal(self)
        done = subprocess.run([PROGRAM, "-", "-m", MODEL, "-o", self.output], stdin=terminal,
                              env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIME_LIMIT)
        os.close(terminal)
        self.assert_failed(Result(done.returncode, done.stdout, done.stderr), 1, "standard input",
                           "terminal")

    def test_closed_standard_input(self):
        result = self.run_program("-", "-m", MODEL, "-o", self.output,
                                  prepare=lambda: os.close(0))
        self.assert_failed(result, 1, "standard input", "empty")

    def test_unusable_temporary_folder(self):
        data = content(os.path.join(AUDIO, "tone.m4a"))
        result = self.pipe(data, "-", "-m", MODEL, "-o", self.output,
                           env=environment(TMPDIR="/nowhere/at/all"))
        self.assert_failed(result, 1, "standard input", "/nowhere/at/all", "TMPDIR")

    def test_full_temporary_folder(self):
        """The limit on the size of files stands for a full disk."""
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        data = content(self.long_mix(2))
        model = os.path.join(NORMALIZING, "model.ckpt")
        result = self.pipe(data, "-", "-m", model, "-o", self.output, prepare=limit,
                           env=environment(TMPDIR=self.folder))
        self.assert_failed(result, 1, "standard input", self.folder, "full", "TMPDIR")

    def test_json_names_the_input_as_given(self):
        result = self.pipe(content(MIX), "-", "-m", MODEL, "-o", self.output, "--json")
        self.assert_done(result)
        told, = result.objects()
        self.assertEqual(told["input"], "-")
        self.assertEqual(told["outputs"][0]["path"],
                         os.path.join(self.output, "stdin", "vocals.wav"))

    def test_output_that_is_the_file_on_standard_input(self):
        os.makedirs(self.path("out", "stdin"))
        target = shutil.copy(MIX, self.path("out", "stdin", "vocals.wav"))
        before = content(target)
        with open(target, "rb") as file:
            done = subprocess.run([PROGRAM, "-", "-m", MODEL, "-o", self.output], stdin=file,
                                  env=environment(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(b"would overwrite its input standard input", done.stderr)
        self.assertEqual(content(target), before)

    def test_usage(self):
        for arguments, word in ((["-", "-"], "once"), (["score", "-", "x"], "score"),
                                (["inspect", "-"], "standard input")):
            result = self.run_program(*arguments)
            self.assertEqual(result.code, 2)
            self.assertEqual(len(result.errors), 1, result.err)

    def test_file_of_that_name(self):
        shutil.copy(MIX, self.path("-"))
        self.assert_done(self.separate("./-"))
        self.assertEqual(len(self.files()), 2)


class OutputTest(StreamCase):
    def to_stream(self, *arguments, **keywords):
        return self.run_program(*arguments, "-m", MODEL, "-o", "-", **keywords)

    def test_wav_and_raw_are_the_file_s_samples(self):
        self.assert_done(self.separate(self.long_mix()))
        expected, _ = read_float_wav(self.path("out", "long", "vocals.wav"))
        result = self.to_stream("long.wav", "--stems", "vocals")
        self.assert_done(result)
        self.assertEqual(stream_samples(result.raw_out), expected)
        raw = self.to_stream("long.wav", "--stems", "vocals", "-f", "raw")
        self.assert_done(raw)
        interleaved = [x for frame in zip(*expected) for x in frame]
        self.assertEqual(raw.raw_out, struct.pack("<%df" % len(interleaved), *interleaved))

    def test_integer_depths(self):
        for bits in ("16", "24"):
            self.assert_done(self.separate(self.long_mix(), "--bits", bits))
            data = content(self.path("out", "long", "vocals.wav"))
            expected = data[data.index(b"data") + 8:]
            for kind in ("wav", "raw"):
                result = self.to_stream("long.wav", "--stems", "vocals", "-f", kind, "--bits",
                                        bits)
                self.assert_done(result)
                sent = result.raw_out
                self.assertEqual(sent[sent.index(b"data") + 8:] if kind == "wav" else sent,
                                 expected)

    def test_a_stem_and_its_residual_are_two(self):
        result = self.to_stream(MIX, "--stems", "vocals", "--residual", "rest")
        self.assert_failed(result, 2, "vocals", "rest", "--stems")
        self.assertEqual(result.raw_out, b"")

    def test_table_goes_to_standard_error(self):
        result = self.to_stream(MIX, "--stems", "vocals")
        self.assert_done(result)
        self.assertRegex(result.err, r"\nvocals +- +-")
        self.assertEqual(result.raw_out[:4], b"RIFF")
        self.assertEqual(os.listdir(self.folder), [])

    def test_json_goes_to_standard_error(self):
        result = self.to_stream(MIX, "--stems", "vocals", "--json")
        self.assert_done(result)
        told = json.loads(result.err)
        self.assertEqual(told["outputs"][0]["path"], "-")
        self.assertEqual(result.raw_out[:4], b"RIFF")

    def test_quiet_says_nothing(self):
        result = self.to_stream(MIX, "--stems", "vocals", "-q")
        self.assertEqual((result.code, result.err), (0, ""))

    def test_refusals(self):
        second = self.copy_mix("second.wav")
        for arguments, words in (([MIX], ("--stems", "vocals", "other")),
                                 ([MIX, "--stems", "vocals,other"], ("--stems",)),
                                 ([MIX, "--stems", "vocals", "-f", "flac"], ("flac", "wav", "raw")),
                                 ([MIX, "--stems", "vocals", "-f", "mp3"], ("mp3", "wav", "raw")),
                                 ([MIX, second, "--stems", "vocals"], ("one input",)),
                                 ([MIX, "--stems", "vocals", "--score", "."], ("--score",))):
            result = self.to_stream(*arguments)
            self.assert_failed(result, 2, *words)
            self.assertEqual(result.raw_out, b"")

    def test_raw_cannot_be_scored(self):
        self.assert_failed(self.separate(MIX, "-f", "raw", "--score", "."), 2, "raw", "--score")

    def test_raw_files(self):
        self.assert_done(self.separate(MIX, "-f", "raw"))
        self.assertEqual(self.files(), ["mix/other.raw", "mix/vocals.raw"])

    def test_terminal_is_refused(self):
        _, terminal = open_terminal(self)
        done = subprocess.run([PROGRAM, MIX, "-m", MODEL, "-o", "-", "--stems", "vocals"],
                              stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE,
                              env=environment(), timeout=TIME_LIMIT)
        os.close(terminal)
        self.assert_failed(Result(done.returncode, b"", done.stderr), 2, "terminal")

    def test_chain(self):
        """cat | cleave | cleave, with nothing but pipes, is one after the other through files."""
        self.assert_done(self.separate(self.long_mix(), "--stems", "vocals"))
        first = self.path("out", "long", "vocals.wav")
        self.assert_done(self.separate(first, "--stems", "other"))
        expected, _ = read_float_wav(self.path("out", "vocals", "other.wav"))
        processes, source = [], subprocess.DEVNULL
        for command in (["cat", self.path("long.wav")],
                        [PROGRAM, "-", "-m", MODEL, "-o", "-", "--stems", "vocals", "-q"],
                        [PROGRAM, "-", "-m", MODEL, "-o", "-", "--stems", "other", "-q"]):
            processes.append(Process(command, stdin=source, stdout=subprocess.PIPE,
                                     env=environment()))
            if source != subprocess.DEVNULL:
                source.close()
            source = processes[-1].stdout
        out, _ = processes[-1].communicate(timeout=TIME_LIMIT)
        self.assertEqual([process.wait(TIME_LIMIT) for process in processes], [0, 0, 0])
        self.assertEqual(stream_samples(out), expected)

    @unittest.skipUnless(FFMPEG, "no ffmpeg program")
    def test_between_two_ffmpegs(self):
        mix = self.long_mix()
        self.assert_done(self.separate(mix))
        expected, _ = read_float_wav(self.path("out", "long", "vocals.wav"))
        command = ("'%s' -v error -i '%s' -f wav - | '%s' - -m '%s' -o - -q --stems vocals |"
                   " '%s' -v error -i - -f f32le -" % (FFMPEG, mix, PROGRAM, MODEL, FFMPEG))
        done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(), timeout=TIME_LIMIT)
        self.assertEqual(done.stderr, b"")
        interleaved = [x for frame in zip(*expected) for x in frame]
        self.assertEqual(done.stdout, struct.pack("<%df" % len(interleaved), *interleaved))

    def test_reader_that_goes_away(self):
        with Process([PROGRAM, self.long_mix(20), "-m", MODEL, "-o", "-", "-q", "--stems",
                      "vocals"], env=environment(), stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE) as process:
            process.stdout.read(4)
            process.stdout.close()
            err = process.stderr.read().decode()
            process.wait(TIME_LIMIT)
        self.assertEqual(process.returncode, 1, err)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("the reader of standard output went away", err)


class WaitingTest(StreamCase):
    """Ctrl-C while somebody else does nothing."""

    def interrupt(self, process):
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 130, err)
        self.assertLess(time.monotonic() - begin, PROMPT)
        return err.decode()

    def start(self, *arguments, **keywords):
        return Process([PROGRAM, *arguments, "-m", MODEL, "-v"], cwd=self.folder,
                       env=environment(), stderr=subprocess.PIPE, **keywords)

    def wait_until_taken(self, pipe):
        """The program has read what is in the pipe, so it waits for more or is about to."""
        until = time.monotonic() + TIME_LIMIT
        while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] > 0:
            self.assertLess(time.monotonic(), until, "it reads nothing")

    def check_stalled_writer(self, data):
        reader, writer = os.pipe()
        with self.start("-", "-o", self.output, stdin=reader, stdout=subprocess.PIPE) as process:
            os.write(writer, data)
            self.wait_until_taken(reader)
            os.close(reader)
            err = self.interrupt(process)
        os.close(writer)
        self.assertIn("standard input: interrupted; nothing of it was written", err)
        self.assertEqual(self.files(), [])

    def test_writer_that_says_nothing(self):
        """Nothing shows when the program waits, so that the signal may come before it does."""
        with self.start("-", "-o", self.output, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE) as process:
            self.assertTrue(process.stderr.readline())
            self.assertIn("interrupted", self.interrupt(process))
        self.assertEqual(self.files(), [])

    def test_writer_that_stalls_within_the_header(self):
        self.check_stalled_writer(content(MIX)[:30])

    def test_writer_that_stalls_within_the_samples(self):
        self.check_stalled_writer(content(self.long_mix())[:60000])

    def test_writer_that_stalls_while_it_is_spooled(self):
        self.check_stalled_writer(content(os.path.join(AUDIO, "tone.m4a"))[:3000])

    def test_named_pipe_without_a_writer(self):
        os.mkfifo(self.path("live"))
        with self.start("live", "-o", self.output, stdout=subprocess.PIPE) as process:
            self.assertTrue(process.stderr.readline())
            self.assertIn("interrupted", self.interrupt(process))
        self.assertEqual(self.files(), [])

    def test_reader_that_takes_nothing(self):
        reader, writer = os.pipe()
        with self.start(self.long_mix(10), "-o", "-", "--stems", "vocals", stdin=subprocess.DEVNULL,
                        stdout=writer) as process:
            os.close(writer)
            read_until(reader, len)  # it is at work
            err = self.interrupt(process)
        os.close(reader)
        self.assertIn("what was written of it is not whole", err)

    def feed(self, pipe):
        """All but the end: the pipe stays open."""
        try:
            os.write(pipe.fileno(), content(self.long_mix(2)))
        except BrokenPipeError:
            pass

    def test_reader_that_goes_away_while_the_writer_stalls(self):
        """The thread that waits for input is woken when the output fails."""
        reader, writer = os.pipe()
        with self.start("-", "-o", "-", "--stems", "vocals", stdin=subprocess.PIPE,
                        stdout=writer) as process:
            os.close(writer)
            feeder = threading.Thread(target=self.feed, args=(process.stdin,), daemon=True)
            feeder.start()
            read_until(reader, len)
            os.close(reader)
            self.assertEqual(process.wait(timeout=TIME_LIMIT), 1)
            feeder.join(TIME_LIMIT)
            err = process.stderr.read().decode()
        self.assertIn("the reader of standard output went away", err)


def lower_24(value):
    return struct.pack("<i", value)[:3]


class EdgeTest(StreamCase):
    """Unusual audio. The right answer is that of the same samples as a plain float WAV."""

    def samples(self, count, seed=1):
        """Two channels of noise that 16 bits hold exactly."""
        channels = []
        for _ in range(2):
            values = []
            for _ in range(count):
                seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
                values.append(((seed >> 12) % 40001 - 20000) / 32768)
            channels.append(values)
        return channels

    def plain(self, channels, name="plain.wav"):
        write_float_wav(self.path(name), channels)
        self.assert_done(self.separate(name))
        return self.stems(name[:-4])

    def wav(self, name, channels, rate=44100, data_size=None, riff_size=None, extra=b""):
        """16-bit WAV, with the lengths that it is told to have."""
        values = [round(x * 32768) for frame in zip(*channels) for x in frame]
        data = struct.pack("<%dh" % len(values), *values)
        count = len(channels)
        form = struct.pack("<HHIIHH", 1, count, rate, rate * count * 2, count * 2, 16)
        riff = 36 + len(data) if riff_size is None else riff_size
        size = len(data) if data_size is None else data_size
        return self.write(name, b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt \x10\0\0\0" + form
                          + b"data" + struct.pack("<I", size) + data + extra)

    def assert_frames(self, stems, count):
        for name, (channels, rate) in stems.items():
            self.assertEqual(([len(c) for c in channels], rate), ([count] * len(channels), 44100),
                             name)

    def test_lengths_about_a_chunk(self):
        for count in (1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK):
            channels = self.samples(count, count)
            expected = self.plain(channels)
            self.assert_frames(expected, count)
            path = self.wav("exact.wav", channels)
            self.assert_done(self.separate(path))
            self.assertEqual(self.stems("exact"), expected)
            self.assert_done(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output))
            self.assertEqual(self.stems("stdin"), expected)

    def test_start_does_not_depend_on_the_length_behind(self):
        """Chunks that end before the cut are those of the longer file."""
        channels = self.samples(6 * CHUNK)
        longer = self.plain(channels)
        shorter = self.plain([c[:5 * CHUNK + 1] for c in channels], "short.wav")
        for name, (planes, _) in shorter.items():
            for plane, whole in zip(planes, longer[name][0]):
                self.assertEqual(plane[:3 * CHUNK], whole[:3 * CHUNK])

    def test_no_samples(self):
        path = self.wav("none.wav", [[], []])
        self.assert_failed(self.separate(path), 1, "none.wav", "0 samples")
        self.assert_failed(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output), 1,
                           "standard input", "0 samples")
        result = self.pipe(content(path), "-", "-m", MODEL, "-o", "-", "--stems", "vocals")
        self.assertEqual(result.code, 1)
        self.assertEqual(len(result.errors), 1, result.err)

    def test_seven_channels(self):
        channels = self.samples(CHUNK + 100)
        expected = self.plain(channels)
        path = self.wav("seven.wav", channels + self.samples(CHUNK + 100, 9) * 2 + [channels[0]])
        result = self.separate(path)
        self.assert_done(result)
        self.assertEqual(len(result.warnings), 1, result.err)
        self.assertIn("7 channels", result.warnings[0])
        self.assertEqual(self.stems("seven"), expected)
        self.assert_done(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output))
        self.assertEqual(self.stems("stdin"), expected)

    def test_24_bits(self):
        channels = self.samples(CHUNK + 7)
        fine = [[x + 3 / 8388608 for x in c] for c in channels]
        expected = self.plain(fine)
        data = b"".join(lower_24(round(x * 8388608)) for frame in zip(*fine) for x in frame)
        form = struct.pack("<HHIIHH", 1, 2, 44100, 44100 * 6, 6, 24)
        path = self.write("fine.wav", b"RIFF" + struct.pack("<I", 36 + len(data))
                          + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", len(data))
                          + data)
        self.assert_done(self.separate(path))
        self.assertEqual(self.stems("fine"), expected)
        self.assert_done(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output))
        self.assertEqual(self.stems("stdin"), expected)

    def test_other_rates(self):
        """The length is rounded, and the samples are the same from a file and from a pipe."""
        for rate, count in ((8000, 4001), (192000, 30000)):
            path = self.wav("rate.wav", self.samples(count), rate)
            self.assert_done(self.separate(path))
            stems = self.stems("rate")
            self.assert_frames(stems, -(-count * 44100 // rate) if rate == 8000
                               else round(count * 44100 / rate))
            self.assertTrue(any(x != 0 for x in stems["vocals.wav"][0][0]))
            self.assert_done(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output))
            self.assertEqual(self.stems("stdin"), stems)

    def make_flac(self, channels, promised):
        """A FLAC whose header is made to promise another number of samples."""
        self.wav("exact.wav", channels)
        subprocess.run([FFMPEG, "-v", "error", "-y", "-i", self.path("exact.wav"),
                        self.path("lying.flac")], check=True, timeout=TIME_LIMIT)
        data = bytearray(content(self.path("lying.flac")))
        data[21] &= 0xF0
        data[22:26] = struct.pack(">I", promised)
        return self.write("lying.flac", bytes(data))

    @unittest.skipUnless(FFMPEG, "no ffmpeg program")
    def test_flac_of_a_wrong_length(self):
        count = 3 * CHUNK + 5
        channels = self.samples(count)
        expected = self.plain(channels)
        for promised in (count, 1, count - 1, count + 1, 0):
            path = self.make_flac(channels, promised)
            result = self.separate(path)
            self.assert_done(result)
            self.assertEqual(len(result.warnings), 0 if promised in (0, count) else 1, result.err)
            self.assertEqual(self.stems("lying"), expected)
            piped = self.pipe(content(path), "-", "-m", MODEL, "-o", self.output)
            self.assert_done(piped)
            self.assertEqual(len(piped.warnings), len(result.warnings), piped.err)
            self.assertEqual(self.stems("stdin"), expected)

    def test_wav_that_is_being_recorded(self):
        """Recorders write 0 or the largest length, and the true one when they stop."""
        channels = self.samples(2 * CHUNK + 11)
        expected = self.plain(channels)
        for riff, size in ((0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (36, 0), (0x7FFFFFFF, 0x7FFFFFDB)):
            path = self.wav("growing.wav", channels, data_size=size, riff_size=riff)
            result = self.separate(path)
            self.assert_done(result)
            self.assertIn("does not tell the length", result.err)
            self.assertEqual(self.stems("growing"), expected)
            self.assert_done(self.pipe(content(path), "-", "-m", MODEL, "-o", self.output))
            self.assertEqual(self.stems("stdin"), expected)

    def check_growing(self, model):
        """What is appended while the program reads is not part of its input, in no pass."""
        channels = self.samples(12 * CHUNK + 11)
        arguments = ["-m", model, "--overlap", "8"]
        self.wav("still.wav", channels)
        self.assert_done(self.run_program("still.wav", *arguments, "-o", self.output))
        path = self.wav("growing.wav", channels, data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF)
        size = os.path.getsize(path)
        with Process([PROGRAM, path, *arguments, "-o", self.output], cwd=self.folder,
                     env=environment(), stdout=subprocess.DEVNULL,
                     stderr=subprocess.PIPE) as process:
            said = process.stderr.readline()  # about the length: the file is open
            with open(path, "ab") as file:
                file.write(b"\x11\x22" * 400000)
            said += process.stderr.read()
            process.wait(TIME_LIMIT)
        self.assertEqual(process.returncode, 0, said)
        self.assertGreater(os.path.getsize(path), size)
        self.assertIn(b"does not tell the length", said)
        self.assertEqual(self.stems("growing"), self.stems("still"))

    def test_wav_that_grows_while_it_is_read(self):
        self.check_growing(MODEL)

    def test_wav_that_grows_between_two_passes(self):
        self.check_growing(os.path.join(NORMALIZING, "model.ckpt"))


if __name__ == "__main__":
    unittest.main()
