/* tiny_cubin.c: an ELF file of NVIDIA's. */
#include "tiny_cubin.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

enum { NAMES = 1, STRINGS, SYMBOLS, INFO, KERNEL_INFO, TEXT, SECTIONS };

typedef struct Writer {
    unsigned char *image;
    size_t used;
    Elf64_Shdr sections[SECTIONS];
    size_t name_bytes;
    char names[512];
} Writer;

static void append(Writer *w, int section, unsigned type, const char *name, const void *data,
                   size_t bytes) {
    Elf64_Shdr *header = &w->sections[section];
    w->used = (w->used + 7) / 8 * 8;
    header->sh_type = type;
    header->sh_name = (unsigned)w->name_bytes;
    header->sh_offset = w->used;
    header->sh_size = bytes;
    memcpy(w->image + w->used, data, bytes);
    w->used += bytes;
    w->name_bytes += (size_t)sprintf(w->names + w->name_bytes, "%s", name) + 1;
}

static void append_notes(Writer *w, const TinyCubin *what) {
    char name[128];
    const uint16_t bytes = (uint16_t)what->argument_bytes;
    const uint32_t registers[] = {0x00082f04, 1, (uint32_t)what->registers, 0x00082f04, 3, 255};
    struct {
        unsigned char flag[4]; /* a note of two bytes of value */
        unsigned char argument_head[2];
        uint16_t argument_bytes;
        unsigned char thread_head[4];
        uint32_t threads[3];
    } notes = {{3, 0x1b, 0xff, 0}, {3, 0x19}, bytes, {4, 5, 12, 0}, {0, 1, 1}};
    notes.threads[0] = (uint32_t)what->threads;
    snprintf(name, sizeof(name), ".nv.info.%s", what->name);
    append(w, INFO, SHT_LOPROC, ".nv.info", registers, sizeof(registers));
    append(w, KERNEL_INFO, SHT_LOPROC, name, &notes, sizeof(notes));
}

static void append_symbols(Writer *w, const TinyCubin *what) {
    char strings[128] = "", name[128];
    size_t length = strlen(what->name);
    const Elf64_Sym symbols[] = {
        {0},
        {.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = TEXT},
        {.st_name = 1, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION), .st_shndx = TEXT},
        {.st_name = 2, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = SHN_UNDEF},
    };
    memcpy(strings + 1, what->name, length + 1);
    append(w, STRINGS, SHT_STRTAB, ".strtab", strings, length + 2);
    append(w, SYMBOLS, SHT_SYMTAB, ".symtab", symbols, sizeof(symbols));
    w->sections[SYMBOLS].sh_link = STRINGS;
    w->sections[SYMBOLS].sh_entsize = sizeof(Elf64_Sym);
    snprintf(name, sizeof(name), ".text.%s", what->name);
    append(w, TEXT, SHT_PROGBITS, name, "code", 4);
}

static unsigned flags_of(const TinyCubin *what) {
    unsigned capability = (unsigned)what->capability;
    if (what->abi >= 8)
        return 0x6000000u | capability << 8 | 2;
    return capability | 0x500u | capability << 16 | (what->exact ? 0x800u : 0);
}

size_t tiny_cubin(const TinyCubin *what, unsigned char image[TINY_CUBIN_MAX]) {
    Writer w = {.image = image, .used = sizeof(Elf64_Ehdr), .name_bytes = 1};
    memset(image, 0, TINY_CUBIN_MAX);
    append_symbols(&w, what);
    append_notes(&w, what);
    append(&w, NAMES, SHT_STRTAB, ".shstrtab", w.names, sizeof(w.names));
    memcpy(image + w.sections[NAMES].sh_offset, w.names, sizeof(w.names));
    w.used = (w.used + 7) / 8 * 8;
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = 190,
                         .e_version = 1,
                         .e_shoff = w.used,
                         .e_flags = flags_of(what),
                         .e_ehsize = sizeof(header),
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = SECTIONS,
                         .e_shstrndx = NAMES};
    header.e_ident[EI_OSABI] = what->abi >= 8 ? 0x41 : 0x33;
    header.e_ident[EI_ABIVERSION] = (unsigned char)what->abi;
    memcpy(image, &header, sizeof(header));
    memcpy(image + w.used, w.sections, sizeof(w.sections));
    return w.used + sizeof(w.sections);
}
