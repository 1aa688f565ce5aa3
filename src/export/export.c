/* export.c: cleave_model_export_onnx() writes the graph of a network, node by node, in the ops of
 * ONNX. The transforms are left out: a spectrogram goes in, and spectrograms come out. PyTorch's
 * network has frequency as height and time as width, the graph has them the other way round, so a
 * reshape and a transpose take the place of the STFT and of its inverse. Ops of tokens are in
 * export_tokens.c. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "dsp/stft.h"
#include "export/export_pieces.h"
#include "export/export_tokens.h"
#include "graph/ops.h"
#include "model/family.h"
#include "model/model.h"
#include "model/network.h"

#define INPUT_NAME  "spectrogram"
#define OUTPUT_NAME "stems"
#define LONGEST     (INT32_MAX / 4) /* samples of a chunk */

static Name value_name(const Export *export, int index) {
    const Node *node = &export->graph->nodes[index];
    if (node->op == OP_INPUT)
        return (Name){INPUT_NAME};
    if (node->op == OP_ISTFT)
        return (Name){OUTPUT_NAME};
    return node_name(node, "");
}

/* Frequencies by frames to frames by frequencies, and back. */
static void export_turn(Export *export, const char *input, const char *output) {
    static const int order[] = {0, 1, 3, 2};
    export_transpose(export, input, output, order, 4);
}

/* ---- Ops ---- */

/* (B, 2·ch, dim_f, T) → (B, 2·ch·k, T, F). A 0 in a shape keeps the dimension. */
static void write_stft(Export *export, const Node *node, const char *op, const char *const inputs[],
                       const char *output) {
    const Shape shape = node->shape;
    if (node->as.stft.tokens) {
        tokens_stft(export, node, op, inputs, output);
        return;
    }
    Name cut = node_name(node, "/subbands");
    const int64_t dims[] = {0, shape.channels, shape.width, shape.height};
    export_reshape(export, node, "/subbands_shape", inputs[0], cut.text, dims, 4);
    export_turn(export, cut.text, output);
}

/* (B, stems·2·ch·k, T, F) → (B, stems, 2·ch, dim_f, T). */
static void write_istft(Export *export, const Node *node, const char *op,
                        const char *const inputs[], const char *output) {
    const Config *config = export->config;
    if (node->as.stft.tokens) {
        tokens_istft(export, node, op, inputs, output);
        return;
    }
    Name turned = node_name(node, "/transposed");
    const int64_t dims[] = {0, config->stem_count, 2 * (int64_t)config->channels, config->dim_f,
                            export->frames};
    export_turn(export, inputs[0], turned.text);
    export_reshape(export, node, "/stems_shape", turned.text, output, dims, 5);
}

static void write_conv(Export *export, const Node *node, const char *op, const char *const inputs[],
                       const char *output) {
    const ConvAttributes *conv = &node->as.conv;
    const int pads[] = {conv->pad[0], conv->pad[1], conv->pad[0], conv->pad[1]};
    const char *const operands[] = {inputs[0], graph_weight(export->graph, node, 0)->name};
    Message message = onnx_node(op, output, operands, 2);
    onnx_integers(&message, "kernel_shape", conv->kernel, 2);
    onnx_integers(&message, "strides", conv->stride, 2);
    onnx_integers(&message, "pads", pads, 4);
    onnx_end(&export->onnx, &message);
    onnx_weight(&export->onnx, graph_weight(export->graph, node, 0), "");
}

static void write_linear(Export *export, const Node *node, const char *op,
                         const char *const inputs[], const char *output) {
    Name weight = export_matrix(export, graph_weight(export->graph, node, 0));
    export_plain(export, op, output, inputs[0], weight.text);
}

/* Instance norm and batch norm, whose parameters are vectors of one value a channel. */
static void export_channel_norm(Export *export, const Node *node, const char *op, const char *input,
                                const char *output) {
    const char *inputs[5] = {input};
    int count = 1;
    for (int i = 0; i < NORM_WEIGHTS_MAX && graph_weight(export->graph, node, i); i++) {
        inputs[count++] = graph_weight(export->graph, node, i)->name;
        onnx_weight(&export->onnx, graph_weight(export->graph, node, i), "");
    }
    Message message = onnx_node(op, output, inputs, count);
    onnx_float(&message, "epsilon", (float)NORM_EPSILON);
    onnx_end(&export->onnx, &message);
}

/* One of a group norm's two vectors in the shape (C, 1, 1): one value for each channel. */
static Name export_gain(Export *export, const Tensor *weight) {
    Tensor column = *weight;
    column.dim_count = 3;
    for (int i = 1; i < 3; i++) {
        column.dims[i] = 1;
        column.strides[i] = 1;
    }
    onnx_weight(&export->onnx, &column, "");
    return weight_name_of(weight, "");
}

/* An instance norm over the groups as if they were channels, then the channels' own gain and bias.
 * ONNX has had a group norm since opset 18, but it was redefined in 21, and few runtimes have a
 * kernel for it. */
