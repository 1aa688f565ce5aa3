/* all.cu: every kernel, as one module. */
#include "kernel.h" /* first: with NVRTC it has the types of stdint.h */

#include "conv.cu"
#include "conv_halo.cu"
#include "fourier.cu"
#include "linear.cu"
#include "map.cu"
#include "peak.cu"
#include "statistics.cu"
