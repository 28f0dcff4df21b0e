/* Alerts: what somebody should look at. Raised by whoever finds it, kept in the store, told to the configured targets
 * (app/alerts.h), acknowledged by a person and resolved by a person or by what found it.
 *
 *   raise ──▶ OPEN ──acknowledge──▶ ACKNOWLEDGED ──resolve──▶ RESOLVED ──raise──▶ OPEN
 *                └─────────────────resolve───────────────────────▲
 *
 * Invariants
 * 1. A kind and a key are one alert: raising it again counts and moves `last`, and opens it anew only where it was
 *    resolved. So whoever finds the same thing every minute raises it every minute.
 * 2. `revision` rises when targets have something new to be told: opened, resolved, more severe.
 * 3. A key and a summary hold ids, names and counts: no payload, no secret, no personal data. They are cut and cleaned.
 * 4. At most LIMIT_ALERTS are kept: the oldest resolved one goes first, else the oldest.
 *
 * To raise one from a thread with its own way to the store (background_ask, store_runner_submit, store_ask):
 *   struct store_request *request = alert_raise(ALERT_GAP, ALERT_WARNING, now, source, "%" PRId64 " numbers", count);
 * and to take it back when it is over: alert_resolve(ALERT_GAP, now, source). */
#ifndef STORE_ALERT_H
#define STORE_ALERT_H

#include "base/alloc.h"
#include "base/clock.h"

enum alert_kind {
	ALERT_CONFLICT,	 /* another body under a known event id; key: source/event id. Raised by STORE_JOURNAL itself */
	ALERT_GAP,	 /* numbers of a stream are missing; key: source, or source/stream */
	ALERT_STUCK,	 /* too long in a state that is not final; key: tx/ID, workflow/ID, case/ID, endpoint/ID */
	ALERT_KEYS,	 /* the keys of a source cannot be fetched or read; key: source */
	ALERT_BREAK,	 /* reconciliation found a break; key: the break's id */
	ALERT_RECORDS,	 /* records cannot be had, so nothing is reconciled; key: the source of records */
	ALERT_MANIFEST,	 /* what was received is not what was sent; key: source/day */
	ALERT_SILENCE,	 /* no heartbeat; key: source */
	ALERT_DELIVERY,	 /* a destination takes nothing; key: destination */
	ALERT_EXHAUSTED, /* an event is given up by a destination; key: destination/event id */
	ALERT_JOURNAL,	 /* the journal is not what was written; key: what */
	ALERT_KIND_COUNT,
};

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL, ALERT_SEVERITY_COUNT };
enum alert_state { ALERT_OPEN, ALERT_ACKNOWLEDGED, ALERT_RESOLVED, ALERT_STATE_COUNT };

enum { ALERT_TEXT_BYTES = 512 }; /* of a key and of a summary */

struct alert {
	int64_t id; /* rising with the first time that it was raised */
	enum alert_kind kind;
	enum alert_severity severity;
	enum alert_state state;
	struct slice key, summary;
	struct wall_time first, last; /* since it was opened */
	struct wall_time changed;     /* its state */
	int64_t count;		      /* how often it was raised since it was opened */
	int64_t revision;
	struct slice by; /* who acknowledged or resolved it; absent: nobody, or what found it */
};

const char *alert_kind_name(enum alert_kind kind);
const char *alert_severity_name(enum alert_severity severity);
const char *alert_state_name(enum alert_state state);
MUST_CHECK bool alert_kind_parse(struct slice name, enum alert_kind *out);
MUST_CHECK bool alert_state_parse(struct slice name, enum alert_state *out);

struct store_request;

/* STORE_ALERT_RAISE. Out: request.alert, and `existed`: it was open or acknowledged already. */
struct store_request *alert_raise(enum alert_kind kind, enum alert_severity severity, struct wall_time now,
    struct slice key, const char *format, ...) PRINTF_LIKE(5, 6);
/* STORE_ALERT_MOVE by kind and key. It is no error where there is no such alert. */
struct store_request *alert_resolve(enum alert_kind kind, struct wall_time now, struct slice key);

/* --- for implementations: what happens to a row. True where the row changed. -------------------------- */

bool alert_row_raise(struct alert *row, const struct alert *raised, struct wall_time now);
bool alert_row_move(struct alert *row, enum alert_state state, struct slice by, struct wall_time now);
struct alert alert_row_new(const struct alert *raised, int64_t id, struct wall_time now);
/* Another body under the id: the journal's own. */
struct alert alert_of_conflict(struct arena *arena, struct slice source, struct slice event_id, int64_t seq);
struct alert alert_copy(struct arena *arena, const struct alert *alert);

#endif
