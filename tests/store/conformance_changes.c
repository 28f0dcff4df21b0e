/* What store.h and change.h promise of change requests and of URLs that have to prove themselves, kept by every store
 * alike; and what of it survives a restart. */
#include "conformance.h"

#include "store/audit.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAKER = 7, CHECKER = 8 };

#define SECOND_US INT64_C(1000000)

/* --- asking ------------------------------------------------------------------------------------------ */

static struct store_request *
ask_as(struct subject *subject, enum store_kind kind, int64_t token)
{
	struct store_request *request = ask(subject, kind);
	request->ref = SLICE("bank");
	request->actor = (struct store_actor){.present = true, .token = {token}, .role = ROLE_ADMIN};
	return request;
}

static void
succeed(struct subject *subject, struct store_request *request)
{
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

static enum error_code
edit_governance(void *context, struct arena *arena UNUSED, struct organisation *organisation, bool existed UNUSED,
    struct error *error UNUSED)
{
	organisation->governance = *(const struct governance *)context;
	return OK;
}

static struct store_request *
ask_governance(struct subject *subject, struct governance *governance, int64_t token)
{
	struct store_request *request = ask_as(subject, STORE_ORGANISATION_EDIT, token);
	request->admin->edit_organisation = edit_governance;
	request->admin->edit_context = governance;
	return request;
}

static void
govern(struct subject *subject, unsigned aspects, int64_t cool_off_s)
{
	struct governance governance = {.aspects = aspects, .cool_off_s = cool_off_s};
	struct store_request *request = ask_governance(subject, &governance, MAKER);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.id.value, 0);
	store_request_free(request);
}

struct patch {
	const char *url, *description;
};

static enum error_code
edit_patch(void *context, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED,
    struct error *error UNUSED)
{
	const struct patch *patch = context;
	if (patch->url != NULL)
		endpoint->url = slice_of(patch->url);
	if (patch->description != NULL)
		endpoint->description = slice_of(patch->description);
	return OK;
}

static struct store_request *
ask_patch(struct subject *subject, struct patch *patch, int64_t token)
{
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_EDIT, token);
	request->endpoint_ref = SLICE("main");
	request->admin->edit_endpoint = edit_patch;
	request->admin->edit_context = patch;
	return request;
}

/* Asks for it; the id of the change that waits instead. */
static struct change_id
hold(struct subject *subject, struct store_request *request)
{
	assert_int_equal(run(subject, request), OK);
	struct change_id id = request->admin->change.id;
	assert_true(id.value > 0);
	assert_int_equal(request->admin->change.state, CHANGE_REQUESTED);
	assert_true(slice_is(request->audit->action, "change.request"));
	store_request_free(request);
	return id;
}

static struct change_id
hold_url(struct subject *subject, const char *url)
{
	struct patch patch = {.url = url};
	return hold(subject, ask_patch(subject, &patch, MAKER));
}

static struct store_request *
ask_decision(struct subject *subject, struct change_id id, enum change_state to, int64_t token)
{
	struct store_request *request = ask_as(subject, STORE_CHANGE_DECIDE, token);
	request->admin->change.id = id;
	request->admin->change.state = to;
	request->admin->change.reason = to == CHANGE_REFUSED ? SLICE("not known here") : SLICE_NONE;
	return request;
}

/* Decides it; what state it is in then. */
static enum change_state
decide(struct subject *subject, struct change_id id, enum change_state to, int64_t token)
{
	struct store_request *request = ask_decision(subject, id, to, token);
	assert_int_equal(run(subject, request), OK);
	enum change_state state = request->admin->change.state;
	store_request_free(request);
	return state;
}

static void
expect_decision(struct subject *subject, struct change_id id, enum change_state to, int64_t token, enum error_code code)
{
	struct store_request *request = ask_decision(subject, id, to, token);
	assert_int_equal(run(subject, request), code);
	assert_true(request->error.text[0] != '\0');
	store_request_free(request);
}

static enum change_state
state_of(struct subject *subject, struct change_id id)
{
	struct store_request *request = ask_as(subject, STORE_CHANGE_GET, CHECKER);
	request->admin->change.id = id;
	assert_int_equal(run(subject, request), OK);
	enum change_state state = request->admin->change.state;
	store_request_free(request);
	return state;
}

static bool
has_url(struct subject *subject, const char *url)
{
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_GET, CHECKER);
	request->endpoint_ref = SLICE("main");
	assert_int_equal(run(subject, request), OK);
	bool has = slice_is(request->admin->endpoint.url, url);
	store_request_free(request);
	return has;
}

