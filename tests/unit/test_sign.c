/* Signatures of the standard and legacy schemes, keys, and the sealer. RFC 9421 has a test of its own. */
#include "sign/sign.h"

#include "base/encode.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PAIR "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define BODY "{\"test\": 2432232314}"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define V1A "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

enum { TIME = 1614265330 };

static struct key *
parse(enum sign_scheme scheme, const char *text)
{
	struct key *key = NULL;
	struct error error = ERROR_NONE;
	if (key_parse(scheme, slice_of(text), &key, &error) != OK)
		fail_msg("%s", error.text);
	return key;
}

static void
check_signed(const char *const *key_texts, size_t count, const char *expected)
{
	struct key *keys[4];
	for (size_t i = 0; i < count; i++)
		keys[i] = parse(SCHEME_STANDARD, key_texts[i]);
	struct arena arena = ARENA_EMPTY;
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.id = SLICE(ID), .timestamp = TIME, .body = SLICE(BODY)};
	assert_int_equal(sign_request(SCHEME_STANDARD, keys, count, &input, &arena, &headers, NULL), OK);
	assert_int_equal(headers.count, 3);
	assert_true(slice_is(items[0].name, "webhook-id") && slice_is(items[0].value, ID));
	assert_true(slice_is(items[1].name, "webhook-timestamp") && slice_is(items[1].value, "1614265330"));
	assert_true(slice_is(items[2].name, "webhook-signature") && slice_is(items[2].value, expected));
	for (size_t i = 0; i < count; i++)
		key_unref(keys[i]);
	arena_free(&arena);
}

static void
test_standard_vectors(void **state)
{
	(void)state;
	check_signed((const char *const[]){SECRET}, 1, V1);
	check_signed((const char *const[]){PAIR}, 1, V1A);
	check_signed((const char *const[]){PAIR, SECRET}, 2, V1A " " V1);
}

static void
test_sign_refusals(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.id = SLICE(ID), .timestamp = TIME, .body = SLICE(BODY)};
	struct key *hmac = parse(SCHEME_STANDARD, SECRET), *public = parse(SCHEME_STANDARD, PUBLIC);
	struct key *p256 = key_generate(KEY_ECDSA_P256);
	assert_int_equal(sign_request(SCHEME_STANDARD, &hmac, 0, &input, &arena, &headers, NULL), ERR_INVALID);
	assert_int_equal(sign_request(SCHEME_STANDARD, &public, 1, &input, &arena, &headers, NULL), ERR_INVALID);
	assert_int_equal(sign_request(SCHEME_STANDARD, &p256, 1, &input, &arena, &headers, NULL), ERR_INVALID);
	assert_int_equal(sign_request(SCHEME_LEGACY, &p256, 1, &input, &arena, &headers, NULL), ERR_INVALID);
	input.id = SLICE("a\r\nb: c");
	assert_int_equal(sign_request(SCHEME_STANDARD, &hmac, 1, &input, &arena, &headers, NULL), ERR_INVALID);
	assert_int_equal(headers.count, 0);
	key_unref(hmac);
	key_unref(public);
	key_unref(p256);
	arena_free(&arena);
}

/* --- verifying: each case changes one thing of a good request ------------------------------------------ */

struct change {
	const char *what;
	const char *id, *timestamp, *signature; /* NULL: as in the vector; "-": left out */
	const char *body;
	enum verdict verdict;
};

static enum verdict
verify_change(const struct change *change, const char *const names[3], struct key *const *keys, size_t key_count,
    int64_t now, struct verify_result *result)
{
	const char *values[3] = {change->id, change->timestamp, change->signature};
	static const char *const good[3] = {ID, "1614265330", V1 " " V1A};
	struct http_header items[3];
	struct http_headers headers = {items, 0};
	for (size_t i = 0; i < 3; i++) {
		const char *value = values[i] == NULL ? good[i] : values[i];
		if (strcmp(value, "-") != 0)
			items[headers.count++] = (struct http_header){slice_of(names[i]), slice_of(value)};
	}
	struct verify_input input = {
	    .headers = headers,
	    .body = slice_of(change->body == NULL ? BODY : change->body),
	    .now = {now * 1000000 + 999999},
	};
	struct arena arena = ARENA_EMPTY;
	verify_request(SCHEME_STANDARD, keys, key_count, &input, &arena, result);
	if (result->verdict == VERDICT_VERIFIED)
		assert_true(slice_is(result->event_id, values[0] == NULL ? ID : values[0]));
	else
		assert_false(slice_present(result->event_id));
	assert_true(result->reason[0] != '\0');
	arena_free(&arena);
	return result->verdict;
}

