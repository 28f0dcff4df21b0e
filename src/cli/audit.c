/* `audit list` and `audit verify`: the audit log, and whether it is as it was written. */
#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/journal.h"

#include "store/anchor.h"
#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>

/* --- list ------------------------------------------------------------------------------------------- */

static void
put_document(struct json_writer *writer, const char *name, struct slice document)
{
	struct json parsed;
	json_key(writer, name);
	/* Somebody may have put anything into the table. */
	if (slice_present(document) && json_parse(document, LIMIT_JSON_DEPTH, &parsed, NULL) == OK)
		json_raw(writer, document);
	else
		json_string(writer, document);
}

static void
print_json(const struct store_audit_row *row)
{
	char time[TIME_TEXT_BYTES], id[ID_TEXT_BYTES];
	struct buf line;
	buf_init(&line, 32 << 20);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_integer(&writer, "seq", row->seq);
	json_put_cstring(&writer, "at", time_format(row->at, 6, time));
	json_put_string(&writer, "actor", row->actor);
	json_put_string(&writer, "role", row->role);
	json_put_cstring(&writer, "organisation",
	    row->organisation.value == 0 ? NULL : id_format(ID_ORGANISATION, row->organisation.value, id));
	json_put_string(&writer, "action", row->action);
	json_put_string(&writer, "object", row->object);
	put_document(&writer, "before", row->before);
	put_document(&writer, "after", row->after);
	json_close(&writer);
	journal_print_line(&line);
}

static void
print_row(const struct store_audit_row *row, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct slice actor = journal_printable(row->actor, arena), role = journal_printable(row->role, arena);
	struct slice action = journal_printable(row->action, arena), object = journal_printable(row->object, arena);
	printf("%8" PRId64 "  %-27s  %-31.*s  %-21.*s  %-24.*s  %.*s\n", row->seq, time_format(row->at, 6, time),
	    SLICE_ARG(actor), SLICE_ARG(role), SLICE_ARG(action), SLICE_ARG(object));
}

static enum error_code
list_page(const struct cli_arguments *arguments, struct store *store, int64_t *after, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_AUDIT_LIST, clock_wall());
	request->ref = arena_copy(&request->arena, slice_of(cli_value(arguments, "organisation")));
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	if (code == ERR_NOT_FOUND)
		error_set(error, code, "--organisation %s: there is none with this id or uid",
		    cli_value(arguments, "organisation"));
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (cli_given(arguments, "json"))
			print_json(&request->admin->audit_rows[i]);
		else
			print_row(&request->admin->audit_rows[i], &request->arena);
		*after = request->admin->audit_rows[i].seq;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

static int
list(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%8s  %-27s  %-31s  %-21s  %-24s  %s\n", "SEQ", "AT", "ACTOR", "ROLE", "ACTION", "OBJECT");
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = list_page(arguments, store, &after, &more, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

/* --- verify ----------------------------------------------------------------------------------------- */

static enum error_code
examine(const char *directory, struct store *store, struct chain_check *check, struct error *error)
{
	struct anchor_marks marks;
	audit_check_init(check);
	enum error_code code = input_anchor(&anchor_of_audit, directory, &marks, error);
	if (code != OK)
		return code;
	if (marks.readable)
		chain_check_mark(check, &marks.end, "audit.head");
	if (marks.readable && marks.has_dispute)
		chain_check_mark(check, &marks.disputed, "what audit.head held, or had to, at an earlier start");
	code = audit_check_store(check, store, error);
	if (code == OK && !check->failed && !marks.readable && (check->end.seq > 0 || marks.present))
		(void)chain_check_fail(check, check->end.seq > 0 ? check->end.seq : 1,
		    "audit.head %s: nothing says where the log ended",
		    marks.present ? "was not written under this master.key" : "or master.key is missing");
	return code;
}

static void
print_finding(const struct chain_check *check, bool json)
{
	struct arena arena = ARENA_EMPTY;
	struct slice chain = journal_hex(&arena, check->end.chain);
	if (!json && check->failed)
		printf("seq %" PRId64 ": %s\n", check->bad_seq, check->reason);
	else if (!json && check->end.seq == 0)
		printf("the audit log is empty\n");
	else if (!json)
		printf("seq 1 to %" PRId64 ": every row is as it was written\nends with %.*s\n", check->end.seq,
		    SLICE_ARG(chain));
	struct buf line;
	buf_init(&line, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_bool(&writer, "valid", !check->failed);
	if (check->failed) {
		json_put_integer(&writer, "seq", check->bad_seq);
		json_put_cstring(&writer, "reason", check->reason);
	}
	json_put_integer(&writer, "verified", check->end.seq);
	json_put_string(&writer, "chain", chain);
	json_close(&writer);
	if (json)
		journal_print_line(&line);
	else
		buf_free(&line);
	arena_free(&arena);
}

static int
verify(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	struct chain_check check;
	const char *directory = cli_value(arguments, "data");
	if (input_store(directory, true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	enum error_code code = examine(directory, store, &check, &error);
	store_close(store);
	if (code != OK)
		return cli_fail(arguments, &error);
	print_finding(&check, cli_given(arguments, "json"));
	return check.failed ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option list_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "organisation", .argument = "ID", .about = "only what was changed in this organisation (id or uid)"},
    {.name = "json", .about = "prints a JSON object a line, with the documents before and after"},
};

static const struct cli_option verify_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_audit_list = {
    .name = "audit list",
    .summary = "list what was changed, by whom",
    .details = "Works beside a running server. Rows come by rising seq.",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = list,
};

const struct cli_command cli_audit_verify = {
    .name = "audit verify",
    .summary = "check that the audit log is as it was written",
    .details = "Walks the chain over every member of every row, and holds the end against DIR/audit.head, which is\n"
	       "sealed under master.key. Exit status 1 names the first seq that was altered, removed, inserted or\n"
	       "reordered, or is missing at the end. Works beside a running server.",
    .options = verify_options,
    .option_count = COUNT_OF(verify_options),
    .run = verify,
};
