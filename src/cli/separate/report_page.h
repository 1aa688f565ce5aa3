/* report_page.h: writes a report as one HTML page, which needs no other files than the audio; with
 * --report-embed not even those. */
#ifndef CLEAVE_CLI_REPORT_PAGE_H
#define CLEAVE_CLI_REPORT_PAGE_H

#include <stdio.h>

#include "cli/separate/report.h"

/* Writes the page. ferror(page) says whether that failed. */
void report_page_write(FILE *page, const Report *report, const cleave_model_info *model,
                       const cleave_separator_info *separator);

#endif
