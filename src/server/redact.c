/* Which payloads a role may read, and which members of them. The catalogue decides for its types, a permission for all
 * others; of what may be read, compliance information is for those who may read it, and the organisation may hide more. */
#include "server/call.h"
#include "server/reader_call.h"

#include "catalogue/catalogue.h"
#include "model/redaction.h"

bool
role_may_read(enum role role, struct slice event_type)
{
	const struct catalogue_type *type = catalogue_find(event_type);
	if (type == NULL)
		type = catalogue_find_legacy(event_type);
	struct slice service = type != NULL ? type->service : SLICE_NONE;
	bool compliance =
	    type != NULL ? slice_is(service, "compliance") : slice_starts(event_type, SLICE("compliance."));
	if (compliance && !role_may(role, PERMISSION_COMPLIANCE_READ))
		return false;
	return type != NULL ? catalogue_may_read(type, slice_of(role_name(role)))
			    : role_may(role, PERMISSION_PAYLOAD_READ);
}

/* Whether anything of the organisation's own choice is hidden from the role: then neither is shown what an endpoint
 * answered, since it may have echoed what it was sent. */
static bool
hides_members(const struct call *call, const struct store_request *request)
{
	struct arena *arena = &call->exchange->arena;
	return redaction_paths(request->redactions, call->token.role, arena).count > 0;
}

/* What an endpoint answered may hold compliance information, echoed or of its own. */
static bool
tells_compliance(const struct call *call, struct slice answer)
{
	static const char name[] = "complianceInfo";
	return answer.len > 0 && memmem(answer.ptr, answer.len, name, sizeof name - 1) != NULL &&
	       !role_may(call->token.role, PERMISSION_COMPLIANCE_READ);
}

enum content
call_answer_content(const struct call *call, const struct store_request *request, const struct attempt *attempt)
{
	enum content content = call_content(call, attempt->event_type);
	bool hidden = hides_members(call, request) || tells_compliance(call, attempt->response);
	return content == CONTENT_SHOWN && hidden ? CONTENT_REDACTED : content;
}

/* What is no JSON has no members that could be taken out of it. */
static bool
hides_whole(const struct call *call, const struct store_request *request, struct slice payload)
{
	struct json unused;
	return slice_present(payload) && hides_members(call, request) &&
	       json_parse(payload, LIMIT_JSON_DEPTH, &unused, NULL) != OK;
}

/* Whether a further version has something that the paths name. Then a copy is without versions. */
static bool
hides_version(const struct message *message, struct slice_list paths, struct arena *arena)
{
	struct json object, key, value;
	if (!slice_present(message->versions))
		return false;
	if (json_parse(message->versions, LIMIT_JSON_DEPTH, &object, NULL) != OK || object.type != JSON_OBJECT)
		return true;
	struct json_iterator iterator = json_iterate(object);
	while (json_next(&iterator, &key, &value))
		if (redaction_apply(value.raw, paths, arena).ptr != value.raw.ptr)
			return true;
	return false;
}

const struct message *
call_message(const struct call *call, const struct store_request *request, const struct message *message)
{
	struct arena *arena = &call->exchange->arena;
	if (call_content(call, message->event_type) != CONTENT_SHOWN)
		return message;
	struct slice_list paths = redaction_of(request->redactions, call->token.role, arena);
	struct slice shown = redaction_apply(message->payload, paths, arena);
	if (hides_whole(call, request, message->payload))
		shown = SLICE_NONE;
	if (shown.ptr == message->payload.ptr && !hides_version(message, paths, arena))
		return message;
	struct message *copy = arena_alloc(arena, sizeof *copy);
	*copy = (struct message){
	    .id = message->id,
	    .organisation = message->organisation,
	    .created = message->created,
	    .event_type = message->event_type,
	    .event_id = message->event_id,
	    .channels = message->channels,
	    .retention_days = message->retention_days,
	    .test = message->test,
	    .payload = shown,
	};
	return copy;
}

enum content
call_content(const struct call *call, struct slice event_type)
{
	if (!call->with_content)
		return CONTENT_LEFT_OUT;
	return role_may_read(call->token.role, event_type) ? CONTENT_SHOWN : CONTENT_REDACTED;
}
