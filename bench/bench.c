/* The benchmark: what this machine does without a server (the floor), and what the server makes of it, in one run,
 * over loopback, so that figures of one report may be compared with each other whatever the machine.
 *
 *   bench --serve PATH/vaultbell [--data DIR] [--connections N] [--seconds S] [--rate N] [--json]
 *   bench --floor
 *
 * Exit 0: every aim reached; 1: an aim missed or an event missing; 2: misuse or error. */
#include "generator.h"
#include "report.h"
#include "sink.h"

#include "base/macros.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLOOR_SECONDS = 3, DRAIN_SECONDS = 15, WARM_UP = 2000 };
static const char ORGANISATION[] = "bench";

struct bench {
	const char *binary, *data;
	long connections, seconds, rate;
	bool json, floor_only;
	struct stamps stamps;
	struct sink *sink;
	struct process process;
	char headers[512];
	uint32_t next_number;
	struct bench_report report;
};

static double
seconds_between(int64_t from_ns, int64_t to_ns)
{
	return (double)(to_ns - from_ns) / 1e9;
}

static void
measure_floor(struct bench *bench)
{
	int64_t sink_before = sink_cpu_ns(bench->sink);
	struct generator_options options = {.port = sink_port(bench->sink),
	    .path = "/",
	    .headers = "",
	    .before = "",
	    .after = "",
	    .connections = (size_t)bench->connections,
	    .duration_ns = FLOOR_SECONDS * INT64_C(1000000000),
	    .first_number = bench->next_number,
	    .stamps = &bench->stamps};
	struct generator_result result = generator_run(&options);
	bench->next_number = result.next_number;
	double count = result.accepted > 0 ? (double)result.accepted : 1;
	bench->report.floor_per_s = (double)result.accepted / seconds_between(result.started_ns, result.ended_ns);
	bench->report.floor_generator_us = (double)result.cpu_ns / 1e3 / count;
	bench->report.floor_sink_us = (double)(sink_cpu_ns(bench->sink) - sink_before) / 1e3 / count;
}

/* How many accepted messages have not come, and when the last one came. */
static uint64_t
count_missing(const struct bench *bench, uint32_t first, uint32_t end, int64_t *last_ns)
{
	uint64_t missing = 0;
	for (uint32_t i = first; i < end; i++) {
		int64_t received = atomic_load_explicit(&bench->stamps.received_ns[i], memory_order_relaxed);
		if (received == 0)
			missing += bench->stamps.acked_ns[i] != 0;
		else if (received > *last_ns)
			*last_ns = received;
	}
	return missing;
}

