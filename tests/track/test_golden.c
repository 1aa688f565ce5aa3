/* test_golden.c: every reference case, file to files, against what the reference computed in
 * float64. A case passes where its SNR is within 6 dB of what the reference framework's own float32
 * reaches, or 110 dB; in a lower precision, within 6 dB of what the reference reaches where its
 * operands alone are rounded (those of 3×3 convolutions after Winograd's transforms), and on CUDA,
 * whose convolutions are direct, where what is stored is rounded as well; Roformers everywhere
 * where the operands of all matrix products are rounded. Arguments: cases, and folders of cases;
 * after --only ARCHITECTURE those of such networks alone, for devices that run no others yet; after
 * --forced-plans they run in every way in which convolutions can be computed, however slow; after
 * --device DEVICE on that one, in every way that its kind of GPU has; after --modes NAME,… in those
 * of these ways alone; after --deal each case in only one of the ways, the next case in the next
 * one; after --enough DB that is enough in the place of 110 dB, for devices whose own arithmetic is
 * not known yet. */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/conv_plan.h"
#include "cleave.h"

#define MARGIN_DB 6.0
#define ENOUGH_DB 110.0

/* How a case is run beside what its case.json says. */
typedef struct Mode {
    const char *name;
    int compile;
    int batch;
    int threads;
    cleave_precision precision;
    const char *standard; /* the field of each stem's figures that a case is held against */
    const ConvPlan *plan; /* of every 3×3 convolution; NULL: as estimated */
} Mode;

#define FLOAT32  CLEAVE_PRECISION_F32, "float32_framework_snr_db"
#define FLOAT16  CLEAVE_PRECISION_F16, "f16_operands_snr_db"
#define BFLOAT16 CLEAVE_PRECISION_BF16, "bf16_operands_snr_db"

/* Of devices that keep values between layers in that precision, and compute 3×3 convolutions
 * directly. */
#define STORED_FLOAT16  CLEAVE_PRECISION_F16, "f16_stored_snr_db"
#define STORED_BFLOAT16 CLEAVE_PRECISION_BF16, "bf16_stored_snr_db"

/* Neither of the sizes divides those of the layers: patches at the edges are cut. */
static const ConvPlan direct = {.algorithm = CONV_DIRECT};
static const ConvPlan tiles_first = {CONV_WINOGRAD_4X4, 1, 1, false};
static const ConvPlan patches_first = {CONV_WINOGRAD_4X4, 3, 5, false};
static const ConvPlan weights_first = {CONV_WINOGRAD_4X4, 5, 3, true};
static const ConvPlan one_patch = {CONV_WINOGRAD_4X4, 1000, 1000, true};
static const ConvPlan wide_patches_first = {CONV_WINOGRAD_6X6, 3, 2, false};
static const ConvPlan wide_weights_first = {CONV_WINOGRAD_6X6, 2, 3, true};

/* F(6×6) loses 5 to 16 dB of these cases. */
#define WIDE_ENOUGH_DB 105.0

#define MODES_MAX 24

static const Mode ordinary_modes[MODES_MAX] = {
    {"compiled", 1, 1, 2, FLOAT32, NULL}, {"op by op", 0, 1, 1, FLOAT32, NULL},
    {"batch 3", 1, 3, 2, FLOAT32, NULL},  {"bf16", 1, 1, 2, BFLOAT16, NULL},
    {"f16", 1, 1, 2, FLOAT16, NULL},
};

static const Mode forced_modes[MODES_MAX] = {
    {"direct", 1, 1, 2, FLOAT32, &direct},
    {"tiles first", 1, 1, 2, FLOAT32, &tiles_first},
    {"patches first", 1, 2, 2, FLOAT32, &patches_first},
    {"weights first", 1, 2, 2, FLOAT32, &weights_first},
    {"one patch", 1, 1, 2, FLOAT32, &one_patch},
    {"wide patches first", 1, 2, 2, FLOAT32, &wide_patches_first},
    {"wide weights first", 1, 1, 2, FLOAT32, &wide_weights_first},
    {"bf16, direct", 1, 1, 2, BFLOAT16, &direct},
    {"bf16, patches first", 1, 2, 2, BFLOAT16, &patches_first},
    {"bf16, weights first", 1, 2, 2, BFLOAT16, &weights_first},
};

