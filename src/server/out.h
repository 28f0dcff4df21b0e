/* Outputs: the contract's objects, with null where there is nothing. */
#ifndef SERVER_OUT_H
#define SERVER_OUT_H

#include "model/model.h"
#include "store/store.h"

void out_time(struct json_writer *writer, const char *name, struct wall_time time); /* WALL_NONE writes null */
void out_organisation(struct json_writer *writer, const struct organisation *organisation);
void out_endpoint(struct json_writer *writer, const struct endpoint *endpoint);
void out_endpoint_headers(struct json_writer *writer, struct slice headers, struct arena *arena);
void out_event_type(struct json_writer *writer, const struct event_type *type, bool with_content);
void out_message(struct json_writer *writer, const struct message *message, bool with_content);
void out_attempt(struct json_writer *writer, const struct attempt *attempt, bool with_content);
/* MessageEndpointOut and EndpointMessageOut: where a delivery stands. */
void out_destination(struct json_writer *writer, const struct store_delivery *delivery);
void out_endpoint_message(struct json_writer *writer, const struct store_delivery *delivery, bool with_content);

#endif
