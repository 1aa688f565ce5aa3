/* no_processes.c: the functions by which a pickle could run a command. Linked into the targets of
 * checkpoints in place of the system's; a call of one counts as a crash. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void refuse(const char *function) {
    fprintf(stderr, "fuzz: a checkpoint called %s()\n", function);
    abort();
}

int system(const char *command) {
    (void)command;
    refuse("system");
    return -1;
}

int execve(const char *path, char *const argv[], char *const envp[]) {
    (void)path;
    (void)argv;
    (void)envp;
    refuse("execve");
    return -1;
}

int execvp(const char *file, char *const argv[]) {
    (void)file;
    (void)argv;
    refuse("execvp");
    return -1;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]) {
    (void)pid;
    (void)path;
    (void)actions;
    (void)attributes;
    (void)argv;
    (void)envp;
    refuse("posix_spawn");
    return -1;
}
