/* test_transforms.c: short-time Fourier transforms and their inverse against their definitions, of
 * sizes even and odd, prime and composed, in shared memory and beside it, of images and of tokens;
 * and the speed test's kernels, whose sums are known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const double tau = 6.28318530717958647692;

/* ---- What both directions share ---- */

typedef struct Transform {
    int n_fft;
    int hop;
    int subbands;
    int bins; /* of a subband */
    int frames;
    int waveforms; /* of a sample */
    int samples;   /* of a waveform */
    int batch;
    int stems;    /* of tokens: waveforms are stems · channels; 0: an image */
    bool wide;    /* in float64 */
    bool scratch; /* the buffers are in device memory, of `at_once` frames */
    int at_once;
    void *roots;
    void *window;
    void *memory;
    double *cosines; /* of tau k / n_fft */
    double *weights; /* the window, as numbers of the kernel */
} Transform;

static int length_of(const Transform *t) {
    return t->n_fft % 2 == 0 ? t->n_fft / 2 : t->n_fft;
}

static float *floats(size_t count) {
    return allocate(count * sizeof(float));
}

/* Of a number of the kernel. */
static size_t number_bytes(const Transform *t) {
    return t->wide ? sizeof(double) : sizeof(float);
}

static void write_number(const Transform *t, void *memory, size_t i, double value) {
    if (t->wide)
        ((double *)memory)[i] = value;
    else
        ((float *)memory)[i] = (float)value;
}

/* Any window will do. */
static void make_tables(Transform *t, Random *random) {
    size_t n = (size_t)t->n_fft;
    t->roots = allocate(2 * n * number_bytes(t));
    t->window = allocate(n * number_bytes(t));
    t->cosines = allocate(n * sizeof(double));
    t->weights = allocate(n * sizeof(double));
    for (size_t k = 0; k < n; k++) {
        t->cosines[k] = cos(tau * (double)k / (double)n);
        t->weights[k] = (double)(float)(1 + 0.5 * random_real(random));
        write_number(t, t->roots, 2 * k, t->cosines[k]);
        write_number(t, t->roots, 2 * k + 1, -sin(tau * (double)k / (double)n));
        write_number(t, t->window, k, t->weights[k]);
    }
    if (t->scratch)
        t->memory = allocate((size_t)t->batch * (size_t)t->waveforms * (size_t)t->at_once * 4 *
                             (size_t)length_of(t) * number_bytes(t));
}

/* The waveforms of tokens are those of `stems` stems. */
static Transform transform_random(Random *random, int n_fft, int stems, bool wide) {
    Transform t = {.n_fft = n_fft, .stems = stems, .wide = wide};
    int bins = n_fft / 2 + 1;
    bool large = n_fft > 1000;
    t.hop = random_between(random, 1 + n_fft / 5, n_fft > 3 ? n_fft / 2 : 1);
    t.subbands = large || stems ? 1 : random_between(random, 1, 3);
    t.bins = bins / t.subbands - (bins / t.subbands > 1 ? random_between(random, 0, 1) : 0);
    if (t.bins == 0)
        t.bins = t.subbands = 1;
    t.frames = large ? 2 : random_between(random, 1, 6);
    t.waveforms = random_between(random, 1, large ? 2 : 3) * (stems ? stems : 1);
    t.batch = large ? 1 : random_between(random, 1, 2);
    t.samples = n_fft / 2 + 1 + t.hop * (t.frames - 1) + random_between(random, 0, t.hop - 1);
    t.scratch = random_chance(random, 40);
    t.at_once = t.scratch ? random_between(random, 1, t.frames) : t.frames;
    make_tables(&t, random);
    return t;
}

static void transform_free(Transform *t) {
    free(t->roots);
    free(t->window);
    free(t->memory);
    free(t->cosines);
    free(t->weights);
}

/* Radices as a plan has them, but with every prime there is. */
static FourierPlan plan_of(const Transform *t) {
    FourierPlan plan = {.n_fft = t->n_fft,
                        .length = length_of(t),
                        .roots = (uint64_t)(uintptr_t)t->roots,
                        .window = (uint64_t)(uintptr_t)t->window,
                        .scratch = (uint64_t)(uintptr_t)t->memory};
    int rest = plan.length;
    for (; rest % 4 == 0; rest /= 4)
        plan.radix[plan.passes++] = 4;
    for (int radix = 2; rest > 1; radix++)
        for (; rest % radix == 0; rest /= radix)
            plan.radix[plan.passes++] = radix;
    return plan;
}

static size_t shared_of(const Transform *t) {
    return t->scratch ? 0 : (size_t)length_of(t) * 2 * 2 * number_bytes(t);
}

static double cosine(const Transform *t, int64_t k) {
    return t->cosines[k % t->n_fft];
}

