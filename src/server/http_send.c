/* Answers onto a connection. What the socket does not take at once is copied and sent when it has room. */
#include "server/http_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFUSAL_BYTES_MAX = 512 };

static struct iovec
part(struct slice bytes)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
}

/* How much of the two went out before the socket was full; -1: the connection is broken. */
static ssize_t
write_parts(struct http_connection *connection, struct slice first, struct slice second)
{
	size_t total = first.len + second.len, sent = 0;
	while (sent < total) {
		struct iovec parts[2];
		int count = 0;
		if (sent < first.len)
			parts[count++] = part(slice_skip(first, sent));
		if (second.len > 0)
			parts[count++] = part(slice_skip(second, sent < first.len ? 0 : sent - first.len));
		long written = stream_write(&connection->stream, parts, count);
		if (written == STREAM_WAIT)
			break;
		if (written < 0)
			return -1;
		sent += (size_t)written;
	}
	return (ssize_t)sent;
}

static struct slice
date_of(struct http_server *server)
{
	int64_t seconds = clock_wall().us / 1000000;
	if (seconds != server->date_s) {
		server->date_s = seconds;
		server->date_bytes = http_date_write(server->date, seconds);
	}
	return (struct slice){server->date, server->date_bytes};
}

static void
keep_rest(struct http_connection *connection, struct slice first, struct slice second, size_t sent)
{
	connection->rest_bytes = first.len + second.len - sent;
	connection->rest_sent = connection->progress_bytes = 0;
	connection->rest = mem_alloc(connection->rest_bytes);
	size_t from_first = sent < first.len ? first.len - sent : 0;
	if (from_first > 0)
		memcpy(connection->rest, first.ptr + sent, from_first);
	if (connection->rest_bytes > from_first)
		memcpy(connection->rest + from_first, second.ptr + second.len - (connection->rest_bytes - from_first),
		    connection->rest_bytes - from_first);
}

void
http_send(struct http_connection *connection, int status, struct slice body, const struct http_headers *headers)
{
	struct http_server *server = connection->server;
	struct buf *out = &server->scratch;
	connection->last = connection->last || server->quiesced || !connection->request.keep;
	buf_clear(out);
	http_answer_write(out, &(struct http_answer){.status = status,
				   .headers = headers,
				   .date = date_of(server),
				   .body_bytes = body.len,
				   .close = connection->last,
				   .old = connection->request.old});
	ENSURE(!out->overflow);
	if (http_answer_is_bare(status) || slice_is(connection->request.method, "HEAD"))
		body.len = 0;
	if (body.len > 0 && out->len + body.len <= JOINED_BYTES) {
		buf_append(out, body);
		body.len = 0;
	}
	ssize_t sent = write_parts(connection, buf_slice(out), body);
	connection->broken = sent < 0;
	if (sent < 0 || (size_t)sent == out->len + body.len) {
		http_enter(connection, ANSWERED);
	} else {
		keep_rest(connection, buf_slice(out), body, (size_t)sent);
		http_enter(connection, SENDING);
	}
}

void
http_send_on(struct http_connection *connection)
{
	struct slice rest = {connection->rest + connection->rest_sent, connection->rest_bytes - connection->rest_sent};
	ssize_t sent = write_parts(connection, rest, SLICE_NONE);
	connection->broken = sent < 0;
	if (sent < 0 || (size_t)sent == rest.len) {
		free(connection->rest);
		connection->rest = NULL;
		http_enter(connection, ANSWERED);
		return;
	}
	connection->rest_sent += (size_t)sent;
	/* Whoever takes a byte now and then does not keep it for ever. */
	if (connection->rest_sent - connection->progress_bytes >= PROGRESS_BYTES) {
		connection->progress_bytes = connection->rest_sent;
		http_enter(connection, SENDING);
	}
}

void
http_send_refusal(struct http_connection *connection)
{
	const struct http_refusal *refusal = &connection->request.refusal;
	char text[REFUSAL_BYTES_MAX];
	int length = snprintf(text, sizeof text, "{\"code\":\"%s\",\"detail\":\"%s\"}", refusal->code, refusal->detail);
	ENSURE(length > 0 && length < (int)sizeof text);
	struct http_header retry = {SLICE("retry-after"), SLICE("1")};
	connection->last = true;
	http_send(connection, refusal->status, (struct slice){text, (size_t)length},
	    refusal->status == 429 ? &(struct http_headers){&retry, 1} : NULL);
}

bool
http_send_continue(struct http_connection *connection)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct slice line = {text, sizeof text - 1};
	connection->request.expects = false;
	/* Everything before it has gone out, so the socket has room for these few bytes. */
	return write_parts(connection, line, SLICE_NONE) == (ssize_t)line.len;
}
