/* An organisation's tokens: made, listed, revoked. The text of one is in the answer that makes it and nowhere else. */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"
#include "server/token_text.h"

#include <stdio.h>

/* The token is shown now, since nobody but who asked for it may see it; it is good for nothing until the change is
 * applied. */
static void
answer_held(struct call *call, struct store_request *request, struct slice text)
{
	struct json_writer *writer = call_write(call);
	change_members(writer, &request->admin->change);
	json_put_string(writer, "token", text);
	json_close(writer);
	call_end_held(call, request);
}

static void
finish_create(struct call *call, struct store_request *request)
{
	if (!call_held(request) && !call_succeeded(call, request))
		return;
	struct slice text = token_text_of(call, request, *(const struct slice *)call->context);
	if (!slice_present(text))
		return;
	if (call_held(request)) {
		answer_held(call, request, text);
		return;
	}
	out_token(call_write(call), &request->admin->token, text);
	call_end(call, 201);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_token(call_write(call), &request->admin->tokens[0], SLICE_NONE);
	call_end(call, 200);
}

static void
finish_list(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		out_token(&call->writer, &request->admin->tokens[i], SLICE_NONE);
		rows_name(&rows, slice_of(id_format(ID_TOKEN, request->admin->tokens[i].id.value, id)));
	}
	rows_end(&rows, request);
}

static void
read_token(struct call *call, struct json body, struct token *token)
{
	enum { ROLE, NAME, EXPIRES };
	struct member m[] = {{.name = "role"}, {.name = "name"}, {.name = "expiresAt"}};
	members_find(body, m, COUNT_OF(m));
	struct in in = {&call->exchange->arena, &call->check, false};
	struct slice text;
	in_required(&in, &m[ROLE]);
	if (in_text(&in, &m[ROLE], LIMIT_UID_BYTES, &text) &&
	    (!role_parse(text, &token->role) || token->role == ROLE_PLATFORM_ADMIN))
		check_fail(in.check, CHECK_VALUE, "role", "role must be one of an organisation's roles.");
	if (in_text(&in, &m[NAME], LIMIT_TOKEN_NAME_BYTES, &text))
		snprintf(token->name, sizeof token->name, "%.*s", SLICE_ARG(text));
	if (!in_text(&in, &m[EXPIRES], TIME_TEXT_BYTES, &text))
		return;
	if (!time_parse(text, &token->expires))
		check_fail(in.check, CHECK_VALUE, "expiresAt", "expiresAt must be a date and time of RFC 3339.");
	else if (token->expires.us <= call->now.us)
		check_fail(in.check, CHECK_VALUE, "expiresAt", "expiresAt must be in the future.");
}

void
token_create(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_TOKEN_CREATE);
	read_token(call, body, &request->admin->token);
	if (!call_checked(call, request))
		return;
	call_idempotent(call, request);
	struct slice *kept = arena_alloc(&call->exchange->arena, sizeof *kept);
	*kept = token_text_make(call, request);
	call->context = kept;
	call_submit(call, request, finish_create);
}

void
token_list(struct call *call)
{
	struct store_request *request = call_request(call, STORE_TOKEN_LIST);
	struct page_rules rules = {.kind = ID_TOKEN, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

/* The id that the path names, or 0: answered. */
static int64_t
path_token(struct call *call)
{
	int64_t id;
	if (id_parse(ID_TOKEN, call->params[1], &id) && id > 0)
		return id;
	call_problem(call, 404, "not_found", "There is no such token of this organisation.");
	return 0;
}

/* The list of which it would be the first. */
static void
finish_find(struct call *call, struct store_request *request)
{
	bool found = request->status == OK && request->count == 1 &&
		     request->admin->tokens[0].id.value == request->page.after + 1;
	if (request->status == OK && !found)
		call_problem(call, 404, "not_found", "There is no such token of this organisation.");
	else
		finish_get(call, request);
}

void
token_get(struct call *call)
{
	int64_t id = path_token(call);
	if (id == 0)
		return;
	struct store_request *request = call_request(call, STORE_TOKEN_LIST);
	request->page = (struct store_page){.limit = 1, .after = id - 1};
	call_submit(call, request, finish_find);
}

void
token_revoke(struct call *call)
{
	int64_t id = path_token(call);
	if (id == 0)
		return;
	struct store_request *request = call_request(call, STORE_TOKEN_REVOKE);
	request->admin->token.id.value = id;
	call_submit(call, request, call_end_empty);
}
