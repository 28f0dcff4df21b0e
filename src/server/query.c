#include "server/query.h"

#include "base/encode.h"

enum error_code
query_parse(struct slice text, struct arena *arena, struct query *out, struct error *error)
{
	*out = (struct query){NULL, 0};
	if (text.len > 0)
		out->items = arena_alloc(arena, QUERY_ITEMS_MAX * sizeof *out->items);
	while (slice_present(text)) {
		struct slice value = slice_cut(&text, '&');
		if (value.len == 0)
			continue;
		if (out->count == QUERY_ITEMS_MAX)
			return error_set(error, ERR_INVALID, "The query has more than %d parameters.", QUERY_ITEMS_MAX);
		struct slice name = slice_cut(&value, '=');
		struct query_item *item = &out->items[out->count++];
		item->name = percent_decode(arena, name, true);
		item->value = percent_decode(arena, slice_present(value) ? value : SLICE(""), true);
		if (!slice_present(item->name) || !slice_present(item->value))
			return error_set(error, ERR_INVALID, "The query has a broken percent-escape.");
	}
	return OK;
}

struct slice
query_get(const struct query *query, const char *name)
{
	for (size_t i = query->count; i-- > 0;)
		if (slice_is(query->items[i].name, name))
			return query->items[i].value;
	return SLICE_NONE;
}

enum error_code
query_bool(const struct query *query, const char *name, bool *value, struct error *error)
{
	struct slice text = query_get(query, name);
	if (!slice_present(text))
		return OK;
	if (!slice_is(text, "true") && !slice_is(text, "false"))
		return error_set(error, ERR_INVALID, "The query parameter %s must be true or false.", name);
	*value = slice_is(text, "true");
	return OK;
}

enum error_code
query_integer(const struct query *query, const char *name, int64_t *value, struct error *error)
{
	struct slice text = query_get(query, name);
	if (slice_present(text) && !slice_to_int64(text, value))
		return error_set(error, ERR_INVALID, "The query parameter %s must be a number.", name);
	return OK;
}

enum error_code
query_time(const struct query *query, const char *name, struct wall_time *value, struct error *error)
{
	struct slice text = query_get(query, name);
	if (slice_present(text) && !time_parse(text, value))
		return error_set(
		    error, ERR_INVALID, "The query parameter %s must be a date and time of RFC 3339.", name);
	return OK;
}

/* `name`, `name[]` and `name[7]` are all of the list `wanted`. */
static bool
names_list(struct slice name, struct slice wanted)
{
	if (!slice_starts(name, wanted))
		return false;
	struct slice rest = slice_skip(name, wanted.len);
	return rest.len == 0 || (rest.len >= 2 && rest.ptr[0] == '[' && rest.ptr[rest.len - 1] == ']');
}

struct slice_list
query_list(const struct query *query, const char *name, struct arena *arena)
{
	size_t most = 0;
	for (size_t i = 0; i < query->count; i++)
		if (names_list(query->items[i].name, slice_of(name)))
			most += query->items[i].value.len + 1;
	struct slice_list list = {arena_alloc(arena, most * sizeof(struct slice)), 0};
	for (size_t i = 0; i < query->count; i++) {
		if (!names_list(query->items[i].name, slice_of(name)))
			continue;
		struct slice rest = query->items[i].value;
		while (slice_present(rest)) {
			struct slice item = slice_cut(&rest, ',');
			if (item.len > 0)
				list.items[list.count++] = item;
		}
	}
	return list;
}

/* --- pages ------------------------------------------------------------------------------------------ */

static void
page_iterator(struct slice text, const struct page_rules *rules, struct check *check, struct list_page *out)
{
	if (!slice_present(text) || text.len == 0)
		return;
	if (text.ptr[0] == '-') {
		out->backwards = true;
		text = slice_skip(text, 1);
	}
	if (rules->named) {
		out->page.after_name = text;
		if (!event_type_name_valid(text))
			check_fail(check, CHECK_VALUE, "iterator",
			    "The iterator must be one that an answer of this list gave.");
	} else if (!id_parse(rules->kind, text, &out->page.after)) {
		check_fail(check, CHECK_VALUE, "iterator", "The iterator must be an id with the prefix %s.",
		    id_prefix(rules->kind));
	}
}

static enum error_code
page_times(const struct query *query, struct list_page *out, struct error *error)
{
	struct wall_time before = WALL_NONE, after = WALL_NONE;
	enum error_code code = query_time(query, "before", &before, error);
	if (code == OK)
		code = query_time(query, "after", &after, error);
	if (code != OK)
		return code;
	if (before.us != 0)
		out->page.ceiling = id_floor(before);
	if (after.us != 0)
		out->page.floor = id_floor(after);
	/* With nothing but a lower bound, the page is the one next to it. */
	if (after.us != 0 && before.us == 0 && !slice_present(query_get(query, "iterator")))
		out->backwards = true;
	return OK;
}

enum error_code
query_page(const struct query *query, const struct page_rules *rules, struct arena *arena, struct check *check,
    struct list_page *out, struct error *error)
{
	*out = (struct list_page){.page = {.descending = rules->descending}, .kind = rules->kind};
	int64_t limit = LIMIT_PAGE_DEFAULT;
	enum error_code code = query_integer(query, "limit", &limit, error);
	if (code != OK)
		return code;
	if (limit < 1 || limit > LIMIT_PAGE)
		check_fail(check, CHECK_VALUE, "limit", "The limit must be between 1 and %d.", LIMIT_PAGE);
	out->page.limit = (size_t)limit;
	struct slice order = query_get(query, "order");
	if (rules->ordered && slice_present(order)) {
		if (!slice_is(order, "ascending") && !slice_is(order, "descending"))
			return error_set(error, ERR_INVALID, "The order must be ascending or descending.");
		out->page.descending = slice_is(order, "descending");
	}
	page_iterator(arena_copy(arena, query_get(query, "iterator")), rules, check, out);
	if (rules->timed)
		code = page_times(query, out, error);
	if (out->backwards)
		out->page.descending = !out->page.descending;
	return code;
}
