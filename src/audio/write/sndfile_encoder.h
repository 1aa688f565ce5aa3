/* sndfile_encoder.h: libsndfile as an encoder. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_WRITE_SNDFILE_ENCODER_H
#define CLEAVE_AUDIO_WRITE_SNDFILE_ENCODER_H

#include "audio/encoder.h"

cleave_status sndfile_encoder_open(Encoder **encoder, OutputFile *file,
                                   const AudioWriterSettings *settings, cleave_error *error);

#endif
