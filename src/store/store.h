/* The store: what is true. One asynchronous, batched interface; memory (the reference model) and SQLite behind it.
 *
 * A request is one self-contained operation. Requests are executed in batches: a batch is one transaction with
 * one commit, and only after the commit is any of its requests answered. Each request succeeds or fails on its
 * own (a conflict, something not found): what fails by itself leaves no trace. When the commit itself fails, the
 * whole batch has failed and nothing of it is there.
 *
 * Invariants
 * 1. Persist, then speak: `status` OK means that the effect is durable.
 * 2. One order: requests take effect in the order in which they were submitted, and replies and notes leave in
 *    that order. What a reply says was true after all earlier replies and before all later ones. (The sender's
 *    bookkeeping rests on this: a refill never shows a delivery whose recorded outcome was already answered.)
 * 3. Fan-out is part of accepting: a message and its deliveries are one transaction.
 * 4. Ids and the sequence of each endpoint are assigned here, rising in commit order.
 * 5. Reads are requests too, bounded in what they look at, and see everything answered before they were submitted.
 *    A store may have a reader of its own for the long ones (vtable.reader): their replies are not in the order of
 *    the others.
 * 6. The organisation is in every key: nothing is found by an id of another organisation.
 *
 * Threads: a `struct store` is used by one thread at a time (store/runner.h gives it one of its own). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/log.h"
#include "base/mailbox.h"
#include "model/model.h"
#include "store/break.h"
#include "store/alert.h"
#include "store/change.h"
#include "store/digest.h"
#include "store/stream.h"
#include "store/reseal.h"
#include "store/task.h"

/* In and out: members of the request, or of its `admin`. */
enum store_kind {
	/* configuration */
	STORE_ORGANISATION_CREATE, /* in: organisation, get_if_exists, sandbox (then ref: of which production; its twin is
				    * made or, if it has one, shown); out: organisation, existed */
	STORE_ORGANISATION_EDIT,   /* in: ref, edit, create_missing; out: organisation, existed */
	STORE_ORGANISATION_DELETE, /* in: ref */
	STORE_ORGANISATION_GET,	   /* in: ref; out: organisation */
	STORE_ORGANISATION_LIST,   /* in: page; out: organisations */
	STORE_ENDPOINT_CREATE,	   /* in: ref (organisation), endpoint; out: endpoint, with its id */
	STORE_ENDPOINT_EDIT,	   /* in: ref, endpoint_ref, edit, create_missing; out: endpoint, existed */
	STORE_ENDPOINT_DELETE,	   /* in: ref, endpoint_ref; its pending deliveries are cancelled */
	STORE_ENDPOINT_GET,	   /* in: ref, endpoint_ref; out: endpoint */
	STORE_ENDPOINT_LIST,	   /* in: ref, page, filter.unowned; out: endpoints */
	STORE_EVENT_TYPE_CREATE,   /* in: event_type; un-archives an archived one */
	STORE_EVENT_TYPE_EDIT,	   /* in: name (ref), edit, create_missing */
	STORE_EVENT_TYPE_DELETE,   /* in: name (ref), expunge */
	STORE_EVENT_TYPE_GET,	   /* in: name (ref) */
	STORE_EVENT_TYPE_LIST,	   /* in: page (after: name), include_archived */
	STORE_TOKEN_CREATE,	   /* in: token */
	STORE_TOKEN_GET,	   /* in: token.hash; out: token */
	STORE_TOKEN_REVOKE,	   /* in: token.hash, or token.id and ref (absent: of any organisation) */
	STORE_TOKEN_LIST,	   /* in: ref (absent: all), page; out: tokens */
	STORE_TOKEN_USED,	   /* in: token.id; `now` becomes its last use */
	STORE_CHANGE_DECIDE, /* in: ref, change.id, change.state (APPROVED, REFUSED or WITHDRAWN), change.reason, actor; out:
				 * change, already applied where nothing has to cool off */
	STORE_CHANGE_STEP, /* applies or expires the change that is due first; out: existed (there was one), change, due
				 * (of the next; WALL_NEVER: there is none) */
	STORE_CHANGE_GET,  /* in: ref, change.id; out: change */
	STORE_CHANGE_LIST, /* in: ref, page, change_state; out: changes */
	STORE_ENDPOINT_VERIFIED, /* in: verified; what became of a challenge. ERR_NOT_FOUND: it is no longer asked */
	STORE_TOKEN_EXPIRE,	 /* in: ref, token.expires, sessions (empty: all); its tokens end no later than that */
	/* events */
	STORE_ACCEPT, /* in: ref, message, new_organisation, only_endpoint (then endpoint_ref: to this one alone, whatever
			* it takes), sandbox (ERR_FORBIDDEN elsewhere); out: message filled, existed (a repeat) */
	STORE_JOURNAL,	   /* in: journal; out: journal.verdict, journal.seq */
	STORE_STREAM_EDIT, /* in: stream_edit; out: existed */
	STORE_TRACK_PUT,   /* in: track (entries, from, through); out: track.through, as it is then */
	STORE_REFUSED,	   /* in: refused; what is kept of it is bounded, the oldest goes first */
	STORE_AUDIT_NOTE, /* in: audit_action, audit_object, audit_before, audit_after (JSON objects), actor; a row of what was done outside
			    * of the store */
	STORE_ALERT_RAISE, /* in: alert (kind, key, severity, summary); out: alert, existed (not resolved) */
	STORE_ALERT_MOVE,  /* in: alert (id, or kind and key; state, by); out: alert, existed */
	STORE_ALERT_TOLD,  /* in: ref (a target), alert (id, revision): it was told that */
	STORE_RECORD,	   /* in: record; an attempt and what it changes */
	STORE_REFILL,	   /* in: refill; out: refill.rows, refill.more, refill.next */
	STORE_RESEND,	   /* in: ref, message_ref, endpoint_ref; pending again, due now */
	STORE_EXPUNGE, /* in: ref, message_refs; out: found, for each. The payloads go, what is pending is cancelled */
	STORE_ATTEMPT_EXPUNGE, /* in: ref, message_ref, attempt_id; what was answered goes */
	STORE_TASK_CREATE,     /* in: ref, endpoint_ref (if of one), task, message_refs (USAGE: of which
				* organisations); out: task, missing */
	STORE_TASK_STEP,       /* one step of the task that waited longest; out: task, existed (there was one), more */
	STORE_TASK_CANCEL,     /* in: task.id, task.organisation (0: of any); out: task */
	STORE_BREAK_SEEN,      /* in: breaks (of count; number, run and state are the store's), break_run.run; out:
				* break_run.opened, .reopened: of these; breaks[].fresh */
	STORE_BREAK_END, /* in: break_run, page.limit; out: break_run.closed grows, breaks (these), more. So many of those that no
				* run from this one on has found are closed; when none is left the run is kept */
	STORE_BREAK_MOVE, /* in: break_id, break_to, break_actor, break_reason; out: breaks[0]. The alert of one that is closed
			   * is resolved */
	/* reading */
	STORE_ENDPOINTS_ALL,  /* out: endpoints: every one that is not deleted, of every organisation; signers (of
			       * signer_count): the organisations that have signing keys */
	STORE_PRECHECK,	      /* in: ref, event_type.name, channels; out: existed: an endpoint would get it */
	STORE_ENDPOINT_STATS, /* in: ref, endpoint_ref, page (limit, after, floor, ceiling: attempts looked at now);
				  * out: stats, more, next. Deliveries are counted with the first page */
	STORE_ENDPOINT_TOTALS, /* in: ref, endpoint_ref; out: endpoint, totals, attempt (the last that failed, of the newest
				  * STORE_RECENT_ATTEMPTS; id 0: none) */
	STORE_DEAD_LETTERS, /* in: ref, endpoint_ref, page (limit, after, floor, ceiling: message ids); out: deliveries
				  * that are exhausted, with their messages, and in attempts the last of each */
	STORE_TASK_GET,	    /* in: task.id, task.organisation (0: of any); out: task */
	STORE_TASK_LIST,    /* in: page, task_filter; out: tasks */
	STORE_MEASURE,	    /* out: counts.deliveries_pending, endpoints_unowned, at no cost */
	STORE_MESSAGE_GET,  /* in: ref, message_ref (id or event id); out: message */
	STORE_MESSAGE_EVIDENCE,	 /* in: ref, message_ref; out: message, evidence */
	STORE_MESSAGE_LIST,	 /* in: ref, page, filter; out: messages */
	STORE_ATTEMPT_GET,	 /* in: ref, message_ref, attempt; out: attempt */
	STORE_ATTEMPT_LIST,	 /* in: ref, message_ref or endpoint_ref, page, filter; out: attempts */
	STORE_MESSAGE_ENDPOINTS, /* in: ref, message_ref, page; out: deliveries (with endpoint) */
	STORE_ENDPOINT_MESSAGES, /* in: ref, endpoint_ref, page, filter; out: deliveries (with message) */
	STORE_FEED, /* in: ref, endpoint_ref, page (limit, after: sequence); out: endpoint, deliveries (with message) by rising
			    * sequence, newest, more */
	STORE_DIGEST, /* in: digest; ref and endpoint_ref where it has no source; out: digest, more (the answer is cut) */
	STORE_TRACK_GET, /* in: track (kind, name), page (limit, after: seq); out: journal_rows with bodies, track.through,
			     * more; also on a read-only store */
	STORE_TRACK_LIST, /* in: track.kind, page (limit, after: an item's id); out: track (items, through), more; the same */
	STORE_STREAM_LIST,  /* out: streams: which numbers the receiver has; also on a read-only store */
	STORE_JOURNAL_LIST, /* in: page (after: seq; floor), with_bodies; out: journal_rows; also on a read-only store */
	STORE_JOURNAL_GET,  /* in: page.limit, journal_query, with_bodies; out: journal_rows of this event id, by seq */
	STORE_REFUSED_LIST, /* in: page (after: id), refused_kind; out: refused_rows */
	STORE_BREAK_GET,    /* in: break_id; out: breaks[0], break_moves */
	STORE_BREAK_LIST,   /* in: page (after: number), break_states; out: breaks */
	STORE_BREAK_RUN_LIST, /* in: page (after: run); out: break_runs (of count): the last thousand that looked at everything */
	STORE_BREAK_COUNTS, /* out: break_counts (of count): of the open ones at `now`; break_run: the last one, or 0 */
	STORE_ALERT_LIST,   /* in: page, alert_state; out: alerts */
	STORE_ALERT_DUE,    /* in: ref (a target), page.limit; out: alerts that it was not told of as they are */
	STORE_AUDIT_LIST,   /* in: ref (absent: all), page (after: seq); out: audit_rows */
	STORE_RESEAL,	    /* in and out: resealing */
	STORE_COUNTS,	    /* out: counts */
	STORE_KIND_COUNT,
};

