/* Reading records, the form in which values compare, sums, matching, and what the reports make of hostile text. */
#include "test_reconcile_fixture.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

static struct slice
text_of(struct fixture *fixture, enum side side, size_t at, enum member member)
{
	const struct reconcile *reconcile = &fixture->reconcile;
	assert_true(at < reconcile->sides[side]->count);
	return texts_get(&reconcile->texts, reconcile->sides[side]->items[at].members[member], &fixture->arena);
}

static void
expect_text(struct fixture *fixture, enum side side, size_t at, enum member member, const char *expected)
{
	struct slice text = text_of(fixture, side, at, member);
	if (expected == NULL)
		assert_null(text.ptr);
	else
		assert_string_equal(arena_string(&fixture->arena, text), expected);
}

static struct slice
json_of(struct fixture *fixture, enum side side, size_t at)
{
	return record_json(&fixture->reconcile, &fixture->reconcile.sides[side]->items[at], &fixture->arena);
}

/* --- reading ---------------------------------------------------------------------------------------- */

static void
test_csv(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(reconcile_texts(fixture,
			     "\xef\xbb\xbfid,desk, amount_base_units ,client_reference\r\n"
			     "tx_1,\"a \"\"b\"\", c\r\nd\",+0012,\r\n"
			     "\r\n"
			     "tx_2,,-0,\"\"\n"
			     "tx_3,x,-7,r",
			     COLUMNS),
	    OK);
	assert_int_equal(fixture->reconcile.custodian.count, 3);
	expect_text(fixture, SIDE_CUSTODIAN, 0, MEMBER_ID, "tx_1");
	expect_text(fixture, SIDE_CUSTODIAN, 0, MEMBER_AMOUNT, "12");
	expect_text(fixture, SIDE_CUSTODIAN, 0, MEMBER_CLIENT_REFERENCE, NULL);
	assert_string_equal(json_of(fixture, SIDE_CUSTODIAN, 0).ptr,
	    "{\"id\":\"tx_1\",\"amount_base_units\":\"12\",\"desk\":\"a \\\"b\\\", c\\r\\nd\"}");
	expect_text(fixture, SIDE_CUSTODIAN, 1, MEMBER_AMOUNT, "0");
	expect_text(fixture, SIDE_CUSTODIAN, 1, MEMBER_CLIENT_REFERENCE, NULL);
	expect_text(fixture, SIDE_CUSTODIAN, 2, MEMBER_AMOUNT, "-7");
	expect_text(fixture, SIDE_CUSTODIAN, 2, MEMBER_CLIENT_REFERENCE, "r");
	assert_int_equal(fixture->reconcile.custodian.items[1].line, 5);
	assert_int_equal(fixture->reconcile.custodian.items[2].line, 6);
}

static void
test_json_lines(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(reconcile_texts(fixture, COLUMNS,
			     "{\"id\":\"tx_\\u0031\",\"amount_base_units\":340282366920938463463374607431768211456,"
			     "\"output_index\":7,"
			     "\"address\":null,\"tx_hash\":\"\",\"book\":{\"a\":[1]},\"note\":null}\r\n"
			     "\n"
			     "{\"amount_base_units\":\"007\",\"output_index\":\"7\",\"client_reference\":12}"),
	    OK);
	expect_text(fixture, SIDE_LEDGER, 0, MEMBER_ID, "tx_1");
	expect_text(fixture, SIDE_LEDGER, 0, MEMBER_AMOUNT, "340282366920938463463374607431768211456");
	expect_text(fixture, SIDE_LEDGER, 0, MEMBER_ADDRESS, NULL);
	expect_text(fixture, SIDE_LEDGER, 0, MEMBER_TX_HASH, NULL);
	assert_non_null(strstr(json_of(fixture, SIDE_LEDGER, 0).ptr, "\"book\":{\"a\":[1]}}"));
	expect_text(fixture, SIDE_LEDGER, 1, MEMBER_AMOUNT, "7");
	expect_text(fixture, SIDE_LEDGER, 1, MEMBER_OUTPUT_INDEX, "7");
	expect_text(fixture, SIDE_LEDGER, 1, MEMBER_CLIENT_REFERENCE, "12");
	assert_int_equal(fixture->reconcile.ledger.items[1].line, 3);
}

