/* device.m: asking Metal for the GPU, and describing it. */
#include "backend/mps/device.h"

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/mps/attention.h"
#include "backend/mps/in_place.h"
#include "backend/mps/sizes.h"

/* The tests' simulated Mac says what it is. */
#ifdef CLEAVE_APPLESIM
#define SIMULATED    " (simulated)"
#define IS_SIMULATED 1
#else
#define SIMULATED    ""
#define IS_SIMULATED 0
#endif

/* The first macOS with each. */
#define MACOS_GRAPH      11
#define MACOS_EXECUTABLE 12
#define MACOS_TRANSFORMS 14

/* macOS ends what keeps the GPU for about five seconds, or two where a display hangs on it. An M1
 * does at most 2.6 TFLOP a second: until somebody measures it, no more than about a second's work
 * at its peak is given at once. */
#define SUBMISSION_FLOPS 2.5e12

static MpsDevice found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_version(MpsDevice *device) {
    NSOperatingSystemVersion version = [[NSProcessInfo processInfo] operatingSystemVersion];
    device->macos[0] = (int)version.majorVersion;
    device->macos[1] = (int)version.minorVersion;
}

/* Whether MPSGraph is there at all, and what it can do: asked of the classes themselves, since a
 * version's number says it only by way of a table. */
static bool find_methods(MpsDevice *device) {
    if (![MPSGraph class] || device->macos[0] < MACOS_GRAPH) {
        snprintf(device->reason, sizeof(device->reason),
                 "macOS %d.%d has no MPSGraph; it comes "
                 "with macOS %d",
                 device->macos[0], device->macos[1], MACOS_GRAPH);
        return false;
    }
    device->compiles =
        [MPSGraph instancesRespondToSelector:@selector
                  (compileWithDevice:feeds:targetTensors:targetOperations:compilationDescriptor:)];
    device->transforms = [MPSGraph
        instancesRespondToSelector:@selector(realToHermiteanFFTWithTensor:axes:descriptor:name:)];
    device->reads_in_place = in_place_possible(device);
    device->attention = attention_built_in(device->macos[0]);
    return true;
}

/* The one that macOS prefers. To some programs that have no window it names none, though there is
 * one.
 */
static id<MTLDevice> find_device(void) {
    id<MTLDevice> preferred = MTLCreateSystemDefaultDevice();
    if (preferred)
        return preferred;
    NSArray *all = MTLCopyAllDevices();
    id<MTLDevice> first = [all count] > 0 ? [[all objectAtIndex:0] retain] : nil;
    [all release];
    return first;
}

/* The simulated Mac's tests have small networks. */
static double limit_of(const char *variable, double usual) {
    const char *text = IS_SIMULATED ? getenv(variable) : NULL;
    double limit = text ? strtod(text, NULL) : 0;
    return limit > 0 ? limit : usual;
}

static void probe_device(void) {
    found.submission_flops = limit_of("CLEAVE_SUBMISSION_FLOPS", SUBMISSION_FLOPS);
    found.attention_scores = (int64_t)limit_of("CLEAVE_ATTENTION_SCORES", ATTENTION_SCORES);
    @autoreleasepool {
        find_version(&found);
        if (!find_methods(&found))
            return;
        found.device = find_device();
        if (!found.device) {
            snprintf(found.reason, sizeof(found.reason), "Metal finds no GPU");
            return;
        }
        found.unified = [found.device hasUnifiedMemory];
    }
}

const MpsDevice *mps_device(void) {
    pthread_once(&once, probe_device);
    return &found;
}

/* ---- What users see ---- */

static void set_able(cleave_capability *capability, bool able, const char *why_not) {
    capability->able = able;
    snprintf(capability->reason, sizeof(capability->reason), "%s", able ? "" : why_not);
}

void mps_describe_capabilities(int index, cleave_capability *capabilities) {
    (void)index;
    const MpsDevice *device = mps_device();
    set_able(&capabilities[CLEAVE_CAPABILITY_F16], true, "");
    set_able(&capabilities[CLEAVE_CAPABILITY_BF16], false,
             "this version computes f32 and f16 on Apple GPUs; f16 is finer and as fast");
    set_able(&capabilities[CLEAVE_CAPABILITY_STFT], device->transforms,
             "MPSGraph has Fourier transforms from macOS 14 on: they run on the CPU");
    set_able(&capabilities[CLEAVE_CAPABILITY_COMPILE], device->compiles && device->transforms,
             device->compiles ? "the network is compiled whole from macOS 14 on: it runs op by op"
                              : "MPSGraph compiles from macOS 12 on: it runs op by op");
    set_able(&capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY], device->unified,
             "this GPU has memory of its own");
}

/* The newest of Apple's GPU families that the device belongs to; 0 for none. */
static int gpu_family(id<MTLDevice> device) {
    for (int family = 10; family >= 7; family--)
        if ([device supportsFamily:(MTLGPUFamily)(MTLGPUFamilyApple1 + family - 1)])
            return family;
    return 0;
}

static void describe_present(const MpsDevice *device, cleave_device_info *info) {
    int family = gpu_family(device->device);
    snprintf(info->name, sizeof(info->name), "%s" SIMULATED, [[device->device name] UTF8String]);
    if (family > 0)
        snprintf(info->driver, sizeof(info->driver), "Metal, Apple GPU family %d", family);
    else
        snprintf(info->driver, sizeof(info->driver), "Metal");
    snprintf(info->runtime, sizeof(info->runtime), "MPSGraph of macOS %d.%d", device->macos[0],
             device->macos[1]);
    if (!device->transforms)
        snprintf(info->warning, sizeof(info->warning),
                 "macOS %d.%d has no Fourier transforms on the GPU: they run on the CPU, and the "
                 "network op by op; macOS %d has them",
                 device->macos[0], device->macos[1], MACOS_TRANSFORMS);
    info->simulated = IS_SIMULATED;
    info->available = 1;
}

/* What may be used at once without loss of speed, and how much this process uses already. */
void mps_read_memory(int index, cleave_device_info *info) {
    const MpsDevice *device = mps_device();
    (void)index;
    @autoreleasepool {
        int64_t total = (int64_t)[device->device recommendedMaxWorkingSetSize];
        int64_t used = (int64_t)[device->device currentAllocatedSize];
        info->memory_total = total;
        info->memory_available = used < total ? total - used : 0;
    }
    if (!device->unified)
        return;
    cleave_device_info system = {0};
    backend_cpu.read_memory(0, &system);
    info->system_memory_total = system.memory_total;
    info->system_memory_available = system.memory_available;
    if (system.memory_available > 0 && system.memory_available < info->memory_available)
        info->memory_available = system.memory_available;
}

void mps_describe(int index, cleave_device_info *info) {
    const MpsDevice *device = mps_device();
    (void)index;
    snprintf(info->system, sizeof(info->system), "macOS %d.%d", device->macos[0], device->macos[1]);
    @autoreleasepool {
        describe_present(device, info);
    }
}
