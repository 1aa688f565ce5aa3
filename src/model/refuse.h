/* refuse.h: errors about the files of a model. */
#ifndef CLEAVE_MODEL_REFUSE_H
#define CLEAVE_MODEL_REFUSE_H

#include "base/error.h"
#include "base/utf8.h"

/* Sets CLEAVE_ERROR_MODEL, "SOURCE: REASON; ADVICE", and returns it. `source` is the path of the
 * file, or another name for it; `advice` may be NULL. */
cleave_status model_refuse(cleave_error *error, const char *source, const char *advice,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

#define ADVICE_DOWNLOAD "download it again"
#define ADVICE_SAVE     "save the network with torch.save(model.state_dict(), …)"
#define ADVICE_FILES    "give a .ckpt, .pth, .pt, .th or .safetensors file"
#define ADVICE_CONFIG   "give the YAML file that came with the model"

#endif
