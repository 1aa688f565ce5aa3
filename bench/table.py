"""The results of compare.py as a Markdown page. Standard library alone."""

COLUMNS = ("engine", "precision", "median", "from – to", "GFLOP/s", "against ONNX Runtime", "SNR",
           "peak memory", "start")


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def seconds_text(seconds):
    return "%.2f s" % seconds if seconds >= 10 else "%.3f s" % seconds


def base_seconds(engines):
    """The time of ONNX Runtime in f32, or None."""
    for engine in engines:
        if engine["name"] == "ONNX Runtime" and engine["precision"] == "f32" and engine["seconds"]:
            return median(engine["seconds"])
    return None


def engine_row(engine, network, base):
    if not engine["seconds"]:
        return [engine["name"], engine["precision"], "absent: " + engine["absent"]] + \
            [""] * (len(COLUMNS) - 3)
    middle = median(engine["seconds"])
    memory, snr = engine["peak_memory_bytes"], engine["snr_db"]
    return [
        "%s %s" % (engine["name"], engine["version"]), engine["precision"], seconds_text(middle),
        "%s – %s" % (seconds_text(min(engine["seconds"])), seconds_text(max(engine["seconds"]))),
        "%.0f" % (network["flops"] / middle / 1e9),
        "%.2f×" % (base / middle) if base else "",
        "%.1f dB" % snr if snr is not None else "",
        "%.2f GB" % (memory / 1e9) if memory else "",
        seconds_text(engine["start_seconds"])]


def markdown_table(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |",
             "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                    for row in rows]


def network_lines(network, rounds, threads):
    base = base_seconds(network["engines"])
    lines = ["## " + network["title"], "",
             "%.1f M parameters, %.4g GFLOP per chunk of %.2f s by direct computation; %d threads; "
             "medians of %d runs, the engines taking turns."
             % (network["parameters"] / 1e6, network["flops"] / 1e9, network["chunk_seconds"],
                threads, rounds), ""]
    return lines + markdown_table([engine_row(engine, network, base)
                                   for engine in network["engines"]])


NOTES = """\
- *median*: of one chunk. The others run the network alone, from spectrogram to spectrogram; cleave
  runs the STFT, the network, the inverse STFT and the blending, from samples to samples.
- *GFLOP/s*: the operations of direct computation over that time, whatever the engine's algorithm.
- *SNR*: of the stems against the network in float64 (NumPy), the worst stem; the others' spectrograms
  go through a float64 inverse STFT.
- *peak memory*: resident, of the whole process (VmHWM), Python and NumPy included where the engine
  is driven from Python.
- *start*: from the start of the process to its first result, less one run; files in the page cache.
- All engines have the same weights and the same input, and a process each, which lives through all
  rounds; only one runs at a time."""


def page(results):
    machine = results["machine"]
    lines = ["# cleave compared", "", "Made by `bench/compare.py`, %s." % results["date"], ""]
    lines += ["- %s: %s" % (key, value) for key, value in machine.items()]
    for network in results["networks"]:
        lines += [""] + network_lines(network, results["rounds"], results["threads"])
    return "\n".join(lines + ["", NOTES, ""])
