/* The base layer: buffers and their limits, arenas, ids, time, text forms, slices, randomness. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/id.h"
#include "base/random.h"
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static void
test_buf(void **state)
{
	(void)state;
	struct buf buf;
	buf_init(&buf, 10);
	assert_true(slice_is(buf_slice(&buf), ""));
	buf_text(&buf, "12345");
	buf_append(&buf, SLICE_NONE);
	buf_byte(&buf, '6');
	buf_append(&buf, SLICE("7890"));
	assert_false(buf.overflow);
	assert_true(slice_is(buf_slice(&buf), "1234567890"));
	buf_byte(&buf, 'x');
	assert_true(buf.overflow);
	assert_int_equal(buf.len, 10);
	buf_clear(&buf);
	buf_text(&buf, "12345678901");
	assert_true(buf.overflow && buf.len == 0);
	/* After an overflow nothing is written any more, so no text has a hole. */
	buf_text(&buf, "1");
	buf_printf(&buf, "%d", 1);
	assert_null(buf_reserve(&buf, 1));
	assert_int_equal(buf.len, 0);
	buf_free(&buf);
	buf_init(&buf, 1 << 16);
	for (int i = 0; i < 2000; i++)
		buf_printf(&buf, "%04d,", i);
	assert_int_equal(buf.len, 10000);
	assert_memory_equal(buf.data + 5 * 1234, "1234,", 5);
	buf_free(&buf);
	assert_null(buf.data);
}

static void
test_arena(void **state)
{
	(void)state;
	struct arena arena = ARENA_EMPTY;
	char *blocks[400];
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		size_t bytes = i * 37 % 5000;
		blocks[i] = arena_alloc(&arena, bytes + 1);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		for (size_t j = 0; j <= bytes; j++)
			assert_int_equal(blocks[i][j], 0);
		memset(blocks[i], (int)(i & 127), bytes + 1);
	}
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		for (size_t j = 0; j <= i * 37 % 5000; j++)
			assert_int_equal(blocks[i][j], i & 127);
	assert_false(slice_present(arena_copy(&arena, SLICE_NONE)));
	struct slice copy = arena_copy(&arena, SLICE(""));
	assert_true(slice_present(copy) && copy.ptr[0] == '\0');
	assert_true(slice_is(arena_printf(&arena, "%d-%s", 7, "x"), "7-x"));
	/* Of every length around the end of a block, and nothing that was given out is written over. */
	for (int length = 0; length < 700; length++) {
		struct slice text = arena_printf(&arena, "%*d", length, 7), joined;
		joined = ARENA_JOIN(&arena, text, SLICE_NONE, SLICE("-"), text);
		assert_int_equal(text.len, length < 1 ? 1 : length);
		assert_int_equal(joined.len, 2 * text.len + 1);
		assert_int_equal(text.ptr[text.len], 0);
		assert_int_equal(joined.ptr[joined.len], 0);
		assert_true(slice_starts(joined, text) && slice_equal(slice_skip(joined, text.len + 1), text));
		assert_int_equal(text.ptr[text.len - 1], '7');
	}
	struct slice items[] = {SLICE("a"), SLICE_NONE};
	struct slice_list list = arena_list(&arena, (struct slice_list){items, 2});
	assert_true(slice_is(list.items[0], "a") && list.items[0].ptr != items[0].ptr);
	assert_false(slice_present(list.items[1]));
	arena_free(&arena);
	assert_int_equal(arena.used, 0);
	assert_string_equal(arena_string(&arena, SLICE("again")), "again");
	arena_free(&arena);
}

