/* `simulate`: posts realistic custody activity (catalogue/history.h) through the management API. */
#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/post.h"

#include "base/random.h"
#include "catalogue/history.h"
#include "json/json.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { PROGRESS_EVERY_US = 200000, PROBLEM_BYTES_MAX = 320, SEED_DEFAULT_MAX = 1000000 };

struct simulation {
	const struct cli_arguments *arguments;
	struct poster *poster;
	struct history history;
	uint64_t seed;
	int64_t count, rate; /* events in all, events a second; 0: no bound */
	uint64_t posted, accepted, refused, tries;
	char first_problem[PROBLEM_BYTES_MAX];
	struct mono_time begun, shown;
	int signal_fd;
	bool ended, interrupted, terminal;
};

static void
done(void *context, const struct post_result *result)
{
	struct simulation *simulation = context;
	simulation->tries += result->tries;
	if (result->accepted) {
		simulation->accepted++;
		return;
	}
	if (simulation->refused++ > 0)
		return;
	if (result->status == 0)
		snprintf(simulation->first_problem, PROBLEM_BYTES_MAX, "event %.*s: no answer: %s",
		    SLICE_ARG(result->event_id), result->problem);
	else
		snprintf(simulation->first_problem, PROBLEM_BYTES_MAX, "event %.*s: status %ld: %.*s",
		    SLICE_ARG(result->event_id), result->status, result->body.len < 200 ? (int)result->body.len : 200,
		    result->body.ptr);
}

/* --- options ---------------------------------------------------------------------------------------- */

static enum error_code
read_options(const struct cli_arguments *arguments, struct simulation *simulation, struct poster_options *poster,
    struct error *error)
{
	struct history_options history = {.organisation = slice_of(cli_value(arguments, "organisation"))};
	struct slice style = slice_of(cli_value(arguments, "style"));
	if (slice_is(style, "legacy"))
		history.style = HISTORY_LEGACY;
	else if (!slice_is(style, "dotted"))
		return error_set(error, ERR_INVALID, "--style %s: expected dotted or legacy", style.ptr);
	uint64_t random;
	random_bytes(&random, sizeof random);
	int64_t seed = (int64_t)(random % SEED_DEFAULT_MAX), parallel = 1;
	enum error_code code = OK;
	if (cli_given(arguments, "seed"))
		code = cli_number(arguments, "seed", 0, INT64_MAX, &seed, error);
	if (code == OK)
		code = cli_number(arguments, "count", 0, INT64_MAX, &simulation->count, error);
	if (code == OK)
		code = cli_number(arguments, "rate", 0, 1000000, &simulation->rate, error);
	if (code == OK)
		code = cli_number(arguments, "parallel", 1, POST_PARALLEL_MAX, &parallel, error);
	if (code == OK && cli_given(arguments, "start"))
		code = input_time("start", cli_value(arguments, "start"), &history.start, error);
	if (code != OK)
		return code;
	history.count_max = (uint64_t)simulation->count;
	simulation->seed = (uint64_t)seed;
	history_init(&simulation->history, simulation->seed, &history);
	poster->url = cli_value(arguments, "url");
	poster->organisation = cli_value(arguments, "organisation");
	poster->parallel = (size_t)parallel;
	return OK;
}

/* --- the run ---------------------------------------------------------------------------------------- */

static bool
may_post(const struct simulation *simulation, struct mono_time now)
{
	if (simulation->ended || simulation->interrupted || !poster_has_room(simulation->poster))
		return false;
	if (simulation->rate == 0)
		return true;
	int64_t elapsed_us = now.us - simulation->begun.us;
	return (double)simulation->posted <= (double)elapsed_us * (double)simulation->rate / 1e6;
}

static void
post_next(struct simulation *simulation)
{
	struct arena arena = ARENA_EMPTY;
	struct history_event event;
	if (history_next(&simulation->history, &arena, &event)) {
		struct post post = {.type = event.type, .event_id = event.event_id, .payload = event.payload};
		poster_post(simulation->poster, &post);
		simulation->posted++;
	} else {
		simulation->ended = true;
	}
	arena_free(&arena);
}

static double
rate_of(const struct simulation *simulation, struct mono_time now)
{
	int64_t elapsed_us = now.us - simulation->begun.us;
	return elapsed_us <= 0 ? 0 : (double)simulation->accepted * 1e6 / (double)elapsed_us;
}

static void
show_progress(struct simulation *simulation, struct mono_time now)
{
	if (!simulation->terminal || now.us - simulation->shown.us < PROGRESS_EVERY_US)
		return;
	simulation->shown = now;
	char of[32] = "";
	if (simulation->count > 0)
		snprintf(of, sizeof of, " of %" PRId64, simulation->count);
	fprintf(stderr, "\r%" PRIu64 "%s accepted, %" PRIu64 " not, %.0f/s\033[K", simulation->accepted, of,
	    simulation->refused, rate_of(simulation, now));
}

