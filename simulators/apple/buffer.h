/* buffer.h: a buffer as the host sees it, and as the GPU does.
 *
 * From the commit of a command buffer that writes a buffer until the program waits for it, the host
 * sees NaN where the results will be; the GPU's view is kept apart. */
#ifndef APPLESIM_BUFFER_H
#define APPLESIM_BUFFER_H

#import <Metal/Metal.h>

#import "objects.h"

#include <stdbool.h>

@interface SimBuffer : SimObject <MTLBuffer> {
  @public
    uint8_t *_contents;
    size_t _length;
    size_t _allocated; /* bytes of the GPU's memory */
    BOOL _borrowed;    /* _contents belong to the program: no copy was made */
    NSString *_label;
    /* Under sim_lock(): */
    uint8_t *_shadow; /* the GPU's view while writes are pending */
    int _pendingWrites;
    size_t _poisoned;  /* bytes of NaN at the beginning of _contents */
    id _writer;        /* the queue whose command buffers are to write; not owned */
    uint64_t *_hashes; /* per block: of what the GPU knows; 0: nothing */
    BOOL _unread;      /* the GPU wrote, and the host has not asked since */
}
/* nil where there is no memory. `bytes`: contents to copy, or NULL. */
- (id)initWithLength:(size_t)length bytes:(const void *)bytes;
/* Over pages that stay where they are. */
- (id)initOver:(void *)pages length:(size_t)length;
@end

/* What the GPU reads and writes. */
uint8_t *sim_buffer_view(SimBuffer *buffer);

/* The GPU sees what the host wrote when the buffer is fed: counts an upload if anything in `bytes`
 * bytes from `offset` on is new. Pages of a file are no upload. Returns a hash of the bytes. */
uint64_t sim_buffer_feed(SimBuffer *buffer, size_t offset, size_t bytes);
uint64_t sim_buffer_hash(SimBuffer *buffer, size_t offset, size_t bytes);

/* A command buffer of `queue` is to write the first bytes; it did, or failed to. */
void sim_buffer_begin_write(SimBuffer *buffer, size_t bytes, id queue);
void sim_buffer_end_write(SimBuffer *buffer, size_t bytes, bool failed);

void sim_count_upload(size_t bytes);
void sim_count_download(size_t bytes);

#endif
