/* Configured sources of records: where the custodian's or the ledger's records come from when they are not named as a file
 * on the command line (the `records:` list of the configuration).
 *
 *   csv, jsonl   a file
 *   vaultbell    the messages of a Vaultbell sender, put together to transactions as a journal's events are
 *   rest         a list API, described by a mapping file (mapping.h)
 *   graphql      the custody platform's API, or another one, by a mapping file too
 *
 * Records are taken page by page, and nothing of a page is kept but its records. What fails on the way is an error: half of
 * the records is no source. */
#ifndef RECORDS_SOURCE_H
#define RECORDS_SOURCE_H

#include "config/config.h"
#include "reconcile/reconcile.h"

#include <stdatomic.h>

enum records_kind { RECORDS_CSV, RECORDS_JSONL, RECORDS_VAULTBELL, RECORDS_REST, RECORDS_GRAPHQL, RECORDS_KIND_COUNT };

struct mapping;

struct records_source {
	const char *name, *origin; /* origin: where the configuration has it */
	enum records_kind kind;
	const char *path;	  /* CSV, JSONL */
	const char *url;	  /* the others; without a slash at its end */
	const char *organisation; /* VAULTBELL: id or uid */
	const char *endpoint;	  /* VAULTBELL: this receiver's, for replays; NULL: none */
	const char *receives;	  /* with it: the receiver's source to which it delivers */
	struct slice token;	  /* absent: none */
	const char *authorities, *certificate, *key;
	struct mapping *mapping; /* REST, GRAPHQL */
	const atomic_bool *interrupt;
	/* Called behind every page, for who watches; may be NULL. */
	void (*progress)(void *context, const struct records_source *source, uint64_t pages, uint64_t records);
	void *progress_context;
	struct arena arena;
};

/* The source of this name, checked: its members, its mapping file and its token are read. ERR_NOT_FOUND lists the names
 * that there are. */
MUST_CHECK enum error_code records_source_open(
    const struct config *config, const char *name, struct records_source **out, struct error *error);
void records_source_free(struct records_source *source);
/* Opens and frees every one. */
MUST_CHECK enum error_code records_check_all(const struct config *config, struct error *error);

/* All records, into the side of the reconciliation, once. */
MUST_CHECK enum error_code records_read_source(
    struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error);

/* Whether it can be asked for one transaction. */
bool records_can_look_up(const struct records_source *source);
/* What the source says now of the transaction, as a JSON object of a record's members in `arena`; absent: it has none. */
MUST_CHECK enum error_code records_look_up(
    struct records_source *source, struct slice id, struct arena *arena, struct slice *out, struct error *error);

/* --- parts ------------------------------------------------------------------------------------------ */

MUST_CHECK enum error_code records_read_list(
    struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error);
MUST_CHECK enum error_code records_read_vaultbell(
    struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error);

#endif
