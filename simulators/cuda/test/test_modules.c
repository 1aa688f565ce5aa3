/* test_modules.c: images of modules, good and bad. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fixture.h"
#include "image.h"
#include "tiny_cubin.h"

static const TinyCubin plain = {.abi = 7,
                                .capability = 89,
                                .name = "add",
                                .argument_bytes = sizeof(AddArguments),
                                .threads = KERNEL_THREADS,
                                .registers = 40};

static _Alignas(8) unsigned char image[TINY_CUBIN_MAX];

static const unsigned char *cubin(TinyCubin what) {
    tiny_cubin(&what, image);
    return image;
}

static const unsigned char *cubin_for(int abi, int capability) {
    TinyCubin what = plain;
    what.abi = abi;
    what.capability = capability;
    return cubin(what);
}

static CUresult read_for(const void *data, int capability, int driver) {
    SimImage read;
    CUresult status = sim_image_read(data, capability, driver, &read);
    CHECK(status == CUDA_SUCCESS || (read.count == 0 && read.functions == NULL));
    sim_image_free(&read);
    return status;
}

/* ---- Reading ---- */

static void contents_of_cubins(void) {
    for (int abi = 7; abi <= 8; abi++) {
        SimImage read;
        CHECK_WORKS(sim_image_read(cubin_for(abi, 90), 90, 13000, &read));
        CHECK(read.capability == 90 && read.count == 1);
        const SimImageFunction *add = sim_image_find(&read, "add");
        CHECK(add && add->argument_bytes == sizeof(AddArguments));
        CHECK(add->threads == KERNEL_THREADS && add->registers == 40);
        CHECK(!sim_image_find(&read, "ad") && !sim_image_find(&read, "dd"));
        sim_image_free(&read);
    }
}

