/* The JSON reader and writer. The cases bear the names of the public JSONTestSuite, written anew from the grammar:
 * y_ must be accepted, n_ refused, and for i_ RFC 8259 leaves the choice. Ours: numbers of any size are accepted, since
 * they are kept as text; lone surrogate escapes, invalid UTF-8, a byte order mark and other encodings are refused. */
#include "json/json.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json_cases.h"

/* Copies the text to memory of exactly its size, so that a sanitizer sees every step beyond it. */
static enum error_code
parse_exact(struct slice text, size_t depth, struct error *error)
{
	char *copy = malloc(text.len == 0 ? 1 : text.len);
	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	struct json value;
	enum error_code code = json_parse((struct slice){copy, text.len}, depth, &value, error);
	assert_int_equal(json_present(value), code == OK);
	free(copy);
	return code;
}

static void
test_suite(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(json_cases); i++) {
		struct error error = ERROR_NONE;
		bool accepted = parse_exact(json_cases[i].text, LIMIT_JSON_DEPTH, &error) == OK;
		if (accepted != json_cases[i].accepted)
			fail_msg("%s: %s %s", json_cases[i].name, accepted ? "accepted" : "refused", error.text);
		if (!accepted)
			assert_non_null(strstr(error.text, "at byte "));
	}
}

/* Every case again at every offset of a string, so that each of the 16 places of the fast path meets each byte. */
static void
test_string_offsets(void **state)
{
	(void)state;
	char text[64];
	for (size_t plain = 0; plain < 40; plain++) {
		for (int byte = 0; byte < 256; byte++) {
			text[0] = '"';
			memset(text + 1, 'a', plain);
			text[plain + 1] = (char)byte;
			memset(text + plain + 2, 'b', 17);
			text[plain + 19] = '"';
			bool good = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			/* A backslash before a b is an escape. */
			good |= byte == '\\';
			assert_int_equal(parse_exact((struct slice){text, plain + 20}, 1, NULL) == OK, good);
		}
	}
}

/* All sequences of two bytes and the edges of longer ones, against the table of RFC 3629 section 4. */
static void
test_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
	    {"\"\xc2\x80\"", true},
	    {"\"\xdf\xbf\"", true},
	    {"\"\xc1\xbf\"", false},
	    {"\"\xc2\x7f\"", false},
	    {"\"\xc2\xc0\"", false},
	    {"\"\xc2\"", false},
	    {"\"\xe0\xa0\x80\"", true},
	    {"\"\xe0\x9f\xbf\"", false},
	    {"\"\xed\x9f\xbf\"", true},
	    {"\"\xed\xa0\x80\"", false},
	    {"\"\xee\x80\x80\"", true},
	    {"\"\xef\xbf\xbf\"", true},
	    {"\"\xe1\x80\"", false},
	    {"\"\xe1\x80\xc0\"", false},
	    {"\"\xf0\x90\x80\x80\"", true},
	    {"\"\xf0\x8f\xbf\xbf\"", false},
	    {"\"\xf4\x8f\xbf\xbf\"", true},
	    {"\"\xf4\x90\x80\x80\"", false},
	    {"\"\xf5\x80\x80\x80\"", false},
	    {"\"\xf1\x80\x80\"", false},
	    {"\"\xf1\x80\x80\x7f\"", false},
	    {"\"\x80\"", false},
	    {"\"\xff\"", false},
	    {"\"\xf1", false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if ((parse_exact(slice_of(cases[i].text), 1, NULL) == OK) != cases[i].good)
			fail_msg("UTF-8 case %zu", i);
}

static void
test_depth(void **state)
{
	(void)state;
	char text[2 * LIMIT_JSON_DEPTH + 4];
	for (size_t depth = 0; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		if (depth > 0)
			assert_int_equal(parse_exact((struct slice){text, 2 * depth}, LIMIT_JSON_DEPTH, NULL) == OK,
			    depth <= LIMIT_JSON_DEPTH);
	}
	/* n_structure_100000_opening_arrays, n_structure_open_array_object, i_structure_500_nested_arrays. */
	static char deep[500000];
	memset(deep, '[', 100000);
	assert_int_equal(parse_exact((struct slice){deep, 100000}, LIMIT_JSON_DEPTH, NULL), ERR_INVALID);
	memset(deep + 500, ']', 500);
	assert_int_equal(parse_exact((struct slice){deep, 1000}, LIMIT_JSON_DEPTH, NULL), ERR_INVALID);
	assert_int_equal(parse_exact((struct slice){deep, 1000}, 500, NULL), OK);
	for (size_t i = 0; i < sizeof deep; i++)
		deep[i] = "[{\"\":"[i % 5];
	assert_int_equal(parse_exact((struct slice){deep, sizeof deep}, LIMIT_JSON_DEPTH, NULL), ERR_INVALID);
	assert_int_equal(parse_exact(SLICE("7"), 0, NULL), OK);
	assert_int_equal(parse_exact(SLICE("[]"), 0, NULL), ERR_INVALID);
	assert_int_equal(parse_exact(SLICE("[[],{},[]]"), 2, NULL), OK);
	assert_int_equal(parse_exact(SLICE("{\"a\":{\"b\":{}}}"), 2, NULL), ERR_INVALID);
}

