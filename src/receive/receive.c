/* The judgement of one request: signature, event id, type, in this order. */
#include "receive/receive.h"

#include "receive/numbers.h"

#include <stdio.h>

enum { TYPE_BYTES_MAX = 256 };

/* What each verdict answers. The codes are those of the management API's errors. */
static const struct {
	int status;
	const char *code;
} refusals[] = {
    [VERDICT_VERIFIED] = {0, NULL},
    [VERDICT_MISSING] = {401, "authentication_failed"},
    [VERDICT_MALFORMED] = {401, "authentication_failed"},
    [VERDICT_WRONG] = {401, "authentication_failed"},
    [VERDICT_STALE] = {401, "authentication_failed"},
    [VERDICT_NO_ID] = {400, "no_event_id"},
    [VERDICT_ADDRESS] = {403, "forbidden"},
    [VERDICT_CERTIFICATE] = {401, "authentication_failed"},
};

static void
refuse(struct receive_judgement *judgement, int status, const char *code, const char *detail)
{
	judgement->status = status;
	judgement->code = code;
	snprintf(judgement->detail, sizeof judgement->detail, "%s", detail);
}

/* The `type` member of a JSON object, where it is a string of a sensible length; else absent. */
static struct slice
type_of(struct slice body, struct arena *arena)
{
	struct json document;
	if (json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) != OK || document.type != JSON_OBJECT)
		return SLICE_NONE;
	struct json type = json_member(document, "type");
	if (!json_present(type) || type.type != JSON_STRING || type.raw.len > 6 * TYPE_BYTES_MAX)
		return SLICE_NONE;
	struct slice text = json_text(arena, type);
	return text.len > 0 && text.len <= TYPE_BYTES_MAX ? text : SLICE_NONE;
}

/* --- headers ---------------------------------------------------------------------------------------- */

static struct slice
header(const struct verify_input *input, const char *name)
{
	for (size_t i = 0; i < input->headers.count; i++)
		if (slice_equal_nocase(input->headers.items[i].name, slice_of(name)))
			return input->headers.items[i].value;
	return SLICE_NONE;
}

static struct slice
header_or_twin(const struct verify_input *input, const char *name, const char *twin)
{
	struct slice value = header(input, name);
	return slice_present(value) ? value : header(input, twin);
}

/* A copy that is safe to keep and to show: cut, and of visible ASCII and spaces. */
static struct slice
clean(struct arena *arena, struct slice text)
{
	if (!slice_present(text))
		return SLICE_NONE;
	text.len = text.len > LIMIT_JOURNAL_HEADER_BYTES ? LIMIT_JOURNAL_HEADER_BYTES : text.len;
	char *copy = arena_string(arena, text);
	for (size_t i = 0; i < text.len; i++)
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	return (struct slice){copy, text.len};
}

/* A key's id tells which it is, over rotations. The secrets of other schemes may be words that people chose, and what is
 * derived from such a one is not kept: their place in the file says it. */
static struct slice
key_label(struct arena *arena, const struct receive_source *source, size_t index)
{
	if (source->scheme == SCHEME_STANDARD || source->scheme == SCHEME_RFC9421)
		return clean(arena, key_id(source->keys.items[index]));
	if (index >= source->of_file.count)
		return clean(arena, key_id(source->keys.items[index]));
	return arena_printf(arena, "#%zu", index + 1);
}

static struct store_journal_headers
journal_headers(struct arena *arena, const struct receive_source *source, const struct verify_input *input,
    const struct verify_result *result)
{
	return (struct store_journal_headers){
	    .scheme = slice_of(sign_scheme_name(source->scheme)),
	    .key = key_label(arena, source, result->key_index),
	    .sent = clean(arena, header_or_twin(input, "webhook-timestamp", "svix-timestamp")),
	    .sequence = clean(arena, header(input, "vaultbell-sequence")),
	    .content_type = clean(arena, header(input, "content-type")),
	};
}

/* --- judging ---------------------------------------------------------------------------------------- */

void
receive_route(const struct receive_source *source, struct store_request *request)
{
	struct store_journal *journal = &request->journal;
	struct endpoint_id *to = arena_alloc(&request->arena, (1 + LIMIT_DESTINATIONS) * sizeof *to);
	size_t count = 0;
	/* A heartbeat is for the receiver alone. */
	if (slice_present(journal->type) && slice_equal(journal->type, HEARTBEAT_TYPE))
		return;
	if (source->forward.value != 0)
		to[count++] = source->forward;
	if (source->router != NULL)
		count += source->router->route(
		    source->router->context, journal->source, journal->type, journal->message->payload, to + count);
	journal->forwards = to;
	journal->forward_count = count;
}

/* The message carries no event id of its own: ids are unique within an organisation, and a source's are not ours. */
static struct store_request *
journal_request(
    const struct receive_source *source, const struct verify_input *input, const struct verify_result *result)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, input->now);
	struct message *message = message_new();
	message->payload = arena_copy(&message->arena, input->body);
	message->webhook_id = arena_copy(&message->arena, result->event_id);
	struct slice type = type_of(input->body, &message->arena);
	message->event_type = slice_present(type) ? type : SLICE(""); /* every message has one in the store */
	struct store_journal *journal = &request->journal;
	journal->source = arena_copy(&request->arena, source->name);
	journal->event_id = message->webhook_id;
	journal->type = type;
	journal->message = message;
	receive_route(source, request);
	receive_numbers(source, input, result, request);
	journal->headers = journal_headers(&request->arena, source, input, result);
	sha256(message->payload, journal->body_sha256);
	if (slice_present(result->content)) {
		unsigned char *digest = arena_alloc(&request->arena, SHA256_BYTES);
		sha256(result->content, digest);
		journal->content_sha256 = (struct slice){(const char *)digest, SHA256_BYTES};
	}
	return request;
}

