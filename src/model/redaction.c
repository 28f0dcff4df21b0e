#include "model/redaction.h"

#include "model/permission.h"

enum { COMPLIANCE_PATHS = 1 };

/* Paths, each without what was matched so far. With `**` several remains of one path are looked for at once, but no more
 * than it has segments. */
struct active {
	struct slice items[(LIMIT_REDACTION_PATHS + COMPLIANCE_PATHS) * LIMIT_REDACTION_SEGMENTS];
	size_t count;
};

struct copying {
	struct buf out;
	const char *from; /* what lies before is written */
};

static bool
segment_valid(struct slice segment)
{
	if (segment.len == 0 || segment.len > LIMIT_UID_BYTES)
		return false;
	for (size_t i = 0; i < segment.len; i++)
		if ((unsigned char)segment.ptr[i] <= 0x20)
			return false;
	return true;
}

bool
redaction_path_valid(struct slice path)
{
	size_t segments = 0;
	struct slice last = SLICE_NONE;
	while (slice_present(path)) {
		last = slice_cut(&path, '.');
		if (!segment_valid(last) || ++segments > LIMIT_REDACTION_SEGMENTS)
			return false;
	}
	return segments > 0 && !slice_is(last, "**");
}

struct slice_list
redaction_paths(struct slice redactions, enum role role, struct arena *arena)
{
	size_t room = LIMIT_REDACTION_PATHS + COMPLIANCE_PATHS;
	struct slice_list list = {arena_alloc(arena, room * sizeof list.items[0]), 0};
	struct json object, key, item;
	if (!slice_present(redactions) || json_parse(redactions, LIMIT_JSON_DEPTH, &object, NULL) != OK)
		return list;
	struct json paths = json_member(object, role_name(role));
	if (!json_present(paths) || paths.type != JSON_ARRAY)
		return list;
	struct json_iterator iterator = json_iterate(paths);
	while (list.count < LIMIT_REDACTION_PATHS && json_next(&iterator, &key, &item))
		list.items[list.count++] = json_text(arena, item);
	return list;
}

struct slice_list
redaction_of(struct slice redactions, enum role role, struct arena *arena)
{
	struct slice_list list = redaction_paths(redactions, role, arena);
	if (role_may(role, PERMISSION_COMPLIANCE_READ))
		return list;
	list.items[list.count++] = SLICE("**.complianceInfo");
	return list;
}

static void
keep(struct active *active, struct slice path)
{
	for (size_t i = 0; i < active->count; i++)
		if (slice_equal(active->items[i], path))
			return;
	ENSURE(active->count < COUNT_OF(active->items));
	active->items[active->count++] = path;
}

/* One path seen from the member `key`: true when it names the member; else what is left of it goes on. */
static bool
descend(struct slice path, struct json key, struct active *next)
{
	struct slice rest = path, segment = slice_cut(&rest, '.');
	if (slice_is(segment, "**")) {
		keep(next, path);
		return descend(rest, key, next);
	}
	if (!slice_is(segment, "*") && !json_text_is(key, segment))
		return false;
	if (!slice_present(rest))
		return true;
	keep(next, rest);
	return false;
}

static void
copy_value(struct copying *copying, struct json value, const struct active *active)
{
	if (active->count == 0 || (value.type != JSON_OBJECT && value.type != JSON_ARRAY))
		return;
	struct json_iterator iterator = json_iterate(value);
	struct json key, member;
	while (json_next(&iterator, &key, &member)) {
		if (value.type == JSON_ARRAY) {
			copy_value(copying, member, active);
			continue;
		}
		struct active next = {.count = 0};
		bool named = false;
		for (size_t i = 0; i < active->count; i++)
			named = descend(active->items[i], key, &next) || named;
		if (!named) {
			copy_value(copying, member, &next);
			continue;
		}
		buf_append(&copying->out, (struct slice){copying->from, (size_t)(member.raw.ptr - copying->from)});
		buf_text(&copying->out, "\"[redacted]\"");
		copying->from = member.raw.ptr + member.raw.len;
	}
}

struct slice
redaction_apply(struct slice payload, struct slice_list paths, struct arena *arena)
{
	struct json root;
	if (!slice_present(payload) || paths.count == 0 || json_parse(payload, LIMIT_JSON_DEPTH, &root, NULL) != OK)
		return payload;
	struct copying copying = {.from = payload.ptr};
	struct active active = {.count = 0};
	for (size_t i = 0; i < paths.count; i++)
		keep(&active, paths.items[i]);
	/* A value of one byte grows to the replacement's length. */
	buf_init(&copying.out, payload.len * 12 + 64);
	copy_value(&copying, root, &active);
	if (copying.from == payload.ptr) {
		buf_free(&copying.out);
		return payload;
	}
	buf_append(&copying.out, (struct slice){copying.from, (size_t)(payload.ptr + payload.len - copying.from)});
	ENSURE(!copying.out.overflow);
	struct slice shown = arena_copy(arena, buf_slice(&copying.out));
	buf_free(&copying.out);
	return shown;
}
