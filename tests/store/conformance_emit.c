/* What store.h and emit.h promise of the events that the system tells of itself, kept by every store alike. */
#include "conformance.h"

#include "store/emit.h"

#include <stdlib.h>
#include <string.h>

/* The next batch's notes of messages: how many, and the last one's. */
static size_t
told(struct subject *subject, const char *type)
{
	size_t count = 0;
	for (struct mail *mail = subject->notes.first; mail != NULL; mail = mail->next) {
		const struct store_note *note = CONTAINER_OF(mail, struct store_note, mail);
		count += note->kind == STORE_NOTE_DELIVERIES && slice_is(note->message->event_type, type);
	}
	return count;
}

static const struct store_note *
note_of(struct subject *subject, const char *type)
{
	for (struct mail *mail = subject->notes.first; mail != NULL; mail = mail->next) {
		const struct store_note *note = CONTAINER_OF(mail, struct store_note, mail);
		if (note->kind == STORE_NOTE_DELIVERIES && slice_is(note->message->event_type, type))
			return note;
	}
	fail_msg("nothing of type %s was told", type);
	return NULL;
}

static struct json
body_of(const struct store_note *note)
{
	struct json body;
	assert_int_equal(json_parse(note->message->payload, LIMIT_JSON_DEPTH, &body, NULL), OK);
	return body;
}

static void
member_is(struct json object, const char *name, const char *text)
{
	struct json value = json_member(object, name);
	if (!json_present(value) || !json_text_is(value, slice_of(text)))
		fail_msg("%s is %.*s and not \"%s\"", name, SLICE_ARG(value.raw), text);
}

static struct endpoint_id
make_listener(struct subject *subject, const char *organisation, const char *uid, const char *type)
{
	struct slice types[] = {slice_of(type)};
	struct store_request *request = ask_endpoint(subject, organisation, uid);
	request->admin->endpoint.event_types = (struct slice_list){types, 1};
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id id = request->admin->endpoint.id;
	store_request_free(request);
	return id;
}

static struct endpoint_id
make_operational(struct subject *subject, const char *uid)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_CREATE);
	request->admin->organisation =
	    (struct organisation){.name = SLICE("Own"), .uid = STORE_MANAGEMENT_UID, .metadata = SLICE("{}")};
	request->get_if_exists = true;
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
	request = ask_endpoint(subject, "$management", uid);
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id id = request->admin->endpoint.id;
	store_request_free(request);
	return id;
}

/* An attempt that failed, and whatever `record` says beside it. */
static struct store_request *
ask_failure(struct subject *subject, struct message_id message, struct endpoint_id endpoint, int number)
{
	struct store_request *request = ask_record(subject, message, endpoint, DELIVERY_PENDING);
	request->record.attempt.number = number;
	request->record.attempt.status_code = 503;
	return request;
}

static void
nobody_is_told_who_did_not_ask(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	make_listener(subject, "bank", "typed", "builtin.a");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask_failure(subject, message, one, 1);
	request->record.state = DELIVERY_EXHAUSTED;
	request->record.suspend = true;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 1); /* the endpoint's new state */
	/* What is posted by such a type goes by name only, too. */
	accept_message(subject, "bank", "webhook.endpoint.failing", 2);
	assert_int_equal(subject->notes.count, 0);
	accept_message(subject, "bank", "webhook.ping", 3);
	assert_int_equal(subject->notes.count, 1);
}

