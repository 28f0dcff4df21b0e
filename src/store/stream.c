#include "store/stream.h"

#include "base/limits.h"
#include "json/json.h"

#include <stdlib.h>

/* So many numbers in a row that are there already are a sender that counts from the beginning again: the endpoint was
 * made anew. */
enum { STREAM_BEGAN_ANEW = 8 };

/* --- all of them ------------------------------------------------------------------------------------- */

struct stream *
streams_find(const struct streams *streams, struct slice key)
{
	for (size_t i = 0; i < streams->count; i++)
		if (slice_is(key, streams->items[i]->key))
			return streams->items[i];
	return NULL;
}

struct stream *
streams_put(struct streams *streams, struct slice key)
{
	struct stream *stream = streams_find(streams, key);
	if (stream != NULL || streams->count == STREAM_COUNT_MAX || key.len >= STREAM_KEY_BYTES)
		return stream;
	stream = mem_zero(1, sizeof *stream);
	memcpy(stream->key, key.ptr, key.len);
	streams->items[streams->count++] = stream;
	return stream;
}

void
streams_free(struct streams *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		free(streams->items[i]);
	streams->count = 0;
}

/* --- runs -------------------------------------------------------------------------------------------- */

static void
remove_gap(struct stream *stream, size_t at)
{
	stream->gap_count--;
	memmove(&stream->gaps[at], &stream->gaps[at + 1], (stream->gap_count - at) * sizeof stream->gaps[0]);
}

/* Joins the two that lie closest, so that one more finds room. */
static void
join_closest(struct stream *stream)
{
	size_t best = 0;
	int64_t least = INT64_MAX;
	for (size_t i = 0; i + 1 < stream->gap_count; i++) {
		int64_t between = stream->gaps[i + 1].first - stream->gaps[i].last;
		if (between < least) {
			least = between;
			best = i;
		}
	}
	stream->gaps[best].last = stream->gaps[best + 1].last;
	stream->gaps[best].trusted = stream->gaps[best].trusted && stream->gaps[best + 1].trusted;
	remove_gap(stream, best + 1);
}

static void
insert_gap(struct stream *stream, struct stream_gap gap)
{
	if (gap.first > gap.last)
		return;
	if (stream->gap_count == STREAM_GAPS_MAX)
		join_closest(stream);
	size_t at = stream->gap_count;
	while (at > 0 && stream->gaps[at - 1].first > gap.first)
		at--;
	memmove(&stream->gaps[at + 1], &stream->gaps[at], (stream->gap_count - at) * sizeof stream->gaps[0]);
	stream->gaps[at] = gap;
	stream->gap_count++;
}

/* Takes the numbers out of the runs; returns how many of them were missing. */
static int64_t
fill(struct stream *stream, int64_t first, int64_t last)
{
	int64_t filled = 0;
	for (size_t i = 0; i < stream->gap_count;) {
		struct stream_gap gap = stream->gaps[i];
		int64_t from = gap.first > first ? gap.first : first, to = gap.last < last ? gap.last : last;
		if (from > to) {
			i++;
			continue;
		}
		filled += to - from + 1;
		remove_gap(stream, i);
		struct stream_gap before = gap, after = gap;
		before.last = from - 1;
		after.first = to + 1;
		insert_gap(stream, before);
		insert_gap(stream, after);
		i += (size_t)(before.first <= before.last) + (size_t)(after.first <= after.last);
	}
	return filled;
}

/* --- what comes -------------------------------------------------------------------------------------- */

void
stream_take(struct stream *stream, int64_t number, bool trusted, struct wall_time now)
{
	if (number < 1 || number == INT64_MAX)
		return;
	stream->changed = true;
	if (stream->first == 0) {
		stream->first = stream->highest = number;
		return;
	}
	int64_t again = stream->again;
	stream->again = 0;
	if (number > stream->highest) {
		insert_gap(stream, (struct stream_gap){stream->highest + 1, number - 1, now, trusted});
		stream->highest = number;
	} else if (number < stream->first) {
		insert_gap(stream, (struct stream_gap){number + 1, stream->first - 1, now, trusted});
		stream->first = number;
	} else if (fill(stream, number, number) == 0) {
		stream->again = again + 1;
		if (stream->again < STREAM_BEGAN_ANEW)
			return;
		stream->first = stream->highest = number;
		stream->again = 0;
		stream->gap_count = 0;
	}
}

