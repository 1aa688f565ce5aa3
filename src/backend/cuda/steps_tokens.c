/* steps_tokens.c: the launches of a step of tokens. What a band split, an attention and a
 * feed-forward have in common: their input is normalised and rounded, then linears follow. */
#include "backend/cuda/steps_tokens.h"

#include <math.h>

#include "backend/cuda/plan_tokens.h"
#include "base/memory.h"
#include "graph/tokens.h"

static int tiles_of(int size, int tile) {
    return (int)size_divide_up((size_t)size, (size_t)tile);
}

static const PlannedTokens *tokens_of(const CudaExecutable *executable, int step) {
    return &executable->plan.steps[step].tokens;
}

static const AttentionAttributes *attention_of(const CudaExecutable *executable, int step) {
    return &plan_node(&executable->plan, step)->as.attention;
}

/* ---- Rows in memory ---- */

/* Where the rows of a step's input, output or room lie. */
typedef struct RowsPlace {
    uint64_t address;
    int64_t sample; /* elements between two samples */
    int64_t row;    /* elements between two rows */
    int stored;
} RowsPlace;

static RowsPlace place_of_value(const CudaExecutable *executable, int node) {
    ValueView view = cuda_view_of(executable, node);
    return (RowsPlace){view.address, view.sample_stride, view.channels, view.stored};
}

static RowsPlace place_of_room(const CudaExecutable *executable, int step, TokensRoom room,
                               int64_t row) {
    const PlannedStep *planned = &executable->plan.steps[step];
    size_t factors[4];
    plan_tokens_room(&executable->plan, step, room, factors);
    return (RowsPlace){.address = arena_at(executable, planned->tokens.rooms[room]),
                       .sample = (int64_t)(factors[0] * factors[1]),
                       .row = row,
                       .stored = room == ROOM_MASKS ? STORED_F32 : planned->type};
}

/* What a step's first linear reads. */
static RowsPlace operand_place(const CudaExecutable *executable, int step) {
    const CudaPlan *plan = &executable->plan;
    int input = plan->program.steps[step].sources[0].node;
    RowsPlace place = place_of_value(executable, input);
    if (!plan_has_operand(plan, step))
        return place;
    bool by_band = plan->steps[step].kind == STEP_KIND_BAND_SPLIT;
    return place_of_room(executable, step, ROOM_OPERAND,
                         by_band ? tokens_of(executable, step)->features : place.row);
}

/* ---- Norms ---- */

static CudaStatus launch_rms(const CudaExecutable *executable, int step, RowsPlace output,
                             int batch) {
    const CudaPlan *plan = &executable->plan;
    const PlannedValue *input = plan_tokens_input(plan, step);
    int node = plan->program.steps[step].sources[0].node;
    RowsPlace from = place_of_value(executable, node);
    bool by_band = plan->steps[step].kind == STEP_KIND_BAND_SPLIT;
    RmsArguments arguments = {.groups = weights_at(executable, tokens_of(executable, step)->rms),
                              .input = from.address,
                              .input_sample = from.sample,
                              .input_row = from.row,
                              .output = output.address,
                              .output_sample = output.sample,
                              .output_row = output.row,
                              .stored = output.stored,
                              .rows = input->height * input->width};
    Grid grid = {tiles_of(arguments.rows, RMS_ROWS),
                 by_band ? tokens_of(executable, step)->groups : 1, batch};
    return cuda_kernel_launch(executable, KERNEL_rms, grid, 0, &arguments);
}

static CudaStatus launch_operand(const CudaExecutable *executable, int step, int batch) {
    if (!plan_has_operand(&executable->plan, step))
        return CUDA_OK;
    return launch_rms(executable, step, operand_place(executable, step), batch);
}

/* ---- Linears ---- */

static void fill_attention(const CudaExecutable *executable, int step, RowsArguments *arguments) {
    const PlannedTokens *tokens = tokens_of(executable, step);
    const AttentionAttributes *attention = attention_of(executable, step);
    int third = attention->heads * tokens->head;
    arguments->turned = 2 * third;
    arguments->kept = 3 * third;
    arguments->head = tokens->head;
    arguments->turns = weights_at(executable, tokens->turns);
    arguments->gates = arena_at(executable, tokens->rooms[ROOM_OTHER]);
    arguments->heads = attention->heads;
    arguments->frames = plan_output(&executable->plan, step)->width;
    arguments->along_bands = attention->axis == SEQUENCE_BANDS;
}

/* `add`: what is added, which lies as the output; 0: nothing. Of a single group, the rows are the
 * larger operand: all its tiles of columns run together; of many groups, the weights are. */
