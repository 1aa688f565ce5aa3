// memory.cc: the library in C++: separates audio in memory and prints how loud each stem is.
//
//   c++ -std=c++17 memory.cc $(pkg-config --cflags --libs cleave) -o memory
//   ./memory drumsep.ckpt
#include <cleave.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

namespace {

struct CloseModel {
    void operator()(cleave_model *model) const {
        cleave_model_close(model);
    }
};

struct CloseSeparator {
    void operator()(cleave_separator *separator) const {
        cleave_separator_close(separator);
    }
};

using Model = std::unique_ptr<cleave_model, CloseModel>;
using Separator = std::unique_ptr<cleave_separator, CloseSeparator>;

// One second of clicks, four a second.
std::vector<float> clicks(int sample_rate) {
    std::vector<float> samples(static_cast<std::size_t>(sample_rate));
    for (std::size_t i = 0; i < samples.size(); i++)
        samples[i] = std::exp(-0.002f * static_cast<float>(i % (samples.size() / 4))) *
                     std::sin(0.01f * static_cast<float>(i));
    return samples;
}

double decibels(const float *samples, std::size_t count) {
    double energy = 0;
    for (std::size_t i = 0; i < count; i++)
        energy += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
    return 10 * std::log10(energy / static_cast<double>(count) + 1e-20);
}

int fail(const cleave_error &error) {
    std::fprintf(stderr, "%s: %s\n", cleave_status_name(error.status), error.text);
    return 1;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: memory MODEL\n");
        return 2;
    }
    cleave_error error;
    cleave_model *opened_model = nullptr;
    if (cleave_model_open(&opened_model, argv[1], nullptr, &error) != CLEAVE_OK)
        return fail(error);
    Model model(opened_model);
    cleave_separator *opened_separator = nullptr;
    if (cleave_separator_open(&opened_separator, model.get(), nullptr, &error) != CLEAVE_OK)
        return fail(error);
    Separator separator(opened_separator);

    cleave_model_info info;
    cleave_model_get_info(model.get(), &info);
    const std::vector<float> mix = clicks(info.sample_rate);
    const float *planes[] = {mix.data()};
    const std::size_t stem_samples = static_cast<std::size_t>(info.channels) * mix.size();
    std::vector<float> stems(static_cast<std::size_t>(info.stem_count) * stem_samples);
    if (cleave_separator_separate_memory(separator.get(), planes, 1,
                                         static_cast<int64_t>(mix.size()), stems.data(), nullptr,
                                         nullptr, &error) != CLEAVE_OK)
        return fail(error);
    for (int i = 0; i < info.stem_count; i++)
        std::printf(
            "%s: %.1f dB\n", info.stems[i],
            decibels(stems.data() + static_cast<std::size_t>(i) * stem_samples, stem_samples));
    return 0;
}
