#include "app/manifest_types.h"

#include "base/encode.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN_MAX = 5, TYPE_SHOWN_BYTES = 64 };

struct manifest_lines *
manifest_lines_new(void)
{
	return mem_zero(1, sizeof(struct manifest_lines));
}

void
manifest_lines_free(struct manifest_lines *lines)
{
	if (lines == NULL)
		return;
	arena_free(&lines->arena);
	free(lines);
}

static const struct manifest_line *
find(const struct manifest_lines *lines, struct slice type)
{
	for (size_t i = 0; i < lines->count; i++)
		if (slice_equal(lines->items[i].type, type))
			return &lines->items[i];
	return NULL;
}

/* --- the manifest's ----------------------------------------------------------------------------------- */

static bool
read_line(struct manifest_lines *lines, struct json object, int64_t from)
{
	if (object.type != JSON_OBJECT || lines->count == MANIFEST_TYPES_MAX)
		return false;
	struct manifest_line *line = &lines->items[lines->count++];
	struct json type = json_member(object, "type"), count = json_member(object, "count"),
		    hash = json_member(object, "sha256");
	if (!json_present(type) || type.type != JSON_STRING || !json_present(count) || !json_present(hash) ||
	    hash.type != JSON_STRING)
		return false;
	struct slice bytes = hex_decode(&lines->arena, json_text(&lines->arena, hash));
	line->type = json_text(&lines->arena, type);
	line->node.start = from;
	if (bytes.len != SHA256_BYTES || !json_int64(count, &line->node.count))
		return false;
	memcpy(line->node.hash, bytes.ptr, SHA256_BYTES);
	return true;
}

bool
manifest_lines_read(struct manifest_lines *lines, struct json types, int64_t from)
{
	if (!json_present(types) || types.type != JSON_ARRAY)
		return false;
	struct json_iterator items = json_iterate(types);
	struct json key, item;
	while (json_next(&items, &key, &item))
		if (!read_line(lines, item, from))
			return false;
	return true;
}

int64_t
manifest_lines_total(const struct manifest_lines *lines)
{
	int64_t total = 0;
	for (size_t i = 0; i < lines->count; i++)
		total += lines->items[i].node.count;
	return total;
}

/* --- the journal's ------------------------------------------------------------------------------------ */

static void
add_event(struct manifest_lines *lines, const struct digest_event *event, int64_t from)
{
	if (event->type.len == 0) {
		lines->untyped = true;
		return;
	}
	size_t at = 0;
	while (at < lines->count && !slice_equal(lines->items[at].type, event->type))
		at++;
	if (at == MANIFEST_TYPES_MAX) {
		lines->untyped = true;
		return;
	}
	if (at == lines->count) {
		lines->items[at].type = arena_copy(&lines->arena, event->type);
		digest_begin(&lines->items[at].node, from);
		lines->count++;
	}
	digest_add(&lines->items[at].node, event->id, event->sha256);
}

static enum error_code
ask(struct background *background, struct store_request *request, struct slice source, enum digest_level level,
    int64_t from, int64_t to, struct error *error)
{
	request->admin->digest = (struct store_digest){.source = source, .level = level, .from = from, .to = to};
	enum error_code code = background_ask(background, request, error);
	if (code == OK && request->admin->digest.building)
		code = error_set(error, ERR_UNAVAILABLE, "the digests are being built");
	if (code == OK && background_stopping(background))
		code = error_set(error, ERR_UNAVAILABLE, "the receiver is stopping");
	return code;
}

/* A minute, and where that has more events than fit an answer, its seconds. */
static enum error_code
count_events(struct manifest_lines *lines, struct background *background, struct slice source, int64_t begin,
    int64_t end, struct error *error)
{
	struct store_request *request = store_request_new(STORE_DIGEST, clock_wall());
	enum error_code code = ask(background, request, source, DIGEST_EVENT, begin, end, error);
	bool whole = code == OK && !request->more;
	for (size_t i = 0; whole && i < request->admin->digest.count; i++)
		add_event(lines, &request->admin->digest.events[i], begin);
	store_request_free(request);
	if (code == OK && !whole && end - begin == 1)
		return error_set(error, ERR_LIMIT, "a second has too many events");
	for (int64_t second = begin; code == OK && !whole && second < end; second++)
		code = count_events(lines, background, source, second, second + 1, error);
	return code;
}

enum error_code
manifest_lines_count(struct manifest_lines *lines, struct background *background, struct slice source, int64_t from,
    int64_t to, struct error *error)
{
	/* A day has fewer minutes than an answer has room for nodes. */
	struct store_request *request = store_request_new(STORE_DIGEST, clock_wall());
	enum error_code code = ask(background, request, source, DIGEST_MINUTE, from, to, error);
	for (size_t i = 0; code == OK && i < request->admin->digest.count; i++) {
		int64_t minute = request->admin->digest.nodes[i].start;
		code = count_events(lines, background, source, minute, minute + 60, error);
	}
	store_request_free(request);
	return code;
}

/* --- both --------------------------------------------------------------------------------------------- */

static struct slice
add_difference(struct arena *arena, struct slice text, struct slice type, int64_t sent, int64_t received)
{
	struct slice shown = type;
	shown.len = shown.len > TYPE_SHOWN_BYTES ? TYPE_SHOWN_BYTES : shown.len;
	return arena_printf(arena, "%.*s%s%.*s: %" PRId64 " sent, %" PRId64 " received%s", SLICE_ARG(text),
	    text.len > 0 ? "; " : "", SLICE_ARG(shown), sent, received,
	    sent == received ? ", and they are not the same" : "");
}

struct slice
manifest_lines_differ(const struct manifest_lines *sent, const struct manifest_lines *received, struct arena *arena)
{
	struct slice text = SLICE("");
	size_t shown = 0, more = 0;
	for (size_t i = 0; i < sent->count; i++) {
		const struct manifest_line *one = &sent->items[i], *other = find(received, one->type);
		int64_t count = other == NULL ? 0 : other->node.count;
		if (other != NULL && count == one->node.count &&
		    memcmp(one->node.hash, other->node.hash, SHA256_BYTES) == 0)
			continue;
		if (shown < SHOWN_MAX && ++shown > 0)
			text = add_difference(arena, text, one->type, one->node.count, count);
		else
			more++;
	}
	for (size_t i = 0; i < received->count; i++) {
		if (find(sent, received->items[i].type) != NULL)
			continue;
		if (shown < SHOWN_MAX && ++shown > 0)
			text = add_difference(arena, text, received->items[i].type, 0, received->items[i].node.count);
		else
			more++;
	}
	return more == 0 ? text : arena_printf(arena, "%.*s; and %zu more types", SLICE_ARG(text), more);
}
