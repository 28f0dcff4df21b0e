/* What a service does in the background: the one list of its jobs (app/background.h says what a job is). */
#include "app/service_private.h"

#include <stdlib.h>

static enum error_code
register_receiver(struct service *service, struct error *error)
{
	const struct config *config = service->options.config;
	service->jwks = jwks_new(
	    &(struct jwks_options){
		.config = config,
		.sources = service->options.sources,
		.mailbox = loop_mailbox(service->in.loop),
		.kind = MAIL_KEYS,
		.log = service->options.log,
	    },
	    service->background);
	service->gaps = gaps_new(
	    &(struct gaps_options){
		.config = config,
		.sources = service->options.sources,
		.mailbox = loop_mailbox(service->in.loop),
		.kind = MAIL_PULLED,
		.log = service->options.log,
	    },
	    service->background);
	service->manifest_check =
	    manifest_check_new(config, service->options.sources, service->options.log, service->background);
	struct background_job replay = replay_job();
	background_add(service->background, &replay);
	service->schedule = schedule_new(
	    &(struct schedule_options){
		.config = service->options.config,
		.config_path = service->options.config_path,
		.data = service->options.data,
		.log = service->options.log,
	    },
	    service->background);
	char *path = service_database(service->options.data);
	service->stuck = stuck_new(
	    &(struct stuck_options){
		.database = path, .stuck_after_us = config->stuck_after_ms * 1000, .log = service->options.log},
	    service->background);
	service->tracking = tracking_new(path, service->options.log, service->background);
	free(path);
	return alerts_new(config, service->options.log, service->background, &service->alerts, error);
}

enum error_code
jobs_register(struct service *service, struct error *error)
{
	service->background = background_new(service->runner, service->options.log);
	service->sealing = sealing_new(service->background, service->sealer, service->runner, service->options.log);
	if (service->options.role == SERVICE_RECEIVER)
		return register_receiver(service, error);
	service->manifests = manifests_new(service->options.config, service->options.log, service->background);
	return OK;
}

void
jobs_stop(struct service *service)
{
	background_stop(service->background);
}

void
jobs_free(struct service *service)
{
	background_free(service->background);
	jwks_free(service->jwks);
	gaps_free(service->gaps);
	manifest_check_free(service->manifest_check);
	manifests_free(service->manifests);
	stuck_free(service->stuck);
	tracking_free(service->tracking);
	alerts_free(service->alerts);
	schedule_free(service->schedule);
	sealing_free(service->sealing);
	service->background = NULL;
	service->jwks = NULL;
	service->gaps = NULL;
	service->manifest_check = NULL;
	service->manifests = NULL;
	service->stuck = NULL;
	service->tracking = NULL;
	service->alerts = NULL;
	service->schedule = NULL;
	service->sealing = NULL;
}
