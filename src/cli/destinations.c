/* `destinations`, `destinations dead` and `destinations replay`: how a receiver's destinations stand, what was given up,
 * and sending it again. All work beside a running receiver: replay leaves a task in the database, which the receiver finds
 * within a second. */
#include "cli/arguments.h"
#include "cli/input.h"

#include "cli/journal.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_BYTES = 300, PAGE_ROWS = 100 };

static const char receiver_uid[] = "receiver", destination_prefix[] = "destination.";

/* Endpoints that were made by the receiver: destinations, and the forward URLs of sources, as `forward.NAME`. */
static struct slice
shown_name(struct slice uid)
{
	struct slice prefix = slice_of(destination_prefix);
	return slice_starts(uid, prefix) ? slice_skip(uid, prefix.len) : uid;
}

static struct slice
kind_of(const struct endpoint *endpoint)
{
	struct slice url = endpoint->url;
	if (!slice_starts(endpoint->uid, slice_of(destination_prefix)))
		return SLICE("forward");
	struct slice scheme = slice_cut(&url, ':');
	if (slice_is(scheme, "exec"))
		return SLICE("command");
	return slice_is(scheme, "webhook") ? SLICE("http") : scheme;
}

/* What is said of a failure: cut, and of what a terminal may be given. */
static struct slice
shown_error(const struct attempt *attempt, struct arena *arena)
{
	struct slice text = attempt->response;
	if (attempt->status_code != 0)
		return arena_printf(arena, "HTTP %d", (int)attempt->status_code);
	text.len = text.len > SHOWN_BYTES ? SHOWN_BYTES : text.len;
	return journal_printable(text, arena);
}

/* --- the list --------------------------------------------------------------------------------------- */

static void
put_json(const struct store_request *request, FILE *out)
{
	const struct endpoint *endpoint = &request->admin->endpoint;
	const struct store_totals *totals = &request->admin->totals;
	bool active = endpoint->state == ENDPOINT_ACTIVE;
	struct arena arena = ARENA_EMPTY;
	struct buf text;
	struct json_writer writer;
	char time[TIME_TEXT_BYTES];
	buf_init(&text, 65536);
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	json_put_string(&writer, "name", shown_name(endpoint->uid));
	json_put_string(&writer, "type", kind_of(endpoint));
	json_put_cstring(&writer, "state", endpoint_state_name(endpoint->state));
	json_put_integer(&writer, "routed", totals->accepted);
	json_put_integer(&writer, "pending", active ? totals->pending : 0);
	json_put_integer(&writer, "held", active ? 0 : totals->pending);
	json_put_integer(&writer, "dead_lettered", totals->exhausted);
	json_put_cstring(
	    &writer, "oldest_pending_at", totals->oldest.us == 0 ? NULL : time_format(totals->oldest, 3, time));
	json_put_cstring(&writer, "failing_since",
	    endpoint->failing_since.us == 0 ? NULL : time_format(endpoint->failing_since, 3, time));
	json_key(&writer, "last_error");
	if (request->admin->attempt.id.value == 0) {
		json_null(&writer);
	} else {
		json_open(&writer, '{');
		json_put_cstring(&writer, "at", time_format(id_time(request->admin->attempt.id.value), 3, time));
		json_put_integer(&writer, "attempt", request->admin->attempt.number);
		json_put_string(&writer, "error", shown_error(&request->admin->attempt, &arena));
		json_close(&writer);
	}
	json_close(&writer);
	fprintf(out, "%.*s\n", SLICE_ARG(buf_slice(&text)));
	buf_free(&text);
	arena_free(&arena);
}

static void
put_row(const struct store_request *request, FILE *out)
{
	const struct endpoint *endpoint = &request->admin->endpoint;
	const struct store_totals *totals = &request->admin->totals;
	bool active = endpoint->state == ENDPOINT_ACTIVE;
	struct arena arena = ARENA_EMPTY;
	struct slice name = journal_printable(shown_name(endpoint->uid), &arena), kind = kind_of(endpoint);
	struct slice error =
	    request->admin->attempt.id.value == 0 ? SLICE("-") : shown_error(&request->admin->attempt, &arena);
	fprintf(out, "%-20.*s  %-10.*s  %-9s  %9" PRId64 "  %9" PRId64 "  %9" PRId64 "  %9" PRId64 "  %.*s\n",
	    SLICE_ARG(name), SLICE_ARG(kind), endpoint_state_name(endpoint->state), totals->accepted,
	    active ? totals->pending : 0, active ? 0 : totals->pending, totals->exhausted,
	    (int)(error.len > 80 ? 80 : error.len), error.ptr);
	arena_free(&arena);
}

