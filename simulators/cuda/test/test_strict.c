/* test_strict.c: every rule broken once. Each case ends the process, with a line that says which
 * rule it was; rules of captures and modules are in tests of their own. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fixture.h"

/* ---- Handles ---- */

static void stream_destroyed_twice(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(cuStreamDestroy_v2(f.stream));
    cuStreamDestroy_v2(f.stream);
}

static void event_for_a_stream(void) {
    fixture_open();
    cuStreamSynchronize((CUstream)new_event());
}

static void default_stream(void) {
    Fixture f = fixture_open();
    add(&f, new_memory(4), 1, 1, NULL);
}

static void gone_with_its_context(void) {
    Fixture f = fixture_open();
    CUevent event = new_event();
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    CHECK_WORKS(cuCtxPopCurrent_v2(NULL));
    fixture_open_bare(0);
    (void)f;
    cuEventSynchronize(event);
}

static void context_gone(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    cuCtxPushCurrent_v2(f.context);
}

static void of_another_context(void) {
    Fixture first = fixture_open_bare(0);
    fixture_open_bare(1);
    cuStreamSynchronize(first.stream);
}

static void memory_of_another_context(void) {
    fixture_open_bare(0);
    CUdeviceptr memory = new_memory(4);
    fixture_open_bare(1);
    cuMemFree_v2(memory);
}

static void copy_of_another_context(void) {
    fixture_open_bare(0);
    CUdeviceptr memory = new_memory(4);
    Fixture second = fixture_open_bare(1);
    float plain = 0;
    cuMemcpyHtoDAsync_v2(memory, &plain, 4, second.stream);
}

static void handle_is_no_address(void) {
    Fixture f = fixture_open();
    *(volatile int *)f.stream = 1;
}

/* ---- Memory ---- */

static void freed_twice(void) {
    fixture_open();
    CUdeviceptr memory = new_memory(100);
    CHECK_WORKS(cuMemFree_v2(memory));
    cuMemFree_v2(memory);
}

static void freed_in_the_middle(void) {
    fixture_open();
    cuMemFree_v2(new_memory(1000) + 256);
}

static void freed_as_pinned(void) {
    fixture_open();
    cuMemFreeHost((void *)(uintptr_t)new_memory(16));
}

static void pinned_freed_twice(void) {
    fixture_open();
    float *pinned = new_pinned(4, 0);
    CHECK_WORKS(cuMemFreeHost(pinned));
    cuMemFreeHost(pinned);
}

static void plain_freed_as_pinned(void) {
    fixture_open();
    float plain = 0;
    cuMemFreeHost(&plain);
}

static void freed_while_copied(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    put(memory, new_pinned(1, 0), f.stream);
    cuMemFree_v2(memory);
}

static void pinned_freed_while_copied(void) {
    Fixture f = fixture_open();
    float *pinned = new_pinned(1, 0);
    put(new_memory(4), pinned, f.stream);
    cuMemFreeHost(pinned);
}

static void freed_while_used(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(400), other = new_memory(4);
    CHECK_WORKS(move(&f, other, memory + 396, 1, f.stream));
    cuMemFree_v2(memory);
}

static void host_reads(void) {
    fixture_open();
    CUdeviceptr memory = new_memory(16);
    CHECK(*(volatile float *)(uintptr_t)(memory + 8) == 0);
}

static void host_writes(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(16);
    float in = 1, out = 0;
    put(memory, &in, f.stream);
    get(&out, memory, f.stream);
    *(volatile float *)(uintptr_t)memory = 0;
}

static void host_overruns_pinned(void) {
    fixture_open();
    float *pinned = new_pinned(1024, 0);
    *(volatile float *)(pinned + 1024) = 1;
}

static void host_writes_behind_pinned(void) {
    fixture_open();
    float *pinned = new_pinned(3, 0);
    *(volatile float *)(pinned + 3) = 1;
    cuMemFreeHost(pinned);
}

static void host_uses_freed(void) {
    fixture_open();
    float *pinned = new_pinned(3, 0);
    CHECK_WORKS(cuMemFreeHost(pinned));
    *(volatile float *)pinned = 1;
}

/* ---- Copies ---- */

static void copy_too_long(void) {
    Fixture f = fixture_open();
    cuMemcpyHtoDAsync_v2(new_memory(60) + 4, new_pinned(64, 0), 60, f.stream);
}

static void copy_too_long_down(void) {
    Fixture f = fixture_open();
    cuMemcpyDtoHAsync_v2(new_pinned(64, 0), new_memory(60), 61, f.stream);
}

