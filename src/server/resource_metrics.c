/* `/metrics`: the Prometheus text format 0.0.4. One table of what is measured drives the answer and docs/metrics.md
 * (which a test holds against it). */
#include "server/resources.h"

struct metrics {
	struct api_measures measures;
	uint64_t accepted, answers[6], pending, unowned, accepting;
	uint64_t refused[PRESSURE_REASON_COUNT];
	uint64_t certificate_expires_s[CERTIFICATE_SIDE_COUNT];
};

struct metric {
	const char *name, *type, *help; /* rows that follow one another with the same name belong together */
	const char *suffix, *labels;	/* of this sample; NULL: none */
	size_t offset;
	bool seconds; /* what is counted in microseconds is shown in seconds */
};

#define AT(member) offsetof(struct metrics, member)

static const char accepted_help[] = "Events that were accepted and committed.";
static const char answers_help[] = "Answers of the API, by the class of their status.";
static const char refused_help[] = "Events that were refused because there is no room for them now, by what is short.";
static const char queue_help[] =
    "Bytes of payloads that wait for their commit, and of those on their way from the store to the sender.";
static const char attempts_help[] = "Attempts to deliver an event to an endpoint, by their outcome.";
static const char retried_help[] = "Attempts that failed and are to be made again.";
static const char exhausted_help[] = "Deliveries that were given up at the end of their schedule.";
static const char pending_help[] = "Deliveries that are neither delivered nor given up, in the store.";
static const char unowned_help[] = "Endpoints with a duty that nobody is named for.";
static const char held_help[] = "Deliveries in the memory of the engine, by what they wait for.";
static const char size_help[] = "Requests in one commit of the store.";
static const char time_help[] = "Time that a batch of the store took, its commit included.";
static const char failed_help[] = "Batches of the store that could not be committed.";

static const char certificate_help[] = "When the first certificate expires, in Unix seconds: of endpoints' servers as "
				       "seen, of their clients as configured; 0: none.";

