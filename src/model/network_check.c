/* network_check.c: comparing a checkpoint with the weights that a network lists, whatever its
 * family. */
#include "model/network_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/family.h"
#include "model/family_names.h"
#include "model/network.h"
#include "model/refuse.h"

typedef struct NetworkCheck {
    const Config *config;
    const Checkpoint *checkpoint;
    const char *path;
    cleave_error *error;
} NetworkCheck;

/* ---- What a mismatch may come from ---- */

/* The network that a checkpoint is of, by parts of its names; NULL: unknown. cleave runs none of
 * these. */
static const char *foreign_network(const Checkpoint *checkpoint) {
    static const struct {
        const char *part;
        const char *network;
    } signs[] = {{"freq_encoder.", "Demucs"},
                 {"tencoder.", "Demucs"},
                 {"crosstransformer.", "Demucs"},
                 {"separation_net.", "SCNet"},
                 {"mask_net.", "mask-based (Asteroid)"},
                 {"masker.", "mask-based (Asteroid)"},
                 {"mask_estim.", "BandIt"},
                 {"stg1_low_band_net.", "VR (UVR)"},
                 {"stft.", "other (its STFT has weights)"}};
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        for (size_t j = 0; j < count; j++) {
            const char *found = strstr(tensors[j].name, signs[i].part);
            if (found && (found == tensors[j].name || found[-1] == '.'))
                return signs[i].network;
        }
    return NULL;
}

/* The network that cleave does not run and that the checkpoint is of; NULL: unknown. */
static const char *foreign_network_of(const NetworkCheck *check) {
    return family_of_checkpoint(check->checkpoint) ? NULL : foreign_network(check->checkpoint);
}

/* Adds to the error what the checkpoint seems to want. */
static cleave_status advise_mismatch(const NetworkCheck *check, cleave_status status) {
    const NetworkFamily *family = check->config->family;
    const NetworkFamily *found = family_of_checkpoint(check->checkpoint);
    const char *foreign = foreign_network_of(check);
    char hint[200];
    if (found && found != family)
        snprintf(hint, sizeof(hint),
                 "the checkpoint is of the kind %s, and the configuration of the kind %s",
                 found->name, family->name);
    else if (foreign)
        snprintf(hint, sizeof(hint),
                 "this looks like a %s network, and cleave runs " FAMILY_NAMES " only", foreign);
    else if (!family->hint(check->config, check->checkpoint, hint, sizeof(hint)))
        snprintf(hint, sizeof(hint), "does the configuration belong to this checkpoint?");
    return error_advise(check->error, status, "%s", hint);
}

/* ---- The weights that must be there ---- */

typedef struct ShapeText {
    char text[200];
} ShapeText;

static ShapeText shape_text(const int64_t *dims, int dim_count) {
    ShapeText shape = {""};
    tensor_shape_text(dims, dim_count, shape.text, sizeof(shape.text));
    return shape;
}

static cleave_status check_shape(const NetworkCheck *check, const WeightSpec *spec,
                                 const Tensor *tensor) {
    bool same = tensor->dim_count == spec->dim_count;
    for (int i = 0; i < spec->dim_count && same; i++)
        same = tensor->dims[i] == spec->dims[i];
    if (same)
        return CLEAVE_OK;
    cleave_status status =
        model_refuse(check->error, check->path, NULL,
                     "%s has the shape %s; the configuration asks for %s (from %s)", spec->name,
                     shape_text(tensor->dims, tensor->dim_count).text,
                     shape_text(spec->dims, spec->dim_count).text, spec->keys);
    return advise_mismatch(check, status);
}

static cleave_status check_weight(const NetworkCheck *check, const WeightSpec *spec) {
    const Tensor *tensor = checkpoint_find(check->checkpoint, spec->name);
    if (!tensor && spec->optional)
        return CLEAVE_OK;
    if (!tensor) {
        cleave_status status =
            model_refuse(check->error, check->path, NULL,
                         "%s is missing; the configuration asks for it in shape %s (from %s)",
                         spec->name, shape_text(spec->dims, spec->dim_count).text, spec->keys);
        return advise_mismatch(check, status);
    }
    cleave_status status = check_shape(check, spec, tensor);
    if (status != CLEAVE_OK)
        return status;
    if (tensor->dtype == DTYPE_I64 || tensor->dtype == DTYPE_OTHER)
        return model_refuse(
            check->error, check->path, "save the checkpoint unquantised",
            "%s is not of a floating-point type that cleave reads (f32, f16, bf16, f64)",
            spec->name);
    return CLEAVE_OK;
}

/* ---- Those that must not ---- */

