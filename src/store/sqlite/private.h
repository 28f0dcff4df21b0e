/* Shared by the files of the SQLite store.
 *
 * Errors: every statement runs through sql_step. The first failure is kept in `failed` (sticky) and makes the
 * batch roll back as a whole, so the operations read straight down without checking each step. */
#ifndef STORE_SQLITE_PRIVATE_H
#define STORE_SQLITE_PRIVATE_H

#include "store/digest.h"
#include "store/directory.h"
#include "store/sqlite/tail.h"
#include "store/store.h"

#include <sqlite3.h>

/* Of `journal j`; read by journal.c. */
#define JOURNAL_COLUMNS                                                                                                \
	"j.seq, j.lookup, j.source, j.event_id, j.type, j.verdict, j.received, j.sha256, j.message,"                   \
	" j.scheme, j.key_id, j.sent, j.sequence, j.content_type, j.chain, j.content"

enum sql {
	SQL_BEGIN,
	SQL_BEGIN_READING,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_ORGANISATIONS,
	SQL_ORGANISATION_PUT,
	SQL_ENDPOINTS,
	SQL_ENDPOINT_PUT,
	SQL_ENDPOINT_SEQUENCE,
	SQL_ENDPOINT_CANCEL,
	SQL_TYPES,
	SQL_TYPE_PUT,
	SQL_TYPE_REMOVE,
	SQL_TOKEN_PUT,
	SQL_TOKEN_SCOPE_PUT,
	SQL_TOKEN_GET,
	SQL_TOKEN_REMOVE,
	SQL_TOKEN_REMOVE_OF,
	SQL_TOKEN_BY_ID,
	SQL_TOKEN_LAST,
	SQL_TOKEN_USED,
	SQL_TOKEN_LIST_UP,
	SQL_TOKEN_LIST_DOWN,
	SQL_AUDIT_PUT,
	SQL_AUDIT_END,
	SQL_AUDIT_UP,
	SQL_AUDIT_DOWN,
	SQL_AUDIT_OF_UP,
	SQL_AUDIT_OF_DOWN,
	SQL_TOKEN_EXPIRE,
	SQL_CHANGE_PUT,
	SQL_CHANGE_GET,
	SQL_CHANGE_NEXT,
	SQL_CHANGE_AFTER,
	SQL_CHANGE_OPEN,
	SQL_CHANGE_WAITING,
	SQL_CHANGE_LIST_UP,
	SQL_CHANGE_LIST_DOWN,
	SQL_KEY_FIND,
	SQL_KEY_PUT,
	SQL_KEY_OLDEST,
	SQL_KEY_PURGE,
	SQL_MESSAGE_PUT,
	SQL_MESSAGE_GET,
	SQL_MESSAGE_BY_EVENT,
	SQL_MESSAGE_KIND,
	SQL_MESSAGE_TYPE,
	SQL_MESSAGE_ANY,
	SQL_MESSAGE_LIST_UP,
	SQL_MESSAGE_LIST_DOWN,
	SQL_PAYLOAD_GET,
	SQL_PURGED_PUT,
	SQL_PURGED_GET,
	SQL_TEST_PUT,
	SQL_RETENTION_PAGE,
	SQL_DELIVERY_WRITE,
	SQL_DELIVERY_GET,
	SQL_DELIVERY_OF_MESSAGE,
	SQL_DELIVERY_PENDING,
	SQL_DELIVERY_COUNT,
	SQL_ENDPOINT_TOTALS,
	SQL_ENDPOINT_PENDING,
	SQL_DEAD_LETTERS,
	SQL_ATTEMPT_LAST_WHOLE,
	SQL_ATTEMPT_LAST_FAILED,
	SQL_MESSAGE_EXPUNGE,
	SQL_MESSAGE_CANCEL,
	SQL_TASK_PUT,
	SQL_TASK_GET,
	SQL_TASK_NEXT,
	SQL_TASK_LIST_UP,
	SQL_TASK_LIST_DOWN,
	SQL_TASK_ROWS,
	SQL_TASK_ROWS_ALL,
	SQL_TASK_PURGE,
	SQL_PENDING,
	SQL_HELD,
	SQL_REFILL,
	SQL_REFILL_NEXT,
	SQL_ATTEMPT_WRITE,
	SQL_ATTEMPT_GET,
	SQL_ATTEMPT_LAST,
	SQL_ATTEMPT_OUTCOMES,
	SQL_ATTEMPT_EXPUNGE,
	SQL_ATTEMPT_OF_MESSAGE_UP,
	SQL_ATTEMPT_OF_MESSAGE_DOWN,
	SQL_ATTEMPT_OF_ENDPOINT_UP,
	SQL_ATTEMPT_OF_ENDPOINT_DOWN,
	SQL_DIGEST_STREAMS,
	SQL_DIGEST_STREAM,
	SQL_DIGEST_STREAM_NEXT,
	SQL_DIGEST_STREAM_PUT,
	SQL_DIGEST_CURSOR,
	SQL_DIGEST_JOURNAL,
	SQL_DIGEST_FEED,
	SQL_DIGEST_ENTRY_PUT,
	SQL_DIGEST_DIRTY_PUT,
	SQL_DIGEST_DIRTY,
	SQL_DIGEST_DIRTY_DROP,
	SQL_DIGEST_RECEIVED,
	SQL_DIGEST_SENT,
	SQL_DIGEST_NODE_PUT,
	SQL_DIGEST_NODES,
	SQL_TAIL_ENDS,
	SQL_TAIL_LIST,
	SQL_TAIL_PUT,
	SQL_TAIL_DROP,
	SQL_STREAMS,
	SQL_STREAM_PUT,
	SQL_TRACK_FIND,
	SQL_TRACK_ITEM_PUT,
	SQL_TRACK_EVENT_PUT,
	SQL_TRACK_ROWS,
	SQL_TRACK_ITEMS_UP,
	SQL_TRACK_ITEMS_DOWN,
	SQL_FEED_NEXT,
	SQL_FEED_PUT,
	SQL_FEED_LIST,
	SQL_PROGRESS_GET,
	SQL_PROGRESS_PUT,
	SQL_JOURNAL_FIND,
	SQL_JOURNAL_PUT,
	SQL_JOURNAL_LIST,
	SQL_JOURNAL_BODIES,
	SQL_JOURNAL_GET,
	SQL_JOURNAL_END,
	SQL_DATA_VERSION,
	SQL_REFUSED_PUT,
	SQL_REFUSED_DROP,
	SQL_REFUSED_DROP_OF,
	SQL_REFUSED_COUNT,
	SQL_REFUSED_CLAIM,
	SQL_REFUSED_CLAIM_PUT,
	SQL_REFUSED_CLAIM_DROP,
	SQL_REFUSED_CLAIM_DROP_OF,
	SQL_REFUSED_TALLY,
	SQL_REFUSED_ROWS,
	SQL_REFUSED_CLAIMS,
	SQL_REFUSED_TOTALS,
	SQL_BREAK_GET,
	SQL_BREAK_ADD,
	SQL_BREAK_PUT,
	SQL_BREAK_MOVE_ADD,
	SQL_BREAK_MOVES,
	SQL_BREAK_LEFT,
	SQL_BREAK_LIST_UP,
	SQL_BREAK_LIST_DOWN,
	SQL_BREAK_COUNTS,
	SQL_BREAK_RUN_ADD,
	SQL_BREAK_RUN_DROP,
	SQL_BREAK_RUN_BETWEEN,
	SQL_BREAK_RUN_LAST,
	SQL_BREAK_RUNS_UP,
	SQL_BREAK_RUNS_DOWN,
	SQL_ALERT_FIND,
	SQL_ALERT_GET,
	SQL_ALERT_PUT,
	SQL_ALERT_UPDATE,
	SQL_ALERT_COUNT,
	SQL_ALERT_DROP,
	SQL_ALERT_FORGET,
	SQL_ALERT_LIST_UP,
	SQL_ALERT_LIST_DOWN,
	SQL_ALERT_DUE,
	SQL_ALERT_TOLD,
	SQL_LAST_IDS,
	SQL_COUNTS,
	SQL_COUNT,
};

