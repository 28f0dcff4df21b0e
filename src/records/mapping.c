#include "records/mapping.h"

#include "records/node.h"

#include <stdlib.h>

enum { BODY_BYTES_MAX = 64 << 10, RETRIES_MAX = 20, DECIMALS_MAX = 255 };

struct parsing {
	struct arena *arena;
	const char *file;
	struct error *error;
};

#define REFUSE(parsing, node, ...) node_refuse((node), (parsing)->file, (parsing)->error, __VA_ARGS__)

/* Refuses members of other names. `names` ends with NULL; `expected` lists them. */
static enum error_code
check_names(struct parsing *parsing, const struct node *mapping, const char *const *names, const char *expected)
{
	if (mapping->kind != NODE_MAPPING)
		return REFUSE(parsing, mapping, "a mapping with %s", expected);
	for (size_t i = 0; i < mapping->count; i++) {
		size_t at = 0;
		while (names[at] != NULL && !slice_is(mapping->items[i].key, names[at]))
			at++;
		if (names[at] == NULL)
			return REFUSE(parsing, &mapping->items[i], "%s", expected);
	}
	return OK;
}

static enum error_code
read_text(struct parsing *parsing, const struct node *mapping, const char *name, struct slice *out)
{
	const struct node *node = node_member(mapping, name);
	if (node == NULL)
		return OK;
	if (node->kind != NODE_SCALAR)
		return REFUSE(parsing, node, "one value for %s", name);
	*out = node->text;
	return OK;
}

static enum error_code
read_integer(
    struct parsing *parsing, const struct node *mapping, const char *name, int64_t min, int64_t max, int64_t *out)
{
	const struct node *node = node_member(mapping, name);
	if (node == NULL)
		return OK;
	if (node->kind != NODE_SCALAR || !slice_to_int64(node->text, out) || *out < min || *out > max)
		return REFUSE(parsing, node, "%s as a number from %lld to %lld", name, (long long)min, (long long)max);
	return OK;
}

/* --- paths ------------------------------------------------------------------------------------------ */

static bool
add_step(struct parsing *parsing, struct slice name, struct mapping_path *out)
{
	struct slice rest = name;
	struct slice head = slice_cut(&rest, '[');
	if (out->count == MAPPING_STEPS_MAX || (head.len == 0 && !slice_present(rest)))
		return false;
	if (head.len > 0)
		out->steps[out->count++].name = arena_string(parsing->arena, head);
	while (slice_present(rest)) {
		int64_t index;
		struct slice number = slice_cut(&rest, ']');
		if (!slice_present(rest) || !slice_to_int64(number, &index) || out->count == MAPPING_STEPS_MAX)
			return false;
		out->steps[out->count++].index = (size_t)index;
		if (rest.len == 0)
			return true;
		if (rest.ptr[0] != '[')
			return false;
		rest = slice_skip(rest, 1);
	}
	return true;
}

static enum error_code
parse_path(struct parsing *parsing, const struct node *node, struct mapping_path *out)
{
	*out = (struct mapping_path){.text = node->text};
	bool good = node->kind == NODE_SCALAR;
	struct slice rest = node->text;
	while (good && slice_present(rest) && node->text.len > 0)
		good = add_step(parsing, slice_cut(&rest, '.'), out);
	return good ? OK
		    : REFUSE(parsing, node, "a path as in data.items[0].id, of at most %d steps", MAPPING_STEPS_MAX);
}

static enum error_code
read_path(struct parsing *parsing, const struct node *mapping, const char *name, struct mapping_path *out)
{
	const struct node *node = node_member(mapping, name);
	return node == NULL ? OK : parse_path(parsing, node, out);
}

/* --- members ---------------------------------------------------------------------------------------- */

