#include "reconcile/journal_pages.h"

#include <pthread.h>
#include <stdlib.h>

enum { PAGE_ROWS = 256, MAIL_PAGE = 0, MAIL_STOP = 1 };

struct page {
	struct mail mail;
	struct store_request *request; /* NULL: nothing was asked for */
	enum error_code code;
	struct error error;
};

struct journal_pages {
	struct store *store;
	pthread_t thread;
	struct mailbox asked, read; /* to the thread, and back */
	struct mail stop;
	struct page pages[2];
	size_t turn; /* of pages: the one that was asked for last */
	bool asking; /* it has not come back yet */
};

static void *
run(void *argument)
{
	struct journal_pages *pages = argument;
	for (;;) {
		mailbox_wait(&pages->asked);
		struct mail_list waiting = mailbox_take(&pages->asked);
		for (struct mail *mail = mail_list_pop(&waiting); mail != NULL; mail = mail_list_pop(&waiting)) {
			if (mail->kind == MAIL_STOP)
				return NULL;
			struct page *page = CONTAINER_OF(mail, struct page, mail);
			page->code = store_ask(pages->store, page->request, &page->error);
			mailbox_post(&pages->read, mail);
		}
	}
}

static void
page_clear(struct page *page)
{
	if (page->request != NULL)
		store_request_free(page->request);
	*page = (struct page){.error = ERROR_NONE};
}

static void
ask(struct journal_pages *pages, int64_t after)
{
	pages->turn = 1 - pages->turn;
	struct page *page = &pages->pages[pages->turn];
	page_clear(page);
	page->request = store_request_new(STORE_JOURNAL_LIST, WALL_NONE);
	page->request->page = (struct store_page){.limit = PAGE_ROWS, .after = after};
	page->request->with_bodies = true;
	page->mail.kind = MAIL_PAGE;
	pages->asking = true;
	mailbox_post(&pages->asked, &page->mail);
}

/* There is one page on its way at most, so it is the whole mail. */
static void
await(struct journal_pages *pages)
{
	mailbox_wait(&pages->read);
	struct mail_list mail = mailbox_take(&pages->read);
	ENSURE(mail_list_pop(&mail) == &pages->pages[pages->turn].mail && mail.first == NULL);
	pages->asking = false;
}

struct journal_pages *
journal_pages_start(struct store *store)
{
	struct journal_pages *pages = mem_zero(1, sizeof *pages);
	pages->store = store;
	pages->stop.kind = MAIL_STOP;
	mailbox_init(&pages->asked);
	mailbox_init(&pages->read);
	ENSURE(pthread_create(&pages->thread, NULL, run, pages) == 0);
	ask(pages, 0);
	return pages;
}

enum error_code
journal_pages_next(
    struct journal_pages *pages, const struct store_journal_row **rows, size_t *count, struct error *error)
{
	*count = 0;
	if (!pages->asking)
		return OK;
	await(pages);
	struct page *page = &pages->pages[pages->turn];
	if (page->code != OK) {
		if (error != NULL)
			*error = page->error;
		return page->code;
	}
	*rows = page->request->journal_rows;
	*count = page->request->count;
	if (page->request->more && *count > 0)
		ask(pages, (*rows)[*count - 1].seq);
	return OK;
}

void
journal_pages_end(struct journal_pages *pages)
{
	mailbox_post(&pages->asked, &pages->stop);
	ENSURE(pthread_join(pages->thread, NULL) == 0);
	if (pages->asking)
		await(pages);
	for (size_t i = 0; i < COUNT_OF(pages->pages); i++)
		page_clear(&pages->pages[i]);
	mailbox_fini(&pages->read);
	mailbox_fini(&pages->asked);
	free(pages);
}
