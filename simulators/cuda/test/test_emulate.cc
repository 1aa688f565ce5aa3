/* test_emulate.cc: the emulator: each word of the language against its definition, each rule broken
 * once, and a kernel with faults planted in it. What ends the process, or makes a sanitizer speak,
 * runs in a process of its own: this program with the name of the case. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/cuda/kernels/kernel.h"
#include "emulate_fiber.h"
#include "emulator.h"

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *condition, int line) {
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, line, condition);
    exit(1);
}

static bool has(const char *text, const char *part) {
    if (strstr(text, part))
        return true;
    fprintf(stderr, "\"%s\" does not say \"%s\"\n", text, part);
    return false;
}

static float random_value(unsigned *state) { /* in [-1, 1) */
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (1 << 23) - 1;
}

/* ---- Launches ---- */

typedef struct Arguments {
    uint64_t input;
    uint64_t output;
    uint64_t counter;
    int32_t what; /* of several things that a kernel can do */
    int32_t unused;
} Arguments;

#define DESCRIBE(name, threads) \
    { #name, name, sizeof(Arguments), threads, 75 }

typedef struct Shape {
    unsigned x, y, z;
    unsigned threads;
    size_t shared_bytes;
} Shape;

static char fault[512];

static bool launch(const EmuKernel *kernel, const Arguments &a, Shape shape, int capability = 80,
                   unsigned seed = 0) {
    unsigned grid[3] = {shape.x, shape.y, shape.z};
    fault[0] = '\0';
    return emu_launch(kernel, &a, grid, shape.threads, shape.shared_bytes, capability, seed, fault,
                      sizeof(fault));
}

static Arguments arguments(const void *input, const void *output, int what = 0) {
    return Arguments{(uint64_t)input, (uint64_t)output, 0, what, 0};
}

/* ---- Where a thread is ---- */

KERNEL(indices, Arguments, 96, 1) {
    int block = (block_z() * 2 + block_y()) * grid_x() + block_x();
    global<int>(a.output)[block * 70 + thread_index()] = block * 1000 + thread_index();
}

static void test_indices() {
    static const EmuKernel kernel = DESCRIBE(indices, 96);
    for (unsigned seed = 0; seed < 20; seed++) {
        int output[2 * 2 * 5 * 70] = {};
        CHECK(launch(&kernel, arguments(nullptr, output), {5, 2, 2, 70, 0}, 80, seed));
        for (int i = 0; i < 20 * 70; i++)
            CHECK(output[i] == i / 70 * 1000 + i % 70);
    }
}

/* Who came when. */
KERNEL(order, Arguments, 64, 1) {
    int *counter = global<int>(a.counter);
    int now = __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    global<int>(a.output)[now] = block_x() * 64 + thread_index();
    block_sync();
    now = __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    global<int>(a.output)[now] = block_x() * 64 + thread_index();
}

static void run_order(int output[512], unsigned seed) {
    static const EmuKernel kernel = DESCRIBE(order, 64);
    int counter = 0;
    Arguments a = arguments(nullptr, output);
    a.counter = (uint64_t)&counter;
    CHECK(launch(&kernel, a, {4, 1, 1, 64, 0}, 80, seed));
    CHECK(counter == 512);
}

static void test_orders() {
    emu_set_threads(1);
    int first[512];
    run_order(first, 0);
    for (int i = 0; i < 512; i++) /* as they are numbered */
        CHECK(first[i] == i / 128 * 64 + i % 64);
    int blocks = 0, threads = 0, after_barrier = 0;
    for (unsigned seed = 1; seed < 30; seed++) {
        int output[512], again[512];
        run_order(output, seed);
        run_order(again, seed);
        CHECK(!memcmp(output, again, sizeof(output)));
        blocks += output[0] / 64 != 0;
        threads += output[0] % 64 != 0;
        after_barrier += output[64] != output[0];
        int seen[256] = {};
        for (int i = 0; i < 512; i++)
            seen[output[i]]++;
        for (int i = 0; i < 256; i++)
            CHECK(seen[i] == 2);
    }
    CHECK(blocks > 10 && threads > 20 && after_barrier > 5);
    emu_set_threads(0);
}

/* ---- Arithmetic ---- */

/* All f16 values, from their fields. */
static double f16_by_definition(unsigned bits) {
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = bits & 1023;
    double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits >> 15 ? -size : size;
}

static unsigned pack_one(float value) {
    uint32_t both = pack<F16>(value, 1.0f);
    CHECK(both >> 16 == 0x3c00);
    CHECK((uint16_t)both == emu_half_bits_portable(value));
    CHECK(pack<F16>(0.0f, value) == (both & 0xffff) << 16);
    return both & 0xffff;
}

static void test_every_f16_is_kept() {
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        Pair pair = unpack<F16>(bits | 0xc0000000u);
        CHECK(pair.y == -2.0f);
        CHECK(as_bits(emu_half_value_portable((uint16_t)bits)) == as_bits(pair.x));
        if ((bits >> 10 & 31) != 31)
            CHECK((double)pair.x == f16_by_definition(bits));
        else
            CHECK((bits & 1023) ? isnan(pair.x) : isinf(pair.x));
        unsigned packed = pack_one(pair.x);
        CHECK(packed == bits || (isnan(pair.x) && packed == (bits | 0x200)));
    }
}

