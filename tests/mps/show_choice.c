/* show_choice.c: prints which device "auto" takes, and why. It is not the program cleave, so that
 * no trial can be started by running it again. */
#include <stdio.h>

#include "cleave/extra.h"

int main(void) {
    cleave_device_choice choice;
    if (cleave_device_choose(NULL, 0, &choice, NULL) != CLEAVE_OK)
        return 1;
    printf("%s: %s\n", choice.id, choice.reason);
    return 0;
}
