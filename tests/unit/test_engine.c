/* The engine by itself (M17): schedules, exhaustion, holding, bounded memory, turns, order, breaker, pauses, rates.
 * Its clock is a number here; the simulator shows the same under crashes. */
#include "engine/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

struct bench {
	struct engine *engine;
	struct engine_actions actions;
	struct wall_time now;
	size_t forgotten, sent;
};

static struct bench
bench_new(const struct engine_options *options)
{
	return (struct bench){.engine = engine_new(options), .now = {SECOND}};
}

static void
bench_free(struct bench *bench)
{
	bench->actions.count = 0;
	engine_close(bench->engine, &bench->actions);
	engine_free(bench->engine);
	free(bench->actions.items);
}

static void
step(struct bench *bench, const struct engine_event *event)
{
	bench->actions.count = 0;
	engine_step(bench->engine, bench->now, event, &bench->actions);
	engine_check(bench->engine);
	for (size_t i = 0; i < bench->actions.count; i++) {
		bench->forgotten += bench->actions.items[i].kind == ENGINE_FORGET;
		bench->sent += bench->actions.items[i].kind == ENGINE_SEND;
	}
}

/* The first action of a kind in the last step, or NULL. */
static const struct engine_action *
action(const struct bench *bench, enum engine_action_kind kind)
{
	for (size_t i = 0; i < bench->actions.count; i++)
		if (bench->actions.items[i].kind == kind)
			return &bench->actions.items[i];
	return NULL;
}

static void
tick(struct bench *bench, struct wall_time now)
{
	bench->now = now;
	step(bench, &(struct engine_event){.kind = ENGINE_TICK});
}

static struct engine_endpoint
endpoint(int64_t id, const char *schedule)
{
	struct engine_endpoint made = {.id = {id}, .organisation = {id / 100}, .in_flight_max = 64};
	assert_int_equal(schedule_parse(slice_of(schedule), &made.schedule, NULL), OK);
	return made;
}

static void
put(struct bench *bench, struct engine_endpoint made)
{
	step(bench, &(struct engine_event){.kind = ENGINE_ENDPOINT, .endpoint = made});
	const struct engine_action *refill = action(bench, ENGINE_REFILL);
	if (refill != NULL)
		step(bench, &(struct engine_event){
				.kind = ENGINE_REFILLED, .delivery.endpoint = made.id, .next = {WALL_NEVER, 0}});
}

static void
add(struct bench *bench, int64_t to, int64_t message, int64_t key)
{
	step(bench, &(struct engine_event){
			.kind = ENGINE_ADDED, .delivery = {.endpoint = {to}, .message = {message}, .order_key = key}});
}

static void
attempted(struct bench *bench, int64_t to, int64_t message, int status)
{
	step(bench, &(struct engine_event){.kind = ENGINE_ATTEMPTED,
			.delivery = {.endpoint = {to}, .message = {message}},
			.succeeded = status == 200,
			.status_code = status});
}

static void
recorded(struct bench *bench, int64_t to, int64_t message)
{
	step(bench,
	    &(struct engine_event){.kind = ENGINE_RECORDED, .delivery = {.endpoint = {to}, .message = {message}}});
}

/* Fails the delivery again and again; returns how many attempts were made and how long it all took. */
static size_t
exhaust(struct bench *bench, const char *schedule, int64_t *took_us)
{
	put(bench, endpoint(100, schedule));
	struct wall_time begun = bench->now;
	add(bench, 100, 1, 0);
	for (size_t attempts = 1;; attempts++) {
		assert_non_null(action(bench, ENGINE_SEND));
		attempted(bench, 100, 1, 500);
		struct engine_action record = *action(bench, ENGINE_RECORD);
		*took_us = bench->now.us - begun.us;
		if (record.state == DELIVERY_EXHAUSTED)
			return attempts;
		assert_int_equal(record.state, DELIVERY_PENDING);
		recorded(bench, 100, 1);
		tick(bench, record.delivery.due);
		if (action(bench, ENGINE_SEND) != NULL)
			continue;
		/* Not due soon: it went back to the store and is read again. */
		assert_non_null(action(bench, ENGINE_REFILL));
		struct engine_delivery row = record.delivery;
		step(bench, &(struct engine_event){.kind = ENGINE_REFILLED,
				.delivery.endpoint = {100},
				.rows = &row,
				.row_count = 1,
				.next = {WALL_NEVER, 0}});
	}
}

