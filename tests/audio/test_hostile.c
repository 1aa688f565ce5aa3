/* test_hostile.c: inputs that are not what they seem: one clear line each, or what can be saved. */
#include "tests/support/audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/input/ogg_page.h"
#include "audio/input/stream_headers.h"
#include "audio/input/wave_chunks.h"
#include "base/random.h"

#define FRAMES 44100

/* ---- Files that cannot be opened ---- */

static void a_missing_file_is_named_with_the_reason(void **state) {
    (void)state;
    cleave_error error;
    expect_read_error(in_folder("none.wav"), &error);
    assert_text_has(error.text, "none.wav", "No such file");
}

static void a_folder_is_not_audio(void **state) {
    (void)state;
    cleave_error error;
    expect_read_error(in_folder(""), &error);
    assert_text_has(error.text, in_folder(""), "is a folder");
}

static void a_path_below_a_file_is_named_with_the_reason(void **state) {
    (void)state;
    write_bytes(in_folder("file"), "x", 1);
    cleave_error error;
    expect_read_error(in_folder("file/song.wav"), &error);
    assert_text_has(error.text, "file/song.wav", "Not a directory");
}

static void an_unreadable_file_is_named_with_the_reason(void **state) {
    (void)state;
    if (geteuid() == 0)
        skip();
    write_bytes(in_folder("secret.wav"), "x", 1);
    assert_int_equal(chmod(in_folder("secret.wav"), 0), 0);
    cleave_error error;
    expect_read_error(in_folder("secret.wav"), &error);
    assert_text_has(error.text, "secret.wav", "Permission denied", "permissions");
}

static void a_very_long_path_leaves_room_for_the_reason(void **state) {
    (void)state;
    char path[2001];
    memset(path, 'x', 2000);
    path[2000] = '\0';
    cleave_error error;
    expect_read_error(path, &error);
    assert_text_has(error.text, "name too long");
}

/* ---- Files that are no audio ---- */

typedef struct Foreign {
    const char *name;
    const char *bytes;
    size_t size;
    const char *words[2];
} Foreign;

#define BYTES(text) text, sizeof(text) - 1

static const Foreign foreign[] = {
    {"text.wav", BYTES("Dear all, this is no song.\r\nBye.\n"), {"text", "not audio"}},
    {"page.mp3", BYTES("\n<!DOCTYPE html>\n<html><body>404</body></html>"), {"HTML", "not audio"}},
    {"utf8.flac", BYTES("Gr\xc3\xbc\xc3\x9f Gott, sch\xc3\xb6ne Welt"), {"text", "not audio"}},
    {"lfs.wav", BYTES("version https://git-lfs.github.com/spec/v1\n"), {"Git LFS", "not audio"}},
    {"zip.wav", BYTES("PK\x03\x04rest of an archive"), {"ZIP", "not audio"}},
    {"png.wav", BYTES("\x89PNG\r\n\x1a\n0000"), {"PNG", "not audio"}},
    {"zeros.wav", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), {"zeros", "not audio"}},
    {"noise.wav",
     BYTES("\x91\x02\xfe\x80\x13\x01\x99\x88\x76\x02\x03\x04"),
     {"not a known", "WAV"}},
    {"riff.wav", BYTES("RIFF"), {"a WAV file", "truncated or damaged"}},
    {"wave.wav", BYTES("RIFF\x24\0\0\0WAVEfmt "), {"a WAV file", "truncated or damaged"}},
    {"flac.flac", BYTES("fLaC\0\0\0\x22"), {"a FLAC file", "truncated or damaged"}},
    {"ogg.ogg", BYTES("OggS\0\x02"), {"an Ogg file", "truncated or damaged"}},
    {"one.wav", BYTES("R"), {"text", "not audio"}},
};

static void what_is_no_audio_is_called_by_its_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *path = in_folder(foreign[i].name);
        write_bytes(path, foreign[i].bytes, foreign[i].size);
        cleave_error error;
        expect_read_error(path, &error);
        assert_text_has(error.text, path, foreign[i].words[0], foreign[i].words[1]);
    }
}

/* The one sound track of an M4A file declared to be pictures. */
static void a_film_without_sound_is_called_so(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    unsigned char *bytes = read_bytes(in_data("tone.m4a"), &size);
    int changed = 0;
    for (size_t i = 0; i + 4 <= size; i++)
        if (memcmp(bytes + i, "soun", 4) == 0) {
            memcpy(bytes + i, "vide", 4);
            changed++;
        }
    assert_int_equal(changed, 1);
    write_bytes(in_folder("film.mp4"), bytes, size);
    free(bytes);
    cleave_error error;
    expect_read_error(in_folder("film.mp4"), &error);
    assert_text_has(error.text, "film.mp4", "an MP4 or M4A file", "no audio stream in it");
    assert_null(strstr(error.text, "truncated"));
}

static void an_empty_file_is_called_empty(void **state) {
    (void)state;
    write_bytes(in_folder("empty.wav"), "", 0);
    cleave_error error;
    expect_read_error(in_folder("empty.wav"), &error);
    assert_text_has(error.text, "empty.wav", "empty");
}

