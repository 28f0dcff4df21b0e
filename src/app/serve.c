/* `vaultbell serve` and `vaultbell receive`. */
#include "app/commands.h"
#include "app/run.h"

static const char data_about[] = "where everything is kept; made when it is not there";
static const char listen_about[] = "numeric address and port; port 0 takes a free one";
static const char config_about[] = "YAML file; VAULTBELL_* variables go before it";
static const char tls_cert_about[] = "speak HTTPS with this certificate, in PEM; read anew when it changes";
static const char tls_client_about[] = "ask clients for a certificate of these authorities, in PEM";
static const char print_about[] = "print every key with its value and where it came from, and end";

/* --- serve ------------------------------------------------------------------------------------------ */

static int
run_serve(const struct cli_arguments *arguments)
{
	return run_service(arguments, &(struct run_options){.role = SERVICE_SENDER, .verb = "serving"});
}

static const struct cli_option serve_options[] = {
    {.name = "data", .argument = "DIR", .about = data_about, .required = true},
    {.name = "listen", .argument = "HOST:PORT", .about = listen_about, .fallback = "127.0.0.1:8080"},
    {.name = "config", .argument = "FILE", .about = config_about},
    {.name = "tls-cert", .argument = "FILE", .about = tls_cert_about},
    {.name = "tls-key", .argument = "FILE", .about = "its private key, in PEM"},
    {.name = "tls-client-ca", .argument = "FILE", .about = tls_client_about},
    {.name = "print-config", .about = print_about},
};

const struct cli_command app_serve = {
    .name = "serve",
    .summary = "the sender: management API and delivery",
    .details = "Answers the management API under /api/v1 and delivers what is posted to the endpoints that want it.\n"
	       "Prints one line with its address when it is ready. SIGTERM or Ctrl-C ends it in order: what is on its\n"
	       "way lands and is recorded first.",
    .options = serve_options,
    .option_count = COUNT_OF(serve_options),
    .run = run_serve,
};

/* --- receive ---------------------------------------------------------------------------------------- */

static int
run_receive(const struct cli_arguments *arguments)
{
	struct receive_sources sources;
	struct error error = ERROR_NONE;
	receive_sources_init(&sources);
	struct receive_source_text text = {
	    .name = cli_value(arguments, "source"),
	    .scheme = cli_value(arguments, "scheme"),
	    .secret_file = cli_value(arguments, "secret-file"),
	    .forward = cli_value(arguments, "forward"),
	    .keys_may_come = true,
	};
	int status;
	bool printing = cli_given(arguments, "print-config");
	bool given = text.name != NULL || text.scheme != NULL || text.secret_file != NULL || text.forward != NULL;
	if (!printing && given && text.name == NULL)
		status =
		    cli_misuse(arguments, "--source is missing: name the source whose requests to /in/NAME are taken");
	else if (!printing && given && (text.scheme == NULL || text.secret_file == NULL))
		status = cli_misuse(
		    arguments, "--source %s needs --scheme (" SIGN_SCHEME_NAMES ") and --secret-file", text.name);
	else if (!printing && given && receive_sources_add(&sources, &text, &error) != OK)
		status = cli_fail(arguments, &error);
	else
		status = run_service(arguments,
		    &(struct run_options){.role = SERVICE_RECEIVER, .verb = "receiving", .sources = &sources});
	receive_sources_free(&sources);
	return status;
}

static const struct cli_option receive_options[] = {
    {.name = "data", .argument = "DIR", .about = data_about, .required = true},
    {.name = "listen", .argument = "HOST:PORT", .about = listen_about, .fallback = "127.0.0.1:8081"},
    {.name = "config", .argument = "FILE", .about = config_about},
    {.name = "source", .argument = "NAME", .about = "its requests come to POST /in/NAME"},
    {.name = "scheme", .argument = "S", .about = "how they are signed; see below"},
    {.name = "secret-file", .argument = "F", .about = "one key a line (rfc9421: one JWK); all are accepted"},
    {.name = "forward", .argument = "URL", .about = "hand each event on to this URL, verbatim, with retries"},
    {.name = "tls-cert", .argument = "FILE", .about = tls_cert_about},
    {.name = "tls-key", .argument = "FILE", .about = "its private key, in PEM"},
    {.name = "tls-client-ca", .argument = "FILE", .about = tls_client_about},
    {.name = "print-config", .about = print_about},
};

const struct cli_command app_receive = {
    .name = "receive",
    .summary = "the receiver: verify, journal, de-duplicate, forward",
    .details =
	"Takes webhooks at POST /in/NAME: verifies the signature over the exact bytes, commits them to the\n"
	"journal, and only then answers 200. Repeats are recorded once. See `vaultbell journal list`.\n"
	"Schemes: standard, rfc9421, legacy; of other platforms: fireblocks, bitgo, dfns, fordefi, copper, cobo,\n"
	"ripple, circle, coinbase; and hmac, which the secret file describes (docs/schemes.md).",
    .options = receive_options,
    .option_count = COUNT_OF(receive_options),
    .run = run_receive,
};
