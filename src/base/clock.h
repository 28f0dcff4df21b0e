/* Time. Wall time is for what is stored and shown, monotonic time for time-outs; they do not mix.
 * Only adapters call clock_wall and clock_mono; logic is handed the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/slice.h"

struct wall_time {
	int64_t us;
}; /* microseconds since 1970-01-01T00:00:00Z */
struct mono_time {
	int64_t us;
}; /* microseconds since an unspecified start */

#define WALL_NONE ((struct wall_time){0})
#define WALL_NEVER ((struct wall_time){INT64_MAX})

enum { TIME_TEXT_BYTES = 32 };

struct wall_time clock_wall(void);
struct mono_time clock_mono(void);

/* RFC 3339 in UTC with `digits` (0, 3 or 6) of a second's fraction and Z, NUL-terminated; returns out. */
const char *time_format(struct wall_time time, int digits, char out[static TIME_TEXT_BYTES]);
/* RFC 3339 section 5.6 date-time with any offset; false when it is not one. */
MUST_CHECK bool time_parse(struct slice text, struct wall_time *out);
/* A duration: number and unit ms, s, m, h, d (`100ms`, `5m`, `1.5h` is not one); in milliseconds. */
MUST_CHECK bool duration_parse(struct slice text, int64_t *out_ms);

#endif
