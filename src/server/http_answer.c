/* The head of an answer. Pure. */
#include "base/buf.h"
#include "server/http_request.h"
#include "transport/http1_field.h"

#include <stdio.h>
#include <time.h>

/* RFC 9110 section 15; a client that does not know the number reads the class (RFC 9112 section 4: the reason may be
 * empty). */
static const char *
reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 204: return "No Content";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 422: return "Unprocessable Content";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	default: return "";
	}
}

bool
http_answer_is_bare(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void
put_number(struct buf *out, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_append(out, (struct slice){digits + at, sizeof digits - at});
}

static void
put_field(struct buf *out, struct slice name, struct slice value)
{
	if (!http1_is_token(name) || http1_has_control(value))
		return;
	buf_append(out, name);
	buf_append(out, SLICE(": "));
	buf_append(out, value);
	buf_append(out, SLICE("\r\n"));
}

void
http_answer_write(struct buf *out, const struct http_answer *answer)
{
	buf_append(out, SLICE("HTTP/1.1 "));
	put_number(out, (uint64_t)answer->status);
	buf_byte(out, ' ');
	buf_text(out, reason_of(answer->status));
	buf_append(out, SLICE("\r\ndate: "));
	buf_append(out, answer->date);
	buf_append(out, SLICE("\r\n"));
	bool typed = answer->body_bytes == 0;
	for (size_t i = 0; answer->headers != NULL && i < answer->headers->count; i++) {
		const struct http_header *header = &answer->headers->items[i];
		typed = typed || slice_equal_nocase(header->name, SLICE("content-type"));
		put_field(out, header->name, header->value);
	}
	if (!typed)
		buf_append(out, SLICE("content-type: application/json\r\n"));
	if (!http_answer_is_bare(answer->status)) {
		buf_append(out, SLICE("content-length: "));
		put_number(out, answer->body_bytes);
		buf_append(out, SLICE("\r\n"));
	}
	if (answer->close)
		buf_append(out, SLICE("connection: close\r\n"));
	else if (answer->old)
		buf_append(out, SLICE("connection: keep-alive\r\n"));
	buf_append(out, SLICE("\r\n"));
}

size_t
http_date_write(char out[static HTTP_DATE_BYTES], int64_t seconds)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm at;
	time_t time = (time_t)seconds;
	ENSURE(gmtime_r(&time, &at) != NULL);
	int length = snprintf(out, HTTP_DATE_BYTES, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + at.tm_wday * 3L,
	    at.tm_mday, months + at.tm_mon * 3L, at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
	ENSURE(length > 0 && length < HTTP_DATE_BYTES);
	return (size_t)length;
}
