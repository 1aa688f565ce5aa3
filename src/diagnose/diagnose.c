/* diagnose.c: what a bug report should say of the library and the machine, topic by topic. */
#include <stdarg.h>

#include "base/public_struct.h"
#include "base/utf8.h"
#include "cleave/extra.h"
#include "diagnose/findings.h"

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

const char *cleave_topic_name(cleave_topic topic) {
    static const char *const names[CLEAVE_TOPICS] = {
        "build", "libraries", "system", "processor", "kernels", "memory", "self-test"};
    return (int)topic >= 0 && topic < CLEAVE_TOPICS ? names[topic] : "unknown";
}

int cleave_finding_list_sized(cleave_topic topic, cleave_finding *findings, int capacity,
                              size_t finding_size) {
    static void (*const finders[CLEAVE_TOPICS])(Findings *) = {
        find_build,   find_libraries, find_system,   find_processor,
        find_kernels, find_memory,    find_self_test};
    Findings found = {
        .items = findings, .item_size = finding_size, .capacity = findings ? capacity : 0};
    if ((int)topic >= 0 && topic < CLEAVE_TOPICS)
        finders[topic](&found);
    return found.count;
}
