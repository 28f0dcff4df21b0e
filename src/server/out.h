/* Outputs: the contract's objects, with null where there is nothing. */
#ifndef SERVER_OUT_H
#define SERVER_OUT_H

#include "model/model.h"
#include "store/store.h"

/* How much is shown of what was posted or answered. */
enum content { CONTENT_LEFT_OUT, CONTENT_SHOWN, CONTENT_REDACTED };

void out_time(struct json_writer *writer, const char *name, struct wall_time time); /* WALL_NONE writes null */
/* A SHA-256 in hexadecimal; what is not of its length writes null. */
void out_digest(struct json_writer *writer, const char *name, struct slice digest);
void out_organisation(struct json_writer *writer, const struct organisation *organisation);
void out_endpoint(struct json_writer *writer, const struct endpoint *endpoint);
/* An endpoint whose change, or creation, waits for a second person: as it is, and what waits as `change`. One that is not
 * there yet is shown as it is to be, in the state `requested`, with the id of the change request. */
struct change_request;
void out_endpoint_held(
    struct json_writer *writer, const struct endpoint *endpoint, const struct change_request *change);
void out_endpoint_headers(struct json_writer *writer, struct slice headers, struct arena *arena);
void out_event_type(struct json_writer *writer, const struct event_type *type, bool with_content);
void out_message(struct json_writer *writer, const struct message *message, enum content content);
void out_evidence(struct json_writer *writer, const struct message *message, const struct store_evidence *evidence);
void out_attempt(struct json_writer *writer, const struct attempt *attempt, enum content content);
/* MessageEndpointOut and EndpointMessageOut: where a delivery stands. */
void out_destination(struct json_writer *writer, const struct store_delivery *delivery);
void out_endpoint_message(struct json_writer *writer, const struct store_delivery *delivery,
    const struct message *shown, enum content content);
void out_token(struct json_writer *writer, const struct token *token, struct slice text); /* absent: not shown again */
void out_audit(struct json_writer *writer, const struct store_audit_row *row);

#endif
