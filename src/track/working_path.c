/* side_file.c: see side_file.h. */
#include "track/working_path.h"

#include <stddef.h>

#include "base/memory.h"
#include "base/path.h"

/* So much of a long name is kept that, with what is added, it stays below the 255 bytes that file
 * systems allow; a number made of the rest keeps names apart. */
#define NAME_PART 200

static unsigned number_of(const char *text) {
    unsigned number = 2166136261u; /* FNV-1a */
    for (; *text; text++)
        number = (number ^ (unsigned char)*text) * 16777619u;
    return number;
}

char *side_file_path(const char *output, const char *kind) {
    const char *name = path_file_name(output);
    int folder = (int)(name - output);
    size_t length = path_part_length(name, NAME_PART);
    if (name[length] == '\0')
        return string_format("%.*s.%s.%s", folder, output, name, kind);
    return string_format("%.*s.%.*s.%08x.%s", folder, output, (int)length, name,
                         number_of(name + length), kind);
}
