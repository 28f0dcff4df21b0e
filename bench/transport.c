/* What a delivery costs the transport alone: requests of 1 KiB in a closed loop against the sink, over loopback.
 *   bench-transport [--kind own|curl] [--tls] [IN_FLIGHT [SECONDS]]
 * Without a kind both are measured, each plain and over TLS, one after the other in turns: so a busy machine is busy for
 * all of them. */
#include "sink.h"

#include "transport/transport.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { HEADERS = 7, IN_FLIGHT_MAX = 2048, ROUNDS = 5, WARM_UP = 8 };

struct bench {
	struct loop *loop;
	struct transport *transport;
	struct sink *sink;
	int64_t sink_ns;
	struct transmission *transmissions;
	size_t in_flight, done, failed;
	size_t warm_up; /* deliveries that make the connections and are not counted */
	double started_us;
	int64_t started_ns, end_ns;
};

static double
cpu_us(void)
{
	struct timespec used;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static void
on_done(void *context, struct transmission *transmission)
{
	struct bench *bench = context;
	bench->done++;
	if (bench->warm_up > 0 && bench->done == bench->warm_up) {
		bench->done = bench->warm_up = 0;
		bench->started_us = cpu_us();
		bench->started_ns = bench_now_ns();
		bench->sink_ns = sink_cpu_ns(bench->sink);
	}
	if (transmission->outcome != TRANSMISSION_ANSWERED || transmission->status_code != 200) {
		if (bench->failed++ == 0)
			fprintf(stderr, "bench-transport: %s\n", transmission->problem);
	}
	arena_free(&transmission->arena);
	if (bench_now_ns() < bench->end_ns)
		transport_send(bench->transport, transmission);
	else if (--bench->in_flight == 0)
		loop_stop(bench->loop);
}

static void
on_mail(void *context, struct mail_list mail)
{
	(void)context;
	(void)mail;
}

static int64_t
on_turn(void *context)
{
	struct bench *bench = context;
	return transport_turn(bench->transport);
}

static void
send_all(struct bench *bench, struct slice url, struct slice body)
{
	static struct http_header headers[HEADERS] = {
	    {{"content-type", 12}, {"application/json", 16}},
	    {{"user-agent", 10}, {"Vaultbell/0", 11}},
	    {{"webhook-id", 10}, {"msg_2mFnVq1Xy0Zk3w8Qe7Rt6UpLs9A", 31}},
	    {{"webhook-timestamp", 17}, {"1790000000", 10}},
	    {{"webhook-signature", 17}, {"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", 47}},
	    {{"vaultbell-sequence", 18}, {"1234567", 7}},
	    {{"vaultbell-attempt", 17}, {"1", 1}},
	};
	for (size_t i = 0; i < bench->in_flight; i++) {
		bench->transmissions[i] =
		    (struct transmission){.url = url, .headers = {headers, HEADERS}, .body = body, .timeout_ms = 15000};
		transport_send(bench->transport, &bench->transmissions[i]);
	}
}

struct bench_run {
	enum transport_kind kind;
	bool tls;
	long in_flight, seconds;
};

struct bench_result {
	double per_s, cpu_us;
};

static const char *const kind_names[TRANSPORT_KIND_COUNT] = {[TRANSPORT_OWN] = "own", [TRANSPORT_CURL] = "curl"};

static void
print(const struct bench *bench, const struct bench_run *run, const struct bench_result *result)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf(
	    "%-4s %-5s %ld in flight: %.0f deliveries/s, %.1f us CPU each (sink %.1f), %llu connections, %zu failed, "
	    "%ld KiB at most so far\n",
	    kind_names[run->kind], run->tls ? "tls" : "plain", run->in_flight, result->per_s, result->cpu_us,
	    (double)(sink_cpu_ns(bench->sink) - bench->sink_ns) / 1e3 / (double)bench->done,
	    (unsigned long long)sink_counts(bench->sink).connections, bench->failed, usage.ru_maxrss);
	fflush(stdout);
}

static bool
measure(const struct bench_run *run, struct stamps *stamps, SSL_CTX *tls, struct bench_result *result)
{
	struct sink *sink = sink_start(&(struct sink_options){.stamps = stamps, .tls = run->tls ? tls : NULL});
	static const struct loop_handlers handlers = {.mail = on_mail, .turn = on_turn};
	struct bench bench = {
	    .in_flight = (size_t)run->in_flight, .warm_up = (size_t)run->in_flight * WARM_UP, .sink = sink};
	struct guard guard;
	struct error error = ERROR_NONE;
	bench.loop = loop_new(&handlers, &bench);
	struct transport_options options = {.kind = run->kind,
	    .loop = bench.loop,
	    .guard = &guard,
	    .allow_http = true,
	    .connections_max = IN_FLIGHT_MAX,
	    .done = on_done,
	    .context = &bench};
	if (guard_parse(SLICE("127.0.0.0/8"), &guard, &error) != OK ||
	    transport_new(&options, &bench.transport, &error) != OK) {
		fprintf(stderr, "bench-transport: %s\n", error.text);
		exit(2);
	}
	char url[64], body[BENCH_BODY_BYTES];
	snprintf(url, sizeof url, "%s://127.0.0.1:%d/hook", run->tls ? "https" : "http", sink_port(sink));
	payload_write(body, sizeof body);
	bench.transmissions = mem_zero(bench.in_flight, sizeof *bench.transmissions);
	bench.end_ns = bench_now_ns() + run->seconds * INT64_C(1000000000);
	send_all(&bench, slice_of(url), (struct slice){body, sizeof body});
	loop_run(bench.loop);
	result->per_s = (double)bench.done / ((double)(bench_now_ns() - bench.started_ns) / 1e9);
	result->cpu_us = (cpu_us() - bench.started_us) / (double)bench.done;
	print(&bench, run, result);
	transport_free(bench.transport);
	loop_free(bench.loop);
	sink_stop(sink);
	free(bench.transmissions);
	return bench.failed == 0;
}