/* sin x = cos (x - tau / 4), which lies between the table's places unless 4 divides n_fft. */
static double sine(const Transform *t, int64_t k) {
    return t->n_fft % 4 == 0 ? cosine(t, k + (int64_t)t->n_fft / 4 * 3)
                             : sin(tau * (double)(k % t->n_fft) / t->n_fft);
}

/* Channels of a stem of tokens. */
static int stem_channels(const Transform *t) {
    return t->waveforms / t->stems;
}

/* An image has a pixel for each bin of a subband; tokens have one for each frame of a stem. */
static Value spectrum_of(const Transform *t, Random *random) {
    int height = t->stems ? t->stems : t->frames;
    int width = t->stems ? t->frames : t->bins;
    int used = t->stems ? 2 * t->bins * stem_channels(t) : 2 * t->waveforms * t->subbands;
    return random ? value_random(random, t->batch, height, width, padded(used), STORED_F32)
                  : value_blank(t->batch, height, width, padded(used), STORED_F32);
}

/* The real or imaginary part of a waveform's bin. */
static double part_at(const Transform *t, const Value *spectrum, int sample, int waveform,
                      int frame, int bin, int part) {
    if (!t->stems)
        return value_at(spectrum, sample, frame, bin % t->bins,
                        (2 * waveform + part) * t->subbands + bin / t->bins);
    int channels = stem_channels(t);
    return value_at(spectrum, sample, waveform / channels, frame,
                    (bin * channels + waveform % channels) * 2 + part);
}

static SpectrumLayout layout_of(const Transform *t, const Value *spectrum) {
    if (!t->stems)
        return (SpectrumLayout){.group = 1,
                                .group_stride = 2 * (int64_t)t->subbands,
                                .frame_stride = (int64_t)t->bins * spectrum->channels,
                                .bins = t->bins,
                                .bin_stride = spectrum->channels,
                                .imaginary = t->subbands};
    return (SpectrumLayout){.group = stem_channels(t),
                            .group_stride = (int64_t)t->frames * spectrum->channels,
                            .waveform_stride = 2,
                            .frame_stride = spectrum->channels,
                            .bins = t->bins,
                            .bin_stride = 2 * stem_channels(t),
                            .imaginary = 1};
}

/* ---- Forward ---- */

static int reflect(int index, int samples) {
    index = abs(index);
    return index < samples ? index : 2 * (samples - 1) - index;
}

static double framed(const Transform *t, const float *waveform, int frame, int i) {
    int at = reflect(frame * t->hop - t->n_fft / 2 + i, t->samples);
    return (double)waveform[at] * t->weights[i];
}

/* In float64, what is left is the rounding of each number to f32. */
static void check_frame(const Transform *t, const float *waveform, const Value *spectrum,
                        int sample, int channel, int frame, Comparison *all) {
    double power = 0;
    for (int i = 0; i < t->n_fft; i++)
        power += pow(framed(t, waveform, frame, i), 2);
    for (int bin = 0; bin < t->bins * t->subbands; bin++) {
        double real = 0, imaginary = 0;
        for (int i = 0; i < t->n_fft; i++) {
            double value = framed(t, waveform, frame, i);
            real += value * cosine(t, (int64_t)bin * i);
            imaginary -= value * sine(t, (int64_t)bin * i);
        }
        double bound = (t->wide ? 1e-13 : 2e-6) * sqrt(power) * log2(t->n_fft + 2);
        double rounding = t->wide ? 0x1p-24 : 0;
        compare(all, part_at(t, spectrum, sample, channel, frame, bin, 0), real,
                bound + rounding * fabs(real));
        compare(all, part_at(t, spectrum, sample, channel, frame, bin, 1), imaginary,
                bound + rounding * fabs(imaginary));
    }
}

static void check_padding(const Transform *t, const Value *spectrum) {
    int used = t->stems ? 2 * t->bins * t->waveforms : 2 * t->waveforms * t->subbands;
    for (int sample = 0; sample < t->batch; sample++)
        for (int y = 0; y < spectrum->height; y++)
            for (int x = 0; x < spectrum->width; x++)
                for (int c = used; c < spectrum->channels; c++)
                    assert_true(value_at(spectrum, sample, y, x, c) == 0);
}

static void run_forward(const Transform *t, const float *waveforms, const Value *spectrum,
                        Way way) {
    StftArguments a = {.plan = plan_of(t),
                       .waveform = (uint64_t)(uintptr_t)waveforms,
                       .waveform_stride = (int64_t)t->waveforms * t->samples,
                       .samples = t->samples,
                       .hop = t->hop,
                       .channels = t->waveforms,
                       .bins = t->bins * t->subbands,
                       .frames = t->frames,
                       .runs = t->stems ? 1 : t->bins,
                       .run = spectrum->channels,
                       .used =
                           t->stems ? 2 * t->bins * t->waveforms : 2 * t->waveforms * t->subbands,
                       .layout = layout_of(t, spectrum),
                       .spectrum = value_view(spectrum, 0)};
    run_kernel(t->wide ? "stft_f64" : "stft", &a, (Grid){t->at_once, t->waveforms, t->batch},
               shared_of(t), way);
}

