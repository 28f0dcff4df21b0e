/* Fetches the key sets of sources that have a jwks_url: a background job, which hands what it has to the in-loop.
 *
 * A set is fetched at the start, then as often as receiver.jwks_refresh says (or its Cache-Control, where that is
 * shorter), and when a request makes it look as if it had changed; never sooner than receiver.jwks_retry after the last
 * time, so that whoever sends made-up key ids causes no more than that. What cannot be fetched leaves the keys that are
 * there (receive_sources_expire drops them in the end), raises an alert, and is tried again. */
#ifndef APP_JWKS_H
#define APP_JWKS_H

#include "app/background.h"
#include "config/config.h"
#include "receive/receive.h"

struct jwks;

/* What came of a fetch that succeeded; the mail's receiver owns it. */
struct jwks_mail {
	struct mail mail;
	size_t source;
	struct key_list keys;
};

struct jwks_options {
	const struct config *config;
	const struct receive_sources *sources; /* borrowed; of them only what never changes is read */
	struct mailbox *mailbox;	       /* where keys go, as mail of `kind` */
	int kind;
	const struct log *log;
};

/* Registers its job, unless no source has a jwks_url: then NULL. */
struct jwks *jwks_new(const struct jwks_options *options, struct background *background);
void jwks_free(struct jwks *jwks); /* after the background has stopped */
/* This source's keys may have changed. Any thread, as often as you like. NULL does nothing. */
void jwks_want(struct jwks *jwks, size_t source);
void jwks_mail_free(struct jwks_mail *mail);

#endif
