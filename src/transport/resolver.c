#include "transport/resolver.h"

#include "base/alloc.h"
#include "base/random.h"
#include "transport/table.h"
#include "transport/url.h"

#include <ares.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>

enum { TRY_MS = 1500, TRIES = 3, US_PER_S = 1000000, SETTINGS_AGE_US = 5 * US_PER_S };
static const char settings_path[] = "/etc/resolv.conf";

/* QUEUED ──▶ ASKING ──▶ FINISHED ──reported──▶ KNOWN, or gone without an answer */
enum name_stage { NAME_QUEUED, NAME_ASKING, NAME_FINISHED, NAME_KNOWN, NAME_STAGE_COUNT };

struct name {
	struct table_node node; /* first: a node is its name */
	struct name *previous, *next;
	struct resolver *resolver;
	enum name_stage stage;
	int64_t expires_us;
	struct addresses addresses;
	struct lookup *lookups;
	char text[URL_HOST_BYTES + 1];
};

struct name_list {
	struct name *first, *last;
	size_t count;
};

/* A descriptor of c-ares in the loop. */
struct resolver_socket {
	struct loop_source source;
	struct resolver *resolver;
	struct resolver_socket *next;
};

struct resolver {
	struct resolver_options options;
	ares_channel channel;
	struct resolver_socket *sockets;
	struct table table;
	struct name_list lists[NAME_STAGE_COUNT];
	struct mono_time now;
	int64_t settings_checked_us;
	struct timespec settings_time;
};

static void
name_unlink(struct name *name)
{
	struct name_list *from = &name->resolver->lists[name->stage];
	*(name->previous != NULL ? &name->previous->next : &from->first) = name->next;
	*(name->next != NULL ? &name->next->previous : &from->last) = name->previous;
	from->count--;
}

static void
name_link(struct name *name, enum name_stage stage)
{
	struct name_list *to = &name->resolver->lists[stage];
	name->stage = stage;
	name->previous = to->last;
	name->next = NULL;
	*(to->last != NULL ? &to->last->next : &to->first) = name;
	to->last = name;
	to->count++;
}

static void
name_move(struct name *name, enum name_stage stage)
{
	name_unlink(name);
	name_link(name, stage);
}

static void
name_free(struct name *name)
{
	name_unlink(name);
	table_remove(&name->resolver->table, &name->node);
	free(name);
}

static struct name *
name_find(struct resolver *resolver, struct slice host, uint64_t hash)
{
	for (struct table_node *node = table_first(&resolver->table, hash); node != NULL; node = table_next(node)) {
		struct name *name = CONTAINER_OF(node, struct name, node);
		if (slice_equal_nocase(slice_of(name->text), host))
			return name;
	}
	return NULL;
}

static struct name *
name_new(struct resolver *resolver, struct slice host, uint64_t hash)
{
	ENSURE(host.len <= URL_HOST_BYTES);
	if (resolver->table.count >= RESOLVER_NAMES_MAX && resolver->lists[NAME_KNOWN].first != NULL)
		name_free(resolver->lists[NAME_KNOWN].first);
	struct name *name = mem_zero(1, sizeof *name);
	name->resolver = resolver;
	memcpy(name->text, host.ptr, host.len);
	table_add(&resolver->table, &name->node, hash);
	name_link(name, NAME_QUEUED);
	return name;
}

/* --- what c-ares calls ---------------------------------------------------------------------------------- */

