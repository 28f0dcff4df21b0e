/* The handlers of the route table, one file for each resource (resource_*.c). */
#ifndef SERVER_RESOURCES_H
#define SERVER_RESOURCES_H

#include "server/call.h"

call_handler organisation_list, organisation_create, organisation_get, organisation_put, organisation_patch,
    organisation_delete, organisation_sandbox;
call_handler endpoint_list, endpoint_create, endpoint_get, endpoint_put, endpoint_patch, endpoint_delete;
call_handler endpoint_secret, endpoint_rotate, endpoint_headers, endpoint_headers_put, endpoint_headers_patch;
call_handler endpoint_stats, endpoint_send_example, endpoint_send_examples;
call_handler authentication_get, authentication_put, authentication_delete;
call_handler event_type_list, event_type_create, event_type_get, event_type_put, event_type_patch, event_type_delete;
call_handler message_create, message_list, message_get, message_evidence, message_precheck, message_expunge,
    message_bulk_expunge;
call_handler attempt_list_of_endpoint, attempt_list_of_message, attempt_list_of_destination, attempt_get;
call_handler attempt_destinations, attempt_messages, attempt_resend, attempt_expunge;
call_handler auth_portal, auth_expire_all, auth_logout;
call_handler endpoint_recover, endpoint_replay_missing, endpoint_bulk_replay, message_expunge_all;
call_handler feed_list, digest_list;
call_handler task_list, task_get, task_cancel, task_usage, task_types;
call_handler token_create, token_list, token_get, token_revoke, audit_list;
call_handler change_list, change_get, change_approve, change_refuse, change_withdraw;
call_handler signing_key_get, signing_key_rotate;
call_handler governance_get, governance_put, endpoint_verify;
call_handler health_get, health_ping, health_jwks, metrics_get, openapi_get;

/* resource_task.c: asks for a step of what is running, unless one is on its way; and takes the answer to it. */
void tasks_go_on(struct api *api);
void tasks_stepped(struct api *api, const struct store_request *request);

/* resource_change.c: has what is due applied, when it is; takes the answer to it; and knows when the next is due. */
void changes_go_on(struct api *api, struct wall_time now);
void changes_stepped(struct api *api, const struct store_request *request);
void changes_expect(struct api *api, const struct store_request *request);

/* resource_authentication.c: the member `authentication` of a new endpoint, whose other members are in the request. */
struct store_request;
void authentication_with_new(struct call *call, struct store_request *request, struct json body);

/* The body of a rotation, as far as it is given: clients send none, or `{}`. */
struct rotate_in;
MUST_CHECK bool call_rotate_body(struct call *call, bool public, struct rotate_in *out);
/* resource_governance.c: what the request makes or moves has to prove itself, where the configuration says so. */
void verification_want(struct call *call, struct store_request *request);

#endif
