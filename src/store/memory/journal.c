/* The reference model of the receiver: the journal with its chain, and refused requests. */
#include "store/chain.h"
#include "store/memory/private.h"

/* --- the chain's end --------------------------------------------------------------------------------- */

struct store_journal_end
memory_journal_end(struct store *store)
{
	return CONTAINER_OF(store, struct memory, base)->journal_end;
}

void
memory_journal_resume(struct store *store, const struct store_journal_end *end)
{
	struct memory *memory = CONTAINER_OF(store, struct memory, base);
	if (end->seq > memory->journal_end.seq)
		memory->journal_end = *end;
}

/* --- journalling ------------------------------------------------------------------------------------- */

static bool
same_content(const struct store_journal_row *row, const struct store_journal *journal)
{
	struct slice old = {(const char *)row->body_sha256, SHA256_BYTES};
	struct slice new = {(const char *)journal->body_sha256, SHA256_BYTES};
	return slice_equal(slice_present(row->content_sha256) ? row->content_sha256 : old,
	    slice_present(journal->content_sha256) ? journal->content_sha256 : new);
}

static struct memory_journal_row *
find_journalled(struct memory *memory, const struct store_journal *journal, bool counts)
{
	for (size_t i = 0; i < memory->journal.count; i++) {
		struct memory_journal_row *row = &memory->journal.rows[i];
		if (journal_counts(row->row.verdict) != counts || !slice_equal(row->row.source, journal->source) ||
		    !slice_equal(row->row.event_id, journal->event_id))
			continue;
		if (counts || same_content(&row->row, journal))
			return row;
	}
	return NULL;
}

static struct store_journal_headers
copy_headers(struct arena *arena, const struct store_journal_headers *from)
{
	return (struct store_journal_headers){
	    .scheme = arena_copy(arena, from->scheme),
	    .key = arena_copy(arena, from->key),
	    .sent = arena_copy(arena, from->sent),
	    .sequence = arena_copy(arena, from->sequence),
	    .content_type = arena_copy(arena, from->content_type),
	};
}

static void
append(struct memory *memory, struct store_journal *journal, struct wall_time now)
{
	struct memory_journal_row *row = MEMORY_ADD(&memory->journal);
	row->row = (struct store_journal_row){
	    .seq = memory->journal_end.seq + 1,
	    .lookup = chain_lookup(journal->event_id),
	    .event_id = arena_copy(&row->arena, journal->event_id),
	    .type = arena_copy(&row->arena, journal->type),
	    .source = arena_copy(&row->arena, journal->source),
	    .verdict = journal->verdict,
	    .received = now,
	    .message = journal->message->id,
	    .content_sha256 = arena_copy(&row->arena, journal->content_sha256),
	    .headers = copy_headers(&row->arena, &journal->headers),
	};
	memcpy(row->row.body_sha256, journal->body_sha256, SHA256_BYTES);
	chain_add(&memory->journal_end, &row->row);
	memcpy(row->row.chain, memory->journal_end.chain, SHA256_BYTES);
	journal->seq = row->row.seq;
}

static void
forward(struct memory *memory, const struct store_request *request, struct mail_list *notes)
{
	const struct store_journal *journal = &request->journal;
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, journal->forward_count);
	note->message = message_ref(journal->message);
	note->target_count = 0;
	for (size_t i = 0; i < journal->forward_count; i++) {
		struct memory_endpoint *to = memory_endpoint_by_id(memory, journal->forwards[i]);
		if (to != NULL && endpoint_wants(&to->endpoint, note->message->event_type, note->message->channels))
			memory_new_delivery(
			    memory, journal->message, to, request->now, &note->targets[note->target_count++]);
	}
	if (note->target_count > 0)
		mail_list_add(notes, &note->mail);
	else
		store_note_free(note);
}

