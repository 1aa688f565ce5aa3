"""What the tests of the cuda device share: the program on a machine with simulated NVIDIA GPUs of the
test's own choice. The environment is that of tests/cli/test_cli.py, and also names the folders of the
simulated driver's libraries (CLEAVE_CUDASIM_FOLDER) and of the backend (CLEAVE_BACKENDS)."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from simulated_device import (DATA, DEMO, MIX, MODEL, SimulatedDeviceTest,  # noqa: E402,F401
                              environment, read_float_wav, write_wav)

DRIVER = os.path.abspath(os.environ["CLEAVE_CUDASIM_FOLDER"])


class SimulatedGpuTest(SimulatedDeviceTest):
    device = "cuda"

    def run_on(self, settings, *arguments, folder=DRIVER, **changes):
        """`folder` is that of another driver."""
        return self.run_program(*arguments, env=environment(
            CLEAVE_CUDASIM=settings, LD_LIBRARY_PATH=folder, **changes))

    def devices(self, settings, **changes):
        """→ ({id: device}, what auto takes and why); sets self.counts."""
        info = json.loads(self.on(settings, "devices", "--json", **changes).out)
        return {device["id"]: device for device in info["devices"]}, info["auto"]
