/* family_names.h: how the families of networks are named in errors and known in checkpoints. Apart
 * from family.h, since the readers of checkpoints know nothing else about networks. */
#ifndef CLEAVE_MODEL_FAMILY_NAMES_H
#define CLEAVE_MODEL_FAMILY_NAMES_H

/* All families, for the error about a network of none of them. */
#define FAMILY_NAMES      "MDX23C, BS-Roformer and Mel-Band Roformer"
#define FAMILY_LONG_NAMES "MDX23C (TFC-TDF v3), BS-Roformer and Mel-Band Roformer"

/* A weight that each network of the family has, and no other network. */
#define MDX23C_MARK   "first_conv.weight"
#define ROFORMER_MARK "band_split.to_features.0.0.gamma"

/* The marks of all families, separated by commas. */
#define FAMILY_MARKS MDX23C_MARK, ROFORMER_MARK

#endif
