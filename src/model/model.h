/* The domain's nouns: what they are made of, which states they have, how they look in the store.
 *
 * What this is not: rules of HTTP (server/), rules of delivery (engine/), persistence (store/).
 * All slices in these structs are borrowed from whoever holds the struct, usually an arena; a copy into another
 * arena is made by *_copy. Configuration (organisation, endpoint, event type, token) is stored as one JSON
 * document each (*_encode, *_decode): forward compatible, since unknown members are kept apart by version. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/id.h"
#include "base/limits.h"
#include "json/json.h"
#include "model/governance.h"
#include "sign/sign.h"

#include <stdatomic.h>

/* --- signing keys ------------------------------------------------------------------------------------ */

/* What the keys of endpoints and organisations are sealed for (sign.h, sealer_seal). */
#define ENDPOINT_KEY_CONTEXT SLICE("endpoint-key")

/* A signing key as it is stored: its private text, sealed. */
struct endpoint_key {
	enum key_type type;
	struct slice sealed;
	struct wall_time created;
	struct wall_time expires; /* 0: the live key, else an old one that still signs until then */
};

/* Whose keys an endpoint signs with. Of an organisation's keys its endpoints of that scope have copies, which the store
 * renews in the commit that changes them: whoever reads an endpoint need not know where its keys are from. */
enum key_scope { KEY_SCOPE_ENDPOINT, KEY_SCOPE_ORGANISATION, KEY_SCOPE_COUNT };

const char *key_scope_name(enum key_scope scope); /* "endpoint", "organisation" */
MUST_CHECK bool key_scope_parse(struct slice name, enum key_scope *out);

/* --- organisations ---------------------------------------------------------------------------------- */

/* A sandbox is an organisation for trying things: its endpoints, keys, tokens and events are its own like anybody's. What
 * an organisation is, it stays: else what is meant for trying would become real, or the other way round. */
enum environment { ENVIRONMENT_PRODUCTION, ENVIRONMENT_SANDBOX, ENVIRONMENT_COUNT };

struct organisation {
	struct organisation_id id;
	struct slice name;
	struct slice uid;      /* absent: none */
	int32_t throttle_rate; /* 0: none */
	struct slice metadata; /* a JSON object, "{}" when empty */
	bool services_limited; /* to those that `services` names; else it has all */
	struct slice_list services;
	enum environment environment;
	struct governance governance;
	struct organisation_id twin; /* of a production its sandbox, of a sandbox its production; 0: none */
	int32_t retention_days;	     /* of payloads that are posted without one; 0: RETENTION_DAYS_DEFAULT */
	struct slice redactions;     /* {role: [path, …]}, see redaction.h; absent: none */
	struct endpoint_key keys[LIMIT_SECRETS]; /* as an endpoint's; none until one is made */
	size_t key_count;
	struct wall_time created, updated;
};

enum { RETENTION_DAYS_DEFAULT = 90 };

const char *environment_name(enum environment environment); /* "production", "sandbox" */
MUST_CHECK bool environment_parse(struct slice name, enum environment *out);
bool organisation_same_services(const struct organisation *a, const struct organisation *b);
/* Whether the organisation has this service; an absent one (of a type that belongs to none) everybody has. */
bool organisation_entitled(const struct organisation *organisation, struct slice service);

/* --- endpoints -------------------------------------------------------------------------------------- */

/*   ACTIVE ──failing too long──▶ SUSPENDED ──resumed──▶ ACTIVE      (moves: endpoint_may_move)
 *     │ ▲                           │
 *     ▼ │ by a person               ▼
 *   DISABLED ───────────────▶  DELETED (final)
 *   PENDING_VERIFICATION ──its URL has answered the challenge──▶ ACTIVE     (to and from DISABLED, by a person; DELETED)
 * SUSPENDED: events are still accepted for it and held; so they are before its URL has proved itself. DISABLED: no new
 * ones; what is pending is held. */
enum endpoint_state {
	ENDPOINT_ACTIVE,
	ENDPOINT_SUSPENDED,
	ENDPOINT_DISABLED,
	ENDPOINT_DELETED,
	ENDPOINT_PENDING_VERIFICATION,
	ENDPOINT_STATE_COUNT
};

