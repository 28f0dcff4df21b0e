/* The routes of the receiver's API: the one table from which requests are dispatched, 405 is answered and the interface is
 * described (reader_openapi.c). */
#include "server/reader_call.h"

#include "base/encode.h"

static void
health(struct reader_call *call)
{
	json_put_cstring(reader_write(call, 200), "status", "ok");
}

static const struct reader_route routes[] = {
    {"GET", "health", PERMISSION_NONE, health, "health", "Whether the receiver is ready.", NULL, "Health", 0},
    {"GET", "openapi.json", PERMISSION_NONE, reader_openapi, "openapi", "This description.", NULL, "OpenApi", 0},
    {"GET", "journal", PERMISSION_JOURNAL_READ, reader_journal_list, "list-journal",
	"The journal by rising seq; a page may be empty before the end.", NULL, "JournalPage",
	READER_QUERY_PAGE | READER_QUERY_JOURNAL},
    {"GET", "journal/{event_id}", PERMISSION_JOURNAL_READ, reader_journal_show, "get-journal",
	"Everything under an event id, with bodies.", NULL, "JournalOf", READER_QUERY_SOURCE},
    {"GET", "refused", PERMISSION_REFUSED_READ, reader_refused, "list-refused", "What was refused, and why.", NULL,
	"RefusedPage", READER_QUERY_PAGE | READER_QUERY_REFUSED},
    {"GET", "track/{kind}", PERMISSION_JOURNAL_READ, reader_track_list, "list-tracked",
	"Where all transactions, approvals, cases or endpoints stand, in the order in which they were heard of first.",
	NULL, "TrackPage", READER_QUERY_PAGE | READER_QUERY_TRACK},
    {"GET", "track/{kind}/{id}", PERMISSION_JOURNAL_READ, reader_track, "get-tracked",
	"Where one of them stands, and how it came there.", NULL, "Tracked", 0},
    {"GET", "alerts", PERMISSION_ALERT_READ, reader_alerts, "list-alerts", "Alerts, the newest first.", NULL,
	"AlertPage", READER_QUERY_PAGE | READER_QUERY_ALERTS},
    {"POST", "alerts/{alert_id}/acknowledge", PERMISSION_ALERT_MOVE, reader_alert_acknowledge, "acknowledge-alert",
	"Somebody looks after it.", NULL, "AlertMoved", 0},
    {"POST", "alerts/{alert_id}/resolve", PERMISSION_ALERT_MOVE, reader_alert_resolve, "resolve-alert", "It is over.",
	NULL, "AlertMoved", 0},
    {"GET", "breaks", PERMISSION_BREAK_READ, reader_breaks, "list-breaks",
	"Breaks that the reconciliation found, in the order in which they were found first.", NULL, "BreakPage",
	READER_QUERY_PAGE | READER_QUERY_BREAKS},
    {"GET", "breaks/{break_id}", PERMISSION_BREAK_READ, reader_break_show, "get-break",
	"A break, what each source says, and its history.", NULL, "BreakWithHistory", 0},
    {"POST", "breaks/{break_id}/move", PERMISSION_BREAK_MOVE, reader_break_move, "move-break",
	"Says what becomes of a break. adjusted and written_off take two persons: the first call proposes, the same by "
	"another "
	"token confirms.",
	"BreakMove", "Break", 0},
    {"GET", "runs", PERMISSION_BREAK_READ, reader_runs, "list-runs",
	"The runs of the reconciliation that looked at everything, the newest first.", NULL, "RunPage",
	READER_QUERY_PAGE},
};

size_t
reader_route_count(void)
{
	return COUNT_OF(routes);
}

const struct reader_route *
reader_route_at(size_t at)
{
	return &routes[at];
}

static bool
fits(const char *pattern, const struct slice *segments, size_t count, struct reader_call *call)
{
	struct slice rest = slice_of(pattern);
	call->param_count = 0;
	size_t i = 0;
	for (; slice_present(rest); i++) {
		struct slice part = slice_cut(&rest, '/');
		if (i >= count)
			return false;
		if (part.ptr[0] == '{')
			call->params[call->param_count++] = segments[i];
		else if (!slice_equal(part, segments[i]))
			return false;
	}
	return i == count;
}

const struct reader_route *
reader_route_find(struct reader_call *call)
{
	struct slice segments[READER_SEGMENTS_MAX], rest = slice_skip(call->path, strlen("/api/v1/"));
	size_t count = 0;
	for (; slice_present(rest); count++) {
		if (count == READER_SEGMENTS_MAX)
			return NULL;
		segments[count] = percent_decode(&call->arena, slice_cut(&rest, '/'), false);
		if (segments[count].len == 0)
			return NULL;
	}
	const char *method = slice_is(call->method, "HEAD") ? "GET" : call->method.ptr;
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (!fits(routes[i].pattern, segments, count, call))
			continue;
		if (strcmp(routes[i].method, method) == 0)
			return &routes[i];
		call->allow = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
	}
	return NULL;
}
