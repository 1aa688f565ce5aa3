/* spectrogram.h: how strong each frequency of an audio file is over time: power on a grid of
 * log-spaced frequencies × times. Pictures are made of it elsewhere (plot.h).
 *
 * Power is relative to a full-scale sine (amplitude 1 in every channel), so that one reads 0 dBFS:
 * Hann window of about 93 ms, corrected for its coherent gain; of two channels the mean power. A
 * row shows the strongest component within its frequencies, a column the mean power over its time:
 * a steady tone keeps its level however wide a row or column is. */
#ifndef CLEAVE_DRAW_SPECTROGRAM_H
#define CLEAVE_DRAW_SPECTROGRAM_H

#include "measure/block_reader.h"

/* Lowest frequency shown, and highest, where the sampling rate reaches that far; in Hz. */
#define SPECTROGRAM_LOW  30.0
#define SPECTROGRAM_HIGH 20000.0

/* The most columns of a file. When they are used up, they merge in pairs: memory is bounded, and
 * the length need not be known beforehand. Even. */
#define SPECTROGRAM_COLUMNS 2400

/* Silence, in dBFS: nothing is below. */
#define SPECTROGRAM_FLOOR (-160.0)

typedef struct SpectrogramRows {
    int count;
    double low; /* Hz: lower edge of row 0 */
    double
        high; /* Hz: upper edge of the last row; rows beyond a file's Nyquist frequency are empty */
} SpectrogramRows;

typedef struct Spectrogram {
    SpectrogramRows rows;
    double seconds;        /* length of the file */
    double column_seconds; /* the last column may lie partly beyond the end */
    int columns;           /* 0 for a file without samples */
    float *power;          /* columns × rows.count */
} Spectrogram;

/* Reads the whole file. Free the spectrogram in either case. */
cleave_status spectrogram_measure(Spectrogram *spectrogram, const char *path, SpectrogramRows rows,
                                  const Listener *listener, cleave_error *error);
void spectrogram_free(Spectrogram *spectrogram);

/* dB re full scale of each row over the seconds [from, to): mean power of the columns in it;
 * between the middles of two columns where that is less than one. SPECTROGRAM_FLOOR beyond the end.
 */
void spectrogram_levels(const Spectrogram *spectrogram, double from, double to, double *levels);

/* The frequency in the middle of a row, on the logarithmic axis. */
double spectrogram_row_frequency(SpectrogramRows rows, double row);

#endif