static void copy_to_nothing(void) {
    Fixture f = fixture_open();
    cuMemcpyHtoDAsync_v2(4096, new_pinned(64, 0), 60, f.stream);
}

static void copy_from_null(void) {
    Fixture f = fixture_open();
    cuMemcpyHtoDAsync_v2(new_memory(4), NULL, 4, f.stream);
}

static void pinned_too_short(void) {
    Fixture f = fixture_open();
    cuMemcpyHtoDAsync_v2(new_memory(60), new_pinned(12, 0), 60, f.stream);
}

static void copy_to_device_address(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(60);
    cuMemcpyDtoHAsync_v2((void *)(uintptr_t)memory, memory, 4, f.stream);
}

static void copy_to_pinned_as_device(void) {
    Fixture f = fixture_open();
    cuMemcpyHtoDAsync_v2((CUdeviceptr)(uintptr_t)new_pinned(4, 0), new_pinned(4, 0), 4, f.stream);
}

static void unmapped_before_it_is_copied(void) {
    Fixture f = fixture_open();
    float *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(plain, 4096);
    put(new_memory(4), plain, f.stream);
}

/* ---- Kernels ---- */

static CUresult launch(CUfunction function, unsigned threads, CUstream stream, void *arguments) {
    void *pointers[] = {arguments};
    return cuLaunchKernel(function, 1, 1, 1, threads, 1, 1, 0, stream, pointers, NULL);
}

static void other_threads(void) {
    Fixture f = fixture_open();
    launch(f.add, 32, f.stream, &(AddArguments){0});
}

static void other_shape(void) {
    Fixture f = fixture_open();
    AddArguments arguments = {0};
    void *pointers[] = {&arguments};
    cuLaunchKernel(f.add, 1, 1, 1, KERNEL_THREADS, 2, 1, 0, f.stream, pointers, NULL);
}

static void no_arguments(void) {
    Fixture f = fixture_open();
    cuLaunchKernel(f.add, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, f.stream, NULL, NULL);
}

static void null_arguments(void) {
    Fixture f = fixture_open();
    launch(f.add, KERNEL_THREADS, f.stream, NULL);
}

static void extra_arguments(void) {
    Fixture f = fixture_open();
    AddArguments arguments = {0};
    void *pointers[] = {&arguments}, *extra[] = {NULL};
    cuLaunchKernel(f.add, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, f.stream, pointers, extra);
}

static void kernel_overruns(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(add(&f, new_memory(1024), 257, 1, f.stream));
    cuStreamSynchronize(f.stream);
}

/* Within its last 256 bytes no page ends. */
static void kernel_overruns_a_little(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(1000);
    CHECK_WORKS(add(&f, memory, 251, 1, f.stream));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    cuMemFree_v2(memory);
}

static void kernel_runs_before(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4096);
    CHECK_WORKS(add(&f, memory - 4, 1, 1, f.stream));
    cuStreamSynchronize(f.stream);
}

static void kernel_uses_freed(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(512);
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    cuStreamSynchronize(f.stream);
}

static void kernel_follows_null(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(add(&f, 0, 1, 1, f.stream));
    cuStreamSynchronize(f.stream);
}

static void kernel_breaks_a_rule(void) {
    Fixture f = fixture_open();
    launch(fixture_function(&f, "faulty"), KERNEL_THREADS, f.stream, &(AddArguments){0});
    cuStreamSynchronize(f.stream);
}

/* ---- Others ---- */

static void flags_of_a_wait(void) {
    Fixture f = fixture_open();
    cuStreamWaitEvent(f.stream, new_event(), 1);
}

static void attribute_of_devices(void) {
    int value = 0;
    CHECK_WORKS(cuInit(0));
    cuDeviceGetAttribute(&value, 4, 0);
}

static void attribute_of_functions(void) {
    Fixture f = fixture_open();
    cuFuncSetAttribute(f.add, 9, 0);
}

static void never_popped(void) {
    Fixture f = fixture_open();
    for (int i = 0; i < 20; i++)
        cuCtxPushCurrent_v2(f.context);
}

static void too_many_streams(void) {
    fixture_open();
    for (int i = 0; i < 64; i++)
        new_stream();
}

static void nothing(void) {
    cuInit(0);
}

