/* The table of sources, and how a line of options becomes a row of it. */
#include "receive/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void
receive_sources_init(struct receive_sources *sources)
{
	*sources = (struct receive_sources){.arena = ARENA_EMPTY};
}

static void
free_keys(struct receive_source *source)
{
	key_list_free(&source->keys);
	key_list_free(&source->of_file);
	key_list_free(&source->fetched);
}

/* What is tried is both lists: the file's first, so that a key's place in it says which it is. */
static void
join_keys(struct receive_source *source)
{
	const struct key_list *lists[] = {&source->of_file, &source->fetched};
	size_t total = source->of_file.count + source->fetched.count;
	struct key_list joined = {mem_zero(total + 1, sizeof *joined.items), 0};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (size_t at = 0; at < lists[i]->count; at++)
			joined.items[joined.count++] = key_ref(lists[i]->items[at]);
	key_list_free(&source->keys);
	source->keys = joined;
}

void
receive_sources_free(struct receive_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		free_keys(&sources->items[i]);
	arena_free(&sources->arena);
	sources->count = 0;
}

const struct receive_source *
receive_sources_find(const struct receive_sources *sources, struct slice name)
{
	for (size_t i = 0; i < sources->count; i++)
		if (slice_equal(sources->items[i].name, name))
			return &sources->items[i];
	return NULL;
}

/* --- secret files ----------------------------------------------------------------------------------- */

/* Reads until the end or until `room` is full; -1 with errno set when it cannot. */
static ssize_t
read_whole(int fd, char *bytes, size_t room)
{
	size_t length = 0;
	for (ssize_t got = 1; got != 0 && length < room;) {
		got = read(fd, bytes + length, room - length);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0)
			length += (size_t)got;
	}
	return (ssize_t)length;
}