/* --- parts of requests ------------------------------------------------------------------------------ */

/* A POST that its client may repeat: the same key and body gives the first answer again; the same key with
 * another body is ERR_CONFLICT with `detail` STORE_DETAIL_KEY_REUSED. Durable for LIMIT_IDEMPOTENCY_HOURS. */
struct store_idempotency {
	bool present;
	unsigned char key[SHA256_BYTES]; /* of scope (token's organisation), path and key */
	unsigned char body[SHA256_BYTES];
};

/* Rows strictly beyond `after` (0: from the start) in the direction. Ids rise with time. */
struct store_page {
	size_t limit; /* rows wanted; one more is read to tell whether more follow */
	bool descending;
	int64_t after; /* an id; for event types `after_name` */
	struct slice after_name;
	int64_t floor, ceiling; /* ids in [floor, ceiling); 0: unbounded */
	size_t scan;		/* rows that are looked at for it; 0: LIMIT_SCAN_ROWS */
};

static inline size_t
store_scan(const struct store_page *page)
{
	return page->scan != 0 ? page->scan : LIMIT_SCAN_ROWS;
}

struct store_filter {
	struct slice_list event_types; /* empty: all */
	struct slice channel;	       /* absent: all */
	int status;		   /* attempts: 0 success, 2 fail; -1 all. deliveries: 0 success, 2 fail, 3 sending */
	int status_code_class;	   /* 0 for no answer, 200 … 500; -1 all */
	struct slice endpoint_ref; /* attempts of a message: only to this endpoint; absent: all */
	bool unowned;		   /* endpoints: only those with a duty that nobody is named for */
};

