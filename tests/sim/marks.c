/* Marks: that what the simulator is for has happened. A world in which nothing is ever exhausted shows nothing about
 * exhausting; so a long run fails when one of these was never seen. */
#include "sim.h"

static const char *const names[MARK_COUNT] = {
    [MARK_BATCH_UNDONE] = "a crash undid a batch",
    [MARK_BATCH_KEPT] = "a batch stood although the process died in it",
    [MARK_RECOVERY_CRASHED] = "a crash while recovering from one",
    [MARK_REPEATED_BY_CRASH] = "a delivery went out again because its outcome was lost",
    [MARK_REPEATED_POST] = "a client posted again and got its first answer",
    [MARK_SUSPENDED] = "an endpoint was suspended for failing too long",
    [MARK_GONE] = "an endpoint was suspended for 410",
    [MARK_ACCEPTED_WHILE_HELD] = "an event was accepted for a suspended endpoint",
    [MARK_EXHAUSTED] = "a schedule came to its end",
    [MARK_RESENT_IN_FLIGHT] = "a resend was asked for while the delivery was on its way",
    [MARK_DELETED_IN_FLIGHT] = "an endpoint was deleted while a delivery was on its way to it",
    [MARK_RETRY_AFTER] = "an answer asked for a pause",
    [MARK_TAKEN_UNANSWERED] = "a receiver took a delivery and its answer was lost",
    [MARK_HUNG] = "an attempt ran into its time limit",
    [MARK_NAME_LOST] = "a host name was not resolved",
    [MARK_REFILLED] = "deliveries were read back from the store",
    [MARK_REFILL_FAILED] = "reading back failed",
    [MARK_BLOCKED] = "a delivery waited for an earlier one of its order",
    [MARK_DISK_FULL] = "a batch failed on a full disk or a failed write",
    [MARK_SYNC_FAILED] = "a sync failed and the process ended",
    [MARK_CHECKPOINT_FAILED] = "a sync failed in a checkpoint and the process ended",
    [MARK_CLOCK_BACK] = "the clock was set back",
    [MARK_CLOCK_AHEAD] = "the clock was set ahead",
};

const char *
mark_name(enum mark which)
{
	return names[which];
}

void
mark(struct world *world, enum mark which)
{
	if (world->plan.tally != NULL)
		world->plan.tally->marks[which]++;
}
