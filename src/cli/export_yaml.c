/* A server's state as the YAML that `apply` reads. Everything is written so that it is read as what it is: what could
 * be taken for something else, or is no printable character in YAML, stands in quotes with escapes. */
#include "cli/apply.h"

enum { KEY_BYTES_MAX = 900, STEP = 2 };

/* --- scalars ---------------------------------------------------------------------------------------- */

static bool
looks_special(struct slice text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (slice_equal_nocase(text, slice_of(words[i])))
			return true;
	return false;
}

/* Needs no quotes anywhere: begins with a letter, and holds nothing that YAML could give a meaning. */
static bool
is_plain(struct slice text)
{
	if (text.len == 0 || text.len > KEY_BYTES_MAX || looks_special(text))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool last = i + 1 == text.len;
		bool inner = (c >= '0' && c <= '9') || strchr("_./-", c) != NULL;
		bool joins = !last && ((c == ':' && text.ptr[i + 1] != ' ') || (c == ' ' && text.ptr[i + 1] != ' '));
		if (c == '\0' || !(letter || (i > 0 && (inner || joins))))
			return false;
	}
	return true;
}

static uint32_t
code_point(const unsigned char *at, size_t length)
{
	uint32_t value = length == 2 ? at[0] & 0x1fU : length == 3 ? at[0] & 0x0fU : at[0] & 0x07U;
	for (size_t i = 1; i < length; i++)
		value = value << 6 | (at[i] & 0x3fU);
	return value;
}

/* Line ends of Unicode, byte order marks and controls: YAML would fold or refuse them. */
static bool
must_escape(uint32_t point)
{
	return (point >= 0x80 && point < 0xa0) || point == 0x2028 || point == 0x2029 || point == 0xfeff ||
	       point == 0xfffe || point == 0xffff;
}

/* `text` is UTF-8, as it comes from JSON that has been read. */
static void
put_quoted(struct buf *out, struct slice text)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < text.len;) {
		const unsigned char *at = (const unsigned char *)text.ptr + i;
		size_t length = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
		length = length <= text.len - i ? length : text.len - i;
		if (*at == '"' || *at == '\\')
			buf_printf(out, "\\%c", *at);
		else if (*at == '\n')
			buf_text(out, "\\n");
		else if (*at == '\t')
			buf_text(out, "\\t");
		else if (*at < 0x20 || *at == 0x7f)
			buf_printf(out, "\\x%02x", *at);
		else if (*at >= 0x80 && must_escape(code_point(at, length)))
			buf_printf(out, "\\u%04x", code_point(at, length));
		else
			buf_append(out, (struct slice){(const char *)at, length});
		i += length;
	}
	buf_byte(out, '"');
}

static void
put_text(struct buf *out, struct slice text)
{
	if (is_plain(text))
		buf_append(out, text);
	else
		put_quoted(out, text);
}

static void
put_indent(struct buf *out, size_t indent)
{
	buf_printf(out, "%*s", (int)indent, "");
}

/* --- values ----------------------------------------------------------------------------------------- */

static void put_value(struct arena *arena, struct buf *out, struct json value, size_t indent);

/* Libyaml reads names of up to 1024 bytes only where they are not announced. */
static void
put_member(struct arena *arena, struct buf *out, struct slice name, struct json value, size_t indent)
{
	if (name.len > KEY_BYTES_MAX) {
		buf_text(out, "? ");
		put_quoted(out, name);
		buf_byte(out, '\n');
		put_indent(out, indent);
	} else {
		put_text(out, name);
	}
	buf_byte(out, ':');
	put_value(arena, out, value, indent);
}

static void
put_container(struct arena *arena, struct buf *out, struct json value, size_t indent)
{
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	while (json_next(&iterator, &key, &item)) {
		buf_byte(out, '\n');
		put_indent(out, indent);
		if (value.type == JSON_OBJECT) {
			put_member(arena, out, json_text(arena, key), item, indent);
		} else {
			buf_byte(out, '-');
			put_value(arena, out, item, indent);
		}
	}
}

/* Behind a name or a dash: on the same line, or below it and further in. Recursion is bounded by what was parsed. */
static void
put_value(struct arena *arena, struct buf *out, struct json value, size_t indent)
{
	bool container = value.type == JSON_OBJECT || value.type == JSON_ARRAY;
	if (container && json_count(value) > 0) {
		put_container(arena, out, value, indent + STEP);
		return;
	}
	buf_byte(out, ' ');
	if (value.type == JSON_OBJECT)
		buf_text(out, "{}");
	else if (value.type == JSON_ARRAY)
		buf_text(out, "[]");
	else if (value.type == JSON_STRING)
		put_text(out, json_text(arena, value));
	else
		buf_append(out, value.raw);
}

/* --- things ----------------------------------------------------------------------------------------- */

/* What it would be anyway is not written. */
static bool
is_written(const struct apply_member *member, struct slice value)
{
	return slice_present(value) && (member->fallback == NULL || !slice_is(value, member->fallback));
}

