/* terminal.c: standard streams and escape sequences. */
#include "cli/console/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool status_drawn;
static int output_error;

void terminal_prepare(void) {
    for (int number = 0; number <= 2; number++) {
        if (fcntl(number, F_GETFD) < 0 && open("/dev/null", number == 0 ? O_RDONLY : O_RDWR) < 0) {
            return; /* there is no stream to report it on */
        }
    }
    setlocale(LC_CTYPE, ""); /* characters only: numbers keep their point */
}

bool terminal_is(FILE *stream) {
    const char *kind = getenv("TERM");
    return isatty(fileno(stream)) && kind != NULL && *kind != '\0' && strcmp(kind, "dumb") != 0;
}

int terminal_width(FILE *stream) {
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

bool terminal_is_utf8(void) {
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *terminal_style(FILE *stream, const char *style) {
    const char *unwanted = getenv("NO_COLOR");
    bool wanted = unwanted == NULL || *unwanted == '\0';
    return wanted && terminal_is(stream) ? style : "";
}

void terminal_draw_status(const char *line) {
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    status_drawn = true;
}

void terminal_clear_status(void) {
    if (status_drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        status_drawn = false;
    }
}

int terminal_yield_output(void) {
    int taken = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (taken >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        close(taken);
        taken = -1;
    }
    return taken;
}

void terminal_flush_output(void) {
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && output_error == 0)
        output_error = errno != 0 ? errno : EIO;
}

int terminal_output_error(void) {
    return output_error;
}
