#include "transport/exchange.h"

#include "transport/retry_after.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
unlink_from_stage(struct exchange *exchange)
{
	struct exchange_list *from = &exchange->lists[exchange->stage];
	*(exchange->previous != NULL ? &exchange->previous->next : &from->first) = exchange->next;
	*(exchange->next != NULL ? &exchange->next->previous : &from->last) = exchange->previous;
}

static void
link_to_stage(struct exchange *exchange, enum exchange_stage stage)
{
	struct exchange_list *to = &exchange->lists[stage];
	exchange->stage = stage;
	/* The free one used last goes first: its memory is still in the cache. */
	bool first = stage == EXCHANGE_FREE;
	exchange->previous = first ? NULL : to->last;
	exchange->next = first ? to->first : NULL;
	*(exchange->previous != NULL ? &exchange->previous->next : &to->first) = exchange;
	*(exchange->next != NULL ? &exchange->next->previous : &to->last) = exchange;
}

void
exchange_move(struct exchange *exchange, enum exchange_stage stage)
{
	unlink_from_stage(exchange);
	link_to_stage(exchange, stage);
}

struct exchange *
exchange_new(struct exchange_list *lists)
{
	struct exchange *exchange = mem_zero(1, sizeof *exchange);
	exchange->lists = lists;
	buf_init(&exchange->head, REQUEST_HEAD_BYTES + REQUEST_JOINED_BYTES);
	buf_init(&exchange->body, LIMIT_RESPONSE_BYTES);
	http1_init(&exchange->http);
	link_to_stage(exchange, EXCHANGE_FREE);
	return exchange;
}

void
exchange_free(struct exchange *exchange)
{
	unlink_from_stage(exchange);
	buf_free(&exchange->head);
	buf_free(&exchange->body);
	http1_fini(&exchange->http);
	free(exchange);
}

/* --- the request ---------------------------------------------------------------------------------------- */

