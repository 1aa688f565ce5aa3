"""The backend for NVIDIA GPUs as it is delivered, OBJECT: it offers its entry alone, so that it meddles
with no library beside it, and needs no library of NVIDIA. Needs readelf."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from processes import TIME_LIMIT  # noqa: E402

OBJECT = sys.argv[1]
LIBRARIES = re.compile(r"(?:lib(?:c|m|dl|pthread|z|kissfft-float|asan|ubsan|tsan|gcc_s)|ld-linux[\w-]*)\.so[.\d]*")


def readelf(option):
    return subprocess.run(["readelf", "-W", option, OBJECT], check=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=TIME_LIMIT).stdout


class ObjectTest(unittest.TestCase):
    def test_it_offers_its_entry_alone(self):
        rows = [line.split() for line in readelf("--dyn-syms").splitlines()]
        offered = {row[7] for row in rows if len(row) == 8 and row[0].rstrip(":").isdigit()
                   and row[4] in ("GLOBAL", "WEAK") and row[6] != "UND"}
        self.assertEqual(offered, {"cleave_backend_entry"})

    def test_it_needs_nothing_of_nvidia(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d"))
        self.assertTrue(needed)
        self.assertEqual([name for name in needed if not LIBRARIES.fullmatch(name)], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
