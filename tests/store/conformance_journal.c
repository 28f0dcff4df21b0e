/* What store.h promises of the receiver's side, kept by both stores alike: the chain, looking up, refused requests. */
#include "harness.h"
#include "journal_fixture.h"

#include "store/chain.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* --- the chain -------------------------------------------------------------------------------------- */

static struct chain_check
check_all(struct store *store)
{
	struct chain_check check;
	struct error error = ERROR_NONE;
	chain_check_init(&check);
	assert_int_equal(chain_check_store(&check, store, &error), OK);
	return check;
}

static void
append(struct store *store, int event, int body, enum journal_verdict verdict, int64_t seq)
{
	struct store_request *request = journal_request((struct wall_time){1760000000000000}, event, body);
	assert_int_equal(journal_run(store, request), OK);
	assert_int_equal(request->journal.verdict, verdict);
	assert_int_equal(request->journal.seq, seq);
	store_request_free(request);
}

static void
fill_with_repeats(struct store *store)
{
	journal_fill(store, 20);
	append(store, 3, 3, JOURNAL_DUPLICATE, 3);
	append(store, 3, 99, JOURNAL_CONFLICT, 21);
	append(store, 21, 21, JOURNAL_VERIFIED, 22);
}

static void
both_stores_have_one_chain(void **state UNUSED)
{
	struct subject memory, sqlite;
	subject_open_memory(&memory);
	subject_open_sqlite(&sqlite, 1);
	fill_with_repeats(memory.store);
	fill_with_repeats(sqlite.store);
	struct chain_check one = check_all(memory.store), other = check_all(sqlite.store);
	assert_false(one.failed);
	assert_false(other.failed);
	assert_int_equal(one.end.seq, 22);
	assert_int_equal(other.end.seq, 22);
	assert_memory_equal(one.end.chain, other.end.chain, SHA256_BYTES);
	struct store_journal_end end = sqlite.store->vtable->journal_end(sqlite.store);
	assert_memory_equal(end.chain, other.end.chain, SHA256_BYTES);
	subject_reopen(&sqlite);
	end = sqlite.store->vtable->journal_end(sqlite.store);
	assert_int_equal(end.seq, 22);
	assert_memory_equal(end.chain, other.end.chain, SHA256_BYTES);
	append(sqlite.store, 30, 30, JOURNAL_VERIFIED, 23);
	assert_false(check_all(sqlite.store).failed);
	subject_close(&memory);
	subject_close(&sqlite);
}

/* A batch in which one request fails by itself, and rows before and behind it. */
static void
the_chain_goes_on_within_a_batch(void **state)
{
	struct subject *subject = *state;
	struct store_request *batch[] = {
	    journal_request(subject->now, 1, 1),
	    ask(subject, STORE_ORGANISATION_GET),
	    journal_request(subject->now, 1, 1),
	    journal_request(subject->now, 2, 2),
	};
	batch[1]->ref = SLICE("nobody");
	subject_batch(subject, batch, COUNT_OF(batch));
	assert_int_equal(batch[1]->status, ERR_NOT_FOUND);
	assert_int_equal(batch[2]->journal.verdict, JOURNAL_DUPLICATE);
	assert_int_equal(batch[3]->journal.seq, 2);
	for (size_t i = 0; i < COUNT_OF(batch); i++)
		store_request_free(batch[i]);
	struct chain_check check = check_all(subject->store);
	assert_false(check.failed);
	assert_int_equal(check.end.seq, 2);
}

static void
an_end_that_was_cut_stays_a_gap(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 3);
	struct store_journal_end end = {.seq = 7};
	subject->store->vtable->journal_resume(subject->store, &end);
	append(subject->store, 8, 8, JOURNAL_VERIFIED, 8);
	struct chain_check check = check_all(subject->store);
	assert_true(check.failed);
	assert_int_equal(check.bad_seq, 4);
	end.seq = 5;
	subject->store->vtable->journal_resume(subject->store, &end);
	append(subject->store, 9, 9, JOURNAL_VERIFIED, 9);
}

