/* test_map.c: the elementwise kernel, and from its moments the scale and shift of a norm, against
 * float64, by random shapes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

/* ---- Maps ---- */

typedef struct Map {
    int samples;
    TestOperand operand;
    Value add;
    Value output;
    Moments *moments; /* NULL: nobody asks */
} Map;

static int map_parts(const Map *map) {
    return divide_up(map->operand.height * map->operand.width, MAP_PIXELS);
}

static size_t moments_bytes(const Map *map) {
    return (size_t)map->samples * (size_t)map_parts(map) * (size_t)map->operand.channels *
           sizeof(Moments);
}

static Map map_random(Random *random) {
    OperandSize size = {random_between(random, 1, 3), random_between(random, 1, 12),
                        random_between(random, 1, 45), 72};
    Map map = {.samples = size.samples, .operand = operand_random(random, size, true)};
    int channels = map.operand.channels;
    if (random_chance(random, 50))
        map.add = value_random(random, size.samples, size.height, size.width, channels,
                               random_between(random, STORED_F32, STORED_BF16));
    map.output = value_blank(size.samples, size.height, size.width, channels,
                             random_between(random, STORED_F32, STORED_BF16));
    if (random_chance(random, 60)) {
        map.moments = allocate(moments_bytes(&map));
    }
    return map;
}

static void map_free(Map *map) {
    operand_free(&map->operand);
    value_free(&map->add);
    value_free(&map->output);
    free(map->moments);
}

/* Samples from one on, in place of whatever output and moments say. */
static void map_run(const Map *map, int sample, int count, Way way) {
    MapArguments a = {.operand = operand_arguments(&map->operand, sample),
                      .result = {.output = value_view(&map->output, sample),
                                 .add = value_view(&map->add, sample),
                                 .parts = map_parts(map),
                                 .height = map->operand.height,
                                 .width = map->operand.width}};
    if (map->moments)
        a.result.moments = (uint64_t)(uintptr_t)(map->moments + (ptrdiff_t)sample * map_parts(map) *
                                                                    map->operand.channels);
    run_kernel("map", &a,
               (Grid){map_parts(map), divide_up(map->operand.channels, MAP_CHANNELS), count},
               MAP_SHARED_BYTES, way);
}

static void check_map_sample(const Map *map, int sample, Comparison *all) {
    int channels = map->operand.channels, width = map->operand.width;
    size_t count = (size_t)map_parts(map) * (size_t)channels;
    Tally *tallies = calloc(count, sizeof(Tally));
    assert_non_null(tallies);
    for (int pixel = 0; pixel < map->operand.height * width; pixel++)
        for (int channel = 0; channel < channels; channel++) {
            int y = pixel / width, x = pixel % width;
            double want = operand_at(&map->operand, sample, y, x, channel);
            double bound = 1e-6 * (1 + fabs(want));
            if (map->add.memory)
                want += value_at(&map->add, sample, y, x, channel);
            tally_add(&tallies[pixel / MAP_PIXELS * channels + channel], want, bound);
            compare(all, value_at(&map->output, sample, y, x, channel), want,
                    bound + 0.51 * stored_step(map->output.stored) * (fabs(want) + bound) + 1e-7);
        }
    for (size_t i = 0; map->moments && i < count; i++)
        tally_compare(&tallies[i], &map->moments[(size_t)sample * count + i]);
    free(tallies);
}

/* Everything again, into the same memory, in another way. */
static void check_same_bits(Map *map) {
    Value first = map->output;
    Moments *first_moments = map->moments;
    map->output =
        value_blank(first.samples, first.height, first.width, first.channels, first.stored);
    map->moments = first_moments ? allocate(moments_bytes(map)) : NULL;
    for (int sample = 0; sample < map->samples; sample++)
        map_run(map, sample, 1, (Way){90, 4});
    assert_memory_equal(first.memory, map->output.memory, value_bytes(&first));
    if (first_moments)
        assert_memory_equal(first_moments, map->moments, moments_bytes(map));
    value_free(&first);
    free(first_moments);
}

static void maps(void **state) {
    (void)state;
    Random random = {1};
    for (int i = 0; i < 4 * CASES; i++) {
        Map map = map_random(&random);
        map_run(&map, 0, map.samples, (Way){75, 1});
        Comparison all = {.what = "a map"};
        for (int sample = 0; sample < map.samples; sample++)
            check_map_sample(&map, sample, &all);
        if (REPEAT)
            check_same_bits(&map);
        map_free(&map);
    }
}

