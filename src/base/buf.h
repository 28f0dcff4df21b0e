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
void buf_text(struct buf *buf, const char *string);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for `bytes` more; NULL (and overflow) beyond max. Fill it and add to len. */
char *buf_reserve(struct buf *buf, size_t bytes);
/* The rest of an append that does not fit into what there is. */
void buf_grow_append(struct buf *buf, struct slice s);

/* Inline, because a report or an answer is made of millions of small pieces. The capacity never exceeds the maximum. */
static inline void
buf_append(struct buf *buf, struct slice s)
{
	if (s.len == 0)
		return;
	if (buf->overflow || s.len > buf->capacity - buf->len) {
		buf_grow_append(buf, s);
		return;
	}
	memcpy(buf->data + buf->len, s.ptr, s.len);
	buf->len += s.len;
}

static inline void
buf_byte(struct buf *buf, char byte)
{
	buf_append(buf, (struct slice){&byte, 1});
}

/* Borrowed view of what is written; valid until the next append. */
static inline struct slice
buf_slice(const struct buf *buf)
{
	return (struct slice){buf->data == NULL ? "" : buf->data, buf->len};
}

#endif
