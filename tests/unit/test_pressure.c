/* When new events are refused, and when they are taken again. */
#include "server/pressure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct pressure
limited(void)
{
	return (struct pressure){.limits = {.queue_bytes = 1000, .memory_bytes = 10000, .disk_floor_bytes = 400}};
}

static enum pressure_reason
judge(struct pressure *pressure, int64_t queue, int64_t memory, int64_t disk)
{
	return pressure_judge(pressure, &(struct pressure_reading){queue, memory, disk});
}

static void
test_opens_well_below(void **state)
{
	(void)state;
	struct pressure pressure = limited();
	static const struct {
		int64_t queue, memory, disk;
		enum pressure_reason reason;
	} rows[] = {
	    {1000, 10000, 400, PRESSURE_REASON_COUNT},
	    {1001, 0, 9999, PRESSURE_QUEUE},
	    {501, 0, 9999, PRESSURE_QUEUE},
	    {500, 0, 9999, PRESSURE_REASON_COUNT},
	    {0, 10001, 9999, PRESSURE_MEMORY},
	    {0, 9001, 9999, PRESSURE_MEMORY},
	    {0, 9000, 9999, PRESSURE_REASON_COUNT},
	    {0, 0, 399, PRESSURE_DISK},
	    {0, 0, 499, PRESSURE_DISK},
	    {0, 0, -1, PRESSURE_DISK}, /* not known: it stays as it was */
	    {0, 0, 500, PRESSURE_REASON_COUNT},
	    {5000, 50000, 0, PRESSURE_DISK},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(judge(&pressure, rows[i].queue, rows[i].memory, rows[i].disk), rows[i].reason);
	assert_int_equal(pressure.refused[PRESSURE_QUEUE], 2);
	assert_int_equal(pressure.refused[PRESSURE_MEMORY], 2);
	assert_int_equal(pressure.refused[PRESSURE_DISK], 4);
}

static void
test_no_limit(void **state)
{
	(void)state;
	struct pressure pressure = {.limits = {.queue_bytes = 1000}};
	assert_int_equal(judge(&pressure, 0, INT64_MAX, 0), PRESSURE_REASON_COUNT);
}

static void
test_answers(void **state)
{
	(void)state;
	assert_int_equal(pressure_answer(PRESSURE_QUEUE)->status, 429);
	assert_int_equal(pressure_answer(PRESSURE_MEMORY)->status, 429);
	assert_int_equal(pressure_answer(PRESSURE_DISK)->status, 503);
	for (int i = 0; i < PRESSURE_REASON_COUNT; i++)
		assert_true(pressure_answer((enum pressure_reason)i)->retry_after_s > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opens_well_below),
	    cmocka_unit_test(test_no_limit),
	    cmocka_unit_test(test_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