static enum error_code
journal_event(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct store_journal *journal = &request->journal;
	struct memory_journal_row *first = find_journalled(memory, journal, true);
	bool same = first != NULL && same_content(&first->row, journal);
	enum journal_verdict fresh = journal->looked_up ? JOURNAL_RECONCILIATION : JOURNAL_VERIFIED;
	journal->verdict = first == NULL ? fresh : same ? JOURNAL_DUPLICATE : JOURNAL_CONFLICT;
	if (journal->verdict == JOURNAL_CONFLICT)
		first = find_journalled(memory, journal, false);
	if (first != NULL) {
		journal->seq = first->row.seq;
		return OK;
	}
	chain_own_message(journal);
	/* As in SQLite: the ids of what was looked up are of the upper half of the millisecond. */
	int64_t upper_half = id_floor(request->now) + (INT64_C(1) << 19);
	if (journal->looked_up && upper_half > memory->ids.last)
		memory->ids.last = upper_half;
	memory_keep_message(memory, journal->message, request->now);
	append(memory, journal, request->now);
	if (journal_counts(journal->verdict)) {
		forward(memory, request, notes);
		return OK;
	}
	struct alert alert = alert_of_conflict(&request->arena, journal->source, journal->event_id, journal->seq);
	bool existed;
	(void)memory_alert_put(memory, &alert, request->now, &existed);
	return OK;
}

enum error_code
memory_journal(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	enum error_code code = journal_event(memory, request, notes);
	if (code == OK)
		store_stream_journal(&memory->streams, &request->journal, request->now);
	return code;
}

enum error_code
memory_stream_edit(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	store_stream_edit(&memory->streams, request);
	return OK;
}

enum error_code
memory_stream_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	store_stream_list(&memory->streams, request);
	return OK;
}

/* --- reading ----------------------------------------------------------------------------------------- */

static void
show_body(const struct memory *memory, struct arena *arena, struct store_journal_row *row, bool body)
{
	for (size_t i = 0; i < memory->messages.count; i++) {
		const struct message *message = memory->messages.rows[i];
		if (message->id.value != row->message.value)
			continue;
		row->body = body ? arena_copy(arena, message->payload) : SLICE_NONE;
		row->damaged = !chain_fits_message(row, message);
	}
}

void
memory_show_journal_row(
    const struct memory *memory, struct store_request *request, const struct store_journal_row *from, bool joined)
{
	struct arena *arena = &request->arena;
	struct store_journal_row *row = &request->journal_rows[request->count++];
	*row = *from;
	row->event_id = arena_copy(arena, from->event_id);
	row->type = arena_copy(arena, from->type);
	row->source = arena_copy(arena, from->source);
	row->content_sha256 = arena_copy(arena, from->content_sha256);
	row->headers = copy_headers(arena, &from->headers);
	if (joined)
		show_body(memory, arena, row, request->with_bodies);
}

enum error_code
memory_journal_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->journal.count, bytes = 0;
	request->journal_rows = arena_alloc(&request->arena, (count + 1) * sizeof request->journal_rows[0]);
	for (size_t i = 0; i < count; i++) {
		const struct store_journal_row *row = &memory->journal.rows[memory_at(&request->page, i, count)].row;
		if (!memory_in_page(&request->page, row->seq))
			continue;
		request->more = request->count == request->page.limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		memory_show_journal_row(memory, request, row, request->with_bodies);
		bytes += request->journal_rows[request->count - 1].body.len;
	}
	return OK;
}

enum error_code
memory_journal_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct store_journal_query *query = &request->admin->journal_query;
	size_t count = memory->journal.count, bytes = 0;
	request->journal_rows = arena_alloc(&request->arena, (count + 1) * sizeof request->journal_rows[0]);
	for (size_t i = 0; i < count; i++) {
		const struct store_journal_row *row = &memory->journal.rows[i].row;
		if (!slice_equal(row->event_id, query->event_id) ||
		    (slice_present(query->source) && !slice_equal(row->source, query->source)))
			continue;
		request->more = request->count == request->page.limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		memory_show_journal_row(memory, request, row, true);
		bytes += request->journal_rows[request->count - 1].body.len;
	}
	return OK;
}

/* --- refused requests -------------------------------------------------------------------------------- */

static struct slice
or_empty(struct slice text)
{
	return slice_present(text) ? text : SLICE("");
}

static struct memory_refused *
add_refused(struct memory *memory, enum store_refused_kind kind, const struct store_refused *from, struct wall_time now)
{
	struct memory_refused *added = MEMORY_ADD(&memory->refused[kind]);
	added->row = (struct store_refused_row){
	    .id = ++memory->refused_ids[kind],
	    .source = arena_copy(&added->arena, or_empty(from->source)),
	    .first = now,
	};
	return added;
}

