/* The schema and its migrations: forward only, one transaction each, numbered by PRAGMA user_version. */
#include "store/sqlite/private.h"

static const char *const migrations[] = {
    /* 1: the first. Message and delivery keys rise with time, so inserts go to the end of their trees. */
    "CREATE TABLE organisation (id INTEGER PRIMARY KEY, deleted INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;"
    "CREATE TABLE endpoint (id INTEGER PRIMARY KEY, organisation INTEGER NOT NULL, state INTEGER NOT NULL,"
    " failing_since INTEGER NOT NULL, sequence INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;"
    "CREATE TABLE event_type (name TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token (hash BLOB PRIMARY KEY, role INTEGER NOT NULL, organisation INTEGER NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    /* A key is 32 random bytes: indexed by its first 64 bits only, which halves the cost of the random insert. */
    "CREATE TABLE idempotency (id INTEGER PRIMARY KEY, lookup INTEGER NOT NULL, key BLOB NOT NULL,"
    " body BLOB NOT NULL, object INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;"
    "CREATE INDEX idempotency_lookup ON idempotency (lookup);"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, organisation INTEGER NOT NULL, type TEXT NOT NULL, event_id TEXT,"
    " channels TEXT, retention INTEGER NOT NULL, payload BLOB, webhook_id TEXT) STRICT;"
    "CREATE INDEX message_list ON message (organisation);"
    "CREATE UNIQUE INDEX message_event ON message (organisation, event_id) WHERE event_id IS NOT NULL;"
    "CREATE TABLE delivery (message INTEGER NOT NULL, endpoint INTEGER NOT NULL, state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, due INTEGER NOT NULL, sequence INTEGER NOT NULL, trigger INTEGER NOT NULL,"
    " PRIMARY KEY (message, endpoint)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX delivery_due ON delivery (endpoint, due, message) WHERE state = 0;"
    /* Clustered by message, which is what attempts are read by most; so they need one index and not two. */
    "CREATE TABLE attempt (message INTEGER NOT NULL, id INTEGER NOT NULL, endpoint INTEGER NOT NULL,"
    " number INTEGER NOT NULL, status INTEGER NOT NULL, duration INTEGER NOT NULL, trigger INTEGER NOT NULL,"
    " succeeded INTEGER NOT NULL, response BLOB, PRIMARY KEY (message, id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX attempt_endpoint ON attempt (endpoint, id);"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, lookup INTEGER NOT NULL, source TEXT NOT NULL,"
    " event_id TEXT NOT NULL, type TEXT, verdict INTEGER NOT NULL, received INTEGER NOT NULL, sha256 BLOB NOT NULL,"
    " message INTEGER NOT NULL) STRICT;"
    "CREATE INDEX journal_lookup ON journal (lookup);",
    /* 2: the journal's rows are chained (chain.h) and keep what matters of the head; refused requests. The index is
     * made anew because looking up is by the event id alone from here on. */
    "ALTER TABLE journal ADD COLUMN scheme TEXT; ALTER TABLE journal ADD COLUMN key_id TEXT;"
    "ALTER TABLE journal ADD COLUMN sent TEXT; ALTER TABLE journal ADD COLUMN sequence TEXT;"
    "ALTER TABLE journal ADD COLUMN content_type TEXT; ALTER TABLE journal ADD COLUMN content BLOB;"
    "ALTER TABLE journal ADD COLUMN chain BLOB NOT NULL DEFAULT x'';"
    "DROP INDEX journal_lookup;"
    "CREATE TABLE refused (id INTEGER PRIMARY KEY, source TEXT NOT NULL, reason TEXT NOT NULL,"
    " claimed TEXT, detail TEXT, received INTEGER NOT NULL, sha256 BLOB NOT NULL, count INTEGER NOT NULL) STRICT;"
    "CREATE INDEX refused_source ON refused (source);"
    "CREATE TABLE refused_claim (id INTEGER PRIMARY KEY, source TEXT NOT NULL, claimed TEXT NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, UNIQUE (source, claimed)) STRICT;"
    "CREATE TABLE refused_total (id INTEGER PRIMARY KEY, source TEXT NOT NULL, reason TEXT NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, UNIQUE (source, reason)) STRICT;",
    /* 3: tasks (task.h), and the portal's sessions. */
    "CREATE TABLE task (id INTEGER PRIMARY KEY, organisation INTEGER NOT NULL, endpoint INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, updated INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;"
    "CREATE INDEX task_running ON task (updated, id) WHERE state = 0;"
    "ALTER TABLE token ADD COLUMN session INTEGER NOT NULL DEFAULT 0;",
    /* 4: tokens have an id, a name and their last use; the audit log (audit.h). */
    "ALTER TABLE token ADD COLUMN id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE token ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "UPDATE token SET id = (SELECT count(*) FROM token t WHERE (t.created, t.hash) <= (token.created, token.hash));"
    "CREATE UNIQUE INDEX token_id ON token (id);"
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, role TEXT,"
    " organisation INTEGER NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, before TEXT, after TEXT,"
    " chain BLOB NOT NULL) STRICT;"
    "CREATE INDEX audit_organisation ON audit (organisation, seq);",

    /* 5: what is left of payloads whose retention is over (retention.c). */
    ("CREATE TABLE IF NOT EXISTS purged"
     " (message INTEGER PRIMARY KEY, digest BLOB NOT NULL, at INTEGER NOT NULL) STRICT;"),
    /* 6: dead letters are counted and listed by their endpoint (destinations.c). */
    ("CREATE INDEX IF NOT EXISTS delivery_exhausted ON delivery (endpoint, message) WHERE state = 2;"),

    /* 7: breaks that reconciliation found, what people did about them, and the runs (break.h). What is open is found by
     * the run that saw it last. */
    ("CREATE TABLE IF NOT EXISTS break (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, class TEXT NOT NULL,"
     " severity TEXT NOT NULL, match_key TEXT NOT NULL, detail TEXT NOT NULL, journal TEXT, custodian TEXT,"
     " ledger TEXT, since INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
     " changed INTEGER NOT NULL, run INTEGER NOT NULL, state INTEGER NOT NULL, proposed INTEGER NOT NULL,"
     " proposer TEXT, moves INTEGER NOT NULL) STRICT;"
     "CREATE INDEX IF NOT EXISTS break_open ON break (run, number) WHERE state < 2;"
     "CREATE TABLE IF NOT EXISTS break_move (break INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,"
     " act INTEGER NOT NULL, was INTEGER NOT NULL, became INTEGER NOT NULL, actor TEXT NOT NULL,"
     " reason TEXT NOT NULL, PRIMARY KEY (break, number)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE IF NOT EXISTS break_run (run INTEGER PRIMARY KEY, as_of INTEGER NOT NULL, at INTEGER NOT NULL,"
     " matched INTEGER NOT NULL, found INTEGER NOT NULL, opened INTEGER NOT NULL, reopened INTEGER NOT NULL,"
     " closed INTEGER NOT NULL) STRICT;"),
    /* 8: alerts (alert.h), and what each target was told of them. Numbers are not used twice. */
    ("CREATE TABLE IF NOT EXISTS alert (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL,"
     " severity INTEGER NOT NULL, state INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
     " changed INTEGER NOT NULL, count INTEGER NOT NULL, revision INTEGER NOT NULL, by TEXT, summary TEXT NOT NULL,"
     " UNIQUE (kind, key)) STRICT;"
     "CREATE TABLE IF NOT EXISTS alert_told (target TEXT NOT NULL, alert INTEGER NOT NULL, revision INTEGER NOT NULL,"
     " PRIMARY KEY (target, alert)) STRICT, WITHOUT ROWID;"),

    /* 9: the last number given to each endpoint stands apart from its document, which is a hundred times as long and was
     * written anew with it at every commit. */
    ("CREATE TABLE IF NOT EXISTS endpoint_sequence (endpoint INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;"
     "INSERT OR IGNORE INTO endpoint_sequence SELECT id, sequence FROM endpoint;"),

    /* 10: change requests (change.h). */
    ("CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY, organisation INTEGER NOT NULL,"
     " state INTEGER NOT NULL, due INTEGER NOT NULL, doc TEXT NOT NULL) STRICT;"
     "CREATE INDEX IF NOT EXISTS change_organisation ON change (organisation, id);"
     "CREATE INDEX IF NOT EXISTS change_due ON change (due, id) WHERE state < 2;"),

    /* 11: what an endpoint gets, by its sequence (feed.c); how far passes over tables have come. */
    ("CREATE TABLE IF NOT EXISTS feed (endpoint INTEGER NOT NULL, sequence INTEGER NOT NULL, message INTEGER NOT NULL,"
     " PRIMARY KEY (endpoint, sequence)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"),
    /* 12: which messages are examples that somebody asked for. */
    ("CREATE TABLE IF NOT EXISTS test_event (message INTEGER PRIMARY KEY) STRICT;"),

    /* What a receiver's token sees (model/scope.h); it goes with its token. */
    ("CREATE TABLE IF NOT EXISTS token_scope (token INTEGER PRIMARY KEY, scope TEXT NOT NULL) STRICT;"
     "CREATE TRIGGER IF NOT EXISTS token_scope_end AFTER DELETE ON token"
     " BEGIN DELETE FROM token_scope WHERE token = old.id; END;"),
    /* Which numbers of its sources a receiver has (stream.h). */
    ("CREATE TABLE IF NOT EXISTS stream (key TEXT PRIMARY KEY, doc TEXT NOT NULL) STRICT, WITHOUT ROWID;"),
    /* The tree of digests (digest.c). */
    ("CREATE TABLE IF NOT EXISTS digest_stream (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
     " cursor INTEGER NOT NULL) STRICT;"
     "CREATE TABLE IF NOT EXISTS digest_entry (stream INTEGER NOT NULL, at INTEGER NOT NULL, seq INTEGER NOT NULL,"
     " PRIMARY KEY (stream, at, seq)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE IF NOT EXISTS digest_dirty (stream INTEGER NOT NULL, minute INTEGER NOT NULL,"
     " PRIMARY KEY (stream, minute)) STRICT, WITHOUT ROWID;"
     "CREATE TABLE IF NOT EXISTS digest_node (stream INTEGER NOT NULL, level INTEGER NOT NULL,"
     " start INTEGER NOT NULL, count INTEGER NOT NULL, hash BLOB NOT NULL,"
     " PRIMARY KEY (stream, level, start)) STRICT, WITHOUT ROWID;"),
    /* Payloads with further versions behind them (RETENTION_BITS): an older program would take both for one body. */
    ("SELECT 1;"),
    /* Which rows of the journal speak of which resource (tracks.c). */
    ("CREATE TABLE IF NOT EXISTS track_item (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, lookup INTEGER NOT NULL,"
     " name TEXT NOT NULL) STRICT;"
     "CREATE INDEX IF NOT EXISTS track_lookup ON track_item (lookup);"
     "CREATE INDEX IF NOT EXISTS track_kind ON track_item (kind);"
     "CREATE TABLE IF NOT EXISTS track_event (item INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (item, seq))"
     " STRICT, WITHOUT ROWID;"),
    /* What is not yet in `delivery` and `attempt` (tail.h). An older program would not see it. */
    ("CREATE TABLE IF NOT EXISTS tail (seq INTEGER PRIMARY KEY, doc BLOB NOT NULL) STRICT;"),
};

