/* What every store promises of sealing anew (M15, M16): all of it, in steps, and change requests still fit. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENDPOINTS = 5 };

/* "old-…" becomes "new-…": always the same, as sealer_reseal does. */
static struct slice
anew(void *context, struct arena *arena, struct slice purpose, struct slice sealed)
{
	int *count = context;
	assert_true(slice_is(purpose, "endpoint-key") || slice_is(purpose, "endpoint-authentication"));
	if (!slice_starts(sealed, SLICE("old-")))
		return SLICE_NONE;
	(*count)++;
	return arena_printf(arena, "new-%.*s", SLICE_ARG(slice_skip(sealed, 4)));
}

/* A pass, two objects at a time; returns how many objects changed. */
static size_t
pass(struct subject *subject, int *values)
{
	struct store_resealing at = {.reseal = anew, .context = values, .limit = 2};
	size_t changed = 0;
	while (at.part != RESEAL_DONE) {
		struct store_request *request = ask(subject, STORE_RESEAL);
		request->admin->resealing = at;
		assert_int_equal(run(subject, request), OK);
		at = request->admin->resealing;
		assert_true(at.looked <= 2);
		assert_null(subject->notes.first);
		changed += at.changed;
		store_request_free(request);
	}
	return changed;
}

static enum error_code
govern(void *context UNUSED, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	organisation->governance.aspects = GOVERN_BIT(GOVERN_KEYS);
	return OK;
}

static enum error_code
rotate(void *context UNUSED, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED,
    struct error *error UNUSED)
{
	endpoint->keys[1] = endpoint->keys[0];
	endpoint->keys[1].expires.us = INT64_MAX;
	endpoint->keys[0] = (struct endpoint_key){KEY_HMAC, SLICE("old-fresh"), {1}, WALL_NONE};
	endpoint->key_count = 2;
	return OK;
}

static void
make_all(struct subject *subject)
{
	make_organisation(subject, "bank");
	for (int i = 0; i < ENDPOINTS; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "e%d", i);
		struct store_request *request = ask_endpoint(subject, "bank", uid);
		request->admin->endpoint.keys[0] =
		    (struct endpoint_key){KEY_HMAC, arena_printf(&request->arena, "old-key-%d", i), {1}, WALL_NONE};
		request->admin->endpoint.key_count = 1;
		request->admin->endpoint.authentication = SLICE("{\"basic\":{\"username\":\"u\"},\"changed\":1}");
		request->admin->endpoint.authentication_sealed = arena_printf(&request->arena, "old-secret-%d", i);
		expect(subject, request, OK, STORE_DETAIL_NONE);
	}
}

/* Somebody asks for another key of e1, which waits for a second person. */
static struct change_id
ask_for_key(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = SLICE("bank");
	request->admin->edit_organisation = govern;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_ENDPOINT_EDIT);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("e1");
	request->admin->edit_endpoint = rotate;
	request->actor = (struct store_actor){.present = true, .token = {7}, .role = ROLE_ADMIN};
	assert_int_equal(run(subject, request), OK);
	struct change_id id = request->admin->change.id;
	assert_true(id.value != 0);
	store_request_free(request);
	return id;
}

static struct store_request *
read_endpoint(struct subject *subject, const char *uid)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_GET);
	request->ref = SLICE("bank");
	request->endpoint_ref = slice_of(uid);
	assert_int_equal(run(subject, request), OK);
	return request;
}

static void
everything_is_sealed_anew_and_changes_still_fit(void **state)
{
	struct subject *subject = *state;
	make_all(subject);
	struct change_id change = ask_for_key(subject);
	int values = 0;
	/* A key and a secret each; the change has the document before (both) and after (both and the fresh key). */
	assert_int_equal(pass(subject, &values), ENDPOINTS + 1);
	assert_int_equal(values, 2 * ENDPOINTS + 5);
	assert_int_equal(pass(subject, &values), 0);
	struct store_request *read = read_endpoint(subject, "e4");
	assert_true(slice_is(read->admin->endpoint.keys[0].sealed, "new-key-4"));
	assert_true(slice_is(read->admin->endpoint.authentication_sealed, "new-secret-4"));
	store_request_free(read);

	struct store_request *request = ask(subject, STORE_CHANGE_DECIDE);
	request->ref = SLICE("bank");
	request->admin->change.id = change;
	request->admin->change.state = CHANGE_APPROVED;
	request->actor = (struct store_actor){.present = true, .token = {8}, .role = ROLE_ADMIN};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.state, CHANGE_APPLIED);
	store_request_free(request);
	read = read_endpoint(subject, "e1");
	assert_int_equal(read->admin->endpoint.key_count, 2);
	assert_true(slice_is(read->admin->endpoint.keys[0].sealed, "new-fresh"));
	assert_true(slice_is(read->admin->endpoint.keys[1].sealed, "new-key-1"));
	store_request_free(read);
}

/* --- the keys of an organisation ----------------------------------------------------------------------- */

struct new_key {
	const char *sealed;
	enum key_type type;
	int64_t until; /* of the one before */
};

