/* fourier.c: Fourier transforms of tensors along axes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fft.h"
#include "op.h"
#include "strict.h"

/* Lines along an axis: `outer` · `inner` of them. */
typedef struct Lines {
    int64_t outer, length, inner;
} Lines;

static Lines lines_along(const SimType *type, int axis) {
    Lines lines = {1, type->dims[axis], 1};
    for (int i = 0; i < type->rank; i++) {
        lines.outer *= i < axis ? type->dims[i] : 1;
        lines.inner *= i > axis ? type->dims[i] : 1;
    }
    return lines;
}

/* A complex transform in place along one axis. */
static void transform_axis(float *values, const SimType *type, int axis, int sign) {
    Lines lines = lines_along(type, axis);
    SimFft *fft = sim_fft_create(lines.length);
    double *from = sim_allocate((unsigned long)lines.length * 2 * sizeof(double));
    double *to = sim_allocate((unsigned long)lines.length * 2 * sizeof(double));
    for (int64_t line = 0; line < lines.outer * lines.inner; line++) {
        float *first =
            values + 2 * (line / lines.inner * lines.length * lines.inner + line % lines.inner);
        for (int64_t i = 0; i < lines.length; i++) {
            from[2 * i] = (double)first[2 * i * lines.inner];
            from[2 * i + 1] = (double)first[2 * i * lines.inner + 1];
        }
        sim_fft_run(fft, from, sign, to);
        for (int64_t i = 0; i < lines.length; i++) {
            first[2 * i * lines.inner] = (float)to[2 * i];
            first[2 * i * lines.inner + 1] = (float)to[2 * i + 1];
        }
    }
    sim_fft_destroy(fft);
    free(from);
    free(to);
}

/* Of real numbers along an axis: half of the bins. */
static void real_to_bins(const float *values, const Lines *lines, int sign, float *bins) {
    SimFft *fft = sim_fft_create(lines->length);
    int64_t count = lines->length / 2 + 1;
    double *from = sim_allocate((unsigned long)lines->length * 2 * sizeof(double));
    double *to = sim_allocate((unsigned long)lines->length * 2 * sizeof(double));
    for (int64_t line = 0; line < lines->outer * lines->inner; line++) {
        int64_t outer = line / lines->inner;
        int64_t inner = line % lines->inner;
        for (int64_t i = 0; i < lines->length; i++) {
            from[2 * i] = (double)values[(outer * lines->length + i) * lines->inner + inner];
            from[2 * i + 1] = 0.0;
        }
        sim_fft_run(fft, from, sign, to);
        for (int64_t i = 0; i < count; i++) {
            float *bin = bins + 2 * ((outer * count + i) * lines->inner + inner);
            bin[0] = (float)to[2 * i];
            bin[1] = i == 0 || 2 * i == lines->length ? 0.0f : (float)to[2 * i + 1];
        }
    }
    sim_fft_destroy(fft);
    free(from);
    free(to);
}

/* A bin that is its own mirror is real; what a GPU does with another one is not said. */
static void check_own_mirror(const double *bins, int64_t bin) {
    if (bins[2 * bin + 1] != 0.0)
        sim_abort("HermiteanToRealFFT: the imaginary part of bin %lld is %g, and must be 0",
                  (long long)bin, bins[2 * bin + 1]);
}

static void bins_to_real(const float *bins, const Lines *lines, int64_t count, int sign, bool check,
                         float *values) {
    SimFft *fft = sim_fft_create(lines->length);
    double *from = sim_allocate((unsigned long)lines->length * 2 * sizeof(double));
    double *to = sim_allocate((unsigned long)lines->length * 2 * sizeof(double));
    for (int64_t line = 0; line < lines->outer * lines->inner; line++) {
        int64_t outer = line / lines->inner;
        int64_t inner = line % lines->inner;
        for (int64_t i = 0; i < lines->length; i++) {
            bool mirrored = i >= count;
            int64_t bin = mirrored ? lines->length - i : i;
            const float *value = bins + 2 * ((outer * count + bin) * lines->inner + inner);
            from[2 * i] = (double)value[0];
            from[2 * i + 1] = mirrored ? -(double)value[1] : (double)value[1];
        }
        if (check)
            check_own_mirror(from, 0);
        if (check && lines->length % 2 == 0)
            check_own_mirror(from, lines->length / 2);
        sim_fft_run(fft, from, sign, to);
        for (int64_t i = 0; i < lines->length; i++)
            values[(outer * lines->length + i) * lines->inner + inner] = (float)to[2 * i];
    }
    sim_fft_destroy(fft);
    free(from);
    free(to);
}

static void scale(const SimOp *op, const SimType *whole, float *values) {
    const SimFourier *fourier = &op->as.fourier;
    double size = 1;
    for (int i = 0; i < fourier->axis_count; i++)
        size *= (double)whole->dims[fourier->axes[i]];
    int64_t count = sim_elements(&op->type) * sim_element_floats(op->type.element);
    double factor = fourier->scaling == SIM_SCALE_SIZE ? 1 / size : 1 / sqrt(size);
    if (fourier->scaling == SIM_SCALE_NONE)
        return;
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)((double)values[i] * factor);
}

static float *copy_of(const SimView *view) {
    size_t bytes = (size_t)sim_elements(view->type) * sizeof(float) *
                   (size_t)sim_element_floats(view->type->element);
    return memcpy(sim_allocate(bytes), view->values, bytes);
}

void sim_compute_fourier(const SimOp *op, const SimView *inputs, float *to) {
    const SimFourier *fourier = &op->as.fourier;
    int sign = fourier->inverse ? 1 : -1;
    int before = fourier->axis_count - 1;
    int last = fourier->axes[before];
    const SimType *from = inputs[0].type;
    if (op->kind == SIM_HERMITEAN_TO_REAL) {
        float *bins = copy_of(&inputs[0]);
        Lines lines = lines_along(&op->type, last);
        for (int i = 0; i < before; i++)
            transform_axis(bins, from, fourier->axes[i], sign);
        bins_to_real(bins, &lines, from->dims[last], sign, before == 0, to);
        free(bins);
        scale(op, &op->type, to);
        return;
    }
    if (op->kind == SIM_REAL_TO_HERMITEAN) {
        Lines lines = lines_along(from, last);
        real_to_bins(inputs[0].values, &lines, sign, to);
    } else {
        memcpy(to, inputs[0].values, (size_t)sim_elements(from) * 2 * sizeof(float));
        transform_axis(to, from, last, sign);
    }
    for (int i = 0; i < before; i++)
        transform_axis(to, &op->type, fourier->axes[i], sign);
    scale(op, from, to);
}
