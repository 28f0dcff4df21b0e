#include "store/reader.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { READER_MAIL_STOP = 1 };

struct store_reader {
	struct store *store;
	const struct log *log;
	struct mailbox inbox;
	struct mail stop;
	pthread_t thread;
};

/* One at a time: nobody waits for another one's rows. */
static void
answer(struct store_reader *reader, struct store_request *request)
{
	struct mail_list notes;
	mail_list_init(&notes);
	struct error error = ERROR_NONE;
	if (store_batch(reader->store, &request, 1, &notes, &error) != OK)
		log_write(reader->log, LOG_ERROR, "a list could not be read", "error", error.text, NULL);
	ENSURE(notes.first == NULL);
	request->mail.kind = request->reply_kind;
	mailbox_post(request->reply_to, &request->mail);
}

static void *
run(void *argument)
{
	struct store_reader *reader = argument;
	pthread_setname_np(pthread_self(), "reader");
	for (;;) {
		struct mail_list waiting = mailbox_take(&reader->inbox);
		for (struct mail *mail = mail_list_pop(&waiting); mail != NULL; mail = mail_list_pop(&waiting)) {
			if (mail == &reader->stop)
				return NULL;
			answer(reader, CONTAINER_OF(mail, struct store_request, mail));
		}
		if (!mailbox_may_sleep(&reader->inbox))
			continue;
		struct pollfd poll_fd = {.fd = reader->inbox.fd, .events = POLLIN};
		(void)poll(&poll_fd, 1, -1);
		mailbox_awake(&reader->inbox);
	}
}

struct store_reader *
store_reader_start(struct store *store, const struct log *log)
{
	struct store_reader *reader = mem_zero(1, sizeof *reader);
	reader->store = store;
	reader->log = log;
	reader->stop.kind = READER_MAIL_STOP;
	mailbox_init(&reader->inbox);
	ENSURE(pthread_create(&reader->thread, NULL, run, reader) == 0);
	return reader;
}

void
store_reader_submit_list(struct store_reader *reader, struct mail_list *requests)
{
	mailbox_post_list(&reader->inbox, requests);
}

void
store_reader_stop(struct store_reader *reader)
{
	if (reader == NULL)
		return;
	mailbox_post(&reader->inbox, &reader->stop);
	ENSURE(pthread_join(reader->thread, NULL) == 0);
	mailbox_fini(&reader->inbox);
	store_close(reader->store);
	free(reader);
}
