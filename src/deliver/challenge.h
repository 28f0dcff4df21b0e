/* Challenges: URLs that have to prove that they take our events are asked to, until they do.
 *
 * A challenge is a signed POST like a delivery: composed, guarded and timed like one, of the type `webhook.ping`, with a
 * random text as its member `challenge`. Ownership is proved by a 2xx whose body is that challenge: as it is, or as the member
 * `challenge` of a JSON object. What has failed is tried again by the endpoint's schedule; at its end it rests until
 * somebody asks for it.
 *
 * What this is not: truth. Which endpoint has to prove what, how often it was asked and when it is asked next stands in
 * the store; this follows the endpoints that it is shown (challenger_endpoint), and reports outcomes to the store, whose
 * note brings the endpoint back. An outcome that the store could not take is forgotten: then the URL is asked again.
 *
 * No I/O of its own: the sender's ports do it. */
#ifndef DELIVER_CHALLENGE_H
#define DELIVER_CHALLENGE_H

#include "deliver/sender.h"

struct challenger;

struct challenger *challenger_new(const struct sender_options *options, const struct sender_ports *ports);
void challenger_free(struct challenger *challenger);

/* An endpoint as it is now. */
void challenger_endpoint(struct challenger *challenger, const struct endpoint *endpoint, struct wall_time now);
/* Asks what is due; returns when it must be called again (WALL_NEVER: not before something comes in). */
struct wall_time challenger_turn(struct challenger *challenger, struct wall_time now);
/* Takes back a transmission of its own; false: it is none. */
MUST_CHECK bool challenger_report(
    struct challenger *challenger, struct transmission *transmission, struct wall_time now);
/* Takes the answer to STORE_ENDPOINT_VERIFIED. */
void challenger_reply(struct challenger *challenger, struct store_request *request, struct wall_time now);
/* Asks nothing more. */
void challenger_pause(struct challenger *challenger);

/* Whether this answer's body gives the challenge back. Pure. */
bool challenge_answered(struct slice body, struct slice challenge);

#endif
