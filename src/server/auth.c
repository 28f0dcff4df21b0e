#include "server/auth.h"

enum { BEARER_BYTES_MAX = 512 };

struct slice
auth_bearer(struct slice header)
{
	struct slice scheme = SLICE("bearer ");
	if (header.len <= scheme.len || !slice_equal_nocase((struct slice){header.ptr, scheme.len}, scheme))
		return SLICE_NONE;
	struct slice token = slice_trim(slice_skip(header, scheme.len));
	if (token.len == 0 || token.len > BEARER_BYTES_MAX)
		return SLICE_NONE;
	for (size_t i = 0; i < token.len; i++)
		if (token.ptr[i] <= 0x20 || token.ptr[i] >= 0x7f)
			return SLICE_NONE;
	return token;
}

static size_t
slot_of(const unsigned char hash[static SHA256_BYTES])
{
	_Static_assert(AUTH_CACHE_SLOTS == 256, "one byte of the hash chooses the slot");
	return hash[0];
}

const struct token *
auth_cache_get(const struct auth_cache *cache, const unsigned char hash[static SHA256_BYTES], struct wall_time now)
{
	const struct auth_slot *slot = &cache->slots[slot_of(hash)];
	if (slot->read.us == 0 || now.us < slot->read.us || now.us - slot->read.us >= AUTH_CACHE_US)
		return NULL;
	return memcmp(slot->token.hash, hash, SHA256_BYTES) == 0 ? &slot->token : NULL;
}

void
auth_cache_put(struct auth_cache *cache, const struct token *token, struct wall_time now)
{
	cache->slots[slot_of(token->hash)] = (struct auth_slot){*token, now};
}

bool
token_expired(const struct token *token, struct wall_time now)
{
	return token->expires.us != 0 && token->expires.us <= now.us;
}

bool
token_is_platform(const struct token *token)
{
	return token->role == ROLE_PLATFORM_ADMIN && token->organisation.value == 0;
}
