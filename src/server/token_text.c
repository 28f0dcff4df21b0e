#include "server/token_text.h"

#include "base/encode.h"
#include "base/random.h"

#include <inttypes.h>

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_TEXT_MAX = 64 };

static struct slice
text_from(struct call *call, const unsigned char *bytes)
{
	struct buf text;
	buf_init(&text, TOKEN_TEXT_MAX);
	buf_text(&text, "vbt_");
	base64url_append(&text, (struct slice){(const char *)bytes, TOKEN_RANDOM_BYTES});
	struct slice kept = arena_copy(&call->exchange->arena, buf_slice(&text));
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	return kept;
}

static struct slice
derive(struct call *call, const struct store_request *request, struct wall_time made)
{
	struct buf what, code;
	buf_init(&what, 4 * SHA256_BYTES + 64);
	buf_init(&code, 2 * SHA256_BYTES);
	hex_append(&what, (struct slice){(const char *)request->idempotency.key, SHA256_BYTES});
	hex_append(&what, (struct slice){(const char *)request->idempotency.body, SHA256_BYTES});
	buf_printf(&what, " %" PRId64, made.us);
	ENSURE(!what.overflow);
	sealer_mark(call->api->options.sealer, SLICE("token"), buf_slice(&what), &code);
	struct slice bytes = hex_decode(&call->exchange->arena, buf_slice(&code));
	ENSURE(bytes.len == TOKEN_RANDOM_BYTES);
	struct slice text = text_from(call, (const unsigned char *)bytes.ptr);
	explicit_bzero(code.data, code.len);
	buf_free(&what);
	buf_free(&code);
	return text;
}

struct slice
token_text_make(struct call *call, struct store_request *request)
{
	struct slice text;
	if (request->idempotency.present) {
		text = derive(call, request, request->now);
	} else {
		unsigned char bytes[TOKEN_RANDOM_BYTES];
		random_bytes(bytes, sizeof bytes);
		text = text_from(call, bytes);
		explicit_bzero(bytes, sizeof bytes);
	}
	sha256(text, request->admin->token.hash);
	return text;
}

struct slice
token_text_of(struct call *call, const struct store_request *request, struct slice made)
{
	bool held = call_held(request);
	const struct token *token = held ? &request->admin->change.token : &request->admin->token;
	unsigned char hash[SHA256_BYTES];
	sha256(made, hash);
	if (memcmp(hash, token->hash, sizeof hash) == 0)
		return made;
	struct slice text = derive(call, request, held ? request->admin->change.requested.at : token->created);
	sha256(text, hash);
	if (memcmp(hash, token->hash, sizeof hash) == 0)
		return text;
	call_problem(call, 409, "conflict",
	    "The token was made before, and cannot be shown again since the sealing key was rotated; revoke it and "
	    "make "
	    "another.");
	return SLICE_NONE;
}
