/* export_tokens.c: the ops of tokens in plain ops of ONNX: matrix products, softmax, slices. ONNX
 * has had RMS norms, RoPE and attention as ops since opset 23, which few runtimes know. */
#include "export/export_tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/rope.h"
#include "graph/tokens.h"
#include "graph/weight_check.h"

/* Constants that all nodes share. */
#define BAND_AXIS    "constant/band_axis"
#define HEAD_AXIS    "constant/head_axis"
#define FEATURE_AXIS "constant/feature_axis"
#define PART_AXIS    "constant/part_axis" /* real and imaginary parts, behind the features */
#define SMALLEST     "constant/smallest_length"
#define HALF         "constant/half"
#define SCALE        "constant/attention_scale"
#define QUARTER_TURN "constant/quarter_turn"

#define MAX_PAIRS 2048 /* of a head's features: half of what a configuration may ask for */

/* ---- Pieces ----
 *
 * `front` is the beginning of all names that a piece makes. */

static Name tokens_name(const char *front, const char *part) {
    Name name;
    snprintf(name.text, sizeof(name.text), "%.*s%s", (int)(sizeof(name.text) - 40), front, part);
    return name;
}

static Name tokens_numbered(const char *front, const char *part, int number) {
    char text[32];
    snprintf(text, sizeof(text), "%s%d", part, number);
    return tokens_name(front, text);
}

static Name tokens_step(Export *export, const char *front, const char *part, const char *op,
                        const char *input, const char *second) {
    Name output = tokens_name(front, part);
    export_plain(export, op, output.text, input, second);
    return output;
}

/* x times a matrix of weights, plus a bias. */
static Name tokens_linear(Export *export, const char *front, const char *input,
                          const Tensor *weight, const Tensor *bias) {
    Name product =
        tokens_step(export, front, "/product", "MatMul", input, export_matrix(export, weight).text);
    return tokens_step(export, front, "/sum", "Add", product.text,
                       export_vector(export, bias).text);
}

/* The norm of n features: x / (max(‖x‖₂, 1e-12) / √n) · gamma, into `output`. */
static void tokens_rms(Export *export, const char *front, const char *input, const Tensor *gamma,
                       const char *output) {
    Name scale = tokens_name(front, "/length_scale");
    onnx_constant_floats(&export->onnx, scale.text, (float)(1 / sqrt((double)gamma->dims[0])), 1);
    Name length = tokens_step(export, front, "/length", "ReduceL2", input, FEATURE_AXIS);
    Name bounded = tokens_step(export, front, "/bounded", "Max", length.text, SMALLEST);
    Name scaled = tokens_step(export, front, "/scaled", "Mul", bounded.text, scale.text);
    Name unit = tokens_step(export, front, "/unit", "Div", input, scaled.text);
    export_plain(export, "Mul", output, unit.text, export_vector(export, gamma).text);
}

static Name tokens_normalised(Export *export, const char *front, const char *input,
                              const Tensor *gamma) {
    Name output = tokens_name(front, "/normalised");
    tokens_rms(export, front, input, gamma, output.text);
    return output;
}

/* `count` slices from `first` on, along the axis that a constant names. */
static Name tokens_slice(Export *export, const char *front, const char *part, const char *input,
                         const char *axis, int64_t first, int64_t count) {
    Name output = tokens_name(front, part);
    Name begin = tokens_name(output.text, "_begin");
    Name end = tokens_name(output.text, "_end");
    const int64_t last = first + count;
    onnx_constant_integers(&export->onnx, begin.text, &first, 1);
    onnx_constant_integers(&export->onnx, end.text, &last, 1);
    const char *const inputs[] = {input, begin.text, end.text, axis};
    Message message = onnx_node("Slice", output.text, inputs, 4);
    onnx_end(&export->onnx, &message);
    return output;
}

static Name tokens_reshape(Export *export, const Node *node, const char *part, const char *input,
                           const int64_t *dims, int count) {
    Name output = node_name(node, part);
    Name shape = tokens_name(part, "_shape");
    export_reshape(export, node, shape.text, input, output.text, dims, count);
    return output;
}

