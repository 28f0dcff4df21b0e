#include "transport/backend.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const kind_names[TRANSPORT_KIND_COUNT] = {
    [TRANSPORT_OWN] = "own",
    [TRANSPORT_CURL] = "curl",
};

static const struct transport_backend *const backends[TRANSPORT_KIND_COUNT] = {
    [TRANSPORT_OWN] = &transport_own,
    [TRANSPORT_CURL] = &transport_curl,
};

enum error_code
transport_new(const struct transport_options *options, struct transport **out, struct error *error)
{
	ENSURE(options->kind < TRANSPORT_KIND_COUNT);
	const struct transport_backend *backend = backends[options->kind];
	enum error_code code = backend->open(options, out, error);
	if (code == OK)
		(*out)->backend = backend;
	return code;
}

void
transport_send(struct transport *transport, struct transmission *transmission)
{
	transport->backend->send(transport, transmission);
}

int64_t
transport_turn(struct transport *transport)
{
	return transport->backend->turn(transport);
}

void
transport_retire(struct transport *transport, const struct tls_identity *identity)
{
	transport->backend->retire(transport, identity);
}

void
transport_free(struct transport *transport)
{
	if (transport != NULL)
		transport->backend->free(transport);
}

const char *
transport_authorities(const char *preferred, const struct log *log)
{
	const char *const candidates[] = {secure_getenv("SSL_CERT_FILE"), preferred,
	    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
	for (size_t i = 0; i < COUNT_OF(candidates); i++)
		if (candidates[i] != NULL && access(candidates[i], R_OK) == 0)
			return candidates[i];
	if (log != NULL)
		log_write(
		    log, LOG_WARN, "no file of certificate authorities: https will fail", "set", "SSL_CERT_FILE", NULL);
	return NULL;
}

bool
transport_kind_parse(struct slice name, enum transport_kind *out)
{
	for (int kind = 0; kind < TRANSPORT_KIND_COUNT; kind++) {
		if (slice_is(name, kind_names[kind])) {
			*out = (enum transport_kind)kind;
			return true;
		}
	}
	return false;
}

const char *
transmission_outcome_name(enum transmission_outcome outcome)
{
	static const char *const names[TRANSMISSION_OUTCOME_COUNT] = {
	    [TRANSMISSION_ANSWERED] = "answered",
	    [TRANSMISSION_REFUSED] = "refused",
	    [TRANSMISSION_UNREACHABLE] = "unreachable",
	    [TRANSMISSION_TIMED_OUT] = "timed out",
	    [TRANSMISSION_BROKEN] = "broken",
	    [TRANSMISSION_PASSED] = "passed",
	    [TRANSMISSION_FAILED] = "failed",
	};
	ENSURE(outcome < TRANSMISSION_OUTCOME_COUNT);
	return names[outcome];
}
