#include "deliver/echo.h"

#include "base/encode.h"
#include "json/json.h"

enum { FORMS_MAX = 8, VALUE_BYTES_MAX = 64 << 10 }; /* of one header */

static const char replaced[] = "[hidden]";

struct hidden {
	struct slice *items;
	size_t count;
	bool begins[256]; /* whether one of them begins with this byte */
};

/* What the sender itself says of a request is no secret; a custom header cannot have these names (server/in_endpoint.c). */
static bool
is_own(struct slice name)
{
	static const char *const names[] = {
	    "content-type", "content-digest", "user-agent", "signature", "signature-input", "x-sha2-signature"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_is(name, names[i]))
			return true;
	return slice_starts(name, SLICE("webhook-")) || slice_starts(name, SLICE("vaultbell-"));
}

static void
add(struct hidden *hidden, struct slice text)
{
	if (!slice_present(text) || text.len < ECHO_BYTES_MIN)
		return;
	hidden->items[hidden->count++] = text;
	hidden->begins[(unsigned char)text.ptr[0]] = true;
}

/* As it is, and as it stands in a JSON text. */
static void
add_forms(struct hidden *hidden, struct arena *arena, struct slice text)
{
	add(hidden, text);
	struct buf escaped;
	struct json_writer writer;
	buf_init(&escaped, VALUE_BYTES_MAX);
	json_writer_init(&writer, &escaped);
	json_string(&writer, text);
	if (!escaped.overflow && escaped.len > text.len + 2)
		add(hidden, arena_copy(arena, (struct slice){escaped.data + 1, escaped.len - 2}));
	buf_free(&escaped);
}

/* "Bearer TOKEN", "Basic BASE64": servers log the credentials apart from the scheme, and the password decoded. */
static void
add_value(struct hidden *hidden, struct arena *arena, struct slice value)
{
	add_forms(hidden, arena, value);
	struct slice rest = value, scheme = slice_cut(&rest, ' ');
	if (!slice_present(rest))
		return;
	rest = slice_trim(rest);
	add_forms(hidden, arena, rest);
	struct slice plain = slice_equal_nocase(scheme, SLICE("basic")) ? base64_decode(arena, rest, true) : SLICE_NONE;
	if (!slice_present(plain))
		return;
	add_forms(hidden, arena, plain);
	(void)slice_cut(&plain, ':');
	if (slice_present(plain))
		add_forms(hidden, arena, plain);
}

/* The longest that stands at the front: one may begin another. */
static size_t
length_at(const struct hidden *hidden, struct slice text)
{
	size_t longest = 0;
	for (size_t i = 0; hidden->begins[(unsigned char)text.ptr[0]] && i < hidden->count; i++)
		if (hidden->items[i].len > longest && slice_starts(text, hidden->items[i]))
			longest = hidden->items[i].len;
	return longest;
}

struct slice
echo_hide(struct arena *arena, const struct http_headers *sent, struct slice answer, size_t max)
{
	struct hidden hidden = {.count = 0};
	if (answer.len >= ECHO_BYTES_MIN) {
		hidden.items = arena_alloc(arena, (sent->count * FORMS_MAX + 1) * sizeof hidden.items[0]);
		for (size_t i = 0; i < sent->count; i++)
			if (!is_own(sent->items[i].name))
				add_value(&hidden, arena, slice_trim(sent->items[i].value));
	}
	if (hidden.count == 0) {
		answer.len = answer.len > max ? max : answer.len;
		return answer;
	}
	struct buf out;
	buf_init(&out, max + sizeof replaced);
	while (answer.len > 0 && out.len < max) {
		size_t length = length_at(&hidden, answer);
		if (length > 0)
			buf_text(&out, replaced);
		else
			buf_byte(&out, answer.ptr[0]);
		answer = slice_skip(answer, length > 0 ? length : 1);
	}
	struct slice kept = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	kept.len = kept.len > max ? max : kept.len;
	return kept;
}
