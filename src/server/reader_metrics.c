/* The receiver's `/metrics`: the Prometheus text format 0.0.4, from one table. docs/metrics.md repeats it. */
#include "server/reader_call.h"

struct metrics {
	struct reader_measures measures;
	uint64_t pending;
	uint64_t alerts[ALERT_KIND_COUNT]; /* open */
};

#define AT(member) offsetof(struct metrics, member)

static const char refused_help[] = "Requests that were refused, by reason.";
static const char attempts_help[] = "Attempts to hand an event on, by their outcome.";

static const struct {
	const char *name, *type, *help, *labels; /* labels NULL: none */
	size_t offset;
} table[] = {
    {"vaultbell_journal_accepted_total", "counter", "Events that were verified and committed.", NULL,
	AT(measures.accepted)},
    {"vaultbell_journal_duplicates_total", "counter", "Repeats of events that were accepted before.", NULL,
	AT(measures.duplicates)},
    {"vaultbell_journal_conflicts_total", "counter", "Other bodies under a known event id.", NULL,
	AT(measures.conflicts)},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"missing\"", AT(measures.refused[VERDICT_MISSING])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"malformed\"",
	AT(measures.refused[VERDICT_MALFORMED])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"wrong\"", AT(measures.refused[VERDICT_WRONG])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"stale\"", AT(measures.refused[VERDICT_STALE])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"no_id\"", AT(measures.refused[VERDICT_NO_ID])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"address\"", AT(measures.refused[VERDICT_ADDRESS])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"certificate\"",
	AT(measures.refused[VERDICT_CERTIFICATE])},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"keys\"", AT(measures.no_keys)},
    {"vaultbell_refused_total", "counter", refused_help, "reason=\"journal\"", AT(measures.refused[VERDICT_VERIFIED])},
    {"vaultbell_forwards_pending", "gauge", "Deliveries to the receiver's own destinations that are not done.", NULL,
	AT(pending)},
    {"vaultbell_forward_attempts_total", "counter", attempts_help, "outcome=\"succeeded\"",
	AT(measures.attempts_succeeded)},
    {"vaultbell_forward_attempts_total", "counter", attempts_help, "outcome=\"failed\"", AT(measures.attempts_failed)},
    {"vaultbell_forwards_exhausted_total", "counter", "Deliveries that were given up.", NULL, AT(measures.exhausted)},
    {"vaultbell_store_batches_total", "counter", "Commits of the store.", NULL, AT(measures.store.batches)},
    {"vaultbell_store_failed_batches_total", "counter", "Batches that could not be committed.", NULL,
	AT(measures.store.failed_batches)},
};

/* Open alerts, by kind: gaps, what is stuck, conflicts and the rest. */
static bool
count_alerts(struct reader_call *call, struct metrics *metrics)
{
	int64_t after = 0;
	for (bool more = true; more;) {
		struct store_request *request = store_request_new(STORE_ALERT_LIST, call->now);
		request->page = (struct store_page){.limit = LIMIT_PAGE, .after = after};
		request->admin->alert_state = ALERT_OPEN;
		bool good = reader_ask(call, request);
		for (size_t i = 0; good && i < request->count; i++) {
			metrics->alerts[request->admin->alerts[i].kind]++;
			after = request->admin->alerts[i].id;
		}
		more = good && request->more;
		store_request_free(request);
		if (!good)
			return false;
	}
	return true;
}

/* What the database has of a word of ours; another one is not let into the text. */
static struct slice
label(struct slice word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'))
			return SLICE("unknown");
	}
	return word;
}

static void
put_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", name, help, name, name, (long long)value);
}

/* What reconciliation keeps (store/break.h). */
static bool
write_breaks(struct reader_call *call, struct buf *out)
{
	static const char *const ages[BREAK_AGES] = {"under_1h", "1h_24h", "1d_3d", "3d_7d", "over_7d"};
	struct store_request *request = store_request_new(STORE_BREAK_COUNTS, call->now);
	bool good = reader_ask(call, request);
	if (good) {
		put_gauge(out, "vaultbell_reconcile_last_run_timestamp_seconds",
		    "When the last reconciliation that kept its breaks ended, in Unix seconds; 0: never.",
		    request->admin->break_run.at.us / 1000000);
		put_gauge(out, "vaultbell_reconcile_last_matched",
		    "Transactions that it found on every side without a break.", request->admin->break_run.matched);
		put_gauge(
		    out, "vaultbell_reconcile_last_breaks", "Breaks that it found.", request->admin->break_run.found);
		buf_text(out,
		    "# HELP vaultbell_breaks_open Breaks that are open or investigated, by class, severity and age "
		    "since they were found.\n# TYPE vaultbell_breaks_open gauge\n");
	}
	for (size_t i = 0; good && i < request->count; i++) {
		const struct store_break_count *row = &request->admin->break_counts[i];
		struct slice class = label(row->class), severity = label(row->severity);
		int age = row->age >= 0 && row->age < BREAK_AGES ? row->age : BREAK_AGES - 1;
		buf_printf(out, "vaultbell_breaks_open{class=\"%.*s\",severity=\"%.*s\",age=\"%s\"} %lld\n",
		    SLICE_ARG(class), SLICE_ARG(severity), ages[age], (long long)row->count);
	}
	store_request_free(request);
	return good;
}

static void
write_metrics(const struct metrics *metrics, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (i == 0 || strcmp(table[i].name, table[i - 1].name) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", table[i].name, table[i].help, table[i].name,
			    table[i].type);
		uint64_t value = *(const uint64_t *)(const void *)((const char *)metrics + table[i].offset);
		buf_text(out, table[i].name);
		if (table[i].labels != NULL)
			buf_printf(out, "{%s}", table[i].labels);
		buf_printf(out, " %llu\n", (unsigned long long)value);
	}
	buf_text(
	    out, "# HELP vaultbell_alerts_open Alerts that are open, by kind.\n# TYPE vaultbell_alerts_open gauge\n");
	for (int kind = 0; kind < ALERT_KIND_COUNT; kind++)
		buf_printf(out, "vaultbell_alerts_open{kind=\"%s\"} %llu\n", alert_kind_name((enum alert_kind)kind),
		    (unsigned long long)metrics->alerts[kind]);
}

void
reader_metrics(struct reader_call *call)
{
	struct metrics metrics = {.pending = 0};
	const struct reader_options *options = reader_options(call->reader);
	options->measure(options->measure_context, &metrics.measures);
	struct store_request *request = store_request_new(STORE_MEASURE, call->now);
	if (reader_change(call->reader, request) == OK)
		metrics.pending = (uint64_t)request->admin->counts.deliveries_pending;
	store_request_free(request);
	if (!count_alerts(call, &metrics))
		return;
	struct buf breaks;
	buf_init(&breaks, LIMIT_BODY_BYTES);
	if (write_breaks(call, &breaks)) {
		call->status = 200;
		call->content_type = "text/plain; version=0.0.4; charset=utf-8";
		buf_clear(&call->out);
		write_metrics(&metrics, &call->out);
		buf_append(&call->out, buf_slice(&breaks));
	}
	buf_free(&breaks);
}
