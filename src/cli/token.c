/* `token create`: writes the hash of a new token into the store and prints the token, once. */
#include "cli/token.h"

#include "base/encode.h"
#include "base/random.h"
#include "model/scope.h"

#include <stdio.h>

enum { TOKEN_RANDOM_BYTES = 32, TOKEN_TEXT_MAX = 64 };

static const char receiver_uid[] = "receiver";

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

/* An option's items, separated by commas. */
static struct slice_list
read_items(const struct cli_arguments *arguments, const char *option, struct arena *arena)
{
	struct slice_list list = {arena_alloc(arena, (LIMIT_TOKEN_SCOPE_ITEMS + 1) * sizeof(struct slice)), 0};
	struct slice rest = slice_of(cli_value(arguments, option));
	while (slice_present(rest) && list.count <= LIMIT_TOKEN_SCOPE_ITEMS)
		list.items[list.count++] = slice_trim(slice_cut(&rest, ','));
	return list;
}

/* What of a receiver the token sees. */
static enum error_code
read_scope(const struct cli_arguments *arguments, struct token *token, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct scope scope = {.sources = read_items(arguments, "source", &arena),
	    .types = read_items(arguments, "type", &arena),
	    .fields = read_items(arguments, "field", &arena)};
	const struct slice_list *lists[] = {&scope.sources, &scope.types, &scope.fields};
	bool good = true;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		good = good && lists[i]->count <= LIMIT_TOKEN_SCOPE_ITEMS;
		for (size_t at = 0; good && at < lists[i]->count; at++)
			good = lists[i]->items[at].len > 0;
	}
	struct buf text;
	buf_init(&text, LIMIT_TOKEN_SCOPE_BYTES);
	scope_write(&text, &scope);
	if (good && !text.overflow)
		memcpy(token->scope, buf_slice(&text).ptr, text.len);
	else
		error_set(error, ERR_INVALID,
		    "--source, --type, --field: expected names separated by commas, at most %d of each and %d bytes in "
		    "all",
		    LIMIT_TOKEN_SCOPE_ITEMS, LIMIT_TOKEN_SCOPE_BYTES);
	bool fits = good && !text.overflow;
	buf_free(&text);
	arena_free(&arena);
	return fits ? OK : ERR_INVALID;
}

static enum error_code
find_organisation(struct store *store, const char *ref, struct token *token, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_GET, token->created);
	request->ref = arena_copy(&request->arena, slice_of(ref));
	enum error_code code = store_ask(store, request, error);
	if (code == OK)
		token->organisation = request->admin->organisation.id;
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
	if (cli_given(arguments, "organisation")) {
		code = find_organisation(store, cli_value(arguments, "organisation"), token, error);
	} else if (token->role != ROLE_PLATFORM_ADMIN && find_organisation(store, receiver_uid, token, error) != OK) {
		/* A receiver has one organisation, its own, which need not be named. */
		code = error_set(error, ERR_INVALID,
		    "--organisation is missing: role %s is one of an organisation; give its id or uid",
		    role_name(token->role));
	}
	if (code == OK) {
		struct store_request *request = store_request_new(STORE_TOKEN_CREATE, token->created);
		request->admin->token = *token;
		request->actor.present = true;
		code = store_ask(store, request, error);
		*token = request->admin->token;
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
	if (token->scope[0] != '\0') {
		json_key(writer, "scope");
		json_raw(writer, slice_of(token->scope));
	}
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
	if (code == OK)
		code = read_scope(arguments, &token, &error);
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
    {.name = "source", .argument = "NAMES", .about = "of a receiver: only what came from these sources"},
    {.name = "type", .argument = "TYPES", .about = "of a receiver: only these event types; a star may end one"},
    {.name = "field",
	.argument = "FIELDS",
	.about = "of a receiver: only these members of bodies, as in id,data.amount"},
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
