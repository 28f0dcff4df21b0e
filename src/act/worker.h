/* A thread of one destination whose work may block: a file's disk, a database's network. It takes what has come as one
 * batch, so that many events share one fsync or one commit, and sends every job back when the batch is over.
 *
 * Invariants
 * 1. Each job comes back once, in the order in which they came.
 * 2. act_worker_stop returns soon: `stopping` and `stop_fd` interrupt what waits. Jobs that were not begun do not come
 *    back. */
#ifndef ACT_WORKER_H
#define ACT_WORKER_H

#include "act/job.h"
#include "base/log.h"

#include <pthread.h>

enum { ACT_BATCH = 64 };

struct act_worker {
	const struct act_destination *destination;
	const struct log *log;
	int64_t timeout_ms;
	int stop_fd; /* readable once it is to stop */
	atomic_bool stopping;
	/* its owner's */
	void *state;
	void (*work)(struct act_worker *worker, struct act_job *const *jobs, size_t count); /* each gets its verdict */
	void (*reopen)(struct act_worker *worker);
	void (*close)(struct act_worker *worker);
	/* its own */
	struct mailbox inbox, *outbox;
	int kind;
	struct mail stop, hangup;
	atomic_bool hanging_up; /* `hangup` is on its way */
	pthread_t thread;
};

/* What work, reopen, close and state are: file.c, postgres.c. */
void act_file_open(struct act_worker *worker);
void act_postgres_open(struct act_worker *worker);

/* Begins the thread. Jobs come back into `outbox` as mail of this kind. */
struct act_worker *act_worker_start(const struct act_destination *destination, struct mailbox *outbox, int kind,
    int64_t timeout_ms, const struct log *log);
void act_worker_submit(struct act_worker *worker, struct act_job *job);
void act_worker_reopen(struct act_worker *worker);
void act_worker_stop(struct act_worker *worker); /* ends the thread, frees */

#endif
