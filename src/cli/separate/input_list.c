/* input_list.c: splits a list into paths. Does not check whether the files exist. */
#include "cli/separate/input_list.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/message.h"

#define LONGEST_PATH PATH_MAX
#define LARGEST_LIST \
    ((size_t)64      \
     << 20) /* bytes: about a million paths; some files, such as /dev/zero, have no end */

static const char byte_order_mark[] = "\xEF\xBB\xBF"; /* some editors write it before UTF-8 */

typedef struct ListReader {
    PathList *list;
    FILE *stream;
    const char *name; /* for messages */
    bool ended_by_null;
    size_t bytes;     /* read so far */
    size_t entry;     /* number of the line, from 1 */
    bool holds_null;  /* an entry ended with a NUL byte */
    bool holds_lines; /* an entry contains a newline */
} ListReader;

/* A lone dash would mean standard input elsewhere; in a list it is a file name. */
static void list_add_path(PathList *list, const char *path) {
    list->paths = make_room(list->paths, list->count, &list->capacity, sizeof *list->paths);
    list->paths[list->count++] = copy_text(strcmp(path, "-") == 0 ? "./-" : path);
}

static bool list_is_blank(const char *line) {
    return line[strspn(line, " \t")] == '\0';
}

/* `text` is one line without its end. */
static void list_take_line(const ListReader *reader, char *text) {
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\r')
        text[length - 1] = '\0';
    size_t mark = reader->entry == 1 && strncmp(text, byte_order_mark, 3) == 0 ? 3 : 0;
    if (!list_is_blank(text + mark))
        list_add_path(reader->list, text + mark);
}

static void list_take_entry(ListReader *reader, char *text) {
    if (!reader->ended_by_null)
        list_take_line(reader, text);
    else if (*text != '\0')
        list_add_path(reader->list, text);
    reader->holds_lines = reader->holds_lines || strchr(text, '\n') != NULL;
}

static bool list_reject(const ListReader *reader, const char *why) {
    message_error("--from-list: %s: %s %zu %s", reader->name,
                  reader->ended_by_null ? "entry" : "line", reader->entry, why);
    return false;
}

/* Reads the next entry into `text` of LONGEST_PATH + 1 bytes. *more: whether there was one. False
 * if this cannot be a list of paths, which is said. */
static bool list_read_entry(ListReader *reader, char *text, bool *more) {
    int end = reader->ended_by_null ? '\0' : '\n';
    size_t length = 0;
    int byte;
    reader->entry++;
    while ((byte = getc(reader->stream)) != EOF && byte != end) {
        if (byte == '\0')
            return list_reject(reader, "holds a NUL byte; name a list of paths, or add --null if "
                                       "NUL bytes end them");
        if (length == LONGEST_PATH)
            return list_reject(reader, reader->ended_by_null
                                           ? "is longer than a path can be; leave out --null if "
                                             "each line is a path"
                                           : "is longer than a path can be; name a list of paths");
        text[length++] = (char)byte;
    }
    text[length] = '\0';
    reader->holds_null = reader->holds_null || byte == '\0';
    *more = length > 0 || byte != EOF;
    reader->bytes += length + 1;
    if (reader->bytes <= LARGEST_LIST)
        return true;
    message_error("--from-list: %s: longer than %zu MiB; name a list of paths, or split it",
                  reader->name, LARGEST_LIST >> 20);
    return false;
}

static bool list_read_entries(ListReader *reader) {
    char text[LONGEST_PATH + 1];
    bool more = true;
    while (more) {
        if (!list_read_entry(reader, text, &more))
            return false;
        if (more)
            list_take_entry(reader, text);
    }
    return true;
}

static bool list_check(const ListReader *reader) {
    if (ferror(reader->stream))
        message_error("--from-list: cannot read %s: %s; name a list of paths", reader->name,
                      strerror(errno));
    else if (reader->ended_by_null && !reader->holds_null && reader->holds_lines)
        message_error("--from-list: %s: no NUL byte ends a path in it; leave out --null if each "
                      "line is a path",
                      reader->name);
    else if (reader->list->count == 0)
        message_error("--from-list: %s: no path in it; write one path on each line", reader->name);
    else
        return true;
    return false;
}

bool path_list_read(PathList *list, const char *file, bool ended_by_null) {
    bool is_input = strcmp(file, "-") == 0;
    ListReader reader = {.list = list,
                         .stream = is_input ? stdin : fopen(file, "rb"),
                         .name = is_input ? "standard input" : file,
                         .ended_by_null = ended_by_null};
    *list = (PathList){NULL, 0, 0};
    if (reader.stream == NULL) {
        message_error("--from-list: cannot open %s: %s; name a list of paths, or - for standard "
                      "input",
                      file, strerror(errno));
        return false;
    }
    bool good = list_read_entries(&reader) && list_check(&reader);
    if (!is_input)
        fclose(reader.stream);
    return good;
}

void path_list_free(PathList *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (PathList){NULL, 0, 0};
}
