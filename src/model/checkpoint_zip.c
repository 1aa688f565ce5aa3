/* checkpoint_zip.c: the ZIP that torch.save writes: NAME/data.pkl, and each storage as an entry
 * NAME/data/KEY. Stored entries are used where they lie in the mapped file; compressed ones, which
 * only other tools make, are decompressed into memory. minizip reads the directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unzip.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/checkpoint_private.h"
#include "model/refuse.h"
#include "model/zip_records.h"

#define MAX_ENTRIES 1000000
#define MAX_NAME    512

/* How much larger than its file a decompressed checkpoint may be; a ZIP bomb is a thousand times
 * larger. */
#define MAX_EXPANSION  ((size_t)64)
#define FREE_EXPANSION ((size_t)64 << 20)

/* torch.save stores entries; zip and Python deflate them when they pack a ZIP again. */
enum { METHOD_STORED = 0, METHOD_DEFLATED = 8, METHOD_AES = 99 };

/* One file in the archive. */
typedef struct ZipEntry {
    char *name;
    unz64_file_pos place;
    uint64_t size;
    uint64_t compressed_size;
    uint64_t data_offset; /* 0 unless the record has 64-bit fields */
    unsigned method;      /* METHOD_… or another one */
    bool encrypted;
    const unsigned char *data; /* NULL until first used */
} ZipEntry;

typedef struct ZipReader {
    Checkpoint *checkpoint;
    unzFile archive;
    ZPOS64_T position; /* of minizip's reads */
    ZipEntry *entries; /* sorted by name */
    size_t count;
    size_t capacity;
    const char *prefix; /* "NAME/", not NUL-terminated */
    size_t prefix_size;
    size_t decompressed; /* bytes so far */
} ZipReader;

/* ---- minizip's input: the mapped file ---- */

static voidpf open_memory(voidpf opaque, const void *name, int mode) {
    (void)name;
    (void)mode;
    return opaque;
}

static uLong read_memory(voidpf opaque, voidpf stream, void *buffer, uLong size) {
    (void)stream;
    ZipReader *reader = opaque;
    size_t left = reader->checkpoint->size - (size_t)reader->position;
    size_t count = size_min(size, left);
    memcpy(buffer, reader->checkpoint->data + reader->position, count);
    reader->position += count;
    return count;
}

static ZPOS64_T tell_memory(voidpf opaque, voidpf stream) {
    (void)stream;
    const ZipReader *reader = opaque;
    return reader->position;
}

static long seek_memory(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    (void)stream;
    ZipReader *reader = opaque;
    ZPOS64_T size = reader->checkpoint->size;
    ZPOS64_T base = 0;
    if (origin == ZLIB_FILEFUNC_SEEK_CUR)
        base = reader->position;
    else if (origin == ZLIB_FILEFUNC_SEEK_END)
        base = size;
    ZPOS64_T target = base + offset; /* a negative offset comes as its two's complement */
    if (target > size)
        return -1;
    reader->position = target;
    return 0;
}

static int close_memory(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0;
}

static unzFile open_archive(ZipReader *reader) {
    zlib_filefunc64_def functions = {.zopen64_file = open_memory,
                                     .zread_file = read_memory,
                                     .ztell64_file = tell_memory,
                                     .zseek64_file = seek_memory,
                                     .zclose_file = close_memory,
                                     .zerror_file = close_memory,
                                     .opaque = reader};
    return unzOpen2_64("", &functions);
}

/* ---- The directory ---- */

/* minizip reports a lack of memory like damage. errno, which is cleared before the first call,
 * tells which it was.
 */
static cleave_status refuse_damaged(const ZipReader *reader, const char *what,
                                    cleave_error *error) {
    if (errno == ENOMEM)
        return error_memory(error, "reading a ZIP", 0);
    return model_refuse(error, reader->checkpoint->source,
                        "it may be a download that was broken off: download it again",
                        "incomplete or damaged ZIP: %s", what);
}

/* Sizes and offset of an entry in an archive of more than 4 GB. */
static bool widen_entry(const ZipReader *reader, ZipEntry *entry) {
    const Checkpoint *checkpoint = reader->checkpoint;
    Zip64Entry wide;
    ZPOS64_T record = entry->place.pos_in_zip_directory;
    if (!zip64_is_used(checkpoint->data, checkpoint->size, record))
        return true;
    if (!zip64_read(checkpoint->data, checkpoint->size, record, &wide))
        return false;
    entry->size = wide.size;
    entry->compressed_size = wide.compressed_size;
    entry->data_offset = wide.data_offset;
    return true;
}

