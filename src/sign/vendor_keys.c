/* The texts of keys for receiving-only schemes, as the platforms hand them out. A scheme of secrets reads one a line; a
 * scheme of public keys reads PEM, the base64 of its DER, JWKs and JWK sets. `ID ` before a PEM block or base64 gives the
 * key an id, where signatures name their key. */
#include "sign/scheme.h"

#include "base/encode.h"
#include "base/limits.h"

#include <stdlib.h>

enum { JWK_DEPTH_MAX = 8, DER_TEXT_MAX = 4096 };

static const struct slice pem_begin = {"-----BEGIN PUBLIC KEY-----", 26};
static const struct slice pem_end = {"-----END PUBLIC KEY-----", 24};
static const struct slice rule_word = {"#hmac", 5};

/* --- one key ---------------------------------------------------------------------------------------- */

/* Where `part` begins in `text`; text.len without it. */
static size_t
find(struct slice text, struct slice part)
{
	const char *at = text.len == 0 ? NULL : memmem(text.ptr, text.len, part.ptr, part.len);
	return at == NULL ? text.len : (size_t)(at - text.ptr);
}

/* The base64 between the markers, without its line ends; absent when there are no two markers with nothing outside. */
static struct slice
pem_base64(struct arena *arena, struct slice text)
{
	if (!slice_starts(text, pem_begin))
		return SLICE_NONE;
	struct slice rest = slice_skip(text, pem_begin.len);
	size_t length = find(rest, pem_end);
	if (length == rest.len || slice_trim(slice_skip(rest, length + pem_end.len)).len > 0 || length > DER_TEXT_MAX)
		return SLICE_NONE;
	struct buf base64 = buf_over(arena_alloc(arena, length + 1), length + 1);
	for (size_t i = 0; i < length; i++)
		if (strchr(" \t\r\n", rest.ptr[i]) == NULL || rest.ptr[i] == '\0')
			buf_byte(&base64, rest.ptr[i]);
	return buf_slice(&base64);
}

static struct key *
ed25519_from_hex(struct arena *arena, struct slice text)
{
	struct slice point = hex_decode(arena, text);
	return slice_present(point) ? key_new_ed25519(FORM_JWK, point, SLICE_NONE) : NULL;
}

static enum error_code
read_der_text(
    const struct scheme *scheme, struct arena *arena, struct slice text, struct key **out, struct error *error)
{
	size_t begin = find(text, pem_begin);
	struct slice body = {text.ptr + begin, text.len - begin}, kid = {text.ptr, begin};
	if (begin == text.len) {
		/* Base64 has no space, so the last one ends the id. */
		body = text;
		kid = SLICE_NONE;
		for (size_t i = text.len; i-- > 0 && !slice_present(kid);)
			if (text.ptr[i] == ' ') {
				kid = (struct slice){text.ptr, i};
				body = slice_skip(text, i + 1);
			}
	}
	kid = slice_trim(kid);
	bool hex = (scheme->key_types & 1u << KEY_ED25519) != 0 && body.len == 2 * ED25519_PUBLIC_BYTES;
	if (hex) {
		*out = ed25519_from_hex(arena, body);
	} else {
		struct slice base64 = slice_starts(body, pem_begin) ? pem_base64(arena, body) : body;
		if (slice_present(base64) && base64.len <= DER_TEXT_MAX)
			*out = key_new_spki(base64_decode(arena, base64, false));
	}
	if (*out == NULL)
		return error_set(error, ERR_INVALID,
		    "the key must be a public key: PEM (BEGIN PUBLIC KEY), the base64 of its DER, or a JWK");
	if (kid.len == 0)
		return OK;
	if (kid.len > KEY_ID_MAX || !visible_ascii(kid))
		return error_set(error, ERR_INVALID,
		    "the id before the key must be 1 to %d visible ASCII characters and a space", KEY_ID_MAX);
	key_set_kid(*out, kid);
	return OK;
}

