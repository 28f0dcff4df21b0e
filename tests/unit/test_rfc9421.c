/* HTTP Message Signatures: the examples of RFC 9421 appendix B.2 (keys of B.1), then what a receiver must refuse. */
#include "sign/rfc9421.h"

#include "base/encode.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define TEST_P256                                                                                                      \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"test-key-ecc-p256\","                                             \
	"\"x\":\"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA\",\"y\":\"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0\"," \
	"\"d\":\"UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs\"}"
#define TEST_ED25519                                                                                                   \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"test-key-ed25519\","                                           \
	"\"x\":\"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs\",\"d\":\"n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU\"}"
#define TEST_SHARED "whsec_uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
#define HMAC_KEY "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

enum { CREATED = 1618884473 };
#define BODY "{\"hello\": \"world\"}"

/* A slice in a static initialiser. */
#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		"" literal, sizeof(literal) - 1                                                                        \
	}

static struct key *
parse(const char *text)
{
	struct key *key = NULL;
	struct error error = ERROR_NONE;
	if (key_parse(SCHEME_RFC9421, slice_of(text), &key, &error) != OK)
		fail_msg("%s", error.text);
	return key;
}

/* --- the appendix's examples -------------------------------------------------------------------------- */

static struct http_header request_headers[] = {
    {TEXT("Host"), TEXT("example.com")},
    {TEXT("Date"), TEXT("Tue, 20 Apr 2021 02:07:55 GMT")},
    {TEXT("Content-Type"), TEXT("application/json")},
    {TEXT("Content-Digest"),
	TEXT("sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwE"
	     "mTHWXvJwew==:")},
    {TEXT("Content-Length"), TEXT("18")},
};

static struct verify_input
test_request(void)
{
	return (struct verify_input){
	    .method = SLICE("POST"),
	    .authority = SLICE("example.com"),
	    .path = SLICE("/foo"),
	    .query = SLICE("param=Value&Pet=dog"),
	    .target_uri = SLICE("https://example.com/foo?param=Value&Pet=dog"),
	    .headers = {request_headers, COUNT_OF(request_headers)},
	    .body = SLICE(BODY),
	    .now = {(int64_t)CREATED * 1000000},
	};
}

/* Builds the base for a signature-input and checks it, and the signature over it. */
static void
check_example(const char *input_text, const char *expected_base, const char *key_text, const char *signature_text)
{
	struct arena arena = ARENA_EMPTY;
	struct sfv_dictionary inputs;
	assert_true(sfv_parse(&arena, slice_of(input_text), &inputs));
	assert_int_equal(inputs.count, 1);
	struct buf base;
	buf_init(&base, SIGNATURE_BASE_MAX);
	struct verify_input request = test_request();
	struct verify_result result;
	if (!signature_base(&request, &inputs.items[0], &arena, &base, &result))
		fail_msg("%s", result.reason);
	buf_byte(&base, '\0');
	assert_string_equal(base.data, expected_base);
	base.len--;
	struct slice message = buf_slice(&base), signature = base64_decode(&arena, slice_of(signature_text), false);
	struct key *key = parse(key_text);
	assert_true(key_verify(key, &message, 1, signature));
	struct signature own;
	key_sign(key, &message, 1, &own);
	assert_true(slice_equal(bytes_of(own.bytes, own.length), signature));
	base.data[0] ^= 1;
	assert_false(key_verify(key, &message, 1, signature));
	key_unref(key);
	buf_free(&base);
	arena_free(&arena);
}

