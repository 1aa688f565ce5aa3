/* write_spectrogram.c: cleave_spectrogram_write(): measures each file and draws them all. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "draw/plot.h"

/* A rate too low for any frequency of the axis would leave it without length. */
#define LOWEST_TOP (4.0 * SPECTROGRAM_LOW)

/* Checks the arguments and copies the caller's panels. */
static cleave_status take_panels(cleave_spectrogram_panel *panels, const char *png_path,
                                 const cleave_spectrogram_panel *given, int count,
                                 size_t panel_size, cleave_error *error) {
    if (!png_path || !given)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot draw a spectrogram: the path or the list of panels is NULL");
    if (count < 1 || count > CLEAVE_SPECTROGRAM_PANELS_MAX)
        return error_advise(
            error,
            error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot draw a spectrogram: %d panels", count),
            "give 1 to %d", CLEAVE_SPECTROGRAM_PANELS_MAX);
    for (int i = 0; i < count; i++) {
        const char *panel = (const char *)given + (size_t)i * panel_size;
        if (!struct_take(&panels[i], sizeof(*panels), panel, panel_size))
            return error_set(error, CLEAVE_ERROR_ARGUMENT,
                             "cannot draw a spectrogram: in panel %d a field is set that this "
                             "library, version %s, lacks",
                             i + 1, cleave_version());
        if (!panels[i].path)
            return error_set(error, CLEAVE_ERROR_ARGUMENT,
                             "cannot draw a spectrogram: panel %d has no path", i + 1);
    }
    return CLEAVE_OK;
}

/* The top of the common axis: the highest Nyquist frequency, as far as people hear. */
static cleave_status choose_rows(SpectrogramRows *rows, const cleave_spectrogram_panel *panels,
                                 int count, cleave_error *error) {
    double nyquist = LOWEST_TOP;
    for (int i = 0; i < count; i++) {
        AudioReader *reader = NULL;
        cleave_status status = audio_reader_open(&reader, panels[i].path, NULL, error);
        if (status != CLEAVE_OK)
            return status;
        nyquist = fmax(nyquist, audio_reader_format(reader)->sample_rate / 2.0);
        audio_reader_close(reader);
    }
    *rows = (SpectrogramRows){PLOT_ROWS, SPECTROGRAM_LOW, fmin(nyquist, SPECTROGRAM_HIGH)};
    return CLEAVE_OK;
}

static cleave_status measure_all(PlotPanel *drawn, const cleave_spectrogram_panel *panels,
                                 int count, const Listener *listener, cleave_error *error) {
    SpectrogramRows rows;
    cleave_status status = choose_rows(&rows, panels, count, error);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        drawn[i].label = panels[i].label ? panels[i].label : "";
        status = spectrogram_measure(&drawn[i].spectrogram, panels[i].path, rows, listener, error);
    }
    return status;
}

cleave_status cleave_spectrogram_write_sized(const char *png_path,
                                             const cleave_spectrogram_panel *given, int count,
                                             size_t panel_size, const char *title,
                                             cleave_progress_callback progress, void *progress_user,
                                             cleave_error *error) {
    cleave_spectrogram_panel panels[CLEAVE_SPECTROGRAM_PANELS_MAX] = {{NULL, NULL}};
    error_clear(error);
    cleave_status status = take_panels(panels, png_path, given, count, panel_size, error);
    if (status != CLEAVE_OK)
        return status;
    PlotPanel *drawn = calloc((size_t)count, sizeof(*drawn));
    if (!drawn)
        return error_memory(error, "a picture's panels", (size_t)count * sizeof(*drawn));
    Listener listener = {progress, progress_user, clock_seconds()};
    status = measure_all(drawn, panels, count, &listener, error);
    if (status == CLEAVE_OK)
        status = plot_write(png_path, title, drawn, count, error);
    for (int i = 0; i < count; i++)
        spectrogram_free(&drawn[i].spectrogram);
    free(drawn);
    return status;
}
