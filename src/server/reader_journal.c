/* The journal and what was refused, as the receiver's API shows them. */
#include "server/reader_call.h"

#include "base/encode.h"
#include "model/redaction.h"

enum { SCANNED_MAX = 20000, PAGE_ROWS = 250 };

static const char *
verdict_text(const struct store_journal_row *row)
{
	if (row->damaged)
		return "damaged";
	switch (row->verdict) {
	case JOURNAL_VERIFIED: return "verified";
	case JOURNAL_CONFLICT: return "conflict";
	case JOURNAL_RECONCILIATION: return "reconciliation";
	case JOURNAL_DUPLICATE: break;
	}
	UNREACHABLE();
}

static bool
is_json(struct slice body)
{
	struct json document;
	return json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) == OK;
}

/* The exact bytes are for whoever may see all of them. */
static void
put_body(struct reader_call *call, const struct store_journal_row *row)
{
	struct json_writer *writer = &call->writer;
	bool may = role_may_read(call->token.role, slice_present(row->type) ? row->type : SLICE(""));
	if (!may || !slice_present(row->body)) {
		json_key(writer, "payload");
		json_null(writer);
		json_put_cstring(writer, "withheld", may ? "no longer kept" : "role");
		return;
	}
	/* A receiver has no organisation whose redactions there are; compliance information is hidden everywhere (M7). */
	struct arena arena = ARENA_EMPTY;
	struct slice body = redaction_apply(row->body, redaction_of(SLICE_NONE, call->token.role, &arena), &arena);
	bool whole = call->scope.fields.count == 0 && slice_equal(body, row->body);
	struct buf text;
	buf_init(&text, 16 * LIMIT_BODY_BYTES);
	json_key(writer, "payload");
	if (call->scope.fields.count > 0)
		scope_project(&call->scope, body, &text);
	else if (is_json(body))
		buf_append(&text, body);
	else
		buf_text(&text, "null");
	json_raw(writer, buf_slice(&text));
	buf_clear(&text);
	if (whole) {
		base64_append(&text, row->body);
		json_put_string(writer, "body_base64", buf_slice(&text));
	}
	buf_free(&text);
	arena_free(&arena);
}

static void
put_row(struct reader_call *call, const struct store_journal_row *row, bool content)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer *writer = &call->writer;
	json_open(writer, '{');
	json_put_integer(writer, "seq", row->seq);
	json_put_string(writer, "id", row->event_id);
	json_put_string(writer, "type", row->type);
	json_put_string(writer, "source", row->source);
	json_put_cstring(writer, "verdict", verdict_text(row));
	json_put_cstring(writer, "received_at", time_format(row->received, 6, time));
	/* A digest of what may not be seen would tell whether a guess of it is right. */
	if (call->scope.fields.count == 0)
		out_digest(writer, "body_sha256", (struct slice){(const char *)row->body_sha256, SHA256_BYTES});
	if (content)
		put_body(call, row);
	json_close(writer);
}

static bool
is_seen(const struct reader_call *call, const struct store_journal_row *row)
{
	return scope_has_source(&call->scope, row->source) && scope_has_type(&call->scope, row->type);
}

struct listing {
	int64_t limit, after, next;
	struct slice source, type; /* absent: all */
	bool content, done;
};

/* One page of the store. False: answered. */
static bool
list_page(struct reader_call *call, struct listing *listing, int64_t *count)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_LIST, call->now);
	request->page = (struct store_page){.limit = PAGE_ROWS, .after = listing->next};
	request->with_bodies = listing->content;
	bool good = reader_ask(call, request);
	listing->done = good && !request->more;
	for (size_t i = 0; good && i < request->count; i++) {
		const struct store_journal_row *row = &request->journal_rows[i];
		if (*count == listing->limit) {
			listing->done = false;
			break;
		}
		listing->next = row->seq;
		if (!is_seen(call, row) ||
		    (slice_present(listing->source) && !slice_equal(row->source, listing->source)) ||
		    (slice_present(listing->type) && !slice_equal(row->type, listing->type)))
			continue;
		put_row(call, row, listing->content);
		++*count;
	}
	store_request_free(request);
	return good;
}