/* Between two neighbours: to the nearer one, from the middle to the one whose last bit is 0. */
static void test_f16_between_neighbours() {
    for (unsigned bits = 0; bits < 0x7bff; bits++) {
        double low = f16_by_definition(bits);
        double high = f16_by_definition(bits + 1);
        float middle = (float)((low + high) / 2);
        CHECK(pack_one(nextafterf(middle, 0)) == bits);
        CHECK(pack_one(middle) == bits + bits % 2);
        CHECK(pack_one(nextafterf(middle, INFINITY)) == bits + 1);
        CHECK(pack_one(-middle) == (bits + bits % 2) + 0x8000);
    }
    CHECK(pack_one(65519.99f) == 0x7bff && pack_one(65520.0f) == 0x7c00);
    CHECK(pack_one(-INFINITY) == 0xfc00 && pack_one(1e-8f) == 0 && pack_one(-0.0f) == 0x8000);
}

static void test_bf16() {
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        Pair pair = unpack<BF16>(bits | 0x3f800000);
        CHECK(as_bits(pair.x) == bits << 16 && pair.y == 1.0f);
        uint32_t packed = pack<BF16>(pair.x, -1.0f);
        CHECK(packed >> 16 == 0xbf80);
        CHECK((packed & 0xffff) == (isnan(pair.x) ? 0x7fff : bits));
        if (isnan(pair.x) || isinf(pair.x))
            continue;
        float middle = as_float(bits << 16 | 0x8000);
        CHECK((pack<BF16>(as_float(as_bits(middle) - 1), 0) & 0xffff) == bits);
        CHECK((pack<BF16>(middle, 0) & 0xffff) == bits + bits % 2);
        CHECK((pack<BF16>(as_float(as_bits(middle) + 1), 0) & 0xffff) == bits + 1);
    }
}

static void test_arithmetic() {
    CHECK(minimum(1.0f, 2.0f) == 1 && minimum(2.0f, 1.0f) == 1);
    CHECK(maximum(1.0f, 2.0f) == 2 && maximum(2.0f, 1.0f) == 2);
    CHECK(minimum(NAN, 2.0f) == 2 && minimum(2.0f, NAN) == 2 && isnan(minimum(NAN, NAN)));
    CHECK(maximum(NAN, 2.0f) == 2 && maximum(2.0f, NAN) == 2 && isnan(maximum(NAN, NAN)));
    CHECK(minimum(-3, 4) == -3 && maximum(-3, 4) == 4);
    CHECK(multiply_add(1 + 0x1p-12f, 1 + 0x1p-12f, -1) == 0x1p-11f + 0x1p-24f);
    CHECK(divide(1, 3) == 1.0f / 3 && square_root(2.0f) == sqrtf(2) && square_root(2.0) == sqrt(2));
    CHECK(reciprocal(4) == 0.25f && as_float(as_bits(-1.5f)) == -1.5f);
    CHECK(F32::stored == STORED_F32 && F16::stored == STORED_F16 && BF16::stored == STORED_BF16);
}

/* ---- Collectives ---- */

KERNEL(shuffles, Arguments, 64, 1) {
    float *to = global<float>(a.output) + thread_index() * 5;
    UNROLL
    for (int i = 0; i < 5; i++)
        to[i] = shuffle_xor((float)(thread_index() * 10 + i), 1 << i);
}

static void test_shuffle() {
    static const EmuKernel kernel = DESCRIBE(shuffles, 64);
    for (unsigned seed = 0; seed < 8; seed++) {
        float output[64 * 5];
        CHECK(launch(&kernel, arguments(nullptr, output), {1, 1, 1, 64, 0}, 75, seed));
        for (int i = 0; i < 64; i++)
            for (int bit = 0; bit < 5; bit++)
                CHECK(output[i * 5 + bit] == (float)((i ^ 1 << bit) * 10 + bit));
    }
}

/* The rows of four matrices, 16 bytes each, lie backwards. */
KERNEL(matrices, Arguments, 32, 1) {
    char *row = shared_memory() + (31 - thread_index()) * 16;
    *(Quad *)row = global<const Quad>(a.input)[thread_index()];
    block_sync();
    uint32_t *to = global<uint32_t>(a.output) + thread_index() * 4;
    uint32_t r[4];
    if (a.what)
        load_matrices_transposed(r, row);
    else
        load_matrices(r, row);
    for (int i = 0; i < 4; i++)
        to[i] = r[i];
}

