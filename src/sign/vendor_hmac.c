/* The generic scheme: an HMAC that the key file describes, for senders that are not in the table. Before the secrets the
 * file has one line of settings, each NAME=VALUE, with spaces between; %XX in a value is that byte:
 *
 *   #hmac header=X-Signature signed={timestamp}.{body} timestamp=X-Timestamp id=body:event.id
 *
 *   header     the header with the signature (required)
 *   encoding   hex (default) or base64
 *   prefix     what stands before the signature in the header
 *   algorithm  sha256 (default) or sha512
 *   signed     what is signed: text with {body} once and, at most once each, {timestamp} and {id}; default {body}
 *   timestamp  the header that {timestamp} stands for
 *   id         where the event id is: sha256 (of the body, default), body:MEMBER (with dots between members of
 *              members), or header:NAME, which must be signed, so that `signed` must have {id}
 *   secret     how the secrets are written: text (default), base64 or hex
 *
 * Invariant: the signed bytes have one reading. Pieces are only put together where no other choice of header values and
 * body gives the same bytes: between a header's id and its neighbours there is text that the id may not have in it, and
 * digits do not meet a time. */
#include "sign/vendor.h"

#include "base/encode.h"

#include <stdlib.h>

enum { PIECES_MAX = 7, RULE_TEXT_MAX = 1024, HEADER_NAME_MAX = 128, SECRET_BYTES_MAX = LEGACY_SECRET_MAX };

enum piece_type { PIECE_TEXT, PIECE_BODY, PIECE_TIMESTAMP, PIECE_ID };
enum id_place { ID_SHA256, ID_BODY, ID_HEADER };
enum secret_encoding { SECRET_TEXT, SECRET_BASE64, SECRET_HEX };

struct piece {
	enum piece_type type;
	struct slice text; /* of PIECE_TEXT */
};

struct hmac_rule {
	struct arena arena;
	struct slice line; /* as it was written, behind the word */
	const char *header, *timestamp, *digest;
	enum vendor_encoding encoding;
	struct slice prefix;
	struct piece pieces[PIECES_MAX];
	size_t piece_count;
	enum id_place id_place;
	const char *id_name; /* header or member */
	enum secret_encoding secret;
};

_Static_assert(PIECES_MAX <= (int)VENDOR_PARTS_MAX, "each piece is a part of what is signed");
_Static_assert(RULE_TEXT_MAX + 2 * SECRET_BYTES_MAX + 16 <= KEY_TEXT_MAX, "a key's text has the rule in it");

/* --- reading the rule ------------------------------------------------------------------------------- */

/* A header name of RFC 9110 section 5.1, without the marks that nobody uses. */
static bool
header_name_good(struct slice name)
{
	if (name.len == 0 || name.len > HEADER_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-_.", c) != NULL))
			return false;
	}
	return true;
}

static enum error_code
set_header(struct hmac_rule *rule, struct slice value, const char **out, const char *name, struct error *error)
{
	if (!header_name_good(value))
		return error_set(error, ERR_INVALID, "%s= must be the name of a header", name);
	*out = arena_string(&rule->arena, value);
	return OK;
}

static enum error_code
add_piece(struct hmac_rule *rule, enum piece_type type, struct slice text, struct error *error)
{
	if (type == PIECE_TEXT && text.len == 0)
		return OK;
	for (size_t i = 0; type != PIECE_TEXT && i < rule->piece_count; i++)
		if (rule->pieces[i].type == type)
			return error_set(error, ERR_INVALID, "signed= must have each {name} at most once");
	if (rule->piece_count == PIECES_MAX)
		return error_set(error, ERR_INVALID, "signed= must be {body}, {timestamp} and {id} with text between");
	rule->pieces[rule->piece_count++] = (struct piece){type, text};
	return OK;
}

static enum error_code
set_template(struct hmac_rule *rule, struct slice value, struct error *error)
{
	rule->piece_count = 0;
	enum error_code code = OK;
	while (code == OK && slice_present(value)) {
		/* Decoded piece by piece, so that an encoded brace is text. */
		struct slice text = percent_decode(&rule->arena, slice_cut(&value, '{'), false);
		if (!slice_present(text))
			return error_set(error, ERR_INVALID, "signed= must have two hexadecimal digits behind each %%");
		code = add_piece(rule, PIECE_TEXT, text, error);
		if (code != OK || !slice_present(value))
			break;
		struct slice name = slice_cut(&value, '}');
		enum piece_type type = PIECE_BODY;
		if (slice_is(name, "timestamp"))
			type = PIECE_TIMESTAMP;
		else if (slice_is(name, "id"))
			type = PIECE_ID;
		else if (!slice_is(name, "body"))
			type = PIECE_TEXT;
		if (type == PIECE_TEXT || !slice_present(value))
			return error_set(error, ERR_INVALID,
			    "in signed=, {} may have body, timestamp and id (write %%7B for a brace)");
		code = add_piece(rule, type, SLICE_NONE, error);
	}
	return code;
}