static void
test_ids(void **state)
{
	(void)state;
	struct id_source source = {0};
	struct wall_time now = {1700000000123456};
	char text[ID_TEXT_BYTES], before[ID_TEXT_BYTES] = "";
	int64_t last = 0;
	for (int i = 0; i < 5000; i++) {
		/* The clock steps back now and then; ids and their texts rise all the same. */
		now.us += i % 7 == 0 ? -3000000 : 700;
		int64_t id = id_next(&source, now), parsed;
		assert_true(id > last);
		last = id;
		assert_int_equal(strlen(id_format(ID_MESSAGE, id, text)), 4 + ID_DIGITS);
		assert_true(strcmp(text, before) > 0);
		memcpy(before, text, sizeof before);
		assert_true(id_parse(ID_MESSAGE, slice_of(text), &parsed));
		assert_int_equal(parsed, id);
	}
	now.us = 1700000000123456;
	source.last = 0;
	int64_t id = id_next(&source, now);
	assert_int_equal(id_time(id).us, 1700000000123000);
	assert_int_equal(id_floor(now), id);
	assert_int_equal(id_floor((struct wall_time){0}), 0);
}

static void
test_id_refusals(void **state)
{
	(void)state;
	char text[ID_TEXT_BYTES];
	int64_t id = id_floor((struct wall_time){1700000000000000}) + 5, parsed;
	for (enum id_kind kind = 0; kind < ID_KIND_COUNT; kind++) {
		struct slice whole = slice_of(id_format(kind, id, text));
		assert_true(slice_starts(whole, slice_of(id_prefix(kind))));
		for (enum id_kind other = 0; other < ID_KIND_COUNT; other++) {
			assert_int_equal(id_parse(other, whole, &parsed), kind == other);
			/* Another kind's prefix before the same digits is no id either. */
			char crossed[ID_TEXT_BYTES];
			snprintf(crossed, sizeof crossed, "%s%s", id_prefix(other), text + strlen(id_prefix(kind)));
			assert_int_equal(id_parse(other, slice_of(crossed), &parsed), kind == other);
		}
		for (size_t at = 0; at < whole.len; at++) {
			char kept = text[at];
			text[at] = kept == 'x' ? 'y' : 'x';
			assert_false(id_parse(kind, whole, &parsed));
			text[at] = kept;
		}
		assert_false(id_parse(kind, (struct slice){text, whole.len - 1}, &parsed));
		text[whole.len] = '0';
		assert_false(id_parse(kind, (struct slice){text, whole.len + 1}, &parsed));
	}
	assert_false(id_parse(ID_MESSAGE, SLICE("msg_zzzzzzzzzzzzzzzzzzzzzzzzzzz"), &parsed));
	assert_false(id_parse(ID_MESSAGE, SLICE("msg_-00000000000000000000000000"), &parsed));
	assert_false(id_parse(ID_MESSAGE, SLICE(""), &parsed));
	assert_false(id_parse(ID_MESSAGE, SLICE_NONE, &parsed));
}

static void
test_time(void **state)
{
	(void)state;
	char text[TIME_TEXT_BYTES];
	struct wall_time time = {1614265330123456};
	assert_string_equal(time_format(time, 6, text), "2021-02-25T15:02:10.123456Z");
	assert_string_equal(time_format(time, 3, text), "2021-02-25T15:02:10.123Z");
	assert_string_equal(time_format(time, 0, text), "2021-02-25T15:02:10Z");
	assert_string_equal(time_format((struct wall_time){-1}, 6, text), "1969-12-31T23:59:59.999999Z");
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
	    {"2021-02-25T15:02:10.123456Z", 1614265330123456},
	    {"2021-02-25T15:02:10.1234567891Z", 1614265330123456},
	    {"2021-02-25t15:02:10z", 1614265330000000},
	    {"2021-02-25 16:32:10+01:30", 1614265330000000},
	    {"2021-02-25T12:02:10.5-03:00", 1614265330500000},
	    {"1970-01-01T00:00:00Z", 0},
	    {"2000-02-29T00:00:00Z", 951782400000000},
	};
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(time_parse(slice_of(good[i].text), &time));
		assert_int_equal(time.us, good[i].us);
	}
	static const char *const bad[] = {"", "2021-02-25", "2021-02-25T15:02:10", "2021-02-29T00:00:00Z",
	    "1900-02-29T00:00:00Z", "2021-13-01T00:00:00Z", "2021-00-01T00:00:00Z", "2021-01-00T00:00:00Z",
	    "2021-04-31T00:00:00Z", "2021-01-01T24:00:00Z", "2021-01-01T00:60:00Z", "2021-01-01T00:00:61Z",
	    "2021-01-01T00:00:00.Z", "2021-01-01T00:00:00ZZ", "2021-01-01T00:00:00+24:00", "2021-01-01T00:00:00+0100",
	    "2021-1-01T00:00:00Z", "+021-01-01T00:00:00Z", "2021-01-01X00:00:00Z", "1614265330"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (time_parse(slice_of(bad[i]), &time))
			fail_msg("taken: %s", bad[i]);
}

