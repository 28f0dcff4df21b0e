#include "sink.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 128, ANSWER_BYTES = 128 };

struct connection {
	int fd;
	SSL *tls;	/* NULL: plain */
	bool gone;	/* ended while answers were still delayed */
	size_t delayed; /* answers that still refer to it */
	size_t have;
	char bytes[BENCH_BUFFER_BYTES];
};

/* The delay is the same for all, so the answers due stand in the order in which the requests came. */
struct delayed {
	int64_t due_ns;
	struct connection *connection;
	struct delayed *next;
};

struct sink {
	struct sink_options options;
	int listen_fd, epoll_fd, stop_fd, port;
	pthread_t thread;
	char answer[ANSWER_BYTES];
	size_t answer_length;
	struct delayed *first, **last;
	atomic_uint_fast64_t requests, distinct, repeated, unnumbered, broken, connections;
};

static void
add(atomic_uint_fast64_t *count)
{
	/* One writer: no need for a locked addition. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_release);
}

static void
note(struct sink *sink, const char *body, size_t length)
{
	add(&sink->requests);
	uint32_t number;
	if (!payload_number(body, length, &number)) {
		add(&sink->unnumbered);
		return;
	}
	atomic_int_fast64_t *stamp = &sink->options.stamps->received_ns[number];
	if (atomic_load_explicit(stamp, memory_order_relaxed) != 0) {
		add(&sink->repeated);
		return;
	}
	atomic_store_explicit(stamp, bench_now_ns(), memory_order_relaxed);
	add(&sink->distinct);
}

static void
connection_free(struct sink *sink, struct connection *connection)
{
	SSL_free(connection->tls);
	connection->tls = NULL;
	if (connection->fd >= 0) {
		/* Closing alone would not do while a child that was just forked still holds the descriptor. */
		epoll_ctl(sink->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
		close(connection->fd);
	}
	connection->fd = -1;
	connection->gone = true;
	if (connection->delayed == 0)
		free(connection);
}

static bool
send_answers(struct sink *sink, struct connection *connection, size_t count)
{
	char bytes[16 * ANSWER_BYTES];
	while (count > 0) {
		size_t batch = count < 16 ? count : 16;
		for (size_t i = 0; i < batch; i++)
			memcpy(bytes + i * sink->answer_length, sink->answer, sink->answer_length);
		/* A client that does not take its answers is dropped rather than waited for. */
		ssize_t length = (ssize_t)(batch * sink->answer_length);
		ssize_t sent = connection->tls != NULL
				   ? SSL_write(connection->tls, bytes, (int)length)
				   : send(connection->fd, bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent != length)
			return false;
		count -= batch;
	}
	return true;
}

static void
delay_answers(struct sink *sink, struct connection *connection, size_t count)
{
	int64_t due_ns = bench_now_ns() + sink->options.delay_us * 1000;
	for (size_t i = 0; i < count; i++) {
		struct delayed *delayed = mem_alloc(sizeof *delayed);
		*delayed = (struct delayed){.due_ns = due_ns, .connection = connection};
		connection->delayed++;
		*sink->last = delayed;
		sink->last = &delayed->next;
	}
}

static void
send_due(struct sink *sink)
{
	while (sink->first != NULL && sink->first->due_ns <= bench_now_ns()) {
		struct delayed *delayed = sink->first;
		struct connection *connection = delayed->connection;
		sink->first = delayed->next;
		if (sink->first == NULL)
			sink->last = &sink->first;
		free(delayed);
		connection->delayed--;
		if (connection->gone ? connection->delayed == 0 : !send_answers(sink, connection, 1))
			connection_free(sink, connection);
	}
}

