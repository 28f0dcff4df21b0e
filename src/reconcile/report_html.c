/* The HTML report: one page, without scripts and without anything from elsewhere. */
#include "reconcile/report.h"

#include <inttypes.h>

/* The filters are check boxes that stand before the table: what is not ticked is not shown, by style alone. */
static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Reconciliation</title>\n<style>\n"
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fff}\n"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\n"
    "table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;"
    "border-bottom:1px solid #ddd}th{background:#f4f4f4;position:sticky;top:0}\n"
    "code{font:12px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}.breaks{width:100%}"
    ".breaks td{border-bottom:0;white-space:nowrap}.breaks td:nth-child(n+4),.said td{white-space:normal}"
    ".breaks .said td{padding:0 .6rem .6rem 2rem;border-bottom:1px solid #ddd}.said b{font-weight:600;color:#666}"
    ".number{text-align:right}\n"
    ".critical .severity,.total.critical{color:#a10000;font-weight:600}.high .severity,.total.high{color:#a14a00;"
    "font-weight:600}.medium .severity,.total.medium{color:#6b5900}.low .severity,.total.low{color:#444}\n"
    ".filter{margin-left:.8rem}label{margin-right:.2rem}\n"
    "@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}th{background:#262626}"
    "th,td{border-color:#3a3a3a}.critical .severity,.total.critical{color:#ff8a8a}"
    ".high .severity,.total.high{color:#ffb57a}.medium .severity,.total.medium{color:#e6d27a}"
    ".low .severity,.total.low{color:#bbb}}\n"
    "@media print{@page{size:A4 landscape;margin:12mm}body{font-size:9pt;margin:0;color:#000;background:#fff}"
    "code{font-size:7.5pt}th{position:static;background:#eee}thead{display:table-header-group}"
    "tbody,tr{break-inside:avoid}.filter,label,.hint{display:none}th,td{padding:.15rem .3rem;border-color:#999}"
    ".breaks .said td{padding:0 .3rem .3rem 1rem}}\n";

static const char *const age_marks[BREAK_AGES] = {"a0", "a1", "a2", "a3", "a4"};
/* Of each bucket, any age that is in it. */
static const int64_t ages_in[BREAK_AGES] = {0, 3600, 86400, INT64_C(3) * 86400, INT64_C(7) * 86400};

static void
put_head(struct buf *out)
{
	buf_text(out, head);
	for (int severity = SEVERITY_LOW; severity <= SEVERITY_CRITICAL; severity++) {
		const char *name = break_severity_name((enum break_severity)severity);
		buf_printf(out, "#f-%s:not(:checked)~.breaks tbody.%s{display:none}", name, name);
	}
	for (size_t i = 0; i < COUNT_OF(age_marks); i++)
		buf_printf(out, "#f-%s:not(:checked)~.breaks tbody.%s{display:none}", age_marks[i], age_marks[i]);
	buf_text(out, "\n</style>\n</head>\n<body>\n<h1>Reconciliation</h1>\n");
}

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

struct tally {
	size_t ages[BREAK_CLASS_COUNT][BREAK_AGES];
	size_t severities[SEVERITY_CRITICAL + 1];
};

static void
count(const struct reconcile *reconcile, struct tally *tally)
{
	*tally = (struct tally){0};
	for (size_t i = 0; i < reconcile->breaks.count; i++) {
		const struct break_row *row = &reconcile->breaks.rows[i];
		int64_t age = break_age(&reconcile->input.rules, row->since);
		tally->ages[row->class][break_age_bucket(age)]++;
		tally->severities[break_severity(row->class, age)]++;
	}
}