static void
expect_error(struct fixture *fixture, const char *text, const char *at, const char *says)
{
	assert_int_not_equal(reconcile_texts(fixture, text, COLUMNS), OK);
	assert_non_null(strstr(fixture->error.text, "/tmp/vaultbell-reconcile-"));
	if (strstr(fixture->error.text, at) == NULL || strstr(fixture->error.text, says) == NULL)
		fail_msg("%s: expected %s and %s", fixture->error.text, at, says);
}

static void
test_reading_errors(void **state)
{
	struct fixture *fixture = *state;
	expect_error(fixture, "a;b\n", ":1: ", "expected a header");
	expect_error(fixture, "", ":1: ", "expected a header");
	expect_error(fixture, "id,id\n", ":1: ", "\"id\" stands twice");
	expect_error(fixture, "id,status\n1,failed\n2\n", ":3: ", "expected 2 fields");
	expect_error(fixture, "id,status\n\"a\nb\",failed\n2,\"x\"y\n", ":4: ", "expected a field in quotes");
	expect_error(fixture, "id,status\n1,\"x", ":2: ", "expected a field in quotes");
	expect_error(fixture, "id,status\n1,finished\n", ":2: ", "status \"finished\": expected a state");
	expect_error(fixture, "id,direction\n1,up\n", ":2: ", "direction \"up\": expected in, out or internal");
	expect_error(fixture, "id,occurred_at\n1,yesterday\n", ":2: ", "expected a time as in");
	expect_error(fixture, "id,occurred_at\n1,2025-02-30T00:00:00Z\n", ":2: ", "expected a time as in");
	expect_error(fixture, "id,amount_base_units\n1,1.5\n", ":2: ", "expected an integer in base units");
	expect_error(fixture, "id,fee_base_units\n1,1e3\n", ":2: ", "expected an integer in base units");
	expect_error(fixture, "{\"id\":1}\n{]\n", ":2: ", "expected");
	expect_error(fixture, "{\"id\":1}\n[1]\n", "expected", "");
	expect_error(fixture, "{\"amount_base_units\":1.0}\n", ":1: ", "written as an integer");
	expect_error(fixture, "{\"id\":{}}\n", ":1: ", "not object");
}

/* Rows and fields that lie across the pieces in which the file is read. */
static void
test_long_file(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 30000 };
	struct buf text;
	buf_init(&text, 8 << 20);
	buf_text(&text, "id,note,amount_base_units\n");
	for (int i = 0; i < ROWS; i++)
		buf_printf(&text, "tx_%d,\"one \"\"two\"\"\nthree %d\",%d\n", i, i, i);
	buf_byte(&text, '\0');
	assert_int_equal(reconcile_texts(fixture, text.data, COLUMNS), OK);
	buf_free(&text);
	assert_int_equal(fixture->reconcile.custodian.count, ROWS);
	for (size_t i = 0; i < ROWS; i += 997) {
		char id[32], json[128];
		snprintf(id, sizeof id, "tx_%zu", i);
		snprintf(json, sizeof json,
		    "{\"id\":\"tx_%zu\",\"amount_base_units\":\"%zu\",\"note\":\"one \\\"two\\\"\\n"
		    "three %zu\"}",
		    i, i, i);
		expect_text(fixture, SIDE_CUSTODIAN, i, MEMBER_ID, id);
		assert_string_equal(json_of(fixture, SIDE_CUSTODIAN, i).ptr, json);
		assert_int_equal(fixture->reconcile.custodian.items[i].line, 2 + 2 * i);
	}
}

static void
test_times(void **state)
{
	(void)state;
	static const char *const good[] = {"2025-01-31T12:00:00Z", "2025-01-31T12:00:00.5Z",
	    "2024-02-29T23:59:59.999999Z", "2025-01-31T12:00:00+01:00", "2000-02-28T00:00:00Z",
	    "2099-12-31T00:00:00.123Z", "1999-03-01T00:00:00Z", "2025-01-31t12:00:00z", "2025-12-01T00:00:00.1234567Z"};
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct wall_time quick, slow;
		assert_true(record_time(slice_of(good[i]), &quick));
		assert_true(time_parse(slice_of(good[i]), &slow));
		assert_int_equal(quick.us, slow.us);
	}
	static const char *const bad[] = {"", "2025-01-31", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
	    "2025-01-01T24:00:00Z", "2025-01-01T00:00:00.Z", "2025-01-01T00:00:00", "2025-01-01T00:00:0xZ"};
	struct wall_time time;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(record_time(slice_of(bad[i]), &time));
}

