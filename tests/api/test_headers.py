"""The public headers by themselves: they compile as C99 and as C++11 without a warning, the examples in
the manual compile, and structs are laid out as on record: SOURCE [C++ COMPILER...]. The C compiler is in
CC. With --record SOURCE the record is written anew."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from lengthen import STRUCT  # noqa: E402
from processes import TIME_LIMIT  # noqa: E402

RECORDING = sys.argv[1] == "--record"
SOURCE = sys.argv[2 if RECORDING else 1]
C = shlex.split(os.environ.get("CC", "cc")) + ["-std=c99"]
CXX = [] if RECORDING else sys.argv[2:]
HEADERS = os.path.join(SOURCE, "include")
RECORD = os.path.join(SOURCE, "tests", "api", "layout.txt")
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command, code=""):
    done = subprocess.run(command, input=code, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=TIME_LIMIT)
    if done.returncode != 0:
        raise AssertionError(" ".join(command) + "\n" + done.stdout)
    return done.stdout


def compile_to(target, code, compiler, language, *options):
    return run(*compiler, *WARNINGS, "-I" + HEADERS, *options, "-x", language, "-", "-o", target,
               code=code + "\n")


# ---- Layout ----

def fields(body):
    """The names of a struct's fields."""
    plain = re.sub(r"/\*.*?\*/", "", body[body.index("{") + 1:], flags=re.S)
    for declaration in plain.split(";"):
        if declaration.strip():
            pointer = re.search(r"\(\*(\w+)\)", declaration)
            yield (pointer or re.search(r"(\w+)(?:\[\w+\])*\s*$", declaration)).group(1)


def layout():
    """Lines "STRUCT SIZE" and "STRUCT.FIELD OFFSET SIZE" for every public struct."""
    lines = ["#include <cleave/extra.h>", "#include <stdio.h>", "int main(void) {"]
    for header in ("cleave.h", "cleave/extra.h"):
        for body, struct, _ in STRUCT.findall(read(HEADERS, header)):
            lines.append(f'printf("{struct} %zu\\n", sizeof({struct}));')
            for field in fields(body):
                lines.append(f'printf("{struct}.{field} %zu %zu\\n", offsetof({struct}, {field}), '
                             f"sizeof((({struct} *)0)->{field}));")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "layout")
        compile_to(program, "\n".join(lines + ["return 0;", "}"]), C, "c")
        return run(program)


def parsed(text):
    lines = (line.split() for line in text.splitlines())
    return {words[0]: tuple(int(word) for word in words[1:]) for words in lines}


# ---- Tests ----

class HeadersTest(unittest.TestCase):
    def compile_all(self, compiler, language):
        for lines in (["cleave.h"], ["cleave/extra.h"], ["cleave/extra.h", "cleave.h", "cleave/extra.h"]):
            code = "".join(f"#include <{name}>\n" for name in lines)
            compile_to(os.devnull, code, compiler, language, "-c")

    def test_c(self):
        self.compile_all(C + ["-Wconversion"], "c")

    def test_cpp(self):
        if not CXX:
            self.skipTest("no C++ compiler")
        self.compile_all(CXX + ["-std=c++11"], "c++")

    def test_examples_of_the_manual(self):
        head = read(HEADERS, "cleave.h").split(" * Conventions")[0]
        files, memory = re.findall(r"(?:^ \*   .*\n)+", head, re.M)
        files, memory = (re.sub(r"^ \*", "", code, flags=re.M) for code in (files, memory))
        self.assertIn("separate_file", files)
        self.assertIn("separate_memory", memory)
        compile_to(os.devnull, f"""
            #include <cleave.h>
            #include <stdio.h>
            #include <stdlib.h>
            void play(const char *name, const float *stem, int channels, int64_t samples);
            void in_files(void);
            void in_memory(cleave_model *model, cleave_separator *separator, const float *left,
                           const float *right, int64_t samples);
            void in_files(void) {{ {files} }}
            void in_memory(cleave_model *model, cleave_separator *separator, const float *left,
                           const float *right, int64_t samples) {{
                cleave_error error;
                {memory}
            }}""", C, "c", "-c")

    def test_layout(self):
        """What programs were built against stays where it is; what is new lies behind it."""
        record = parsed(read(RECORD))
        now = parsed(layout())
        if now["cleave_file_settings.directory"][1] != 8:
            self.skipTest("the record is of systems with 64-bit pointers")
        for name, place in record.items():
            self.assertTrue(name in now, f"{name} is gone: interface_version must change")
            if "." in name:
                self.assertEqual(now[name], place, f"{name} has moved: interface_version must change")
            else:
                self.assertGreaterEqual(now[name], place, name)
        for name in set(now) - set(record):
            struct = name.split(".", maxsplit=1)[0]
            if "." in name and struct in record:
                self.assertGreaterEqual(now[name][0], record[struct][0], f"{name} lies in padding")

    def test_layout_is_read_whole(self):
        self.assertEqual(list(fields("{ int a; const char *const *b; /* c; */ char d[N]; "
                                     "void (*e)(int f); int g[2]; }".rstrip(" }"))), list("abdeg"))
        self.assertGreater(len(parsed(layout())), 200)


if __name__ == "__main__":
    if RECORDING:
        with open(RECORD, "w", encoding="utf-8") as record_file:
            record_file.write(layout())
    else:
        unittest.main(argv=sys.argv[:1])