static enum error_code
read_jwk(struct arena *arena, struct slice text, struct key **out, struct error *error)
{
	struct json object;
	if (json_parse(text, JWK_DEPTH_MAX, &object, NULL) == OK && jwk_is_rsa(object))
		return jwk_read_rsa(arena, object, out, error);
	return jwk_parse(text, out, error);
}

static bool
is_secret(const struct scheme *scheme, struct slice text)
{
	if ((scheme->key_types & 1u << KEY_HMAC) == 0)
		return false;
	bool only = scheme->key_types == 1u << KEY_HMAC;
	return only || (text.ptr[0] != '{' && find(text, pem_begin) == text.len);
}

/* The key must be one that the scheme takes; it is dropped otherwise. */
static enum error_code
check_key(const struct scheme *scheme, struct key **key, struct error *error)
{
	enum error_code code = OK;
	ENSURE(*key != NULL);
	if ((scheme->key_types & 1u << (*key)->type) == 0)
		code = error_set(error, ERR_INVALID, "%s: an %s key does not fit this scheme", scheme->name,
		    key_type_name((*key)->type));
	else if (scheme->names_keys && !(*key)->kid_given)
		code = error_set(error, ERR_INVALID,
		    "%s: the key needs its id: a JWK with a kid, or the id and a space before the key", scheme->name);
	return code;
}

static enum error_code
parse_text(const struct scheme *scheme, struct slice text, struct key **out, struct error *error)
{
	*out = NULL;
	if (text.len == 0)
		return error_set(error, ERR_INVALID, "there is no key");
	if (is_secret(scheme, text))
		return parse_secret(text, out, error);
	struct arena arena = ARENA_EMPTY;
	enum error_code code =
	    text.ptr[0] == '{' ? read_jwk(&arena, text, out, error) : read_der_text(scheme, &arena, text, out, error);
	arena_free(&arena);
	if (code == OK)
		code = check_key(scheme, out, error);
	if (code != OK) {
		key_unref(*out);
		*out = NULL;
	}
	return code;
}

/* --- files ------------------------------------------------------------------------------------------ */

static enum error_code
list_add(struct key_list *list, struct key *key, struct error *error)
{
	if (list->count == LIMIT_SECRETS) {
		key_unref(key);
		return error_set(error, ERR_LIMIT, "at most %d keys are taken", LIMIT_SECRETS);
	}
	list->items[list->count++] = key;
	return OK;
}

/* RFC 7517 section 5: members of a set that do not suit are passed over, but one must. */
static enum error_code
add_set(const struct scheme *scheme, struct json keys, struct key_list *list, struct error *error)
{
	struct json_iterator at = json_iterate(keys);
	struct json name, value;
	enum error_code code = OK;
	size_t before = list->count;
	while (code == OK && json_next(&at, &name, &value)) {
		struct key *key;
		if (parse_text(scheme, value.raw, &key, NULL) == OK)
			code = list_add(list, key, error);
	}
	if (code == OK && list->count == before)
		return error_set(error, ERR_INVALID, "the JWK set has no key that %s takes", scheme->name);
	return code;
}

/* The `keys` of a JWK set; JSON_ABSENT when the text is none. */
static struct json
jwk_set(const struct scheme *scheme, struct slice text)
{
	struct json object;
	if (scheme->key_types == 1u << KEY_HMAC || json_parse(text, JWK_DEPTH_MAX, &object, NULL) != OK ||
	    object.type != JSON_OBJECT)
		return JSON_ABSENT;
	struct json keys = json_member(object, "keys");
	return json_present(keys) && keys.type == JSON_ARRAY ? keys : JSON_ABSENT;
}

struct reading {
	const struct scheme *scheme;
	struct slice rest;
	size_t number; /* of the line that was read last */
	struct hmac_rule *rule;
};

