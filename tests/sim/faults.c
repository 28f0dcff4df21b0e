/* What goes wrong around the machine, and when. */
#include "sim.h"

enum { EVERYTHING_ONE_IN = 4, SOON_OPERATIONS = 40 };

/* Each fault exists in half of the worlds; in every fourth one all of them do. */
void
faults_draw(struct world *world)
{
	static const unsigned scripted = 1u << FAULT_RECEIVERS | 1u << FAULT_ANSWERS | 1u << FAULT_ADMINISTRATION;
	static const unsigned all = (1u << FAULT_COUNT) - 1;
	if (world->plan.scripted)
		world->faults = scripted;
	else if (world_chance(world, 1, EVERYTHING_ONE_IN))
		world->faults = all;
	else
		world->faults = (unsigned)random_next(&world->random) & all;
}

bool
faults_have(const struct world *world, enum fault fault)
{
	return !world->calm && (world->faults & 1u << fault) != 0;
}

/* As when somebody, or a time service, sets it. */
static void
set_clock(struct world *world)
{
	static const int64_t second_us = 1000000;
	int64_t by_us = (int64_t)random_below(&world->random, 60 * (uint64_t)second_us);
	bool back = world_chance(world, 1, 2);
	if (!back && world_chance(world, 1, 4))
		by_us *= 60;
	world_say(world, "the clock is set %s by %lld s", back ? "back" : "ahead", (long long)(by_us / second_us));
	world->now.us += back ? -by_us : by_us;
	mark(world, back ? MARK_CLOCK_BACK : MARK_CLOCK_AHEAD);
}

static void
crash(struct world *world, enum vfs_crash kind, uint64_t ahead)
{
	if (world_chance(world, 1, 2)) {
		vfs_crash_in(world->vfs, kind, ahead);
		return;
	}
	world_say(world, kind == VFS_KILL ? "the process is killed" : "the power goes");
	machine_crash(world, kind);
}

static void
brew(struct world *world, enum fault fault)
{
	uint64_t ahead = 1 + random_below(&world->random, SOON_OPERATIONS);
	switch (fault) {
	case FAULT_POWER_CUT: crash(world, VFS_POWER_CUT, ahead); break;
	case FAULT_KILL: crash(world, VFS_KILL, ahead); break;
	case FAULT_FULL:
		world_say(world, "the disk is nearly full");
		vfs_leave_room(world->vfs, random_below(&world->random, 30000));
		break;
	case FAULT_WRITE: vfs_fail_write_in(world->vfs, ahead); break;
	case FAULT_SYNC: vfs_fail_sync_in(world->vfs, ahead); break;
	case FAULT_RESTART:
		world_say(world, "restarts in order");
		machine_stop(world);
		machine_start(world);
		break;
	case FAULT_CLOCK: set_clock(world); break;
	case FAULT_NAMES: world->receivers[world_below(world, ENDPOINTS_MAX)].mode = RECEIVER_HAS_NO_NAME; break;
	/* Of another time: in recovery, when a client is answered, or below. */
	case FAULT_RECOVERY:
	case FAULT_ANSWERS:
	case FAULT_RECEIVERS:
	case FAULT_ADMINISTRATION:
	case FAULT_COUNT: break;
	}
}

void
faults_happen(struct world *world)
{
	if (world->calm)
		return;
	enum fault fault = (enum fault)world_below(world, FAULT_COUNT);
	if (world_chance(world, 1, 30) && faults_have(world, fault))
		brew(world, fault);
	if (vfs_disk(world->vfs)->capacity != 0 && world_chance(world, 1, 30)) {
		world_say(world, "there is room on the disk again");
		vfs_leave_room(world->vfs, (uint64_t)1 << 40);
	}
	if (world_chance(world, 1, 40) && faults_have(world, FAULT_RECEIVERS)) {
		int which = world_below(world, ENDPOINTS_MAX);
		world->receivers[which].mode = (enum receiver_mode)world_below(world, RECEIVER_HAS_NO_NAME);
	}
	if (world_chance(world, 1, 25) && faults_have(world, FAULT_ADMINISTRATION))
		clients_administer(world);
}