/* --- texts and amounts ------------------------------------------------------------------------------ */

static void
test_texts(void **state)
{
	struct fixture *fixture = *state;
	struct texts texts;
	texts_init(&texts);
	static const char *const different[] = {"0xab", "ab", "AB", "0xAB", "0x12345678", "12345678", "0x123456780",
	    "123456789", "0x", "x", "\xab\xcd", "deadbeefdeadbeef", "0xdeadbeefdeadbeef", "deadbeefdeadbeeg"};
	struct text first[COUNT_OF(different)];
	for (size_t i = 0; i < COUNT_OF(different); i++)
		first[i] = texts_put(&texts, slice_of(different[i]));
	char long_text[1000];
	memset(long_text, 'a', sizeof long_text);
	struct text packed = texts_put(&texts, (struct slice){long_text, sizeof long_text});
	struct text plain = texts_put(&texts, (struct slice){long_text, sizeof long_text - 1});
	for (size_t i = 0; i < COUNT_OF(different); i++) {
		assert_true(text_equal(first[i], texts_put(&texts, slice_of(different[i]))));
		assert_true(text_equal(first[i], texts_find(&texts, slice_of(different[i]))));
		assert_string_equal(texts_get(&texts, first[i], &fixture->arena).ptr, different[i]);
		for (size_t k = 0; k < i; k++)
			assert_false(text_equal(first[i], first[k]));
	}
	assert_int_equal(texts_get(&texts, packed, &fixture->arena).len, sizeof long_text);
	assert_memory_equal(texts_get(&texts, plain, &fixture->arena).ptr, long_text, sizeof long_text - 1);
	assert_false(text_present(texts_put(&texts, SLICE(""))));
	assert_false(text_present(texts_find(&texts, SLICE("not there"))));
	for (int i = 0; i < 5000; i++) {
		struct slice text = arena_printf(&fixture->arena, "t%d", i);
		struct text put = texts_put(&texts, text);
		assert_true(text_equal(put, texts_find(&texts, text)));
	}
	assert_string_equal(texts_get(&texts, first[4], &fixture->arena).ptr, "0x12345678");
	texts_fini(&texts);
}

/* Rows of three sources, one in the order of the first and one in another: a text has one number however it was found, and
 * reads back as it was put. */
static void
test_texts_of_rows(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 2000, VALUES = 6 };
	struct texts texts;
	struct random random;
	texts_init(&texts);
	random_seed(&random, 5);
	struct slice(*rows)[VALUES] = arena_alloc(&fixture->arena, ROWS * sizeof *rows);
	struct text(*first)[VALUES] = arena_alloc(&fixture->arena, ROWS * sizeof *first);
	struct text last[VALUES] = {TEXT_NONE};
	for (uint64_t i = 0; i < ROWS; i++) {
		rows[i][0] = arena_printf(&fixture->arena, "tx_%d", (int)i);
		rows[i][1] = random_below(&random, 9) == 0 ? SLICE_NONE : SLICE("native");
		rows[i][2] = arena_printf(&fixture->arena, "%d", (int)random_below(&random, 300) * 1000000);
		rows[i][3] = arena_printf(&fixture->arena, "0x%016lx", (unsigned long)(i / 2 * 0x9e3779b97f4a7c15));
		rows[i][4] = arena_printf(&fixture->arena, "%016lx", (unsigned long)(i / 2 * 0x9e3779b97f4a7c15));
		rows[i][5] = random_below(&random, 9) == 0 ? rows[i][0] : SLICE("0xa0b86991c6218b36");
		texts_put_many(&texts, rows[i], VALUES, last);
		memcpy(first[i], last, sizeof last);
	}
	for (uint64_t i = 0; i < ROWS * 2; i++) {
		uint64_t row = i < ROWS ? i : random_below(&random, ROWS);
		texts_put_many(&texts, rows[row], VALUES, last);
		for (size_t k = 0; k < VALUES; k++) {
			assert_true(text_equal(last[k], first[row][k]));
			assert_true(text_equal(last[k], texts_put(&texts, rows[row][k])));
			assert_true(slice_equal(texts_get(&texts, last[k], &fixture->arena), rows[row][k]));
		}
	}
	struct text again = TEXT_NONE;
	for (uint64_t i = 0; i < 8; i++) {
		texts_put_again(&texts, rows[i / 2][0], &again);
		assert_true(text_equal(again, first[i / 2][0]));
	}
	texts_fini(&texts);
}