/* Joins what lies at `names` along an axis, and frees it. */
static void tokens_concat(Export *export, Name *names, int count, int axis, const char *output) {
    const char **inputs = calloc((size_t)count, sizeof(*inputs));
    export->onnx.failed = export->onnx.failed || !inputs;
    for (int i = 0; i < count && inputs; i++)
        inputs[i] = names[i].text;
    if (inputs) {
        Message message = onnx_node("Concat", output, inputs, count);
        onnx_integer(&message, "axis", axis);
        onnx_end(&export->onnx, &message);
    }
    free((void *)inputs);
    free(names);
}

/* Room for the names of what tokens_concat() joins; NULL where memory ran out. */
static Name *tokens_names(Export *export, int count) {
    Name *names = calloc((size_t)count, sizeof(*names));
    export->onnx.failed = export->onnx.failed || !names;
    return names;
}

/* ---- Transforms ---- */

/* The four dims of a value are the batch, bands or stems, frames, and features. */
static void tokens_constants(Export *export) {
    const int64_t band = 1;
    const int64_t head = 1;
    const int64_t feature = 3;
    const int64_t part = 4;
    onnx_constant_integers(&export->onnx, BAND_AXIS, &band, 1);
    onnx_constant_integers(&export->onnx, HEAD_AXIS, &head, 1);
    onnx_constant_integers(&export->onnx, FEATURE_AXIS, &feature, 1);
    onnx_constant_integers(&export->onnx, PART_AXIS, &part, 1);
    onnx_constant_floats(&export->onnx, SMALLEST, 1e-12F, 1);
}

void tokens_stft(Export *export, const Node *node, const char *op, const char *const inputs[],
                 const char *output) {
    (void)op;
    static const int order[] = {0, 3, 2, 1};
    const int64_t dims[] = {0, 1, node->shape.height, node->shape.width};
    Name turned = node_name(node, "/transposed");
    tokens_constants(export);
    export_transpose(export, inputs[0], turned.text, order, 4);
    export_reshape(export, node, "/tokens_shape", turned.text, output, dims, 4);
}

void tokens_istft(Export *export, const Node *node, const char *op, const char *const inputs[],
                  const char *output) {
    (void)op;
    static const int order[] = {0, 1, 4, 3, 2};
    const int64_t dims[] = {0, 0, 0, node->as.stft.bins, 2 * (int64_t) export->config->channels};
    Name parted = tokens_reshape(export, node, "/bins", inputs[0], dims, 5);
    export_transpose(export, parted.text, output, order, 5);
}

/* ---- The band split ---- */

static Name tokens_split_band(Export *export, const Node *node, int band, const char *input) {
    const Graph *graph = export->graph;
    const Tensor *weights[SPLIT_WEIGHTS];
    Name front = tokens_numbered(node_name(node, "").text, "/band", band);
    int first = graph->bands[band].first * graph_bin_features(graph, node);
    for (int i = 0; i < SPLIT_WEIGHTS; i++)
        weights[i] = graph_weight(graph, node, band * SPLIT_WEIGHTS + i);
    Name own = tokens_slice(export, front.text, "/features", input, FEATURE_AXIS, first,
                            graph_band_features(graph, node, band));
    Name normalised = tokens_normalised(export, front.text, own.text, weights[SPLIT_GAMMA]);
    return tokens_linear(export, front.text, normalised.text, weights[SPLIT_WEIGHT],
                         weights[SPLIT_BIAS]);
}

void tokens_band_split(Export *export, const Node *node, const char *op, const char *const inputs[],
                       const char *output) {
    (void)op;
    const int bands = export->graph->band_count;
    Name *names = tokens_names(export, bands);
    for (int band = 0; band < bands && names; band++)
        names[band] = tokens_split_band(export, node, band, inputs[0]);
    if (names)
        tokens_concat(export, names, bands, 1, output);
}

