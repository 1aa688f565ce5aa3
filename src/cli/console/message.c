/* message.c: formats messages and writes them to standard error, as the verbosity allows. */
#include "cli/console/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cli/console/terminal.h"

#define LINE_SIZE                                                                  \
    8192 /* longer than two of the longest paths: on the stack, for want of memory \
          */

static int current_verbosity = VERBOSITY_NORMAL;

void message_set_verbosity(int verbosity) {
    current_verbosity = verbosity;
}

/* Writes `line` under a label in `style`. */
static void message_write(const char *line, const char *label, const char *style) {
    const char *begin = terminal_style(stderr, style);
    const char *end = *begin != '\0' ? STYLE_PLAIN : "";
    terminal_clear_status();
    fprintf(stderr, "cleave: %s%s%s%s\n", begin, label, end, line);
}

void message_error(const char *format, ...) {
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    utf8_show_format(line, sizeof line, format, arguments);
    va_end(arguments);
    message_write(line, "error: ", STYLE_RED);
}

void message_warning(const char *format, ...) {
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    utf8_show_format(line, sizeof line, format, arguments);
    va_end(arguments);
    if (current_verbosity >= VERBOSITY_NORMAL)
        message_write(line, "warning: ", STYLE_YELLOW);
}

void message_note(const char *format, ...) {
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    utf8_show_format(line, sizeof line, format, arguments);
    va_end(arguments);
    if (current_verbosity >= VERBOSITY_NORMAL)
        message_write(line, "", "");
}

static void message_log(void *user, cleave_log_level level, const char *line) {
    (void)user;
    if (level == CLEAVE_LOG_WARNING) {
        message_warning("%s", line);
    } else {
        message_note("%s%s", level == CLEAVE_LOG_DEBUG ? "debug: " : "", line);
    }
}

cleave_logger message_logger(void) {
    cleave_logger logger = {.write = message_log};
    if (current_verbosity < VERBOSITY_NORMAL)
        logger.write = NULL;
    logger.level = current_verbosity >= VERBOSITY_DEBUG  ? CLEAVE_LOG_DEBUG
                   : current_verbosity >= VERBOSITY_INFO ? CLEAVE_LOG_INFO
                                                         : CLEAVE_LOG_WARNING;
    return logger;
}
