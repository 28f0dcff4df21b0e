/* Commands: a program for each event, on the out-loop and never in its way.
 *
 * The event stands in an anonymous file that is the program's standard input, so nobody waits for it to read. It has its
 * own process group, an environment that is made for it, no descriptor of ours, and a time limit: then SIGTERM, and after
 * `grace` SIGKILL, to the whole group. What it leaves behind of its group when it ends is ended too.
 *
 * Invariants
 * 1. At most `concurrency` programs of a destination run at a time; the rest waits in order.
 * 2. Every job that was begun ends: by the program's exit, or by its time limit.
 * 3. What is kept of its output is bounded and scrubbed. */
#ifndef ACT_COMMAND_H
#define ACT_COMMAND_H

#include "act/job.h"
#include "base/loop.h"

struct act_commands;

/* `environment` is environ's form; borrowed. Ended jobs are handed to `ended`, never from inside act_commands_run. */
struct act_commands *act_commands_new(struct loop *loop, const struct act_destination *destination,
    char *const *environment, int64_t timeout_ms, void (*ended)(void *context, struct act_job *job), void *context);
void act_commands_run(struct act_commands *commands, struct act_job *job);
/* Time limits. Microseconds until it must be called again, or -1. */
int64_t act_commands_turn(struct act_commands *commands);
/* Kills what runs; its jobs do not end. */
void act_commands_free(struct act_commands *commands);

#endif
