#include "transport/http1_parse.h"

#include "transport/http1_field.h"

static const char malformed_chunk[] = "a chunk of the answer is malformed";
static const char malformed_header[] = "a header of the answer is malformed";
static const char too_long[] = "the answer's headers are longer than 65536 bytes, 256 lines or 16384 bytes a line";
static const char not_http[] = "the answer is not HTTP/1";
static const char lengths_differ[] = "the answer's length is malformed, or given twice and differs";
static const char unknown_coding[] = "the answer's transfer coding is not chunked";

_Static_assert(HTTP1_HEADER_BYTES == 65536 && HTTP1_HEADERS == 256 && HTTP1_LINE_BYTES == 16384, "too_long says so");

static void
bad(struct http1 *http, const char *problem)
{
	http->stage = HTTP1_BAD;
	http->problem = problem;
}

static void
begin_answer(struct http1 *http)
{
	http->stage = HTTP1_STATUS;
	http->keep_for_s = -1;
	http->retry_after_bytes = 0;
	http->close = http->keep_alive = http->chunked = http->sized = false;
	http->length = 0;
}

void
http1_init(struct http1 *http)
{
	*http = (struct http1){.stage = HTTP1_BAD};
	buf_init(&http->line, HTTP1_LINE_BYTES);
}

void
http1_begin(struct http1 *http, struct buf *body)
{
	begin_answer(http);
	http->status = 0;
	http->keep = false;
	http->started = false;
	http->problem = NULL;
	http->header_bytes = 0;
	http->headers = http->interim = 0;
	http->body = body;
	if (http->line.capacity > HTTP1_LINE_KEPT_BYTES) {
		buf_free(&http->line);
		buf_init(&http->line, HTTP1_LINE_BYTES);
	}
	buf_clear(&http->line);
}

void
http1_fini(struct http1 *http)
{
	buf_free(&http->line);
}

/* --- what a header says --------------------------------------------------------------------------------- */

/* One number, or the same one several times (RFC 9110 section 8.6). */
static void
read_length(struct http1 *http, struct slice value)
{
	for (struct slice rest = value; slice_present(rest);) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		int64_t length;
		if (!slice_to_int64(item, &length) || (http->sized && length != http->length)) {
			bad(http, lengths_differ);
			return;
		}
		http->sized = true;
		http->length = length;
	}
}

/* "timeout=5, max=100" */
static void
read_keep_alive(struct http1 *http, struct slice value)
{
	for (struct slice rest = value; slice_present(rest);) {
		struct slice number = slice_trim(slice_cut(&rest, ','));
		struct slice name = slice_trim(slice_cut(&number, '='));
		int64_t seconds;
		if (slice_equal_nocase(name, SLICE("timeout")) && slice_present(number) &&
		    slice_to_int64(slice_trim(number), &seconds))
			http->keep_for_s = seconds;
	}
}

static void
read_retry_after(struct http1 *http, struct slice value)
{
	if (http->retry_after_bytes > 0 || value.len > sizeof http->retry_after)
		return;
	memcpy(http->retry_after, value.ptr, value.len);
	http->retry_after_bytes = value.len;
}

static void
note_header(struct http1 *http, struct slice name, struct slice value)
{
	/* Few names are of interest, and their lengths tell most others from them. */
	switch (name.len) {
	case sizeof "connection" - 1:
		if (slice_equal_nocase(name, SLICE("connection")))
			http1_read_connection(value, &http->close, &http->keep_alive);
		else if (slice_equal_nocase(name, SLICE("keep-alive")))
			read_keep_alive(http, value);
		break;
	case sizeof "retry-after" - 1:
		if (slice_equal_nocase(name, SLICE("retry-after")))
			read_retry_after(http, value);
		break;
	case sizeof "content-length" - 1:
		if (slice_equal_nocase(name, SLICE("content-length")))
			read_length(http, value);
		break;
	case sizeof "transfer-encoding" - 1:
		if (!slice_equal_nocase(name, SLICE("transfer-encoding")))
			break;
		if (http->chunked || http->minor == 0 || !slice_equal_nocase(value, SLICE("chunked")))
			bad(http, unknown_coding);
		http->chunked = true;
		break;
	default: break;
	}
}

