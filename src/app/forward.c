/* The receiver's forwarding is delivery to endpoints that happen to be its own: one for each source that has a
 * forward URL, of an organisation of the receiver's. What is no longer configured is disabled, and holds. */
#include "app/service_private.h"

#include <stdio.h>

static const char organisation_uid[] = "receiver";

struct wanted {
	struct slice url; /* absent: no longer configured */
};

static enum error_code
edit(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)error;
	(void)existed;
	const struct wanted *wanted = context;
	enum endpoint_state state = slice_present(wanted->url) ? ENDPOINT_ACTIVE : ENDPOINT_DISABLED;
	if (slice_present(wanted->url))
		endpoint->url = arena_copy(arena, wanted->url);
	if (endpoint_may_move(endpoint->state, state))
		endpoint->state = state;
	return OK;
}

static struct slice
uid_of(struct arena *arena, struct slice source)
{
	return arena_printf(arena, "forward.%.*s", SLICE_ARG(source));
}

static enum error_code
ensure_organisation(struct store *store, struct wall_time now, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, now);
	request->get_if_exists = true;
	request->organisation = (struct organisation){.name = SLICE("This receiver's own destinations"),
	    .uid = slice_of(organisation_uid),
	    .metadata = SLICE("{}")};
	enum error_code code = store_ask(store, request, error);
	store_request_free(request);
	return code;
}

/* Points the endpoint at the URL, making it when it is not there; fills `id`. */
static enum error_code
ensure_endpoint(struct store *store, struct wall_time now, struct receive_source *source, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ENDPOINT_EDIT, now);
	struct wanted wanted = {source->forward_url};
	request->ref = slice_of(organisation_uid);
	request->endpoint_ref = uid_of(&request->arena, source->name);
	request->edit_endpoint = edit;
	request->edit_context = &wanted;
	enum error_code code = store_ask(store, request, error);
	if (code == ERR_NOT_FOUND) {
		request->kind = STORE_ENDPOINT_CREATE;
		request->endpoint = (struct endpoint){
		    .state = ENDPOINT_ACTIVE,
		    .url = source->forward_url,
		    .description = SLICE("forwarding"),
		    .uid = request->endpoint_ref,
		    .metadata = SLICE("{}"),
		    .version = 1,
		};
		code = store_ask(store, request, error);
	}
	source->forward = request->endpoint.id;
	store_request_free(request);
	return code;
}

static bool
is_configured(const struct receive_sources *sources, struct slice uid, struct arena *arena)
{
	for (size_t i = 0; i < sources->count; i++)
		if (slice_present(sources->items[i].forward_url) &&
		    slice_equal(uid_of(arena, sources->items[i].name), uid))
			return true;
	return false;
}

/* Disables the forward endpoints of sources that no longer have one. */
static enum error_code
retire_others(struct store *store, struct wall_time now, const struct receive_sources *sources, struct error *error)
{
	struct store_request *all = store_request_new(STORE_ENDPOINTS_ALL, now);
	enum error_code code = store_ask(store, all, error);
	for (size_t i = 0; code == OK && i < all->count; i++) {
		const struct endpoint *endpoint = &all->endpoints[i];
		if (endpoint->state == ENDPOINT_DISABLED || is_configured(sources, endpoint->uid, &all->arena))
			continue;
		struct store_request *request = store_request_new(STORE_ENDPOINT_EDIT, now);
		struct wanted nothing = {SLICE_NONE};
		request->ref = slice_of(organisation_uid);
		request->endpoint_ref = endpoint->uid;
		request->edit_endpoint = edit;
		request->edit_context = &nothing;
		code = store_ask(store, request, error);
		store_request_free(request);
	}
	store_request_free(all);
	return code;
}

enum error_code
forward_prepare(struct store *store, struct receive_sources *sources, struct error *error)
{
	struct wall_time now = clock_wall();
	enum error_code code = ensure_organisation(store, now, error);
	for (size_t i = 0; code == OK && i < sources->count; i++)
		if (slice_present(sources->items[i].forward_url))
			code = ensure_endpoint(store, now, &sources->items[i], error);
	return code == OK ? retire_others(store, now, sources, error) : code;
}