static enum error_code
read_words(struct parsing *parsing, const struct node *node, struct mapping_member *out)
{
	if (node->kind != NODE_MAPPING)
		return REFUSE(parsing, node, "values as a mapping from theirs to ours, as in DONE: completed");
	out->words = arena_alloc(parsing->arena, (node->count + 1) * sizeof out->words[0]);
	for (size_t i = 0; i < node->count; i++) {
		if (node->items[i].kind != NODE_SCALAR)
			return REFUSE(parsing, &node->items[i], "one word, as in DONE: completed");
		out->words[out->word_count++] = (struct mapping_word){node->items[i].key, node->items[i].text};
	}
	return OK;
}

static enum error_code
read_unit(struct parsing *parsing, const struct node *node, struct mapping_member *out)
{
	struct slice unit = SLICE_NONE;
	int64_t decimals = -1;
	enum error_code code = read_text(parsing, node, "time", &unit);
	if (code == OK)
		code = read_integer(parsing, node, "decimals", 0, DECIMALS_MAX, &decimals);
	if (code == OK)
		code = read_path(parsing, node, "decimals_path", &out->decimals_path);
	if (code != OK)
		return code;
	bool by_path = slice_present(out->decimals_path.text);
	out->decimals = (int)decimals;
	if (decimals >= 0 || by_path) {
		out->unit = UNIT_DECIMAL;
		if ((decimals >= 0 && by_path) || slice_present(unit))
			return REFUSE(parsing, node, "one of decimals, decimals_path and time");
	} else if (slice_is(unit, "seconds")) {
		out->unit = UNIT_SECONDS;
	} else if (slice_is(unit, "milliseconds")) {
		out->unit = UNIT_MILLISECONDS;
	} else if (slice_present(unit)) {
		return REFUSE(parsing, node_member(node, "time"),
		    "time as seconds or milliseconds since 1970; a time as 2025-01-31T12:00:00Z needs none");
	}
	return OK;
}

static enum error_code
read_member(struct parsing *parsing, const struct node *node, struct mapping_member *out)
{
	static const char *const names[] = {
	    "path", "value", "missing", "values", "otherwise", "decimals", "decimals_path", "time", NULL};
	*out = (struct mapping_member){
	    .name = node->key, .member = member_find(node->key), .decimals = -1, .line = node->line};
	if (node->kind == NODE_SCALAR)
		return parse_path(parsing, node, &out->path);
	enum error_code code = check_names(parsing, node, names,
	    "a path, or path, value, missing, values, otherwise, decimals, decimals_path or time");
	if (code == OK)
		code = read_path(parsing, node, "path", &out->path);
	if (code == OK)
		code = read_text(parsing, node, "value", &out->constant);
	if (code == OK)
		code = read_text(parsing, node, "missing", &out->missing);
	if (code == OK)
		code = read_text(parsing, node, "otherwise", &out->otherwise);
	if (code == OK && node_member(node, "values") != NULL)
		code = read_words(parsing, node_member(node, "values"), out);
	if (code == OK)
		code = read_unit(parsing, node, out);
	if (code == OK && slice_present(out->path.text) == slice_present(out->constant))
		code = REFUSE(parsing, node, "either path or value for %.*s", SLICE_ARG(out->name));
	return code;
}

static enum error_code
read_members(struct parsing *parsing, const struct node *list, struct mapping_list *out)
{
	const struct node *node = node_member(list, "record");
	if (node == NULL || node->kind != NODE_MAPPING || node->count == 0 || node->count > MAPPING_MEMBERS_MAX)
		return REFUSE(parsing, node == NULL ? list : node,
		    "record: a mapping of 1 to %d members, as in \"id: transaction.id\"", MAPPING_MEMBERS_MAX);
	out->members = arena_alloc(parsing->arena, node->count * sizeof out->members[0]);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < node->count; i++)
		code = read_member(parsing, &node->items[i], &out->members[out->member_count++]);
	return code;
}

/* --- lists ------------------------------------------------------------------------------------------ */

