/* test_session.c: a context on a simulated GPU: what of the process's other users stays untouched,
 * and what a driver says that does not take the kernels. The driver is that of simulators/cuda; its
 * settings are read once, so each case has a process of its own. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "backend/cuda/device.h"
#include "backend/cuda/modules.h"

/* Ends the process with status 1, naming the place, unless it holds. */
#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool holds, const char *condition, int line) {
    if (holds)
        return;
    fprintf(stderr, "test_session.c:%d: %s\n", line, condition);
    exit(1);
}

/* ---- Kernels ---- */

/* PTX is text; packed without being compressed, its size is known beforehand. */
#define PTX         ".version 7.0\n.target sm_75\n.address_size 64\n.visible .entry map()\n{\n}\n"
#define PTX_BYTES   (sizeof(PTX) - 1)
#define STORED_MORE 11 /* bytes that zlib adds */

static unsigned char packed[PTX_BYTES + STORED_MORE];

/* The first is machine code for the driver to refuse. */
const CudaImage cuda_images[] = {{100, false, sizeof(packed), PTX_BYTES, packed},
                                 {75, true, sizeof(packed), PTX_BYTES, packed}};
const int cuda_image_count = 2;

static void pack(void) {
    uLongf bytes = sizeof(packed);
    CHECK(compress2(packed, &bytes, (const Bytef *)PTX, PTX_BYTES, Z_NO_COMPRESSION) == Z_OK);
    CHECK(bytes == sizeof(packed));
}

/* ---- What a case stands on ---- */

static const CudaDriver *driver(void) {
    const char *reason;
    const CudaDriver *found = cuda_driver(&reason);
    if (!found)
        fprintf(stderr, "%s\n", reason);
    CHECK(found && found->simulated);
    return found;
}

static CudaSession must_open(int index) {
    CudaSession session;
    cleave_error error;
    if (cuda_session_open(&session, index, NULL, &error) != CLEAVE_OK)
        fprintf(stderr, "%s\n", error.text);
    CHECK(session.context != NULL && session.module != NULL);
    return session;
}

static bool is_active(int index, unsigned *flags) {
    int active = 0;
    CHECK(driver()->context_state(cuda_device(index)->number, flags, &active) == CUDA_OK);
    return active != 0;
}

/* ---- Others in the process ---- */

static void a_context_is_there_from_open_to_close(void) {
    unsigned flags = 0;
    CudaFunction function = NULL;
    CHECK(!is_active(0, &flags));
    CudaSession session = must_open(0);
    CHECK(is_active(0, &flags) && flags == CUDA_CONTEXT_BLOCKING_SYNC);
    CHECK(cuda_enter(&session, NULL, NULL) == CLEAVE_OK);
    CHECK(driver()->module_function(&function, session.module, "none") == CUDA_NOT_FOUND);
    cuda_leave(&session);
    cuda_session_close(&session);
    CHECK(session.context == NULL && session.module == NULL);
    CHECK(!is_active(0, &flags));
    cuda_session_close(&session); /* twice, and of nothing */
}

static void two_sessions_share_it(void) {
    unsigned flags = 0;
    CudaSession first = must_open(0);
    CudaSession second = must_open(0);
    CudaSession other = must_open(1);
    CHECK(first.context == second.context && first.context != other.context);
    cuda_session_close(&first);
    CHECK(is_active(0, &flags));
    cuda_session_close(&second);
    CHECK(!is_active(0, &flags) && is_active(1, &flags));
    cuda_session_close(&other);
}

/* A program that uses CUDA too keeps its context, its settings, and what is current. */
static void what_others_have_stays(void) {
    unsigned flags = 0;
    CudaContext theirs = NULL;
    CudaContext current = NULL;
    CudaDeviceNumber number = cuda_device(0)->number;
    CHECK(driver()->context_retain(&theirs, number) == CUDA_OK);
    CHECK(driver()->context_push(theirs) == CUDA_OK);
    CudaSession session = must_open(0);
    CudaSession other = must_open(1);
    CHECK(is_active(0, &flags) && flags == 0);
    CHECK(cuda_enter(&other, NULL, NULL) == CLEAVE_OK);
    cuda_leave(&other);
    cuda_session_close(&other);
    cuda_session_close(&session);
    CHECK(is_active(0, &flags) && flags == 0);
    CHECK(driver()->context_pop(&current) == CUDA_OK && current == theirs);
    CHECK(driver()->context_pop(&current) != CUDA_OK);
    driver()->context_release(number);
}

