"""--spectrogram and --report: the pictures and the page of a run, as a browser would take them.

The environment names the program (CLEAVE_PROGRAM) and the test data (CLEAVE_TEST_DATA).
"""
import base64
import errno
import html.parser
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import Process  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
GOLDEN = os.path.join(os.path.abspath(os.environ["CLEAVE_TEST_DATA"]), "golden", "short-input")
MODEL = os.path.join(GOLDEN, "model.ckpt")
MIX = os.path.join(GOLDEN, "mix.wav")
TIME_LIMIT = 120
VOID = {"meta", "link", "img", "input", "br", "hr"}
HOSTILE = "<script>alert(1)</script>".replace("/", "_")
NAMES = (HOSTILE + ".wav", "100% \"quoted\" & 'so'.wav", "Stück #1?ü\N{DRUM WITH DRUMSTICKS}.wav",
         "http:ex.wav", "-dash & space .wav")


class Page(html.parser.HTMLParser):
    """Tags in order, and what is wrong with their nesting."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.faults, self.text, self.code = [], [], [], "", ""
        self.feed(text)
        self.close()
        self.faults += ["not closed: " + tag for tag in self.open]

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        if len(set(names)) != len(names):
            self.faults.append("attribute twice in " + tag)
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append("closed wrongly: " + tag)

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.code += data
        else:
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def addresses(self):
        return [attributes[key] for _, attributes in self.tags for key in ("src", "href")
                if key in attributes]


def decode(address):
    head, data = address.split(",", 1)
    assert head.startswith("data:") and head.endswith(";base64"), head
    return base64.b64decode(data, validate=True)


def png_size(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", data[16:24])


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-report-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def copy_mix(self, name):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        shutil.copy(MIX, self.path(name))
        return name

    def run_program(self, *arguments, prepare=None):
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        done = subprocess.run([PROGRAM, "-m", MODEL, *arguments], cwd=self.folder, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIME_LIMIT, preexec_fn=prepare)
        return done.returncode, done.stderr.decode("utf-8", "replace")

    def page(self, *parts):
        text = self.read(*parts).decode("utf-8")
        self.assertTrue(text.startswith("<!DOCTYPE html>\n"))
        page = Page(text)
        self.assertEqual(page.faults, [])
        return page

    def files(self):
        return sorted(os.path.relpath(os.path.join(where, name), self.folder)
                      for where, _, names in os.walk(self.folder) for name in names)

    def assert_links_resolve(self, page, folder):
        links = [address for address in page.addresses() if address[:1] not in "#"
                 and not address.startswith("data:image/png;base64,")]
        self.assertTrue(links)
        for link in links:
            parts = urllib.parse.urlsplit(link)
            self.assertEqual((parts.scheme, parts.netloc, parts.query, parts.fragment),
                             ("", "", "", ""), link)
            target = os.path.join(self.folder, folder, urllib.parse.unquote(parts.path))
            self.assertTrue(os.path.isfile(target), link)
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        for address in page.addresses():
            if address.startswith("#"):
                self.assertIn(address[1:], ids)

    # ---- The page ----

    def test_page_of_two_tracks(self):
        self.copy_mix("one.wav")
        self.copy_mix("two.wav")
        code, err = self.run_program("one.wav", "two.wav", "-o", "out", "--spectrogram",
                                     "--report", "out/report.html")
        self.assertEqual(code, 0, err)
        page = self.page("out", "report.html")
        self.assert_links_resolve(page, "out")
        players = page.all("audio")
        self.assertEqual(len(players), 6)
        for player in players:
            self.assertEqual(player["preload"], "none")
            self.assertIn("controls", player)
        self.assertEqual([urllib.parse.unquote(player["src"]) for player in players],
                         ["../one.wav", "one/vocals.wav", "one/other.wav",
                          "../two.wav", "two/vocals.wav", "two/other.wav"])
        pictures = [decode(image["src"]) for image in page.all("img")]
        self.assertEqual(pictures, [self.read("out", track, "spectrogram.png")
                                    for track in ("one", "two")])
        for word in ("LUFS", "dBTP", "2 of 2 tracks done", "Precision", "f32", "fade", "real time"):
            self.assertIn(word, page.text)

    def test_nothing_is_referred_to_outside(self):
        self.copy_mix("one.wav")
        self.assertEqual(self.run_program("one.wav", "-o", "out", "--report", "page.html")[0], 0)
        page = self.page("page.html")
        self.assertEqual(page.all("link"), [])
        self.assertEqual([script for script in page.all("script") if script], [])
        self.assertNotRegex(page.code, r"(?i)https?:|//[a-z]|url\(|@import|fetch\(|import\(")
        for address in page.addresses():
            self.assertNotRegex(address, r"(?i)^(https?:|//|file:)")
        self.assertIn("prefers-color-scheme:dark", page.code)
        self.assertIn("width=device-width", str(page.all("meta")))

    def test_hostile_names_stay_names(self):
        for name in NAMES:
            self.copy_mix("in/" + name)
        code, err = self.run_program("-o", "o <&>\"'", "--report", "pages/a b#/r&.html", "--",
                                     *["in/" + name for name in NAMES])
        self.assertEqual(code, 0, err)
        page = self.page("pages", "a b#", "r&.html")
        self.assert_links_resolve(page, os.path.join("pages", "a b#"))
        self.assertEqual(len(page.all("script")), 1)
        self.assertEqual(len(page.all("audio")), 3 * len(NAMES))
        for name in NAMES:
            self.assertIn(name, page.text)

    def test_names_that_are_no_text(self):
        version = subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, check=True,
                                 timeout=TIME_LIMIT).stdout
        if b"simulated" in version:
            self.skipTest("GNUstep, under the simulated Mac, takes UTF-8 arguments only")
        name = b"\xff\x01\ncaf\xe9.wav"
        try:
            shutil.copy(MIX, os.path.join(os.fsencode(self.folder), name))
        except OSError as error:
            if error.errno != errno.EILSEQ:
                raise
            name = "\x01\ncafé.wav".encode()  # APFS takes UTF-8 alone
            shutil.copy(MIX, os.path.join(os.fsencode(self.folder), name))
        code, err = self.run_program(os.fsdecode(name), "-o", "out", "--report", "out/r.html",
                                     "--spectrogram")
        self.assertEqual(code, 0, err)
        page = self.page("out", "r.html")
        for player in page.all("audio"):
            target = urllib.parse.unquote_to_bytes(player["src"])
            self.assertTrue(os.path.isfile(os.path.join(os.fsencode(self.path("out")), target)))

    def test_hostile_residual(self):
        self.copy_mix("one.wav")
        code, err = self.run_program("one.wav", "-o", "out", "--residual", "<i>&\"rest\"</i>",
                                     "--spectrogram", "--report", "out/r.html")
        self.assertEqual(code, 0, err)
        page = self.page("out", "r.html")
        self.assertEqual(page.all("i"), [])
        self.assertIn("<i>&\"rest\"</i>", page.text)
        self.assert_links_resolve(page, "out")

    def test_embedded_audio_is_the_files(self):
        self.copy_mix("one.wav")
        code, err = self.run_program("one.wav", "-o", "out", "-f", "flac", "--report", "r.html",
                                     "--report-embed")
        self.assertEqual(code, 0, err)
        page = self.page("r.html")
        files = ["one.wav", "out/one/vocals.flac", "out/one/other.flac"]
        sources = [player["src"] for player in page.all("audio")]
        self.assertEqual([decode(source) for source in sources],
                         [self.read(name) for name in files])
        self.assertEqual([source.split(";")[0] for source in sources],
                         ["data:audio/wav", "data:audio/flac", "data:audio/flac"])
        self.assertTrue(all(address[:1] == "#" or address.startswith("data:")
                            for address in page.addresses()))
        self.assertRegex(err, r"report: r\.html \([0-9.]+ [KM]iB\)")

    def test_failed_track_is_listed(self):
        self.copy_mix("good.wav")
        with open(self.path("bad<.wav"), "wb") as file:
            file.write(b"no audio")
        code, err = self.run_program("bad<.wav", "good.wav", "missing.wav", "-o", "out",
                                     "--report", "r.html", "--spectrogram")
        self.assertEqual(code, 1, err)
        page = self.page("r.html")
        self.assertIn("1 of 3 tracks done", page.text)
        for name in ("bad<.wav", "missing.wav"):
            self.assertRegex(page.text, re.escape(name) + r"[^\n]*cannot (read|open) audio")
        self.assertEqual(len(page.all("audio")), 3)
        self.assert_links_resolve(page, "")

    def test_scores_are_in_it(self):
        self.copy_mix("one.wav")
        self.assertEqual(self.run_program("one.wav", "-o", "out")[0], 0)
        code, err = self.run_program("one.wav", "-o", "again", "--score", "out/one",
                                     "--report", "r.html")
        self.assertEqual(code, 0, err)
        self.assertIn("SDR dB", self.page("r.html").text)

    def test_old_page_is_replaced(self):
        self.copy_mix("one.wav")
        with open(self.path("r.html"), "w", encoding="utf-8") as file:
            file.write("old" * 1000000)
        self.assertEqual(self.run_program("one.wav", "-o", "out", "--report", "r.html")[0], 0)
        self.assertIn("1 of 1 tracks done", self.page("r.html").text)

    # ---- Pictures ----

    def test_pictures_go_beside_the_stems(self):
        for name in ("a/one.wav", "two.wav"):
            self.copy_mix(name)
        self.assertEqual(self.run_program("a/one.wav", "two.wav", "-o", "out", "--spectrogram",
                                          "--name", "{track} - {stem}")[0], 0)
        pictures = [name for name in self.files() if name.endswith(".png")]
        self.assertEqual(pictures, ["out/one - spectrogram.png", "out/two - spectrogram.png"])
        for name in pictures:
            width, height = png_size(self.read(name))
            self.assertTrue(width > 1200 and height > 3 * 200)

    def test_picture_of_one_stem_without_stem_in_its_name(self):
        self.copy_mix("one.wav")
        code, err = self.run_program("one.wav", "-o", "out", "--spectrogram", "--name", "{track}",
                                     "--stems", "vocals")
        self.assertEqual(code, 0, err)
        self.assertEqual(self.files(), ["one.wav", "out/one.png", "out/one.wav"])

    def test_failing_picture_leaves_the_stems(self):
        self.copy_mix("one.wav")
        os.makedirs(self.path("out/one/spectrogram.png"))
        code, err = self.run_program("one.wav", "-o", "out", "--spectrogram", "--report", "r.html")
        self.assertEqual(code, 1, err)
        self.assertIn("warning: --spectrogram: ", err)
        self.assertEqual(self.files(),
                         ["one.wav", "out/one/other.wav", "out/one/vocals.wav", "r.html"])
        self.assertEqual(self.page("r.html").all("img"), [])

    # ---- What cannot be ----

    def assert_usage_error(self, *arguments):
        self.copy_mix("one.wav")
        code, err = self.run_program("one.wav", "-o", "out", *arguments)
        self.assertEqual(code, 2, err)
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertEqual(self.files(), ["one.wav"])
        return err

    def test_page_never_replaces_a_recording(self):
        before = self.read(self.copy_mix("one.wav"))
        self.assertIn("'one.wav' does not end in .html",
                      self.assert_usage_error("--report", "one.wav"))
        self.assertEqual(self.read("one.wav"), before)
        self.assert_usage_error("--report", ".html")

    def test_impossible_page_is_told_before_the_work(self):
        self.assertIn("--report: cannot write one.wav/a/r.html",
                      self.assert_usage_error("--report", "one.wav/a/r.html"))
        os.mkdir(self.path("r.html"))
        self.assertIn("r.html", self.assert_usage_error("--report", "r.html"))

    def test_embedding_needs_a_page(self):
        self.assertIn("--report-embed", self.assert_usage_error("--report-embed"))

    def test_page_that_does_not_fit_is_not_left(self):
        """The stems fit below the limit on the size of files, the page with all of them does not."""
        self.copy_mix("one.wav")
        self.assertEqual(self.run_program("one.wav", "-o", "out")[0], 0)
        largest = max(os.path.getsize(self.path(name)) for name in self.files())

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 4096, largest + 4096))
        code, err = self.run_program("one.wav", "-o", "out", "--report", "r.html",
                                     "--report-embed", prepare=limit)
        self.assertEqual(code, 1, err)
        self.assertIn("error: --report: cannot write r.html", err)
        self.assertEqual(self.files(), ["one.wav", "out/one/other.wav", "out/one/vocals.wav"])

    def test_interrupted_run_has_its_page(self):
        """Interrupted in the second track: the first is in the page, the third was not started."""
        self.copy_mix("first.wav")
        self.copy_mix("third.wav")
        with open(self.path("long.wav"), "wb") as file:
            data = 600 * 44100 * 4
            file.write(b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " +
                       struct.pack("<IHHIIHH", 16, 1, 2, 44100, 44100 * 4, 4, 16) +
                       b"data" + struct.pack("<I", data))
            file.truncate(44 + data)
        command = [PROGRAM, "-m", MODEL, "first.wav", "long.wav", "third.wav", "-o", "out", "-v",
                   "--report", "r.html"]
        with Process(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                     stderr=subprocess.PIPE) as process:
            for line in process.stderr:
                if b"long.wav" in line and b"%" in line:
                    break
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 130)
        page = self.page("r.html")
        self.assertIn("1 of 3 tracks done", page.text)
        self.assertEqual(len(page.all("audio")), 3)
        self.assert_links_resolve(page, "")
        self.assertRegex(page.text, r"third\.wav[^\n]*not started: interrupted")


if __name__ == "__main__":
    unittest.main(verbosity=2 if "-v" in sys.argv else 1)
