/* Records of a list API: each item of each page is one, as the mapping says. */
#include "records/exchange.h"
#include "records/value.h"

#include <inttypes.h>

enum { RECORDS_MAX = 50000000 };

struct taking {
	struct records_source *source;
	const struct mapping_list *list;
	struct record_reading reading;
	uint64_t pages, count;
	struct arena arena;
};

static enum error_code
take_items(void *context, struct json items, struct error *error)
{
	struct taking *taking = context;
	struct json_iterator iterator = json_iterate(items);
	struct json key, item;
	enum error_code code = OK;
	taking->pages++;
	while (code == OK && json_next(&iterator, &key, &item)) {
		taking->count++;
		if (taking->count > RECORDS_MAX)
			return error_set(
			    error, ERR_LIMIT, "%s: expected at most %d records", taking->source->name, RECORDS_MAX);
		if (item.type != JSON_OBJECT)
			code = error_set(error, ERR_INVALID, "expected an object, not %s", json_type_name(item.type));
		else
			code = value_record(taking->list, item, &taking->arena, &taking->reading.draft, error);
		if (code != OK) {
			code = error_wrap(error, "%s: record %" PRIu64, taking->source->name, taking->count);
			record_draft_clear(&taking->reading.draft);
		} else {
			code = record_reading_take(&taking->reading, taking->count, error);
		}
		arena_reset(&taking->arena);
	}
	if (taking->source->progress != NULL)
		taking->source->progress(
		    taking->source->progress_context, taking->source, taking->pages, taking->count);
	return code;
}

enum error_code
records_read_list(struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error)
{
	struct exchange exchange;
	struct taking taking = {
	    .source = source,
	    .reading = {.context = &reconcile->context, .records = reconcile->sides[side], .reader.path = source->name},
	};
	record_draft_init(&taking.reading.draft);
	reconcile->sides[side]->path = source->name;
	enum error_code code = exchange_init(&exchange, source, source->mapping, error);
	for (size_t i = 0; code == OK && i < source->mapping->list_count; i++) {
		taking.list = &source->mapping->lists[i];
		code = exchange_pages(&exchange, taking.list, take_items, &taking, error);
	}
	exchange_fini(&exchange);
	record_draft_fini(&taking.reading.draft);
	arena_free(&taking.arena);
	return code;
}

/* --- one transaction -------------------------------------------------------------------------------- */

bool
records_can_look_up(const struct records_source *source)
{
	return source->mapping != NULL && source->mapping->lookup.line > 0;
}

static struct slice
draft_json(const struct record_draft *draft, struct arena *arena)
{
	struct buf out;
	struct json_writer writer;
	buf_init(&out, (size_t)1 << 20);
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	for (enum member member = 0; member < MEMBER_COUNT; member++)
		if (draft->values[member].len > 0)
			json_put_string(&writer, member_name(member), draft->values[member]);
	json_close(&writer);
	struct slice text = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return text;
}

enum error_code
records_look_up(
    struct records_source *source, struct slice id, struct arena *arena, struct slice *out, struct error *error)
{
	ENSURE(records_can_look_up(source));
	struct exchange exchange;
	struct record_draft draft;
	struct json item = JSON_ABSENT;
	*out = SLICE_NONE;
	record_draft_init(&draft);
	enum error_code code = exchange_init(&exchange, source, source->mapping, error);
	if (code == OK)
		code = exchange_look_up(&exchange, &source->mapping->lookup, id, arena, &item, error);
	if (code == OK && json_present(item)) {
		code = value_record(&source->mapping->lookup, item, arena, &draft, error);
		if (code == OK && slice_equal(draft.values[MEMBER_ID], id))
			*out = draft_json(&draft, arena);
		else if (code == OK)
			code = error_set(error, ERR_INVALID,
			    "%s: looked up one transaction, and another one was answered", source->name);
	}
	exchange_fini(&exchange);
	record_draft_fini(&draft);
	return code;
}
