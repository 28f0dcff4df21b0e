/* What a delivery costs the transport alone: requests of 1 KiB in a closed loop against the sink, over loopback.
 *   bench-transport [IN_FLIGHT [SECONDS]] */
#include "sink.h"

#include "transport/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { HEADERS = 7, IN_FLIGHT_MAX = 2048 };

struct bench {
	struct loop *loop;
	struct transport *transport;
	struct transmission *transmissions;
	size_t in_flight, done, failed;
	int64_t end_ns;
};

static void
on_done(void *context, struct transmission *transmission)
{
	struct bench *bench = context;
	bench->done++;
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

static double
cpu_us(void)
{
	struct timespec used;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
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

int
main(int argc, char **argv)
{
	long in_flight = argc > 1 ? strtol(argv[1], NULL, 10) : 64, seconds = argc > 2 ? strtol(argv[2], NULL, 10) : 3;
	if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || seconds < 1 || seconds > 60) {
		fprintf(stderr, "bench-transport: write bench-transport [IN_FLIGHT [SECONDS]], 1..%d and 1..60\n",
		    IN_FLIGHT_MAX);
		return 2;
	}
	struct stamps stamps = stamps_new();
	struct sink *sink = sink_start(&(struct sink_options){.stamps = &stamps});
	static const struct loop_handlers handlers = {.mail = on_mail, .turn = on_turn};
	struct bench bench = {.in_flight = (size_t)in_flight, .end_ns = bench_now_ns() + seconds * INT64_C(1000000000)};
	struct guard guard;
	struct error error = ERROR_NONE;
	bench.loop = loop_new(&handlers, &bench);
	struct transport_options options = {.loop = bench.loop,
	    .guard = &guard,
	    .allow_http = true,
	    .connections_max = IN_FLIGHT_MAX,
	    .done = on_done,
	    .context = &bench};
	if (guard_parse(SLICE("127.0.0.0/8"), &guard, &error) != OK ||
	    transport_new(&options, &bench.transport, &error) != OK) {
		fprintf(stderr, "bench-transport: %s\n", error.text);
		return 2;
	}
	char url[64], body[BENCH_BODY_BYTES];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", sink_port(sink));
	payload_write(body, sizeof body);
	bench.transmissions = mem_zero(bench.in_flight, sizeof *bench.transmissions);
	double before_us = cpu_us();
	int64_t started_ns = bench_now_ns();
	send_all(&bench, slice_of(url), (struct slice){body, sizeof body});
	loop_run(bench.loop);

	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double elapsed_s = (double)(bench_now_ns() - started_ns) / 1e9;
	printf(
	    "%ld in flight: %.0f deliveries/s, %.1f us CPU each (sink %.1f), %llu connections, %zu failed, %ld KiB\n",
	    in_flight, (double)bench.done / elapsed_s, (cpu_us() - before_us) / (double)bench.done,
	    (double)sink_cpu_ns(sink) / 1e3 / (double)bench.done, (unsigned long long)sink_counts(sink).connections,
	    bench.failed, usage.ru_maxrss);
	transport_free(bench.transport);
	loop_free(bench.loop);
	sink_stop(sink);
	free(bench.transmissions);
	stamps_free(&stamps);
	return bench.failed == 0 ? 0 : 1;
}
