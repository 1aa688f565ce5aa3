"""Programs that tests start and talk to while they run, in a way that no test can hang."""
import os
import select
import subprocess
import threading
import time

TIME_LIMIT = 300  # seconds: a hang is a failure, not a stop of the whole suite


class Process(subprocess.Popen):
    """A Popen whose program is killed TIME_LIMIT seconds after its start, and at once when a failed
    test leaves its block. Every wait then ends, be it for the program, for what it prints, or for
    room in its input."""

    def __init__(self, *arguments, limit=TIME_LIMIT, **keywords):
        super().__init__(*arguments, **keywords)
        self.limit = limit
        self.expired = False
        self.timer = threading.Timer(limit, self.expire)
        self.timer.daemon = True
        self.timer.start()

    def expire(self):
        self.expired = self.poll() is None
        self.kill()

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, trace)
        self.timer.cancel()
        if self.expired and kind is None:
            raise subprocess.TimeoutExpired(self.args, self.limit)


def open_terminal(test):
    """(leader, follower) of a pseudo-terminal; without any, as in a bare chroot, the test is skipped.
    The leader is closed after the test."""
    try:
        leader, follower = os.openpty()
    except OSError as error:
        test.skipTest("this machine has no pseudo-terminals: %s" % error)
    test.addCleanup(os.close, leader)
    return leader, follower


def read_until(descriptor, done, limit=TIME_LIMIT):
    """What a terminal or a pipe says until done(bytes) is true, or until its end."""
    said = b""
    until = time.monotonic() + limit
    while not done(said):
        if not select.select([descriptor], [], [], max(0, until - time.monotonic()))[0]:
            raise AssertionError("nothing more came after %r" % said)
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # a terminal that its last writer has left
            break
        if not piece:
            break
        said += piece
    return said