static void flags_that_others_set_beforehand_stay(void) {
    const unsigned theirs = 1; /* CU_CTX_SCHED_SPIN */
    unsigned flags = 0;
    CHECK(driver()->context_set_flags(cuda_device(0)->number, theirs) == CUDA_OK);
    CudaSession session = must_open(0);
    CHECK(is_active(0, &flags) && flags == theirs);
    cuda_session_close(&session);
}

static void devices_are_asked_without_a_context(void) {
    unsigned flags = 0;
    cleave_device_info info = {.kind = CLEAVE_DEVICE_CUDA};
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    char reason[256];
    CHECK(cuda_count(reason, sizeof(reason)) == 2);
    cuda_describe(1, &info);
    cuda_describe_capabilities(1, capabilities);
    cuda_read_memory(1, &info);
    CHECK(info.available && info.memory_available > 0 && capabilities[CLEAVE_CAPABILITY_F16].able);
    CHECK(cuda_device(1)->capability == 89 && cuda_device(1)->multiprocessors == 128);
    CHECK(cuda_device(1)->shared_bytes == 101376);
    CHECK(cuda_device(-1) == NULL && cuda_device(2) == NULL);
    CHECK(!cuda_supports(2, CLEAVE_PRECISION_F16) && !cuda_supports(0, CLEAVE_PRECISION_AUTO));
    CHECK(!is_active(0, &flags) && !is_active(1, &flags));
}

/* ---- Failures ---- */

/* Opening fails so, and leaves nothing. */
static void expect_failure(DeviceCause cause, cleave_status status, const char *words) {
    unsigned flags = 0;
    CudaSession session;
    cleave_error error;
    DeviceFailure failure = {STEP_RUN, CAUSE_FAILED};
    CHECK(cuda_session_open(&session, 0, &failure, &error) == status);
    if (!strstr(error.text, words))
        fprintf(stderr, "\"%s\" is not in \"%s\"\n", words, error.text);
    CHECK(strstr(error.text, words) != NULL);
    CHECK(strstr(error.text, " (error ") != NULL);
    CHECK(failure.cause == cause);
    CHECK(session.context == NULL && session.module == NULL);
    CHECK(!is_active(0, &flags));
}

static void no_memory_for_a_context(void) {
    expect_failure(CAUSE_MEMORY, CLEAVE_ERROR_MEMORY, "making a context on the GPU: ");
    CudaSession session = must_open(0); /* the next try */
    cuda_session_close(&session);
}

static void a_gpu_that_another_program_has(void) {
    expect_failure(CAUSE_FAILED, CLEAVE_ERROR_DEVICE, "another program's alone");
}

static void a_driver_older_than_the_kernels(void) {
    expect_failure(CAUSE_UNSUPPORTED, CLEAVE_ERROR_DEVICE, "older than cleave's kernels");
}

static void a_driver_without_its_compiler(void) {
    expect_failure(CAUSE_UNSUPPORTED, CLEAVE_ERROR_DEVICE, "libnvidia-ptxjitcompiler.so.1");
}

static void a_driver_that_may_not_compile(void) {
    expect_failure(CAUSE_UNSUPPORTED, CLEAVE_ERROR_DEVICE, "CUDA_DISABLE_PTX_JIT");
}

/* Then the driver compiles the text. */
static void machine_code_that_the_gpu_does_not_take(void) {
    a_context_is_there_from_open_to_close();
}

static void neither_machine_code_nor_text(void) {
    expect_failure(CAUSE_UNSUPPORTED, CLEAVE_ERROR_DEVICE, "loading the kernels: ");
}

static void no_memory_for_the_kernels(void) {
    expect_failure(CAUSE_MEMORY, CLEAVE_ERROR_MEMORY, "loading the kernels: ");
}

static void a_context_that_cannot_be_entered(void) {
    expect_failure(CAUSE_FAILED, CLEAVE_ERROR_DEVICE, "making the GPU's context current: ");
}

static void there_is_no_such_gpu(void) {
    CudaSession session;
    cleave_error error;
    CHECK(cuda_session_open(&session, 2, NULL, &error) == CLEAVE_ERROR_DEVICE);
    CHECK(session.context == NULL);
}

/* The context is dead, and goes with the session; a new one works. */
static void after_a_sticky_error(void) {
    unsigned flags = 0;
    cleave_error error;
    DeviceFailure failure;
    CudaSession session = must_open(0);
    CHECK(cuda_enter(&session, NULL, NULL) == CLEAVE_OK);
    CudaStatus said = driver()->context_synchronize();
    CHECK(said == CUDA_ILLEGAL_ADDRESS && driver()->context_synchronize() == said);
    CHECK(cuda_check(said, STEP_SYNCHRONIZE, "waiting", &failure, &error) == CLEAVE_ERROR_DEVICE);
    CHECK(failure.cause == CAUSE_LOST && failure.step == STEP_SYNCHRONIZE);
    CHECK(strstr(error.text, "waiting: CUDA_ERROR_ILLEGAL_ADDRESS: ") != NULL);
    cuda_leave(&session);
    cuda_session_close(&session);
    CHECK(!is_active(0, &flags));
    session = must_open(0);
    CHECK(cuda_enter(&session, NULL, NULL) == CLEAVE_OK);
    CHECK(driver()->context_synchronize() == CUDA_OK);
    cuda_leave(&session);
    cuda_session_close(&session);
}

