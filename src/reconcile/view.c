/* A break in words. */
#include "reconcile/report.h"

#include "base/encode.h"
#include "sign/sign.h"

#include <inttypes.h>

enum { ID_BYTES = 12 };

const char *
age_name(int64_t age_seconds)
{
	static const struct {
		int64_t below;
		const char *name;
	} ages[] = {{3600, "under 1 h"}, {86400, "1-24 h"}, {3 * 86400, "1-3 d"}, {7 * 86400, "3-7 d"}};
	for (size_t i = 0; i < COUNT_OF(ages); i++)
		if (age_seconds < ages[i].below)
			return ages[i].name;
	return "over 7 d";
}

/* --- JSON of what the sources say ------------------------------------------------------------------- */

struct object {
	const struct reconcile *reconcile;
	struct arena *arena;
	struct buf buf;
	struct json_writer writer;
};

static void
object_open(struct object *object, const struct reconcile *reconcile, struct arena *arena)
{
	object->reconcile = reconcile;
	object->arena = arena;
	buf_init(&object->buf, (size_t)16 << 20);
	json_writer_init(&object->writer, &object->buf);
	json_open(&object->writer, '{');
}

static struct slice
object_close(struct object *object)
{
	json_close(&object->writer);
	struct slice text = arena_copy(object->arena, buf_slice(&object->buf));
	buf_free(&object->buf);
	return text;
}

static void
put_text(struct object *object, const char *name, struct text text)
{
	if (text_present(text))
		json_put_string(&object->writer, name, texts_get(&object->reconcile->texts, text, object->arena));
}

static void
put_time(struct object *object, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	if (time_known(time))
		json_put_cstring(
		    &object->writer, "occurred_at", time_format(time, time.us % 1000000 == 0 ? 0 : 6, text));
}

struct slice
record_json(const struct reconcile *reconcile, const struct record *record, struct arena *arena)
{
	struct object object;
	object_open(&object, reconcile, arena);
	for (enum member member = 0; member < MEMBER_TEXTS; member++) {
		put_text(&object, member_name(member), record->members[member]);
		if (member == MEMBER_CLIENT_REFERENCE && record->direction != DIRECTION_UNKNOWN)
			json_put_string(&object.writer, "direction", direction_name((enum direction)record->direction));
	}
	if (record->status != 0)
		json_put_string(&object.writer, "status", reconcile->states.words[record->status].name);
	put_time(&object, record->occurred);
	if (text_present(record->extra)) {
		/* Members as they were read, behind those of known names. */
		if (object.buf.len > 1)
			buf_byte(&object.buf, ',');
		buf_append(&object.buf, texts_get(&reconcile->texts, record->extra, arena));
	}
	return object_close(&object);
}

/* --- names ------------------------------------------------------------------------------------------ */

static const struct record *
record_of(const struct reconcile *reconcile, uint32_t group, enum side side)
{
	uint32_t index = reconcile->match.groups[group].side[side];
	return index == RECORD_NONE ? NULL : &reconcile->sides[side]->items[index];
}

/* The first that is known, in the order of the sources' weight. */
static struct slice
member_of(const struct reconcile *reconcile, uint32_t group, enum member member, struct arena *arena)
{
	static const enum side by_weight[] = {SIDE_CUSTODIAN, SIDE_JOURNAL, SIDE_LEDGER};
	for (size_t i = 0; i < COUNT_OF(by_weight); i++) {
		const struct record *record = record_of(reconcile, group, by_weight[i]);
		if (record != NULL && text_present(record->members[member]))
			return texts_get(&reconcile->texts, record->members[member], arena);
	}
	return SLICE_NONE;
}

static struct slice
hash_key(const struct reconcile *reconcile, const struct record *record, struct arena *arena)
{
	const struct texts *texts = &reconcile->texts;
	struct slice network = texts_get(texts, record->members[MEMBER_NETWORK], arena);
	struct slice hash = texts_get(texts, record->members[MEMBER_TX_HASH], arena);
	struct slice output = texts_get(texts, record->members[MEMBER_OUTPUT_INDEX], arena);
	struct slice direction = direction_name((enum direction)record->direction);
	return ARENA_JOIN(arena, network, SLICE("/"), hash, SLICE("/"), output, SLICE("/"), direction);
}

