/* growth.c: a program that calls every function that reads or fills a struct of the caller's, and
 * prints what comes back. test_growth.py builds it with this version's headers and with longer ones
 * (LONGER), and runs each with the library of either: all must print the same, and no library may
 * write beyond a struct. Memory figures and times, which differ from run to run, are not printed.
 *
 *   growth MODEL MIX FOLDER known|unknown    the library knows, or not, the fields of LONGER */
#include <cleave/extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD      1024 /* bytes behind each struct of the caller's */
#define GUARD_BYTE 0xA5
#define ROOMS_MAX  64
#define LIST_MAX   256

static void fail(const char *what, const char *why) {
    printf("FAILED: %s: %s\n", what, why);
    exit(1);
}

static void must(cleave_status status, const cleave_error *error, const char *what) {
    if (status != CLEAVE_OK || error->status != CLEAVE_OK)
        fail(what, error->text);
}

/* ---- Memory with a guard behind it ---- */

typedef struct Room {
    unsigned char *bytes;
    size_t size;
} Room;

static Room rooms[ROOMS_MAX];
static int room_count;

/* For `count` structs, filled as memory is that was used before. */
static void *room_new(size_t count, size_t size) {
    Room *room = &rooms[room_count];
    if (room_count++ == ROOMS_MAX)
        fail("growth.c", "too few rooms");
    room->size = count * size;
    room->bytes = malloc(room->size + GUARD);
    if (!room->bytes)
        fail("growth.c", "out of memory");
    memset(room->bytes, GUARD_BYTE, room->size + GUARD);
    return room->bytes;
}

static void rooms_check(const char *what) {
    for (int i = 0; i < room_count; i++)
        for (size_t k = 0; k < GUARD; k++)
            if (rooms[i].bytes[rooms[i].size + k] != GUARD_BYTE)
                fail(what, "wrote beyond the caller's struct");
}

static void rooms_free(void) {
    for (int i = 0; i < room_count; i++)
        free(rooms[i].bytes);
}

#define NEW(type)         ((type *)room_new(1, sizeof(type)))
#define NEW_LIST(type, n) ((type *)room_new(n, sizeof(type)))

/* ---- Fields of a later version ---- */

#ifdef LONGER
#define ADDED_FIELDS(what, item)                                                                \
    for (int a = 0; a < (int)(sizeof((item).added_later) / sizeof((item).added_later[0])); a++) \
        if ((item).added_later[a] != 0)                                                         \
            fail(what, "left a field of a later version as it was");
#define SET_ADDED_FIELD(item) ((item).added_later[1] = 1)
#define ADDED_SIZE(item)      sizeof((item).added_later)
#else
#define ADDED_FIELDS(what, item)
#define SET_ADDED_FIELD(item)
#define ADDED_SIZE(item) 0
#endif

/* Checks what a function has filled. */
#define FILLED(what, list, count)           \
    do {                                    \
        rooms_check(what);                  \
        for (int f = 0; f < (count); f++) { \
            ADDED_FIELDS(what, (list)[f])   \
        }                                   \
    } while (0)

static int library_knows; /* the fields of LONGER */

/* Whether settings of a later version were treated as they must be. */
static void expect_later(cleave_status status, const char *what) {
#ifdef LONGER
    if (status != (library_knows ? CLEAVE_OK : CLEAVE_ERROR_ARGUMENT))
        fail(what, "a field that the library lacks was ignored, or one that it has was refused");
#else
    if (status != CLEAVE_OK)
        fail(what, "refused settings");
#endif
}

/* Sizes of settings that were never filled, and what is left when the size is right again. `last`:
 * the last field of the first version. */
