/* The head of a request. */
#include "server/http_request.h"

#include "base/limits.h"
#include "transport/http1_field.h"

static const char bad_request[] = "bad_request";

void
http_request_begin(struct http_request *request, size_t body_max)
{
	*request = (struct http_request){.stage = HTTP_LINE, .body_max = body_max};
}

void
http_request_refuse(struct http_request *request, int status, const char *code, const char *detail)
{
	request->stage = HTTP_REFUSED;
	request->keep = false;
	request->refusal = (struct http_refusal){status, code, detail};
}

static void
refuse(struct http_request *request, const char *detail)
{
	http_request_refuse(request, 400, bad_request, detail);
}

static void
refuse_large_body(struct http_request *request)
{
	http_request_refuse(request, 413, "payload_too_large", "The body is larger than this server takes.");
}

/* --- the request line ---------------------------------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1" (RFC 9112 section 2.3); a later minor version is read as 1.1. */
static void
read_version(struct http_request *request, struct slice version)
{
	bool good = version.len == 8 && slice_starts(version, SLICE("HTTP/")) && is_digit(version.ptr[5]) &&
		    version.ptr[6] == '.' && is_digit(version.ptr[7]);
	if (!good)
		refuse(
		    request, "The request line must be a method, a target and HTTP/1.1, with one space between them.");
	else if (version.ptr[5] != '1')
		http_request_refuse(request, 505, "version_not_supported", "This server speaks HTTP/1.1 and HTTP/1.0.");
	else
		request->old = version.ptr[7] == '0';
}

/* RFC 9112 section 3. The target is handed on as it is, in whatever form: paths are matched byte for byte, so what is not
 * in origin form is not found. */
static void
read_request_line(struct http_request *request, struct slice line)
{
	struct slice target = line;
	request->method = slice_cut(&target, ' ');
	struct slice version = target;
	target = slice_cut(&version, ' ');
	if (!http1_is_token(request->method) || target.len == 0 || !slice_present(version) || http1_has_control(line) ||
	    memchr(target.ptr, '\t', target.len) != NULL)
		version = SLICE_NONE;
	struct slice query = target;
	request->path = slice_cut(&query, '?');
	request->query = query;
	request->stage = HTTP_FIELDS;
	read_version(request, version);
}

/* --- fields -------------------------------------------------------------------------------------------- */

/* The fields that say something about the request itself, rather than to its handler. */
struct framing {
	struct slice length, coding;
	size_t lengths, codings, hosts;
	bool close, keep_alive;
};

/* What a Host may consist of (RFC 3986 section 3.2.2, and a port). It ends up in links, so nothing else passes. */
static bool
is_host(struct slice value)
{
	static const char others[] = "-._~%!$&'()*+,;=:[]";
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i], lower = (char)(c | 0x20);
		bool plain = (lower >= 'a' && lower <= 'z') || is_digit(c);
		if (!plain && (c == '\0' || memchr(others, c, sizeof others - 1) == NULL))
			return false;
	}
	return true;
}

static void
note_field(struct http_request *request, struct framing *framing, struct slice name, struct slice value)
{
	/* Few names are of interest, and their lengths tell most others from them. */
	switch (name.len) {
	case sizeof "host" - 1:
		if (!slice_equal_nocase(name, SLICE("host")))
			break;
		framing->hosts++;
		if (!is_host(value))
			refuse(request, "Host must be a name or an address, and maybe a port.");
		break;
	case sizeof "expect" - 1:
		if (slice_equal_nocase(name, SLICE("expect")))
			request->expects = slice_equal_nocase(value, SLICE("100-continue"));
		break;
	case sizeof "connection" - 1:
		if (slice_equal_nocase(name, SLICE("connection")))
			http1_read_connection(value, &framing->close, &framing->keep_alive);
		break;
	case sizeof "content-length" - 1:
		if (slice_equal_nocase(name, SLICE("content-length"))) {
			framing->lengths++;
			framing->length = value;
		}
		break;
	case sizeof "transfer-encoding" - 1:
		if (slice_equal_nocase(name, SLICE("transfer-encoding"))) {
			framing->codings++;
			framing->coding = value;
		}
		break;
	default: break;
	}
}

