/* folder_walk.c: walks a folder and those below it. Links to folders come last, so that each folder
 * is found under its own name first; a link that leads back up then leads nowhere new. */
#include "cli/separate/folder_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/console/allocate.h"
#include "cli/separate/file_ids.h"

/* Folders below the one that is listed, by their paths below it. */
typedef struct Queue {
    char **paths;
    size_t count;
    size_t capacity;
    size_t next;
    size_t sorted; /* the first of these are sorted */
} Queue;

typedef struct Walk {
    FolderItems *list;
    const char *folder;
    const char *const *extensions;
    FileIds seen; /* folders that were walked, and the one to leave out */
    Queue folders;
    Queue links; /* to folders */
} Walk;

/* ---- Order ------------------------------------------------------------------------------- */

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

/* Compares the numbers at the start of both texts, and moves both pointers behind them. */
static int compare_numbers(const char **a, const char **b) {
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    size_t digits_a = strspn(*a, "0123456789");
    size_t digits_b = strspn(*b, "0123456789");
    int order = digits_a == digits_b ? strncmp(*a, *b, digits_a) : digits_a < digits_b ? -1 : 1;
    *a += digits_a;
    *b += digits_b;
    return order;
}

/* A slash sorts before all letters, so that all of "a/" comes before "a b/". */
static int name_rank(char letter) {
    return letter == '\0' ? 0 : letter == '/' ? 1 : (unsigned char)letter + 1;
}

static int compare_names(const char *a, const char *b) {
    while (*a != '\0' || *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            int order = compare_numbers(&a, &b);
            if (order != 0)
                return order;
        } else if (*a != *b) {
            return name_rank(*a) - name_rank(*b);
        } else {
            a++;
            b++;
        }
    }
    return 0;
}

static int compare_items(const void *left, const void *right) {
    const FolderItem *a = left;
    const FolderItem *b = right;
    int order = compare_names(a->path, b->path);
    return order != 0 ? order : strcmp(a->path, b->path); /* "01" and "1" are the same number */
}

/* ---- Walking ----------------------------------------------------------------------------- */

static bool has_extension(const char *name, const char *const *extensions) {
    size_t length = strlen(name);
    for (; *extensions != NULL; extensions++) {
        size_t size = strlen(*extensions);
        if (length > size + 1 && name[length - size - 1] == '.' &&
            strcasecmp(name + length - size, *extensions) == 0)
            return true;
    }
    return false;
}

static char *path_join(const char *folder, const char *name) {
    size_t length = strlen(folder);
    bool needs_slash = length > 0 && *name != '\0' && folder[length - 1] != '/';
    return format_text("%s%s%s", folder, needs_slash ? "/" : "", name);
}

/* Takes ownership of `path`. */
static void add_item(FolderItems *list, char *path, char *failure) {
    list->items = make_room(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = (FolderItem){path, failure};
}

/* Takes ownership of `path`. */
static void queue_push(Queue *queue, char *path) {
    queue->paths = make_room(queue->paths, queue->count, &queue->capacity, sizeof *queue->paths);
    queue->paths[queue->count++] = path;
}

static void queue_free(Queue *queue) {
    for (size_t i = 0; i < queue->count; i++)
        free(queue->paths[i]);
    free(queue->paths);
}

/* A link that leads nowhere counts as a file, by its name: opening it will give the error. */
static void walk_link(Walk *walk, DIR *directory, const char *path, const char *name) {
    struct stat status;
    int number = fstatat(dirfd(directory), name, &status, 0) == 0 ? 0 : errno;
    bool is_lost = number == ENOENT || number == ELOOP;
    if (number == 0 && S_ISDIR(status.st_mode))
        queue_push(&walk->links, path_join(path, name));
    else if ((is_lost || (number == 0 && S_ISREG(status.st_mode))) &&
             has_extension(name, walk->extensions))
        add_item(walk->list, path_join(path, name), NULL);
    else if (number != 0 && !is_lost)
        add_item(walk->list, path_join(path, name), copy_text(strerror(number)));
}

/* `path` is the folder's path below the one that is listed. Returns 0, or an errno if the folder
 * shows its names but permits no access to its files. */
static int walk_entry(Walk *walk, DIR *directory, const char *path, const char *name) {
    struct stat status;
    if (fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno; /* removed a moment ago */
    if (S_ISLNK(status.st_mode))
        walk_link(walk, directory, path, name);
    else if (S_ISDIR(status.st_mode))
        queue_push(&walk->folders, path_join(path, name));
    else if (S_ISREG(status.st_mode) && has_extension(name, walk->extensions))
        add_item(walk->list, path_join(path, name), NULL);
    return 0;
}

static int walk_entries(Walk *walk, DIR *directory, const char *path) {
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return errno;
        if (entry->d_name[0] == '.')
            continue;
        int number = walk_entry(walk, directory, path, entry->d_name);
        if (number != 0)
            return number;
    }
}

/* Whether the folder was seen before is decided by what was opened, not by its name. */
static void walk_folder(Walk *walk, const char *path) {
    char *whole = path_join(walk->folder, path);
    struct stat status;
    int number = 0;
    DIR *directory = opendir(whole);
    if (directory == NULL || fstat(dirfd(directory), &status) != 0)
        number = errno;
    else if (file_ids_add(&walk->seen, &status, 0) < 0)
        number = walk_entries(walk, directory, path);
    if (number != 0)
        add_item(walk->list, copy_text(path), copy_text(strerror(number)));
    if (directory != NULL)
        closedir(directory);
    free(whole);
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The next folder to walk; links to folders come last, sorted by name, so that the result does not
 * depend on the order in which the file system lists them. NULL after the last. */
static const char *next_folder(Walk *walk) {
    Queue *folders = &walk->folders;
    Queue *links = &walk->links;
    if (folders->next < folders->count)
        return folders->paths[folders->next++];
    if (links->next == links->count)
        return NULL;
    if (links->next == links->sorted) {
        qsort(links->paths + links->next, links->count - links->next, sizeof *links->paths,
              compare_texts);
        links->sorted = links->count;
    }
    return links->paths[links->next++];
}

void folder_list(FolderItems *list, const char *folder, const char *const *extensions,
                 const char *left_out) {
    Walk walk = {.list = list, .folder = folder, .extensions = extensions};
    struct stat root;
    struct stat status;
    *list = (FolderItems){NULL, 0, 0};
    bool inside = left_out != NULL && stat(left_out, &status) == 0 && stat(folder, &root) == 0 &&
                  (root.st_dev != status.st_dev || root.st_ino != status.st_ino);
    if (inside)
        file_ids_add(&walk.seen, &status, 0);
    queue_push(&walk.folders, copy_text(""));
    for (const char *path; (path = next_folder(&walk)) != NULL;)
        walk_folder(&walk, path);
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare_items);
    file_ids_free(&walk.seen);
    queue_free(&walk.folders);
    queue_free(&walk.links);
}

void folder_items_free(FolderItems *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].failure);
    }
    free(list->items);
    *list = (FolderItems){NULL, 0, 0};
}
