/* profile_table.c: sums ops up by kind and size, and writes the sums as a table or as JSON. */
#include "cli/show/profile_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/table.h"
#include "cli/show/layer_text.h"

/* ---- Classes ----------------------------------------------------------------------------- */

/* The ops of one kind and size. */
typedef struct Class {
    cleave_profile_op op; /* the first, with the sums of all, but for name and peak_share */
    int layers;
    double peak_seconds; /* of the products whose share of the peak is known */
    double at_peak;      /* seconds that these would take at the peak */
} Class;

typedef struct Classes {
    Class *items;
    int count;
} Classes;

static bool is_of_class(const cleave_profile_op *a, const cleave_profile_op *b) {
    return strcmp(a->op, b->op) == 0 && strcmp(a->algorithm, b->algorithm) == 0 &&
           memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0 && a->output[1] == b->output[1] &&
           a->output[2] == b->output[2] && a->host == b->host;
}

static void add_to_class(Class *class, const cleave_profile_op *op) {
    cleave_profile_op *sum = &class->op;
    class->layers++;
    sum->calls += op->calls;
    sum->seconds += op->seconds;
    sum->thread_seconds += op->thread_seconds;
    sum->share += op->share;
    sum->flops += op->flops;
    sum->bytes += op->bytes;
    if (!isnan(op->peak_share)) {
        class->peak_seconds += op->seconds;
        class->at_peak += op->peak_share * op->seconds;
    }
}

static void class_clear_sums(Class *class) {
    cleave_profile_op *sum = &class->op;
    sum->calls = 0;
    sum->seconds = sum->thread_seconds = sum->share = sum->flops = sum->bytes = 0.0;
    sum->peak_share = (double)NAN; /* the class has its own */
}

static void classes_add_op(Classes *classes, const cleave_profile_op *op) {
    int i = 0;
    while (i < classes->count && !is_of_class(&classes->items[i].op, op))
        i++;
    if (i == classes->count) {
        classes->items[i] = (Class){.op = *op};
        class_clear_sums(&classes->items[i]);
        classes->count++;
    }
    add_to_class(&classes->items[i], op);
}

/* The network's classes before the host's; in each, the longest first. */
static int classes_compare(const void *left, const void *right) {
    const cleave_profile_op *a = &((const Class *)left)->op;
    const cleave_profile_op *b = &((const Class *)right)->op;
    if (a->host != b->host)
        return a->host - b->host;
    return (b->seconds > a->seconds) - (b->seconds < a->seconds);
}

/* Makes classes of the ops that ran. Free the items. */
static Classes classes_make(const cleave_profile *profile) {
    Classes classes = {allocate((size_t)profile->count + 1, sizeof *classes.items), 0};
    for (int i = 0; i < profile->count; i++)
        if (profile->ops[i]->calls > 0)
            classes_add_op(&classes, profile->ops[i]);
    if (classes.count > 0)
        qsort(classes.items, (size_t)classes.count, sizeof *classes.items, classes_compare);
    return classes;
}

/* NaN if unknown. */
static double peak_share(const Class *class) {
    return class->peak_seconds > 0.0 ? class->at_peak / class->peak_seconds : (double)NAN;
}

/* ---- For people -------------------------------------------------------------------------- */

/* Per second, in billions; "" for none. */
static char *rate_text(double amount, double seconds, int digits) {
    bool any = amount > 0.0 && seconds > 0.0;
    return any ? format_text("%.*f", digits, amount / seconds / 1e9) : copy_text("");
}

static char *share_text(double share, int digits) {
    return isnan(share) ? copy_text("") : format_text("%.*f %%", digits, 100.0 * share);
}

/* "9999999", but "10.0M" for more. */
static char *count_text(int64_t count) {
    return count < 10000000 ? format_text("%" PRId64, count)
                            : format_text("%.1fM", (double)count / 1e6);
}

/* Takes ownership of `name` and `size`. */
static void classes_add_row(Table *table, const Class *class, char *name, char *size) {
    const cleave_profile_op *op = &class->op;
    char *cells[] = {name,
                     size,
                     count_text(op->calls),
                     format_text("%.*f", op->seconds < 1000.0 ? 3 : 1, op->seconds),
                     share_text(op->share, 1),
                     rate_text(op->flops, op->seconds, 0),
                     rate_text(op->bytes, op->seconds, 1),
                     share_text(peak_share(class), 0)};
    table_row(table, (const char *const *)cells);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        free(cells[i]);
}

