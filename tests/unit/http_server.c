#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES = 4 << 20 };

static long
plain_read(struct http_wire *wire, char *bytes, size_t length)
{
	return recv(wire->fd, bytes, length, 0);
}

static long
plain_write(struct http_wire *wire, const char *bytes, size_t length)
{
	return send(wire->fd, bytes, length, MSG_NOSIGNAL);
}

static bool
put(struct http_wire *wire, const char *bytes, size_t length)
{
	while (length > 0) {
		long written = wire->write(wire, bytes, length);
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

static bool
put_text(struct http_wire *wire, const char *text)
{
	return put(wire, text, strlen(text));
}

static bool
answer(struct http_wire *wire, const char *status, const char *headers, const char *body, size_t length)
{
	char head[256];
	snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%scontent-length: %zu\r\n\r\n", status, headers, length);
	return put_text(wire, head) && put(wire, body, length);
}

/* Closes with a reset instead of an end. */
static bool
reset(struct http_wire *wire)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	return false;
}

static bool
wait_for_end(struct http_wire *wire)
{
	char byte;
	while (wire->read(wire, &byte, 1) > 0)
		continue;
	return false;
}

/* In blocks of many pieces: a system call for each would take a second to fill the client's limits. */
static bool
put_forever(struct http_wire *wire, const char *head, const char *piece)
{
	char block[4096];
	size_t length = strlen(piece), filled = 0;
	for (; filled + length <= sizeof block; filled += length)
		memcpy(block + filled, piece, length);
	if (!put_text(wire, head))
		return false;
	while (put(wire, block, filled))
		continue;
	return false;
}

static bool
is_path(const char *request, const char *path)
{
	return strncmp(request, "POST ", 5) == 0 && strncmp(request + 5, path, strlen(path)) == 0 &&
	       request[5 + strlen(path)] == ' ';
}

/* True keeps the connection. */
static bool
respond(struct http_wire *wire, const char *request, size_t length)
{
	if (is_path(request, "/500"))
		return answer(wire, "500 Oops", "", "no", 2);
	if (is_path(request, "/redirect"))
		return answer(wire, "302 Found", "location: /200\r\n", "", 0);
	if (is_path(request, "/huge"))
		return put_forever(wire, "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n", "0123456789abcdef");
	if (is_path(request, "/endless"))
		return put_forever(wire, "HTTP/1.1 429 Slow\r\ntransfer-encoding: chunked\r\n\r\n", "4\r\nabcd\r\n");
	if (is_path(request, "/headers"))
		return put_forever(wire, "HTTP/1.1 200 OK\r\n", "x-more: 0123456789\r\n");
	if (is_path(request, "/slow"))
		return wait_for_end(wire);
	if (is_path(request, "/half"))
		return put_text(wire, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it") && reset(wire);
	if (is_path(request, "/short"))
		return put_text(wire, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it") && false;
	if (is_path(request, "/none"))
		return false;
	if (is_path(request, "/garbage"))
		return put_text(wire, "hello\nthere\n") && false;
	if (is_path(request, "/close"))
		return answer(wire, "200 OK", "connection: close\r\n", "ok", 2) && false;
	/* Without a word of warning, as servers do with connections that they kept for long enough. */
	if (is_path(request, "/drop"))
		return answer(wire, "200 OK", "", "ok", 2) && false;
	if (is_path(request, "/echo"))
		return answer(wire, "200 OK", "", request, length);
	return answer(wire, "200 OK", "", "ok", 2);
}

/* The length of the request at the start of `bytes`; 0 as long as it is not whole. */
static size_t
request_length(const char *bytes, size_t length)
{
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end == NULL)
		return 0;
	size_t head = (size_t)(end - bytes) + 4, body = 0;
	static const char name[] = "\r\nContent-Length: ";
	const char *at = memmem(bytes, head, name, sizeof name - 1);
	if (at != NULL)
		body = strtoul(at + sizeof name - 1, NULL, 10);
	return length < head + body ? 0 : head + body;
}

static void *
serve(void *context)
{
	struct http_server_connection *connection = context;
	struct http_wire wire = {.fd = connection->fd, .read = plain_read, .write = plain_write};
	char *bytes = malloc(REQUEST_BYTES);
	bool more = connection->server->begin == NULL || connection->server->begin(connection->server, &wire);
	for (size_t have = 0; more;) {
		size_t length = request_length(bytes, have);
		if (length == 0) {
			long count = have < REQUEST_BYTES ? wire.read(&wire, bytes + have, REQUEST_BYTES - have) : 0;
			more = count > 0;
			have += count > 0 ? (size_t)count : 0;
			/* The start of a TLS handshake, to a server that does not speak it. */
			if (have > 0 && bytes[0] == 0x16)
				more = answer(&wire, "400 Bad Request", "", "", 0) && false;
			continue;
		}
		atomic_fetch_add(&connection->server->request_count, 1);
		more =
		    (connection->server->respond != NULL ? connection->server->respond : respond)(&wire, bytes, length);
		memmove(bytes, bytes + length, have - length);
		have -= length;
	}
	free(bytes);
	if (wire.end != NULL)
		wire.end(&wire);
	/* The number stays taken until http_server_stop; the connection ends here. */
	struct linger linger = {0};
	socklen_t size = sizeof linger;
	getsockopt(wire.fd, SOL_SOCKET, SO_LINGER, &linger, &size);
	if (linger.l_onoff)
		connect(wire.fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
	shutdown(wire.fd, SHUT_RDWR);
	return NULL;
}

static void *
listen_thread(void *context)
{
	struct http_server *server = context;
	for (;;) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		size_t at = atomic_load(&server->connection_count);
		if (at == HTTP_SERVER_CONNECTIONS)
			abort();
		struct http_server_connection *connection = &server->connections[at];
		connection->server = server;
		connection->fd = fd;
		/* Counted before it is served: whoever has an answer finds its connection counted. */
		atomic_store(&server->connection_count, at + 1);
		if (pthread_create(&connection->thread, NULL, serve, connection) != 0)
			abort();
	}
}

void
http_server_start(struct http_server *server)
{
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	if (bind(server->fd, (struct sockaddr *)&address, length) != 0 || listen(server->fd, 512) != 0 ||
	    getsockname(server->fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	server->port = ntohs(address.sin_port);
	if (pthread_create(&server->thread, NULL, listen_thread, server) != 0)
		abort();
}

void
http_server_stop(struct http_server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	for (size_t i = 0; i < atomic_load(&server->connection_count); i++) {
		shutdown(server->connections[i].fd, SHUT_RDWR);
		pthread_join(server->connections[i].thread, NULL);
		close(server->connections[i].fd);
	}
}
