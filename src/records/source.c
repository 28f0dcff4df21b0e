#include "records/source.h"

#include "records/mapping.h"
#include "transport/url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAPPING_BYTES_MAX = 1 << 20, TOKEN_BYTES_MAX = 16384 };

static const char *const kind_names[RECORDS_KIND_COUNT] = {"csv", "jsonl", "vaultbell", "rest", "graphql"};

/* --- files ------------------------------------------------------------------------------------------ */

static enum error_code
read_file(const char *origin, const char *member, const char *path, struct buf *out, struct error *error)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return error_set(error, ERR_INVALID, "%s: %s %s: %s; expected a readable file", origin, member, path,
		    strerror(errno));
	size_t got = 1;
	while (got > 0 && !out->overflow) {
		char block[4096];
		got = fread(block, 1, sizeof block, file);
		buf_append(out, (struct slice){block, got});
	}
	bool failed = ferror(file) != 0;
	fclose(file);
	if (failed || out->overflow)
		return error_set(error, ERR_INVALID, "%s: %s %s: expected a readable file of at most %zu bytes", origin,
		    member, path, out->max);
	return OK;
}

static enum error_code
read_token(struct records_source *source, struct slice path, struct error *error)
{
	struct buf text;
	buf_init(&text, TOKEN_BYTES_MAX);
	enum error_code code = read_file(source->origin, "token_file", path.ptr, &text, error);
	struct slice rest = code == OK ? buf_slice(&text) : SLICE("");
	struct slice token = slice_trim(slice_cut(&rest, '\n'));
	if (token.len > 0 && token.ptr[token.len - 1] == '\r')
		token.len--;
	if (code == OK && token.len == 0)
		code = error_set(
		    error, ERR_INVALID, "%s: token_file %s: it is empty; expected a token", source->origin, path.ptr);
	if (code == OK)
		source->token = arena_copy(&source->arena, token);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

static enum error_code
read_mapping(struct records_source *source, struct slice path, struct error *error)
{
	struct buf text;
	source->mapping = arena_alloc(&source->arena, sizeof *source->mapping);
	if (!slice_present(path))
		return mapping_read(
		    &source->arena, "the platform's mapping", slice_of(mapping_platform), source->mapping, error);
	buf_init(&text, MAPPING_BYTES_MAX);
	enum error_code code = read_file(source->origin, "mapping", path.ptr, &text, error);
	if (code == OK)
		code = mapping_read(
		    &source->arena, arena_string(&source->arena, path), buf_slice(&text), source->mapping, error);
	buf_free(&text);
	return code;
}

/* --- checking --------------------------------------------------------------------------------------- */

/* Which members each kind wants, and which it may have. */
static const struct {
	const char *wants, *may;
} members_of[RECORDS_KIND_COUNT] = {
    [RECORDS_CSV] = {"path", ""},
    [RECORDS_JSONL] = {"path", ""},
    [RECORDS_VAULTBELL] = {"url organisation token_file", "endpoint source authorities certificate key"},
    [RECORDS_REST] = {"url mapping", "token_file authorities certificate key"},
    [RECORDS_GRAPHQL] = {"url", "mapping token_file authorities certificate key"},
};

static bool
has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

static enum error_code
check_members(const struct config_record *item, enum records_kind kind, struct error *error)
{
	const struct {
		const char *name;
		struct slice value;
	} members[] = {{"path", item->path}, {"url", item->url}, {"organisation", item->organisation},
	    {"endpoint", item->endpoint}, {"source", item->source}, {"token_file", item->token_file},
	    {"mapping", item->mapping}, {"authorities", item->authorities}, {"certificate", item->certificate},
	    {"key", item->key}};
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		bool wanted = has_word(members_of[kind].wants, members[i].name);
		if (wanted && !slice_present(members[i].value))
			return error_set(error, ERR_INVALID, "%s: records %s: %s is missing; a %s source wants %s",
			    item->origin.ptr, item->name.ptr, members[i].name, kind_names[kind],
			    members_of[kind].wants);
		if (!wanted && slice_present(members[i].value) && !has_word(members_of[kind].may, members[i].name))
			return error_set(error, ERR_INVALID, "%s: records %s: a %s source has no %s", item->origin.ptr,
			    item->name.ptr, kind_names[kind], members[i].name);
	}
	return OK;
}

static enum error_code
check_name(const struct config_record *item, enum records_kind *kind, struct error *error)
{
	bool good = item->name.len > 0 && item->name.len <= 64;
	for (size_t i = 0; good && i < item->name.len; i++) {
		char c = item->name.ptr[i];
		good =
		    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
	}
	if (!good)
		return error_set(
		    error, ERR_INVALID, "%s: records: expected a name of letters, digits, - and _", item->origin.ptr);
	size_t at = 0;
	while (at < RECORDS_KIND_COUNT && !slice_is(item->kind, kind_names[at]))
		at++;
	if (at == RECORDS_KIND_COUNT)
		return error_set(error, ERR_INVALID,
		    "%s: records %s: expected kind: csv, jsonl, vaultbell, rest or graphql", item->origin.ptr,
		    item->name.ptr);
	*kind = (enum records_kind)at;
	return OK;
}

