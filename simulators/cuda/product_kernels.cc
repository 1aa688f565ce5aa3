/* product_kernels.cc: the product's kernels, compiled for the CPU. */
#include "backend/cuda/kernels/all.cu"