enum refused_kept { REFUSED_ROWS, REFUSED_CLAIMS, REFUSED_KEPT_COUNT };

/* How many rows of each source are kept, so that keeping to the bounds needs no counting. */
struct refused_tally {
	struct slice source; /* of the tallies' arena */
	int64_t kept[REFUSED_KEPT_COUNT];
};

struct refused_tallies {
	struct refused_tally *items;
	size_t count, capacity;
	int64_t kept[REFUSED_KEPT_COUNT]; /* of all sources */
	struct arena arena;
	bool loaded;
};

/* How far the feed has come (feed.c). */
struct feed {
	int64_t message; /* the last one whose deliveries are all in it */
	size_t behind;	 /* deliveries that are not in it yet, about */
};

/* What of the tree of digests is in the making (digest.c). */
struct digest_state {
	bool kept;	       /* there is a stream */
	struct wall_time next; /* when the next pass begins */
	int64_t turn;	       /* the stream that was looked at last */
	bool building;	       /* the minute below has begun */
	int64_t stream, at;    /* its stream, and how far it has come */
	struct digest_node node;
};

struct sqlite_store {
	struct store store;
	struct store_options options;
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	bool read_only;
	int failed; /* SQLite's code of the first failure in this batch; SQLITE_OK: none */
	struct directory directory;
	struct id_source ids;
	int64_t retention_cursor;	 /* the message that the pass came to */
	struct wall_time retention_next; /* when the next pass begins */
	struct mail_list *notes;	 /* of the batch that runs */
	/* The journal's end: with this batch's rows, and without. What another process adds is seen by the version. */
	struct store_journal_end end, committed_end;
	int64_t data_version;
	bool end_current;				     /* `end` was held against the database in this batch */
	struct store_journal_end audit_end, audit_committed; /* the audit log's, in the same way */
	struct refused_tallies refused;
	int64_t pending; /* deliveries: kept in step with the table */
	/* For readers of the same database (sqlite.c): rises with each commit that changed configuration. */
	_Atomic uint64_t configured;
	bool configuring; /* this batch does */
	int checkpoint_pages;
	struct sqlite_store *leader; /* of a reader: whose configuration it keeps up with; else NULL */
	uint64_t read_configured;    /* of a reader: as of when its directory is */
	char *path, *vfs;	     /* vfs NULL: the default */
	struct feed feed;
	struct tail tail;
	struct streams streams;
	struct digest_state digest;
};

