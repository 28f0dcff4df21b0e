/* The demo's world: a sender, a receiver with two sources, and a failing endpoint, all in this process on loopback,
 * in a temporary directory that is removed at the end. One organisation with two endpoints: one straight to the
 * receiver, the other through the failing endpoint. */
#ifndef APP_DEMO_WORLD_H
#define APP_DEMO_WORLD_H

#include "app/demo_proxy.h"
#include "app/service.h"

enum { DEMO_ENDPOINTS = 2 };

struct demo_world {
	char directory[64];
	char sender_data[96], receiver_data[96], secret_file[96], url[64];
	struct config config;
	struct log log;
	struct receive_sources sources;
	struct service *sender, *receiver;
	struct demo_proxy *proxy;
	char token[80]; /* of the world's own server: worthless once it ends */
};

MUST_CHECK enum error_code demo_world_start(struct demo_world *world, struct error *error);
/* Ids of all verified rows of the receiver's journal, each with its source in front ("direct msg_…"), sorted. */
MUST_CHECK enum error_code demo_world_journal(
    const struct demo_world *world, struct arena *arena, struct slice_list *out, struct error *error);
void demo_world_stop(struct demo_world *world);	  /* stops the services; what they wrote stays */
void demo_world_remove(struct demo_world *world); /* and the directory */

extern const char *const demo_sources[DEMO_ENDPOINTS];

#endif
