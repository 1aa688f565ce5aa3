/* spectrogram.c: windows of a file become spectra, and spectra become columns. */
#include "draw/spectrogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dsp/real_fft.h"
#include "dsp/stft.h"

#define CHANNELS        2
#define WINDOW_SECONDS  0.0929 /* 4096 samples at 44.1 kHz: tones 20 Hz apart, hits 50 ms apart */
#define WINDOW_SMALLEST 64
#define WINDOW_LARGEST  65536
#define HOPS_PER_WINDOW 16    /* at first; as columns grow longer, hops do, up to half a window */
#define PADDING         2     /* a sine between two bins then loses 0.4 dB at most */
#define LOUDEST_POWER   1e12F /* +120 dB: the limit for samples of any size */

/* What one row takes from a spectrum: the highest of the bins [first, end) and of the value
 * interpolated at its middle, which alone counts where rows are narrower than bins. */
typedef struct RowBins {
    int first;
    int end;
    int below;  /* bin at or below the middle; negative: beyond the Nyquist frequency */
    float part; /* of the way from it to the next */
} RowBins;

typedef struct Analyser {
    BlockReader file;
    int window_length; /* samples; a power of two */
    int bins;
    float *window; /* scaled so that the power of a full-scale sine is 1 */
    float *signal; /* CHANNELS × window_length: the samples around the moment at hand */
    float *padded;
    kiss_fft_cpx *spectrum;
    float *power; /* of the bins */
    RealFft *fft;
    RowBins *row_bins;
    int64_t block_start; /* frames of the block that went into `signal` */
    int64_t block_end;
    int64_t total; /* frames that went into `signal` */
    int64_t hop;
    int64_t span; /* frames per column */
    double *sums; /* SPECTROGRAM_COLUMNS × rows */
    int *counts;  /* of the moments in each sum */
} Analyser;

double spectrogram_row_frequency(SpectrogramRows rows, double row) {
    return rows.low * pow(rows.high / rows.low, (row + 0.5) / rows.count);
}

/* ---- Preparing ---- */

/* The power of two nearest to WINDOW_SECONDS. */
static int choose_window_length(int sample_rate) {
    int length = WINDOW_SMALLEST;
    while (length < WINDOW_LARGEST && length * sqrt(2.0) < WINDOW_SECONDS * sample_rate)
        length *= 2;
    return length;
}

static void fill_window(Analyser *analyser) {
    double sum = 0.0;
    int length = analyser->window_length;
    for (int i = 0; i < length; i++)
        sum += hann_window(i, length);
    for (int i = 0; i < length; i++)
        analyser->window[i] = (float)(hann_window(i, length) * 2.0 / sum);
}

static void fill_row_bins(Analyser *analyser, SpectrogramRows rows) {
    double bin_width = (double)analyser->file.sample_rate / (PADDING * analyser->window_length);
    int last = analyser->bins - 1;
    for (int r = 0; r < rows.count; r++) {
        double from = spectrogram_row_frequency(rows, r - 0.5) / bin_width;
        double middle = spectrogram_row_frequency(rows, r) / bin_width;
        double to = spectrogram_row_frequency(rows, r + 0.5) / bin_width;
        RowBins *bins = &analyser->row_bins[r];
        bins->first = (int)fmin(ceil(from), last + 1);
        bins->end = (int)fmin(ceil(to), last + 1);
        bins->below = middle < last ? (int)middle : -1;
        bins->part = (float)(middle - bins->below);
    }
}

static cleave_status allocate_analyser(Analyser *analyser, SpectrogramRows rows,
                                       cleave_error *error) {
    size_t length = (size_t)analyser->window_length;
    size_t bins = (size_t)analyser->bins;
    size_t cells = SPECTROGRAM_COLUMNS * (size_t)rows.count;
    analyser->window = malloc(length * sizeof(float));
    analyser->signal = calloc(CHANNELS * length, sizeof(float));
    analyser->padded = calloc(PADDING * length, sizeof(float));
    analyser->spectrum = calloc(bins, sizeof(*analyser->spectrum));
    analyser->power = calloc(bins, sizeof(float));
    analyser->fft = real_fft_create(PADDING * analyser->window_length);
    analyser->row_bins = calloc((size_t)rows.count, sizeof(*analyser->row_bins));
    analyser->sums = calloc(cells, sizeof(double));
    analyser->counts = calloc(SPECTROGRAM_COLUMNS, sizeof(int));
    if (analyser->window && analyser->signal && analyser->padded && analyser->spectrum &&
        analyser->power && analyser->fft && analyser->row_bins && analyser->sums &&
        analyser->counts)
        return CLEAVE_OK;
    return error_memory(error, "a spectrogram", cells * sizeof(double));
}

