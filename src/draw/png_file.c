/* png_file.c: libpng over an OutputFile. libpng leaves a failed call by longjmp(), so each function
 * that calls it is short and has nothing to free. */
#include "draw/png_file.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

#include "base/output_file.h"
#include "base/path_format.h"

struct PngFile {
    OutputFile file;
    png_structp png;
    png_infop info;
};

/* In place of libpng's own functions, which print. */
static void png_fail(png_structp png, png_const_charp message) {
    (void)message;
    png_longjmp(png, 1);
}

static void png_ignore(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void png_write_bytes(png_structp png, png_bytep data, size_t size) {
    OutputFile *file = png_get_io_ptr(png);
    if (output_file_write(file, data, (int64_t)size) != (int64_t)size)
        png_error(png, "write failed");
}

static void png_no_flush(png_structp png) {
    (void)png;
}

/* After a jump: the file's error, or else libpng's, which can only be a lack of memory. */
static cleave_status png_failure(const PngFile *png, cleave_error *error) {
    cleave_status status = output_file_check(&png->file, error);
    return status != CLEAVE_OK ? status : error_memory(error, "a PNG picture", (size_t)1 << 18);
}

static cleave_status write_header(PngFile *png, int width, int height, cleave_error *error) {
    if (setjmp(png_jmpbuf(png->png)))
        return png_failure(png, error);
    png_set_write_fn(png->png, &png->file, png_write_bytes, png_no_flush);
    png_set_IHDR(png->png, png->info, (png_uint_32)width, (png_uint_32)height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png->png, png->info);
    return CLEAVE_OK;
}

cleave_status png_file_open(PngFile **png, const char *path, int width, int height,
                            cleave_error *error) {
    PngFile *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a PNG picture", sizeof(*created));
    cleave_status status = output_file_open(&created->file, path, error);
    if (status != CLEAVE_OK) {
        free(created);
        return status;
    }
    created->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_fail, png_ignore);
    created->info = created->png ? png_create_info_struct(created->png) : NULL;
    status = created->info ? write_header(created, width, height, error)
                           : error_memory(error, "a PNG picture", (size_t)1 << 18);
    if (status == CLEAVE_OK)
        *png = created;
    else
        png_file_close(created);
    return status;
}

cleave_status png_file_add(PngFile *png, const Canvas *canvas, cleave_error *error) {
    if (setjmp(png_jmpbuf(png->png)))
        return png_failure(png, error);
    for (int row = 0; row < canvas->height; row++)
        png_write_row(png->png, canvas->pixels + 3 * (size_t)row * (size_t)canvas->width);
    return CLEAVE_OK;
}

static cleave_status write_end(PngFile *png, cleave_error *error) {
    if (setjmp(png_jmpbuf(png->png)))
        return png_failure(png, error);
    png_write_end(png->png, NULL);
    return CLEAVE_OK;
}

cleave_status png_file_commit(PngFile *png, cleave_error *error) {
    cleave_status status = write_end(png, error);
    if (status == CLEAVE_OK)
        status = output_file_finish(&png->file, error);
    if (status == CLEAVE_OK)
        status = output_file_commit(&png->file, error);
    return status;
}

void png_file_close(PngFile *png) {
    if (!png)
        return;
    png_destroy_write_struct(&png->png, &png->info);
    output_file_close(&png->file);
    free(png);
}
