/* demix_collect.c: the last thread of demix: from the network's outputs to final audio. */
#include <inttypes.h>
#include <string.h>

#include "stream/demix_state.h"

/* ---- Checking ---- */

/* Whether all samples are numbers: no exponent has all bits set. Written so that it vectorises. */
static bool all_finite(const float *samples, int64_t count) {
    uint32_t bad = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        bad |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
    }
    return bad == 0;
}

static cleave_status refuse(const DemixJob *job, const Chunk *chunk, int stem,
                            cleave_error *error) {
    double rate = job->sample_rate;
    double from = chunk->start < 0 ? 0 : (double)chunk->start / rate;
    double to = (double)(chunk->start + chunk->valid) / rate;
    return error_set(error, CLEAVE_ERROR_MODEL,
                     "the network's output for stem \"%.100s\" is not a number (NaN or infinity) "
                     "in the chunk from %.3f to %.3f s; lower the input's level if it is extreme, "
                     "or try precision f32 or another checkpoint",
                     job->stem_names[stem], from, to);
}

/* ---- Blending ---- */

static cleave_status blend_run(Demix *d, const Run *run, const float *output, cleave_error *error) {
    const DemixJob *job = d->job;
    double begin = profile_clock(job->profile);
    const int channels = job->plan.channels;
    float gain = variant_sign(run->variant) / (job->tta ? (float)VARIANT_COUNT : 1.0f);
    for (int stem = 0; stem < job->stem_count; stem++)
        for (int channel = 0; channel < channels; channel++) {
            int from = job->stems[stem] * channels + variant_channel(job, run->variant, channel);
            const float *samples = output + from * job->plan.chunk;
            if (!all_finite(samples, run->chunk.valid))
                return refuse(job, &run->chunk, job->stems[stem], error);
            blender_add(&d->blender, &run->chunk, stem * channels + channel, samples, gain);
        }
    profile_stage_ran(job->profile, STAGE_BLEND, ROW_COLLECT, begin);
    return CLEAVE_OK;
}

/* Undoes the normalisation in place. */
static void denormalize(const Demix *d, int64_t frames) {
    Normalization n = d->normalization;
    if (n.mean == 0 && n.deviation == 1)
        return;
    for (int plane = 0; plane < d->blender.planes; plane++)
        for (int64_t i = 0; i < frames; i++)
            d->planes[plane][i] = d->planes[plane][i] * n.deviation + n.mean;
}

/* ---- Emitting ---- */

/* Hands d->planes to the sink. */
static cleave_status emit(Demix *d, const Run *run, cleave_error *error) {
    const DemixJob *job = d->job;
    const int64_t frames = run->chunk.emit_frames;
    const float *mix[2] = {NULL, NULL};
    if (frames == 0)
        return CLEAVE_OK;
    for (int channel = 0; channel < job->plan.channels && run->mix; channel++)
        mix[channel] = run->mix + channel * job->plan.chunk;
    double begin = profile_clock(job->profile);
    cleave_status status = job->sink(job->sink_user, (const float *const *)d->planes,
                                     run->mix ? mix : NULL, frames, error);
    profile_stage_ran(job->profile, STAGE_ENCODE, ROW_COLLECT, begin);
    atomic_fetch_add(&d->emitted, frames);
    return status;
}

/* Emits what is final with a chunk whose runs have all been blended. */
static cleave_status finish_chunk(Demix *d, const Run *run, cleave_error *error) {
    const Chunk *chunk = &run->chunk;
    Profile *profile = d->job->profile;
    double begin = profile_clock(profile);
    blender_finish(&d->blender, chunk, d->planes);
    denormalize(d, chunk->final);
    for (int plane = 0; plane < d->blender.planes; plane++)
        d->planes[plane] += chunk->emit_first;
    profile_stage_ran(profile, STAGE_BLEND, ROW_COLLECT, begin);
    cleave_status status = emit(d, run, error);
    begin = profile_clock(profile);
    if (status == CLEAVE_OK && d->job->journal)
        journal_write(d->job->journal, (const float *const *)d->planes, chunk->emit_frames);
    blender_next(&d->blender);
    if (status == CLEAVE_OK && d->job->journal) {
        journal_complete(d->job->journal, &d->blender);
        profile_stage_ran(profile, STAGE_JOURNAL, ROW_COLLECT, begin);
    }
    return status;
}

/* Emits what an earlier run made of a chunk; after the last of them the blender is as it was. */
static cleave_status replay_chunk(Demix *d, const Run *run, cleave_error *error) {
    const Chunk *chunk = &run->chunk;
    cleave_status status =
        journal_read(d->job->journal, chunk->index, d->planes, chunk->emit_frames, error);
    if (status == CLEAVE_OK)
        status = emit(d, run, error);
    if (status == CLEAVE_OK && chunk->index == d->replayed - 1)
        status = journal_restore(d->job->journal, &d->blender, error);
    return status;
}

static cleave_status collect_run(Demix *d, const Run *run, const float *output,
                                 cleave_error *error) {
    if (run->replayed)
        return replay_chunk(d, run, error);
    cleave_status status = blend_run(d, run, output, error);
    if (status == CLEAVE_OK && run->variant == demix_last_variant(d->job))
        status = finish_chunk(d, run, error);
    return status;
}

static cleave_status collect_batch(Demix *d, const OutputSlot *slot, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < slot->batch->count && status == CLEAVE_OK; i++)
        status = collect_run(d, &slot->batch->runs[i],
                             slot->samples + (size_t)i * demix_output_floats(d->job), error);
    return status;
}

void *demix_collect(void *argument) {
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
