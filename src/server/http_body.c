/* The body of a request: where it has a length, and in chunks (RFC 9112 section 7.1). Chunks are read byte by byte but for
 * their data: there is no line to be kept, and nothing depends on how the bytes were cut. */
#include "server/http_request.h"

#include "base/limits.h"
#include "transport/http1_field.h"

/* Of a chunk's line that is no extension: a size of sixteen digits, and its end. */
enum { SIZE_DIGITS = 16 };

static void
refuse(struct http_request *request)
{
	http_request_refuse(request, 400, "bad_request", "A chunk of the body is malformed.");
}

static int
hex_digit(char c)
{
	char lower = (char)(c | 0x20);
	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
take_digit(struct http_request *request, int digit)
{
	request->digits++;
	request->extra += request->digits > SIZE_DIGITS;
	/* `left` stays where it is too large already, so that more digits cannot make it small again. */
	if (request->left <= request->body_max)
		request->left = request->left * 16 + (uint64_t)digit;
}

/* The size is judged when its line ends. */
static void
end_size(struct http_request *request)
{
	if (request->left > request->body_max - request->body_bytes)
		http_request_refuse(request, 413, "payload_too_large", "The body is larger than this server takes.");
	else
		request->stage = request->left == 0 ? HTTP_TRAILER : HTTP_DATA;
}

static enum http_stage
step_size(struct http_request *request, char c)
{
	int digit = hex_digit(c);
	if (request->stage == HTTP_SIZE && digit >= 0) {
		take_digit(request, digit);
		return HTTP_SIZE;
	}
	if (request->digits == 0)
		return HTTP_REFUSED;
	if (c == '\r' && request->stage == HTTP_SIZE)
		return HTTP_SIZE_LF;
	request->extra++;
	if (c == ';')
		return HTTP_EXTENSION;
	return is_blank(c) ? HTTP_BLANK : HTTP_REFUSED;
}

static enum http_stage
step_trailer(struct http_request *request, char c)
{
	request->extra++;
	if (http1_is_token((struct slice){&c, 1}))
		return HTTP_TRAILER_NAME;
	if (request->stage == HTTP_TRAILER)
		return c == '\r' ? HTTP_END_LF : HTTP_REFUSED;
	return c == ':' ? HTTP_TRAILER_VALUE : HTTP_REFUSED;
}

/* Of an extension or a trailer: until its line ends. */
static enum http_stage
step_text(struct http_request *request, char c, enum http_stage end)
{
	request->extra++;
	if (c == '\r')
		return end;
	return http1_has_control((struct slice){&c, 1}) ? HTTP_REFUSED : request->stage;
}

static void
step(struct http_request *request, char c)
{
	enum http_stage to = HTTP_REFUSED;
	switch (request->stage) {
	case HTTP_SIZE:
	case HTTP_BLANK: to = step_size(request, c); break;
	case HTTP_EXTENSION: to = step_text(request, c, HTTP_SIZE_LF); break;
	case HTTP_DATA_CR: to = c == '\r' ? HTTP_DATA_LF : HTTP_REFUSED; break;
	case HTTP_DATA_LF: to = c == '\n' ? HTTP_SIZE : HTTP_REFUSED; break;
	case HTTP_TRAILER:
	case HTTP_TRAILER_NAME: to = step_trailer(request, c); break;
	case HTTP_TRAILER_VALUE: to = step_text(request, c, HTTP_TRAILER_LF); break;
	case HTTP_TRAILER_LF: to = c == '\n' ? HTTP_TRAILER : HTTP_REFUSED; break;
	case HTTP_END_LF: to = c == '\n' ? HTTP_WHOLE : HTTP_REFUSED; break;
	case HTTP_SIZE_LF:
		if (c == '\n') {
			end_size(request);
			request->digits = 0;
			return;
		}
		break;
	case HTTP_LINE:
	case HTTP_FIELDS:
	case HTTP_LENGTH:
	case HTTP_DATA:
	case HTTP_WHOLE:
	case HTTP_REFUSED: UNREACHABLE();
	}
	if (to == HTTP_REFUSED)
		refuse(request);
	else if (request->extra > LIMIT_HEADER_BYTES)
		http_request_refuse(request, 431, "headers_too_large",
		    "Chunk extensions and trailers are longer than this server takes.");
	else
		request->stage = to;
}

size_t
http_request_body(struct http_request *request, struct slice bytes, struct slice *content)
{
	*content = (struct slice){bytes.ptr, 0};
	for (size_t at = 0; at < bytes.len; at++) {
		if (request->stage == HTTP_LENGTH || request->stage == HTTP_DATA) {
			size_t run = bytes.len - at;
			if (run > request->left)
				run = (size_t)request->left;
			*content = (struct slice){bytes.ptr + at, run};
			request->left -= run;
			request->body_bytes += run;
			if (request->left == 0)
				request->stage = request->stage == HTTP_LENGTH ? HTTP_WHOLE : HTTP_DATA_CR;
			return at + run;
		}
		step(request, bytes.ptr[at]);
		if (request->stage >= HTTP_WHOLE)
			return at + 1;
	}
	return bytes.len;
}
