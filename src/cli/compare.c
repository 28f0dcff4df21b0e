/* `compare`: holds the receiver's journal of a source against what its sender says that it sent. */
#include "cli/arguments.h"
#include "cli/input.h"

#include "config/config.h"
#include "records/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { SETTLED_S = 120 };

struct run {
	struct slice source, url, token_file;
	int64_t from, to;
	struct config config;
	bool configured;
};

static enum error_code
read_source(const struct cli_arguments *arguments, struct run *run, struct error *error)
{
	run->source = slice_of(cli_value(arguments, "source"));
	run->url = slice_of(cli_value(arguments, "url"));
	run->token_file = slice_of(cli_value(arguments, "token-file"));
	if (cli_given(arguments, "config")) {
		enum error_code code = config_load(cli_value(arguments, "config"), environ, &run->config, error);
		if (code != OK)
			return code;
		run->configured = true;
	}
	for (size_t i = 0; run->configured && i < run->config.source_count; i++) {
		const struct config_source *source = &run->config.sources[i];
		if (!slice_equal(source->name, run->source))
			continue;
		run->url = slice_present(run->url) ? run->url : source->pull_url;
		run->token_file = slice_present(run->token_file) ? run->token_file : source->pull_token_file;
	}
	if (!slice_present(run->url) || !slice_present(run->token_file))
		return error_set(error, ERR_INVALID,
		    "--source %s: expected --url and --token-file, or a --config in which the source has pull_url and "
		    "pull_token_file",
		    cli_value(arguments, "source"));
	return OK;
}

static enum error_code
read_times(const struct cli_arguments *arguments, struct run *run, struct error *error)
{
	struct wall_time from = WALL_NONE, to = {clock_wall().us - (int64_t)SETTLED_S * 1000000};
	enum error_code code = OK;
	if (cli_given(arguments, "from"))
		code = input_time("from", cli_value(arguments, "from"), &from, error);
	if (code == OK && cli_given(arguments, "to"))
		code = input_time("to", cli_value(arguments, "to"), &to, error);
	run->from = from.us / 1000000;
	run->to = to.us / 1000000;
	return code;
}

static enum error_code
compare(const struct run *run, struct store *store, struct feed *feed, struct comparison *out, struct error *error)
{
	struct compare_store journal = {.store = store, .source = run->source};
	struct compare_side here = compare_side_of_store(&journal), there = compare_side_of_feed(feed);
	return compare_sides(&here, &there, run->from, run->to, out, error);
}

static void
print_json(const struct run *run, const struct comparison *found, const struct feed *feed, int64_t took_us)
{
	struct buf out;
	struct json_writer w;
	char time[TIME_TEXT_BYTES], number[32];
	buf_init(&out, (size_t)64 << 20);
	json_writer_init(&w, &out);
	json_open(&w, '{');
	json_put_string(&w, "source", run->source);
	json_put_cstring(&w, "through", time_format((struct wall_time){found->to * 1000000}, 0, time));
	json_put_integer(&w, "events_here", found->here);
	json_put_integer(&w, "events_there", found->there);
	json_put_integer(&w, "unexplained", found->unexplained);
	json_put_bool(&w, "cut", found->cut);
	json_key(&w, "differences");
	json_open(&w, '[');
	for (size_t i = 0; i < found->count; i++) {
		json_open(&w, '{');
		json_put_cstring(&w, "kind", compare_kind_name(found->found[i].kind));
		json_put_string(&w, "id", found->found[i].id);
		json_close(&w);
	}
	json_close(&w);
	json_put_integer(&w, "exchanges", feed_exchanges(feed));
	json_put_integer(&w, "bytes", feed_bytes(feed));
	json_key(&w, "seconds");
	snprintf(number, sizeof number, "%.3f", (double)took_us / 1e6);
	json_raw(&w, slice_of(number));
	json_close(&w);
	fwrite(out.data, 1, out.len, stdout);
	putchar('\n');
	buf_free(&out);
}

static void
print_text(const struct comparison *found, const struct feed *feed, int64_t took_us)
{
	static const char *const about[] = {"missing here", "missing at the sender", "another body"};
	char time[TIME_TEXT_BYTES];
	for (size_t i = 0; i < found->count; i++)
		printf("%-22s %.*s\n", about[found->found[i].kind], SLICE_ARG(found->found[i].id));
	printf("%" PRId64 " events here and %" PRId64 " at the sender, up to %s: %zu differ%s\n", found->here,
	    found->there, time_format((struct wall_time){found->to * 1000000}, 0, time), found->count,
	    found->cut ? ", and more" : "");
	if (found->unexplained > 0)
		printf("%" PRId64 " minutes differ although none of their events does\n", found->unexplained);
	printf("%" PRId64 " exchanges, %" PRId64 " bytes, %.3f s\n", feed_exchanges(feed), feed_bytes(feed),
	    (double)took_us / 1e6);
}

static int
run_compare(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct run run = {.configured = false};
	struct store *store = NULL;
	struct feed *feed = NULL;
	struct comparison found = {.arena = ARENA_EMPTY};
	struct mono_time began = clock_mono();
	enum error_code code = read_source(arguments, &run, &error);
	if (code == OK)
		code = read_times(arguments, &run, &error);
	if (code == OK)
		code = input_store(cli_value(arguments, "data"), false, &store, &error);
	if (code == OK)
		code = feed_new(&(struct feed_settings){.url = run.url, .token_file = run.token_file}, &feed, &error);
	if (code == OK)
		code = compare(&run, store, feed, &found, &error);
	int64_t took_us = clock_mono().us - began.us;
	if (code == OK && cli_given(arguments, "json"))
		print_json(&run, &found, feed, took_us);
	else if (code == OK)
		print_text(&found, feed, took_us);
	bool differs = found.count > 0 || found.unexplained > 0;
	comparison_free(&found);
	feed_free(feed);
	store_close(store);
	if (run.configured)
		config_free(&run.config);
	if (code != OK)
		return cli_fail(arguments, &error);
	return differs ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "source", .argument = "NAME", .about = "whose events are compared", .required = true},
    {.name = "config", .argument = "FILE", .about = "the receiver's configuration, with the source's pull_url"},
    {.name = "url", .argument = "URL", .about = "of the endpoint at its sender, instead"},
    {.name = "token-file", .argument = "FILE", .about = "a token with the permission feed:read, instead"},
    {.name = "from", .argument = "T", .about = "only events from this time on"},
    {.name = "to", .argument = "T", .about = "only events before it; two minutes ago, unless given"},
    {.name = "json", .about = "prints one JSON object"},
};

const struct cli_command cli_compare = {
    .name = "compare",
    .summary = "find the events in which the journal differs from what the sender sent",
    .details =
	"Works beside a running receiver. Both sides keep a tree of digests over days, hours and minutes, so that\n"
	"few differences among millions of events are found by a few exchanges. Tells each event that is\n"
	"missing here, missing at the sender, or has another body. Exit 1 where events differ.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_compare,
};