void
reader_journal_list(struct reader_call *call)
{
	struct listing listing = {.limit = LIMIT_PAGE_DEFAULT,
	    .source = query_get(&call->query, "source"),
	    .type = query_get(&call->query, "type")};
	struct error error = ERROR_NONE;
	if (!reader_number(call, "limit", 1, LIMIT_PAGE, &listing.limit) ||
	    !reader_number(call, "after", 0, INT64_MAX, &listing.after))
		return;
	if (query_bool(&call->query, "with_content", &listing.content, &error) != OK) {
		reader_problem(call, 422, "validation", "%s", error.text);
		return;
	}
	listing.next = listing.after;
	struct json_writer *writer = reader_write(call, 200);
	json_key(writer, "data");
	json_open(writer, '[');
	int64_t count = 0, begun = listing.next;
	/* A page may hold few rows or none of those that are seen: so many are looked at, and the iterator goes on. */
	while (!listing.done && count < listing.limit && listing.next - begun < SCANNED_MAX)
		if (!list_page(call, &listing, &count))
			return;
	json_close(writer);
	json_put_integer(writer, "iterator", listing.next);
	json_put_bool(writer, "done", listing.done);
}

void
reader_journal_show(struct reader_call *call)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_GET, call->now);
	request->admin->journal_query =
	    (struct store_journal_query){call->params[0], query_get(&call->query, "source")};
	request->with_bodies = true;
	request->page.limit = LIMIT_PAGE;
	if (reader_ask(call, request)) {
		size_t shown = 0;
		struct json_writer *writer = reader_write(call, 200);
		json_key(writer, "data");
		json_open(writer, '[');
		for (size_t i = 0; i < request->count; i++)
			if (is_seen(call, &request->journal_rows[i]) && ++shown > 0)
				put_row(call, &request->journal_rows[i], true);
		json_close(writer);
		json_put_bool(writer, "done", !request->more);
		if (shown == 0)
			reader_problem(call, 404, "not_found", "There is no such event in the journal.");
	}
	store_request_free(request);
}

/* --- refused ------------------------------------------------------------------------------------------ */

static void
put_refused(struct reader_call *call, const struct store_refused_row *row, enum store_refused_kind kind)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer *writer = &call->writer;
	json_open(writer, '{');
	json_put_integer(writer, "id", row->id);
	json_put_string(writer, "source", row->source);
	json_put_string(writer, "reason", row->reason);
	json_put_string(writer, "claimed_id", row->claimed);
	json_put_string(writer, "detail", row->detail);
	json_put_cstring(writer, "first_at", time_format(row->first, 6, time));
	json_put_cstring(writer, "last_at", time_format(row->last, 6, time));
	json_put_integer(writer, "count", row->count);
	if (kind == STORE_REFUSED_ROWS)
		out_digest(writer, "body_sha256", (struct slice){(const char *)row->body_sha256, SHA256_BYTES});
	json_close(writer);
}

static bool
read_kind(struct reader_call *call, enum store_refused_kind *kind)
{
	struct slice text = query_get(&call->query, "kind");
	if (!slice_present(text) || slice_is(text, "rows"))
		*kind = STORE_REFUSED_ROWS;
	else if (slice_is(text, "totals"))
		*kind = STORE_REFUSED_TOTALS;
	else if (slice_is(text, "claims"))
		*kind = STORE_REFUSED_CLAIMS;
	else
		reader_problem(call, 422, "validation", "kind must be rows, totals or claims");
	return call->status == 0;
}

void
reader_refused(struct reader_call *call)
{
	int64_t limit = LIMIT_PAGE_DEFAULT, after = 0;
	enum store_refused_kind kind = STORE_REFUSED_ROWS;
	if (!reader_number(call, "limit", 1, LIMIT_PAGE, &limit) ||
	    !reader_number(call, "after", 0, INT64_MAX, &after) || !read_kind(call, &kind))
		return;
	struct store_request *request = store_request_new(STORE_REFUSED_LIST, call->now);
	request->admin->refused_kind = kind;
	request->page = (struct store_page){.limit = (size_t)limit, .after = after};
	if (reader_ask(call, request)) {
		struct json_writer *writer = reader_write(call, 200);
		json_key(writer, "data");
		json_open(writer, '[');
		for (size_t i = 0; i < request->count; i++) {
			after = request->admin->refused_rows[i].id;
			if (scope_has_source(&call->scope, request->admin->refused_rows[i].source))
				put_refused(call, &request->admin->refused_rows[i], kind);
		}
		json_close(writer);
		json_put_integer(writer, "iterator", after);
		json_put_bool(writer, "done", !request->more);
	}
	store_request_free(request);
}
