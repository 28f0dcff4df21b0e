/* The adapter's life of a connection:
 *
 *   IDLE ──request line──▶ HEAD ──headers──▶ BODY ──whole──▶ HANDLING ──not answered at once──▶ SUSPENDED
 *    ▲                       │ bad framing, or too large │       │ http_reply                     │ http_reply
 *    │                       └──────────▶ ANSWERED ◀─────┴───────┴────────────────────────────────┘
 *    └───────────────completed (also: the client left)──────┘
 *
 * One struct for each connection carries its one exchange, so a request costs no allocation beyond its arena and
 * body. libmicrohttpd's own time-out counts silence; a client that sends a byte now and then would live for ever,
 * so what is IDLE, HEAD or BODY also has a deadline here. */
#include "server/http_private.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUNS_PER_TURN = 4, BODY_FIRST_BYTES = 4096, TLS_OPTIONS = 4 };

enum connection_state { IDLE, HEAD, BODY, HANDLING, SUSPENDED, ANSWERED };

struct connection {
	struct http_exchange exchange;
	struct http_server *server;
	struct MHD_Connection *mhd;
	enum connection_state state;
	int fd;
	struct connection *previous, *next; /* in one of the server's lists, or in none (ANSWERED) */
	struct mono_time since;		    /* of IDLE; of the request line for HEAD and BODY */
	char *body;
	size_t body_bytes, body_room;
	struct http_certificate *certificate; /* once somebody has asked for it */
	struct arena arena;		      /* as long as the connection */
};

struct connection_list {
	struct connection *first, *last;
};

static const char stopping_text[] = "{\"code\":\"unavailable\",\"detail\":\"The server is stopping.\"}";
static const struct slice stopping_body = {stopping_text, sizeof stopping_text - 1};

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemon;
	struct loop_source source; /* the daemon's epoll descriptor */
	int listen_fd, port;
	bool ready;   /* the source is readable */
	bool resumed; /* a suspended exchange was answered */
	bool quiesced;
	size_t body_rooms;		  /* of all connections */
	bool stopping;			  /* nothing is handed over any more */
	struct mono_time now;		  /* of this turn */
	struct mono_time due;		  /* when the daemon wants to run by itself; 0: never */
	struct connection_list receiving; /* IDLE, HEAD, BODY: by rising `since` */
	struct connection_list suspended;
	struct drain_list draining;
};

/* --- lists ------------------------------------------------------------------------------------------ */

static struct connection_list *
list_of(struct connection *connection)
{
	switch (connection->state) {
	case IDLE:
	case HEAD:
	case BODY: return &connection->server->receiving;
	case SUSPENDED: return &connection->server->suspended;
	case HANDLING:
	case ANSWERED: return NULL;
	}
	UNREACHABLE();
}

static void
list_remove(struct connection_list *list, struct connection *connection)
{
	*(connection->previous == NULL ? &list->first : &connection->previous->next) = connection->next;
	*(connection->next == NULL ? &list->last : &connection->next->previous) = connection->previous;
	connection->previous = connection->next = NULL;
}

static void
list_append(struct connection_list *list, struct connection *connection)
{
	connection->previous = list->last;
	*(list->last == NULL ? &list->first : &list->last->next) = connection;
	list->last = connection;
	connection->since = connection->server->now;
}

/* The one function that changes a connection's state. */
static void
enter(struct connection *connection, enum connection_state state)
{
	bool same_clock = connection->state == HEAD && state == BODY;
	struct connection_list *from = list_of(connection);
	if (from != NULL && !same_clock)
		list_remove(from, connection);
	connection->state = state;
	struct connection_list *to = list_of(connection);
	if (to != NULL && !same_clock)
		list_append(to, connection);
}

/* --- answers ---------------------------------------------------------------------------------------- */

static void
queue_answer(
    struct connection *connection, int status, struct slice body, const struct http_headers *headers, bool close)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    body.len, (void *)(uintptr_t)(body.ptr == NULL ? "" : body.ptr), MHD_RESPMEM_MUST_COPY);
	ENSURE(response != NULL);
	bool typed = body.len == 0;
	for (size_t i = 0; headers != NULL && i < headers->count; i++) {
		struct arena *arena = &connection->exchange.arena;
		const char *name = arena_string(arena, headers->items[i].name);
		if (slice_equal_nocase(headers->items[i].name, SLICE("content-type")))
			typed = true;
		(void)MHD_add_response_header(response, name, arena_string(arena, headers->items[i].value));
	}
	if (!typed)
		(void)MHD_add_response_header(response, "content-type", "application/json");
	if (close || connection->server->quiesced)
		(void)MHD_add_response_header(response, "connection", "close");
	/* A refusal here means that the daemon is closing the connection already. */
	(void)MHD_queue_response(connection->mhd, (unsigned)status, response);
	MHD_destroy_response(response);
}

