/* Writes what a comparison needs: a sender's data with one endpoint that got so many events over thirty days, and a
 * receiver's journal of the same events, but for a few: one in three of these is missing here, one has another body, one
 * is missing at the sender. Without syncing: what is made can be made again.
 *
 *   compare-rows SENDER-DIR RECEIVER-DIR EVENTS DIFFERENCES */
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 4096, DAYS = 30 };

static const struct wall_time start = {INT64_C(1735689600) * 1000000};

struct making {
	struct store *sender, *receiver;
	int64_t events, differences;
};

static void
must(enum error_code code, const struct error *error)
{
	if (code == OK)
		return;
	fprintf(stderr, "compare-rows: %s\n", error->text);
	exit(2);
}

static struct store *
open_store(const char *directory)
{
	struct arena arena = ARENA_EMPTY;
	struct store *store = NULL;
	struct error error = ERROR_NONE;
	struct store_sqlite_options options = {
	    .common = {.feed = true},
	    .path = arena_printf(&arena, "%s/vaultbell.db", directory).ptr,
	    .synchronous = "OFF",
	};
	must(store_sqlite_open(&options, &store, &error), &error);
	arena_free(&arena);
	return store;
}

static void
ask(struct store *store, struct store_request *request)
{
	struct error error = ERROR_NONE;
	must(store_ask(store, request, &error), &error);
	store_request_free(request);
}

static enum error_code
disable(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)context, (void)arena, (void)existed, (void)error;
	endpoint->state = ENDPOINT_DISABLED;
	return OK;
}

static void
make_endpoint(struct store *store)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, start);
	request->admin->organisation =
	    (struct organisation){.name = SLICE("Bank"), .uid = SLICE("bank"), .metadata = SLICE("{}")};
	ask(store, request);
	request = store_request_new(STORE_ENDPOINT_CREATE, start);
	request->ref = SLICE("bank");
	request->admin->endpoint = (struct endpoint){
	    .uid = SLICE("main"),
	    .url = SLICE("https://example.com/in"),
	    .description = SLICE(""),
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{}"),
	    .version = 1,
	};
	ask(store, request);
}

static struct message *
make_message(int64_t number)
{
	struct message *message = message_new();
	message->event_type = SLICE("a.b");
	message->retention_days = 90;
	message->payload = arena_printf(&message->arena, "{\"n\":%" PRId64 "}", number);
	return message;
}

/* Spread evenly over the events: 0 none, else its kind from 1 to 3. */
static int
difference(const struct making *making, int64_t number)
{
	if (making->differences == 0)
		return 0;
	int64_t each = making->events / making->differences;
	return number % each == each / 2 ? 1 + (int)(number / each % 3) : 0;
}

static void
run_batch(struct store *store, struct store_request **batch, size_t count)
{
	struct mail_list notes;
	struct error error = ERROR_NONE;
	mail_list_init(&notes);
	must(store_batch(store, batch, count, &notes, &error), &error);
	for (struct mail *mail = mail_list_pop(&notes); mail != NULL; mail = mail_list_pop(&notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
}

static struct store_request *
journal_of(const struct message *sent, struct wall_time now, bool other_body)
{
	char id[ID_TEXT_BYTES];
	struct store_request *request = store_request_new(STORE_JOURNAL, now);
	struct message *message = message_new();
	message->event_type = SLICE("a.b");
	message->webhook_id = arena_copy(&message->arena, slice_of(id_format(ID_MESSAGE, sent->id.value, id)));
	message->payload = other_body ? SLICE("{\"n\":-1}") : arena_copy(&message->arena, sent->payload);
	request->journal = (struct store_journal){
	    .source = SLICE("bank"), .event_id = message->webhook_id, .type = SLICE("a.b"), .message = message};
	sha256(message->payload, request->journal.body_sha256);
	return request;
}

static void
make_events(struct making *making, int64_t first, size_t count)
{
	struct store_request *sent[BATCH], *received[BATCH];
	size_t arrived = 0;
	int64_t step_us = INT64_C(86400) * DAYS * 1000000 / making->events;
	for (size_t i = 0; i < count; i++) {
		int64_t number = first + (int64_t)i;
		sent[i] = store_request_new(STORE_ACCEPT, (struct wall_time){start.us + number * step_us});
		sent[i]->ref = SLICE("bank");
		sent[i]->message = make_message(number);
	}
	run_batch(making->sender, sent, count);
	for (size_t i = 0; i < count; i++) {
		int kind = difference(making, first + (int64_t)i);
		if (kind != 1)
			received[arrived++] = journal_of(sent[i]->message, sent[i]->now, kind == 2);
		if (kind != 3)
			continue;
		struct message unknown = *sent[i]->message;
		unknown.id.value++;
		if (arrived < BATCH)
			received[arrived++] = journal_of(&unknown, sent[i]->now, true);
	}
	run_batch(making->receiver, received, arrived);
	for (size_t i = 0; i < count; i++)
		store_request_free(sent[i]);
	for (size_t i = 0; i < arrived; i++)
		store_request_free(received[i]);
}

int
main(int argc, char **argv)
{
	struct making making = {.events = 0};
	if (argc != 5 || !slice_to_int64(slice_of(argv[3]), &making.events) ||
	    !slice_to_int64(slice_of(argv[4]), &making.differences) || making.events < 1 ||
	    making.differences > making.events) {
		fprintf(stderr, "expected compare-rows SENDER-DIR RECEIVER-DIR EVENTS DIFFERENCES\n");
		return 2;
	}
	making.sender = open_store(argv[1]);
	making.receiver = open_store(argv[2]);
	make_endpoint(making.sender);
	for (int64_t done = 0; done < making.events; done += BATCH - 1) {
		int64_t left = making.events - done;
		make_events(&making, done, left < BATCH - 1 ? (size_t)left : BATCH - 1);
	}
	struct store_request *request = store_request_new(STORE_ENDPOINT_EDIT, start);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("main");
	request->admin->edit_endpoint = disable; /* nothing is to be sent */
	ask(making.sender, request);
	store_close(making.sender);
	store_close(making.receiver);
	return 0;
}
