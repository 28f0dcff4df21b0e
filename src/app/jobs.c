/* What a service does in the background: the one list of its jobs (app/background.h says what a job is). */
#include "app/service_private.h"

static void
register_receiver(struct service *service)
{
	service->jwks = jwks_new(
	    &(struct jwks_options){
		.config = service->options.config,
		.sources = service->options.sources,
		.mailbox = loop_mailbox(service->in.loop),
		.kind = MAIL_KEYS,
		.log = service->options.log,
	    },
	    service->background);
	service->gaps = gaps_new(
	    &(struct gaps_options){
		.config = service->options.config,
		.sources = service->options.sources,
		.mailbox = loop_mailbox(service->in.loop),
		.kind = MAIL_PULLED,
		.log = service->options.log,
	    },
	    service->background);
}

void
jobs_register(struct service *service)
{
	service->background = background_new(service->runner, service->options.log);
	if (service->options.role == SERVICE_RECEIVER)
		register_receiver(service);
}

void
jobs_free(struct service *service)
{
	background_stop(service->background);
	jwks_free(service->jwks);
	gaps_free(service->gaps);
	service->background = NULL;
	service->jwks = NULL;
	service->gaps = NULL;
}
