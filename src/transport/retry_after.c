#include "transport/retry_after.h"

#include <time.h>

enum { US_PER_MS = 1000, MS_PER_S = 1000, US_PER_S = 1000000, SHORT_NAME = 3 };

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* What is left to read; once something did not fit, nothing fits any more. */
struct reader {
	struct slice rest;
	bool good;
};

static bool
take(struct reader *reader, struct slice text)
{
	bool good = reader->good && slice_starts(reader->rest, text);
	if (good)
		reader->rest = slice_skip(reader->rest, text.len);
	return good;
}

static void
expect(struct reader *reader, struct slice text)
{
	reader->good = take(reader, text);
}

static int
number(struct reader *reader, size_t digits)
{
	int value = 0;
	for (size_t i = 0; reader->good && i < digits; i++) {
		reader->good = reader->rest.len > 0 && reader->rest.ptr[0] >= '0' && reader->rest.ptr[0] <= '9';
		if (reader->good)
			value = value * 10 + (reader->rest.ptr[0] - '0');
		reader->rest = slice_skip(reader->rest, 1);
	}
	return value;
}

static int
month(struct reader *reader)
{
	for (size_t i = 0; i < COUNT_OF(months); i++)
		if (take(reader, slice_of(months[i])))
			return (int)i;
	reader->good = false;
	return 0;
}

static void
time_of_day(struct reader *reader, struct tm *out)
{
	out->tm_hour = number(reader, 2);
	expect(reader, SLICE(":"));
	out->tm_min = number(reader, 2);
	expect(reader, SLICE(":"));
	out->tm_sec = number(reader, 2);
	/* 60 is a leap second. */
	reader->good = reader->good && out->tm_hour < 24 && out->tm_min < 60 && out->tm_sec <= 60;
}

/* "06 Nov 1994 08:49:37 GMT", behind "Sun, " */
static void
read_fixdate(struct reader *reader, struct tm *out)
{
	out->tm_mday = number(reader, 2);
	expect(reader, SLICE(" "));
	out->tm_mon = month(reader);
	expect(reader, SLICE(" "));
	out->tm_year = number(reader, 4) - 1900;
	expect(reader, SLICE(" "));
	time_of_day(reader, out);
	expect(reader, SLICE(" GMT"));
}

/* "06-Nov-94 08:49:37 GMT", behind "Sunday, " */
static void
read_rfc850(struct reader *reader, struct tm *out, struct wall_time now)
{
	out->tm_mday = number(reader, 2);
	expect(reader, SLICE("-"));
	out->tm_mon = month(reader);
	expect(reader, SLICE("-"));
	int year = number(reader, 2);
	expect(reader, SLICE(" "));
	time_of_day(reader, out);
	expect(reader, SLICE(" GMT"));
	struct tm today;
	time_t seconds = (time_t)(now.us / US_PER_S);
	if (gmtime_r(&seconds, &today) == NULL) {
		reader->good = false;
		return;
	}
	out->tm_year = today.tm_year - today.tm_year % 100 + year;
	if (out->tm_year > today.tm_year + 50)
		out->tm_year -= 100;
	else if (out->tm_year <= today.tm_year - 50)
		out->tm_year += 100;
}

/* "Nov  6 08:49:37 1994", behind "Sun " */
static void
read_asctime(struct reader *reader, struct tm *out)
{
	out->tm_mon = month(reader);
	expect(reader, SLICE(" "));
	out->tm_mday = take(reader, SLICE(" ")) ? number(reader, 1) : number(reader, 2);
	expect(reader, SLICE(" "));
	time_of_day(reader, out);
	expect(reader, SLICE(" "));
	out->tm_year = number(reader, 4) - 1900;
}

/* The forms differ in what stands behind the day's name. */
static void
read_date(struct reader *reader, struct tm *out, struct wall_time now)
{
	for (size_t i = 0; i < COUNT_OF(days); i++) {
		struct slice name = slice_of(days[i]), brief = {name.ptr, SHORT_NAME};
		if (take(reader, name)) {
			expect(reader, SLICE(", "));
			read_rfc850(reader, out, now);
			return;
		}
		if (take(reader, brief)) {
			if (take(reader, SLICE(", "))) {
				read_fixdate(reader, out);
				return;
			}
			expect(reader, SLICE(" "));
			read_asctime(reader, out);
			return;
		}
	}
	reader->good = false;
}

bool
http_date_parse(struct slice text, struct wall_time now, struct wall_time *out)
{
	struct reader reader = {text, true};
	struct tm date = {.tm_isdst = 0};
	read_date(&reader, &date, now);
	if (!reader.good || reader.rest.len > 0)
		return false;
	int day = date.tm_mday, seconds = date.tm_sec;
	date.tm_sec = 0;
	time_t minute = timegm(&date);
	/* timegm turns the 31st of June into the 1st of July. */
	if (day < 1 || date.tm_mday != day)
		return false;
	out->us = ((int64_t)minute + seconds) * US_PER_S;
	return true;
}

int64_t
retry_after_ms(struct slice value, struct wall_time now)
{
	struct slice text = slice_trim(value);
	int64_t seconds, wait_ms;
	struct wall_time date;
	if (slice_to_int64(text, &seconds)) {
		if (seconds > RETRY_AFTER_MAX_MS / MS_PER_S)
			return 0;
		wait_ms = seconds * MS_PER_S;
	} else if (http_date_parse(text, now, &date)) {
		wait_ms = (date.us - now.us) / US_PER_MS;
	} else {
		return 0;
	}
	return wait_ms > 0 && wait_ms <= RETRY_AFTER_MAX_MS ? wait_ms : 0;
}
