/* What store.h promises of the audit log, of tokens and of services, kept by every store alike; and a log in a file that
 * somebody tampers with. */
#include "conformance.h"

#include "store/audit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- rows ------------------------------------------------------------------------------------------- */

static struct store_request *
ask_as(struct subject *subject, enum store_kind kind, enum role role)
{
	struct store_request *request = ask(subject, kind);
	request->actor = (struct store_actor){.present = true, .token = {7}, .role = role};
	return request;
}

static void
succeed(struct subject *subject, struct store_request *request)
{
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

static void
create_bank(struct subject *subject)
{
	struct store_request *request = ask_as(subject, STORE_ORGANISATION_CREATE, ROLE_PLATFORM_ADMIN);
	request->admin->organisation =
	    (struct organisation){.name = SLICE("Bank"), .uid = SLICE("bank"), .metadata = SLICE("{}")};
	succeed(subject, request);
}

static struct store_request *
ask_secretive(struct subject *subject, const char *uid)
{
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_CREATE, ROLE_ENGINEERING);
	request->ref = SLICE("bank");
	request->admin->endpoint = (struct endpoint){
	    .url = SLICE("https://example.com/in"),
	    .uid = slice_of(uid),
	    .description = SLICE(""),
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{\"Authorization\":\"Bearer hidden\",\"x-desk\":\"shown\"}"),
	    .version = 1,
	    .keys = {{.type = KEY_HMAC, .sealed = SLICE("sealed and hidden"), .created = subject->now}},
	    .key_count = 1,
	};
	return request;
}

static enum error_code
edit_description(
    void *context, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED, struct error *error)
{
	endpoint->description = slice_of(context);
	return slice_is(endpoint->description, "refuse") ? error_set(error, ERR_INVALID, "refused") : OK;
}

static struct store_request *
ask_edit(struct subject *subject, char *description)
{
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_EDIT, ROLE_ADMIN);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	request->admin->edit_endpoint = edit_description;
	request->admin->edit_context = description;
	return request;
}

static struct store_request *
read_log(struct subject *subject, const char *organisation, struct store_page page)
{
	struct store_request *request = ask(subject, STORE_AUDIT_LIST);
	request->ref = slice_of(organisation);
	request->page = page;
	assert_int_equal(run(subject, request), OK);
	return request;
}

