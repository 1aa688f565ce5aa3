/* test_resample.c: resampled streams: fidelity, length, and that blocks leave no trace. */
#include "tests/support/audio.h"

#include <math.h>
#include <soxr.h>
#include <stdlib.h>
#include <string.h>

#include "audio/resample.h"

/* Reads memory through a reader at another rate, `step` frames at a time. */
static Audio convert(const Audio *audio, int rate, int64_t step) {
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open_memory(&reader, (const float *const *)audio->planes,
                                              audio->channels, audio->frames, audio->sample_rate,
                                              &error),
                     CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, audio->channels, rate, &error), CLEAVE_OK);
    int64_t expected = audio_reader_expected_frames(reader);
    Audio out = audio_new(audio->channels, rate, expected + step);
    int64_t total = 0;
    int64_t got = 0;
    do {
        float *planes[16];
        for (int c = 0; c < audio->channels; c++)
            planes[c] = out.planes[c] + total;
        assert_true(total <= expected);
        assert_int_equal(audio_reader_read(reader, planes, step, &got, &error), CLEAVE_OK);
        total += got;
    } while (got == step);
    assert_int_equal(total, expected);
    out.frames = total;
    audio_reader_close(reader);
    return out;
}

static Audio one_shot(const Audio *audio, int rate) {
    Audio out = audio_new(audio->channels, rate, audio->frames * rate / audio->sample_rate + 100);
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    size_t done = 0;
    assert_null(soxr_oneshot(audio->sample_rate, rate, (unsigned)audio->channels, audio->planes,
                             (size_t)audio->frames, NULL, out.planes, (size_t)out.frames, &done,
                             &io, &quality, &runtime));
    out.frames = (int64_t)done;
    return out;
}

static const int rates[] = {8000, 11025, 22050, 48000, 96000, 192000, 44056};

static void a_sine_stays_a_sine(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        Audio sine = audio_sines(2, rates[r], INT64_C(2) * rates[r]);
        Audio out = convert(&sine, 44100, 5000);
        Audio ideal = audio_sines(2, 44100, out.frames);
        double snr = snr_db(&ideal, &out, 8000, out.frames - 8000);
        if (!(snr > 100))
            fail_msg("%d Hz: %.1f dB", rates[r], snr);
        audio_free(&sine);
        audio_free(&out);
        audio_free(&ideal);
    }
}

static void any_length_gives_the_rounded_length(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++)
        for (int64_t frames = 0; frames < 40; frames++) {
            Audio noise = audio_noise(1, rates[r], frames * 37 + frames % 3, 1.0f);
            Audio out = convert(&noise, 44100, 64);
            double exact = (double)noise.frames * 44100 / rates[r];
            assert_int_equal(out.frames, (int64_t)floor(exact + 0.5));
            audio_free(&noise);
            audio_free(&out);
        }
}

static void blocks_of_any_size_equal_one_shot_bit_for_bit(void **state) {
    (void)state;
    const int64_t steps[] = {1, 7, 333, 4096, 4097, 100000};
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        Audio noise = audio_noise(2, rates[r], 12345, 1.0f);
        Audio whole = one_shot(&noise, 44100);
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
            Audio out = convert(&noise, 44100, steps[s]);
            assert_same_audio(&whole, &out);
            audio_free(&out);
        }
        audio_free(&whole);
        audio_free(&noise);
    }
}

static void input_in_odd_pieces_equals_one_shot_bit_for_bit(void **state) {
    (void)state;
    Audio noise = audio_noise(1, 48000, 30000, 1.0f);
    Audio whole = one_shot(&noise, 44100);
    Resampler *resampler;
    cleave_error error;
    assert_int_equal(resampler_create(&resampler, 1, 48000, 44100, &error), CLEAVE_OK);
    Audio out = audio_new(1, 44100, 40000);
    int64_t taken = 0;
    int64_t total = 0;
    int64_t used = 0;
    int64_t made = 1;
    for (int64_t piece = 1; taken < 30000 || made > 0; piece = piece * 5 % 1777 + 1) {
        const float *in[] = {noise.planes[0] + taken};
        float *to[] = {out.planes[0] + total};
        int64_t left = 30000 - taken;
        assert_int_equal(resampler_run(resampler, left > 0 ? in : NULL, left < piece ? left : piece,
                                       &used, to, 1 + piece % 13, &made, &error),
                         CLEAVE_OK);
        taken += used;
        total += made;
    }
    out.frames = total;
    assert_same_audio(&whole, &out);
    resampler_destroy(resampler);
    audio_free(&noise);
    audio_free(&whole);
    audio_free(&out);
}

