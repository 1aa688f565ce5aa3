/* plot.c: header, panels and axis. The picture is drawn and written strip by strip: the header,
 * each panel, the time axis. */
#include "draw/plot.h"

#include <math.h>
#include <stdio.h>

#include "draw/png_file.h"

#define LEFT          108 /* where the panels begin: room for "10 kHz" */
#define RIGHT         36
#define HEADER_HEIGHT 76
#define LABEL_HEIGHT  34 /* above a panel */
#define AXIS_HEIGHT   70
#define TICK          7
#define BAR_WIDTH     300 /* the colour bar */
#define BAR_HEIGHT    14

static const Colour background = {20, 20, 27};
static const Colour bright = {236, 236, 242};
static const Colour dim = {158, 158, 174};

int plot_width(void) {
    return LEFT + PLOT_COLUMNS + RIGHT;
}

int plot_height(int panels) {
    return HEADER_HEIGHT + panels * (LABEL_HEIGHT + PLOT_ROWS) + AXIS_HEIGHT;
}

static void plot_clear(Canvas *canvas) {
    canvas_rectangle(canvas, 0, 0, canvas->width, canvas->height, background, 1.0);
}

static void centred_text(Canvas *canvas, int x, int y, const char *text) {
    int width = canvas_text_width(text);
    int left = x - width / 2;
    int most = canvas->width - width;
    canvas_text(canvas, left < most ? left : most, y, width, text, dim);
}

/* ---- Header ---- */

static void draw_colour_bar(Canvas *canvas, int x, int y) {
    for (int i = 0; i < BAR_WIDTH; i++) {
        double level = COLOURS_LOWEST * (1.0 - (double)i / (BAR_WIDTH - 1));
        canvas_rectangle(canvas, x + i, y, 1, BAR_HEIGHT, colour_of_level(level), 1.0);
    }
    for (int level = 0; level >= (int)COLOURS_LOWEST; level -= 30) {
        char text[16];
        int at = x + (int)lround((BAR_WIDTH - 1) * (1.0 - level / COLOURS_LOWEST));
        canvas_rectangle(canvas, at, y + BAR_HEIGHT, 1, 4, dim, 1.0);
        snprintf(text, sizeof(text), "%d", level);
        centred_text(canvas, at, y + BAR_HEIGHT + 8, text);
    }
    canvas_text(canvas, x + BAR_WIDTH + 16, y, 60, "dBFS", dim);
}

static void draw_header(Canvas *canvas, const char *title) {
    int bar = LEFT + PLOT_COLUMNS - BAR_WIDTH - 64;
    plot_clear(canvas);
    canvas_text(canvas, LEFT, 24, bar - LEFT - 40, title ? title : "", bright);
    draw_colour_bar(canvas, bar, 20);
}

/* ---- Panels ---- */

static const int frequencies[] = {50, 100, 200, 500, 1000, 2000, 5000, 10000};

/* The row of a frequency, from the top of a panel; outside of the panel if it is not shown. */
static int row_of(SpectrogramRows rows, double frequency) {
    double up = rows.count * log(frequency / rows.low) / log(rows.high / rows.low);
    return rows.count - 1 - (int)floor(up);
}

static void draw_frequencies(Canvas *canvas, SpectrogramRows rows) {
    for (size_t i = 0; i < sizeof(frequencies) / sizeof(*frequencies); i++) {
        int row = row_of(rows, frequencies[i]);
        if (row < 0 || row >= rows.count)
            continue;
        char text[16];
        if (frequencies[i] < 1000)
            snprintf(text, sizeof(text), "%d Hz", frequencies[i]);
        else
            snprintf(text, sizeof(text), "%d kHz", frequencies[i] / 1000);
        int width = canvas_text_width(text);
        int y = LABEL_HEIGHT + row;
        canvas_text(canvas, LEFT - TICK - 5 - width, y - CANVAS_TEXT_HEIGHT / 2, width, text, dim);
        canvas_rectangle(canvas, LEFT - TICK, y, TICK, 1, dim, 1.0);
        canvas_rectangle(canvas, LEFT, y, PLOT_COLUMNS, 1, bright, 0.1);
    }
}

static int column_of(double moment, double seconds) {
    return LEFT + (int)lround((PLOT_COLUMNS - 1) * moment / seconds);
}

static void draw_time_lines(Canvas *canvas, double seconds) {
    double step = plot_time_step(seconds);
    for (int i = 1; i * step < seconds; i++)
        canvas_rectangle(canvas, column_of(i * step, seconds), LABEL_HEIGHT, 1, PLOT_ROWS, bright,
                         0.1);
}

