/* A growing byte buffer that is given its maximum at birth.
 *
 *   data [0 ........ len) written   [len ........ capacity) room   never beyond max
 *
 * Appending beyond `max` writes nothing, sets `overflow` and every later append is a no-op, so a writer
 * appends freely and checks once at the end. Owns its memory: buf_free. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/alloc.h"

struct buf {
	char *data;
	size_t len, capacity, max;
	bool overflow;
};

void buf_init(struct buf *buf, size_t max);
void buf_free(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_append(struct buf *buf, struct slice s);
void buf_text(struct buf *buf, const char *string);
void buf_byte(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for `bytes` more; NULL (and overflow) beyond max. Fill it and add to len. */
char *buf_reserve(struct buf *buf, size_t bytes);
/* Borrowed view of what is written; valid until the next append. */
static inline struct slice
buf_slice(const struct buf *buf)
{
	return (struct slice){buf->data == NULL ? "" : buf->data, buf->len};
}

#endif
