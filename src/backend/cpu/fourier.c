/* fourier.c: which passes make up a transform, and their tables. Frames of even length are taken as
 * complex values, pairs of neighbouring samples, of half the length; those of odd length as complex
 * values without imaginary parts.
 *
 * A transform is in place. Its input is put where the passes, which are decimated in time, want it
 * (by digit reversal) as it is cut from the waveform, or when a spectrum is split; so the output is
 * in order. */
#include "backend/cpu/fourier.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define MAX_PASSES 32 /* each radix is at least 2 */

/* Parts of a transform that are as large as this, or smaller, go through all their passes before
 * the next one begins: 32 KiB. A processor whose second cache holds the whole transform (0.5 MiB of
 * 8192 samples) hardly gains by that; others need not fetch it for each pass again. */
#define PART_POSITIONS 256

typedef struct Pass {
    size_t radix;
    size_t apart;          /* values of the parts that it puts together */
    const float *twiddles; /* as FourierPass's, as are the next */
    const float *roots;
} Pass;

struct Fourier {
    size_t length;
    size_t half; /* complex values: half an even length, the whole of an odd one */
    Pass passes[MAX_PASSES];
    size_t pass_count;
    /* For FourierCut: where each sample goes; for FourierSplit: where each value of an inverse
     * transform goes. */
    const uint32_t *sample_places; /* (length) */
    const uint32_t *value_places;  /* (half + 1) */
    const float *split_roots;      /* (half / 2 + 1), even lengths only, as are the next */
    const float *join_roots;       /* the same, of the inverse */
};

static const double pi = 3.14159265358979323846;

/* ---- Sizes ---- */

static bool is_even(size_t length) {
    return length % 2 == 0;
}

static size_t half_of(size_t length) {
    return is_even(length) ? length / 2 : length;
}

/* The radices of `size` values, in the order of the passes. Fours need the fewest operations. */
static size_t factorise(size_t size, size_t radices[MAX_PASSES]) {
    size_t count = 0;
    for (; size % 4 == 0; size /= 4)
        radices[count++] = 4;
    for (size_t radix = 2; size > 1; radix++)
        for (; size % radix == 0; size /= radix)
            radices[count++] = radix;
    return count;
}

/* Complex numbers in all tables of passes. */
static size_t pass_numbers(size_t half) {
    size_t radices[MAX_PASSES];
    size_t count = factorise(half, radices);
    size_t apart = 1;
    size_t numbers = 0;
    for (size_t i = 0; i < count; apart *= radices[i++])
        numbers += (radices[i] - 1) * apart + radices[i];
    return numbers;
}

static size_t split_numbers(size_t length) {
    return is_even(length) ? half_of(length) / 2 + 1 : 0;
}

static size_t table_floats(size_t length) {
    return 2 * (pass_numbers(half_of(length)) + 2 * split_numbers(length));
}

size_t fourier_bytes(int length) {
    size_t count = (size_t)length;
    size_t places = count + half_of(count) + 1;
    return sizeof(Fourier) + table_floats(count) * sizeof(float) + places * sizeof(uint32_t);
}

size_t fourier_window_length(int length) {
    return size_round_up((size_t)length, CHANNEL_BLOCK);
}

size_t fourier_samples(int length, size_t hop, size_t frames) {
    return (frames - 1) * hop + fourier_window_length(length);
}

/* Behind the values there is room for what a pass works in. */
size_t fourier_buffer_floats(int length) {
    size_t radices[MAX_PASSES];
    size_t half = half_of((size_t)length);
    size_t count = factorise(half, radices);
    size_t spare = FOURIER_SPARE_BINS;
    for (size_t i = 0; i < count; i++)
        spare = size_max(spare, radices[i]);
    return (half + 1 + spare) * FOURIER_POSITION;
}

/* ---- Creating ---- */

/* Writes scale · e^(i · angle), and returns what follows. */
static float *write_root(float *to, double angle, double scale) {
    to[0] = (float)(scale * cos(angle));
    to[1] = (float)(scale * sin(angle));
    return to + 2;
}

