/* What is promised of the SQLite store beyond store.h's operations: what outlives a close, a full disk, a failed
 * fsync, a power cut, a newer program. */
#include "conformance.h"

#include "model/versions.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct log silent = {.level = LOG_ERROR, .fd = -1};

/* --- files ------------------------------------------------------------------------------------------- */

struct place {
	char directory[64], path[96];
};

static void
place_make(struct place *place)
{
	snprintf(place->directory, sizeof place->directory, "/tmp/vaultbell-store-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->path, sizeof place->path, "%s/store.db", place->directory);
}

static void
place_remove(const struct place *place)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		char path[128];
		snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(place->directory), 0);
}

static enum error_code
open_at(struct subject *subject, const struct place *place, bool read_only, struct error *error)
{
	*subject = (struct subject){.now = {1760000000000000}};
	mail_list_init(&subject->notes);
	struct store_sqlite_options options = {.common.log = &silent, .path = place->path, .read_only = read_only};
	return store_sqlite_open(&options, &subject->store, error);
}

static int64_t
count_messages(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_COUNTS);
	assert_int_equal(run(subject, request), OK);
	int64_t count = request->admin->counts.messages;
	store_request_free(request);
	return count;
}

static void
journal_one(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_JOURNAL);
	request->journal = (struct store_journal){
	    .source = SLICE("custodian"),
	    .event_id = SLICE("one"),
	    .message = test_message("a", 1),
	};
	expect(subject, request, OK, STORE_DETAIL_NONE);
}

static void
files_outlive_a_close(void **state UNUSED)
{
	struct place place;
	struct subject subject, reader;
	struct error error = ERROR_NONE;
	place_make(&place);
	assert_int_equal(open_at(&reader, &place, true, &error), ERR_NOT_FOUND);
	assert_int_equal(open_at(&subject, &place, false, &error), OK);
	make_organisation(&subject, "bank");
	accept_message(&subject, "bank", "a", 1);
	journal_one(&subject);
	/* A reader beside the running server sees what was committed. */
	assert_int_equal(open_at(&reader, &place, true, &error), OK);
	struct store_request *list = ask(&reader, STORE_JOURNAL_LIST);
	assert_int_equal(run(&reader, list), OK);
	assert_int_equal(list->count, 1);
	store_request_free(list);
	subject_close(&reader);
	subject_close(&subject);
	assert_int_equal(open_at(&subject, &place, false, &error), OK);
	assert_int_equal(count_messages(&subject), 2);
	subject_close(&subject);
	place_remove(&place);
}

/* A command beside the server makes deliveries, too: they settle with the server's own, and are there afterwards. */
static void
what_another_process_makes_is_kept(void **state UNUSED)
{
	struct place place;
	struct subject server, command;
	struct error error = ERROR_NONE;
	place_make(&place);
	assert_int_equal(open_at(&server, &place, false, &error), OK);
	make_organisation(&server, "bank");
	struct endpoint_id one = make_endpoint(&server, "bank", "one");
	for (int i = 0; i < 4; i++) {
		struct message_id mine = accept_message(&server, "bank", "a", 2 * i);
		assert_int_equal(open_at(&command, &place, false, &error), OK);
		command.now.us = server.now.us + 5000;
		accept_message(&command, "bank", "a", 2 * i + 1);
		subject_close(&command);
		server.now.us += 20000;
		record_attempt(&server, mine, one, DELIVERY_DELIVERED, 200);
		/* Every other time this settles all that there is. */
		if (i % 2 == 1) {
			struct store_request *feed = ask(&server, STORE_FEED);
			feed->ref = SLICE("bank");
			feed->endpoint_ref = SLICE("one");
			expect(&server, feed, OK, STORE_DETAIL_NONE);
		}
	}
	subject_close(&server);
	assert_int_equal(open_at(&server, &place, false, &error), OK);
	struct store_request *counts = ask(&server, STORE_COUNTS);
	assert_int_equal(run(&server, counts), OK);
	assert_int_equal(counts->admin->counts.deliveries_pending, 4);
	assert_int_equal(counts->admin->counts.deliveries_delivered, 4);
	assert_int_equal(counts->admin->counts.attempts, 4);
	store_request_free(counts);
	subject_close(&server);
	place_remove(&place);
}

