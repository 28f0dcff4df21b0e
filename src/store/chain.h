/* The journal's chain: what makes an alteration show, and the one place that says what it covers.
 *
 *   chain_0 = SHA-256("vaultbell journal 1")
 *   chain_n = SHA-256(chain_{n-1} || every member of row n, each with its length)
 *
 * The body is covered by its digest, which is a member, and the check hashes the stored body against it. Anyone can
 * compute this, so whoever may write the database can also chain it anew: what such a one cannot do is reach a chain
 * value that is known elsewhere. That is what marks are for: (seq, chain) pairs kept outside of the table (anchor.h).
 *
 * Pure; the same for every store. */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "store/store.h"

struct store_journal_end chain_start(void);
/* Moves `end` over `row`, whose members are all filled but `chain`. */
void chain_add(struct store_journal_end *end, const struct store_journal_row *row);
/* By what a repeat is looked up: the first 64 bits of the event id's hash. */
int64_t chain_lookup(struct slice event_id);
/* Makes the message the journal's: of no organisation, and its source as its one channel, so that whoever delivers it
 * knows where it came from. */
void chain_own_message(const struct store_journal *journal);
/* What the message row of a journalled body holds beside the payload; anything else was put there by somebody else. */
bool chain_fits_message(const struct store_journal_row *row, const struct message *message);

enum { CHAIN_MARKS_MAX = 34, CHAIN_CUTS_MAX = 32 };

struct chain_mark {
	struct store_journal_end end;
	const char *name; /* what says so: "journal.head" */
};

/* Rows that are known to be missing, and accepted: behind `have`, up to the end. */
struct chain_cut {
	int64_t have;
	struct store_journal_end end;
};

/* A walk over all rows by rising seq, with their bodies, up to the first that is bad. */
struct chain_check {
	struct store_journal_end end; /* of the rows that are good */
	struct chain_mark marks[CHAIN_MARKS_MAX];
	size_t mark_count;
	struct chain_cut cuts[CHAIN_CUTS_MAX];
	size_t cut_count;
	int64_t passed_over; /* how many numbers of these are missing */
	bool failed;
	int64_t bad_seq; /* when failed */
	char reason[200];
};

void chain_check_init(struct chain_check *check);
/* Before the first row. */
void chain_check_mark(struct chain_check *check, const struct store_journal_end *end, const char *name);
/* The same. The check goes on behind the cut, from its chain value, where the rows end before it. */
void chain_check_cut(struct chain_check *check, int64_t have, const struct store_journal_end *end);
/* False: this row is bad, and so is the check. */
bool chain_check_row(struct chain_check *check, const struct store_journal_row *row);
/* After the last row: whether the end is there that the marks know. */
bool chain_check_finish(struct chain_check *check);
/* For chains of other rows: the steps of chain_check_row. `seq` must be the next one; `next` is the end after a row that
 * is good; a row is bad for this reason. All false when the check has failed. */
bool chain_check_seq(struct chain_check *check, int64_t seq);
bool chain_check_reach(struct chain_check *check, const struct store_journal_end *next);
bool chain_check_fail(struct chain_check *check, int64_t seq, const char *format, ...) PRINTF_LIKE(3, 4);
/* How members are written for hashing: eight bytes, most significant first; the length, then the bytes. */
void chain_put_number(struct buf *out, int64_t value);
void chain_put_text(struct buf *out, struct slice text);

/* All of it: every row of the store, then the end. ERR_… only when the store cannot be read; a bad row is `failed`. */
MUST_CHECK enum error_code chain_check_store(struct chain_check *check, struct store *store, struct error *error);

#endif
