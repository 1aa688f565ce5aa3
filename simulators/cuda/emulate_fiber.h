/* emulate_fiber.h: several stacks in one thread of the operating system, and switches between them,
 * of which the sanitizers are told. */
#ifndef CUDASIM_EMULATE_FIBER_H
#define CUDASIM_EMULATE_FIBER_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define EMU_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define EMU_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define EMU_TSAN 1
#endif

#ifdef EMU_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef EMU_TSAN
#include <sanitizer/tsan_interface.h>
/* ThreadSanitizer watches what kernels do. What the emulator does is not the kernel's. */
#ifdef __clang__
#define EMU_UNWATCHED __attribute__((disable_sanitizer_instrumentation))
#else
#define EMU_UNWATCHED __attribute__((no_sanitize("thread")))
#endif
#else
#define EMU_UNWATCHED
#endif

typedef struct Fiber {
    void *top;   /* of the stack, while it does not run */
    char *stack; /* NULL: that of a thread of the operating system, until ASan has told */
    size_t stack_bytes;
    void *fake_stack; /* ASan's */
    void *tsan;
} Fiber;

/* Makes a fiber that will run `body` when it is switched to, of zeros or of one that was prepared
 * before and has left. The stack is the caller's. `skip` bytes of it stay free at the top, so that
 * equal variables of many fibers share no line of a cache. */
void fiber_prepare(Fiber *fiber, char *stack, size_t stack_bytes, size_t skip, void (*body)(void));

/* Makes the running thread of the operating system a fiber. */
void fiber_adopt(Fiber *fiber);

/* First of all in `body`, which came from `from`. */
void fiber_begin(Fiber *from);

/* Returns when somebody switches to `from` again. */
void fiber_switch(Fiber *from, Fiber *to);

/* The fiber will not run again until it is prepared. */
void fiber_leave(Fiber *from, Fiber *to) __attribute__((noreturn));

/* Leaves zeros. Of a fiber that does not run. */
void fiber_destroy(Fiber *fiber);

/* All that was done before a release of a place comes before what follows an acquire of it. */
EMU_UNWATCHED static inline void fiber_release([[maybe_unused]] void *place) {
#ifdef EMU_TSAN
    __tsan_release(place);
#endif
}

/* A release by a fiber that does not run. */
void fiber_release_for(Fiber *fiber, void *place);

EMU_UNWATCHED static inline void fiber_acquire([[maybe_unused]] void *place) {
#ifdef EMU_TSAN
    __tsan_acquire(place);
#endif
}

#endif