static void test_load_matrices() {
    static const EmuKernel kernel = DESCRIBE(matrices, 32);
    alignas(16) uint16_t input[4][8][8];
    for (int i = 0; i < 256; i++)
        (&input[0][0][0])[i] = (uint16_t)(i * 7 + 1);
    for (int transposed = 0; transposed < 2; transposed++) {
        uint32_t output[32][4];
        CHECK(launch(&kernel, arguments(input, output, transposed), {1, 1, 1, 32, 512}));
        for (int lane = 0; lane < 32; lane++)
            for (int m = 0; m < 4; m++)
                for (int i = 0; i < 2; i++) {
                    int row = lane / 4, column = lane % 4 * 2 + i;
                    uint16_t want = transposed ? input[m][column][row] : input[m][row][column];
                    CHECK((uint16_t)(output[lane][m] >> 16 * i) == want);
                }
    }
}

/* a: (16 M, 16), b: (16, 8 N), d: (16 M, 8 N); floats that the types hold exactly. */
template <class T, int M, int N> static void multiply_body(const Arguments &a) {
    const float *left = global<const float>(a.input);
    const float *right = left + 16 * M * 16;
    float *sums = global<float>(a.output);
    int row = thread_index() / 4, pair = thread_index() % 4 * 2;
    uint32_t x[M][4], y[N][2];
    float d[M][N][4];
    for (int m = 0; m < M; m++)
        for (int r = 0; r < 4; r++) {
            const float *from = left + (m * 16 + row + r % 2 * 8) * 16 + pair + r / 2 * 8;
            x[m][r] = pack<T>(from[0], from[1]);
        }
    for (int n = 0; n < N; n++)
        for (int r = 0; r < 2; r++) {
            const float *from = right + (pair + r * 8) * 8 * N + n * 8 + row;
            y[n][r] = pack<T>(from[0], from[8 * N]);
        }
    for (int i = 0; i < M * N * 4; i++)
        d[i / 4 / N][i / 4 % N][i % 4] = (float)i;
    multiply<T>(d, x, y);
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++)
            for (int r = 0; r < 4; r++)
                sums[(m * 16 + row + r / 2 * 8) * 8 * N + n * 8 + pair + r % 2] =
                    d[m][n][r] - (float)((m * N + n) * 4 + r);
}

#define MULTIPLY(type, m, n)                                \
    KERNEL(multiply_##type##_##m##_##n, Arguments, 32, 1) { \
        multiply_body<type, m, n>(a);                       \
    }
MULTIPLY(F16, 4, 4)
MULTIPLY(F16, 1, 1)
MULTIPLY(F16, 2, 3)
MULTIPLY(BF16, 3, 8)
MULTIPLY(BF16, 1, 5)

static void check_multiply(const EmuKernel *kernel, int m, int n) {
    static float input[64 * 16 + 16 * 64], output[64 * 64];
    unsigned state = 5;
    for (float &value : input) /* sixteenths: sums are exact */
        value = roundf(random_value(&state) * 64) / 16;
    CHECK(launch(kernel, arguments(input, output), {1, 1, 1, 32, 0}, 80, 3));
    for (int i = 0; i < 16 * m; i++)
        for (int j = 0; j < 8 * n; j++) {
            float sum = 0;
            for (int k = 0; k < 16; k++)
                sum += input[i * 16 + k] * input[16 * m * 16 + k * 8 * n + j];
            CHECK(output[i * 8 * n + j] == sum);
        }
}

static void test_multiply() {
    static const EmuKernel kernels[] = {
        DESCRIBE(multiply_F16_4_4, 32), DESCRIBE(multiply_F16_1_1, 32),
        DESCRIBE(multiply_F16_2_3, 32), DESCRIBE(multiply_BF16_3_8, 32),
        DESCRIBE(multiply_BF16_1_5, 32)};
    check_multiply(&kernels[0], 4, 4);
    check_multiply(&kernels[1], 1, 1);
    check_multiply(&kernels[2], 2, 3);
    check_multiply(&kernels[3], 3, 8);
    check_multiply(&kernels[4], 1, 5);
}

/* ---- Shared memory and copies ---- */

KERNEL(fresh, Arguments, 32, 1) {
    const float *shared = (const float *)shared_memory();
    bool *is_nan = global<bool>(a.output);
    if (thread_index() == 0)
        is_nan[0] = (uint64_t)shared % 16 == 0;
    for (int i = thread_index(); i < 100; i += 32)
        is_nan[1 + i] = shared[i] != shared[i];
    block_sync();
    for (int i = thread_index(); i < 100; i += 32)
        ((float *)shared_memory())[i] = 1;
}

