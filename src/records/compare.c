#include "records/compare.h"

#include "base/encode.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVENTS_OF_MINUTE_MAX = 256, BUILDING_ROUNDS_MAX = 100000 };

struct walk {
	const struct compare_side *here, *there;
	struct comparison *out;
	struct error *error;
};

const char *
compare_kind_name(enum compare_kind kind)
{
	static const char *const names[] = {"missing_here", "missing_there", "other_body"};
	return names[kind];
}

void
comparison_free(struct comparison *comparison)
{
	arena_free(&comparison->arena);
	free(comparison->found);
}

static void
note(struct walk *walk, enum compare_kind kind, struct slice id)
{
	struct comparison *out = walk->out;
	out->cut = out->cut || out->count == COMPARE_FOUND_MAX;
	if (out->cut)
		return;
	if (out->count == out->capacity) {
		out->capacity = out->capacity == 0 ? 64 : out->capacity * 2;
		out->found = mem_resize(out->found, out->capacity, sizeof out->found[0]);
	}
	out->found[out->count++] = (struct compare_found){kind, arena_copy(&out->arena, id)};
}

static enum error_code
ask_both(struct walk *walk, enum digest_level level, int64_t from, int64_t to, struct arena *arena,
    struct compare_answer *here, struct compare_answer *there)
{
	enum error_code code = walk->here->ask(walk->here->context, level, from, to, arena, here, walk->error);
	if (code == OK)
		code = walk->there->ask(walk->there->context, level, from, to, arena, there, walk->error);
	if (code != OK)
		return code;
	int64_t through = here->through < there->through ? here->through : there->through;
	walk->out->to = walk->out->to < through ? walk->out->to : through;
	return OK;
}

/* Events come by rising id, and the texts of ids sort as their times do. */
static enum error_code
compare_events(struct walk *walk, int64_t from, int64_t to)
{
	struct arena arena = ARENA_EMPTY;
	struct compare_answer here, there;
	size_t before = walk->out->count;
	enum error_code code = ask_both(walk, DIGEST_EVENT, from, to, &arena, &here, &there);
	size_t h = 0, t = 0;
	while (code == OK && (h < here.count || t < there.count)) {
		int order = h == here.count    ? 1
			    : t == there.count ? -1
					       : slice_compare(here.events[h].id, there.events[t].id);
		if (order > 0)
			note(walk, COMPARE_MISSING_HERE, there.events[t].id);
		else if (order < 0)
			note(walk, COMPARE_MISSING_THERE, here.events[h].id);
		else if (memcmp(here.events[h].digest, there.events[t].digest, COMPARE_DIGEST_BYTES) != 0)
			note(walk, COMPARE_OTHER_BODY, here.events[h].id);
		h += order <= 0;
		t += order >= 0;
	}
	walk->out->unexplained += code == OK && walk->out->count == before && !walk->out->cut;
	arena_free(&arena);
	return code;
}

static enum error_code compare_nodes(struct walk *walk, enum digest_level level, int64_t from, int64_t to);

static enum error_code
go_down(struct walk *walk, enum digest_level level, int64_t start, int64_t count)
{
	int64_t end = start + digest_seconds(level);
	if (level >= DIGEST_MINUTE && start >= walk->out->to)
		return OK;
	if (level == DIGEST_SECOND || (level == DIGEST_MINUTE && count <= EVENTS_OF_MINUTE_MAX))
		return compare_events(walk, start, end);
	return compare_nodes(walk, level + 1, start, end);
}

static enum error_code
compare_nodes(struct walk *walk, enum digest_level level, int64_t from, int64_t to)
{
	struct arena arena = ARENA_EMPTY;
	struct compare_answer here, there;
	enum error_code code = ask_both(walk, level, from, to, &arena, &here, &there);
	size_t h = 0, t = 0;
	while (code == OK && (h < here.count || t < there.count)) {
		int64_t at_here = h < here.count ? here.nodes[h].start : INT64_MAX;
		int64_t at_there = t < there.count ? there.nodes[t].start : INT64_MAX;
		int64_t start = at_here < at_there ? at_here : at_there;
		const struct digest_node *one = at_here == start ? &here.nodes[h++] : NULL;
		const struct digest_node *other = at_there == start ? &there.nodes[t++] : NULL;
		int64_t of_one = one == NULL ? 0 : one->count, of_other = other == NULL ? 0 : other->count;
		walk->out->here += level == DIGEST_DAY ? of_one : 0;
		walk->out->there += level == DIGEST_DAY ? of_other : 0;
		bool same = one != NULL && other != NULL && of_one == of_other &&
			    memcmp(one->hash, other->hash, SHA256_BYTES) == 0;
		if (!same)
			code = go_down(walk, level, start, of_one > of_other ? of_one : of_other);
	}
	arena_free(&arena);
	return code;
}

enum error_code
compare_sides(const struct compare_side *here, const struct compare_side *there, int64_t from, int64_t to,
    struct comparison *out, struct error *error)
{
	*out = (struct comparison){.from = from, .to = to, .arena = ARENA_EMPTY};
	struct walk walk = {here, there, out, error};
	return compare_nodes(&walk, DIGEST_DAY, from / 86400 * 86400, to);
}

/* --- a store ------------------------------------------------------------------------------------------ */

