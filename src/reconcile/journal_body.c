/* What a journalled body says: the envelope, or the platform's first generation. */
#include "reconcile/journal.h"

#include "base/limits.h"

/* The text of a member where it is a string, or a number that is written as an integer. */
static struct slice
text_of(struct record_context *context, struct json object, const char *name)
{
	if (object.type != JSON_OBJECT)
		return SLICE_NONE;
	struct json value = json_member(object, name);
	if (value.type == JSON_STRING)
		return json_text(&context->arena, value);
	return value.type == JSON_NUMBER ? value.raw : SLICE_NONE;
}

static int64_t
number_of(struct record_context *context, struct json object, const char *name)
{
	int64_t number;
	return slice_to_int64(text_of(context, object, name), &number) ? number : -1;
}

static struct wall_time
time_of(struct record_context *context, struct json object, const char *name)
{
	struct wall_time time;
	return time_parse(text_of(context, object, name), &time) ? time : TIME_UNKNOWN;
}

/* Whether the event speaks of a transaction: its own events, and the screening that may move it. What else carries a
 * transaction's id (an approval, a travel rule message) says nothing of its state. */
static bool
concerns_transaction(struct journal_body *out, struct json resource)
{
	const struct catalogue_type *type = out->type;
	out->sign_only = type != NULL && slice_is(type->lifecycle, "message_sign");
	out->own = out->sign_only || (type != NULL && slice_is(type->resource_kind, "transaction"));
	if (!out->own && resource.type == JSON_OBJECT) {
		struct json kind = json_member(resource, "type");
		out->own = kind.type == JSON_STRING && json_text_is(kind, SLICE("transaction"));
	}
	if (out->own)
		return true;
	return type != NULL && (slice_starts(type->name, SLICE("compliance.kyt.")) ||
				   slice_starts(type->name, SLICE("compliance.decision.")));
}

/* A member's name; those that have a meaning are written without escapes. */
static struct slice
name_of(struct json key)
{
	return (struct slice){key.raw.ptr + 1, key.raw.len - 2};
}

/* A string without escapes is read in place. */
static struct slice
value_of(struct record_context *context, struct json value)
{
	if (value.type == JSON_NUMBER)
		return value.raw;
	if (memchr(value.raw.ptr, '\\', value.raw.len) == NULL)
		return (struct slice){value.raw.ptr + 1, value.raw.len - 2};
	return json_text(&context->arena, value);
}

/* Takes the members of `data`; returns the transaction's id. */
static struct slice
read_data(struct record_context *context, struct json data, struct record_draft *draft)
{
	struct slice id = SLICE_NONE;
	if (data.type != JSON_OBJECT)
		return id;
	struct json_iterator members = json_iterate(data);
	struct json key, value;
	while (json_next(&members, &key, &value)) {
		if (value.type != JSON_STRING && value.type != JSON_NUMBER)
			continue;
		struct slice name = name_of(key);
		enum member member = member_find(name);
		if (slice_is(name, "transaction_id"))
			id = value_of(context, value);
		else if (member != MEMBER_ID && member < MEMBER_BALANCE && member != MEMBER_OCCURRED_AT)
			draft->values[member] = value_of(context, value);
	}
	return id;
}

/* The members of the envelope that matter, found in one walk. */
struct envelope {
	struct json resource, data, organisation, occurred_at, stream_seq, client_reference, payload;
};

static struct envelope
envelope_of(struct json body)
{
	struct envelope found = {.resource = JSON_ABSENT};
	const struct {
		struct slice name;
		struct json *out;
	} wanted[] = {{SLICE("resource"), &found.resource}, {SLICE("data"), &found.data},
	    {SLICE("organisation"), &found.organisation}, {SLICE("occurred_at"), &found.occurred_at},
	    {SLICE("stream_seq"), &found.stream_seq}, {SLICE("client_reference"), &found.client_reference},
	    {SLICE("payload"), &found.payload}};
	struct json_iterator members = json_iterate(body);
	struct json key, value;
	while (json_next(&members, &key, &value))
		for (size_t i = 0; i < COUNT_OF(wanted); i++)
			if (slice_equal(name_of(key), wanted[i].name))
				*wanted[i].out = value;
	return found;
}

static struct slice
scalar(struct record_context *context, struct json value)
{
	return value.type == JSON_STRING || value.type == JSON_NUMBER ? value_of(context, value) : SLICE_NONE;
}

