/* Events that the system tells of itself (emit.h): messages that a request makes beside what it was asked for. */
#include "store/emit.h"
#include "store/sqlite/private.h"

int64_t
endpoint_held(struct sqlite_store *store, struct endpoint_id endpoint)
{
	sqlite3_stmt *row = sql_bind(store, SQL_HELD, "ii", endpoint.value, (int64_t)STORE_HELD_COUNTED);
	int64_t held = sql_step(store, row) ? sqlite3_column_int64(row, 0) : 0;
	sql_end(row);
	if (held < STORE_HELD_COUNTED)
		held += tail_more(store, DELIVERY_PENDING, endpoint.value, INT64_MIN, INT64_MAX);
	return held < STORE_HELD_COUNTED ? held : STORE_HELD_COUNTED;
}

const struct organisation *
organisation_of(struct sqlite_store *store, struct organisation_id id)
{
	const struct directory_organisation *entry = directory_organisation_by_id(&store->directory, id);
	return entry == NULL || entry->deleted ? NULL : &entry->organisation;
}

/* The organisation whose endpoints are asked; NULL: nobody is told. */
static struct directory_organisation *
audience(struct sqlite_store *store, struct organisation_id concerned, const struct store_event *event)
{
	struct directory_organisation *entry;
	if (event->to == EVENT_OWN) {
		entry = directory_organisation_by_id(&store->directory, concerned);
		return entry == NULL || entry->deleted ? NULL : entry;
	}
	entry = store->options.operational ? directory_organisation(&store->directory, STORE_MANAGEMENT_UID) : NULL;
	return entry != NULL && emit_allowed(event, entry->organisation.id) ? entry : NULL;
}

static size_t
count_takers(const struct directory_organisation *owner, const struct store_event *event)
{
	size_t takers = 0;
	for (size_t i = 0; owner != NULL && i < owner->endpoint_count; i++)
		takers += emit_takes(event, &owner->endpoints[i]->endpoint);
	return takers;
}

bool
emit_has_takers(struct sqlite_store *store, struct organisation_id concerned, const struct store_event *event)
{
	return count_takers(audience(store, concerned, event), event) > 0;
}

static void
tell(struct sqlite_store *store, struct store_request *request, const struct store_event *event)
{
	struct organisation_id concerned = event->organisation;
	if (event->to == EVENT_OWN && concerned.value == 0) {
		const struct directory_organisation *named = directory_organisation(&store->directory, request->ref);
		if (named == NULL)
			return;
		concerned = named->organisation.id;
	}
	struct directory_organisation *owner = audience(store, concerned, event);
	size_t takers = count_takers(owner, event);
	if (takers == 0)
		return;
	struct message *message =
	    emit_message(event, &owner->organisation, request, id_next(&store->ids, request->now));
	sql_run(store, SQL_MESSAGE_PUT, "iitttibt", message->id.value, message->organisation.value, message->event_type,
	    message->event_id, SLICE_NONE, (int64_t)message->retention_days, message->payload, message->webhook_id);
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, takers);
	note->target_count = 0;
	note->message = message;
	for (size_t i = 0; i < owner->endpoint_count; i++)
		if (emit_takes(event, &owner->endpoints[i]->endpoint))
			insert_delivery(store, note, owner->endpoints[i], message, request->now);
	mail_list_add(store->notes, &note->mail);
}

void
emit_all(struct sqlite_store *store, struct store_request *request)
{
	for (const struct store_event *event = request->events; event != NULL; event = event->next)
		tell(store, request, event);
	for (const struct store_event *event = request->told; event != NULL; event = event->next)
		tell(store, request, event);
}
