/* Every statement that the store runs, prepared on first use. */
#include "store/sqlite/private.h"

#include <stdarg.h>

#define MESSAGE_COLUMNS                                                                                                \
	"m.id, m.organisation, m.type, m.event_id, m.channels, m.retention, m.payload, m.webhook_id,"                  \
	" EXISTS (SELECT 1 FROM test_event t WHERE t.message = m.id)"
#define BODY_COLUMNS "m.payload, m.organisation, m.type, m.event_id, m.channels, m.webhook_id"
#define WITH_BODY "LEFT JOIN message m ON m.id = j.message"
#define ATTEMPT_COLUMNS                                                                                                \
	"a.id, a.message, a.endpoint, a.number, a.status, a.duration, a.trigger, a.succeeded, a.response,"             \
	" (SELECT m.type FROM message m WHERE m.id = a.message)"
#define TOKEN_COLUMNS                                                                                                  \
	"hash, role, organisation, created, expires, session, id, name, used,"                                         \
	" (SELECT scope FROM token_scope WHERE token_scope.token = token.id)"
#define AUDIT_COLUMNS "seq, at, actor, role, organisation, action, object, before, after, chain"

#define ALERT_COLUMNS                                                                                                  \
	"a.id, a.kind, a.key, a.severity, a.state, a.first, a.last, a.changed, a.count, a.revision, a.by, a.summary"
#define CHANGE_COLUMNS "id, organisation, state, due, doc"
#define CHANGE_FILTER " WHERE organisation = ?3 AND id > ?1 AND id < ?2 AND (?4 < 0 OR state = ?4)"
#define TASK_COLUMNS "id, organisation, endpoint, kind, state, updated, doc"
#define BREAK_COLUMNS                                                                                                  \
	"number, id, class, severity, match_key, detail, journal, custodian, ledger, since, first_seen, last_seen,"    \
	" changed, run, state, proposed, proposer, moves"