static void
an_exhausted_delivery_is_told(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	make_organisation(subject, "other");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct endpoint_id listener = make_listener(subject, "bank", "listener", "webhook.delivery.exhausted");
	make_listener(subject, "other", "foreign", "webhook.delivery.exhausted");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask_failure(subject, message, one, 8);
	request->record.state = DELIVERY_EXHAUSTED;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 1);
	const struct store_note *note = note_of(subject, "webhook.delivery.exhausted");
	assert_int_equal(note->target_count, 1);
	assert_int_equal(note->targets[0].endpoint.value, listener.value);
	assert_int_equal(note->message->organisation.value, bank.value);
	char id[ID_TEXT_BYTES];
	struct json body = body_of(note), data = json_member(body, "data");
	member_is(body, "id", id_format(ID_MESSAGE, note->message->id.value, id));
	member_is(body, "type", "webhook.delivery.exhausted");
	member_is(body, "organisation", id_format(ID_ORGANISATION, bank.value, id));
	member_is(body, "environment", "production");
	member_is(body, "previous_status", "retrying");
	member_is(json_member(body, "resource"), "id", id_format(ID_MESSAGE, message.value, id));
	member_is(json_member(body, "actor"), "id", "vaultbell");
	member_is(data, "event_id", id_format(ID_MESSAGE, message.value, id));
	member_is(data, "endpoint_id", id_format(ID_ENDPOINT, one.value, id));
	member_is(data, "status", "exhausted");
	/* Kept like any message, and pending for the listener. */
	struct message_id made = note->message->id;
	request = ask(subject, STORE_MESSAGE_GET);
	request->ref = SLICE("bank");
	request->message_ref = id_text(&request->arena, ID_MESSAGE, made.value);
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
	/* No loop: that this one is exhausted is told to nobody. */
	request = ask_failure(subject, made, listener, 8);
	request->record.state = DELIVERY_EXHAUSTED;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 0);
}

static void
an_endpoint_is_announced_suspended_and_resumed(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct slice types[] = {SLICE("webhook.endpoint.failing"), SLICE("webhook.endpoint.suspended"),
	    SLICE("webhook.endpoint.resumed"), SLICE("builtin.a")};
	struct endpoint_id ids[2];
	for (int i = 0; i < 2; i++) {
		struct store_request *request = ask_endpoint(subject, "bank", i == 0 ? "one" : "two");
		request->admin->endpoint.event_types = (struct slice_list){types, COUNT_OF(types)};
		assert_int_equal(run(subject, request), OK);
		ids[i] = request->admin->endpoint.id;
		store_request_free(request);
	}
	struct message_id message = accept_message(subject, "bank", "builtin.a", 1);
	for (int warn = 1; warn <= 2; warn++)
		for (int again = 0; again < 2; again++) {
			struct store_request *request = ask_failure(subject, message, ids[0], warn);
			request->record.set_failing = true;
			request->record.failing_since.us = 1760000000000000;
			request->record.warn = warn;
			request->record.suspends_at.us = 1760000900000000;
			expect(subject, request, OK, STORE_DETAIL_NONE);
			/* Each warning once, and not to the one that fails. */
			assert_int_equal(told(subject, "webhook.endpoint.failing"), again == 0);
			if (again == 1)
				continue;
			const struct store_note *note = note_of(subject, "webhook.endpoint.failing");
			assert_int_equal(note->target_count, 1);
			assert_int_equal(note->targets[0].endpoint.value, ids[1].value);
			struct json body = body_of(note), data = json_member(body, "data");
			member_is(body, "previous_status", warn == 1 ? "active" : "failing");
			member_is(data, "status", "failing");
			member_is(data, "reason", "http_503");
			member_is(data, "host", "example.com");
			member_is(data, "suspends_at", "2025-10-09T09:08:20.000Z");
		}
	struct store_request *request = ask_failure(subject, message, ids[0], 3);
	request->record.suspend = true;
	assert_int_equal(run(subject, request), OK);
	assert_true(slice_is(request->audit->action, "endpoint.suspend"));
	assert_true(slice_is(request->audit->actor, "system"));
	store_request_free(request);
	const struct store_note *note = note_of(subject, "webhook.endpoint.suspended");
	assert_int_equal(note->targets[0].endpoint.value, ids[1].value);
	member_is(body_of(note), "previous_status", "failing");
	int64_t held = 0;
	assert_true(json_int64(json_member(json_member(body_of(note), "data"), "held"), &held));
	assert_int_equal(held, 1);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	set_endpoint_state(subject, "bank", "one", ENDPOINT_ACTIVE);
	note = note_of(subject, "webhook.endpoint.resumed");
	assert_int_equal(note->target_count, 1);
	member_is(body_of(note), "previous_status", "suspended");
	assert_int_equal(told(subject, "webhook.endpoint.updated"), 0);
}

static void
an_endpoint_that_works_again_is_told_once(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	make_listener(subject, "bank", "listener", "webhook.endpoint.resumed");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	for (int warned = 0; warned < 2; warned++) {
		struct store_request *request = ask_failure(subject, message, one, 1);
		request->record.set_failing = true;
		request->record.failing_since.us = request->now.us;
		request->record.warn = warned;
		expect(subject, request, OK, STORE_DETAIL_NONE);
		request = ask_record(subject, message, one, DELIVERY_PENDING);
		request->record.attempt.succeeded = true;
		request->record.set_failing = true;
		expect(subject, request, OK, STORE_DETAIL_NONE);
		assert_int_equal(told(subject, "webhook.endpoint.resumed"), warned);
	}
}

