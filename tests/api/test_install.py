"""A program builds and runs against the installed tree, shared and static:
BUILD EXAMPLE_C MODEL MIX. The compiler is in CC."""

import glob
import os
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

# The names of a shared library's versions, and what says where to look for it.
if sys.platform == "darwin":
    SHARED, LIBRARY_PATH = "*.dylib", "DYLD_LIBRARY_PATH"
else:
    SHARED, LIBRARY_PATH = ".so*", "LD_LIBRARY_PATH"


def run(command, **changes):
    result = subprocess.run(command, env={**os.environ, **changes}, text=True,
                            capture_output=True, timeout=TIME_LIMIT)
    if result.returncode != 0:
        print(" ".join(command), result.stdout, result.stderr, sep="\n")
        sys.exit(1)
    return result.stdout


def pkg_config(folder, root, *options):
    """Flags from the installed cleave.pc alone, so that it asks for no other package. Its own prefix
    lies below the root; other folders that it names do not."""
    def ask(*words):
        return run(["pkg-config", *words, "cleave"], PKG_CONFIG_LIBDIR=folder)
    prefix = ask("--variable=prefix").strip()
    return shlex.split(ask(f"--define-variable=prefix={root}{prefix}", *options))


def main():
    build, example, model, mix = sys.argv[1:]
    compiler = shlex.split(os.environ["CC"])
    with tempfile.TemporaryDirectory() as root:
        run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", root])
        [pc_file] = glob.glob(f"{root}/**/cleave.pc", recursive=True)
        libraries = os.path.dirname(os.path.dirname(pc_file))
        folder = os.path.dirname(pc_file)
        for kind in ("shared", "static"):
            program = os.path.join(root, "separate-" + kind)
            if kind == "static":
                for shared in glob.glob(f"{libraries}/libcleave{SHARED}"):
                    os.remove(shared)
            options = ["--cflags", "--libs"] + (["--static"] if kind == "static" else [])
            run([*compiler, example, "-o", program, *pkg_config(folder, root, *options)])
            run([program, model, mix, os.path.join(root, "out-" + kind)],
                **{LIBRARY_PATH: libraries})
            stems = sorted(os.listdir(os.path.join(root, "out-" + kind, "mix")))
            print(kind, stems)
            if stems != ["other.wav", "vocals.wav"]:
                return 1
        [program] = glob.glob(f"{root}/**/bin/cleave", recursive=True)
        print(run([program, "--version"]).strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
