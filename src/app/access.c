/* Who may send to each source: the configuration's `allow` and `client_certificate`, for the gateway. */
#include "app/service_private.h"

#include <stdlib.h>

static const struct config_source *
find(const struct config *config, struct slice name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (slice_equal(config->sources[i].name, name))
			return &config->sources[i];
	return NULL;
}

static enum error_code
prepare(struct service *service, const struct config_source *from, struct access *access, struct error *error)
{
	enum error_code code = access_parse(from->allow, from->client_certificate, &service->arena, access, error);
	if (code == OK && access->certificates.count > 0 && (service->tls == NULL || !http_tls_asks(service->tls)))
		code = error_set(error, ERR_INVALID,
		    "client_certificate: nobody is asked for one; give --tls-cert, --tls-key and --tls-client-ca");
	return code == OK ? OK : error_wrap(error, "%.*s: sources", SLICE_ARG(from->origin));
}

enum error_code
access_prepare(struct service *service, struct error *error)
{
	const struct receive_sources *sources = service->options.sources;
	service->access = mem_zero(sources->count, sizeof *service->access);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < sources->count; i++) {
		const struct config_source *from = find(service->options.config, sources->items[i].name);
		if (from != NULL)
			code = prepare(service, from, &service->access[i], error);
	}
	return code;
}
