/* Acting: the receiver's destinations and the rules that route to them, as they were configured. Immutable once read, so
 * the threads share it: the in-loop routes (pure, act_route), the out-loop delivers (act/deliver.h).
 *
 * A destination is delivered to like any endpoint: it is an endpoint of the receiver's own organisation, whose URL has a
 * scheme that no network knows (`exec:NAME`). So retries, order, back-pressure and what is given up are the engine's. */
#ifndef ACT_ACT_H
#define ACT_ACT_H

#include "act/redact.h"
#include "act/rule.h"
#include "model/model.h"

enum act_kind { ACT_COMMAND, ACT_FILE, ACT_HTTP, ACT_POSTGRES, ACT_KIND_COUNT };

struct act_command {
	char **argv;		       /* ends with NULL */
	struct slice_list environment; /* names that are passed on */
	const char *directory;	       /* NULL: `/` */
	size_t concurrency;
	int64_t grace_ms; /* between SIGTERM and SIGKILL */
	bool final_codes[256];
};

struct act_file {
	const char *path;
	int64_t rotate_bytes; /* 0: never by size */
	int64_t rotate_ms;    /* 0: never by age */
	unsigned mode;
	bool sync;   /* before it counts as delivered */
	bool base64; /* bodies, whatever they are */
};

struct act_http {
	struct slice url, authority, path; /* the latter two as signatures have them */
	struct http_headers headers;
	bool final_codes[600]; /* by status */
	bool sign;
	enum sign_scheme scheme;
	struct key_list keys;
};

struct act_postgres {
	const char *connection, *password_file; /* the latter NULL: none */
	const char *table;			/* as SQL has it, quoted where needed */
	const char *statement;			/* the user's; NULL: into `table` */
	bool create_table;
};

struct act_destination {
	struct slice name, url; /* "exec:NAME" */
	enum act_kind kind;
	const struct act_condition *filter; /* NULL: everything */
	bool compliance;		    /* it may have events of the compliance service */
	const struct act_redactions *redactions;
	enum delivery_order order;
	struct slice schedule; /* absent: the configuration's */
	int64_t timeout_ms;    /* of one attempt; 0: the configuration's */
	union {
		struct act_command command;
		struct act_file file;
		struct act_http http;
		struct act_postgres postgres;
	};
};

struct act_rule {
	struct slice name;
	const struct act_condition *when; /* NULL: everything */
	uint64_t to;			  /* a bit for each destination */
};

struct act {
	struct act_destination destinations[LIMIT_DESTINATIONS];
	size_t destination_count;
	struct act_rule rules[LIMIT_RULES];
	size_t rule_count;
	struct act_facts facts;
	struct arena arena;
};

/* Reads `destinations` and `rules`. NULL without an error where there are none. Errors name file and line. */
MUST_CHECK enum error_code act_read(const struct config *config, struct act **out, struct error *error);
void act_free(struct act *act);

const char *act_kind_name(enum act_kind kind); /* "command", "file", "http", "postgresql" */
/* By the URL of its endpoint; NULL: it is none of these. */
const struct act_destination *act_find(const struct act *act, struct slice url);
/* A bit for each destination that gets the event. */
uint64_t act_route(const struct act *act, const struct act_event *event);

/* act/setup_*.c: reads what only this kind has. Private to act. */
typedef enum error_code act_read_kind(
    struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error);
act_read_kind act_read_command, act_read_file, act_read_http, act_read_postgres;

/* Members of a destination, for these. Private to act. `out` stays as it is where the member is not there. */
const struct config_node *act_member(const struct config_node *node, const char *name);
enum error_code act_refuse(const struct config_node *node, const char *expected, struct error *error);
MUST_CHECK enum error_code act_member_text(
    const struct config_node *node, const char *name, const char **out, struct error *error);
MUST_CHECK enum error_code act_member_bool(
    const struct config_node *node, const char *name, bool *out, struct error *error);
MUST_CHECK enum error_code act_member_duration(const struct config_node *node, const char *name, int64_t min_ms,
    int64_t max_ms, int64_t *out, struct error *error);
MUST_CHECK enum error_code act_member_number(
    const struct config_node *node, const char *name, int64_t min, int64_t max, int64_t *out, struct error *error);

#endif
