/* command.c: finding a command by its name. */
#include "cli/console/command.h"

#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/text.h"

const Command *command_find(const Command *const *commands, const char *name) {
    for (; *commands != NULL; commands++)
        if (strcmp((*commands)->name, name) == 0)
            return *commands;
    return NULL;
}

const char *command_nearest(const Command *const *commands, const char *name) {
    size_t count = 0;
    while (commands[count] != NULL)
        count++;
    const char **names = allocate(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = commands[i]->name;
    const char *nearest = text_nearest(name, names);
    free(names);
    return nearest;
}
