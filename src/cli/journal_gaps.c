/* `journal gaps`: which numbers of its sources' sequences the receiver has, and which are missing. */
#include "cli/journal.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 1 << 17 };

static void
print_json(const struct stream *stream)
{
	char time[TIME_TEXT_BYTES];
	struct buf line;
	struct json_writer writer;
	buf_init(&line, LINE_BYTES_MAX);
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_cstring(&writer, "stream", stream->key);
	json_put_integer(&writer, "first", stream->first);
	json_put_integer(&writer, "highest", stream->highest);
	json_put_integer(&writer, "missing", stream_missing(stream, true));
	json_put_integer(&writer, "given_up", stream->lost);
	json_put_cstring(&writer, "last_heartbeat", stream->heard.us == 0 ? NULL : time_format(stream->heard, 3, time));
	json_key(&writer, "gaps");
	json_open(&writer, '[');
	for (size_t i = 0; i < stream->gap_count; i++) {
		json_open(&writer, '{');
		json_put_integer(&writer, "first", stream->gaps[i].first);
		json_put_integer(&writer, "last", stream->gaps[i].last);
		json_put_cstring(&writer, "since", time_format(stream->gaps[i].since, 3, time));
		json_put_bool(&writer, "signed", stream->gaps[i].trusted);
		json_close(&writer);
	}
	json_close(&writer);
	json_close(&writer);
	journal_print_line(&line);
}

static void
print_text(const struct stream *stream, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct slice key = journal_printable(slice_of(stream->key), arena);
	printf("%-40.*s  %10" PRId64 "  %10" PRId64 "  %8" PRId64 "  %8" PRId64 "  %s\n", SLICE_ARG(key), stream->first,
	    stream->highest, stream_missing(stream, true), stream->lost,
	    stream->heard.us == 0 ? "-" : time_format(stream->heard, 3, time));
	for (size_t i = 0; i < stream->gap_count; i++)
		printf("  missing %" PRId64 "-%" PRId64 " since %s%s\n", stream->gaps[i].first, stream->gaps[i].last,
		    time_format(stream->gaps[i].since, 3, time),
		    stream->gaps[i].trusted ? "" : " (a hint: no signature covers the number)");
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	bool json = cli_given(arguments, "json");
	int64_t missing = 0;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	struct store_request *request = store_request_new(STORE_STREAM_LIST, clock_wall());
	enum error_code code = store_ask(store, request, &error);
	if (code == OK && !json)
		printf("%-40s  %10s  %10s  %8s  %8s  %s\n", "STREAM", "FIRST", "HIGHEST", "MISSING", "GIVEN UP",
		    "LAST HEARTBEAT");
	for (size_t i = 0; code == OK && i < request->count; i++) {
		missing += stream_missing(request->admin->streams[i], true);
		if (json)
			print_json(request->admin->streams[i]);
		else
			print_text(request->admin->streams[i], &request->arena);
	}
	store_request_free(request);
	store_close(store);
	if (code != OK)
		return cli_fail(arguments, &error);
	return missing > 0 ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object for each stream"},
};

const struct cli_command cli_journal_gaps = {
    .name = "journal gaps",
    .summary = "show which numbers of its sources the receiver misses",
    .details = "Works beside a running receiver. A stream is what one source numbers without gaps. What lies below\n"
	       "the first number that came was before this receiver's time; a missing number is one above it that\n"
	       "has not come, although a later one has, or a heartbeat tells of it. Given up is what its sender no\n"
	       "longer keeps. Exit 1 where numbers are missing.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
