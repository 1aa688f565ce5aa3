/* collect.c: the last thread of demix: from the network's outputs to final audio. */
#include "stream/finite.h"
#include "stream/threads.h"

/* ---- Blending ---- */

static cleave_status collect_blend(Demix *d, const Item *item, const float *output,
                                   cleave_error *error) {
    const DemixJob *job = d->job;
    double begin = profile_clock(job->profile);
    cleave_status status = item->checked ? CLEAVE_OK : finite_check(job, item, output, error);
    if (status != CLEAVE_OK)
        return status;
    const int channels = job->geometry.channels;
    float gain = variant_sign(item->variant) / (job->tta ? (float)VARIANT_COUNT : 1.0f);
    for (int stem = 0; stem < job->stem_count; stem++)
        for (int channel = 0; channel < channels; channel++) {
            int from = job->stems[stem] * channels + variant_channel(job, item->variant, channel);
            const float *samples = output + from * job->geometry.chunk;
            blender_add(&d->blender, &item->chunk, stem * channels + channel, samples, gain);
        }
    profile_stage_ran(job->profile, STAGE_BLEND, ROW_COLLECT, begin);
    return CLEAVE_OK;
}

/* Undoes the normalisation in place. */
static void collect_denormalize(const Demix *d, int64_t frames) {
    Normalization n = d->normalization;
    if (n.mean == 0 && n.deviation == 1)
        return;
    for (int plane = 0; plane < d->blender.planes; plane++)
        for (int64_t i = 0; i < frames; i++)
            d->planes[plane][i] = d->planes[plane][i] * n.deviation + n.mean;
}

/* ---- Emitting ---- */

/* Hands d->planes to the sink. */
static cleave_status collect_emit(Demix *d, const Item *item, cleave_error *error) {
    const DemixJob *job = d->job;
    const int64_t frames = item->chunk.emit_frames;
    const float *mix[2] = {NULL, NULL};
    if (frames == 0)
        return CLEAVE_OK;
    for (int channel = 0; channel < job->geometry.channels && item->mix; channel++)
        mix[channel] = item->mix + channel * job->geometry.chunk;
    double begin = profile_clock(job->profile);
    cleave_status status = job->sink(job->sink_user, (const float *const *)d->planes,
                                     item->mix ? mix : NULL, frames, error);
    profile_stage_ran(job->profile, STAGE_ENCODE, ROW_COLLECT, begin);
    atomic_fetch_add(&d->emitted, frames);
    return status;
}

/* Emits what is final with a chunk whose items have all been blended. */
static cleave_status collect_finish_chunk(Demix *d, const Item *item, cleave_error *error) {
    const Chunk *chunk = &item->chunk;
    Profile *profile = d->job->profile;
    double begin = profile_clock(profile);
    blender_finish(&d->blender, chunk, d->planes);
    collect_denormalize(d, chunk->final);
    for (int plane = 0; plane < d->blender.planes; plane++)
        d->planes[plane] += chunk->emit_first;
    profile_stage_ran(profile, STAGE_BLEND, ROW_COLLECT, begin);
    cleave_status status = collect_emit(d, item, error);
    begin = profile_clock(profile);
    if (status == CLEAVE_OK && d->job->journal)
        journal_write(d->job->journal, (const float *const *)d->planes, chunk->emit_frames);
    blender_next(&d->blender, chunk);
    if (status == CLEAVE_OK && d->job->journal) {
        journal_complete(d->job->journal, &d->blender);
        profile_stage_ran(profile, STAGE_JOURNAL, ROW_COLLECT, begin);
    }
    return status;
}

/* Emits what the journal has of a chunk; with its last chunk the blender is where it was. */
static cleave_status collect_replay_chunk(Demix *d, const Item *item, cleave_error *error) {
    const Chunk *chunk = &item->chunk;
    cleave_status status =
        journal_read(d->job->journal, chunk->index, d->planes, chunk->emit_frames, error);
    if (status == CLEAVE_OK)
        status = collect_emit(d, item, error);
    if (status == CLEAVE_OK && chunk->index == d->replayed - 1)
        status = journal_restore(d->job->journal, &d->blender, error);
    return status;
}

static cleave_status collect_item(Demix *d, const Item *item, const float *output,
                                  cleave_error *error) {
    if (item->replayed)
        return collect_replay_chunk(d, item, error);
    cleave_status status = collect_blend(d, item, output, error);
    if (status == CLEAVE_OK && item->variant == demix_last_variant(d->job))
        status = collect_finish_chunk(d, item, error);
    return status;
}

static cleave_status collect_batch(Demix *d, const OutputSlot *slot, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < slot->batch->count && status == CLEAVE_OK; i++)
        status = collect_item(d, &slot->batch->items[i],
                              slot->samples + (size_t)i * demix_output_floats(d->job), error);
    return status;
}

void *collect_thread(void *argument) {
    Demix *d = argument;
    cleave_error error = {.status = CLEAVE_OK};
    for (int slot = ring_begin_read(&d->outputs); slot >= 0; slot = ring_begin_read(&d->outputs)) {
        if (collect_batch(d, &d->output_slots[slot], &error) != CLEAVE_OK) {
            demix_fail(d, &error);
            ring_stop(&d->outputs);
        } else {
            ring_end_read(&d->outputs);
        }
    }
    return NULL;
}
