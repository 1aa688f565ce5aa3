/* emulate_fiber.cc: stacks and switches. Two functions in assembler for each processor:
 * callee-saved registers are pushed, the stack is exchanged, and they are popped. */
#include "emulate_fiber.h"

#include <stdint.h>
#include <stdlib.h>

extern "C" void emu_exchange_stacks(void **from, void *to);

#if defined(__x86_64__)
asm(".text\n"
    ".hidden emu_exchange_stacks\n"
    ".globl emu_exchange_stacks\n"
    ".type emu_exchange_stacks, @function\n"
    "emu_exchange_stacks:\n"
    "    pushq %rbp\n"
    "    pushq %rbx\n"
    "    pushq %r12\n"
    "    pushq %r13\n"
    "    pushq %r14\n"
    "    pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    popq %r15\n"
    "    popq %r14\n"
    "    popq %r13\n"
    "    popq %r12\n"
    "    popq %rbx\n"
    "    popq %rbp\n"
    "    ret\n"
    ".size emu_exchange_stacks, .-emu_exchange_stacks\n");

/* Six registers, the address to return to, and none for that of the body's caller. */
static void *first_frame(char *top, void (*body)(void)) {
    uintptr_t *frame = (uintptr_t *)top - 8;
    for (int i = 0; i < 8; i++)
        frame[i] = 0;
    frame[6] = (uintptr_t)body;
    return frame;
}
#elif defined(__aarch64__)
asm(".text\n"
    ".hidden emu_exchange_stacks\n"
    ".globl emu_exchange_stacks\n"
    ".type emu_exchange_stacks, %function\n"
    "emu_exchange_stacks:\n"
    "    sub sp, sp, #160\n"
    "    stp x19, x20, [sp]\n"
    "    stp x21, x22, [sp, #16]\n"
    "    stp x23, x24, [sp, #32]\n"
    "    stp x25, x26, [sp, #48]\n"
    "    stp x27, x28, [sp, #64]\n"
    "    stp x29, x30, [sp, #80]\n"
    "    stp d8, d9, [sp, #96]\n"
    "    stp d10, d11, [sp, #112]\n"
    "    stp d12, d13, [sp, #128]\n"
    "    stp d14, d15, [sp, #144]\n"
    "    mov x9, sp\n"
    "    str x9, [x0]\n"
    "    mov sp, x1\n"
    "    ldp x19, x20, [sp]\n"
    "    ldp x21, x22, [sp, #16]\n"
    "    ldp x23, x24, [sp, #32]\n"
    "    ldp x25, x26, [sp, #48]\n"
    "    ldp x27, x28, [sp, #64]\n"
    "    ldp x29, x30, [sp, #80]\n"
    "    ldp d8, d9, [sp, #96]\n"
    "    ldp d10, d11, [sp, #112]\n"
    "    ldp d12, d13, [sp, #128]\n"
    "    ldp d14, d15, [sp, #144]\n"
    "    add sp, sp, #160\n"
    "    ret\n"
    ".size emu_exchange_stacks, .-emu_exchange_stacks\n");

/* Twenty registers, of which x30 is the address to return to. */
static void *first_frame(char *top, void (*body)(void)) {
    uintptr_t *frame = (uintptr_t *)top - 20;
    for (int i = 0; i < 20; i++)
        frame[i] = 0;
    frame[11] = (uintptr_t)body;
    return frame;
}
#else
#error "the emulator switches stacks on x86-64 and arm64 only"
#endif

EMU_UNWATCHED void fiber_prepare(Fiber *fiber, char *stack, size_t stack_bytes, size_t skip,
                                 void (*body)(void)) {
    char *top = (char *)((uintptr_t)(stack + stack_bytes - skip) & ~(uintptr_t)15);
    *fiber = Fiber{first_frame(top, body), stack, stack_bytes, nullptr, fiber->tsan};
#ifdef EMU_TSAN
    if (!fiber->tsan)
        fiber->tsan = __tsan_create_fiber(0);
#endif
}

EMU_UNWATCHED void fiber_adopt(Fiber *fiber) {
    *fiber = Fiber{nullptr, nullptr, 0, nullptr, nullptr};
#ifdef EMU_TSAN
    fiber->tsan = __tsan_get_current_fiber();
#endif
}

EMU_UNWATCHED void fiber_begin([[maybe_unused]] Fiber *from) {
#ifdef EMU_ASAN
    const void *stack = nullptr;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(nullptr, &stack, &bytes);
    if (!from->stack) {
        from->stack = (char *)stack;
        from->stack_bytes = bytes;
    }
#endif
}

EMU_UNWATCHED static void announce([[maybe_unused]] void **fake_stack, [[maybe_unused]] Fiber *to) {
#ifdef EMU_ASAN
    __sanitizer_start_switch_fiber(fake_stack, to->stack, to->stack_bytes);
#endif
#ifdef EMU_TSAN
    __tsan_switch_to_fiber(to->tsan, __tsan_switch_to_fiber_no_sync);
#endif
}

EMU_UNWATCHED void fiber_switch(Fiber *from, Fiber *to) {
    announce(&from->fake_stack, to);
    emu_exchange_stacks(&from->top, to->top);
#ifdef EMU_ASAN
    __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#endif
}

EMU_UNWATCHED void fiber_leave(Fiber *from, Fiber *to) {
    announce(nullptr, to);
    emu_exchange_stacks(&from->top, to->top);
    abort();
}

EMU_UNWATCHED void fiber_release_for([[maybe_unused]] Fiber *fiber, [[maybe_unused]] void *place) {
#ifdef EMU_TSAN
    void *self = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->tsan, __tsan_switch_to_fiber_no_sync);
    __tsan_release(place);
    __tsan_switch_to_fiber(self, __tsan_switch_to_fiber_no_sync);
#endif
}

EMU_UNWATCHED void fiber_destroy(Fiber *fiber) {
#ifdef EMU_TSAN
    if (fiber->tsan)
        __tsan_destroy_fiber(fiber->tsan);
#endif
    *fiber = Fiber{};
}
