/* Keys and their texts. Which texts a scheme reads is decided here; JWKs are read in jwk.c, and what a key can do
 * is in crypto.c. */
#include "sign/key.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/random.h"

#include <stdlib.h>

static const char *const type_names[KEY_TYPE_COUNT] = {
    [KEY_HMAC] = "hmac",
    [KEY_ED25519] = "ed25519",
    [KEY_ECDSA_P256] = "ecdsa-p256",
};

const char *
key_type_name(enum key_type type)
{
	if (type == KEY_RSA)
		return "rsa";
	ENSURE(type < KEY_TYPE_COUNT);
	return type_names[type];
}

bool
key_type_parse(struct slice name, enum key_type *out)
{
	for (size_t i = 0; i < COUNT_OF(type_names); i++)
		if (slice_is(name, type_names[i])) {
			*out = (enum key_type)i;
			return true;
		}
	return false;
}

enum key_type
key_type(const struct key *key)
{
	return key->type;
}

bool
key_can_sign(const struct key *key)
{
	return key->can_sign;
}

struct slice
key_id(const struct key *key)
{
	return (struct slice){key->id, key->id_bytes};
}

void
key_set_kid(struct key *key, struct slice kid)
{
	ENSURE(kid.len > 0 && kid.len <= sizeof key->id);
	memcpy(key->id, kid.ptr, kid.len);
	key->id_bytes = kid.len;
	key->kid_given = true;
}

