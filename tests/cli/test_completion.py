"""Completions and the manual page, which the program prints from its own tables: in real shells, as
far as there are any, and against what --help says.

The environment names the program (CLEAVE_PROGRAM).
"""
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import Process, TIME_LIMIT, open_terminal, read_until  # noqa: E402

PROGRAM = os.path.abspath(os.environ["CLEAVE_PROGRAM"])
FILES = ("song.wav", "LOUD.WAV", "my song.flac", "x:y.wav", "notes.txt", "net.ckpt", "net.yaml",
         "net.safetensors", "my takes/one.wav", "out/.keep")
FOLDERS = {"my takes", "out"}
AUDIO = {"song.wav", "LOUD.WAV", "my song.flac", "x:y.wav"}
MODELS = {"net.ckpt", "net.safetensors"}


def environment():
    result = dict(os.environ, LC_ALL="C.UTF-8", TERM="dumb", HISTFILE="/dev/null")
    result["PATH"] = os.path.dirname(PROGRAM) + os.pathsep + result["PATH"]
    return result


def output(*command, **keywords):
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIME_LIMIT,
                          **keywords)
    if done.returncode != 0 or done.stderr:
        raise AssertionError("%s: exit %d\n%s" % (command, done.returncode, done.stderr))
    return done.stdout


@functools.lru_cache(maxsize=None)
def commands():
    """What the overview lists, but for the words of the usage that may be left out."""
    usage = output(PROGRAM, "--help").split("Usage:\n")[1].split("\n\n")[0]
    return re.findall(r"^  cleave \[?([a-z]+)", usage, re.M)


@functools.lru_cache(maxsize=None)
def options(command):
    """Of a command's help: {long: (letter, argument)}."""
    found = re.findall(r"^  (?:-(.), |    )--([a-z0-9-]+)(?: ([A-Z][^ ]*))?",
                       output(PROGRAM, command, "--help"), re.M)
    return {name: (letter, argument) for letter, name, argument in found}


@functools.lru_cache(maxsize=None)
def choices(name):
    """The words that an option takes, as its parser lists them, or None."""
    done = subprocess.run([PROGRAM, "--%s=~" % name, "x"], text=True, stderr=subprocess.PIPE,
                          timeout=TIME_LIMIT, check=False)
    listed = re.search(r"is not one of (.*)", done.stderr)
    return set(re.split(", | or ", listed.group(1))) if listed else None


