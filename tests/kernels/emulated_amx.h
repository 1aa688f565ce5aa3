/* emulated_amx.h: the gemm of AMX's tiles (tile_gemm_template.h), with the tiles in plain C, so that it is
 * checked on every processor. */
#ifndef CLEAVE_TESTS_EMULATED_AMX_H
#define CLEAVE_TESTS_EMULATED_AMX_H

#include "backend/cpu/kernels/kernels.h"

/* The reference's table with bf16's elements and gemm as the table "amx" has them. One thread at a
 * time. What the processor would refuse ends the program. */
Kernels emulated_amx(void);

#endif
