/* audio_files.c: lists a folder. Opens no audio file. */
#include "cli/show/audio_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/text.h"

bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool audio_files_has_extension(const char *name) {
    const char *dot = strrchr(name, '.');
    if (dot == NULL || name[0] == '.')
        return false;
    for (const char *const *known = cleave_input_extensions(); *known != NULL; known++)
        if (strcasecmp(*known, dot + 1) == 0)
            return true;
    return false;
}

static void audio_files_append(AudioFiles *list, size_t *capacity, const char *folder,
                               const char *name) {
    char *path = format_text("%s/%s", folder, name);
    if (is_folder(path)) {
        free(path);
        return;
    }
    list->files = make_room(list->files, list->count, capacity, sizeof *list->files);
    list->files[list->count++] = (AudioFile){text_stem(name), path};
}

static int audio_files_compare(const void *left, const void *right) {
    const AudioFile *a = left;
    const AudioFile *b = right;
    int order = strcmp(a->stem, b->stem);
    return order != 0 ? order : strcmp(a->path, b->path);
}

static void audio_file_free(AudioFile *file) {
    free(file->stem);
    free(file->path);
}

static void audio_files_drop_doubles(AudioFiles *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        AudioFile *file = &list->files[i];
        if (kept > 0 && strcmp(list->files[kept - 1].stem, file->stem) == 0) {
            message_warning("%s: left out, since %s has the same stem", file->path,
                            list->files[kept - 1].path);
            audio_file_free(file);
        } else {
            list->files[kept++] = *file;
        }
    }
    list->count = kept;
}

bool audio_files_list(AudioFiles *list, const char *folder) {
    *list = (AudioFiles){NULL, 0};
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        message_error("cannot open the folder %s: %s; name a folder of stems", folder,
                      strerror(errno));
        return false;
    }
    size_t capacity = 0;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL)
        if (audio_files_has_extension(entry->d_name))
            audio_files_append(list, &capacity, folder, entry->d_name);
    closedir(directory);
    if (list->count > 1)
        qsort(list->files, list->count, sizeof *list->files, audio_files_compare);
    audio_files_drop_doubles(list);
    return true;
}

void audio_files_free(AudioFiles *list) {
    for (size_t i = 0; i < list->count; i++)
        audio_file_free(&list->files[i]);
    free(list->files);
    *list = (AudioFiles){NULL, 0};
}

const AudioFile *audio_files_find(const AudioFiles *list, const char *stem) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->files[i].stem, stem) == 0)
            return &list->files[i];
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->files[i].stem, stem) == 0)
            return &list->files[i];
    return NULL;
}