static void
a_newer_schema_is_refused(void **state UNUSED)
{
	struct place place;
	struct subject subject;
	struct error error = ERROR_NONE;
	place_make(&place);
	assert_int_equal(open_at(&subject, &place, false, &error), OK);
	subject_close(&subject);
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(open_at(&subject, &place, false, &error), ERR_CORRUPT);
	assert_non_null(strstr(error.text, "1000"));
	place_remove(&place);
}

static void
what_is_no_database_is_refused(void **state UNUSED)
{
	struct place place;
	struct subject subject;
	struct error error = ERROR_NONE;
	place_make(&place);
	FILE *file = fopen(place.path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	assert_int_equal(open_at(&subject, &place, false, &error), ERR_CORRUPT);
	place_remove(&place);
}

/* --- faults of the disk ------------------------------------------------------------------------------ */

static enum error_code
try_accept(struct subject *subject, int number)
{
	struct store_request *request = ask(subject, STORE_ACCEPT);
	request->ref = SLICE("bank");
	request->message = test_message("a", number);
	struct error error = ERROR_NONE;
	subject_drop_notes(subject);
	enum error_code code = store_batch(subject->store, &request, 1, &subject->notes, &error);
	assert_int_equal(code, request->status);
	store_request_free(request);
	return code;
}

static void
a_full_disk_changes_nothing(void **state UNUSED)
{
	struct subject subject;
	subject_open_sqlite(&subject, 3);
	make_organisation(&subject, "bank");
	struct endpoint_id one = make_endpoint(&subject, "bank", "one");
	int64_t accepted = 0, sequence = 0;
	for (int round = 0; round < 30; round++) {
		vfs_leave_room(subject.vfs, (uint64_t)round * 700);
		enum error_code code = OK;
		while ((code = try_accept(&subject, round)) == OK)
			accepted++;
		assert_int_equal(code, ERR_FULL);
		assert_int_equal(subject.notes.count, 0);
		vfs_end_faults(subject.vfs);
		assert_int_equal(count_messages(&subject), accepted);
		assert_int_equal(try_accept(&subject, round), OK);
		accepted++;
		/* The sequence that the failed batch took was given back. */
		const struct store_note *note = CONTAINER_OF(subject.notes.first, struct store_note, mail);
		assert_int_equal(note->targets[0].endpoint.value, one.value);
		sequence = note->targets[0].sequence;
		assert_int_equal(sequence, accepted);
	}
	subject_close(&subject);
}

static void
crash_and_reopen(struct subject *subject, enum vfs_crash crash)
{
	vfs_crash(subject->vfs, crash);
	store_close(subject->store);
	vfs_restart(subject->vfs);
	subject->store = NULL;
	subject_open_again(subject);
}

/* After a failed fsync the store is dead; what the next process finds may be in the page cache alone. Nothing that
 * is acknowledged on top of it may be lost. */
static void
nothing_is_built_on_a_failed_fsync(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct subject subject;
		subject_open_sqlite(&subject, seed);
		make_organisation(&subject, "bank");
		int64_t accepted = 0;
		for (int i = 0; i < 5; i++, accepted++)
			assert_int_equal(try_accept(&subject, i), OK);
		vfs_fail_sync_in(subject.vfs, 1);
		assert_int_equal(try_accept(&subject, 100), ERR_IO);
		assert_true(subject.store->dead);
		assert_int_not_equal(try_accept(&subject, 101), OK);
		crash_and_reopen(&subject, VFS_KILL);
		assert_false(subject.store->dead);
		accepted = count_messages(&subject);
		assert_true(accepted == 5 || accepted == 6);
		for (int i = 0; i < 3; i++, accepted++)
			assert_int_equal(try_accept(&subject, i), OK);
		crash_and_reopen(&subject, VFS_POWER_CUT);
		assert_int_equal(count_messages(&subject), accepted);
		subject_close(&subject);
	}
}

