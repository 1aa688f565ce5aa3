/* system.h: what operating system this is. */
#ifndef CLEAVE_BASE_SYSTEM_H
#define CLEAVE_BASE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

/* "Linux 6.1.0 (Debian GNU/Linux 12)", "macOS 14.5"; cut where it does not fit. */
void system_name(char *name, size_t size);

/* The absolute path of the running program; false where the system does not tell. */
bool system_program_path(char *path, size_t size);

#endif
