/* source_end.c: see source_end.h. */
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

static bool kept_its_promise(const Ending *ending, int64_t tolerance) {
    return ending->promised > 0 && ending->promised - ending->position <= tolerance;
}

/* A promise that is nearly kept does not excuse a frame that is cut. */
#define CUT_TOLERANCE_MS 3

static const char *why_it_fails(const Ending *ending, int sample_rate) {
    int64_t tolerance = (int64_t)sample_rate * CUT_TOLERANCE_MS / 1000;
    if (ending->tolerance < tolerance)
        tolerance = ending->tolerance;
    if (ending->read_error)
        return ending->read_error;
    if (ending->position == 0 && ending->promised > 0)
        return ending->broken ? ending->broken : "nothing in it can be decoded";
    return kept_its_promise(ending, tolerance) ? NULL : ending->broken;
}

/* " of 12.345 s", where the file is known to be longer. */
static void format_whole(const Ending *ending, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    if (ending->promised > ending->position)
        snprintf(text, size, " of %s", seconds_of(ending->promised, sample_rate).text);
}

static cleave_status break_off(const AudioSource *source, const Ending *ending, const char *why,
                               cleave_error *error) {
    char of[64];
    int rate = source->format.sample_rate;
    format_whole(ending, rate, of, sizeof(of));
    Seconds at = seconds_of(ending->position, rate);
    if (!source->keep_going)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": breaks off at %s%s: %s; try to copy "
                         "or download it again, or keep what there is with --keep-going",
                         ending->path, at.text, of, why);
    if (!source->judged)
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": breaks off at %s%s: %s; what came before is kept", ending->path,
                  at.text, of, why);
    return CLEAVE_OK;
}

/* "damaged in 2 places, the first at 1.234 s; 0.026 s of silence in its place" */
static void format_damage(const Ending *ending, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    if (ending->damaged_places == 0)
        return;
    char silent[64] = "";
    if (ending->silence > 0)
        snprintf(silent, sizeof(silent), "; %s of silence in its place",
                 seconds_of(ending->silence, sample_rate).text);
    Seconds first = seconds_of(ending->first_damage, sample_rate);
    if (ending->damaged_places == 1)
        snprintf(text, size, "damaged at %s%s", first.text, silent);
    else
        snprintf(text, size, "damaged in %lld places, the first at %s%s",
                 (long long)ending->damaged_places, first.text, silent);
}

/* In seconds, or where these look the same, in frames. */
static void format_length(const Ending *ending, int sample_rate, char *text, size_t size) {
    text[0] = '\0';
    bool less = ending->promised - ending->position > ending->tolerance;
    bool more = ending->position - ending->promised > ending->tolerance;
    if (ending->promised == 0 || !(less || (more && ending->more_is_remarkable)))
        return;
    Seconds promised = seconds_of(ending->promised, sample_rate);
    Seconds there = seconds_of(ending->position, sample_rate);
    if (strcmp(promised.text, there.text) == 0) {
        snprintf(promised.text, sizeof(promised.text), "%lld frames", (long long)ending->promised);
        snprintf(there.text, sizeof(there.text), "%lld", (long long)ending->position);
    }
    snprintf(text, size, "the header promises %s but there are %s; all are read", promised.text,
             there.text);
}

static void warn(const AudioSource *source, const Ending *ending) {
    char damage[160];
    char length[128];
    format_damage(ending, source->format.sample_rate, damage, sizeof(damage));
    format_length(ending, source->format.sample_rate, length, sizeof(length));
    const char *parts[] = {damage, length, ending->doubt ? ending->doubt : ""};
    char text[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i][0] != '\0' && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? "; " : "",
                                     parts[i]);
    if (used > 0)
        log_write(&source->log, CLEAVE_LOG_WARNING, PATH_FORMAT ": %s", ending->path, text);
}

cleave_status ending_judge(AudioSource *source, const Ending *ending, cleave_error *error) {
    const char *why = why_it_fails(ending, source->format.sample_rate);
    cleave_status status = CLEAVE_OK;
    if (why)
        status = break_off(source, ending, why, error);
    else if (!source->judged)
        warn(source, ending);
    source->judged = true;
    return status;
}
