/* test_writer.c: what is written is what comes back; depth, clipping, peak, determinism. */
#include "tests/support/audio.h"

#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audio/write/sndfile_encoder.h"
#include "cleave/extra.h"

typedef struct Case {
    const char *name;
    cleave_format format;
    cleave_bits bits;
} Case;

static const Case exact[] = {
    {"16.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_16},
    {"24.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_24},
    {"16.flac", CLEAVE_FORMAT_FLAC, CLEAVE_BITS_16},
    {"24.flac", CLEAVE_FORMAT_FLAC, CLEAVE_BITS_24},
    {"16.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_16},
    {"24.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_24},
    {"16.m4a", CLEAVE_FORMAT_ALAC, CLEAVE_BITS_16},
    {"24.m4a", CLEAVE_FORMAT_ALAC, CLEAVE_BITS_24},
};

static const Case lossy[] = {
    {"x.ogg", CLEAVE_FORMAT_OGG, CLEAVE_BITS_AUTO},
    {"x.mp3", CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO},
    {"x.opus", CLEAVE_FORMAT_OPUS, CLEAVE_BITS_AUTO},
    {"x.m4a", CLEAVE_FORMAT_M4A, CLEAVE_BITS_AUTO},
};

#define EXACT (sizeof(exact) / sizeof(exact[0]))
#define LOSSY (sizeof(lossy) / sizeof(lossy[0]))

static bool is_possible(const Case *which) {
    return writes_format(which->format);
}

static int rate_of(const Case *which) {
    return audio_format_rate(which->format, 44100);
}

static void integers_come_back_bit_for_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < EXACT; i++)
        for (int channels = 1; channels <= 3 && is_possible(&exact[i]); channels++) {
            if (channels == 3 && exact[i].format == CLEAVE_FORMAT_ALAC)
                continue;
            Audio made = audio_integer_noise(channels, 44100, 10001, (int)exact[i].bits);
            write_audio(in_folder(exact[i].name), exact[i].format, exact[i].bits, &made);
            LogKeeper log;
            log_keeper_init(&log);
            Audio read = read_audio(in_folder(exact[i].name), &log.logger, 0, 0, 4000);
            assert_same_audio(&made, &read);
            assert_int_equal(log.lines, 0);
            audio_free(&made);
            audio_free(&read);
        }
}

static void floats_come_back_bit_for_bit(void **state) {
    (void)state;
    const float odd[] = {0.0f,    -0.0f,    1.0f,         -1.0f,  1.7f, -20.0f,
                         FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, 1e-40f, 0.1f, 1.0f + FLT_EPSILON};
    const Case cases[] = {{"f.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_AUTO},
                          {"f.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_FLOAT}};
    for (int i = 0; i < 4; i++) {
        const Case *which = &cases[i / 2];
        Audio made = audio_noise(2, 48000, 9999, 4.0f);
        memcpy(made.planes[1] + 5000, odd, sizeof(odd));
        write_audio_expecting(in_folder(which->name), which->format, which->bits, &made,
                              i % 2 ? 0 : made.frames);
        Audio read = read_audio(in_folder(which->name), NULL, 0, 0, 4000);
        assert_same_audio(&made, &read);
        audio_free(&made);
        audio_free(&read);
    }
}

static void lossy_formats_come_back_nearly(void **state) {
    (void)state;
    for (size_t i = 0; i < LOSSY; i++) {
        if (!is_possible(&lossy[i]))
            continue;
        Audio made = audio_sines(2, rate_of(&lossy[i]), 50000);
        write_audio(in_folder(lossy[i].name), lossy[i].format, lossy[i].bits, &made);
        Audio read = read_audio(in_folder(lossy[i].name), NULL, 0, 0, 4000);
        assert_int_equal(read.frames, made.frames);
        double snr = snr_db(&made, &read, 2000, 48000);
        if (!(snr > 35))
            fail_msg("%s: %.1f dB", lossy[i].name, snr);
        audio_free(&made);
        audio_free(&read);
    }
}

static void files_of_no_and_of_one_sample_are_written(void **state) {
    (void)state;
    for (int64_t frames = 0; frames <= 1; frames++) {
        Audio made = audio_new(2, 44100, frames);
        for (size_t i = 0; i < EXACT; i++) {
            if (!is_possible(&exact[i]))
                continue;
            write_audio(in_folder(exact[i].name), exact[i].format, exact[i].bits, &made);
            if (frames == 0 && exact[i].format == CLEAVE_FORMAT_ALAC)
                continue; /* without a sample these are no files that anything reads */
            Audio read = read_audio(in_folder(exact[i].name), NULL, 0, 0, 10);
            assert_same_audio(&made, &read);
            audio_free(&read);
        }
        for (size_t i = 0; i < LOSSY; i++) {
            if (!is_possible(&lossy[i]))
                continue;
            made.sample_rate = rate_of(&lossy[i]);
            write_audio(in_folder(lossy[i].name), lossy[i].format, lossy[i].bits, &made);
            bool needs_samples =
                lossy[i].format == CLEAVE_FORMAT_OPUS || lossy[i].format == CLEAVE_FORMAT_M4A;
            if (frames == 0 && needs_samples)
                continue;
            Audio read = read_audio(in_folder(lossy[i].name), NULL, 0, 0, 10);
            assert_between(read.frames, frames, 2304);
            audio_free(&read);
        }
        audio_free(&made);
    }
}

static void writing_in_pieces_gives_the_same_file(void **state) {
    (void)state;
    const Case cases[] = {exact[1], exact[3], exact[7], lossy[0], lossy[1], lossy[2], lossy[3]};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!is_possible(&cases[i]))
            continue;
        Audio made = audio_sines(2, rate_of(&cases[i]), 30000);
        write_audio(in_folder("whole"), cases[i].format, cases[i].bits, &made);
        AudioWriterSettings settings = {2, made.sample_rate, cases[i].format, cases[i].bits,
                                        made.frames};
        AudioWriter *writer;
        cleave_error error;
        assert_int_equal(audio_writer_open(&writer, in_folder("pieces"), &settings, &error), 0);
        for (int64_t at = 0; at < 30000; at += 100) {
            const float *planes[] = {made.planes[0] + at, made.planes[1] + at};
            assert_int_equal(audio_writer_write(writer, planes, 100, &error), 0);
        }
        assert_int_equal(audio_writer_finish(writer, &error), 0);
        assert_int_equal(audio_writer_finish(writer, &error), 0);
        assert_int_equal(audio_writer_commit(writer, &error), 0);
        audio_writer_close(writer);
        Audio a = read_audio(in_folder("whole"), NULL, 0, 0, 4096);
        Audio b = read_audio(in_folder("pieces"), NULL, 0, 0, 4096);
        assert_same_audio(&a, &b);
        audio_free(&a);
        audio_free(&b);
        audio_free(&made);
    }
}

/* A time stamp of whole seconds would show only after one: the bytes are searched for it instead.
 */
static bool holds_time(const unsigned char *bytes, size_t size, uint32_t now) {
    for (size_t i = 0; i + 4 <= size; i++) {
        uint32_t le = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                      (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
        if (le - now + 100 < 200 || __builtin_bswap32(le) - now + 100 < 200)
            return true;
    }
    return false;
}

static void expect_same_bytes_twice(const Case *which, const Audio *made, int64_t expected) {
    size_t sizes[2];
    unsigned char *bytes[2];
    for (int run = 0; run < 2; run++) {
        write_audio_expecting(in_folder("x"), which->format, which->bits, made, expected);
        bytes[run] = read_bytes(in_folder("x"), &sizes[run]);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    assert_false(holds_time(bytes[0], sizes[0] < 200 ? sizes[0] : 200, (uint32_t)time(NULL)));
    free(bytes[0]);
    free(bytes[1]);
}

static void two_runs_give_the_same_bytes(void **state) {
    (void)state;
    const Case more[] = {{"f.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT},
                         {"f.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_FLOAT}};
    Audio made = audio_sines(2, 44100, 20000);
    for (size_t i = 0; i < EXACT + LOSSY + 2; i++) {
        const Case *which = i < EXACT           ? &exact[i]
                            : i < EXACT + LOSSY ? &lossy[i - EXACT]
                                                : &more[i - EXACT - LOSSY];
        if (!is_possible(which))
            continue;
        made.sample_rate = rate_of(which);
        expect_same_bytes_twice(which, &made, made.frames);
        expect_same_bytes_twice(which, &made, 0);
    }
    audio_free(&made);
}

/* ---- Rounding, clipping, counting ---- */

static AudioWriter *open_writer(const char *path, int channels, cleave_format format,
                                cleave_bits bits) {
    AudioWriterSettings settings = {channels, audio_format_rate(format, 44100), format, bits, 100};
    AudioWriter *writer;
    cleave_error error;
    if (audio_writer_open(&writer, path, &settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return writer;
}

static void values_are_rounded_to_the_nearest_and_clipped_not_wrapped(void **state) {
    (void)state;
    const float in[] = {0.0f,         0.49f / 32768, 0.51f / 32768, -0.51f / 32768, 1.5f / 32768,
                        2.5f / 32768, 1.0f,          -1.0f,         1.0001f,        -1.5f,
                        3e38f,        -3e38f,        0.99999f};
    const int want[] = {0, 0, 1, -1, 2, 2, 32767, -32768, 32767, -32768, 32767, -32768, 32767};
    const cleave_format formats[] = {CLEAVE_FORMAT_WAV, CLEAVE_FORMAT_FLAC, CLEAVE_FORMAT_AIFF};
    for (int f = 0; f < 3; f++) {
        AudioWriter *writer = open_writer(in_folder("x"), 1, formats[f], CLEAVE_BITS_16);
        const float *planes[] = {in};
        cleave_error error;
        assert_int_equal(audio_writer_write(writer, planes, 13, &error), CLEAVE_OK);
        assert_int_equal(audio_writer_clipped(writer), 4);
        assert_true(audio_writer_peak(writer) == (double)3e38f);
        assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
        assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
        audio_writer_close(writer);
        Audio read = read_audio(in_folder("x"), NULL, 0, 0, 100);
        assert_int_equal(read.frames, 13);
        for (int i = 0; i < 13; i++)
            assert_int_equal((int)(read.planes[0][i] * 32768.0f), want[i]);
        audio_free(&read);
    }
}

static void twenty_four_bits_clip_at_their_own_ends(void **state) {
    (void)state;
    const float in[] = {2.0f, -2.0f, 1.0f, 0.5f};
    AudioWriter *writer = open_writer(in_folder("x.wav"), 1, CLEAVE_FORMAT_WAV, CLEAVE_BITS_24);
    const float *planes[] = {in};
    cleave_error error;
    assert_int_equal(audio_writer_write(writer, planes, 4, &error), CLEAVE_OK);
    assert_int_equal(audio_writer_clipped(writer), 2);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    audio_writer_close(writer);
    Audio read = read_audio(in_folder("x.wav"), NULL, 0, 0, 100);
    assert_int_equal((int)(read.planes[0][0] * 8388608.0f), 8388607);
    assert_int_equal((int)(read.planes[0][1] * 8388608.0f), -8388608);
    assert_int_equal((int)(read.planes[0][2] * 8388608.0f), 8388607);
    assert_true(read.planes[0][3] == 0.5f);
    audio_free(&read);
}

static void float_formats_count_no_clipping_but_keep_the_peak(void **state) {
    (void)state;
    const float left[] = {0.5f, -7.5f, 0.1f};
    const float right[] = {0.25f, 2.0f, -1.0f};
    const float *planes[] = {left, right};
    AudioWriter *writer = open_writer(in_folder("x.wav"), 2, CLEAVE_FORMAT_WAV, CLEAVE_BITS_AUTO);
    cleave_error error;
    assert_true(audio_writer_peak(writer) == 0);
    assert_int_equal(audio_writer_write(writer, planes, 1, &error), CLEAVE_OK);
    assert_true(audio_writer_peak(writer) == 0.5);
    planes[0]++;
    planes[1]++;
    assert_int_equal(audio_writer_write(writer, planes, 2, &error), CLEAVE_OK);
    assert_true(audio_writer_peak(writer) == 7.5);
    assert_int_equal(audio_writer_clipped(writer), 0);
    audio_writer_close(writer);
}

static void lossy_formats_count_what_players_will_clip(void **state) {
    (void)state;
    const float left[] = {0.5f, -7.5f, 1.0f};
    const float right[] = {0.25f, 2.0f, -1.0f};
    const float *planes[] = {left, right};
    for (size_t i = 0; i < LOSSY; i++) {
        if (!is_possible(&lossy[i]))
            continue;
        AudioWriter *writer = open_writer(in_folder("x"), 2, lossy[i].format, CLEAVE_BITS_AUTO);
        cleave_error error;
        assert_int_equal(audio_writer_write(writer, planes, 3, &error), CLEAVE_OK);
        assert_int_equal(audio_writer_clipped(writer), 2);
        audio_writer_close(writer);
    }
}

static void nan_is_refused_in_every_format(void **state) {
    (void)state;
    float samples[100] = {0};
    samples[99] = NAN;
    const float *planes[] = {samples};
    for (int format = CLEAVE_FORMAT_WAV; format < CLEAVE_FORMATS; format++) {
        if (!writes_format((cleave_format)format))
            continue;
        AudioWriter *writer =
            open_writer(in_folder("x"), 1, (cleave_format)format, CLEAVE_BITS_AUTO);
        cleave_error error;
        assert_int_equal(audio_writer_write(writer, planes, 100, &error), CLEAVE_ERROR_OUTPUT);
        assert_text_has(error.text, "x", "not a number", "0.002 s");
        audio_writer_close(writer);
        assert_int_equal(count_entries(in_folder("")), 0);
    }
}

static void huge_values_do_not_harm_lossy_encoders(void **state) {
    (void)state;
    for (size_t i = 0; i < LOSSY; i++) {
        if (!is_possible(&lossy[i]))
            continue;
        Audio made = audio_noise(2, rate_of(&lossy[i]), 20000, 1e30f);
        write_audio(in_folder(lossy[i].name), lossy[i].format, lossy[i].bits, &made);
        audio_free(&made);
    }
}

/* ---- Formats and depths ---- */

static void depths_that_do_not_fit_a_format_are_refused(void **state) {
    (void)state;
    cleave_bits chosen = CLEAVE_BITS_16;
    cleave_error error;
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_FLAC, CLEAVE_BITS_FLOAT, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_text_has(error.text, "flac", "float", "24");
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_OGG, CLEAVE_BITS_16, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_MP3, CLEAVE_BITS_24, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_M4A, CLEAVE_BITS_16, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_ALAC, CLEAVE_BITS_FLOAT, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_writer_bits(CLEAVE_FORMAT_WAV, (cleave_bits)20, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_writer_bits(CLEAVE_FORMATS, CLEAVE_BITS_AUTO, &chosen, &error),
                     CLEAVE_ERROR_ARGUMENT);
}

static void auto_stands_for_the_best_depth_of_a_format(void **state) {
    (void)state;
    const int want[][2] = {{CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT},
                           {CLEAVE_FORMAT_AIFF, CLEAVE_BITS_FLOAT},
                           {CLEAVE_FORMAT_FLAC, CLEAVE_BITS_24},
                           {CLEAVE_FORMAT_OGG, 0},
                           {CLEAVE_FORMAT_MP3, 0},
                           {CLEAVE_FORMAT_RAW, CLEAVE_BITS_FLOAT},
                           {CLEAVE_FORMAT_OPUS, 0},
                           {CLEAVE_FORMAT_M4A, 0},
                           {CLEAVE_FORMAT_ALAC, CLEAVE_BITS_24}};
    _Static_assert(sizeof(want) / sizeof(want[0]) == CLEAVE_FORMATS, "a format is missing");
    for (int i = 0; i < CLEAVE_FORMATS; i++) {
        cleave_bits chosen = CLEAVE_BITS_16;
        cleave_error error;
        assert_int_equal(
            audio_writer_bits((cleave_format)want[i][0], CLEAVE_BITS_AUTO, &chosen, &error),
            CLEAVE_OK);
        assert_int_equal(chosen, want[i][1]);
        assert_string_equal(error.text, "");
    }
}

static void rates_that_a_format_cannot_hold_are_refused(void **state) {
    (void)state;
    const AudioWriterSettings settings[] = {{2, 96000, CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO, 0},
                                            {2, 44100, CLEAVE_FORMAT_OPUS, CLEAVE_BITS_AUTO, 0},
                                            {2, 44101, CLEAVE_FORMAT_M4A, CLEAVE_BITS_AUTO, 0},
                                            {3, 44100, CLEAVE_FORMAT_ALAC, CLEAVE_BITS_16, 0},
                                            {9, 44100, CLEAVE_FORMAT_FLAC, CLEAVE_BITS_16, 0},
                                            {0, 44100, CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, 0},
                                            {2, 0, CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, 0}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        AudioWriter *writer;
        cleave_error error;
        assert_int_not_equal(audio_writer_open(&writer, in_folder("x"), &settings[i], &error),
                             CLEAVE_OK);
        assert_null(writer);
        assert_text_has(error.text, in_folder("x"), "channels at");
        assert_int_equal(count_entries(in_folder("")), 0);
    }
}

static void mp3_is_written_at_each_of_its_rates(void **state) {
    (void)state;
    if (!built_with_mp3())
        skip();
    const int rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    for (int i = 0; i < 9; i++) {
        Audio made = audio_sines(2, rates[i], rates[i]);
        write_audio(in_folder("x.mp3"), CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO, &made);
        Audio read = read_audio(in_folder("x.mp3"), NULL, 0, 0, 1000);
        assert_int_equal(read.sample_rate, rates[i]);
        assert_between(read.frames, made.frames - 1152, made.frames + 2304);
        audio_free(&read);
        audio_free(&made);
    }
}

static void mp3_says_so_where_libsndfile_lacks_it(void **state) {
    (void)state;
    if (built_with_mp3())
        skip();
    AudioWriterSettings settings = {2, 44100, CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO, 0};
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(audio_writer_open(&writer, in_folder("x.mp3"), &settings, &error),
                     CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "x.mp3", "libsndfile has no encoder");
}

static void extensions_are_those_people_know(void **state) {
    (void)state;
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_WAV), "wav");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_FLAC), "flac");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_AIFF), "aiff");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_OGG), "ogg");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_MP3), "mp3");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_OPUS), "opus");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_M4A), "m4a");
    assert_string_equal(audio_format_extension(CLEAVE_FORMAT_ALAC), "m4a");
}

