/* Look-ups in the generated tables. */
#include "catalogue/tables.h"

size_t
catalogue_count(void)
{
	return catalogue_type_count;
}

const struct catalogue_type *
catalogue_at(size_t at)
{
	ENSURE(at < catalogue_type_count);
	return &catalogue_types[at];
}

static const struct catalogue_type *
index_find(const struct catalogue_index *rows, size_t count, struct slice name)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_compare(rows[middle].name, name);
		if (order == 0)
			return &catalogue_types[rows[middle].type];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct catalogue_type *
catalogue_find(struct slice name)
{
	return index_find(catalogue_by_name, catalogue_by_name_count, name);
}

const struct catalogue_type *
catalogue_find_legacy(struct slice legacy_name)
{
	return index_find(catalogue_by_legacy, catalogue_by_legacy_count, legacy_name);
}

bool
catalogue_may_read(const struct catalogue_type *type, struct slice role)
{
	return slice_list_has(type->readers, role);
}

struct slice_list
catalogue_services(void)
{
	return catalogue_service_list;
}

bool
catalogue_service_always_on(struct slice service)
{
	return slice_list_has(catalogue_always_on_list, service);
}

size_t
catalogue_lifecycle_count(void)
{
	return catalogue_lifecycles_count;
}

const struct catalogue_lifecycle *
catalogue_lifecycle_at(size_t at)
{
	ENSURE(at < catalogue_lifecycles_count);
	return &catalogue_lifecycles[at];
}

const struct catalogue_lifecycle *
catalogue_lifecycle_find(struct slice name)
{
	for (size_t i = 0; i < catalogue_lifecycles_count; i++)
		if (slice_equal(catalogue_lifecycles[i].name, name))
			return &catalogue_lifecycles[i];
	return NULL;
}

const struct catalogue_state *
catalogue_state_find(const struct catalogue_lifecycle *lifecycle, struct slice name)
{
	for (size_t i = 0; i < lifecycle->state_count; i++)
		if (slice_equal(lifecycle->states[i].name, name))
			return &lifecycle->states[i];
	return NULL;
}

bool
catalogue_move_allowed(const struct catalogue_lifecycle *lifecycle, struct slice from, struct slice to)
{
	const struct catalogue_state *target = catalogue_state_find(lifecycle, to);
	if (target == NULL)
		return false;
	if (!slice_present(from))
		return target->begins;
	for (size_t i = 0; i < lifecycle->move_count; i++) {
		const struct catalogue_move *move = &lifecycle->moves[i];
		if (slice_equal(lifecycle->states[move->from].name, from) && &lifecycle->states[move->to] == target)
			return true;
	}
	return false;
}

struct slice
catalogue_platform_status(struct slice status)
{
	for (size_t i = 0; i < catalogue_status_count; i++)
		if (slice_equal(catalogue_statuses[i].name, status))
			return catalogue_statuses[i].state;
	return SLICE_NONE;
}