struct slice
group_name(const struct reconcile *reconcile, uint32_t group, struct arena *arena)
{
	static const enum member members[] = {MEMBER_ID, MEMBER_TX_HASH, MEMBER_CLIENT_REFERENCE};
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		struct slice name = member_of(reconcile, group, members[i], arena);
		if (slice_present(name))
			return name;
	}
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		const struct record *record = record_of(reconcile, group, side);
		if (record != NULL)
			return arena_printf(arena, "%s line %" PRIu32, side_name(side), record->line);
	}
	UNREACHABLE();
}

/* A key of the side that joined last, for it has what it was matched by. */
static struct slice
key_text(const struct reconcile *reconcile, const struct record *record, enum match_key key, struct arena *arena)
{
	switch (key) {
	case MATCH_ID: return SLICE("id");
	case MATCH_HASH: {
		struct slice text = hash_key(reconcile, record, arena);
		return ARENA_JOIN(arena, SLICE("tx_hash "), text);
	}
	case MATCH_REFERENCE: {
		struct slice text = texts_get(&reconcile->texts, record->members[MEMBER_CLIENT_REFERENCE], arena);
		return ARENA_JOIN(arena, SLICE("client_reference "), text);
	}
	case MATCH_KEY_COUNT: break;
	}
	return SLICE("no key");
}

static enum match_key
own_key(const struct record *record)
{
	if (text_present(record->members[MEMBER_ID]))
		return MATCH_ID;
	if (text_present(record->members[MEMBER_TX_HASH]))
		return MATCH_HASH;
	return text_present(record->members[MEMBER_CLIENT_REFERENCE]) ? MATCH_REFERENCE : MATCH_KEY_COUNT;
}

struct slice
group_key(const struct reconcile *reconcile, uint32_t group, struct arena *arena)
{
	const struct match_group *of = &reconcile->match.groups[group];
	enum side side = of->side[SIDE_LEDGER] != RECORD_NONE	 ? SIDE_LEDGER
			 : of->side[SIDE_JOURNAL] != RECORD_NONE ? SIDE_JOURNAL
								 : SIDE_CUSTODIAN;
	const struct record *record = record_of(reconcile, group, side);
	enum match_key key = of->by == MATCH_KEY_COUNT ? own_key(record) : (enum match_key)of->by;
	struct slice name = group_name(reconcile, group, arena), by = key_text(reconcile, record, key, arena);
	return ARENA_JOIN(arena, name, SLICE(" ("), by, SLICE(")"));
}

/* --- each class in words ---------------------------------------------------------------------------- */

/* What stands before the next item of a list. */
static struct slice
comma(struct slice list)
{
	return list.len > 0 ? SLICE(", ") : SLICE_NONE;
}

/* "custodian 5, ledger 6": what each source that knows the member says of it. */
static struct slice
said(const struct reconcile *reconcile, uint32_t group, enum member member, struct arena *arena)
{
	struct slice list = SLICE("");
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		const struct record *record = record_of(reconcile, group, side);
		if (record == NULL || !text_present(record->members[member]))
			continue;
		struct slice value = texts_get(&reconcile->texts, record->members[member], arena);
		list = ARENA_JOIN(arena, list, comma(list), slice_of(side_name(side)), SLICE(" "), value);
	}
	return ARENA_JOIN(arena, slice_of(member_name(member)), SLICE(": "), list);
}

