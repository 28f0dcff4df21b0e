#include "reconcile/repair.h"

#include "base/encode.h"
#include "reconcile/report.h"
#include "sign/sign.h"

enum { BODY_BYTES_MAX = 1 << 20, ID_BYTES = 16 };

static const struct record *
record_of(const struct reconcile *reconcile, const struct break_row *row, enum side side)
{
	uint32_t index = row->group == RECORD_NONE ? RECORD_NONE : reconcile->match.groups[row->group].side[side];
	return index == RECORD_NONE ? NULL : &reconcile->sides[side]->items[index];
}

/* Whether the state is final; false where it is unknown. */
static bool
is_final(const struct reconcile *reconcile, const struct record *record)
{
	const struct catalogue_state *state =
	    record == NULL ? NULL : states_of(&reconcile->states, record->status, (enum direction)record->direction);
	return state != NULL && (state->final || (record->sign_only && slice_is(state->name, "signed")));
}

/* The custodian has an end, the journal none, and the ledger, where it knows the transaction, agrees with the former. */
static bool
journal_is_behind(const struct reconcile *reconcile, const struct break_row *row)
{
	const struct record *journal = record_of(reconcile, row, SIDE_JOURNAL);
	const struct record *custodian = record_of(reconcile, row, SIDE_CUSTODIAN);
	const struct record *ledger = record_of(reconcile, row, SIDE_LEDGER);
	return journal != NULL && is_final(reconcile, custodian) && !is_final(reconcile, journal) &&
	       (ledger == NULL || is_final(reconcile, ledger));
}

enum repair_kind
repair_of(const struct reconcile *reconcile, const struct break_row *row)
{
	if (row->class == BREAK_SEQUENCE_GAP)
		return REPAIR_NUMBERS;
	bool events = row->class == BREAK_MISSING_EVENT ||
		      (row->class == BREAK_STATUS_MISMATCH && journal_is_behind(reconcile, row));
	return events ? REPAIR_EVENTS : REPAIR_NONE;
}

struct slice
repair_record(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena)
{
	const struct record *custodian = record_of(reconcile, row, SIDE_CUSTODIAN);
	return custodian == NULL ? SLICE_NONE : record_json(reconcile, custodian, arena);
}

struct slice
repair_transaction(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena)
{
	const struct record *custodian = record_of(reconcile, row, SIDE_CUSTODIAN);
	return custodian == NULL ? SLICE_NONE : texts_get(&reconcile->texts, custodian->members[MEMBER_ID], arena);
}

static struct slice
text_member(struct json object, const char *name, struct arena *arena)
{
	struct json value = json_member(object, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static void
put_data(struct json_writer *writer, struct json record, struct slice id, struct arena *arena)
{
	json_key(writer, "data");
	json_open(writer, '{');
	json_put_string(writer, "transaction_id", id);
	struct json_iterator members = json_iterate(record);
	struct json key, value;
	while (json_next(&members, &key, &value)) {
		struct slice name = json_text(arena, key);
		enum member member = member_find(name);
		if (member == MEMBER_ID || member == MEMBER_OCCURRED_AT || member == MEMBER_OTHER)
			continue;
		json_key_slice(writer, name);
		json_raw(writer, value.raw);
	}
	json_close(writer);
}

struct slice
repair_body(struct slice record, struct arena *arena, struct slice *event_id)
{
	struct json object;
	*event_id = SLICE_NONE;
	if (json_parse(record, LIMIT_JSON_DEPTH, &object, NULL) != OK || object.type != JSON_OBJECT)
		return SLICE_NONE;
	struct slice id = text_member(object, "id", arena);
	if (id.len == 0)
		return SLICE_NONE;
	struct buf body;
	struct json_writer writer;
	buf_init(&body, BODY_BYTES_MAX);
	json_writer_init(&writer, &body);
	json_open(&writer, '{');
	json_put_string(&writer, "type", REPAIR_TYPE);
	json_put_cstring(&writer, "version", "1");
	json_put_cstring(&writer, "source", "reconciliation");
	json_key(&writer, "resource");
	json_open(&writer, '{');
	json_put_cstring(&writer, "type", "transaction");
	json_put_string(&writer, "id", id);
	json_close(&writer);
	json_put_string(&writer, "occurred_at", text_member(object, "occurred_at", arena));
	put_data(&writer, object, id, arena);
	json_close(&writer);
	struct slice text = body.overflow ? SLICE_NONE : arena_copy(arena, buf_slice(&body));
	buf_free(&body);
	if (!slice_present(text))
		return SLICE_NONE;
	unsigned char digest[SHA256_BYTES];
	sha256(text, digest);
	struct buf hex;
	buf_init(&hex, 2 * SHA256_BYTES);
	hex_append(&hex, (struct slice){(const char *)digest, ID_BYTES});
	*event_id = arena_printf(arena, "reconciliation_%.*s", SLICE_ARG(buf_slice(&hex)));
	buf_free(&hex);
	return text;
}
