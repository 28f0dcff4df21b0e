#include "records/sender.h"

#include "records/exchange.h"
#include "records/value.h"

#include <inttypes.h>

enum { FEED_ROWS = 250, UNKNOWN_MAX = 1000000 };

struct asking {
	struct records_source *source;
	struct mapping mapping;
	struct exchange exchange;
	struct slice root, endpoint; /* the URL of the organisation; the endpoint, as a segment of a path */
	struct arena arena;
};

static enum error_code
begin(struct asking *asking, struct records_source *source, struct error *error)
{
	*asking = (struct asking){.source = source};
	if (source->kind != RECORDS_VAULTBELL || source->endpoint == NULL)
		return error_set(error, ERR_INVALID,
		    "%s: records %s: expected a vaultbell source with an endpoint, which can be asked for a replay",
		    source->origin, source->name);
	asking->mapping = (struct mapping){
	    .file = source->origin,
	    .headers = {{SLICE("authorization"), SLICE("Bearer ${token}")}},
	    .header_count = 1,
	    .timeout_ms = 60000,
	    .retries = 6,
	};
	struct slice organisation = exchange_encode(slice_of(source->organisation), &asking->arena);
	asking->endpoint = exchange_encode(slice_of(source->endpoint), &asking->arena);
	asking->root = arena_printf(&asking->arena, "%s/api/v1/app/%.*s", source->url, SLICE_ARG(organisation));
	return exchange_init(&asking->exchange, source, &asking->mapping, error);
}

static void
end(struct asking *asking)
{
	exchange_fini(&asking->exchange);
	arena_free(&asking->arena);
}

void
sender_events_free(struct sender_events *events)
{
	arena_free(&events->arena);
	*events = (struct sender_events){.looked_at = 0};
}

static void
add_unknown(struct sender_events *out, struct slice id)
{
	size_t count = out->ids.count;
	if ((count & (count - 1)) == 0) {
		struct slice *items = arena_alloc(&out->arena, (count == 0 ? 1 : count * 2) * sizeof items[0]);
		if (count > 0)
			memcpy(items, out->ids.items, count * sizeof items[0]);
		out->ids.items = items;
	}
	out->ids.items[out->ids.count++] = arena_copy(&out->arena, id);
}

/* One event of the feed; false: it lies behind the last number. */
static bool
take_event(
    struct json event, int64_t last, sender_known *known, void *context, struct arena *arena, struct sender_events *out)
{
	int64_t sequence;
	struct json number = json_member(event, "sequence"), absent = json_member(event, "absent");
	if (!json_present(number) || number.type != JSON_NUMBER || !json_int64(number, &sequence))
		return true;
	if (last > 0 && sequence > last)
		return false;
	struct slice id = value_text(json_member(event, "id"), arena);
	out->looked_at++;
	if (id.len == 0 || known(context, id))
		return true;
	if (json_present(absent) && absent.type == JSON_STRING && json_text_is(absent, SLICE("expunged")))
		out->gone++;
	else
		add_unknown(out, id);
	return true;
}

static enum error_code
take_page(struct asking *asking, struct json root, int64_t *after, int64_t last, sender_known *known, void *context,
    struct sender_events *out, bool *more, struct error *error)
{
	struct json data = root.type == JSON_OBJECT ? json_member(root, "data") : JSON_ABSENT;
	struct json next = root.type == JSON_OBJECT ? json_member(root, "next") : JSON_ABSENT;
	struct json done = root.type == JSON_OBJECT ? json_member(root, "done") : JSON_ABSENT;
	int64_t to;
	if (!json_present(data) || data.type != JSON_ARRAY || !json_present(next) || next.type != JSON_NUMBER ||
	    !json_int64(next, &to) || !json_present(done))
		return error_set(error, ERR_UNAVAILABLE, "%s: the answer is no feed; expected a Vaultbell sender",
		    asking->source->name);
	struct json_iterator events = json_iterate(data);
	struct json key, event;
	*more = done.type != JSON_TRUE && to > *after && (last == 0 || to < last);
	while (json_next(&events, &key, &event))
		if (event.type == JSON_OBJECT && !take_event(event, last, known, context, &asking->arena, out))
			*more = false;
	*after = to;
	if (out->ids.count > UNKNOWN_MAX)
		return error_set(error, ERR_LIMIT,
		    "%s: more than %d events did not come; expected a journal that is not new", asking->source->name,
		    UNKNOWN_MAX);
	return OK;
}

enum error_code
sender_find_unknown(struct records_source *source, int64_t first, int64_t last, sender_known *known, void *context,
    struct sender_events *out, struct error *error)
{
	struct asking asking;
	enum error_code code = begin(&asking, source, error);
	int64_t after = first > 0 ? first - 1 : 0;
	for (bool more = true; code == OK && more;) {
		struct arena turn = ARENA_EMPTY;
		struct json root;
		struct slice link;
		struct exchange_request request = {
		    .method = "GET",
		    .url = arena_printf(&turn, "%.*s/endpoint/%.*s/events?after=%" PRId64 "&limit=%d&signatures=false",
			SLICE_ARG(asking.root), SLICE_ARG(asking.endpoint), after, FEED_ROWS),
		};
		code = exchange_ask(&asking.exchange, &request, &turn, &root, &link, error);
		if (code == OK)
			code = take_page(&asking, root, &after, last, known, context, out, &more, error);
		arena_free(&turn);
	}
	end(&asking);
	return code;
}

enum error_code
sender_replay(struct records_source *source, const struct slice_list *ids, struct error *error)
{
	struct asking asking;
	enum error_code code = begin(&asking, source, error);
	for (size_t i = 0; code == OK && i < ids->count; i++) {
		struct arena turn = ARENA_EMPTY;
		struct json root;
		struct slice link;
		struct slice id = exchange_encode(ids->items[i], &turn);
		struct exchange_request request = {
		    .method = "POST",
		    .url = arena_printf(&turn, "%.*s/msg/%.*s/endpoint/%.*s/resend", SLICE_ARG(asking.root),
			SLICE_ARG(id), SLICE_ARG(asking.endpoint)),
		    .body = SLICE("{}"),
		};
		code = exchange_ask(&asking.exchange, &request, &turn, &root, &link, error);
		arena_free(&turn);
	}
	end(&asking);
	return code == OK ? OK : error_wrap(error, "a replay");
}
