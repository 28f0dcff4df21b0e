/* What the system tells of itself: events that are emitted inside the commit that causes them.
 *
 * An event of the system (an endpoint fails, a delivery is exhausted, a replay has ended) becomes an ordinary message
 * with ordinary deliveries, in the same transaction as its cause and only when that succeeds. So it can neither be lost
 * between the cause and the telling, nor tell of what did not happen: persist, then speak.
 *
 * Where events come from
 * - A requester gives them with its request before it submits it: store_tell. (Governed changes do that.)
 * - The stores derive them from what a request changed: the emit_… functions below, called where the audit log's are.
 *   From inside the transaction (an edit callback) emit_add adds one.
 * When the request has succeeded the store accepts what was given, then what was derived, in order; a repeat that is
 * answered by its idempotency key tells nothing again.
 *
 * Who receives them
 * - EVENT_OPERATIONAL: the platform's operational webhook endpoints, which belong to the hidden management organisation,
 *   where the store was opened with `operational` on. Svix's types and bodies: {"type", "data"}.
 * - EVENT_OWN: those endpoints of the organisation that *name* the type among their event types. An endpoint without a
 *   filter gets none: whoever subscribed to custody events is not surprised by news of its own plumbing. The body is
 *   the envelope of the catalogue, without `stream_seq` and `resource_seq`: these number the platform's own stream.
 * What nobody takes leaves no message behind; the audit log and the attempts hold the facts.
 *
 * No loops. An event about an endpoint's failing, suspension or recovery does not go to that endpoint (`except`). The
 * deliveries of messages that tell of the system itself (emit_is_told) are tried, held and exhausted like any, but
 * nothing is told of them. And what concerns an operational endpoint is told to the other ones, and only that it was
 * disabled. So each event of the outside causes a bounded number of events here.
 *
 * No secrets and no payloads: data names ids, hosts, types, counts, times and status codes. */
#ifndef STORE_EMIT_H
#define STORE_EMIT_H

#include "store/store.h"

/* --- for requesters ---------------------------------------------------------------------------------- */

/* Gives a copy of the event to the request, which is of a kind that writes and has not been submitted. At most
 * STORE_EVENTS_MAX. */
void store_tell(struct store_request *request, const struct store_event *event);

/* --- for the stores ---------------------------------------------------------------------------------- */

/* Before a request is executed: what an earlier execution derived is forgotten. */
void emit_begin(struct store_request *request);
/* While it is executed. */
void emit_add(struct store_request *request, const struct store_event *event);

void emit_endpoint(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, int64_t held);
void emit_task_ended(struct store_request *request, const struct organisation *of, const struct task *task);

/* What a record did. */
struct emit_record {
	const struct organisation *of;
	const struct endpoint *before, *after;
	const struct message *message; /* NULL: nothing is to be told of the delivery */
	int64_t held;		       /* pending deliveries of the endpoint, where it became suspended */
};
void emit_record(struct store_request *request, const struct emit_record *did);
/* Whether this record may have something to tell of its delivery, so that its message is worth reading. */
bool emit_of_delivery(const struct store_record *record);

/* Whether a message tells of the system itself. `of`: its organisation. */
bool emit_is_told(const struct message *message, const struct organisation *of);
bool emit_takes(const struct store_event *event, const struct endpoint *endpoint);
/* Whether the event is for operational endpoints that are no subject of it. `management`: the organisation they are of. */
bool emit_allowed(const struct store_event *event, struct organisation_id management);
/* The message of this event, with this id; one reference is the caller's. */
struct message *emit_message(
    const struct store_event *event, const struct organisation *of, const struct store_request *request, int64_t id);

#endif
