/* The table of sources, and how a line of options becomes a row of it. */
#include "receive/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void
receive_sources_init(struct receive_sources *sources)
{
	*sources = (struct receive_sources){.arena = ARENA_EMPTY};
}

void
receive_sources_free(struct receive_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		key_list_free(&sources->items[i].keys);
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

static enum error_code
check_text(const struct receive_sources *sources, const struct receive_source_text *text, enum sign_scheme *scheme,
    struct error *error)
{
	struct slice name = slice_of(text->name);
	if (!uid_valid(name, NULL))
		return error_set(error, ERR_INVALID,
		    "--source: expected a name of 1 to %d letters, digits, '-', '_' or '.', as in acme",
		    LIMIT_UID_BYTES);
	if (receive_sources_find(sources, name) != NULL)
		return error_set(error, ERR_CONFLICT, "--source %s: expected once, it is there already", text->name);
	if (sources->count == RECEIVE_SOURCES_MAX)
		return error_set(
		    error, ERR_LIMIT, "--source %s: expected at most %d sources", text->name, RECEIVE_SOURCES_MAX);
	if (text->scheme == NULL || !sign_scheme_parse(slice_of(text->scheme), scheme))
		return error_set(error, ERR_INVALID, "--scheme: expected standard, rfc9421 or legacy");
	if (text->secret_file == NULL)
		return error_set(
		    error, ERR_INVALID, "--secret-file: expected the file with the keys of source %s", text->name);
	if (text->forward != NULL && !is_url(slice_of(text->forward)))
		return error_set(
		    error, ERR_INVALID, "--forward: expected an http or https URL, as in http://127.0.0.1:9000/events");
	return OK;
}

enum error_code
receive_sources_add(struct receive_sources *sources, const struct receive_source_text *text, struct error *error)
{
	struct receive_source source = {0};
	enum error_code code = check_text(sources, text, &source.scheme, error);
	if (code != OK)
		return code;
	code = receive_read_keys(text->secret_file, source.scheme, &source.keys, error);
	if (code != OK)
		return code;
	source.name = arena_copy(&sources->arena, slice_of(text->name));
	source.forward_url = arena_copy(&sources->arena, slice_of(text->forward));
	sources->items[sources->count++] = source;
	return OK;
}
