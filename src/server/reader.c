#include "server/reader_call.h"

#include "base/encode.h"
#include "server/auth.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAIL_CALL, MAIL_END, ANSWER_BYTES_MAX = 32 << 20, READER_NICE = 10 };

struct reader {
	struct reader_options options;
	struct mailbox inbox, changes; /* calls; answers of the store's thread, one at a time */
	struct mail end;
	pthread_t thread;
	size_t in_flight; /* the in-loop's */
};

const struct reader_options *
reader_options(const struct reader *reader)
{
	return &reader->options;
}

/* --- answers ------------------------------------------------------------------------------------------ */

struct json_writer *
reader_write(struct reader_call *call, int status)
{
	call->status = status;
	buf_clear(&call->out);
	json_writer_init(&call->writer, &call->out);
	json_open(&call->writer, '{');
	return &call->writer;
}

void
reader_problem(struct reader_call *call, int status, const char *code, const char *format, ...)
{
	char text[200];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct json_writer *writer = reader_write(call, status);
	json_put_cstring(writer, "code", code);
	json_put_cstring(writer, "detail", text);
}

bool
reader_number(struct reader_call *call, const char *name, int64_t min, int64_t max, int64_t *value)
{
	struct slice text = query_get(&call->query, name);
	if (!slice_present(text) || (slice_to_int64(text, value) && *value >= min && *value <= max))
		return true;
	reader_problem(call, 422, "validation", "%s must be a whole number from %lld to %lld", name, (long long)min,
	    (long long)max);
	return false;
}

/* --- the stores --------------------------------------------------------------------------------------- */

bool
reader_ask(struct reader_call *call, struct store_request *request)
{
	struct error error = ERROR_NONE;
	enum error_code code = store_ask(call->reader->options.store, request, &error);
	if (code == OK)
		return true;
	if (code == ERR_NOT_FOUND)
		reader_problem(call, 404, "not_found", "There is no such object.");
	else
		reader_unavailable(call, code, &error);
	return false;
}

void
reader_unavailable(struct reader_call *call, enum error_code code, const struct error *error)
{
	if (code == ERR_UNAVAILABLE) {
		reader_problem(call, 503, "unavailable", "It cannot be read now, ask again later: %s.", error->text);
		return;
	}
	log_write(call->reader->options.log, LOG_ERROR, "the database cannot be read", "error", error->text, NULL);
	reader_problem(call, 503, "unavailable", "It cannot be read now; ask again later.");
}

enum error_code
reader_change(struct reader *reader, struct store_request *request)
{
	request->reply_to = &reader->changes;
	request->reply_kind = 0;
	store_runner_submit(reader->options.runner, request);
	struct mail_list replies = mailbox_take(&reader->changes);
	while (replies.count == 0) {
		mailbox_wait(&reader->changes);
		replies = mailbox_take(&reader->changes);
	}
	/* Its end is anchored as after a command; that this process dies before is like any other crash. */
	if (request->status == OK && request->audit != NULL && reader->options.audited != NULL) {
		struct store_journal_end end = {.seq = request->audit->seq};
		memcpy(end.chain, request->audit->chain, SHA256_BYTES);
		reader->options.audited(reader->options.measure_context, &end);
	}
	return request->status;
}

/* --- one call ----------------------------------------------------------------------------------------- */

static void
note_use(struct reader_call *call)
{
	if (call->now.us - call->token.used.us < TOKEN_USED_US)
		return;
	struct store_request *request = store_request_new(STORE_TOKEN_USED, call->now);
	request->admin->token.id = call->token.id;
	if (reader_change(call->reader, request) != OK)
		log_write(call->reader->options.log, LOG_WARN, "a token's use is not recorded", "error",
		    request->error.text, NULL);
	store_request_free(request);
}

static bool
authenticate(struct reader_call *call)
{
	struct slice text = auth_bearer(call->authorization);
	struct store_request *request = store_request_new(STORE_TOKEN_GET, call->now);
	struct error error = ERROR_NONE;
	sha256(slice_present(text) ? text : SLICE(""), request->admin->token.hash);
	enum error_code code =
	    slice_present(text) ? store_ask(call->reader->options.store, request, &error) : ERR_NOT_FOUND;
	call->token = request->admin->token;
	store_request_free(request);
	if (code != OK && code != ERR_NOT_FOUND) {
		reader_problem(call, 503, "unavailable", "Tokens cannot be read now; ask again later.");
		return false;
	}
	if (code != OK || token_expired(&call->token, call->now) ||
	    scope_parse(slice_of(call->token.scope), &call->arena, &call->scope, &error) != OK) {
		reader_problem(
		    call, 401, "authentication_failed", "Invalid token: it is missing, unknown or has expired.");
		return false;
	}
	note_use(call);
	return true;
}