static void
test_appendix_b25_hmac(void **state)
{
	(void)state;
	check_example(
	    "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
	    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@authority\": example.com\n\"content-type\": application/json\n"
	    "\"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473;"
	    "keyid=\"test-shared-secret\"",
	    TEST_SHARED, "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

static void
test_appendix_b26_ed25519(void **state)
{
	(void)state;
	check_example("sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");"
		      "created=1618884473;keyid=\"test-key-ed25519\"",
	    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n"
	    "\"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": (\"date\" \"@method\" "
	    "\"@path\" \"@authority\" \"content-type\" "
	    "\"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
	    TEST_ED25519, "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==");
}

/* B.2.4 signs a response, which receivers of webhooks never get, so its base is written out here. */
static void
test_appendix_b24_ecdsa(void **state)
{
	(void)state;
	struct slice base =
	    SLICE("\"@status\": 200\n\"content-type\": application/json\n\"content-digest\": "
		  "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1X"
		  "dEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n\"content-length\": 23\n"
		  "\"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" \"content-length\");"
		  "created=1618884473;keyid=\"test-key-ecc-p256\"");
	struct arena arena = ARENA_EMPTY;
	struct slice signature = base64_decode(&arena,
	    SLICE("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="), false);
	struct key *key = parse(TEST_P256);
	assert_true(key_verify(key, &base, 1, signature));
	struct signature own;
	key_sign(key, &base, 1, &own);
	assert_true(key_verify(key, &base, 1, bytes_of(own.bytes, own.length)));
	own.bytes[5] ^= 1;
	assert_false(key_verify(key, &base, 1, bytes_of(own.bytes, own.length)));
	signature.len--;
	assert_false(key_verify(key, &base, 1, signature));
	key_unref(key);
	arena_free(&arena);
}

/* Every component that is supported, with fields as RFC 9421 section 2.1 joins, trims and unfolds them. */
static void
test_components(void **state)
{
	(void)state;
	struct http_header headers[] = {
	    {SLICE("X-Many"), SLICE("  one ")},
	    {SLICE("x-folded"), SLICE("first \r\n  second\r\n\tthird")},
	    {SLICE("x-MANY"), SLICE("two,three\t")},
	    {SLICE("X-Empty"), SLICE("")},
	};
	struct verify_input request = test_request();
	request.headers = (struct http_headers){headers, COUNT_OF(headers)};
	request.authority = SLICE("Example.COM:443");
	struct arena arena = ARENA_EMPTY;
	struct sfv_dictionary inputs;
	assert_true(sfv_parse(&arena,
	    SLICE(
		"a=( \"@method\" \"@target-uri\" \"@authority\"  \"@scheme\" \"@request-target\" \"@path\" \"@query\" "
		"\"x-many\" \"x-folded\" \"x-empty\" ); created=007;x=-0.50;y;z=?0;t=*a/b; b=:AQI=:;s=\"\\\"\\\\\""),
	    &inputs));
	struct buf base;
	buf_init(&base, SIGNATURE_BASE_MAX);
	struct verify_result result;
	if (!signature_base(&request, &inputs.items[0], &arena, &base, &result))
		fail_msg("%s", result.reason);
	buf_byte(&base, '\0');
	assert_string_equal(base.data,
	    "\"@method\": POST\n\"@target-uri\": https://example.com/foo?param=Value&Pet=dog\n"
	    "\"@authority\": example.com\n\"@scheme\": https\n\"@request-target\": /foo?param=Value&Pet=dog\n"
	    "\"@path\": /foo\n\"@query\": ?param=Value&Pet=dog\n\"x-many\": one, two,three\n"
	    "\"x-folded\": first second third\n\"x-empty\": \n"
	    "\"@signature-params\": (\"@method\" \"@target-uri\" \"@authority\" \"@scheme\" \"@request-target\" "
	    "\"@path\" "
	    "\"@query\" \"x-many\" \"x-folded\" \"x-empty\");created=7;x=-0.5;y;z=?0;t=*a/b;b=:AQI=:;s=\"\\\"\\\\\"");
	buf_free(&base);
	arena_free(&arena);
}

/* --- whole requests ----------------------------------------------------------------------------------- */

/* A signed request that tests then change. */
struct fixture {
	struct key *keys[4];
	size_t key_count;
	struct arena arena;
	struct http_header items[SIGN_HEADERS_MAX + 4];
	struct verify_input request;
};

static void
sign_fixture(struct fixture *f, const char *const *key_texts, size_t count)
{
	*f = (struct fixture){.key_count = count, .arena = ARENA_EMPTY};
	for (size_t i = 0; i < count; i++)
		f->keys[i] = parse(key_texts[i]);
	struct sign_input input = {
	    .method = SLICE("POST"),
	    .authority = SLICE("example.com"),
	    .path = SLICE("/in/custody"),
	    .content_type = SLICE("application/json"),
	    .id = SLICE("msg_1"),
	    .sequence = SLICE("17"),
	    .timestamp = CREATED,
	    .body = SLICE(BODY),
	};
	f->items[0] = (struct http_header){SLICE("Content-Type"), input.content_type};
	f->items[1] = (struct http_header){SLICE("Vaultbell-Sequence"), input.sequence};
	struct http_headers headers = {f->items, 2};
	struct error error = ERROR_NONE;
	if (sign_request(SCHEME_RFC9421, f->keys, count, &input, &f->arena, &headers, &error) != OK)
		fail_msg("%s", error.text);
	assert_int_equal(headers.count, 7);
	f->request = (struct verify_input){
	    .method = input.method,
	    .authority = SLICE("Example.com"),
	    .path = input.path,
	    .headers = headers,
	    .body = input.body,
	    .now = {(int64_t)CREATED * 1000000},
	};
}

static void
sign_fixture_one(struct fixture *f, const char *key_text)
{
	sign_fixture(f, &key_text, 1);
}

static void
free_fixture(struct fixture *f)
{
	for (size_t i = 0; i < f->key_count; i++)
		key_unref(f->keys[i]);
	arena_free(&f->arena);
}

static struct slice *
header(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->request.headers.count; i++)
		if (slice_equal_nocase(f->items[i].name, slice_of(name)))
			return &f->items[i].value;
	fail_msg("no header %s", name);
	return NULL;
}

static void
expect(struct fixture *f, enum verdict verdict)
{
	struct verify_result result;
	verify_request(SCHEME_RFC9421, f->keys, f->key_count, &f->request, &f->arena, &result);
	if (result.verdict != verdict)
		fail_msg("expected %s, got %s: %s", verdict_name(verdict), verdict_name(result.verdict), result.reason);
	assert_true(result.reason[0] != '\0');
	assert_int_equal(slice_present(result.event_id), verdict == VERDICT_VERIFIED);
	if (verdict == VERDICT_VERIFIED)
		assert_true(slice_is(result.event_id, "msg_1"));
}

static const char *const all_keys[] = {TEST_P256, TEST_ED25519, HMAC_KEY};

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all_keys); i++) {
		struct fixture f;
		sign_fixture_one(&f, all_keys[i]);
		expect(&f, VERDICT_VERIFIED);
		f.request.body = SLICE("{\"hello\": \"World\"}");
		expect(&f, VERDICT_WRONG);
		f.request.body = SLICE(BODY);
		f.request.path = SLICE("/in/other");
		expect(&f, VERDICT_WRONG);
		f.request.path = SLICE("/in/custody");
		*header(&f, "vaultbell-sequence") = SLICE("18");
		expect(&f, VERDICT_WRONG);
		*header(&f, "vaultbell-sequence") = SLICE("17");
		*header(&f, "webhook-id") = SLICE("msg_2");
		expect(&f, VERDICT_WRONG);
		free_fixture(&f);
	}
}

