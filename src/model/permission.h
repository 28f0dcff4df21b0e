/* Who may do what: the one table of roles and permissions. Every route of the API names the permission that it needs,
 * and docs/roles.md is checked against this table by a test.
 *
 * What this is not: scope. A role says what its holder may do; the token's organisation says where (server/api.c). */
#ifndef MODEL_PERMISSION_H
#define MODEL_PERMISSION_H

#include "model/model.h"

enum permission {
	PERMISSION_NONE, /* held by nobody: a route that names none is refused, unless it is open */
	PERMISSION_ORGANISATION_READ,
	PERMISSION_ORGANISATION_WRITE,
	PERMISSION_ENDPOINT_READ,
	PERMISSION_ENDPOINT_WRITE,
	PERMISSION_KEY_READ,
	PERMISSION_KEY_ROTATE,
	PERMISSION_AUTHENTICATION_READ,
	PERMISSION_AUTHENTICATION_WRITE,
	PERMISSION_MESSAGE_READ,
	PERMISSION_MESSAGE_POST,
	PERMISSION_TEST_EVENT,
	PERMISSION_PAYLOAD_READ,
	PERMISSION_COMPLIANCE_READ,
	PERMISSION_ATTEMPT_READ,
	PERMISSION_REPLAY,
	PERMISSION_FEED_READ,
	PERMISSION_EVENT_TYPE_READ,
	PERMISSION_EVENT_TYPE_WRITE,
	PERMISSION_TOKEN_READ,
	PERMISSION_TOKEN_CREATE,
	PERMISSION_TOKEN_REVOKE,
	PERMISSION_AUDIT_READ,
	PERMISSION_GOVERNANCE_WRITE,
	PERMISSION_CHANGE_READ,
	PERMISSION_CHANGE_DECIDE,
	PERMISSION_BREAK_READ,
	PERMISSION_BREAK_MOVE,
	PERMISSION_JOURNAL_READ,
	PERMISSION_JOURNAL_ACCEPT,
	PERMISSION_REFUSED_READ,
	PERMISSION_ALERT_READ,
	PERMISSION_ALERT_MOVE,
	PERMISSION_COUNT,
};

bool role_may(enum role role, enum permission permission);
const char *permission_name(enum permission permission);  /* "endpoint:read" */
const char *permission_about(enum permission permission); /* what it allows, in a sentence without its full stop */

#endif
