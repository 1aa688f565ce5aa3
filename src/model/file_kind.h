/* file_kind.h: what a file looks like by its first bytes, for the errors about one that was given
 * in another's place. What the three containers of checkpoints look like, checkpoint_sniff.c knows.
 */
#ifndef CLEAVE_MODEL_FILE_KIND_H
#define CLEAVE_MODEL_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

typedef struct FileKind {
    const char *what;   /* "a gzip archive"; NULL: nothing that is known */
    const char *advice; /* to who gave it as the checkpoint: ", …" or "; …" */
    bool is_text;       /* it may be a configuration */
} FileKind;

FileKind file_kind(const unsigned char *data, size_t size);

#endif
