/* Inputs of the management API: what is read, what is a fault, and that faults are all told at once. */
#include "model/versions.h"
#include "server/endpoint_keys.h"
#include "server/in.h"
#include "server/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct check check;
	struct in in;
	struct config config;
};

static struct fixture
fixture(bool patch)
{
	return (struct fixture){.in = {.patch = patch}};
}

static struct json
parsed(struct fixture *fixture, const char *text)
{
	struct json json;
	check_init(&fixture->check, &fixture->arena, "body");
	fixture->in.arena = &fixture->arena;
	fixture->in.check = &fixture->check;
	assert_int_equal(json_parse(slice_of(text), LIMIT_JSON_DEPTH, &json, NULL), OK);
	return json;
}

static void
assert_fault(const struct fixture *fixture, size_t at, const char *member, const char *type)
{
	assert_true(at < fixture->check.count);
	assert_string_equal(fixture->check.items[at].loc[1], member);
	assert_string_equal(fixture->check.items[at].type, type);
}

static void
assert_text(struct slice text, const char *expected)
{
	assert_true(slice_is(text, expected));
}

/* --- organisations ----------------------------------------------------------------------------------- */

static void
test_organisation_defaults(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct organisation_in in;
	organisation_in_read(&f.in, parsed(&f, "{\"name\":\"A\\u0062\",\"unknown\":[{}]}"), &in);
	assert_int_equal(f.check.count, 0);
	assert_text(in.value.name, "Ab");
	assert_false(slice_present(in.value.uid));
	assert_text(in.value.metadata, "{}");
	assert_true(in.uid_given && in.metadata_given && in.throttle_rate_given);
	arena_free(&f.arena);
}

static void
test_organisation_tells_all_faults(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct organisation_in in;
	organisation_in_read(
	    &f.in, parsed(&f, "{\"name\":5,\"uid\":\"app_x\",\"throttleRate\":1.5,\"metadata\":{\"a\":1}}"), &in);
	assert_int_equal(f.check.count, 4);
	assert_fault(&f, 0, "name", CHECK_DECODE);
	assert_fault(&f, 1, "uid", CHECK_VALUE);
	assert_fault(&f, 2, "throttleRate", CHECK_DECODE);
	assert_fault(&f, 3, "metadata", CHECK_DECODE);
	arena_free(&f.arena);
}

static void
test_organisation_patch_writes_what_is_given(void **state)
{
	(void)state;
	struct fixture f = fixture(true);
	struct organisation_in in;
	struct organisation organisation = {.name = SLICE("old"), .uid = SLICE("uid"), .throttle_rate = 7};
	organisation_in_read(&f.in, parsed(&f, "{\"uid\":null,\"rateLimit\":9}"), &in);
	assert_int_equal(f.check.count, 0);
	organisation_in_apply(&in, &organisation);
	assert_text(organisation.name, "old");
	assert_false(slice_present(organisation.uid));
	assert_int_equal(organisation.throttle_rate, 9);
	organisation_in_read(&f.in, parsed(&f, "{\"name\":null}"), &in);
	assert_fault(&f, 0, "name", CHECK_DECODE);
	arena_free(&f.arena);
}

static void
test_metadata_limits(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct organisation_in in;
	organisation_in_read(&f.in, parsed(&f, "{\"name\":\"a\",\"metadata\":{\"a\":\"1\",\"\\u0061\":\"2\"}}"), &in);
	assert_fault(&f, 0, "metadata", CHECK_VALUE);
	struct slice large = arena_printf(&f.arena, "{\"name\":\"a\",\"metadata\":{\"a\":\"%04096d\"}}", 0);
	organisation_in_read(&f.in, parsed(&f, large.ptr), &in);
	assert_fault(&f, 0, "metadata", CHECK_VALUE);
	arena_free(&f.arena);
}

/* --- endpoints --------------------------------------------------------------------------------------- */

