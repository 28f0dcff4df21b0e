/* Alerts: listed, acknowledged, resolved. A token that is restricted to sources sees the alerts of these alone. */
#include "server/reader_call.h"

static void
put_alert(struct json_writer *writer, const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	json_open(writer, '{');
	json_put_integer(writer, "id", alert->id);
	json_put_cstring(writer, "kind", alert_kind_name(alert->kind));
	json_put_cstring(writer, "severity", alert_severity_name(alert->severity));
	json_put_cstring(writer, "state", alert_state_name(alert->state));
	json_put_string(writer, "key", alert->key);
	json_put_string(writer, "summary", alert->summary);
	json_put_cstring(writer, "first_at", time_format(alert->first, 6, time));
	json_put_cstring(writer, "last_at", time_format(alert->last, 6, time));
	json_put_integer(writer, "count", alert->count);
	json_put_string(writer, "by", alert->by);
	json_close(writer);
}

/* Kinds whose key begins with a source's name; the others are of the whole receiver. */
static bool
is_seen(const struct reader_call *call, const struct alert *alert)
{
	if (call->scope.sources.count == 0 && call->scope.types.count == 0)
		return true;
	struct slice rest = alert->key, source = slice_cut(&rest, '/');
	bool by_source = alert->kind == ALERT_CONFLICT || alert->kind == ALERT_GAP || alert->kind == ALERT_KEYS ||
			 alert->kind == ALERT_MANIFEST || alert->kind == ALERT_SILENCE;
	return by_source && call->scope.types.count == 0 && scope_has_source(&call->scope, source);
}

void
reader_alerts(struct reader_call *call)
{
	int64_t limit = LIMIT_PAGE_DEFAULT, after = 0;
	enum alert_state state = ALERT_OPEN;
	struct slice asked = query_get(&call->query, "state");
	if (!reader_number(call, "limit", 1, LIMIT_PAGE, &limit) || !reader_number(call, "after", 0, INT64_MAX, &after))
		return;
	if (slice_present(asked) && !alert_state_parse(asked, &state)) {
		reader_problem(call, 422, "validation", "state must be open, acknowledged or resolved");
		return;
	}
	struct store_request *request = store_request_new(STORE_ALERT_LIST, call->now);
	request->page = (struct store_page){.limit = (size_t)limit, .after = after, .descending = true};
	request->admin->alert_state = slice_present(asked) ? (int)state : -1;
	if (reader_ask(call, request)) {
		struct json_writer *writer = reader_write(call, 200);
		json_key(writer, "data");
		json_open(writer, '[');
		for (size_t i = 0; i < request->count; i++) {
			after = request->admin->alerts[i].id;
			if (is_seen(call, &request->admin->alerts[i]))
				put_alert(writer, &request->admin->alerts[i]);
		}
		json_close(writer);
		json_put_integer(writer, "iterator", after);
		json_put_bool(writer, "done", !request->more);
	}
	store_request_free(request);
}

static void
move(struct reader_call *call, enum alert_state state)
{
	int64_t id = 0;
	if (scope_restricted(&call->scope)) {
		reader_problem(call, 403, "insufficient access", "A token that does not see all moves no alerts.");
		return;
	}
	if (!slice_to_int64(call->params[0], &id) || id == 0) {
		reader_problem(call, 404, "not_found", "There is no such alert.");
		return;
	}
	char by[ID_TEXT_BYTES];
	struct store_request *request = store_request_new(STORE_ALERT_MOVE, call->now);
	request->admin->alert = (struct alert){
	    .id = id,
	    .state = state,
	    .by = arena_copy(&request->arena, slice_of(id_format(ID_TOKEN, call->token.id.value, by))),
	};
	enum error_code code = reader_change(call->reader, request);
	if (code == OK) {
		struct json_writer *writer = reader_write(call, 200);
		json_key(writer, "alert");
		put_alert(writer, &request->admin->alert);
	} else if (code == ERR_NOT_FOUND) {
		reader_problem(call, 404, "not_found", "There is no such alert.");
	} else {
		reader_problem(call, 503, "unavailable", "It cannot be written now; ask again later.");
	}
	store_request_free(request);
}

void
reader_alert_acknowledge(struct reader_call *call)
{
	move(call, ALERT_ACKNOWLEDGED);
}

void
reader_alert_resolve(struct reader_call *call)
{
	move(call, ALERT_RESOLVED);
}