static const Mode mps_modes[MODES_MAX] = {
    {"f32 compiled", 1, 1, 1, FLOAT32, NULL},    {"f16 compiled", 1, 1, 1, FLOAT16, NULL},
    {"f32 compiled x2", 1, 2, 1, FLOAT32, NULL}, {"f16 compiled x2", 1, 2, 1, FLOAT16, NULL},
    {"f32 compiled x4", 1, 4, 1, FLOAT32, NULL}, {"f16 compiled x4", 1, 4, 1, FLOAT16, NULL},
    {"f32 by op", 0, 1, 1, FLOAT32, NULL},       {"f16 by op", 0, 1, 1, FLOAT16, NULL},
    {"f32 by op x2", 0, 2, 1, FLOAT32, NULL},    {"f16 by op x2", 0, 2, 1, FLOAT16, NULL},
    {"f32 by op x4", 0, 4, 1, FLOAT32, NULL},    {"f16 by op x4", 0, 4, 1, FLOAT16, NULL},
};

static const Mode cuda_modes[MODES_MAX] = {
    {"f32 compiled", 1, 1, 1, FLOAT32, NULL},
    {"f32 compiled x2", 1, 2, 1, FLOAT32, NULL},
    {"f32 compiled x3", 1, 3, 1, FLOAT32, NULL},
    {"f32 compiled x4", 1, 4, 1, FLOAT32, NULL},
    {"f32 by op", 0, 1, 1, FLOAT32, NULL},
    {"f32 by op x2", 0, 2, 1, FLOAT32, NULL},
    {"f32 by op x3", 0, 3, 1, FLOAT32, NULL},
    {"f32 by op x4", 0, 4, 1, FLOAT32, NULL},
    {"f16 compiled", 1, 1, 1, STORED_FLOAT16, NULL},
    {"f16 compiled x2", 1, 2, 1, STORED_FLOAT16, NULL},
    {"f16 compiled x3", 1, 3, 1, STORED_FLOAT16, NULL},
    {"f16 compiled x4", 1, 4, 1, STORED_FLOAT16, NULL},
    {"f16 by op", 0, 1, 1, STORED_FLOAT16, NULL},
    {"f16 by op x2", 0, 2, 1, STORED_FLOAT16, NULL},
    {"f16 by op x3", 0, 3, 1, STORED_FLOAT16, NULL},
    {"f16 by op x4", 0, 4, 1, STORED_FLOAT16, NULL},
    {"bf16 compiled", 1, 1, 1, STORED_BFLOAT16, NULL},
    {"bf16 compiled x2", 1, 2, 1, STORED_BFLOAT16, NULL},
    {"bf16 compiled x3", 1, 3, 1, STORED_BFLOAT16, NULL},
    {"bf16 compiled x4", 1, 4, 1, STORED_BFLOAT16, NULL},
    {"bf16 by op", 0, 1, 1, STORED_BFLOAT16, NULL},
    {"bf16 by op x2", 0, 2, 1, STORED_BFLOAT16, NULL},
    {"bf16 by op x3", 0, 3, 1, STORED_BFLOAT16, NULL},
    {"bf16 by op x4", 0, 4, 1, STORED_BFLOAT16, NULL},
};

/* Figures that a Roformer's stems have, and are held against in the place of others that begin the
 * same: with rounded operands of all matrix products, and, where the transform of the mix makes the
 * difference, in float32 behind a transform in float64. */
static const char *const roformer_standards[][2] = {
    {"float32_", "float32_after_float64_stft_snr_db"},
    {"f16_", "f16_rounded_snr_db"},
    {"bf16_", "bf16_rounded_snr_db"},
};

/* What meson counts as skipped. */
#define EXIT_SKIPPED 77

static const Mode *modes = ordinary_modes; /* up to one without a name */
static const char *device = "cpu";
static const char *only = NULL; /* architecture of the cases that run; NULL: all */
static double enough_db = ENOUGH_DB;
static const char *wanted_modes = NULL; /* names with commas between; NULL: all */
static bool deals = false;              /* each case has one mode */
static int dealt = 0;                   /* cases that have had theirs */

static int passed;
static int failed;

static void conclude(const char *folder, const Mode *mode, bool ok, const char *text) {
    printf("%-4s %s, %s: %s\n", ok ? "ok" : "FAIL", folder, mode->name, text);
    if (ok)
        passed++;
    else
        failed++;
}

/* All samples of a file, interleaved; NULL if it cannot be read. */
static float *read_samples(const char *path, sf_count_t *count) {
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file)
        return NULL;
    *count = info.frames * info.channels;
    float *samples = malloc((size_t)*count * sizeof(float) + 1);
    if (samples && sf_readf_float(file, samples, info.frames) != info.frames) {
        free(samples);
        samples = NULL;
    }
    sf_close(file);
    return samples;
}

