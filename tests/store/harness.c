#include "harness.h"

#include <stdio.h>

#include <stdlib.h>

static const struct log silent = {.level = LOG_ERROR, .fd = -1};

struct slice
subject_type_service(void *context UNUSED, struct slice name)
{
	static const char *const services[] = {"service-0", "service-1", "service-2"};
	struct slice prefix = SLICE("builtin.");
	if (!slice_starts(name, prefix) || name.len != prefix.len + 1)
		return SLICE_NONE;
	size_t number = (size_t)(name.ptr[prefix.len] - '0');
	return number < COUNT_OF(services) ? slice_of(services[number]) : SLICE_NONE;
}

bool
subject_knows_type(void *context UNUSED, struct slice name)
{
	return slice_starts(name, SLICE("builtin.")) || slice_starts(name, SLICE("webhook."));
}

static struct store_options
common_options(void)
{
	return (struct store_options){
	    .builtin_type = subject_knows_type,
	    .type_service = subject_type_service,
	    .operational = true,
	    .feed = true,
	    .log = &silent,
	};
}

static void
subject_init(struct subject *subject)
{
	*subject = (struct subject){.now = {1760000000000000}};
	mail_list_init(&subject->notes);
}

void
subject_open_memory(struct subject *subject)
{
	subject_init(subject);
	struct store_options options = common_options();
	subject->store = store_memory_new(&options);
}

void
subject_open_again(struct subject *subject)
{
	struct store_sqlite_options options = {
	    .common = common_options(),
	    .path = "vaultbell.db",
	    .vfs = vfs_name(subject->vfs),
	    .tail_rows = subject->tail_rows,
	};
	struct error error = ERROR_NONE;
	ENSURE(store_sqlite_open(&options, &subject->store, &error) == OK);
}

void
subject_open_sqlite(struct subject *subject, uint64_t seed)
{
	subject_init(subject);
	static const size_t tails[] = {0, 3, 1, 7};
	subject->vfs = vfs_new(seed);
	subject->tail_rows = tails[seed % COUNT_OF(tails)];
	subject_open_again(subject);
}

void
subject_reopen(struct subject *subject)
{
	store_close(subject->store);
	subject_open_again(subject);
}

void
subject_close(struct subject *subject)
{
	subject_drop_notes(subject);
	store_close(subject->store);
	vfs_free(subject->vfs);
}

/* --- requests ---------------------------------------------------------------------------------------- */

void
subject_drop_notes(struct subject *subject)
{
	for (struct mail *mail = mail_list_pop(&subject->notes); mail != NULL; mail = mail_list_pop(&subject->notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
}

int
subject_set_up_memory(void **state)
{
	*state = mem_zero(1, sizeof(struct subject));
	subject_open_memory(*state);
	return 0;
}

int
subject_set_up_sqlite(void **state)
{
	*state = mem_zero(1, sizeof(struct subject));
	subject_open_sqlite(*state, 1);
	return 0;
}

int
subject_tear_down(void **state)
{
	subject_close(*state);
	free(*state);
	return 0;
}

void
subject_batch(struct subject *subject, struct store_request *const *requests, size_t count)
{
	subject_drop_notes(subject);
	struct error error = ERROR_NONE;
	enum error_code code = store_batch(subject->store, requests, count, &subject->notes, &error);
	if (code != OK)
		fprintf(stderr, "a batch does not commit: %s\n", error.text);
	ENSURE(code == OK);
}

struct store_request *
ask(struct subject *subject, enum store_kind kind)
{
	subject->now.us += 1000;
	struct store_request *request = store_request_new(kind, subject->now);
	request->page.limit = 100;
	return request;
}

enum error_code
run(struct subject *subject, struct store_request *request)
{
	subject_batch(subject, &request, 1);
	return request->status;
}

struct slice
id_text(struct arena *arena, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	return arena_copy(arena, slice_of(id_format(kind, id, text)));
}

struct message *
test_message(const char *type, int number)
{
	struct message *message = message_new();
	message->event_type = arena_copy(&message->arena, slice_of(type));
	message->payload = arena_printf(&message->arena, "{\"number\": %d}", number);
	message->retention_days = 90;
	return message;
}

void
test_key(struct store_request *request, int key, int body)
{
	request->idempotency.present = true;
	memset(request->idempotency.key, key, SHA256_BYTES);
	memset(request->idempotency.body, body, SHA256_BYTES);
}
