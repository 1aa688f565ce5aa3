/* check.c: checks that end the process, and processes for what runs under settings. */
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Ended {
    int status;
    char said[8192];
} Ended;

void check_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    exit(1);
}

void check_status(int status, int expected, const char *call, const char *file, int line) {
    if (status == expected)
        return;
    fprintf(stderr, "%s:%d: %s is %d, not %d\n", file, line, call, status, expected);
    exit(1);
}

typedef struct Body {
    void (*plain)(void);
    void (*with)(int argument);
    int argument;
} Body;

static void be_child(const char *settings, Body body, int error_end) {
    dup2(error_end, STDERR_FILENO);
    if (settings)
        setenv("CLEAVE_CUDASIM", settings, 1);
    else
        unsetenv("CLEAVE_CUDASIM");
    if (body.plain)
        body.plain();
    if (body.with)
        body.with(body.argument);
    exit(0);
}

static Ended run(const char *settings, Body body) {
    Ended ended = {0};
    size_t length = 0;
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        be_child(settings, body, ends[1]);
    close(ends[1]);
    for (ssize_t got = 1; got > 0 && length < sizeof(ended.said) - 1; length += (size_t)got)
        if ((got = read(ends[0], ended.said + length, sizeof(ended.said) - 1 - length)) < 0)
            got = 0;
    close(ends[0]);
    waitpid(child, &ended.status, 0);
    return ended;
}

static void check_ended_well(const char *settings, Ended ended) {
    if (ended.status == 0)
        return;
    fprintf(stderr, "with '%s': status %d: %s\n", settings ? settings : "", ended.status,
            ended.said);
    exit(1);
}

void check_runs(const char *settings, void (*body)(void)) {
    check_ended_well(settings, run(settings, (Body){.plain = body}));
}

void check_runs_with(const char *settings, void (*body)(int), int argument) {
    check_ended_well(settings, run(settings, (Body){.with = body, .argument = argument}));
}

void check_dies(void (*body)(void), const char *text) {
    Ended ended = run(NULL, (Body){.plain = body});
    if (ended.status != 0 && strstr(ended.said, text))
        return;
    fprintf(stderr, "expected an end that says '%s', and got status %d: %s\n", text, ended.status,
            ended.said);
    exit(1);
}

int check_status_of(const char *settings, void (*body)(void)) {
    Ended ended = run(settings, (Body){.plain = body});
    if (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 2)
        return 2;
    check_ended_well(settings, ended);
    return 0;
}

void check_aborts(const char *settings, void (*body)(void), const char *text) {
    Ended ended = run(settings, (Body){.plain = body});
    if (WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGABRT && strstr(ended.said, text))
        return;
    fprintf(stderr, "expected an abort that says '%s', and got status %d: %s\n", text, ended.status,
            ended.said);
    exit(1);
}
