/* The reference model's insides. Private to this folder.
 *
 * Every table is an array in the order of creation, searched from its start: nothing here is to be fast, all of it
 * is to be obviously right. A row is checked in full before anything is changed, so what fails leaves no trace. */
#ifndef STORE_MEMORY_PRIVATE_H
#define STORE_MEMORY_PRIVATE_H

#include "model/versions.h"
#include "store/store.h"

struct memory_organisation {
	struct organisation organisation;
	struct arena arena;
	bool deleted;
};

struct memory_endpoint {
	struct endpoint endpoint;
	struct arena arena;
	int64_t sequence; /* of the last delivery */
};

struct memory_event_type {
	struct event_type type;
	struct arena arena;
};

struct memory_delivery {
	struct message *message; /* borrowed from the table of messages */
	struct endpoint_id endpoint;
	enum delivery_state state;
	int32_t attempts;
	struct wall_time due;
	int64_t sequence;
	enum attempt_trigger trigger;
};

struct memory_attempt {
	struct attempt attempt;
	struct organisation_id organisation;
	struct arena arena;
};

struct memory_track_item {
	int kind;
	struct slice name;
	struct arena arena;
};

struct memory_track_event {
	size_t item;
	int64_t seq;
};

struct memory_journal_row {
	struct store_journal_row row;
	struct arena arena;
};

struct memory_refused {
	struct store_refused_row row;
	struct arena arena;
};

struct memory_alert {
	struct alert alert;
	struct arena arena;
};

struct memory_alert_told {
	struct slice target;
	int64_t alert, revision;
	struct arena arena;
};

struct memory_task {
	struct task task;
	struct arena arena;
};

/* What is left of a payload. */
struct memory_purged {
	struct message_id message;
	unsigned char digests[VERSIONS_DIGESTS_BYTES];
	size_t length;
	struct wall_time at; /* when it went */
};

static inline struct slice
memory_digest_left(const struct memory_purged *left, int32_t version)
{
	return versions_digest((struct slice){(const char *)left->digests, left->length}, version);
}

struct memory_audit_row {
	struct store_audit_row row;
	struct arena arena;
};

struct memory_break {
	struct store_break row;
	struct arena arena;
};

struct memory_break_move {
	int64_t of; /* the break's number */
	struct store_break_move move;
	struct arena arena;
};

struct memory_change {
	struct change_request change;
	struct arena arena;
};

/* What a repeated request is answered with. */
struct memory_key {
	unsigned char key[SHA256_BYTES], body[SHA256_BYTES];
	struct wall_time used;
	int64_t object; /* an id; negative: of the change request; 0 where the object has none */
};

#define MEMORY_TABLE(type)                                                                                             \
	struct {                                                                                                       \
		type *rows;                                                                                            \
		size_t count, capacity;                                                                                \
	}

struct memory {
	struct store base;
	struct store_options options;
	struct id_source ids;
	MEMORY_TABLE(struct memory_organisation) organisations;
	MEMORY_TABLE(struct memory_endpoint) endpoints;
	MEMORY_TABLE(struct memory_event_type) types; /* by name */
	MEMORY_TABLE(struct token) tokens;
	MEMORY_TABLE(struct message *) messages;
	MEMORY_TABLE(struct memory_delivery) deliveries;
	MEMORY_TABLE(struct memory_attempt) attempts;
	MEMORY_TABLE(struct memory_journal_row) journal;
	struct store_journal_end journal_end;
	MEMORY_TABLE(struct memory_audit_row) audit;
	struct store_journal_end audit_end;
	MEMORY_TABLE(struct memory_refused)
	refused[STORE_REFUSED_TOTALS + 1]; /* by kind; what is dropped is moved over */
	int64_t refused_ids[STORE_REFUSED_TOTALS + 1];
	MEMORY_TABLE(struct memory_alert) alerts;
	int64_t alert_ids;
	MEMORY_TABLE(struct memory_alert_told) alerts_told;
	MEMORY_TABLE(struct memory_purged) purged;
	struct streams streams;
	MEMORY_TABLE(struct memory_key) keys;
	MEMORY_TABLE(struct memory_task) tasks;
	MEMORY_TABLE(struct memory_break) breaks;
	MEMORY_TABLE(struct memory_break_move) break_moves;
	MEMORY_TABLE(struct store_break_run) break_runs;
	MEMORY_TABLE(struct memory_track_item) track_items;
	MEMORY_TABLE(struct memory_track_event) track_events;
	int64_t tracked; /* the index knows the journal up to here */
	MEMORY_TABLE(struct memory_change) changes;
};

/* Room for one more row at the end, cleared and counted. Returns the rows, which may have moved. */
void *memory_grow(void *rows, size_t *count, size_t *capacity, size_t bytes);
#define MEMORY_ADD(table)                                                                                              \
	((table)->rows = memory_grow((table)->rows, &(table)->count, &(table)->capacity, sizeof(table)->rows[0]),      \
	    &(table)->rows[(table)->count - 1])

/* What executes one kind of request. It returns the request's status and fills `detail` and `error` by itself. */
typedef enum error_code memory_execute(struct memory *memory, struct store_request *request, struct mail_list *notes);

memory_execute memory_organisation_create, memory_organisation_edit, memory_organisation_delete,
    memory_organisation_get, memory_organisation_list;
memory_execute memory_endpoint_create, memory_endpoint_edit, memory_endpoint_delete, memory_endpoint_get,
    memory_endpoint_list, memory_endpoints_all;
memory_execute memory_event_type_create, memory_event_type_edit, memory_event_type_delete, memory_event_type_get,
    memory_event_type_list;
