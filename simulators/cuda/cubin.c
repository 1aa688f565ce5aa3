/* cubin.c: reads NVIDIA's machine code: an ELF file with a symbol for each kernel, and notes on it.
 * How long the image is nobody tells a driver: it lies within what its own header says. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "strict.h"

#define MACHINE_CUDA   190
#define IMAGE_MAX      ((uint64_t)1 << 30)
#define ABI_OLD        7 /* as CUDA 12 writes it for capabilities below 10.0 */
#define ABI_NEW        8
#define NEW_FROM       100    /* which every driver that knows it reads in the new form */
#define NEW_FROM_CUDA  13000  /* from which on drivers read the new form for older GPUs as well */
#define FLAG_EXACT_GPU 0x800u /* old form: compiled for sm_90a, say */

/* Notes: format, attribute, and two bytes of value or of size. */
enum { NOTE_SIZED = 4, NOTE_MAX_THREADS = 0x05, NOTE_ARGUMENT_BYTES = 0x19, NOTE_REGISTERS = 0x2f };

typedef struct Cubin {
    const unsigned char *data;
    uint64_t bytes;
    const Elf64_Shdr *sections;
    int section_count;
    const Elf64_Shdr *symbols;
    const Elf64_Shdr *names; /* of symbols */
} Cubin;

static bool lies_inside(uint64_t offset, uint64_t bytes, uint64_t whole) {
    return offset <= whole && bytes <= whole - offset;
}

/* The text at an offset of a section of strings, or NULL. */
static const char *string_at(const Cubin *cubin, const Elf64_Shdr *strings, uint64_t offset) {
    if (offset >= strings->sh_size)
        return NULL;
    const char *text = (const char *)cubin->data + strings->sh_offset + offset;
    return memchr(text, '\0', strings->sh_size - offset) ? text : NULL;
}

static bool has_contents(const Elf64_Shdr *section) {
    return section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL;
}

/* Where the image ends. */
static bool measure(Cubin *cubin, const Elf64_Ehdr *header) {
    uint64_t table = (uint64_t)header->e_shnum * sizeof(Elf64_Shdr);
    if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum == 0 ||
        header->e_shoff % 8 != 0 || header->e_shoff > IMAGE_MAX)
        return false;
    cubin->sections = (const Elf64_Shdr *)(cubin->data + header->e_shoff);
    cubin->section_count = header->e_shnum;
    cubin->bytes = header->e_shoff + table;
    for (int i = 0; i < cubin->section_count; i++) {
        const Elf64_Shdr *section = &cubin->sections[i];
        if (!has_contents(section))
            continue;
        if (!lies_inside(section->sh_offset, section->sh_size, IMAGE_MAX))
            return false;
        if (section->sh_offset + section->sh_size > cubin->bytes)
            cubin->bytes = section->sh_offset + section->sh_size;
    }
    return true;
}

static bool find_symbols(Cubin *cubin) {
    for (int i = 0; i < cubin->section_count && !cubin->symbols; i++)
        if (cubin->sections[i].sh_type == SHT_SYMTAB)
            cubin->symbols = &cubin->sections[i];
    if (!cubin->symbols || cubin->symbols->sh_entsize != sizeof(Elf64_Sym) ||
        cubin->symbols->sh_offset % 8 != 0 ||
        cubin->symbols->sh_link >= (unsigned)cubin->section_count)
        return false;
    cubin->names = &cubin->sections[cubin->symbols->sh_link];
    return cubin->names->sh_type == SHT_STRTAB;
}

/* ---- Architecture ---- */

