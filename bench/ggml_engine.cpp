/* ggml_engine.cpp: the worker of compare.py for BSRoformer.cpp, over its public header. It speaks
 * as cleave_engine.c does. README.md says how to build it; cleave's own build leaves it out.
 *
 *   ggml_engine MODEL.gguf INPUT OUTPUT THREADS PRECISION
 *
 * INPUT holds 32-bit floats, (channels, samples) of a stereo chunk; OUTPUT gets (stems, channels,
 * samples). The library has no setting for threads: compare.py sets OMP_THREAD_LIMIT, which GGML's
 * threads keep to. */
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

#include "bs_roformer/inference.h"

using Signal = std::vector<float>;

/* The library prints to standard output: that goes to standard error, and answers go here. */
static FILE *answers;

static bool part_answers() {
    int own = dup(STDOUT_FILENO);
    answers = own >= 0 ? fdopen(own, "w") : nullptr;
    return answers && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
}

/* The library's signals are interleaved. */
static Signal interleave(const Signal &planes) {
    Signal result(planes.size());
    size_t samples = planes.size() / 2;
    for (size_t i = 0; i < planes.size(); i++)
        result[2 * (i % samples) + i / samples] = planes[i];
    return result;
}

static bool read_signal(const char *path, Signal &signal) {
    FILE *file = std::fopen(path, "rb");
    if (!file)
        return false;
    std::fseek(file, 0, SEEK_END);
    signal.resize(static_cast<size_t>(std::ftell(file)) / sizeof(float));
    std::rewind(file);
    size_t count = std::fread(signal.data(), sizeof(float), signal.size(), file);
    std::fclose(file);
    return count == signal.size();
}

static bool write_stems(const char *path, const std::vector<Signal> &stems) {
    FILE *file = std::fopen(path, "wb");
    bool good = file != nullptr;
    for (const Signal &stem : stems)
        for (size_t channel = 0; channel < 2 && good; channel++)
            for (size_t i = channel; i < stem.size() && good; i += 2)
                good = std::fwrite(&stem[i], sizeof(float), 1, file) == 1;
    return file && std::fclose(file) == 0 && good;
}

static double seconds_of(Inference &inference, const Signal &chunk) {
    auto begin = std::chrono::steady_clock::now();
    inference.ProcessChunk(chunk);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

static int run(char **words) {
    Signal planes;
    char line[16];
    if (!read_signal(words[2], planes)) {
        std::fprintf(stderr, "%s: cannot be read\n", words[2]);
        return 1;
    }
    Inference inference(words[1]);
    const Signal chunk = interleave(planes);
    if (!write_stems(words[3], inference.ProcessChunk(chunk)))
        return 1;
    std::fprintf(answers, "ready \n");
    std::fflush(answers);
    while (std::fgets(line, sizeof line, stdin) && std::strcmp(line, "run\n") == 0) {
        std::fprintf(answers, "%.6f\n", seconds_of(inference, chunk));
        std::fflush(answers);
    }
    return 0;
}

int main(int count, char **words) {
    if (count != 6) {
        std::fprintf(stderr, "usage: ggml_engine MODEL.gguf INPUT OUTPUT THREADS PRECISION\n");
        return 2;
    }
    try {
        return part_answers() ? run(words) : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