/* ---- Attention ---- */

static int tokens_length(const Node *node) {
    return node->as.attention.axis == SEQUENCE_FRAMES ? node->shape.height : node->shape.channels;
}

static void tokens_table(Export *export, const char *name, const float *values, int rows,
                         int columns) {
    const int64_t dims[] = {rows, columns};
    onnx_constant_table(&export->onnx, name, values, dims, 2);
}

static Name tokens_rope_name(SequenceAxis axis, const char *function) {
    return tokens_name(axis == SEQUENCE_FRAMES ? "constant/rope_frames" : "constant/rope_bands",
                       function);
}

/* Cosines and sines of all positions, (positions, 2 · pairs): both features of a pair have the
 * same. */
static void tokens_fill_rope(const float *frequencies, int positions, int pairs, float *cosines,
                             float *sines) {
    for (int position = 0; position < positions; position++)
        for (int pair = 0; pair < pairs; pair++) {
            double angle = (double)position * (double)frequencies[pair];
            size_t place = 2 * ((size_t)position * (size_t)pairs + (size_t)pair);
            cosines[place] = cosines[place + 1] = (float)cos(angle);
            sines[place] = sines[place + 1] = (float)sin(angle);
        }
}

/* All nodes of an axis turn by the same frequencies. */
static void tokens_write_rope(Export *export, const Node *node) {
    const int columns = node->as.attention.dim_head;
    const int rows = tokens_length(node);
    const size_t count = (size_t)rows * (size_t)columns;
    const SequenceAxis axis = node->as.attention.axis;
    float frequencies[MAX_PAIRS] = {0};
    float *tables = malloc(2 * count * sizeof(*tables));
    export->onnx.failed = export->onnx.failed || !tables;
    if (!tables)
        return;
    rope_frequencies(export->graph, node, frequencies);
    tokens_fill_rope(frequencies, rows, columns / 2, tables, tables + count);
    tokens_table(export, tokens_rope_name(axis, "/cos").text, tables, rows, columns);
    tokens_table(export, tokens_rope_name(axis, "/sin").text, tables + count, rows, columns);
    free(tables);
}

/* The matrix that makes (-y, x) of each pair (x, y): its products are exact, and runtimes multiply
 * faster than they move single features. And what q is multiplied by. */
static void tokens_write_turn(Export *export, int dim_head) {
    float *matrix = calloc((size_t)dim_head * (size_t)dim_head, sizeof(*matrix));
    export->onnx.failed = export->onnx.failed || !matrix;
    for (int i = 0; i < dim_head && matrix; i += 2) {
        matrix[(i + 1) * dim_head + i] = -1;
        matrix[i * dim_head + i + 1] = 1;
    }
    if (matrix)
        tokens_table(export, QUARTER_TURN, matrix, dim_head, dim_head);
    onnx_constant_floats(&export->onnx, SCALE, (float)(1 / sqrt((double)dim_head)), 1);
    free(matrix);
}

static void tokens_rope_tables(Export *export, const Node *node) {
    const SequenceAxis axis = node->as.attention.axis;
    if (!export->has_rope[0] && !export->has_rope[1])
        tokens_write_turn(export, node->as.attention.dim_head);
    if (!export->has_rope[axis])
        tokens_write_rope(export, node);
    export->has_rope[axis] = true;
}

/* x · cos a + (x turned by a quarter) · sin a */
static Name tokens_turn(Export *export, const Node *node, const char *input) {
    Name front = node_name(node, "/rope");
    Name cosines = tokens_rope_name(node->as.attention.axis, "/cos");
    Name sines = tokens_rope_name(node->as.attention.axis, "/sin");
    Name turned = tokens_step(export, front.text, "/turned", "MatMul", input, QUARTER_TURN);
    Name one = tokens_step(export, front.text, "/along", "Mul", input, cosines.text);
    Name other = tokens_step(export, front.text, "/across", "Mul", turned.text, sines.text);
    return tokens_step(export, front.text, "/sum", "Add", one.text, other.text);
}

