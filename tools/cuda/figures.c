/* figures.c: see figures.h. The images are those of a compiler that was just run, but it may be one
 * of another version than those tried: what is read is held against its bounds. */
#include "figures.h"

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Machine code ---- */

/* Of SASS since Turing: 16 bytes an instruction, the operation in the lowest 12 bits. */
#define INSTRUCTION_BYTES 16
#define OPERATION_MASK    0xfff
#define OPERATION_HMMA    0x23c
#define OPERATION_HGMMA   0xdf0

/* Of a section .nv.info.KERNEL: attributes of 4 bytes, of which these have a payload of their own.
 */
#define FORMAT_SIZED           4
#define ATTRIBUTE_PARAMETERS   0x0a /* payload: symbol, then offset and size, 16 bits each */
#define PARAMETERS_SIZE_OFFSET 6
#define PARAMETERS_PAYLOAD     8

typedef struct Section {
    const char *data;
    size_t bytes;
} Section;

static bool within(size_t offset, size_t size, size_t bytes) {
    return offset <= bytes && size <= bytes - offset;
}

/* The section of that name; its data is NULL if there is none. */
static Section find_section(const char *image, size_t bytes, const char *name) {
    Elf64_Ehdr head;
    Section none = {NULL, 0};
    if (bytes < sizeof(head) || memcmp(image, ELFMAG, SELFMAG) != 0)
        return none;
    memcpy(&head, image, sizeof(head));
    if (head.e_shentsize != sizeof(Elf64_Shdr) || head.e_shstrndx >= head.e_shnum ||
        !within(head.e_shoff, (size_t)head.e_shnum * sizeof(Elf64_Shdr), bytes))
        return none;
    Elf64_Shdr names, one;
    memcpy(&names, image + head.e_shoff + head.e_shstrndx * sizeof(names), sizeof(names));
    if (!within(names.sh_offset, names.sh_size, bytes))
        return none;
    for (size_t i = 0; i < head.e_shnum; i++) {
        memcpy(&one, image + head.e_shoff + i * sizeof(one), sizeof(one));
        if (one.sh_name < names.sh_size && within(one.sh_offset, one.sh_size, bytes) &&
            strncmp(image + names.sh_offset + one.sh_name, name, names.sh_size - one.sh_name) == 0)
            return (Section){image + one.sh_offset, one.sh_size};
    }
    return none;
}

static int count_tensor_instructions(Section code) {
    int count = 0;
    for (size_t at = 0; at + INSTRUCTION_BYTES <= code.bytes; at += INSTRUCTION_BYTES) {
        uint64_t word;
        memcpy(&word, code.data + at, sizeof(word));
        uint64_t operation = word & OPERATION_MASK;
        count += operation == OPERATION_HMMA || operation == OPERATION_HGMMA;
    }
    return count;
}

static int argument_bytes(Section info) {
    size_t at = 0;
    while (at + 4 <= info.bytes) {
        uint8_t format = (uint8_t)info.data[at], attribute = (uint8_t)info.data[at + 1];
        uint16_t value;
        memcpy(&value, info.data + at + 2, sizeof(value));
        at += 4;
        if (format != FORMAT_SIZED)
            continue;
        if (attribute == ATTRIBUTE_PARAMETERS && value >= PARAMETERS_PAYLOAD &&
            within(at, value, info.bytes)) {
            uint16_t size;
            memcpy(&size, info.data + at + PARAMETERS_SIZE_OFFSET, sizeof(size));
            return size;
        }
        at += value;
    }
    return -1;
}

void figures_of_cubin(Figures *figures, const char *image, size_t bytes, const char *kernel) {
    char name[128];
    snprintf(name, sizeof(name), ".text.%s", kernel);
    Section code = find_section(image, bytes, name);
    snprintf(name, sizeof(name), ".nv.info.%s", kernel);
    figures->found = code.data != NULL;
    figures->arguments = -1;
    if (!figures->found)
        return;
    figures->tensor = count_tensor_instructions(code);
    figures->arguments = argument_bytes(find_section(image, bytes, name));
}

/* ---- PTX ---- */

void figures_of_ptx(Figures *figures, const char *text, const char *kernel) {
    char head[160], parameter[160];
    int length = snprintf(head, sizeof(head), ".entry %s(", kernel);
    const char *begin = strstr(text, head);
    figures->found = begin != NULL;
    figures->arguments = -1;
    if (!begin)
        return;
    const char *end = strstr(begin + length, ".entry ");
    snprintf(parameter, sizeof(parameter), " %s_param_0[", kernel);
    const char *size = strstr(begin, parameter);
    if (size && (!end || size < end))
        figures->arguments = atoi(size + strlen(parameter));
    for (const char *at = begin; (at = strstr(at, "mma.sync.")) && (!end || at < end); at++)
        figures->tensor++;
}

/* ---- The compiler's words ---- */

static bool read_number(int *number, const char *begin, const char *end, const char *before,
                        const char *behind) {
    char format[64];
    snprintf(format, sizeof(format), "%s%%d%s%%n", before, behind);
    for (const char *at = begin; at < end; at++) {
        int length = 0;
        if (sscanf(at, format, number, &length) == 1 && length > 0 && at + length <= end)
            return true;
    }
    return false;
}

void figures_of_log(Figures *figures, const char *log, const char *kernel) {
    char head[160];
    snprintf(head, sizeof(head), "Compiling entry function '%s'", kernel);
    const char *begin = strstr(log, head);
    if (!begin)
        return;
    begin += strlen(head);
    const char *end = strstr(begin, "Compiling entry function");
    end = end ? end : begin + strlen(begin);
    figures->counted =
        read_number(&figures->stack, begin, end, "", " bytes stack frame") &&
        read_number(&figures->spill_stores, begin, end, ", ", " bytes spill stores") &&
        read_number(&figures->spill_loads, begin, end, ", ", " bytes spill loads") &&
        read_number(&figures->registers, begin, end, "Used ", " registers");
}