/* What is no number stays none, and infinity is not lost; neighbours do not notice. */
static void what_is_no_number_stays_none(void **state) {
    (void)state;
    for (int act = APPLY_NONE; act <= APPLY_ELU; act++)
        for (int stored = STORED_F32; stored <= STORED_BF16; stored++) {
            Map map = {
                .samples = 1,
                .operand =
                    {.count = 1, .act = act, .alpha = 1, .channels = 8, .height = 1, .width = 1},
                .output = value_blank(1, 1, 1, 8, stored)};
            const double values[8] = {1, (double)NAN, (double)INFINITY, 2, 0, -1, 3, 60000};
            map.operand.sources[0] = value_blank(1, 1, 1, 8, stored);
            for (size_t i = 0; i < 8; i++)
                stored_write(stored, map.operand.sources[0].memory, i, values[i]);
            map_run(&map, 0, 1, (Way){80, 0});
            for (int i = 0; i < 8; i++) {
                double got = value_at(&map.output, 0, 0, 0, i);
                double want = operand_at(&map.operand, 0, 0, 0, i);
                bool right =
                    isnan(values[i]) ? isnan(got)
                    : isinf(values[i])
                        ? isinf(got) && got > 0
                        : fabs(got - want) <= (stored_step(stored) + 1e-6) * fabs(want) + 1e-6;
                if (!right)
                    fail_msg("activation %d of %g is %g in place of %g", act, values[i], got, want);
            }
            map_free(&map);
        }
}

/* ---- Statistics ---- */

/* Moments of parts as a product leaves them, of two sources at most. */
typedef struct Statistics {
    int samples;
    int sources;
    int parts[2];
    int channels[2]; /* padded */
    Moments *moments[2];
    int network_channels;
    int group_channels;
    int32_t *positions; /* of the network's channels among the padded ones of both sources */
    float *gain_bias;
} Statistics;

static void fill_moments(Statistics *s, int source, Random *random) {
    size_t count = (size_t)s->samples * (size_t)s->parts[source] * (size_t)s->channels[source];
    s->moments[source] = allocate(count * sizeof(Moments));
    for (size_t i = 0; i < count; i++) {
        float pixels = (float)random_between(random, 1, 128);
        s->moments[source][i] = (Moments){.count = pixels,
                                          .sum = pixels * (float)(3 + random_real(random)),
                                          .deviations = pixels * (float)(1 + random_real(random)),
                                          .unused = NAN};
    }
}

/* Each source has some channels of the network, and padding behind them. */
static Statistics statistics_random(Random *random) {
    Statistics s = {.samples = random_between(random, 1, 3),
                    .group_channels = random_between(random, 1, 9)};
    const int used[2] = {s.group_channels * random_between(random, 1, 5),
                         s.group_channels * random_between(random, 0, 3)};
    s.network_channels = used[0] + used[1];
    s.positions = allocate((size_t)s.network_channels * sizeof(int32_t));
    s.gain_bias = allocate((size_t)s.network_channels * 2 * sizeof(float));
    for (int i = 0; i < 2 && used[i]; i++) {
        s.sources++;
        s.channels[i] = padded(used[i]);
        s.parts[i] = random_chance(random, 50) ? random_between(random, 1, 5)
                                               : random_between(random, 100, 300);
        fill_moments(&s, i, random);
    }
    for (int c = 0; c < s.network_channels; c++) {
        s.positions[c] = c < used[0] ? c : s.channels[0] + c - used[0];
        s.gain_bias[2 * c] = (float)(1 + random_real(random));
        s.gain_bias[2 * c + 1] = (float)random_real(random);
    }
    return s;
}

static void statistics_free(Statistics *s) {
    free(s->moments[0]);
    free(s->moments[1]);
    free(s->positions);
    free(s->gain_bias);
}

static const Moments *moments_at(const Statistics *s, int sample, int part, int channel) {
    int position = s->positions[channel];
    int source = position >= s->channels[0];
    int own = source ? position - s->channels[0] : position;
    return &s->moments[source][((size_t)sample * (size_t)s->parts[source] + (size_t)part) *
                                   (size_t)s->channels[source] +
                               (size_t)own];
}

