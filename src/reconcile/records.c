/* A record from its values, and the reading of a file whatever its form. */
#include "reconcile/records.h"

#include "reconcile/amount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, SHOWN_BYTES = 60, EXTRA_BYTES_MAX = 1 << 16 };

static const struct slice member_names[MEMBER_COUNT] = {
    [MEMBER_ID] = SLICE_STATIC("id"),
    [MEMBER_CLIENT_REFERENCE] = SLICE_STATIC("client_reference"),
    [MEMBER_NETWORK] = SLICE_STATIC("network"),
    [MEMBER_ASSET] = SLICE_STATIC("asset"),
    [MEMBER_AMOUNT] = SLICE_STATIC("amount_base_units"),
    [MEMBER_FEE] = SLICE_STATIC("fee_base_units"),
    [MEMBER_ADDRESS] = SLICE_STATIC("address"),
    [MEMBER_TX_HASH] = SLICE_STATIC("tx_hash"),
    [MEMBER_OUTPUT_INDEX] = SLICE_STATIC("output_index"),
    [MEMBER_ACCOUNT] = SLICE_STATIC("account"),
    [MEMBER_DIRECTION] = SLICE_STATIC("direction"),
    [MEMBER_STATUS] = SLICE_STATIC("status"),
    [MEMBER_OCCURRED_AT] = SLICE_STATIC("occurred_at"),
    [MEMBER_BALANCE] = SLICE_STATIC("balance_base_units"),
};

const char *
side_name(enum side side)
{
	switch (side) {
	case SIDE_JOURNAL: return "journal";
	case SIDE_CUSTODIAN: return "custodian";
	case SIDE_LEDGER: return "ledger";
	case SIDE_COUNT: break;
	}
	UNREACHABLE();
}

const char *
member_name(enum member member)
{
	ENSURE(member < MEMBER_COUNT);
	return member_names[member].ptr;
}

enum member
member_find(struct slice name)
{
	for (enum member member = 0; member < MEMBER_COUNT; member++)
		if (slice_equal(name, member_names[member]))
			return member;
	return MEMBER_OTHER;
}

void
records_init(struct records *records)
{
	*records = (struct records){0};
}

void
records_fini(struct records *records)
{
	free(records->items);
	free(records->balances);
	records_init(records);
}

struct record *
records_add(struct records *records)
{
	if (records->count == records->capacity) {
		records->capacity = records->capacity == 0 ? 256 : records->capacity * 2;
		records->items = mem_resize(records->items, records->capacity, sizeof records->items[0]);
	}
	struct record *record = &records->items[records->count++];
	*record = (struct record){.occurred = TIME_UNKNOWN};
	return record;
}

/* --- a draft ---------------------------------------------------------------------------------------- */

void
record_draft_init(struct record_draft *draft)
{
	*draft = (struct record_draft){0};
	buf_init(&draft->extra, EXTRA_BYTES_MAX);
}

void
record_draft_fini(struct record_draft *draft)
{
	buf_free(&draft->extra);
}

void
record_draft_clear(struct record_draft *draft)
{
	memset(draft->values, 0, sizeof draft->values);
	draft->sign_only = false;
	buf_clear(&draft->extra);
}

/* A platform's kinds of request that are signed and never sent: MESSAGE_SIGN, ETHEREUM_PERSONAL_SIGN,
 * ETHEREUM_SIGN_TYPED_DATA, EXTERNAL_ITEM and their like, in whatever case. */
static void
note_type(struct record_draft *draft, struct slice name, struct slice text)
{
	static const char *const kinds[] = {
	    "message_sign", "personal_sign", "sign_typed_data", "sign_message", "sign_only", "external_item"};
	char folded[64];
	if (!slice_is(name, "type") || text.len == 0 || text.len >= sizeof folded)
		return;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		folded[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' || c == ' ' ? '_' : c;
	}
	folded[text.len] = '\0';
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		draft->sign_only |= strstr(folded, kinds[i]) != NULL;
}

/* The writer wants a container: its opening brace is taken back at once. */
static struct json_writer
extra_writer(struct record_draft *draft, struct slice name)
{
	struct json_writer writer;
	if (draft->extra.len > 0)
		buf_byte(&draft->extra, ',');
	json_writer_init(&writer, &draft->extra);
	json_open(&writer, '{');
	if (draft->extra.len > 0)
		draft->extra.len--;
	json_key_slice(&writer, name);
	return writer;
}

void
record_draft_extra(struct record_draft *draft, struct slice name, struct slice json)
{
	struct json_writer writer = extra_writer(draft, name);
	json_raw(&writer, json);
	note_type(draft, name, json);
}

void
record_draft_extra_text(struct record_draft *draft, struct slice name, struct slice text)
{
	struct json_writer writer = extra_writer(draft, name);
	json_string(&writer, text);
	note_type(draft, name, text);
}

