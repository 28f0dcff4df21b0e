/* One run: a stormy phase of so many steps, then calm until all is quiet, then the checks. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Nothing is due within QUIET_US: longer than the clock is ever set back and a retry then waits. */
enum { QUIET_US = 120000000, STORMY_STEPS = 500, SCRIPTED_STEPS = 160, STEPS_MAX = 60000, ROUNDS_MAX = 4 };

void
world_fail(struct world *world, const char *format, ...)
{
	if (world->failed)
		return;
	world->failed = true;
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	printf("seed %llu: %s (step %llu)\n", (unsigned long long)world->seed, text, (unsigned long long)world->steps);
	if (world->plan.crash_at > 0)
		printf("  %s at operation %llu, again at %llu\n",
		    world->plan.crash == VFS_KILL ? "killed" : "power cut", (unsigned long long)world->plan.crash_at,
		    (unsigned long long)world->plan.crash_again_at);
}

void
world_say(const struct world *world, const char *format, ...)
{
	if (!world->plan.verbose)
		return;
	va_list args;
	va_start(args, format);
	printf("%6llu %10.3f  ", (unsigned long long)world->steps, (double)(world->now.us % 1000000000000) / 1e6);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

bool
world_chance(struct world *world, uint64_t numerator, uint64_t denominator)
{
	return random_chance(&world->random, numerator, denominator);
}

int
world_below(struct world *world, int bound)
{
	return (int)random_below(&world->random, (uint64_t)bound);
}

/* --- steps ------------------------------------------------------------------------------------------- */

static struct wall_time
earlier(struct wall_time a, struct wall_time b)
{
	return a.us < b.us ? a : b;
}

static struct wall_time
next_timer(const struct world *world)
{
	struct wall_time next = earlier(world->turn_at, receivers_next(world));
	for (int i = 0; i < world->event_count; i++)
		if (world->events[i].posting == POST_LATER)
			next = earlier(next, world->events[i].at);
	return next;
}

static void
turn(struct world *world)
{
	world->turn_at = sender_turn(world->sender, world->now);
	if (sender_counts(world->sender).engine.blocked > 0)
		mark(world, MARK_BLOCKED);
}

/* One of those that can move does. False: nobody could, time must pass. */
static bool
move(struct world *world)
{
	int first = world_below(world, 6);
	for (int i = 0; i < 6; i++) {
		switch ((first + i) % 6) {
		case 0:
			if (world->submitted.first == NULL)
				break;
			machine_batch(world);
			return true;
		case 1:
			if (world->to_sender.first == NULL)
				break;
			machine_deliver(world, &world->to_sender);
			turn(world);
			return true;
		case 2:
			if (world->to_clients.first == NULL)
				break;
			machine_deliver(world, &world->to_clients);
			return true;
		case 3:
			if (!receivers_move(world))
				break;
			turn(world);
			return true;
		case 4:
			if (!clients_post(world))
				break;
			return true;
		default:
			if (world->turn_at.us > world->now.us)
				break;
			turn(world);
			return true;
		}
	}
	return false;
}

static void
pass_until(struct world *world, struct wall_time then)
{
	if (then.us <= world->now.us)
		return;
	world->simulated_us += then.us - world->now.us;
	world->now = then;
}

static void
step(struct world *world)
{
	world->steps++;
	pass_until(world, (struct wall_time){world->now.us + (int64_t)random_below(&world->random, 3000)});
	faults_happen(world);
	if (!move(world)) {
		struct wall_time next = next_timer(world);
		if (next.us != WALL_NEVER.us)
			pass_until(world, next);
		if (world_chance(world, 1, 10))
			machine_idle(world);
	}
	sender_check(world->sender);
}

static bool
busy(const struct world *world)
{
	return world->submitted.first != NULL || world->to_sender.first != NULL || world->to_clients.first != NULL ||
	       world->flight_count > 0 || next_timer(world).us < world->now.us + QUIET_US;
}

/* Liveness: everything works now, so everything must arrive. Steps until nothing moves, and again as long as the store
 * has something pending. */
static void
calm_down(struct world *world)
{
	world_say(world, "calm");
	world->calm = true;
	vfs_end_faults(world->vfs);
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		world->receivers[i].mode = RECEIVER_WORKS;
	for (int rounds = 0; !world->failed; rounds++) {
		clients_enable_all(world);
		int64_t pending = check_pending(world);
		int resent = check_resend_exhausted(world);
		if (pending == 0 && resent == 0 && !busy(world))
			return;
		if (rounds == ROUNDS_MAX || world->steps >= STEPS_MAX)
			world_fail(world, "%lld deliveries are still pending when all is quiet", (long long)pending);
		while (!world->failed && busy(world) && world->steps < STEPS_MAX)
			step(world);
	}
}

/* --- a run ------------------------------------------------------------------------------------------- */

static void
begin(struct world *world, uint64_t seed, const struct plan *plan)
{
	*world = (struct world){.seed = seed, .plan = *plan, .now = {1760000000000000}};
	random_seed(&world->random, seed);
	faults_draw(world);
	mail_list_init(&world->submitted);
	mail_list_init(&world->to_sender);
	mail_list_init(&world->to_clients);
	world->vfs = vfs_new(random_next(&world->random));
	static const unsigned char master[32] = {1, 2, 3};
	world->sealer = sealer_from_bytes(master);
	struct slice text = SLICE("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
	ENSURE(key_parse(SCHEME_STANDARD, text, &world->key, NULL) == OK);
	struct buf sealed;
	buf_init(&sealed, 4096);
	sealer_seal(world->sealer, ENDPOINT_KEY_CONTEXT, text, &sealed);
	world->sealed_key = arena_copy(&world->arena, buf_slice(&sealed));
	buf_free(&sealed);
	machine_start(world);
	clients_setup(world);
}

static void
end(struct world *world)
{
	machine_stop(world);
	vfs_free(world->vfs);
	key_unref(world->key);
	sealer_free(world->sealer);
	arena_free(&world->arena);
}

bool
simulate(uint64_t seed, const struct plan *plan)
{
	struct world *world = mem_alloc(sizeof *world);
	begin(world, seed, plan);
	uint64_t begun = vfs_operations(world->vfs);
	if (plan->crash_at > 0)
		vfs_crash_in(world->vfs, plan->crash, plan->crash_at);
	while (!world->failed && world->steps < (plan->scripted ? SCRIPTED_STEPS : STORMY_STEPS))
		step(world);
	if (plan->operations != NULL)
		*plan->operations = vfs_operations(world->vfs) - begun;
	if (!world->failed)
		calm_down(world);
	if (!world->failed)
		check_everything(world);
	world_say(world, "%llu batches, %llu crashes, %llu times full, %llu transmissions, %llu duplicates",
	    (unsigned long long)world->batches, (unsigned long long)world->crashes, (unsigned long long)world->full,
	    (unsigned long long)world->transmissions, (unsigned long long)world->duplicates);
	if (plan->tally != NULL) {
		plan->tally->crashes += world->crashes;
		plan->tally->transmissions += world->transmissions;
		plan->tally->simulated_us += world->simulated_us;
	}
	end(world);
	bool held = !world->failed;
	free(world);
	return held;
}
