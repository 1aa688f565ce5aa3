/* arm_names.h: what 64-bit ARM processors are called. */
#ifndef CLEAVE_BASE_ARM_NAMES_H
#define CLEAVE_BASE_ARM_NAMES_H

/* The name behind the numbers that /proc/cpuinfo has for "CPU implementer" and "CPU part", such as
 * "0x41" and "0xd0c"; NULL if they are not known. */
const char *arm_processor_name(const char *implementer, const char *part);

#endif