static int parts_of(const Statistics *s, int channel) {
    return s->parts[s->positions[channel] >= s->channels[0]];
}

typedef struct ScaleShift {
    double mean;
    double scale;
} ScaleShift;

static ScaleShift group_statistics(const Statistics *s, int sample, int group, double epsilon) {
    int first = group * s->group_channels;
    double count = 0, sum = 0, deviations = 0;
    for (int c = first; c < first + s->group_channels; c++)
        for (int part = 0; part < parts_of(s, c); part++) {
            count += (double)moments_at(s, sample, part, c)->count;
            sum += (double)moments_at(s, sample, part, c)->sum;
        }
    for (int c = first; c < first + s->group_channels; c++)
        for (int part = 0; part < parts_of(s, c); part++) {
            const Moments *m = moments_at(s, sample, part, c);
            double off = (double)m->sum / (double)m->count - sum / count;
            deviations += (double)m->deviations + off * off * (double)m->count;
        }
    return (ScaleShift){sum / count, 1 / sqrt(deviations / count + epsilon)};
}

static void statistics_run(const Statistics *s, float *norm, int sample, int count, Way way) {
    int stride = s->channels[0] + s->channels[1];
    StatisticsArguments a = {.positions = (uint64_t)(uintptr_t)s->positions,
                             .gain_bias = (uint64_t)(uintptr_t)s->gain_bias,
                             .norm = (uint64_t)(uintptr_t)(norm + (ptrdiff_t)2 * stride * sample),
                             .norm_stride = stride,
                             .group_channels = s->group_channels,
                             .epsilon = 1e-3f};
    for (int i = 0; i < s->sources; i++) {
        a.moments[i] =
            (uint64_t)(uintptr_t)(s->moments[i] + (ptrdiff_t)sample * s->parts[i] * s->channels[i]);
        a.parts[i] = s->parts[i];
        a.channels[i] = s->channels[i];
    }
    run_kernel("statistics", &a, (Grid){s->network_channels / s->group_channels, 1, count},
               STATISTICS_SHARED_BYTES, way);
}

static void check_norm(const Statistics *s, const float *norm) {
    int stride = s->channels[0] + s->channels[1];
    Comparison all = {.what = "a norm"};
    for (int sample = 0; sample < s->samples; sample++)
        for (int c = 0; c < s->network_channels; c++) {
            ScaleShift group = group_statistics(s, sample, c / s->group_channels, (double)1e-3f);
            const float *got = norm + 2 * (sample * stride + s->positions[c]);
            double gain = (double)s->gain_bias[2 * c] * group.scale;
            double shift = (double)s->gain_bias[2 * c + 1] - group.mean * gain;
            compare(&all, (double)got[0], gain, 1e-6 * fabs(gain));
            compare(&all, (double)got[1], shift, 1e-6 * (1 + fabs(shift)));
        }
}

/* The padding's pairs stay as they are. */
static void check_padding(const Statistics *s, const float *norm) {
    int stride = s->channels[0] + s->channels[1], untouched = 0;
    for (int i = 0; i < s->samples * stride; i++)
        untouched += norm[2 * i] == 77 && norm[2 * i + 1] == 77;
    assert_int_equal(untouched, s->samples * (stride - s->network_channels));
}

static void statistics(void **state) {
    (void)state;
    Random random = {2};
    for (int i = 0; i < 4 * CASES; i++) {
        Statistics s = statistics_random(&random);
        size_t count = 2 * (size_t)s.samples * (size_t)(s.channels[0] + s.channels[1]);
        float *norm = allocate(count * sizeof(float));
        float *again = allocate(count * sizeof(float));
        for (size_t k = 0; k < count; k++)
            norm[k] = again[k] = 77;
        statistics_run(&s, norm, 0, s.samples, (Way){75, 1});
        check_norm(&s, norm);
        check_padding(&s, norm);
        for (int sample = 0; sample < s.samples; sample++)
            statistics_run(&s, again, sample, 1, (Way){80, 2});
        assert_memory_equal(norm, again, count * sizeof(float));
        free(norm);
        free(again);
        statistics_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps),
        cmocka_unit_test(what_is_no_number_stays_none),
        cmocka_unit_test(statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