static void
marks(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 5);
	struct store_journal_end end = subject->store->vtable->journal_end(subject->store);
	struct chain_check check;
	struct error error = ERROR_NONE;
	chain_check_init(&check);
	chain_check_mark(&check, &end, "the mark");
	assert_int_equal(chain_check_store(&check, subject->store, &error), OK);
	assert_false(check.failed);
	end.chain[0] ^= 1;
	chain_check_init(&check);
	chain_check_mark(&check, &end, "the mark");
	assert_int_equal(chain_check_store(&check, subject->store, &error), OK);
	assert_true(check.failed && check.bad_seq == 5);
	end.seq = 9;
	chain_check_init(&check);
	chain_check_mark(&check, &end, "the mark");
	assert_int_equal(chain_check_store(&check, subject->store, &error), OK);
	assert_true(check.failed && check.bad_seq == 6);
}

/* Where the scheme says that two bodies can be one event, what is compared is not the body. */
static void
content_is_compared_instead_of_the_body(void **state)
{
	struct subject *subject = *state;
	static const char same[SHA256_BYTES] = "the same content", other[SHA256_BYTES] = "another content";
	static const struct {
		int body;
		const char *content;
		enum journal_verdict verdict;
	} cases[] = {
	    {1, same, JOURNAL_VERIFIED},
	    {2, same, JOURNAL_DUPLICATE},
	    {1, other, JOURNAL_CONFLICT},
	    {3, other, JOURNAL_CONFLICT},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct store_request *request = journal_request(subject->now, 1, cases[i].body);
		request->journal.content_sha256 = (struct slice){cases[i].content, SHA256_BYTES};
		assert_int_equal(journal_run(subject->store, request), OK);
		assert_int_equal(request->journal.verdict, cases[i].verdict);
		store_request_free(request);
	}
	struct chain_check check = check_all(subject->store);
	assert_false(check.failed);
	assert_int_equal(check.end.seq, 2);
}

/* Never a forged webhook: what was looked up says so, and from then on it stands for the event as one that came does. */
static void
what_was_looked_up_says_so_and_counts_once(void **state)
{
	struct subject *subject = *state;
	static const struct {
		int event, body;
		bool looked_up;
		enum journal_verdict verdict;
	} cases[] = {
	    {1, 1, true, JOURNAL_RECONCILIATION},
	    {1, 1, false, JOURNAL_DUPLICATE},
	    {1, 1, true, JOURNAL_DUPLICATE},
	    {1, 2, false, JOURNAL_CONFLICT},
	    {1, 2, false, JOURNAL_CONFLICT},
	    {2, 2, false, JOURNAL_VERIFIED},
	    {2, 2, true, JOURNAL_DUPLICATE},
	    {2, 3, true, JOURNAL_CONFLICT},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct store_request *request = journal_request(subject->now, cases[i].event, cases[i].body);
		request->journal.looked_up = cases[i].looked_up;
		assert_int_equal(journal_run(subject->store, request), OK);
		assert_int_equal(request->journal.verdict, cases[i].verdict);
		store_request_free(request);
	}
	struct store_request *list = ask(subject, STORE_JOURNAL_LIST);
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 4);
	assert_int_equal(list->journal_rows[0].verdict, JOURNAL_RECONCILIATION);
	assert_false(list->journal_rows[0].damaged);
	assert_int_equal(list->journal_rows[2].verdict, JOURNAL_VERIFIED);
	store_request_free(list);
	assert_false(check_all(subject->store).failed);
}

/* --- looking up ------------------------------------------------------------------------------------- */

static size_t
found(struct subject *subject, const char *event, const char *source, bool bodies)
{
	struct store_request *request = ask(subject, STORE_JOURNAL_GET);
	request->admin->journal_query = (struct store_journal_query){slice_of(event), slice_of(source)};
	request->with_bodies = bodies;
	assert_int_equal(run(subject, request), OK);
	size_t count = request->count;
	for (size_t i = 0; i < count; i++) {
		const struct store_journal_row *row = &request->journal_rows[i];
		assert_true(slice_is(row->event_id, event));
		assert_true(slice_is(row->headers.scheme, "standard") && !row->damaged);
		assert_int_equal(slice_present(row->body), bodies);
	}
	store_request_free(request);
	return count;
}

