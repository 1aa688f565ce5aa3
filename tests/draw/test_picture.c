/* test_picture.c: the PNG files of cleave_spectrogram_write(): they decode again, show what they
 * should where they should, and appear whole or not at all. */
#include <math.h>
#include <png.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cleave/extra.h"
#include "draw/plot.h"
#include "tests/support/audio.h"

typedef struct Picture {
    int width, height;
    unsigned char *pixels;
} Picture;

static Picture read_picture(const char *path) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    Picture picture = {(int)image.width, (int)image.height, malloc(PNG_IMAGE_SIZE(image))};
    assert_non_null(picture.pixels);
    assert_true(png_image_finish_read(&image, NULL, picture.pixels, 0, NULL));
    return picture;
}

static int brightness(const Picture *picture, int x, int y) {
    const unsigned char *pixel =
        picture->pixels + 3 * ((size_t)y * (size_t)picture->width + (size_t)x);
    return pixel[0] + pixel[1] + pixel[2];
}

static const char *tone_file(const char *name, int rate, int64_t frames) {
    Audio audio = audio_sines(2, rate, frames);
    const char *path = in_folder(name);
    make_file(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    audio_free(&audio);
    return path;
}

static cleave_status draw(const char *png, const cleave_spectrogram_panel *panels, int count,
                          cleave_error *error) {
    return cleave_spectrogram_write(png, panels, count, "A title", NULL, NULL, error);
}

static void pictures_decode_with_the_size_of_their_panels(void **state) {
    (void)state;
    static const struct {
        int rate;
        int64_t frames;
    } files[] = {{44100, 1}, {44100, 44100}, {8000, 9000}, {192000, 50000}, {48000, 300000}};
    cleave_spectrogram_panel panels[5];
    char paths[5][512];
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d.wav", i);
        snprintf(paths[i], sizeof(paths[i]), "%s", tone_file(name, files[i].rate, files[i].frames));
        panels[i].path = paths[i];
        panels[i].label = i == 2 ? NULL : "Schlagzeug \xC3\xA4\xF0\x9F\xA5\x81 <&>%s\n\x80\xFF";
        cleave_error error;
        assert_int_equal(draw(in_folder("new/picture.png"), panels, i + 1, &error), CLEAVE_OK);
        Picture picture = read_picture(in_folder("new/picture.png"));
        assert_int_equal(picture.width, plot_width());
        assert_int_equal(picture.height, plot_height(i + 1));
        free(picture.pixels);
    }
    assert_int_equal(count_entries(in_folder("new")), 1);
}

