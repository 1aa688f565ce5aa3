/* device.h: the processor as a device: as count, describe and read_memory of Backend. */
#ifndef CLEAVE_CPU_DEVICE_H
#define CLEAVE_CPU_DEVICE_H

#include "cleave/extra.h"

int cpu_count(char *reason, size_t size);
void cpu_describe(int index, cleave_device_info *info);
void cpu_describe_capabilities(int index, cleave_capability *capabilities);
void cpu_read_memory(int index, cleave_device_info *info);

#endif
