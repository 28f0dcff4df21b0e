#include "store/runner.h"

#include "store/reader.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { RUNNER_MAIL_REQUEST, RUNNER_MAIL_STOP, MAILBOXES_MAX = 8 };

struct store_runner {
	struct store_runner_options options;
	struct mailbox inbox;
	struct mail stop;
	pthread_t thread;
	bool stopping;
	/* Written by the store's thread alone, read by any. */
	_Atomic uint64_t batches, requests, failed_batches, commit_us, noted_bytes;
	_Atomic uint64_t sizes[STORE_SIZE_BUCKETS + 1], times[STORE_TIME_BUCKETS + 1];
	_Atomic uint64_t anchor_sealed_by;
	struct mono_time anchor_due;
	struct store_reader *reader; /* NULL: the store has none, and lists go with everything else */
};

/* Replies of a batch, gathered by the mailbox they go to, in order. */
struct replies {
	struct mailbox *box[MAILBOXES_MAX];
	struct mail_list list[MAILBOXES_MAX];
	size_t count;
};

static void
replies_add(struct replies *replies, struct mailbox *box, struct mail *mail)
{
	size_t i = 0;
	while (i < replies->count && replies->box[i] != box)
		i++;
	if (i == replies->count) {
		ENSURE(replies->count < MAILBOXES_MAX);
		replies->box[i] = box;
		mail_list_init(&replies->list[i]);
		replies->count++;
	}
	mail_list_add(&replies->list[i], mail);
}

/* The sender first: what must not be sent any more is with it before anybody is told so. */
static void
replies_post(struct replies *replies, const struct mailbox *first)
{
	for (size_t i = 0; i < replies->count; i++)
		if (replies->box[i] == first)
			mailbox_post_list(replies->box[i], &replies->list[i]);
	for (size_t i = 0; i < replies->count; i++)
		if (replies->box[i] != first)
			mailbox_post_list(replies->box[i], &replies->list[i]);
	replies->count = 0;
}

static void
reply(struct replies *replies, struct store_request *request)
{
	request->mail.kind = request->reply_kind;
	replies_add(replies, request->reply_to, &request->mail);
}

/* --- counts ------------------------------------------------------------------------------------------ */

static const uint64_t size_bounds[STORE_SIZE_BUCKETS] = {1, 4, 16, 64, 256};
static const uint64_t time_bounds_us[STORE_TIME_BUCKETS] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000};

static void
add(_Atomic uint64_t *number, uint64_t more)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + more, memory_order_relaxed);
}

static size_t
bucket(const uint64_t *bounds, size_t count, uint64_t value)
{
	size_t at = 0;
	while (at < count && value > bounds[at])
		at++;
	return at;
}

static void
count_batch(struct store_runner *runner, size_t requests, int64_t took_us, bool failed)
{
	uint64_t us = took_us < 0 ? 0 : (uint64_t)took_us;
	add(&runner->batches, 1);
	add(&runner->requests, requests);
	add(&runner->failed_batches, failed);
	add(&runner->commit_us, us);
	add(&runner->sizes[bucket(size_bounds, STORE_SIZE_BUCKETS, requests)], 1);
	add(&runner->times[bucket(time_bounds_us, STORE_TIME_BUCKETS, us)], 1);
}