static cleave_status add_entry(ZipReader *reader, cleave_error *error) {
    unz_file_info64 info;
    char name[MAX_NAME];
    ZipEntry entry = {0};
    if (unzGetCurrentFileInfo64(reader->archive, &info, name, sizeof(name), NULL, 0, NULL, 0) !=
            UNZ_OK ||
        unzGetFilePos64(reader->archive, &entry.place) != UNZ_OK)
        return refuse_damaged(reader, "its list of files is unreadable", error);
    if (info.size_filename >= sizeof(name))
        return CLEAVE_OK; /* torch.save writes no such name */
    entry.size = info.uncompressed_size;
    entry.compressed_size = info.compressed_size;
    if (!widen_entry(reader, &entry))
        return refuse_damaged(reader, "its list of files is unreadable", error);
    if (reader->count == reader->capacity) {
        size_t capacity = reader->capacity ? 2 * reader->capacity : 512;
        ZipEntry *entries = realloc(reader->entries, capacity * sizeof(*entries));
        if (!entries)
            return error_memory(error, "a ZIP's list of files", capacity * sizeof(*entries));
        reader->entries = entries;
        reader->capacity = capacity;
    }
    entry.name = string_copy(name);
    if (!entry.name)
        return error_memory(error, "a ZIP's list of files", strlen(name) + 1);
    entry.method = (unsigned)info.compression_method;
    entry.encrypted = (info.flag & 1) != 0;
    reader->entries[reader->count++] = entry;
    return CLEAVE_OK;
}

static int compare_entries(const void *a, const void *b) {
    const ZipEntry *left = a;
    const ZipEntry *right = b;
    return strcmp(left->name, right->name);
}

static cleave_status read_directory(ZipReader *reader, cleave_error *error) {
    /* minizip does without the end record if it finds the 64-bit locator in front of it. */
    if (zip_has_end(reader->checkpoint->data, reader->checkpoint->size))
        reader->archive = open_archive(reader);
    if (!reader->archive)
        return refuse_damaged(reader, "its list of files, at the end, is missing", error);
    int result = unzGoToFirstFile(reader->archive);
    while (result == UNZ_OK) {
        if (reader->count == MAX_ENTRIES)
            return refuse_damaged(reader, "more than a million files in it", error);
        cleave_status status = add_entry(reader, error);
        if (status != CLEAVE_OK)
            return status;
        result = unzGoToNextFile(reader->archive);
    }
    if (result != UNZ_END_OF_LIST_OF_FILE)
        return refuse_damaged(reader, "its list of files is unreadable", error);
    if (reader->count > 0)
        qsort(reader->entries, reader->count, sizeof(*reader->entries), compare_entries);
    for (size_t i = 1; i < reader->count; i++)
        if (strcmp(reader->entries[i - 1].name, reader->entries[i].name) == 0)
            return refuse_damaged(reader, "two of its files have the same name", error);
    return CLEAVE_OK;
}

/* The entry NAME/`name`, or NULL. */
static ZipEntry *find_entry(const ZipReader *reader, const char *name, size_t name_size) {
    char full[2 * MAX_NAME];
    if (reader->prefix_size + name_size >= sizeof(full) || reader->count == 0)
        return NULL;
    memcpy(full, reader->prefix, reader->prefix_size);
    memcpy(full + reader->prefix_size, name, name_size);
    full[reader->prefix_size + name_size] = '\0';
    const ZipEntry wanted = {.name = full};
    return bsearch(&wanted, reader->entries, reader->count, sizeof(*reader->entries),
                   compare_entries);
}

/* ---- The data of an entry ---- */

/* Points at a stored entry's bytes in the file. */
static cleave_status point_at(ZipReader *reader, ZipEntry *entry, ZPOS64_T offset,
                              cleave_error *error) {
    size_t size = reader->checkpoint->size;
    if (offset > size || entry->size > size - offset || entry->size != entry->compressed_size)
        return refuse_damaged(reader, "a storage reaches beyond its end", error);
    entry->data = reader->checkpoint->data + offset;
    return CLEAVE_OK;
}

static cleave_status keep_buffer(Checkpoint *checkpoint, void *buffer, size_t size,
                                 cleave_error *error) {
    size_t bytes = (checkpoint->buffer_count + 1) * sizeof(void *);
    void **buffers = realloc((void *)checkpoint->buffers, bytes);
    if (!buffers)
        return error_memory(error, "the list of storages", bytes);
    checkpoint->buffers = buffers;
    checkpoint->buffers[checkpoint->buffer_count++] = buffer;
    checkpoint->buffer_bytes += size;
    return CLEAVE_OK;
}

static bool read_fully(unzFile archive, unsigned char *buffer, size_t size) {
    while (size > 0) {
        unsigned request = (unsigned)size_min(size, (size_t)1 << 20);
        int got = unzReadCurrentFile(archive, buffer, request);
        if (got <= 0)
            return false;
        buffer += got;
        size -= (size_t)got;
    }
    return true;
}

