/* checkpoint.h: the tensors of a checkpoint file, whatever its container. */
#ifndef CLEAVE_MODEL_CHECKPOINT_H
#define CLEAVE_MODEL_CHECKPOINT_H

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "graph/tensor.h"

typedef struct Checkpoint Checkpoint;

/* Opens a torch.save ZIP, a torch.save stream (the form before PyTorch 1.6) or a safetensors file.
 * They are recognised by their first bytes, not by the extension. Nothing in them is executed. */
cleave_status checkpoint_open(Checkpoint **checkpoint, const char *path, const cleave_logger *log,
                              cleave_error *error);
void checkpoint_close(Checkpoint *checkpoint);

/* Which container a file is, by its first bytes. */
typedef enum CheckpointForm {
    FORM_ZIP,
    FORM_STREAM,
    FORM_SAFETENSORS,
    FORM_FOREIGN
} CheckpointForm;

CheckpointForm checkpoint_form(const unsigned char *data, size_t size);

const char *checkpoint_container(const Checkpoint *checkpoint); /* "torch zip", … */

/* The tensor of that name ("first_conv.weight"), or NULL. */
const Tensor *checkpoint_find(const Checkpoint *checkpoint, const char *name);

/* All tensors, in file order. */
const Tensor *checkpoint_tensors(const Checkpoint *checkpoint, size_t *count);

/* One more than the largest N in names that begin with PREFIX N "."; 0 if there are none. */
int checkpoint_count_numbered(const Checkpoint *checkpoint, const char *prefix);

/* The YAML configuration that a safetensors header carries in __metadata__, or NULL. Belongs to
 * the checkpoint. */
const char *checkpoint_embedded_config(const Checkpoint *checkpoint);

/* Bytes of memory that the checkpoint has allocated for entries that had to be decompressed. Mapped
 * pages do not count. */
int64_t checkpoint_held_bytes(const Checkpoint *checkpoint);

/* The mapped file. All tensors lie in it but those that had to be decompressed, and it is mapped
 * until the checkpoint is closed. Empty if the checkpoint was read from the caller's memory. */
const MappedFile *checkpoint_file(const Checkpoint *checkpoint);

/* Tells the system that the pages behind a memory-mapped checkpoint are not needed for now (they
 * are read again from the file if touched). */
void checkpoint_release_pages(const Checkpoint *checkpoint);

#endif
