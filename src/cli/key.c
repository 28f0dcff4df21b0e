/* `key rotate` and `key status`: the key that secrets are sealed with, and how far its rotation is. */
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/journal.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

enum { POLL_MS = 100 };

static bool
is_there(const char *directory, const char *name)
{
	struct arena arena = ARENA_EMPTY;
	struct stat status;
	bool there = stat(arena_printf(&arena, "%s/%s", directory, name).ptr, &status) == 0;
	arena_free(&arena);
	return there;
}

/* --- rotate ------------------------------------------------------------------------------------------ */

/* Who began it, and from which key to which; the server leaves a row of its own when it has ended. */
static enum error_code
audit(const char *directory, struct store *store, struct error *error)
{
	struct sealer *sealer = NULL;
	char before[SEALER_KEY_ID_BYTES], after[SEALER_KEY_ID_BYTES];
	enum error_code code = sealer_open(directory, &sealer, error);
	if (code != OK)
		return code;
	bool rotating = sealer_rotating(sealer);
	sealer_key_id(sealer, 0, after);
	sealer_key_id(sealer, rotating ? 1 : 0, before);
	sealer_free(sealer);
	/* A server has been so quick that it is over: its row has told of it. */
	if (!rotating)
		return OK;
	struct store_request *request = store_request_new(STORE_AUDIT_NOTE, clock_wall());
	request->actor.present = true;
	request->audit_action = "key.rotate";
	request->audit_object = SLICE("sealing-key");
	request->audit_before = arena_printf(&request->arena, "{\"keyId\":\"%s\"}", before);
	request->audit_after = arena_printf(&request->arena, "{\"keyId\":\"%s\"}", after);
	code = store_ask(store, request, error);
	store_request_free(request);
	return code == OK ? input_audited(directory, store, error) : code;
}

/* The log is opened before anything is done: what it cannot tell of does not begin. */
static enum error_code
begin(const char *directory, struct error *error)
{
	struct store *store = NULL;
	if (!is_there(directory, "master.key"))
		return error_set(error, ERR_NOT_FOUND, "--data %s: there is no master.key in it", directory);
	enum error_code code = input_store(directory, false, &store, error);
	if (code == OK)
		code = sealer_rotation_begin(directory, error);
	if (code == OK)
		code = audit(directory, store, error);
	store_close(store);
	return code;
}

static int
rotate(const struct cli_arguments *arguments)
{
	const char *directory = cli_value(arguments, "data");
	struct error error = ERROR_NONE;
	enum error_code code = begin(directory, &error);
	bool wait = cli_given(arguments, "wait");
	/* One that is under way can be waited for too. */
	if (code != OK && !(wait && code == ERR_CONFLICT))
		return cli_fail(arguments, &error);
	if (!wait) {
		printf("a new sealing key is in %s/master.key.next: the server of this directory seals everything with "
		       "it,\n"
		       "then it takes the place of master.key; `vaultbell key status` says how far it is\n",
		    directory);
		return CLI_GOOD;
	}
	while (is_there(directory, "master.key.next"))
		(void)poll(NULL, 0, POLL_MS);
	printf("the sealing key was rotated\n");
	return CLI_GOOD;
}

/* --- status ------------------------------------------------------------------------------------------ */

struct counts {
	const struct sealer *sealer;
	int64_t newest, older, unreadable;
};

static struct slice
count(void *context, struct arena *arena, struct slice purpose, struct slice sealed)
{
	(void)arena;
	struct counts *counts = context;
	struct secret plain;
	if (sealer_is_newest(counts->sealer, purpose, sealed)) {
		counts->newest++;
	} else if (sealer_open_sealed(counts->sealer, purpose, sealed, &plain, NULL) == OK) {
		secret_free(&plain);
		counts->older++;
	} else {
		counts->unreadable++;
	}
	return SLICE_NONE;
}

static enum error_code
count_all(struct store *store, struct counts *counts, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ENDPOINTS_ALL, clock_wall());
	const struct store_resealing resealing = {.reseal = count, .context = counts};
	enum error_code code = store_ask(store, request, error);
	for (size_t i = 0; code == OK && i < request->count; i++)
		(void)reseal_endpoint(&resealing, &request->arena, &request->endpoints[i]);
	for (size_t i = 0; code == OK && i < request->admin->signer_count; i++)
		(void)reseal_organisation(&resealing, &request->arena, &request->admin->signers[i]);
	store_request_free(request);
	return code;
}

static void
print_json(const struct counts *counts, bool rotating)
{
	struct buf line;
	struct json_writer writer;
	buf_init(&line, 1024);
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_bool(&writer, "rotating", rotating);
	json_put_integer(&writer, "newest_key", counts->newest);
	json_put_integer(&writer, "older_key", counts->older);
	json_put_integer(&writer, "unreadable", counts->unreadable);
	json_close(&writer);
	journal_print_line(&line);
}

static int
status(const struct cli_arguments *arguments)
{
	const char *directory = cli_value(arguments, "data");
	struct error error = ERROR_NONE;
	struct store *store = NULL;
	struct sealer *sealer = NULL;
	struct counts counts = {.newest = 0};
	enum error_code code = input_store(directory, true, &store, &error);
	/* Opening the sealer would make a key where there is none. */
	if (code == OK && !is_there(directory, "master.key"))
		code = error_set(&error, ERR_NOT_FOUND, "--data %s: there is no master.key in it", directory);
	if (code == OK)
		code = sealer_open(directory, &sealer, &error);
	counts.sealer = sealer;
	bool rotating = code == OK && sealer_rotating(sealer);
	if (code == OK)
		code = count_all(store, &counts, &error);
	store_close(store);
	sealer_free(sealer);
	if (code != OK)
		return cli_fail(arguments, &error);
	if (cli_given(arguments, "json"))
		print_json(&counts, rotating);
	else
		printf("%s; sealed values of endpoints: %" PRId64 " with the newest key, %" PRId64
		       " with the one before, %" PRId64 " that no key opens\n",
		    rotating ? "a rotation is under way" : "no rotation is under way", counts.newest, counts.older,
		    counts.unreadable);
	return counts.unreadable > 0 ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option rotate_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "wait", .about = "until the new key is the only one"},
};

static const struct cli_option status_options[] = {
    {.name = "data", .argument = "DIR", .about = "the server's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_key_rotate = {
    .name = "key rotate",
    .summary = "put another sealing key in the place of DIR/master.key",
    .details =
	"Makes a new key beside the old one. The server of the directory (running, or when it is next started)\n"
	"seals everything anew in small steps, answering and delivering meanwhile, and then retires the old key.\n"
	"Whatever ends it in between: everything stays readable, and it goes on at the next start. Copies of the\n"
	"database from before need the old key; keep it with them.",
    .options = rotate_options,
    .option_count = COUNT_OF(rotate_options),
    .run = rotate,
};

const struct cli_command cli_key_status = {
    .name = "key status",
    .summary = "say how far the rotation of the sealing key is",
    .details = "Counts what endpoints have sealed, by the key that opens it. Exit status 1: some of it no key opens.\n"
	       "Works beside a running server.",
    .options = status_options,
    .option_count = COUNT_OF(status_options),
    .run = status,
};
