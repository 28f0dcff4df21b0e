/* What protects an organisation and its endpoints, in a file and on a server: who has to approve changes (`governance`), and
 * how an endpoint is authenticated to (`authentication`). Both are left alone where the file does not name them: no
 * protection ends because a line is missing. Secrets are references; what is compared is the rest. */
#include "cli/apply_value.h"

#include <stdio.h>

enum { COOL_OFF_S_MAX = LIMIT_COOL_OFF_DAYS * 86400, PEM_BYTES_MAX = 64 << 10 };

/* --- authentication: the table ---------------------------------------------------------------------- */

enum leaf_form { LEAF_TEXT, LEAF_BOOL, LEAF_PUBLIC, LEAF_SECRET };

static const struct leaf {
	const char *section, *name;
	enum leaf_form form;
	const char *fallback; /* in canonical JSON, as if there were no line; NULL: there is none */
	bool required;
	const char *choices[3];
} leaves[] = {
    {"basic", "username", LEAF_TEXT, NULL, true, {NULL}},
    {"basic", "password", LEAF_SECRET, NULL, true, {NULL}},
    {"oauth2", "tokenUrl", LEAF_TEXT, NULL, true, {NULL}},
    {"oauth2", "clientId", LEAF_TEXT, NULL, true, {NULL}},
    {"oauth2", "clientSecret", LEAF_SECRET, NULL, true, {NULL}},
    {"oauth2", "scope", LEAF_TEXT, NULL, false, {NULL}},
    {"oauth2", "audience", LEAF_TEXT, NULL, false, {NULL}},
    {"oauth2", "clientAuthentication", LEAF_TEXT, "\"basic\"", false, {"basic", "body", NULL}},
    {"oauth2", "endpointTls", LEAF_BOOL, "false", false, {NULL}},
    {"tls", "clientCertificate", LEAF_PUBLIC, NULL, false, {NULL}},
    {"tls", "clientKey", LEAF_SECRET, NULL, false, {NULL}},
    {"tls", "authorities", LEAF_PUBLIC, NULL, false, {NULL}},
    {"tls", "minimumVersion", LEAF_TEXT, "\"1.2\"", false, {"1.2", "1.3", NULL}},
};

static const char *const sections[] = {"basic", "oauth2", "tls"};

static const struct leaf *
find_leaf(const char *section, struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(leaves); i++)
		if (strcmp(leaves[i].section, section) == 0 && slice_is(name, leaves[i].name))
			return &leaves[i];
	return NULL;
}

static struct json
find_member(struct json object, const char *name)
{
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

/* --- authentication: the file ------------------------------------------------------------------------ */

/* What a private key begins with, in whatever form (RFC 7468, and what OpenSSL writes). */
static bool
holds_private_key(struct slice text)
{
	return memmem(text.ptr, text.len, "PRIVATE KEY-----", sizeof "PRIVATE KEY-----" - 1) != NULL;
}

static enum error_code
refuse_leaf(struct apply_reader *reader, const char *section, const char *name, struct yaml_place place,
    const char *found, const char *expected)
{
	return apply_refuse(reader->file, place, reader->error, "authentication.%s.%s: found %s; expected %s", section,
	    name, found, expected);
}

static bool
is_choice(const struct leaf *leaf, struct slice text)
{
	bool any = leaf->choices[0] == NULL;
	for (size_t i = 0; leaf->choices[i] != NULL; i++)
		any = any || slice_is(text, leaf->choices[i]);
	return any;
}

static void
put_string(struct buf *out, struct slice text)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_string(&writer, text);
}

static enum error_code
read_leaf(struct apply_reader *reader, const struct leaf *leaf, const struct yaml_node *node, struct buf *out)
{
	char found[FOUND_BYTES];
	bool reference = apply_node_is_reference(node), scalar = node->type == YAML_SCALAR && !yaml_is_null(node);
	switch (leaf->form) {
	case LEAF_SECRET:
		if (!reference)
			return refuse_leaf(reader, leaf->section, leaf->name, node->place,
			    scalar ? "a text" : apply_found(node, found),
			    "{env: NAME} or {file: PATH}; a secret does not stand in the file");
		apply_write_reference(node, out);
		return OK;
	case LEAF_PUBLIC:
		if (scalar && holds_private_key(node->text))
			return refuse_leaf(reader, leaf->section, leaf->name, node->place, "a private key",
			    "certificates only; the key goes into clientKey, as a reference");
		if (!reference && (!scalar || node->text.len == 0 || node->text.len > PEM_BYTES_MAX))
			return refuse_leaf(reader, leaf->section, leaf->name, node->place, apply_found(node, found),
			    "certificates in PEM, {env: NAME} or {file: PATH}");
		if (reference)
			apply_write_reference(node, out);
		else
			put_string(out, slice_trim(node->text));
		return OK;
	case LEAF_BOOL:
		if (!scalar || !node->plain || !(slice_is(node->text, "true") || slice_is(node->text, "false")))
			return refuse_leaf(
			    reader, leaf->section, leaf->name, node->place, apply_found(node, found), "true or false");
		buf_append(out, node->text);
		return OK;
	case LEAF_TEXT: break;
	}
	if (!scalar || node->text.len == 0 || node->text.len > LIMIT_NAME_BYTES || !is_choice(leaf, node->text))
		return refuse_leaf(reader, leaf->section, leaf->name, node->place, apply_found(node, found),
		    leaf->choices[0] == NULL			? "a text of at most 4096 bytes"
		    : strcmp(leaf->name, "minimumVersion") == 0 ? "\"1.2\" or \"1.3\""
								: "basic or body");
	bool url = strcmp(leaf->name, "tokenUrl") == 0;
	put_string(out, url ? apply_url(reader->arena, node->text) : node->text);
	return OK;
}

