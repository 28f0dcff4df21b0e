/* Decimals in base units, paths, templates and YAML trees: what configured sources are read with. */
#include "records/node.h"
#include "records/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_units(void **state)
{
	(void)state;
	static const struct {
		const char *decimal;
		int decimals;
		const char *units; /* NULL: refused */
	} cases[] = {
	    {"1", 0, "1"},
	    {"1.5", 1, "15"},
	    {"1.5", 18, "1500000000000000000"},
	    {"0.000000000000000001", 18,
		"000000000000000000"
		"1"},
	    {"0.0000000000000000001", 18, NULL},
	    {"1.50", 1, "15"},
	    {"1.51", 1, NULL},
	    {"-2.25", 2, "-225"},
	    {"+2.25", 2, "225"},
	    {".5", 1, "5"},
	    {"5.", 1, "50"},
	    {"1e3", 0, "1000"},
	    {"1.25e-2", 4, "125"},
	    {"1.25E+2", 0, "125"},
	    {"1e-7", 8, "10"},
	    {"1e-9", 8, NULL},
	    {"0e-900", 8, "0"},
	    {"0.0", 0, "0"},
	    {"123456789012345678901234567890.123456789", 9, "123456789012345678901234567890123456789"},
	    {"", 2, NULL},
	    {".", 2, NULL},
	    {"-", 2, NULL},
	    {"1,5", 2, NULL},
	    {"0x10", 2, NULL},
	    {"NaN", 2, NULL},
	    {"1e", 2, NULL},
	    {"1e1001", 2, NULL},
	    {"1 ", 2, NULL},
	    {"--1", 2, NULL},
	};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct slice units = SLICE_NONE;
		bool good = value_units(slice_of(cases[i].decimal), cases[i].decimals, &arena, &units);
		if (good != (cases[i].units != NULL))
			fail_msg("%s with %d decimals", cases[i].decimal, cases[i].decimals);
		if (good)
			assert_string_equal(arena_string(&arena, units), cases[i].units);
	}
	arena_free(&arena);
}

static struct mapping
mapping_of(struct arena *arena, const char *text)
{
	struct mapping mapping;
	struct error error = ERROR_NONE;
	if (mapping_read(arena, "m.yaml", slice_of(text), &mapping, &error) != OK)
		fail_msg("%s", error.text);
	return mapping;
}

static void
test_paths(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct mapping mapping = mapping_of(&arena, "lists:\n  - items: a.b[1][0].c\n    record: {id: id}\n");
	struct json root, found;
	assert_int_equal(json_parse(SLICE("{\"a\":{\"b\":[0,[{\"c\":[7]}],2]},\"b\":1}"), 16, &root, NULL), OK);
	found = value_at(root, &mapping.lists[0].items);
	assert_true(json_present(found) && slice_is(found.raw, "[7]"));
	static const char *const none[] = {"{}", "[]", "{\"a\":{\"b\":[0]}}", "{\"a\":{\"b\":{\"1\":0}}}", "1", "null"};
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		assert_int_equal(json_parse(slice_of(none[i]), 16, &root, NULL), OK);
		assert_false(json_present(value_at(root, &mapping.lists[0].items)));
	}
	arena_free(&arena);
}