static const struct metric table[] = {
    {"vaultbell_events_accepted_total", "counter", accepted_help, NULL, NULL, AT(accepted), false},
    {"vaultbell_api_answers_total", "counter", answers_help, NULL, "class=\"2xx\"", AT(answers[2]), false},
    {"vaultbell_api_answers_total", "counter", answers_help, NULL, "class=\"4xx\"", AT(answers[4]), false},
    {"vaultbell_api_answers_total", "counter", answers_help, NULL, "class=\"5xx\"", AT(answers[5]), false},
    {"vaultbell_events_refused_total", "counter", refused_help, NULL, "short=\"queue\"", AT(refused[PRESSURE_QUEUE]),
	false},
    {"vaultbell_events_refused_total", "counter", refused_help, NULL, "short=\"memory\"", AT(refused[PRESSURE_MEMORY]),
	false},
    {"vaultbell_events_refused_total", "counter", refused_help, NULL, "short=\"disk\"", AT(refused[PRESSURE_DISK]),
	false},
    {"vaultbell_ingest_queue_bytes", "gauge", queue_help, NULL, "stage=\"commit\"", AT(accepting), false},
    {"vaultbell_ingest_queue_bytes", "gauge", queue_help, NULL, "stage=\"sender\"", AT(measures.queue_bytes), false},
    {"vaultbell_attempts_total", "counter", attempts_help, NULL, "outcome=\"succeeded\"",
	AT(measures.attempts_succeeded), false},
    {"vaultbell_attempts_total", "counter", attempts_help, NULL, "outcome=\"failed\"", AT(measures.attempts_failed),
	false},
    {"vaultbell_attempts_retried_total", "counter", retried_help, NULL, NULL, AT(measures.retried), false},
    {"vaultbell_deliveries_exhausted_total", "counter", exhausted_help, NULL, NULL, AT(measures.exhausted), false},
    {"vaultbell_deliveries_pending", "gauge", pending_help, NULL, NULL, AT(pending), false},
    {"vaultbell_endpoints_without_owners", "gauge", unowned_help, NULL, NULL, AT(unowned), false},
    {"vaultbell_deliveries_held", "gauge", held_help, NULL, "state=\"waiting\"", AT(measures.waiting), false},
    {"vaultbell_deliveries_held", "gauge", held_help, NULL, "state=\"ready\"", AT(measures.ready), false},
    {"vaultbell_deliveries_held", "gauge", held_help, NULL, "state=\"blocked\"", AT(measures.blocked), false},
    {"vaultbell_deliveries_held", "gauge", held_help, NULL, "state=\"flying\"", AT(measures.flying), false},
    {"vaultbell_deliveries_held", "gauge", held_help, NULL, "state=\"recording\"", AT(measures.recording), false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"1\"", AT(measures.store.sizes[0]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"4\"", AT(measures.store.sizes[1]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"16\"", AT(measures.store.sizes[2]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"64\"", AT(measures.store.sizes[3]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"256\"", AT(measures.store.sizes[4]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_bucket", "le=\"+Inf\"", AT(measures.store.sizes[5]),
	false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_sum", NULL, AT(measures.store.requests), false},
    {"vaultbell_store_batch_requests", "histogram", size_help, "_count", NULL, AT(measures.store.batches), false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.0005\"", AT(measures.store.times[0]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.001\"", AT(measures.store.times[1]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.0025\"", AT(measures.store.times[2]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.005\"", AT(measures.store.times[3]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.01\"", AT(measures.store.times[4]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.025\"", AT(measures.store.times[5]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.05\"", AT(measures.store.times[6]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"0.1\"", AT(measures.store.times[7]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_bucket", "le=\"+Inf\"", AT(measures.store.times[8]),
	false},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_sum", NULL, AT(measures.store.commit_us), true},
    {"vaultbell_store_commit_seconds", "histogram", time_help, "_count", NULL, AT(measures.store.batches), false},
    {"vaultbell_store_failed_batches_total", "counter", failed_help, NULL, NULL, AT(measures.store.failed_batches),
	false},
    {"vaultbell_certificate_expiry_timestamp_seconds", "gauge", certificate_help, NULL, "side=\"server\"",
	AT(certificate_expires_s[CERTIFICATE_SERVER]), false},
    {"vaultbell_certificate_expiry_timestamp_seconds", "gauge", certificate_help, NULL, "side=\"client\"",
	AT(certificate_expires_s[CERTIFICATE_CLIENT]), false},
};

/* A histogram's buckets count what is in those before them too. */
static void
accumulate(uint64_t *buckets, size_t count)
{
	for (size_t i = 1; i < count; i++)
		buckets[i] += buckets[i - 1];
}

static void
write_metrics(const struct metrics *metrics, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const struct metric *row = &table[i];
		if (i == 0 || strcmp(row->name, table[i - 1].name) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, row->type);
		uint64_t value = *(const uint64_t *)((const char *)metrics + row->offset);
		buf_printf(out, "%s%s", row->name, row->suffix == NULL ? "" : row->suffix);
		if (row->labels != NULL)
			buf_printf(out, "{%s}", row->labels);
		if (row->seconds)
			buf_printf(out, " %llu.%06llu\n", (unsigned long long)(value / 1000000),
			    (unsigned long long)(value % 1000000));
		else
			buf_printf(out, " %llu\n", (unsigned long long)value);
	}
}

static void
finish_metrics(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct api *api = call->api;
	struct metrics metrics = {
	    .accepted = api->accepted,
	    .pending = (uint64_t)request->admin->counts.deliveries_pending,
	    .unowned = (uint64_t)request->admin->counts.endpoints_unowned,
	};
	metrics.accepting = (uint64_t)api->accepting_bytes;
	memcpy(metrics.refused, api->pressure.refused, sizeof metrics.refused);
	memcpy(metrics.answers, api->answers, sizeof metrics.answers);
	for (int side = 0; side < CERTIFICATE_SIDE_COUNT; side++) {
		struct wall_time soonest = certificates_soonest(api->options.certificates, (enum certificate_side)side);
		metrics.certificate_expires_s[side] = (uint64_t)(soonest.us / 1000000);
	}
	if (api->options.measure != NULL)
		api->options.measure(api->options.measure_context, &metrics.measures);
	accumulate(metrics.measures.store.sizes, COUNT_OF(metrics.measures.store.sizes));
	accumulate(metrics.measures.store.times, COUNT_OF(metrics.measures.store.times));
	buf_clear(&api->out);
	write_metrics(&metrics, &api->out);
	struct http_header items[] = {{SLICE("content-type"), SLICE("text/plain; version=0.0.4; charset=utf-8")}};
	http_reply(call->exchange, 200, buf_slice(&api->out), &(struct http_headers){items, COUNT_OF(items)});
}

void
metrics_get(struct call *call)
{
	call_submit(call, call_request(call, STORE_MEASURE), finish_metrics);
}
