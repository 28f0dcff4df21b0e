/* Tasks: replay, purge and counts over many events. The store does a step at a time; here the next one is asked for
 * when the last one was committed, so a task takes what room is left and goes on after a restart. */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

enum { RECOVER_DAYS_MAX = 14, SLACK_S = 300, USAGE_ORGANISATIONS_MAX = 1000 };

#define SECOND_US ((int64_t)1000000)
#define DAY_US (86400 * SECOND_US)

/* --- steps ------------------------------------------------------------------------------------------- */

void
tasks_go_on(struct api *api)
{
	struct wall_time now = clock_wall();
	bool soon = api->step_failed.us != 0 && now.us - api->step_failed.us < SECOND_US;
	if (api->stepping || soon)
		return;
	struct store_request *request = store_request_new(STORE_TASK_STEP, now);
	request->reply_to = api->options.mailbox;
	request->reply_kind = api->options.reply_kind;
	api->stepping = true;
	mail_list_add(&api->gathered, &request->mail);
}

void
tasks_stepped(struct api *api, const struct store_request *request)
{
	api->stepping = false;
	/* What the store could not take now is tried again with a later request. */
	api->step_failed = request->status == OK ? WALL_NONE : clock_wall();
	if (request->status == OK && request->more)
		tasks_go_on(api);
}

/* --- answers ----------------------------------------------------------------------------------------- */

static void
write_task(struct json_writer *writer, const struct task *task)
{
	char id[ID_TEXT_BYTES];
	json_put_cstring(writer, "id", id_format(ID_TASK, task->id.value, id));
	json_put_cstring(writer, "status", task_state_name(task->state));
	json_put_cstring(writer, "task", task_kind_name(task->kind));
	out_time(writer, "updatedAt", task->updated);
}

static void
write_id(struct json_writer *writer, const char *name, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	json_put_cstring(writer, name, id == 0 ? NULL : id_format(kind, id, text));
}

static void
write_usage(struct json_writer *writer, const struct task *task)
{
	json_key(writer, "usage");
	json_open(writer, '[');
	for (size_t i = 0; i < task->usage_count; i++) {
		json_open(writer, '{');
		json_put_string(writer, task->kind == TASK_USAGE ? "appId" : "eventType", task->usage[i].name);
		json_put_integer(writer, "messages", task->usage[i].messages);
		json_put_integer(writer, "messageDestinations", task->usage[i].deliveries);
		json_close(writer);
	}
	json_close(writer);
}

static void
write_background_task(struct json_writer *writer, const struct task *task)
{
	json_open(writer, '{');
	write_task(writer, task);
	json_key(writer, "data");
	json_open(writer, '{');
	write_id(writer, "appId", ID_ORGANISATION, task->organisation.value);
	write_id(writer, "endpointId", ID_ENDPOINT, task->endpoint.value);
	out_time(writer, "since", task->floor == 0 ? WALL_NONE : id_time(task->floor));
	out_time(writer, "until", id_time(task->ceiling));
	json_put_integer(writer, "examined", task->examined);
	json_put_integer(writer, "done", task->done);
	json_put_integer(writer, "skipped", task->skipped);
	if (slice_present(task->resource))
		json_put_string(writer, "resource", task->resource);
	if (task->preview)
		json_put_bool(writer, "dryRun", true);
	json_put_string(writer, "reason", task->reason);
	if (task_counts(task->kind))
		write_usage(writer, task);
	json_close(writer);
	json_close(writer);
}

static void
finish_start(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	tasks_go_on(call->api);
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	write_task(writer, &request->admin->task);
	if (request->admin->task.kind == TASK_USAGE) {
		json_key(writer, "unresolvedAppIds");
		json_open(writer, '[');
		for (size_t i = 0; i < request->missing.count; i++)
			json_string(writer, request->missing.items[i]);
		json_close(writer);
	}
	json_close(writer);
	call_end(call, 202);
}

/* --- starting ---------------------------------------------------------------------------------------- */

static struct store_request *
task_request(struct call *call, enum task_kind kind)
{
	struct store_request *request = call_request(call, STORE_TASK_CREATE);
	if (task_of_endpoint(kind))
		request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	request->admin->task.kind = kind;
	return request;
}

static void
submit(struct call *call, struct store_request *request)
{
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_start);
}

/* From `since` to `until`, or to now. */
static void
read_range(struct call *call, const struct in *in, const struct member *since, const struct member *until,
    int64_t longest_us, struct task *task)
{
	struct wall_time from = WALL_NONE, to = call->now;
	in_required(in, since);
	bool given = in_time(in, since, &from);
	bool ends = in_time(in, until, &to);
	if (given && from.us > call->now.us + SLACK_S * SECOND_US)
		check_fail(in->check, CHECK_VALUE, since->name, "since must not be in the future.");
	else if (given && longest_us > 0 && from.us < call->now.us - longest_us - SLACK_S * SECOND_US)
		check_fail(in->check, CHECK_VALUE, since->name, "since may be at most %d days ago.",
		    (int)(longest_us / DAY_US));
	else if (given && ends && to.us < from.us)
		check_fail(in->check, CHECK_VALUE, until->name, "until must not be before since.");
	task->floor = given && from.us > id_time(0).us ? id_floor(from) : 0;
	task->ceiling = ends && to.us < call->now.us ? (to.us > id_time(0).us ? id_floor(to) : 1) : 0;
}

