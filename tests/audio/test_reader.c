/* test_reader.c: whole, healthy files of every format, memory, channels and rewinding. */
#include "tests/support/audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/decode/channel_layout.h"
#include "cleave/extra.h"

typedef struct Case {
    const char *name;
    int format;
    int bits; /* of exact integers; 0: float; -1: lossy */
} Case;

static const Case cases[] = {
    {"wav16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16},
    {"wav24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 24},
    {"wavex24.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 24},
    {"wavfloat.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},
    {"big-endian.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 16},
    {"rf64.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_24, 24},
    {"w64.w64", SF_FORMAT_W64 | SF_FORMAT_FLOAT, 0},
    {"caf.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_24, 24},
    {"alac.caf", SF_FORMAT_CAF | SF_FORMAT_ALAC_16, 16},
    {"aiff16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16},
    {"aiff24.aif", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 24},
    {"aifffloat.aifc", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 0},
    {"au.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 16},
    {"flac16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16},
    {"flac24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 24},
    {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, -1},
    {"opus.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, -1},
    {"mp3.mp3", 0x230000 | 0x0082, -1},
};

static Audio case_audio(const Case *which, int64_t frames) {
    int rate = strcmp(which->name, "opus.opus") == 0 ? 48000 : 44100;
    if (which->bits > 0)
        return audio_integer_noise(2, rate, frames, which->bits);
    return which->bits == 0 ? audio_noise(2, rate, frames, 3.0f) : audio_sines(2, rate, frames);
}

/* Lossy files may be longer by the coder's last frame. */
static void check_case(const Case *which) {
    Audio made = case_audio(which, 30011);
    const char *path = in_folder(which->name);
    make_file(path, which->format, &made);
    LogKeeper log;
    log_keeper_init(&log);
    Audio read = read_audio(path, &log.logger, 0, 0, 1234);
    if (log.lines != 0)
        fail_msg("%s: %s", which->name, log.last);
    if (which->bits >= 0) {
        assert_same_audio(&made, &read);
    } else {
        assert_int_equal(read.channels, 2);
        assert_int_equal(read.sample_rate, made.sample_rate);
        assert_between(read.frames, made.frames, made.frames + 1152);
        assert_true(snr_db(&made, &read, 2000, 28000) > 20);
    }
    audio_free(&made);
    audio_free(&read);
}

static void every_format_is_read_exactly_or_nearly(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (built_with_mp3() || strcmp(cases[i].name, "mp3.mp3") != 0)
            check_case(&cases[i]);
}

static void float_wav_is_neither_scaled_nor_clipped(void **state) {
    (void)state;
    Audio made = audio_new(1, 44100, 6);
    const float values[] = {1.5f, -3.25f, 1e-42f, -0.0f, 1e30f, 0.1f};
    memcpy(made.planes[0], values, sizeof(values));
    make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &made);
    Audio read = read_audio(in_folder("x.wav"), NULL, 0, 0, 100);
    assert_same_audio(&made, &read);
    audio_free(&made);
    audio_free(&read);
}

static void the_name_does_not_matter_but_the_content(void **state) {
    (void)state;
    Audio made = audio_integer_noise(1, 44100, 500, 16);
    make_file(in_folder("flac-inside.wav"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    Audio read = read_audio(in_folder("flac-inside.wav"), NULL, 0, 0, 100);
    assert_same_audio(&made, &read);
    audio_free(&made);
    audio_free(&read);
}

static void the_format_is_what_the_header_says(void **state) {
    (void)state;
    Audio made = audio_sines(3, 22050, 1000);
    make_file(in_folder("x.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open(&reader, in_folder("x.flac"), NULL, &error), CLEAVE_OK);
    assert_int_equal(error.status, CLEAVE_OK);
    assert_string_equal(error.text, "");
    assert_int_equal(audio_reader_format(reader)->channels, 3);
    assert_int_equal(audio_reader_format(reader)->sample_rate, 22050);
    assert_int_equal(audio_reader_format(reader)->frames, 1000);
    assert_int_equal(audio_reader_expected_frames(reader), 1000);
    assert_int_equal(audio_reader_convert(reader, 2, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_expected_frames(reader), 2000);
    audio_reader_close(reader);
    audio_free(&made);
}

/* ---- Channels ---- */

static void mono_is_copied_to_every_channel(void **state) {
    (void)state;
    Audio made = audio_integer_noise(1, 44100, 9000, 16);
    make_file(in_folder("mono.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    Audio read = read_audio(in_folder("mono.wav"), NULL, 2, 0, 777);
    assert_int_equal(read.frames, 9000);
    for (int c = 0; c < 2; c++)
        assert_memory_equal(read.planes[c], made.planes[0], 9000 * sizeof(float));
    audio_free(&read);
    read = read_audio(in_folder("mono.wav"), NULL, 2, 48000, 777);
    assert_memory_equal(read.planes[0], read.planes[1], (size_t)read.frames * sizeof(float));
    audio_free(&read);
    audio_free(&made);
}

/* A plain WAV header does not say which loudspeaker a channel is for. */
static void of_channels_of_no_known_place_the_first_two_are_taken(void **state) {
    (void)state;
    for (int channels = 3; channels <= 8; channels++) {
        Audio made = audio_integer_noise(channels, 44100, 5000, 16);
        make_file(in_folder("many.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
        Audio read = read_audio(in_folder("many.wav"), NULL, 2, 0, 4096);
        assert_int_equal(read.frames, 5000);
        for (int c = 0; c < 2; c++)
            assert_memory_equal(read.planes[c], made.planes[c], 5000 * sizeof(float));
        audio_free(&read);
        audio_free(&made);
    }
}

static void one_channel_of_several_is_the_mean_of_the_first_two(void **state) {
    (void)state;
    for (int channels = 2; channels <= 6; channels += 4) {
        Audio made = audio_integer_noise(channels, 44100, 5000, 16);
        make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
        Audio read = read_audio(in_folder("x.wav"), NULL, 1, 0, 777);
        assert_int_equal(read.channels, 1);
        assert_int_equal(read.frames, 5000);
        for (int i = 0; i < 5000; i++)
            assert_true(read.planes[0][i] == (made.planes[0][i] + made.planes[1][i]) / 2);
        audio_free(&read);
        read = read_audio(in_folder("x.wav"), NULL, 1, 48000, 777);
        Audio mono = audio_new(1, 44100, 5000);
        for (int i = 0; i < 5000; i++)
            mono.planes[0][i] = (made.planes[0][i] + made.planes[1][i]) / 2;
        make_file(in_folder("mono.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &mono);
        Audio expected = read_audio(in_folder("mono.wav"), NULL, 1, 48000, 777);
        assert_same_audio(&expected, &read);
        audio_free(&expected);
        audio_free(&mono);
        audio_free(&read);
        audio_free(&made);
    }
}

/* What each channel gives to left and right, in hundredths, by ITU-R BS.775. */
typedef struct MixCase {
    int format;
    int channels;
    int left[8];
    int right[8];
} MixCase;

static const MixCase mixes[] = {
    /* L R C LFE BL BR, libsndfile's mask for six channels, and FLAC's order. */
    {SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 6, {100, 0, 71, 0, 71, 0}, {0, 100, 71, 0, 0, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 6, {100, 0, 71, 0, 71, 0}, {0, 100, 71, 0, 0, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 3, {100, 0, 71}, {0, 100, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 4, {100, 0, 71, 0}, {0, 100, 0, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 5, {100, 0, 71, 71, 0}, {0, 100, 71, 0, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 7, {100, 0, 71, 0, 50, 71, 0}, {0, 100, 71, 0, 50, 0, 71}},
    {SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
     8,
     {100, 0, 71, 0, 71, 0, 71, 0},
     {0, 100, 71, 0, 0, 71, 0, 71}},
};

static double gain_of(int hundredths) {
    return hundredths == 71 ? sqrt(0.5) : hundredths / 100.0;
}

static void check_mix(const MixCase *which, const Audio *made, const Audio *stereo,
                      const Audio *mono) {
    for (int64_t i = 0; i < made->frames; i++) {
        double left = 0.0;
        double right = 0.0;
        for (int c = 0; c < which->channels; c++) {
            left += gain_of(which->left[c]) * (double)made->planes[c][i];
            right += gain_of(which->right[c]) * (double)made->planes[c][i];
        }
        assert_true(fabs((double)stereo->planes[0][i] - left) < 1e-6);
        assert_true(fabs((double)stereo->planes[1][i] - right) < 1e-6);
        assert_true(fabs((double)mono->planes[0][i] - (left + right) / 2) < 1e-6);
    }
}

static void channels_of_known_place_are_mixed_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++) {
        Audio made = audio_integer_noise(mixes[i].channels, 44100, 3000, 16);
        for (int c = 0; c < made.channels; c++)
            for (int f = 0; f < 3000; f++)
                made.planes[c][f] = rintf(made.planes[c][f] * 4096) / 32768; /* no clipping */
        make_file(in_folder("x"), mixes[i].format, &made);
        Audio stereo = read_audio(in_folder("x"), NULL, 2, 0, 777);
        Audio mono = read_audio(in_folder("x"), NULL, 1, 0, 777);
        check_mix(&mixes[i], &made, &stereo, &mono);
        audio_free(&mono);
        audio_free(&stereo);
        audio_free(&made);
    }
}

static void left_and_right_alone_can_be_had(void **state) {
    (void)state;
    Audio made = audio_integer_noise(6, 44100, 3000, 16);
    make_file(in_folder("x.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    AudioReader *reader;
    cleave_error error;
    Audio read = audio_new(2, 44100, 3000);
    int64_t got;
    const AudioReaderSettings settings = {.front = true};
    assert_int_equal(audio_reader_open_with(&reader, in_folder("x.flac"), &settings, &error),
                     CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 2, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_downmix(reader), AUDIO_FRONT);
    assert_int_equal(audio_reader_read(reader, read.planes, 3000, &got, &error), CLEAVE_OK);
    assert_int_equal(got, 3000);
    for (int c = 0; c < 2; c++)
        assert_memory_equal(read.planes[c], made.planes[c], 3000 * sizeof(float));
    audio_reader_close(reader);
    audio_free(&read);
    audio_free(&made);
}

/* dwChannelMask's bits in any combination; a mask that lacks a side says nothing of use. */
static void masks_of_loudspeakers_are_understood(void **state) {
    (void)state;
    ChannelLayout layout = channel_layout_of_mask(0x60f, 6); /* L R C LFE SL SR */
    const ChannelRole roles[] = {CHANNEL_LEFT,          CHANNEL_RIGHT,
                                 CHANNEL_CENTRE,        CHANNEL_LOW_FREQUENCY,
                                 CHANNEL_LEFT_SURROUND, CHANNEL_RIGHT_SURROUND};
    assert_true(layout.known);
    assert_memory_equal(layout.roles, roles, sizeof(roles));
    assert_false(channel_layout_of_mask(0x60f, 7).known);
    assert_false(channel_layout_of_mask(0x5, 3).known);
    assert_false(channel_layout_of_mask(0, 2).known);
    assert_false(channel_layout_of_mask(0xffffffff, 40).known);
    assert_true(channel_layout_of_vorbis(6).known);
    assert_int_equal(channel_layout_of_vorbis(6).roles[1], CHANNEL_CENTRE);
    assert_false(channel_layout_of_vorbis(9).known);
    assert_false(channel_layout_of_flac(0).known);
}

static void the_mean_of_huge_samples_is_finite_and_a_bad_one_is_named(void **state) {
    (void)state;
    Audio made = audio_new(2, 44100, 3);
    for (int i = 0; i < 3; i++)
        made.planes[0][i] = made.planes[1][i] = 3e38f;
    make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &made);
    Audio read = read_audio(in_folder("x.wav"), NULL, 1, 0, 10);
    assert_true(read.planes[0][2] == 3e38f);
    audio_free(&read);
    made.planes[1][1] = NAN;
    AudioReader *reader;
    cleave_error error;
    const float *const planes[] = {made.planes[0], made.planes[1]};
    float out[3];
    float *to[] = {out};
    int64_t got;
    assert_int_equal(audio_reader_open_memory(&reader, planes, 2, 3, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 1, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_read(reader, to, 3, &got, &error), CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "channel 2");
    audio_reader_close(reader);
    audio_free(&made);
}

static void two_channels_do_not_become_three(void **state) {
    (void)state;
    Audio made = audio_sines(2, 44100, 10);
    make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open(&reader, in_folder("x.wav"), NULL, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 3, 44100, &error), CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "x.wav", "2 channels", "3");
    audio_reader_close(reader);
    audio_free(&made);
}

static void a_conversion_after_the_first_read_is_refused(void **state) {
    (void)state;
    float samples[4] = {0};
    const float *planes[] = {samples};
    float *out[] = {samples};
    AudioReader *reader;
    cleave_error error;
    int64_t got;
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, 4, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_read(reader, out, 1, &got, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 1, 48000, &error), CLEAVE_ERROR_ARGUMENT);
    audio_reader_close(reader);
}

/* ---- Lengths ---- */

static void files_of_no_and_of_one_sample_are_read(void **state) {
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_FLOAT,
                           SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_W64 | SF_FORMAT_PCM_24};
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++)
        for (int64_t frames = 0; frames <= 1; frames++) {
            if ((formats[f] & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC && frames == 0)
                continue; /* libsndfile writes an empty file */
            Audio made = audio_new(2, 44100, frames);
            make_file(in_folder("tiny"), formats[f], &made);
            LogKeeper log;
            log_keeper_init(&log);
            Audio read = read_audio(in_folder("tiny"), &log.logger, 0, 0, 100);
            assert_same_audio(&made, &read);
            assert_int_equal(log.lines, 0);
            audio_free(&read);
            read = read_audio(in_folder("tiny"), NULL, 2, 22050, 100);
            assert_int_equal(read.frames, frames);
            audio_free(&read);
            audio_free(&made);
        }
}

static void reading_nothing_is_allowed(void **state) {
    (void)state;
    float sample = 0.5f;
    const float *planes[] = {&sample};
    float *out[] = {NULL};
    AudioReader *reader;
    cleave_error error;
    int64_t got = 7;
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, 1, 44100, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_read(reader, out, 0, &got, &error), CLEAVE_OK);
    assert_int_equal(got, 0);
    float read = 0;
    out[0] = &read;
    assert_int_equal(audio_reader_read(reader, out, 1, &got, &error), CLEAVE_OK);
    assert_int_equal(got, 1);
    assert_true(read == 0.5f);
    audio_reader_close(reader);
}

/* ---- Memory and rewinding ---- */

static void memory_is_read_like_a_file(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, 10000, 1.0f);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open_memory(&reader, (const float *const *)made.planes, 2, 10000,
                                              44100, &error),
                     CLEAVE_OK);
    Audio read = audio_new(2, 44100, 10001);
    int64_t got;
    assert_int_equal(audio_reader_read(reader, read.planes, 10001, &got, &error), CLEAVE_OK);
    assert_int_equal(got, 10000);
    read.frames = got;
    assert_same_audio(&made, &read);
    audio_reader_close(reader);
    audio_free(&made);
    audio_free(&read);
}

static void memory_with_senseless_dimensions_is_refused(void **state) {
    (void)state;
    float sample = 0;
    const float *planes[] = {&sample};
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open_memory(&reader, planes, 0, 1, 44100, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, -1, 44100, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, 1, 0, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_null(reader);
    audio_reader_close(NULL);
}

/* The second pass starts after a part and after the whole of the first. */
static void check_rewind(const char *path) {
    AudioReader *reader;
    cleave_error error;
    if (audio_reader_open(&reader, path, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    assert_int_equal(audio_reader_convert(reader, 2, 32000, &error), CLEAVE_OK);
    const int64_t room = 60000;
    Audio whole = audio_new(2, 32000, room);
    Audio again = audio_new(2, 32000, room);
    int64_t got;
    int64_t total;
    assert_int_equal(audio_reader_read(reader, whole.planes, 999, &got, &error), CLEAVE_OK);
    for (int pass = 0; pass < 2; pass++) {
        Audio *into = pass == 0 ? &whole : &again;
        assert_int_equal(audio_reader_rewind(reader, &error), CLEAVE_OK);
        assert_int_equal(audio_reader_read(reader, into->planes, room, &total, &error), CLEAVE_OK);
        assert_between(total, 1, room - 1);
        into->frames = total;
    }
    assert_same_audio(&whole, &again);
    audio_reader_close(reader);
    audio_free(&whole);
    audio_free(&again);
}

static void rewinding_gives_the_same_samples_again(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!built_with_mp3() && strcmp(cases[i].name, "mp3.mp3") == 0)
            continue;
        Audio made = case_audio(&cases[i], 20000);
        make_file(in_folder(cases[i].name), cases[i].format, &made);
        check_rewind(in_folder(cases[i].name));
        audio_free(&made);
    }
}

/* ---- FFmpeg ---- */

typedef struct ForeignCase {
    const char *name;
    int sample_rate;
    int delay; /* samples of encoder delay that the format does not tell */
    double snr;
} ForeignCase;

static const ForeignCase foreign[] = {
    {"tone.m4a", 44100, 0, 40},    {"tone-alac.m4a", 44100, 0, 80}, {"tone.webm", 48000, 0, 20},
    {"tone.aac", 44100, 1024, 40}, {"tone.mp3", 44100, 0, 20},
};

static void ffmpeg_reads_what_libsndfile_does_not(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        LogKeeper log;
        log_keeper_init(&log);
        Audio read = read_audio(in_data(foreign[i].name), &log.logger, 0, 0, 500);
        assert_int_equal(log.lines, 0);
        assert_int_equal(read.channels, 2);
        assert_int_equal(read.sample_rate, foreign[i].sample_rate);
        Audio ideal = audio_sines(2, read.sample_rate, read.frames);
        int64_t end = read.frames - foreign[i].delay - 2000;
        assert_true(end > 2000);
        for (int c = 0; c < 2; c++)
            memmove(read.planes[c], read.planes[c] + foreign[i].delay,
                    (size_t)(read.frames - foreign[i].delay) * sizeof(float));
        double snr = snr_db(&ideal, &read, 1500, end);
        if (!(snr > foreign[i].snr))
            fail_msg("%s: %.1f dB", foreign[i].name, snr);
        audio_free(&ideal);
        audio_free(&read);
        check_rewind(in_data(foreign[i].name));
    }
}

static void wma_is_read_to_its_end(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    Audio read = read_audio(in_data("tone.wma"), NULL, 0, 0, 500);
    assert_between(read.frames, 20000, 23000);
    check_rewind(in_data("tone.wma"));
    audio_free(&read);
}

static void without_ffmpeg_an_m4a_says_what_is_missing(void **state) {
    (void)state;
    if (built_with_ffmpeg())
        skip();
    cleave_error error;
    expect_read_error(in_data("tone.m4a"), &error);
    assert_text_has(error.text, "tone.m4a", "M4A", "lacks FFmpeg", "install");
}

static void the_list_of_extensions_is_lower_case_and_ends(void **state) {
    (void)state;
    int count = 0;
    bool wav = false;
    for (const char *const *e = cleave_input_extensions(); *e; e++, count++) {
        wav |= strcmp(*e, "wav") == 0;
        for (const char *c = *e; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'));
    }
    assert_true(wav);
    assert_true(count > 10);
    static const char *const films[] = {"wmv", "m4v", "ts",  "m2ts", "mts", "vob",
                                        "ogv", "m4r", "m4p", "mpg",  "spx"};
    for (size_t i = 0; i < sizeof(films) / sizeof(films[0]); i++)
        assert_int_equal(reads_extension(films[i]), built_with_ffmpeg());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_format_is_read_exactly_or_nearly),
        TEST(float_wav_is_neither_scaled_nor_clipped),
        TEST(the_name_does_not_matter_but_the_content),
        TEST(the_format_is_what_the_header_says),
        TEST(mono_is_copied_to_every_channel),
        TEST(of_channels_of_no_known_place_the_first_two_are_taken),
        TEST(one_channel_of_several_is_the_mean_of_the_first_two),
        TEST(channels_of_known_place_are_mixed_down),
        TEST(left_and_right_alone_can_be_had),
        TEST(masks_of_loudspeakers_are_understood),
        TEST(the_mean_of_huge_samples_is_finite_and_a_bad_one_is_named),
        TEST(two_channels_do_not_become_three),
        TEST(a_conversion_after_the_first_read_is_refused),
        TEST(files_of_no_and_of_one_sample_are_read),
        TEST(reading_nothing_is_allowed),
        TEST(memory_is_read_like_a_file),
        TEST(memory_with_senseless_dimensions_is_refused),
        TEST(rewinding_gives_the_same_samples_again),
        TEST(ffmpeg_reads_what_libsndfile_does_not),
        TEST(wma_is_read_to_its_end),
        TEST(without_ffmpeg_an_m4a_says_what_is_missing),
        TEST(the_list_of_extensions_is_lower_case_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