static const char *const webhook_names[3] = {"webhook-id", "webhook-timestamp", "webhook-signature"};

#define WRONG_V1 "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EIGHT(text) text text text text text text text text

static const struct change changes[] = {
    {"as it is", NULL, NULL, NULL, NULL, VERDICT_VERIFIED},
    {"only v1", NULL, NULL, V1, NULL, VERDICT_VERIFIED},
    {"spaces around", NULL, NULL, "  " V1 " ", NULL, VERDICT_VERIFIED},
    {"behind wrong ones", NULL, NULL, WRONG_V1 " v1,short v2,abc nonsense " V1, NULL, VERDICT_VERIFIED},
    {"32 signatures", NULL, NULL, EIGHT("v2,a ") EIGHT("v2,a ") EIGHT("v2,a ") "v2,a v2,a v2,a v2,a v2,a v2,a v2,a " V1,
	NULL, VERDICT_VERIFIED},
    {"33 signatures", NULL, NULL, EIGHT("v2,a ") EIGHT("v2,a ") EIGHT("v2,a ") EIGHT("v2,a ") V1, NULL,
	VERDICT_MALFORMED},
    {"no id", "-", NULL, NULL, NULL, VERDICT_MISSING},
    {"no timestamp", NULL, "-", NULL, NULL, VERDICT_MISSING},
    {"no signature", NULL, NULL, "-", NULL, VERDICT_MISSING},
    {"empty id", "", NULL, NULL, NULL, VERDICT_MALFORMED},
    {"id with a space", "a b", NULL, NULL, NULL, VERDICT_MALFORMED},
    {"id not ASCII", "a\xc3\xa4", NULL, NULL, NULL, VERDICT_MALFORMED},
    {"timestamp with letters", NULL, "hello", NULL, NULL, VERDICT_MALFORMED},
    {"timestamp with a sign", NULL, "+1614265330", NULL, NULL, VERDICT_MALFORMED},
    {"timestamp with a fraction", NULL, "1614265330.0", NULL, NULL, VERDICT_MALFORMED},
    {"timestamp over 64 bits", NULL, "99999999999999999999", NULL, NULL, VERDICT_MALFORMED},
    {"empty timestamp", NULL, "", NULL, NULL, VERDICT_MALFORMED},
    {"empty signature", NULL, NULL, "", NULL, VERDICT_MALFORMED},
    {"other version only", NULL, NULL, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", NULL, VERDICT_MALFORMED},
    {"no comma", NULL, NULL, "v1", NULL, VERDICT_MALFORMED},
    {"cut off", NULL, NULL, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlN", NULL, VERDICT_MALFORMED},
    {"not base64", NULL, NULL, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1O!=", NULL, VERDICT_MALFORMED},
    {"wrong signature", NULL, NULL, WRONG_V1, NULL, VERDICT_WRONG},
    {"other id", "msg_other", NULL, NULL, NULL, VERDICT_WRONG},
    {"other timestamp", NULL, "1614265331", NULL, NULL, VERDICT_WRONG},
    {"other body", NULL, NULL, NULL, "{\"test\": 2432232315}", VERDICT_WRONG},
    {"body with a line feed", NULL, NULL, NULL, BODY "\n", VERDICT_WRONG},
    {"empty body", NULL, NULL, NULL, "", VERDICT_WRONG},
};

static void
test_standard_verify(void **state)
{
	(void)state;
	static const char *const twins[3] = {"svix-id", "svix-timestamp", "svix-signature"};
	static const char *const mixed[3] = {"Webhook-ID", "WEBHOOK-timestamp", "Webhook-Signature"};
	const char *const *families[] = {webhook_names, twins, mixed};
	struct key *key = parse(SCHEME_STANDARD, SECRET);
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		for (size_t family = 0; family < COUNT_OF(families); family++) {
			struct verify_result result;
			enum verdict verdict = verify_change(&changes[i], families[family], &key, 1, TIME, &result);
			if (verdict != changes[i].verdict)
				fail_msg("%s: expected %s, got %s", changes[i].what, verdict_name(changes[i].verdict),
				    verdict_name(verdict));
		}
	}
	key_unref(key);
}

static void
test_standard_keys(void **state)
{
	(void)state;
	struct key *good = parse(SCHEME_STANDARD, SECRET), *pair = parse(SCHEME_STANDARD, PAIR);
	struct key *public = parse(SCHEME_STANDARD, PUBLIC), *other = key_generate(KEY_HMAC);
	struct key *stranger = key_generate(KEY_ED25519), *p256 = key_generate(KEY_ECDSA_P256);
	struct verify_result result;
	const struct change as_is = changes[0], only_v1 = changes[1];
	struct key *three[] = {other, stranger, public};
	assert_int_equal(verify_change(&as_is, webhook_names, three, 3, TIME, &result), VERDICT_VERIFIED);
	assert_int_equal(result.key_index, 2);
	assert_int_equal(verify_change(&as_is, webhook_names, three, 2, TIME, &result), VERDICT_WRONG);
	assert_int_equal(verify_change(&only_v1, webhook_names, three, 3, TIME, &result), VERDICT_WRONG);
	assert_int_equal(verify_change(&as_is, webhook_names, three, 0, TIME, &result), VERDICT_WRONG);
	struct key *private[] = {p256, pair, good};
	assert_int_equal(verify_change(&as_is, webhook_names, private, 3, TIME, &result), VERDICT_VERIFIED);
	assert_int_equal(result.key_index, 1);
	assert_int_equal(verify_change(&as_is, webhook_names, private, 1, TIME, &result), VERDICT_WRONG);
	struct key *all[] = {good, pair, public, other, stranger, p256};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		key_unref(all[i]);
}

static void
test_standard_tolerance(void **state)
{
	(void)state;
	struct key *key = parse(SCHEME_STANDARD, SECRET);
	static const struct {
		int64_t seconds;
		enum verdict verdict;
	} cases[] = {
	    {-301, VERDICT_STALE},
	    {-300, VERDICT_VERIFIED},
	    {300, VERDICT_VERIFIED},
	    {301, VERDICT_STALE},
	    {10000000, VERDICT_STALE},
	};
	struct verify_result result;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t now = TIME + cases[i].seconds;
		assert_int_equal(verify_change(&changes[0], webhook_names, &key, 1, now, &result), cases[i].verdict);
		/* A wrong signature is wrong, however old it claims to be. */
		struct change wrong = {.signature = WRONG_V1};
		assert_int_equal(verify_change(&wrong, webhook_names, &key, 1, now, &result), VERDICT_WRONG);
	}
	key_unref(key);
}

/* One signature, two ways to cut the signed bytes: the second way must not pass. */
static void
test_standard_cut(void **state)
{
	(void)state;
	struct key *key = parse(SCHEME_STANDARD, SECRET);
	struct arena arena = ARENA_EMPTY;
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.id = SLICE("msg_1"), .timestamp = 1500000000, .body = SLICE("1614265330.25")};
	assert_int_equal(sign_request(SCHEME_STANDARD, &key, 1, &input, &arena, &headers, NULL), OK);
	items[0].value = SLICE("msg_1.1500000000");
	items[1].value = SLICE("1614265330");
	struct verify_input cut = {.headers = headers, .body = SLICE("25"), .now = {(int64_t)TIME * 1000000}};
	struct verify_result result;
	verify_request(SCHEME_STANDARD, &key, 1, &cut, &arena, &result);
	assert_int_equal(result.verdict, VERDICT_MALFORMED);
	/* Other dots in an id do no harm. */
	input.id = SLICE("order.42.1");
	headers.count = 0;
	assert_int_equal(sign_request(SCHEME_STANDARD, &key, 1, &input, &arena, &headers, NULL), OK);
	struct verify_input whole = {.headers = headers, .body = input.body, .now = {input.timestamp * 1000000}};
	verify_request(SCHEME_STANDARD, &key, 1, &whole, &arena, &result);
	assert_int_equal(result.verdict, VERDICT_VERIFIED);
	/* A header that comes twice is refused: which one was signed is anyone's guess. */
	items[headers.count++] = items[0];
	whole.headers = headers;
	verify_request(SCHEME_STANDARD, &key, 1, &whole, &arena, &result);
	assert_int_equal(result.verdict, VERDICT_MALFORMED);
	key_unref(key);
	arena_free(&arena);
}

