#include "test_reconcile_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct wall_time
time_at(const char *text)
{
	struct wall_time time;
	assert_true(time_parse(slice_of(text), &time));
	return time;
}

int
fixture_set_up(void **state)
{
	struct fixture *fixture = mem_zero(1, sizeof *fixture);
	struct store_options options = {0};
	fixture->store = store_memory_new(&options);
	fixture->rules = (struct break_rules){
	    .as_of = time_at(AS_OF),
	    .from = TIME_UNKNOWN,
	    .to = TIME_UNKNOWN,
	    .tolerance_us = INT64_C(600) * 1000000,
	    .stuck_after_us = INT64_C(86400) * 1000000,
	};
	*state = fixture;
	return 0;
}

static void
forget_run(struct fixture *fixture)
{
	if (fixture->ran)
		reconcile_fini(&fixture->reconcile);
	fixture->ran = false;
}

int
fixture_tear_down(void **state)
{
	struct fixture *fixture = *state;
	forget_run(fixture);
	store_close(fixture->store);
	arena_free(&fixture->arena);
	free(fixture);
	return 0;
}

void
journal_body(struct fixture *fixture, const char *source, const char *event_id, const char *type, const char *body)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, time_at(THEN));
	struct message *message = message_new();
	message->payload = arena_copy(&message->arena, slice_of(body));
	message->webhook_id = arena_copy(&message->arena, slice_of(event_id));
	message->event_type = arena_copy(&message->arena, slice_of(type));
	request->journal.source = arena_copy(&request->arena, slice_of(source));
	request->journal.event_id = message->webhook_id;
	request->journal.type = message->event_type;
	request->journal.message = message;
	sha256(message->payload, request->journal.body_sha256);
	struct mail_list notes;
	mail_list_init(&notes);
	struct error error = ERROR_NONE;
	assert_int_equal(store_batch(fixture->store, &request, 1, &notes, &error), OK);
	assert_int_equal(request->status, OK);
	store_request_free(request);
}

void
journal_event(
    struct fixture *fixture, int number, const char *type, const char *transaction, const char *time, const char *data)
{
	struct slice sequence = number == 0 ? SLICE("") : arena_printf(&fixture->arena, "\"stream_seq\":%d,", number);
	const char *comma = data[0] == '\0' ? "" : ",";
	bool own = strncmp(type, "transaction.", 12) == 0;
	struct slice body = arena_printf(&fixture->arena,
	    "{\"type\":\"%s\",\"organisation\":\"org\",%s\"occurred_at\":\"%s\",\"resource\":{\"type\":\"%s\",\"id\":"
	    "\"%s\"},\"data\":{\"transaction_id\":\"%s\"%s%s}}",
	    type, sequence.ptr, time, own ? "transaction" : "case", own ? transaction : "case_1", transaction, comma,
	    data);
	struct slice id = arena_printf(&fixture->arena, "evt_%s_%s_%d_%s", transaction, type, number, time);
	journal_body(fixture, "acme", id.ptr, type, body.ptr);
}

static const char *
file_with(struct fixture *fixture, const char *text)
{
	char *path = arena_string(&fixture->arena, SLICE("/tmp/vaultbell-reconcile-XXXXXX"));
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

enum error_code
reconcile_texts(struct fixture *fixture, const char *custodian, const char *ledger)
{
	forget_run(fixture);
	reconcile_init(&fixture->reconcile, &fixture->rules);
	fixture->ran = true;
	const char *texts[SIDE_COUNT] = {[SIDE_CUSTODIAN] = custodian, [SIDE_LEDGER] = ledger};
	enum error_code code = reconcile_read_journal(&fixture->reconcile, fixture->store, &fixture->error);
	for (enum side side = SIDE_CUSTODIAN; code == OK && side <= SIDE_LEDGER; side++) {
		struct reconcile_source source = {
		    texts[side][0] == '{' ? RECORD_JSONL : RECORD_CSV, file_with(fixture, texts[side])};
		code = reconcile_read_records(&fixture->reconcile, side, &source, &fixture->error);
		unlink(source.path);
	}
	if (code == OK)
		reconcile_run(&fixture->reconcile);
	return code;
}

void
expect_breaks(struct fixture *fixture, const char *custodian, const char *ledger, const char *classes)
{
	if (reconcile_texts(fixture, custodian, ledger) != OK)
		fail_msg("%s", fixture->error.text);
	struct slice found = SLICE("");
	for (size_t i = 0; i < fixture->reconcile.breaks.count; i++)
		found = arena_printf(&fixture->arena, "%.*s%s%s", SLICE_ARG(found), i > 0 ? " " : "",
		    break_class_name(fixture->reconcile.breaks.rows[i].class));
	assert_string_equal(found.ptr, classes);
}

struct break_view
view_at(struct fixture *fixture, size_t at)
{
	struct break_view view;
	assert_true(at < fixture->reconcile.breaks.count);
	break_view(&fixture->reconcile, &fixture->reconcile.breaks.rows[at], &fixture->arena, &view);
	return view;
}