/* Runtimes that compute attention as one op look for four dims: the sequences of all items lie in
 * the first. */

/* q, k and v of all heads, (B · sequences, 3 · heads, positions, dim_head). */
static Name tokens_qkv(Export *export, const Node *node, const char *normalised) {
    static const int orders[2][5] = {
        [SEQUENCE_FRAMES] = {0, 1, 3, 2, 4}, [SEQUENCE_BANDS] = {0, 2, 3, 1, 4}};
    const AttentionAttributes *attention = &node->as.attention;
    const int64_t heads = 3 * (int64_t)attention->heads;
    const int64_t dims[] = {0, 0, 0, heads, attention->dim_head};
    const int64_t joined_dims[] = {-1, heads, tokens_length(node), attention->dim_head};
    Name front = node_name(node, "");
    Name weight = export_matrix(export, graph_weight(export->graph, node, ATTENTION_QKV));
    Name product = tokens_step(export, front.text, "/qkv", "MatMul", normalised, weight.text);
    Name parted = tokens_reshape(export, node, "/heads", product.text, dims, 5);
    Name turned = node_name(node, "/sequences");
    export_transpose(export, parted.text, turned.text, orders[attention->axis], 5);
    return tokens_reshape(export, node, "/all_sequences", turned.text, joined_dims, 4);
}

/* softmax(q · kᵀ / √dim_head) · v, (B · sequences, heads, positions, dim_head) */
static Name tokens_heads(Export *export, const Node *node, const char *normalised) {
    static const int order[] = {0, 1, 3, 2};
    const int heads = node->as.attention.heads;
    Name front_name = node_name(node, "");
    const char *front = front_name.text;
    Name qkv = tokens_qkv(export, node, normalised);
    Name qk = tokens_slice(export, front, "/qk", qkv.text, HEAD_AXIS, 0, 2 * (int64_t)heads);
    Name v = tokens_slice(export, front, "/v", qkv.text, HEAD_AXIS, 2 * (int64_t)heads, heads);
    Name turned = tokens_turn(export, node, qk.text);
    Name q = tokens_slice(export, front, "/q", turned.text, HEAD_AXIS, 0, heads);
    Name k = tokens_slice(export, front, "/k", turned.text, HEAD_AXIS, heads, heads);
    Name scaled = tokens_step(export, front, "/scaled_q", "Mul", q.text, SCALE);
    Name columns = node_name(node, "/k_columns");
    export_transpose(export, k.text, columns.text, order, 4);
    Name scores = tokens_step(export, front, "/scores", "MatMul", scaled.text, columns.text);
    Name shares = tokens_step(export, front, "/softmax", "Softmax", scores.text, NULL);
    return tokens_step(export, front, "/heads_out", "MatMul", shares.text, v.text);
}

/* One number for each head and position, (B, bands, frames, heads, 1). */
static Name tokens_gates(Export *export, const Node *node, const char *normalised) {
    const int64_t dims[] = {0, 0, 0, node->as.attention.heads, 1};
    Name front = node_name(node, "/gates");
    Name sum = tokens_linear(export, front.text, normalised,
                             graph_weight(export->graph, node, ATTENTION_GATES),
                             graph_weight(export->graph, node, ATTENTION_GATES_BIAS));
    Name gates = tokens_step(export, front.text, "/sigmoid", "Sigmoid", sum.text, NULL);
    return tokens_reshape(export, node, "/gates_of_heads", gates.text, dims, 5);
}

