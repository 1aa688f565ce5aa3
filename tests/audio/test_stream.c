/* test_stream.c: audio through pipes: what comes out of a stream is what a file of the same bytes
 * gives, nobody waits for ever, and what is written to a pipe is what a file would hold. */
#include "base/random.h"
#include "tests/support/audio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- A program that writes to a named pipe ---- */

typedef struct Feeder {
    pthread_t thread;
    char path[512];
    unsigned char *bytes;
    size_t size;
    bool stays; /* it goes on holding the pipe until it is stopped */
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopped;
    bool ended;
} Feeder;

/* A reader that goes away early is its own affair. */
static void *feed(void *user) {
    Feeder *feeder = user;
    int fd = open(feeder->path, O_WRONLY);
    size_t done = 0;
    while (fd >= 0 && done < feeder->size) {
        ssize_t put = write(fd, feeder->bytes + done, feeder->size - done);
        if (put < 0)
            break;
        done += (size_t)put;
    }
    pthread_mutex_lock(&feeder->lock);
    while (feeder->stays && !feeder->stopped)
        pthread_cond_wait(&feeder->stop, &feeder->lock);
    feeder->ended = true;
    pthread_mutex_unlock(&feeder->lock);
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* Takes a copy of the bytes; the path of the pipe is feeder->path. */
static void feeder_start(Feeder *feeder, const void *bytes, size_t size, bool stays) {
    memset(feeder, 0, sizeof(*feeder));
    snprintf(feeder->path, sizeof(feeder->path), "%s", in_folder("pipe"));
    unlink(feeder->path);
    assert_int_equal(mkfifo(feeder->path, 0600), 0);
    feeder->bytes = malloc(size + 1);
    assert_non_null(feeder->bytes);
    memcpy(feeder->bytes, bytes, size);
    feeder->size = size;
    feeder->stays = stays;
    pthread_mutex_init(&feeder->lock, NULL);
    pthread_cond_init(&feeder->stop, NULL);
    assert_int_equal(pthread_create(&feeder->thread, NULL, feed, feeder), 0);
}

static void feeder_start_file(Feeder *feeder, const char *path) {
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    feeder_start(feeder, bytes, size, false);
    free(bytes);
}

static bool feeder_stop(Feeder *feeder) {
    pthread_mutex_lock(&feeder->lock);
    feeder->stopped = true;
    pthread_cond_signal(&feeder->stop);
    bool ended = feeder->ended;
    pthread_mutex_unlock(&feeder->lock);
    return ended;
}

/* Takes what a feeder has left that nobody read, or that was not read to the end. */
static void feeder_join(Feeder *feeder) {
    static char rest[65536];
    int fd = open(feeder->path, O_RDONLY | O_NONBLOCK);
    while (!feeder_stop(feeder)) {
        struct pollfd pipe_end = {.fd = fd, .events = POLLIN};
        if (poll(&pipe_end, 1, 10) > 0 && read(fd, rest, sizeof(rest)) < 0)
            assert_int_equal(errno, EAGAIN);
    }
    pthread_join(feeder->thread, NULL);
    close(fd);
    pthread_mutex_destroy(&feeder->lock);
    pthread_cond_destroy(&feeder->stop);
    free(feeder->bytes);
    unlink(feeder->path);
}

/* ---- Reading ---- */

static void append(Audio *audio, float *const *planes, int64_t frames) {
    for (int c = 0; c < audio->channels; c++) {
        audio->planes[c] =
            realloc(audio->planes[c], (size_t)(audio->frames + frames + 1) * sizeof(float));
        assert_non_null(audio->planes[c]);
        memcpy(audio->planes[c] + audio->frames, planes[c], (size_t)frames * sizeof(float));
    }
    audio->frames += frames;
}

static cleave_status read_all(AudioReader *reader, Audio *audio, cleave_error *error) {
    const AudioFormat *format = audio_reader_format(reader);
    *audio = audio_new(format->channels, format->sample_rate, 0);
    Audio block = audio_new(audio->channels, audio->sample_rate, 1000);
    int64_t got = 1000;
    cleave_status status = CLEAVE_OK;
    while (got == 1000 && status == CLEAVE_OK) {
        status = audio_reader_read(reader, block.planes, 1000, &got, error);
        if (status == CLEAVE_OK)
            append(audio, block.planes, got);
    }
    audio_free(&block);
    return status;
}

/* Reads the bytes of a file as they come through a pipe. */
static cleave_status read_piped(const char *path, bool once, const cleave_logger *log, Audio *audio,
                                cleave_error *error) {
    Feeder feeder;
    AudioReader *reader;
    memset(audio, 0, sizeof(*audio));
    feeder_start_file(&feeder, path);
    AudioReaderSettings settings = {.log = log, .once = once};
    cleave_status status = audio_reader_open_with(&reader, feeder.path, &settings, error);
    if (status == CLEAVE_OK)
        status = read_all(reader, audio, error);
    audio_reader_close(reader);
    feeder_join(&feeder);
    return status;
}

static void check_piped(const char *path, bool once, const cleave_logger *log) {
    Audio from_file = read_audio(path, NULL, 0, 0, 777);
    Audio piped;
    cleave_error error;
    if (read_piped(path, once, log, &piped, &error) != CLEAVE_OK)
        fail_msg("%s: %s", path, error.text);
    if (from_file.frames != piped.frames)
        fail_msg("%s: %lld frames, from the file %lld", path, (long long)piped.frames,
                 (long long)from_file.frames);
    for (int c = 0; c < piped.channels; c++)
        if (memcmp(from_file.planes[c], piped.planes[c], (size_t)piped.frames * sizeof(float)) != 0)
            fail_msg("%s: other samples than from the file", path);
    assert_same_audio(&from_file, &piped);
    audio_free(&from_file);
    audio_free(&piped);
}

/* The folder for temporary files while a test runs; NULL: as before. */
static void set_temporary_folder(const char *path) {
    static char *before;
    assert_true(!path || !before);
    if (path) {
        const char *folder = getenv("TMPDIR");
        before = folder ? strdup(folder) : NULL;
        setenv("TMPDIR", path, 1);
    } else if (before) {
        setenv("TMPDIR", before, 1);
        free(before);
        before = NULL;
    } else {
        unsetenv("TMPDIR");
    }
}

typedef struct Kind {
    int format;
    bool flows; /* with FFmpeg no temporary file is needed */
} Kind;

static const Kind kinds[] = {
    {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, true},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_16, true},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_24, true},
    {SF_FORMAT_WAV | SF_FORMAT_PCM_32, true},
    {SF_FORMAT_WAV | SF_FORMAT_FLOAT, true},
    {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, true},
    {SF_FORMAT_WAV | SF_FORMAT_ULAW, true},
    {SF_FORMAT_WAV | SF_FORMAT_ALAW, true},
    {SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, false},
    {SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, false},
    {SF_FORMAT_WAV | SF_ENDIAN_BIG | SF_FORMAT_PCM_16, false},
    {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, true},
    {SF_FORMAT_RF64 | SF_FORMAT_PCM_24, true},
    {SF_FORMAT_W64 | SF_FORMAT_PCM_16, false},
    {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, false},
    {SF_FORMAT_AU | SF_FORMAT_FLOAT, false},
    {SF_FORMAT_CAF | SF_FORMAT_PCM_24, false},
    {SF_FORMAT_CAF | SF_FORMAT_ALAC_16, false},
    {SF_FORMAT_VOC | SF_FORMAT_PCM_16, false},
    {SF_FORMAT_NIST | SF_FORMAT_PCM_16, false},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_S8, true},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, true},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, true},
    {SF_FORMAT_OGG | SF_FORMAT_VORBIS, false},
    {SF_FORMAT_OGG | SF_FORMAT_OPUS, false},
};

