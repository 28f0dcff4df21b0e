#include "reconcile/match.h"

#include "base/alloc.h"

#include <stdlib.h>

/* Open addressing over records by one key. Equal keys share a slot and are chained in the order of their file; what is
 * taken leaves the chain for good, so that many equal keys cost no more than different ones. */
struct join {
	const struct records *records;
	enum match_key key;
	struct join_slot {
		uint32_t text;	     /* of the key: the id, the hash or the reference; 0: free */
		uint32_t any, first; /* index + 1: one that has the key, and the first of the chain */
	} * slots;
	uint32_t *next; /* by record: index + 1 */
	size_t mask;
};

enum { AHEAD = 8 };

struct matching {
	struct match *match;
	struct records *const *sides;
	uint32_t *group_of[SIDE_COUNT]; /* by record; RECORD_NONE: in none yet */
	size_t group_capacity;
};

static bool
has_key(const struct record *record, enum match_key key)
{
	switch (key) {
	case MATCH_ID: return text_present(record->members[MEMBER_ID]);
	case MATCH_HASH: return text_present(record->members[MEMBER_TX_HASH]);
	case MATCH_REFERENCE: return text_present(record->members[MEMBER_CLIENT_REFERENCE]);
	case MATCH_KEY_COUNT: break;
	}
	UNREACHABLE();
}

/* Of two with the same hash. */
static bool
same_hash_key(const struct record *a, const struct record *b)
{
	return text_equal(a->members[MEMBER_NETWORK], b->members[MEMBER_NETWORK]) &&
	       text_equal(a->members[MEMBER_OUTPUT_INDEX], b->members[MEMBER_OUTPUT_INDEX]) &&
	       a->direction == b->direction;
}

static uint32_t
key_text(const struct record *record, enum match_key key)
{
	static const enum member members[] = {
	    [MATCH_ID] = MEMBER_ID, [MATCH_HASH] = MEMBER_TX_HASH, [MATCH_REFERENCE] = MEMBER_CLIENT_REFERENCE};
	return record->members[members[key]].at;
}

static size_t
key_hash(const struct record *record, enum match_key key)
{
	uint64_t hash = key_text(record, key);
	if (key == MATCH_HASH)
		hash += (uint64_t)record->members[MEMBER_OUTPUT_INDEX].at * 0xc2b2ae3d27d4eb4fu;
	hash *= 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32);
}

static void
join_init(struct join *join, const struct records *records, enum match_key key)
{
	size_t slots = 16;
	while (slots < records->count + records->count / 2)
		slots *= 2;
	*join = (struct join){
	    .records = records,
	    .key = key,
	    .slots = mem_zero(slots, sizeof join->slots[0]),
	    .next = mem_alloc(records->count * sizeof join->next[0]),
	    .mask = slots - 1,
	};
}

static void
join_fini(struct join *join)
{
	free(join->slots);
	free(join->next);
}

static struct join_slot *
join_slot(const struct join *join, const struct record *wanted)
{
	size_t at = key_hash(wanted, join->key) & join->mask;
	uint32_t text = key_text(wanted, join->key);
	for (;; at = (at + 1) & join->mask) {
		struct join_slot *slot = &join->slots[at];
		if (slot->text == 0 ||
		    (slot->text == text &&
			(join->key != MATCH_HASH || same_hash_key(&join->records->items[slot->any - 1], wanted))))
			return slot;
	}
}

/* Asks for the memory that the look-up of a later record will need. */
static void
join_prefetch(const struct join *join, const struct records *records, size_t index)
{
	if (index < records->count)
		__builtin_prefetch(&join->slots[key_hash(&records->items[index], join->key) & join->mask]);
}

/* Puts a record before those of its key. */
static void
join_add(struct join *join, uint32_t index)
{
	struct join_slot *slot = join_slot(join, &join->records->items[index]);
	join->next[index] = slot->first;
	*slot = (struct join_slot){key_text(&join->records->items[index], join->key), index + 1, index + 1};
}

/* The first record under the key; RECORD_NONE: there is none. */
static uint32_t
join_first(const struct join *join, const struct record *wanted)
{
	uint32_t first = join_slot(join, wanted)->first;
	return first == 0 ? RECORD_NONE : first - 1;
}

/* The same, and takes it out. */
static uint32_t
join_take(const struct join *join, const struct record *wanted)
{
	struct join_slot *slot = join_slot(join, wanted);
	uint32_t first = slot->first;
	if (first == 0)
		return RECORD_NONE;
	slot->first = join->next[first - 1];
	return first - 1;
}

/* --- duplicates ------------------------------------------------------------------------------------- */

