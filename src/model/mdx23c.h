/* mdx23c.h: MDX23C (TFC-TDF v3), the family of networks that are a U-Net over spectrograms. */
#ifndef CLEAVE_MODEL_MDX23C_H
#define CLEAVE_MODEL_MDX23C_H

#include "model/family.h"

extern const NetworkFamily mdx23c_family;

#endif
