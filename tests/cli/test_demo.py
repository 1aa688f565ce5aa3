"""The bundled demo scores what demo/validation.json says, to 0.1 dB: PROGRAM DEMO_FOLDER."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

TOLERANCE_DB = 0.1


def separate(program, demo, output):
    command = [program, os.path.join(demo, "demo-kit.flac"), "--json", "--output", output,
               "--model", os.path.join(demo, "drumsep-mini.ckpt"),
               "--score", os.path.join(demo, "stems")]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True,
                                     timeout=TIME_LIMIT).stdout)


def main():
    program, demo = sys.argv[1:]
    with open(os.path.join(demo, "validation.json"), encoding="utf-8") as file:
        expected = json.load(file)["demo_kit"]
    with tempfile.TemporaryDirectory() as output:
        outputs = separate(program, demo, output)["outputs"]
    scores = {stem["stem"]: stem["sdr"] for stem in outputs}
    failures = 0
    for stem in ("kick", "snare", "toms", "hh", "cymbals"):
        good = abs(scores[stem] - expected[stem]["model"]) <= TOLERANCE_DB
        print(f"{stem}: {scores[stem]:.2f} dB, documented {expected[stem]['model']} dB"
              f"{'' if good else ': FAILED'}")
        failures += not good
    return 1 if failures or len(scores) != 5 else 0


if __name__ == "__main__":
    sys.exit(main())
