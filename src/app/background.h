/* Background work of a service: one thread that runs registered jobs, one after another, each when it wants to.
 *
 * For what may wait and may block: fetching keys and records, reconciling, looking for what is stuck, sending alerts. What
 * must answer or deliver belongs to the loops. A job may take long, and the others wait that long: it works in bounded
 * steps, asks background_stopping between them and comes back soon for the next ones.
 *
 * Contract
 * 1. background_add before background_start, by the thread that does both; jobs live as long as the background.
 * 2. A job's `run` is called in the background's thread, never by two at once. It returns how many milliseconds after
 *    its end it wants to run again; 0 at once, but after the others that are due; BACKGROUND_WHEN_WOKEN: only when woken.
 * 3. background_wake, from any thread, makes a job due now. Wakes that come before it runs count as one; one that comes
 *    while it runs makes it run once more.
 * 4. The store is asked with background_ask alone, from within a job: it blocks until the commit is done, and what it
 *    answers is durable. The runner ends between background_stop and background_free: it may still be ringing the bell
 *    of an answer that the thread has found already.
 * 5. background_stop waits for the job that runs: its fetches are interrupted (background_interrupt), what it asked of
 *    the store is answered. No job runs afterwards; jobs do their own clean-up when the service frees them. */
#ifndef APP_BACKGROUND_H
#define APP_BACKGROUND_H

#include "store/runner.h"

struct background;

enum { BACKGROUND_JOBS_MAX = 32, BACKGROUND_WHEN_WOKEN = -1 };

struct background_job {
	const char *name; /* static; for the log */
	int64_t (*run)(void *context, struct background *background);
	void *context;
	int64_t first_ms; /* after the start; BACKGROUND_WHEN_WOKEN */
};

struct background *background_new(struct store_runner *runner, const struct log *log);
/* Returns its number, for background_wake. */
size_t background_add(struct background *background, const struct background_job *job);
void background_start(struct background *background);
void background_wake(struct background *background, size_t job); /* any thread */
/* Ends the thread, if it was started. NULL does nothing, nor does a second time. */
void background_stop(struct background *background);
void background_free(struct background *background);

/* From within a job. The request stays the caller's; the error is the request's own. */
MUST_CHECK enum error_code background_ask(
    struct background *background, struct store_request *request, struct error *error);
bool background_stopping(const struct background *background);
/* True once it is to stop; for fetch_settings. */
const atomic_bool *background_interrupt(const struct background *background);

#endif
