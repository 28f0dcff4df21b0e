/* The reference model of alerts (alert.h). */
#include "store/memory/private.h"

#include <stdlib.h>

static struct memory_alert *
find(struct memory *memory, const struct alert *wanted)
{
	for (size_t i = 0; i < memory->alerts.count; i++) {
		struct memory_alert *row = &memory->alerts.rows[i];
		bool named = row->alert.kind == wanted->kind && slice_equal(row->alert.key, wanted->key);
		if (wanted->id != 0 ? row->alert.id == wanted->id : named)
			return row;
	}
	return NULL;
}

static void
keep(struct memory_alert *row, const struct alert *alert)
{
	struct arena arena = ARENA_EMPTY;
	struct alert copy = alert_copy(&arena, alert);
	arena_free(&row->arena);
	row->arena = arena;
	row->alert = copy;
}

static void
forget_told(struct memory *memory, int64_t alert)
{
	size_t kept = 0;
	for (size_t i = 0; i < memory->alerts_told.count; i++) {
		if (memory->alerts_told.rows[i].alert == alert)
			arena_free(&memory->alerts_told.rows[i].arena);
		else
			memory->alerts_told.rows[kept++] = memory->alerts_told.rows[i];
	}
	memory->alerts_told.count = kept;
}

/* The oldest resolved one, else the oldest. */
static void
drop_one(struct memory *memory)
{
	struct memory_alert *rows = memory->alerts.rows;
	size_t count = memory->alerts.count, at = 0;
	while (at < count && rows[at].alert.state != ALERT_RESOLVED)
		at++;
	at = at == count ? 0 : at;
	forget_told(memory, rows[at].alert.id);
	arena_free(&rows[at].arena);
	memmove(&rows[at], &rows[at + 1], (count - at - 1) * sizeof rows[0]);
	memory->alerts.count--;
}

struct alert
memory_alert_put(struct memory *memory, const struct alert *raised, struct wall_time now, bool *existed)
{
	struct memory_alert *row = find(memory, raised);
	*existed = row != NULL && row->alert.state != ALERT_RESOLVED;
	if (row == NULL) {
		if (memory->alerts.count == LIMIT_ALERTS)
			drop_one(memory);
		struct alert fresh = alert_row_new(raised, ++memory->alert_ids, now);
		row = MEMORY_ADD(&memory->alerts);
		keep(row, &fresh);
	} else {
		struct alert changed = row->alert;
		(void)alert_row_raise(&changed, raised, now);
		keep(row, &changed);
	}
	return row->alert;
}

enum error_code
memory_alert_raise(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	request->admin->alert.id = 0;
	struct alert row = memory_alert_put(memory, &request->admin->alert, request->now, &request->existed);
	request->admin->alert = alert_copy(&request->arena, &row);
	return OK;
}

enum error_code
memory_alert_move(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct alert *asked = &request->admin->alert;
	struct memory_alert *row = find(memory, asked);
	request->existed = row != NULL;
	if (row == NULL)
		return asked->id == 0 ? OK : memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ALERT);
	struct alert changed = row->alert;
	if (alert_row_move(&changed, asked->state, asked->by, request->now))
		keep(row, &changed);
	request->admin->alert = alert_copy(&request->arena, &row->alert);
	return OK;
}

void
memory_alert_resolve(struct memory *memory, enum alert_kind kind, struct slice key, struct wall_time now)
{
	struct memory_alert *row = find(memory, &(struct alert){.kind = kind, .key = key});
	if (row == NULL)
		return;
	struct alert changed = row->alert;
	if (alert_row_move(&changed, ALERT_RESOLVED, SLICE_NONE, now))
		keep(row, &changed);
}

enum error_code
memory_alert_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->alerts.count;
	request->admin->alerts = arena_alloc(&request->arena, (count + 1) * sizeof request->admin->alerts[0]);
	for (size_t i = 0; i < count; i++) {
		const struct alert *row = &memory->alerts.rows[memory_at(&request->page, i, count)].alert;
		bool wanted = request->admin->alert_state < 0 || (int)row->state == request->admin->alert_state;
		if (!wanted || !memory_in_page(&request->page, row->id))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->alerts[request->count++] = alert_copy(&request->arena, row);
	}
	return OK;
}

static struct memory_alert_told *
told_to(struct memory *memory, struct slice target, int64_t alert)
{
	for (size_t i = 0; i < memory->alerts_told.count; i++) {
		struct memory_alert_told *row = &memory->alerts_told.rows[i];
		if (row->alert == alert && slice_equal(row->target, target))
			return row;
	}
	return NULL;
}

enum error_code
memory_alert_due(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	request->admin->alerts =
	    arena_alloc(&request->arena, (memory->alerts.count + 1) * sizeof request->admin->alerts[0]);
	for (size_t i = 0; i < memory->alerts.count; i++) {
		const struct alert *row = &memory->alerts.rows[i].alert;
		const struct memory_alert_told *told = told_to(memory, request->ref, row->id);
		if (told == NULL ? row->state == ALERT_RESOLVED : told->revision >= row->revision)
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->alerts[request->count++] = alert_copy(&request->arena, row);
	}
	return OK;
}

enum error_code
memory_alert_told(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	if (find(memory, &request->admin->alert) == NULL)
		return OK;
	struct memory_alert_told *row = told_to(memory, request->ref, request->admin->alert.id);
	if (row == NULL) {
		row = MEMORY_ADD(&memory->alerts_told);
		row->target = arena_copy(&row->arena, request->ref);
		row->alert = request->admin->alert.id;
	}
	row->revision = request->admin->alert.revision;
	return OK;
}

void
memory_alerts_free(struct memory *memory)
{
	for (size_t i = 0; i < memory->alerts.count; i++)
		arena_free(&memory->alerts.rows[i].arena);
	for (size_t i = 0; i < memory->alerts_told.count; i++)
		arena_free(&memory->alerts_told.rows[i].arena);
	free(memory->alerts.rows);
	free(memory->alerts_told.rows);
}