/* One step at that time; whether there was something to do. */
static bool
step(struct subject *subject, struct wall_time now, struct wall_time *due)
{
	struct store_request *request = ask(subject, STORE_CHANGE_STEP);
	request->now = now;
	assert_int_equal(run(subject, request), OK);
	bool did = request->existed;
	if (due != NULL)
		*due = request->due;
	store_request_free(request);
	return did;
}

static void
make_bank(struct subject *subject)
{
	make_organisation(subject, "bank");
	make_organisation(subject, "other");
	make_endpoint(subject, "bank", "main");
}

/* --- changes ----------------------------------------------------------------------------------------- */

static const char first_url[] = "https://example.com/in", second_url[] = "https://example.com/second";

static void
a_second_person_decides(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL), 0);
	struct change_id id = hold_url(subject, second_url);
	assert_true(has_url(subject, first_url));
	expect_decision(subject, id, CHANGE_APPROVED, MAKER, ERR_FORBIDDEN);
	expect_decision(subject, id, CHANGE_REFUSED, MAKER, ERR_FORBIDDEN);
	expect_decision(subject, id, CHANGE_WITHDRAWN, CHECKER, ERR_FORBIDDEN);
	struct store_request *request = ask_decision(subject, id, CHANGE_APPROVED, CHECKER);
	request->ref = SLICE("other");
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NO_CHANGE);
	assert_int_equal(state_of(subject, id), CHANGE_REQUESTED);
	assert_int_equal(decide(subject, id, CHANGE_APPROVED, CHECKER), CHANGE_APPLIED);
	assert_true(has_url(subject, second_url));
	expect_decision(subject, id, CHANGE_APPROVED, CHECKER, ERR_CONFLICT);

	id = hold_url(subject, first_url);
	assert_int_equal(decide(subject, id, CHANGE_REFUSED, CHECKER), CHANGE_REFUSED);
	id = hold_url(subject, first_url);
	assert_int_equal(decide(subject, id, CHANGE_WITHDRAWN, MAKER), CHANGE_WITHDRAWN);
	assert_true(has_url(subject, second_url));

	/* The server's own doings and those on its machine wait for nobody; nor does what is not governed. */
	struct patch patch = {.description = "free"}, own = {.url = first_url};
	request = ask_patch(subject, &patch, MAKER);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.id.value, 0);
	store_request_free(request);
	succeed(subject, ask_patch(subject, &own, 0));
	assert_true(has_url(subject, first_url));
}

/* Rows of these actions, in this order, are the end of the log. */
static void
expect_log_ends(struct subject *subject, const char *const *actions, size_t count)
{
	struct store_request *log = ask(subject, STORE_AUDIT_LIST);
	log->page = (struct store_page){.limit = count, .descending = true};
	assert_int_equal(run(subject, log), OK);
	assert_int_equal(log->count, count);
	for (size_t i = 0; i < count; i++) {
		const struct store_audit_row *row = &log->admin->audit_rows[count - 1 - i];
		assert_true(slice_is(row->action, actions[i]));
		assert_true(memmem(row->after.ptr, row->after.len, "hidden", 6) == NULL);
	}
	store_request_free(log);
}

static void
the_log_tells(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL), 0);
	struct change_id id = hold_url(subject, second_url);
	decide(subject, id, CHANGE_APPROVED, CHECKER);
	static const char *const actions[] = {"change.request", "change.approve", "endpoint.update", "change.apply"};
	expect_log_ends(subject, actions, COUNT_OF(actions));
	struct chain_check check;
	struct error error = ERROR_NONE;
	audit_check_init(&check);
	assert_int_equal(audit_check_store(&check, subject->store, &error), OK);
	assert_false(check.failed);
}

static void
what_does_not_fit_is_stale(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL), 0);
	struct change_id first = hold_url(subject, second_url), second = hold_url(subject, "https://example.com/third");
	struct patch patch = {.description = "meanwhile"};
	succeed(subject, ask_patch(subject, &patch, MAKER));
	assert_int_equal(decide(subject, first, CHANGE_APPROVED, CHECKER), CHANGE_APPLIED);
	assert_int_equal(decide(subject, second, CHANGE_APPROVED, CHECKER), CHANGE_STALE);
	assert_true(has_url(subject, second_url));
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_GET, CHECKER);
	request->endpoint_ref = SLICE("main");
	assert_int_equal(run(subject, request), OK);
	assert_true(slice_is(request->admin->endpoint.description, "meanwhile"));
	store_request_free(request);

	struct change_id third = hold_url(subject, first_url);
	request = ask_as(subject, STORE_ENDPOINT_DELETE, MAKER);
	request->endpoint_ref = SLICE("main");
	succeed(subject, request);
	assert_int_equal(decide(subject, third, CHANGE_APPROVED, CHECKER), CHANGE_STALE);
}

