/* The receiver's judgement: which verdict answers what, where ids come from, what the journal makes of repeats. */
#include "receive/receive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char standard_key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
static const char legacy_key[] = "a shared secret\n";
static const struct wall_time now = {INT64_C(1735732800) * 1000000};

struct fixture {
	struct receive_sources sources;
	struct arena arena;
	struct http_header items[SIGN_HEADERS_MAX + 2];
	struct verify_input input;
};

static const char *
file_with(const char *text, size_t length)
{
	static char path[64];
	snprintf(path, sizeof path, "/tmp/vaultbell-receive-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	close(fd);
	return path;
}

static void
add_source(struct fixture *fixture, const char *name, const char *scheme, const char *keys)
{
	struct error error = ERROR_NONE;
	const char *path = file_with(keys, strlen(keys));
	struct receive_source_text text = {.name = name, .scheme = scheme, .secret_file = path};
	enum error_code code = receive_sources_add(&fixture->sources, &text, &error);
	unlink(path);
	if (code != OK)
		fail_msg("%s", error.text);
}

static int
set_up(void **state)
{
	struct fixture *fixture = mem_zero(1, sizeof *fixture);
	receive_sources_init(&fixture->sources);
	add_source(fixture, "acme", "standard", standard_key);
	add_source(fixture, "old", "legacy", legacy_key);
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;
	receive_sources_free(&fixture->sources);
	arena_free(&fixture->arena);
	free(fixture);
	return 0;
}

static const struct receive_source *
source_named(const struct fixture *fixture, const char *name)
{
	const struct receive_source *source = receive_sources_find(&fixture->sources, slice_of(name));
	assert_non_null(source);
	return source;
}

/* A request as the source's sender would make it, `age_s` before now. */
static const struct verify_input *
signed_request(struct fixture *fixture, const char *name, const char *id, const char *body, int64_t age_s)
{
	const struct receive_source *source = source_named(fixture, name);
	struct sign_input input = {
	    .method = SLICE("POST"),
	    .authority = SLICE("gateway.example"),
	    .path = SLICE("/in/x"),
	    .content_type = SLICE("application/json"),
	    .id = slice_of(id),
	    .timestamp = now.us / 1000000 - age_s,
	    .body = slice_of(body),
	};
	struct http_headers headers = {fixture->items, 0};
	struct error error = ERROR_NONE;
	enum error_code code = sign_request(
	    source->scheme, source->keys.items, source->keys.count, &input, &fixture->arena, &headers, &error);
	if (code != OK)
		fail_msg("%s", error.text);
	fixture->input = (struct verify_input){
	    .method = input.method,
	    .authority = input.authority,
	    .path = input.path,
	    .headers = headers,
	    .body = input.body,
	    .now = now,
	};
	return &fixture->input;
}

static void
assert_refused(const struct receive_source *source, const struct verify_input *input, enum verdict verdict, int status,
    const char *code)
{
	struct receive_judgement judgement;
	receive_judge(source, input, &judgement);
	assert_null(judgement.request);
	assert_int_equal(judgement.verdict, verdict);
	assert_int_equal(judgement.status, status);
	assert_string_equal(judgement.code, code);
	assert_true(strlen(judgement.detail) > 10);
}

static struct store_request *
accepted(const struct receive_source *source, const struct verify_input *input)
{
	struct receive_judgement judgement;
	receive_judge(source, input, &judgement);
	if (judgement.request == NULL)
		fail_msg("%s", judgement.detail);
	assert_int_equal(judgement.verdict, VERDICT_VERIFIED);
	assert_int_equal(judgement.request->kind, STORE_JOURNAL);
	return judgement.request;
}

#define assert_slice(slice, text) assert_true(slice_is(slice, text))

/* --- judging ---------------------------------------------------------------------------------------- */

static void
good_request_becomes_a_journal_request(void **state)
{
	static const char body[] = "{ \"type\":\"wallet.created\" , \"n\":1.0 }\n";
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "acme");
	struct store_request *request = accepted(source, signed_request(fixture, "acme", "evt_1", body, 0));
	assert_slice(request->journal.source, "acme");
	assert_slice(request->journal.event_id, "evt_1");
	assert_slice(request->journal.type, "wallet.created");
	assert_slice(request->journal.message->webhook_id, "evt_1");
	assert_slice(request->journal.message->payload, body);
	assert_ptr_not_equal(request->journal.message->payload.ptr, body);
	assert_int_equal(request->now.us, now.us);
	unsigned char digest[SHA256_BYTES];
	sha256(slice_of(body), digest);
	assert_memory_equal(request->journal.body_sha256, digest, SHA256_BYTES);
	store_request_free(request);
}

