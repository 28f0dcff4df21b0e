/* What every store promises of what must not be delivered any more (M2, M16), of what is left of a payload that went, of
 * sandboxes (M23), and of the changes that the server makes by itself. */
#include "conformance.h"

#include "store/audit.h"

#include <stdlib.h>

static struct store_request *
refill(struct subject *subject, struct endpoint_id endpoint, size_t limit)
{
	struct store_request *request = ask(subject, STORE_REFILL);
	request->refill = (struct store_refill){
	    .endpoint = endpoint, .until = {subject->now.us * 2}, .limit = limit, .bytes_limit = 1 << 20};
	assert_int_equal(run(subject, request), OK);
	return request;
}

static struct store_request *
last_row(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_AUDIT_LIST);
	request->page = (struct store_page){.limit = 1, .descending = true};
	assert_int_equal(run(subject, request), OK);
	return request;
}

static const struct store_note *
note_at(const struct subject *subject, size_t index)
{
	struct mail *mail = subject->notes.first;
	while (index-- > 0)
		mail = mail->next;
	return CONTAINER_OF(mail, struct store_note, mail);
}

/* --- services that go and come ------------------------------------------------------------------------ */

static enum error_code
set_services(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	const struct slice_list *services = context;
	organisation->services_limited = services != NULL;
	organisation->services = services == NULL ? (struct slice_list){NULL, 0} : *services;
	return OK;
}

static void
enable(struct subject *subject, struct slice_list *services)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = SLICE("bank");
	request->edit_organisation = set_services;
	request->edit_context = services;
	expect(subject, request, OK, STORE_DETAIL_NONE);
}

static void
what_waits_of_a_service_that_went_is_held(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id held = accept_message(subject, "bank", "builtin.2", 1);
	struct message_id sent = accept_message(subject, "bank", "builtin.1", 2);
	struct slice only = SLICE("service-1");
	struct slice_list services = {&only, 1};
	enable(subject, &services);
	/* The sender lets go of what it has in memory and reads anew. */
	assert_int_equal(subject->notes.count, 2);
	assert_int_equal(note_at(subject, 0)->endpoint->state, ENDPOINT_DISABLED);
	assert_int_equal(note_at(subject, 1)->endpoint->state, ENDPOINT_ACTIVE);
	enable(subject, &services);
	assert_int_equal(subject->notes.count, 0);

	struct store_request *request = refill(subject, one, 10);
	assert_int_equal(request->refill.count, 1);
	assert_int_equal(request->refill.rows[0].message->id.value, sent.value);
	assert_true(request->refill.next.due.us == WALL_NEVER.us);
	store_request_free(request);
	/* A page that holds nothing to be sent leads on. */
	request = refill(subject, one, 1);
	assert_int_equal(request->refill.count, 0);
	assert_int_equal(request->refill.next.message, sent.value);
	store_request_free(request);
	/* One that was on its way is not tried again. */
	request = ask_record(subject, held, one, DELIVERY_PENDING);
	assert_int_equal(run(subject, request), OK);
	assert_true(request->record.unwanted);
	store_request_free(request);
	request = ask_record(subject, sent, one, DELIVERY_PENDING);
	assert_int_equal(run(subject, request), OK);
	assert_false(request->record.unwanted);
	store_request_free(request);

	enable(subject, NULL);
	assert_int_equal(subject->notes.count, 2);
	request = refill(subject, one, 10);
	assert_int_equal(request->refill.count, 2);
	store_request_free(request);
}

/* --- expunging ---------------------------------------------------------------------------------------- */

static void
expunge(struct subject *subject, struct message_id message)
{
	struct store_request *request = ask(subject, STORE_EXPUNGE);
	struct slice ref = id_text(&request->arena, ID_MESSAGE, message.value);
	request->ref = SLICE("bank");
	request->message_refs = arena_list(&request->arena, (struct slice_list){&ref, 1});
	expect(subject, request, OK, STORE_DETAIL_NONE);
}