static enum error_code
set_id(struct hmac_rule *rule, struct slice value, struct error *error)
{
	if (slice_is(value, "sha256")) {
		rule->id_place = ID_SHA256;
		return OK;
	}
	struct slice name = value, place = slice_cut(&name, ':');
	if (slice_is(place, "header")) {
		rule->id_place = ID_HEADER;
		return set_header(rule, name, &rule->id_name, "id=header:", error);
	}
	if (!slice_is(place, "body") || name.len == 0 || memchr(name.ptr, '\0', name.len) != NULL)
		return error_set(error, ERR_INVALID, "id= must be sha256, header:NAME or body:MEMBER");
	rule->id_place = ID_BODY;
	rule->id_name = arena_string(&rule->arena, name);
	return OK;
}

static enum error_code
set_choice(
    struct slice value, const char *name, const char *const *choices, size_t count, unsigned *out, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(value, choices[i])) {
			*out = (unsigned)i;
			return OK;
		}
	return error_set(error, ERR_INVALID, "%s= must be %s, %s%s%s", name, choices[0], choices[1],
	    count > 2 ? " or " : "", count > 2 ? choices[2] : "");
}

static enum error_code
set_value(struct hmac_rule *rule, struct slice name, struct slice value, struct error *error)
{
	static const char *const encodings[] = {"hex", "base64"}, *const algorithms[] = {"sha256", "sha512"},
				 *const secrets[] = {"text", "base64", "hex"};
	unsigned choice = 0;
	enum error_code code = OK;
	if (slice_is(name, "header")) {
		code = set_header(rule, value, &rule->header, "header", error);
	} else if (slice_is(name, "timestamp")) {
		code = set_header(rule, value, &rule->timestamp, "timestamp", error);
	} else if (slice_is(name, "prefix")) {
		rule->prefix = value;
	} else if (slice_is(name, "signed")) {
		code = set_template(rule, value, error);
	} else if (slice_is(name, "id")) {
		code = set_id(rule, value, error);
	} else if (slice_is(name, "encoding")) {
		code = set_choice(value, "encoding", encodings, COUNT_OF(encodings), &choice, error);
		rule->encoding = choice == 0 ? ENCODING_HEX : ENCODING_BASE64;
	} else if (slice_is(name, "algorithm")) {
		code = set_choice(value, "algorithm", algorithms, COUNT_OF(algorithms), &choice, error);
		rule->digest = choice == 0 ? "SHA256" : "SHA512";
	} else if (slice_is(name, "secret")) {
		code = set_choice(value, "secret", secrets, COUNT_OF(secrets), &choice, error);
		rule->secret = (enum secret_encoding)choice;
	} else {
		code = error_set(error, ERR_INVALID,
		    "the #hmac line has header, encoding, prefix, algorithm, signed, timestamp, id and secret");
	}
	return code;
}

static bool
has_piece(const struct hmac_rule *rule, enum piece_type type)
{
	for (size_t i = 0; i < rule->piece_count; i++)
		if (rule->pieces[i].type == type)
			return true;
	return false;
}