/* Changes the copy given; runs inside the transaction, so it must be quick and pure. `existed` false: it is a
 * fresh one (create_missing). Slices put into it must live in `arena` or in the request. */
typedef enum error_code store_edit_organisation(
    void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error);
typedef enum error_code store_edit_endpoint(
    void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error);
typedef enum error_code store_edit_event_type(
    void *context, struct arena *arena, struct event_type *type, bool existed, struct error *error);

/* Who asks for a change. Not present: the sender's own bookkeeping, which the audit log leaves out, but for what
 * changes a state by itself (audit_by_server). */
struct store_actor {
	bool present;
	bool server;	       /* nobody: the server itself, "system" */
	struct token_id token; /* 0: a local command, "cli" */
	enum role role;	       /* the token's */
};

/* The server, which does what somebody has approved or a challenge has proved. */
#define STORE_ACTOR_SERVER ((struct store_actor){.present = true, .server = true})

struct store_audit_row {
	int64_t seq;
	struct wall_time at;
	struct slice actor, role;	     /* a token's id and its role; "cli" or "system", and the role absent */
	struct organisation_id organisation; /* 0: of the platform */
	struct slice action;		     /* "endpoint.update" */
	struct slice object;		     /* its id, or an event type's name */
	struct slice before, after;	     /* JSON objects without secrets; absent: there is none */
	unsigned char chain[SHA256_BYTES];   /* over this row and all before it (audit.h) */
	bool damaged;			     /* a member has not even its form */
};

enum store_detail {
	STORE_DETAIL_NONE,
	STORE_DETAIL_UID_TAKEN,	      /* ERR_CONFLICT */
	STORE_DETAIL_TYPE_EXISTS,     /* ERR_CONFLICT */
	STORE_DETAIL_EVENT_ID_TAKEN,  /* ERR_CONFLICT */
	STORE_DETAIL_KEY_REUSED,      /* ERR_CONFLICT */
	STORE_DETAIL_TYPE_UNKNOWN,    /* ERR_INVALID: an endpoint names an event type that is not there */
	STORE_DETAIL_NO_ORGANISATION, /* ERR_NOT_FOUND */
	STORE_DETAIL_NO_ENDPOINT,
	STORE_DETAIL_NO_MESSAGE,
	STORE_DETAIL_NO_TOKEN,
	STORE_DETAIL_NO_ALERT,
	STORE_DETAIL_NO_CHANGE,
	STORE_DETAIL_EXPUNGED,	  /* ERR_INVALID: a resend of what is no longer kept */
	STORE_DETAIL_TOO_MANY,	  /* ERR_LIMIT */
	STORE_DETAIL_PLAIN_URL,	  /* ERR_INVALID: https_unless_sandbox, and neither is so */
	STORE_DETAIL_ENVIRONMENT, /* ERR_INVALID: an organisation's environment stays */
	STORE_DETAIL_NO_SERVICE, /* ERR_INVALID: the type's service is not enabled for the organisation; the text says which */
};