static void
test_url_normalise(void **state)
{
	(void)state;
	static const struct {
		const char *given, *normal;
	} cases[] = {
	    {"HTTPS://EXAMPLE.com", "https://example.com/"},
	    {"https://example.com:443/A?b=C#d", "https://example.com/A?b=C"},
	    {"http://example.com:80?q", "http://example.com/?q"},
	    {"https://example.com:08443/", "https://example.com:8443/"},
	    {"https://[2001:DB8::1]:9/x", "https://[2001:db8::1]:9/x"},
	    {"https://example.com:/", "https://example.com/"},
	    {"https://a@example.com/", NULL},
	    {"https://example.com:0/", NULL},
	    {"https://example.com:65536/", NULL},
	    {"https://exa mple.com/", NULL},
	    {"https:/example.com/", NULL},
	    {"https://", NULL},
	    {"https://[::1/", NULL},
	    {"https://ex\xc3\xa4mple.com/", NULL},
	    {"https://example.com\\@evil/", NULL},
	    {"file:///etc/passwd", NULL},
	    {"example.com", NULL},
	    {"", NULL},
	};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *reason = NULL;
		struct slice url = url_normalise(&arena, slice_of(cases[i].given), &reason);
		if (cases[i].normal == NULL) {
			assert_false(slice_present(url));
			assert_non_null(reason);
		} else {
			assert_text(url, cases[i].normal);
			assert_true(slice_equal(url_normalise(&arena, url, &reason), url));
		}
	}
	arena_free(&arena);
}

static void
test_endpoint_http_needs_permission(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct endpoint_in in;
	const char *body = "{\"url\":\"http://example.com/\"}";
	/* Whether it may be so without `delivery.allow_http` depends on the organisation, which the store knows. */
	endpoint_in_read(&f.in, parsed(&f, body), &f.config, &in);
	assert_int_equal(f.check.count, 0);
	f.config.delivery_https_only = true;
	endpoint_in_read(&f.in, parsed(&f, body), &f.config, &in);
	assert_fault(&f, 0, "url", CHECK_VALUE);
	arena_free(&f.arena);
}

static void
test_endpoint_both_names_of_types(void **state)
{
	(void)state;
	struct fixture f = fixture(true);
	struct endpoint_in in;
	endpoint_in_read(&f.in, parsed(&f, "{\"filterTypes\":[\"a\",\"b\",\"a\"]}"), &f.config, &in);
	assert_true(in.event_types_given);
	assert_int_equal(in.value.event_types.count, 2);
	endpoint_in_read(&f.in, parsed(&f, "{\"filterTypes\":[\"a\"],\"eventTypes\":[\"c\"]}"), &f.config, &in);
	assert_text(in.value.event_types.items[0], "c");
	endpoint_in_read(&f.in, parsed(&f, "{\"eventTypes\":null}"), &f.config, &in);
	assert_true(in.event_types_given);
	assert_int_equal(in.value.event_types.count, 0);
	endpoint_in_read(&f.in, parsed(&f, "{\"filterTypes\":[]}"), &f.config, &in);
	assert_fault(&f, 0, "filterTypes", CHECK_VALUE);
	endpoint_in_read(&f.in, parsed(&f, "{}"), &f.config, &in);
	assert_false(in.event_types_given || in.url_given || in.disabled_given);
	arena_free(&f.arena);
}

static void
test_headers(void **state)
{
	(void)state;
	static const char *const refused[] = {"", "a b", "a:b", "Content-Type", "x-AMZ-date", "SVIX-id", "webhook-id",
	    "vaultbell-attempt", "Host", "Signature"};
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		assert_false(header_name_allowed(slice_of(refused[i])));
	assert_true(header_name_allowed(SLICE("Authorization")));
	assert_true(header_name_sensitive(SLICE("X-API-key")) && !header_name_sensitive(SLICE("X-Api")));
	struct fixture f = fixture(false);
	(void)headers_in_read(&f.in, parsed(&f, "{\"headers\":{\"a\":null}}"));
	assert_fault(&f, 0, "headers", CHECK_DECODE);
	f.in.patch = true;
	(void)headers_in_read(&f.in, parsed(&f, "{\"headers\":{\"a\":null}}"));
	assert_int_equal(f.check.count, 0);
	(void)headers_in_read(&f.in, parsed(&f, "{\"headers\":{\"a\":\"b\\nc\"}}"));
	assert_fault(&f, 0, "headers", CHECK_DECODE);
	arena_free(&f.arena);
}