/* The text next to piece `at`, `step` being -1 or 1; absent at the end. */
static struct slice
text_beside(const struct hmac_rule *rule, size_t at, int step)
{
	size_t beside = step < 0 ? at - 1 : at + 1;
	if (beside >= rule->piece_count)
		return SLICE_NONE;
	return rule->pieces[beside].type == PIECE_TEXT ? rule->pieces[beside].text : SLICE("");
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The invariant, as far as the rule alone decides it. */
static enum error_code
check_pieces(const struct hmac_rule *rule, struct error *error)
{
	for (size_t i = 0; i < rule->piece_count; i++) {
		struct slice before = text_beside(rule, i, -1), behind = text_beside(rule, i, 1);
		bool bare = (slice_present(before) && before.len == 0) || (slice_present(behind) && behind.len == 0);
		if (rule->pieces[i].type == PIECE_ID && rule->id_place == ID_HEADER && bare)
			return error_set(error, ERR_INVALID,
			    "in signed=, {id} of a header needs text between it and its neighbours");
		bool digits = (before.len > 0 && is_digit(before.ptr[before.len - 1])) ||
			      (behind.len > 0 && is_digit(behind.ptr[0]));
		if (rule->pieces[i].type == PIECE_TIMESTAMP && digits)
			return error_set(error, ERR_INVALID, "in signed=, no digit may stand beside {timestamp}");
	}
	return OK;
}

static enum error_code
check_rule(const struct hmac_rule *rule, struct error *error)
{
	if (rule->header == NULL)
		return error_set(error, ERR_INVALID, "the #hmac line must have header=, as in header=X-Signature");
	if (!has_piece(rule, PIECE_BODY))
		return error_set(error, ERR_INVALID, "signed= must have {body} in it");
	if (has_piece(rule, PIECE_TIMESTAMP) != (rule->timestamp != NULL))
		return error_set(
		    error, ERR_INVALID, "{timestamp} in signed= and timestamp=HEADER must be there together");
	if (has_piece(rule, PIECE_ID) && rule->id_place == ID_SHA256)
		return error_set(error, ERR_INVALID, "{id} in signed= needs id=header:NAME or id=body:MEMBER");
	if (rule->id_place == ID_HEADER && !has_piece(rule, PIECE_ID))
		return error_set(error, ERR_INVALID,
		    "an id from a header must be signed: {id} must stand in signed=, or the id come from the body");
	return check_pieces(rule, error);
}

enum error_code
hmac_rule_parse(struct slice text, struct hmac_rule **out, struct error *error)
{
	*out = NULL;
	if (text.len > RULE_TEXT_MAX)
		return error_set(error, ERR_LIMIT, "the #hmac line may have %d characters", RULE_TEXT_MAX);
	struct hmac_rule *rule = mem_zero(1, sizeof *rule);
	rule->digest = "SHA256";
	rule->line = arena_copy(&rule->arena, slice_trim(text));
	rule->pieces[0] = (struct piece){PIECE_BODY, SLICE_NONE};
	rule->piece_count = 1;
	enum error_code code = OK;
	for (struct slice rest = rule->line; code == OK && slice_present(rest);) {
		struct slice value = slice_trim(slice_cut(&rest, ' '));
		if (value.len == 0)
			continue;
		struct slice name = slice_cut(&value, '=');
		if (slice_present(value) && !slice_is(name, "signed"))
			value = percent_decode(&rule->arena, value, false);
		if (!slice_present(value))
			code = error_set(error, ERR_INVALID, "the #hmac line must be NAME=VALUE, with spaces between");
		else
			code = set_value(rule, name, value, error);
	}
	if (code == OK)
		code = check_rule(rule, error);
	if (code == OK)
		*out = rule;
	else
		hmac_rule_free(rule);
	return code;
}

void
hmac_rule_free(struct hmac_rule *rule)
{
	if (rule == NULL)
		return;
	arena_free(&rule->arena);
	free(rule);
}

/* --- keys ------------------------------------------------------------------------------------------- */

enum error_code
hmac_rule_key(const struct hmac_rule *rule, struct slice text, struct key **out, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct slice secret = text;
	*out = NULL;
	if (rule->secret == SECRET_BASE64)
		secret = base64_decode(&arena, slice_trim(text), true);
	else if (rule->secret == SECRET_HEX)
		secret = hex_decode(&arena, slice_trim(text));
	enum error_code code = OK;
	if (rule->secret == SECRET_TEXT) {
		/* For its checks of the text. */
		code = parse_secret(text, out, error);
		key_unref(*out);
		*out = NULL;
	} else if (secret.len == 0 || secret.len > SECRET_BYTES_MAX) {
		code = error_set(error, ERR_INVALID, "the secret must be %s of 1 to %d bytes",
		    rule->secret == SECRET_BASE64 ? "base64" : "hexadecimal", SECRET_BYTES_MAX);
	}
	if (code == OK) {
		struct hmac_rule *own = NULL;
		ENSURE(hmac_rule_parse(rule->line, &own, NULL) == OK);
		*out = key_new_hmac_with(FORM_CONFIGURED, secret, rule->digest);
		(*out)->rule = own;
	}
	if (rule->secret != SECRET_TEXT)
		wipe(secret);
	arena_free(&arena);
	return code;
}

void
hmac_rule_write(struct buf *out, const struct key *key)
{
	struct slice secret = secret_reveal(&key->secret);
	buf_text(out, "#hmac ");
	buf_append(out, key->rule->line);
	buf_byte(out, '\n');
	switch (key->rule->secret) {
	case SECRET_TEXT: buf_append(out, secret); return;
	case SECRET_BASE64: base64_append(out, secret); return;
	case SECRET_HEX: hex_append(out, secret); return;
	}
	UNREACHABLE();
}

/* --- verifying -------------------------------------------------------------------------------------- */

struct hmac_request {
	const struct hmac_rule *rule;
	const struct verify_input *input;
	struct slice id, time;
	int64_t seconds;
};

static bool
contains(struct slice text, struct slice part)
{
	return part.len > 0 && memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* The header's id, or that of the body where it is signed beside it. */
static bool
read_id(struct hmac_request *request, struct arena *arena, struct verify_result *result)
{
	const struct hmac_rule *rule = request->rule;
	if (rule->id_place == ID_HEADER) {
		if (!vendor_header(request->input, rule->id_name, &request->id, result))
			return false;
		bool good = event_id_valid(request->id);
		for (size_t i = 0; good && i < rule->piece_count; i++)
			if (rule->pieces[i].type == PIECE_ID)
				good = !contains(request->id, text_beside(rule, i, -1)) &&
				       !contains(request->id, text_beside(rule, i, 1));
		if (!good)
			verdict_set(result, VERDICT_MALFORMED,
			    "%s must be 1 to 256 visible ASCII characters without the text that is signed beside it",
			    rule->id_name);
		return good;
	}
	struct json object = vendor_object(request->input->body);
	request->id = json_present(object) ? vendor_member_id(object, rule->id_name, arena) : SLICE_NONE;
	if (!slice_present(request->id))
		verdict_set(result, VERDICT_MALFORMED, "the body must be JSON with the %s that is signed with it",
		    rule->id_name);
	return slice_present(request->id);
}

/* Whether the body meets the time with a digit: then the two could be cut elsewhere. */
static bool
body_meets_time(const struct hmac_rule *rule, struct slice body)
{
	for (size_t i = 0; i + 1 < rule->piece_count; i++) {
		enum piece_type first = rule->pieces[i].type, second = rule->pieces[i + 1].type;
		if (body.len > 0 && first == PIECE_TIMESTAMP && second == PIECE_BODY && is_digit(body.ptr[0]))
			return true;
		if (body.len > 0 && first == PIECE_BODY && second == PIECE_TIMESTAMP &&
		    is_digit(body.ptr[body.len - 1]))
			return true;
	}
	return false;
}

static bool
read_request(struct hmac_request *request, struct arena *arena, struct verify_result *result)
{
	const struct hmac_rule *rule = request->rule;
	if (rule->timestamp != NULL) {
		if (!vendor_header(request->input, rule->timestamp, &request->time, result))
			return false;
		if (!vendor_time_read(request->time, &request->seconds)) {
			verdict_set(result, VERDICT_MALFORMED, "%s must be a Unix time", rule->timestamp);
			return false;
		}
		if (body_meets_time(rule, request->input->body)) {
			verdict_set(
			    result, VERDICT_MALFORMED, "the body may not meet %s with a digit", rule->timestamp);
			return false;
		}
	}
	return !has_piece(rule, PIECE_ID) || read_id(request, arena, result);
}

static struct slice
piece_bytes(const struct hmac_request *request, const struct piece *piece)
{
	switch (piece->type) {
	case PIECE_TEXT: return piece->text;
	case PIECE_BODY: return request->input->body;
	case PIECE_TIMESTAMP: return request->time;
	case PIECE_ID: return request->id;
	}
	UNREACHABLE();
}

static bool
read_signature(const struct hmac_request *request, struct arena *arena, struct slice *out, struct verify_result *result)
{
	const struct hmac_rule *rule = request->rule;
	struct slice text;
	if (!vendor_header(request->input, rule->header, &text, result))
		return false;
	if (!slice_starts(text, rule->prefix)) {
		verdict_set(result, VERDICT_MALFORMED, "%s must begin with the prefix of the #hmac line", rule->header);
		return false;
	}
	return vendor_signature(arena, rule->header, slice_skip(text, rule->prefix.len), rule->encoding, out, result);
}

static void
hmac_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	if (key_count == 0 || keys[0]->rule == NULL) {
		verdict_set(result, VERDICT_WRONG, "there is no key to check the signature with");
		return;
	}
	struct hmac_request request = {.rule = keys[0]->rule, .input = input};
	struct vendor_claim claim = {.key_types = 1u << KEY_HMAC, .part_count = request.rule->piece_count};
	if (!read_signature(&request, arena, &claim.signature, result) || !read_request(&request, arena, result))
		return;
	for (size_t i = 0; i < claim.part_count; i++)
		claim.signed_parts[i] = piece_bytes(&request, &request.rule->pieces[i]);
	if (!vendor_fits(keys, key_count, &claim, result)) {
		vendor_set_wrong(result, request.rule->header, "what the #hmac line says", key_count);
		return;
	}
	if (request.rule->timestamp != NULL &&
	    !vendor_time_check(request.rule->timestamp, request.seconds, input, result))
		return;
	switch (request.rule->id_place) {
	case ID_SHA256: vendor_accept_body(input, NULL, arena, result); return;
	case ID_BODY: vendor_accept_body(input, request.rule->id_name, arena, result); return;
	case ID_HEADER: vendor_accept(result, request.id); return;
	}
	UNREACHABLE();
}

const struct scheme scheme_hmac = {.name = "hmac", .key_types = 1u << KEY_HMAC, .verify = hmac_verify};
