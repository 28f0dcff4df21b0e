/* Runs worlds. Each is run in a child process, so that a broken invariant names its seed and the rest goes on. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From so many worlds on, everything that can happen must have happened in one of them. */
enum { MARKS_FROM_SEEDS = 1000, SEEDS_UNTIL_CAUGHT = 300, RECOVERY_OPERATIONS = 24, SOUND_SEEDS = 100 };

static const char usage[] =
    "usage: sim --seeds FROM..TO | --seed N [--verbose] [--bug NAME] | --file FILE | --every-crash [SEED] | --planted\n"
    "  --seeds FROM..TO     these worlds; from a thousand on, everything that can happen must have happened\n"
    "  --file FILE          the seeds in a file: one a line, behind it why it is there\n"
    "  --every-crash SEED   one short scenario (of seed 1), with a crash at every operation on its disk\n"
    "  --planted            each planted bug must be caught within a bounded number of seeds\n"
    "  --bug NAME           plant a bug\n"
    "exit: 0 all held, 1 a seed failed, 2 misuse\n";

/* What the child tells: how far it has come, and what it found. */
struct progress {
	uint64_t at, failed;
	struct tally tally;
};

/* The plan and the seed of the `at`-th world. */
struct job {
	uint64_t from, to; /* the numbers of its worlds */
	bool stop_at_failure;
	void (*choose)(const struct job *job, uint64_t at, uint64_t *seed, struct plan *plan);
	struct plan plan;
	uint64_t seed;	     /* EVERY CRASH: of the scenario */
	uint64_t operations; /* and how many operations it has */
};

static void
run_range(const struct job *job, struct progress *progress)
{
	for (; progress->at <= job->to; progress->at++) {
		struct plan plan = job->plan;
		uint64_t seed = progress->at;
		plan.tally = &progress->tally;
		job->choose(job, progress->at, &seed, &plan);
		if (simulate(seed, &plan))
			continue;
		progress->failed++;
		if (job->stop_at_failure)
			return;
	}
}

/* How many worlds failed (at most one when it stops there). */
static uint64_t
run_job(const struct job *job, struct tally *tally)
{
	struct progress *progress =
	    mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ENSURE(progress != MAP_FAILED);
	*progress = (struct progress){.at = job->from};
	while (progress->at <= job->to && !(job->stop_at_failure && progress->failed > 0)) {
		fflush(stdout);
		pid_t child = fork();
		ENSURE(child >= 0);
		if (child == 0) {
			run_range(job, progress);
			exit(0);
		}
		int status = 0;
		ENSURE(waitpid(child, &status, 0) == child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		printf("world %llu: the program died\n", (unsigned long long)progress->at);
		progress->failed++;
		progress->at++;
	}
	uint64_t failed = progress->failed;
	*tally = progress->tally;
	munmap(progress, sizeof *progress);
	return failed;
}

static double
seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
say_result(uint64_t worlds, uint64_t failed, const struct tally *tally, double took)
{
	printf(
	    "%llu worlds, %llu failed: %.1f simulated hours, %llu crashes, %llu transmissions; %.0f worlds a second\n",
	    (unsigned long long)worlds, (unsigned long long)failed, (double)tally->simulated_us / 3.6e9,
	    (unsigned long long)tally->crashes, (unsigned long long)tally->transmissions, (double)worlds / took);
}

/* --- seeds ------------------------------------------------------------------------------------------- */

static void
choose_seed(const struct job *job, uint64_t at, uint64_t *seed, struct plan *plan)
{
	(void)job;
	(void)plan;
	*seed = at;
}

static int
check_marks(const struct tally *tally)
{
	int result = 0;
	for (int i = 0; i < MARK_COUNT; i++) {
		if (tally->marks[i] > 0)
			continue;
		printf("it never happened that %s\n", mark_name((enum mark)i));
		result = 1;
	}
	return result;
}

static int
run_seeds(uint64_t from, uint64_t to, const struct plan *plan)
{
	struct job job = {.from = from, .to = to, .choose = choose_seed, .plan = *plan};
	struct tally tally;
	double started = seconds();
	uint64_t failed = run_job(&job, &tally), count = to - from + 1;
	say_result(count, failed, &tally, seconds() - started);
	if (failed > 0)
		return 1;
	return count >= MARKS_FROM_SEEDS ? check_marks(&tally) : 0;
}

enum { REGRESSIONS_MAX = 1000 };

static int
run_file(const char *path, const struct plan *plan)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		perror(path);
		return 2;
	}
	/* Closed before the first world: processes that end would move the place in it that they share. */
	char line[512];
	uint64_t seeds[REGRESSIONS_MAX];
	size_t count = 0;
	while (count < REGRESSIONS_MAX && fgets(line, sizeof line, file) != NULL) {
		char *end;
		seeds[count] = strtoull(line, &end, 10);
		count += end != line;
	}
	fclose(file);
	int result = 0;
	for (size_t i = 0; i < count; i++)
		result |= run_seeds(seeds[i], seeds[i], plan);
	return result;
}