/* --- legacy -------------------------------------------------------------------------------------------- */

/* The one published HMAC-SHA256 vector over a short text with a short secret. */
static void
test_legacy_vector(void **state)
{
	(void)state;
	struct key *key = parse(SCHEME_LEGACY, "secret");
	struct arena arena = ARENA_EMPTY;
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.body = SLICE("1636936200.hello !")};
	assert_int_equal(sign_request(SCHEME_LEGACY, &key, 1, &input, &arena, &headers, NULL), OK);
	assert_int_equal(headers.count, 1);
	assert_true(slice_is(items[0].name, "x-sha2-signature"));
	assert_true(slice_is(items[0].value, "1b3d69df55f1e52f05224ba94a5162abeb17ef52cd7f4948c390f810d6a87e98"));
	key_unref(key);
	arena_free(&arena);
}

static enum verdict
verify_legacy(const char *signed_body, const char *body, const char *changed_signature, struct verify_result *result,
    struct arena *arena)
{
	struct key *keys[] = {parse(SCHEME_LEGACY, "not this one"), parse(SCHEME_LEGACY, " p@ss word\\")};
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.body = slice_of(signed_body)};
	assert_int_equal(sign_request(SCHEME_LEGACY, keys + 1, 1, &input, arena, &headers, NULL), OK);
	items[0].name = SLICE("X-Sha2-Signature");
	if (changed_signature != NULL)
		items[0].value = slice_of(changed_signature);
	items[1] = (struct http_header){SLICE("webhook-id"), SLICE("unsigned")};
	headers.count = 2;
	struct verify_input request = {.headers = headers, .body = slice_of(body), .now = {1}};
	verify_request(SCHEME_LEGACY, keys, 2, &request, arena, result);
	key_unref(keys[0]);
	key_unref(keys[1]);
	return result->verdict;
}

