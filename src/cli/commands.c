/* commands.c: the table of commands with the texts of their help. What they do is in cmd_*.c. */
#include "commands.h"

#include <string.h>

#include "text.h"

static const char separate_about[] =
    "Separates each INPUT, any audio file, into one file per stem of the network. The\n"
    "network is loaded once for all inputs; a file that fails does not stop the rest.\n"
    "An INPUT that is a folder stands for the audio files in it and below it, but for\n"
    "hidden ones and the output folder's; FOLDER/live/song.wav goes to\n"
    "DIR/live/song/STEM.wav. A file that is named is taken whatever its extension.\n"
    "With --skip-existing, an interrupted run can be taken up again: stems that are\n"
    "whole and of equal length are not made anew, whatever became of their input.\n"
    "Outputs appear when whole: after a failure or Ctrl-C none is left. Times come\n"
    "with the real-time factor: 2.8x says that 2.8 s of audio were separated per\n"
    "second of work (loading the network not counted).\n"
    "\n"
    "The input - is standard input (its TRACK is stdin), and a pipe may stand where a\n"
    "file does. With -o - one stem goes to standard output while the rest is still\n"
    "worked on, as WAV or raw; the table, or the JSON, then goes to standard error.\n"
    "\n"
    "With --json, standard output gets one JSON object per input, on one line, and\n"
    "standard error everything else. Its keys:\n"
    "  input, model                  as given\n"
    "  status, error                 \"ok\" or \"skipped\" and null; \"busy\" where another\n"
    "                                process works on it; or what went wrong\n"
    "  outputs                       list of {stem, path, peak, clipped}: largest\n"
    "                                absolute sample (1.0 is full scale), how many\n"
    "                                samples are beyond that and cut, by the format\n"
    "                                or (ogg, mp3) by players; with --score also\n"
    "                                sdr and si_sdr in dB (null: undefined; \"inf\")\n"
    "  audio_seconds, seconds        length of the input; time that the work took\n"
    "  real_time_factor              audio_seconds / seconds\n"
    "  network_seconds               of seconds, those in which the network ran\n"
    "  sample_rate, channels, samples   of each stem; samples per channel\n"
    "  source_sample_rate            of the input\n"
    "  peak_memory_bytes             of the process, since its start\n"
    "  peak_device_memory_bytes      of the network on its device\n"
    "  fallback_ops                  list of {name, op, device, instead_of, reason,\n"
    "                                runs}: ops that ran on device instead of on the\n"
    "                                one on which the rest of the network did\n"
    "  device, kernels, precision, compiled, overlap, batch, blend, tta\n"
    "                                what was used\n"
    "  memory_planned_bytes          what the process was expected to take at most\n"
    "  profile                       with --profile, of this input: seconds, chunks,\n"
    "                                flops (by direct computation),\n"
    "                                peak_flops_per_second (of the device; null: not\n"
    "                                known), events of the trace, events_left_out\n"
    "                                (for which it had no room), and ops, a list of\n"
    "                                {op, where, kernel, size, algorithm, layers,\n"
    "                                calls, seconds, thread_seconds, share, flops,\n"
    "                                bytes, peak_share}\n"
    "For an input that failed or was left out, what is not known is missing.\n";

