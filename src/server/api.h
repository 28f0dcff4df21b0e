/* The management API: Svix's wire contract under /api/v1 and what this server adds to it.
 *
 * It lives on one loop: the loop's owner hands it requests (api_request), what comes back from the store
 * (api_reply), and calls api_flush once a turn, which gives the runner everything that was gathered meanwhile as
 * one list. Nothing is answered 2xx before the commit that makes it true.
 *
 * Invariants
 * 1. Every answer is JSON, errors too: {code, detail}, or {detail: [{loc, msg, type}]} for 422.
 * 2. A token of an organisation sees that organisation and no other: another one is 404, not 403.
 * 3. A posted payload is stored, sent and shown as the bytes that were posted. */
#ifndef SERVER_API_H
#define SERVER_API_H

#include "config/config.h"
#include "server/http.h"
#include "server/pressure.h"
#include "store/runner.h"
#include "transport/certificates.h"

struct api;

/* What others count; all since the start, but `held`, which is now. */
struct api_measures {
	uint64_t attempts_succeeded, attempts_failed, retried, exhausted;
	uint64_t waiting, ready, blocked, flying, recording; /* deliveries in the engine's memory */
	struct store_runner_counts store;
	uint64_t queue_bytes; /* of payloads on their way from the store to the sender */
};

struct api_options {
	const struct config *config;
	const struct sealer *sealer;
	struct certificates *certificates; /* when they expire; NULL: nobody watches */
	struct store_runner *runner;
	struct mailbox *mailbox; /* the loop's: where the store's replies go */
	int reply_kind;		 /* their mail.kind */
	const struct log *log;
	void (*measure)(void *context, struct api_measures *out); /* NULL: nobody counts */
	void *measure_context;
	/* What new events are refused by; called for each of them, so it must be cheap. NULL: they never are. */
	void (*read_pressure)(void *context, struct pressure_reading *out);
	int64_t disk_floor_bytes; /* that must be free where the data is; 0: no limit */
};

struct api *api_new(const struct api_options *options);
void api_request(struct api *api, struct http_exchange *exchange);
void api_gone(struct api *api, struct http_exchange *exchange);
/* Takes the request. */
void api_reply(struct api *api, struct store_request *request);
void api_flush(struct api *api);
/* As api_flush; also begins what is due. Returns microseconds until the next turn is needed, or -1. */
int64_t api_turn(struct api *api);
void api_free(struct api *api); /* after the runner has stopped and its last replies were handed in */

#endif