/* A delivery as the engine and the lists need it. */
struct store_delivery {
	struct message *message;   /* referenced by the request; may lack a payload in lists */
	struct endpoint *endpoint; /* STORE_MESSAGE_ENDPOINTS only */
	enum delivery_state state;
	int32_t attempts;     /* made so far */
	struct wall_time due; /* when PENDING */
	int64_t sequence;     /* of its endpoint, gap-free from 1 */
	enum attempt_trigger trigger;
	struct slice payload_sha256; /* STORE_FEED only: of a payload that is no longer kept, where it is known */
};

/* Who hears of an event of the system itself; see emit.h. */
enum store_event_to { EVENT_OWN, EVENT_OPERATIONAL };

enum {
	STORE_EVENTS_MAX = 8,	     /* given with one request, and as many derived from it */
	STORE_HELD_COUNTED = 100000, /* what is held for an endpoint is counted up to this */
};

/* Something that the system tells of itself; accepted like a message when its request succeeds (emit.h). */
struct store_event {
	enum store_event_to to;
	struct organisation_id organisation;	 /* whom it concerns; 0: the one that the request's `ref` names */
	struct slice type;			 /* "webhook.endpoint.failing"; operational ones "endpoint.disabled" */
	struct endpoint_id except;		 /* it does not go to this one; 0: to all that want it */
	struct slice resource_type, resource_id; /* EVENT_OWN */
	struct slice previous_status;		 /* EVENT_OWN; absent: none */
	struct slice data;			 /* a JSON object, without secrets and payloads */
	struct store_event *next;		 /* of the list */
};

struct store_record {
	struct endpoint_id endpoint;
	struct message_id message;
	struct attempt attempt;		/* id is assigned */
	enum delivery_state state;	/* what the delivery becomes */
	struct wall_time due;		/* when PENDING again */
	bool set_failing;		/* write `failing_since` to the endpoint */
	struct wall_time failing_since; /* 0: it works again */
	bool suspend;			/* the endpoint becomes SUSPENDED, if ACTIVE */
	bool unwanted; /* out: not to be sent again now: no longer pending, or its service is not enabled */
	int32_t warn;  /* the endpoint's `warned` becomes this, if it is more */
	struct wall_time suspends_at; /* if it goes on failing; 0: never. To be told with the warning */
};

/* Position in an endpoint's pending deliveries, ordered by (due, message). */
struct store_due {
	struct wall_time due;
	int64_t message;
};

struct store_refill {
	struct endpoint_id endpoint;
	struct store_due from;	     /* inclusive */
	struct wall_time until;	     /* due no later than this */
	size_t limit, bytes_limit;   /* at least one row is given, whatever its size */
	struct store_delivery *rows; /* out */
	size_t count;
	struct store_due next; /* out: the first pending one not given; due WALL_NEVER: there is none */
};

/* The numbers stand in databases. A duplicate makes no row. */
enum journal_verdict {
	JOURNAL_VERIFIED, /* a webhook that came and whose signature fits */
	JOURNAL_CONFLICT, /* another body under an id that was known: it counts for nothing else */
	JOURNAL_DUPLICATE,
	JOURNAL_RECONCILIATION, /* no webhook: it was looked up because none had come. Otherwise it counts like one */
};

/* Whether what the row says is taken to have happened. */
static inline bool
journal_counts(enum journal_verdict verdict)
{
	return verdict == JOURNAL_VERIFIED || verdict == JOURNAL_RECONCILIATION;
}

/* What of a request's head is kept with its body. Absent: it was not there, or the scheme has none. */
struct store_journal_headers {
	struct slice scheme;	   /* the name of the signature scheme */
	struct slice key;	   /* which key fitted: its id, or "#" and its place in the secret file */
	struct slice sent;	   /* webhook-timestamp, as it came */
	struct slice sequence;	   /* vaultbell-sequence, as it came */
	struct slice content_type; /* as it came */
};

struct store_journal {
	struct slice source, event_id, type; /* type absent: not known */
	struct message *message;	     /* holds the body; organisation and created are filled */
	unsigned char body_sha256[SHA256_BYTES];
	/* Where two bodies can be the same event (verify_result.content): the digest that is compared instead. */
	struct slice content_sha256;
	struct store_journal_headers headers;
	/* Where it goes: a delivery to each of these, made in the same commit. No endpoint twice. */
	const struct endpoint_id *forwards;
	size_t forward_count;
	bool looked_up; /* it did not come as a webhook: the row is RECONCILIATION, not VERIFIED */
	/* The number that the event has in a stream (stream.h), or the newest that a heartbeat tells of. */
	struct slice stream; /* absent: none */
	int64_t number;	     /* 0: it takes none, and is a heartbeat where there is a stream */
	int64_t newest, interval_s;
	bool number_trusted;	      /* a signature covers it */
	enum journal_verdict verdict; /* out */
	int64_t seq;		      /* out: of the row (for a duplicate: of the first) */
};