static const char separate_examples[] =
    "  cleave song.flac -m drumsep.ckpt\n"
    "      writes separated/song/kick.wav and so on\n"
    "  cleave *.mp3 -m vocals.ckpt -o out --stems vocals --residual karaoke -f flac\n"
    "      writes out/TRACK/vocals.flac and out/TRACK/karaoke.flac for each\n"
    "  cleave song.wav -m vocals.ckpt --name '{track} ({stem})' --bits 24\n"
    "      writes separated/song (vocals).wav and so on\n"
    "  ffmpeg -i x.mp4 -f wav - | cleave - -m vocals.ckpt --stems vocals -o - |\n"
    "      ffmpeg -i - vocals.mp3\n"
    "      reads from one program and writes to another\n"
    "  cleave Music -m vocals.ckpt -o stems --ext flac,mp3 --skip-existing\n"
    "      all .flac and .mp3 files below Music that are not done yet\n"
    "  cleave Music -m vocals.ckpt -o stems --name '{stem}/{folder}/{track}'\n"
    "      all vocals in stems/vocals, as the songs are in Music\n"
    "  find . -name '*.wav' -print0 | cleave --from-list - --null -m vocals.ckpt\n"
    "      the files that find lists; without --null, one path per line\n"
    "  cleave separate kit.wav -m drumsep.ckpt --score true-stems\n"
    "      compares true-stems/kick.wav and so on with what comes out\n"
    "  cleave *.flac -m drumsep.ckpt --spectrogram --report drums.html\n"
    "      draws separated/TRACK/spectrogram.png for each, and writes a page of all:\n"
    "      players, pictures, loudness, peaks; --report-embed puts the audio into it\n"
    "  cleave song.flac -m drumsep.ckpt --profile trace.json\n"
    "      says which ops took how long; ui.perfetto.dev shows the threads at them\n";

static const char inspect_about[] =
    "Opens a checkpoint with its configuration, checks one against the other, and\n"
    "shows what they say: stems, sizes, parameters; the network's parts with shapes\n"
    "and cost; the memory that each batch needs and the batch that auto takes here;\n"
    "the files that belong together and the weights in them (-v: each of them).\n"
    "With --plan also how each layer is computed; the text below that table explains\n"
    "it. Nothing is separated, and no memory is taken.\n"
    "Without MODEL, the one that the environment variable CLEAVE_MODEL names.\n";

static const char inspect_examples[] = "  cleave inspect drumsep.ckpt\n"
                                       "  cleave inspect vocals.ckpt -c vocals.yaml --json\n"
                                       "  cleave inspect vocals.ckpt --plan\n";

static const char devices_about[] =
    "Lists what networks can run on, in the order in which '-d auto' takes it: the\n"
    "memory that is there and how much of it is in use; what each device can do, and\n"
    "why not more; the versions that it depends on; which one auto takes, and why.\n"
    "  f16, bf16       products of such operands\n"
    "  stft            the Fourier transforms run on the device, too\n"
    "  compile         whole networks are compiled, not only single ops\n"
    "  unified memory  its memory is the system's\n"
    "On Linux the CPU's memory and threads are those that containers (cgroups) and\n"
    "the process's affinity leave. Backends for GPUs are looked for beside the\n"
    "program and its library, or in the folder that CLEAVE_BACKENDS names.\n";

static const char devices_examples[] = "  cleave devices\n"
                                       "  cleave devices --json\n";

static const char score_about[] =
    "Compares estimated stems with the true ones: two audio files, or two folders in\n"
    "which files pair by name without extension (kick.wav with kick.flac).\n"
    "  SDR     10 log10(sum s^2 / sum (s - e)^2) in dB, over all channels and samples\n"
    "  SI-SDR  the same with s scaled to fit e best: blind to the estimate's volume\n"
    "          (Le Roux et al., 2019)\n"
    "A stem without an estimate is listed as missing, and the exit code is then 1.\n"
    "In JSON an undefined score (the true stem is silent) is null, and an infinite\n"
    "one the string \"inf\" or \"-inf\". The mean leaves undefined scores out.\n";

static const char score_examples[] = "  cleave score true-stems separated/song\n"
                                     "  cleave score kick.flac separated/song/kick.wav --json\n";

static const char export_about[] =
    "Writes the network as an ONNX file, weights included (f32), for ONNX Runtime,\n"
    "OpenVINO and others. It is the network between the transforms:\n"
    "  input   spectrogram   (batch, 2*channels, dim_f, T)\n"
    "  output  stems         (batch, stems, 2*channels, dim_f, T)\n"
    "channel 2c is the real and 2c+1 the imaginary part of audio channel c, as the\n"
    "PyTorch network has them: of an STFT with a periodic Hann window, centred\n"
    "frames and reflected ends, unnormalised, the lowest dim_f bins. The STFT and\n"
    "its inverse are left out, since few runtimes have ONNX's (or run it well); the\n"
    "file's metadata say what they take: sample_rate, channels, n_fft, hop_length,\n"
    "dim_f, dim_t, stems.\n"
    "The batch is free, T is fixed. Opset 20; a file has less than 2 GiB.\n"
    "FILE appears when it is whole: after a failure or Ctrl-C nothing is left of it.\n"
    "Without MODEL, the one that the environment variable CLEAVE_MODEL names.\n";

