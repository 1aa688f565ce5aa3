/* test_tensor.c: element types, views and partial reads. */
#include "tests/support/files.h"

#include <math.h>
#include <string.h>

#include "graph/tensor.h"

/* A half from its fields, by arithmetic. */
static double half_value(unsigned bits) {
    double sign = bits & 0x8000u ? -1 : 1;
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023u) / 1024;
    if (exponent == 31)
        return fraction == 0 ? sign * INFINITY : NAN;
    if (exponent == 0)
        return sign * ldexp(fraction, -14);
    return sign * ldexp(1 + fraction, exponent - 15);
}

static void every_half_is_read_exactly(void **state) {
    (void)state;
    static uint16_t halves[65536];
    static float values[65536];
    for (unsigned i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    Tensor tensor = {.data = halves, .dtype = DTYPE_F16, .dim_count = 1};
    tensor.dims[0] = 65536;
    tensor.strides[0] = 1;
    tensor_read_f32(&tensor, 0, 65536, values);
    for (unsigned i = 0; i < 65536; i++) {
        double expected = half_value(i);
        if (isnan(expected))
            assert_true(isnan(values[i]));
        else
            assert_true((double)values[i] == expected && !signbit(values[i]) == !(i & 0x8000u));
    }
}

static void bfloat16_is_the_upper_half_of_a_float(void **state) {
    (void)state;
    const uint16_t bits[4] = {0x3f80, 0xc020, 0x0000, 0x7f80};
    float values[4];
    Tensor tensor = {.data = bits, .dtype = DTYPE_BF16, .dim_count = 1};
    tensor.dims[0] = 4;
    tensor.strides[0] = 1;
    tensor_read_f32(&tensor, 0, 4, values);
    assert_true(values[0] == 1 && values[1] == -2.5f && values[2] == 0 && isinf(values[3]));
}

/* Of a contiguous and of a strided view, and only of the elements that are read. */
static void what_is_not_finite_is_counted(void **state) {
    (void)state;
    const float floats[6] = {1, NAN, 3.4e38f, INFINITY, 1e-45f, -INFINITY};
    const uint16_t halves[4] = {0x7bff, 0x7c00, 0xfe00, 0x03ff};
    const double doubles[3] = {1e39, 1, NAN};
    float values[6];
    Tensor tensor = {.data = floats, .dtype = DTYPE_F32, .dim_count = 1};
    tensor.dims[0] = 6;
    tensor.strides[0] = 1;
    assert_int_equal(tensor_read_f32(&tensor, 0, 6, values), 3);
    assert_int_equal(tensor_read_f32(&tensor, 2, 3, values), 1);
    assert_int_equal(tensor_read_f32(&tensor, 2, 0, values), 0);
    Tensor strided = {.data = floats, .dtype = DTYPE_F32, .dim_count = 2};
    strided.dims[0] = 2;
    strided.dims[1] = 3;
    strided.strides[0] = 1;
    strided.strides[1] = 2;
    assert_int_equal(tensor_read_f32(&strided, 0, 6, values), 3);
    assert_int_equal(tensor_read_f32(&strided, 0, 3, values), 0);
    tensor.data = halves;
    tensor.dtype = DTYPE_F16;
    assert_int_equal(tensor_read_f32(&tensor, 0, 4, values), 2);
    tensor.data = doubles;
    tensor.dtype = DTYPE_F64;
    assert_int_equal(tensor_read_f32(&tensor, 0, 3, values), 2);
}

static void doubles_are_rounded_to_floats(void **state) {
    (void)state;
    const double doubles[2] = {0.1, -1e300};
    float values[2];
    Tensor tensor = {.data = doubles, .dtype = DTYPE_F64, .dim_count = 1};
    tensor.dims[0] = 2;
    tensor.strides[0] = 1;
    tensor_read_f32(&tensor, 0, 2, values);
    assert_true(values[0] == 0.1f && isinf(values[1]));
}

/* Four dims with gaps, transposed and expanded, against a direct walk, at every position and
 * length, from data that is not aligned. */
static void partial_reads_of_any_view_agree_with_a_direct_walk(void **state) {
    (void)state;
    static const int64_t views[][8] = {
        {2, 3, 2, 4, 60, 20, 10, 2}, {3, 2, 4, 2, 1, 40, 3, 20}, {2, 3, 2, 3, 0, 18, 0, 1},
        {2, 3, 2, 4, 24, 8, 4, 1},   {1, 5, 1, 3, 7, 3, 9, 1},   {1, 4, 1, 1, 0, 6, 0, 0},
    };
    static unsigned char storage[1 + 200 * sizeof(float)];
    for (size_t i = 0; i < 200; i++) {
        float value = (float)i;
        memcpy(storage + 1 + i * sizeof(float), &value, sizeof(value));
    }
    for (size_t v = 0; v < sizeof(views) / sizeof(views[0]); v++) {
        Tensor tensor = {.data = storage + 1, .dtype = DTYPE_F32, .dim_count = 4};
        memcpy(tensor.dims, views[v], 4 * sizeof(int64_t));
        memcpy(tensor.strides, views[v] + 4, 4 * sizeof(int64_t));
        size_t elements = tensor_elements(&tensor);
        for (size_t first = 0; first < elements; first++)
            for (size_t count = 0; first + count <= elements; count++) {
                float values[64] = {0};
                tensor_read_f32(&tensor, first, count, values);
                for (size_t i = 0; i < count; i++) {
                    int64_t rest = (int64_t)(first + i);
                    int64_t place = 0;
                    for (int d = 3; d >= 0; d--) {
                        place += rest % tensor.dims[d] * tensor.strides[d];
                        rest /= tensor.dims[d];
                    }
                    assert_true(values[i] == (float)place);
                }
                assert_true(values[count] == 0);
            }
    }
}

static void contiguity_ignores_the_strides_of_single_elements(void **state) {
    (void)state;
    Tensor tensor = {.dim_count = 3, .dims = {2, 1, 3}, .strides = {3, 77, 1}};
    assert_true(tensor_is_contiguous(&tensor));
    tensor.strides[0] = 4;
    assert_false(tensor_is_contiguous(&tensor));
    tensor.dims[2] = 0;
    assert_true(tensor_is_contiguous(&tensor));
    assert_int_equal(tensor_elements(&tensor), 0);
}

static void a_scalar_has_one_element(void **state) {
    (void)state;
    const float one = 1.5f;
    float value = 0;
    const Tensor tensor = {.data = &one, .dtype = DTYPE_F32, .dim_count = 0};
    assert_int_equal(tensor_elements(&tensor), 1);
    tensor_read_f32(&tensor, 0, 1, &value);
    assert_true(value == 1.5f);
}

static void shapes_read_like_in_pytorch_and_fit_the_buffer(void **state) {
    (void)state;
    const int64_t dims[4] = {64, 16, 3, INT64_MAX};
    char text[64];
    char small[8];
    assert_string_equal(tensor_shape_text(dims, 3, text, sizeof(text)), "(64, 16, 3)");
    assert_string_equal(tensor_shape_text(dims, 1, text, sizeof(text)), "(64)");
    assert_string_equal(tensor_shape_text(dims, 0, text, sizeof(text)), "()");
    assert_string_equal(tensor_shape_text(dims, 4, small, sizeof(small)), "(64, 16");
}

static void types_have_names_and_sizes(void **state) {
    (void)state;
    assert_string_equal(dtype_name(DTYPE_F32), "f32");
    assert_string_equal(dtype_name(DTYPE_BF16), "bf16");
    assert_string_equal(dtype_name(DTYPE_OTHER), "other");
    assert_int_equal(dtype_size(DTYPE_F64), 8);
    assert_int_equal(dtype_size(DTYPE_F16), 2);
    assert_int_equal(dtype_size(DTYPE_OTHER), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_read_exactly),
        cmocka_unit_test(bfloat16_is_the_upper_half_of_a_float),
        cmocka_unit_test(doubles_are_rounded_to_floats),
        cmocka_unit_test(what_is_not_finite_is_counted),
        cmocka_unit_test(partial_reads_of_any_view_agree_with_a_direct_walk),
        cmocka_unit_test(contiguity_ignores_the_strides_of_single_elements),
        cmocka_unit_test(a_scalar_has_one_element),
        cmocka_unit_test(shapes_read_like_in_pytorch_and_fit_the_buffer),
        cmocka_unit_test(types_have_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