static bool
holds(struct slice text, const char *part)
{
	return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void
changes_leave_rows(void **state)
{
	struct subject *subject = *state;
	create_bank(subject);
	succeed(subject, ask_secretive(subject, "one"));
	expect(subject, ask_secretive(subject, "one"), ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	char fresh[] = "fresh", refuse[] = "refuse", rotated[] = "rotated", own[] = "own";
	succeed(subject, ask_edit(subject, fresh));
	expect(subject, ask_edit(subject, refuse), ERR_INVALID, STORE_DETAIL_NONE);
	struct store_request *request = ask_edit(subject, rotated);
	request->audit_action = "endpoint.key.rotate";
	succeed(subject, request);
	request = ask_edit(subject, own);
	request->actor.present = false;
	succeed(subject, request);

	static const char *const actions[] = {
	    "organisation.create", "endpoint.create", "endpoint.update", "endpoint.key.rotate"};
	struct store_request *log = read_log(subject, "bank", (struct store_page){.limit = 10});
	assert_int_equal(log->count, COUNT_OF(actions));
	for (size_t i = 0; i < log->count; i++) {
		const struct store_audit_row *row = &log->admin->audit_rows[i];
		assert_int_equal(row->seq, i + 1);
		assert_true(slice_is(row->action, actions[i]));
		assert_true(slice_starts(row->actor, SLICE("tok_")));
		assert_int_equal(slice_present(row->before), i >= 2);
		assert_false(holds(row->after, "hidden") || holds(row->after, "sealed"));
	}
	assert_true(
	    holds(log->admin->audit_rows[1].after, "shown") && holds(log->admin->audit_rows[1].after, "(secret)"));
	assert_true(slice_is(log->admin->audit_rows[1].role, "engineering"));
	assert_true(holds(log->admin->audit_rows[2].after, "\"description\":\"fresh\""));
	assert_true(holds(log->admin->audit_rows[3].before, "\"description\":\"fresh\""));
	store_request_free(log);
}

static void
log_lists(void **state)
{
	struct subject *subject = *state;
	create_bank(subject);
	for (int i = 0; i < 4; i++)
		succeed(subject, ask_secretive(subject, NULL));
	struct store_request *request = ask(subject, STORE_TOKEN_CREATE);
	request->actor.present = true;
	request->admin->token.role = ROLE_PLATFORM_ADMIN;
	succeed(subject, request);
	struct store_request *log = read_log(subject, NULL, (struct store_page){.limit = 2, .after = 3});
	assert_true(log->count == 2 && log->more && log->admin->audit_rows[0].seq == 4);
	store_request_free(log);
	log = read_log(subject, NULL, (struct store_page){.limit = 9, .descending = true});
	assert_true(log->count == 6 && !log->more && log->admin->audit_rows[0].seq == 6);
	assert_true(slice_is(log->admin->audit_rows[0].actor, "cli") && !slice_present(log->admin->audit_rows[0].role));
	store_request_free(log);
	log = read_log(subject, "bank", (struct store_page){.limit = 9, .descending = true, .after = 3});
	assert_true(log->count == 2 && log->admin->audit_rows[0].seq == 2);
	store_request_free(log);
	request = ask(subject, STORE_AUDIT_LIST);
	request->ref = SLICE("nobody");
	request->page.limit = 1;
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
}

static struct chain_check
check_log(struct store *store, const struct store_journal_end *mark)
{
	struct chain_check check;
	struct error error = ERROR_NONE;
	audit_check_init(&check);
	if (mark != NULL)
		chain_check_mark(&check, mark, "the mark");
	assert_int_equal(audit_check_store(&check, store, &error), OK);
	return check;
}

static void
chain_holds(void **state)
{
	struct subject *subject = *state;
	create_bank(subject);
	for (int i = 0; i < 300; i++)
		succeed(subject, ask_secretive(subject, NULL));
	struct store_journal_end end = subject->store->vtable->audit_end(subject->store);
	assert_int_equal(end.seq, 301);
	struct chain_check check = check_log(subject->store, &end);
	assert_false(check.failed);
	assert_int_equal(check.end.seq, 301);
	end.seq++;
	assert_int_equal(check_log(subject->store, &end).bad_seq, 302);
	end.seq--;
	end.chain[0] ^= 1;
	assert_int_equal(check_log(subject->store, &end).bad_seq, 301);
}

/* --- tokens ----------------------------------------------------------------------------------------- */

static int64_t
make_token(struct subject *subject, const char *organisation, int number)
{
	struct store_request *request = ask_as(subject, STORE_TOKEN_CREATE, ROLE_ADMIN);
	request->ref = slice_of(organisation);
	request->admin->token.role = ROLE_VIEWER;
	memset(request->admin->token.hash, number, SHA256_BYTES);
	snprintf(request->admin->token.name, sizeof request->admin->token.name, "desk %d", number);
	assert_int_equal(run(subject, request), OK);
	int64_t id = request->admin->token.id.value;
	store_request_free(request);
	return id;
}

static struct store_request *
ask_revoke(struct subject *subject, const char *organisation, int64_t id)
{
	struct store_request *request = ask_as(subject, STORE_TOKEN_REVOKE, ROLE_SECURITY);
	request->ref = slice_of(organisation);
	request->admin->token.id.value = id;
	return request;
}

static void
tokens_by_id(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_organisation(subject, "other");
	int64_t first = make_token(subject, "bank", 1), second = make_token(subject, "other", 2);
	assert_true(first > 0 && second > first);
	struct store_request *request = ask(subject, STORE_TOKEN_USED);
	request->admin->token.id.value = first;
	struct wall_time used = request->now;
	succeed(subject, request);
	request = ask(subject, STORE_TOKEN_LIST);
	request->ref = SLICE("bank");
	request->page.limit = 10;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_int_equal(request->admin->tokens[0].used.us, used.us);
	assert_string_equal(request->admin->tokens[0].name, "desk 1");
	store_request_free(request);
	expect(subject, ask_revoke(subject, "bank", second), ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN);
	expect(subject, ask_revoke(subject, "bank", first), OK, STORE_DETAIL_NONE);
	expect(subject, ask_revoke(subject, "bank", first), ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN);
	request = ask(subject, STORE_ORGANISATION_DELETE);
	request->ref = SLICE("other");
	succeed(subject, request);
	request = ask(subject, STORE_TOKEN_LIST);
	request->page.limit = 10;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 0);
	store_request_free(request);
}

/* --- services --------------------------------------------------------------------------------------- */

static enum error_code
limit_services(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	organisation->services_limited = true;
	organisation->services = *(const struct slice_list *)context;
	return OK;
}

static struct store_request *
ask_subscribe(struct subject *subject, struct slice *type)
{
	struct store_request *request = ask_endpoint(subject, "bank", NULL);
	request->admin->endpoint.event_types = (struct slice_list){type, 1};
	return request;
}

static void
services_limit_types(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id before = accept_message(subject, "bank", "builtin.2", 1);
	struct slice enabled[] = {SLICE("service-1")}, good = SLICE("builtin.1"), bad = SLICE("builtin.2");
	struct slice_list services = {enabled, 1};
	struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = SLICE("bank");
	request->admin->edit_organisation = limit_services;
	request->admin->edit_context = &services;
	succeed(subject, request);
	expect(subject, ask_accept(subject, "bank", "builtin.1", 2), OK, STORE_DETAIL_NONE);
	request = ask_accept(subject, "bank", "builtin.2", 3);
	assert_int_equal(run(subject, request), ERR_INVALID);
	assert_int_equal(request->detail, STORE_DETAIL_NO_SERVICE);
	assert_non_null(strstr(request->error.text, "service-2"));
	store_request_free(request);
	expect(subject, ask_accept(subject, "bank", "of.nobody", 4), OK, STORE_DETAIL_NONE);
	expect(subject, ask_subscribe(subject, &good), OK, STORE_DETAIL_NONE);
	expect(subject, ask_subscribe(subject, &bad), ERR_INVALID, STORE_DETAIL_NO_SERVICE);
	request = ask(subject, STORE_RESEND);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	request->message_ref = id_text(&request->arena, ID_MESSAGE, before.value);
	expect(subject, request, ERR_INVALID, STORE_DETAIL_NO_SERVICE);
	for (int i = 1; i <= 2; i++) {
		request = ask(subject, STORE_PRECHECK);
		request->ref = SLICE("bank");
		request->admin->event_type.name = i == 1 ? good : bad;
		assert_int_equal(run(subject, request), OK);
		assert_int_equal(request->existed, i == 1);
		store_request_free(request);
	}
	record_attempt(subject, before, one, DELIVERY_EXHAUSTED, 500);
	request = ask(subject, STORE_TASK_CREATE);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	request->admin->task = (struct task){.kind = TASK_RECOVER, .status_code_class = -1};
	succeed(subject, request);
	request = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, request), OK);
	assert_true(request->admin->task.state == TASK_FINISHED && request->admin->task.done == 0 &&
		    request->admin->task.skipped == 1);
	store_request_free(request);
}

