/* What an endpoint's authentication comes to when requests are sent: a header, an OAuth2 client, a TLS identity. Made when
 * the endpoint changes in these; a target that is made anew for another reason takes them over, token and all. */
#ifndef DELIVER_CREDENTIALS_H
#define DELIVER_CREDENTIALS_H

#include "deliver/oauth.h"
#include "transport/tls_identity.h"

struct endpoint;
struct flight;

struct credentials {
	struct slice shown, sealed;    /* what they were made from */
	struct slice authorization;    /* basic: the header's value; else absent */
	struct oauth *oauth;	       /* NULL: none */
	struct tls_identity *identity; /* NULL: the defaults */
	/* Flights that wait for the access token that is being fetched; the sender's. */
	struct flight *waiting, *waiting_last;
	unsigned references;
	char problem[120]; /* why the endpoint cannot be sent to; empty: it can */
	struct arena arena;
};

/* With one reference; counted for one thread. NULL: the endpoint has none. */
struct credentials *credentials_new(const struct endpoint *endpoint, const struct sealer *sealer);
struct credentials *credentials_ref(struct credentials *credentials);
void credentials_unref(struct credentials *credentials); /* NULL is fine */
/* Were these made from what the endpoint has? (NULL: from nothing.) */
bool credentials_are_of(const struct credentials *credentials, const struct endpoint *endpoint);
struct tls_identity *credentials_identity(const struct credentials *credentials); /* NULL is fine; borrowed */

#endif
