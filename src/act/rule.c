#include "act/rule.h"

#include "act/fact.h"

/* --- decimals --------------------------------------------------------------------------------------- */

/* 0.d1d2d3… times ten to the power `point`, where d1 is not zero; zero has no digits. */
struct decimal {
	bool negative;
	struct slice whole, fraction; /* the digits, with zeros in front and behind */
	size_t skipped;		      /* zeros in front */
	size_t count;		      /* digits from there to the last that is not zero */
	int64_t point;
};

/* Larger exponents compare as this one: no number that fits into a body has as many digits. */
static const int64_t exponent_max = INT64_C(1) << 40;

static size_t
digits(struct slice text)
{
	size_t count = 0;
	while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9')
		count++;
	return count;
}

static char
digit_at(const struct decimal *number, size_t at)
{
	at += number->skipped;
	return at < number->whole.len ? number->whole.ptr[at] : number->fraction.ptr[at - number->whole.len];
}

/* "e+21", "E-7"; absent is 0. */
static bool
read_exponent(struct slice text, int64_t *out)
{
	*out = 0;
	if (text.len == 0)
		return true;
	if (text.ptr[0] != 'e' && text.ptr[0] != 'E')
		return false;
	text = slice_skip(text, 1);
	bool negative = text.len > 0 && text.ptr[0] == '-';
	text = slice_skip(text, text.len > 0 && (negative || text.ptr[0] == '+'));
	if (text.len == 0 || digits(text) != text.len)
		return false;
	for (size_t i = 0; i < text.len && *out < exponent_max; i++)
		*out = *out * 10 + (text.ptr[i] - '0');
	*out = *out < exponent_max ? *out : exponent_max;
	*out = negative ? -*out : *out;
	return true;
}

static void
normalise(struct decimal *number)
{
	number->count = number->whole.len + number->fraction.len;
	while (number->count > 0 && digit_at(number, 0) == '0') {
		number->skipped++;
		number->count--;
	}
	while (number->count > 0 && digit_at(number, number->count - 1) == '0')
		number->count--;
	number->point += (int64_t)number->whole.len - (int64_t)number->skipped;
	if (number->count == 0)
		*number = (struct decimal){.negative = false};
}

static bool
read_decimal(struct slice text, struct decimal *out)
{
	*out = (struct decimal){.negative = text.len > 0 && text.ptr[0] == '-'};
	text = slice_skip(text, out->negative);
	out->whole = (struct slice){text.ptr, digits(text)};
	text = slice_skip(text, out->whole.len);
	if (out->whole.len == 0)
		return false;
	if (text.len > 0 && text.ptr[0] == '.') {
		text = slice_skip(text, 1);
		out->fraction = (struct slice){text.ptr, digits(text)};
		text = slice_skip(text, out->fraction.len);
		if (out->fraction.len == 0)
			return false;
	}
	if (!read_exponent(text, &out->point))
		return false;
	normalise(out);
	return true;
}

static int
compare_size(const struct decimal *a, const struct decimal *b)
{
	if (a->count == 0 || b->count == 0)
		return (a->count > 0) - (b->count > 0);
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	size_t shared = a->count < b->count ? a->count : b->count;
	for (size_t i = 0; i < shared; i++)
		if (digit_at(a, i) != digit_at(b, i))
			return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
	return (a->count > b->count) - (a->count < b->count);
}

bool
act_decimal_compare(struct slice a, struct slice b, int *order)
{
	struct decimal left, right;
	if (!read_decimal(a, &left) || !read_decimal(b, &right))
		return false;
	if (left.negative != right.negative)
		*order = left.negative ? -1 : 1;
	else
		*order = left.negative ? compare_size(&right, &left) : compare_size(&left, &right);
	return true;
}

/* --- facts ------------------------------------------------------------------------------------------ */

/* A string's text is compared with its escapes resolved, everything else as it stands. */
static bool
is_text(struct json value, struct slice text)
{
	return value.type == JSON_STRING ? json_text_is(value, text) : slice_equal(value.raw, text);
}

static bool
compares(const struct act_fact *fact, struct json value)
{
	struct slice number = value.raw;
	if (value.type == JSON_STRING) /* digits have no escapes that anybody writes: such a string is no number */
		number = (struct slice){value.raw.ptr + 1, value.raw.len - 2};
	else if (value.type != JSON_NUMBER)
		return false;
	int order;
	if (!act_decimal_compare(number, fact->texts.items[0], &order))
		return false;
	switch (fact->kind) {
	case FACT_ABOVE: return order > 0;
	case FACT_AT_LEAST: return order >= 0;
	case FACT_BELOW: return order < 0;
	case FACT_AT_MOST: return order <= 0;
	case FACT_EXISTS:
	case FACT_ONE_OF: break;
	}
	UNREACHABLE();
}

