/* html.h: text, links and files the way HTML takes them. Whatever a name holds, it stays a name. */
#ifndef CLEAVE_CLI_HTML_H
#define CLEAVE_CLI_HTML_H

#include <stdbool.h>
#include <stdio.h>

/* Writes text, for between tags and in quoted attributes. */
void html_text(FILE *page, const char *text);

/* Writes the address of a file, relative to `folder`, where the page is. */
void html_link(FILE *page, const char *folder, const char *path);

/* Writes a file as a data: address, in pieces; false where it cannot be read. */
bool html_data(FILE *page, const char *type, const char *path);

/* The media type of an audio file by its extension. */
const char *html_audio_type(const char *path);

#endif
