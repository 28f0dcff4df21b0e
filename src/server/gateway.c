/* Answers are written here and nowhere else; what they say of the journal comes from a committed request.
 *
 * The life of a request that passes:
 *   gateway_request  judged; exchange and store request know each other; gathered
 *   gateway_flush    given to the runner
 *   gateway_gone     only if the client leaves before the answer: the store request forgets its exchange
 *   gateway_reply    answered, if the exchange is still there; the store request is freed */
#include "server/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct gateway {
	struct gateway_options options;
	struct gateway_counters counters;
	struct mail_list gathered;
	size_t refused_in_flight; /* of them, and of those at the store: what is kept of refused requests */
	int64_t missed[RECEIVE_SOURCES_MAX][VERDICT_COUNT]; /* for which there was no room on the way */
	struct mono_time log_second;
	uint64_t logged, not_logged; /* refusals, in the second that began then */
};

struct gateway *
gateway_new(const struct gateway_options *options)
{
	struct gateway *gateway = mem_zero(1, sizeof *gateway);
	gateway->options = *options;
	mail_list_init(&gateway->gathered);
	return gateway;
}

static void
log_not_logged(struct gateway *gateway)
{
	if (gateway->not_logged == 0)
		return;
	char count[24];
	snprintf(count, sizeof count, "%" PRIu64, gateway->not_logged);
	log_write(gateway->options.log, LOG_WARN, "more requests refused in the last second", "count", count, NULL);
	gateway->not_logged = 0;
}

void
gateway_free(struct gateway *gateway)
{
	if (gateway == NULL)
		return;
	log_not_logged(gateway); /* what the last second kept back is said too */
	for (struct mail *mail = mail_list_pop(&gateway->gathered); mail != NULL;
	     mail = mail_list_pop(&gateway->gathered))
		store_request_free(CONTAINER_OF(mail, struct store_request, mail));
	free(gateway);
}

const struct gateway_counters *
gateway_counters(const struct gateway *gateway)
{
	return &gateway->counters;
}

/* --- answers ---------------------------------------------------------------------------------------- */

static void
answer_status(struct http_exchange *exchange, const char *status)
{
	http_reply(exchange, 200, arena_printf(&exchange->arena, "{\"status\":\"%s\"}", status), NULL);
}

/* `allow` is the value of that header, or NULL. */
static void
answer_error(struct http_exchange *exchange, int status, const char *code, const char *detail, const char *allow)
{
	struct buf body;
	buf_init(&body, 1024);
	struct json_writer writer;
	json_writer_init(&writer, &body);
	json_open(&writer, '{');
	json_put_cstring(&writer, "code", code);
	json_put_cstring(&writer, "detail", detail);
	json_close(&writer);
	struct http_header item = {SLICE("allow"), slice_of(allow)};
	struct http_headers headers = {&item, allow == NULL ? 0 : 1};
	http_reply(exchange, status, buf_slice(&body), &headers);
	buf_free(&body);
}

/* --- requests --------------------------------------------------------------------------------------- */

static void
answer_health(struct http_exchange *exchange)
{
	if (slice_is(exchange->method, "GET") || slice_is(exchange->method, "HEAD"))
		answer_status(exchange, "ok");
	else
		answer_error(exchange, 405, "method_not_allowed", "expected GET or HEAD", "GET, HEAD");
}

/* At most LIMIT_REFUSED_LOGGED lines a second, and one that says how many there would have been more: whoever is refused
 * must not be able to fill the log. */
static void
log_refused(struct gateway *gateway, const struct receive_source *source, const struct receive_judgement *judgement,
    struct http_exchange *exchange)
{
	gateway_tick(gateway);
	if (gateway->logged == LIMIT_REFUSED_LOGGED) {
		gateway->not_logged++;
		return;
	}
	gateway->logged++;
	log_write(gateway->options.log, LOG_WARN, "request refused", "source",
	    arena_string(&exchange->arena, source->name), "verdict", verdict_name(judgement->verdict), "reason",
	    judgement->detail, NULL);
}

void
gateway_tick(struct gateway *gateway)
{
	struct mono_time now = clock_mono();
	if (now.us - gateway->log_second.us < 1000000)
		return;
	gateway->log_second = now;
	gateway->logged = 0;
	log_not_logged(gateway);
}