static CudaStatus launch_rows(const CudaExecutable *executable, int step, int linear,
                              RowsPlace from, RowsPlace to, uint64_t add, int batch) {
    const CudaPlan *plan = &executable->plan;
    const PlannedStep *planned = &plan->steps[step];
    const PlannedRows *rows = &planned->tokens.rows[linear];
    RowsArguments arguments = {.tiles = weights_at(executable, rows->table),
                               .operand = from.address,
                               .operand_sample = from.sample,
                               .operand_row = from.row,
                               .output = to.address,
                               .output_sample = to.sample,
                               .output_row = to.row,
                               .add = add,
                               .stored = to.stored,
                               .rows = plan_rows(plan, step),
                               .finish = (int32_t)plan_rows_finish(plan, step, linear),
                               .tiles_first = planned->tokens.groups == 1};
    if (arguments.finish == ROWS_ATTENTION)
        fill_attention(executable, step, &arguments);
    int down = tiles_of(arguments.rows, PRODUCT_PIXELS);
    Grid grid = {arguments.tiles_first ? rows->tiles : down,
                 arguments.tiles_first ? down : rows->tiles, batch};
    KernelNumber kernel = cuda_kernel_of(KERNEL_rows_f32_128, planned->type, rows->tile);
    return cuda_kernel_launch(executable, kernel, grid, (size_t)ROWS_SHARED_BYTES(rows->tile),
                              &arguments);
}

/* The step's last linear, whose sum with the input is the output. */
static CudaStatus launch_sum(const CudaExecutable *executable, int step, RowsPlace from,
                             int batch) {
    const Step *s = &executable->plan.program.steps[step];
    uint64_t add = cuda_view_of(executable, s->sources[0].node).address;
    return launch_rows(executable, step, 1, from, place_of_value(executable, s->output), add,
                       batch);
}

/* ---- Steps ---- */

static CudaStatus launch_band_split(const CudaExecutable *executable, int step, int batch) {
    RowsPlace output = place_of_value(executable, executable->plan.program.steps[step].output);
    CudaStatus status = launch_operand(executable, step, batch);
    if (status == CUDA_OK)
        status =
            launch_rows(executable, step, 0, operand_place(executable, step), output, 0, batch);
    return status;
}

static size_t attention_shared(const PlannedStep *planned) {
    int head = planned->tokens.head;
    return planned->type == STORED_F32 ? (size_t)ATTENTION_SHARED_BYTES_F32(head)
                                       : (size_t)ATTENTION_SHARED_BYTES(head);
}

static KernelNumber attention_kernel(const PlannedStep *planned) {
    return cuda_kernel_of(KERNEL_attention_f32_128, planned->type, planned->tokens.head);
}

static CudaStatus launch_heads(const CudaExecutable *executable, int step, uint64_t qkv,
                               int batch) {
    const CudaPlan *plan = &executable->plan;
    const PlannedStep *planned = &plan->steps[step];
    const AttentionAttributes *attention = attention_of(executable, step);
    int frames = plan_output(plan, step)->width;
    bool along_frames = attention->axis == SEQUENCE_FRAMES;
    AttentionArguments arguments = {
        .qkv = qkv,
        .gates = arena_at(executable, planned->tokens.rooms[ROOM_OTHER]),
        .sequence_rows = along_frames ? frames : 1,
        .position_rows = along_frames ? 1 : frames,
        .rows = plan_rows(plan, step),
        .heads = attention->heads,
        .length = plan_positions(plan, step),
        .tiles = plan_query_tiles(plan, step),
        .scale = (float)(1.44269504088896340736 / sqrt((double)attention->dim_head))};
    Grid grid = {plan_sequences(plan, step) * attention->heads * arguments.tiles, 1, batch};
    return cuda_kernel_launch(executable, attention_kernel(planned), grid,
                              attention_shared(planned), &arguments);
}

/* Each head's result lies where its q was. */
static CudaStatus launch_attention(const CudaExecutable *executable, int step, int batch) {
    int third = attention_of(executable, step)->heads * tokens_of(executable, step)->head;
    RowsPlace qkv = place_of_room(executable, step, ROOM_WIDE, 3 * (int64_t)third);
    CudaStatus status = launch_operand(executable, step, batch);
    if (status == CUDA_OK)
        status = launch_rows(executable, step, 0, operand_place(executable, step), qkv, 0, batch);
    if (status == CUDA_OK)
        status = launch_heads(executable, step, qkv.address, batch);
    return status == CUDA_OK ? launch_sum(executable, step, qkv, batch) : status;
}

static CudaStatus launch_feed_forward(const CudaExecutable *executable, int step, int batch) {
    RowsGroup first = plan_rows_group(&executable->plan, step, 0, 0);
    RowsPlace hidden = place_of_room(executable, step, ROOM_WIDE, first.channels);
    CudaStatus status = launch_operand(executable, step, batch);
    if (status == CUDA_OK)
        status =
            launch_rows(executable, step, 0, operand_place(executable, step), hidden, 0, batch);
    return status == CUDA_OK ? launch_sum(executable, step, hidden, batch) : status;
}

static CudaStatus launch_rms_norm(const CudaExecutable *executable, int step, int batch) {
    int output = executable->plan.program.steps[step].output;
    return launch_rms(executable, step, place_of_value(executable, output), batch);
}

