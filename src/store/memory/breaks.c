/* The reference model of kept breaks. */
#include "store/audit.h"
#include "store/memory/private.h"

static struct memory_break *
find(struct memory *memory, struct slice id)
{
	for (size_t i = 0; i < memory->breaks.count; i++)
		if (slice_equal(memory->breaks.rows[i].row.id, id))
			return &memory->breaks.rows[i];
	return NULL;
}

/* Puts it in place of what was there; the old texts go with their arena. */
static void
keep(struct memory_break *row, const struct store_break *next)
{
	struct arena arena = ARENA_EMPTY;
	struct store_break copy = break_copy(&arena, next);
	arena_free(&row->arena);
	row->arena = arena;
	row->row = copy;
}

static void
add_move(struct memory *memory, int64_t of, const struct store_break_move *move)
{
	struct memory_break_move *row = MEMORY_ADD(&memory->break_moves);
	row->of = of;
	row->move = break_move_copy(&row->arena, move);
}

static bool
was_absent(const struct memory *memory, const struct store_break *known, int64_t run)
{
	for (size_t i = 0; i < memory->break_runs.count; i++)
		if (memory->break_runs.rows[i].run > known->run && memory->break_runs.rows[i].run < run)
			return true;
	return false;
}

enum error_code
memory_break_seen(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	request->admin->break_run.opened = request->admin->break_run.reopened = 0;
	for (size_t i = 0; i < request->count; i++) {
		struct store_break *found = &request->admin->breaks[i];
		found->run = request->admin->break_run.run;
		struct memory_break *known = find(memory, found->id);
		struct store_break next;
		struct store_break_move move;
		bool absent = known != NULL && was_absent(memory, &known->row, found->run);
		bool moved = break_meet(known == NULL ? NULL : &known->row, found, absent, request->now, &next, &move);
		if (known == NULL) {
			known = MEMORY_ADD(&memory->breaks);
			next.number = (int64_t)memory->breaks.count;
			request->admin->break_run.opened++;
		} else {
			request->admin->break_run.reopened += moved;
		}
		if (moved)
			add_move(memory, next.number, &move);
		next.fresh = false;
		keep(known, &next);
		found->fresh = moved;
	}
	return OK;
}

enum error_code
memory_break_end(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_break_run *run = &request->admin->break_run;
	size_t closed = 0;
	request->admin->breaks =
	    arena_alloc(&request->arena, (request->page.limit + 1) * sizeof request->admin->breaks[0]);
	for (size_t i = 0; i < memory->breaks.count && !request->more; i++) {
		struct store_break *row = &memory->breaks.rows[i].row;
		if (!break_state_open(row->state) || row->run >= run->run)
			continue;
		request->more = closed == request->page.limit;
		if (request->more)
			break;
		struct store_break_move move;
		break_leave(row, request->now, &move);
		add_move(memory, row->number, &move);
		request->admin->breaks[closed++] = break_copy(&request->arena, row);
	}
	request->count = closed;
	run->closed += (int64_t)closed;
	if (request->more)
		return OK;
	run->at = request->now;
	*MEMORY_ADD(&memory->break_runs) = *run;
	return OK;
}

enum error_code
memory_break_move(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_break *row = find(memory, request->admin->break_id);
	if (row == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	struct store_break next = row->row;
	struct store_break_move move;
	enum error_code code = break_decide(&next, request->admin->break_to, request->admin->break_actor,
	    request->admin->break_reason, request->now, &move, &request->error);
	if (code != OK)
		return code;
	request->admin->breaks = arena_alloc(&request->arena, sizeof request->admin->breaks[0]);
	request->admin->breaks[0] = break_copy(&request->arena, &next);
	request->count = 1;
	add_move(memory, next.number, &move);
	keep(row, &next);
	audit_break(request, &move);
	if (!break_state_open(next.state))
		memory_alert_resolve(memory, ALERT_BREAK, request->admin->break_id, request->now);
	return OK;
}

enum error_code
memory_break_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_break *row = find(memory, request->admin->break_id);
	if (row == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	request->admin->breaks = arena_alloc(&request->arena, sizeof request->admin->breaks[0]);
	request->admin->breaks[0] = break_copy(&request->arena, &row->row);
	request->count = 1;
	request->admin->break_moves =
	    arena_alloc(&request->arena, (size_t)row->row.moves * sizeof request->admin->break_moves[0]);
	request->admin->break_move_count = 0;
	for (size_t i = 0; i < memory->break_moves.count; i++) {
		const struct memory_break_move *move = &memory->break_moves.rows[i];
		if (move->of == row->row.number)
			request->admin->break_moves[request->admin->break_move_count++] =
			    break_move_copy(&request->arena, &move->move);
	}
	return OK;
}

enum error_code
memory_break_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->breaks.count;
	request->admin->breaks =
	    arena_alloc(&request->arena, (request->page.limit + 1) * sizeof request->admin->breaks[0]);
	for (size_t i = 0; i < count; i++) {
		const struct store_break *row = &memory->breaks.rows[memory_at(&request->page, i, count)].row;
		if (!memory_in_page(&request->page, row->number) ||
		    (request->admin->break_states & 1u << row->state) == 0)
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->breaks[request->count++] = break_copy(&request->arena, row);
	}
	return OK;
}

static int
compare_counts(const struct store_break_count *a, const struct store_break *b, int age)
{
	return slice_equal(a->class, b->class) && slice_equal(a->severity, b->severity) && a->age == age;
}

enum error_code
memory_break_counts(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	request->admin->break_counts =
	    arena_alloc(&request->arena, (memory->breaks.count + 1) * sizeof request->admin->break_counts[0]);
	for (size_t i = 0; i < memory->breaks.count; i++) {
		const struct store_break *row = &memory->breaks.rows[i].row;
		if (!break_state_open(row->state))
			continue;
		int age = break_age_bucket((request->now.us - row->first_seen.us) / 1000000);
		size_t at = 0;
		while (at < request->count && !compare_counts(&request->admin->break_counts[at], row, age))
			at++;
		if (at == request->count)
			request->admin->break_counts[request->count++] =
			    (struct store_break_count){arena_copy(&request->arena, row->class),
				arena_copy(&request->arena, row->severity), age, 0};
		request->admin->break_counts[at].count++;
	}
	for (size_t i = 0; i < memory->break_runs.count; i++)
		if (memory->break_runs.rows[i].run > request->admin->break_run.run)
			request->admin->break_run = memory->break_runs.rows[i];
	return OK;
}

/* Runs are kept in the order of their ends, which is nearly that of their numbers: those that come next are looked for. */
enum error_code
memory_break_run_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct store_page *page = &request->page;
	int64_t last = page->after;
	request->admin->break_runs =
	    arena_alloc(&request->arena, (page->limit + 1) * sizeof request->admin->break_runs[0]);
	while (!request->more) {
		const struct store_break_run *next = NULL;
		for (size_t i = 0; i < memory->break_runs.count; i++) {
			const struct store_break_run *run = &memory->break_runs.rows[i];
			bool beyond = last == 0 || (page->descending ? run->run < last : run->run > last);
			bool nearer = next == NULL || (page->descending ? run->run > next->run : run->run < next->run);
			if (beyond && nearer)
				next = run;
		}
		if (next == NULL)
			break;
		request->more = request->count == page->limit;
		if (!request->more)
			request->admin->break_runs[request->count++] = *next;
		last = next->run;
	}
	return OK;
}
