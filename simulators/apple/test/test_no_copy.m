/* test_no_copy.m: buffers over a mapped file's pages, and arrays that begin anywhere in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#import "fixture.h"

#define PAGES 3

static size_t page;

/* A file whose floats count up from 0, mapped read-only. */
static void *map_file(void) {
    FILE *file = tmpfile();
    CHECK(file != NULL);
    for (size_t i = 0; i < PAGES * page / sizeof(float); i++) {
        float value = (float)i;
        fwrite(&value, sizeof(value), 1, file);
    }
    fflush(file);
    void *pages = mmap(NULL, PAGES * page, PROT_READ, MAP_SHARED, fileno(file), 0);
    CHECK(pages != MAP_FAILED);
    fclose(file);
    return pages;
}

static id<MTLBuffer> over(id<MTLDevice> device, void *pages, size_t length) {
    return [device newBufferWithBytesNoCopy:pages
                                     length:length
                                    options:MTLResourceStorageModeShared
                                deallocator:nil];
}

static MPSNDArray *array_at(id<MTLBuffer> buffer, NSUInteger offset, NSArray *shape,
                            MPSDataType type) {
    MPSNDArrayDescriptor *descriptor = [MPSNDArrayDescriptor descriptorWithDataType:type
                                                                              shape:shape];
    [descriptor setPreferPackedRows:YES];
    return [[[MPSNDArray alloc] initWithBuffer:buffer offset:offset
                                    descriptor:descriptor] autorelease];
}

static MPSGraphTensorData *data_at(id<MTLBuffer> buffer, NSUInteger offset, NSArray *shape) {
    MPSNDArray *array = array_at(buffer, offset, shape, MPSDataTypeFloat32);
    return [[[MPSGraphTensorData alloc] initWithMPSNDArray:array] autorelease];
}

/* ---- What works ---- */

static void test_arrays_begin_anywhere(void) {
    Fixture f = fixture_create();
    void *pages = map_file();
    int64_t live = applesim_count().live_bytes;
    id<MTLBuffer> buffer = over(f.device, (char *)pages + page, page);
    CHECK([buffer contents] == (char *)pages + page && [buffer length] == page);
    CHECK(applesim_count().live_bytes == live);
    CHECK(applesim_count().no_copy_bytes == (int64_t)page);
    CHECK([f.device currentAllocatedSize] == (NSUInteger)live + page);
    @autoreleasepool {
        MPSGraphTensorData *data = data_at(buffer, 12, SHAPE(2, 3));
        CHECK([[data shape] isEqual:SHAPE(2, 3)] && [data dataType] == MPSDataTypeFloat32);
        MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(2, 3), MPSDataTypeFloat32);
        [f.feeds setObject:data forKey:x];
        int64_t uploads = applesim_count().uploads;
        float result[6], expected[6];
        fixture_run(&f, [f.graph negativeWithTensor:x name:nil], result);
        for (int i = 0; i < 6; i++)
            expected[i] = -(float)(page / sizeof(float) + 3 + (size_t)i);
        CHECK_CLOSE(result, expected, 6, 0);
        [[data mpsndarray] readBytes:result strideBytes:NULL];
        CHECK(result[5] == -expected[5]);
        CHECK(applesim_count().uploads == uploads);
        [f.feeds removeAllObjects];
    }
    [buffer release];
    CHECK(applesim_count().no_copy_bytes == 0);
    CHECK(applesim_count().peak_no_copy_bytes == (int64_t)page);
    munmap(pages, PAGES * page);
    fixture_destroy(&f);
}

/* An upload is counted for what the host wrote where the array lies, not beside it. */
static void test_uploads_of_an_array(void) {
    Fixture f = fixture_create();
    id<MTLBuffer> buffer = [f.device newBufferWithLength:300000
                                                 options:MTLResourceStorageModeShared];
    memset([buffer contents], 0, 300000);
    @autoreleasepool {
        MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(2), MPSDataTypeFloat32);
        MPSGraphTensor *y = [f.graph negativeWithTensor:x name:nil];
        float result[2];
        [f.feeds setObject:data_at(buffer, 200000, SHAPE(2)) forKey:x];
        fixture_run(&f, y, result);
        int64_t uploads = applesim_count().uploads;
        ((float *)[buffer contents])[0] = 1;
        fixture_run(&f, y, result);
        CHECK(applesim_count().uploads == uploads);
        ((float *)[buffer contents])[50001] = 1;
        fixture_run(&f, y, result);
        CHECK(applesim_count().uploads == uploads + 1 && result[0] == 0 && result[1] == -1);
        [f.feeds removeAllObjects];
    }
    [buffer release];
    fixture_destroy(&f);
}

