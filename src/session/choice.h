/* choice.h: what a separator was asked for, and the device that it is on. Nothing is compiled here.
 * Inside session/ and track/ only, as all of this folder. */
#ifndef CLEAVE_SESSION_CHOICE_H
#define CLEAVE_SESSION_CHOICE_H

#include "backend/registry.h"
#include "model/model.h"
#include "stream/chunker.h"

typedef struct Choice {
    cleave_separator_settings asked; /* a zero that the device decides about stays zero */
    ChunkGeometry geometry;
    const Device *device;
    unsigned tried;    /* devices taken so far, this one included; see registry_bit() */
    bool moved;        /* to another device than the first */
    unsigned outgrown; /* bits 1 << cleave_precision: in which its output was no number. AUTO stands
                          for none of these */
    bool wanted[CONFIG_STEMS_MAX]; /* per stem of the configuration, at least one: the network
                                      computes it. All, unless stems are computed apart */
} Choice;

/* Checks the settings (NULL: the defaults), resolves what no device decides about, and takes the
 * device. */
cleave_status choice_make(Choice *choice, const cleave_model *model,
                          const cleave_separator_settings *settings, cleave_error *error);

/* The network is to compute these stems of the configuration as well; false if it does already. */
bool choice_want(Choice *choice, const int *stems, int count);

/* The index among the network's stems of a wanted one of the configuration. */
int choice_network_stem(const Choice *choice, int stem);

/* Takes a device, and logs what it is if that is another one. */
void choice_take(Choice *choice, const Device *device);

/* The device to go on with after a failure of this status; NULL: there is none, or the user wants
 * this device alone, or the device is not to blame. */
const Device *choice_next(const Choice *choice, cleave_status status);

#endif