/* ---- Errors in words ---- */

static void every_error_has_its_cause(void) {
    static const struct {
        CudaStatus status;
        DeviceCause cause;
        bool sticky;
    } rows[] = {{CUDA_OUT_OF_MEMORY, CAUSE_MEMORY, false},
                {CUDA_LAUNCH_TIMEOUT, CAUSE_TIME, true},
                {CUDA_NO_BINARY_FOR_GPU, CAUSE_UNSUPPORTED, false},
                {CUDA_ECC_UNCORRECTABLE, CAUSE_LOST, true},
                {CUDA_LAUNCH_FAILED, CAUSE_LOST, true},
                {CUDA_LAUNCH_OUT_OF_RESOURCES, CAUSE_FAILED, false},
                {CUDA_UNKNOWN, CAUSE_FAILED, false},
                {12345, CAUSE_FAILED, false}};
    driver();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cleave_error error;
        DeviceFailure failure = {STEP_RUN, CAUSE_ABSENT};
        CHECK(cuda_check(rows[i].status, STEP_UPLOAD, "copying", &failure, &error) != CLEAVE_OK);
        CHECK(failure.cause == rows[i].cause && failure.step == STEP_UPLOAD);
        CHECK(cuda_is_sticky(rows[i].status) == rows[i].sticky);
        CHECK(strncmp(error.text, "copying: ", 9) == 0);
        CHECK(cuda_check(rows[i].status, STEP_UPLOAD, "copying", NULL, NULL) == error.status);
    }
    DeviceFailure untouched = {STEP_PROBE, CAUSE_ABSENT};
    CHECK(cuda_check(CUDA_OK, STEP_RUN, "nothing", &untouched, NULL) == CLEAVE_OK);
    CHECK(untouched.step == STEP_PROBE && untouched.cause == CAUSE_ABSENT);
}

/* ---- The cases ---- */

static const struct {
    const char *name;
    const char *settings;
    void (*run)(void);
} cases[] = {
#define CASE(function, settings) \
    { #function, settings, function }
    CASE(a_context_is_there_from_open_to_close, ""),
    CASE(two_sessions_share_it, "devices=2"),
    CASE(what_others_have_stays, "devices=2"),
    CASE(flags_that_others_set_beforehand_stay, ""),
    CASE(devices_are_asked_without_a_context, "devices=2"),
    CASE(no_memory_for_a_context, "fail=cuDevicePrimaryCtxRetain:1:2"),
    CASE(a_gpu_that_another_program_has, "fail=cuDevicePrimaryCtxRetain:1:46"),
    CASE(a_driver_older_than_the_kernels, "fail=cuModuleLoadData:1:222"),
    CASE(a_driver_older_than_the_kernels, "fail=cuModuleLoadData:1:218"),
    CASE(a_driver_without_its_compiler, "fail=cuModuleLoadData:1:221"),
    CASE(a_driver_that_may_not_compile, "fail=cuModuleLoadData:1:223"),
    CASE(machine_code_that_the_gpu_does_not_take, "cc=10.3,fail=cuModuleLoadData:1:209"),
    CASE(neither_machine_code_nor_text,
         "cc=10.3,fail=cuModuleLoadData:1:209,fail=cuModuleLoadData:2:209"),
    CASE(no_memory_for_the_kernels, "fail=cuModuleLoadData:1:2"),
    CASE(a_context_that_cannot_be_entered, "fail=cuCtxPushCurrent_v2:1:999"),
    CASE(a_context_is_there_from_open_to_close, "fail=cuModuleUnload:1"),
    CASE(there_is_no_such_gpu, "devices=2"),
    CASE(after_a_sticky_error, "fail=cuCtxSynchronize:1:700"),
    CASE(every_error_has_its_cause, ""),
};

/* Whether the case ends well, in a process of its own with a driver of its own. */
static bool ends_well(size_t i) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("CLEAVE_CUDASIM", cases[i].settings, 1);
        cases[i].run();
        exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(void) {
    int failed = 0;
    pack();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool good = ends_well(i);
        failed += !good;
        printf("%s: %s (%s)\n", good ? "ok" : "FAILED", cases[i].name, cases[i].settings);
    }
    return failed > 0;
}