/* Decompresses the open entry into memory that the checkpoint keeps. */
static cleave_status decompress(ZipReader *reader, ZipEntry *entry, cleave_error *error) {
    size_t limit;
    if (!size_multiply(reader->checkpoint->size, MAX_EXPANSION, &limit) ||
        !size_add(limit, FREE_EXPANSION, &limit))
        limit = SIZE_MAX;
    if (entry->size > limit - reader->decompressed)
        return model_refuse(error, reader->checkpoint->source,
                            "if you trust it, unpack and save it again with torch.save",
                            "its entries would decompress to far more than any checkpoint does");
    unsigned char *buffer = malloc(size_max((size_t)entry->size, 1));
    if (!buffer)
        return error_memory(error, "a compressed storage", (size_t)entry->size);
    cleave_status status = CLEAVE_OK;
    if (!read_fully(reader->archive, buffer, (size_t)entry->size))
        status = refuse_damaged(reader, "a compressed entry does not decompress", error);
    if (status == CLEAVE_OK)
        status = keep_buffer(reader->checkpoint, buffer, (size_t)entry->size, error);
    if (status != CLEAVE_OK) {
        free(buffer);
        return status;
    }
    reader->decompressed += (size_t)entry->size;
    entry->data = buffer;
    return CLEAVE_OK;
}

/* ---- What cannot be unpacked ---- */

#define PACK_ANEW "unpack it, with 7z for instance, and pack its folder anew by 'zip -0 -r'"

/* By the numbers of PKWARE's APPNOTE, 4.4.5; NULL for others. */
static const char *method_name(unsigned method) {
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {{1, "Shrink"},   {6, "Implode"},    {9, "Deflate64"},  {12, "bzip2"},
                 {14, "LZMA"},    {20, "Zstandard"}, {93, "Zstandard"}, {95, "XZ"},
                 {97, "WavPack"}, {98, "PPMd"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].method == method)
            return names[i].name;
    return NULL;
}

static cleave_status refuse_encrypted(const ZipReader *reader, const ZipEntry *entry,
                                      cleave_error *error) {
    return model_refuse(error, reader->checkpoint->source, "with its password, " PACK_ANEW,
                        "an encrypted ZIP (%s)", entry->method == METHOD_AES ? "AES" : "ZipCrypto");
}

static cleave_status refuse_method(const ZipReader *reader, const ZipEntry *entry,
                                   cleave_error *error) {
    char number[32];
    const char *name = method_name(entry->method);
    snprintf(number, sizeof(number), "method %u", entry->method);
    return model_refuse(
        error, reader->checkpoint->source, PACK_ANEW,
        "a ZIP packed by %s, which cleave does not unpack (stored and deflated it reads)",
        name ? name : number);
}

/* Makes entry->data valid for entry->size bytes. */
static cleave_status open_entry(ZipReader *reader, ZipEntry *entry, cleave_error *error) {
    if (entry->data)
        return CLEAVE_OK;
    if (entry->encrypted || entry->method == METHOD_AES)
        return refuse_encrypted(reader, entry, error);
    bool stored = entry->method == METHOD_STORED;
    if (!stored && entry->method != METHOD_DEFLATED)
        return refuse_method(reader, entry, error);
    if (stored && entry->data_offset > 0)
        return point_at(reader, entry, entry->data_offset, error);
    int method;
    if (unzGoToFilePos64(reader->archive, &entry->place) != UNZ_OK ||
        unzOpenCurrentFile3(reader->archive, &method, NULL, stored, NULL) != UNZ_OK)
        return refuse_damaged(reader, "an entry is not where its list of files says", error);
    cleave_status status =
        stored ? point_at(reader, entry, unzGetCurrentFileZStreamPos64(reader->archive), error)
               : decompress(reader, entry, error);
    int closed = unzCloseCurrentFile(reader->archive);
    if (status == CLEAVE_OK && closed == UNZ_CRCERROR && !stored)
        return refuse_damaged(reader, "the checksum of an entry is wrong", error);
    return status;
}

/* An entry to be decompressed must be as long as the pickle says, so memory is spent only on
 * tensors. */
static bool has_declared_size(const ZipEntry *entry, const PickleStorage *storage) {
    size_t declared;
    return storage->elements >= 0 &&
           size_multiply((size_t)storage->elements, storage->element_size, &declared) &&
           entry->size == declared;
}

