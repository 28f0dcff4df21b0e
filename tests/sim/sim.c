/* Runs seeds. Each is run in a child process, so that a broken invariant names its seed and the rest goes on. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: sim --seed N [--verbose] | --seeds FROM..TO [--verbose] | --planted\n"
    "  --planted           each planted bug must be caught within a bounded number of seeds\n"
    "  --bug NAME          plant a bug: reply-before-commit, synchronous-normal, delivered-before-outcome\n"
    "exit: 0 all held, 1 a seed failed, 2 misuse\n";

struct progress {
	uint64_t seed, failed;
};

static void
run_range(uint64_t to, const struct plan *plan, bool stop_at_failure, struct progress *progress)
{
	for (; progress->seed <= to; progress->seed++) {
		if (simulate(progress->seed, plan))
			continue;
		progress->failed++;
		if (stop_at_failure)
			return;
	}
}

/* How many seeds failed (at most one when it stops there). */
static uint64_t
run_seeds(uint64_t from, uint64_t to, const struct plan *plan, bool stop_at_failure)
{
	struct progress *progress =
	    mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ENSURE(progress != MAP_FAILED);
	*progress = (struct progress){.seed = from};
	while (progress->seed <= to && !(stop_at_failure && progress->failed > 0)) {
		fflush(stdout);
		pid_t child = fork();
		ENSURE(child >= 0);
		if (child == 0) {
			run_range(to, plan, stop_at_failure, progress);
			exit(0);
		}
		int status = 0;
		ENSURE(waitpid(child, &status, 0) == child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		printf("seed %llu: the program died\n", (unsigned long long)progress->seed);
		progress->failed++;
		progress->seed++;
	}
	uint64_t failed = progress->failed;
	munmap(progress, sizeof *progress);
	return failed;
}

static bool
plant(const char *name, struct plan *plan)
{
	if (strcmp(name, "reply-before-commit") == 0)
		plan->reply_before_commit = true;
	else if (strcmp(name, "synchronous-normal") == 0)
		plan->synchronous = "NORMAL";
	else if (strcmp(name, "delivered-before-outcome") == 0)
		plan->delivered_before_outcome = true;
	else
		return false;
	return true;
}

static int
run_planted(void)
{
	static const char *const bugs[] = {"reply-before-commit", "synchronous-normal", "delivered-before-outcome"};
	enum { SEEDS_UNTIL_CAUGHT = 300 };
	int result = 0;
	for (size_t i = 0; i < COUNT_OF(bugs); i++) {
		struct plan plan = {.synchronous = NULL};
		ENSURE(plant(bugs[i], &plan));
		printf("planted %s:\n", bugs[i]);
		if (run_seeds(1, SEEDS_UNTIL_CAUGHT, &plan, true) > 0)
			continue;
		printf("planted %s was not caught in %d seeds\n", bugs[i], SEEDS_UNTIL_CAUGHT);
		result = 1;
	}
	return result;
}

static double
seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

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
	struct plan plan = {.synchronous = NULL};
	uint64_t from = 1, to = 100;
	bool planted = false;
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--verbose") == 0)
			plan.verbose = true;
		else if (strcmp(argv[i], "--planted") == 0)
			planted = true;
		else if (more && strcmp(argv[i], "--bug") == 0 && plant(argv[i + 1], &plan))
			i++;
		else if (more && strncmp(argv[i], "--seed", 6) == 0 && parse_range(argv[i + 1], &from, &to))
			i++;
		else {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (planted)
		return run_planted();
	double started = seconds();
	uint64_t failed = run_seeds(from, to, &plan, false);
	double took = seconds() - started;
	uint64_t count = to - from + 1;
	printf("%llu seeds, %llu failed, %.0f seeds a second\n", (unsigned long long)count, (unsigned long long)failed,
	    (double)count / took);
	return failed > 0 ? 1 : 0;
}