/* Against the C library, over the years of four digits and at their ends; beyond them nothing is lost either. */
static void
test_time_format(void **state)
{
	(void)state;
	static const int64_t edges[] = {-30610224000, -30610224001, 253402300799, 253402300800, -1, 0, 951782399,
	    951782400, 4107542399, 4107542400, -2203891200, 68169600, 9223372036854, -9223372036854};
	struct random random;
	random_seed(&random, 3);
	for (size_t i = 0; i < 20000 + COUNT_OF(edges); i++) {
		time_t seconds =
		    i < COUNT_OF(edges) ? edges[i] : (time_t)random_below(&random, 284012524800) - 30610224000;
		char expected[64], text[TIME_TEXT_BYTES];
		struct tm tm;
		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.007008Z", &tm);
		assert_string_equal(time_format((struct wall_time){seconds * 1000000 + 7008}, 6, text), expected);
		struct wall_time parsed;
		if (tm.tm_year + 1900 >= 1000 && tm.tm_year + 1900 <= 9999) {
			assert_true(time_parse(slice_of(text), &parsed));
			assert_int_equal(parsed.us, seconds * 1000000 + 7008);
		}
	}
}

static void
test_duration(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"100ms", 100}, {"0s", 0}, {"5s", 5000}, {"5m", 300000}, {"36h", 129600000}, {"2d", 172800000}};
	int64_t ms;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_true(duration_parse(slice_of(good[i].text), &ms));
		assert_int_equal(ms, good[i].ms);
	}
	static const char *const bad[] = {
	    "", "5", "s", "1.5h", "-1s", "5 s", "5S", "5sec", "1h30m", "106751991168d", "99999999999999999999s"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (duration_parse(slice_of(bad[i]), &ms))
			fail_msg("taken: %s", bad[i]);
}

/* The examples of RFC 4648 section 10, and what strict decoding refuses. */
static void
test_base64(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "+/8="}};
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		struct slice plain = slice_of(pairs[i][0]), text = slice_of(pairs[i][1]);
		struct buf out;
		buf_init(&out, 100);
		base64_append(&out, plain);
		assert_true(slice_equal(buf_slice(&out), text));
		assert_true(slice_equal(base64_decode(&arena, text, false), plain));
		struct slice bare = text;
		while (bare.len > 0 && bare.ptr[bare.len - 1] == '=')
			bare.len--;
		assert_true(slice_equal(base64_decode(&arena, bare, true), plain));
		assert_int_equal(slice_present(base64_decode(&arena, bare, false)), bare.len == text.len);
		buf_free(&out);
	}
	static const char *const bad[] = {"Z", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v====", "Zm 9v", "Zm9v\n",
	    "-_8=", "====", "Zg=a", "Z\xc3\xa4=="};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (slice_present(base64_decode(&arena, slice_of(bad[i]), true)))
			fail_msg("taken: %s", bad[i]);
	assert_true(slice_is(base64url_decode(&arena, SLICE("-_8")), "\xfb\xff"));
	assert_false(slice_present(base64url_decode(&arena, SLICE("-_8="))));
	assert_false(slice_present(base64url_decode(&arena, SLICE("+/8"))));
	assert_true(slice_is(hex_decode(&arena, SLICE("00fFa1")), "") == false);
	assert_true(slice_equal(hex_decode(&arena, SLICE("00fFa1")), SLICE("\0\xff\xa1")));
	assert_false(slice_present(hex_decode(&arena, SLICE("abc"))));
	assert_false(slice_present(hex_decode(&arena, SLICE("0g"))));
	assert_true(slice_is(percent_decode(&arena, SLICE("a%20b+%2F"), true), "a b /"));
	assert_true(slice_is(percent_decode(&arena, SLICE("a+b"), false), "a+b"));
	assert_false(slice_present(percent_decode(&arena, SLICE("%2"), false)));
	assert_false(slice_present(percent_decode(&arena, SLICE("%gg"), false)));
	arena_free(&arena);
}

