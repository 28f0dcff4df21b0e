/* The reference model of the index of the journal by resource. An item's id is its place, from 1. */
#include "store/memory/private.h"

/* 0: there is none. */
static size_t
find_item(const struct memory *memory, int kind, struct slice name)
{
	for (size_t i = 0; i < memory->track_items.count; i++)
		if (memory->track_items.rows[i].kind == kind && slice_equal(memory->track_items.rows[i].name, name))
			return i + 1;
	return 0;
}

static size_t
make_item(struct memory *memory, int kind, struct slice name)
{
	size_t found = find_item(memory, kind, name);
	if (found != 0)
		return found;
	struct memory_track_item *item = MEMORY_ADD(&memory->track_items);
	*item = (struct memory_track_item){.kind = kind};
	item->name = arena_copy(&item->arena, name);
	return memory->track_items.count;
}

static bool
has_event(const struct memory *memory, size_t item, int64_t seq)
{
	for (size_t i = 0; i < memory->track_events.count; i++)
		if (memory->track_events.rows[i].item == item && memory->track_events.rows[i].seq == seq)
			return true;
	return false;
}

enum error_code
memory_track_put(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_track *track = &request->admin->track;
	if (track->from != memory->tracked) {
		track->through = memory->tracked;
		return OK;
	}
	for (size_t i = 0; i < track->entry_count; i++) {
		const struct store_track_entry *entry = &track->entries[i];
		size_t item = make_item(memory, entry->kind, store_track_name(entry->name));
		if (!has_event(memory, item, entry->seq))
			*MEMORY_ADD(&memory->track_events) = (struct memory_track_event){item, entry->seq};
	}
	memory->tracked = track->through;
	return OK;
}

enum error_code
memory_track_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_track *track = &request->admin->track;
	size_t item = find_item(memory, track->kind, store_track_name(track->name)), bytes = 0;
	track->through = memory->tracked;
	request->journal_rows =
	    arena_alloc(&request->arena, (request->page.limit + 1) * sizeof request->journal_rows[0]);
	for (size_t i = 0; i < memory->journal.count && item != 0; i++) {
		const struct store_journal_row *row = &memory->journal.rows[i].row;
		if (row->seq <= request->page.after || !has_event(memory, item, row->seq))
			continue;
		request->more = request->count == request->page.limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		request->with_bodies = true;
		memory_show_journal_row(memory, request, row, true);
		bytes += request->journal_rows[request->count - 1].body.len;
	}
	return OK;
}

enum error_code
memory_track_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_track *track = &request->admin->track;
	size_t count = memory->track_items.count;
	track->through = memory->tracked;
	track->items = arena_alloc(&request->arena, (request->page.limit + 1) * sizeof track->items[0]);
	for (size_t i = 0; i < count && !request->more; i++) {
		size_t at = memory_at(&request->page, i, count);
		const struct memory_track_item *item = &memory->track_items.rows[at];
		if (item->kind != track->kind || !memory_in_page(&request->page, (int64_t)at + 1))
			continue;
		request->more = track->item_count == request->page.limit;
		if (!request->more)
			track->items[track->item_count++] =
			    (struct store_track_item){(int64_t)at + 1, arena_copy(&request->arena, item->name)};
	}
	return OK;
}
