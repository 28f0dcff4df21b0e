/* Bodies of the platform's first generation: the envelope around a payload whose members depend on the type.
 * A deposit is named by hash and address, a request by its id. */
#include "catalogue/history_parts.h"

#include <inttypes.h>

static bool
names_chain(struct slice name, struct slice chain)
{
	return slice_starts(name, chain) && name.len > chain.len && name.ptr[chain.len] == '_';
}

static bool
names_any_chain(struct slice name)
{
	for (size_t i = 0; i < history_asset_count; i++)
		if (names_chain(name, slice_of(history_assets[i].chain)))
			return true;
	return false;
}

/* The name of this network, else the last that is bound to none. */
struct slice
history_legacy_name(const struct history_moment *moment)
{
	struct slice_list names = moment->type->legacy_names;
	struct slice found = SLICE_NONE, chain = slice_of(moment->asset->chain);
	struct random choice = history_derive(moment->of, VALUE_CHOICE, 0);
	size_t fitting = 0;
	for (size_t i = 0; i < names.count; i++)
		if (names_chain(names.items[i], chain) && random_below(&choice, ++fitting) == 0)
			found = names.items[i];
	if (slice_present(found))
		return found;
	for (size_t i = 0; i < names.count; i++)
		if (!names_any_chain(names.items[i]))
			found = names.items[i];
	return found;
}

static void
put_wallet(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	struct slice id = history_uuid(moment->of, VALUE_WALLET, 0, arena);
	struct random random = history_derive(moment->of, VALUE_WALLET_INDEX, 0);
	int64_t index = (int64_t)random_below(&random, 40);
	json_put_string(writer, "trustId", moment->options->organisation);
	json_key(writer, "subWalletId");
	json_open(writer, '{');
	json_put_string(writer, "id", id);
	json_put_cstring(writer, "type", moment->asset->wallet_type);
	json_put_integer(writer, "index", index);
	json_close(writer);
	json_put_string(writer, "subWalletIdString",
	    arena_printf(arena, "%.*s/%s/%" PRId64, SLICE_ARG(id), moment->asset->wallet_type, index));
}

/* The note of the screening that follows: `DECISION RATING`. */
static struct slice
screening_note(const struct history_scenario *scenario)
{
	for (size_t i = 0; i < scenario->step_count; i++)
		if (strcmp(scenario->steps[i].type, "compliance.kyt.screening_completed") == 0)
			return slice_of(scenario->steps[i].note);
	return SLICE("ALLOW UNKNOWN");
}

static void
put_compliance(struct json_writer *writer, const struct history_moment *moment, struct slice hash, struct slice address,
    struct arena *arena)
{
	struct slice rating = screening_note(moment->scenario);
	struct slice decision = slice_cut(&rating, ' ');
	bool high = slice_is(rating, "HIGH");
	json_key(writer, "complianceInfo");
	json_open(writer, '{');
	json_put_cstring(writer, "asset", moment->asset->symbol);
	json_put_string(
	    writer, "transferReference", arena_printf(arena, "%.*s:%.*s", SLICE_ARG(hash), SLICE_ARG(address)));
	json_put_cstring(writer, "status", "SUCCESS");
	json_put_string(writer, "decision", decision);
	json_key(writer, "data");
	json_open(writer, '{');
	json_put_string(writer, "riskRating", rating);
	json_key(writer, "cluster");
	json_open(writer, '{');
	json_put_string(writer, "name", SLICE_NONE);
	json_put_string(writer, "category", high ? SLICE("mixing") : SLICE_NONE);
	json_close(writer);
	json_close(writer);
	json_close(writer);
}

static void
put_received(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	const struct history_asset *asset = moment->asset;
	struct history_amount amount = history_amount(moment->of, arena);
	struct slice address = history_address(moment->of, VALUE_ADDRESS, arena);
	put_wallet(writer, moment, arena);
	if (strcmp(asset->asset, "native") == 0) {
		json_put_string(writer, "transactionAmount", amount.base_units);
	} else {
		json_put_cstring(writer, "assetName", asset->name);
		json_put_cstring(writer, "contractAddress", asset->asset);
		json_put_string(writer, "quantity", amount.decimal);
		json_put_string(writer, "rawQuantity", amount.base_units);
	}
	if (asset->family == FAMILY_BITCOIN)
		json_put_string(writer, "bitcoinAddress", address);
	json_put_cstring(writer, "transactionType", "RECEIVED");
	json_put_integer(writer, "blockHeight", moment->of->block_height);
	put_compliance(writer, moment, history_hash(moment->of, VALUE_HASH, 0, arena), address, arena);
}

static void
put_bitcoin_sign_data(struct json_writer *writer, struct slice address, struct slice base_units)
{
	json_key(writer, "transaction");
	json_open(writer, '{');
	json_put_integer(writer, "version", 2);
	json_key(writer, "inputs");
	json_raw(writer, SLICE("[]"));
	json_key(writer, "outputs");
	json_open(writer, '[');
	json_open(writer, '{');
	json_put_string(writer, "recipientAddress", address);
	json_key(writer, "amountToSend");
	json_raw(writer, base_units);
	json_close(writer);
	json_close(writer);
	json_put_integer(writer, "lockTime", 0);
	json_put_integer(writer, "sighash", 1);
	json_close(writer);
}