static void
add_duplicate(struct match *match, struct match_duplicate duplicate)
{
	if (match->duplicate_count == match->duplicate_capacity) {
		match->duplicate_capacity = match->duplicate_capacity == 0 ? 16 : match->duplicate_capacity * 2;
		match->duplicates =
		    mem_resize(match->duplicates, match->duplicate_capacity, sizeof match->duplicates[0]);
	}
	match->duplicates[match->duplicate_count++] = duplicate;
}

static void
find_duplicates(struct match *match, enum side side, struct records *records)
{
	for (enum match_key key = MATCH_ID; key <= MATCH_HASH; key++) {
		struct join join;
		join_init(&join, records, key);
		for (uint32_t i = 0; i < records->count; i++) {
			struct record *record = &records->items[i];
			join_prefetch(&join, records, i + AHEAD);
			if (record->duplicate || !has_key(record, key))
				continue;
			uint32_t first = join_first(&join, record);
			if (first == RECORD_NONE) {
				join_add(&join, i);
				continue;
			}
			record->duplicate = true;
			uint32_t number = ++records->items[first].repeats;
			add_duplicate(match, (struct match_duplicate){side, key, first, i, RECORD_NONE, number});
		}
		join_fini(&join);
	}
}

/* --- groups ----------------------------------------------------------------------------------------- */

static uint32_t
add_group(struct matching *matching, enum side side, uint32_t record)
{
	struct match *match = matching->match;
	if (match->group_count == matching->group_capacity) {
		matching->group_capacity = matching->group_capacity == 0 ? 256 : matching->group_capacity * 2;
		match->groups = mem_resize(match->groups, matching->group_capacity, sizeof match->groups[0]);
	}
	uint32_t group = (uint32_t)match->group_count++;
	match->groups[group] =
	    (struct match_group){.side = {RECORD_NONE, RECORD_NONE, RECORD_NONE}, .by = MATCH_KEY_COUNT};
	match->groups[group].side[side] = record;
	matching->group_of[side][record] = group;
	return group;
}

static void
join_group(struct matching *matching, uint32_t group, enum side side, uint32_t record, enum match_key key)
{
	matching->match->groups[group].side[side] = record;
	matching->match->groups[group].by = (unsigned char)key;
	matching->group_of[side][record] = group;
}

static bool
lacks(const struct matching *matching, enum side in, uint32_t index, enum side lacking)
{
	return matching->match->groups[matching->group_of[in][index]].side[lacking] == RECORD_NONE;
}

/* Brings what is not matched yet of `from` into the groups of `into`, by one key. */
static void
pass(struct matching *matching, enum side from, enum side into, enum match_key key)
{
	const struct records *own = matching->sides[from], *others = matching->sides[into];
	bool any = false;
	for (uint32_t i = 0; !any && i < own->count; i++)
		any = matching->group_of[from][i] == RECORD_NONE && !own->items[i].duplicate;
	if (!any)
		return;
	struct join join;
	join_init(&join, others, key);
	for (uint32_t i = (uint32_t)others->count; i > 0; i--) {
		join_prefetch(&join, others, (size_t)i - 1 - AHEAD);
		if (!others->items[i - 1].duplicate && has_key(&others->items[i - 1], key) &&
		    lacks(matching, into, i - 1, from))
			join_add(&join, i - 1);
	}
	for (uint32_t i = 0; i < own->count; i++) {
		const struct record *record = &own->items[i];
		join_prefetch(&join, own, i + AHEAD);
		if (record->duplicate || matching->group_of[from][i] != RECORD_NONE || !has_key(record, key))
			continue;
		uint32_t found = join_take(&join, record);
		if (found != RECORD_NONE)
			join_group(matching, matching->group_of[into][found], from, i, key);
	}
	join_fini(&join);
}

static void
add_rest(struct matching *matching, enum side side)
{
	for (uint32_t i = 0; i < matching->sides[side]->count; i++)
		if (matching->group_of[side][i] == RECORD_NONE && !matching->sides[side]->items[i].duplicate)
			add_group(matching, side, i);
}

void
match_init(struct match *match)
{
	*match = (struct match){0};
}

void
match_fini(struct match *match)
{
	free(match->groups);
	free(match->duplicates);
	free(match->suggestions);
	match_init(match);
}

