/* The reference model of events that the system tells of itself (emit.h). */
#include "store/emit.h"
#include "store/memory/private.h"

const struct organisation *
memory_owner_by_id(const struct memory *memory, struct organisation_id id)
{
	for (size_t i = 0; i < memory->organisations.count; i++) {
		const struct memory_organisation *row = &memory->organisations.rows[i];
		if (row->organisation.id.value == id.value && !row->deleted)
			return &row->organisation;
	}
	return NULL;
}

int64_t
memory_held(const struct memory *memory, struct endpoint_id endpoint)
{
	int64_t held = 0;
	for (size_t i = 0; i < memory->deliveries.count; i++)
		held += memory->deliveries.rows[i].endpoint.value == endpoint.value &&
			memory->deliveries.rows[i].state == DELIVERY_PENDING;
	return held < STORE_HELD_COUNTED ? held : STORE_HELD_COUNTED;
}

/* The organisation whose endpoints are asked; NULL: nobody is told. */
static const struct organisation *
audience(struct memory *memory, const struct store_request *request, const struct store_event *event)
{
	const struct memory_organisation *row;
	if (event->to == EVENT_OWN && event->organisation.value != 0)
		return memory_owner_by_id(memory, event->organisation);
	if (event->to == EVENT_OWN) {
		row = memory_find_organisation(memory, request->ref);
		return row == NULL ? NULL : &row->organisation;
	}
	row = memory->options.operational ? memory_find_organisation(memory, STORE_MANAGEMENT_UID) : NULL;
	return row != NULL && emit_allowed(event, row->organisation.id) ? &row->organisation : NULL;
}

static bool
is_taker(const struct memory_endpoint *row, const struct organisation *of, const struct store_event *event)
{
	return row->endpoint.organisation.value == of->id.value && emit_takes(event, &row->endpoint);
}

static void
tell(struct memory *memory, struct store_request *request, const struct store_event *event, struct mail_list *notes)
{
	const struct organisation *of = audience(memory, request, event);
	size_t takers = 0;
	for (size_t i = 0; of != NULL && i < memory->endpoints.count; i++)
		takers += is_taker(&memory->endpoints.rows[i], of, event);
	if (takers == 0)
		return;
	struct message *message = emit_message(event, of, request, id_next(&memory->ids, request->now));
	*MEMORY_ADD(&memory->messages) = message;
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, takers);
	note->message = message_ref(message);
	size_t made = 0;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		if (is_taker(row, of, event))
			memory_new_delivery(memory, message, row, request->now, &note->targets[made++]);
	}
	mail_list_add(notes, &note->mail);
}

void
memory_emit(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	for (const struct store_event *event = request->events; event != NULL; event = event->next)
		tell(memory, request, event, notes);
	for (const struct store_event *event = request->told; event != NULL; event = event->next)
		tell(memory, request, event, notes);
}
