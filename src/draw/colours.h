/* colours.h: levels in dBFS as colours. */
#ifndef CLEAVE_DRAW_COLOURS_H
#define CLEAVE_DRAW_COLOURS_H

#include <stdint.h>

/* The lowest level of the scale; lower ones are as dark. The highest is 0 dBFS. */
#define COLOURS_LOWEST (-90.0)

typedef struct Colour {
    uint8_t red, green, blue;
} Colour;

Colour colour_of_level(double level);

#endif
