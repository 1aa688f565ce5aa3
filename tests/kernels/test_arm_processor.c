/* test_arm_processor.c: processors' names, and ARM's optional instructions. Each instruction is
 * run: where platform_arm_features() promises it, it must compute what the architecture says;
 * elsewhere the processor must refuse it. The kernel tables that use promised instructions must be
 * there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/arm_names.h"
#include "base/platform.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <signal.h>

static sigjmp_buf refused;

static void on_illegal_instruction(int number) {
    (void)number;
    siglongjmp(refused, 1);
}

/* Runs an instruction; false if the processor does not know it. */
static bool runs(void (*instruction)(float sums[4]), float sums[4]) {
    struct sigaction action = {.sa_handler = on_illegal_instruction};
    struct sigaction old;
    volatile bool known = false;
    sigemptyset(&action.sa_mask);
    sigaction(SIGILL, &action, &old);
    if (sigsetjmp(refused, 1) == 0) {
        instruction(sums);
        known = true;
    }
    sigaction(SIGILL, &old, NULL);
    return known;
}

static uint16_t bf16_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return (uint16_t)(bits >> 16);
}

/* The last bit of each format set: the square needs more bits than the format has, so that the sums
 * below show where an instruction rounds. */
#define F16_FINE  1.0009765625f /* 1 + 2^-10 */
#define BF16_FINE 1.0078125f    /* 1 + 2^-7 */

/* Sets v0 to `sum` and v1 to `x`, and runs the instruction. Its code is given as a number, because
 * assemblers know these instructions only with options that differ. */
#define RUN(code, sum, x)                                                                      \
    __asm__("mov v0.16b, %0.16b\n\tmov v1.16b, %1.16b\n\t.inst " code "\n\tmov %0.16b, v0.16b" \
            : "+w"(sum)                                                                        \
            : "w"(x)                                                                           \
            : "v0", "v1")

/* sums + x · x in f16. */
static void run_fp16(float sums[4]) {
    float16x4_t x = vcvt_f16_f32(vdupq_n_f32(F16_FINE));
    float16x4_t sum = vcvt_f16_f32(vld1q_f32(sums));
    RUN("0x0e410c20", sum, x); /* fmla v0.4h, v1.4h, v1.4h */
    vst1q_f32(sums, vcvt_f32_f16(sum));
}

/* sums + x · x, x in f16. */
static void run_fhm(float sums[4]) {
    float16x4_t x = vcvt_f16_f32(vdupq_n_f32(F16_FINE));
    float32x4_t sum = vld1q_f32(sums);
    RUN("0x4e21ec20", sum, x); /* fmlal v0.4s, v1.4h, v1.4h */
    vst1q_f32(sums, sum);
}

/* sums + x · x + x · x, x in bf16. */
static void run_bf16(float sums[4]) {
    uint16x8_t x = vdupq_n_u16(bf16_bits(BF16_FINE));
    float32x4_t sum = vld1q_f32(sums);
    RUN("0x6e41fc20", sum, x); /* bfdot v0.4s, v1.8h, v1.8h */
    vst1q_f32(sums, sum);
}

static void expect(bool promised, void (*instruction)(float sums[4]), float result) {
    float sums[4] = {0.5f, 0.5f, 0.5f, 0.5f};
    assert_int_equal(runs(instruction, sums), promised);
    for (int i = 0; i < 4; i++)
        assert_true(sums[i] == (promised ? result : 0.5f));
}

static void instructions_are_as_promised(void **state) {
    (void)state;
    ArmFeatures features = platform_arm_features();
    expect(features.fp16, run_fp16, 1.501953125f);                        /* 0.5 + (1 + 2^-9) */
    expect(features.fhm, run_fhm, 0.5f + F16_FINE * F16_FINE);            /* exact */
    expect(features.bf16, run_bf16, 0.5f + 2.0f * BF16_FINE * BF16_FINE); /* exact */
}

#else

static void instructions_are_as_promised(void **state) {
    (void)state;
    ArmFeatures features = platform_arm_features();
    assert_false(features.fp16);
    assert_false(features.fhm);
    assert_false(features.bf16);
}

#endif

static bool is_available(const char *name) {
    const Kernels *const *table = kernels_available();
    while (*table && strcmp((*table)->name, name) != 0)
        table++;
    return *table != NULL;
}

/* The other tests leave out a table that is missing, and would not notice. */
static void tables_are_there_where_their_instructions_are(void **state) {
    (void)state;
    ArmFeatures features = platform_arm_features();
    bool fp16 = features.fp16 && features.fhm;
    assert_int_equal(is_available("neonfp16"), fp16);
    assert_int_equal(is_available("neonbf16"), fp16 && features.bf16);
}

static void known_processors_have_names(void **state) {
    (void)state;
    assert_string_equal(arm_processor_name("0x41", "0xd0c"), "Arm Neoverse N1");
    assert_string_equal(arm_processor_name("0x61", "0x022"), "Apple M1");
    assert_null(arm_processor_name("0x42", "0xd0c"));
    assert_null(arm_processor_name("0x41", "0xfff"));
    assert_null(arm_processor_name("", ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_processors_have_names),
        cmocka_unit_test(instructions_are_as_promised),
        cmocka_unit_test(tables_are_there_where_their_instructions_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