static void test_shared_memory_is_fresh() {
    static const EmuKernel kernel = DESCRIBE(fresh, 32);
    for (int run = 0; run < 2; run++) {
        bool output[101] = {};
        CHECK(launch(&kernel, arguments(nullptr, output), {1, 1, 1, 32, 400}));
        for (bool is_nan : output)
            CHECK(is_nan);
    }
}

/* Two groups of one copy each, and how many have arrived after each wait. */
KERNEL(copies, Arguments, 32, 1) {
    uint32_t *slot = (uint32_t *)shared_memory() + thread_index() * 8;
    const uint32_t *from = global<const uint32_t>(a.input) + thread_index() * 8;
    int *arrived = global<int>(a.output) + thread_index() * 4;
    slot[0] = slot[4] = 0;
    for (int i = 0; i < 2; i++) {
        copy_16(slot + 4 * i, from + 4 * i);
        copy_commit();
    }
    copy_wait<2>();
    arrived[0] = (slot[0] == from[0]) + 2 * (slot[4] == from[4]);
    copy_wait<1>();
    arrived[1] = (slot[0] == from[0]) + 2 * (slot[4] == from[4]);
    copy_16(slot, from + 4); /* in no group yet */
    copy_wait<0>();
    arrived[2] = (slot[0] == from[4]) + 2 * (slot[4] == from[4]);
    copy_commit();
    copy_wait<0>();
    arrived[3] = (slot[0] == from[4]) + 2 * (slot[4] == from[4]) + 4 * (slot[7] == from[7]);
}

static void test_copies() {
    static const EmuKernel kernel = DESCRIBE(copies, 32);
    alignas(16) uint32_t input[32 * 8];
    for (uint32_t i = 0; i < 32 * 8; i++)
        input[i] = i + 1;
    static const int capabilities[] = {75, 80, 90};
    for (int capability : capabilities) {
        int output[32][4];
        CHECK(launch(&kernel, arguments(input, output), {1, 1, 1, 32, 1024}, capability));
        bool late = capability >= 80;
        for (auto &arrived : output) {
            CHECK(arrived[0] == (late ? 0 : 3) && arrived[1] == (late ? 1 : 3));
            CHECK(arrived[2] == (late ? 2 : 3) && arrived[3] == 7);
        }
    }
}

/* ---- Rules ---- */

enum Rule {
    KEEPS_RULES,
    LANE_MISSES_SHUFFLE,
    LANES_AT_TWO_SHUFFLES,
    LANES_AT_TWO_KINDS,
    LANE_LEFT_BEFORE_SHUFFLE,
    LANE_AT_BARRIER_BEFORE_SHUFFLE,
    THREAD_MISSES_BARRIER,
    THREAD_LEFT_BEFORE_BARRIER,
    THREADS_AT_TWO_BARRIERS,
    LANE_AT_SHUFFLE_BEFORE_BARRIER,
    LANE_AT_SHUFFLE_BEFORE_END,
    COPIES_UNDER_WAY_AT_END,
    COPIES_WITHOUT_NUMBER,
    ROW_NOT_ALIGNED,
    ROW_BEHIND_SHARED,
    ROW_NOT_SHARED,
    TARGET_NOT_SHARED,
    TARGET_NOT_ALIGNED,
    SOURCE_SHARED,
    SOURCE_NOT_ALIGNED,
    SHARED_BEHIND,
    SHARED_BEFORE,
    RULES
};

