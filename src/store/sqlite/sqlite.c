/* The SQLite store: opening, batches, idempotency, failure. WAL, synchronous=FULL, one writer.
 *
 * A batch is one transaction. Operations change the directory as they go; when the commit fails the directory is
 * loaded anew, so that memory never knows more than the disk. After a failed fsync, of whichever file and in whatever
 * transaction or checkpoint, nothing that the kernel holds can be trusted: the store is dead, and whoever runs it ends
 * the process. What was acknowledged is safe. */
#include "store/emit.h"
#include "store/sqlite/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUSY_TIMEOUT_MS = 5000, CACHE_KIB = 16384, CHECKPOINT_PAGES = 4000 };

static sqlite_operation *const operations[STORE_KIND_COUNT] = {
    [STORE_ORGANISATION_CREATE] = op_organisation_create,
    [STORE_ORGANISATION_EDIT] = op_organisation_edit,
    [STORE_ORGANISATION_DELETE] = op_organisation_delete,
    [STORE_ORGANISATION_GET] = op_organisation_get,
    [STORE_ORGANISATION_LIST] = op_organisation_list,
    [STORE_ENDPOINT_CREATE] = op_endpoint_create,
    [STORE_ENDPOINT_EDIT] = op_endpoint_edit,
    [STORE_ENDPOINT_DELETE] = op_endpoint_delete,
    [STORE_ENDPOINT_GET] = op_endpoint_get,
    [STORE_ENDPOINT_LIST] = op_endpoint_list,
    [STORE_EVENT_TYPE_CREATE] = op_event_type_create,
    [STORE_EVENT_TYPE_EDIT] = op_event_type_edit,
    [STORE_EVENT_TYPE_DELETE] = op_event_type_delete,
    [STORE_EVENT_TYPE_GET] = op_event_type_get,
    [STORE_EVENT_TYPE_LIST] = op_event_type_list,
    [STORE_TOKEN_CREATE] = op_token_create,
    [STORE_TOKEN_GET] = op_token_get,
    [STORE_TOKEN_REVOKE] = op_token_revoke,
    [STORE_TOKEN_LIST] = op_token_list,
    [STORE_TOKEN_USED] = op_token_used,
    [STORE_AUDIT_NOTE] = op_audit_note,
    [STORE_AUDIT_LIST] = op_audit_list,
    [STORE_TOKEN_EXPIRE] = op_token_expire,
    [STORE_CHANGE_DECIDE] = op_change_decide,
    [STORE_CHANGE_STEP] = op_change_step,
    [STORE_CHANGE_GET] = op_change_get,
    [STORE_CHANGE_LIST] = op_change_list,
    [STORE_ENDPOINT_VERIFIED] = op_endpoint_verified,
    [STORE_ACCEPT] = op_accept,
    [STORE_JOURNAL] = op_journal,
    [STORE_REFUSED] = op_refused,
    [STORE_ALERT_RAISE] = op_alert_raise,
    [STORE_ALERT_MOVE] = op_alert_move,
    [STORE_ALERT_TOLD] = op_alert_told,
    [STORE_ALERT_LIST] = op_alert_list,
    [STORE_ALERT_DUE] = op_alert_due,
    [STORE_RECORD] = op_record,
    [STORE_REFILL] = op_refill,
    [STORE_RESEND] = op_resend,
    [STORE_EXPUNGE] = op_expunge,
    [STORE_ATTEMPT_EXPUNGE] = op_attempt_expunge,
    [STORE_TASK_CREATE] = op_task_create,
    [STORE_TASK_STEP] = op_task_step,
    [STORE_TASK_CANCEL] = op_task_cancel,
    [STORE_PRECHECK] = op_precheck,
    [STORE_ENDPOINT_STATS] = op_endpoint_stats,
    [STORE_TASK_GET] = op_task_get,
    [STORE_TASK_LIST] = op_task_list,
    [STORE_ENDPOINT_TOTALS] = op_endpoint_totals,
    [STORE_DEAD_LETTERS] = op_dead_letters,
    [STORE_MEASURE] = op_measure,
    [STORE_ENDPOINTS_ALL] = op_endpoints_all,
    [STORE_MESSAGE_GET] = op_message_get,
    [STORE_MESSAGE_EVIDENCE] = op_message_evidence,
    [STORE_MESSAGE_LIST] = op_message_list,
    [STORE_ATTEMPT_GET] = op_attempt_get,
    [STORE_ATTEMPT_LIST] = op_attempt_list,
    [STORE_MESSAGE_ENDPOINTS] = op_message_endpoints,
    [STORE_ENDPOINT_MESSAGES] = op_endpoint_messages,
    [STORE_FEED] = op_feed,
    [STORE_STREAM_EDIT] = op_stream_edit,
    [STORE_DIGEST] = op_digest,
    [STORE_STREAM_LIST] = op_stream_list,
    [STORE_TRACK_PUT] = op_track_put,
    [STORE_TRACK_GET] = op_track_get,
    [STORE_TRACK_LIST] = op_track_list,
    [STORE_JOURNAL_LIST] = op_journal_list,
    [STORE_JOURNAL_GET] = op_journal_get,
    [STORE_BREAK_SEEN] = op_break_seen,
    [STORE_BREAK_END] = op_break_end,
    [STORE_BREAK_MOVE] = op_break_move,
    [STORE_BREAK_GET] = op_break_get,
    [STORE_BREAK_LIST] = op_break_list,
    [STORE_BREAK_RUN_LIST] = op_break_run_list,
    [STORE_BREAK_COUNTS] = op_break_counts,
    [STORE_REFUSED_LIST] = op_refused_list,
    [STORE_RESEAL] = op_reseal,
    [STORE_COUNTS] = op_counts,
};