static struct slice
next_line(struct reading *reading)
{
	struct slice line = slice_cut(&reading->rest, '\n');
	reading->number++;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* A line with BEGIN goes on to the line with END, or to the end of the file. */
static struct slice
whole_key(struct reading *reading, struct slice line)
{
	bool public = scheme_of(SCHEME_HMAC) != reading->scheme && reading->scheme->key_types != 1u << KEY_HMAC;
	size_t begin = find(line, pem_begin);
	if (!public || begin == line.len)
		return line;
	const char *start = line.ptr;
	while (find(line, pem_end) == line.len && slice_present(reading->rest))
		line = next_line(reading);
	return (struct slice){start, (size_t)(line.ptr + line.len - start)};
}

static enum error_code
read_rule(struct reading *reading, struct slice line, size_t keys, struct error *error)
{
	if (reading->rule != NULL || keys > 0)
		return error_set(error, ERR_INVALID, "the #hmac line must come once, before the secrets");
	return hmac_rule_parse(slice_skip(line, rule_word.len), &reading->rule, error);
}

static bool
is_rule(const struct scheme *scheme, struct slice line)
{
	return scheme == scheme_of(SCHEME_HMAC) && slice_starts(line, rule_word) &&
	       (line.len == rule_word.len || line.ptr[rule_word.len] == ' ' || line.ptr[rule_word.len] == '\t');
}

static enum error_code
read_key(struct reading *reading, struct slice line, struct key_list *list, struct error *error)
{
	struct slice trimmed = slice_trim(line);
	struct json keys = jwk_set(reading->scheme, trimmed);
	if (json_present(keys))
		return add_set(reading->scheme, keys, list, error);
	struct key *key = NULL;
	enum error_code code = OK;
	if (reading->scheme == scheme_of(SCHEME_HMAC)) {
		if (reading->rule == NULL)
			return error_set(error, ERR_INVALID,
			    "before the secrets, expected a line that says how requests are signed, as in "
			    "#hmac header=X-Signature");
		code = hmac_rule_key(reading->rule, line, &key, error);
	} else {
		/* A space may belong to a secret; no other form begins or ends with one. */
		code = parse_text(reading->scheme, is_secret(reading->scheme, line) ? line : trimmed, &key, error);
	}
	return code == OK ? list_add(list, key, error) : code;
}

static enum error_code
read_lines(struct reading *reading, struct key_list *list, struct error *error)
{
	enum error_code code = OK;
	while (code == OK && slice_present(reading->rest)) {
		struct slice line = next_line(reading), trimmed = slice_trim(line);
		size_t number = reading->number;
		if (is_rule(reading->scheme, trimmed))
			code = read_rule(reading, trimmed, list->count, error);
		else if (trimmed.len > 0 && trimmed.ptr[0] != '#')
			code = read_key(reading, whole_key(reading, line), list, error);
		if (code != OK && error != NULL)
			code = error_wrap(error, "line %zu", number);
	}
	return code;
}

enum error_code
vendor_key_list_parse(enum sign_scheme scheme, struct slice text, struct key_list *out, struct error *error)
{
	struct reading reading = {.scheme = scheme_of(scheme), .rest = text};
	*out = (struct key_list){mem_zero(LIMIT_SECRETS, sizeof *out->items), 0};
	/* A JWK set is often printed over several lines. */
	struct json keys = slice_present(text) ? jwk_set(reading.scheme, text) : JSON_ABSENT;
	enum error_code code =
	    json_present(keys) ? add_set(reading.scheme, keys, out, error) : read_lines(&reading, out, error);
	hmac_rule_free(reading.rule);
	if (code == OK && out->count == 0)
		code = error_set(error, ERR_INVALID, "there is no key; one key a line is expected");
	if (code != OK)
		key_list_free(out);
	return code;
}

enum error_code
vendor_key_parse(enum sign_scheme scheme, struct slice text, struct key **out, struct error *error)
{
	if (scheme != SCHEME_HMAC)
		return parse_text(scheme_of(scheme), text, out, error);
	struct key_list list;
	enum error_code code = vendor_key_list_parse(scheme, text, &list, error);
	if (code != OK)
		return code;
	if (list.count == 1)
		*out = key_ref(list.items[0]);
	else
		code = error_set(error, ERR_INVALID, "expected one key");
	key_list_free(&list);
	return code;
}
