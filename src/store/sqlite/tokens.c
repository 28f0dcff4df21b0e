/* Tokens: not in the directory, since another process may make and revoke them. */
#include "store/audit.h"
#include "store/sqlite/private.h"

static struct slice
token_hash(const struct token *token)
{
	return (struct slice){(const char *)token->hash, SHA256_BYTES};
}

/* From TOKEN_COLUMNS. */
static void
token_from_row(sqlite3_stmt *row, struct token *out)
{
	struct slice hash = sql_slice(row, 0), name = sql_slice(row, 7), scope = sql_slice(row, 9);
	*out = (struct token){
	    .role = (enum role)sqlite3_column_int(row, 1),
	    .organisation = {sqlite3_column_int64(row, 2)},
	    .created = {sqlite3_column_int64(row, 3)},
	    .expires = {sqlite3_column_int64(row, 4)},
	    .session = sqlite3_column_int64(row, 5),
	    .id = {sqlite3_column_int64(row, 6)},
	    .used = {sqlite3_column_int64(row, 8)},
	};
	if (hash.len == SHA256_BYTES)
		memcpy(out->hash, hash.ptr, SHA256_BYTES);
	size_t length = name.len < LIMIT_TOKEN_NAME_BYTES ? name.len : LIMIT_TOKEN_NAME_BYTES;
	memcpy(out->name, name.ptr, length);
	/* One that does not fit would be cut to something else: it shows nothing then. */
	scope = scope.len > LIMIT_TOKEN_SCOPE_BYTES ? SLICE("?") : scope;
	if (scope.len > 0)
		memcpy(out->scope, scope.ptr, scope.len);
}

/* Another process gives ids too, so the last one is read within the transaction. */
static void
give_id(struct sqlite_store *store, struct token *token)
{
	sqlite3_stmt *row = sql_get(store, SQL_TOKEN_LAST);
	if (sql_step(store, row)) {
		int64_t last = sqlite3_column_int64(row, 0);
		store->ids.last = last > store->ids.last ? last : store->ids.last;
		sql_end(row);
	}
	token->id.value = id_next(&store->ids, token->created);
}

void
op_token_create(struct sqlite_store *store, struct store_request *request)
{
	struct token *token = &request->admin->token;
	if (slice_present(request->ref)) {
		struct directory_organisation *owner = need_organisation(store, request);
		if (owner == NULL)
			return;
		token->organisation = owner->organisation.id;
		if (change_hold_token(request, &owner->organisation, NULL, token)) {
			change_hold(store, request);
			return;
		}
	}
	token->created = request->now;
	give_id(store, token);
	audit_token(request, NULL, token);
	sql_run(store, SQL_TOKEN_PUT, "biiiiiit", token_hash(token), (int64_t)token->role, token->organisation.value,
	    token->created.us, token->expires.us, token->session, token->id.value, slice_of(token->name));
	if (token->scope[0] != '\0')
		sql_run(store, SQL_TOKEN_SCOPE_PUT, "it", token->id.value, slice_of(token->scope));
}

void
op_token_get(struct sqlite_store *store, struct store_request *request)
{
	sqlite3_stmt *row = sql_bind(store, SQL_TOKEN_GET, "b", token_hash(&request->admin->token));
	if (!sql_step(store, row)) {
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "there is no such token");
		return;
	}
	token_from_row(row, &request->admin->token);
	sql_end(row);
}

void
token_by_id(struct sqlite_store *store, struct store_request *request, int64_t id)
{
	sqlite3_stmt *row = sql_bind(store, SQL_TOKEN_BY_ID, "i", id);
	if (!sql_step(store, row)) {
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN,
		    "the token that this idempotency key made is no longer there");
		return;
	}
	token_from_row(row, &request->admin->token);
	sql_end(row);
}

/* Whether it waits for a second person instead. */
static bool
hold_revocation(struct sqlite_store *store, struct store_request *request, const struct token *token)
{
	struct directory_organisation *owner = directory_organisation_by_id(&store->directory, token->organisation);
	if (owner == NULL || owner->deleted || !change_hold_token(request, &owner->organisation, token, NULL))
		return false;
	change_hold(store, request);
	return true;
}

static void
revoke_by_id(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = NULL;
	if (slice_present(request->ref)) {
		owner = need_organisation(store, request);
		if (owner == NULL)
			return;
	}
	struct token token = {.role = ROLE_VIEWER};
	sqlite3_stmt *row = sql_bind(store, SQL_TOKEN_BY_ID, "i", request->admin->token.id.value);
	bool found = sql_step(store, row);
	if (found)
		token_from_row(row, &token);
	sql_end(row);
	if (!found || (owner != NULL && token.organisation.value != owner->organisation.id.value)) {
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN, "there is no such token");
		return;
	}
	if (hold_revocation(store, request, &token))
		return;
	request->admin->token = token;
	audit_token(request, &token, NULL);
	sql_run(store, SQL_TOKEN_REMOVE, "b", token_hash(&token));
}

void
op_token_revoke(struct sqlite_store *store, struct store_request *request)
{
	if (request->admin->token.id.value != 0) {
		revoke_by_id(store, request);
		return;
	}
	struct token token = {.role = ROLE_VIEWER};
	sqlite3_stmt *row = sql_bind(store, SQL_TOKEN_GET, "b", token_hash(&request->admin->token));
	bool found = sql_step(store, row);
	if (found)
		token_from_row(row, &token);
	sql_end(row);
	if (found && hold_revocation(store, request, &token))
		return;
	if (found)
		audit_token(request, &token, NULL);
	sql_run(store, SQL_TOKEN_REMOVE, "b", token_hash(&request->admin->token));
}

void
op_token_expire(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	if (change_hold_expiry(request, &owner->organisation)) {
		change_hold(store, request);
		return;
	}
	int64_t end = request->admin->token.expires.us == 0 ? request->now.us : request->admin->token.expires.us;
	if (request->admin->sessions.count == 0)
		sql_run(store, SQL_TOKEN_EXPIRE, "iii", owner->organisation.id.value, end, (int64_t)0);
	for (size_t i = 0; i < request->admin->sessions.count; i++)
		sql_run(store, SQL_TOKEN_EXPIRE, "iii", owner->organisation.id.value, end,
		    token_session(request->admin->sessions.items[i]));
	audit_expire(request, owner->organisation.id);
}

void
op_token_used(struct sqlite_store *store, struct store_request *request)
{
	sql_run(store, SQL_TOKEN_USED, "ii", request->admin->token.id.value, request->now.us);
}

void
op_token_list(struct sqlite_store *store, struct store_request *request)
{
	int64_t organisation = -1;
	if (slice_present(request->ref)) {
		struct directory_organisation *owner = need_organisation(store, request);
		if (owner == NULL)
			return;
		organisation = owner->organisation.id.value;
	}
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->admin->tokens = arena_alloc(&request->arena, page->limit * sizeof request->admin->tokens[0]);
	sqlite3_stmt *row = sql_bind(
	    store, page->descending ? SQL_TOKEN_LIST_DOWN : SQL_TOKEN_LIST_UP, "iii", above, below, organisation);
	while (!request->more && sql_step(store, row)) {
		request->more = request->count == page->limit;
		if (!request->more)
			token_from_row(row, &request->admin->tokens[request->count++]);
	}
	sql_end(row);
}
