/* What the receiver refused because its signature does not fit: one entry for each source and claimed id, with the
 * receiver's counts, which survive its bound on what it keeps. Ids that it no longer counts by themselves are in one entry
 * of their source without an id, so that the numbers add up. */
#include "reconcile/journal.h"

struct reading {
	struct texts *texts;
	struct journal *journal;
	size_t capacity;
};

static struct journal_refused *
entry_of(struct reading *reading, struct text source, struct text event_id)
{
	struct journal *journal = reading->journal;
	/* Only the rest of a source can be there already; all other pairs come once. */
	for (size_t i = 0; !text_present(event_id) && i < journal->refused_count; i++) {
		struct journal_refused *entry = &journal->refused[i];
		if (text_equal(entry->source, source) && !text_present(entry->event_id))
			return entry;
	}
	if (journal->refused_count == reading->capacity) {
		reading->capacity = reading->capacity == 0 ? 64 : reading->capacity * 2;
		journal->refused = mem_resize(journal->refused, reading->capacity, sizeof journal->refused[0]);
	}
	journal->refused[journal->refused_count] = (struct journal_refused){.source = source, .event_id = event_id};
	return &journal->refused[journal->refused_count++];
}

static void
add_claim(struct reading *reading, const struct store_refused_row *row)
{
	struct text source = texts_put(reading->texts, row->source);
	struct journal_refused *entry = entry_of(reading, source, texts_put(reading->texts, row->claimed));
	entry->count += (uint64_t)row->count;
	entry->last = row->last.us > entry->last.us ? row->last : entry->last;
}

/* What a source's total counts more than its claims do. */
static void
add_rest(struct reading *reading, const struct store_refused_row *row)
{
	if (!slice_is(row->reason, verdict_name(VERDICT_WRONG)))
		return;
	struct text source = texts_put(reading->texts, row->source);
	uint64_t counted = 0;
	for (size_t i = 0; i < reading->journal->refused_count; i++)
		if (text_equal(reading->journal->refused[i].source, source))
			counted += reading->journal->refused[i].count;
	if ((uint64_t)row->count <= counted)
		return;
	struct journal_refused *entry = entry_of(reading, source, TEXT_NONE);
	entry->count += (uint64_t)row->count - counted;
	entry->last = row->last.us > entry->last.us ? row->last : entry->last;
}

static enum error_code
read_page(struct reading *reading, struct store *store, enum store_refused_kind kind, int64_t *after, bool *more,
    struct error *error)
{
	struct store_request *request = store_request_new(STORE_REFUSED_LIST, WALL_NONE);
	request->admin->refused_kind = kind;
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (kind == STORE_REFUSED_CLAIMS)
			add_claim(reading, &request->admin->refused_rows[i]);
		else
			add_rest(reading, &request->admin->refused_rows[i]);
		*after = request->admin->refused_rows[i].id;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

enum error_code
journal_read_refused(struct record_context *context, struct store *store, struct journal *journal, struct error *error)
{
	static const enum store_refused_kind kinds[] = {STORE_REFUSED_CLAIMS, STORE_REFUSED_TOTALS};
	struct reading reading = {.texts = context->texts, .journal = journal};
	journal->refused = NULL;
	journal->refused_count = 0;
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < COUNT_OF(kinds); i++) {
		int64_t after = 0;
		for (bool more = true; code == OK && more;)
			code = read_page(&reading, store, kinds[i], &after, &more, error);
	}
	return code;
}