static void formats_are_told(void **state) {
    (void)state;
    cleave_format_info formats[CLEAVE_FORMATS + 1];
    memset(formats, 0, sizeof(formats));
    assert_int_equal(cleave_format_list(NULL, 0), CLEAVE_FORMATS);
    assert_int_equal(cleave_format_list(formats, CLEAVE_FORMATS + 1), CLEAVE_FORMATS);
    assert_null(formats[CLEAVE_FORMATS].name);
    for (int i = 0; i < CLEAVE_FORMATS; i++) {
        cleave_error error;
        cleave_status status = audio_format_check((cleave_format)i, &error);
        assert_int_equal(formats[i].format, i);
        assert_string_equal(formats[i].name, audio_format_name((cleave_format)i));
        assert_int_equal(formats[i].available, status == CLEAVE_OK);
        assert_int_equal(formats[i].available, formats[i].reason[0] == '\0');
        if (status != CLEAVE_OK)
            assert_text_has(error.text, formats[i].name, formats[i].reason, "choose");
    }
    assert_true(formats[CLEAVE_FORMAT_WAV].available && formats[CLEAVE_FORMAT_WAV].streams);
    if (!built_with_ffmpeg())
        assert_text_has(formats[CLEAVE_FORMAT_M4A].reason, "lacks FFmpeg");
    else
        assert_true(formats[CLEAVE_FORMAT_ALAC].available);
}

