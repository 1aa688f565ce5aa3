/* source_end.c: decides whether an end is an error, and words the warning. */
#include "audio/decode/source_end.h"

#include <stdio.h>
#include <string.h>

/* "12.345 s" */
typedef struct Seconds {
    char text[32];
} Seconds;

static Seconds seconds_of(int64_t frames, int sample_rate) {
    Seconds seconds;
    snprintf(seconds.text, sizeof(seconds.text), "%.3f s", (double)frames / sample_rate);
    return seconds;
}

static bool kept_its_promise(const SourceEnd *end, int64_t tolerance) {
    return end->promised > 0 && end->promised - end->position <= tolerance;
}

/* A promise that is nearly kept does not excuse a frame that is cut. */
#define CUT_TOLERANCE_MS 3

static const char *why_it_fails(const SourceEnd *end, int sample_rate) {
    int64_t tolerance = (int64_t)sample_rate * CUT_TOLERANCE_MS / 1000;
    if (end->tolerance < tolerance)
        tolerance = end->tolerance;
    if (end->read_error)
        return end->read_error;
    if (end->position == 0 && end->promised > 0)
        return end->broken ? end->broken : "nothing in it can be decoded";
    return kept_its_promise(end, tolerance) ? NULL : end->broken;
}

/* " of 12.345 s", where the file is known to be longer. */
static void format_whole(const SourceEnd *end, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    if (end->promised > end->position)
        snprintf(text, size, " of %s", seconds_of(end->promised, sample_rate).text);
}

static cleave_status break_off(const AudioSource *source, const SourceEnd *end, const char *why,
                               cleave_error *error) {
    char of[64];
    int rate = source->format.sample_rate;
    format_whole(end, rate, of, sizeof(of));
    Seconds at = seconds_of(end->position, rate);
    if (!source->keep_going)
        return error_advise(error,
                            error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio",
                                           end->path, "breaks off at %s%s: %s", at.text, of, why),
                            "try to copy or download it again, or keep what there is with "
                            "--keep-going");
    if (!source->judged)
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": breaks off at %s%s: %s; what came before is kept", end->path,
                  at.text, of, why);
    return CLEAVE_OK;
}

/* "damaged in 2 places, the first at 1.234 s; 0.026 s of silence in its place" */
static void format_damage(const SourceEnd *end, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    if (end->damaged_places == 0)
        return;
    char silent[64] = "";
    if (end->silence > 0)
        snprintf(silent, sizeof(silent), "; %s of silence in its place",
                 seconds_of(end->silence, sample_rate).text);
    Seconds first = seconds_of(end->first_damage, sample_rate);
    if (end->damaged_places == 1)
        snprintf(text, size, "damaged at %s%s", first.text, silent);
    else
        snprintf(text, size, "damaged in %lld places, the first at %s%s",
                 (long long)end->damaged_places, first.text, silent);
}

/* In seconds, or where these look the same, in frames. */
static void format_length(const SourceEnd *end, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    bool less = end->promised - end->position > end->tolerance;
    bool more = end->position - end->promised > end->tolerance;
    if (end->promised == 0 || !(less || (more && end->more_is_remarkable)))
        return;
    Seconds promised = seconds_of(end->promised, sample_rate);
    Seconds there = seconds_of(end->position, sample_rate);
    if (strcmp(promised.text, there.text) == 0) {
        snprintf(promised.text, sizeof(promised.text), "%lld frames", (long long)end->promised);
        snprintf(there.text, sizeof(there.text), "%lld", (long long)end->position);
    }
    snprintf(text, size, "the header promises %s but there are %s; all are read", promised.text,
             there.text);
}

static void warn_of_end(const AudioSource *source, const SourceEnd *end) {
    char damage[160];
    char length[128];
    format_damage(end, source->format.sample_rate, damage, sizeof(damage));
    format_length(end, source->format.sample_rate, length, sizeof(length));
    const char *parts[] = {damage, length, end->doubt ? end->doubt : ""};
    char text[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i][0] != '\0' && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? "; " : "",
                                     parts[i]);
    if (used > 0)
        log_write(&source->log, CLEAVE_LOG_WARNING, PATH_FORMAT ": %s", end->path, text);
}

cleave_status source_end_judge(AudioSource *source, const SourceEnd *end, cleave_error *error) {
    const char *why = why_it_fails(end, source->format.sample_rate);
    cleave_status status = CLEAVE_OK;
    if (why)
        status = break_off(source, end, why, error);
    else if (!source->judged)
        warn_of_end(source, end);
    source->judged = true;
    return status;
}
