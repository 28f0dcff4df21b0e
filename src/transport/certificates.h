/* When certificates expire: of each endpoint, the server's as last seen in a handshake and the client's as configured.
 * Warned of in the log 30, 7 and 1 days before, once each, and again when it has expired.
 *
 * Filled by the thread that sends, read by the one that answers: this is one of the few things that both touch, so it has
 * a lock, which is held for a look-up and no longer. In memory alone: after a restart a server's certificate is seen
 * again with the first delivery to it. */
#ifndef TRANSPORT_CERTIFICATES_H
#define TRANSPORT_CERTIFICATES_H

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

struct certificates;

enum certificate_side { CERTIFICATE_SERVER, CERTIFICATE_CLIENT, CERTIFICATE_SIDE_COUNT };

struct certificate_times {
	struct wall_time expires[CERTIFICATE_SIDE_COUNT]; /* WALL_NONE: there is none, or none was seen */
	struct wall_time seen;				  /* when the server's was noted last */
};

struct certificates *certificates_new(void);
void certificates_free(struct certificates *certificates); /* NULL is fine, here and below */

/* True: it is another time than before, so that a warning may be due. */
bool certificates_note(struct certificates *certificates, struct endpoint_id endpoint, enum certificate_side side,
    struct wall_time expires, struct wall_time now);
void certificates_forget(struct certificates *certificates, struct endpoint_id endpoint);

struct certificate_times certificates_of(struct certificates *certificates, struct endpoint_id endpoint);
/* The one that expires first, of all endpoints; WALL_NONE: none is known. */
struct wall_time certificates_soonest(struct certificates *certificates, enum certificate_side side);
/* Writes the warnings that are due. Returns how many. */
size_t certificates_warn(struct certificates *certificates, const struct log *log, struct wall_time now);

#endif
