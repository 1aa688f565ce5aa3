/* plan_cache.c: see plan_cache.h. */
#include "separate/plan_cache.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "audio/output_file.h"
#include "base/cache_file.h"
#include "base/hash.h"
#include "base/path_format.h"

#define LINE_SIZE    512
#define LARGEST_FILE 262144 /* bytes: a thousand classes */

typedef struct Line {
    char text[LINE_SIZE];
} Line;

/* ---- Lines ---- */

static Line header_line(const PlanKey *key) {
    Line line;
    snprintf(line.text, sizeof(line.text), "cleave plan %s, %s, %s kernels\n", cleave_version(),
             key->precision, key->kernels);
    return line;
}

static Line machine_line(const PlanKey *key) {
    Line line;
    snprintf(line.text, sizeof(line.text), "%s\n", key->machine);
    return line;
}

/* What a layer's line begins with. */
static Line class_text(const LayerClass *layer) {
    Line line;
    const ConvAttributes *conv = &layer->conv;
    snprintf(line.text, sizeof(line.text),
             "%s %dx%d stride %dx%d pad %dx%d act %d, %d blocks %dx%d to %d %dx%d: ",
             graph_op_name(layer->op), conv->kernel[0], conv->kernel[1], conv->stride[0],
             conv->stride[1], conv->pad[0], conv->pad[1], (int)layer->act, layer->blocks,
             layer->input_height, layer->input_width, layer->output.channels, layer->output.height,
             layer->output.width);
    return line;
}

/* At least 1, so that none of a file is 0. */
static int64_t nanoseconds(double seconds) {
    int64_t time = (int64_t)(1e9 * seconds + 0.5);
    return time > 0 ? time : 1;
}

static Line layer_line(const LayerPlan *layer) {
    Line line = class_text(&layer->layer);
    size_t used = strlen(line.text);
    const ConvPlan *conv = &layer->conv;
    snprintf(line.text + used, sizeof(line.text) - used, "%s %dx%d %s %" PRId64 " ns\n",
             conv_algorithm_name(conv->algorithm), conv->patch_rows, conv->patch_columns,
             conv->algorithm == CONV_WINOGRAD ? conv_order_name(conv) : "-",
             nanoseconds(layer->seconds));
    return line;
}

static Line check_line(uint32_t check) {
    Line line;
    snprintf(line.text, sizeof(line.text), "check %08x\n", (unsigned)check);
    return line;
}

static uint32_t add_to_check(uint32_t check, const char *text, size_t length) {
    return (uint32_t)crc32_z(check, (const unsigned char *)text, length);
}

/* ---- Where ---- */

static uint64_t hash_line(uint64_t hash, const Line *line) {
    return hash_add(hash, line->text, strlen(line->text));
}

char *plan_cache_path(const NetworkPlan *plan, const PlanKey *key) {
    Line header = header_line(key);
    Line machine = machine_line(key);
    uint64_t hash = hash_line(hash_line(HASH_START, &header), &machine);
    for (int i = 0; i < plan->count; i++) {
        Line layer = class_text(&plan->layers[i].layer);
        hash = hash_line(hash, &layer);
    }
    char name[32];
    snprintf(name, sizeof(name), "plan-%016" PRIx64 ".txt", hash);
    return cache_file_path(name);
}

/* ---- Reading ---- */

/* Passes over `line`, or returns NULL where the text goes on otherwise. */
static const char *pass(const char *text, const Line *line) {
    size_t length = strlen(line->text);
    return text && strncmp(text, line->text, length) == 0 ? text + length : NULL;
}

/* Reads what follows a class. Widths keep all numbers within their types. */
static bool scan_plan(const char *text, LayerPlan *layer) {
    char algorithm[9];
    char order[8];
    int64_t time = 0;
    ConvPlan *conv = &layer->conv;
    if (sscanf(text, "%8[a-z] %4dx%4d %7[-a-z] %15" SCNd64 " ns", algorithm, &conv->patch_rows,
               &conv->patch_columns, order, &time) != 5)
        return false;
    conv->algorithm = strcmp(algorithm, "winograd") == 0 ? CONV_WINOGRAD : CONV_DIRECT;
    conv->weights_first = strcmp(order, "weights") == 0;
    layer->seconds = (double)time / 1e9;
    return time > 0;
}

