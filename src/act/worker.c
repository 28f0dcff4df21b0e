#include "act/worker.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum worker_mail { WORKER_JOB, WORKER_HANGUP, WORKER_STOP };

/* Takes jobs up to a batch's size. False: it is to stop. */
static bool
gather(struct act_worker *worker, struct mail_list *waiting, struct act_job **jobs, size_t *count)
{
	*count = 0;
	while (*count < ACT_BATCH) {
		struct mail *mail = mail_list_pop(waiting);
		if (mail == NULL)
			return true;
		if (mail->kind == WORKER_STOP)
			return false;
		if (mail->kind == WORKER_HANGUP) {
			atomic_store(&worker->hanging_up, false);
			worker->reopen(worker);
			continue;
		}
		jobs[(*count)++] = CONTAINER_OF(mail, struct act_job, mail);
	}
	return true;
}

static void
send_back(struct act_worker *worker, struct act_job *const *jobs, size_t count)
{
	struct mail_list list;
	mail_list_init(&list);
	for (size_t i = 0; i < count; i++) {
		jobs[i]->mail.kind = worker->kind;
		mail_list_add(&list, &jobs[i]->mail);
	}
	mailbox_post_list(worker->outbox, &list);
}

static void *
run(void *argument)
{
	struct act_worker *worker = argument;
	pthread_setname_np(pthread_self(), "destination");
	for (;;) {
		mailbox_wait(&worker->inbox);
		struct mail_list waiting = mailbox_take(&worker->inbox);
		while (waiting.first != NULL) {
			struct act_job *jobs[ACT_BATCH];
			size_t count;
			if (!gather(worker, &waiting, jobs, &count) || atomic_load(&worker->stopping)) {
				worker->close(worker);
				return NULL;
			}
			if (count == 0)
				continue;
			worker->work(worker, jobs, count);
			send_back(worker, jobs, count);
		}
	}
}

struct act_worker *
act_worker_start(const struct act_destination *destination, struct mailbox *outbox, int kind, int64_t timeout_ms,
    const struct log *log)
{
	struct act_worker *worker = mem_zero(1, sizeof *worker);
	worker->destination = destination;
	worker->log = log;
	worker->timeout_ms = timeout_ms;
	worker->outbox = outbox;
	worker->kind = kind;
	worker->stop.kind = WORKER_STOP;
	worker->hangup.kind = WORKER_HANGUP;
	worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ENSURE(worker->stop_fd >= 0);
	mailbox_init(&worker->inbox);
	if (destination->kind == ACT_FILE)
		act_file_open(worker);
	else
		act_postgres_open(worker);
	ENSURE(pthread_create(&worker->thread, NULL, run, worker) == 0);
	return worker;
}

void
act_worker_submit(struct act_worker *worker, struct act_job *job)
{
	job->mail.kind = WORKER_JOB;
	mailbox_post(&worker->inbox, &job->mail);
}

void
act_worker_reopen(struct act_worker *worker)
{
	if (!atomic_exchange(&worker->hanging_up, true))
		mailbox_post(&worker->inbox, &worker->hangup);
}

void
act_worker_stop(struct act_worker *worker)
{
	if (worker == NULL)
		return;
	atomic_store(&worker->stopping, true);
	uint64_t one = 1;
	ENSURE(write(worker->stop_fd, &one, sizeof one) == sizeof one);
	mailbox_post(&worker->inbox, &worker->stop);
	ENSURE(pthread_join(worker->thread, NULL) == 0);
	mailbox_fini(&worker->inbox);
	close(worker->stop_fd);
	free(worker);
}