static void
test_sums(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *terms[4];
		const char *sum;
	} cases[] = {
	    {{"0"}, "0"},
	    {{"1", "-1"}, "0"},
	    {{"999999999999999999", "1"}, "1000000000000000000"},
	    {{"1000000000000000000", "-1"}, "999999999999999999"},
	    {{"-1000000000000000000000000000000000000", "1"}, "-999999999999999999999999999999999999"},
	    {{"5", "-7"}, "-2"},
	    {{"-5", "7"}, "2"},
	    {{"123456789012345678901234567890", "987654321098765432109876543210"}, "1111111110111111111011111111100"},
	    {{"5", "-1000000000000000000000000000000000005", "1000000000000000000000000000000000005"}, "5"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct amount plus = AMOUNT_ZERO, minus = AMOUNT_ZERO;
		for (size_t k = 0; k < 4 && cases[i].terms[k] != NULL; k++) {
			amount_add(&plus, slice_of(cases[i].terms[k]), false);
			amount_add(&minus, slice_of(cases[i].terms[k]), true);
		}
		assert_string_equal(arena_string(&fixture->arena, amount_text(&plus, &fixture->arena)), cases[i].sum);
		amount_add(&plus, amount_text(&minus, &fixture->arena), false);
		assert_true(slice_is(amount_text(&plus, &fixture->arena), "0"));
		amount_fini(&plus);
		amount_fini(&minus);
	}
}

/* --- the form in which values compare --------------------------------------------------------------- */