static bool
node_has(const struct yaml_node *map, const char *name)
{
	for (const struct yaml_node *item = map->first; item != NULL; item = item->next)
		if (slice_is(item->text, name) && !yaml_is_null(item->value))
			return true;
	return false;
}

static enum error_code
read_section(struct apply_reader *reader, const char *section, const struct yaml_node *map, struct buf *out)
{
	char found[FOUND_BYTES];
	if (map->type != YAML_MAP)
		return apply_refuse(reader->file, map->place, reader->error,
		    "authentication.%s: found %s; expected a mapping", section, apply_found(map, found));
	for (size_t i = 0; i < COUNT_OF(leaves); i++)
		if (strcmp(leaves[i].section, section) == 0 && leaves[i].required && !node_has(map, leaves[i].name))
			return apply_refuse(reader->file, map->place, reader->error,
			    "authentication.%s: found no %s; expected one", section, leaves[i].name);
	if (strcmp(section, "tls") == 0 && node_has(map, "clientCertificate") != node_has(map, "clientKey"))
		return apply_refuse(reader->file, map->place, reader->error,
		    "authentication.tls: found one of clientCertificate and clientKey; expected both, or neither");
	bool any = false;
	buf_byte(out, '{');
	for (const struct yaml_node *item = map->first; item != NULL; item = item->next) {
		const struct leaf *leaf = find_leaf(section, item->text);
		if (leaf == NULL)
			return apply_refuse(reader->file, item->place, reader->error,
			    "authentication.%s: found %s; expected a member of docs/endpoint-authentication.md",
			    section, apply_found(item, found));
		if (yaml_is_null(item->value) && !leaf->required)
			continue;
		buf_text(out, any ? "," : "");
		any = true;
		put_string(out, item->text);
		buf_byte(out, ':');
		enum error_code code = read_leaf(reader, leaf, item->value, out);
		if (code != OK)
			return code;
	}
	buf_byte(out, '}');
	return OK;
}

static enum error_code
read_sections(struct apply_reader *reader, const struct yaml_node *node, struct buf *out)
{
	char found[FOUND_BYTES];
	bool any = false;
	buf_byte(out, '{');
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		const char *section = NULL;
		for (size_t i = 0; i < COUNT_OF(sections); i++)
			section = slice_is(item->text, sections[i]) ? sections[i] : section;
		if (section == NULL)
			return apply_refuse(reader->file, item->place, reader->error,
			    "authentication: found %s; expected basic, oauth2 or tls", apply_found(item, found));
		if (yaml_is_null(item->value))
			continue;
		buf_text(out, any ? "," : "");
		any = true;
		put_string(out, item->text);
		buf_byte(out, ':');
		enum error_code code = read_section(reader, section, item->value, out);
		if (code != OK)
			return code;
	}
	buf_byte(out, '}');
	return OK;
}

enum error_code
apply_authentication_read(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	char found[FOUND_BYTES];
	if (node->type != YAML_MAP)
		return apply_refuse(reader->file, node->place, reader->error, "%s: found %s; expected %s", member->name,
		    apply_found(node, found), member->expected);
	if (node_has(node, "basic") && node_has(node, "oauth2"))
		return apply_refuse(reader->file, node->place, reader->error,
		    "authentication: found basic and oauth2; expected one of them");
	struct buf text;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	enum error_code code = read_sections(reader, node, &text);
	if (code == OK)
		*out = apply_canonical_copy(reader->arena, apply_json(buf_slice(&text)));
	buf_free(&text);
	return code;
}

/* --- authentication: compared, sent, exported -------------------------------------------------------- */

