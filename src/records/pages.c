/* The pages of a list: how each is asked for, where the next one begins, and what may not be believed of it. */
#include "records/exchange.h"
#include "records/value.h"
#include "transport/url.h"

#include <inttypes.h>

enum { PAGES_MAX = 10000000, CURSOR_BYTES_MAX = 16384 };

struct walk {
	struct exchange *exchange;
	const struct mapping_list *list;
	struct slice cursor; /* of the next page; absent: the first */
	struct slice url;    /* of the next page, where the answer said it whole */
	int64_t offset;
	unsigned char seen[SHA256_BYTES]; /* of the page before, by offset */
	uint64_t page;
	struct arena kept, turn; /* what outlives the page that said it, and what does not */
};

/* --- asking ----------------------------------------------------------------------------------------- */

static struct slice
with_parameter(struct slice url, struct slice name, struct slice value, struct arena *arena)
{
	bool has_query = memchr(url.ptr, '?', url.len) != NULL;
	struct slice encoded = exchange_encode(value, arena), key = exchange_encode(name, arena);
	return arena_printf(
	    arena, "%.*s%c%.*s=%.*s", SLICE_ARG(url), has_query ? '&' : '?', SLICE_ARG(key), SLICE_ARG(encoded));
}

/* The members of the template, and those of paging behind them. */
static struct slice
body_of(const struct mapping_list *list, const struct http_header *more, size_t more_count, struct arena *arena)
{
	struct buf out;
	struct json_writer writer;
	buf_init(&out, (size_t)1 << 20);
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	if (slice_present(list->query)) {
		json_put_string(&writer, "query", list->query);
		json_key(&writer, "variables");
		json_open(&writer, '{');
	}
	struct json template, key, value;
	if (json_parse(list->body, RECORDS_DEPTH_MAX, &template, NULL) == OK) {
		struct json_iterator members = json_iterate(template);
		while (json_next(&members, &key, &value)) {
			json_key_slice(&writer, json_text(arena, key));
			json_raw(&writer, value.raw);
		}
	}
	for (size_t i = 0; i < more_count; i++) {
		int64_t number;
		json_key_slice(&writer, more[i].name);
		if (list->paging == PAGING_OFFSET && slice_to_int64(more[i].value, &number))
			json_integer(&writer, number);
		else
			json_string(&writer, more[i].value);
	}
	if (slice_present(list->query))
		json_close(&writer);
	json_close(&writer);
	struct slice body = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return body;
}

static struct exchange_request
request_of(struct walk *walk)
{
	const struct mapping_list *list = walk->list;
	struct arena *arena = &walk->turn;
	struct http_header more[2];
	size_t count = 0;
	if (list->paging == PAGING_CURSOR && slice_present(walk->cursor))
		more[count++] = (struct http_header){list->parameter, walk->cursor};
	if (list->paging == PAGING_OFFSET)
		more[count++] = (struct http_header){list->parameter, arena_printf(arena, "%" PRId64, walk->offset)};
	if (slice_present(list->size_parameter) && list->size > 0 && !slice_present(walk->url))
		more[count++] = (struct http_header){list->size_parameter, arena_printf(arena, "%" PRId64, list->size)};
	struct exchange_request request = {.method = arena_string(arena, list->method), .url = walk->url};
	if (!slice_present(request.url))
		request.url = arena_printf(arena, "%s%.*s", walk->exchange->source->url, SLICE_ARG(list->path));
	if (slice_present(list->body))
		request.body = body_of(list, more, count, arena);
	for (size_t i = 0; !slice_present(list->body) && i < count; i++)
		request.url = with_parameter(request.url, more[i].name, more[i].value, arena);
	return request;
}

/* --- where it goes on ------------------------------------------------------------------------------- */

