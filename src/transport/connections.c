#include "transport/connections.h"

#include "base/alloc.h"
#include "base/random.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { US_PER_S = 1000000 };

void
connections_init(struct connections *pool, size_t max)
{
	*pool = (struct connections){.max = max};
	random_bytes(&pool->authorities.seed, sizeof pool->authorities.seed);
}

/* --- authorities ---------------------------------------------------------------------------------------- */

static void
unused_remove(struct connections *pool, struct authority *authority)
{
	*(authority->previous != NULL ? &authority->previous->next : &pool->unused_first) = authority->next;
	*(authority->next != NULL ? &authority->next->previous : &pool->unused_last) = authority->previous;
	authority->previous = authority->next = NULL;
	pool->unused--;
}

static void
authority_free(struct connections *pool, struct authority *authority)
{
	unused_remove(pool, authority);
	table_remove(&pool->authorities, &authority->node);
	SSL_SESSION_free(authority->session);
	tls_identity_unref(authority->identity);
	free(authority);
}

void
connections_fini(struct connections *pool)
{
	ENSURE(pool->count == 0);
	while (pool->unused_first != NULL)
		authority_free(pool, pool->unused_first);
	ENSURE(pool->authorities.count == 0);
}

/* Every form that the system's own functions would take for an address is one: 127.1, 0x7f000001, 017700000001. */
static void
read_literal(struct authority *authority, bool bracketed)
{
	union address *address = &authority->literal.items[0];
	if (bracketed && inet_pton(AF_INET6, authority->host, &address->in6.sin6_addr) == 1) {
		address->in6.sin6_family = AF_INET6;
		address->in6.sin6_port = htons(authority->port);
		authority->literal.count = 1;
	} else if (!bracketed && inet_aton(authority->host, &address->in.sin_addr) == 1) {
		address->in.sin_family = AF_INET;
		address->in.sin_port = htons(authority->port);
		authority->literal.count = 1;
		/* A certificate names it in its usual form. */
		(void)inet_ntop(AF_INET, &address->in.sin_addr, authority->host, sizeof authority->host);
	}
	authority->is_address = authority->literal.count > 0;
}

