/* separator.h: what the public separator is made of. Each part has its own functions; prepare.h
 * brings them together. */
#ifndef CLEAVE_SESSION_SEPARATOR_H
#define CLEAVE_SESSION_SEPARATOR_H

#include <stdatomic.h>

#include "session/compiled.h"
#include "session/fallback.h"
#include "session/setup.h"

struct cleave_separator {
    const cleave_model *model;
    Choice choice;         /* what was asked for, and the device */
    Setup setup;           /* what was settled on for that device */
    Compiled compiled;     /* the network, ready to run */
    FallbackList fallback; /* ops that ran elsewhere */
    Profile *profile;      /* NULL: not asked for */
    atomic_bool cancel;
};

static inline const char *separator_device(const cleave_separator *separator) {
    return separator->choice.device->info.id;
}

/* The end of a public call that runs the network: forgets a cancellation, and warns of ops that ran
 * elsewhere. */
static inline void separator_end_call(cleave_separator *separator) {
    atomic_store(&separator->cancel, false);
    fallback_warn(&separator->fallback, separator->compiled.executable, separator_device(separator),
                  &separator->choice.asked.log);
}

#endif
