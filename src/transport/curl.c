/* The transport on libcurl's multi interface, driven by the loop's own epoll and timer (socket_action): its cost does
 * not rise with what is in flight, as that of curl_multi_poll does.
 *
 * Invariants
 * 1. Callbacks of libcurl only note things; reports go out from transport_turn alone.
 * 2. Every flight is in exactly one list, that of its stage (flight.h), and every transmission has one flight until
 *    it is reported.
 * 3. A descriptor that libcurl closes is out of the loop before: close_socket sees to our own, the socket callback
 *    to those that libcurl opens for itself. */
#include "transport/backend.h"
#include "transport/flight.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { LANE_GUARDED, LANE_EXEMPT, LANE_COUNT };
enum { WAITING_POLL_US = 50000 };

/* A descriptor in the loop. Sockets of ours stay registered between requests, as long as nothing happens on them:
 * taking them out and putting them back would be two system calls for each request. */
struct wire {
	struct loop_source source;
	struct lane *lane;
	bool ours;	 /* opened by open_socket, closed by close_socket */
	bool wanted;	 /* libcurl waits for it */
	bool registered; /* it is in the loop */
};

struct curl_transport {
	struct transport base; /* first: what callers have is this */
	struct transport_options options;
	struct flight_settings settings;
	struct lane lanes[LANE_COUNT];
	size_t resolving;
	struct wire **wires; /* by descriptor */
	size_t wire_count;
	struct timers first_bytes; /* of flights whose answer has not begun */
};

static void on_wire(struct loop_source *source, uint32_t events);

static struct wire *
wire_at(struct curl_transport *transport, int fd)
{
	size_t at = (size_t)fd;
	if (at >= transport->wire_count) {
		size_t count = at + 64;
		transport->wires = mem_resize(transport->wires, count, sizeof *transport->wires);
		for (size_t i = transport->wire_count; i < count; i++)
			transport->wires[i] = NULL;
		transport->wire_count = count;
	}
	if (transport->wires[at] == NULL) {
		transport->wires[at] = mem_zero(1, sizeof *transport->wires[at]);
		transport->wires[at]->source = (struct loop_source){.fd = fd, .ready = on_wire};
	}
	return transport->wires[at];
}

static void
wire_remove(struct curl_transport *transport, struct wire *wire)
{
	if (wire->registered)
		loop_remove(transport->options.loop, &wire->source);
	wire->registered = false;
	wire->wanted = false;
}

static void
on_wire(struct loop_source *source, uint32_t events)
{
	struct wire *wire = CONTAINER_OF(source, struct wire, source);
	if (!wire->wanted) {
		/* An idle connection that its peer closed, most likely; libcurl finds out before it uses it again. */
		wire_remove(wire->lane->transport, wire);
		return;
	}
	int mask = 0;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		mask |= CURL_CSELECT_IN;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		mask |= CURL_CSELECT_OUT;
	int running;
	curl_multi_socket_action(wire->lane->multi, source->fd, mask, &running);
}

/* --- what libcurl calls ------------------------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
	(void)easy;
	(void)unused;
	struct lane *lane = context;
	struct wire *wire = wire_at(lane->transport, fd);
	wire->lane = lane;
	if (what == CURL_POLL_REMOVE) {
		wire->wanted = false;
		if (!wire->ours)
			wire_remove(lane->transport, wire);
		return 0;
	}
	uint32_t events =
	    ((what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0) | ((what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0);
	wire->wanted = true;
	if (wire->registered) {
		loop_change(lane->transport->options.loop, &wire->source, events);
	} else {
		wire->source.events = events;
		loop_add(lane->transport->options.loop, &wire->source);
		wire->registered = true;
	}
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	struct lane *lane = context;
	if (timeout_ms < 0)
		lane->due_us = INT64_MAX;
	else
		lane->due_us = timeout_ms == 0 ? 0 : clock_mono().us + timeout_ms * 1000;
	return 0;
}

static void
resolved(struct flight *flight)
{
	if (flight->resolving)
		flight->lane->transport->resolving--;
	flight->resolving = false;
}

/* An address in a URL needs no resolver; the odd forms of one (0x7f.1) may wait for it all the same. */
static bool
is_address(struct slice url)
{
	struct slice rest = url;
	(void)slice_cut(&rest, '/');
	(void)slice_cut(&rest, '/');
	if (!slice_present(rest))
		return false;
	struct slice authority = slice_cut(&rest, '/');
	const char *user_end = memrchr(authority.ptr, '@', authority.len);
	if (user_end != NULL)
		authority = slice_skip(authority, (size_t)(user_end + 1 - authority.ptr));
	if (authority.len > 0 && authority.ptr[0] == '[')
		return true;
	struct slice host = slice_cut(&authority, ':');
	for (size_t i = 0; i < host.len; i++)
		if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
			return false;
	return host.len > 0;
}

