/* run_files.c: the main() of a target without libFuzzer: runs the target once on each file given,
 * and on each file of each folder given. So what a fuzzer found once stays found. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int run_file(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); /* exactly, so that a sanitizer sees a step beyond */
    int done = file && data && fread(data, 1, size, file) == size;
    if (done)
        LLVMFuzzerTestOneInput(data, size);
    else
        fprintf(stderr, "cannot read %s\n", path);
    free(data);
    if (file)
        fclose(file);
    return done ? 1 : -1;
}

static int run_path(const char *path);

/* Files run, or -1. */
static int run_folder(const char *path) {
    char inner[4096];
    int files = 0;
    DIR *folder = opendir(path);
    const struct dirent *entry = folder ? readdir(folder) : NULL;
    if (!folder)
        return -1;
    for (; entry && files >= 0; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        int count = run_path(inner);
        files = count < 0 ? -1 : files + count;
    }
    closedir(folder);
    return files;
}

static int run_path(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) {
        fprintf(stderr, "cannot find %s\n", path);
        return -1;
    }
    return S_ISDIR(info.st_mode) ? run_folder(path) : run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv) {
    int files = 0;
    for (int i = 1; i < argc; i++) {
        int count = run_path(argv[i]);
        if (count < 0)
            return 1;
        files += count;
    }
    printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
