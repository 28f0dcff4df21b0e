#include "act/path.h"

/* --- parsing ---------------------------------------------------------------------------------------- */

/* `~1` is a slash and `~0` a tilde (RFC 6901 section 3). */
static bool
unescape(struct arena *arena, struct slice step, struct slice *out)
{
	char *text = arena_string(arena, step);
	size_t length = 0;
	for (size_t i = 0; i < step.len; i++) {
		char c = step.ptr[i];
		if (c == '~') {
			if (++i == step.len || (step.ptr[i] != '0' && step.ptr[i] != '1'))
				return false;
			c = step.ptr[i] == '0' ? '~' : '/';
		}
		text[length++] = c;
	}
	text[length] = '\0';
	*out = (struct slice){text, length};
	return true;
}

bool
act_path_parse(struct arena *arena, struct slice text, struct act_path *out)
{
	*out = (struct act_path){.count = 0};
	bool pointer = text.len > 0 && text.ptr[0] == '/';
	struct slice rest = pointer ? slice_skip(text, 1) : text;
	if (rest.len == 0)
		return false;
	while (slice_present(rest)) {
		struct slice step = slice_cut(&rest, pointer ? '/' : '.');
		if (step.len == 0 || out->count == LIMIT_MEMBER_STEPS)
			return false;
		struct slice *to = &out->steps[out->count++];
		if (slice_is(step, "*"))
			*to = SLICE_NONE;
		else if (!pointer)
			*to = arena_copy(arena, step);
		else if (!unescape(arena, step, to))
			return false;
	}
	return true;
}

/* --- trees ------------------------------------------------------------------------------------------ */

static struct act_node *
child_of(struct arena *arena, struct act_node *parent, struct slice step)
{
	struct act_node **last = &parent->first;
	for (; *last != NULL; last = &(*last)->next)
		if (slice_present((*last)->name) == slice_present(step) && slice_equal((*last)->name, step))
			return *last;
	*last = arena_alloc(arena, sizeof **last);
	(*last)->name = step;
	parent->child_count++;
	return *last;
}

struct act_node *
act_node_reach(struct arena *arena, struct act_node *root, const struct act_path *path)
{
	struct act_node *node = root;
	for (size_t i = 0; i < path->count; i++)
		node = child_of(arena, node, path->steps[i]);
	return node;
}

bool
act_node_is_member(const struct act_node *node, struct json key)
{
	if (!slice_present(node->name))
		return true;
	/* The token has its quotes. An escape makes it longer than what it says, never shorter. */
	if (key.raw.len < node->name.len + 2)
		return false;
	return json_text_is(key, node->name);
}

bool
act_node_is_element(const struct act_node *node, size_t index)
{
	if (!slice_present(node->name))
		return true;
	bool padded = node->name.len > 1 && node->name.ptr[0] == '0';
	int64_t number;
	return !padded && slice_to_int64(node->name, &number) && (uint64_t)number == index;
}
