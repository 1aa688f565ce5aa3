/* rows.h: sums of rows with weights, which all products are made of. */
#ifndef APPLESIM_ROWS_H
#define APPLESIM_ROWS_H

#include <stdint.h>

/* to[o][i] = sum over k of weights[o · stride + k] · rows[k][i], for i in [0, length), o in [0,
 * outputs). */
void sim_sum_rows(const float *weights, int64_t stride, int64_t outputs, const float *const *rows,
                  int64_t count, int64_t length, float *const *to);

#endif