/* Only an id of its own form, which is signed, makes a challenge of a verified request. */
static void
challenges_are_answered_and_not_journalled(void **state)
{
	static const char body[] = "{\"type\":\"webhook.ping\",\"challenge\":\"c-1\"}";
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "acme");
	struct receive_judgement judgement;
	receive_judge(source, signed_request(fixture, "acme", "ping_1", body, 0), &judgement);
	assert_null(judgement.request);
	assert_string_equal(judgement.challenge, "c-1");
	assert_int_equal(judgement.status, 200);
	store_request_free(accepted(source, signed_request(fixture, "acme", "evt_1", body, 0)));
	store_request_free(
	    accepted(source, signed_request(fixture, "acme", "ping_1", "{\"type\":\"webhook.ping\"}", 0)));
	/* Nothing could be answered to it: an event like any other, which is not said to be taken before it is kept. */
	static const char nul[] = "{\"type\":\"webhook.ping\",\"challenge\":\"\\u0000c\"}";
	store_request_free(accepted(source, signed_request(fixture, "acme", "ping_1", nul, 0)));
	struct verify_input input = *signed_request(fixture, "acme", "ping_1", body, 0);
	input.body = SLICE("{\"type\":\"webhook.ping\",\"challenge\":\"c-2\"}");
	assert_refused(source, &input, VERDICT_WRONG, 401, "authentication_failed");
}

static void
type_is_absent_where_there_is_none(void **state)
{
	static const char *const bodies[] = {
	    "not json", "[1]", "{}", "{\"type\":7}", "{\"type\":\"\"}", "", "\"type\"", "{\"type\":null}"};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct store_request *request =
		    accepted(source_named(fixture, "acme"), signed_request(fixture, "acme", "evt_1", bodies[i], 0));
		assert_false(slice_present(request->journal.type));
		assert_slice(request->journal.message->payload, bodies[i]);
		store_request_free(request);
	}
}

static void
long_types_are_not_kept(void **state)
{
	struct fixture *fixture = *state;
	char body[400] = "{\"type\":\"";
	memset(body + strlen(body), 'a', 257);
	memcpy(body + strlen(body), "\"}", sizeof "\"}");
	struct store_request *request =
	    accepted(source_named(fixture, "acme"), signed_request(fixture, "acme", "evt_1", body, 0));
	assert_false(slice_present(request->journal.type));
	store_request_free(request);
}

static void
verdicts_answer_401(void **state)
{
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "acme");
	struct verify_input input = *signed_request(fixture, "acme", "evt_1", "{}", 0);
	input.headers.count = 0;
	assert_refused(source, &input, VERDICT_MISSING, 401, "authentication_failed");

	input = *signed_request(fixture, "acme", "evt_1", "{}", 0);
	for (size_t i = 0; i < input.headers.count; i++)
		if (slice_is(input.headers.items[i].name, "webhook-timestamp"))
			input.headers.items[i].value = SLICE("yesterday");
	assert_refused(source, &input, VERDICT_MALFORMED, 401, "authentication_failed");

	input = *signed_request(fixture, "acme", "evt_1", "{}", 0);
	input.body = SLICE("{} ");
	assert_refused(source, &input, VERDICT_WRONG, 401, "authentication_failed");

	input = *signed_request(fixture, "acme", "evt_1", "{}", LIMIT_TIMESTAMP_SKEW_S + 1);
	assert_refused(source, &input, VERDICT_STALE, 401, "authentication_failed");
	input = *signed_request(fixture, "acme", "evt_1", "{}", -LIMIT_TIMESTAMP_SKEW_S - 1);
	assert_refused(source, &input, VERDICT_STALE, 401, "authentication_failed");
	store_request_free(accepted(source, signed_request(fixture, "acme", "evt_1", "{}", LIMIT_TIMESTAMP_SKEW_S)));
}

