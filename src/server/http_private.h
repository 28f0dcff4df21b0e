/* What the files of the HTTP adapter share. */
#ifndef SERVER_HTTP_PRIVATE_H
#define SERVER_HTTP_PRIVATE_H

#include "server/http.h"

#include <microhttpd.h>

enum { DRAIN_BYTES_MAX = 8 << 20, DRAIN_US = 2000000, REFUSAL_BYTES_MAX = 512 };

/* A socket that listens on a numeric address, for IPv4 or IPv6; port "0" takes a free one. */
MUST_CHECK enum error_code http_listen(const char *host, const char *port, int *out, struct error *error);
int http_port_of(int fd);

/* What makes a request's framing one that two readers could understand differently (RFC 9112 section 6.3), or
 * more than is taken. */
struct framing {
	int status;	  /* 0: fine */
	const char *code; /* of the error answer */
	const char *detail;
	size_t length; /* announced; 0 when there is none */
};

/* `host_wanted`: of HTTP/1.1 (RFC 9112 section 3.2). */
struct framing http_framing_check(const struct http_headers *headers, bool host_wanted, size_t body_max);

/* A refused client may still be sending. Closing on unread bytes would reset the connection and could take the
 * answer with it, so the socket is kept open beside the daemon's, read and dropped for a short while. */
struct drain {
	struct loop_source source;
	struct drain_list *list;
	struct drain *previous, *next;
	struct mono_time until;
	size_t left; /* bytes that are still read */
};

struct drain_list {
	struct loop *loop;
	struct drain *first;
};

void drain_start(struct drain_list *list, int fd, struct mono_time now);
/* Ends what has lasted long enough. Returns microseconds until the next one ends, -1 when there is none. */
int64_t drain_sweep(struct drain_list *list, struct mono_time now);
void drain_end_all(struct drain_list *list);

#endif
