/* How destinations are written: what only one kind has. */
#include "act/act.h"

#include "transport/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum error_code
missing(const struct config_node *node, const char *member, const char *expected, struct error *error)
{
	return error_set(error, ERR_INVALID, "%s: %s is missing: expected %s", node->origin.ptr, member, expected);
}

/* Numbers in [min, max) whose flag is raised. */
static enum error_code
read_flags(struct act *act, const struct config_node *node, int64_t min, int64_t max, const char *expected, bool *flags,
    struct error *error)
{
	struct slice_list texts;
	enum error_code code = act_texts_read(&act->arena, node, expected, &texts, error);
	for (size_t i = 0; code == OK && i < texts.count; i++) {
		int64_t number;
		if (!slice_to_int64(texts.items[i], &number) || number < min || number >= max)
			return act_refuse(node, expected, error);
		flags[number] = true;
	}
	return code;
}

/* --- command ---------------------------------------------------------------------------------------- */

enum { EXIT_DATA = 65, EXIT_RETRY = 75, GRACE_MS = 2000, CONCURRENCY = 4 };

static enum error_code
read_argv(struct act *act, const struct config_node *node, struct act_command *command, struct error *error)
{
	static const char expected[] =
	    "the path of a program and its arguments as a list, as in [/usr/local/bin/on-event, --queue, custody]; no "
	    "shell reads it";
	const struct config_node *member = act_member(node, "command");
	if (member == NULL)
		return missing(node, "command", expected, error);
	struct slice_list texts = {NULL, 0};
	enum error_code code = member->kind == CONFIG_NODE_LIST
				   ? act_texts_read(&act->arena, member, expected, &texts, error)
				   : act_refuse(member, expected, error);
	if (code != OK)
		return code;
	if (texts.items == NULL || texts.count > LIMIT_COMMAND_ARGUMENTS ||
	    memchr(texts.items[0].ptr, '/', texts.items[0].len) == NULL)
		return act_refuse(member, expected, error);
	/* It is started in another directory than this one. */
	char *program = realpath(texts.items[0].ptr, NULL);
	if (program == NULL || access(program, X_OK) != 0) {
		code = error_set(error, ERR_INVALID, "%s: command: %.200s: %s; expected a program that can be run",
		    member->origin.ptr, texts.items[0].ptr, strerror(errno));
		free(program);
		return code;
	}
	command->argv = arena_alloc(&act->arena, (texts.count + 1) * sizeof command->argv[0]);
	for (size_t i = 0; i < texts.count; i++)
		command->argv[i] = arena_string(&act->arena, i == 0 ? slice_of(program) : texts.items[i]);
	free(program);
	return OK;
}

static enum error_code
read_environment(struct act *act, const struct config_node *node, struct act_command *command, struct error *error)
{
	static const char expected[] = "names of environment variables that are passed on, as in [HOME]";
	const struct config_node *member = act_member(node, "environment");
	if (member == NULL)
		return OK;
	enum error_code code = act_texts_read(&act->arena, member, expected, &command->environment, error);
	for (size_t i = 0; code == OK && i < command->environment.count; i++) {
		struct slice name = command->environment.items[i];
		bool right = name.len > 0 && !slice_starts(name, SLICE("VAULTBELL_"));
		for (size_t at = 0; at < name.len; at++)
			right = right && name.ptr[at] != '=';
		if (!right)
			return act_refuse(member, expected, error);
	}
	return code;
}

