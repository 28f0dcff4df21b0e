#include "journal_fixture.h"

struct store_request *
journal_request(struct wall_time now, int event, int body)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, now);
	struct message *message = message_new();
	message->payload = arena_printf(&message->arena, "{\"body\": %d}", body);
	message->webhook_id = arena_printf(&message->arena, "evt_%d", event);
	bool typed = event % 3 != 0;
	message->event_type = typed ? SLICE("transaction.deposit.completed") : SLICE("");
	request->journal = (struct store_journal){
	    .source = event % 5 == 0 ? SLICE("ledger") : SLICE("custodian"),
	    .event_id = message->webhook_id,
	    .type = typed ? message->event_type : SLICE_NONE,
	    .message = message,
	    .headers =
		{
		    .scheme = SLICE("standard"),
		    .key = SLICE("0123456789abcdef"),
		    .sent = arena_printf(&request->arena, "%d", 1760000000 + event),
		    .sequence = event % 2 == 0 ? arena_printf(&request->arena, "%d", event) : SLICE_NONE,
		    .content_type = SLICE("application/json"),
		},
	};
	sha256(message->payload, request->journal.body_sha256);
	return request;
}

enum error_code
journal_run(struct store *store, struct store_request *request)
{
	struct mail_list notes;
	mail_list_init(&notes);
	struct error error = ERROR_NONE;
	if (store_batch(store, &request, 1, &notes, &error) != OK)
		fatal_at(__FILE__, __LINE__, error.text);
	for (struct mail *mail = mail_list_pop(&notes); mail != NULL; mail = mail_list_pop(&notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
	return request->status;
}

void
journal_fill(struct store *store, int count)
{
	for (int i = 1; i <= count; i++) {
		struct store_request *request =
		    journal_request((struct wall_time){INT64_C(1760000000000000) + i}, i, i);
		ENSURE(journal_run(store, request) == OK);
		ENSURE(request->journal.seq == i);
		store_request_free(request);
	}
}
