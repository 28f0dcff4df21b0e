/* CSV as RFC 4180 has it: a header, fields in quotes where they hold commas, quotes or line ends, lines that end in CRLF
 * or LF. White space is part of a field. An empty line is passed over. */
#include "reconcile/records.h"

#include <stdio.h>

struct header {
	enum member members[RECORD_COLUMNS_MAX];
	struct slice names[RECORD_COLUMNS_MAX];
	size_t count;
	struct arena arena;
};

struct row {
	struct slice fields[RECORD_COLUMNS_MAX];
	size_t count;
	size_t line;
};

enum scan { SCAN_ROW, SCAN_MORE, SCAN_TOO_MANY, SCAN_QUOTE };

/* A quoted field from behind its opening quote; doubled quotes become one, in place. *at moves behind the closing quote;
 * false when there is none. */
static bool
quoted(char *data, size_t *at, size_t len, struct slice *field, size_t *lines)
{
	size_t from = *at;
	for (size_t i = from; i < len; i++) {
		*lines += data[i] == '\n';
		if (data[i] != '"')
			continue;
		if (i + 1 < len && data[i + 1] == '"') {
			i++;
			continue;
		}
		size_t to = from;
		for (size_t k = from; k < i; k++) {
			data[to++] = data[k];
			k += data[k] == '"';
		}
		*field = (struct slice){data + from, to - from};
		*at = i + 1;
		return true;
	}
	return false;
}

/* Whether a whole row lies in [at, len): quotes are only changed when it does. */
static bool
is_whole(const char *data, size_t at, size_t len)
{
	bool inside = false;
	for (size_t i = at; i < len; i++) {
		if (data[i] == '"')
			inside = !inside;
		else if (data[i] == '\n' && !inside)
			return true;
	}
	return false;
}

static enum scan
scan_row(struct row_reader *reader, struct row *row)
{
	char *data = reader->data;
	size_t at = reader->at, len = reader->len, lines = 0;
	const char *first_end = memchr(data + at, '\n', len - at);
	bool has_quotes =
	    memchr(data + at, '"', first_end == NULL ? len - at : (size_t)(first_end - data) - at) != NULL;
	if (!reader->ended && (first_end == NULL || (has_quotes && !is_whole(data, at, len))))
		return SCAN_MORE;
	row->count = 0;
	row->line = reader->line;
	for (bool more = true; more; at++) {
		if (row->count == RECORD_COLUMNS_MAX)
			return SCAN_TOO_MANY;
		struct slice *field = &row->fields[row->count++];
		if (at < len && data[at] == '"') {
			at++;
			if (!quoted(data, &at, len, field, &lines))
				return SCAN_QUOTE;
			if (at + 1 < len && data[at] == '\r' && data[at + 1] == '\n')
				at++;
			if (at < len && data[at] != ',' && data[at] != '\n')
				return SCAN_QUOTE;
		} else {
			size_t from = at;
			while (at < len && data[at] != ',' && data[at] != '\n')
				at++;
			*field = (struct slice){data + from, at - from};
			if ((at == len || data[at] == '\n') && field->len > 0 && data[at - 1] == '\r')
				field->len--;
		}
		more = at < len && data[at] == ',';
		lines += at < len && data[at] == '\n';
	}
	reader->at = at < len ? at : len;
	reader->line += lines;
	return SCAN_ROW;
}

/* The next row that is not empty; count 0 at the end. */
static enum error_code
next_row(struct row_reader *reader, struct row *row, struct error *error)
{
	for (;;) {
		row->count = 0;
		if (reader->at == reader->len && reader->ended)
			return OK;
		switch (reader->at == reader->len ? SCAN_MORE : scan_row(reader, row)) {
		case SCAN_ROW:
			if (row->count > 1 || row->fields[0].len > 0)
				return OK;
			break;
		case SCAN_MORE: {
			enum error_code code = row_reader_more(reader, error);
			if (code != OK)
				return code;
			break;
		}
		case SCAN_TOO_MANY:
			return error_set(error, ERR_LIMIT, "%s:%zu: expected at most %d columns", reader->path,
			    reader->line, RECORD_COLUMNS_MAX);
		case SCAN_QUOTE:
			return error_set(error, ERR_INVALID,
			    "%s:%zu: expected a field in quotes to end with a quote before a comma or the end of the "
			    "line",
			    reader->path, reader->line);
		}
	}
}

static enum error_code
read_header(struct row_reader *reader, struct header *header, struct error *error)
{
	struct row row = {.count = 0};
	enum error_code code = next_row(reader, &row, error);
	if (code != OK)
		return code;
	header->count = row.count;
	bool known = false;
	for (size_t i = 0; i < row.count; i++) {
		struct slice name = arena_copy(&header->arena, slice_trim(row.fields[i]));
		header->names[i] = name;
		header->members[i] = member_find(name);
		known |= header->members[i] != MEMBER_OTHER;
		for (size_t k = 0; k < i; k++)
			if (slice_equal(header->names[k], name))
				return error_set(error, ERR_INVALID,
				    "%s:%zu: expected each column once; \"%.*s\" stands twice", reader->path, row.line,
				    SLICE_ARG(name));
	}
	if (!known)
		return error_set(error, ERR_INVALID,
		    "%s:1: expected a header with commas that names columns of records, as in "
		    "\"id,direction,network,asset,"
		    "amount_base_units,status,occurred_at\"",
		    reader->path);
	return OK;
}

enum error_code
record_reading_csv(struct record_reading *reading, struct error *error)
{
	struct row_reader *reader = &reading->reader;
	struct header header = {.count = 0};
	enum error_code code = read_header(reader, &header, error);
	struct row row = {.count = 0};
	while (code == OK) {
		code = next_row(reader, &row, error);
		if (code != OK || row.count == 0)
			break;
		if (row.count != header.count) {
			code = error_set(error, ERR_INVALID, "%s:%zu: expected %zu fields as in the header, not %zu",
			    reader->path, row.line, header.count, row.count);
			break;
		}
		for (size_t i = 0; i < row.count; i++) {
			if (header.members[i] != MEMBER_OTHER)
				reading->draft.values[header.members[i]] = row.fields[i];
			else if (row.fields[i].len > 0)
				record_draft_extra_text(&reading->draft, header.names[i], row.fields[i]);
		}
		code = record_reading_take(reading, row.line, error);
	}
	arena_free(&header.arena);
	return code;
}