/* --- every crash ------------------------------------------------------------------------------------- */

/* Three worlds for each operation: killed there; the power cut there; and cut again while that is recovered from. */
static void
choose_crash(const struct job *job, uint64_t at, uint64_t *seed, struct plan *plan)
{
	uint64_t which = at / job->operations;
	*seed = job->seed;
	plan->crash_at = at % job->operations + 1;
	plan->crash = which == 0 ? VFS_KILL : VFS_POWER_CUT;
	plan->crash_again_at = which < 2 ? 0 : 1 + plan->crash_at % RECOVERY_OPERATIONS;
}

static int
run_every_crash(uint64_t seed, const struct plan *plan)
{
	uint64_t operations = 0;
	struct plan first = *plan;
	first.scripted = true;
	first.operations = &operations;
	if (!simulate(seed, &first) || operations == 0)
		return 1;
	first.operations = NULL;
	struct job job = {
	    .to = 3 * operations - 1, .choose = choose_crash, .plan = first, .seed = seed, .operations = operations};
	struct tally tally;
	double started = seconds();
	uint64_t failed = run_job(&job, &tally);
	printf("%llu operations on the disk, a kill and a power cut at each, and a crash in the recovery of each\n",
	    (unsigned long long)operations);
	say_result(3 * operations, failed, &tally, seconds() - started);
	return failed > 0;
}

/* --- planted bugs ------------------------------------------------------------------------------------ */

/* Where worlds fail without a bug as well, every bug would seem to be caught. */
static bool
is_sound(void)
{
	struct job job = {.from = 1, .to = SOUND_SEEDS, .stop_at_failure = true, .choose = choose_seed};
	struct tally tally;
	if (run_job(&job, &tally) == 0)
		return true;
	printf("this fails without any bug: what is planted shows nothing\n");
	return false;
}

static int
run_planted(void)
{
	int result = 0;
	if (!is_sound())
		return 1;
	for (int i = BUG_NONE + 1; i < BUG_COUNT; i++) {
		struct job job = {.from = 1,
		    .to = SEEDS_UNTIL_CAUGHT,
		    .stop_at_failure = true,
		    .choose = choose_seed,
		    .plan = {.bug = (enum bug)i}};
		struct tally tally;
		printf("planted %s:\n", bug_name((enum bug)i));
		if (run_job(&job, &tally) > 0)
			continue;
		printf("planted %s was not caught in %d seeds\n", bug_name((enum bug)i), SEEDS_UNTIL_CAUGHT);
		result = 1;
	}
	return result;
}

/* --- what is asked for ------------------------------------------------------------------------------- */

/* "7" or "1..2000" */
static bool
parse_range(const char *text, uint64_t *from, uint64_t *to)
{
	char *end = NULL;
	*from = *to = strtoull(text, &end, 10);
	if (end != text && strncmp(end, "..", 2) == 0)
		*to = strtoull(end + 2, &end, 10);
	return end != text && *end == '\0' && *from <= *to;
}

int
main(int argc, char **argv)
{
	struct plan plan = {.bug = BUG_NONE};
	uint64_t from = 1, to = 100;
	bool planted = false, every_crash = false;
	const char *file = NULL;
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--verbose") == 0)
			plan.verbose = true;
		else if (strcmp(argv[i], "--planted") == 0)
			planted = true;
		else if (more && strcmp(argv[i], "--file") == 0)
			file = argv[++i];
		else if (more && strcmp(argv[i], "--bug") == 0 && bug_parse(argv[i + 1], &plan.bug))
			i++;
		else if (more && strcmp(argv[i], "--every-crash") == 0 && parse_range(argv[i + 1], &from, &to)) {
			every_crash = true;
			i++;
		} else if (more && strncmp(argv[i], "--seed", 6) == 0 && parse_range(argv[i + 1], &from, &to))
			i++;
		else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (planted)
		return run_planted();
	if (file != NULL)
		return run_file(file, &plan);
	return every_crash ? run_every_crash(from, &plan) : run_seeds(from, to, &plan);
}
