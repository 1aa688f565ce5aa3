/* separate.c: the library in C: separates a file and says what was written.
 *
 *   cc separate.c $(pkg-config --cflags --libs cleave) -o separate
 *   ./separate drumsep.ckpt song.flac */
#include <cleave.h>
#include <stdio.h>

static int show_progress(void *user, const cleave_progress *progress) {
    (void)user;
    if (progress->samples_total > 0)
        fprintf(stderr, "\r%3.0f %%",
                100.0 * (double)progress->samples_done / (double)progress->samples_total);
    return 0; /* anything else cancels */
}

int main(int argc, char **argv) {
    cleave_model *model = NULL;
    cleave_separator *separator = NULL;
    cleave_file_settings output;
    cleave_result result;
    cleave_error error;
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: separate MODEL INPUT [FOLDER]\n");
        return 2;
    }
    cleave_file_settings_default(&output);
    output.progress = show_progress;
    if (argc == 4)
        output.directory = argv[3];
    if (cleave_model_open(&model, argv[1], NULL, &error) == CLEAVE_OK &&
        cleave_separator_open(&separator, model, NULL, &error) == CLEAVE_OK &&
        cleave_separator_separate_file(separator, argv[2], &output, &result, &error) == CLEAVE_OK) {
        for (int i = 0; i < result.stem_count; i++)
            printf("\r%s: %s\n", result.stems[i]->name, result.stems[i]->path);
        cleave_result_free(&result);
    }
    if (error.status != CLEAVE_OK)
        fprintf(stderr, "%s: %s\n", cleave_status_name(error.status), error.text);
    cleave_separator_close(separator);
    cleave_model_close(model);
    return error.status == CLEAVE_OK ? 0 : 1;
}