/* The answer does not wait for this: it is evidence, not a promise. What finds no room is counted with the next one. */
static void
record_refused(struct gateway *gateway, const struct receive_source *source, const struct verify_input *input,
    const struct receive_judgement *judgement)
{
	if (judgement->status == 503)
		return;
	int64_t *missed = &gateway->missed[source - gateway->options.sources->items][judgement->verdict];
	if (gateway->refused_in_flight == LIMIT_REFUSED_IN_FLIGHT) {
		++*missed;
		gateway->counters.unrecorded++;
		return;
	}
	struct store_request *request = receive_refused(source, input, judgement);
	request->admin->refused.count = 1 + *missed;
	*missed = 0;
	request->reply_to = gateway->options.mailbox;
	request->reply_kind = gateway->options.reply_kind;
	gateway->refused_in_flight++;
	mail_list_add(&gateway->gathered, &request->mail);
}

static void
refuse(struct gateway *gateway, const struct receive_source *source, const struct verify_input *input,
    const struct receive_judgement *judgement, struct http_exchange *exchange)
{
	if (judgement->status == 503)
		gateway->counters.no_keys++;
	else
		gateway->counters.refused[judgement->verdict]++;
	log_refused(gateway, source, judgement, exchange);
	record_refused(gateway, source, input, judgement);
	answer_error(exchange, judgement->status, judgement->code, judgement->detail, NULL);
}

/* Before the signature: from an address, and with a certificate, of the source. */
static bool
may_send(struct gateway *gateway, const struct receive_source *source, struct http_exchange *exchange,
    struct receive_judgement *judgement)
{
	if (gateway->options.access == NULL)
		return true;
	const struct access *access = &gateway->options.access[source - gateway->options.sources->items];
	const struct access_client client = {
	    .peer = exchange->peer,
	    .headers = &exchange->headers,
	    .proxies = gateway->options.proxies,
	    .certificate = access->certificates.count > 0 ? http_client_certificate(exchange) : NULL,
	};
	const char *detail;
	enum verdict verdict = access_check(access, &client, &detail);
	if (verdict != VERDICT_VERIFIED)
		receive_refuse(verdict, detail, judgement);
	return verdict == VERDICT_VERIFIED;
}

/* It asks for no journal row, so nothing has to be committed before it is said. */
static void
answer_challenge(struct gateway *gateway, const struct receive_source *source,
    const struct receive_judgement *judgement, struct http_exchange *exchange)
{
	struct buf body;
	struct json_writer writer;
	buf_init(&body, 1024);
	json_writer_init(&writer, &body);
	json_open(&writer, '{');
	json_put_cstring(&writer, "challenge", judgement->challenge);
	json_close(&writer);
	http_reply(exchange, 200, buf_slice(&body), NULL);
	buf_free(&body);
	log_write(gateway->options.log, LOG_INFO, "the sender's challenge is answered", "source",
	    arena_string(&exchange->arena, source->name), NULL);
}

static void
receive(struct gateway *gateway, const struct receive_source *source, struct http_exchange *exchange)
{
	struct verify_input input = {
	    .method = exchange->method,
	    .authority = http_header(exchange, "host"),
	    .path = exchange->path,
	    .query = exchange->query,
	    .target_uri = SLICE_NONE,
	    .headers = exchange->headers,
	    .body = exchange->body,
	    .now = clock_wall(),
	};
	struct receive_judgement judgement;
	if (!may_send(gateway, source, exchange, &judgement)) {
		refuse(gateway, source, &input, &judgement, exchange);
		return;
	}
	receive_judge(source, &input, &judgement);
	if (judgement.keys_wanted && gateway->options.keys_wanted != NULL)
		gateway->options.keys_wanted(
		    gateway->options.keys_context, (size_t)(source - gateway->options.sources->items));
	if (judgement.challenge[0] != '\0') {
		answer_challenge(gateway, source, &judgement, exchange);
		return;
	}
	if (judgement.request == NULL) {
		refuse(gateway, source, &input, &judgement, exchange);
		return;
	}
	judgement.request->reply_to = gateway->options.mailbox;
	judgement.request->reply_kind = gateway->options.reply_kind;
	judgement.request->owner = exchange;
	exchange->owner = judgement.request;
	mail_list_add(&gateway->gathered, &judgement.request->mail);
}

void
gateway_request(void *context, struct http_exchange *exchange)
{
	struct gateway *gateway = context;
	exchange->owner = NULL;
	if (slice_is(exchange->path, "/health")) {
		answer_health(exchange);
		return;
	}
	const struct receive_source *source = NULL;
	if (slice_starts(exchange->path, SLICE("/in/")))
		source = receive_sources_find(gateway->options.sources, slice_skip(exchange->path, 4));
	if (source == NULL)
		answer_error(exchange, 404, "not_found", "expected /in/ and the name of a configured source", NULL);
	else if (!slice_is(exchange->method, "POST"))
		answer_error(exchange, 405, "method_not_allowed", "expected POST", "POST");
	else
		receive(gateway, source, exchange);
}

