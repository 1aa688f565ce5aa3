/* finite.c: finding samples that are no numbers, and saying what can be tried. */
#include "stream/finite.h"

#include <stdint.h>
#include <string.h>

#include "backend/names.h"

/* Whether all samples are numbers: no exponent has all bits set. Written so that it vectorises. */
static bool finite_all(const float *samples, int64_t count) {
    uint32_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        bad |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
    }
    return bad == 0;
}

static const char *finite_advice(cleave_precision precision) {
    switch (precision) {
    case CLEAVE_PRECISION_F16:
        return "try -p bf16 or -p f32, whose numbers reach further";
    case CLEAVE_PRECISION_BF16:
        return "try -p f32, or lower the input's level if it is extreme";
    case CLEAVE_PRECISION_F32:
    case CLEAVE_PRECISION_AUTO:
        break;
    }
    return "lower the input's level if it is extreme, or try another checkpoint";
}

static cleave_status finite_refuse(const DemixJob *job, const Item *item, int wanted,
                                   cleave_error *error) {
    const Chunk *chunk = &item->chunk;
    double rate = job->sample_rate;
    double from = chunk->start < 0 ? 0 : (double)chunk->start / rate;
    double to = (double)(chunk->start + chunk->valid) / rate;
    error_set(error, CLEAVE_ERROR_MODEL,
              "the network's output for stem \"%.100s\" is not a number (NaN or infinity) in the "
              "chunk from %.3f to %.3f s, computed in %s",
              job->stem_names[wanted], from, to, precision_name(item->precision));
    return error_advise(error, CLEAVE_ERROR_MODEL, "%s", finite_advice(item->precision));
}

cleave_status finite_check(const DemixJob *job, const Item *item, const float *output,
                           cleave_error *error) {
    const int channels = job->geometry.channels;
    for (int i = 0; i < job->stem_count * channels; i++) {
        int wanted = i / channels;
        const float *plane =
            output + (job->stems[wanted] * channels + i % channels) * job->geometry.chunk;
        if (!finite_all(plane, item->chunk.valid))
            return finite_refuse(job, item, wanted, error);
    }
    return CLEAVE_OK;
}
