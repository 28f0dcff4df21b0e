/* HTTP Message Signatures (RFC 9421) of requests with a Content-Digest (RFC 9530).
 *
 * A signature counts here only when it covers content-digest, so that it binds the body, and webhook-id, so that it
 * binds the event; and when it says when it was made. A request may carry several; one that fits is enough. */
#include "sign/rfc9421.h"

#include "base/encode.h"
#include "base/limits.h"

#include <inttypes.h>

static const char *const algorithms[KEY_TYPE_COUNT] = {
    [KEY_HMAC] = "hmac-sha256",
    [KEY_ED25519] = "ed25519",
    [KEY_ECDSA_P256] = "ecdsa-p256-sha256",
};

/* --- signing ----------------------------------------------------------------------------------------- */

struct component {
	const char *name;
	struct slice value;
};

enum { COMPONENTS_MAX = 8 };

static struct slice
digest_header(struct arena *arena, struct slice body)
{
	unsigned char hash[SHA256_BYTES];
	sha256(body, hash);
	enum { ROOM = 64 };
	struct buf text = buf_over(arena_alloc(arena, ROOM), ROOM);
	buf_append(&text, SLICE("sha-256=:"));
	base64_append(&text, bytes_of(hash, sizeof hash));
	buf_byte(&text, ':');
	ENSURE(!text.overflow);
	return buf_slice(&text);
}

/* The list of names and the parameters: what signature-input says of one signature. */
static void
write_params(struct buf *out, const struct component *components, size_t count, int64_t created, const struct key *key)
{
	for (size_t i = 0; i < count; i++) {
		buf_byte(out, i == 0 ? '(' : ' ');
		sfv_write_string(out, slice_of(components[i].name));
	}
	buf_printf(out, ");created=%" PRId64 ";keyid=", created);
	sfv_write_string(out, key_id(key));
	buf_append(out, SLICE(";alg="));
	sfv_write_string(out, slice_of(algorithms[key->type]));
}

static void
sign_labels(struct key *const *keys, size_t key_count, const struct component *components, size_t count,
    int64_t created, struct buf *inputs, struct buf *signatures)
{
	struct buf base, params;
	buf_init(&base, SIGNATURE_BASE_MAX);
	buf_init(&params, SIGNATURE_BASE_MAX);
	for (size_t i = 0; i < count; i++)
		base_line(&base, slice_of(components[i].name), components[i].value);
	size_t lines = base.len;
	for (size_t i = 0; i < key_count; i++) {
		buf_clear(&params);
		write_params(&params, components, count, created, keys[i]);
		base.len = lines;
		base_params_begin(&base);
		buf_append(&base, buf_slice(&params));
		struct slice whole = buf_slice(&base);
		struct signature signature;
		key_sign(keys[i], &whole, 1, &signature);
		const char *comma = i > 0 ? ", " : "";
		buf_printf(inputs, "%ssig%zu=", comma, i + 1);
		buf_append(inputs, buf_slice(&params));
		buf_printf(signatures, "%ssig%zu=:", comma, i + 1);
		base64_append(signatures, bytes_of(signature.bytes, signature.length));
		buf_byte(signatures, ':');
	}
	/* The request's own text is bounded far below the maximum. */
	ENSURE(!base.overflow && !params.overflow && !inputs->overflow && !signatures->overflow);
	buf_free(&base);
	buf_free(&params);
}

static enum error_code
rfc9421_sign(struct key *const *keys, size_t key_count, const struct sign_input *input, struct arena *arena,
    struct http_headers *headers, struct error *error)
{
	if (input->path.len + input->authority.len + input->content_type.len > SIGNATURE_BASE_MAX / 2)
		return error_set(error, ERR_LIMIT, "rfc9421: the request's target is too long to sign");
	struct slice digest = digest_header(arena, input->body);
	struct slice time = arena_printf(arena, "%" PRId64, input->timestamp);
	struct component components[COMPONENTS_MAX] = {
	    {"@method", input->method},
	    {"@authority", input->authority},
	    {"@path", input->path.len == 0 ? SLICE("/") : input->path},
	    {"content-digest", digest},
	    {"content-type", input->content_type},
	    {"webhook-id", input->id},
	    {"webhook-timestamp", time},
	    {"vaultbell-sequence", input->sequence},
	};
	size_t count = slice_present(input->sequence) ? COMPONENTS_MAX : COMPONENTS_MAX - 1;
	struct buf inputs, signatures;
	buf_init(&inputs, SIGNATURE_BASE_MAX);
	buf_init(&signatures, SIGNATURE_BASE_MAX);
	sign_labels(keys, key_count, components, count, input->timestamp, &inputs, &signatures);
	header_add(headers, "webhook-id", input->id);
	header_add(headers, "webhook-timestamp", time);
	header_add(headers, "content-digest", digest);
	header_add(headers, "signature-input", arena_copy(arena, buf_slice(&inputs)));
	header_add(headers, "signature", arena_copy(arena, buf_slice(&signatures)));
	buf_free(&inputs);
	buf_free(&signatures);
	return OK;
}