memory_execute memory_token_list, memory_token_used, memory_audit_list, memory_audit_note;
memory_execute memory_token_create, memory_token_get, memory_token_revoke, memory_token_expire;
memory_execute memory_alert_raise, memory_alert_move, memory_alert_told, memory_alert_list, memory_alert_due;
memory_execute memory_expunge, memory_attempt_expunge, memory_precheck, memory_endpoint_stats, memory_measure;
memory_execute memory_endpoint_totals, memory_dead_letters;
memory_execute memory_change_decide, memory_change_step, memory_change_get, memory_change_list,
    memory_endpoint_verified;
memory_execute memory_task_create, memory_task_step, memory_task_cancel, memory_task_get, memory_task_list;
memory_execute memory_accept, memory_record, memory_refill, memory_resend;
memory_execute memory_break_seen, memory_break_end, memory_break_move, memory_break_get, memory_break_list,
    memory_break_counts, memory_break_run_list;
memory_execute memory_digest, memory_stream_edit, memory_stream_list;
memory_execute memory_track_put, memory_track_get, memory_track_list;
/* Puts the row into the request's list, which has room for it. */
void memory_show_journal_row(
    const struct memory *memory, struct store_request *request, const struct store_journal_row *row, bool joined);
memory_execute memory_journal, memory_journal_list, memory_journal_get, memory_refused, memory_refused_list;
memory_execute memory_message_get, memory_message_evidence, memory_message_list, memory_attempt_get,
    memory_attempt_list, memory_message_endpoints, memory_endpoint_messages, memory_reseal, memory_counts, memory_feed;

/* The same as STORE_ALERT_MOVE by kind and key, within the request that is executed. */
void memory_alert_resolve(struct memory *memory, enum alert_kind kind, struct slice key, struct wall_time now);
/* Raises it within the request that is executed. */
struct alert memory_alert_put(struct memory *memory, const struct alert *raised, struct wall_time now, bool *existed);
void memory_alerts_free(struct memory *memory);

struct store_journal_end memory_journal_end(struct store *store);
void memory_journal_resume(struct store *store, const struct store_journal_end *end);
/* Keeps request->change (change_hold_*) instead of what was asked for. */
enum error_code memory_hold(struct memory *memory, struct store_request *request);
enum error_code memory_execute_request(struct memory *memory, struct store_request *request, struct mail_list *notes);
void memory_audit_append(struct memory *memory, struct store_request *request);
struct store_journal_end memory_audit_end(struct store *store);
void memory_audit_resume(struct store *store, const struct store_journal_end *end);

/* --- finding: NULL when there is none, with the request's status said ---------------------------------- */

enum error_code memory_fail(struct store_request *request, enum error_code code, enum store_detail detail);
struct memory_organisation *memory_find_organisation(struct memory *memory, struct slice ref);
struct memory_endpoint *memory_find_endpoint(
    struct memory *memory, struct organisation_id organisation, struct slice ref);
struct memory_endpoint *memory_endpoint_by_id(struct memory *memory, struct endpoint_id id); /* deleted ones too */
struct message *memory_find_message(struct memory *memory, struct organisation_id organisation, struct slice ref);
struct message *memory_find_message_by_id(struct memory *memory, struct message_id id);
struct memory_delivery *memory_find_delivery(
    struct memory *memory, struct message_id message, struct endpoint_id endpoint);
/* The organisation that the request names, or a failure. */
struct memory_organisation *memory_organisation_of(struct memory *memory, struct store_request *request);
struct memory_endpoint *memory_endpoint_of(struct memory *memory, struct store_request *request);
struct message *memory_message_of(struct memory *memory, struct store_request *request);

/* --- shared steps -------------------------------------------------------------------------------------- */

struct memory_organisation *memory_new_organisation(
    struct memory *memory, struct store_request *request, const struct organisation *from);
void memory_keep_message(struct memory *memory, struct message *message, struct wall_time now); /* gives it its id */
/* Makes the delivery and puts it into `target`. */
void memory_new_delivery(struct memory *memory, struct message *message, struct memory_endpoint *endpoint,
    struct wall_time now, struct store_note_target *target);
const struct organisation *memory_owner_by_id(const struct memory *memory, struct organisation_id id);
int64_t memory_held(const struct memory *memory, struct endpoint_id endpoint); /* pending, up to STORE_HELD_COUNTED */
/* Accepts what the request has to tell. */
void memory_emit(struct memory *memory, struct store_request *request, struct mail_list *notes);
void memory_endpoint_gone(struct memory *memory, struct memory_endpoint *endpoint, struct mail_list *notes);
void memory_note_endpoint(const struct memory_endpoint *endpoint, struct mail_list *notes);
struct store_delivery memory_show_delivery(const struct memory_delivery *row); /* without message and endpoint */
/* What a repeat is told as well: which organisations are to be counted, those that are not there being `missing`; which
 * messages are there. */
void memory_name_organisations(struct memory *memory, struct store_request *request);
enum error_code memory_expunge_find(struct memory *memory, struct store_request *request);
/* The token that an idempotency key made. */
enum error_code memory_token_by_id(struct memory *memory, struct store_request *request, int64_t id);
/* Whether the message's organisation has its service. */
bool memory_entitled(const struct memory *memory, const struct message *message);
/* What the reader's role may not see of what is read, is for the caller to take out. */
void memory_tell_redactions(struct memory *memory, struct store_request *request);
bool memory_in_page(const struct store_page *page, int64_t id);
/* The i-th of `count` rows in the page's direction. */
size_t memory_at(const struct store_page *page, size_t i, size_t count);

#endif
