/* inspect.h: the parts of what `cleave inspect` shows, each as a table and as JSON. */
#ifndef CLEAVE_CLI_INSPECT_H
#define CLEAVE_CLI_INSPECT_H

#include "cleave/extra.h"
#include "cli/console/json.h"
#include "cli/options/model_options.h"

typedef struct InspectOptions {
    CommandLine line; /* first */
    ModelOptions model;
    cleave_separator_settings separator;
    int plan;     /* show how the layers are computed */
    char **stems; /* NULL-terminated; separator.stems points here. NULL: not given */
} InspectOptions;

/* What `cleave inspect` knows of a model. */
typedef struct Inspection {
    const InspectOptions *options;
    const cleave_model *model;
    const cleave_model_info *info;
    cleave_layer_list plan; /* with --plan; else empty */
} Inspection;

/* The network's parts in order, with shapes and cost (inspect_network.c). */
void inspect_network_print(const Inspection *inspection);
void inspect_network_put(const Inspection *inspection, json_t *object);

/* The memory that batches and precisions need, and the batch that auto takes (inspect_memory.c). */
void inspect_memory_print(const Inspection *inspection);

/* The device's id, with a terminating zero; "" if it cannot be told. */
void inspect_device(const Inspection *inspection, char *id, size_t size);
void inspect_memory_put(const Inspection *inspection, json_t *object);

/* How the layers are computed (inspect_plan.c). inspect_plan_make() comes before anything is
 * printed, since it may fail; it does nothing without --plan. Returns an exit code. */
int inspect_plan_make(Inspection *inspection);
void inspect_plan_print(const Inspection *inspection);
void inspect_plan_put(const Inspection *inspection, json_t *object);

/* The files that belong together, and what the checkpoint holds (inspect_files.c). */
void inspect_files_print(const Inspection *inspection);
void inspect_files_put(const Inspection *inspection, json_t *object);

#endif
