#include "load.h"

#include "generator.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DRAIN_SECONDS = 15 };

static double
seconds_between(int64_t from_ns, int64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e9;
}

/* Whether the message goes to an endpoint that answers at once. */
static bool
is_counted(const struct setting *setting, uint32_t number)
{
	return number % setting->organisations >= setting->hanging + setting->late;
}

static int
compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

/* Of the accepted messages from `first` to before `end`. */
static struct latency
latency_of(const struct setting *setting, const atomic_int_fast64_t *from_ns, const atomic_int_fast64_t *to_ns,
    uint32_t first, uint32_t end)
{
	struct latency latency = {0};
	int64_t *values = mem_zero(end - first, sizeof *values);
	for (uint32_t i = first; i < end; i++)
		if (is_counted(setting, i) && from_ns[i] != 0 && to_ns[i] != 0)
			values[latency.count++] = to_ns[i] - from_ns[i];
	if (latency.count > 0) {
		qsort(values, latency.count, sizeof *values, compare);
		latency.p50_ms = (double)values[latency.count / 2] / 1e6;
		latency.p99_ms = (double)values[latency.count - 1 - latency.count / 100] / 1e6;
		latency.max_ms = (double)values[latency.count - 1] / 1e6;
	}
	free(values);
	return latency;
}

struct progress {
	uint64_t expected; /* deliveries */
	uint64_t missing;  /* messages that nobody got */
	int64_t last_ns;   /* of the last message that came for the first time */
};

static struct progress
progress_of(const struct load *load, uint32_t first, uint32_t end)
{
	struct progress progress = {0};
	for (uint32_t i = first; i < end; i++) {
		if (!is_counted(load->setting, i) || load->stamps->acked_ns[i] == 0)
			continue;
		int64_t received = atomic_load_explicit(&load->stamps->received_ns[i], memory_order_relaxed);
		progress.expected += load->setting->endpoints_each;
		progress.missing += received == 0;
		if (received > progress.last_ns)
			progress.last_ns = received;
	}
	return progress;
}

static struct progress
wait_for_all(const struct load *load, uint64_t requests_before, uint32_t first, uint32_t end)
{
	int64_t limit = bench_now_ns() + DRAIN_SECONDS * INT64_C(1000000000);
	for (;;) {
		struct progress progress = progress_of(load, first, end);
		uint64_t came = sink_counts(load->sink).requests - requests_before;
		/* With several deliveries for each event the table knows of the first alone: the count says when all came. */
		if (load->setting->endpoints_each > 1)
			progress.last_ns = bench_now_ns();
		if ((progress.missing == 0 && came >= progress.expected) || bench_now_ns() > limit) {
			if (progress.missing == 0 && came < progress.expected)
				progress.missing = progress.expected - came;
			return progress;
		}
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

static struct process_cpu
cpu_between(const struct process_cpu *before, struct process_cpu after)
{
	after.total_ns -= before->total_ns;
	for (size_t i = 0; i < after.count; i++)
		for (size_t j = 0; j < before->count; j++)
			if (strcmp(after.threads[i].name, before->threads[j].name) == 0)
				after.threads[i].ns -= before->threads[j].ns;
	return after;
}

static struct generator_result
post_all(const struct load *load)
{
	struct generator_options options = {
	    .port = load->process->port,
	    .path = "/api/v1/app/" LOAD_ORGANISATION "/msg",
	    .turns_at = LOAD_ORGANISATION,
	    .turns = load->setting->organisations,
	    .headers = load->headers,
	    .before = "{\"eventType\":\"bench.event\",\"payload\":",
	    .after = "}",
	    .connections = load->connections,
	    .rate = load->rate,
	    .duration_ns = load->duration_ns,
	    .first_number = *load->next_number,
	    .stamps = load->stamps,
	};
	struct generator_result result = generator_run(&options);
	if (result.refused > 0)
		fprintf(stderr, "bench: the server answered %d\n", result.last_refusal);
	return result;
}

struct load_report
load_run(const struct load *load)
{
	struct sink_counts before = sink_counts(load->sink);
	struct process_cpu cpu_before = process_cpu(load->process);
	uint32_t first = *load->next_number;
	struct generator_result result = post_all(load);
	uint32_t end = *load->next_number = result.next_number;
	struct progress progress = wait_for_all(load, before.requests, first, end);
	struct process_cpu cpu_after = process_cpu(load->process);
	struct sink_counts after = sink_counts(load->sink);
	uint64_t came = after.requests - before.requests;
	int64_t last_ns = progress.last_ns > result.started_ns ? progress.last_ns : result.started_ns + 1;
	struct load_report report = {
	    .setting = load->setting,
	    .rate = load->rate,
	    .accepted = result.accepted,
	    .refused = result.refused,
	    .lost = result.lost,
	    .missing = progress.missing,
	    .delivered = came < progress.expected ? came : progress.expected,
	    .repeated = came > progress.expected ? came - progress.expected : 0,
	    .seconds = seconds_between(result.started_ns, result.ended_ns),
	    .delivered_seconds = seconds_between(result.started_ns, last_ns),
	    .threads = cpu_between(&cpu_before, cpu_after),
	    .acknowledged = latency_of(load->setting, load->stamps->sent_ns, load->stamps->acked_ns, first, end),
	    .received = latency_of(load->setting, load->stamps->sent_ns, load->stamps->received_ns, first, end),
	    .peak_kib = process_peak_kib(load->process),
	};
	report.accepted_per_s = (double)report.accepted / report.seconds;
	report.delivered_per_s = (double)report.delivered / report.delivered_seconds;
	report.cpu_us = report.delivered == 0 ? 0 : (double)report.threads.total_ns / 1e3 / (double)report.delivered;
	return report;
}