static void
test_schedules(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	int64_t took;
	struct bench legacy = bench_new(&options);
	assert_int_equal(exhaust(&legacy, "legacy", &took), 7);
	assert_int_equal(took, (36LL * 3600 + 18 * 60) * SECOND); /* exactly the platform's contract: no jitter */
	bench_free(&legacy);
	struct bench svix = bench_new(&options);
	assert_int_equal(exhaust(&svix, "svix", &took), 8);
	bench_free(&svix);
	struct bench standard = bench_new(&options);
	assert_int_equal(exhaust(&standard, "standard", &took), 10);
	int64_t nominal = (75LL * 3600 + 35 * 60 + 5) * SECOND; /* within its jitter of a fifth */
	assert_true(took >= nominal / 5 * 4 && took <= nominal / 5 * 6);
	bench_free(&standard);
	struct bench list = bench_new(&options);
	assert_int_equal(exhaust(&list, "100ms,1s", &took), 3);
	bench_free(&list);
}

static void
test_holding(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.suspend_after_ms = 1000;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s,1s,1s,1s"));
	add(&bench, 100, 1, 0);
	attempted(&bench, 100, 1, 500);
	assert_true(action(&bench, ENGINE_RECORD)->set_failing);
	assert_false(action(&bench, ENGINE_RECORD)->suspend);
	recorded(&bench, 100, 1);
	tick(&bench, (struct wall_time){bench.now.us + 2 * SECOND});
	attempted(&bench, 100, 1, 500);
	/* It is announced first, however late. */
	assert_false(action(&bench, ENGINE_RECORD)->suspend);
	assert_int_equal(action(&bench, ENGINE_RECORD)->warn, 2);
	recorded(&bench, 100, 1);
	tick(&bench, (struct wall_time){bench.now.us + 2 * SECOND});
	attempted(&bench, 100, 1, 500);
	assert_true(action(&bench, ENGINE_RECORD)->suspend);
	recorded(&bench, 100, 1);
	struct engine_endpoint held = endpoint(100, "1s");
	held.status = ENGINE_HELD;
	step(&bench, &(struct engine_event){.kind = ENGINE_ENDPOINT, .endpoint = held});
	assert_int_equal(engine_counts(bench.engine).waiting, 0);
	bench.sent = 0;
	tick(&bench, (struct wall_time){bench.now.us + 100LL * SECOND});
	add(&bench, 100, 2, 0);
	assert_int_equal(bench.sent, 0);
	held.status = ENGINE_ACTIVE; /* resumed: the store is read from the start */
	step(&bench, &(struct engine_event){.kind = ENGINE_ENDPOINT, .endpoint = held});
	assert_int_equal(action(&bench, ENGINE_REFILL)->from.due.us, 0);
	bench_free(&bench);
}

/* Of 100 s: at 20 s, at 80 s, and again in the next spell; at so many failures in a row whatever the time. */
static void
test_warnings(void **state)
{
	(void)state;
	static const int at_s[] = {0, 19, 20, 79, 80, 99, 100}, warned[] = {0, 0, 1, 0, 2, 0, 0};
	struct engine_options options = engine_default_options();
	options.suspend_after_ms = 100 * 1000;
	options.breaker_failures = 0;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	struct wall_time began = bench.now;
	for (int spell = 0; spell < 2; spell++) {
		for (size_t i = 0; i < COUNT_OF(at_s); i++) {
			int message = spell * 100 + (int)i + 1;
			tick(&bench, (struct wall_time){began.us + at_s[i] * (int64_t)SECOND});
			add(&bench, 100, message, 0);
			attempted(&bench, 100, message, 500);
			const struct engine_action *record = action(&bench, ENGINE_RECORD);
			assert_int_equal(record->warn, warned[i]);
			assert_int_equal(record->suspend, at_s[i] >= 100);
			if (record->warn > 0)
				assert_int_equal(record->suspends_at.us, began.us + 100 * (int64_t)SECOND);
			recorded(&bench, 100, message);
		}
		began.us += 1000 * (int64_t)SECOND;
		tick(&bench, began);
		add(&bench, 100, spell * 100 + 90, 0);
		attempted(&bench, 100, spell * 100 + 90, 200);
		assert_true(action(&bench, ENGINE_RECORD)->set_failing);
		recorded(&bench, 100, spell * 100 + 90);
		began.us += (int64_t)SECOND;
	}
	bench_free(&bench);
}

