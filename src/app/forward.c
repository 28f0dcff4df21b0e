/* The receiver's forwarding and acting are delivery to endpoints that happen to be its own: one for each source that has
 * a forward URL and one for each destination, of an organisation of the receiver's. What is no longer configured is
 * disabled, and holds. */
#include "app/service_private.h"

#include <stdio.h>

static const char organisation_uid[] = "receiver";

struct wanted {
	struct slice uid, url; /* url absent: no longer configured */
	const char *description;
	enum delivery_order order;
	struct slice schedule; /* absent: the configuration's */
};

static enum error_code
edit(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)error;
	(void)existed;
	const struct wanted *wanted = context;
	enum endpoint_state state = slice_present(wanted->url) ? ENDPOINT_ACTIVE : ENDPOINT_DISABLED;
	if (slice_present(wanted->url)) {
		endpoint->url = arena_copy(arena, wanted->url);
		endpoint->order = wanted->order;
		endpoint->schedule = arena_copy(arena, wanted->schedule);
	}
	if (endpoint_may_move(endpoint->state, state))
		endpoint->state = state;
	return OK;
}

static struct slice
uid_of_source(struct arena *arena, struct slice source)
{
	return arena_printf(arena, "forward.%.*s", SLICE_ARG(source));
}

static struct slice
uid_of_destination(struct arena *arena, struct slice name)
{
	return arena_printf(arena, "destination.%.*s", SLICE_ARG(name));
}

static enum error_code
ensure_organisation(struct store *store, struct wall_time now, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, now);
	request->get_if_exists = true;
	request->admin->organisation = (struct organisation){.name = SLICE("This receiver's own destinations"),
	    .uid = slice_of(organisation_uid),
	    .metadata = SLICE("{}")};
	enum error_code code = store_ask(store, request, error);
	store_request_free(request);
	return code;
}

/* Makes the endpoint what is wanted, or makes it when it is not there; fills `id`. */
static enum error_code
ensure_endpoint(
    struct store *store, struct wall_time now, struct wanted *wanted, struct endpoint_id *id, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ENDPOINT_EDIT, now);
	request->ref = slice_of(organisation_uid);
	request->endpoint_ref = wanted->uid;
	request->admin->edit_endpoint = edit;
	request->admin->edit_context = wanted;
	enum error_code code = store_ask(store, request, error);
	if (code == ERR_NOT_FOUND) {
		request->kind = STORE_ENDPOINT_CREATE;
		request->admin->endpoint = (struct endpoint){
		    .state = ENDPOINT_ACTIVE,
		    .url = wanted->url,
		    .description = slice_of(wanted->description),
		    .uid = wanted->uid,
		    .metadata = SLICE("{}"),
		    .order = wanted->order,
		    .schedule = wanted->schedule,
		    .version = 1,
		};
		code = store_ask(store, request, error);
	}
	*id = request->admin->endpoint.id;
	store_request_free(request);
	return code;
}

static bool
is_configured(const struct receive_sources *sources, const struct act *act, struct slice uid, struct arena *arena)
{
	for (size_t i = 0; i < sources->count; i++)
		if (slice_present(sources->items[i].forward_url) &&
		    slice_equal(uid_of_source(arena, sources->items[i].name), uid))
			return true;
	for (size_t i = 0; act != NULL && i < act->destination_count; i++)
		if (slice_equal(uid_of_destination(arena, act->destinations[i].name), uid))
			return true;
	return false;
}

/* Disables the endpoints of sources that no longer have one, and of destinations that are gone. */
static enum error_code
retire_others(struct store *store, struct wall_time now, const struct receive_sources *sources, const struct act *act,
    struct error *error)
{
	struct store_request *all = store_request_new(STORE_ENDPOINTS_ALL, now);
	enum error_code code = store_ask(store, all, error);
	for (size_t i = 0; code == OK && i < all->count; i++) {
		const struct endpoint *endpoint = &all->endpoints[i];
		if (endpoint->state == ENDPOINT_DISABLED || is_configured(sources, act, endpoint->uid, &all->arena))
			continue;
		struct store_request *request = store_request_new(STORE_ENDPOINT_EDIT, now);
		struct wanted nothing = {.url = SLICE_NONE};
		request->ref = slice_of(organisation_uid);
		request->endpoint_ref = endpoint->uid;
		request->admin->edit_endpoint = edit;
		request->admin->edit_context = &nothing;
		code = store_ask(store, request, error);
		store_request_free(request);
	}
	store_request_free(all);
	return code;
}

static enum error_code
prepare_sources(struct store *store, struct wall_time now, struct receive_sources *sources, struct error *error)
{
	enum error_code code = OK;
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; code == OK && i < sources->count; i++) {
		struct receive_source *source = &sources->items[i];
		struct wanted wanted = {
		    uid_of_source(&arena, source->name), source->forward_url, "forwarding", ORDER_NONE, SLICE_NONE};
		if (slice_present(source->forward_url))
			code = ensure_endpoint(store, now, &wanted, &source->forward, error);
	}
	arena_free(&arena);
	return code;
}

/* --- destinations ----------------------------------------------------------------------------------- */

static size_t
route(const void *context, struct slice source, struct slice type, struct slice body, struct endpoint_id *out)
{
	const struct acting *acting = context;
	struct act_event event = {.source = source, .type = type, .body = body};
	uint64_t to = act_route(acting->act, &event);
	size_t count = 0;
	for (size_t i = 0; i < acting->act->destination_count; i++)
		if ((to >> i & 1) != 0)
			out[count++] = acting->endpoints[i];
	return count;
}

static enum error_code
prepare_destinations(struct store *store, struct wall_time now, struct acting *acting, struct error *error)
{
	enum error_code code = OK;
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; code == OK && i < acting->act->destination_count; i++) {
		const struct act_destination *destination = &acting->act->destinations[i];
		struct wanted wanted = {uid_of_destination(&arena, destination->name), destination->url,
		    act_kind_name(destination->kind), destination->order, destination->schedule};
		code = ensure_endpoint(store, now, &wanted, &acting->endpoints[i], error);
	}
	arena_free(&arena);
	acting->router = (struct receive_router){.context = acting, .route = route};
	return code;
}

enum error_code
forward_prepare(struct store *store, struct receive_sources *sources, struct acting *acting, struct error *error)
{
	struct wall_time now = clock_wall();
	enum error_code code = ensure_organisation(store, now, error);
	if (code == OK)
		code = prepare_sources(store, now, sources, error);
	if (code == OK && acting->act != NULL)
		code = prepare_destinations(store, now, acting, error);
	for (size_t i = 0; i < sources->count; i++)
		sources->items[i].router = acting->act == NULL ? NULL : &acting->router;
	return code == OK ? retire_others(store, now, sources, acting->act, error) : code;
}
