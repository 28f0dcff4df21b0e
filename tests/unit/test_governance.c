/* The rules of governed change and of challenges that need no store: moves, loosening, answers. */
#include "deliver/challenge.h"
#include "store/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
changes_move_as_the_table_says(void **state)
{
	(void)state;
	static const enum change_state open[] = {CHANGE_REQUESTED, CHANGE_APPROVED};
	static const unsigned to[] = {
	    1u << CHANGE_APPROVED | 1u << CHANGE_REFUSED | 1u << CHANGE_WITHDRAWN | 1u << CHANGE_EXPIRED,
	    1u << CHANGE_APPLIED | 1u << CHANGE_STALE | 1u << CHANGE_REFUSED | 1u << CHANGE_WITHDRAWN};
	for (int from = 0; from < CHANGE_STATE_COUNT; from++) {
		unsigned allowed = 0;
		for (int next = 0; next < CHANGE_STATE_COUNT; next++)
			allowed |= change_may_move((enum change_state)from, (enum change_state)next) ? 1u << next : 0;
		unsigned expected = 0;
		for (size_t i = 0; i < COUNT_OF(open); i++)
			expected = from == (int)open[i] ? to[i] : expected;
		assert_int_equal(allowed, expected);
		enum change_state parsed;
		assert_true(change_state_parse(slice_of(change_state_name((enum change_state)from)), &parsed));
		assert_int_equal(parsed, from);
	}
}

static void
an_endpoint_is_active_only_when_proved(void **state)
{
	(void)state;
	assert_true(endpoint_may_move(ENDPOINT_PENDING_VERIFICATION, ENDPOINT_ACTIVE));
	assert_true(endpoint_may_move(ENDPOINT_DISABLED, ENDPOINT_PENDING_VERIFICATION));
	assert_false(endpoint_may_move(ENDPOINT_PENDING_VERIFICATION, ENDPOINT_SUSPENDED));
	assert_false(endpoint_may_move(ENDPOINT_ACTIVE, ENDPOINT_PENDING_VERIFICATION));
	assert_false(endpoint_may_move(ENDPOINT_DELETED, ENDPOINT_PENDING_VERIFICATION));
}

static void
less_is_looser(void **state)
{
	(void)state;
	struct governance off = {.aspects = 0}, some = {.aspects = GOVERN_BIT(GOVERN_URL), .cool_off_s = 60};
	struct governance more = {.aspects = GOVERN_ALL, .cool_off_s = 60}, sooner = some, told = some, noted = some;
	sooner.cool_off_s = 59;
	told.contact = SLICE("security@bank.example");
	noted.notice = SLICE("Call first.");
	assert_false(governance_loosens(&off, &some));
	assert_false(governance_loosens(&some, &more));
	assert_false(governance_loosens(&some, &noted));
	assert_true(governance_loosens(&some, &off));
	assert_true(governance_loosens(&more, &some));
	assert_true(governance_loosens(&some, &sooner));
	assert_true(governance_loosens(&some, &told));
	assert_true(governance_loosens(&told, &some));
}

static void
answers_to_a_challenge(void **state)
{
	(void)state;
	static const char *const right[] = {"abc", "abc\r\n", "\"abc\"", "{\"challenge\":\"abc\"}",
	    "{ \"status\": 1, \"challenge\" : \"a\\u0062c\" }\n"};
	static const char *const wrong[] = {"", "ab", "abcd", "xabc", " abc", "{\"challenge\":\"ab\"}",
	    "{\"challenge\":7}", "{\"data\":{\"challenge\":\"abc\"}}", "[\"abc\"]", "{\"challenge\":\"abc\"", "null"};
	for (size_t i = 0; i < COUNT_OF(right); i++)
		assert_true(challenge_answered(slice_of(right[i]), SLICE("abc")));
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(challenge_answered(slice_of(wrong[i]), SLICE("abc")));
	assert_false(challenge_answered(SLICE_NONE, SLICE("abc")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(changes_move_as_the_table_says),
	    cmocka_unit_test(an_endpoint_is_active_only_when_proved),
	    cmocka_unit_test(less_is_looser),
	    cmocka_unit_test(answers_to_a_challenge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
