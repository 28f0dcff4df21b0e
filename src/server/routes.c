/* The route table: what there is, who may, and who does it. */
#include "server/resources.h"

#define APP "app/{app_id}"
#define ENDPOINT APP "/endpoint/{endpoint_id}"
#define MESSAGE APP "/msg/{msg_id}"
#define OPERATIONAL "operational-webhook/endpoint"

/* clang-format off */
static const struct route routes[] = {
    /* The busiest first. */
    {"POST", APP "/msg", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, message_create, "v1.message.create", "Post an event", "MessageIn", "MessageOut", 202, 0, 0, QUERY_CONTENT},
    {"GET", APP "/msg", ACCESS_ORGANISATION, PERMISSION_MESSAGE_READ, message_list, "v1.message.list", "List events, newest first", NULL, "MessageOut", 200, 0, ROUTE_LIST, QUERY_MESSAGES},
    {"POST", APP "/msg/precheck/active", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_READ, message_precheck, "v1.message.precheck", "Tell whether an event would go to any endpoint", "MessagePrecheckIn", "MessagePrecheckOut", 200, 0, 0, 0},
    {"POST", APP "/msg/bulk-expunge", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, message_bulk_expunge, "v1.message.bulk-expunge-content", "Expunge the contents of events", "BulkExpungeContentsIn", "BulkExpungeContentsOut", 200, 0, 0, 0},
    {"POST", APP "/msg/expunge-all-contents", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, message_expunge_all, "v1.message.expunge-all-contents", "Expunge the contents of all events, as a task", NULL, "TaskOut", 202, 0, 0, 0},
    {"GET", MESSAGE, ACCESS_ORGANISATION, PERMISSION_MESSAGE_READ, message_get, "v1.message.get", "Get an event", NULL, "MessageOut", 200, 0, 0, QUERY_CONTENT},
    {"GET", MESSAGE "/evidence", ACCESS_ORGANISATION, PERMISSION_MESSAGE_READ, message_evidence, "v1.message.evidence", "Get what proves an event's payload, also when it is gone", NULL, "MessageEvidenceOut", 200, 0, 0, 0},
    {"DELETE", MESSAGE "/content", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, message_expunge, "v1.message.expunge-content", "Expunge an event's content", NULL, NULL, 204, 0, 0, 0},
    {"GET", MESSAGE "/endpoint", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_destinations, "v1.message-attempt.list-attempted-destinations", "List where an event went", NULL, "MessageEndpointOut", 200, 0, ROUTE_LIST, QUERY_PAGE},
    {"POST", MESSAGE "/endpoint/{endpoint_id}/resend", ACCESS_ORGANISATION, PERMISSION_REPLAY, attempt_resend, "v1.message-attempt.resend", "Send an event to an endpoint again", NULL, "EmptyResponse", 202, 0, 0, 0},
    {"GET", MESSAGE "/endpoint/{endpoint_id}/attempt", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_destination, "v1.message-attempt.list-by-endpoint-deprecated", "List the attempts of an event at an endpoint", NULL, "MessageAttemptOut", 200, 0, ROUTE_LIST, QUERY_ATTEMPTS},
    {"GET", MESSAGE "/attempt", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_message, "v1.message-attempt.list-by-msg-deprecated", "List the attempts of an event", NULL, "MessageAttemptOut", 200, 0, ROUTE_LIST, QUERY_ATTEMPTS | QUERY_ENDPOINT},
    {"GET", MESSAGE "/attempt/{attempt_id}", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_get, "v1.message-attempt.get", "Get an attempt", NULL, "MessageAttemptOut", 200, 0, 0, 0},
    {"DELETE", MESSAGE "/attempt/{attempt_id}/content", ACCESS_PLATFORM, PERMISSION_MESSAGE_POST, attempt_expunge, "v1.message-attempt.expunge-content", "Expunge what an attempt was answered", NULL, NULL, 204, 0, 0, 0},
    {"GET", APP "/attempt/endpoint/{endpoint_id}", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_endpoint, "v1.message-attempt.list-by-endpoint", "List the attempts at an endpoint", NULL, "MessageAttemptOut", 200, 0, ROUTE_LIST, QUERY_ATTEMPTS},
    {"GET", APP "/attempt/msg/{msg_id}", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_list_of_message, "v1.message-attempt.list-by-msg", "List the attempts of an event", NULL, "MessageAttemptOut", 200, 0, ROUTE_LIST, QUERY_ATTEMPTS | QUERY_ENDPOINT},

    {"GET", "app", ACCESS_PLATFORM, PERMISSION_ORGANISATION_READ, organisation_list, "v1.application.list", "List organisations", NULL, "ApplicationOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER},
    {"POST", "app", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_create, "v1.application.create", "Create an organisation", "ApplicationIn", "ApplicationOut", 201, 200, 0, QUERY_GET_IF_EXISTS},
    {"GET", APP, ACCESS_ORGANISATION, PERMISSION_ORGANISATION_READ, organisation_get, "v1.application.get", "Get an organisation", NULL, "ApplicationOut", 200, 0, 0, 0},
    {"PUT", APP, ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_put, "v1.application.update", "Replace or create an organisation", "ApplicationIn", "ApplicationOut", 200, 201, 0, 0},
    {"PATCH", APP, ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_patch, "v1.application.patch", "Change an organisation", "ApplicationPatch", "ApplicationOut", 200, 0, 0, 0},
    {"DELETE", APP, ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_delete, "v1.application.delete", "Delete an organisation", NULL, NULL, 204, 0, ROUTE_GOVERNED, 0},

    {"POST", APP "/sandbox", ACCESS_PLATFORM, PERMISSION_ORGANISATION_WRITE, organisation_sandbox, "v1.application.sandbox", "Make, or get, a production's sandbox", "SandboxIn", "ApplicationOut", 201, 200, ROUTE_INPUT_OPTIONAL, 0},

    {"GET", APP "/endpoint", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_READ, endpoint_list, "v1.endpoint.list", "List endpoints", NULL, "EndpointOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER | QUERY_OWNERS},
    {"POST", APP "/endpoint", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_create, "v1.endpoint.create", "Create an endpoint", "EndpointIn", "EndpointOut", 201, 0, ROUTE_GOVERNED, 0},
    {"GET", ENDPOINT, ACCESS_ORGANISATION, PERMISSION_ENDPOINT_READ, endpoint_get, "v1.endpoint.get", "Get an endpoint", NULL, "EndpointOut", 200, 0, 0, 0},
    {"PUT", ENDPOINT, ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_put, "v1.endpoint.update", "Replace or create an endpoint", "EndpointUpdate", "EndpointOut", 200, 201, ROUTE_GOVERNED, 0},
    {"PATCH", ENDPOINT, ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_patch, "v1.endpoint.patch", "Change an endpoint", "EndpointPatch", "EndpointOut", 200, 0, ROUTE_GOVERNED, 0},
    {"DELETE", ENDPOINT, ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_delete, "v1.endpoint.delete", "Delete an endpoint", NULL, NULL, 204, 0, ROUTE_GOVERNED, 0},
    {"GET", ENDPOINT "/msg", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, attempt_messages, "v1.message-attempt.list-attempted-messages", "List the events that went to an endpoint", NULL, "EndpointMessageOut", 200, 0, ROUTE_LIST, QUERY_MESSAGES | QUERY_STATUS},
    {"GET", ENDPOINT "/events", ACCESS_ORGANISATION, PERMISSION_FEED_READ, feed_list, "v1.endpoint.events", "Pull what an endpoint gets, by its gap-free sequence", NULL, "FeedOut", 200, 0, 0, QUERY_FEED},
    {"GET", ENDPOINT "/digests", ACCESS_ORGANISATION, PERMISSION_FEED_READ, digest_list, "v1.endpoint.digests", "Digests of what an endpoint gets, by day, hour, minute, second and event", NULL, "DigestOut", 200, 0, 0, QUERY_DIGEST},
    {"GET", ENDPOINT "/secret", ACCESS_ORGANISATION, PERMISSION_KEY_READ, endpoint_secret, "v1.endpoint.get-secret", "Get an endpoint's secret", NULL, "EndpointSecretOut", 200, 0, 0, 0},
    {"POST", ENDPOINT "/secret/rotate", ACCESS_ORGANISATION, PERMISSION_KEY_ROTATE, endpoint_rotate, "v1.endpoint.rotate-secret", "Give an endpoint a new secret", "EndpointSecretRotateIn", NULL, 204, 0, ROUTE_INPUT_OPTIONAL | ROUTE_GOVERNED, 0},
    {"GET", ENDPOINT "/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers, "v1.endpoint.get-headers", "Get an endpoint's custom headers", NULL, "EndpointHeadersOut", 200, 0, 0, 0},
    {"PUT", ENDPOINT "/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers_put, "v1.endpoint.update-headers", "Set an endpoint's custom headers", "EndpointHeadersIn", NULL, 204, 0, ROUTE_GOVERNED, 0},
    {"PATCH", ENDPOINT "/headers", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_headers_patch, "v1.endpoint.patch-headers", "Change an endpoint's custom headers", "EndpointHeadersPatchIn", NULL, 204, 0, ROUTE_GOVERNED, 0},
    {"POST", ENDPOINT "/verify", ACCESS_ORGANISATION, PERMISSION_ENDPOINT_WRITE, endpoint_verify, "v1.endpoint.verify", "Ask an endpoint to prove its ownership again", NULL, "EndpointOut", 202, 0, 0, 0},
    {"GET", ENDPOINT "/authentication", ACCESS_ORGANISATION, PERMISSION_AUTHENTICATION_READ, authentication_get, "v1.endpoint.get-authentication", "Get how an endpoint is authenticated to, without its secrets", NULL, "EndpointAuthenticationOut", 200, 0, 0, 0},
    {"PUT", ENDPOINT "/authentication", ACCESS_ORGANISATION, PERMISSION_AUTHENTICATION_WRITE, authentication_put, "v1.endpoint.update-authentication", "Set how an endpoint is authenticated to", "EndpointAuthenticationIn", "EndpointAuthenticationOut", 200, 0, ROUTE_GOVERNED, 0},
    {"DELETE", ENDPOINT "/authentication", ACCESS_ORGANISATION, PERMISSION_AUTHENTICATION_WRITE, authentication_delete, "v1.endpoint.delete-authentication", "Remove how an endpoint is authenticated to", NULL, NULL, 204, 0, ROUTE_GOVERNED, 0},
    {"GET", ENDPOINT "/stats", ACCESS_ORGANISATION, PERMISSION_ATTEMPT_READ, endpoint_stats, "v1.endpoint.get-stats", "Count an endpoint's attempts by outcome", NULL, "EndpointStats", 200, 0, 0, QUERY_RANGE},
    {"POST", ENDPOINT "/send-example", ACCESS_ORGANISATION, PERMISSION_TEST_EVENT, endpoint_send_example, "v1.endpoint.send-example", "Send an example of an event type to an endpoint", "EventExampleIn", "MessageOut", 200, 0, 0, 0},
    {"POST", ENDPOINT "/send-examples", ACCESS_ORGANISATION, PERMISSION_TEST_EVENT, endpoint_send_examples, "v1.endpoint.send-examples", "Send an example of every event type of the catalogue to an endpoint", "EventExamplesIn", "EventExamplesOut", 200, 0, ROUTE_INPUT_OPTIONAL, 0},
    {"POST", ENDPOINT "/recover", ACCESS_ORGANISATION, PERMISSION_REPLAY, endpoint_recover, "v1.endpoint.recover", "Send what failed again, as a task", "RecoverIn", "TaskOut", 202, 0, 0, 0},
    {"POST", ENDPOINT "/replay-missing", ACCESS_ORGANISATION, PERMISSION_REPLAY, endpoint_replay_missing, "v1.endpoint.replay-missing", "Send what the endpoint never had, as a task", "ReplayIn", "TaskOut", 202, 0, 0, 0},
    {"POST", ENDPOINT "/bulk-replay", ACCESS_ORGANISATION, PERMISSION_REPLAY, endpoint_bulk_replay, "v1.endpoint.bulk-replay", "Send again what fits filters, as a task", "BulkReplayIn", "TaskOut", 202, 0, 0, 0},

    {"GET", "event-type", ACCESS_ANY, PERMISSION_EVENT_TYPE_READ, event_type_list, "v1.event-type.list", "List event types", NULL, "EventTypeOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_CONTENT | QUERY_ARCHIVED},
    {"POST", "event-type", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_create, "v1.event-type.create", "Create an event type", "EventTypeIn", "EventTypeOut", 201, 0, 0, 0},
    {"GET", "event-type/{event_type_name}", ACCESS_ANY, PERMISSION_EVENT_TYPE_READ, event_type_get, "v1.event-type.get", "Get an event type", NULL, "EventTypeOut", 200, 0, 0, 0},
    {"PUT", "event-type/{event_type_name}", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_put, "v1.event-type.update", "Replace or create an event type", "EventTypeUpdate", "EventTypeOut", 200, 201, 0, 0},
    {"PATCH", "event-type/{event_type_name}", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_patch, "v1.event-type.patch", "Change an event type", "EventTypePatch", "EventTypeOut", 200, 0, 0, 0},
    {"DELETE", "event-type/{event_type_name}", ACCESS_PLATFORM, PERMISSION_EVENT_TYPE_WRITE, event_type_delete, "v1.event-type.delete", "Archive or remove an event type", NULL, NULL, 204, 0, 0, QUERY_EXPUNGE},

    {"GET", APP "/token", ACCESS_ORGANISATION, PERMISSION_TOKEN_READ, token_list, "v1.token.list", "List an organisation's tokens, without their texts", NULL, "TokenOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER},
    {"POST", APP "/token", ACCESS_ORGANISATION, PERMISSION_TOKEN_CREATE, token_create, "v1.token.create", "Create a token, which is shown once", "TokenIn", "TokenCreatedOut", 201, 0, ROUTE_GOVERNED, 0},
    {"GET", APP "/token/{token_id}", ACCESS_ORGANISATION, PERMISSION_TOKEN_READ, token_get, "v1.token.get", "Get a token, without its text", NULL, "TokenOut", 200, 0, 0, 0},
    {"DELETE", APP "/token/{token_id}", ACCESS_ORGANISATION, PERMISSION_TOKEN_REVOKE, token_revoke, "v1.token.revoke", "Revoke a token", NULL, NULL, 204, 0, ROUTE_GOVERNED, 0},
    {"GET", APP "/governance", ACCESS_ORGANISATION, PERMISSION_ORGANISATION_READ, governance_get, "v1.governance.get", "Get which changes need a second person", NULL, "Governance", 200, 0, 0, 0},
    {"PUT", APP "/governance", ACCESS_ORGANISATION, PERMISSION_GOVERNANCE_WRITE, governance_put, "v1.governance.update", "Set which changes need a second person", "GovernanceIn", "Governance", 200, 0, ROUTE_GOVERNED, 0},
    {"GET", APP "/signing-key", ACCESS_ORGANISATION, PERMISSION_KEY_READ, signing_key_get, "v1.signing-key.get", "Get the public part of an organisation's signing key", NULL, "SigningKeyOut", 200, 0, 0, 0},
    {"POST", APP "/signing-key/rotate", ACCESS_ORGANISATION, PERMISSION_KEY_ROTATE, signing_key_rotate, "v1.signing-key.rotate", "Give an organisation a new signing key, or its first", "SigningKeyRotateIn", NULL, 204, 0, ROUTE_INPUT_OPTIONAL | ROUTE_GOVERNED, 0},
    {"GET", APP "/change", ACCESS_ORGANISATION, PERMISSION_CHANGE_READ, change_list, "v1.change.list", "List change requests, newest first", NULL, "ChangeOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER | QUERY_CHANGE},
    {"GET", APP "/change/{change_id}", ACCESS_ORGANISATION, PERMISSION_CHANGE_READ, change_get, "v1.change.get", "Get a change request", NULL, "ChangeOut", 200, 0, 0, 0},
    {"POST", APP "/change/{change_id}/approve", ACCESS_ORGANISATION, PERMISSION_CHANGE_DECIDE, change_approve, "v1.change.approve", "Approve what somebody else asked for", "ChangeDecisionIn", "ChangeOut", 200, 0, ROUTE_INPUT_OPTIONAL, 0},
    {"POST", APP "/change/{change_id}/refuse", ACCESS_ORGANISATION, PERMISSION_CHANGE_DECIDE, change_refuse, "v1.change.refuse", "Refuse what somebody else asked for", "ChangeRefusalIn", "ChangeOut", 200, 0, 0, 0},
    {"POST", APP "/change/{change_id}/withdraw", ACCESS_ORGANISATION, PERMISSION_CHANGE_READ, change_withdraw, "v1.change.withdraw", "Withdraw one's own change request", "ChangeDecisionIn", "ChangeOut", 200, 0, ROUTE_INPUT_OPTIONAL, 0},
    {"GET", APP "/audit", ACCESS_ORGANISATION, PERMISSION_AUDIT_READ, audit_list, "v1.audit.list", "List what was changed in an organisation, newest first", NULL, "AuditOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER},
    {"GET", "audit", ACCESS_PLATFORM, PERMISSION_AUDIT_READ, audit_list, "v1.audit.list-all", "List all that was changed, newest first", NULL, "AuditOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER},

    {"POST", "auth/app-portal-access/{app_id}", ACCESS_PLATFORM, PERMISSION_TOKEN_CREATE, auth_portal, "v1.authentication.app-portal-access", "Make a token for the portal", "AppPortalAccessIn", "AppPortalAccessOut", 200, 0, ROUTE_INPUT_OPTIONAL, 0},
    {"POST", "auth/dashboard-access/{app_id}", ACCESS_PLATFORM, PERMISSION_TOKEN_CREATE, auth_portal, "v1.authentication.dashboard-access", "Make a token for the portal (the older name)", "AppPortalAccessIn", "AppPortalAccessOut", 200, 0, ROUTE_INPUT_OPTIONAL, 0},
    {"POST", "auth/app/{app_id}/expire-all", ACCESS_PLATFORM, PERMISSION_TOKEN_REVOKE, auth_expire_all, "v1.authentication.expire-all", "End an organisation's tokens", "ApplicationTokenExpireIn", NULL, 204, 0, ROUTE_INPUT_OPTIONAL | ROUTE_GOVERNED, 0},
    {"POST", "auth/logout", ACCESS_ANY, PERMISSION_ORGANISATION_READ, auth_logout, "v1.authentication.logout", "Revoke the token that is used", NULL, NULL, 204, 0, 0, 0},

    {"GET", "background-task", ACCESS_ANY, PERMISSION_ATTEMPT_READ, task_list, "v1.background-task.list", "List tasks", NULL, "BackgroundTaskOut", 200, 0, ROUTE_LIST, QUERY_PAGE | QUERY_ORDER | QUERY_TASK},
    {"GET", "background-task/{task_id}", ACCESS_ANY, PERMISSION_ATTEMPT_READ, task_get, "v1.background-task.get", "Get a task", NULL, "BackgroundTaskOut", 200, 0, 0, 0},
    {"POST", "background-task/{task_id}/cancel", ACCESS_ANY, PERMISSION_REPLAY, task_cancel, "v1.background-task.cancel", "Cancel a task", NULL, "BackgroundTaskOut", 200, 0, 0, 0},
    {"POST", "stats/usage/app", ACCESS_PLATFORM, PERMISSION_ORGANISATION_READ, task_usage, "v1.statistics.aggregate-app-stats", "Count events by organisation, as a task", "AppUsageStatsIn", "AppUsageStatsOut", 202, 0, 0, 0},
    {"PUT", "stats/usage/event-types", ACCESS_PLATFORM, PERMISSION_ORGANISATION_READ, task_types, "v1.statistics.aggregate-event-types", "Count events by type, as a task", NULL, "TaskOut", 202, 0, 0, 0},

    {"GET", OPERATIONAL, ACCESS_PLATFORM, PERMISSION_ENDPOINT_READ, endpoint_list, "v1.operational-webhook.endpoint.list", "List operational webhook endpoints", NULL, "EndpointOut", 200, 0, ROUTE_LIST | ROUTE_MANAGEMENT, QUERY_PAGE | QUERY_ORDER},
    {"POST", OPERATIONAL, ACCESS_PLATFORM, PERMISSION_ENDPOINT_WRITE, endpoint_create, "v1.operational-webhook.endpoint.create", "Create an operational webhook endpoint", "OperationalWebhookEndpointIn", "EndpointOut", 201, 0, ROUTE_MANAGEMENT, 0},
    {"GET", OPERATIONAL "/{endpoint_id}", ACCESS_PLATFORM, PERMISSION_ENDPOINT_READ, endpoint_get, "v1.operational-webhook.endpoint.get", "Get an operational webhook endpoint", NULL, "EndpointOut", 200, 0, ROUTE_MANAGEMENT, 0},
    {"PUT", OPERATIONAL "/{endpoint_id}", ACCESS_PLATFORM, PERMISSION_ENDPOINT_WRITE, endpoint_put, "v1.operational-webhook.endpoint.update", "Replace or create an operational webhook endpoint", "OperationalWebhookEndpointIn", "EndpointOut", 200, 201, ROUTE_MANAGEMENT, 0},
    {"DELETE", OPERATIONAL "/{endpoint_id}", ACCESS_PLATFORM, PERMISSION_ENDPOINT_WRITE, endpoint_delete, "v1.operational-webhook.endpoint.delete", "Delete an operational webhook endpoint", NULL, NULL, 204, 0, ROUTE_MANAGEMENT, 0},
    {"GET", OPERATIONAL "/{endpoint_id}/secret", ACCESS_PLATFORM, PERMISSION_KEY_READ, endpoint_secret, "v1.operational-webhook.endpoint.get-secret", "Get an operational webhook endpoint's secret", NULL, "EndpointSecretOut", 200, 0, ROUTE_MANAGEMENT, 0},
    {"POST", OPERATIONAL "/{endpoint_id}/secret/rotate", ACCESS_PLATFORM, PERMISSION_KEY_ROTATE, endpoint_rotate, "v1.operational-webhook.endpoint.rotate-secret", "Give an operational webhook endpoint a new secret", "EndpointSecretRotateIn", NULL, 204, 0, ROUTE_MANAGEMENT | ROUTE_INPUT_OPTIONAL, 0},
    {"GET", OPERATIONAL "/{endpoint_id}/headers", ACCESS_PLATFORM, PERMISSION_ENDPOINT_WRITE, endpoint_headers, "v1.operational-webhook.endpoint.get-headers", "Get an operational webhook endpoint's custom headers", NULL, "EndpointHeadersOut", 200, 0, ROUTE_MANAGEMENT, 0},
    {"PUT", OPERATIONAL "/{endpoint_id}/headers", ACCESS_PLATFORM, PERMISSION_ENDPOINT_WRITE, endpoint_headers_put, "v1.operational-webhook.endpoint.update-headers", "Set an operational webhook endpoint's custom headers", "EndpointHeadersIn", NULL, 204, 0, ROUTE_MANAGEMENT, 0},
    {"GET", OPERATIONAL "/{endpoint_id}" "/authentication", ACCESS_PLATFORM, PERMISSION_AUTHENTICATION_READ, authentication_get, "v1.operational-webhook.endpoint.get-authentication", "Get how an operational webhook endpoint is authenticated to, without its secrets", NULL, "EndpointAuthenticationOut", 200, 0, ROUTE_MANAGEMENT, 0},
    {"PUT", OPERATIONAL "/{endpoint_id}" "/authentication", ACCESS_PLATFORM, PERMISSION_AUTHENTICATION_WRITE, authentication_put, "v1.operational-webhook.endpoint.update-authentication", "Set how an operational webhook endpoint is authenticated to", "EndpointAuthenticationIn", "EndpointAuthenticationOut", 200, 0, ROUTE_MANAGEMENT, 0},
    {"DELETE", OPERATIONAL "/{endpoint_id}" "/authentication", ACCESS_PLATFORM, PERMISSION_AUTHENTICATION_WRITE, authentication_delete, "v1.operational-webhook.endpoint.delete-authentication", "Remove how an operational webhook endpoint is authenticated to", NULL, NULL, 204, 0, ROUTE_MANAGEMENT, 0},

    {"GET", "health", ACCESS_OPEN, PERMISSION_NONE, health_get, "v1.health.get", "Tell whether the server can do its work", NULL, "HealthOut", 200, 0, 0, 0},
    {"GET", "health/ping", ACCESS_OPEN, PERMISSION_NONE, health_ping, "v1.health.ping", "Tell that the server is there", NULL, NULL, 204, 0, 0, 0},
    {"GET", "openapi.json", ACCESS_OPEN, PERMISSION_NONE, openapi_get, "v1.openapi.get", "Get this description", NULL, "OpenApi", 200, 0, 0, 0},
};

static const struct route outside[] = {
    {"GET", "/.well-known/jwks.json", ACCESS_OPEN, PERMISSION_NONE, health_jwks, NULL, NULL, NULL, NULL, 200, 0, 0, 0},
    {"GET", "/metrics", ACCESS_OPEN, PERMISSION_NONE, metrics_get, NULL, NULL, NULL, NULL, 200, 0, 0, 0},
};
/* clang-format on */

static bool
fits(const char *pattern, const struct slice *segments, size_t count)
{
	struct slice rest = slice_of(pattern);
	size_t at = 0;
	while (slice_present(rest)) {
		struct slice part = slice_cut(&rest, '/');
		if (at == count || (!route_parameter(part) && !slice_equal(part, segments[at])))
			return false;
		at++;
	}
	return at == count;
}

/* RFC 9110 section 9.3.2: HEAD is answered wherever GET is. */
static bool
does_method(const struct route *route, struct slice method)
{
	return slice_is(method, route->method) || (slice_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

const struct route *
route_find(struct slice method, const struct slice *segments, size_t count, struct buf *allow)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (!fits(routes[i].pattern, segments, count))
			continue;
		if (does_method(&routes[i], method))
			return &routes[i];
		buf_text(allow, allow->len == 0 ? "" : ", ");
		buf_text(allow, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			buf_text(allow, ", HEAD");
	}
	return NULL;
}

const struct route *
route_outside(struct slice method, struct slice path)
{
	for (size_t i = 0; i < COUNT_OF(outside); i++)
		if (slice_is(path, outside[i].pattern) && does_method(&outside[i], method))
			return &outside[i];
	return NULL;
}

size_t
route_count(void)
{
	return COUNT_OF(routes);
}

const struct route *
route_at(size_t at)
{
	ENSURE(at < COUNT_OF(routes));
	return &routes[at];
}
