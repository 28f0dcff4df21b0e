/* Random operations on both stores at once: every reply and every note must be the same, ids included. */
#include "random_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SEEDS = 60, BATCHES = 120, BATCH_MAX = 6, TEXT_MAX = 4 << 20 };

struct pair {
	struct subject memory, sqlite, reader; /* reader: a second one beside sqlite */
	struct random random;
	struct known known;
	struct wall_time now;
	struct buf left, right;
};

static void
compare(struct pair *pair, uint64_t seed, const char *what)
{
	if (!slice_equal(buf_slice(&pair->left), buf_slice(&pair->right))) {
		fprintf(stderr, "seed %llu: %s differs\n--- memory\n%.*s\n--- sqlite\n%.*s\n", (unsigned long long)seed,
		    what, SLICE_ARG(buf_slice(&pair->left)), SLICE_ARG(buf_slice(&pair->right)));
		fail();
	}
	assert_false(pair->left.overflow);
	buf_clear(&pair->left);
	buf_clear(&pair->right);
}

/* The same random numbers make the same request twice: each store gets one of its own. */
static void
one_batch(struct pair *pair, uint64_t seed)
{
	struct store_request *left[BATCH_MAX], *right[BATCH_MAX];
	size_t count = 1 + random_below(&pair->random, BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		pair->now.us += (int64_t)random_below(&pair->random, 1500);
		struct random again = pair->random;
		left[i] = random_request(&pair->random, &pair->known, pair->now);
		right[i] = random_request(&again, &pair->known, pair->now);
	}
	subject_batch(&pair->memory, left, count);
	subject_batch(&pair->sqlite, right, count);
	/* First, since a note more shows in the ids of all that follows it. */
	describe_notes(&pair->memory.notes, &pair->left);
	describe_notes(&pair->sqlite.notes, &pair->right);
	compare(pair, seed, "a note");
	for (size_t i = 0; i < count; i++) {
		describe_reply(left[i], &pair->left);
		describe_reply(right[i], &pair->right);
		compare(pair, seed, "a reply");
		known_learn(&pair->known, left[i]);
	}
	for (size_t i = 0; i < count; i++) {
		store_request_free(left[i]);
		store_request_free(right[i]);
	}
}

static bool
is_read(enum store_kind kind)
{
	return store_kind_lists(kind) || kind == STORE_ENDPOINT_TOTALS || kind == STORE_DEAD_LETTERS;
}

/* A reader sees what was answered before, as the store itself does. */
static void
read_beside(struct pair *pair, uint64_t seed)
{
	struct store_request *left = NULL, *right = NULL;
	while (left == NULL || !is_read(left->kind)) {
		store_request_free(left);
		store_request_free(right);
		struct random again = pair->random;
		left = random_request(&pair->random, &pair->known, pair->now);
		right = random_request(&again, &pair->known, pair->now);
	}
	subject_batch(&pair->sqlite, &left, 1);
	subject_batch(&pair->reader, &right, 1);
	describe_reply(left, &pair->left);
	describe_reply(right, &pair->right);
	compare(pair, seed, "what a reader answers");
	store_request_free(left);
	store_request_free(right);
}

static void
open_reader(struct pair *pair)
{
	pair->reader.store = pair->sqlite.store->vtable->reader(pair->sqlite.store);
	assert_non_null(pair->reader.store);
	mail_list_init(&pair->reader.notes);
}

/* The organisation whose endpoints are operational webhooks, with one that hears everything. */
static void
make_management(struct subject *subject)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_CREATE);
	request->admin->organisation =
	    (struct organisation){.name = SLICE("Own"), .uid = STORE_MANAGEMENT_UID, .metadata = SLICE("{}")};
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
	request = ask(subject, STORE_ENDPOINT_CREATE);
	request->ref = STORE_MANAGEMENT_UID;
	request->admin->endpoint = (struct endpoint){.url = SLICE("https://example.com/"),
	    .description = SLICE(""),
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{}"),
	    .version = 1};
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
	subject_drop_notes(subject);
}

static void
run_seed(uint64_t seed)
{
	struct pair *pair = mem_zero(1, sizeof *pair);
	subject_open_memory(&pair->memory);
	subject_open_sqlite(&pair->sqlite, seed);
	random_seed(&pair->random, seed);
	pair->now = pair->memory.now;
	make_management(&pair->memory);
	make_management(&pair->sqlite);
	open_reader(pair);
	buf_init(&pair->left, TEXT_MAX);
	buf_init(&pair->right, TEXT_MAX);
	for (int i = 0; i < BATCHES; i++) {
		one_batch(pair, seed);
		if (random_chance(&pair->random, 1, 3))
			read_beside(pair, seed);
		if (random_chance(&pair->random, 1, 8))
			(void)pair->sqlite.store->vtable->idle(pair->sqlite.store, pair->now);
		/* A store that was closed and opened again goes on as if it had not been. */
		if (random_chance(&pair->random, 1, 20)) {
			subject_drop_notes(&pair->sqlite);
			pair->sqlite.tail_rows = random_below(&pair->random, 12);
			store_close(pair->reader.store);
			subject_reopen(&pair->sqlite);
			open_reader(pair);
			pair->now.us += 10000;
		}
	}
	store_close(pair->reader.store);
	subject_close(&pair->memory);
	subject_close(&pair->sqlite);
	buf_free(&pair->left);
	buf_free(&pair->right);
	free(pair);
}

static void
stores_agree(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed);
}

int
main(int argc, char **argv)
{
	if (argc == 3) { /* FROM TO: seeds beyond those of the test */
		for (uint64_t seed = strtoull(argv[1], NULL, 10); seed <= strtoull(argv[2], NULL, 10); seed++)
			run_seed(seed);
		return 0;
	}
	const struct CMUnitTest tests[] = {cmocka_unit_test(stores_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
