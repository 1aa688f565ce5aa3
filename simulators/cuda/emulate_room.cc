/* emulate_room.cc: shared memory and stacks, in one mapping. */
#include "emulate_room.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulate_fiber.h"

#define STACK_BYTES ((size_t)64 * 4096)
#define GUARD_BYTES ((size_t)256) /* before and behind shared memory */
#define FRESH       0xff          /* each byte of NaN */

EMU_UNWATCHED static size_t page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

EMU_UNWATCHED static size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

EMU_UNWATCHED size_t room_stack_bytes(void) {
    return round_up(STACK_BYTES, page_bytes());
}

/* With a page below each stack that nobody may touch. It is no power of two: equal variables of
 * many threads shall not meet in one set of a cache. */
EMU_UNWATCHED static size_t stack_pitch(void) {
    return room_stack_bytes() + page_bytes();
}

EMU_UNWATCHED char *room_stack(const Room *room, int thread) {
    return room->stacks + (size_t)thread * stack_pitch() + page_bytes();
}

EMU_UNWATCHED void room_clean_stack([[maybe_unused]] const Room *room,
                                    [[maybe_unused]] int thread) {
#ifdef EMU_ASAN
    __asan_unpoison_memory_region(room_stack(room, thread), room_stack_bytes());
#endif
}

EMU_UNWATCHED void room_free(Room *room) {
#ifdef EMU_ASAN
    if (room->memory)
        __asan_unpoison_memory_region(room->memory, room->bytes);
#endif
    if (room->memory)
        munmap(room->memory, room->bytes);
    *room = Room{};
}

EMU_UNWATCHED static bool guard_stacks(const Room *room) {
    for (int i = 0; i < room->stacks_count; i++) {
        if (mprotect(room_stack(room, i) - page_bytes(), page_bytes(), PROT_NONE))
            return false;
    }
    return true;
}

EMU_UNWATCHED static bool map(Room *room, size_t low_bytes, int threads) {
    size_t bytes = low_bytes + (size_t)threads * stack_pitch();
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    room->memory = (char *)memory;
    room->bytes = bytes;
    room->stacks = room->memory + low_bytes;
    room->stacks_count = threads;
    if (guard_stacks(room))
        return true;
    room_free(room);
    return false;
}

/* Not by memset(), which ThreadSanitizer would take for a write by whoever launches. */
EMU_UNWATCHED static void make_fresh(char *memory, size_t bytes) {
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
        *(uint64_t *)(memory + i) = FRESH * (uint64_t)0x0101010101010101;
        asm volatile("" ::: "memory");
    }
}

EMU_UNWATCHED static void prepare_shared(Room *room) {
    room->shared = room->memory + GUARD_BYTES;
#ifdef EMU_ASAN
    size_t low_bytes = (size_t)(room->stacks - room->memory);
    __asan_unpoison_memory_region(room->memory, low_bytes);
#endif
    make_fresh(room->memory, round_up(2 * GUARD_BYTES + room->shared_bytes, sizeof(uint64_t)));
#ifdef EMU_ASAN
    __asan_poison_memory_region(room->memory, low_bytes);
    __asan_unpoison_memory_region(room->shared, room->shared_bytes);
#endif
}

EMU_UNWATCHED bool room_prepare(Room *room, size_t shared_bytes, int threads) {
    size_t low_bytes = round_up(2 * GUARD_BYTES + shared_bytes + sizeof(uint64_t), page_bytes());
    bool fits = room->stacks_count >= threads && room->memory + low_bytes <= room->stacks;
    if (!fits) {
        room_free(room);
        if (!map(room, low_bytes, threads))
            return false;
    }
    room->shared_bytes = shared_bytes;
    prepare_shared(room);
    return true;
}

EMU_UNWATCHED bool room_is_intact([[maybe_unused]] const Room *room,
                                  [[maybe_unused]] ptrdiff_t *at) {
#ifndef EMU_ASAN
    const ptrdiff_t guard = GUARD_BYTES, bytes = (ptrdiff_t)room->shared_bytes;
    for (*at = -guard; *at < bytes + guard; ++*at) {
        if (*at == 0)
            *at = bytes;
        if ((unsigned char)room->shared[*at] != FRESH)
            return false;
    }
#endif
    return true;
}