/* --- tampering -------------------------------------------------------------------------------------- */

enum { ROWS = 30 };

static struct store *
open_file(const char *path, bool read_only)
{
	static const struct log silent = {.level = LOG_ERROR, .fd = -1};
	struct store_sqlite_options options = {
	    .common = {.log = &silent}, .path = path, .read_only = read_only, .synchronous = "OFF"};
	struct store *store;
	struct error error = ERROR_NONE;
	assert_int_equal(store_sqlite_open(&options, &store, &error), OK);
	return store;
}

static struct store_journal_end
fill(const char *path)
{
	struct subject subject = {.store = open_file(path, false), .now = {1700000000000000}};
	mail_list_init(&subject.notes);
	create_bank(&subject);
	for (int i = 1; i < ROWS; i++)
		succeed(&subject, ask_secretive(&subject, NULL));
	struct store_journal_end end = subject.store->vtable->audit_end(subject.store);
	subject_drop_notes(&subject);
	store_close(subject.store);
	return end;
}

static void
tampering_shows(void **state UNUSED)
{
	static const struct {
		const char *statement;
		int64_t bad; /* the first seq that it makes bad */
	} tamperings[] = {
	    {"UPDATE audit SET at = at + 1 WHERE seq = 5", 5},
	    {"UPDATE audit SET actor = 'cli' WHERE seq = 6", 6},
	    {"UPDATE audit SET role = NULL WHERE seq = 7", 7},
	    {"UPDATE audit SET organisation = 0 WHERE seq = 8", 8},
	    {"UPDATE audit SET action = 'endpoint.delete' WHERE seq = 9", 9},
	    {"UPDATE audit SET object = 'ep_other' WHERE seq = 10", 10},
	    {"UPDATE audit SET before = '{}' WHERE seq = 11", 11},
	    {"UPDATE audit SET after = '{}' WHERE seq = 12", 12},
	    {"UPDATE audit SET chain = zeroblob(32) WHERE seq = 13", 13},
	    {"UPDATE audit SET chain = x'' WHERE seq = 13", 13},
	    {"DELETE FROM audit WHERE seq = 14", 14},
	    {"DELETE FROM audit WHERE seq = 1", 1},
	    {"DELETE FROM audit WHERE seq > 20", 21},
	    {"DELETE FROM audit", 1},
	    {"UPDATE audit SET seq = -seq WHERE seq = 3", -3},
	    {"UPDATE audit SET seq = 99 WHERE seq = 15; UPDATE audit SET seq = 15 WHERE seq = 16;"
	     " UPDATE audit SET seq = 16 WHERE seq = 99",
		15},
	    {"INSERT INTO audit SELECT 31, at, actor, role, organisation, action, object, before, after, chain FROM "
	     "audit"
	     " WHERE seq = 30",
		31},
	};
	for (size_t i = 0; i < COUNT_OF(tamperings); i++) {
		char directory[] = "/tmp/vaultbell-audit-XXXXXX", path[64], rest[80];
		assert_non_null(mkdtemp(directory));
		snprintf(path, sizeof path, "%s/vaultbell.db", directory);
		struct store_journal_end end = fill(path);
		sqlite3 *db;
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, tamperings[i].statement, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		struct store *store = open_file(path, true);
		struct chain_check check = check_log(store, &end);
		store_close(store);
		assert_true(check.failed);
		assert_int_equal(check.bad_seq, tamperings[i].bad);
		static const char *const ends[] = {"", "-wal", "-shm"};
		for (size_t at = 0; at < COUNT_OF(ends); at++) {
			snprintf(rest, sizeof rest, "%s%s", path, ends[at]);
			unlink(rest);
		}
		rmdir(directory);
	}
}