/* ---- Files that break off ---- */

static cleave_status read_to_end(const char *path, const cleave_logger *log, cleave_error *error) {
    AudioReader *reader;
    cleave_status status = audio_reader_open(&reader, path, log, error);
    if (status != CLEAVE_OK)
        return status;
    Audio block = audio_new(audio_reader_format(reader)->channels, 1, 1000);
    for (int64_t got = 1000; status == CLEAVE_OK && got > 0;)
        status = audio_reader_read(reader, block.planes, 1000, &got, error);
    audio_free(&block);
    audio_reader_close(reader);
    return status;
}

/* libsndfile's decoders do not always tell a cut frame from the end: then both lengths are told. */
static void expect_cut_told(const char *cut, const LogKeeper *log) {
    assert_false(built_with_ffmpeg());
    assert_int_equal(log->lines, 1);
    assert_text_has(log->last, cut, "header promises", "but there are");
}

/* The first `keep` bytes of a file are an error that names a second not beyond what it promises. */
static void check_cut(const char *whole, const char *cut, size_t keep, double promised) {
    cut_file(whole, cut, keep);
    LogKeeper log;
    log_keeper_init(&log);
    cleave_error error;
    if (read_to_end(cut, &log.logger, &error) == CLEAVE_OK) {
        expect_cut_told(cut, &log);
        return;
    }
    assert_int_equal(error.status, CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, cut, "download it again");
    const char *at = strstr(error.text, "breaks off at ");
    if (!at)
        return;
    double second = -1;
    double of = -1;
    int found = sscanf(at, "breaks off at %lf s of %lf s", &second, &of);
    assert_true(found >= 1 && second >= 0 && second <= promised);
    assert_true(found == 1 || fabs(of - promised) < 0.06);
}

/* At many places from an eighth of the file to `last` sixteenths of it. */
static void check_cuts(const char *whole, const char *cut, size_t last, double promised) {
    size_t size;
    free(read_bytes(whole, &size));
    for (size_t part = 2; part <= last; part++)
        check_cut(whole, cut, size * part / 16, promised);
}

static void a_truncated_flac_is_an_error_wherever_it_ends(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, FRAMES, 0.5f);
    make_file(in_folder("whole.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    check_cuts(in_folder("whole.flac"), in_folder("cut.flac"), 15, 1.0);
    audio_free(&made);
}

static void a_flac_cut_within_its_first_frame_is_an_error(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, FRAMES, 0.5f);
    make_file(in_folder("whole.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    for (size_t keep = 1; keep < 200; keep += 9) {
        cut_file(in_folder("whole.flac"), in_folder("cut.flac"), keep);
        cleave_error error;
        expect_read_error(in_folder("cut.flac"), &error);
    }
    audio_free(&made);
}

static void a_truncated_ogg_is_an_error_wherever_it_ends(void **state) {
    (void)state;
    Audio made = audio_noise(2, 48000, 48000, 0.5f);
    make_file(in_folder("whole.ogg"), SF_FORMAT_OGG | SF_FORMAT_VORBIS, &made);
    check_cuts(in_folder("whole.ogg"), in_folder("cut.ogg"), 15, 1.0);
    make_file(in_folder("whole.opus"), SF_FORMAT_OGG | SF_FORMAT_OPUS, &made);
    check_cuts(in_folder("whole.opus"), in_folder("cut.opus"), 15, 1.0);
    audio_free(&made);
}

static void a_truncated_mp3_is_an_error_wherever_it_ends(void **state) {
    (void)state;
    if (!built_with_mp3())
        skip();
    Audio made = audio_noise(2, 44100, FRAMES, 0.5f);
    write_audio(in_folder("whole.mp3"), CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO, &made);
    check_cuts(in_folder("whole.mp3"), in_folder("cut.mp3"), 15, 1.05);
    audio_free(&made);
}

static void a_truncated_m4a_is_an_error_wherever_it_ends(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    check_cuts(in_data("tone.m4a"), in_folder("cut.m4a"), 15, 0.5);
    check_cuts(in_data("tone-alac.m4a"), in_folder("cut.m4a"), 15, 0.1);
}

/* Its demuxer takes a cut block for the end: what came before is read, and the header's length is
 * told. */
static void a_truncated_webm_is_read_with_a_warning_of_both_lengths(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    free(read_bytes(in_data("tone.webm"), &size));
    for (size_t part = 4; part <= 14; part++) {
        cut_file(in_data("tone.webm"), in_folder("cut.webm"), size * part / 16);
        Audio read = read_audio_warned(in_folder("cut.webm"), "cut.webm", "promises 0.50",
                                       "but there are 0.");
        assert_true(read.frames > 1000 && read.frames < 24000);
        audio_free(&read);
    }
}

/* These name no length, so that a cut shows only within a frame. */
static void an_aac_or_wma_cut_within_a_frame_is_an_error(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    check_cut(in_data("tone.aac"), in_folder("cut.aac"), 2200, 0.55);
    check_cut(in_data("tone.aac"), in_folder("cut.aac"), 4111, 0.55);
    check_cuts(in_data("tone.wma"), in_folder("cut.wma"), 10, 0.55);
}

static void an_ogg_stream_without_end_mark_is_read_with_a_warning(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, INT64_C(4) * FRAMES, 0.5f);
    make_file(in_folder("whole.ogg"), SF_FORMAT_OGG | SF_FORMAT_VORBIS, &made);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("whole.ogg"), &size);
    size_t at = 0;
    size_t last = 0;
    while (at < size) {
        last = at;
        at += ogg_page_size(bytes + at, size - at);
    }
    assert_int_equal(at, size);
    write_bytes(in_folder("stream.ogg"), bytes, last);
    Audio read = read_audio_warned(in_folder("stream.ogg"), "stream.ogg", "no end mark");
    assert_between(read.frames, FRAMES, 4 * FRAMES);
    audio_free(&read);
    audio_free(&made);
    free(bytes);
}

