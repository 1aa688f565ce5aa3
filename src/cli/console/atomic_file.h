/* atomic_file.h: a text file that gets its name when it is complete, or never. */
#ifndef CLEAVE_CLI_ATOMIC_FILE_H
#define CLEAVE_CLI_ATOMIC_FILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct AtomicFile {
    FILE *stream;     /* write to this */
    const char *path; /* borrowed */
    char *temporary;  /* the name it has until it is complete; on Linux it has none before that */
    bool named;
} AtomicFile;

/* Checks beforehand that `path` could be written: it is not a folder, and its folder (or the
 * nearest existing one above) is writable. Creates nothing. Returns 0 or an errno. */
int atomic_file_check(const char *path);

/* Creates missing folders and opens the file. Returns 0 or an errno. */
int atomic_file_open(AtomicFile *file, const char *path);

/* Closes the file and gives it its name. If a write failed, or `keep` is false, the file is
 * removed. Returns 0 or an errno. */
int atomic_file_close(AtomicFile *file, bool keep);

#endif