/* ---- Masks ---- */

/* The MLPs of a stem: hidden layers take turns in two rooms. */
static CudaStatus launch_mlps(const CudaExecutable *executable, int step, int stem, int batch) {
    int layers = plan_node(&executable->plan, step)->as.mask.hidden_layers + 1;
    RowsPlace from = operand_place(executable, step);
    CudaStatus status = CUDA_OK;
    for (int i = 0; i < layers && status == CUDA_OK; i++) {
        int linear = stem * layers + i;
        RowsGroup first = plan_rows_group(&executable->plan, step, linear, 0);
        TokensRoom room = i == layers - 1 ? ROOM_MASKS : i % 2 == 0 ? ROOM_WIDE : ROOM_OTHER;
        int64_t row = i == layers - 1 ? tokens_of(executable, step)->features : first.channels;
        RowsPlace to = place_of_room(executable, step, room, row);
        status = launch_rows(executable, step, linear, from, to, 0, batch);
        from = to;
    }
    return status;
}

static CudaStatus launch_stem(const CudaExecutable *executable, int step, int stem, int batch) {
    const CudaPlan *plan = &executable->plan;
    const PlannedTokens *tokens = tokens_of(executable, step);
    const Step *s = &plan->program.steps[step];
    int bins = graph_bins(&plan->graph);
    int features = plan_node(plan, step)->shape.width;
    ValueView output = cuda_view_of(executable, s->output);
    MaskArguments arguments = {.bins = weights_at(executable, tokens->bins),
                               .bands = weights_at(executable, tokens->bands),
                               .masks = arena_at(executable, tokens->rooms[ROOM_MASKS]),
                               .spectrum = cuda_view_of(executable, s->sources[1].node).address,
                               .output = output.address +
                                         (uint64_t)stem * (uint64_t)plan_rows(plan, step) *
                                             (uint64_t)output.channels * sizeof(float),
                               .output_sample = output.sample_stride,
                               .mask_row = tokens->features,
                               .row = output.channels,
                               .frames = plan_rows(plan, step),
                               .bin_count = bins,
                               .channels = features / bins / 2,
                               .zero_dc = plan_node(plan, step)->as.mask.zero_dc};
    Grid grid = {arguments.frames, tiles_of(arguments.row / 2, MASK_THREADS), batch};
    return cuda_kernel_launch(executable, KERNEL_mask_stem, grid, 0, &arguments);
}

static CudaStatus launch_masks(const CudaExecutable *executable, int step, int batch) {
    int stems = plan_node(&executable->plan, step)->as.mask.stems;
    CudaStatus status = launch_operand(executable, step, batch);
    for (int i = 0; i < stems && status == CUDA_OK; i++) {
        status = launch_mlps(executable, step, i, batch);
        if (status == CUDA_OK)
            status = launch_stem(executable, step, i, batch);
    }
    return status;
}

CudaStatus cuda_tokens_launch(const CudaExecutable *executable, int step, int batch) {
    switch (executable->plan.steps[step].kind) {
    case STEP_KIND_BAND_SPLIT:
        return launch_band_split(executable, step, batch);
    case STEP_KIND_ATTENTION:
        return launch_attention(executable, step, batch);
    case STEP_KIND_FEED_FORWARD:
        return launch_feed_forward(executable, step, batch);
    case STEP_KIND_RMS_NORM:
        return launch_rms_norm(executable, step, batch);
    default:
        return launch_masks(executable, step, batch);
    }
}

/* ---- Loading ---- */

static CudaStatus load_rows(CudaExecutable *executable, int step, KernelNumber *kernel) {
    const PlannedStep *planned = &executable->plan.steps[step];
    CudaStatus status = CUDA_OK;
    for (int i = 0; i < planned->tokens.linears && status == CUDA_OK; i++) {
        int tile = planned->tokens.rows[i].tile;
        *kernel = cuda_kernel_of(KERNEL_rows_f32_128, planned->type, tile);
        status = cuda_kernel_load(executable, *kernel, (size_t)ROWS_SHARED_BYTES(tile));
    }
    return status;
}

CudaStatus cuda_tokens_load(CudaExecutable *executable, int step, KernelNumber *kernel) {
    const PlannedStep *planned = &executable->plan.steps[step];
    *kernel = KERNEL_rms;
    CudaStatus status = cuda_kernel_load(executable, *kernel, 0);
    if (status == CUDA_OK)
        status = load_rows(executable, step, kernel);
    if (status == CUDA_OK && planned->kind == STEP_KIND_ATTENTION) {
        *kernel = attention_kernel(planned);
        status = cuda_kernel_load(executable, *kernel, attention_shared(planned));
    }
    if (status == CUDA_OK && planned->kind == STEP_KIND_MASK) {
        *kernel = KERNEL_mask_stem;
        status = cuda_kernel_load(executable, *kernel, 0);
    }
    return status;
}
