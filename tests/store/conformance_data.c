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
	request->admin->edit_organisation = set_services;
	request->admin->edit_context = services;
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

/* --- evidence ----------------------------------------------------------------------------------------- */

static void
evidence_stays(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	unsigned char digest[SHA256_BYTES];
	for (int gone = 0; gone < 2; gone++) {
		if (gone)
			expunge(subject, message);
		struct store_request *request = ask(subject, STORE_MESSAGE_EVIDENCE);
		request->ref = SLICE("bank");
		request->message_ref = id_text(&request->arena, ID_MESSAGE, message.value);
		assert_int_equal(run(subject, request), OK);
		const struct store_evidence *evidence = &request->admin->evidence;
		assert_true(evidence->known);
		assert_int_equal(evidence->kept, !gone);
		assert_int_equal(slice_present(request->message->payload), !gone);
		assert_int_equal(evidence->purged.us != 0, gone);
		if (!gone)
			sha256(request->message->payload, digest);
		assert_memory_equal(evidence->sha256, digest, SHA256_BYTES);
		store_request_free(request);
	}
}

static enum error_code
set_retention(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	organisation->retention_days = *(const int32_t *)context;
	return OK;
}

static void
retention_is_the_organisations_where_none_is_posted(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	int32_t wanted[] = {0, 7}, posted[] = {0, 30}, expected[2][2] = {{RETENTION_DAYS_DEFAULT, 30}, {7, 30}};
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
			request->ref = SLICE("bank");
			request->admin->edit_organisation = set_retention;
			request->admin->edit_context = &wanted[i];
			expect(subject, request, OK, STORE_DETAIL_NONE);
			request = ask_accept(subject, "bank", "a", i * 2 + j);
			request->message->retention_days = posted[j];
			assert_int_equal(run(subject, request), OK);
			assert_int_equal(request->message->retention_days, expected[i][j]);
			store_request_free(request);
		}
}

/* --- sandboxes ---------------------------------------------------------------------------------------- */

static struct store_request *
ask_sandbox(struct subject *subject, const char *of)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_CREATE);
	request->ref = slice_of(of);
	request->sandbox = true;
	return request;
}

static enum error_code
set_environment(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	organisation->environment = *(const enum environment *)context;
	return OK;
}

static void
a_production_has_one_sandbox(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank"), sandbox = {0};
	for (int i = 0; i < 2; i++) {
		struct store_request *request = ask_sandbox(subject, "bank");
		assert_int_equal(run(subject, request), OK);
		assert_int_equal(request->existed, i);
		assert_int_equal(request->admin->organisation.environment, ENVIRONMENT_SANDBOX);
		assert_int_equal(request->admin->organisation.twin.value, bank.value);
		assert_true(slice_is(request->admin->organisation.uid, "bank-sandbox"));
		assert_true(i == 0 || request->admin->organisation.id.value == sandbox.value);
		sandbox = request->admin->organisation.id;
		store_request_free(request);
	}
	struct store_request *request = ask(subject, STORE_ORGANISATION_GET);
	request->ref = SLICE("bank");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->organisation.twin.value, sandbox.value);
	assert_int_equal(request->admin->organisation.environment, ENVIRONMENT_PRODUCTION);
	store_request_free(request);
	expect(subject, ask_sandbox(subject, "bank-sandbox"), ERR_CONFLICT, STORE_DETAIL_NONE);
	expect(subject, ask_sandbox(subject, "nobody"), ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	/* What it is, it stays. */
	enum environment other = ENVIRONMENT_SANDBOX;
	request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = SLICE("bank");
	request->admin->edit_organisation = set_environment;
	request->admin->edit_context = &other;
	expect(subject, request, ERR_INVALID, STORE_DETAIL_ENVIRONMENT);
	/* When it is deleted, another one can be made. */
	request = ask(subject, STORE_ORGANISATION_DELETE);
	request->ref = SLICE("bank-sandbox");
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask_sandbox(subject, "bank");
	assert_int_equal(run(subject, request), OK);
	assert_false(request->existed);
	assert_true(request->admin->organisation.id.value != sandbox.value);
	store_request_free(request);
}

static struct store_request *
ask_example(struct subject *subject, const char *organisation, bool sandbox)
{
	struct store_request *request = ask_accept(subject, organisation, "a", sandbox);
	request->message->event_id = SLICE_NONE;
	request->message->test = true;
	request->only_endpoint = true;
	request->endpoint_ref = SLICE("one");
	request->sandbox = sandbox;
	return request;
}

static void
sandboxes_take_test_events_and_plain_urls(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	expect(subject, ask_sandbox(subject, "bank"), OK, STORE_DETAIL_NONE);
	make_endpoint(subject, "bank", "one");
	struct store_request *request = ask_endpoint(subject, "bank", "two");
	request->admin->endpoint.url = SLICE("http://example.com/");
	request->https_unless_sandbox = true;
	expect(subject, request, ERR_INVALID, STORE_DETAIL_PLAIN_URL);
	request = ask_endpoint(subject, "bank-sandbox", "one");
	request->admin->endpoint.url = SLICE("http://example.com/");
	request->https_unless_sandbox = true;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->endpoint.environment, ENVIRONMENT_SANDBOX);
	struct endpoint_id one = request->admin->endpoint.id;
	store_request_free(request);

	expect(subject, ask_example(subject, "bank", true), ERR_FORBIDDEN, STORE_DETAIL_NONE);
	expect(subject, ask_example(subject, "bank", false), OK, STORE_DETAIL_NONE);
	expect(subject, ask_example(subject, "bank-sandbox", true), OK, STORE_DETAIL_NONE);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	request = refill(subject, one, 10);
	assert_int_equal(request->refill.count, 1);
	assert_true(request->refill.rows[0].message->test);
	store_request_free(request);
	request = ask(subject, STORE_ENDPOINT_GET);
	request->ref = SLICE("bank-sandbox");
	request->endpoint_ref = SLICE("one");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->endpoint.environment, ENVIRONMENT_SANDBOX);
	store_request_free(request);
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
	const struct store_audit_row *row = &request->admin->audit_rows[0];
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
	request->admin->task = (struct task){.kind = TASK_PURGE, .status_code_class = -1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	expect(subject, ask(subject, STORE_TASK_STEP), OK, STORE_DETAIL_NONE);
	request = last_row(subject);
	assert_int_equal(request->count, 1);
	assert_true(slice_is(request->admin->audit_rows[0].action, "task.end"));
	assert_true(slice_is(request->admin->audit_rows[0].actor, "system"));
	assert_non_null(strstr(request->admin->audit_rows[0].after.ptr, "finished"));
	store_request_free(request);
}

/* --- running ------------------------------------------------------------------------------------------ */

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(what_waits_of_a_service_that_went_is_held),
	    BOTH(the_sender_hears_of_an_expunge),
	    BOTH(evidence_stays),
	    BOTH(retention_is_the_organisations_where_none_is_posted),
	    BOTH(a_production_has_one_sandbox),
	    BOTH(sandboxes_take_test_events_and_plain_urls),
	    BOTH(suspending_is_audited),
	    BOTH(the_end_of_a_task_is_audited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
