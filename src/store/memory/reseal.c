/* The reference model of sealing anew (reseal.h). */
#include "store/memory/private.h"

#include "store/change.h"

static bool
step_endpoints(struct memory *memory, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		if (row->endpoint.id.value <= step->after || row->endpoint.state == ENDPOINT_DELETED)
			continue;
		if (step->looked == step->limit)
			return false;
		struct endpoint endpoint = endpoint_copy(&request->arena, &row->endpoint);
		step->looked++;
		step->after = endpoint.id.value;
		if (!reseal_endpoint(step, &request->arena, &endpoint))
			continue;
		step->changed++;
		struct arena old = row->arena;
		row->arena = ARENA_EMPTY;
		row->endpoint = endpoint_copy(&row->arena, &endpoint);
		arena_free(&old);
	}
	return true;
}

static bool
step_organisations(struct memory *memory, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	for (size_t i = 0; i < memory->organisations.count; i++) {
		struct memory_organisation *row = &memory->organisations.rows[i];
		if (row->organisation.id.value <= step->after || row->deleted || row->organisation.key_count == 0)
			continue;
		if (step->looked == step->limit)
			return false;
		struct organisation organisation = organisation_copy(&request->arena, &row->organisation);
		step->looked++;
		step->after = organisation.id.value;
		if (!reseal_organisation(step, &request->arena, &organisation))
			continue;
		step->changed++;
		struct arena old = row->arena;
		row->arena = ARENA_EMPTY;
		row->organisation = organisation_copy(&row->arena, &organisation);
		arena_free(&old);
	}
	return true;
}

static bool
step_changes(struct memory *memory, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	for (size_t i = 0; i < memory->changes.count; i++) {
		struct memory_change *row = &memory->changes.rows[i];
		bool open = row->change.state == CHANGE_REQUESTED || row->change.state == CHANGE_APPROVED;
		if (row->change.id.value <= step->after || !open)
			continue;
		if (step->looked == step->limit)
			return false;
		struct change_request change = change_copy(&request->arena, &row->change);
		step->looked++;
		step->after = change.id.value;
		if (!reseal_change(step, &request->arena, &change))
			continue;
		step->changed++;
		struct arena old = row->arena;
		row->arena = ARENA_EMPTY;
		row->change = change_copy(&row->arena, &change);
		arena_free(&old);
	}
	return true;
}

enum error_code
memory_reseal(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_resealing *step = &request->admin->resealing;
	step->looked = step->changed = 0;
	bool done;
	if (step->part == RESEAL_ENDPOINTS)
		done = step_endpoints(memory, request);
	else if (step->part == RESEAL_ORGANISATIONS)
		done = step_organisations(memory, request);
	else
		done = step_changes(memory, request);
	if (!done)
		return OK;
	step->part = step->part == RESEAL_DONE ? RESEAL_DONE : (enum reseal_part)(step->part + 1);
	step->after = 0;
	return OK;
}
