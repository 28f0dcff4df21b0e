/* Breaks of the reconciliation: listed, shown, moved by whom their token names; and the runs that found them. What a move is
 * and who may confirm it is decided by the store (break.h), as for `vaultbell breaks move`; a token is the same person there
 * and here. A break shows what all sources say, so a token that is restricted sees none. */
#include "server/reader_call.h"

#include "store/break.h"

enum { ROWS_LOOKED_AT = 2000 };

/* False: answered. */
static bool
sees_breaks(struct reader_call *call)
{
	if (!scope_restricted(&call->scope))
		return true;
	reader_problem(call, 403, "insufficient access",
	    "The token is restricted to some sources, types or fields, and a break shows what all of them say.");
	return false;
}

/* --- list --------------------------------------------------------------------------------------------- */

struct listing {
	int64_t limit, after;
	unsigned states;
	struct slice class; /* absent: any */
	bool descending;
};

static bool
read_listing(struct reader_call *call, struct listing *listing)
{
	struct error error = ERROR_NONE;
	struct slice state = query_get(&call->query, "state"), order = query_get(&call->query, "order");
	*listing = (struct listing){.limit = LIMIT_PAGE_DEFAULT, .class = query_get(&call->query, "class")};
	listing->descending = slice_present(order) && slice_is(order, "descending");
	if (!reader_number(call, "limit", 1, LIMIT_PAGE, &listing->limit) ||
	    !reader_number(call, "after", 0, INT64_MAX, &listing->after))
		return false;
	if (slice_present(order) && !listing->descending && !slice_is(order, "ascending")) {
		reader_problem(call, 422, "validation", "order must be ascending or descending");
		return false;
	}
	if (!slice_present(state))
		state = SLICE("open,investigating");
	if (break_states_parse(state, "state", &listing->states, &error) == OK)
		return true;
	reader_problem(call, 422, "validation", "%s", error.text);
	return false;
}

/* One page of the store. False: answered. */
static bool
list_page(struct reader_call *call, struct listing *listing, int64_t *count, bool *done)
{
	struct store_request *request = store_request_new(STORE_BREAK_LIST, call->now);
	request->admin->break_states = listing->states;
	request->page =
	    (struct store_page){.limit = LIMIT_PAGE, .after = listing->after, .descending = listing->descending};
	bool good = reader_ask(call, request);
	*done = good && !request->more;
	for (size_t i = 0; good && i < request->count; i++) {
		const struct store_break *row = &request->admin->breaks[i];
		if (*count == listing->limit) {
			*done = false;
			break;
		}
		listing->after = row->number;
		if (slice_present(listing->class) && !slice_equal(listing->class, row->class))
			continue;
		json_open(&call->writer, '{');
		break_put(&call->writer, row, call->now);
		json_close(&call->writer);
		++*count;
	}
	store_request_free(request);
	return good;
}

void
reader_breaks(struct reader_call *call)
{
	struct listing listing;
	if (!sees_breaks(call) || !read_listing(call, &listing))
		return;
	struct json_writer *writer = reader_write(call, 200);
	json_key(writer, "data");
	json_open(writer, '[');
	int64_t count = 0;
	bool done = false;
	/* Where a class fits few, a page ends after so many that were looked at, and the iterator leads on. */
	for (int64_t looked = 0; !done && count < listing.limit && looked < ROWS_LOOKED_AT; looked += LIMIT_PAGE)
		if (!list_page(call, &listing, &count, &done))
			return;
	json_close(writer);
	json_put_integer(writer, "iterator", listing.after);
	json_put_bool(writer, "done", done);
}

/* --- one ---------------------------------------------------------------------------------------------- */

void
reader_break_show(struct reader_call *call)
{
	if (!sees_breaks(call))
		return;
	struct store_request *request = store_request_new(STORE_BREAK_GET, call->now);
	request->admin->break_id = call->params[0];
	if (reader_ask(call, request)) {
		struct json_writer *writer = reader_write(call, 200);
		break_put(writer, &request->admin->breaks[0], call->now);
		break_put_history(writer, request->admin->break_moves, request->admin->break_move_count);
	}
	store_request_free(request);
}

static struct slice
text_of(struct reader_call *call, struct json object, const char *name)
{
	struct json member = json_member(object, name);
	return json_present(member) && member.type == JSON_STRING ? json_text(&call->arena, member) : SLICE_NONE;
}

/* False: answered. */
static bool
read_wish(struct reader_call *call, struct store_request *request)
{
	struct json body;
	struct error error = ERROR_NONE;
	if (json_parse(call->body, LIMIT_JSON_DEPTH, &body, NULL) != OK || body.type != JSON_OBJECT) {
		reader_problem(call, 400, "generic_error",
		    "The body is no JSON object: expected {\"to\": \"investigating\", \"reason\": \"…\"}.");
		return false;
	}
	struct slice to = text_of(call, body, "to"), reason = text_of(call, body, "reason");
	request->admin->break_id = call->params[0];
	request->admin->break_reason = slice_present(reason) ? slice_trim(reason) : SLICE_NONE;
	if (break_wish_parse(slice_present(to) ? to : SLICE(""), request->admin->break_reason, "",
		&request->admin->break_to, &error) == OK)
		return true;
	reader_problem(call, 422, "validation", "%s", error.text);
	return false;
}

static void
answer_moved(struct reader_call *call, const struct store_request *request, enum error_code code)
{
	if (code == OK)
		break_put(reader_write(call, 200), &request->admin->breaks[0], call->now);
	else if (code == ERR_NOT_FOUND)
		reader_problem(call, 404, "not_found", "There is no such break.");
	else if (code == ERR_FORBIDDEN)
		reader_problem(call, 403, "second_person", "%s", request->error.text);
	else if (code == ERR_CONFLICT)
		reader_problem(call, 409, "conflict", "%s", request->error.text);
	else
		reader_problem(call, 503, "unavailable", "It cannot be written now; ask again later.");
}

void
reader_break_move(struct reader_call *call)
{
	char by[ID_TEXT_BYTES];
	if (!sees_breaks(call))
		return;
	struct store_request *request = store_request_new(STORE_BREAK_MOVE, call->now);
	if (read_wish(call, request)) {
		request->admin->break_actor =
		    arena_copy(&request->arena, slice_of(id_format(ID_TOKEN, call->token.id.value, by)));
		request->actor =
		    (struct store_actor){.present = true, .token = call->token.id, .role = call->token.role};
		answer_moved(call, request, reader_change(call->reader, request));
	}
	store_request_free(request);
}

/* --- runs --------------------------------------------------------------------------------------------- */

void
reader_runs(struct reader_call *call)
{
	int64_t limit = LIMIT_PAGE_DEFAULT, after = 0;
	if (!sees_breaks(call) || !reader_number(call, "limit", 1, LIMIT_PAGE, &limit) ||
	    !reader_number(call, "after", 0, INT64_MAX, &after))
		return;
	struct store_request *request = store_request_new(STORE_BREAK_RUN_LIST, call->now);
	request->page = (struct store_page){.limit = (size_t)limit, .after = after, .descending = true};
	if (reader_ask(call, request)) {
		struct json_writer *writer = reader_write(call, 200);
		json_key(writer, "data");
		json_open(writer, '[');
		for (size_t i = 0; i < request->count; i++) {
			after = request->admin->break_runs[i].run;
			json_open(writer, '{');
			break_put_run(writer, &request->admin->break_runs[i]);
			json_close(writer);
		}
		json_close(writer);
		json_put_integer(writer, "iterator", after);
		json_put_bool(writer, "done", !request->more);
	}
	store_request_free(request);
}
