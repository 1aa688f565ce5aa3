/* raw_frames.c: the headers of such frames. */
#include "audio/ffmpeg/raw_frames.h"

#include <string.h>

#define ADTS_HEADER 7

/* kbit/s by the index in the header; rows: version 1 layer II, version 1 layer III, version 2 (and
 * 2.5) of both. */
static const short bit_rates[3][16] = {
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
};
static const int sample_rates[4] = {44100, 48000, 32000, 0};

enum { LAYER_ADTS = 0, LAYER_3 = 1, LAYER_2 = 2 };
enum { VERSION_2_5 = 0, VERSION_RESERVED = 1, VERSION_2 = 2, VERSION_1 = 3 };

#define ADTS_RATES 13

/* The 11 bits of the sync word, and none of the values that are not allowed behind it. */
static bool is_mpeg_header(const unsigned char *data) {
    bool sync = data[0] == 0xff && (data[1] & 0xe0) == 0xe0;
    int version = data[1] >> 3 & 3;
    int layer = data[1] >> 1 & 3;
    if (layer == LAYER_ADTS)
        return sync && (data[1] & 0xf0) == 0xf0 && (data[2] >> 2 & 15) < ADTS_RATES;
    return sync && version != VERSION_RESERVED && data[2] >> 4 != 15 && (data[2] >> 2 & 3) != 3;
}

bool raw_frame_has_sync(const unsigned char *data, size_t size) {
    static const unsigned char ac3[2] = {0x0b, 0x77};
    static const unsigned char dts[4] = {0x7f, 0xfe, 0x80, 0x01};
    if (size < 4)
        return false;
    return is_mpeg_header(data) || memcmp(data, ac3, sizeof(ac3)) == 0 ||
           memcmp(data, dts, sizeof(dts)) == 0;
}

static size_t adts_bytes(const unsigned char *data, size_t size) {
    if (size < ADTS_HEADER)
        return 0;
    return (size_t)(data[3] & 3) << 11 | (size_t)data[4] << 3 | data[5] >> 5;
}

size_t raw_frame_bytes(const unsigned char *data, size_t size) {
    if (size < 4 || !is_mpeg_header(data))
        return 0;
    int version = data[1] >> 3 & 3;
    int layer = data[1] >> 1 & 3;
    if (layer == LAYER_ADTS)
        return adts_bytes(data, size);
    int rate = sample_rates[data[2] >> 2 & 3];
    bool first = version == VERSION_1;
    int row = !first ? 2 : layer == LAYER_3 ? 1 : 0;
    int bit_rate = bit_rates[row][data[2] >> 4];
    if (rate == 0 || bit_rate == 0 || (layer != LAYER_2 && layer != LAYER_3))
        return 0;
    rate = version == VERSION_2 ? rate / 2 : version == VERSION_2_5 ? rate / 4 : rate;
    int slots = layer == LAYER_3 && !first ? 72 : 144;
    return (size_t)(slots * bit_rate * 1000 / rate) + (data[2] >> 1 & 1);
}