/* Cut within a frame, and read on demand as far as it goes: a prefix of the whole. */
static void what_there_is_of_a_cut_file_can_be_kept(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, FRAMES, 16);
    make_file(in_folder("whole.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    size_t size;
    free(read_bytes(in_folder("whole.flac"), &size));
    cut_file(in_folder("whole.flac"), in_folder("cut.flac"), size / 2);
    LogKeeper log;
    log_keeper_init(&log);
    AudioReader *reader;
    cleave_error error;
    const AudioReaderSettings settings = {.log = &log.logger, .keep_going = true};
    assert_int_equal(audio_reader_open_with(&reader, in_folder("cut.flac"), &settings, &error),
                     CLEAVE_OK);
    Audio read = audio_new(2, 44100, FRAMES);
    for (int pass = 0; pass < 2; pass++) {
        int64_t got;
        assert_int_equal(audio_reader_read(reader, read.planes, FRAMES, &got, &error), CLEAVE_OK);
        assert_between(got, FRAMES / 3, FRAMES / 2 + 4608);
        for (int c = 0; c < 2; c++)
            assert_memory_equal(read.planes[c], made.planes[c], FRAMES / 3 * sizeof(float));
        assert_int_equal(log.lines, 1); /* in both passes together */
        assert_text_has(log.last, "cut.flac", "breaks off at", "of 1.000 s", "is kept");
        assert_int_equal(audio_reader_rewind(reader, &error), CLEAVE_OK);
    }
    audio_reader_close(reader);
    audio_free(&read);
    audio_free(&made);
}

/* ---- Damage in the midst ---- */

/* Overwrites bytes with noise that holds no sync word. */
static void damage(const char *path, const char *damaged, size_t from, size_t count) {
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    assert_true(from + count <= size);
    for (size_t i = 0; i < count; i++)
        bytes[from + i] = (unsigned char)(i * 37 % 251);
    write_bytes(damaged, bytes, size);
    free(bytes);
}

/* What follows damage of a file is in step with what follows none: the same length (`slack`: a
 * container's clock may round), and the last `tail` frames alike. */
static void check_damaged(const char *whole, int64_t slack, int64_t tail, double snr) {
    size_t size;
    free(read_bytes(whole, &size));
    damage(whole, in_folder("damaged"), size * 2 / 5, 200);
    LogKeeper log;
    log_keeper_init(&log);
    Audio intact = read_audio(whole, NULL, 0, 0, 4096);
    Audio read = read_audio(in_folder("damaged"), &log.logger, 0, 0, 4096);
    if (log.lines != 1 || !strstr(log.last, "damaged at"))
        fail_msg("%s: %d warnings, the last: %s", whole, log.lines, log.last);
    if (llabs((long long)(read.frames - intact.frames)) > slack)
        fail_msg("%s: %lld frames in place of %lld", whole, (long long)read.frames,
                 (long long)intact.frames);
    double kept = snr_db(&intact, &read, intact.frames - tail, intact.frames - slack);
    if (kept < snr)
        fail_msg("%s: %.1f dB after the damage", whole, kept);
    audio_free(&read);
    audio_free(&intact);
}

static void damage_is_passed_over_in_step(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    Audio made = audio_noise(2, 48000, 6 * 48000, 0.5f);
    make_file(in_folder("x.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, &made);
    check_damaged(in_folder("x.flac"), 0, 2 * 48000, 200);
    make_file(in_folder("x.ogg"), SF_FORMAT_OGG | SF_FORMAT_VORBIS, &made);
    check_damaged(in_folder("x.ogg"), 0, 48000, 60);
    make_file(in_folder("x.opus"), SF_FORMAT_OGG | SF_FORMAT_OPUS, &made);
    check_damaged(in_folder("x.opus"), 0, 48000, 40);
    check_damaged(in_data("tone.m4a"), 0, 8000, 40);
    check_damaged(in_data("tone.aac"), 0, 8000, 40);
    audio_free(&made);
}

/* A header in the midst of an MP3 is damaged: the demuxer makes one packet of two frames, and
 * neither decodes. */
static void a_damaged_header_of_an_mp3_costs_its_frames_and_no_more(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    unsigned char *bytes = read_bytes(in_data("tone.mp3"), &size);
    size_t at = size / 2;
    while (at + 1 < size && !(bytes[at] == 0xff && (bytes[at + 1] & 0xe0) == 0xe0))
        at++;
    free(bytes);
    damage(in_data("tone.mp3"), in_folder("x.mp3"), at, 60);
    LogKeeper log;
    log_keeper_init(&log);
    Audio intact = read_audio(in_data("tone.mp3"), NULL, 0, 0, 4096);
    Audio read = read_audio(in_folder("x.mp3"), &log.logger, 0, 0, 4096);
    assert_int_equal(log.lines, 1);
    assert_text_has(log.last, "x.mp3", "damaged at 0.2", "of silence in its place");
    assert_int_equal(read.frames, intact.frames);
    assert_true(snr_db(&intact, &read, intact.frames - 6000, intact.frames) > 60);
    audio_free(&read);
    audio_free(&intact);
}

/* Tags in the midst of files that were joined are no damage. */
static void joined_mp3s_with_tags_are_read_without_silence(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    unsigned char *bytes = read_bytes(in_data("tone.mp3"), &size);
    static unsigned char id3v2[10 + 4000] = {'I', 'D', '3', 3, 0, 0, 0, 0, 31, 32};
    static unsigned char id3v1[128] = "TAGa song";
    FILE *file = fopen(in_folder("x.mp3"), "wb");
    assert_non_null(file);
    for (int i = 0; i < 2; i++) {
        fwrite(id3v2, 1, sizeof(id3v2), file);
        fwrite(bytes, 1, size, file);
        fwrite(id3v1, 1, sizeof(id3v1), file);
    }
    fclose(file);
    free(bytes);
    Audio one = read_audio(in_data("tone.mp3"), NULL, 0, 0, 4096);
    Audio two = read_audio(in_folder("x.mp3"), NULL, 0, 0, 4096);
    assert_between(two.frames, 2 * one.frames, 2 * one.frames + 4 * 1152);
    audio_free(&two);
    audio_free(&one);
}

/* The bytes of a file of the tests, with `count` bytes of `value` behind them or in their place. */
static void fill_end(const char *whole, const char *filled, bool behind, size_t count,
                     unsigned char value) {
    size_t size;
    unsigned char *bytes = read_bytes(whole, &size);
    size_t from = behind ? size : size - count;
    bytes = realloc(bytes, from + count);
    assert_non_null(bytes);
    memset(bytes + from, value, count);
    write_bytes(filled, bytes, from + count);
    free(bytes);
}

static void junk_behind_a_stream_is_no_audio_and_no_damage(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    Audio made = audio_noise(2, 48000, 48000, 0.5f);
    make_file(in_folder("x.ogg"), SF_FORMAT_OGG | SF_FORMAT_VORBIS, &made);
    const char *const paths[] = {in_data("tone.mp3"), in_data("tone.aac"), in_folder("x.ogg")};
    /* More behind an MP3 that says its length, and FFmpeg takes it for joined files. */
    const size_t counts[] = {100, 5000, 70000};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        Audio whole = read_audio(paths[i], NULL, 0, 0, 4096);
        for (int value = 0; value <= 0xff; value += 0xff) {
            if (i == 2 && value != 0)
                continue; /* to an Ogg file it may be a page that is cut */
            fill_end(paths[i], in_folder("x"), true, counts[i], (unsigned char)value);
            LogKeeper log;
            log_keeper_init(&log);
            Audio read = read_audio(in_folder("x"), &log.logger, 0, 0, 4096);
            if (log.lines != 0 || read.frames != whole.frames)
                fail_msg("%s, %02x: %lld frames, %s", paths[i], value, (long long)read.frames,
                         log.last);
            audio_free(&read);
        }
        audio_free(&whole);
    }
    audio_free(&made);
}

/* A disk that was full, or a transfer that wrote zeros beforehand. */
static void an_mp3_whose_end_is_zeros_is_told_with_both_lengths(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    fill_end(in_data("tone.mp3"), in_folder("x.mp3"), false, 2000, 0);
    Audio read = read_audio_warned(in_folder("x.mp3"), "x.mp3", "header promises", "there are 0.2");
    audio_free(&read);
}

/* The demuxer passes more than it searches at once. */
static void a_large_hole_in_a_stream_without_times_is_measured(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    size_t size;
    unsigned char *bytes = read_bytes(in_data("tone.aac"), &size);
    const size_t repeats = 60; /* of half a second */
    FILE *file = fopen(in_folder("whole.aac"), "wb");
    assert_non_null(file);
    for (size_t i = 0; i < repeats; i++)
        fwrite(bytes, 1, size, file);
    fclose(file);
    free(bytes);
    Audio whole = read_audio(in_folder("whole.aac"), NULL, 0, 0, 4096);
    damage(in_folder("whole.aac"), in_folder("x.aac"), 20 * size, 30 * size);
    LogKeeper log;
    log_keeper_init(&log);
    Audio read = read_audio(in_folder("x.aac"), &log.logger, 0, 0, 4096);
    assert_text_has(log.last, "x.aac", "damaged", "of silence in its place");
    assert_between(read.frames, whole.frames - 4 * 1024, whole.frames + 4 * 1024);
    audio_free(&read);
    audio_free(&whole);
}

static void a_wav_behind_an_id3_tag_is_read_to_its_end(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 5000, 16);
    make_file(in_folder("plain.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("plain.wav"), &size);
    static unsigned char tag[10 + 4000] = {'I', 'D', '3', 3, 0, 0, 0, 0, 31, 32};
    FILE *file = fopen(in_folder("x.wav"), "wb");
    assert_non_null(file);
    fwrite(tag, 1, sizeof(tag), file);
    fwrite(bytes, 1, size, file);
    fclose(file);
    free(bytes);
    Audio read = read_audio_quietly(in_folder("x.wav"));
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

/* ---- Headers that lie ---- */

static void put_le32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static size_t find(const unsigned char *bytes, size_t size, const char *id) {
    for (size_t i = 0; i + 4 <= size; i++)
        if (memcmp(bytes + i, id, 4) == 0)
            return i;
    fail_msg("no %s", id);
    return 0;
}

/* A WAV of `made` whose lengths are replaced. */
static void make_lying_wav(const char *path, const Audio *made, uint32_t riff, uint32_t data) {
    make_file(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, made);
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    put_le32(bytes + 4, riff);
    put_le32(bytes + find(bytes, size, "data") + 4, data);
    write_bytes(path, bytes, size);
    free(bytes);
}

static void a_wav_with_a_stand_in_length_is_read_to_its_end_with_a_warning(void **state) {
    (void)state;
    const uint32_t lengths[][2] = {{0, 0},
                                   {36, 0},
                                   {UINT32_MAX, UINT32_MAX},
                                   {UINT32_MAX, 0},
                                   {0x7fffffff, 0x7fffffff - 36},
                                   {UINT32_MAX - 7, UINT32_MAX - 43}};
    Audio made = audio_integer_noise(2, 44100, 3001, 16);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make_lying_wav(in_folder("x.wav"), &made, lengths[i][0], lengths[i][1]);
        Audio read = read_audio_warned(in_folder("x.wav"), "x.wav", "does not tell the length");
        assert_same_audio(&made, &read);
        audio_free(&read);
    }
    audio_free(&made);
}

/* A recorder that was killed has left zeros in ds64. */
static void an_rf64_that_was_never_finished_is_read_to_its_end(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 3001, 16);
    make_file(in_folder("x.wav"), SF_FORMAT_RF64 | SF_FORMAT_PCM_16, &made);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
    memset(bytes + find(bytes, size, "ds64") + 8, 0, 24);
    put_le32(bytes + 4, UINT32_MAX);
    write_bytes(in_folder("x.wav"), bytes, size);
    free(bytes);
    Audio read = read_audio_warned(in_folder("x.wav"), "x.wav", "does not tell the length");
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

static void a_wav_longer_than_its_file_is_read_to_the_end_with_a_warning(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, 44100, 16);
    make_lying_wav(in_folder("x.wav"), &made, 36 + 4 * 88200, 4 * 88200);
    Audio read =
        read_audio_warned(in_folder("x.wav"), "x.wav", "promises 2.000 s", "holds 1.000 s");
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

static void a_growing_wav_has_the_length_that_it_had_at_the_start(void **state) {
    (void)state;
    Audio made = audio_integer_noise(1, 44100, 20000, 16);
    make_lying_wav(in_folder("x.wav"), &made, UINT32_MAX, UINT32_MAX);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open(&reader, in_folder("x.wav"), NULL, &error), CLEAVE_OK);
    for (int pass = 0; pass < 2; pass++) {
        FILE *file = fopen(in_folder("x.wav"), "ab");
        assert_non_null(file);
        assert_int_equal(fwrite("more and more", 1, 13, file), 13);
        fclose(file);
        Audio read = audio_new(1, 44100, 30000);
        int64_t got;
        assert_int_equal(audio_reader_read(reader, read.planes, 30000, &got, &error), CLEAVE_OK);
        assert_int_equal(got, 20000);
        assert_memory_equal(read.planes[0], made.planes[0], 20000 * sizeof(float));
        assert_int_equal(audio_reader_rewind(reader, &error), CLEAVE_OK);
        audio_free(&read);
    }
    audio_reader_close(reader);
    audio_free(&made);
}

static void a_wav_that_shrinks_while_it_is_read_is_an_error(void **state) {
    (void)state;
    Audio made = audio_integer_noise(1, 44100, 200000, 16);
    make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open(&reader, in_folder("x.wav"), NULL, &error), CLEAVE_OK);
    assert_int_equal(truncate(in_folder("x.wav"), 100000), 0);
    Audio read = audio_new(1, 44100, 200000);
    int64_t got;
    assert_int_equal(audio_reader_read(reader, read.planes, 200000, &got, &error),
                     CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "x.wav", "breaks off at 1.1", "of 4.535 s");
    audio_reader_close(reader);
    audio_free(&read);
    audio_free(&made);
}

/* 5 GiB, of which the disk holds nothing. With FFmpeg it is read whole; else it is refused rather
 * than cut at 4 GiB. */
static void a_wav_that_has_outgrown_its_header_is_not_cut(void **state) {
    (void)state;
    const int64_t bytes = INT64_C(5) << 30;
    Audio made = audio_integer_noise(2, 44100, 1000, 16);
    /* The largest number, none, and the last 32 bits of the true one. */
    const unsigned char lengths[][4] = {{0xff, 0xff, 0xff, 0xff}, {0}, {0, 0, 0, 0x40}};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
        FILE *file = fopen(in_folder("x.wav"), "r+b");
        assert_non_null(file);
        fseek(file, 4, SEEK_SET);
        fwrite(lengths[i], 1, 4, file);
        fseek(file, 40, SEEK_SET);
        fwrite(lengths[i], 1, 4, file);
        fclose(file);
        if (truncate(in_folder("x.wav"), 44 + bytes) != 0)
            skip(); /* the file system has no room for the thought */
        AudioReader *reader = NULL;
        cleave_error error;
        cleave_status status = audio_reader_open(&reader, in_folder("x.wav"), NULL, &error);
        if (status == CLEAVE_OK) {
            assert_between(audio_reader_format(reader)->frames, bytes / 4 - 4, bytes / 4 + 4);
            audio_reader_close(reader);
        } else {
            assert_non_null(strstr(error.text, "more audio than the lengths of its header"));
        }
    }
    audio_free(&made);
}