enum { VERSION_CHAINED = 2 };

static enum error_code
execute(struct sqlite_store *store, const char *text, struct error *error)
{
	int code = sqlite3_exec(store->db, text, NULL, NULL, NULL);
	return code == SQLITE_OK ? OK : sqlite_error(store, sqlite3_extended_errcode(store->db), error);
}

static enum error_code
read_version(struct sqlite_store *store, int *version, struct error *error)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);
	if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		*version = sqlite3_column_int(statement, 0);
	code = sqlite3_finalize(statement);
	return code == SQLITE_OK ? OK : sqlite_error(store, sqlite3_extended_errcode(store->db), error);
}

static enum error_code
apply(struct sqlite_store *store, int version, struct error *error)
{
	char set_version[64];
	sqlite3_snprintf(sizeof set_version, set_version, "PRAGMA user_version = %d", version);
	enum error_code code = execute(store, "BEGIN IMMEDIATE", error);
	/* Another process may have migrated while this one waited for the lock. */
	int now = 0;
	if (code == OK)
		code = read_version(store, &now, error);
	if (code == OK && now < version) {
		code = execute(store, migrations[version - 1], error);
		if (code == OK && version == VERSION_CHAINED)
			code = journal_chain_all(store, error);
		if (code == OK)
			code = execute(store, set_version, error);
	}
	if (code == OK)
		code = execute(store, "COMMIT", error);
	if (code != OK)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

enum error_code
sqlite_migrate(struct sqlite_store *store, struct error *error)
{
	int version = 0;
	enum error_code code = read_version(store, &version, error);
	if (code != OK)
		return code;
	if (version > (int)COUNT_OF(migrations))
		return error_set(error, ERR_CORRUPT,
		    "the database has schema version %d, this program knows up to %d: use the newer program", version,
		    (int)COUNT_OF(migrations));
	if (store->read_only && version < (int)COUNT_OF(migrations))
		return error_set(error, ERR_UNAVAILABLE,
		    "the database has schema version %d, older than %d: start the server once to migrate it", version,
		    (int)COUNT_OF(migrations));
	for (int next = version + 1; code == OK && next <= (int)COUNT_OF(migrations); next++)
		code = apply(store, next, error);
	return code;
}
