/* What store.h promises of configuration, kept by every store alike. Events are in conformance_events.c. */
#include "conformance.h"

#include <stdlib.h>

/* --- organisations ----------------------------------------------------------------------------------- */

static enum error_code
rename_or_refuse(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error)
{
	const char *name = context;
	organisation->name = slice_of(name);
	organisation->uid = slice_present(organisation->uid) ? organisation->uid : SLICE("fresh");
	organisation->metadata = SLICE("{}");
	return strcmp(name, "refuse") == 0 ? error_set(error, ERR_INVALID, "refused") : OK;
}

static struct store_request *
ask_rename(struct subject *subject, const char *ref, const char *name, bool create_missing)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = slice_of(ref);
	request->admin->edit_organisation = rename_or_refuse;
	request->admin->edit_context = (void *)(uintptr_t)name;
	request->create_missing = create_missing;
	return request;
}

static void
organisations(void **state)
{
	struct subject *subject = *state;
	struct organisation_id first = make_organisation(subject, "bank");
	struct organisation_id second = make_organisation(subject, NULL);
	assert_true(first.value > 0 && second.value > first.value);

	struct store_request *taken = ask(subject, STORE_ORGANISATION_CREATE);
	taken->admin->organisation =
	    (struct organisation){.name = SLICE("x"), .uid = SLICE("bank"), .metadata = SLICE("{}")};
	expect(subject, taken, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	struct store_request *again = ask(subject, STORE_ORGANISATION_CREATE);
	again->admin->organisation =
	    (struct organisation){.name = SLICE("x"), .uid = SLICE("bank"), .metadata = SLICE("{}")};
	again->get_if_exists = true;
	assert_int_equal(run(subject, again), OK);
	assert_true(again->existed);
	assert_int_equal(again->admin->organisation.id.value, first.value);
	assert_true(slice_is(again->admin->organisation.name, "Custody Bank"));
	store_request_free(again);

	expect(subject, ask_rename(subject, "nobody", "x", false), ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	expect(subject, ask_rename(subject, "bank", "refuse", false), ERR_INVALID, STORE_DETAIL_NONE);
	struct store_request *edit = ask_rename(subject, "bank", "Renamed", false);
	assert_int_equal(run(subject, edit), OK);
	assert_true(edit->existed && slice_is(edit->admin->organisation.name, "Renamed"));
	assert_true(edit->admin->organisation.updated.us > edit->admin->organisation.created.us);
	store_request_free(edit);
	struct store_request *fresh = ask_rename(subject, "fresh", "Fresh", true);
	assert_int_equal(run(subject, fresh), OK);
	assert_true(!fresh->existed && fresh->admin->organisation.id.value > second.value);
	store_request_free(fresh);

	struct store_request *get = ask(subject, STORE_ORGANISATION_GET);
	get->ref = id_text(&get->arena, ID_ORGANISATION, first.value);
	assert_int_equal(run(subject, get), OK);
	assert_true(
	    slice_is(get->admin->organisation.uid, "bank") && slice_is(get->admin->organisation.name, "Renamed"));
	store_request_free(get);
}

static void
organisation_lists(void **state)
{
	struct subject *subject = *state;
	struct organisation_id ids[5];
	for (size_t i = 0; i < 5; i++)
		ids[i] = make_organisation(subject, NULL);
	struct store_request *list = ask(subject, STORE_ORGANISATION_LIST);
	list->page = (struct store_page){.limit = 2, .after = ids[0].value};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 2 && list->more);
	assert_int_equal(list->organisations[0].id.value, ids[1].value);
	store_request_free(list);
	list = ask(subject, STORE_ORGANISATION_LIST);
	list->page = (struct store_page){.limit = 2, .after = ids[2].value, .descending = true};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 2 && !list->more);
	assert_int_equal(list->organisations[0].id.value, ids[1].value);
	store_request_free(list);
}

static void
deleting_an_organisation(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	struct store_request *request = ask(subject, STORE_ORGANISATION_DELETE);
	request->ref = SLICE("bank");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(subject->notes.count, 1);
	const struct store_note *note = CONTAINER_OF(subject->notes.first, struct store_note, mail);
	assert_int_equal(note->kind, STORE_NOTE_ENDPOINT);
	assert_int_equal(note->endpoint->state, ENDPOINT_DELETED);
	store_request_free(request);
	request = ask(subject, STORE_ORGANISATION_GET);
	request->ref = SLICE("bank");
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	make_organisation(subject, "bank");
	request = ask(subject, STORE_ENDPOINT_LIST);
	request->ref = SLICE("bank");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 0);
	store_request_free(request);
}

/* --- endpoints --------------------------------------------------------------------------------------- */

