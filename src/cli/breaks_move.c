/* `breaks move`: a person says what becomes of a break. Who it is, is the user of this machine or the holder of a token. */
#include "cli/journal.h"
#include "cli/person.h"

#include <stdio.h>

static enum error_code
read_wish(const struct cli_arguments *arguments, struct store_request *request, struct error *error)
{
	request->admin->break_id = slice_of(cli_operand(arguments));
	request->admin->break_reason = slice_trim(slice_of(cli_value(arguments, "reason")));
	return break_wish_parse(
	    slice_of(cli_value(arguments, "to")), request->admin->break_reason, "--", &request->admin->break_to, error);
}

static void
print_moved(const struct cli_arguments *arguments, const struct store_break *row)
{
	if (cli_given(arguments, "json")) {
		struct buf line;
		struct json_writer writer;
		buf_init(&line, 32 << 20);
		json_writer_init(&writer, &line);
		json_open(&writer, '{');
		break_put(&writer, row, clock_wall());
		json_close(&writer);
		journal_print_line(&line);
	} else if (row->proposed != BREAK_STATE_COUNT) {
		printf("%.*s is %s; %s is proposed, and another person has to confirm it\n", SLICE_ARG(row->id),
		    break_state_name(row->state), break_state_name(row->proposed));
	} else {
		printf("%.*s is %s\n", SLICE_ARG(row->id), break_state_name(row->state));
	}
}

static enum error_code
move_in(const struct cli_arguments *arguments, struct store *store, struct store_request *request, struct error *error)
{
	struct person person;
	enum error_code code =
	    person_of(arguments, store, PERMISSION_BREAK_MOVE, "move breaks", &person, &request->arena, error);
	if (code != OK)
		return code;
	request->admin->break_actor = person.name;
	request->actor = person.audit;
	code = store_ask(store, request, error);
	if (code == OK)
		code = input_audited(cli_value(arguments, "data"), store, error);
	return code == OK ? OK : error_wrap(error, "%s", cli_operand(arguments));
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store = NULL;
	struct store_request *request = store_request_new(STORE_BREAK_MOVE, clock_wall());
	enum error_code code = read_wish(arguments, request, &error);
	/* Nothing is made where there is no receiver. */
	if (code == OK)
		code = input_store(cli_value(arguments, "data"), true, &store, &error);
	if (code == OK) {
		store_close(store);
		store = NULL;
		code = input_store(cli_value(arguments, "data"), false, &store, &error);
	}
	if (code == OK)
		code = move_in(arguments, store, request, &error);
	if (code == OK)
		print_moved(arguments, &request->admin->breaks[0]);
	store_close(store);
	store_request_free(request);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "to",
	.argument = "STATE",
	.about = "open, investigating, adjusted, written_off or false_positive",
	.required = true},
    {.name = "reason", .argument = "TEXT", .about = "why; stays in the break's history", .required = true},
    {.name = "token-file", .argument = "FILE", .about = "who it is: the holder of this token, not this machine's user"},
    {.name = "json", .about = "prints the break as a JSON object"},
};

const struct cli_command cli_breaks_move = {
    .name = "breaks move",
    .summary = "say what becomes of a break",
    .details =
	"Works beside a running receiver. adjusted and written_off take two persons: the first call proposes, the\n"
	"same call by another person confirms. Every move stays in the break's history and in the audit log. A\n"
	"break becomes matched by itself, when a reconciliation no longer finds it.",
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