static void
test_error_offset(void **state)
{
	(void)state;
	struct error error = ERROR_NONE;
	assert_int_equal(parse_exact(SLICE("{\"secret\": tru}"), 4, &error), ERR_INVALID);
	assert_string_equal(error.text, "not JSON: at byte 11 expected a value");
	assert_int_equal(parse_exact(SLICE("[1,2"), 4, &error), ERR_INVALID);
	assert_string_equal(error.text, "not JSON: at byte 4 expected ',' or ']'");
	struct json value;
	assert_int_equal(json_parse(SLICE_NONE, 4, &value, &error), ERR_INVALID);
}

static struct json
parsed(const char *text)
{
	struct json value;
	struct error error = ERROR_NONE;
	if (json_parse(slice_of(text), LIMIT_JSON_DEPTH, &value, &error) != OK)
		fail_msg("%s: %s", text, error.text);
	return value;
}

static void
test_walk(void **state)
{
	(void)state;
	struct json root =
	    parsed(" { \"a\" : [ 1 , \"]}\\\"\" , {\"x\":[]} , true ] ,\n\"b\":\"\\\\\", \"n\":null,\"a\\u0062\":-0 , "
		   "\"\":{} , \"a\" : 2 } ");
	assert_int_equal(root.type, JSON_OBJECT);
	assert_int_equal(json_count(root), 6);
	assert_true(json_has_duplicates(root));
	assert_true(slice_is(json_member(root, "a").raw, "2"));
	assert_true(slice_is(json_member(root, "b").raw, "\"\\\\\""));
	assert_true(slice_is(json_member(root, "ab").raw, "-0"));
	assert_true(slice_is(json_member(root, "").raw, "{}"));
	assert_int_equal(json_member(root, "n").type, JSON_NULL);
	assert_true(json_present(json_member(root, "n")));
	assert_false(json_present(json_member(root, "x")));
	assert_false(json_present(json_member(json_member(root, "a"), "x")));
	struct json_iterator iterator = json_iterate(root);
	struct json key, value;
	assert_true(json_next(&iterator, &key, &value));
	assert_true(slice_is(key.raw, "\"a\""));
	assert_true(slice_is(value.raw, "[ 1 , \"]}\\\"\" , {\"x\":[]} , true ]"));
	iterator = json_iterate(value);
	static const char *const elements[] = {"1", "\"]}\\\"\"", "{\"x\":[]}", "true"};
	for (size_t i = 0; i < COUNT_OF(elements); i++) {
		assert_true(json_next(&iterator, &key, &value));
		assert_false(json_present(key));
		assert_true(slice_is(value.raw, elements[i]));
	}
	assert_false(json_next(&iterator, &key, &value));
	assert_false(json_next(&iterator, &key, &value));
	iterator = (struct json_iterator){0};
	assert_false(json_next(&iterator, &key, &value));
	assert_int_equal(json_count(parsed("[]")), 0);
	assert_int_equal(json_count(parsed("{ }")), 0);
}

static void
test_text(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		struct slice text;
	} cases[] = {
	    {"\"\"", TEXT("")},
	    {"\"plain\"", TEXT("plain")},
	    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t")},
	    {"\"a\\u0000b\"", TEXT("a\0b")},
	    {"\"\\u00e9\\u20AC\\uffff\"", TEXT("\xc3\xa9\xe2\x82\xac\xef\xbf\xbf")},
	    {"\"\\ud834\\uDD1Ex\\udbff\\udfff\"", TEXT("\xf0\x9d\x84\x9ex\xf4\x8f\xbf\xbf")},
	    {"\"\xf0\x9d\x84\x9e \\\\u0041\"", TEXT("\xf0\x9d\x84\x9e \\u0041")},
	};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct json string = parsed(cases[i].json);
		assert_true(slice_equal(json_text(&arena, string), cases[i].text));
		assert_true(json_text_is(string, cases[i].text));
		assert_false(json_text_is(string, SLICE("other")));
		struct slice longer = arena_printf(&arena, "%.*sx", SLICE_ARG(cases[i].text));
		assert_false(json_text_is(string, longer));
	}
	arena_free(&arena);
}