#define EXPECT_SIZE_CHECKED(settings, last, call)                                            \
    do {                                                                                     \
        const size_t sizes[] = {0, sizeof(size_t), offsetof(__typeof__(*(settings)), last),  \
                                (size_t)0xA5A5A5A5};                                         \
        for (int s = 0; s < 4; s++) {                                                        \
            (settings)->size = sizes[s];                                                     \
            if ((call) != CLEAVE_ERROR_ARGUMENT || strstr(error.text, "_default()") == NULL) \
                fail(#settings, "a size that makes no sense was taken");                     \
        }                                                                                    \
        (settings)->size = sizeof(*(settings));                                              \
    } while (0)

/* ---- Printing ---- */

static void print_text(const char *name, const char *text) {
    printf(" %s='%s'", name, text ? text : "(null)");
}

static void print_numbers(const char *name, const int *numbers, int count) {
    printf(" %s=", name);
    for (int i = 0; i < count; i++)
        printf("%s%d", i ? "," : "", numbers[i]);
}

static double energy(const float *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sum;
}

/* ---- Models ---- */

static cleave_model *try_model(const char *path) {
    cleave_model *model = NULL;
    cleave_error error;
    cleave_model_settings *settings = NEW(cleave_model_settings);
    cleave_model_settings_default(settings);
    FILLED("cleave_model_settings_default", settings, 1);
    printf("model settings: size %s, config %s, log %s\n",
           settings->size == sizeof(*settings) ? "ok" : "wrong",
           settings->config_path ? "set" : "none", settings->log.write ? "set" : "none");
    EXPECT_SIZE_CHECKED(settings, log, cleave_model_open(&model, path, settings, &error));
    SET_ADDED_FIELD(*settings);
    expect_later(cleave_model_open(&model, path, settings, &error), "cleave_model_open");
    cleave_model_close(model);
    cleave_model_settings_default(settings);
    must(cleave_model_open(&model, path, settings, &error), &error, "cleave_model_open");
    return model;
}

static void show_model(const cleave_model *model) {
    cleave_model_info *info = NEW(cleave_model_info);
    cleave_model_get_info(model, info);
    FILLED("cleave_model_get_info", info, 1);
    printf("model:");
    print_text("name", info->name);
    print_text("container", info->container);
    print_text("stem", info->stems[info->stem_count - 1]);
    print_numbers("scale", info->scale, 2);
    printf(" stems=%d channels=%d rate=%d chunk=%d overlap=%d parameters=%lld flops=%.0f\n",
           info->stem_count, info->channels, info->sample_rate, info->chunk_size,
           info->default_overlap, (long long)info->parameters, info->flops_per_chunk);
}

static void list_blocks(const cleave_model *model) {
    cleave_block *blocks = NEW_LIST(cleave_block, 3);
    int count = cleave_model_blocks(model, blocks, 3);
    FILLED("cleave_model_blocks", blocks, 3);
    printf("%d blocks:\n", count);
    for (int i = 0; i < 3; i++) {
        print_text("name", blocks[i].name);
        print_text("kind", blocks[i].kind);
        print_numbers("output", blocks[i].output, 3);
        printf(" flops=%.0f\n", blocks[i].flops);
    }
}

static void list_weights(const cleave_model *model) {
    cleave_weight *weights = NEW_LIST(cleave_weight, LIST_MAX);
    int count = cleave_model_weights(model, weights, LIST_MAX);
    FILLED("cleave_model_weights", weights, count);
    printf("%d weights:\n", count);
    for (int i = 0; i < count; i++) {
        print_text("name", weights[i].name);
        print_text("type", weights[i].type);
        printf(" dims=%d first=%lld last=%lld\n", weights[i].dim_count,
               (long long)weights[i].dims[0], (long long)weights[i].dims[7]);
    }
}

static void export_model(const cleave_model *model, const char *folder) {
    char path[4096];
    cleave_error error;
    cleave_export_result *result = NEW(cleave_export_result);
    cleave_export_settings *settings = NEW(cleave_export_settings);
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    cleave_export_settings_default(settings);
    FILLED("cleave_export_settings_default", settings, 1);
    EXPECT_SIZE_CHECKED(settings, frames,
                        cleave_model_export_onnx(model, path, settings, NULL, &error));
    SET_ADDED_FIELD(*settings);
    expect_later(cleave_model_export_onnx(model, path, settings, NULL, &error),
                 "cleave_model_export_onnx");
    cleave_export_settings_default(settings);
    must(cleave_model_export_onnx(model, path, settings, result, &error), &error,
         "cleave_model_export_onnx");
    FILLED("cleave_model_export_onnx", result, 1);
    printf("export: bytes=%lld opset=%d", (long long)result->bytes, result->opset);
    print_numbers("output", result->output, 4);
    printf("\n");
}

/* ---- Devices ---- */

static void list_devices(void) {
    cleave_error error;
    cleave_device_info *devices = NEW_LIST(cleave_device_info, 8);
    cleave_capability *able = NEW_LIST(cleave_capability, CLEAVE_CAPABILITIES);
    cleave_device_choice *choice = NEW(cleave_device_choice);
    int count = cleave_device_list(devices, 8);
    FILLED("cleave_device_list", devices, count);
    for (int i = 0; i < count; i++) {
        int capabilities = cleave_device_capabilities(devices[i].id, able, CLEAVE_CAPABILITIES);
        FILLED("cleave_device_capabilities", able, capabilities);
        printf("device: kind=%s available=%d simulated=%d capabilities=%d",
               cleave_device_kind_name(devices[i].kind), devices[i].available, devices[i].simulated,
               capabilities);
        print_text("id", devices[i].id);
        print_text("name", devices[i].name);
        print_text("reason", devices[i].reason);
        print_text("system", devices[i].system);
        print_text("warning", devices[i].warning);
        for (int c = 0; c < capabilities; c++)
            printf(" %d'%s'", able[c].able, able[c].reason);
        printf("\n");
    }
    must(cleave_device_choose("cpu", 1, choice, &error), &error, "cleave_device_choose");
    FILLED("cleave_device_choose", choice, 1);
    printf("choice: '%s' '%s'\n", choice->id, choice->reason);
}

static void list_formats(void) {
    cleave_format_info *formats = NEW_LIST(cleave_format_info, CLEAVE_FORMATS);
    int count = cleave_format_list(formats, CLEAVE_FORMATS);
    FILLED("cleave_format_list", formats, count);
    for (int i = 0; i < count; i++)
        printf("format: %d '%s' bits=%d floats=%d '%s'\n", formats[i].format, formats[i].name,
               formats[i].default_bits, formats[i].floats, formats[i].reason);
}

static void list_findings(void) {
    for (int topic = 0; topic < CLEAVE_TOPICS; topic++) {
        cleave_finding *findings = NEW_LIST(cleave_finding, LIST_MAX);
        int count = cleave_finding_list((cleave_topic)topic, findings, LIST_MAX);
        FILLED("cleave_finding_list", findings, count);
        for (int i = 0; i < count; i++)
            printf("finding: '%s' %d %s\n", findings[i].name, findings[i].state,
                   findings[i].text[0] && strlen(findings[i].text) < sizeof(findings[i].text)
                       ? "with a text"
                       : "without a text");
    }
}

/* ---- Separators ---- */

static void show_plan(const cleave_model *model, const cleave_separator_settings *settings) {
    cleave_error error;
    cleave_memory_need *need = NEW(cleave_memory_need);
    cleave_layer_list *list = NEW(cleave_layer_list);
    must(cleave_model_memory(model, settings, need, &error), &error, "cleave_model_memory");
    FILLED("cleave_model_memory", need, 1);
    printf("memory: '%s' batch=%d weights=%lld activations=%lld source=%d\n", need->device,
           need->batch, (long long)need->weights, (long long)need->activations,
           need->limit_source[0] != '\0');
    must(cleave_model_plan(model, settings, list, &error), &error, "cleave_model_plan");
    FILLED("cleave_model_plan", list, 1);
    for (int i = 0; i < list->count; i++)
        printf("layer: %s %d '%s' flops=%.0f share=%.6f\n", list->layers[i]->op,
               list->layers[i]->count, list->layers[i]->how, list->layers[i]->flops,
               list->layers[i]->share);
    cleave_layer_list_free(list);
    rooms_check("cleave_layer_list_free");
}

static cleave_separator *try_separator(const cleave_model *model) {
    cleave_error error;
    cleave_separator *separator = NULL;
    cleave_separator_info *info = NEW(cleave_separator_info);
    cleave_separator_settings *settings = NEW(cleave_separator_settings);
    cleave_separator_settings_default(settings);
    FILLED("cleave_separator_settings_default", settings, 1);
    printf("separator settings: '%s' compile=%d profile=%d log=%s\n", settings->device,
           settings->compile, settings->profile, settings->log.write ? "set" : "none");
    settings->device = "cpu";
    settings->batch = 1;
    settings->threads = 2;
    settings->profile = 1;
    EXPECT_SIZE_CHECKED(settings, log, cleave_separator_open(&separator, model, settings, &error));
    SET_ADDED_FIELD(*settings);
    expect_later(cleave_separator_open(&separator, model, settings, &error),
                 "cleave_separator_open");
    cleave_separator_close(separator);
    cleave_separator_settings copy;
    cleave_separator_settings_default(&copy);
    copy.device = "cpu";
    copy.batch = 1;
    copy.threads = 2;
    copy.profile = 1;
    show_plan(model, &copy);
    must(cleave_separator_open(&separator, model, &copy, &error), &error, "cleave_separator_open");
    cleave_separator_get_info(separator, info);
    FILLED("cleave_separator_get_info", info, 1);
    printf(
        "separator: '%s' '%s' threads=%d overlap=%d batch=%d chunk=%d compiled=%d fallback=%lld\n",
        info->device, info->precision, info->threads, info->overlap, info->batch, info->chunk_size,
        info->compiled, (long long)info->fallback_ops);
    cleave_fallback_op *ops = NEW_LIST(cleave_fallback_op, 4);
    printf("fallbacks: %d\n", cleave_separator_fallbacks(separator, ops, 4));
    rooms_check("cleave_separator_fallbacks");
    return separator;
}

static int count_calls(void *user, const cleave_progress *progress) {
    (void)progress;
    ++*(int *)user;
    return 0;
}

static void separate_file(cleave_separator *separator, const cleave_model *model, const char *mix,
                          const char *folder) {
    int calls = 0;
    cleave_error error;
    cleave_result *result = NEW(cleave_result);
    cleave_outputs *outputs = NEW(cleave_outputs);
    cleave_file_settings *settings = NEW(cleave_file_settings);
    int whole = 0;
    cleave_file_settings_default(settings);
    FILLED("cleave_file_settings_default", settings, 1);
    printf("file settings: '%s' '%s' fd=%d\n", settings->directory, settings->name_template,
           settings->stream_fd);
    EXPECT_SIZE_CHECKED(settings, progress_user,
                        cleave_outputs_list(model, mix, settings, outputs, &error));
    EXPECT_SIZE_CHECKED(settings, progress_user,
                        cleave_separator_separate_file(separator, mix, settings, result, &error));
    settings->directory = folder;
    settings->residual = "rest";
    settings->progress = count_calls;
    settings->progress_user = &calls;
    SET_ADDED_FIELD(*settings);
    expect_later(cleave_outputs_list(model, mix, settings, outputs, &error), "cleave_outputs_list");
    cleave_outputs_free(outputs);
    cleave_file_settings_default(settings);
    settings->directory = folder;
    settings->residual = "rest";
    settings->progress = count_calls;
    settings->progress_user = &calls;
    must(cleave_separator_separate_file(separator, mix, settings, result, &error), &error,
         "cleave_separator_separate_file");
    FILLED("cleave_separator_separate_file", result, 1);
    printf("result: stems=%d rate=%d source=%d samples=%lld seconds=%.6f fallback=%lld calls=%s\n",
           result->stem_count, result->sample_rate, result->source_rate, (long long)result->samples,
           result->audio_seconds, (long long)result->fallback_ops, calls > 0 ? "some" : "none");
    for (int i = 0; i < result->stem_count; i++)
        printf("stem: '%s' peak=%.9g clipped=%lld\n", result->stems[i]->name,
               result->stems[i]->peak, (long long)result->stems[i]->clipped);
    cleave_result_free(result);
    must(cleave_outputs_list(model, mix, settings, outputs, &error), &error, "cleave_outputs_list");
    FILLED("cleave_outputs_list", outputs, 1);
    must(cleave_outputs_whole(outputs, &whole, &error), &error, "cleave_outputs_whole");
    printf("outputs: %d, the last '%s', whole=%d\n", outputs->count,
           outputs->stems[outputs->count - 1], whole);
    cleave_outputs_free(outputs);
    rooms_check("freeing results");
}

static void separate_memory(cleave_separator *separator, const cleave_model *model,
                            const char *mix) {
    cleave_error error;
    cleave_model_info info;
    cleave_audio *audio = NEW(cleave_audio);
    cleave_comparison *comparison = NEW(cleave_comparison);
    cleave_model_get_info(model, &info);
    must(cleave_audio_read(mix, info.channels, info.sample_rate, 0, audio, NULL, NULL, &error),
         &error, "cleave_audio_read");
    FILLED("cleave_audio_read", audio, 1);
    size_t stem_size = (size_t)audio->channels * (size_t)audio->samples;
    float *stems = malloc((size_t)info.stem_count * stem_size * sizeof(float));
    if (!stems)
        fail("growth.c", "out of memory");
    must(cleave_separator_separate_memory(separator, (const float *const *)audio->planes,
                                          audio->channels, audio->samples, stems, NULL, NULL,
                                          &error),
         &error, "cleave_separator_separate_memory");
    printf("audio: channels=%d rate=%d samples=%lld start=%lld\n", audio->channels,
           audio->sample_rate, (long long)audio->samples, (long long)audio->start);
    for (int i = 0; i < info.stem_count; i++)
        printf("stem: '%s' %.17g\n", info.stems[i],
               energy(stems + (size_t)i * stem_size, stem_size));
    const float *planes[] = {stems};
    must(cleave_audio_compare((const float *const *)audio->planes, planes, 1, audio->samples,
                              comparison, &error),
         &error, "cleave_audio_compare");
    FILLED("cleave_audio_compare", comparison, 1);
    printf("comparison: snr=%.9g not_numbers=%lld\n", comparison->snr,
           (long long)comparison->not_numbers);
    free(stems);
    cleave_audio_free(audio);
    rooms_check("cleave_audio_free");
}

static void show_profile(cleave_separator *separator) {
    cleave_error error;
    cleave_profile *profile = NEW(cleave_profile);
    must(cleave_separator_profile(separator, profile, &error), &error, "cleave_separator_profile");
    FILLED("cleave_separator_profile", profile, 1);
    printf("profile: ops=%d chunks=%lld left_out=%lld\n", profile->count,
           (long long)profile->chunks, (long long)profile->events_left_out);
    for (int i = 0; i < profile->count; i++)
        if (!profile->ops[i]->host)
            printf("op: '%s' %s '%s' calls=%lld flops=%.0f\n", profile->ops[i]->name,
                   profile->ops[i]->op, profile->ops[i]->algorithm,
                   (long long)profile->ops[i]->calls, profile->ops[i]->flops);
    cleave_profile_free(profile);
    rooms_check("cleave_profile_free");
}

/* ---- Files ---- */

static void measure(const char *mix, const char *folder) {
    char path[4096];
    cleave_error error;
    cleave_score *score = NEW(cleave_score);
    cleave_loudness *loudness = NEW(cleave_loudness);
    cleave_spectrogram_panel *panels = NEW_LIST(cleave_spectrogram_panel, 2);
    must(cleave_score_files(mix, mix, score, &error), &error, "cleave_score_files");
    FILLED("cleave_score_files", score, 1);
    printf("score: %f %lld %lld\n", score->sdr, (long long)score->samples,
           (long long)score->length_difference);
    must(cleave_loudness_measure(mix, loudness, NULL, NULL, &error), &error,
         "cleave_loudness_measure");
    FILLED("cleave_loudness_measure", loudness, 1);
    printf("loudness: %.9g %.9g %d %d\n", loudness->integrated, loudness->sample_peak,
           loudness->sample_rate, loudness->channels);
    snprintf(path, sizeof(path), "%s/picture.png", folder);
    memset(panels, 0, 2 * sizeof(*panels));
    for (int i = 0; i < 2; i++) {
        panels[i].label = "mix";
        panels[i].path = mix;
    }
    must(cleave_spectrogram_write(path, panels, 2, NULL, NULL, NULL, &error), &error,
         "cleave_spectrogram_write");
    SET_ADDED_FIELD(panels[1]);
    expect_later(cleave_spectrogram_write(path, panels, 2, NULL, NULL, NULL, &error),
                 "cleave_spectrogram_write");
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    library_knows = strcmp(argv[4], "known") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    cleave_model *model = try_model(argv[1]);
    show_model(model);
    list_blocks(model);
    list_weights(model);
    export_model(model, argv[3]);
    list_devices();
    list_formats();
    list_findings();
    cleave_separator *separator = try_separator(model);
    separate_file(separator, model, argv[2], argv[3]);
    separate_memory(separator, model, argv[2]);
    show_profile(separator);
    measure(argv[2], argv[3]);
    cleave_separator_close(separator);
    cleave_model_close(model);
    rooms_check("the end");
    rooms_free();
    printf("done\n");
    return 0;
}
