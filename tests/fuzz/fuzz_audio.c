/* fuzz_audio.c: an audio file of any kind, decoded and converted as for a network. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audio/audio.h"

#define BLOCK      4096
#define MAX_FRAMES ((int64_t)1 << 18)
#define RATE       44100

/* The reader wants a file with a name: one without a disk, where the system has such. */
static int open_scratch(char *path, size_t capacity) {
#ifdef HAVE_MEMFD
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, capacity, "/proc/self/fd/%d", fd);
#else
    snprintf(path, capacity, "/tmp/cleave-fuzz-XXXXXX");
    int fd = mkstemp(path);
#endif
    return fd;
}

static void close_scratch(int fd, const char *path) {
#ifndef HAVE_MEMFD
    unlink(path);
#endif
    (void)path;
    close(fd);
}

static void read_all(AudioReader *reader, int channels) {
    float *planes[2];
    int64_t got = BLOCK;
    for (int c = 0; c < channels; c++)
        planes[c] = malloc(BLOCK * sizeof(float));
    for (int64_t done = 0; done < MAX_FRAMES && got == BLOCK; done += got) {
        cleave_error error = {0};
        cleave_status status = audio_reader_read(reader, planes, BLOCK, &got, &error);
        fuzz_check_error(status, &error);
        if (status != CLEAVE_OK)
            break;
    }
    for (int c = 0; c < channels; c++)
        free(planes[c]);
}

static void use_file(const char *path) {
    AudioReader *reader = NULL;
    cleave_error error = {0};
    cleave_status status = audio_reader_open(&reader, path, NULL, &error);
    fuzz_check_error(status, &error);
    if (status != CLEAVE_OK)
        return;
    int channels = audio_reader_format(reader)->channels == 3 ? 1 : 2;
    status = audio_reader_convert(reader, channels, RATE, &error);
    fuzz_check_error(status, &error);
    if (status == CLEAVE_OK && audio_reader_expected_frames(reader) < 0)
        abort();
    if (status == CLEAVE_OK)
        read_all(reader, channels);
    audio_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[64];
    int fd = open_scratch(path, sizeof(path));
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    use_file(path);
    close_scratch(fd, path);
    return 0;
}
