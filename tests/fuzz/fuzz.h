/* fuzz.h: what the fuzz targets share. A target is one function that takes any bytes; libFuzzer
 * calls it (scripts/fuzz), or run_files.c with the files of a corpus (the ordinary tests). Beside
 * crashes, leaks and undefined behaviour, which the sanitizers see, a target traps where an error
 * is not one line of text. */
#ifndef CLEAVE_TESTS_FUZZ_H
#define CLEAVE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/checkpoint_private.h"

/* 0; or -1: the bytes are not for this target and do not belong in its corpus. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Traps unless the error fits the status that was returned. */
void fuzz_check_error(cleave_status status, const cleave_error *error);

/* Opens a checkpoint of that form, reads its tensors (a bounded number of elements, the last of
 * each included) and checks it against a configuration. */
int fuzz_checkpoint(const uint8_t *data, size_t size, CheckpointForm form);

/* Parses a configuration; if it is accepted, lists the weights and builds the graph. */
void fuzz_config(const char *text, size_t size);

#endif
