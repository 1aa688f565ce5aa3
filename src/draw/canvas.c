/* canvas.c: setting and mixing pixels, and drawing letters. */
#include "draw/canvas.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "draw/font.h"

#define SCALE 2 /* pixels per dot of a letter */

cleave_status canvas_create(Canvas *canvas, int width, int height, cleave_error *error) {
    size_t bytes = 0;
    *canvas = (Canvas){.width = width, .height = height};
    bool fits =
        size_multiply((size_t)width, (size_t)height, &bytes) && size_multiply(bytes, 3, &bytes);
    canvas->pixels = fits ? calloc(bytes, 1) : NULL;
    return canvas->pixels ? CLEAVE_OK : error_memory(error, "a picture", bytes);
}

void canvas_free(Canvas *canvas) {
    free(canvas->pixels);
    canvas->pixels = NULL;
}

static uint8_t *pixel_at(Canvas *canvas, int x, int y) {
    if (x < 0 || x >= canvas->width || y < 0 || y >= canvas->height)
        return NULL;
    return canvas->pixels + 3 * ((size_t)y * (size_t)canvas->width + (size_t)x);
}

void canvas_pixel(Canvas *canvas, int x, int y, Colour colour) {
    uint8_t *pixel = pixel_at(canvas, x, y);
    if (!pixel)
        return;
    pixel[0] = colour.red;
    pixel[1] = colour.green;
    pixel[2] = colour.blue;
}

static uint8_t mix_colour(uint8_t below, uint8_t above, double opacity) {
    return (uint8_t)lround(below + opacity * (above - below));
}

void canvas_rectangle(Canvas *canvas, int x, int y, int width, int height, Colour colour,
                      double opacity) {
    for (int row = y; row < y + height; row++) {
        for (int column = x; column < x + width; column++) {
            uint8_t *pixel = pixel_at(canvas, column, row);
            if (!pixel)
                continue;
            pixel[0] = mix_colour(pixel[0], colour.red, opacity);
            pixel[1] = mix_colour(pixel[1], colour.green, opacity);
            pixel[2] = mix_colour(pixel[2], colour.blue, opacity);
        }
    }
}

/* ---- Text ---- */

/* Whether a byte goes on with a character of UTF-8. */
static bool continues(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

static int count_letters(const char *text) {
    int count = 0;
    for (; *text; text++)
        count += !continues(*text);
    return count;
}

int canvas_text_width(const char *text) {
    return SCALE * FONT_ADVANCE * count_letters(text);
}

/* The dots of a letter at twice the size: a quarter of a dot takes the colour of two neighbours
 * that meet at its corner, so that slanted lines lose their steps. */
static bool quarter_dot(char letter, int x, int y) {
    int column = x / SCALE;
    int row = y / SCALE;
    int side = x % SCALE == 0 ? -1 : 1;
    int end = y % SCALE == 0 ? -1 : 1;
    bool beside = font_dot(letter, column + side, row);
    bool above = font_dot(letter, column, row + end);
    bool corner = beside == above && beside != font_dot(letter, column - side, row) &&
                  above != font_dot(letter, column, row - end);
    return corner ? beside : font_dot(letter, column, row);
}

static void draw_letter(Canvas *canvas, int x, int y, char letter, Colour colour) {
    for (int row = 0; row < SCALE * FONT_ROWS; row++)
        for (int column = 0; column < SCALE * FONT_COLUMNS; column++)
            if (quarter_dot(letter, column, row))
                canvas_pixel(canvas, x + column, y + row, colour);
}

void canvas_text(Canvas *canvas, int x, int y, int room, const char *text, Colour colour) {
    int most = room / (SCALE * FONT_ADVANCE);
    int letters = count_letters(text);
    int dots_from = letters > most ? most - 3 : letters;
    int place = 0;
    for (; *text && place < most; text++) {
        if (continues(*text))
            continue;
        char letter = '.';
        if (place < dots_from)
            letter = *text;
        draw_letter(canvas, x + SCALE * FONT_ADVANCE * place, y, letter, colour);
        place++;
    }
}