static struct slice
states_said(const struct reconcile *reconcile, uint32_t group, struct arena *arena)
{
	struct slice list = SLICE("");
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		const struct record *record = record_of(reconcile, group, side);
		if (record == NULL || record->status == 0)
			continue;
		char time[TIME_TEXT_BYTES];
		bool known = time_known(record->occurred);
		list = ARENA_JOIN(arena, list, comma(list), slice_of(side_name(side)), SLICE(" "),
		    reconcile->states.words[record->status].name,
		    record->reorged ? SLICE(" after a reorganisation") : SLICE_NONE,
		    known ? SLICE(" since ") : SLICE_NONE,
		    known ? slice_of(time_format(record->occurred, 0, time)) : SLICE_NONE);
	}
	return list;
}

static struct slice
suggestion(const struct reconcile *reconcile, uint32_t group, struct arena *arena)
{
	const struct match *match = &reconcile->match;
	size_t low = 0, high = match->suggestion_count; /* by rising group */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (match->suggestions[middle].group < group)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == match->suggestion_count || match->suggestions[low].group != group)
		return SLICE("");
	return arena_printf(arena, "; the ledger's line %" PRIu32 " looks like it",
	    reconcile->ledger.items[match->suggestions[low].ledger].line);
}

static struct slice
asset_said(const struct reconcile *reconcile, uint32_t group, struct arena *arena)
{
	struct slice networks = said(reconcile, group, MEMBER_NETWORK, arena);
	struct slice assets = said(reconcile, group, MEMBER_ASSET, arena);
	return ARENA_JOIN(arena, networks, SLICE("; "), assets);
}

static struct slice
group_detail(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena)
{
	struct slice states = states_said(reconcile, row->group, arena);
	struct slice what;
	switch (row->class) {
	case BREAK_ASSET_MISMATCH: return asset_said(reconcile, row->group, arena);
	case BREAK_AMOUNT_MISMATCH: return said(reconcile, row->group, MEMBER_AMOUNT, arena);
	case BREAK_FEE_MISMATCH: return said(reconcile, row->group, MEMBER_FEE, arena);
	case BREAK_ADDRESS_MISMATCH: return said(reconcile, row->group, MEMBER_ADDRESS, arena);
	case BREAK_REPLACED: return said(reconcile, row->group, MEMBER_TX_HASH, arena);
	case BREAK_MISSING_EVENT: what = SLICE("the journal has no event of it"); break;
	case BREAK_MISSING_AT_CUSTODIAN: what = SLICE("the custodian has no record of it"); break;
	case BREAK_MISSING_INSTRUCTION: what = SLICE("money moved out, and nothing in the ledger asked for it"); break;
	case BREAK_MISSING_IN_LEDGER: what = SLICE("the ledger has nothing of it"); break;
	case BREAK_REORGED: what = SLICE("taken back by the chain, but final in the ledger"); break;
	case BREAK_COMPLIANCE_HOLD: what = SLICE("held by compliance, but available in the ledger"); break;
	case BREAK_STATUS_REGRESSION: what = SLICE("the custodian is behind what the journal has proved"); break;
	case BREAK_STATUS_MISMATCH: what = SLICE("final on one side and not, or differently, on another"); break;
	case BREAK_STUCK: what = SLICE("not final for too long"); break;
	case BREAK_TIMING: what = SLICE("the same state at different times"); break;
	case BREAK_UNVERIFIED_SIGNATURE:
	case BREAK_CONTENT_CONFLICT:
	case BREAK_SEQUENCE_GAP:
	case BREAK_DUPLICATE:
	case BREAK_BALANCE_BREAK:
	case BREAK_CLASS_COUNT:
	default: UNREACHABLE();
	}
	struct slice alike = SLICE("");
	if (row->class == BREAK_MISSING_INSTRUCTION || row->class == BREAK_MISSING_IN_LEDGER)
		alike = suggestion(reconcile, row->group, arena);
	return ARENA_JOIN(arena, what, states.len > 0 ? SLICE(": ") : SLICE_NONE, states, alike);
}

