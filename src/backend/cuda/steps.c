/* steps.c: from a step of the plan to arguments, grids and launches. */
#include "backend/cuda/steps.h"

#include <stdlib.h>

#include "backend/cuda/kernels/arguments.h"
#include "backend/cuda/steps_tokens.h"
#include "base/memory.h"

/* ---- Kernels ---- */

static KernelNumber product_kernel(const PlannedStep *step) {
    KernelNumber first = step->kind == STEP_KIND_CONV        ? KERNEL_conv_f32_128
                         : step->kind == STEP_KIND_CONV_HALO ? KERNEL_conv_halo_f32_128
                                                             : KERNEL_linear_f32_128;
    return cuda_kernel_of(first, step->type, step->tile);
}

static unsigned product_shared(const PlannedStep *step) {
    switch (step->kind) {
    case STEP_KIND_CONV_HALO:
        return (unsigned)HALO_SHARED_BYTES(step->tile);
    case STEP_KIND_LINEAR:
        return (unsigned)LINEAR_SHARED_BYTES(step->tile);
    default:
        return (unsigned)CONV_SHARED_BYTES(step->tile);
    }
}

static int tiles_of(int size, int tile) {
    return (int)size_divide_up((size_t)size, (size_t)tile);
}

/* ---- Values ---- */

static ValueView temporary_view(const CudaExecutable *executable, int step) {
    const PlannedStep *planned = &executable->plan.steps[step];
    const PlannedValue *source = plan_source(&executable->plan, step, 0);
    int channels = padded_channels(&planned->operand);
    return (ValueView){.address = arena_at(executable, planned->temporary),
                       .sample_stride = (int64_t)source->height * source->width * channels,
                       .channels = channels,
                       .stored = planned->type};
}

static void fill_norm(const CudaExecutable *executable, int step, Operand *operand) {
    const PlannedStep *planned = &executable->plan.steps[step];
    if (executable->plan.program.steps[step].norm < 0)
        return;
    if (plan_has_own_statistics(&executable->plan, step)) {
        operand->norm = executable->norms + planned->norm;
        operand->norm_stride = operand->channels;
    } else {
        operand->norm = weights_at(executable, planned->norm_fixed);
    }
}

/* What the step's program says of its inputs. */
static Operand operand_of(const CudaExecutable *executable, int step) {
    const Step *s = &executable->plan.program.steps[step];
    const PlannedValue *first = plan_source(&executable->plan, step, 0);
    Operand operand = {.act = (int32_t)s->act.kind,
                       .alpha = s->act.alpha,
                       .channels = padded_channels(&executable->plan.steps[step].operand),
                       .height = first->height,
                       .width = first->width};
    for (int i = 0; i < s->source_count; i++) {
        operand.sources[i] = cuda_view_of(executable, s->sources[i].node);
        if (s->sources[i].mul >= 0)
            operand.times[i] = cuda_view_of(executable, s->sources[i].mul);
    }
    fill_norm(executable, step, &operand);
    return operand;
}

_Static_assert(APPLY_NONE == (int)ACT_NONE && APPLY_GELU == (int)ACT_GELU &&
                   APPLY_RELU == (int)ACT_RELU && APPLY_ELU == (int)ACT_ELU &&
                   APPLY_ELU + 1 == (int)ACT_KINDS,
               "the kernels know every activation by the graph's number");

static Operand plain_operand(const CudaExecutable *executable, int step) {
    const PlannedValue *first = plan_source(&executable->plan, step, 0);
    ValueView view = temporary_view(executable, step);
    return (Operand){.sources = {view},
                     .channels = view.channels,
                     .height = first->height,
                     .width = first->width};
}

static Result result_of(const CudaExecutable *executable, int step) {
    const Step *s = &executable->plan.program.steps[step];
    const PlannedValue *value = plan_output(&executable->plan, step);
    Result result = {.output = cuda_view_of(executable, s->output),
                     .parts = value->parts,
                     .height = value->height,
                     .width = value->width};
    if (s->add >= 0)
        result.add = cuda_view_of(executable, s->add);
    if (value->parts)
        result.moments = arena_at(executable, value->moments);
    return result;
}