/* --- lines ---------------------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK"; the reason may be missing, and its space with it. */
static void
read_status_line(struct http1 *http, struct slice line)
{
	static const struct slice version = {"HTTP/1.", sizeof "HTTP/1." - 1};
	const char *at = line.ptr + version.len;
	if (line.len < version.len + 5 || !slice_starts(line, version) || at[0] < '0' || at[0] > '9' || at[1] != ' ' ||
	    http1_has_control(line)) {
		bad(http, not_http);
		return;
	}
	int status = 0;
	for (int i = 2; i < 5; i++) {
		if (at[i] < '0' || at[i] > '9') {
			bad(http, not_http);
			return;
		}
		status = status * 10 + (at[i] - '0');
	}
	if (status < 100 || (line.len > version.len + 5 && at[5] != ' ')) {
		bad(http, not_http);
		return;
	}
	http->minor = at[0] - '0';
	http->status = status;
	http->stage = HTTP1_HEADERS_OF_ANSWER;
}

static void
end_of_interim(struct http1 *http)
{
	if (http->status == 101)
		bad(http, "the answer changes the protocol, which nobody asked for");
	else if (++http->interim > HTTP1_INTERIM)
		bad(http, "there are too many interim answers");
	else
		begin_answer(http);
}

static void
end_of_head(struct http1 *http)
{
	if (http->status < 200) {
		end_of_interim(http);
		return;
	}
	bool bodiless = http->status == 204 || http->status == 304;
	http->keep = (http->minor > 0 || http->keep_alive) && !http->close;
	if (bodiless) {
		/* Whoever announces a body here may send one. */
		http->keep = http->keep && !http->chunked && (!http->sized || http->length == 0);
		http->stage = HTTP1_DONE;
	} else if (http->chunked) {
		/* With a length beside it somebody on the way may believe the other one (RFC 9112 section 6.3). */
		http->keep = http->keep && !http->sized;
		http->stage = HTTP1_CHUNK_SIZE;
	} else if (http->sized) {
		http->stage = http->length > 0 ? HTTP1_LENGTH : HTTP1_DONE;
	} else {
		http->keep = false;
		http->stage = HTTP1_CLOSE;
	}
}

static void
read_header_line(struct http1 *http, struct slice line)
{
	if (line.len == 0) {
		if (http->stage == HTTP1_TRAILERS)
			http->stage = HTTP1_DONE;
		else
			end_of_head(http);
		return;
	}
	if (++http->headers > HTTP1_HEADERS) {
		bad(http, too_long);
		return;
	}
	struct slice name, value;
	/* A line that continues the one before it begins with a space: no token either. */
	if (!http1_read_field(line, &name, &value)) {
		bad(http, malformed_header);
		return;
	}
	/* Trailers come too late to say anything. */
	if (http->stage == HTTP1_HEADERS_OF_ANSWER)
		note_header(http, name, value);
}

