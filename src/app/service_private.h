/* What a service is made of; shared by the files of app alone. */
#ifndef APP_SERVICE_PRIVATE_H
#define APP_SERVICE_PRIVATE_H

#include "act/deliver.h"
#include "app/background.h"
#include "app/gaps.h"
#include "app/manifest_check.h"
#include "app/manifests.h"
#include "app/alerts.h"
#include "app/jwks.h"
#include "app/schedule.h"
#include "app/sealing.h"
#include "app/service.h"
#include "app/stuck.h"
#include "app/tracking.h"
#include "base/random.h"
#include "deliver/sender.h"
#include "server/api.h"
#include "server/gateway.h"
#include "server/http.h"
#include "server/reader.h"
#include "store/runner.h"

#include <pthread.h>

enum mail_kind {
	MAIL_STORE_REPLY,
	MAIL_STORE_NOTE,
	MAIL_STOP,
	MAIL_RELOAD,
	MAIL_KEYS,
	MAIL_PULLED,
	MAIL_READ,
	MAIL_ACT
};

enum published {
	PUBLISHED_ATTEMPTS,
	PUBLISHED_SUCCEEDED,
	PUBLISHED_FAILED,
	PUBLISHED_RETRIED,
	PUBLISHED_EXHAUSTED,
	PUBLISHED_HELD,
	PUBLISHED_WAITING, /* of what is held, as are the next four */
	PUBLISHED_READY,
	PUBLISHED_BLOCKED,
	PUBLISHED_FLYING,
	PUBLISHED_RECORDING,
	PUBLISHED_NOTED_BYTES, /* store_note_bytes of the notes that the sender has taken */
	PUBLISHED_ACCEPTED,
	PUBLISHED_DUPLICATES,
	PUBLISHED_CONFLICTS,
	PUBLISHED_REFUSED,
	PUBLISHED_NO_KEYS,
	PUBLISHED_UNRECORDED,
	PUBLISHED_REFUSED_BY, /* the first of VERDICT_COUNT */
	PUBLISHED_REFUSED_END = PUBLISHED_REFUSED_BY + VERDICT_COUNT - 1,
	PUBLISHED_COUNT,
};

/* HTTP in. Owned by its thread from start to stop. */
struct in_loop {
	struct service *service;
	struct loop *loop;
	struct http_server *http;
	struct api *api;	 /* SENDER */
	struct gateway *gateway; /* RECEIVER */
	pthread_t thread;
	struct mail stop, reload;
	atomic_bool reloading;	/* `reload` is on its way */
	struct mono_time check; /* when the secret files are looked at again */
	/* SENDER: read at most once a second, for new events are weighed against them. */
	struct mono_time weighed;
	int64_t memory_bytes, disk_free_bytes;
};

/* HTTP out. */
struct out_loop {
	struct service *service;
	struct loop *loop;
	struct sender *sender;
	struct transport *transport;
	char *name_servers;	     /* NULL: the system's */
	struct act_deliver *act;     /* RECEIVER with destinations; else NULL */
	struct mail_list submitting; /* requests of this turn */
	uint64_t noted_bytes;	     /* of all notes that came */
	struct random random;
	pthread_t thread;
	struct mail stop, reload;
	atomic_bool reloading; /* `reload` is on its way */
	bool stopping;
	struct mono_time stop_by;
};

/* The receiver's destinations as endpoints of its own. */
struct acting {
	const struct act *act;				  /* NULL: none */
	struct endpoint_id endpoints[LIMIT_DESTINATIONS]; /* by destination */
	struct receive_router router;
};

struct service {
	struct service_options options;
	int lock_fd;
	struct sealer *sealer;
	struct http_tls *tls;		   /* NULL: plain HTTP */
	struct access *access;		   /* RECEIVER: by source */
	struct arena arena;		   /* what `access` names */
	struct certificates *certificates; /* SENDER: when they expire; filled by the out-loop, read by the in-loop */
	struct store *store;		   /* until the runner takes it */
	struct anchor *anchor;		   /* RECEIVER; as the store */
	struct store_runner *runner;
	struct background *background; /* what it runs: jobs.c */
	struct sealing *sealing;
	struct manifests *manifests;	       /* SENDER */
	struct manifest_check *manifest_check; /* RECEIVER */
	struct gaps *gaps;		       /* RECEIVER */
	struct alerts *alerts;		       /* RECEIVER; NULL: nobody is told */
	struct stuck *stuck;		       /* RECEIVER */
	struct tracking *tracking;	       /* RECEIVER */
	struct jwks *jwks;		       /* RECEIVER; NULL: no source has a jwks_url */
	struct reader *reader;		       /* RECEIVER */
	struct reconcile_schedule *schedule;   /* RECEIVER; NULL: none */
	struct in_loop in;
	struct out_loop out;
	struct acting acting;
	char host[64], port[16];
	_Atomic uint64_t published[PUBLISHED_COUNT];
};

static inline uint64_t
published(const struct service *service, enum published which)
{
	return atomic_load_explicit(&service->published[which], memory_order_relaxed);
}

static inline void
publish(struct service *service, enum published which, uint64_t value)
{
	atomic_store_explicit(&service->published[which], value, memory_order_relaxed);
}

/* in_loop.c, out_loop.c: init makes everything, start begins the thread, join waits for its end, fini frees. */
MUST_CHECK enum error_code in_loop_init(struct in_loop *in, struct service *service, struct error *error);
void in_loop_start(struct in_loop *in);
void in_loop_reload(struct in_loop *in);
void in_loop_stop(struct in_loop *in); /* asks and waits */
void in_loop_fini(struct in_loop *in); /* after the runner has stopped */

MUST_CHECK enum error_code out_loop_init(struct out_loop *out, struct service *service, struct error *error);
void out_loop_start(struct out_loop *out);
void out_loop_reload(struct out_loop *out);
void out_loop_stop(struct out_loop *out);
void out_loop_fini(struct out_loop *out);

/* jobs.c: makes the background and registers its jobs. After the loops were made, before they start; jobs_stop ends
 * its thread, before the runner stops; jobs_free is for afterwards. */
MUST_CHECK enum error_code jobs_register(struct service *service, struct error *error);
void jobs_stop(struct service *service);
void jobs_free(struct service *service);

/* reads.c: the receiver's API, on a connection to the database of its own. */
MUST_CHECK enum error_code reads_start(struct service *service, struct error *error);

/* access.c: who may send to each source, from the configuration. */
MUST_CHECK enum error_code access_prepare(struct service *service, struct error *error);

/* forward.c: makes the store's endpoints match the sources' forward URLs and the destinations. Before the runner starts.
 * `acting` must stay where it is: the sources' router is in it. */
MUST_CHECK enum error_code forward_prepare(
    struct store *store, struct receive_sources *sources, struct acting *acting, struct error *error);

/* replay.c: a background job that does what `vaultbell destinations replay` asks for. */
struct background_job replay_job(void);

#endif
