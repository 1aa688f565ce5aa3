/* file_kind.h: what a file looks like by its first bytes, for errors about a file that was given in
 * place of another. Checkpoints are recognised in checkpoint_sniff.c. */
#ifndef CLEAVE_MODEL_FILE_KIND_H
#define CLEAVE_MODEL_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

typedef struct FileKind {
    const char *what;   /* "a gzip archive"; NULL: unknown */
    const char *note;   /* behind it, where it was given as the checkpoint: ", not a checkpoint" */
    const char *advice; /* what to do then */
    bool is_text;       /* it may be a configuration */
} FileKind;

FileKind file_kind(const unsigned char *data, size_t size);

#endif
