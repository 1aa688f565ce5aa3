/* png_file.h: a PNG file written row by row, whole or not at all. */
#ifndef CLEAVE_DRAW_PNG_FILE_H
#define CLEAVE_DRAW_PNG_FILE_H

#include "base/error.h"
#include "draw/canvas.h"

typedef struct PngFile PngFile;

/* The folder of `path` is made if it is missing. A file of that name stays until the commit. */
cleave_status png_file_open(PngFile **png, const char *path, int width, int height,
                            cleave_error *error);

/* Writes all rows of a canvas as wide as the picture below those that were written before. */
cleave_status png_file_add(PngFile *png, const Canvas *canvas, cleave_error *error);

/* After all rows: completes the file and gives it its name. */
cleave_status png_file_commit(PngFile *png, cleave_error *error);

/* Removes what was not committed. NULL is allowed. */
void png_file_close(PngFile *png);

#endif