static void
it_cools_off_and_expires(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	struct wall_time due;
	assert_false(step(subject, subject->now, &due));
	assert_int_equal(due.us, WALL_NEVER.us);
	govern(subject, GOVERN_BIT(GOVERN_URL), 60);
	struct change_id id = hold_url(subject, second_url), stopped = hold_url(subject, "https://example.com/third");
	assert_int_equal(decide(subject, id, CHANGE_APPROVED, CHECKER), CHANGE_APPROVED);
	struct wall_time approved = subject->now;
	assert_int_equal(decide(subject, stopped, CHANGE_APPROVED, CHECKER), CHANGE_APPROVED);
	assert_int_equal(decide(subject, stopped, CHANGE_REFUSED, CHECKER), CHANGE_REFUSED);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	assert_false(step(subject, (struct wall_time){approved.us + 60 * SECOND_US - 1}, &due));
	assert_int_equal(due.us, approved.us + 60 * SECOND_US);
	assert_true(has_url(subject, first_url));
	assert_true(step(subject, due, &due));
	assert_true(has_url(subject, second_url));
	assert_int_equal(state_of(subject, id), CHANGE_APPLIED);
	assert_int_equal(due.us, WALL_NEVER.us);
	assert_false(step(subject, (struct wall_time){approved.us + 120 * SECOND_US}, NULL));

	id = hold_url(subject, first_url);
	struct wall_time late = {subject->now.us + (int64_t)LIMIT_CHANGE_DAYS * 86400 * SECOND_US};
	struct store_request *request = ask_decision(subject, id, CHANGE_APPROVED, CHECKER);
	request->now = late;
	expect(subject, request, ERR_CONFLICT, STORE_DETAIL_NONE);
	assert_true(step(subject, late, NULL));
	assert_int_equal(state_of(subject, id), CHANGE_EXPIRED);
	static const char *const actions[] = {"change.expire"};
	expect_log_ends(subject, actions, COUNT_OF(actions));
}

static void
loosening_waits(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_ROLES), 30);
	struct governance more = {.aspects = GOVERN_BIT(GOVERN_ROLES) | GOVERN_BIT(GOVERN_URL), .cool_off_s = 30};
	succeed(subject, ask_governance(subject, &more, MAKER));
	struct governance sooner = {.aspects = more.aspects, .cool_off_s = 0}, off = {.aspects = 0};
	struct governance silent = {.aspects = more.aspects, .cool_off_s = 30, .contact = SLICE("me@bank.example")};
	hold(subject, ask_governance(subject, &sooner, MAKER));
	hold(subject, ask_governance(subject, &silent, MAKER));
	struct change_id id = hold(subject, ask_governance(subject, &off, MAKER));
	assert_int_equal(decide(subject, id, CHANGE_APPROVED, CHECKER), CHANGE_APPROVED);
	assert_true(step(subject, (struct wall_time){subject->now.us + 30 * SECOND_US}, NULL));
	struct store_request *request = ask_as(subject, STORE_ORGANISATION_GET, CHECKER);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->organisation.governance.aspects, 0);
	store_request_free(request);
}

static struct store_request *
ask_token(struct subject *subject, int64_t actor)
{
	struct store_request *request = ask_as(subject, STORE_TOKEN_CREATE, actor);
	request->admin->token.role = ROLE_ENGINEERING;
	snprintf(request->admin->token.name, sizeof request->admin->token.name, "robot");
	memset(request->admin->token.hash, 5, SHA256_BYTES);
	return request;
}

static struct store_request *
ask_known(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_TOKEN_GET);
	memset(request->admin->token.hash, 5, SHA256_BYTES);
	return request;
}

static void
tokens_wait(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_ROLES), 0);
	struct change_id id = hold(subject, ask_token(subject, MAKER));
	expect(subject, ask_known(subject), ERR_NOT_FOUND, STORE_DETAIL_NONE);
	assert_int_equal(decide(subject, id, CHANGE_APPROVED, CHECKER), CHANGE_APPLIED);
	struct store_request *request = ask_known(subject);
	assert_int_equal(run(subject, request), OK);
	int64_t token = request->admin->token.id.value;
	assert_int_equal(request->admin->token.role, ROLE_ENGINEERING);
	store_request_free(request);
	/* A login, and a log out by the token itself, are nobody's to approve. */
	request = ask_as(subject, STORE_TOKEN_CREATE, MAKER);
	request->login = true;
	memset(request->admin->token.hash, 6, SHA256_BYTES);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.id.value, 0);
	store_request_free(request);
	request = ask_as(subject, STORE_TOKEN_REVOKE, MAKER);
	request->admin->token.id.value = token;
	hold(subject, request);
	request = ask_as(subject, STORE_TOKEN_REVOKE, token);
	request->admin->token.id.value = token;
	succeed(subject, request);
	expect(subject, ask_known(subject), ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

/* Asks again for what waits already: nothing new is kept, logged or told. */
static void
expect_same(struct subject *subject, struct store_request *request, struct change_id id)
{
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->change.id.value, id.value);
	assert_null(request->audit);
	assert_null(request->told);
	store_request_free(request);
}