KERNEL(rules, Arguments, 64, 1) {
    int thread = thread_index();
    char *shared = shared_memory();
    const char *from = global<const char>(a.input);
    uint32_t r[4];
    float v = 1;
    if (a.what == LANE_MISSES_SHUFFLE && thread == 37) {
        v = shuffle_xor(v, 2);
    } else if (a.what == LANES_AT_TWO_SHUFFLES) {
        if (thread % 2)
            v = shuffle_xor(v, 1);
        else
            v = shuffle_xor(v, 1);
    } else if (a.what == LANES_AT_TWO_KINDS) {
        if (thread == 5)
            load_matrices(r, shared);
        else
            v = shuffle_xor(v, 1);
    } else if (a.what == LANE_LEFT_BEFORE_SHUFFLE) {
        if (thread == 40)
            return;
        v = shuffle_xor(v, 1);
    } else if (a.what == LANE_AT_BARRIER_BEFORE_SHUFFLE) {
        if (thread == 40)
            block_sync();
        v = shuffle_xor(v, 1);
    } else if (a.what == THREAD_MISSES_BARRIER) {
        if (thread != 63)
            block_sync();
    } else if (a.what == THREAD_LEFT_BEFORE_BARRIER) {
        if (thread == 0)
            return;
        block_sync();
    } else if (a.what == THREADS_AT_TWO_BARRIERS) {
        if (thread < 32)
            block_sync();
        else
            block_sync();
    } else if (a.what == LANE_AT_SHUFFLE_BEFORE_BARRIER) {
        if (thread < 4)
            v = shuffle_xor(v, 1);
        block_sync();
    } else if (a.what == LANE_AT_SHUFFLE_BEFORE_END) {
        if (thread < 4)
            v = shuffle_xor(v, 1);
    } else if (a.what == COPIES_UNDER_WAY_AT_END) {
        copy_16(shared, from);
        copy_commit();
    } else if (a.what == COPIES_WITHOUT_NUMBER) {
        for (int i = 0; i < 1000; i++)
            copy_16(shared, from);
    } else if (a.what == ROW_NOT_ALIGNED) {
        load_matrices(r, shared + thread * 8);
    } else if (a.what == ROW_BEHIND_SHARED) {
        load_matrices(r, shared + (thread == 63 ? 1024 - 8 : 0));
    } else if (a.what == ROW_NOT_SHARED) {
        load_matrices_transposed(r, from);
    } else if (a.what == TARGET_NOT_SHARED) {
        copy_16((void *)from, from);
    } else if (a.what == TARGET_NOT_ALIGNED) {
        copy_16(shared + 4, from);
    } else if (a.what == SOURCE_SHARED) {
        copy_16(shared, shared + 16);
    } else if (a.what == SOURCE_NOT_ALIGNED) {
        copy_16(shared, from + 8);
    } else if (a.what == SHARED_BEHIND && thread == 0) {
        shared[1024] = 0;
    } else if (a.what == SHARED_BEFORE && thread == 0) {
        shared[-1] = 0;
    }
    global<float>(a.output)[thread] = v;
}

static const EmuKernel rules_kernel = DESCRIBE(rules, 64);

static bool run_rule(int rule, unsigned seed) {
    alignas(16) static char input[32];
    static float output[64];
    return launch(&rules_kernel, arguments(input, output, rule), {1, 1, 1, 64, 1024}, 80, seed);
}

static const struct {
    Rule rule;
    const char *says;
} rules_broken[] = {
    {LANE_MISSES_SHUFFLE, "not reached by all"},
    {LANES_AT_TWO_SHUFFLES, "shuffle_xor() is not reached by all lanes: thread "},
    {LANES_AT_TWO_KINDS, "waits at "},
    {LANE_LEFT_BEFORE_SHUFFLE, "thread"},
    {LANE_AT_BARRIER_BEFORE_SHUFFLE, "reached by all"},
    {THREAD_MISSES_BARRIER, "a barrier is not reached by all"},
    {THREAD_LEFT_BEFORE_BARRIER, "a barrier is not reached by all"},
    {THREADS_AT_TWO_BARRIERS, "threads are at different barriers: thread "},
    {LANE_AT_SHUFFLE_BEFORE_BARRIER, "reached by all"},
    {LANE_AT_SHUFFLE_BEFORE_END, "reached by all"},
    {COPIES_UNDER_WAY_AT_END, "has not waited for 1 copies"},
    {COPIES_WITHOUT_NUMBER, "copies under way"},
    {ROW_NOT_ALIGNED, "a row of a matrix is not aligned to 16 bytes"},
    {ROW_BEHIND_SHARED,
     "a row of a matrix is not in shared memory, of 1024 bytes, but at its byte 1016"},
    {ROW_NOT_SHARED, "a row of a matrix is not in shared memory"},
    {TARGET_NOT_SHARED, "the target of a copy is not in shared memory"},
    {TARGET_NOT_ALIGNED, "the target of a copy is not aligned to 16 bytes, but at byte 4"},
    {SOURCE_SHARED, "the source of a copy is in shared memory, at its byte 16"},
    {SOURCE_NOT_ALIGNED, "the source of a copy is not aligned"},
};

static void test_rules() {
#ifdef EMU_TSAN
    const unsigned seeds = 2; /* it takes a millisecond for each thread that is abandoned */
#else
    const unsigned seeds = 12;
#endif
    for (unsigned seed = 0; seed < seeds; seed++) {
        CHECK(run_rule(KEEPS_RULES, seed));
        for (const auto &broken : rules_broken) {
            CHECK(!run_rule(broken.rule, seed));
            CHECK(has(fault, broken.says) && has(fault, "rules: ") &&
                  has(fault, " of block 0, 0, 0"));
        }
    }
}

