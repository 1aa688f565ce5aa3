/* side_file.h: names of cleave's own files beside a track's outputs. */
#ifndef CLEAVE_TRACK_WORKING_PATH_H
#define CLEAVE_TRACK_WORKING_PATH_H

/* The file of a kind ("lock", "resume") that belongs to the track whose first output is `output`:
 * FOLDER/.NAME.KIND. NULL where memory ran out; to be freed. */
char *side_file_path(const char *output, const char *kind);

#endif
