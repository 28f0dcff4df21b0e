#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <stdarg.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 4096, VALUE_BYTES_MAX = 512 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool
log_level_parse(struct slice name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++)
		if (slice_is(name, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

bool
log_format_parse(struct slice name, enum log_format *out)
{
	bool json = slice_is(name, "json");
	*out = json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT;
	return json || slice_is(name, "logfmt");
}

/* Both formats quote alike: JSON's escapes are what logfmt readers expect. */
static void
append_quoted(struct buf *line, const char *value)
{
	buf_byte(line, '"');
	for (size_t i = 0; i < VALUE_BYTES_MAX && value[i] != '\0'; i++) {
		unsigned char c = (unsigned char)value[i];
		if (c == '"' || c == '\\')
			buf_printf(line, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(line, "\\u%04x", c);
		else
			buf_byte(line, (char)c);
	}
	buf_byte(line, '"');
}

static void
append_pair(struct buf *line, enum log_format format, const char *name, const char *value)
{
	if (format == LOG_FORMAT_JSON)
		buf_printf(line, "%s\"%s\":", line->len > 1 ? "," : "", name);
	else
		buf_printf(line, "%s%s=", line->len > 0 ? " " : "", name);
	append_quoted(line, value == NULL ? "" : value);
}

void
log_write(const struct log *log, enum log_level level, const char *message, ...)
{
	if (log == NULL || log->fd < 0 || level < log->level)
		return;
	struct buf line;
	buf_init(&line, LINE_BYTES_MAX);
	if (log->format == LOG_FORMAT_JSON)
		buf_byte(&line, '{');
	char time[TIME_TEXT_BYTES];
	append_pair(&line, log->format, "time", time_format(clock_wall(), 3, time));
	append_pair(&line, log->format, "level", level_names[level]);
	append_pair(&line, log->format, "msg", message);
	va_list args;
	va_start(args, message);
	for (const char *name = va_arg(args, const char *); name != NULL; name = va_arg(args, const char *))
		append_pair(&line, log->format, name, va_arg(args, const char *));
	va_end(args);
	buf_text(&line, log->format == LOG_FORMAT_JSON ? "}\n" : "\n");
	if (!line.overflow) {
		ssize_t written = write(log->fd, line.data, line.len);
		(void)written; /* there is nowhere left to say it */
	}
	buf_free(&line);
}
