/* buffer.m: views of a buffer, and what counts as an upload or a download. */
#import "buffer.h"

#include <stdlib.h>
#include <string.h>

#include "accounting.h"
#include "pages.h"
#include "strict.h"

#define BLOCK  ((size_t)65536)
#define PAGE   ((size_t)4096)
#define POISON 0xff /* NaN in every float type, -1 in integers */

static size_t blocks_of(size_t bytes) {
    return (bytes + BLOCK - 1) / BLOCK;
}

/* Never 0. */
static uint64_t hash(const uint8_t *bytes, size_t count) {
    uint64_t state[4] = {1, 2, 3, 4};
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        uint64_t words[4];
        memcpy(words, bytes + i, sizeof(words));
        for (int lane = 0; lane < 4; lane++)
            state[lane] = ((state[lane] ^ words[lane]) * 0x9e3779b97f4a7c15u) ^ (state[lane] >> 29);
    }
    for (; i < count; i++)
        state[i % 4] = (state[i % 4] ^ bytes[i]) * 0x100000001b3u;
    uint64_t all = count;
    for (int lane = 0; lane < 4; lane++)
        all = (all ^ state[lane] ^ (state[lane] >> 32)) * 0xd6e8feb86659fd93u;
    return all ? all : 1;
}

static uint64_t hash_block(const SimBuffer *buffer, const uint8_t *from, size_t block) {
    size_t first = block * BLOCK;
    size_t rest = buffer->_length - first;
    return hash(from + first, rest < BLOCK ? rest : BLOCK);
}

void sim_count_upload(size_t bytes) {
    sim_counts()->uploads++;
    sim_counts()->upload_bytes += (int64_t)bytes;
}

void sim_count_download(size_t bytes) {
    sim_counts()->downloads++;
    sim_counts()->download_bytes += (int64_t)bytes;
}

uint8_t *sim_buffer_view(SimBuffer *buffer) {
    return buffer->_shadow ? buffer->_shadow : buffer->_contents;
}

/* Before the pages of others are touched. */
static void check_pages(const SimBuffer *buffer) {
    if (buffer->_borrowed && !sim_pages_are_mapped(buffer->_contents, buffer->_length))
        sim_abort("the pages under a buffer without a copy were unmapped before it was gone");
}

uint64_t sim_buffer_hash(SimBuffer *buffer, size_t offset, size_t bytes) {
    check_pages(buffer);
    return hash(sim_buffer_view(buffer) + offset, bytes);
}

/* Notes what the buffer holds now; whether that is news in `bytes` bytes from `offset` on. */
static bool note_contents(SimBuffer *buffer, size_t offset, size_t bytes) {
    bool news = false;
    for (size_t block = offset / BLOCK; block < blocks_of(offset + bytes); block++) {
        uint64_t now = hash_block(buffer, buffer->_contents, block);
        news = news || now != buffer->_hashes[block];
        buffer->_hashes[block] = now;
    }
    return news;
}

uint64_t sim_buffer_feed(SimBuffer *buffer, size_t offset, size_t bytes) {
    if (!buffer->_borrowed && note_contents(buffer, offset, bytes))
        sim_count_upload(bytes);
    return sim_buffer_hash(buffer, offset, bytes);
}

void sim_buffer_begin_write(SimBuffer *buffer, size_t bytes, id queue) {
    if (buffer->_borrowed)
        sim_abort("a result in a buffer without a copy is not simulated");
    if (buffer->_pendingWrites++ == 0) {
        buffer->_shadow = sim_allocate(buffer->_length);
        memcpy(buffer->_shadow, buffer->_contents, buffer->_length);
        buffer->_writer = queue;
        buffer->_poisoned = 0;
    }
    if (bytes > buffer->_poisoned)
        buffer->_poisoned = bytes;
    memset(buffer->_contents, POISON, buffer->_poisoned);
}

static void check_poison(const SimBuffer *buffer) {
    for (size_t i = 0; i < buffer->_poisoned; i++)
        if (buffer->_contents[i] != POISON)
            sim_abort("the host wrote byte %zu of a buffer that a command buffer was to write", i);
}

void sim_buffer_end_write(SimBuffer *buffer, size_t bytes, bool failed) {
    if (failed)
        memset(buffer->_shadow, POISON, bytes);
    if (--buffer->_pendingWrites > 0)
        return;
    check_poison(buffer);
    memcpy(buffer->_contents, buffer->_shadow, buffer->_poisoned);
    free(buffer->_shadow);
    buffer->_shadow = NULL;
    buffer->_writer = nil;
    buffer->_unread = YES;
    note_contents(buffer, 0, buffer->_poisoned);
}

@implementation SimBuffer

@synthesize label = _label;

- (id)initWithLength:(size_t)length bytes:(const void *)bytes {
    self = [super init];
    if (!self)
        return nil;
    _length = length;
    size_t pages = (length + PAGE - 1) / PAGE * PAGE;
    if (!sim_take_memory((int64_t)pages)) {
        [self release];
        return nil;
    }
    _allocated = pages;
    _hashes = memset(sim_allocate(blocks_of(length) * sizeof(uint64_t)), 0,
                     blocks_of(length) * sizeof(uint64_t));
    _contents = aligned_alloc(PAGE, pages);
    if (!_contents) {
        [self release];
        return nil;
    }
    if (bytes) {
        memcpy(_contents, bytes, length);
        sim_lock();
        note_contents(self, 0, length);
        sim_count_upload(length);
        sim_unlock();
    } else {
        memset(_contents, POISON, length);
    }
    return self;
}

- (id)initOver:(void *)pages length:(size_t)length {
    self = [super init];
    if (!self)
        return nil;
    if (!sim_take_no_copy((int64_t)length)) {
        [self release];
        return nil;
    }
    _length = length;
    _borrowed = YES;
    _contents = pages;
    return self;
}

- (void)dealloc {
    if (_pendingWrites > 0)
        sim_abort("a buffer was released too often: a command buffer is still to write it");
    sim_give_memory((int64_t)_allocated);
    if (_borrowed) {
        check_pages(self);
        sim_give_no_copy((int64_t)_length);
    } else {
        free(_contents);
    }
    free(_hashes);
    [_label release];
    [super dealloc];
}

- (id<MTLDevice>)device {
    return [MTLCreateSystemDefaultDevice() autorelease];
}

- (NSUInteger)length {
    return _length;
}

- (NSUInteger)allocatedSize {
    return _allocated;
}

- (void *)contents {
    sim_lock();
    sim_count_access();
    if (_unread && _pendingWrites == 0) {
        sim_count_download(_length);
        _unread = NO;
    }
    sim_unlock();
    return _contents;
}

@end
