/* HTTP Message Signatures: follows. */
#include "sign/scheme.h"

static enum error_code
rfc9421_sign(struct key *const *keys, size_t key_count, const struct sign_input *input, struct arena *arena,
    struct http_headers *headers, struct error *error)
{
	(void)keys;
	(void)key_count;
	(void)input;
	(void)arena;
	(void)headers;
	return error_set(error, ERR_UNAVAILABLE, "rfc9421 is not there yet");
}

static void
rfc9421_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	(void)keys;
	(void)key_count;
	(void)input;
	(void)arena;
	verdict_set(result, VERDICT_MALFORMED, "rfc9421 is not there yet");
}

const struct scheme scheme_rfc9421 = {
    .name = "rfc9421",
    .key_types = 1u << KEY_HMAC | 1u << KEY_ED25519 | 1u << KEY_ECDSA_P256,
    .signs_id = true,
    .sign = rfc9421_sign,
    .verify = rfc9421_verify,
};