static const struct {
    void (*body)(void);
    const char *text;
} rules[] = {
    {stream_destroyed_twice, "is gone, or never was"},
    {event_for_a_stream, "is a event, not a stream"},
    {default_stream, "stream NULL"},
    {gone_with_its_context, "is gone, or never was"},
    {context_gone, "is gone, or never was"},
    {of_another_context, "belongs to another context"},
    {memory_of_another_context, "device memory of another context"},
    {copy_of_another_context, "which is memory of another context"},
    {freed_twice, "byte 0 of 100 bytes of device memory, which is freed"},
    {freed_in_the_middle, "byte 256 of 1000 bytes of device memory"},
    {freed_as_pinned, "byte 0 of 16 bytes of device memory"},
    {pinned_freed_twice, "byte 0 of 16 bytes of pinned memory, which is freed"},
    {plain_freed_as_pinned, "is freed, but it is none"},
    {freed_while_copied, "4 bytes of device memory are freed that work in flight uses"},
    {pinned_freed_while_copied, "4 bytes of pinned memory are freed that work in flight uses"},
    {freed_while_used, "400 bytes of device memory are freed that work in flight uses"},
    {host_reads, "the host touches byte 8 of 16 bytes of device memory"},
    {host_writes, "the host touches byte 0 of 16 bytes of device memory"},
    {host_overruns_pinned, "the host touches byte 4096 of 4096 bytes of pinned memory"},
    {host_writes_behind_pinned, "byte 12 of 12 bytes of pinned memory was written"},
    {host_uses_freed, "the host touches byte 0 of 12 bytes of pinned memory, which is freed"},
    {copy_too_long, "a copy of 60 bytes at byte 4 of 60 bytes of device memory"},
    {copy_too_long_down, "a copy of 61 bytes at byte 0 of 60 bytes of device memory"},
    {copy_to_nothing, "at 0x1000, which is no device memory"},
    {copy_from_null, "a copy of 4 bytes at NULL"},
    {pinned_too_short, "a copy of 60 bytes at byte 0 of 48 bytes of pinned memory"},
    {copy_to_device_address, "which is device memory"},
    {copy_to_pinned_as_device, "which is no device memory"},
    {other_threads, "kernel add takes 64 threads a block, not 32 x 1 x 1"},
    {other_shape, "kernel add takes 64 threads a block, not 64 x 2 x 1"},
    {no_arguments, "kernel add is launched without its arguments"},
    {null_arguments, "kernel add is launched without its arguments"},
    {extra_arguments, "kernel add is launched without its arguments"},
    {kernel_overruns, "add touches byte 1024 of 1024 bytes of device memory"},
    {kernel_overruns_a_little, "byte 1000 of 1000 bytes of device memory was written"},
    {kernel_runs_before, "add touches byte -4 of 4096 bytes of device memory"},
    {kernel_uses_freed, "add touches byte 0 of 512 bytes of device memory, which is freed"},
    {kernel_breaks_a_rule, "kernel faulty: thread 3 never comes to the barrier"},
    {flags_of_a_wait, "flags 1 of cuStreamWaitEvent"},
    {attribute_of_devices, "attribute 4 of devices is not simulated"},
    {attribute_of_functions, "attribute 9 of functions is not simulated"},
    {never_popped, "a thread pushed 16 contexts and popped none"},
    {too_many_streams, "room for 64 streams at a time"},
};

static const struct {
    const char *settings;
    const char *text;
} wrong_settings[] = {
    {"mcaos=13", "there is no setting 'mcaos', or it does not take '13'"},
    {"memory=8Q", "'memory', or it does not take '8Q'"},
    {"cc=89", "'cc'"},
    {"cc=8.9x", "'cc'"},
    {"cc:9=8.9", "'cc:9'"},
    {"devices=9", "'devices'"},
    {"fail=cuMemAllot:1", "'fail'"},
    {"fail=cuMemAlloc_v2", "'fail'"},
    {"fail=cuMemAlloc_v2:0", "'fail'"},
    {"fail=cuMemAlloc_v2:1:0", "'fail'"},
    {"sticky=launch", "'sticky'"},
    {"sticky=lunch:3", "'sticky'"},
    {"uuid=123", "'uuid'"},
    {"mode=4", "'mode'"},
    {"ecc=2", "'ecc'"},
    {"name=", "'name'"},
    {"seed=-1", "'seed'"},
    {"nvml", "setting 'nvml' has no value"},
};

int main(void) {
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        check_aborts("devices=2", rules[i].body, rules[i].text);
    for (size_t i = 0; i < sizeof(wrong_settings) / sizeof(*wrong_settings); i++)
        check_aborts(wrong_settings[i].settings, nothing, wrong_settings[i].text);
    check_dies(handle_is_no_address, "");
    check_dies(kernel_follows_null, "add touches (nil), where no memory is");
    check_dies(unmapped_before_it_is_copied, "");
    return 0;
}
