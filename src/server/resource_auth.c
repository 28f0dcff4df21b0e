/* Tokens: made for the portal, ended one by one or all of an organisation's at once. */
#include "server/in.h"
#include "server/resources.h"
#include "server/token_text.h"

enum { NAMES_MAX = 64 };
enum { PORTAL_S_DEFAULT = 7 * 86400, PORTAL_S_MAX = 28 * 86400, EXPIRY_S_MAX = 28 * 86400 };

struct portal {
	struct token token;
	struct organisation *organisation; /* made when it is not there; NULL: it must be there */
};

/* --- input ------------------------------------------------------------------------------------------- */

/* An empty list is none. */
static void
read_names(const struct in *in, const struct member *member, size_t count_max, struct slice_list *out)
{
	bool empty = member->value.type == JSON_ARRAY && json_count(member->value) == 0;
	if (!member_null(member) && !empty)
		(void)in_names(in, member, count_max, out);
}

/* What the wire contract calls capabilities is finer than a role: with none that manages, the token only reads. */
static bool
manages(const struct slice_list *capabilities)
{
	return slice_list_has(*capabilities, SLICE("ManageEndpoint")) ||
	       slice_list_has(*capabilities, SLICE("ManageEndpointSecret")) ||
	       slice_list_has(*capabilities, SLICE("CreateAttempts"));
}

static void
read_role(const struct in *in, const struct member *role, const struct member *read_only,
    const struct member *capabilities, enum role *out)
{
	struct slice name;
	bool only_reads = false;
	*out = ROLE_ADMIN;
	(void)in_bool(in, read_only, &only_reads);
	struct slice_list held = {NULL, 0};
	read_names(in, capabilities, NAMES_MAX, &held);
	if (!member_null(capabilities))
		only_reads = only_reads || !manages(&held);
	if (in_text(in, role, LIMIT_UID_BYTES, &name) && (!role_parse(name, out) || *out == ROLE_PLATFORM_ADMIN))
		check_fail(in->check, CHECK_VALUE, role->name, "role must be one of an organisation's roles.");
	if (only_reads)
		*out = ROLE_VIEWER;
}

static void
read_application(struct call *call, const struct in *in, const struct member *member, struct portal *portal)
{
	if (member_null(member))
		return;
	if (member->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, member->name, "application must be an object, not %s.",
		    json_type_name(member->value.type));
		return;
	}
	struct organisation_in given;
	in->check->within = member->name;
	organisation_in_read(in, member->value, &given);
	if (in->check->count == 0 && !slice_present(given.value.uid))
		check_fail(in->check, "application_uid_missing", "uid", "application must have the uid of the path.");
	else if (in->check->count == 0 && !slice_equal(given.value.uid, call->params[0]))
		check_fail(in->check, "application_uid_mismatch", "uid", "uid must be the one in the path.");
	in->check->within = NULL;
	portal->organisation = arena_alloc(in->arena, sizeof *portal->organisation);
	*portal->organisation = given.value;
}

static bool
read_portal(struct call *call, struct portal *portal)
{
	enum { EXPIRY, SESSION, READ_ONLY, CAPABILITIES, ROLE, APPLICATION, FLAGS };
	struct json body;
	if (!call_body_optional(call, &body))
		return false;
	struct member m[] = {{.name = "expiry"}, {.name = "sessionId"}, {.name = "readOnly"}, {.name = "capabilities"},
	    {.name = "role"}, {.name = "application"}, {.name = "featureFlags"}};
	members_find(body, m, COUNT_OF(m));
	struct in in = {&call->exchange->arena, &call->check, false};
	int64_t expiry_s = PORTAL_S_DEFAULT;
	struct slice session = SLICE_NONE;
	(void)in_integer(&in, &m[EXPIRY], 1, PORTAL_S_MAX, &expiry_s);
	(void)in_text(&in, &m[SESSION], LIMIT_UID_BYTES, &session);
	read_role(&in, &m[ROLE], &m[READ_ONLY], &m[CAPABILITIES], &portal->token.role);
	read_application(call, &in, &m[APPLICATION], portal);
	/* Event types are not hidden by flags here; what is given must still be what it should be. */
	struct slice_list flags = {NULL, 0};
	read_names(&in, &m[FLAGS], NAMES_MAX, &flags);
	portal->token.created = call->now;
	portal->token.expires.us = call->now.us + expiry_s * 1000000;
	portal->token.session = slice_present(session) ? token_session(session) : 0;
	return call_checked(call, NULL);
}

/* --- the portal -------------------------------------------------------------------------------------- */

/* The token stands in the fragment, which a browser does not send. */
static void
finish_token(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct slice text = token_text_of(call, request, *(const struct slice *)call->context);
	if (!slice_present(text))
		return;
	struct slice host = http_header(call->exchange, "host");
	struct slice protocol = http_header(call->exchange, "x-forwarded-proto");
	bool secure = slice_present(protocol) && slice_is(protocol, "https");
	struct slice url = arena_printf(&call->exchange->arena, "%s://%.*s/#token=%.*s", secure ? "https" : "http",
	    SLICE_ARG(slice_present(host) ? host : SLICE("localhost")), SLICE_ARG(text));
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_string(writer, "url", url);
	json_put_string(writer, "token", text);
	json_close(writer);
	call_end(call, 200);
}

static void
finish_organisation(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct portal *portal = call->context;
	struct store_request *create = call_request(call, STORE_TOKEN_CREATE);
	portal->token.organisation = request->admin->organisation.id;
	create->admin->token = portal->token;
	create->login = true;
	call_idempotent(call, create);
	struct slice *kept = arena_alloc(&call->exchange->arena, sizeof *kept);
	*kept = token_text_make(call, create);
	call->context = kept;
	call_submit(call, create, finish_token);
}

void
auth_portal(struct call *call)
{
	struct portal *portal = arena_alloc(&call->exchange->arena, sizeof *portal);
	if (!read_portal(call, portal))
		return;
	call->context = portal;
	if (portal->organisation == NULL) {
		call_submit(call, call_request(call, STORE_ORGANISATION_GET), finish_organisation);
		return;
	}
	struct store_request *request = call_request(call, STORE_ORGANISATION_CREATE);
	request->admin->organisation = organisation_copy(&request->arena, portal->organisation);
	request->get_if_exists = true;
	call_submit(call, request, finish_organisation);
}

/* --- ending ------------------------------------------------------------------------------------------ */

void
auth_logout(struct call *call)
{
	struct store_request *request = call_request(call, STORE_TOKEN_REVOKE);
	request->admin->token = call->token;
	call_submit(call, request, call_end_empty);
}

void
auth_expire_all(struct call *call)
{
	struct json body;
	if (!call_body_optional(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_TOKEN_EXPIRE);
	struct in in = {&request->arena, &call->check, false};
	struct member m[] = {{.name = "expiry"}, {.name = "sessionIds"}};
	members_find(body, m, COUNT_OF(m));
	int64_t expiry_s = 0;
	(void)in_integer(&in, &m[0], 0, EXPIRY_S_MAX, &expiry_s);
	/* Clients send an empty list when they mean all. */
	read_names(&in, &m[1], NAMES_MAX, &request->admin->sessions);
	request->admin->token.expires.us = call->now.us + expiry_s * 1000000;
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, call_end_empty);
}