static enum error_code
show(const struct cli_arguments *arguments, struct store *store, struct slice uid, bool *finding, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ENDPOINT_TOTALS, clock_wall());
	request->ref = slice_of(receiver_uid);
	request->endpoint_ref = arena_copy(&request->arena, uid);
	enum error_code code = store_ask(store, request, error);
	if (code == OK) {
		*finding = *finding || request->admin->totals.exhausted > 0 ||
			   request->admin->endpoint.state == ENDPOINT_SUSPENDED;
		(cli_given(arguments, "json") ? put_json : put_row)(request, stdout);
	}
	store_request_free(request);
	return code;
}

static int
run_list(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%-20s  %-10s  %-9s  %9s  %9s  %9s  %9s  %s\n", "NAME", "TYPE", "STATE", "ROUTED", "PENDING",
		    "HELD", "DEAD", "LAST ERROR");
	struct store_request *all = store_request_new(STORE_ENDPOINTS_ALL, clock_wall());
	enum error_code code = store_ask(store, all, &error);
	bool finding = false;
	for (size_t i = 0; code == OK && i < all->count; i++)
		code = show(arguments, store, all->endpoints[i].uid, &finding, &error);
	store_request_free(all);
	store_close(store);
	return code != OK ? cli_fail(arguments, &error) : finding ? CLI_FINDING : CLI_GOOD;
}

/* --- one destination -------------------------------------------------------------------------------- */

/* As it is shown, or as its endpoint is called. */
static struct slice
uid_of(const char *name, struct arena *arena)
{
	if (strncmp(name, "forward.", 8) == 0)
		return slice_of(name);
	return arena_printf(arena, "%s%s", destination_prefix, name);
}

static enum error_code
not_there(const char *name, enum error_code code, struct error *error)
{
	if (code == ERR_NOT_FOUND)
		error_set(error, code,
		    "%.100s: the receiver has no such destination; expected one that `vaultbell destinations` shows",
		    name);
	return code;
}

static void
put_dead(const struct store_delivery *delivery, const struct attempt *last, bool as_json)
{
	const struct message *message = delivery->message;
	struct slice source = message->channels.count > 0 ? message->channels.items[0] : SLICE_NONE;
	struct arena arena = ARENA_EMPTY;
	char time[TIME_TEXT_BYTES];
	time_format(message->created, 3, time);
	if (as_json) {
		struct buf text;
		struct json_writer writer;
		buf_init(&text, 65536);
		json_writer_init(&writer, &text);
		json_open(&writer, '{');
		json_put_string(&writer, "event_id", message->webhook_id);
		json_put_string(&writer, "source", source);
		json_put_string(&writer, "type", message->event_type.len > 0 ? message->event_type : SLICE_NONE);
		json_put_cstring(&writer, "received_at", time);
		json_put_integer(&writer, "attempts", delivery->attempts);
		json_put_string(&writer, "error", shown_error(last, &arena));
		json_close(&writer);
		printf("%.*s\n", SLICE_ARG(buf_slice(&text)));
		buf_free(&text);
	} else {
		struct slice id = journal_printable(message->webhook_id, &arena);
		struct slice type = journal_printable(message->event_type, &arena), error = shown_error(last, &arena);
		printf("%-24s  %8d  %-36.*s  %-40.*s  %.*s\n", time, (int)delivery->attempts, SLICE_ARG(type),
		    SLICE_ARG(id), SLICE_ARG(error));
	}
	arena_free(&arena);
}

