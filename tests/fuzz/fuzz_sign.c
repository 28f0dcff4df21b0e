/* Everything of a signed request that a stranger writes. The first byte of the input says what the rest is:
 *   d  a dictionary of RFC 8941: what is written again reads as the same
 *   k  a file of keys, for every scheme: the text of a key gives the same key
 *   s r l  a request of that scheme (header lines, an empty line, the body) against fixed keys: an event id comes with a
 *      verified request only, and is one
 *   b  a raw block of headers, for the public library */
#include "fuzz.h"

#include "sign/scheme.h"
#include "sign/sfv.h"
#include "vaultbell.h"

#include <stdlib.h>

#define P256_JWK                                                                                                       \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA\","       \
	"\"y\":\"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0\"}"

enum { HEADERS_MAX = 64, TIME = 1614265330 };

static void
fuzz_dictionary(struct arena *arena, struct slice text)
{
	struct sfv_dictionary dictionary, again;
	if (!sfv_parse(arena, text, &dictionary))
		return;
	for (size_t i = 0; i < dictionary.count; i++) {
		const struct sfv_member *member = &dictionary.items[i];
		ENSURE(sfv_member(&dictionary, member->key) == member);
		if (!member->is_list)
			continue;
		struct buf first, second;
		buf_init(&first, 1 << 20);
		buf_init(&second, 1 << 20);
		buf_text(&first, "a=");
		sfv_write_list(&first, member);
		/* White space apart, serialising adds a fraction's ".0" at most, so the limit is kept by the test alone. */
		if (first.len <= 4096) {
			ENSURE(
			    sfv_parse(arena, buf_slice(&first), &again) && again.count == 1 && again.items[0].is_list);
			buf_text(&second, "a=");
			sfv_write_list(&second, &again.items[0]);
			ENSURE(slice_equal(buf_slice(&first), buf_slice(&second)));
		}
		buf_free(&first);
		buf_free(&second);
	}
}

static void
fuzz_keys(struct slice text)
{
	for (enum sign_scheme scheme = 0; scheme < SCHEME_COUNT; scheme++) {
		struct key_list keys;
		struct error error = ERROR_NONE;
		if (key_list_parse(scheme, text, &keys, &error) != OK)
			continue;
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
}

/* Made once: a P-256 key costs more than the whole of an input. */
static struct key *const *
fixed_keys(enum sign_scheme scheme, size_t *count)
{
	static const char *const texts[SCHEME_COUNT] = {
	    [SCHEME_STANDARD] =
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
	    [SCHEME_RFC9421] = P256_JWK "\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    [SCHEME_LEGACY] = "secret",
	};
	static struct key_list lists[SCHEME_COUNT];
	if (lists[scheme].count == 0)
		ENSURE(key_list_parse(scheme, slice_of(texts[scheme]), &lists[scheme], NULL) == OK);
	*count = lists[scheme].count;
	return lists[scheme].items;
}

static void
fuzz_request(enum sign_scheme scheme, struct arena *arena, struct slice text)
{
	struct http_header items[HEADERS_MAX];
	struct verify_input input = {
	    .method = SLICE("POST"),
	    .authority = SLICE("example.com"),
	    .path = SLICE("/in/custody"),
	    .headers = {items, 0},
	    .now = {(int64_t)TIME * 1000000},
	};
	while (slice_present(text) && input.headers.count < HEADERS_MAX) {
		struct slice line = slice_cut(&text, '\n');
		if (line.len == 0)
			break;
		struct slice name = slice_cut(&line, ':');
		items[input.headers.count++] = (struct http_header){name, slice_present(line) ? line : SLICE("")};
	}
	input.body = slice_present(text) ? text : SLICE("");
	size_t count;
	struct key *const *keys = fixed_keys(scheme, &count);
	struct verify_result result;
	verify_request(scheme, keys, count, &input, arena, &result);
	ENSURE(slice_present(result.event_id) == (result.verdict == VERDICT_VERIFIED));
	ENSURE(!slice_present(result.event_id) || event_id_valid(result.event_id));
	ENSURE(result.key_index < count && result.reason[0] != '\0');
	ENSURE(memchr(result.reason, '\0', sizeof result.reason) != NULL);
}

static void
fuzz_block(struct slice text)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	struct vaultbell_keys *keys = vaultbell_keys_parse(VAULTBELL_STANDARD, secret, sizeof secret - 1, NULL, 0);
	struct vaultbell_request *request = vaultbell_request_new();
	(void)vaultbell_request_add_header_block(request, text.ptr, text.len);
	enum vaultbell_verdict verdict = vaultbell_verify(keys, request, TIME);
	ENSURE((vaultbell_event_id(request) != NULL) == (verdict == VAULTBELL_VERIFIED));
	ENSURE(vaultbell_reason(request)[0] != '\0');
	vaultbell_request_free(request);
	vaultbell_keys_free(keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct slice text = {(const char *)data + 1, size - 1};
	struct arena arena = ARENA_EMPTY;
	switch (data[0]) {
	case 'd': fuzz_dictionary(&arena, text); break;
	case 'k': fuzz_keys(text); break;
	case 's': fuzz_request(SCHEME_STANDARD, &arena, text); break;
	case 'r': fuzz_request(SCHEME_RFC9421, &arena, text); break;
	case 'l': fuzz_request(SCHEME_LEGACY, &arena, text); break;
	case 'b': fuzz_block(text); break;
	default: break;
	}
	arena_free(&arena);
	return 0;
}
