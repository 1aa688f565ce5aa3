/* input_extensions.c: the file extensions that this build reads, for finding files in folders. What
 * a file is, its content decides. */
#include "cleave/extra.h"

static const char *const extensions[] = {
    "wav",  "wave", "bwf",  "rf64", "w64", "aif", "aiff", "aifc", "au",  "snd", "caf", "flac",
    "ogg",  "oga",  "opus",
#if defined(HAVE_SNDFILE_MPEG) || defined(HAVE_FFMPEG)
    "mp3",
#endif
#ifdef HAVE_FFMPEG
    "mp2",  "m4a",  "m4b",  "mp4",  "mov", "aac", "webm", "mkv",  "mka", "wma", "asf", "wv",
    "ape",  "tta",  "mpc",  "ac3",  "dts", "dsf", "dff",  "amr",  "avi", "flv", "3gp", "mpg",
    "mpeg", "ts",   "mts",  "m2ts", "vob", "ogv", "wmv",  "m4v",  "m4r", "m4p", "spx",
#endif
    0};

const char *const *cleave_input_extensions(void) {
    return extensions;
}
