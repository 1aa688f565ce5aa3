/* path_format.h: how error texts show a path. */
#ifndef CLEAVE_BASE_PATH_FORMAT_H
#define CLEAVE_BASE_PATH_FORMAT_H

#include "base/utf8.h"

/* As much of a path as leaves room for the reason in an error text. */
#define PATH_FORMAT UTF8_CUT(640)

#endif
