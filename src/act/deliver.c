#include "act/deliver.h"

#include "act/command.h"
#include "act/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct act_deliver {
	struct act_deliver_options options;
	/* by destination; one of the two, or none for HTTP */
	struct act_commands *commands[LIMIT_DESTINATIONS];
	struct act_worker *workers[LIMIT_DESTINATIONS];
	struct act_job *ended, **ended_last; /* to be reported in the next turn */
};

void
act_job_end(struct act_job *job, enum act_verdict verdict, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(job->text, sizeof job->text, format, args);
	va_end(args);
	job->verdict = verdict;
}

/* --- jobs ------------------------------------------------------------------------------------------- */

static struct slice
header_of(const struct transmission *transmission, const char *name)
{
	for (size_t i = 0; i < transmission->headers.count; i++)
		if (slice_is(transmission->headers.items[i].name, name))
			return transmission->headers.items[i].value;
	return SLICE("0");
}

static struct act_job *
job_new(const struct act_destination *destination, struct transmission *transmission)
{
	const struct message *message = transmission->message;
	struct act_job *job = arena_alloc(&transmission->arena, sizeof *job);
	struct json unused;
	*job = (struct act_job){
	    .destination = destination,
	    .transmission = transmission,
	    .source = message->channels.count > 0 ? message->channels.items[0] : SLICE(""),
	    .event_id = message->webhook_id,
	    .type = message->event_type.len > 0 ? message->event_type : SLICE_NONE,
	    .body = transmission->body,
	    .is_json = json_parse(transmission->body, LIMIT_JSON_DEPTH, &unused, NULL) == OK,
	    .sequence = header_of(transmission, "vaultbell-sequence"),
	    .attempt = header_of(transmission, "vaultbell-attempt"),
	    .received = message->created,
	    .begun = clock_mono(),
	};
	return job;
}

static void
on_ended(void *context, struct act_job *job)
{
	struct act_deliver *deliver = context;
	job->next = NULL;
	*deliver->ended_last = job;
	deliver->ended_last = &job->next;
}

static void
report(struct act_deliver *deliver, struct act_job *job)
{
	struct transmission *transmission = job->transmission;
	transmission->outcome = job->verdict == ACT_PASS ? TRANSMISSION_PASSED : TRANSMISSION_FAILED;
	transmission->final = job->verdict == ACT_FAIL;
	transmission->response = slice_of(job->text);
	transmission->duration_us = clock_mono().us - job->begun.us;
	deliver->options.done(deliver->options.context, transmission);
}

/* --- redaction -------------------------------------------------------------------------------------- */

static bool
redact(struct act_job *job)
{
	if (job->destination->redactions == NULL)
		return true;
	struct buf out;
	buf_init(&out, job->body.len * 2 + 4096);
	bool good = act_redact(job->destination->redactions, job->body, &out) == OK && !out.overflow;
	if (good)
		job->body = arena_copy(&job->transmission->arena, buf_slice(&out));
	job->redacted = true;
	buf_free(&out);
	return good;
}

/* --- HTTP ------------------------------------------------------------------------------------------- */

static void
add(struct http_headers *headers, const char *name, struct slice value)
{
	headers->items[headers->count++] = (struct http_header){slice_of(name), value};
}

/* What the sender composed, with the destination's own headers; the event's id comes with the signature. */
static void
copy_headers(const struct act_job *job, struct http_headers *out)
{
	const struct act_http *http = &job->destination->http;
	struct transmission *transmission = job->transmission;
	bool id_with_signature = http->sign && http->scheme != SCHEME_LEGACY;
	size_t room = transmission->headers.count + http->headers.count + SIGN_HEADERS_MAX + 2;
	*out = (struct http_headers){arena_alloc(&transmission->arena, room * sizeof out->items[0]), 0};
	for (size_t i = 0; i < transmission->headers.count; i++)
		if (!id_with_signature || !slice_is(transmission->headers.items[i].name, "webhook-id"))
			out->items[out->count++] = transmission->headers.items[i];
	for (size_t i = 0; i < http->headers.count; i++)
		out->items[out->count++] = http->headers.items[i];
	if (job->source.len > 0)
		add(out, "vaultbell-source", job->source);
	if (job->redacted)
		add(out, "vaultbell-redacted", SLICE("true"));
}

