/* report_page.h: a report as one HTML page that refers to nothing outside of it but the audio
 * files, and with --report-embed not even to them. */
#ifndef CLEAVE_CLI_REPORT_PAGE_H
#define CLEAVE_CLI_REPORT_PAGE_H

#include <stdio.h>

#include "cli/separate/report.h"

/* Writes the page; whether that succeeded, ferror(page) knows. */
void report_page_write(FILE *page, const Report *report, const cleave_model_info *model,
                       const cleave_separator_info *separator);

#endif