/* What the heads give, in the order of the tokens: (B, bands, frames, heads, dim_head). */
static Name tokens_of_heads(Export *export, const Node *node, const char *heads) {
    static const int orders[2][5] = {
        [SEQUENCE_FRAMES] = {0, 1, 3, 2, 4}, [SEQUENCE_BANDS] = {0, 3, 1, 2, 4}};
    const AttentionAttributes *attention = &node->as.attention;
    const bool along_frames = attention->axis == SEQUENCE_FRAMES;
    const int64_t dims[] = {-1, along_frames ? node->shape.channels : node->shape.height,
                            attention->heads, tokens_length(node), attention->dim_head};
    Name parted = tokens_reshape(export, node, "/items", heads, dims, 5);
    Name tokens = node_name(node, "/tokens");
    export_transpose(export, parted.text, tokens.text, orders[attention->axis], 5);
    return tokens;
}

void tokens_attention(Export *export, const Node *node, const char *op, const char *const inputs[],
                      const char *output) {
    (void)op;
    const AttentionAttributes *attention = &node->as.attention;
    const int64_t dims[] = {0, 0, 0, (int64_t)attention->heads * attention->dim_head};
    Name front_name = node_name(node, "");
    const char *front = front_name.text;
    tokens_rope_tables(export, node);
    Name normalised = tokens_normalised(export, front, inputs[0],
                                        graph_weight(export->graph, node, ATTENTION_GAMMA));
    Name heads = tokens_heads(export, node, normalised.text);
    Name gates = tokens_gates(export, node, normalised.text);
    Name tokens = tokens_of_heads(export, node, heads.text);
    Name gated = tokens_step(export, front, "/gated", "Mul", tokens.text, gates.text);
    Name joined = tokens_reshape(export, node, "/joined", gated.text, dims, 4);
    Name weight = export_matrix(export, graph_weight(export->graph, node, ATTENTION_OUT));
    Name result = tokens_step(export, front, "/out", "MatMul", joined.text, weight.text);
    export_plain(export, "Add", output, inputs[0], result.text);
}

cleave_status tokens_check(const Graph *graph, cleave_error *error) {
    float frequencies[MAX_PAIRS];
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < graph->count && status == CLEAVE_OK; i++) {
        const Node *node = &graph->nodes[i];
        if (node->op == OP_ATTENTION)
            status = weight_check(graph_weight(graph, node, ATTENTION_FREQUENCIES),
                                  rope_frequencies(graph, node, frequencies), error);
    }
    return status;
}

/* ---- Feed-forward and norm ---- */

void tokens_feed_forward(Export *export, const Node *node, const char *op,
                         const char *const inputs[], const char *output) {
    (void)op;
    const Tensor *weights[FEED_FORWARD_WEIGHTS];
    Name front = node_name(node, "");
    Name hidden = node_name(node, "/hidden");
    Name out = node_name(node, "/out");
    for (int i = 0; i < FEED_FORWARD_WEIGHTS; i++)
        weights[i] = graph_weight(export->graph, node, i);
    Name normalised = tokens_normalised(export, front.text, inputs[0], weights[FEED_FORWARD_GAMMA]);
    Name sum = tokens_linear(export, hidden.text, normalised.text, weights[FEED_FORWARD_IN],
                             weights[FEED_FORWARD_IN_BIAS]);
    Name active = tokens_step(export, hidden.text, "/gelu", "Gelu", sum.text, NULL);
    Name result = tokens_linear(export, out.text, active.text, weights[FEED_FORWARD_OUT],
                                weights[FEED_FORWARD_OUT_BIAS]);
    export_plain(export, "Add", output, inputs[0], result.text);
}

void tokens_rms_norm(Export *export, const Node *node, const char *op, const char *const inputs[],
                     const char *output) {
    (void)op;
    tokens_rms(export, node_name(node, "").text, inputs[0], graph_weight(export->graph, node, 0),
               output);
}

/* ---- Masks ---- */

