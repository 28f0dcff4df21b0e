#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* Of the years with four digits, in days since 1970. */
enum { DAY_SECONDS = 86400, DAY_FIRST = -354285, DAY_LAST = 2932896 };

static int64_t
read_clock(clockid_t clock)
{
	struct timespec now;
	ENSURE(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct wall_time
clock_wall(void)
{
	return (struct wall_time){read_clock(CLOCK_REALTIME)};
}

struct mono_time
clock_mono(void)
{
	return (struct mono_time){read_clock(CLOCK_MONOTONIC)};
}

/* Writes the last digits of a number, and returns what follows them. */
static char *
put_digits(char *out, int64_t value, size_t digits)
{
	for (size_t i = digits; i > 0; i--, value /= 10)
		out[i - 1] = (char)('0' + value % 10);
	return out + digits;
}

/* A year of four digits, and its month and day, of days since 1970-01-01 in the Gregorian calendar; counted from
 * March, so that the leap day is a year's last. */
static char *
put_date(char *out, int64_t days)
{
	days += 719468; /* since 0000-03-01 */
	int64_t era = days / 146097, of_era = days % 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * of_year + 2) / 153, day = of_year - (153 * month + 2) / 5 + 1;
	bool next_year = month >= 10;
	out = put_digits(out, era * 400 + year_of_era + next_year, 4);
	*out++ = '-';
	out = put_digits(out, next_year ? month - 9 : month + 3, 2);
	*out++ = '-';
	return put_digits(out, day, 2);
}

const char *
time_format(struct wall_time time, int digits, char out[static TIME_TEXT_BYTES])
{
	int64_t seconds = time.us / 1000000, fraction = time.us % 1000000;
	if (fraction < 0) {
		fraction += 1000000;
		seconds--;
	}
	int64_t days = seconds / DAY_SECONDS, of_day = seconds % DAY_SECONDS;
	if (of_day < 0) {
		of_day += DAY_SECONDS;
		days--;
	}
	char *at = out;
	if (days >= DAY_FIRST && days <= DAY_LAST) {
		at = put_date(at, days);
	} else { /* years that are not of four digits: nobody writes them fast */
		struct tm tm;
		gmtime_r(&(time_t){(time_t)seconds}, &tm);
		at += strftime(out, TIME_TEXT_BYTES, "%Y-%m-%d", &tm);
	}
	*at++ = 'T';
	at = put_digits(at, of_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day % 60, 2);
	if (digits > 0) {
		*at++ = '.';
		at = put_digits(at, digits == 6 ? fraction : fraction / 1000, digits == 6 ? 6 : 3);
	}
	*at++ = 'Z';
	*at = '\0';
	return out;
}

static bool
take_number(struct slice *s, size_t digits, int *out)
{
	int64_t value;
	if (s->len < digits || !slice_to_int64((struct slice){s->ptr, digits}, &value))
		return false;
	*out = (int)value;
	*s = slice_skip(*s, digits);
	return true;
}

static bool
take_char(struct slice *s, const char *any_of)
{
	if (s->len == 0 || strchr(any_of, s->ptr[0]) == NULL || s->ptr[0] == '\0')
		return false;
	*s = slice_skip(*s, 1);
	return true;
}

static bool
take_fraction(struct slice *s, int64_t *us)
{
	*us = 0;
	if (!take_char(s, "."))
		return true;
	int64_t unit = 100000;
	size_t digits = 0;
	while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
		*us += (s->ptr[0] - '0') * unit;
		unit /= 10;
		digits++;
		*s = slice_skip(*s, 1);
	}
	return digits > 0;
}

static bool
take_offset(struct slice *s, int *minutes)
{
	*minutes = 0;
	if (take_char(s, "Zz"))
		return true;
	bool minus = s->len > 0 && s->ptr[0] == '-';
	int hour, minute;
	if (!take_char(s, "+-") || !take_number(s, 2, &hour) || !take_char(s, ":") || !take_number(s, 2, &minute) ||
	    hour > 23 || minute > 59)
		return false;
	*minutes = (minus ? -1 : 1) * (hour * 60 + minute);
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

bool
time_parse(struct slice text, struct wall_time *out)
{
	struct tm tm = {0};
	int offset;
	int64_t fraction;
	if (!take_number(&text, 4, &tm.tm_year) || !take_char(&text, "-") || !take_number(&text, 2, &tm.tm_mon) ||
	    !take_char(&text, "-") || !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, "Tt ") ||
	    !take_number(&text, 2, &tm.tm_hour) || !take_char(&text, ":") || !take_number(&text, 2, &tm.tm_min) ||
	    !take_char(&text, ":") || !take_number(&text, 2, &tm.tm_sec) || !take_fraction(&text, &fraction) ||
	    !take_offset(&text, &offset) || text.len != 0)
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > days_in_month(tm.tm_year, tm.tm_mon) ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	out->us = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000000 + fraction;
	return true;
}

bool
duration_parse(struct slice text, int64_t *out_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	size_t digits = 0;
	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	int64_t number;
	if (!slice_to_int64((struct slice){text.ptr, digits}, &number))
		return false;
	struct slice unit = slice_skip(text, digits);
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (slice_is(unit, units[i].unit))
			return !__builtin_mul_overflow(number, units[i].ms, out_ms);
	return false;
}
