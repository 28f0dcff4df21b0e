#include "report.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The aims: a share of what generator and sink reach without a server between them, CPU and latency. */
static const double AIM_FLOOR_SHARE = 0.15, AIM_CPU_US = 80, AIM_P99_MS = 10;
/* The share of the machine that others may use before the figures say more about them. */
static const double QUIET_CORES = 0.05;

static int
compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return left < right ? -1 : left > right;
}

struct latency
latency_of(const atomic_int_fast64_t *from_ns, const atomic_int_fast64_t *to_ns, uint32_t first, uint32_t end)
{
	struct latency latency = {0};
	int64_t *values = mem_zero(end - first, sizeof *values);
	for (uint32_t i = first; i < end; i++)
		if (from_ns[i] != 0 && to_ns[i] != 0)
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

static double
floor_share(const struct bench_report *report)
{
	return report->floor_per_s > 0 ? report->saturation.delivered_per_s / report->floor_per_s : 0;
}

static double
thread_us(const struct load_report *load, size_t at)
{
	return load->accepted == 0 ? 0 : (double)load->threads.threads[at].ns / 1e3 / (double)load->accepted;
}

static void
load_text(const char *name, const struct load_report *load)
{
	printf("%s\n", name);
	printf("  accepted durably   %10.0f /s   (%" PRIu64 " in %.1f s; refused %" PRIu64 ", lost %" PRIu64 ")\n",
	    load->accepted_per_s, load->accepted, load->seconds, load->refused, load->lost);
	printf("  delivered          %10.0f /s   (%" PRIu64 " in %.1f s; missing %" PRIu64 ", repeated %" PRIu64 ")\n",
	    load->delivered_per_s, load->delivered, load->delivered_seconds, load->missing, load->repeated);
	printf("  CPU                %10.1f us an event:", load->cpu_us);
	for (size_t i = 0; i < load->threads.count; i++)
		printf(" %s %.1f", load->threads.threads[i].name, thread_us(load, i));
	printf("\n  POST to answer     %10.2f ms p50 %10.2f ms p99 %10.2f ms at most\n", load->acknowledged.p50_ms,
	    load->acknowledged.p99_ms, load->acknowledged.max_ms);
	printf("  POST to receipt    %10.2f ms p50 %10.2f ms p99 %10.2f ms at most\n", load->received.p50_ms,
	    load->received.p99_ms, load->received.max_ms);
}

static const char *
verdict(bool good)
{
	return good ? "reached" : "MISSED";
}

void
report_text(const struct bench_report *report)
{
	printf("machine: %.0f cores; other programs used %.2f of them meanwhile%s\n", report->cores, report->others,
	    report->others > QUIET_CORES * report->cores ? ": NOT QUIET, so rates come out too low and times too high"
							 : "");
	printf("floor: generator to sink, a thread each, %zu connections, closed loop, %d byte bodies\n",
	    report->connections, BENCH_BODY_BYTES);
	printf("  %.0f /s   (generator %.1f us, sink %.1f us each)\n", report->floor_per_s, report->floor_generator_us,
	    report->floor_sink_us);
	if (!report->served)
		return;
	load_text("saturation: closed loop through the server", &report->saturation);
	char name[64];
	snprintf(name, sizeof name, "paced: %" PRId64 " events/s through the server", report->paced_rate);
	load_text(name, &report->paced);
	printf("memory at most %.1f MiB\n", (double)report->peak_kib / 1024);
	printf("aims\n");
	printf("  delivered / floor  %10.3f      at least %.2f: %s\n", floor_share(report), AIM_FLOOR_SHARE,
	    verdict(floor_share(report) >= AIM_FLOOR_SHARE));
	printf("  CPU an event       %10.1f us   at most %.0f: %s\n", report->saturation.cpu_us, AIM_CPU_US,
	    verdict(report->saturation.cpu_us <= AIM_CPU_US));
	printf("  p99, paced         %10.2f ms   below %.0f: %s\n", report->paced.received.p99_ms, AIM_P99_MS,
	    verdict(report->paced.received.p99_ms < AIM_P99_MS));
	printf("  missing            %10" PRIu64 "      0: %s\n", report->saturation.missing + report->paced.missing,
	    verdict(report->saturation.missing + report->paced.missing == 0));
}

static void
load_json(const char *name, const struct load_report *load)
{
	printf(",\"%s\":{\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"delivered\":%" PRIu64
	       ",\"missing\":%" PRIu64 ",\"repeated\":%" PRIu64 ",\"accepted_per_s\":%.1f,\"delivered_per_s\":%.1f"
	       ",\"cpu_us\":%.2f,\"cpu_us_by_thread\":{",
	    name, load->accepted, load->refused, load->lost, load->delivered, load->missing, load->repeated,
	    load->accepted_per_s, load->delivered_per_s, load->cpu_us);
	for (size_t i = 0; i < load->threads.count; i++)
		printf("%s\"%s\":%.2f", i > 0 ? "," : "", load->threads.threads[i].name, thread_us(load, i));
	printf("},\"answer_p50_ms\":%.3f,\"answer_p99_ms\":%.3f,\"receipt_p50_ms\":%.3f,\"receipt_p99_ms\":%.3f"
	       ",\"receipt_max_ms\":%.3f}",
	    load->acknowledged.p50_ms, load->acknowledged.p99_ms, load->received.p50_ms, load->received.p99_ms,
	    load->received.max_ms);
}

void
report_json(const struct bench_report *report)
{
	printf("{\"cores\":%.0f,\"others\":%.3f,", report->cores, report->others);
	printf("\"connections\":%zu,\"body_bytes\":%d,\"floor_per_s\":%.1f,\"floor_generator_us\":%.2f,\"floor_sink_"
	       "us\":%.2f",
	    report->connections, BENCH_BODY_BYTES, report->floor_per_s, report->floor_generator_us,
	    report->floor_sink_us);
	if (report->served) {
		load_json("saturation", &report->saturation);
		load_json("paced", &report->paced);
		printf(",\"paced_rate\":%" PRId64 ",\"peak_kib\":%ld,\"delivered_per_floor\":%.4f,\"good\":%s",
		    report->paced_rate, report->peak_kib, floor_share(report), report_good(report) ? "true" : "false");
	}
	printf("}\n");
}

bool
report_good(const struct bench_report *report)
{
	return !report->served || (floor_share(report) >= AIM_FLOOR_SHARE && report->saturation.cpu_us <= AIM_CPU_US &&
				      report->paced.received.p99_ms < AIM_P99_MS &&
				      report->saturation.missing + report->paced.missing == 0);
}
