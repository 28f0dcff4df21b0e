/* A reconciliation over a journal in memory and records that are written in the test. */
#ifndef TEST_RECONCILE_FIXTURE_H
#define TEST_RECONCILE_FIXTURE_H

#include "reconcile/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The columns of every CSV of the tests. */
#define COLUMNS                                                                                                        \
	"id,client_reference,direction,network,asset,amount_base_units,fee_base_units,address,tx_hash,output_index,"   \
	"status,occurred_at\n"
/* Twelve hours before the now of the tests: older than the tolerance, too young to be stuck. */
#define THEN "2025-01-09T12:00:00Z"
#define AS_OF "2025-01-10T00:00:00Z"

struct fixture {
	struct store *store;
	struct break_rules rules;
	struct reconcile reconcile;
	bool ran;
	struct arena arena;
	struct error error; /* of reading, when `run` says so */
};

int fixture_set_up(void **state);
int fixture_tear_down(void **state);
struct wall_time time_at(const char *text);

/* Journals a body as verified, from the source "acme", or another. */
void journal_body(
    struct fixture *fixture, const char *source, const char *event_id, const char *type, const char *body);
/* An event of the envelope; `data` is the inside of that object. `number` 0: without stream_seq. */
void journal_event(
    struct fixture *fixture, int number, const char *type, const char *transaction, const char *time, const char *data);

/* Reads both texts (CSV, or JSON lines where they begin with a brace) and reconciles. */
enum error_code reconcile_texts(struct fixture *fixture, const char *custodian, const char *ledger);
/* Does the same, and expects exactly these classes in this order ("" for none). */
void expect_breaks(struct fixture *fixture, const char *custodian, const char *ledger, const char *classes);
struct break_view view_at(struct fixture *fixture, size_t at);

#endif
