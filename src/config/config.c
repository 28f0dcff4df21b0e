/* Where values come from: defaults, then the file, then the environment; and how they are shown. */
#include "config/table.h"

#include <errno.h>
#include <stdio.h>

static const char variable_prefix[] = "VAULTBELL_";

static char
variable_char(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 32);
	return c == '.' ? '_' : c;
}

struct slice
config_key_variable(struct arena *arena, const struct config_key *key)
{
	struct slice name = slice_of(key->name);
	size_t prefix = sizeof variable_prefix - 1;
	char *text = arena_alloc(arena, prefix + name.len + 1);
	memcpy(text, variable_prefix, prefix);
	for (size_t i = 0; i < name.len; i++)
		text[prefix + i] = variable_char(name.ptr[i]);
	return (struct slice){text, prefix + name.len};
}

enum error_code
config_set(struct config *config, size_t row, struct slice text, struct slice origin, struct error *error)
{
	const struct config_key *key = config_key_at(row);
	struct error detail = ERROR_NONE;
	text = arena_copy(&config->arena, text);
	if (!key->read(key, text, (char *)config + key->offset, &detail)) {
		bool detailed = detail.code != OK;
		return error_set(error, ERR_INVALID, "%.*s: %s: expected %s%s%s", SLICE_ARG(origin), key->name,
		    key->expected, detailed ? "; " : "", detailed ? detail.text : "");
	}
	config->values[row] = (struct config_value){text, origin};
	return OK;
}

static void
set_defaults(struct config *config)
{
	for (size_t row = 0; row < config_key_count(); row++) {
		struct error error;
		enum error_code code =
		    config_set(config, row, slice_of(config_key_at(row)->fallback), SLICE("default"), &error);
		ENSURE(code == OK);
	}
}

/* --- the environment -------------------------------------------------------------------------------- */

/* Whether the variable can only be meant as a key: it is in one of our sections. Others with our prefix belong to
 * other things: orchestrators set VAULTBELL_PORT and the like for a service of that name. */
static bool
in_a_section(struct arena *arena, struct slice variable)
{
	for (size_t row = 0; row < config_key_count(); row++) {
		struct slice name = config_key_variable(arena, config_key_at(row));
		const char *dot = strchr(config_key_at(row)->name, '.');
		size_t section = sizeof variable_prefix - 1 + (size_t)(dot - config_key_at(row)->name) + 1;
		if (slice_starts(variable, (struct slice){name.ptr, section}))
			return true;
	}
	return false;
}

static size_t
row_of_variable(struct arena *arena, struct slice variable)
{
	size_t row = 0;
	while (row < config_key_count() && !slice_equal(variable, config_key_variable(arena, config_key_at(row))))
		row++;
	return row;
}

static enum error_code
read_environment(struct config *config, char *const *environment, struct error *error)
{
	for (; environment != NULL && *environment != NULL; environment++) {
		struct slice value = slice_of(*environment);
		struct slice name = slice_cut(&value, '=');
		if (!slice_starts(name, SLICE("VAULTBELL_")) || !slice_present(value))
			continue;
		size_t row = row_of_variable(&config->arena, name);
		if (row == config_key_count()) {
			if (!in_a_section(&config->arena, name))
				continue;
			return error_set(error, ERR_INVALID,
			    "environment variable %.*s: there is no such key; docs/configuration.md lists them",
			    SLICE_ARG(name));
		}
		struct slice origin = arena_printf(&config->arena, "environment variable %.*s", SLICE_ARG(name));
		enum error_code code = config_set(config, row, slice_trim(value), origin, error);
		if (code != OK)
			return code;
	}
	return OK;
}

/* --- the file --------------------------------------------------------------------------------------- */

