/* Configuration as code: where an error stands, and the plan as a function of two states. */
#include "cli/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
assert_refused(const char *text, const char *expected)
{
	struct apply_state state;
	struct error error = ERROR_NONE;
	enum error_code code = apply_file_read("f", slice_of(text), &state, &error);
	if (code == OK)
		apply_state_free(&state);
	assert_int_equal(code, ERR_INVALID);
	assert_string_equal(error.text, expected);
}

static void
read_good(const char *text, struct apply_state *state)
{
	struct error error = ERROR_NONE;
	if (apply_file_read("f", slice_of(text), state, &error) != OK)
		fail_msg("%s", error.text);
}

static void
errors_say_where(void **state)
{
	(void)state;
	assert_refused("", "f:1:1: found nothing; expected event_types or organisations, each with a list");
	assert_refused("scope: x\n", "f:1:8: scope: found \"x\"; expected all or listed");
	assert_refused("event_types: {}\n", "f:1:14: found a mapping; expected a list of event types, or []");
	assert_refused("event_types: [x]\n", "f:1:15: found \"x\"; expected an event type, as in \"name: …\"");
	assert_refused("event_types:\n- {name: a, größe: 1}\n",
	    "f:2:13: found \"größe\"; expected one of name, description, schemas, deprecated, archived, featureFlag");
	assert_refused("event_types:\n- {name: a, ä: 1, name: b}\n",
	    "f:2:19: found name twice; expected it once, it stands in line 2 already");
	assert_refused("event_types: [{name: a}, {name: b}, {name: a}]\n",
	    "f:1:44: found the event type a twice; expected it once, it stands in line 1 already");
	assert_refused("organisations: [{uid: a, name: A, throttleRate: 65536}]\n",
	    "f:1:49: throttleRate: found \"65536\"; expected a whole number from 1 to 65535, or no line for no limit");
	assert_refused("organisations: [{uid: a, name: A, throttleRate: \"5\"}]\n",
	    "f:1:49: throttleRate: found \"5\"; expected a whole number from 1 to 65535, or no line for no limit");
	assert_refused("organisations: [{uid: a, name: ~}]\n",
	    "f:1:32: name: found nothing; expected a text of 1 to 4096 "
	    "bytes");
	assert_refused("organisations: [{uid: a, name: '\n", "f:2:1: found unexpected end of stream; expected YAML");
}

static void
nesting_is_bounded(void **state)
{
	(void)state;
	char text[1024] = "event_types: ";
	size_t used = strlen(text);
	memset(text + used, '[', YAML_DEPTH_MAX);
	assert_refused(text, "f:1:83: found something that is nested too deeply; expected at most 70 levels");
}

static void
values_are_canonical(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
	} urls[] = {
	    {"https://example.com", "https://example.com/"},
	    {"HTTPS://Example.COM:443/A?b#c", "https://example.com/A?b"},
	    {"http://example.com:0080?q", "http://example.com/?q"},
	    {"https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"},
	    {"https://example.com:/", "https://example.com/"},
	    {"ftp://example.com", "ftp://example.com"},
	};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct slice url = apply_url(&arena, slice_of(urls[i].text));
		assert_string_equal(arena_string(&arena, url), urls[i].canonical);
	}
	struct json value;
	assert_int_equal(json_parse(SLICE("{\"b\":1.50,\"a\":[true,\"\\u0041\"],\"b\" : 1e2}"), 8, &value, NULL), OK);
	assert_string_equal(
	    arena_string(&arena, apply_canonical_copy(&arena, value)), "{\"a\":[true,\"A\"],\"b\":1e2}");
	arena_free(&arena);
	struct apply_state file;
	read_good("organisations:\n- uid: a\n  name: 12\n  endpoints:\n  - {uid: e, url: 'https://x', eventTypes: [b, "
		  "a, b]}\n",
	    &file);
	const struct apply_item *organisation = &file.organisations[0], *endpoint = &organisation->endpoints[0];
	assert_true(slice_is(organisation->values[1], "\"12\""));
	assert_true(slice_is(endpoint->values[apply_row_of(APPLY_ENDPOINT, SLICE("eventTypes"))], "[\"a\",\"b\"]"));
	apply_state_free(&file);
}

