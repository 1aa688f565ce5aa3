"""What the tests of the mps device share: the program on a simulated Mac with settings of its own. The
environment is that of tests/cli/test_cli.py; the program is that of a build with -Dapplesim=enabled.
"""
import json
import math
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from test_cli import (CliTest, DATA, DEMO, MIX, MODEL, RATE, environment,  # noqa: E402,F401
                      read_float_wav, snr, write_wav)

STEMS = ("vocals", "other")


MACHINE = ("macos=", "name=", "device=", "windowless=", "unified=")  # settings of what it is, not does


class SimulatedMacTest(CliTest):
    """Each Mac has made its trial before, with a good end: what a test says of command buffers is of
    those of the program itself."""
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

    def on(self, settings, *arguments, code=0):
        """Runs the program on a Mac with these settings; sets self.counts."""
        report = self.path("counts.json")
        self.make_trial(settings)
        env = environment(XDG_CACHE_HOME=self.cache, CLEAVE_APPLESIM=",".join(
            filter(None, ["cautious=1", settings, "report=" + report])))
        result = self.run_program(*arguments, env=env)
        self.assertEqual(result.code, code, result.err)
        with open(report, encoding="utf-8") as file:
            self.counts = json.load(file)
        return result

    def separate_on(self, settings, *arguments, mix=MIX, code=0):
        """→ (result, JSON object, {stem: planes})."""
        result = self.on(settings, mix, "-m", MODEL, "-d", "mps", "-o", self.output, "--json",
                         *arguments, code=code)
        info = json.loads(result.out)
        stems = {one["stem"]: read_float_wav(one["path"])[0] for one in info.get("outputs", [])}
        return result, info, stems

    def expected(self, *arguments, mix=MIX):
        folder = self.path("cpu")
        self.assert_done(self.run_program(mix, "-m", MODEL, "-d", "cpu", "-o", folder, "-q",
                                          *arguments))
        name = os.path.splitext(os.path.basename(mix))[0]
        return {stem: read_float_wav(os.path.join(folder, name, stem + ".wav"))[0] for stem in STEMS}

    def assert_near(self, stems, expected, decibels=100):
        self.assertEqual(sorted(stems), sorted(expected))
        for stem in expected:
            self.assertGreater(snr(expected[stem], stems[stem]), decibels, stem)

    def long_mix(self, is_silent=lambda i: False):
        """A second of chirps, but where it is silent."""
        left = [0.0 if is_silent(i) else 0.3 * math.sin(0.00001 * i * i) for i in range(RATE)]
        right = [0.0 if is_silent(i) else 0.2 * math.cos(0.00002 * i * i) for i in range(RATE)]
        write_wav(self.path("long.wav"), [left, right])
        return self.path("long.wav")