static void
on_ready(struct loop_source *source, uint32_t events)
{
	struct resolver_socket *socket = CONTAINER_OF(source, struct resolver_socket, source);
	struct resolver *resolver = socket->resolver;
	int fd = source->fd;
	bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0, writable = (events & EPOLLOUT) != 0;
	/* The socket may be gone behind this. */
	ares_process_fd(resolver->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

static void
on_socket(void *context, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = context;
	uint32_t events = (readable ? (uint32_t)EPOLLIN : 0) | (writable ? (uint32_t)EPOLLOUT : 0);
	struct resolver_socket **at = &resolver->sockets;
	while (*at != NULL && (*at)->source.fd != fd)
		at = &(*at)->next;
	struct resolver_socket *socket = *at;
	if (socket == NULL && events != 0) {
		socket = mem_zero(1, sizeof *socket);
		socket->source = (struct loop_source){.fd = fd, .events = events, .ready = on_ready};
		socket->resolver = resolver;
		socket->next = resolver->sockets;
		resolver->sockets = socket;
		loop_add(resolver->options.loop, &socket->source);
	} else if (socket != NULL && events != 0) {
		loop_change(resolver->options.loop, &socket->source, events);
	} else if (socket != NULL) {
		loop_remove(resolver->options.loop, &socket->source);
		*at = socket->next;
		free(socket);
	}
}

static void
on_answer(void *context, int status, int timeouts, struct ares_addrinfo *answer)
{
	(void)timeouts;
	struct name *name = context;
	int64_t live_s = RESOLVER_CACHE_S;
	name->addresses.count = 0;
	for (struct ares_addrinfo_node *node = status == ARES_SUCCESS ? answer->nodes : NULL;
	     node != NULL && name->addresses.count < ADDRESSES_MAX; node = node->ai_next) {
		if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
			continue;
		union address *address = &name->addresses.items[name->addresses.count++];
		memcpy(address, node->ai_addr, node->ai_family == AF_INET ? sizeof address->in : sizeof address->in6);
		if (node->ai_ttl < live_s)
			live_s = node->ai_ttl;
	}
	if (answer != NULL)
		ares_freeaddrinfo(answer);
	name->expires_us = name->resolver->now.us + live_s * US_PER_S;
	name_move(name, NAME_FINISHED);
}

/* --- asking --------------------------------------------------------------------------------------------- */

static bool
channel_open(struct resolver *resolver)
{
	struct ares_options options = {.flags = ARES_FLAG_NOALIASES,
	    .timeout = TRY_MS,
	    .tries = TRIES,
	    .sock_state_cb = on_socket,
	    .sock_state_cb_data = resolver};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	resolver->channel = NULL;
	if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS)
		return false;
	return resolver->options.servers == NULL ||
	       ares_set_servers_ports_csv(resolver->channel, resolver->options.servers) == ARES_SUCCESS;
}

/* c-ares reads resolv.conf when a channel is made; a server that runs for months must see it change. */
static void
follow_settings(struct resolver *resolver)
{
	struct stat status;
	if (resolver->options.servers != NULL || resolver->lists[NAME_ASKING].count > 0 ||
	    resolver->now.us - resolver->settings_checked_us < SETTINGS_AGE_US)
		return;
	resolver->settings_checked_us = resolver->now.us;
	if (stat(settings_path, &status) != 0)
		return;
	bool first = resolver->settings_time.tv_sec == 0;
	bool changed = status.st_mtim.tv_sec != resolver->settings_time.tv_sec ||
		       status.st_mtim.tv_nsec != resolver->settings_time.tv_nsec;
	resolver->settings_time = status.st_mtim;
	if (first || !changed)
		return;
	ares_channel old = resolver->channel;
	if (channel_open(resolver))
		ares_destroy(old);
	else
		resolver->channel = old;
}

static void
start_queued(struct resolver *resolver)
{
	static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	while (resolver->lists[NAME_QUEUED].first != NULL && resolver->lists[NAME_ASKING].count < RESOLVER_ASKING_MAX) {
		struct name *name = resolver->lists[NAME_QUEUED].first;
		follow_settings(resolver);
		name_move(name, NAME_ASKING);
		ares_getaddrinfo(resolver->channel, name->text, NULL, &hints, on_answer, name);
	}
}

/* A lookup may ask again from inside its answer: it is no longer the name's by then. */
static void
report(struct resolver *resolver, struct name *name)
{
	bool live = name->addresses.count > 0 && name->expires_us > resolver->now.us;
	struct addresses addresses = name->addresses;
	struct lookup *lookups = name->lookups;
	name->lookups = NULL;
	if (live)
		name_move(name, NAME_KNOWN);
	else
		name_free(name);
	while (lookups != NULL) {
		struct lookup *lookup = lookups;
		lookups = lookup->next;
		if (lookups != NULL)
			lookups->previous = NULL;
		*lookup = (struct lookup){.name = NULL};
		resolver->options.done(resolver->options.context, lookup, addresses.count > 0 ? &addresses : NULL);
	}
}

const struct addresses *
resolver_ask(struct resolver *resolver, struct slice host, struct lookup *lookup, struct mono_time now)
{
	uint64_t hash = table_hash(&resolver->table, host, 0);
	struct name *name = name_find(resolver, host, hash);
	resolver->now = now;
	if (name != NULL && name->stage == NAME_KNOWN) {
		if (name->expires_us > now.us)
			return &name->addresses;
		name_move(name, NAME_QUEUED);
	}
	if (name == NULL)
		name = name_new(resolver, host, hash);
	*lookup = (struct lookup){.next = name->lookups, .name = name};
	if (name->lookups != NULL)
		name->lookups->previous = lookup;
	name->lookups = lookup;
	return NULL;
}

void
resolver_forget(struct lookup *lookup)
{
	if (lookup->name == NULL)
		return;
	*(lookup->previous != NULL ? &lookup->previous->next : &lookup->name->lookups) = lookup->next;
	if (lookup->next != NULL)
		lookup->next->previous = lookup->previous;
	*lookup = (struct lookup){.name = NULL};
}

int64_t
resolver_turn(struct resolver *resolver, struct mono_time now)
{
	resolver->now = now;
	if (resolver->lists[NAME_ASKING].count > 0)
		ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	start_queued(resolver);
	while (resolver->lists[NAME_FINISHED].first != NULL)
		report(resolver, resolver->lists[NAME_FINISHED].first);
	if (resolver->lists[NAME_QUEUED].first != NULL && resolver->lists[NAME_ASKING].count < RESOLVER_ASKING_MAX)
		return 0;
	struct timeval left;
	if (resolver->lists[NAME_ASKING].count == 0 || ares_timeout(resolver->channel, NULL, &left) == NULL)
		return -1;
	return (int64_t)left.tv_sec * US_PER_S + left.tv_usec;
}

enum error_code
resolver_new(const struct resolver_options *options, struct resolver **out, struct error *error)
{
	*out = NULL;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return error_set(error, ERR_INTERNAL, "c-ares does not start");
	struct resolver *resolver = mem_zero(1, sizeof *resolver);
	resolver->options = *options;
	random_bytes(&resolver->table.seed, sizeof resolver->table.seed);
	if (!channel_open(resolver)) {
		resolver_free(resolver);
		return error_set(error, ERR_INTERNAL, "c-ares gives no channel");
	}
	*out = resolver;
	return OK;
}

void
resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	/* Ends every question; its name is finished by that, and nobody is told. */
	if (resolver->channel != NULL)
		ares_destroy(resolver->channel);
	for (int stage = 0; stage < NAME_STAGE_COUNT; stage++)
		while (resolver->lists[stage].first != NULL)
			name_free(resolver->lists[stage].first);
	ares_library_cleanup();
	free(resolver);
}
