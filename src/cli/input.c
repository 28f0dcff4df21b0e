#include "cli/input.h"

#include "store/anchor.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

enum { HEADERS_MAX = 256 };

enum error_code
input_file(const char *path, struct buf *out, struct error *error)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "re");
	if (file == NULL)
		return error_set(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s; expected a readable file",
		    path, strerror(errno));
	size_t got = 1;
	while (got > 0 && !out->overflow) {
		char block[16384];
		got = fread(block, 1, sizeof block, file);
		buf_append(out, (struct slice){block, got});
	}
	bool failed = ferror(file) != 0;
	int reason = errno;
	if (!standard)
		fclose(file);
	if (failed)
		return error_set(error, ERR_IO, "%s: %s; expected a readable file", path, strerror(reason));
	if (out->overflow)
		return error_set(error, ERR_LIMIT, "%s: expected at most %zu bytes", path, out->max);
	return OK;
}

enum error_code
input_time(const char *option, const char *text, struct wall_time *out, struct error *error)
{
	int64_t seconds;
	if (slice_to_int64(slice_of(text), &seconds) && !__builtin_mul_overflow(seconds, (int64_t)1000000, &out->us))
		return OK;
	if (time_parse(slice_of(text), out))
		return OK;
	return error_set(error, ERR_INVALID,
	    "--%s %s: expected a time as 2025-01-31T12:00:00Z or in seconds since 1970", option, text);
}

/* --- headers ---------------------------------------------------------------------------------------- */

static bool
is_request_line(struct slice line)
{
	return line.len > 9 && memcmp(line.ptr + line.len - 9, " HTTP/1.", 8) == 0;
}

enum error_code
input_headers(const char *path, struct slice text, struct arena *arena, struct http_headers *out, struct error *error)
{
	*out = (struct http_headers){arena_alloc(arena, HEADERS_MAX * sizeof *out->items), 0};
	for (size_t number = 1; slice_present(text); number++) {
		struct slice value = slice_cut(&text, '\n');
		if (value.len > 0 && value.ptr[value.len - 1] == '\r')
			value.len--;
		if (value.len == 0 || (number == 1 && is_request_line(value)))
			continue;
		struct slice name = slice_cut(&value, ':');
		if (!slice_present(value) || name.len == 0 || slice_trim(name).len != name.len)
			return error_set(
			    error, ERR_INVALID, "%s:%zu: expected a header as in \"webhook-id: msg_1\"", path, number);
		if (out->count == HEADERS_MAX)
			return error_set(
			    error, ERR_LIMIT, "%s:%zu: expected at most %d headers", path, number, HEADERS_MAX);
		out->items[out->count++] = (struct http_header){name, slice_trim(value)};
	}
	return OK;
}

/* --- the data directory ----------------------------------------------------------------------------- */

static enum error_code
make_directory(const char *directory, struct error *error)
{
	struct stat status;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return error_set(error, ERR_IO, "--data %s: %s; expected a directory, or a place where one can be made",
		    directory, strerror(errno));
	if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))
		return error_set(error, ERR_INVALID, "--data %s: it is no directory; expected one", directory);
	return OK;
}

/* A command that migrates the database leaves the journal anchored as a server would: without it, the next one could not
 * tell a journal that was never anchored from one whose anchor was taken away. */
static enum error_code
anchor_migrated(const char *directory, struct store *store, struct error *error)
{
	struct sealer *sealer;
	struct anchor *anchor;
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code != OK)
		return code;
	code = anchor_open(&anchor_of_journal, directory, sealer, store, NULL, &anchor, error);
	if (code == OK)
		anchor_free(anchor);
	sealer_free(sealer);
	return code;
}

enum error_code
input_store(const char *directory, bool read_only, struct store **out, struct error *error)
{
	enum error_code code = read_only ? OK : make_directory(directory, error);
	if (code != OK)
		return code;
	struct arena arena = ARENA_EMPTY;
	struct slice path = arena_printf(&arena, "%s/vaultbell.db", directory);
	struct store_sqlite_options options = {.path = path.ptr, .read_only = read_only};
	code = store_sqlite_open(&options, out, error);
	if (code == ERR_NOT_FOUND)
		error_set(error, code,
		    "--data %s: there is no vaultbell.db in it; expected the data directory of a server", directory);
	else if (code != OK)
		code = error_wrap(error, "--data %s", directory);
	arena_free(&arena);
	if (code == OK && (*out)->journal_migrated && (*out)->vtable->journal_end(*out).seq > 0) {
		code = anchor_migrated(directory, *out, error);
		if (code != OK)
			store_close(*out);
	}
	return code;
}

/* Opening the sealer would make a key where there is none. */
static bool
has_key(const char *directory)
{
	struct arena arena = ARENA_EMPTY;
	struct stat status;
	bool has = stat(arena_printf(&arena, "%s/master.key", directory).ptr, &status) == 0 || errno != ENOENT;
	arena_free(&arena);
	return has;
}

enum error_code
input_anchor(const struct anchor_of *of, const char *directory, struct anchor_marks *marks, struct error *error)
{
	struct sealer *sealer;
	*marks = (struct anchor_marks){.present = false};
	if (!has_key(directory))
		return OK;
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code != OK)
		return code;
	code = anchor_read(of, directory, sealer, marks, error);
	sealer_free(sealer);
	return code;
}

enum error_code
input_findings(const char *directory, struct findings *out, struct error *error)
{
	struct sealer *sealer;
	*out = (struct findings){.count = 0};
	if (!has_key(directory))
		return OK;
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code != OK)
		return code;
	code = findings_read(directory, sealer, out, error);
	sealer_free(sealer);
	return code;
}

static enum error_code
advance_anchor(
    const struct anchor_of *of, const char *directory, const struct store_journal_end *end, struct error *error)
{
	struct sealer *sealer;
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code != OK)
		return code;
	code = anchor_advance(of, directory, sealer, end, error);
	sealer_free(sealer);
	return code;
}

enum error_code
input_audited(const char *directory, struct store *store, struct error *error)
{
	struct store_journal_end end = store->vtable->audit_end(store);
	return advance_anchor(&anchor_of_audit, directory, &end, error);
}

enum error_code
input_journalled(const char *directory, struct store *store, struct error *error)
{
	struct store_journal_end end = store->vtable->journal_end(store);
	return advance_anchor(&anchor_of_journal, directory, &end, error);
}
