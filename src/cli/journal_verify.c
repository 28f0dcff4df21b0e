/* `journal verify`: walks the chain over every row and body, and holds its end against the anchor. */
#include "cli/journal.h"

#include "store/anchor.h"
#include "store/chain.h"

#include <inttypes.h>
#include <stdio.h>

struct finding {
	struct chain_check check;
	struct anchor_marks marks;
};

static enum error_code
examine(const char *directory, struct store *store, struct finding *finding, struct error *error)
{
	struct chain_check *check = &finding->check;
	chain_check_init(check);
	enum error_code code = input_anchor(&anchor_of_journal, directory, &finding->marks, error);
	if (code != OK)
		return code;
	const struct anchor_marks *marks = &finding->marks;
	if (marks->readable)
		chain_check_mark(check, &marks->end, "journal.head");
	if (marks->readable && marks->has_dispute)
		chain_check_mark(check, &marks->disputed, "what journal.head held, or had to, at an earlier start");
	code = chain_check_store(check, store, error);
	if (code != OK || check->failed || marks->readable)
		return code;
	/* The rows agree with each other, but anyone could have made them so. */
	if (check->end.seq > 0 || marks->present) {
		check->failed = true;
		check->bad_seq = check->end.seq > 0 ? check->end.seq : 1;
		snprintf(check->reason, sizeof check->reason, "journal.head %s: nothing says where the journal ended",
		    marks->present ? "was not written under this master.key" : "or master.key is missing");
	}
	return OK;
}

static void
put_end(struct json_writer *writer, const char *name, const struct store_journal_end *end, struct arena *arena)
{
	json_key(writer, name);
	json_open(writer, '{');
	json_put_integer(writer, "seq", end->seq);
	json_put_string(writer, "chain", journal_hex(arena, end->chain));
	json_close(writer);
}

static void
print_json(const struct finding *finding)
{
	const struct chain_check *check = &finding->check;
	struct arena arena = ARENA_EMPTY;
	struct buf line;
	buf_init(&line, 1 << 16);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_bool(&writer, "valid", !check->failed);
	if (check->failed) {
		json_put_integer(&writer, "seq", check->bad_seq);
		json_put_cstring(&writer, "reason", check->reason);
	}
	put_end(&writer, "verified", &check->end, &arena);
	if (finding->marks.readable)
		put_end(&writer, "anchor", &finding->marks.end, &arena);
	json_close(&writer);
	journal_print_line(&line);
	arena_free(&arena);
}

static void
print_text(const struct finding *finding)
{
	const struct chain_check *check = &finding->check;
	struct arena arena = ARENA_EMPTY;
	if (check->failed)
		printf("seq %" PRId64 ": %s\n", check->bad_seq, check->reason);
	else if (check->end.seq == 0)
		printf("the journal is empty\n");
	else
		printf("seq 1 to %" PRId64 ": every row and body is as it was written; anchored up to seq %" PRId64
		       "\nends with %.*s\n",
		    check->end.seq, finding->marks.end.seq, SLICE_ARG(journal_hex(&arena, check->end.chain)));
	arena_free(&arena);
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	struct finding finding;
	const char *directory = cli_value(arguments, "data");
	if (input_store(directory, true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	enum error_code code = examine(directory, store, &finding, &error);
	store_close(store);
	if (code != OK)
		return cli_fail(arguments, &error);
	if (cli_given(arguments, "json"))
		print_json(&finding);
	else
		print_text(&finding);
	return finding.check.failed ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_journal_verify = {
    .name = "journal verify",
    .summary = "check that the journal is as it was written",
    .details = "Walks the chain over every member of every row, hashes every body, and holds the end against\n"
	       "DIR/journal.head, which is sealed under master.key. Exit status 1 names the first seq that was\n"
	       "altered, removed, inserted or reordered, or is missing at the end. Works beside a running receiver.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