static uint64_t
number(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

uint64_t
store_runner_noted_bytes(const struct store_runner *runner)
{
	return number(&runner->noted_bytes);
}

struct store_runner_counts
store_runner_counts(const struct store_runner *runner)
{
	struct store_runner_counts counts = {
	    .batches = number(&runner->batches),
	    .requests = number(&runner->requests),
	    .failed_batches = number(&runner->failed_batches),
	    .commit_us = number(&runner->commit_us),
	    .noted_bytes = number(&runner->noted_bytes),
	};
	for (size_t i = 0; i <= STORE_SIZE_BUCKETS; i++)
		counts.sizes[i] = number(&runner->sizes[i]);
	for (size_t i = 0; i <= STORE_TIME_BUCKETS; i++)
		counts.times[i] = number(&runner->times[i]);
	return counts;
}

static void
post_notes_of(struct store_runner *runner, struct replies *replies, struct mail_list *notes, size_t request)
{
	while (notes->first != NULL && CONTAINER_OF(notes->first, struct store_note, mail)->request == request) {
		struct mail *mail = mail_list_pop(notes);
		add(&runner->noted_bytes, store_note_bytes(CONTAINER_OF(mail, struct store_note, mail)));
		mail->kind = runner->options.note_kind;
		if (runner->options.notes != NULL)
			replies_add(replies, runner->options.notes, mail);
		else
			store_note_free(CONTAINER_OF(mail, struct store_note, mail));
	}
}

/* Not even what is under way is brought to its end: whoever waits for an answer gets none. */
static void
end_if_dead(const struct store_runner *runner)
{
	if (!runner->options.store->dead)
		return;
	log_write(runner->options.log, LOG_ERROR,
	    "the process ends: the disk failed to make durable what was written; look after it and start again", NULL);
	_exit(2);
}

/* Replies and notes leave in the order of execution (store.h, invariant 2): a note goes before the reply of the
 * request that made it, so that the sender knows of a delivery before anything that follows from it, and behind all
 * earlier replies, so that a refill or a record is never taken for one that saw it. */
static void
execute(struct store_runner *runner, struct store_request **batch, size_t count)
{
	struct replies replies = {.count = 0};
	struct mail_list notes;
	mail_list_init(&notes);
	struct error error = ERROR_NONE;
	struct mono_time began = clock_mono();
	enum error_code code = store_batch(runner->options.store, batch, count, &notes, &error);
	count_batch(runner, count, clock_mono().us - began.us, code != OK);
	if (code != OK)
		log_write(runner->options.log, LOG_ERROR, "a batch was not committed", "error", error.text, NULL);
	end_if_dead(runner);
	for (size_t i = 0; i < count; i++) {
		post_notes_of(runner, &replies, &notes, i);
		reply(&replies, batch[i]);
	}
	replies_post(&replies, runner->options.notes);
}

static void
work(struct store_runner *runner, struct mail_list *waiting)
{
	struct store_request *batch[LIMIT_BATCH];
	size_t count = 0;
	while (count < LIMIT_BATCH) {
		struct mail *mail = mail_list_pop(waiting);
		if (mail == NULL)
			break;
		if (mail == &runner->stop)
			runner->stopping = true;
		else
			batch[count++] = CONTAINER_OF(mail, struct store_request, mail);
	}
	if (count > 0)
		execute(runner, batch, count);
}

/* Moves what has come behind what waits. */
static void
gather(struct store_runner *runner, struct mail_list *waiting)
{
	struct mail_list fresh = mailbox_take(&runner->inbox);
	for (struct mail *mail = mail_list_pop(&fresh); mail != NULL; mail = mail_list_pop(&fresh))
		mail_list_add(waiting, mail);
}

/* --- the anchor ------------------------------------------------------------------------------------- */

/* Behind the replies, so that nobody waits for it. Returns the milliseconds until the next one is due, or -1. */
static int
anchor_turn(struct store_runner *runner, bool closing)
{
	struct anchor *anchor = runner->options.anchor;
	if (anchor == NULL)
		return -1;
	struct store *store = runner->options.store;
	struct store_journal_end end = anchor_end(anchor, store);
	if (!anchor_is_behind(anchor, &end))
		return -1;
	struct mono_time now = clock_mono();
	if (!closing && now.us < runner->anchor_due.us)
		return (int)((runner->anchor_due.us - now.us) / 1000) + 1;
	runner->anchor_due.us = now.us + (int64_t)ANCHOR_INTERVAL_MS * 1000;
	anchor_write(anchor, &end);
	atomic_store(&runner->anchor_sealed_by, anchor_sealed_by(anchor));
	return anchor_is_behind(anchor, &end) ? ANCHOR_INTERVAL_MS : -1;
}

static void
wait_for_mail(struct store_runner *runner, int timeout_ms)
{
	if (!mailbox_may_sleep(&runner->inbox))
		return;
	struct pollfd poll_fd = {.fd = runner->inbox.fd, .events = POLLIN};
	(void)poll(&poll_fd, 1, timeout_ms);
	mailbox_awake(&runner->inbox);
}

static void *
run(void *argument)
{
	struct store_runner *runner = argument;
	pthread_setname_np(pthread_self(), "store");
	struct mail_list waiting;
	mail_list_init(&waiting);
	for (;;) {
		gather(runner, &waiting);
		if (waiting.first != NULL) {
			work(runner, &waiting);
			(void)anchor_turn(runner, false);
			continue;
		}
		int due_ms = anchor_turn(runner, runner->stopping);
		if (runner->stopping)
			return NULL;
		bool more = runner->options.store->vtable->idle(runner->options.store, clock_wall());
		end_if_dead(runner);
		if (!more)
			wait_for_mail(runner, due_ms);
	}
}

struct store_runner *
store_runner_start(const struct store_runner_options *options)
{
	struct store_runner *runner = mem_zero(1, sizeof *runner);
	runner->options = *options;
	mailbox_init(&runner->inbox);
	atomic_init(
	    &runner->anchor_sealed_by, options->anchor == NULL ? UINT64_MAX : anchor_sealed_by(options->anchor));
	runner->stop.kind = RUNNER_MAIL_STOP;
	const struct store_vtable *store = options->store->vtable;
	struct store *reading = store->reader == NULL ? NULL : store->reader(options->store);
	if (reading != NULL)
		runner->reader = store_reader_start(reading, options->log);
	ENSURE(pthread_create(&runner->thread, NULL, run, runner) == 0);
	return runner;
}

uint64_t
store_runner_anchor_sealed_by(const struct store_runner *runner)
{
	return atomic_load(&runner->anchor_sealed_by);
}

void
store_runner_submit(struct store_runner *runner, struct store_request *request)
{
	struct mail_list one;
	mail_list_init(&one);
	mail_list_add(&one, &request->mail);
	store_runner_submit_list(runner, &one);
}

void
store_runner_submit_list(struct store_runner *runner, struct mail_list *requests)
{
	struct mail_list lists, others;
	mail_list_init(&lists);
	mail_list_init(&others);
	for (struct mail *mail = mail_list_pop(requests); mail != NULL; mail = mail_list_pop(requests)) {
		struct store_request *request = CONTAINER_OF(mail, struct store_request, mail);
		bool apart = runner->reader != NULL && store_kind_lists(request->kind);
		mail->kind = RUNNER_MAIL_REQUEST;
		mail_list_add(apart ? &lists : &others, mail);
	}
	if (others.first != NULL)
		mailbox_post_list(&runner->inbox, &others);
	if (lists.first != NULL)
		store_reader_submit_list(runner->reader, &lists);
}

void
store_runner_stop(struct store_runner *runner)
{
	store_reader_stop(runner->reader);
	mailbox_post(&runner->inbox, &runner->stop);
	ENSURE(pthread_join(runner->thread, NULL) == 0);
	mailbox_fini(&runner->inbox);
	anchor_free(runner->options.anchor);
	store_close(runner->options.store);
	free(runner);
}
