/* mdx23c.h: from a configuration and a checkpoint to the graph of an MDX23C (TFC-TDF v3) network,
 * waveform to stems. */
#ifndef CLEAVE_MODEL_MDX23C_H
#define CLEAVE_MODEL_MDX23C_H

#include "graph/graph.h"
#include "model/checkpoint.h"
#include "model/config.h"

/* Builds the graph for chunks of `samples` samples: (B, ch, samples) → (B, stems · ch, samples).
 * The checkpoint must have passed network_check(); NULL gives a graph of shapes without weights.
 * The graph refers to the checkpoint's tensors. On failure nothing is left to free. */
cleave_status builder_build(Graph *graph, const Config *config, const Checkpoint *checkpoint,
                            int samples, cleave_error *error);

/* Floating-point operations for one chunk of config->chunk_size; 0 if memory ran out. */
double builder_flops_per_chunk(const Config *config);

#endif