struct key *
key_generate(enum key_type type)
{
	unsigned char bytes[32];
	struct key *key = NULL;
	switch (type) {
	case KEY_HMAC:
		random_bytes(bytes, sizeof bytes);
		key = key_new_hmac(FORM_STANDARD, bytes_of(bytes, sizeof bytes));
		break;
	case KEY_ED25519:
		random_bytes(bytes, sizeof bytes);
		key = key_new_ed25519(FORM_STANDARD, SLICE_NONE, bytes_of(bytes, sizeof bytes));
		break;
	case KEY_ECDSA_P256: return key_generate_p256();
	case KEY_RSA:
	case KEY_TYPE_COUNT: break;
	}
	explicit_bzero(bytes, sizeof bytes);
	ENSURE(key != NULL);
	return key;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static struct key *
build_secret(struct slice bytes)
{
	if (bytes.len < HMAC_SECRET_MIN || bytes.len > HMAC_SECRET_MAX)
		return NULL;
	return key_new_hmac(FORM_STANDARD, bytes);
}

static struct key *
build_pair(struct slice bytes)
{
	if (bytes.len != ED25519_PAIR_BYTES)
		return NULL;
	struct slice seed = {bytes.ptr, 32};
	return key_new_ed25519(FORM_STANDARD, slice_skip(bytes, 32), seed);
}

static struct key *
build_public(struct slice bytes)
{
	return key_new_ed25519(FORM_STANDARD, bytes, SLICE_NONE);
}

static const struct standard_form {
	const char *prefix;
	struct key *(*build)(struct slice bytes);
	const char *content;
} standard_forms[] = {
    {"whsec_", build_secret, "24 to 75 bytes"},
    {"whsk_", build_pair, "the 64 bytes of an Ed25519 seed and the public key that belongs to it"},
    {"whpk_", build_public, "the 32 bytes of an Ed25519 public key"},
};

/* The form whose prefix the text has, or NULL. */
static const struct standard_form *
standard_form_of(struct slice text)
{
	for (size_t i = 0; i < COUNT_OF(standard_forms); i++)
		if (slice_starts(text, slice_of(standard_forms[i].prefix)))
			return &standard_forms[i];
	return NULL;
}

static enum error_code
parse_standard(const struct standard_form *form, struct slice text, struct key **out, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	/* Padding is optional, because several libraries print secrets without it. */
	struct slice bytes = base64_decode(&arena, slice_skip(text, strlen(form->prefix)), true);
	if (slice_present(bytes))
		*out = form->build(bytes);
	wipe(bytes);
	arena_free(&arena);
	if (*out == NULL)
		return error_set(
		    error, ERR_INVALID, "behind %s the key must be base64 of %s", form->prefix, form->content);
	return OK;
}

enum error_code
parse_secret(struct slice text, struct key **out, struct error *error)
{
	bool good = text.len >= 1 && text.len <= LEGACY_SECRET_MAX;
	for (size_t i = 0; good && i < text.len; i++)
		good = text.ptr[i] >= 0x20 && text.ptr[i] <= 0x7e;
	if (!good)
		return error_set(
		    error, ERR_INVALID, "the secret must be 1 to %d printable ASCII characters", LEGACY_SECRET_MAX);
	*out = key_new_hmac(FORM_LEGACY, text);
	return OK;
}

enum error_code
key_parse(enum sign_scheme scheme, struct slice text, struct key **out, struct error *error)
{
	*out = NULL;
	if (!sign_scheme_can_sign(scheme))
		return vendor_key_parse(scheme, text, out, error);
	if (scheme == SCHEME_LEGACY)
		return parse_secret(text, out, error);
	const struct standard_form *form = standard_form_of(text);
	if (form != NULL)
		return parse_standard(form, text, out, error);
	if (scheme == SCHEME_RFC9421)
		return jwk_parse(text, out, error);
	return error_set(error, ERR_INVALID, "the key must start with whsec_, whsk_ or whpk_");
}

enum error_code
key_list_parse(enum sign_scheme scheme, struct slice text, struct key_list *out, struct error *error)
{
	if (!sign_scheme_can_sign(scheme))
		return vendor_key_list_parse(scheme, text, out, error);
	*out = (struct key_list){mem_zero(LIMIT_SECRETS, sizeof *out->items), 0};
	enum error_code code = OK;
	for (size_t number = 1; code == OK && slice_present(text); number++) {
		struct slice line = slice_cut(&text, '\n');
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		struct slice trimmed = slice_trim(line);
		if (trimmed.len == 0 || trimmed.ptr[0] == '#')
			continue;
		/* A space may belong to a legacy secret; no other form has one. */
		if (scheme != SCHEME_LEGACY)
			line = trimmed;
		if (out->count == LIMIT_SECRETS) {
			code =
			    error_set(error, ERR_LIMIT, "line %zu: at most %d keys are taken", number, LIMIT_SECRETS);
			break;
		}
		code = key_parse(scheme, line, &out->items[out->count], error);
		if (code == OK)
			out->count++;
		else if (error != NULL)
			code = error_wrap(error, "line %zu", number);
	}
	if (code == OK && out->count == 0)
		code = error_set(error, ERR_INVALID, "there is no key; one key a line is expected");
	if (code != OK)
		key_list_free(out);
	return code;
}

void
key_list_free(struct key_list *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		key_unref(keys->items[i]);
	free(keys->items);
	*keys = (struct key_list){NULL, 0};
}

/* --- writing ---------------------------------------------------------------------------------------- */

static void
put_form(struct buf *out, const char *prefix, struct slice bytes)
{
	buf_text(out, prefix);
	base64_append(out, bytes);
}

/* Appends the text form, with the private part where it is asked for and there. */
static void
write_text(struct buf *out, const struct key *key, bool private)
{
	struct json_writer writer;
	switch (key->form) {
	case FORM_LEGACY: buf_append(out, secret_reveal(&key->secret)); return;
	case FORM_CONFIGURED: hmac_rule_write(out, key); return;
	case FORM_JWK:
		json_writer_init(&writer, out);
		if (key->type == KEY_RSA)
			jwk_write_rsa(&writer, key);
		else
			jwk_write(&writer, key, private, SLICE_NONE);
		return;
	case FORM_STANDARD:
		if (key->type == KEY_HMAC)
			put_form(out, "whsec_", secret_reveal(&key->secret));
		else if (private && key->can_sign)
			put_form(out, "whsk_", secret_reveal(&key->secret));
		else
			put_form(out, "whpk_", bytes_of(key->point, ED25519_PUBLIC_BYTES));
		return;
	}
	UNREACHABLE();
}

struct secret
key_private_text(const struct key *key)
{
	char memory[KEY_TEXT_MAX];
	struct buf text = buf_over(memory, sizeof memory);
	write_text(&text, key, true);
	ENSURE(!text.overflow);
	struct secret secret = secret_copy(buf_slice(&text));
	explicit_bzero(memory, sizeof memory);
	return secret;
}

struct slice
key_shared_text(struct arena *arena, const struct key *key)
{
	char memory[KEY_TEXT_MAX];
	struct buf text = buf_over(memory, sizeof memory);
	if (key->type == KEY_ED25519)
		put_form(&text, "whpk_", bytes_of(key->point, ED25519_PUBLIC_BYTES));
	else
		write_text(&text, key, key->type == KEY_HMAC);
	ENSURE(!text.overflow);
	struct slice shared = arena_copy(arena, buf_slice(&text));
	explicit_bzero(memory, sizeof memory);
	return shared;
}

void
key_write_jwk(struct json_writer *writer, const struct key *key, struct slice owner)
{
	ENSURE(key->type < KEY_TYPE_COUNT && key->type != KEY_HMAC);
	jwk_write(writer, key, false, owner);
}
