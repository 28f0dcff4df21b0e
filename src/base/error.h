/* Operating errors: a code that the caller can act on and one line that a person can act on.
 *
 * A function that can fail returns `enum error_code`, is marked MUST_CHECK and fills the caller's struct:
 * the line names the input and says what would be right. A programmer's error aborts instead (macros.h).
 * Never holds a secret, a payload or personal data. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/macros.h"

enum error_code {
	OK = 0,
	ERR_INVALID, /* the input breaks a rule that its sender can keep */
	ERR_NOT_FOUND,
	ERR_CONFLICT,	     /* it exists already, or with another content */
	ERR_LIMIT,	     /* over a named limit (limits.h) */
	ERR_UNAUTHENTICATED, /* no proof, or a wrong one, of who asks */
	ERR_FORBIDDEN,	     /* known, but not allowed */
	ERR_FULL,	     /* no room on the disk; nothing was written */
	ERR_UNAVAILABLE,     /* cannot be had now; later may work */
	ERR_IO,		     /* the disk or the network failed */
	ERR_CORRUPT,	     /* stored data is not what was written */
	ERR_INTERNAL,
};

struct error {
	enum error_code code;
	char text[320];
};

#define ERROR_NONE ((struct error){.code = OK})

/* Fills `error` (which may be NULL) and returns `code`. */
enum error_code error_set(struct error *error, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "context: " before what the error says; returns its code. */
enum error_code error_wrap(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);
const char *error_code_name(enum error_code code);

#endif
