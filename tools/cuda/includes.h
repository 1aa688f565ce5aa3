/* includes.h: which files a kernel's source is made of, for the build to know when to compile anew:
 * not every compiler tells. */
#ifndef TOOLS_CUDA_INCLUDES_H
#define TOOLS_CUDA_INCLUDES_H

#include <stdbool.h>

/* Writes a rule of make: `target` depends on `source` and on all that it includes by #include "…",
 * in turn, and that is in `folder`. Conditions are not looked at: the rule may name too much. */
bool includes_write(const char *path, const char *target, const char *source, const char *folder);

#endif