static struct slice
view_gap(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	const struct journal_gap *gap = &reconcile->journal.gaps[row->item];
	struct slice source = texts_get(&reconcile->texts, gap->source, arena);
	struct slice organisation = texts_get(&reconcile->texts, gap->organisation, arena);
	struct object object;
	object_open(&object, reconcile, arena);
	json_put_string(&object.writer, "source", source);
	if (slice_present(organisation))
		json_put_string(&object.writer, "organisation", organisation);
	json_put_integer(&object.writer, "first", gap->first);
	json_put_integer(&object.writer, "last", gap->last);
	json_put_integer(&object.writer, "count", gap->last - gap->first + 1);
	out->side[SIDE_JOURNAL] = object_close(&object);
	out->detail =
	    arena_printf(arena, "%" PRId64 " number%s of the stream of %.*s did not come, though a later one has",
		gap->last - gap->first + 1, gap->last > gap->first ? "s" : "", SLICE_ARG(source));
	out->match_key = arena_printf(arena, "%.*s%s%.*s %" PRId64 "-%" PRId64 " (%s)", SLICE_ARG(source),
	    organisation.len > 0 ? "/" : "", SLICE_ARG(organisation), gap->first, gap->last,
	    gap->by_header ? "vaultbell-sequence" : "stream_seq");
	return arena_printf(arena, "%.*s\n%.*s\n%" PRId64 "%s", SLICE_ARG(source), SLICE_ARG(organisation), gap->first,
	    gap->by_header ? "\nvaultbell-sequence" : "");
}

static struct slice
view_conflict(
    const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	const struct journal_conflict *conflict = &reconcile->journal.conflicts[row->item];
	struct slice source = texts_get(&reconcile->texts, conflict->source, arena);
	struct slice event = texts_get(&reconcile->texts, conflict->event_id, arena);
	struct slice transaction = texts_get(&reconcile->texts, conflict->transaction, arena);
	struct object object;
	object_open(&object, reconcile, arena);
	json_put_string(&object.writer, "source", source);
	json_put_string(&object.writer, "event_id", event);
	if (slice_present(transaction))
		json_put_string(&object.writer, "transaction_id", transaction);
	json_put_integer(&object.writer, "bodies", conflict->bodies);
	json_put_integer(&object.writer, "seq", conflict->seq);
	out->side[SIDE_JOURNAL] = object_close(&object);
	out->detail = arena_printf(arena,
	    "%" PRIu32 " different bodies came from %.*s under one event id, all verified; the first one counts",
	    conflict->bodies, SLICE_ARG(source));
	out->match_key = arena_printf(
	    arena, "%.*s%s(event id %.*s)", SLICE_ARG(transaction), transaction.len > 0 ? " " : "", SLICE_ARG(event));
	return arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(source), SLICE_ARG(event));
}

static struct slice
view_refused(
    const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	const struct journal_refused *refused = &reconcile->journal.refused[row->item];
	struct slice source = texts_get(&reconcile->texts, refused->source, arena);
	struct slice event = texts_get(&reconcile->texts, refused->event_id, arena);
	struct object object;
	object_open(&object, reconcile, arena);
	json_put_string(&object.writer, "source", source);
	json_put_string(&object.writer, "event_id", event);
	json_put_integer(&object.writer, "count", (int64_t)refused->count);
	out->side[SIDE_JOURNAL] = object_close(&object);
	out->detail = arena_printf(arena, "%" PRIu64 " request%s for %.*s had a signature that does not fit",
	    refused->count, refused->count == 1 ? "" : "s", SLICE_ARG(source));
	out->match_key = event.len > 0 ? arena_printf(arena, "%.*s (event id)", SLICE_ARG(event))
				       : arena_printf(arena, "%.*s (source; other event ids)", SLICE_ARG(source));
	return arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(source), SLICE_ARG(event));
}

