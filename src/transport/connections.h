/* Who is sent to, and the connections that are kept to each. An authority is a scheme, a host and a port in one lane:
 * guarded and exempt requests share nothing, because a kept connection was judged when it was made. Nor do those of two
 * parties, or of two TLS identities: a kept connection speaks for whoever it was made for.
 *
 * Invariants
 * 1. There are at most `max` connections; an idle one makes room for a new one, the oldest first.
 * 2. An idle connection is in two lists, its authority's (last in, first out: the rest may grow old and go) and that of
 *    all (in the order in which they became idle).
 * 3. An authority lives while somebody uses it: a request, a connection. The latest others are remembered for their TLS
 *    sessions. */
#ifndef TRANSPORT_CONNECTIONS_H
#define TRANSPORT_CONNECTIONS_H

#include "transport/resolver.h"
#include "transport/stream.h"
#include "transport/table.h"
#include "transport/tls_identity.h"
#include "transport/url.h"

enum {
	CONNECTIONS_REMEMBERED_MAX = 256, /* authorities that nobody uses */
	CONNECTIONS_IDLE_S = 60,
	/* How old a connection or a TLS session may grow before the name and the certificate are looked at again. */
	CONNECTIONS_AGE_S = 600,
};

struct authority {
	struct table_node node;
	struct authority *previous, *next; /* among the unused */
	bool exempt, tls, is_address;
	int64_t party;
	struct tls_identity *identity; /* NULL: the defaults */
	struct wall_time peer_expires; /* of the certificate seen last */
	uint16_t port;
	size_t uses;
	struct addresses literal; /* of a host that is an address itself, in whatever form; else empty */
	struct connection *idle;  /* the last one put */
	SSL_SESSION *session;
	struct mono_time session_since;
	char host[URL_HOST_BYTES + 1];	      /* lower case, no brackets */
	char host_header[URL_HOST_BYTES + 9]; /* with brackets, and the port unless it is the scheme's */
};

enum connection_stage { CONNECTION_CONNECTING, CONNECTION_SHAKING, CONNECTION_BUSY, CONNECTION_IDLE };

struct connection {
	struct loop_source source;
	struct stream stream;
	enum connection_stage stage;
	void *owner; /* of the pool */
	struct authority *authority;
	struct exchange *exchange;	  /* whom it serves; NULL when idle */
	struct connection *below, *above; /* idle: in the authority's list */
	struct connection *older, *newer; /* idle: in the list of all */
	struct mono_time born;
	int64_t idle_until_us;
	bool reused;
	bool retired; /* not kept when it becomes idle */
};

struct connections {
	size_t count, max;
	struct connection *oldest, *newest; /* of the idle */
	struct table authorities;
	struct authority *unused_first, *unused_last;
	size_t unused;
};

void connections_init(struct connections *pool, size_t max);
void connections_fini(struct connections *pool); /* nobody may use it any more */

/* The authority of a URL; it is in use until released. */
struct authority *connections_authority(
    struct connections *pool, const struct url *url, bool exempt, int64_t party, struct tls_identity *identity);
void connections_use(struct authority *authority);
void connections_release(struct connections *pool, struct authority *authority);
/* Sessions made under an identity that is used no more. */
void connections_forget_sessions(struct connections *pool, const struct tls_identity *identity);
/* A session for later; taken over. */
void connections_remember(struct authority *authority, SSL_SESSION *session, struct mono_time now);
SSL_SESSION *connections_session(struct authority *authority, struct mono_time now); /* borrowed; NULL: none */

/* The idle connection used last, for another request; NULL: none that is young enough. */
struct connection *connections_take(struct authority *authority, struct connections *pool, struct mono_time now);
/* It has become idle, for so long at most. */
void connections_put(struct connections *pool, struct connection *connection, struct mono_time now, int64_t idle_us);
/* Takes an idle connection out. */
void connections_remove(struct connections *pool, struct connection *connection);

#endif
