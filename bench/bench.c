/* The benchmark: what this machine does without a server (the floor), and what the server makes of it, in one run,
 * over loopback, so that figures of one report may be compared with each other whatever the machine.
 *
 *   bench --serve PATH/vaultbell [--quick] [--data DIR] [--connections N] [--seconds S] [--json]
 *   bench --serve PATH/vaultbell --only 3 ...    the third setting alone, which judges no aim
 *   bench --floor
 *
 * Exit 0: every aim reached; 1: an aim missed or an event missing; 2: misuse or error. */
#include "generator.h"
#include "report.h"

#include "base/macros.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FLOOR_SECONDS = 3, WARM_UP = 2000, LATE_SECONDS = 25, HANGING_SECONDS = 3600 };

/* Each is a server of its own, so that its memory is its own. The loads of the first come first in the report. */
static const struct setting settings[] = {
    {.name = "one endpoint", .organisations = 1, .endpoints_each = 1, .rates = {0, 1000, 10000}, .rate_count = 3},
    {.name = "one endpoint over TLS", .organisations = 1, .endpoints_each = 1, .tls = true, .rate_count = 1},
    {.name = "500 endpoints", .organisations = 500, .endpoints_each = 1, .rate_count = 1},
    {.name = "10 endpoints for each event", .organisations = 1, .endpoints_each = 10, .rate_count = 1},
    {.name = "100 endpoints", .organisations = 100, .endpoints_each = 1, .rates = {1000}, .rate_count = 1},
    {.name = "100 endpoints, 1 hanging, 10 late",
	.organisations = 100,
	.endpoints_each = 1,
	.hanging = 1,
	.late = 10,
	.rates = {1000},
	.rate_count = 1},
};
/* Of a quick run: the first setting, without its fastest pace. */
enum { QUICK_SETTINGS = 1, QUICK_RATES = 2 };
/* Places in the report. */
enum { LOAD_ONE, LOAD_PACED_1000, LOAD_PACED_10000, LOAD_TLS, LOAD_MANY, LOAD_FAN_OUT, LOAD_WELL, LOAD_ISOLATED };

struct bench {
	const char *binary, *data;
	long connections, seconds, only; /* only: a setting, from 1; 0: all */
	bool json, floor_only, quick;
	struct stamps stamps, others; /* of messages to endpoints that hang or are late */
	struct sink *sink, *tls_sink, *late_sink, *hanging_sink;
	char authority[PROCESS_TEXT_BYTES]; /* a file */
	struct process process;
	char token[256], headers[512];
	uint32_t next_number;
	int64_t served_ns; /* CPU of servers that have ended */
	struct bench_report report;
};

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
	bench->report.floor_per_s = (double)result.accepted * 1e9 / (double)(result.ended_ns - result.started_ns);
	bench->report.floor_generator_us = (double)result.cpu_ns / 1e3 / count;
	bench->report.floor_sink_us = (double)(sink_cpu_ns(bench->sink) - sink_before) / 1e3 / count;
}

/* --- the server ------------------------------------------------------------------------------------- */

static bool
create(struct bench *bench, const char *path, const char *body, const char *what)
{
	int status = process_call(&bench->process, bench->token, path, body);
	if (status != 200 && status != 201)
		fprintf(stderr, "bench: creating %s was answered %d\n", what, status);
	return status == 200 || status == 201;
}

static struct sink *
sink_of(struct bench *bench, const struct setting *setting, size_t organisation)
{
	if (organisation < setting->hanging)
		return bench->hanging_sink;
	if (organisation < setting->hanging + setting->late)
		return bench->late_sink;
	return setting->tls ? bench->tls_sink : bench->sink;
}

static bool
prepare_organisation(struct bench *bench, const struct setting *setting, size_t at)
{
	char uid[] = LOAD_ORGANISATION, path[128], body[256];
	snprintf(uid, sizeof uid, "bench-%03zu", at % 1000);
	snprintf(body, sizeof body, "{\"name\":\"Bench\",\"uid\":\"%s\"}", uid);
	if (!create(bench, "/api/v1/app", body, "an organisation"))
		return false;
	snprintf(path, sizeof path, "/api/v1/app/%s/endpoint", uid);
	for (size_t i = 0; i < setting->endpoints_each; i++) {
		snprintf(body, sizeof body, "{\"url\":\"%s://127.0.0.1:%d/%s/%zu\"}", setting->tls ? "https" : "http",
		    sink_port(sink_of(bench, setting, at)), uid, i);
		if (!create(bench, path, body, "an endpoint"))
			return false;
	}
	return true;
}