/* --- keys -------------------------------------------------------------------------------------------- */

static bool
first_key(
    struct fixture *f, const char *body, enum key_type default_type, struct endpoint_key *key, enum sign_scheme *scheme)
{
	const unsigned char bytes[32] = {1};
	struct sealer *sealer = sealer_from_bytes(bytes);
	struct endpoint_in in;
	f->config.delivery_allow_http = true;
	endpoint_in_read(&f->in, parsed(f, body), &f->config, &in);
	bool good = endpoint_key_first(&f->in, &in, default_type, sealer, (struct wall_time){1}, key, scheme);
	sealer_free(sealer);
	return good;
}

static void
test_first_key(void **state)
{
	(void)state;
	struct fixture f = fixture(true);
	struct endpoint_key key;
	enum sign_scheme scheme;
	assert_true(first_key(&f, "{}", KEY_HMAC, &key, &scheme));
	assert_true(key.type == KEY_HMAC && scheme == SCHEME_STANDARD);
	assert_true(first_key(&f, "{}", KEY_ECDSA_P256, &key, &scheme));
	assert_true(key.type == KEY_ECDSA_P256 && scheme == SCHEME_RFC9421);
	assert_true(first_key(&f, "{\"signatureScheme\":\"standard\"}", KEY_ECDSA_P256, &key, &scheme));
	assert_true(key.type == KEY_HMAC && scheme == SCHEME_STANDARD);
	assert_true(first_key(&f, "{\"payloadStyle\":\"legacy\"}", KEY_ED25519, &key, &scheme));
	assert_true(key.type == KEY_HMAC && scheme == SCHEME_LEGACY);
	assert_true(first_key(&f, "{\"payloadStyle\":\"legacy\",\"secret\":\"any text\"}", KEY_HMAC, &key, &scheme));
	assert_false(first_key(&f, "{\"secret\":\"any text\"}", KEY_HMAC, &key, &scheme));
	assert_fault(&f, 0, "secret", CHECK_DECODE);
	const char *public = "{\"secret\":\"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=\"}";
	assert_false(first_key(&f, public, KEY_HMAC, &key, &scheme));
	assert_false(
	    first_key(&f, "{\"keyType\":\"ed25519\",\"signatureScheme\":\"legacy\"}", KEY_HMAC, &key, &scheme));
	assert_fault(&f, 0, "keyType", CHECK_VALUE);
	const char *other = "{\"keyType\":\"ed25519\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}";
	assert_false(first_key(&f, other, KEY_HMAC, &key, &scheme));
	assert_fault(&f, 0, "keyType", CHECK_VALUE);
	arena_free(&f.arena);
}

static void
test_rotation_keeps_ten(void **state)
{
	(void)state;
	struct endpoint endpoint = {.keys = {{.created = {1}}}, .key_count = 1};
	struct error error = ERROR_NONE;
	for (int64_t now = 2; now < 12; now++) {
		struct endpoint_key fresh = {.created = {now}};
		assert_int_equal(
		    endpoint_keys_rotate(&endpoint, &fresh, (struct wall_time){now}, (struct wall_time){100}, &error),
		    OK);
	}
	assert_int_equal(endpoint.key_count, LIMIT_SECRETS);
	struct endpoint_key fresh = {.created = {12}};
	struct wall_time soon = {12}, later = {100};
	assert_int_equal(endpoint_keys_rotate(&endpoint, &fresh, soon, (struct wall_time){200}, &error), ERR_LIMIT);
	assert_int_equal(endpoint.key_count, LIMIT_SECRETS);
	assert_int_equal(endpoint_keys_rotate(&endpoint, &fresh, later, (struct wall_time){200}, &error), OK);
	assert_int_equal(endpoint.key_count, 2);
	assert_int_equal(endpoint.keys[0].created.us, 12);
	assert_int_equal(endpoint.keys[0].expires.us, 0);
	assert_int_equal(endpoint.keys[1].created.us, 11);
	assert_int_equal(endpoint.keys[1].expires.us, 200);
}

