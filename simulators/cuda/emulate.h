/* emulate.h: the language of kernels on a CPU; kernel.h says what each word means, emulator.h what
 * is checked. Included by kernel.h alone.
 *
 * What touches memory of the kernel is inline here, so that sanitizers see it in the kernel's own
 * line. `file` and `line` are always those of the caller. */
#ifndef CUDASIM_EMULATE_H
#define CUDASIM_EMULATE_H

#include <stddef.h>

#include "emulate_half.h"

/* ---- What the emulator tells a thread, and does for it ---- */

/* The thread that runs. It never moves to another thread of the operating system. */
struct EmuHere {
    int thread;
    int block[3];
    int grid_x;
    int capability;
};
extern __thread EmuHere emu_here __attribute__((tls_model("initial-exec")));

enum EmuCollective {
    EMU_SHUFFLE_XOR,
    EMU_LOAD_MATRICES,
    EMU_LOAD_MATRICES_TRANSPOSED,
    EMU_MULTIPLY_F16,
    EMU_MULTIPLY_BF16
};

/* What a lane brings to a collective. */
struct EmuLane {
    EmuCollective collective;
    int m, n; /* of a product */
    int mask; /* of a shuffle */
    void *result;
    const void *a, *b;
    const char *file;
    int line;
};

/* An asynchronous copy, which has been read and not yet written. */
struct EmuCopy {
    Quad value;
    Quad *to;
    unsigned group;
};

#define EMU_PLACE        const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define EMU_PRODUCTS_MAX 32 /* columns of products in one multiply(), in eights */

void emu_sync(const char *file, int line);
void emu_meet(const EmuLane *lane);
char *emu_shared(void);

/* Faults unless 16 bytes there are shared memory, and aligned. */
void emu_check_shared(const char *what, const void *address, const char *file, int line);
void emu_check_global(const char *what, const void *address, const char *file, int line);
void emu_copy_begin(Quad *to, const Quad *value, const char *file, int line);
void emu_copy_commit(void);

/* The oldest copy that arrives when all but `left` groups are waited for, once; then NULL. */
const EmuCopy *emu_copy_arrived(unsigned left);

/* ---- The language ---- */

#define FN        [[maybe_unused]] static inline
#define FN_MEMBER inline
#define HAVE_BF16
#define UNROLL
#define KEEP_LOOP
#define KERNEL(name, Arguments, threads, blocks_per_sm) \
    static void name##_body(const Arguments &a);        \
    extern "C" void name(const void *arguments);        \
    extern "C" void name(const void *arguments) {       \
        name##_body(*(const Arguments *)arguments);     \
    }                                                   \
    static void name##_body([[maybe_unused]] const Arguments &a)

FN int thread_index() {
    return emu_here.thread;
}

FN int block_x() {
    return emu_here.block[0];
}

FN int block_y() {
    return emu_here.block[1];
}

FN int block_z() {
    return emu_here.block[2];
}

FN int grid_x() {
    return emu_here.grid_x;
}

FN void block_sync(EMU_PLACE) {
    emu_sync(file, line);
}

FN char *shared_memory() {
    return emu_shared();
}

template <class T> FN T *global(uint64_t address) {
    return (T *)address;
}

FN Quad load_quad(uint64_t address) {
    return *(const Quad *)address;
}

FN float multiply_add(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}

FN double multiply_add(double a, double b, double c) {
    return __builtin_fma(a, b, c);
}

FN float exponential2(float v) {
    return v < -126.0f ? 0.0f : __builtin_exp2f(v);
}

FN float reciprocal(float v) {
    return 1 / v;
}

FN float divide(float a, float b) {
    return a / b;
}

FN float square_root(float v) {
    return __builtin_sqrtf(v);
}

FN double square_root(double v) {
    return __builtin_sqrt(v);
}

FN float minimum(float a, float b) {
    return a < b || b != b ? a : b;
}

FN float maximum(float a, float b) {
    return a > b || b != b ? a : b;
}

FN float as_float(uint32_t bits) {
    return emu_value_of(bits);
}

FN uint32_t as_bits(float v) {
    return emu_bits_of(v);
}

FN uint32_t pack_as(F16, float low, float high) {
    return emu_half_bits(low) | (uint32_t)emu_half_bits(high) << 16;
}

FN Pair unpack_as(F16, uint32_t bits) {
    return Pair{emu_half_value((uint16_t)bits), emu_half_value((uint16_t)(bits >> 16))};
}

FN float shuffle_xor(float v, int mask, EMU_PLACE) {
    float result = 0;
    EmuLane lane = {EMU_SHUFFLE_XOR, 0, 0, mask, &result, &v, nullptr, file, line};
    emu_meet(&lane);
    return result;
}

/* Each lane reads its own row. */
FN void emu_load(EmuCollective collective, uint32_t *r, const void *row, const char *file,
                 int line) {
    emu_check_shared("a row of a matrix", row, file, line);
    Quad values = *(const Quad *)row;
    EmuLane lane = {collective, 0, 0, 0, r, &values, nullptr, file, line};
    emu_meet(&lane);
}

FN void load_matrices(uint32_t r[4], const void *row, EMU_PLACE) {
    emu_load(EMU_LOAD_MATRICES, r, row, file, line);
}

FN void load_matrices_transposed(uint32_t r[4], const void *row, EMU_PLACE) {
    emu_load(EMU_LOAD_MATRICES_TRANSPOSED, r, row, file, line);
}

FN EmuCollective emu_multiply_kind(F16) {
    return EMU_MULTIPLY_F16;
}

FN EmuCollective emu_multiply_kind(BF16) {
    return EMU_MULTIPLY_BF16;
}

template <class T, int M, int N>
FN void multiply(float (&d)[M][N][4], const uint32_t (&a)[M][4], const uint32_t (&b)[N][2],
                 EMU_PLACE) {
    static_assert(N <= EMU_PRODUCTS_MAX, "the emulator has room for so many columns");
    EmuLane lane = {emu_multiply_kind(T()), M, N, 0, d, a, b, file, line};
    emu_meet(&lane);
}

FN void copy_16(void *to, const void *from, EMU_PLACE) {
    emu_check_shared("the target of a copy", to, file, line);
    emu_check_global("the source of a copy", from, file, line);
    Quad value = *(const Quad *)from;
    if (emu_here.capability < 80) {
        *(Quad *)to = value;
        return;
    }
    *(Quad *)to = Quad{~0u, ~0u, ~0u, ~0u};
    emu_copy_begin((Quad *)to, &value, file, line);
}

FN void copy_commit() {
    emu_copy_commit();
}

template <int LEFT> FN void copy_wait() {
    while (const EmuCopy *copy = emu_copy_arrived(LEFT))
        *copy->to = copy->value;
}

#endif
