/* Records: what the custodian, the ledger and, put together from its events, the journal say of transactions.
 *
 * Read from CSV (RFC 4180 with a header) or JSON lines as a stream; the file is never held. Members have fixed names;
 * others are kept and shown. An empty member or null is unknown: not zero, and never a mismatch. Values are brought to
 * the form in which they compare (hashes, EVM addresses and bech32 in lower case, integers without leading zeros), so
 * that comparing is comparing numbers of `struct texts`.
 *
 * A row with a `balance_base_units` states a balance and is no transaction. */
#ifndef RECONCILE_RECORDS_H
#define RECONCILE_RECORDS_H

#include "base/clock.h"
#include "json/json.h"
#include "reconcile/states.h"
#include "reconcile/texts.h"

enum side { SIDE_JOURNAL, SIDE_CUSTODIAN, SIDE_LEDGER, SIDE_COUNT };
const char *side_name(enum side side); /* "journal", "custodian", "ledger" */

/* The members of a record, texts first. */
enum member {
	MEMBER_ID,
	MEMBER_CLIENT_REFERENCE,
	MEMBER_NETWORK,
	MEMBER_ASSET,
	MEMBER_AMOUNT,
	MEMBER_FEE,
	MEMBER_ADDRESS,
	MEMBER_TX_HASH,
	MEMBER_OUTPUT_INDEX,
	MEMBER_ACCOUNT, /* of the organisation, for balances; not one of the fixed members */
	MEMBER_TEXTS,
	MEMBER_DIRECTION = MEMBER_TEXTS,
	MEMBER_STATUS,
	MEMBER_OCCURRED_AT,
	MEMBER_BALANCE,
	MEMBER_COUNT,
	MEMBER_OTHER = MEMBER_COUNT, /* any other name */
};

/* By name; MEMBER_OTHER for one that has no meaning here. */
enum member member_find(struct slice name);
const char *member_name(enum member member);

#define TIME_UNKNOWN ((struct wall_time){INT64_MIN})

struct record {
	struct text members[MEMBER_TEXTS];
	struct text extra; /* unknown members: the inside of a JSON object, without its braces */
	uint32_t line;	   /* where it begins in its file; of the journal: the first event's number */
	struct wall_time occurred;
	unsigned char direction; /* enum direction */
	state_word status;
	bool reorged : 1;   /* journal: the last word is that the chain took it back, and nothing confirmed since */
	bool duplicate : 1; /* another record of its source came before it under the same key */
	bool sign_only : 1; /* a request to sign and not to send: signed is its end */
	uint32_t repeats;   /* how many duplicates it has */
};

struct balance {
	struct text network, asset, account, units;
	struct wall_time occurred;
	uint32_t line;
};

struct records {
	struct record *items;
	size_t count, capacity;
	struct balance *balances;
	size_t balance_count, balance_capacity;
	const char *path; /* borrowed; NULL for the journal */
};

void records_init(struct records *records);
void records_fini(struct records *records);
/* Room for one more, zeroed but for `occurred`. */
struct record *records_add(struct records *records);

static inline bool
time_known(struct wall_time time)
{
	return time.us != INT64_MIN;
}

/* What reading needs; `arena` is for the moment and is reset. */
struct record_context {
	struct texts *texts;
	const struct states *states;
	struct arena arena;
	struct text last[MEMBER_TEXTS + 1]; /* what the last record had */
};

enum record_format { RECORD_CSV, RECORD_JSONL };
/* Appends the records of a file. Errors name file and line, and what was expected. */
MUST_CHECK enum error_code records_read(struct record_context *context, enum record_format format, const char *path,
    struct records *records, struct error *error);

/* --- a record, member by member (for the readers of each form) -------------------------------------- */

struct record_draft {
	struct slice values[MEMBER_COUNT]; /* borrowed until record_make; absent or empty: unknown */
	bool sign_only;			   /* an unknown member `type` said so */
	struct buf extra;
};

void record_draft_init(struct record_draft *draft);
void record_draft_fini(struct record_draft *draft);
void record_draft_clear(struct record_draft *draft);
/* An unknown member with its value in JSON, or as a text. */
void record_draft_extra(struct record_draft *draft, struct slice name, struct slice json);
void record_draft_extra_text(struct record_draft *draft, struct slice name, struct slice text);
/* Interprets the values. ERR_INVALID names the column, the value and what was expected. */
MUST_CHECK enum error_code record_make(
    struct record_context *context, const struct record_draft *draft, struct record *record, struct error *error);
/* Makes unknown what record_make would refuse, each member by itself; not the time. */
void record_draft_drop_unfit(const struct record_context *context, struct record_draft *draft);

/* RFC 3339. */
MUST_CHECK bool record_time(struct slice text, struct wall_time *out);
/* In lower case where the network compares it without case, else as it is. */
struct slice canonical_hash(struct slice hash, struct arena *arena);
struct slice canonical_address(struct slice address, struct slice network, struct arena *arena);

/* --- the two forms ---------------------------------------------------------------------------------- */

enum { RECORD_ROW_BYTES_MAX = 1 << 20, RECORD_COLUMNS_MAX = 256 };

/* The bytes of a file, a piece at a time: data[at, len) is not taken yet. */
struct row_reader {
	const char *path;
	int fd;
	char *data;
	size_t at, len, capacity;
	size_t line; /* of the byte at `at`, from 1 */
	bool ended;  /* there is nothing behind `len` */
};

/* Reads on behind what is not taken yet. */
MUST_CHECK enum error_code row_reader_more(struct row_reader *reader, struct error *error);

struct record_reading {
	struct record_context *context;
	struct row_reader reader;
	struct record_draft draft;
	struct records *records;
};

/* Makes a record, or a balance, of the draft; an error names file and line. */
MUST_CHECK enum error_code record_reading_take(struct record_reading *reading, size_t line, struct error *error);
MUST_CHECK enum error_code record_reading_csv(struct record_reading *reading, struct error *error);
MUST_CHECK enum error_code record_reading_jsonl(struct record_reading *reading, struct error *error);

#endif
