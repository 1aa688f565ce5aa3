/* side_file.c: see side_file.h. */
#include "separate/side_file.h"

#include <stddef.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"

/* So much of a long name is kept that, with what is added, it stays below the 255 bytes that file
 * systems allow; a number made of the rest keeps names apart. */
#define NAME_PART 200

char *side_file_path(const char *output, const char *kind) {
    const char *name = path_file_name(output);
    int folder = (int)(name - output);
    size_t length = path_part_length(name, NAME_PART);
    if (name[length] == '\0')
        return string_format("%.*s.%s.%s", folder, output, name, kind);
    return string_format("%.*s.%.*s.%08x.%s", folder, output, (int)length, name,
                         hash_text(name + length), kind);
}
