#include "app/run.h"

#include "act/act.h"
#include "app/schedule.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

int
run_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	ENSURE(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
	ENSURE(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	int fd = signalfd(-1, &signals, SFD_CLOEXEC);
	ENSURE(fd >= 0);
	return fd;
}

/* A receiver reads its secret files again when it is told to; a sender has nothing to read, and hangs up. */
static void
take_hangups(int fd)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	ENSURE(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
	ENSURE(signalfd(fd, &signals, SFD_CLOEXEC) == fd);
}

/* Until the one that ends it. */
static void
wait_for_signal(int fd, struct service *service)
{
	for (;;) {
		struct signalfd_siginfo info;
		ssize_t got = read(fd, &info, sizeof info);
		ENSURE(got == sizeof info);
		if (info.ssi_signo != SIGHUP)
			return;
		service_reload(service);
	}
}

static struct receive_source_text
text_of(const struct config *config, const struct config_source *source)
{
	return (struct receive_source_text){
	    .name = source->name.ptr,
	    .scheme = source->scheme.ptr,
	    .secret_file = source->secret_file.ptr,
	    .forward = source->forward.ptr,
	    .jwks_url = source->jwks_url.ptr,
	    .pull_url = source->pull_url.ptr,
	    .pull_token_file = source->pull_token_file.ptr,
	    .jwks_retry_ms = config->jwks_retry_ms,
	    .jwks_keep_ms = config->jwks_keep_ms,
	    .origin = source->origin.ptr,
	    .keys_may_come = true,
	};
}

/* The sources of the configuration beside the one of the command line. */
static enum error_code
add_sources(struct receive_sources *sources, const struct config *config, const struct log *log, struct error *error)
{
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < config->source_count; i++) {
		struct receive_source_text text = text_of(config, &config->sources[i]);
		code = receive_sources_add(sources, &text, error);
	}
	if (code == OK && sources->count == 0)
		return error_set(error, ERR_INVALID,
		    "--source is missing: name the source whose requests to /in/NAME are taken, or list sources in "
		    "the configuration");
	for (size_t i = 0; code == OK && i < sources->count; i++)
		if (sources->items[i].keys.count == 0 && slice_present(sources->items[i].secret_file))
			log_write(log, LOG_ERROR,
			    "there is no secret file yet; requests of its source are answered 503", "source",
			    sources->items[i].name.ptr, "file", sources->items[i].secret_file.ptr, NULL);
	return code;
}

/* Connections are what this program is made of: it asks for as many descriptors as it may have. */
static void
raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int
print_config(const struct config *config)
{
	struct buf out;
	buf_init(&out, LIMIT_CONFIG_BYTES);
	config_print(config, &out);
	struct slice text = buf_slice(&out);
	fwrite(text.ptr, 1, text.len, stdout);
	buf_free(&out);
	return CLI_GOOD;
}

static int
serve(const struct cli_arguments *arguments, const struct run_options *options, const struct config *config,
    const struct act *act, struct error *error)
{
	struct log log = {.level = config->log_level, .format = config->log_format, .fd = STDERR_FILENO};
	if (options->sources != NULL && add_sources(options->sources, config, &log, error) != OK)
		return cli_fail(arguments, error);
	if (options->role == SERVICE_RECEIVER && schedule_check(config, error) != OK)
		return cli_fail(arguments, error);
	int signals = run_signals();
	if (options->role == SERVICE_RECEIVER)
		take_hangups(signals);
	raise_descriptors();
	const struct http_tls_options tls = {
	    .certificate = cli_value(arguments, "tls-cert"),
	    .key = cli_value(arguments, "tls-key"),
	    .authorities = cli_value(arguments, "tls-client-ca"),
	};
	bool secure = tls.certificate != NULL || tls.key != NULL || tls.authorities != NULL;
	struct service_options service_options = {
	    .tls = secure ? &tls : NULL,
	    .role = options->role,
	    .data = cli_value(arguments, "data"),
	    .listen = cli_value(arguments, "listen"),
	    .config = config,
	    .config_path = cli_value(arguments, "config"),
	    .sources = options->sources,
	    .act = act,
	    .environment = environ,
	    .log = &log,
	};
	struct service *service = NULL;
	if (service_start(&service_options, &service, error) != OK)
		return cli_fail(arguments, error);
	bool v6 = strchr(service_host(service), ':') != NULL;
	printf("vaultbell: %s http%s://%s%s%s:%d\n", options->verb, secure ? "s" : "", v6 ? "[" : "",
	    service_host(service), v6 ? "]" : "", service_port(service));
	fflush(stdout);
	wait_for_signal(signals, service);
	log_write(&log, LOG_INFO, "stopping", NULL);
	service_stop(service);
	close(signals);
	return CLI_GOOD;
}

int
run_service(const struct cli_arguments *arguments, const struct run_options *options)
{
	struct config config;
	struct error error = ERROR_NONE;
	if (config_load(cli_value(arguments, "config"), environ, &config, &error) != OK)
		return cli_fail(arguments, &error);
	struct act *act = NULL;
	if (options->role == SERVICE_RECEIVER && act_read(&config, &act, &error) != OK) {
		config_free(&config);
		return cli_fail(arguments, &error);
	}
	int status;
	if (cli_given(arguments, "print-config")) {
		status = print_config(&config);
	} else {
		ENSURE(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
		status = serve(arguments, options, &config, act, &error);
		curl_global_cleanup();
	}
	act_free(act);
	config_free(&config);
	return status;
}
