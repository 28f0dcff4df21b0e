/* Bytes of a connection into a request: where they are read to, and where its body comes to lie.
 *
 * A body that fits behind its head stays there. A longer one, and one in chunks, is put together in memory of its own, which
 * grows as bytes come: what is announced is not what is sent. */
#include "server/http_private.h"

#include <stdlib.h>

static struct slice
input_slice(const struct http_connection *connection, size_t from)
{
	return (struct slice){connection->input + from, connection->end - from};
}

/* The one function that allocates for bodies; 0 frees. */
static void
give_room(struct http_connection *connection, size_t room)
{
	connection->server->body_rooms += room - connection->body_room;
	connection->body_room = room;
	if (room > 0) {
		connection->body = mem_resize(connection->body, room, 1);
		return;
	}
	free(connection->body);
	connection->body = NULL;
}

void
http_body_free(struct http_connection *connection)
{
	if (connection->body_room > 0)
		give_room(connection, 0);
	connection->body_bytes = 0;
}

/* Room for at least one byte more, up to the body's end where that is known. False: the request is refused. */
static bool
make_room(struct http_connection *connection, size_t wanted)
{
	struct http_server *server = connection->server;
	size_t max = server->options.body_max, room = 2 * connection->body_room;
	if (wanted <= connection->body_room)
		return true;
	if (server->body_rooms >= LIMIT_BODIES_BYTES) {
		http_request_refuse(&connection->request, 429, "too_many_requests",
		    "The server is reading as much as it keeps in memory; send this again a little later.");
		return false;
	}
	room = room < BODY_FIRST_BYTES ? BODY_FIRST_BYTES : room;
	room = room < wanted ? wanted : room;
	give_room(connection, room > max ? max : room);
	return true;
}

static bool
keep_content(struct http_connection *connection, struct slice content)
{
	if (!make_room(connection, connection->body_bytes + content.len))
		return false;
	memcpy(connection->body + connection->body_bytes, content.ptr, content.len);
	connection->body_bytes += content.len;
	return true;
}

static bool
is_in_place(const struct http_connection *connection)
{
	return connection->request.stage == HTTP_LENGTH && connection->body_bytes == 0 &&
	       connection->request.left <= INPUT_BYTES - connection->head_bytes;
}

static void
take_body(struct http_connection *connection)
{
	struct http_request *request = &connection->request;
	bool in_place = is_in_place(connection);
	if (in_place && connection->end - connection->begin < request->left)
		return;
	while (request->stage < HTTP_WHOLE && connection->begin < connection->end) {
		struct slice content;
		connection->begin += http_request_body(request, input_slice(connection, connection->begin), &content);
		if (in_place)
			connection->exchange.body = content;
		else if (content.len > 0 && !keep_content(connection, content))
			return;
	}
	if (!in_place && request->body_bytes > 0)
		connection->exchange.body = (struct slice){connection->body, connection->body_bytes};
	/* Everything behind the head was taken: its place is free. */
	if (request->stage < HTTP_WHOLE)
		connection->begin = connection->end = connection->head_bytes;
}

void
http_take_input(struct http_connection *connection)
{
	struct http_request *request = &connection->request;
	if (request->stage <= HTTP_FIELDS) {
		size_t head = http_request_head(request, input_slice(connection, 0), &connection->exchange.arena);
		if (request->stage <= HTTP_FIELDS || request->stage == HTTP_REFUSED)
			return;
		connection->head_bytes = connection->begin = head;
		connection->exchange.body = SLICE("");
	}
	if (request->stage < HTTP_WHOLE)
		take_body(connection);
}

/* Straight to where the body is put together, without a byte of what follows it. */
static long
receive_body(struct http_connection *connection)
{
	struct http_request *request = &connection->request;
	if (!make_room(connection, connection->body_bytes + 1))
		return 0;
	size_t room = connection->body_room - connection->body_bytes;
	char *to = connection->body + connection->body_bytes;
	long count = stream_read(&connection->stream, to, room < request->left ? room : (size_t)request->left);
	if (count > 0) {
		struct slice content;
		size_t taken = http_request_body(request, (struct slice){to, (size_t)count}, &content);
		ENSURE(taken == (size_t)count && content.len == taken);
		connection->body_bytes += taken;
		connection->exchange.body = (struct slice){connection->body, connection->body_bytes};
	}
	return count;
}

bool
http_receive(struct http_connection *connection, bool *more)
{
	struct http_request *request = &connection->request;
	*more = false;
	/* Small ones are in `input` already, in part or wholly; so are chunks, whose frames have to be taken off. */
	bool straight = request->stage == HTTP_LENGTH && !is_in_place(connection);
	long count;
	if (straight) {
		count = receive_body(connection);
	} else {
		ENSURE(connection->end < INPUT_BYTES);
		count = stream_read(
		    &connection->stream, connection->input + connection->end, INPUT_BYTES - connection->end);
	}
	if (count == STREAM_WAIT)
		return true;
	if (count < 0)
		return false;
	*more = true;
	if (connection->state == IDLE)
		http_enter(connection, RECEIVING);
	if (!straight) {
		connection->end += (size_t)count;
		http_take_input(connection);
	}
	return true;
}