static void export_group_norm(Export *export, const Node *node, const char *input,
                              const char *output) {
    const Shape shape = node->shape;
    const int groups = node->as.norm.groups;
    const int64_t joined_dims[] = {0, groups, -1};
    const int64_t dims[] = {0, shape.channels, shape.height, shape.width};
    Name ones = node_name(node, "/ones");
    Name zeros = node_name(node, "/zeros");
    Name joined = node_name(node, "/groups");
    Name normal = node_name(node, "/normalised");
    Name parted = node_name(node, "/channels");
    Name scaled = node_name(node, "/scaled");
    onnx_constant_floats(&export->onnx, ones.text, 1, groups);
    onnx_constant_floats(&export->onnx, zeros.text, 0, groups);
    export_reshape(export, node, "/groups_shape", input, joined.text, joined_dims, 3);
    const char *const inputs[] = {joined.text, ones.text, zeros.text};
    Message message = onnx_node("InstanceNormalization", normal.text, inputs, 3);
    onnx_float(&message, "epsilon", (float)NORM_EPSILON);
    onnx_end(&export->onnx, &message);
    export_reshape(export, node, "/channels_shape", normal.text, parted.text, dims, 4);
    export_plain(export, "Mul", scaled.text, parted.text,
                 export_gain(export, graph_weight(export->graph, node, 0)).text);
    export_plain(export, "Add", output, scaled.text,
                 export_gain(export, graph_weight(export->graph, node, 1)).text);
}

static void write_norm(Export *export, const Node *node, const char *op, const char *const inputs[],
                       const char *output) {
    (void)op;
    switch (node->as.norm.kind) {
    case NORM_INSTANCE:
        export_channel_norm(export, node, "InstanceNormalization", inputs[0], output);
        return;
    case NORM_BATCH:
        export_channel_norm(export, node, "BatchNormalization", inputs[0], output);
        return;
    case NORM_GROUP:
        export_group_norm(export, node, inputs[0], output);
        return;
    case NORM_NONE:
        break;
    }
    export_plain(export, "Identity", output, inputs[0], NULL);
}

static void write_act(Export *export, const Node *node, const char *op, const char *const inputs[],
                      const char *output) {
    (void)op;
    const ActInfo *act = act_info(node->as.act.kind);
    Message message = onnx_node(act->onnx, output, inputs, 1);
    if (act->has_alpha)
        onnx_float(&message, "alpha", node->as.act.alpha);
    onnx_end(&export->onnx, &message);
}

static void write_concat(Export *export, const Node *node, const char *op,
                         const char *const inputs[], const char *output) {
    (void)node;
    Message message = onnx_node(op, output, inputs, 2);
    onnx_integer(&message, "axis", 1);
    onnx_end(&export->onnx, &message);
}

/* An op that ONNX has as well. */
static void write_plain(Export *export, const Node *node, const char *op,
                        const char *const inputs[], const char *output) {
    (void)node;
    export_plain(export, op, output, inputs[0], inputs[1]);
}

/* How each op is written, and as which op of ONNX where it becomes exactly one. */
static const struct {
    ExportWriter *write;
    const char *op;
} translations[OP_KINDS] = {
    [OP_INPUT] = {NULL, NULL}, /* not a node in ONNX */
    [OP_STFT] = {write_stft, NULL},
    [OP_ISTFT] = {write_istft, NULL},
    [OP_CONV] = {write_conv, "Conv"},
    [OP_CONV_TRANSPOSED] = {write_conv, "ConvTranspose"},
    [OP_LINEAR] = {write_linear, "MatMul"},
    [OP_NORM] = {write_norm, NULL},
    [OP_ACT] = {write_act, NULL},
    [OP_ADD] = {write_plain, "Add"},
    [OP_MUL] = {write_plain, "Mul"},
    [OP_CONCAT] = {write_concat, "Concat"},
    [OP_BAND_SPLIT] = {tokens_band_split, NULL},
    [OP_ATTENTION] = {tokens_attention, NULL},
    [OP_FEED_FORWARD] = {tokens_feed_forward, NULL},
    [OP_RMS_NORM] = {tokens_rms_norm, NULL},
    [OP_MASK] = {tokens_mask, NULL},
};

static void export_node(Export *export, int index) {
    const Node *node = &export->graph->nodes[index];
    const Name output = value_name(export, index);
    Name names[2];
    const char *inputs[2] = {NULL, NULL};
    for (int i = 0; i < node->input_count; i++) {
        names[i] = value_name(export, node->inputs[i]);
        inputs[i] = names[i].text;
    }
    if (translations[node->op].write)
        translations[node->op].write(export, node, translations[node->op].op, inputs, output.text);
}

/* ---- The model ---- */

