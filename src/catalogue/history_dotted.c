/* Bodies in the dotted style: the envelope and the `data` of the money types. What concerns no transaction takes
 * its shape from the catalogue's example, under an id and an address of its own. */
#include "catalogue/history_parts.h"

#include "base/limits.h"

static struct json
example_of(const struct catalogue_type *type)
{
	struct json example;
	ENSURE(json_parse(type->example_json, LIMIT_JSON_DEPTH, &example, NULL) == OK);
	return example;
}

static struct slice
resource_id(const struct history_moment *moment, struct json example, struct arena *arena)
{
	if (slice_is(moment->type->resource_kind, "transaction"))
		return moment->transaction_id;
	if (slice_is(moment->type->resource_kind, "workflow"))
		return history_name(moment->of, VALUE_WORKFLOW, 0, SLICE("wf_"), arena);
	if (slice_is(moment->type->resource_kind, "case"))
		return history_name(moment->of, VALUE_SCREENING, 0, SLICE("case_"), arena);
	struct slice rest = json_text(arena, json_member(json_member(example, "resource"), "id"));
	struct slice prefix = slice_cut(&rest, '_');
	return history_name(moment->of, VALUE_RESOURCE, 0, arena_printf(arena, "%.*s_", SLICE_ARG(prefix)), arena);
}

static struct slice
client_reference(const struct history_moment *moment, struct arena *arena)
{
	if (moment->scenario->direction != DIRECTION_OUT)
		return SLICE_NONE;
	return history_name(moment->of, VALUE_REFERENCE, 0, SLICE("ref-"), arena);
}

static const char *
direction_name(enum history_direction direction)
{
	switch (direction) {
	case DIRECTION_IN: return "in";
	case DIRECTION_OUT: return "out";
	case DIRECTION_INTERNAL: return "internal";
	case DIRECTION_NONE: break;
	}
	UNREACHABLE();
}

static void
put_chain(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	const struct history_case *of = moment->of;
	if (!of->on_chain)
		return;
	json_put_string(writer, "tx_hash", history_hash(of, VALUE_HASH, of->hash_number, arena));
	if (of->hash_number > 0)
		json_put_string(writer, "replaces_tx_hash", history_hash(of, VALUE_HASH, of->hash_number - 1, arena));
	struct random output = history_derive(of, VALUE_OUTPUT, 0);
	json_put_integer(
	    writer, "output_index", (int64_t)random_below(&output, moment->asset->family == FAMILY_EVM ? 300 : 4));
	if (of->block_height == 0) {
		json_put_integer(writer, "confirmations", 0);
		return;
	}
	int64_t newest = moment->asset->block_start + moment->occurred_ms / moment->asset->block_ms;
	json_put_integer(writer, "block_height", of->block_height);
	json_put_string(writer, "block_hash", history_hash(of, VALUE_BLOCK, of->block_number, arena));
	json_put_integer(writer, "confirmations", newest - of->block_height + 1);
	if (moment->scenario->direction != DIRECTION_IN) {
		json_put_string(writer, "fee_base_units", history_fee(of, arena));
		json_put_cstring(writer, "fee_asset", "native");
	}
}

static void
put_money(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	const struct history_asset *asset = moment->asset;
	struct history_amount amount = history_amount(moment->of, arena);
	struct slice reference = client_reference(moment, arena);
	json_put_string(writer, "transaction_id", moment->transaction_id);
	if (slice_present(reference))
		json_put_string(writer, "client_reference", reference);
	json_put_cstring(writer, "direction", direction_name(moment->scenario->direction));
	json_put_cstring(writer, "network", asset->network);
	json_put_cstring(writer, "asset", asset->asset);
	json_put_cstring(writer, "symbol", asset->symbol);
	json_put_string(writer, "amount_base_units", amount.base_units);
	json_put_string(writer, "amount", amount.decimal);
	json_put_integer(writer, "decimals", asset->decimals);
	json_put_string(writer, "address", history_address(moment->of, VALUE_ADDRESS, arena));
	if (moment->scenario->direction != DIRECTION_OUT)
		json_put_string(writer, "from_address", history_address(moment->of, VALUE_FROM, arena));
	put_chain(writer, moment, arena);
	json_put_string(writer, "status", moment->status);
}

static void
put_workflow(struct json_writer *writer, const struct history_moment *moment, struct slice id)
{
	json_put_string(writer, "workflow_id", id);
	json_key(writer, "subject");
	json_open(writer, '{');
	json_put_cstring(writer, "type", "transaction");
	json_put_string(writer, "id", moment->transaction_id);
	json_close(writer);
	json_put_string(writer, "transaction_id", moment->transaction_id);
	json_put_integer(writer, "approvals_required", 2);
	json_put_integer(writer, "approvals_given", moment->of->votes);
	if (moment->step->note != NULL)
		json_put_cstring(writer, "vote", moment->step->note);
	json_put_string(writer, "status", moment->status);
}