static void
test_legacy_verify(void **state)
{
	(void)state;
	static const char body[] =
	    "{\"type\":\"X\",\"messageId\":\"a1\\u002db2\",\"payload\":{\"messageId\":\"inner\"}}";
	struct arena arena = ARENA_EMPTY;
	struct verify_result result;
	assert_int_equal(verify_legacy(body, body, NULL, &result, &arena), VERDICT_VERIFIED);
	assert_true(slice_is(result.event_id, "a1-b2"));
	assert_int_equal(result.key_index, 1);
	assert_int_equal(verify_legacy(body, "{\"messageId\":\"b\"}", NULL, &result, &arena), VERDICT_WRONG);
	assert_int_equal(verify_legacy(body, body, "", &result, &arena), VERDICT_MALFORMED);
	assert_int_equal(verify_legacy(body, body, "1b3d", &result, &arena), VERDICT_MALFORMED);
	static const char wrong[] = "1b3d69df55f1e52f05224ba94a5162abeb17ef52cd7f4948c390f810d6a87e98";
	assert_int_equal(verify_legacy(body, body, wrong, &result, &arena), VERDICT_WRONG);
	static const char *const without_id[] = {"{}", "[]", "not JSON", "", "{\"messageId\":7}",
	    "{\"messageId\":\"\"}", "{\"messageId\":\"a b\"}", "{\"payload\":{\"messageId\":\"x\"}}"};
	for (size_t i = 0; i < COUNT_OF(without_id); i++)
		assert_int_equal(verify_legacy(without_id[i], without_id[i], NULL, &result, &arena), VERDICT_NO_ID);
	struct verify_input nothing = {.body = SLICE("{}")};
	verify_request(SCHEME_LEGACY, NULL, 0, &nothing, &arena, &result);
	assert_int_equal(result.verdict, VERDICT_MISSING);
	arena_free(&arena);
}

static void
test_names(void **state)
{
	(void)state;
	for (enum sign_scheme i = 0; i < SCHEME_COUNT; i++) {
		enum sign_scheme scheme;
		assert_true(sign_scheme_parse(slice_of(sign_scheme_name(i)), &scheme) && scheme == i);
	}
	enum sign_scheme scheme;
	assert_false(sign_scheme_parse(SLICE("Standard"), &scheme));
	for (enum key_type i = 0; i < KEY_TYPE_COUNT; i++) {
		enum key_type type;
		assert_true(key_type_parse(slice_of(key_type_name(i)), &type) && type == i);
	}
	enum key_type type;
	assert_false(key_type_parse(SLICE(""), &type));
	assert_string_equal(verdict_name(VERDICT_NO_ID), "no_id");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_standard_vectors),
	    cmocka_unit_test(test_sign_refusals),
	    cmocka_unit_test(test_standard_verify),
	    cmocka_unit_test(test_standard_keys),
	    cmocka_unit_test(test_standard_tolerance),
	    cmocka_unit_test(test_standard_cut),
	    cmocka_unit_test(test_legacy_vector),
	    cmocka_unit_test(test_legacy_verify),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
