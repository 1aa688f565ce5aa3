"""Headers as a later version may have them: every public struct that may grow has a few fields more at
its end. lengthen(SOURCE, TARGET) copies a folder of headers so and returns the structs' names."""

import os
import re

# These say that they never grow.
FIXED = {"cleave_error", "cleave_logger"}
STRUCT = re.compile(r"(typedef struct (cleave_\w+) \{\n.*?)(\n\} \2;)", re.S)
ADDED = "\n    int64_t added_later[4];"


def lengthen(source, target):
    names = set()

    def longer(match):
        if match.group(2) in FIXED:
            return match.group(0)
        names.add(match.group(2))
        return match.group(1) + ADDED + match.group(3)

    for folder, _, files in os.walk(source):
        place = os.path.join(target, os.path.relpath(folder, source))
        os.makedirs(place, exist_ok=True)
        for name in files:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            with open(os.path.join(place, name), "w", encoding="utf-8") as file:
                file.write(STRUCT.sub(longer, text))
    return names
