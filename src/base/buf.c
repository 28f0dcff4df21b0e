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
		buf->data = mem_resize(buf->data, wanted, 1);
		buf->capacity = wanted;
	}
	return buf->data + buf->len;
}

void
buf_append(struct buf *buf, struct slice s)
{
	if (s.len == 0)
		return;
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
buf_byte(struct buf *buf, char byte)
{
	buf_append(buf, (struct slice){&byte, 1});
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ENSURE(length >= 0);
	char *room = buf_reserve(buf, (size_t)length + 1);
	if (room != NULL) {
		vsnprintf(room, (size_t)length + 1, format, again);
		buf->len += (size_t)length;
	}
	va_end(again);
}
