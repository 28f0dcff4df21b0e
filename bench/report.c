#include "report.h"

#include "base/macros.h"

#include <inttypes.h>
#include <stdio.h>

/* The share of the machine that others may use before the figures say more about them. */
static const double QUIET_CORES = 0.05;

static void
add_aim(struct bench_report *report, struct aim aim)
{
	ENSURE(report->aim_count < REPORT_AIMS_MAX);
	report->aims[report->aim_count++] = aim;
}

void
report_aim_at_least(struct bench_report *report, const char *what, const char *unit, double value, double bound)
{
	add_aim(report, (struct aim){what, unit, value, bound, true});
}

void
report_aim_at_most(struct bench_report *report, const char *what, const char *unit, double value, double bound)
{
	add_aim(report, (struct aim){what, unit, value, bound, false});
}

bool
aim_reached(const struct aim *aim)
{
	return aim->at_least ? aim->value >= aim->bound : aim->value <= aim->bound;
}

bool
report_good(const struct bench_report *report)
{
	for (size_t i = 0; i < report->aim_count; i++)
		if (!aim_reached(&report->aims[i]))
			return false;
	return true;
}

static double
thread_us(const struct load_report *load, size_t at)
{
	return load->delivered == 0 ? 0 : (double)load->threads.threads[at].ns / 1e3 / (double)load->delivered;
}

static double
floor_share(const struct bench_report *report, const struct load_report *load)
{
	return report->floor_per_s > 0 ? load->delivered_per_s / report->floor_per_s : 0;
}

static void
load_text(const struct bench_report *report, const struct load_report *load)
{
	char how[48] = "closed loop";
	if (load->rate > 0)
		snprintf(how, sizeof how, "%" PRId64 " events/s", load->rate);
	printf("%s, %s\n", load->setting->name, how);
	printf("  accepted durably   %10.0f /s   (%" PRIu64 " in %.1f s; refused %" PRIu64 ", lost %" PRIu64 ")\n",
	    load->accepted_per_s, load->accepted, load->seconds, load->refused, load->lost);
	printf("  delivered          %10.0f /s   (%" PRIu64 " in %.1f s; missing %" PRIu64 ", repeated %" PRIu64
	       "), %.3f of the floor\n",
	    load->delivered_per_s, load->delivered, load->delivered_seconds, load->missing, load->repeated,
	    floor_share(report, load));
	printf("  CPU                %10.1f us a delivery:", load->cpu_us);
	for (size_t i = 0; i < load->threads.count; i++)
		printf(" %s %.1f", load->threads.threads[i].name, thread_us(load, i));
	printf("\n  POST to answer     %10.2f ms p50 %10.2f ms p99 %10.2f ms at most\n", load->acknowledged.p50_ms,
	    load->acknowledged.p99_ms, load->acknowledged.max_ms);
	printf("  POST to receipt    %10.2f ms p50 %10.2f ms p99 %10.2f ms at most; memory so far %.0f MiB\n",
	    load->received.p50_ms, load->received.p99_ms, load->received.max_ms, (double)load->peak_kib / 1024);
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
	for (size_t i = 0; i < report->load_count; i++)
		load_text(report, &report->loads[i]);
	if (report->aim_count > 0)
		printf("aims\n");
	for (size_t i = 0; i < report->aim_count; i++) {
		const struct aim *aim = &report->aims[i];
		printf("  %-52s %9.3f %-3s %s %7.2f: %s\n", aim->what, aim->value, aim->unit,
		    aim->at_least ? "at least" : "at most ", aim->bound, aim_reached(aim) ? "reached" : "MISSED");
	}
}

static void
load_json(const struct bench_report *report, const struct load_report *load)
{
	printf("{\"name\":\"%s\",\"rate\":%" PRId64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"lost\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"repeated\":%" PRIu64
	       ",\"accepted_per_s\":%.1f,\"delivered_per_s\":%.1f,\"delivered_per_floor\":%.4f"
	       ",\"cpu_us\":%.2f,\"cpu_us_by_thread\":{",
	    load->setting->name, load->rate, load->accepted, load->refused, load->lost, load->delivered, load->missing,
	    load->repeated, load->accepted_per_s, load->delivered_per_s, floor_share(report, load), load->cpu_us);
	for (size_t i = 0; i < load->threads.count; i++)
		printf("%s\"%s\":%.2f", i > 0 ? "," : "", load->threads.threads[i].name, thread_us(load, i));
	printf("},\"answer_p50_ms\":%.3f,\"answer_p99_ms\":%.3f,\"receipt_p50_ms\":%.3f,\"receipt_p99_ms\":%.3f"
	       ",\"receipt_max_ms\":%.3f,\"peak_kib\":%ld}",
	    load->acknowledged.p50_ms, load->acknowledged.p99_ms, load->received.p50_ms, load->received.p99_ms,
	    load->received.max_ms, load->peak_kib);
}

void
report_json(const struct bench_report *report)
{
	printf("{\"cores\":%.0f,\"others\":%.3f,", report->cores, report->others);
	printf("\"connections\":%zu,\"body_bytes\":%d,\"floor_per_s\":%.1f,\"floor_generator_us\":%.2f,\"floor_sink_"
	       "us\":%.2f,\"loads\":[",
	    report->connections, BENCH_BODY_BYTES, report->floor_per_s, report->floor_generator_us,
	    report->floor_sink_us);
	for (size_t i = 0; i < report->load_count; i++) {
		printf("%s", i > 0 ? "," : "");
		load_json(report, &report->loads[i]);
	}
	printf("],\"aims\":[");
	for (size_t i = 0; i < report->aim_count; i++) {
		const struct aim *aim = &report->aims[i];
		printf("%s{\"what\":\"%s\",\"unit\":\"%s\",\"value\":%.4f,\"%s\":%.4f,\"reached\":%s}",
		    i > 0 ? "," : "", aim->what, aim->unit, aim->value, aim->at_least ? "at_least" : "at_most",
		    aim->bound, aim_reached(aim) ? "true" : "false");
	}
	printf("],\"good\":%s}\n", report_good(report) ? "true" : "false");
}