static void
read_length(struct http_request *request, struct slice length)
{
	for (size_t i = 0; i < length.len; i++)
		if (!is_digit(length.ptr[i]))
			length.len = 0;
	int64_t bytes = 0;
	if (length.len == 0)
		refuse(request, "Content-Length must be a decimal number.");
	else if (!slice_to_int64(length, &bytes) || (uint64_t)bytes > request->body_max)
		refuse_large_body(request);
	request->left = (uint64_t)bytes;
}

/* Where the body ends (RFC 9112 section 6.3). */
static void
read_framing(struct http_request *request, const struct framing *framing)
{
	if (framing->hosts > 1 || (framing->hosts == 0 && !request->old))
		refuse(request, "Host must be given once.");
	else if (framing->lengths > 1)
		refuse(request, "Content-Length must be given once.");
	else if (framing->codings > 1)
		refuse(request, "Transfer-Encoding must be given once.");
	else if (framing->lengths > 0 && framing->codings > 0)
		refuse(request, "Content-Length and Transfer-Encoding exclude each other.");
	else if (framing->codings > 0 && !slice_equal_nocase(framing->coding, SLICE("chunked")))
		refuse(request, "The only Transfer-Encoding taken is chunked.");
	else if (framing->codings > 0 && request->old)
		refuse(request, "HTTP/1.0 knows no Transfer-Encoding.");
	else if (framing->lengths > 0)
		read_length(request, framing->length);
	if (request->stage == HTTP_REFUSED)
		return;
	bool body = framing->codings > 0 || request->left > 0;
	request->keep = !framing->close && (!request->old || framing->keep_alive);
	request->expects = request->expects && body && !request->old;
	request->stage = framing->codings > 0 ? HTTP_SIZE : body ? HTTP_LENGTH : HTTP_WHOLE;
}

/* All lines are here, each with its CR LF. */
static void
read_fields(struct http_request *request, struct slice lines, struct arena *arena)
{
	struct framing framing = {.length = SLICE_NONE};
	struct http_header *items = arena_alloc(arena, request->lines * sizeof *items);
	for (size_t i = 0; i < request->lines; i++) {
		struct slice line = slice_cut(&lines, '\n');
		line.len--;
		if (!http1_read_field(line, &items[i].name, &items[i].value)) {
			refuse(request, "A header must be a token, a colon right behind it, and a value without "
					"control characters.");
			return;
		}
		note_field(request, &framing, items[i].name, items[i].value);
		if (request->stage == HTTP_REFUSED)
			return;
	}
	request->headers = (struct http_headers){items, request->lines};
	read_framing(request, &framing);
}

/* --- lines --------------------------------------------------------------------------------------------- */

static void
refuse_large_head(struct http_request *request)
{
	if (request->stage == HTTP_LINE)
		http_request_refuse(request, 414, "uri_too_long", "The request line is longer than this server takes.");
	else
		http_request_refuse(
		    request, 431, "headers_too_large", "The headers are more or longer than this server takes.");
}

size_t
http_request_head(struct http_request *request, struct slice bytes, struct arena *arena)
{
	bool full = bytes.len >= LIMIT_HEADER_BYTES;
	if (full)
		bytes.len = LIMIT_HEADER_BYTES;
	while (request->stage <= HTTP_FIELDS) {
		struct slice rest = slice_skip(bytes, request->seen);
		const char *end = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
		if (end == NULL) {
			/* The beginning of a line is looked at again with the rest of it: lines are short. */
			if (full)
				refuse_large_head(request);
			return 0;
		}
		struct slice line = {rest.ptr, (size_t)(end - rest.ptr)};
		request->seen += line.len + 1;
		if (line.len == 0 || line.ptr[line.len - 1] != '\r') {
			refuse(request, "Each line must end with a carriage return and a line feed.");
			return 0;
		}
		line.len--;
		if (request->stage == HTTP_LINE) {
			/* One empty line in front is overlooked (RFC 9112 section 2.2). */
			if (line.len > 0 || request->seen > 2)
				read_request_line(request, line);
			request->fields_at = request->seen;
		} else if (line.len == 0) {
			struct slice lines = {bytes.ptr + request->fields_at, request->seen - request->fields_at - 2};
			read_fields(request, lines, arena);
			return request->stage == HTTP_REFUSED ? 0 : request->seen;
		} else if (++request->lines > LIMIT_HEADERS) {
			refuse_large_head(request);
		}
	}
	return 0;
}
