#include "store/audit.h"

enum { DOCUMENT_BYTES_MAX = 8 << 20, ROW_BYTES_MAX = 32 << 20 };

/* --- describing ------------------------------------------------------------------------------------- */

typedef void describe(const void *object, struct buf *out);

static void
describe_organisation(const void *object, struct buf *out)
{
	organisation_describe(object, out);
}

static void
describe_endpoint(const void *object, struct buf *out)
{
	endpoint_describe(object, out);
}

static void
describe_event_type(const void *object, struct buf *out)
{
	event_type_encode(object, out);
}

static void
describe_token(const void *object, struct buf *out)
{
	token_describe(object, out);
}

static struct slice
document(struct store_request *request, describe *write, const void *object)
{
	if (object == NULL)
		return SLICE_NONE;
	struct buf text;
	buf_init(&text, DOCUMENT_BYTES_MAX);
	write(object, &text);
	ENSURE(!text.overflow);
	struct slice copy = arena_copy(&request->arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

static struct slice
id_slice(struct store_request *request, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	return arena_copy(&request->arena, slice_of(id_format(kind, id, text)));
}

/* What the request names as its action counts for updates only: an edit that makes the object is a creation. */
static void
note(struct store_request *request, const char *noun, describe *write, const void *before, const void *after)
{
	struct store_audit_row *row = request->audit = arena_alloc(&request->arena, sizeof *row);
	const char *verb = before == NULL ? "create" : after == NULL ? "delete" : "update";
	if (before != NULL && after != NULL && request->audit_action != NULL)
		row->action = slice_of(request->audit_action);
	else
		row->action = arena_printf(&request->arena, "%s.%s", noun, verb);
	row->before = document(request, write, before);
	row->after = document(request, write, after);
}

void
audit_organisation(struct store_request *request, const struct organisation *before, const struct organisation *after)
{
	if (!request->actor.present)
		return;
	note(request, "organisation", describe_organisation, before, after);
	request->audit->organisation = before == NULL ? after->id : before->id;
	request->audit->object = id_slice(request, ID_ORGANISATION, request->audit->organisation.value);
}

void
audit_endpoint(struct store_request *request, const struct endpoint *before, const struct endpoint *after)
{
	if (!request->actor.present)
		return;
	const struct endpoint *either = before == NULL ? after : before;
	note(request, "endpoint", describe_endpoint, before, after);
	request->audit->organisation = either->organisation;
	request->audit->object = id_slice(request, ID_ENDPOINT, either->id.value);
}

void
audit_event_type(struct store_request *request, const struct event_type *before, const struct event_type *after)
{
	if (!request->actor.present)
		return;
	note(request, "event-type", describe_event_type, before, after);
	request->audit->object = arena_copy(&request->arena, before == NULL ? after->name : before->name);
}

void
audit_token(struct store_request *request, const struct token *before, const struct token *after)
{
	if (!request->actor.present)
		return;
	const struct token *either = before == NULL ? after : before;
	note(request, "token", describe_token, before, after);
	request->audit->organisation = either->organisation;
	request->audit->object = id_slice(request, ID_TOKEN, either->id.value);
}

void
audit_other(struct store_request *request, struct organisation_id organisation, const char *action, struct slice object,
    struct slice after)
{
	if (!request->actor.present)
		return;
	request->audit = arena_alloc(&request->arena, sizeof *request->audit);
	*request->audit = (struct store_audit_row){
	    .organisation = organisation,
	    .action = slice_of(action),
	    .object = arena_copy(&request->arena, object),
	    .after = arena_copy(&request->arena, after),
	};
}

void
audit_resend(struct store_request *request, struct organisation_id organisation, struct message_id message,
    struct endpoint_id endpoint)
{
	if (!request->actor.present)
		return;
	struct slice to = id_slice(request, ID_ENDPOINT, endpoint.value);
	audit_other(request, organisation, "message.resend", id_slice(request, ID_MESSAGE, message.value),
	    arena_printf(&request->arena, "{\"endpoint\":\"%.*s\"}", SLICE_ARG(to)));
}

void
audit_expire(struct store_request *request, struct organisation_id organisation)
{
	bool all = request->admin->sessions.count == 0;
	audit_other(request, organisation, "token.expire", id_slice(request, ID_ORGANISATION, organisation.value),
	    all ? SLICE("{\"sessions\":\"all\"}")
		: arena_printf(&request->arena, "{\"sessions\":%zu}", request->admin->sessions.count));
}

void
audit_expunge(struct store_request *request, struct organisation_id organisation)
{
	struct buf text;
	struct json_writer writer;
	buf_init(&text, DOCUMENT_BYTES_MAX);
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	json_key(&writer, "messages");
	json_open(&writer, '[');
	for (size_t i = 0; i < request->message_refs.count; i++)
		json_string(&writer, request->message_refs.items[i]);
	json_close(&writer);
	json_close(&writer);
	ENSURE(!text.overflow);
	audit_other(request, organisation, "message.expunge", id_slice(request, ID_ORGANISATION, organisation.value),
	    buf_slice(&text));
	buf_free(&text);
}

void
audit_attempt_expunge(struct store_request *request, struct organisation_id organisation)
{
	audit_other(
	    request, organisation, "attempt.expunge", id_slice(request, ID_ATTEMPT, request->attempt_id), SLICE_NONE);
}

void
audit_task(struct store_request *request, const char *action, const struct task *task)
{
	audit_other(request, task->organisation, action, id_slice(request, ID_TASK, task->id.value),
	    arena_printf(&request->arena, "{\"kind\":\"%s\"}", task_kind_name(task->kind)));
}

void
audit_break(struct store_request *request, const struct store_break_move *move)
{
	if (!request->actor.present)
		return;
	struct buf text;
	struct json_writer writer;
	buf_init(&text, DOCUMENT_BYTES_MAX);
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	json_put_cstring(&writer, "act", break_act_name(move->act));
	json_put_cstring(&writer, "from", break_state_name(move->from));
	json_put_cstring(&writer, "to", break_state_name(move->to));
	json_put_string(&writer, "by", move->actor);
	json_put_string(&writer, "reason", move->reason);
	json_close(&writer);
	ENSURE(!text.overflow);
	audit_other(request, (struct organisation_id){0}, "break.move", request->admin->breaks[0].id, buf_slice(&text));
	buf_free(&text);
}

void
audit_task_end(struct store_request *request, const struct task *task)
{
	if (task->state == TASK_RUNNING)
		return;
	audit_by_server(request, "task.end");
	audit_task(request, "task.end", task);
	request->audit->before = SLICE("{\"state\":\"running\"}");
	request->audit->after = arena_printf(&request->arena,
	    "{\"kind\":\"%s\",\"state\":\"%s\",\"examined\":%lld,\"done\":%lld}", task_kind_name(task->kind),
	    task_state_name(task->state), (long long)task->examined, (long long)task->done);
}

void
audit_by_server(struct store_request *request, const char *action)
{
	if (request->actor.present)
		return;
	request->actor = (struct store_actor){.present = true, .server = true};
	request->audit_action = action;
}

/* --- links ------------------------------------------------------------------------------------------ */

struct store_journal_end
audit_start(void)
{
	struct store_journal_end end = {.seq = 0};
	sha256(SLICE("vaultbell audit 1"), end.chain);
	return end;
}

static void
link_row(struct store_journal_end *end, const struct store_audit_row *row)
{
	struct buf bytes;
	buf_init(&bytes, ROW_BYTES_MAX);
	buf_append(&bytes, (struct slice){(const char *)end->chain, SHA256_BYTES});
	chain_put_number(&bytes, row->seq);
	chain_put_number(&bytes, row->at.us);
	chain_put_text(&bytes, row->actor);
	chain_put_text(&bytes, row->role);
	chain_put_number(&bytes, row->organisation.value);
	chain_put_text(&bytes, row->action);
	chain_put_text(&bytes, row->object);
	chain_put_text(&bytes, row->before);
	chain_put_text(&bytes, row->after);
	sha256(buf_slice(&bytes), end->chain);
	end->seq = row->seq;
	buf_free(&bytes);
}

bool
audit_complete(struct store_request *request, struct store_journal_end *end)
{
	struct store_audit_row *row = request->audit;
	if (!request->actor.present || row == NULL)
		return false;
	bool local = request->actor.token.value == 0;
	row->seq = end->seq + 1;
	row->at = request->now;
	row->actor = request->actor.server ? SLICE("system")
		     : local		   ? SLICE("cli")
					   : id_slice(request, ID_TOKEN, request->actor.token.value);
	row->role = local ? SLICE_NONE : slice_of(role_name(request->actor.role));
	link_row(end, row);
	memcpy(row->chain, end->chain, SHA256_BYTES);
	return true;
}

struct store_audit_row
audit_row_copy(struct arena *arena, const struct store_audit_row *from)
{
	struct store_audit_row copy = *from;
	copy.actor = arena_copy(arena, from->actor);
	copy.role = arena_copy(arena, from->role);
	copy.action = arena_copy(arena, from->action);
	copy.object = arena_copy(arena, from->object);
	copy.before = arena_copy(arena, from->before);
	copy.after = arena_copy(arena, from->after);
	return copy;
}

/* --- checking --------------------------------------------------------------------------------------- */

void
audit_check_init(struct chain_check *check)
{
	*check = (struct chain_check){.end = audit_start()};
}

static void
check_row(struct chain_check *check, const struct store_audit_row *row)
{
	if (!chain_check_seq(check, row->seq))
		return;
	struct store_journal_end next = check->end;
	link_row(&next, row);
	if (row->damaged || memcmp(next.chain, row->chain, SHA256_BYTES) != 0)
		(void)chain_check_fail(check, row->seq, "it is not what was written");
	else
		(void)chain_check_reach(check, &next);
}

/* One page; `*more` says whether another follows and no row was bad. */
static enum error_code
check_page(struct chain_check *check, struct store *store, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_AUDIT_LIST, WALL_NONE);
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = check->end.seq, .floor = INT64_MIN + 1};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count && !check->failed; i++)
		check_row(check, &request->admin->audit_rows[i]);
	*more = code == OK && request->more && !check->failed;
	store_request_free(request);
	return code;
}

enum error_code
audit_check_store(struct chain_check *check, struct store *store, struct error *error)
{
	enum error_code code = OK;
	for (bool more = true; code == OK && more;)
		code = check_page(check, store, &more, error);
	if (code == OK)
		(void)chain_check_finish(check);
	return code;
}