#define BIG_CHANNELS 64

static void put_le16(unsigned char *at, unsigned value) {
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

/* Silence in 64 channels of floats, whose lengths are the largest number; the disk holds nothing of
 * it. Returns false where the file system has no room for the thought. */
static bool make_sparse_wav(const char *path, int64_t frames) {
    static const unsigned char data[] = {'d', 'a', 't', 'a', 0xff, 0xff, 0xff, 0xff};
    unsigned char head[44] = "RIFF\xff\xff\xff\xffWAVEfmt \x10";
    put_le16(head + 20, 3);
    put_le16(head + 22, BIG_CHANNELS);
    put_le32(head + 24, 44100);
    put_le32(head + 28, 44100 * 4 * BIG_CHANNELS);
    put_le16(head + 32, 4 * BIG_CHANNELS);
    put_le16(head + 34, 32);
    memcpy(head + 36, data, sizeof(data));
    write_bytes(path, head, sizeof(head));
    return truncate(path, (off_t)(44 + frames * 4 * BIG_CHANNELS)) == 0;
}

/* Its last packet is shorter than the others, which is no damage. */
static void a_wav_of_more_than_4_gib_is_read_to_its_last_frame(void **state) {
    (void)state;
    const int64_t frames = ((INT64_C(4) << 30) / (4 * BIG_CHANNELS) + 12345) / 16 * 16 + 9;
    if (!built_with_ffmpeg() || !getenv("CLEAVE_BIG_FILES") ||
        !make_sparse_wav(in_folder("x.wav"), frames))
        skip();
    LogKeeper log;
    log_keeper_init(&log);
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open(&reader, in_folder("x.wav"), &log.logger, &error),
                     CLEAVE_OK);
    static float plane[65536];
    float *planes[BIG_CHANNELS];
    for (int c = 0; c < BIG_CHANNELS; c++)
        planes[c] = plane;
    int64_t total = 0;
    int64_t got;
    do {
        assert_int_equal(audio_reader_read(reader, planes, 65536, &got, &error), CLEAVE_OK);
        total += got;
    } while (got > 0);
    assert_int_equal(total, frames);
    assert_int_equal(log.lines, 1);
    assert_text_has(log.last, "does not tell the length");
    audio_reader_close(reader);
}