void
stream_hear(struct stream *stream, int64_t newest, int64_t interval_s, bool trusted, struct wall_time now)
{
	stream->changed = true;
	stream->heard = now;
	stream->interval_s = interval_s;
	if (newest < 0 || newest == INT64_MAX)
		return;
	if (stream->first == 0) {
		stream->first = newest + 1;
		stream->highest = newest;
	} else if (newest > stream->highest) {
		insert_gap(stream, (struct stream_gap){stream->highest + 1, newest, now, trusted});
		stream->highest = newest;
	}
}

void
stream_settle(struct stream *stream, int64_t first, int64_t last)
{
	stream->changed = true;
	stream->lost += fill(stream, first, last);
}

void
stream_bound(struct stream *stream, int64_t newest)
{
	bool proved = false;
	stream->changed = true;
	for (size_t i = stream->gap_count; i-- > 0 && !proved;) {
		struct stream_gap *gap = &stream->gaps[i];
		if (gap->last <= newest)
			break;
		proved = gap->trusted;
		if (!proved && gap->first > newest)
			remove_gap(stream, i);
		else if (!proved)
			gap->last = newest;
	}
	if (!proved && stream->highest > newest)
		stream->highest = newest;
	if (stream->first > stream->highest + 1)
		stream->first = stream->highest + 1;
}

int64_t
stream_missing(const struct stream *stream, bool hints)
{
	int64_t missing = 0;
	for (size_t i = 0; i < stream->gap_count; i++)
		if (hints || stream->gaps[i].trusted)
			missing += stream->gaps[i].last - stream->gaps[i].first + 1;
	return missing;
}

/* --- text -------------------------------------------------------------------------------------------- */

void
stream_encode(const struct stream *stream, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	json_put_integer(&w, "first", stream->first);
	json_put_integer(&w, "highest", stream->highest);
	json_put_integer(&w, "lost", stream->lost);
	json_put_integer(&w, "again", stream->again);
	json_put_integer(&w, "heard", stream->heard.us);
	json_put_integer(&w, "interval", stream->interval_s);
	json_key(&w, "gaps");
	json_open(&w, '[');
	for (size_t i = 0; i < stream->gap_count; i++) {
		json_open(&w, '[');
		json_integer(&w, stream->gaps[i].first);
		json_integer(&w, stream->gaps[i].last);
		json_integer(&w, stream->gaps[i].since.us);
		json_integer(&w, stream->gaps[i].trusted);
		json_close(&w);
	}
	json_close(&w);
	json_close(&w);
}

static bool
read_gap(struct json row, struct stream_gap *out)
{
	int64_t values[4] = {0};
	size_t count = 0;
	struct json_iterator items = json_iterate(row);
	struct json key, value;
	while (row.type == JSON_ARRAY && count < COUNT_OF(values) && json_next(&items, &key, &value))
		if (!json_int64(value, &values[count++]))
			return false;
	*out = (struct stream_gap){values[0], values[1], {values[2]}, values[3] != 0};
	return count == COUNT_OF(values) && out->first <= out->last;
}

enum error_code
stream_decode(struct slice text, struct stream *out, struct error *error)
{
	struct json doc, key, row;
	bool good = json_parse(text, LIMIT_JSON_DEPTH, &doc, NULL) == OK && doc.type == JSON_OBJECT;
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {{"first", &out->first}, {"highest", &out->highest}, {"lost", &out->lost}, {"again", &out->again},
	    {"heard", &out->heard.us}, {"interval", &out->interval_s}};
	for (size_t i = 0; good && i < COUNT_OF(numbers); i++) {
		struct json value = json_member(doc, numbers[i].name);
		good = json_present(value) && json_int64(value, numbers[i].to);
	}
	struct json gaps = good ? json_member(doc, "gaps") : JSON_ABSENT;
	good = good && json_present(gaps) && gaps.type == JSON_ARRAY && json_count(gaps) <= STREAM_GAPS_MAX;
	struct json_iterator rows = json_iterate(gaps);
	for (out->gap_count = 0; good && json_next(&rows, &key, &row); out->gap_count++)
		good = read_gap(row, &out->gaps[out->gap_count]);
	return good ? OK : error_set(error, ERR_CORRUPT, "the row of a stream of numbers is none of ours");
}
