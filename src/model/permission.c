#include "model/permission.h"

/* One letter for each role makes the table readable as one. */
enum {
	P = 1 << ROLE_PLATFORM_ADMIN,
	A = 1 << ROLE_ADMIN,
	E = 1 << ROLE_ENGINEERING,
	O = 1 << ROLE_PLATFORM_OPERATIONS,
	T = 1 << ROLE_TREASURY_OPERATIONS,
	R = 1 << ROLE_RECONCILIATION,
	C = 1 << ROLE_COMPLIANCE_OPERATIONS,
	S = 1 << ROLE_SECURITY,
	I = 1 << ROLE_INTERNAL_TOOLING,
	V = 1 << ROLE_VIEWER,
	EVERYONE = P | A | E | O | T | R | C | S | I | V,
};

static const struct {
	const char *name, *about;
	unsigned roles;
} permissions[PERMISSION_COUNT] = {
    [PERMISSION_NONE] = {"none", "nothing", 0},
    [PERMISSION_ORGANISATION_READ] = {"organisation:read", "see the organisation and its settings", EVERYONE},
    [PERMISSION_ORGANISATION_WRITE] = {"organisation:write",
	"create, change and delete organisations, their services and environment", P},
    [PERMISSION_ENDPOINT_READ] = {"endpoint:read", "see endpoints, without keys and custom headers", EVERYONE},
    [PERMISSION_ENDPOINT_WRITE] = {"endpoint:write",
	"create, change and delete endpoints; see and change their custom headers", P | A | E},
    [PERMISSION_KEY_READ] = {"key:read", "see an endpoint's signing key", P | A | E},
    [PERMISSION_KEY_ROTATE] = {"key:rotate", "put a new signing key in place of the live one", P | A | E | S},
    [PERMISSION_AUTHENTICATION_READ] = {"authentication:read",
	"see how an endpoint is authenticated to, without secrets, and when certificates expire", P | A | E | S},
    [PERMISSION_AUTHENTICATION_WRITE] = {"authentication:write",
	"set credentials, client certificate, authorities and TLS version of an endpoint", P | A | E},
    [PERMISSION_MESSAGE_READ] = {"message:read", "list messages: ids, types and times", EVERYONE},
    [PERMISSION_MESSAGE_POST] = {"message:post", "post messages", P},
    [PERMISSION_TEST_EVENT] = {"test-event:send", "have test events sent to an endpoint of a sandbox",
	P | A | E | O | I},
    [PERMISSION_PAYLOAD_READ] = {"payload:read", "read payloads of types that the catalogue does not have",
	EVERYONE & ~S},
    [PERMISSION_COMPLIANCE_READ] = {"compliance:read", "read payloads of the compliance service", P | A | C},
    [PERMISSION_ATTEMPT_READ] = {"attempt:read", "see attempts, and where deliveries stand", EVERYONE},
    [PERMISSION_REPLAY] = {"replay", "have messages delivered again", P | A | E | O},
    [PERMISSION_FEED_READ] = {"feed:read", "pull what an endpoint gets, compare with it, and read its manifests",
	P | A | E | O | T | R | C | I},
    [PERMISSION_EVENT_TYPE_READ] = {"event-type:read", "see event types and their schemas", EVERYONE},
    [PERMISSION_EVENT_TYPE_WRITE] = {"event-type:write", "create, change and archive event types", P},
    [PERMISSION_TOKEN_READ] = {"token:read", "list tokens, without their texts", P | A | S},
    [PERMISSION_TOKEN_CREATE] = {"token:create", "create tokens of any role of the organisation", P | A},
    [PERMISSION_TOKEN_REVOKE] = {"token:revoke", "revoke tokens", P | A | S},
    [PERMISSION_AUDIT_READ] = {"audit:read", "read the audit log", P | A | S},
    [PERMISSION_GOVERNANCE_WRITE] = {"governance:write", "set which changes need a second person", P | A | S},
    [PERMISSION_CHANGE_READ] = {"change:read", "see change requests; withdraw one's own", P | A | E | S},
    [PERMISSION_CHANGE_DECIDE] = {"change:decide", "approve or refuse what somebody else asked for", P | A | S},
    [PERMISSION_BREAK_READ] = {"break:read", "at a receiver: see breaks, their history and the runs that found them",
	EVERYONE & ~S},
    [PERMISSION_BREAK_MOVE] = {"break:move", "say what becomes of a break that reconciliation found",
	P | A | O | T | R | C},
    [PERMISSION_JOURNAL_READ] = {"journal:read", "at a receiver: read its journal and where things stand", EVERYONE},
    [PERMISSION_JOURNAL_ACCEPT] = {"journal:accept",
	"at a receiver: propose or accept what was found not to fit the journal's anchor", P | A | S},
    [PERMISSION_REFUSED_READ] = {"refused:read", "at a receiver: see what was refused, and why",
	P | A | E | O | R | S | I},
    [PERMISSION_ALERT_READ] = {"alert:read", "at a receiver: see alerts", EVERYONE},
    [PERMISSION_ALERT_MOVE] = {"alert:move", "at a receiver: acknowledge and resolve alerts",
	P | A | E | O | T | R | C | S},
};

bool
role_may(enum role role, enum permission permission)
{
	ENSURE(role < ROLE_COUNT && permission < PERMISSION_COUNT);
	return (permissions[permission].roles & 1u << role) != 0;
}

const char *
permission_name(enum permission permission)
{
	return permissions[permission].name;
}

const char *
permission_about(enum permission permission)
{
	return permissions[permission].about;
}