static enum error_code
read_bytes(const char *path, struct buf *out, struct error *error)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
		    "%s: %s; expected a readable YAML file", path, strerror(errno));
	size_t got = 1;
	while (got > 0 && !out->overflow) {
		char block[4096];
		got = fread(block, 1, sizeof block, file);
		buf_append(out, (struct slice){block, got});
	}
	bool failed = ferror(file) != 0;
	int reason = errno;
	fclose(file);
	if (failed)
		return error_set(error, ERR_IO, "%s: %s; expected a readable YAML file", path, strerror(reason));
	if (out->overflow)
		return error_set(error, ERR_LIMIT, "%s: expected at most %d bytes", path, LIMIT_CONFIG_BYTES);
	return OK;
}

static enum error_code
read_file(struct config *config, const char *path, struct error *error)
{
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	enum error_code code = read_bytes(path, &text, error);
	if (code == OK)
		code = config_read_yaml(config, path, buf_slice(&text), error);
	buf_free(&text);
	return code;
}

enum error_code
config_load(const char *path, char *const *environment, struct config *out, struct error *error)
{
	*out = (struct config){.arena = ARENA_EMPTY};
	set_defaults(out);
	enum error_code code = OK;
	if (path != NULL)
		code = read_file(out, path, error);
	if (code == OK)
		code = read_environment(out, environment, error);
	if (code != OK)
		config_free(out);
	return code;
}

void
config_free(struct config *config)
{
	arena_free(&config->arena);
}

/* --- showing ---------------------------------------------------------------------------------------- */

static struct slice
section_of(const struct config_key *key)
{
	struct slice rest = slice_of(key->name);
	return slice_cut(&rest, '.');
}

/* Plain where YAML reads it back as the same text; quoted where it is empty or could be another thing. */
static void
print_value(struct buf *out, struct slice text)
{
	bool plain = text.len > 0;
	for (size_t i = 0; plain && i < text.len; i++) {
		char c = text.ptr[i];
		plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			c == '-' || c == ',';
	}
	if (plain) {
		buf_append(out, text);
		return;
	}
	buf_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_byte(out, '\\');
		buf_byte(out, text.ptr[i]);
	}
	buf_byte(out, '"');
}

static struct slice
cut_before(struct slice *rest, const char *stops)
{
	size_t length = 0;
	while (length < rest->len && strchr(stops, rest->ptr[length]) == NULL)
		length++;
	struct slice head = {rest->ptr, length};
	*rest = slice_skip(*rest, length);
	return head;
}

/* What is printed here is pasted into tickets. A URL's user and query may open a door; so may its path, where whoever
 * knows the address may write there (`path_hidden`). Anything else is printed as it is. */
static void
print_shown(struct buf *out, struct slice text, bool path_hidden)
{
	struct slice rest = text, scheme = cut_before(&rest, ":/?# ");
	if (!slice_starts(rest, SLICE("://"))) {
		print_value(out, text);
		return;
	}
	rest = slice_skip(rest, 3);
	struct slice authority = cut_before(&rest, "/?#"), path = cut_before(&rest, "?#"),
		     query = cut_before(&rest, "#");
	const char *at = authority.len == 0 ? NULL : memrchr(authority.ptr, '@', authority.len);
	if (at != NULL)
		authority = slice_skip(authority, (size_t)(at + 1 - authority.ptr));
	path_hidden = path_hidden && path.len + query.len > 1;
	struct arena arena = ARENA_EMPTY;
	print_value(
	    out, arena_printf(&arena, "%.*s://%s%.*s%.*s%s%.*s", SLICE_ARG(scheme), at == NULL ? "" : "[hidden]@",
		     SLICE_ARG(authority), path_hidden ? 0 : (int)path.len, path.ptr,
		     path_hidden     ? "/[hidden]"
		     : query.len > 0 ? "?[hidden]"
				     : "",
		     SLICE_ARG(rest)));
	arena_free(&arena);
}

