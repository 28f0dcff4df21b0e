/* The sender: the shell around the engine. Turns committed deliveries into signed requests, outcomes into records.
 *
 * It performs no I/O itself: its ports do. So the server runs it on sockets and a store thread, and the simulator
 * runs the very same code on a virtual clock, a faulty transport and a store that loses power.
 *
 * Invariants
 * 1. Nothing is sent that is not committed: sends come from notes and refills only.
 * 2. An outcome is told to the engine as recorded only by the store's reply.
 * 3. A record that the store could not take (disk full) is submitted again until it is taken.
 * 5. A flight that waits for an access token is in its target's list, and is started or landed by the one fetch that is
 *    under way for it.
 * 4. The same message to the same endpoint has the same id and the same body bytes on every attempt. */
#ifndef DELIVER_SENDER_H
#define DELIVER_SENDER_H

#include "engine/engine.h"
#include "store/store.h"
#include "transport/certificates.h"
#include "transport/transport.h"

struct sender;

/* Ports only take what they are given: replies and reports come later, never from inside the call. */
struct sender_ports {
	void *context;
	void (*submit)(void *context, struct store_request *request);	    /* the reply comes to sender_reply */
	void (*transmit)(void *context, struct transmission *transmission); /* the report comes to sender_report */
	/* Nobody sends under this TLS identity any more; NULL: nobody needs to know. */
	void (*retire)(void *context, const struct tls_identity *identity);
	uint64_t (*random)(void *context);
};

struct sender_options {
	struct engine_options engine;
	struct schedule schedule;	   /* for endpoints without one of their own */
	int64_t timeout_ms;		   /* of one attempt */
	const struct sealer *sealer;	   /* opens endpoint keys; borrowed */
	struct certificates *certificates; /* is told when they expire; borrowed; NULL: nobody watches */
	const struct log *log;
	/* The receiver's forwarding: all endpoints are the operator's own destinations. Requests are not signed, carry
	 * the event's id as webhook-id and the body verbatim. */
	bool sandbox_plain_http; /* endpoints of sandboxes may have http URLs */
	bool forwarding;
	/* Planted bug for tests of the tests: record success when the request leaves, not when it was answered. */
	bool delivered_before_outcome;
};

struct sender *sender_new(const struct sender_options *options, const struct sender_ports *ports);
/* Asks the store for the endpoints; everything else follows from the answers. */
void sender_start(struct sender *sender, struct wall_time now);
void sender_note(struct sender *sender, struct store_note *note, struct wall_time now);	       /* takes the note */
void sender_reply(struct sender *sender, struct store_request *request, struct wall_time now); /* takes the request */
void sender_report(struct sender *sender, struct transmission *transmission, struct wall_time now); /* takes it back */
/* Does what is due; returns when it must be called again (WALL_NEVER: not before something comes in). */
struct wall_time sender_turn(struct sender *sender, struct wall_time now);
/* Starts no more attempts: for an orderly end. */
void sender_pause(struct sender *sender);
/* Frees everything, in flight or not: transmissions must have been ended (transport_free) and requests drained. */
void sender_free(struct sender *sender);

struct sender_counts {
	uint64_t attempts, succeeded, failed, retried, exhausted, suspended, records_repeated;
	struct engine_counts engine;
};
struct sender_counts sender_counts(const struct sender *sender);
/* For simulation: asserts the engine's invariants. */
void sender_check(const struct sender *sender);

#endif