/* Nor is anything made of it when the next start fails too, and is closed, and the one after succeeds. */
static void
a_failed_start_after_a_failed_fsync(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct subject subject;
		subject_open_sqlite(&subject, seed);
		make_organisation(&subject, "bank");
		for (int i = 0; i < 5; i++)
			assert_int_equal(try_accept(&subject, i), OK);
		vfs_fail_sync_in(subject.vfs, 1);
		assert_int_equal(try_accept(&subject, 100), ERR_IO);
		vfs_crash(subject.vfs, VFS_KILL);
		store_close(subject.store);
		vfs_restart(subject.vfs);
		vfs_fail_write_in(subject.vfs, 1);
		struct store_sqlite_options options = {
		    .common.log = &silent, .path = "vaultbell.db", .vfs = vfs_name(subject.vfs)};
		struct error error = ERROR_NONE;
		assert_int_not_equal(store_sqlite_open(&options, &subject.store, &error), OK);
		subject_open_again(&subject);
		int64_t seen = count_messages(&subject);
		assert_true(seen >= 5);
		crash_and_reopen(&subject, VFS_POWER_CUT);
		assert_int_equal(count_messages(&subject), seen);
		subject_close(&subject);
	}
}

/* The log was synced before it is moved into the database, so what is committed is safe; but nothing is answered any
 * more, and the next start moves it again. */
static void
a_checkpoint_whose_fsync_failed_ends_the_store(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct subject subject;
		subject_open_sqlite(&subject, seed);
		make_organisation(&subject, "bank");
		store_close(subject.store);
		struct store_sqlite_options options = {
		    .common.log = &silent, .path = "vaultbell.db", .vfs = vfs_name(subject.vfs), .checkpoint_pages = 8};
		struct error error = ERROR_NONE;
		assert_int_equal(store_sqlite_open(&options, &subject.store, &error), OK);
		int64_t accepted = 0;
		vfs_fail_sync_of(subject.vfs, "vaultbell.db");
		for (; !subject.store->dead; accepted++)
			assert_int_equal(try_accept(&subject, (int)accepted), OK);
		assert_true(accepted < 100);
		assert_int_not_equal(try_accept(&subject, 101), OK);
		crash_and_reopen(&subject, seed % 2 == 0 ? VFS_POWER_CUT : VFS_KILL);
		assert_int_equal(count_messages(&subject), accepted);
		crash_and_reopen(&subject, VFS_POWER_CUT);
		assert_int_equal(count_messages(&subject), accepted);
		subject_close(&subject);
	}
}

/* What is done in idle moments is committed as well. */
static void
an_idle_moment_whose_fsync_failed_ends_the_store(void **state UNUSED)
{
	struct subject subject;
	subject_open_sqlite(&subject, 8);
	make_organisation(&subject, "bank");
	struct store_request *request = ask(&subject, STORE_ACCEPT);
	request->ref = SLICE("bank");
	request->message = test_message("a", 1);
	test_key(request, 1, 1);
	expect(&subject, request, OK, STORE_DETAIL_NONE);
	subject.now.us += (int64_t)(LIMIT_IDEMPOTENCY_HOURS + 1) * 3600 * 1000000;
	vfs_fail_sync_in(subject.vfs, 1);
	assert_false(subject.store->vtable->idle(subject.store, subject.now));
	assert_true(subject.store->dead);
	assert_int_not_equal(try_accept(&subject, 2), OK);
	crash_and_reopen(&subject, VFS_POWER_CUT);
	assert_int_equal(count_messages(&subject), 1);
	subject_close(&subject);
}

static void
a_failed_write_changes_nothing(void **state UNUSED)
{
	struct subject subject;
	subject_open_sqlite(&subject, 5);
	make_organisation(&subject, "bank");
	int64_t accepted = 0;
	for (int i = 0; i < 50; i++) {
		vfs_fail_write_in(subject.vfs, 1 + (uint64_t)i % 5);
		accepted += try_accept(&subject, i) == OK;
		assert_int_equal(count_messages(&subject), accepted);
	}
	assert_true(accepted < 50);
	subject_close(&subject);
}

/* Migrating a new database may be cut off at any operation; the next start does it again. */
static void
creation_survives_a_cut_anywhere(void **state UNUSED)
{
	for (uint64_t ahead = 1; ahead < 120; ahead++) {
		struct subject subject = {.now = {1760000000000000}};
		mail_list_init(&subject.notes);
		subject.vfs = vfs_new(ahead);
		vfs_crash_in(subject.vfs, ahead % 2 == 0 ? VFS_POWER_CUT : VFS_KILL, ahead);
		struct store_sqlite_options options = {
		    .common.log = &silent, .path = "vaultbell.db", .vfs = vfs_name(subject.vfs)};
		struct error error = ERROR_NONE;
		if (store_sqlite_open(&options, &subject.store, &error) == OK)
			store_close(subject.store);
		vfs_restart(subject.vfs);
		vfs_end_faults(subject.vfs);
		subject_open_again(&subject);
		make_organisation(&subject, "bank");
		subject_close(&subject);
	}
}