/* Three labels; a receiver with any one of the keys accepts, and says which key it was. */
static void
test_several_labels(void **state)
{
	(void)state;
	struct fixture f;
	sign_fixture(&f, all_keys, COUNT_OF(all_keys));
	for (size_t i = 0; i < COUNT_OF(all_keys); i++) {
		struct key *stranger = key_generate(KEY_ED25519);
		struct key *keys[] = {stranger, f.keys[i]};
		struct verify_result result;
		verify_request(SCHEME_RFC9421, keys, 2, &f.request, &f.arena, &result);
		assert_int_equal(result.verdict, VERDICT_VERIFIED);
		assert_int_equal(result.key_index, 1);
		verify_request(SCHEME_RFC9421, keys, 1, &f.request, &f.arena, &result);
		assert_int_equal(result.verdict, VERDICT_WRONG);
		verify_request(SCHEME_RFC9421, keys, 0, &f.request, &f.arena, &result);
		assert_int_equal(result.verdict, VERDICT_WRONG);
		key_unref(stranger);
	}
	free_fixture(&f);
}

static void
test_tolerance(void **state)
{
	(void)state;
	struct fixture f;
	sign_fixture_one(&f, TEST_ED25519);
	static const struct {
		int64_t seconds;
		enum verdict verdict;
	} cases[] = {
	    {-301, VERDICT_STALE},
	    {-300, VERDICT_VERIFIED},
	    {0, VERDICT_VERIFIED},
	    {300, VERDICT_VERIFIED},
	    {301, VERDICT_STALE},
	    {100000000, VERDICT_STALE},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		f.request.now.us = (CREATED + cases[i].seconds) * 1000000;
		expect(&f, cases[i].verdict);
	}
	free_fixture(&f);
}

