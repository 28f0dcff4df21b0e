/* `journal accept-anchor`: two persons say that what does not fit the journal's anchor is known and explained. */
#include "cli/journal.h"
#include "cli/person.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1 << 18 };

/* --- showing ------------------------------------------------------------------------------------------ */

static void
put_step(struct json_writer *writer, const char *name, const struct finding_step *step)
{
	char time[TIME_TEXT_BYTES];
	json_key(writer, name);
	json_open(writer, '{');
	json_put_string(writer, "by", step->by);
	json_put_string(writer, "reason", step->reason);
	json_put_cstring(writer, "at", time_format(step->at, 6, time));
	json_close(writer);
}

static void
put_finding(struct json_writer *writer, const struct finding *finding, size_t number)
{
	char time[TIME_TEXT_BYTES];
	json_put_integer(writer, "finding", (int64_t)number);
	json_put_cstring(writer, "kind", finding_kind_name(finding->kind));
	json_put_cstring(writer, "state", finding_state_name(finding->state));
	if (finding->kind == FINDING_CUT) {
		json_put_integer(writer, "missing_from", finding->have + 1);
		json_put_integer(writer, "missing_to", finding->end.seq);
	} else {
		json_put_integer(writer, "seq", finding->end.seq);
	}
	json_put_cstring(writer, "found_at", time_format(finding->at, 6, time));
	if (finding->state != FINDING_OPEN)
		put_step(writer, "proposed", &finding->proposed);
	if (finding->state == FINDING_ACCEPTED)
		put_step(writer, "accepted", &finding->accepted);
}

void
journal_put_findings(struct json_writer *writer, const struct findings *findings)
{
	json_key(writer, "findings");
	json_open(writer, '[');
	for (size_t i = 0; i < findings->count; i++) {
		json_open(writer, '{');
		put_finding(writer, &findings->items[i], i + 1);
		json_close(writer);
	}
	json_close(writer);
}

static void
print_step(const char *what, const struct finding_step *step, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct slice by = journal_printable(step->by, arena), reason = journal_printable(step->reason, arena);
	printf("  %s by %.*s at %s: %.*s\n", what, SLICE_ARG(by), time_format(step->at, 0, time), SLICE_ARG(reason));
}

void
journal_print_finding(const struct finding *finding, size_t number, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	time_format(finding->at, 0, time);
	if (finding->kind == FINDING_CUT)
		printf("finding %zu, %s: seq %" PRId64 " to %" PRId64 " were cut off, found at %s\n", number,
		    finding_state_name(finding->state), finding->have + 1, finding->end.seq, time);
	else
		printf("finding %zu, %s: seq %" PRId64 " was not as journal.head had it, found at %s\n", number,
		    finding_state_name(finding->state), finding->end.seq, time);
	if (finding->state != FINDING_OPEN)
		print_step("proposed", &finding->proposed, arena);
	if (finding->state == FINDING_ACCEPTED)
		print_step("accepted", &finding->accepted, arena);
}

/* --- accepting ---------------------------------------------------------------------------------------- */

struct wish {
	int64_t number; /* 0: the only one there is */
	struct slice reason;
};

static enum error_code
read_wish(const struct cli_arguments *arguments, struct wish *wish, struct error *error)
{
	*wish = (struct wish){.reason = slice_trim(slice_of(cli_value(arguments, "reason")))};
	if (cli_given(arguments, "finding") &&
	    (!slice_to_int64(slice_of(cli_value(arguments, "finding")), &wish->number) || wish->number < 1))
		return error_set(error, ERR_INVALID,
		    "--finding %s: expected a number that `vaultbell journal verify` shows",
		    cli_value(arguments, "finding"));
	if (wish->reason.len == 0 || wish->reason.len > FINDING_REASON_BYTES_MAX)
		return error_set(
		    error, ERR_INVALID, "--reason: expected a text of 1 to %d bytes", FINDING_REASON_BYTES_MAX);
	return OK;
}

/* The number of the finding that is wanted. */
static enum error_code
pick(const struct findings *findings, int64_t wanted, size_t *out, struct error *error)
{
	size_t left = 0;
	for (size_t i = findings->count; i > 0; i--)
		if (findings->items[i - 1].state != FINDING_ACCEPTED && ++left > 0)
			*out = i;
	if (findings->unreadable)
		return error_set(
		    error, ERR_CORRUPT, "journal.findings was not written under this master.key; move it away");
	if (wanted > (int64_t)findings->count)
		return error_set(error, ERR_NOT_FOUND,
		    "--finding %" PRId64 ": there are %zu; `vaultbell journal verify` "
		    "shows them",
		    wanted, findings->count);
	if (wanted > 0)
		*out = (size_t)wanted;
	else if (left == 0)
		return error_set(error, ERR_NOT_FOUND,
		    "nothing is to be accepted: a receiver notes at its start what does not fit the anchor, so start "
		    "it "
		    "once; an altered row or body cannot be accepted");
	else if (left > 1)
		return error_set(error, ERR_INVALID,
		    "%zu findings are not accepted; say which by --finding, `vaultbell journal verify` shows them",
		    left);
	return OK;
}