/* ---- AAC ---- */

static int64_t big_endian(const unsigned char *bytes, int count) {
    int64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What is silence in front and padding behind stands in the file to the sample. */
static void aac_says_what_belongs_to_the_signal(void **state) {
    (void)state;
    if (!writes_format(CLEAVE_FORMAT_M4A))
        skip();
    static const int64_t lengths[] = {1, 1000, 1023, 1024, 1025, 45423, 88200};
    static const int rates[] = {44100, 48000, 22050};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (size_t r = 0; r < 3; r++) {
            Audio made = audio_sines(2, rates[r], lengths[i]);
            write_audio(in_folder("x.m4a"), CLEAVE_FORMAT_M4A, CLEAVE_BITS_AUTO, &made);
            size_t size;
            unsigned char *bytes = read_bytes(in_folder("x.m4a"), &size);
            const unsigned char *list = memmem(bytes, size, "elst", 4);
            const unsigned char *movie = memmem(bytes, size, "mvhd", 4);
            assert_non_null(list);
            assert_non_null(movie);
            assert_int_equal(big_endian(movie + 16, 4), rates[r]); /* the list counts in samples */
            assert_int_equal(big_endian(list + 8, 4), 1);          /* entry */
            assert_int_equal(big_endian(list + 12, 4), lengths[i]);
            assert_int_equal(big_endian(list + 16, 4), 1024); /* left out in front */
            free(bytes);
            audio_free(&made);
        }
}

/* ---- WAV's containers ---- */

static void a_wav_of_known_length_is_plain_and_not_extensible(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 10, 24);
    const cleave_bits bits[] = {CLEAVE_BITS_16, CLEAVE_BITS_24, CLEAVE_BITS_FLOAT};
    for (int i = 0; i < 3; i++) {
        write_audio(in_folder("x.wav"), CLEAVE_FORMAT_WAV, bits[i], &made);
        SF_INFO info = {0};
        SNDFILE *file = sf_open(in_folder("x.wav"), SFM_READ, &info);
        assert_non_null(file);
        assert_int_equal(info.format & SF_FORMAT_TYPEMASK, SF_FORMAT_WAV);
        assert_int_equal(info.frames, 10);
        sf_close(file);
        size_t size;
        unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
        assert_memory_equal(bytes + 12, "fmt \x10\0\0\0", 8);
        assert_int_equal(bytes[20] | bytes[21] << 8, bits[i] == CLEAVE_BITS_FLOAT ? 3 : 1);
        free(bytes);
    }
    audio_free(&made);
}