/* --- time -------------------------------------------------------------------------------------------- */

static void
old_keys_are_forgotten_and_young_ones_kept(void **state UNUSED)
{
	struct subject subject;
	subject_open_sqlite(&subject, 6);
	make_organisation(&subject, "bank");
	for (int i = 0; i < 3; i++) {
		struct store_request *request = ask(&subject, STORE_ACCEPT);
		request->ref = SLICE("bank");
		request->message = test_message("a", i);
		test_key(request, 1, 1);
		assert_int_equal(run(&subject, request), OK);
		assert_int_equal(request->existed, i == 1);
		store_request_free(request);
		/* An hour short of the promise, then beyond it. */
		subject.now.us += (int64_t)(LIMIT_IDEMPOTENCY_HOURS - 1) * 3600 * 1000000;
		while (subject.store->vtable->idle(subject.store, subject.now))
			;
	}
	subject_close(&subject);
}

static bool
has_payload(struct subject *subject, struct slice id)
{
	struct store_request *request = ask(subject, STORE_MESSAGE_GET);
	request->ref = SLICE("bank");
	request->message_ref = id;
	assert_int_equal(run(subject, request), OK);
	bool has = slice_present(request->message->payload);
	store_request_free(request);
	return has;
}

static void
accept_with_retention(struct subject *subject, const char *event_id, int days)
{
	struct store_request *request = ask(subject, STORE_ACCEPT);
	request->ref = SLICE("bank");
	request->message = test_message("a", 0);
	request->message->event_id = arena_copy(&request->message->arena, slice_of(event_id));
	request->message->retention_days = days;
	/* What stands behind the payload changes nothing of its days. */
	versions_set(request->message, request->message->payload, SLICE("{\"2\":{}}"));
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

static void
payloads_go_when_their_days_are_over(void **state UNUSED)
{
	struct subject subject;
	subject_open_sqlite(&subject, 7);
	make_organisation(&subject, "bank");
	accept_with_retention(&subject, "short", 5);
	accept_with_retention(&subject, "long", 90);
	make_endpoint(&subject, "bank", "gate");
	accept_with_retention(&subject, "pending", 5);
	struct wall_time begun = subject.now;
	const struct {
		int days;
		bool kept[3]; /* short, long, pending */
	} moments[] = {{4, {true, true, true}}, {6, {false, true, true}}, {91, {false, false, true}}};
	for (size_t i = 0; i < COUNT_OF(moments); i++) {
		subject.now.us = begun.us + (int64_t)moments[i].days * 24 * 3600 * 1000000;
		while (subject.store->vtable->idle(subject.store, subject.now))
			;
		assert_int_equal(has_payload(&subject, SLICE("short")), moments[i].kept[0]);
		assert_int_equal(has_payload(&subject, SLICE("long")), moments[i].kept[1]);
		assert_int_equal(has_payload(&subject, SLICE("pending")), moments[i].kept[2]);
	}
	subject_close(&subject);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_outlive_a_close),
	    cmocka_unit_test(what_another_process_makes_is_kept),
	    cmocka_unit_test(a_newer_schema_is_refused),
	    cmocka_unit_test(what_is_no_database_is_refused),
	    cmocka_unit_test(a_full_disk_changes_nothing),
	    cmocka_unit_test(nothing_is_built_on_a_failed_fsync),
	    cmocka_unit_test(a_failed_start_after_a_failed_fsync),
	    cmocka_unit_test(a_checkpoint_whose_fsync_failed_ends_the_store),
	    cmocka_unit_test(an_idle_moment_whose_fsync_failed_ends_the_store),
	    cmocka_unit_test(a_failed_write_changes_nothing),
	    cmocka_unit_test(creation_survives_a_cut_anywhere),
	    cmocka_unit_test(old_keys_are_forgotten_and_young_ones_kept),
	    cmocka_unit_test(payloads_go_when_their_days_are_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
