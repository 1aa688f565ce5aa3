/* checkpoint_private.h: what checkpoint.c and the readers of the containers share. Only they and
 * their tests include it. */
#ifndef CLEAVE_MODEL_CHECKPOINT_PRIVATE_H
#define CLEAVE_MODEL_CHECKPOINT_PRIVATE_H

#include "base/mapped_file.h"
#include "model/checkpoint.h"
#include "model/pickle.h"

struct Checkpoint {
    MappedFile file; /* empty if the bytes are the caller's */
    const unsigned char *data;
    size_t size;
    const char *source; /* name for errors; valid while it is opened */
    const char *container;
    Tensor *tensors; /* in file order */
    size_t count;
    size_t capacity;
    size_t *by_name; /* indices of tensors, sorted by name */
    char *config;    /* NULL: none */
    void **buffers;  /* entries that had to be decompressed */
    size_t buffer_count;
    size_t buffer_bytes; /* of all of them */
};

/* Reads a checkpoint from memory that must outlive it. */
cleave_status checkpoint_open_memory(Checkpoint **checkpoint, const void *data, size_t size,
                                     const char *source, const cleave_logger *log,
                                     cleave_error *error);

/* One reader for each container. It adds all tensors by their full names. */
cleave_status checkpoint_load_zip(Checkpoint *checkpoint, cleave_error *error);
cleave_status checkpoint_load_stream(Checkpoint *checkpoint, cleave_error *error);
cleave_status checkpoint_load_safetensors(Checkpoint *checkpoint, cleave_error *error);

/* Adds a tensor under a copy of `name`; tensor->name is ignored. */
cleave_status checkpoint_add(Checkpoint *checkpoint, const Tensor *tensor, const char *name,
                             size_t name_size, cleave_error *error);

/* Name without the prefixes that wrappers of a network leave ("module.", "model.", …). */
const char *checkpoint_strip_prefixes(const char *name);

/* ---- checkpoint_torch.c: what both forms of torch.save have in common ---- */

/* Finds the bytes of a storage. `data` may be NULL where size is 0. */
typedef struct StorageFinder {
    cleave_status (*find)(void *context, const PickleStorage *storage, const unsigned char **data,
                          size_t *size, cleave_error *error);
    void *context;
} StorageFinder;

/* Adds the tensors of the state dict that the pickle's root is or holds. */
cleave_status checkpoint_add_state_dict(Checkpoint *checkpoint, const PickleValue *root,
                                        const StorageFinder *finder, cleave_error *error);

/* ---- checkpoint_sniff.c ---- */

/* The error for any other file: what it looks like and what to try. */
cleave_status checkpoint_refuse_foreign(const Checkpoint *checkpoint, cleave_error *error);

#endif