/* ---- Norms ---- */

static CudaStatus launch_statistics(const CudaExecutable *executable, int step, int batch) {
    const CudaPlan *plan = &executable->plan;
    const Step *s = &plan->program.steps[step];
    const PlannedStep *planned = &plan->steps[step];
    const Node *norm = &plan->graph.nodes[s->norm];
    int groups = norm->as.norm.kind == NORM_GROUP ? norm->as.norm.groups : norm->shape.channels;
    StatisticsArguments arguments = {.positions = weights_at(executable, planned->positions),
                                     .gain_bias = weights_at(executable, planned->gain_bias),
                                     .norm = executable->norms + planned->norm,
                                     .norm_stride = padded_channels(&planned->operand),
                                     .group_channels = norm->shape.channels / groups,
                                     .epsilon = (float)NORM_EPSILON};
    for (int i = 0; i < s->source_count; i++) {
        const PlannedValue *source = plan_source(plan, step, i);
        arguments.moments[i] = arena_at(executable, source->moments);
        arguments.parts[i] = source->parts;
        arguments.channels[i] = padded_channels(&source->channels);
    }
    return cuda_kernel_launch(executable, KERNEL_statistics, (Grid){groups, 1, batch},
                              STATISTICS_SHARED_BYTES, &arguments);
}

/* ---- Products and maps ---- */

static CudaStatus launch_map(const CudaExecutable *executable, MapArguments *arguments, int batch) {
    Grid grid = {tiles_of(arguments->result.height * arguments->result.width, MAP_PIXELS),
                 tiles_of(arguments->result.output.channels, MAP_CHANNELS), batch};
    return cuda_kernel_launch(executable, KERNEL_map, grid, MAP_SHARED_BYTES, arguments);
}

static CudaStatus launch_split(const CudaExecutable *executable, int step, int batch) {
    MapArguments arguments = {.operand = operand_of(executable, step),
                              .result = {.output = temporary_view(executable, step)}};
    arguments.result.height = arguments.operand.height;
    arguments.result.width = arguments.operand.width;
    return launch_map(executable, &arguments, batch);
}

static CudaStatus launch_product(const CudaExecutable *executable, int step, int batch) {
    const PlannedStep *planned = &executable->plan.steps[step];
    const Node *node = plan_node(&executable->plan, step);
    ProductArguments arguments = {.operand = planned->split ? plain_operand(executable, step)
                                                            : operand_of(executable, step),
                                  .result = result_of(executable, step),
                                  .weights = weights_at(executable, planned->weights),
                                  .slices = planned->slices,
                                  .columns = planned->columns,
                                  .transposed = node->op == OP_CONV_TRANSPOSED};
    bool is_conv = planned->kind != STEP_KIND_LINEAR;
    for (int i = 0; i < 2 && is_conv; i++) {
        arguments.kernel[i] = node->as.conv.kernel[i];
        arguments.stride[i] = node->as.conv.stride[i];
        arguments.pad[i] = node->as.conv.pad[i];
    }
    CudaStatus status = planned->split ? launch_split(executable, step, batch) : CUDA_OK;
    Grid grid = {(int)plan_tiles(&executable->plan, step),
                 tiles_of(planned->columns, planned->tile), batch};
    if (status == CUDA_OK)
        status = cuda_kernel_launch(executable, product_kernel(planned), grid,
                                    product_shared(planned), &arguments);
    return status;
}

static CudaStatus launch_elementwise(const CudaExecutable *executable, int step, int batch) {
    MapArguments arguments = {.operand = operand_of(executable, step),
                              .result = result_of(executable, step)};
    return launch_map(executable, &arguments, batch);
}

/* ---- Transforms ---- */

