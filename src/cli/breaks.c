/* `breaks list` and `breaks show`: what reconciliation found over its runs, and what people did about it. */
#include "cli/journal.h"

#include "reconcile/report.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 32 << 20 };

/* --- list ------------------------------------------------------------------------------------------- */

static void
print_row(const struct store_break *row, struct wall_time now, bool json, struct arena *arena)
{
	if (json) {
		struct buf line;
		struct json_writer writer;
		buf_init(&line, LINE_BYTES_MAX);
		json_writer_init(&writer, &line);
		json_open(&writer, '{');
		break_put(&writer, row, now);
		json_close(&writer);
		journal_print_line(&line);
		return;
	}
	struct slice class = journal_printable(row->class, arena), severity = journal_printable(row->severity, arena);
	struct slice id = journal_printable(row->id, arena), key = journal_printable(row->match_key, arena);
	bool proposed = row->proposed != BREAK_STATE_COUNT;
	struct slice state = arena_printf(arena, "%s%s%s", break_state_name(row->state), proposed ? " > " : "",
	    proposed ? break_state_name(row->proposed) : "");
	printf("%-29.*s %-28.*s %-9.*s %-11s %-28.*s %.*s\n", SLICE_ARG(id), SLICE_ARG(state), SLICE_ARG(severity),
	    age_name(break_age_seconds(row, now)), SLICE_ARG(class), SLICE_ARG(key));
}

static enum error_code
list_page(const struct cli_arguments *arguments, struct store *store, unsigned states, int64_t *after, bool *more,
    struct error *error)
{
	struct store_request *request = store_request_new(STORE_BREAK_LIST, clock_wall());
	const char *class = cli_value(arguments, "class");
	request->admin->break_states = states;
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		const struct store_break *row = &request->admin->breaks[i];
		*after = row->number;
		if (class == NULL || slice_is(row->class, class))
			print_row(row, request->now, cli_given(arguments, "json"), &request->arena);
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
	unsigned states;
	if (break_states_parse(slice_of(cli_value(arguments, "state")), "--state", &states, &error) != OK ||
	    input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%-29s %-28s %-9s %-11s %-28s %s\n", "ID", "STATE", "SEVERITY", "AGE", "CLASS", "MATCH KEY");
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = list_page(arguments, store, states, &after, &more, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

/* --- show ------------------------------------------------------------------------------------------- */

static void
show_json(const struct store_request *request)
{
	struct buf line;
	struct json_writer writer;
	buf_init(&line, LINE_BYTES_MAX);
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	break_put(&writer, &request->admin->breaks[0], request->now);
	break_put_history(&writer, request->admin->break_moves, request->admin->break_move_count);
	json_close(&writer);
	journal_print_line(&line);
}

static void
show_text(struct store_request *request)
{
	const struct store_break *row = &request->admin->breaks[0];
	struct arena *arena = &request->arena;
	char first[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES];
	struct slice class = journal_printable(row->class, arena), severity = journal_printable(row->severity, arena);
	struct slice key = journal_printable(row->match_key, arena), detail = journal_printable(row->detail, arena);
	printf("%.*s  %.*s, %s\n%.*s\n%.*s\n", SLICE_ARG(class), SLICE_ARG(severity), break_state_name(row->state),
	    SLICE_ARG(key), SLICE_ARG(detail));
	printf("first seen %s, last seen %s\n", time_format(row->first_seen, 0, first),
	    time_format(row->last_seen, 0, last));
	if (row->proposed != BREAK_STATE_COUNT) {
		struct slice proposer = journal_printable(row->proposer, arena);
		printf("%s proposed by %.*s: another person has to confirm\n", break_state_name(row->proposed),
		    SLICE_ARG(proposer));
	}
	for (size_t i = 0; i < COUNT_OF(break_side_names); i++) {
		struct slice side = journal_printable(row->sides[i], arena);
		printf("  %-10s %.*s\n", break_side_names[i], SLICE_ARG(side));
	}
	for (size_t i = 0; i < request->admin->break_move_count; i++) {
		const struct store_break_move *move = &request->admin->break_moves[i];
		struct slice actor = journal_printable(move->actor, arena);
		struct slice reason = journal_printable(move->reason, arena);
		printf("%s  %-12s %-14s %-24.*s %.*s\n", time_format(move->at, 0, first), break_act_name(move->act),
		    break_state_name(move->to), SLICE_ARG(actor), SLICE_ARG(reason));
	}
}

static int
show(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	struct store_request *request = store_request_new(STORE_BREAK_GET, clock_wall());
	request->admin->break_id = slice_of(cli_operand(arguments));
	enum error_code code = store_ask(store, request, &error);
	if (code == ERR_NOT_FOUND)
		error_set(&error, code, "%s: there is no such break; expected an id of `vaultbell breaks list`",
		    cli_operand(arguments));
	if (code == OK && cli_given(arguments, "json"))
		show_json(request);
	else if (code == OK)
		show_text(request);
	store_request_free(request);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option list_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "state",
	.argument = "STATES",
	.about = "all, closed, or states separated by commas",
	.fallback = "open,investigating"},
    {.name = "class", .argument = "CLASS", .about = "only this class, as in AMOUNT_MISMATCH"},
    {.name = "json", .about = "prints a JSON object for each"},
};

const struct cli_command cli_breaks_list = {
    .name = "breaks list",
    .summary = "list the breaks that reconciliation keeps",
    .details =
	"Works beside a running receiver. `vaultbell reconcile --keep` and the receiver's schedule keep them. AGE\n"
	"is since a break was found first; \"open > written_off\" waits for a second person.",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = list,
};

static const struct cli_option show_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_breaks_show = {
    .name = "breaks show",
    .summary = "show a break, what each source says, and its history",
    .details = "Works beside a running receiver.",
    .operand = "ID",
    .options = show_options,
    .option_count = COUNT_OF(show_options),
    .run = show,
};