static void
handle(struct reader_call *call)
{
	struct error error = ERROR_NONE;
	if (slice_is(call->path, "/metrics")) {
		reader_metrics(call);
		return;
	}
	const struct reader_route *route = reader_route_find(call);
	if (route == NULL && call->allow != NULL)
		reader_problem(call, 405, "method_not_allowed", "The path does not take this method.");
	else if (route == NULL)
		reader_problem(call, 404, "not_found", "There is nothing at this path.");
	else if (query_parse(call->query_text, &call->arena, &call->query, &error) != OK)
		reader_problem(call, 400, "generic_error", "%s", error.text);
	else if (route->permission == PERMISSION_NONE)
		route->handle(call);
	else if (!authenticate(call))
		return;
	else if (!role_may(call->token.role, route->permission))
		reader_problem(call, 403, "insufficient access", "The token's role may not do this.");
	else
		route->handle(call);
}

static void
answer(struct reader_call *call)
{
	handle(call);
	if (call->content_type == NULL)
		json_close(&call->writer);
	if (!call->out.overflow)
		return;
	reader_problem(call, 422, "too_large", "The answer would be too large: ask for fewer rows.");
	json_close(&call->writer);
}

static void *
run(void *argument)
{
	struct reader *reader = argument;
	pthread_setname_np(pthread_self(), "reader");
	/* Where there are too few processors, receipts go first. On Linux a thread has a priority of its own. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), READER_NICE);
	for (;;) {
		struct mail_list mail = mailbox_take(&reader->inbox);
		for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
			if (one->kind == MAIL_END)
				return NULL;
			struct reader_call *call = CONTAINER_OF(one, struct reader_call, mail);
			answer(call);
			call->mail.kind = reader->options.kind;
			mailbox_post(reader->options.mailbox, &call->mail);
		}
		mailbox_wait(&reader->inbox);
	}
}

/* --- the in-loop's side ------------------------------------------------------------------------------- */

bool
reader_wants(struct slice path)
{
	return slice_starts(path, SLICE("/api/v1/")) || slice_is(path, "/metrics");
}

void
reader_request(struct reader *reader, struct http_exchange *exchange)
{
	if (reader->in_flight == LIMIT_READS_IN_FLIGHT) {
		struct http_header items[] = {{SLICE("retry-after"), SLICE("1")}};
		http_reply(exchange, 503,
		    SLICE(
			"{\"code\":\"unavailable\",\"detail\":\"Too many requests are being read; ask again later.\"}"),
		    &(struct http_headers){items, COUNT_OF(items)});
		return;
	}
	reader->in_flight++;
	struct reader_call *call = mem_zero(1, sizeof *call);
	call->mail.kind = MAIL_CALL;
	call->exchange = exchange;
	call->reader = reader;
	call->now = clock_wall();
	call->method = arena_copy(&call->arena, exchange->method);
	call->path = arena_copy(&call->arena, exchange->path);
	call->query_text = arena_copy(&call->arena, exchange->query);
	call->body = arena_copy(&call->arena, exchange->body);
	call->authorization = arena_copy(&call->arena, http_header(exchange, "authorization"));
	buf_init(&call->out, ANSWER_BYTES_MAX);
	exchange->owner = call;
	mailbox_post(&reader->inbox, &call->mail);
}

void
reader_gone(struct reader *reader, struct http_exchange *exchange)
{
	(void)reader;
	struct reader_call *call = exchange->owner;
	if (call != NULL)
		call->exchange = NULL;
}

void
reader_reply(struct reader *reader, struct mail *mail)
{
	struct reader_call *call = CONTAINER_OF(mail, struct reader_call, mail);
	struct http_exchange *exchange = call->exchange;
	struct http_header items[2];
	struct http_headers headers = {items, 0};
	if (call->content_type != NULL)
		items[headers.count++] = (struct http_header){SLICE("content-type"), slice_of(call->content_type)};
	if (call->status == 405)
		items[headers.count++] = (struct http_header){SLICE("allow"), slice_of(call->allow)};
	if (exchange != NULL) {
		exchange->owner = NULL;
		http_reply(exchange, call->status, buf_slice(&call->out), &headers);
	}
	reader->in_flight--;
	buf_free(&call->out);
	arena_free(&call->arena);
	free(call);
}

struct reader *
reader_start(const struct reader_options *options)
{
	struct reader *reader = mem_zero(1, sizeof *reader);
	reader->options = *options;
	reader->end.kind = MAIL_END;
	mailbox_init(&reader->inbox);
	mailbox_init(&reader->changes);
	ENSURE(pthread_create(&reader->thread, NULL, run, reader) == 0);
	return reader;
}

void
reader_stop(struct reader *reader)
{
	if (reader == NULL)
		return;
	mailbox_post(&reader->inbox, &reader->end);
	ENSURE(pthread_join(reader->thread, NULL) == 0);
}

void
reader_free(struct reader *reader)
{
	if (reader == NULL)
		return;
	mailbox_fini(&reader->inbox);
	mailbox_fini(&reader->changes);
	store_close(reader->options.store);
	free(reader);
}
