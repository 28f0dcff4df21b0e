/* The background's thread: when jobs run, that no wake is lost, that the store answers, that it ends in order. */
#include "app/background.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
	struct log log;
	struct store_runner *runner;
	struct background *background;
};

static int
setup(void **state)
{
	struct fixture *fixture = mem_zero(1, sizeof *fixture);
	fixture->log.fd = -1;
	const struct store_options options = {.log = &fixture->log};
	fixture->runner = store_runner_start(
	    &(struct store_runner_options){.store = store_memory_new(&options), .log = &fixture->log});
	fixture->background = background_new(fixture->runner, &fixture->log);
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;
	background_stop(fixture->background);
	store_runner_stop(fixture->runner);
	background_free(fixture->background);
	free(fixture);
	return 0;
}

struct counter {
	struct mailbox ran; /* a mail for each of its first runs */
	struct mail mails[4];
	atomic_int runs;
	int64_t again_ms;
	size_t waited_for, known; /* of the waiting thread: runs that it has waited for, and that it knows of */
};

static int64_t
count(void *context, struct background *background)
{
	(void)background;
	struct counter *counter = context;
	size_t run = (size_t)atomic_fetch_add(&counter->runs, 1);
	if (run < COUNT_OF(counter->mails))
		mailbox_post(&counter->ran, &counter->mails[run]);
	return counter->again_ms;
}

static void
wait_for_run(struct counter *counter)
{
	/* Several may have run by the time that one is waited for. */
	for (counter->waited_for++; counter->known < counter->waited_for;) {
		size_t more = mailbox_take(&counter->ran).count;
		counter->known += more;
		if (more == 0)
			mailbox_wait(&counter->ran);
	}
}

static size_t
add(struct fixture *fixture, struct counter *counter, int64_t first_ms, int64_t again_ms)
{
	mailbox_init(&counter->ran);
	counter->again_ms = again_ms;
	return background_add(fixture->background,
	    &(struct background_job){.name = "count", .run = count, .context = counter, .first_ms = first_ms});
}

static void
test_runs_again_and_others_too(void **state)
{
	struct fixture *fixture = *state;
	struct counter busy = {.again_ms = 0}, other = {.again_ms = 0};
	add(fixture, &busy, 0, 0); /* always due */
	add(fixture, &other, 1, 1);
	background_start(fixture->background);
	wait_for_run(&busy);
	wait_for_run(&other);
	wait_for_run(&other);
	background_stop(fixture->background);
	assert_true(atomic_load(&busy.runs) >= 1);
	mailbox_fini(&busy.ran);
	mailbox_fini(&other.ran);
}

static void
test_wakes_are_not_lost(void **state)
{
	struct fixture *fixture = *state;
	struct counter counter = {.again_ms = 0};
	size_t job = add(fixture, &counter, BACKGROUND_WHEN_WOKEN, BACKGROUND_WHEN_WOKEN);
	background_start(fixture->background);
	for (int i = 0; i < 4; i++) {
		background_wake(fixture->background, job);
		wait_for_run(&counter);
	}
	background_stop(fixture->background);
	assert_int_equal(atomic_load(&counter.runs), 4);
	mailbox_fini(&counter.ran);
}

struct asker {
	struct mailbox done;
	struct mail mail;
	enum error_code made, missing;
	struct error error;
};

static int64_t
ask(void *context, struct background *background)
{
	struct asker *asker = context;
	struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, clock_wall());
	request->admin->organisation =
	    (struct organisation){.name = SLICE("one"), .uid = SLICE("one"), .metadata = SLICE("{}")};
	asker->made = background_ask(background, request, &asker->error);
	store_request_free(request);
	request = store_request_new(STORE_ORGANISATION_GET, clock_wall());
	request->ref = SLICE("other");
	asker->missing = background_ask(background, request, &asker->error);
	store_request_free(request);
	mailbox_post(&asker->done, &asker->mail);
	return BACKGROUND_WHEN_WOKEN;
}

static void
test_asks_the_store(void **state)
{
	struct fixture *fixture = *state;
	struct asker asker = {.made = ERR_INTERNAL};
	mailbox_init(&asker.done);
	background_add(
	    fixture->background, &(struct background_job){.name = "ask", .run = ask, .context = &asker, .first_ms = 0});
	background_start(fixture->background);
	while (mailbox_take(&asker.done).count == 0)
		mailbox_wait(&asker.done);
	assert_int_equal(asker.made, OK);
	assert_int_equal(asker.missing, ERR_NOT_FOUND);
	assert_true(asker.error.text[0] != '\0');
	background_stop(fixture->background);
	mailbox_fini(&asker.done);
}

/* Runs until it is told to stop, as a long job does between its steps. */
static int64_t
linger(void *context, struct background *background)
{
	struct counter *counter = context;
	count(counter, background);
	while (!background_stopping(background))
		continue;
	assert_true(atomic_load(background_interrupt(background)));
	return 0;
}

static void
test_stop_reaches_a_job_that_runs(void **state)
{
	struct fixture *fixture = *state;
	struct counter counter = {.again_ms = 0}, never = {.again_ms = 0};
	mailbox_init(&counter.ran);
	background_add(
	    fixture->background, &(struct background_job){.name = "linger", .run = linger, .context = &counter});
	background_start(fixture->background);
	wait_for_run(&counter);
	background_stop(fixture->background);
	background_free(fixture->background);
	fixture->background = background_new(fixture->runner, &fixture->log);
	assert_int_equal(atomic_load(&counter.runs), 1);
	/* One that was never started ends too. */
	add(fixture, &never, 0, 0);
	background_stop(fixture->background);
	assert_int_equal(atomic_load(&never.runs), 0);
	mailbox_fini(&counter.ran);
	mailbox_fini(&never.ran);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_runs_again_and_others_too, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_wakes_are_not_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_asks_the_store, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stop_reaches_a_job_that_runs, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