static void the_data_chunk_is_found_in_each_family_of_files(void **state) {
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_RF64 | SF_FORMAT_PCM_16,
                           SF_FORMAT_W64 | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_PCM_16,
                           SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG};
    Audio made = audio_integer_noise(1, 44100, 1000, 16);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        make_file(in_folder("x"), formats[i], &made);
        InputFile file;
        cleave_error error;
        assert_int_equal(input_file_open(&file, in_folder("x"), &error), CLEAVE_OK);
        DataChunk chunk = data_chunk_find(&file);
        assert_true(chunk.found);
        assert_false(chunk.unfinished);
        assert_between(chunk.declared, 2000, 2008);
        assert_int_equal(chunk.held, chunk.declared);
        input_file_close(&file);
    }
    audio_free(&made);
}

/* Sets the number of frames in a FLAC file's STREAMINFO. */
static void make_lying_flac(const char *path, const Audio *made, uint64_t frames) {
    make_file(path, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, made);
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    bytes[21] = (unsigned char)((bytes[21] & 0xf0) | (frames >> 32 & 0x0f));
    for (int i = 0; i < 4; i++)
        bytes[22 + i] = (unsigned char)(frames >> (24 - 8 * i));
    write_bytes(path, bytes, size);
    free(bytes);
}

static void a_flac_that_promises_less_than_it_has_is_read_whole_with_a_warning(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, FRAMES, 16);
    make_lying_flac(in_folder("x.flac"), &made, 22050);
    Audio read = read_audio_warned(in_folder("x.flac"), "x.flac", "promises 0.500 s", "1.000 s");
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

