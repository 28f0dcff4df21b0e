/* A service: one instance of a sender or a receiver, wired and running. Several may run in one process.
 *
 *   in-loop ──requests──▶ store thread ──notes, replies──▶ out-loop
 *      ▲                        │                              │
 *      └────────replies─────────┘◀──────records, refills───────┘
 *
 * Three threads, each owning its data, exchanging batches through mailboxes. The in-loop answers HTTP, the store
 * thread commits, the out-loop holds the engine and sends; a fourth one does what may wait (background.h). This module starts them in the order of their needs and
 * stops them in the reverse one. */
#ifndef APP_SERVICE_H
#define APP_SERVICE_H

#include "config/config.h"
#include "receive/receive.h"
#include "server/http_tls.h"

enum service_role { SERVICE_SENDER, SERVICE_RECEIVER };

struct act;

struct service_options {
	enum service_role role;
	const char *data;		    /* directory; made when absent */
	const char *listen;		    /* HOST:PORT, numeric; port 0 takes a free one */
	const struct config *config;	    /* borrowed */
	const char *config_path;	    /* its file, for processes of our own; NULL: none */
	struct receive_sources *sources;    /* RECEIVER: borrowed; forward endpoints are filled in */
	const struct act *act;		    /* RECEIVER: its destinations and rules; borrowed; NULL: none */
	char *const *environment;	    /* environ's form, for commands; borrowed */
	const struct log *log;		    /* borrowed */
	const struct http_tls_options *tls; /* borrowed; NULL: plain HTTP */
};

struct service;

MUST_CHECK enum error_code service_start(
    const struct service_options *options, struct service **out, struct error *error);
/* Reads certificates again where they have changed; RECEIVER: all secret files too. Any thread. */
void service_reload(struct service *service);
int service_port(const struct service *service);
const char *service_host(const struct service *service);
/* Lets what is on its way land (for at most a few seconds), commits it, ends the threads. */
void service_stop(struct service *service);

/* Since the start; may be read at any time from any thread. */
struct service_counts {
	uint64_t attempts, succeeded, failed, retried, exhausted; /* of the sender */
	uint64_t held;						  /* deliveries in the engine's memory now */
	uint64_t accepted, duplicates, conflicts, refused;	  /* of the receiver */
};
struct service_counts service_counts(const struct service *service);

/* DIR/vaultbell.db; free() it. */
char *service_database(const char *data);

#endif
