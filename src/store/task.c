#include "store/task.h"

static const char *const kind_names[TASK_KIND_COUNT] = {
    [TASK_RECOVER] = "endpoint.recover",
    [TASK_REPLAY_MISSING] = "endpoint.replay",
    [TASK_BULK_REPLAY] = "endpoint.bulk-replay",
    [TASK_PURGE] = "application.purge_content",
    [TASK_USAGE] = "application.stats",
    [TASK_TYPES] = "event-type.aggregate",
};

static const char *const state_names[TASK_STATE_COUNT] = {
    [TASK_RUNNING] = "running",
    [TASK_FINISHED] = "finished",
    [TASK_FAILED] = "failed",
};

const char *
task_kind_name(enum task_kind kind)
{
	return kind_names[kind];
}

bool
task_kind_parse(struct slice name, enum task_kind *out)
{
	size_t index;
	if (!slice_among(name, kind_names, TASK_KIND_COUNT, &index))
		return false;
	*out = (enum task_kind)index;
	return true;
}

const char *
task_state_name(enum task_state state)
{
	return state_names[state];
}

bool
task_state_parse(struct slice name, enum task_state *out)
{
	size_t index;
	if (!slice_among(name, state_names, TASK_STATE_COUNT, &index))
		return false;
	*out = (enum task_state)index;
	return true;
}

bool
task_of_endpoint(enum task_kind kind)
{
	return kind == TASK_RECOVER || kind == TASK_REPLAY_MISSING || kind == TASK_BULK_REPLAY;
}

bool
task_counts(enum task_kind kind)
{
	return kind == TASK_USAGE || kind == TASK_TYPES;
}

/* --- deciding ---------------------------------------------------------------------------------------- */

static bool
state_fits(int status, enum delivery_state state)
{
	switch (status) {
	case -1: return true;
	case 0: return state == DELIVERY_DELIVERED;
	case 2: return state == DELIVERY_EXHAUSTED;
	case 4: return state == DELIVERY_CANCELLED;
	default: return state == DELIVERY_PENDING;
	}
}

static bool
filters_fit(const struct task *task, const struct task_candidate *candidate)
{
	if (task->event_types.count > 0 && !slice_list_has(task->event_types, candidate->event_type))
		return false;
	if (slice_present(task->channel) && !slice_list_has(candidate->channels, task->channel))
		return false;
	int class = candidate->status_code / 100 * 100;
	if (task->status_code_class >= 0 && (candidate->attempts == 0 || class != task->status_code_class))
		return false;
	return state_fits(task->status, candidate->state);
}

enum task_choice
task_choose(const struct task *task, const struct endpoint *endpoint, const struct task_candidate *candidate,
    struct wall_time now)
{
	bool waits = candidate->state == DELIVERY_PENDING && candidate->attempts > 0 && candidate->due.us > now.us;
	switch (task->kind) {
	case TASK_RECOVER:
		return candidate->sent && (waits || candidate->state == DELIVERY_EXHAUSTED) ? TASK_SEND_AGAIN
											    : TASK_PASS;
	case TASK_REPLAY_MISSING:
		return !candidate->sent && endpoint_wants(endpoint, candidate->event_type, candidate->channels)
			   ? TASK_SEND_FIRST
			   : TASK_PASS;
	case TASK_BULK_REPLAY: return candidate->sent && filters_fit(task, candidate) ? TASK_SEND_AGAIN : TASK_PASS;
	case TASK_PURGE:
	case TASK_USAGE:
	case TASK_TYPES:
	case TASK_KIND_COUNT: break;
	}
	return TASK_PASS;
}