/* What a program must have an answer to. */
static void test_refusals(void) {
    Fixture f = fixture_create();
    void *pages = map_file();
    applesim_set("no_copy=nil");
    CHECK(over(f.device, pages, page) == nil);
    applesim_set("no_copy=empty");
    id<MTLBuffer> empty = over(f.device, pages, page);
    CHECK(empty && [empty length] == 0);
    [empty release];
    char limits[64];
    snprintf(limits, sizeof(limits), "no_copy=works,max_buffer=%zu", page);
    applesim_set(limits);
    CHECK(over(f.device, pages, 2 * page) == nil);
    snprintf(limits, sizeof(limits), "max_buffer=4G,limit=%zu",
             (size_t)applesim_count().live_bytes + page);
    applesim_set(limits);
    CHECK(over(f.device, pages, 2 * page) == nil);
    id<MTLBuffer> fits = over(f.device, pages, page);
    CHECK(fits != nil);
    [fits release];
    applesim_reset();
    munmap(pages, PAGES * page);
    fixture_destroy(&f);
}

/* ---- What aborts ---- */

static id<MTLDevice> device;

static void pages_not_whole(void) {
    over(device, (char *)map_file() + 64, page);
}

static void length_not_whole_pages(void) {
    over(device, map_file(), 100);
}

static void of_malloc(void) {
    over(device, aligned_alloc(page, page), page);
}

static void of_no_file(void) {
    over(device, mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
         page);
}

static void beyond_the_mapping(void) {
    char *pages = map_file();
    munmap(pages + page, page);
    over(device, pages, 2 * page);
}

static void unmapped_while_in_use(void) {
    void *pages = map_file();
    id<MTLBuffer> buffer = over(device, pages, page);
    munmap(pages, PAGES * page);
    [buffer release];
}

static void run_negative(MPSGraphTensorData *from, MPSGraphTensorData *to) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(2), MPSDataTypeFloat32);
    MPSGraphTensor *y = [f.graph negativeWithTensor:x name:nil];
    [f.graph runWithMTLCommandQueue:f.queue
                              feeds:[NSDictionary dictionaryWithObject:from forKey:x]
                   targetOperations:nil
                  resultsDictionary:[NSDictionary dictionaryWithObject:to forKey:y]];
}

static id<MTLBuffer> plain_buffer(void) {
    id<MTLBuffer> buffer = [device newBufferWithLength:64 options:MTLResourceStorageModeShared];
    memset([buffer contents], 0, 64);
    return buffer;
}

static void unmapped_before_a_run(void) {
    void *pages = map_file();
    id<MTLBuffer> buffer = over(device, pages, page);
    munmap(pages, PAGES * page);
    run_negative(data_at(buffer, 0, SHAPE(2)), data_at(plain_buffer(), 0, SHAPE(2)));
}

static void result_without_a_copy(void) {
    id<MTLBuffer> buffer = over(device, map_file(), page);
    run_negative(data_at(plain_buffer(), 0, SHAPE(2)), data_at(buffer, 0, SHAPE(2)));
}

static void result_at_an_offset(void) {
    run_negative(data_at(plain_buffer(), 0, SHAPE(2)), data_at(plain_buffer(), 8, SHAPE(2)));
}

static void array_ends_outside(void) {
    array_at(plain_buffer(), 60, SHAPE(2), MPSDataTypeFloat32);
}

static void array_begins_outside(void) {
    array_at(plain_buffer(), 128, SHAPE(2), MPSDataTypeFloat32);
}

static void array_between_elements(void) {
    array_at(plain_buffer(), 2, SHAPE(2), MPSDataTypeFloat32);
}

static void array_of_no_buffer(void) {
    array_at(nil, 0, SHAPE(2), MPSDataTypeFloat32);
}

static void rows_with_gaps(void) {
    MPSNDArrayDescriptor *descriptor =
        [MPSNDArrayDescriptor descriptorWithDataType:MPSDataTypeFloat32 shape:SHAPE(2, 3)];
    [[MPSNDArray alloc] initWithBuffer:plain_buffer() offset:0 descriptor:descriptor];
}

static void data_of_no_array(void) {
    [[MPSGraphTensorData alloc] initWithMPSNDArray:nil];
}

static const struct {
    void (*body)(void);
    const char *text;
} rules[] = {
    {pages_not_whole, "not whole pages"},
    {length_not_whole_pages, "100 bytes are not whole pages"},
    {of_malloc, "is not in a mapped file"},
    {of_no_file, "is not in a mapped file"},
    {beyond_the_mapping, "whose mapping ends after"},
    {unmapped_while_in_use, "were unmapped before it was gone"},
    {unmapped_before_a_run, "were unmapped before it was gone"},
    {result_without_a_copy, "a result in a buffer without a copy"},
    {result_at_an_offset, "a result at an offset"},
    {array_ends_outside, "f32 (2) at 60 in a buffer of 64 bytes"},
    {array_begins_outside, "f32 (2) at 128 in a buffer of 64 bytes"},
    {array_between_elements, "offset 2 is no multiple"},
    {array_of_no_buffer, "no buffer"},
    {rows_with_gaps, "rows that are not packed"},
    {data_of_no_array, "no array with a buffer"},
};

int main(void) {
    @autoreleasepool {
        page = (size_t)sysconf(_SC_PAGESIZE);
        applesim_set("macos=15.0");
        device = MTLCreateSystemDefaultDevice();
        test_arrays_begin_anywhere();
        test_uploads_of_an_array();
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
            check_aborts(rules[i].body, rules[i].text);
        test_refusals();
        [device release];
    }
    return 0;
}
