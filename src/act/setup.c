/* How destinations and rules are written: what all kinds of destination share. */
#include "act/act.h"

#include "catalogue/catalogue.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name, *scheme;
	act_read_kind *read;
	const char *expected; /* the members that only this kind has */
} kinds[ACT_KIND_COUNT] = {
    [ACT_COMMAND] = {"command", "exec:", act_read_command,
	"command, environment, directory, concurrency, grace, fail_exit_codes"},
    [ACT_FILE] = {"file", "file:", act_read_file, "path, rotate_bytes, rotate_after, fsync, mode, body"},
    [ACT_HTTP] = {"http", "webhook:", act_read_http, "url, headers, sign_scheme, sign_key_file, fail_statuses"},
    [ACT_POSTGRES] = {"postgresql", "postgresql:", act_read_postgres,
	"connection, password_file, table, create_table, statement"},
};

static const char shared_members[] = "name, type, filter, compliance, redact, order, schedule, timeout";

const char *
act_kind_name(enum act_kind kind)
{
	return kinds[kind].name;
}

/* --- members ---------------------------------------------------------------------------------------- */

enum error_code
act_refuse(const struct config_node *node, const char *expected, struct error *error)
{
	bool named = slice_present(node->name);
	return error_set(error, ERR_INVALID, "%s: %s%sexpected %s", node->origin.ptr, named ? node->name.ptr : "",
	    named ? ": " : "", expected);
}

const struct config_node *
act_member(const struct config_node *node, const char *name)
{
	for (const struct config_node *member = node->first; member != NULL; member = member->next)
		if (slice_is(member->name, name))
			return member;
	return NULL;
}

enum error_code
act_member_text(const struct config_node *node, const char *name, const char **out, struct error *error)
{
	const struct config_node *member = act_member(node, name);
	if (member == NULL)
		return OK;
	if (member->kind != CONFIG_NODE_VALUE || member->text.len == 0)
		return act_refuse(member, "one value", error);
	*out = member->text.ptr;
	return OK;
}

enum error_code
act_member_bool(const struct config_node *node, const char *name, bool *out, struct error *error)
{
	const char *text = NULL;
	enum error_code code = act_member_text(node, name, &text, error);
	if (code != OK || text == NULL)
		return code;
	*out = strcmp(text, "true") == 0;
	if (!*out && strcmp(text, "false") != 0)
		return act_refuse(act_member(node, name), "true or false", error);
	return OK;
}

enum error_code
act_member_duration(
    const struct config_node *node, const char *name, int64_t min_ms, int64_t max_ms, int64_t *out, struct error *error)
{
	const char *text = NULL;
	enum error_code code = act_member_text(node, name, &text, error);
	if (code != OK || text == NULL)
		return code;
	char expected[96];
	snprintf(expected, sizeof expected, "a duration from %lldms to %llds, as in 30s", (long long)min_ms,
	    (long long)(max_ms / 1000));
	if (!duration_parse(slice_of(text), out) || *out < min_ms || *out > max_ms)
		return act_refuse(act_member(node, name), expected, error);
	return OK;
}

enum error_code
act_member_number(
    const struct config_node *node, const char *name, int64_t min, int64_t max, int64_t *out, struct error *error)
{
	const char *text = NULL;
	enum error_code code = act_member_text(node, name, &text, error);
	if (code != OK || text == NULL)
		return code;
	char expected[96];
	snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)min, (long long)max);
	if (!slice_to_int64(slice_of(text), out) || *out < min || *out > max)
		return act_refuse(act_member(node, name), expected, error);
	return OK;
}

/* Whether the word is one of a list with commas. */
static bool
is_listed(const char *list, struct slice word)
{
	struct slice rest = slice_of(list);
	while (slice_present(rest))
		if (slice_equal(slice_trim(slice_cut(&rest, ',')), word))
			return true;
	return false;
}