/* A token goes to no other server than the one that it was given for. */
static enum error_code
take_url(struct walk *walk, struct slice text, struct error *error)
{
	struct url base, next;
	const char *name = walk->exchange->source->name;
	struct slice root = slice_of(walk->exchange->source->url);
	if (url_split(root, &base) != NULL)
		return error_set(error, ERR_INVALID, "%s: expected an absolute URL of a source", name);
	if (text.len > 0 && text.ptr[0] == '/' && !slice_starts(text, SLICE("//")))
		text =
		    arena_printf(&walk->kept, "%.*s%.*s", (int)(base.target.ptr - root.ptr), root.ptr, SLICE_ARG(text));
	if (text.len > CURSOR_BYTES_MAX || url_split(text, &next) != NULL || next.tls != base.tls ||
	    next.port != base.port || !slice_equal_nocase(next.host, base.host))
		return error_set(error, ERR_INVALID,
		    "%s: the URL of the next page leads to another server, or nowhere; expected one of the same", name);
	if (slice_equal(text, walk->url))
		return error_set(
		    error, ERR_INVALID, "%s: page %" PRIu64 " says that the next one is itself", name, walk->page);
	walk->url = arena_copy(&walk->kept, text);
	return OK;
}

/* `<URL>; rel="next"` among the links; absent when there is none. */
static struct slice
next_link(struct slice link)
{
	while (slice_present(link) && link.len > 0) {
		const char *open = memchr(link.ptr, '<', link.len);
		const char *close = open == NULL ? NULL : memchr(open, '>', link.len - (size_t)(open - link.ptr));
		if (close == NULL)
			return SLICE_NONE;
		struct slice url = {open + 1, (size_t)(close - open - 1)};
		link = slice_skip(link, (size_t)(close - link.ptr) + 1);
		const char *end = memchr(link.ptr, '<', link.len);
		struct slice said = {link.ptr, end == NULL ? link.len : (size_t)(end - link.ptr)};
		if (memmem(said.ptr, said.len, "rel=\"next\"", 10) != NULL ||
		    memmem(said.ptr, said.len, "rel=next", 8) != NULL)
			return url;
		link = slice_skip(link, said.len);
	}
	return SLICE_NONE;
}

static enum error_code
take_cursor(struct walk *walk, struct slice cursor, struct error *error)
{
	if (cursor.len > CURSOR_BYTES_MAX || (slice_present(walk->cursor) && slice_equal(cursor, walk->cursor)))
		return error_set(error, ERR_INVALID,
		    "%s: page %" PRIu64 " says that the next one is itself; expected a cursor that moves on",
		    walk->exchange->source->name, walk->page);
	walk->cursor = arena_copy(&walk->kept, cursor);
	return OK;
}

/* Only an empty page is the last one: a server may give fewer items than it was asked for. */
static enum error_code
take_offset(struct walk *walk, struct json items, bool more, struct error *error)
{
	unsigned char seen[SHA256_BYTES];
	sha256(items.raw, seen);
	if (walk->page > 1 && more && memcmp(seen, walk->seen, sizeof seen) == 0)
		return error_set(error, ERR_INVALID,
		    "%s: page %" PRIu64 " has what the one before it had; expected one that begins at the offset",
		    walk->exchange->source->name, walk->page);
	memcpy(walk->seen, seen, sizeof seen);
	walk->offset += (int64_t)json_count(items);
	return OK;
}

static enum error_code
go_on(struct walk *walk, struct json root, struct slice link, struct json items, bool *more, struct error *error)
{
	const struct mapping_list *list = walk->list;
	struct slice next;
	*more = false;
	/* What the last page said may not outgrow memory with the number of pages. */
	struct arena old = walk->kept;
	walk->kept = ARENA_EMPTY;
	struct slice done = value_text(value_at(root, &list->done), &walk->turn);
	bool ended = slice_present(list->done.text) && slice_is(done, "true");
	enum error_code code = OK;
	switch (list->paging) {
	case PAGING_NONE: break;
	case PAGING_OFFSET:
		*more = !ended && json_count(items) > 0;
		code = take_offset(walk, items, *more, error);
		break;
	case PAGING_CURSOR:
		next = value_text(value_at(root, &list->next), &walk->turn);
		*more = !ended && next.len > 0;
		code = *more ? take_cursor(walk, next, error) : OK;
		break;
	case PAGING_LINK:
	case PAGING_URL:
		next = list->paging == PAGING_LINK ? next_link(link)
						   : value_text(value_at(root, &list->next), &walk->turn);
		*more = !ended && next.len > 0;
		code = *more ? take_url(walk, next, error) : OK;
		break;
	}
	arena_free(&old);
	return code;
}

