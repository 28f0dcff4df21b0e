/* Runs of missing numbers in a source's stream. */
#include "reconcile/journal.h"

#include <stdlib.h>

static int
compare(const void *left, const void *right)
{
	const struct journal_number *a = left, *b = right;
	return (a->number > b->number) - (a->number < b->number);
}

static void
add_gap(struct journal *journal, const struct journal_stream *stream, struct journal_number before,
    struct journal_number after)
{
	if (journal->gap_count == journal->gap_capacity) {
		journal->gap_capacity = journal->gap_capacity == 0 ? 16 : journal->gap_capacity * 2;
		journal->gaps = mem_resize(journal->gaps, journal->gap_capacity, sizeof journal->gaps[0]);
	}
	journal->gaps[journal->gap_count++] = (struct journal_gap){
	    .source = stream->source,
	    .organisation = stream->organisation,
	    .by_header = stream->by_header,
	    .first = before.number + 1,
	    .last = after.number - 1,
	    .before = before.occurred,
	    .after = after.occurred,
	};
}

/* The envelopes on either side have numbers that are not neighbours, so their own stream tells of what is missing. */
static bool
told_by_envelopes(struct journal_number before, struct journal_number after)
{
	return before.envelope >= 0 && after.envelope >= 0 && after.envelope > before.envelope + 1;
}

void
journal_find_gaps(struct journal *journal, struct journal_stream *stream)
{
	/* What lies below the lowest number that came is no gap: it was before this receiver's time. */
	if (stream->count == 0)
		return;
	bool sorted = true;
	for (size_t i = 1; sorted && i < stream->count; i++)
		sorted = stream->numbers[i - 1].number <= stream->numbers[i].number;
	if (!sorted)
		qsort(stream->numbers, stream->count, sizeof stream->numbers[0], compare);
	/* In the middle of the stream the envelopes' own numbers tell, where all have them. */
	bool middle = !stream->by_header || stream->alone;
	for (size_t i = 1; middle && i < stream->count; i++)
		if (stream->numbers[i].number > stream->numbers[i - 1].number + 1 &&
		    !told_by_envelopes(stream->numbers[i - 1], stream->numbers[i]))
			add_gap(journal, stream, stream->numbers[i - 1], stream->numbers[i]);
	struct journal_number last = stream->numbers[stream->count - 1];
	if (stream->newest.number > last.number) {
		/* The heartbeat's number is missing as well. */
		struct journal_number end = {stream->newest.number + 1, -1, stream->newest.occurred};
		add_gap(journal, stream, last, end);
	}
}
