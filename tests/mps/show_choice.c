/* show_choice.c: a program that knows nothing of trials: prints what "auto" takes, and why. */
#include <stdio.h>

#include "cleave/extra.h"

int main(void) {
    cleave_device_choice choice;
    if (cleave_device_choose(NULL, 0, &choice, NULL) != CLEAVE_OK)
        return 1;
    printf("%s: %s\n", choice.id, choice.reason);
    return 0;
}