/* Passes over a layer's line and takes its plan; NULL where it is none for this class. */
static const char *read_layer(const char *text, const PlanKey *key, LayerPlan *layer) {
    LayerPlan found = *layer;
    Line class = class_text(&layer->layer);
    const char *plan = pass(text, &class);
    if (!plan || !scan_plan(plan, &found) || !key->backend->fits(&found.layer, &found.conv))
        return NULL;
    Line again = layer_line(&found);
    *layer = found;
    return pass(text, &again);
}

static bool read_layers(const char *text, const PlanKey *key, LayerPlan *layers, int count) {
    Line header = header_line(key);
    Line machine = machine_line(key);
    const char *at = pass(pass(text, &header), &machine);
    for (int i = 0; i < count && at; i++)
        at = read_layer(at, key, &layers[i]);
    if (!at)
        return false;
    Line check = check_line(add_to_check(0, text, (size_t)(at - text)));
    at = pass(at, &check);
    return at && *at == '\0';
}

bool plan_cache_parse(NetworkPlan *plan, const PlanKey *key, const char *text) {
    size_t bytes = (size_t)plan->count * sizeof(*plan->layers);
    LayerPlan *layers = malloc(bytes);
    if (!layers)
        return false;
    memcpy(layers, plan->layers, bytes);
    bool good = read_layers(text, key, layers, plan->count);
    if (good)
        memcpy(plan->layers, layers, bytes);
    free(layers);
    return good;
}

bool plan_cache_read(NetworkPlan *plan, const PlanKey *key, const char *path,
                     const cleave_logger *log) {
    errno = 0;
    char *text = cache_file_read(path, LARGEST_FILE);
    if (!text) {
        if (errno != ENOENT)
            log_write(log, CLEAVE_LOG_INFO, "plan: " PATH_FORMAT " cannot be read: %s", path,
                      strerror(errno));
        return false;
    }
    bool good = plan_cache_parse(plan, key, text);
    log_write(log, CLEAVE_LOG_INFO,
              good ? "plan: taken from " PATH_FORMAT
                   : "plan: " PATH_FORMAT " is damaged, or of another version; it is not used",
              path);
    free(text);
    return good;
}

/* ---- Writing ---- */

static void write_line(OutputFile *file, uint32_t *check, Line line) {
    size_t length = strlen(line.text);
    output_file_write(file, line.text, (int64_t)length);
    *check = add_to_check(*check, line.text, length);
}

static void write_plan(OutputFile *file, const NetworkPlan *plan, const PlanKey *key) {
    uint32_t check = 0;
    write_line(file, &check, header_line(key));
    write_line(file, &check, machine_line(key));
    for (int i = 0; i < plan->count; i++)
        write_line(file, &check, layer_line(&plan->layers[i]));
    write_line(file, &check, check_line(check));
}

bool plan_cache_write(const NetworkPlan *plan, const PlanKey *key, const char *path,
                      const cleave_logger *log) {
    OutputFile file;
    cleave_error error;
    cleave_status status = output_file_open(&file, path, &error);
    if (status == CLEAVE_OK) {
        write_plan(&file, plan, key);
        status = output_file_finish(&file, &error);
        if (status == CLEAVE_OK)
            status = output_file_commit(&file, &error);
        output_file_close(&file);
    }
    if (status == CLEAVE_OK)
        log_write(log, CLEAVE_LOG_INFO, "plan: kept in " PATH_FORMAT, path);
    else
        log_write(log, CLEAVE_LOG_INFO, "plan: it cannot be kept: %s", error.text);
    return status == CLEAVE_OK;
}