/* The range, and whether it is only to be counted what would be sent. */
static void
read_when(struct call *call, const struct in *in, struct json body, int64_t longest_us, struct task *task)
{
	struct member members[] = {{.name = "since"}, {.name = "until"}, {.name = "dryRun"}};
	members_find(body, members, COUNT_OF(members));
	read_range(call, in, &members[0], &members[1], longest_us, task);
	(void)in_bool(in, &members[2], &task->preview);
}

static void
start_ranged(struct call *call, enum task_kind kind, int64_t longest_us)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = task_request(call, kind);
	struct in in = {&request->arena, &call->check, false};
	read_when(call, &in, body, longest_us, &request->admin->task);
	submit(call, request);
}

void
endpoint_recover(struct call *call)
{
	start_ranged(call, TASK_RECOVER, RECOVER_DAYS_MAX * DAY_US);
}

void
endpoint_replay_missing(struct call *call)
{
	start_ranged(call, TASK_REPLAY_MISSING, 0);
}

static void
read_filters(const struct in *in, struct json body, struct task *task)
{
	enum { TYPES, CHANNEL, TAG, STATUS, CLASS, RESOURCE };
	struct member m[] = {{.name = "eventTypes"}, {.name = "channel"}, {.name = "tag"}, {.name = "status"},
	    {.name = "statusCodeClass"}, {.name = "resource"}};
	members_find(body, m, COUNT_OF(m));
	(void)in_names(in, &m[TYPES], LIMIT_EVENT_TYPES, &task->event_types);
	(void)in_uid(in, &m[CHANNEL], ID_KIND_COUNT, &task->channel);
	struct slice resource;
	if (in_text(in, &m[RESOURCE], LIMIT_UID_BYTES, &resource))
		task->resource = resource;
	if (!member_null(&m[TAG]))
		check_fail(in->check, CHECK_VALUE, "tag", "Events have no tags on this server; leave it out.");
	int64_t status = -1, class = -1;
	(void)in_integer(in, &m[STATUS], 0, 4, &status);
	(void)in_integer(in, &m[CLASS], 0, 500, &class);
	if (class > 0 && class % 100 != 0)
		check_fail(
		    in->check, CHECK_VALUE, "statusCodeClass", "statusCodeClass must be 0, 100, 200, 300, 400 or 500.");
	task->status = (int)status;
	task->status_code_class = (int)class;
}

void
endpoint_bulk_replay(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = task_request(call, TASK_BULK_REPLAY);
	struct in in = {&request->arena, &call->check, false};
	read_when(call, &in, body, 0, &request->admin->task);
	read_filters(&in, body, &request->admin->task);
	submit(call, request);
}

void
message_expunge_all(struct call *call)
{
	submit(call, task_request(call, TASK_PURGE));
}

void
task_types(struct call *call)
{
	submit(call, task_request(call, TASK_TYPES));
}

void
task_usage(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = task_request(call, TASK_USAGE);
	struct in in = {&request->arena, &call->check, false};
	struct member members[] = {{.name = "since"}, {.name = "until"}, {.name = "appIds"}};
	members_find(body, members, COUNT_OF(members));
	in_required(&in, &members[1]);
	read_range(call, &in, &members[0], &members[1], 0, &request->admin->task);
	(void)in_names(&in, &members[2], USAGE_ORGANISATIONS_MAX, &request->message_refs);
	submit(call, request);
}

/* --- looking and cancelling -------------------------------------------------------------------------- */

static void
finish_task(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	write_background_task(call_write(call), &request->admin->task);
	call_end(call, 200);
}

static void
ask_task(struct call *call, enum store_kind kind)
{
	int64_t id;
	if (!id_parse(ID_TASK, call->params[0], &id)) {
		call_problem(call, 404, "not_found", "There is no such task.");
		return;
	}
	struct store_request *request = call_request(call, kind);
	request->admin->task.id.value = id;
	request->admin->task.organisation = call->token.organisation;
	call_submit(call, request, finish_task);
}

void
task_get(struct call *call)
{
	ask_task(call, STORE_TASK_GET);
}

void
task_cancel(struct call *call)
{
	ask_task(call, STORE_TASK_CANCEL);
}

static void
finish_list(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		write_background_task(&call->writer, &request->admin->tasks[i]);
		rows_name(&rows, slice_of(id_format(ID_TASK, request->admin->tasks[i].id.value, id)));
	}
	rows_end(&rows, request);
}

void
task_list(struct call *call)
{
	struct slice state = query_get(&call->query, "status"), kind = query_get(&call->query, "task");
	struct store_task_filter filter = {.kind = -1, .state = -1, .organisation = call->token.organisation};
	enum task_state of_state;
	enum task_kind of_kind;
	if (slice_present(state) && !task_state_parse(state, &of_state)) {
		call_problem(call, 400, "generic_error", "The status must be running, finished or failed.");
		return;
	}
	if (slice_present(kind) && !task_kind_parse(kind, &of_kind)) {
		call_problem(call, 400, "generic_error", "The task must be the name of a kind of tasks.");
		return;
	}
	if (slice_present(state))
		filter.state = (int)of_state;
	if (slice_present(kind))
		filter.kind = (int)of_kind;
	struct store_request *request = call_request(call, STORE_TASK_LIST);
	request->admin->task_filter = filter;
	struct page_rules rules = {.kind = ID_TASK, .descending = true, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}