struct store_journal_row {
	int64_t seq;
	struct slice event_id, type, source; /* type absent: not known */
	enum journal_verdict verdict;	     /* not JOURNAL_DUPLICATE */
	struct wall_time received;
	unsigned char body_sha256[SHA256_BYTES];
	struct message_id message;   /* whose payload is the body */
	struct slice body;	     /* only where the request says `with_bodies`; absent: no longer kept */
	struct slice content_sha256; /* absent: the body's is compared */
	struct store_journal_headers headers;
	int64_t lookup;			   /* by which repeats are found (chain.h) */
	unsigned char chain[SHA256_BYTES]; /* over this row and all before it (chain.h) */
	bool damaged;			   /* a member has not even its form, or the body's row is another's */
};

/* What is known of a stream's missing numbers without their having come. */
struct store_stream_edit {
	struct slice key;
	int64_t first, last; /* these are no longer waited for; first 0: none */
	int64_t newest;	     /* the sender's newest, as it says when it is asked; -1: not known */
};

/* One row of the journal that speaks of a resource. */
struct store_track_entry {
	int kind; /* whoever asks gives it its meaning */
	struct slice name;
	int64_t seq;
};

struct store_track_item {
	int64_t id; /* rising in the order in which they were put first */
	struct slice name;
};

/* Which rows of the journal speak of which resource: an index that is written behind the journal, by whoever can read
 * bodies, and can be made anew from it at any time. A name is cut to LIMIT_TRACK_NAME_BYTES: who asks looks at the rows. */
struct store_track {
	int kind;
	struct slice name;
	/* PUT: the entries of the rows behind `from`, up to `through`. Nothing is put unless the index ends at `from`, so
	 * that a repeat does no harm; a `from` below 0 asks where it ends. */
	const struct store_track_entry *entries;
	size_t entry_count;
	int64_t from;
	int64_t through; /* also out: the last row that the index knows of */
	struct store_track_item *items;
	size_t item_count;
};

static inline struct slice
store_track_name(struct slice name)
{
	return name.len > LIMIT_TRACK_NAME_BYTES ? (struct slice){name.ptr, LIMIT_TRACK_NAME_BYTES} : name;
}

enum { STORE_DIGEST_NODES = 4096, STORE_DIGEST_EVENTS = 65536 }; /* in one answer */

/* The digests of a source's journalled events, or of an endpoint's deliveries (digest.h). */
struct store_digest {
	struct slice source; /* absent: of the endpoint */
	enum digest_level level;
	int64_t from, to;	     /* seconds since 1970; the end becomes no later than `through` */
	int64_t through;	     /* out: the end of the last minute that is over */
	bool building;		     /* out: it is not all there yet, ask again */
	struct digest_node *nodes;   /* out, but for DIGEST_EVENT */
	struct digest_event *events; /* out, for DIGEST_EVENT */
	size_t count;
};

struct store_journal_query {
	struct slice event_id;
	struct slice source; /* absent: of every source */
};

/* A request that was refused. Of these rows LIMIT_REFUSED are kept, of one source LIMIT_REFUSED_OF_SOURCE. Beside them
 * stand counts, which survive that: of each source and reason, and, for `forged`, of each source and claimed id (of
 * which LIMIT_REFUSED_CLAIMS and LIMIT_REFUSED_CLAIMS_OF_SOURCE are kept; what the former counts more is the rest). */
struct store_refused {
	struct slice source, reason; /* reason: verdict_name */
	struct slice claimed;	     /* the event id that it claimed, cut and cleaned; absent: none */
	struct slice detail;
	unsigned char body_sha256[SHA256_BYTES];
	bool forged;   /* its signature was there and does not fit: more than a statistic */
	int64_t count; /* of requests that this stands for; 0 counts as 1 */
};

enum store_refused_kind { STORE_REFUSED_ROWS, STORE_REFUSED_CLAIMS, STORE_REFUSED_TOTALS };

struct store_refused_row {
	int64_t id;		     /* rising with the first request */
	struct slice source, reason; /* reason absent for claims: their signatures did not fit */
	struct slice claimed, detail;
	struct wall_time first, last;
	int64_t count;
	unsigned char body_sha256[SHA256_BYTES]; /* rows only */
};

struct store_counts {
	int64_t messages, deliveries_pending, deliveries_delivered, deliveries_exhausted, attempts, journal,
	    endpoints_unowned;
};

/* Attempts by outcome, and deliveries that are under way. */
struct store_stats {
	int64_t succeeded, failed, pending, cancelled;
	int64_t held; /* pending of all times, while the endpoint is not active; up to STORE_HELD_COUNTED */
};

/* Of one endpoint: all deliveries that it ever had, and what is left of them. */
struct store_totals {
	int64_t accepted, pending, exhausted;
	struct wall_time oldest; /* when the oldest pending one was accepted; 0: none is pending */
};

