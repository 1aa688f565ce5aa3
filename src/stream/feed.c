/* feed.c: the first thread of demix: from audio to batches of network inputs. */
#include "stream/threads.h"

#include <string.h>

typedef struct Feed {
    Demix *demix;
    InputSlot *slot; /* being filled; NULL: none */
} Feed;

/* Makes sure of a batch to fill; false if the ring was stopped. */
static bool feed_begin_batch(Feed *feed) {
    if (feed->slot)
        return true;
    int index = ring_begin_write(&feed->demix->inputs);
    if (index < 0)
        return false;
    feed->slot = &feed->demix->input_slots[index];
    feed->slot->batch->count = 0;
    return true;
}

static void feed_end_batch(Feed *feed) {
    if (feed->slot)
        ring_end_write(&feed->demix->inputs);
    feed->slot = NULL;
}

static void feed_fill_variant(const Demix *d, Variant variant, float *input) {
    const int64_t chunk = d->job->geometry.chunk;
    float sign = variant_sign(variant);
    for (int channel = 0; channel < d->job->geometry.channels; channel++) {
        const float *from = d->chunk + variant_channel(d->job, variant, channel) * chunk;
        float *to = input + channel * chunk;
        for (int64_t i = 0; i < chunk; i++)
            to[i] = from[i] * sign;
    }
}

static void feed_copy_mix(const Demix *d, const float *mix, const Chunk *chunk, float *to) {
    const int64_t stride = d->job->geometry.chunk;
    for (int channel = 0; channel < d->job->geometry.channels; channel++)
        memcpy(to + channel * stride, mix + channel * stride,
               (size_t)chunk->emit_frames * sizeof(float));
}

/* Adds an item to the batch at hand. All items of a batch are replayed, or none is. */
static bool feed_add_item(Feed *feed, const Chunk *chunk, Variant variant, const float *mix) {
    Demix *d = feed->demix;
    bool replayed = chunk->index < d->replayed;
    if (feed->slot && feed->slot->batch->count > 0 &&
        feed->slot->batch->items[0].replayed != replayed)
        feed_end_batch(feed);
    if (!feed_begin_batch(feed))
        return false;
    Batch *batch = feed->slot->batch;
    size_t at = (size_t)batch->count++;
    Item *item = &batch->items[at];
    *item = (Item){.chunk = *chunk, .variant = variant, .replayed = replayed};
    if (mix && variant == demix_last_variant(d->job)) {
        item->mix = batch->mixes + at * demix_input_floats(d->job);
        feed_copy_mix(d, mix, chunk, item->mix);
    }
    if (!replayed)
        feed_fill_variant(d, variant, feed->slot->samples + at * demix_input_floats(d->job));
    if (batch->count == d->job->network.batch)
        feed_end_batch(feed);
    return true;
}

static cleave_status feed_next_chunk(Demix *d, Chunk *chunk, bool *got, cleave_error *error) {
    double begin = profile_clock(d->job->profile);
    cleave_status status = chunker_next(&d->chunker, d->chunk, d->mix, chunk, got, error);
    profile_stage_ran(d->job->profile, STAGE_DECODE, ROW_FEED, begin);
    return status;
}

/* Every variant of a chunk; only the last, which completes it, if it is replayed. */
static bool feed_add_chunk(Feed *feed, const Chunk *chunk, const float *mix) {
    Demix *d = feed->demix;
    Variant last = demix_last_variant(d->job);
    Variant variant = chunk->index < d->replayed ? last : VARIANT_PLAIN;
    bool wanted = true;
    for (; variant <= last && wanted; variant++)
        wanted = feed_add_item(feed, chunk, variant, mix);
    return wanted;
}

/* audio-separator, whose stems blend hamming gives, cuts short input into shorter chunks. cleave
 * compiles a network for one length of chunk, which for a large one takes seconds and memory. */
#define HAMMING_SHORTEST 10 /* seconds */

static void feed_tell_short(const Demix *d) {
    const DemixJob *job = d->job;
    int64_t least = (int64_t)HAMMING_SHORTEST * job->sample_rate;
    if (least < job->geometry.chunk)
        least = job->geometry.chunk;
    if (job->geometry.blend == CLEAVE_BLEND_HAMMING && d->chunker.length < least)
        log_write(&job->log->logger, CLEAVE_LOG_INFO,
                  "the input is shorter than %.3g s, where audio-separator takes chunks of another "
                  "length than the network's %.3g s: its stems differ",
                  (double)least / job->sample_rate, (double)job->geometry.chunk / job->sample_rate);
}

void *feed_thread(void *argument) {
    Demix *d = argument;
    Feed feed = {.demix = d};
    cleave_error error = {.status = CLEAVE_OK};
    cleave_status status = CLEAVE_OK;
    bool got = true;
    while (status == CLEAVE_OK && got) {
        Chunk chunk;
        status = demix_check_cancel(d->job, &error);
        if (status == CLEAVE_OK)
            status = feed_next_chunk(d, &chunk, &got, &error);
        if (status == CLEAVE_OK && got)
            got = feed_add_chunk(&feed, &chunk, d->mix);
    }
    feed_end_batch(&feed);
    if (status == CLEAVE_OK)
        feed_tell_short(d);
    ring_close(&d->inputs);
    if (status != CLEAVE_OK)
        demix_fail(d, &error);
    return NULL;
}