static FourierPlan fourier_plan(const CudaExecutable *executable, int step) {
    static const int radices[] = {4, 2, 3, 5};
    const PlannedStep *planned = &executable->plan.steps[step];
    FourierPlan fourier = {.n_fft = plan_node(&executable->plan, step)->as.stft.n_fft,
                           .length = plan_fourier_length(&executable->plan, step),
                           .roots = weights_at(executable, planned->roots),
                           .window = weights_at(executable, planned->window)};
    int rest = fourier.length;
    for (size_t i = 0; i < sizeof(radices) / sizeof(radices[0]); i++)
        for (; rest % radices[i] == 0; rest /= radices[i])
            fourier.radix[fourier.passes++] = radices[i];
    if (plan_fourier_shared(&executable->plan, step) == 0)
        fourier.scratch = arena_at(executable, planned->temporary);
    return fourier;
}

static KernelNumber stft_kernel(const CudaPlan *plan, int step) {
    return plan_fourier_is_wide(plan, step) ? KERNEL_stft_f64 : KERNEL_stft;
}

/* Of the spectrogram that a transform writes or reads. A stem of tokens has `channels` waveforms,
 * whose numbers of a bin are neighbours; in an image each bin is a pixel. */
static SpectrumLayout layout_of(const CudaPlan *plan, int step, int spectrogram, int channels) {
    const StftAttributes *stft = &plan_node(plan, step)->as.stft;
    const PlannedValue *value = &plan->values[spectrogram];
    int row = padded_channels(&value->channels);
    if (stft->tokens)
        return (SpectrumLayout){.group = channels,
                                .group_stride = (int64_t)value->width * row,
                                .waveform_stride = 2,
                                .frame_stride = row,
                                .bins = stft->bins,
                                .bin_stride = 2 * channels,
                                .imaginary = 1};
    return (SpectrumLayout){.group = 1,
                            .group_stride = 2 * (int64_t)stft->subbands,
                            .frame_stride = (int64_t)value->width * row,
                            .bins = stft->bins / stft->subbands,
                            .bin_stride = row,
                            .imaginary = stft->subbands};
}

static CudaStatus launch_stft(const CudaExecutable *executable, int step, const CudaFlight *flight,
                              int batch) {
    const CudaPlan *plan = &executable->plan;
    const StftAttributes *stft = &plan_node(plan, step)->as.stft;
    int output = plan->program.steps[step].output;
    const PlannedValue *value = &plan->values[output];
    Shape waveform = plan->graph.nodes[0].shape;
    StftArguments arguments = {.plan = fourier_plan(executable, step),
                               .waveform = flight->input,
                               .waveform_stride = (int64_t)waveform.channels * waveform.width,
                               .samples = waveform.width,
                               .hop = stft->hop,
                               .channels = waveform.channels,
                               .bins = stft->bins / stft->subbands * stft->subbands,
                               .frames = plan_frames(plan, step),
                               .runs = stft->tokens ? 1 : value->width,
                               .run = padded_channels(&value->channels),
                               .used = value_channels_count(&value->channels),
                               .layout = layout_of(plan, step, output, waveform.channels),
                               .spectrum = cuda_view_of(executable, output)};
    Grid grid = {plan_fourier_frames(plan, step), waveform.channels, batch};
    return cuda_kernel_launch(executable, stft_kernel(plan, step), grid,
                              plan_fourier_shared(plan, step), &arguments);
}

static CudaStatus launch_istft(const CudaExecutable *executable, int step, const CudaFlight *flight,
                               int batch) {
    const CudaPlan *plan = &executable->plan;
    const Node *node = plan_node(plan, step);
    const StftAttributes *stft = &node->as.stft;
    const PlannedStep *planned = &plan->steps[step];
    int source = plan->program.steps[step].sources[0].node;
    int channels = plan->graph.nodes[0].shape.channels;
    IstftArguments arguments = {.plan = fourier_plan(executable, step),
                                .spectrum = cuda_view_of(executable, source),
                                .frames_memory = arena_at(executable, planned->frames),
                                .gain = weights_at(executable, planned->gain),
                                .output = flight->output,
                                .samples = node->shape.width,
                                .length = plan_istft_length(plan, step),
                                .hop = stft->hop,
                                .waveforms = node->shape.channels,
                                .bins = stft->bins / stft->subbands * stft->subbands,
                                .frames = plan_frames(plan, step),
                                .layout = layout_of(plan, step, source, channels)};
    Grid transform = {plan_fourier_frames(plan, step), node->shape.channels, batch};
    Grid gather = {tiles_of(node->shape.width, STFT_THREADS), node->shape.channels, batch};
    CudaStatus status = cuda_kernel_launch(executable, KERNEL_istft_frames, transform,
                                           plan_fourier_shared(plan, step), &arguments);
    if (status == CUDA_OK)
        status = cuda_kernel_launch(executable, KERNEL_istft_gather, gather, 0, &arguments);
    return status;
}

