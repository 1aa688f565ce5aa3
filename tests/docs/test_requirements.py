#!/usr/bin/env python3
"""docs/requirements.md is true: it has every requirement once, its code and its tests exist, and it
names every test whose name carries a requirement's id, and no other.

    test_requirements.py SOURCE_ROOT
"""
import glob
import os
import re
import sys
import unittest

ROOT = sys.argv.pop(1) if len(sys.argv) > 1 else "."

IDS = ["R%d" % i for i in range(1, 16)] + ["B%d" % i for i in range(1, 5)] + \
    ["T%d" % i for i in range(1, 5)]
COLUMNS = ["id", "requirement", "state", "code", "tests", "how a user sees it"]
STATES = ("done", "simulated", "CPU", "not yet")

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


def tests_by_id():
    """{id: {(path, name)}} of all tests in the tree."""
    found = {}
    for pattern, expression in (("*.c", C_TEST), ("*.py", PYTHON_TEST)):
        for path in glob.glob(os.path.join(ROOT, "tests", "**", pattern), recursive=True):
            relative = os.path.relpath(path, ROOT)
            text = read(relative)
            for name in expression.findall(text):
                if pattern == "*.c" and len(re.findall(r"\b%s\b" % name, text)) < 2:
                    raise AssertionError("%s: %s is never run" % (relative, name))
                for one in ids_of(name):
                    found.setdefault(one, set()).add((relative, name))
    return found


def rows():
    """The table's rows, as dictionaries."""
    lines = [line.strip() for line in read("docs/requirements.md").splitlines()
             if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if cells[0] != COLUMNS:
        raise AssertionError("the table's columns are %s" % cells[0])
    return [dict(zip(COLUMNS, row)) for row in cells[2:]]


def named_tests(cell):
    """"`tests/a.c`: `r1_x`, `r1_y`; `tests/b.py`: `r1_z`" → {(path, name)}."""
    named, path = set(), None
    for word in QUOTED.findall(cell):
        if word.startswith("tests/"):
            path = word
        else:
            named.add((path, word))
    return named


def cell_of(tests):
    """What the cell should say."""
    paths = sorted({path for path, _ in tests})
    return "; ".join("`%s`: %s" % (path, ", ".join("`%s`" % name for other, name in sorted(tests)
                                                    if other == path)) for path in paths)


class Requirements(unittest.TestCase):
    def test_every_requirement_has_one_row_in_order(self):
        self.assertEqual([row["id"] for row in rows()], IDS)

    def test_states_are_of_three_kinds(self):
        for row in rows():
            self.assertIn(row["state"], STATES, row["id"])

    def test_code_exists(self):
        for row in rows():
            paths = QUOTED.findall(row["code"])
            self.assertTrue(paths or row["state"] == "not yet", "%s names no code" % row["id"])
            for path in paths:
                self.assertTrue(os.path.exists(os.path.join(ROOT, path)),
                                "%s: %s is not there" % (row["id"], path))

    def test_tests_are_those_that_carry_the_id(self):
        found = tests_by_id()
        for row in rows():
            expected = found.get(row["id"], set())
            self.assertEqual(named_tests(row["tests"]), expected,
                             "%s should name %s" % (row["id"], cell_of(expected)))

    def test_what_is_done_has_a_test_and_is_seen(self):
        for row in rows():
            if row["state"] != "not yet":
                self.assertTrue(named_tests(row["tests"]), "%s has no test" % row["id"])
                self.assertTrue(row["how a user sees it"], "%s is not seen" % row["id"])

    def test_no_test_carries_an_unknown_id(self):
        self.assertEqual(sorted(set(tests_by_id()) - set(IDS)), [])


if __name__ == "__main__":
    unittest.main()