static void
test_record(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct mapping mapping = mapping_of(&arena, "lists:\n"
						    "  - record:\n"
						    "      id: id\n"
						    "      amount_base_units: {path: sum, decimals_path: unit}\n"
						    "      balance_base_units: {path: left, decimals: 2}\n"
						    "      asset: {path: coin, missing: native}\n"
						    "      occurred_at: {path: at, time: seconds}\n"
						    "      direction: {value: in}\n"
						    "      desk: desk\n");
	struct record_draft draft;
	record_draft_init(&draft);
	struct json item;
	struct error error = ERROR_NONE;
	assert_int_equal(json_parse(SLICE("{\"id\":17,\"sum\":\"0.5\",\"unit\":3,\"left\":\"NaN\",\"coin\":null,"
					  "\"at\":1736424000.9,\"desk\":{\"a\":1}}"),
			     16, &item, NULL),
	    OK);
	assert_int_equal(value_record(&mapping.lists[0], item, &arena, &draft, &error), OK);
	assert_true(slice_is(draft.values[MEMBER_ID], "17"));
	assert_true(slice_is(draft.values[MEMBER_AMOUNT], "0500"));
	assert_true(slice_is(draft.values[MEMBER_BALANCE], "NaN"));
	assert_true(slice_is(draft.values[MEMBER_ASSET], "native"));
	assert_true(slice_is(draft.values[MEMBER_OCCURRED_AT], "2025-01-09T12:00:00.000000Z"));
	assert_true(slice_is(draft.values[MEMBER_DIRECTION], "in"));
	assert_true(slice_is(buf_slice(&draft.extra), "\"desk\":{\"a\":1}"));
	record_draft_clear(&draft);
	/* A value that cannot be one is an error that names the member, and never the value. */
	assert_int_equal(json_parse(SLICE("{\"id\":[\"secret\"]}"), 16, &item, NULL), OK);
	assert_int_equal(value_record(&mapping.lists[0], item, &arena, &draft, &error), ERR_INVALID);
	assert_non_null(strstr(error.text, "id (id): expected a string, a number or null"));
	assert_null(strstr(error.text, "secret"));
	record_draft_fini(&draft);
	arena_free(&arena);
}

static void
test_fill(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct slice filled = value_fill(SLICE("a ${id}${id} ${ID} $"), "id", SLICE("x\"y"), false, &arena);
	assert_string_equal(filled.ptr, "a x\"yx\"y ${ID} $");
	filled = value_fill(SLICE("{\"a\":\"${id}\"}"), "id", SLICE("x\"y"), true, &arena);
	assert_string_equal(filled.ptr, "{\"a\":\"x\\\"y\"}");
	arena_free(&arena);
}

static void
test_trees(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct node root;
	struct error error = ERROR_NONE;
	struct slice text = SLICE("a: {n: 1, s: \"1\", t: true, z: ~, w: word, e: 1.5e3}\nb: [x, [], {}]\n");
	assert_int_equal(node_read(&arena, "f", text, &root, &error), OK);
	struct buf json;
	buf_init(&json, 4096);
	node_json(&root, &json);
	buf_byte(&json, '\0');
	assert_string_equal(json.data, "{\"a\":{\"n\":1,\"s\":\"1\",\"t\":true,\"z\":null,\"w\":\"word\",\"e\":1.5e3},"
				       "\"b\":[\"x\",[],{}]}");
	assert_int_equal(node_member(&root, "b")->line, 2);
	assert_null(node_member(&root, "c"));
	static const struct {
		const char *text, *says;
	} bad[] = {
	    {"a: 1\na: 2\n", "f:2: expected this name once"},
	    {"a: &x 1\n", "f:1: expected a value without anchors"},
	    {"a: *x\n", "f:1: expected"},
	    {"? [a]\n: 1\n", "f:1: expected a name and a colon"},
	    {"a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", "f:1: expected no more than 16 levels"},
	    {"a: \"x\\0y\"\n", "f:1: expected a text without NUL"},
	    {"a: [1\n", "expected YAML"},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(node_read(&arena, "f", slice_of(bad[i].text), &root, &error), ERR_INVALID);
		if (strstr(error.text, bad[i].says) == NULL)
			fail_msg("%s", error.text);
	}
	buf_free(&json);
	arena_free(&arena);
}

/* What is compiled in is a mapping too. */
static void
test_platform(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	struct mapping mapping = mapping_of(&arena, mapping_platform);
	assert_int_equal(mapping.list_count, 2);
	assert_true(mapping.lookup.line > 0);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_units),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_record),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_trees),
	    cmocka_unit_test(test_platform),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
