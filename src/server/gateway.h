/* The receiver's HTTP side: `POST /in/NAME` and `/health`, over http.h, receive.h and the store's runner.
 *
 * Requests are judged at once; those that pass are gathered and go to the store as one list (gateway_flush), and
 * are answered when their commit is reported (gateway_reply). So a 2xx always stands for a committed row.
 * Everything here is called from the loop's thread. The owner of the loop wires it:
 *   http_options.handlers = {gateway_request, gateway_gone}, context = the gateway
 *   mail of `reply_kind`  → gateway_reply
 *   once a turn, after the HTTP daemon ran → gateway_flush */
#ifndef SERVER_GATEWAY_H
#define SERVER_GATEWAY_H

#include "receive/receive.h"
#include "server/access.h"
#include "server/http.h"
#include "store/runner.h"

struct gateway;

struct gateway_options {
	const struct receive_sources *sources; /* borrowed, outlives the gateway */
	struct store_runner *runner;
	struct mailbox *mailbox; /* where the store's replies go */
	int reply_kind;
	const struct log *log;
	/* The keys of this source may have changed; called often. NULL: nobody fetches them. */
	void (*keys_wanted)(void *context, size_t source);
	void *keys_context;
	/* A manifest was journalled. NULL: nobody checks it. */
	void (*manifest)(void *context, struct slice source, struct slice body);
	void *manifest_context;
	/* Who may send, by source; borrowed. NULL: anybody. */
	const struct access *access;
	const struct guard *proxies;
};

/* Since the start; a duplicate is an accepted repeat, a conflict another body under a known id. */
struct gateway_counters {
	uint64_t accepted, duplicates, conflicts;
	uint64_t refused[VERDICT_COUNT];   /* by verdict; VERDICT_VERIFIED: good, but there was no journal */
	uint64_t looked_up, not_authentic; /* of those that were pulled */
	uint64_t no_keys;		   /* refused because the source has no keys */
	uint64_t unrecorded;		   /* refused, and counted with a later one of their kind: too many at once */
};

/* An event that was looked up at its sender. */
struct gateway_pulled {
	struct mail mail;
	size_t source; /* index in the sources */
	int64_t sequence;
	struct slice authority, path; /* of the endpoint, which some signatures cover */
	struct http_headers headers;
	struct slice body;
	struct arena arena; /* everything above lives here, and so does it */
};
struct gateway_pulled *gateway_pulled_new(void);
void gateway_pulled_free(struct gateway_pulled *pulled);

struct gateway *gateway_new(const struct gateway_options *options);
/* Requests that are at the store must have been replied to, or never will be. */
void gateway_free(struct gateway *gateway);
/* An http_handlers.request and .gone; `context` is the gateway. */
void gateway_request(void *context, struct http_exchange *exchange);
void gateway_gone(void *context, struct http_exchange *exchange);
/* Verifies what was pulled with the source's keys, as if it had been pushed, and gathers it for the journal. Takes it. */
void gateway_pulled(struct gateway *gateway, struct gateway_pulled *pulled);
/* Takes back a request from the store, answers its exchange where that is still there, and frees it. */
void gateway_reply(struct gateway *gateway, struct store_request *request);
/* About once a second: says how many refusals were not logged. */
void gateway_tick(struct gateway *gateway);
/* Submits what was gathered. */
void gateway_flush(struct gateway *gateway);
const struct gateway_counters *gateway_counters(const struct gateway *gateway);

#endif
