#include "transport/flight.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_HEADER_BYTES = 256 << 10, RECEIVE_BYTES = 4096, BODY_WITHOUT_EXPECT = 512 << 10 };

/* Options are constants of this program or were checked: failing to set one is a programmer's error. */
#define SET(easy, option, value) ENSURE(curl_easy_setopt(easy, option, value) == CURLE_OK)

void
flight_move(struct flight *flight, enum flight_stage stage)
{
	struct flight_list *from = &flight->lane->flights[flight->stage];
	*(flight->previous != NULL ? &flight->previous->next : &from->first) = flight->next;
	*(flight->next != NULL ? &flight->next->previous : &from->last) = flight->previous;

	struct flight_list *to = &flight->lane->flights[stage];
	flight->stage = stage;
	if (stage == FLIGHT_IDLE) {
		/* The last one used goes first: its memory is still in the cache. */
		flight->previous = NULL;
		flight->next = to->first;
		*(to->first != NULL ? &to->first->previous : &to->last) = flight;
		to->first = flight;
		return;
	}
	flight->previous = to->last;
	flight->next = NULL;
	*(to->last != NULL ? &to->last->next : &to->first) = flight;
	to->last = flight;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct flight *flight = context;
	size_t length = size * count;
	size_t room = flight->body.max - flight->body.len;
	buf_append(&flight->body, (struct slice){bytes, length < room ? length : room});
	if (length <= room)
		return length;
	flight->stop = STOP_BODY_FULL;
	return 0;
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	struct flight *flight = context;
	if (flight->header_bytes == 0)
		flight_note_peer(flight);
	flight_answer_began(flight);
	flight->header_bytes += size * count;
	if (flight->header_bytes <= ANSWER_HEADER_BYTES)
		return size * count;
	flight->stop = STOP_HEADERS_FULL;
	return 0;
}

static void
set_rules(struct flight *flight, const struct flight_settings *settings)
{
	CURL *easy = flight->easy;
	flight->plain = settings->allow_http || flight->lane->exempt;
	bool plain = flight->plain;
	SET(easy, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_PROXY, "");
	SET(easy, CURLOPT_PATH_AS_IS, 1L); /* the path that is sent is the path that was signed */
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, settings->open_socket);
	SET(easy, CURLOPT_OPENSOCKETDATA, flight);
	SET(easy, CURLOPT_CLOSESOCKETFUNCTION, settings->close_socket);
	SET(easy, CURLOPT_CLOSESOCKETDATA, flight->lane->transport); /* a connection outlives the flight that made it */

	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* libcurl keeps the parsed authorities only where a file is their one source. With the directory that Debian
	 * builds in, it parses the whole file anew for each connection: 24 times the CPU, measured. */
	SET(easy, CURLOPT_CAPATH, NULL);
	if (settings->ca_file != NULL)
		SET(easy, CURLOPT_CAINFO, settings->ca_file);
}

static void
set_constants(struct flight *flight, const struct flight_settings *settings)
{
	CURL *easy = flight->easy;
	set_rules(flight, settings);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_PRIVATE, flight);
	SET(easy, CURLOPT_ERRORBUFFER, flight->problem);
	SET(easy, CURLOPT_POST, 1L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, flight);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, flight);
	SET(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
	SET(easy, CURLOPT_PREREQFUNCTION, settings->sending);
	SET(easy, CURLOPT_PREREQDATA, flight);
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_TCP_NODELAY, 1L);
	SET(easy, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
	SET(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_S);
	SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, (long)NAME_CACHE_S);
	SET(easy, CURLOPT_RESOLVER_START_FUNCTION, settings->resolver_start);
	SET(easy, CURLOPT_RESOLVER_START_DATA, flight);
	/* Without it, giving up on a name waits for its resolver thread, and with it every other request. */
	SET(easy, CURLOPT_QUICK_EXIT, 1L);
}

struct flight *
flight_new(struct lane *lane, const struct flight_settings *settings)
{
	struct flight *flight = mem_zero(1, sizeof *flight);
	flight->lane = lane;
	flight->easy = curl_easy_init();
	ENSURE(flight->easy != NULL);
	buf_init(&flight->lines, REQUEST_HEADER_BYTES);
	buf_init(&flight->body, LIMIT_RESPONSE_BYTES);
	set_constants(flight, settings);

	/* Into the idle list, from none. */
	struct flight_list *idle = &lane->flights[FLIGHT_IDLE];
	flight->next = idle->first;
	*(idle->first != NULL ? &idle->first->previous : &idle->last) = flight;
	idle->first = flight;
	return flight;
}

void
flight_free(struct flight *flight)
{
	struct flight_list *list = &flight->lane->flights[flight->stage];
	*(flight->previous != NULL ? &flight->previous->next : &list->first) = flight->next;
	*(flight->next != NULL ? &flight->next->previous : &list->last) = flight->previous;
	curl_easy_cleanup(flight->easy);
	tls_identity_unref(flight->identity);
	buf_free(&flight->lines);
	buf_free(&flight->body);
	free(flight->nodes);
	free(flight);
}

