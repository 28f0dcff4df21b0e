/* A property: whatever single thing somebody changes in a journal's database file, the check names a row, and never one
 * behind the first that was changed. 200 random tamperings from a seed; and a database that is older than the chain. */
#include "journal_fixture.h"

#include "base/random.h"
#include "store/chain.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { ROWS = 60, TAMPERINGS = 200 };

static const struct log silent = {.level = LOG_ERROR, .fd = -1};

struct file {
	char directory[64], path[128];
	struct store_journal_end end; /* as it was left */
};

static struct store *
open_store(const struct file *file, bool read_only)
{
	struct store_sqlite_options options = {
	    .common = {.log = &silent}, .path = file->path, .read_only = read_only, .synchronous = "OFF"};
	struct store *store;
	struct error error = ERROR_NONE;
	assert_int_equal(store_sqlite_open(&options, &store, &error), OK);
	return store;
}

static void
make(struct file *file)
{
	snprintf(file->directory, sizeof file->directory, "/tmp/vaultbell-tamper-XXXXXX");
	assert_non_null(mkdtemp(file->directory));
	snprintf(file->path, sizeof file->path, "%s/vaultbell.db", file->directory);
	struct store *store = open_store(file, false);
	journal_fill(store, ROWS);
	file->end = store->vtable->journal_end(store);
	store_close(store);
}

static void
unmake(const struct file *file)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		char path[160];
		snprintf(path, sizeof path, "%s%s", file->path, ends[i]);
		unlink(path);
	}
	rmdir(file->directory);
}

static void
execute(sqlite3 *db, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = sqlite3_vmprintf(format, args);
	va_end(args);
	char *message = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	sqlite3_free(text);
}

static struct chain_check
check(const struct file *file)
{
	struct store *store = open_store(file, true);
	struct chain_check result;
	struct error error = ERROR_NONE;
	chain_check_init(&result);
	chain_check_mark(&result, &file->end, "the mark");
	assert_int_equal(chain_check_store(&result, store, &error), OK);
	store_close(store);
	return result;
}

/* --- one tampering ---------------------------------------------------------------------------------- */

static void
alter_column(sqlite3 *db, struct random *random, int64_t seq)
{
	static const char *const changes[] = {
	    "seq = seq + 1000",
	    "seq = -seq",
	    "seq = 0",
	    "lookup = lookup + 1",
	    "source = source || 'x'",
	    "event_id = 'evt_other'",
	    "event_id = upper(event_id)",
	    "type = iif(type IS NULL, '', NULL)",
	    "type = 'transaction.deposit.reorged'",
	    "verdict = 1 - verdict",
	    "verdict = verdict + 4294967296",
	    "verdict = 9",
	    "received = received + 1",
	    "sha256 = zeroblob(32)",
	    "sha256 = zeroblob(3)",
	    "sha256 = CAST(sha256 || '0' AS BLOB)",
	    "message = message + 1",
	    "content = zeroblob(32)",
	    "scheme = 'legacy'",
	    "scheme = NULL",
	    "key_id = 'other'",
	    "sent = '0'",
	    "sequence = '77'",
	    "content_type = ''",
	    "chain = zeroblob(32)",
	    "chain = x''",
	};
	size_t which = random_below(random, COUNT_OF(changes));
	execute(db, "UPDATE journal SET %s WHERE seq = %lld", changes[which], (long long)seq);
}

static void
alter_message(sqlite3 *db, struct random *random, int64_t seq)
{
	static const char *const changes[] = {
	    "payload = CAST(payload || ' ' AS BLOB)",
	    "payload = NULL",
	    "payload = x''",
	    "organisation = 1",
	    "type = 'other'",
	    "event_id = 'x'",
	    "channels = 'x'",
	    "webhook_id = 'evt_other'",
	    "id = id + 1000000000",
	};
	size_t which = random_below(random, COUNT_OF(changes) + 1);
	const char *where = "WHERE id = (SELECT message FROM journal WHERE seq =";
	if (which < COUNT_OF(changes))
		execute(db, "UPDATE message SET %s %s %lld)", changes[which], where, (long long)seq);
	else
		execute(db, "DELETE FROM message %s %lld)", where, (long long)seq);
}

static void
swap(sqlite3 *db, int64_t seq, int64_t other)
{
	execute(db, "UPDATE journal SET seq = -1000 WHERE seq = %lld", (long long)seq);
	execute(db, "UPDATE journal SET seq = %lld WHERE seq = %lld", (long long)seq, (long long)other);
	execute(db, "UPDATE journal SET seq = %lld WHERE seq = -1000", (long long)other);
}

#define OTHERS                                                                                                         \
	"lookup, source, event_id, type, verdict, received, sha256, message, scheme, key_id, sent, sequence,"          \
	" content_type, chain, content"

/* A copy of `seq`, put at its own place with all that follows moved on, or at the end. */
static void
insert(sqlite3 *db, int64_t seq, bool at_end)
{
	if (at_end) {
		execute(db, "INSERT INTO journal (seq, " OTHERS ") SELECT %d, " OTHERS " FROM journal WHERE seq = %lld",
		    ROWS + 1, (long long)seq);
		return;
	}
	execute(db, "UPDATE journal SET seq = -seq - 1 WHERE seq >= %lld", (long long)seq);
	execute(db, "UPDATE journal SET seq = -seq WHERE seq < 0");
	execute(db, "INSERT INTO journal (seq, " OTHERS ") SELECT %lld, " OTHERS " FROM journal WHERE seq = %lld",
	    (long long)seq, (long long)seq + 1);
}

