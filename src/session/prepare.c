/* prepare.c: brings a separator's parts together: choice, setup, compiled network; on one device,
 * and on the next if that fails. */
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

/* ---- On the next device ---- */

void prepare_release(cleave_separator *separator) {
    fallback_add(&separator->fallback, separator->compiled.executable, separator_device(separator));
    compiled_release(&separator->compiled);
}

static cleave_status prepare_there(cleave_separator *separator, const Device *device,
                                   cleave_error *error) {
    prepare_release(separator);
    fallback_change_device(&separator->fallback);
    profile_change_device(separator->profile);
    choice_take(&separator->choice, device);
    cleave_status status = setup_begin(&separator->setup, &separator->choice, error);
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

cleave_status prepare_network(cleave_separator *separator, cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK}; /* for warnings, which quote it */
    cleave_error *failure = error ? error : &own;
    if (separator->compiled.executable)
        return CLEAVE_OK;
    return prepare_on_next(separator, prepare_here(separator, failure), failure);
}

cleave_status prepare_on(cleave_separator *separator, const Device *device, Executable **executable,
                         int *batch, cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *failure = error ? error : &own;
    separator->choice.tried = 0; /* none has failed in this call */
    cleave_status status = prepare_there(separator, device, failure);
    status = prepare_on_next(separator, status, failure);
    *executable = separator->compiled.executable;
    *batch = separator->setup.settings.batch;
    return status;
}

cleave_status prepare_move_on(void *user, Executable **executable, int *batch,
                              cleave_error *error) {
    cleave_separator *separator = user;
    cleave_status status = prepare_on_next(separator, error->status, error);
    *executable = separator->compiled.executable;
    *batch = separator->setup.settings.batch;
    return status;
}
