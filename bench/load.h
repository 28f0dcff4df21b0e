/* One load: events posted in one way to one server, and what became of them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "process.h"
#include "sink.h"

struct latency {
	double p50_ms, p99_ms, max_ms;
	size_t count;
};

/* How the server under test is set up: who posts to whom. */
struct setting {
	const char *name;
	size_t organisations;  /* each event belongs to one of them, in turns */
	size_t endpoints_each; /* deliveries of each event */
	bool tls;
	/* Endpoints of the first organisations that take requests and never answer, and that answer late. Their events are
	 * posted, and left out of what is counted and timed. */
	size_t hanging, late;
	int64_t rates[3]; /* one load for each, a second; 0: a closed loop */
	size_t rate_count;
};

struct load_report {
	const struct setting *setting;
	int64_t rate; /* 0: a closed loop */
	uint64_t accepted, refused, lost, delivered, repeated, missing;
	double seconds;		  /* of posting */
	double delivered_seconds; /* from the first post to the last receipt */
	double accepted_per_s, delivered_per_s;
	double cpu_us;			       /* of the server, for each delivery */
	struct process_cpu threads;	       /* `ns` of the load */
	struct latency acknowledged, received; /* from POST: to the answer, to the receipt */
	long peak_kib;			       /* of the server, so far */
};

struct load {
	const struct setting *setting;
	struct process *process;
	struct sink *sink;
	struct stamps *stamps;
	const char *headers; /* of each request */
	size_t connections;
	int64_t rate, duration_ns;
	uint32_t *next_number;
};

/* The uid of the organisation at this place, from 0. */
#define LOAD_ORGANISATION "bench-000"

struct load_report load_run(const struct load *load);

#endif
