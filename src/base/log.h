/* The log: one line an event, to standard error, as logfmt or JSON. Values are quoted and cut.
 *
 * What may be logged is ids, counts, codes and error lines; never a payload, a secret, a token or a header's
 * value. There is no way to log a `struct secret`. A `struct log` belongs to an instance; it is immutable after
 * it is made and each line is one write(2), so threads may share it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log {
	enum log_level level;
	enum log_format format;
	int fd; /* -1 writes nothing */
};

MUST_CHECK bool log_level_parse(struct slice name, enum log_level *out);
MUST_CHECK bool log_format_parse(struct slice name, enum log_format *out);

/* `message` is a fixed text; then name, value pairs of C strings, ended by NULL:
 *   log_write(log, LOG_WARN, "delivery failed", "endpoint", id, "status", "503", NULL); */
void log_write(const struct log *log, enum log_level level, const char *message, ...) __attribute__((sentinel));

#endif
