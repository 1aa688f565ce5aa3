"""--profile: the table, the JSON, and the trace, as people and viewers take them.

The environment is that of test_cli.py."""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_cli import (CliTest, DEMO, MIX, MODEL, PROGRAM, Process, TIME_LIMIT, environment,  # noqa: E402
                      sine, write_wav)

DRUMS = os.path.join(DEMO, "drumsep-mini.ckpt")
OP_KEYS = ["algorithm", "bytes", "calls", "flops", "kernel", "layers", "op", "peak_share",
           "seconds", "share", "size", "thread_seconds", "where"]
PROFILE_KEYS = ["chunks", "events", "events_left_out", "flops", "network_seconds", "ops",
                "peak_flops_per_second", "seconds"]
HOST_OPS = {"open", "compile", "scan", "decode", "blend", "journal", "encode", "finish"}
LINE = re.compile(r"^(?P<op>\S+(?: \dx\d(?: winograd)?)?) +(?P<size>[\dx]+ )? *(?P<calls>\d+) +"
                  r"(?P<seconds>\d+\.\d+) +(?P<share>\d+\.\d) %")


class ProfileTest(CliTest):
    def profile(self, *arguments, model=MODEL, **keywords):
        self.trace_path = self.path("trace.json")
        return self.run_program(*arguments, "-m", model, "-o", self.output, "--profile",
                                self.trace_path, **keywords)

    def tone(self):
        """Three seconds: a chunk or two of the demo's network."""
        tone = sine(220, 3)
        write_wav(self.path("tone.wav"), [tone, tone])
        return "tone.wav"

    def trace(self):
        with open(self.trace_path, encoding="utf-8") as file:
            return json.load(file)

    def check_trace(self):
        """Rows with names; in each, events one after the other. Returns them by row."""
        names, rows = {}, {}
        for event in self.trace()["traceEvents"]:
            self.assertIn(event["ph"], "MX")
            self.assertIsInstance(event["pid"], int)
            if event["ph"] == "M":
                if event["name"] == "thread_name":
                    names[event["tid"]] = event["args"]["name"]
                continue
            self.assertIn(event["cat"], ("network", "host"))
            row = rows.setdefault(names[event["tid"]], [])
            if row:
                self.assertGreaterEqual(event["ts"], row[-1]["ts"] + row[-1]["dur"] - 1e-4)
            row.append(event)
        self.assertEqual(len(set(names.values())), len(names))
        return rows


class TableTest(ProfileTest):
    def test_b2_table_after_the_summary(self):
        result = self.profile(self.tone(), "--overlap", "1", model=DRUMS)
        self.assert_done(result)
        head, table = result.out.split("\n\n")
        self.assertIn("real time", head)
        self.assert_fits(table)
        self.assertRegex(table, r"(?m)^op +size +calls +seconds +share +GFLOP/s +GB/s +peak$")
        lines = [match.groupdict() for match in map(LINE.match, table.splitlines()) if match]
        total = [line for line in lines if line["op"] == "network"]
        ops = [line for line in lines if line["size"]]
        host = [line for line in lines if line["op"] in HOST_OPS]
        self.assertEqual(len(total), 1)
        self.assertEqual(len(ops) + len(host) + 1, len(lines))
        self.assertEqual(sum(int(op["calls"]) for op in ops), int(total[0]["calls"]))
        self.assertAlmostEqual(sum(float(op["seconds"]) for op in ops), float(total[0]["seconds"]),
                               delta=0.001 * len(ops))
        self.assertLessEqual(float(total[0]["share"]), 100)
        self.assertLessEqual({"conv 1x1", "conv 2x2", "up 2x2", "linear", "stft", "istft"},
                             {op["op"] for op in ops})
        self.assertLessEqual({"open", "decode", "blend", "encode", "finish"},
                             {line["op"] for line in host})
        seconds = [float(op["seconds"]) for op in ops]
        self.assertEqual(seconds, sorted(seconds, reverse=True))
        self.assertRegex(result.err, r"(?m)^cleave: profile: .*trace.json \([\d.]+ KiB\)$")

    def test_b2_work_is_what_inspect_says(self):
        result = self.profile(self.tone(), "--overlap", "1", "--json", model=DRUMS)
        self.assert_done(result)
        profile = json.loads(result.out)["profile"]
        info = json.loads(self.run_program("inspect", DRUMS, "--json").out)
        self.assertAlmostEqual(profile["flops"] / profile["chunks"] / info["flops_per_chunk"], 1.0,
                               places=7)  # JSON has nine digits

    def test_b2_op_by_op(self):
        result = self.profile(MIX, "--no-compile", "-t", "1")
        self.assert_done(result)
        for op in ("norm", "act", "add", "mul", "concat"):
            self.assertRegex(result.out, r"(?m)^%s +\d+x\d+ " % op)
        self.assertNotIn("worker 1", self.check_trace())

    def test_b2_quiet_writes_the_trace_only(self):
        result = self.profile(MIX, "-q")
        self.assert_done(result)
        self.assertEqual((result.out, result.err), ("", ""))
        self.assertTrue(self.check_trace())

    def test_b2_nothing_of_it_without_the_option(self):
        result = self.separate(MIX)
        self.assert_done(result)
        self.assertNotIn("GFLOP/s", result.out)
        self.assertEqual([name for name in self.files(self.folder) if name.endswith(".json")], [])
        result = self.separate(MIX, "--json")
        self.assertNotIn("profile", json.loads(result.out))

    def test_b2_a_stream_keeps_standard_output(self):
        stem = json.loads(self.run_program("inspect", MODEL, "--json").out)["stems"][0]
        result = self.run_program(MIX, "-m", MODEL, "--stems", stem, "-o", "-", "--profile",
                                  self.path("trace.json"))
        self.assert_done(result)
        self.assertEqual(result.raw_out[:4], b"RIFF")
        self.assertIn("GFLOP/s", result.err)