/* --- all of it -------------------------------------------------------------------------------------- */

/* GraphQL answers 200 with what went wrong; its text may hold anything, so only its kind is repeated. */
static enum error_code
check_errors(const struct walk *walk, struct json root, struct error *error)
{
	struct json errors = root.type == JSON_OBJECT ? json_member(root, "errors") : JSON_ABSENT;
	if (!slice_present(walk->list->query) || !json_present(errors) || errors.type != JSON_ARRAY ||
	    json_count(errors) == 0)
		return OK;
	return error_set(error, ERR_UNAVAILABLE, "%s: the answer has %zu GraphQL error%s; expected an answer without",
	    walk->exchange->source->name, json_count(errors), json_count(errors) == 1 ? "" : "s");
}

static enum error_code
one_page(struct walk *walk, exchange_take *take, void *context, bool *more, struct error *error)
{
	struct json root;
	struct slice link;
	struct exchange_request request = request_of(walk);
	enum error_code code = exchange_ask(walk->exchange, &request, &walk->turn, &root, &link, error);
	if (code == OK)
		code = check_errors(walk, root, error);
	if (code != OK)
		return code == ERR_NOT_FOUND ? ERR_UNAVAILABLE : code;
	struct json items = value_at(root, &walk->list->items);
	if (!json_present(items) || items.type != JSON_ARRAY)
		return error_set(error, ERR_INVALID,
		    "%s: there is no array at \"%.*s\" of the answer; expected the records",
		    walk->exchange->source->name, SLICE_ARG(walk->list->items.text));
	code = take(context, items, error);
	return code == OK ? go_on(walk, root, link, items, more, error) : code;
}

enum error_code
exchange_pages(
    struct exchange *exchange, const struct mapping_list *list, exchange_take *take, void *context, struct error *error)
{
	struct walk walk = {.exchange = exchange, .list = list, .page = 1};
	enum error_code code = OK;
	for (bool more = true; code == OK && more; walk.page++) {
		code = one_page(&walk, take, context, &more, error);
		arena_reset(&walk.turn);
		if (code == OK && walk.page == PAGES_MAX)
			code = error_set(
			    error, ERR_LIMIT, "%s: expected at most %d pages", exchange->source->name, PAGES_MAX);
	}
	arena_free(&walk.turn);
	arena_free(&walk.kept);
	return code;
}

enum error_code
exchange_look_up(struct exchange *exchange, const struct mapping_list *lookup, struct slice id, struct arena *arena,
    struct json *out, struct error *error)
{
	struct mapping_list one = *lookup;
	struct json root;
	struct slice link;
	one.paging = PAGING_NONE;
	one.path = value_fill(lookup->path, "id", exchange_encode(id, arena), false, arena);
	if (slice_present(lookup->body))
		one.body = value_fill(lookup->body, "id", id, true, arena);
	struct walk walk = {.exchange = exchange, .list = &one, .page = 1};
	struct exchange_request request = request_of(&walk);
	enum error_code code = exchange_ask(exchange, &request, arena, &root, &link, error);
	*out = JSON_ABSENT;
	if (code == OK)
		code = check_errors(&walk, root, error);
	if (code == OK)
		*out = value_at(root, &lookup->items);
	if (json_present(*out) && out->type != JSON_OBJECT)
		*out = JSON_ABSENT;
	arena_free(&walk.turn);
	arena_free(&walk.kept);
	return code == ERR_NOT_FOUND ? OK : code;
}
