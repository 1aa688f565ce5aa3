/* build.c: how the library was built, and with which versions of others it runs. */
#include <ebur128.h>
#include <jansson.h>
#include <png.h>
#include <sndfile.h>
#include <soxr.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include <zlib.h>
#ifdef HAVE_FFMPEG
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#endif

#include "base/platform.h"
#include "cleave/extra.h"
#include "diagnose/findings.h"

static void fact(Findings *findings, const char *name, const char *text) {
    findings_add(findings, CLEAVE_FINDING_FACT, name, "%s", text);
}

static void find_formats(Findings *findings) {
    cleave_format_info formats[CLEAVE_FORMATS];
    char written[128] = "";
    char lacking[64] = "";
    cleave_format_list(formats, CLEAVE_FORMATS);
    for (int i = 0; i < CLEAVE_FORMATS; i++) {
        char *list = formats[i].available ? written : lacking;
        size_t size = formats[i].available ? sizeof(written) : sizeof(lacking);
        size_t used = strlen(list);
        snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", formats[i].name);
    }
    findings_add(findings, CLEAVE_FINDING_FACT, "formats written", "%s%s%s", written,
                 *lacking ? "; not " : "", lacking);
}

void find_build(Findings *findings) {
    char libc[64];
    fact(findings, "library", cleave_version());
#if defined(__clang__)
    fact(findings, "compiler", __VERSION__);
#else
    fact(findings, "compiler", "gcc " __VERSION__);
#endif
    fact(findings, "options", CLEAVE_BUILD_OPTIONS);
    platform_libc_name(libc, sizeof(libc));
    fact(findings, "libc", libc);
#ifdef NDEBUG
    fact(findings, "assertions", "off");
#else
    fact(findings, "assertions", "on");
#endif
    find_formats(findings);
}

/* Those that do not tell their version while they run: the one that was built with. */
static void built_with(Findings *findings, const char *name, const char *version) {
    findings_add(findings, CLEAVE_FINDING_FACT, name, "%s (when it was built)", version);
}

/* "libsoxr-0.1.3" tells its name too. */
static const char *behind_dash(const char *version) {
    const char *dash = strchr(version, '-');
    return dash ? dash + 1 : version;
}

static void find_ffmpeg(Findings *findings) {
#ifdef HAVE_FFMPEG
    unsigned version = avformat_version();
    findings_add(findings, CLEAVE_FINDING_FACT, "FFmpeg", "%s (libavformat %u.%u.%u)",
                 av_version_info(), version >> 16, version >> 8 & 255U, version & 255U);
#else
    fact(findings, "FFmpeg", "not built in");
#endif
}

void find_libraries(Findings *findings) {
    int major = 0;
    int minor = 0;
    int patch = 0;
    fact(findings, "libsndfile", behind_dash(sf_version_string()));
    fact(findings, "soxr", behind_dash(soxr_version()));
    find_ffmpeg(findings);
#if JANSSON_VERSION_HEX >= 0x020d00
    fact(findings, "jansson", jansson_version_str());
#else
    built_with(findings, "jansson", JANSSON_VERSION);
#endif
    fact(findings, "libyaml", yaml_get_version_string());
    fact(findings, "zlib", zlibVersion());
    built_with(findings, "minizip", CLEAVE_MINIZIP_VERSION);
    built_with(findings, "kissfft", CLEAVE_KISSFFT_VERSION);
    fact(findings, "libpng", png_get_libpng_ver(NULL));
    ebur128_get_version(&major, &minor, &patch);
    findings_add(findings, CLEAVE_FINDING_FACT, "libebur128", "%d.%d.%d", major, minor, patch);
}
