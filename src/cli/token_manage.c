/* `token list` and `token revoke`: what is there of tokens, and an end to one of them. */
#include "cli/token.h"

#include <stdio.h>

static void
print_json(const struct token *token)
{
	struct buf line;
	buf_init(&line, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	token_put(&writer, token);
	json_close(&writer);
	printf("%.*s\n", SLICE_ARG(buf_slice(&line)));
	buf_free(&line);
}

/* The name is somebody's choice: bytes that could steer a terminal are not let through. */
static void
print_row(const struct token *token)
{
	char id[ID_TEXT_BYTES], organisation[ID_TEXT_BYTES] = "-", expires[TIME_TEXT_BYTES] = "never";
	char used[TIME_TEXT_BYTES] = "-", name[LIMIT_TOKEN_NAME_BYTES + 1];
	if (token->organisation.value != 0)
		id_format(ID_ORGANISATION, token->organisation.value, organisation);
	if (token->expires.us != 0)
		time_format(token->expires, 0, expires);
	if (token->used.us != 0)
		time_format(token->used, 0, used);
	size_t i = 0;
	for (; token->name[i] != '\0'; i++)
		name[i] = token->name[i];
	name[i] = '\0';
	for (size_t at = 0; at < i; at++)
		if (name[at] < 0x20 || name[at] > 0x7e)
			name[at] = '?';
	printf("%-31s  %-21s  %-31s  %-20s  %-20s  %s\n", id_format(ID_TOKEN, token->id.value, id),
	    role_name(token->role), organisation, expires, used, name);
}

static enum error_code
list_page(const struct cli_arguments *arguments, struct store *store, int64_t *after, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_TOKEN_LIST, clock_wall());
	request->ref = arena_copy(&request->arena, slice_of(cli_value(arguments, "organisation")));
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
	enum error_code code = store_ask(store, request, error);
	if (code == ERR_NOT_FOUND)
		error_set(error, code, "--organisation %s: there is none with this id or uid",
		    cli_value(arguments, "organisation"));
	for (size_t i = 0; code == OK && i < request->count; i++) {
		if (cli_given(arguments, "json"))
			print_json(&request->admin->tokens[i]);
		else
			print_row(&request->admin->tokens[i]);
		*after = request->admin->tokens[i].id.value;
	}
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

static int
list(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	if (input_store(cli_value(arguments, "data"), true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	if (!cli_given(arguments, "json"))
		printf("%-31s  %-21s  %-31s  %-20s  %-20s  %s\n", "ID", "ROLE", "ORGANISATION", "EXPIRES", "LAST USED",
		    "NAME");
	enum error_code code = OK;
	int64_t after = 0;
	for (bool more = true; code == OK && more;)
		code = list_page(arguments, store, &after, &more, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static int
revoke(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	const char *operand = cli_operand(arguments);
	int64_t id;
	if (!id_parse(ID_TOKEN, slice_of(operand), &id))
		return cli_misuse(arguments, "%s: expected the id of a token, as `token list` shows it", operand);
	struct store *store;
	if (input_store(cli_value(arguments, "data"), false, &store, &error) != OK)
		return cli_fail(arguments, &error);
	struct store_request *request = store_request_new(STORE_TOKEN_REVOKE, clock_wall());
	request->admin->token.id.value = id;
	request->actor.present = true;
	enum error_code code = store_ask(store, request, &error);
	if (code == ERR_NOT_FOUND)
		error_set(&error, code, "%s: there is no such token; expected one that `token list` shows", operand);
	store_request_free(request);
	if (code == OK)
		code = input_audited(cli_value(arguments, "data"), store, &error);
	store_close(store);
	return code == OK ? CLI_GOOD : cli_fail(arguments, &error);
}

static const struct cli_option list_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "organisation", .argument = "ID", .about = "only those of this organisation (id or uid)"},
    {.name = "json", .about = "prints a JSON object a line"},
};

static const struct cli_option revoke_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
};

const struct cli_command cli_token_list = {
    .name = "token list",
    .summary = "list tokens: who has one, and when it was last used",
    .details = "Works beside a running server. The tokens themselves are not kept and cannot be shown.",
    .options = list_options,
    .option_count = COUNT_OF(list_options),
    .run = list,
};

const struct cli_command cli_token_revoke = {
    .name = "token revoke",
    .summary = "revoke a token",
    .details = "A running server refuses it within a second.",
    .operand = "ID",
    .options = revoke_options,
    .option_count = COUNT_OF(revoke_options),
    .run = revoke,
};
