/* Rules, redaction and what is kept of a command's output (act/). */
#include "act/act.h"
#include "act/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

/* The configuration as a file would have it; NULL and the error where it is refused. */
static struct act *
read_config(const char *yaml, struct config *config, struct error *error)
{
	char path[] = "/tmp/vaultbell-act-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	char *const nothing[] = {NULL};
	struct act *act = NULL;
	enum error_code code = config_load(path, nothing, config, error);
	if (code == OK && act_read(config, &act, error) != OK)
		config_free(config);
	unlink(path);
	return act;
}

/* Whether an event goes to the one destination whose rule has this condition (a flow mapping). */
static bool
goes(const char *condition, const char *source, const char *type, const char *body)
{
	struct arena arena = ARENA_EMPTY;
	struct error error = ERROR_NONE;
	struct config config;
	struct slice yaml = arena_printf(&arena,
	    "destinations:\n  - {name: a, type: file, path: /tmp/a, compliance: true}\nrules:\n  - {when: %s, to: "
	    "[a]}\n",
	    condition);
	struct act *act = read_config(yaml.ptr, &config, &error);
	if (act == NULL)
		fail_msg("%s: %s", condition, error.text);
	struct act_event event = {slice_of(source), slice_of(type), slice_of(body)};
	uint64_t to = act_route(act, &event);
	act_free(act);
	config_free(&config);
	arena_free(&arena);
	return to == 1;
}

static bool
fits(const char *condition, const char *body)
{
	return goes(condition, "s", "t", body);
}

static void
sources_and_types(void **state)
{
	(void)state;
	assert_true(goes("{source: acme}", "acme", "t", "{}"));
	assert_false(goes("{source: acme}", "acm", "t", "{}"));
	assert_true(goes("{source: [b, acme]}", "acme", "t", "{}"));
	assert_true(goes("{type: transaction.*}", "s", "transaction.deposit.confirmed", "{}"));
	assert_true(goes("{type: transaction.*}", "s", "transaction.", "{}"));
	assert_false(goes("{type: transaction.*}", "s", "transaction", "{}"));
	assert_true(goes("{type: '*'}", "s", NULL, "not JSON"));
	assert_false(goes("{type: a}", "s", NULL, "{}"));
	assert_true(goes("{type: [a, b*]}", "s", "bc", "{}"));
	/* All keys have to hold. */
	assert_false(goes("{type: a, source: b}", "s", "a", "{}"));
	assert_true(goes("{type: a, source: s}", "s", "a", "{}"));
	assert_true(goes("{organisation: bank}", "s", "a", "{\"organisation\":\"bank\"}"));
	assert_false(goes("{organisation: bank}", "s", "a", "{\"data\":{\"organisation\":\"bank\"}}"));
}

static void
groups(void **state)
{
	(void)state;
	assert_true(fits("{any: [{source: x}, {type: t}]}", "{}"));
	assert_false(fits("{any: [{source: x}, {type: y}]}", "{}"));
	assert_false(fits("{all: [{source: s}, {type: y}]}", "{}"));
	assert_true(fits("{not: {source: x}}", "{}"));
	assert_false(fits("{not: {source: s, type: t}}", "{}"));
	assert_true(fits("{not: {source: s, type: y}}", "{}"));
	assert_true(fits("{all: [{any: [{source: x}, {not: {type: u}}]}, {source: s}]}", "{}"));
}

static void
members(void **state)
{
	(void)state;
	assert_true(fits("{member: data.status, equals: ok}", "{\"data\":{\"status\":\"ok\"}}"));
	assert_true(fits("{member: data.status, equals: ok}", "{\"da\\u0074a\":{\"status\":\"o\\u006b\"}}"));
	assert_false(fits("{member: data.status, equals: ok}", "{\"data.status\":\"ok\"}"));
	assert_true(fits("{member: /data.status, equals: ok}", "{\"data.status\":\"ok\"}"));
	assert_true(fits("{member: '/a~1b/c~0d', exists: true}", "{\"a/b\":{\"c~d\":null}}"));
	assert_true(fits("{member: a, equals: true}", "{\"a\":true}"));
	assert_true(fits("{member: a, equals: 1.0}", "{\"a\":1.0}"));
	assert_false(fits("{member: a, equals: 1.0}", "{\"a\":1}"));
	assert_true(fits("{member: a, one_of: [x, y]}", "{\"a\":\"y\"}"));
	assert_true(fits("{member: a, exists: false}", "{\"b\":1}"));
	assert_false(fits("{member: a, exists: false}", "{\"a\":null}"));
	assert_true(fits("{member: a, exists: false}", "not JSON"));
	assert_true(fits("{member: a.1.b, equals: x}", "{\"a\":[{},{\"b\":\"x\"}]}"));
	assert_false(fits("{member: a.01.b, equals: x}", "{\"a\":[{},{\"b\":\"x\"}]}"));
	assert_true(fits("{member: 'a.*.b', equals: x}", "{\"a\":[{\"b\":\"y\"},{\"b\":\"x\"}]}"));
	assert_true(fits("{member: 'a.*.b', equals: x}", "{\"a\":{\"k\":{\"b\":\"x\"}}}"));
	/* Of two the last one counts. */
	assert_false(fits("{member: a, equals: x}", "{\"a\":\"x\",\"a\":\"y\"}"));
	assert_true(fits("{member: a.b, equals: x}", "{\"a\":1,\"\\u0061\":{\"b\":\"x\"}}"));
	assert_false(fits("{member: a.b, equals: x}", "{\"a\":{\"b\":\"x\"},\"a\":{}}"));
}

