/* Configuration: one table of keys drives the YAML file, the environment, `--print-config` and docs/configuration.md.
 *
 * Precedence: the environment (`VAULTBELL_` + the key in upper case with dots as underscores; lists separated by
 * commas) over the file over the default. An unknown key, a wrong type or a value out of range is an error that
 * names file, line and what was expected. Immutable once loaded. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/log.h"
#include "model/model.h"
#include "transport/transport.h"

/* A key's value as it was written, for config_print. */
struct config_value {
	struct slice text;   /* lists: items separated by commas */
	struct slice origin; /* "default", "file:line" or the environment variable */
};

enum { CONFIG_KEYS_MAX = 48, CONFIG_SOURCES_MAX = 64, CONFIG_ALERTS_MAX = 16, CONFIG_RECORDS_MAX = 32 };

/* An item of a list of the file, as it was written; who uses it says what is right. Each member ends with a NUL; absent:
 * not given; of several values: separated by commas. `origin` is "file:line". The lists and their members are in the
 * table of lists.c. */
struct config_source { /* receive/receive.h */
	struct slice origin;
	struct slice name, scheme, secret_file, forward;
	struct slice pull_url, pull_token_file; /* where what is missing is looked up */
	struct slice jwks_url;			/* where its keys are fetched */
	struct slice client_certificate;	/* whom its client's certificate must name */
	struct slice allow;			/* networks that it may send from */
};

struct config_alert { /* app/alerts.h */
	struct slice origin;
	struct slice name, kind, url, secret_file;
};

struct config_record { /* records/source.h */
	struct slice origin;
	struct slice name, kind;
	struct slice path;			    /* of a file */
	struct slice url, token_file, mapping;	    /* of an API */
	struct slice organisation, endpoint;	    /* at a Vaultbell sender */
	struct slice source;			    /* of the receiver, to which that endpoint delivers */
	struct slice authorities, certificate, key; /* PEM files */
};

/* What nests: values, lists and mappings as they stand in the file. Whoever they are for says what is right (act/setup.h).
 * Every text ends with a NUL. */
enum config_node_kind { CONFIG_NODE_VALUE, CONFIG_NODE_LIST, CONFIG_NODE_MAPPING };

struct config_node {
	enum config_node_kind kind;
	struct slice name;   /* in a mapping; else absent */
	struct slice text;   /* VALUE */
	struct slice origin; /* "file:line" */
	struct config_node *first, *next;
	size_t count; /* of those below */
};

struct config {
	/* delivery.* */
	struct schedule delivery_schedule;  /* delivery.schedule: preset or list; default standard */
	bool delivery_allow_http;	    /* delivery.allow_http: plain http endpoints; default false */
	bool delivery_https_only;	    /* delivery.https_only: refuse http even if allowed; default false */
	struct guard delivery_networks;	    /* delivery.allow_networks: CIDR list that the address guard lets through */
	struct slice delivery_name_servers; /* delivery.name_servers: empty: the system's */
	int64_t delivery_timeout_ms;	    /* delivery.timeout: one attempt; default 30s, 100ms..120s */
	int64_t delivery_connect_timeout_ms;	/* delivery.connect_timeout: default 10s */
	int64_t delivery_first_byte_timeout_ms; /* delivery.first_byte_timeout: default 0s, which is delivery.timeout */
	int64_t delivery_warn_share;		/* delivery.warn_share: percent of suspend_after; default 20 */
	int64_t delivery_warn_failures;		/* delivery.warn_failures: in a row; default 100; 0: never */
	int64_t delivery_breaker_open_ms;	/* delivery.breaker_open_for: default 5s */
	int64_t manifest_every_s; /* delivery.manifest_every: day | hour | minute, in seconds; default day */
	enum transport_kind delivery_transport; /* delivery.transport: own | curl; default own */
	int64_t delivery_suspend_after_ms;	/* delivery.suspend_after: unbroken failure; default 5d; 0s: never */
	/* ingest.*: when new events are refused */
	int64_t ingest_queue_mib;      /* ingest.queue_mib: default 64 */
	int64_t ingest_memory_mib;     /* ingest.memory_mib: default 2048; 0: no limit */
	int64_t ingest_disk_floor_mib; /* ingest.disk_floor_mib: default auto, which is -1; 0: no limit */
	/* keys.* */
	enum key_type keys_default_type; /* keys.default_type: hmac | ed25519 | ecdsa-p256 */
	/* the rest */
	bool endpoints_verify_ownership; /* endpoints.verify_ownership; default false */
	bool operational_webhooks;	 /* operational_webhooks.enabled; default false */
	bool catalogue_strict;		 /* catalogue.strict: post only catalogued types; default false */
	enum log_format log_format;	 /* log.format: logfmt | json */
	enum log_level log_level;	 /* log.level: debug | info | warn | error; default info */
	/* receiver.* */
	struct guard
	    trusted_proxies;	 /* receiver.trusted_proxies: whose X-Forwarded-For is believed; default nobody's */
	int64_t gap_check_ms;	 /* receiver.gap_check: how often missing numbers are looked for; default 5s */
	int64_t gap_grace_ms;	 /* receiver.gap_grace: how long an event may be late; default 10s */
	int64_t jwks_refresh_ms; /* receiver.jwks_refresh: default 10m */
	int64_t jwks_retry_ms;	 /* receiver.jwks_retry: no fetch sooner after the last; default 10s */
	int64_t stuck_after_ms;	 /* receiver.stuck_after: default 24h */
	int64_t jwks_keep_ms;	 /* receiver.jwks_keep: how long keys outlive their last good fetch; default 1d */
	/* reconcile.* : app/schedule.h */
	int64_t reconcile_every_ms;			    /* reconcile.every; default 0s: never */
	int64_t reconcile_at_ms;			    /* reconcile.at: after midnight UTC; -1: any time */
	struct slice reconcile_custodian, reconcile_ledger; /* names of `records`, csv:FILE or jsonl:FILE */
	struct slice reconcile_sender;			    /* whom a repair asks for replays */
	struct slice reconcile_output; /* a directory; empty: `reconciliation` in the data directory */
	int64_t reconcile_tolerance_ms, reconcile_stuck_after_ms, reconcile_timeout_ms;
	bool reconcile_repair;
	/* the receiver's lists, which are no rows of the table of keys but of that of lists */
	struct config_source sources[CONFIG_SOURCES_MAX];
	size_t source_count;
	struct config_alert alerts[CONFIG_ALERTS_MAX];
	size_t alert_count;
	struct config_record records[CONFIG_RECORDS_MAX];
	size_t record_count;
	/* the receiver's, which nest; NULL: not given */
	struct config_node *destinations, *rules;
	struct config_value values[CONFIG_KEYS_MAX]; /* by row of the table of keys */
	struct arena arena;
};

/* `path` NULL: no file. `environment` is environ's form (NULL-terminated NAME=VALUE). */
MUST_CHECK enum error_code config_load(
    const char *path, char *const *environment, struct config *out, struct error *error);
void config_free(struct config *config);
/* YAML with every key, its value and where it came from. */
void config_print(const struct config *config, struct buf *out);
/* The Markdown table of docs/configuration.md. */
void config_document(struct buf *out);

#endif