/* Called for whatever is not in the cache, addresses too. */
static int
on_resolver_start(void *resolver, void *reserved, void *context)
{
	(void)resolver;
	(void)reserved;
	struct flight *flight = context;
	struct curl_transport *transport = flight->lane->transport;
	if (flight->resolving || is_address(flight->transmission->url))
		return 0;
	if (transport->resolving >= RESOLVING_MAX) {
		flight->stop = STOP_RESOLVER_BUSY;
		return 1;
	}
	flight->resolving = true;
	transport->resolving++;
	return 0;
}

/* The one place where connections begin. It sees the address itself, whatever the URL called it: 127.1, 0x7f000001
 * and a name that resolves to it are all judged here. A name may have several; libcurl asks for one after another. */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	struct flight *flight = context;
	resolved(flight);
	struct curl_transport *transport = flight->lane->transport;
	if (!flight->lane->exempt && !guard_allows(transport->settings.guard, &address->addr)) {
		flight->stop = STOP_ADDRESS;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	flight->stop = STOP_NONE;
	struct wire *wire = wire_at(transport, fd);
	wire->lane = flight->lane;
	wire->ours = true;
	return fd;
}

static int
close_socket(void *context, curl_socket_t fd)
{
	struct curl_transport *transport = context;
	struct wire *wire = wire_at(transport, fd);
	wire_remove(transport, wire);
	wire->ours = false;
	return close(fd);
}

/* --- the time to the first byte --------------------------------------------------------------------- */

static int
on_sending(void *context, char *peer, char *own, int peer_port, int own_port)
{
	(void)peer;
	(void)own;
	(void)peer_port;
	(void)own_port;
	struct flight *flight = context;
	struct curl_transport *transport = flight->lane->transport;
	timers_set(&transport->first_bytes, &flight->first_byte,
	    clock_mono().us + transport->settings.first_byte_timeout_ms * 1000);
	return CURL_PREREQFUNC_OK;
}

void
flight_answer_began(struct flight *flight)
{
	timers_clear(&flight->lane->transport->first_bytes, &flight->first_byte);
}

/* --- the transport ------------------------------------------------------------------------------------- */

static enum error_code
lane_open(struct lane *lane, struct curl_transport *transport, bool exempt)
{
	lane->transport = transport;
	lane->exempt = exempt;
	lane->connect_timeout_ms = transport->settings.connect_timeout_ms;
	lane->due_us = INT64_MAX;
	lane->multi = curl_multi_init();
	if (lane->multi == NULL)
		return ERR_INTERNAL;
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)transport->options.connections_max);
	return OK;
}

static void curl_end(struct transport *base);

static enum error_code
curl_begin(const struct transport_options *options, struct transport **out, struct error *error)
{
	*out = NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, ERR_INTERNAL, "libcurl does not start");
	struct curl_transport *transport = mem_zero(1, sizeof *transport);
	transport->options = *options;
	transport->settings = (struct flight_settings){
	    .guard = options->guard,
	    .allow_http = options->allow_http,
	    .ca_file = transport_authorities(curl_version_info(CURLVERSION_NOW)->cainfo, options->log),
	    .open_socket = open_socket,
	    .close_socket = close_socket,
	    .resolver_start = on_resolver_start,
	};
	transport->settings.sending = on_sending;
	transport->settings.connect_timeout_ms =
	    options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	transport->settings.first_byte_timeout_ms =
	    options->first_byte_timeout_ms > 0 ? options->first_byte_timeout_ms : FIRST_BYTE_TIMEOUT_MS;
	for (int i = 0; i < LANE_COUNT; i++) {
		if (lane_open(&transport->lanes[i], transport, i == LANE_EXEMPT) != OK) {
			curl_end(&transport->base);
			return error_set(error, ERR_INTERNAL, "libcurl gives no multi handle");
		}
	}
	*out = &transport->base;
	return OK;
}

static void
curl_end(struct transport *base)
{
	struct curl_transport *transport = CONTAINER_OF(base, struct curl_transport, base);
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane *lane = &transport->lanes[i];
		for (int stage = 0; stage < FLIGHT_STAGE_COUNT; stage++) {
			while (lane->flights[stage].first != NULL) {
				struct flight *flight = lane->flights[stage].first;
				if (stage == FLIGHT_FLYING)
					curl_multi_remove_handle(lane->multi, flight->easy);
				flight_free(flight);
			}
		}
		if (lane->multi != NULL)
			curl_multi_cleanup(lane->multi);
	}
	for (size_t i = 0; i < transport->wire_count; i++)
		free(transport->wires[i]);
	free(transport->wires);
	timers_fini(&transport->first_bytes);
	free(transport);
	curl_global_cleanup();
}

static void
curl_send(struct transport *base, struct transmission *transmission)
{
	struct curl_transport *transport = CONTAINER_OF(base, struct curl_transport, base);
	struct lane *lane = &transport->lanes[transmission->own_destination ? LANE_EXEMPT : LANE_GUARDED];
	struct flight *flight = lane->flights[FLIGHT_IDLE].first;
	if (flight == NULL)
		flight = flight_new(lane, &transport->settings);
	flight->transmission = transmission;
	flight->started = clock_mono();
	flight->relaunched = false;
	transmission->state = flight;
	flight_move(flight, FLIGHT_QUEUED);
}

