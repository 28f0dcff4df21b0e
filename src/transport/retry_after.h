/* The value of a Retry-After header (RFC 9110 section 10.2.3): a number of seconds, or a date in any of the three forms
 * that section 5.6.7 has. Pure: it is told what time it is. */
#ifndef TRANSPORT_RETRY_AFTER_H
#define TRANSPORT_RETRY_AFTER_H

#include "base/clock.h"

/* Beyond a year, what is asked for is a mistake. */
#define RETRY_AFTER_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

/* How long to wait from `now` on; 0 where the value asks for nothing: not of the form, past, or beyond the maximum. */
int64_t retry_after_ms(struct slice value, struct wall_time now);
/* `now` decides the century of a year of two digits: none lies more than fifty years ahead. */
MUST_CHECK bool http_date_parse(struct slice text, struct wall_time now, struct wall_time *out);

#endif