static void
put_screening(struct json_writer *writer, const struct history_moment *moment, struct slice id, struct arena *arena)
{
	json_put_string(writer, "case_id", id);
	json_put_string(writer, "case_status", moment->of->status[moment->subject]);
	put_money(writer, moment, arena);
	if (moment->step->note == NULL)
		return;
	struct slice rating = slice_of(moment->step->note);
	struct slice decision = slice_cut(&rating, ' ');
	if (!slice_present(rating)) {
		json_put_string(writer, "reason", decision);
		return;
	}
	json_key(writer, "compliance");
	json_open(writer, '{');
	json_put_string(writer, "decision", decision);
	json_put_string(writer, "risk_rating", rating);
	json_put_cstring(writer, "provider", "chain-screening");
	json_put_string(writer, "reference", history_name(moment->of, VALUE_SCREENING, 1, SLICE("scr_"), arena));
	json_close(writer);
}

/* The example's members, but for what must be this resource's own; it names no transaction, for there is none. */
static void
put_like_example(struct json_writer *writer, const struct history_moment *moment, struct json example, struct slice id,
    struct arena *arena)
{
	struct slice example_id = json_text(arena, json_member(json_member(example, "resource"), "id"));
	struct json_iterator members = json_iterate(json_member(example, "data"));
	struct json key, value;
	while (json_next(&members, &key, &value)) {
		struct slice name = json_text(arena, key);
		if (slice_is(name, "transaction_id"))
			continue;
		json_key_slice(writer, name);
		if (value.type == JSON_STRING && json_text_is(value, example_id))
			json_string(writer, id);
		else if (slice_is(name, "address"))
			json_string(writer, history_address(moment->of, VALUE_ADDRESS, arena));
		else
			json_raw(writer, value.raw);
	}
}

static void
put_data(struct json_writer *writer, const struct history_moment *moment, struct json example, struct slice id,
    struct arena *arena)
{
	json_key(writer, "data");
	json_open(writer, '{');
	if (slice_is(moment->type->resource_kind, "transaction"))
		put_money(writer, moment, arena);
	else if (slice_is(moment->type->resource_kind, "workflow"))
		put_workflow(writer, moment, id);
	else if (slice_is(moment->type->resource_kind, "case"))
		put_screening(writer, moment, id, arena);
	else
		put_like_example(writer, moment, example, id, arena);
	json_close(writer);
}

static void
put_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(writer, name, time_format(time, 3, text));
}

/* A person where the example has one. */
static void
put_actor(struct json_writer *writer, const struct history_moment *moment, struct json example, struct arena *arena)
{
	struct json actor = json_member(example, "actor");
	json_key(writer, "actor");
	if (!json_text_is(json_member(actor, "type"), SLICE("user"))) {
		json_raw(writer, actor.raw);
		return;
	}
	json_open(writer, '{');
	json_put_cstring(writer, "type", "user");
	json_put_string(writer, "id", history_name(moment->of, VALUE_PERSON, moment->of->step, SLICE("usr_"), arena));
	json_close(writer);
}

void
history_write_dotted(const struct history_moment *moment, struct arena *arena, struct buf *out)
{
	struct json example = example_of(moment->type);
	struct slice id = resource_id(moment, example, arena);
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	json_put_string(&writer, "id", moment->event_id);
	json_put_string(&writer, "type", moment->type->name);
	json_put_string(&writer, "version", moment->type->version);
	json_put_string(&writer, "environment", moment->options->environment);
	json_put_string(&writer, "organisation", moment->options->organisation);
	json_put_string(&writer, "service", moment->type->service);
	json_key(&writer, "resource");
	json_open(&writer, '{');
	json_put_string(&writer, "type", moment->type->resource_kind);
	json_put_string(&writer, "id", id);
	json_close(&writer);
	json_put_integer(&writer, "resource_seq", (int64_t)moment->of->resource_seq[moment->subject]);
	json_put_integer(&writer, "stream_seq", (int64_t)moment->stream_seq);
	put_time(&writer, "occurred_at", moment->occurred_at);
	put_time(&writer, "created_at", moment->created_at);
	json_put_string(&writer, "previous_status", moment->previous_status);
	put_actor(&writer, moment, example, arena);
	json_put_string(&writer, "correlation_id", history_name(moment->of, VALUE_REFERENCE, 1, SLICE("cor_"), arena));
	json_put_string(&writer, "client_reference", client_reference(moment, arena));
	put_data(&writer, moment, example, id, arena);
	json_close(&writer);
}
