/* working_path.c: hidden names, cut where a file system would refuse them. */
#include "track/working_path.h"

#include <stddef.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/path.h"

/* File systems allow names of 255 bytes. Of a longer name so much is kept, and a number made of the
 * rest, which keeps names apart. */
#define NAME_PART 200

char *working_path(const char *output, WorkingFile file) {
    static const char *const endings[WORKING_FILES] = {"lock", "resume"};
    const char *name = path_file_name(output);
    int folder = (int)(name - output);
    size_t length = path_part_length(name, NAME_PART);
    if (name[length] == '\0')
        return string_format("%.*s.%s.%s", folder, output, name, endings[file]);
    return string_format("%.*s.%.*s.%08x.%s", folder, output, (int)length, name,
                         hash_text(name + length), endings[file]);
}
