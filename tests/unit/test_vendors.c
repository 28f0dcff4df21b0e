/* The schemes of other platforms: requests that an independent implementation signed (tests/vectors), and what becomes of
 * them when any part is changed; then what is particular to each. */
#include "sign/vendor.h"

#include "../vectors/vendors.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { HEADERS_MAX = 16 };

/* A request that a test may change before it is verified. */
struct fixture {
	struct arena arena;
	struct key_list keys;
	enum sign_scheme scheme;
	struct http_header items[HEADERS_MAX];
	struct verify_input input;
	struct verify_result result;
};

static void
add_headers(struct fixture *f, const char *text)
{
	struct slice rest = slice_of(text);
	while (slice_present(rest) && rest.len > 0) {
		struct slice value = slice_cut(&rest, '\n');
		struct slice name = slice_cut(&value, ':');
		assert_true(f->input.headers.count < HEADERS_MAX);
		f->items[f->input.headers.count++] = (struct http_header){name, value};
	}
}

static void
fixture_init(struct fixture *f, enum sign_scheme scheme, const char *keys, const char *headers, const char *body)
{
	*f = (struct fixture){.arena = ARENA_EMPTY, .scheme = scheme};
	struct error error = ERROR_NONE;
	if (key_list_parse(scheme, slice_of(keys), &f->keys, &error) != OK)
		fail_msg("%s: %s", sign_scheme_name(scheme), error.text);
	f->input.method = SLICE("POST");
	f->input.authority = SLICE("gateway.example");
	f->input.path = SLICE("/in/custody");
	f->input.headers.items = f->items;
	f->input.body = slice_of(body);
	f->input.now.us = (int64_t)VECTOR_TIME * 1000000;
	add_headers(f, headers);
}

static void
fixture_free(struct fixture *f)
{
	key_list_free(&f->keys);
	arena_free(&f->arena);
}

static enum verdict
verify(struct fixture *f)
{
	verify_request(f->scheme, f->keys.items, f->keys.count, &f->input, &f->arena, &f->result);
	assert_true(f->result.reason[0] != '\0');
	assert_int_equal(slice_present(f->result.event_id), f->result.verdict == VERDICT_VERIFIED);
	return f->result.verdict;
}

static void
expect(struct fixture *f, const char *what, enum verdict verdict)
{
	if (verify(f) != verdict)
		fail_msg("%s: %s expected, but %s: %s", what, verdict_name(verdict), verdict_name(f->result.verdict),
		    f->result.reason);
}

static void
expect_id(struct fixture *f, const char *what, const char *id)
{
	expect(f, what, VERDICT_VERIFIED);
	if (!slice_is(f->result.event_id, id))
		fail_msg("%s: id %s expected, not %.*s", what, id, SLICE_ARG(f->result.event_id));
}

/* The verdict for a request of its own. */
static void
check(enum sign_scheme scheme, const char *keys, const char *headers, const char *body, enum verdict verdict)
{
	struct fixture f;
	fixture_init(&f, scheme, keys, headers, body);
	expect(&f, headers, verdict);
	fixture_free(&f);
}

static void
start(struct fixture *f, const struct vendor_vector *vector)
{
	fixture_init(f, vector->scheme, vector->keys, vector->headers, vector->body);
}

static const struct vendor_vector *
vector_of(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++)
		if (strcmp(vendor_vectors[i].name, name) == 0)
			return &vendor_vectors[i];
	fail_msg("there is no vector %s", name);
	return NULL;
}

/* --- every vector ----------------------------------------------------------------------------------- */

static void
test_good(void **state)
{
	(void)state;
	bool seen[SCHEME_COUNT] = {false};
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		expect_id(&f, vendor_vectors[i].name, vendor_vectors[i].id);
		assert_int_equal(f.result.key_index, vendor_vectors[i].key);
		seen[vendor_vectors[i].scheme] = true;
		fixture_free(&f);
	}
	for (enum sign_scheme scheme = 0; scheme < SCHEME_COUNT; scheme++)
		assert_int_equal(seen[scheme], !sign_scheme_can_sign(scheme));
}