static float *create_pass(Pass *pass, size_t radix, size_t apart, float *tables) {
    double turn = -2 * pi / (double)radix;
    *pass = (Pass){.radix = radix, .apart = apart, .twiddles = tables};
    for (size_t k = 0; k < apart; k++)
        for (size_t q = 1; q < radix; q++)
            tables = write_root(tables, turn * (double)(k * q) / (double)apart, 1);
    pass->roots = tables;
    for (size_t j = 0; j < radix; j++)
        tables = write_root(tables, turn * (double)j, 1);
    return tables;
}

static float *create_passes(Fourier *fourier, float *tables) {
    size_t radices[MAX_PASSES] = {0};
    size_t apart = 1;
    fourier->pass_count = factorise(fourier->half, radices);
    for (size_t i = 0; i < fourier->pass_count; apart *= radices[i++])
        tables = create_pass(&fourier->passes[i], radices[i], apart, tables);
    return tables;
}

/* With Z the transform of x[2j] + i x[2j + 1], E that of x[2j] and O that of x[2j + 1],
 * E[k] = (Z[k] + Z*[half - k]) / 2, O[k] = -i (Z[k] - Z*[half - k]) / 2, and the transform of x is
 * E[k] + e^(-2πi · k / length) O[k]. The way back leaves out the halves. */
static float *create_split(Fourier *fourier, float *tables) {
    size_t numbers = split_numbers(fourier->length);
    fourier->split_roots = tables;
    fourier->join_roots = tables + 2 * numbers;
    for (size_t k = 0; k < numbers; k++) {
        double angle = 2 * pi * (double)k / (double)fourier->length + pi / 2;
        write_root(tables + 2 * k, -angle, 0.5);
        write_root(tables + 2 * (numbers + k), angle, 1);
    }
    return tables + 4 * numbers;
}

/* Where the passes want value `index`: its digits, of the last pass first, are the parts that it
 * lies in. */
static size_t reversed_place(const Fourier *fourier, size_t index) {
    size_t place = 0;
    for (size_t i = fourier->pass_count; i-- > 0; index /= fourier->passes[i].radix)
        place += index % fourier->passes[i].radix * fourier->passes[i].apart;
    return place;
}

/* An inverse transform is a forward one of the values in reverse, but for the first. The value
 * behind the last one, which splitting a spectrum also gives, is kept off the others. */
static void create_places(Fourier *fourier, uint32_t *places) {
    size_t half = fourier->half;
    size_t pair = fourier->length / half;
    fourier->sample_places = places;
    for (size_t i = 0; i < fourier->length; i++)
        *places++ = (uint32_t)(reversed_place(fourier, i / pair) * FOURIER_POSITION +
                               i % pair * CHANNEL_BLOCK);
    fourier->value_places = places;
    for (size_t k = 0; k < half; k++)
        *places++ = (uint32_t)(reversed_place(fourier, (half - k) % half) * FOURIER_POSITION);
    *places = (uint32_t)(half * FOURIER_POSITION);
}

Fourier *fourier_create(int length) {
    Fourier *fourier = memory_allocate_aligned(fourier_bytes(length));
    if (!fourier)
        return NULL;
    fourier->length = (size_t)length;
    fourier->half = half_of(fourier->length);
    float *tables = (float *)(void *)(fourier + 1);
    tables = create_passes(fourier, tables);
    tables = create_split(fourier, tables);
    create_places(fourier, (uint32_t *)(void *)tables);
    return fourier;
}

void fourier_destroy(Fourier *fourier) {
    memory_free_aligned(fourier);
}

/* ---- Transforming ---- */

/* Runs pass `index` over `blocks` neighbouring parts. */
static void run_pass(const Fourier *fourier, const Kernels *kernels, size_t index, float *data,
                     size_t blocks, float *work) {
    const Pass *pass = &fourier->passes[index];
    kernels->fourier_pass(&(FourierPass){.data = data,
                                         .blocks = blocks,
                                         .radix = pass->radix,
                                         .apart = pass->apart,
                                         .twiddles = pass->twiddles,
                                         .roots = pass->roots,
                                         .work = work});
}