static cleave_status analyser_open(Analyser *analyser, const char *path, SpectrogramRows rows,
                                   cleave_error *error) {
    *analyser = (Analyser){0};
    cleave_status status = block_reader_open(&analyser->file, path,
                                             &(BlockSettings){.most_channels = CHANNELS}, error);
    if (status != CLEAVE_OK)
        return status;
    analyser->window_length = choose_window_length(analyser->file.sample_rate);
    analyser->bins = PADDING * analyser->window_length / 2 + 1;
    analyser->hop = analyser->window_length / HOPS_PER_WINDOW;
    analyser->span = analyser->hop;
    status = allocate_analyser(analyser, rows, error);
    if (status != CLEAVE_OK)
        return status;
    fill_window(analyser);
    fill_row_bins(analyser, rows);
    return CLEAVE_OK;
}

static void analyser_close(Analyser *analyser) {
    block_reader_close(&analyser->file);
    free(analyser->window);
    free(analyser->signal);
    free(analyser->padded);
    free(analyser->spectrum);
    free(analyser->power);
    real_fft_destroy(analyser->fft);
    free(analyser->row_bins);
    free(analyser->sums);
    free(analyser->counts);
}

/* ---- One moment ---- */

/* Moves `signal` on by `frames`, with silence from the end of the file on. */
static cleave_status analyser_advance(Analyser *analyser, int64_t frames, const Listener *listener,
                                      cleave_error *error) {
    int64_t kept = analyser->window_length - frames;
    for (int c = 0; c < CHANNELS; c++) {
        float *signal = analyser->signal + (size_t)c * (size_t)analyser->window_length;
        memmove(signal, signal + frames, (size_t)kept * sizeof(float));
        memset(signal + kept, 0, (size_t)frames * sizeof(float));
    }
    for (int64_t done = 0; done < frames;) {
        if (analyser->block_start == analyser->block_end) {
            analyser->block_start = 0;
            cleave_status status =
                block_reader_next(&analyser->file, listener, &analyser->block_end, error);
            if (status != CLEAVE_OK || analyser->block_end == 0)
                return status;
        }
        int64_t left = analyser->block_end - analyser->block_start;
        int64_t step = left < frames - done ? left : frames - done;
        for (int c = 0; c < analyser->file.channels; c++)
            memcpy(analyser->signal + c * (int64_t)analyser->window_length + kept + done,
                   analyser->file.planes[c] + analyser->block_start, (size_t)step * sizeof(float));
        analyser->block_start += step;
        analyser->total += step;
        done += step;
    }
    return CLEAVE_OK;
}

/* The spectrum's power, the mean over the channels. Samples far beyond full scale may overflow:
 * fminf() returns the number if the other is NaN. */
static void analyser_transform(Analyser *analyser) {
    int channels = analyser->file.channels;
    memset(analyser->power, 0, (size_t)analyser->bins * sizeof(float));
    for (int c = 0; c < channels; c++) {
        const float *signal = analyser->signal + c * (int64_t)analyser->window_length;
        for (int i = 0; i < analyser->window_length; i++)
            analyser->padded[i] = signal[i] * analyser->window[i];
        real_fft_forward(analyser->fft, analyser->padded, analyser->spectrum);
        for (int k = 0; k < analyser->bins; k++) {
            kiss_fft_cpx z = analyser->spectrum[k];
            analyser->power[k] += fminf(z.r * z.r + z.i * z.i, LOUDEST_POWER) / (float)channels;
        }
    }
}

static float row_power(const float *power, const RowBins *bins) {
    float highest = 0.0F;
    if (bins->below >= 0)
        highest = power[bins->below] + bins->part * (power[bins->below + 1] - power[bins->below]);
    for (int k = bins->first; k < bins->end; k++)
        highest = fmaxf(highest, power[k]);
    return highest;
}

/* ---- Columns ---- */

