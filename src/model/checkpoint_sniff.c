/* checkpoint_sniff.c: which of the three containers a checkpoint is, by its first bytes, and the
 * error for any other file. */
#include <string.h>

#include "model/checkpoint_private.h"
#include "model/file_kind.h"
#include "model/refuse.h"

static bool starts_with(const unsigned char *data, size_t size, const char *start, size_t length) {
    return size >= length && memcmp(data, start, length) == 0;
}

/* The number 0x1950a86a20f9469cfc6c as a pickle of any protocol, which begins an old torch.save. */
static bool is_stream(const unsigned char *data, size_t size) {
    static const char as_binary[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    static const char as_text[] = "L119547037146038801333356L\n.";
    if (starts_with(data, size, as_text, strlen(as_text)))
        return true;
    if (size < 11 || data[0] != 0x80)
        return false;
    size_t start = data[2] == 0x95 ? 11 : 2; /* protocols from 4 on put a frame around it */
    return start < size && starts_with(data + start, size - start, as_binary, strlen(as_binary));
}

/* 8 bytes of length, then the brace of a JSON object. */
static bool is_safetensors(const unsigned char *data, size_t size) {
    return size > 8 && data[8] == '{' && data[5] == 0 && data[6] == 0 && data[7] == 0;
}

CheckpointForm checkpoint_form(const unsigned char *data, size_t size) {
    if (starts_with(data, size, "PK\x03\x04", 4))
        return FORM_ZIP;
    if (is_stream(data, size))
        return FORM_STREAM;
    return is_safetensors(data, size) ? FORM_SAFETENSORS : FORM_FOREIGN;
}

/* ---- Everything else ---- */

cleave_status checkpoint_refuse_foreign(const Checkpoint *checkpoint, cleave_error *error) {
    FileKind kind = file_kind(checkpoint->data, checkpoint->size);
    if (checkpoint->size == 0)
        return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD, "the file is empty");
    if (!kind.what)
        return model_refuse(
            error, checkpoint->source, ADVICE_FILES,
            "this is no checkpoint that cleave knows, or a damaged or incomplete one");
    return model_refuse(error, checkpoint->source, kind.advice, "this is %s%s", kind.what,
                        kind.note);
}
