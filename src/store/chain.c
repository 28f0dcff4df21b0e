#include "store/chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { ROW_BYTES_MAX = 1 << 20 };

/* --- links ------------------------------------------------------------------------------------------ */

void
chain_put_number(struct buf *out, int64_t value)
{
	char bytes[8];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)((uint64_t)value >> (56 - 8 * i));
	buf_append(out, (struct slice){bytes, sizeof bytes});
}

/* An absent text has a length that no text has, so that it differs from an empty one. */
void
chain_put_text(struct buf *out, struct slice text)
{
	chain_put_number(out, slice_present(text) ? (int64_t)text.len : -1);
	buf_append(out, text);
}

static struct slice
digest_slice(const unsigned char digest[static SHA256_BYTES])
{
	return (struct slice){(const char *)digest, SHA256_BYTES};
}

struct store_journal_end
chain_start(void)
{
	struct store_journal_end end = {.seq = 0};
	sha256(SLICE("vaultbell journal 1"), end.chain);
	return end;
}

void
chain_add(struct store_journal_end *end, const struct store_journal_row *row)
{
	const struct store_journal_headers *headers = &row->headers;
	struct buf bytes;
	buf_init(&bytes, ROW_BYTES_MAX);
	buf_append(&bytes, digest_slice(end->chain));
	chain_put_number(&bytes, row->seq);
	chain_put_number(&bytes, row->lookup);
	chain_put_text(&bytes, row->source);
	chain_put_text(&bytes, row->event_id);
	chain_put_text(&bytes, row->type);
	chain_put_number(&bytes, (int64_t)row->verdict);
	chain_put_number(&bytes, row->received.us);
	chain_put_text(&bytes, digest_slice(row->body_sha256));
	chain_put_text(&bytes, row->content_sha256);
	chain_put_number(&bytes, row->message.value);
	chain_put_text(&bytes, headers->scheme);
	chain_put_text(&bytes, headers->key);
	chain_put_text(&bytes, headers->sent);
	chain_put_text(&bytes, headers->sequence);
	chain_put_text(&bytes, headers->content_type);
	/* A row that long is none of ours: what is here of it hashes to something else than was written. */
	sha256(buf_slice(&bytes), end->chain);
	end->seq = row->seq;
	buf_free(&bytes);
}

int64_t
chain_lookup(struct slice event_id)
{
	unsigned char hash[SHA256_BYTES];
	sha256(event_id, hash);
	int64_t lookup;
	memcpy(&lookup, hash, sizeof lookup);
	return lookup;
}

bool
chain_fits_message(const struct store_journal_row *row, const struct message *message)
{
	struct slice type = slice_present(row->type) ? row->type : SLICE("");
	bool channels = message->channels.count == 0 ||
			(message->channels.count == 1 && slice_equal(message->channels.items[0], row->source));
	return message->organisation.value == 0 && !slice_present(message->event_id) && channels &&
	       slice_equal(message->webhook_id, row->event_id) && slice_equal(message->event_type, type);
}

void
chain_own_message(const struct store_journal *journal)
{
	struct message *message = journal->message;
	struct slice *source = arena_alloc(&message->arena, sizeof *source);
	*source = arena_copy(&message->arena, journal->source);
	message->organisation.value = 0;
	message->channels = (struct slice_list){source, 1};
}

/* --- checking --------------------------------------------------------------------------------------- */

void
chain_check_init(struct chain_check *check)
{
	*check = (struct chain_check){.end = chain_start()};
}

void
chain_check_mark(struct chain_check *check, const struct store_journal_end *end, const char *name)
{
	ENSURE(check->mark_count < CHAIN_MARKS_MAX);
	check->marks[check->mark_count++] = (struct chain_mark){*end, name};
}

void
chain_check_cut(struct chain_check *check, int64_t have, const struct store_journal_end *end)
{
	ENSURE(check->cut_count < CHAIN_CUTS_MAX);
	if (end->seq > have)
		check->cuts[check->cut_count++] = (struct chain_cut){have, *end};
}