static enum error_code
check_members(const struct config_node *node, enum act_kind kind, struct error *error)
{
	for (const struct config_node *member = node->first; member != NULL; member = member->next)
		if (!is_listed(shared_members, member->name) && !is_listed(kinds[kind].expected, member->name))
			return error_set(error, ERR_INVALID, "%s: %.64s: expected one of %s, %s", member->origin.ptr,
			    member->name.ptr, shared_members, kinds[kind].expected);
	return OK;
}

/* --- redaction -------------------------------------------------------------------------------------- */

static enum error_code
read_redactions(struct act *act, const struct config_node *node, enum act_redaction redaction,
    struct act_redactions *out, struct error *error)
{
	static const char expected[] = "paths of members, as in [data.address]";
	struct slice_list paths;
	enum error_code code = act_texts_read(&act->arena, node, expected, &paths, error);
	for (size_t i = 0; code == OK && i < paths.count; i++) {
		struct act_path path;
		if (!act_path_parse(&act->arena, paths.items[i], &path))
			return act_refuse(node, expected, error);
		if (!act_redact_add(&act->arena, out, &path, redaction))
			return act_refuse(node, "at most 64 paths, and each to be removed or masked, not both", error);
	}
	return code;
}

static enum error_code
read_redact(struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	static const char expected[] = "\"remove\" or \"mask\", each with paths of members";
	struct act_redactions *redactions = arena_alloc(&act->arena, sizeof *redactions);
	if (node->kind != CONFIG_NODE_MAPPING || node->count == 0)
		return act_refuse(node, expected, error);
	enum error_code code = OK;
	for (const struct config_node *member = node->first; code == OK && member != NULL; member = member->next) {
		bool remove = slice_is(member->name, "remove");
		if (!remove && !slice_is(member->name, "mask"))
			return act_refuse(member, expected, error);
		code = read_redactions(act, member, remove ? ACT_REMOVE : ACT_MASK, redactions, error);
	}
	destination->redactions = redactions;
	return code;
}

/* --- destinations ----------------------------------------------------------------------------------- */

static enum error_code
read_kind(const struct config_node *node, enum act_kind *out, struct error *error)
{
	static const char expected[] = "command, file, http or postgresql";
	const struct config_node *type = act_member(node, "type");
	if (type == NULL)
		return error_set(error, ERR_INVALID, "%s: type is missing: expected %s", node->origin.ptr, expected);
	for (int kind = 0; type->kind == CONFIG_NODE_VALUE && kind < ACT_KIND_COUNT; kind++) {
		if (!slice_is(type->text, kinds[kind].name))
			continue;
		*out = (enum act_kind)kind;
		return OK;
	}
	return act_refuse(type, expected, error);
}

static enum error_code
read_name(struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	const char *name = NULL;
	enum error_code code = act_member_text(node, "name", &name, error);
	if (code != OK)
		return code;
	static const char expected[] =
	    "1 to 64 letters, digits, '-', '_' or '.', as in \"name: ledger\"; each destination its own";
	if (name == NULL)
		return error_set(error, ERR_INVALID, "%s: name is missing: expected %s", node->origin.ptr, expected);
	destination->name = slice_of(name);
	bool taken = false;
	for (size_t i = 0; i < act->destination_count; i++)
		taken = taken || slice_equal(act->destinations[i].name, destination->name);
	if (taken || destination->name.len > 64 || !uid_valid(destination->name, NULL))
		return act_refuse(act_member(node, "name"), expected, error);
	return OK;
}

static enum error_code
read_delivery(const struct config_node *node, struct act_destination *destination, struct error *error)
{
	const char *order = NULL, *schedule = NULL;
	enum error_code code = act_member_text(node, "order", &order, error);
	if (code == OK && order != NULL && !delivery_order_parse(slice_of(order), &destination->order))
		code = act_refuse(act_member(node, "order"), "none, resource or endpoint", error);
	if (code == OK)
		code = act_member_text(node, "schedule", &schedule, error);
	struct schedule unused;
	if (code == OK && schedule != NULL && schedule_parse(slice_of(schedule), &unused, NULL) != OK)
		code = act_refuse(act_member(node, "schedule"),
		    "standard, legacy, svix, or durations separated by commas, as in 1s,5s,1m", error);
	destination->schedule = slice_of(schedule);
	if (code == OK)
		code = act_member_duration(node, "timeout", 10, 3600000, &destination->timeout_ms, error);
	return code;
}