/* SNR of a file against the expected one in dB; NaN if they cannot be compared. */
static double snr(const char *expected_path, const char *path) {
    sf_count_t count = 0;
    sf_count_t expected_count = 0;
    float *samples = read_samples(path, &count);
    float *expected = read_samples(expected_path, &expected_count);
    double signal = 0;
    double noise = 0;
    if (samples && expected && count == expected_count)
        for (sf_count_t i = 0; i < count; i++) {
            double difference = (double)samples[i] - (double)expected[i];
            signal += (double)expected[i] * (double)expected[i];
            noise += difference * difference;
        }
    bool comparable = samples && expected && count == expected_count;
    free(samples);
    free(expected);
    if (!comparable)
        return NAN;
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

static const char *string_field(const json_t *json, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : otherwise;
}

static const char *architecture_of(const json_t *json) {
    return string_field(json, "architecture", "MDX23C");
}

/* The figure of a stem that a mode is held against; infinite where there is none. */
static double reference_snr(const json_t *stem, const char *standard) {
    const json_t *figure = json_object_get(stem, standard);
    for (size_t i = 0; i < sizeof(roformer_standards) / sizeof(roformer_standards[0]); i++) {
        const char *start = roformer_standards[i][0];
        const json_t *own = json_object_get(stem, roformer_standards[i][1]);
        if (own && strncmp(standard, start, strlen(start)) == 0)
            figure = own;
    }
    return json_is_number(figure) ? json_number_value(figure) : INFINITY;
}

static bool is_wide(const Mode *mode) {
    return mode->plan && mode->plan->algorithm == CONV_WINOGRAD_6X6;
}

/* Compares every stem that case.json names; text becomes the worst one's figures. */
static bool compare(const json_t *json, const char *folder, const Mode *mode, const char *output,
                    char *text, size_t size) {
    const char *stem;
    json_t *stem_json;
    bool ok = json_object_size(json_object_get(json, "stems")) > 0;
    double worst = INFINITY;
    json_object_foreach(json_object_get(json, "stems"), stem, stem_json) {
        char expected[4096];
        char path[4096];
        double reference = reference_snr(stem_json, mode->standard);
        double needed = fmin(reference - MARGIN_DB, is_wide(mode) ? WIDE_ENOUGH_DB : enough_db);
        snprintf(expected, sizeof(expected), "%s/expected-%s.wav", folder, stem);
        snprintf(path, sizeof(path), "%s/%s.wav", output, stem);
        double reached = snr(expected, path);
        remove(path);
        if (!(reached >= needed))
            ok = false;
        if (reached - reference < worst || isnan(reached)) {
            worst = reached - reference;
            snprintf(text, size, "%s %.1f dB, reference %.1f dB", stem, reached, reference);
        }
    }
    return ok;
}

static cleave_status separate(const json_t *json, const char *folder, const Mode *mode,
                              const char *output, cleave_error *error) {
    char path[4096];
    char config[4096];
    cleave_model *model = NULL;
    cleave_separator *separator = NULL;
    cleave_model_settings model_settings;
    cleave_separator_settings settings;
    cleave_file_settings file_settings;
    cleave_model_settings_default(&model_settings);
    cleave_separator_settings_default(&settings);
    cleave_file_settings_default(&file_settings);
    snprintf(config, sizeof(config), "%s/model.yaml", folder);
    model_settings.config_path = config;
    settings.overlap = (int)json_integer_value(json_object_get(json, "overlap"));
    settings.tta = json_is_true(json_object_get(json, "tta"));
    if (strcmp(string_field(json, "blend", "fade"), "mean") == 0)
        settings.blend = CLEAVE_BLEND_MEAN;
    settings.device = device;
    settings.strict_device = 1;
    settings.compile = mode->compile;
    settings.batch = mode->batch;
    settings.threads = mode->threads;
    settings.precision = mode->precision;
    file_settings.directory = output;
    file_settings.name_template = "{stem}";
    file_settings.residual = string_field(json, "residual", NULL);
    snprintf(path, sizeof(path), "%s/%s", folder, string_field(json, "model", "model.ckpt"));
    cleave_status status = cleave_model_open(&model, path, &model_settings, error);
    conv_plan_force(mode->plan);
    if (status == CLEAVE_OK)
        status = cleave_separator_open(&separator, model, &settings, error);
    snprintf(path, sizeof(path), "%s/mix.wav", folder);
    if (status == CLEAVE_OK)
        status = cleave_separator_separate_file(separator, path, &file_settings, NULL, error);
    cleave_separator_close(separator);
    cleave_model_close(model);
    return status;
}

static void run_case(const char *folder, const Mode *mode) {
    char path[4096];
    char output[] = "/tmp/cleave-golden-XXXXXX";
    char text[CLEAVE_ERROR_TEXT_SIZE] = "no stems";
    cleave_error error;
    snprintf(path, sizeof(path), "%s/case.json", folder);
    json_t *json = json_load_file(path, 0, NULL);
    bool ok = json && mkdtemp(output);
    if (ok && separate(json, folder, mode, output, &error) != CLEAVE_OK) {
        snprintf(text, sizeof(text), "%s", error.text);
        ok = false;
    } else if (ok) {
        ok = compare(json, folder, mode, output, text, sizeof(text));
    }
    rmdir(output);
    json_decref(json);
    conclude(folder, mode, ok, text);
}

static int is_case(const struct dirent *entry) {
    return entry->d_name[0] != '.' && !strchr(entry->d_name, '.');
}

static bool is_wanted(const char *name) {
    size_t length = strlen(name);
    const char *at = wanted_modes;
    while (at && (strncmp(at, name, length) != 0 || (at[length] != ',' && at[length] != '\0'))) {
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    return !wanted_modes || at;
}

static int count_wanted(void) {
    int count = 0;
    for (int m = 0; m < MODES_MAX && modes[m].name; m++)
        count += is_wanted(modes[m].name);
    return count;
}

/* Whether each name that is wanted is a mode's. */
static bool all_are_modes(void) {
    int names = 1;
    for (const char *at = wanted_modes; (at = strchr(at, ',')) != NULL; at++)
        names++;
    return count_wanted() == names;
}

static bool case_is_for_device(const char *folder) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/case.json", folder);
    json_t *json = json_load_file(path, 0, NULL);
    bool fits = !only || !json || strcmp(architecture_of(json), only) == 0;
    json_decref(json);
    return fits;
}

static void run_modes(const char *folder) {
    if (!case_is_for_device(folder))
        return;
    int count = count_wanted();
    int turn = count > 0 ? dealt++ % count : 0;
    for (int m = 0, number = 0; m < MODES_MAX && modes[m].name; m++) {
        if (!is_wanted(modes[m].name))
            continue;
        if (!deals || number == turn)
            run_case(folder, &modes[m]);
        number++;
    }
}

static bool is_folder_of_cases(const char *path) {
    char description[4096];
    snprintf(description, sizeof(description), "%s/case.json", path);
    return access(description, F_OK) != 0;
}

static void run_folder(const char *folder) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_case, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        run_modes(path);
        free(entries[i]);
    }
    free(entries);
    if (count <= 0) {
        printf("FAIL %s: no cases\n", folder);
        failed++;
    }
}

