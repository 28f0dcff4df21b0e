/* The table, JSON and CSV. */
#include "reconcile/report.h"

#include <inttypes.h>

enum { TURN_BYTES = 1 << 16, REPORT_BYTES_MAX = 1 << 26, KEY_COLUMNS = 44 };

void
report_file_init(struct report_file *out, FILE *file)
{
	out->file = file;
	buf_init(&out->buf, REPORT_BYTES_MAX);
}

void
report_file_turn(struct report_file *out)
{
	if (out->buf.len < TURN_BYTES)
		return;
	fwrite(out->buf.data, 1, out->buf.len, out->file);
	buf_clear(&out->buf);
}

bool
report_file_fini(struct report_file *out)
{
	ENSURE(!out->buf.overflow);
	if (out->buf.len > 0)
		fwrite(out->buf.data, 1, out->buf.len, out->file);
	buf_free(&out->buf);
	return fflush(out->file) == 0 && ferror(out->file) == 0;
}

/* --- table ------------------------------------------------------------------------------------------ */

/* Bytes that could steer a terminal become `?`; what is no UTF-8 is left to the terminal. */
static void
put_printable(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool control =
		    c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0);
		buf_byte(out, control ? '?' : (char)c);
	}
}

static void
put_padded(struct buf *out, struct slice text, size_t columns)
{
	put_printable(out, text);
	size_t shown = 0;
	for (size_t i = 0; i < text.len; i++)
		shown += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	buf_printf(out, "%*s", shown < columns ? (int)(columns - shown + 2) : 2, "");
}

static void
put_suggestions(const struct reconcile *reconcile, struct report_file *out, struct arena *arena)
{
	const struct match *match = &reconcile->match;
	if (match->suggestion_count > 0)
		buf_text(&out->buf, "\nSuggested, for a person to confirm (same asset, amount and address within the "
				    "tolerance):\n");
	for (size_t i = 0; i < match->suggestion_count; i++) {
		const struct match_suggestion *suggestion = &match->suggestions[i];
		const struct records *ledger = &reconcile->ledger;
		buf_text(&out->buf, "  ");
		put_padded(&out->buf, group_key(reconcile, suggestion->group, arena), KEY_COLUMNS);
		buf_printf(&out->buf, "%s:%" PRIu32 "\n", ledger->path == NULL ? "ledger" : ledger->path,
		    ledger->items[suggestion->ledger].line);
		report_file_turn(out);
		arena_reset(arena);
	}
}

void
report_table(const struct reconcile *reconcile, struct report_file *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	char as_of[TIME_TEXT_BYTES];
	struct arena arena = ARENA_EMPTY;
	buf_printf(&out->buf, "As of %s: %zu matched, %zu break%s\n",
	    time_format(reconcile->input.rules.as_of, 0, as_of), breaks->matched, breaks->count,
	    breaks->count == 1 ? "" : "s");
	for (enum break_class class = 0; class < BREAK_CLASS_COUNT; class ++)
		if (breaks->counts[class] > 0)
			buf_printf(&out->buf, "  %-22s %zu\n", break_class_name(class), breaks->counts[class]);
	if (breaks->count > 0)
		buf_printf(&out->buf, "\n%-22s%-10s%-12s%-*s  %s\n", "CLASS", "SEVERITY", "AGE", KEY_COLUMNS,
		    "MATCH KEY", "DETAIL");
	for (size_t i = 0; i < breaks->count; i++) {
		struct break_view view;
		break_view(reconcile, &breaks->rows[i], &arena, &view);
		buf_printf(&out->buf, "%-22s%-10s%-12s", view.class, view.severity, age_name(view.age_seconds));
		put_padded(&out->buf, view.match_key, KEY_COLUMNS);
		put_printable(&out->buf, view.detail);
		buf_byte(&out->buf, '\n');
		report_file_turn(out);
		arena_reset(&arena);
	}
	put_suggestions(reconcile, out, &arena);
	arena_free(&arena);
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void
put_break(struct json_writer *writer, const struct break_view *view)
{
	json_open(writer, '{');
	json_put_cstring(writer, "class", view->class);
	json_put_cstring(writer, "severity", view->severity);
	json_put_integer(writer, "age_seconds", view->age_seconds);
	json_put_cstring(writer, "id", view->id);
	json_put_string(writer, "match_key", view->match_key);
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		json_key(writer, side_name(side));
		json_raw(writer, slice_present(view->side[side]) ? view->side[side] : SLICE("null"));
	}
	json_put_string(writer, "detail", view->detail);
	json_close(writer);
}

void
report_json(const struct reconcile *reconcile, struct report_file *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	char as_of[TIME_TEXT_BYTES];
	struct arena arena = ARENA_EMPTY;
	struct json_writer writer;
	json_writer_init(&writer, &out->buf);
	json_open(&writer, '{');
	json_put_cstring(&writer, "as_of", time_format(reconcile->input.rules.as_of, 0, as_of));
	json_put_integer(&writer, "matched", (int64_t)breaks->matched);
	json_key(&writer, "counts");
	json_open(&writer, '{');
	for (enum break_class class = 0; class < BREAK_CLASS_COUNT; class ++)
		if (breaks->counts[class] > 0)
			json_put_integer(&writer, break_class_name(class), (int64_t)breaks->counts[class]);
	json_close(&writer);
	json_key(&writer, "breaks");
	json_open(&writer, '[');
	for (size_t i = 0; i < breaks->count; i++) {
		struct break_view view;
		break_view(reconcile, &breaks->rows[i], &arena, &view);
		put_break(&writer, &view);
		report_file_turn(out);
		arena_reset(&arena);
	}
	json_close(&writer);
	json_close(&writer);
	buf_byte(&out->buf, '\n');
	arena_free(&arena);
}

/* --- CSV -------------------------------------------------------------------------------------------- */

/* A spreadsheet runs what begins like a formula. */
static bool
is_formula(struct slice text)
{
	return text.len > 0 && text.ptr[0] != '\0' && strchr("=+-@\t\r", text.ptr[0]) != NULL;
}

static void
put_cell(struct buf *out, struct slice text)
{
	bool quotes = is_formula(text);
	for (size_t i = 0; !quotes && i < text.len; i++)
		quotes = text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\r' || text.ptr[i] == '\n';
	if (!quotes) {
		buf_append(out, text);
		return;
	}
	buf_byte(out, '"');
	if (is_formula(text))
		buf_byte(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			buf_byte(out, '"');
		buf_byte(out, text.ptr[i]);
	}
	buf_byte(out, '"');
}

void
report_csv(const struct reconcile *reconcile, struct report_file *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	struct arena arena = ARENA_EMPTY;
	buf_text(&out->buf, "class,severity,age_seconds,id,match_key,journal,custodian,ledger,detail\r\n");
	for (size_t i = 0; i < breaks->count; i++) {
		struct break_view view;
		break_view(reconcile, &breaks->rows[i], &arena, &view);
		buf_printf(&out->buf, "%s,%s,%" PRId64 ",%s,", view.class, view.severity, view.age_seconds, view.id);
		put_cell(&out->buf, view.match_key);
		for (enum side side = 0; side < SIDE_COUNT; side++) {
			buf_byte(&out->buf, ',');
			put_cell(&out->buf, view.side[side]);
		}
		buf_byte(&out->buf, ',');
		put_cell(&out->buf, view.detail);
		buf_text(&out->buf, "\r\n");
		report_file_turn(out);
		arena_reset(&arena);
	}
	arena_free(&arena);
}
