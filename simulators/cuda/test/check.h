/* check.h: assertions for the simulator's tests, and processes of their own for its settings, which
 * a process reads once. */
#ifndef CUDASIM_CHECK_H
#define CUDASIM_CHECK_H

/* Ends the process with status 1, naming the place, unless it holds. */
#define CHECK(condition)                                  \
    do {                                                  \
        if (!(condition))                                 \
            check_failed(#condition, __FILE__, __LINE__); \
    } while (0)
void check_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

/* Ends the process with status 1, naming the place, unless two codes of the driver are equal. */
#define CHECK_STATUS(call, expected) \
    check_status((int)(call), (expected), #call, __FILE__, __LINE__)
void check_status(int status, int expected, const char *call, const char *file, int line);

#define CHECK_WORKS(call) CHECK_STATUS(call, 0)

/* Fails unless the body, in a process of its own with these settings, returns and leaves all checks
 * fulfilled. NULL: no settings. */
void check_runs(const char *settings, void (*body)(void));

/* Fails unless it aborts there with `text` in its last words. */
void check_aborts(const char *settings, void (*body)(void), const char *text);

/* Fails unless it ends there by a signal, or by a sanitizer, with `text` in its words. */
void check_dies(void (*body)(void), const char *text);

/* The status with which the body ends in a process of its own; any but 0 and 2 fails. */
int check_status_of(const char *settings, void (*body)(void));

/* As check_runs(), with an argument. */
void check_runs_with(const char *settings, void (*body)(int), int argument);

#endif
