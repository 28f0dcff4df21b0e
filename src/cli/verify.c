/* `verify`: checks a captured request offline and says why it fails. */
#include "cli/arguments.h"
#include "cli/input.h"

#include "receive/receive.h"

#include <stdio.h>

/* What was read; freed together. */
struct capture {
	enum sign_scheme scheme;
	struct key_list keys;
	struct buf headers, body;
	struct arena arena;
	struct verify_input input;
};

/* Splits --url into what a signature may cover. */
static enum error_code
read_url(const struct cli_arguments *arguments, struct verify_input *input, struct error *error)
{
	struct slice url = slice_of(cli_value(arguments, "url"));
	input->method = slice_of(cli_value(arguments, "method"));
	for (size_t i = 0; i < input->headers.count; i++)
		if (slice_equal_nocase(input->headers.items[i].name, SLICE("host")))
			input->authority = input->headers.items[i].value;
	input->path = SLICE("/");
	if (!slice_present(url))
		return OK;
	size_t scheme = slice_starts(url, SLICE("https://")) ? 8 : slice_starts(url, SLICE("http://")) ? 7 : 0;
	if (scheme == 0 || url.len == scheme)
		return error_set(error, ERR_INVALID,
		    "--url: expected the http or https URL to which it was sent, as in "
		    "https://gateway.example/in/acme");
	input->target_uri = url;
	struct slice rest = slice_skip(url, scheme);
	size_t host = strcspn(rest.ptr, "/?");
	input->authority = (struct slice){rest.ptr, host};
	input->query = slice_skip(rest, host);
	struct slice path = slice_cut(&input->query, '?');
	if (path.len > 0)
		input->path = path;
	return OK;
}

static enum error_code
read_capture(const struct cli_arguments *arguments, struct capture *capture, struct error *error)
{
	const char *scheme = cli_value(arguments, "scheme");
	if (!sign_scheme_parse(slice_of(scheme), &capture->scheme))
		return error_set(error, ERR_INVALID, "--scheme %s: expected one of " SIGN_SCHEME_NAMES, scheme);
	enum error_code code =
	    receive_read_keys(cli_value(arguments, "secret-file"), capture->scheme, &capture->keys, error);
	if (code != OK)
		return error_wrap(error, "--secret-file");
	const char *headers = cli_value(arguments, "headers");
	code = input_file(headers, &capture->headers, error);
	if (code != OK)
		return error_wrap(error, "--headers");
	struct verify_input *input = &capture->input;
	code = input_headers(headers, buf_slice(&capture->headers), &capture->arena, &input->headers, error);
	if (code != OK)
		return error_wrap(error, "--headers");
	if (input_file(cli_value(arguments, "body"), &capture->body, error) != OK)
		return error_wrap(error, "--body");
	input->body = buf_slice(&capture->body);
	input->now = clock_wall();
	if (cli_given(arguments, "at"))
		code = input_time("at", cli_value(arguments, "at"), &input->now, error);
	return code == OK ? read_url(arguments, input, error) : code;
}

/* Editors and shells end a file with a line end that was not in the request: would it fit without? */
static bool
fits_without_line_end(struct capture *capture)
{
	struct verify_input input = capture->input;
	if (input.body.len == 0 || input.body.ptr[input.body.len - 1] != '\n')
		return false;
	input.body.len--;
	struct verify_result result;
	verify_request(capture->scheme, capture->keys.items, capture->keys.count, &input, &capture->arena, &result);
	return result.verdict != VERDICT_WRONG;
}

static const char *
advice(struct capture *capture, const struct cli_arguments *arguments, enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_WRONG:
		if (fits_without_line_end(capture))
			return "it would fit without the line end at the end of the body's file";
		return "is it the body exactly as it came, not printed anew, and the key of this endpoint?";
	case VERDICT_STALE:
		return cli_given(arguments, "at") ? "expected --at to be when it was received"
						  : "give --at TIME to check it as of when it was received";
	case VERDICT_VERIFIED:
	case VERDICT_MISSING:
	case VERDICT_MALFORMED:
	case VERDICT_NO_ID:
	case VERDICT_ADDRESS:
	case VERDICT_CERTIFICATE:
	case VERDICT_COUNT: return NULL;
	}
	UNREACHABLE();
}

static void
print_result(const struct cli_arguments *arguments, struct capture *capture, const struct verify_result *result)
{
	bool good = result->verdict == VERDICT_VERIFIED;
	const char *hint = advice(capture, arguments, result->verdict);
	if (!cli_given(arguments, "json")) {
		if (good)
			printf("verified: event id %.*s, signed by key %zu of %zu\n", SLICE_ARG(result->event_id),
			    result->key_index + 1, capture->keys.count);
		else
			printf("%s: %s%s%s\n", verdict_name(result->verdict), result->reason, hint == NULL ? "" : "; ",
			    hint == NULL ? "" : hint);
		return;
	}
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	json_put_cstring(&writer, "verdict", verdict_name(result->verdict));
	json_put_string(&writer, "id", result->event_id);
	if (good)
		json_put_integer(&writer, "key", (int64_t)result->key_index + 1);
	json_put_cstring(&writer, "reason", result->reason);
	if (hint != NULL)
		json_put_cstring(&writer, "advice", hint);
	json_close(&writer);
	printf("%.*s\n", SLICE_ARG(buf_slice(&out)));
	buf_free(&out);
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct capture capture = {.arena = ARENA_EMPTY};
	buf_init(&capture.headers, LIMIT_BODY_BYTES);
	buf_init(&capture.body, (size_t)16 * LIMIT_BODY_BYTES);
	int status = CLI_GOOD;
	if (read_capture(arguments, &capture, &error) == OK) {
		struct verify_result result;
		verify_request(
		    capture.scheme, capture.keys.items, capture.keys.count, &capture.input, &capture.arena, &result);
		print_result(arguments, &capture, &result);
		status = result.verdict == VERDICT_VERIFIED ? CLI_GOOD : CLI_FINDING;
	} else {
		status = cli_fail(arguments, &error);
	}
	key_list_free(&capture.keys);
	buf_free(&capture.headers);
	buf_free(&capture.body);
	arena_free(&capture.arena);
	return status;
}

static const struct cli_option options[] = {
    {.name = "scheme", .argument = "S", .about = "how it was signed; see below", .required = true},
    {.name = "secret-file", .argument = "FILE", .about = "the keys, as receive takes them", .required = true},
    {.name = "headers", .argument = "FILE", .about = "the request's headers, a `name: value` a line", .required = true},
    {.name = "body",
	.argument = "FILE",
	.about = "the request's body, exactly as it came; - for standard input",
	.required = true},
    {.name = "at", .argument = "TIME", .about = "when it was received; without it, now"},
    {.name = "url", .argument = "URL", .about = "where it was sent, for rfc9421"},
    {.name = "method", .argument = "METHOD", .about = "how it was sent, for rfc9421", .fallback = "POST"},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_verify = {
    .name = "verify",
    .summary = "check a signature offline and say why it fails",
    .details =
	"Schemes: standard, rfc9421, legacy; of other platforms: fireblocks, bitgo, dfns, fordefi, copper, cobo,\n"
	"ripple, circle, coinbase; and hmac, which the secret file describes (docs/schemes.md).\n"
	"Exit status 1 when it does not verify.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