/* --- plans ------------------------------------------------------------------------------------------- */

/* Both states are read from files: a state is a state, wherever it comes from. */
static void
assert_plan(const char *from, const char *to, bool prune, const char *expected)
{
	struct apply_state file, server;
	struct apply_plan plan;
	struct error error = ERROR_NONE;
	struct apply_options options = {.prune = prune};
	read_good(to, &file);
	read_good(from, &server);
	if (apply_plan_make(&file, &server, &options, &plan, &error) != OK)
		fail_msg("%s", error.text);
	struct buf out;
	buf_init(&out, 1 << 16);
	apply_show(&plan, &out);
	buf_byte(&out, '\0');
	assert_string_equal(out.data, expected);
	buf_free(&out);
	apply_plan_free(&plan);
	apply_state_free(&file);
	apply_state_free(&server);
}

static const char small[] = "event_types: [{name: t}]\n"
			    "organisations:\n"
			    "- {uid: a, name: A, endpoints: [{uid: e, url: 'https://x', keyType: hmac}]}\n"
			    "- {uid: b, name: B}\n";

static void
plan_of_nothing(void **state)
{
	(void)state;
	assert_plan(small, small, false, "no changes\n");
	assert_plan(small, small, true, "no changes\n");
	assert_plan(small, "scope: all\n", true, "no changes\n");
	assert_plan(small, "scope: listed\norganisations: []\n", true, "no changes\n");
	assert_plan(small, "organisations: [{uid: a, name: A}, {uid: b, name: B}]\n", true, "no changes\n");
}

static void
plan_from_nothing(void **state)
{
	(void)state;
	assert_plan("event_types: []\norganisations: []\n", small, false,
	    "+ event type t\n"
	    "+ organisation a\n    name: \"A\"\n"
	    "+ organisation b\n    name: \"B\"\n"
	    "+ endpoint a/e\n    url: \"https://x/\"\n    keyType: \"hmac\"\n"
	    "plan: 4 to create, 0 to change, 0 to delete\n");
}

static void
plan_to_nothing(void **state)
{
	(void)state;
	const char *nothing = "event_types: []\norganisations: [{uid: a, name: A, endpoints: []}]\n";
	assert_plan(small, nothing, false,
	    "? endpoint a/e: not managed, it is not in the file\n"
	    "? organisation b: not managed, it is not in the file\n"
	    "? event type t: not managed, it is not in the file\n"
	    "no changes\n");
	assert_plan(small, nothing, true,
	    "- endpoint a/e\n- organisation b\n- event type t\n"
	    "plan: 0 to create, 0 to change, 3 to delete\n");
}

static void
plan_of_members(void **state)
{
	(void)state;
	assert_plan(
	    "organisations:\n"
	    "- {uid: a, name: A, throttleRate: 5, metadata: {x: '1', y: '2'}, endpoints: ["
	    "{uid: e, url: 'https://x', keyType: ecdsa-p256, signatureScheme: standard, headers: {X-A: a, X-B: b}}]}\n",
	    "organisations:\n"
	    "- {uid: a, name: A, metadata: {y: '3', z: '4'}, endpoints: ["
	    "{uid: e, url: 'https://x', headers: {x-a: a, X-C: c, Authorization: {env: A}, X-Api-Key: null}}]}\n",
	    false,
	    "~ organisation a\n"
	    "    throttleRate: 5 → null\n"
	    "    metadata.x: \"1\" → none\n"
	    "    metadata.y: \"2\" → \"3\"\n"
	    "    metadata.z: none → \"4\"\n"
	    "~ endpoint a/e\n"
	    "    headers.X-B: \"b\" → none\n"
	    "    headers.Authorization: none → \"(from env A)\"\n"
	    "    headers.X-C: none → \"c\"\n"
	    "    signatureScheme: \"standard\" → \"rfc9421\"\n"
	    "plan: 0 to create, 2 to change, 0 to delete\n");
}

