/* names.h: the words for kinds of devices, devices and precisions. */
#ifndef CLEAVE_BACKEND_NAMES_H
#define CLEAVE_BACKEND_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "cleave.h"

/* Whether devices of a kind are numbered: there may be several, as in "cuda:1". */
bool device_kind_is_numbered(cleave_device_kind kind);

/* "cpu", "mps", "cuda:1". */
void device_id(cleave_device_kind kind, int index, char *id, size_t size);

const char *precision_name(cleave_precision precision); /* "f32", … */

#endif