/* How many bytes more there are; 0: none yet, -1: there will be none. */
static ssize_t
receive(struct connection *connection)
{
	char *room = connection->bytes + connection->have;
	size_t bytes = BENCH_BUFFER_BYTES - connection->have;
	if (connection->tls == NULL) {
		ssize_t count = recv(connection->fd, room, bytes, MSG_DONTWAIT);
		return count > 0 ? count : -1;
	}
	/* The handshake happens in here too. */
	int count = SSL_read(connection->tls, room, (int)bytes);
	if (count > 0)
		return count;
	int error = SSL_get_error(connection->tls, count);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* False when the connection is to be dropped. */
static bool
read_requests(struct sink *sink, struct connection *connection)
{
	ssize_t count = receive(connection);
	if (count < 0)
		return false;
	connection->have += (size_t)count;
	size_t at = 0, requests = 0;
	while (at < connection->have) {
		size_t head;
		long length = frame_length(connection->bytes + at, connection->have - at, &head);
		if (length < 0 || (length == 0 && connection->have - at == BENCH_BUFFER_BYTES)) {
			add(&sink->broken);
			return false;
		}
		if (length == 0)
			break;
		note(sink, connection->bytes + at + head, (size_t)length - head);
		requests++;
		at += (size_t)length;
	}
	if (at > 0 && at < connection->have)
		memmove(connection->bytes, connection->bytes + at, connection->have - at);
	connection->have -= at;
	if (sink->options.delay_us > 0) {
		delay_answers(sink, connection, requests);
		return true;
	}
	return send_answers(sink, connection, requests);
}

static void
accept_one(struct sink *sink)
{
	int fd = accept4(sink->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	struct connection *connection = mem_alloc(sizeof *connection);
	connection->fd = fd;
	connection->tls = NULL;
	if (sink->options.tls != NULL) {
		connection->tls = SSL_new(sink->options.tls);
		ENSURE(connection->tls != NULL && SSL_set_fd(connection->tls, fd) == 1);
		SSL_set_accept_state(connection->tls);
	}
	connection->gone = false;
	connection->delayed = connection->have = 0;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	ENSURE(epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
	add(&sink->connections);
}

static int
wait_events(struct sink *sink, struct epoll_event *events)
{
	if (sink->first == NULL)
		return epoll_wait(sink->epoll_fd, events, EVENTS, -1);
	int64_t left_ns = sink->first->due_ns - bench_now_ns();
	if (left_ns < 0)
		left_ns = 0;
	struct timespec timeout = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
	return epoll_pwait2(sink->epoll_fd, events, EVENTS, &timeout, NULL);
}

static void *
run(void *context)
{
	struct sink *sink = context;
	struct epoll_event events[EVENTS];
	for (;;) {
		int count = wait_events(sink, events);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == &sink->stop_fd)
				return NULL;
			if (events[i].data.ptr == &sink->listen_fd)
				accept_one(sink);
			else if (!read_requests(sink, events[i].data.ptr))
				connection_free(sink, events[i].data.ptr);
		}
		send_due(sink);
	}
}

static void
listen_on_loopback(struct sink *sink)
{
	sink->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	ENSURE(sink->listen_fd >= 0);
	ENSURE(bind(sink->listen_fd, (struct sockaddr *)&address, length) == 0);
	ENSURE(listen(sink->listen_fd, 4096) == 0);
	ENSURE(getsockname(sink->listen_fd, (struct sockaddr *)&address, &length) == 0);
	sink->port = ntohs(address.sin_port);
}

struct sink *
sink_start(const struct sink_options *options)
{
	struct sink *sink = mem_zero(1, sizeof *sink);
	sink->options = *options;
	sink->last = &sink->first;
	int length = snprintf(sink->answer, sizeof sink->answer, "HTTP/1.1 %d Noted\r\ncontent-length: 2\r\n\r\nok",
	    options->status == 0 ? 200 : options->status);
	sink->answer_length = (size_t)length;
	listen_on_loopback(sink);
	sink->stop_fd = eventfd(0, EFD_CLOEXEC);
	sink->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event listening = {.events = EPOLLIN, .data.ptr = &sink->listen_fd};
	struct epoll_event stopping = {.events = EPOLLIN, .data.ptr = &sink->stop_fd};
	ENSURE(epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, sink->listen_fd, &listening) == 0);
	ENSURE(epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, sink->stop_fd, &stopping) == 0);
	ENSURE(pthread_create(&sink->thread, NULL, run, sink) == 0);
	pthread_setname_np(sink->thread, "sink");
	return sink;
}

int
sink_port(const struct sink *sink)
{
	return sink->port;
}

struct sink_counts
sink_counts(struct sink *sink)
{
	return (struct sink_counts){
	    .requests = atomic_load(&sink->requests),
	    .distinct = atomic_load(&sink->distinct),
	    .repeated = atomic_load(&sink->repeated),
	    .unnumbered = atomic_load(&sink->unnumbered),
	    .broken = atomic_load(&sink->broken),
	    .connections = atomic_load(&sink->connections),
	};
}

int64_t
sink_cpu_ns(struct sink *sink)
{
	clockid_t clock;
	struct timespec used;
	if (pthread_getcpuclockid(sink->thread, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

/* Connections with answers outstanding end here, the others with the process. */
void
sink_stop(struct sink *sink)
{
	ENSURE(write(sink->stop_fd, &(uint64_t){1}, sizeof(uint64_t)) == sizeof(uint64_t));
	pthread_join(sink->thread, NULL);
	while (sink->first != NULL) {
		struct delayed *delayed = sink->first;
		sink->first = delayed->next;
		delayed->connection->delayed--;
		connection_free(sink, delayed->connection);
		free(delayed);
	}
	close(sink->listen_fd);
	close(sink->epoll_fd);
	close(sink->stop_fd);
	free(sink);
}

SSL_CTX *
sink_tls_new(FILE *authority)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	ENSURE(key != NULL && certificate != NULL && context != NULL);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_add_ext(certificate, names, -1);
	X509_EXTENSION_free(names);
	ENSURE(X509_sign(certificate, key, EVP_sha256()) > 0);
	ENSURE(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1);
	ENSURE(PEM_write_X509(authority, certificate) == 1 && fflush(authority) == 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return context;
}
