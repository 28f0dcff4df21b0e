#include "app/schedule.h"

#include "records/source.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 200, FAILED_AGAIN_MS = 60000, SAID_BYTES = 400, ARGUMENTS_MAX = 32 };

#define RECORDS_KEY SLICE("reconciliation")

enum run_state { RUN_IDLE, RUN_RUNNING };

struct reconcile_schedule {
	struct schedule_options options;
	enum run_state state;
	pid_t child;
	int said_fd;	       /* what it says on standard error */
	char said[SAID_BYTES]; /* the end of it */
	size_t said_bytes;
	struct mono_time begun;
	struct wall_time last; /* when a run ended well, or was tried */
	bool knows_last, failing;
	char tolerance[32], stuck_after[32];
};

/* --- checking --------------------------------------------------------------------------------------- */

static bool
names_file(struct slice text)
{
	return slice_starts(text, SLICE("csv:")) || slice_starts(text, SLICE("jsonl:"));
}

static enum error_code
check_side(const struct config *config, const char *key, struct slice value, struct error *error)
{
	struct records_source *source = NULL;
	if (value.len == 0)
		return error_set(error, ERR_INVALID, "%s is missing: reconcile.every wants it", key);
	if (names_file(value))
		return OK;
	enum error_code code = records_source_open(config, value.ptr, &source, error);
	records_source_free(source);
	return code == OK ? OK : error_wrap(error, "%s", key);
}

enum error_code
schedule_check(const struct config *config, struct error *error)
{
	enum error_code code = records_check_all(config, error);
	if (code != OK || config->reconcile_every_ms == 0)
		return code;
	code = check_side(config, "reconcile.custodian", config->reconcile_custodian, error);
	if (code == OK)
		code = check_side(config, "reconcile.ledger", config->reconcile_ledger, error);
	if (code == OK && config->reconcile_sender.len > 0)
		code = check_side(config, "reconcile.sender", config->reconcile_sender, error);
	return code;
}

/* --- telling ---------------------------------------------------------------------------------------- */

static void
tell_store(struct reconcile_schedule *schedule, struct background *background, struct store_request *request)
{
	struct error error = ERROR_NONE;
	if (background_ask(background, request, &error) != OK)
		log_write(schedule->options.log, LOG_ERROR, "an alert is not recorded", "error", error.text, NULL);
	store_request_free(request);
}

static void
tell_failure(struct reconcile_schedule *schedule, struct background *background, const char *why)
{
	schedule->failing = true;
	log_write(schedule->options.log, LOG_ERROR, "the reconciliation failed", "reason", why, NULL);
	tell_store(schedule, background,
	    alert_raise(ALERT_RECORDS, ALERT_WARNING, clock_wall(), RECORDS_KEY, "nothing is reconciled: %s", why));
}

static void
tell_success(struct reconcile_schedule *schedule, struct background *background, bool breaks)
{
	log_write(schedule->options.log, LOG_INFO, "reconciled", "breaks", breaks ? "yes" : "no", NULL);
	tell_store(schedule, background, alert_resolve(ALERT_RECORDS, clock_wall(), RECORDS_KEY));
	schedule->failing = false;
}

/* --- the process ------------------------------------------------------------------------------------ */

static const char *
duration(int64_t ms, char out[static 32])
{
	snprintf(out, 32, "%lldms", (long long)ms);
	return out;
}

static void
fill_arguments(struct reconcile_schedule *schedule, const char *output, const char *arguments[static ARGUMENTS_MAX])
{
	const struct config *config = schedule->options.config;
	const char *fixed[] = {"vaultbell", "reconcile", "--data", schedule->options.data, "--keep", "--output", output,
	    "--custodian", config->reconcile_custodian.ptr, "--ledger", config->reconcile_ledger.ptr, "--tolerance",
	    duration(config->reconcile_tolerance_ms, schedule->tolerance), "--stuck-after",
	    duration(config->reconcile_stuck_after_ms, schedule->stuck_after)};
	size_t count = 0;
	for (size_t i = 0; i < COUNT_OF(fixed); i++)
		arguments[count++] = fixed[i];
	if (schedule->options.config_path != NULL) {
		arguments[count++] = "--config";
		arguments[count++] = schedule->options.config_path;
	}
	if (config->reconcile_repair)
		arguments[count++] = "--repair";
	if (config->reconcile_repair && config->reconcile_sender.len > 0) {
		arguments[count++] = "--sender";
		arguments[count++] = config->reconcile_sender.ptr;
	}
	arguments[count] = NULL;
}