static struct store_request *
ask_creation(struct subject *subject, const char *uid, const char *mark)
{
	struct store_request *request = ask_as(subject, STORE_ENDPOINT_CREATE, MAKER);
	request->admin->endpoint = (struct endpoint){.url = SLICE("https://a.example/new"),
	    .uid = slice_of(uid),
	    .version = 1,
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{}")};
	request->admin->secret_mark = mark == NULL ? SLICE_NONE : slice_of(mark);
	return request;
}

static void
asked_twice_is_asked_once(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL) | GOVERN_BIT(GOVERN_DISABLING), 60);
	struct patch patch = {.url = "https://a.example/1"}, more = {.url = "https://a.example/1", .description = "x"};
	struct change_id first = hold(subject, ask_patch(subject, &patch, MAKER));
	expect_same(subject, ask_patch(subject, &patch, MAKER), first);
	expect_same(subject, ask_patch(subject, &patch, CHECKER), first);
	struct change_id other = hold(subject, ask_patch(subject, &more, MAKER));
	assert_int_not_equal(other.value, first.value);
	/* Until it has ended, also while it cools off. */
	assert_int_equal(decide(subject, first, CHANGE_APPROVED, CHECKER), CHANGE_APPROVED);
	expect_same(subject, ask_patch(subject, &patch, MAKER), first);
	assert_int_equal(decide(subject, first, CHANGE_REFUSED, CHECKER), CHANGE_REFUSED);
	struct change_id again = hold(subject, ask_patch(subject, &patch, MAKER));
	assert_int_not_equal(again.value, first.value);
	/* New endpoints are told apart by all that is said of them, and by which secret was given. */
	struct change_id made = hold(subject, ask_creation(subject, "new", NULL));
	expect_same(subject, ask_creation(subject, "new", NULL), made);
	struct change_id marked = hold(subject, ask_creation(subject, "new", "one"));
	expect_same(subject, ask_creation(subject, "new", "one"), marked);
	assert_int_not_equal(hold(subject, ask_creation(subject, "new", "two")).value, marked.value);
	assert_int_not_equal(hold(subject, ask_creation(subject, "newer", NULL)).value, made.value);
	struct store_request *deletion = ask_as(subject, STORE_ENDPOINT_DELETE, MAKER);
	deletion->endpoint_ref = SLICE("main");
	struct change_id gone = hold(subject, deletion);
	deletion = ask_as(subject, STORE_ENDPOINT_DELETE, MAKER);
	deletion->endpoint_ref = SLICE("main");
	expect_same(subject, deletion, gone);
	struct governance less = {.aspects = GOVERN_BIT(GOVERN_URL), .cool_off_s = 60};
	struct change_id loosened = hold(subject, ask_governance(subject, &less, MAKER));
	expect_same(subject, ask_governance(subject, &less, MAKER), loosened);
}

static void
lists_page_and_filter(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL), 0);
	struct change_id ids[3];
	static const char *const urls[COUNT_OF(ids)] = {
	    "https://a.example/1", "https://a.example/2", "https://a.example/3"};
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = hold_url(subject, urls[i]);
	decide(subject, ids[1], CHANGE_REFUSED, CHECKER);
	struct store_request *request = ask_as(subject, STORE_CHANGE_LIST, CHECKER);
	request->page = (struct store_page){.limit = 2, .descending = true};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 2);
	assert_true(request->more);
	assert_int_equal(request->admin->changes[0].id.value, ids[2].value);
	store_request_free(request);
	request = ask_as(subject, STORE_CHANGE_LIST, CHECKER);
	request->admin->change_state = CHANGE_REFUSED;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_int_equal(request->admin->changes[0].id.value, ids[1].value);
	assert_true(slice_is(request->admin->changes[0].reason, "not known here"));
	store_request_free(request);
	request = ask_as(subject, STORE_CHANGE_LIST, CHECKER);
	request->ref = SLICE("other");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 0);
	store_request_free(request);
}