void
gateway_gone(void *context, struct http_exchange *exchange)
{
	(void)context;
	struct store_request *request = exchange->owner;
	if (request != NULL)
		request->owner = NULL; /* what was sent is journalled all the same; its sender will ask again */
}

void
gateway_flush(struct gateway *gateway)
{
	if (gateway->gathered.count > 0)
		store_runner_submit_list(gateway->options.runner, &gateway->gathered);
}

/* --- what was looked up ------------------------------------------------------------------------------ */

struct gateway_pulled *
gateway_pulled_new(void)
{
	return mem_zero(1, sizeof(struct gateway_pulled));
}

void
gateway_pulled_free(struct gateway_pulled *pulled)
{
	arena_free(&pulled->arena);
	free(pulled);
}

static void
say_not_authentic(struct gateway *gateway, const struct receive_source *source, struct gateway_pulled *pulled,
    const struct receive_judgement *judgement)
{
	gateway->counters.not_authentic++;
	log_write(gateway->options.log, LOG_ERROR, "a pulled event is not authentic, and not journalled", "source",
	    arena_string(&pulled->arena, source->name), "sequence",
	    arena_printf(&pulled->arena, "%" PRId64, pulled->sequence).ptr, "reason", judgement->detail, NULL);
}

void
gateway_pulled(struct gateway *gateway, struct gateway_pulled *pulled)
{
	const struct receive_source *source = &gateway->options.sources->items[pulled->source];
	struct verify_input input = {
	    .method = SLICE("POST"),
	    .authority = pulled->authority,
	    .path = pulled->path,
	    .target_uri = SLICE_NONE,
	    .headers = pulled->headers,
	    .body = pulled->body,
	    .now = clock_wall(),
	};
	struct receive_judgement judgement;
	receive_judge(source, &input, &judgement);
	struct store_request *request = judgement.request;
	if (request == NULL) {
		say_not_authentic(gateway, source, pulled, &judgement);
	} else {
		/* That it has this number was asked of the sender itself. */
		request->journal.looked_up = true;
		request->journal.stream = request->journal.source;
		request->journal.number = pulled->sequence;
		request->journal.number_trusted = true;
		request->reply_to = gateway->options.mailbox;
		request->reply_kind = gateway->options.reply_kind;
		mail_list_add(&gateway->gathered, &request->mail);
	}
	gateway_pulled_free(pulled);
}

/* --- the store's replies ---------------------------------------------------------------------------- */

static void
count(struct gateway_counters *counters, enum journal_verdict verdict)
{
	switch (verdict) {
	case JOURNAL_VERIFIED: counters->accepted++; return;
	case JOURNAL_CONFLICT: counters->conflicts++; return;
	case JOURNAL_DUPLICATE: counters->duplicates++; return;
	case JOURNAL_RECONCILIATION: counters->looked_up++; return;
	}
	UNREACHABLE();
}

static void
report(const struct gateway *gateway, struct store_request *request)
{
	bool conflict = request->journal.verdict == JOURNAL_CONFLICT;
	if (request->status == OK && !conflict)
		return;
	const char *source = arena_string(&request->arena, request->journal.source);
	const char *event = arena_string(&request->arena, request->journal.event_id);
	if (request->status == OK)
		log_write(gateway->options.log, LOG_WARN, "another body under a known event id", "source", source,
		    "event", event, NULL);
	else
		log_write(gateway->options.log, LOG_ERROR, "journal not written", "source", source, "event", event,
		    "error", request->error.text, NULL);
}

void
gateway_reply(struct gateway *gateway, struct store_request *request)
{
	if (request->kind == STORE_REFUSED) {
		gateway->refused_in_flight--;
		if (request->status != OK)
			log_write(gateway->options.log, LOG_WARN, "a refused request is not recorded", "error",
			    request->error.text, NULL);
		store_request_free(request);
		return;
	}
	struct http_exchange *exchange = request->owner;
	if (request->status == OK)
		count(&gateway->counters, request->journal.verdict);
	else
		gateway->counters.refused[VERDICT_VERIFIED]++;
	report(gateway, request);
	const struct store_journal *journal = &request->journal;
	if (request->status == OK && journal_counts(journal->verdict) && gateway->options.manifest != NULL &&
	    slice_present(journal->type) && slice_equal(journal->type, MANIFEST_TYPE))
		gateway->options.manifest(
		    gateway->options.manifest_context, journal->source, journal->message->payload);
	if (exchange != NULL) {
		exchange->owner = NULL;
		if (request->status == OK)
			answer_status(exchange, receive_status_name(request->journal.verdict));
		else
			answer_error(exchange, 503, "unavailable",
			    "the journal cannot be written now; send it again later", NULL);
	}
	store_request_free(request);
}