void
compare_take(const struct store_digest *digest, struct arena *arena, struct compare_answer *out)
{
	*out = (struct compare_answer){.count = digest->count, .through = digest->through};
	if (digest->level != DIGEST_EVENT) {
		out->nodes = arena_alloc(arena, (digest->count + 1) * sizeof out->nodes[0]);
		if (digest->count > 0)
			memcpy(out->nodes, digest->nodes, digest->count * sizeof out->nodes[0]);
		return;
	}
	out->events = arena_alloc(arena, (digest->count + 1) * sizeof out->events[0]);
	for (size_t i = 0; i < digest->count; i++) {
		out->events[i].id = arena_copy(arena, digest->events[i].id);
		memcpy(out->events[i].digest, digest->events[i].sha256, COMPARE_DIGEST_BYTES);
	}
}

static enum error_code
ask_store(void *context, enum digest_level level, int64_t from, int64_t to, struct arena *arena,
    struct compare_answer *out, struct error *error)
{
	struct compare_store *side = context;
	for (int round = 0; round < BUILDING_ROUNDS_MAX; round++) {
		struct store_request *request = store_request_new(STORE_DIGEST, clock_wall());
		request->ref = side->ref;
		request->endpoint_ref = side->endpoint;
		request->admin->digest =
		    (struct store_digest){.source = side->source, .level = level, .from = from, .to = to};
		enum error_code code = store_ask(side->store, request, error);
		bool building = code == OK && request->admin->digest.building;
		if (code == OK && request->more && !building)
			code = error_set(error, ERR_LIMIT, "there are more events in one second than can be compared");
		if (code == OK && !building)
			compare_take(&request->admin->digest, arena, out);
		store_request_free(request);
		if (!building)
			return code;
	}
	return error_set(error, ERR_UNAVAILABLE, "the digests are not built in time; ask again later");
}

struct compare_side
compare_side_of_store(struct compare_store *store)
{
	return (struct compare_side){store, ask_store};
}

/* --- a sender ----------------------------------------------------------------------------------------- */

static bool
read_digest(struct arena *arena, struct json text, size_t bytes, unsigned char *out)
{
	struct slice digest = text.type == JSON_STRING ? base64url_decode(arena, json_text(arena, text)) : SLICE_NONE;
	if (digest.len != bytes)
		return false;
	memcpy(out, digest.ptr, bytes);
	return true;
}

static bool
read_row(struct arena *arena, struct json row, enum digest_level level, size_t at, struct compare_answer *out)
{
	struct json parts[3] = {JSON_ABSENT, JSON_ABSENT, JSON_ABSENT}, key;
	struct json_iterator items = json_iterate(row);
	if (row.type != JSON_ARRAY || json_count(row) != (level == DIGEST_EVENT ? 2u : 3u))
		return false;
	for (size_t i = 0; i < COUNT_OF(parts) && json_next(&items, &key, &parts[i]); i++)
		continue;
	if (level == DIGEST_EVENT) {
		out->events[at].id = parts[0].type == JSON_STRING ? json_text(arena, parts[0]) : SLICE_NONE;
		return slice_present(out->events[at].id) &&
		       read_digest(arena, parts[1], COMPARE_DIGEST_BYTES, out->events[at].digest);
	}
	return json_int64(parts[0], &out->nodes[at].start) && json_int64(parts[1], &out->nodes[at].count) &&
	       read_digest(arena, parts[2], SHA256_BYTES, out->nodes[at].hash);
}

static bool
read_answer(struct arena *arena, struct json object, enum digest_level level, struct compare_answer *out)
{
	struct json data = json_member(object, "data"), through = json_member(object, "through"), key, row;
	*out = (struct compare_answer){.count = 0};
	if (!json_present(data) || data.type != JSON_ARRAY || !json_present(through) ||
	    !json_int64(through, &out->through))
		return false;
	size_t count = json_count(data);
	out->nodes = arena_alloc(arena, (count + 1) * sizeof out->nodes[0]);
	out->events = arena_alloc(arena, (count + 1) * sizeof out->events[0]);
	struct json_iterator rows = json_iterate(data);
	while (json_next(&rows, &key, &row))
		if (!read_row(arena, row, level, out->count++, out))
			return false;
	return true;
}

static bool
is_true(struct json object, const char *name)
{
	struct json member = json_member(object, name);
	return json_present(member) && member.type == JSON_TRUE;
}

static enum error_code
ask_feed(void *context, enum digest_level level, int64_t from, int64_t to, struct arena *arena,
    struct compare_answer *out, struct error *error)
{
	char what[128];
	snprintf(what, sizeof what, "digests?level=%s&from=%lld&to=%lld", digest_level_name(level), (long long)from,
	    (long long)to);
	for (int round = 0; round < BUILDING_ROUNDS_MAX; round++) {
		struct json object;
		enum error_code code = feed_get(context, what, arena, &object, error);
		if (code != OK)
			return code;
		if (is_true(object, "building"))
			continue;
		if (is_true(object, "cut"))
			return error_set(error, ERR_LIMIT, "there are more events in one second than can be compared");
		if (!read_answer(arena, object, level, out))
			return error_set(error, ERR_UNAVAILABLE, "the sender's answer is none of digests");
		return OK;
	}
	return error_set(error, ERR_UNAVAILABLE, "the sender's digests are not built in time; ask again later");
}

struct compare_side
compare_side_of_feed(struct feed *feed)
{
	return (struct compare_side){feed, ask_feed};
}
