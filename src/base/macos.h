/* macos.h: what is asked of macOS by its own calls; the one place for them. Built there only. */
#ifndef CLEAVE_BASE_MACOS_H
#define CLEAVE_BASE_MACOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "Apple M2 Pro"; false where the system does not tell. */
bool macos_processor_name(char *name, size_t size);

/* "macOS 14.5"; false likewise. */
bool macos_version(char *version, size_t size);

/* Memory that can be had without swapping others out, in bytes; INT64_MAX: unknown. */
int64_t macos_free_memory(void);

/* Absolute path of the running program; false where the system does not tell. */
bool macos_program_path(char *path, size_t size);

#endif
