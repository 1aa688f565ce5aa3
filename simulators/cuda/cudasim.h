/* cudasim.h: the simulated driver for NVIDIA GPUs, for people: what it is strict about, its
 * settings, and what it counts. There is nothing to call: the interface is NVIDIA's (abi.h).
 *
 * Two libraries for Linux, libcuda.so.1 and libnvidia-ml.so.1, with those calls that cleave makes.
 * The folder in which they are built stands first in LD_LIBRARY_PATH, or they are named in full;
 * the program under test is the one that is released. Kernels run on the CPU (emulator.h): a
 * module must be a real image for the simulated GPU, with every kernel that is asked for, and what
 * runs is the same source, compiled for the CPU.
 *
 * Where a driver returns an error, so does this one. Where a program's behaviour would be undefined
 * it ends, with a line on standard error, "cudasim: …", and abort():
 *   - a handle of something that is gone, or of another context than the current one
 *   - device memory that the host touches; memory that a copy or a kernel touches beyond its end,
 *     before its begin, or after it was freed; memory freed twice
 *   - memory, modules and graphs that are let go while work in flight uses them
 *   - a kernel launched with another number of threads than it has, or without its arguments; whose
 *     arguments have another size in the image than in the host's code; that breaks a rule of the
 *     emulator
 *   - a stream that is destroyed while it is captured, a graph whose module is unloaded
 *   - calls, flags and attributes that are not simulated
 *
 * Nothing on a stream is done before somebody waits for it: for a stream, an event or a context, or
 * by a copy to memory that is not pinned. Then pieces of work of all streams are done one by one,
 * in an order drawn among those that streams and events allow, until what was waited for is done; a
 * missing wait gives a wrong result for some `seed`. Copies from and to pinned memory read and
 * write it only then; where a copy is to arrive stands NaN before. Fresh memory, the device's and
 * pinned, is NaN.
 *
 * Settings are in the environment variable CLEAVE_CUDASIM, "KEY=VALUE,KEY=VALUE", read once. An
 * unknown key or a value that does not parse aborts. Bytes take K, M and G.
 *   devices=1           how many; 0: cuInit() says that there is none
 *   driver=12080        the newest CUDA that the driver knows: 12.8
 *   driver_version=570.86.10  as NVML tells it
 *   nvml=0              nvmlInit_v2() fails
 *   seed=0              another order of everything that has no order
 *   fail=CALL:3         the third call of CALL fails and does nothing, but that
 * cuStreamEndCapture() ends the capture; fail=CALL:3:CODE: with that code. For every call, NVML's
 *                       too; several times if need be. A code of those after which nothing works
 *                       ends the current context's life
 *   sticky=launch:40    the 40th kernel that the device runs (with copy: the 40th copy) ends the
 *                       context's life: with ILLEGAL_ADDRESS, or sticky=launch:40:CODE
 *   report=FILE         at exit, writes the counts there as JSON; "-" is standard error
 * For all devices, or as KEY:1=VALUE for the second one:
 *   cc=8.9              compute capability; shared memory is as such a GPU has it
 *   multiprocessors=128 as a usual GPU of that capability has
 *   memory=8G           in all
 *   used=0              taken by other programs, as everybody can see
 *   limit=0             beyond so many bytes cuMemAlloc() fails, though memory is free; 0: no limit
 *   name=…, uuid=… (32 hexadecimal digits), bus=0000:01:00.0
 *   mode=0              compute mode; 2: prohibited
 *   ecc=0, integrated=0
 *
 * Counts in the report:
 *   uploads, upload_bytes, downloads, download_bytes   copies as they were made
 *   overlaps            copies that may run while kernels do: neither comes after the other, and
 *                       the host had waited for neither
 *   launches            kernels run, in graphs too
 *   graph_launches, captures, instantiations, shared_attributes (set by cuFuncSetAttribute())
 *   allocations         of device memory, ever
 *   live_bytes, peak_bytes, pinned_bytes
 *   live_objects        streams, events, modules, graphs and pieces of pinned memory that are alive
 *   contexts_created, contexts_active
 *   calls               how often each call was made */
#ifndef CUDASIM_H
#define CUDASIM_H
#endif