static enum error_code
read_destination(struct act *act, const struct config_node *node, struct error *error)
{
	if (node->kind != CONFIG_NODE_MAPPING)
		return act_refuse(node, "a destination, as in \"- name: ledger\" and below it \"type: file\"", error);
	if (act->destination_count == LIMIT_DESTINATIONS)
		return act_refuse(node, "no more than 64 destinations", error);
	struct act_destination *destination = &act->destinations[act->destination_count];
	enum error_code code = read_name(act, node, destination, error);
	if (code == OK)
		code = read_kind(node, &destination->kind, error);
	if (code == OK)
		code = check_members(node, destination->kind, error);
	if (code == OK)
		code = read_delivery(node, destination, error);
	if (code == OK)
		code = act_member_bool(node, "compliance", &destination->compliance, error);
	const struct config_node *filter = act_member(node, "filter"), *redact = act_member(node, "redact");
	struct act_condition *condition = NULL;
	if (code == OK && filter != NULL)
		code = act_condition_read(&act->arena, &act->facts, filter, &condition, error);
	destination->filter = condition;
	if (code == OK && redact != NULL)
		code = read_redact(act, redact, destination, error);
	act->destination_count++; /* from here on act_free knows it */
	if (code == OK)
		code = kinds[destination->kind].read(act, node, destination, error);
	if (code == OK)
		destination->url =
		    arena_printf(&act->arena, "%s%s", kinds[destination->kind].scheme, destination->name.ptr);
	return code;
}

/* --- rules ------------------------------------------------------------------------------------------ */

/* Whether somebody asks for compliance events, and for nothing else, by name. */
static bool
asks_for_compliance(const struct act_condition *condition)
{
	for (size_t i = 0; condition->kind == ACT_TYPE && i < condition->texts.count; i++)
		if (slice_starts(condition->texts.items[i], SLICE("compliance.")))
			return true;
	for (const struct act_condition *below = condition->first; below != NULL; below = below->next)
		if (condition->kind != ACT_NOT && asks_for_compliance(below))
			return true;
	return false;
}

static enum error_code
read_to(struct act *act, const struct config_node *node, struct act_rule *rule, struct error *error)
{
	static const char expected[] = "names of destinations, as in [ledger]";
	struct slice_list names;
	enum error_code code = act_texts_read(&act->arena, node, expected, &names, error);
	for (size_t i = 0; code == OK && i < names.count; i++) {
		size_t at = 0;
		while (at < act->destination_count && !slice_equal(act->destinations[at].name, names.items[i]))
			at++;
		if (at == act->destination_count)
			return error_set(error, ERR_INVALID,
			    "%s: to: there is no destination %.64s; expected the name of one under destinations",
			    node->origin.ptr, names.items[i].ptr);
		if (rule->when != NULL && asks_for_compliance(rule->when) && !act->destinations[at].compliance)
			return error_set(error, ERR_INVALID,
			    "%s: to: the rule asks for compliance events; expected destination %s to say \"compliance: "
			    "true\"",
			    node->origin.ptr, act->destinations[at].name.ptr);
		rule->to |= UINT64_C(1) << at;
	}
	return code;
}

static enum error_code
read_rule(struct act *act, const struct config_node *node, struct error *error)
{
	static const char expected[] = "a rule, as in \"- when: {type: transaction.*}\" and below it \"to: [ledger]\"";
	if (node->kind != CONFIG_NODE_MAPPING)
		return act_refuse(node, expected, error);
	if (act->rule_count == LIMIT_RULES)
		return act_refuse(node, "no more than 256 rules", error);
	struct act_rule *rule = &act->rules[act->rule_count++];
	const struct config_node *to = act_member(node, "to"), *when = act_member(node, "when");
	for (const struct config_node *member = node->first; member != NULL; member = member->next)
		if (!is_listed("name, when, to", member->name))
			return act_refuse(member, "name, when or to", error);
	if (to == NULL)
		return act_refuse(node, expected, error);
	const char *name = "";
	enum error_code code = act_member_text(node, "name", &name, error);
	rule->name = slice_of(name);
	struct act_condition *condition = NULL;
	if (code == OK && when != NULL)
		code = act_condition_read(&act->arena, &act->facts, when, &condition, error);
	rule->when = condition;
	return code == OK ? read_to(act, to, rule, error) : code;
}

