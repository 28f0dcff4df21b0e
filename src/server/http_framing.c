/* Framing: where a request ends must not be a matter of opinion. */
#include "server/http_private.h"

static struct framing
refuse(int status, const char *code, const char *detail)
{
	return (struct framing){.status = status, .code = code, .detail = detail};
}

/* RFC 9110 section 5.6.2. A name with a space before its colon is one that another reader may take for what it looks like
 * (RFC 9112 section 5.1). */
static bool
is_token(struct slice name)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && (c == '\0' || memchr(others, c, sizeof others - 1) == NULL))
			return false;
	}
	return name.len > 0;
}

/* RFC 9110 section 5.5: visible characters, spaces and tabs, and what is beyond ASCII. */
static bool
is_value(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* What every request must keep, whatever its body is. */
static struct framing
check_fields(const struct http_headers *headers, bool host_wanted)
{
	size_t hosts = 0;
	for (size_t i = 0; i < headers->count; i++) {
		if (!is_token(headers->items[i].name))
			return refuse(
			    400, "bad_request", "A header's name must be a token, with its colon right behind it.");
		if (!is_value(headers->items[i].value))
			return refuse(400, "bad_request", "A header's value must be without control characters.");
		hosts += slice_equal_nocase(headers->items[i].name, SLICE("host"));
	}
	if (hosts > 1 || (hosts == 0 && host_wanted))
		return refuse(400, "bad_request", "Host must be given once.");
	return (struct framing){.status = 0};
}

struct framing
http_framing_check(const struct http_headers *headers, bool host_wanted, size_t body_max)
{
	struct framing fields = check_fields(headers, host_wanted);
	if (fields.status != 0)
		return fields;
	struct slice length = SLICE_NONE, coding = SLICE_NONE;
	for (size_t i = 0; i < headers->count; i++) {
		const struct http_header *header = &headers->items[i];
		if (header->name.len == 14 && slice_equal_nocase(header->name, SLICE("content-length"))) {
			if (slice_present(length))
				return refuse(400, "bad_request", "Content-Length must be given once.");
			length = header->value;
		} else if (header->name.len == 17 && slice_equal_nocase(header->name, SLICE("transfer-encoding"))) {
			if (slice_present(coding))
				return refuse(400, "bad_request", "Transfer-Encoding must be given once.");
			coding = header->value;
		}
	}
	if (slice_present(length) && slice_present(coding))
		return refuse(400, "bad_request", "Content-Length and Transfer-Encoding exclude each other.");
	if (slice_present(coding) && !slice_equal_nocase(coding, SLICE("chunked")))
		return refuse(400, "bad_request", "The only Transfer-Encoding taken is chunked.");
	int64_t bytes = 0;
	if (slice_present(length) && !slice_to_int64(length, &bytes))
		return refuse(400, "bad_request", "Content-Length must be a decimal number.");
	if ((uint64_t)bytes > body_max)
		return refuse(413, "payload_too_large", "The body is larger than this server takes.");
	return (struct framing){.length = (size_t)bytes};
}
