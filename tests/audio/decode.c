/* decode.c: what an AudioReader makes of many files, for test_matrix.py. `decode LIST` reads lines
 * "WAY<tab>INPUT<tab>OUTPUT" from LIST: WAY is "file", or "pipe" for the same bytes on standard
 * input. The samples go to OUTPUT as interleaved 32-bit floats; standard output says of each line
 *
 *   read INPUT                    before anything is read, so that a crash names its file
 *   format CHANNELS RATE FRAMES   FRAMES as announced
 *   log TEXT                      each warning
 *   error TEXT                    at most one
 *   end FRAMES                    those that were read
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/audio.h"

/* No multiple of any codec's frame, so that reads end within frames. */
#define STEP         1009
#define MAX_CHANNELS 64

static void print_log(void *user, cleave_log_level level, const char *line) {
    (void)user;
    (void)level;
    printf("log %s\n", line);
}

static void fail(const char *what) {
    perror(what);
    exit(2);
}

/* ---- Standard input as a pipe ---- */

typedef struct Feed {
    const char *path;
    int fd; /* the pipe's end to write into */
} Feed;

static bool write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t wrote = write(fd, bytes, count);
        if (wrote < 0)
            return false;
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return true;
}

/* Ends early where nobody reads on. */
static void *feed_pipe(void *user) {
    Feed *feed = user;
    char buffer[16384];
    FILE *file = fopen(feed->path, "rb");
    if (!file)
        fail(feed->path);
    size_t got = 1;
    bool is_read = true;
    while (is_read && got > 0) {
        got = fread(buffer, 1, sizeof(buffer), file);
        is_read = write_all(feed->fd, buffer, got);
    }
    fclose(file);
    close(feed->fd);
    return NULL;
}

static void begin_pipe(Feed *feed, pthread_t *thread) {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) < 0)
        fail("pipe");
    close(ends[0]);
    feed->fd = ends[1];
    if (pthread_create(thread, NULL, feed_pipe, feed) != 0)
        fail("thread");
}

/* Closes the end that is read first, so that the feeding thread cannot wait for ever. */
static void end_pipe(pthread_t thread) {
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        fail("/dev/null");
    close(nothing);
    pthread_join(thread, NULL);
}

/* ---- Reading ---- */

static void write_interleaved(FILE *out, float *const *planes, int channels, int64_t frames) {
    for (int64_t i = 0; i < frames; i++)
        for (int c = 0; c < channels; c++)
            if (fwrite(&planes[c][i], sizeof(float), 1, out) != 1)
                fail("output");
}

static cleave_status copy_samples(AudioReader *reader, FILE *out, int64_t *total,
                                  cleave_error *error) {
    static float samples[MAX_CHANNELS][STEP];
    float *planes[MAX_CHANNELS];
    int channels = audio_reader_format(reader)->channels;
    for (int c = 0; c < channels; c++)
        planes[c] = samples[c];
    int64_t got = STEP;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && got == STEP) {
        got = 0;
        status = audio_reader_read(reader, planes, STEP, &got, error);
        write_interleaved(out, planes, channels, got);
        *total += got;
    }
    return status;
}

static cleave_status read_all(const char *path, FILE *out, int64_t *total, cleave_error *error) {
    const cleave_logger log = {print_log, NULL, CLEAVE_LOG_WARNING};
    const AudioReaderSettings settings = {.log = &log, .once = true};
    AudioReader *reader = NULL;
    cleave_status status = audio_reader_open_with(&reader, path, &settings, error);
    if (status != CLEAVE_OK)
        return status;
    const AudioFormat *format = audio_reader_format(reader);
    printf("format %d %d %lld\n", format->channels, format->sample_rate, (long long)format->frames);
    if (format->channels > MAX_CHANNELS)
        status = CLEAVE_ERROR_INPUT;
    else
        status = copy_samples(reader, out, total, error);
    audio_reader_close(reader);
    return status;
}

static void decode(const char *way, const char *input, const char *output) {
    printf("read %s\n", input);
    fflush(stdout);
    FILE *out = fopen(output, "wb");
    if (!out)
        fail(output);
    bool piped = strcmp(way, "pipe") == 0;
    Feed feed = {.path = input};
    pthread_t thread;
    if (piped)
        begin_pipe(&feed, &thread);
    int64_t total = 0;
    cleave_error error = {0};
    if (read_all(piped ? "-" : input, out, &total, &error) != CLEAVE_OK)
        printf("error %s\n", error.text);
    if (piped)
        end_pipe(thread);
    if (fclose(out) != 0)
        fail(output);
    printf("end %lld\n", (long long)total);
}

int main(int count, char **arguments) {
    FILE *list = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (!list)
        fail("decode LIST");
    signal(SIGPIPE, SIG_IGN);
    char line[3 * 4096];
    while (fgets(line, sizeof(line), list)) {
        char *rest = NULL;
        const char *way = strtok_r(line, "\t\n", &rest);
        const char *input = strtok_r(NULL, "\t\n", &rest);
        const char *output = strtok_r(NULL, "\t\n", &rest);
        if (output)
            decode(way, input, output);
    }
    fclose(list);
    return 0;
}