static void
numbers(void **state)
{
	(void)state;
	assert_true(fits("{member: a, at_least: 1000000000000000000001}", "{\"a\":\"1000000000000000000001\"}"));
	assert_false(fits("{member: a, at_least: 1000000000000000000001}", "{\"a\":\"1000000000000000000000\"}"));
	assert_true(fits("{member: a, above: 9007199254740992}", "{\"a\":9007199254740993}"));
	assert_false(fits("{member: a, above: 10}", "{\"a\":10}"));
	assert_true(fits("{member: a, at_most: 10}", "{\"a\":\"0010.00\"}"));
	assert_true(fits("{member: a, above: 1, below: 2}", "{\"a\":\"1.000000000000000000000000000001\"}"));
	/* As JSON writes what is large or small: JavaScript does so from 1e21 on. */
	assert_true(fits("{member: a, above: 1000000}", "{\"a\":1e+21}"));
	assert_true(fits("{member: a, at_least: 1000000000000000000000}", "{\"a\":\"1E21\"}"));
	assert_false(fits("{member: a, above: 1000000000000000000000}", "{\"a\":1e21}"));
	assert_true(fits("{member: a, above: 1000000000000000000000}", "{\"a\":10.00000000000000000000001e20}"));
	assert_true(fits("{member: a, above: 0, below: 0.0000002}", "{\"a\":1.5e-7}"));
	assert_true(fits("{member: a, at_most: 15, at_least: 1.5e1}", "{\"a\":150e-1}"));
	assert_true(fits("{member: a, below: -1000}", "{\"a\":-2e3}"));
	assert_true(fits("{member: a, at_least: 0, at_most: 0}", "{\"a\":0e999999999999}"));
	assert_true(fits("{member: a, above: 9e99}", "{\"a\":1e999999999999999999999999}"));
	assert_true(fits("{member: a, above: 0, below: 1e-99}", "{\"a\":1e-999999999999999999999999}"));
	assert_false(fits("{member: a, at_least: 0}", "{\"a\":\"1e\"}"));
	assert_false(fits("{member: a, at_least: 0}", "{\"a\":\"1e+-5\"}"));
	assert_false(fits("{member: a, at_least: 0}", "{\"a\":\"e5\"}"));
	assert_true(fits("{member: a, below: '-1'}", "{\"a\":-1.5}"));
	assert_false(fits("{member: a, below: 0}", "{\"a\":\"-0.00\"}"));
	static const char *const not_numbers[] = {
	    "\"\"", "\"-\"", "\"1.\"", "\".5\"", "\"+5\"", "\" 5\"", "\"0x5\"", "null", "[5]", "\"5\\u0030\""};
	for (size_t i = 0; i < COUNT_OF(not_numbers); i++) {
		char body[64];
		snprintf(body, sizeof body, "{\"a\":%s}", not_numbers[i]);
		assert_false(fits("{member: a, above: '-99999'}", body));
	}
}

static void
compliance_goes_only_where_it_may(void **state)
{
	(void)state;
	struct config config;
	struct error error = ERROR_NONE;
	struct act *act = read_config("destinations:\n  - {name: open, type: file, path: /tmp/a}\n"
				      "  - {name: closed, type: file, path: /tmp/b, compliance: true}\n"
				      "rules: [{to: [open, closed]}]\n",
	    &config, &error);
	assert_non_null(act);
	static const char *const types[] = {
	    "compliance.sanctions.hit", "compliance.kyt.alert_raised", "compliance.something.new"};
	for (size_t i = 0; i < COUNT_OF(types); i++)
		assert_int_equal(act_route(act, &(struct act_event){SLICE("s"), slice_of(types[i]), SLICE("{}")}), 2);
	assert_int_equal(act_route(act, &(struct act_event){SLICE("s"), SLICE("wallet.created"), SLICE("{}")}), 3);
	act_free(act);
	config_free(&config);
	assert_null(read_config("destinations:\n  - {name: open, type: file, path: /tmp/a}\n"
				"rules: [{when: {any: [{type: [x, compliance.kyt.*]}]}, to: [open]}]\n",
	    &config, &error));
	assert_non_null(strstr(error.text, "compliance: true"));
}