/* A key that is not in the set may have been put there since it was fetched. A platform that takes a 401 for final would
 * lose the event, so until the set was fetched again the answer is that the key cannot be had. */
static bool
may_be_new(const struct receive_source *source, const struct verify_input *input, const struct verify_result *result)
{
	return slice_present(source->jwks_url) && result->verdict == VERDICT_WRONG && result->unknown_key &&
	       input->now.us - source->fetched_at.us >= source->jwks_retry_us;
}

void
receive_refuse(enum verdict verdict, const char *detail, struct receive_judgement *judgement)
{
	*judgement = (struct receive_judgement){.verdict = verdict};
	refuse(judgement, refusals[verdict].status, refusals[verdict].code, detail);
}

static struct slice
text_member(struct json document, const char *name, struct arena *arena)
{
	struct json member = json_member(document, name);
	if (!json_present(member) || member.type != JSON_STRING || member.raw.len > 6 * LIMIT_JOURNAL_HEADER_BYTES)
		return SLICE_NONE;
	return json_text(arena, member);
}

/* Whether the sender asks for proof that what stands at this URL is ours (deliver/challenge.h): fills the answer. Whoever
 * signs with a key of this source may ask, and learns nothing by the answer but what it sent. */
static bool
is_challenge(const struct verify_input *input, const struct verify_result *result, struct arena *arena,
    struct receive_judgement *judgement)
{
	struct json body;
	if (!slice_starts(result->event_id, SLICE(CHALLENGE_ID_PREFIX)) ||
	    json_parse(input->body, LIMIT_JSON_DEPTH, &body, NULL) != OK || body.type != JSON_OBJECT)
		return false;
	struct slice type = text_member(body, "type", arena), challenge = text_member(body, "challenge", arena);
	if (!slice_present(type) || !slice_is(type, "webhook.ping") || challenge.len == 0 ||
	    challenge.len >= sizeof judgement->challenge || memchr(challenge.ptr, '\0', challenge.len) != NULL)
		return false;
	memcpy(judgement->challenge, challenge.ptr, challenge.len);
	return true;
}

void
receive_judge(
    const struct receive_source *source, const struct verify_input *input, struct receive_judgement *judgement)
{
	*judgement = (struct receive_judgement){.verdict = VERDICT_MISSING};
	judgement->keys_wanted = slice_present(source->jwks_url) && source->keys.count == 0;
	if (source->keys.count == 0) {
		refuse(judgement, 503, "unavailable", "the keys of this source cannot be had now; send it again later");
		return;
	}
	struct arena arena = ARENA_EMPTY;
	struct verify_result result;
	verify_request(source->scheme, source->keys.items, source->keys.count, input, &arena, &result);
	judgement->verdict = result.verdict;
	judgement->keys_wanted = slice_present(source->jwks_url) && result.verdict == VERDICT_WRONG;
	if (result.verdict == VERDICT_VERIFIED && is_challenge(input, &result, &arena, judgement))
		judgement->status = 200;
	else if (result.verdict == VERDICT_VERIFIED)
		judgement->request = journal_request(source, input, &result);
	else if (may_be_new(source, input, &result))
		refuse(judgement, 503, "unavailable",
		    "the key that the signature names is not known yet; send it again later");
	else
		refuse(judgement, refusals[result.verdict].status, refusals[result.verdict].code, result.reason);
	arena_free(&arena);
}

/* --- what was refused ------------------------------------------------------------------------------- */

/* The id that it says it has. Nothing proves it: it says only which event somebody wanted to be taken for. */
static struct slice
claimed_id(const struct receive_source *source, const struct verify_input *input, struct arena *arena)
{
	struct slice id = SLICE_NONE;
	bool from_header = source->scheme == SCHEME_STANDARD || source->scheme == SCHEME_RFC9421;
	struct json document;
	if (!from_header && json_parse(input->body, LIMIT_JSON_DEPTH, &document, NULL) == OK &&
	    document.type == JSON_OBJECT) {
		id = text_member(document, "messageId", arena);
		id = slice_present(id) ? id : text_member(document, "id", arena);
	}
	id = slice_present(id) ? id : header_or_twin(input, "webhook-id", "svix-id");
	return clean(arena, id.len > 0 ? id : SLICE_NONE);
}

struct store_request *
receive_refused(
    const struct receive_source *source, const struct verify_input *input, const struct receive_judgement *judgement)
{
	if (judgement->status == 503)
		return NULL;
	struct store_request *request = store_request_new(STORE_REFUSED, input->now);
	struct arena *arena = &request->arena;
	request->admin->refused = (struct store_refused){
	    .source = arena_copy(arena, source->name),
	    .reason = slice_of(verdict_name(judgement->verdict)),
	    .claimed = claimed_id(source, input, arena),
	    .detail = arena_copy(arena, slice_of(judgement->detail)),
	    .forged = judgement->verdict == VERDICT_WRONG,
	};
	sha256(input->body, request->admin->refused.body_sha256);
	return request;
}

const char *
receive_status_name(enum journal_verdict verdict)
{
	switch (verdict) {
	case JOURNAL_VERIFIED:
	case JOURNAL_RECONCILIATION: return "accepted";
	case JOURNAL_CONFLICT: return "conflict";
	case JOURNAL_DUPLICATE: return "duplicate";
	}
	UNREACHABLE();
}