/* Passes over what is missing and accepted, as far as `seq`. */
static void
pass_over(struct chain_check *check, int64_t seq)
{
	for (size_t i = 0; i < check->cut_count; i++) {
		const struct chain_cut *cut = &check->cuts[i];
		if (cut->have != check->end.seq || cut->end.seq != seq)
			continue;
		check->passed_over += seq - cut->have;
		check->end = cut->end;
		return;
	}
}

bool
chain_check_fail(struct chain_check *check, int64_t seq, const char *format, ...)
{
	check->failed = true;
	check->bad_seq = seq;
	va_list args;
	va_start(args, format);
	vsnprintf(check->reason, sizeof check->reason, format, args);
	va_end(args);
	return false;
}

static bool
body_fits(const struct store_journal_row *row)
{
	unsigned char digest[SHA256_BYTES];
	sha256(row->body, digest);
	return memcmp(digest, row->body_sha256, SHA256_BYTES) == 0;
}

static bool
check_marks(struct chain_check *check)
{
	for (size_t i = 0; i < check->mark_count; i++) {
		const struct chain_mark *mark = &check->marks[i];
		if (mark->end.seq == check->end.seq && memcmp(mark->end.chain, check->end.chain, SHA256_BYTES) != 0)
			return chain_check_fail(check, mark->end.seq,
			    "the rows up to it agree with each other but not with %s: they were written anew",
			    mark->name);
	}
	return true;
}

bool
chain_check_seq(struct chain_check *check, int64_t seq)
{
	if (seq > check->end.seq + 1)
		pass_over(check, seq - 1);
	int64_t expected = check->end.seq + 1;
	if (seq < expected)
		return chain_check_fail(check, seq, "it was inserted: rows begin at 1");
	if (seq > expected)
		return chain_check_fail(
		    check, expected, "it is missing: after %" PRId64 " comes %" PRId64, check->end.seq, seq);
	return true;
}

bool
chain_check_reach(struct chain_check *check, const struct store_journal_end *next)
{
	check->end = *next;
	return check_marks(check);
}

bool
chain_check_row(struct chain_check *check, const struct store_journal_row *row)
{
	if (!chain_check_seq(check, row->seq))
		return false;
	struct store_journal_end next = check->end;
	chain_add(&next, row);
	if (row->damaged || memcmp(next.chain, row->chain, SHA256_BYTES) != 0)
		return chain_check_fail(check, row->seq, "it, or its body's row, is not what was written");
	if (!slice_present(row->body))
		return chain_check_fail(check, row->seq, "its body is not there");
	if (!body_fits(row))
		return chain_check_fail(check, row->seq, "its body is not what was written");
	return chain_check_reach(check, &next);
}

bool
chain_check_finish(struct chain_check *check)
{
	if (check->failed)
		return false;
	for (size_t i = 0; i < check->mark_count; i++) {
		const struct chain_mark *mark = &check->marks[i];
		if (mark->end.seq > check->end.seq)
			pass_over(check, mark->end.seq);
		if (mark->end.seq > check->end.seq)
			return chain_check_fail(check, check->end.seq + 1,
			    "it is missing: the end was cut off, %s knows of %" PRId64, mark->name, mark->end.seq);
	}
	return check_marks(check);
}

/* One page; `*more` says whether another follows and no row was bad. */
static enum error_code
check_page(struct chain_check *check, struct store *store, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_LIST, WALL_NONE);
	/* From the very first row there is, so that one with a number below 1 shows. */
	request->page = (struct store_page){.limit = LIMIT_PAGE, .after = check->end.seq, .floor = INT64_MIN};
	request->with_bodies = true;
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count && !check->failed; i++)
		(void)chain_check_row(check, &request->journal_rows[i]);
	*more = code == OK && request->more && !check->failed;
	store_request_free(request);
	return code;
}

enum error_code
chain_check_store(struct chain_check *check, struct store *store, struct error *error)
{
	enum error_code code = OK;
	for (bool more = true; code == OK && more;)
		code = check_page(check, store, &more, error);
	if (code == OK)
		(void)chain_check_finish(check);
	return code;
}
