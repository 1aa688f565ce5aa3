/* child.h: runs another program for a limited time, and keeps the end of its output. */
#ifndef CLEAVE_BASE_CHILD_H
#define CLEAVE_BASE_CHILD_H

typedef enum ChildEnding {
    CHILD_NOT_STARTED, /* number: an errno */
    CHILD_EXITED,      /* number: its exit status */
    CHILD_KILLED,      /* number: the signal */
    CHILD_TIMED_OUT    /* and was killed */
} ChildEnding;

typedef struct ChildResult {
    ChildEnding ending;
    int number;
    char text[4096]; /* the end of its standard output and error */
} ChildResult;

/* Runs a program with these arguments (the first is its name; the last NULL) for `seconds` at most.
 * It reads nothing, is in a group of its own, which Ctrl-C does not reach, and inherits no open
 * file if the system can prevent that. Thread-safe, and safe in a process of many threads. */
void child_run(const char *program, char *const *arguments, double seconds, ChildResult *result);

#endif