/* Signs a base of the test's own making, to get signatures that the signer would never make. */
static void
resign(struct fixture *f, const char *input)
{
	struct sfv_dictionary inputs;
	assert_true(sfv_parse(&f->arena, slice_of(input), &inputs));
	struct buf base;
	buf_init(&base, SIGNATURE_BASE_MAX);
	struct verify_result result;
	(void)!signature_base(&f->request, &inputs.items[0], &f->arena, &base, &result);
	struct slice message = buf_slice(&base);
	struct signature signature;
	key_sign(f->keys[0], &message, 1, &signature);
	buf_clear(&base);
	base64_append(&base, bytes_of(signature.bytes, signature.length));
	*header(f, "signature-input") = slice_of(input);
	*header(f, "signature") = arena_printf(&f->arena, "sig1=:%.*s:", SLICE_ARG(buf_slice(&base)));
	buf_free(&base);
}

#define COVERED "sig1=(\"content-digest\" \"webhook-id\" \"@method\")"

static void
test_parameters(void **state)
{
	(void)state;
	static const struct {
		const char *input;
		enum verdict verdict;
	} cases[] = {
	    {COVERED ";created=1618884473", VERDICT_VERIFIED},
	    {COVERED ";created=1618884473;keyid=\"test-key-ed25519\";alg=\"ed25519\";nonce=\"n\";tag=\"t\"",
		VERDICT_VERIFIED},
	    {COVERED ";created=1618884473;something=else", VERDICT_VERIFIED},
	    {COVERED ";created=1618884473;expires=1618884473", VERDICT_VERIFIED},
	    {COVERED ";created=1618884473;expires=1618884472", VERDICT_STALE},
	    {COVERED ";created=1618884473;keyid=\"another\"", VERDICT_WRONG},
	    {COVERED ";created=1618884473;alg=\"hmac-sha256\"", VERDICT_WRONG},
	    {COVERED ";created=1618884473;alg=\"rsa-pss-sha512\"", VERDICT_WRONG},
	    {COVERED, VERDICT_MALFORMED},
	    {COVERED ";created=\"1618884473\"", VERDICT_MALFORMED},
	    {COVERED ";created=1618884473.0", VERDICT_MALFORMED},
	    {COVERED ";created=1618884473;keyid=token", VERDICT_MALFORMED},
	    {COVERED ";created=1618884473;expires=?1", VERDICT_MALFORMED},
	    /* What must be covered, and is not. */
	    {"sig1=(\"@method\" \"webhook-id\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"@method\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=();created=1618884473", VERDICT_MALFORMED},
	    {"sig1=\"content-digest\";created=1618884473", VERDICT_MALFORMED},
	    /* Components that are not supported, not there, or doubled. */
	    {"sig1=(\"content-digest\";sf \"webhook-id\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\";bs);created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\";key=\"sha-256\" \"webhook-id\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\";req);created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"x-trailer\";tr);created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"@query-param\";name=\"a\");created=1618884473",
		VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"@status\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"@target-uri\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"x-absent\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" \"webhook-id\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"Content-Digest\" \"webhook-id\");created=1618884473", VERDICT_MALFORMED},
	    {"sig1=(\"content-digest\" \"webhook-id\" x-token);created=1618884473", VERDICT_MALFORMED},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture f;
		sign_fixture_one(&f, TEST_ED25519);
		resign(&f, cases[i].input);
		expect(&f, cases[i].verdict);
		free_fixture(&f);
	}
}

static void
test_headers(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value; /* value NULL: the header is renamed away */
		enum verdict verdict;
	} cases[] = {
	    {"signature-input", NULL, VERDICT_MISSING},
	    {"signature", NULL, VERDICT_MISSING},
	    {"webhook-id", NULL, VERDICT_MISSING},
	    {"webhook-timestamp", NULL, VERDICT_MALFORMED},
	    {"content-digest", NULL, VERDICT_MALFORMED},
	    {"content-digest", "sha-256=:AAAA:", VERDICT_WRONG},
	    {"content-digest", "sha-256=x", VERDICT_MALFORMED},
	    {"content-digest", "md5=:AAAA:", VERDICT_MALFORMED},
	    {"content-digest", "", VERDICT_MALFORMED},
	    {"webhook-id", "", VERDICT_MALFORMED},
	    {"webhook-id", "a b", VERDICT_MALFORMED},
	    {"signature-input", "sig1", VERDICT_MALFORMED},
	    {"signature-input", "", VERDICT_MALFORMED},
	    {"signature-input", "sig1=(\"webhook-id\" \"content-digest\"", VERDICT_MALFORMED},
	    {"signature", "sig1=:AAAA", VERDICT_MALFORMED},
	    {"signature", "sig1=\"AAAA\"", VERDICT_MALFORMED},
	    {"signature", "sig2=:AAAA:", VERDICT_MALFORMED},
	    {"signature", "sig1=:AAAA:", VERDICT_WRONG},
	    {"signature", "sig1=::", VERDICT_WRONG},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture f;
		sign_fixture_one(&f, TEST_P256);
		struct slice *value = header(&f, cases[i].name);
		if (cases[i].value != NULL)
			*value = slice_of(cases[i].value);
		else
			CONTAINER_OF(value, struct http_header, value)->name = SLICE("x-gone");
		expect(&f, cases[i].verdict);
		free_fixture(&f);
	}
}