static void
source_without_keys_answers_503(void **state)
{
	struct fixture *fixture = *state;
	struct receive_source source = *source_named(fixture, "acme");
	const struct verify_input *input = signed_request(fixture, "acme", "evt_1", "{}", 0);
	source.keys = (struct key_list){NULL, 0};
	assert_refused(&source, input, VERDICT_MISSING, 503, "unavailable");
}

static void
legacy_id_comes_from_the_body_only(void **state)
{
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "old");
	struct verify_input input = *signed_request(
	    fixture, "old", NULL, "{\"messageId\":\"m-1\",\"type\":\"DELEGATE_SIGNED\"}", INT64_C(30) * 86400);
	input.headers.items[input.headers.count++] = (struct http_header){SLICE("webhook-id"), SLICE("fresh")};
	struct store_request *request = accepted(source, &input);
	assert_slice(request->journal.event_id, "m-1");
	assert_slice(request->journal.type, "DELEGATE_SIGNED");
	store_request_free(request);

	static const char *const without[] = {"not json", "{}", "[\"messageId\"]", "{\"messageId\":7}",
	    "{\"messageId\":\"\"}", "{\"messageId\":\"with space\"}"};
	for (size_t i = 0; i < COUNT_OF(without); i++)
		assert_refused(
		    source, signed_request(fixture, "old", NULL, without[i], 0), VERDICT_NO_ID, 400, "no_event_id");
}

/* --- the journal ------------------------------------------------------------------------------------ */

static enum journal_verdict
journalled(struct store *store, struct store_request *request)
{
	struct mail_list notes;
	struct error error = ERROR_NONE;
	mail_list_init(&notes);
	assert_int_equal(store_batch(store, &request, 1, &notes, &error), OK);
	assert_int_equal(request->status, OK);
	assert_int_equal(notes.count, 0);
	enum journal_verdict verdict = request->journal.verdict;
	store_request_free(request);
	return verdict;
}

static void
repeats_and_conflicts_in_the_journal(void **state)
{
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "acme"), *old = source_named(fixture, "old");
	struct store_options options = {0};
	struct store *store = store_memory_new(&options);
	struct store_request *request = accepted(source, signed_request(fixture, "acme", "m-1", "{\"n\":1}", 5));
	assert_int_equal(journalled(store, request), JOURNAL_VERIFIED);
	request = accepted(source, signed_request(fixture, "acme", "m-1", "{\"n\":1}", 0));
	assert_int_equal(journalled(store, request), JOURNAL_DUPLICATE);
	request = accepted(source, signed_request(fixture, "acme", "m-1", "{\"n\":2}", 0));
	assert_int_equal(journalled(store, request), JOURNAL_CONFLICT);
	request = accepted(source, signed_request(fixture, "acme", "m-1", "{\"n\":1}", 0));
	assert_int_equal(journalled(store, request), JOURNAL_DUPLICATE);
	request = accepted(old, signed_request(fixture, "old", NULL, "{\"messageId\":\"m-1\"}", 0));
	assert_int_equal(journalled(store, request), JOURNAL_VERIFIED);

	struct store_request *list = store_request_new(STORE_JOURNAL_LIST, now);
	list->page.limit = 10;
	struct mail_list notes;
	struct error error;
	mail_list_init(&notes);
	assert_int_equal(store_batch(store, &list, 1, &notes, &error), OK);
	assert_int_equal(list->count, 3);
	assert_int_equal(list->journal_rows[0].verdict, JOURNAL_VERIFIED);
	assert_int_equal(list->journal_rows[1].verdict, JOURNAL_CONFLICT);
	assert_slice(list->journal_rows[2].source, "old");
	store_request_free(list);
	store_close(store);
}

static void
statuses_have_names(void **state)
{
	(void)state;
	assert_string_equal(receive_status_name(JOURNAL_VERIFIED), "accepted");
	assert_string_equal(receive_status_name(JOURNAL_DUPLICATE), "duplicate");
	assert_string_equal(receive_status_name(JOURNAL_CONFLICT), "conflict");
}