#define TASK_FILTER " AND (?3 < 0 OR kind = ?3) AND (?4 < 0 OR state = ?4) AND (?5 = 0 OR organisation = ?5)"
#define TASK_ROW_COLUMNS "id, organisation, type, channels, payload IS NOT NULL"

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_BEGIN_READING] = "BEGIN",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_ORGANISATIONS] = "SELECT id, deleted, doc FROM organisation ORDER BY id",
    [SQL_ORGANISATION_PUT] = "INSERT INTO organisation (id, deleted, doc) VALUES (?, ?, ?)"
			     " ON CONFLICT (id) DO UPDATE SET deleted = excluded.deleted, doc = excluded.doc",
    [SQL_ENDPOINTS] = "SELECT e.id, e.organisation, e.state, e.failing_since, ifnull(s.last, 0), e.doc"
		      " FROM endpoint e LEFT JOIN endpoint_sequence s ON s.endpoint = e.id ORDER BY e.id",
    [SQL_ENDPOINT_PUT] =
	"INSERT INTO endpoint (id, organisation, state, failing_since, sequence, doc) VALUES (?, ?, ?, ?, 0, ?)"
	" ON CONFLICT (id) DO UPDATE SET state = excluded.state, failing_since = excluded.failing_since,"
	" doc = excluded.doc",
    [SQL_ENDPOINT_SEQUENCE] = "INSERT INTO endpoint_sequence (endpoint, last) VALUES (?1, ?2)"
			      " ON CONFLICT (endpoint) DO UPDATE SET last = excluded.last",
    [SQL_ENDPOINT_CANCEL] = "UPDATE delivery SET state = 3 WHERE endpoint = ? AND state = 0",
    [SQL_TYPES] = "SELECT doc FROM event_type ORDER BY name",
    [SQL_TYPE_PUT] = "INSERT INTO event_type (name, doc) VALUES (?, ?)"
		     " ON CONFLICT (name) DO UPDATE SET doc = excluded.doc",
    [SQL_TYPE_REMOVE] = "DELETE FROM event_type WHERE name = ?",
    [SQL_TOKEN_PUT] = "INSERT INTO token (hash, role, organisation, created, expires, session, id, name)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_TOKEN_SCOPE_PUT] = "INSERT INTO token_scope (token, scope) VALUES (?, ?)",
    [SQL_TOKEN_GET] = "SELECT " TOKEN_COLUMNS " FROM token WHERE hash = ?",
    [SQL_TOKEN_BY_ID] = "SELECT " TOKEN_COLUMNS " FROM token WHERE id = ?",
    [SQL_TOKEN_LAST] = "SELECT max(id) FROM token",
    [SQL_TOKEN_USED] = "UPDATE token SET used = ?2 WHERE id = ?1",
    [SQL_TOKEN_REMOVE_OF] = "DELETE FROM token WHERE organisation = ?",
    [SQL_TOKEN_LIST_UP] = "SELECT " TOKEN_COLUMNS " FROM token WHERE id > ?1 AND id < ?2"
			  " AND (?3 < 0 OR organisation = ?3) ORDER BY id",
    [SQL_TOKEN_LIST_DOWN] = "SELECT " TOKEN_COLUMNS " FROM token WHERE id > ?1 AND id < ?2"
			    " AND (?3 < 0 OR organisation = ?3) ORDER BY id DESC",
    [SQL_AUDIT_PUT] = "INSERT INTO audit (seq, at, actor, role, organisation, action, object, before, after, chain)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_AUDIT_END] = "SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1",
    [SQL_AUDIT_UP] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > ?1 AND seq < ?2 ORDER BY seq",
    [SQL_AUDIT_DOWN] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > ?1 AND seq < ?2 ORDER BY seq DESC",
    [SQL_AUDIT_OF_UP] =
	"SELECT " AUDIT_COLUMNS " FROM audit WHERE organisation = ?3 AND seq > ?1 AND seq < ?2 ORDER BY seq",
    [SQL_AUDIT_OF_DOWN] =
	"SELECT " AUDIT_COLUMNS " FROM audit WHERE organisation = ?3 AND seq > ?1 AND seq < ?2 ORDER BY seq DESC",
    [SQL_TOKEN_REMOVE] = "DELETE FROM token WHERE hash = ?",
    [SQL_TOKEN_EXPIRE] = "UPDATE token SET expires = ?2 WHERE organisation = ?1 AND (expires = 0 OR expires > ?2)"
			 " AND (?3 = 0 OR session = ?3)",
    [SQL_CHANGE_PUT] = "INSERT INTO change (id, organisation, state, due, doc) VALUES (?, ?, ?, ?, ?)"
		       " ON CONFLICT (id) DO UPDATE SET state = excluded.state, due = excluded.due, doc = excluded.doc",
    [SQL_CHANGE_GET] = "SELECT " CHANGE_COLUMNS " FROM change WHERE id = ? AND organisation = ?",
    [SQL_CHANGE_NEXT] = "SELECT " CHANGE_COLUMNS " FROM change WHERE state < 2 ORDER BY due, id LIMIT 1",
    [SQL_CHANGE_AFTER] = "SELECT " CHANGE_COLUMNS " FROM change WHERE id > ? AND state < 2 ORDER BY id LIMIT 1",
    [SQL_CHANGE_OPEN] = "SELECT count(*) FROM change WHERE organisation = ? AND state < 2",
    [SQL_CHANGE_WAITING] = "SELECT " CHANGE_COLUMNS " FROM change WHERE organisation = ? AND state < 2 ORDER BY id",
    [SQL_CHANGE_LIST_UP] = "SELECT " CHANGE_COLUMNS " FROM change" CHANGE_FILTER " ORDER BY id",
    [SQL_CHANGE_LIST_DOWN] = "SELECT " CHANGE_COLUMNS " FROM change" CHANGE_FILTER " ORDER BY id DESC",
    [SQL_KEY_FIND] = "SELECT key, body, object FROM idempotency WHERE lookup = ?",
    [SQL_KEY_PUT] = "INSERT INTO idempotency (lookup, key, body, object, created) VALUES (?, ?, ?, ?, ?)",
    [SQL_KEY_OLDEST] = "SELECT created FROM idempotency ORDER BY id LIMIT 1",
    [SQL_KEY_PURGE] = "DELETE FROM idempotency WHERE id IN"
		      " (SELECT id FROM idempotency ORDER BY id LIMIT 256) AND created < ?",
    [SQL_MESSAGE_PUT] =
	"INSERT INTO message (id, organisation, type, event_id, channels, retention, payload, webhook_id)"
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_MESSAGE_GET] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.id = ? AND m.organisation = ?",
    [SQL_MESSAGE_KIND] = "SELECT type, channels FROM message WHERE id = ? AND organisation = ?",
    [SQL_MESSAGE_TYPE] = "SELECT type FROM message WHERE id = ?",
    [SQL_MESSAGE_ANY] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.id = ?",
    [SQL_MESSAGE_BY_EVENT] = "SELECT id FROM message WHERE organisation = ? AND event_id = ?",
    [SQL_MESSAGE_LIST_UP] = "SELECT " MESSAGE_COLUMNS " FROM message m"
			    " WHERE m.organisation = ? AND m.id > ? AND m.id < ? ORDER BY m.id",
    [SQL_MESSAGE_LIST_DOWN] = "SELECT " MESSAGE_COLUMNS " FROM message m"
			      " WHERE m.organisation = ? AND m.id > ? AND m.id < ? ORDER BY m.id DESC",
    [SQL_PAYLOAD_GET] = "SELECT payload, retention, organisation FROM message WHERE id = ? AND payload IS NOT NULL",
    [SQL_PURGED_PUT] = "INSERT INTO purged (message, digest, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    [SQL_PURGED_GET] = "SELECT digest, at FROM purged WHERE message = ?",
    [SQL_TEST_PUT] = "INSERT INTO test_event (message) VALUES (?)",
    [SQL_RETENTION_PAGE] = "SELECT m.id, iif(m.payload IS NULL OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = "
			   "m.id AND d.state = 0),"
			   " 0, m.retention & ?4) FROM message m WHERE m.id > ?1 AND m.id < ?2 ORDER BY m.id LIMIT ?3",
    [SQL_DELIVERY_WRITE] =
	"INSERT INTO delivery (message, endpoint, state, attempts, due, sequence, trigger)"
	" VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message, endpoint) DO UPDATE SET state = excluded.state,"
	" attempts = excluded.attempts, due = excluded.due, trigger = excluded.trigger",
    [SQL_DELIVERY_GET] =
	"SELECT state, attempts, due, sequence, trigger FROM delivery WHERE message = ? AND endpoint = ?",
    [SQL_DELIVERY_OF_MESSAGE] =
	"SELECT endpoint, state, attempts, due, sequence, trigger FROM delivery WHERE message = ?"
	" ORDER BY endpoint",
    [SQL_DELIVERY_PENDING] = "SELECT count(*) FROM delivery WHERE state = 0 AND endpoint = ?1"
			     " AND message >= ?2 AND message < ?3",
    [SQL_DELIVERY_COUNT] = "SELECT count(*) FROM delivery WHERE message = ?",
    [SQL_ENDPOINT_TOTALS] = "SELECT ifnull((SELECT last FROM endpoint_sequence WHERE endpoint = ?1), 0),"
			    " (SELECT count(*) FROM delivery WHERE state = 0 AND endpoint = ?1),"
			    " (SELECT count(*) FROM delivery WHERE state = 2 AND endpoint = ?1),"
			    " (SELECT min(message) FROM delivery WHERE state = 0 AND endpoint = ?1)",
    [SQL_ENDPOINT_PENDING] = "SELECT message FROM delivery WHERE state = 0 AND endpoint = ?",
    [SQL_DEAD_LETTERS] =
	"SELECT d.state, d.attempts, d.due, d.sequence, d.trigger, " MESSAGE_COLUMNS
	" FROM delivery d CROSS JOIN message m ON m.id = d.message"
	" WHERE d.state = 2 AND d.endpoint = ?1 AND d.message > ?2 AND d.message < ?3 ORDER BY d.message",
    [SQL_MESSAGE_EXPUNGE] = "UPDATE message SET payload = NULL WHERE id = ?",
    [SQL_MESSAGE_CANCEL] = "UPDATE delivery SET state = 3 WHERE message = ? AND state = 0",
    [SQL_TASK_PUT] = "INSERT INTO task (id, organisation, endpoint, kind, state, updated, doc)"
		     " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
		     " updated = excluded.updated, doc = excluded.doc",
    [SQL_TASK_GET] = "SELECT " TASK_COLUMNS " FROM task WHERE id = ?",
    [SQL_TASK_NEXT] = "SELECT " TASK_COLUMNS " FROM task WHERE state = 0 ORDER BY updated, id LIMIT 1",
    [SQL_TASK_LIST_UP] = "SELECT " TASK_COLUMNS " FROM task WHERE id > ?1 AND id < ?2" TASK_FILTER " ORDER BY id",
    [SQL_TASK_LIST_DOWN] =
	"SELECT " TASK_COLUMNS " FROM task WHERE id > ?1 AND id < ?2" TASK_FILTER " ORDER BY id DESC",
    [SQL_TASK_ROWS] = "SELECT " TASK_ROW_COLUMNS " FROM message WHERE organisation = ?1 AND id > ?2 AND id < ?3"
		      " ORDER BY id LIMIT ?4",
    [SQL_TASK_ROWS_ALL] = "SELECT " TASK_ROW_COLUMNS " FROM message WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
    [SQL_TASK_PURGE] = "DELETE FROM task WHERE id < ? AND state <> 0",
    [SQL_PENDING] = "SELECT count(*) FROM delivery WHERE state = 0",
    [SQL_HELD] = "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE state = 0 AND endpoint = ? LIMIT ?)",
    [SQL_REFILL] = "SELECT d.due, d.message, d.attempts, d.sequence, d.trigger, " MESSAGE_COLUMNS
		   " FROM delivery d CROSS JOIN message m ON m.id = d.message"
		   " WHERE d.state = 0 AND d.endpoint = ?1 AND (d.due, d.message) >= (?2, ?3) AND d.due <= ?4"
		   " ORDER BY d.due, d.message",
    [SQL_REFILL_NEXT] = "SELECT due, message FROM delivery WHERE state = 0 AND endpoint = ?1"
			" AND (due, message) > (?2, ?3) ORDER BY due, message",
    [SQL_ATTEMPT_WRITE] =
	"INSERT OR IGNORE INTO attempt (id, message, endpoint, number, status, duration, trigger, succeeded, response)"
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_ATTEMPT_GET] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a WHERE a.id = ? AND a.message = ?",
    [SQL_ATTEMPT_LAST] = "SELECT status FROM attempt WHERE message = ?1 AND endpoint = ?2 ORDER BY id DESC LIMIT 1",
    [SQL_ATTEMPT_LAST_WHOLE] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a WHERE a.message = ?1 AND a.endpoint = ?2"
			       " ORDER BY a.id DESC LIMIT 1",
    [SQL_ATTEMPT_LAST_FAILED] =
	"SELECT " ATTEMPT_COLUMNS " FROM (SELECT * FROM attempt WHERE endpoint = ?1"
	" AND id < ?3 ORDER BY id DESC LIMIT ?2) a WHERE a.succeeded = 0 ORDER BY a.id DESC LIMIT 1",
    [SQL_ATTEMPT_OUTCOMES] =
	"SELECT id, succeeded FROM attempt WHERE endpoint = ?1 AND id > ?2 AND id < ?3 ORDER BY id",
    [SQL_ATTEMPT_EXPUNGE] = "UPDATE attempt SET response = x'455850554e474544' WHERE message = ?1 AND id = ?2",
    [SQL_ATTEMPT_OF_MESSAGE_UP] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a"
				  " WHERE a.message = ? AND a.id > ? AND a.id < ? ORDER BY a.id",
    [SQL_ATTEMPT_OF_MESSAGE_DOWN] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a"
				    " WHERE a.message = ? AND a.id > ? AND a.id < ? ORDER BY a.id DESC",
    [SQL_ATTEMPT_OF_ENDPOINT_UP] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a"
				   " WHERE a.endpoint = ? AND a.id > ? AND a.id < ? ORDER BY a.id",
    [SQL_ATTEMPT_OF_ENDPOINT_DOWN] = "SELECT " ATTEMPT_COLUMNS " FROM attempt a"
				     " WHERE a.endpoint = ? AND a.id > ? AND a.id < ? ORDER BY a.id DESC",
    [SQL_DIGEST_STREAMS] = "SELECT id FROM digest_stream LIMIT 1",
    [SQL_DIGEST_STREAM] = "SELECT id, cursor FROM digest_stream WHERE key = ?",
    [SQL_DIGEST_STREAM_NEXT] = "SELECT id, cursor, key FROM digest_stream WHERE id > ? ORDER BY id LIMIT 1",
    [SQL_DIGEST_STREAM_PUT] = "INSERT INTO digest_stream (key, cursor) VALUES (?, 0)",
    [SQL_DIGEST_CURSOR] = "UPDATE digest_stream SET cursor = ?2 WHERE id = ?1",
    [SQL_DIGEST_JOURNAL] = "SELECT seq, source, event_id, verdict FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
    [SQL_DIGEST_FEED] =
	"SELECT sequence, message FROM feed WHERE endpoint = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    [SQL_DIGEST_ENTRY_PUT] = "INSERT OR IGNORE INTO digest_entry (stream, at, seq) VALUES (?, ?, ?)",
    [SQL_DIGEST_DIRTY_PUT] = "INSERT OR IGNORE INTO digest_dirty (stream, minute) VALUES (?, ?)",
    [SQL_DIGEST_DIRTY] = "SELECT minute FROM digest_dirty WHERE stream = ? AND minute < ? ORDER BY minute LIMIT 1",
    [SQL_DIGEST_DIRTY_DROP] = "DELETE FROM digest_dirty WHERE stream = ? AND minute = ?",
    [SQL_DIGEST_RECEIVED] =
	"SELECT e.at, j.event_id, j.sha256, j.type FROM digest_entry e CROSS JOIN journal j ON j.seq = e.seq"
	" WHERE e.stream = ? AND e.at > ? AND e.at < ? ORDER BY e.at LIMIT ?",
    [SQL_DIGEST_SENT] = "SELECT p.digest, " MESSAGE_COLUMNS " FROM delivery d CROSS JOIN message m ON m.id = d.message"
			" LEFT JOIN purged p ON p.message = d.message"
			" WHERE d.endpoint = ?1 AND d.message > ?2 AND d.message < ?3 ORDER BY d.message LIMIT ?4",
    [SQL_DIGEST_NODE_PUT] =
	"INSERT INTO digest_node (stream, level, start, count, hash) VALUES (?, ?, ?, ?, ?)"
	" ON CONFLICT (stream, level, start) DO UPDATE SET count = excluded.count, hash = excluded.hash",
    [SQL_DIGEST_NODES] = "SELECT start, count, hash FROM digest_node"
			 " WHERE stream = ? AND level = ? AND start >= ? AND start < ? ORDER BY start",
    [SQL_TAIL_ENDS] = "SELECT (SELECT ifnull(min(seq), 0) FROM tail), (SELECT ifnull(max(seq), 0) FROM tail)",
    [SQL_TAIL_LIST] = "SELECT seq, doc FROM tail WHERE seq > ? ORDER BY seq",
    [SQL_TAIL_PUT] = "INSERT INTO tail (seq, doc) VALUES (?, ?)",
    [SQL_TAIL_DROP] = "DELETE FROM tail WHERE seq <= ?",
    [SQL_STREAMS] = "SELECT key, doc FROM stream ORDER BY key",
    [SQL_STREAM_PUT] =
	"INSERT INTO stream (key, doc) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET doc = excluded.doc",
    [SQL_FEED_NEXT] = "SELECT message, endpoint, sequence FROM delivery WHERE message > ? ORDER BY message",
    [SQL_TRACK_FIND] = "SELECT id, kind, name FROM track_item WHERE lookup = ?",
    [SQL_TRACK_ITEM_PUT] = "INSERT INTO track_item (kind, lookup, name) VALUES (?, ?, ?)",
    [SQL_TRACK_EVENT_PUT] = "INSERT OR IGNORE INTO track_event (item, seq) VALUES (?, ?)",
    [SQL_TRACK_ROWS] = "SELECT " JOURNAL_COLUMNS ", " BODY_COLUMNS
		       " FROM track_event t CROSS JOIN journal j ON j.seq = t.seq " WITH_BODY
		       " WHERE t.item = ? AND t.seq > ? ORDER BY t.seq LIMIT ?",
    [SQL_TRACK_ITEMS_UP] = "SELECT id, name FROM track_item WHERE kind = ? AND id > ? AND id < ? ORDER BY id LIMIT ?",
    [SQL_TRACK_ITEMS_DOWN] =
	"SELECT id, name FROM track_item WHERE kind = ? AND id > ? AND id < ? ORDER BY id DESC LIMIT ?",
    [SQL_FEED_PUT] = "INSERT INTO feed (endpoint, sequence, message) VALUES (?, ?, ?)",
    [SQL_FEED_LIST] =
	"SELECT f.sequence, p.digest, " MESSAGE_COLUMNS
	" FROM feed f CROSS JOIN message m ON m.id = f.message LEFT JOIN purged p ON p.message = f.message"
	" WHERE f.endpoint = ? AND f.sequence > ? ORDER BY f.sequence LIMIT ?",
    [SQL_PROGRESS_GET] = "SELECT at FROM progress WHERE name = ?",
    [SQL_PROGRESS_PUT] =
	"INSERT INTO progress (name, at) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    [SQL_JOURNAL_FIND] =
	"SELECT seq, source, event_id, verdict, ifnull(content, sha256) FROM journal WHERE lookup = ? ORDER BY seq",
    [SQL_JOURNAL_PUT] = "INSERT INTO journal (seq, lookup, source, event_id, type, verdict, received, sha256, message,"
			" content, scheme, key_id, sent, sequence, content_type, chain)"
			" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_JOURNAL_LIST] = "SELECT " JOURNAL_COLUMNS " FROM journal j WHERE j.seq >= ? ORDER BY j.seq LIMIT ?",
    [SQL_JOURNAL_BODIES] = "SELECT " JOURNAL_COLUMNS ", " BODY_COLUMNS " FROM journal j " WITH_BODY
			   " WHERE j.seq >= ? ORDER BY j.seq LIMIT ?",
    [SQL_JOURNAL_GET] =
	"SELECT " JOURNAL_COLUMNS ", " BODY_COLUMNS " FROM journal j " WITH_BODY " WHERE j.lookup = ? ORDER BY j.seq",
    [SQL_JOURNAL_END] = "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1",
    [SQL_DATA_VERSION] = "PRAGMA data_version",
    [SQL_REFUSED_PUT] = "INSERT INTO refused (source, reason, claimed, detail, received, sha256, count)"
			" VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_REFUSED_DROP] = "DELETE FROM refused WHERE id = (SELECT min(id) FROM refused) RETURNING source",
    [SQL_REFUSED_DROP_OF] =
	"DELETE FROM refused WHERE id = (SELECT min(id) FROM refused WHERE source = ?) RETURNING source",
    [SQL_REFUSED_COUNT] = "INSERT INTO refused_total (source, reason, first, last, count) VALUES (?1, ?2, ?3, ?3, ?4)"
			  " ON CONFLICT (source, reason) DO UPDATE SET count = count + ?4, last = ?3",
    [SQL_REFUSED_CLAIM] = "UPDATE refused_claim SET count = count + ?4, last = ?3 WHERE source = ?1 AND claimed = ?2",
    [SQL_REFUSED_CLAIM_PUT] =
	"INSERT INTO refused_claim (source, claimed, first, last, count) VALUES (?1, ?2, ?3, ?3, ?4)",
    [SQL_REFUSED_CLAIM_DROP] =
	"DELETE FROM refused_claim WHERE id = (SELECT min(id) FROM refused_claim) RETURNING source",
    [SQL_REFUSED_CLAIM_DROP_OF] =
	"DELETE FROM refused_claim WHERE id = (SELECT min(id) FROM refused_claim WHERE source = ?) RETURNING source",
    [SQL_REFUSED_TALLY] = "SELECT source, count(*), 0 FROM refused GROUP BY source"
			  " UNION ALL SELECT source, 0, count(*) FROM refused_claim GROUP BY source",
    [SQL_REFUSED_ROWS] = "SELECT id, source, reason, claimed, detail, received, received, count, sha256 FROM refused"
			 " WHERE id > ? ORDER BY id LIMIT ?",
    [SQL_REFUSED_CLAIMS] = "SELECT id, source, NULL, nullif(claimed, ''), NULL, first, last, count FROM refused_claim"
			   " WHERE id > ? ORDER BY id LIMIT ?",
    [SQL_REFUSED_TOTALS] = "SELECT id, source, reason, NULL, NULL, first, last, count FROM refused_total"
			   " WHERE id > ? ORDER BY id LIMIT ?",
    [SQL_BREAK_GET] = "SELECT " BREAK_COLUMNS " FROM break WHERE id = ?",
    [SQL_BREAK_ADD] = "INSERT INTO break (id, class, severity, match_key, detail, journal, custodian, ledger, since,"
		      " first_seen, last_seen, changed, run, state, proposed, proposer, moves)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_BREAK_PUT] =
	"UPDATE break SET class = ?2, severity = ?3, match_key = ?4, detail = ?5, journal = ?6,"
	" custodian = ?7, ledger = ?8, since = ?9, last_seen = ?10, changed = ?11, run = ?12, state = ?13,"
	" proposed = ?14, proposer = ?15, moves = ?16 WHERE number = ?1",
    [SQL_BREAK_MOVE_ADD] = "INSERT INTO break_move (break, number, at, act, was, became, actor, reason)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_BREAK_MOVES] = "SELECT number, at, act, was, became, actor, reason FROM break_move WHERE break = ?"
			" ORDER BY number LIMIT ?",
    [SQL_BREAK_LEFT] = "SELECT " BREAK_COLUMNS " FROM break WHERE state < 2 AND run < ? ORDER BY run, number LIMIT ?",
    [SQL_BREAK_LIST_UP] = "SELECT " BREAK_COLUMNS " FROM break WHERE number > ?1 AND number < ?2"
			  " AND (?3 >> state & 1) = 1 ORDER BY number LIMIT ?4",
    [SQL_BREAK_LIST_DOWN] = "SELECT " BREAK_COLUMNS " FROM break WHERE number > ?1 AND number < ?2"
			    " AND (?3 >> state & 1) = 1 ORDER BY number DESC LIMIT ?4",
    [SQL_BREAK_COUNTS] = "SELECT class, severity, (s >= ?2) + (s >= ?3) + (s >= ?4) + (s >= ?5) AS age, count(*) FROM"
			 " (SELECT class, severity, (?1 - first_seen) / 1000000 AS s FROM break WHERE state < 2)"
			 " GROUP BY class, severity, age ORDER BY class, severity, age",
    [SQL_BREAK_RUN_ADD] = "INSERT INTO break_run (run, as_of, at, matched, found, opened, reopened, closed)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO NOTHING",
    [SQL_BREAK_RUN_DROP] = "DELETE FROM break_run WHERE run <= (SELECT run FROM break_run ORDER BY run DESC LIMIT 1"
			   " OFFSET ?)",
    [SQL_BREAK_RUN_BETWEEN] = "SELECT 1 FROM break_run WHERE run > ? AND run < ? LIMIT 1",
    [SQL_BREAK_RUNS_UP] = "SELECT run, as_of, at, matched, found, opened, reopened, closed FROM break_run"
			  " WHERE run > ? AND run < ? ORDER BY run LIMIT ?",
    [SQL_BREAK_RUNS_DOWN] = "SELECT run, as_of, at, matched, found, opened, reopened, closed FROM break_run"
			    " WHERE run > ? AND run < ? ORDER BY run DESC LIMIT ?",
    [SQL_BREAK_RUN_LAST] = "SELECT run, as_of, at, matched, found, opened, reopened, closed FROM break_run"
			   " ORDER BY run DESC LIMIT 1",
    [SQL_ALERT_FIND] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.kind = ? AND a.key = ?",
    [SQL_ALERT_GET] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.id = ?",
    [SQL_ALERT_PUT] = "INSERT INTO alert (kind, key, severity, state, first, last, changed, count, revision, by,"
		      " summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_ALERT_UPDATE] = "UPDATE alert SET severity = ?2, state = ?3, first = ?4, last = ?5, changed = ?6, count = ?7,"
			 " revision = ?8, by = ?9, summary = ?10 WHERE id = ?1",
    [SQL_ALERT_COUNT] = "SELECT count(*) FROM alert",
    [SQL_ALERT_DROP] = "DELETE FROM alert WHERE id = (SELECT id FROM alert ORDER BY state = 2 DESC, id LIMIT 1)"
		       " RETURNING id",
    [SQL_ALERT_FORGET] = "DELETE FROM alert_told WHERE alert = ?",
    [SQL_ALERT_LIST_UP] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.id > ?1 AND a.id < ?2"
			  " AND (?3 < 0 OR a.state = ?3) ORDER BY a.id",
    [SQL_ALERT_LIST_DOWN] = "SELECT " ALERT_COLUMNS " FROM alert a WHERE a.id > ?1 AND a.id < ?2"
			    " AND (?3 < 0 OR a.state = ?3) ORDER BY a.id DESC",
    [SQL_ALERT_DUE] = "SELECT " ALERT_COLUMNS " FROM alert a LEFT JOIN alert_told t"
		      " ON t.target = ?1 AND t.alert = a.id WHERE (t.revision IS NULL AND a.state <> 2)"
		      " OR t.revision < a.revision ORDER BY a.id",
    [SQL_ALERT_TOLD] = "INSERT INTO alert_told (target, alert, revision) SELECT ?1, id, ?3 FROM alert WHERE id = ?2"
		       " ON CONFLICT (target, alert) DO UPDATE SET revision = excluded.revision",
    [SQL_LAST_IDS] = "SELECT max((SELECT ifnull(max(id), 0) FROM message), (SELECT ifnull(max((SELECT max(a.id) FROM "
		     "attempt a WHERE a.endpoint = e.id)), 0) FROM endpoint e),"
		     " (SELECT ifnull(max(id), 0) FROM organisation), (SELECT ifnull(max(id), 0) FROM endpoint),"
		     " (SELECT ifnull(max(id), 0) FROM task), (SELECT ifnull(max(id), 0) FROM token),"
		     " (SELECT ifnull(max(id), 0) FROM change))",
    [SQL_COUNTS] = "SELECT (SELECT count(*) FROM message),"
		   " (SELECT count(*) FROM delivery WHERE state = 0), (SELECT count(*) FROM delivery WHERE state = 1),"
		   " (SELECT count(*) FROM delivery WHERE state = 2), (SELECT count(*) FROM attempt),"
		   " (SELECT count(*) FROM journal)",
};