/* How many attempts are looked at for the last one that failed. */
enum { STORE_RECENT_ATTEMPTS = 1000 };

/* The outcome of an attempt to have a URL prove itself. */
struct store_verified {
	struct endpoint_id endpoint;
	struct slice challenge; /* that was sent: what another one was put in the place of is not told by it */
	bool succeeded;
	struct slice problem; /* failed: why */
	struct wall_time due; /* failed: the next attempt's; 0: none */
};

struct store_task_filter {
	int kind, state;		     /* -1: all */
	struct organisation_id organisation; /* 0: all */
};

/* What can be said of a payload for good. */
struct store_evidence {
	bool known; /* else it went before there was evidence */
	bool kept;  /* the payload is still there */
	unsigned char sha256[SHA256_BYTES];
	struct wall_time purged; /* when it went; 0: it is there, or that is not known */
};

/* The organisation that holds what is the platform's own, as its operational webhooks. No list shows it, and its
 * uid is none that a caller could give. */
#define STORE_MANAGEMENT_UID SLICE("$management")

static inline bool
organisation_hidden(const struct organisation *organisation)
{
	return slice_present(organisation->uid) && slice_equal(organisation->uid, STORE_MANAGEMENT_UID);
}

/* --- the request ------------------------------------------------------------------------------------ */

/* What only requests carry that are not of the hot path: configuration, operations and most of what is read. Allocated with
 * the request, for every kind but those of store_kind_hot. */
struct store_admin {
	/* inputs */
	struct organisation organisation; /* also the result, as are the next nine */
	struct endpoint endpoint;
	struct event_type event_type;
	struct token token;
	struct change_request
	    change; /* what waits for a second person instead of being done, id 0: nothing; the same that
				       * waits already where somebody has asked for it before */
	struct task task;
	struct alert alert;
	struct store_break_run break_run;
	struct store_digest digest;
	struct store_resealing resealing;
	struct store_journal_query journal_query;
	struct store_track track; /* also the result */
	struct store_stream_edit stream_edit;
	struct store_refused refused;
	struct store_verified verified;
	struct store_task_filter task_filter;
	store_edit_organisation *edit_organisation;
	store_edit_endpoint *edit_endpoint;
	store_edit_event_type *edit_event_type;
	void *edit_context;
	struct slice
	    challenge; /* ENDPOINT_CREATE, EDIT: a new URL has to answer this; absent: it has nothing to prove */
	struct slice
	    secret_mark; /* ENDPOINT_CREATE, EDIT, ORGANISATION_EDIT: tells the secrets that it sets, or what is to be
				   * made, from others (sealer_mark); absent: nothing does */
	struct slice_list sessions;
	enum store_refused_kind refused_kind;
	int alert_state;  /* STORE_ALERT_LIST: an alert_state; -1: all */
	int change_state; /* CHANGE_LIST: of this state; -1: all */
	struct slice break_id, break_actor, break_reason;
	enum break_state break_to;
	unsigned break_states; /* bit: this state is wanted */

	/* results: lists have request.count rows */
	struct store_refused_row *refused_rows;
	struct stream **streams;
	struct alert *alerts;
	struct token *tokens;
	struct store_audit_row *audit_rows;
	struct task *tasks;
	struct change_request *changes;
	struct organisation *signers; /* STORE_ENDPOINTS_ALL: those that have keys */
	size_t signer_count;
	struct store_break *breaks;	      /* also an input */
	struct store_break_move *break_moves; /* by number */
	size_t break_move_count;
	struct store_break_count *break_counts;
	struct store_break_run *break_runs;
	struct attempt attempt;
	struct store_counts counts;
	struct store_stats stats;
	struct store_evidence evidence;
	struct store_totals totals;
};

struct store_request {
	struct mail mail; /* for whoever carries it */
	enum store_kind kind;
	int reply_kind;
	struct wall_time now;	   /* when it was asked: becomes created, updated */
	struct mailbox *reply_to;  /* the runner posts it back there with mail.kind = reply_kind */
	void *owner;		   /* the requester's own */
	int64_t accepting_bytes;   /* the same: what it counted for this one */
	struct arena arena;	   /* inputs and results live here */
	struct store_admin *admin; /* NULL in the kinds of the hot path */

	/* inputs */
	struct slice ref, endpoint_ref, message_ref; /* id text or uid */
	int64_t attempt_id;
	struct store_idempotency idempotency;
	struct store_page page;
	struct store_filter filter;
	bool sandbox;		   /* see the kinds */
	bool https_unless_sandbox; /* ENDPOINT_CREATE, ENDPOINT_EDIT: a new URL must be https in a production */
	bool get_if_exists, create_missing, include_archived, expunge, only_endpoint;
	bool with_bodies;		       /* STORE_JOURNAL_LIST: one query reads the rows and their bodies */
	bool login;			       /* TOKEN_CREATE: a login, which gives nobody a role */
	struct organisation *new_organisation; /* STORE_ACCEPT: made when `ref` is not there (its uid is `ref`) */
	struct message *message;	       /* also the result; one reference is the request's */
	struct store_actor actor;
	struct slice audit_object, audit_before, audit_after; /* STORE_AUDIT_NOTE */
	const char *audit_action;   /* of an update, where "endpoint.update" says too little; else NULL */
	struct store_event *events; /* to be told when it succeeds, with what writes; given by store_tell (emit.h) */
	union {			    /* by kind */
		struct store_record record;
		struct store_refill refill;
		struct store_journal journal;
	};
	struct slice_list message_refs, channels;

