"""Going on in an environment that has what a test needs, or skipping the test."""
import os
import sys

SKIPPED = 77


def enter_environment(folder, requirements):
    """Goes on in the environment's interpreter."""
    interpreter = os.path.join(folder, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    if not os.access(interpreter, os.X_OK):
        print("skipped: there is no %s; scripts/venv %s %s makes it" % (folder, folder, requirements))
        sys.exit(SKIPPED)
    os.execv(interpreter, [interpreter, *sys.argv])