static bool
prepare_server(struct bench *bench, const struct setting *setting)
{
	if (!process_start(&bench->process, bench->binary, bench->data, bench->authority) ||
	    !process_token(&bench->process, bench->token, sizeof bench->token))
		return false;
	snprintf(bench->headers, sizeof bench->headers, "authorization: Bearer %s\r\n", bench->token);
	for (size_t i = 0; i < setting->organisations; i++)
		if (!prepare_organisation(bench, setting, i))
			return false;
	return true;
}

static struct load_report
run_load(struct bench *bench, const struct setting *setting, int64_t rate, int64_t duration_ns)
{
	struct load load = {
	    .setting = setting,
	    .process = &bench->process,
	    .sink = setting->tls ? bench->tls_sink : bench->sink,
	    .stamps = &bench->stamps,
	    .headers = bench->headers,
	    .connections = (size_t)bench->connections,
	    .rate = rate,
	    .duration_ns = duration_ns,
	    .next_number = &bench->next_number,
	};
	return load_run(&load);
}

static bool
measure_setting(struct bench *bench, const struct setting *setting)
{
	if (!prepare_server(bench, setting))
		return false;
	/* Opens the connections and fills the caches, at a rate that leaves no backlog behind. */
	int64_t warm_up =
	    setting->hanging + setting->late > 0 ? setting->rates[0] : WARM_UP / (int64_t)setting->endpoints_each;
	(void)run_load(bench, setting, warm_up, INT64_C(1000000000));
	for (size_t i = 0; i < setting->rate_count && !(bench->quick && i == QUICK_RATES); i++) {
		ENSURE(bench->report.load_count < REPORT_LOADS_MAX);
		bench->report.loads[bench->report.load_count++] =
		    run_load(bench, setting, setting->rates[i], bench->seconds * INT64_C(1000000000));
	}
	bench->served_ns += process_cpu(&bench->process).total_ns;
	return true;
}

/* --- sinks ------------------------------------------------------------------------------------------ */

/* The certificate goes into a file of its own, which the server is told to trust. */
static bool
start_sinks(struct bench *bench)
{
	bench->stamps = stamps_new();
	bench->others = stamps_new();
	bench->sink = sink_start(&(struct sink_options){.stamps = &bench->stamps});
	snprintf(bench->authority, sizeof bench->authority, "%s/vaultbell-bench-ca-XXXXXX", bench->data);
	int fd = mkstemp(bench->authority);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL) {
		fprintf(stderr, "bench: no file below %s\n", bench->data);
		return false;
	}
	bench->tls_sink = sink_start(&(struct sink_options){.stamps = &bench->stamps, .tls = sink_tls_new(file)});
	fclose(file);
	bench->late_sink =
	    sink_start(&(struct sink_options){.stamps = &bench->others, .delay_us = LATE_SECONDS * INT64_C(1000000)});
	bench->hanging_sink = sink_start(
	    &(struct sink_options){.stamps = &bench->others, .delay_us = HANGING_SECONDS * INT64_C(1000000)});
	return true;
}

static void
stop_sinks(struct bench *bench)
{
	struct sink *const sinks[] = {bench->sink, bench->tls_sink, bench->late_sink, bench->hanging_sink};
	for (size_t i = 0; i < COUNT_OF(sinks); i++)
		if (sinks[i] != NULL)
			sink_stop(sinks[i]);
	unlink(bench->authority);
	stamps_free(&bench->stamps);
	stamps_free(&bench->others);
}

/* --- the whole -------------------------------------------------------------------------------------- */

static void
judge_all(struct bench_report *report)
{
	const struct load_report *loads = report->loads;
	double floor = report->floor_per_s > 0 ? report->floor_per_s : 1;
	double plain = loads[LOAD_ONE].delivered_per_s > 0 ? loads[LOAD_ONE].delivered_per_s : 1;
	double well = loads[LOAD_WELL].received.p99_ms > 0 ? loads[LOAD_WELL].received.p99_ms : 1;
	report_aim_at_most(report, "p99 at 10,000 events/s", "ms", loads[LOAD_PACED_10000].received.p99_ms, 15);
	report_aim_at_least(
	    report, "over TLS, of the plain deliveries/s", "", loads[LOAD_TLS].delivered_per_s / plain, 0.60);
	report_aim_at_least(report, "500 endpoints, of the floor", "", loads[LOAD_MANY].delivered_per_s / floor, 0.20);
	report_aim_at_least(report, "deliveries/s with 10 endpoints, of the floor", "",
	    loads[LOAD_FAN_OUT].delivered_per_s / floor, 0.30);
	report_aim_at_most(report, "p99 beside hanging and late endpoints, of without", "",
	    loads[LOAD_ISOLATED].received.p99_ms / well, 1.3);
}