static void a_stream_gives_the_samples_of_its_file(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 48000, 30011, 8);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char name[32]; /* failures are told with it */
        snprintf(name, sizeof(name), "format-%08x", (unsigned)kinds[i].format);
        make_file(in_folder(name), kinds[i].format, &made);
        bool flows = kinds[i].flows && built_with_ffmpeg();
        if (flows)
            set_temporary_folder(in_folder("nowhere"));
        check_piped(in_folder(name), true, NULL);
        if (flows)
            set_temporary_folder(NULL);
        check_piped(in_folder(name), false, NULL);
    }
    audio_free(&made);
}

static void encoded_streams_give_the_samples_of_their_files(void **state) {
    (void)state;
    static const char *const flowing[] = {"tone.aac", "tone.webm"};
    static const char *const spooled[] = {"tone.mp3", "tone.m4a", "tone-alac.m4a", "tone.wma"};
    if (!built_with_ffmpeg())
        skip();
    for (size_t i = 0; i < sizeof(flowing) / sizeof(flowing[0]); i++) {
        set_temporary_folder(in_folder("nowhere"));
        check_piped(in_data(flowing[i]), true, NULL);
        set_temporary_folder(NULL);
        check_piped(in_data(flowing[i]), false, NULL);
    }
    for (size_t i = 0; i < sizeof(spooled) / sizeof(spooled[0]); i++)
        check_piped(in_data(spooled[i]), true, NULL);
}

