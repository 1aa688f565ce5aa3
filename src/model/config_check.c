/* config_check.c: whether the sizes of a configuration fit each other. What the STFT asks for is
 * here, what a network asks for is in the file of its family. */
#include "model/config_check.h"

#include "dsp/stft.h"
#include "model/family.h"
#include "model/refuse.h"

static bool is_product_of_2_3_5(int value) {
    static const int primes[] = {2, 3, 5};
    for (int i = 0; i < 3; i++)
        while (value % primes[i] == 0)
            value /= primes[i];
    return value == 1;
}

static cleave_status check_stft(const Config *c, const char *source, cleave_error *error) {
    if (!is_product_of_2_3_5(c->n_fft))
        return model_refuse(error, source, "sizes such as 6144, 7680 and 8192 work",
                            "%s is %d, which has a prime factor above 5", c->family->n_fft_key,
                            c->n_fft);
    if (!istft_windows_cover(c->n_fft, c->hop_length))
        return model_refuse(error, source, "hops of half of n_fft or less work",
                            "%s is %d, too long for %s, %d: the windows would leave samples "
                            "uncovered",
                            c->family->hop_key, c->hop_length, c->family->n_fft_key, c->n_fft);
    if (c->dim_f > c->n_fft / 2 + 1)
        return model_refuse(
            error, source, NULL, "%s is %d, but an STFT with %s %d has only %d bins",
            c->family->bins_key, c->dim_f, c->family->n_fft_key, c->n_fft, c->n_fft / 2 + 1);
    if (c->chunk_size <= c->n_fft / 2)
        return error_advise(error,
                            model_refuse(error, source, NULL, "the chunk (%s) is %d samples",
                                         c->family->chunks_of_frames
                                             ? "chunk_size, or hop_length * (dim_t - 1)"
                                             : "chunk_size",
                                         c->chunk_size),
                            "the reflected edges of an STFT with %s %d need more than %d",
                            c->family->n_fft_key, c->n_fft, c->n_fft / 2);
    return CLEAVE_OK;
}

cleave_status config_check_frames(const Config *config, int frames, const char *what,
                                  cleave_error *error) {
    return config->family->check_frames(config, frames, what, error);
}

cleave_status config_check_sizes(const Config *config, const char *source, cleave_error *error) {
    cleave_status status = check_stft(config, source, error);
    if (status == CLEAVE_OK)
        status = config->family->check(config, source, error);
    if (status != CLEAVE_OK)
        return status;
    status =
        config_check_frames(config, config->dim_t, "a chunk (chunk_size / hop_length + 1)", error);
    if (status != CLEAVE_OK)
        error_prefix(error, "%s", source);
    return status;
}