/* Does one thing; returns the highest seq that the check may name. */
static int64_t
tamper(sqlite3 *db, struct random *random)
{
	int64_t seq = 1 + (int64_t)random_below(random, ROWS), other = 1 + (int64_t)random_below(random, ROWS);
	switch (random_below(random, 7)) {
	case 0: alter_column(db, random, seq); return seq;
	case 1: alter_message(db, random, seq); return seq;
	case 2: execute(db, "DELETE FROM journal WHERE seq = %lld", (long long)seq); return seq;
	case 3: execute(db, "DELETE FROM journal WHERE seq >= %lld", (long long)seq); return seq;
	case 4:
		other = other == seq ? seq % ROWS + 1 : other;
		swap(db, seq, other);
		return seq < other ? seq : other;
	case 5: insert(db, seq, false); return seq + 1;
	default: insert(db, seq, true); return ROWS + 1;
	}
}

static void
every_tampering_is_found(void **state UNUSED)
{
	struct file file;
	make(&file);
	assert_false(check(&file).failed);
	struct random random;
	random_seed(&random, 20260101);
	for (int i = 0; i < TAMPERINGS; i++) {
		sqlite3 *db;
		assert_int_equal(sqlite3_open(file.path, &db), SQLITE_OK);
		execute(db, "ATTACH '%q.kept' AS kept", file.path);
		execute(db, "CREATE TABLE IF NOT EXISTS kept.journal AS SELECT * FROM main.journal");
		execute(db, "CREATE TABLE IF NOT EXISTS kept.message AS SELECT * FROM main.message");
		int64_t last = tamper(db, &random);
		struct chain_check result = check(&file);
		if (!result.failed || result.bad_seq > last)
			fail_msg("tampering %d at %" PRId64 ": %s, %" PRId64, i, last,
			    result.failed ? "found" : "not found", result.bad_seq);
		execute(db, "DELETE FROM main.journal; INSERT INTO main.journal SELECT * FROM kept.journal");
		execute(db, "DELETE FROM main.message; INSERT INTO main.message SELECT * FROM kept.message");
		sqlite3_close(db);
	}
	assert_false(check(&file).failed);
	char kept[160];
	snprintf(kept, sizeof kept, "%s.kept", file.path);
	unlink(kept);
	unmake(&file);
}

/* Whoever chains everything anew agrees with himself, and not with what is known elsewhere. */
static void
a_journal_that_was_written_anew_is_found(void **state UNUSED)
{
	struct file file;
	make(&file);
	unlink(file.path);
	struct store *store = open_store(&file, false);
	for (int i = 1; i <= ROWS; i++) {
		struct store_request *request =
		    journal_request((struct wall_time){INT64_C(1760000000000000) + i}, i, i + 1);
		assert_int_equal(journal_run(store, request), OK);
		store_request_free(request);
	}
	store_close(store);
	struct chain_check result = check(&file);
	assert_true(result.failed);
	assert_int_equal(result.bad_seq, ROWS);
	unmake(&file);
}

static void
rows_that_are_older_than_the_chain(void **state UNUSED)
{
	struct file file;
	make(&file);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(file.path, &db), SQLITE_OK);
	static const char *const added[] = {"scheme", "key_id", "sent", "sequence", "content_type", "content", "chain"};
	for (size_t i = 0; i < COUNT_OF(added); i++)
		execute(db, "ALTER TABLE journal DROP COLUMN %s", added[i]);
	execute(db, "UPDATE journal SET lookup = 0");
	execute(db, "DROP TRIGGER token_scope_end; DROP TABLE token_scope");
	execute(db, "DROP TABLE audit; DROP INDEX token_id; ALTER TABLE token DROP COLUMN id");
	execute(db, "ALTER TABLE token DROP COLUMN name; ALTER TABLE token DROP COLUMN used");
	execute(db, "DROP TABLE task; ALTER TABLE token DROP COLUMN session");
	execute(db, "DROP TABLE refused; DROP TABLE refused_claim; DROP TABLE refused_total; PRAGMA user_version = 1");
	sqlite3_close(db);
	struct store *store = open_store(&file, false);
	assert_true(store->journal_migrated);
	struct store_request *request = journal_request((struct wall_time){1}, 7, 7);
	assert_int_equal(journal_run(store, request), OK);
	assert_int_equal(request->journal.verdict, JOURNAL_DUPLICATE);
	store_request_free(request);
	request = journal_request((struct wall_time){1}, ROWS + 1, 1);
	assert_int_equal(journal_run(store, request), OK);
	assert_int_equal(request->journal.seq, ROWS + 1);
	store_request_free(request);
	file.end = store->vtable->journal_end(store);
	store_close(store);
	struct chain_check result = check(&file);
	assert_false(result.failed);
	assert_int_equal(result.end.seq, ROWS + 1);
	store = open_store(&file, false);
	assert_false(store->journal_migrated);
	store_close(store);
	unmake(&file);
}

/* Another process may append too: the chain goes on from its rows. */
static void
two_processes_append(void **state UNUSED)
{
	struct file file;
	make(&file);
	struct store *one = open_store(&file, false), *other = open_store(&file, false);
	for (int i = 0; i < 6; i++) {
		struct wall_time now = {INT64_C(1770000000000000) + i};
		struct store_request *request = journal_request(now, ROWS + 1 + i, 1);
		assert_int_equal(journal_run(i % 2 == 0 ? one : other, request), OK);
		assert_int_equal(request->journal.seq, ROWS + 1 + i);
		store_request_free(request);
	}
	store_close(one);
	store_close(other);
	assert_false(check(&file).failed);
	unmake(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_tampering_is_found),
	    cmocka_unit_test(a_journal_that_was_written_anew_is_found),
	    cmocka_unit_test(rows_that_are_older_than_the_chain),
	    cmocka_unit_test(two_processes_append),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