enum payload_style { PAYLOAD_RAW, PAYLOAD_ENVELOPE, PAYLOAD_THIN, PAYLOAD_LEGACY, PAYLOAD_STYLE_COUNT };

/* In which order an endpoint gets its events: as they come; those of one transaction (or other resource) one after
 * another; all one after another. */
enum delivery_order { ORDER_NONE, ORDER_RESOURCE, ORDER_ENDPOINT, ORDER_COUNT };

/* What somebody has to answer for at each endpoint. */
enum duty { DUTY_CONFIGURATION, DUTY_MONITORING, DUTY_RETRY_HANDLING, DUTY_INCIDENT_RESPONSE, DUTY_COUNT };

struct owner {
	struct slice team, contact; /* team absent: nobody is named */
};

const char *duty_name(enum duty duty); /* "configuration", "monitoring", "retryHandling", "incidentResponse" */

struct endpoint {
	struct endpoint_id id;
	struct organisation_id organisation;
	enum endpoint_state state;
	struct wall_time failing_since; /* of unbroken failure; 0: not failing */
	int64_t held;	/* in answers alone, while it is not active: pending for it, up to a bound; -1: not counted */
	int32_t warned; /* how often that was announced since; 0 when it is not failing */
	struct slice url, description, uid; /* uid absent: none */
	struct slice_list event_types;	    /* empty: all */
	struct slice_list channels;	    /* empty: all */
	struct slice metadata;		    /* a JSON object */
	struct slice headers;		    /* custom headers: a JSON object of strings */
	int32_t throttle_rate;		    /* 0: none */
	int32_t version;
	enum payload_style payload_style;
	enum sign_scheme scheme;
	enum key_scope key_scope;
	enum delivery_order order;
	int32_t heartbeat_s;			 /* between heartbeats; 0: none, unless its types name them */
	struct slice schedule;			 /* preset or list, as configured; absent: the server's default */
	struct endpoint_key keys[LIMIT_SECRETS]; /* live key first, then old ones, newest first */
	size_t key_count;
	struct slice authentication;	    /* what may be shown of it (authentication.h); absent: none */
	struct slice authentication_sealed; /* its secrets; absent: none */
	struct owner owners[DUTY_COUNT];
	struct verification verification; /* challenge absent: nothing is to be proved */
	enum environment environment;	  /* of its organisation: not in its document */
	struct wall_time created, updated;
	/* The last number given; only where the store tells of endpoints by itself (STORE_ENDPOINTS_ALL, notes). */
	int64_t sequence;
};

#define HEARTBEAT_TYPE SLICE("webhook.heartbeat")
#define MANIFEST_TYPE SLICE("webhook.manifest.daily")
/* Seconds between the endpoint's heartbeats; 0: it wants none. */
int32_t endpoint_heartbeat(const struct endpoint *endpoint);

/* An endpoint that signs with its organisation's keys gets copies of them as they are now (their slices are borrowed).
 * ERR_INVALID: there are none, or its scheme does not sign with one of them. Any other endpoint stays as it is. */
MUST_CHECK enum error_code endpoint_take_keys(
    struct endpoint *endpoint, const struct organisation *of, struct wall_time now, struct error *error);
bool organisation_same_keys(const struct organisation *a, const struct organisation *b);

/* Whether somebody is named for each duty (M13). */
bool endpoint_owned(const struct endpoint *endpoint);
MUST_CHECK bool endpoint_may_move(enum endpoint_state from, enum endpoint_state to);
const char *endpoint_state_name(enum endpoint_state state);
const char *payload_style_name(enum payload_style style);
MUST_CHECK bool payload_style_parse(struct slice name, enum payload_style *out);

const char *delivery_order_name(enum delivery_order order); /* "none", "resource", "endpoint" */
MUST_CHECK bool delivery_order_parse(struct slice name, enum delivery_order *out);

