/* The HTML report: one page, without scripts and without anything from elsewhere. */
#include "reconcile/report.h"

#include <inttypes.h>

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Reconciliation</title>\n<style>\n"
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}\n"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;"
    "border-bottom:1px solid #ddd}\nth{background:#f4f4f4}code{font:12px/1.4 ui-monospace,monospace;"
    "overflow-wrap:anywhere}\n.counts{width:auto}.critical{color:#a10000;font-weight:600}.high{color:#a14a00;"
    "font-weight:600}.medium{color:#6b5900}.low{color:#444}\n"
    "@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}th{background:#262626}"
    "th,td{border-color:#3a3a3a}.critical{color:#ff8a8a}.high{color:#ffb57a}.medium{color:#e6d27a}.low{color:#bbb}}\n"
    "</style>\n</head>\n<body>\n<h1>Reconciliation</h1>\n";

/* Control characters have no place in HTML, and the rest is escaped for text and for attributes alike. */
static void
put_escaped(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
		case '&': buf_text(out, "&amp;"); break;
		case '<': buf_text(out, "&lt;"); break;
		case '>': buf_text(out, "&gt;"); break;
		case '"': buf_text(out, "&quot;"); break;
		case '\'': buf_text(out, "&#39;"); break;
		default: buf_byte(out, (unsigned char)text.ptr[i] < 0x20 ? ' ' : text.ptr[i]); break;
		}
	}
}

static void
put_code(struct buf *out, struct slice text)
{
	buf_text(out, "<td>");
	if (slice_present(text)) {
		buf_text(out, "<code>");
		put_escaped(out, text);
		buf_text(out, "</code>");
	}
	buf_text(out, "</td>");
}

static void
put_summary(const struct reconcile *reconcile, struct buf *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	char as_of[TIME_TEXT_BYTES];
	buf_printf(out, "<p>As of <b>%s</b>: %zu matched, %zu break%s.</p>\n",
	    time_format(reconcile->input.rules.as_of, 0, as_of), breaks->matched, breaks->count,
	    breaks->count == 1 ? "" : "s");
	buf_printf(out,
	    "<p>Compared: %zu transactions of the journal, %zu records of the custodian, %zu entries of the "
	    "ledger.</p>\n",
	    reconcile->journal.records.count, reconcile->custodian.count, reconcile->ledger.count);
	if (breaks->count == 0)
		return;
	buf_text(out, "<table class=\"counts\">\n<tr><th>Class</th><th>Breaks</th></tr>\n");
	for (enum break_class class = 0; class < BREAK_CLASS_COUNT; class ++)
		if (breaks->counts[class] > 0)
			buf_printf(
			    out, "<tr><td>%s</td><td>%zu</td></tr>\n", break_class_name(class), breaks->counts[class]);
	buf_text(out, "</table>\n<h2>Breaks</h2>\n<table>\n<tr><th>Class</th><th>Severity</th><th>Age</th>"
		      "<th>Transaction</th><th>Detail</th><th>Journal</th><th>Custodian</th><th>Ledger</th></tr>\n");
}

static void
put_row(struct buf *out, const struct break_view *view)
{
	buf_printf(out, "<tr id=\"%s\"><td>%s</td><td class=\"%s\">%s</td><td title=\"%" PRId64 " s\">%s</td>",
	    view->id, view->class, view->severity, view->severity, view->age_seconds, age_name(view->age_seconds));
	put_code(out, view->match_key);
	buf_text(out, "<td>");
	put_escaped(out, view->detail);
	buf_text(out, "</td>");
	for (enum side side = 0; side < SIDE_COUNT; side++)
		put_code(out, view->side[side]);
	buf_text(out, "</tr>\n");
}

static void
put_suggestions(const struct reconcile *reconcile, struct report_file *out, struct arena *arena)
{
	const struct match *match = &reconcile->match;
	if (match->suggestion_count == 0)
		return;
	buf_text(&out->buf,
	    "<h2>Suggested</h2>\n<p>Same asset, amount and address within the tolerance: for a person to confirm. They "
	    "are "
	    "not matched.</p>\n<table>\n<tr><th>Transaction</th><th>Line of the ledger</th><th>Entry</th></tr>\n");
	for (size_t i = 0; i < match->suggestion_count; i++) {
		const struct record *entry = &reconcile->ledger.items[match->suggestions[i].ledger];
		buf_text(&out->buf, "<tr>");
		put_code(&out->buf, group_key(reconcile, match->suggestions[i].group, arena));
		buf_printf(&out->buf, "<td>%" PRIu32 "</td>", entry->line);
		put_code(&out->buf, record_json(reconcile, entry, arena));
		buf_text(&out->buf, "</tr>\n");
		report_file_turn(out);
		arena_reset(arena);
	}
	buf_text(&out->buf, "</table>\n");
}

void
report_html(const struct reconcile *reconcile, struct report_file *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	struct arena arena = ARENA_EMPTY;
	buf_text(&out->buf, head);
	put_summary(reconcile, &out->buf);
	for (size_t i = 0; i < breaks->count; i++) {
		struct break_view view;
		break_view(reconcile, &breaks->rows[i], &arena, &view);
		put_row(&out->buf, &view);
		report_file_turn(out);
		arena_reset(&arena);
	}
	if (breaks->count > 0)
		buf_text(&out->buf, "</table>\n");
	put_suggestions(reconcile, out, &arena);
	buf_text(&out->buf, "</body>\n</html>\n");
	arena_free(&arena);
}