static void a_stream_longer_than_what_is_kept_is_read_whole(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, 400000, 0.9f);
    make_file(in_folder("x"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &made);
    check_piped(in_folder("x"), true, NULL);
    check_piped(in_folder("x"), false, NULL);
    make_file(in_folder("x"), SF_FORMAT_AIFF | SF_FORMAT_FLOAT, &made);
    check_piped(in_folder("x"), true, NULL);
    audio_free(&made);
}

static void spooling_leaves_no_file_behind(void **state) {
    (void)state;
    Audio made = audio_noise(1, 44100, 5000, 0.9f);
    make_file(in_folder("x"), SF_FORMAT_AIFF | SF_FORMAT_PCM_16, &made);
    assert_int_equal(mkdir(in_folder("tmp"), 0700), 0);
    set_temporary_folder(in_folder("tmp"));
    Feeder feeder;
    AudioReader *reader;
    cleave_error error;
    feeder_start_file(&feeder, in_folder("x"));
    assert_int_equal(audio_reader_open(&reader, feeder.path, NULL, &error), CLEAVE_OK);
    assert_int_equal(count_entries(in_folder("tmp")), 0);
    audio_reader_close(reader);
    feeder_join(&feeder);
    set_temporary_folder(NULL);
    assert_int_equal(count_entries(in_folder("tmp")), 0);
    audio_free(&made);
}