static void
operational_endpoints_hear_of_endpoints(void **state)
{
	struct subject *subject = *state;
	struct endpoint_id watcher = make_operational(subject, "watcher");
	struct organisation_id bank = make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	const struct store_note *note = note_of(subject, "endpoint.created");
	assert_int_equal(note->targets[0].endpoint.value, watcher.value);
	char id[ID_TEXT_BYTES];
	struct json body = body_of(note), data = json_member(body, "data");
	member_is(body, "type", "endpoint.created");
	member_is(data, "appId", id_format(ID_ORGANISATION, bank.value, id));
	member_is(data, "appUid", "bank");
	member_is(data, "endpointId", id_format(ID_ENDPOINT, one.value, id));
	member_is(data, "endpointUid", "one");
	set_endpoint_state(subject, "bank", "one", ENDPOINT_DISABLED);
	assert_int_equal(told(subject, "endpoint.updated"), 1);
	member_is(json_member(body_of(note_of(subject, "endpoint.disabled")), "data"), "trigger", "manual");
	set_endpoint_state(subject, "bank", "one", ENDPOINT_ACTIVE);
	assert_int_equal(told(subject, "endpoint.enabled"), 1);
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask_failure(subject, message, one, 4);
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(told(subject, "message.attempt.failing"), 1);
	request = ask_record(subject, message, one, DELIVERY_DELIVERED);
	request->record.attempt.number = 5;
	request->record.attempt.succeeded = true;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	data = json_member(body_of(note_of(subject, "message.attempt.recovered")), "data");
	member_is(data, "msgId", id_format(ID_MESSAGE, message.value, id));
	member_is(data, "msgEventId", "event-1");
	assert_true(json_present(json_member(json_member(data, "lastAttempt"), "responseStatusCode")));
	request = ask(subject, STORE_ENDPOINT_DELETE);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(told(subject, "endpoint.deleted"), 1);
}

/* What concerns operational endpoints is not told to them, but that one was disabled, to the others. */
static void
operational_endpoints_do_not_hear_of_themselves(void **state)
{
	struct subject *subject = *state;
	struct endpoint_id first = make_operational(subject, "first"), second = make_operational(subject, "second");
	assert_int_equal(subject->notes.count, 1);
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	struct message_id news = note_of(subject, "endpoint.created")->message->id;
	struct store_request *request = ask_failure(subject, news, first, 4);
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 0);
	request = ask_failure(subject, news, first, 5);
	request->record.state = DELIVERY_EXHAUSTED;
	request->record.suspend = true;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 2);
	const struct store_note *note = note_of(subject, "endpoint.disabled");
	assert_int_equal(note->target_count, 1);
	assert_int_equal(note->targets[0].endpoint.value, second.value);
	member_is(json_member(body_of(note), "data"), "trigger", "automatic");
}

static enum error_code
rotate(void *context UNUSED, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED,
    struct error *error UNUSED)
{
	endpoint->keys[1] = endpoint->keys[0];
	endpoint->keys[1].expires.us = 1760000900000000;
	endpoint->keys[0] = (struct endpoint_key){.type = KEY_ED25519, .sealed = SLICE("fresh")};
	endpoint->key_count = 2;
	return OK;
}

static enum error_code
describe(void *context, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED, struct error *error)
{
	const bool *refuse = context;
	endpoint->description = SLICE("another");
	return *refuse ? error_set(error, ERR_INVALID, "refused") : OK;
}

static struct store_request *
ask_edit(struct subject *subject, store_edit_endpoint *edit, void *context)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_EDIT);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	request->admin->edit_endpoint = edit;
	request->admin->edit_context = context;
	return request;
}

