/* diagnose.c: the topics of a bug report. What is found on each is in a file of its own. */
#include "cleave/extra.h"
#include "diagnose/findings.h"

static const struct {
    const char *name;
    void (*find)(Findings *);
} topics[CLEAVE_TOPICS] = {
    [CLEAVE_TOPIC_BUILD] = {"build", find_build},
    [CLEAVE_TOPIC_LIBRARIES] = {"libraries", find_libraries},
    [CLEAVE_TOPIC_SYSTEM] = {"system", find_system},
    [CLEAVE_TOPIC_PROCESSOR] = {"processor", find_processor},
    [CLEAVE_TOPIC_KERNELS] = {"kernels", find_kernels},
    [CLEAVE_TOPIC_MEMORY] = {"memory", find_memory},
    [CLEAVE_TOPIC_SELF_TEST] = {"self-test", find_self_test},
};

const char *cleave_topic_name(cleave_topic topic) {
    return (int)topic >= 0 && topic < CLEAVE_TOPICS ? topics[topic].name : "unknown";
}

int cleave_finding_list_sized(cleave_topic topic, cleave_finding *findings, int capacity,
                              size_t finding_size) {
    Findings found = {
        .items = findings, .item_size = finding_size, .capacity = findings ? capacity : 0};
    if ((int)topic >= 0 && topic < CLEAVE_TOPICS)
        topics[topic].find(&found);
    return found.count;
}
