/* What a service does in the background: the one list of its jobs (app/background.h says what a job is). */
#include "app/service_private.h"

void
jobs_register(struct service *service)
{
	service->background = background_new(service->runner, service->options.log);
}
