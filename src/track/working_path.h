/* working_path.h: the names of cleave's own files beside a track's outputs. */
#ifndef CLEAVE_TRACK_WORKING_PATH_H
#define CLEAVE_TRACK_WORKING_PATH_H

typedef enum WorkingFile {
    WORKING_LOCK,    /* of the claim */
    WORKING_JOURNAL, /* of an unfinished separation */
    WORKING_FILES    /* how many there are */
} WorkingFile;

/* FOLDER/.NAME.lock or FOLDER/.NAME.resume for the track whose first output is `output`; NULL if
 * memory runs out. To be freed. */
char *working_path(const char *output, WorkingFile file);

#endif