/* Runs the first `count` passes over the part that the last of them makes up. */
static void run_part(const Fourier *fourier, const Kernels *kernels, size_t count, float *data,
                     float *work) {
    if (count == 0)
        return;
    const Pass *last = &fourier->passes[count - 1];
    size_t size = last->radix * last->apart;
    if (size <= PART_POSITIONS) {
        for (size_t i = 0; i < count; i++)
            run_pass(fourier, kernels, i, data,
                     size / (fourier->passes[i].radix * fourier->passes[i].apart), work);
        return;
    }
    for (size_t q = 0; q < last->radix; q++)
        run_part(fourier, kernels, count - 1, data + q * last->apart * FOURIER_POSITION, work);
    run_pass(fourier, kernels, count - 1, data, 1, work);
}

static void run_passes(const Fourier *fourier, const Kernels *kernels, float *data) {
    run_part(fourier, kernels, fourier->pass_count, data,
             data + (fourier->half + 1) * FOURIER_POSITION);
}

/* ---- Forward ---- */

void fourier_forward(const Fourier *fourier, const Kernels *kernels, const FourierFrames *frames,
                     float *spectrum) {
    if (!is_even(fourier->length))
        memset(spectrum, 0, fourier->half * FOURIER_POSITION * sizeof(float));
    kernels->fourier_cut(&(FourierCut){.from = frames->samples,
                                       .hop = frames->hop,
                                       .frames = frames->count,
                                       .samples = fourier->length,
                                       .window = frames->window,
                                       .to = spectrum,
                                       .places = fourier->sample_places});
    run_passes(fourier, kernels, spectrum);
    if (!is_even(fourier->length))
        return;
    memcpy(spectrum + fourier->half * FOURIER_POSITION, spectrum, FOURIER_POSITION * sizeof(float));
    kernels->fourier_split(&(FourierSplit){.from = spectrum,
                                           .to = spectrum,
                                           .half = fourier->half,
                                           .roots = fourier->split_roots,
                                           .scale = 0.5F});
}

/* ---- Inverse ---- */

static void clear_imaginary(float *spectrum, size_t bin) {
    memset(spectrum + bin * FOURIER_POSITION + CHANNEL_BLOCK, 0, CHANNEL_BLOCK * sizeof(float));
}

/* The whole spectrum of frames of odd length: bin length - k is the conjugate of bin k. */
static void mirror(const Fourier *fourier, const float *spectrum, float *to) {
    memcpy(to + fourier->value_places[0], spectrum, FOURIER_POSITION * sizeof(float));
    for (size_t k = 1; k <= fourier->length / 2; k++) {
        const float *from = spectrum + k * FOURIER_POSITION;
        float *high = to + fourier->value_places[fourier->length - k];
        memcpy(to + fourier->value_places[k], from, FOURIER_POSITION * sizeof(float));
        memcpy(high, from, CHANNEL_BLOCK * sizeof(float));
        for (size_t lane = CHANNEL_BLOCK; lane < FOURIER_POSITION; lane++)
            high[lane] = -from[lane];
    }
}

static void join(const Fourier *fourier, const Kernels *kernels, float *spectrum, float *to) {
    clear_imaginary(spectrum, fourier->half);
    kernels->fourier_split(&(FourierSplit){.from = spectrum,
                                           .to = to,
                                           .places = fourier->value_places,
                                           .half = fourier->half,
                                           .roots = fourier->join_roots,
                                           .scale = 1.0F});
}

void fourier_inverse(const Fourier *fourier, const Kernels *kernels, float *spectrum, float *work,
                     const FourierFrames *frames) {
    bool even = is_even(fourier->length);
    clear_imaginary(spectrum, 0);
    if (even)
        join(fourier, kernels, spectrum, work);
    else
        mirror(fourier, spectrum, work);
    run_passes(fourier, kernels, work);
    kernels->fourier_add(&(FourierAdd){.from = work,
                                       .from_step = even ? CHANNEL_BLOCK : FOURIER_POSITION,
                                       .to = frames->samples,
                                       .hop = frames->hop,
                                       .frames = frames->count,
                                       .samples = fourier->length,
                                       .window = frames->window});
}