/* Whether this processor runs the kernels that CLEAVE_KERNELS asks for. */
static bool has_wanted_kernels(void) {
    const char *wanted = getenv("CLEAVE_KERNELS");
    cleave_device_info devices[8];
    int count = cleave_device_list(devices, 8);
    for (int i = 0; i < count && wanted; i++)
        if (strcmp(devices[i].id, "cpu") == 0)
            return strcmp(devices[i].kernels, wanted) == 0;
    return true;
}

static bool is_cuda(const char *name) {
    return strncmp(name, "cuda", strlen("cuda")) == 0;
}

int main(int argc, char **argv) {
    if (!has_wanted_kernels()) {
        printf("skipped: this processor does not run the %s kernels\n", getenv("CLEAVE_KERNELS"));
        return EXIT_SKIPPED;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--forced-plans") == 0)
            modes = forced_modes;
        else if (strcmp(argv[i], "--deal") == 0)
            deals = true;
        else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc) {
            device = argv[++i];
            modes = is_cuda(device) ? cuda_modes : mps_modes;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else if (strcmp(argv[i], "--enough") == 0 && i + 1 < argc) {
            enough_db = strtod(argv[++i], NULL);
        } else if (strcmp(argv[i], "--modes") == 0 && i + 1 < argc) {
            wanted_modes = argv[++i];
            if (!all_are_modes()) {
                printf("there are no such modes: %s\n", wanted_modes);
                return 1;
            }
        } else if (is_folder_of_cases(argv[i]))
            run_folder(argv[i]);
        else
            run_modes(argv[i]);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed ? 1 : 0;
}
