/* export_tokens.h: the ops of tokens (graph.h) in the ops of ONNX. Values are (batch, bands,
 * frames, features), as in the graph. */
#ifndef CLEAVE_EXPORT_EXPORT_TOKENS_H
#define CLEAVE_EXPORT_EXPORT_TOKENS_H

#include "export/export_pieces.h"

ExportWriter tokens_stft;  /* (B, 2·ch, dim_f, T) → (B, 1, T, F·ch·2) */
ExportWriter tokens_istft; /* (B, stems, T, F·ch·2) → (B, stems, 2·ch, dim_f, T) */
ExportWriter tokens_band_split;
ExportWriter tokens_attention;
ExportWriter tokens_feed_forward;
ExportWriter tokens_rms_norm;
ExportWriter tokens_mask;

/* Checks the weights that do not go into the file as they are: RoPE's frequencies. Errors:
 * CLEAVE_ERROR_MODEL. */
cleave_status tokens_check(const Graph *graph, cleave_error *error);

#endif