static void
test_warning_by_failures(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.suspend_after_ms = 0;
	options.breaker_failures = 0;
	options.warn_failures = 3;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	for (int i = 1; i <= 6; i++) {
		add(&bench, 100, i, 0);
		attempted(&bench, 100, i, 500);
		assert_int_equal(action(&bench, ENGINE_RECORD)->warn, i == 3);
		assert_int_equal(action(&bench, ENGINE_RECORD)->suspends_at.us, 0);
		recorded(&bench, 100, i);
	}
	bench_free(&bench);
}

/* Payloads that are larger than what memory is meant for stay in the store, and come as others leave. */
static void
test_bytes_are_bounded(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.bytes_max = 1000;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	for (int i = 1; i <= 8; i++) {
		struct engine_event event = {
		    .kind = ENGINE_ADDED,
		    .delivery = {.endpoint = {100}, .message = {i}, .due = bench.now, .bytes = 400, .payload = &bench},
		};
		step(&bench, &event);
		engine_check(bench.engine);
	}
	struct engine_counts counts = engine_counts(bench.engine);
	assert_int_equal(counts.waiting + counts.ready + counts.flying, 3);
	attempted(&bench, 100, 1, 200);
	recorded(&bench, 100, 1);
	const struct engine_action *refill = action(&bench, ENGINE_REFILL);
	assert_non_null(refill);
	assert_int_equal(refill->from.message, 4);
	bench_free(&bench);
}

static void
test_gone_suspends(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	add(&bench, 100, 1, 0);
	attempted(&bench, 100, 1, 410);
	assert_true(action(&bench, ENGINE_RECORD)->suspend);
	assert_int_equal(action(&bench, ENGINE_RECORD)->state, DELIVERY_PENDING); /* held, not dropped */
	bench_free(&bench);
}

static void
test_memory_is_bounded(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.window = 8;
	options.in_flight_max = 2;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	for (int64_t message = 1; message <= 100; message++)
		add(&bench, 100, message, 0);
	struct engine_counts counts = engine_counts(bench.engine);
	assert_int_equal(counts.waiting + counts.ready + counts.flying + counts.recording, 8);
	assert_int_equal(bench.forgotten, 92); /* each handle that did not stay came back once */
	for (int64_t message = 1; message <= 4; message++) {
		attempted(&bench, 100, message, 200);
		recorded(&bench, 100, message);
	}
	/* Half of the window is free: the rest is asked for, from the first one that was left in the store. */
	const struct engine_action *refill = action(&bench, ENGINE_REFILL);
	assert_non_null(refill);
	assert_int_equal(refill->from.message, 9);
	bench_free(&bench);
}

static void
test_turns(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.in_flight_max = 1;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s")); /* organisation 1 has two endpoints, organisation 2 one */
	put(&bench, endpoint(101, "1s"));
	put(&bench, endpoint(200, "1s"));
	for (int64_t message = 1; message <= 4; message++)
		for (int64_t to = 100; to <= 200; to += to == 100 ? 1 : 99)
			add(&bench, to, message, 0);
	size_t of_second = 0;
	struct engine_delivery flying = {.endpoint = {100}, .message = {1}};
	for (int i = 0; i < 6; i++) {
		attempted(&bench, flying.endpoint.value, flying.message.value, 200);
		flying = action(&bench, ENGINE_SEND)->delivery;
		of_second += flying.endpoint.value == 200;
	}
	assert_int_equal(of_second, 3); /* every other turn is the other organisation's */
	bench_free(&bench);
}

static void
test_order(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	struct bench bench = bench_new(&options);
	struct engine_endpoint ordered = endpoint(100, "1h,1h");
	ordered.order = ORDER_RESOURCE;
	put(&bench, ordered);
	add(&bench, 100, 1, 7);
	add(&bench, 100, 2, 7);
	add(&bench, 100, 3, 8);
	assert_int_equal(bench.sent, 2); /* 1 and 3: another resource does not wait */
	assert_int_equal(engine_counts(bench.engine).blocked, 1);
	attempted(&bench, 100, 1, 500);
	recorded(&bench, 100, 1);
	assert_int_equal(bench.sent, 2); /* 2 waits for 1, also while it is not due for an hour */
	tick(&bench, (struct wall_time){bench.now.us + 2 * 3600LL * SECOND});
	assert_int_equal(bench.sent, 3);
	attempted(&bench, 100, 1, 200);
	assert_int_equal(bench.sent, 3); /* delivered, but not yet recorded */
	recorded(&bench, 100, 1);
	assert_int_equal(action(&bench, ENGINE_SEND)->delivery.message.value, 2);
	bench_free(&bench);
}