/* ---- All ---- */

CudaStatus cuda_step_launch(const CudaExecutable *executable, int step, const CudaFlight *flight,
                            int batch) {
    const PlannedStep *planned = &executable->plan.steps[step];
    CudaStatus status = CUDA_OK;
    if (plan_has_own_statistics(&executable->plan, step))
        status = launch_statistics(executable, step, batch);
    if (status != CUDA_OK)
        return status;
    switch (planned->kind) {
    case STEP_KIND_NONE:
        return CUDA_OK;
    case STEP_KIND_STFT:
        return launch_stft(executable, step, flight, batch);
    case STEP_KIND_ISTFT:
        return launch_istft(executable, step, flight, batch);
    case STEP_KIND_MAP:
        return launch_elementwise(executable, step, batch);
    case STEP_KIND_CONV:
    case STEP_KIND_CONV_HALO:
    case STEP_KIND_LINEAR:
        return launch_product(executable, step, batch);
    default:
        return cuda_tokens_launch(executable, step, batch);
    }
}

/* ---- Loading ---- */

/* A kernel, and the shared memory that it is launched with. */
typedef struct KernelUse {
    KernelNumber kernel;
    size_t shared;
} KernelUse;

#define KERNEL_USES_MAX 4

static int uses_of_step(const CudaPlan *plan, int step, KernelUse *uses) {
    const PlannedStep *planned = &plan->steps[step];
    size_t fourier = plan_is_transform(planned->kind) ? plan_fourier_shared(plan, step) : 0;
    int count = 0;
    if (plan_has_own_statistics(plan, step))
        uses[count++] = (KernelUse){KERNEL_statistics, STATISTICS_SHARED_BYTES};
    if (planned->split || planned->kind == STEP_KIND_MAP)
        uses[count++] = (KernelUse){KERNEL_map, MAP_SHARED_BYTES};
    if (plan_is_product(planned->kind))
        uses[count++] = (KernelUse){product_kernel(planned), product_shared(planned)};
    if (planned->kind == STEP_KIND_STFT)
        uses[count++] = (KernelUse){stft_kernel(plan, step), fourier};
    if (planned->kind == STEP_KIND_ISTFT) {
        uses[count++] = (KernelUse){KERNEL_istft_frames, fourier};
        uses[count++] = (KernelUse){KERNEL_istft_gather, 0};
    }
    return count;
}

static CudaStatus load_uses(CudaExecutable *executable, int step, KernelNumber *kernel) {
    KernelUse uses[KERNEL_USES_MAX];
    int count = uses_of_step(&executable->plan, step, uses);
    CudaStatus status = CUDA_OK;
    for (int i = 0; i < count && status == CUDA_OK; i++) {
        *kernel = uses[i].kernel;
        status = cuda_kernel_load(executable, uses[i].kernel, uses[i].shared);
    }
    return status;
}

CudaStatus cuda_steps_load(CudaExecutable *executable, const char **name) {
    KernelNumber kernel = KERNEL_map;
    CudaStatus status = CUDA_OK;
    for (int step = 0; step < executable->plan.program.count && status == CUDA_OK; step++) {
        bool tokens = plan_is_tokens(executable->plan.steps[step].kind);
        status = tokens ? cuda_tokens_load(executable, step, &kernel)
                        : load_uses(executable, step, &kernel);
    }
    *name = cuda_kernel_name(kernel);
    return status;
}