enum error_code
act_read_command(
    struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	struct act_command *command = &destination->command;
	int64_t concurrency = CONCURRENCY;
	command->grace_ms = GRACE_MS;
	enum error_code code = read_argv(act, node, command, error);
	if (code == OK)
		code = read_environment(act, node, command, error);
	if (code == OK)
		code = act_member_text(node, "directory", &command->directory, error);
	if (code == OK)
		code = act_member_number(node, "concurrency", 1, LIMIT_COMMAND_CONCURRENCY, &concurrency, error);
	if (code == OK)
		code = act_member_duration(node, "grace", 0, 60000, &command->grace_ms, error);
	command->concurrency = (size_t)concurrency;
	const struct config_node *codes = act_member(node, "fail_exit_codes");
	if (codes == NULL)
		command->final_codes[EXIT_DATA] = true;
	else if (code == OK && !(codes->kind == CONFIG_NODE_LIST && codes->count == 0))
		code = read_flags(
		    act, codes, 1, 256, "exit codes from 1 to 255 but 75, as in [65, 66]", command->final_codes, error);
	if (code == OK && command->final_codes[EXIT_RETRY])
		code = act_refuse(codes, "exit codes from 1 to 255 but 75, as in [65, 66]", error);
	return code;
}

/* --- file ------------------------------------------------------------------------------------------- */

static enum error_code
read_mode(const struct config_node *node, unsigned *mode, struct error *error)
{
	static const char expected[] = "permissions that nobody else can write with, in octal, as in \"0640\"";
	const char *text = NULL;
	enum error_code code = act_member_text(node, "mode", &text, error);
	if (code != OK || text == NULL)
		return code;
	unsigned value = 0;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '7' || value > 0777)
			return act_refuse(act_member(node, "mode"), expected, error);
		value = value * 8 + (unsigned)(*at - '0');
	}
	if (value > 0777 || (value & 0600) != 0600 || (value & 0133) != 0)
		return act_refuse(act_member(node, "mode"), expected, error);
	*mode = value;
	return OK;
}

/* One of two words. */
static enum error_code
read_choice(const struct config_node *node, const char *name, const char *yes, const char *no, const char *expected,
    bool *out, struct error *error)
{
	const char *text = NULL;
	enum error_code code = act_member_text(node, name, &text, error);
	if (code != OK || text == NULL)
		return code;
	*out = strcmp(text, yes) == 0;
	if (!*out && strcmp(text, no) != 0)
		return act_refuse(act_member(node, name), expected, error);
	return OK;
}

enum error_code
act_read_file(struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	struct act_file *file = &destination->file;
	*file = (struct act_file){.sync = true, .mode = 0600};
	enum error_code code = act_member_text(node, "path", &file->path, error);
	if (code != OK)
		return code;
	if (file->path == NULL)
		return missing(node, "path", "the path of a file, as in /var/lib/custody/events.jsonl", error);
	for (size_t i = 0; code == OK && i + 1 < act->destination_count; i++)
		if (act->destinations[i].kind == ACT_FILE && act->destinations[i].file.path != NULL &&
		    strcmp(act->destinations[i].file.path, file->path) == 0)
			code = act_refuse(act_member(node, "path"), "a file of its own", error);
	if (code == OK)
		code = act_member_number(node, "rotate_bytes", 4096, INT64_C(1) << 40, &file->rotate_bytes, error);
	if (code == OK)
		code =
		    act_member_duration(node, "rotate_after", 1000, INT64_C(366) * 86400000, &file->rotate_ms, error);
	if (code == OK)
		code = read_choice(node, "fsync", "always", "never", "always or never", &file->sync, error);
	if (code == OK)
		code = read_choice(node, "body", "base64", "json", "json or base64", &file->base64, error);
	if (code == OK)
		code = read_mode(node, &file->mode, error);
	return code;
}

/* --- HTTP ------------------------------------------------------------------------------------------- */

