/* Requests to the server. The first byte says what the rest is: a query string, the JSON of an operation, or bytes on a
 * connection, which go to the HTTP server over a real socket and end there.
 *
 * Nothing is read beyond its limits; what is faulty is said with at least one fault; every request that the server hands
 * over is answered or gone, and whatever it sends begins with a status line. */
#include "fuzz.h"

#include "server/http.h"
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

/* --- connections ------------------------------------------------------------------------------------- */

struct visit {
	struct loop *loop;
	struct http_server *server;
	int client;
	size_t turns, handed, answered, gone;
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
	/* Behind what it was sent, so that the end is news: libmicrohttpd does not look for it by itself. */
	if (++visit->turns == 2)
		shutdown(visit->client, SHUT_WR);
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
fuzz_connection(struct slice bytes)
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
	(void)send(visit.client, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	loop_run(visit.loop);
	static const char status[] = "HTTP/1.1 ";
	ENSURE(memcmp(visit.first, status, visit.received) == 0);
	ENSURE(visit.answered == visit.handed);
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
		fuzz_connection(rest);
	else
		fuzz_body(rest, data[0]);
	return 0;
}