static enum error_code
read_paging(struct parsing *parsing, const struct node *node, struct mapping_list *out)
{
	static const char *const names[] = {"kind", "next", "done", "parameter", "size", "size_parameter", NULL};
	static const char *const kinds[] = {"none", "cursor", "offset", "link", "url"};
	static const char expected[] =
	    "kind (none, cursor, offset, link or url), next, done, parameter, size or size_parameter";
	struct slice kind = SLICE_NONE;
	enum error_code code = check_names(parsing, node, names, expected);
	if (code == OK)
		code = read_text(parsing, node, "kind", &kind);
	if (code == OK)
		code = read_path(parsing, node, "next", &out->next);
	if (code == OK)
		code = read_path(parsing, node, "done", &out->done);
	if (code == OK)
		code = read_text(parsing, node, "parameter", &out->parameter);
	if (code == OK)
		code = read_text(parsing, node, "size_parameter", &out->size_parameter);
	if (code == OK)
		code = read_integer(parsing, node, "size", 1, 100000, &out->size);
	if (code != OK)
		return code;
	size_t at = 0;
	while (at < COUNT_OF(kinds) && !slice_is(kind, kinds[at]))
		at++;
	if (at == COUNT_OF(kinds))
		return REFUSE(parsing, node, "%s", expected);
	out->paging = (enum mapping_paging)at;
	if (out->paging == PAGING_CURSOR && (!slice_present(out->next.text) || out->parameter.len == 0))
		return REFUSE(
		    parsing, node, "next (where the answer has the cursor) and parameter (how it is sent back)");
	if (out->paging == PAGING_URL && !slice_present(out->next.text))
		return REFUSE(parsing, node, "next: where the answer has the URL of the next page");
	if (out->paging == PAGING_OFFSET && (out->parameter.len == 0 || out->size == 0))
		return REFUSE(parsing, node, "parameter (the offset's) and size (of a page)");
	return OK;
}

static enum error_code
read_request(struct parsing *parsing, const struct node *node, struct mapping_list *out)
{
	const struct node *body = node_member(node, "body"), *variables = node_member(node, "variables");
	out->path = SLICE("");
	out->method = SLICE_NONE;
	enum error_code code = read_text(parsing, node, "path", &out->path);
	if (code == OK)
		code = read_text(parsing, node, "method", &out->method);
	if (code == OK)
		code = read_text(parsing, node, "query", &out->query);
	if (code != OK)
		return code;
	if ((body != NULL && slice_present(out->query)) || (variables != NULL && !slice_present(out->query)))
		return REFUSE(parsing, node, "body without query, or query with variables");
	const struct node *json = body != NULL ? body : variables;
	if (json != NULL && json->kind != NODE_MAPPING)
		return REFUSE(parsing, json, "a mapping");
	if (json != NULL) {
		struct buf text;
		buf_init(&text, BODY_BYTES_MAX);
		node_json(json, &text);
		out->body = arena_copy(parsing->arena, buf_slice(&text));
		buf_free(&text);
	} else if (slice_present(out->query)) {
		out->body = SLICE("{}");
	}
	if (!slice_present(out->method))
		out->method = slice_present(out->body) ? SLICE("POST") : SLICE("GET");
	if (!slice_is(out->method, "GET") && !slice_is(out->method, "POST"))
		return REFUSE(parsing, node_member(node, "method"), "GET or POST");
	if (slice_is(out->method, "GET") && slice_present(out->body))
		return REFUSE(parsing, node, "method POST where there is a body");
	return OK;
}

static enum error_code
read_list(struct parsing *parsing, const struct node *node, bool lookup, struct mapping_list *out)
{
	static const char *const names[] = {
	    "path", "method", "query", "variables", "body", "items", "item", "paging", "record", NULL};
	*out = (struct mapping_list){.line = node->line};
	enum error_code code = check_names(
	    parsing, node, names, "path, method, query, variables, body, items (of a look-up: item), paging or record");
	if (code == OK)
		code = read_request(parsing, node, out);
	if (code == OK)
		code = read_path(parsing, node, lookup ? "item" : "items", &out->items);
	if (code == OK && node_member(node, "paging") != NULL && !lookup)
		code = read_paging(parsing, node_member(node, "paging"), out);
	if (code == OK)
		code = read_members(parsing, node, out);
	return code;
}