/* The same program, with its signals as they were before the service blocked them. Returns errno's kind. */
static int
spawn(struct reconcile_schedule *schedule, const char *const *arguments, int said)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigemptyset(&none);
	ENSURE(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attributes) == 0);
	ENSURE(posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0);
	ENSURE(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0);
	ENSURE(posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO) == 0);
	ENSURE(posix_spawnattr_setsigmask(&attributes, &none) == 0);
	ENSURE(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
	int failed = posix_spawn(
	    &schedule->child, "/proc/self/exe", &actions, &attributes, (char *const *)(uintptr_t)arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

static void
begin(struct reconcile_schedule *schedule, struct background *background)
{
	const struct config *config = schedule->options.config;
	const char *arguments[ARGUMENTS_MAX];
	struct arena arena = ARENA_EMPTY;
	int ends[2];
	const char *output = config->reconcile_output.len > 0
				 ? config->reconcile_output.ptr
				 : arena_printf(&arena, "%s/reconciliation", schedule->options.data).ptr;
	fill_arguments(schedule, output, arguments);
	ENSURE(pipe2(ends, O_CLOEXEC) == 0);
	int failed = spawn(schedule, arguments, ends[1]);
	close(ends[1]);
	arena_free(&arena);
	schedule->last = clock_wall();
	if (failed != 0) {
		close(ends[0]);
		tell_failure(schedule, background, strerror(failed));
		return;
	}
	ENSURE(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	schedule->said_fd = ends[0];
	schedule->said_bytes = 0;
	schedule->begun = clock_mono();
	schedule->state = RUN_RUNNING;
}

/* The last line is what matters: an error is one. */
static void
listen_to(struct reconcile_schedule *schedule)
{
	char block[SAID_BYTES];
	for (ssize_t got; (got = read(schedule->said_fd, block, sizeof block)) > 0;) {
		for (ssize_t i = 0; i < got; i++) {
			bool ends_line = block[i] == '\n';
			if (schedule->said_bytes > 0 && schedule->said[schedule->said_bytes - 1] == '\n')
				schedule->said_bytes = 0;
			if (schedule->said_bytes < SAID_BYTES - 1 || ends_line)
				schedule->said[schedule->said_bytes < SAID_BYTES - 1 ? schedule->said_bytes++
										     : SAID_BYTES - 2] = block[i];
		}
	}
}

static const char *
last_words(struct reconcile_schedule *schedule)
{
	size_t length = schedule->said_bytes;
	while (length > 0 && schedule->said[length - 1] == '\n')
		length--;
	schedule->said[length] = '\0';
	return length > 0 ? schedule->said : "it said nothing";
}

static void
ended(struct reconcile_schedule *schedule, struct background *background, int status)
{
	listen_to(schedule);
	close(schedule->said_fd);
	schedule->state = RUN_IDLE;
	if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		tell_success(schedule, background, WEXITSTATUS(status) == 1);
	else
		tell_failure(schedule, background,
		    WIFSIGNALED(status) ? "it was ended: longer than reconcile.timeout, or out of memory"
					: last_words(schedule));
}

static void
look(struct reconcile_schedule *schedule, struct background *background)
{
	int status;
	listen_to(schedule);
	if (waitpid(schedule->child, &status, WNOHANG) == schedule->child) {
		ended(schedule, background, status);
		return;
	}
	int64_t ran_ms = (clock_mono().us - schedule->begun.us) / 1000;
	if (ran_ms > schedule->options.config->reconcile_timeout_ms)
		kill(schedule->child, SIGKILL);
}

/* --- the job ---------------------------------------------------------------------------------------- */

/* A service that starts anew goes on from the last run that it has kept. */
static void
find_last(struct reconcile_schedule *schedule, struct background *background)
{
	struct error error = ERROR_NONE;
	struct store_request *request = store_request_new(STORE_BREAK_COUNTS, clock_wall());
	if (background_ask(background, request, &error) == OK) {
		schedule->last = request->admin->break_run.at;
		schedule->knows_last = true;
	}
	store_request_free(request);
}

static int64_t
run(void *context, struct background *background)
{
	struct reconcile_schedule *schedule = context;
	const struct config *config = schedule->options.config;
	if (!schedule->knows_last)
		find_last(schedule, background);
	if (schedule->state == RUN_RUNNING) {
		look(schedule, background);
		return LOOK_EVERY_MS;
	}
	struct wall_time now = clock_wall();
	struct wall_time due = reconcile_due(config->reconcile_every_ms, config->reconcile_at_ms, schedule->last, now);
	/* What failed is tried again sooner. */
	if (schedule->failing && schedule->last.us + (int64_t)FAILED_AGAIN_MS * 1000 < due.us)
		due.us = schedule->last.us + (int64_t)FAILED_AGAIN_MS * 1000;
	if (due.us <= now.us) {
		begin(schedule, background);
		return LOOK_EVERY_MS;
	}
	int64_t wait_ms = (due.us - now.us) / 1000 + 1;
	return wait_ms < 1000 ? wait_ms : 1000;
}

struct reconcile_schedule *
schedule_new(const struct schedule_options *options, struct background *background)
{
	if (options->config->reconcile_every_ms == 0)
		return NULL;
	struct reconcile_schedule *schedule = mem_zero(1, sizeof *schedule);
	schedule->options = *options;
	background_add(
	    background, &(struct background_job){.name = "reconcile", .run = run, .context = schedule, .first_ms = 0});
	return schedule;
}

void
schedule_free(struct reconcile_schedule *schedule)
{
	if (schedule == NULL)
		return;
	if (schedule->state == RUN_RUNNING) {
		/* What it has kept so far is in commits of their own; the next run goes on from there. */
		kill(schedule->child, SIGKILL);
		waitpid(schedule->child, NULL, 0);
		close(schedule->said_fd);
	}
	free(schedule);
}
