"""What the tests of the mps device share: the program on a simulated Mac with settings of its own. The
environment is that of tests/cli/test_cli.py; the program is that of a build with -Dapplesim=enabled.
"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from simulated_device import (DATA, DEMO, MIX, MODEL, SimulatedDeviceTest,  # noqa: E402,F401
                              environment, read_float_wav)

MACHINE = ("macos=", "name=", "device=", "windowless=", "unified=")  # settings of what it is, not does


class SimulatedMacTest(SimulatedDeviceTest):
    """Each Mac has made its trial before, with a good end: what a test says of command buffers is of
    those of the program itself."""
    device = "mps"
    cache = None
    tried = set()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cache = tempfile.mkdtemp(prefix="cleave-trials-")
        cls.addClassCleanup(shutil.rmtree, cls.cache)
        cls.tried = set()

    def make_trial(self, settings):
        machine = ",".join(one for one in settings.split(",") if one.startswith(MACHINE))
        if machine not in self.tried:
            self.tried.add(machine)
            self.assert_done(self.run_program("devices", env=environment(
                CLEAVE_APPLESIM=machine, XDG_CACHE_HOME=self.cache)))

    def run_on(self, settings, *arguments):
        self.make_trial(settings)
        return self.run_program(*arguments, env=environment(
            XDG_CACHE_HOME=self.cache, CLEAVE_APPLESIM="cautious=1," + settings))