/* No byte of the body can be another one, nor be missing or added. */
static void
test_tampered_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		size_t length = f.input.body.len;
		char *copy = arena_string(&f.arena, f.input.body);
		f.input.body.ptr = copy;
		for (size_t at = 0; at < length; at++) {
			copy[at] ^= 1;
			enum verdict verdict = verify(&f);
			/* Ripple signs its payload alone, so what stands beside it may change, but not the id. */
			if (verdict == VERDICT_VERIFIED && f.scheme == SCHEME_RIPPLE)
				assert_true(slice_is(f.result.event_id, vendor_vectors[i].id));
			else if (verdict != VERDICT_WRONG && verdict != VERDICT_MALFORMED)
				fail_msg("%s: byte %zu: %s", vendor_vectors[i].name, at, verdict_name(verdict));
			copy[at] ^= 1;
		}
		f.input.body.len = length - 1;
		assert_int_not_equal(verify(&f), VERDICT_VERIFIED);
		fixture_free(&f);
	}
}

/* No header that is there may be missing, empty, twice or changed, where it takes part. */
static void
test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		/* One of two spellings, and one of two signatures, may be missing. */
		bool twins = f.scheme == SCHEME_COBO || f.scheme == SCHEME_FIREBLOCKS;
		for (size_t at = 0; at < f.input.headers.count; at++) {
			struct http_header kept = f.items[at];
			f.items[at].name = SLICE("x-other");
			if (!twins)
				assert_true(verify(&f) == VERDICT_MISSING || f.scheme == SCHEME_COINBASE);
			if (!twins || f.input.headers.count < 2)
				assert_int_not_equal(verify(&f), VERDICT_VERIFIED);
			f.items[at].name = kept.name;
			f.items[at].value = SLICE("");
			assert_int_not_equal(verify(&f), VERDICT_VERIFIED);
			char *changed = arena_string(&f.arena, kept.value);
			changed[kept.value.len - 1] = changed[kept.value.len - 1] == '0' ? '1' : '0';
			f.items[at].value = slice_of(changed);
			if (!(f.scheme == SCHEME_FIREBLOCKS && f.input.headers.count > 1))
				assert_int_not_equal(verify(&f), VERDICT_VERIFIED);
			f.items[at] = kept;
			f.items[f.input.headers.count++] = kept;
			assert_int_equal(verify(&f), VERDICT_MALFORMED);
			f.input.headers.count--;
		}
		fixture_free(&f);
	}
}

static void
test_freshness(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		bool timed = vendor_vectors[i].signed_time;
		int64_t now = f.input.now.us, skew = (int64_t)LIMIT_TIMESTAMP_SKEW_S * 1000000;
		const int64_t inside[] = {now + skew, now - skew},
			      outside[] = {now + skew + 1000000, now - skew - 1000000};
		for (size_t side = 0; side < 2; side++) {
			f.input.now.us = inside[side];
			expect(&f, vendor_vectors[i].name, VERDICT_VERIFIED);
			f.input.now.us = outside[side];
			expect(&f, vendor_vectors[i].name, timed ? VERDICT_STALE : VERDICT_VERIFIED);
		}
		fixture_free(&f);
	}
}

static void
test_wrong_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		struct key *right = f.keys.items[vendor_vectors[i].key];
		/* All but the right one. */
		f.keys.items[vendor_vectors[i].key] = f.keys.items[f.keys.count - 1];
		f.keys.items[f.keys.count - 1] = right;
		f.keys.count--;
		expect(&f, vendor_vectors[i].name, VERDICT_WRONG);
		/* In the last place it fits as well. */
		f.keys.count++;
		expect_id(&f, vendor_vectors[i].name, vendor_vectors[i].id);
		assert_int_equal(f.result.key_index, f.keys.count - 1);
		fixture_free(&f);
	}
}

static void
test_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		f.input.headers.count = 0;
		expect(&f, vendor_vectors[i].name, VERDICT_MISSING);
		fixture_free(&f);
		start(&f, &vendor_vectors[i]);
		size_t count = f.keys.count;
		f.keys.count = 0;
		expect(&f, vendor_vectors[i].name, VERDICT_WRONG);
		f.keys.count = count;
		fixture_free(&f);
	}
}

/* No reason holds a secret, a signature or a piece of the body. */
static void
test_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		for (unsigned change = 0; change < 3; change++) {
			f.input.now.us = change == 1 ? 0 : (int64_t)VECTOR_TIME * 1000000;
			f.input.body = change == 2 ? SLICE("{}") : slice_of(vendor_vectors[i].body);
			if (change == 0)
				f.items[0].value = SLICE("sentinel-value");
			verify(&f);
			assert_null(strstr(f.result.reason, "sentinel-value"));
			assert_null(strstr(f.result.reason, "secret"));
			assert_null(strstr(f.result.reason, "evt"));
			f.items[0].value = slice_of("x");
		}
		fixture_free(&f);
	}
}