static bool
holds(const struct act_fact *fact, struct json value)
{
	if (fact->kind == FACT_EXISTS)
		return true;
	if (fact->kind != FACT_ONE_OF)
		return compares(fact, value);
	for (size_t i = 0; i < fact->texts.count; i++)
		if (is_text(value, fact->texts.items[i]))
			return true;
	return false;
}

struct looking {
	struct act_answers *out;
	struct arena arena; /* names with escapes */
};

static void look(struct looking *looking, const struct act_node *node, struct json value);

/* The last member of each name counts, so all are found before any is looked at. */
static void
look_at_members(struct looking *looking, const struct act_node *node, struct json object)
{
	struct json values[LIMIT_RULE_FACTS];
	const struct act_node *nodes[LIMIT_RULE_FACTS];
	memset(nodes, 0, node->named_count * sizeof nodes[0]);
	memset(values, 0, node->named_count * sizeof values[0]);
	struct json_iterator iterator = json_iterate(object);
	struct json key = JSON_ABSENT, value = JSON_ABSENT;
	while (json_next(&iterator, &key, &value)) {
		const struct act_node *child = act_node_find(node, act_key_text(&looking->arena, key));
		if (child != NULL) {
			nodes[child->place] = child;
			values[child->place] = value;
		}
		if (node->every != NULL)
			look(looking, node->every, value);
		if (looking->arena.used > 0)
			arena_reset(&looking->arena);
	}
	for (size_t i = 0; i < node->named_count; i++)
		if (nodes[i] != NULL)
			look(looking, nodes[i], values[i]);
}

static void
look_at_elements(struct looking *looking, const struct act_node *node, struct json array)
{
	struct json_iterator iterator = json_iterate(array);
	struct json key = JSON_ABSENT, value = JSON_ABSENT;
	for (size_t index = 0; json_next(&iterator, &key, &value); index++) {
		char text[ACT_INDEX_BYTES];
		const struct act_node *child = act_node_find(node, act_index_text(index, text));
		if (child != NULL)
			look(looking, child, value);
		if (node->every != NULL)
			look(looking, node->every, value);
	}
}

/* As deep as paths are long. */
static void
look(struct looking *looking, const struct act_node *node, struct json value)
{
	for (const struct act_fact *fact = node->leaf; fact != NULL; fact = fact->next)
		if (holds(fact, value))
			looking->out->bits[fact->index / 64] |= UINT64_C(1) << (fact->index % 64);
	if (!act_node_has_more(node))
		return;
	if (value.type == JSON_OBJECT)
		look_at_members(looking, node, value);
	else if (value.type == JSON_ARRAY)
		look_at_elements(looking, node, value);
}

void
act_facts_answer(const struct act_facts *facts, struct slice body, struct act_answers *out)
{
	*out = (struct act_answers){{0}};
	struct json document;
	if (facts->count == 0 || json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) != OK)
		return;
	struct looking looking = {.out = out, .arena = ARENA_EMPTY};
	look(&looking, &facts->root, document);
	arena_free(&looking.arena);
}

/* --- conditions ------------------------------------------------------------------------------------- */

bool
act_type_fits(struct slice pattern, struct slice type)
{
	if (pattern.len > 0 && pattern.ptr[pattern.len - 1] == '*')
		return slice_starts(type, (struct slice){pattern.ptr, pattern.len - 1});
	return slice_equal(pattern, type);
}

static bool
type_fits(const struct act_condition *condition, struct slice type)
{
	for (size_t i = 0; i < condition->texts.count; i++)
		if (act_type_fits(condition->texts.items[i], type))
			return true;
	return false;
}

/* As deep as act_condition_read lets conditions nest. */
bool
act_condition_holds(
    const struct act_condition *condition, const struct act_event *event, const struct act_answers *answers)
{
	bool any = false, all = true;
	for (const struct act_condition *below = condition->first; below != NULL; below = below->next) {
		bool holds_below = act_condition_holds(below, event, answers);
		any = any || holds_below;
		all = all && holds_below;
	}
	switch (condition->kind) {
	case ACT_ALL: return all;
	case ACT_ANY: return any;
	case ACT_NOT: return !all;
	case ACT_SOURCE: return slice_list_has(condition->texts, event->source);
	case ACT_TYPE: return type_fits(condition, event->type);
	case ACT_FACT: return (answers->bits[condition->fact / 64] >> (condition->fact % 64) & 1) != 0;
	}
	UNREACHABLE();
}
