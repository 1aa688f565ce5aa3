/* versions.h: what each version of macOS has. */
#ifndef APPLESIM_VERSIONS_H
#define APPLESIM_VERSIONS_H

#include <stdbool.h>

/* Makes methods raise, or work, as the simulated version has them. */
void sim_versions_apply(void);

/* Whether the simulated version has a class (selector NULL), or an instance's method. */
bool sim_version_has(const char *class_name, const char *selector);

/* A row of the table: selector NULL stands for the class. */
typedef struct SimSince {
    const char *class_name;
    const char *selector;
    int major, minor;
} SimSince;

/* The table, for tests; ends with a row of NULL. */
const SimSince *sim_since_table(void);

#endif
