#!/usr/bin/env python3
"""What differs between operating systems stands behind src/base/platform.h: no other file of C asks
for which system it is compiled, and of the library's inside the command line uses that header,
src/base/text.h and src/base/utf8.h alone.

    test_one_platform.py SOURCE_ROOT
"""
import glob
import os
import re
import sys
import tempfile
import unittest

ROOT = sys.argv.pop(1) if len(sys.argv) > 1 else "."

FOLDERS = ["src", "include", "tools", "examples", "bench", "simulators", "tests"]
EXTENSIONS = (".c", ".h", ".cc", ".m")
PLATFORMS = ["src/base/platform_linux.c", "src/base/platform_macos.c"]
# For all systems: it, too, does not ask which one it is.
FEATURES = "src/base/platform_features.c"

# By what compilers and C libraries tell which system it is, and headers that only one of them has.
SYSTEM = re.compile(r"\b_*(?:APPLE|MACH|linux|gnu_linux|FreeBSD|NetBSD|OpenBSD|unix|WIN32)__\b"
                    r"|\bTARGET_OS_\w+"
                    r"|#\s*include\s*<(?:mach|linux|asm|gnu)[/_-]"
                    r"|#\s*include\s*<(?:TargetConditionals|sys/sysctl|sys/sysinfo|sys/auxv)\.h>")
# What platform.h has, as one of the systems has it; the tests may use it.
DIRECT = re.compile(r"\bO_TMPFILE\b|\bst_mtim|\bru_maxrss\b|\b(?:fsync|pthread_create|getauxval|"
                    r"sysctlbyname|sched_getaffinity)\s*\("
                    r"|/proc/(?:cpuinfo|self/(?:exe|fd|status|clear_refs))\b")
# Which reads files of Linux's below a folder that tests make up.
MADE_UP = "src/base/memory_limit.c"
OUTSIDE = ("cli", "console")
ALLOWED = ("platform", "text", "utf8")
INSIDE = re.compile(r'#\s*include\s*"((?:%s)/[^"]*)"'
                    % "|".join(sorted(set(os.listdir(os.path.join(ROOT, "src"))) - set(OUTSIDE))))


def sources(root):
    """Paths of all sources, relative to the root."""
    for folder in FOLDERS:
        for path in glob.glob(os.path.join(root, folder, "**", "*"), recursive=True):
            if path.endswith(EXTENSIONS):
                yield os.path.relpath(path, root)


def findings(root, pattern, paths):
    """Lines "PATH:NUMBER: TEXT" that match."""
    found = []
    for path in sorted(paths):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found += ["%s:%d: %s" % (path, number, line.strip())
                      for number, line in enumerate(file, 1) if pattern.search(line)]
    return found


class OnePlatform(unittest.TestCase):
    def test_no_other_file_asks_for_the_system(self):
        paths = set(sources(ROOT))
        self.assertLessEqual(set(PLATFORMS), paths)
        self.assertEqual(findings(ROOT, SYSTEM, paths - set(PLATFORMS)), [])

    def test_the_product_asks_through_the_interface(self):
        paths = {path for path in sources(ROOT)
                 if path.startswith("src/") and not path.endswith(".h")}
        self.assertEqual(findings(ROOT, DIRECT, paths - set(PLATFORMS) - {FEATURES, MADE_UP}), [])

    def test_the_command_line_uses_three_headers_of_the_inside(self):
        paths = [path for path in sources(ROOT) if path.startswith("src/cli/")]
        others = [line for line in findings(ROOT, INSIDE, paths)
                  if not any('"base/%s.h"' % name in line for name in ALLOWED)]
        self.assertEqual(others, [])

    def test_the_search_finds(self):
        wrong = ["#ifdef __APPLE__", "#if defined(__aarch64__) && defined(__linux__)",
                 "#ifdef __MACH__", "#include <mach/mach.h>", "#include <sys/sysctl.h>",
                 "#if TARGET_OS_OSX", "#include <asm/hwcap.h>"]
        direct = ["    return fsync(fd);", 'open("/proc/self/exe", 0)', "status.st_mtimespec"]
        right = ["#ifdef __aarch64__", "/* as Linux and macOS have it */", "#include <sys/stat.h>",
                 "#include <math.h>"]
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "src", "deep"))
            with open(os.path.join(root, "src", "deep", "one.c"), "w", encoding="utf-8") as file:
                file.write("\n".join(right + wrong + direct) + "\n")
            found = [[line.split(": ", 1)[1] for line in findings(root, pattern, sources(root))]
                     for pattern in (SYSTEM, DIRECT)]
        self.assertEqual(found, [wrong, [line.strip() for line in direct]])


if __name__ == "__main__":
    unittest.main()