static struct slice
view_duplicate(
    const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	const struct match_duplicate *duplicate = &reconcile->match.duplicates[row->item];
	const struct records *records = reconcile->sides[duplicate->side];
	const struct record *first = &records->items[duplicate->first], *second = &records->items[duplicate->second];
	struct slice key = key_text(reconcile, second, duplicate->key, arena);
	struct slice name = group_name(reconcile, duplicate->group, arena);
	out->side[duplicate->side] = record_json(reconcile, second, arena);
	out->detail = arena_printf(arena, "the %s has it in lines %" PRIu32 " and %" PRIu32 "; the first one counts",
	    side_name(duplicate->side), first->line, second->line);
	out->match_key = arena_printf(arena, "%.*s (%.*s)", SLICE_ARG(name), SLICE_ARG(key));
	return arena_printf(arena, "%.*s\n%s\n%d\n%" PRIu32, SLICE_ARG(name), side_name(duplicate->side),
	    (int)duplicate->key, duplicate->number);
}

static struct slice
balance_side(const struct reconcile *reconcile, const struct balance_check *check, const char *name, struct slice units,
    struct arena *arena)
{
	struct object object;
	object_open(&object, reconcile, arena);
	put_text(&object, "network", check->balance.network);
	put_text(&object, "asset", check->balance.asset);
	put_text(&object, "account", check->balance.account);
	json_put_string(&object.writer, name, units);
	put_time(&object, check->balance.occurred);
	return object_close(&object);
}

static struct slice
view_balance(
    const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	const struct balance_check *check = &reconcile->breaks.balances[row->item];
	const struct texts *texts = &reconcile->texts;
	struct slice stated = texts_get(texts, check->balance.units, arena), sum = amount_text(&check->ledger, arena);
	struct slice network = texts_get(texts, check->balance.network, arena);
	struct slice asset = texts_get(texts, check->balance.asset, arena);
	struct slice account = texts_get(texts, check->balance.account, arena);
	out->side[SIDE_CUSTODIAN] = balance_side(reconcile, check, "balance_base_units", stated, arena);
	out->side[SIDE_LEDGER] = balance_side(reconcile, check, "sum_base_units", sum, arena);
	out->detail = arena_printf(
	    arena, "the custodian states %.*s, the ledger's entries add up to %.*s", SLICE_ARG(stated), SLICE_ARG(sum));
	out->match_key = arena_printf(arena, "%.*s/%.*s%s%.*s (balance)", SLICE_ARG(network), SLICE_ARG(asset),
	    account.len > 0 ? "/" : "", SLICE_ARG(account));
	return out->match_key;
}

static struct slice
view_group(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		const struct record *record = record_of(reconcile, row->group, side);
		if (record != NULL)
			out->side[side] = record_json(reconcile, record, arena);
	}
	out->match_key = group_key(reconcile, row->group, arena);
	out->detail = group_detail(reconcile, row, arena);
	return group_name(reconcile, row->group, arena);
}

void
break_view(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out)
{
	*out = (struct break_view){.class = break_class_name(row->class)};
	out->age_seconds = break_age(&reconcile->input.rules, row->since);
	out->severity = break_severity_name(break_severity(row->class, out->age_seconds));
	struct slice identity;
	if (row->group != RECORD_NONE)
		identity = view_group(reconcile, row, arena, out);
	else if (row->class == BREAK_SEQUENCE_GAP)
		identity = view_gap(reconcile, row, arena, out);
	else if (row->class == BREAK_CONTENT_CONFLICT)
		identity = view_conflict(reconcile, row, arena, out);
	else if (row->class == BREAK_DUPLICATE)
		identity = view_duplicate(reconcile, row, arena, out);
	else if (row->class == BREAK_BALANCE_BREAK)
		identity = view_balance(reconcile, row, arena, out);
	else
		identity = view_refused(reconcile, row, arena, out);
	/* Of the class and what the break is of, and of nothing that a later run may see differently. */
	unsigned char digest[SHA256_BYTES];
	sha256(ARENA_JOIN(arena, slice_of(out->class), SLICE("\n"), identity), digest);
	struct buf hex;
	buf_init(&hex, sizeof out->id);
	buf_text(&hex, "brk_");
	hex_append(&hex, (struct slice){(const char *)digest, ID_BYTES});
	memcpy(out->id, hex.data, hex.len);
	buf_free(&hex);
}