/* Its own URL has yet to prove itself. */
bool endpoint_unproven(const struct endpoint *endpoint);
/* After an edit that was asked for with a challenge (absent: none is wanted): what is new in `edited` has to prove itself.
 * A new endpoint waits for that; of one that is live, the URL that it had stays until then. `before` NULL: it is made. */
void endpoint_verification_begin(struct arena *arena, const struct endpoint *before, struct endpoint *edited,
    struct slice challenge, struct wall_time now);

/* Whether an event goes to this endpoint: it takes deliveries (ACTIVE, SUSPENDED or PENDING_VERIFICATION), its types are all or hold
 * the type, its channels are all or share one with the event's. All does not mean what goes by name only. */
bool endpoint_wants(const struct endpoint *endpoint, struct slice event_type, struct slice_list channels);

/* The types by which the system tells of itself: they go only to endpoints that name them. */
bool event_type_by_name_only(struct slice name);

/* --- event types ------------------------------------------------------------------------------------ */

struct event_type {
	struct slice name, description;
	bool archived, deprecated;
	struct slice schemas;	   /* a JSON object by version; absent: none */
	struct slice feature_flag; /* absent: none */
	struct wall_time created, updated;
};

/* --- messages --------------------------------------------------------------------------------------- */

/* An accepted event. Immutable once the store has filled id and created; shared by threads, so counted. */
struct message {
	atomic_int references;
	struct message_id id;
	struct organisation_id organisation;
	struct wall_time created;
	struct slice event_type;
	struct slice event_id; /* absent: none */
	struct slice_list channels;
	int32_t retention_days;	 /* as posted 0: its organisation's */
	bool test;		 /* an example that was asked for, nothing that happened */
	struct slice payload;	 /* exactly as posted; absent: expunged */
	struct slice versions;	 /* further versions of it, as posted (versions.h); absent: none */
	struct slice webhook_id; /* what is sent as webhook-id, where it is not the id's text (forwarding) */
	struct arena arena;	 /* everything above lives here */
};

struct message *message_new(void); /* with one reference and an empty arena */
struct message *message_ref(struct message *message);
void message_unref(struct message *message);

/* --- deliveries and attempts ------------------------------------------------------------------------ */

/*   PENDING ──2xx──▶ DELIVERED        PENDING ──schedule at its end──▶ EXHAUSTED
 *   EXHAUSTED, DELIVERED ──replay──▶ PENDING         PENDING ──endpoint deleted──▶ CANCELLED
 * PENDING covers waiting, in flight and held: what of these is the engine's to know, not the store's. */
enum delivery_state {
	DELIVERY_PENDING,
	DELIVERY_DELIVERED,
	DELIVERY_EXHAUSTED,
	DELIVERY_CANCELLED,
	DELIVERY_STATE_COUNT
};

MUST_CHECK bool delivery_may_move(enum delivery_state from, enum delivery_state to);

enum attempt_trigger { TRIGGER_SCHEDULED = 0, TRIGGER_MANUAL = 1 };

struct attempt {
	struct attempt_id id;
	struct message_id message;
	struct endpoint_id endpoint;
	int32_t number;	     /* 1 for the first */
	int32_t status_code; /* 0: no HTTP answer */
	int32_t duration_ms;
	enum attempt_trigger trigger;
	bool succeeded;
	struct slice response;	 /* what came back, or why nothing did; cut to LIMIT_RESPONSE_STORED_BYTES */
	struct slice url;	 /* filled when read, like the next */
	struct slice event_type; /* of the message; absent: it is no longer there */
};

/* When a new delivery (or one to be sent again) to this endpoint is due. In order it is 0, the same for all: so those
 * that wait sort by their message alone, whatever the clock did. */
struct wall_time delivery_due(const struct endpoint *endpoint, struct wall_time now);

/* --- roles and tokens ------------------------------------------------------------------------------- */

enum role {
	ROLE_PLATFORM_ADMIN,
	ROLE_ADMIN,
	ROLE_ENGINEERING,
	ROLE_PLATFORM_OPERATIONS,
	ROLE_TREASURY_OPERATIONS,
	ROLE_RECONCILIATION,
	ROLE_COMPLIANCE_OPERATIONS,
	ROLE_SECURITY,
	ROLE_INTERNAL_TOOLING,
	ROLE_VIEWER,
	ROLE_COUNT,
};