/* What is shown of it: without the secret; of what a reference was resolved to, that. Absent: as if it were not there. */
static struct slice
shown_leaf(struct arena *arena, const struct leaf *leaf, struct json value)
{
	if (leaf->form == LEAF_SECRET || !json_present(value) || value.type == JSON_NULL)
		return SLICE_NONE;
	if (value.type == JSON_OBJECT)
		value = json_member(value, "value");
	if (!json_present(value) || (leaf->fallback != NULL && slice_is(value.raw, leaf->fallback)))
		return SLICE_NONE;
	if (leaf->form == LEAF_PUBLIC && value.type == JSON_STRING)
		return apply_quote(arena, slice_trim(json_text(arena, value)));
	return apply_canonical_copy(arena, value);
}

/* Writes each section that is there with its leaves. `secret`, where there is one, says what stands for a secret. */
static void
write_shown(struct arena *arena, struct json from, struct slice (*secret)(void *, const struct leaf *), void *context,
    struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	for (size_t s = 0; s < COUNT_OF(sections); s++) {
		struct json section = find_member(from, sections[s]);
		if (!json_present(section) || section.type != JSON_OBJECT)
			continue;
		bool certificate = json_present(find_member(section, "clientCertificate")) &&
				   find_member(section, "clientCertificate").type == JSON_STRING;
		json_key(&writer, sections[s]);
		json_open(&writer, '{');
		for (size_t i = 0; i < COUNT_OF(leaves); i++) {
			const struct leaf *leaf = &leaves[i];
			if (strcmp(leaf->section, sections[s]) != 0)
				continue;
			struct slice value = shown_leaf(arena, leaf, find_member(section, leaf->name));
			bool there = leaf->required || certificate;
			if (leaf->form == LEAF_SECRET && secret != NULL && there)
				value = secret(context, leaf);
			if (!slice_present(value))
				continue;
			json_key(&writer, leaf->name);
			json_raw(&writer, value);
		}
		json_close(&writer);
	}
	json_close(&writer);
}

struct slice
apply_authentication_shown(struct arena *arena, struct slice canonical)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	write_shown(arena, apply_json(canonical), NULL, NULL, &out);
	struct slice copy = apply_canonical_copy(arena, apply_json(buf_slice(&out)));
	buf_free(&out);
	return copy;
}

/* Words of small letters and digits, joined by single hyphens: these can be told apart when they are spelt as the name of
 * a variable. */
static bool
spells(struct slice uid)
{
	for (size_t i = 0; i < uid.len; i++) {
		char c = uid.ptr[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		bool joint = c == '-' && i > 0 && i + 1 < uid.len && uid.ptr[i - 1] != '-';
		if (!word && !joint)
			return false;
	}
	return uid.len > 0;
}

static void
put_upper(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool small = c >= 'a' && c <= 'z', kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		buf_byte(out, small ? (char)(c - 'a' + 'A') : kept ? c : '_');
	}
}

struct owner_names {
	struct arena *arena;
	struct slice organisation, endpoint;
};

/* {"env": "ACME__SETTLEMENT__PASSWORD"}: each endpoint's own, whatever their uids are. */
static struct slice
reference_for(void *context, const struct leaf *leaf)
{
	const struct owner_names *names = context;
	struct buf name;
	buf_init(&name, 4 * LIMIT_UID_BYTES);
	char first = names->organisation.len > 0 ? names->organisation.ptr[0] : '0';
	buf_text(&name, first >= '0' && first <= '9' ? "_" : "");
	put_upper(&name, names->organisation);
	buf_text(&name, "__");
	put_upper(&name, names->endpoint);
	if (!spells(names->organisation) || !spells(names->endpoint)) {
		unsigned char digest[SHA256_BYTES];
		sha256(
		    arena_printf(names->arena, "%.*s/%.*s", SLICE_ARG(names->organisation), SLICE_ARG(names->endpoint)),
		    digest);
		buf_text(&name, "__");
		for (size_t i = 0; i < 8; i++)
			buf_printf(&name, "%02X", digest[i]);
	}
	buf_text(&name, "__");
	for (const char *c = leaf->name; *c != '\0'; c++) {
		buf_text(&name, *c >= 'A' && *c <= 'Z' ? "_" : "");
		put_upper(&name, (struct slice){c, 1});
	}
	struct slice reference = arena_printf(names->arena, "{\"env\":\"%.*s\"}", SLICE_ARG(buf_slice(&name)));
	buf_free(&name);
	return reference;
}

struct slice
apply_authentication_exported(
    struct arena *arena, struct slice canonical, struct slice organisation, struct slice endpoint)
{
	struct owner_names names = {arena, organisation, endpoint};
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	write_shown(arena, apply_json(canonical), reference_for, &names, &out);
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

enum error_code
apply_authentication_walk(struct slice canonical, apply_leaf_visit *visit, void *context)
{
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < COUNT_OF(leaves); i++) {
		struct json value = find_member(find_member(apply_json(canonical), leaves[i].section), leaves[i].name);
		if (json_present(value))
			code = visit(context, leaves[i].section, leaves[i].name, leaves[i].form == LEAF_SECRET, value);
	}
	return code;
}