static enum error_code
read_url(struct act *act, const struct config_node *node, struct act_http *http, struct error *error)
{
	static const char expected[] = "an http or https URL, as in https://treasury.example.com/events";
	const char *text = NULL;
	enum error_code code = act_member_text(node, "url", &text, error);
	if (code != OK)
		return code;
	if (text == NULL)
		return missing(node, "url", expected, error);
	struct url url;
	if (url_split(slice_of(text), &url) != NULL)
		return act_refuse(act_member(node, "url"), expected, error);
	http->url = slice_of(text);
	struct slice path = url.target;
	path = slice_cut(&path, '?');
	http->path = path.len == 0 ? SLICE("/") : arena_copy(&act->arena, path);
	bool usual = url.port == url_default_port(url.tls);
	http->authority = usual ? arena_printf(&act->arena, "%s%.*s%s", url.bracketed ? "[" : "", SLICE_ARG(url.host),
				      url.bracketed ? "]" : "")
				: arena_printf(&act->arena, "%s%.*s%s:%u", url.bracketed ? "[" : "",
				      SLICE_ARG(url.host), url.bracketed ? "]" : "", (unsigned)url.port);
	for (size_t i = 0; i < http->authority.len; i++) {
		char *c = (char *)(uintptr_t)&http->authority.ptr[i];
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	}
	return OK;
}

/* Those that are made for each request, and those that frame it. */
static bool
is_ours(struct slice name)
{
	static const char *const names[] = {"host", "content-length", "content-type", "transfer-encoding", "connection",
	    "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature", "content-digest", "signature",
	    "signature-input", "x-sha2-signature"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	return name.len >= 10 && slice_equal_nocase((struct slice){name.ptr, 10}, SLICE("vaultbell-"));
}

static bool
is_header(struct slice name, struct slice value)
{
	bool right = name.len > 0 && !is_ours(name);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		right = right && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				     c == '-' || c == '_');
	}
	for (size_t i = 0; i < value.len; i++)
		right = right && value.ptr[i] >= 0x20 && value.ptr[i] < 0x7f;
	return right;
}

static enum error_code
read_headers(struct act *act, const struct config_node *node, struct act_http *http, struct error *error)
{
	static const char expected[] = "headers and their values, as in \"x-queue: custody\"; none that is made for "
				       "each request";
	const struct config_node *member = act_member(node, "headers");
	if (member == NULL)
		return OK;
	if (member->kind != CONFIG_NODE_MAPPING || member->count > 32)
		return act_refuse(member, expected, error);
	http->headers.items = arena_alloc(&act->arena, member->count * sizeof http->headers.items[0]);
	for (const struct config_node *header = member->first; header != NULL; header = header->next) {
		if (header->kind != CONFIG_NODE_VALUE || !is_header(header->name, header->text))
			return act_refuse(header, expected, error);
		http->headers.items[http->headers.count++] = (struct http_header){header->name, header->text};
	}
	return OK;
}

static enum error_code
read_key_file(const char *path, enum sign_scheme scheme, struct key_list *out, struct error *error)
{
	struct buf text;
	buf_init(&text, LIMIT_SECRET_FILE_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		buf_free(&text);
		return error_set(error, ERR_IO, "%s; expected a readable file with one key a line", strerror(errno));
	}
	char block[4096];
	ssize_t got;
	while ((got = read(fd, block, sizeof block)) > 0)
		buf_append(&text, (struct slice){block, (size_t)got});
	close(fd);
	enum error_code code = got < 0 || text.overflow
				   ? error_set(error, ERR_IO, "expected a readable file with one key a line")
				   : key_list_parse(scheme, buf_slice(&text), out, error);
	explicit_bzero(block, sizeof block);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	if (code == OK && out->count == 0)
		code = error_set(error, ERR_INVALID, "expected one key a line");
	for (size_t i = 0; code == OK && i < out->count; i++)
		if (!key_can_sign(out->items[i]))
			code = error_set(error, ERR_INVALID, "expected keys that can sign, not public ones");
	return code;
}