static enum error_code
rotate_organisation(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	const struct new_key *fresh = context;
	if (organisation->key_count > 0) {
		organisation->keys[1] = organisation->keys[0];
		organisation->keys[1].expires.us = fresh->until;
		organisation->key_count = 1;
	}
	organisation->keys[0] = (struct endpoint_key){fresh->type, slice_of(fresh->sealed), {1}, WALL_NONE};
	organisation->key_count++;
	return OK;
}

static struct store_request *
ask_rotation(struct subject *subject, const char *ref, struct new_key *fresh)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = slice_of(ref);
	request->admin->edit_organisation = rotate_organisation;
	request->admin->edit_context = fresh;
	return request;
}

static struct store_request *
ask_sharing(struct subject *subject, const char *organisation, const char *uid)
{
	struct store_request *request = ask_endpoint(subject, organisation, uid);
	request->admin->endpoint.key_scope = KEY_SCOPE_ORGANISATION;
	request->admin->endpoint.scheme = SCHEME_STANDARD;
	return request;
}

static void
assert_keys(struct subject *subject, const char *uid, const char *first, const char *second)
{
	struct store_request *read = read_endpoint(subject, uid);
	assert_int_equal(read->admin->endpoint.key_count, second == NULL ? 1 : 2);
	assert_true(slice_is(read->admin->endpoint.keys[0].sealed, first));
	if (second != NULL)
		assert_true(slice_is(read->admin->endpoint.keys[1].sealed, second));
	store_request_free(read);
}

/* One key of several endpoints: each has it in the commit that changes it, and nobody else. */
static void
endpoints_sign_with_their_organisations_keys(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_organisation(subject, "other");
	expect(subject, ask_sharing(subject, "bank", "e0"), ERR_INVALID, STORE_DETAIL_NONE);
	struct new_key first = {"old-first", KEY_ED25519, 0}, second = {"old-second", KEY_ED25519, INT64_MAX};
	struct new_key unfit = {"old-unfit", KEY_ECDSA_P256, INT64_MAX}, others = {"old-others", KEY_ED25519, 0};
	expect(subject, ask_rotation(subject, "bank", &first), OK, STORE_DETAIL_NONE);
	expect(subject, ask_rotation(subject, "other", &others), OK, STORE_DETAIL_NONE);
	expect(subject, ask_sharing(subject, "bank", "e0"), OK, STORE_DETAIL_NONE);
	expect(subject, ask_sharing(subject, "bank", "e1"), OK, STORE_DETAIL_NONE);
	struct store_request *own = ask_endpoint(subject, "bank", "own");
	own->admin->endpoint.keys[0] = (struct endpoint_key){KEY_HMAC, SLICE("old-own"), {1}, WALL_NONE};
	own->admin->endpoint.key_count = 1;
	expect(subject, own, OK, STORE_DETAIL_NONE);
	assert_keys(subject, "e0", "old-first", NULL);

	struct store_request *request = ask_rotation(subject, "bank", &second);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(subject->notes.count, 2);
	store_request_free(request);
	assert_keys(subject, "e0", "old-second", "old-first");
	assert_keys(subject, "e1", "old-second", "old-first");
	assert_keys(subject, "own", "old-own", NULL);

	/* What an endpoint cannot sign with is refused as a whole. */
	expect(subject, ask_rotation(subject, "bank", &unfit), ERR_INVALID, STORE_DETAIL_NONE);
	assert_keys(subject, "e1", "old-second", "old-first");

	request = ask(subject, STORE_ENDPOINTS_ALL);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->signer_count, 2);
	assert_true(slice_is(request->admin->signers[1].keys[0].sealed, "old-others"));
	store_request_free(request);

	/* Sealed anew, they are still the same, so that a change fits which was asked for before. */
	request = ask(subject, STORE_ORGANISATION_EDIT);
	request->ref = SLICE("bank");
	request->admin->edit_organisation = govern;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	struct new_key third = {"old-third", KEY_ED25519, INT64_MAX / 2};
	request = ask_rotation(subject, "bank", &third);
	request->actor = (struct store_actor){.present = true, .token = {7}, .role = ROLE_ADMIN};
	assert_int_equal(run(subject, request), OK);
	struct change_id change = request->admin->change.id;
	assert_true(change.value != 0 && request->admin->change.operation == CHANGE_ORGANISATION_KEY);
	store_request_free(request);
	assert_keys(subject, "e0", "old-second", "old-first");
	int values = 0;
	/* Two endpoints with two keys, one with its own, two organisations, and the change. */
	assert_int_equal(pass(subject, &values), 6);
	assert_int_equal(values, 2 * 2 + 1 + 2 + 1 + 4);
	assert_int_equal(pass(subject, &values), 0);
	request = ask(subject, STORE_CHANGE_DECIDE);
	request->ref = SLICE("bank");
	request->admin->change.id = change;
	request->admin->change.state = CHANGE_APPROVED;
	request->actor = (struct store_actor){.present = true, .token = {8}, .role = ROLE_ADMIN};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.state, CHANGE_APPLIED);
	store_request_free(request);
	assert_keys(subject, "e1", "new-third", "new-second");
	assert_keys(subject, "own", "new-own", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(everything_is_sealed_anew_and_changes_still_fit),
	    BOTH(endpoints_sign_with_their_organisations_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