static void
print_item(const struct config_list *list, const char *item, struct buf *out)
{
	const struct slice *origin = (const struct slice *)(const void *)item;
	buf_printf(out, "  # %.*s\n", SLICE_ARG(*origin));
	const char *lead = "  - ";
	for (size_t i = 0; i < list->member_count; i++) {
		const struct slice *value = (const struct slice *)(const void *)(item + list->members[i].offset);
		if (!slice_present(*value))
			continue;
		buf_printf(out, "%s%s: ", lead, list->members[i].name);
		print_shown(out, *value, strcmp(list->name, "alerts") == 0);
		buf_byte(out, '\n');
		lead = "    ";
	}
}

static void
print_list(const struct config *config, const struct config_list *list, struct buf *out)
{
	const char *base = (const char *)config;
	size_t count = *(const size_t *)(const void *)(base + list->count);
	buf_printf(out, count == 0 ? "%s: []  # default\n" : "%s:\n", list->name);
	for (size_t i = 0; i < count; i++)
		print_item(list, base + list->items + i * list->item_bytes, out);
}

static void
indent(struct buf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		buf_text(out, "  ");
}

/* Below `headers` stand values that may be what opens a door: their names are shown, they are not. */
static void
print_node(const struct config_node *node, size_t depth, bool headers, struct buf *out)
{
	if (node->kind == CONFIG_NODE_VALUE) {
		buf_byte(out, ' ');
		print_shown(out, headers ? SLICE("[hidden]") : node->text, false);
		buf_byte(out, '\n');
		return;
	}
	buf_text(out, node->count > 0 ? "\n" : node->kind == CONFIG_NODE_LIST ? " []\n" : " {}\n");
	for (const struct config_node *child = node->first; child != NULL; child = child->next) {
		indent(out, depth);
		if (node->kind == CONFIG_NODE_LIST) {
			buf_byte(out, '-');
		} else {
			print_value(out, child->name);
			buf_byte(out, ':');
		}
		print_node(child, depth + 1, slice_is(child->name, "headers") || headers, out);
	}
}

static void
print_tree(const struct config *config, const struct config_tree *tree, struct buf *out)
{
	const struct config_node *root =
	    *(struct config_node *const *)(const void *)((const char *)config + tree->member);
	if (root == NULL) {
		buf_printf(out, "%s: []  # default\n", tree->name);
		return;
	}
	buf_printf(out, "# %.*s\n%s:", SLICE_ARG(root->origin), tree->name);
	print_node(root, 1, false, out);
}

void
config_print(const struct config *config, struct buf *out)
{
	struct slice section = SLICE_NONE;
	for (size_t row = 0; row < config_key_count(); row++) {
		const struct config_key *key = config_key_at(row);
		if (!slice_equal(section, section_of(key))) {
			section = section_of(key);
			buf_printf(out, "%.*s:\n", SLICE_ARG(section));
		}
		buf_printf(out, "  %s: ", key->name + section.len + 1);
		print_value(out, config->values[row].text);
		buf_printf(out, "  # %.*s\n", SLICE_ARG(config->values[row].origin));
	}
	for (size_t i = 0; i < config_list_count(); i++)
		print_list(config, config_list_at(i), out);
	for (size_t i = 0; i < config_tree_count(); i++)
		print_tree(config, config_tree_at(i), out);
}

void
config_document(struct buf *out)
{
	struct arena arena = ARENA_EMPTY;
	buf_text(out, "| key | value | default | environment variable | what it does |\n|---|---|---|---|---|\n");
	for (size_t row = 0; row < config_key_count(); row++) {
		const struct config_key *key = config_key_at(row);
		struct slice variable = config_key_variable(&arena, key);
		bool none = key->fallback[0] == '\0';
		buf_printf(out, "| `%s` | %s | %s%s%s | `%.*s` | %s |\n", key->name, key->expected, none ? "" : "`",
		    none ? "none" : key->fallback, none ? "" : "`", SLICE_ARG(variable), key->about);
	}
	arena_free(&arena);
}
