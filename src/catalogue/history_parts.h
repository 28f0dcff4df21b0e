/* What the files of the history share. history.c keeps the order and the states; history_scenarios.c says what
 * happens; history_values.c derives names and numbers; history_dotted.c and history_legacy.c write bodies. */
#ifndef CATALOGUE_HISTORY_PARTS_H
#define CATALOGUE_HISTORY_PARTS_H

#include "catalogue/catalogue.h"
#include "catalogue/history.h"
#include "json/json.h"

/* Scenarios */

enum history_direction { DIRECTION_NONE, DIRECTION_IN, DIRECTION_OUT, DIRECTION_INTERNAL };

struct history_step {
	const char *type;
	unsigned wait_min, wait_max; /* after the step before: seconds, or blocks of the network */
	bool in_blocks;
	const char *note; /* the vote, `DECISION RATING`, or a reason */
};

struct history_scenario {
	const struct history_step *steps;
	size_t step_count;
	unsigned weight;
	enum history_direction direction; /* DIRECTION_NONE: no transaction */
};

extern const struct history_scenario history_scenarios[];
extern const size_t history_scenario_count;

/* Values */

enum history_family {
	FAMILY_BITCOIN,
	FAMILY_EVM,
	FAMILY_RIPPLE,
	FAMILY_CARDANO,
	FAMILY_SOLANA,
	FAMILY_SUBSTRATE,
	FAMILY_DOGE
};

struct history_asset {
	enum history_family family;
	const char *network; /* CAIP-2 */
	const char *asset;   /* `native` or the contract */
	const char *symbol, *name;
	const char *chain;	 /* legacy's word for the network */
	const char *wallet_type; /* legacy's `subWalletId.type` */
	unsigned decimals;
	unsigned digits;    /* behind the point, in amounts that people choose */
	uint64_t whole_max; /* a large amount */
	int64_t block_ms, block_start;
};

extern const struct history_asset history_assets[];
extern const size_t history_asset_count;

enum history_value {
	VALUE_RESOURCE,
	VALUE_WORKFLOW,
	VALUE_SCREENING,
	VALUE_EVENT,
	VALUE_DELAY,
	VALUE_WALLET,
	VALUE_WALLET_INDEX,
	VALUE_AMOUNT,
	VALUE_FEE,
	VALUE_ADDRESS,
	VALUE_FROM,
	VALUE_HASH,
	VALUE_BLOCK,
	VALUE_OUTPUT,
	VALUE_PERSON,
	VALUE_REFERENCE,
	VALUE_CHOICE,
};

/* A generator of its own for every value, so that no value depends on which others were asked for. */
struct random history_derive(const struct history_case *of, enum history_value value, uint64_t number);
struct slice history_uuid(
    const struct history_case *of, enum history_value value, uint64_t number, struct arena *arena);
/* `prefix` and 16 hexadecimal digits. */
struct slice history_name(
    const struct history_case *of, enum history_value value, uint64_t number, struct slice prefix, struct arena *arena);
struct slice history_address(const struct history_case *of, enum history_value value, struct arena *arena);
struct slice history_hash(
    const struct history_case *of, enum history_value value, uint64_t number, struct arena *arena);

/* One number in two spellings. */
struct history_amount {
	struct slice base_units, decimal;
};
struct history_amount history_amount(const struct history_case *of, struct arena *arena);
struct slice history_fee(const struct history_case *of, struct arena *arena);

/* Bodies */

/* One event, decided; what is left is to write it down. */
struct history_moment {
	const struct history_options *options;
	const struct history_case *of;
	const struct history_scenario *scenario;
	const struct history_step *step;
	const struct history_asset *asset;
	const struct catalogue_type *type;
	unsigned subject; /* index of resource_seq and status */
	struct slice event_id, transaction_id;
	struct slice previous_status, status; /* of what `status` in `data` speaks of */
	struct wall_time occurred_at, created_at;
	int64_t occurred_ms;
	uint64_t stream_seq;
};

void history_write_dotted(const struct history_moment *moment, struct arena *arena, struct buf *out);
/* The name under which the first generation sent the event on this network; absent when it sent none. */
struct slice history_legacy_name(const struct history_moment *moment);
void history_write_legacy(const struct history_moment *moment, struct arena *arena, struct buf *out);

#endif