/* A digest header with several algorithms: the unknown ones are passed over, the known ones must all fit. */
static void
test_digests(void **state)
{
	(void)state;
#define SHA256_TEXT "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
#define SHA512_TEXT "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
	static const struct {
		const char *digest;
		enum verdict verdict;
	} cases[] = {
	    {SHA256_TEXT, VERDICT_VERIFIED},
	    {SHA512_TEXT, VERDICT_VERIFIED},
	    {"md5=:AAAA:, " SHA512_TEXT ",  " SHA256_TEXT, VERDICT_VERIFIED},
	    {SHA512_TEXT ", sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPA=:", VERDICT_WRONG},
	    {"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPA=:, " SHA512_TEXT, VERDICT_WRONG},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture f;
		sign_fixture_one(&f, TEST_P256);
		*header(&f, "content-digest") = slice_of(cases[i].digest);
		resign(&f, COVERED ";created=1618884473");
		expect(&f, cases[i].verdict);
		free_fixture(&f);
	}
}

/* A header beside the signed one changes the joined value, or is refused where it must be single. */
static void
test_added_headers(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value;
		enum verdict verdict;
	} cases[] = {
	    {"x-other", "1", VERDICT_VERIFIED},
	    {"webhook-timestamp", "1", VERDICT_WRONG},
	    {"webhook-id", "msg_2", VERDICT_MALFORMED},
	    {"content-digest", "sha-256=:AAAA:", VERDICT_MALFORMED},
	    {"signature-input", "sig2=(\"@method\");created=1", VERDICT_VERIFIED},
	    {"signature-input", "sig1=(\"@method\");created=1", VERDICT_MALFORMED},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture f;
		sign_fixture_one(&f, TEST_ED25519);
		f.items[f.request.headers.count++] =
		    (struct http_header){slice_of(cases[i].name), slice_of(cases[i].value)};
		expect(&f, cases[i].verdict);
		free_fixture(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_appendix_b25_hmac),
	    cmocka_unit_test(test_appendix_b26_ed25519),
	    cmocka_unit_test(test_appendix_b24_ecdsa),
	    cmocka_unit_test(test_components),
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_several_labels),
	    cmocka_unit_test(test_tolerance),
	    cmocka_unit_test(test_parameters),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_digests),
	    cmocka_unit_test(test_added_headers),
	};
	return cmocka_run_group_tests_name("rfc9421", tests, NULL, NULL);
}