static void a_short_wav_of_unknown_length_is_a_wav_still(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 10, 16);
    const cleave_bits bits[] = {CLEAVE_BITS_16, CLEAVE_BITS_24, CLEAVE_BITS_FLOAT};
    for (int i = 0; i < 3; i++) {
        LogKeeper log;
        log_keeper_init(&log);
        write_audio_expecting(in_folder("x.wav"), CLEAVE_FORMAT_WAV, bits[i], &made, 0);
        size_t size;
        unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
        assert_memory_equal(bytes, "RIFF", 4);
        assert_int_equal(bytes[4] | bytes[5] << 8, size - 8);
        free(bytes);
        Audio read = read_audio(in_folder("x.wav"), &log.logger, 0, 0, 4000);
        assert_same_audio(&made, &read);
        assert_int_equal(log.lines, 0);
        audio_free(&read);
    }
    audio_free(&made);
}

static void an_odd_number_of_data_bytes_is_padded(void **state) {
    (void)state;
    Audio made = audio_integer_noise(1, 44100, 3, 24);
    for (int64_t expected = 0; expected <= 3; expected += 3) {
        write_audio_expecting(in_folder("x.wav"), CLEAVE_FORMAT_WAV, CLEAVE_BITS_24, &made,
                              expected);
        size_t size;
        unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
        assert_int_equal(size % 2, 0);
        assert_int_equal(bytes[4] | bytes[5] << 8, size - 8);
        free(bytes);
    }
    audio_free(&made);
}

