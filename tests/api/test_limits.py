"""No test can hang: every wait of a test in Python has a limit. Arguments: the folders of the tests. (Those
in C are ended by Meson, with all that they started.)"""

import ast
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import Process, read_until  # noqa: E402

ENDLESS = ["sleep", "100000"]
RUNS = ("run", "call", "check_call", "check_output")
# Those who build Process and read_until(), and a measurement of hours that is no test of the suite.
EXEMPT = (os.path.join("support", "processes.py"), os.path.join("soak", "soak.py"))
SAMPLES = {
    "subprocess.run(['true'])": True,
    "subprocess.run(['true'], timeout=3)": False,
    "subprocess.Popen(['true'])": True,
    "Process(['true'])": False,
    "process.wait()": True,
    "process.wait(3)": False,
    "process.communicate(b'')": True,
    "process.communicate(timeout=3)": False,
    "threading.Thread(target=f)": True,
    "threading.Thread(target=f, daemon=True)": False,
    "thread.join()": True,
    "', '.join(words)": False,
    "os.read(pipe, 1)": True,
}


def fault(call):
    """What is wrong with a call, or None."""
    text = ast.unparse(call.func)
    name = text.split(".")[-1]
    given = {keyword.arg for keyword in call.keywords}
    if text in ["subprocess." + run for run in RUNS] and "timeout" not in given:
        return f"{text}() needs a timeout"
    if text == "subprocess.Popen":
        return "take Process of tests/support/processes.py in place of subprocess.Popen"
    if name == "communicate" and "timeout" not in given:
        return "communicate() needs a timeout"
    if name in ("wait", "join") and not call.args and "timeout" not in given:
        return f"{name}() needs a limit"
    if text == "threading.Thread" and "daemon" not in given:
        return "a thread needs daemon=True: the interpreter waits for others at its end"
    if text == "os.read":
        return "take read_until() of tests/support/processes.py in place of os.read()"
    return None


def faults(source):
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [(call.lineno, fault(call)) for call in calls if fault(call)]


def ended():
    """Whether programs without an end are ended: after their time, and when a test fails meanwhile."""
    try:
        with Process(ENDLESS, limit=0.1, stdout=subprocess.PIPE) as process:
            process.stdout.read()
        return False
    except subprocess.TimeoutExpired:
        pass
    try:
        with Process(ENDLESS, stdout=subprocess.PIPE) as process:
            read_until(process.stdout.fileno(), len, limit=0.1)
        return False
    except AssertionError:
        return process.returncode is not None


def python_files(roots):
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith(".py") and os.path.relpath(path, root) not in EXEMPT:
                    yield path


def main():
    if not ended():
        print("tests/support/processes.py lets a program without an end go on")
        return 1
    for sample, wrong in SAMPLES.items():
        if bool(faults(sample)) != wrong:
            print(f"this check itself misjudges {sample}")
            return 1
    found = 0
    for path in python_files(sys.argv[1:]):
        with open(path, encoding="utf-8") as file:
            for line, text in faults(file.read()):
                print(f"{path}:{line}: {text}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