static enum error_code
dead_page(const struct cli_arguments *arguments, struct store *store, int64_t *after, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_DEAD_LETTERS, clock_wall());
	request->ref = slice_of(receiver_uid);
	request->endpoint_ref = uid_of(cli_operand(arguments), &request->arena);
	request->page = (struct store_page){.limit = PAGE_ROWS, .after = *after};
	enum error_code code = not_there(cli_operand(arguments), store_ask(store, request, error), error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		put_dead(&request->deliveries[i], &request->attempts[i], cli_given(arguments, "json"));
		*after = request->deliveries[i].message->id.value;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

static int
run_dead(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%-24s  %8s  %-36s  %-40s  %s\n", "RECEIVED", "ATTEMPTS", "TYPE", "EVENT", "LAST ERROR");
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = dead_page(arguments, store, &after, &more, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

/* --- replay ----------------------------------------------------------------------------------------- */

/* The message of one event, as the range of ids that holds it alone. */
static enum error_code
find_event(struct store *store, const char *event, struct task *task, struct error *error)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_GET, clock_wall());
	request->admin->journal_query.event_id = slice_of(event);
	request->page.limit = 2;
	enum error_code code = store_ask(store, request, error);
	if (code == OK && request->count == 0)
		code = error_set(error, ERR_NOT_FOUND,
		    "--event %.100s: the journal has no such event; expected an id that `journal list` shows", event);
	if (code == OK) {
		task->floor = request->journal_rows[0].message.value;
		task->ceiling = task->floor + 1;
	}
	store_request_free(request);
	return code;
}

static enum error_code
read_task(const struct cli_arguments *arguments, struct store *store, struct task *task, struct error *error)
{
	struct wall_time since = WALL_NONE, until = WALL_NONE;
	enum error_code code = OK;
	if (cli_given(arguments, "since"))
		code = input_time("since", cli_value(arguments, "since"), &since, error);
	if (code == OK && cli_given(arguments, "until"))
		code = input_time("until", cli_value(arguments, "until"), &until, error);
	bool one = cli_given(arguments, "event"), all = cli_given(arguments, "all") || one;
	*task = (struct task){.kind = all ? TASK_BULK_REPLAY : TASK_RECOVER,
	    .journalled = true,
	    .status = -1,
	    .status_code_class = -1,
	    .floor = since.us == 0 ? 0 : id_floor(since),
	    .ceiling = until.us == 0 ? 0 : id_floor(until)};
	return code == OK && one ? find_event(store, cli_value(arguments, "event"), task, error) : code;
}

static enum error_code
leave_task(const struct cli_arguments *arguments, struct store *store, const struct task *task, struct error *error)
{
	struct store_request *request = store_request_new(STORE_TASK_CREATE, clock_wall());
	request->ref = slice_of(receiver_uid);
	request->endpoint_ref = uid_of(cli_operand(arguments), &request->arena);
	request->admin->task = *task;
	request->actor.present = true;
	enum error_code code = not_there(cli_operand(arguments), store_ask(store, request, error), error);
	char id[ID_TEXT_BYTES];
	if (code == OK && cli_given(arguments, "json"))
		printf("{\"task\":\"%s\"}\n", id_format(ID_TASK, request->admin->task.id.value, id));
	else if (code == OK)
		printf("%s: the receiver sends it again, as soon as it runs\n",
		    id_format(ID_TASK, request->admin->task.id.value, id));
	store_request_free(request);
	return code;
}

static int
run_replay(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	const char *data = cli_value(arguments, "data");
	if (cli_given(arguments, "event") && (cli_given(arguments, "since") || cli_given(arguments, "until")))
		return cli_misuse(arguments, "--event: expected without --since and --until: it names one event");
	struct store *store;
	/* Read-only first: a directory without a receiver's database must not get one. */
	if (input_store(data, true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	store_close(store);
	if (input_store(data, false, &store, &error) != OK)
		return cli_fail(arguments, &error);
	struct task task;
	enum error_code code = read_task(arguments, store, &task, &error);
	if (code == OK)
		code = leave_task(arguments, store, &task, &error);
	if (code == OK)
		code = input_audited(data, store, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

/* --- commands --------------------------------------------------------------------------------------- */

static const struct cli_option list_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object a line"},
};

static const struct cli_option replay_options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "event", .argument = "ID", .about = "this event alone, whatever became of it"},
    {.name = "since", .argument = "T", .about = "only what was received at that time or later"},
    {.name = "until", .argument = "T", .about = "only what was received before that time"},
    {.name = "all", .about = "also what was delivered; without it, what was given up or waits"},
    {.name = "json", .about = "prints the task as a JSON object"},
};

const struct cli_command cli_destinations = {
    .name = "destinations",
    .summary = "show how a receiver's destinations stand",
    .details =
	"Works beside a running receiver. For each destination and forward URL: its state, how many events were\n"
	"routed to it, how many wait (held, while it is suspended or no longer configured), how many were given\n"
	"up, and why the last attempt failed. Exit status 1 when one is suspended or has given events up.",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = run_list,
};

const struct cli_command cli_destinations_dead = {
    .name = "destinations dead",
    .summary = "list the events that a destination has given up",
    .details = "Works beside a running receiver. By their arrival, with the last error of each.",
    .operand = "NAME",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = run_dead,
};

const struct cli_command cli_destinations_replay = {
    .name = "destinations replay",
    .summary = "send events to a destination again",
    .details = "Works beside a running receiver, which begins within a second, and resumes the destination if it was\n"
	       "suspended. Each event that was given up gets one more attempt. What the destination got already comes\n"
	       "under the same event id.",
    .operand = "NAME",
    .options = replay_options,
    .option_count = COUNT_OF(replay_options),
    .run = run_replay,
};
