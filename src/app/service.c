#include "app/service_private.h"

#include "catalogue/catalogue.h"
#include "deliver/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

char *
service_database(const char *data)
{
	struct arena arena = ARENA_EMPTY;
	char *path = mem_string(arena_printf(&arena, "%s/vaultbell.db", data));
	arena_free(&arena);
	return path;
}

/* "127.0.0.1:8080", "[::1]:8080". */
static enum error_code
split_listen(struct service *service, const char *listen, struct error *error)
{
	const char *colon = strrchr(listen, ':');
	size_t host = colon == NULL ? 0 : (size_t)(colon - listen);
	const char *begin = listen;
	if (host >= 2 && listen[0] == '[' && listen[host - 1] == ']') {
		begin++;
		host -= 2;
	}
	int64_t port;
	if (host == 0 || host >= sizeof service->host || !slice_to_int64(slice_of(colon + 1), &port) || port > 65535)
		return error_set(error, ERR_INVALID,
		    "--listen %s: expected a numeric address and a port, such as 127.0.0.1:8080 or [::1]:8080", listen);
	memcpy(service->host, begin, host);
	snprintf(service->port, sizeof service->port, "%u", (unsigned)port & 0xffffu);
	return OK;
}

/* One process at a time owns a data directory; the lock goes with the process, however it ends. */
static enum error_code
lock_directory(struct service *service, struct error *error)
{
	const char *data = service->options.data;
	if (mkdir(data, 0700) != 0 && errno != EEXIST)
		return error_set(error, ERR_IO, "--data %s: the directory cannot be made: %s", data, strerror(errno));
	struct arena arena = ARENA_EMPTY;
	struct slice path = arena_printf(&arena, "%s/lock", data);
	service->lock_fd = open(path.ptr, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	arena_free(&arena);
	if (service->lock_fd < 0)
		return error_set(
		    error, ERR_IO, "--data %s: the directory cannot be written: %s", data, strerror(errno));
	if (flock(service->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(error, ERR_UNAVAILABLE,
		    "--data %s: another vaultbell runs on this directory: stop it, or give another directory", data);
	return OK;
}

static bool
is_catalogued(void *context, struct slice name)
{
	(void)context;
	return catalogue_find(name) != NULL;
}

/* What an organisation must have enabled for a type: its service, unless everybody has that one. */
static struct slice
service_of_type(void *context, struct slice name)
{
	(void)context;
	const struct catalogue_type *type = catalogue_find(name);
	if (type == NULL)
		type = catalogue_find_legacy(name);
	return type == NULL || catalogue_service_always_on(type->service) ? SLICE_NONE : type->service;
}

/* Of what the endpoint is sent. */
static void
body_digest(void *context, const struct endpoint *endpoint, const struct message *message,
    unsigned char out[static SHA256_BYTES])
{
	(void)context;
	struct arena arena = ARENA_EMPTY;
	sha256(compose_body(&arena, endpoint->payload_style, endpoint->version, endpoint->environment, message), out);
	arena_free(&arena);
}

static enum error_code
open_store(struct service *service, struct error *error)
{
	char *path = service_database(service->options.data);
	struct store_sqlite_options options = {
	    .common =
		{
		    .builtin_type = is_catalogued,
		    .type_service = service_of_type,
		    .operational =
			service->options.role == SERVICE_SENDER && service->options.config->operational_webhooks,
		    .body_digest = body_digest,
		    .feed = service->options.role == SERVICE_SENDER,
		    .log = service->options.log,
		},
	    .path = path,
	};
	enum error_code code = store_sqlite_open(&options, &service->store, error);
	free(path);
	if (code == OK && service->options.role == SERVICE_RECEIVER)
		code = forward_prepare(service->store, service->options.sources, &service->acting, error);
	const struct anchor_of *of = service->options.role == SERVICE_RECEIVER ? &anchor_of_journal : &anchor_of_audit;
	if (code == OK)
		code = anchor_open(of, service->options.data, service->sealer, service->store, service->options.log,
		    &service->anchor, error);
	return code;
}

/* The out-loop's mailbox takes the store's notes, so its loop is made before the runner; the rest of it after. */
static enum error_code
wire(struct service *service, struct error *error)
{
	enum error_code code = out_loop_init(&service->out, service, error);
	if (code != OK)
		return code;
	service->runner = store_runner_start(&(struct store_runner_options){
	    .store = service->store,
	    .anchor = service->anchor,
	    .notes = loop_mailbox(service->out.loop),
	    .note_kind = MAIL_STORE_NOTE,
	    .log = service->options.log,
	});
	service->store = NULL;
	service->anchor = NULL;
	code = in_loop_init(&service->in, service, error);
	if (code == OK && service->options.role == SERVICE_RECEIVER)
		code = reads_start(service, error);
	if (code == OK)
		code = jobs_register(service, error);
	return code;
}

static void
free_all(struct service *service)
{
	jobs_stop(service);
	reader_stop(service->reader);
	if (service->runner != NULL)
		store_runner_stop(service->runner);
	jobs_free(service);
	anchor_free(service->anchor);
	store_close(service->store);
	in_loop_fini(&service->in);
	reader_free(service->reader);
	out_loop_fini(&service->out);
	http_tls_free(service->tls);
	free(service->access);
	arena_free(&service->arena);
	certificates_free(service->certificates);
	sealer_free(service->sealer);
	if (service->lock_fd >= 0)
		close(service->lock_fd);
	free(service);
}

enum error_code
service_start(const struct service_options *options, struct service **out, struct error *error)
{
	struct service *service = mem_zero(1, sizeof *service);
	service->options = *options;
	service->acting.act = options->act;
	service->lock_fd = -1;
	if (options->role == SERVICE_SENDER)
		service->certificates = certificates_new();
	enum error_code code = split_listen(service, options->listen, error);
	if (code == OK)
		code = lock_directory(service, error);
	if (code == OK)
		code = sealer_open(options->data, &service->sealer, error);
	if (code == OK && options->tls != NULL)
		code = http_tls_new(options->tls, &service->tls, error);
	if (code == OK && options->role == SERVICE_RECEIVER)
		code = access_prepare(service, error);
	if (code == OK)
		code = open_store(service, error);
	if (code == OK)
		code = wire(service, error);
	if (code != OK) {
		free_all(service);
		return code;
	}
	out_loop_start(&service->out);
	in_loop_start(&service->in);
	background_start(service->background);
	*out = service;
	return OK;
}

void
service_stop(struct service *service)
{
	in_loop_stop(&service->in);
	out_loop_stop(&service->out);
	free_all(service);
}

void
service_reload(struct service *service)
{
	in_loop_reload(&service->in);
	out_loop_reload(&service->out);
}

int
service_port(const struct service *service)
{
	return http_server_port(service->in.http);
}

const char *
service_host(const struct service *service)
{
	return service->host;
}

static uint64_t
read_count(const struct service *service, enum published which)
{
	return atomic_load_explicit(&service->published[which], memory_order_relaxed);
}

struct service_counts
service_counts(const struct service *service)
{
	return (struct service_counts){
	    .attempts = read_count(service, PUBLISHED_ATTEMPTS),
	    .succeeded = read_count(service, PUBLISHED_SUCCEEDED),
	    .failed = read_count(service, PUBLISHED_FAILED),
	    .retried = read_count(service, PUBLISHED_RETRIED),
	    .exhausted = read_count(service, PUBLISHED_EXHAUSTED),
	    .held = read_count(service, PUBLISHED_HELD),
	    .accepted = read_count(service, PUBLISHED_ACCEPTED),
	    .duplicates = read_count(service, PUBLISHED_DUPLICATES),
	    .conflicts = read_count(service, PUBLISHED_CONFLICTS),
	    .refused = read_count(service, PUBLISHED_REFUSED),
	};
}
