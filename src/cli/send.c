/* `send`: posts one event. */
#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/post.h"

#include "base/encode.h"
#include "base/random.h"

#include <stdio.h>

/* What came of it, copied, because the answer lives only as long as it is reported. */
struct outcome {
	bool reported, accepted;
	long status;
	unsigned tries;
	struct slice body;
	const char *problem;
	struct arena arena;
};

static void
done(void *context, const struct post_result *result)
{
	struct outcome *outcome = context;
	outcome->reported = true;
	outcome->accepted = result->accepted;
	outcome->status = result->status;
	outcome->tries = result->tries;
	outcome->body = arena_copy(&outcome->arena, result->body);
	outcome->problem = arena_string(&outcome->arena, slice_of(result->problem));
}

static enum error_code
read_post(const struct cli_arguments *arguments, struct buf *payload, struct post *post, struct error *error)
{
	const char *path = cli_value(arguments, "payload");
	post->type = slice_of(cli_value(arguments, "type"));
	post->event_id = slice_of(cli_value(arguments, "event-id"));
	if (!event_type_name_valid(post->type))
		return error_set(error, ERR_INVALID,
		    "--type %s: expected letters, digits, '-', '_' and '.', as in wallet.created", post->type.ptr);
	if (slice_present(post->event_id) && !uid_valid(post->event_id, NULL))
		return error_set(error, ERR_INVALID, "--event-id %s: expected 1 to %d letters, digits, '-', '_' or '.'",
		    post->event_id.ptr, LIMIT_UID_BYTES);
	if (input_file(path, payload, error) != OK)
		return error_wrap(error, "--payload");
	struct json document;
	if (json_parse(buf_slice(payload), LIMIT_JSON_DEPTH - 1, &document, error) != OK)
		return error_wrap(error, "--payload %s: expected a JSON object", path);
	if (document.type != JSON_OBJECT)
		return error_set(error, ERR_INVALID, "--payload %s: expected a JSON object, it is %s", path,
		    json_type_name(document.type));
	post->payload = document.raw;
	return OK;
}

static int
print_outcome(const struct cli_arguments *arguments, const struct outcome *outcome)
{
	if (outcome->status == 0)
		return cli_misuse(arguments, "--url %s: %s (%u tries); expected a running server",
		    cli_value(arguments, "url"), outcome->problem, outcome->tries);
	if (!outcome->accepted) {
		cli_misuse(arguments, "not accepted: status %ld: %.*s", outcome->status,
		    outcome->body.len < 300 ? (int)outcome->body.len : 300, outcome->body.ptr);
		return CLI_FINDING;
	}
	struct json document, id = JSON_ABSENT;
	struct arena arena = ARENA_EMPTY;
	if (json_parse(outcome->body, LIMIT_JSON_DEPTH, &document, NULL) == OK)
		id = json_member(document, "id");
	if (cli_given(arguments, "json") || !json_present(id) || id.type != JSON_STRING)
		printf("%.*s\n", SLICE_ARG(outcome->body));
	else
		printf("%.*s\n", SLICE_ARG(json_text(&arena, id)));
	arena_free(&arena);
	return CLI_GOOD;
}

static enum error_code
send(const struct cli_arguments *arguments, struct post *post, struct outcome *outcome, struct error *error)
{
	struct buf token;
	buf_init(&token, 4096);
	enum error_code code = post_read_token(arguments, &token, error);
	struct poster *poster = NULL;
	if (code == OK) {
		struct poster_options options = {
		    .url = cli_value(arguments, "url"),
		    .token = token.data,
		    .organisation = cli_value(arguments, "organisation"),
		    .parallel = 1,
		    .tries_max = 4,
		    .done = done,
		    .context = outcome,
		};
		code = poster_new(&options, &poster, error);
	}
	if (code == OK) {
		poster_post(poster, post);
		while (!outcome->reported)
			poster_turn(poster, 1000, -1);
	}
	poster_free(poster);
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	buf_free(&token);
	return code;
}

/* An event without an id of its own still needs a key that stays the same over the tries. */
static struct slice
random_key(struct arena *arena)
{
	unsigned char bytes[16];
	random_bytes(bytes, sizeof bytes);
	struct buf text;
	buf_init(&text, 64);
	buf_text(&text, "send_");
	hex_append(&text, (struct slice){(const char *)bytes, sizeof bytes});
	struct slice key = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return key;
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct outcome outcome = {.arena = ARENA_EMPTY};
	struct post post = {.key = random_key(&outcome.arena)};
	struct buf payload;
	buf_init(&payload, LIMIT_BODY_BYTES);
	enum error_code code = read_post(arguments, &payload, &post, &error);
	if (code == OK && slice_present(post.event_id))
		post.key = SLICE_NONE;
	if (code == OK)
		code = send(arguments, &post, &outcome, &error);
	int status = code == OK ? print_outcome(arguments, &outcome) : cli_fail(arguments, &error);
	buf_free(&payload);
	arena_free(&outcome.arena);
	return status;
}

static const struct cli_option options[] = {
    {.name = "url", .argument = "URL", .about = "the server, as in http://127.0.0.1:8080", .required = true},
    {.name = "token-file", .argument = "FILE", .about = "holds the token"},
    {.name = "token", .argument = "T", .about = "the token; other users of the machine may see it", .secret = true},
    {.name = "organisation", .argument = "REF", .about = "whose event it is, id or uid", .required = true},
    {.name = "type", .argument = "TYPE", .about = "the event type, as in wallet.created", .required = true},
    {.name = "payload", .argument = "FILE", .about = "a JSON object; - for standard input", .required = true},
    {.name = "event-id", .argument = "ID", .about = "the event's own id; posting it again changes nothing"},
    {.name = "json", .about = "prints the server's whole answer"},
};

const struct cli_command cli_send = {
    .name = "send",
    .summary = "post one event and print its message id",
    .details = "The token is also taken from VAULTBELL_TOKEN. Exit status 1 when the server does not accept the event.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