static void
endpoints(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	make_organisation(subject, "other");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	assert_int_equal(subject->notes.count, 1);
	expect(subject, ask_endpoint(subject, "bank", "one"), ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	expect(subject, ask_endpoint(subject, "nobody", "x"), ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	make_endpoint(subject, "other", "one");

	struct store_request *get = ask(subject, STORE_ENDPOINT_GET);
	get->ref = SLICE("other");
	get->endpoint_ref = id_text(&get->arena, ID_ENDPOINT, one.value);
	expect(subject, get, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	get = ask(subject, STORE_ENDPOINT_GET);
	get->ref = SLICE("bank");
	get->endpoint_ref = id_text(&get->arena, ID_ENDPOINT, one.value);
	assert_int_equal(run(subject, get), OK);
	assert_int_equal(get->admin->endpoint.organisation.value, bank.value);
	assert_int_equal(get->admin->endpoint.state, ENDPOINT_ACTIVE);
	store_request_free(get);

	set_endpoint_state(subject, "bank", "one", ENDPOINT_DISABLED);
	assert_int_equal(subject->notes.count, 1);
	struct store_request *all = ask(subject, STORE_ENDPOINTS_ALL);
	assert_int_equal(run(subject, all), OK);
	assert_int_equal(all->count, 2);
	store_request_free(all);

	struct store_request *delete = ask(subject, STORE_ENDPOINT_DELETE);
	delete->ref = SLICE("bank");
	delete->endpoint_ref = SLICE("one");
	assert_int_equal(run(subject, delete), OK);
	assert_int_equal(subject->notes.count, 1);
	store_request_free(delete);
	delete = ask(subject, STORE_ENDPOINT_DELETE);
	delete->ref = SLICE("bank");
	delete->endpoint_ref = SLICE("one");
	expect(subject, delete, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	struct endpoint_id second = make_endpoint(subject, "bank", "one");
	assert_true(second.value > one.value);
}

static void
endpoint_types_must_exist(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct slice unknown[] = {SLICE("builtin.known"), SLICE("made.up")};
	struct store_request *request = ask_endpoint(subject, "bank", "one");
	request->admin->endpoint.event_types = (struct slice_list){unknown, 2};
	expect(subject, request, ERR_INVALID, STORE_DETAIL_TYPE_UNKNOWN);
	request = ask(subject, STORE_EVENT_TYPE_CREATE);
	request->admin->event_type = (struct event_type){.name = SLICE("made.up"), .description = SLICE("d")};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask_endpoint(subject, "bank", "one");
	request->admin->endpoint.event_types = (struct slice_list){unknown, 2};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	/* Archived: not for new endpoints, and no obstacle to editing those that have it. */
	request = ask(subject, STORE_EVENT_TYPE_DELETE);
	request->ref = SLICE("made.up");
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask_endpoint(subject, "bank", "two");
	request->admin->endpoint.event_types = (struct slice_list){unknown, 2};
	expect(subject, request, ERR_INVALID, STORE_DETAIL_TYPE_UNKNOWN);
	set_endpoint_state(subject, "bank", "one", ENDPOINT_DISABLED);
}

/* --- event types, tokens ----------------------------------------------------------------------------- */

static struct store_request *
ask_type(struct subject *subject, enum store_kind kind, const char *name)
{
	struct store_request *request = ask(subject, kind);
	request->ref = slice_of(name);
	request->admin->event_type = (struct event_type){.name = slice_of(name), .description = SLICE("d")};
	return request;
}

static size_t
count_types(struct subject *subject, bool include_archived)
{
	struct store_request *list = ask(subject, STORE_EVENT_TYPE_LIST);
	list->include_archived = include_archived;
	assert_int_equal(run(subject, list), OK);
	for (size_t i = 1; i < list->count; i++)
		assert_true(slice_compare(list->event_types[i - 1].name, list->event_types[i].name) < 0);
	size_t count = list->count;
	store_request_free(list);
	return count;
}

static void
event_types(void **state)
{
	struct subject *subject = *state;
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_CREATE, "b"), OK, STORE_DETAIL_NONE);
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_CREATE, "a"), OK, STORE_DETAIL_NONE);
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_CREATE, "a"), ERR_CONFLICT, STORE_DETAIL_TYPE_EXISTS);
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_GET, "c"), ERR_NOT_FOUND, STORE_DETAIL_NONE);
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_DELETE, "a"), OK, STORE_DETAIL_NONE);
	assert_int_equal(count_types(subject, false), 1);
	assert_int_equal(count_types(subject, true), 2);
	expect(subject, ask_type(subject, STORE_EVENT_TYPE_CREATE, "a"), OK, STORE_DETAIL_NONE);
	assert_int_equal(count_types(subject, false), 2);
	struct store_request *expunge = ask_type(subject, STORE_EVENT_TYPE_DELETE, "a");
	expunge->expunge = true;
	expect(subject, expunge, OK, STORE_DETAIL_NONE);
	assert_int_equal(count_types(subject, true), 1);
}