/* statements.c: the prepared statement, reset and ready to bind. */
sqlite3_stmt *sql_get(struct sqlite_store *store, enum sql which);
/* Binds by `types`: i int64_t, t struct slice as text, b struct slice as blob (absent slices as NULL). */
sqlite3_stmt *sql_bind(struct sqlite_store *store, enum sql which, const char *types, ...);
/* True when there is a row; false at the end or on failure (which sets `failed`). Resets when not a row. */
bool sql_step(struct sqlite_store *store, sqlite3_stmt *statement);
/* Binds and runs to the end. */
void sql_run(struct sqlite_store *store, enum sql which, const char *types, ...);
void sql_end(sqlite3_stmt *statement); /* done before the last row */
void sql_finalize_all(struct sqlite_store *store);
struct slice sql_slice(sqlite3_stmt *statement, int column); /* borrowed until the next step; NULL is absent */

/* schema.c */
MUST_CHECK enum error_code sqlite_migrate(struct sqlite_store *store, struct error *error);

/* journal.c: at open, before the migration may have run and after; around each batch. */
MUST_CHECK enum error_code journal_chain_all(struct sqlite_store *store, struct error *error);
void journal_load(struct sqlite_store *store);
void journal_commit(struct sqlite_store *store);
void journal_rollback(struct sqlite_store *store);
struct store_journal_end journal_end(struct store *store);
void journal_resume(struct store *store, const struct store_journal_end *end);

/* audit.c: at open; behind an operation that has succeeded. */
void audit_load(struct sqlite_store *store);
void audit_append(struct sqlite_store *store, struct store_request *request);
struct store_journal_end audit_end(struct store *store);
void audit_resume(struct store *store, const struct store_journal_end *end);

/* changes.c: keeps request->change (change_hold_*) instead of what was asked for. */
void change_hold(struct sqlite_store *store, struct store_request *request);