bool
apply_authentication_public_good(struct slice text)
{
	return !holds_private_key(text);
}

/* --- governance -------------------------------------------------------------------------------------- */

static void
write_governance(struct arena *arena, struct json from, struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	struct json governed = find_member(from, "governed"), cool_off = find_member(from, "coolOffSeconds");
	int64_t seconds = 0;
	if (json_present(cool_off) && cool_off.type == JSON_NUMBER && json_int64(cool_off, &seconds) && seconds > 0)
		json_put_integer(&writer, "coolOffSeconds", seconds);
	if (json_present(governed) && governed.type == JSON_ARRAY && json_count(governed) > 0) {
		struct slice_list names = {arena_alloc(arena, json_count(governed) * sizeof(struct slice)), 0};
		struct json_iterator iterator = json_iterate(governed);
		struct json key, item;
		while (json_next(&iterator, &key, &item))
			names.items[names.count++] = json_text(arena, item);
		json_key(&writer, "governed");
		json_raw(&writer, apply_set(arena, names));
	}
	static const char *const texts[] = {"notice", "securityContact"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct json text = find_member(from, texts[i]);
		if (json_present(text) && text.type == JSON_STRING)
			json_put_string(&writer, texts[i], json_text(arena, text));
	}
	json_close(&writer);
}

struct slice
apply_governance_canonical(struct arena *arena, struct json from)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	write_governance(arena, from, &out);
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

bool
apply_governance_governs(struct slice canonical)
{
	return slice_present(canonical) && json_present(find_member(apply_json(canonical), "governed"));
}

static bool
aspects_good(const struct yaml_node *list)
{
	bool good = list->type == YAML_LIST;
	for (const struct yaml_node *item = list->first; good && item != NULL; item = item->next) {
		enum governance_aspect aspect;
		good = item->type == YAML_SCALAR && governance_aspect_parse(item->text, &aspect);
	}
	return good;
}

/* NULL: it is as it should be; else what would be. */
static const char *
wrong_setting(const struct yaml_node *name)
{
	const struct yaml_node *value = name->value;
	bool scalar = value->type == YAML_SCALAR && !yaml_is_null(value);
	int64_t number;
	if (slice_is(name->text, "governed"))
		return aspects_good(value) ? NULL : "a list of url, types, keys, roles and disabling";
	if (slice_is(name->text, "coolOffSeconds"))
		return scalar && value->plain && slice_to_int64(value->text, &number) && number >= 0 &&
			       number <= COOL_OFF_S_MAX
			   ? NULL
			   : "a whole number of seconds, at most 30 days";
	if (slice_is(name->text, "securityContact") || slice_is(name->text, "notice"))
		return scalar && value->text.len > 0 && value->text.len <= LIMIT_REASON_BYTES ? NULL : "a text";
	return "governed, coolOffSeconds, securityContact or notice";
}

enum error_code
apply_governance_read(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	char found[FOUND_BYTES];
	if (node->type != YAML_MAP)
		return apply_refuse(reader->file, node->place, reader->error, "%s: found %s; expected %s", member->name,
		    apply_found(node, found), member->expected);
	struct buf text;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	buf_byte(&text, '{');
	enum error_code code = OK;
	for (const struct yaml_node *name = node->first; code == OK && name != NULL; name = name->next) {
		const struct yaml_node *value = name->value;
		if (yaml_is_null(value))
			continue;
		const char *expected = wrong_setting(name);
		const struct yaml_node *shown = value->type == YAML_SCALAR ? value : name;
		if (expected != NULL) {
			code = apply_refuse(reader->file, shown->place, reader->error, "%s: found %s; expected %s",
			    member->name, apply_found(shown, found), expected);
			break;
		}
		buf_text(&text, text.len > 1 ? "," : "");
		put_string(&text, name->text);
		buf_byte(&text, ':');
		if (value->type == YAML_LIST) {
			buf_byte(&text, '[');
			for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
				buf_text(&text, item == value->first ? "" : ",");
				put_string(&text, item->text);
			}
			buf_byte(&text, ']');
		} else if (slice_is(name->text, "coolOffSeconds")) {
			int64_t seconds;
			if (slice_to_int64(value->text, &seconds))
				buf_printf(&text, "%lld", (long long)seconds);
		} else {
			put_string(&text, value->text);
		}
	}
	buf_byte(&text, '}');
	if (code == OK)
		*out = apply_governance_canonical(reader->arena, apply_json(buf_slice(&text)));
	buf_free(&text);
	return code;
}