static bool
append_line(struct buf *lines, struct slice name, struct slice value)
{
	size_t start = lines->len;
	buf_append(lines, name);
	/* libcurl sends a header without a value when it ends in a semicolon; with a colon it would leave it out. */
	buf_text(lines, value.len > 0 ? ": " : ";");
	buf_append(lines, value);
	const char *line = lines->data + start;
	size_t length = lines->len - start;
	bool clean = !lines->overflow && memchr(line, '\n', length) == NULL && memchr(line, '\r', length) == NULL &&
		     memchr(line, '\0', length) == NULL;
	buf_byte(lines, '\0');
	return clean && !lines->overflow;
}

/* The nodes are ours, in one array: libcurl reads them and never frees them. */
static bool
set_headers(struct flight *flight)
{
	const struct transmission *transmission = flight->transmission;
	size_t count = transmission->headers.count;
	size_t extra = transmission->body.len > BODY_WITHOUT_EXPECT ? 1 : 0;
	if (flight->node_count < count + extra) {
		flight->node_count = count + extra;
		flight->nodes = mem_resize(flight->nodes, flight->node_count, sizeof *flight->nodes);
	}
	buf_clear(&flight->lines);
	for (size_t i = 0; i < count; i++)
		if (!append_line(
			&flight->lines, transmission->headers.items[i].name, transmission->headers.items[i].value))
			return false;
	/* libcurl waits for leave to send a large body; receivers that do not know how to give it cost a second. */
	if (extra > 0)
		buf_append(&flight->lines, (struct slice){"Expect:", sizeof "Expect:"});

	char *line = flight->lines.data;
	for (size_t i = 0; i < count + extra; i++) {
		flight->nodes[i] = (struct curl_slist){.data = line, .next = &flight->nodes[i + 1]};
		line += strlen(line) + 1;
	}
	if (count + extra > 0)
		flight->nodes[count + extra - 1].next = NULL;
	SET(flight->easy, CURLOPT_HTTPHEADER, count + extra > 0 ? flight->nodes : NULL);
	return true;
}

bool
flight_lost_race(const struct flight *flight, CURLcode result)
{
	if (flight->relaunched || flight->header_bytes > 0)
		return false;
	if (result != CURLE_SEND_ERROR && result != CURLE_RECV_ERROR && result != CURLE_GOT_NOTHING)
		return false;
	long connections = 1;
	curl_easy_getinfo(flight->easy, CURLINFO_NUM_CONNECTS, &connections);
	return connections == 0;
}