static uint64_t
wait_for_all(const struct bench *bench, uint32_t first, uint32_t end, int64_t *last_ns)
{
	int64_t limit = bench_now_ns() + DRAIN_SECONDS * INT64_C(1000000000);
	for (;;) {
		uint64_t missing = count_missing(bench, first, end, last_ns);
		if (missing == 0 || bench_now_ns() > limit)
			return missing;
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

static struct load_report
measure_load(struct bench *bench, int64_t rate, int64_t duration_ns)
{
	char path[128];
	snprintf(path, sizeof path, "/api/v1/app/%s/msg", ORGANISATION);
	struct sink_counts sink_before = sink_counts(bench->sink);
	struct process_cpu cpu_before = process_cpu(&bench->process);
	struct generator_options options = {.port = bench->process.port,
	    .path = path,
	    .headers = bench->headers,
	    .before = "{\"eventType\":\"bench.event\",\"payload\":",
	    .after = "}",
	    .connections = (size_t)bench->connections,
	    .rate = rate,
	    .duration_ns = duration_ns,
	    .first_number = bench->next_number,
	    .stamps = &bench->stamps};
	struct generator_result result = generator_run(&options);
	uint32_t first = bench->next_number, end = bench->next_number = result.next_number;
	int64_t last_ns = result.started_ns + 1;
	uint64_t missing = wait_for_all(bench, first, end, &last_ns);

	struct process_cpu cpu_after = process_cpu(&bench->process);
	struct sink_counts sink_after = sink_counts(bench->sink);
	struct load_report load = {.accepted = result.accepted,
	    .refused = result.refused,
	    .lost = result.lost,
	    .missing = missing,
	    .delivered = sink_after.distinct - sink_before.distinct,
	    .repeated = sink_after.repeated - sink_before.repeated,
	    .seconds = seconds_between(result.started_ns, result.ended_ns),
	    .delivered_seconds = seconds_between(result.started_ns, last_ns),
	    .threads = cpu_between(&cpu_before, cpu_after)};
	load.accepted_per_s = (double)load.accepted / load.seconds;
	load.delivered_per_s = (double)load.delivered / load.delivered_seconds;
	load.cpu_us = load.accepted == 0 ? 0 : (double)load.threads.total_ns / 1e3 / (double)load.accepted;
	load.acknowledged = latency_of(bench->stamps.sent_ns, bench->stamps.acked_ns, first, end);
	load.received = latency_of(bench->stamps.sent_ns, bench->stamps.received_ns, first, end);
	if (result.refused > 0)
		fprintf(stderr, "bench: the server answered %d\n", result.last_refusal);
	return load;
}

static bool
prepare_server(struct bench *bench)
{
	char token[256], path[128], body[256];
	if (!process_start(&bench->process, bench->binary, bench->data) ||
	    !process_token(&bench->process, token, sizeof token))
		return false;
	snprintf(bench->headers, sizeof bench->headers, "authorization: Bearer %s\r\n", token);
	snprintf(body, sizeof body, "{\"name\":\"Bench\",\"uid\":\"%s\"}", ORGANISATION);
	int status = process_call(&bench->process, token, "/api/v1/app", body);
	if (status != 200 && status != 201) {
		fprintf(stderr, "bench: creating an organisation was answered %d\n", status);
		return false;
	}
	snprintf(path, sizeof path, "/api/v1/app/%s/endpoint", ORGANISATION);
	snprintf(body, sizeof body, "{\"url\":\"http://127.0.0.1:%d/\"}", sink_port(bench->sink));
	status = process_call(&bench->process, token, path, body);
	if (status != 200 && status != 201) {
		fprintf(stderr, "bench: creating an endpoint was answered %d\n", status);
		return false;
	}
	return true;
}

static bool
measure_server(struct bench *bench)
{
	if (!prepare_server(bench))
		return false;
	/* Opens the connections and fills the caches, at a rate that leaves no backlog behind. */
	(void)measure_load(bench, WARM_UP, INT64_C(1000000000));
	bench->report.saturation = measure_load(bench, 0, bench->seconds * INT64_C(1000000000));
	bench->report.paced = measure_load(bench, bench->rate, bench->seconds * INT64_C(1000000000));
	bench->report.paced_rate = bench->rate;
	bench->report.peak_kib = process_peak_kib(&bench->process);
	bench->report.served = true;
	return true;
}

/* Without the children: the server's time is added while it lives, and the token command's is small. */
static int64_t
own_cpu_ns(const struct bench *bench)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	int64_t own = used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
	return own + (bench->process.pid > 0 ? process_cpu(&bench->process).total_ns : 0);
}

static bool
measure(struct bench *bench)
{
	int64_t machine_before = machine_cpu_ns(), own_before = own_cpu_ns(bench), started = bench_now_ns();
	measure_floor(bench);
	bool ran = bench->floor_only || measure_server(bench);
	int64_t others = machine_cpu_ns() - machine_before - (own_cpu_ns(bench) - own_before);
	bench->report.cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
	bench->report.others = others > 0 ? (double)others / (double)(bench_now_ns() - started) : 0;
	if (!bench->floor_only)
		ran = process_stop(&bench->process) && ran;
	return ran;
}

static bool
read_number(const char *text, long least, long most, long *out)
{
	char *end;
	*out = strtol(text, &end, 10);
	return *text != '\0' && *end == '\0' && *out >= least && *out <= most;
}

static bool
read_options(struct bench *bench, int argc, char **argv)
{
	static const struct option names[] = {{"serve", required_argument, NULL, 's'},
	    {"data", required_argument, NULL, 'd'}, {"connections", required_argument, NULL, 'c'},
	    {"seconds", required_argument, NULL, 't'}, {"rate", required_argument, NULL, 'r'},
	    {"json", no_argument, NULL, 'j'}, {"floor", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	for (int name = getopt_long(argc, argv, "", names, NULL); name != -1;
	     name = getopt_long(argc, argv, "", names, NULL)) {
		bool good = true;
		switch (name) {
		case 's': bench->binary = optarg; break;
		case 'd': bench->data = optarg; break;
		case 'c': good = read_number(optarg, 1, 1024, &bench->connections); break;
		case 't': good = read_number(optarg, 1, 15, &bench->seconds); break;
		case 'r': good = read_number(optarg, 1, 20000, &bench->rate); break;
		case 'j': bench->json = true; break;
		case 'f': bench->floor_only = true; break;
		default: return false;
		}
		if (!good) {
			fprintf(stderr, "bench: %s is not in the range\n", optarg);
			return false;
		}
	}
	return optind == argc && (bench->floor_only || bench->binary != NULL);
}

int
main(int argc, char **argv)
{
	struct bench bench = {
	    .data = "/var/tmp", .connections = 64, .seconds = 8, .rate = 1000, .process = {.pid = -1}};
	if (!read_options(&bench, argc, argv)) {
		fprintf(stderr,
		    "bench: write bench --serve PATH [--data DIR] [--connections 1..1024] [--seconds 1..15] "
		    "[--rate 1..20000] [--json], or bench --floor\n");
		return 2;
	}
	bench.stamps = stamps_new();
	bench.sink = sink_start(&(struct sink_options){.stamps = &bench.stamps});
	bench.report.connections = (size_t)bench.connections;
	bool ran = measure(&bench);
	sink_stop(bench.sink);
	stamps_free(&bench.stamps);
	if (!ran)
		return 2;
	(bench.json ? report_json : report_text)(&bench.report);
	return report_good(&bench.report) ? 0 : 1;
}
