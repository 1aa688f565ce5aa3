/* report_assets.h: the style sheet and the script of the report page, which go into it as they are.
 * The page works without the script: then each file has the browser's own player. */
#ifndef CLEAVE_CLI_REPORT_ASSETS_H
#define CLEAVE_CLI_REPORT_ASSETS_H

extern const char report_style[];
extern const char report_script[];

#endif
