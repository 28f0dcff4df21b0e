/* The load of the benchmark: one thread, epoll, keep-alive HTTP/1.1 connections, each with one request at a time.
 *
 * Closed loop (rate 0): each answer sends the next request. Paced: requests are due at fixed times, and what is late
 * because no connection is free counts from when it was due, so that a slow server cannot hide behind its own load. */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

#include "wire.h"

struct generator_options {
	int port;
	const char *path;
	const char *turns_at; /* a part of the path whose last three digits are the message's number modulo `turns` */
	size_t turns;	      /* at most 1000; 0 or 1: the path stays as it is */
	const char *headers;  /* further header lines, each with its CRLF; "" for none */
	const char *before, *after; /* what stands around the payload in the body */
	size_t connections;
	int64_t rate; /* a second; 0 for a closed loop */
	int64_t duration_ns;
	uint32_t first_number;
	struct stamps *stamps;
};

struct generator_result {
	uint32_t next_number; /* numbers from first_number to before this one were sent */
	uint64_t accepted;    /* with a 2xx */
	uint64_t refused;     /* with another status */
	uint64_t lost;	      /* without an answer */
	int last_refusal;     /* its status */
	int64_t started_ns, ended_ns;
	int64_t cpu_ns; /* of the thread that ran it */
};

/* Runs in the calling thread until the duration is over and what is on its way is answered (10 seconds at most). */
struct generator_result generator_run(const struct generator_options *options);

#endif
