/* A Vaultbell sender as the custodian: its messages are events, put together to transactions as a journal's are. */
#include "records/exchange.h"
#include "records/value.h"

#include <inttypes.h>

struct taking {
	struct records_source *source;
	struct journal_reader *reader;
	uint64_t pages, count;
	struct arena arena;
};

/* The member of a message as it stands in its JSON text. */
static struct slice
member_text(struct json message, const char *name, struct arena *arena)
{
	struct json value = json_member(message, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static bool
is_redacted(struct json payload)
{
	if (payload.type != JSON_OBJECT || json_count(payload) != 1)
		return false;
	struct json redacted = json_member(payload, "redacted");
	return json_present(redacted) && redacted.type == JSON_TRUE;
}

static enum error_code
take_message(struct taking *taking, struct json message, struct error *error)
{
	struct json payload = message.type == JSON_OBJECT ? json_member(message, "payload") : JSON_ABSENT;
	if (!json_present(payload))
		return error_set(error, ERR_INVALID, "%s: expected messages with their payloads", taking->source->name);
	if (is_redacted(payload))
		return error_set(error, ERR_FORBIDDEN,
		    "%s: its token may not read all payloads; expected one of the role admin (docs/roles.md)",
		    taking->source->name);
	struct store_journal_row row = {
	    .seq = (int64_t)++taking->count,
	    .source = slice_of(taking->source->name),
	    .event_id = member_text(message, "id", &taking->arena),
	    .type = member_text(message, "eventType", &taking->arena),
	    .verdict = JOURNAL_VERIFIED,
	    .body = payload.raw,
	};
	if (!time_parse(member_text(message, "timestamp", &taking->arena), &row.received))
		return error_set(
		    error, ERR_INVALID, "%s: expected messages with their timestamps", taking->source->name);
	journal_reader_take(taking->reader, &row);
	arena_reset(&taking->arena);
	return OK;
}

static enum error_code
take_page(void *context, struct json items, struct error *error)
{
	struct taking *taking = context;
	struct json_iterator iterator = json_iterate(items);
	struct json key, message;
	enum error_code code = OK;
	while (code == OK && json_next(&iterator, &key, &message))
		code = take_message(taking, message, error);
	taking->pages++;
	if (taking->source->progress != NULL)
		taking->source->progress(
		    taking->source->progress_context, taking->source, taking->pages, taking->count);
	return code;
}

static void
describe(const struct records_source *source, struct mapping *mapping, struct mapping_list *list, struct arena *arena)
{
	struct slice organisation = exchange_encode(slice_of(source->organisation), arena);
	*list = (struct mapping_list){
	    .method = SLICE("GET"),
	    .path = arena_printf(arena, "/api/v1/app/%.*s/msg?limit=250&with_content=true", SLICE_ARG(organisation)),
	    .items = {.text = SLICE("data"), .steps = {{.name = "data"}}, .count = 1},
	    .paging = PAGING_CURSOR,
	    .next = {.text = SLICE("iterator"), .steps = {{.name = "iterator"}}, .count = 1},
	    .done = {.text = SLICE("done"), .steps = {{.name = "done"}}, .count = 1},
	    .parameter = SLICE("iterator"),
	};
	*mapping = (struct mapping){
	    .file = source->origin,
	    .headers = {{SLICE("authorization"), SLICE("Bearer ${token}")}},
	    .header_count = 1,
	    .timeout_ms = 60000,
	    .retries = 6,
	};
}

enum error_code
records_read_vaultbell(struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error)
{
	struct mapping mapping;
	struct mapping_list list;
	struct exchange exchange;
	struct journal events;
	struct taking taking = {.source = source};
	journal_init(&events);
	describe(source, &mapping, &list, &source->arena);
	taking.reader = journal_reader_new(&reconcile->context, &events);
	enum error_code code = exchange_init(&exchange, source, &mapping, error);
	if (code == OK)
		code = exchange_pages(&exchange, &list, take_page, &taking, error);
	exchange_fini(&exchange);
	enum error_code ended = journal_reader_end(taking.reader, code == OK ? error : NULL);
	code = code == OK ? ended : code;
	struct records *records = reconcile->sides[side];
	if (code == OK) {
		records_fini(records);
		*records = events.records;
		records_init(&events.records);
	}
	records->path = source->name;
	journal_fini(&events);
	arena_free(&taking.arena);
	return code;
}