/* --- verifying --------------------------------------------------------------------------------------- */

/* What the header Content-Digest says of the body. */
enum digest { DIGEST_FITS, DIGEST_DIFFERS, DIGEST_UNUSABLE };

/* Known algorithms must all be right, and there must be one (RFC 9530 section 2 lets the others be ignored). */
static enum digest
check_digest(const struct verify_input *input, struct arena *arena)
{
	struct slice text = field_value(&input->headers, SLICE("content-digest"), arena);
	struct sfv_dictionary digests;
	if (!slice_present(text) || !sfv_parse(arena, text, &digests))
		return DIGEST_UNUSABLE;
	enum digest answer = DIGEST_UNUSABLE;
	for (size_t i = 0; i < digests.count; i++) {
		const struct sfv_member *member = &digests.items[i];
		unsigned char hash[64];
		size_t length;
		if (slice_is(member->key, "sha-256")) {
			sha256(input->body, hash);
			length = SHA256_BYTES;
		} else if (slice_is(member->key, "sha-512")) {
			sha512(input->body, hash);
			length = 64;
		} else {
			continue;
		}
		if (member->is_list || member->items[0].value.type != SFV_BYTES)
			return DIGEST_UNUSABLE;
		if (!constant_time_equal(bytes_of(hash, length), member->items[0].value.text))
			return DIGEST_DIFFERS;
		answer = DIGEST_FITS;
	}
	return answer;
}

struct parameters {
	int64_t created, expires; /* expires is INT64_MAX without one */
	struct slice algorithm, key_id;
};

/* A parameter of that type, or none; false when it is there with another type. */
static bool
parameter_of(const struct sfv_parameters *all, const char *key, enum sfv_type type, const struct sfv_value **out)
{
	*out = sfv_parameter(all, key);
	return *out == NULL || (*out)->type == type;
}

static bool
read_parameters(const struct sfv_parameters *all, struct parameters *out)
{
	const struct sfv_value *created, *expires, *algorithm, *key_id, *nonce, *tag;
	if (!parameter_of(all, "created", SFV_INTEGER, &created) ||
	    !parameter_of(all, "expires", SFV_INTEGER, &expires) || !parameter_of(all, "alg", SFV_STRING, &algorithm) ||
	    !parameter_of(all, "keyid", SFV_STRING, &key_id) || !parameter_of(all, "nonce", SFV_STRING, &nonce) ||
	    !parameter_of(all, "tag", SFV_STRING, &tag) || created == NULL)
		return false;
	out->created = created->number;
	out->expires = expires == NULL ? INT64_MAX : expires->number;
	out->algorithm = algorithm == NULL ? SLICE_NONE : algorithm->text;
	out->key_id = key_id == NULL ? SLICE_NONE : key_id->text;
	return true;
}

static bool
covers(const struct sfv_member *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].value.type == SFV_STRING && slice_is(list->items[i].value.text, name))
			return true;
	return false;
}

/* Whether the signature may be this key's: it names the algorithm and the key only where its sender chose to. */
static bool
key_eligible(const struct key *key, const struct parameters *parameters)
{
	if (slice_present(parameters->algorithm) && !slice_is(parameters->algorithm, algorithms[key->type]))
		return false;
	return !key->kid_given || !slice_present(parameters->key_id) || slice_equal(parameters->key_id, key_id(key));
}

struct request {
	struct key *const *keys;
	size_t key_count;
	const struct verify_input *input;
	struct arena *arena;
	struct sfv_dictionary inputs, signatures;
	enum digest digest;
	struct slice id;
};

/* Tries every key over the base; false with the verdict set when none fits. */
static bool
try_keys(const struct request *request, struct slice base, const struct parameters *parameters, struct slice signature,
    struct verify_result *result)
{
	bool fits = false, eligible = false;
	for (size_t i = request->key_count; i-- > 0;) {
		if (!key_eligible(request->keys[i], parameters))
			continue;
		eligible = true;
		if (key_verify(request->keys[i], &base, 1, signature)) {
			fits = true;
			result->key_index = i;
		}
	}
	result->unknown_key = !eligible;
	if (!eligible)
		verdict_set(result, VERDICT_WRONG, "no key has the keyid and alg that signature-input names");
	else if (!fits)
		verdict_set(result, VERDICT_WRONG,
		    "no signature fits: expected one by one of %zu keys over the covered components",
		    request->key_count);
	return fits;
}

