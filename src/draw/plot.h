/* plot.h: spectrograms drawn below each other on one time axis, as a PNG file. They are measured in
 * spectrogram.h. */
#ifndef CLEAVE_DRAW_PLOT_H
#define CLEAVE_DRAW_PLOT_H

#include "draw/spectrogram.h"

#define PLOT_ROWS    240  /* of a panel */
#define PLOT_COLUMNS 1200 /* likewise */

typedef struct PlotPanel {
    const char *label;
    Spectrogram spectrogram; /* of PLOT_ROWS rows, the same frequencies in all panels */
} PlotPanel;

/* Size of the picture in pixels. */
int plot_width(void);
int plot_height(int panels);

/* The axis is as long as the longest panel. `title` may be NULL. */
cleave_status plot_write(const char *png_path, const char *title, const PlotPanel *panels,
                         int count, cleave_error *error);

/* Seconds between two marks of a time axis, so that there are about ten. */
double plot_time_step(double seconds);

#endif