static struct json
member_of(struct json object, const char *name)
{
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

bool
task_fits_resource(const struct task *task, struct slice payload)
{
	if (!slice_present(task->resource))
		return true;
	struct json body;
	if (!slice_present(payload) || json_parse(payload, LIMIT_JSON_DEPTH, &body, NULL) != OK)
		return false;
	const struct json ids[] = {
	    member_of(member_of(body, "resource"), "id"),
	    member_of(member_of(body, "data"), "transaction_id"),
	    member_of(member_of(body, "payload"), "requestId"),
	    member_of(body, "transaction_id"),
	    member_of(body, "requestId"),
	};
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		if (json_present(ids[i]) && ids[i].type == JSON_STRING && json_text_is(ids[i], task->resource))
			return true;
	return false;
}

void
task_fail(struct task *task, struct arena *arena, const char *reason)
{
	task->state = TASK_FAILED;
	task->reason = arena_copy(arena, slice_of(reason));
}

void
task_count(struct task *task, struct arena *arena, struct slice name, int64_t deliveries)
{
	struct task_usage *usage = NULL;
	for (size_t i = 0; i < task->usage_count && usage == NULL; i++)
		if (slice_equal(task->usage[i].name, name))
			usage = &task->usage[i];
	if (usage == NULL) {
		struct task_usage *grown = arena_alloc(arena, (task->usage_count + 1) * sizeof *grown);
		if (task->usage_count > 0)
			memcpy(grown, task->usage, task->usage_count * sizeof *grown);
		task->usage = grown;
		usage = &grown[task->usage_count++];
		usage->name = arena_copy(arena, name);
	}
	usage->messages++;
	usage->deliveries += deliveries;
}

/* --- documents --------------------------------------------------------------------------------------- */

struct task
task_copy(struct arena *arena, const struct task *from)
{
	struct task copy = *from;
	copy.event_types = arena_list(arena, from->event_types);
	copy.channel = arena_copy(arena, from->channel);
	copy.resource = arena_copy(arena, from->resource);
	copy.only = arena_list(arena, from->only);
	copy.reason = arena_copy(arena, from->reason);
	copy.usage = arena_alloc(arena, from->usage_count * sizeof copy.usage[0]);
	for (size_t i = 0; i < from->usage_count; i++) {
		copy.usage[i] = from->usage[i];
		copy.usage[i].name = arena_copy(arena, from->usage[i].name);
	}
	return copy;
}

/* One table of the numbers in the document. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
    {"floor", offsetof(struct task, floor)},
    {"ceiling", offsetof(struct task, ceiling)},
    {"position", offsetof(struct task, position)},
    {"examined", offsetof(struct task, examined)},
    {"done", offsetof(struct task, done)},
    {"skipped", offsetof(struct task, skipped)},
};

static void
write_list(struct json_writer *writer, const char *name, struct slice_list list)
{
	json_key(writer, name);
	json_open(writer, '[');
	for (size_t i = 0; i < list.count; i++)
		json_string(writer, list.items[i]);
	json_close(writer);
}

void
task_encode(const struct task *task, struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		json_put_integer(&writer, numbers[i].name, *(const int64_t *)((const char *)task + numbers[i].offset));
	json_put_bool(&writer, "journalled", task->journalled);
	json_put_integer(&writer, "status", task->status);
	json_put_integer(&writer, "statusCodeClass", task->status_code_class);
	json_put_string(&writer, "channel", task->channel);
	json_put_string(&writer, "resource", task->resource);
	json_put_bool(&writer, "preview", task->preview);
	json_put_string(&writer, "reason", task->reason);
	write_list(&writer, "eventTypes", task->event_types);
	write_list(&writer, "only", task->only);
	json_key(&writer, "usage");
	json_open(&writer, '[');
	for (size_t i = 0; i < task->usage_count; i++) {
		json_open(&writer, '[');
		json_string(&writer, task->usage[i].name);
		json_integer(&writer, task->usage[i].messages);
		json_integer(&writer, task->usage[i].deliveries);
		json_close(&writer);
	}
	json_close(&writer);
	json_close(&writer);
}

static int64_t
read_number(struct json value)
{
	int64_t number = 0;
	return json_present(value) && json_int64(value, &number) ? number : 0;
}

static struct slice
read_text(struct arena *arena, struct json value)
{
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static struct slice_list
read_list(struct arena *arena, struct json value)
{
	struct slice_list list = {NULL, 0};
	if (!json_present(value) || value.type != JSON_ARRAY)
		return list;
	list.items = arena_alloc(arena, json_count(value) * sizeof list.items[0]);
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	while (json_next(&iterator, &key, &item))
		list.items[list.count++] = read_text(arena, item);
	return list;
}

static void
read_usage(struct arena *arena, struct json value, struct task *out)
{
	out->usage = NULL;
	out->usage_count = 0;
	if (!json_present(value) || value.type != JSON_ARRAY)
		return;
	out->usage = arena_alloc(arena, json_count(value) * sizeof out->usage[0]);
	struct json_iterator iterator = json_iterate(value), members;
	struct json key, row, item;
	while (json_next(&iterator, &key, &row)) {
		if (row.type != JSON_ARRAY)
			continue;
		struct task_usage *usage = &out->usage[out->usage_count++];
		members = json_iterate(row);
		if (json_next(&members, &key, &item))
			usage->name = read_text(arena, item);
		if (json_next(&members, &key, &item))
			usage->messages = read_number(item);
		if (json_next(&members, &key, &item))
			usage->deliveries = read_number(item);
	}
}

enum error_code
task_decode(struct slice doc, struct arena *arena, struct task *out, struct error *error)
{
	struct json object;
	if (json_parse(doc, LIMIT_JSON_DEPTH, &object, error) != OK || object.type != JSON_OBJECT)
		return error_set(error, ERR_CORRUPT, "a stored task is not a JSON object");
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		*(int64_t *)((char *)out + numbers[i].offset) = read_number(json_member(object, numbers[i].name));
	struct json journalled = json_member(object, "journalled");
	out->journalled = json_present(journalled) && journalled.type == JSON_TRUE;
	out->status = (int)read_number(json_member(object, "status"));
	out->status_code_class = (int)read_number(json_member(object, "statusCodeClass"));
	out->channel = read_text(arena, json_member(object, "channel"));
	out->resource = read_text(arena, json_member(object, "resource"));
	out->preview = json_member(object, "preview").type == JSON_TRUE;
	out->reason = read_text(arena, json_member(object, "reason"));
	out->event_types = read_list(arena, json_member(object, "eventTypes"));
	out->only = read_list(arena, json_member(object, "only"));
	read_usage(arena, json_member(object, "usage"), out);
	return OK;
}
