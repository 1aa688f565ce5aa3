/* build.c: how the library was built, and the versions of the libraries that it uses. */
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
#include "diagnose/findings.h"

#if defined(__clang__)
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

#ifdef NDEBUG
#define ASSERTIONS "off"
#else
#define ASSERTIONS "on"
#endif

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
    findings_fact(findings, "formats written", "%s%s%s", written, *lacking ? "; not " : "",
                  lacking);
}

void find_build(Findings *findings) {
    char libc[64];
    platform_libc_name(libc, sizeof(libc));
    findings_fact(findings, "library", "%s", cleave_version());
    findings_fact(findings, "compiler", "%s", COMPILER);
    findings_fact(findings, "options", "%s", CLEAVE_BUILD_OPTIONS);
    findings_fact(findings, "libc", "%s", libc);
    findings_fact(findings, "assertions", ASSERTIONS);
    find_formats(findings);
}

/* The version without the name: some libraries say "libsoxr-0.1.3". */
static const char *behind_dash(const char *version) {
    const char *dash = strchr(version, '-');
    return dash ? dash + 1 : version;
}

static void find_ffmpeg(Findings *findings) {
#ifdef HAVE_FFMPEG
    unsigned version = avformat_version();
    findings_fact(findings, "FFmpeg", "%s (libavformat %u.%u.%u)", av_version_info(), version >> 16,
                  version >> 8 & 255U, version & 255U);
#else
    findings_fact(findings, "FFmpeg", "not built in");
#endif
}

/* Behind the version of a library that does not tell its own at run time. */
#define WHEN_BUILT " (when it was built)"

#if JANSSON_VERSION_HEX < 0x020d00
#define jansson_version_str() JANSSON_VERSION WHEN_BUILT
#endif

void find_libraries(Findings *findings) {
    int major = 0;
    int minor = 0;
    int patch = 0;
    ebur128_get_version(&major, &minor, &patch);
    findings_fact(findings, "libsndfile", "%s", behind_dash(sf_version_string()));
    findings_fact(findings, "soxr", "%s", behind_dash(soxr_version()));
    find_ffmpeg(findings);
    findings_fact(findings, "jansson", "%s", jansson_version_str());
    findings_fact(findings, "libyaml", "%s", yaml_get_version_string());
    findings_fact(findings, "zlib", "%s", zlibVersion());
    findings_fact(findings, "minizip", CLEAVE_MINIZIP_VERSION WHEN_BUILT);
    findings_fact(findings, "kissfft", CLEAVE_KISSFFT_VERSION WHEN_BUILT);
    findings_fact(findings, "libpng", "%s", png_get_libpng_ver(NULL));
    findings_fact(findings, "libebur128", "%d.%d.%d", major, minor, patch);
}