/* emit.c: what the system tells of itself; behind an operation that has succeeded. */
void emit_all(struct sqlite_store *store, struct store_request *request);
/* Whether anybody would get the event, which need not have any data. */
bool emit_has_takers(struct sqlite_store *store, struct organisation_id concerned, const struct store_event *event);
int64_t endpoint_held(struct sqlite_store *store, struct endpoint_id endpoint); /* pending, up to STORE_HELD_COUNTED */
const struct organisation *organisation_of(
    struct sqlite_store *store, struct organisation_id id); /* NULL: it was deleted */

/* refused.c: forgets the tallies; they are counted anew when they are needed. */
void refused_forget(struct sqlite_store *store);

/* sqlite.c */
/* One operation and its row in the audit log, within the transaction that runs. */
void sqlite_execute(struct sqlite_store *store, struct store_request *request);
void sqlite_load_ids(struct sqlite_store *store);
/* The store is dead where `code`, of SQLite, says that an fsync failed. */
void sqlite_mind_sync(struct sqlite_store *store, int code);
enum error_code sqlite_error(struct sqlite_store *store, int code, struct error *error);
void request_fail(struct store_request *request, enum error_code code, enum store_detail detail, const char *format,
    ...) PRINTF_LIKE(4, 5);

/* A message's column `retention`: its days, and above them how many of the last bytes of `payload` are its further
 * versions (model/versions.h). So a message without any costs nothing for them. */
enum { RETENTION_BITS = 16, RETENTION_DAYS_MASK = (1 << RETENTION_BITS) - 1 };
_Static_assert((int)LIMIT_RETENTION_DAYS <= (int)RETENTION_DAYS_MASK, "days have to fit");
/* From both columns; the message's organisation is known. */
void message_take_payload(struct message *message, struct slice posted, int64_t retention);
/* retention.c: takes a payload away and keeps its digest; within a transaction. */
void message_purge(struct sqlite_store *store, int64_t message, struct wall_time now);
/* Some of what is over, in a transaction of its own; true when there is more at once. */
bool retention_step(struct sqlite_store *store, struct wall_time now);

/* feed.c: at open; within a batch, before its commit; in idle moments, true when there is more; of a delivery made just
 * now. */
void feed_load(struct sqlite_store *store);
void feed_keep_up(struct sqlite_store *store);
bool feed_step(struct sqlite_store *store);
/* Within a transaction, some of what is behind. */
void feed_catch_up(struct sqlite_store *store);
void feed_note(struct sqlite_store *store, int64_t message, int64_t endpoint, int64_t sequence);

/* journal.c: a row of JOURNAL_COLUMNS and BODY_COLUMNS, copied into the arena. */
struct store_journal_row journal_row_with_body(sqlite3_stmt *row, struct arena *arena);

/* streams.c: at open; within a batch, before its commit. */
void streams_load(struct sqlite_store *store);
void streams_save(struct sqlite_store *store);

/* digest.c: at open; in idle moments, true when there is more. */
void digest_load(struct sqlite_store *store);
bool digest_step(struct sqlite_store *store, struct wall_time now);
/* changes.c: a step of sealing anew over those that may still be applied; true when there is no more. */
bool reseal_changes(struct sqlite_store *store, struct store_request *request);

/* Operations: fill the request's results and status. */
typedef void sqlite_operation(struct sqlite_store *store, struct store_request *request);

/* config.c */
void save_organisation(struct sqlite_store *store, const struct organisation *organisation, bool deleted);
sqlite_operation op_organisation_create, op_organisation_edit, op_organisation_delete, op_organisation_get,
    op_organisation_list, op_endpoint_create, op_endpoint_edit, op_endpoint_delete, op_endpoint_get, op_endpoint_list,
    op_endpoints_all, op_event_type_create, op_event_type_edit, op_event_type_delete, op_event_type_get,
    op_event_type_list;
