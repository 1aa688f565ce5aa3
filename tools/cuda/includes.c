/* includes.c: see includes.h. */
#include "includes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX      64
#define NAME_MAX_BYTES 128

typedef struct Includes {
    const char *folder;
    int count;
    char names[FILES_MAX][NAME_MAX_BYTES];
} Includes;

static void path_of(const Includes *includes, const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/%s", includes->folder, name);
}

/* Adds a file that is there and not known yet. False: there are too many. */
static bool add(Includes *includes, const char *name) {
    char path[4096];
    for (int i = 0; i < includes->count; i++)
        if (strcmp(includes->names[i], name) == 0)
            return true;
    path_of(includes, name, path, sizeof(path));
    if (access(path, R_OK) != 0)
        return true;
    if (includes->count == FILES_MAX)
        return false;
    snprintf(includes->names[includes->count++], NAME_MAX_BYTES, "%s", name);
    return true;
}

static bool scan(Includes *includes, const char *path) {
    char line[1024], name[NAME_MAX_BYTES];
    FILE *file = fopen(path, "r");
    bool good = file != NULL;
    while (good && fgets(line, sizeof(line), file))
        if (sscanf(line, " # include \"%127[^\"]\"", name) == 1)
            good = add(includes, name);
    if (file)
        fclose(file);
    return good;
}

bool includes_write(const char *path, const char *target, const char *source, const char *folder) {
    static Includes includes;
    char one[4096];
    includes = (Includes){.folder = folder};
    bool good = scan(&includes, source);
    for (int i = 0; good && i < includes.count; i++) {
        path_of(&includes, includes.names[i], one, sizeof(one));
        good = scan(&includes, one);
    }
    FILE *file = good ? fopen(path, "w") : NULL;
    if (!file)
        return false;
    fprintf(file, "%s: %s", target, source);
    for (int i = 0; i < includes.count; i++)
        fprintf(file, " %s/%s", folder, includes.names[i]);
    fputc('\n', file);
    return fclose(file) == 0;
}