/* ---- Beyond 4 GB ---- */

#define BIG_CHANNELS 64
#define BIG_BLOCK    4096
#define BIG_BYTES    (INT64_C(1) << 32)

static void skip_without_large_files(void) {
    write_bytes(in_folder("large"), "x", 1);
    if (truncate(in_folder("large"), (off_t)(BIG_BYTES * 2)) != 0)
        skip();
    assert_int_equal(remove(in_folder("large")), 0);
}

typedef struct BigFile {
    OutputFile file;
    Encoder *encoder;
    int32_t *silence; /* as floats, too */
    int32_t *marks;   /* one block with samples that are all 0.5 */
    int64_t frames;
} BigFile;

static void big_open(BigFile *big, cleave_format format, cleave_bits bits, int64_t expected) {
    AudioWriterSettings settings = {BIG_CHANNELS, 44100, format, bits, expected};
    cleave_error error;
    memset(big, 0, sizeof(*big));
    big->silence = calloc(BIG_CHANNELS * BIG_BLOCK, sizeof(*big->silence));
    big->marks = calloc(BIG_CHANNELS * BIG_BLOCK, sizeof(*big->marks));
    assert_non_null(big->silence);
    assert_non_null(big->marks);
    const float half = 0.5f;
    for (int i = 0; i < BIG_CHANNELS * BIG_BLOCK; i++)
        if (bits == CLEAVE_BITS_FLOAT)
            memcpy(&big->marks[i], &half, sizeof(half));
        else
            big->marks[i] = INT32_C(1) << 30;
    assert_int_equal(output_file_open(&big->file, in_folder("big"), &error), CLEAVE_OK);
    assert_int_equal(sndfile_encoder_open(&big->encoder, &big->file, &settings, &error), CLEAVE_OK);
}

