/* `alerts list`, `ack` and `resolve`: what a receiver wants somebody to look at, beside it. */
#include "cli/cli.h"
#include "cli/input.h"

#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 8 << 10 };

static void
print_json(const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	struct buf line;
	buf_init(&line, LINE_BYTES_MAX);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_integer(&writer, "id", alert->id);
	json_put_cstring(&writer, "kind", alert_kind_name(alert->kind));
	json_put_cstring(&writer, "severity", alert_severity_name(alert->severity));
	json_put_cstring(&writer, "state", alert_state_name(alert->state));
	json_put_string(&writer, "key", alert->key);
	json_put_string(&writer, "summary", alert->summary);
	json_put_cstring(&writer, "first_at", time_format(alert->first, 6, time));
	json_put_cstring(&writer, "last_at", time_format(alert->last, 6, time));
	json_put_integer(&writer, "count", alert->count);
	json_put_string(&writer, "by", alert->by);
	json_close(&writer);
	printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
	buf_free(&line);
}

static void
print_row(const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	printf("%-6" PRId64 "  %-9s  %-8s  %-12s  %-20s  %-6" PRId64 "  %.*s: %.*s\n", alert->id,
	    alert_kind_name(alert->kind), alert_severity_name(alert->severity), alert_state_name(alert->state),
	    time_format(alert->last, 0, time), alert->count, SLICE_ARG(alert->key), SLICE_ARG(alert->summary));
}

static enum error_code
list_page(const struct cli_arguments *arguments, struct store *store, int state, int64_t *after, bool *more,
    struct error *error)
{
	struct store_request *request = store_request_new(STORE_ALERT_LIST, clock_wall());
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	request->admin->alert_state = state;
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (cli_given(arguments, "json"))
			print_json(&request->admin->alerts[i]);
		else
			print_row(&request->admin->alerts[i]);
		*after = request->admin->alerts[i].id;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

static int
list(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	enum alert_state state = ALERT_OPEN;
	const char *asked = cli_value(arguments, "state");
	bool all = strcmp(asked, "all") == 0;
	if (!all && !alert_state_parse(slice_of(asked), &state))
		return cli_misuse(arguments, "--state %s: expected open, acknowledged, resolved or all", asked);
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%-6s  %-9s  %-8s  %-12s  %-20s  %-6s  %s\n", "ID", "KIND", "SEVERITY", "STATE", "LAST", "COUNT",
		    "WHAT");
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = list_page(arguments, store, all ? -1 : (int)state, &after, &more, &error);
	store_close(store);
	return code != OK ? cli_fail(arguments, &error) : after > 0 ? CLI_FINDING : CLI_GOOD;
}

static int
move(const struct cli_arguments *arguments, enum alert_state state)
{
	struct error error = ERROR_NONE;
	const char *operand = cli_operand(arguments);
	int64_t id;
	if (!slice_to_int64(slice_of(operand), &id) || id == 0)
		return cli_misuse(arguments, "%s: expected the number of an alert, as `alerts list` shows it", operand);
	struct store *store;
	if (input_store(cli_value(arguments, "data"), false, &store, &error) != OK)
		return cli_fail(arguments, &error);
	struct store_request *request = store_request_new(STORE_ALERT_MOVE, clock_wall());
	request->admin->alert = (struct alert){.id = id, .state = state, .by = SLICE("cli")};
	enum error_code code = store_ask(store, request, &error);
	if (code == ERR_NOT_FOUND)
		error_set(&error, code, "%s: there is no such alert; expected one that `alerts list` shows", operand);
	else if (code == OK && cli_given(arguments, "json"))
		print_json(&request->admin->alert);
	store_request_free(request);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static int
acknowledge(const struct cli_arguments *arguments)
{
	return move(arguments, ALERT_ACKNOWLEDGED);
}

static int
resolve(const struct cli_arguments *arguments)
{
	return move(arguments, ALERT_RESOLVED);
}

static const struct cli_option list_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "state", .argument = "S", .about = "open, acknowledged, resolved or all", .fallback = "open"},
    {.name = "json", .about = "prints a JSON object a line"},
};

static const struct cli_option move_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints the alert as a JSON object"},
};

const struct cli_command cli_alerts_list = {
    .name = "alerts list",
    .summary = "list what a receiver wants somebody to look at",
    .details = "Works beside a running receiver. Exit status 1 when there are any of the state that is asked for.",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = list,
};

const struct cli_command cli_alerts_ack = {
    .name = "alerts ack",
    .summary = "say that somebody looks at an alert",
    .details = "Works beside a running receiver. The alert counts on, and nobody is told of it again until it ends.",
    .operand = "ID",
    .options = move_options,
    .option_count = COUNT_OF(move_options),
    .run = acknowledge,
};

const struct cli_command cli_alerts_resolve = {
    .name = "alerts resolve",
    .summary = "say that an alert is over",
    .details = "Works beside a running receiver. What raised it raises it anew when it finds it again.",
    .operand = "ID",
    .options = move_options,
    .option_count = COUNT_OF(move_options),
    .run = resolve,
};