static int
hex_digit(char c)
{
	char lower = (char)(c | 0x20);
	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "1a;name=value": extensions are ignored. */
static void
read_chunk_size(struct http1 *http, struct slice line)
{
	struct slice extension = line;
	struct slice size = slice_trim(slice_cut(&extension, ';'));
	int64_t length = 0;
	/* Fifteen digits do not overflow, and no chunk is that large. */
	bool good = size.len > 0 && size.len <= 15 && line.len <= HTTP1_CHUNK_LINE_BYTES && line.ptr[0] != ' ' &&
		    line.ptr[0] != '\t' && !http1_has_control(line);
	for (size_t i = 0; good && i < size.len; i++) {
		int digit = hex_digit(size.ptr[i]);
		good = digit >= 0;
		length = length * 16 + digit;
	}
	if (!good) {
		bad(http, malformed_chunk);
		return;
	}
	http->length = length;
	if (length == 0)
		http->stage = HTTP1_TRAILERS;
	else
		http->stage = http->body->len == http->body->max ? HTTP1_FULL : HTTP1_CHUNK_DATA;
}

static void
read_line(struct http1 *http, struct slice line)
{
	http->header_bytes += line.len;
	bool chunk = http->stage == HTTP1_CHUNK_SIZE || http->stage == HTTP1_CHUNK_END;
	line.len--;
	bool crlf = line.len > 0 && line.ptr[line.len - 1] == '\r';
	if (crlf)
		line.len--;
	/* A bare line feed ends a header as well (RFC 9112 section 2.2), but no line between chunks. */
	if (chunk && !crlf) {
		bad(http, malformed_chunk);
		return;
	}
	/* The two bytes behind each chunk and the size before it are no headers; extensions count as such. */
	if (chunk)
		http->header_bytes -= line.len + 2 < 18 ? line.len + 2 : 18;
	if (http->header_bytes > HTTP1_HEADER_BYTES) {
		bad(http, too_long);
		return;
	}
	switch (http->stage) {
	case HTTP1_STATUS: read_status_line(http, line); break;
	case HTTP1_HEADERS_OF_ANSWER:
	case HTTP1_TRAILERS: read_header_line(http, line); break;
	case HTTP1_CHUNK_SIZE: read_chunk_size(http, line); break;
	case HTTP1_CHUNK_END:
		if (line.len > 0)
			bad(http, malformed_chunk);
		else
			http->stage = HTTP1_CHUNK_SIZE;
		break;
	case HTTP1_LENGTH:
	case HTTP1_CLOSE:
	case HTTP1_CHUNK_DATA:
	case HTTP1_DONE:
	case HTTP1_FULL:
	case HTTP1_BAD: UNREACHABLE();
	}
}

static size_t
feed_line(struct http1 *http, struct slice bytes)
{
	const char *end = memchr(bytes.ptr, '\n', bytes.len);
	size_t taken = end == NULL ? bytes.len : (size_t)(end + 1 - bytes.ptr);
	if (http->line.len + taken > HTTP1_LINE_BYTES) {
		bad(http, http->stage == HTTP1_STATUS ? not_http : too_long);
		return taken;
	}
	if (end != NULL && http->line.len == 0) {
		read_line(http, (struct slice){bytes.ptr, taken});
		return taken;
	}
	buf_append(&http->line, (struct slice){bytes.ptr, taken});
	if (end != NULL) {
		read_line(http, buf_slice(&http->line));
		buf_clear(&http->line);
	}
	return taken;
}

/* --- bodies --------------------------------------------------------------------------------------------- */

static size_t
keep(struct http1 *http, struct slice bytes)
{
	size_t room = http->body->max - http->body->len;
	size_t taken = bytes.len < room ? bytes.len : room;
	buf_append(http->body, (struct slice){bytes.ptr, taken});
	return taken;
}

static size_t
feed_body(struct http1 *http, struct slice bytes)
{
	if (http->stage == HTTP1_CLOSE) {
		size_t taken = keep(http, bytes);
		if (taken < bytes.len)
			http->stage = HTTP1_FULL;
		return taken;
	}
	if ((int64_t)bytes.len > http->length)
		bytes.len = (size_t)http->length;
	size_t taken = keep(http, bytes);
	http->length -= (int64_t)taken;
	if (http->length == 0)
		http->stage = http->stage == HTTP1_LENGTH ? HTTP1_DONE : HTTP1_CHUNK_END;
	else if (http->body->len == http->body->max)
		http->stage = HTTP1_FULL;
	return taken;
}

size_t
http1_feed(struct http1 *http, struct slice bytes)
{
	size_t at = 0;
	http->started = http->started || bytes.len > 0;
	while (at < bytes.len && http->stage < HTTP1_DONE) {
		struct slice rest = slice_skip(bytes, at);
		bool body =
		    http->stage == HTTP1_LENGTH || http->stage == HTTP1_CLOSE || http->stage == HTTP1_CHUNK_DATA;
		at += body ? feed_body(http, rest) : feed_line(http, rest);
	}
	return at;
}

void
http1_end(struct http1 *http)
{
	if (http->stage >= HTTP1_DONE)
		return;
	if (http->stage == HTTP1_CLOSE)
		http->stage = HTTP1_DONE;
	else
		bad(http, http->started ? "the connection ended before the answer was complete"
					: "the connection ended without an answer");
}
