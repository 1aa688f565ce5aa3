/* stem_names.c: comparing names of stems, and listing them. */
#include "model/stem_names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static int stem_index(const Config *config, const char *name) {
    for (int i = 0; i < config->stem_count; i++)
        if (strcmp(config->stems[i], name) == 0)
            return i;
    for (int i = 0; i < config->stem_count; i++)
        if (strcasecmp(config->stems[i], name) == 0)
            return i;
    return -1;
}

/* Writes "kick, snare, toms" to text, cut if it is too long. */
static void stem_join_names(const Config *config, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < config->stem_count && used < size - 1; i++) {
        int written = snprintf(text + used, size - used, "%s%s", i ? ", " : "", config->stems[i]);
        used += written > 0 ? (size_t)written : 0;
    }
    utf8_trim(text);
}

cleave_status stem_find(const Config *config, const char *name, int *stem, cleave_error *error) {
    char known[512];
    *stem = name ? stem_index(config, name) : -1;
    if (*stem >= 0)
        return CLEAVE_OK;
    stem_join_names(config, known, sizeof(known));
    return error_set(error, CLEAVE_ERROR_ARGUMENT, "the model has no stem \"%s\"; it has: %s",
                     name ? name : "", known);
}
