/* font.h: the letters of the pictures: printable ASCII, 5 × 9 dots. They are built in because the
 * pictures then need no font file and no text library, and look the same everywhere. */
#ifndef CLEAVE_DRAW_FONT_H
#define CLEAVE_DRAW_FONT_H

#include <stdbool.h>

#define FONT_COLUMNS 5
#define FONT_ROWS    9 /* 7 above the line that letters stand on, 2 below */
#define FONT_ADVANCE 6 /* dots from one letter to the next */

/* Whether a dot is set; false outside of the letter. What is not printable ASCII is drawn as '?'.
 */
bool font_dot(char letter, int column, int row);

#endif
