/* `token create`: writes the hash of a new token into the store and prints the token, once. */
#include "cli/token.h"

#include "base/encode.h"
#include "base/random.h"

#include <stdio.h>

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_TEXT_MAX = 64 };

static enum error_code
read_role(const struct cli_arguments *arguments, struct token *token, struct error *error)
{
	const char *name = cli_value(arguments, "role");
	if (!role_parse(slice_of(name), &token->role)) {
		char names[256] = "";
		for (int role = 0; role < ROLE_COUNT; role++) {
			size_t used = strlen(names);
			snprintf(names + used, sizeof names - used, "%s%s", role == 0 ? "" : ", ",
			    role_name((enum role)role));
		}
		return error_set(error, ERR_INVALID, "--role %s: expected one of %s", name, names);
	}
	bool platform = token->role == ROLE_PLATFORM_ADMIN, given = cli_given(arguments, "organisation");
	if (platform && given)
		return error_set(error, ERR_INVALID,
		    "--organisation: expected only with the roles of an organisation; platform-admin has all of them");
	if (!platform && !given)
		return error_set(error, ERR_INVALID,
		    "--organisation is missing: role %s is one of an organisation; give its id or uid", name);
	return OK;
}

static enum error_code
read_expiry(const struct cli_arguments *arguments, struct token *token, struct error *error)
{
	if (!cli_given(arguments, "expires"))
		return OK;
	int64_t ms;
	enum error_code code = cli_duration(arguments, "expires", &ms, error);
	if (code != OK)
		return code;
	int64_t us;
	if (ms <= 0 || __builtin_mul_overflow(ms, (int64_t)1000, &us) ||
	    __builtin_add_overflow(token->created.us, us, &token->expires.us))
		return error_set(error, ERR_INVALID, "--expires %s: expected a duration above 0, as in 90d",
		    cli_value(arguments, "expires"));
	return OK;
}

static enum error_code
read_name(const struct cli_arguments *arguments, struct token *token, struct error *error)
{
	const char *name = cli_value(arguments, "name");
	if (name == NULL)
		return OK;
	if (strlen(name) > LIMIT_TOKEN_NAME_BYTES)
		return error_set(error, ERR_INVALID, "--name: expected at most %d bytes", LIMIT_TOKEN_NAME_BYTES);
	memcpy(token->name, name, strlen(name) + 1);
	return OK;
}

static enum error_code
find_organisation(struct store *store, const char *ref, struct token *token, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_GET, token->created);
	request->ref = arena_copy(&request->arena, slice_of(ref));
	enum error_code code = store_ask(store, request, error);
	if (code == OK)
		token->organisation = request->organisation.id;
	else if (code == ERR_NOT_FOUND)
		error_set(error, code,
		    "--organisation %s: there is none with this id or uid; expected one that was created", ref);
	store_request_free(request);
	return code;
}

static enum error_code
store_token(const struct cli_arguments *arguments, struct token *token, struct error *error)
{
	struct store *store;
	enum error_code code = input_store(cli_value(arguments, "data"), false, &store, error);
	if (code != OK)
		return code;
	if (cli_given(arguments, "organisation"))
		code = find_organisation(store, cli_value(arguments, "organisation"), token, error);
	if (code == OK) {
		struct store_request *request = store_request_new(STORE_TOKEN_CREATE, token->created);
		request->token = *token;
		request->actor.present = true;
		code = store_ask(store, request, error);
		*token = request->token;
		store_request_free(request);
	}
	if (code == OK)
		code = input_audited(cli_value(arguments, "data"), store, error);
	store_close(store);
	return code;
}

void
token_put(struct json_writer *writer, const struct token *token)
{
	char time[TIME_TEXT_BYTES], id[ID_TEXT_BYTES];
	json_put_cstring(writer, "id", id_format(ID_TOKEN, token->id.value, id));
	json_put_cstring(writer, "name", token->name);
	json_put_cstring(writer, "role", role_name(token->role));
	json_put_cstring(writer, "organisation",
	    token->organisation.value == 0 ? NULL : id_format(ID_ORGANISATION, token->organisation.value, id));
	json_put_cstring(writer, "createdAt", time_format(token->created, 6, time));
	json_put_cstring(writer, "expiresAt", token->expires.us == 0 ? NULL : time_format(token->expires, 6, time));
	json_put_cstring(writer, "lastUsedAt", token->used.us == 0 ? NULL : time_format(token->used, 6, time));
}

static void
print_token(const struct cli_arguments *arguments, struct slice text, const struct token *token)
{
	if (!cli_given(arguments, "json")) {
		printf("%.*s\n", SLICE_ARG(text));
		return;
	}
	char time[TIME_TEXT_BYTES];
	struct buf out;
	buf_init(&out, 1024);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	json_put_string(&writer, "token", text);
	json_put_cstring(&writer, "expires", token->expires.us == 0 ? NULL : time_format(token->expires, 0, time));
	token_put(&writer, token);
	json_close(&writer);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	explicit_bzero(out.data, out.len);
	buf_free(&out);
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct token token = {.created = clock_wall()};
	enum error_code code = read_role(arguments, &token, &error);
	if (code == OK)
		code = read_expiry(arguments, &token, &error);
	if (code == OK)
		code = read_name(arguments, &token, &error);
	if (code != OK)
		return cli_fail(arguments, &error);
	unsigned char bytes[TOKEN_RANDOM_BYTES];
	random_bytes(bytes, sizeof bytes);
	struct buf text;
	buf_init(&text, TOKEN_TEXT_MAX);
	buf_text(&text, "vbt_");
	base64url_append(&text, (struct slice){(const char *)bytes, sizeof bytes});
	sha256(buf_slice(&text), token.hash);
	code = store_token(arguments, &token, &error);
	if (code == OK)
		print_token(arguments, buf_slice(&text), &token);
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "role", .argument = "ROLE", .about = "what the token may do, as in platform-admin", .required = true},
    {.name = "organisation", .argument = "ID", .about = "whose token it is (id or uid); not for platform-admin"},
    {.name = "expires", .argument = "D", .about = "how long it is valid, as in 90d; without it, until it is revoked"},
    {.name = "name", .argument = "NAME", .about = "what it is for, as the list of tokens shows it"},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_token_create = {
    .name = "token create",
    .summary = "make a token for the API and print it, once",
    .details = "Works beside a running server. Only the token's hash is stored, so it cannot be shown again.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
