/* The receiver of the benchmark: one thread, epoll, keep-alive HTTP/1.1, plain or over TLS. It answers every request with one status, at
 * once or after a fixed delay, and notes when each numbered message came. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "wire.h"

#include <openssl/ssl.h>
#include <stdio.h>

struct sink_options {
	int status;	  /* 200 when 0 */
	int64_t delay_us; /* before each answer */
	struct stamps *stamps;
	SSL_CTX *tls; /* borrowed; NULL: plain */
};

struct sink_counts {
	uint64_t requests; /* answered or about to be */
	uint64_t distinct; /* numbered messages that came for the first time */
	uint64_t repeated; /* that had come before */
	uint64_t unnumbered;
	uint64_t broken; /* connections that were dropped for what they sent */
	uint64_t connections;
};

struct sink;

struct sink *sink_start(const struct sink_options *options); /* on 127.0.0.1 */
int sink_port(const struct sink *sink);
struct sink_counts sink_counts(struct sink *sink); /* from any thread */
int64_t sink_cpu_ns(struct sink *sink);		   /* of its thread */
void sink_stop(struct sink *sink);
/* With a key and a certificate for 127.0.0.1 that it makes and signs itself, and writes to `authority` in PEM form. */
SSL_CTX *sink_tls_new(FILE *authority);

#endif
