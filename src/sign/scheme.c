/* The table of schemes and the way in: checks that hold for every scheme are made here, once. */
#include "sign/scheme.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

static const struct scheme *const schemes[SCHEME_COUNT] = {
    [SCHEME_STANDARD] = &scheme_standard,
    [SCHEME_RFC9421] = &scheme_rfc9421,
    [SCHEME_LEGACY] = &scheme_legacy,
    [SCHEME_FIREBLOCKS] = &scheme_fireblocks,
    [SCHEME_BITGO] = &scheme_bitgo,
    [SCHEME_DFNS] = &scheme_dfns,
    [SCHEME_FORDEFI] = &scheme_fordefi,
    [SCHEME_COPPER] = &scheme_copper,
    [SCHEME_COBO] = &scheme_cobo,
    [SCHEME_RIPPLE] = &scheme_ripple,
    [SCHEME_CIRCLE] = &scheme_circle,
    [SCHEME_COINBASE] = &scheme_coinbase,
    [SCHEME_HMAC] = &scheme_hmac,
};

enum { EVENT_ID_BYTES_MAX = 256 };

const char *
sign_scheme_name(enum sign_scheme scheme)
{
	ENSURE(scheme < SCHEME_COUNT);
	return schemes[scheme]->name;
}

bool
sign_scheme_parse(struct slice name, enum sign_scheme *out)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++)
		if (slice_is(name, schemes[i]->name)) {
			*out = (enum sign_scheme)i;
			return true;
		}
	return false;
}

bool
sign_scheme_can_sign(enum sign_scheme scheme)
{
	ENSURE(scheme < SCHEME_COUNT);
	return schemes[scheme]->sign != NULL;
}

bool
sign_scheme_signs_with(enum sign_scheme scheme, enum key_type type)
{
	return sign_scheme_can_sign(scheme) && (schemes[scheme]->key_types & 1u << type) != 0;
}

const struct scheme *
scheme_of(enum sign_scheme scheme)
{
	ENSURE(scheme < SCHEME_COUNT);
	return schemes[scheme];
}

const char *
verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_VERIFIED: return "verified";
	case VERDICT_MISSING: return "missing";
	case VERDICT_MALFORMED: return "malformed";
	case VERDICT_WRONG: return "wrong";
	case VERDICT_STALE: return "stale";
	case VERDICT_NO_ID: return "no_id";
	case VERDICT_ADDRESS: return "address";
	case VERDICT_CERTIFICATE: return "certificate";
	case VERDICT_COUNT: break;
	}
	UNREACHABLE();
}

enum error_code
sign_request(enum sign_scheme scheme, struct key *const *keys, size_t key_count, const struct sign_input *input,
    struct arena *arena, struct http_headers *headers, struct error *error)
{
	ENSURE(scheme < SCHEME_COUNT);
	const struct scheme *table = schemes[scheme];
	if (table->sign == NULL)
		return error_set(error, ERR_INVALID, "%s: this scheme is received only", table->name);
	if (key_count == 0)
		return error_set(error, ERR_INVALID, "%s: there is no key to sign with", table->name);
	for (size_t i = 0; i < key_count; i++) {
		if ((table->key_types & 1u << keys[i]->type) == 0)
			return error_set(error, ERR_INVALID, "%s: an %s key does not fit this scheme", table->name,
			    key_type_name(keys[i]->type));
		if (!keys[i]->can_sign)
			return error_set(error, ERR_INVALID, "%s: key %zu is a public key; a private one is needed",
			    table->name, i + 1);
	}
	if (table->signs_id && !event_id_valid(input->id))
		return error_set(error, ERR_INVALID, "%s: the id must be 1 to %d visible ASCII characters", table->name,
		    EVENT_ID_BYTES_MAX);
	return table->sign(keys, key_count, input, arena, headers, error);
}

void
verify_request(enum sign_scheme scheme, struct key *const *keys, size_t key_count, const struct verify_input *input,
    struct arena *arena, struct verify_result *result)
{
	ENSURE(scheme < SCHEME_COUNT);
	*result = (struct verify_result){.verdict = VERDICT_WRONG};
	schemes[scheme]->verify(keys, key_count, input, arena, result);
	ENSURE(slice_present(result->event_id) == (result->verdict == VERDICT_VERIFIED));
}

/* --- what the schemes share -------------------------------------------------------------------------- */

struct slice
header_find(const struct http_headers *headers, const char *name, size_t *count)
{
	struct slice wanted = slice_of(name), found = SLICE_NONE;
	*count = 0;
	for (size_t i = 0; i < headers->count; i++) {
		if (!slice_equal_nocase(headers->items[i].name, wanted))
			continue;
		if (*count == 0)
			found = slice_trim(headers->items[i].value);
		++*count;
	}
	return found;
}

void
header_add(struct http_headers *headers, const char *name, struct slice value)
{
	headers->items[headers->count++] = (struct http_header){slice_of(name), value};
}

bool
event_id_valid(struct slice id)
{
	if (id.len == 0 || id.len > EVENT_ID_BYTES_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] < 0x21 || id.ptr[i] > 0x7e)
			return false;
	return true;
}

void
verdict_set(struct verify_result *result, enum verdict verdict, const char *format, ...)
{
	result->verdict = verdict;
	va_list args;
	va_start(args, format);
	vsnprintf(result->reason, sizeof result->reason, format, args);
	va_end(args);
}

bool
time_fresh(int64_t seconds, struct wall_time now)
{
	/* In whole seconds, as the peer counts; out of range is not fresh, and does not overflow. */
	int64_t current = now.us / 1000000, distance;
	if (__builtin_sub_overflow(seconds, current, &distance))
		return false;
	return distance >= -(int64_t)LIMIT_TIMESTAMP_SKEW_S && distance <= (int64_t)LIMIT_TIMESTAMP_SKEW_S;
}

bool
any_key_of(struct key *const *keys, size_t key_count, enum key_type type)
{
	for (size_t i = 0; i < key_count; i++)
		if (keys[i]->type == type)
			return true;
	return false;
}