/* --- messages ---------------------------------------------------------------------------------------- */

static size_t
message_faults(struct fixture *f, const char *body, struct message **message, struct organisation **organisation)
{
	*message = message_new();
	*organisation = NULL;
	message_in_read(&f->in, parsed(f, body), SLICE("acme"), *message, organisation);
	return f->check.count;
}

static void
test_message_keeps_bytes(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct message *message;
	struct organisation *organisation;
	const char *body = "{ \"eventType\":\"a.b\", \"payload\" : { \"z\":1e2 , \"a\":\"\\u00e9\" } }";
	assert_int_equal(message_faults(&f, body, &message, &organisation), 0);
	assert_text(message->payload, "{ \"z\":1e2 , \"a\":\"\\u00e9\" }");
	assert_int_equal(message->retention_days, 0); /* the organisation's */
	message_unref(message);
	body = "{\"eventType\":\"a\",\"payload\":{},\"transformationsParams\":{\"rawPayload\":\"a\\nb\"}}";
	assert_int_equal(message_faults(&f, body, &message, &organisation), 0);
	assert_text(message->payload, "a\nb");
	message_unref(message);
	assert_int_equal(message_faults(&f, "{\"eventType\":\"a\",\"data\":{\"x\":1}}", &message, &organisation), 0);
	assert_text(message->payload, "{\"x\":1}");
	message_unref(message);
	arena_free(&f.arena);
}

static void
test_message_versions(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct message *message;
	struct organisation *organisation;
	const char *body =
	    "{\"payloadVersions\": { \"5\" :{\"z\":1e2 } , \"2\":{} }, \"eventType\":\"a\", \"payload\":{ }}";
	assert_int_equal(message_faults(&f, body, &message, &organisation), 0);
	assert_text(message->payload, "{ }");
	assert_text(message->versions, "{ \"5\" :{\"z\":1e2 } , \"2\":{} }");
	static const char *const got[] = {"{ }", "{ }", "{}", "{}", "{}", "{\"z\":1e2 }", "{\"z\":1e2 }"};
	static const int32_t numbers[] = {1, 1, 2, 2, 2, 5, 5};
	for (int32_t wanted = 0; wanted < (int32_t)COUNT_OF(got); wanted++) {
		int32_t number;
		assert_text(versions_pick(message, wanted, &number), got[wanted]);
		assert_int_equal(number, numbers[wanted]);
	}
	message_unref(message);
	static const char *const bad[] = {"[]", "{\"1\":{}}", "{\"0\":{}}", "{\"02\":{}}", "{\"-2\":{}}",
	    "{\"10000\":{}}", "{\"v2\":{}}", "{\"\":{}}", "{\"\\u0032\":{}}", "{\"2\":1}", "{\"2\":null}",
	    "{\"2\":{},\"2\":{}}",
	    "{\"2\":{},\"3\":{},\"4\":{},\"5\":{},\"6\":{},\"7\":{},\"8\":{},\"9\":{},\"10\":{}}"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		f.check.count = 0;
		body = arena_string(&f.arena,
		    arena_printf(&f.arena, "{\"eventType\":\"a\",\"payload\":{},\"payloadVersions\":%s}", bad[i]));
		assert_int_equal(message_faults(&f, body, &message, &organisation), 1);
		message_unref(message);
	}
	f.check.count = 0;
	static const char *const none[] = {"null", "{ }"};
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		f.check.count = 0;
		body = arena_string(&f.arena,
		    arena_printf(&f.arena, "{\"eventType\":\"a\",\"payload\":{},\"payloadVersions\":%s}", none[i]));
		assert_int_equal(message_faults(&f, body, &message, &organisation), 0);
		assert_false(slice_present(message->versions));
		message_unref(message);
	}
	arena_free(&f.arena);
}