static void merge_columns(Analyser *analyser, int rows) {
    for (int c = 0; c < SPECTROGRAM_COLUMNS; c++) {
        double *from = analyser->sums + (size_t)c * (size_t)rows;
        double *to = analyser->sums + (size_t)(c / 2) * (size_t)rows;
        for (int r = 0; r < rows; r++)
            to[r] = c % 2 == 0 ? from[r] : to[r] + from[r];
        analyser->counts[c / 2] = analyser->counts[c] + (c % 2 == 0 ? 0 : analyser->counts[c / 2]);
    }
    size_t half = SPECTROGRAM_COLUMNS / 2;
    memset(analyser->sums + half * (size_t)rows, 0, half * (size_t)rows * sizeof(double));
    memset(analyser->counts + half, 0, half * sizeof(int));
    analyser->span *= 2;
    if (analyser->hop < analyser->window_length / 2)
        analyser->hop *= 2;
}

/* Adds the spectrum at a moment to its column. */
static void add_moment(Analyser *analyser, int64_t moment, int rows) {
    if (moment / analyser->span >= SPECTROGRAM_COLUMNS)
        merge_columns(analyser, rows);
    int64_t column = moment / analyser->span;
    double *sums = analyser->sums + column * rows;
    for (int r = 0; r < rows; r++)
        sums[r] += (double)row_power(analyser->power, &analyser->row_bins[r]);
    analyser->counts[column]++;
}

static cleave_status analyser_run(Analyser *analyser, int rows, const Listener *listener,
                                  cleave_error *error) {
    cleave_status status = analyser_advance(analyser, analyser->window_length / 2, listener, error);
    for (int64_t moment = 0; status == CLEAVE_OK && moment < analyser->total;) {
        analyser_transform(analyser);
        add_moment(analyser, moment, rows);
        moment += analyser->hop;
        status = analyser_advance(analyser, analyser->hop, listener, error);
    }
    return status;
}

static cleave_status keep_means(Spectrogram *spectrogram, const Analyser *analyser,
                                cleave_error *error) {
    size_t rows = (size_t)spectrogram->rows.count;
    double rate = (double)analyser->file.sample_rate;
    while (spectrogram->columns < SPECTROGRAM_COLUMNS && analyser->counts[spectrogram->columns] > 0)
        spectrogram->columns++;
    size_t bytes = (size_t)spectrogram->columns * rows * sizeof(float);
    spectrogram->seconds = (double)analyser->total / rate;
    spectrogram->column_seconds = (double)analyser->span / rate;
    spectrogram->power = malloc(bytes > 0 ? bytes : 1);
    if (!spectrogram->power)
        return error_memory(error, "a spectrogram", bytes);
    for (size_t c = 0; c < (size_t)spectrogram->columns; c++)
        for (size_t i = c * rows; i < (c + 1) * rows; i++)
            spectrogram->power[i] = (float)(analyser->sums[i] / analyser->counts[c]);
    return CLEAVE_OK;
}

cleave_status spectrogram_measure(Spectrogram *spectrogram, const char *path, SpectrogramRows rows,
                                  const Listener *listener, cleave_error *error) {
    Analyser analyser;
    *spectrogram = (Spectrogram){.rows = rows};
    cleave_status status = analyser_open(&analyser, path, rows, error);
    if (status == CLEAVE_OK)
        status = analyser_run(&analyser, rows.count, listener, error);
    if (status == CLEAVE_OK)
        status = keep_means(spectrogram, &analyser, error);
    analyser_close(&analyser);
    return status;
}

void spectrogram_free(Spectrogram *spectrogram) {
    free(spectrogram->power);
    spectrogram->power = NULL;
    spectrogram->columns = 0;
}

/* ---- Reading it off ---- */

void spectrogram_levels(const Spectrogram *spectrogram, double from, double to, double *levels) {
    int rows = spectrogram->rows.count;
    for (int r = 0; r < rows; r++)
        levels[r] = SPECTROGRAM_FLOOR;
    if (spectrogram->columns == 0 || !(from < spectrogram->seconds) || !(to > from))
        return;
    double begin = from / spectrogram->column_seconds;
    double end = to / spectrogram->column_seconds;
    double widen = fmax(0.0, 1.0 - (end - begin)) / 2.0;
    double last = spectrogram->columns;
    begin = fmin(fmax(begin - widen, 0.0), last - 1.0);
    end = fmin(fmax(end + widen, begin + 1e-9), last);
    for (int r = 0; r < rows; r++) {
        double sum = 0.0;
        for (int c = (int)begin; c < end; c++) {
            double part = fmin(end, c + 1.0) - fmax(begin, c);
            sum += part * (double)spectrogram->power[(size_t)c * (size_t)rows + (size_t)r];
        }
        double level = 10.0 * log10(sum / (end - begin));
        levels[r] = level > SPECTROGRAM_FLOOR ? level : SPECTROGRAM_FLOOR;
    }
}
