/* bench_html.c: the page of `cleave bench --html`: a bar for each configuration, and the table. It
 * needs nothing from elsewhere. */
#include <stdio.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/atomic_file.h"
#include "cli/console/embedded.h"
#include "cli/console/html.h"
#include "cli/console/message.h"
#include "cli/console/text.h"
#include "cli/show/devices.h"
#include "cli/trials/bench.h"

/* The chart, in SVG's units. */
#define CHART_WIDTH 900
#define ROW_HEIGHT  30
#define LABEL_WIDTH 340
#define VALUE_WIDTH 90

static const char chart_style[] = ".chart text{fill:var(--text);font-size:15px}"
                                  ".chart rect{fill:var(--accent)}"
                                  ".chart{width:100%;height:auto}";

static double fastest_real_time(const Bench *bench) {
    const BenchResult *fastest = bench_fastest(bench);
    return fastest != NULL ? bench_real_time(bench, fastest) : 0;
}

static void write_label(FILE *page, const BenchResult *result) {
    char text[128];
    snprintf(text, sizeof text, "%s%s, overlap %d, batch %d", result->mode.name,
             result->mode.simulated ? " (simulated)" : "", result->overlap, result->batch);
    html_text(page, text);
}

static void write_bar(FILE *page, const Bench *bench, const BenchResult *result, int row) {
    double part = bench_real_time(bench, result) / fastest_real_time(bench);
    double width = part * (CHART_WIDTH - LABEL_WIDTH - VALUE_WIDTH);
    int top = row * ROW_HEIGHT;
    fprintf(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL_WIDTH - 10, top + 20);
    write_label(page, result);
    fprintf(page,
            "</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"3\"/>"
            "<text x=\"%.1f\" y=\"%d\">%.2f&times;</text>\n",
            LABEL_WIDTH, top + 4, width, ROW_HEIGHT - 8, LABEL_WIDTH + width + 8, top + 20,
            bench_real_time(bench, result));
}

static void write_chart(FILE *page, const Bench *bench) {
    int rows = 0;
    while (rows < bench->count && bench->results[rows].runs > 0)
        rows++;
    fprintf(page,
            "<section class=\"card\"><h2>Speed</h2><p class=\"dim\">Seconds of audio per second of "
            "work: 1&times; is real time</p>\n<svg class=\"chart\" role=\"img\" "
            "aria-label=\"Speed of each configuration\" viewBox=\"0 0 %d %d\">\n",
            CHART_WIDTH, rows * ROW_HEIGHT);
    for (int i = 0; i < rows; i++)
        write_bar(page, bench, &bench->results[i], i);
    fputs("</svg></section>\n", page);
}

static void write_row(FILE *page, const Bench *bench, const BenchResult *result) {
    fputs("<tr><th>", page);
    write_label(page, result);
    fputs("</th>", page);
    if (result->runs > 0) {
        fprintf(page,
                "<td>%.3f s</td><td>&plusmn;%.0f %%</td><td>%.2f&times;</td><td>%.2f&times;</td>",
                bench_median(result), 100 * bench_spread(result), bench_real_time(bench, result),
                bench_speed_up(bench, result));
        fprintf(page, "<td>%.2f s</td><td>%.2f s</td><td>%s</td><td>%s</td><td>%lld</td>",
                result->open_seconds, result->warm_seconds, text_bytes(result->host_memory).text,
                text_bytes(result->device_memory).text, (long long)result->fallback_ops);
    } else {
        fputs("<td class=\"words bad\" colspan=\"9\">", page);
        html_text(page, result->error.status != CLEAVE_OK ? result->error.text : "not run");
        fputs("</td>", page);
    }
    fputs("</tr>\n", page);
}

static void write_table(FILE *page, const Bench *bench) {
    fprintf(page,
            "<section class=\"card\"><h2>Figures</h2><p class=\"dim\">Medians of %d runs, &plusmn; "
            "half of their range; what making ready and warming up took is apart. Host memory is "
            "the process's peak.</p><div class=\"scroll\"><table><thead><tr>"
            "<th>configuration</th><th>median</th><th>spread</th><th>real time</th>"
            "<th>speed-up</th><th>making ready</th><th>warm-up</th><th>host memory</th>"
            "<th>device memory</th><th>fallback ops</th></tr></thead><tbody>\n",
            bench->options->runs);
    for (int i = 0; i < bench->count; i++)
        write_row(page, bench, &bench->results[i]);
    fputs("</tbody></table></div></section>\n", page);
}

static void write_page(FILE *page, const Bench *bench) {
    const cleave_audio *audio = &bench->trial.audio;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
          "<title>cleave bench</title><style>\n",
          page);
    fprintf(page, "%s%s</style></head><body>\n<header><h1>", embedded_text("report_page.css"),
            chart_style);
    html_text(page, bench->model.name);
    fprintf(page, "</h1><p class=\"dim\">cleave %s; %.1f s of ", cleave_version(),
            (double)audio->samples / (double)audio->sample_rate);
    html_text(page, bench->trial.input != NULL ? bench->trial.input : "generated audio");
    fputs("</p>", page);
    if (bench->simulated[0] != '\0') {
        fputs("<p class=\"bad\">Simulated: ", page);
        html_text(page, bench->simulated);
        fputs("; " SIMULATED_MEANS "</p>", page);
    }
    fputs("</header><main>\n", page);
    write_chart(page, bench);
    write_table(page, bench);
    fputs("</main></body></html>\n", page);
}

bool bench_write_html(const Bench *bench, const char *path) {
    AtomicFile file;
    int number = atomic_file_open(&file, path);
    if (number == 0) {
        write_page(file.stream, bench);
        number = atomic_file_close(&file, true);
    }
    if (number != 0)
        message_error("--html: cannot write %s: %s; choose another place", path, strerror(number));
    return number == 0;
}