/* --- the file --------------------------------------------------------------------------------------- */

static bool
is_header_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == ':')
			return false;
	return name.len > 0;
}

static enum error_code
read_headers(struct parsing *parsing, const struct node *node, struct mapping *out)
{
	if (node->kind != NODE_MAPPING || node->count > MAPPING_HEADERS_MAX)
		return REFUSE(parsing, node, "headers: a mapping of at most %d", MAPPING_HEADERS_MAX);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *item = &node->items[i];
		if (item->kind != NODE_SCALAR || !is_header_name(item->key) ||
		    memchr(item->text.ptr, '\n', item->text.len) != NULL)
			return REFUSE(
			    parsing, item, "a header and its value, as in \"authorization: Bearer ${token}\"");
		out->headers[out->header_count++] = (struct http_header){item->key, item->text};
	}
	return OK;
}

static enum error_code
read_limits(struct parsing *parsing, const struct node *root, struct mapping *out)
{
	const struct node *timeout = node_member(root, "timeout"), *rate = node_member(root, "rate");
	if (timeout != NULL && (timeout->kind != NODE_SCALAR || !duration_parse(timeout->text, &out->timeout_ms) ||
				   out->timeout_ms < 100 || out->timeout_ms > 600000))
		return REFUSE(parsing, timeout, "timeout as a duration from 100ms to 10m");
	if (rate != NULL) {
		char *end = NULL;
		out->rate = rate->kind == NODE_SCALAR ? strtod(rate->text.ptr, &end) : -1;
		if (end == rate->text.ptr || end == NULL || *end != '\0' || !(out->rate > 0.001 && out->rate <= 10000))
			return REFUSE(parsing, rate, "rate as requests a second, from 0.001 to 10000");
	}
	return read_integer(parsing, root, "retries", 0, RETRIES_MAX, &out->retries);
}

static enum error_code
read_lists(struct parsing *parsing, const struct node *root, struct mapping *out)
{
	const struct node *lists = node_member(root, "lists"), *lookup = node_member(root, "lookup");
	if (lists == NULL || lists->kind != NODE_SEQUENCE || lists->count == 0 || lists->count > MAPPING_LISTS_MAX)
		return REFUSE(parsing, lists == NULL ? root : lists, "lists: 1 to %d, each with path and record",
		    MAPPING_LISTS_MAX);
	out->lists = arena_alloc(parsing->arena, lists->count * sizeof out->lists[0]);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < lists->count; i++)
		code = read_list(parsing, &lists->items[i], false, &out->lists[out->list_count++]);
	if (code == OK && lookup != NULL)
		code = read_list(parsing, lookup, true, &out->lookup);
	return code;
}

enum error_code
mapping_read(struct arena *arena, const char *file, struct slice text, struct mapping *out, struct error *error)
{
	static const char *const names[] = {"headers", "timeout", "rate", "retries", "lists", "lookup", NULL};
	struct parsing parsing = {.arena = arena, .file = file, .error = error};
	struct node root;
	*out = (struct mapping){.file = file, .timeout_ms = 30000, .retries = 6};
	enum error_code code = node_read(arena, file, text, &root, error);
	if (code == OK)
		code = check_names(&parsing, &root, names, "headers, timeout, rate, retries, lists or lookup");
	if (code == OK && node_member(&root, "headers") != NULL)
		code = read_headers(&parsing, node_member(&root, "headers"), out);
	if (code == OK)
		code = read_limits(&parsing, &root, out);
	return code == OK ? read_lists(&parsing, &root, out) : code;
}
