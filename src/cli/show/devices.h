/* devices.h: how commands show a device: as JSON, and what is said of a simulated one. */
#ifndef CLEAVE_CLI_DEVICES_H
#define CLEAVE_CLI_DEVICES_H

#include "cleave/extra.h"
#include "cli/console/json.h"

json_t *device_json(const cleave_device_info *device);

/* What is said of a simulated device. */
#define SIMULATED_MEANS  "there is no such device here, and its times mean nothing"
#define DEVICE_SIMULATED "simulated: " SIMULATED_MEANS

/* What "auto" takes, and why. */
json_t *device_choice_json(const cleave_device_choice *choice);

#endif
