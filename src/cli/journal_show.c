/* `journal show ID`: everything that the journal holds of one event. */
#include "cli/journal.h"

#include "base/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 8 << 20 }; /* a body of the largest size, every byte of it escaped */

static const struct {
	const char *name;
	size_t offset;
} header_names[] = {
    {"scheme", offsetof(struct store_journal_headers, scheme)},
    {"key", offsetof(struct store_journal_headers, key)},
    {"webhook_timestamp", offsetof(struct store_journal_headers, sent)},
    {"vaultbell_sequence", offsetof(struct store_journal_headers, sequence)},
    {"content_type", offsetof(struct store_journal_headers, content_type)},
};

static struct slice
header_of(const struct store_journal_row *row, size_t i)
{
	struct slice value;
	memcpy(&value, (const char *)&row->headers + header_names[i].offset, sizeof value);
	return value;
}

/* JSON goes as the text that it is, byte for byte; other bytes go as base64. */
static void
put_body(struct json_writer *writer, struct slice body, struct arena *arena)
{
	struct json document;
	if (json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) == OK) {
		json_put_string(writer, "body", body);
		return;
	}
	struct buf text;
	buf_init(&text, LINE_BYTES_MAX);
	base64_append(&text, body);
	json_put_string(writer, "body_base64", arena_copy(arena, buf_slice(&text)));
	buf_free(&text);
}

static void
show_json(const struct store_journal_row *row, bool body, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct buf line;
	buf_init(&line, LINE_BYTES_MAX);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_integer(&writer, "seq", row->seq);
	json_put_string(&writer, "id", row->event_id);
	json_put_string(&writer, "type", row->type);
	json_put_string(&writer, "source", row->source);
	json_put_cstring(&writer, "verdict", journal_verdict_text(row));
	json_put_cstring(&writer, "received_at", time_format(row->received, 6, time));
	json_put_string(&writer, "body_sha256", journal_hex(arena, row->body_sha256));
	for (size_t i = 0; i < COUNT_OF(header_names); i++)
		json_put_string(&writer, header_names[i].name, header_of(row, i));
	json_put_string(&writer, "chain", journal_hex(arena, row->chain));
	if (body && slice_present(row->body))
		put_body(&writer, row->body, arena);
	json_close(&writer);
	journal_print_line(&line);
}

static void
show_line(const char *name, struct slice value, struct arena *arena)
{
	struct slice shown = journal_printable(value, arena);
	printf("%-19s %.*s\n", name, SLICE_ARG(shown));
}

static void
show_text(const struct store_journal_row *row, bool body, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	printf("%-19s %" PRId64 "\n", "seq", row->seq);
	show_line("id", row->event_id, arena);
	show_line("type", row->type, arena);
	show_line("source", row->source, arena);
	printf("%-19s %s\n", "verdict", journal_verdict_text(row));
	printf("%-19s %s\n", "received_at", time_format(row->received, 6, time));
	show_line("body_sha256", journal_hex(arena, row->body_sha256), arena);
	for (size_t i = 0; i < COUNT_OF(header_names); i++)
		show_line(header_names[i].name, header_of(row, i), arena);
	show_line("chain", journal_hex(arena, row->chain), arena);
	if (!body)
		return;
	struct slice shown = isatty(STDOUT_FILENO) ? journal_printable(row->body, arena) : row->body;
	printf("\n");
	fwrite(shown.ptr == NULL ? "" : shown.ptr, 1, shown.len, stdout);
	printf("\n");
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	const char *source = cli_value(arguments, "source"), *id = cli_operand(arguments);
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	bool json = cli_given(arguments, "json"), body = cli_given(arguments, "body");
	struct store_request *request = store_request_new(STORE_JOURNAL_GET, clock_wall());
	request->admin->journal_query = (struct store_journal_query){slice_of(id), slice_of(source)};
	request->with_bodies = body;
	request->page.limit = LIMIT_PAGE;
	struct mail_list notes;
	mail_list_init(&notes);
	enum error_code code = store_batch(store, &request, 1, &notes, &error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (!json && i > 0)
			printf("\n");
		if (json)
			show_json(&request->journal_rows[i], body, &request->arena);
		else
			show_text(&request->journal_rows[i], body, &request->arena);
	}
	if (code == OK && request->more)
		fprintf(stderr, "vaultbell journal show: there are more rows of this id than are shown here\n");
	bool none = code == OK && request->count == 0;
	if (none)
		fprintf(stderr,
		    "vaultbell journal show: there is no event %s%s%s in the journal; expected an ID of `vaultbell "
		    "journal list`\n",
		    id, source == NULL ? "" : " of source ", source == NULL ? "" : source);
	store_request_free(request);
	store_close(store);
	return code != OK ? cli_fail(arguments, &error) : none ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "source", .argument = "NAME", .about = "only of this source; without it of every one"},
    {.name = "body", .about = "shows the body too, which may hold what not everyone is to see"},
    {.name = "json", .about = "prints a JSON object a line"},
};

const struct cli_command cli_journal_show = {
    .name = "journal show",
    .summary = "show what the journal holds of one event",
    .details = "ID is the event's. Shows its row, and one for each other body that came under the same id\n"
	       "(verdict conflict). Works beside a running receiver. Exit status 1 when there is no such event.",
    .operand = "ID",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
