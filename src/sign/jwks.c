/* JWK sets that come from elsewhere (RFC 7517 section 5): what a receiver takes of one. */
#include "sign/scheme.h"

#include "base/limits.h"

enum { JWKS_DEPTH_MAX = 8 };

static bool
is_text(struct json object, const char *name, struct slice expected)
{
	struct json member = json_member(object, name);
	return json_present(member) && member.type == JSON_STRING &&
	       slice_equal(slice_trim((struct slice){member.raw.ptr + 1, member.raw.len - 2}), expected);
}

/* Whether it may be a key for signatures, of the owner that is asked for. A shared secret is never taken: whoever can
 * read the set could sign. */
static bool
is_wanted(struct json object, struct slice owner)
{
	if (object.type != JSON_OBJECT || is_text(object, "kty", SLICE("oct")))
		return false;
	if (json_present(json_member(object, "use")) && !is_text(object, "use", SLICE("sig")))
		return false;
	return !slice_present(owner) || is_text(object, "vaultbell_endpoint", owner) ||
	       is_text(object, "vaultbell_organisation", owner);
}

static struct key *
read_key(enum sign_scheme scheme, struct slice text)
{
	const struct scheme *table = scheme_of(scheme);
	struct key *key = NULL;
	enum error_code code =
	    sign_scheme_can_sign(scheme) ? jwk_parse(text, &key, NULL) : vendor_key_parse(scheme, text, &key, NULL);
	if (code != OK)
		return NULL;
	bool fits = (table->key_types & 1u << key->type) != 0 && key->type != KEY_HMAC &&
		    (!table->names_keys || key->kid_given);
	if (!fits)
		key_unref(key);
	return fits ? key : NULL;
}

bool
sign_scheme_takes_jwks(enum sign_scheme scheme)
{
	return (scheme_of(scheme)->key_types & ~(1u << KEY_HMAC)) != 0;
}

/* Where signatures name their key, a set may be large: only keys of that name are tried. */
static size_t
keys_max(enum sign_scheme scheme)
{
	bool names = scheme == SCHEME_RFC9421 || scheme == SCHEME_FIREBLOCKS || scheme_of(scheme)->names_keys;
	return names ? LIMIT_JWKS_KEYS : LIMIT_SECRETS;
}

enum error_code
jwks_parse(enum sign_scheme scheme, struct slice text, struct slice owner, struct key_list *out, struct error *error)
{
	*out = (struct key_list){NULL, 0};
	struct json object, name, value;
	if (json_parse(text, JWKS_DEPTH_MAX, &object, NULL) != OK || object.type != JSON_OBJECT)
		return error_set(error, ERR_INVALID, "expected a JWK set, it is not a JSON object");
	struct json keys = json_member(object, "keys");
	if (!json_present(keys) || keys.type != JSON_ARRAY)
		return error_set(error, ERR_INVALID, "expected a JWK set, it has no list \"keys\"");
	size_t max = keys_max(scheme);
	enum error_code code = OK;
	out->items = mem_zero(max, sizeof *out->items);
	struct json_iterator at = json_iterate(keys);
	while (code == OK && json_next(&at, &name, &value)) {
		struct key *key = is_wanted(value, owner) ? read_key(scheme, value.raw) : NULL;
		if (key != NULL && out->count == max) {
			key_unref(key);
			code = error_set(error, ERR_LIMIT,
			    "the JWK set has more than %zu keys that fit, and every one would be tried: name those of "
			    "one "
			    "endpoint, as in …/jwks.json#ep_…",
			    max);
		} else if (key != NULL) {
			out->items[out->count++] = key;
		}
	}
	if (code == OK && out->count == 0)
		code = error_set(error, ERR_INVALID, "the JWK set has no key that %s takes", scheme_of(scheme)->name);
	if (code != OK)
		key_list_free(out);
	return code;
}
