/* refusal.h: the words for a file that no decoder opens. Inside read/ only. */
#ifndef CLEAVE_AUDIO_READ_REFUSAL_H
#define CLEAVE_AUDIO_READ_REFUSAL_H

#include "audio/decode/source.h"

#define MOST_DECODERS 2

/* What is known of the file, and what each decoder said that was asked. */
typedef struct Refusal {
    InputFile *file;
    const FileDescription *description;
    int stream; /* as in AudioReaderSettings */
    SourceFailure failures[MOST_DECODERS];
    int count;
} Refusal;

/* Sets the error, and returns its status. */
cleave_status refusal_explain(const Refusal *refusal, cleave_error *error);

#endif
