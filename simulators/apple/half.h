/* half.h: rounding to the narrow types: to the nearest, ties to even, beyond the largest to
 * infinity. */
#ifndef APPLESIM_HALF_H
#define APPLESIM_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Rounds values in place to those that f16, bf16 can hold. */
void sim_round_f16(float *values, size_t count);
void sim_round_bf16(float *values, size_t count);

/* Between values and their bits; values must be rounded already. */
float sim_f16_value(uint16_t bits);
uint16_t sim_f16_bits(float value);
float sim_bf16_value(uint16_t bits);
uint16_t sim_bf16_bits(float value);

#endif