static void
looking_up(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 6);
	append(subject->store, 4, 40, JOURNAL_CONFLICT, 7);
	assert_int_equal(found(subject, "evt_4", NULL, true), 2);
	assert_int_equal(found(subject, "evt_4", "custodian", false), 2);
	assert_int_equal(found(subject, "evt_4", "ledger", false), 0);
	assert_int_equal(found(subject, "evt_5", "ledger", true), 1);
	assert_int_equal(found(subject, "evt_9", NULL, false), 0);
}

/* --- refused requests ------------------------------------------------------------------------------- */

static void
refuse(struct subject *subject, const char *source, const char *reason, struct slice claimed, bool forged)
{
	struct store_request *request = ask(subject, STORE_REFUSED);
	request->admin->refused = (struct store_refused){
	    .source = slice_of(source),
	    .reason = slice_of(reason),
	    .claimed = claimed,
	    .detail = SLICE("no key fits"),
	    .forged = forged,
	};
	memset(request->admin->refused.body_sha256, 7, SHA256_BYTES);
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

/* The rows of one kind, at most 100 behind `after`. Free it. */
static struct store_request *
list(struct subject *subject, enum store_refused_kind kind, int64_t after)
{
	struct store_request *request = ask(subject, STORE_REFUSED_LIST);
	request->admin->refused_kind = kind;
	request->page.after = after;
	assert_int_equal(run(subject, request), OK);
	return request;
}

static int64_t
kept(struct subject *subject, enum store_refused_kind kind, int64_t *first)
{
	int64_t count = 0, after = 0;
	for (bool more = true; more;) {
		struct store_request *request = list(subject, kind, after);
		if (count == 0 && request->count > 0)
			*first = request->admin->refused_rows[0].id;
		count += (int64_t)request->count;
		more = request->more;
		after = request->count > 0 ? request->admin->refused_rows[request->count - 1].id : after;
		store_request_free(request);
	}
	return count;
}

static void
refused_is_kept_and_counted(void **state)
{
	struct subject *subject = *state;
	refuse(subject, "custodian", "wrong", SLICE("evt_1"), true);
	refuse(subject, "custodian", "wrong", SLICE("evt_1"), true);
	refuse(subject, "custodian", "wrong", SLICE_NONE, true);
	refuse(subject, "custodian", "stale", SLICE("evt_1"), false);
	refuse(subject, "other", "wrong", SLICE("evt_1"), true);
	struct store_request *rows = list(subject, STORE_REFUSED_ROWS, 0);
	assert_int_equal(rows->count, 5);
	assert_true(slice_is(rows->admin->refused_rows[0].claimed, "evt_1"));
	assert_true(slice_is(rows->admin->refused_rows[3].reason, "stale"));
	assert_int_equal(rows->admin->refused_rows[0].body_sha256[31], 7);
	store_request_free(rows);
	struct store_request *claims = list(subject, STORE_REFUSED_CLAIMS, 0);
	assert_int_equal(claims->count, 3);
	assert_int_equal(claims->admin->refused_rows[0].count, 2);
	assert_true(claims->admin->refused_rows[0].last.us > claims->admin->refused_rows[0].first.us);
	assert_false(slice_present(claims->admin->refused_rows[1].claimed));
	assert_true(slice_is(claims->admin->refused_rows[2].source, "other"));
	store_request_free(claims);
	struct store_request *totals = list(subject, STORE_REFUSED_TOTALS, 1);
	assert_int_equal(totals->count, 2);
	assert_true(slice_is(totals->admin->refused_rows[0].reason, "stale"));
	assert_int_equal(totals->admin->refused_rows[1].count, 1);
	store_request_free(totals);
}

static void
refused_of_one_source_is_bounded(void **state)
{
	struct subject *subject = *state;
	refuse(subject, "quiet", "wrong", SLICE("evt_1"), true);
	for (int i = 0; i < LIMIT_REFUSED_OF_SOURCE + 5; i++)
		refuse(subject, "noisy", "wrong", SLICE("evt_1"), true);
	int64_t first = 0;
	assert_int_equal(kept(subject, STORE_REFUSED_ROWS, &first), LIMIT_REFUSED_OF_SOURCE + 1);
	assert_int_equal(first, 1);
	struct store_request *claims = list(subject, STORE_REFUSED_CLAIMS, 0);
	assert_int_equal(claims->count, 2);
	assert_int_equal(claims->admin->refused_rows[1].count, LIMIT_REFUSED_OF_SOURCE + 5);
	store_request_free(claims);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	refuse(subject, "noisy", "missing", SLICE_NONE, false);
	assert_int_equal(kept(subject, STORE_REFUSED_ROWS, &first), LIMIT_REFUSED_OF_SOURCE + 1);
}

static void
refused_of_all_sources_is_bounded(void **state)
{
	struct subject *subject = *state;
	enum { SOURCES = 11, EACH = 920 };
	char name[SOURCES][16];
	for (int i = 0; i < SOURCES; i++)
		snprintf(name[i], sizeof name[i], "source-%d", i);
	for (int i = 0; i < SOURCES * EACH; i++)
		refuse(subject, name[i % SOURCES], "missing", SLICE_NONE, false);
	int64_t first = 0;
	assert_int_equal(kept(subject, STORE_REFUSED_ROWS, &first), LIMIT_REFUSED);
	assert_int_equal(first, SOURCES * EACH - LIMIT_REFUSED + 1);
	assert_int_equal(kept(subject, STORE_REFUSED_TOTALS, &first), SOURCES);
}

static void
claims_are_bounded(void **state)
{
	struct subject *subject = *state;
	subject_close(subject);
	subject_open_sqlite(subject, 1);
	enum { BATCH = 64, MORE = 128 };
	for (int i = 0; i < LIMIT_REFUSED_CLAIMS_OF_SOURCE + MORE; i += BATCH) {
		struct store_request *batch[BATCH];
		for (int j = 0; j < BATCH; j++) {
			batch[j] = ask(subject, STORE_REFUSED);
			batch[j]->admin->refused = (struct store_refused){
			    .source = SLICE("custodian"),
			    .reason = SLICE("wrong"),
			    .claimed = arena_printf(&batch[j]->arena, "evt_%d", i + j),
			    .forged = true,
			};
		}
		subject_batch(subject, batch, BATCH);
		for (int j = 0; j < BATCH; j++)
			store_request_free(batch[j]);
	}
	int64_t first = 0;
	assert_int_equal(kept(subject, STORE_REFUSED_CLAIMS, &first), LIMIT_REFUSED_CLAIMS_OF_SOURCE);
	assert_int_equal(first, MORE + 1);
	struct store_request *totals = list(subject, STORE_REFUSED_TOTALS, 0);
	assert_int_equal(totals->admin->refused_rows[0].count, LIMIT_REFUSED_CLAIMS_OF_SOURCE + MORE);
	store_request_free(totals);
}

/* --- running ---------------------------------------------------------------------------------------- */

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_stores_have_one_chain),
	    BOTH(the_chain_goes_on_within_a_batch),
	    BOTH(an_end_that_was_cut_stays_a_gap),
	    BOTH(marks),
	    BOTH(content_is_compared_instead_of_the_body),
	    BOTH(what_was_looked_up_says_so_and_counts_once),
	    BOTH(looking_up),
	    BOTH(refused_is_kept_and_counted),
	    BOTH(refused_of_one_source_is_bounded),
	    BOTH(refused_of_all_sources_is_bounded),
	    cmocka_unit_test_setup_teardown(claims_are_bounded, subject_set_up_memory, subject_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