/* --- redaction -------------------------------------------------------------------------------------- */

static void
expect_redacted(const char *removed, const char *masked, const char *body, const char *expected)
{
	struct arena arena = ARENA_EMPTY;
	struct act_redactions redactions = {.count = 0};
	const char *const texts[] = {removed, masked};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct slice rest = slice_of(texts[i]);
		while (slice_present(rest)) {
			struct act_path path;
			assert_true(act_path_parse(&arena, slice_cut(&rest, ' '), &path));
			assert_true(act_redact_add(&arena, &redactions, &path, i == 0 ? ACT_REMOVE : ACT_MASK));
		}
	}
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(act_redact(&redactions, slice_of(body), &out), expected == NULL ? ERR_INVALID : OK);
	if (expected != NULL)
		assert_string_equal(arena_string(&arena, buf_slice(&out)), expected);
	buf_free(&out);
	arena_free(&arena);
}

static void
redaction(void **state)
{
	(void)state;
	expect_redacted("a", NULL, "{\"a\":1, \"b\": 2.0 }", "{\"b\":2.0}");
	expect_redacted(NULL, "a", "{\"a\":{\"x\":1},\"b\":[1, 2]}", "{\"a\":\"[redacted]\",\"b\":[1, 2]}");
	expect_redacted("a.b", NULL, "{\"a\":{\"b\":1}}", "{\"a\":{}}");
	expect_redacted("a", NULL, "{\"a\":1,\"\\u0061\":2,\"A\":3,\"a\":4}", "{\"A\":3}");
	expect_redacted("*.secret", "a.name", "{\"a\":{\"secret\":1,\"name\":2},\"b\":{\"secret\":3}}",
	    "{\"a\":{\"name\":\"[redacted]\"},\"b\":{}}");
	expect_redacted("list.*.x", NULL, "{\"list\":[{\"x\":1,\"y\":2},3,{\"x\":4}]}", "{\"list\":[{\"y\":2},3,{}]}");
	expect_redacted("list.0", NULL, "{\"list\":[1,2]}", "{\"list\":[2]}");
	expect_redacted("a.b.c", NULL, "{ \"a\" : \"text\" }", "{\"a\":\"text\"}");
	expect_redacted("a", "*", "{\"a\":1,\"b\":2}", "{\"b\":\"[redacted]\"}");
	expect_redacted("a", NULL, "[ 1 ]", "[1]");
	expect_redacted("a", NULL, "\"a\"", "\"a\"");
	expect_redacted("a", NULL, "{\"a\":1", NULL);
}

/* --- output ----------------------------------------------------------------------------------------- */

static void
expect_scrubbed(const char *output, const char *expected)
{
	struct slice secrets[] = {SLICE("open sesame"), SLICE("x")};
	char out[256];
	act_scrub(slice_of(output), (struct slice_list){secrets, 2}, out, sizeof out);
	assert_string_equal(out, expected);
}

static void
scrubbing(void **state)
{
	(void)state;
	expect_scrubbed("done\n", "done ");
	expect_scrubbed("x\x01\xff", "x??");
	expect_scrubbed("the word is open sesame!", "the word is [hidden]!");
	expect_scrubbed("password=hunter2 ok", "password=[hidden] ok");
	expect_scrubbed("{\"api_key\": \"abc\"}", "{\"api_key\": \"[hidden]\"}");
	expect_scrubbed("Authorization: Bearer abc.def ok", "Authorization: Bearer [hidden] ok");
	expect_scrubbed("whsec_MfKQ9r8GKYqrTwjUPD8I", "[hidden]");
	expect_scrubbed("secretary opened", "secretary opened");
	expect_scrubbed("password:", "password:");
	expect_scrubbed("0123456789012345678901234567890123456789", "[hidden]");
	char small[8];
	act_scrub(SLICE("password=1234567"), (struct slice_list){NULL, 0}, small, sizeof small);
	assert_string_equal(small, "passwor");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sources_and_types),
	    cmocka_unit_test(groups),
	    cmocka_unit_test(members),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(compliance_goes_only_where_it_may),
	    cmocka_unit_test(redaction),
	    cmocka_unit_test(scrubbing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