/* --- one by one ------------------------------------------------------------------------------------- */

#define UNKNOWN_ID "0000000000000000000000000000000000000000000000000000000000000000"

static void
test_fireblocks_jws(void **state)
{
	(void)state;
	static const struct {
		const char *header; /* in base64url */
		bool good;
	} cases[] = {
	    /* {"alg":"RS512","kid":"k"} */
	    {"eyJhbGciOiJSUzUxMiIsImtpZCI6ImsifQ", true},
	    /* {"alg":"RS256","kid":"k"}, {"alg":"none","kid":"k"}, {"alg":"HS512","kid":"k"}, {"alg":"RS512"} */
	    {"eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ", false},
	    {"eyJhbGciOiJub25lIiwia2lkIjoiayJ9", false},
	    {"eyJhbGciOiJIUzUxMiIsImtpZCI6ImsifQ", false},
	    {"eyJhbGciOiJSUzUxMiJ9", false},
	    /* {"alg":"RS512","kid":"k","crit":["b64"],"b64":false}, {"alg":"RS512","kid":"k","b64":false} */
	    {"eyJhbGciOiJSUzUxMiIsImtpZCI6ImsiLCJjcml0IjpbImI2NCJdLCJiNjQiOmZhbHNlfQ", false},
	    {"eyJhbGciOiJSUzUxMiIsImtpZCI6ImsiLCJiNjQiOmZhbHNlfQ", false},
	    /* {"alg":"RS512","alg":"none","kid":"k"}, {"alg":"RS512","kid":""}, "x" */
	    {"eyJhbGciOiJSUzUxMiIsImFsZyI6Im5vbmUiLCJraWQiOiJrIn0", false},
	    {"eyJhbGciOiJSUzUxMiIsImtpZCI6IiJ9", false},
	    {"Ingi", false},
	    {"", false},
	    {"!", false},
	};
	struct arena arena = ARENA_EMPTY;
	struct jws jws;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct slice text = arena_printf(&arena, "%s..AAAA", cases[i].header);
		assert_int_equal(jws_read_detached(&arena, text, &jws), cases[i].good);
	}
	static const char *const shapes[] = {"%s.AAAA", "%s.e30.AAAA", "%s..", "%s..AAAA.", "%s..A", "%s", ".."};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		char text[256];
		size_t at = 0;
		for (const char *from = shapes[i]; *from != '\0'; from++) {
			if (from[0] == '%' && from[1] == 's') {
				memcpy(text + at, cases[0].header, strlen(cases[0].header));
				at += strlen(cases[0].header);
				from++;
			} else {
				text[at++] = *from;
			}
		}
		assert_false(jws_read_detached(&arena, (struct slice){text, at}, &jws));
	}
	arena_free(&arena);
}

/* A key with an id verifies the JWS, one without the older header, and neither the other's. */
static void
test_fireblocks_keys(void **state)
{
	(void)state;
	const struct vendor_vector *named = vector_of("fireblocks v2, a key a line"),
				   *fixed = vector_of("fireblocks v1");
	struct fixture f;
	fixture_init(&f, SCHEME_FIREBLOCKS, fixed->keys, named->headers, named->body);
	expect(&f, "a fixed key for a JWS", VERDICT_WRONG);
	fixture_free(&f);
	fixture_init(&f, SCHEME_FIREBLOCKS, named->keys, fixed->headers, fixed->body);
	expect(&f, "a named key for the older header", VERDICT_WRONG);
	fixture_free(&f);
	/* A bad header is refused beside a good one. */
	start(&f, vector_of("fireblocks, both headers and the fixed key"));
	f.items[0].value = SLICE("x..y");
	expect(&f, "a bad JWS", VERDICT_MALFORMED);
	fixture_free(&f);
}

