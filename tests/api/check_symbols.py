"""The shared library exports exactly the functions that cleave.h declares: LIBRARY HEADER."""

import re
import subprocess
import sys


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    return {line.split()[-1].lstrip("_") for line in lines if line.split()[-2] in "TDBR"}


def declared(header):
    with open(header, encoding="utf-8") as file:
        return set(re.findall(r"CLEAVE_API[^;]*?\b(cleave_\w+)\(", file.read()))


def main():
    library, header = sys.argv[1:]
    if sys.platform == "darwin":
        print("skipped: nm -D is not for Mach-O")
        return 77
    difference = exported(library) ^ declared(header)
    sanitizer = {name for name in difference if name.startswith(("asan_", "ubsan_", "tsan_"))}
    for name in sorted(difference - sanitizer):
        print(f"{name}: exported or declared, but not both")
    print(f"{len(declared(header))} functions declared")
    return 1 if difference - sanitizer or not declared(header) else 0


if __name__ == "__main__":
    sys.exit(main())
