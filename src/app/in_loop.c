#include "app/service_private.h"

#include <malloc.h>
#include <sys/statvfs.h>

enum { CHECK_US = 1000000 };

/* A certificate that cannot be used leaves the one that is used now. */
static void
check_certificates(struct in_loop *in)
{
	bool changed = false;
	struct error error = ERROR_NONE;
	if (in->service->tls == NULL)
		return;
	if (http_tls_reload(in->service->tls, &changed, &error) != OK)
		log_write(in->service->options.log, LOG_ERROR,
		    "the certificate cannot be read anew; the one that was read before stays", "error", error.text,
		    NULL);
	else if (changed)
		log_write(in->service->options.log, LOG_INFO, "certificate read", NULL);
}

static void
take_keys(struct in_loop *in, struct jwks_mail *mail)
{
	receive_sources_take(in->service->options.sources, mail->source, &mail->keys, clock_wall());
	jwks_mail_free(mail);
}

static void
on_mail(void *context, struct mail_list mail)
{
	struct in_loop *in = context;
	for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
		if (one->kind == MAIL_STOP) {
			loop_stop(in->loop);
		} else if (one->kind == MAIL_RELOAD) {
			atomic_store(&in->reloading, false);
			check_certificates(in);
			if (in->gateway != NULL)
				receive_sources_reload(in->service->options.sources, true, in->service->options.log);
		} else if (one->kind == MAIL_READ) {
			reader_reply(in->service->reader, one);
		} else if (one->kind == MAIL_KEYS) {
			take_keys(in, CONTAINER_OF(one, struct jwks_mail, mail));
		} else if (one->kind == MAIL_PULLED) {
			gateway_pulled(in->gateway, CONTAINER_OF(one, struct gateway_pulled, mail));
		} else if (in->api != NULL) {
			api_reply(in->api, CONTAINER_OF(one, struct store_request, mail));
		} else {
			gateway_reply(in->gateway, CONTAINER_OF(one, struct store_request, mail));
		}
	}
}

static void
publish_gateway(struct in_loop *in)
{
	const struct gateway_counters *counters = gateway_counters(in->gateway);
	uint64_t refused = counters->no_keys;
	for (size_t i = 0; i < COUNT_OF(counters->refused); i++)
		refused += counters->refused[i];
	publish(in->service, PUBLISHED_ACCEPTED, counters->accepted);
	publish(in->service, PUBLISHED_DUPLICATES, counters->duplicates);
	publish(in->service, PUBLISHED_CONFLICTS, counters->conflicts);
	publish(in->service, PUBLISHED_REFUSED, refused);
	publish(in->service, PUBLISHED_NO_KEYS, counters->no_keys);
	publish(in->service, PUBLISHED_UNRECORDED, counters->unrecorded);
	for (size_t i = 0; i < VERDICT_COUNT; i++)
		publish(in->service, (enum published)(PUBLISHED_REFUSED_BY + i), counters->refused[i]);
}

/* Once a second: whether a file is another one now. Returns how long until then. */
static int64_t
check_files(struct in_loop *in)
{
	int64_t left = in->check.us - clock_mono().us;
	if (left > 0)
		return left;
	in->check.us = clock_mono().us + CHECK_US;
	check_certificates(in);
	if (in->gateway == NULL)
		return CHECK_US;
	receive_sources_reload(in->service->options.sources, false, in->service->options.log);
	receive_sources_expire(in->service->options.sources, clock_wall(), in->service->options.log);
	gateway_tick(in->gateway);
	return CHECK_US;
}

static int64_t
on_turn(void *context)
{
	struct in_loop *in = context;
	int64_t wait = http_server_turn(in->http);
	if (in->gateway != NULL || in->service->tls != NULL) {
		int64_t check = check_files(in);
		wait = wait < 0 || wait > check ? check : wait;
	}
	if (in->api != NULL) {
		int64_t due = api_turn(in->api);
		wait = wait < 0 || (due >= 0 && due < wait) ? due : wait;
	} else {
		gateway_flush(in->gateway);
		publish_gateway(in);
	}
	return wait;
}

static void
on_request(void *context, struct http_exchange *exchange)
{
	struct in_loop *in = context;
	if (in->api != NULL)
		api_request(in->api, exchange);
	else if (reader_wants(exchange->path))
		reader_request(in->service->reader, exchange);
	else
		gateway_request(in->gateway, exchange);
}

static void
on_gone(void *context, struct http_exchange *exchange)
{
	struct in_loop *in = context;
	if (in->api != NULL)
		api_gone(in->api, exchange);
	else if (reader_wants(exchange->path))
		reader_gone(in->service->reader, exchange);
	else
		gateway_gone(in->gateway, exchange);
}

/* What was noted by the store and not yet taken by the sender. The taken side is read first, so it is never more. */
static int64_t
noted_bytes(const struct service *service)
{
	uint64_t taken = published(service, PUBLISHED_NOTED_BYTES);
	return (int64_t)(store_runner_noted_bytes(service->runner) - taken);
}

static void
weigh(struct in_loop *in)
{
	struct mallinfo2 memory = mallinfo2();
	in->memory_bytes = (int64_t)(memory.uordblks + memory.hblkhd);
	struct statvfs disk;
	bool known = statvfs(in->service->options.data, &disk) == 0;
	in->disk_free_bytes = known ? (int64_t)disk.f_bavail * (int64_t)disk.f_frsize : -1;
}

