#include "store/directory.h"

#include <stdlib.h>

void
directory_init(struct directory *directory)
{
	*directory = (struct directory){.organisations = NULL};
	map_init(&directory->by_id);
	map_init(&directory->by_uid);
	map_init(&directory->by_endpoint);
}

void
directory_fini(struct directory *directory)
{
	for (size_t i = 0; i < directory->organisation_count; i++) {
		struct directory_organisation *entry = directory->organisations[i];
		arena_free(&entry->arena);
		free(entry->endpoints);
		free(entry);
	}
	for (size_t i = 0; i < directory->all_count; i++) {
		arena_free(&directory->all[i]->arena);
		free(directory->all[i]);
	}
	for (size_t i = 0; i < directory->type_count; i++) {
		arena_free(&directory->types[i]->arena);
		free(directory->types[i]);
	}
	free(directory->organisations);
	free(directory->all);
	free(directory->numbered);
	free(directory->types);
	map_fini(&directory->by_id);
	map_fini(&directory->by_uid);
	map_fini(&directory->by_endpoint);
	directory_init(directory);
}

/* FNV-1a: the result is only a hint, so a clash costs a scan and nothing else. */
static int64_t
uid_hash(struct slice uid)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < uid.len; i++)
		hash = (hash ^ (unsigned char)uid.ptr[i]) * 0x100000001b3u;
	return (int64_t)hash;
}

/* Appends to an array whose capacity is the next power of two. */
static void *
append(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) == 0)
		return mem_resize(array, count == 0 ? 1 : count * 2, size);
	return array;
}

struct directory_organisation *
directory_organisation_by_id(struct directory *directory, struct organisation_id id)
{
	uint32_t index = map_get(&directory->by_id, id.value, 0);
	return index == MAP_ABSENT ? NULL : directory->organisations[index];
}

struct directory_organisation *
directory_put_organisation(struct directory *directory, const struct organisation *organisation, bool deleted)
{
	struct directory_organisation *entry = directory_organisation_by_id(directory, organisation->id);
	struct arena arena = ARENA_EMPTY;
	struct organisation copy = organisation_copy(&arena, organisation);
	if (entry == NULL) {
		entry = mem_zero(1, sizeof *entry);
		size_t index = directory->organisation_count;
		directory->organisations =
		    append(directory->organisations, index, sizeof(struct directory_organisation *));
		directory->organisations[directory->organisation_count++] = entry;
		map_put(&directory->by_id, organisation->id.value, 0, (uint32_t)index);
	}
	arena_free(&entry->arena);
	entry->organisation = copy;
	entry->arena = arena;
	entry->deleted = deleted;
	if (slice_present(copy.uid) && !deleted)
		map_put(&directory->by_uid, uid_hash(copy.uid), 0, map_get(&directory->by_id, copy.id.value, 0));
	return entry;
}

static bool
is_uid(const struct directory_organisation *entry, struct slice uid)
{
	return !entry->deleted && slice_present(entry->organisation.uid) && slice_equal(entry->organisation.uid, uid);
}

struct directory_organisation *
directory_organisation(struct directory *directory, struct slice ref)
{
	int64_t id;
	if (id_parse(ID_ORGANISATION, ref, &id)) {
		struct directory_organisation *entry =
		    directory_organisation_by_id(directory, (struct organisation_id){id});
		return entry == NULL || entry->deleted ? NULL : entry;
	}
	uint32_t hint = map_get(&directory->by_uid, uid_hash(ref), 0);
	if (hint == MAP_ABSENT)
		return NULL;
	if (is_uid(directory->organisations[hint], ref))
		return directory->organisations[hint];
	for (size_t i = 0; i < directory->organisation_count; i++)
		if (is_uid(directory->organisations[i], ref))
			return directory->organisations[i];
	return NULL;
}

struct directory_endpoint *
directory_endpoint_by_id(struct directory *directory, struct endpoint_id id)
{
	uint32_t index = map_get(&directory->by_endpoint, id.value, 0);
	return index == MAP_ABSENT ? NULL : directory->all[index];
}