/* The stems' names as a JSON array. */
static void export_stem_names(Export *export) {
    const Config *config = export->config;
    json_t *names = json_array();
    bool good = names != NULL;
    for (int i = 0; i < config->stem_count && good; i++)
        good = json_array_append_new(names, json_string(config->stems[i])) == 0;
    size_t size = good ? json_dumpb(names, NULL, 0, JSON_COMPACT) : 0;
    char *text = size > 0 ? calloc(size + 1, 1) : NULL;
    if (text && json_dumpb(names, text, size, JSON_COMPACT) == size)
        onnx_metadata(&export->onnx, "stems", text);
    else
        export->onnx.failed = true;
    json_decref(names);
    free(text);
}

/* What the caller of the network needs for the transforms around it. */
static void export_metadata(Export *export) {
    const Config *c = export->config;
    const struct {
        const char *key;
        int value;
    } numbers[] = {
        {"sample_rate", c->sample_rate}, {"channels", c->channels}, {"n_fft", c->n_fft},
        {"hop_length", c->hop_length},   {"dim_f", c->dim_f},       {"dim_t", export->frames}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", numbers[i].value);
        onnx_metadata(&export->onnx, numbers[i].key, text);
    }
    export_stem_names(export);
}

static void export_fill(Export *export, const cleave_export_result *result) {
    int64_t input[1 + 3] = {0};
    int64_t output[1 + 4] = {0};
    for (int i = 0; i < 3; i++)
        input[1 + i] = result->input[i];
    for (int i = 0; i < 4; i++)
        output[1 + i] = result->output[i];
    onnx_name(&export->onnx, export->config->family->name);
    onnx_input(&export->onnx, INPUT_NAME, input, 4);
    onnx_output(&export->onnx, OUTPUT_NAME, output, 5);
    export_metadata(export);
    for (int i = 0; i < export->graph->count; i++)
        export_node(export, i);
}

static void export_let_pages_go(void *checkpoint) {
    checkpoint_release_pages(checkpoint);
}

static cleave_status export_graph(const cleave_model *model, const Graph *graph, const char *path,
                                  int frames, cleave_export_result *result, cleave_error *error) {
    const Config *config = &model->config;
    Export export = {.config = config, .graph = graph, .frames = frames};
    *result = (cleave_export_result){
        .opset = ONNX_OPSET,
        .input = {2 * config->channels, config->dim_f, frames},
        .output = {config->stem_count, 2 * config->channels, config->dim_f, frames}};
    cleave_status status = tokens_check(graph, error);
    if (status != CLEAVE_OK)
        return status;
    export_fill(&export, result);
    status = onnx_write(&export.onnx, path, export_let_pages_go, model->checkpoint, &result->bytes,
                        error);
    onnx_free(&export.onnx);
    return status;
}

/* The samples of a chunk. If a number of frames was asked for, as many as the STFT needs for it. */
static cleave_status export_choose_samples(const Config *config,
                                           const cleave_export_settings *settings, int *samples,
                                           cleave_error *error) {
    *samples = config->chunk_size;
    if (settings->frames == 0)
        return CLEAVE_OK;
    int frames = settings->frames;
    int64_t needed = (int64_t)config->hop_length * (frames - 1) + (config->n_fft & 1);
    if (frames < 1 || needed > LONGEST)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      "cannot export: %d frames are no length of a chunk", frames),
                            "the configuration has %d", config->dim_t);
    cleave_error why;
    if (config_check_frames(config, frames, "the number of frames", &why) != CLEAVE_OK)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot export: %s", why.text);
    *samples = (int)needed;
    return CLEAVE_OK;
}

static const SettingsType settings_type = {"cleave_export_settings", sizeof(cleave_export_settings),
                                           STRUCT_UP_TO(cleave_export_settings, frames)};

void cleave_export_settings_default_sized(cleave_export_settings *settings, size_t size) {
    cleave_export_settings own = {.frames = 0};
    settings_give(&settings_type, settings, size, &own);
}

static cleave_status export_build(Graph *graph, const cleave_model *model, int samples,
                                  cleave_error *error) {
    const NetworkUse use = {.checkpoint = model->checkpoint, .samples = samples};
    return network_graph(graph, &model->config, &use, error);
}

cleave_status cleave_model_export_onnx_sized(const cleave_model *model, const char *path,
                                             const cleave_export_settings *settings,
                                             cleave_export_result *result, size_t result_size,
                                             cleave_error *error) {
    Graph graph;
    cleave_export_settings own = {.frames = 0};
    cleave_export_result written;
    int samples = 0;
    error_clear(error);
    if (!model || !path)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot export: no %s was given",
                         path ? "model" : "path");
    const Config *config = &model->config;
    cleave_status status = settings_take(&settings_type, &own, settings, error);
    if (status == CLEAVE_OK)
        status = export_choose_samples(config, &own, &samples, error);
    if (status == CLEAVE_OK)
        status = export_build(&graph, model, samples, error);
    if (status != CLEAVE_OK)
        return status;
    int frames = stft_frames(samples, config->n_fft, config->hop_length);
    status = export_graph(model, &graph, path, frames, &written, error);
    graph_free(&graph);
    if (status == CLEAVE_OK)
        struct_give(result, result_size, &written, sizeof(written));
    return status;
}