/* One band's mask for one stem, (B, 1, T, c_k). `band_input`: the band's tokens, (B, 1, T, D). */
static Name tokens_band_mask(Export *export, const Node *node, int stem, int band,
                             const Name *band_input) {
    const Graph *graph = export->graph;
    const int features = graph_band_features(graph, node, band);
    Name front = tokens_numbered(node_name(node, "/stem").text, "", stem);
    front = tokens_numbered(front.text, "/band", band);
    Name x = *band_input;
    for (int layer = 0; layer <= node->as.mask.hidden_layers; layer++) {
        int slot = mask_weight(graph, node, stem, band, layer);
        Name own = tokens_numbered(front.text, "/layer", layer);
        x = tokens_linear(export, own.text, x.text, graph_weight(graph, node, slot),
                          graph_weight(graph, node, slot + 1));
        if (layer < node->as.mask.hidden_layers)
            x = tokens_step(export, own.text, "/tanh", "Tanh", x.text, NULL);
    }
    Name value = tokens_slice(export, front.text, "/value", x.text, FEATURE_AXIS, 0, features);
    Name gate = tokens_slice(export, front.text, "/gate", x.text, FEATURE_AXIS, features, features);
    Name open = tokens_step(export, front.text, "/sigmoid", "Sigmoid", gate.text, NULL);
    return tokens_step(export, front.text, "/glu", "Mul", value.text, open.text);
}

/* For each feature of the spectrogram, which of all bands' features, one band's after the other's,
 * is the first or the last that belongs to it. */
static void tokens_write_places(Export *export, const Node *node, bool last, const char *name) {
    const Graph *graph = export->graph;
    const int width = node->shape.width;
    int64_t *places = calloc((size_t)width, sizeof(*places));
    int64_t place = 0;
    export->onnx.failed = export->onnx.failed || !places;
    for (int i = 0; i < width && places; i++)
        places[i] = -1;
    for (int band = 0; band < graph->band_count && places; band++) {
        int first = graph->bands[band].first * graph_bin_features(graph, node);
        for (int i = 0; i < graph_band_features(graph, node, band); i++, place++)
            if (last || places[first + i] < 0)
                places[first + i] = place;
    }
    if (places)
        onnx_constant_integers(&export->onnx, name, places, width);
    free(places);
}

static Name tokens_gather(Export *export, const char *front, const char *part, const char *input,
                          const char *places) {
    const char *const inputs[] = {input, places};
    Name output = tokens_name(front, part);
    Message message = onnx_node("Gather", output.text, inputs, 2);
    onnx_integer(&message, "axis", 3);
    onnx_end(&export->onnx, &message);
    return output;
}

static bool tokens_bands_overlap(const Export *export, const Node *node) {
    return graph_all_band_features(export->graph, node) != node->shape.width;
}

/* The masks of a bin are those of the first and the last band that have it: of one band twice, or
 * of two. Their mean is the bin's mask. */
static Name tokens_average(Export *export, const Node *node, const char *front, const char *masks) {
    Name first = tokens_gather(export, front, "/first", masks, node_name(node, "/firsts").text);
    Name last = tokens_gather(export, front, "/last", masks, node_name(node, "/lasts").text);
    Name sum = tokens_step(export, front, "/first_and_last", "Add", first.text, last.text);
    return tokens_step(export, front, "/mean", "Mul", sum.text, HALF);
}

/* The mask of one stem, (B, 1, T, F·ch·2). `bands`: each band's tokens. */
static Name tokens_stem_mask(Export *export, const Node *node, int stem, const Name *bands) {
    const int count = export->graph->band_count;
    Name *names = tokens_names(export, count);
    Name front = tokens_numbered(node_name(node, "/stem").text, "", stem);
    Name masks = tokens_name(front.text, "/bands");
    for (int band = 0; band < count && names; band++)
        names[band] = tokens_band_mask(export, node, stem, band, &bands[band]);
    if (names)
        tokens_concat(export, names, count, 3, masks.text);
    return tokens_bands_overlap(export, node) ? tokens_average(export, node, front.text, masks.text)
                                              : masks;
}

