/* A target: an endpoint made ready to be sent to. Its URL taken apart, its keys opened, its schedule parsed.
 * Made anew whenever the endpoint changes; what is in flight keeps copies of what it needs. */
#ifndef DELIVER_TARGET_H
#define DELIVER_TARGET_H

#include "deliver/credentials.h"
#include "model/model.h"

struct target {
	struct endpoint_id id;
	struct organisation_id organisation;
	enum endpoint_state state;
	struct wall_time failing_since;
	struct slice url;
	struct slice authority, path; /* as RFC 9421 section 2.2.3 and 2.2.6 want them */
	struct http_headers custom;
	enum payload_style style;
	int32_t version; /* of payloads */
	enum delivery_order order;
	int32_t rate_per_s; /* 0: no limit */
	enum environment environment;
	int32_t heartbeat_s;	       /* 0: it wants none */
	struct wall_time heartbeat_at; /* the next one's time */
	int64_t newest;		       /* the last number given */
	enum sign_scheme scheme;
	struct schedule schedule;
	struct key *keys[LIMIT_SECRETS];
	struct wall_time key_expires[LIMIT_SECRETS]; /* 0: live */
	size_t key_count;
	struct credentials *credentials; /* NULL: none */
	struct wall_time peer_expires;	 /* of its server's certificate, as last seen */
	char problem[120];		 /* why it cannot be sent to (a key that does not open); empty: it can */
	struct arena arena;
};

/* `sealer` NULL: keys and credentials stay closed. `before` (may be NULL) is the target that this one replaces: what it
 * holds of unchanged credentials is taken out of it. */
struct target *target_new(const struct endpoint *endpoint, const struct schedule *fallback, const struct sealer *sealer,
    struct target *before);
void target_free(struct target *target);
/* The keys that sign at that time, newest first; room for LIMIT_SECRETS. Returns how many. */
size_t target_keys(const struct target *target, struct wall_time now, struct key **out);

#endif