/* --- all -------------------------------------------------------------------------------------------- */

/* What was done outside of the store has a row as well. */
static void
notes_leave_rows(void **state)
{
	struct subject *subject = *state;
	for (int present = 0; present < 2; present++) {
		struct store_request *request = ask(subject, STORE_AUDIT_NOTE);
		request->audit_action = "journal.accept_anchor";
		request->audit_object = SLICE("1");
		request->audit_after = SLICE("{\"state\":\"accepted\"}");
		request->actor.present = present == 1;
		assert_int_equal(run(subject, request), OK);
		store_request_free(request);
	}
	struct store_request *list = ask(subject, STORE_AUDIT_LIST);
	list->page.limit = 10;
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 1); /* nobody asked for the other one */
	assert_true(slice_is(list->admin->audit_rows[0].action, "journal.accept_anchor"));
	assert_true(slice_is(list->admin->audit_rows[0].object, "1"));
	assert_true(slice_is(list->admin->audit_rows[0].after, "{\"state\":\"accepted\"}"));
	assert_true(slice_is(list->admin->audit_rows[0].actor, "cli"));
	store_request_free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(changes_leave_rows),
	    BOTH(log_lists),
	    BOTH(notes_leave_rows),
	    BOTH(chain_holds),
	    BOTH(tokens_by_id),
	    BOTH(services_limit_types),
	    cmocka_unit_test(tampering_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
