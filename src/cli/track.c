/* `track`: where one transaction, approval or screening case stands, and how it came there, beside a running receiver. */
#include "cli/journal.h"

#include "reconcile/report.h"
#include "reconcile/track.h"

#include <errno.h>

struct track_rules {
	struct wall_time as_of;
	int64_t stuck_after_us;
};

static enum error_code
read_rules(const struct cli_arguments *arguments, struct track_rules *rules, struct error *error)
{
	int64_t ms = 0;
	rules->as_of = clock_wall();
	enum error_code code = OK;
	if (cli_given(arguments, "as-of"))
		code = input_time("as-of", cli_value(arguments, "as-of"), &rules->as_of, error);
	if (code == OK)
		code = cli_duration(arguments, "stuck-after", &ms, error);
	if (__builtin_mul_overflow(ms, (int64_t)1000, &rules->stuck_after_us))
		rules->stuck_after_us = INT64_MAX;
	return code;
}

static enum error_code
read_journal(const struct cli_arguments *arguments, struct track *track, struct error *error)
{
	struct store *store;
	enum error_code code = input_store(cli_value(arguments, "data"), true, &store, error);
	if (code != OK)
		return code;
	code = track_read(track, store, 0, NULL, NULL, error);
	store_close(store);
	return code;
}

/* As exact as it was given: sources write whole seconds, or milliseconds. */
static const char *
time_text(struct wall_time time, char out[static TIME_TEXT_BYTES])
{
	return time_format(time, time.us % 1000000 == 0 ? 0 : time.us % 1000 == 0 ? 3 : 6, out);
}

static void
write_json(const struct track *track, struct report_file *out)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer writer;
	json_writer_init(&writer, &out->buf);
	json_open(&writer, '{');
	json_put_string(&writer, "id", track->id);
	json_put_string(&writer, "state", track->state);
	json_put_cstring(&writer, "since", time_known(track->since) ? time_text(track->since, time) : NULL);
	json_put_bool(&writer, "stuck", track->stuck);
	json_key(&writer, "timeline");
	json_open(&writer, '[');
	for (size_t i = 0; i < track->count; i++) {
		const struct track_event *event = &track->events[i];
		json_open(&writer, '{');
		json_put_cstring(&writer, "at", time_text(event->at, time));
		json_put_string(&writer, "type", event->type);
		json_put_string(&writer, "event_id", event->event_id);
		json_put_bool(&writer, "moved", event->moved);
		json_close(&writer);
		report_file_turn(out);
	}
	json_close(&writer);
	json_close(&writer);
	buf_byte(&out->buf, '\n');
}

static void
write_table(const struct track *track, struct report_file *out)
{
	char time[TIME_TEXT_BYTES];
	struct arena arena = ARENA_EMPTY;
	struct slice id = journal_printable(track->id, &arena);
	if (slice_present(track->state))
		buf_printf(&out->buf, "%.*s: %.*s since %s%s\n\n", SLICE_ARG(id), SLICE_ARG(track->state),
		    time_text(track->since, time), track->stuck ? ", stuck" : "");
	else
		buf_printf(&out->buf, "%.*s: no event says its state\n\n", SLICE_ARG(id));
	buf_printf(&out->buf, "%-27s  %-5s  %-42s  %s\n", "AT", "MOVED", "TYPE", "EVENT");
	for (size_t i = 0; i < track->count; i++) {
		const struct track_event *event = &track->events[i];
		struct slice type = journal_printable(event->type, &arena);
		struct slice event_id = journal_printable(event->event_id, &arena);
		buf_printf(&out->buf, "%-27s  %-5s  %-42.*s  %.*s\n", time_text(event->at, time),
		    event->moved ? "yes" : "no", SLICE_ARG(type), SLICE_ARG(event_id));
		report_file_turn(out);
		arena_reset(&arena);
	}
	arena_free(&arena);
}

static enum error_code
write_report(const struct cli_arguments *arguments, const struct track *track, struct error *error)
{
	struct report_file out;
	report_file_init(&out, stdout);
	if (cli_given(arguments, "json"))
		write_json(track, &out);
	else
		write_table(track, &out);
	return report_file_fini(&out) ? OK : error_set(error, ERR_IO, "standard output: %s", strerror(errno));
}

static int
run(const struct cli_arguments *arguments, enum track_kind kind, const char *what)
{
	struct error error = ERROR_NONE;
	struct track_rules rules;
	struct slice id = slice_of(cli_operand(arguments));
	if (id.len == 0)
		return cli_misuse(arguments, "the ID is empty; expected the id of a %s", what);
	enum error_code code = read_rules(arguments, &rules, &error);
	if (code != OK)
		return cli_fail(arguments, &error);
	struct track track;
	track_init(&track, kind, id);
	code = read_journal(arguments, &track, &error);
	if (code == OK) {
		track_run(&track, rules.as_of, rules.stuck_after_us);
		if (track.count == 0)
			code = error_set(&error, ERR_NOT_FOUND,
			    "%.*s: no event in the journal is of it; expected the id of a %s that has one",
			    SLICE_ARG(journal_printable(id, &track.arena)), what);
	}
	if (code == OK)
		code = write_report(arguments, &track, &error);
	int status = code != OK ? cli_fail(arguments, &error) : track.stuck ? CLI_FINDING : CLI_GOOD;
	if (track.damaged > 0)
		fprintf(stderr,
		    "vaultbell %s: rows of the journal that are damaged and count for nothing: %zu; see %s\n",
		    arguments->command->name, track.damaged, "`vaultbell journal verify`");
	track_fini(&track);
	return status;
}

static int
run_transaction(const struct cli_arguments *arguments)
{
	return run(arguments, TRACK_TRANSACTION, "transaction");
}

static int
run_workflow(const struct cli_arguments *arguments)
{
	return run(arguments, TRACK_WORKFLOW, "workflow");
}

static int
run_case(const struct cli_arguments *arguments)
{
	return run(arguments, TRACK_CASE, "case");
}

static int
run_endpoint(const struct cli_arguments *arguments)
{
	return run(arguments, TRACK_ENDPOINT, "endpoint");
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "as-of", .argument = "T", .about = "the now against which ages count; without it, now"},
    {.name = "stuck-after", .argument = "D", .about = "how long it may be without an end", .fallback = "24h"},
    {.name = "json", .about = "prints a JSON object"},
};

#define DETAILS                                                                                                        \
	"Works beside a running receiver. Prints the state, since when, and every event with whether it moved the\n"   \
	"state: repeats once, in the order of the source's numbers, else by when they occurred, whatever the order\n"  \
	"of arrival. Exit status 1 when it is stuck: in a state that something has to follow, for too long; 2 when\n"  \
	"the journal knows no such id."

const struct cli_command cli_track_transaction = {
    .name = "track tx",
    .summary = "show the state and the timeline of a transaction",
    .details = DETAILS,
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_transaction,
};

const struct cli_command cli_track_workflow = {
    .name = "track workflow",
    .summary = "show the state and the timeline of an approval",
    .details = DETAILS,
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_workflow,
};

const struct cli_command cli_track_case = {
    .name = "track case",
    .summary = "show the state and the timeline of a screening case",
    .details = DETAILS,
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_case,
};

const struct cli_command cli_track_endpoint = {
    .name = "track endpoint",
    .summary = "show the state and the timeline of a sender's endpoint",
    .details = DETAILS,
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_endpoint,
};
