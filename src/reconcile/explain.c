/* What a gap explains: the transactions whose last event must be among the numbers that are missing.
 *
 * It can be told where the custodian's time of a transaction lies between the events on either side of the gap, and no
 * more transactions lie there than numbers are missing. The clocks of the two may differ by the tolerance; it is used
 * only where nothing lies strictly between. */
#include "reconcile/breaks.h"

#include <stdlib.h>

struct candidate {
	int64_t us;
	uint32_t row;
	bool explained;
};

static int
compare(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	return a->us != b->us ? (a->us > b->us) - (a->us < b->us) : (a->row > b->row) - (a->row < b->row);
}

static size_t
first_from(const struct candidate *candidates, size_t count, int64_t us)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (candidates[middle].us < us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks what lies in [from, to] where it is no more than `room`; returns how many lie there. */
static size_t
mark(struct candidate *candidates, size_t count, int64_t from, int64_t to, int64_t room)
{
	size_t first = first_from(candidates, count, from), found = 0;
	for (size_t i = first; i < count && candidates[i].us <= to; i++)
		found += !candidates[i].explained;
	if (found > 0 && (int64_t)found <= room)
		for (size_t i = first; i < count && candidates[i].us <= to; i++)
			candidates[i].explained = true;
	return found;
}

void
explain_gaps(struct breaks *breaks, const struct break_input *input, uint32_t *rows, size_t count)
{
	struct candidate *candidates = mem_alloc(count * sizeof candidates[0]);
	size_t known = 0;
	for (size_t i = 0; i < count; i++) {
		const struct match_group *group = &input->match->groups[breaks->rows[rows[i]].group];
		struct wall_time time = input->sides[SIDE_CUSTODIAN]->items[group->side[SIDE_CUSTODIAN]].occurred;
		if (time_known(time))
			candidates[known++] = (struct candidate){time.us, rows[i], false};
	}
	if (known > 0)
		qsort(candidates, known, sizeof candidates[0], compare);
	for (size_t i = 0; known > 0 && i < input->journal->gap_count; i++) {
		const struct journal_gap *gap = &input->journal->gaps[i];
		if (!time_known(gap->before) || !time_known(gap->after))
			continue;
		int64_t room = gap->last - gap->first + 1, slack = input->rules.tolerance_us;
		if (mark(candidates, known, gap->before.us, gap->after.us, room) == 0)
			mark(candidates, known, gap->before.us - slack, gap->after.us + slack, room);
	}
	for (size_t i = 0; i < known; i++)
		if (candidates[i].explained)
			breaks->rows[candidates[i].row].class = BREAK_CLASS_COUNT;
	free(candidates);
}
