/* test_statistics.c: the mean of each lane, and the sum of squares around it. */
#include <math.h>

#include "base/memory.h"
#include "check.h"
#include "kernel_tests.h"

/* The sum, over the elements of a lane, of their distance from the center to a power; in float64.
 */
static double exact_moment(const StatisticsArguments *a, size_t lane, double center, double power) {
    double sum = 0;
    for (size_t row = 0; row < a->rows; row++)
        for (size_t i = 0; i < a->positions; i++)
            sum += pow((double)a->from[row * a->stride + i * CHANNEL_BLOCK + lane] - center, power);
    return sum;
}

/* A mean far from zero must not cost the variance its digits. */
static void verify_statistics(const Kernels *kernels, size_t positions, float offset) {
    float mean[CHANNEL_BLOCK];
    float squares[CHANNEL_BLOCK];
    StatisticsArguments a = {.rows = 1 + random_below(4),
                             .stride = (positions + random_below(3)) * CHANNEL_BLOCK,
                             .positions = positions,
                             .mean = mean,
                             .squares = squares};
    float *from = random_floats(a.rows * a.stride, offset - 1, offset + 1);
    a.from = from;
    kernels->statistics(&a);
    double count = (double)(a.rows * positions);
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        double exact_mean = exact_moment(&a, lane, 0, 1) / count;
        double exact = exact_moment(&a, lane, exact_mean, 2);
        double scale = fabs((double)offset) + 1;
        double shift = fabs((double)mean[lane] - exact_mean);
        double tolerance = count * UNIT_ROUNDOFF * (exact + 4) +
                           count * (shift * shift + 4 * UNIT_ROUNDOFF * scale);
        if (!(shift <= count * UNIT_ROUNDOFF * scale))
            check_fail("mean", lane, (double)mean[lane], exact_mean);
        if (!(fabs((double)squares[lane] - exact) <= tolerance))
            check_fail("squares", lane, (double)squares[lane], exact);
    }
    memory_free_aligned(from);
}

void test_statistics(const Kernels *kernels, int variant) {
    static const float offsets[] = {0, 0.5f, -30, 1000};
    (void)variant;
    for (size_t positions = 1; positions < 70; positions++)
        verify_statistics(kernels, positions, offsets[positions % 4]);
}