static void a_flac_that_promises_nothing_is_read_whole(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, FRAMES, 16);
    make_lying_flac(in_folder("x.flac"), &made, 0);
    Audio read = read_audio(in_folder("x.flac"), NULL, 0, 0, 1000);
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

static void a_flac_that_promises_more_than_it_has_is_read_with_a_warning(void **state) {
    (void)state;
    Audio made = audio_integer_noise(2, 44100, FRAMES, 16);
    const uint64_t lies[] = {FRAMES + 1, UINT64_C(2) * FRAMES, UINT64_C(0xfffffffff)};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        make_lying_flac(in_folder("x.flac"), &made, lies[i]);
        Audio read = read_audio_warned(in_folder("x.flac"), "x.flac", "header promises",
                                       lies[i] == FRAMES + 1 ? "44101 frames but there are 44100"
                                                             : "there are 1.000 s");
        assert_same_audio(&made, &read);
        audio_free(&read);
    }
    audio_free(&made);
}

/* ---- What is whole and cannot be decoded ---- */

static void a_protected_m4a_is_called_so(void **state) {
    (void)state;
    if (!built_with_ffmpeg())
        skip();
    static const char *const entries[] = {"drms", "enca"};
    for (int i = 0; i < 2; i++) {
        size_t size;
        unsigned char *bytes = read_bytes(in_data("tone.m4a"), &size);
        memcpy(bytes + find(bytes, size, "mp4a"), entries[i], 4);
        write_bytes(in_folder("x.m4a"), bytes, size);
        free(bytes);
        cleave_error error;
        expect_read_error(in_folder("x.m4a"), &error);
        assert_text_has(error.text, "x.m4a", "DRM", "without protection");
        assert_null(strstr(error.text, "truncated"));
    }
}