	/* results */
	enum error_code status;
	enum store_detail detail;
	bool existed;
	bool more; /* there are more rows beyond */
	struct organisation *organisations;
	struct endpoint *endpoints;
	struct event_type *event_types;
	struct message **messages;
	struct attempt *attempts;
	struct store_delivery *deliveries;
	struct store_journal_row *journal_rows;
	size_t count;		       /* of rows in the list above, or in `admin` */
	struct slice redactions;       /* of the organisation whose messages, deliveries or attempts were read */
	struct store_event *told;      /* what the store derived from it and told with `events` */
	struct store_audit_row *audit; /* what the change left in the audit log; NULL: nothing */
	int64_t scanned; /* lists of messages, attempts and deliveries: the search ended behind this id before the page
			  * was full, so that a filter which fits little holds up nobody; `more` is true. Else 0 */
	int64_t next;	 /* STORE_ENDPOINT_STATS: the last attempt looked at */
	int64_t newest;	 /* STORE_FEED: the endpoint's last sequence */
	bool *found;
	struct slice_list missing;
	struct wall_time due; /* CHANGE_STEP, CHANGE_DECIDE */
	struct error error;   /* last, because only its beginning is cleared */
};

/* The change request that the request has become or is about; 0: none. */
static inline int64_t
store_request_change(const struct store_request *request)
{
	return request->admin == NULL ? 0 : request->admin->change.id.value;
}

struct store_options;
/* For implementations: options->body_digest, or what stands for it. */
void store_body_digest(const struct store_options *options, const struct endpoint *endpoint,
    const struct message *message, unsigned char out[static SHA256_BYTES]);
/* For implementations: what a journalled event, or an edit, does to the streams. */
void store_stream_journal(struct streams *streams, const struct store_journal *journal, struct wall_time now);
void store_stream_edit(struct streams *streams, struct store_request *request);
void store_stream_list(const struct streams *streams, struct store_request *request);
/* For implementations: whether the organisation may have events of this type. */
bool store_has_service(const struct store_options *options, const struct organisation *organisation, struct slice type);
/* The same. Else fills the request's error, which
 * names the service that is missing. */
MUST_CHECK bool store_entitled(const struct store_options *options, const struct organisation *organisation,
    struct slice type, struct store_request *request);

/* For implementations: the endpoint after STORE_ENDPOINT_VERIFIED, in the request's arena, and its row for the audit log.
 * False: the endpoint asks no such challenge. */
MUST_CHECK bool store_verify(struct store_request *request, const struct endpoint *endpoint, struct endpoint *edited);

/* What a record changes of its endpoint. */
void store_record_on_endpoint(struct endpoint *endpoint, const struct store_record *record);
/* For how many days the message's payload is kept, once it is accepted. */
static inline int32_t
store_retention(const struct message *message, const struct organisation *organisation)
{
	if (message->retention_days != 0)
		return message->retention_days;
	return organisation->retention_days != 0 ? organisation->retention_days : RETENTION_DAYS_DEFAULT;
}

/* The sandbox of a production: what the request says of it, and the rest as the production has it. */
struct organisation store_sandbox_draft(struct store_request *request, const struct organisation *production);

#define STORE_NO_SANDBOX_OF_IT "A sandbox has no sandbox; ask for one of a production."
#define STORE_PLAIN_URL "url must start with https:// on this server, but for sandboxes."
#define STORE_ENVIRONMENT_STAYS                                                                                        \
	"environment cannot be changed; make another organisation, or ask for the sandbox of this one."
#define STORE_ONLY_IN_A_SANDBOX                                                                                        \
	"This organisation is a production: send test events in its sandbox, or have the platform send this one."

/* And what is told of it. `of` NULL: nobody is. */
void store_tell_verified(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after);

struct store_request *store_request_new(enum store_kind kind, struct wall_time now);
void store_request_free(struct store_request *request);
const char *store_kind_name(enum store_kind kind);
/* Long reads that nothing else has to be in order with: for a reader. */
bool store_kind_lists(enum store_kind kind);
/* What comes with every event and every attempt: its requests are small, and have no `admin`. */
bool store_kind_hot(enum store_kind kind);

/* --- notes: what a commit changed, for the sender --------------------------------------------------- */

enum store_note_kind { STORE_NOTE_DELIVERIES, STORE_NOTE_ENDPOINT, STORE_NOTE_CANCELLED };

struct store_note_target {
	struct endpoint_id endpoint;
	int64_t sequence;
	struct wall_time due;
	int32_t attempts;
	enum attempt_trigger trigger;
};

