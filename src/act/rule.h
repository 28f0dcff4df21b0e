/* Rules: which journalled events go to which destinations. Pure.
 *
 * A condition asks for the source, the type, the organisation and for members of the body. What is asked of the body are
 * *facts*; they are all answered in one walk over it, whatever the number of rules, so that an event that was made to be
 * slow costs what its length costs.
 *
 * Invariants
 * 1. An event is routed by its exact bytes: nothing is decoded but names and strings of JSON.
 * 2. Of a member that is there twice the last one counts, as everywhere.
 * 3. Numbers compare as decimals of any length, whether they stand as numbers or in strings; `1e3` is no decimal.
 * 4. A body that is not JSON has no members. */
#ifndef ACT_RULE_H
#define ACT_RULE_H

#include "act/path.h"
#include "config/config.h"

struct act_event {
	struct slice source, type, body; /* type empty or absent: not known */
};

struct act_fact;

/* What is asked of bodies. Slices live in the arena that it was read into. */
struct act_facts {
	struct act_node root;
	size_t count;
};

struct act_answers {
	uint64_t bits[LIMIT_RULE_FACTS / 64];
};

enum act_condition_kind {
	ACT_ALL, /* of those below; of none: it holds */
	ACT_ANY,
	ACT_NOT,
	ACT_SOURCE, /* one of the texts */
	ACT_TYPE,   /* one of the texts, of which those that end with `*` are beginnings */
	ACT_FACT,
};

struct act_condition {
	enum act_condition_kind kind;
	struct slice_list texts;
	size_t fact;
	struct act_condition *first, *next;
};

/* Reads a condition as docs/acting.md has it. Errors name file, line and what is expected. */
MUST_CHECK enum error_code act_condition_read(struct arena *arena, struct act_facts *facts,
    const struct config_node *node, struct act_condition **out, struct error *error);
/* A value or a list of values; `what` ends the error. */
MUST_CHECK enum error_code act_texts_read(
    struct arena *arena, const struct config_node *node, const char *what, struct slice_list *out, struct error *error);

void act_facts_answer(const struct act_facts *facts, struct slice body, struct act_answers *out);
bool act_condition_holds(
    const struct act_condition *condition, const struct act_event *event, const struct act_answers *answers);
/* Whether a `*` at its end makes it a beginning, else whether they are equal. */
bool act_type_fits(struct slice pattern, struct slice type);
/* -1, 0 or 1 in `order`; false where one of them is not a decimal. */
MUST_CHECK bool act_decimal_compare(struct slice a, struct slice b, int *order);

#endif
