/* step_kinds.h: one function for each kind of step: it creates the step for program step `step`;
 * `weights` is the graph with its weights. Each begins with step_allocate(), fills in all sizes,
 * and stops there if the executable is sizes_only. *created is to be destroyed also after a
 * failure, if it is not NULL. */
#ifndef CLEAVE_CPU_STEP_KINDS_H
#define CLEAVE_CPU_STEP_KINDS_H

#include "backend/cpu/step.h"

cleave_status conv_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error);
cleave_status winograd_step_create(CpuStep **created, const CpuExecutable *executable,
                                   const Step *step, const Graph *weights, cleave_error *error);
cleave_status linear_step_create(CpuStep **created, const CpuExecutable *executable,
                                 const Step *step, const Graph *weights, cleave_error *error);
cleave_status elementwise_step_create(CpuStep **created, const CpuExecutable *executable,
                                      const Step *step, const Graph *weights, cleave_error *error);
cleave_status stft_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error);
cleave_status wide_stft_step_create(CpuStep **created, const CpuExecutable *executable,
                                    const Step *step, const Graph *weights, cleave_error *error);
cleave_status istft_step_create(CpuStep **created, const CpuExecutable *executable,
                                const Step *step, const Graph *weights, cleave_error *error);
cleave_status band_split_step_create(CpuStep **created, const CpuExecutable *executable,
                                     const Step *step, const Graph *weights, cleave_error *error);
cleave_status attention_step_create(CpuStep **created, const CpuExecutable *executable,
                                    const Step *step, const Graph *weights, cleave_error *error);
cleave_status feed_forward_step_create(CpuStep **created, const CpuExecutable *executable,
                                       const Step *step, const Graph *weights, cleave_error *error);
cleave_status rms_norm_step_create(CpuStep **created, const CpuExecutable *executable,
                                   const Step *step, const Graph *weights, cleave_error *error);
cleave_status mask_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error);

#endif
