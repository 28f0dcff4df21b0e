#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.max = buf->max};
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

char *
buf_reserve(struct buf *buf, size_t bytes)
{
	if (buf->overflow || bytes > buf->max - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	if (buf->len + bytes > buf->capacity) {
		size_t wanted = buf->capacity < 128 ? 256 : buf->capacity * 2;
		if (wanted < buf->len + bytes)
			wanted = buf->len + bytes;
		if (wanted > buf->max)
			wanted = buf->max;
		buf->data = mem_resize(buf->data, wanted, 1);
		buf->capacity = wanted;
	}
	return buf->data + buf->len;
}

void
buf_grow_append(struct buf *buf, struct slice s)
{
	char *room = buf_reserve(buf, s.len);
	if (room == NULL)
		return;
	memcpy(room, s.ptr, s.len);
	buf->len += s.len;
}

void
buf_text(struct buf *buf, const char *string)
{
	buf_append(buf, slice_of(string));
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	/* Mostly it fits into what there is, and is written once. */
	size_t there = buf->overflow ? 0 : buf->capacity - buf->len;
	int length = vsnprintf(there == 0 ? NULL : buf->data + buf->len, there, format, args);
	va_end(args);
	ENSURE(length >= 0);
	char *room = buf_reserve(buf, (size_t)length + 1);
	if (room != NULL) {
		if ((size_t)length >= there)
			vsnprintf(room, (size_t)length + 1, format, again);
		buf->len += (size_t)length;
	}
	va_end(again);
}