/* --- errors ----------------------------------------------------------------------------------------- */

enum error_code
sqlite_error(struct sqlite_store *store, int code, struct error *error)
{
	const char *what = sqlite3_errstr(code);
	switch (code & 0xff) {
	case SQLITE_FULL: return error_set(error, ERR_FULL, "the disk that holds the database is full");
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return error_set(error, ERR_UNAVAILABLE, "the database is locked by another process");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return error_set(error, ERR_CORRUPT, "the database file is damaged (%s)", what);
	case SQLITE_CANTOPEN: return error_set(error, ERR_IO, "the database file cannot be opened");
	case SQLITE_READONLY: return error_set(error, ERR_IO, "the database file cannot be written");
	case SQLITE_IOERR:
		return error_set(error, ERR_IO, "the disk that holds the database failed (%s, code %d)", what, code);
	default: return error_set(error, ERR_INTERNAL, "the database refused a statement (%s, code %d)", what, code);
	}
	(void)store;
}

void
request_fail(struct store_request *request, enum error_code code, enum store_detail detail, const char *format, ...)
{
	request->status = code;
	request->detail = detail;
	request->error.code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(request->error.text, sizeof request->error.text, format, args);
	va_end(args);
}

static void
fail_all(struct store_request *const *requests, size_t count, const struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		requests[i]->status = error->code;
		requests[i]->detail = STORE_DETAIL_NONE;
		requests[i]->error = *error;
	}
}

/* --- loading ---------------------------------------------------------------------------------------- */

static void
load_organisations(struct sqlite_store *store, struct arena *arena, struct error *error)
{
	sqlite3_stmt *row = sql_get(store, SQL_ORGANISATIONS);
	while (sql_step(store, row)) {
		struct organisation organisation;
		if (organisation_decode(sql_slice(row, 2), arena, &organisation, error) != OK) {
			store->failed = SQLITE_CORRUPT;
			continue;
		}
		organisation.id.value = sqlite3_column_int64(row, 0);
		directory_put_organisation(&store->directory, &organisation, sqlite3_column_int(row, 1) != 0);
	}
}

