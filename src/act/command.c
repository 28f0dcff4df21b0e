#include "act/command.h"

#include "act/scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program that runs.   RUNNING ──time limit──▶ TERMINATED ──grace──▶ KILLED      each of them ──exit──▶ gone */
enum run_state { RUN_RUNNING, RUN_TERMINATED, RUN_KILLED };

enum { CAPTURED_BYTES_MAX = 2 * LIMIT_DESTINATION_OUTPUT_BYTES, READS_AT_ONCE = 16, CHILD_STACK_BYTES = 64 << 10 };

struct run {
	struct act_commands *commands;
	struct act_job *job;
	pid_t pid;
	enum run_state state;
	struct mono_time due; /* of the next step towards its end */
	struct loop_source exit, output;
	bool output_open;
	struct buf captured;
	struct run *next, **link;
};

struct act_commands {
	struct loop *loop;
	const struct act_destination *destination;
	char *const *environment;
	int64_t timeout_ms;
	void (*ended)(void *context, struct act_job *job);
	void *context;
	struct run *runs;
	size_t running;
	struct act_job *waiting, **waiting_last;
	struct act_job *failed; /* could not be started: to end in the next turn */
};

/* --- what a program is given ------------------------------------------------------------------------ */

static const char *
variable(char *const *environment, struct slice name)
{
	for (; environment != NULL && *environment != NULL; environment++)
		if (slice_starts(slice_of(*environment), name) && (*environment)[name.len] == '=')
			return *environment;
	return NULL;
}

