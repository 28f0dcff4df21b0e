/* The reference model of the audit log, and of tokens beyond their making. */
#include "store/audit.h"
#include "store/memory/private.h"

void
memory_audit_append(struct memory *memory, struct store_request *request)
{
	if (!audit_complete(request, &memory->audit_end))
		return;
	struct memory_audit_row *row = MEMORY_ADD(&memory->audit);
	row->row = audit_row_copy(&row->arena, request->audit);
}

struct store_journal_end
memory_audit_end(struct store *store)
{
	return CONTAINER_OF(store, struct memory, base)->audit_end;
}

void
memory_audit_resume(struct store *store, const struct store_journal_end *end)
{
	struct memory *memory = CONTAINER_OF(store, struct memory, base);
	if (end->seq > memory->audit_end.seq)
		memory->audit_end = *end;
}

/* The organisation that a list is of: 0 stands for all. */
static enum error_code
list_of(struct memory *memory, struct store_request *request, struct organisation_id *out)
{
	out->value = 0;
	if (!slice_present(request->ref))
		return OK;
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	*out = organisation->organisation.id;
	return OK;
}

enum error_code
memory_audit_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct organisation_id of;
	enum error_code code = list_of(memory, request, &of);
	if (code != OK)
		return code;
	size_t count = memory->audit.count, bytes = 0;
	request->admin->audit_rows = arena_alloc(&request->arena, (count + 1) * sizeof request->admin->audit_rows[0]);
	for (size_t i = 0; i < count; i++) {
		const struct store_audit_row *row = &memory->audit.rows[memory_at(&request->page, i, count)].row;
		if (!memory_in_page(&request->page, row->seq) || (of.value != 0 && row->organisation.value != of.value))
			continue;
		request->more = request->count == request->page.limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		request->admin->audit_rows[request->count++] = audit_row_copy(&request->arena, row);
		bytes += row->before.len + row->after.len;
	}
	return OK;
}

/* --- tokens ------------------------------------------------------------------------------------------ */

enum error_code
memory_token_used(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	for (size_t i = 0; i < memory->tokens.count; i++)
		if (memory->tokens.rows[i].id.value == request->admin->token.id.value)
			memory->tokens.rows[i].used = request->now;
	return OK;
}

enum error_code
memory_token_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct organisation_id of;
	enum error_code code = list_of(memory, request, &of);
	if (code != OK)
		return code;
	size_t count = memory->tokens.count;
	request->admin->tokens = arena_alloc(&request->arena, (count + 1) * sizeof request->admin->tokens[0]);
	for (size_t i = 0; i < count; i++) {
		const struct token *token = &memory->tokens.rows[memory_at(&request->page, i, count)];
		if (!memory_in_page(&request->page, token->id.value) ||
		    (of.value != 0 && token->organisation.value != of.value))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->tokens[request->count++] = *token;
	}
	return OK;
}

/* By its id within the request's organisation, or by its hash, where it need not be there. */
enum error_code
memory_token_revoke(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct organisation_id of;
	int64_t id = request->admin->token.id.value;
	enum error_code code = id == 0 ? OK : list_of(memory, request, &of);
	if (code != OK)
		return code;
	for (size_t i = 0; i < memory->tokens.count; i++) {
		struct token token = memory->tokens.rows[i];
		bool meant = id != 0 ? token.id.value == id && (of.value == 0 || of.value == token.organisation.value)
				     : memcmp(token.hash, request->admin->token.hash, SHA256_BYTES) == 0;
		if (!meant)
			continue;
		const struct organisation *owner = memory_owner_by_id(memory, token.organisation);
		if (owner != NULL && change_hold_token(request, owner, &token, NULL))
			return memory_hold(memory, request);
		audit_token(request, &token, NULL);
		for (memory->tokens.count--; i < memory->tokens.count; i++)
			memory->tokens.rows[i] = memory->tokens.rows[i + 1];
		if (id != 0)
			request->admin->token = token;
		return OK;
	}
	return id == 0 ? OK : memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN);
}

enum error_code
memory_audit_note(struct memory *memory UNUSED, struct store_request *request, struct mail_list *notes UNUSED)
{
	audit_other(
	    request, (struct organisation_id){0}, request->audit_action, request->audit_object, request->audit_after);
	if (request->audit != NULL)
		request->audit->before = request->audit_before;
	return OK;
}
