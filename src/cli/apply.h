/* Configuration as code: what a file says and what a server has, in one form, and the plan from one to the other.
 *
 *   file ──apply_file_read──▶ struct apply_state ─┐
 *                                                 ├─apply_plan_make──▶ plan ──apply_plan_run──▶ API
 *   API ──apply_server_read─▶ struct apply_state ─┘                    └─apply_show─▶ text, JSON
 *                                  └─export_write──▶ file
 *
 * Invariants
 * 1. Everything is compared in canonical JSON (names sorted, sets sorted, nothing left out that has a default), so
 *    two values mean the same exactly when their texts are the same.
 * 2. What there is to configure stands in one table (apply_members): it drives reading, its errors, the comparison,
 *    the requests and the export.
 * 3. No value of a secret or of a sensitive header is ever in a state, a plan, an error or an export: only where it
 *    comes from. It is fetched when the request that needs it is made, and wiped behind it.
 * 4. The plan is a pure function of two states. Private to cli. */
#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include "cli/apply_yaml.h"

#include "json/json.h"
#include "model/model.h"

enum { APPLY_FILE_BYTES_MAX = 16 << 20, APPLY_DEPTH_MAX = 2 * LIMIT_JSON_DEPTH, APPLY_VALUE_BYTES_MAX = 64 << 20 };

enum apply_kind { APPLY_TYPE, APPLY_ORGANISATION, APPLY_ENDPOINT, APPLY_KIND_COUNT };

/* How a member is written, checked and compared. */
enum apply_form {
	FORM_NAME,    /* what it is told by: a uid, or an event type's name */
	FORM_TEXT,    /* up to `max` bytes */
	FORM_WORD,    /* letters, digits, '-', '_', '.' */
	FORM_URL,     /* compared in the server's spelling */
	FORM_BOOL,    /* true or false */
	FORM_INTEGER, /* from 1 to `max` */
	FORM_CHOICE,  /* one of `choices` */
	FORM_NAMES,   /* a set of words, at most `max`; none of them is the same as no line */
	FORM_SET,     /* the same, but an empty one is not the same as no line */
	FORM_OWNERS,  /* a mapping of duties to a team and a contact */
	FORM_PATHS,   /* a mapping of roles to sets of paths into payloads */
	FORM_TEXTS,   /* a mapping of names to texts */
	FORM_HEADERS, /* the same, where a text may come from elsewhere */
	FORM_SCHEMAS, /* a mapping of versions to JSON Schemas */
	FORM_SCHEDULE,
	FORM_SECRET,	     /* where it comes from; used once, when the thing is created */
	FORM_AUTHENTICATION, /* how an endpoint is authenticated to: its secrets are references */
	FORM_GOVERNANCE,     /* what needs a second person */
};

struct apply_member {
	const char *name;
	enum apply_form form;
	const char *fallback; /* in canonical JSON: what leaving it out means; NULL: the server decides */
	const char *expected; /* ends the line of an error */
	int64_t max;
	const char *const *choices; /* ends with NULL */
	bool required;
	bool fixed; /* cannot be changed once the thing is there */
	bool apart; /* has a request of its own, and is left alone where the file does not have it */
};

struct apply_members {
	const char *noun; /* "endpoint" */
	const struct apply_member *items;
	size_t count;
};

enum { APPLY_MEMBERS_MAX = 24 };

/* By row of each table, the rows that the code needs by name. */
enum apply_row { ROW_NAME = 0 };

const struct apply_members *apply_members(enum apply_kind kind);
/* Its row, or the count when there is none. */
size_t apply_row_of(enum apply_kind kind, struct slice name);

/* A change that somebody has asked for and that a second person has not approved, or that cools off. */
struct apply_waiting {
	struct slice id, operation, state, at;
	struct slice object; /* the endpoint's id; absent: it is not there yet */
	struct slice uid;    /* that it is to have */
};

/* An event type, an organisation or an endpoint. */
struct apply_item {
	enum apply_kind kind;
	struct slice name;			     /* uid or name; absent: a server's without a uid */
	struct slice id;			     /* a server's; absent in a file */
	struct slice values[APPLY_MEMBERS_MAX];	     /* canonical JSON by row; absent: not said */
	struct yaml_place places[APPLY_MEMBERS_MAX]; /* of a file's values */
	struct yaml_place place;
	struct slice_list sensitive;   /* a server's endpoint: its headers whose values are not shown */
	uint32_t unseen;	       /* bit r: the server does not show the member of row r to this token */
	bool key_shared;	       /* a server's endpoint: its keyType is that of the organisation's key */
	struct apply_waiting *waiting; /* a server's organisation: changes that wait for a second person */
	size_t waiting_count;
	struct apply_item *endpoints;
	size_t endpoint_count;
	bool endpoints_given; /* the file has the section; without it, an organisation's endpoints are left alone */
};

