/* What one run of the benchmark found, and how it is shown. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "process.h"

struct latency {
	double p50_ms, p99_ms, max_ms;
	size_t count;
};

struct load_report {
	uint64_t accepted, refused, lost, delivered, repeated, missing;
	double seconds;		  /* of posting */
	double delivered_seconds; /* from the first post to the last receipt */
	double accepted_per_s, delivered_per_s;
	double cpu_us;			       /* of the server, for each accepted event */
	struct process_cpu threads;	       /* `ns` of the load */
	struct latency acknowledged, received; /* from POST: to the answer, to the receipt */
};

struct bench_report {
	size_t connections;
	int64_t paced_rate;
	double floor_per_s, floor_generator_us, floor_sink_us;
	struct load_report saturation, paced;
	long peak_kib;
	double cores, others; /* of the machine; and how many other programs kept busy meanwhile */
	bool served;	      /* false: the floor only */
};

/* Of the accepted messages from `first` to before `end`. */
struct latency latency_of(
    const atomic_int_fast64_t *from_ns, const atomic_int_fast64_t *to_ns, uint32_t first, uint32_t end);

void report_text(const struct bench_report *report);
void report_json(const struct bench_report *report);
/* Nothing missing and every aim reached. */
bool report_good(const struct bench_report *report);

#endif