/* --- what is refused -------------------------------------------------------------------------------- */

static void
refused_requests_say_what_they_claimed(void **state)
{
	struct fixture *fixture = *state;
	const struct receive_source *acme = source_named(fixture, "acme"), *old = source_named(fixture, "old");
	struct http_header wrong[] = {
	    {SLICE("Webhook-Id"), SLICE("m-1\x01\xff")},
	    {SLICE("webhook-timestamp"), SLICE("1735732800")},
	    {SLICE("webhook-signature"), SLICE("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
	    {SLICE("x-sha2-signature"), SLICE("0000000000000000000000000000000000000000000000000000000000000000")},
	};
	struct verify_input input = {.method = SLICE("POST"),
	    .headers = {wrong, COUNT_OF(wrong)},
	    .body = SLICE("{\"messageId\":\"m-2\"}"),
	    .now = now};
	struct receive_judgement judgement;
	receive_judge(old, &input, &judgement);
	struct store_request *request = receive_refused(old, &input, &judgement);
	assert_slice(request->admin->refused.source, "old");
	assert_slice(request->admin->refused.reason, "wrong");
	assert_slice(request->admin->refused.claimed, "m-2");
	assert_true(request->admin->refused.forged);
	store_request_free(request);
	receive_judge(acme, &input, &judgement);
	request = receive_refused(acme, &input, &judgement);
	assert_slice(request->admin->refused.claimed, "m-1??");
	store_request_free(request);
	input.headers.count = 0;
	input.body = SLICE("none");
	receive_judge(old, &input, &judgement);
	request = receive_refused(old, &input, &judgement);
	assert_slice(request->admin->refused.reason, "missing");
	assert_false(slice_present(request->admin->refused.claimed) || request->admin->refused.forged);
	store_request_free(request);
}

static void
headers_are_kept_and_cut(void **state)
{
	struct fixture *fixture = *state;
	const struct receive_source *source = source_named(fixture, "acme");
	struct verify_input input = *signed_request(fixture, "acme", "m-1", "{}", 0);
	char text[2 * LIMIT_JOURNAL_HEADER_BYTES];
	memset(text, 'a', sizeof text);
	fixture->items[input.headers.count++] = (struct http_header){SLICE("Content-Type"), {text, sizeof text}};
	fixture->items[input.headers.count++] = (struct http_header){SLICE("vaultbell-sequence"), SLICE("7")};
	struct store_request *request = accepted(source, &input);
	const struct store_journal_headers *headers = &request->journal.headers;
	assert_slice(headers->scheme, "standard");
	assert_slice(headers->sent, "1735732800");
	assert_slice(headers->sequence, "7");
	assert_int_equal(headers->key.len, 16);
	assert_int_equal(headers->content_type.len, LIMIT_JOURNAL_HEADER_BYTES);
	store_request_free(request);
	request =
	    accepted(source_named(fixture, "old"), signed_request(fixture, "old", NULL, "{\"messageId\":\"m\"}", 0));
	assert_slice(request->journal.headers.key, "#1");
	store_request_free(request);
}

/* --- sources ---------------------------------------------------------------------------------------- */

static void
assert_not_added(struct fixture *fixture, struct receive_source_text text, const char *expected)
{
	struct error error = ERROR_NONE;
	size_t count = fixture->sources.count;
	assert_int_not_equal(receive_sources_add(&fixture->sources, &text, &error), OK);
	assert_int_equal(fixture->sources.count, count);
	if (strstr(error.text, expected) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", expected, error.text);
}

static void
wrong_sources_say_why(void **state)
{
	struct fixture *fixture = *state;
	struct receive_source_text text = {.name = "new", .scheme = "standard", .secret_file = "/nowhere/keys"};
	assert_not_added(fixture, text, "/nowhere/keys: No such file or directory; expected a readable file");
	text.secret_file = "/tmp";
	assert_not_added(fixture, text, "/tmp: it is a directory; expected");
	text.secret_file = "/dev/zero";
	assert_not_added(fixture, text, "/dev/zero: expected at most 65536 bytes");
	text.secret_file = "/dev/null";
	assert_not_added(fixture, text, "/dev/null: ");
	text.name = "a/b";
	assert_not_added(fixture, text, "--source: expected a name");
	text.name = "acme";
	assert_not_added(fixture, text, "--source: expected a name of its own, there is a source acme already");
	text.name = "new";
	text.scheme = "none";
	assert_not_added(fixture, text, "--scheme: expected one of standard, rfc9421, legacy");
	text.scheme = "standard";
	text.secret_file = file_with("# comment\nwhsec_short\n", 22);
	assert_not_added(fixture, text, ": line 2: ");
	unlink(text.secret_file);
	static const char *const urls[] = {"ftp://x/", "http://", "https:///path", "http://a b/", "/path", ""};
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		text.forward = urls[i];
		assert_not_added(fixture, text, "--forward: expected an http or https URL");
	}
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
secret_files_are_read_again(void **state)
{
	struct fixture *fixture = *state;
	struct log silent = {.level = LOG_ERROR, .fd = -1};
	struct error error = ERROR_NONE;
	char path[64];
	snprintf(path, sizeof path, "%s", file_with("one\n", 4));
	unlink(path);
	struct receive_source_text text = {
	    .name = "rotated", .scheme = "legacy", .secret_file = path, .keys_may_come = true};
	assert_int_equal(receive_sources_add(&fixture->sources, &text, &error), OK);
	const struct receive_source *source = source_named(fixture, "rotated");
	assert_int_equal(source->keys.count, 0);
	write_file(path, "one\ntwo\n");
	receive_sources_reload(&fixture->sources, false, &silent);
	assert_int_equal(source->keys.count, 2);
	/* The other sources' files are gone meanwhile, and so is this one: the keys stay. */
	assert_int_equal(source_named(fixture, "acme")->keys.count, 1);
	unlink(path);
	receive_sources_reload(&fixture->sources, false, &silent);
	assert_int_equal(source->keys.count, 2);
	/* Of the same length and the same time as before: a file that is young is read again all the same. */
	write_file(path, "one\ntwo\n");
	receive_sources_reload(&fixture->sources, false, &silent);
	write_file(path, "six\nten\n");
	receive_sources_reload(&fixture->sources, false, &silent);
	struct verify_input input = *signed_request(fixture, "rotated", NULL, "{\"messageId\":\"m\"}", 0);
	struct key *key;
	assert_int_equal(key_parse(SCHEME_LEGACY, SLICE("six"), &key, &error), OK);
	assert_true(slice_equal(key_id(source->keys.items[0]), key_id(key)));
	key_unref(key);
	store_request_free(accepted(source, &input));
	write_file(path, "");
	receive_sources_reload(&fixture->sources, true, &silent);
	assert_int_equal(source->keys.count, 2);
	unlink(path);
}

static void
names_are_found_byte_for_byte(void **state)
{
	struct fixture *fixture = *state;
	assert_non_null(receive_sources_find(&fixture->sources, SLICE("acme")));
	assert_null(receive_sources_find(&fixture->sources, SLICE("ACME")));
	assert_null(receive_sources_find(&fixture->sources, SLICE("acme/")));
	assert_null(receive_sources_find(&fixture->sources, SLICE("acm%65")));
	assert_null(receive_sources_find(&fixture->sources, SLICE("")));
	assert_null(receive_sources_find(&fixture->sources, SLICE_NONE));
}

#define receive_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    receive_test(good_request_becomes_a_journal_request),
	    receive_test(challenges_are_answered_and_not_journalled),
	    receive_test(type_is_absent_where_there_is_none),
	    receive_test(long_types_are_not_kept),
	    receive_test(verdicts_answer_401),
	    receive_test(source_without_keys_answers_503),
	    receive_test(legacy_id_comes_from_the_body_only),
	    receive_test(repeats_and_conflicts_in_the_journal),
	    receive_test(refused_requests_say_what_they_claimed),
	    receive_test(headers_are_kept_and_cut),
	    receive_test(secret_files_are_read_again),
	    receive_test(statuses_have_names),
	    receive_test(wrong_sources_say_why),
	    receive_test(names_are_found_byte_for_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
