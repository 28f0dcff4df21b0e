/* `journal list`: the receiver's journal by rising seq, read beside the running receiver. */
#include "cli/journal.h"

#include <inttypes.h>
#include <stdio.h>

static void
print_json(const struct store_journal_row *row, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct buf line;
	buf_init(&line, 1 << 16);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_integer(&writer, "seq", row->seq);
	json_put_string(&writer, "id", row->event_id);
	json_put_string(&writer, "type", row->type);
	json_put_string(&writer, "source", row->source);
	json_put_cstring(&writer, "verdict", journal_verdict_text(row));
	json_put_cstring(&writer, "received_at", time_format(row->received, 6, time));
	json_put_string(&writer, "body_sha256", journal_hex(arena, row->body_sha256));
	json_close(&writer);
	ENSURE(!line.overflow);
	fwrite(line.data, 1, line.len, stdout);
	putchar('\n');
	buf_free(&line);
}

static void
print_heading(void)
{
	printf("%8s  %-27s  %-8s  %-16s  %-36s  %-40s  %s\n", "SEQ", "RECEIVED", "VERDICT", "SOURCE", "ID", "TYPE",
	    "BODY SHA-256");
}

static void
print_row(const struct store_journal_row *row, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct slice source = journal_printable(row->source, arena), id = journal_printable(row->event_id, arena);
	struct slice type = journal_printable(row->type, arena), digest = journal_hex(arena, row->body_sha256);
	printf("%8" PRId64 "  %-27s  %-8s  %-16.*s  %-36.*s  %-40.*s  %.16s\n", row->seq,
	    time_format(row->received, 6, time), journal_verdict_text(row), SLICE_ARG(source), SLICE_ARG(id),
	    SLICE_ARG(type), digest.ptr);
}

/* Prints one page; moves `*after` behind it and says in `*more` whether another follows. */
static enum error_code
list_page(struct store *store, bool json, int64_t *after, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_LIST, clock_wall());
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (json)
			print_json(&request->journal_rows[i], &request->arena);
		else
			print_row(&request->journal_rows[i], &request->arena);
		*after = request->journal_rows[i].seq;
	}
	*more = code == OK && request->more && request->count > 0;
	store_request_free(request);
	return code;
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	bool json = cli_given(arguments, "json"), more = true;
	bool refused = cli_given(arguments, "refused"), totals = cli_given(arguments, "totals");
	if (totals && !refused)
		return cli_misuse(arguments, "--totals goes with --refused");
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	enum error_code code = OK;
	if (refused) {
		code = journal_list_refused(store, json, totals, &error);
	} else {
		if (!json)
			print_heading();
		for (int64_t after = 0; code == OK && more;)
			code = list_page(store, json, &after, &more, &error);
	}
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "refused", .about = "what was refused instead: kept apart, and not for ever"},
    {.name = "totals", .about = "with --refused: the counts, which outlive what is kept"},
    {.name = "json", .about = "prints a JSON object a line, with the whole digest"},
};

const struct cli_command cli_journal_list = {
    .name = "journal list",
    .summary = "list what the receiver has journalled, or refused",
    .details = "Works beside a running receiver. Rows come by rising seq. The verdict is verified, or conflict for\n"
	       "another body under an id that was known already. With --refused: the requests that were refused,\n"
	       "oldest first, with the reason and the id that they claimed (nothing proves it). Of these only the\n"
	       "latest are kept. With --totals: how many there were of each source and reason, and, of those whose\n"
	       "signature does not fit, of each claimed id.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
