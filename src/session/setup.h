/* setup.h: what a separator settled on for its device: precision, compiled or op by op, the batch,
 * and the memory that this takes. */
#ifndef CLEAVE_SESSION_SETUP_H
#define CLEAVE_SESSION_SETUP_H

#include "session/memory_need.h"

typedef struct Setup {
    cleave_separator_settings settings; /* as asked, resolved for the device */
    bool settled;                       /* the batch is chosen, and stays */
    cleave_memory_need need;            /* at that batch */
} Setup;

/* Resolves mode and precision for the device that was just taken. The batch is not chosen yet. */
cleave_status setup_begin(Setup *setup, const Choice *choice, cleave_error *error);

/* Resolves the precision again, for the same device and mode: another one is outgrown. */
cleave_status setup_widen(Setup *setup, const Choice *choice, cleave_error *error);

/* Whether the device chose a precision that can be outgrown. */
bool setup_may_widen(const Setup *setup, const Choice *choice);

/* Chunks per run, memory aside: the number asked for, or what suits the device. */
int setup_wanted_batch(const Setup *setup, const Target *target);

/* Chooses the batch, unless that is settled: the wanted one, or what fits into memory. A lower one
 * than the user asked for is a warning. */
cleave_status setup_choose_batch(Setup *setup, const Target *target, cleave_error *error);

/* Memory ran out: `batch` is what fitted. */
void setup_lower_batch(Setup *setup, const Target *target, int batch);

/* Gives up the compiled mode; the batch is to be chosen again. */
void setup_go_op_by_op(Setup *setup, const Choice *choice);

/* The network is ready: what was chosen stays. */
void setup_settle(Setup *setup);

#endif
