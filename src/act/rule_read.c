/* How a condition is written. */
#include "act/fact.h"

static enum error_code
refuse(const struct config_node *node, const char *expected, struct error *error)
{
	return error_set(error, ERR_INVALID, "%s: expected %s", node->origin.ptr, expected);
}

enum error_code
act_texts_read(
    struct arena *arena, const struct config_node *node, const char *what, struct slice_list *out, struct error *error)
{
	bool one = node->kind == CONFIG_NODE_VALUE;
	if (node->kind == CONFIG_NODE_MAPPING || (!one && node->count == 0))
		return refuse(node, what, error);
	out->items = arena_alloc(arena, (node->count + 1) * sizeof out->items[0]);
	out->count = 0;
	for (const struct config_node *item = one ? node : node->first; item != NULL; item = one ? NULL : item->next) {
		if (item->kind != CONFIG_NODE_VALUE)
			return refuse(item, what, error);
		out->items[out->count++] = item->text;
	}
	return OK;
}

struct reading {
	struct arena *arena;
	struct act_facts *facts;
	struct error *error;
	size_t depth;
};

static enum error_code read_condition(
    struct reading *reading, const struct config_node *node, struct act_condition **out);

static struct act_condition *
add_below(struct reading *reading, struct act_condition *parent, enum act_condition_kind kind)
{
	struct act_condition **last = &parent->first;
	while (*last != NULL)
		last = &(*last)->next;
	*last = arena_alloc(reading->arena, sizeof **last);
	(*last)->kind = kind;
	return *last;
}

/* --- members ---------------------------------------------------------------------------------------- */

static enum error_code
add_fact(struct reading *reading, const struct config_node *node, const struct act_path *path, enum act_fact_kind kind,
    struct slice_list texts, struct act_condition *parent)
{
	if (reading->facts->count == LIMIT_RULE_FACTS)
		return refuse(node, "fewer questions about members, over all rules and filters", reading->error);
	struct act_node *end = act_node_reach(reading->arena, &reading->facts->root, path);
	struct act_fact *fact = arena_alloc(reading->arena, sizeof *fact);
	*fact = (struct act_fact){.kind = kind, .texts = texts, .index = reading->facts->count++, .next = end->leaf};
	end->leaf = fact;
	add_below(reading, parent, ACT_FACT)->fact = fact->index;
	return OK;
}

static const struct {
	const char *name;
	enum act_fact_kind kind;
} comparisons[] = {
    {"equals", FACT_ONE_OF},
    {"one_of", FACT_ONE_OF},
    {"above", FACT_ABOVE},
    {"at_least", FACT_AT_LEAST},
    {"below", FACT_BELOW},
    {"at_most", FACT_AT_MOST},
};

static const char asked[] =
    "beside member: equals, one_of, exists, above, at_least, below or at_most, as in \"{member: data.status, equals: "
    "confirmed}\"";

static enum error_code
read_exists(
    struct reading *reading, const struct config_node *node, const struct act_path *path, struct act_condition *parent)
{
	bool yes = node->kind == CONFIG_NODE_VALUE && slice_is(node->text, "true");
	if (!yes && (node->kind != CONFIG_NODE_VALUE || !slice_is(node->text, "false")))
		return refuse(node, "true or false", reading->error);
	if (!yes)
		parent = add_below(reading, parent, ACT_NOT);
	return add_fact(reading, node, path, FACT_EXISTS, (struct slice_list){NULL, 0}, parent);
}

static enum error_code
read_comparison(
    struct reading *reading, const struct config_node *node, const struct act_path *path, struct act_condition *parent)
{
	size_t row = 0;
	while (row < COUNT_OF(comparisons) && !slice_is(node->name, comparisons[row].name))
		row++;
	if (row == COUNT_OF(comparisons))
		return refuse(node, asked, reading->error);
	bool list = slice_is(node->name, "one_of");
	if (!list && node->kind != CONFIG_NODE_VALUE)
		return refuse(node, "one value", reading->error);
	struct slice_list texts;
	enum error_code code = act_texts_read(reading->arena, node, "a list of values", &texts, reading->error);
	int order;
	if (code == OK && comparisons[row].kind != FACT_ONE_OF &&
	    !act_decimal_compare(texts.items[0], texts.items[0], &order))
		code = refuse(node, "a decimal number, as in 1000000 or 0.5", reading->error);
	return code == OK ? add_fact(reading, node, path, comparisons[row].kind, texts, parent) : code;
}

