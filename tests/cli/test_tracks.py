"""Many inputs at once: folders, lists of paths, what is skipped, and the summary.

The environment is that of test_cli.py, whose ways of running the program are used here.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

from test_cli import (CliTest, MIX, MODEL, PROGRAM, Process, Result, TIME_LIMIT, environment, sine,
                      write_wav)

STEMS = ("other", "vocals")
NOBODY = 65534
NOT_FOR_NOBODY = 77


def stems(*tracks, extension="wav"):
    return sorted("%s/%s.%s" % (track, stem, extension) for track in tracks for stem in STEMS)


class TracksTest(CliTest):
    def run_with_input(self, text, *arguments):
        done = subprocess.run([PROGRAM, *arguments, "-m", MODEL, "-o", self.output],
                              cwd=self.folder, env=environment(), input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        return Result(done.returncode, done.stdout, done.stderr)

    def statuses(self, result):
        return [(track["input"], track["status"]) for track in result.objects()]

    def link(self, target, name):
        os.symlink(target, self.path(name))

    def identities(self):
        """What each output is: a file that is written anew is another one."""
        result = {}
        for name in self.files():
            status = os.lstat(os.path.join(self.output, name))
            result[name] = (status.st_ino, status.st_mtime_ns)
        return result


# ---- Folders ----------------------------------------------------------------------------------

class FolderTest(TracksTest):
    def test_outputs_mirror_the_folder(self):
        for name in ("in/a.wav", "in/live/b.wav", "in/live/1999/c.wav"):
            self.copy_mix(name)
        self.assert_done(self.separate("in"))
        self.assertEqual(self.files(), stems("a", "live/b", "live/1999/c"))

    def test_equal_names_in_subfolders_do_not_collide(self):
        self.copy_mix("in/one/song.wav")
        self.copy_mix("in/two/song.wav")
        self.assert_done(self.separate("in/"))
        self.assertEqual(self.files(), stems("one/song", "two/song"))

    def test_folders_where_the_name_says(self):
        for name in ("in/a.wav", "in/live/1999/c.wav", "d.wav"):
            self.copy_mix(name)
        self.assert_done(self.separate("in", "d.wav", "-f", "flac", "--name",
                                       "{ext}/{stem}/{folder}/{track}.{ext}"))
        self.assertEqual(self.files(),
                         sorted("flac/%s/%s.flac" % (stem, track) for stem in STEMS
                                for track in ("a", "live/1999/c", "d")))

    def test_folders_and_files_mix(self):
        self.copy_mix("in/sub/a.wav")
        self.copy_mix("elsewhere/sub/b.wav")
        self.assert_done(self.separate("in", "elsewhere/sub/b.wav"))
        self.assertEqual(self.files(), stems("sub/a", "b"))

    def test_current_folder(self):
        self.copy_mix("sub/a.wav")
        self.assert_done(self.separate("."))
        self.assertEqual(self.files(), stems("sub/a"))

    def test_order_is_natural_and_folders_stay_together(self):
        names = ["10.wav", "2.wav", "02.wav", "b 1/x.wav", "b/2.wav", "b/10.wav", "b.wav",
                 "1/z.wav", "c2d10.wav", "c2d9.wav", "c10d1.wav",
                 "123456789012345678901234567890.wav", "123456789012345678901234567891.wav"]
        for name in names:
            self.copy_mix("in/" + name)
        result = self.separate("in", "--json", "--name", "{track}/{stem}")
        self.assert_done(result)
        found = [track["input"][len("in/"):] for track in result.objects()]
        self.assertEqual(found, ["1/z.wav", "02.wav", "2.wav", "10.wav",
                                 "123456789012345678901234567890.wav",
                                 "123456789012345678901234567891.wav", "b/2.wav", "b/10.wav",
                                 "b 1/x.wav", "b.wav", "c2d9.wav", "c2d10.wav", "c10d1.wav"])

    def test_what_is_hidden_or_no_audio_by_name_is_left_out(self):
        for name in ("in/a.wav", "in/.b.wav", "in/.hidden/c.wav", "in/d.txt", "in/wav", "in/.wav"):
            self.copy_mix(name)
        os.mkfifo(self.path("in/pipe.wav"))
        os.mkdir(self.path("in/folder.wav"))
        self.assert_done(self.separate("in"))
        self.assertEqual(self.files(), stems("a"))

    def test_hidden_folder_that_is_named(self):
        self.copy_mix(".hidden/c.wav")
        self.assert_done(self.separate(".hidden"))
        self.assertEqual(self.files(), stems("c"))

    def test_extensions(self):
        for name in ("in/a.wav", "in/B.WAV", "in/c.flac", "in/d.Dat", "in/e.wavx", "in/f.x.y"):
            self.copy_mix(name)
        cases = {"wav": "Ba", ".wav": "Ba", "WAV,dat": "Bad", " .wav , Dat ": "Bad",
                 "x.y": ["f.x"], "flac": "c"}
        for given, tracks in cases.items():
            shutil.rmtree(self.output, ignore_errors=True)
            self.assert_done(self.separate("in", "--ext", given))
            self.assertEqual(self.files(), stems(*tracks), given)

    def test_file_that_is_named_is_taken_whatever_its_extension(self):
        self.copy_mix("a.dat")
        self.assert_done(self.separate("a.dat", "--ext", "flac"))
        self.assertEqual(self.files(), stems("a"))

    def test_extensions_that_make_no_sense(self):
        for value in ("", ",", "wav,", "a/b", ".", "wav, ,flac"):
            self.assert_failed(self.separate("x", "--ext", value), 2, "--ext", "wav,flac")

    def test_folder_without_audio(self):
        self.copy_mix("in/sub/a.txt")
        self.copy_mix("good.wav")
        self.assert_failed(self.separate("in"), 1, "in: no audio files", "--ext")
        self.assert_failed(self.separate("in", "--ext", "mp3,flac"), 1, "in: no .mp3, .flac files")
        result = self.separate("in", "good.wav", "--json")
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertEqual(self.statuses(result), [("in", "input error"), ("good.wav", "ok")])
        self.assertIn("  in: no audio files in this folder and below it\n", result.err)

    def test_folder_that_cannot_be_read(self):
        self.copy_mix("in/a.wav")
        self.copy_mix("in/private/b.wav")
        self.copy_mix("in/names only/c.wav")
        os.chmod(self.path("in/private"), 0)
        os.chmod(self.path("in/names only"), 0o444)
        self.addCleanup(os.chmod, self.path("in/private"), 0o700)
        self.addCleanup(os.chmod, self.path("in/names only"), 0o700)
        result = self.separate("in", prepare=self.become_nobody())
        if result.code == NOT_FOR_NOBODY:
            self.skipTest("the superuser may read every folder, and nobody cannot come here")
        self.assertEqual((result.code, len(result.errors)), (1, 2), result.err)
        self.assertIn("cannot read the folder in/names only: ", result.errors[0])
        self.assertIn("cannot read the folder in/private: ", result.errors[1])
        self.assertIn("1 of 3 inputs done", result.err)
        self.assertEqual(self.files(), stems("a"))

    def become_nobody(self):
        """What makes a child of the superuser a user whom permissions concern."""
        def become():
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            if not os.access(PROGRAM, os.X_OK) or not os.access(MODEL, os.R_OK):
                os._exit(NOT_FOR_NOBODY)
        os.chmod(self.folder, 0o777)
        return become if os.geteuid() == 0 else None

    def test_folder_of_a_path_too_long(self):
        """Too deep for its path to be opened: one error, and the rest is done."""
        name = "d" * 200
        where = os.open(self.folder, os.O_RDONLY)
        for _ in range(25):
            os.mkdir(name, dir_fd=where)
            below = os.open(name, os.O_RDONLY, dir_fd=where)
            os.close(where)
            where = below
        os.close(where)
        self.copy_mix("a.wav")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.path(name)], check=True)
        result = self.separate(".", "--json")
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err[:1000])
        self.assertEqual([status for _, status in self.statuses(result)], ["ok", "input error"])

    def test_links_that_lead_in_circles_end(self):
        self.copy_mix("in/a/x.wav")
        self.link("..", "in/a/up")
        self.link("self", "in/self")
        self.link("b", "in/c")
        self.link("c", "in/b")
        self.assert_done(self.separate("in"))
        self.assertEqual(self.files(), stems("a/x"))

    def test_linked_folder_is_walked_once_and_under_its_own_name(self):
        self.copy_mix("in/real/x.wav")
        self.copy_mix("outside/y.wav")
        self.link("real", "in/a link before it")
        self.link("real", "in/z link behind it")
        self.link("../outside", "in/out 2")
        self.link("../outside", "in/out 1")
        self.assert_done(self.separate("in"))
        self.assertEqual(self.files(), stems("real/x", "out 1/y"))

    def test_linked_files_are_files(self):
        self.copy_mix("a.wav")
        os.mkdir(self.path("in"))
        self.link("../a.wav", "in/b.wav")
        self.link("nowhere", "in/lost.wav")
        self.link("nowhere", "in/lost")
        result = self.separate("in", "--json")
        self.assertEqual(self.statuses(result),
                         [("in/b.wav", "ok"), ("in/lost.wav", "input error")])

    def test_output_folder_inside_the_input_folder(self):
        """The second run must not take the first one's stems for songs."""
        self.copy_mix("in/a.wav")
        self.copy_mix("in/sub/b.wav")
        for output in ("in/out", "in/sub/deep/out", "./in/../in/out"):
            for _ in range(2):
                result = self.run_program("in", "-m", MODEL, "-o", output, "--json")
                self.assert_done(result)
                self.assertEqual([name for name, _ in self.statuses(result)],
                                 ["in/a.wav", "in/sub/b.wav"])
            shutil.rmtree(self.path(output))

    def test_output_folder_under_another_name(self):
        self.copy_mix("in/a.wav")
        os.mkdir(self.path("in/out"))
        self.link("in/out", "link")
        for _ in range(2):
            result = self.run_program("in", "-m", MODEL, "-o", "link", "--json")
            self.assertEqual(self.statuses(result), [("in/a.wav", "ok")])

    def test_stems_beside_the_songs_are_no_songs(self):
        """A second run renews or skips them, whatever it is to write and however the folders are
        written."""
        self.copy_mix("in/a.wav")
        self.copy_mix("in/sub/b.wav")
        self.assert_done(self.run_program("in", "-m", MODEL, "-o", "in", "--residual", "rest"))
        before = self.files(self.path("in"))
        self.assertEqual(len(before), 8)
        again = ([], ["--stems", "vocals"], ["-f", "flac"], ["--skip-existing"])
        for more in again:
            for output in ("in", "./in/", "in/sub/.."):
                result = self.run_program("in", "-m", MODEL, "-o", output, "--residual", "rest",
                                          "--json", *more)
                self.assert_done(result)
                status = "skipped" if "--skip-existing" in more else "ok"
                self.assertEqual(self.statuses(result),
                                 [("in/a.wav", status), ("in/sub/b.wav", status)], more)
                self.assertIn("left out: they are stems of other inputs", result.err)
        after = self.files(self.path("in"))
        self.assertEqual(after, sorted(before + [name.replace(".wav", ".flac") for name in before
                                                 if name.count("/") > name.count("sub/")]))

    def test_stems_of_stems_are_no_songs(self):
        for name in ("in/a.wav", "in/a/vocals.wav", "in/a/vocals/other.wav", "in/a/mine.wav",
                     "in/b/vocals.wav"):
            self.copy_mix(name)
        result = self.run_program("in", "-m", MODEL, "-o", "in", "--json")
        self.assertEqual([name for name, _ in self.statuses(result)],
                         ["in/a/mine.wav", "in/a.wav", "in/b/vocals.wav"])
        self.assertIn("2 files left out", result.err)

    def test_stem_that_is_named_is_kept(self):
        self.copy_mix("in/a.wav")
        self.copy_mix("in/a/vocals.wav")
        result = self.run_program("in/a.wav", "in/a/vocals.wav", "-m", MODEL, "-o", "in")
        self.assertEqual((result.code, len(result.errors)), (2, 1), result.err)
        self.assertIn("would overwrite the input in/a/vocals.wav", result.errors[0])
        self.assertEqual(self.files(self.path("in")), ["a.wav", "a/vocals.wav"])

    def test_songs_in_the_places_of_each_others_stems_are_refused(self):
        self.copy_mix("in/vocals.wav")
        self.copy_mix("in/other.wav")
        result = self.run_program("in", "-m", MODEL, "-o", "in", "--name", "{stem}")
        self.assertEqual((result.code, len(result.errors)), (2, 1), result.err)
        self.assertEqual(self.files(self.path("in")), ["other.wav", "vocals.wav"])

    def test_collisions_are_refused(self):
        self.copy_mix("in/sub/song.wav")
        self.copy_mix("in/sub/song.aiff")
        self.copy_mix("in/song.wav")
        self.assert_failed(self.separate("in"), 2, "in/sub/song.aiff and in/sub/song.wav",
                           "same outputs", "--ext")
        self.assert_failed(self.separate("in/song.wav", "in", "--ext", "wav"), 2, "same outputs")
        self.assert_done(self.separate("in", "--ext", "wav"))
        self.assertEqual(self.files(), stems("song", "sub/song"))

    def test_score_takes_no_folder(self):
        self.copy_mix("in/a.wav")
        self.copy_mix("true/vocals.wav")
        self.assert_failed(self.separate("in", "--score", "true"), 2, "--score")

    def test_names_of_any_bytes(self):
        os.mkdir(self.path("in"))
        folder = os.path.join(os.fsencode(self.path("in")), b"caf\xe9 \n\x1b[31m")
        try:
            os.mkdir(folder)
        except OSError:
            self.skipTest("the file system takes UTF-8 names only")
        shutil.copy(os.fsencode(MIX), os.path.join(folder, b"a.wav"))
        result = self.separate("in")
        self.assert_done(result)
        self.assertNotIn("\x1b", result.out + result.err)
        written = os.path.join(os.fsencode(self.output), b"caf\xe9 \n\x1b[31m", b"a", b"other.wav")
        self.assertTrue(os.path.isfile(written))