static void
count_refused(struct memory_refused *counted, const struct store_refused *from, struct wall_time now)
{
	counted->row.last = now;
	counted->row.count += from->count > 0 ? from->count : 1;
}

/* Drops the oldest of the source, else of all, where there are too many. */
static void
bound_refused(struct memory *memory, enum store_refused_kind kind, struct slice source, size_t of_source, size_t of_all)
{
	size_t total = memory->refused[kind].count, same = 0, oldest = total;
	struct memory_refused *rows = memory->refused[kind].rows;
	for (size_t i = 0; i < total; i++) {
		bool own = slice_equal(rows[i].row.source, source);
		same += own;
		oldest = own && oldest == total ? i : oldest;
	}
	if (same <= of_source && total <= of_all)
		return;
	oldest = same > of_source ? oldest : 0;
	arena_free(&rows[oldest].arena);
	memmove(&rows[oldest], &rows[oldest + 1], (total - oldest - 1) * sizeof rows[0]);
	memory->refused[kind].count--;
}

static void
count_claim(struct memory *memory, const struct store_refused *refused, struct wall_time now)
{
	struct slice source = or_empty(refused->source), claimed = or_empty(refused->claimed);
	for (size_t i = 0; i < memory->refused[STORE_REFUSED_CLAIMS].count; i++) {
		struct memory_refused *claim = &memory->refused[STORE_REFUSED_CLAIMS].rows[i];
		if (slice_equal(claim->row.source, source) && slice_equal(claim->row.claimed, claimed)) {
			count_refused(claim, refused, now);
			return;
		}
	}
	struct memory_refused *claim = add_refused(memory, STORE_REFUSED_CLAIMS, refused, now);
	claim->row.claimed = claimed.len > 0 ? arena_copy(&claim->arena, claimed) : SLICE_NONE;
	count_refused(claim, refused, now);
	bound_refused(memory, STORE_REFUSED_CLAIMS, source, LIMIT_REFUSED_CLAIMS_OF_SOURCE, LIMIT_REFUSED_CLAIMS);
}

static void
count_total(struct memory *memory, const struct store_refused *refused, struct wall_time now)
{
	struct slice source = or_empty(refused->source), reason = or_empty(refused->reason);
	for (size_t i = 0; i < memory->refused[STORE_REFUSED_TOTALS].count; i++) {
		struct memory_refused *total = &memory->refused[STORE_REFUSED_TOTALS].rows[i];
		if (slice_equal(total->row.source, source) && slice_equal(total->row.reason, reason)) {
			count_refused(total, refused, now);
			return;
		}
	}
	struct memory_refused *total = add_refused(memory, STORE_REFUSED_TOTALS, refused, now);
	total->row.reason = arena_copy(&total->arena, reason);
	count_refused(total, refused, now);
}

enum error_code
memory_refused(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct store_refused *refused = &request->admin->refused;
	struct memory_refused *row = add_refused(memory, STORE_REFUSED_ROWS, refused, request->now);
	row->row.reason = arena_copy(&row->arena, or_empty(refused->reason));
	row->row.claimed = arena_copy(&row->arena, refused->claimed);
	row->row.detail = arena_copy(&row->arena, refused->detail);
	memcpy(row->row.body_sha256, refused->body_sha256, SHA256_BYTES);
	count_refused(row, refused, request->now);
	bound_refused(memory, STORE_REFUSED_ROWS, or_empty(refused->source), LIMIT_REFUSED_OF_SOURCE, LIMIT_REFUSED);
	count_total(memory, refused, request->now);
	if (refused->forged)
		count_claim(memory, refused, request->now);
	return OK;
}

enum error_code
memory_refused_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->refused[request->admin->refused_kind].count;
	const struct memory_refused *rows = memory->refused[request->admin->refused_kind].rows;
	struct arena *arena = &request->arena;
	request->admin->refused_rows = arena_alloc(arena, (count + 1) * sizeof request->admin->refused_rows[0]);
	for (size_t i = 0; i < count; i++) {
		struct store_refused_row row = rows[i].row;
		if (row.id <= request->page.after)
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		row.source = arena_copy(arena, row.source);
		row.reason = arena_copy(arena, row.reason);
		row.claimed = arena_copy(arena, row.claimed);
		row.detail = arena_copy(arena, row.detail);
		request->admin->refused_rows[request->count++] = row;
	}
	return OK;
}
