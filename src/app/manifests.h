/* Manifests: once a day (or hour, or minute), every endpoint that names `webhook.manifest.daily` among its event types is
 * told what it was sent in the one before: how many events, of which types, their digests, the first and the last number.
 * A background job of the sender. A manifest is an ordinary event of the endpoint, so it is signed, numbered, retried,
 * listed and pulled like any other; its own event id makes it one, whatever happens in between. */
#ifndef APP_MANIFESTS_H
#define APP_MANIFESTS_H

#include "app/background.h"
#include "config/config.h"

struct manifests;

struct manifests *manifests_new(const struct config *config, const struct log *log, struct background *background);
void manifests_free(struct manifests *manifests); /* after the background has stopped */

#endif
