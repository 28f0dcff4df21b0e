/* Whatever a receiver answers. The first byte of the input says how large a body is kept, and whether the connection ends
 * behind the rest; the rest is the answer. Read at once, a byte at a time and in pieces of many sizes it gives the same.
 * The same bytes are also a URL: what passes has no byte in it that could end a line. */
#include "fuzz.h"

#include "transport/http1_parse.h"
#include "transport/url.h"

enum { BODY_SHIFT_MAX = 12 };

struct reading {
	struct http1 http;
	struct buf body;
	size_t used;
};

/* The sizes of the pieces come from `seed`: 0 all at once, 1 single bytes, else mixed. */
static void
read_answer(struct reading *reading, struct slice answer, size_t body_max, bool ends, uint32_t seed)
{
	uint32_t random = seed;
	buf_init(&reading->body, body_max);
	http1_init(&reading->http);
	http1_begin(&reading->http, &reading->body);
	reading->used = 0;
	while (reading->used < answer.len && reading->http.stage < HTTP1_DONE) {
		struct slice rest = slice_skip(answer, reading->used);
		random = random * 1664525 + 1013904223;
		size_t piece = seed == 0 ? rest.len : seed == 1 ? 1 : 1 + (random >> 24) % 37;
		if (rest.len > piece)
			rest.len = piece;
		size_t used = http1_feed(&reading->http, rest);
		ENSURE(used <= rest.len);
		ENSURE(used == rest.len || reading->http.stage >= HTTP1_DONE);
		reading->used += used;
	}
	if (ends)
		http1_end(&reading->http);
}

static void
check(const struct reading *reading)
{
	const struct http1 *http = &reading->http;
	ENSURE(reading->body.len <= reading->body.max && !reading->body.overflow);
	ENSURE(http->line.len <= HTTP1_LINE_BYTES && !http->line.overflow);
	ENSURE(http->retry_after_bytes <= sizeof http->retry_after);
	ENSURE((http->stage == HTTP1_BAD) == (http->problem != NULL));
	if (http->stage == HTTP1_DONE || http->stage == HTTP1_FULL)
		ENSURE(http->status >= 200 && http->status <= 999);
	if (http->stage == HTTP1_FULL)
		ENSURE(reading->body.len == reading->body.max);
}

static void
compare(const struct reading *a, const struct reading *b)
{
	ENSURE(a->http.stage == b->http.stage);
	ENSURE(a->http.problem == b->http.problem);
	ENSURE(slice_equal(buf_slice(&a->body), buf_slice(&b->body)));
	/* What comes of a broken answer's other members, and where it was given up, is nobody's business. */
	if (a->http.stage == HTTP1_BAD)
		return;
	ENSURE(a->used == b->used && a->http.status == b->http.status && a->http.keep == b->http.keep);
	ENSURE(a->http.keep_for_s == b->http.keep_for_s && a->http.length == b->http.length);
	ENSURE(slice_equal((struct slice){a->http.retry_after, a->http.retry_after_bytes},
	    (struct slice){b->http.retry_after, b->http.retry_after_bytes}));
}

static void
reading_end(struct reading *reading)
{
	http1_fini(&reading->http);
	buf_free(&reading->body);
}

static void
fuzz_url(struct slice text)
{
	struct url url;
	if (url_split(text, &url) != NULL)
		return;
	ENSURE(url.host.len > 0 && url.host.len <= URL_HOST_BYTES && url.port > 0);
	for (size_t i = 0; i < url.target.len; i++)
		ENSURE((unsigned char)url.target.ptr[i] > ' ' && url.target.ptr[i] != 0x7f);
	for (size_t i = 0; i < url.host.len; i++)
		ENSURE(strchr("/@?#%\\[]", url.host.ptr[i]) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice answer = {(const char *)data + 1, size - 1};
	size_t body_max = (size_t)1 << (data[0] & 0x0f) % (BODY_SHIFT_MAX + 1);
	bool ends = (data[0] & 0x10) != 0;
	struct reading whole;
	read_answer(&whole, answer, body_max, ends, 0);
	check(&whole);
	for (uint32_t seed = 1; seed < 4; seed++) {
		struct reading pieces;
		read_answer(&pieces, answer, body_max, ends, seed);
		check(&pieces);
		compare(&whole, &pieces);
		reading_end(&pieces);
	}
	reading_end(&whole);
	fuzz_url(answer);
	return 0;
}