/* --- interpreting ----------------------------------------------------------------------------------- */

static enum error_code
unfit(enum member member, struct slice value, const char *expected, struct error *error)
{
	struct slice shown = {value.ptr, value.len > SHOWN_BYTES ? SHOWN_BYTES : value.len};
	return error_set(error, ERR_INVALID, "%s \"%.*s%s\": expected %s", member_name(member), SLICE_ARG(shown),
	    value.len > SHOWN_BYTES ? "…" : "", expected);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = year / 400, of_era = year % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The form that nearly every row has, `2025-01-31T12:00:00Z` with or without a fraction; time_parse takes the rest
 * and judges what is no date. */
static bool
quick_time(struct slice text, struct wall_time *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	int64_t n[20];
	if (text.len < 20 || text.len > 27 || text.ptr[text.len - 1] != 'Z')
		return false;
	for (size_t i = 0; i < 19; i++) {
		n[i] = text.ptr[i] - '0';
		if (form[i] == 'd' ? n[i] < 0 || n[i] > 9 : text.ptr[i] != form[i])
			return false;
	}
	int64_t us = 0, unit = 1000000;
	if (text.len > 20 && text.ptr[19] != '.')
		return false;
	for (size_t i = 20; i + 1 < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		unit /= 10;
		us += (text.ptr[i] - '0') * unit;
	}
	int64_t year = n[0] * 1000 + n[1] * 100 + n[2] * 10 + n[3], month = n[5] * 10 + n[6], day = n[8] * 10 + n[9];
	int64_t hour = n[11] * 10 + n[12], minute = n[14] * 10 + n[15], second = n[17] * 10 + n[18];
	if (year < 1900 || month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59)
		return false;
	out->us = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000000 + us;
	return text.len != 21;
}

bool
record_time(struct slice text, struct wall_time *out)
{
	return quick_time(text, out) || time_parse(text, out);
}

static enum error_code
make_words(struct record_context *context, const struct record_draft *draft, struct record *record, struct error *error)
{
	struct slice direction = draft->values[MEMBER_DIRECTION], status = draft->values[MEMBER_STATUS];
	struct slice occurred = draft->values[MEMBER_OCCURRED_AT];
	enum direction found = DIRECTION_UNKNOWN;
	if (direction.len > 0 && !direction_parse(direction, &found))
		return unfit(MEMBER_DIRECTION, direction, "in, out or internal", error);
	record->direction = (unsigned char)found;
	record->status = states_find(context->states, status);
	/* A flag beside the state, which keeps what it was. */
	if (record->status == 0 && status.len > 0 && !slice_is(status, "unattributed"))
		return unfit(MEMBER_STATUS, status,
		    "a state of a transaction (created, …, completed, failed, …) or a platform status (PENDING, …)",
		    error);
	if (occurred.len > 0 && !record_time(occurred, &record->occurred))
		return unfit(MEMBER_OCCURRED_AT, occurred, "a time as in 2025-01-31T12:00:00Z", error);
	return OK;
}

/* The members that are integers: to their canonical text. */
static enum error_code
make_integer(
    struct record_context *context, enum member member, struct slice value, struct slice *out, struct error *error)
{
	*out = SLICE_NONE;
	if (value.len == 0)
		return OK;
	*out = amount_canonical(value, &context->arena);
	return slice_present(*out) ? OK : unfit(member, value, "an integer in base units, as in \"1500000\"", error);
}

void
record_draft_drop_unfit(const struct record_context *context, struct record_draft *draft)
{
	static const enum member integers[] = {MEMBER_AMOUNT, MEMBER_FEE, MEMBER_OUTPUT_INDEX};
	struct slice *values = draft->values, *direction = &values[MEMBER_DIRECTION], *status = &values[MEMBER_STATUS];
	struct arena arena = ARENA_EMPTY;
	enum direction unused;
	for (size_t i = 0; i < COUNT_OF(integers); i++)
		if (!slice_present(amount_canonical(values[integers[i]], &arena)))
			values[integers[i]] = SLICE_NONE;
	if (!direction_parse(*direction, &unused))
		*direction = SLICE_NONE;
	if (states_find(context->states, *status) == 0 && !slice_is(*status, "unattributed"))
		*status = SLICE_NONE;
	arena_free(&arena);
}

enum error_code
record_make(
    struct record_context *context, const struct record_draft *draft, struct record *record, struct error *error)
{
	static const enum member integers[] = {MEMBER_AMOUNT, MEMBER_FEE, MEMBER_OUTPUT_INDEX};
	const struct slice *values = draft->values;
	struct slice texts[MEMBER_TEXTS + 1], network = values[MEMBER_NETWORK];
	*record = (struct record){.occurred = TIME_UNKNOWN, .sign_only = draft->sign_only};
	memcpy(texts, values, MEMBER_TEXTS * sizeof texts[0]);
	texts[MEMBER_ASSET] = canonical_address(values[MEMBER_ASSET], network, &context->arena);
	texts[MEMBER_ADDRESS] = canonical_address(values[MEMBER_ADDRESS], network, &context->arena);
	texts[MEMBER_TX_HASH] = canonical_hash(values[MEMBER_TX_HASH], &context->arena);
	texts[MEMBER_TEXTS] = buf_slice(&draft->extra);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < COUNT_OF(integers); i++)
		code = make_integer(context, integers[i], values[integers[i]], &texts[integers[i]], error);
	if (code == OK)
		code = make_words(context, draft, record, error);
	if (code == OK && draft->extra.overflow)
		code =
		    error_set(error, ERR_LIMIT, "expected at most %d bytes in columns of other names", EXTRA_BYTES_MAX);
	if (code != OK)
		return code;
	texts_put_many(context->texts, texts, COUNT_OF(texts), context->last);
	memcpy(record->members, context->last, sizeof record->members);
	record->extra = context->last[MEMBER_TEXTS];
	if (context->texts->full)
		code =
		    error_set(error, ERR_LIMIT, "expected at most 4 GiB of different values in all sources together");
	return code;
}

