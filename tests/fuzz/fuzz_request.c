/* Requests to the server. The first byte says what the rest is: 'q' a query string, 'h' bytes on a connection for the
 * reader of requests, 'H' the same for the server as well, over a real socket which ends behind them, else the JSON of an
 * operation.
 *
 * Nothing is read beyond its limits; what is faulty is said with at least one fault. Bytes give the same requests however
 * they are cut; the server answers as many as the reader finds, in order, and whatever it sends begins with a status line. */
#include "fuzz.h"

#include "server/http.h"
#include "server/http_request.h"
#include "server/in.h"
#include "server/query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 4096, TURN_US = 10000 };

/* --- queries and bodies ------------------------------------------------------------------------------ */

static void
fuzz_query(struct slice text)
{
	struct arena arena = ARENA_EMPTY;
	struct check check;
	struct error error = ERROR_NONE;
	struct query query;
	check_init(&check, &arena, "query");
	if (query_parse(text, &arena, &query, &error) == OK) {
		ENSURE(query.count <= QUERY_ITEMS_MAX);
		struct page_rules rules = {.kind = ID_MESSAGE, .descending = true, .ordered = true, .timed = true};
		struct list_page page;
		if (query_page(&query, &rules, &arena, &check, &page, &error) == OK && check.count == 0)
			ENSURE(page.page.limit >= 1 && page.page.limit <= LIMIT_PAGE);
		(void)query_list(&query, "event_types", &arena);
	} else {
		ENSURE(error.text[0] != '\0');
	}
	arena_free(&arena);
}

static void
fuzz_body(struct slice text, unsigned which)
{
	static const struct config config = {.delivery_allow_http = true};
	struct arena arena = ARENA_EMPTY;
	struct check check;
	struct error error = ERROR_NONE;
	struct json object;
	check_init(&check, &arena, "body");
	struct in in = {.arena = &arena, .check = &check, .patch = (which & 8) != 0};
	if (json_parse(text, LIMIT_JSON_DEPTH, &object, &error) != OK || object.type != JSON_OBJECT) {
		arena_free(&arena);
		return;
	}
	struct organisation_in organisation;
	struct endpoint_in endpoint;
	struct event_type_in type;
	struct rotate_in rotate;
	struct organisation *made = NULL;
	struct message *message = NULL;
	switch (which % 6) {
	case 0: organisation_in_read(&in, object, &organisation); break;
	case 1: endpoint_in_read(&in, object, &config, &endpoint); break;
	case 2: event_type_in_read(&in, object, true, &type); break;
	case 3: rotate_in_read(&in, object, object.raw.len % 2 == 0, &rotate); break;
	case 4: (void)headers_in_read(&in, object); break;
	default:
		message = message_new();
		message_in_read(&in, object, SLICE("desk"), message, &made);
		/* The payload is the very bytes that were posted. */
		if (check.count == 0 && slice_present(message->payload))
			ENSURE(message->payload.len <= text.len);
		message_unref(message);
		break;
	}
	for (size_t i = 0; i < check.count && i < CHECK_ITEMS_MAX; i++)
		ENSURE(check.items[i].message.len > 0 && check.items[i].type != NULL);
	arena_free(&arena);
}

/* --- the reader of requests -------------------------------------------------------------------------- */

/* What comes of all the requests in some bytes. */
struct reading {
	struct http_request last;
	struct buf text; /* of each request: its parts, and its body */
	size_t requests, used;
};

static void
note_head(struct reading *reading, const struct http_request *request)
{
	buf_printf(&reading->text, "%.*s|%.*s|%.*s|%d%d%d%d\n", SLICE_ARG(request->method), SLICE_ARG(request->path),
	    SLICE_ARG(request->query), slice_present(request->query), request->keep, request->old, request->expects);
	ENSURE(request->headers.count <= LIMIT_HEADERS);
	for (size_t i = 0; i < request->headers.count; i++) {
		struct http_header header = request->headers.items[i];
		ENSURE(header.name.len > 0 && memchr(header.value.ptr, '\n', header.value.len) == NULL);
		buf_printf(&reading->text, "%.*s: %.*s\n", SLICE_ARG(header.name), SLICE_ARG(header.value));
	}
}

