/* types.h: types of tensors, and their elements between a buffer's bytes and the simulator's
 * floats.
 *
 * All values are computed in f32 and rounded to their type after each op. A complex number is two
 * floats. Integers are floats too, and must be exact in them. */
#ifndef APPLESIM_TYPES_H
#define APPLESIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MAX_RANK 16

typedef enum SimElement {
    SIM_NONE,
    SIM_F32,
    SIM_F16,
    SIM_BF16,
    SIM_COMPLEX,
    SIM_INT8,
    SIM_INT16,
    SIM_INT32,
    SIM_INT64,
    SIM_UINT8,
    SIM_UINT16,
    SIM_UINT32,
    SIM_UINT64,
    SIM_BOOL
} SimElement;

typedef struct SimType {
    SimElement element;
    int rank;
    int64_t dims[SIM_MAX_RANK];
} SimType;

const char *sim_element_name(SimElement element);
size_t sim_element_bytes(SimElement element);
bool sim_element_is_real(SimElement element); /* f32, f16, bf16 */
bool sim_element_is_integer(SimElement element);

/* Floats per element in the simulator's arrays. */
int sim_element_floats(SimElement element);

int64_t sim_elements(const SimType *type);
size_t sim_bytes(const SimType *type);
bool sim_types_equal(const SimType *a, const SimType *b);

/* "f32 (2, 3)": one of a few buffers of the calling thread, used in turn. */
const char *sim_type_text(const SimType *type);

/* Aborts where Apple's frameworks cannot hold an array. */
void sim_check_size(const char *what, const SimType *type);

void sim_load(const void *bytes, const SimType *type, float *to);
void sim_store(const float *values, const SimType *type, void *bytes);

/* Rounds values to what the type holds. */
void sim_round(float *values, const SimType *type);

#endif
