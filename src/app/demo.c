/* `vaultbell demo`: the whole in one process. Posts custody activity, lets an endpoint fail for a while, and counts
 * at the end, from the receiver's journal and not from hearsay, whether everything has arrived. */
#include "app/commands.h"
#include "app/demo_world.h"
#include "app/run.h"

#include "catalogue/history.h"
#include "cli/post.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	DRAIN_WITHIN_US = 60 * 1000000,
	PROGRESS_EVERY_US = 100000,
	PARALLEL = 16,
	TRIES_MAX = 10,
};

struct demo {
	struct demo_world world;
	struct history history;
	struct poster *poster;
	struct arena arena; /* of the ids below */
	struct slice *ids;  /* of accepted messages */
	size_t id_count, id_capacity;
	uint64_t given, refused;
	int64_t rate, duration_us;
	struct mono_time begun, shown;
	int signals;
	bool interrupted, terminal;
};

struct result {
	uint64_t posted, delivered, retried, duplicates, verified, missing;
};

/* --- posting ---------------------------------------------------------------------------------------- */

static void
done(void *context, const struct post_result *result)
{
	struct demo *demo = context;
	struct json body, id;
	if (!result->accepted || json_parse(result->body, LIMIT_JSON_DEPTH, &body, NULL) != OK ||
	    body.type != JSON_OBJECT || (id = json_member(body, "id")).type != JSON_STRING) {
		demo->refused++;
		return;
	}
	if (demo->id_count == demo->id_capacity) {
		demo->id_capacity = demo->id_capacity == 0 ? 1024 : demo->id_capacity * 2;
		demo->ids = mem_resize(demo->ids, demo->id_capacity, sizeof demo->ids[0]);
	}
	demo->ids[demo->id_count++] = json_text(&demo->arena, id);
}

static void
post_due(struct demo *demo, int64_t elapsed_us)
{
	while (poster_has_room(demo->poster) && (double)demo->given <= (double)elapsed_us * (double)demo->rate / 1e6) {
		struct arena arena = ARENA_EMPTY;
		struct history_event event;
		if (!history_next(&demo->history, &arena, &event))
			return;
		poster_post(demo->poster,
		    &(struct post){.type = event.type, .event_id = event.event_id, .payload = event.payload});
		demo->given++;
		arena_free(&arena);
	}
}

/* --- watching --------------------------------------------------------------------------------------- */

static void
show_progress(struct demo *demo, const char *phase)
{
	struct mono_time now = clock_mono();
	if (!demo->terminal || now.us - demo->shown.us < PROGRESS_EVERY_US)
		return;
	demo->shown = now;
	struct service_counts sender = service_counts(demo->world.sender);
	struct service_counts receiver = service_counts(demo->world.receiver);
	fprintf(stderr,
	    "\r%5.1fs  posted %zu  delivered %" PRIu64 "  retried %" PRIu64 "  duplicates suppressed %" PRIu64
	    "  under way %" PRIu64 "  (%s)\033[K",
	    (double)(now.us - demo->begun.us) / 1e6, demo->id_count, sender.succeeded, sender.retried,
	    receiver.duplicates, sender.held, phase);
}

static bool
signalled(struct demo *demo)
{
	struct pollfd poll_fd = {.fd = demo->signals, .events = POLLIN};
	demo->interrupted = demo->interrupted || poll(&poll_fd, 1, 0) == 1;
	return demo->interrupted;
}

/* The endpoint fails between a sixth and a half of the time. */
static void
run_posting(struct demo *demo)
{
	for (int64_t elapsed = 0; elapsed < demo->duration_us && !signalled(demo);
	     elapsed = clock_mono().us - demo->begun.us) {
		bool failing = elapsed > demo->duration_us / 6 && elapsed < demo->duration_us / 2;
		demo_proxy_fail(demo->world.proxy, failing);
		post_due(demo, elapsed);
		poster_turn(demo->poster, 5, demo->signals);
		show_progress(demo, failing ? "one endpoint fails" : "all well");
	}
	demo_proxy_fail(demo->world.proxy, false);
	while (poster_busy(demo->poster) > 0)
		poster_turn(demo->poster, 50, -1);
}

static bool
all_delivered(const struct demo *demo)
{
	struct service_counts sender = service_counts(demo->world.sender);
	return sender.held == 0 && sender.succeeded >= demo->id_count * DEMO_ENDPOINTS;
}

static void
run_draining(struct demo *demo)
{
	struct mono_time begun = clock_mono();
	while (!all_delivered(demo) && clock_mono().us - begun.us < DRAIN_WITHIN_US) {
		poll(NULL, 0, 20);
		show_progress(demo, "waiting for the last");
	}
	if (demo->terminal)
		fprintf(stderr, "\r\033[K");
}

/* --- the verdict ------------------------------------------------------------------------------------ */