static CUresult check_architecture(const Elf64_Ehdr *header, int capability, int driver,
                                   int *compiled_for) {
    int abi = header->e_ident[EI_ABIVERSION];
    if (abi != ABI_OLD && abi != ABI_NEW)
        return CUDA_ERROR_INVALID_IMAGE;
    int built = (int)(abi == ABI_OLD ? header->e_flags : header->e_flags >> 8) & 0xff;
    *compiled_for = built;
    if (abi == ABI_NEW && built < NEW_FROM && driver < NEW_FROM_CUDA)
        return CUDA_ERROR_INVALID_IMAGE;
    bool exact = abi == ABI_OLD && (header->e_flags & FLAG_EXACT_GPU);
    bool runs = built / 10 == capability / 10 && built <= capability;
    return runs && (!exact || built == capability) ? CUDA_SUCCESS : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* ---- Notes ---- */

typedef void NoteReader(int attribute, const unsigned char *value, size_t bytes, void *to);

/* Calls `reader` for each note of a section; returns false where they are damaged. */
static bool read_notes(const Cubin *cubin, const Elf64_Shdr *section, NoteReader *reader,
                       void *to) {
    const unsigned char *notes = cubin->data + section->sh_offset;
    for (uint64_t at = 0; at < section->sh_size;) {
        if (section->sh_size - at < 4)
            return false;
        const unsigned char *note = notes + at;
        uint64_t bytes = note[0] == NOTE_SIZED ? note[2] | (uint64_t)note[3] << 8 : 0;
        if (bytes > section->sh_size - at - 4)
            return false;
        if (note[0] == NOTE_SIZED)
            reader(note[1], note + 4, bytes, to);
        else
            reader(note[1], note + 2, 2, to);
        at += 4 + bytes;
    }
    return true;
}

static unsigned word_of(const unsigned char *bytes) {
    return bytes[0] | (unsigned)bytes[1] << 8 | (unsigned)bytes[2] << 16 | (unsigned)bytes[3] << 24;
}

static void read_function_note(int attribute, const unsigned char *value, size_t bytes, void *to) {
    SimImageFunction *function = to;
    if (attribute == NOTE_ARGUMENT_BYTES && bytes == 2)
        function->argument_bytes = value[0] | value[1] << 8;
    if (attribute == NOTE_MAX_THREADS && bytes == 12)
        function->threads = (int)(word_of(value) * word_of(value + 4) * word_of(value + 8));
}

typedef struct RegisterNote {
    unsigned symbol;
    int registers;
} RegisterNote;

static void read_register_note(int attribute, const unsigned char *value, size_t bytes, void *to) {
    RegisterNote *note = to;
    if (attribute == NOTE_REGISTERS && bytes == 8 && word_of(value) == note->symbol)
        note->registers = (int)word_of(value + 4) & 0xffff;
}

static const Elf64_Shdr *find_section(const Cubin *cubin, const Elf64_Shdr *section_names,
                                      const char *prefix, const char *name) {
    size_t length = strlen(prefix);
    for (int i = 0; i < cubin->section_count; i++) {
        const char *found = string_at(cubin, section_names, cubin->sections[i].sh_name);
        if (found && has_contents(&cubin->sections[i]) && strncmp(found, prefix, length) == 0 &&
            strcmp(found + length, name) == 0)
            return &cubin->sections[i];
    }
    return NULL;
}

static bool read_function(const Cubin *cubin, const Elf64_Shdr *section_names, unsigned symbol,
                          SimImageFunction *function) {
    const Elf64_Shdr *own = find_section(cubin, section_names, ".nv.info.", function->name);
    const Elf64_Shdr *common = find_section(cubin, section_names, ".nv.info", "");
    RegisterNote registers = {.symbol = symbol};
    if (own && !read_notes(cubin, own, read_function_note, function))
        return false;
    if (common && !read_notes(cubin, common, read_register_note, &registers))
        return false;
    function->registers = registers.registers;
    return true;
}

static bool read_functions(const Cubin *cubin, const Elf64_Shdr *section_names, SimImage *image) {
    const Elf64_Sym *symbols = (const Elf64_Sym *)(cubin->data + cubin->symbols->sh_offset);
    uint64_t count = cubin->symbols->sh_size / sizeof(Elf64_Sym);
    for (uint64_t i = 0; i < count; i++) {
        if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || symbols[i].st_shndx == SHN_UNDEF)
            continue;
        const char *name = string_at(cubin, cubin->names, symbols[i].st_name);
        if (!name)
            return false;
        SimImageFunction *function = sim_image_add(image, name, strlen(name));
        if (!read_function(cubin, section_names, (unsigned)i, function))
            return false;
    }
    return true;
}

CUresult sim_cubin_read(const unsigned char *data, int capability, int driver, SimImage *image) {
    Elf64_Ehdr header;
    Cubin cubin = {.data = data};
    if ((uintptr_t)data % 8)
        sim_abort("an image at %p, which is not aligned to 8 bytes", (const void *)data);
    memcpy(&header, data, sizeof(header));
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != MACHINE_CUDA)
        return CUDA_ERROR_INVALID_IMAGE;
    CUresult status = check_architecture(&header, capability, driver, &image->capability);
    if (status != CUDA_SUCCESS)
        return status;
    if (!measure(&cubin, &header) || !find_symbols(&cubin) ||
        header.e_shstrndx >= cubin.section_count ||
        cubin.sections[header.e_shstrndx].sh_type != SHT_STRTAB ||
        !read_functions(&cubin, &cubin.sections[header.e_shstrndx], image))
        return CUDA_ERROR_INVALID_IMAGE;
    return CUDA_SUCCESS;
}
