#include "cli/person.h"

#include "cli/input.h"

#include <pwd.h>
#include <unistd.h>

enum { TOKEN_FILE_BYTES_MAX = 4096 };

static void
local_user(struct person *out, struct arena *arena)
{
	const struct passwd *entry = getpwuid(getuid());
	out->name = entry == NULL ? arena_printf(arena, "user:%ld", (long)getuid())
				  : arena_printf(arena, "user:%s", entry->pw_name);
	out->audit = (struct store_actor){.present = true};
}

static enum error_code
read_token(const char *path, unsigned char hash[static SHA256_BYTES], struct error *error)
{
	struct buf text;
	buf_init(&text, TOKEN_FILE_BYTES_MAX);
	enum error_code code = input_file(path, &text, error);
	struct slice rest = code == OK ? buf_slice(&text) : SLICE("");
	struct slice token = slice_trim(slice_cut(&rest, '\n'));
	if (token.len > 0 && token.ptr[token.len - 1] == '\r')
		token.len--;
	if (code == OK && token.len == 0)
		code = error_set(error, ERR_INVALID, "--token-file %s: it is empty; expected a token", path);
	if (code == OK)
		sha256(token, hash);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

static enum error_code
token_holder(const char *path, struct store *store, enum permission permission, const char *what, struct person *out,
    struct arena *arena, struct error *error)
{
	struct store_request *request = store_request_new(STORE_TOKEN_GET, clock_wall());
	enum error_code code = read_token(path, request->admin->token.hash, error);
	if (code == OK)
		code = store_ask(store, request, error);
	const struct token *token = &request->admin->token;
	bool over = code == OK && token->expires.us != 0 && token->expires.us <= request->now.us;
	if (code == ERR_NOT_FOUND || over)
		code = error_set(error, ERR_UNAUTHENTICATED,
		    "--token-file %s: it is not, or no longer, a token of this receiver; expected one of "
		    "`vaultbell token create`",
		    path);
	else if (code == OK && !role_may(token->role, permission))
		code = error_set(error, ERR_FORBIDDEN, "--token-file %s: the role %s may not %s; docs/roles.md", path,
		    role_name(token->role), what);
	else if (code == OK && token->scope[0] != '\0')
		code = error_set(error, ERR_FORBIDDEN,
		    "--token-file %s: the token is restricted to some sources, types or fields; who sees not all may "
		    "not %s",
		    path, what);
	if (code == OK) {
		char id[ID_TEXT_BYTES];
		out->name = arena_copy(arena, slice_of(id_format(ID_TOKEN, token->id.value, id)));
		out->audit = (struct store_actor){.present = true, .token = token->id, .role = token->role};
	}
	store_request_free(request);
	return code;
}

enum error_code
person_of(const struct cli_arguments *arguments, struct store *store, enum permission permission, const char *what,
    struct person *out, struct arena *arena, struct error *error)
{
	if (cli_given(arguments, "token-file"))
		return token_holder(cli_value(arguments, "token-file"), store, permission, what, out, arena, error);
	local_user(out, arena);
	return OK;
}
