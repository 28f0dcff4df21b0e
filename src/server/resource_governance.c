/* What an organisation governs, and URLs that have to prove themselves. */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

#include "base/encode.h"
#include "base/random.h"

enum { CHALLENGE_RANDOM_BYTES = 32, CHALLENGE_TEXT_MAX = 64 };

/* --- the settings ------------------------------------------------------------------------------------ */

static void
finish_governance(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	governance_write(call_write(call), &request->admin->organisation.governance);
	call_end(call, 200);
}

void
governance_get(struct call *call)
{
	call_submit(call, call_request(call, STORE_ORGANISATION_GET), finish_governance);
}

static enum error_code
edit_governance(
    void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	(void)existed, (void)error;
	organisation->governance = governance_copy(arena, context);
	return OK;
}

static void
read_governed(const struct in *in, const struct member *member, unsigned *aspects)
{
	in_required(in, member);
	if (member_null(member))
		return;
	struct slice_list names = {NULL, 0};
	bool none = member->value.type == JSON_ARRAY && json_count(member->value) == 0;
	if (none || !in_names(in, member, GOVERN_COUNT, &names))
		return;
	for (size_t i = 0; i < names.count; i++) {
		enum governance_aspect aspect;
		if (governance_aspect_parse(names.items[i], &aspect))
			*aspects |= GOVERN_BIT(aspect);
		else
			check_fail(in->check, CHECK_VALUE, member->name,
			    "Item %zu of %s must be one of url, types, keys, roles, disabling.", i, member->name);
	}
}

void
governance_put(struct call *call)
{
	enum { GOVERNED, COOL_OFF, CONTACT, NOTICE };
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_ORGANISATION_EDIT);
	struct governance *given = arena_alloc(&request->arena, sizeof *given);
	struct in in = {&request->arena, &call->check, false};
	struct member m[] = {
	    {.name = "governed"}, {.name = "coolOffSeconds"}, {.name = "securityContact"}, {.name = "notice"}};
	members_find(body, m, COUNT_OF(m));
	read_governed(&in, &m[GOVERNED], &given->aspects);
	(void)in_integer(&in, &m[COOL_OFF], 0, LIMIT_COOL_OFF_DAYS * 86400, &given->cool_off_s);
	(void)in_text(&in, &m[CONTACT], LIMIT_REASON_BYTES, &given->contact);
	(void)in_text(&in, &m[NOTICE], LIMIT_REASON_BYTES, &given->notice);
	request->admin->edit_organisation = edit_governance;
	request->admin->edit_context = given;
	request->audit_action = "organisation.governance.update";
	if (call_checked(call, request))
		call_submit(call, request, finish_governance);
}

/* --- ownership --------------------------------------------------------------------------------------- */

static struct slice
fresh_challenge(struct arena *arena)
{
	unsigned char bytes[CHALLENGE_RANDOM_BYTES];
	struct buf text;
	random_bytes(bytes, sizeof bytes);
	buf_init(&text, CHALLENGE_TEXT_MAX);
	base64url_append(&text, (struct slice){(const char *)bytes, sizeof bytes});
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

void
verification_want(struct call *call, struct store_request *request)
{
	/* The platform's own endpoints are its own to answer for. */
	bool own = (call->route->flags & ROUTE_MANAGEMENT) != 0;
	if (call->api->options.config->endpoints_verify_ownership && !own)
		request->admin->challenge = fresh_challenge(&request->arena);
}

static void
finish_verify(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_endpoint(call_write(call), &request->admin->endpoint);
	call_end(call, 202);
}

struct asking {
	struct slice challenge;
	struct wall_time now;
};

static enum error_code
edit_verification(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)arena, (void)existed;
	const struct asking *asking = context;
	struct verification *verification = &endpoint->verification;
	if (!slice_present(verification->challenge))
		return error_set(error, ERR_CONFLICT, "The endpoint has nothing to prove.");
	*verification =
	    (struct verification){.challenge = asking->challenge, .url = verification->url, .due = asking->now};
	return OK;
}

/* Another challenge, at once, with all its attempts. */
void
endpoint_verify(struct call *call)
{
	struct store_request *request = call_request(call, STORE_ENDPOINT_EDIT);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	struct asking *asking = arena_alloc(&request->arena, sizeof *asking);
	*asking = (struct asking){fresh_challenge(&request->arena), call->now};
	request->admin->edit_endpoint = edit_verification;
	request->admin->edit_context = asking;
	request->audit_action = "endpoint.verify";
	call_submit(call, request, finish_verify);
}