static void check_forward(Random *random, int n_fft, bool tokens) {
    Transform t = transform_random(random, n_fft, tokens ? 1 : 0, tokens);
    size_t count = (size_t)t.batch * (size_t)t.waveforms * (size_t)t.samples;
    float *waveforms = floats(count);
    for (size_t i = 0; i < count; i++)
        waveforms[i] = (float)random_real(random);
    Value spectrum = spectrum_of(&t, NULL);
    Value again = spectrum_of(&t, NULL);
    run_forward(&t, waveforms, &spectrum, (Way){75, 1});
    run_forward(&t, waveforms, &again, (Way){80, 2});
    assert_memory_equal(spectrum.memory, again.memory, value_bytes(&spectrum));
    Comparison all = {.what = "a spectrum"};
    for (int sample = 0; sample < t.batch; sample++)
        for (int channel = 0; channel < t.waveforms; channel++)
            for (int frame = 0; frame < t.frames; frame++)
                check_frame(
                    &t, waveforms + (size_t)(sample * t.waveforms + channel) * (size_t)t.samples,
                    &spectrum, sample, channel, frame, &all);
    compare_end(&all, tokens ? 145 : 110);
    check_padding(&t, &spectrum);
    value_free(&spectrum);
    value_free(&again);
    free(waveforms);
    transform_free(&t);
}

/* ---- Inverse ---- */

/* Sample i of a frame, of the bins that there are. Those that are their own mirrors are real. */
static double inverse_at(const Transform *t, const Value *spectrum, int sample, int waveform,
                         int frame, int i) {
    double sum = 0;
    for (int bin = 0; bin < t->bins * t->subbands; bin++) {
        double real = part_at(t, spectrum, sample, waveform, frame, bin, 0);
        double imaginary = part_at(t, spectrum, sample, waveform, frame, bin, 1);
        bool mirrored = bin != 0 && 2 * bin != t->n_fft;
        double value = real * cosine(t, (int64_t)bin * i);
        if (mirrored)
            value = 2 * (value - imaginary * sine(t, (int64_t)bin * i));
        sum += value;
    }
    return sum * t->weights[i];
}

static double gathered_at(const Transform *t, const double *frames, int position) {
    double sum = 0;
    for (int frame = 0; frame < t->frames; frame++) {
        int i = position + t->n_fft / 2 - frame * t->hop;
        if (i >= 0 && i < t->n_fft)
            sum += frames[(size_t)frame * (size_t)t->n_fft + (size_t)i];
    }
    return sum;
}

static void check_waveform(const Transform *t, const Value *spectrum, const float *gain, int length,
                           const float *got, int sample, int waveform, Comparison *all) {
    size_t n = (size_t)t->n_fft;
    double *frames = allocate((size_t)t->frames * n * sizeof(double));
    for (int frame = 0; frame < t->frames; frame++)
        for (int i = 0; i < t->n_fft; i++)
            frames[(size_t)frame * n + (size_t)i] =
                inverse_at(t, spectrum, sample, waveform, frame, i);
    double bound = 1e-5 * sqrt((double)t->n_fft) * log2(t->n_fft + 2);
    for (int i = 0; i < t->samples; i++)
        compare(all, (double)got[i], i < length ? gathered_at(t, frames, i) * (double)gain[i] : 0,
                bound);
    free(frames);
}

typedef struct Inverse {
    const Value *spectrum;
    const float *gain;
    int length;
} Inverse;

static float *run_inverse(const Transform *t, Inverse inverse, Way way) {
    size_t waveforms = (size_t)t->batch * (size_t)t->waveforms;
    float *frames = floats(waveforms * (size_t)t->frames * (size_t)t->n_fft);
    float *output = floats(waveforms * (size_t)t->samples);
    IstftArguments a = {.plan = plan_of(t),
                        .spectrum = value_view(inverse.spectrum, 0),
                        .frames_memory = (uint64_t)(uintptr_t)frames,
                        .gain = (uint64_t)(uintptr_t)inverse.gain,
                        .output = (uint64_t)(uintptr_t)output,
                        .samples = t->samples,
                        .length = inverse.length,
                        .hop = t->hop,
                        .waveforms = t->waveforms,
                        .bins = t->bins * t->subbands,
                        .frames = t->frames,
                        .layout = layout_of(t, inverse.spectrum)};
    run_kernel("istft_frames", &a, (Grid){t->at_once, t->waveforms, t->batch}, shared_of(t), way);
    run_kernel("istft_gather", &a,
               (Grid){divide_up(t->samples, STFT_THREADS), t->waveforms, t->batch}, 0, way);
    free(frames);
    return output;
}