static void
test_breaker(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.breaker_failures = 3;
	options.breaker_open_ms = 1000;
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1h"));
	for (int64_t message = 1; message <= 3; message++) {
		add(&bench, 100, message, 0);
		attempted(&bench, 100, message, 500);
	}
	bench.sent = 0;
	add(&bench, 100, 4, 0);
	add(&bench, 100, 5, 0);
	assert_int_equal(bench.sent, 0); /* open */
	assert_int_equal(engine_next(bench.engine).us, bench.now.us + SECOND);
	tick(&bench, (struct wall_time){bench.now.us + SECOND});
	assert_int_equal(bench.sent, 1); /* half open: one probe */
	attempted(&bench, 100, 4, 500);
	tick(&bench, (struct wall_time){bench.now.us + SECOND / 2});
	assert_int_equal(bench.sent, 1); /* open again */
	tick(&bench, (struct wall_time){bench.now.us + SECOND});
	attempted(&bench, 100, 5, 200);
	bench.sent = 0;
	for (int64_t message = 6; message <= 9; message++)
		add(&bench, 100, message, 0);
	assert_int_equal(bench.sent, 4); /* closed */
	bench_free(&bench);
}

static void
test_retry_after(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	struct bench bench = bench_new(&options);
	put(&bench, endpoint(100, "1s"));
	add(&bench, 100, 1, 0);
	step(&bench, &(struct engine_event){.kind = ENGINE_ATTEMPTED,
			 .delivery = {.endpoint = {100}, .message = {1}},
			 .status_code = 429,
			 .retry_after_ms = 60000});
	assert_true(action(&bench, ENGINE_RECORD)->delivery.due.us >= bench.now.us + 60LL * SECOND);
	bench.sent = 0;
	add(&bench, 100, 2, 0);
	assert_int_equal(bench.sent, 0); /* the whole endpoint is left alone */
	tick(&bench, (struct wall_time){bench.now.us + 60LL * SECOND});
	assert_int_equal(bench.sent, 1);
	/* A century is not believed. */
	step(&bench, &(struct engine_event){.kind = ENGINE_ATTEMPTED,
			 .delivery = {.endpoint = {100}, .message = {2}},
			 .status_code = 500,
			 .retry_after_ms = INT64_MAX / 4000});
	assert_true(action(&bench, ENGINE_RECORD)->delivery.due.us <= bench.now.us + 25LL * 3600 * SECOND);
	recorded(&bench, 100, 2);
	/* Nor for the endpoint as a whole. */
	add(&bench, 100, 3, 0);
	step(&bench, &(struct engine_event){.kind = ENGINE_ATTEMPTED,
			 .delivery = {.endpoint = {100}, .message = {3}},
			 .status_code = 503,
			 .retry_after_ms = INT64_MAX / 4000});
	recorded(&bench, 100, 3);
	bench.sent = 0;
	add(&bench, 100, 4, 0);
	assert_int_equal(bench.sent, 0);
	tick(&bench, (struct wall_time){bench.now.us + 25LL * 3600 * SECOND});
	assert_true(bench.sent > 0);
	bench_free(&bench);
}

/* What is final is about the one delivery: it is given up at once, in order the next one goes, and neither breaker nor
 * suspension count it. */
static void
test_final(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.breaker_failures = 1;
	struct bench bench = bench_new(&options);
	struct engine_endpoint ordered = endpoint(100, "1h,1h");
	ordered.order = ORDER_RESOURCE;
	put(&bench, ordered);
	add(&bench, 100, 1, 7);
	add(&bench, 100, 2, 7);
	assert_int_equal(bench.sent, 1);
	step(&bench, &(struct engine_event){
			 .kind = ENGINE_ATTEMPTED, .delivery = {.endpoint = {100}, .message = {1}}, .final = true});
	const struct engine_action *record = action(&bench, ENGINE_RECORD);
	assert_int_equal(record->state, DELIVERY_EXHAUSTED);
	assert_false(record->set_failing || record->suspend);
	recorded(&bench, 100, 1);
	assert_int_equal(action(&bench, ENGINE_SEND)->delivery.message.value, 2);
	bench_free(&bench);
}