static void
test_canonical(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *network, *address, *expected;
	} addresses[] = {
	    {"eip155:1", "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
	    {"eip155:1", "5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
	    {"", "0XAB", "0xab"},
	    {"bip122:000000000019d6689c085ae165831e93", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
	    {"bip122:000000000019d6689c085ae165831e93", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
		"1BoatSLRHtKNngkdXEeobR76b53LETtpyT"},
	    {"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
		"9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"},
	};
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		struct slice found =
		    canonical_address(slice_of(addresses[i].address), slice_of(addresses[i].network), &fixture->arena);
		assert_string_equal(arena_string(&fixture->arena, found), addresses[i].expected);
	}
	assert_true(slice_is(canonical_hash(SLICE("0xAbC1"), &fixture->arena), "0xabc1"));
	assert_true(slice_is(canonical_hash(SLICE("ABCDEF01"), &fixture->arena), "abcdef01"));
	assert_true(slice_is(canonical_hash(SLICE("5VERv8NMvzbJ"), &fixture->arena), "5VERv8NMvzbJ"));
}

/* --- matching --------------------------------------------------------------------------------------- */

/* Who stands together: "c0l0j0" for each group, - for a source that has none. */
static struct slice
groups_of(struct fixture *fixture)
{
	struct slice list = SLICE("");
	for (size_t i = 0; i < fixture->reconcile.match.group_count; i++) {
		const struct match_group *group = &fixture->reconcile.match.groups[i];
		list = arena_printf(&fixture->arena, "%.*s%s", SLICE_ARG(list), i > 0 ? " " : "");
		static const enum side sides[] = {SIDE_CUSTODIAN, SIDE_LEDGER, SIDE_JOURNAL};
		for (size_t k = 0; k < COUNT_OF(sides); k++) {
			uint32_t index = group->side[sides[k]];
			list = index == RECORD_NONE
				   ? arena_printf(&fixture->arena, "%.*s-", SLICE_ARG(list))
				   : arena_printf(&fixture->arena, "%.*s%d", SLICE_ARG(list), (int)index);
		}
	}
	return list;
}

static void
expect_groups(struct fixture *fixture, const char *custodian, const char *ledger, const char *groups)
{
	if (reconcile_texts(fixture, custodian, ledger) != OK)
		fail_msg("%s", fixture->error.text);
	assert_string_equal(groups_of(fixture).ptr, groups);
}

static void
test_matching(void **state)
{
	struct fixture *fixture = *state;
	/* By id, whatever else differs. */
	expect_groups(
	    fixture, COLUMNS "a,r1,,,,,,,,,,\nb,r2,,,,,,,,,,\n", COLUMNS "b,r1,,,,,,,,,,\na,r2,,,,,,,,,,\n", "01- 10-");
	/* By hash without case, where network, output and direction are the same, and empty equals only empty. */
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,0xAA,0,,\n", COLUMNS ",,in,n,,,,,0xaa,0,,\n", "00-");
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,0xAA,0,,\n", COLUMNS ",,in,n,,,,,0xaa,1,,\n", "0-- -0-");
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,0xAA,0,,\n", COLUMNS ",,in,n,,,,,0xaa,,,\n", "0-- -0-");
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,0xAA,0,,\n", COLUMNS ",,out,n,,,,,0xaa,0,,\n", "0-- -0-");
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,0xAA,0,,\n", COLUMNS ",,in,m,,,,,0xaa,0,,\n", "0-- -0-");
	/* No hash is no key. */
	expect_groups(fixture, COLUMNS "a,,in,n,,,,,,,,\n", COLUMNS ",,in,n,,,,,,,,\n", "0-- -0-");
	/* By reference, byte for byte; the id goes before it, and the first of several is taken. */
	expect_groups(fixture, COLUMNS "a,r,,,,,,,,,,\n", COLUMNS ",r,,,,,,,,,,\n", "00-");
	expect_groups(fixture, COLUMNS "a,r,,,,,,,,,,\n", COLUMNS ",R,,,,,,,,,,\n", "0-- -0-");
	expect_groups(
	    fixture, COLUMNS "a,r,,,,,,,,,,\nb,r,,,,,,,,,,\n", COLUMNS ",r,,,,,,,,,,\na,,,,,,,,,,,\n", "01- 10-");
	expect_groups(
	    fixture, COLUMNS "a,r,,,,,,,,,,\nb,r,,,,,,,,,,\n", COLUMNS ",r,,,,,,,,,,\n,r,,,,,,,,,,\n", "00- 11-");
}

static void
test_matching_of_three(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 0, "transaction.request.submitted", "a", THEN, "\"client_reference\":\"r\"");
	journal_event(fixture, 0, "transaction.request.submitted", "b", THEN, "\"client_reference\":\"s\"");
	/* The ledger knows it only by what the journal knows. */
	expect_groups(fixture, COLUMNS "a,,,,,,,,,,,\n", COLUMNS ",r,,,,,,,,,,\n,s,,,,,,,,,,\n", "000 -11");
	assert_string_equal(group_key(&fixture->reconcile, 0, &fixture->arena).ptr, "a (client_reference r)");
	assert_string_equal(group_key(&fixture->reconcile, 1, &fixture->arena).ptr, "b (client_reference s)");
}

/* Many records under one reference cost no more than others. */
static void
test_one_reference(void **state)
{
	struct fixture *fixture = *state;
	enum { ROWS = 60000 };
	struct buf text;
	buf_init(&text, 8 << 20);
	buf_text(&text, COLUMNS);
	for (int i = 0; i < ROWS; i++)
		buf_text(&text, ",batch,,,,,,,,,,\n");
	buf_byte(&text, '\0');
	assert_int_equal(reconcile_texts(fixture, text.data, text.data), OK);
	buf_free(&text);
	assert_int_equal(fixture->reconcile.match.group_count, ROWS);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(fixture->reconcile.match.groups[i].side[SIDE_LEDGER], i);
}