static void
test_dfns(void **state)
{
	(void)state;
	struct fixture first, again;
	start(&first, vector_of("dfns"));
	start(&again, vector_of("dfns, tried again"));
	expect_id(&first, "dfns", "whe-1");
	expect_id(&again, "dfns, tried again", "whe-1");
	assert_false(slice_equal(first.input.body, again.input.body));
	assert_true(slice_present(first.result.content));
	assert_true(slice_equal(first.result.content, again.result.content));
	struct slice text = slice_trim(first.items[0].value);
	first.items[0].value = slice_skip(text, strlen("sha256="));
	expect(&first, "without the prefix", VERDICT_MALFORMED);
	fixture_free(&first);
	fixture_free(&again);
}

/* What is not signed beside Ripple's payload makes no other event of it. */
static void
test_ripple_envelope(void **state)
{
	(void)state;
	const struct vendor_vector *vector = vector_of("ripple");
	struct fixture f;
	start(&f, vector);
	struct json object = vendor_object(f.input.body);
	struct slice payload = json_member(object, "payload").raw;
	f.input.body = arena_printf(&f.arena, "{ \"payload\": %.*s, \"timestamp\": \"later\" }", SLICE_ARG(payload));
	expect_id(&f, "another envelope", vector->id);
	assert_int_equal(f.result.content.len, payload.len - 2);
	f.input.body = arena_printf(&f.arena, "{\"payload\":\"AAAA\",\"payload\":%.*s}", SLICE_ARG(payload));
	expect(&f, "two payloads", VERDICT_MALFORMED);
	f.input.body = SLICE("{\"payload\":7}");
	expect(&f, "no text", VERDICT_MALFORMED);
	fixture_free(&f);
}

static void
test_circle_ids(void **state)
{
	(void)state;
	const struct vendor_vector *vector = vector_of("circle, PEM");
	struct fixture f;
	start(&f, vector);
	f.items[0].value = SLICE("another-id");
	expect(&f, "another key id", VERDICT_WRONG);
	fixture_free(&f);
	struct key_list keys;
	struct slice unnamed = slice_of(strstr(vector->keys, "-----BEGIN"));
	assert_int_equal(key_list_parse(SCHEME_CIRCLE, unnamed, &keys, NULL), ERR_INVALID);
}

static void
test_coinbase(void **state)
{
	(void)state;
	/* The published vector of the body's code; its body is no JSON, so nothing names the event. */
	struct fixture f;
	fixture_init(&f, SCHEME_COINBASE, "secret",
	    "X-Hook0-Signature: t=1636936200,v0=1b3d69df55f1e52f05224ba94a5162abeb17ef52cd7f4948c390f810d6a87e98",
	    "hello !");
	f.input.now.us = (int64_t)1636936200 * 1000000;
	expect(&f, "the published vector", VERDICT_NO_ID);
	f.input.now.us += (int64_t)301 * 1000000;
	expect(&f, "the published vector, later", VERDICT_STALE);
	f.input.body = SLICE("hello ?");
	expect(&f, "another body", VERDICT_WRONG);
	fixture_free(&f);
	/* Where v1 is there, a v0 that fits does not help it. */
	start(&f, vector_of("coinbase, v0 and v1"));
	char *header = arena_string(&f.arena, f.items[2].value);
	size_t length = strlen(header);
	header[length - 1] = header[length - 1] == '0' ? '1' : '0';
	f.items[2].value = slice_of(header);
	expect(&f, "a wrong v1 beside a good v0", VERDICT_WRONG);
	fixture_free(&f);
	/* Nor is the same body another event without its v1. */
	start(&f, vector_of("coinbase, v0"));
	struct fixture both;
	start(&both, vector_of("coinbase, v0 and v1"));
	expect(&f, "v0", VERDICT_VERIFIED);
	expect_id(&both, "v0 and v1", arena_string(&f.arena, f.result.event_id));
	/* A covered header must be plain. */
	both.items[1].value = SLICE("evt-1.{");
	expect(&both, "a value with a brace", VERDICT_MALFORMED);
	fixture_free(&both);
	fixture_free(&f);
}

