/* What the tests of stores share: a store under test, requests in one line, and replies as text.
 *
 * Replies are compared as text, because then one rule compares everything that a reply says and a difference can be
 * read. */
#ifndef STORE_TESTS_HARNESS_H
#define STORE_TESTS_HARNESS_H

#include "base/random.h"
#include "store/store.h"
#include "vfs.h"

struct subject {
	struct store *store;
	struct vfs *vfs;  /* NULL: the memory store */
	size_t tail_rows; /* of the SQLite store: few, so that its tail settles all the time */
	struct wall_time now;
	struct mail_list notes; /* of the last batch */
};

struct log subject_log(void);				   /* says nothing */
bool subject_knows_type(void *context, struct slice name); /* the catalogue of the tests: "builtin.…", "webhook.…" */

struct slice subject_type_service(void *context, struct slice name); /* "builtin.1" is of "service-1" */

void subject_open_memory(struct subject *subject);
void subject_open_sqlite(struct subject *subject, uint64_t seed);
void subject_open_again(struct subject *subject); /* after a crash: its store was closed */
void subject_reopen(struct subject *subject);	  /* SQLite only */
void subject_close(struct subject *subject);

/* Around a test of cmocka: a fresh subject as its state. */
int subject_set_up_memory(void **state);
int subject_set_up_sqlite(void **state);
int subject_tear_down(void **state);
/* A test with each of the stores, in a list of tests. */
#define BOTH(test)                                                                                                     \
	{"memory: " #test, test, subject_set_up_memory, subject_tear_down, NULL},                                      \
	{                                                                                                              \
		"sqlite: " #test, test, subject_set_up_sqlite, subject_tear_down, NULL                                 \
	}

/* Executes one batch, which must commit. The requests stay the caller's. */
void subject_batch(struct subject *subject, struct store_request *const *requests, size_t count);
void subject_drop_notes(struct subject *subject);

struct store_request *ask(struct subject *subject, enum store_kind kind);
/* Executes a batch of this one; returns its status. */
enum error_code run(struct subject *subject, struct store_request *request);

/* Everything that the reply says, and every note of the last batch. */
void describe_reply(const struct store_request *request, struct buf *out);
void describe_notes(struct mail_list *notes, struct buf *out);

struct slice id_text(struct arena *arena, enum id_kind kind, int64_t id);
/* A message of this type, with a payload that names `number`. */
struct message *test_message(const char *type, int number);
void test_key(struct store_request *request, int key, int body);

#endif
