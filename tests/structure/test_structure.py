#!/usr/bin/env python3
"""The folders of src/ use each other as the table in docs/architecture.md says, and neither includes nor
calls go in a circle.

    test_structure.py SOURCE_ROOT BUILD NM [WHY-CALLS-CANNOT-BE-READ]
"""
import os
import sys
import tempfile
import unittest

from structure import (call_edges, cycle_findings, cycles, include_edges, include_findings, read_calls,
                       read_symbols, read_table, upward_calls, upward_rows)

ROOT, BUILD, NM, *NO_CALLS = sys.argv[1:]
sys.argv[1:] = []


def table_of_the_project():
    with open(os.path.join(ROOT, "docs", "architecture.md"), encoding="utf-8") as file:
        return read_table(file.read())


class StructureTest(unittest.TestCase):
    def test_the_table_points_down(self):
        self.assertEqual(upward_rows(table_of_the_project()), [])

    def test_includes_are_those_of_the_table(self):
        edges, unknown = include_edges(ROOT)
        self.assertGreater(sum(len(targets) for targets in edges.values()), 500)
        self.assertEqual(unknown + include_findings(table_of_the_project(), edges), [])

    def test_no_includes_in_a_circle(self):
        self.assertEqual(cycle_findings(include_edges(ROOT)[0]), [])


@unittest.skipIf(NO_CALLS, "calls are not looked at: " + " ".join(NO_CALLS))
class CallsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edges = read_calls(BUILD, ROOT, NM)

    def test_objects_are_read(self):
        self.assertGreater(len(self.edges), 150)
        self.assertGreater(sum(len(targets) for targets in self.edges.values()), 500)

    def test_no_calls_in_a_circle(self):
        self.assertEqual(cycle_findings(self.edges), [])

    def test_no_calls_go_up(self):
        self.assertEqual(upward_calls(table_of_the_project(), self.edges), [])


# ---- Whether it finds what it should: made-up trees ----

TABLE = """
| folder | holds | may include |
| --- | --- | --- |
| `top` | commands | `middle`, `low/text.h`, `include` |
| `middle` | | `low`, `include` |
| `low` | | |
| `include` | public headers | |

| other | tables |
| --- | --- |
| `elsewhere` | |
"""

TREE = {
    "include/api.h": "",
    "src/low/text.h": "",
    "src/low/deep.h": "",
    "src/middle/work.h": '#include "api.h"\n#include <stdio.h>\n',
    "src/middle/work.c": '#include "work.h"\n  # include "low/deep.h"\n',
    "src/top/main.c": '#include "middle/work.h"\n#include "low/text.h"\n#include "api.h"\n',
}


class MadeUpTree(unittest.TestCase):
    def findings(self, changes):
        files = {**TREE, **changes}
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = os.path.join(root, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            edges, unknown = include_edges(root)
        return unknown + include_findings(read_table(TABLE), edges) + cycle_findings(edges)

    def test_a_right_one(self):
        self.assertEqual(self.findings({}), [])

    def test_an_include_that_goes_up(self):
        self.assertEqual(self.findings({"src/low/text.h": '#include "middle/work.h"\n'}),
                         ["src/low/text.h includes src/middle/work.h, which the row of low does not allow"])

    def test_a_header_beside_the_one_that_is_allowed(self):
        self.assertEqual(self.findings({"src/top/more.c": '#import "low/deep.h"\n'}),
                         ["src/top/more.c includes src/low/deep.h, which the row of top does not allow"])

    def test_a_folder_without_a_row(self):
        self.assertEqual(self.findings({"src/attic/old.c": ""}), ["src/attic has no row"])

    def test_an_include_of_nothing(self):
        self.assertEqual(self.findings({"src/low/text.h": '#include "low/nothing.h"\n'}),
                         ["src/low/text.h includes low/nothing.h, which is in neither src/ nor include/"])

    def test_a_right_that_is_not_used(self):
        self.assertEqual(self.findings({"src/middle/work.c": ""}),
                         ["the row of middle allows low, which no file there includes"])

    def test_includes_in_a_circle(self):
        self.assertEqual(self.findings({"src/low/text.h": '#include "low/deep.h"\n',
                                        "src/low/deep.h": '#include "low/text.h"\n'}),
                         ["2 files in a circle, such as "
                          "src/low/deep.h → src/low/text.h → src/low/deep.h"])


class MadeUpTable(unittest.TestCase):
    def test_a_row_that_is_read(self):
        self.assertEqual(read_table(TABLE)["top"], ["middle", "low/text.h", "include"])
        self.assertEqual(list(read_table(TABLE)), ["top", "middle", "low", "include"])

    def test_rows_that_go_up_or_nowhere(self):
        table = {"top": ["low"], "middle": ["top/part.h", "attic"], "low": ["low"]}
        self.assertEqual(upward_rows(table), [
            "the row of middle allows top/part.h, which is not below it",
            "the row of middle allows attic, which has no row",
            "the row of low allows low, which is not below it"])

    def test_what_is_no_table(self):
        with self.assertRaises(ValueError):
            read_table(TABLE.replace("may include", "may read"))
        with self.assertRaises(ValueError):
            read_table(TABLE.replace("`low` |", "`middle` |"))

    def test_rows_that_are_more_than_there_is(self):
        table = {"new": ["low"], "low": []}
        edges = {"src/low/text.c": set()}
        self.assertEqual(include_findings(table, edges),
                         ["new has a row and no files",
                          "the row of new allows low, which no file there includes"])


class MadeUpCalls(unittest.TestCase):
    def edges(self, text):
        return call_edges(read_symbols(text))

    def test_calls_and_data_that_go_up(self):
        edges = self.edges("src/top/main.c: run T 0 4\nsrc/top/main.c: table D 0 4\n"
                           "src/low/text.c: run U\nsrc/low/text.c: table U\nsrc/low/text.c: exit U\n")
        self.assertEqual(upward_calls(read_table(TABLE), edges),
                         ["src/low/text.c calls run() of src/top/main.c, which is above it"])
        edges = self.edges("src/top/main.c: table D 0 4\nsrc/low/text.c: table U\n")
        self.assertEqual(upward_calls(read_table(TABLE), edges), [])

    def test_calls_in_a_circle(self):
        edges = self.edges("a.c: one T 0 4\na.c: three U         \nb.c: two T 0 4\nb.c: one U\n"
                           "c.c: three T 0 4\nc.c: two U\nd.c: four T 0 4\nd.c: one U\n")
        self.assertEqual(cycles(edges), [["a.c", "b.c", "c.c"]])
        self.assertEqual(cycle_findings(edges), ["3 files in a circle, such as a.c → c.c → b.c → a.c"])
        self.assertEqual(len(cycle_findings(edges)), 1)

    def test_two_circles_and_a_way_between(self):
        edges = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}, "e": {"a"}}
        self.assertEqual(cycles(edges), [["a", "b"], ["c", "d"]])
        self.assertEqual(cycles({"a": {"a"}, "b": set()}), [["a"]])


if __name__ == "__main__":
    unittest.main()
