/* html.h: writes text, links and files into HTML, escaped so that no name becomes markup. */
#ifndef CLEAVE_CLI_HTML_H
#define CLEAVE_CLI_HTML_H

#include <stdbool.h>
#include <stdio.h>

/* Writes text, for between tags and in quoted attributes. */
void html_text(FILE *page, const char *text);

/* Writes the address of a file, relative to `folder`, where the page is. */
void html_link(FILE *page, const char *folder, const char *path);

/* Writes the content of a file as a data: address. False if it cannot be read. */
bool html_data(FILE *page, const char *type, const char *path);

/* The media type of an audio file by its extension. */
const char *html_audio_type(const char *path);

#endif
