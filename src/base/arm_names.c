/* arm_names.c: a table of processors' names. */
#include "base/arm_names.h"

#include <stddef.h>
#include <stdlib.h>

/* Processors of servers, small boards and laptops that run Linux. */
static const struct {
    unsigned implementer;
    unsigned part;
    const char *name;
} names[] = {
    {0x41, 0xd03, "Arm Cortex-A53"},  {0x41, 0xd04, "Arm Cortex-A35"},
    {0x41, 0xd05, "Arm Cortex-A55"},  {0x41, 0xd07, "Arm Cortex-A57"},
    {0x41, 0xd08, "Arm Cortex-A72"},  {0x41, 0xd09, "Arm Cortex-A73"},
    {0x41, 0xd0a, "Arm Cortex-A75"},  {0x41, 0xd0b, "Arm Cortex-A76"},
    {0x41, 0xd0c, "Arm Neoverse N1"}, {0x41, 0xd0d, "Arm Cortex-A77"},
    {0x41, 0xd40, "Arm Neoverse V1"}, {0x41, 0xd41, "Arm Cortex-A78"},
    {0x41, 0xd44, "Arm Cortex-X1"},   {0x41, 0xd49, "Arm Neoverse N2"},
    {0x41, 0xd4f, "Arm Neoverse V2"}, {0x46, 0x001, "Fujitsu A64FX"},
    {0x61, 0x022, "Apple M1"},        {0x61, 0x023, "Apple M1"},
    {0xc0, 0xac3, "Ampere-1"},
};

const char *arm_processor_name(const char *implementer, const char *part) {
    unsigned long implementer_number = strtoul(implementer, NULL, 0);
    unsigned long part_number = strtoul(part, NULL, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].implementer == implementer_number && names[i].part == part_number)
            return names[i].name;
    return NULL;
}