static void
write_names(struct authority *authority, const struct url *url)
{
	for (size_t i = 0; i < url->host.len; i++) {
		char c = url->host.ptr[i];
		authority->host[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	size_t bytes = sizeof authority->host_header;
	int length = snprintf(authority->host_header, bytes, url->bracketed ? "[%s]" : "%s", authority->host);
	if (url->port != url_default_port(url->tls))
		snprintf(authority->host_header + length, bytes - (size_t)length, ":%u", (unsigned)url->port);
}

static bool
same_identity(const struct tls_identity *a, const struct tls_identity *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || memcmp(tls_identity_digest(a), tls_identity_digest(b), SHA256_BYTES) == 0;
}

/* The text of the Host header tells all but lane, party and scheme. */
static bool
is_for(const struct authority *authority, const struct url *url, bool exempt)
{
	if (authority->exempt != exempt || authority->tls != url->tls || authority->port != url->port)
		return false;
	struct slice text = slice_of(authority->host_header);
	if ((text.ptr[0] == '[') != url->bracketed)
		return false;
	if (url->bracketed)
		text = slice_skip(text, 1);
	if (text.len < url->host.len)
		return false;
	char behind = text.ptr[url->host.len];
	text.len = url->host.len;
	return (behind == '\0' || behind == ':' || behind == ']') && slice_equal_nocase(text, url->host);
}

struct authority *
connections_authority(
    struct connections *pool, const struct url *url, bool exempt, int64_t party, struct tls_identity *identity)
{
	uint64_t extra = (uint64_t)url->port << 2 | (uint64_t)url->tls << 1 | (uint64_t)exempt;
	uint64_t of_identity = 0;
	if (identity != NULL)
		memcpy(&of_identity, tls_identity_digest(identity), sizeof of_identity);
	extra ^= (uint64_t)party << 20 ^ of_identity;
	uint64_t hash = table_hash(&pool->authorities, url->host, extra);
	for (struct table_node *node = table_first(&pool->authorities, hash); node != NULL; node = table_next(node)) {
		struct authority *known = CONTAINER_OF(node, struct authority, node);
		if (!is_for(known, url, exempt) || known->party != party || !same_identity(known->identity, identity))
			continue;
		if (known->uses++ == 0)
			unused_remove(pool, known);
		return known;
	}
	struct authority *authority = mem_zero(1, sizeof *authority);
	authority->exempt = exempt;
	authority->tls = url->tls;
	authority->port = url->port;
	authority->uses = 1;
	authority->party = party;
	authority->identity = tls_identity_ref(identity);
	write_names(authority, url);
	read_literal(authority, url->bracketed);
	table_add(&pool->authorities, &authority->node, hash);
	return authority;
}

void
connections_use(struct authority *authority)
{
	ENSURE(authority->uses > 0);
	authority->uses++;
}

void
connections_release(struct connections *pool, struct authority *authority)
{
	if (--authority->uses > 0)
		return;
	authority->previous = pool->unused_last;
	*(pool->unused_last != NULL ? &pool->unused_last->next : &pool->unused_first) = authority;
	pool->unused_last = authority;
	pool->unused++;
	if (pool->unused > CONNECTIONS_REMEMBERED_MAX)
		authority_free(pool, pool->unused_first);
}

/* Those of authorities in use too: the list of all is the table. */
void
connections_forget_sessions(struct connections *pool, const struct tls_identity *identity)
{
	for (size_t i = 0; i < TABLE_BUCKETS; i++) {
		for (struct table_node *node = pool->authorities.buckets[i]; node != NULL; node = node->next) {
			struct authority *one = CONTAINER_OF(node, struct authority, node);
			if (one->identity == NULL || !same_identity(one->identity, identity))
				continue;
			SSL_SESSION_free(one->session);
			one->session = NULL;
		}
	}
}

void
connections_remember(struct authority *authority, SSL_SESSION *session, struct mono_time now)
{
	SSL_SESSION_free(authority->session);
	authority->session = session;
	authority->session_since = now;
}

SSL_SESSION *
connections_session(struct authority *authority, struct mono_time now)
{
	if (now.us - authority->session_since.us < (int64_t)CONNECTIONS_AGE_S * US_PER_S)
		return authority->session;
	SSL_SESSION_free(authority->session);
	authority->session = NULL;
	return NULL;
}

/* --- idle connections ----------------------------------------------------------------------------------- */

void
connections_put(struct connections *pool, struct connection *connection, struct mono_time now, int64_t idle_us)
{
	connection->stage = CONNECTION_IDLE;
	connection->idle_until_us = now.us + idle_us;
	connection->above = NULL;
	connection->below = connection->authority->idle;
	if (connection->below != NULL)
		connection->below->above = connection;
	connection->authority->idle = connection;

	connection->newer = NULL;
	connection->older = pool->newest;
	*(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = connection;
	pool->newest = connection;
}

void
connections_remove(struct connections *pool, struct connection *connection)
{
	*(connection->above != NULL ? &connection->above->below : &connection->authority->idle) = connection->below;
	if (connection->below != NULL)
		connection->below->above = connection->above;
	*(connection->older != NULL ? &connection->older->newer : &pool->oldest) = connection->newer;
	*(connection->newer != NULL ? &connection->newer->older : &pool->newest) = connection->older;
	connection->above = connection->below = connection->older = connection->newer = NULL;
}

struct connection *
connections_take(struct authority *authority, struct connections *pool, struct mono_time now)
{
	for (struct connection *one = authority->idle; one != NULL; one = one->below) {
		if (one->idle_until_us <= now.us || now.us - one->born.us > (int64_t)CONNECTIONS_AGE_S * US_PER_S)
			continue;
		connections_remove(pool, one);
		one->stage = CONNECTION_BUSY;
		one->reused = true;
		return one;
	}
	return NULL;
}
