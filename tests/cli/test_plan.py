"""Plans as a user meets them: --plan, what inspect shows of them, and where they are kept.

The environment is that of test_cli.py."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import CliTest, DEMO, MIX, MODEL, environment  # noqa: E402

DRUMS = os.path.join(DEMO, "drumsep-mini.ckpt")
LAYER_KEYS = ["algorithm", "count", "first", "flops_per_chunk", "input", "kernel", "op", "output",
              "patch", "share", "stride"]


class PlanTest(CliTest):
    def setUp(self):
        super().setUp()
        self.cache = self.path("cache")
        self.env = environment(XDG_CACHE_HOME=self.cache)

    def cached(self):
        return self.files(self.cache) if os.path.isdir(self.cache) else []

    def inspect(self, *arguments):
        result = self.run_program("inspect", *arguments, "--json", env=self.env)
        self.assert_done(result)
        return json.loads(result.out)


class InspectTest(PlanTest):
    def test_table(self):
        result = self.run_program("inspect", DRUMS, "--plan", "estimate", env=self.env)
        self.assert_done(result)
        self.assertIn("How layers are computed on the CPU, estimated.", result.out)
        self.assertRegex(result.out, r"(?m)^conv 3x3 +64>64 +256x128 +3 +winograd +\d+x\d+ +"
                                     r"(weights|patches) +7\.25 +\d+\.\d %$")
        self.assertRegex(result.out, r"(?m)^up 2x2 +80>64 +256x128 +1 +direct +0\.34 +\d+\.\d %$")
        self.assertRegex(result.out, r"(?m)^linear +64>64 +64x128 +2 +0\.54 +\d+\.\d %$")
        self.assert_fits(result.out.replace(DEMO, ""))
        self.assertEqual(self.cached(), [])

    def test_json(self):
        info = self.inspect(DRUMS, "--plan", "estimate")
        plan = info["plan"]
        self.assertEqual(plan["source"], "estimate")
        for layer in plan["layers"]:
            self.assertEqual(sorted(layer), LAYER_KEYS)
            self.assertEqual(layer["algorithm"] is None, layer["kernel"] is None)
            self.assertEqual(layer["algorithm"] == "winograd", layer["patch"] is not None)
            self.assertEqual(layer["algorithm"] == "winograd",
                             layer["first"] in ("weights", "patches"))
        self.assertAlmostEqual(sum(layer["share"] for layer in plan["layers"]), 1.0, places=6)
        flops = sum(layer["flops_per_chunk"] for layer in plan["layers"])
        self.assertLess(abs(flops / info["flops_per_chunk"] - 1), 0.02)
        self.assertEqual(plan["layers"][0]["input"], [2, 130048])
        self.assertEqual(plan["layers"][0]["output"], [16, 256, 128])

    def test_only_where_it_is_asked_for(self):
        self.assertNotIn("plan", self.inspect(DRUMS))
        self.assertNotIn("algorithm", self.run_program("inspect", DRUMS, env=self.env).out)

    def test_measured_once(self):
        self.assertEqual(self.inspect(MODEL, "--plan", "measure")["plan"]["source"], "measurement")
        self.assertEqual(len(self.cached()), 1)
        again = self.inspect(MODEL, "--plan", "measure", "--threads", "1")
        self.assertEqual(again["plan"]["source"], "cache")
        result = self.run_program("inspect", MODEL, "--plan", "measure", env=self.env)
        self.assertIn("measured here before", result.out)

    def test_a_network_that_does_not_fit_is_not_measured(self):
        result = self.run_program("inspect", DRUMS, "--plan", "measure", "--max-memory", "1M",
                                  env=self.env)
        self.assert_failed(result, 4, "--max-memory")
        self.assertEqual(self.cached(), [])

    def test_unknown_words(self):
        for command in (["inspect", MODEL], [MIX, "-m", MODEL]):
            result = self.run_program(*command, "--plan", "guess", env=self.env)
            self.assert_failed(result, 2, "'guess' is not one of estimate or measure")
        self.assert_failed(self.run_program("inspect", MODEL, "--plan", env=self.env), 2,
                           "--plan needs a value")


class SeparateTest(PlanTest):
    def track(self, *arguments, env=None):
        result = self.separate(MIX, "--json", *arguments, env=env or self.env)
        self.assert_done(result)
        return result, result.objects()[0]

    def test_estimates_keep_nothing(self):
        self.assertEqual(self.track()[1]["plan"], "estimate")
        self.assertEqual(self.track("--plan", "estimate")[1]["plan"], "estimate")
        self.assertEqual(self.cached(), [])

    def test_measured_once(self):
        result, track = self.track("--plan", "measure", "-v")
        self.assertEqual(track["plan"], "measurement")
        self.assertRegex(result.err, r"(?m)^cleave: plan: measured in \d+\.\d s$")
        self.assertRegex(result.err, r"(?m)^cleave: plan: kept in %s/cleave/plan-\w+\.txt$"
                         % self.cache)
        kept = self.cached()
        self.assertEqual(len(kept), 1)
        result, track = self.track("--plan", "measure", "-v", "-t", "1", "-b", "2")
        self.assertEqual(track["plan"], "cache")
        self.assertIn("plan: taken from ", result.err)
        self.assertEqual(self.cached(), kept)

    def test_a_damaged_plan_is_measured_anew(self):
        self.track("--plan", "measure")
        path = os.path.join(self.cache, self.cached()[0])
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) - 3)
        result, track = self.track("--plan", "measure", "-v")
        self.assertEqual(track["plan"], "measurement")
        self.assertIn("is damaged, or of another version", result.err)
        result, track = self.track("--plan", "measure")
        self.assertEqual((track["plan"], result.err), ("cache", ""))

    def test_a_cache_that_cannot_be_written(self):
        env = environment(XDG_CACHE_HOME=self.write("file", b""))
        result, track = self.track("--plan", "measure", "-v", env=env)
        self.assertEqual((track["plan"], result.warnings), ("measurement", []))
        self.assertIn("plan: it cannot be kept: ", result.err)

    def test_without_a_home(self):
        env = environment()
        env.pop("HOME", None)
        env.pop("XDG_CACHE_HOME", None)
        result, track = self.track("--plan", "measure", "-v", env=env)
        self.assertEqual(track["plan"], "measurement")
        self.assertIn("neither XDG_CACHE_HOME nor HOME", result.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
