/* trace.h: a profile's events as a file that ui.perfetto.dev and chrome://tracing show. */
#ifndef CLEAVE_SESSION_TRACE_H
#define CLEAVE_SESSION_TRACE_H

#include "backend/profile.h"

/* Writes the file whole or not at all. No call may be running on the profile. */
cleave_status trace_write(const Profile *profile, const char *path, cleave_error *error);

#endif