/* The row in the audit log comes first: nothing is accepted of which it does not tell. */
static enum error_code
audit(const struct person *person, const struct finding *finding, size_t number, const char *directory,
    struct store *store, struct error *error)
{
	struct buf text;
	struct json_writer writer;
	struct store_request *request = store_request_new(STORE_AUDIT_NOTE, clock_wall());
	buf_init(&text, LINE_BYTES_MAX);
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	put_finding(&writer, finding, number);
	json_close(&writer);
	request->actor = person->audit;
	request->audit_action =
	    finding->state == FINDING_ACCEPTED ? "journal.accept_anchor" : "journal.propose_accept_anchor";
	request->audit_object = arena_printf(&request->arena, "%zu", number);
	request->audit_after = arena_copy(&request->arena, buf_slice(&text));
	buf_free(&text);
	enum error_code code = store_ask(store, request, error);
	store_request_free(request);
	return code == OK ? input_audited(directory, store, error) : code;
}

static void
print_done(const struct cli_arguments *arguments, const struct finding *finding, size_t number)
{
	struct arena arena = ARENA_EMPTY;
	if (cli_given(arguments, "json")) {
		struct buf line;
		struct json_writer writer;
		buf_init(&line, LINE_BYTES_MAX);
		json_writer_init(&writer, &line);
		json_open(&writer, '{');
		put_finding(&writer, finding, number);
		json_close(&writer);
		journal_print_line(&line);
	} else {
		journal_print_finding(finding, number, &arena);
		if (finding->state == FINDING_PROPOSED)
			printf("another person has to confirm it with the same command\n");
	}
	arena_free(&arena);
}

/* Under the lock of the findings. */
static enum error_code
accept_one(const struct cli_arguments *arguments, const struct wish *wish, const struct person *person,
    struct store *store, struct error *error)
{
	const char *directory = cli_value(arguments, "data");
	struct findings findings = {.count = 0};
	struct sealer *sealer = NULL;
	size_t number = 0;
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code == OK)
		code = findings_read(directory, sealer, &findings, error);
	if (code == OK)
		code = pick(&findings, wish->number, &number, error);
	if (code == OK) {
		struct finding *finding = &findings.items[number - 1];
		code = finding_decide(finding, person->name, wish->reason, clock_wall(), error);
		if (code != OK)
			(void)error_wrap(error, "finding %zu", number);
		if (code == OK)
			code = audit(person, finding, number, directory, store, error);
		if (code == OK)
			code = findings_write(directory, sealer, &findings, error);
		if (code == OK)
			print_done(arguments, finding, number);
	}
	findings_free(&findings);
	sealer_free(sealer);
	return code;
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store = NULL;
	struct wish wish;
	struct person person;
	struct arena arena = ARENA_EMPTY;
	const char *directory = cli_value(arguments, "data");
	int lock = -1;
	enum error_code code = read_wish(arguments, &wish, &error);
	/* Nothing is made where there is no receiver. */
	if (code == OK)
		code = input_store(directory, true, &store, &error);
	if (code == OK) {
		store_close(store);
		store = NULL;
		code = input_store(directory, false, &store, &error);
	}
	if (code == OK)
		code =
		    person_of(arguments, store, PERMISSION_JOURNAL_ACCEPT, "accept an anchor", &person, &arena, &error);
	if (code == OK) {
		lock = findings_lock(directory, &error);
		code = lock < 0 ? ERR_IO : accept_one(arguments, &wish, &person, store, &error);
	}
	if (lock >= 0)
		close(lock);
	store_close(store);
	arena_free(&arena);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "reason",
	.argument = "TEXT",
	.about = "what happened; stays with the finding and in the audit log",
	.required = true},
    {.name = "finding",
	.argument = "N",
	.about = "which one, as `journal verify` numbers them; without it the only one"},
    {.name = "token-file", .argument = "FILE", .about = "who it is: the holder of this token, not this machine's user"},
    {.name = "json", .about = "prints the finding as a JSON object"},
};

const struct cli_command cli_journal_accept = {
    .name = "journal accept-anchor",
    .summary = "accept that the journal does not fit its anchor",
    .details =
	"For a journal whose end was cut off, as by restoring an older copy, or whose head was lost. The receiver\n"
	"notes such a finding at its start. It takes two persons: the first call proposes, the same call by another\n"
	"person accepts. Both stand in the audit log, and the finding stays listed; `journal verify` then goes on\n"
	"behind it. Altered rows and bodies cannot be accepted. Works beside a running receiver.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
