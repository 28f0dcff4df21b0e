/* A small HTTP server for tests of clients: a thread for each connection, an answer for each path (http_server.c). */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { HTTP_SERVER_CONNECTIONS = 512 };

/* What a connection is read and written with: plain sockets, or TLS in the tests of TLS. */
struct http_wire {
	int fd;
	void *tls;
	long (*read)(struct http_wire *wire, char *bytes, size_t length);
	long (*write)(struct http_wire *wire, const char *bytes, size_t length);
	void (*end)(struct http_wire *wire);
};

struct http_server {
	int fd, port;
	bool (*begin)(struct http_server *server, struct http_wire *wire); /* NULL: plain */
	/* True keeps the connection; NULL: the answers of http_server.c. */
	bool (*respond)(struct http_wire *wire, const char *request, size_t length);
	void *context;
	pthread_t thread;
	struct http_server_connection {
		struct http_server *server;
		int fd;
		pthread_t thread;
	} connections[HTTP_SERVER_CONNECTIONS];
	atomic_size_t connection_count, request_count;
};

void http_server_start(struct http_server *server); /* on 127.0.0.1 */
void http_server_stop(struct http_server *server);

#endif
