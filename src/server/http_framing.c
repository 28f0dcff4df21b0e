/* Framing: where a request ends must not be a matter of opinion. */
#include "server/http_private.h"

static struct framing
refuse(int status, const char *code, const char *detail)
{
	return (struct framing){.status = status, .code = code, .detail = detail};
}

struct framing
http_framing_check(const struct http_headers *headers, size_t body_max)
{
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