class JsonTest(ProfileTest):
    def run_json(self, *arguments):
        result = self.profile(*arguments, "--json")
        self.assert_done(result)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_b2_keys(self):
        track, = self.run_json(MIX)
        profile = track["profile"]
        self.assertEqual(sorted(profile), PROFILE_KEYS)
        for op in profile["ops"]:
            self.assertEqual(sorted(op), OP_KEYS)
            self.assertEqual(op["where"] == "host", op["op"] in HOST_OPS)
            self.assertEqual(op["where"] == "host", op["size"] is None)
            self.assertEqual(op["kernel"] is None, op["algorithm"] is None)
            self.assertEqual(op["peak_share"] is None,
                             op["op"] not in ("conv", "conv_transposed", "linear"))
            self.assertAlmostEqual(op["share"], op["seconds"] / profile["seconds"], places=6)
        network = [op for op in profile["ops"] if op["where"] == "network"]
        self.assertAlmostEqual(sum(op["seconds"] for op in network), profile["network_seconds"],
                               places=6)
        self.assertAlmostEqual(sum(op["flops"] for op in network) / profile["flops"], 1.0, places=6)
        self.assertLessEqual(profile["network_seconds"], track["network_seconds"])
        self.assertLessEqual(profile["seconds"], track["seconds"])

    def test_b2_each_input_has_its_own(self):
        names = [self.copy_mix("a.wav"), self.copy_mix("b.wav")]
        first, second = (track["profile"] for track in self.run_json(*names))
        for profile in (first, second):
            self.assertGreater(profile["chunks"], 0)
            self.assertGreater(profile["seconds"], 0)
        self.assertEqual(first["chunks"], second["chunks"])
        self.assertAlmostEqual(first["flops"] / second["flops"], 1.0, places=9)
        calls = [{(op["op"], str(op["size"]), str(op["kernel"])): op["calls"]
                  for op in profile["ops"]} for profile in (first, second)]
        self.assertEqual(calls[0], calls[1])
        rows = self.check_trace()
        self.assertEqual(sum(len(row) for row in rows.values()),
                         first["events"] + second["events"])


class TraceTest(ProfileTest):
    def test_b2_rows_are_threads(self):
        result = self.profile(self.tone(), "--overlap", "1", "-t", "3", model=DRUMS)
        self.assert_done(result)
        rows = self.check_trace()
        self.assertLessEqual({"caller", "feed", "collect", "worker 1", "worker 2"}, set(rows))
        self.assertEqual({event["name"] for event in rows["feed"]}, {"decode"})
        self.assertLessEqual({event["name"] for event in rows["collect"]}, {"blend", "encode"})
        network = {event["name"] for event in rows["caller"] if event["cat"] == "network"}
        self.assertIn("conv 3x3 256x128", network)
        for worker in ("worker 1", "worker 2"):
            self.assertLessEqual({event["name"] for event in rows[worker]}, network)
        layers = {event["args"]["layer"] for event in rows["caller"] if event["cat"] == "network"}
        self.assertIn("encoder_blocks.0.tfc_tdf.blocks.0.shortcut", layers)

    def test_b2_an_existing_trace_is_replaced(self):
        self.write("trace.json", b"from an earlier run")
        self.assert_done(self.profile(MIX))
        self.assertTrue(self.check_trace())

    def test_b2_a_failed_input_leaves_a_trace_of_the_rest(self):
        self.write("noise.wav", b"no audio at all")
        result = self.profile(self.path("noise.wav"), MIX)
        self.assertEqual(result.code, 1)
        self.assertIn("decode", {event["name"] for event in self.check_trace()["feed"]})

    def test_b2_an_interrupted_run_leaves_a_whole_trace(self):
        """A signal in the midst of a run, which its first line of progress tells of."""
        names = [self.copy_mix("%02d.wav" % i) for i in range(40)]
        self.trace_path = self.path("trace.json")
        with Process([PROGRAM, *names, "-m", MODEL, "-o", self.output, "--overlap", "50", "-t", "1",
                      "--profile", self.trace_path], env=environment(), stdin=subprocess.DEVNULL,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()  # the first track is done
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=TIME_LIMIT)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        self.assertTrue(self.check_trace())


class RefusalTest(ProfileTest):
    def test_b2_the_file_must_be_named_json(self):
        for name in ("song.flac", ".json", "trace"):
            result = self.separate(MIX, "--profile", name)
            self.assert_failed(result, 2, "--profile", ".json")
        self.assertEqual(self.files(self.folder), [])

    def test_b2_a_place_that_cannot_be_written_is_told_beforehand(self):
        os.mkdir(self.path("folder.json"))
        self.write("file", b"")
        for name in ("folder.json", "file/trace.json"):
            result = self.separate(MIX, "--profile", self.path(name))
            self.assert_failed(result, 2, "--profile", name)

    def test_b2_nothing_was_separated(self):
        self.write("noise.wav", b"no audio at all")
        self.assert_done(self.separate(MIX))
        result = self.profile(MIX, "--skip-existing")
        self.assert_done(result)
        self.assertIn("nothing was separated", result.err)
        self.assertFalse(os.path.exists(self.trace_path))

    def test_b2_other_commands_have_no_profile(self):
        result = self.run_program("inspect", MODEL, "--profile", self.path("trace.json"))
        self.assert_failed(result, 2, "--profile")


if __name__ == "__main__":
    unittest.main()
