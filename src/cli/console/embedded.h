/* embedded.h: text files that the build puts into the program: help texts, the style and the script
 * of the report page. meson.build lists them; scripts/embed makes the C file. */
#ifndef CLEAVE_CLI_EMBEDDED_H
#define CLEAVE_CLI_EMBEDDED_H

/* The content of the file of this name, without its folder. NULL where no such file is listed. */
const char *embedded_text(const char *name);

#endif