static void
put_counts(const struct breaks *breaks, const struct tally *tally, struct buf *out)
{
	buf_text(out, "<table class=\"counts\">\n<thead><tr><th>Class</th><th class=\"number\">Breaks</th>");
	for (size_t age = 0; age < BREAK_AGES; age++)
		buf_printf(out, "<th class=\"number\">%s</th>", age_name(ages_in[age]));
	buf_text(out, "</tr></thead>\n<tbody>\n");
	for (enum break_class class = 0; class < BREAK_CLASS_COUNT; class ++) {
		if (breaks->counts[class] == 0)
			continue;
		buf_printf(out, "<tr><td>%s</td><td class=\"number\">%zu</td>", break_class_name(class),
		    breaks->counts[class]);
		for (size_t age = 0; age < BREAK_AGES; age++) {
			if (tally->ages[class][age] > 0)
				buf_printf(out, "<td class=\"number\">%zu</td>", tally->ages[class][age]);
			else
				buf_text(out, "<td></td>");
		}
		buf_text(out, "</tr>\n");
	}
	buf_text(out, "</tbody></table>\n");
}

static void
put_filters(const struct tally *tally, struct buf *out)
{
	buf_text(
	    out, "<h2>Breaks</h2>\n<p class=\"hint\">Untick what is not to be shown; the print shows what is.</p>\n");
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--) {
		const char *name = break_severity_name((enum break_severity)severity);
		buf_printf(out,
		    "<input class=\"filter\" type=\"checkbox\" id=\"f-%s\" checked><label for=\"f-%s\">%s "
		    "(%zu)</label>\n",
		    name, name, name, tally->severities[severity]);
	}
	for (size_t age = 0; age < BREAK_AGES; age++) {
		size_t sum = 0;
		for (size_t class = 0; class < BREAK_CLASS_COUNT; class ++)
			sum += tally->ages[class][age];
		buf_printf(out,
		    "<input class=\"filter\" type=\"checkbox\" id=\"f-%s\" checked><label for=\"f-%s\">%s "
		    "(%zu)</label>\n",
		    age_marks[age], age_marks[age], age_name(ages_in[age]), sum);
	}
}

static void
put_summary(const struct reconcile *reconcile, struct buf *out)
{
	const struct breaks *breaks = &reconcile->breaks;
	char as_of[TIME_TEXT_BYTES];
	struct tally tally;
	count(reconcile, &tally);
	buf_printf(out, "<p>As of <b>%s</b>: %zu matched, %zu break%s",
	    time_format(reconcile->input.rules.as_of, 0, as_of), breaks->matched, breaks->count,
	    breaks->count == 1 ? "" : "s");
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--)
		if (tally.severities[severity] > 0)
			buf_printf(out, ", <span class=\"total %s\">%zu %s</span>",
			    break_severity_name((enum break_severity)severity), tally.severities[severity],
			    break_severity_name((enum break_severity)severity));
	buf_printf(out,
	    ".</p>\n<p>Compared: %zu transactions of the journal, %zu records of the custodian, %zu entries of the "
	    "ledger.</p>\n",
	    reconcile->journal.records.count, reconcile->custodian.count, reconcile->ledger.count);
	if (breaks->count == 0)
		return;
	put_counts(breaks, &tally, out);
	put_filters(&tally, out);
	buf_text(out, "<table class=\"breaks\">\n<thead><tr><th>Class</th><th>Severity</th><th>Age</th>"
		      "<th>Transaction</th><th>Detail</th></tr></thead>\n");
}

/* Two lines for each break: what it is, and below it what each source says. */
static void
put_row(struct buf *out, const struct break_view *view)
{
	buf_printf(out,
	    "<tbody id=\"%s\" class=\"%s %s\"><tr><td>%s</td><td class=\"severity\">%s</td><td title=\"%" PRId64
	    " s\">%s</td>",
	    view->id, view->severity, age_marks[break_age_bucket(view->age_seconds)], view->class, view->severity,
	    view->age_seconds, age_name(view->age_seconds));
	put_code(out, view->match_key);
	buf_text(out, "<td>");
	put_escaped(out, view->detail);
	buf_text(out, "</td></tr>\n<tr class=\"said\"><td colspan=\"5\">");
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		if (!slice_present(view->side[side]))
			continue;
		buf_printf(out, "<div><b>%s</b> <code>", side_name(side));
		put_escaped(out, view->side[side]);
		buf_text(out, "</code></div>");
	}
	buf_text(out, "</td></tr></tbody>\n");
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
	put_head(&out->buf);
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
