/* make_sndfile.c: files as libsndfile writes them, for test_matrix.py. `make_sndfile LIST` reads
 * lines "INPUT CHANNELS RATE FORMAT OUTPUT" from LIST: INPUT is interleaved 32-bit floats, FORMAT
 * libsndfile's number in hexadecimal. Standard output says of each line "ok OUTPUT" or
 * "no OUTPUT REASON". */
#include <sndfile.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All of a file of floats. */
static float *load(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long bytes = ftell(file);
    rewind(file);
    *count = bytes > 0 ? (size_t)bytes / sizeof(float) : 0;
    float *samples = malloc((*count + 1) * sizeof(float));
    if (samples && fread(samples, sizeof(float), *count, file) != *count)
        *count = 0;
    fclose(file);
    return samples;
}

/* As integers, which keep their value in an integer format; libsndfile scales floats by 2^n - 1. */
static sf_count_t write_integers(SNDFILE *out, const float *samples, size_t count) {
    int *integers = malloc((count + 1) * sizeof(int));
    if (!integers)
        return 0;
    for (size_t i = 0; i < count; i++)
        integers[i] = (int)((double)samples[i] * 2147483648.0);
    sf_count_t wrote = sf_write_int(out, integers, (sf_count_t)count);
    free(integers);
    return wrote;
}

static const char *make(const char *input, SF_INFO *info, const char *output) {
    static char why[256];
    size_t count = 0;
    float *samples = load(input, &count);
    SNDFILE *out = samples ? sf_open(output, SFM_WRITE, info) : NULL;
    if (!out) {
        snprintf(why, sizeof(why), "%s", samples ? sf_strerror(NULL) : "no input");
        why[strcspn(why, "\n")] = '\0';
        free(samples);
        return why;
    }
    int coding = info->format & SF_FORMAT_SUBMASK;
    bool floats = coding == SF_FORMAT_FLOAT || coding == SF_FORMAT_DOUBLE || coding >= 0x60;
    if (coding >= SF_FORMAT_ALAC_16 && coding <= SF_FORMAT_ALAC_32)
        floats = false;
    sf_count_t wrote = floats ? sf_write_float(out, samples, (sf_count_t)count)
                              : write_integers(out, samples, count);
    free(samples);
    return sf_close(out) == 0 && wrote == (sf_count_t)count ? NULL : "writing failed";
}

int main(int count, char **arguments) {
    FILE *list = count == 2 ? fopen(arguments[1], "r") : NULL;
    if (!list)
        return 2;
    char input[4096], output[4096];
    SF_INFO info = {0};
    unsigned format;
    while (fscanf(list, "%4095s %d %d %x %4095s", input, &info.channels, &info.samplerate, &format,
                  output) == 5) {
        info.format = (int)format;
        const char *why = make(input, &info, output);
        printf("%s %s %s\n", why ? "no" : "ok", output, why ? why : "");
    }
    fclose(list);
    return 0;
}