static void
cancelled(struct bench *bench, int64_t to, int64_t message)
{
	step(bench,
	    &(struct engine_event){.kind = ENGINE_CANCELLED, .delivery = {.endpoint = {to}, .message = {message}}});
}

/* M16: what was expunged is not sent, wherever in memory it stands; what is on its way is not sent again. */
static void
test_cancelled(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	struct bench bench = bench_new(&options);
	struct engine_endpoint ordered = endpoint(100, "1h,1h");
	ordered.order = ORDER_RESOURCE;
	put(&bench, ordered);
	for (int64_t message = 1; message <= 4; message++)
		add(&bench, 100, message, 7);
	assert_int_equal(engine_counts(bench.engine).blocked, 3);
	cancelled(&bench, 100, 2); /* in the middle of the line */
	cancelled(&bench, 100, 4); /* at its end */
	assert_int_equal(engine_counts(bench.engine).blocked, 1);
	cancelled(&bench, 100, 1); /* on its way */
	cancelled(&bench, 100, 9); /* not here */
	add(&bench, 100, 5, 7);
	attempted(&bench, 100, 1, 500);
	step(&bench, &(struct engine_event){
			 .kind = ENGINE_RECORDED, .delivery = {.endpoint = {100}, .message = {1}}, .unwanted = true});
	assert_int_equal(action(&bench, ENGINE_SEND)->delivery.message.value, 3);
	attempted(&bench, 100, 3, 500);
	recorded(&bench, 100, 3);
	assert_int_equal(engine_counts(bench.engine).waiting, 1);
	cancelled(&bench, 100, 3); /* waiting for its next attempt */
	assert_int_equal(action(&bench, ENGINE_SEND)->delivery.message.value, 5);
	attempted(&bench, 100, 5, 200);
	recorded(&bench, 100, 5);
	assert_int_equal(bench.forgotten, 5);
	assert_int_equal(bench.sent, 3);
	bench_free(&bench);
}

static void
test_rate(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	struct bench bench = bench_new(&options);
	struct engine_endpoint limited = endpoint(100, "1s");
	limited.rate_per_s = 20;
	put(&bench, limited);
	for (int64_t message = 1; message <= 200; message++)
		add(&bench, 100, message, 0);
	struct wall_time end = {bench.now.us + 3 * SECOND};
	int64_t next = 1;
	while (bench.now.us < end.us) {
		if (next <= (int64_t)bench.sent)
			attempted(&bench, 100, next++, 200);
		else
			tick(&bench, engine_next(bench.engine));
	}
	assert_in_range(bench.sent, 57, 64); /* 20 a second for 3 seconds, and at most a tenth of a second ahead */
	bench_free(&bench);
}

/* Somebody sets the clock back by an hour: the breaker and the rate wait as long as they would have. */
static void
test_clock_set_back(void **state)
{
	(void)state;
	struct engine_options options = engine_default_options();
	options.breaker_failures = 1;
	options.breaker_open_ms = 1000;
	struct bench bench = bench_new(&options);
	bench.now.us = 7200LL * SECOND;
	struct engine_endpoint limited = endpoint(200, "1h");
	limited.rate_per_s = 1;
	put(&bench, limited);
	put(&bench, endpoint(100, "1h"));
	add(&bench, 100, 1, 0);
	attempted(&bench, 100, 1, 500);
	for (int64_t message = 2; message <= 3; message++)
		add(&bench, 200, message, 0);
	add(&bench, 100, 4, 0);
	bench.sent = 0;
	tick(&bench, (struct wall_time){bench.now.us - 3600LL * SECOND});
	assert_int_equal(bench.sent, 0);
	tick(&bench, (struct wall_time){bench.now.us + SECOND});
	assert_int_equal(bench.sent, 2); /* the probe, and the second one of a second */
	bench_free(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_schedules),
	    cmocka_unit_test(test_holding),
	    cmocka_unit_test(test_warnings),
	    cmocka_unit_test(test_warning_by_failures),
	    cmocka_unit_test(test_bytes_are_bounded),
	    cmocka_unit_test(test_gone_suspends),
	    cmocka_unit_test(test_memory_is_bounded),
	    cmocka_unit_test(test_turns),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_breaker),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_final),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_cancelled),
	    cmocka_unit_test(test_clock_set_back),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