void
http_reply(struct http_exchange *exchange, int status, struct slice body, const struct http_headers *headers)
{
	struct connection *connection = exchange->state;
	ENSURE(connection->state == HANDLING || connection->state == SUSPENDED);
	bool suspended = connection->state == SUSPENDED;
	queue_answer(connection, status, body, headers, false);
	enter(connection, ANSWERED);
	if (suspended) {
		connection->server->resumed = true;
		MHD_resume_connection(connection->mhd);
	}
}

static struct slice
refusal_body(const struct framing *framing, char text[static REFUSAL_BYTES_MAX])
{
	int length =
	    snprintf(text, REFUSAL_BYTES_MAX, "{\"code\":\"%s\",\"detail\":\"%s\"}", framing->code, framing->detail);
	return (struct slice){text, (size_t)length};
}

/* Before the body: the daemon answers, reads no more and closes. */
static enum MHD_Result
refuse_early(struct connection *connection, const struct framing *framing)
{
	char text[REFUSAL_BYTES_MAX];
	enter(connection, ANSWERED);
	drain_start(&connection->server->draining, connection->fd, connection->server->now);
	queue_answer(connection, framing->status, refusal_body(framing, text), NULL, true);
	return MHD_YES;
}

static gnutls_session_t
session_of(const struct connection *connection)
{
	if (connection->server->options.tls == NULL)
		return NULL;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info == NULL ? NULL : info->tls_session;
}

/* What does not fit into the socket now is lost; the connection ends all the same. */
static void
send_past(struct connection *connection, const char *bytes, size_t length)
{
	gnutls_session_t session = session_of(connection);
	ssize_t sent = session != NULL ? gnutls_record_send(session, bytes, length)
				       : send(connection->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
}

/* Within a body: the daemon takes no answer then, so it is written past it. Nothing of this exchange was sent. */
static enum MHD_Result
refuse_late(struct connection *connection, const struct framing *framing)
{
	char body[REFUSAL_BYTES_MAX], answer[2 * REFUSAL_BYTES_MAX];
	struct slice text = refusal_body(framing, body);
	int length = snprintf(answer, sizeof answer,
	    "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
	    "connection: close\r\n\r\n%.*s",
	    framing->status, framing->status == 413 ? "Content Too Large" : "Too Many Requests\r\nretry-after: 1",
	    text.len, SLICE_ARG(text));
	send_past(connection, answer, (size_t)length);
	enter(connection, ANSWERED);
	drain_start(&connection->server->draining, connection->fd, connection->server->now);
	return MHD_NO;
}

/* --- requests --------------------------------------------------------------------------------------- */

static enum MHD_Result
add_header(
    void *context, enum MHD_ValueKind kind, const char *name, size_t name_bytes, const char *value, size_t value_bytes)
{
	(void)kind;
	struct http_headers *headers = context;
	struct slice text = value == NULL ? (struct slice){"", 0} : (struct slice){value, value_bytes};
	headers->items[headers->count++] = (struct http_header){{name, name_bytes}, slice_trim(text)};
	return MHD_YES;
}

/* The one function that allocates for bodies; 0 frees. */
static void
give_room(struct connection *connection, size_t room)
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

static enum MHD_Result
begin_body(struct connection *connection, const char *method, const char *version)
{
	struct http_exchange *exchange = &connection->exchange;
	exchange->method = slice_of(method);
	exchange->peer = MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	int count = MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, NULL, NULL);
	exchange->headers.items = arena_alloc(&exchange->arena, (size_t)count * sizeof *exchange->headers.items);
	exchange->headers.count = 0;
	MHD_get_connection_values_n(connection->mhd, MHD_HEADER_KIND, add_header, &exchange->headers);
	struct framing framing = http_framing_check(
	    &exchange->headers, strcmp(version, "HTTP/1.0") != 0, connection->server->options.body_max);
	if (framing.status != 0)
		return refuse_early(connection, &framing);
	/* What is announced is not what is sent: room grows as bytes come. */
	if (connection->body == NULL && framing.length > 0) {
		give_room(connection, BODY_FIRST_BYTES);
	}
	enter(connection, BODY);
	return MHD_YES;
}

static enum MHD_Result
take_body(struct connection *connection, struct slice bytes)
{
	size_t wanted = connection->body_bytes + bytes.len, max = connection->server->options.body_max;
	if (wanted > max) {
		struct framing framing = {413, "payload_too_large", "The body is larger than this server takes.", 0};
		return refuse_late(connection, &framing);
	}
	if (wanted > connection->body_room) {
		size_t room = 2 * connection->body_room < wanted ? wanted : 2 * connection->body_room;
		if (connection->server->body_rooms >= LIMIT_BODIES_BYTES) {
			struct framing full = {429, "too_many_requests",
			    "The server is reading as much as it keeps in memory; send this again a little later.", 0};
			return refuse_late(connection, &full);
		}
		give_room(connection, room > max ? max : room);
	}
	memcpy(connection->body + connection->body_bytes, bytes.ptr, bytes.len);
	connection->body_bytes = wanted;
	return MHD_YES;
}