/* An endpoint that nobody answers for is told of, as a gap that the file could close. */
static void
put_unowned(struct buf *out, const struct apply_item *endpoint, size_t indent)
{
	struct slice value = endpoint->values[apply_row_of(APPLY_ENDPOINT, SLICE("owners"))];
	struct json owners = slice_present(value) ? apply_json(value) : (struct json){JSON_OBJECT, SLICE("{}")};
	bool any = false;
	for (int duty = 0; duty < DUTY_COUNT; duty++) {
		const char *name = duty_name((enum duty)duty);
		if (owners.type == JSON_OBJECT && json_present(json_member(owners, name)))
			continue;
		if (!any)
			put_indent(out, indent);
		buf_printf(out, "%s%s", any ? ", " : "# nobody is named for: ", name);
		any = true;
	}
	if (any)
		buf_byte(out, '\n');
}

/* As it stands in the file; absent: it does not. `of`: whose endpoint it is. */
static struct slice
written_value(struct arena *arena, const struct apply_item *of, const struct apply_item *item, size_t row)
{
	const struct apply_member *member = &apply_members(item->kind)->items[row];
	struct slice value = item->values[row];
	bool shared = item->key_shared && slice_is(slice_of(member->name), "keyType");
	if (shared || !is_written(member, value))
		return SLICE_NONE;
	if (!member->apart)
		return value;
	if (member->form == FORM_AUTHENTICATION && of != NULL) {
		struct slice owner = slice_present(of->name) ? of->name : of->id;
		value = apply_authentication_exported(arena, value, owner, item->name);
	}
	return slice_is(value, "{}") || slice_is(value, "null") ? SLICE_NONE : value;
}

static void
put_unseen(struct buf *out, const struct apply_item *item, size_t indent)
{
	const struct apply_members *members = apply_members(item->kind);
	for (size_t row = 0; row < members->count; row++)
		if ((item->unseen >> row & 1) != 0) {
			put_indent(out, indent);
			buf_printf(out, "# left out, as this token may not see it: %s\n", members->items[row].name);
		}
}

static void
put_item(
    struct arena *arena, struct buf *out, const struct apply_item *of, const struct apply_item *item, size_t indent)
{
	const struct apply_members *members = apply_members(item->kind);
	for (size_t row = 0; row < members->count; row++) {
		struct slice value = written_value(arena, of, item, row);
		if (!slice_present(value))
			continue;
		put_indent(out, row == ROW_NAME ? indent - STEP : indent);
		buf_text(out, row == ROW_NAME ? "- " : "");
		put_member(arena, out, slice_of(members->items[row].name), apply_json(value), indent);
		buf_byte(out, '\n');
	}
	put_unseen(out, item, indent);
	if (item->kind == APPLY_ENDPOINT)
		put_unowned(out, item, indent);
	if (item->sensitive.count == 0)
		return;
	put_indent(out, indent);
	buf_text(out, "# left out, as their values are not shown: headers");
	for (size_t i = 0; i < item->sensitive.count; i++)
		buf_printf(out, "%s %.*s", i == 0 ? "" : ",", SLICE_ARG(item->sensitive.items[i]));
	buf_byte(out, '\n');
}

/* Things without a uid cannot be told from each other in a file. */
static void
put_items(struct arena *arena, struct buf *out, const struct apply_item *of, const struct apply_item *items,
    size_t count, size_t indent)
{
	for (size_t i = 0; i < count; i++) {
		const struct apply_item *item = &items[i];
		if (!slice_present(item->name)) {
			put_indent(out, indent - STEP);
			buf_printf(out, "# left out, as it has no uid: %s %.*s\n", apply_members(item->kind)->noun,
			    SLICE_ARG(item->id));
			continue;
		}
		put_item(arena, out, of, item, indent);
		if (item->kind != APPLY_ORGANISATION)
			continue;
		size_t named = 0;
		for (size_t e = 0; e < item->endpoint_count; e++)
			named += slice_present(item->endpoints[e].name) ? 1 : 0;
		put_indent(out, indent);
		buf_text(out, named == 0 ? "endpoints: []\n" : "endpoints:\n");
		put_items(arena, out, item, item->endpoints, item->endpoint_count, indent + 2 * STEP);
	}
}

static bool
any_named(const struct apply_item *items, size_t count)
{
	/* Those without a name stand last. */
	return count > 0 && slice_present(items[0].name);
}

void
export_write(const struct apply_state *state, const char *organisation, struct buf *out)
{
	struct arena arena = ARENA_EMPTY;
	buf_text(out,
	    "# The configuration of a Vaultbell server, as `vaultbell export` writes it and `vaultbell apply -f FILE`\n"
	    "# makes it so. Left out: secrets and keys (credentials are references: `apply` wants them only where it "
	    "sends\n"
	    "# them), the values of sensitive headers, tokens, whether an endpoint is suspended, and whatever has its\n"
	    "# default.\n");
	if (organisation != NULL)
		buf_text(out, "# One organisation only: `scope: listed` keeps `apply --prune` away from the "
			      "others.\nscope: listed\n");
	if (state->types_given) {
		buf_text(out, any_named(state->types, state->type_count) ? "event_types:\n" : "event_types: []\n");
		put_items(&arena, out, NULL, state->types, state->type_count, 2 * STEP);
	}
	buf_text(out,
	    any_named(state->organisations, state->organisation_count) ? "organisations:\n" : "organisations: []\n");
	put_items(&arena, out, NULL, state->organisations, state->organisation_count, 2 * STEP);
	arena_free(&arena);
}
