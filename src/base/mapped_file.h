/* mapped_file.h: a whole file, read-only, in memory-mapped pages. The rest of the last page, behind
 * the file's end, is mapped too, and zero. */
#ifndef CLEAVE_BASE_MAPPED_FILE_H
#define CLEAVE_BASE_MAPPED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct MappedFile {
    const unsigned char *data; /* NULL for an empty file */
    size_t size;               /* bytes */
    bool shared;               /* with others who map the file: no pages are private copies */
} MappedFile;

/* Maps a regular file. `status` is the status of a failure. */
cleave_status mapped_file_open(MappedFile *file, const char *path, cleave_status status,
                               cleave_error *error);
void mapped_file_close(MappedFile *file);

/* Whether `bytes` bytes from `data` on are the file's, in its pages. */
bool mapped_file_holds(const MappedFile *file, const void *data, size_t bytes);

/* Tells the system that the pages are not needed for now. */
void mapped_file_release_pages(const MappedFile *file);

#endif
