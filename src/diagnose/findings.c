/* findings.c: one finding after the other, as text that is harmless wherever it is shown. */
#include "diagnose/findings.h"

#include <stdarg.h>

#include "base/public_struct.h"
#include "base/utf8.h"

void findings_add(Findings *findings, cleave_finding_state state, const char *name,
                  const char *format, ...) {
    if (findings->count < findings->capacity) {
        cleave_finding finding = {.state = state};
        va_list arguments;
        utf8_show(finding.name, sizeof(finding.name), name);
        va_start(arguments, format);
        utf8_show_format(finding.text, sizeof(finding.text), format, arguments);
        va_end(arguments);
        struct_give_item(findings->items, findings->count, findings->item_size, &finding,
                         sizeof(finding));
    }
    findings->count++;
}
