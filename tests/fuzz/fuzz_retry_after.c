/* The value of a Retry-After header, at a time that the first two bytes choose (in weeks from 1970 on). A wait is within
 * its bounds; a date that is written again in the preferred form is the same date. */
#include "fuzz.h"

#include "transport/retry_after.h"

#include <stdio.h>
#include <time.h>

#define WEEK_US (INT64_C(7) * 24 * 3600 * 1000000)

static void
fuzz_date(struct slice text, struct wall_time now)
{
	struct wall_time date, again;
	if (!http_date_parse(text, now, &date))
		return;
	ENSURE(date.us % 1000000 == 0);
	time_t seconds = (time_t)(date.us / 1000000);
	struct tm parts;
	char written[64];
	ENSURE(gmtime_r(&seconds, &parts) != NULL);
	/* The last second of the year 9999 may be a leap one. */
	if (parts.tm_year + 1900 > 9999)
		return;
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	snprintf(written, sizeof written, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
	    months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
	ENSURE(http_date_parse(slice_of(written), now, &again) && again.us == date.us);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct wall_time now = {(data[0] << 8 | data[1]) * WEEK_US};
	struct slice text = {(const char *)data + 2, size - 2};
	int64_t wait_ms = retry_after_ms(text, now);
	ENSURE(wait_ms >= 0 && wait_ms <= RETRY_AFTER_MAX_MS);
	fuzz_date(text, now);
	return 0;
}
