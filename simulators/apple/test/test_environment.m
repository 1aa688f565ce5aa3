/* test_environment.m: settings from CLEAVE_APPLESIM, and the report at exit, as a program sees them
 * that knows nothing of the simulator: this one, started again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#import "fixture.h"

/* The program that knows nothing. */
static int be_simulated(void) {
    @autoreleasepool {
        float result[2];
        NSOperatingSystemVersion version = [[NSProcessInfo processInfo] operatingSystemVersion];
        Fixture f = fixture_create();
        MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){-1, 2});
        CHECK(version.majorVersion == 13 && version.minorVersion == 2);
        CHECK([[f.device name] isEqual:@"Apple M2"]);
        CHECK([f.device recommendedMaxWorkingSetSize] == (uint64_t)16 << 30);
        CHECK(![f.graph respondsToSelector:@selector(realPartOfTensor:name:)]);
        fixture_run(&f, [f.graph reLUWithTensor:x name:nil], result);
        CHECK(result[0] == 0 && result[1] == 2);
        fixture_destroy(&f);
    }
    return 0;
}

static int start(const char *program, const char *settings) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("CLEAVE_APPLESIM", settings, 1);
        execl(program, program, "simulated", (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return status;
}

static void test_report(const char *program) {
    char path[] = "/tmp/applesim-report-XXXXXX";
    char settings[256];
    char report[1024] = "";
    int descriptor = mkstemp(path);
    CHECK(descriptor >= 0);
    snprintf(settings, sizeof(settings), "macos=13.2,name=Apple M2,memory=16G,report=%s", path);
    CHECK(start(program, settings) == 0);
    CHECK(read(descriptor, report, sizeof(report) - 1) > 0);
    CHECK(strstr(report, "\"uploads\": 1, \"upload_bytes\": 8, \"downloads\": 1") != NULL);
    CHECK(strstr(report, "\"command_buffers\": 1, \"graph_runs\": 1, \"compilations\": 0") != NULL);
    CHECK(strstr(report, "\"live_bytes\": 0") && strstr(report, "\"live_objects\": 0"));
    close(descriptor);
    unlink(path);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return be_simulated();
    test_report(argv[0]);
    return 0;
}