static void
load_endpoints(struct sqlite_store *store, struct arena *arena, struct error *error)
{
	sqlite3_stmt *row = sql_get(store, SQL_ENDPOINTS);
	while (sql_step(store, row)) {
		struct endpoint endpoint;
		if (endpoint_decode(sql_slice(row, 5), arena, &endpoint, error) != OK) {
			store->failed = SQLITE_CORRUPT;
			continue;
		}
		endpoint.id.value = sqlite3_column_int64(row, 0);
		endpoint.organisation.value = sqlite3_column_int64(row, 1);
		endpoint.state = (enum endpoint_state)sqlite3_column_int(row, 2);
		endpoint.failing_since.us = sqlite3_column_int64(row, 3);
		const struct directory_organisation *owner =
		    directory_organisation_by_id(&store->directory, endpoint.organisation);
		if (owner != NULL)
			endpoint.environment = owner->organisation.environment;
		directory_put_endpoint(&store->directory, &endpoint)->sequence = sqlite3_column_int64(row, 4);
	}
}

static void
load_types(struct sqlite_store *store, struct arena *arena, struct error *error)
{
	sqlite3_stmt *row = sql_get(store, SQL_TYPES);
	while (sql_step(store, row)) {
		struct event_type type;
		if (event_type_decode(sql_slice(row, 0), arena, &type, error) != OK)
			store->failed = SQLITE_CORRUPT;
		else
			directory_put_type(&store->directory, &type);
	}
}

void
sqlite_load_ids(struct sqlite_store *store)
{
	sqlite3_stmt *row = sql_get(store, SQL_LAST_IDS);
	if (sql_step(store, row)) {
		int64_t last = sqlite3_column_int64(row, 0);
		store->ids.last = last > store->ids.last ? last : store->ids.last;
		sql_end(row);
	}
}

static enum error_code
load(struct sqlite_store *store, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	store->failed = SQLITE_OK;
	directory_fini(&store->directory);
	load_organisations(store, &arena, error);
	load_endpoints(store, &arena, error);
	load_types(store, &arena, error);
	journal_load(store);
	audit_load(store);
	feed_load(store);
	streams_load(store);
	digest_load(store);
	sqlite_load_ids(store);
	tail_load(store);
	sqlite3_stmt *pending = sql_get(store, SQL_PENDING);
	if (sql_step(store, pending))
		store->pending = sqlite3_column_int64(pending, 0);
	sql_end(pending);
	store->pending += tail_more(store, DELIVERY_PENDING, 0, INT64_MIN, INT64_MAX);
	arena_free(&arena);
	return store->failed == SQLITE_OK ? OK : sqlite_error(store, store->failed, error);
}

/* --- idempotency ------------------------------------------------------------------------------------ */

static int64_t
first_bytes(const unsigned char *hash)
{
	int64_t value;
	memcpy(&value, hash, sizeof value);
	return value;
}

static struct slice
hash_slice(const unsigned char *hash)
{
	return (struct slice){(const char *)hash, SHA256_BYTES};
}

/* What a repeat answers with: the object that the first request made, as it is now. */
static void
answer_repeat(struct sqlite_store *store, struct store_request *request, int64_t object)
{
	request->status = OK;
	if (object < 0) {
		request->admin->change.id.value = -object;
		op_change_get(store, request);
	} else if (request->kind == STORE_ACCEPT) {
		request->existed = true;
		struct directory_organisation *owner = need_organisation(store, request);
		if (owner == NULL)
			return;
		sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", object, owner->organisation.id.value);
		if (sql_step(store, row)) {
			message_unref(request->message);
			request->message = message_from_row(row, 0);
			sql_end(row);
		} else {
			request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE,
			    "the message that this idempotency key made is no longer kept");
		}
	} else if (request->kind == STORE_ORGANISATION_CREATE) {
		char text[ID_TEXT_BYTES];
		request->ref = arena_copy(&request->arena, slice_of(id_format(ID_ORGANISATION, object, text)));
		op_organisation_get(store, request);
	} else if (request->kind == STORE_ENDPOINT_CREATE) {
		char text[ID_TEXT_BYTES];
		request->endpoint_ref = arena_copy(&request->arena, slice_of(id_format(ID_ENDPOINT, object, text)));
		op_endpoint_get(store, request);
	} else if (request->kind == STORE_EVENT_TYPE_CREATE) {
		request->ref = request->admin->event_type.name;
		op_event_type_get(store, request);
	} else if (request->kind == STORE_ENDPOINT_EDIT) {
		op_endpoint_get(store, request);
	} else if (request->kind == STORE_TASK_CREATE) {
		if (task_counts(request->admin->task.kind))
			task_name_organisations(store, request);
		request->admin->task.id.value = object;
		op_task_get(store, request);
	} else if (request->kind == STORE_TOKEN_CREATE) {
		token_by_id(store, request, object);
	} else if (request->kind == STORE_EXPUNGE) {
		expunge_find(store, request);
	}
}

