/* colours.c: the colour map. */
#include "draw/colours.h"

#include <math.h>

/* Magma, a colour map in which equal steps look equal, also to the colour-blind and in grey: 17 of
 * its 256 colours, by Nathaniel Smith and Stéfan van der Walt, who gave it to the public domain
 * (CC0; https://bids.github.io/colormap/). Straight lines between them stay within 2 of 255. */
static const Colour magma[] = {
    {0, 0, 4},       {10, 8, 34},     {29, 17, 71},   {54, 16, 107},   {81, 18, 124},
    {106, 28, 129},  {131, 38, 129},  {156, 46, 127}, {183, 55, 121},  {208, 65, 111},
    {231, 82, 99},   {245, 107, 92},  {252, 137, 97}, {254, 167, 114}, {254, 196, 136},
    {253, 226, 163}, {252, 253, 191},
};

#define LAST ((int)(sizeof magma / sizeof *magma) - 1)

static uint8_t between(uint8_t a, uint8_t b, double part) {
    return (uint8_t)lround(a + part * (b - a));
}

Colour colour_of_level(double level) {
    double place = fmin(fmax(1.0 - level / COLOURS_LOWEST, 0.0), 1.0) * LAST;
    int index = place < LAST ? (int)place : LAST - 1;
    double part = place - index;
    Colour a = magma[index];
    Colour b = magma[index + 1];
    return (Colour){between(a.red, b.red, part), between(a.green, b.green, part),
                    between(a.blue, b.blue, part)};
}