static void
judge(struct bench_report *report, bool quick)
{
	const struct load_report *one = &report->loads[LOAD_ONE];
	double peak_kib = 0, missing = 0;
	for (size_t i = 0; i < report->load_count; i++) {
		missing += (double)report->loads[i].missing;
		if ((double)report->loads[i].peak_kib > peak_kib)
			peak_kib = (double)report->loads[i].peak_kib;
	}
	report_aim_at_least(report, "one endpoint, of the floor", "",
	    report->floor_per_s > 0 ? one->delivered_per_s / report->floor_per_s : 0, 0.25);
	report_aim_at_most(report, "CPU a delivery, one endpoint", "us", one->cpu_us, 45);
	report_aim_at_most(report, "p99 at 1,000 events/s", "ms", report->loads[LOAD_PACED_1000].received.p99_ms, 5);
	if (!quick)
		judge_all(report);
	report_aim_at_most(report, "memory in all of these", "MiB", peak_kib / 1024, 100);
	report_aim_at_most(report, "missing", "", missing, 0);
}

/* Without the children: the servers' time is added, and the token commands' is small. */
static int64_t
own_cpu_ns(const struct bench *bench)
{
	struct timespec used;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * INT64_C(1000000000) + used.tv_nsec + bench->served_ns;
}

static bool
measure(struct bench *bench)
{
	int64_t machine_before = machine_cpu_ns(), own_before = own_cpu_ns(bench), started = bench_now_ns();
	measure_floor(bench);
	bool ran = true;
	size_t count = bench->floor_only ? 0 : bench->quick ? QUICK_SETTINGS : COUNT_OF(settings);
	for (size_t i = 0; ran && i < count; i++) {
		if (bench->only != 0 && (size_t)bench->only != i + 1)
			continue;
		fprintf(stderr, "bench: %s\n", settings[i].name);
		ran = measure_setting(bench, &settings[i]);
		/* What hangs ends with its connections: the server need not wait for it when it stops. */
		if (settings[i].hanging > 0) {
			sink_stop(bench->hanging_sink);
			sink_stop(bench->late_sink);
			bench->hanging_sink = bench->late_sink = NULL;
		}
		ran = process_stop(&bench->process) && ran;
	}
	int64_t others = machine_cpu_ns() - machine_before - (own_cpu_ns(bench) - own_before);
	bench->report.cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
	bench->report.others = others > 0 ? (double)others / (double)(bench_now_ns() - started) : 0;
	if (ran && count > 0 && bench->only == 0)
		judge(&bench->report, bench->quick);
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
	    {"seconds", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
	    {"only", required_argument, NULL, 'o'}, {"quick", no_argument, NULL, 'q'},
	    {"floor", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	for (int name = getopt_long(argc, argv, "", names, NULL); name != -1;
	     name = getopt_long(argc, argv, "", names, NULL)) {
		bool good = true;
		switch (name) {
		case 's': bench->binary = optarg; break;
		case 'd': bench->data = optarg; break;
		case 'c': good = read_number(optarg, 1, 1024, &bench->connections); break;
		case 't': good = read_number(optarg, 1, 15, &bench->seconds); break;
		case 'o': good = read_number(optarg, 1, (long)COUNT_OF(settings), &bench->only); break;
		case 'j': bench->json = true; break;
		case 'q': bench->quick = true; break;
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
	struct bench bench = {.data = "/var/tmp", .connections = 64, .seconds = 8, .process = {.pid = -1}};
	if (!read_options(&bench, argc, argv)) {
		fprintf(stderr,
		    "bench: write bench --serve PATH [--quick] [--data DIR] [--connections 1..1024] [--seconds 1..15] "
		    "[--only 1..6] [--json], or bench --floor\n");
		return 2;
	}
	bench.report.connections = (size_t)bench.connections;
	bool ran = start_sinks(&bench) && measure(&bench);
	stop_sinks(&bench);
	if (!ran)
		return 2;
	(bench.json ? report_json : report_text)(&bench.report);
	return report_good(&bench.report) ? 0 : 1;
}
