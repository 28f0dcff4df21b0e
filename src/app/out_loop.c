#include "app/service_private.h"

enum { STOP_WITHIN_US = 10 * 1000000 };

/* --- ports ------------------------------------------------------------------------------------------ */

static void
submit(void *context, struct store_request *request)
{
	struct out_loop *out = context;
	request->reply_to = loop_mailbox(out->loop);
	request->reply_kind = MAIL_STORE_REPLY;
	mail_list_add(&out->submitting, &request->mail);
}

static void
transmit(void *context, struct transmission *transmission)
{
	struct out_loop *out = context;
	if (out->act == NULL || !act_deliver_send(out->act, transmission))
		transport_send(out->transport, transmission);
}

static void
send_over_http(void *context, struct transmission *transmission)
{
	struct out_loop *out = context;
	transport_send(out->transport, transmission);
}

static void
retire(void *context, const struct tls_identity *identity)
{
	const struct out_loop *out = context;
	transport_retire(out->transport, identity);
}

static uint64_t
next_random(void *context)
{
	struct out_loop *out = context;
	return random_next(&out->random);
}

static void
done(void *context, struct transmission *transmission)
{
	struct out_loop *out = context;
	sender_report(out->sender, transmission, clock_wall());
}

static void
landed(void *context, struct transmission *transmission)
{
	struct out_loop *out = context;
	if (out->act != NULL)
		act_deliver_landed(out->act, transmission);
	done(context, transmission);
}

/* --- loop ------------------------------------------------------------------------------------------- */

static void
on_mail(void *context, struct mail_list mail)
{
	struct out_loop *out = context;
	struct wall_time now = clock_wall();
	for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
		switch ((enum mail_kind)one->kind) {
		case MAIL_STORE_REPLY:
			sender_reply(out->sender, CONTAINER_OF(one, struct store_request, mail), now);
			break;
		case MAIL_STORE_NOTE:
			out->noted_bytes += store_note_bytes(CONTAINER_OF(one, struct store_note, mail));
			sender_note(out->sender, CONTAINER_OF(one, struct store_note, mail), now);
			break;
		case MAIL_STOP:
			out->stopping = true;
			out->stop_by.us = clock_mono().us + STOP_WITHIN_US;
			sender_pause(out->sender);
			break;
		case MAIL_ACT: act_deliver_mail(out->act, one); break;
		case MAIL_RELOAD:
			atomic_store(&out->reloading, false);
			if (out->act != NULL)
				act_deliver_reopen(out->act);
			break;
		case MAIL_PULLED:
		case MAIL_KEYS:
		case MAIL_READ: UNREACHABLE();
		}
	}
}

static void
publish_sender(struct out_loop *out, const struct sender_counts *counts)
{
	struct service *service = out->service;
	publish(service, PUBLISHED_NOTED_BYTES, out->noted_bytes);
	publish(service, PUBLISHED_ATTEMPTS, counts->attempts);
	publish(service, PUBLISHED_SUCCEEDED, counts->succeeded);
	publish(service, PUBLISHED_FAILED, counts->failed);
	publish(service, PUBLISHED_RETRIED, counts->retried);
	publish(service, PUBLISHED_EXHAUSTED, counts->exhausted);
	publish(service, PUBLISHED_WAITING, counts->engine.waiting);
	publish(service, PUBLISHED_READY, counts->engine.ready);
	publish(service, PUBLISHED_BLOCKED, counts->engine.blocked);
	publish(service, PUBLISHED_FLYING, counts->engine.flying);
	publish(service, PUBLISHED_RECORDING, counts->engine.recording);
	publish(service, PUBLISHED_HELD,
	    counts->engine.waiting + counts->engine.ready + counts->engine.flying + counts->engine.recording);
}

static int64_t
on_turn(void *context)
{
	struct out_loop *out = context;
	/* The sender first: what its timers send leaves with the transport's turn and does not wait for another. */
	struct wall_time now = clock_wall();
	struct wall_time next = sender_turn(out->sender, now);
	int64_t wait = transport_turn(out->transport);
	int64_t act = out->act == NULL ? -1 : act_deliver_turn(out->act);
	wait = act >= 0 && (wait < 0 || act < wait) ? act : wait;
	store_runner_submit_list(out->service->runner, &out->submitting);
	struct sender_counts counts = sender_counts(out->sender);
	publish_sender(out, &counts);
	if (next.us != WALL_NEVER.us) {
		int64_t until = next.us <= now.us ? 0 : next.us - now.us;
		wait = wait < 0 || until < wait ? until : wait;
	}
	if (!out->stopping)
		return wait;
	int64_t left = out->stop_by.us - clock_mono().us;
	if ((counts.engine.flying == 0 && counts.engine.recording == 0) || left <= 0)
		loop_stop(out->loop);
	return wait < 0 || left < wait ? left : wait;
}