/* Where a panel ends before the axis does, the background shows. */
static void draw_levels(Canvas *canvas, const Spectrogram *spectrogram, double seconds) {
    double levels[PLOT_ROWS];
    for (int x = 0; x < PLOT_COLUMNS; x++) {
        double from = seconds * x / PLOT_COLUMNS;
        double to = seconds * (x + 1) / PLOT_COLUMNS;
        if (from >= spectrogram->seconds)
            break;
        spectrogram_levels(spectrogram, from, to, levels);
        for (int r = 0; r < PLOT_ROWS; r++)
            canvas_pixel(canvas, LEFT + x, LABEL_HEIGHT + PLOT_ROWS - 1 - r,
                         colour_of_level(levels[r]));
    }
}

static void draw_panel(Canvas *canvas, const PlotPanel *panel, double seconds) {
    plot_clear(canvas);
    canvas_text(canvas, LEFT, LABEL_HEIGHT - CANVAS_TEXT_HEIGHT - 7, PLOT_COLUMNS, panel->label,
                bright);
    canvas_rectangle(canvas, LEFT, LABEL_HEIGHT, PLOT_COLUMNS, PLOT_ROWS, (Colour){28, 28, 37},
                     1.0);
    draw_levels(canvas, &panel->spectrogram, seconds);
    draw_time_lines(canvas, seconds);
    draw_frequencies(canvas, panel->spectrogram.rows);
}

/* ---- Time axis ---- */

double plot_time_step(double seconds) {
    static const double steps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,  0.1,   0.2,  0.5,
                                   1,     2,     5,     10,   15,   30,    60,    120,  300,
                                   600,   900,   1800,  3600, 7200, 14400, 21600, 43200};
    size_t count = sizeof(steps) / sizeof(*steps);
    for (size_t i = 0; i < count; i++)
        if (seconds / steps[i] <= 12.0)
            return steps[i];
    return 86400.0 * ceil(seconds / 86400.0 / 12.0);
}

/* "1:05", "1:02:30", and "0:00.25" if there is less than a second between marks. */
static void write_time(char *text, size_t size, double moment, double step) {
    long long whole = (long long)(moment + 1e-6);
    int digits = step >= 1.0 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
    size_t used = 0;
    if (whole >= 3600)
        used = (size_t)snprintf(text, size, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                                whole % 60);
    else
        used = (size_t)snprintf(text, size, "%lld:%02lld", whole / 60, whole % 60);
    if (digits > 0 && used < size) {
        char part[16];
        snprintf(part, sizeof(part), "%.*f", digits, fabs(moment - (double)whole));
        snprintf(text + used, size - used, "%s", part + 1);
    }
}

static void draw_axis(Canvas *canvas, double seconds) {
    double step = plot_time_step(seconds);
    plot_clear(canvas);
    for (int i = 0; i == 0 || i * step < seconds; i++) {
        char text[48];
        int x = seconds > 0.0 ? column_of(i * step, seconds) : LEFT;
        write_time(text, sizeof(text), i * step, step);
        canvas_rectangle(canvas, x, 0, 1, TICK, dim, 1.0);
        centred_text(canvas, x, TICK + 6, text);
    }
    const char *unit = seconds >= 3600.0 ? "time (h:mm:ss)" : "time (m:ss)";
    centred_text(canvas, LEFT + PLOT_COLUMNS / 2, TICK + 6 + CANVAS_TEXT_HEIGHT + 14, unit);
}

/* ---- The whole ---- */

static double longest(const PlotPanel *panels, int count) {
    double seconds = 0.0;
    for (int i = 0; i < count; i++)
        seconds = fmax(seconds, panels[i].spectrogram.seconds);
    return seconds;
}

/* Draws into a strip of one of three heights and adds it to the file. */
static cleave_status add_strips(PngFile *png, Canvas *header, Canvas *panel, Canvas *axis,
                                const char *title, const PlotPanel *panels, int count,
                                cleave_error *error) {
    double seconds = longest(panels, count);
    draw_header(header, title);
    cleave_status status = png_file_add(png, header, error);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        draw_panel(panel, &panels[i], seconds);
        status = png_file_add(png, panel, error);
    }
    if (status != CLEAVE_OK)
        return status;
    draw_axis(axis, seconds);
    return png_file_add(png, axis, error);
}

cleave_status plot_write(const char *png_path, const char *title, const PlotPanel *panels,
                         int count, cleave_error *error) {
    PngFile *png = NULL;
    Canvas header = {0};
    Canvas panel = {0};
    Canvas axis = {0};
    int width = plot_width();
    cleave_status status = canvas_create(&header, width, HEADER_HEIGHT, error);
    if (status == CLEAVE_OK)
        status = canvas_create(&panel, width, LABEL_HEIGHT + PLOT_ROWS, error);
    if (status == CLEAVE_OK)
        status = canvas_create(&axis, width, AXIS_HEIGHT, error);
    if (status == CLEAVE_OK)
        status = png_file_open(&png, png_path, width, plot_height(count), error);
    if (status == CLEAVE_OK)
        status = add_strips(png, &header, &panel, &axis, title, panels, count, error);
    if (status == CLEAVE_OK)
        status = png_file_commit(png, error);
    png_file_close(png);
    canvas_free(&header);
    canvas_free(&panel);
    canvas_free(&axis);
    return status;
}