static int64_t
object_of(const struct store_request *request)
{
	if (store_request_change(request) != 0)
		return -store_request_change(request);
	switch ((int)request->kind) {
	case STORE_ACCEPT: return request->message->id.value;
	case STORE_ORGANISATION_CREATE: return request->admin->organisation.id.value;
	case STORE_ENDPOINT_CREATE: return request->admin->endpoint.id.value;
	case STORE_TASK_CREATE: return request->admin->task.id.value;
	case STORE_TOKEN_CREATE: return request->admin->token.id.value;
	default: return 0;
	}
}

/* True when the key was used before: the request is answered then. */
static bool
is_repeat(struct sqlite_store *store, struct store_request *request)
{
	const struct store_idempotency *key = &request->idempotency;
	sqlite3_stmt *row = sql_bind(store, SQL_KEY_FIND, "i", first_bytes(key->key));
	while (sql_step(store, row)) {
		if (!slice_equal(sql_slice(row, 0), hash_slice(key->key)))
			continue;
		bool same = slice_equal(sql_slice(row, 1), hash_slice(key->body));
		int64_t object = sqlite3_column_int64(row, 2);
		sql_end(row);
		if (same)
			answer_repeat(store, request, object);
		else
			request_fail(request, ERR_CONFLICT, STORE_DETAIL_KEY_REUSED,
			    "this idempotency key was used before with another body: use a new key for a new request");
		return true;
	}
	return false;
}

void
sqlite_execute(struct sqlite_store *store, struct store_request *request)
{
	emit_begin(request);
	operations[request->kind](store, request);
	if (request->status != OK)
		return;
	if (request->audit != NULL)
		audit_append(store, request);
	emit_all(store, request);
}

static void
run(struct sqlite_store *store, struct store_request *request)
{
	request->status = OK;
	request->detail = STORE_DETAIL_NONE;
	request->audit = NULL;
	if (!request->idempotency.present) {
		sqlite_execute(store, request);
		return;
	}
	if (is_repeat(store, request))
		return;
	sqlite_execute(store, request);
	if (request->status == OK)
		sql_run(store, SQL_KEY_PUT, "ibbii", first_bytes(request->idempotency.key),
		    hash_slice(request->idempotency.key), hash_slice(request->idempotency.body), object_of(request),
		    request->now.us);
}

/* --- batches ---------------------------------------------------------------------------------------- */

