/* cleave_engine.c: the worker of compare.py and cuda_compare.py for cleave. It opens a model,
 * separates its input, prints "ready", and then separates the input again for every line "run" on
 * standard input and prints the seconds that it took: the time of
 * cleave_separator_separate_memory(), which is the STFT, the network, the inverse STFT and the
 * blending. For "memory" it prints the bytes that it took on its device.
 *
 *   cleave_engine MODEL INPUT OUTPUT THREADS PRECISION [DEVICE [SAMPLES OVERLAP]]
 *
 * INPUT holds 32-bit floats, (channels, samples): one chunk, or SAMPLES, which are then taken in
 * chunks that overlap, in batches of the size that suits the device. OUTPUT gets (stems, channels,
 * samples). DEVICE is the CPU by default. */
#include <cleave.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Engine {
    cleave_model *model;
    cleave_separator *separator;
    cleave_model_info info;
    float *mix;   /* (channels, samples) */
    float *stems; /* (stems, channels, samples) */
    size_t mix_count;
    size_t stem_count;
    int64_t samples; /* 0: a chunk */
} Engine;

static double engine_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static cleave_precision precision_of(const char *name) {
    return strcmp(name, "bf16") == 0  ? CLEAVE_PRECISION_BF16
           : strcmp(name, "f16") == 0 ? CLEAVE_PRECISION_F16
                                      : CLEAVE_PRECISION_F32;
}

static cleave_status open_engine(Engine *engine, int argc, char **argv, cleave_error *error) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    engine->samples = argc > 7 ? atoll(argv[7]) : 0;
    settings.device = argc > 6 ? argv[6] : "cpu";
    settings.strict_device = 1;
    settings.threads = atoi(argv[4]);
    settings.precision = precision_of(argv[5]);
    settings.overlap = argc > 8 ? atoi(argv[8]) : 1;
    settings.batch = engine->samples > 0 ? 0 : 1;
    cleave_status status = cleave_model_open(&engine->model, argv[1], NULL, error);
    if (status == CLEAVE_OK)
        status = cleave_separator_open(&engine->separator, engine->model, &settings, error);
    if (status == CLEAVE_OK)
        cleave_model_get_info(engine->model, &engine->info);
    if (engine->samples == 0)
        engine->samples = engine->info.chunk_size;
    return status;
}

/* Allocates memory for the input and its stems, and reads the input. */
static int read_input(Engine *engine, const char *path) {
    const cleave_model_info *info = &engine->info;
    engine->mix_count = (size_t)info->channels * (size_t)engine->samples;
    engine->stem_count = engine->mix_count * (size_t)info->stem_count;
    engine->mix = malloc(engine->mix_count * sizeof(float));
    engine->stems = malloc(engine->stem_count * sizeof(float));
    FILE *file = fopen(path, "rb");
    int good = file && engine->mix && engine->stems &&
               fread(engine->mix, sizeof(float), engine->mix_count, file) == engine->mix_count;
    if (file)
        fclose(file);
    return good;
}

static int write_stems(const Engine *engine, const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return 0;
    int good = fwrite(engine->stems, sizeof(float), engine->stem_count, file) == engine->stem_count;
    return fclose(file) == 0 && good;
}

/* The seconds that it took; less than 0 after an error. */
static double engine_run(Engine *engine, cleave_error *error) {
    const float *planes[2];
    for (int i = 0; i < engine->info.channels; i++)
        planes[i] = engine->mix + (size_t)i * (size_t)engine->samples;
    double begin = engine_clock();
    cleave_status status =
        cleave_separator_separate_memory(engine->separator, planes, engine->info.channels,
                                         engine->samples, engine->stems, NULL, NULL, error);
    return status == CLEAVE_OK ? engine_clock() - begin : -1;
}

static long long device_memory(const Engine *engine) {
    cleave_separator_info info;
    cleave_separator_get_info(engine->separator, &info);
    return info.peak_device_memory;
}

static void serve(Engine *engine, cleave_error *error) {
    char line[16];
    while (error->status == CLEAVE_OK && fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "run\n") == 0)
            printf("%.6f\n", engine_run(engine, error));
        else if (strcmp(line, "memory\n") == 0)
            printf("%lld\n", device_memory(engine));
        else
            return;
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    Engine engine = {0};
    cleave_error error = {.status = CLEAVE_OK};
    if (argc < 6 || argc > 9 || argc == 8) {
        fprintf(stderr, "usage: cleave_engine MODEL INPUT OUTPUT THREADS PRECISION [DEVICE "
                        "[SAMPLES OVERLAP]]\n");
        return 2;
    }
    int good = open_engine(&engine, argc, argv, &error) == CLEAVE_OK;
    if (good && !read_input(&engine, argv[2])) {
        fprintf(stderr, "%s: too little audio\n", argv[2]);
        good = 0;
    }
    good = good && engine_run(&engine, &error) >= 0;
    if (good) {
        cleave_separator_info info;
        cleave_separator_get_info(engine.separator, &info);
        printf("ready %s, %s\n", cleave_version(), info.kernels);
        fflush(stdout);
        good = write_stems(&engine, argv[3]);
        serve(&engine, &error);
    }
    if (error.status != CLEAVE_OK)
        fprintf(stderr, "%s\n", error.text);
    cleave_separator_close(engine.separator);
    cleave_model_close(engine.model);
    free(engine.mix);
    free(engine.stems);
    return good && error.status == CLEAVE_OK ? 0 : 1;
}
