/* report_page.c: writing the page. Its style and script are in report_page.css and
 * report_page.js. */
#include "cli/separate/report_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/embedded.h"
#include "cli/console/html.h"
#include "cli/console/message.h"
#include "cli/console/text.h"
#include "cli/show/score.h"

typedef struct Page {
    FILE *out;
    const Report *report;
    char *folder; /* of the page: links are relative to it */
} Page;

/* ---- Parts ------------------------------------------------------------------------------- */

/* A term and its description, which is escaped. */
static void write_item(const Page *page, const char *term, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write_item(const Page *page, const char *term, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(page->out, "<div><dt>%s</dt><dd>", term);
    html_text(page->out, text);
    fputs("</dd></div>\n", page->out);
}

static void write_text_item(const Page *page, const char *term, const char *text) {
    fprintf(page->out, "<div><dt>%s</dt><dd>", term);
    html_text(page->out, text);
    fputs("</dd></div>\n", page->out);
}

/* A cell of a table of figures; NaN is a dash. */
static void write_number(const Page *page, const char *format, double value) {
    fputs("<td>", page->out);
    if (isnan(value))
        fputs("&ndash;", page->out);
    else if (isinf(value))
        fputs(value < 0.0 ? "&minus;&infin;" : "&infin;", page->out);
    else
        fprintf(page->out, format, value);
    fputs("</td>", page->out);
}

static void write_name(const Page *page, const char *path) {
    char *name = text_file_name(path);
    html_text(page->out, name);
    free(name);
}

static double real_time_speed(double audio_seconds, double seconds) {
    return seconds > 0.0 ? audio_seconds / seconds : (double)NAN;
}

static int64_t file_size(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

/* ---- The head ---------------------------------------------------------------------------- */

static void write_head(const Page *page, const cleave_model_info *model) {
    char date[64] = "";
    struct tm local;
    if (localtime_r(&page->report->date, &local) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S %z", &local);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>cleave report: ",
          page->out);
    html_text(page->out, model->name);
    fprintf(page->out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n",
            embedded_text("report_page.css"));
    fputs("<h1>Separated by ", page->out);
    html_text(page->out, model->name);
    fprintf(page->out, "</h1>\n<p class=\"dim\">%s &middot; cleave %s</p>\n</header>\n<main>\n",
            date, cleave_version());
}

static void write_stem_names(const Page *page, const cleave_model_info *model) {
    fputs("<div><dt>Stems</dt><dd>", page->out);
    for (int i = 0; i < model->stem_count; i++) {
        fputs(i > 0 ? ", " : "", page->out);
        html_text(page->out, model->stems[i]);
    }
    fputs("</dd></div>\n", page->out);
}

static const char *bits_name(const cleave_file_settings *output, const cleave_format_info *format) {
    switch (output->bits != CLEAVE_BITS_AUTO ? output->bits : format->default_bits) {
    case CLEAVE_BITS_16:
        return ", 16 bits";
    case CLEAVE_BITS_24:
        return ", 24 bits";
    case CLEAVE_BITS_FLOAT:
        return ", float";
    case CLEAVE_BITS_AUTO:
        break;
    }
    return "";
}

static void write_settings(const Page *page, const cleave_model_info *model,
                           const cleave_separator_info *separator) {
    const SeparateOptions *options = page->report->options;
    fputs("<section class=\"card\">\n<dl>\n", page->out);
    write_text_item(page, "Model", model->path);
    write_stem_names(page, model);
    write_item(page, "Device", "%s%s%s%s, %d threads", separator->device,
               *separator->kernels != '\0' ? " (" : "", separator->kernels,
               *separator->kernels != '\0' ? ")" : "", separator->threads);
    write_text_item(page, "Precision", separator->precision);
    write_item(page, "Overlap", "%d", separator->overlap);
    write_item(page, "Batch", "%d", separator->batch);
    write_text_item(page, "Blend", separator->blend);
    write_text_item(page, "Test-time augmentation", separator->tta ? "yes" : "no");
    write_text_item(page, "Graph", separator->compiled ? "compiled" : "op by op");
    write_item(page, "Chunk", "%d samples at %d Hz", separator->chunk_size, model->sample_rate);
    cleave_format_info format = separate_format(options->output.format);
    write_item(page, "Format", "%s%s", format.title, bits_name(&options->output, &format));
    fputs("</dl>\n</section>\n", page->out);
}

/* ---- The run ----------------------------------------------------------------------------- */

static void write_row(const Page *page, int index) {
    const ReportTrack *track = &page->report->tracks[index];
    fputs("<tr><th scope=\"row\">", page->out);
    if (track->error == NULL)
        fprintf(page->out, "<a href=\"#track-%d\">", index + 1);
    write_name(page, track->input);
    fputs(track->error == NULL ? "</a></th>" : "</th>", page->out);
    if (track->error != NULL) {
        fputs("<td colspan=\"4\" class=\"words bad\">", page->out);
        html_text(page->out, track->error);
        fputs("</td></tr>\n", page->out);
        return;
    }
    fprintf(page->out, "<td>%s</td>", text_duration(track->audio_seconds).text);
    write_number(page, "%.1f s", track->seconds);
    write_number(page, "%.1f&times;", real_time_speed(track->audio_seconds, track->seconds));
    fputs("<td class=\"words good\">done</td></tr>\n", page->out);
}

static void write_totals(const Page *page) {
    const Report *report = page->report;
    double audio = 0.0;
    double seconds = 0.0;
    double network = 0.0;
    int done = 0;
    for (int i = 0; i < report->track_count; i++) {
        audio += report->tracks[i].audio_seconds;
        seconds += report->tracks[i].seconds;
        network += report->tracks[i].network_seconds;
        done += report->tracks[i].error == NULL;
    }
    fprintf(page->out, "<p class=\"dim\">%d of %d tracks done", done, report->track_count);
    if (done > 0)
        fprintf(page->out,
                ": %s of audio in %.1f s, %.1f&times; real time (the network alone: %.1f s)",
                text_duration(audio).text, seconds, real_time_speed(audio, seconds), network);
    fprintf(page->out, ". The whole run, with loading, pictures and measurements: %.1f s.</p>\n",
            report->seconds);
}

static void write_run(const Page *page) {
    fputs("<section class=\"card\">\n<h2>Tracks</h2>\n", page->out);
    write_totals(page);
    fputs(
        "<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">Track</th>"
        "<th scope=\"col\">Duration</th><th scope=\"col\">Time</th>"
        "<th scope=\"col\">Real time</th><th scope=\"col\" class=\"words\">Status</th></tr></thead>"
        "\n<tbody>\n",
        page->out);
    for (int i = 0; i < page->report->track_count; i++)
        write_row(page, i);
    fputs("</tbody>\n</table>\n</div>\n</section>\n", page->out);
}

/* ---- A track ----------------------------------------------------------------------------- */

static void write_source(const Page *page, const char *path) {
    if (!page->report->options->report_embed)
        html_link(page->out, page->folder, path);
    else if (!html_data(page->out, html_audio_type(path), path))
        message_warning("--report-embed: cannot read %s; the page lacks it", path);
}

static void write_channel(const Page *page, const ReportTrack *track, int index) {
    const ReportFile *file = &track->files[index];
    bool is_mix = strcmp(file->path, track->input) == 0;
    fprintf(page->out, "<li class=\"channel\"%s><span class=\"name\">", is_mix ? " data-mix" : "");
    if (!page->report->options->report_embed) {
        fputs("<a href=\"", page->out);
        html_link(page->out, page->folder, file->path);
        fputs("\">", page->out);
    }
    html_text(page->out, file->name);
    fputs(page->report->options->report_embed ? "<small>" : "</a><small>", page->out);
    write_name(page, file->path);
    fprintf(page->out, ", %s <span class=\"fault bad\"></span></small></span>\n",
            text_bytes(file_size(file->path)).text);
    fputs("<span class=\"switches\" hidden>"
          "<button type=\"button\" class=\"mute\" aria-pressed=\"false\">Mute</button>"
          "<button type=\"button\" class=\"solo\" aria-pressed=\"false\">Solo</button></span>\n"
          "<audio controls preload=\"none\" src=\"",
          page->out);
    write_source(page, file->path);
    fputs("\"></audio></li>\n", page->out);
}

static void write_player(const Page *page, const ReportTrack *track) {
    fprintf(
        page->out,
        "<div class=\"mixer\" hidden><button type=\"button\" class=\"play\">Play</button>"
        "<input type=\"range\" min=\"0\" max=\"%.3f\" step=\"0.01\" value=\"0\" "
        "aria-label=\"Position\"><span class=\"clock\"></span></div>\n<ul class=\"channels\">\n",
        track->audio_seconds);
    for (int i = 0; i < track->file_count; i++)
        write_channel(page, track, i);
    fputs("</ul>\n", page->out);
}

static void write_figures(const Page *page, const ReportTrack *track, const ReportFile *file) {
    cleave_loudness none = {(double)NAN, (double)NAN, (double)NAN, (double)NAN, 0, 0, 0, 0};
    const cleave_loudness *loudness = file->measured ? &file->loudness : &none;
    fputs("<tr><th scope=\"row\">", page->out);
    html_text(page->out, file->name);
    fputs("</th>", page->out);
    write_number(page, "%.1f", loudness->integrated);
    write_number(page, "%.1f", loudness->range);
    write_number(page, "%+.1f", loudness->true_peak);
    write_number(page, "%+.1f", loudness->sample_peak);
    int64_t clipped = loudness->full_scale_samples;
    if (file->measured)
        fprintf(page->out, "<td%s>%" PRId64 "</td>", clipped > 0 ? " class=\"warm\"" : "", clipped);
    else
        fputs("<td>&ndash;</td>", page->out);
    if (track->scored)
        write_number(page, "%.2f", file->sdr);
    fputs("</tr>\n", page->out);
}

static void write_loudness(const Page *page, const ReportTrack *track) {
    fprintf(page->out,
            "<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">File</th>"
            "<th scope=\"col\">Loudness LUFS</th><th scope=\"col\">Range LU</th>"
            "<th scope=\"col\">True peak dBTP</th><th scope=\"col\">Sample peak dBFS</th>"
            "<th scope=\"col\">Clipped</th>%s</tr></thead>\n<tbody>\n",
            track->scored ? "<th scope=\"col\">SDR dB</th>" : "");
    for (int i = 0; i < track->file_count; i++)
        write_figures(page, track, &track->files[i]);
    fputs("</tbody>\n</table>\n</div>\n", page->out);
}

static void write_picture(const Page *page, const ReportTrack *track) {
    if (track->picture == NULL)
        return;
    fputs("<figure><img alt=\"Spectrograms of the mix and of each stem\" src=\"", page->out);
    if (!html_data(page->out, "image/png", track->picture))
        message_warning("--report: cannot read %s; the page lacks it", track->picture);
    fputs("\"></figure>\n", page->out);
}

static void write_track(const Page *page, int index) {
    const ReportTrack *track = &page->report->tracks[index];
    if (track->error != NULL)
        return;
    fprintf(page->out, "<section class=\"card track\" id=\"track-%d\">\n<h2>", index + 1);
    write_name(page, track->input);
    fprintf(page->out, "</h2>\n<p class=\"dim\">%s, separated in %.1f s",
            text_duration(track->audio_seconds).text, track->seconds);
    fputs("</p>\n", page->out);
    write_player(page, track);
    write_loudness(page, track);
    write_picture(page, track);
    fputs("</section>\n", page->out);
}

/* ---- The whole --------------------------------------------------------------------------- */

static char *page_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return copy_text(".");
    return copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

void report_page_write(FILE *out, const Report *report, const cleave_model_info *model,
                       const cleave_separator_info *separator) {
    Page page = {out, report, page_folder(report->options->report)};
    write_head(&page, model);
    write_settings(&page, model, separator);
    write_run(&page);
    for (int i = 0; i < report->track_count; i++)
        write_track(&page, i);
    fputs("</main>\n<footer><small>Loudness, range and true peak by EBU R 128. Clipped counts the "
          "samples at or beyond full scale; float, MP3 and OGG files keep those beyond it, "
          "and players cut them.</small>"
          "</footer>\n<script>\n",
          out);
    fprintf(out, "%s</script>\n</body>\n</html>\n", embedded_text("report_page.js"));
    free(page.folder);
}