/* The flight is free again before the report, which may send the next request. */
static void
report(struct flight *flight)
{
	struct curl_transport *transport = flight->lane->transport;
	struct transmission *transmission = flight->transmission;
	flight->transmission = NULL;
	transmission->state = NULL;
	flight_move(flight, FLIGHT_IDLE);
	transport->options.done(transport->options.context, transmission);
}

static void
collect(struct lane *lane)
{
	int left;
	for (CURLMsg *message = curl_multi_info_read(lane->multi, &left); message != NULL;
	     message = curl_multi_info_read(lane->multi, &left)) {
		CURLcode result = message->data.result;
		struct flight *flight = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
		enum flight_stage next = FLIGHT_IDLE;
		if (result != CURLE_OK && flight->stop == STOP_RESOLVER_BUSY)
			next = FLIGHT_WAITING;
		else if (flight_lost_race(flight, result))
			next = FLIGHT_QUEUED;
		else
			flight_land(flight, result, clock_mono());
		curl_multi_remove_handle(lane->multi, flight->easy);
		flight_answer_began(flight);
		resolved(flight);
		if (next == FLIGHT_IDLE) {
			report(flight);
			continue;
		}
		flight->relaunched = flight->relaunched || next == FLIGHT_QUEUED;
		flight_move(flight, next);
	}
}

/* Those whose answer did not begin in time are over; their connections are closed. */
static void
expire(struct curl_transport *transport, struct mono_time now)
{
	for (struct timer *first; (first = timers_first(&transport->first_bytes)) != NULL && first->due_us <= now.us;) {
		struct flight *flight = CONTAINER_OF(first, struct flight, first_byte);
		timers_clear(&transport->first_bytes, first);
		curl_multi_remove_handle(flight->lane->multi, flight->easy);
		flight_end(flight, now, TRANSMISSION_TIMED_OUT, "no answer began within %lld ms",
		    (long long)transport->settings.first_byte_timeout_ms);
		resolved(flight);
		report(flight);
	}
}

/* Those that wait for a free resolver try again, as many as there is room for; those out of time are reported. */
static void
retry_waiting(struct lane *lane, struct mono_time now)
{
	size_t room = RESOLVING_MAX - lane->transport->resolving;
	for (struct flight *flight = lane->flights[FLIGHT_WAITING].first, *next; flight != NULL; flight = next) {
		next = flight->next;
		if (room > 0 || now.us - flight->started.us >= flight->transmission->timeout_ms * 1000)
			flight_move(flight, FLIGHT_QUEUED);
		if (room > 0)
			room--;
	}
}

static void
launch(struct lane *lane, struct mono_time now)
{
	/* What is queued from here on, by reports, waits for the next turn: so this ends. */
	struct flight *last = lane->flights[FLIGHT_QUEUED].last;
	for (bool more = last != NULL; more;) {
		struct flight *flight = lane->flights[FLIGHT_QUEUED].first;
		more = flight != last;
		if (!flight_prepare(flight, now)) {
			report(flight);
			continue;
		}
		flight_move(flight, FLIGHT_FLYING);
		ENSURE(curl_multi_add_handle(lane->multi, flight->easy) == CURLM_OK);
	}
}

static void
drive(struct lane *lane, struct mono_time now)
{
	if (lane->due_us > now.us)
		return;
	lane->due_us = INT64_MAX;
	int running;
	curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static int64_t
curl_turn(struct transport *base)
{
	struct curl_transport *transport = CONTAINER_OF(base, struct curl_transport, base);
	for (int i = 0; i < LANE_COUNT; i++)
		collect(&transport->lanes[i]);
	struct mono_time now = clock_mono();
	expire(transport, now);
	int64_t due_us = INT64_MAX;
	for (int i = 0; i < LANE_COUNT; i++) {
		struct lane *lane = &transport->lanes[i];
		retry_waiting(lane, now);
		launch(lane, now);
		drive(lane, now);
		collect(lane);
	}
	for (int i = 0; i < LANE_COUNT; i++) {
		const struct lane *lane = &transport->lanes[i];
		if (lane->flights[FLIGHT_QUEUED].first != NULL)
			return 0;
		if (lane->due_us < due_us)
			due_us = lane->due_us;
		if (lane->flights[FLIGHT_WAITING].first != NULL && due_us > now.us + WAITING_POLL_US)
			due_us = now.us + WAITING_POLL_US;
	}
	const struct timer *first = timers_first(&transport->first_bytes);
	if (first != NULL && first->due_us < due_us)
		due_us = first->due_us;
	if (due_us == INT64_MAX)
		return -1;
	return due_us > now.us ? due_us - now.us : 0;
}

/* Connections under an identity are used once, so there is none to close. */
static void
curl_retire(struct transport *base, const struct tls_identity *identity)
{
	(void)base;
	(void)identity;
}

const struct transport_backend transport_curl = {
    .open = curl_begin,
    .send = curl_send,
    .turn = curl_turn,
    .retire = curl_retire,
    .free = curl_end,
};
