/* sample_model.h: what cleave_model_open_sample() opens: a network of random weights. */
#ifndef CLEAVE_DIAGNOSE_SAMPLE_MODEL_H
#define CLEAVE_DIAGNOSE_SAMPLE_MODEL_H

/* As its configuration has them. */
enum { SAMPLE_CHANNELS = 2, SAMPLE_STEMS = 2, SAMPLE_RATE = 44100 };

#endif