static void
the_sender_hears_of_an_expunge(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one"), two = make_endpoint(subject, "bank", "two");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	record_attempt(subject, message, one, DELIVERY_DELIVERED, 200);
	expunge(subject, message);
	assert_int_equal(subject->notes.count, 1);
	const struct store_note *note = note_at(subject, 0);
	assert_int_equal(note->kind, STORE_NOTE_CANCELLED);
	assert_int_equal(note->cancelled.value, message.value);
	assert_int_equal(note->target_count, 1);
	assert_int_equal(note->targets[0].endpoint.value, two.value);
	/* The attempt that was on its way meanwhile is recorded, and is the last. */
	struct store_request *request = ask_record(subject, message, two, DELIVERY_PENDING);
	assert_int_equal(run(subject, request), OK);
	assert_true(request->record.unwanted);
	store_request_free(request);
	expunge(subject, message);
	assert_int_equal(subject->notes.count, 0);
}

/* --- what the server does by itself ------------------------------------------------------------------- */

static void
suspending_is_audited(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	record_attempt(subject, message, one, DELIVERY_PENDING, 500);
	struct store_request *request = last_row(subject);
	assert_int_equal(request->count, 0);
	store_request_free(request);
	request = ask_record(subject, message, one, DELIVERY_PENDING);
	request->record.suspend = true;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = last_row(subject);
	assert_int_equal(request->count, 1);
	const struct store_audit_row *row = &request->audit_rows[0];
	assert_true(slice_is(row->actor, "system"));
	assert_false(slice_present(row->role));
	assert_true(slice_is(row->action, "endpoint.suspend"));
	assert_true(slice_equal(row->object, id_text(&request->arena, ID_ENDPOINT, one.value)));
	assert_int_equal(row->organisation.value, bank.value);
	struct json before, after;
	assert_int_equal(json_parse(row->before, LIMIT_JSON_DEPTH, &before, NULL), OK);
	assert_int_equal(json_parse(row->after, LIMIT_JSON_DEPTH, &after, NULL), OK);
	assert_true(json_text_is(json_member(before, "state"), SLICE("active")));
	assert_true(json_text_is(json_member(after, "state"), SLICE("suspended")));
	store_request_free(request);
}

static void
the_end_of_a_task_is_audited(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct store_request *request = ask(subject, STORE_TASK_CREATE);
	request->ref = SLICE("bank");
	request->task = (struct task){.kind = TASK_PURGE, .status_code_class = -1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	expect(subject, ask(subject, STORE_TASK_STEP), OK, STORE_DETAIL_NONE);
	request = last_row(subject);
	assert_int_equal(request->count, 1);
	assert_true(slice_is(request->audit_rows[0].action, "task.end"));
	assert_true(slice_is(request->audit_rows[0].actor, "system"));
	assert_non_null(strstr(request->audit_rows[0].after.ptr, "finished"));
	store_request_free(request);
}

/* --- running ------------------------------------------------------------------------------------------ */

static int
open_memory(void **state)
{
	*state = mem_zero(1, sizeof(struct subject));
	subject_open_memory(*state);
	return 0;
}

static int
open_sqlite(void **state)
{
	*state = mem_zero(1, sizeof(struct subject));
	subject_open_sqlite(*state, 1);
	return 0;
}

static int
close_subject(void **state)
{
	subject_close(*state);
	free(*state);
	return 0;
}

#define BOTH(test)                                                                                                     \
	{"memory: " #test, test, open_memory, close_subject, NULL},                                                    \
	{                                                                                                              \
		"sqlite: " #test, test, open_sqlite, close_subject, NULL                                               \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(what_waits_of_a_service_that_went_is_held),
	    BOTH(the_sender_hears_of_an_expunge),
	    BOTH(suspending_is_audited),
	    BOTH(the_end_of_a_task_is_audited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
