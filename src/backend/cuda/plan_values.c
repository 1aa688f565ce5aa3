/* plan_values.c: what there is to ask of a plan's values and steps. */
#include "backend/cuda/plan_memory.h"

/* ---- Channels ---- */

static int padded(int channels) {
    return (channels + CHANNEL_UNIT - 1) / CHANNEL_UNIT * CHANNEL_UNIT;
}

int value_channels_padded(const ValueChannels *channels) {
    int sum = 0;
    for (int i = 0; i < channels->count; i++)
        sum += padded(channels->parts[i]);
    return sum;
}

int value_channels_position(const ValueChannels *channels, int channel) {
    int position = 0;
    int part = 0;
    for (; part + 1 < channels->count && channel >= channels->parts[part]; part++) {
        position += padded(channels->parts[part]);
        channel -= channels->parts[part];
    }
    return position + channel;
}

/* ---- Steps ---- */

bool plan_is_product(StepKind kind) {
    return kind == STEP_KIND_CONV || kind == STEP_KIND_CONV_HALO || kind == STEP_KIND_LINEAR;
}

bool plan_is_transform(StepKind kind) {
    return kind == STEP_KIND_STFT || kind == STEP_KIND_ISTFT;
}

bool plan_has_own_statistics(const CudaPlan *plan, int step) {
    int norm = plan->program.steps[step].norm;
    return norm >= 0 && plan->graph.nodes[norm].as.norm.kind != NORM_BATCH;
}

bool plan_step_reads(const Step *step, int node) {
    for (int i = 0; i < step->source_count; i++)
        if (step->sources[i].node == node || step->sources[i].mul == node)
            return true;
    return step->add == node;
}

int plan_taps(const Node *node) {
    return node->as.conv.kernel[0] * node->as.conv.kernel[1];
}
