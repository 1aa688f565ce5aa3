/* demix_feed.c: the first thread of demix: from audio to batches of network inputs. */
#include <string.h>

#include "stream/demix_state.h"

typedef struct Feed {
    Demix *demix;
    InputSlot *slot; /* being filled; NULL: none */
} Feed;

/* False where nobody will read another slot. */
static bool begin_batch(Feed *feed) {
    if (feed->slot)
        return true;
    int index = ring_begin_write(&feed->demix->inputs);
    if (index < 0)
        return false;
    feed->slot = &feed->demix->input_slots[index];
    feed->slot->batch->count = 0;
    return true;
}

static void end_batch(Feed *feed) {
    if (feed->slot)
        ring_end_write(&feed->demix->inputs);
    feed->slot = NULL;
}

static void fill_variant(const Demix *d, Variant variant, float *input) {
    const int64_t chunk = d->job->plan.chunk;
    float sign = variant_sign(variant);
    for (int channel = 0; channel < d->job->plan.channels; channel++) {
        const float *from = d->chunk + variant_channel(d->job, variant, channel) * chunk;
        float *to = input + channel * chunk;
        for (int64_t i = 0; i < chunk; i++)
            to[i] = from[i] * sign;
    }
}

static void copy_mix(const Demix *d, const float *mix, const Chunk *chunk, float *to) {
    const int64_t stride = d->job->plan.chunk;
    for (int channel = 0; channel < d->job->plan.channels; channel++)
        memcpy(to + channel * stride, mix + channel * stride,
               (size_t)chunk->emit_frames * sizeof(float));
}

/* Adds a run to the batch at hand. A batch has runs of one kind: replayed or not. */
static bool add_run(Feed *feed, const Chunk *chunk, Variant variant, const float *mix) {
    Demix *d = feed->demix;
    bool replayed = chunk->index < d->replayed;
    if (feed->slot && feed->slot->batch->count > 0 &&
        feed->slot->batch->runs[0].replayed != replayed)
        end_batch(feed);
    if (!begin_batch(feed))
        return false;
    Batch *batch = feed->slot->batch;
    size_t at = (size_t)batch->count++;
    Run *run = &batch->runs[at];
    *run = (Run){.chunk = *chunk, .variant = variant, .replayed = replayed};
    if (mix && variant == demix_last_variant(d->job)) {
        run->mix = batch->mixes + at * demix_input_floats(d->job);
        copy_mix(d, mix, chunk, run->mix);
    }
    if (!replayed)
        fill_variant(d, variant, feed->slot->samples + at * demix_input_floats(d->job));
    if (batch->count == d->job->batch)
        end_batch(feed);
    return true;
}

static cleave_status next_chunk(Demix *d, Chunk *chunk, bool *got, cleave_error *error) {
    double begin = profile_clock(d->job->profile);
    cleave_status status = chunker_next(&d->chunker, d->chunk, d->mix, chunk, got, error);
    profile_stage_ran(d->job->profile, STAGE_DECODE, ROW_FEED, begin);
    return status;
}

/* Every variant of a chunk; of a replayed one the last, with which it is complete. */
static bool add_chunk(Feed *feed, const Chunk *chunk, const float *mix) {
    Demix *d = feed->demix;
    Variant last = demix_last_variant(d->job);
    Variant variant = chunk->index < d->replayed ? last : VARIANT_PLAIN;
    bool wanted = true;
    for (; variant <= last && wanted; variant++)
        wanted = add_run(feed, chunk, variant, mix);
    return wanted;
}

void *demix_feed(void *argument) {
    Demix *d = argument;
    Feed feed = {.demix = d};
    cleave_error error = {.status = CLEAVE_OK};
    cleave_status status = CLEAVE_OK;
    bool got = true;
    while (status == CLEAVE_OK && got) {
        Chunk chunk;
        status = demix_check_cancel(d->job, &error);
        if (status == CLEAVE_OK)
            status = next_chunk(d, &chunk, &got, &error);
        if (status == CLEAVE_OK && got)
            got = add_chunk(&feed, &chunk, d->mix);
    }
    end_batch(&feed);
    ring_close(&d->inputs);
    if (status != CLEAVE_OK)
        demix_fail(d, &error);
    return NULL;
}
