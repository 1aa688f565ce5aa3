/* check.c: checks that end the process, and runs what must abort in a process of its own. */
#include "check.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void check(int holds, const char *condition, const char *file, int line) {
    if (holds)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    exit(1);
}

void check_close(const float *values, const float *expected, size_t count, double bound,
                 const char *file, int line) {
    for (size_t i = 0; i < count; i++) {
        double off = fabs((double)values[i] - (double)expected[i]);
        if (off <= bound)
            continue;
        fprintf(stderr, "%s:%d: value %zu is %.9g, not %.9g\n", file, line, i, (double)values[i],
                (double)expected[i]);
        exit(1);
    }
}

void check_aborts(void (*body)(void), const char *text) {
    char said[4096] = "";
    size_t length = 0;
    int ends[2];
    int status = 0;
    check(pipe(ends) == 0, "pipe", __FILE__, __LINE__);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0 && length < sizeof(said) - 1; length += (size_t)got)
        if ((got = read(ends[0], said + length, sizeof(said) - 1 - length)) < 0)
            got = 0;
    close(ends[0]);
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, text))
        return;
    fprintf(stderr, "expected an abort that says '%s', and got status %d: %s\n", text, status,
            said);
    exit(1);
}

void fill_random(float *values, size_t count, unsigned seed) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(state >> 40) / 8388608.0f - 1.0f;
    }
}