static void
plan_archives_late(void **state)
{
	(void)state;
	assert_plan(
	    "event_types: [{name: a}, {name: b, archived: true}, {name: gone, archived: true}]\norganisations: []\n",
	    "event_types: [{name: a, archived: true}, {name: b}, {name: c, archived: true}]\n"
	    "organisations: [{uid: o, name: O}]\n",
	    true,
	    "~ event type b\n    archived: true → false\n"
	    "+ event type c\n"
	    "+ organisation o\n    name: \"O\"\n"
	    "~ event type a\n    archived: false → true\n"
	    "~ event type c\n    archived: false → true\n"
	    "plan: 2 to create, 3 to change, 0 to delete\n");
}

static void
plan_refuses_another_key_type(void **state)
{
	(void)state;
	struct apply_state file, server;
	struct apply_plan plan;
	struct error error = ERROR_NONE;
	struct apply_options options = {.prune = false};
	read_good(small, &server);
	read_good(
	    "organisations:\n- uid: a\n  name: A\n  endpoints:\n  - uid: e\n    url: https://x\n    keyType: ed25519\n",
	    &file);
	assert_int_equal(apply_plan_make(&file, &server, &options, &plan, &error), ERR_INVALID);
	assert_string_equal(error.text,
	    "f:7:14: keyType: found \"ed25519\"; expected what it was created with, as it changes "
	    "only by rotating in another key: \"hmac\"");
	apply_state_free(&file);
	apply_state_free(&server);
}

/* --- the export -------------------------------------------------------------------------------------- */

static void
an_export_is_read_back(void **state)
{
	(void)state;
	struct apply_state first, second;
	read_good("event_types: [{name: 'null', description: \" a: 'b' #\\n\\x7f\\u2028\", schemas: {1: {a: [], b: "
		  "[[{c: 1}, x]], "
		  "'': {}, ? 'k' : 'true', d: true}}}]\n"
		  "organisations:\n- {uid: '12', name: 'yes', metadata: {'~': '~', a b: 'x '}, endpoints: []}\n",
	    &first);
	struct buf out;
	buf_init(&out, 1 << 16);
	export_write(&first, NULL, &out);
	buf_byte(&out, '\0');
	read_good(out.data, &second);
	struct apply_plan plan;
	struct apply_options options = {.prune = true};
	assert_int_equal(apply_plan_make(&second, &first, &options, &plan, NULL), OK);
	assert_int_equal(plan.count, 0);
	apply_plan_free(&plan);
	apply_state_free(&first);
	apply_state_free(&second);
	buf_free(&out);
}

/* Each member stands in the documentation. */
static void
members_are_documented(void **state)
{
	(void)state;
	char text[32 << 10], wanted[64];
	FILE *file = fopen(getenv("VAULTBELL_CONFIGURATION_AS_CODE_MD"), "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = '\0';
	for (enum apply_kind kind = APPLY_TYPE; kind < APPLY_KIND_COUNT; kind++)
		for (size_t row = 0; row < apply_members(kind)->count; row++) {
			snprintf(wanted, sizeof wanted, "`%s`", apply_members(kind)->items[row].name);
			if (strstr(text, wanted) == NULL)
				fail_msg("docs/configuration-as-code.md does not have %s", wanted);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_say_where),
	    cmocka_unit_test(nesting_is_bounded),
	    cmocka_unit_test(values_are_canonical),
	    cmocka_unit_test(plan_of_nothing),
	    cmocka_unit_test(plan_from_nothing),
	    cmocka_unit_test(plan_to_nothing),
	    cmocka_unit_test(plan_of_members),
	    cmocka_unit_test(plan_archives_late),
	    cmocka_unit_test(plan_refuses_another_key_type),
	    cmocka_unit_test(an_export_is_read_back),
	    cmocka_unit_test(members_are_documented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
