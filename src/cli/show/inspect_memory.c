/* inspect_memory.c: the memory that each batch and precision would need on the device, and what may
 * be used. Nothing of it is taken. */
#include <stdio.h>
#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/console/text.h"
#include "cli/show/inspect.h"

static const int batches[] = {1, 2, 4, 8, 16};

static const struct {
    const char *name;
    cleave_precision precision;
} precisions[] = {
    {"f32", CLEAVE_PRECISION_F32}, {"f16", CLEAVE_PRECISION_F16}, {"bf16", CLEAVE_PRECISION_BF16}};

#define BATCHES    (sizeof batches / sizeof *batches)
#define PRECISIONS (sizeof precisions / sizeof *precisions)

/* False, with the reason in `error`, if the device cannot do that. Batch 0 is auto. */
static bool memory_need(const Inspection *inspection, int batch, cleave_precision precision,
                        cleave_memory_need *need, cleave_error *error) {
    cleave_separator_settings settings = inspection->options->separator;
    settings.batch = batch;
    settings.precision = precision;
    return cleave_model_memory(inspection->model, &settings, need, error) == CLEAVE_OK;
}

static void memory_print_needs(const Inspection *inspection) {
    const char *headers[1 + PRECISIONS] = {"batch"};
    bool beyond = false;
    for (size_t p = 0; p < PRECISIONS; p++)
        headers[1 + p] = precisions[p].name;
    Table *table = table_new("rrrr", headers);
    for (size_t b = 0; b < BATCHES; b++) {
        char *cells[1 + PRECISIONS] = {format_text("%d", batches[b])};
        for (size_t p = 0; p < PRECISIONS; p++) {
            cleave_memory_need need;
            bool known = memory_need(inspection, batches[b], precisions[p].precision, &need, NULL);
            bool fits = known && need.total <= need.limit;
            beyond = beyond || (known && !fits);
            cells[1 + p] = known
                               ? format_text("%s%s", text_bytes(need.total).text, fits ? "" : " *")
                               : copy_text("-");
        }
        table_row(table, (const char *const *)cells);
        for (size_t c = 0; c <= PRECISIONS; c++)
            free(cells[c]);
    }
    table_print(table, stdout);
    table_free(table);
    if (beyond)
        puts("* more than may be used");
}

static void memory_print_choice(const cleave_memory_need *need) {
    printf("Memory of the whole process on %s. Batch auto is %d here: ", need->device, need->batch);
    if (need->total > need->limit)
        printf("not even that fits,\n");
    else if (need->batch < need->device_batch)
        printf("%d would suit the device,\n", need->device_batch);
    else
        printf("it suits the device\n");
    printf("at overlap %d", need->overlap);
    if (need->limit == INT64_MAX)
        puts(".");
    else
        printf("; %s may be used (%s).\n", text_bytes(need->limit).text, need->limit_source);
}

void inspect_device(const Inspection *inspection, char *id, size_t size) {
    cleave_memory_need need;
    bool known = memory_need(inspection, 0, CLEAVE_PRECISION_AUTO, &need, NULL);
    snprintf(id, size, "%s", known ? need.device : "");
}

void inspect_memory_print(const Inspection *inspection) {
    cleave_memory_need need;
    cleave_error error;
    if (!memory_need(inspection, 0, CLEAVE_PRECISION_AUTO, &need, &error)) {
        message_warning("memory: %s", error.text);
        return;
    }
    memory_print_needs(inspection);
    memory_print_choice(&need);
}

static json_t *memory_need_json(const cleave_memory_need *need, const char *precision) {
    json_t *object = json_new_object();
    json_put_integer(object, "batch", need->batch);
    json_put_text(object, "precision", precision);
    json_put_integer(object, "weights_bytes", need->weights);
    json_put_integer(object, "activations_bytes", need->activations);
    json_put_integer(object, "buffers_bytes", need->buffers);
    json_put_integer(object, "total_bytes", need->total);
    json_put_bool(object, "fits", need->total <= need->limit);
    return object;
}

void inspect_memory_put(const Inspection *inspection, json_t *object) {
    json_t *memory = json_new_object();
    json_t *needs = json_new_array();
    cleave_memory_need need;
    for (size_t b = 0; b < BATCHES; b++)
        for (size_t p = 0; p < PRECISIONS; p++)
            if (memory_need(inspection, batches[b], precisions[p].precision, &need, NULL))
                json_append(needs, memory_need_json(&need, precisions[p].name));
    json_put(memory, "needs", needs);
    if (memory_need(inspection, 0, CLEAVE_PRECISION_AUTO, &need, NULL)) {
        bool known = need.limit < INT64_MAX;
        json_put_text(memory, "device", need.device);
        json_put_integer(memory, "overlap", need.overlap);
        json_put_integer(memory, "device_batch", need.device_batch);
        json_put_integer(memory, "auto_batch", need.batch);
        json_put_bool(memory, "auto_fits", need.total <= need.limit);
        json_put(memory, "limit_bytes", known ? json_integer(need.limit) : json_null());
        json_put_text(memory, "limit_source", known ? need.limit_source : NULL);
    }
    json_put(object, "memory", memory);
}
