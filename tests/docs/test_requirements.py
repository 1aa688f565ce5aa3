#!/usr/bin/env python3
"""docs/requirements.md is true: it has every requirement once, the code that it names exists, and it
names exactly the files in which a test carries the requirement's id.

    test_requirements.py SOURCE_ROOT
    test_requirements.py SOURCE_ROOT --record    writes the tests' files into the page
"""
import glob
import os
import re
import sys
import textwrap
import unittest

ROOT = sys.argv.pop(1) if len(sys.argv) > 1 else "."

IDS = ["R%d" % i for i in range(1, 16)] + ["B%d" % i for i in range(1, 5)] + \
    ["T%d" % i for i in range(1, 5)]
FIELDS = ["State", "Seen in", "Code", "Tests"]
STATES = ("done", "simulated", "CPU", "not yet")
LONGEST_LINE = 110

# A test is a function; its registration is the second place where a C test's name stands.
C_TEST = re.compile(r"^static void ((?:[rbt]\d+_)+\w+)\(void \*\*", re.M)
PYTHON_TEST = re.compile(r"^    def test_((?:[rbt]\d+_)+\w+)\(self", re.M)
QUOTED = re.compile(r"`([^`]+)`")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def ids_of(name):
    """"r5_r9_caches" → R5, R9."""
    prefix = re.match(r"(?:[rbt]\d+_)+", name).group()
    return [word.upper() for word in prefix.split("_") if word]


def test_files_by_id():
    """{id: {path}} of all tests in the tree."""
    found = {}
    for pattern, expression in (("*.c", C_TEST), ("*.py", PYTHON_TEST)):
        for path in glob.glob(os.path.join(ROOT, "tests", "**", pattern), recursive=True):
            relative = os.path.relpath(path, ROOT)
            text = read(relative)
            for name in expression.findall(text):
                if pattern == "*.c" and len(re.findall(r"\b%s\b" % name, text)) < 2:
                    raise AssertionError("%s: %s is never run" % (relative, name))
                for one in ids_of(name):
                    found.setdefault(one, set()).add(relative)
    return found


def sections():
    """[(id, {field: text})] of the page, in its order."""
    found = []
    for part in re.split(r"^### ", read("docs/requirements.md"), flags=re.M)[1:]:
        name = part.split(".", 1)[0]
        items = re.findall(r"^- ([^:\n]+): ([^\n]*(?:\n  [^\n]+)*)", part, flags=re.M)
        found.append((name, dict(items)))
    return found


def record():
    """Replaces the page's lists of tests by what is found."""
    found = test_files_by_id()
    parts = re.split(r"^(?=### )", read("docs/requirements.md"), flags=re.M)
    for index, part in enumerate(parts[1:], 1):
        names = ", ".join("`%s`" % path for path in sorted(found.get(part[4:].split(".", 1)[0], ())))
        lines = textwrap.fill("- Tests: " + names, 100, subsequent_indent="  ", break_long_words=False,
                              break_on_hyphens=False)
        parts[index] = re.sub(r"^- Tests: [^\n]*(?:\n  [^\n]+)*", lambda _: lines, part, flags=re.M)
    with open(os.path.join(ROOT, "docs/requirements.md"), "w", encoding="utf-8") as file:
        file.write("".join(parts))


class Requirements(unittest.TestCase):
    def test_every_requirement_has_one_section_in_order(self):
        self.assertEqual([name for name, _ in sections()], IDS)

    def test_every_section_has_all_fields(self):
        for name, fields in sections():
            self.assertEqual(list(fields), FIELDS, name)
            self.assertIn(fields["State"], STATES, name)
            self.assertTrue(all(fields.values()), name)

    def test_lines_are_short(self):
        for line in read("docs/requirements.md").splitlines():
            self.assertLessEqual(len(line), LONGEST_LINE, line)

    def test_code_exists(self):
        for name, fields in sections():
            paths = QUOTED.findall(fields["Code"])
            self.assertTrue(paths or fields["State"] == "not yet", "%s names no code" % name)
            for path in paths:
                self.assertTrue(os.path.exists(os.path.join(ROOT, path)),
                                "%s: %s is not there" % (name, path))

    def test_tests_are_those_that_carry_the_id(self):
        found = test_files_by_id()
        for name, fields in sections():
            self.assertEqual(sorted(QUOTED.findall(fields["Tests"])), sorted(found.get(name, ())),
                             name)

    def test_no_test_carries_an_unknown_id(self):
        self.assertEqual(sorted(set(test_files_by_id()) - set(IDS)), [])


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        unittest.main()
