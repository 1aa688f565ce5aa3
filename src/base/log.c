/* log.c: formats a line and hands it on. */
#include "base/log.h"

#include <stdarg.h>

#include "base/utf8.h"

void log_write(const cleave_logger *logger, cleave_log_level level, const char *format, ...) {
    if (!logger || !logger->write || level > logger->level)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    utf8_show_format(line, sizeof(line), format, args);
    va_end(args);
    logger->write(logger->user, level, line);
}
