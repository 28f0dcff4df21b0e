#include "act/redact.h"

/* What a masked value becomes. */
static const char mask_text[] = "\"[redacted]\"";

/* A leaf says by its address what is done. */
static const char leaf_remove = 'r', leaf_mask = 'm';

bool
act_redact_add(
    struct arena *arena, struct act_redactions *redactions, const struct act_path *path, enum act_redaction redaction)
{
	if (redactions->count == LIMIT_REDACTIONS)
		return false;
	struct act_node *node = act_node_reach(arena, &redactions->root, path);
	union {
		const char *is;
		void *leaf;
	} mark = {.is = redaction == ACT_REMOVE ? &leaf_remove : &leaf_mask};
	if (node->leaf != NULL && node->leaf != mark.leaf)
		return false;
	redactions->count += node->leaf == NULL;
	node->leaf = mark.leaf;
	return true;
}

/* The nodes that apply to one value: several, where `*` and a name both do. */
struct active {
	const struct act_node *items[LIMIT_REDACTIONS];
	size_t count;
	bool removed, masked;
};

static void
activate(struct active *active, const struct act_node *node)
{
	active->removed = active->removed || node->leaf == &leaf_remove;
	active->masked = active->masked || node->leaf == &leaf_mask;
	if (act_node_has_more(node)) {
		ENSURE(active->count < COUNT_OF(active->items));
		active->items[active->count++] = node;
	}
}

/* Those that apply to a member or an element of this name. */
static void
descend(const struct active *from, struct slice name, struct active *to)
{
	to->count = 0;
	to->removed = to->masked = false;
	for (size_t i = 0; i < from->count; i++) {
		const struct act_node *named = act_node_find(from->items[i], name);
		if (named != NULL)
			activate(to, named);
		if (from->items[i]->every != NULL)
			activate(to, from->items[i]->every);
	}
}

static void write_value(const struct active *active, struct json value, struct buf *out);

static void
write_container(const struct active *active, struct json container, struct buf *out)
{
	bool object = container.type == JSON_OBJECT, first = true;
	struct json_iterator iterator = json_iterate(container);
	struct json key, value;
	struct active below;
	struct arena arena = ARENA_EMPTY; /* names with escapes */
	buf_byte(out, object ? '{' : '[');
	for (size_t index = 0; json_next(&iterator, &key, &value); index++) {
		char text[ACT_INDEX_BYTES];
		descend(active, object ? act_key_text(&arena, key) : act_index_text(index, text), &below);
		if (arena.used > 0)
			arena_reset(&arena);
		if (below.removed)
			continue;
		if (!first)
			buf_byte(out, ',');
		first = false;
		if (object) {
			buf_append(out, key.raw);
			buf_byte(out, ':');
		}
		write_value(&below, value, out);
	}
	buf_byte(out, object ? '}' : ']');
	arena_free(&arena);
}

/* As deep as paths are long: below the last step of a path everything is copied as it stands. */
static void
write_value(const struct active *active, struct json value, struct buf *out)
{
	bool container = value.type == JSON_OBJECT || value.type == JSON_ARRAY;
	if (active->masked)
		buf_text(out, mask_text);
	else if (active->count == 0 || !container)
		buf_append(out, value.raw);
	else
		write_container(active, value, out);
}

enum error_code
act_redact(const struct act_redactions *redactions, struct slice body, struct buf *out)
{
	struct json document;
	if (json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) != OK)
		return ERR_INVALID;
	struct active active = {.count = 0};
	activate(&active, &redactions->root);
	write_value(&active, document, out);
	return OK;
}