/* All stems' masks, (B, stems, T, F·ch·2). */
static Name tokens_masks(Export *export, const Node *node, const Name *bands) {
    const int stems = node->as.mask.stems;
    Name joined = node_name(node, "/masks");
    Name *names = tokens_names(export, stems);
    if (tokens_bands_overlap(export, node)) {
        onnx_constant_floats(&export->onnx, HALF, 0.5F, 1);
        tokens_write_places(export, node, false, node_name(node, "/firsts").text);
        tokens_write_places(export, node, true, node_name(node, "/lasts").text);
    }
    for (int stem = 0; stem < stems && names; stem++)
        names[stem] = tokens_stem_mask(export, node, stem, bands);
    if (names)
        tokens_concat(export, names, stems, 1, joined.text);
    return joined;
}

/* The real and the imaginary part of a value, each (B, n, T, F·ch, 1). */
typedef struct Parts {
    Name real;
    Name imaginary;
} Parts;

static Parts tokens_parts(Export *export, const Node *node, const char *part, const char *input) {
    const int64_t dims[] = {0, 0, 0, node->shape.width / 2, 2};
    Name pairs = tokens_reshape(export, node, part, input, dims, 5);
    return (Parts){tokens_slice(export, pairs.text, "/real", pairs.text, PART_AXIS, 0, 1),
                   tokens_slice(export, pairs.text, "/imaginary", pairs.text, PART_AXIS, 1, 1)};
}

/* The complex product of the masks and the spectrogram. */
static Name tokens_multiply(Export *export, const Node *node, const char *masks,
                            const char *spectrogram) {
    const int64_t dims[] = {0, 0, 0, node->shape.width};
    Name front_name = node_name(node, "/product");
    const char *front = front_name.text;
    const Parts a = tokens_parts(export, node, "/mask_parts", masks);
    const Parts b = tokens_parts(export, node, "/spectrogram_parts", spectrogram);
    Name rr = tokens_step(export, front, "/rr", "Mul", a.real.text, b.real.text);
    Name ii = tokens_step(export, front, "/ii", "Mul", a.imaginary.text, b.imaginary.text);
    Name ri = tokens_step(export, front, "/ri", "Mul", a.real.text, b.imaginary.text);
    Name ir = tokens_step(export, front, "/ir", "Mul", a.imaginary.text, b.real.text);
    Name *parts = tokens_names(export, 2);
    Name joined = tokens_name(front, "/parts");
    if (parts) {
        parts[0] = tokens_step(export, front, "/real", "Sub", rr.text, ii.text);
        parts[1] = tokens_step(export, front, "/imaginary", "Add", ri.text, ir.text);
        tokens_concat(export, parts, 2, 4, joined.text);
    }
    return tokens_reshape(export, node, "/stems", joined.text, dims, 4);
}

/* Multiplies all bins by 1, but bin 0 by 0. */
static void tokens_drop_dc(Export *export, const Node *node, const char *input,
                           const char *output) {
    const int width = node->shape.width;
    Name name = node_name(node, "/no_dc");
    float *factors = calloc((size_t)width, sizeof(*factors));
    export->onnx.failed = export->onnx.failed || !factors;
    for (int i = graph_bin_features(export->graph, node); i < width && factors; i++)
        factors[i] = 1;
    if (factors)
        tokens_table(export, name.text, factors, 1, width);
    free(factors);
    export_plain(export, "Mul", output, input, name.text);
}

void tokens_mask(Export *export, const Node *node, const char *op, const char *const inputs[],
                 const char *output) {
    (void)op;
    const int count = export->graph->band_count;
    Name front = node_name(node, "/tokens");
    Name *bands = tokens_names(export, count);
    for (int band = 0; band < count && bands; band++)
        bands[band] = tokens_slice(export, tokens_numbered(front.text, "/band", band).text, "",
                                   inputs[0], BAND_AXIS, band, 1);
    if (bands) {
        Name masks = tokens_masks(export, node, bands);
        Name stems = tokens_multiply(export, node, masks.text, inputs[1]);
        if (node->as.mask.zero_dc)
            tokens_drop_dc(export, node, stems.text, output);
        else
            export_plain(export, "Identity", output, stems.text, NULL);
    }
    free(bands);
}