/* --- ownership --------------------------------------------------------------------------------------- */

static struct store_request *
ask_verified(struct subject *subject, struct endpoint_id endpoint, const char *challenge, bool succeeded)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_VERIFIED);
	request->admin->verified = (struct store_verified){
	    .endpoint = endpoint,
	    .challenge = slice_of(challenge),
	    .succeeded = succeeded,
	    .problem = succeeded ? SLICE_NONE : SLICE("it answered 404"),
	    .due = {succeeded ? 0 : request->now.us + 5},
	};
	return request;
}

static void
a_new_endpoint_proves_itself(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct store_request *request = ask_endpoint(subject, "bank", "main");
	request->admin->challenge = SLICE("one");
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id endpoint = request->admin->endpoint.id;
	assert_int_equal(request->admin->endpoint.state, ENDPOINT_PENDING_VERIFICATION);
	store_request_free(request);
	accept_message(subject, "bank", "builtin.1", 1);
	request = ask_verified(subject, endpoint, "one", false);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->endpoint.verification.attempts, 1);
	assert_int_equal(request->admin->endpoint.state, ENDPOINT_PENDING_VERIFICATION);
	store_request_free(request);
	expect(subject, ask_verified(subject, endpoint, "another", true), ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	request = ask_verified(subject, endpoint, "one", true);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->endpoint.state, ENDPOINT_ACTIVE);
	assert_false(slice_present(request->admin->endpoint.verification.challenge));
	assert_true(slice_is(request->audit->action, "endpoint.verified"));
	store_request_free(request);
	expect(subject, ask_verified(subject, endpoint, "one", true), ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	/* What was accepted meanwhile is there for it. */
	request = ask(subject, STORE_REFILL);
	request->refill =
	    (struct store_refill){.endpoint = endpoint, .until = subject->now, .limit = 10, .bytes_limit = 1 << 20};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->refill.count, 1);
	store_request_free(request);
}

static void
a_new_url_proves_itself(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	struct patch patch = {.url = second_url};
	struct store_request *request = ask_patch(subject, &patch, MAKER);
	request->admin->challenge = SLICE("two");
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id endpoint = request->admin->endpoint.id;
	assert_true(slice_is(request->admin->endpoint.url, first_url));
	assert_true(slice_is(request->admin->endpoint.verification.url, second_url));
	assert_int_equal(request->admin->endpoint.state, ENDPOINT_ACTIVE);
	store_request_free(request);
	succeed(subject, ask_verified(subject, endpoint, "two", true));
	assert_true(has_url(subject, second_url));
	/* Where nothing has to be proved any more, a new URL ends what was asked. */
	struct patch third = {.url = "https://example.com/third"}, back = {.url = first_url};
	request = ask_patch(subject, &third, MAKER);
	request->admin->challenge = SLICE("three");
	succeed(subject, request);
	succeed(subject, ask_patch(subject, &back, MAKER));
	assert_true(has_url(subject, first_url));
	expect(subject, ask_verified(subject, endpoint, "three", true), ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
}

/* Approved first, then asked: the challenge was made with the request and is kept with it. */
static void
an_approved_url_proves_itself(void **state)
{
	struct subject *subject = *state;
	make_bank(subject);
	govern(subject, GOVERN_BIT(GOVERN_URL), 0);
	struct patch patch = {.url = second_url};
	struct store_request *request = ask_patch(subject, &patch, MAKER);
	request->admin->challenge = SLICE("four");
	struct change_id id = hold(subject, request);
	assert_int_equal(decide(subject, id, CHANGE_APPROVED, CHECKER), CHANGE_APPLIED);
	assert_true(has_url(subject, first_url));
	request = ask_as(subject, STORE_ENDPOINT_GET, CHECKER);
	request->endpoint_ref = SLICE("main");
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id endpoint = request->admin->endpoint.id;
	store_request_free(request);
	succeed(subject, ask_verified(subject, endpoint, "four", true));
	assert_true(has_url(subject, second_url));
}

/* --- all --------------------------------------------------------------------------------------------- */

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(a_second_person_decides),
	    BOTH(the_log_tells),
	    BOTH(what_does_not_fit_is_stale),
	    BOTH(it_cools_off_and_expires),
	    BOTH(loosening_waits),
	    BOTH(tokens_wait),
	    BOTH(asked_twice_is_asked_once),
	    BOTH(lists_page_and_filter),
	    BOTH(a_new_endpoint_proves_itself),
	    BOTH(a_new_url_proves_itself),
	    BOTH(an_approved_url_proves_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
