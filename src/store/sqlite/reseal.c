/* A step of sealing anew (reseal.h). */
#include "store/sqlite/private.h"

/* True: the part is done. */
static bool
step_endpoints(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
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

static bool
step_organisations(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	for (size_t i = 0; i < store->directory.organisation_count; i++) {
		const struct directory_organisation *entry = store->directory.organisations[i];
		const struct organisation *from = &entry->organisation;
		if (from->id.value <= step->after || entry->deleted || from->key_count == 0)
			continue;
		if (step->looked == step->limit)
			return false;
		struct organisation organisation = organisation_copy(&request->arena, from);
		step->looked++;
		step->after = organisation.id.value;
		if (!reseal_organisation(step, &request->arena, &organisation))
			continue;
		step->changed++;
		save_organisation(store, &organisation, false);
	}
	return true;
}

void
op_reseal(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	step->looked = step->changed = 0;
	bool done;
	if (step->part == RESEAL_ENDPOINTS)
		done = step_endpoints(store, request);
	else if (step->part == RESEAL_ORGANISATIONS)
		done = step_organisations(store, request);
	else
		done = reseal_changes(store, request);
	if (!done)
		return;
	step->part = step->part == RESEAL_DONE ? RESEAL_DONE : (enum reseal_part)(step->part + 1);
	step->after = 0;
}