class ShellTest(unittest.TestCase):
    """What any shell must offer. A subclass has offers(lines): {line: set of words}."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="cleave-completion-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.place = os.path.join(self.folder, "place")
        for name in FILES:
            path = os.path.join(self.place, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w", encoding="utf-8").close()
        self.script = os.path.join(self.folder, self.script_name)
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(output(PROGRAM, "completion", self.shell))

    def check_common(self):
        names = commands()
        values = {name: choices(name) for name, (_, argument) in options("separate").items()
                  if argument}
        chosen = {"cleave --%s " % name: words for name, words in values.items() if words}
        self.assertGreaterEqual(len(chosen), 4)
        wanted = {
            "cleave --resi": {"--residual"},
            "cleave insp": {"inspect"},
            "cleave ": set(names) | AUDIO | FOLDERS,
            "cleave song.wav ": AUDIO | FOLDERS,
            "cleave -m ": MODELS | FOLDERS,
            "cleave -c ": {"net.yaml"} | FOLDERS,
            "cleave -o ": FOLDERS,
            "cleave song.wav --score ": FOLDERS,
            "cleave --threads ": set(),
            "cleave inspect ": MODELS | FOLDERS,
            "cleave score song.wav ": AUDIO | FOLDERS,
            "cleave help ": set(names),
            "cleave completion ": {"bash", "zsh", "fish"},
            "cleave -d ": set(output(PROGRAM, "completion", "devices").split()),
            "cleave -- --re": set(),
            "cleave -q -f fl": {"flac"},
            **chosen,
        }
        every = {"cleave %s --" % name: {"--" + option for option in options(name)}
                 for name in names}
        offered = self.offers(list(wanted) + list(every))
        for line, words in wanted.items():
            self.assertEqual({word.rstrip("/") for word in offered[line]}, words, line)
        for line, words in every.items():
            self.assertEqual({word for word in offered[line] if word != "--"}, words, line)


@unittest.skipUnless(shutil.which("bash"), "no bash")
class BashTest(ShellTest):
    shell, script_name = "bash", "cleave.bash"

    @staticmethod
    def question(line):
        """Asks for COMPREPLY at the end of a line, which readline splits at = and : too."""
        words = re.findall(r"[=:]|[^\s=:]+", line) + ([""] if line.endswith(" ") else [])
        return ("COMP_LINE=%s COMP_POINT=%d COMP_CWORD=%d; COMP_WORDS=(%s); _cleave; echo LINE; "
                'for word in "${COMPREPLY[@]}"; do echo "$word"; done\n'
                % (shlex.quote(line), len(line), len(words) - 1, shlex.join(words)))

    def replies(self, lines):
        text = output("bash", "--norc", "-c", '. "$0"\n' + "".join(map(self.question, lines)),
                      self.script, cwd=self.place)
        return [block.splitlines() for block in text.split("LINE\n")[1:]]

    def offers(self, lines):
        return {line: {word for word in words if not re.fullmatch("-[a-z]", word)}
                for line, words in zip(lines, self.replies(lines))}

    def test_common(self):
        self.check_common()

    def test_values_behind_an_equals_sign(self):
        self.assertEqual(self.replies(["cleave --format=fl", "cleave --blend=", "cleave --config=n"]),
                         [["flac"], ["fade", "mean", "hamming"], ["net.yaml"]])

    def test_names_with_a_colon(self):
        self.assertEqual(self.replies(["cleave x:y", "cleave x:"]), [["y.wav"], ["y.wav"]])

    def test_no_process_substitution(self):
        """It needs /dev/fd, which a bare chroot does not have."""
        self.assertNotIn("<(", output(PROGRAM, "completion", "bash"))

    def test_readline_takes_the_replies(self):
        """Typed into an interactive bash, whose command shows its words."""
        typed = {"cleave my\\ s\t": "<my song.flac>", 'cleave "my s\t': "<my song.flac>",
                 "cleave --form\tfl\t": "<--format><flac>", "cleave --format=fl\t": "<--format=flac>",
                 "cleave x:\t": "<x:y.wav>", "cleave -o my\t": "<-o><my takes/>",
                 "cleave my\\ t\to\t": "<my takes/one.wav>",
                 "X=1 cleave --model=./net.c\t": "<--model=./net.ckpt>",
                 "cleave not\t": "<notes.txt>"}  # no audio fits: then any file
        leader, follower = open_terminal(self)
        shell = Process(["bash", "--norc", "-i"], stdin=follower, stdout=follower, stderr=follower,
                        cwd=self.place, env=environment(), start_new_session=True)
        os.close(follower)
        self.addCleanup(shell.wait, TIME_LIMIT)
        self.addCleanup(shell.kill)
        show = "cleave() { printf '=>'; printf '<%s>' \"$@\"; echo; }\n"
        os.write(leader, ("PS1=; . '%s'; %s" % (self.script, show)).encode())
        for line in typed:
            os.write(leader, (line + "\n").encode())
        os.write(leader, b"echo EN''D; exit\n")
        screen = read_until(leader, lambda said: b"END" in said)
        shown = re.findall(r"^=>(.*?)\r?$", screen.decode(), re.M)
        self.assertEqual(shown, list(typed.values()), screen.decode())


@unittest.skipUnless(shutil.which("fish"), "no fish")
class FishTest(ShellTest):
    shell, script_name = "fish", "cleave.fish"

    def offers(self, lines):
        ask = "source $argv[1]; for line in $argv[2..]; echo LINE; complete -C $line; end"
        text = output("fish", "--no-config", "-c", ask, self.script, *lines, cwd=self.place)
        blocks = [block.split("\n") for block in text.split("LINE\n")[1:]]
        return {line: {row.split("\t")[0] for row in block if row}
                for line, block in zip(lines, blocks)}

    def test_common(self):
        self.check_common()

    def test_values_behind_an_equals_sign(self):
        self.assertEqual(self.offers(["cleave --model=n"])["cleave --model=n"],
                         {"--model=net.ckpt", "--model=net.safetensors"})


@unittest.skipUnless(shutil.which("zsh"), "no zsh")
class ZshTest(ShellTest):
    shell, script_name = "zsh", "_cleave"

    def offers(self, lines):
        driver = os.path.join(os.path.dirname(os.path.abspath(__file__)), "completion.zsh")
        result, line = {}, None
        for row in output("zsh", "-f", driver, self.folder, *lines, cwd=self.place).splitlines():
            kind, _, word = row.partition(" ")
            if kind == "LINE":
                line = word
                result[line] = set()
            elif word and not re.fullmatch("-[a-zA-Z]", word):
                result[line].add(word.replace("\\", ""))
        return result

    def test_common(self):
        self.check_common()


class ManualTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = output(PROGRAM, "man")
        cls.text = cls.page.replace("\\-", "-")

    def check_clean(self, *command):
        done = subprocess.run(command, input=self.page, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIME_LIMIT, check=False)
        return done

    def test_sections(self):
        found = re.findall(r"^\.SH (.*)$", self.page, re.M)
        self.assertEqual(found, ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS",
                                 "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"])

    def test_every_command_and_option_is_there(self):
        for command in commands():
            self.assertIn("\n.SS %s\n" % command, self.text)
            for name, (letter, argument) in options(command).items():
                head = "\\fB-%s\\fR, " % letter if letter else ""
                head += "\\fB--%s\\fR" % name
                head += " \\fI%s\\fR" % argument if argument else ""
                self.assertEqual(self.text.count("\n%s\n" % head), 1, name)

    def test_nothing_is_a_request_by_accident(self):
        """Every line that begins like a request is one that the page means to use."""
        for line in self.page.splitlines():
            if line.startswith((".", "'")):
                self.assertRegex(line, r'^\.(\\"|(TH|SH|SS|TP|PP|B|BR|br|EX|EE)\b)')

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc")
    def test_mandoc_finds_nothing(self):
        done = self.check_clean("mandoc", "-Tlint", "-Wwarning")
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_groff_finds_nothing(self):
        done = self.check_clean("groff", "-man", "-Tutf8", "-ww", "-z")
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class CommandTest(unittest.TestCase):
    def test_unknown_shell(self):
        done = subprocess.run([PROGRAM, "completion", "tcsh"], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIME_LIMIT, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        for word in ("tcsh", "bash", "zsh", "fish"):
            self.assertIn(word, done.stderr)

    def test_devices_begin_with_auto(self):
        words = output(PROGRAM, "completion", "devices").split()
        self.assertEqual(words[0], "auto")
        self.assertIn("cpu", words)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