/* Messages in full, in the order of numbers. */
static void test_messages() {
    run_rule(THREAD_LEFT_BEFORE_BARRIER, 0);
    CHECK(has(fault, "rules: a barrier is not reached by all threads: thread 0 has ended "
                     "(thread 1 of block 0, 0, 0, test_emulate.cc:"));
    run_rule(LANE_LEFT_BEFORE_SHUFFLE, 0);
    CHECK(has(fault, "rules: a thread ends, and a collective is not reached by all: thread 39 "
                     "waits at shuffle_xor(), test_emulate.cc:"));
    run_rule(THREADS_AT_TWO_BARRIERS, 0);
    CHECK(has(fault, "thread 31 waits at a barrier, test_emulate.cc:"));
}

#ifndef EMU_ASAN
static void test_guards() {
    CHECK(!run_rule(SHARED_BEHIND, 1));
    CHECK(has(fault, "rules: byte 1024 of shared memory was written, which has 1024"));
    CHECK(!run_rule(SHARED_BEFORE, 1));
    CHECK(has(fault, "rules: byte -1 of shared memory was written"));
}
#endif

static void test_launch_limits() {
    Arguments a = arguments(nullptr, nullptr);
    CHECK(!launch(&rules_kernel, a, {1, 1, 1, 65, 0}) && has(fault, "launched with 65 threads"));
    CHECK(!launch(&rules_kernel, a, {1, 1, 1, 0, 0}) && has(fault, "launched with 0 threads"));
    CHECK(!launch(&rules_kernel, a, {1, 0, 1, 64, 0}) && has(fault, "a grid of 1 × 0 × 1"));
    CHECK(!launch(&rules_kernel, a, {1, 70000, 1, 64, 0}) && has(fault, "a grid of 1 × 70000"));
    EmuKernel late = rules_kernel;
    late.capability = 80;
    CHECK(!launch(&late, a, {1, 1, 1, 64, 0}, 75) && has(fault, "needs compute capability 8.0"));
    static const EmuKernel kernel = DESCRIBE(shuffles, 64);
    float output[320];
    CHECK(!launch(&kernel, arguments(nullptr, output), {1, 1, 1, 40, 0}) &&
          has(fault, "in a warp of 8 threads"));
}

/* The first block of the order that breaks a rule is named, however many run at once. */
KERNEL(late_faults, Arguments, 32, 1) {
    if (block_x() % 8 == 5 && thread_index() == block_x() % 32)
        copy_16(shared_memory(), shared_memory());
}

static void test_first_fault_is_named() {
    static const EmuKernel kernel = DESCRIBE(late_faults, 32);
    for (unsigned seed = 0; seed < 4; seed++) {
        char first[512] = "";
        for (int threads = 1; threads <= 8; threads++) {
            emu_set_threads(threads);
            CHECK(!launch(&kernel, arguments(nullptr, nullptr), {64, 1, 1, 32, 64}, 80, seed));
            if (threads == 1)
                memcpy(first, fault, sizeof(first));
            CHECK(has(fault, first));
        }
        if (seed == 0)
            CHECK(has(first, "thread 5 of block 5, 0, 0"));
    }
    emu_set_threads(0);
}

/* ---- A kernel of all of it, and faults planted in it ---- */

enum Plant {
    NOTHING_PLANTED,
    NO_BARRIER_IN_LOOP,
    WAITS_A_GROUP_LATE,
    TOO_FEW_TILES,
    NO_BARRIER_BEFORE_REUSE,
    READS_A_STAGE_OFF,
    NO_BARRIER_BEFORE_SUMS,
    BLOCKS_SHARE_OUTPUT, /* found by ThreadSanitizer alone */
    PLANTS
};

#define STEPS       7 /* of 16 of k */
#define STAGES      3
#define TILE_BYTES  (16 * 16 * 2)
#define STAGE_BYTES (16 * 64 * 2)
#define PIPE_SHARED (STAGES * (TILE_BYTES + STAGE_BYTES))

/* a: [step][plane of 8 k][16 rows][8], b: [step][plane][64 columns][8]; output: sums of columns, of
 * the block's a · b, at the column's partner in the other half. 128 threads, 4 warps of 16 columns.
 */