static void
look_for_signal(struct simulation *simulation)
{
	struct signalfd_siginfo info;
	if (read(simulation->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		simulation->interrupted = true;
}

static void
run_loop(struct simulation *simulation)
{
	simulation->begun = clock_mono();
	for (;;) {
		struct mono_time now = clock_mono();
		while (may_post(simulation, now))
			post_next(simulation);
		bool idle = poster_busy(simulation->poster) == 0;
		if (simulation->interrupted || (simulation->ended && idle))
			break;
		int64_t gap_ms = simulation->rate == 0 ? 1000 : 1000 / simulation->rate + 1;
		int wait_ms = simulation->ended || gap_ms > 200 ? 200 : (int)gap_ms;
		poster_turn(simulation->poster, wait_ms, simulation->signal_fd);
		look_for_signal(simulation);
		show_progress(simulation, clock_mono());
	}
	if (simulation->terminal)
		fprintf(stderr, "\r\033[K");
}

/* --- the summary ------------------------------------------------------------------------------------ */

static void
print_json(const struct simulation *simulation, double seconds)
{
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	json_put_integer(&writer, "seed", (int64_t)simulation->seed);
	json_put_integer(&writer, "posted", (int64_t)simulation->posted);
	json_put_integer(&writer, "accepted", (int64_t)simulation->accepted);
	json_put_integer(&writer, "refused", (int64_t)simulation->refused);
	json_put_integer(&writer, "tries", (int64_t)simulation->tries);
	json_put_integer(&writer, "duration_ms", (int64_t)(seconds * 1000));
	json_put_cstring(&writer, "problem", simulation->first_problem[0] == '\0' ? NULL : simulation->first_problem);
	json_close(&writer);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_free(&out);
}

static int
summarise(const struct simulation *simulation)
{
	struct mono_time now = clock_mono();
	double seconds = (double)(now.us - simulation->begun.us) / 1e6;
	uint64_t unanswered = simulation->posted - simulation->accepted - simulation->refused;
	if (cli_given(simulation->arguments, "json"))
		print_json(simulation, seconds);
	else
		printf("posted %" PRIu64 " events in %.1f s (%.0f/s): %" PRIu64 " accepted, %" PRIu64 " not, %" PRIu64
		       " tried again; seed %" PRIu64 "\n",
		    simulation->posted, seconds, rate_of(simulation, now), simulation->accepted, simulation->refused,
		    simulation->tries - simulation->accepted - simulation->refused, simulation->seed);
	if (simulation->refused > 0)
		cli_misuse(simulation->arguments, "%" PRIu64 " events were not accepted; the first: %s",
		    simulation->refused, simulation->first_problem);
	return simulation->refused > 0 || unanswered > 0 ? CLI_FINDING : CLI_GOOD;
}

/* An interrupt ends the run with its summary. A signal descriptor, so that no handler and no global is needed. */
static int
catch_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct simulation simulation = {.arguments = arguments, .terminal = isatty(STDERR_FILENO) == 1};
	struct poster_options options = {.tries_max = 12, .done = done, .context = &simulation};
	struct buf token;
	buf_init(&token, 4096);
	enum error_code code = read_options(arguments, &simulation, &options, &error);
	if (code == OK)
		code = post_read_token(arguments, &token, &error);
	options.token = token.data;
	if (code == OK)
		code = poster_new(&options, &simulation.poster, &error);
	int status = CLI_ERROR;
	if (code == OK) {
		simulation.signal_fd = catch_signals();
		run_loop(&simulation);
		status = summarise(&simulation);
		close(simulation.signal_fd);
	} else {
		status = cli_fail(arguments, &error);
	}
	poster_free(simulation.poster);
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	buf_free(&token);
	return status;
}

static const struct cli_option options[] = {
    {.name = "url", .argument = "URL", .about = "the server, as in http://127.0.0.1:8080", .required = true},
    {.name = "token-file", .argument = "FILE", .about = "holds the token"},
    {.name = "token", .argument = "T", .about = "the token; other users of the machine may see it", .secret = true},
    {.name = "organisation", .argument = "REF", .about = "whose events they are, id or uid", .required = true},
    {.name = "seed", .argument = "N", .about = "the same seed gives the same events; without it, a random one"},
    {.name = "count", .argument = "N", .about = "how many events; 0 for no end", .fallback = "100"},
    {.name = "rate", .argument = "R", .about = "events a second; 0 for as fast as they are accepted", .fallback = "0"},
    {.name = "parallel",
	.argument = "N",
	.about = "requests at a time; above 1 the order is not kept",
	.fallback = "1"},
    {.name = "style", .argument = "STYLE", .about = "dotted or legacy events", .fallback = "dotted"},
    {.name = "start", .argument = "TIME", .about = "when the activity begins; without it, 2025-01-01T00:00:00Z"},
    {.name = "json", .about = "prints the summary as a JSON object"},
};

const struct cli_command cli_simulate = {
    .name = "simulate",
    .summary = "post realistic custody activity from a seed",
    .details = "The token is also taken from VAULTBELL_TOKEN. The idempotency key is the event's id, so a run that is\n"
	       "repeated with its seed adds nothing. Exit status 1 when an event was not accepted.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
