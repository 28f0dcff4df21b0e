/* The report of a reconciliation: a table for the terminal, JSON, CSV, and an HTML page that needs nothing else.
 *
 * All texts come from outside: bytes that could steer a terminal are not let through, HTML is escaped, and a CSV cell
 * that a spreadsheet would run as a formula is made a text. */
#ifndef RECONCILE_REPORT_H
#define RECONCILE_REPORT_H

#include "reconcile/reconcile.h"

#include <stdio.h>

/* A break in words; lives in the arena it was made in. */
struct break_view {
	const char *class, *severity;
	int64_t age_seconds;
	char id[40];
	struct slice match_key;
	struct slice side[SIDE_COUNT]; /* JSON objects; absent: that source has nothing, or is not concerned */
	struct slice detail;	       /* one sentence */
};

void break_view(
    const struct reconcile *reconcile, const struct break_row *row, struct arena *arena, struct break_view *out);
/* A record as a JSON object of what is known of it. */
struct slice record_json(const struct reconcile *reconcile, const struct record *record, struct arena *arena);
/* "tx_1 (client_reference ref-7)": the transaction, and by what it was matched. */
struct slice group_key(const struct reconcile *reconcile, uint32_t group, struct arena *arena);
/* What the transaction is called, whatever it was matched by: stays over runs. */
struct slice group_name(const struct reconcile *reconcile, uint32_t group, struct arena *arena);
/* "under 1 h", "1-24 h", "1-3 d", "3-7 d", "over 7 d". */
const char *age_name(int64_t age_seconds);

/* A writer into a file, by way of a buffer. */
struct report_file {
	FILE *file;
	struct buf buf;
};

void report_file_init(struct report_file *out, FILE *file);
/* Hands the buffer to the file where it is large. */
void report_file_turn(struct report_file *out);
/* False when something could not be written; the file is left open. */
MUST_CHECK bool report_file_fini(struct report_file *out);

void report_table(const struct reconcile *reconcile, struct report_file *out);
void report_json(const struct reconcile *reconcile, struct report_file *out);
void report_csv(const struct reconcile *reconcile, struct report_file *out);
void report_html(const struct reconcile *reconcile, struct report_file *out);

#endif