static void
changes_are_told_without_secrets(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct store_request *request = ask_endpoint(subject, "bank", "one");
	request->admin->endpoint.url = SLICE("https://user:word@hooks.example.com/path?token=word");
	request->admin->endpoint.keys[0] = (struct endpoint_key){.type = KEY_HMAC, .sealed = SLICE("word")};
	request->admin->endpoint.key_count = 1;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	make_listener(subject, "bank", "keys", "webhook.key.rotated");
	make_listener(subject, "bank", "changes", "webhook.endpoint.updated");
	expect(subject, ask_edit(subject, rotate, NULL), OK, STORE_DETAIL_NONE);
	const struct store_note *note = note_of(subject, "webhook.key.rotated");
	assert_null(memmem(note->message->payload.ptr, note->message->payload.len, "fresh", 5));
	member_is(json_member(body_of(note), "data"), "key_type", "ed25519");
	member_is(json_member(body_of(note), "data"), "old_key_expires_at", "2025-10-09T09:08:20.000Z");
	assert_int_equal(told(subject, "webhook.endpoint.updated"), 0);
	bool refuse = true;
	expect(subject, ask_edit(subject, describe, &refuse), ERR_INVALID, STORE_DETAIL_NONE);
	assert_int_equal(subject->notes.count, 0);
	refuse = false;
	expect(subject, ask_edit(subject, describe, &refuse), OK, STORE_DETAIL_NONE);
	note = note_of(subject, "webhook.endpoint.updated");
	assert_null(memmem(note->message->payload.ptr, note->message->payload.len, "word", 4));
	assert_true(slice_is(json_member(json_member(body_of(note), "data"), "changed").raw, "[\"description\"]"));
	member_is(json_member(body_of(note), "data"), "host", "hooks.example.com");
}

/* What is given with a request is told when that succeeds, and not when it fails or is a repeat. */
static void
given_events_share_the_requests_fate(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_listener(subject, "bank", "one", "webhook.endpoint.change_requested");
	struct store_event event = {
	    .type = SLICE("webhook.endpoint.change_requested"),
	    .resource_type = SLICE("endpoint"),
	    .resource_id = SLICE("ep_1"),
	    .data = SLICE("{\"change_id\":\"chg_1\"}"),
	};
	for (int i = 0; i < 4; i++) {
		static const int bodies[] = {1, 1, 2, 3}, keys[] = {1, 1, 1, 2};
		struct store_request *request = ask_accept(subject, i == 3 ? "nobody" : "bank", "a", i == 1 ? 0 : i);
		test_key(request, keys[i], bodies[i]);
		store_tell(request, &event);
		(void)run(subject, request);
		store_request_free(request);
		assert_int_equal(told(subject, "webhook.endpoint.change_requested"), i == 0);
		if (i == 0)
			assert_int_equal(
			    note_of(subject, "webhook.endpoint.change_requested")->targets[0].endpoint.value,
			    one.value);
	}
}

static void
a_replay_that_ended_is_told(void **state)
{
	struct subject *subject = *state;
	make_operational(subject, "watcher");
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	make_listener(subject, "bank", "listener", "webhook.replay.completed");
	record_attempt(subject, accept_message(subject, "bank", "a", 1), one, DELIVERY_EXHAUSTED, 500);
	struct store_request *request = ask(subject, STORE_TASK_CREATE);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	request->admin->task.kind = TASK_RECOVER;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(subject->notes.count, 0);
	char id[ID_TEXT_BYTES];
	id_format(ID_TASK, request->admin->task.id.value, id);
	store_request_free(request);
	expect(subject, ask(subject, STORE_TASK_STEP), OK, STORE_DETAIL_NONE);
	struct json data = json_member(body_of(note_of(subject, "webhook.replay.completed")), "data");
	member_is(data, "replay_id", id);
	int64_t events = 0;
	assert_true(json_int64(json_member(data, "events"), &events));
	assert_int_equal(events, 1);
	data = json_member(body_of(note_of(subject, "background_task.finished")), "data");
	member_is(data, "taskId", id);
	member_is(data, "status", "finished");
	member_is(data, "task", "endpoint.recover");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(nobody_is_told_who_did_not_ask),
	    BOTH(an_exhausted_delivery_is_told),
	    BOTH(an_endpoint_is_announced_suspended_and_resumed),
	    BOTH(an_endpoint_that_works_again_is_told_once),
	    BOTH(operational_endpoints_hear_of_endpoints),
	    BOTH(operational_endpoints_do_not_hear_of_themselves),
	    BOTH(changes_are_told_without_secrets),
	    BOTH(given_events_share_the_requests_fate),
	    BOTH(a_replay_that_ended_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
