/* Receiving: what the organisation's gateway decides about a request, without HTTP and without I/O.
 *
 * A source is a name in the path (`POST /in/NAME`), a signature scheme, its keys, and where its events go. A request
 * is judged by its exact bytes: first the signature, then the event id, then the type. What comes out is either a
 * refusal with its status, or a request for the journal; the answer 200 may be given only after that one's commit.
 *
 * Invariants
 * 1. Nothing that is not verified reaches the journal.
 * 2. The event id comes from what the scheme signs (sign.h); an unsigned header never gives it.
 * 3. The body that is journalled and forwarded is the body that was verified, byte for byte.
 * 4. No detail of a refusal holds a key, a signature or a piece of the body.
 * 5. A challenge is known by an event id of its own form, which is signed too, and is answered without a journal row. */
#ifndef RECEIVE_RECEIVE_H
#define RECEIVE_RECEIVE_H

#include "store/store.h"

/* What a file looked like when its keys were read, to see that it is another one now. */
struct receive_file_seen {
	bool there;
	bool settled; /* it was old enough then that a later change must show in its time */
	uint64_t device, inode, bytes;
	int64_t modified_ns;
};

/* Where else events go than to a source's own forward URL: rules that the receiver was given (act/act.h). */
struct receive_router {
	const void *context;
	/* Fills `out`, which has room for LIMIT_DESTINATIONS, and returns how many; pure. `type` absent: not known. */
	size_t (*route)(
	    const void *context, struct slice source, struct slice type, struct slice body, struct endpoint_id *out);
};

struct receive_source {
	struct slice name; /* of uid_valid's alphabet, so that its path is the same with and without escapes */
	enum sign_scheme scheme;
	struct key_list
	    keys; /* of the file, then fetched ones; none: they cannot be had, and its requests are answered 503 */
	struct key_list of_file, fetched;
	struct slice secret_file; /* absent: none; ends with a NUL */
	struct receive_file_seen seen;
	struct slice jwks_url;	      /* absent: none; without its fragment; ends with a NUL */
	struct slice jwks_owner;      /* the fragment: whose keys of the set; absent: all */
	struct wall_time fetched_at;  /* when the fetched keys were last had; 0: never */
	int64_t jwks_retry_us;	      /* a fetch is not sooner than this after the last one */
	int64_t jwks_keep_us;	      /* how long they are used after `fetched_at` */
	struct slice pull_url;	      /* of the endpoint at its sender, to look up what is missing; absent: nowhere */
	struct slice pull_token_file; /* ends with a NUL */
	struct slice forward_url;     /* http or https; absent: nowhere */
	struct endpoint_id forward;   /* the endpoint of forward_url, once it is stored; 0: nowhere */
	const struct receive_router *router; /* NULL: there are no rules */
};

enum { RECEIVE_SOURCES_MAX = 64 };

/* The table of sources; all slices live in `arena`. Only receive_sources_reload changes it once requests are judged, in
 * the thread that judges them. */
struct receive_sources {
	struct receive_source items[RECEIVE_SOURCES_MAX];
	size_t count;
	struct arena arena;
};

/* As it is written on the command line or in the configuration. */
struct receive_source_text {
	const char *name, *scheme, *secret_file;
	const char *forward;			/* NULL: nowhere */
	const char *pull_url, *pull_token_file; /* both, or NULL */
	const char *jwks_url;			/* NULL: its keys are those of the secret file */
	int64_t jwks_retry_ms, jwks_keep_ms;
	const char *origin; /* "FILE:LINE" of the configuration, for errors; NULL: options of the command line */
	bool keys_may_come; /* a secret file that is not there yet is no error */
};

void receive_sources_init(struct receive_sources *sources);
void receive_sources_free(struct receive_sources *sources);
/* Reads the secret file and adds the source. Errors name the option, or the file and line, and what is expected. */
MUST_CHECK enum error_code receive_sources_add(
    struct receive_sources *sources, const struct receive_source_text *text, struct error *error);
/* Reads again the secret files that are not what they were (`all`: every one). A file that is broken or gone leaves its
 * source the keys that it has. Says in the log what changed and what is wrong, once for each change. */
void receive_sources_reload(struct receive_sources *sources, bool all, const struct log *log);
/* Keys that were fetched for the source: they take the place of the fetched ones before. `fresh` is taken. */
void receive_sources_take(struct receive_sources *sources, size_t at, struct key_list *fresh, struct wall_time now);
/* Drops fetched keys that are too old; says so in the log. */
void receive_sources_expire(struct receive_sources *sources, struct wall_time now, const struct log *log);
/* By its name, byte for byte; NULL when there is none. */
const struct receive_source *receive_sources_find(const struct receive_sources *sources, struct slice name);

/* Reads all of a file of keys, at most LIMIT_SECRET_FILE_BYTES; errors name the file and the line. */
MUST_CHECK enum error_code receive_read_keys(
    const char *path, enum sign_scheme scheme, struct key_list *out, struct error *error);

struct receive_judgement {
	enum verdict verdict;
	struct store_request *request; /* STORE_JOURNAL, the caller's to submit or free; NULL: refused */
	int status;		       /* of the refusal: 400, 401, 503 */
	const char *code;	       /* static */
	char detail[200];
	bool keys_wanted;    /* the source's keys may have changed: fetch them, if it was long enough ago */
	char challenge[128]; /* the sender asks whether it is us: the answer, which is no event; empty: it does not */
};

/* `input` is as sign.h wants it; its `now` becomes the time of receipt. */
void receive_judge(
    const struct receive_source *source, const struct verify_input *input, struct receive_judgement *judgement);

/* The judgement of a request that was refused before its signature was looked at. */
void receive_refuse(enum verdict verdict, const char *detail, struct receive_judgement *judgement);
/* Says in a request for the journal where its event goes; receive_judge has done so. */
void receive_route(const struct receive_source *source, struct store_request *request);

/* What is kept of a refused request (STORE_REFUSED): no body and no signature. NULL where it was not judged (503). */
struct store_request *receive_refused(
    const struct receive_source *source, const struct verify_input *input, const struct receive_judgement *judgement);

/* The answer's `status` for a committed journal request: "accepted", "duplicate", "conflict". */
const char *receive_status_name(enum journal_verdict verdict);

#endif
