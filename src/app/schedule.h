/* The receiver's reconciliation by schedule: a background job that starts `vaultbell reconcile --keep` as a process of its
 * own, looks after it, and tells what came of it.
 *
 * A process, because a run takes hundreds of megabytes for a few seconds and reads what others wrote: whatever happens to
 * it, the receiver goes on. What it found it keeps in the receiver's database itself, by the same code as the command.
 *
 *   IDLE ──due──▶ RUNNING ──it ends, or is ended──▶ IDLE
 *
 * A run that fails raises an alert, which the next one that succeeds resolves. */
#ifndef APP_SCHEDULE_H
#define APP_SCHEDULE_H

#include "app/background.h"
#include "config/config.h"

struct schedule_options {
	const struct config *config; /* borrowed, as all of this */
	const char *config_path;     /* NULL: none */
	const char *data;
	const struct log *log;
};

/* Whether what the configuration says of it can be done; also where nothing is scheduled, of `records`. */
MUST_CHECK enum error_code schedule_check(const struct config *config, struct error *error);

struct reconcile_schedule;

/* Registers its job; NULL where nothing is scheduled. */
struct reconcile_schedule *schedule_new(const struct schedule_options *options, struct background *background);
/* After the background has stopped. Ends a run that is under way. */
void schedule_free(struct reconcile_schedule *schedule);

#endif
