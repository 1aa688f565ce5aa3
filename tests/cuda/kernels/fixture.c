/* fixture.c: numbers, values, operands and launches of tests of kernels. */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "emulate_half.h"
#include "emulator.h"

/* ---- Random numbers ---- */

int random_between(Random *random, int least, int most) {
    return least + (int)(random_next(&random->state) % (uint64_t)(most - least + 1));
}

bool random_chance(Random *random, int percent) {
    return random_between(random, 0, 99) < percent;
}

double random_real(Random *random) {
    return (double)(random_next(&random->state) >> 11) * 0x1p-52 - 1;
}

/* ---- Numbers as they are stored ---- */

size_t stored_bytes(int stored) {
    return stored == STORED_F32 ? 4 : 2;
}

static uint16_t bf16_bits(float value) {
    uint32_t bits = emu_bits_of(value);
    if (isnan(value))
        return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double stored_read(int stored, const void *memory, size_t element) {
    if (stored == STORED_F32)
        return (double)((const float *)memory)[element];
    uint16_t bits = ((const uint16_t *)memory)[element];
    return (double)(stored == STORED_F16 ? emu_half_value_portable(bits)
                                         : emu_value_of((uint32_t)bits << 16));
}

void stored_write(int stored, void *memory, size_t element, double value) {
    float number = (float)value;
    if (stored == STORED_F32)
        ((float *)memory)[element] = number;
    else
        ((uint16_t *)memory)[element] =
            stored == STORED_F16 ? emu_half_bits_portable(number) : bf16_bits(number);
}

double stored_round(int stored, double value) {
    uint32_t memory = 0;
    stored_write(stored, &memory, 0, value);
    return stored_read(stored, &memory, 0);
}

double stored_step(int stored) {
    return stored == STORED_F32 ? 0x1p-23 : stored == STORED_F16 ? 0x1p-10 : 0x1p-7;
}

int padded(int channels) {
    return (channels + CHANNEL_UNIT - 1) / CHANNEL_UNIT * CHANNEL_UNIT;
}

/* ---- Memory ---- */

void *allocate(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    assert_non_null(memory);
    memset(memory, 0xff, bytes);
    return memory;
}

/* ---- Values ---- */

size_t value_count(const Value *value) {
    return (size_t)value->samples * (size_t)value->height * (size_t)value->width *
           (size_t)value->channels;
}

size_t value_bytes(const Value *value) {
    return value_count(value) * stored_bytes(value->stored);
}

Value value_blank(int samples, int height, int width, int channels, int stored) {
    Value value = {samples, height, width, channels, stored, NULL};
    value.memory = allocate(value_bytes(&value));
    return value;
}

Value value_random(Random *random, int samples, int height, int width, int channels, int stored) {
    Value value = value_blank(samples, height, width, channels, stored);
    for (size_t i = 0; i < value_count(&value); i++)
        stored_write(stored, value.memory, i, 2 * random_real(random));
    return value;
}

void value_free(Value *value) {
    free(value->memory);
    value->memory = NULL;
}

static size_t value_element(const Value *value, int sample, int y, int x, int channel) {
    size_t pixel =
        ((size_t)sample * (size_t)value->height + (size_t)y) * (size_t)value->width + (size_t)x;
    return pixel * (size_t)value->channels + (size_t)channel;
}

double value_at(const Value *value, int sample, int y, int x, int channel) {
    return stored_read(value->stored, value->memory, value_element(value, sample, y, x, channel));
}

ValueView value_view(const Value *value, int sample) {
    if (!value->memory)
        return (ValueView){.address = 0};
    int64_t stride = (int64_t)value->height * value->width * value->channels;
    uint64_t offset = (uint64_t)(sample * stride) * stored_bytes(value->stored);
    return (ValueView){.address = (uint64_t)(uintptr_t)value->memory + offset,
                       .sample_stride = stride,
                       .channels = value->channels,
                       .stored = value->stored};
}

/* ---- Operands ---- */

static void add_source(TestOperand *operand, Random *random, OperandSize size, bool times) {
    int channels = padded(random_between(random, 1, size.channels));
    int i = operand->count++;
    operand->sources[i] = value_random(random, size.samples, size.height, size.width, channels,
                                       random_between(random, STORED_F32, STORED_BF16));
    if (times && random_chance(random, 50))
        operand->times[i] = value_random(random, size.samples, size.height, size.width, channels,
                                         random_between(random, STORED_F32, STORED_BF16));
    operand->channels += channels;
}

/* Of each sample, or the same for all of them. */
static void add_norm(TestOperand *operand, Random *random, int samples) {
    bool shared = random_chance(random, 30);
    operand->norm_stride = shared ? 0 : operand->channels;
    int pairs = shared ? operand->channels : samples * operand->channels;
    operand->norm = allocate((size_t)pairs * 2 * sizeof(float));
    for (int i = 0; i < pairs; i++) {
        operand->norm[2 * i] = (float)(1.5 + random_real(random));
        operand->norm[2 * i + 1] = (float)random_real(random);
    }
}

TestOperand operand_random(Random *random, OperandSize size, bool times) {
    TestOperand operand = {.height = size.height, .width = size.width};
    add_source(&operand, random, size, times);
    if (random_chance(random, 40))
        add_source(&operand, random, size, times);
    if (random_chance(random, 60))
        add_norm(&operand, random, size.samples);
    if (random_chance(random, 75))
        operand.act = random_between(random, APPLY_GELU, APPLY_ELU);
    operand.alpha = (float)(1 + 0.5 * random_real(random));
    return operand;
}

void operand_free(TestOperand *operand) {
    for (int i = 0; i < 2; i++) {
        value_free(&operand->sources[i]);
        value_free(&operand->times[i]);
    }
    free(operand->norm);
}

bool operand_is_plain(const TestOperand *operand) {
    return !operand->norm && operand->act == APPLY_NONE && !operand->times[0].memory &&
           !operand->times[1].memory;
}

static double activated(double x, int act, double alpha) {
    switch (act) {
    case APPLY_GELU:
        return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case APPLY_RELU:
        return x < 0 ? 0 : x;
    case APPLY_ELU:
        return x < 0 ? alpha * expm1(x) : x;
    default:
        return x;
    }
}

double operand_at(const TestOperand *operand, int sample, int y, int x, int channel) {
    int source = channel >= operand->sources[0].channels;
    int own = source ? channel - operand->sources[0].channels : channel;
    double value = value_at(&operand->sources[source], sample, y, x, own);
    if (operand->times[source].memory)
        value *= value_at(&operand->times[source], sample, y, x, own);
    if (operand->norm) {
        const float *norm = operand->norm + 2 * (sample * operand->norm_stride + channel);
        value = value * (double)norm[0] + (double)norm[1];
    }
    return activated(value, operand->act, (double)operand->alpha);
}

Operand operand_arguments(const TestOperand *operand, int sample) {
    Operand arguments = {.norm_stride = operand->norm_stride,
                         .act = operand->act,
                         .alpha = operand->alpha,
                         .channels = operand->channels,
                         .height = operand->height,
                         .width = operand->width};
    for (int i = 0; i < operand->count; i++) {
        arguments.sources[i] = value_view(&operand->sources[i], sample);
        arguments.times[i] = value_view(&operand->times[i], sample);
    }
    if (operand->norm)
        arguments.norm =
            (uint64_t)(uintptr_t)(operand->norm + (ptrdiff_t)2 * sample * operand->norm_stride);
    return arguments;
}

/* ---- Launches ---- */

int divide_up(int size, int unit) {
    return (size + unit - 1) / unit;
}

void run_kernel(const char *name, const void *arguments, Grid grid, size_t shared_bytes, Way way) {
    const EmuKernel *kernel = emu_find(name);
    if (!kernel) {
        fail_msg("there is no kernel %s", name);
        return;
    }
    const unsigned blocks[3] = {(unsigned)grid.x, (unsigned)grid.y, (unsigned)grid.z};
    int capability = way.capability < kernel->capability ? kernel->capability : way.capability;
    char fault[512];
    if (!emu_launch(kernel, arguments, blocks, (unsigned)kernel->threads, shared_bytes, capability,
                    way.seed, fault, sizeof(fault)))
        fail_msg("%s", fault);
}

/* ---- Comparing ---- */

void compare(Comparison *comparison, double got, double want, double bound) {
    double error = fabs(got - want);
    if (!(error <= bound))
        fail_msg("%s: %.9g in place of %.9g; within %.3g is allowed", comparison->what, got, want,
                 bound);
    comparison->error += error * error;
    comparison->power += want * want;
}

void compare_end(const Comparison *comparison, double least) {
    double ratio = 10 * log10(comparison->power / comparison->error);
    if (comparison->error > 0 && !(ratio >= least))
        fail_msg("%s: %.1f dB in place of %.1f", comparison->what, ratio, least);
}

void tally_add(Tally *tally, double value, double bound) {
    tally->count++;
    tally->sum += value;
    tally->squares += value * value;
    tally->size += fabs(value);
    tally->bound += bound;
    tally->worst = bound > tally->worst ? bound : tally->worst;
}

/* Sums of f32, of numbers with errors of their own; a deviation's square errs by twice its size
 * times its error. */
void tally_compare(const Tally *tally, const Moments *moments) {
    assert_true((double)moments->count == tally->count);
    Comparison sum = {.what = "the sum of a part"};
    compare(&sum, (double)moments->sum, tally->sum, tally->bound + 1e-5 * tally->size + 1e-6);
    double mean = tally->sum / tally->count;
    double deviations = tally->squares - mean * tally->sum;
    double size = sqrt(deviations > 0 ? deviations * tally->count : 0);
    Comparison rest = {.what = "the squared deviations of a part"};
    compare(&rest, (double)moments->deviations, deviations,
            2 * size * tally->worst + tally->count * tally->worst * tally->worst +
                1e-5 * deviations + 1e-9 * tally->squares + 1e-9);
}