static const char export_examples[] = "  cleave export vocals.ckpt -o vocals.onnx\n"
                                      "  cleave export vocals.ckpt -o short.onnx --frames 128\n";

static const char bench_about[] =
    "Times the network in every configuration that is asked for: devices, precisions,\n"
    "compiled or op by op, overlaps, batch sizes; by default all devices that are\n"
    "present, f32 and what they have instructions for, compiled and op by op.\n"
    "The audio is the loudest 10 s of INPUT (--seconds); without INPUT, audio that\n"
    "the program makes up. Files play no part: it lies in memory, stems and all.\n"
    "Each configuration is opened, warmed up and then run three times (--runs); the\n"
    "clock is read when the device has done what it was given, and all that the\n"
    "configuration held is released before the next one. The table is sorted by\n"
    "speed:\n"
    "  median    of its runs' times, and half of their range as a part of it\n"
    "  overlap   as configured where none is asked for\n"
    "  real      seconds of audio for each second of work: 1x is real time\n"
    "  gain      how many times as fast as the slowest\n"
    "  memory    the peak of the process's memory meanwhile, audio and stems included\n"
    "            (where the system cannot begin a new peak: since its start)\n"
    "A configuration that fails is listed with the rest, and the exit code is then\n"
    "that of its failure. Ctrl-C ends the runs, and prints what was measured.\n"
    "\n"
    "With --json, standard output gets one object: model, input (null: generated),\n"
    "start_seconds, audio_seconds, runs, and configurations, a list of:\n"
    "  device, precision, compile    what was asked for\n"
    "  compiled, kernels             whether it was compiled; the CPU's instructions\n"
    "  overlap, batch                that were used\n"
    "  error                         null, or why it did not run\n"
    "  seconds                       of each run\n"
    "  median_seconds, spread        as above; the spread as a fraction\n"
    "  real_time_factor, speed_up    real and gain\n"
    "  open_seconds, warm_up_seconds   until the network was ready; the warm-up\n"
    "  peak_memory_bytes             as above\n"
    "  peak_device_memory_bytes      of the device\n"
    "  fallback_ops                  that did not run on the device\n"
    "  simulated                     whether a program plays the device's part, as in\n"
    "                                builds for tests: its times mean nothing\n";

static const char bench_examples[] =
    "  cleave bench -m drumsep.ckpt\n"
    "  cleave bench song.flac -m vocals.ckpt -d mps,cpu --precision f32,f16\n"
    "  cleave bench -m vocals.ckpt --compile yes --overlap 2,4,8 --batch 1,2,4\n"
    "  cleave bench -m vocals.ckpt --profile trace.json\n"
    "      times every op of the fastest configuration, too\n";