static void
tokens(void **state)
{
	struct subject *subject = *state;
	struct store_request *request = ask(subject, STORE_TOKEN_CREATE);
	memset(request->admin->token.hash, 7, SHA256_BYTES);
	request->admin->token.role = ROLE_VIEWER;
	request->admin->token.organisation.value = 42;
	request->admin->token.expires.us = 99;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_TOKEN_GET);
	memset(request->admin->token.hash, 7, SHA256_BYTES);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->token.role, ROLE_VIEWER);
	assert_int_equal(request->admin->token.organisation.value, 42);
	assert_int_equal(request->admin->token.expires.us, 99);
	store_request_free(request);
	request = ask(subject, STORE_TOKEN_GET);
	memset(request->admin->token.hash, 8, SHA256_BYTES);
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

static void
repeated_creates(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	int64_t first = 0;
	for (int i = 0; i < 3; i++) {
		struct store_request *request = ask_endpoint(subject, "bank", NULL);
		test_key(request, 1, 1);
		assert_int_equal(run(subject, request), OK);
		assert_false(request->existed);
		assert_int_equal(subject->notes.count, i == 0);
		if (i == 0)
			first = request->admin->endpoint.id.value;
		assert_int_equal(request->admin->endpoint.id.value, first);
		store_request_free(request);
	}
	struct store_request *other = ask_endpoint(subject, "bank", NULL);
	test_key(other, 1, 2);
	expect(subject, other, ERR_CONFLICT, STORE_DETAIL_KEY_REUSED);
	/* What failed did not use its key. */
	struct store_request *failing = ask_endpoint(subject, "nobody", NULL);
	test_key(failing, 2, 1);
	expect(subject, failing, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	struct store_request *working = ask_endpoint(subject, "bank", NULL);
	test_key(working, 2, 2);
	expect(subject, working, OK, STORE_DETAIL_NONE);
}

/* Of a token only the hash is kept; a repeat is answered with the one that there is, whatever hash it brings. */
static void
repeated_tokens(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	int64_t first = 0;
	for (int i = 0; i < 3; i++) {
		struct store_request *request = ask(subject, STORE_TOKEN_CREATE);
		request->ref = SLICE("bank");
		request->admin->token.role = ROLE_VIEWER;
		memset(request->admin->token.hash, 5 + i, SHA256_BYTES);
		test_key(request, 7, 1);
		assert_int_equal(run(subject, request), OK);
		first = i == 0 ? request->admin->token.id.value : first;
		assert_int_equal(request->admin->token.id.value, first);
		assert_int_equal(request->admin->token.hash[0], 5);
		store_request_free(request);
	}
	struct store_request *revoke = ask(subject, STORE_TOKEN_REVOKE);
	revoke->ref = SLICE("bank");
	revoke->admin->token.id.value = first;
	expect(subject, revoke, OK, STORE_DETAIL_NONE);
	struct store_request *again = ask(subject, STORE_TOKEN_CREATE);
	again->ref = SLICE("bank");
	test_key(again, 7, 1);
	expect(subject, again, ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN);
}

/* --- for each store ---------------------------------------------------------------------------------- */

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(organisations),
	    BOTH(organisation_lists),
	    BOTH(deleting_an_organisation),
	    BOTH(endpoints),
	    BOTH(endpoint_types_must_exist),
	    BOTH(event_types),
	    BOTH(tokens),
	    BOTH(repeated_creates),
	    BOTH(repeated_tokens),
	    BOTH(accepting),
	    BOTH(accepting_makes_the_organisation),
	    BOTH(accepting_again),
	    BOTH(fan_out_follows_filters),
	    BOTH(journalling),
	    BOTH(journalling_forwards),
	    BOTH(recording),
	    BOTH(recording_suspends),
	    BOTH(refilling),
	    BOTH(resending),
	    BOTH(deleting_an_endpoint_cancels),
	    BOTH(message_lists),
	    BOTH(attempt_lists),
	    BOTH(delivery_lists),
	    BOTH(the_feed_is_what_an_endpoint_gets),
	    BOTH(the_feed_has_what_was_missing_before),
	    BOTH(the_feed_is_written_behind),
	    BOTH(versions_are_kept_as_they_were_posted),
	    BOTH(requests_of_a_batch_see_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
