/* separator_options.c: rows for cleave_separator_settings that several commands share. */
#include "cli/options/separator_options.h"

#include <string.h>

#include "cli/console/message.h"

/* The offset of a setting. */
#define AT(field) offsetof(cleave_separator_settings, field)

const Option device_rows[] = {
    {OPTION_TEXT, 'd', "device", "DEVICE", AT(device),
     "auto (default), cpu, mps, cuda or cuda:1; 'cleave devices' lists what is there",
     .complete = COMPLETE_DEVICE},
    {OPTION_END}};

const Option threads_rows[] = {{OPTION_NUMBER, 't', "threads", "N", AT(threads),
                                "CPU threads, 1 to 256 (default: as many as this process may use)",
                                .low = 1, .high = 256},
                               {OPTION_END}};

const Option overlap_rows[] = {
    {OPTION_NUMBER, 0, "overlap", "N", AT(overlap),
     "how many chunks cover each moment, 1 to 50 (default: as configured); more is "
     "smoother and slower",
     .low = 1, .high = CLEAVE_OVERLAP_MAX},
    {OPTION_END}};

static const Choice automatic[] = {{"auto", 0}, {NULL, 0}};

const Option batch_rows[] = {
    {OPTION_NUMBER, 'b', "batch", "N", AT(batch),
     "chunks per run, 1 to 64, or auto (default); changes speed and memory, never the "
     "result; lowered to what fits into memory",
     .low = 1, .high = BATCH_MAX, .choices = automatic, .also = " or auto"},
    {OPTION_END}};

const Option memory_rows[] = {
    {OPTION_SIZE, 0, "max-memory", "SIZE", AT(max_memory),
     "memory that the program may use, such as 600M, 2G or 1.5GiB (k, M, G, T: powers of "
     "1000; Ki, Mi, Gi, Ti: of 1024; none: bytes); a larger batch is lowered to it. "
     "Default: what the system, its containers and ulimit leave"},
    {OPTION_END}};

static const Choice blends[] = {{"fade", CLEAVE_BLEND_FADE},
                                {"mean", CLEAVE_BLEND_MEAN},
                                {"hamming", CLEAVE_BLEND_HAMMING},
                                {NULL, 0}};

const Option blend_rows[] = {
    {OPTION_CHOICE, 0, "blend", "WAY", AT(blend),
     "how chunks become one signal: fade (default, the training framework's), mean "
     "(UVR's) or hamming (audio-separator's, for Roformers)",
     .choices = blends},
    {OPTION_END}};

const Option compile_rows[] = {{OPTION_CONSTANT, 0, "no-compile", NULL, AT(compile),
                                "run the network op by op instead of as one compiled graph",
                                .value = 0},
                               {OPTION_END}};

static bool check_stems(const Option *row, const char *value, void *field) {
    char *const *stems = *(char ***)field;
    (void)row;
    (void)value;
    for (size_t i = 0; stems[i] != NULL; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(stems[i], stems[k]) == 0) {
                message_error("--stems: a stem is named twice; write it as kick,snare");
                return false;
            }
    return true;
}

const Option stems_rows[] = {
    {OPTION_LIST, 0, "stems", "A,B", 0,
     "these stems only (default: all); a Roformer loads and computes no others",
     .work = check_stems, .example = "stems such as kick,snare"},
    {OPTION_END}};

void separator_set_stems(cleave_separator_settings *settings, char **stems) {
    settings->stems = (const char *const *)stems;
    settings->stem_count = 0;
    while (stems != NULL && stems[settings->stem_count] != NULL)
        settings->stem_count++;
}