/* `member` and what is asked of it; all of it has to hold. */
static enum error_code
read_member(struct reading *reading, const struct config_node *mapping, const struct config_node *member,
    struct act_condition *parent)
{
	struct act_path path;
	if (member->kind != CONFIG_NODE_VALUE || !act_path_parse(reading->arena, member->text, &path))
		return refuse(member, "a path to a member, as in data.status or /data/status", reading->error);
	if (mapping->count == 1)
		return refuse(member, asked, reading->error);
	enum error_code code = OK;
	for (const struct config_node *node = mapping->first; code == OK && node != NULL; node = node->next) {
		if (node == member)
			continue;
		if (slice_is(node->name, "exists"))
			code = read_exists(reading, node, &path, parent);
		else
			code = read_comparison(reading, node, &path, parent);
	}
	return code;
}

/* --- the rest --------------------------------------------------------------------------------------- */

static enum error_code
read_below(
    struct reading *reading, const struct config_node *node, enum act_condition_kind kind, struct act_condition *parent)
{
	struct act_condition *group = add_below(reading, parent, kind);
	if (kind == ACT_NOT)
		return read_condition(reading, node, &group->first);
	if (node->kind != CONFIG_NODE_LIST || node->count == 0)
		return refuse(node, "a list of conditions", reading->error);
	enum error_code code = OK;
	struct act_condition **last = &group->first;
	for (const struct config_node *item = node->first; code == OK && item != NULL; item = item->next) {
		code = read_condition(reading, item, last);
		last = code == OK ? &(*last)->next : last;
	}
	return code;
}

static enum error_code
read_key(struct reading *reading, const struct config_node *node, struct act_condition *parent)
{
	static const char values[] = "a value or a list of values";
	struct slice_list texts;
	if (slice_is(node->name, "all"))
		return read_below(reading, node, ACT_ALL, parent);
	if (slice_is(node->name, "any"))
		return read_below(reading, node, ACT_ANY, parent);
	if (slice_is(node->name, "not"))
		return read_below(reading, node, ACT_NOT, parent);
	bool organisation = slice_is(node->name, "organisation"), source = slice_is(node->name, "source");
	if (!organisation && !source && !slice_is(node->name, "type"))
		return refuse(node, "source, type, organisation, member, all, any or not", reading->error);
	enum error_code code = act_texts_read(reading->arena, node, values, &texts, reading->error);
	if (code != OK)
		return code;
	if (organisation) {
		struct act_path path = {{SLICE("organisation")}, 1};
		return add_fact(reading, node, &path, FACT_ONE_OF, texts, parent);
	}
	add_below(reading, parent, source ? ACT_SOURCE : ACT_TYPE)->texts = texts;
	return OK;
}

static enum error_code
read_condition(struct reading *reading, const struct config_node *node, struct act_condition **out)
{
	struct act_condition *condition = arena_alloc(reading->arena, sizeof *condition);
	condition->kind = ACT_ALL;
	*out = condition;
	if (node->kind != CONFIG_NODE_MAPPING || node->count == 0)
		return refuse(node, "a condition, as in \"type: transaction.*\"", reading->error);
	if (reading->depth == LIMIT_RULE_DEPTH)
		return refuse(node, "fewer conditions inside each other", reading->error);
	for (const struct config_node *member = node->first; member != NULL; member = member->next)
		if (slice_is(member->name, "member"))
			return read_member(reading, node, member, condition);
	reading->depth++;
	enum error_code code = OK;
	for (const struct config_node *key = node->first; code == OK && key != NULL; key = key->next)
		code = read_key(reading, key, condition);
	reading->depth--;
	return code;
}

enum error_code
act_condition_read(struct arena *arena, struct act_facts *facts, const struct config_node *node,
    struct act_condition **out, struct error *error)
{
	struct reading reading = {.arena = arena, .facts = facts, .error = error};
	return read_condition(&reading, node, out);
}