struct directory_endpoint *
directory_put_endpoint(struct directory *directory, const struct endpoint *endpoint)
{
	struct directory_endpoint *entry = directory_endpoint_by_id(directory, endpoint->id);
	struct arena arena = ARENA_EMPTY;
	struct endpoint copy = endpoint_copy(&arena, endpoint);
	if (entry == NULL) {
		entry = mem_zero(1, sizeof *entry);
		size_t index = directory->all_count;
		directory->all = append(directory->all, index, sizeof entry);
		directory->all[directory->all_count++] = entry;
		map_put(&directory->by_endpoint, endpoint->id.value, 0, (uint32_t)index);
		struct directory_organisation *owner = directory_organisation_by_id(directory, endpoint->organisation);
		ENSURE(owner != NULL);
		owner->endpoints = append(owner->endpoints, owner->endpoint_count, sizeof entry);
		owner->endpoints[owner->endpoint_count++] = entry;
	}
	arena_free(&entry->arena);
	entry->endpoint = copy;
	entry->arena = arena;
	return entry;
}

struct directory_endpoint *
directory_endpoint(struct directory_organisation *organisation, struct slice ref)
{
	int64_t id;
	bool by_id = id_parse(ID_ENDPOINT, ref, &id);
	for (size_t i = 0; i < organisation->endpoint_count; i++) {
		struct directory_endpoint *entry = organisation->endpoints[i];
		if (entry->endpoint.state == ENDPOINT_DELETED)
			continue;
		if (by_id ? entry->endpoint.id.value == id
			  : slice_present(entry->endpoint.uid) && slice_equal(entry->endpoint.uid, ref))
			return entry;
	}
	return NULL;
}

size_t
directory_type_position(const struct directory *directory, struct slice name)
{
	size_t low = 0, high = directory->type_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (slice_compare(directory->types[middle]->type.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct directory_event_type *
directory_type(struct directory *directory, struct slice name)
{
	size_t at = directory_type_position(directory, name);
	bool found = at < directory->type_count && slice_equal(directory->types[at]->type.name, name);
	return found ? directory->types[at] : NULL;
}

void
directory_put_type(struct directory *directory, const struct event_type *type)
{
	struct arena arena = ARENA_EMPTY;
	struct event_type copy = event_type_copy(&arena, type);
	struct directory_event_type *entry = directory_type(directory, type->name);
	if (entry == NULL) {
		size_t at = directory_type_position(directory, type->name);
		entry = mem_zero(1, sizeof *entry);
		directory->types = append(directory->types, directory->type_count, sizeof entry);
		memmove(directory->types + at + 1, directory->types + at, (directory->type_count - at) * sizeof entry);
		directory->types[at] = entry;
		directory->type_count++;
	}
	arena_free(&entry->arena);
	entry->type = copy;
	entry->arena = arena;
}

void
directory_remove_type(struct directory *directory, struct slice name)
{
	struct directory_event_type *entry = directory_type(directory, name);
	if (entry == NULL)
		return;
	size_t at = directory_type_position(directory, name);
	memmove(directory->types + at, directory->types + at + 1,
	    (directory->type_count - at - 1) * sizeof directory->types[0]);
	directory->type_count--;
	arena_free(&entry->arena);
	free(entry);
}

void
directory_numbered(struct directory *directory, struct directory_endpoint *endpoint, int64_t sequence)
{
	if (!endpoint->sequence_changed) {
		endpoint->sequence_changed = true;
		directory->numbered = append(directory->numbered, directory->numbered_count, sizeof endpoint);
		directory->numbered[directory->numbered_count++] = endpoint;
	}
	endpoint->sequence = sequence > endpoint->sequence ? sequence : endpoint->sequence;
}

int64_t
directory_number(struct directory *directory, struct directory_endpoint *endpoint)
{
	directory_numbered(directory, endpoint, endpoint->sequence + 1);
	return endpoint->sequence;
}
