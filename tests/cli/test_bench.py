"""`cleave bench` as a user meets it: table, JSON, CSV, page, failures. Never how fast anything is.

The environment is that of test_cli.py.
"""
import csv
import io
import json
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import CliTest, MIX, MODEL, PROGRAM, Process, environment  # noqa: E402

ROW_KEYS = ["batch", "compile", "compiled", "device", "error", "fallback_ops", "kernels",
            "median_seconds", "open_seconds", "overlap", "peak_device_memory_bytes",
            "peak_memory_bytes", "precision", "real_time_factor", "seconds", "simulated", "speed_up",
            "spread", "warm_up_seconds"]
KEYS = ["audio_seconds", "configurations", "input", "model", "runs", "start_seconds"]


class BenchTest(CliTest):
    def bench(self, *arguments, **keywords):
        return self.run_program("bench", *arguments, "-m", MODEL, "-q", **keywords)

    def figures(self, *arguments, code=0):
        result = self.bench(*arguments, "--json")
        self.assertEqual(result.code, code, result.err)
        return json.loads(result.out)

    def test_t1_r5_t4_json(self):
        info = self.figures("-d", "cpu", "-p", "bf16,f32", "--overlap", "1,3", "--batch", "2",
                            "--seconds", "1", "--runs", "2")
        self.assertEqual(sorted(info), KEYS)
        self.assertEqual((info["runs"], info["audio_seconds"], info["input"]), (2, 1.0, None))
        rows = info["configurations"]
        self.assertEqual(len(rows), 2 * 2 * 2)
        self.assertEqual(len({(r["precision"], r["compile"], r["overlap"]) for r in rows}), 8)
        for row in rows:
            self.assertEqual(sorted(row), ROW_KEYS)
            self.assertEqual(len(row["seconds"]), 2)
            self.assertEqual(row["compile"], row["compiled"])
            self.assertEqual((row["batch"], row["error"], row["fallback_ops"]), (2, None, 0))
            self.assertGreater(row["warm_up_seconds"], 0)
            self.assertGreater(row["peak_memory_bytes"], 1 << 20)
            self.assertGreater(row["peak_device_memory_bytes"], 1 << 10)
            self.assertAlmostEqual(row["real_time_factor"] * row["median_seconds"], 1.0, 6)
        medians = [row["median_seconds"] for row in rows]
        self.assertEqual(medians, sorted(medians))
        self.assertEqual(rows[-1]["speed_up"], 1.0)

    def test_t1_input_and_table(self):
        result = self.bench(MIX, "-d", "cpu", "--compile", "yes", "--runs", "1")
        self.assert_done(result)
        self.assertLessEqual(max(map(len, result.out.splitlines())), 80)
        self.assertIn("mix.wav", result.out)
        self.assertIn("compiled", result.out)
        self.assertNotIn("\033", result.out)

    def test_t1_csv(self):
        result = self.bench("-d", "cpu", "--seconds", "1", "--runs", "1", "--csv")
        self.assert_done(result)
        rows = list(csv.DictReader(io.StringIO(result.out)))
        self.assertEqual({row["compile"] for row in rows}, {"0", "1"})
        self.assertTrue(all(float(row["median_seconds"]) > 0 for row in rows))

    def test_t1_page(self):
        page = self.path("speed.html")
        self.assert_done(self.bench("-d", "cpu", "--seconds", "1", "--runs", "1", "--html", page))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count("<rect"), text.count("compiled, ") // 2 +
                         text.count("op by op, ") // 2)
        self.assertNotIn("http://", text.replace("http://www.w3.org", ""))
        self.assertNotIn("https://", text)

    def test_t1_page_that_cannot_be_written_is_said_before_the_work(self):
        result = self.bench("--html", os.path.join(MIX, "x.html"))
        self.assertEqual(result.code, 2)
        self.assertIn("--html", result.err)
        self.assertEqual(result.out, "")

    def test_t1_a_configuration_that_fails_is_listed(self):
        info = self.figures("-d", "cuda:7,cpu", "-p", "f32", "--compile", "yes", "--seconds", "1",
                            "--runs", "1", code=4)
        rows = info["configurations"]
        self.assertEqual([row["device"] for row in rows], ["cpu", "cuda:7"])
        self.assertIsNone(rows[0]["error"])
        self.assertIn("cuda", rows[1]["error"])
        self.assertEqual(rows[1]["seconds"], [])
        self.assertIsNone(rows[1]["median_seconds"])

    def test_t1_b2_profile_of_the_fastest(self):
        trace = self.path("trace.json")
        result = self.bench("-d", "cpu", "-p", "f32", "--compile", "yes", "--seconds", "1",
                            "--runs", "1", "--profile", trace)
        self.assert_done(result)
        with open(trace, encoding="utf-8") as file:
            self.assertTrue(json.load(file)["traceEvents"])

    def test_t1_b2_a_profile_leaves_json_and_csv_whole(self):
        arguments = ["bench", "-m", MODEL, "-d", "cpu", "-p", "f32", "--compile", "yes",
                     "--seconds", "1", "--runs", "1", "--profile", self.path("trace.json")]
        result = self.run_program(*arguments, "--json")
        self.assertEqual(len(json.loads(result.out)["configurations"]), 1)
        result = self.run_program(*arguments, "--csv")
        self.assertEqual(len(result.out.splitlines()), 2, result.out)

    def test_t1_the_table_says_why_a_configuration_failed(self):
        result = self.bench("-d", "cuda:7,cpu", "-p", "f32", "--compile", "yes", "--overlap", "1,2",
                            "--seconds", "1", "--runs", "1")
        self.assertEqual(result.code, 4)
        reasons = [line for line in result.out.splitlines() if line.startswith("cuda:7 f32")]
        self.assertEqual(len(reasons), 1, result.out)
        self.assertIn("not available", reasons[0])

    def test_bad_lists_are_refused(self):
        for arguments in (["--overlap", "1,51"], ["--overlap", "0"], ["--batch", "1,,2"],
                          ["--batch", "65"], ["--runs", "0"], ["--compile", "maybe"],
                          ["-p", "f32,f8"], ["-d", "cpu,,mps"], ["--seconds", "0"],
                          ["--html", "page.txt"]):
            result = self.bench(*arguments)
            self.assertEqual(result.code, 2, arguments)
            self.assertEqual(len(result.err.splitlines()), 1, result.err)
            self.assertIn(arguments[0].replace("-p", "--precision").replace("-d", "--device"),
                          result.err)

    def test_t1_interrupted(self):
        """What was measured before is printed."""
        command = [PROGRAM, "bench", "-m", MODEL, "-d", "cpu", "--seconds", "60", "--runs", "100",
                   "--csv"]
        with Process(command, cwd=self.folder, env=environment(), text=True, stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE) as process:
            process.stderr.readline()  # the work begins
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", err)
        self.assertIn("device,precision", out)


if __name__ == "__main__":
    unittest.main()