/* Of visible ASCII: other people chose it, and programs print their environment. */
static char *
assignment(struct arena *arena, const char *name, struct slice value)
{
	char *text = arena_string(arena, arena_printf(arena, "%s=%.*s", name, SLICE_ARG(value)));
	for (char *c = text; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return text;
}

enum { VARIABLES_OWN = 16 };

static char **
environment_of(const struct act_commands *commands, const struct act_job *job, struct arena *arena)
{
	const struct slice_list *passed = &commands->destination->command.environment;
	char **list = arena_alloc(arena, (VARIABLES_OWN + passed->count + 1) * sizeof *list);
	char time[TIME_TEXT_BYTES];
	size_t count = 0;
	bool path = slice_list_has(*passed, SLICE("PATH"));
	if (!path)
		list[count++] = assignment(arena, "PATH", SLICE("/usr/local/bin:/usr/bin:/bin"));
	list[count++] = assignment(arena, "LC_ALL", SLICE("C.UTF-8"));
	list[count++] = assignment(arena, "VAULTBELL_DESTINATION", job->destination->name);
	list[count++] = assignment(arena, "VAULTBELL_SOURCE", job->source);
	list[count++] = assignment(arena, "VAULTBELL_EVENT_ID", job->event_id);
	list[count++] = assignment(arena, "VAULTBELL_EVENT_TYPE", job->type);
	list[count++] = assignment(arena, "VAULTBELL_RECEIVED_AT", slice_of(time_format(job->received, 6, time)));
	list[count++] = assignment(arena, "VAULTBELL_SEQUENCE", job->sequence);
	list[count++] = assignment(arena, "VAULTBELL_ATTEMPT", job->attempt);
	list[count++] = assignment(arena, "VAULTBELL_REDACTED", job->redacted ? SLICE("1") : SLICE("0"));
	for (size_t i = 0; i < passed->count; i++) {
		const char *given = variable(commands->environment, passed->items[i]);
		if (given != NULL)
			list[count++] = arena_string(arena, slice_of(given));
	}
	return list;
}

/* Its standard input: the event's bytes, in memory. -1 with errno set. */
static int
input_of(const struct act_job *job)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	struct slice rest = job->body;
	while (fd >= 0 && rest.len > 0) {
		ssize_t wrote = write(fd, rest.ptr, rest.len);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0) {
			int reason = errno;
			close(fd);
			errno = reason;
			return -1;
		}
		rest = slice_skip(rest, (size_t)wrote);
	}
	if (fd >= 0)
		ENSURE(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* --- how it is started -------------------------------------------------------------------------------- */

/* What the child needs between its birth and the program: made by the parent, whose memory it shares until then. */
struct birth {
	const char *directory;
	char *const *argv;
	char **environment;
	int input, output;
	pid_t parent;
	int error; /* out */
};

/* What the child calls, past the C library's functions: where a sanitizer stands in for those, its bookkeeping is in the
 * memory that the child only borrows. */
#define CALL(name, ...) syscall(SYS_##name, __VA_ARGS__)
#define BORROWS_MEMORY __attribute__((no_sanitize("address", "undefined", "thread")))

/* Signals as a program expects them: none blocked, none ignored. The table of handlers is the child's own. */
BORROWS_MEMORY static void
reset_signals(void)
{
	/* As the kernel lays them out: SIG_DFL, no flags and an empty mask are all zero. */
	enum { MASK_BYTES = 8, ACTION_BYTES = 64 };
	static const uint64_t usual[ACTION_BYTES / sizeof(uint64_t)], none[1];
	for (int signal = 1; signal < NSIG; signal++)
		(void)CALL(rt_sigaction, signal, usual, NULL, MASK_BYTES);
	(void)CALL(rt_sigprocmask, SIG_SETMASK, none, NULL, MASK_BYTES);
}

/* It dies with the thread that starts it, however that ends: a receiver that is killed leaves no program behind that its next
 * start would run a second time beside. Only system calls: another thread may hold any lock. */
BORROWS_MEMORY static int
become(void *argument)
{
	struct birth *birth = argument;
	bool good = CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
	/* Whoever died before that sent no signal. */
	if (good && CALL(getppid, 0) != birth->parent)
		CALL(exit, 127);
	reset_signals();
	/* Above the three, so that none of them is written over where we ourselves have less than these. */
	long input = CALL(fcntl, birth->input, F_DUPFD, STDERR_FILENO + 1);
	long output = CALL(fcntl, birth->output, F_DUPFD, STDERR_FILENO + 1);
	good = good && CALL(setpgid, 0, 0) == 0 && CALL(dup3, input, STDIN_FILENO, 0) >= 0 &&
	       CALL(dup3, output, STDOUT_FILENO, 0) >= 0 && CALL(dup3, output, STDERR_FILENO, 0) >= 0 &&
	       CALL(close_range, STDERR_FILENO + 1, ~0u, 0) == 0 && CALL(chdir, birth->directory) == 0;
	if (good)
		CALL(execve, birth->argv[0], birth->argv, birth->environment);
	birth->error = errno;
	CALL(exit, 127);
	return 127;
}

/* The thread sanitizer stands in for clone and takes the child for that of a fork, with memory of its own. The C library has
 * the same function by this name too. */
#ifdef __SANITIZE_THREAD__
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

/* Like posix_spawn, which cannot ask for that signal: the child borrows our memory and we wait until it is the program.
 * Returns an error number. */
static int
spawn(const struct act_commands *commands, const struct act_job *job, int input, int output, pid_t *pid)
{
	const struct act_command *command = &commands->destination->command;
	struct arena arena = ARENA_EMPTY;
	struct birth birth = {
	    .directory = command->directory == NULL ? "/" : command->directory,
	    .argv = command->argv,
	    .environment = environment_of(commands, job, &arena),
	    .input = input,
	    .output = output,
	    .parent = getpid(),
	};
	sigset_t all, before;
	char *stack =
	    mmap(NULL, CHILD_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int code = stack == MAP_FAILED ? errno : 0;
	if (code == 0) {
		/* No handler of ours may run in the child. */
		sigfillset(&all);
		ENSURE(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
		*pid = clone(become, stack + CHILD_STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
		code = *pid < 0 ? errno : birth.error;
		ENSURE(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
		if (*pid > 0 && code != 0)
			(void)waitpid(*pid, NULL, 0);
		ENSURE(munmap(stack, CHILD_STACK_BYTES) == 0);
	}
	arena_free(&arena);
	return code;
}

/* --- its end ---------------------------------------------------------------------------------------- */

static void start_waiting(struct act_commands *commands);

static void
close_output(struct run *run)
{
	if (!run->output_open)
		return;
	loop_remove(run->commands->loop, &run->output);
	close(run->output.fd);
	run->output_open = false;
}

static void
read_output(struct run *run)
{
	for (int i = 0; i < READS_AT_ONCE; i++) {
		char block[4096];
		ssize_t got = read(run->output.fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			close_output(run);
			return;
		}
		size_t room = run->captured.max - run->captured.len;
		size_t kept = (size_t)got < room ? (size_t)got : room;
		buf_append(&run->captured, (struct slice){block, kept});
	}
}

static void
run_free(struct run *run)
{
	struct act_commands *commands = run->commands;
	close_output(run);
	loop_remove(commands->loop, &run->exit);
	close(run->exit.fd);
	buf_free(&run->captured);
	*run->link = run->next;
	if (run->next != NULL)
		run->next->link = run->link;
	commands->running--;
	free(run);
}

/* What it was passed that may be a secret. */
static struct slice_list
secrets_of(const struct act_commands *commands, struct arena *arena)
{
	const struct slice_list *passed = &commands->destination->command.environment;
	struct slice_list secrets = {arena_alloc(arena, (passed->count + 1) * sizeof(struct slice)), 0};
	for (size_t i = 0; i < passed->count; i++) {
		const char *given = variable(commands->environment, passed->items[i]);
		if (given != NULL)
			secrets.items[secrets.count++] = slice_skip(slice_of(given), passed->items[i].len + 1);
	}
	return secrets;
}

static void
judge(const struct run *run, const siginfo_t *info)
{
	struct arena arena = ARENA_EMPTY;
	char output[LIMIT_DESTINATION_OUTPUT_BYTES];
	act_scrub(buf_slice(&run->captured), secrets_of(run->commands, &arena), output, sizeof output - 96);
	arena_free(&arena);
	const char *between = output[0] == '\0' ? "" : ": ";
	int code = info->si_status;
	if (run->state != RUN_RUNNING)
		act_job_end(run->job, ACT_RETRY, "did not end within its time limit%s%s", between, output);
	else if (info->si_code != CLD_EXITED)
		act_job_end(run->job, ACT_RETRY, "ended by signal %d%s%s", code, between, output);
	else if (code == 0)
		act_job_end(run->job, ACT_PASS, "exit status 0%s%s", between, output);
	else if (run->job->destination->command.final_codes[code & 255])
		act_job_end(run->job, ACT_FAIL, "exit status %d, given up%s%s", code, between, output);
	else
		act_job_end(run->job, ACT_RETRY, "exit status %d, to be tried again%s%s", code, between, output);
}

/* The program has ended, and is not reaped yet: so its group's number is still its own. */
static void
on_exit_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	struct run *run = CONTAINER_OF(source, struct run, exit);
	siginfo_t info = {0};
	if (waitid(P_PIDFD, (id_t)run->exit.fd, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
		return;
	(void)kill(-run->pid, SIGKILL);
	if (run->output_open)
		read_output(run);
	ENSURE(waitid(P_PIDFD, (id_t)run->exit.fd, &info, WEXITED) == 0);
	judge(run, &info);
	struct act_commands *commands = run->commands;
	struct act_job *job = run->job;
	run_free(run);
	commands->ended(commands->context, job);
	start_waiting(commands);
}

static void
on_output_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	read_output(CONTAINER_OF(source, struct run, output));
}

/* --- its beginning ---------------------------------------------------------------------------------- */

static void
watch(struct act_commands *commands, struct act_job *job, pid_t pid, int pidfd, int output)
{
	struct run *run = mem_zero(1, sizeof *run);
	int64_t limit_ms =
	    commands->destination->timeout_ms != 0 ? commands->destination->timeout_ms : commands->timeout_ms;
	run->commands = commands;
	run->job = job;
	run->pid = pid;
	run->due.us = clock_mono().us + limit_ms * 1000;
	run->exit = (struct loop_source){.fd = pidfd, .events = EPOLLIN, .ready = on_exit_ready};
	run->output = (struct loop_source){.fd = output, .events = EPOLLIN, .ready = on_output_ready};
	run->output_open = true;
	buf_init(&run->captured, CAPTURED_BYTES_MAX);
	run->next = commands->runs;
	run->link = &commands->runs;
	if (run->next != NULL)
		run->next->link = &run->next;
	commands->runs = run;
	commands->running++;
	loop_add(commands->loop, &run->exit);
	loop_add(commands->loop, &run->output);
}

/* False: it could not be started, and errno says why. */
static bool
start(struct act_commands *commands, struct act_job *job)
{
	int pipes[2], input = input_of(job);
	if (input < 0)
		return false;
	if (pipe2(pipes, O_CLOEXEC) != 0) {
		close(input);
		return false;
	}
	pid_t pid = 0;
	int code = spawn(commands, job, input, pipes[1], &pid);
	close(input);
	close(pipes[1]);
	int pidfd = code == 0 ? pidfd_open(pid, 0) : -1;
	if (code == 0 && pidfd < 0) {
		code = errno;
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (code != 0) {
		close(pipes[0]);
		errno = code;
		return false;
	}
	ENSURE(fcntl(pipes[0], F_SETFL, O_NONBLOCK) == 0);
	watch(commands, job, pid, pidfd, pipes[0]);
	return true;
}

static void
start_waiting(struct act_commands *commands)
{
	while (commands->waiting != NULL && commands->running < commands->destination->command.concurrency) {
		struct act_job *job = commands->waiting;
		commands->waiting = job->next;
		if (commands->waiting == NULL)
			commands->waiting_last = &commands->waiting;
		if (start(commands, job))
			continue;
		act_job_end(job, ACT_RETRY, "the command cannot be started: %s", strerror(errno));
		job->next = commands->failed;
		commands->failed = job;
	}
}

void
act_commands_run(struct act_commands *commands, struct act_job *job)
{
	job->next = NULL;
	*commands->waiting_last = job;
	commands->waiting_last = &job->next;
	start_waiting(commands);
}

/* --- time ------------------------------------------------------------------------------------------- */

static void
press(struct run *run, struct mono_time now)
{
	if (run->state == RUN_KILLED || run->due.us > now.us)
		return;
	bool first = run->state == RUN_RUNNING;
	(void)kill(-run->pid, first ? SIGTERM : SIGKILL);
	run->state = first ? RUN_TERMINATED : RUN_KILLED;
	run->due.us = now.us + run->commands->destination->command.grace_ms * 1000;
}

int64_t
act_commands_turn(struct act_commands *commands)
{
	while (commands->failed != NULL) {
		struct act_job *job = commands->failed;
		commands->failed = job->next;
		commands->ended(commands->context, job);
	}
	struct mono_time now = clock_mono();
	int64_t wait = commands->failed != NULL ? 0 : -1;
	for (struct run *run = commands->runs; run != NULL; run = run->next) {
		press(run, now);
		int64_t left = run->due.us - now.us;
		if (run->state != RUN_KILLED && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}

/* --- life ------------------------------------------------------------------------------------------- */

struct act_commands *
act_commands_new(struct loop *loop, const struct act_destination *destination, char *const *environment,
    int64_t timeout_ms, void (*ended)(void *context, struct act_job *job), void *context)
{
	struct act_commands *commands = mem_zero(1, sizeof *commands);
	*commands = (struct act_commands){.loop = loop,
	    .destination = destination,
	    .environment = environment,
	    .timeout_ms = timeout_ms,
	    .ended = ended,
	    .context = context};
	commands->waiting_last = &commands->waiting;
	return commands;
}

void
act_commands_free(struct act_commands *commands)
{
	if (commands == NULL)
		return;
	while (commands->runs != NULL) {
		struct run *run = commands->runs;
		siginfo_t info;
		(void)kill(-run->pid, SIGKILL);
		(void)waitid(P_PIDFD, (id_t)run->exit.fd, &info, WEXITED);
		run_free(run);
	}
	free(commands);
}
