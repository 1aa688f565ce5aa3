"""The version and the date of a release are the same wherever they stand, and the number in the soname
is the one in the names of Debian's packages: SOURCE VERSION DATE INTERFACE PROGRAM, versions and date as
meson.build has them."""

import os
import re
import subprocess
import sys
from email.utils import parsedate_to_datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402


def read(source, *path):
    with open(os.path.join(source, *path), encoding="utf-8") as file:
        return file.read()


def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          timeout=TIME_LIMIT).stdout


def main():
    source, version, date, interface, program = sys.argv[1:]
    number = interface.split(".", maxsplit=1)[0]
    header = re.findall(r"#define CLEAVE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)",
                        read(source, "include", "cleave.h"))
    package = re.match(r"cleave \(([^)]*)\)", read(source, "debian", "changelog")).group(1)
    signed = re.search(r"^ -- .*>  (.*)$", read(source, "debian", "changelog"), re.M).group(1)
    page = re.search(r'^\.TH CLEAVE 1 (\S+) "cleave (\S+)"', output(program, "man"), re.M)
    found = {
        "include/cleave.h": (".".join(header), date),
        "debian/changelog": (package, parsedate_to_datetime(signed).strftime("%Y-%m-%d")),
        "cleave man": (page.group(2), page.group(1)),
        "cleave --version": (output(program, "--version").split()[1], date),
    }
    wrong = {place: pair for place, pair in found.items() if pair != (version, date)}
    for place, pair in wrong.items():
        print(f"{place}: {' of '.join(pair)}, but meson.build: {version} of {date}")
    library = re.findall(r"\blibcleave\d+", read(source, "debian", "control"))
    installed = read(source, "debian", f"libcleave{number}.install")
    if set(library) != {f"libcleave{number}"} or f"libcleave.so.{number}*" not in installed:
        print(f"debian/: {', '.join(library)}, but meson.build: interface {interface}")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
