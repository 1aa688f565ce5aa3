/* prepare.c: brings a separator's parts together: choice, setup, compiled network; on one device,
 * in a wider precision if its numbers do not reach far enough, and on the next if it fails. */
#include "session/prepare.h"

#include "base/path_format.h"

/* ---- On one device ---- */

cleave_status prepare_begin(cleave_separator *separator, const cleave_model *model,
                            const cleave_separator_settings *settings, cleave_error *error) {
    *separator = (cleave_separator){.model = model};
    atomic_init(&separator->cancel, false);
    cleave_status status = choice_make(&separator->choice, model, settings, error);
    return status == CLEAVE_OK ? setup_begin(&separator->setup, &separator->choice, error) : status;
}

/* Chooses the batch and compiles for it. */
static cleave_status prepare_compile(cleave_separator *separator, const Target *target,
                                     cleave_error *error) {
    Setup *setup = &separator->setup;
    cleave_status status = setup_choose_batch(setup, target, error);
    int batch = setup->settings.batch;
    if (status == CLEAVE_OK)
        status = compiled_make(&separator->compiled, target, &batch, error);
    if (status == CLEAVE_OK && batch < setup->settings.batch)
        setup_lower_batch(setup, target, batch);
    return status;
}

/* Op by op, if the device's compiler fails. */
static cleave_status prepare_compile_or_not(cleave_separator *separator, Target *target,
                                            cleave_error *error) {
    Setup *setup = &separator->setup;
    cleave_status status = prepare_compile(separator, target, error);
    bool compiler = status == CLEAVE_ERROR_DEVICE || status == CLEAVE_ERROR_INTERNAL;
    if (!compiler || !setup->settings.compile)
        return status;
    log_write(&setup->settings.log, CLEAVE_LOG_WARNING, "%s; it runs op by op instead",
              error->text);
    error_clear(error);
    setup_go_op_by_op(setup, &separator->choice);
    target->options.fuse = false;
    return prepare_compile(separator, target, error);
}

static cleave_status prepare_here(cleave_separator *separator, cleave_error *error) {
    const cleave_model *model = separator->model;
    Profile *profile = profile_active(separator->profile);
    double begin = profile_clock(profile);
    Target target;
    cleave_status status = target_open(&target, model, &separator->choice,
                                       &separator->setup.settings, separator->profile, error);
    if (status != CLEAVE_OK)
        return status;
    status = prepare_compile_or_not(separator, &target, error);
    if (status == CLEAVE_OK)
        setup_settle(&separator->setup);
    target_close(&target);
    checkpoint_release_pages(model->checkpoint);
    if (status == CLEAVE_ERROR_MODEL)
        error_prefix(error, PATH_FORMAT, model->path);
    profile_stage_ran(profile, STAGE_COMPILE, ROW_CALLER, begin);
    return status;
}

/* ---- On the next device, or in the next precision ---- */

void prepare_release(cleave_separator *separator) {
    fallback_add(&separator->fallback, separator->compiled.executable, separator_device(separator));
    compiled_release(&separator->compiled);
}

static cleave_status prepare_there(cleave_separator *separator, const Device *device,
                                   cleave_error *error) {
    Setup *setup = &separator->setup;
    Choice *choice = &separator->choice;
    bool same = device == choice->device;
    prepare_release(separator);
    fallback_change_device(&separator->fallback);
    profile_change_device(separator->profile);
    choice_take(choice, device);
    cleave_status status =
        same ? setup_widen(setup, choice, error) : setup_begin(setup, choice, error);
    return status == CLEAVE_OK ? prepare_here(separator, error) : status;
}

/* From one device to the next until one manages. `status`: of the first one. */
static cleave_status prepare_on_next(cleave_separator *separator, cleave_status status,
                                     cleave_error *error) {
    const Device *next = choice_next(&separator->choice, status);
    while (next) {
        log_write(&separator->choice.asked.log, CLEAVE_LOG_WARNING, "%s; going on with %s",
                  error->text, next->info.id);
        error_clear(error);
        status = prepare_there(separator, next, error);
        next = choice_next(&separator->choice, status);
    }
    return status;
}

/* On the same device, since what it put out is no number. */
static cleave_status prepare_wider(cleave_separator *separator, cleave_error *error) {
    Choice *choice = &separator->choice;
    const Device *device = choice->device;
    cleave_precision narrow = separator->setup.settings.precision;
    cleave_precision wider = backend_wider_precision(device->backend, device->index, narrow);
    choice->outgrown |= 1U << narrow;
    log_write(&choice->asked.log, CLEAVE_LOG_WARNING,
              "%.*s; this chunk and all that follow are computed in %s, which %s; -p %s from the "
              "start saves the detour",
              error->reason_end, error->text, precision_name(wider),
              wider == CLEAVE_PRECISION_BF16 ? "reaches further in coarser steps"
                                             : "takes more time and memory",
              precision_name(wider));
    error_clear(error);
    return prepare_there(separator, device, error);
}

cleave_status prepare_network(cleave_separator *separator, cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK}; /* for warnings, which quote it */
    cleave_error *failure = error ? error : &own;
    if (separator->compiled.executable)
        return CLEAVE_OK;
    return prepare_on_next(separator, prepare_here(separator, failure), failure);
}

cleave_status prepare_stems(cleave_separator *separator, const int *stems, int count,
                            cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *failure = error ? error : &own;
    Choice *choice = &separator->choice;
    if (!choice_want(choice, stems, count))
        return prepare_network(separator, failure);
    cleave_status status = prepare_there(separator, choice->device, failure);
    return prepare_on_next(separator, status, failure);
}

DemixNetwork prepare_result(const cleave_separator *separator) {
    const Setup *setup = &separator->setup;
    return (DemixNetwork){.executable = separator->compiled.executable,
                          .batch = setup->settings.batch,
                          .precision = setup->settings.precision,
                          .may_widen = setup_may_widen(setup, &separator->choice)};
}

cleave_status prepare_on(cleave_separator *separator, const Device *device, DemixNetwork *network,
                         cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *failure = error ? error : &own;
    separator->choice.tried = 0; /* none has failed in this call */
    cleave_status status = prepare_there(separator, device, failure);
    status = prepare_on_next(separator, status, failure);
    *network = prepare_result(separator);
    return status;
}

cleave_status prepare_move_on(void *user, DemixNetwork *network, cleave_error *error) {
    cleave_separator *separator = user;
    cleave_status status = error->status;
    if (status == CLEAVE_ERROR_MODEL)
        status = prepare_wider(separator, error);
    status = prepare_on_next(separator, status, error);
    *network = prepare_result(separator);
    return status;
}