/* What can be refused before any cryptography; NULL when nothing is. */
static const char *
label_fault(const struct request *request, const struct sfv_member *list, const struct sfv_member *signature)
{
	if (!list->is_list)
		return "signature-input: expected a list of covered components";
	if (signature == NULL || signature->is_list || signature->items[0].value.type != SFV_BYTES)
		return "signature: expected a byte sequence for each label of signature-input";
	if (!covers(list, "content-digest"))
		return "signature-input: content-digest must be covered";
	if (!covers(list, "webhook-id"))
		return "signature-input: webhook-id must be covered";
	if (request->digest == DIGEST_UNUSABLE)
		return "content-digest: expected sha-256 or sha-512 as a byte sequence";
	return NULL;
}

static void
verify_label(const struct request *request, const struct sfv_member *list, struct verify_result *result)
{
	const struct sfv_member *signature = sfv_member(&request->signatures, list->key);
	const char *fault = label_fault(request, list, signature);
	if (fault != NULL) {
		verdict_set(result, VERDICT_MALFORMED, "%s", fault);
		return;
	}
	struct parameters parameters;
	if (!read_parameters(&list->parameters, &parameters)) {
		verdict_set(result, VERDICT_MALFORMED,
		    "signature-input: expected created as an integer, and keyid and alg, where they are, as strings");
		return;
	}
	if (request->digest == DIGEST_DIFFERS) {
		verdict_set(result, VERDICT_WRONG, "content-digest does not fit the body");
		return;
	}
	struct buf base;
	buf_init(&base, SIGNATURE_BASE_MAX);
	bool fits = signature_base(request->input, list, request->arena, &base, result) &&
		    try_keys(request, buf_slice(&base), &parameters, signature->items[0].value.text, result);
	buf_free(&base);
	if (!fits)
		return;
	if (!time_fresh(parameters.created, request->input->now)) {
		verdict_set(result, VERDICT_STALE, "the signature fits, but created is more than %d seconds from now",
		    LIMIT_TIMESTAMP_SKEW_S);
	} else if (parameters.expires < request->input->now.us / 1000000) {
		verdict_set(result, VERDICT_STALE, "the signature fits, but has expired");
	} else {
		verdict_set(result, VERDICT_VERIFIED, "verified");
		result->event_id = request->id;
		result->sequence_signed = covers(list, "vaultbell-sequence");
	}
}

/* How far a label came: of several, the answer is that of the one that came farthest. */
static int
progress_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_VERIFIED: return 4;
	case VERDICT_STALE: return 3;
	case VERDICT_WRONG: return 2;
	case VERDICT_MALFORMED: return 1;
	case VERDICT_MISSING:
	case VERDICT_NO_ID:
	case VERDICT_ADDRESS:
	case VERDICT_CERTIFICATE:
	case VERDICT_COUNT: return 0;
	}
	UNREACHABLE();
}

static bool
read_request(struct request *request, struct verify_result *result)
{
	const struct http_headers *headers = &request->input->headers;
	size_t inputs, signatures, ids;
	(void)header_find(headers, "signature-input", &inputs);
	(void)header_find(headers, "signature", &signatures);
	(void)header_find(headers, "webhook-id", &ids);
	if (inputs == 0 || signatures == 0 || ids == 0) {
		verdict_set(result, VERDICT_MISSING, "expected the headers signature-input, signature and webhook-id");
		return false;
	}
	request->id = field_value(headers, SLICE("webhook-id"), request->arena);
	if (ids > 1 || !event_id_valid(request->id)) {
		verdict_set(result, VERDICT_MALFORMED, "webhook-id must be 1 to 256 visible ASCII characters, once");
		return false;
	}
	struct slice input = field_value(headers, SLICE("signature-input"), request->arena);
	struct slice signature = field_value(headers, SLICE("signature"), request->arena);
	if (!sfv_parse(request->arena, input, &request->inputs) || request->inputs.count == 0) {
		verdict_set(result, VERDICT_MALFORMED, "signature-input must be a dictionary of RFC 8941");
		return false;
	}
	if (!sfv_parse(request->arena, signature, &request->signatures)) {
		verdict_set(result, VERDICT_MALFORMED, "signature must be a dictionary of RFC 8941");
		return false;
	}
	request->digest = check_digest(request->input, request->arena);
	return true;
}

static void
rfc9421_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	struct request request = {.keys = keys, .key_count = key_count, .input = input, .arena = arena};
	if (!read_request(&request, result))
		return;
	int farthest = 0;
	for (size_t i = 0; i < request.inputs.count; i++) {
		struct verify_result answer = {.verdict = VERDICT_WRONG};
		verify_label(&request, &request.inputs.items[i], &answer);
		if (progress_of(answer.verdict) > farthest) {
			farthest = progress_of(answer.verdict);
			*result = answer;
		}
	}
}

const struct scheme scheme_rfc9421 = {
    .name = "rfc9421",
    .key_types = 1u << KEY_HMAC | 1u << KEY_ED25519 | 1u << KEY_ECDSA_P256,
    .signs_id = true,
    .sign = rfc9421_sign,
    .verify = rfc9421_verify,
};