# ---- Lists ------------------------------------------------------------------------------------

class ListTest(TracksTest):
    def test_lines_of_standard_input(self):
        for name in ("a.wav", "b b.wav", "in/c.wav", " d.wav", "-"):
            self.copy_mix(name)
        text = b"\xef\xbb\xbfa.wav\r\n\r\n  \nb b.wav\nin\r\n d.wav\n-"
        self.assert_done(self.run_with_input(text, "--from-list", "-"))
        self.assertEqual(self.files(), stems("a", "b b", "c", " d", "-"))

    def test_null_ends_paths(self):
        for name in ("a\nb.wav", "c.wav\r", "in/d.wav", "-x.wav"):
            self.copy_mix(name)
        text = b"a\nb.wav\0\0c.wav\r\0in\0-x.wav\0"
        for option in ("-0", "--null"):
            shutil.rmtree(self.output, ignore_errors=True)
            self.assert_done(self.run_with_input(text, "--from-list", "-", option))
            self.assertEqual(self.files(), stems("a_b", "c", "d", "-x"))

    def test_null_behind_the_last_path_may_be_missing(self):
        self.copy_mix("a.wav")
        self.assert_done(self.run_with_input(b"a.wav", "--from-list", "-", "-0"))
        self.assertEqual(self.files(), stems("a"))

    def test_file_beside_operands(self):
        for name in ("a.wav", "b.wav", "c.wav"):
            self.copy_mix(name)
        self.write("list.txt", b"c.wav\nb.wav\n")
        result = self.separate("--from-list", "list.txt", "a.wav", "--json")
        self.assertEqual([name for name, _ in self.statuses(result)], ["a.wav", "c.wav", "b.wav"])

    def test_paths_that_are_not_utf8(self):
        name = os.path.join(os.fsencode(self.folder), b"caf\xe9.wav")
        try:
            shutil.copy(os.fsencode(MIX), name)
        except OSError:
            self.skipTest("the file system takes UTF-8 names only")
        self.assert_done(self.run_with_input(b"caf\xe9.wav\n", "--from-list", "-"))
        self.assertTrue(os.path.isdir(os.path.join(os.fsencode(self.output), b"caf\xe9")))

    def test_missing_file_in_a_list_stops_nothing(self):
        self.copy_mix("a.wav")
        self.copy_mix("c.wav")
        self.write("list", b"a.wav\nnothing.wav\nc.wav\n")
        result = self.separate("--from-list", "list")
        self.assertEqual((result.code, len(result.errors)), (1, 1), result.err)
        self.assertIn("nothing.wav", result.errors[0])
        self.assertRegex(result.err, r"2 of 3 inputs done .*, 1 failed\n")
        self.assertIn("  nothing.wav: No such file or directory\n", result.err)
        self.assertEqual(self.files(), stems("a", "c"))

    def test_lists_that_are_none(self):
        self.write("empty", b"")
        self.write("blank", b"\r\n \n\t\n\n")
        self.write("long", b"short.wav\n" + b"x" * 5000)
        self.write("lines", b"a.wav\nb.wav\n")
        os.mkdir(self.path("folder"))
        for words in (["nothing", "No such file"], ["folder", "directory"], ["empty", "no path"],
                      ["blank", "no path"], [MIX, "NUL", "--null"], ["long", "line 2", "longer"]):
            self.assert_failed(self.separate("--from-list", words[0]), 2, "--from-list", *words)
        for words in (["lines", "--null"], ["long", "entry 1", "longer"], ["empty", "no path"]):
            self.assert_failed(self.separate("--from-list", words[0], "-0"), 2, *words)

    def test_list_without_end(self):
        with open("/dev/zero", "rb") as zero:
            done = subprocess.run([PROGRAM, "--from-list", "-", "-0", "-m", MODEL], stdin=zero,
                                  cwd=self.folder, env=environment(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, rb"--from-list: standard input: longer than \d+ MiB")

    def test_usage(self):
        self.write("list", b"a.wav\n")
        self.assert_failed(self.separate("a.wav", "-0"), 2, "--null", "--from-list")
        self.assert_failed(self.separate("--from-list", "list", "--from-list", "list"), 2, "once")
        self.assert_failed(self.separate("--from-list="), 2, "empty")
        self.assert_failed(self.run_program("--from-list", "list"), 2, "no model")


# ---- What is done already ---------------------------------------------------------------------

class SkipTest(TracksTest):
    def setUp(self):
        super().setUp()
        for name in ("in/a.wav", "in/sub/b.wav"):
            self.copy_mix(name)

    def skip(self, *arguments):
        result = self.separate("in", "--skip-existing", "--json", *arguments)
        return result, [status for _, status in self.statuses(result)]

    def expect_anew(self, *arguments):
        """Exactly the first input is separated anew; returns when all is whole again."""
        before = self.identities()
        result, found = self.skip(*arguments)
        self.assert_done(result)
        self.assertEqual(found, ["ok", "skipped"])
        changed = {name for name, what in self.identities().items() if before.get(name) != what}
        self.assertEqual(changed, {name for name in self.files() if name.startswith("a/")})
        self.assertEqual(self.skip(*arguments)[1], ["skipped", "skipped"])

    def test_what_is_whole_is_left_alone(self):
        self.assertEqual(self.skip()[1], ["ok", "ok"])
        before = self.identities()
        result, found = self.skip()
        self.assert_done(result)
        self.assertEqual(found, ["skipped", "skipped"])
        self.assertEqual(self.identities(), before)
        track = result.objects()[0]
        self.assertEqual(sorted(track), ["error", "input", "model", "outputs", "status"])
        self.assertIsNone(track["error"])
        self.assertEqual(track["outputs"],
                         [{"stem": stem, "path": os.path.join(self.output, "a", stem + ".wav")}
                          for stem in ("vocals", "other")])

    def test_without_the_option_nothing_is_skipped(self):
        self.skip()
        self.assertEqual([status for _, status in self.statuses(self.separate("in", "--json"))],
                         ["ok", "ok"])

    def test_stems_that_are_not_whole_are_made_anew(self):
        for form in ("wav", "flac", "aiff", "ogg", "mp3"):
            shutil.rmtree(self.output, ignore_errors=True)
            self.assertEqual(self.skip("-f", form)[1], ["ok", "ok"])
            path = os.path.join(self.output, "a", "other." + form)
            with open(path, "rb") as file:
                whole = file.read()
            for cut in (len(whole) - 1, len(whole) // 2, 20, 0):
                with open(path, "wb") as file:
                    file.write(whole[:cut])
                self.expect_anew("-f", form)
            os.remove(path)
            self.expect_anew("-f", form)

    def test_what_is_no_audio_is_made_anew(self):
        self.skip()
        self.write("out/a/other.wav", b"no audio at all")
        self.expect_anew()
        os.remove(self.path("out/a/vocals.wav"))
        self.link("nowhere", "out/a/vocals.wav")
        self.expect_anew()

    def test_stems_of_unlike_length_are_made_anew(self):
        self.skip()
        tone = sine(220, 0.1)
        write_wav(self.path("out/a/other.wav"), [tone, tone])
        self.expect_anew()

    def test_only_the_stems_that_are_asked_for_count(self):
        self.assertEqual(self.skip("--stems", "vocals")[1], ["ok", "ok"])
        self.assertEqual(self.skip("--stems", "vocals")[1], ["skipped", "skipped"])
        self.assertEqual(self.skip()[1], ["ok", "ok"])
        self.assertEqual(self.skip("--residual", "rest")[1], ["ok", "ok"])
        self.assertEqual(self.skip("--residual", "rest")[1], ["skipped", "skipped"])
        self.assertEqual(self.skip("-f", "flac")[1], ["ok", "ok"])

    def test_the_network_is_not_compiled_where_nothing_is_left(self):
        """A device that is none fails when the network is compiled, and not before."""
        self.skip()
        result, found = self.skip("-d", "abacus")
        self.assert_done(result)
        self.assertEqual(found, ["skipped", "skipped"])
        os.remove(self.path("out/sub/b/other.wav"))
        result, found = self.skip("-d", "abacus")
        self.assertEqual((result.code, found), (2, ["skipped", "argument error"]), result.err)

    def test_the_summary_counts_what_was_skipped(self):
        for number in range(3):
            self.copy_mix("in/%d.wav" % number)
        self.separate("in/0.wav", "in/1.wav", "in/2.wav")
        self.write("in/bad.wav", b"RIFFnonsense")
        result = self.separate("in", "--skip-existing")
        self.assertEqual(result.code, 1)
        text = " ".join(line[len("cleave: "):] for line in result.err.splitlines())
        self.assertRegex(text, r"2 of 6 inputs done \([^)]*\), 3 skipped, since their stems are "
                               r"there, 1 failed")
        self.assertNotIn("skipped, since its", result.err)
        self.assert_fits("\n".join(result.err.splitlines()[1:]))
        alone = self.separate("in/0.wav", "--skip-existing")
        self.assert_done(alone)
        self.assertIn("in/0.wav: skipped, since its stems are there", alone.err)
        self.assertEqual(self.separate("in/0.wav", "--skip-existing", "-q").err, "")

    def test_another_process_at_the_same_track(self):
        """Whatever the order of its stems: the second process leaves the track to the first."""
        write_wav(self.path("long.wav"), [sine(220, 1), sine(220, 1)])
        command = [PROGRAM, "long.wav", "-m", MODEL, "-o", self.output, "--overlap", "50"]
        with Process(command + ["--stems", "vocals,other"], cwd=self.folder, env=environment(),
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE) as process:
            for line in process.stderr:
                if re.match(rb"cleave: long\.wav: \d+ %", line):
                    break
            result = self.run_program("long.wav", "-m", MODEL, "-o", self.output, "--stems",
                                      "other,vocals", "--json")
            process.communicate(timeout=TIME_LIMIT)
        self.assertEqual((process.returncode, result.code), (0, 0), result.err)
        self.assertIn("another process is working on it", result.err)
        self.assertEqual(json.loads(result.out)["status"], "busy")
        self.assertEqual(self.files(), ["long/other.wav", "long/vocals.wav"])

    def test_another_process_meanwhile(self):
        """Each input is looked at when its turn comes: what came to be meanwhile is not redone."""
        tone = sine(220, 2)
        write_wav(self.path("in/a.wav"), [tone, tone])
        self.assert_done(self.run_program("in/sub/b.wav", "-m", MODEL, "-o", "made"))
        command = [PROGRAM, "in", "-m", MODEL, "-o", self.output, "--skip-existing", "--overlap",
                   "15", "-v"]
        with Process(command, cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for line in process.stderr:
                if re.match(rb"cleave: \[1/2\] a\.wav: \d+ %", line):
                    break
            os.makedirs(self.path("out/sub"))
            os.rename(self.path("made/b"), self.path("out/sub/b"))
            before = {name: identity for name, identity in self.identities().items()
                      if name.startswith("sub/b/")}
            self.assertEqual(len(before), 2)
            _, err = process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn(b"in/sub/b.wav: skipped", err)
        after = self.identities()
        self.assertEqual({name: after[name] for name in before}, before)


# ---- The summary ------------------------------------------------------------------------------

class SummaryTest(TracksTest):
    def test_failures_are_listed_again_and_fit(self):
        folder = "a folder of a name that is not at all short/and one more below it"
        for number in range(23):
            self.write_below("in/%s/bad %d.wav" % (folder, number), b"RIFFnonsense")
        self.copy_mix("in/good.wav")
        result = self.separate("in")
        self.assertEqual((result.code, len(result.errors)), (1, 23), result.err[:2000])
        lines = result.err.splitlines()
        start = lines.index("cleave: failed:")
        self.assertRegex(lines[start - 1], r"^cleave: 1 of 24 inputs done \(.*\), 23 failed$")
        self.assertEqual(len(lines) - start, 22)
        for number in range(20):
            self.assertRegex(lines[start + 1 + number],
                             r"^cleave:   in/.*bad %d\.wav: \S.*" % number)
        self.assertEqual(lines[-1], "cleave:   and 3 more")
        self.assert_fits("\n".join(lines[start - 1:]))
        self.assertEqual(self.files(), stems("good"))

    def write_below(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        self.write(name, content)

    def test_quiet_has_no_summary(self):
        result = self.separate(self.copy_mix("a.wav"), "nothing.wav", "-q")
        self.assertEqual((result.code, len(result.err.splitlines())), (1, 1), result.err)

    def test_one_input_has_no_summary(self):
        self.copy_mix("in/a.wav")
        self.assertEqual(self.separate("in").err, "")

    def test_json_is_alone_on_standard_output(self):
        self.copy_mix("in/a.wav")
        result = self.separate("in", "nothing.wav", "--json")
        self.assertEqual(self.statuses(result),
                         [("in/a.wav", "ok"), ("nothing.wav", "input error")])
        self.assertIn("1 of 2 inputs done", result.err)

    def test_model_is_loaded_once(self):
        for number in range(4):
            self.copy_mix("in/%d.wav" % number)
        once = [line for line in self.separate("in/0.wav", "-v").err.splitlines()
                if "cpu" in line]
        self.assertTrue(once)
        lines = [line for line in self.separate("in", "-v").err.splitlines() if "cpu" in line]
        self.assertEqual(len(lines), len(once))

    def test_interrupted_run_is_taken_up_again(self):
        self.copy_mix("in/1.wav")
        tone = sine(220, 2)
        write_wav(self.path("in/2.wav"), [tone, tone])
        self.copy_mix("in/3.wav")
        command = [PROGRAM, "in", "-m", MODEL, "-o", self.output, "--overlap", "50"]
        with Process(command, cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for line in process.stderr:
                if re.match(rb"cleave: \[2/3\] 2\.wav: \d+ %", line):
                    break
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 130, err)
        self.assertRegex(err, rb", 1 failed,(\ncleave:)? 1 not started\n")
        result = self.separate("in", "--skip-existing", "--json")
        self.assert_done(result)
        self.assertEqual([status for _, status in self.statuses(result)], ["skipped", "ok", "ok"])


class ManyTest(TracksTest):
    def test_thousands_of_inputs(self):
        """A check of each against each would be minutes; the device that is none ends the run
        before any is separated."""
        with open(MIX, "rb") as file:
            content = file.read(100)
        count = 8000
        for number in range(count):
            folder = "in/%d" % (number % 40)
            if number < 40:
                os.makedirs(self.path(folder))
                os.makedirs(self.path("out/%d" % number))
            self.write("%s/%d.wav" % (folder, number), content)
        for number in range(0, count, 2):
            where = "out/%d/%d" % (number % 40, number)
            os.mkdir(self.path(where))
            for stem in STEMS:
                self.write("%s/%s.wav" % (where, stem), b"")
        result = self.separate("in", "-d", "abacus", "--json")
        self.assertEqual((result.code, len(result.errors)), (2, 1), result.err[:1000])
        self.assertEqual(len(result.objects()), count)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
