/* pack.c: packing weights by all threads. */
#include "backend/cuda/pack.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "graph/weight_check.h"

/* ---- Sending ---- */

cleave_status upload_send_to(const Upload *upload, CudaAddress address, const void *data,
                             size_t bytes) {
    const CudaDriver *driver = upload->executable->session.driver;
    CudaStream stream = upload->executable->up;
    CudaStatus status = driver->copy_up(address, data, bytes, stream);
    if (status == CUDA_OK)
        status = driver->stream_synchronize(stream);
    return cuda_check(status, STEP_COMPILE, "sending weights to the GPU", upload->options->failure,
                      upload->error);
}

cleave_status upload_send(const Upload *upload, size_t offset, const void *data, size_t bytes) {
    return upload_send_to(upload, weights_at(upload->executable, offset), data, bytes);
}

cleave_status upload_read(const Upload *upload, const Tensor *tensor, size_t count, float *values) {
    return weight_check(tensor, tensor_read_f32(tensor, 0, count, values), upload->error);
}

/* ---- Maps ---- */

static size_t map_columns(const WeightMap *map) {
    return (size_t)map->tiles * (size_t)map->tile;
}

/* Numbers of a unit of 16 bytes. */
static int map_unit(const WeightMap *map) {
    return (int)(16 / plan_stored_bytes(map->type));
}

static size_t map_ks(const WeightMap *map) {
    return (size_t)map->slices * PRODUCT_PLANES * (size_t)map_unit(map);
}

static void fill(int64_t *indices, size_t count) {
    for (size_t i = 0; i < count; i++)
        indices[i] = -1;
}

cleave_status weight_map_create(WeightMap *map, const char *name, cleave_error *error) {
    map->columns = malloc(map_columns(map) * sizeof(*map->columns));
    map->ks = malloc(map_ks(map) * sizeof(*map->ks));
    if (!map->columns || !map->ks)
        return error_memory(error, name, (map_columns(map) + map_ks(map)) * sizeof(int64_t));
    fill(map->columns, map_columns(map));
    fill(map->ks, map_ks(map));
    return CLEAVE_OK;
}

void weight_map_free(WeightMap *map) {
    free(map->columns);
    free(map->ks);
    map->columns = NULL;
    map->ks = NULL;
}

/* Of one slice of a tile, for one tap. */
static size_t block_bytes(const WeightMap *map) {
    return (size_t)PRODUCT_PLANES * (size_t)map->tile * 16;
}

size_t weight_map_bytes(const WeightMap *map) {
    return (size_t)map->tiles * (size_t)map->slices * (size_t)map->taps * block_bytes(map);
}

/* ---- Packing ---- */

typedef struct PackContext {
    const WeightMap *map;
    const Tensor *tensor; /* that is being read */
    float *values;        /* of all tensors */
    float *own;           /* of this one, among them */
    size_t row;           /* its elements behind one index of its first dim */
    unsigned char *packed;
    atomic_size_t not_finite;
} PackContext;

static void read_row(void *context, size_t task, int thread) {
    PackContext *c = context;
    (void)thread;
    size_t bad = tensor_read_f32(c->tensor, task * c->row, c->row, c->own + task * c->row);
    if (bad > 0)
        atomic_fetch_add(&c->not_finite, bad);
}

static void store_narrow(unsigned char *to, float value, int type) {
    uint16_t bits = type == STORED_F16 ? half_from_float(value) : bf16_from_float(value);
    memcpy(to, &bits, sizeof(bits));
}

/* Sixteen bytes: adjacent k of one column and tap. */
static void pack_unit(const PackContext *c, int64_t column, int k, int tap, unsigned char *to) {
    int type = c->map->type;
    size_t size = plan_stored_bytes(type);
    for (size_t i = 0; i < 16 / size; i++, to += size) {
        int64_t at = c->map->ks[(size_t)k + i];
        float value = column < 0 || at < 0 ? 0 : c->values[column + at + tap];
        if (type == STORED_F32)
            memcpy(to, &value, sizeof(value));
        else
            store_narrow(to, value, type);
    }
}

/* One tile of columns of one slice, as arguments.h lays it out. */
static void pack_tile(void *context, size_t task, int thread) {
    const PackContext *c = context;
    const WeightMap *map = c->map;
    (void)thread;
    int unit = map_unit(map);
    int slice = (int)(task % (size_t)map->slices);
    const int64_t *columns = map->columns + task / (size_t)map->slices * (size_t)map->tile;
    unsigned char *to = c->packed + task * block_bytes(map) * (size_t)map->taps;
    for (int tap = 0; tap < map->taps; tap++)
        for (int plane = 0; plane < PRODUCT_PLANES; plane++)
            for (int n = 0; n < map->tile; n++, to += 16)
                pack_unit(c, columns[n], (slice * PRODUCT_PLANES + plane) * unit, tap, to);
}

static cleave_status read_tensors(const Upload *upload, PackContext *c,
                                  const Tensor *const tensors[2]) {
    cleave_status status = CLEAVE_OK;
    c->own = c->values;
    for (int i = 0; i < 2 && tensors[i] && status == CLEAVE_OK; i++) {
        size_t rows = (size_t)tensors[i]->dims[0];
        c->tensor = tensors[i];
        c->row = tensor_elements(tensors[i]) / rows;
        thread_pool_run(upload->pool, rows, read_row, c);
        status = weight_check(tensors[i], atomic_load(&c->not_finite), upload->error);
        c->own += rows * c->row;
    }
    return status;
}

cleave_status upload_packed(const Upload *upload, const WeightMap *map,
                            const Tensor *const tensors[2], size_t offset) {
    size_t elements = tensor_elements(tensors[0]) + (tensors[1] ? tensor_elements(tensors[1]) : 0);
    PackContext context = {.map = map,
                           .values = malloc(elements * sizeof(float)),
                           .packed = malloc(weight_map_bytes(map))};
    atomic_init(&context.not_finite, 0);
    cleave_status status = CLEAVE_OK;
    if (!context.values || !context.packed)
        status = error_memory(upload->error, tensors[0]->name, elements * sizeof(float));
    if (status == CLEAVE_OK)
        status = read_tensors(upload, &context, tensors);
    if (status == CLEAVE_OK) {
        size_t tasks = (size_t)map->tiles * (size_t)map->slices;
        thread_pool_run(upload->pool, tasks, pack_tile, &context);
        status = upload_send(upload, offset, context.packed, weight_map_bytes(map));
    }
    free(context.values);
    free(context.packed);
    return status;
}
