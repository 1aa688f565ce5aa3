"""A library exports exactly the functions that the public headers declare: LIBRARY HEADER…"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

SANITIZERS = ("asan_", "ubsan_", "tsan_", "odr_asan")


def exported(library):
    options = ["-g"] if library.endswith(".a") else ["-D"]
    lines = subprocess.run(["nm", *options, "--defined-only", library], check=True, text=True,
                           capture_output=True, timeout=TIME_LIMIT).stdout.splitlines()
    symbols = [line.split() for line in lines if len(line.split()) == 3]
    return {symbol[2].lstrip("_") for symbol in symbols}


def declared(headers):
    names = set()
    for header in headers:
        with open(header, encoding="utf-8") as file:
            names.update(re.findall(r"CLEAVE_API[^;]*?\b(cleave_\w+)\(", file.read()))
    return names


def main():
    library, *headers = sys.argv[1:]
    if sys.platform == "darwin":
        print("skipped: nm's options are those of binutils")
        return 77
    difference = {name for name in exported(library) ^ declared(headers)
                  if not name.startswith(SANITIZERS)}
    for name in sorted(difference):
        print(f"{name}: exported or declared, but not both")
    print(f"{len(declared(headers))} functions declared")
    return 1 if difference or not declared(headers) else 0


if __name__ == "__main__":
    sys.exit(main())