static bool
is_name_byte(char c)
{
	char lower = (char)(c | 0x20);
	return (lower >= 'a' && lower <= 'z') || c == '-' || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+.^_`|~", c) != NULL);
}

/* A line break or a NUL in a name or value would let whoever wrote it write headers, or a request, of their own. */
static bool
is_clean(struct slice name, struct slice value)
{
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_byte(name.ptr[i]))
			return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return name.len > 0;
}

/* The headers that say where a request ends and who it is for are the transport's. */
static bool
is_framing(struct slice name)
{
	static const struct slice names[] = {{"host", 4}, {"content-length", 14}, {"transfer-encoding", 17},
	    {"connection", 10}, {"upgrade", 7}, {"expect", 6}, {"te", 2}, {"trailer", 7}, {"keep-alive", 10}};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (name.len == names[i].len && slice_equal_nocase(name, names[i]))
			return true;
	return false;
}

static const char *
write_headers(struct buf *head, struct http_headers headers)
{
	for (size_t i = 0; i < headers.count; i++) {
		struct slice name = headers.items[i].name, value = headers.items[i].value;
		if (!is_clean(name, value))
			return "a header holds a line break or another byte that no header may hold";
		if (is_framing(name))
			return "a header is one of those that the transport writes itself";
		buf_append(head, name);
		buf_append(head, value.len > 0 ? SLICE(": ") : SLICE(":"));
		buf_append(head, value);
		buf_append(head, SLICE("\r\n"));
	}
	return NULL;
}

static void
write_length(struct buf *head, size_t length)
{
	char digits[24];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + length % 10);
		length /= 10;
	} while (length > 0);
	buf_append(head, SLICE("Content-Length: "));
	buf_append(head, (struct slice){digits + at, sizeof digits - at});
	buf_append(head, SLICE("\r\n\r\n"));
}

const char *
exchange_compose(struct exchange *exchange, const struct url *url)
{
	struct buf *head = &exchange->head;
	struct slice body = exchange->transmission->body;
	buf_clear(head);
	buf_append(head, SLICE("POST "));
	if (url->target.len == 0 || url->target.ptr[0] != '/')
		buf_byte(head, '/');
	buf_append(head, url->target);
	buf_append(head, SLICE(" HTTP/1.1\r\nHost: "));
	buf_text(head, exchange->authority->host_header);
	buf_append(head, SLICE("\r\nAccept: */*\r\n"));
	const char *problem = write_headers(head, exchange->transmission->headers);
	if (problem != NULL)
		return problem;
	write_length(head, body.len);
	if (head->overflow || head->len > REQUEST_HEAD_BYTES)
		return "the URL and the headers are too long";
	exchange->total_bytes = head->len + body.len;
	if (url->tls && body.len <= REQUEST_JOINED_BYTES)
		buf_append(head, body);
	exchange->head_bytes = head->len;
	return NULL;
}

void
exchange_rewind(struct exchange *exchange)
{
	exchange->sent_bytes = 0;
	buf_clear(&exchange->body);
	http1_begin(&exchange->http, &exchange->body);
}

static struct iovec
part(const char *bytes, size_t length)
{
	/* sendmsg and SSL_write do not write to it, whatever the type of iov_base. */
	union {
		const char *constant;
		void *base;
	} pointer = {.constant = bytes};
	return (struct iovec){.iov_base = pointer.base, .iov_len = length};
}

int
exchange_unsent(const struct exchange *exchange, struct iovec parts[static 2])
{
	int count = 0;
	if (exchange->sent_bytes < exchange->head_bytes)
		parts[count++] =
		    part(exchange->head.data + exchange->sent_bytes, exchange->head_bytes - exchange->sent_bytes);
	size_t body_bytes = exchange->total_bytes - exchange->head_bytes;
	size_t sent = exchange->sent_bytes > exchange->head_bytes ? exchange->sent_bytes - exchange->head_bytes : 0;
	if (sent < body_bytes)
		parts[count++] = part(exchange->transmission->body.ptr + sent, body_bytes - sent);
	return count;
}

/* --- the report ----------------------------------------------------------------------------------------- */

static void
give_back(struct buf *buf)
{
	size_t max = buf->max;
	/* A few large ones would otherwise hold their memory for good. */
	if (buf->capacity > EXCHANGE_KEPT_BYTES) {
		buf_free(buf);
		buf_init(buf, max);
	}
}

static void
finish(struct exchange *exchange, struct mono_time now)
{
	struct transmission *transmission = exchange->transmission;
	transmission->duration_us = now.us - exchange->started.us;
	transmission->response = arena_copy(&transmission->arena, buf_slice(&exchange->body));
	give_back(&exchange->body);
	give_back(&exchange->head);
	exchange_move(exchange, EXCHANGE_DONE);
}

void
exchange_answered(struct exchange *exchange, struct mono_time now, struct wall_time wall)
{
	struct transmission *transmission = exchange->transmission;
	const struct http1 *http = &exchange->http;
	transmission->outcome = TRANSMISSION_ANSWERED;
	transmission->status_code = http->status;
	transmission->retry_after_ms =
	    http->retry_after_bytes == 0
		? 0
		: retry_after_ms((struct slice){http->retry_after, http->retry_after_bytes}, wall);
	transmission->problem[0] = '\0';
	finish(exchange, now);
}

void
exchange_end(
    struct exchange *exchange, struct mono_time now, enum transmission_outcome outcome, const char *format, ...)
{
	struct transmission *transmission = exchange->transmission;
	/* Of a request that went out before, nobody can say that nothing was sent. */
	bool sent = outcome == TRANSMISSION_UNREACHABLE && exchange->retried;
	transmission->outcome = sent ? TRANSMISSION_BROKEN : outcome;
	transmission->status_code = 0;
	transmission->retry_after_ms = 0;
	va_list args;
	va_start(args, format);
	vsnprintf(transmission->problem, sizeof transmission->problem, format, args);
	va_end(args);
	finish(exchange, now);
}
