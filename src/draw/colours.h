/* colours.h: levels in dBFS as colours. */
#ifndef CLEAVE_DRAW_COLOURS_H
#define CLEAVE_DRAW_COLOURS_H

#include <stdint.h>

/* The scale of the pictures: what is below is as dark as this, what is above as bright as 0 dBFS.
 */
#define COLOURS_LOWEST (-90.0)

typedef struct Colour {
    uint8_t red, green, blue;
} Colour;

Colour colour_of_level(double level);

#endif
