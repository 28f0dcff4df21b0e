/* What can be asked of an endpoint beside its configuration: counts, and an example sent to it. */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

#include "catalogue/catalogue.h"

enum { STATS_DAYS_MAX = 28, SLACK_S = 300, STATS_STEP_ROWS = 4096, EXAMPLES_MAX = 1000 };

#define SECOND_US ((int64_t)1000000)

static struct store_request *
request_for(struct call *call, enum store_kind kind)
{
	struct store_request *request = call_request(call, kind);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	return request;
}

/* --- counts ------------------------------------------------------------------------------------------ */

struct counting {
	struct store_page page;
	struct store_stats sum;
};

static void
answer_stats(struct call *call, const struct store_stats *sum)
{
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_integer(writer, "success", sum->succeeded);
	json_put_integer(writer, "pending", 0);
	json_put_integer(writer, "sending", sum->pending);
	if (sum->held > 0)
		json_put_integer(writer, "held", sum->held);
	json_put_integer(writer, "fail", sum->failed);
	json_put_integer(writer, "canceled", sum->cancelled);
	json_close(writer);
	call_end(call, 200);
}

static void finish_stats(struct call *call, struct store_request *request);

/* A page at a time, so that what an endpoint got in weeks does not hold up the store. */
static void
count_on(struct call *call)
{
	struct store_request *request = request_for(call, STORE_ENDPOINT_STATS);
	request->page = ((const struct counting *)call->context)->page;
	call_submit(call, request, finish_stats);
}

static void
finish_stats(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct counting *counting = call->context;
	counting->sum.succeeded += request->admin->stats.succeeded;
	counting->sum.failed += request->admin->stats.failed;
	counting->sum.pending += request->admin->stats.pending;
	counting->sum.held += request->admin->stats.held;
	counting->page.after = request->next;
	if (request->more)
		count_on(call);
	else
		answer_stats(call, &counting->sum);
}

void
endpoint_stats(struct call *call)
{
	struct error error = ERROR_NONE;
	struct wall_time since = WALL_NONE, until = call->now;
	if (query_time(&call->query, "until", &until, &error) != OK ||
	    query_time(&call->query, "since", &since, &error) != OK) {
		call_problem(call, 400, "generic_error", "%s", error.text);
		return;
	}
	if (since.us == 0)
		since.us = until.us - STATS_DAYS_MAX * 86400 * SECOND_US;
	bool future = until.us > call->now.us + SLACK_S * SECOND_US;
	bool long_range = until.us - since.us > (STATS_DAYS_MAX * 86400 + SLACK_S) * SECOND_US;
	if (future || long_range || since.us > until.us) {
		call_problem(call, 400, "invalid_range",
		    "since must be before until, by at most %d days, and until not in the future.", STATS_DAYS_MAX);
		return;
	}
	struct counting *counting = arena_alloc(&call->exchange->arena, sizeof *counting);
	counting->page = (struct store_page){.limit = STATS_STEP_ROWS, .floor = id_floor(since)};
	if (until.us < call->now.us)
		counting->page.ceiling = id_floor(until);
	call->context = counting;
	count_on(call);
}

/* --- an example -------------------------------------------------------------------------------------- */

struct example {
	struct slice event_type;
	int64_t index;
};

/* To this endpoint alone. In a production only the platform may, since what looks like money that moved goes where
 * real events go; it says there what it is (compose.c). */
static struct store_request *
accept_example(struct call *call, struct slice event_type, struct slice payload)
{
	struct store_request *accept = request_for(call, STORE_ACCEPT);
	struct message *message = message_new();
	message->event_type = arena_copy(&message->arena, event_type);
	message->payload = arena_copy(&message->arena, payload);
	message->test = true;
	accept->message = message;
	accept->only_endpoint = true;
	accept->sandbox = !token_is_platform(&call->token);
	return accept;
}

static void
finish_example(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	call->api->accepted += !request->existed;
	out_message(call_write(call), request->message, CONTENT_SHOWN);
	call_end(call, 200);
}

/* `examples[index]`, or `example`, of the newest version's schema; absent: it has none. */
static struct json
example_of(struct slice schemas, int64_t index)
{
	struct json all, key, schema, newest = JSON_ABSENT;
	if (!slice_present(schemas) || json_parse(schemas, LIMIT_JSON_DEPTH, &all, NULL) != OK ||
	    all.type != JSON_OBJECT)
		return JSON_ABSENT;
	struct json_iterator iterator = json_iterate(all);
	while (json_next(&iterator, &key, &schema))
		newest = schema;
	if (!json_present(newest) || newest.type != JSON_OBJECT)
		return JSON_ABSENT;
	struct json examples = json_member(newest, "examples"), item;
	if (json_present(examples) && examples.type == JSON_ARRAY) {
		iterator = json_iterate(examples);
		while (json_next(&iterator, &key, &item))
			if (index-- == 0)
				return item;
	}
	return json_member(newest, "example");
}

