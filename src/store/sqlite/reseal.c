/* A step of sealing anew (reseal.h). */
#include "store/sqlite/private.h"

/* True: the part is done. */
static bool
step_endpoints(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->resealing;
	/* By rising id, as they were made. */
	for (size_t i = 0; i < store->directory.all_count; i++) {
		const struct endpoint *from = &store->directory.all[i]->endpoint;
		if (from->id.value <= step->after || from->state == ENDPOINT_DELETED)
			continue;
		if (step->looked == step->limit)
			return false;
		struct endpoint endpoint = endpoint_copy(&request->arena, from);
		step->looked++;
		step->after = endpoint.id.value;
		if (!reseal_endpoint(step, &request->arena, &endpoint))
			continue;
		step->changed++;
		/* Whoever sends has its keys open, and they are the same. */
		save_endpoint(store, &endpoint, false);
	}
	return true;
}

void
op_reseal(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->resealing;
	step->looked = step->changed = 0;
	bool done = step->part == RESEAL_CHANGES ? reseal_changes(store, request) : step_endpoints(store, request);
	if (!done)
		return;
	step->part = step->part == RESEAL_ENDPOINTS ? RESEAL_CHANGES : RESEAL_DONE;
	step->after = 0;
}