/* Writes until there are `frames` of them, the last block with marks. What comes before goes to
 * /dev/null, so that it takes neither time nor room: in the file it is a hole. */
static cleave_status big_write(BigFile *big, int64_t frames, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    int file = dup(big->file.fd);
    int null = open("/dev/null", O_WRONLY);
    assert_true(file >= 0 && null >= 0);
    assert_true(dup2(null, big->file.fd) >= 0);
    close(null);
    while (status == CLEAVE_OK && big->frames < frames) {
        int64_t left = frames - big->frames;
        bool is_last = left <= BIG_BLOCK;
        if (is_last)
            assert_true(dup2(file, big->file.fd) >= 0);
        int64_t step = is_last ? left : BIG_BLOCK;
        status =
            big->encoder->write(big->encoder, is_last ? big->marks : big->silence, step, error);
        big->frames += step;
    }
    assert_true(dup2(file, big->file.fd) >= 0);
    close(file);
    return status;
}

static void big_close(BigFile *big) {
    big->encoder->close(big->encoder);
    output_file_close(&big->file);
    free(big->silence);
    free(big->marks);
}

/* Completes the file and looks at its header, its length and its end. */
static void big_check(BigFile *big, const char *header) {
    cleave_error error;
    assert_int_equal(big->encoder->finish(big->encoder, &error), CLEAVE_OK);
    assert_int_equal(output_file_finish(&big->file, &error), CLEAVE_OK);
    assert_int_equal(output_file_commit(&big->file, &error), CLEAVE_OK);
    char head[4];
    int file = open(in_folder("big"), O_RDONLY);
    assert_int_equal(read(file, head, 4), 4);
    close(file);
    assert_memory_equal(head, header, 4);
    AudioReader *reader;
    LogKeeper log;
    log_keeper_init(&log);
    assert_int_equal(audio_reader_open(&reader, in_folder("big"), &log.logger, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_format(reader)->frames, big->frames);
    assert_int_equal(audio_reader_format(reader)->channels, BIG_CHANNELS);
    assert_int_equal(log.lines, 0);
    audio_reader_close(reader);
    SF_INFO info = {0};
    SNDFILE *sndfile = sf_open(in_folder("big"), SFM_READ, &info);
    float last[BIG_CHANNELS] = {0};
    assert_int_equal(sf_seek(sndfile, -1, SEEK_END), big->frames - 1);
    assert_int_equal(sf_readf_float(sndfile, last, 1), 1);
    sf_close(sndfile);
    assert_true(last[0] == 0.5f && last[BIG_CHANNELS - 1] == 0.5f);
}

static void a_wav_beyond_4_gb_becomes_rf64(void **state) {
    (void)state;
    skip_without_large_files();
    const cleave_bits bits[] = {CLEAVE_BITS_16, CLEAVE_BITS_24, CLEAVE_BITS_FLOAT};
    for (int i = 0; i < 3; i++) {
        int64_t frames = BIG_BYTES / (BIG_CHANNELS * (int)bits[i] / 8) + 5000;
        BigFile big;
        cleave_error error;
        big_open(&big, CLEAVE_FORMAT_WAV, bits[i], i == 0 ? 0 : frames);
        assert_int_equal(big_write(&big, frames, &error), CLEAVE_OK);
        big_check(&big, "RF64");
        big_close(&big);
    }
}

static void a_wav_of_unknown_length_is_rf64_only_beyond_4_gb(void **state) {
    (void)state;
    skip_without_large_files();
    int64_t whole = BIG_BYTES / (BIG_CHANNELS * (int)sizeof(float));
    for (int64_t less = 0; less <= 1; less++) {
        BigFile big;
        cleave_error error;
        big_open(&big, CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, 0);
        assert_int_equal(big_write(&big, whole - less, &error), CLEAVE_OK);
        big_check(&big, less ? "RIFF" : "RF64");
        big_close(&big);
    }
}

static void a_wav_expected_just_below_2_gb_may_double(void **state) {
    (void)state;
    skip_without_large_files();
    int64_t half = BIG_BYTES / 2 / (BIG_CHANNELS * (int)sizeof(float));
    BigFile big;
    cleave_error error;
    big_open(&big, CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, half - 1);
    assert_int_equal(big_write(&big, 2 * (half - 100), &error), CLEAVE_OK);
    big_check(&big, "RIFF");
    big_close(&big);
}

static void a_file_that_cannot_grow_beyond_4_gb_is_refused(void **state) {
    (void)state;
    const cleave_format formats[] = {CLEAVE_FORMAT_WAV, CLEAVE_FORMAT_AIFF};
    const char *advice[] = {"choose FLAC", "choose WAV"};
    for (int i = 0; i < 2; i++) {
        BigFile big;
        cleave_error error;
        big_open(&big, formats[i], CLEAVE_BITS_FLOAT, 1000);
        assert_int_equal(big_write(&big, BIG_BYTES / (BIG_CHANNELS * (int)sizeof(float)), &error),
                         CLEAVE_ERROR_OUTPUT);
        assert_text_has(error.text, in_folder("big"), "beyond 4 GB", advice[i]);
        big_close(&big);
        assert_int_equal(count_entries(in_folder("")), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(integers_come_back_bit_for_bit),
        TEST(floats_come_back_bit_for_bit),
        TEST(lossy_formats_come_back_nearly),
        TEST(files_of_no_and_of_one_sample_are_written),
        TEST(writing_in_pieces_gives_the_same_file),
        TEST(two_runs_give_the_same_bytes),
        TEST(values_are_rounded_to_the_nearest_and_clipped_not_wrapped),
        TEST(twenty_four_bits_clip_at_their_own_ends),
        TEST(float_formats_count_no_clipping_but_keep_the_peak),
        TEST(lossy_formats_count_what_players_will_clip),
        TEST(nan_is_refused_in_every_format),
        TEST(huge_values_do_not_harm_lossy_encoders),
        TEST(depths_that_do_not_fit_a_format_are_refused),
        TEST(auto_stands_for_the_best_depth_of_a_format),
        TEST(rates_that_a_format_cannot_hold_are_refused),
        TEST(mp3_is_written_at_each_of_its_rates),
        TEST(mp3_says_so_where_libsndfile_lacks_it),
        TEST(extensions_are_those_people_know),
        TEST(formats_are_told),
        TEST(aac_says_what_belongs_to_the_signal),
        TEST(a_wav_of_known_length_is_plain_and_not_extensible),
        TEST(a_short_wav_of_unknown_length_is_a_wav_still),
        TEST(an_odd_number_of_data_bytes_is_padded),
        TEST(a_wav_beyond_4_gb_becomes_rf64),
        TEST(a_wav_of_unknown_length_is_rf64_only_beyond_4_gb),
        TEST(a_wav_expected_just_below_2_gb_may_double),
        TEST(a_file_that_cannot_grow_beyond_4_gb_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
