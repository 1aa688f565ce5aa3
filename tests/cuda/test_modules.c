/* test_modules.c: which compiled kernels a GPU gets, which driver they take, and that damaged ones
 * are refused. The images are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "backend/cuda/modules.h"

/* ---- Images ---- */

#define PACKED_BYTES 16384

/* Those of a release, for the choice among them. */
const CudaImage cuda_images[] = {
    {.capability = 75}, {.capability = 80},  {.capability = 86},  {.capability = 89},
    {.capability = 90}, {.capability = 100}, {.capability = 120}, {.capability = 80, .ptx = true}};
const int cuda_image_count = sizeof(cuda_images) / sizeof(cuda_images[0]);

/* One with something in it, until the next is made. */
static CudaImage make_image(int capability, bool ptx, const void *data, size_t bytes) {
    static unsigned char packed[PACKED_BYTES];
    uLongf size = sizeof(packed);
    assert_int_equal(compress(packed, &size, data, (uLong)bytes), Z_OK);
    return (CudaImage){.capability = capability,
                       .ptx = ptx,
                       .packed_bytes = (size_t)size,
                       .bytes = bytes,
                       .packed = packed};
}

static void expect_image(int capability, int expected, bool ptx) {
    const CudaImage *image = cuda_image_for(capability);
    assert_non_null(image);
    assert_int_equal(image->capability, expected);
    assert_int_equal(image->ptx, ptx);
}

/* ---- The choice ---- */

static void machine_code_of_the_nearest_one_not_above(void **state) {
    (void)state;
    static const int own[] = {75, 80, 86, 89, 90, 100, 120};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        expect_image(own[i], own[i], false);
    expect_image(87, 86, false);
    expect_image(88, 86, false);
    expect_image(103, 100, false);
    expect_image(121, 120, false);
}

static void ptx_where_no_machine_code_is_of_the_generation(void **state) {
    (void)state;
    expect_image(110, 80, true);
    expect_image(130, 80, true);
    expect_image(990, 80, true);
}

static void nothing_for_what_is_older_than_all(void **state) {
    (void)state;
    assert_null(cuda_image_for(61));
    assert_null(cuda_image_for(70)); /* 7.5 is not for 7.0 */
    assert_null(cuda_image_for(72));
    assert_null(cuda_image_ptx_for(75));
    assert_non_null(cuda_image_ptx_for(80));
}

/* ---- Which driver they take ---- */

static int driver_of_ptx(const char *text) {
    CudaImage image = make_image(80, true, text, strlen(text));
    return cuda_image_driver(&image);
}

static void ptx_takes_the_driver_of_its_version(void **state) {
    (void)state;
    assert_int_equal(driver_of_ptx(".version 8.0\n"), 12000);
    assert_int_equal(driver_of_ptx(".version 8.5\n"), 12050);
    assert_int_equal(driver_of_ptx(".version 8.6\n"), 12070);
    assert_int_equal(driver_of_ptx("// a comment\n.version 8.8\n"), 12090);
    assert_int_equal(driver_of_ptx(".version 9.1\n"), 13010);
    /* CUDA 12.0 is the oldest in any case */
    assert_int_equal(driver_of_ptx(".version 7.0\n"), 12000);
    assert_int_equal(driver_of_ptx("no version"), 12000);
    assert_int_equal(driver_of_ptx(".version x\n"), 12000);
}

/* The version at a place in two million slashes. */
static int driver_of_long_ptx(size_t place) {
    static char text[2000000];
    const char *version = "\n.version 8.8\n";
    memset(text, '/', sizeof(text) - 1);
    for (size_t i = 0; version[i]; i++)
        text[place + i] = version[i];
    return driver_of_ptx(text);
}

/* Only the beginning is unpacked, so a version that stands far behind is not found. */
static void a_long_text_is_not_unpacked_whole(void **state) {
    (void)state;
    assert_int_equal(driver_of_long_ptx(100), 12090);
    assert_int_equal(driver_of_long_ptx(500000), 12000);
}

