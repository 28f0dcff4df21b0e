/* What the journal's commands share. Private to cli. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "cli/arguments.h"
#include "cli/input.h"
#include "store/finding.h"

/* "verified", "conflict", "reconciliation"; "damaged" where the row says neither. */
const char *journal_verdict_text(const struct store_journal_row *row);
/* Lower-case hexadecimal, in `arena`. */
struct slice journal_hex(struct arena *arena, const unsigned char digest[static SHA256_BYTES]);
/* A sender chose the text: bytes that could steer a terminal are not let through. "-" when absent. */
struct slice journal_printable(struct slice text, struct arena *arena);
/* Prints the writer's object as a line of its own. */
void journal_print_line(struct buf *line);

/* journal_accept.c: what was found not to fit the anchor, and how it stands. */
void journal_put_findings(struct json_writer *writer, const struct findings *findings);
void journal_print_finding(const struct finding *finding, size_t number, struct arena *arena);

/* journal_refused.c: all of what was refused, or its counts. */
MUST_CHECK enum error_code journal_list_refused(struct store *store, bool json, bool totals, struct error *error);

#endif