static void
test_hook0_forms(void **state)
{
	(void)state;
#define CODE UNKNOWN_ID
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"t=1,v0=" CODE, true},
	    {"v0=" CODE ", t=1", true},
	    {"t=1,x=y,v0=" CODE, true},
	    {"t=1,h=a b,v1=" CODE, true},
	    {"t=1,v0=" CODE ",h=a,v1=" CODE, true},
	    {"", false},
	    {"t=1", false},
	    {"v0=" CODE, false},
	    {"t=,v0=" CODE, false},
	    {"t=-1,v0=" CODE, false},
	    {"t=1e3,v0=" CODE, false},
	    {"t=1234567890123,v0=" CODE, false},
	    {"t=1,t=1,v0=" CODE, false},
	    {"t=1,v0=" CODE ",v0=" CODE, false},
	    {"t=1,v0=" CODE ",v1=", false},
	    {"t=1,v0=00", false},
	    {"t=1,v1=" CODE, false},
	    {"t=1,h=,v1=" CODE, false},
	    {"t=1,h=a.b,v1=" CODE, false},
	    {"t=1,,v0=" CODE, false},
	    {"t=1,v0=" CODE ",", false},
	    {"t=1 v0=" CODE, false},
	};
#undef CODE
	struct arena arena = ARENA_EMPTY;
	struct hook0 hook0;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (hook0_read(&arena, slice_of(cases[i].text), &hook0) != cases[i].good)
			fail_msg("%s", cases[i].text);
	arena_free(&arena);
}

/* --- hmac ------------------------------------------------------------------------------------------- */

static void
test_hmac_rules(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"header=X-Sig", true},
	    {"  header=X-Sig   encoding=hex  ", true},
	    {"header=X-Sig signed={timestamp}{body} timestamp=T", true},
	    {"header=X-Sig signed={timestamp}{id}{body} timestamp=T id=body:eventId", true},
	    {"header=X-Sig signed={id}.{body} id=header:X-Id", true},
	    {"header=X-Sig signed=a%7Bb{body}", true},
	    {"", false},
	    {"encoding=hex", false},
	    {"header=", false},
	    {"header=a:b", false},
	    {"header=X-Sig color=red", false},
	    {"header", false},
	    {"header=X-Sig encoding=utf8", false},
	    {"header=X-Sig algorithm=md5", false},
	    {"header=X-Sig secret=file", false},
	    {"header=X-Sig signed={timestamp}", false},
	    {"header=X-Sig signed={timestamp}.{body}", false},
	    {"header=X-Sig timestamp=T", false},
	    {"header=X-Sig signed={body}{body}", false},
	    {"header=X-Sig signed={path}.{body}", false},
	    {"header=X-Sig signed={body", false},
	    {"header=X-Sig prefix=%zz", false},
	    {"header=X-Sig id=query:x", false},
	    {"header=X-Sig id=body:", false},
	    /* An unsigned header never gives the id, and a signed one needs its limits. */
	    {"header=X-Sig id=header:X-Id", false},
	    {"header=X-Sig signed={id}{body} id=header:X-Id", false},
	    {"header=X-Sig signed={timestamp}{id}.{body} timestamp=T id=header:X-Id", false},
	    {"header=X-Sig signed={id}.{body}", false},
	    {"header=X-Sig signed={timestamp}0{body} timestamp=T", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct hmac_rule *rule;
		struct error error = ERROR_NONE;
		bool good = hmac_rule_parse(slice_of(cases[i].text), &rule, &error) == OK;
		if (good != cases[i].good)
			fail_msg("%s: %s", cases[i].text, error.text);
		if (!good)
			assert_true(error.text[0] != '\0');
		hmac_rule_free(rule);
	}
}

static void
test_hmac_requests(void **state)
{
	(void)state;
	static const char timed[] = "#hmac header=S signed={timestamp}{body} timestamp=T\nsecret";
	static const char named[] = "#hmac header=S signed={id}.{body} id=header:I\nsecret";
	static const char copied[] = "#hmac header=S signed={id}{body} id=body:a.id\nsecret";
	check(SCHEME_HMAC, timed, "S: 00\nT: soon\n", "{}", VERDICT_MALFORMED);
	check(SCHEME_HMAC, timed, "S: 00\n", "{}", VERDICT_MISSING);
	check(SCHEME_HMAC, timed, "T: 1\n", "{}", VERDICT_MISSING);
	check(SCHEME_HMAC, timed, "S: zz\nT: 1\n", "{}", VERDICT_MALFORMED);
	check(SCHEME_HMAC, timed, "S: 00\nT: 1\n", "7", VERDICT_MALFORMED);
	check(SCHEME_HMAC, timed, "S: 00\nT: 1\n", "{}", VERDICT_WRONG);
	check(SCHEME_HMAC, named, "S: 00\nI: a.b\n", "{}", VERDICT_MALFORMED);
	check(SCHEME_HMAC, named, "S: 00\nI: a b\n", "{}", VERDICT_MALFORMED);
	check(SCHEME_HMAC, named, "S: 00\nI: ab\n", "{}", VERDICT_WRONG);
	check(SCHEME_HMAC, copied, "S: 00\n", "{\"a\":{}}", VERDICT_MALFORMED);
	check(SCHEME_HMAC, copied, "S: 00\n", "{\"a\":{\"id\":\"x\"}}", VERDICT_WRONG);
	check(SCHEME_HMAC, "#hmac header=S prefix=v1,\nsecret", "S: v2,00\n", "{}", VERDICT_MALFORMED);
}

