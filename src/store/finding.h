/* What the receiver found at a start not to fit its anchor (anchor.h), and what people said of it: DIR/journal.findings.
 *
 *   OPEN ──one person proposes──▶ PROPOSED ──another one accepts──▶ ACCEPTED
 *
 * A finding stays for good. Until it is accepted, `vaultbell journal verify` reports it; afterwards it is held to be known and
 * explained, and the check goes on from there: over the numbers that are missing, with the chain value that the anchor had
 * of their end; or past a mark that the rows do not reach. An altered row or body is no finding and cannot be accepted.
 *
 * The file has a line of JSON for each and is sealed under master.key as the anchor is: whoever cannot read that key cannot
 * write one that opens. One that does not open accepts nothing. */
#ifndef STORE_FINDING_H
#define STORE_FINDING_H

#include "store/store.h"

enum { FINDINGS_MAX = 32, FINDING_REASON_BYTES_MAX = 1000 };

enum finding_kind {
	FINDING_CUT,	 /* the journal ended at `have`, before the end that was anchored */
	FINDING_DISPUTE, /* the row that was anchored differs, or nothing said where the journal ended (a chain of zeros) */
	FINDING_KIND_COUNT,
};

enum finding_state { FINDING_OPEN, FINDING_PROPOSED, FINDING_ACCEPTED, FINDING_STATE_COUNT };

struct finding_step {
	struct slice by, reason;
	struct wall_time at;
};

struct finding {
	enum finding_kind kind;
	int64_t have;
	struct store_journal_end end; /* as the anchor had it */
	struct wall_time at;	      /* when it was found */
	enum finding_state state;
	struct finding_step proposed, accepted; /* as far as its state goes */
};

/* Zeroed: none. */
struct findings {
	struct finding items[FINDINGS_MAX];
	size_t count;
	bool unreadable; /* there is a file that is not ours */
	struct arena arena;
};

const char *finding_kind_name(enum finding_kind kind);
const char *finding_state_name(enum finding_state state);

MUST_CHECK enum error_code findings_read(
    const char *directory, const struct sealer *sealer, struct findings *out, struct error *error);
void findings_free(struct findings *findings);
/* Seals and writes the file whole. */
MUST_CHECK enum error_code findings_write(
    const char *directory, const struct sealer *sealer, const struct findings *findings, struct error *error);
/* Held while the file is read, changed and written; -1 with the error said. Closing it lets go. */
int findings_lock(const char *directory, struct error *error);
/* Adds one that is open, unless the very same is there; `again`: it happened once more, so that one that was accepted does
 * not speak for it. Under the lock, which it takes itself. */
MUST_CHECK enum error_code findings_note(
    const char *directory, const struct sealer *sealer, const struct finding *finding, bool again, struct error *error);
/* Whether they say the same of the journal, whatever people said of them. */
bool finding_same(const struct finding *finding, const struct finding *other);
/* Seals the file with the key that sealing uses now; one that is not there stays so. Takes the lock. */
MUST_CHECK enum error_code findings_reseal(const char *directory, const struct sealer *sealer, struct error *error);

/* A person's word on it. ERR_FORBIDDEN: another person has to accept it; ERR_CONFLICT: it is accepted. Pure. */
MUST_CHECK enum error_code finding_decide(
    struct finding *finding, struct slice by, struct slice reason, struct wall_time now, struct error *error);

#endif
