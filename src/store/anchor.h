/* The anchor: where the journal ended, kept outside of the database in DIR/journal.head, so that an end that was cut off
 * shows, and a journal that was chained anew shows too.
 *
 * A text file, sealed under master.key (sign.h): whoever cannot read that key cannot write an anchor that opens.
 *
 *   vaultbell journal head 1
 *   end SEQ CHAIN
 *   disputed SEQ CHAIN        when once it did not fit what the database held; the first such one stays for good
 *   seal BASE64
 *
 * It is one sector, written over in place: no file comes and goes while the receiver runs. It is written at open, at most
 * once a second while the journal grows, and at close; always after the commit, so that what it says is on the disk
 * before it does. It may be behind the journal by a second and never ahead of it.
 *
 * At open it is held against the database. When the journal is shorter, its numbers go on behind the anchored end, so
 * that what is missing stays a gap. When it differs, or when there is no anchor beside a journal that has rows, that is
 * kept as disputed. Nothing of this stops the receiver: evidence is kept, and events are taken. */
#ifndef STORE_ANCHOR_H
#define STORE_ANCHOR_H

#include "store/store.h"

enum { ANCHOR_INTERVAL_MS = 1000 };

/* Which chain: the receiver's journal in DIR/journal.head, or in the same way the sender's audit log in DIR/audit.head. */
struct anchor_of;
extern const struct anchor_of anchor_of_journal, anchor_of_audit;

struct anchor_marks {
	bool present, readable; /* there is a file; it opens under this key */
	struct store_journal_end end;
	bool has_dispute;
	struct store_journal_end disputed;
};

/* What DIR/journal.head says. A file that does not open is no error but `readable` false. */
MUST_CHECK enum error_code anchor_read(const struct anchor_of *of, const char *directory, const struct sealer *sealer,
    struct anchor_marks *out, struct error *error);

struct anchor;

/* Holds the anchor against the store's journal, logs what does not fit, and writes it anew. `sealer` is borrowed. */
MUST_CHECK enum error_code anchor_open(const struct anchor_of *of, const char *directory, const struct sealer *sealer,
    struct store *store, const struct log *log, struct anchor **out, struct error *error);
/* Of the chain that this one is of, as of the last commit. */
struct store_journal_end anchor_end(const struct anchor *anchor, struct store *store);
/* For a command beside a server, after its change: moves the anchor on to `end` when it is behind it, and makes it for
 * the very first row. It judges nothing. */
MUST_CHECK enum error_code anchor_advance(const struct anchor_of *of, const char *directory,
    const struct sealer *sealer, const struct store_journal_end *end, struct error *error);
/* The generation of the key that it is sealed with (sign.h). */
uint64_t anchor_sealed_by(const struct anchor *anchor);
/* Whether `end` is further than what is written, or what is written is sealed with a key that was rotated. */
bool anchor_is_behind(const struct anchor *anchor, const struct store_journal_end *end);
/* Writes where the journal ends. A failure is logged; the next write may succeed. */
void anchor_write(struct anchor *anchor, const struct store_journal_end *end);
void anchor_free(struct anchor *anchor); /* NULL is fine */

#endif