/* --- the whole -------------------------------------------------------------------------------------- */

static bool
is_given(const struct config_node *node)
{
	return node != NULL && !(node->kind == CONFIG_NODE_VALUE && node->text.len == 0);
}

typedef enum error_code read_item(struct act *act, const struct config_node *node, struct error *error);

static enum error_code
read_list(struct act *act, const struct config_node *node, const char *expected, read_item *read, struct error *error)
{
	if (!is_given(node))
		return OK;
	if (node->kind != CONFIG_NODE_LIST)
		return act_refuse(node, expected, error);
	enum error_code code = OK;
	for (const struct config_node *item = node->first; code == OK && item != NULL; item = item->next)
		code = read(act, item, error);
	return code;
}

/* What no rule names would stay empty, and nobody would be told. */
static enum error_code
check_reached(const struct act *act, const struct config_node *destinations, struct error *error)
{
	uint64_t reached = 0;
	for (size_t i = 0; i < act->rule_count; i++)
		reached |= act->rules[i].to;
	for (size_t i = 0; i < act->destination_count; i++)
		if ((reached >> i & 1) == 0)
			return error_set(error, ERR_INVALID,
			    "%s: destinations: %s: expected a rule with \"to: [%s]\" under rules",
			    destinations->origin.ptr, act->destinations[i].name.ptr, act->destinations[i].name.ptr);
	return OK;
}

enum error_code
act_read(const struct config *config, struct act **out, struct error *error)
{
	*out = NULL;
	if (!is_given(config->destinations) && !is_given(config->rules))
		return OK;
	struct act *act = mem_zero(1, sizeof *act);
	enum error_code code = read_list(act, config->destinations, "a list of destinations", read_destination, error);
	if (code == OK)
		code = read_list(act, config->rules, "a list of rules", read_rule, error);
	if (code == OK)
		code = check_reached(act, config->destinations, error);
	if (code == OK && act->destination_count > 0) {
		*out = act;
		return OK;
	}
	act_free(act);
	return code;
}

void
act_free(struct act *act)
{
	if (act == NULL)
		return;
	for (size_t i = 0; i < act->destination_count; i++)
		if (act->destinations[i].kind == ACT_HTTP)
			key_list_free(&act->destinations[i].http.keys);
	arena_free(&act->arena);
	free(act);
}

/* --- routing ---------------------------------------------------------------------------------------- */

const struct act_destination *
act_find(const struct act *act, struct slice url)
{
	for (size_t i = 0; act != NULL && i < act->destination_count; i++)
		if (slice_equal(act->destinations[i].url, url))
			return &act->destinations[i];
	return NULL;
}

static bool
is_compliance(struct slice name)
{
	const struct catalogue_type *type = catalogue_find(name);
	if (type == NULL)
		type = catalogue_find_legacy(name);
	return type != NULL ? slice_is(type->service, "compliance") : slice_starts(name, SLICE("compliance."));
}

uint64_t
act_route(const struct act *act, const struct act_event *event)
{
	struct act_answers answers;
	act_facts_answer(&act->facts, event->body, &answers);
	uint64_t to = 0;
	for (size_t i = 0; i < act->rule_count; i++)
		if (act->rules[i].when == NULL || act_condition_holds(act->rules[i].when, event, &answers))
			to |= act->rules[i].to;
	bool compliance = is_compliance(event->type);
	for (size_t i = 0; i < act->destination_count; i++) {
		const struct act_destination *destination = &act->destinations[i];
		bool passes = destination->filter == NULL || act_condition_holds(destination->filter, event, &answers);
		if (!passes || (compliance && !destination->compliance))
			to &= ~(UINT64_C(1) << i);
	}
	return to;
}