/* events.c */
sqlite_operation op_accept, op_record, op_refill, op_resend;
/* tokens.c */
sqlite_operation op_token_create, op_token_get, op_token_revoke, op_token_expire, op_token_used, op_token_list;
/* reseal.c */
sqlite_operation op_reseal;
/* audit.c */
sqlite_operation op_audit_list, op_audit_note;
/* changes.c */
sqlite_operation op_change_decide, op_change_step, op_change_get, op_change_list, op_endpoint_verified;
/* journal.c */
sqlite_operation op_journal, op_journal_list, op_journal_get;
/* feed.c */
sqlite_operation op_feed;
/* digest.c */
sqlite_operation op_digest;
/* streams.c */
sqlite_operation op_stream_edit, op_stream_list;
/* tracks.c */
sqlite_operation op_track_put, op_track_get, op_track_list;
/* refused.c */
sqlite_operation op_refused, op_refused_list;
/* breaks.c */
sqlite_operation op_break_seen, op_break_end, op_break_move, op_break_get, op_break_list, op_break_counts,
    op_break_run_list;
/* alerts.c */
sqlite_operation op_alert_raise, op_alert_move, op_alert_told, op_alert_list, op_alert_due;
/* STORE_ALERT_MOVE by kind and key, within the operation that runs. */
void alert_resolve_row(
    struct sqlite_store *store, enum alert_kind kind, struct slice key, struct wall_time now, struct arena *arena);
/* Raises it within the operation that runs. */
struct alert alert_put(
    struct sqlite_store *store, const struct alert *raised, struct wall_time now, struct arena *arena, bool *existed);
/* tasks.c */
sqlite_operation op_expunge, op_attempt_expunge, op_precheck, op_endpoint_stats, op_measure, op_task_create,
    op_task_step, op_task_cancel, op_task_get, op_task_list;
/* destinations.c */
sqlite_operation op_endpoint_totals, op_dead_letters;
/* lists.c */
sqlite_operation op_message_get, op_message_evidence, op_message_list, op_attempt_get, op_attempt_list,
    op_message_endpoints, op_endpoint_messages, op_counts;

/* From a row of the attempt columns (see SQL_ATTEMPT_GET); of one in the tail. */
struct attempt attempt_from_row(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena);
struct attempt attempt_from_tail(struct sqlite_store *store, const struct attempt *attempt, struct arena *arena);
/* With its message. */
struct store_delivery delivery_from_tail(struct sqlite_store *store, const struct tail_delivery *delivery);

/* tasks.c: what a repeat is told as well. Which organisations are to be counted, those that are not there being `missing`;
 * which messages are there. */
void task_name_organisations(struct sqlite_store *store, struct store_request *request);
void expunge_find(struct sqlite_store *store, struct store_request *request);
/* The token that an idempotency key made. */
void token_by_id(struct sqlite_store *store, struct store_request *request, int64_t id);

/* Shared by operations. */
struct directory_organisation *need_organisation(struct sqlite_store *store, struct store_request *request);
struct directory_endpoint *need_endpoint(
    struct sqlite_store *store, struct directory_organisation *owner, struct store_request *request);
/* The open interval of ids that a page asks for. */
void page_range(const struct store_page *page, int64_t *above, int64_t *below);
/* The message that message_ref (id or event id) names, without its payload unless asked for; 0: not found. */
int64_t message_resolve(struct sqlite_store *store, struct organisation_id organisation, struct slice ref);
/* From a row of the message columns (see SQL_MESSAGE_GET), starting at `column`. */
struct message *message_from_row(sqlite3_stmt *statement, int column);
/* What the reader's role may not see of what is read, is for the caller to take out. */
void tell_redactions(struct store_request *request, const struct directory_organisation *owner);
/* Fills what the store tells of an endpoint beside its document. */
void endpoint_facts(struct sqlite_store *store, struct endpoint *endpoint);
void save_endpoint(struct sqlite_store *store, const struct endpoint *endpoint, bool note);
struct directory_organisation *create_organisation(
    struct sqlite_store *store, struct store_request *request, const struct organisation *draft);
void insert_message(struct sqlite_store *store, struct store_request *request, struct message *message);
/* The delivery is pending again, as the target says. */
void send_again(
    struct sqlite_store *store, const struct tail_delivery *delivery, const struct store_note_target *target);
/* Adds the target to the note, which has room. */
void insert_delivery(struct sqlite_store *store, struct store_note *note, struct directory_endpoint *entry,
    const struct message *message, struct wall_time now);
struct slice list_join(struct arena *arena, struct slice_list list); /* lines; absent when empty */
struct slice_list list_split(struct arena *arena, struct slice lines);

#endif