/* --- ids -------------------------------------------------------------------------------------------- */

static void
test_ids(void **state)
{
	(void)state;
	static const char hashed[] = "the SHA-256 of the body";
	static const struct {
		const char *body, *id; /* NULL: refused */
	} cases[] = {
	    {"{\"a\":{\"id\":\"x\"}}", "x"},
	    {"{\"a\":{\"id\":42}}", "42"},
	    {"{\"a\":{\"id\":\"\\u0078\"}}", "x"},
	    {"{\"a\":{\"id\":\"\"}}", NULL},
	    {"{\"a\":{\"id\":\"a b\"}}", NULL},
	    {"{\"a\":{\"id\":1.5}}", NULL},
	    {"{\"a\":{\"id\":{}}}", NULL},
	    {"no JSON", NULL},
	    {"", NULL},
	    {"{}", hashed},
	    {"[]", hashed},
	    {"{\"a\":7}", hashed},
	    {"{\"a\":{\"id\":null}}", hashed},
	};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct verify_input input = {.body = slice_of(cases[i].body)};
		struct verify_result result = {.verdict = VERDICT_WRONG};
		vendor_accept_body(&input, "a.id", &arena, &result);
		assert_int_equal(result.verdict, cases[i].id == NULL ? VERDICT_NO_ID : VERDICT_VERIFIED);
		if (cases[i].id == hashed)
			assert_true(slice_equal(result.event_id, vendor_sha256_hex(&arena, input.body)));
		else if (cases[i].id != NULL)
			assert_true(slice_is(result.event_id, cases[i].id));
	}
	assert_true(slice_is(vendor_sha256_hex(&arena, SLICE("{}")),
	    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
	arena_free(&arena);
}

static void
test_times(void **state)
{
	(void)state;
	int64_t seconds;
	assert_true(vendor_time_read(SLICE("1730482675"), &seconds) && seconds == 1730482675);
	assert_true(vendor_time_read(SLICE("1730482675999"), &seconds) && seconds == 1730482675);
	assert_true(vendor_time_read(SLICE("99999999999"), &seconds) && seconds == 99999999999);
	assert_false(vendor_time_read(SLICE(""), &seconds));
	assert_false(vendor_time_read(SLICE("-1"), &seconds));
	assert_false(vendor_time_read(SLICE("1730482675.5"), &seconds));
	assert_false(vendor_time_read(SLICE("99999999999999999999"), &seconds));
}

/* --- keys ------------------------------------------------------------------------------------------- */

#define P256_JWK                                                                                                       \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA\","                     \
	"\"y\":\"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0\"}"

static void
test_key_texts(void **state)
{
	(void)state;
	static const struct {
		enum sign_scheme scheme;
		const char *text;
		size_t line; /* that the error names; 0: none */
	} bad[] = {
	    {SCHEME_BITGO, "", 0},
	    {SCHEME_BITGO, "# nothing\n", 0},
	    {SCHEME_BITGO, "good\n\x01\n", 2},
	    {SCHEME_FORDEFI, "secret\n", 1},
	    {SCHEME_FORDEFI, "\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 2},
	    {SCHEME_FORDEFI, "-----BEGIN PUBLIC KEY-----\nAAAA\n", 1},
	    {SCHEME_FORDEFI, "{\"keys\":[]}", 0},
	    {SCHEME_FORDEFI, "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", 1},
	    {SCHEME_FIREBLOCKS, P256_JWK "\n", 1},
	    {SCHEME_FIREBLOCKS, "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", 1},
	    {SCHEME_CIRCLE, P256_JWK "\n", 1},
	    {SCHEME_COBO, "00\n", 1},
	    {SCHEME_HMAC, "secret\n", 1},
	    {SCHEME_HMAC, "#hmac header=X\n#hmac header=Y\nsecret\n", 2},
	    {SCHEME_HMAC, "#hmac header=X secret=hex\nsecret\n", 2},
	    {SCHEME_HMAC, "#hmac header=X\n", 0},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct key_list keys;
		struct error error = ERROR_NONE;
		if (key_list_parse(bad[i].scheme, slice_of(bad[i].text), &keys, &error) == OK)
			fail_msg("%s", bad[i].text);
		char line[24];
		snprintf(line, sizeof line, "line %zu: ", bad[i].line);
		if (bad[i].line > 0 && strncmp(error.text, line, strlen(line)) != 0)
			fail_msg("%s: %s", bad[i].text, error.text);
		assert_null(strstr(error.text, "AAAA"));
	}
	struct buf many;
	buf_init(&many, 4096);
	for (int i = 0; i <= LIMIT_SECRETS; i++)
		buf_printf(&many, "secret %d\n", i);
	struct key_list keys;
	assert_int_equal(key_list_parse(SCHEME_BITGO, buf_slice(&many), &keys, NULL), ERR_LIMIT);
	buf_free(&many);
}

/* A key's own text gives the same key again. */
static void
test_key_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vendor_vectors); i++) {
		struct fixture f;
		start(&f, &vendor_vectors[i]);
		for (size_t at = 0; at < f.keys.count; at++) {
			struct secret text = key_private_text(f.keys.items[at]);
			struct key *again = NULL;
			struct error error = ERROR_NONE;
			if (key_parse(f.scheme, secret_reveal(&text), &again, &error) != OK)
				fail_msg("%s: %s", vendor_vectors[i].name, error.text);
			assert_true(slice_equal(key_id(again), key_id(f.keys.items[at])));
			assert_int_equal(key_type(again), key_type(f.keys.items[at]));
			key_unref(f.keys.items[at]);
			f.keys.items[at] = again;
			secret_free(&text);
		}
		if (f.scheme != SCHEME_COPPER || f.keys.count > 1)
			expect_id(&f, vendor_vectors[i].name, vendor_vectors[i].id);
		fixture_free(&f);
	}
}

