/* applesim.h: controls of the simulated Mac.
 *
 * A small implementation, for Linux, of what cleave uses of Metal, MetalPerformanceShaders and
 * MetalPerformanceShadersGraph, over GNUstep's Foundation: the backend for Apple GPUs compiles
 * against include/ unchanged and runs on the CPU. It computes what the frameworks' documentation
 * says in loops of its own, and is stricter than a Mac: what may go wrong there goes wrong here, at
 * once, with a line on standard error and abort():
 *   - operands whose types or shapes do not fit, dynamic shapes, transforms of f16
 *   - feeds that are missing, or not in the executable's order, shape and type
 *   - a message to an object that is gone, releases too many
 *   - buffers that the host writes while a committed command buffer is to read or write them
 *   - arrays of more than 2^32 bytes or 2^31 elements
 *   - buffers without a copy over anything but whole pages of one mapped file, or over pages
 *     that are unmapped before the buffer is gone
 *
 * Nothing is computed until the program waits for a command buffer: its results are NaN before.
 * Fresh buffers hold NaN. A method that the simulated version of macOS lacks raises
 * NSInvalidArgumentException.
 *
 * Thread-safe, except applesim_set() and applesim_reset(): while one of these runs, no other thread
 * may use the frameworks. */
#ifndef APPLESIM_H
#define APPLESIM_H

#include <stdint.h>

/* Changes settings: "KEY=VALUE,KEY=VALUE". Environment variable CLEAVE_APPLESIM holds the same and
 * is read once, at first use. An unknown key or a value that does not parse aborts. Bytes take K, M
 * and G.
 *   macos=14.0          version; what it lacks is not there
 *   device=0            no GPU
 *   windowless=1        a GPU exists, but macOS prefers none for a program without windows
 *   name=Apple M1       the GPU's name
 *   family=7            Apple's GPU family, 0: not Apple's own
 *   unified=1           whether the GPU shares the host's memory
 *   memory=8G           recommendedMaxWorkingSetSize
 *   limit=0             beyond so many bytes buffers are nil and runs out of memory; 0: no limit
 *   max_buffer=4G       maxBufferLength
 *   no_copy=nil         newBufferWithBytesNoCopy… gives nil; =empty: a buffer of no bytes
 *   fail_compile=nil    the next compilation gives nil; =exception: it raises
 *   oom_at=3            the third command buffer from now on runs out of memory
 *   fail_at=3           the third command buffer from now on fails with fail_code
 *   fail_code=1         one of MTLCommandBufferError's
 *   fail_with=ignored   the driver's error for a process with too many faults, in place of
 *                       fail_code; =interactivity: its error where a display waited too long
 *   continue=1          encoding commits and goes on in another command buffer, as MPSGraph may do;
 *                       =2: also before what it encodes
 *   handlers=0          completion handlers are never called
 *   cautious=1          aborts where some versions of macOS computed wrongly, though the API allows
 *                       it: products that broadcast an axis or have more than three, transpositions
 *                       of more than four
 *   assert_at=3         the third command buffer from now on ends the process, as an assertion does
 *   hang_at=3           the third command buffer from now on is never done
 *   noise=0.01          each value of a graph's results is off by this share of it
 *   watchdog=1000000    command buffers whose products take more FLOP than this end with a timeout,
 *                       or with the error that fail_with names
 *   report=FILE         at exit, writes the counts there as JSON; "-" is standard error
 */
void applesim_set(const char *settings);

/* Settings as at the start; counts at zero, except of what is alive. */
void applesim_reset(void);

typedef struct applesim_counts {
    int64_t uploads; /* buffers fed with contents that the host wrote, or made from bytes */
    int64_t upload_bytes;
    int64_t downloads; /* contents asked of buffers that the GPU wrote since; readBytes */
    int64_t download_bytes;
    int64_t overlaps; /* contents asked of a buffer while a command buffer was computed: what the
                         host does beside the GPU */
    int64_t command_buffers; /* committed */
    int64_t graph_runs;      /* graphs encoded, compiled or not */
    int64_t compilations;    /* executables made, specialisations included */
    int64_t live_bytes; /* of the GPU's memory now: buffers, executables' constants, workspaces */
    int64_t peak_bytes;
    int64_t no_copy_bytes; /* of files' pages that buffers lie over now: not among live_bytes, but
                              resident while the GPU works, and so part of what limit bounds */
    int64_t peak_no_copy_bytes;
    int64_t live_objects;
} applesim_counts;

applesim_counts applesim_count(void);

/* Objects of a class ("MPSGraph"; "MTLBuffer", "MTLCommandQueue", "MTLCommandBuffer" for those that
 * have only a protocol) that are alive; NULL: of all. */
int64_t applesim_live(const char *class_name);

/* Prints a line for each class on standard error. */
void applesim_print_live(void);

#endif