sqlite3_stmt *
sql_get(struct sqlite_store *store, enum sql which)
{
	sqlite3_stmt *statement = store->statements[which];
	if (statement != NULL)
		return statement;
	int code =
	    sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL);
	if (code != SQLITE_OK && store->failed == SQLITE_OK)
		store->failed = code;
	return store->statements[which];
}

static void
bind_all(struct sqlite_store *store, sqlite3_stmt *statement, const char *types, va_list args)
{
	for (int i = 0; types[i] != '\0'; i++) {
		int code = SQLITE_OK;
		if (types[i] == 'i') {
			code = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
		} else {
			struct slice s = va_arg(args, struct slice);
			ENSURE(types[i] == 't' || types[i] == 'b');
			if (!slice_present(s))
				code = sqlite3_bind_null(statement, i + 1);
			else if (types[i] == 't')
				code = sqlite3_bind_text64(statement, i + 1, s.ptr, s.len, SQLITE_STATIC, SQLITE_UTF8);
			else
				code = sqlite3_bind_blob64(statement, i + 1, s.ptr, s.len, SQLITE_STATIC);
		}
		if (code != SQLITE_OK && store->failed == SQLITE_OK)
			store->failed = code;
	}
}

sqlite3_stmt *
sql_bind(struct sqlite_store *store, enum sql which, const char *types, ...)
{
	sqlite3_stmt *statement = sql_get(store, which);
	if (statement == NULL)
		return NULL;
	va_list args;
	va_start(args, types);
	bind_all(store, statement, types, args);
	va_end(args);
	return statement;
}

bool
sql_step(struct sqlite_store *store, sqlite3_stmt *statement)
{
	if (statement == NULL || store->failed != SQLITE_OK) {
		sql_end(statement);
		return false;
	}
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE) {
		store->failed = sqlite3_extended_errcode(store->db);
		sqlite_mind_sync(store, store->failed);
	}
	sqlite3_reset(statement);
	return false;
}

void
sql_end(sqlite3_stmt *statement)
{
	if (statement != NULL)
		sqlite3_reset(statement);
}

void
sql_run(struct sqlite_store *store, enum sql which, const char *types, ...)
{
	sqlite3_stmt *statement = sql_get(store, which);
	if (statement == NULL)
		return;
	va_list args;
	va_start(args, types);
	bind_all(store, statement, types, args);
	va_end(args);
	while (sql_step(store, statement))
		;
}

void
sql_finalize_all(struct sqlite_store *store)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

struct slice
sql_slice(sqlite3_stmt *statement, int column)
{
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return SLICE_NONE;
	const void *bytes = sqlite3_column_blob(statement, column);
	size_t length = (size_t)sqlite3_column_bytes(statement, column);
	return (struct slice){bytes == NULL ? "" : bytes, length};
}