static char *class_name(const cleave_profile_op *op) {
    char *layer = layer_name(op->op, op->kernel);
    char *name = strncmp(op->algorithm, "winograd", 8) == 0
                     ? format_text("%s %s", layer, op->algorithm)
                     : copy_text(layer);
    free(layer);
    return name;
}

static void classes_add_network(Table *table, const Classes *classes) {
    Class sum = {.op = {.op = "network"}};
    for (int i = 0; i < classes->count; i++) {
        const Class *class = &classes->items[i];
        if (class->op.host)
            continue;
        add_to_class(&sum, &class->op);
        sum.peak_seconds += class->peak_seconds;
        sum.at_peak += class->at_peak;
    }
    table_rule(table);
    classes_add_row(table, &sum, copy_text("network"), copy_text(""));
    table_rule(table);
}

static void print_legend(const cleave_profile *profile, FILE *stream) {
    fprintf(stream,
            "share: of the %.2f s that it took. Below the network: the host's work, most\n"
            "of it done meanwhile. size: frequencies (of tokens: features) x frames.\n"
            "GFLOP/s: by direct computation. GB/s: activations and weights, each counted\n"
            "once a call.\n",
            profile->seconds);
    if (profile->peak_flops > 0.0)
        fprintf(stream,
                "peak: what is really multiplied, of the %.0f GFLOP/s that this device was\n"
                "measured to multiply at best.\n",
                profile->peak_flops / 1e9);
    if (profile->events_left_out > 0)
        fprintf(stream,
                "The trace is cut: it has room for %d events, and %" PRId64
                " came too late.\nThe table counts them all.\n",
                CLEAVE_PROFILE_EVENTS_MAX, profile->events_left_out);
}

void profile_print(const cleave_profile *profile, FILE *stream) {
    static const char *const headers[] = {"op",    "size",    "calls", "seconds",
                                          "share", "GFLOP/s", "GB/s",  "peak"};
    Classes classes = classes_make(profile);
    Table *table = table_new("llrrrrrr", headers);
    bool in_network = true;
    for (int i = 0; i < classes.count; i++) {
        const cleave_profile_op *op = &classes.items[i].op;
        if (in_network && op->host)
            classes_add_network(table, &classes);
        in_network = !op->host;
        classes_add_row(table, &classes.items[i], class_name(op),
                        op->host ? copy_text("") : layer_size(op->output));
    }
    if (in_network)
        classes_add_network(table, &classes);
    table_print(table, stream);
    print_legend(profile, stream);
    table_free(table);
    free(classes.items);
}

/* ---- For programs ------------------------------------------------------------------------ */

static json_t *size_json(const int *shape) {
    json_t *array = json_new_array();
    for (int i = 1; i < (shape[2] > 1 ? 3 : 2); i++)
        json_append(array, json_integer(shape[i]));
    return array;
}

static json_t *class_json(const Class *class) {
    const cleave_profile_op *op = &class->op;
    json_t *object = json_new_object();
    json_put_text(object, "op", op->op);
    json_put_text(object, "where", op->host ? "host" : "network");
    json_put(object, "kernel", op->kernel[0] > 0 ? layer_pair_json(op->kernel) : json_null());
    json_put(object, "size", op->host ? json_null() : size_json(op->output));
    json_put_text(object, "algorithm", *op->algorithm != '\0' ? op->algorithm : NULL);
    json_put(object, "layers", op->host ? json_null() : json_integer(class->layers));
    json_put_integer(object, "calls", op->calls);
    json_put_number(object, "seconds", op->seconds);
    json_put_number(object, "thread_seconds", op->thread_seconds);
    json_put_number(object, "share", op->share);
    json_put_number(object, "flops", op->flops);
    json_put_number(object, "bytes", op->bytes);
    json_put_number(object, "peak_share", peak_share(class));
    return object;
}

json_t *profile_json(const cleave_profile *profile) {
    Classes classes = classes_make(profile);
    json_t *object = json_new_object();
    json_t *ops = json_new_array();
    json_put_number(object, "seconds", profile->seconds);
    json_put_number(object, "network_seconds", profile->network_seconds);
    json_put_integer(object, "chunks", profile->chunks);
    json_put_number(object, "flops", profile->flops);
    json_put_number(object, "peak_flops_per_second",
                    profile->peak_flops > 0.0 ? profile->peak_flops : (double)NAN);
    json_put_integer(object, "events", profile->events);
    json_put_integer(object, "events_left_out", profile->events_left_out);
    for (int i = 0; i < classes.count; i++)
        json_append(ops, class_json(&classes.items[i]));
    json_put(object, "ops", ops);
    free(classes.items);
    return object;
}
