/* emulated_amx.h: the gemm of AMX (tile_gemm_template.h) over tiles in plain C, so that every
 * processor can test it. */
#ifndef CLEAVE_TESTS_EMULATED_AMX_H
#define CLEAVE_TESTS_EMULATED_AMX_H

#include "backend/cpu/kernels/kernels.h"

/* The reference's table, but with elements and gemm of bf16 as in the table "amx". One thread at a
 * time. An instruction that a processor would refuse ends the program. */
Kernels emulated_amx(void);

#endif