static int64_t
disk_floor(const struct service *service)
{
	enum { AUTO_MIB = 256, AUTO_SHARE = 20 };
	int64_t mib = service->options.config->ingest_disk_floor_mib;
	if (mib >= 0)
		return mib << 20;
	struct statvfs disk;
	if (statvfs(service->options.data, &disk) != 0)
		return 0;
	int64_t share = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize / AUTO_SHARE;
	return share < (int64_t)AUTO_MIB << 20 ? share : (int64_t)AUTO_MIB << 20;
}

static void
read_pressure(void *context, struct pressure_reading *out)
{
	struct service *service = context;
	struct in_loop *in = &service->in;
	struct mono_time now = clock_mono();
	if (in->weighed.us == 0 || now.us - in->weighed.us >= CHECK_US) {
		weigh(in);
		in->weighed = now;
	}
	*out = (struct pressure_reading){
	    .queue_bytes = noted_bytes(service),
	    .memory_bytes = in->memory_bytes,
	    .disk_free_bytes = in->disk_free_bytes,
	};
}

static void
measure(void *context, struct api_measures *out)
{
	const struct service *service = context;
	*out = (struct api_measures){
	    .attempts_succeeded = published(service, PUBLISHED_SUCCEEDED),
	    .attempts_failed = published(service, PUBLISHED_FAILED),
	    .retried = published(service, PUBLISHED_RETRIED),
	    .exhausted = published(service, PUBLISHED_EXHAUSTED),
	    .waiting = published(service, PUBLISHED_WAITING),
	    .ready = published(service, PUBLISHED_READY),
	    .blocked = published(service, PUBLISHED_BLOCKED),
	    .flying = published(service, PUBLISHED_FLYING),
	    .recording = published(service, PUBLISHED_RECORDING),
	    .store = store_runner_counts(service->runner),
	    .queue_bytes = (uint64_t)noted_bytes(service),
	};
}

static void
keys_wanted(void *context, size_t source)
{
	const struct service *service = context;
	jwks_want(service->jwks, source);
}

static void
take_manifest(void *context, struct slice source, struct slice body)
{
	struct service *service = context;
	if (service->manifest_check != NULL)
		manifest_check_take(service->manifest_check, source, body);
}

enum error_code
in_loop_init(struct in_loop *in, struct service *service, struct error *error)
{
	in->service = service;
	in->stop.kind = MAIL_STOP;
	in->loop = loop_new(&(struct loop_handlers){.mail = on_mail, .turn = on_turn}, in);
	if (service->options.role == SERVICE_SENDER)
		in->api = api_new(&(struct api_options){
		    .config = service->options.config,
		    .sealer = service->sealer,
		    .certificates = service->certificates,
		    .runner = service->runner,
		    .mailbox = loop_mailbox(in->loop),
		    .reply_kind = MAIL_STORE_REPLY,
		    .log = service->options.log,
		    .measure = measure,
		    .measure_context = service,
		    .read_pressure = read_pressure,
		    .disk_floor_bytes = disk_floor(service),
		});
	else
		in->gateway = gateway_new(&(struct gateway_options){
		    .sources = service->options.sources,
		    .runner = service->runner,
		    .mailbox = loop_mailbox(in->loop),
		    .reply_kind = MAIL_STORE_REPLY,
		    .log = service->options.log,
		    .keys_wanted = keys_wanted,
		    .keys_context = service,
		    .manifest = take_manifest,
		    .manifest_context = service,
		    .access = service->access,
		    .proxies = &service->options.config->trusted_proxies,
		});
	return http_server_new(
	    &(struct http_options){
		.loop = in->loop,
		.host = service->host,
		.port = service->port,
		.body_max = LIMIT_BODY_BYTES,
		.tls = service->tls,
		.handlers = {.request = on_request, .gone = on_gone},
		.context = in,
		.log = service->options.log,
	    },
	    &in->http, error);
}

static void *
run(void *argument)
{
	struct in_loop *in = argument;
	pthread_setname_np(pthread_self(), "in-loop");
	loop_run(in->loop);
	return NULL;
}

void
in_loop_start(struct in_loop *in)
{
	ENSURE(pthread_create(&in->thread, NULL, run, in) == 0);
}

void
in_loop_reload(struct in_loop *in)
{
	if (atomic_exchange(&in->reloading, true))
		return;
	in->reload.kind = MAIL_RELOAD;
	mailbox_post(loop_mailbox(in->loop), &in->reload);
}

void
in_loop_stop(struct in_loop *in)
{
	mailbox_post(loop_mailbox(in->loop), &in->stop);
	ENSURE(pthread_join(in->thread, NULL) == 0);
}

void
in_loop_fini(struct in_loop *in)
{
	if (in->loop == NULL)
		return;
	/* What was committed meanwhile can still be answered: the connections are open. New requests find no store. */
	on_mail(in, mailbox_take(loop_mailbox(in->loop)));
	if (in->http != NULL) {
		http_server_refuse(in->http);
		http_server_turn(in->http);
		http_server_free(in->http);
	}
	if (in->api != NULL)
		api_free(in->api);
	if (in->gateway != NULL)
		gateway_free(in->gateway);
	loop_free(in->loop);
}