static bool
writes(enum store_kind kind)
{
	switch (kind) {
	case STORE_ORGANISATION_CREATE:
	case STORE_ORGANISATION_EDIT:
	case STORE_ORGANISATION_DELETE:
	case STORE_ENDPOINT_CREATE:
	case STORE_ENDPOINT_EDIT:
	case STORE_ENDPOINT_DELETE:
	case STORE_EVENT_TYPE_CREATE:
	case STORE_EVENT_TYPE_EDIT:
	case STORE_EVENT_TYPE_DELETE:
	case STORE_TOKEN_CREATE:
	case STORE_ACCEPT:
	case STORE_JOURNAL:
	case STORE_REFUSED:
	case STORE_AUDIT_NOTE:
	case STORE_ALERT_RAISE:
	case STORE_ALERT_MOVE:
	case STORE_ALERT_TOLD:
	case STORE_RECORD:
	case STORE_RESEND:
	case STORE_TOKEN_REVOKE:
	case STORE_TOKEN_USED:
	case STORE_TOKEN_EXPIRE:
	case STORE_CHANGE_DECIDE:
	case STORE_CHANGE_STEP:
	case STORE_ENDPOINT_VERIFIED:
	case STORE_EXPUNGE:
	case STORE_ATTEMPT_EXPUNGE:
	case STORE_BREAK_SEEN:
	case STORE_BREAK_END:
	case STORE_BREAK_MOVE:
	case STORE_TASK_CREATE:
	case STORE_TASK_STEP:
	case STORE_STREAM_EDIT:
	case STORE_TRACK_PUT:
	case STORE_DIGEST:
	case STORE_FEED: /* it may have to write first what it then reads */
	case STORE_RESEAL:
	case STORE_TASK_CANCEL: return true;
	case STORE_ORGANISATION_GET:
	case STORE_ORGANISATION_LIST:
	case STORE_ENDPOINT_GET:
	case STORE_ENDPOINT_LIST:
	case STORE_EVENT_TYPE_GET:
	case STORE_EVENT_TYPE_LIST:
	case STORE_TOKEN_GET:
	case STORE_TOKEN_LIST:
	case STORE_AUDIT_LIST:
	case STORE_CHANGE_GET:
	case STORE_CHANGE_LIST:
	case STORE_REFILL:
	case STORE_ENDPOINTS_ALL:
	case STORE_PRECHECK:
	case STORE_ENDPOINT_STATS:
	case STORE_ENDPOINT_TOTALS:
	case STORE_DEAD_LETTERS:
	case STORE_TASK_GET:
	case STORE_TASK_LIST:
	case STORE_MEASURE:
	case STORE_MESSAGE_GET:
	case STORE_MESSAGE_EVIDENCE:
	case STORE_MESSAGE_LIST:
	case STORE_ATTEMPT_GET:
	case STORE_ATTEMPT_LIST:
	case STORE_MESSAGE_ENDPOINTS:
	case STORE_ENDPOINT_MESSAGES:
	case STORE_STREAM_LIST:
	case STORE_TRACK_GET:
	case STORE_TRACK_LIST:
	case STORE_JOURNAL_LIST:
	case STORE_JOURNAL_GET:
	case STORE_REFUSED_LIST:
	case STORE_BREAK_GET:
	case STORE_BREAK_LIST:
	case STORE_BREAK_RUN_LIST:
	case STORE_BREAK_COUNTS:
	case STORE_ALERT_LIST:
	case STORE_ALERT_DUE:
	case STORE_COUNTS: return false;
	case STORE_KIND_COUNT: break;
	}
	UNREACHABLE();
}

/* What may not be on the disk must not be moved into the database by closing it: a power cut could bring back the
 * log with a part of it missing, and that part would be older than the database. */
static void
keep_log(struct sqlite_store *store, bool keep)
{
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)keep, NULL);
}

void
sqlite_mind_sync(struct sqlite_store *store, int code)
{
	if (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC)
		return;
	store->store.dead = true;
	keep_log(store, true);
}

/* In the place of SQLite's own checkpoint behind a commit, which keeps to itself that an fsync failed. What was
 * committed stands in the log, so a checkpoint that fails otherwise is made up for by the next one. */