static enum MHD_Result
hand_over(struct connection *connection)
{
	struct http_server *server = connection->server;
	connection->exchange.body =
	    (struct slice){connection->body == NULL ? "" : connection->body, connection->body_bytes};
	enter(connection, HANDLING);
	if (server->stopping)
		http_reply(&connection->exchange, 503, stopping_body, NULL);
	else
		server->options.handlers.request(server->options.context, &connection->exchange);
	if (connection->state == HANDLING) {
		enter(connection, SUSPENDED);
		MHD_suspend_connection(connection->mhd);
	}
	return MHD_YES;
}

static enum MHD_Result
on_access(void *context, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_bytes, void **request)
{
	(void)context, (void)mhd, (void)url;
	struct connection *connection = *request;
	if (connection->state == HEAD)
		return begin_body(connection, method, version);
	if (connection->state != BODY) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (*upload_bytes == 0)
		return hand_over(connection);
	struct slice bytes = {upload, *upload_bytes};
	*upload_bytes = 0;
	return take_body(connection, bytes);
}

/* The request line is here: the only moment at which the daemon shows the target as it was sent. What this
 * returns is what on_access and on_completed get. */
static void *
on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
	(void)context;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *connection = info->socket_context;
	struct http_exchange *exchange = &connection->exchange;
	struct slice query = arena_copy(&exchange->arena, slice_of(target));
	exchange->path = slice_cut(&query, '?');
	exchange->query = query;
	enter(connection, HEAD);
	return connection;
}

static size_t
keep_undecoded(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context, (void)mhd;
	return strlen(text);
}

static void
on_completed(void *context, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
	(void)context, (void)mhd, (void)why;
	struct connection *connection = *request;
	struct http_server *server = connection->server;
	if (connection->state == SUSPENDED || connection->state == HANDLING)
		server->options.handlers.gone(server->options.context, &connection->exchange);
	/* One block and a small body's room stay for the connection's next request. */
	arena_reset(&connection->exchange.arena);
	connection->exchange = (struct http_exchange){.state = connection, .arena = connection->exchange.arena};
	if (connection->body_room > BODY_FIRST_BYTES) {
		give_room(connection, 0);
	}
	connection->body_bytes = 0;
	enter(connection, IDLE);
}

static void
on_connection(void *context, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = context;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		struct connection *connection = mem_zero(1, sizeof *connection);
		connection->exchange.state = connection;
		connection->server = server;
		connection->mhd = mhd;
		connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		connection->state = ANSWERED;
		enter(connection, IDLE);
		*slot = connection;
	} else {
		struct connection *connection = *slot;
		enter(connection, ANSWERED);
		arena_free(&connection->exchange.arena);
		arena_free(&connection->arena);
		give_room(connection, 0);
		free(connection);
	}
}

/* --- the daemon ------------------------------------------------------------------------------------- */

static void
on_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	CONTAINER_OF(source, struct http_server, source)->ready = true;
}

/* GnuTLS hands the daemon's connection to the callback, and the connection knows its server. */
static int
on_certificate(gnutls_session_t session, const gnutls_datum_t *issuers UNUSED, int issuer_count UNUSED,
    const gnutls_pk_algorithm_t *algorithms UNUSED, int algorithm_count UNUSED, gnutls_pcert_st **certificates,
    unsigned *count, gnutls_privkey_t *key)
{
	struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
	ENSURE(mhd != NULL);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct connection *connection = info == NULL ? NULL : info->socket_context;
	return connection == NULL ? -1 : http_tls_retrieve(connection->server->options.tls, certificates, count, key);
}

/* The daemon's options for TLS; only an end where there is none. */
static void
set_tls(const struct http_tls *tls, struct MHD_OptionItem options[static TLS_OPTIONS])
{
	size_t count = 0;
	if (tls != NULL) {
		/* POSIX has it that a function's address fits into a pointer; C does not say how it gets there. */
		const union {
			gnutls_certificate_retrieve_function2 *function;
			void *pointer;
		} callback = {on_certificate};
		options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, callback.pointer};
		options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
		    (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"};
	}
	if (tls != NULL && http_tls_authorities(tls) != NULL)
		options[count++] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)http_tls_authorities(tls)};
	options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