static void
put_sign_data(
    struct json_writer *writer, const struct history_moment *moment, struct slice base_units, struct arena *arena)
{
	struct slice address = history_address(moment->of, VALUE_ADDRESS, arena);
	bool native = strcmp(moment->asset->asset, "native") == 0;
	json_key(writer, "signData");
	json_open(writer, '{');
	if (moment->asset->family == FAMILY_BITCOIN) {
		put_bitcoin_sign_data(writer, address, base_units);
	} else {
		/* A token's transaction goes to its contract and carries no value of its own. */
		json_key(writer, moment->asset->family == FAMILY_EVM ? "transaction" : "data");
		json_open(writer, '{');
		json_put_string(writer, "to", native ? address : slice_of(moment->asset->asset));
		json_put_string(writer, "value", native ? base_units : SLICE("0"));
		json_close(writer);
	}
	json_close(writer);
}

static void
put_value_definition(struct json_writer *writer, const struct history_moment *moment, struct slice decimal)
{
	const struct history_asset *asset = moment->asset;
	const char *type = "UNABLE_TO_PRICE";
	if (strcmp(asset->asset, "native") != 0)
		type = "ERC20";
	else if (strcmp(asset->symbol, "BTC") == 0 || strcmp(asset->symbol, "ETH") == 0)
		type = asset->symbol;
	json_key(writer, "transferValueDefinition");
	json_open(writer, '{');
	json_put_cstring(writer, "type", type);
	json_key(writer, "transferAmount");
	json_open(writer, '{');
	json_put_string(writer, "value", decimal);
	json_put_cstring(writer, "currency", asset->symbol);
	json_close(writer);
	json_close(writer);
}

static void
put_request(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	const struct history_asset *asset = moment->asset;
	struct history_amount amount = history_amount(moment->of, arena);
	struct random choice = history_derive(moment->of, VALUE_CHOICE, 1);
	json_put_string(writer, "requestId", moment->transaction_id);
	put_wallet(writer, moment, arena);
	json_put_cstring(writer, "assetSymbol", asset->symbol);
	json_put_cstring(writer, "chain", asset->chain);
	put_sign_data(writer, moment, amount.base_units, arena);
	if (asset->family == FAMILY_BITCOIN) {
		json_key(writer, "fee");
		json_raw(writer, history_fee(moment->of, arena));
	}
	if (asset->family == FAMILY_BITCOIN || asset->family == FAMILY_EVM)
		put_value_definition(writer, moment, amount.decimal);
	json_put_bool(writer, "includedInAddressBook", random_chance(&choice, 2, 3));
}

/* One message for each block, with all transfers of it that concern the organisation; here it is one. */
static void
put_block(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	struct history_amount amount = history_amount(moment->of, arena);
	json_put_integer(
	    writer, "blockHeight", moment->asset->block_start + moment->occurred_ms / moment->asset->block_ms);
	json_key(writer, "transfers");
	json_open(writer, '[');
	json_open(writer, '{');
	put_wallet(writer, moment, arena);
	if (strcmp(moment->asset->asset, "native") == 0) {
		json_put_string(writer, "transactionAmount", amount.base_units);
	} else {
		json_put_cstring(writer, "contractAddress", moment->asset->asset);
		json_put_string(writer, "rawQuantity", amount.base_units);
	}
	json_put_string(writer, "transactionHash", history_hash(moment->of, VALUE_HASH, 0, arena));
	json_put_string(writer, "from", history_address(moment->of, VALUE_FROM, arena));
	json_put_string(writer, "to", history_address(moment->of, VALUE_ADDRESS, arena));
	json_close(writer);
	json_close(writer);
}

static void
put_other(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	bool transaction = slice_present(moment->transaction_id);
	json_put_string(writer, "requestId",
	    transaction ? moment->transaction_id : history_uuid(moment->of, VALUE_RESOURCE, 0, arena));
	if (slice_is(moment->type->service, "governance")) {
		json_put_string(writer, "trustId", moment->options->organisation);
		json_put_string(writer, "walletId", history_uuid(moment->of, VALUE_WALLET, 0, arena));
		return;
	}
	put_wallet(writer, moment, arena);
	if (!slice_is(moment->type->name, "transaction.message_sign.requested"))
		return;
	json_key(writer, "signData");
	json_open(writer, '{');
	json_key(writer, "data");
	json_open(writer, '{');
	json_put_cstring(writer, "message", "I own this address.");
	json_put_string(writer, "address", history_address(moment->of, VALUE_ADDRESS, arena));
	json_put_cstring(writer, "version", "V4");
	json_close(writer);
	json_close(writer);
}

static void
put_payload(struct json_writer *writer, const struct history_moment *moment, struct arena *arena)
{
	struct slice type = moment->type->name;
	if (slice_is(type, "transaction.deposit.confirmed"))
		put_received(writer, moment, arena);
	else if (slice_is(type, "transaction.request.created"))
		put_request(writer, moment, arena);
	else if (slice_is(type, "transaction.internal_transfer.detected"))
		put_block(writer, moment, arena);
	else
		put_other(writer, moment, arena);
}

void
history_write_legacy(const struct history_moment *moment, struct arena *arena, struct buf *out)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	json_put_string(&writer, "messageId", moment->event_id);
	json_put_cstring(&writer, "version", "1.0.0");
	json_put_string(&writer, "type", history_legacy_name(moment));
	json_put_integer(&writer, "timestamp", moment->occurred_at.us / 1000);
	json_put_cstring(&writer, "isoTimestamp", time_format(moment->occurred_at, 3, time));
	json_key(&writer, "payload");
	json_open(&writer, '{');
	put_payload(&writer, moment, arena);
	json_close(&writer);
	json_close(&writer);
}