static int
after_commit(void *context, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_store *store = context;
	if (pages >= store->checkpoint_pages &&
	    sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
		sqlite_mind_sync(store, sqlite3_extended_errcode(db));
	return SQLITE_OK;
}

static void
drop_notes(struct mail_list *notes)
{
	for (struct mail *mail = mail_list_pop(notes); mail != NULL; mail = mail_list_pop(notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
}

static enum error_code
give_up(struct sqlite_store *store, struct store_request *const *requests, size_t count, struct mail_list *notes,
    struct error *error)
{
	int code = store->failed;
	drop_notes(notes);
	for (size_t i = 0; i < SQL_COUNT; i++)
		sql_end(store->statements[i]);
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	enum error_code result = sqlite_error(store, code, error);
	fail_all(requests, count, error);
	journal_rollback(store);
	store->audit_end = store->audit_committed;
	refused_forget(store);
	struct error ignored;
	if (!store->store.dead && load(store, &ignored) != OK)
		log_write(store->options.log, LOG_ERROR, "the database cannot be read", "error", ignored.text, NULL);
	store->failed = SQLITE_OK;
	return result;
}

/* A reader's directory is read anew when configuration was committed since. The number is read first, so what is read
 * is as new as that or newer. */
static void
keep_up(struct sqlite_store *store)
{
	struct error error = ERROR_NONE;
	uint64_t configured = atomic_load(&store->leader->configured);
	if (configured == store->read_configured)
		return;
	if (load(store, &error) == OK)
		store->read_configured = configured;
}

static enum error_code
sqlite_batch(struct store *base, struct store_request *const *requests, size_t count, struct mail_list *notes,
    struct error *error)
{
	struct sqlite_store *store = CONTAINER_OF(base, struct sqlite_store, store);
	if (store->store.dead) {
		enum error_code dead = error_set(error, ERR_IO, "the database is closed since its disk failed");
		fail_all(requests, count, error);
		return dead;
	}
	bool writing = false;
	for (size_t i = 0; i < count; i++) {
		writing = writing || writes(requests[i]->kind);
		ENSURE(requests[i]->events == NULL || writes(requests[i]->kind));
	}
	store->failed = SQLITE_OK;
	store->notes = notes;
	if (store->leader != NULL)
		keep_up(store);
	if (writing || store->read_only)
		sql_run(store, writing ? SQL_BEGIN : SQL_BEGIN_READING, "");
	if (store->read_only)
		tail_refresh(store);
	for (size_t i = 0; i < count && store->failed == SQLITE_OK; i++) {
		struct mail **made = notes->last;
		run(store, requests[i]);
		store_notes_of(*made, i);
	}
	if (writing) {
		tail_save(store);
		feed_keep_up(store);
		streams_save(store);
	}
	if ((writing || store->read_only) && store->failed == SQLITE_OK)
		sql_run(store, SQL_COMMIT, "");
	if (store->failed != SQLITE_OK)
		return give_up(store, requests, count, notes, error);
	journal_commit(store);
	store->audit_committed = store->audit_end;
	if (store->configuring) {
		store->configuring = false;
		atomic_fetch_add(&store->configured, 1);
	}
	return OK;
}

static bool
sqlite_idle(struct store *base, struct wall_time now)
{
	struct sqlite_store *store = CONTAINER_OF(base, struct sqlite_store, store);
	int64_t cutoff = now.us - (int64_t)LIMIT_IDEMPOTENCY_HOURS * 3600 * 1000000;
	if (store->store.dead)
		return false;
	store->failed = SQLITE_OK;
	sqlite3_stmt *row = sql_get(store, SQL_KEY_OLDEST);
	bool old = sql_step(store, row) && sqlite3_column_int64(row, 0) < cutoff;
	sql_end(row);
	if (old)
		sql_run(store, SQL_KEY_PURGE, "i", cutoff);
	bool more = old && store->failed == SQLITE_OK;
	more = retention_step(store, now) || more;
	if (!store->store.dead)
		more = tail_step(store) || more;
	if (!store->store.dead)
		more = feed_step(store) || more;
	if (!store->store.dead)
		more = digest_step(store, now) || more;
	store->failed = SQLITE_OK;
	return more && !store->store.dead;
}

/* --- life ------------------------------------------------------------------------------------------- */

static void
sqlite_close(struct store *base)
{
	struct sqlite_store *store = CONTAINER_OF(base, struct sqlite_store, store);
	sql_finalize_all(store);
	sqlite3_close(store->db);
	tail_free(&store->tail);
	directory_fini(&store->directory);
	streams_free(&store->streams);
	refused_forget(store);
	free(store->path);
	free(store->vfs);
	free(store);
}

/* A connection of its own, which in WAL mode neither waits for the writer nor holds it up. */
static struct store *
sqlite_reader(struct store *base)
{
	struct sqlite_store *leader = CONTAINER_OF(base, struct sqlite_store, store);
	struct error error = ERROR_NONE;
	struct store *opened = NULL;
	struct store_sqlite_options options = {
	    .common = leader->options, .path = leader->path, .vfs = leader->vfs, .read_only = true};
	uint64_t configured = atomic_load(&leader->configured);
	if (store_sqlite_open(&options, &opened, &error) != OK) {
		log_write(leader->options.log, LOG_WARN, "no reader: lists share the writer's thread", "error",
		    error.text, NULL);
		return NULL;
	}
	struct sqlite_store *store = CONTAINER_OF(opened, struct sqlite_store, store);
	store->leader = leader;
	store->read_configured = configured;
	return opened;
}

static const struct store_vtable sqlite_vtable = {
    .name = "sqlite",
    .batch = sqlite_batch,
    .idle = sqlite_idle,
    .journal_end = journal_end,
    .journal_resume = journal_resume,
    .audit_end = audit_end,
    .audit_resume = audit_resume,
    .reader = sqlite_reader,
    .close = sqlite_close,
};

static enum error_code
configure(struct sqlite_store *store, const struct store_sqlite_options *options, struct error *error)
{
	char pragmas[256];
	sqlite3_snprintf(sizeof pragmas, pragmas,
	    "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
	    "%s PRAGMA synchronous = %s; PRAGMA journal_size_limit = 67108864;",
	    CACHE_KIB, options->read_only ? "" : "PRAGMA journal_mode = WAL;",
	    options->synchronous == NULL ? "FULL" : options->synchronous);
	sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	if (!options->read_only)
		sqlite3_wal_hook(store->db, after_commit, store);
	int code = sqlite3_exec(store->db, pragmas, NULL, NULL, NULL);
	return code == SQLITE_OK ? OK : sqlite_error(store, sqlite3_extended_errcode(store->db), error);
}

static int
write_again(sqlite3_file *log)
{
	enum { CHUNK_BYTES = 1 << 16 };
	sqlite3_int64 size = 0;
	if (log == NULL || log->pMethods == NULL)
		return SQLITE_OK;
	int code = log->pMethods->xFileSize(log, &size);
	char *chunk = mem_alloc(CHUNK_BYTES);
	for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += CHUNK_BYTES) {
		int bytes = size - at < CHUNK_BYTES ? (int)(size - at) : CHUNK_BYTES;
		code = log->pMethods->xRead(log, chunk, bytes, at);
		if (code == SQLITE_OK)
			code = log->pMethods->xWrite(log, chunk, bytes, at);
	}
	free(chunk);
	return code == SQLITE_OK && size > 0 ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

/* Makes durable what the log says, before anything is built on it: writes its bytes again, as they are, and syncs.
 * After an fsync that failed, the log may be whole in the page cache and not on the disk, and no later fsync says
 * so: what is committed behind such a gap would be lost at a power cut (found by simulation). */
static enum error_code
settle_log(struct sqlite_store *store, struct error *error)
{
	if (store->read_only)
		return OK;
	keep_log(store, true);
	int code = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if ((code & 0xff) == SQLITE_BUSY)
		return OK; /* a server is writing: it did this when it started */
	sqlite3_file *log = NULL;
	if (code == SQLITE_OK)
		code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log);
	if (code == SQLITE_OK)
		code = write_again(log);
	int ended = sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	code = code == SQLITE_OK ? ended : code;
	if (code != SQLITE_OK)
		return sqlite_error(store, code, error);
	keep_log(store, false);
	return OK;
}

enum error_code
store_sqlite_open(const struct store_sqlite_options *options, struct store **out, struct error *error)
{
	struct sqlite_store *store = mem_zero(1, sizeof *store);
	store->store.vtable = &sqlite_vtable;
	store->options = options->common;
	store->read_only = options->read_only;
	store->checkpoint_pages = options->checkpoint_pages > 0 ? options->checkpoint_pages : CHECKPOINT_PAGES;
	store->tail.rows_max = options->tail_rows;
	store->path = mem_string(slice_of(options->path));
	store->vfs = options->vfs == NULL ? NULL : mem_string(slice_of(options->vfs));
	directory_init(&store->directory);
	int flags = (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int opened = sqlite3_open_v2(options->path, &store->db, flags, options->vfs);
	enum error_code code = opened == SQLITE_OK ? OK : sqlite_error(store, opened, error);
	if (code != OK && options->read_only && (opened & 0xff) == SQLITE_CANTOPEN)
		code = error_set(error, ERR_NOT_FOUND, "there is no database here yet");
	if (code == OK)
		code = configure(store, options, error);
	if (code == OK)
		code = settle_log(store, error);
	if (code == OK)
		code = sqlite_migrate(store, error);
	if (code == OK)
		code = load(store, error);
	if (code != OK) {
		error_wrap(error, "%s", options->path);
		sqlite_close(&store->store);
		return code;
	}
	*out = &store->store;
	return OK;
}