/* --- a file ----------------------------------------------------------------------------------------- */

static void
add_balance(struct records *records, struct balance balance)
{
	if (records->balance_count == records->balance_capacity) {
		records->balance_capacity = records->balance_capacity == 0 ? 16 : records->balance_capacity * 2;
		records->balances =
		    mem_resize(records->balances, records->balance_capacity, sizeof records->balances[0]);
	}
	records->balances[records->balance_count++] = balance;
}

enum error_code
record_reading_take(struct record_reading *reading, size_t line, struct error *error)
{
	struct record_context *context = reading->context;
	struct record_draft *draft = &reading->draft;
	struct record record;
	enum error_code code = record_make(context, draft, &record, error);
	record.line = (uint32_t)line;
	struct slice stated = draft->values[MEMBER_BALANCE];
	if (code == OK && stated.len > 0) {
		/* The platform states an unknown balance as NaN. */
		struct slice canonical = SLICE_NONE;
		if (!slice_is(stated, "NaN"))
			code = make_integer(context, MEMBER_BALANCE, stated, &canonical, error);
		struct text units = texts_put(context->texts, canonical);
		add_balance(
		    reading->records, (struct balance){record.members[MEMBER_NETWORK], record.members[MEMBER_ASSET],
					  record.members[MEMBER_ACCOUNT], units, record.occurred, record.line});
	} else if (code == OK) {
		*records_add(reading->records) = record;
	}
	record_draft_clear(draft);
	arena_reset(&context->arena);
	return code == OK ? OK : error_wrap(error, "%s:%zu", reading->reader.path, line);
}

enum error_code
row_reader_more(struct row_reader *reader, struct error *error)
{
	size_t kept = reader->len - reader->at;
	if (kept > RECORD_ROW_BYTES_MAX)
		return error_set(error, ERR_LIMIT, "%s:%zu: expected at most %d bytes in a row", reader->path,
		    reader->line, RECORD_ROW_BYTES_MAX);
	if (kept > 0)
		memmove(reader->data, reader->data + reader->at, kept);
	reader->at = 0;
	reader->len = kept;
	if (kept + READ_BYTES > reader->capacity) {
		reader->capacity = kept + 2 * (size_t)READ_BYTES;
		reader->data = mem_resize(reader->data, reader->capacity, 1);
	}
	ssize_t got;
	do
		got = read(reader->fd, reader->data + kept, reader->capacity - kept);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set(error, ERR_IO, "%s: %s; expected a readable file", reader->path, strerror(errno));
	reader->len += (size_t)got;
	reader->ended = got == 0;
	return OK;
}

enum error_code
records_read(struct record_context *context, enum record_format format, const char *path, struct records *records,
    struct error *error)
{
	struct record_reading reading = {.context = context, .records = records, .reader = {.path = path, .line = 1}};
	reading.reader.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reading.reader.fd < 0)
		return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s; expected a readable file",
		    path, strerror(errno));
	record_draft_init(&reading.draft);
	records->path = path;
	enum error_code code = row_reader_more(&reading.reader, error);
	if (code == OK && reading.reader.len >= 3 && memcmp(reading.reader.data, "\xef\xbb\xbf", 3) == 0)
		reading.reader.at = 3; /* a byte order mark, as spreadsheets write it */
	if (code == OK)
		code =
		    format == RECORD_CSV ? record_reading_csv(&reading, error) : record_reading_jsonl(&reading, error);
	record_draft_fini(&reading.draft);
	close(reading.reader.fd);
	free(reading.reader.data);
	return code;
}