struct store_note {
	struct mail mail;
	enum store_note_kind kind;
	size_t request;		     /* index in its batch of the request that made it: it goes out before that reply
	                               * and behind the replies of all requests before (invariant 2) */
	struct message *message;     /* DELIVERIES: one reference is the note's */
	struct message_id cancelled; /* CANCELLED: its deliveries to the targets' endpoints are no longer pending */
	struct endpoint *endpoint;   /* ENDPOINT: its new state (DELETED: forget it); lives in arena */
	struct arena arena;
	size_t target_count;
	struct store_note_target targets[]; /* DELIVERIES; CANCELLED: endpoints alone */
};

struct store_note *store_note_new(enum store_note_kind kind, size_t targets);
void store_note_free(struct store_note *note);
uint64_t store_note_bytes(const struct store_note *note); /* that it keeps alive, roughly */
/* For implementations: the notes from `first` on are of this request. */
void store_notes_of(struct mail *first, size_t request);

/* --- implementations -------------------------------------------------------------------------------- */

struct store;

/* The end of the journal: the last row's number and chain. Before the first row: 0 and the chain's beginning. */
struct store_journal_end {
	int64_t seq;
	unsigned char chain[SHA256_BYTES];
};

struct store_vtable {
	const char *name;
	/* Executes all requests in order as one transaction and commits. Fills every request's results and
	 * status. Returns OK when the commit stands; else every request's status is that error, nothing changed
	 * and `notes` is empty. Notes are appended in order. */
	enum error_code (*batch)(struct store *store, struct store_request *const *requests, size_t count,
	    struct mail_list *notes, struct error *error);
	/* Work for idle moments (checkpoint, purge), in small steps; true when there is more. */
	bool (*idle)(struct store *store, struct wall_time now);
	/* As of the last commit. */
	struct store_journal_end (*journal_end)(struct store *store);
	/* The next row follows this one, if that is further than the last row there is: for an end that was cut off, so
	 * that what was cut stays a gap. */
	void (*journal_resume)(struct store *store, const struct store_journal_end *end);
	/* The same of the audit log. */
	struct store_journal_end (*audit_end)(struct store *store);
	void (*audit_resume)(struct store *store, const struct store_journal_end *end);
	/* A second store that reads the same, for one other thread: `store_kind_lists` only. It ends before this one.
	 * NULL: this store has none. */
	struct store *(*reader)(struct store *store);
	void (*close)(struct store *store);
};

struct store {
	const struct store_vtable *vtable;
	/* An fsync failed: what the disk holds is unknown. Every batch fails from now on; end the process and start
	 * anew, which reads what is durable. */
	bool dead;
	bool journal_migrated; /* opening it chained rows that were written before there was a chain */
};

struct store_options {
	/* Whether an event type is known without having been created (the catalogue); may be NULL. */
	bool (*builtin_type)(void *context, struct slice name);
	void *builtin_context;
	/* The service that a type belongs to, where an organisation must have it enabled; else absent. May be NULL. */
	struct slice (*type_service)(void *context, struct slice name);
	bool operational; /* operational webhook endpoints hear of what happens (emit.h) */
	const struct log *log;
	/* SHA-256 of the body that an endpoint gets of a message whose payload is there; NULL: the payload's. Pure. */
	void (*body_digest)(void *context, const struct endpoint *endpoint, const struct message *message,
	    unsigned char out[static SHA256_BYTES]);
	void *body_context;
	bool feed; /* keep what STORE_FEED reads up to date as events come; else only when it is asked for */
};

/* The reference model: everything in memory, nothing durable, linear and obvious. */
struct store *store_memory_new(const struct store_options *options);

struct store_sqlite_options {
	struct store_options common;
	const char *path; /* of the database file */
	const char *vfs;  /* NULL: the default; the simulator brings its own */
	bool read_only;	  /* beside a running server; ERR_NOT_FOUND when there is no database */
	size_t
	    tail_rows; /* how many deliveries are changed before the first are settled (sqlite/tail.h); 0: some thousand */
	const char *
	    synchronous; /* NULL: "FULL". Anything else loses acknowledged rows at a power cut: for planted-bug tests */
	int checkpoint_pages; /* so long becomes the log before it is moved into the database; 0: as is usual */
};
/* Opens or creates, migrates forward, recovers. ERR_CORRUPT when the schema is newer than this program. */
MUST_CHECK enum error_code store_sqlite_open(
    const struct store_sqlite_options *options, struct store **out, struct error *error);

static inline enum error_code
store_batch(struct store *store, struct store_request *const *requests, size_t count, struct mail_list *notes,
    struct error *error)
{
	return store->vtable->batch(store, requests, count, notes, error);
}

/* One request, one commit; its notes are dropped, since nobody listens. For commands and for what happens before a
 * runner has the store. The request stays the caller's; the error is the batch's or the request's own. */
MUST_CHECK enum error_code store_ask(struct store *store, struct store_request *request, struct error *error);

static inline void
store_close(struct store *store)
{
	if (store != NULL)
		store->vtable->close(store);
}

#endif
