/* kernel.h: the language that kernels are written in. It is CUDA C++ for nvcc, NVRTC and clang, for
 * compute capability 7.5 and later. For any other C++17 compiler it is emulate.h: threads that are
 * emulated on the CPU. No header of a toolkit is needed, and nothing of the C++ library is used. */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_KERNEL_H
#define CLEAVE_BACKEND_CUDA_KERNELS_KERNEL_H

#include "arguments.h"

/* Vectors that one instruction loads and stores. */
struct alignas(8) Pair {
    float x, y;
};

struct alignas(16) PairF64 {
    double x, y;
};

struct alignas(16) Quad {
    uint32_t x, y, z, w;
};

struct alignas(16) FourFloats {
    float x, y, z, w;
};

/* Types of stored numbers, as parameters of templates. */
struct F32 {
    static const int stored = STORED_F32;
};

struct F16 {
    static const int stored = STORED_F16;
};

struct BF16 {
    static const int stored = STORED_BF16;
};

/* The language, in both halves:
 *
 * FN, FN_MEMBER         head of a function, of a class's function
 * UNROLL, KEEP_LOOP     before a loop: unroll it whole; leave it
 * KERNEL(name, Arguments, threads, blocks_per_sm) { … }
 *                       a kernel, whose arguments are the struct `a`; of `threads` threads at most,
 *                       with registers for that many blocks
 * thread_index(), block_x(), block_y(), block_z(), grid_x()
 * block_sync()          a barrier; all threads of the block must come to it
 * shared_memory()       dynamic, aligned to 16 bytes
 * global<T>(address)    device memory, as a pointer that the compiler knows not to be shared memory
 * load_quad(address)    16 bytes of device memory that nobody writes while the kernel runs
 * multiply_add(a, b, c) a · b + c, rounded once; of doubles, too
 * reciprocal(v)         1 / v to a unit in the last place; only of normal numbers
 * divide(a, b), square_root(v)
 *                       rounded correctly; the root of doubles, too
 * exponential2(v)       2^v to two units in the last place; denormal results are 0
 * minimum(a, b), maximum(a, b)
 *                       of floats or of ints; if one is NaN: the other
 * as_float(bits), as_bits(v)
 * pack<T>(low, high), unpack<T>(bits)
 *                       two F16 or BF16 in 32 bits; to the nearest, halves to even
 * HAVE_BF16             defined where kernels can multiply BF16: not for compute capability 7.5
 *
 * Collectives, to which all 32 lanes of a warp must come:
 * shuffle_xor(v, mask)  v of the lane whose number is this one's xor mask
 * load_matrices(r, row) four matrices of 8 × 8 elements of 2 bytes from shared memory: lane i gives
 *                       the address of row i % 8 of matrix i / 8, and gets, of matrix m, elements
 *                       2 · (i % 4) and the next of row i / 4 in r[m]
 * load_matrices_transposed(r, row)
 *                       the same of the transposed matrices
 * multiply<T>(d, a, b)  d[m][n] += a[m] · b[n], (16 × 16) by (16 × 8), as m16n8k16 of PTX lays them
 *                       out over lanes
 *
 * Copies of 16 bytes from global to shared memory, asynchronous where the device can do it:
 * copy_16(to, from)     `to` is undefined until this thread has waited
 * copy_commit()         closes a group of this thread's copies
 * copy_wait<LEFT>()     until all but the last LEFT closed groups have arrived. Other threads see
 *                       them after a barrier. */

#if defined(__CUDACC__) || defined(__CUDA__)

#ifdef __CUDA__ /* clang, without a toolkit's headers */
#define __global__              __attribute__((global))
#define __device__              __attribute__((device))
#define __shared__              __attribute__((shared))
#define BOUNDS(threads, blocks) __attribute__((launch_bounds(threads, blocks)))
#define BY_VALUE                const
#define FN_MEMBER               __device__ inline __attribute__((always_inline))
#define THREAD_INDEX            __nvvm_read_ptx_sreg_tid_x()
#define BLOCK_X                 __nvvm_read_ptx_sreg_ctaid_x()
#define BLOCK_Y                 __nvvm_read_ptx_sreg_ctaid_y()
#define BLOCK_Z                 __nvvm_read_ptx_sreg_ctaid_z()
#define GRID_X                  __nvvm_read_ptx_sreg_nctaid_x()
#else
#define BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define BY_VALUE                const __grid_constant__ /* read where it is, also through pointers */
#define FN_MEMBER               __device__ __forceinline__
#define THREAD_INDEX            threadIdx.x
#define BLOCK_X                 blockIdx.x
#define BLOCK_Y                 blockIdx.y
#define BLOCK_Z                 blockIdx.z
#define GRID_X                  gridDim.x
#endif

#define FN        static FN_MEMBER
#define UNROLL    _Pragma("unroll")
#define KEEP_LOOP _Pragma("unroll 1")
#if __CUDA_ARCH__ >= 800
#define HAVE_BF16
#endif
#define KERNEL(name, Arguments, threads, blocks_per_sm) \
    extern "C" __global__ void BOUNDS(threads, blocks_per_sm) name(BY_VALUE Arguments a)

FN int thread_index() {
    return (int)THREAD_INDEX;
}

FN int block_x() {
    return (int)BLOCK_X;
}