static void architectures(void) {
    static const struct {
        int abi, built, gpu, driver, status;
    } cases[] = {
        {7, 75, 75, 12000, 0},     {7, 80, 89, 12000, 0},   {7, 86, 89, 12000, 0},
        {7, 89, 86, 12000, 209},   {7, 75, 80, 12000, 209}, {7, 89, 90, 12000, 209},
        {7, 90, 89, 12000, 209},   {8, 80, 89, 13000, 0},   {8, 80, 89, 12090, 200},
        {8, 100, 100, 12080, 0},   {8, 120, 121, 12080, 0}, {8, 100, 120, 12080, 209},
        {8, 120, 100, 12080, 209}, {6, 80, 80, 12000, 200}, {9, 80, 80, 13000, 200},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK_STATUS(
            read_for(cubin_for(cases[i].abi, cases[i].built), cases[i].gpu, cases[i].driver),
            cases[i].status);
    TinyCubin exact = plain;
    exact.exact = 1;
    exact.capability = 100;
    CHECK_WORKS(read_for(cubin(exact), 100, 12080));
    CHECK_STATUS(read_for(cubin(exact), 103, 12080), 209);
}

static void damaged_cubins(void) {
    Elf64_Ehdr *header = (Elf64_Ehdr *)image;
    cubin(plain);
    header->e_machine = EM_X86_64;
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    cubin(plain);
    header->e_ident[EI_CLASS] = ELFCLASS32;
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    cubin(plain);
    header->e_shoff = (uint64_t)1 << 60;
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    cubin(plain);
    header->e_shnum = 0;
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    cubin(plain);
    header->e_shstrndx = 100;
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    cubin(plain);
    unsigned char *note = memmem(image, sizeof(image), "\x04\x05\x0c\x00", 4);
    CHECK(note != NULL);
    note[2] = 13; /* one byte more than there is */
    CHECK_STATUS(read_for(image, 89, 12080), 200);
    CHECK_STATUS(read_for(NULL, 89, 12080), 1);
}

/* Every byte wrong, in a place where all that an image can say of its size is there. */
static void any_byte_wrong(void) {
    const size_t room = (size_t)160 << 20;
    unsigned char *place = mmap(NULL, room, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TinyCubin what = plain;
    size_t bytes = tiny_cubin(&what, image);
    CHECK(place != MAP_FAILED);
    memcpy(place, image, bytes);
    for (size_t i = 0; i < bytes; i++) {
        static const unsigned char masks[] = {0x01, 0x80, 0xff};
        for (int j = 0; j < 3; j++) {
            place[i] ^= masks[j];
            CUresult status = read_for(place, 89, 12080);
            CHECK(status == 0 || status == 200 || status == 209 || status == 218);
            place[i] ^= masks[j];
        }
    }
    munmap(place, room);
}

static void ptx(void) {
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {".version 7.0\n.target sm_80\n", 0},
        {"// made by hand\n/* .version 99 */ .version 8.7 .target sm_89, texmode_independent", 0},
        {".version 8.8\n.target sm_80\n", 222},
        {".version 99.0\n.target sm_80\n", 222},
        {".version 7.0\n.target sm_90\n", 218},
        {".version\n", 218},
        {".version 7.0\n", 218},
        {".target sm_80\n.version 7.0\n", 218},
        {"", 218},
        {"\177EL", 218},
        {"no PTX", 218},
        {"/* open", 218},
        {".version 7.0\n.target sm_80\n.visible .entry", 218},
        {".version 7.0\n.target sm_80\n.visible .entry (", 218},
        {".version 7.0\n.target sm_80\n.visible .entry k(.param .b8 p[", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK_STATUS(read_for(cases[i].text, 89, 12080), cases[i].status);
}

static void contents_of_ptx(void) {
    SimImage read;
    CHECK_WORKS(sim_image_read(kernels_ptx, 89, 12080, &read));
    const SimImageFunction *add = sim_image_find(&read, "add");
    const SimImageFunction *move = sim_image_find(&read, "move");
    CHECK(read.capability == 75 && add && add->argument_bytes == 16 && add->threads == 64);
    CHECK(move && move->argument_bytes == 24 && move->threads == 0 && move->registers == 0);
    CHECK(!sim_image_find(&read, "nothing") && !sim_image_find(&read, "commented"));
    sim_image_free(&read);
}

/* ---- Loading ---- */

static CUmodule load(const void *data) {
    CUmodule module = NULL;
    CHECK_WORKS(cuModuleLoadData(&module, data));
    return module;
}

static void loads_and_runs(void) {
    Fixture f = fixture_open_bare(0);
    CUfunction again = NULL;
    CUdeviceptr memory = new_memory(4);
    float in = 1, out = 0;
    f.module = load(cubin(plain));
    memset(image, 0, sizeof(image)); /* nothing is read after loading */
    f.add = fixture_function(&f, "add");
    CHECK_STATUS(cuModuleGetFunction(&again, f.module, "scale"), 500);
    CHECK_WORKS(cuModuleGetFunction(&again, f.module, "add"));
    CHECK(again == f.add);
    put(memory, &in, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    get(&out, memory, f.stream);
    CHECK(out == 2);
    fixture_close(&f);
}

static void refused(void) {
    CUmodule module = (CUmodule)7;
    fixture_open_bare(0);
    CHECK_STATUS(cuModuleLoadData(&module, cubin_for(7, 90)), 209);
    CHECK_STATUS(cuModuleLoadData(&module, ".version 8.8\n.target sm_80\n"), 222);
    CHECK_STATUS(cuModuleLoadData(&module, "rubbish"), 218);
    CHECK(module == (CUmodule)7);
}

static void too_many_registers(void) {
    Fixture f = fixture_open_bare(0);
    TinyCubin what = plain;
    what.registers = 1025;
    f.module = load(cubin(what));
    f.add = fixture_function(&f, "add");
    CHECK_STATUS(add(&f, new_memory(4), 1, 1, f.stream), 701);
    what.registers = 1024;
    f.module = load(cubin(what));
    f.add = fixture_function(&f, "add");
    CHECK_WORKS(add(&f, new_memory(4), 1, 1, f.stream));
}

/* ---- What aborts ---- */

static void get_named(const char *name) {
    Fixture f = fixture_open();
    fixture_function(&f, name);
}

static void not_emulated(void) {
    get_named("other");
}

static void other_arguments(void) {
    get_named("thin");
}

static void fewer_threads(void) {
    get_named("narrow");
}

static void above_the_image(void) {
    get_named("wide");
}

static void other_arguments_in_cubin(void) {
    Fixture f = fixture_open_bare(0);
    TinyCubin what = plain;
    what.argument_bytes = 20;
    f.module = load(cubin(what));
    fixture_function(&f, "add");
}

static void not_aligned(void) {
    CUmodule module = NULL;
    fixture_open_bare(0);
    cubin(plain);
    memmove(image + 4, image, sizeof(image) - 4);
    cuModuleLoadData(&module, image + 4);
}

static void unloaded_twice(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(cuModuleUnload(f.module));
    cuModuleUnload(f.module);
}

static void function_of_unloaded(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(cuModuleUnload(f.module));
    add(&f, new_memory(4), 1, 1, f.stream);
}

static void unloaded_in_flight(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(add(&f, new_memory(4), 1, 1, f.stream));
    cuModuleUnload(f.module);
}

int main(void) {
    check_runs(NULL, contents_of_cubins);
    check_runs(NULL, architectures);
    check_runs(NULL, damaged_cubins);
    check_runs(NULL, any_byte_wrong);
    check_runs(NULL, ptx);
    check_runs(NULL, contents_of_ptx);
    check_runs(NULL, loads_and_runs);
    check_runs(NULL, refused);
    check_runs(NULL, too_many_registers);
    check_aborts(NULL, not_emulated, "kernel other is in the image, but is not emulated");
    check_aborts(NULL, other_arguments,
                 "kernel thin takes 8 bytes of arguments in the image, and 16");
    check_aborts(NULL, fewer_threads,
                 "kernel narrow takes 32 threads at most in the image, and 64");
    check_aborts(NULL, above_the_image,
                 "kernel wide is in an image for compute capability 7.5, but "
                 "needs 8.0");
    check_aborts(NULL, other_arguments_in_cubin, "kernel add takes 20 bytes of arguments");
    check_aborts(NULL, not_aligned, "which is not aligned to 8 bytes");
    check_aborts(NULL, unloaded_twice, "is gone, or never was");
    check_aborts(NULL, function_of_unloaded, "is gone, or never was");
    check_aborts(NULL, unloaded_in_flight,
                 "a module is unloaded while its kernel add is in flight");
    return 0;
}
