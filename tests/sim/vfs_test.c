/* The VFS itself: what SQLite promises on it is kept, and what SQLite does not promise is lost. */
#include "vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <sqlite3.h>

static sqlite3 *
open_database(struct vfs *vfs, const char *synchronous)
{
	sqlite3 *db = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	char sql[256];
	snprintf(sql, sizeof sql,
	    "PRAGMA synchronous=%s; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=8;"
	    "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, filler TEXT);",
	    synchronous);
	if (sqlite3_open_v2("db", &db, flags, vfs_name(vfs)) == SQLITE_OK &&
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

static int
insert(sqlite3 *db, int64_t id)
{
	char sql[128];
	snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%lld, printf('%%.*c', %lld, 'x'))", (long long)id,
	    (long long)(id * 37 % 3000));
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t
query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static void
assert_sound(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
}

/* Inserts row after row while the machine keeps crashing. Returns how many acknowledged rows were lost. */
static int64_t
crash_again_and_again(uint64_t seed, const char *synchronous, enum vfs_crash crash, int crashes)
{
	struct vfs *vfs = vfs_new(seed);
	struct random random;
	random_seed(&random, seed);
	int64_t acknowledged = 0, lost = 0;
	for (int i = 0; i < crashes; i++) {
		vfs_crash_in(vfs, crash, 1 + random_below(&random, 60));
		sqlite3 *db = open_database(vfs, synchronous);
		int64_t next = acknowledged;
		if (db != NULL && !vfs_down(vfs)) {
			int64_t there = query(db, "SELECT count(*) FROM t");
			/* The row that was under way at the crash may be there or not. */
			assert_true(there <= acknowledged + 1);
			lost += there < acknowledged ? acknowledged - there : 0;
			next = there;
			assert_int_equal(query(db, "SELECT coalesce(max(id), 0) FROM t"), there);
			if (i % 16 == 0 && !vfs_down(vfs))
				assert_sound(db);
		}
		while (!vfs_down(vfs) && insert(db, next + 1) == SQLITE_OK)
			next++;
		acknowledged = next;
		assert_true(vfs_down(vfs));
		sqlite3_close(db);
		vfs_restart(vfs);
	}
	vfs_free(vfs);
	return lost;
}

static void
full_survives_power_cuts(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		assert_int_equal(crash_again_and_again(seed, "FULL", VFS_POWER_CUT, 100), 0);
}

static void
normal_loses_rows_at_power_cuts(void **state UNUSED)
{
	int64_t lost = 0;
	for (uint64_t seed = 1; seed <= 10; seed++)
		lost += crash_again_and_again(seed, "NORMAL", VFS_POWER_CUT, 50);
	assert_true(lost > 0);
}

static void
off_survives_kills(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 10; seed++)
		assert_int_equal(crash_again_and_again(seed, "OFF", VFS_KILL, 100), 0);
}

static void
full_disk_fails_and_recovers(void **state UNUSED)
{
	struct vfs *vfs = vfs_new(7);
	sqlite3 *db = open_database(vfs, "FULL");
	assert_non_null(db);
	int64_t rows = 0;
	for (int round = 0; round < 20; round++) {
		vfs_leave_room(vfs, (uint64_t)round * 1000);
		int code = SQLITE_OK;
		while ((code = insert(db, rows + 1)) == SQLITE_OK)
			rows++;
		assert_int_equal(code, SQLITE_FULL);
		vfs_end_faults(vfs);
		assert_int_equal(query(db, "SELECT count(*) FROM t"), rows);
		assert_int_equal(insert(db, rows + 1), SQLITE_OK);
		rows++;
	}
	sqlite3_close(db);
	vfs_free(vfs);
}

static void
single_faults_are_survived(void **state UNUSED)
{
	struct vfs *vfs = vfs_new(8);
	sqlite3 *db = open_database(vfs, "FULL");
	assert_non_null(db);
	int64_t rows = 0, failed = 0;
	for (int round = 0; round < 200; round++) {
		if (round % 2 == 0)
			vfs_fail_sync_in(vfs, 1 + (uint64_t)round % 7);
		else
			vfs_fail_write_in(vfs, 1 + (uint64_t)round % 7);
		for (int i = 0; i < 8; i++)
			if (insert(db, rows + 1) == SQLITE_OK)
				rows++;
			else
				failed++;
		assert_int_equal(query(db, "SELECT count(*) FROM t"), rows);
	}
	assert_true(failed >= 100);
	vfs_crash(vfs, VFS_POWER_CUT);
	sqlite3_close(db);
	vfs_restart(vfs);
	db = open_database(vfs, "FULL");
	assert_non_null(db);
	int64_t there = query(db, "SELECT count(*) FROM t");
	assert_true(there == rows || there == rows + 1);
	assert_sound(db);
	sqlite3_close(db);
	vfs_free(vfs);
}

static void
two_connections_share_a_file(void **state UNUSED)
{
	struct vfs *vfs = vfs_new(9);
	sqlite3 *one = open_database(vfs, "FULL"), *two = open_database(vfs, "FULL");
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal(sqlite3_exec(one, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(insert(one, 1), SQLITE_OK);
	assert_int_equal(insert(two, 2), SQLITE_BUSY);
	assert_int_equal(query(two, "SELECT count(*) FROM t"), 0);
	assert_int_equal(sqlite3_exec(one, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(query(two, "SELECT count(*) FROM t"), 1);
	assert_int_equal(insert(two, 2), SQLITE_OK);
	sqlite3_close(one);
	sqlite3_close(two);
	vfs_free(vfs);
}

static void
same_seed_same_run(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		assert_int_equal(crash_again_and_again(seed, "NORMAL", VFS_POWER_CUT, 20),
		    crash_again_and_again(seed, "NORMAL", VFS_POWER_CUT, 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_survives_power_cuts),
	    cmocka_unit_test(normal_loses_rows_at_power_cuts),
	    cmocka_unit_test(off_survives_kills),
	    cmocka_unit_test(full_disk_fails_and_recovers),
	    cmocka_unit_test(single_faults_are_survived),
	    cmocka_unit_test(two_connections_share_a_file),
	    cmocka_unit_test(same_seed_same_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