static int compare_names(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* Compares names up to their first dot. A list that compare_names() has sorted is sorted by this,
 * too. */
static int compare_fronts(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strncmp(*left, *right, strcspn(*left, ".") + 1);
}

typedef struct SortedNames {
    const char **names;
    size_t count;
} SortedNames;

static bool names_have(const SortedNames *sorted, const char *name,
                       int (*compare)(const void *, const void *)) {
    return bsearch(&name, (const void *)sorted->names, sorted->count, sizeof(*sorted->names),
                   compare);
}

#define ZEROS_AT_ONCE ((size_t)1024)
#define LONGEST_BIAS  ((size_t)1 << 24) /* a file of any size can hold a longer one */

static bool tensor_is_zero(const Tensor *tensor) {
    float values[ZEROS_AT_ONCE];
    size_t count = tensor_elements(tensor);
    if (tensor->dtype == DTYPE_I64 || tensor->dtype == DTYPE_OTHER || count > LONGEST_BIAS)
        return false;
    for (size_t first = 0; first < count; first += ZEROS_AT_ONCE) {
        size_t length = size_min(count - first, ZEROS_AT_ONCE);
        tensor_read_f32(tensor, first, length, values);
        for (size_t i = 0; i < length; i++)
            if (values[i] != 0)
                return false;
    }
    return true;
}

/* Whether the network would compute the same without a tensor that it does not name. */
static bool changes_nothing(const Tensor *tensor) {
    return text_ends_with(tensor->name, "num_batches_tracked") ||
           (text_ends_with(tensor->name, ".bias") && tensor_is_zero(tensor));
}

/* Whether a tensor is of another network. In a family that does not name all its weights, other
 * tensors than those that look like weights do not matter: counters, and what profilers leave. */
static bool is_extra(const NetworkFamily *family, const SortedNames *sorted, const Tensor *tensor) {
    if (names_have(sorted, tensor->name, compare_names))
        return false;
    if (family->names_all_weights)
        return !changes_nothing(tensor);
    return weight_slot(tensor->name) >= 0 && names_have(sorted, tensor->name, compare_fronts);
}

static cleave_status refuse_extra_weights(const NetworkCheck *check, const SortedNames *sorted) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(check->checkpoint, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_extra(check->config->family, sorted, &tensors[i]))
            continue;
        cleave_status status = model_refuse(
            check->error, check->path, NULL,
            UTF8_CUT(100) " is there, but the configuration knows no such weight", tensors[i].name);
        return advise_mismatch(check, status);
    }
    return CLEAVE_OK;
}

/* If there is a weight that the configuration does not know, it describes another network, even if
 * all other weights fit: one of fewer blocks, or with another norm. */
static cleave_status check_extra(const NetworkCheck *check, const WeightSpec *specs, size_t count) {
    SortedNames sorted = {malloc((count + 1) * sizeof(*sorted.names)), count};
    if (!sorted.names)
        return error_memory(check->error, "the list of weights", count * sizeof(*sorted.names));
    for (size_t i = 0; i < count; i++)
        sorted.names[i] = specs[i].name;
    qsort((void *)sorted.names, count, sizeof(*sorted.names), compare_names);
    cleave_status status = refuse_extra_weights(check, &sorted);
    free((void *)sorted.names);
    return status;
}

/* ---- Variants ---- */

static cleave_status refuse_variants(const NetworkCheck *check) {
    const NetworkFamily *family = check->config->family;
    size_t count;
    const Tensor *tensors = checkpoint_tensors(check->checkpoint, &count);
    if (!family->variant || foreign_network_of(check))
        return CLEAVE_OK;
    for (size_t i = 0; i < count; i++) {
        const char *variant = family->variant(tensors[i].name);
        if (variant)
            return error_advise(check->error,
                                model_refuse(check->error, check->path, NULL,
                                             UTF8_CUT(100) " is there: this is a %s with %s",
                                             tensors[i].name, family->name, variant),
                                "cleave runs such networks without that");
    }
    return CLEAVE_OK;
}

cleave_status network_check(const Config *config, const Checkpoint *checkpoint,
                            const char *checkpoint_path, cleave_error *error) {
    const NetworkCheck check = {config, checkpoint, checkpoint_path, error};
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_status status = refuse_variants(&check);
    if (status == CLEAVE_OK)
        status = network_weights(config, &specs, &count, error);
    for (size_t i = 0; i < count && status == CLEAVE_OK; i++)
        status = check_weight(&check, &specs[i]);
    if (status == CLEAVE_OK)
        status = check_extra(&check, specs, count);
    free(specs);
    return status;
}