template <int PLANTED> static void pipe_body(const Arguments &a) {
    const int TILES = PLANTED == TOO_FEW_TILES ? 2 : 3; /* one of them is read, one may be late */
    int thread = thread_index(), lane = thread % 32, column = thread / 32 * 16;
    char *tiles = shared_memory();
    char *ring = tiles + STAGES * TILE_BYTES;
    const char *left = global<const char>(a.input) + block_x() * STEPS * TILE_BYTES;
    const char *right = global<const char>(a.input) + grid_x() * STEPS * TILE_BYTES;
    auto store = [&](int step, int slot) {
        if (thread < 32)
            ((Quad *)(tiles + slot * TILE_BYTES))[thread] =
                ((const Quad *)(left + step * TILE_BYTES))[thread];
    };
    auto fetch = [&](int step) {
        if (step < STEPS)
            copy_16(ring + step % STAGES * STAGE_BYTES + thread * 16,
                    right + step * STAGE_BYTES + thread * 16);
        copy_commit();
    };
    float d[1][2][4] = {};
    for (int i = 0; i < STAGES - 1; i++)
        fetch(i);
    store(0, 0);
    for (int step = 0; step < STEPS; step++) {
        copy_wait<PLANTED == WAITS_A_GROUP_LATE ? STAGES - 1 : STAGES - 2>();
        if (step + 1 < STEPS)
            store(step + 1, (step + 1) % TILES);
        if (PLANTED != NO_BARRIER_IN_LOOP)
            block_sync();
        fetch(step + STAGES - 1);
        const char *tile = tiles + step % TILES * TILE_BYTES;
        const char *stage =
            ring + (step + (PLANTED == READS_A_STAGE_OFF ? 1 : 0)) % STAGES * STAGE_BYTES;
        uint32_t x[1][4], y[2][2], r[4];
        load_matrices(x[0], tile + (lane / 16 * 16 + lane % 16) * 16);
        load_matrices(r, stage + (lane / 8 % 2 * 64 + column + lane / 16 * 8 + lane % 8) * 16);
        for (int i = 0; i < 4; i++)
            y[i / 2][i % 2] = r[i];
        multiply<F16>(d, x, y);
    }
    copy_wait<0>();
    if (PLANTED != NO_BARRIER_BEFORE_REUSE)
        block_sync();
    float *sums = (float *)ring;
    for (int n = 0; n < 2; n++)
        for (int i = 0; i < 2; i++) {
            float sum = d[0][n][i] + d[0][n][i + 2];
            for (int mask = 4; mask < 32; mask *= 2)
                sum += shuffle_xor(sum, mask);
            if (lane < 4)
                sums[column + n * 8 + lane * 2 + i] = sum;
        }
    if (PLANTED != NO_BARRIER_BEFORE_SUMS)
        block_sync();
    int block = PLANTED == BLOCKS_SHARE_OUTPUT ? block_x() / 2 : block_x();
    if (thread < 64)
        global<float>(a.output)[block * 64 + thread] = sums[thread ^ 32];
}

#define PIPE(planted)                           \
    KERNEL(pipe_##planted, Arguments, 128, 1) { \
        pipe_body<planted>(a);                  \
    }
PIPE(NOTHING_PLANTED)
PIPE(NO_BARRIER_IN_LOOP)
PIPE(WAITS_A_GROUP_LATE)
PIPE(TOO_FEW_TILES)
PIPE(NO_BARRIER_BEFORE_REUSE)
PIPE(READS_A_STAGE_OFF)
PIPE(NO_BARRIER_BEFORE_SUMS)
PIPE(BLOCKS_SHARE_OUTPUT)

#define PIPE_ROW(planted) DESCRIBE(pipe_##planted, 128)
static const EmuKernel pipes[PLANTS] = {
    PIPE_ROW(NOTHING_PLANTED),         PIPE_ROW(NO_BARRIER_IN_LOOP),
    PIPE_ROW(WAITS_A_GROUP_LATE),      PIPE_ROW(TOO_FEW_TILES),
    PIPE_ROW(NO_BARRIER_BEFORE_REUSE), PIPE_ROW(READS_A_STAGE_OFF),
    PIPE_ROW(NO_BARRIER_BEFORE_SUMS),  PIPE_ROW(BLOCKS_SHARE_OUTPUT),
};

#define PIPE_BLOCKS 6

typedef struct PipeData {
    alignas(16) uint16_t left[PIPE_BLOCKS][STEPS][2][16][8];
    uint16_t right[STEPS][2][64][8];
    float want[PIPE_BLOCKS][64];
} PipeData;

static float pipe_left(const PipeData *data, int block, int row, int k) {
    return emu_half_value(data->left[block][k / 16][k / 8 % 2][row][k % 8]);
}

static void fill_pipe(PipeData *data) {
    unsigned state = 9;
    uint16_t *values = &data->left[0][0][0][0][0];
    size_t count = (sizeof(data->left) + sizeof(data->right)) / 2;
    for (size_t i = 0; i < count; i++) /* eighths: sums are exact */
        values[i] = emu_half_bits(roundf(random_value(&state) * 16) / 8);
    for (int block = 0; block < PIPE_BLOCKS; block++)
        for (int column = 0; column < 64; column++) {
            float sum = 0;
            for (int k = 0; k < STEPS * 16; k++)
                for (int row = 0; row < 16; row++)
                    sum += pipe_left(data, block, row, k) *
                           emu_half_value(data->right[k / 16][k / 8 % 2][column][k % 8]);
            data->want[block][column ^ 32] = sum;
        }
}