/* Tokens fill all samples. */
static void check_inverse(Random *random, int n_fft, int stems) {
    Transform t = transform_random(random, n_fft, stems, false);
    Value spectrum = spectrum_of(&t, random);
    int covered = n_fft + t.hop * (t.frames - 1) - 2 * (n_fft / 2);
    Inverse inverse = {.spectrum = &spectrum,
                       .length = covered < t.samples && !stems ? covered : t.samples};
    float *gain = floats((size_t)inverse.length);
    for (int i = 0; i < inverse.length; i++)
        gain[i] = (float)(1 + 0.5 * random_real(random));
    inverse.gain = gain;
    float *output = run_inverse(&t, inverse, (Way){75, 1});
    float *again = run_inverse(&t, inverse, (Way){80, 2});
    size_t count = (size_t)t.batch * (size_t)t.waveforms * (size_t)t.samples;
    assert_memory_equal(output, again, count * sizeof(float));
    Comparison all = {.what = "a waveform"};
    for (int sample = 0; sample < t.batch; sample++)
        for (int waveform = 0; waveform < t.waveforms; waveform++)
            check_waveform(&t, &spectrum, gain, inverse.length,
                           output + (size_t)(sample * t.waveforms + waveform) * (size_t)t.samples,
                           sample, waveform, &all);
    compare_end(&all, 110);
    free(output);
    free(again);
    free(gain);
    value_free(&spectrum);
    transform_free(&t);
}

static const int sizes[] = {2,  3,  4,  5,  6,  7,   8,   12,  15,  16,  22,
                            30, 49, 64, 90, 97, 120, 125, 256, 343, 480, 1024};

static void check_sizes_forward(bool tokens) {
    Random random = {3};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_forward(&random, sizes[i], tokens);
    if (CASES > 2)
        check_forward(&random, 6144, tokens);
}

static void forward_transforms(void **state) {
    (void)state;
    check_sizes_forward(false);
}

static void forward_transforms_of_tokens(void **state) {
    (void)state;
    check_sizes_forward(true);
}

static void inverse_transforms(void **state) {
    (void)state;
    Random random = {4};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_inverse(&random, sizes[i], 0);
    if (CASES > 2)
        check_inverse(&random, 6144, 0);
}

static void inverse_transforms_of_tokens(void **state) {
    (void)state;
    Random random = {5};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        check_inverse(&random, sizes[i], 1 + (int)i % 3);
}

/* ---- Speed ---- */

static float *run_peak(const char *name, int rounds, Way way) {
    float *output = floats(2 * PEAK_THREADS);
    PeakArguments a = {.output = (uint64_t)(uintptr_t)output, .rounds = rounds};
    run_kernel(name, &a, (Grid){2, 1, 1}, 0, way);
    return output;
}

static void the_speed_test_multiplies_and_adds(void **state) {
    (void)state;
    float *output = run_peak("peak_f32", 3, (Way){75, 1});
    for (int thread = 0; thread < 2 * PEAK_THREADS; thread++) {
        float sum = 0, x = (float)(thread % PEAK_THREADS);
        for (int i = 0; i < 64; i++) {
            float value = (float)i;
            for (int round = 0; round < 3; round++)
                value = fmaf(value, x, 0.5f);
            sum += value;
        }
        assert_true(output[thread] == sum);
    }
    free(output);
}

/* Each round adds the same products, of numbers that are not tiny: twice as many rounds give twice
 * as much. */
static void the_speed_test_of_matrices_adds_up(void **state) {
    (void)state;
    static const char *const names[] = {"peak_f16", "peak_bf16"};
    for (int i = 0; i < 2; i++) {
        float *once = run_peak(names[i], 1, (Way){80, 1});
        float *again = run_peak(names[i], 1, (Way){80, 2});
        float *twice = run_peak(names[i], 2, (Way){80, 0});
        double least = INFINITY;
        for (int thread = 0; thread < 2 * PEAK_THREADS; thread++) {
            least = fmin(least, fabs((double)once[thread]));
            assert_true(fabsf(twice[thread] - 2 * once[thread]) <= 1e-5f * fabsf(once[thread]));
        }
        assert_memory_equal(once, again, 2 * PEAK_THREADS * sizeof(float));
        assert_true(least > 1e-3);
        free(once);
        free(again);
        free(twice);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_transforms),
        cmocka_unit_test(forward_transforms_of_tokens),
        cmocka_unit_test(inverse_transforms),
        cmocka_unit_test(inverse_transforms_of_tokens),
        cmocka_unit_test(the_speed_test_multiplies_and_adds),
        cmocka_unit_test(the_speed_test_of_matrices_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
