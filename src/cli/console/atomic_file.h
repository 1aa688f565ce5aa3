/* atomic_file.h: a text file that gets its name when it is complete, or never. */
#ifndef CLEAVE_CLI_ATOMIC_FILE_H
#define CLEAVE_CLI_ATOMIC_FILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct AtomicFile {
    FILE *stream;     /* to be written to */
    const char *path; /* borrowed */
    char *temporary;  /* the name it has until it is complete; on Linux it has none before that */
    bool named;
} AtomicFile;

/* Whether the folder of `path`, or the nearest that is there, can be written to, and `path` is no
 * folder; 0 or an errno. Nothing is made. */
int atomic_file_check(const char *path);

/* Makes the folders that are missing. 0 or an errno. */
int atomic_file_open(AtomicFile *file, const char *path);

/* Closes the file and gives it its name, if it could be written so far; otherwise, or with keep
 * false, nothing of it is left. 0 or an errno. */
int atomic_file_close(AtomicFile *file, bool keep);

#endif