static enum error_code
compose_http(struct act_job *job, struct error *error)
{
	const struct act_http *http = &job->destination->http;
	struct transmission *transmission = job->transmission;
	struct http_headers headers;
	copy_headers(job, &headers);
	transmission->url = arena_copy(&transmission->arena, http->url);
	transmission->body = job->body;
	transmission->destination = job->destination;
	if (job->destination->timeout_ms != 0)
		transmission->timeout_ms = job->destination->timeout_ms;
	enum error_code code = OK;
	if (http->sign) {
		struct sign_input sign = {
		    .method = SLICE("POST"),
		    .authority = http->authority,
		    .path = http->path,
		    .content_type = SLICE("application/json"),
		    .id = job->event_id,
		    .sequence = job->sequence,
		    .timestamp = clock_wall().us / 1000000,
		    .body = job->body,
		};
		code = sign_request(
		    http->scheme, http->keys.items, http->keys.count, &sign, &transmission->arena, &headers, error);
	}
	transmission->headers = headers;
	return code;
}

void
act_deliver_landed(struct act_deliver *deliver, struct transmission *transmission)
{
	(void)deliver;
	const struct act_destination *destination = transmission->destination;
	if (destination == NULL || transmission->outcome != TRANSMISSION_ANSWERED)
		return;
	int status = transmission->status_code;
	transmission->final = status >= 300 && status < 600 && destination->http.final_codes[status];
}

/* --- sending ---------------------------------------------------------------------------------------- */

static void
hand_over(struct act_deliver *deliver, struct act_job *job)
{
	size_t at = (size_t)(job->destination - deliver->options.act->destinations);
	struct error error = ERROR_NONE;
	switch (job->destination->kind) {
	case ACT_COMMAND: act_commands_run(deliver->commands[at], job); return;
	case ACT_FILE:
	case ACT_POSTGRES: act_worker_submit(deliver->workers[at], job); return;
	case ACT_HTTP:
		if (compose_http(job, &error) == OK) {
			deliver->options.send(deliver->options.context, job->transmission);
			return;
		}
		act_job_end(job, ACT_RETRY, "it cannot be signed: %s", error.text);
		on_ended(deliver, job);
		return;
	case ACT_KIND_COUNT: break;
	}
	UNREACHABLE();
}

bool
act_deliver_send(struct act_deliver *deliver, struct transmission *transmission)
{
	const struct act_destination *destination = act_find(deliver->options.act, transmission->url);
	if (destination == NULL)
		return false;
	struct act_job *job = job_new(destination, transmission);
	if (redact(job)) {
		hand_over(deliver, job);
		return true;
	}
	act_job_end(job, ACT_FAIL, "what is not JSON cannot be redacted, and is not passed on");
	on_ended(deliver, job);
	return true;
}

void
act_deliver_mail(struct act_deliver *deliver, struct mail *mail)
{
	on_ended(deliver, CONTAINER_OF(mail, struct act_job, mail));
}

int64_t
act_deliver_turn(struct act_deliver *deliver)
{
	int64_t wait = -1;
	for (size_t i = 0; i < deliver->options.act->destination_count; i++) {
		int64_t next = deliver->commands[i] == NULL ? -1 : act_commands_turn(deliver->commands[i]);
		if (next >= 0 && (wait < 0 || next < wait))
			wait = next;
	}
	/* What is reported may bring the next one. */
	while (deliver->ended != NULL) {
		struct act_job *job = deliver->ended;
		deliver->ended = job->next;
		if (deliver->ended == NULL)
			deliver->ended_last = &deliver->ended;
		report(deliver, job);
		wait = 0;
	}
	return wait;
}

/* --- life ------------------------------------------------------------------------------------------- */

struct act_deliver *
act_deliver_new(const struct act_deliver_options *options)
{
	struct act_deliver *deliver = mem_zero(1, sizeof *deliver);
	deliver->options = *options;
	deliver->ended_last = &deliver->ended;
	for (size_t i = 0; i < options->act->destination_count; i++) {
		const struct act_destination *destination = &options->act->destinations[i];
		if (destination->kind == ACT_COMMAND)
			deliver->commands[i] = act_commands_new(
			    options->loop, destination, options->environment, options->timeout_ms, on_ended, deliver);
		else if (destination->kind != ACT_HTTP)
			deliver->workers[i] = act_worker_start(destination, loop_mailbox(options->loop),
			    options->mail_kind, options->timeout_ms, options->log);
	}
	return deliver;
}

void
act_deliver_reopen(struct act_deliver *deliver)
{
	for (size_t i = 0; i < deliver->options.act->destination_count; i++)
		if (deliver->options.act->destinations[i].kind == ACT_FILE)
			act_worker_reopen(deliver->workers[i]);
}

void
act_deliver_free(struct act_deliver *deliver)
{
	if (deliver == NULL)
		return;
	for (size_t i = 0; i < deliver->options.act->destination_count; i++) {
		act_commands_free(deliver->commands[i]);
		act_worker_stop(deliver->workers[i]);
	}
	free(deliver);
}