static void
read_envelope(struct record_context *context, const struct envelope *body, struct journal_body *out)
{
	struct wall_time occurred;
	int64_t number;
	out->organisation = scalar(context, body->organisation);
	if (record_time(scalar(context, body->occurred_at), &occurred))
		out->occurred = occurred;
	/* A heartbeat takes no number itself, and carries the newest one. */
	if (out->type != NULL && slice_is(out->type->name, "webhook.heartbeat")) {
		out->newest = number_of(context, body->data, "newest_stream_seq");
		out->newest_header = number_of(context, body->data, "newest_sequence");
	} else if (slice_to_int64(scalar(context, body->stream_seq), &number)) {
		out->stream_seq = number;
	}
	if (!concerns_transaction(out, body->resource))
		return;
	out->key = read_data(context, body->data, &out->draft);
	if (out->key.len == 0 && out->own)
		out->key = text_of(context, body->resource, "id");
	out->draft.values[MEMBER_ID] = out->key;
	if (out->draft.values[MEMBER_CLIENT_REFERENCE].len == 0)
		out->draft.values[MEMBER_CLIENT_REFERENCE] = scalar(context, body->client_reference);
}

/* --- the first generation --------------------------------------------------------------------------- */

static struct slice
legacy_network(struct slice type)
{
	static const struct {
		struct slice prefix, network;
	} chains[] = {
	    {SLICE_STATIC("BITCOIN_"), SLICE_STATIC("bip122:000000000019d6689c085ae165831e93")},
	    {SLICE_STATIC("ETHEREUM_"), SLICE_STATIC("eip155:1")},
	    {SLICE_STATIC("BINANCE_SMART_CHAIN_"), SLICE_STATIC("eip155:56")},
	    {SLICE_STATIC("POLYGON_"), SLICE_STATIC("eip155:137")},
	    {SLICE_STATIC("AVALANCHE_"), SLICE_STATIC("eip155:43114")},
	    {SLICE_STATIC("FANTOM_"), SLICE_STATIC("eip155:250")},
	};
	for (size_t i = 0; i < COUNT_OF(chains); i++)
		if (slice_starts(type, chains[i].prefix))
			return chains[i].network;
	return SLICE_NONE;
}

/* A request is named by its id, a deposit by `<hash>:<receiving address>` of its screening. */
static void
read_legacy(struct record_context *context, struct json body, struct slice type, struct journal_body *out)
{
	struct json payload = json_member(body, "payload");
	struct slice *values = out->draft.values;
	out->organisation = text_of(context, payload, "trustId");
	out->occurred = time_of(context, body, "isoTimestamp");
	if (slice_is(type, "webhook.heartbeat"))
		out->newest_header = number_of(context, payload, "newest_sequence");
	out->sign_only = out->type != NULL && slice_is(out->type->lifecycle, "message_sign");
	if (out->type == NULL || (!out->sign_only && !slice_is(out->type->resource_kind, "transaction")))
		return;
	out->own = true;
	struct slice request = text_of(context, payload, "requestId");
	struct json screening = json_member(payload, "complianceInfo");
	struct slice transfer = text_of(context, screening, "transferReference");
	out->key = request.len > 0 ? request : transfer;
	if (out->key.len == 0)
		return;
	values[MEMBER_ID] = request;
	values[MEMBER_NETWORK] = legacy_network(type);
	if (transfer.len > 0) {
		struct slice address = transfer;
		values[MEMBER_TX_HASH] = slice_cut(&address, ':');
		values[MEMBER_ADDRESS] = address;
	}
	if (request.len > 0)
		return;
	struct slice contract = text_of(context, payload, "contractAddress");
	values[MEMBER_DIRECTION] = SLICE("in");
	values[MEMBER_ASSET] = contract.len > 0 ? contract : SLICE("native");
	values[MEMBER_AMOUNT] = text_of(context, payload, contract.len > 0 ? "rawQuantity" : "transactionAmount");
}

bool
journal_body_read(struct record_context *context, struct slice body, struct slice type, struct journal_body *out)
{
	record_draft_clear(&out->draft);
	out->key = out->organisation = SLICE_NONE;
	out->stream_seq = out->newest = out->newest_header = -1;
	out->occurred = TIME_UNKNOWN;
	out->own = out->sign_only = false;
	struct json object;
	if (!slice_present(body) || json_parse(body, LIMIT_JSON_DEPTH, &object, NULL) != OK ||
	    object.type != JSON_OBJECT)
		return false;
	out->type = catalogue_find(type);
	struct envelope envelope = envelope_of(object);
	bool legacy = out->type == NULL || slice_is(out->type->name, "webhook.heartbeat");
	if (legacy && envelope.payload.type == JSON_OBJECT) {
		out->type = catalogue_find_legacy(type);
		read_legacy(context, object, type, out);
	} else {
		read_envelope(context, &envelope, out);
	}
	return true;
}