static void a_flac_of_32_bits_is_read_or_called_so(void **state) {
    (void)state;
    LogKeeper log;
    log_keeper_init(&log);
    cleave_error error;
    if (read_to_end(in_data("bits32.flac"), &log.logger, &error) == CLEAVE_OK)
        return; /* a newer decoder */
    assert_text_has(error.text, "bits32.flac", "32 bits", "24 at most", "convert it");
    assert_null(strstr(error.text, "truncated"));
}

/* Silence, and then bursts such as a digital output carries, further behind than FFmpeg looks. */
static void what_calls_itself_pcm_and_is_none_is_never_played(void **state) {
    (void)state;
    static const unsigned char preamble[] = {0x72, 0xf8, 0x1f, 0x4e};
    Audio made = audio_new(2, 44100, 40000);
    for (int bursts = 1; bursts <= 3; bursts++) {
        make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &made);
        size_t size;
        unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
        for (int i = 0; i < bursts; i++)
            memcpy(bytes + 44 + 120000 + 2000 * i, preamble, sizeof(preamble));
        write_bytes(in_folder("x.wav"), bytes, size);
        free(bytes);
        cleave_error error;
        if (bursts == 1) { /* by chance */
            Audio read = read_audio(in_folder("x.wav"), NULL, 0, 0, 4096);
            assert_int_equal(read.frames, 40000);
            audio_free(&read);
        } else {
            expect_read_error(in_folder("x.wav"), &error);
            assert_text_has(error.text, "x.wav", "not PCM", "Dolby Digital or DTS");
        }
    }
    audio_free(&made);
}

/* ---- Samples that are no numbers ---- */

static void nan_and_infinity_are_errors_that_name_the_second(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        Audio made = audio_sines(2, 44100, INT64_C(2) * FRAMES);
        made.planes[1][66150] = bad[i];
        make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &made);
        cleave_error error;
        expect_read_error(in_folder("x.wav"), &error);
        assert_text_has(error.text, "x.wav", "channel 2", "1.500 s");
        audio_free(&made);
    }
}

static void nan_is_found_when_resampling_and_in_memory(void **state) {
    (void)state;
    Audio made = audio_sines(1, 48000, 48000);
    made.planes[0][24000] = NAN;
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open_memory(&reader, (const float *const *)made.planes, 1, 48000,
                                              48000, &error),
                     CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 1, 44100, &error), CLEAVE_OK);
    Audio read = audio_new(1, 44100, 44100);
    int64_t got;
    assert_int_equal(audio_reader_read(reader, read.planes, 44100, &got, &error),
                     CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "memory", "0.500 s");
    audio_reader_close(reader);
    audio_free(&read);
    audio_free(&made);
}

/* ---- Bytes turned at random ---- */

