#include "generator.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 128, REQUEST_BYTES = 8192, ANSWER_BYTES = 8192 };
static const int64_t GRACE_NS = INT64_C(10000000000);

struct client {
	int fd; /* -1: lost */
	bool busy;
	uint32_t number;
	size_t have;
	char bytes[ANSWER_BYTES];
};

struct generator {
	struct generator_options options;
	struct generator_result result;
	char request[REQUEST_BYTES];
	size_t request_length;
	char *digits; /* within request */
	char *turn;   /* three digits within its path; NULL: none */
	struct client *clients;
	struct client **idle; /* a stack */
	size_t idle_count, busy_count;
	int epoll_fd;
};

static void
build_request(struct generator *generator)
{
	const struct generator_options *options = &generator->options;
	char payload[BENCH_BODY_BYTES];
	payload_write(payload, sizeof payload);
	size_t body = strlen(options->before) + sizeof payload + strlen(options->after);
	int length = snprintf(generator->request, sizeof generator->request,
	    "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n%scontent-length: "
	    "%zu\r\n\r\n%s",
	    options->path, options->port, options->headers, body, options->before);
	ENSURE(length > 0 && (size_t)length + sizeof payload + strlen(options->after) < sizeof generator->request);
	if (options->turns > 1) {
		generator->turn = strstr(generator->request, options->turns_at);
		ENSURE(generator->turn != NULL);
		generator->turn += strlen(options->turns_at) - 3;
	}
	char *at = generator->request + length;
	generator->digits = at + BENCH_DIGITS_AT;
	memcpy(at, payload, sizeof payload);
	memcpy(at + sizeof payload, options->after, strlen(options->after));
	generator->request_length = (size_t)length + sizeof payload + strlen(options->after);
}

static int
connect_client(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	ENSURE(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return fd;
}

static void
lose(struct generator *generator, struct client *client)
{
	close(client->fd);
	client->fd = -1;
	if (client->busy) {
		client->busy = false;
		generator->busy_count--;
		generator->result.lost++;
	}
}

/* `due_ns` is when the request should have gone out; 0 for now. */
static void
post(struct generator *generator, struct client *client, int64_t due_ns)
{
	if (generator->result.next_number == BENCH_MESSAGES_MAX)
		return;
	client->number = generator->result.next_number++;
	client->busy = true;
	client->have = 0;
	generator->busy_count++;
	payload_set_number(generator->digits, client->number);
	if (generator->turn != NULL) {
		size_t turn = client->number % generator->options.turns;
		generator->turn[0] = (char)('0' + turn / 100);
		generator->turn[1] = (char)('0' + turn / 10 % 10);
		generator->turn[2] = (char)('0' + turn % 10);
	}
	atomic_store_explicit(&generator->options.stamps->sent_ns[client->number], due_ns > 0 ? due_ns : bench_now_ns(),
	    memory_order_relaxed);
	ssize_t sent = send(client->fd, generator->request, generator->request_length, MSG_NOSIGNAL);
	if (sent != (ssize_t)generator->request_length)
		lose(generator, client);
}

/* True when the answer is whole. */
static bool
read_answer(struct generator *generator, struct client *client)
{
	ssize_t count = recv(client->fd, client->bytes + client->have, ANSWER_BYTES - client->have, MSG_DONTWAIT);
	if (count <= 0 || !client->busy) {
		lose(generator, client);
		return false;
	}
	client->have += (size_t)count;
	size_t head;
	long length = frame_length(client->bytes, client->have, &head);
	if (length < 0 || (length == 0 && client->have == ANSWER_BYTES)) {
		lose(generator, client);
		return false;
	}
	if (length == 0)
		return false;
	int status = client->have > 12 ? (int)strtol(client->bytes + 9, NULL, 10) : 0;
	client->busy = false;
	generator->busy_count--;
	if (status >= 200 && status < 300) {
		generator->result.accepted++;
		atomic_store_explicit(
		    &generator->options.stamps->acked_ns[client->number], bench_now_ns(), memory_order_relaxed);
	} else {
		generator->result.refused++;
		generator->result.last_refusal = status;
	}
	return true;
}

/* Sends what is due; returns when the next one is. */
static int64_t
pace(struct generator *generator, int64_t now, int64_t end)
{
	const struct generator_options *options = &generator->options;
	for (;;) {
		uint32_t count = generator->result.next_number - options->first_number;
		int64_t due = generator->result.started_ns + (int64_t)count * 1000000000 / options->rate;
		if (due > now || due >= end)
			return due;
		if (generator->idle_count == 0)
			return end;
		post(generator, generator->idle[--generator->idle_count], due);
	}
}

static void
open_clients(struct generator *generator)
{
	size_t count = generator->options.connections;
	generator->clients = mem_zero(count, sizeof *generator->clients);
	generator->idle = mem_zero(count, sizeof(struct client *));
	generator->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < count; i++) {
		struct client *client = &generator->clients[i];
		client->fd = connect_client(generator->options.port);
		if (client->fd < 0)
			continue;
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
		ENSURE(epoll_ctl(generator->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) == 0);
		generator->idle[generator->idle_count++] = client;
	}
}

static void
drive(struct generator *generator)
{
	int64_t end = generator->result.started_ns + generator->options.duration_ns;
	bool closed = generator->options.rate == 0;
	struct epoll_event events[EVENTS];
	for (int64_t now = bench_now_ns();; now = bench_now_ns()) {
		int64_t wake = end + GRACE_NS;
		if (!closed && now < end)
			wake = pace(generator, now, end);
		if (now >= end && (generator->busy_count == 0 || now >= end + GRACE_NS))
			return;
		if (now < end && wake > end)
			wake = end;
		int64_t left = wake > now ? wake - now : 0;
		struct timespec timeout = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
		int count = epoll_pwait2(generator->epoll_fd, events, EVENTS, &timeout, NULL);
		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;
			if (!read_answer(generator, client))
				continue;
			if (closed && now < end)
				post(generator, client, 0);
			else
				generator->idle[generator->idle_count++] = client;
		}
	}
}

struct generator_result
generator_run(const struct generator_options *options)
{
	struct generator *generator = mem_zero(1, sizeof *generator);
	generator->options = *options;
	generator->result.next_number = options->first_number;
	build_request(generator);
	open_clients(generator);
	struct timespec cpu_before, cpu_after;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_before);
	generator->result.started_ns = bench_now_ns();
	if (options->rate == 0)
		while (generator->idle_count > 0)
			post(generator, generator->idle[--generator->idle_count], 0);
	drive(generator);
	generator->result.ended_ns = bench_now_ns();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu_after);
	generator->result.cpu_ns =
	    (cpu_after.tv_sec - cpu_before.tv_sec) * INT64_C(1000000000) + cpu_after.tv_nsec - cpu_before.tv_nsec;

	struct generator_result result = generator->result;
	result.lost += generator->busy_count;
	for (size_t i = 0; i < options->connections; i++)
		if (generator->clients[i].fd >= 0)
			close(generator->clients[i].fd);
	close(generator->epoll_fd);
	free(generator->clients);
	free(generator->idle);
	free(generator);
	return result;
}
