/* `export`: writes a server's configuration as the file that `apply` reads. */
#include "cli/api_client.h"
#include "cli/apply.h"
#include "cli/arguments.h"
#include "cli/post.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPORT_BYTES_MAX = 1 << 30, MODE = 0644 };

/* Into a file beside the one that is wanted, which takes its place when it is whole. */
static enum error_code
write_file(const char *path, const struct buf *text, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	char *scratch = arena_string(&arena, arena_printf(&arena, "%s.XXXXXX", path));
	int fd = mkstemp(scratch);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool good = file != NULL && fchmod(fd, MODE) == 0 && fwrite(text->data, 1, text->len, file) == text->len;
	int reason = errno;
	if (file != NULL && (fflush(file) != 0 || fsync(fd) != 0)) {
		reason = errno;
		good = false;
	}
	if (file != NULL && fclose(file) != 0) {
		reason = errno;
		good = false;
	}
	if (good && rename(scratch, path) != 0) {
		reason = errno;
		good = false;
	}
	if (!good && fd >= 0)
		unlink(scratch);
	arena_free(&arena);
	return good ? OK
		    : error_set(error, ERR_IO, "--output %s: %s; expected a place where a file can be written", path,
			  strerror(reason));
}

/* The file must be read back as what was written: a value that it cannot hold is an error, not a surprise later. */
static enum error_code
check_readable(const struct buf *text, struct error *error)
{
	struct apply_state state;
	enum error_code code = text->overflow || text->len > APPLY_FILE_BYTES_MAX
				   ? error_set(error, ERR_LIMIT,
					 "the configuration has more than the %d bytes that apply "
					 "reads; expected --organisation REF, one at a time",
					 APPLY_FILE_BYTES_MAX)
				   : apply_file_read("what would be written", buf_slice(text), &state, error);
	if (code == OK)
		apply_state_free(&state);
	return code;
}

static enum error_code
export_state(const struct cli_arguments *arguments, const struct apply_state *state, struct error *error)
{
	const char *path = cli_value(arguments, "output");
	struct buf text;
	buf_init(&text, EXPORT_BYTES_MAX);
	export_write(state, cli_value(arguments, "organisation"), &text);
	enum error_code code = check_readable(&text, error);
	if (code == OK && path != NULL)
		code = write_file(path, &text, error);
	else if (code == OK)
		fwrite(text.data, 1, text.len, stdout);
	buf_free(&text);
	return code;
}

static int
run(const struct cli_arguments *arguments)
{
	const char *organisation = cli_value(arguments, "organisation");
	struct error error = ERROR_NONE;
	struct api_client *client = NULL;
	struct apply_state state = {0};
	struct buf token;
	if (organisation != NULL && !uid_valid(slice_of(organisation), NULL))
		return cli_misuse(arguments,
		    "--organisation %s: expected an id or uid of 1 to %d letters, digits, '-', '_' or '.'",
		    organisation, LIMIT_UID_BYTES);
	buf_init(&token, 4096);
	enum error_code code = post_read_token(arguments, &token, &error);
	if (code == OK)
		code = api_client_new(cli_value(arguments, "url"), token.data, &client, &error);
	if (code == OK)
		code = apply_server_read(client, NULL, organisation, false, &state, &error);
	if (code == OK)
		code = export_state(arguments, &state, &error);
	apply_state_free(&state);
	api_client_free(client);
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	buf_free(&token);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option options[] = {
    {.name = "url", .argument = "URL", .about = "the server, as in http://127.0.0.1:8080", .required = true},
    {.name = "token-file", .argument = "FILE", .about = "holds the token"},
    {.name = "token", .argument = "T", .about = "the token; other users of the machine may see it", .secret = true},
    {.name = "organisation",
	.argument = "REF",
	.about = "only this one, id or uid, and no event types; without it, everything"},
    {.name = "output", .letter = 'o', .argument = "FILE", .about = "where to write it; without it, standard output"},
};

const struct cli_command cli_export = {
    .name = "export",
    .summary = "write a server's configuration as a file that apply reads",
    .details =
	"The token is also taken from VAULTBELL_TOKEN; with --organisation, one of that organisation is enough. The\n"
	"order is by name, so that two exports can be compared line by line. Secrets and the values of sensitive\n"
	"headers are not written, nor what has no uid; comments say so.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
