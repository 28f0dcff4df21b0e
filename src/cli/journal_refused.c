/* `journal list --refused`: the requests that the receiver refused, and their counts. */
#include "cli/journal.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 1 << 16 };

static void
put_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(writer, name, time_format(time, 6, text));
}

static void
row_json(const struct store_refused_row *row, enum store_refused_kind kind, struct arena *arena)
{
	struct buf line;
	buf_init(&line, LINE_BYTES_MAX);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_string(&writer, "source", row->source);
	json_put_string(&writer, "reason", kind == STORE_REFUSED_CLAIMS ? SLICE("wrong") : row->reason);
	if (kind != STORE_REFUSED_TOTALS)
		json_put_string(&writer, "claimed_id", row->claimed);
	if (kind == STORE_REFUSED_ROWS) {
		put_time(&writer, "received_at", row->first);
		json_put_string(&writer, "body_sha256", journal_hex(arena, row->body_sha256));
		json_put_string(&writer, "detail", row->detail);
	} else {
		put_time(&writer, "first_at", row->first);
		put_time(&writer, "last_at", row->last);
	}
	json_put_integer(&writer, "count", row->count);
	json_close(&writer);
	journal_print_line(&line);
}

static void
row_text(const struct store_refused_row *row, enum store_refused_kind kind, struct arena *arena)
{
	char time[TIME_TEXT_BYTES];
	struct slice source = journal_printable(row->source, arena), claimed = journal_printable(row->claimed, arena);
	struct slice reason = kind == STORE_REFUSED_CLAIMS ? SLICE("wrong") : journal_printable(row->reason, arena);
	printf("%-27s  %8" PRId64 "  %-16.*s  %-10.*s  %-36.*s", time_format(row->last, 6, time), row->count,
	    SLICE_ARG(source), SLICE_ARG(reason), SLICE_ARG(claimed));
	if (kind == STORE_REFUSED_ROWS) {
		struct slice digest = journal_hex(arena, row->body_sha256);
		struct slice detail = journal_printable(row->detail, arena);
		printf("  %.16s  %.*s", digest.ptr, SLICE_ARG(detail));
	}
	putchar('\n');
}

static enum error_code
list_page(struct store *store, enum store_refused_kind kind, bool json, int64_t *after, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_REFUSED_LIST, clock_wall());
	request->admin->refused_kind = kind;
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (json)
			row_json(&request->admin->refused_rows[i], kind, &request->arena);
		else
			row_text(&request->admin->refused_rows[i], kind, &request->arena);
		*after = request->admin->refused_rows[i].id;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

static enum error_code
list_all(struct store *store, enum store_refused_kind kind, bool json, struct error *error)
{
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = list_page(store, kind, json, &after, &more, error);
	return code;
}

enum error_code
journal_list_refused(struct store *store, bool json, bool totals, struct error *error)
{
	if (!json)
		printf("%-27s  %8s  %-16s  %-10s  %-36s%s\n", totals ? "LAST" : "RECEIVED", "COUNT", "SOURCE", "REASON",
		    "CLAIMED ID", totals ? "" : "  BODY SHA-256      DETAIL");
	if (!totals)
		return list_all(store, STORE_REFUSED_ROWS, json, error);
	enum error_code code = list_all(store, STORE_REFUSED_TOTALS, json, error);
	return code == OK ? list_all(store, STORE_REFUSED_CLAIMS, json, error) : code;
}
