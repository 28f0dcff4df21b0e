/* A heartbeat: a signed request that carries the newest number of an endpoint's sequence and takes none itself, so that
 * its receiver learns that the last event is missing before another one comes.
 *
 * It is no delivery: nothing of it is stored, it is tried once, and whatever becomes of it says nothing of the endpoint. */
#ifndef DELIVER_HEARTBEAT_H
#define DELIVER_HEARTBEAT_H

#include "deliver/target.h"

/* Its message, whose payload is the whole body; one reference is the caller's. Its id is of this endpoint and time, so
 * that a receiver takes no two for one. */
struct message *heartbeat_message(const struct target *target, struct wall_time now);
/* When the first one goes, so that those of many endpoints do not go at once. */
struct wall_time heartbeat_first(const struct target *target, struct wall_time now);

#endif
