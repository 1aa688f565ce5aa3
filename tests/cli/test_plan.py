"""What `inspect --plan` shows: how each layer is computed.

The environment is that of test_cli.py."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import CliTest, DEMO, MIX, MODEL  # noqa: E402

DRUMS = os.path.join(DEMO, "drumsep-mini.ckpt")
LAYER_KEYS = ["count", "flops_per_chunk", "how", "input", "kernel", "op", "output", "share", "stride"]


class PlanTest(CliTest):
    def inspect(self, *arguments):
        result = self.run_program("inspect", *arguments, "--json")
        self.assert_done(result)
        return json.loads(result.out)

    def test_table(self):
        result = self.run_program("inspect", DRUMS, "--plan")
        self.assert_done(result)
        self.assertIn("How layers are computed on the CPU.", result.out)
        self.assertRegex(result.out, r"(?m)^conv 3x3 +64>64 +256x128 +3 +winograd \d+x\d+, "
                                     r"(weights|patches) first +7\.25 +\d+\.\d %$")
        self.assertRegex(result.out, r"(?m)^up 2x2 +80>64 +256x128 +1 +direct +0\.34 +\d+\.\d %$")
        self.assertRegex(result.out, r"(?m)^linear +64>64 +64x128 +2 +0\.54 +\d+\.\d %$")
        self.assert_fits(result.out.replace(DEMO, ""))

    def test_json(self):
        info = self.inspect(DRUMS, "--plan")
        plan = info["plan"]
        for layer in plan["layers"]:
            self.assertEqual(sorted(layer), LAYER_KEYS)
            self.assertEqual(layer["how"] is None, layer["kernel"] is None)
            self.assertRegex(layer["how"] or "direct",
                             r"^(direct|winograd \d+x\d+, (weights|patches) first)$")
        self.assertAlmostEqual(sum(layer["share"] for layer in plan["layers"]), 1.0, places=6)
        flops = sum(layer["flops_per_chunk"] for layer in plan["layers"])
        self.assertLess(abs(flops / info["flops_per_chunk"] - 1), 0.02)
        self.assertEqual(plan["layers"][0]["input"], [2, 130048])
        self.assertEqual(plan["layers"][0]["output"], [16, 256, 128])

    def test_only_where_it_is_asked_for(self):
        self.assertNotIn("plan", self.inspect(DRUMS))
        self.assertNotIn("winograd", self.run_program("inspect", DRUMS).out)

    def test_it_takes_no_word(self):
        self.assert_failed(self.run_program("inspect", MODEL, "--plan=estimate"), 2,
                           "--plan takes no value")
        self.assert_failed(self.separate(MIX, "--plan"), 2, "unknown option --plan")


if __name__ == "__main__":
    unittest.main(verbosity=2)