/* Both ends are in this process, so its certificate is the one authority that there is. */
static SSL_CTX *
begin_tls(char path[static 64])
{
	snprintf(path, 64, "/tmp/bench-transport-XXXXXX");
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	ENSURE(file != NULL);
	SSL_CTX *tls = sink_tls_new(file);
	fclose(file);
	setenv("SSL_CERT_FILE", path, 1);
	return tls;
}

static bool
read_arguments(int argc, char **argv, struct bench_run *run, bool *all)
{
	static const struct option names[] = {
	    {"kind", required_argument, NULL, 'k'}, {"tls", no_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
	*all = true;
	for (int name = getopt_long(argc, argv, "", names, NULL); name != -1;
	     name = getopt_long(argc, argv, "", names, NULL)) {
		*all = false;
		if (name == 't')
			run->tls = true;
		else if (name != 'k' || !transport_kind_parse(slice_of(optarg), &run->kind))
			return false;
	}
	if (optind < argc)
		run->in_flight = strtol(argv[optind++], NULL, 10);
	if (optind < argc)
		run->seconds = strtol(argv[optind++], NULL, 10);
	return optind == argc && run->in_flight >= 1 && run->in_flight <= IN_FLIGHT_MAX && run->seconds >= 1 &&
	       run->seconds <= 60;
}

static int
by_cpu(const void *a, const void *b)
{
	const struct bench_result *left = a, *right = b;
	return (left->cpu_us > right->cpu_us) - (left->cpu_us < right->cpu_us);
}

static int
by_rate(const void *a, const void *b)
{
	const struct bench_result *left = a, *right = b;
	return (left->per_s > right->per_s) - (left->per_s < right->per_s);
}

static bool
measure_all(struct bench_run *run, struct stamps *stamps, SSL_CTX *tls)
{
	struct bench_result results[TRANSPORT_KIND_COUNT][2][ROUNDS], medians[TRANSPORT_KIND_COUNT][2];
	bool good = true;
	for (int round = 0; round < ROUNDS; round++) {
		for (int one = 0; one < TRANSPORT_KIND_COUNT * 2; one++) {
			run->kind = (enum transport_kind)(one / 2);
			run->tls = one % 2 == 1;
			good = measure(run, stamps, tls, &results[one / 2][one % 2][round]) && good;
		}
	}
	for (int kind = 0; kind < TRANSPORT_KIND_COUNT; kind++) {
		for (int over = 0; over < 2; over++) {
			qsort(results[kind][over], ROUNDS, sizeof results[kind][over][0], by_cpu);
			medians[kind][over].cpu_us = results[kind][over][ROUNDS / 2].cpu_us;
			qsort(results[kind][over], ROUNDS, sizeof results[kind][over][0], by_rate);
			medians[kind][over].per_s = results[kind][over][ROUNDS / 2].per_s;
		}
		const struct bench_result *plain = &medians[kind][0], *secret = &medians[kind][1];
		printf("%s, medians: plain %.1f us, tls %.1f us; tls/plain %.2f in deliveries/s, %.2f in deliveries "
		       "for a CPU "
		       "second\n",
		    kind_names[kind], plain->cpu_us, secret->cpu_us, secret->per_s / plain->per_s,
		    plain->cpu_us / secret->cpu_us);
	}
	return good;
}

int
main(int argc, char **argv)
{
	struct bench_run run = {.in_flight = 64, .seconds = 3};
	bool all;
	if (!read_arguments(argc, argv, &run, &all)) {
		fprintf(stderr,
		    "bench-transport: write bench-transport [--kind own|curl] [--tls] [IN_FLIGHT [SECONDS]], 1..%d and "
		    "1..60\n",
		    IN_FLIGHT_MAX);
		return 2;
	}
	char authority[64];
	SSL_CTX *tls = begin_tls(authority);
	struct stamps stamps = stamps_new();
	struct bench_result result;
	bool good = all ? measure_all(&run, &stamps, tls) : measure(&run, &stamps, tls, &result);
	unlink(authority);
	SSL_CTX_free(tls);
	stamps_free(&stamps);
	return good ? 0 : 1;
}
