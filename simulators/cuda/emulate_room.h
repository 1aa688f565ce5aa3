/* emulate_room.h: memory of a block: shared memory between guards, and the stacks of its threads.
 */
#ifndef CUDASIM_EMULATE_ROOM_H
#define CUDASIM_EMULATE_ROOM_H

#include <stddef.h>

typedef struct Room {
    char *memory;
    size_t bytes;
    char *shared;
    size_t shared_bytes;
    char *stacks;
    int stacks_count;
} Room;

/* Makes room for a block, in place of that for the one before, if there was one: shared memory of
 * exactly this size, of NaN. False: there is no memory. */
bool room_prepare(Room *room, size_t shared_bytes, int threads);
void room_free(Room *room);

size_t room_stack_bytes(void);
char *room_stack(const Room *room, int thread);

/* For a thread that left its stack as it was, in the middle of something. */
void room_clean_stack(const Room *room, int thread);

/* Whether nobody wrote beside shared memory. Else `at` is where, from its beginning. Under ASan
 * nobody can. */
bool room_is_intact(const Room *room, ptrdiff_t *at);

#endif