static enum error_code
read_signing(const struct config_node *node, struct act_http *http, struct error *error)
{
	const char *scheme = NULL, *path = NULL;
	enum error_code code = act_member_text(node, "sign_scheme", &scheme, error);
	if (code == OK)
		code = act_member_text(node, "sign_key_file", &path, error);
	if (code != OK || (scheme == NULL && path == NULL))
		return code;
	if (path == NULL)
		return missing(node, "sign_key_file", "the file with the key that signs", error);
	http->scheme = SCHEME_STANDARD;
	if (scheme != NULL &&
	    (!sign_scheme_parse(slice_of(scheme), &http->scheme) || !sign_scheme_can_sign(http->scheme)))
		return act_refuse(act_member(node, "sign_scheme"), "standard, rfc9421 or legacy", error);
	http->sign = true;
	code = read_key_file(path, http->scheme, &http->keys, error);
	if (code != OK)
		error_wrap(error, "%s: sign_key_file: %s", act_member(node, "sign_key_file")->origin.ptr, path);
	return code;
}

enum error_code
act_read_http(struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	struct act_http *http = &destination->http;
	enum error_code code = read_url(act, node, http, error);
	if (code == OK)
		code = read_headers(act, node, http, error);
	if (code == OK)
		code = read_signing(node, http, error);
	const struct config_node *statuses = act_member(node, "fail_statuses");
	if (code == OK && statuses != NULL)
		code = read_flags(
		    act, statuses, 300, 600, "statuses from 300 to 599, as in [400, 422]", http->final_codes, error);
	return code;
}

/* --- PostgreSQL ------------------------------------------------------------------------------------- */

/* A name, or a schema's and a name, which are quoted: `custody.event`. */
static enum error_code
read_table(struct act *act, const struct config_node *node, struct act_postgres *postgres, struct error *error)
{
	static const char expected[] =
	    "the name of a table, as in custody.event: letters, digits and '_', with its schema or without";
	const char *text = "vaultbell_event";
	enum error_code code = act_member_text(node, "table", &text, error);
	if (code != OK)
		return code;
	struct slice rest = slice_of(text);
	struct buf quoted;
	buf_init(&quoted, 512);
	size_t parts = 0;
	bool right = rest.len < 128;
	while (right && slice_present(rest)) {
		struct slice part = slice_cut(&rest, '.');
		right = part.len > 0 && ++parts <= 2;
		buf_printf(&quoted, "%s\"", parts > 1 ? "." : "");
		for (size_t i = 0; i < part.len; i++) {
			char c = part.ptr[i];
			right = right && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
					     (i > 0 && c >= '0' && c <= '9'));
			buf_byte(&quoted, c);
		}
		buf_byte(&quoted, '"');
	}
	postgres->table = arena_string(&act->arena, buf_slice(&quoted));
	buf_free(&quoted);
	return right ? OK : act_refuse(act_member(node, "table"), expected, error);
}

static bool
has_password(const char *connection)
{
	const char *authority = strstr(connection, "://"), *at = strchr(connection, '@');
	bool in_url =
	    authority != NULL && at != NULL &&
	    memchr(authority + 3, ':', (size_t)(at - authority) > 3 ? (size_t)(at - authority - 3) : 0) != NULL;
	return in_url || strcasestr(connection, "password") != NULL;
}

enum error_code
act_read_postgres(
    struct act *act, const struct config_node *node, struct act_destination *destination, struct error *error)
{
	static const char expected[] = "what libpq connects with, as in \"host=db.example.com dbname=treasury "
				       "user=vaultbell sslmode=verify-full\"";
	struct act_postgres *postgres = &destination->postgres;
	enum error_code code = act_member_text(node, "connection", &postgres->connection, error);
	if (code == OK && postgres->connection == NULL)
		return missing(node, "connection", expected, error);
	if (code == OK && has_password(postgres->connection))
		code = act_refuse(act_member(node, "connection"),
		    "no password here, where it would be shown: it goes into a file that password_file names, or into "
		    "the "
		    "environment as PGPASSWORD",
		    error);
	if (code == OK)
		code = act_member_text(node, "password_file", &postgres->password_file, error);
	if (code == OK)
		code = act_member_text(node, "statement", &postgres->statement, error);
	if (code == OK)
		code = act_member_bool(node, "create_table", &postgres->create_table, error);
	if (code == OK)
		code = read_table(act, node, postgres, error);
	return code;
}