static const char verify_about[] =
    "Separates the same audio in every mode that is asked for (devices, precisions,\n"
    "compiled or op by op; by default all that this machine can do) and compares each\n"
    "stem with the reference: f32 on the CPU, op by op.\n"
    "The audio is the loudest 20 s of INPUT (--seconds); without INPUT, audio that\n"
    "the program makes up. It, the stems and the reference's are held in memory: for\n"
    "a network of 6 stereo stems about 5 MB a second, beside what separating takes.\n"
    "  SNR       10 log10(sum s^2 / sum (s - e)^2) in dB; s: the reference's stem,\n"
    "            e: the mode's\n"
    "  max       the largest difference of two samples, in dB below full scale\n"
    "  LSD       log-spectral distance in dB (Gray & Markel, IEEE Trans. ASSP 24(5),\n"
    "            1976), which is blind to phase: the mean over frames of\n"
    "            sqrt(mean over bins of (L(s) - L(e))^2), with L = 10 log10 |STFT|^2,\n"
    "            frames of 2048 samples under a Hann window, 1024 apart; levels end\n"
    "            at -90 dBFS, and bins that are below it in both are left out\n"
    "A stem's verdict follows from its SNR:\n"
    "  transparent   60 dB and more. Noise is masked within its critical band where\n"
    "                it is 6 dB (below noise) to 40 dB (below tones) under the signal\n"
    "                (Johnston, IEEE J-SAC 6(2), 1988); 20 dB more are for noise of\n"
    "                another spectrum than the signal's, and for mixing again\n"
    "  audible       less: it may be heard, though seldom near 60 dB\n"
    "  broken        less than 20 dB, or a sample that is no number. Good networks\n"
    "                come within about 10 dB (SDR) of the true stems; noise of 20 dB\n"
    "                takes 0.4 dB off that\n"
    "A stem that is silent in the reference (RMS below -100 dBFS, where 16 bits end)\n"
    "has no SNR worth the name: it is judged by its error's level alone, as a stem at\n"
    "-40 dBFS would be, so that an RMS error up to -100 dBFS is transparent.\n"
    "The exit code is 1 where a stem falls below --min-snr (default: 20 dB), and 4\n"
    "where a mode could not be run.\n"
    "\n"
    "With --json, standard output gets one object: model, input (null: generated),\n"
    "start_seconds and seconds of what was compared, reference, thresholds, passed,\n"
    "and modes, a list of:\n"
    "  device, precision, compile    what was asked for\n"
    "  compiled, kernels             whether it was compiled; the CPU's instructions\n"
    "  fallback_ops                  that did not run on the device\n"
    "  simulated                     whether a program plays the device's part, as in\n"
    "                                builds for tests\n"
    "  error                         null, or why it did not run\n"
    "  worst_stem, judged_snr        the stem of the lowest SNR, as judged\n"
    "  verdict, passed               of that stem; whether it reaches --min-snr\n"
    "  stems                         list of {stem, silent, snr, level_dbfs,\n"
    "                                error_dbfs (both RMS; 0: 1.0 throughout),\n"
    "                                max_difference (1.0 is full scale),\n"
    "                                max_difference_dbfs, spectral_difference in dB,\n"
    "                                not_numbers (samples), verdict}\n"
    "What is undefined is null, what is infinite \"inf\" or \"-inf\".\n";

static const char verify_examples[] =
    "  cleave verify song.flac -m vocals.ckpt\n"
    "      every mode of every device that is present\n"
    "  cleave verify song.flac -m vocals.ckpt -d cpu -p bf16 --min-snr 40\n"
    "      fails where bf16 on the CPU is worse than 40 dB\n"
    "  cleave verify -m vocals.ckpt --seconds 5 --json\n"
    "      5 s of audio made up, for a program to read\n";

static const char doctor_about[] =
    "Prints one page to paste into a bug report: versions, how the program was built,\n"
    "the libraries that it uses, the processor, memory and what limits it, devices\n"
    "and what they can do, and which of the CPU's kernels are in use, and why not the\n"
    "others. Then it tries what there is: each kernel that the processor can run,\n"
    "against float64, and on each device a separation of 2 s in f32 with the network\n"
    "of -m (or CLEAVE_MODEL), or else with a small one of random weights; audio and\n"
    "the random network it makes up. What is tried is \"ok\", or FAILED with the\n"
    "reason, and the exit code is 1 where anything failed.\n"
    "A device fails too where its stems are less than 60 dB (SNR) from those that the\n"
    "CPU computes op by op.\n"
    "The page names neither user nor host; the home folder is shown as ~.\n"
    "\n"
    "With --json, standard output gets one object with the same: version, build,\n"
    "libraries, system, processor, memory, devices and auto (as 'cleave devices\n"
    "--json' has them), kernels, self_test (a list of {kernel, ok, text}),\n"
    "separation ({model, null: the random one, and trials, a list of {device, ok,\n"
    "error, seconds, snr}}), and failures, their number.\n";

