#include "act/path.h"

/* A step's; with each character as an escape it is six times as long. */
enum { NAME_BYTES_MAX = 4096, KEY_BYTES_MAX = 6 * NAME_BYTES_MAX };

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
		if (step.len == 0 || step.len > NAME_BYTES_MAX || out->count == LIMIT_MEMBER_STEPS)
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

static size_t
bucket_of(struct slice name)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.ptr[i]) * UINT64_C(1099511628211);
	return (hash ^ hash >> 32) % ACT_NODE_BUCKETS;
}

const struct act_node *
act_node_find(const struct act_node *node, struct slice name)
{
	if (node->named == NULL || !slice_present(name))
		return NULL;
	const struct act_node *child = node->named[bucket_of(name)];
	while (child != NULL && !slice_equal(child->name, name))
		child = child->next;
	return child;
}

static struct act_node *
child_of(struct arena *arena, struct act_node *parent, struct slice step)
{
	if (!slice_present(step)) {
		if (parent->every == NULL)
			parent->every = arena_alloc(arena, sizeof *parent->every);
		return parent->every;
	}
	if (parent->named == NULL)
		parent->named = arena_alloc(arena, ACT_NODE_BUCKETS * sizeof(struct act_node *));
	struct act_node **last = &parent->named[bucket_of(step)];
	for (; *last != NULL; last = &(*last)->next)
		if (slice_equal((*last)->name, step))
			return *last;
	*last = arena_alloc(arena, sizeof **last);
	(*last)->name = step;
	(*last)->place = parent->named_count++;
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

/* --- steps of a document ---------------------------------------------------------------------------- */

struct slice
act_key_text(struct arena *arena, struct json key)
{
	struct slice inside = {key.raw.ptr + 1, key.raw.len - 2};
	if (inside.len == 0 || memchr(inside.ptr, '\\', inside.len) == NULL)
		return inside;
	return inside.len > KEY_BYTES_MAX ? SLICE_NONE : json_text(arena, key);
}

struct slice
act_index_text(size_t index, char out[static ACT_INDEX_BYTES])
{
	char *at = out + ACT_INDEX_BYTES;
	do {
		*--at = (char)('0' + index % 10);
		index /= 10;
	} while (index > 0);
	return (struct slice){at, (size_t)(out + ACT_INDEX_BYTES - at)};
}