static void senseless_rates_are_refused(void **state) {
    (void)state;
    float sample = 0;
    const float *planes[] = {&sample};
    AudioReader *reader;
    cleave_error error;
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, 1, 3, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 1, 44100, &error), CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "3 Hz", "44100 Hz");
    audio_reader_close(reader);
    assert_int_equal(audio_reader_open_memory(&reader, planes, 1, 1, INT32_MAX, &error), CLEAVE_OK);
    assert_int_equal(audio_reader_convert(reader, 1, 44100, &error), CLEAVE_ERROR_INPUT);
    audio_reader_close(reader);
}

/* ---- On the way out ---- */

/* Writes audio at a rate other than its own, `step` frames at a time. */
static void write_at_rate(const char *path, int rate, const Audio *audio, int64_t end,
                          int64_t step) {
    AudioWriterSettings settings = {audio->channels, rate, CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, 0};
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(audio_writer_open(&writer, path, &settings, &error), CLEAVE_OK);
    assert_int_equal(audio_writer_convert(writer, audio->sample_rate, &error), CLEAVE_OK);
    for (int64_t done = 0; done < audio->frames; done += step) {
        const float *planes[16];
        int64_t left = audio->frames - done;
        for (int c = 0; c < audio->channels; c++)
            planes[c] = audio->planes[c] + done;
        assert_int_equal(audio_writer_write(writer, planes, left < step ? left : step, &error),
                         CLEAVE_OK);
    }
    if (end >= 0)
        audio_writer_end_at(writer, end);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    if (end >= 0)
        assert_int_equal(audio_writer_frames(writer), end);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    audio_writer_close(writer);
}

/* There and back again: as long as it was, and in step with what it was. */
static void what_goes_out_is_as_long_and_in_step(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++)
        for (int64_t more = 0; more < 5; more++) {
            Audio sine = audio_sines(2, rates[r], rates[r] + more);
            Audio inner = convert(&sine, 44100, 5000);
            write_at_rate(in_folder("x.wav"), rates[r], &inner, sine.frames, 1000 + more);
            Audio out = read_audio(in_folder("x.wav"), NULL, 0, 0, 1000);
            assert_int_equal(out.sample_rate, rates[r]);
            assert_int_equal(out.frames, sine.frames);
            int64_t edge = rates[r] / 8;
            double snr = snr_db(&sine, &out, edge, sine.frames - edge);
            if (!(snr > 95))
                fail_msg("%d Hz: %.1f dB", rates[r], snr);
            audio_free(&sine);
            audio_free(&inner);
            audio_free(&out);
        }
}

static void what_goes_out_may_be_of_any_length(void **state) {
    (void)state;
    for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++)
        for (int64_t frames = 1; frames < 400; frames = frames * 3 + 1) {
            Audio noise = audio_noise(1, rates[r], frames, 0.5f);
            Audio inner = convert(&noise, 44100, 64);
            write_at_rate(in_folder("x.wav"), rates[r], &inner, frames, 64);
            Audio out = read_audio(in_folder("x.wav"), NULL, 0, 0, 1000);
            assert_int_equal(out.frames, frames);
            audio_free(&out);
            write_at_rate(in_folder("x.wav"), rates[r], &inner, -1, 64);
            out = read_audio(in_folder("x.wav"), NULL, 0, 0, 1000);
            assert_int_equal(out.frames, resampled_frames(inner.frames, 44100, rates[r]));
            audio_free(&noise);
            audio_free(&inner);
            audio_free(&out);
        }
}

static void blocks_leave_no_trace_in_what_goes_out(void **state) {
    (void)state;
    const int64_t steps[] = {1, 333, 4097, 100000};
    Audio noise = audio_noise(2, 44100, 12345, 1.0f);
    Audio whole = one_shot(&noise, 48000);
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        write_at_rate(in_folder("x.wav"), 48000, &noise, whole.frames, steps[s]);
        Audio out = read_audio(in_folder("x.wav"), NULL, 0, 0, 1000);
        assert_same_audio(&whole, &out);
        audio_free(&out);
    }
    audio_free(&whole);
    audio_free(&noise);
}

static void lengths_that_do_not_fit_are_unknown(void **state) {
    (void)state;
    assert_int_equal(resampled_frames(INT64_MAX, 1, 2), 0);
    assert_int_equal(resampled_frames(INT64_MAX, 44100, 44100), INT64_MAX);
    assert_int_equal(resampled_frames(-5, 44100, 48000), 0);
    assert_int_equal(resampled_frames(441, 44100, 48000), 480);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sine_stays_a_sine),
        cmocka_unit_test(any_length_gives_the_rounded_length),
        cmocka_unit_test(blocks_of_any_size_equal_one_shot_bit_for_bit),
        cmocka_unit_test(input_in_odd_pieces_equals_one_shot_bit_for_bit),
        cmocka_unit_test(senseless_rates_are_refused),
        TEST(what_goes_out_is_as_long_and_in_step),
        TEST(what_goes_out_may_be_of_any_length),
        TEST(blocks_leave_no_trace_in_what_goes_out),
        cmocka_unit_test(lengths_that_do_not_fit_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
