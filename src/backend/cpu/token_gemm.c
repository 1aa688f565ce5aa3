/* token_gemm.c: two column blocks at a time; and packing weights, a task for each column block. */
#include "backend/cpu/token_gemm.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "graph/weight_check.h"

void token_gemm(const ProductKernels *products, const TokenGemm *gemm) {
    GemmArguments arguments = {.a = gemm->pointers,
                               .k_blocks = gemm->k_blocks,
                               .a_stride = CHANNEL_BLOCK,
                               .c_stride = gemm->c_stride,
                               .rows = gemm->rows};
    for (size_t i = 0; i < gemm->k_blocks; i++)
        gemm->pointers[i] = (const unsigned char *)gemm->a + i * gemm->a_block;
    for (size_t block = 0; block < gemm->column_blocks; block += GEMM_COLUMNS) {
        arguments.columns = (int)size_min(gemm->column_blocks - block, GEMM_COLUMNS);
        for (int j = 0; j < arguments.columns; j++) {
            size_t column = block + (size_t)j;
            arguments.b[j] = (const unsigned char *)gemm->b + column * gemm->b_block;
            arguments.c[j] = gemm->c + column * gemm->c_block;
            arguments.add[j] = gemm->add ? gemm->add + column * gemm->c_block : NULL;
            arguments.bias[j] = gemm->bias ? gemm->bias + column * CHANNEL_BLOCK : NULL;
        }
        products->gemm(&arguments);
    }
}

/* ---- Packing ---- */

typedef struct TokenPacking {
    const TokenWeights *weights;
    const TokenWeightsSource *source;
    const ProductKernels *products;
    atomic_size_t not_finite; /* values of the weight */
    float *scratch;
    size_t scratch_floats;
} TokenPacking;

/* What lies at a place of a packed list: itself, or -1 beyond the end. */
static int listed(const int *list, size_t count, size_t at) {
    if (at >= count)
        return -1;
    return list ? list[at] : (int)at;
}

/* A row of the tensor becomes a lane of every vector. */
static void pack_lane(TokenPacking *p, size_t row, float *read, float *vectors) {
    const TokenWeightsSource *source = p->source;
    size_t not_finite = tensor_read_f32(source->tensor, row * source->inputs, source->inputs, read);
    if (not_finite > 0)
        atomic_fetch_add(&p->not_finite, not_finite);
    for (size_t k = 0; k < source->column_count; k++) {
        int column = listed(source->columns, source->column_count, k);
        vectors[k * CHANNEL_BLOCK] = column < 0 ? 0 : read[column];
    }
}

static void pack_column_block(void *context, size_t block, int thread) {
    TokenPacking *p = context;
    size_t positions = p->weights->k_blocks * CHANNEL_BLOCK;
    float *vectors = p->scratch + (size_t)thread * p->scratch_floats;
    float *read = vectors + positions * CHANNEL_BLOCK;
    unsigned char *to = p->weights->vectors + block * p->weights->block_bytes;
    memset(vectors, 0, positions * CHANNEL_BLOCK * sizeof(float));
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        int row = listed(p->source->rows, p->source->row_count, block * CHANNEL_BLOCK + lane);
        if (row >= 0)
            pack_lane(p, (size_t)row, read, vectors + lane);
    }
    elements_copy_vectors(p->products, vectors, to, positions);
}

static cleave_status pack(TokenPacking *p, const CpuExecutable *executable, size_t bytes,
                          cleave_error *error) {
    TokenWeights *weights = (TokenWeights *)p->weights;
    p->scratch_floats = size_round_up(
        weights->k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK + p->source->inputs, CHANNEL_BLOCK);
    p->scratch =
        memory_allocate_aligned(p->scratch_floats * sizeof(float) * (size_t)executable->threads);
    weights->vectors = memory_allocate_aligned(bytes);
    if (p->scratch && weights->vectors)
        thread_pool_run(executable->pool, weights->column_blocks, pack_column_block, p);
    memory_free_aligned(p->scratch);
    if (!p->scratch || !weights->vectors)
        return error_memory(error, p->source->tensor->name, bytes);
    return weight_check(p->source->tensor, atomic_load(&p->not_finite), error);
}

cleave_status token_weights_create(TokenWeights *weights, CpuStep *step,
                                   const CpuExecutable *executable,
                                   const TokenWeightsSource *source, cleave_error *error) {
    TokenWeightsSource complete = *source;
    TokenPacking packing = {.weights = weights, .source = &complete, .products = step->products};
    atomic_init(&packing.not_finite, 0);
    if (!source->rows)
        complete.row_count = source->outputs;
    if (!source->columns)
        complete.column_count = source->inputs;
    *weights = (TokenWeights){.k_blocks = feature_blocks(complete.column_count),
                              .column_blocks = feature_blocks(complete.row_count)};
    weights->block_bytes =
        weights->k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK * step->products->element;
    size_t bytes = weights->column_blocks * weights->block_bytes;
    step->weight_bytes += bytes;
    return executable->sizes_only ? CLEAVE_OK : pack(&packing, executable, bytes, error);
}

void token_weights_free(TokenWeights *weights) {
    memory_free_aligned(weights->vectors);
    *weights = (TokenWeights){0};
}

/* ---- Vectors ---- */

cleave_status token_vector_create(float **vector, CpuStep *step, const CpuExecutable *executable,
                                  const Tensor *tensor, size_t count, float factor,
                                  cleave_error *error) {
    size_t padded = feature_blocks(count) * CHANNEL_BLOCK;
    size_t bytes = padded * sizeof(float);
    *vector = NULL;
    step->weight_bytes += bytes;
    if (executable->sizes_only)
        return CLEAVE_OK;
    *vector = memory_allocate_aligned(bytes);
    if (!*vector)
        return error_memory(error, tensor->name, bytes);
    memset(*vector, 0, bytes);
    size_t not_finite = tensor_read_f32(tensor, 0, count, *vector);
    for (size_t i = 0; i < count; i++)
        (*vector)[i] *= factor;
    return weight_check(tensor, not_finite, error);
}