FN int block_y() {
    return (int)BLOCK_Y;
}

FN int block_z() {
    return (int)BLOCK_Z;
}

FN int grid_x() {
    return (int)GRID_X;
}

FN void block_sync() {
    __syncthreads();
}

extern "C" {
extern __shared__ Quad shared_quads[];
}

FN char *shared_memory() {
    return (char *)shared_quads;
}

/* Casts that the compiler sees through, other than cvta in asm: it then keeps addresses of shared
 * memory in 32 bits, and loads by instructions for the memory that it is. */
#ifdef __CUDA__
template <class T> FN T *global(uint64_t address) {
    return (T *)(__attribute__((address_space(1))) T *)address;
}

FN uint32_t shared_address(const void *pointer) {
    return (uint32_t)(uint64_t)(__attribute__((address_space(3))) const void *)pointer;
}
#else
/* Not by __cvta_global_to_generic(), over which nvcc 13 takes minutes. */
template <class T> FN T *global(uint64_t address) {
    return (T *)address;
}

FN uint32_t shared_address(const void *pointer) {
    return (uint32_t)__cvta_generic_to_shared(pointer);
}
#endif

FN Quad load_quad(uint64_t address) {
    Quad q;
    asm("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(q.x), "=r"(q.y), "=r"(q.z), "=r"(q.w)
        : "l"(address));
    return q;
}

/* ---- Arithmetic ---- */

FN float multiply_add(float a, float b, float c) {
    float r;
    asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c));
    return r;
}

FN double multiply_add(double a, double b, double c) {
    double r;
    asm("fma.rn.f64 %0, %1, %2, %3;" : "=d"(r) : "d"(a), "d"(b), "d"(c));
    return r;
}

FN float exponential2(float v) {
    float r;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}

FN float reciprocal(float v) {
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}

FN float divide(float a, float b) {
    float r;
    asm("div.rn.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
}

FN float square_root(float v) {
    float r;
    asm("sqrt.rn.f32 %0, %1;" : "=f"(r) : "f"(v));
    return r;
}

FN double square_root(double v) {
    double r;
    asm("sqrt.rn.f64 %0, %1;" : "=d"(r) : "d"(v));
    return r;
}

FN float minimum(float a, float b) {
    float r;
    asm("min.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
}

FN float maximum(float a, float b) {
    float r;
    asm("max.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
    return r;
}

FN float as_float(uint32_t bits) {
    float r;
    asm("mov.b32 %0, %1;" : "=f"(r) : "r"(bits));
    return r;
}

FN uint32_t as_bits(float v) {
    uint32_t r;
    asm("mov.b32 %0, %1;" : "=r"(r) : "f"(v));
    return r;
}

FN uint32_t pack_as(F16, float low, float high) {
    uint32_t r;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
#else
    asm("{.reg .b16 l, h; cvt.rn.f16.f32 l, %1; cvt.rn.f16.f32 h, %2; mov.b32 %0, {l, h};}"
        : "=r"(r)
        : "f"(low), "f"(high));
#endif
    return r;
}

FN Pair unpack_as(F16, uint32_t bits) {
    Pair p;
    asm("{.reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h;}"
        : "=f"(p.x), "=f"(p.y)
        : "r"(bits));
    return p;
}

/* ---- Collectives ---- */

FN float shuffle_xor(float v, int mask) {
    float r;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(r) : "f"(v), "r"(mask));
    return r;
}

FN void load_matrices(uint32_t r[4], const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

FN void load_matrices_transposed(uint32_t r[4], const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

FN void multiply_one(F16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    UNROLL
    for (int i = 0; i < 2; i++)
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
                     "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                     : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                     : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
#endif
}

FN void multiply_one(BF16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    asm volatile("trap;"); /* 7.5 has no kernels of bf16 */
#endif
}

template <class T, int M, int N>
FN void multiply(float (&d)[M][N][4], const uint32_t (&a)[M][4], const uint32_t (&b)[N][2]) {
    UNROLL
    for (int m = 0; m < M; m++) {
        UNROLL
        for (int n = 0; n < N; n++)
            multiply_one(T(), d[m][n], a[m], b[n]);
    }
}

/* ---- Copies ---- */

FN void copy_16(void *to, const void *from) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
                 : "memory");
#else
    *(Quad *)to = *(const Quad *)from;
#endif
}

FN void copy_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

template <int LEFT> FN void copy_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
#endif
}

#else
#include <emulate.h> /* the simulator's */
#endif

/* ---- The same in both halves ---- */

FN int minimum(int a, int b) {
    return a < b ? a : b;
}

FN int maximum(int a, int b) {
    return a > b ? a : b;
}

FN uint32_t round_bf16(float v) {
    uint32_t bits = as_bits(v);
    return v != v ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

FN uint32_t pack_as(BF16, float low, float high) {
#if __CUDA_ARCH__ >= 800
    uint32_t r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
    return r;
#else
    return round_bf16(low) | round_bf16(high) << 16;
#endif
}

FN Pair unpack_as(BF16, uint32_t bits) {
    return Pair{as_float(bits << 16), as_float(bits & 0xffff0000)};
}

template <class T> FN uint32_t pack(float low, float high) {
    return pack_as(T(), low, high);
}

template <class T> FN Pair unpack(uint32_t bits) {
    return unpack_as(T(), bits);
}

#endif