void
match_run(struct match *match, struct records *const sides[SIDE_COUNT])
{
	struct matching matching = {.match = match, .sides = sides};
	find_duplicates(match, SIDE_CUSTODIAN, sides[SIDE_CUSTODIAN]);
	find_duplicates(match, SIDE_LEDGER, sides[SIDE_LEDGER]);
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		size_t bytes = sides[side]->count * sizeof matching.group_of[side][0];
		matching.group_of[side] = mem_alloc(bytes);
		memset(matching.group_of[side], 0xff, bytes);
	}
	add_rest(&matching, SIDE_CUSTODIAN);
	for (enum match_key key = 0; key < MATCH_KEY_COUNT; key++)
		pass(&matching, SIDE_JOURNAL, SIDE_CUSTODIAN, key);
	add_rest(&matching, SIDE_JOURNAL);
	for (enum match_key key = 0; key < MATCH_KEY_COUNT; key++) {
		pass(&matching, SIDE_LEDGER, SIDE_CUSTODIAN, key);
		pass(&matching, SIDE_LEDGER, SIDE_JOURNAL, key);
	}
	add_rest(&matching, SIDE_LEDGER);
	for (size_t i = 0; i < match->duplicate_count; i++) {
		struct match_duplicate *duplicate = &match->duplicates[i];
		duplicate->group = matching.group_of[duplicate->side][duplicate->first];
	}
	for (enum side side = 0; side < SIDE_COUNT; side++)
		free(matching.group_of[side]);
}

/* --- suggestions ------------------------------------------------------------------------------------ */

enum { LOOKS_MAX = 256 };

static bool
look_alike(const struct record *a, const struct record *b, int64_t tolerance_us)
{
	static const enum member members[] = {MEMBER_NETWORK, MEMBER_ASSET, MEMBER_AMOUNT, MEMBER_ADDRESS};
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (!text_present(a->members[members[i]]) ||
		    !text_equal(a->members[members[i]], b->members[members[i]]))
			return false;
	bool directions =
	    a->direction == b->direction || a->direction == DIRECTION_UNKNOWN || b->direction == DIRECTION_UNKNOWN;
	if (!directions || !time_known(a->occurred) || !time_known(b->occurred))
		return false;
	int64_t apart = a->occurred.us - b->occurred.us;
	return (apart < 0 ? -apart : apart) <= tolerance_us;
}

static size_t
look_hash(const struct record *record)
{
	uint64_t hash = (uint64_t)record->members[MEMBER_AMOUNT].at << 32 ^ record->members[MEMBER_ADDRESS].at;
	hash ^= hash >> 32;
	return (size_t)(hash * 0x9e3779b97f4a7c15u >> 32);
}

static void
add_suggestion(struct match *match, uint32_t group, uint32_t ledger)
{
	if (match->suggestion_count == match->suggestion_capacity) {
		match->suggestion_capacity = match->suggestion_capacity == 0 ? 16 : match->suggestion_capacity * 2;
		match->suggestions =
		    mem_resize(match->suggestions, match->suggestion_capacity, sizeof match->suggestions[0]);
	}
	match->suggestions[match->suggestion_count++] = (struct match_suggestion){group, ledger};
}

static bool
is_lone_ledger(const struct match_group *group)
{
	return group->side[SIDE_CUSTODIAN] == RECORD_NONE && group->side[SIDE_JOURNAL] == RECORD_NONE;
}

void
match_suggest(struct match *match, struct records *const sides[SIDE_COUNT], int64_t tolerance_us)
{
	size_t lone = 0, slots = 16;
	for (size_t i = 0; i < match->group_count; i++)
		lone += is_lone_ledger(&match->groups[i]);
	if (lone == 0)
		return;
	while (slots < lone + lone / 2)
		slots *= 2;
	/* By amount and address; a slot becomes RECORD_NONE when its record has found a partner. Where more look alike
	 * than a person would go through, the rest is not suggested. */
	uint32_t *table = mem_zero(slots, sizeof table[0]);
	const struct record *ledger = sides[SIDE_LEDGER]->items;
	for (size_t i = 0; i < match->group_count; i++) {
		if (!is_lone_ledger(&match->groups[i]))
			continue;
		uint32_t index = match->groups[i].side[SIDE_LEDGER];
		size_t at = look_hash(&ledger[index]) & (slots - 1), tries = 0;
		for (; table[at] != 0 && tries < LOOKS_MAX; tries++)
			at = (at + 1) & (slots - 1);
		if (tries < LOOKS_MAX)
			table[at] = index + 1;
	}
	for (uint32_t i = 0; i < match->group_count; i++) {
		const struct match_group *group = &match->groups[i];
		if (group->side[SIDE_LEDGER] != RECORD_NONE)
			continue;
		enum side side = group->side[SIDE_CUSTODIAN] != RECORD_NONE ? SIDE_CUSTODIAN : SIDE_JOURNAL;
		const struct record *record = &sides[side]->items[group->side[side]];
		for (size_t at = look_hash(record) & (slots - 1); table[at] != 0; at = (at + 1) & (slots - 1)) {
			if (table[at] == RECORD_NONE || !look_alike(record, &ledger[table[at] - 1], tolerance_us))
				continue;
			add_suggestion(match, i, table[at] - 1);
			table[at] = RECORD_NONE;
			break;
		}
	}
	free(table);
}