enum error_code
http_server_new(const struct http_options *options, struct http_server **out, struct error *error)
{
	int fd = -1;
	enum error_code code = http_listen(options->host, options->port, &fd, error);
	if (code != OK)
		return code;
	struct http_server *server = mem_zero(1, sizeof *server);
	server->options = *options;
	server->listen_fd = fd;
	server->port = http_port_of(fd);
	server->now = clock_mono();
	server->draining.loop = options->loop;
	struct MHD_OptionItem secure[TLS_OPTIONS];
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	flags |= options->tls != NULL ? (unsigned)MHD_USE_TLS : 0;
	set_tls(options->tls, secure);
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HEADER_BYTES, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)LIMIT_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_CONNECTION_IDLE_S,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_undecoded, server,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
	    MHD_OPTION_ARRAY, secure, MHD_OPTION_END);
	if (server->daemon == NULL) {
		close(fd);
		free(server);
		return error_set(error, ERR_INTERNAL, "the HTTP server cannot be started");
	}
	server->source.fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	server->source.events = EPOLLIN;
	server->source.ready = on_ready;
	/* The daemon puts its listening socket into its epoll set only when it first runs. */
	server->ready = true;
	loop_add(options->loop, &server->source);
	*out = server;
	return OK;
}

int
http_server_port(const struct http_server *server)
{
	return server->port;
}

/* Clients that take longer than they may for one request: the daemon sees the end of their stream. */
static int64_t
sweep(struct http_server *server)
{
	const int64_t limit_us = (int64_t)LIMIT_CONNECTION_IDLE_S * 1000000;
	for (struct connection *connection = server->receiving.first; connection != NULL;
	     connection = server->receiving.first) {
		int64_t left = connection->since.us + limit_us - server->now.us;
		if (left > 0)
			return left;
		shutdown(connection->fd, SHUT_RDWR);
		/* Behind the others: the daemon takes it away before it comes up again. */
		list_remove(&server->receiving, connection);
		list_append(&server->receiving, connection);
	}
	return -1;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

int64_t
http_server_turn(struct http_server *server)
{
	server->now = clock_mono();
	int64_t wait = sooner(drain_sweep(&server->draining, server->now), sweep(server));
	bool run = server->ready || server->resumed || (server->due.us != 0 && server->now.us >= server->due.us);
	if (!run)
		return sooner(wait, server->due.us == 0 ? -1 : server->due.us - server->now.us);
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
	/* Resumed connections, and those that have more than was read, ask to be run again at once. The bound lets
	 * the loop hand on what these runs have gathered. */
	for (int runs = 0; run && runs < RUNS_PER_TURN; runs++) {
		server->ready = server->resumed = false;
		(void)MHD_run(server->daemon);
		server->due.us = 0;
		run = MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
		if (!run && timeout_ms > 0)
			server->due.us = server->now.us + (int64_t)timeout_ms * 1000;
	}
	if (run) {
		server->ready = true;
		return 0;
	}
	return sooner(wait, server->due.us == 0 ? -1 : server->due.us - server->now.us);
}

void
http_server_quiesce(struct http_server *server)
{
	if (server->quiesced)
		return;
	server->quiesced = true;
	MHD_socket fd = MHD_quiesce_daemon(server->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

void
http_server_refuse(struct http_server *server)
{
	server->stopping = true;
}

void
http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	http_server_quiesce(server);
	/* The daemon must not be stopped while a connection is suspended, and what it still reads must not be
	 * suspended anew. */
	server->stopping = true;
	while (server->suspended.first != NULL) {
		struct connection *connection = server->suspended.first;
		server->options.handlers.gone(server->options.context, &connection->exchange);
		http_reply(&connection->exchange, 503, stopping_body, NULL);
	}
	(void)MHD_run(server->daemon);
	loop_remove(server->options.loop, &server->source);
	drain_end_all(&server->draining);
	MHD_stop_daemon(server->daemon);
	free(server);
}

const struct http_certificate *
http_client_certificate(struct http_exchange *exchange)
{
	struct connection *connection = exchange->state;
	gnutls_session_t session = session_of(connection);
	if (session == NULL)
		return NULL;
	/* It does not change as long as the connection lasts, and checking it costs as much as a request. */
	if (connection->certificate == NULL) {
		connection->certificate = arena_alloc(&connection->arena, sizeof *connection->certificate);
		http_tls_client(connection->server->options.tls, session, &connection->arena, connection->certificate);
	}
	return connection->certificate;
}

struct slice
http_header(const struct http_exchange *exchange, const char *name)
{
	struct slice wanted = slice_of(name);
	for (size_t i = 0; i < exchange->headers.count; i++)
		if (slice_equal_nocase(exchange->headers.items[i].name, wanted))
			return exchange->headers.items[i].value;
	return SLICE_NONE;
}