/* A tone in the second half: bright there, dark elsewhere, in the one panel that there is. */
static void tone_shows_at_its_time_and_frequency(void **state) {
    (void)state;
    Audio audio = audio_new(1, 44100, 4 * 44100);
    for (int64_t i = audio.frames / 2; i < audio.frames; i++)
        audio.planes[0][i] = (float)sin(2.0 * M_PI * 1000.0 * (double)i / 44100.0);
    make_file(in_folder("tone.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &audio);
    audio_free(&audio);
    cleave_spectrogram_panel panel = {"tone", in_folder("tone.wav")};
    cleave_error error;
    assert_int_equal(draw(in_folder("tone.png"), &panel, 1, &error), CLEAVE_OK);
    Picture picture = read_picture(in_folder("tone.png"));
    int axis = picture.height - 70; /* the panel ends where the time axis begins */
    int row = axis - (int)(PLOT_ROWS * log(1000.0 / 30.0) / log(20000.0 / 30.0)) - 1;
    int middle = 108 + PLOT_COLUMNS / 2;
    int brightest = 0;
    for (int y = row - 1; y <= row + 1; y++)
        if (brightness(&picture, middle + 300, y) > brightest)
            brightest = brightness(&picture, middle + 300, y);
    assert_true(brightest > 650);
    assert_true(brightness(&picture, middle - 305, row) < 130);
    assert_true(brightness(&picture, middle + 305, row - 70) < 300);
    assert_true(brightness(&picture, middle + 305, row + 70) < 300);
    free(picture.pixels);
}

static void empty_file_gives_a_picture(void **state) {
    (void)state;
    Audio audio = audio_new(2, 44100, 0);
    make_file(in_folder("empty.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    audio_free(&audio);
    cleave_spectrogram_panel panel = {"empty", in_folder("empty.wav")};
    cleave_error error;
    assert_int_equal(draw(in_folder("empty.png"), &panel, 1, &error), CLEAVE_OK);
    free(read_picture(in_folder("empty.png")).pixels);
}

/* Nothing of a picture is left, and an earlier one of its name stays as it was. */
static void assert_draws_nothing(const cleave_spectrogram_panel *panels, int count,
                                 cleave_status expected) {
    const char *png = in_folder("pictures/old.png");
    size_t size = 0;
    cleave_error error;
    int before = count_entries(in_folder("pictures"));
    assert_int_equal(draw(png, panels, count, &error), expected);
    assert_true(strlen(error.text) > 20);
    assert_int_equal(count_entries(in_folder("pictures")), before);
    unsigned char *bytes = read_bytes(png, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "old", 3);
    free(bytes);
}

static void failures_leave_nothing(void **state) {
    (void)state;
    const char *good = tone_file("good.wav", 44100, 60000);
    write_bytes(in_folder("bad.wav"), "RIFF nonsense", 13);
    cleave_spectrogram_panel warm_up = {"good", good};
    cleave_error error;
    assert_int_equal(draw(in_folder("pictures/other.png"), &warm_up, 1, &error), CLEAVE_OK);
    write_bytes(in_folder("pictures/old.png"), "old", 3);
    cleave_spectrogram_panel bad[] = {{"good", good}, {"bad", in_folder("bad.wav")}};
    assert_draws_nothing(bad, 2, CLEAVE_ERROR_INPUT);
    bad[1].path = in_folder("missing.wav");
    assert_draws_nothing(bad, 2, CLEAVE_ERROR_INPUT);
    bad[1].path = NULL;
    assert_draws_nothing(bad, 2, CLEAVE_ERROR_ARGUMENT);
    assert_draws_nothing(bad, 0, CLEAVE_ERROR_ARGUMENT);
    assert_draws_nothing(bad, CLEAVE_SPECTROGRAM_PANELS_MAX + 1, CLEAVE_ERROR_ARGUMENT);
    assert_draws_nothing(NULL, 1, CLEAVE_ERROR_ARGUMENT);
}

/* A file where the folder should be; and a folder where the picture should be. */
static void unwritable_places_leave_nothing(void **state) {
    (void)state;
    cleave_spectrogram_panel panel = {"good", tone_file("good.wav", 44100, 30000)};
    cleave_error error;
    int before = count_entries(in_folder(""));
    assert_int_equal(draw(in_folder("good.wav/sub/a.png"), &panel, 1, &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "good.wav");
    assert_int_equal(draw(in_folder(""), &panel, 1, &error), CLEAVE_ERROR_OUTPUT);
    assert_int_equal(count_entries(in_folder("")), before);
}

static void full_disk_leaves_nothing(void **state) {
    (void)state;
    cleave_spectrogram_panel panel = {"good", tone_file("good.wav", 44100, 30000)};
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {4096, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    cleave_error error;
    int before = count_entries(in_folder(""));
    cleave_status status = draw(in_folder("new/a.png"), &panel, 1, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "a.png");
    assert_int_equal(count_entries(in_folder("")), before);
}

static int at_second_file(void *user, const cleave_progress *progress) {
    int *begins = user;
    *begins += progress->samples_done == 0;
    return *begins == 2;
}

static void cancelling_leaves_nothing(void **state) {
    (void)state;
    const char *path = tone_file("good.wav", 44100, 30000);
    cleave_spectrogram_panel panels[] = {{"a", path}, {"b", path}};
    cleave_error error;
    int begins = 0;
    int before = count_entries(in_folder(""));
    assert_int_equal(cleave_spectrogram_write(in_folder("a.png"), panels, 2, NULL, at_second_file,
                                              &begins, &error),
                     CLEAVE_ERROR_CANCELLED);
    assert_int_equal(count_entries(in_folder("")), before);
}

static void time_marks_are_sensible(void **state) {
    (void)state;
    static const double lengths[] = {0.0005, 0.02,   0.3,    1.0,     7.0, 60.0,
                                     245.0,  3599.0, 7200.0, 90000.0, 1e7};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        double marks = lengths[i] / plot_time_step(lengths[i]);
        assert_true(marks <= 12.0);
        assert_true(marks > 4.0 || lengths[i] < 0.001);
    }
    assert_true(plot_time_step(245.0) == 30.0);
    assert_true(plot_time_step(20.0) == 2.0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(pictures_decode_with_the_size_of_their_panels),
        IN_FOLDER(tone_shows_at_its_time_and_frequency),
        IN_FOLDER(empty_file_gives_a_picture),
        IN_FOLDER(failures_leave_nothing),
        IN_FOLDER(unwritable_places_leave_nothing),
        IN_FOLDER(full_disk_leaves_nothing),
        IN_FOLDER(cancelling_leaves_nothing),
        cmocka_unit_test(time_marks_are_sensible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
