/* operand.h: loading what a kernel reads: a unit of channels of one pixel at a time, in two steps,
 * so that a load is under way while the kernel computes. */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_OPERAND_H
#define CLEAVE_BACKEND_CUDA_KERNELS_OPERAND_H

#include "activation.h"
#include "arguments.h"
#include "kernel.h"

/* Channels in 16 bytes of an operand. */
template <typename T> struct Unit { static const int channels = 8; };
template <> struct Unit<F32> { static const int channels = 4; };

struct alignas(8) TwoWords {
    uint32_t x, y;
};

/* ---- Numbers as they are stored ---- */

/* W numbers from `element` on; those of two bytes fill the first half of `raw`. */
template <int W>
FN void load_stored(uint32_t (&raw)[W], uint64_t address, int64_t element, int stored) {
    if (stored == STORED_F32) {
        UNROLL
        for (int i = 0; i < W / 4; i++) {
            Quad q = load_quad(address + (uint64_t)(element + 4 * i) * 4);
            raw[4 * i] = q.x, raw[4 * i + 1] = q.y, raw[4 * i + 2] = q.z, raw[4 * i + 3] = q.w;
        }
    } else if (W == 8) {
        Quad q = load_quad(address + (uint64_t)element * 2);
        raw[0] = q.x, raw[1] = q.y, raw[W / 2 - 2] = q.z, raw[W / 2 - 1] = q.w;
    } else {
        TwoWords two = *global<const TwoWords>(address + (uint64_t)element * 2);
        raw[0] = two.x, raw[1] = two.y;
    }
}

template <int W> FN void widen(float (&to)[W], const uint32_t (&raw)[W], int stored) {
    UNROLL
    for (int i = 0; i < W / 2; i++) {
        if (stored == STORED_F32) {
            to[2 * i] = as_float(raw[2 * i]), to[2 * i + 1] = as_float(raw[2 * i + 1]);
        } else {
            Pair p = stored == STORED_F16 ? unpack<F16>(raw[i]) : unpack<BF16>(raw[i]);
            to[2 * i] = p.x, to[2 * i + 1] = p.y;
        }
    }
}

FN Quad narrow(const float (&v)[4], F32) {
    return Quad{as_bits(v[0]), as_bits(v[1]), as_bits(v[2]), as_bits(v[3])};
}

template <typename T> FN Quad narrow(const float (&v)[8], T) {
    return Quad{pack<T>(v[0], v[1]), pack<T>(v[2], v[3]), pack<T>(v[4], v[5]), pack<T>(v[6], v[7])};
}

/* ---- Units of an operand ---- */

/* A unit as it came from memory. TIMES: a product of two values may be asked for. */
template <int W, bool TIMES> struct Fetched {
    uint32_t value[W];
    uint32_t times[TIMES ? W : 1];
    int stored;
    int times_stored; /* -1: no factor */
    bool inside;      /* else it is zero, after all that is done to an operand */
};

/* Begins to load W channels of a pixel of a sample; `channel` is that of the concatenation. */
template <int W, bool TIMES>
FN void operand_fetch(Fetched<W, TIMES> &f, const Operand &o, int sample, int64_t pixel,
                      int channel, bool inside) {
    f.inside = inside && channel < o.channels;
    if (!f.inside)
        return;
    bool second = channel >= o.sources[0].channels;
    int own = second ? channel - o.sources[0].channels : channel;
    int channels = second ? o.sources[1].channels : o.sources[0].channels;
    int64_t stride = second ? o.sources[1].sample_stride : o.sources[0].sample_stride;
    f.stored = second ? o.sources[1].stored : o.sources[0].stored;
    load_stored<W>(f.value, second ? o.sources[1].address : o.sources[0].address,
                   sample * stride + pixel * channels + own, f.stored);
    if constexpr (TIMES) {
        uint64_t address = second ? o.times[1].address : o.times[0].address;
        f.times_stored = !address ? -1 : second ? o.times[1].stored : o.times[0].stored;
        stride = second ? o.times[1].sample_stride : o.times[0].sample_stride;
        if (address)
            load_stored<W>(f.times, address, sample * stride + pixel * channels + own,
                           f.times_stored);
    }
}

template <int W> FN void normalise(float (&v)[W], const Operand &o, int sample, int channel) {
    uint64_t norm = o.norm + ((uint64_t)sample * (uint64_t)o.norm_stride + (uint64_t)channel) * 8;
    UNROLL
    for (int i = 0; i < W / 2; i++) {
        Quad n = load_quad(norm + (uint64_t)i * 16);
        v[2 * i] = multiply_add(v[2 * i], as_float(n.x), as_float(n.y));
        v[2 * i + 1] = multiply_add(v[2 * i + 1], as_float(n.z), as_float(n.w));
    }
}

/* The numbers of a unit: multiplied, normalised and activated. */
template <int W, bool TIMES>
FN void operand_floats(float (&v)[W], const Fetched<W, TIMES> &f, const Operand &o, int sample,
                       int channel) {
    UNROLL
    for (int i = 0; i < W; i++)
        v[i] = 0;
    if (!f.inside)
        return;
    widen<W>(v, f.value, f.stored);
    if constexpr (TIMES) {
        float factor[W];
        if (f.times_stored >= 0) {
            widen<W>(factor, f.times, f.times_stored);
            UNROLL
            for (int i = 0; i < W; i++)
                v[i] *= factor[i];
        }
    }
    if (o.norm)
        normalise<W>(v, o, sample, channel);
    activate<W>(v, o.act, o.alpha);
}

/* The same, rounded to the type of the product's operands, as shared memory holds it. */
template <typename T, bool TIMES>
FN Quad operand_unit(const Fetched<Unit<T>::channels, TIMES> &f, const Operand &o, int sample,
                     int channel) {
    float v[Unit<T>::channels];
    operand_floats<Unit<T>::channels, TIMES>(v, f, o, sample, channel);
    return narrow(v, T{});
}

#endif
