/* all.cu: every kernel, as one module. */
#include "conv.cu"
#include "conv_halo.cu"
#include "fourier.cu"
#include "linear.cu"
#include "map.cu"
#include "peak.cu"
#include "statistics.cu"