static cleave_status find_storage(void *context, const PickleStorage *storage,
                                  const unsigned char **data, size_t *size, cleave_error *error) {
    ZipReader *reader = context;
    char name[MAX_NAME] = "data/";
    size_t length = strlen(name);
    ZipEntry *entry = NULL;
    if (storage->key.size < sizeof(name) - length) {
        memcpy(name + length, storage->key.data, storage->key.size);
        entry = find_entry(reader, name, length + storage->key.size);
    }
    if (!entry)
        return model_refuse(error, reader->checkpoint->source, ADVICE_DOWNLOAD,
                            "storage 'data/%.*s' is not in the ZIP: incomplete or packed anew",
                            (int)size_min(storage->key.size, 40), storage->key.data);
    if (entry->method == METHOD_DEFLATED && !has_declared_size(entry, storage))
        return refuse_damaged(reader, "a compressed storage has another size than its tensors say",
                              error);
    cleave_status status = open_entry(reader, entry, error);
    *data = entry->data;
    *size = (size_t)entry->size;
    return status;
}

/* ---- What the archive is ---- */

static cleave_status refuse_other_zip(const ZipReader *reader, cleave_error *error) {
    static const char *const models[] = {".ckpt", ".pth", ".pt", ".th", ".safetensors"};
    for (size_t i = 0; i < reader->count; i++) {
        const char *name = reader->entries[i].name;
        for (size_t j = 0; j < sizeof(models) / sizeof(models[0]); j++)
            if (text_ends_with(name, models[j]))
                return error_advise(error,
                                    model_refuse(error, reader->checkpoint->source, NULL,
                                                 "a ZIP with a checkpoint inside"),
                                    "unpack it and give '" UTF8_CUT(100) "'", name);
        if (text_ends_with(name, ".npy"))
            return model_refuse(error, reader->checkpoint->source, ADVICE_FILES,
                                "a NumPy archive, not a checkpoint");
    }
    return model_refuse(error, reader->checkpoint->source, ADVICE_FILES,
                        "a ZIP, but not one of torch.save (no data.pkl in it)");
}

/* Finds NAME/data.pkl, which also gives NAME; NULL if it is missing. */
static ZipEntry *find_pickle(ZipReader *reader) {
    static const char file[] = "data.pkl";
    for (size_t i = 0; i < reader->count; i++) {
        const char *name = reader->entries[i].name;
        if (!text_ends_with(name, file))
            continue;
        size_t prefix_size = strlen(name) - strlen(file);
        if (prefix_size > 0 && name[prefix_size - 1] != '/')
            continue;
        reader->prefix = name;
        reader->prefix_size = prefix_size;
        return &reader->entries[i];
    }
    return NULL;
}

static cleave_status refuse_script(const ZipReader *reader, cleave_error *error) {
    return model_refuse(error, reader->checkpoint->source, ADVICE_SAVE,
                        "a TorchScript program, not a checkpoint");
}

static cleave_status check_byte_order(ZipReader *reader, cleave_error *error) {
    ZipEntry *entry = find_entry(reader, "byteorder", strlen("byteorder"));
    if (!entry || entry->size != strlen("big"))
        return CLEAVE_OK; /* PyTorch before 2.1 wrote none */
    cleave_status status = open_entry(reader, entry, error);
    if (status == CLEAVE_OK && memcmp(entry->data, "big", 3) == 0)
        return model_refuse(error, reader->checkpoint->source,
                            "load it with PyTorch and save it again on this machine",
                            "saved on a big-endian machine, which cleave does not read");
    return status;
}

static cleave_status read_object(ZipReader *reader, cleave_error *error) {
    Pickle pickle = {0};
    const StorageFinder finder = {find_storage, reader};
    ZipEntry *entry = find_pickle(reader);
    if (!entry)
        return refuse_other_zip(reader, error);
    if (find_entry(reader, "constants.pkl", strlen("constants.pkl")))
        return refuse_script(reader, error);
    cleave_status status = check_byte_order(reader, error);
    if (status == CLEAVE_OK)
        status = open_entry(reader, entry, error);
    if (status == CLEAVE_OK)
        status = pickle_read(&pickle, entry->data, (size_t)entry->size, reader->checkpoint->source,
                             error);
    if (status == CLEAVE_OK)
        status = checkpoint_add_state_dict(reader->checkpoint, pickle.root, &finder, error);
    pickle_free(&pickle);
    return status;
}

cleave_status checkpoint_load_zip(Checkpoint *checkpoint, cleave_error *error) {
    ZipReader reader = {.checkpoint = checkpoint};
    errno = 0;
    cleave_status status = read_directory(&reader, error);
    if (status == CLEAVE_OK)
        status = read_object(&reader, error);
    if (reader.archive)
        unzClose(reader.archive);
    for (size_t i = 0; i < reader.count; i++)
        free(reader.entries[i].name);
    free(reader.entries);
    return status;
}
