/* What the journal's commands share. Private to cli. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "cli/arguments.h"
#include "cli/input.h"

/* "verified", "conflict", "reconciliation"; "damaged" where the row says neither. */
const char *journal_verdict_text(const struct store_journal_row *row);
/* Lower-case hexadecimal, in `arena`. */
struct slice journal_hex(struct arena *arena, const unsigned char digest[static SHA256_BYTES]);
/* A sender chose the text: bytes that could steer a terminal are not let through. "-" when absent. */
struct slice journal_printable(struct slice text, struct arena *arena);
/* Prints the writer's object as a line of its own. */
void journal_print_line(struct buf *line);

/* journal_refused.c: all of what was refused, or its counts. */
MUST_CHECK enum error_code journal_list_refused(struct store *store, bool json, bool totals, struct error *error);

#endif