struct apply_state {
	const char *file; /* for errors; NULL: a server's */
	struct apply_item *types, *organisations;
	size_t type_count, organisation_count;
	bool types_given, organisations_given; /* a section that is not in the file is left alone */
	bool listed_only; /* `scope: listed`: organisations that the file does not name are none of its business */
	struct arena arena;
};

void apply_state_free(struct apply_state *state);
/* By name, NULL where there is none. The items must be sorted by apply_items_sort. */
struct apply_item *apply_item_find(struct apply_item *items, size_t count, struct slice name);
void apply_items_sort(struct apply_item *items, size_t count);

/* --- the file --------------------------------------------------------------------------------------- */

MUST_CHECK enum error_code apply_file_read(
    const char *file, struct slice text, struct apply_state *out, struct error *error);
/* `file:line:column: found …; expected …`. */
enum error_code apply_refuse(const char *file, struct yaml_place place, struct error *error, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Fetches the values of headers that are not sensitive from where the file says they are: the server shows them, so
 * they can be compared. */
MUST_CHECK enum error_code apply_file_resolve(struct apply_state *state, struct error *error);

/* A reference in canonical JSON: {"env":"NAME"} or {"file":"PATH"}; once resolved it has a "value" too. */
bool apply_is_reference(struct json value);
/* Its text without the line end of a file, into `out` (initialised); the caller wipes it. */
MUST_CHECK enum error_code apply_reference_fetch(struct json reference, struct buf *out, struct error *error);
/* Which headers the server does not show again. */
bool apply_header_sensitive(struct slice name);

/* --- canonical JSON --------------------------------------------------------------------------------- */

/* Names sorted, of names that stand twice the last, no white space; numbers as they are written. */
void apply_canonical(struct arena *arena, struct json value, struct buf *out);
struct slice apply_canonical_copy(struct arena *arena, struct json value);
struct slice apply_quote(struct arena *arena, struct slice text);
/* A set of texts: sorted, each once, null when empty. */
struct slice apply_names(struct arena *arena, struct slice_list names);
/* The same, `[]` when empty. */
struct slice apply_set(struct arena *arena, struct slice_list names);
/* A value of this module as JSON; it has been validated when it was made. */
struct json apply_json(struct slice canonical);
/* The spelling in which the server keeps a URL; `text` itself where it is none. */
struct slice apply_url(struct arena *arena, struct slice text);

/* --- the plan --------------------------------------------------------------------------------------- */

enum apply_action { APPLY_CREATE, APPLY_CHANGE, APPLY_DELETE, APPLY_ACTION_COUNT };

struct apply_change {
	struct slice member;   /* "url", "headers.X-Trace" */
	struct slice from, to; /* JSON; absent: not there */
};

struct apply_step {
	enum apply_action action;
	const struct apply_item *item;	       /* the file's; for a deletion, the server's */
	const struct apply_item *server;       /* NULL for a creation */
	const struct apply_item *organisation; /* of an endpoint */
	struct apply_change *changes;
	size_t change_count, change_room;
	uint32_t rows;	      /* bit r: the member of row r differs, headers apart */
	struct slice headers; /* of a change: what to send, a JSON object that may hold references; absent: nothing */
	struct slice authentication; /* the same */
	size_t authentication_row;   /* where the file's item has it */
	struct slice governance;     /* of an organisation's change: what to set, in canonical JSON; absent: nothing */
	bool signing_key;	     /* of an organisation: make its key */
	const struct apply_waiting **waiting; /* change requests about the same thing */
	size_t waiting_count;
};

struct apply_unmanaged {
	const struct apply_item *item, *organisation;
};

struct apply_plan {
	struct apply_step *steps; /* in the order in which they are safe */
	size_t count;
	struct apply_unmanaged *unmanaged; /* there, but not in the file */
	size_t unmanaged_count;
	size_t by_action[APPLY_ACTION_COUNT];
	struct arena arena;
};

struct apply_options {
	bool prune;   /* what is not in the file is deleted, as far as the file's sections reach */
	bool rewrite; /* sensitive headers are sent again, since it cannot be seen whether they differ */
};

/* `file` has been resolved. ERR_INVALID, with file, line and column, where the file asks for what cannot be. */
MUST_CHECK enum error_code apply_plan_make(const struct apply_state *file, const struct apply_state *server,
    const struct apply_options *options, struct apply_plan *out, struct error *error);
void apply_plan_free(struct apply_plan *plan);
/* What a change makes of a member; where the file does not say, what the server would decide. Absent: let it be. */
struct slice apply_wanted(const struct apply_step *step, size_t row);
/* For the files of the plan. */
void apply_step_add_change(struct apply_step *step, struct slice member, struct slice from, struct slice to);
/* What a value is, for people: itself, or where it comes from. */
struct slice apply_reference_shown(struct arena *arena, struct json value);
/* Adds what differs, if anything does; `rewrite`: secrets are sent again in any case. */
void apply_plan_authentication(struct arena *arena, struct apply_step *step, size_t row, bool rewrite);
/* They differ. */
void apply_plan_governance(struct arena *arena, struct apply_step *step, struct slice from, struct slice to);
/* Whether what a step refers to can be fetched: before anything is written, so that a plan does not stop half way. */
MUST_CHECK enum error_code apply_references_check(
    const struct apply_state *file, const struct apply_step *step, struct error *error);

/* The signature scheme that the server gives an endpoint for which none is named. */
const char *apply_scheme_default(struct slice payload_style, struct slice key_type);

/* --- showing it ------------------------------------------------------------------------------------- */

/* "create endpoint acme/settlement". */
struct slice apply_step_text(struct arena *arena, const struct apply_step *step);
void apply_show(const struct apply_plan *plan, struct buf *out);

/* What became of a step. */
enum apply_ending {
	APPLY_ENDED_NOT,
	APPLY_ENDED_DONE,
	APPLY_ENDED_ASKED,   /* a second person has to approve it */
	APPLY_ENDED_WAITING, /* the same: it had been asked for before */
	APPLY_ENDING_COUNT,
};

enum { APPLY_REQUESTS_MAX = 4 };

struct apply_held {
	char id[ID_TEXT_BYTES];
	bool known; /* was there when the plan was made */
};

/* What the requests of a step were answered. */
struct apply_result {
	size_t sent;
	struct apply_held held[APPLY_REQUESTS_MAX];
	size_t held_count;
};

enum apply_ending apply_ending_of(const struct apply_result *result);
const char *apply_ending_name(enum apply_ending ending);

struct apply_outcome {
	bool dry_run;
	size_t done;			    /* steps, from the first */
	const struct apply_result *results; /* of these */
	const char *problem;		    /* why it stopped at the next one; NULL: it did not */
};

/* What was asked for and waits, a line each. */
void apply_show_waiting(const struct apply_plan *plan, const struct apply_outcome *outcome, struct buf *out);
/* Requests that wait: those asked for before, or those asked for now. */
size_t apply_count_held(const struct apply_outcome *outcome, bool known);
void apply_show_json(const struct apply_plan *plan, const struct apply_outcome *outcome, struct buf *out);

/* --- the server ------------------------------------------------------------------------------------- */

struct api_client;

/* Everything that `file` has to be compared with; NULL: everything there is, or all of `organisation`. `prune`: also what may
 * be deleted. */
MUST_CHECK enum error_code apply_server_read(struct api_client *client, const struct apply_state *file,
    const char *organisation, bool prune, struct apply_state *out, struct error *error);
/* What the organisation governs is kept by the server until somebody approves it: `result` says so. */
MUST_CHECK enum error_code apply_step_run(struct api_client *client, const struct apply_step *step, size_t number,
    struct apply_result *result, struct error *error);

/* --- what waits for a second person ------------------------------------------------------------------ */

/* Adds the change requests of a list answer to the organisation. */
void apply_waiting_read(struct arena *arena, struct json data, struct apply_item *organisation);
/* Gives each step those that are about the same thing. */
void apply_waiting_find(const struct apply_state *server, struct apply_plan *plan);
struct api_answer;
/* Takes what one request of the step was answered. */
void apply_waiting_take(const struct apply_step *step, const struct api_answer *answer, struct apply_result *result);

/* --- what protects an organisation and its endpoints (apply_protect.c) ------------------------------- */

/* What can be compared: without secrets, defaults and what the server adds; of a reference that was resolved, its value. */
struct slice apply_authentication_shown(struct arena *arena, struct slice canonical);
/* The same, with a reference for each secret: the variable's name is the endpoint's own. */
struct slice apply_authentication_exported(
    struct arena *arena, struct slice canonical, struct slice organisation, struct slice endpoint);
/* Goes over the members that are there, until one fails. */
typedef enum error_code apply_leaf_visit(
    void *context, const char *section, const char *name, bool secret, struct json value);
MUST_CHECK enum error_code apply_authentication_walk(struct slice canonical, apply_leaf_visit *visit, void *context);
/* Whether what is to be certificates holds no private key, which would be shown. */
bool apply_authentication_public_good(struct slice text);
/* Settings of governance without those that have their default. */
struct slice apply_governance_canonical(struct arena *arena, struct json from);
bool apply_governance_governs(struct slice canonical);

/* --- the export ------------------------------------------------------------------------------------- */

/* What apply_file_read reads, with comments that say what is left out. `organisation` NULL: all. */
void export_write(const struct apply_state *state, const char *organisation, struct buf *out);

#endif
