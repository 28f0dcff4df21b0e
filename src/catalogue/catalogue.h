/* The catalogue of event types, compiled in from catalogue/ (one JSON file for each service, lifecycles.json,
 * definitions.json) by generate.py, which checks the data and fails the build on an error in it.
 *
 * Everything here is const and lives as long as the program; nothing is allocated. It knows what a type means,
 * not who subscribes to it, and it does not validate payloads.
 *
 * A type moves up to two things: its own resource (`lifecycle`, `state`), and the transaction that its `data`
 * names (`transaction_lifecycle`, `transaction_state`). They are the same for a transaction's own events; a
 * screening moves its case and the deposit. Absent slices: it moves nothing. */
#ifndef CATALOGUE_CATALOGUE_H
#define CATALOGUE_CATALOGUE_H

#include "base/slice.h"

struct catalogue_type {
	struct slice name;	    /* dotted, `transaction.deposit.detected` */
	struct slice service;	    /* `transactions`: the unit that an organisation has enabled or not */
	struct slice description;   /* one sentence */
	struct slice version;	    /* of the shape of `data`: the envelope's `version` */
	struct slice resource_kind; /* the envelope's `resource.type` */
	struct slice lifecycle, state;
	struct slice transaction_lifecycle, transaction_state;
	bool may_lower;		   /* may move to a lower rank: reorged, replaced, dropped and the exits */
	struct slice_list readers; /* names of the roles that may read it, in the order of the role table */
	struct slice_list legacy_names;
	struct slice schema_json;  /* JSON Schema 2020-12 of `data`, complete in itself */
	struct slice example_json; /* a whole envelope */
};

size_t catalogue_count(void);
/* In the order of the services and, within one, of its file. ENSUREs at < catalogue_count(). */
const struct catalogue_type *catalogue_at(size_t at);
/* NULL when there is none. Names compare exactly. */
const struct catalogue_type *catalogue_find(struct slice name);
const struct catalogue_type *catalogue_find_legacy(struct slice legacy_name);
bool catalogue_may_read(const struct catalogue_type *type, struct slice role);

struct slice_list catalogue_services(void);
/* `system` is delivered whether or not the organisation has enabled anything. */
bool catalogue_service_always_on(struct slice service);

struct catalogue_state {
	struct slice name;
	int rank;    /* later states rank higher; an exit ranks above every state that it leaves */
	bool final;  /* nothing follows but a reorganisation */
	bool exit;   /* final and off the path: rejected, failed, … */
	bool begins; /* a life may begin with it */
	bool moved_money;
};

/* Indices into the lifecycle's states. */
struct catalogue_move {
	unsigned char from, to;
};

struct catalogue_lifecycle {
	struct slice name;
	struct slice description;
	const struct catalogue_state *states;
	size_t state_count;
	const struct catalogue_move *moves;
	size_t move_count;
};

size_t catalogue_lifecycle_count(void);
const struct catalogue_lifecycle *catalogue_lifecycle_at(size_t at);
const struct catalogue_lifecycle *catalogue_lifecycle_find(struct slice name);
const struct catalogue_state *catalogue_state_find(const struct catalogue_lifecycle *lifecycle, struct slice name);
/* May `to` follow `from`? An absent `from` asks whether a life may begin with `to`. Staying is not a move. */
bool catalogue_move_allowed(const struct catalogue_lifecycle *lifecycle, struct slice from, struct slice to);
/* The state that a platform status (`USER_CANCELLED`, domain of the Records API) stands for; absent when none. */
struct slice catalogue_platform_status(struct slice status);

#endif