/* --- life ------------------------------------------------------------------------------------------- */

enum error_code
out_loop_init(struct out_loop *out, struct service *service, struct error *error)
{
	const struct config *config = service->options.config;
	out->service = service;
	out->stop.kind = MAIL_STOP;
	mail_list_init(&out->submitting);
	uint64_t seed;
	random_bytes(&seed, sizeof seed);
	random_seed(&out->random, seed);
	out->loop = loop_new(&(struct loop_handlers){.mail = on_mail, .turn = on_turn}, out);
	struct sender_options options = {
	    .engine = engine_default_options(),
	    .schedule = config->delivery_schedule,
	    .timeout_ms = config->delivery_timeout_ms,
	    .sealer = service->sealer,
	    .sandbox_plain_http = !config->delivery_https_only,
	    .certificates = service->certificates,
	    .log = service->options.log,
	    .forwarding = service->options.role == SERVICE_RECEIVER,
	};
	options.engine.suspend_after_ms = config->delivery_suspend_after_ms;
	options.engine.breaker_open_ms = config->delivery_breaker_open_ms;
	options.engine.warn_share_percent = config->delivery_warn_share;
	options.engine.warn_failures = config->delivery_warn_failures;
	out->sender = sender_new(&options,
	    &(struct sender_ports){
		.context = out, .submit = submit, .transmit = transmit, .retire = retire, .random = next_random});
	if (service->options.act != NULL)
		out->act = act_deliver_new(&(struct act_deliver_options){
		    .act = service->options.act,
		    .loop = out->loop,
		    .mail_kind = MAIL_ACT,
		    .environment = service->options.environment,
		    .timeout_ms = config->delivery_timeout_ms,
		    .log = service->options.log,
		    .context = out,
		    .send = send_over_http,
		    .done = done,
		});
	if (config->delivery_name_servers.len > 0)
		out->name_servers = mem_string(config->delivery_name_servers);
	return transport_new(
	    &(struct transport_options){
		.kind = config->delivery_transport,
		.loop = out->loop,
		.guard = &config->delivery_networks,
		.allow_http = config->delivery_allow_http && !config->delivery_https_only,
		.name_servers = out->name_servers,
		.connections_max = LIMIT_IN_FLIGHT,
		.connect_timeout_ms = config->delivery_connect_timeout_ms,
		.first_byte_timeout_ms = config->delivery_first_byte_timeout_ms > 0
					     ? config->delivery_first_byte_timeout_ms
					     : config->delivery_timeout_ms,
		.done = landed,
		.context = out,
		.log = service->options.log,
	    },
	    &out->transport, error);
}

static void *
run(void *argument)
{
	struct out_loop *out = argument;
	pthread_setname_np(pthread_self(), "out-loop");
	sender_start(out->sender, clock_wall());
	loop_run(out->loop);
	return NULL;
}

void
out_loop_start(struct out_loop *out)
{
	ENSURE(pthread_create(&out->thread, NULL, run, out) == 0);
}

void
out_loop_reload(struct out_loop *out)
{
	if (atomic_exchange(&out->reloading, true))
		return;
	out->reload.kind = MAIL_RELOAD;
	mailbox_post(loop_mailbox(out->loop), &out->reload);
}

void
out_loop_stop(struct out_loop *out)
{
	mailbox_post(loop_mailbox(out->loop), &out->stop);
	ENSURE(pthread_join(out->thread, NULL) == 0);
}

void
out_loop_fini(struct out_loop *out)
{
	if (out->loop == NULL)
		return;
	act_deliver_free(out->act); /* ends its threads: nothing comes into the mailbox any more */
	if (out->transport != NULL)
		transport_free(out->transport);
	struct mail_list mail = mailbox_take(loop_mailbox(out->loop));
	for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
		if (one->kind == MAIL_STORE_REPLY)
			store_request_free(CONTAINER_OF(one, struct store_request, mail));
		else if (one->kind == MAIL_STORE_NOTE)
			store_note_free(CONTAINER_OF(one, struct store_note, mail));
	}
	sender_free(out->sender);
	loop_free(out->loop);
	free(out->name_servers);
}