static void
finish_type(struct call *call, struct store_request *request)
{
	const struct example *wanted = call->context;
	const struct catalogue_type *catalogued = catalogue_find(wanted->event_type);
	bool missing = request->status == ERR_NOT_FOUND;
	if (missing && catalogued == NULL) {
		call_problem(call, 404, "not_found", "There is no such event type.");
		return;
	}
	if (!missing && !call_succeeded(call, request))
		return;
	struct json payload = missing ? JSON_ABSENT : example_of(request->admin->event_type.schemas, wanted->index);
	if (!json_present(payload) && catalogued != NULL)
		payload = (struct json){JSON_OBJECT, catalogued->example_json};
	if (!json_present(payload) || payload.type != JSON_OBJECT) {
		call_problem(call, 400, "invalid_scheme", "The event type's schema has no such example.");
		return;
	}
	struct store_request *accept = accept_example(call, wanted->event_type, payload.raw);
	call_idempotent(call, accept);
	call_submit(call, accept, finish_example);
}

void
endpoint_send_example(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct example *wanted = arena_alloc(&call->exchange->arena, sizeof *wanted);
	struct in in = {&call->exchange->arena, &call->check, false};
	struct member m[] = {{.name = "eventType"}, {.name = "exampleIndex"}};
	members_find(body, m, COUNT_OF(m));
	in_required(&in, &m[0]);
	if (in_text(&in, &m[0], SIZE_MAX, &wanted->event_type) && !event_type_name_valid(wanted->event_type))
		check_fail(&call->check, CHECK_VALUE, "eventType",
		    "eventType must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..", LIMIT_UID_BYTES);
	(void)in_integer(&in, &m[1], 0, EXAMPLES_MAX, &wanted->index);
	if (!call_checked(call, NULL))
		return;
	call->context = wanted;
	struct store_request *request = call_request(call, STORE_EVENT_TYPE_GET);
	request->ref = arena_copy(&request->arena, wanted->event_type);
	call_submit(call, request, finish_type);
}

/* --- examples of everything -------------------------------------------------------------------------- */

struct sending {
	struct slice_list services; /* empty: all */
	size_t next;		    /* the catalogue's type that comes next */
	struct {
		struct slice event_type;
		struct message_id message; /* 0: skipped */
		struct slice reason;
	} * types;
	size_t count;
};

static void send_on(struct call *call);

static void
answer_sending(struct call *call, const struct sending *sending)
{
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	for (int skipped = 0; skipped < 2; skipped++) {
		json_key(writer, skipped ? "skipped" : "sent");
		json_open(writer, '[');
		for (size_t i = 0; i < sending->count; i++) {
			bool passed = sending->types[i].message.value == 0;
			char id[ID_TEXT_BYTES];
			if (passed != (skipped != 0))
				continue;
			json_open(writer, '{');
			json_put_string(writer, "eventType", sending->types[i].event_type);
			if (passed)
				json_put_string(writer, "reason", sending->types[i].reason);
			else
				json_put_cstring(
				    writer, "msgId", id_format(ID_MESSAGE, sending->types[i].message.value, id));
			json_close(writer);
		}
		json_close(writer);
	}
	json_close(writer);
	call_end(call, 200);
}

/* A type whose service is not enabled is skipped; whatever else is refused ends it. */
static void
finish_one(struct call *call, struct store_request *request)
{
	struct sending *sending = call->context;
	bool skipped = request->status == ERR_INVALID && request->detail == STORE_DETAIL_NO_SERVICE;
	if (!skipped && !call_succeeded(call, request))
		return;
	struct slice type = request->message->event_type;
	sending->types[sending->count].event_type = arena_copy(&call->exchange->arena, type);
	if (skipped)
		sending->types[sending->count].reason =
		    arena_copy(&call->exchange->arena, slice_of(request->error.text));
	else
		sending->types[sending->count].message = request->message->id;
	sending->count++;
	call->api->accepted += !skipped && !request->existed;
	send_on(call);
}

static void
send_on(struct call *call)
{
	struct sending *sending = call->context;
	while (sending->next < catalogue_count()) {
		const struct catalogue_type *type = catalogue_at(sending->next++);
		if (sending->services.count > 0 && !slice_list_has(sending->services, type->service))
			continue;
		struct store_request *accept = accept_example(call, type->name, type->example_json);
		call_idempotent_part(call, accept, type->name);
		call_submit(call, accept, finish_one);
		return;
	}
	answer_sending(call, sending);
}

void
endpoint_send_examples(struct call *call)
{
	struct json body;
	if (!call_body_optional(call, &body))
		return;
	struct sending *sending = arena_alloc(&call->exchange->arena, sizeof *sending);
	struct in in = {&call->exchange->arena, &call->check, false};
	struct member services = {.name = "services"};
	members_find(body, &services, 1);
	(void)in_names(&in, &services, LIMIT_SERVICES, &sending->services);
	for (size_t i = 0; i < sending->services.count; i++)
		if (!slice_list_has(catalogue_services(), sending->services.items[i]))
			check_fail(&call->check, CHECK_VALUE, services.name,
			    "Item %zu of services must be one of the catalogue's services.", i);
	if (!call_checked(call, NULL))
		return;
	sending->types = arena_alloc(&call->exchange->arena, catalogue_count() * sizeof sending->types[0]);
	call->context = sending;
	send_on(call);
}