static void
test_slices(void **state)
{
	(void)state;
	assert_true(slice_equal_nocase(SLICE("Webhook-ID"), SLICE("wEBHOOK-id")));
	assert_false(slice_equal_nocase(SLICE("a@"), SLICE("A`")));
	assert_true(slice_is(slice_trim(SLICE(" \ta b\t ")), "a b"));
	assert_int_equal(slice_trim(SLICE(" \t")).len, 0);
	struct slice rest = SLICE("a,,b");
	assert_true(slice_is(slice_cut(&rest, ','), "a"));
	assert_true(slice_is(slice_cut(&rest, ','), ""));
	assert_true(slice_is(slice_cut(&rest, ','), "b"));
	assert_false(slice_present(rest));
	rest = SLICE("a,");
	assert_true(slice_is(slice_cut(&rest, ','), "a"));
	assert_true(slice_present(rest) && rest.len == 0);
	int64_t number;
	assert_true(slice_to_int64(SLICE("009223372036854775807"), &number) && number == INT64_MAX);
	assert_false(slice_to_int64(SLICE("9223372036854775808"), &number));
	assert_false(slice_to_int64(SLICE(""), &number));
	assert_false(slice_to_int64(SLICE("-1"), &number));
	assert_false(slice_to_int64(SLICE("1 "), &number));
	assert_true(slice_compare(SLICE("a"), SLICE("ab")) < 0);
	assert_true(slice_compare(SLICE("b"), SLICE("ab")) > 0);
	assert_int_equal(slice_compare(SLICE("ab"), SLICE("ab")), 0);
	assert_true(slice_skip(SLICE("ab"), 5).len == 0);
	assert_false(slice_present(slice_of(NULL)));
}

static void
test_random(void **state)
{
	(void)state;
	struct random one, same, other;
	random_seed(&one, 7);
	random_seed(&same, 7);
	random_seed(&other, 8);
	unsigned counts[10] = {0}, differing = 0, chances = 0;
	for (int i = 0; i < 10000; i++) {
		uint64_t value = random_next(&one);
		assert_true(value == random_next(&same));
		differing += value != random_next(&other);
		uint64_t below = random_below(&other, 10);
		assert_true(below < 10);
		counts[below]++;
		chances += random_chance(&other, 1, 4);
	}
	assert_true(differing > 9990);
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		assert_in_range(counts[i], 850, 1150);
	assert_in_range(chances, 2300, 2700);
	assert_int_equal(random_below(&other, 1), 0);
	unsigned char bytes[32] = {0}, zero[32] = {0};
	random_bytes(bytes, sizeof bytes);
	assert_memory_not_equal(bytes, zero, sizeof bytes);
}

static void
test_errors(void **state)
{
	(void)state;
	struct error error = ERROR_NONE;
	assert_int_equal(error_set(&error, ERR_LIMIT, "%d is over %d", 5, 4), ERR_LIMIT);
	assert_int_equal(error_wrap(&error, "line %d", 3), ERR_LIMIT);
	assert_string_equal(error.text, "line 3: 5 is over 4");
	assert_int_equal(error_set(NULL, ERR_IO, "nobody reads this"), ERR_IO);
	for (int i = 0; i < 40; i++)
		(void)error_wrap(&error, "a context that is wrapped until the room is used up");
	assert_int_equal(strlen(error.text), sizeof error.text - 1);
	struct secret secret = secret_copy(SLICE("abc"));
	assert_true(slice_is(secret_reveal(&secret), "abc"));
	secret_free(&secret);
	assert_null(secret.bytes);
	secret_free(&secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buf),
	    cmocka_unit_test(test_arena),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_id_refusals),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_time_format),
	    cmocka_unit_test(test_duration),
	    cmocka_unit_test(test_base64),
	    cmocka_unit_test(test_slices),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_errors),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