static void
test_message_application(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	struct message *message;
	struct organisation *organisation;
	static const struct {
		const char *application, *fault;
	} cases[] = {
	    {"{\"name\":\"A\",\"uid\":\"acme\"}", NULL},
	    {"{\"name\":\"A\",\"uid\":\"other\"}", "application_uid_mismatch"},
	    {"{\"name\":\"A\"}", "application_uid_missing"},
	    {"{\"uid\":\"acme\"}", CHECK_DECODE},
	    {"[]", CHECK_DECODE},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct slice body = arena_printf(
		    &f.arena, "{\"eventType\":\"a\",\"payload\":{},\"application\":%s}", cases[i].application);
		size_t faults = message_faults(&f, body.ptr, &message, &organisation);
		assert_int_equal(faults, cases[i].fault == NULL ? 0 : 1);
		if (cases[i].fault != NULL)
			assert_string_equal(f.check.items[0].type, cases[i].fault);
		else
			assert_text(organisation->uid, "acme");
		message_unref(message);
	}
	arena_free(&f.arena);
}

/* --- queries ----------------------------------------------------------------------------------------- */

static void
test_query(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct error error = ERROR_NONE;
	struct query query;
	const char *text = "a=1&a=2&event_types=x%2Cy&event_types[]=z&event_types%5B0%5D=w&event_typesx=no&flag&&t=a+b";
	assert_int_equal(query_parse(slice_of(text), &arena, &query, &error), OK);
	assert_text(query_get(&query, "a"), "2");
	assert_text(query_get(&query, "t"), "a b");
	struct slice_list list = query_list(&query, "event_types", &arena);
	assert_int_equal(list.count, 4);
	assert_text(list.items[1], "y");
	assert_text(list.items[3], "w");
	bool flag = false;
	assert_int_equal(query_bool(&query, "flag", &flag, &error), ERR_INVALID);
	assert_int_equal(query_bool(&query, "absent", &flag, &error), OK);
	assert_int_equal(query_parse(SLICE("a=%zz"), &arena, &query, &error), ERR_INVALID);
	arena_free(&arena);
}

static void
test_page(void **state)
{
	(void)state;
	struct fixture f = fixture(false);
	(void)parsed(&f, "{}");
	struct error error = ERROR_NONE;
	struct query query;
	struct list_page page;
	char id[ID_TEXT_BYTES];
	struct page_rules rules = {.kind = ID_MESSAGE, .descending = true, .timed = true};
	struct slice text = arena_printf(&f.arena, "limit=7&iterator=-%s", id_format(ID_MESSAGE, 42, id));
	assert_int_equal(query_parse(text, &f.arena, &query, &error), OK);
	assert_int_equal(query_page(&query, &rules, &f.arena, &f.check, &page, &error), OK);
	assert_true(page.backwards && !page.page.descending);
	assert_int_equal(page.page.after, 42);
	assert_int_equal(page.page.limit, 7);
	assert_int_equal(query_parse(SLICE("limit=251&iterator=ep_x"), &f.arena, &query, &error), OK);
	assert_int_equal(query_page(&query, &rules, &f.arena, &f.check, &page, &error), OK);
	assert_int_equal(f.check.count, 2);
	assert_int_equal(query_parse(SLICE("limit=x"), &f.arena, &query, &error), OK);
	assert_int_equal(query_page(&query, &rules, &f.arena, &f.check, &page, &error), ERR_INVALID);
	arena_free(&f.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_organisation_defaults),
	    cmocka_unit_test(test_organisation_tells_all_faults),
	    cmocka_unit_test(test_organisation_patch_writes_what_is_given),
	    cmocka_unit_test(test_metadata_limits),
	    cmocka_unit_test(test_url_normalise),
	    cmocka_unit_test(test_endpoint_http_needs_permission),
	    cmocka_unit_test(test_endpoint_both_names_of_types),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_first_key),
	    cmocka_unit_test(test_rotation_keeps_ten),
	    cmocka_unit_test(test_message_keeps_bytes),
	    cmocka_unit_test(test_message_versions),
	    cmocka_unit_test(test_message_application),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_page),
	};
	return cmocka_run_group_tests_name("api-in", tests, NULL, NULL);
}