/* Whether the sums are right. */
static bool run_pipe(const PipeData *data, Plant plant, int capability, unsigned seed) {
    float output[PIPE_BLOCKS][64];
    bool ran = launch(&pipes[plant], arguments(data->left, output),
                      {PIPE_BLOCKS, 1, 1, 128, PIPE_SHARED}, capability, seed);
    CHECK(ran);
    return !memcmp(output, data->want, sizeof(output));
}

static void test_pipe() {
    static PipeData data;
    fill_pipe(&data);
    for (unsigned seed = 0; seed < 16; seed++)
        for (int threads = 1; threads < 4; threads++) {
            emu_set_threads(threads);
            CHECK(run_pipe(&data, NOTHING_PLANTED, seed % 2 ? 75 : 80, seed));
        }
    emu_set_threads(0);
}

#ifndef EMU_TSAN
/* In an order of threads that the seed gives, each of these shows in the sums. */
static void test_plants_show() {
    static PipeData data;
    fill_pipe(&data);
    for (int plant = NO_BARRIER_IN_LOOP; plant < BLOCKS_SHARE_OUTPUT; plant++) {
        int wrong = 0;
        for (unsigned seed = 0; seed < 16; seed++)
            wrong += !run_pipe(&data, (Plant)plant, 80, seed);
        if (!wrong)
            fprintf(stderr, "%s is right in all orders\n", pipes[plant].name);
        CHECK(wrong);
    }
}

#endif

/* ---- Cases in processes of their own ---- */

static void case_pipe(int plant) {
    static PipeData data;
    fill_pipe(&data);
    run_pipe(&data, (Plant)plant, 80, 0);
}

static void case_rule(int rule) {
    run_rule(rule, 0);
}

typedef struct Case {
    const char *name;
    void (*run)(int what);
} Case;
static const Case cases[] = {{"pipe", case_pipe}, {"rule", case_rule}};

/* Runs a case; what it said is in `said`. */
static int run_case(const char *self, const char *name, int what, char *said, size_t size) {
    char command[1024];
    snprintf(command, sizeof(command), "exec '%s' %s %d 2>&1", self, name, what);
    FILE *pipe = popen(command, "r");
    CHECK(pipe);
    size_t length = 0;
    for (size_t got = 1; got && length + 1 < size; length += got)
        got = fread(said + length, 1, size - 1 - length, pipe);
    said[length] = '\0';
    while (fgetc(pipe) != EOF)
        continue;
    return pclose(pipe);
}

#ifdef EMU_TSAN
static void test_plants_are_races(const char *self) {
    static char said[65536];
    CHECK(run_case(self, "pipe", NOTHING_PLANTED, said, sizeof(said)) == 0);
    for (int plant = NO_BARRIER_IN_LOOP; plant < PLANTS; plant++) {
        if (plant == READS_A_STAGE_OFF)
            continue; /* of a stage that has not arrived: NaN, and no race */
        int status = run_case(self, "pipe", plant, said, sizeof(said));
        if (!status)
            fprintf(stderr, "%s has no race\n", pipes[plant].name);
        CHECK(status && has(said, "data race") && has(said, "test_emulate.cc:"));
    }
}
#endif

#ifdef EMU_ASAN
static void test_overruns_are_seen(const char *self) {
    static char said[65536];
    CHECK(run_case(self, "rule", KEEPS_RULES, said, sizeof(said)) == 0);
    static const Rule overruns[] = {SHARED_BEHIND, SHARED_BEFORE};
    for (Rule rule : overruns) {
        CHECK(run_case(self, "rule", rule, said, sizeof(said)));
        CHECK(has(said, "AddressSanitizer") && has(said, "test_emulate.cc:"));
    }
}
#endif

int main(int count, char **options) {
    for (const Case &one : cases) {
        if (count == 3 && !strcmp(options[1], one.name)) {
            one.run(atoi(options[2]));
            return 0;
        }
    }
    test_indices();
    test_orders();
    test_every_f16_is_kept();
    test_f16_between_neighbours();
    test_bf16();
    test_arithmetic();
    test_shuffle();
    test_load_matrices();
    test_multiply();
    test_shared_memory_is_fresh();
    test_copies();
    test_rules();
    test_messages();
    test_launch_limits();
    test_first_fault_is_named();
    test_pipe();
#ifdef EMU_TSAN
    test_plants_are_races(options[0]);
#else
    test_plants_show();
#endif
#ifdef EMU_ASAN
    test_overruns_are_seen(options[0]);
#else
    test_guards();
#endif
    (void)run_case;
    return 0;
}