static int
compare(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Every accepted event must stand in the journal once for each endpoint. */
static enum error_code
count_missing(struct demo *demo, struct result *result, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct slice_list journal = {NULL, 0};
	enum error_code code = demo_world_journal(&demo->world, &arena, &journal, error);
	result->verified = journal.count;
	for (size_t source = 0; code == OK && source < DEMO_ENDPOINTS; source++) {
		for (size_t i = 0; i < demo->id_count; i++) {
			struct slice wanted =
			    arena_printf(&arena, "%s %.*s", demo_sources[source], SLICE_ARG(demo->ids[i]));
			if (journal.count == 0 ||
			    bsearch(&wanted, journal.items, journal.count, sizeof wanted, compare) == NULL)
				result->missing++;
		}
	}
	arena_free(&arena);
	return code;
}

static void
print_json(const struct result *result)
{
	struct buf out;
	buf_init(&out, 1024);
	struct json_writer w;
	json_writer_init(&w, &out);
	json_open(&w, '{');
	json_put_integer(&w, "posted", (int64_t)result->posted);
	json_put_integer(&w, "endpoints", DEMO_ENDPOINTS);
	json_put_integer(&w, "delivered", (int64_t)result->delivered);
	json_put_integer(&w, "retried", (int64_t)result->retried);
	json_put_integer(&w, "duplicates_suppressed", (int64_t)result->duplicates);
	json_put_integer(&w, "verified", (int64_t)result->verified);
	json_put_integer(&w, "missing", (int64_t)result->missing);
	json_close(&w);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_free(&out);
}

static void
print_table(const struct result *result)
{
	const struct {
		const char *name, *meaning;
		uint64_t value;
	} rows[] = {
	    {"posted", "events accepted (202 after the commit)", result->posted},
	    {"delivered", "answered 2xx, to two endpoints each", result->delivered},
	    {"retried", "attempts that failed and were tried again", result->retried},
	    {"duplicates suppressed", "repeats that the receiver recorded once", result->duplicates},
	    {"verified", "events in the receiver's journal, signature checked", result->verified},
	    {"missing", "accepted, but not in the journal: must be 0", result->missing},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		printf("%-22s %8" PRIu64 "   %s\n", rows[i].name, rows[i].value, rows[i].meaning);
}

/* --- the command ------------------------------------------------------------------------------------ */

static enum error_code
prepare(struct demo *demo, uint64_t seed, struct error *error)
{
	enum error_code code = demo_world_start(&demo->world, error);
	if (code != OK)
		return code;
	history_init(
	    &demo->history, seed, &(struct history_options){.organisation = SLICE("demo"), .start = clock_wall()});
	return poster_new(
	    &(struct poster_options){
		.url = demo->world.url,
		.token = demo->world.token,
		.organisation = "demo",
		.parallel = PARALLEL,
		.tries_max = TRIES_MAX,
		.done = done,
		.context = demo,
	    },
	    &demo->poster, error);
}

static enum error_code
perform(struct demo *demo, struct result *result, struct error *error)
{
	demo->begun = clock_mono();
	run_posting(demo);
	run_draining(demo);
	struct service_counts sender = service_counts(demo->world.sender);
	struct service_counts receiver = service_counts(demo->world.receiver);
	*result = (struct result){
	    .posted = demo->id_count,
	    .delivered = sender.succeeded,
	    .retried = sender.retried,
	    .duplicates = receiver.duplicates,
	};
	return count_missing(demo, result, error);
}

static int
run_demo(const struct cli_arguments *arguments)
{
	struct demo demo = {.terminal = isatty(STDERR_FILENO) == 1};
	struct error error = ERROR_NONE;
	int64_t duration_ms, seed;
	if (cli_duration(arguments, "duration", &duration_ms, &error) != OK ||
	    cli_number(arguments, "rate", 1, 100000, &demo.rate, &error) != OK ||
	    cli_number(arguments, "seed", 0, INT64_MAX, &seed, &error) != OK)
		return cli_fail(arguments, &error);
	demo.duration_us = duration_ms * 1000;
	demo.signals = run_signals();
	ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	struct result result = {0};
	enum error_code code = prepare(&demo, (uint64_t)seed, &error);
	if (code == OK)
		code = perform(&demo, &result, &error);
	if (demo.poster != NULL)
		poster_free(demo.poster);
	demo_world_stop(&demo.world);
	demo_world_remove(&demo.world);
	arena_free(&demo.arena);
	free(demo.ids);
	curl_global_cleanup();
	close(demo.signals);
	if (code != OK)
		return cli_fail(arguments, &error);
	if (cli_given(arguments, "json"))
		print_json(&result);
	else
		print_table(&result);
	if (demo.refused > 0)
		fprintf(stderr, "vaultbell demo: %" PRIu64 " events were not accepted\n", demo.refused);
	return result.missing == 0 && demo.refused == 0 && result.posted > 0 ? CLI_GOOD : CLI_FINDING;
}

static const struct cli_option demo_options[] = {
    {.name = "duration", .argument = "D", .about = "how long to post", .fallback = "20s"},
    {.name = "rate", .argument = "N", .about = "events a second", .fallback = "200"},
    {.name = "seed", .argument = "N", .about = "of the custody activity", .fallback = "1"},
    {.name = "json", .about = "print the counts as one JSON object"},
};

const struct cli_command app_demo = {
    .name = "demo",
    .summary = "sender, receiver and a failing endpoint in one process, with live progress",
    .details = "Starts a sender, a receiver and an endpoint that fails for a while, all on loopback in a temporary\n"
	       "directory, posts custody activity, and ends after the duration (or Ctrl-C) with a table. `missing`\n"
	       "compares what was accepted with the receiver's journal and must be 0; else the exit status is 1.",
    .options = demo_options,
    .option_count = COUNT_OF(demo_options),
    .run = run_demo,
};
