/* The judgement of one request: signature, event id, type, in this order. */
#include "receive/receive.h"

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

/* The message carries no event id of its own: ids are unique within an organisation, and a source's are not ours. */
static struct store_request *
journal_request(const struct receive_source *source, const struct verify_input *input, struct slice event_id)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, input->now);
	struct message *message = message_new();
	message->payload = arena_copy(&message->arena, input->body);
	message->webhook_id = arena_copy(&message->arena, event_id);
	struct slice type = type_of(input->body, &message->arena);
	message->event_type = slice_present(type) ? type : SLICE(""); /* every message has one in the store */
	struct store_journal *journal = &request->journal;
	journal->source = arena_copy(&request->arena, source->name);
	journal->event_id = message->webhook_id;
	journal->type = type;
	journal->message = message;
	journal->forward = source->forward;
	sha256(message->payload, journal->body_sha256);
	return request;
}

void
receive_judge(
    const struct receive_source *source, const struct verify_input *input, struct receive_judgement *judgement)
{
	*judgement = (struct receive_judgement){.verdict = VERDICT_MISSING};
	if (source->keys.count == 0) {
		refuse(judgement, 503, "unavailable", "the keys of this source cannot be had now; send it again later");
		return;
	}
	struct arena arena = ARENA_EMPTY;
	struct verify_result result;
	verify_request(source->scheme, source->keys.items, source->keys.count, input, &arena, &result);
	judgement->verdict = result.verdict;
	if (result.verdict == VERDICT_VERIFIED)
		judgement->request = journal_request(source, input, result.event_id);
	else
		refuse(judgement, refusals[result.verdict].status, refusals[result.verdict].code, result.reason);
	arena_free(&arena);
}

const char *
receive_status_name(enum journal_verdict verdict)
{
	switch (verdict) {
	case JOURNAL_VERIFIED: return "accepted";
	case JOURNAL_CONFLICT: return "conflict";
	case JOURNAL_DUPLICATE: return "duplicate";
	}
	UNREACHABLE();
}
