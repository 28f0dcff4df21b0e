#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
fatal_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "vaultbell: broken invariant at %s:%d: %s\n", file, line, what);
	abort();
}

enum error_code
error_set(struct error *error, enum error_code code, const char *format, ...)
{
	if (error == NULL)
		return code;
	error->code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return code;
}

enum error_code
error_wrap(struct error *error, const char *format, ...)
{
	char context[sizeof error->text / 2];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof context, format, args);
	va_end(args);
	/* The context is kept whole; what was said before is cut where it has no room. */
	char inner[sizeof error->text];
	memcpy(inner, error->text, sizeof inner);
	size_t length = strlen(context);
	memcpy(error->text, context, length);
	memcpy(error->text + length, ": ", 2);
	size_t room = sizeof error->text - length - 2;
	memcpy(error->text + length + 2, inner, room);
	error->text[sizeof error->text - 1] = '\0';
	return error->code;
}

const char *
error_code_name(enum error_code code)
{
	switch (code) {
	case OK: return "ok";
	case ERR_INVALID: return "invalid";
	case ERR_NOT_FOUND: return "not_found";
	case ERR_CONFLICT: return "conflict";
	case ERR_LIMIT: return "limit";
	case ERR_UNAUTHENTICATED: return "authentication_failed";
	case ERR_FORBIDDEN: return "insufficient access";
	case ERR_FULL: return "storage_full";
	case ERR_UNAVAILABLE: return "unavailable";
	case ERR_IO: return "io_error";
	case ERR_CORRUPT: return "corrupt";
	case ERR_INTERNAL: return "server_error";
	}
	UNREACHABLE();
}
