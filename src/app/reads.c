/* The receiver's API: its connection to the database, and what it is told of the loops' counts. */
#include "app/service_private.h"

#include <stdlib.h>

static void
measure(void *context, struct reader_measures *out)
{
	const struct service *service = context;
	*out = (struct reader_measures){
	    .accepted = published(service, PUBLISHED_ACCEPTED),
	    .duplicates = published(service, PUBLISHED_DUPLICATES),
	    .conflicts = published(service, PUBLISHED_CONFLICTS),
	    .no_keys = published(service, PUBLISHED_NO_KEYS),
	    .unrecorded = published(service, PUBLISHED_UNRECORDED),
	    .attempts_succeeded = published(service, PUBLISHED_SUCCEEDED),
	    .attempts_failed = published(service, PUBLISHED_FAILED),
	    .exhausted = published(service, PUBLISHED_EXHAUSTED),
	    .store = store_runner_counts(service->runner),
	};
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		out->refused[i] = published(service, (enum published)(PUBLISHED_REFUSED_BY + i));
}

/* Its rows are few and come from commands too, so no thread keeps the anchor open. */
static void
audited(void *context, const struct store_journal_end *end)
{
	const struct service *service = context;
	struct error error = ERROR_NONE;
	if (anchor_advance(&anchor_of_audit, service->options.data, service->sealer, end, &error) != OK)
		log_write(service->options.log, LOG_ERROR, "the audit log's head cannot be written", "error",
		    error.text, NULL);
}

enum error_code
reads_start(struct service *service, struct error *error)
{
	char *path = service_database(service->options.data);
	const struct store_sqlite_options options = {
	    .common = {.log = service->options.log}, .path = path, .read_only = true};
	struct store *store = NULL;
	enum error_code code = store_sqlite_open(&options, &store, error);
	free(path);
	if (code != OK)
		return code;
	service->reader = reader_start(&(struct reader_options){
	    .store = store,
	    .runner = service->runner,
	    .mailbox = loop_mailbox(service->in.loop),
	    .kind = MAIL_READ,
	    .log = service->options.log,
	    .measure = measure,
	    .measure_context = service,
	    .audited = audited,
	    .stuck_after_us = service->options.config->stuck_after_ms * 1000,
	});
	return OK;
}