/* --- the table -------------------------------------------------------------------------------------- */

static void
test_table(void **state)
{
	(void)state;
	struct buf names;
	buf_init(&names, 4096);
	for (enum sign_scheme scheme = 0; scheme < SCHEME_COUNT; scheme++)
		buf_printf(&names, "%s%s", scheme == 0 ? "" : ", ", sign_scheme_name(scheme));
	assert_true(slice_is(buf_slice(&names), SIGN_SCHEME_NAMES));
	buf_free(&names);
	struct arena arena = ARENA_EMPTY;
	struct http_header items[SIGN_HEADERS_MAX];
	struct http_headers headers = {items, 0};
	struct sign_input input = {.id = SLICE("a"), .body = SLICE("{}")};
	struct key *key = key_generate(KEY_HMAC);
	for (enum sign_scheme scheme = 0; scheme < SCHEME_COUNT; scheme++) {
		assert_int_equal(sign_scheme_can_sign(scheme), scheme <= SCHEME_LEGACY);
		assert_int_equal(sign_scheme_signs_with(scheme, KEY_HMAC), scheme <= SCHEME_LEGACY);
		assert_false(sign_scheme_signs_with(scheme, KEY_RSA));
		if (!sign_scheme_can_sign(scheme))
			assert_int_equal(sign_request(scheme, &key, 1, &input, &arena, &headers, NULL), ERR_INVALID);
	}
	enum key_type type;
	assert_string_equal(key_type_name(KEY_RSA), "rsa");
	assert_false(key_type_parse(SLICE("rsa"), &type));
	key_unref(key);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_tampered_body),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_freshness),
	    cmocka_unit_test(test_wrong_keys),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_fireblocks_jws),
	    cmocka_unit_test(test_fireblocks_keys),
	    cmocka_unit_test(test_dfns),
	    cmocka_unit_test(test_ripple_envelope),
	    cmocka_unit_test(test_circle_ids),
	    cmocka_unit_test(test_coinbase),
	    cmocka_unit_test(test_hook0_forms),
	    cmocka_unit_test(test_hmac_rules),
	    cmocka_unit_test(test_hmac_requests),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_key_texts),
	    cmocka_unit_test(test_key_round_trip),
	    cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