static const char doctor_examples[] = "  cleave doctor\n"
                                      "  cleave doctor -m vocals.ckpt\n"
                                      "      tries the separation with this network\n"
                                      "  CLEAVE_KERNELS=avx2 cleave doctor --json\n";

static const char completion_about[] =
    "Prints the script with which SHELL (bash, zsh or fish) completes commands,\n"
    "options and values. An installed cleave has these scripts in place already. In\n"
    "place of a shell, the word 'devices' prints what '-d' takes on this machine,\n"
    "for which the scripts ask.\n";

static const char completion_examples[] =
    "  cleave completion bash > ~/.local/share/bash-completion/completions/cleave\n"
    "  cleave completion zsh > ~/.zsh/completions/_cleave\n"
    "      in a folder of fpath, before compinit\n"
    "  cleave completion fish > ~/.config/fish/completions/cleave.fish\n"
    "  source <(cleave completion bash)\n"
    "      for this shell alone\n";

static const char man_about[] = "Prints the manual page, in the form that man reads.\n";

static const char man_examples[] = "  cleave man | man -l -\n";

const Command commands[] = {
    {"separate", COMMAND_SEPARATE, 1, -1, COMPLETE_AUDIO, "[separate] [OPTION...] INPUT...",
     "separate audio files into stems", "no input; try 'cleave song.wav -m model.ckpt', or --help",
     separate_about, separate_examples, command_separate},
    {"inspect", COMMAND_INSPECT, 0, 1, COMPLETE_MODEL, "inspect [OPTION...] [MODEL]",
     "show what a network is", NULL, inspect_about, inspect_examples, command_inspect},
    {"devices", COMMAND_DEVICES, 0, 0, COMPLETE_BY_NAME, "devices [OPTION...]",
     "list what networks can run on", NULL, devices_about, devices_examples, command_devices},
    {"score", COMMAND_SCORE, 2, 2, COMPLETE_AUDIO, "score [OPTION...] TRUE ESTIMATE",
     "compare stems with the true ones",
     "score takes the true stems and the estimates: two folders or two files", score_about,
     score_examples, command_score},
    {"export", COMMAND_EXPORT, 0, 1, COMPLETE_MODEL, "export [MODEL] -o FILE [OPTION...]",
     "write a network as an ONNX file", NULL, export_about, export_examples, command_export},
    {"bench", COMMAND_BENCH, 0, 1, COMPLETE_AUDIO, "bench [OPTION...] [INPUT]",
     "time a network in many ways", NULL, bench_about, bench_examples, command_bench},
    {"verify", COMMAND_VERIFY, 0, 1, COMPLETE_AUDIO, "verify [OPTION...] [INPUT]",
     "compare precisions and devices", NULL, verify_about, verify_examples, command_verify},
    {"doctor", COMMAND_DOCTOR, 0, 0, COMPLETE_BY_NAME, "doctor [OPTION...]",
     "see what works, for a bug report", NULL, doctor_about, doctor_examples, command_doctor},
    {"help", COMMAND_HELP, 0, 1, COMPLETE_COMMAND, "help [COMMAND]", "explain a command", NULL,
     "Explains a command, as 'cleave COMMAND --help' does.\n", "  cleave help score\n",
     command_help},
    {"completion", COMMAND_COMPLETION, 1, 1, COMPLETE_SHELL, "completion SHELL",
     "print a shell's completions", "completion takes a shell: bash, zsh or fish", completion_about,
     completion_examples, command_completion},
    {"man", COMMAND_MAN, 0, 0, COMPLETE_BY_NAME, "man", "print the manual page", NULL, man_about,
     man_examples, command_man},
    {NULL, COMMAND_HELP, 0, 0, COMPLETE_BY_NAME, NULL, NULL, NULL, NULL, NULL, NULL}};

const Command *command_find(const char *name) {
    for (const Command *command = commands; command->name != NULL; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

const char *command_nearest(const char *name) {
    const char *names[sizeof commands / sizeof *commands] = {NULL};
    for (size_t i = 0; commands[i].name != NULL; i++)
        names[i] = commands[i].name;
    return text_nearest(name, names);
}