/* From the head of its ELF file: the form of CUDA 12 is 51, that of CUDA 13 is 65. */
static int driver_of_cubin(int capability, int form) {
    unsigned char head[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, (unsigned char)form};
    CudaImage image = make_image(capability, false, head, sizeof(head));
    return cuda_image_driver(&image);
}

static void machine_code_of_cuda_13_takes_its_driver(void **state) {
    (void)state;
    assert_int_equal(driver_of_cubin(89, 51), 12000);
    assert_int_equal(driver_of_cubin(89, 65), 13000);
    assert_int_equal(driver_of_cubin(120, 65), 12000); /* CUDA 12 makes it so, too */
}

/* ---- Unpacking ---- */

/* Not to be packed well: so damage has places to be in. */
static CudaImage make_noise(unsigned char *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(i * i >> 3);
    return make_image(80, false, data, bytes);
}

static void an_image_comes_out_as_it_was(void **state) {
    (void)state;
    unsigned char data[5000];
    CudaImage image = make_noise(data, sizeof(data));
    unsigned char *unpacked = cuda_image_unpack(&image);
    assert_non_null(unpacked);
    assert_memory_equal(unpacked, data, sizeof(data));
    assert_int_equal(unpacked[sizeof(data)], 0);
    free(unpacked);
}

static void expect_damaged(CudaImage image) {
    assert_null(cuda_image_unpack(&image));
    assert_true(cuda_image_driver(&image) >= 12000); /* and does not crash */
}

static void sizes_that_are_wrong_are_seen(void **state) {
    (void)state;
    unsigned char data[300];
    const CudaImage whole = make_noise(data, sizeof(data));
    const size_t sizes[] = {0, 1, sizeof(data) - 1, sizeof(data) + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CudaImage image = whole;
        image.bytes = sizes[i];
        expect_damaged(image);
    }
    for (size_t bytes = 0; bytes <= whole.packed_bytes + 1; bytes++) {
        CudaImage image = whole;
        image.packed_bytes = bytes;
        if (bytes != whole.packed_bytes)
            expect_damaged(image);
    }
}

static void changed_bytes_are_seen(void **state) {
    (void)state;
    unsigned char data[300];
    unsigned char changed[PACKED_BYTES];
    CudaImage image = make_noise(data, sizeof(data));
    int seen = 0;
    memcpy(changed, image.packed, image.packed_bytes);
    image.packed = changed;
    for (size_t i = 0; i < image.packed_bytes; i++) {
        changed[i] ^= 0x10;
        unsigned char *unpacked = cuda_image_unpack(&image);
        seen += unpacked == NULL;
        if (unpacked)
            assert_memory_equal(unpacked, data, sizeof(data)); /* some bits are never read */
        free(unpacked);
        changed[i] ^= 0x10;
    }
    assert_true(seen >= (int)image.packed_bytes - 3);
}

/* ---- Words ---- */

static void the_list_names_all(void **state) {
    (void)state;
    char text[120];
    char cut[12];
    assert_string_equal(cuda_image_list(text, sizeof(text)),
                        "sm_75, sm_80, sm_86, sm_89, sm_90, sm_100, sm_120, compute_80 (PTX)");
    assert_string_equal(cuda_image_list(cut, sizeof(cut)), "sm_75, sm_8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_code_of_the_nearest_one_not_above),
        cmocka_unit_test(ptx_where_no_machine_code_is_of_the_generation),
        cmocka_unit_test(nothing_for_what_is_older_than_all),
        cmocka_unit_test(ptx_takes_the_driver_of_its_version),
        cmocka_unit_test(a_long_text_is_not_unpacked_whole),
        cmocka_unit_test(machine_code_of_cuda_13_takes_its_driver),
        cmocka_unit_test(an_image_comes_out_as_it_was),
        cmocka_unit_test(sizes_that_are_wrong_are_seen),
        cmocka_unit_test(changed_bytes_are_seen),
        cmocka_unit_test(the_list_names_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
