/* strict.h: aborting over a program's mistake; the lock and the memory of the simulator. */
#ifndef APPLESIM_STRICT_H
#define APPLESIM_STRICT_H

/* Writes "applesim: …" to standard error and aborts, as the frameworks' assertions do. */
_Noreturn void sim_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One lock for all state of the simulator; the thread that has it may take it again. */
void sim_lock(void);
void sim_unlock(void);

/* malloc() that does not fail: of the simulator's own memory, not the simulated GPU's. */
void *sim_allocate(unsigned long bytes);

#endif
