"""What the tests of simulated devices share: separating on one, with settings of the test's own, and
what the CPU makes of the same. The environment is that of tests/cli/test_cli.py."""
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../cli"))
from test_cli import (CliTest, DATA, DEMO, MIX, MODEL, RATE, environment,  # noqa: E402,F401
                      read_float_wav, snr, write_wav)

STEMS = ("vocals", "other")


class SimulatedDeviceTest(CliTest):
    """Those of a device say which one it is, and how the program runs there: run_on() takes the
    settings and the program's arguments."""
    device = None

    def on(self, settings, *arguments, code=0, **changes):
        """Runs the program with these settings; sets self.counts to what the simulator reports."""
        report = self.path("counts.json")
        result = self.run_on(",".join(filter(None, [settings, "report=" + report])), *arguments,
                             **changes)
        self.assertEqual(result.code, code, result.err)
        with open(report, encoding="utf-8") as file:
            self.counts = json.load(file)
        return result

    def separate_on(self, settings, *arguments, mix=MIX, code=0):
        """→ (result, JSON object, {stem: planes})."""
        result = self.on(settings, mix, "-m", MODEL, "-d", self.device, "-o", self.output, "--json",
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