static void
test_suggestions(void **state)
{
	struct fixture *fixture = *state;
#define ROW(id, amount, time) id ",,in,eip155:1,native," amount ",,0xAB,,,completed," time "\n"
	expect_breaks(fixture, COLUMNS ROW("a", "5", THEN), COLUMNS ROW("", "5", "2025-01-09T12:10:00Z"),
	    "MISSING_EVENT MISSING_AT_CUSTODIAN MISSING_IN_LEDGER");
	assert_int_equal(fixture->reconcile.match.suggestion_count, 1);
	assert_non_null(strstr(view_at(fixture, 2).detail.ptr, "the ledger's line 2 looks like it"));
	expect_breaks(fixture, COLUMNS ROW("a", "5", THEN), COLUMNS ROW("", "5", "2025-01-09T12:10:01Z"),
	    "MISSING_EVENT MISSING_AT_CUSTODIAN MISSING_IN_LEDGER");
	assert_int_equal(fixture->reconcile.match.suggestion_count, 0);
	expect_breaks(fixture, COLUMNS ROW("a", "", THEN), COLUMNS ROW("", "", THEN),
	    "MISSING_EVENT MISSING_AT_CUSTODIAN MISSING_IN_LEDGER");
	assert_int_equal(fixture->reconcile.match.suggestion_count, 0);
#undef ROW
}

/* --- reports ---------------------------------------------------------------------------------------- */

static const char *
report_of(struct fixture *fixture, void (*report)(const struct reconcile *reconcile, struct report_file *out))
{
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	struct report_file out;
	report_file_init(&out, file);
	report(&fixture->reconcile, &out);
	assert_true(report_file_fini(&out));
	fclose(file);
	const char *copy = arena_string(&fixture->arena, (struct slice){text, length});
	free(text);
	return copy;
}

static void
test_reports(void **state)
{
	struct fixture *fixture = *state;
	expect_breaks(
	    fixture, COLUMNS, "{\"id\":\"=1<b>&\\u001b[31m'\\\"\",\"note\":\"<script>\"}\n", "MISSING_AT_CUSTODIAN");
	const char *table = report_of(fixture, report_table);
	assert_null(strchr(table, '\x1b'));
	assert_non_null(strstr(table, "MISSING_AT_CUSTODIAN  high"));
	const char *html = report_of(fixture, report_html);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<b>&"));
	assert_non_null(strstr(html, "=1&lt;b&gt;&amp;"));
	assert_null(strstr(html, "http://"));
	assert_non_null(strstr(report_of(fixture, report_csv), ",\"'=1<b>&"));
	const char *text = report_of(fixture, report_json);
	struct json report;
	struct slice body = slice_of(text);
	assert_int_equal(json_parse(body, 64, &report, NULL), OK);
	static const char *const members[] = {"as_of", "matched", "counts", "breaks"};
	struct json_iterator iterator = json_iterate(report);
	struct json key, value;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		assert_true(json_next(&iterator, &key, &value));
		assert_true(json_text_is(key, slice_of(members[i])));
	}
	assert_false(json_next(&iterator, &key, &value));
	assert_true(json_text_is(json_member(report, "as_of"), SLICE(AS_OF)));
	assert_non_null(strstr(text, "\"journal\":null,\"custodian\":null,\"ledger\":{\"id\":"));
}

static void
test_sources(void **state)
{
	(void)state;
	struct reconcile_source source;
	struct error error = ERROR_NONE;
	assert_int_equal(reconcile_source_parse("csv:a:b", &source, &error), OK);
	assert_int_equal(source.format, RECORD_CSV);
	assert_string_equal(source.path, "a:b");
	assert_int_equal(reconcile_source_parse("jsonl:x", &source, &error), OK);
	assert_int_equal(source.format, RECORD_JSONL);
	static const char *const bad[] = {"acme", "csv:", "json:x", ""};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(reconcile_source_parse(bad[i], &source, &error), ERR_INVALID);
		assert_non_null(strstr(error.text, "csv:FILE, jsonl:FILE"));
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_csv),
	    TEST(test_json_lines),
	    TEST(test_reading_errors),
	    TEST(test_long_file),
	    TEST(test_times),
	    TEST(test_texts),
	    TEST(test_texts_of_rows),
	    TEST(test_sums),
	    TEST(test_canonical),
	    TEST(test_matching),
	    TEST(test_matching_of_three),
	    TEST(test_one_reference),
	    TEST(test_suggestions),
	    TEST(test_reports),
	    TEST(test_sources),
	};
	return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
