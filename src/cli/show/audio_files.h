/* audio_files.h: the audio files of a folder, by stem: a file's name without its extension. */
#ifndef CLEAVE_CLI_AUDIO_FILES_H
#define CLEAVE_CLI_AUDIO_FILES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct AudioFile {
    char *stem;
    char *path;
} AudioFile;

typedef struct AudioFiles {
    AudioFile *files; /* sorted by stem, then by path */
    size_t count;
} AudioFiles;

bool is_folder(const char *path);

/* Lists the audio files of a folder, by their extensions, without subfolders and hidden files. If
 * several files have the same stem, warns and keeps the first. False if the folder cannot be read,
 * which is said. Free the list in either case. */
bool audio_files_list(AudioFiles *list, const char *folder);
void audio_files_free(AudioFiles *list);

/* The file of this stem; else the first whose stem differs only in case; else NULL. */
const AudioFile *audio_files_find(const AudioFiles *list, const char *stem);

#endif