/* Whatever happens, it happens in bounded time and ends in CLEAVE_OK or a text. */
static void read_whatever(const char *path) {
    AudioReader *reader;
    cleave_error error;
    cleave_status status = audio_reader_open(&reader, path, NULL, &error);
    if (status == CLEAVE_OK) {
        int channels = audio_reader_format(reader)->channels;
        float *plane = calloc(1000, sizeof(float));
        float **planes = calloc((size_t)channels, sizeof(*planes));
        assert_non_null(plane);
        assert_non_null(planes);
        for (int c = 0; c < channels; c++)
            planes[c] = plane;
        int64_t got = 1000;
        for (int i = 0; i < 1000 && got == 1000 && status == CLEAVE_OK; i++)
            status = audio_reader_read(reader, planes, 1000, &got, &error);
        free(planes);
        free(plane);
        audio_reader_close(reader);
    }
    assert_true((status == CLEAVE_OK) == (error.text[0] == '\0'));
}

static void turn_bytes(const char *whole, uint64_t *seed) {
    size_t size;
    unsigned char *bytes = read_bytes(whole, &size);
    for (int round = 0; round < 40; round++) {
        unsigned char kept[4];
        size_t at[4];
        for (int i = 0; i < 4; i++) {
            size_t range = round % 2 && size > 100 ? 100 : size;
            at[i] = random_next(seed) % range;
            kept[i] = bytes[at[i]];
            bytes[at[i]] = (unsigned char)random_next(seed);
        }
        write_bytes(in_folder("turned"), bytes, size);
        read_whatever(in_folder("turned"));
        for (int i = 3; i >= 0; i--)
            bytes[at[i]] = kept[i];
    }
    free(bytes);
}

static void turned_bytes_do_no_harm(void **state) {
    (void)state;
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16,  SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_AIFF | SF_FORMAT_FLOAT,  SF_FORMAT_W64 | SF_FORMAT_PCM_24,
                           SF_FORMAT_RF64 | SF_FORMAT_PCM_16, SF_FORMAT_OGG | SF_FORMAT_VORBIS};
    uint64_t seed = 3;
    Audio made = audio_noise(2, 44100, 3000, 0.5f);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        make_file(in_folder("whole"), formats[i], &made);
        turn_bytes(in_folder("whole"), &seed);
    }
    const char *const names[] = {"tone.m4a", "tone.webm", "tone.wma", "tone.aac"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && built_with_ffmpeg(); i++)
        turn_bytes(in_data(names[i]), &seed);
    audio_free(&made);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_missing_file_is_named_with_the_reason),
        TEST(a_folder_is_not_audio),
        TEST(a_path_below_a_file_is_named_with_the_reason),
        TEST(an_unreadable_file_is_named_with_the_reason),
        TEST(a_very_long_path_leaves_room_for_the_reason),
        TEST(what_is_no_audio_is_called_by_its_name),
        TEST(a_film_without_sound_is_called_so),
        TEST(an_empty_file_is_called_empty),
        TEST(a_truncated_flac_is_an_error_wherever_it_ends),
        TEST(a_flac_cut_within_its_first_frame_is_an_error),
        TEST(a_truncated_ogg_is_an_error_wherever_it_ends),
        TEST(a_truncated_mp3_is_an_error_wherever_it_ends),
        TEST(a_truncated_m4a_is_an_error_wherever_it_ends),
        TEST(a_truncated_webm_is_read_with_a_warning_of_both_lengths),
        TEST(an_aac_or_wma_cut_within_a_frame_is_an_error),
        TEST(an_ogg_stream_without_end_mark_is_read_with_a_warning),
        TEST(what_there_is_of_a_cut_file_can_be_kept),
        TEST(junk_behind_a_stream_is_no_audio_and_no_damage),
        TEST(an_mp3_whose_end_is_zeros_is_told_with_both_lengths),
        TEST(a_large_hole_in_a_stream_without_times_is_measured),
        TEST(a_wav_behind_an_id3_tag_is_read_to_its_end),
        TEST(an_rf64_that_was_never_finished_is_read_to_its_end),
        TEST(damage_is_passed_over_in_step),
        TEST(a_damaged_header_of_an_mp3_costs_its_frames_and_no_more),
        TEST(joined_mp3s_with_tags_are_read_without_silence),
        TEST(a_wav_with_a_stand_in_length_is_read_to_its_end_with_a_warning),
        TEST(a_wav_longer_than_its_file_is_read_to_the_end_with_a_warning),
        TEST(a_growing_wav_has_the_length_that_it_had_at_the_start),
        TEST(a_wav_that_shrinks_while_it_is_read_is_an_error),
        TEST(a_wav_that_has_outgrown_its_header_is_not_cut),
        TEST(a_wav_of_more_than_4_gib_is_read_to_its_last_frame),
        TEST(the_data_chunk_is_found_in_each_family_of_files),
        TEST(a_flac_that_promises_less_than_it_has_is_read_whole_with_a_warning),
        TEST(a_flac_that_promises_nothing_is_read_whole),
        TEST(a_flac_that_promises_more_than_it_has_is_read_with_a_warning),
        TEST(a_protected_m4a_is_called_so),
        TEST(a_flac_of_32_bits_is_read_or_called_so),
        TEST(what_calls_itself_pcm_and_is_none_is_never_played),
        TEST(nan_and_infinity_are_errors_that_name_the_second),
        TEST(nan_is_found_when_resampling_and_in_memory),
        TEST(turned_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