/* Reads into `bytes` (room for one byte more than the limit, to see what is beyond it). */
static enum error_code
read_secrets(const char *path, char *bytes, struct slice *out, struct error *error)
{
	static const char expected[] = "expected a readable file with one key a line";
	/* Not blocking, so that a fifo without a writer is an error and not a hang. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(
		    error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s; %s", path, strerror(errno), expected);
	struct stat status;
	if (fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
		close(fd);
		return error_set(error, ERR_INVALID, "%s: it is a directory; %s", path, expected);
	}
	ssize_t length = read_whole(fd, bytes, LIMIT_SECRET_FILE_BYTES + 1);
	int reason = errno;
	close(fd);
	if (length < 0)
		return error_set(error, ERR_IO, "%s: %s; %s", path, strerror(reason), expected);
	if (length > LIMIT_SECRET_FILE_BYTES)
		return error_set(error, ERR_LIMIT, "%s: expected at most %d bytes", path, LIMIT_SECRET_FILE_BYTES);
	*out = (struct slice){bytes, (size_t)length};
	return OK;
}

enum error_code
receive_read_keys(const char *path, enum sign_scheme scheme, struct key_list *out, struct error *error)
{
	*out = (struct key_list){NULL, 0};
	struct error unwanted = {0};
	error = error == NULL ? &unwanted : error;
	char *bytes = mem_alloc(LIMIT_SECRET_FILE_BYTES + 1);
	struct slice text = {0};
	enum error_code code = read_secrets(path, bytes, &text, error);
	if (code == OK) {
		code = key_list_parse(scheme, text, out, error);
		if (code != OK)
			code = error_wrap(error, "%s", path);
	}
	explicit_bzero(bytes, LIMIT_SECRET_FILE_BYTES + 1);
	free(bytes);
	return code;
}

/* --- seeing changes --------------------------------------------------------------------------------- */

enum { SETTLED_AFTER_S = 2 };

/* Before the file is read, so that what is written meanwhile shows the next time. A file that was written only just now
 * may be written once more in the same tick of its clock: it is not settled, and is read again whatever its time. */
static void
look_at(const char *path, struct receive_file_seen *seen)
{
	struct stat status;
	*seen = (struct receive_file_seen){.settled = true};
	if (stat(path, &status) != 0)
		return;
	int64_t age_s = clock_wall().us / 1000000 - status.st_mtim.tv_sec;
	*seen = (struct receive_file_seen){
	    .there = true,
	    .settled = age_s > SETTLED_AFTER_S || age_s < -SETTLED_AFTER_S,
	    .device = status.st_dev,
	    .inode = status.st_ino,
	    .bytes = (uint64_t)status.st_size,
	    .modified_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec,
	};
}

static bool
is_same_file(const struct receive_file_seen *a, const struct receive_file_seen *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->modified_ns == b->modified_ns;
}

/* --- adding a source -------------------------------------------------------------------------------- */

/* Whether it is an absolute http or https URL with a host. What else is wrong with it, the transport will say. */
static bool
is_url(struct slice url)
{
	size_t scheme = slice_starts(url, SLICE("http://")) ? 7 : slice_starts(url, SLICE("https://")) ? 8 : 0;
	if (scheme == 0 || url.len > LIMIT_URL_BYTES)
		return false;
	for (size_t i = 0; i < url.len; i++)
		if (url.ptr[i] <= 0x20 || url.ptr[i] >= 0x7f)
			return false;
	struct slice host = slice_skip(url, scheme);
	return host.len > 0 && strchr("/:?#", host.ptr[0]) == NULL;
}

/* What is wrong with which member, as it is called where it was written: an option, or a key of the configuration. */
static enum error_code PRINTF_LIKE(5, 6) refuse(struct error *error, enum error_code code,
    const struct receive_source_text *text, const char *member, const char *format, ...)
{
	char what[sizeof error->text];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	if (text->origin == NULL)
		return error_set(error, code, "--%s: %s", member, what);
	if (strcmp(member, "source") == 0)
		member = "name";
	const char *key = strcmp(member, "secret-file") == 0 ? "secret_file" : member;
	return error_set(error, code, "%s: sources: %s: %s", text->origin, key, what);
}

/* A set that came over plain HTTP could be anybody's; only this machine is excepted. */
static bool
is_jwks_url(struct slice url)
{
	static const char *const local[] = {"http://127.0.0.1:", "http://127.0.0.1/", "http://[::1]:", "http://[::1]/"};
	bool good = is_url(url) && slice_starts(url, SLICE("https://"));
	for (size_t i = 0; i < COUNT_OF(local); i++)
		good = good || (is_url(url) && slice_starts(url, slice_of(local[i])));
	return good;
}

static enum error_code
check_jwks(const struct receive_source_text *text, enum sign_scheme scheme, struct error *error)
{
	if (!sign_scheme_takes_jwks(scheme))
		return refuse(error, ERR_INVALID, text, "jwks_url", "%s has secrets and no public keys to fetch",
		    sign_scheme_name(scheme));
	if (!is_jwks_url(slice_of(text->jwks_url)))
		return refuse(error, ERR_INVALID, text, "jwks_url",
		    "expected an https URL, as in https://custodian.example/.well-known/jwks.json");
	return OK;
}

static enum error_code
check_pull(const struct receive_source_text *text, struct error *error)
{
	if (text->pull_url != NULL && !is_url(slice_of(text->pull_url)))
		return refuse(error, ERR_INVALID, text, "pull_url",
		    "expected an endpoint's URL at its sender, as in "
		    "https://custody.example/api/v1/app/ID/endpoint/ID");
	if ((text->pull_url == NULL) != (text->pull_token_file == NULL))
		return refuse(error, ERR_INVALID, text, text->pull_url == NULL ? "pull_url" : "pull_token_file",
		    "expected pull_url and pull_token_file, both or neither");
	return OK;
}

static enum error_code
check_text(const struct receive_sources *sources, const struct receive_source_text *text, enum sign_scheme *scheme,
    struct error *error)
{
	struct slice name = slice_of(text->name);
	if (!uid_valid(name, NULL))
		return refuse(error, ERR_INVALID, text, "source",
		    "expected a name of 1 to %d letters, digits, '-', '_' or '.', as in acme", LIMIT_UID_BYTES);
	if (receive_sources_find(sources, name) != NULL)
		return refuse(error, ERR_CONFLICT, text, "source",
		    "expected a name of its own, there is a source %s already", text->name);
	if (sources->count == RECEIVE_SOURCES_MAX)
		return refuse(error, ERR_LIMIT, text, "source", "%s: expected at most %d sources", text->name,
		    RECEIVE_SOURCES_MAX);
	if (text->scheme == NULL || !sign_scheme_parse(slice_of(text->scheme), scheme))
		return refuse(error, ERR_INVALID, text, "scheme", "expected one of " SIGN_SCHEME_NAMES);
	enum error_code pull = check_pull(text, error);
	if (pull != OK || text->jwks_url != NULL)
		return pull != OK ? pull : check_jwks(text, *scheme, error);
	if (text->secret_file == NULL)
		return refuse(error, ERR_INVALID, text, "secret-file", "expected the file with the keys of source %s",
		    text->name);
	if (text->forward != NULL && !is_url(slice_of(text->forward)))
		return refuse(error, ERR_INVALID, text, "forward",
		    "expected an http or https URL, as in http://127.0.0.1:9000/events");
	return OK;
}

enum error_code
receive_sources_add(struct receive_sources *sources, const struct receive_source_text *text, struct error *error)
{
	struct receive_source source = {0};
	enum error_code code = check_text(sources, text, &source.scheme, error);
	if (code != OK)
		return code;
	if (text->secret_file != NULL) {
		look_at(text->secret_file, &source.seen);
		code = receive_read_keys(text->secret_file, source.scheme, &source.of_file, error);
	}
	if (code == ERR_NOT_FOUND && text->keys_may_come)
		code = OK;
	else if (code != OK && text->origin != NULL)
		code = error_wrap(error, "%s: sources: secret_file", text->origin);
	if (code != OK)
		return code;
	source.name = arena_copy(&sources->arena, slice_of(text->name));
	source.secret_file = arena_copy(&sources->arena, slice_of(text->secret_file));
	source.pull_url = arena_copy(&sources->arena, slice_of(text->pull_url));
	source.pull_token_file = arena_copy(&sources->arena, slice_of(text->pull_token_file));
	source.forward_url = arena_copy(&sources->arena, slice_of(text->forward));
	source.jwks_owner = arena_copy(&sources->arena, slice_of(text->jwks_url));
	struct slice url = slice_cut(&source.jwks_owner, '#');
	source.jwks_url = text->jwks_url == NULL ? SLICE_NONE : arena_copy(&sources->arena, url);
	source.jwks_retry_us = text->jwks_retry_ms * 1000;
	source.jwks_keep_us = text->jwks_keep_ms * 1000;
	join_keys(&source);
	sources->items[sources->count++] = source;
	return OK;
}

/* --- reading again ---------------------------------------------------------------------------------- */

static void
reload(struct receive_source *source, bool changed, const struct log *log)
{
	struct key_list fresh;
	struct error error = ERROR_NONE;
	struct arena arena = ARENA_EMPTY;
	const char *name = arena_string(&arena, source->name);
	if (receive_read_keys(source->secret_file.ptr, source->scheme, &fresh, &error) == OK) {
		key_list_free(&source->of_file);
		source->of_file = fresh;
		join_keys(source);
		char count[16];
		snprintf(count, sizeof count, "%zu", fresh.count);
		if (changed)
			log_write(log, LOG_INFO, "secret file read", "source", name, "keys", count, NULL);
	} else if (changed) {
		log_write(log, LOG_ERROR,
		    source->keys.count > 0 ? "secret file cannot be used; the keys that were read before stay"
					   : "secret file cannot be used; requests of its source are answered 503",
		    "source", name, "error", error.text, NULL);
	}
	arena_free(&arena);
}

void
receive_sources_reload(struct receive_sources *sources, bool all, const struct log *log)
{
	for (size_t i = 0; i < sources->count; i++) {
		struct receive_source *source = &sources->items[i];
		struct receive_file_seen seen;
		if (!slice_present(source->secret_file))
			continue;
		look_at(source->secret_file.ptr, &seen);
		bool changed = all || !is_same_file(&seen, &source->seen);
		if (!changed && source->seen.settled)
			continue;
		source->seen = seen;
		reload(source, changed, log);
	}
}

/* --- fetched keys ----------------------------------------------------------------------------------- */

void
receive_sources_take(struct receive_sources *sources, size_t at, struct key_list *fresh, struct wall_time now)
{
	ENSURE(at < sources->count);
	struct receive_source *source = &sources->items[at];
	key_list_free(&source->fetched);
	source->fetched = *fresh;
	*fresh = (struct key_list){NULL, 0};
	source->fetched_at = now;
	join_keys(source);
}

void
receive_sources_expire(struct receive_sources *sources, struct wall_time now, const struct log *log)
{
	for (size_t i = 0; i < sources->count; i++) {
		struct receive_source *source = &sources->items[i];
		if (source->fetched.count == 0 || now.us - source->fetched_at.us < source->jwks_keep_us)
			continue;
		key_list_free(&source->fetched);
		join_keys(source);
		struct arena arena = ARENA_EMPTY;
		log_write(log, LOG_ERROR, "the fetched keys are too old and no longer used", "source",
		    arena_string(&arena, source->name), NULL);
		arena_free(&arena);
	}
}