bool
flight_prepare(struct flight *flight, struct mono_time now)
{
	struct transmission *transmission = flight->transmission;
	int64_t left_ms = transmission->timeout_ms - (now.us - flight->started.us) / 1000;
	transmission->peer_expires = WALL_NONE;
	if (left_ms <= 0) {
		flight_end(flight, now, TRANSMISSION_UNREACHABLE, "no connection within %" PRId64 " ms",
		    transmission->timeout_ms);
		return false;
	}
	flight->stop = STOP_NONE;
	flight->header_bytes = 0;
	flight->problem[0] = '\0';
	buf_clear(&flight->body);
	if (!set_headers(flight)) {
		flight_end(flight, now, TRANSMISSION_REFUSED, "a header holds a line break or is too long");
		return false;
	}
	if (!flight_set_identity(flight)) {
		flight_end(flight, now, TRANSMISSION_REFUSED,
		    "the endpoint's TLS settings cannot be used with libcurl: set delivery.transport to own");
		return false;
	}
	if (!flight->plain && transmission->identity == NULL)
		SET(flight->easy, CURLOPT_PROTOCOLS_STR, transmission->plain_allowed ? "http,https" : "https");
	if (curl_easy_setopt(flight->easy, CURLOPT_URL, transmission->url.ptr) != CURLE_OK) {
		flight_end(flight, now, TRANSMISSION_REFUSED, "the URL is too long");
		return false;
	}
	SET(flight->easy, CURLOPT_POSTFIELDS, transmission->body.len > 0 ? transmission->body.ptr : "");
	SET(flight->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transmission->body.len);
	if (left_ms != flight->timeout_ms) {
		SET(flight->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
		flight->timeout_ms = left_ms;
	}
	return true;
}

static void
finish(struct flight *flight, struct mono_time now)
{
	struct transmission *transmission = flight->transmission;
	transmission->duration_us = now.us - flight->started.us;
	transmission->response = arena_copy(&transmission->arena, buf_slice(&flight->body));
	/* A few large ones would otherwise hold their memory for good. */
	if (flight->body.capacity > FLIGHT_KEPT_BYTES) {
		buf_free(&flight->body);
		buf_init(&flight->body, LIMIT_RESPONSE_BYTES);
	}
	if (flight->lines.capacity > FLIGHT_KEPT_BYTES) {
		buf_free(&flight->lines);
		buf_init(&flight->lines, REQUEST_HEADER_BYTES);
	}
}

void
flight_end(struct flight *flight, struct mono_time now, enum transmission_outcome outcome, const char *format, ...)
{
	struct transmission *transmission = flight->transmission;
	transmission->outcome = outcome;
	transmission->status_code = 0;
	va_list args;
	va_start(args, format);
	vsnprintf(transmission->problem, sizeof transmission->problem, format, args);
	va_end(args);
	finish(flight, now);
}

/* Beyond it, what is asked for is a mistake, or a date that is no date. */
enum { RETRY_AFTER_MAX_S = 366 * 24 * 3600 };

static void
answered(struct flight *flight, struct mono_time now)
{
	long status = 0;
	curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
	flight->transmission->outcome = TRANSMISSION_ANSWERED;
	flight->transmission->status_code = (int)status;
	curl_off_t retry_after_s = 0;
	curl_easy_getinfo(flight->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	bool sane = retry_after_s > 0 && retry_after_s < RETRY_AFTER_MAX_S;
	flight->transmission->retry_after_ms = sane ? (int64_t)retry_after_s * 1000 : 0;
	flight->transmission->problem[0] = '\0';
	finish(flight, now);
}

/* Before a byte of the request went out. */
static void
unsent(struct flight *flight, CURLcode result, struct mono_time now)
{
	const enum transmission_outcome refused = TRANSMISSION_REFUSED, unreachable = TRANSMISSION_UNREACHABLE;
	long number = 0;
	switch ((int)result) {
	case CURLE_UNSUPPORTED_PROTOCOL:
		flight_end(flight, now, refused, "the URL's scheme is not allowed: use https");
		return;
	case CURLE_URL_MALFORMAT: flight_end(flight, now, refused, "the URL is not one that can be sent to"); return;
	case CURLE_COULDNT_RESOLVE_HOST: flight_end(flight, now, unreachable, "the host name does not resolve"); return;
	case CURLE_OPERATION_TIMEDOUT:
		number = (long)flight->lane->connect_timeout_ms;
		flight_end(flight, now, unreachable, "no connection within %" PRId64 " ms",
		    flight->timeout_ms < number ? flight->transmission->timeout_ms : (int64_t)number);
		return;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(flight->easy, CURLINFO_OS_ERRNO, &number);
		const char *reason = number > 0 ? strerrordesc_np((int)number) : NULL;
		flight_end(flight, now, unreachable, "no connection%s%s", reason != NULL ? ": " : "",
		    reason != NULL ? reason : "");
		return;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		flight_end(flight, now, unreachable, "no TLS: %s", flight_tls_reason(flight, result));
		return;
	default: flight_end(flight, now, unreachable, "no connection: %s", curl_easy_strerror(result));
	}
}

static void
sent(struct flight *flight, CURLcode result, struct mono_time now)
{
	const enum transmission_outcome broken = TRANSMISSION_BROKEN;
	switch ((int)result) {
	case CURLE_OPERATION_TIMEDOUT:
		flight_end(flight, now, TRANSMISSION_TIMED_OUT, "no complete answer within %" PRId64 " ms",
		    flight->transmission->timeout_ms);
		return;
	case CURLE_GOT_NOTHING: flight_end(flight, now, broken, "the connection ended without an answer"); return;
	case CURLE_PARTIAL_FILE:
		flight_end(flight, now, broken, "the connection ended before the answer was complete");
		return;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		flight_end(flight, now, broken, "the connection broke%s",
		    strstr(flight->problem, "certificate required") != NULL
			? ": the server requires a client certificate"
			: "");
		return;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY: flight_end(flight, now, broken, "the answer is not HTTP/1"); return;
	default: flight_end(flight, now, broken, "no complete answer: %s", curl_easy_strerror(result));
	}
}

void
flight_land(struct flight *flight, CURLcode result, struct mono_time now)
{
	if (result == CURLE_OK || flight->stop == STOP_BODY_FULL) {
		answered(flight, now);
	} else if (flight->stop == STOP_ADDRESS) {
		flight_end(
		    flight, now, TRANSMISSION_REFUSED, "the address is private, local or reserved and not allowed");
	} else if (flight->stop == STOP_HEADERS_FULL) {
		flight_end(flight, now, TRANSMISSION_BROKEN, "the answer's headers are longer than %d bytes",
		    ANSWER_HEADER_BYTES);
	} else {
		long request_bytes = 0;
		curl_easy_getinfo(flight->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
		(request_bytes > 0 ? sent : unsent)(flight, result, now);
	}
}
