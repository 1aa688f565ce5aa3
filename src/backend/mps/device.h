/* device.h: the Mac's GPU, found once. Inside backend/mps only. */
#ifndef CLEAVE_MPS_DEVICE_H
#define CLEAVE_MPS_DEVICE_H

#import <Metal/Metal.h>

#include "backend/backend.h"

typedef struct MpsDevice {
    id<MTLDevice> device; /* nil: none can be used; see `reason` */
    int macos[2];         /* major and minor version; 0, 0 where unknown */
    bool compiles;        /* has MPSGraphExecutable */
    bool transforms;      /* MPSGraph has Fourier transforms and complex tensors */
    bool reads_in_place;  /* arrays may begin anywhere in a buffer (in_place.h) */
    bool attention;       /* MPSGraph has attention as one op (attention.h) */
    bool unified;
    double submission_flops;  /* that the GPU is given at once, at most */
    int64_t attention_scores; /* of one tile, at most */
    char reason[160];
} MpsDevice;

/* Probed at the first call; never NULL. Thread-safe. */
const MpsDevice *mps_device(void);

/* See Backend in backend.h. */
void mps_describe(int index, cleave_device_info *info);
void mps_describe_capabilities(int index, cleave_capability *capabilities);
void mps_read_memory(int index, cleave_device_info *info);

#endif
