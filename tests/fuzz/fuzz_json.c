/* The JSON reader against jansson: both must give the same verdict and read the same value.
 *
 * The writer must not be linked in: three of its functions are named as jansson's, which would call them. Nothing here
 * uses it, so the linker leaves it out. */
#include "fuzz.h"
#include "oracle.h"

#include "json/json.h"

enum { DEPTH = 1024, CANONICAL_BYTES_MAX = 16 << 20 };

static void canonical(struct buf *out, struct arena *arena, struct json value);

static void
write_text(struct buf *out, struct slice text)
{
	buf_printf(out, "%zu:", text.len);
	buf_append(out, text);
}

/* Of members with one name the last one stands, in the place of the first: jansson overwrites. */
static void
write_members(struct buf *out, struct arena *arena, struct json object)
{
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	size_t distinct = 0, count = json_count(object);
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(arena, key);
		struct json_iterator before = json_iterate(object);
		struct json earlier_key, earlier;
		bool repeated = false;
		while (!repeated && json_next(&before, &earlier_key, &earlier) && earlier_key.raw.ptr != key.raw.ptr)
			repeated = json_text_is(earlier_key, name);
		if (repeated)
			continue;
		distinct++;
		write_text(out, name);
		canonical(out, arena, json_member(object, arena_string(arena, name)));
	}
	ENSURE(json_has_duplicates(object) == (distinct < count));
}

static void
canonical(struct buf *out, struct arena *arena, struct json value)
{
	struct json_iterator iterator;
	struct json key, element;
	switch (value.type) {
	case JSON_NULL: buf_byte(out, 'n'); return;
	case JSON_FALSE: buf_byte(out, 'f'); return;
	case JSON_TRUE: buf_byte(out, 't'); return;
	case JSON_NUMBER: buf_byte(out, '#'); return;
	case JSON_STRING: write_text(out, json_text(arena, value)); return;
	case JSON_ARRAY:
		buf_byte(out, '[');
		iterator = json_iterate(value);
		while (json_next(&iterator, &key, &element))
			canonical(out, arena, element);
		buf_byte(out, ']');
		return;
	case JSON_OBJECT:
		buf_byte(out, '{');
		write_members(out, arena, value);
		buf_byte(out, '}');
		return;
	}
	UNREACHABLE();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {size == 0 ? "" : (const char *)data, size};
	struct json value;
	struct error error = ERROR_NONE;
	bool accepted = json_parse(text, DEPTH, &value, &error) == OK;
	ENSURE(accepted == json_present(value));
	/* jansson loses a NUL byte behind a number. No JSON text has one anywhere, so it is not asked. */
	if (memchr(text.ptr, '\0', text.len) != NULL) {
		ENSURE(!accepted);
		return 0;
	}
	struct buf theirs, ours;
	buf_init(&theirs, CANONICAL_BYTES_MAX);
	buf_init(&ours, CANONICAL_BYTES_MAX);
	enum oracle_verdict verdict = oracle_read(text, &theirs);
	bool too_deep = !accepted && strstr(error.text, "nesting") != NULL;
	if (verdict != ORACLE_DIFFERS && !too_deep)
		ENSURE(accepted == (verdict == ORACLE_ACCEPTED));
	if (accepted && verdict == ORACLE_ACCEPTED) {
		struct arena arena = ARENA_EMPTY;
		canonical(&ours, &arena, value);
		ENSURE(slice_equal(buf_slice(&ours), buf_slice(&theirs)));
		/* What stands inside is JSON by itself. */
		struct json again;
		ENSURE(json_parse(value.raw, DEPTH, &again, NULL) == OK && slice_equal(again.raw, value.raw));
		arena_free(&arena);
	}
	buf_free(&theirs);
	buf_free(&ours);
	return 0;
}