const char *role_name(enum role role);
MUST_CHECK bool role_parse(struct slice name, enum role *out);

/* Tokens are kept and cached by value, so everything in them is inline. */
struct token {
	struct token_id id;
	unsigned char hash[SHA256_BYTES];      /* of the token's text: the text itself is shown once and never stored */
	char name[LIMIT_TOKEN_NAME_BYTES + 1]; /* NUL-terminated; empty: none */
	enum role role;
	struct organisation_id organisation;	 /* 0: the platform's own */
	struct wall_time created, expires;	 /* expires 0: never */
	int64_t session;			 /* of the portal: the first bytes of its id's SHA-256; 0: none */
	struct wall_time used;			 /* last, to within TOKEN_USED_US; 0: not yet */
	char scope[LIMIT_TOKEN_SCOPE_BYTES + 1]; /* of a receiver's token: what it sees (model/scope.h); empty: all */
};

/* What a token keeps of the session that it was made for. */
int64_t token_session(struct slice id);

/* Last use is written at most this often, so that a busy token costs no writes. */
#define TOKEN_USED_US (INT64_C(60) * 1000000)

/* --- retry schedules -------------------------------------------------------------------------------- */

/* Delays between an attempt and the next. `jitter_permille` spreads each by up to that share, both ways. */
struct schedule {
	size_t count;
	int64_t delay_ms[LIMIT_SCHEDULE_STEPS];
	int32_t jitter_permille;
};

/* `standard`, `legacy`, `svix`, or durations separated by commas (`100ms,1s,5m`); ERR_INVALID names the item. */
MUST_CHECK enum error_code schedule_parse(struct slice text, struct schedule *out, struct error *error);

/* --- names and texts -------------------------------------------------------------------------------- */

/* 1..256 of [a-zA-Z0-9-_.], not starting with `forbidden_prefix` (wire contract 1.4; NULL: none forbidden). */
bool uid_valid(struct slice uid, const char *forbidden_prefix);
/* 1..256 of [a-zA-Z0-9-_.] (dots separate groups). */
bool event_type_name_valid(struct slice name);
/* Whether a custom header of this name holds what must not be shown again. */
bool header_name_sensitive(struct slice name);

/* --- documents -------------------------------------------------------------------------------------- */

void organisation_encode(const struct organisation *organisation, struct buf *out);
void organisation_describe(const struct organisation *organisation, struct buf *out); /* as endpoint_describe */
/* The member `keys` of an organisation's document in an object of its own; what is sealed only where it is not to be shown. */
void organisation_keys_write(const struct organisation *organisation, bool shown, struct buf *out);
MUST_CHECK bool organisation_keys_read(struct slice doc, struct arena *arena, struct organisation *out);
void endpoint_encode(const struct endpoint *endpoint, struct buf *out);
void event_type_encode(const struct event_type *type, struct buf *out);
/* As it may be shown to people, for the audit log: state included; keys without what is sealed, sensitive header
 * values replaced. */
void endpoint_describe(const struct endpoint *endpoint, struct buf *out);
void token_describe(const struct token *token, struct buf *out);
/* Slices in the result live in `arena`. ERR_CORRUPT when the document is not one of ours.
 * Ids, states and times that the store keeps in columns of their own are not in the document:
 * organisation: id; endpoint: id, organisation, state, failing_since. */
MUST_CHECK enum error_code organisation_decode(
    struct slice doc, struct arena *arena, struct organisation *out, struct error *error);
MUST_CHECK enum error_code endpoint_decode(
    struct slice doc, struct arena *arena, struct endpoint *out, struct error *error);
MUST_CHECK enum error_code event_type_decode(
    struct slice doc, struct arena *arena, struct event_type *out, struct error *error);

/* Deep copies into `arena`. */
struct organisation organisation_copy(struct arena *arena, const struct organisation *from);
struct endpoint endpoint_copy(struct arena *arena, const struct endpoint *from);
struct event_type event_type_copy(struct arena *arena, const struct event_type *from);

#endif