static void a_spooled_stream_can_be_rewound(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 9000, 16);
    make_file(in_folder("x"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    Feeder feeder;
    AudioReader *reader;
    cleave_error error;
    Audio first;
    Audio second;
    feeder_start_file(&feeder, in_folder("x"));
    assert_int_equal(audio_reader_open(&reader, feeder.path, NULL, &error), CLEAVE_OK);
    assert_int_equal(read_all(reader, &first, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_rewind(reader, &error), CLEAVE_OK);
    assert_int_equal(read_all(reader, &second, &error), CLEAVE_OK);
    assert_same_audio(&first, &made);
    assert_same_audio(&second, &made);
    audio_reader_close(reader);
    feeder_join(&feeder);
    audio_free(&first);
    audio_free(&second);
    audio_free(&made);
}

/* ---- Lengths in headers ---- */

static void put_le32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* A 16-bit stereo WAV with the lengths that are asked for, and bytes behind its data. */
static void make_lying_wav(const char *path, const Audio *made, uint32_t riff, uint32_t data,
                           const void *behind, size_t behind_size) {
    make_file(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, made);
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    put_le32(bytes + 4, riff);
    put_le32(bytes + 40, data);
    bytes = realloc(bytes, size + behind_size + 1);
    assert_non_null(bytes);
    memcpy(bytes + size, behind, behind_size);
    write_bytes(path, bytes, size + behind_size);
    free(bytes);
}

static void a_wav_of_unknown_length_is_read_to_its_end(void **state) {
    (void)state;
    static const uint32_t lengths[][2] = {
        {0xffffffff, 0xffffffff},
        {0, 0},
        {36, 0},
        {0xffffffff, 0},
        {0x7ffff024, 0x7ffff000},
        {0x7fffffff, 0x7fffffff},
        {0xffffffff, 0xffffffdb},
        {0xffffffff, 0x7ffffffe},
    };
    Audio made = audio_integer_noise(2, 44100, 44100, 16);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        LogKeeper log;
        log_keeper_init(&log);
        Audio piped;
        cleave_error error;
        make_lying_wav(in_folder("x"), &made, lengths[i][0], lengths[i][1], "", 0);
        if (read_piped(in_folder("x"), true, &log.logger, &piped, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        assert_same_audio(&piped, &made);
        if (built_with_ffmpeg())
            assert_int_equal(log.lines, 0);
        audio_free(&piped);
    }
    audio_free(&made);
}

static void what_follows_the_data_of_a_wav_is_no_audio(void **state) {
    (void)state;
    static const unsigned char list[] = "LIST\x08\0\0\0INFOabcd";
    static const uint32_t counts[] = {5000, 0}; /* the RIFF length tells 0 from unknown */
    for (size_t i = 0; i < 2; i++) {
        Audio made = audio_integer_noise(2, 44100, counts[i], 16);
        Audio piped;
        cleave_error error;
        make_lying_wav(in_folder("x"), &made, 36 + 4 * counts[i] + 16, 4 * counts[i], list,
                       sizeof(list) - 1);
        if (read_piped(in_folder("x"), true, NULL, &piped, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        assert_same_audio(&piped, &made);
        audio_free(&piped);
        audio_free(&made);
    }
}

static void a_wav_stream_that_breaks_off_is_read_as_far_as_it_goes(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 30000, 16);
    make_file(in_folder("whole"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    for (size_t extra = 0; extra < 4; extra++) { /* bytes of a frame that is not whole */
        LogKeeper log;
        log_keeper_init(&log);
        cut_file(in_folder("whole"), in_folder("x"), 44 + 4 * 10240 + extra);
        check_piped(in_folder("x"), true, &log.logger);
        assert_int_equal(log.lines, 1);
        assert_text_has(log.last, "promises");
    }
    audio_free(&made);
}

static void make_lying_flac(const char *path, const Audio *made, uint32_t frames) {
    make_file(path, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, made);
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    bytes[21] &= 0xf0;
    for (int i = 0; i < 4; i++)
        bytes[22 + i] = (unsigned char)(frames >> (24 - 8 * i));
    write_bytes(path, bytes, size);
    free(bytes);
}

static void a_flac_stream_is_as_long_as_it_is(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 30000, 16);
    static const uint32_t lies[] = {0, 1, 29999, 30001};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        LogKeeper log;
        log_keeper_init(&log);
        Audio piped;
        cleave_error error;
        make_lying_flac(in_folder("x"), &made, lies[i]);
        if (read_piped(in_folder("x"), true, &log.logger, &piped, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        assert_same_audio(&piped, &made);
        assert_int_equal(log.lines, lies[i] != 0);
        audio_free(&piped);
    }
    audio_free(&made);
}

static void expect_piped_error(const char *path, cleave_error *error) {
    Audio piped;
    assert_int_equal(read_piped(path, true, NULL, &piped, error), CLEAVE_ERROR_INPUT);
    audio_free(&piped);
}

static void a_flac_stream_cut_within_a_frame_is_an_error(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip(); /* libsndfile does not tell a cut frame from the end */
    Audio made = audio_integer_noise(2, 44100, 30000, 16);
    cleave_error error;
    make_file(in_folder("whole"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    size_t size;
    free(read_bytes(in_folder("whole"), &size));
    for (size_t keep = size - 1; keep > 9000; keep -= 9001) {
        cut_file(in_folder("whole"), in_folder("x"), keep);
        expect_piped_error(in_folder("x"), &error);
        assert_text_has(error.text, "pipe", "breaks off at");
    }
    audio_free(&made);
}

static void an_mp3_stream_that_breaks_off_is_an_error(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    free(read_bytes(in_data("tone.mp3"), &size));
    cleave_error error;
    cut_file(in_data("tone.mp3"), in_folder("x"), size / 2);
    expect_piped_error(in_folder("x"), &error);
    assert_text_has(error.text, "pipe", "breaks off at");
}

static void a_tag_behind_an_mp3_stream_is_no_audio(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    unsigned char *bytes = read_bytes(in_data("tone.mp3"), &size);
    static const unsigned char tag[128] = "TAGa song";
    bytes = realloc(bytes, size + sizeof(tag));
    assert_non_null(bytes);
    memcpy(bytes + size, tag, sizeof(tag));
    write_bytes(in_folder("x"), bytes, size + sizeof(tag));
    check_piped(in_folder("x"), true, NULL);
    free(bytes);
}

/* ---- What is no audio ---- */

static void an_empty_stream_is_called_empty(void **state) {
    (void)state;
    cleave_error error;
    write_bytes(in_folder("x"), "", 0);
    expect_piped_error(in_folder("x"), &error);
    assert_text_has(error.text, "pipe", "empty");
    expect_read_error("/dev/null", &error);
    assert_text_has(error.text, "/dev/null", "empty");
}

static void garbage_on_a_stream_is_refused(void **state) {
    (void)state;
    cleave_error error;
    char *noise = malloc(3000000);
    assert_non_null(noise);
    uint64_t seed = 7;
    for (size_t i = 0; i < 3000000; i++)
        noise[i] = (char)(random_next(&seed) & 0x7f);
    noise[0] = 1;
    write_bytes(in_folder("x"), noise, 3000000);
    expect_piped_error(in_folder("x"), &error);
    assert_text_has(error.text, "pipe", "not a known audio format");
    write_bytes(in_folder("x"), "Dear diary,", 11);
    expect_piped_error(in_folder("x"), &error);
    assert_text_has(error.text, "pipe", "this is text");
    write_bytes(in_folder("x"), "fLaC but no more", 16);
    expect_piped_error(in_folder("x"), &error);
    assert_text_has(error.text, "pipe", "begins like a FLAC file");
    free(noise);
}

static void an_endless_device_is_refused(void **state) {
    (void)state;
    cleave_error error;
    expect_read_error("/dev/zero", &error);
    assert_text_has(error.text, "/dev/zero", "nothing but zeros");
}

static void without_a_temporary_folder_the_reason_is_told(void **state) {
    (void)state;
    Audio made = audio_noise(1, 44100, 5000, 0.9f);
    make_file(in_folder("x"), SF_FORMAT_AIFF | SF_FORMAT_PCM_16, &made);
    cleave_error error;
    set_temporary_folder(in_folder("nowhere"));
    expect_piped_error(in_folder("x"), &error);
    set_temporary_folder(NULL);
    assert_text_has(error.text, "pipe", "nowhere", "TMPDIR", "No such file");
    audio_free(&made);
}

/* ---- Waiting ---- */

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct Canceller {
    pthread_t thread;
    atomic_bool cancel;
} Canceller;

/* A moment later, so that the other thread may be waiting already; the result is the same where it
 * is not. */
static void *cancel_soon(void *user) {
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    atomic_store(&((Canceller *)user)->cancel, true);
    return NULL;
}

static void canceller_start(Canceller *canceller) {
    atomic_init(&canceller->cancel, false);
    assert_int_equal(pthread_create(&canceller->thread, NULL, cancel_soon, canceller), 0);
}

/* Reads a pipe on which `size` bytes of a file come and then nothing. */
static void check_stall(const char *path, size_t size, bool once) {
    Feeder feeder;
    Canceller canceller;
    AudioReader *reader;
    cleave_error error;
    Audio audio = {0};
    size_t whole;
    unsigned char *bytes = read_bytes(path, &whole);
    feeder_start(&feeder, bytes, size < whole ? size : whole, true);
    canceller_start(&canceller);
    AudioReaderSettings settings = {.cancel = &canceller.cancel, .once = once};
    cleave_status status = audio_reader_open_with(&reader, feeder.path, &settings, &error);
    if (status == CLEAVE_OK)
        status = read_all(reader, &audio, &error);
    double begin = seconds_now();
    assert_int_equal(status, CLEAVE_ERROR_CANCELLED);
    audio_reader_close(reader);
    pthread_join(canceller.thread, NULL);
    feeder_join(&feeder);
    assert_true(seconds_now() - begin < 1.0);
    audio_free(&audio);
    free(bytes);
}

static void a_stalled_stream_can_be_cancelled(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 30000, 16);
    static const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16,
                                  SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                                  SF_FORMAT_AIFF | SF_FORMAT_PCM_16};
    for (size_t i = 0; i < 3; i++) {
        make_file(in_folder("x"), formats[i], &made);
        check_stall(in_folder("x"), 0, true);
        check_stall(in_folder("x"), 3, true);
        check_stall(in_folder("x"), 70000, true);
        check_stall(in_folder("x"), SIZE_MAX, true);
        check_stall(in_folder("x"), 70000, false);
    }
    audio_free(&made);
}

static void a_pipe_without_a_writer_can_be_cancelled(void **state) {
    (void)state;
    Canceller canceller;
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    canceller_start(&canceller);
    AudioReaderSettings settings = {.cancel = &canceller.cancel, .once = true};
    assert_int_equal(audio_reader_open_with(&reader, in_folder("pipe"), &settings, &error),
                     CLEAVE_ERROR_CANCELLED);
    pthread_join(canceller.thread, NULL);
}

/* ---- Writing ---- */

/* A program that reads a pipe to its end. */
typedef struct Drain {
    pthread_t thread;
    int fd;
    unsigned char *bytes;
    size_t size;
} Drain;

static void *drain(void *user) {
    Drain *drain = user;
    size_t capacity = 1 << 22;
    drain->bytes = malloc(capacity);
    for (ssize_t got = 1; drain->bytes && got > 0; drain->size += got > 0 ? (size_t)got : 0)
        got = read(drain->fd, drain->bytes + drain->size, capacity - drain->size);
    return NULL;
}

/* Writes to a pipe in odd portions and returns what arrives, to be freed. */
static unsigned char *write_piped(cleave_format format, cleave_bits bits, const Audio *audio,
                                  size_t *size) {
    int ends[2];
    Drain reader = {0};
    AudioWriter *writer;
    cleave_error error;
    AudioWriterSettings settings = {audio->channels, audio->sample_rate, format, bits, 0};
    assert_int_equal(pipe(ends), 0);
    reader.fd = ends[0];
    assert_int_equal(pthread_create(&reader.thread, NULL, drain, &reader), 0);
    if (audio_writer_open_stream(&writer, ends[1], NULL, &settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    for (int64_t done = 0; done < audio->frames;) {
        const float *planes[16];
        int64_t step = audio->frames - done < 3333 ? audio->frames - done : 3333;
        for (int c = 0; c < audio->channels; c++)
            planes[c] = audio->planes[c] + done;
        assert_int_equal(audio_writer_write(writer, planes, step, &error), CLEAVE_OK);
        done += step;
    }
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_int_equal(audio_writer_prepare(writer, &error), CLEAVE_OK);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    audio_writer_close(writer);
    assert_int_equal(close(ends[1]), 0); /* it was only borrowed */
    pthread_join(reader.thread, NULL);
    close(ends[0]);
    *size = reader.size;
    return reader.bytes;
}

static void a_wav_stream_holds_the_samples_of_the_file(void **state) {
    (void)state;
    static const cleave_bits depths[] = {CLEAVE_BITS_16, CLEAVE_BITS_24, CLEAVE_BITS_FLOAT};
    for (int channels = 1; channels <= 2; channels++)
        for (size_t i = 0; i < 3; i++) {
            Audio made = audio_noise(channels, 44100, 20001, 1.1f);
            size_t size;
            unsigned char *bytes = write_piped(CLEAVE_FORMAT_WAV, depths[i], &made, &size);
            size_t data = 20001 * (size_t)channels * (size_t)depths[i] / 8;
            assert_memory_equal(bytes, "RIFF\xff\xff\xff\xffWAVE", 12);
            assert_memory_equal(bytes + size - data - 8, "data\xff\xff\xff\xff", 8);
            write_bytes(in_folder("piped.wav"), bytes, size);
            write_audio(in_folder("file.wav"), CLEAVE_FORMAT_WAV, depths[i], &made);
            Audio piped = read_audio(in_folder("piped.wav"), NULL, 0, 0, 1000);
            Audio file = read_audio(in_folder("file.wav"), NULL, 0, 0, 1000);
            assert_same_audio(&piped, &file);
            check_piped(in_folder("piped.wav"), true, NULL);
            audio_free(&piped);
            audio_free(&file);
            audio_free(&made);
            free(bytes);
        }
}

static void raw_samples_are_the_same_in_a_stream_and_a_file(void **state) {
    (void)state;
    static const cleave_bits depths[] = {CLEAVE_BITS_16, CLEAVE_BITS_24, CLEAVE_BITS_FLOAT};
    Audio made = audio_noise(2, 44100, 10001, 0.9f);
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        size_t file_size;
        unsigned char *bytes = write_piped(CLEAVE_FORMAT_RAW, depths[i], &made, &size);
        write_audio(in_folder("x.raw"), CLEAVE_FORMAT_RAW, depths[i], &made);
        unsigned char *file = read_bytes(in_folder("x.raw"), &file_size);
        assert_int_equal(size, 10001 * 2 * (size_t)depths[i] / 8);
        assert_int_equal(file_size, size);
        assert_memory_equal(bytes, file, size);
        free(bytes);
        free(file);
    }
    size_t size;
    unsigned char *bytes = write_piped(CLEAVE_FORMAT_RAW, CLEAVE_BITS_AUTO, &made, &size);
    for (int64_t i = 0; i < made.frames; i++)
        for (int c = 0; c < 2; c++)
            assert_memory_equal(bytes + (i * 2 + c) * 4, &made.planes[c][i], 4);
    free(bytes);
    audio_free(&made);
}

static void a_wav_stream_without_samples_is_a_header(void **state) {
    (void)state;
    Audio made = audio_noise(1, 44100, 0, 0.9f);
    size_t size;
    unsigned char *bytes = write_piped(CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made, &size);
    assert_between(size, 44, 200);
    assert_memory_equal(bytes + size - 8, "data\xff\xff\xff\xff", 8);
    free(bytes);
    audio_free(&made);
}

static void formats_that_need_their_length_are_refused(void **state) {
    (void)state;
    static const cleave_format formats[] = {
        CLEAVE_FORMAT_FLAC, CLEAVE_FORMAT_AIFF, CLEAVE_FORMAT_OGG, CLEAVE_FORMAT_MP3,
        CLEAVE_FORMAT_OPUS, CLEAVE_FORMAT_M4A,  CLEAVE_FORMAT_ALAC};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        AudioWriterSettings settings = {2, 44100, formats[i], CLEAVE_BITS_AUTO, 0};
        AudioWriter *writer;
        cleave_error error;
        assert_int_equal(audio_writer_open_stream(&writer, 1, NULL, &settings, &error),
                         CLEAVE_ERROR_ARGUMENT);
        assert_null(writer);
        assert_text_has(error.text, "standard output", "wav", "raw");
    }
}

/* Writes until it fails. */
static cleave_status write_on(int fd, const atomic_bool *cancel, cleave_error *error) {
    Audio made = audio_noise(2, 44100, 44100, 0.9f);
    AudioWriterSettings settings = {2, 44100, CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, 0};
    AudioWriter *writer;
    cleave_status status = audio_writer_open_stream(&writer, fd, cancel, &settings, error);
    for (int i = 0; i < 100 && status == CLEAVE_OK; i++)
        status = audio_writer_write(writer, (const float *const *)made.planes, 44100, error);
    audio_writer_close(writer);
    audio_free(&made);
    return status;
}

static void a_reader_that_went_away_is_an_error(void **state) {
    (void)state;
    int ends[2];
    cleave_error error;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write_on(ends[1], NULL, &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "reader of standard output went away");
    close(ends[1]);
}

static void a_reader_that_takes_nothing_does_not_hold_a_cancellation_up(void **state) {
    (void)state;
    int ends[2];
    cleave_error error;
    Canceller canceller;
    assert_int_equal(pipe(ends), 0);
    canceller_start(&canceller);
    assert_int_equal(write_on(ends[1], &canceller.cancel, &error), CLEAVE_ERROR_CANCELLED);
    pthread_join(canceller.thread, NULL);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_device_is_an_error(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0)
        skip();
    cleave_error error;
    assert_int_equal(write_on(fd, NULL, &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "standard output", "disk full");
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_stream_gives_the_samples_of_its_file),
        TEST(encoded_streams_give_the_samples_of_their_files),
        TEST(a_stream_longer_than_what_is_kept_is_read_whole),
        TEST(spooling_leaves_no_file_behind),
        TEST(a_spooled_stream_can_be_rewound),
        TEST(a_wav_of_unknown_length_is_read_to_its_end),
        TEST(what_follows_the_data_of_a_wav_is_no_audio),
        TEST(a_wav_stream_that_breaks_off_is_read_as_far_as_it_goes),
        TEST(a_flac_stream_is_as_long_as_it_is),
        TEST(a_flac_stream_cut_within_a_frame_is_an_error),
        TEST(an_mp3_stream_that_breaks_off_is_an_error),
        TEST(a_tag_behind_an_mp3_stream_is_no_audio),
        TEST(an_empty_stream_is_called_empty),
        TEST(garbage_on_a_stream_is_refused),
        TEST(an_endless_device_is_refused),
        TEST(without_a_temporary_folder_the_reason_is_told),
        TEST(a_stalled_stream_can_be_cancelled),
        TEST(a_pipe_without_a_writer_can_be_cancelled),
        TEST(a_wav_stream_holds_the_samples_of_the_file),
        TEST(raw_samples_are_the_same_in_a_stream_and_a_file),
        TEST(a_wav_stream_without_samples_is_a_header),
        TEST(formats_that_need_their_length_are_refused),
        TEST(a_reader_that_went_away_is_an_error),
        TEST(a_reader_that_takes_nothing_does_not_hold_a_cancellation_up),
        TEST(a_full_device_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
