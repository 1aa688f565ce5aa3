/* output_name.c: a name template filled in, and names from outside made safe as parts of a path. */
#include "track/output_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "base/memory.h"
#include "base/utf8.h"

/* ---- Parts of a path ---- */

/* Whether a character may stand in a part of a path. Bytes that are no UTF-8 may: a file may have
 * such a name, and its outputs are found by it. */
static bool output_name_allows(uint32_t code) {
    return code != '/' && code != '\\' && utf8_is_harmless(code);
}

/* Makes a name from outside one part of a path, to be freed; NULL if memory runs out. "_" takes the
 * place of separators and of characters that steer a terminal or hide what stands behind them, of
 * "." and ".." as whole names, and of an empty name. */
static char *output_name_part(const char *name) {
    char *part = string_copy(name[0] ? name : "_");
    if (!part)
        return NULL;
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
        memset(part, '_', strlen(part));
    char *to = part;
    for (const char *from = part; *from;) {
        uint32_t code;
        size_t length = utf8_decode(from, &code);
        if (output_name_allows(code))
            memmove(to, from, length);
        else
            *to = '_';
        to += output_name_allows(code) ? length : 1;
        from += length;
    }
    *to = '\0';
    return part;
}

/* The same for several names with slashes between them; "" if there is none. */
static char *output_name_folder(const char *folder) {
    char *safe = string_copy("");
    while (safe && *folder) {
        size_t length = strcspn(folder, "/");
        char *part = string_format("%.*s", (int)length, folder);
        char *name = part ? output_name_part(part) : NULL;
        char *longer = name ? string_format("%s%s%s", safe, *safe && length > 0 ? "/" : "",
                                            length > 0 ? name : "")
                            : NULL;
        free(part);
        free(name);
        free(safe);
        safe = longer;
        folder += length + (folder[length] == '/');
    }
    return safe;
}

/* ---- The template ---- */

typedef struct Field {
    const char *key; /* "{stem}" */
    char *value;
} Field;

#define FIELD_COUNT 5

static const Field *output_name_field(const Field *fields, const char *text) {
    for (int i = 0; i < FIELD_COUNT; i++)
        if (strncmp(text, fields[i].key, strlen(fields[i].key)) == 0)
            return &fields[i];
    return NULL;
}

/* Whether the next byte behind `text` begins a name. */
static bool output_name_begins(const char *text) {
    return *text == '\0' || text[strlen(text) - 1] == '/';
}

/* The template with its fields replaced, to be freed; NULL if memory runs out. An empty {folder}
 * goes with the slash behind it, or at the end with the one before it. */
static char *output_name_expand(const char *template, const Field *fields) {
    char *text = string_copy("");
    while (text && *template) {
        const Field *field = output_name_field(fields, template);
        template += field ? strlen(field->key) : 0;
        bool is_nothing = field && *field->value == '\0' && output_name_begins(text);
        if (is_nothing && *template == '/')
            template ++;
        else if (is_nothing && *template == '\0' && *text)
            text[strlen(text) - 1] = '\0';
        char *longer = field ? string_format("%s%s", text, field->value)
                             : string_format("%s%c", text, *template ++);
        free(text);
        text = longer;
    }
    return text;
}

static bool output_name_has_all(const Field *fields) {
    bool all = true;
    for (int i = 0; i < FIELD_COUNT; i++)
        all = all && fields[i].value;
    return all;
}

static bool output_name_ends_in_extension(const char *template) {
    static const char ending[] = ".{ext}";
    size_t length = strlen(template);
    return length >= strlen(ending) && strcmp(template + length - strlen(ending), ending) == 0;
}

char *output_path(const cleave_file_settings *settings, const char *track, const char *stem,
                  const char *model) {
    const char *template = settings->name_template;
    const char *extension = audio_format_extension(settings->format);
    Field fields[FIELD_COUNT] = {
        {"{track}", output_name_part(track)},
        {"{stem}", output_name_part(stem)},
        {"{model}", output_name_part(model)},
        {"{ext}", output_name_part(extension)},
        {"{folder}", output_name_folder(settings->folder ? settings->folder : "")}};
    char *path = NULL;
    char *name = NULL;
    if (output_name_has_all(fields))
        name = output_name_expand(template, fields);
    if (name && output_name_ends_in_extension(template))
        path = string_format("%s/%s", settings->directory, name);
    else if (name)
        path = string_format("%s/%s.%s", settings->directory, name, extension);
    for (int i = 0; i < FIELD_COUNT; i++)
        free(fields[i].value);
    free(name);
    return path;
}
