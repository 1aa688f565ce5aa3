/* release.c: NVML is asked first, then the kernel module. */
#include "backend/cuda/release.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "backend/cuda/nvml.h"

/* "550.54.14": digits, and dots between them. */
static bool is_release(const char *word, size_t length) {
    size_t dots = 0;
    for (size_t i = 0; i < length; i++) {
        bool dot = word[i] == '.';
        if (!dot && !isdigit((unsigned char)word[i]))
            return false;
        if (dot && (i == 0 || i + 1 == length || word[i - 1] == '.'))
            return false;
        dots += dot;
    }
    return dots > 0;
}

bool release_of_module(const char *module, char *release, size_t size) {
    const char *word = module;
    while (*word) {
        size_t length = strcspn(word, " \t\n");
        if (is_release(word, length) && length < size) {
            snprintf(release, size, "%.*s", (int)length, word);
            return true;
        }
        word += length;
        word += strspn(word, " \t\n");
    }
    return false;
}

/* The first line names the kernel module; the second one, its compiler. */
static bool read_module(char *release, size_t size) {
    char line[256] = "";
    FILE *file = fopen("/proc/driver/nvidia/version", "re");
    bool known = file && fgets(line, sizeof(line), file) && release_of_module(line, release, size);
    if (file)
        fclose(file);
    return known;
}

/* The module of the running kernel is not the simulated driver's. */
static bool find_release(const CudaDriver *driver, char *release, size_t size) {
    return nvml_release(release, size) || (!driver->simulated && read_module(release, size));
}

void release_text(const CudaDriver *driver, char *text, size_t size) {
    char release[40];
    if (find_release(driver, release, sizeof(release))) {
        snprintf(text, size, "NVIDIA %s", release);
        return;
    }
    cuda_version_text(driver->version, release, sizeof(release));
    snprintf(text, size, "NVIDIA (%s)", release);
}

/* From the table of NVIDIA's "CUDA Toolkit Release Notes". */
int release_with(int cuda_version) {
    static const struct {
        int cuda_version;
        int release;
    } rows[] = {{12000, 525}, {12010, 530}, {12020, 535}, {12030, 545}, {12040, 550}, {12050, 555},
                {12060, 560}, {12070, 565}, {12080, 570}, {12090, 575}, {13000, 580}};
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
        if (rows[row].cuda_version >= cuda_version)
            return rows[row].release;
    return 0;
}
