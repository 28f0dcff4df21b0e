#include "server/endpoint_keys.h"

bool
scheme_takes(enum sign_scheme scheme, enum key_type type)
{
	return sign_scheme_signs_with(scheme, type);
}

enum sign_scheme
scheme_default(enum payload_style style, enum key_type type)
{
	if (style == PAYLOAD_LEGACY)
		return SCHEME_LEGACY;
	return type == KEY_ECDSA_P256 ? SCHEME_RFC9421 : SCHEME_STANDARD;
}

static void
seal(struct arena *arena, const struct key *key, const struct sealer *sealer, struct wall_time now,
    struct endpoint_key *out)
{
	struct secret text = key_private_text(key);
	struct buf sealed;
	buf_init(&sealed, 4096);
	sealer_seal(sealer, ENDPOINT_KEY_CONTEXT, secret_reveal(&text), &sealed);
	ENSURE(!sealed.overflow);
	*out = (struct endpoint_key){key_type(key), arena_copy(arena, buf_slice(&sealed)), now, WALL_NONE};
	buf_free(&sealed);
	secret_free(&text);
}

static struct key *
read_key(const struct in *in, const char *member, enum sign_scheme scheme, struct slice text)
{
	struct key *key = NULL;
	struct error error = ERROR_NONE;
	if (key_parse(scheme, text, &key, &error) != OK) {
		check_fail(in->check, CHECK_DECODE, member, "%s: %s.", member, error.text);
		return NULL;
	}
	if (!key_can_sign(key)) {
		check_fail(
		    in->check, CHECK_VALUE, member, "%s must be a private key: a public one cannot sign.", member);
		key_unref(key);
		return NULL;
	}
	return key;
}

/* The scheme to read a given secret by, where the caller did not name one. */
static enum sign_scheme
scheme_of_text(const struct endpoint_in *given)
{
	if (given->scheme_given)
		return given->value.scheme;
	if (given->value.payload_style == PAYLOAD_LEGACY)
		return SCHEME_LEGACY;
	return slice_starts(given->secret, SLICE("{")) ? SCHEME_RFC9421 : SCHEME_STANDARD;
}

/* The type to generate: what was asked for, else the server's default where the scheme takes it. */
static enum key_type
type_to_generate(const struct endpoint_in *given, enum key_type default_type)
{
	if (given->key_type_given)
		return given->key_type;
	enum sign_scheme scheme =
	    given->scheme_given ? given->value.scheme : scheme_default(given->value.payload_style, default_type);
	return scheme_takes(scheme, default_type) ? default_type : KEY_HMAC;
}

bool
endpoint_key_first(const struct in *in, const struct endpoint_in *given, enum key_type default_type,
    const struct sealer *sealer, struct wall_time now, struct endpoint_key *out, enum sign_scheme *scheme)
{
	struct key *key = slice_present(given->secret) ? read_key(in, "secret", scheme_of_text(given), given->secret)
						       : key_generate(type_to_generate(given, default_type));
	if (key == NULL)
		return false;
	*scheme = given->scheme_given ? given->value.scheme : scheme_default(given->value.payload_style, key_type(key));
	bool fits = !given->key_type_given || given->key_type == key_type(key);
	if (!fits)
		check_fail(in->check, CHECK_VALUE, "keyType", "keyType must be the type of the secret.");
	else if (!scheme_takes(*scheme, key_type(key)))
		check_fail(in->check, CHECK_VALUE, "keyType", "The scheme %s does not sign with %s keys.",
		    sign_scheme_name(*scheme), key_type_name(key_type(key)));
	else
		seal(in->arena, key, sealer, now, out);
	key_unref(key);
	return in->check->count == 0;
}

bool
endpoint_key_next(const struct in *in, const struct endpoint *endpoint, struct slice text, const struct sealer *sealer,
    struct wall_time now, struct endpoint_key *out)
{
	struct key *key = slice_present(text)
			      ? read_key(in, "key", endpoint->scheme, text)
			      : key_generate(endpoint->key_count > 0 ? endpoint->keys[0].type : KEY_HMAC);
	if (key == NULL)
		return false;
	if (!scheme_takes(endpoint->scheme, key_type(key)))
		check_fail(in->check, CHECK_VALUE, "key", "The endpoint's scheme %s does not sign with %s keys.",
		    sign_scheme_name(endpoint->scheme), key_type_name(key_type(key)));
	else
		seal(in->arena, key, sealer, now, out);
	key_unref(key);
	return in->check->count == 0;
}

struct slice
endpoint_key_mark(struct arena *arena, const struct sealer *sealer, struct slice of, struct slice text)
{
	struct buf both, hex;
	buf_init(&both, of.len + text.len + 1);
	buf_init(&hex, 2 * SHA256_BYTES);
	buf_append(&both, of);
	buf_byte(&both, ' ');
	buf_append(&both, text);
	ENSURE(!both.overflow);
	sealer_mark(sealer, ENDPOINT_KEY_CONTEXT, buf_slice(&both), &hex);
	struct slice copy = arena_copy(arena, buf_slice(&hex));
	explicit_bzero(both.data, both.len);
	buf_free(&both);
	buf_free(&hex);
	return copy;
}

enum error_code
endpoint_key_open(const struct sealer *sealer, enum sign_scheme scheme, const struct endpoint_key *sealed,
    struct key **out, struct error *error)
{
	struct secret text;
	enum error_code code = sealer_open_sealed(sealer, ENDPOINT_KEY_CONTEXT, sealed->sealed, &text, error);
	if (code != OK)
		return code;
	code = key_parse(scheme, secret_reveal(&text), out, error);
	secret_free(&text);
	return code == OK ? OK : error_set(error, ERR_CORRUPT, "an endpoint's stored key cannot be read");
}

void
organisation_key_next(struct arena *arena, enum key_type type, const struct sealer *sealer, struct wall_time now,
    struct endpoint_key *out)
{
	struct key *key = key_generate(type);
	seal(arena, key, sealer, now, out);
	key_unref(key);
}

enum error_code
organisation_key_open(
    const struct sealer *sealer, const struct endpoint_key *sealed, struct key **out, struct error *error)
{
	return endpoint_key_open(sealer, scheme_default(PAYLOAD_RAW, sealed->type), sealed, out, error);
}

static enum error_code
rotate(struct endpoint_key *keys, size_t *key_count, const struct endpoint_key *fresh, struct wall_time now,
    struct wall_time until, struct error *error)
{
	struct endpoint_key kept[LIMIT_SECRETS];
	size_t count = 0;
	kept[count++] = *fresh;
	for (size_t i = 0; i < *key_count; i++) {
		struct endpoint_key old = keys[i];
		if (i == 0)
			old.expires = until;
		if (old.expires.us <= now.us)
			continue;
		if (count == LIMIT_SECRETS)
			return error_set(error, ERR_LIMIT,
			    "%d old keys are still valid; rotate again when one has expired.", LIMIT_SECRETS - 1);
		kept[count++] = old;
	}
	memcpy(keys, kept, count * sizeof kept[0]);
	*key_count = count;
	return OK;
}

enum error_code
endpoint_keys_rotate(struct endpoint *endpoint, const struct endpoint_key *fresh, struct wall_time now,
    struct wall_time until, struct error *error)
{
	return rotate(endpoint->keys, &endpoint->key_count, fresh, now, until, error);
}

enum error_code
organisation_keys_rotate(struct organisation *organisation, const struct endpoint_key *fresh, struct wall_time now,
    struct wall_time until, struct error *error)
{
	return rotate(organisation->keys, &organisation->key_count, fresh, now, until, error);
}