/* One request, from where the last one ended. False: there is no whole one. */
static bool
read_request(struct reading *reading, struct slice bytes, uint32_t *random)
{
	struct http_request *request = &reading->last;
	struct arena arena = ARENA_EMPTY;
	size_t used = 0, come = 0, content_bytes = 0;
	http_request_begin(request, BODY_MAX);
	while (request->stage < HTTP_WHOLE) {
		if (used == come || request->stage <= HTTP_FIELDS) {
			if (come == bytes.len)
				break;
			/* Pieces: all at once, single bytes, or mixed. */
			size_t piece = *random == 0 ? bytes.len : *random == 1 ? 1 : 1 + (*random >> 24) % 37;
			if (*random > 1)
				*random = (*random * 1664525 + 1013904223) | 2;
			come = bytes.len - come < piece ? bytes.len : come + piece;
		}
		if (request->stage <= HTTP_FIELDS) {
			used = http_request_head(request, (struct slice){bytes.ptr, come}, &arena);
			ENSURE(used <= come && used <= LIMIT_HEADER_BYTES);
			if (request->stage > HTTP_FIELDS && request->stage != HTTP_REFUSED)
				note_head(reading, request);
			continue;
		}
		struct slice content;
		size_t taken = http_request_body(request, (struct slice){bytes.ptr + used, come - used}, &content);
		ENSURE(taken > 0 && taken <= come - used && content.len <= taken);
		used += taken;
		content_bytes += content.len;
		ENSURE(content_bytes <= BODY_MAX && content_bytes == request->body_bytes);
		buf_append(&reading->text, content);
	}
	ENSURE((request->stage == HTTP_REFUSED) == (request->refusal.status != 0));
	/* Slices of the arena must not be looked at any more. */
	request->headers = (struct http_headers){NULL, 0};
	arena_free(&arena);
	reading->used += used;
	return request->stage == HTTP_WHOLE;
}

static void
read_all(struct reading *reading, struct slice bytes, uint32_t seed)
{
	*reading = (struct reading){.used = 0};
	buf_init(&reading->text, 1 << 24);
	while (read_request(reading, slice_skip(bytes, reading->used), &seed)) {
		reading->requests++;
		if (!reading->last.keep)
			break;
	}
}

static size_t
fuzz_reader(struct slice bytes)
{
	struct reading whole;
	read_all(&whole, bytes, 0);
	for (uint32_t seed = 1; seed < 4; seed++) {
		struct reading pieces;
		read_all(&pieces, bytes, seed == 1 ? 1 : seed * 2654435761U);
		ENSURE(whole.requests == pieces.requests && whole.last.stage == pieces.last.stage);
		ENSURE(whole.last.refusal.status == pieces.last.refusal.status);
		ENSURE(whole.last.refusal.detail == pieces.last.refusal.detail);
		ENSURE(slice_equal(buf_slice(&whole.text), buf_slice(&pieces.text)));
		buf_free(&pieces.text);
	}
	size_t answers = whole.requests + (whole.last.stage == HTTP_REFUSED);
	buf_free(&whole.text);
	return answers;
}

/* --- connections ------------------------------------------------------------------------------------- */

struct visit {
	struct loop *loop;
	struct http_server *server;
	int client;
	size_t handed, answered, gone;
	char first[9];
	size_t received;
};

static void
on_request(void *context, struct http_exchange *exchange)
{
	struct visit *visit = context;
	visit->handed++;
	ENSURE(exchange->body.len <= BODY_MAX);
	visit->answered++;
	http_reply(exchange, 200, SLICE("{}"), NULL);
}

static void
on_gone(void *context, struct http_exchange *exchange)
{
	(void)exchange;
	((struct visit *)context)->gone++;
}

static void
on_mail(void *context, struct mail_list mail)
{
	(void)context;
	(void)mail;
}

static int64_t
on_turn(void *context)
{
	struct visit *visit = context;
	int64_t wait = http_server_turn(visit->server);
	for (;;) {
		char bytes[4096];
		ssize_t got = recv(visit->client, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			loop_stop(visit->loop);
			return 0;
		}
		if (got < 0)
			return wait < 0 || wait > TURN_US ? TURN_US : wait;
		for (ssize_t i = 0; i < got && visit->received < sizeof visit->first; i++)
			visit->first[visit->received++] = bytes[i];
	}
}

static int
connect_to(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ENSURE(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static void
fuzz_connection(struct slice bytes, size_t answers)
{
	static const struct log silent = {.level = LOG_ERROR, .fd = -1};
	struct visit visit = {.client = -1};
	struct error error = ERROR_NONE;
	visit.loop = loop_new(&(struct loop_handlers){.mail = on_mail, .turn = on_turn}, &visit);
	struct http_options options = {.loop = visit.loop,
	    .host = "127.0.0.1",
	    .port = "0",
	    .body_max = BODY_MAX,
	    .handlers = {.request = on_request, .gone = on_gone},
	    .context = &visit,
	    .log = &silent};
	ENSURE(http_server_new(&options, &visit.server, &error) == OK);
	visit.client = connect_to(http_server_port(visit.server));
	ssize_t sent = send(visit.client, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	ENSURE(shutdown(visit.client, SHUT_WR) == 0);
	loop_run(visit.loop);
	static const char status[] = "HTTP/1.1 ";
	ENSURE(memcmp(visit.first, status, visit.received) == 0);
	ENSURE(visit.answered == visit.handed && visit.gone == 0);
	if (sent == (ssize_t)bytes.len)
		ENSURE(visit.handed == answers || visit.handed + 1 == answers);
	close(visit.client);
	http_server_free(visit.server);
	loop_free(visit.loop);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice rest = {(const char *)data + 1, size - 1};
	if (data[0] == 'q')
		fuzz_query(rest);
	else if (data[0] == 'h')
		(void)fuzz_reader(rest);
	else if (data[0] == 'H')
		fuzz_connection(rest, fuzz_reader(rest));
	else
		fuzz_body(rest, data[0]);
	return 0;
}