static enum error_code
check_url(const struct config_record *item, struct error *error)
{
	struct url url;
	if (!slice_present(item->url))
		return OK;
	const char *wrong = url_split(item->url, &url);
	if (wrong == NULL && memchr(item->url.ptr, '?', item->url.len) != NULL)
		wrong = "it has a query";
	if (wrong == NULL)
		return OK;
	return error_set(error, ERR_INVALID, "%s: records %s: url: %s; expected one as https://api.example.com",
	    item->origin.ptr, item->name.ptr, wrong);
}

static const char *
text_or_null(struct arena *arena, struct slice text)
{
	return slice_present(text) ? arena_string(arena, text) : NULL;
}

static enum error_code
open_item(const struct config_record *item, struct records_source *source, struct error *error)
{
	struct arena *arena = &source->arena;
	enum error_code code = check_name(item, &source->kind, error);
	if (code == OK)
		code = check_members(item, source->kind, error);
	if (code == OK)
		code = check_url(item, error);
	if (code != OK)
		return code;
	if (slice_present(item->endpoint) != slice_present(item->source))
		return error_set(error, ERR_INVALID,
		    "%s: records %s: endpoint (at the sender) and source (of this receiver) go together",
		    item->origin.ptr, item->name.ptr);
	source->name = arena_string(arena, item->name);
	source->origin = arena_string(arena, item->origin);
	struct slice url = item->url;
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	source->url = text_or_null(arena, url);
	source->path = text_or_null(arena, item->path);
	source->organisation = text_or_null(arena, item->organisation);
	source->endpoint = text_or_null(arena, item->endpoint);
	source->receives = text_or_null(arena, item->source);
	source->authorities = text_or_null(arena, item->authorities);
	source->certificate = text_or_null(arena, item->certificate);
	source->key = text_or_null(arena, item->key);
	if (slice_present(item->token_file))
		code = read_token(source, item->token_file, error);
	if (code == OK && (source->kind == RECORDS_REST || source->kind == RECORDS_GRAPHQL))
		code = read_mapping(source, item->mapping, error);
	return code;
}

static const struct config_record *
find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->record_count; i++)
		if (slice_present(config->records[i].name) && slice_is(config->records[i].name, name))
			return &config->records[i];
	return NULL;
}

static enum error_code
unknown(const struct config *config, const char *name, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct slice names = SLICE("");
	for (size_t i = 0; i < config->record_count; i++)
		names = arena_printf(
		    &arena, "%.*s%s%.*s", SLICE_ARG(names), i > 0 ? ", " : "", SLICE_ARG(config->records[i].name));
	enum error_code code = error_set(error, ERR_NOT_FOUND,
	    "%s: it is no source of `records` in the configuration; expected csv:FILE, jsonl:FILE%s%.*s", name,
	    names.len > 0 ? " or one of " : "", names.len < 120 ? (int)names.len : 120, names.ptr);
	arena_free(&arena);
	return code;
}

enum error_code
records_source_open(const struct config *config, const char *name, struct records_source **out, struct error *error)
{
	*out = NULL;
	const struct config_record *item = find(config, name);
	if (item == NULL)
		return unknown(config, name, error);
	for (const struct config_record *next = item + 1; next < config->records + config->record_count; next++)
		if (slice_present(next->name) && slice_is(next->name, name))
			return error_set(error, ERR_INVALID,
			    "%s: records %s: expected this name once, it is at %s already", next->origin.ptr, name,
			    item->origin.ptr);
	struct records_source *source = mem_zero(1, sizeof *source);
	enum error_code code = open_item(item, source, error);
	if (code == OK)
		*out = source;
	else
		records_source_free(source);
	return code;
}

void
records_source_free(struct records_source *source)
{
	if (source == NULL)
		return;
	if (slice_present(source->token))
		explicit_bzero((char *)(uintptr_t)source->token.ptr, source->token.len);
	arena_free(&source->arena);
	free(source);
}

enum error_code
records_check_all(const struct config *config, struct error *error)
{
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < config->record_count; i++) {
		struct records_source *source = NULL;
		const char *name = slice_present(config->records[i].name) ? config->records[i].name.ptr : "";
		if (name[0] == '\0')
			return error_set(
			    error, ERR_INVALID, "%s: records: expected a name", config->records[i].origin.ptr);
		code = records_source_open(config, name, &source, error);
		records_source_free(source);
	}
	return code;
}

enum error_code
records_read_source(struct records_source *source, struct reconcile *reconcile, enum side side, struct error *error)
{
	struct reconcile_source file = {source->kind == RECORDS_CSV ? RECORD_CSV : RECORD_JSONL, source->path};
	switch (source->kind) {
	case RECORDS_CSV:
	case RECORDS_JSONL: return reconcile_read_records(reconcile, side, &file, error);
	case RECORDS_VAULTBELL: return records_read_vaultbell(source, reconcile, side, error);
	case RECORDS_REST:
	case RECORDS_GRAPHQL: return records_read_list(source, reconcile, side, error);
	case RECORDS_KIND_COUNT: break;
	}
	UNREACHABLE();
}
