/* log_relay.c: a list of lines, and a lock. */
#include "base/log_relay.h"

#include <stdlib.h>
#include <string.h>

struct LogLine {
    LogLine *next;
    cleave_log_level level;
    char text[];
};

/* A line for which there is no memory is lost. */
static void relay_keep(void *user, cleave_log_level level, const char *text) {
    LogRelay *relay = user;
    size_t size = strlen(text) + 1;
    LogLine *line = malloc(sizeof(*line) + size);
    if (!line)
        return;
    line->next = NULL;
    line->level = level;
    memcpy(line->text, text, size);
    pthread_mutex_lock(&relay->mutex);
    *relay->last = line;
    relay->last = &line->next;
    pthread_mutex_unlock(&relay->mutex);
}

void log_relay_init(LogRelay *relay, const cleave_logger *target) {
    *relay = (LogRelay){.target = *target, .last = &relay->first};
    relay->logger = (cleave_logger){target->write ? relay_keep : NULL, relay, target->level};
    pthread_mutex_init(&relay->mutex, NULL);
}

void log_relay_flush(LogRelay *relay) {
    pthread_mutex_lock(&relay->mutex);
    LogLine *line = relay->first;
    relay->first = NULL;
    relay->last = &relay->first;
    pthread_mutex_unlock(&relay->mutex);
    while (line) {
        LogLine *next = line->next;
        relay->target.write(relay->target.user, line->level, line->text);
        free(line);
        line = next;
    }
}

void log_relay_destroy(LogRelay *relay) {
    log_relay_flush(relay);
    pthread_mutex_destroy(&relay->mutex);
}
