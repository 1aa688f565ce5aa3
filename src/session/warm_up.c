/* warm_up.c: one run of the network over noise, so that what only a first run finds out is known
 * before audio comes: whether the batch fits, whether the device manages. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "cleave/extra.h"
#include "model/network.h"
#include "session/prepare.h"

/* After a run of *batch chunks that failed: lowers *batch, or moves to another device. CLEAVE_OK:
 * another attempt may succeed. */
static cleave_status warm_up_retry(cleave_separator *separator, int *batch, cleave_status status,
                                   cleave_error *error) {
    DemixNetwork network;
    int most = *batch;
    if (status == CLEAVE_ERROR_MEMORY && most > 1) {
        *batch = most / 2;
        log_write(&separator->choice.asked.log, CLEAVE_LOG_WARNING, "%s; using batch %d",
                  error->text, *batch);
        separator->setup.settings.batch = *batch;
        error_clear(error);
        return CLEAVE_OK;
    }
    status = prepare_move_on(separator, &network, error);
    *batch = network.batch < most ? network.batch : most; /* so much noise there is */
    return status;
}

static cleave_status warm_up_run(cleave_separator *separator, const float *input, float *output,
                                 cleave_error *error) {
    int batch = separator->setup.settings.batch;
    for (;;) {
        cleave_status status = executable_run(separator->compiled.executable, input, output, batch,
                                              &separator->cancel, error);
        if (status != CLEAVE_ERROR_MEMORY && status != CLEAVE_ERROR_DEVICE)
            return status;
        status = warm_up_retry(separator, &batch, status, error);
        if (status != CLEAVE_OK)
            return status;
    }
}

static cleave_status warm_up_separator(cleave_separator *separator, cleave_error *error) {
    const ChunkGeometry *geometry = &separator->choice.geometry;
    cleave_status status = prepare_network(separator, error);
    if (status != CLEAVE_OK)
        return status;
    size_t inputs = (size_t)separator->setup.settings.batch * (size_t)geometry->channels *
                    (size_t)geometry->chunk;
    size_t outputs =
        inputs * (size_t)network_stems(&separator->model->config, separator->choice.wanted);
    float *input = memory_allocate_aligned(inputs * sizeof(float));
    float *output = memory_allocate_aligned(outputs * sizeof(float));
    if (input && output) {
        random_noise(input, inputs,
                     0.1f); /* arithmetic may take other paths with silence than with music */
        status = warm_up_run(separator, input, output, error);
    } else {
        status = error_memory(error, "a run of noise", (inputs + outputs) * sizeof(float));
    }
    memory_free_aligned(input);
    memory_free_aligned(output);
    if (status == CLEAVE_OK)
        status = executable_synchronize(separator->compiled.executable, error);
    return status;
}

cleave_status cleave_separator_warm_up(cleave_separator *separator, double *seconds,
                                       cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *failure = error ? error : &own;
    double begin = clock_seconds();
    error_clear(failure);
    if (!separator)
        return error_set(failure, CLEAVE_ERROR_ARGUMENT, "warming up needs a separator");
    cleave_status status = warm_up_separator(separator, failure);
    separator_end_call(separator);
    if (seconds)
        *seconds = clock_seconds() - begin;
    return status;
}
