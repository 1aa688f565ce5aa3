/* texts.h: errors and logs, and what their lines must hold. */
#ifndef CLEAVE_TESTS_SUPPORT_TEXTS_H
#define CLEAVE_TESTS_SUPPORT_TEXTS_H

#include "cleave.h"

/* The text is one line and holds each of the words. */
#define assert_text_has(text, ...) assert_words(text, (const char *const[]){__VA_ARGS__, NULL})
void assert_words(const char *text, const char *const *words);

/* Fails unless the error has this status and one line with `fragment` in it. */
void test_assert_error(const cleave_error *error, cleave_status status, const char *fragment);

/* A log that keeps its lines. */
typedef struct LogKeeper {
    cleave_logger logger;
    int lines;
    char last[1024];
} LogKeeper;

/* Any line but a warning fails the test. */
void log_keeper_init(LogKeeper *keeper);

#endif
