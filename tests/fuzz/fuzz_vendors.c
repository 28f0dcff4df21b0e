/* What strangers and key files write for the schemes of other platforms. The first byte of the input says what the rest is:
 *   j  a detached JWS: what is read is of the text, and reads the same again
 *   c  Coinbase's signature header: likewise
 *   m  the line of settings of the scheme hmac: what is taken makes keys whose text makes the same keys
 *   k  a file of keys, for every scheme
 *   r  a byte that names a vector of tests/vectors ('A': the first), then a request (header lines, an empty line, the body)
 *      against its keys, at its time: an event id comes with a verified request only, and is one */
#include "fuzz.h"

#include "../vectors/vendors.h"
#include "sign/vendor.h"

enum { HEADERS_MAX = 64 };

static bool
within(struct slice part, struct slice text)
{
	return part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len;
}

static void
fuzz_jws(struct arena *arena, struct slice text)
{
	struct jws jws, again;
	if (!jws_read_detached(arena, text, &jws))
		return;
	ENSURE(within(jws.header, text) && event_id_valid(jws.kid) && jws.signature.len > 0);
	ENSURE(jws_read_detached(arena, text, &again) && slice_equal(jws.kid, again.kid));
	/* The payload is elsewhere: nothing may stand between the dots. */
	struct slice full = arena_printf(arena, "%.*s.e30.%s", SLICE_ARG(jws.header), "AAAA");
	ENSURE(!jws_read_detached(arena, full, &again));
}

static void
fuzz_hook0(struct arena *arena, struct slice text)
{
	struct hook0 hook0;
	if (!hook0_read(arena, text, &hook0))
		return;
	ENSURE(within(hook0.time, text) && hook0.seconds >= 0);
	ENSURE(slice_present(hook0.body_code) || slice_present(hook0.headers_code));
	ENSURE(!slice_present(hook0.body_code) || hook0.body_code.len == SHA256_BYTES);
	if (slice_present(hook0.headers_code)) {
		ENSURE(hook0.headers_code.len == SHA256_BYTES && within(hook0.covered, text));
		ENSURE(memchr(hook0.covered.ptr, '.', hook0.covered.len) == NULL);
	}
}

static void
check_keys(enum sign_scheme scheme, struct slice text)
{
	struct key_list keys;
	struct error error = ERROR_NONE;
	if (key_list_parse(scheme, text, &keys, &error) != OK) {
		ENSURE(error.text[0] != '\0');
		return;
	}
	for (size_t i = 0; i < keys.count; i++) {
		struct secret secret = key_private_text(keys.items[i]);
		struct key *again = NULL;
		ENSURE(key_parse(scheme, secret_reveal(&secret), &again, &error) == OK);
		ENSURE(slice_equal(key_id(again), key_id(keys.items[i])));
		key_unref(again);
		secret_free(&secret);
	}
	key_list_free(&keys);
}

static void
fuzz_request(struct arena *arena, struct slice text)
{
	if (text.len == 0 || (unsigned char)text.ptr[0] < 'A' ||
	    (size_t)(unsigned char)text.ptr[0] - 'A' >= COUNT_OF(vendor_vectors))
		return;
	const struct vendor_vector *vector = &vendor_vectors[(unsigned char)text.ptr[0] - 'A'];
	struct slice rest = slice_skip(text, 1);
	struct http_header items[HEADERS_MAX];
	struct verify_input input = {.headers = {items, 0}, .now = {(int64_t)VECTOR_TIME * 1000000}};
	while (slice_present(rest) && input.headers.count < HEADERS_MAX) {
		struct slice line = slice_cut(&rest, '\n');
		if (line.len == 0)
			break;
		struct slice name = slice_cut(&line, ':');
		items[input.headers.count++] = (struct http_header){name, slice_present(line) ? line : SLICE("")};
	}
	input.body = slice_present(rest) ? rest : SLICE("");
	/* Made once for each vector: RSA keys cost more than the whole of an input. */
	static struct key_list lists[COUNT_OF(vendor_vectors)];
	struct key_list *keys = &lists[vector - vendor_vectors];
	if (keys->count == 0)
		ENSURE(key_list_parse(vector->scheme, slice_of(vector->keys), keys, NULL) == OK);
	struct verify_result result;
	verify_request(vector->scheme, keys->items, keys->count, &input, arena, &result);
	ENSURE(slice_present(result.event_id) == (result.verdict == VERDICT_VERIFIED));
	ENSURE(!slice_present(result.event_id) || event_id_valid(result.event_id));
	ENSURE(result.key_index < keys->count && result.reason[0] != '\0');
	ENSURE(memchr(result.reason, '\0', sizeof result.reason) != NULL);
	/* Nobody but the holder of the key makes another body of the same event, apart from what is not signed. */
	if (result.verdict == VERDICT_VERIFIED && vector->scheme != SCHEME_RIPPLE &&
	    slice_is(result.event_id, vector->id))
		ENSURE(slice_is(input.body, vector->body) || vector->scheme == SCHEME_DFNS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice text = {(const char *)data + 1, size - 1};
	struct arena arena = ARENA_EMPTY;
	switch (data[0]) {
	case 'j': fuzz_jws(&arena, text); break;
	case 'c': fuzz_hook0(&arena, text); break;
	case 'm':
		if (size <= 2048)
			check_keys(SCHEME_HMAC, arena_printf(&arena, "#hmac %.*s\nAAAA", SLICE_ARG(text)));
		break;
	case 'k':
		for (enum sign_scheme scheme = SCHEME_FIREBLOCKS; scheme < SCHEME_COUNT; scheme++)
			check_keys(scheme, text);
		break;
	case 'r': fuzz_request(&arena, text); break;
	default: break;
	}
	arena_free(&arena);
	return 0;
}
