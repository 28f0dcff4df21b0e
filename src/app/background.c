#include "app/background.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SLOW_US = 5000000, BACKGROUND_NICE = 10 };

/* A job's `woken` is set by whoever wakes it and cleared before it runs, so that no wake is lost in between. */
struct slot {
	struct background_job job;
	struct mono_time due; /* INT64_MAX: when woken */
	atomic_bool woken;
};

struct background {
	struct store_runner *runner;
	const struct log *log;
	struct mailbox replies; /* of the store: at most one is on its way */
	struct mailbox bell;	/* its mail is `ring`; it is what the thread sleeps on */
	struct mail ring;
	atomic_bool ringing; /* `ring` is on its way */
	atomic_bool stopping;
	bool started;
	pthread_t thread;
	struct slot slots[BACKGROUND_JOBS_MAX];
	size_t count, next; /* next: where the search for one that is due begins, so that all have their turn */
};

struct background *
background_new(struct store_runner *runner, const struct log *log)
{
	struct background *background = mem_zero(1, sizeof *background);
	background->runner = runner;
	background->log = log;
	mailbox_init(&background->replies);
	mailbox_init(&background->bell);
	return background;
}

static struct mono_time
after_ms(int64_t ms)
{
	return (struct mono_time){ms < 0 ? INT64_MAX : clock_mono().us + ms * 1000};
}

size_t
background_add(struct background *background, const struct background_job *job)
{
	ENSURE(!background->started && background->count < BACKGROUND_JOBS_MAX);
	struct slot *slot = &background->slots[background->count];
	slot->job = *job;
	return background->count++;
}

static void
ring(struct background *background)
{
	if (!atomic_exchange(&background->ringing, true))
		mailbox_post(&background->bell, &background->ring);
}

void
background_wake(struct background *background, size_t job)
{
	ENSURE(job < background->count);
	atomic_store(&background->slots[job].woken, true);
	ring(background);
}

/* --- the thread --------------------------------------------------------------------------------------- */

static void
run_job(struct background *background, struct slot *slot)
{
	struct mono_time began = clock_mono();
	int64_t again_ms = slot->job.run(slot->job.context, background);
	slot->due = after_ms(again_ms);
	int64_t took_us = clock_mono().us - began.us;
	if (took_us < SLOW_US)
		return;
	char seconds[24];
	snprintf(seconds, sizeof seconds, "%lld", (long long)(took_us / 1000000));
	log_write(
	    background->log, LOG_INFO, "a background job took long", "job", slot->job.name, "seconds", seconds, NULL);
}

/* Runs the next one that is due, if there is one. */
static bool
run_one(struct background *background)
{
	struct mono_time now = clock_mono();
	for (size_t i = 0; i < background->count; i++) {
		size_t at = (background->next + i) % background->count;
		struct slot *slot = &background->slots[at];
		bool woken = atomic_exchange(&slot->woken, false);
		if (!woken && slot->due.us > now.us)
			continue;
		background->next = at + 1;
		run_job(background, slot);
		return true;
	}
	return false;
}

static int
wait_ms(const struct background *background)
{
	int64_t first = INT64_MAX, now = clock_mono().us;
	for (size_t i = 0; i < background->count; i++)
		first = background->slots[i].due.us < first ? background->slots[i].due.us : first;
	if (first == INT64_MAX)
		return -1;
	int64_t left_ms = first <= now ? 0 : (first - now) / 1000 + 1;
	return left_ms > 60000 ? 60000 : (int)left_ms;
}

/* Until somebody rings or a job is due. */
static void
wait_for_bell(struct background *background)
{
	if (mailbox_may_sleep(&background->bell)) {
		struct pollfd poll_fd = {.fd = background->bell.fd, .events = POLLIN};
		(void)poll(&poll_fd, 1, wait_ms(background));
		mailbox_awake(&background->bell);
	}
	if (mailbox_take(&background->bell).count > 0)
		atomic_store(&background->ringing, false);
}

static void *
run(void *argument)
{
	struct background *background = argument;
	pthread_setname_np(pthread_self(), "background");
	/* Where there are too few processors, the loops go first. On Linux a thread has a priority of its own. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE);
	for (size_t i = 0; i < background->count; i++)
		background->slots[i].due = after_ms(background->slots[i].job.first_ms);
	while (!background_stopping(background))
		if (!run_one(background))
			wait_for_bell(background);
	return NULL;
}

/* --- life --------------------------------------------------------------------------------------------- */

void
background_start(struct background *background)
{
	background->started = true;
	ENSURE(pthread_create(&background->thread, NULL, run, background) == 0);
}

void
background_stop(struct background *background)
{
	if (background == NULL || !background->started)
		return;
	atomic_store(&background->stopping, true);
	ring(background);
	ENSURE(pthread_join(background->thread, NULL) == 0);
	background->started = false;
}

void
background_free(struct background *background)
{
	if (background == NULL)
		return;
	background_stop(background);
	mailbox_fini(&background->replies);
	mailbox_fini(&background->bell);
	free(background);
}

/* --- for jobs ----------------------------------------------------------------------------------------- */

enum error_code
background_ask(struct background *background, struct store_request *request, struct error *error)
{
	request->reply_to = &background->replies;
	request->reply_kind = 0;
	store_runner_submit(background->runner, request);
	struct mail_list replies = mailbox_take(&background->replies);
	while (replies.count == 0) {
		mailbox_wait(&background->replies);
		replies = mailbox_take(&background->replies);
	}
	ENSURE(replies.count == 1 && replies.first == &request->mail);
	if (request->status != OK && error != NULL)
		*error = request->error;
	return request->status;
}

bool
background_stopping(const struct background *background)
{
	return atomic_load(&background->stopping);
}

const atomic_bool *
background_interrupt(const struct background *background)
{
	return &background->stopping;
}