static void
test_int64(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"-17", true, -17},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"1.0", false, 0},
	    {"1e2", false, 0},
	    {"\"1\"", false, 0},
	    {"true", false, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t value = 42;
		assert_int_equal(json_int64(parsed(cases[i].text), &value), cases[i].good);
		assert_int_equal(value, cases[i].good ? cases[i].value : 42);
	}
	int64_t value;
	assert_false(json_int64(JSON_ABSENT, &value));
	assert_string_equal(json_type_name(JSON_FALSE), "boolean");
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

/* Names that are equal only after their escapes are resolved, in few members and in many. */
static void
test_duplicates(void **state)
{
	(void)state;
	assert_false(json_has_duplicates(parsed("{}")));
	assert_false(json_has_duplicates(parsed("{\"a\":1,\"aa\":1,\"\":1,\"A\":1,\"b\":{\"a\":1}}")));
	assert_true(json_has_duplicates(parsed("{\"ab\":1,\"x\":1,\"\\u0061\\u0062\":1}")));
	assert_true(json_has_duplicates(parsed("{\"\":1,\"\":1}")));
	struct buf text;
	buf_init(&text, 1 << 20);
	buf_byte(&text, '{');
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "\"k%d\":%d,", i * 7919 % 20000, i);
	size_t length = text.len;
	buf_text(&text, "\"last\":0}");
	buf_byte(&text, '\0');
	assert_false(json_has_duplicates(parsed(text.data)));
	text.len = length;
	buf_text(&text, "\"k\\u0037\":0}");
	buf_byte(&text, '\0');
	assert_true(json_has_duplicates(parsed(text.data)));
	buf_free(&text);
}

static void
test_writer(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	json_put_cstring(&writer, "text", "q\" b\\ n\n t\t r\r f\f b\b \x01\x1f\x7f");
	json_put_string(&writer, "none", SLICE_NONE);
	json_put_string(&writer, "empty", SLICE(""));
	json_put_string(&writer, "bytes", SLICE("a\xff\xc3\xa9\xed\xa0\x80z\xf0\x9d\x84"));
	json_key_slice(&writer, SLICE("k\"y"));
	json_open(&writer, '[');
	json_integer(&writer, INT64_MIN);
	json_bool(&writer, true);
	json_null(&writer);
	json_raw(&writer, SLICE("{\"raw\": 1.50}"));
	json_open(&writer, '[');
	json_close(&writer);
	json_open(&writer, '{');
	json_close(&writer);
	json_string(&writer, SLICE("s\0t"));
	json_close(&writer);
	json_put_integer(&writer, "n", 7);
	json_put_bool(&writer, "b", false);
	json_close(&writer);
	buf_byte(&out, '\0');
	assert_string_equal(out.data,
	    "{\"text\":\"q\\\" b\\\\ n\\n t\\t r\\r f\\f b\\b \\u0001\\u001f\x7f\",\"none\":null,\"empty\":\"\","
	    "\"bytes\":"
	    "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
	    "\"k\\\"y\":[-9223372036854775808,true,null,{\"raw\": 1.50},[],{},\"s\\u0000t\"],\"n\":7,\"b\":false}");
	(void)parsed(out.data);
	buf_free(&out);
}

static void
test_writer_depth(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	for (int i = 0; i < LIMIT_JSON_DEPTH / 2; i++) {
		json_open(&writer, '[');
		json_integer(&writer, i);
		json_open(&writer, '{');
		json_key(&writer, "k");
	}
	json_integer(&writer, 1);
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
		json_close(&writer);
	buf_byte(&out, '\0');
	(void)parsed(out.data);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_suite),
	    cmocka_unit_test(test_string_offsets),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_error_offset),
	    cmocka_unit_test(test_walk),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_int64),
	    cmocka_unit_test(test_duplicates),
	    cmocka_unit_test(test_writer),
	    cmocka_unit_test(test_writer_depth),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
