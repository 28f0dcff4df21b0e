#include "store/alert.h"

#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const kind_names[ALERT_KIND_COUNT] = {
    [ALERT_CONFLICT] = "conflict",
    [ALERT_GAP] = "gap",
    [ALERT_STUCK] = "stuck",
    [ALERT_KEYS] = "keys",
    [ALERT_BREAK] = "break",
    [ALERT_RECORDS] = "records",
    [ALERT_MANIFEST] = "manifest",
    [ALERT_SILENCE] = "silence",
    [ALERT_DELIVERY] = "delivery",
    [ALERT_EXHAUSTED] = "exhausted",
    [ALERT_JOURNAL] = "journal",
};

static const char *const severity_names[ALERT_SEVERITY_COUNT] = {
    [ALERT_INFO] = "info",
    [ALERT_WARNING] = "warning",
    [ALERT_CRITICAL] = "critical",
};

static const char *const state_names[ALERT_STATE_COUNT] = {
    [ALERT_OPEN] = "open",
    [ALERT_ACKNOWLEDGED] = "acknowledged",
    [ALERT_RESOLVED] = "resolved",
};

const char *
alert_kind_name(enum alert_kind kind)
{
	ENSURE(kind < ALERT_KIND_COUNT);
	return kind_names[kind];
}

const char *
alert_severity_name(enum alert_severity severity)
{
	ENSURE(severity < ALERT_SEVERITY_COUNT);
	return severity_names[severity];
}

const char *
alert_state_name(enum alert_state state)
{
	ENSURE(state < ALERT_STATE_COUNT);
	return state_names[state];
}

bool
alert_kind_parse(struct slice name, enum alert_kind *out)
{
	for (int i = 0; i < ALERT_KIND_COUNT; i++)
		if (slice_is(name, kind_names[i])) {
			*out = (enum alert_kind)i;
			return true;
		}
	return false;
}

bool
alert_state_parse(struct slice name, enum alert_state *out)
{
	for (int i = 0; i < ALERT_STATE_COUNT; i++)
		if (slice_is(name, state_names[i])) {
			*out = (enum alert_state)i;
			return true;
		}
	return false;
}

/* --- requests ----------------------------------------------------------------------------------------- */

/* Cut, and of visible ASCII and spaces: it is shown in terminals and sent to chats. */
static struct slice
clean(struct arena *arena, struct slice text)
{
	text.len = text.len > ALERT_TEXT_BYTES ? ALERT_TEXT_BYTES : text.len;
	char *copy = arena_string(arena, text);
	for (size_t i = 0; i < text.len; i++)
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	return (struct slice){copy, text.len};
}

struct store_request *
alert_raise(
    enum alert_kind kind, enum alert_severity severity, struct wall_time now, struct slice key, const char *format, ...)
{
	char summary[ALERT_TEXT_BYTES + 1];
	va_list args;
	va_start(args, format);
	vsnprintf(summary, sizeof summary, format, args);
	va_end(args);
	struct store_request *request = store_request_new(STORE_ALERT_RAISE, now);
	request->admin->alert = (struct alert){
	    .kind = kind,
	    .severity = severity,
	    .key = clean(&request->arena, key),
	    .summary = clean(&request->arena, slice_of(summary)),
	};
	return request;
}

struct store_request *
alert_resolve(enum alert_kind kind, struct wall_time now, struct slice key)
{
	struct store_request *request = store_request_new(STORE_ALERT_MOVE, now);
	request->admin->alert =
	    (struct alert){.kind = kind, .state = ALERT_RESOLVED, .key = clean(&request->arena, key)};
	return request;
}

/* --- rows --------------------------------------------------------------------------------------------- */

struct alert
alert_row_new(const struct alert *raised, int64_t id, struct wall_time now)
{
	return (struct alert){
	    .id = id,
	    .kind = raised->kind,
	    .severity = raised->severity,
	    .state = ALERT_OPEN,
	    .key = raised->key,
	    .summary = raised->summary,
	    .first = now,
	    .last = now,
	    .changed = now,
	    .count = 1,
	    .revision = 1,
	};
}

bool
alert_row_raise(struct alert *row, const struct alert *raised, struct wall_time now)
{
	if (row->state == ALERT_RESOLVED) {
		struct alert fresh = alert_row_new(raised, row->id, now);
		fresh.revision = row->revision + 1;
		*row = fresh;
		return true;
	}
	row->revision += raised->severity > row->severity;
	row->severity = raised->severity;
	row->summary = raised->summary;
	row->last = now;
	row->count++;
	return true;
}

bool
alert_row_move(struct alert *row, enum alert_state state, struct slice by, struct wall_time now)
{
	static const bool moves[ALERT_STATE_COUNT][ALERT_STATE_COUNT] = {
	    [ALERT_OPEN] = {[ALERT_ACKNOWLEDGED] = true, [ALERT_RESOLVED] = true},
	    [ALERT_ACKNOWLEDGED] = {[ALERT_RESOLVED] = true},
	};
	if (!moves[row->state][state])
		return false;
	row->state = state;
	row->by = by;
	row->changed = now;
	row->revision += state == ALERT_RESOLVED;
	return true;
}

struct alert
alert_copy(struct arena *arena, const struct alert *alert)
{
	struct alert copy = *alert;
	copy.key = arena_copy(arena, alert->key);
	copy.summary = arena_copy(arena, alert->summary);
	copy.by = arena_copy(arena, alert->by);
	return copy;
}

struct alert
alert_of_conflict(struct arena *arena, struct slice source, struct slice event_id, int64_t seq)
{
	return (struct alert){
	    .kind = ALERT_CONFLICT,
	    .severity = ALERT_CRITICAL,
	    .key = clean(arena, arena_printf(arena, "%.*s/%.*s", SLICE_ARG(source), SLICE_ARG(event_id))),
	    .summary =
		arena_printf(arena, "another body came under a known event id; see journal seq %lld", (long long)seq),
	};
}
