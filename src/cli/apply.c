/* `apply`: makes a server's configuration what a file says. */
#include "cli/api_client.h"
#include "cli/apply.h"
#include "cli/arguments.h"
#include "cli/input.h"
#include "cli/post.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOW_BYTES_MAX = 1 << 30, PROGRESS_EVERY_US = 200000, PROGRESS_LINE_EVERY_US = 5000000 };

struct application {
	const struct cli_arguments *arguments;
	struct api_client *client;
	struct apply_state file, server;
	struct apply_plan plan;
	struct mono_time shown;
	bool json, terminal;
};

/* On a terminal one line that is written over; else now and then a line, so that a log shows that it goes on. */
static void
show_progress(struct application *application, size_t done)
{
	struct mono_time now = clock_mono();
	int64_t every_us = application->terminal ? PROGRESS_EVERY_US : PROGRESS_LINE_EVERY_US;
	if (now.us - application->shown.us < every_us)
		return;
	application->shown = now;
	fprintf(stderr, application->terminal ? "\r%zu of %zu applied\033[K" : "%zu of %zu applied\n", done,
	    application->plan.count);
}

static void
print(const struct buf *out)
{
	fwrite(out->data, 1, out->len, stdout);
	fflush(stdout);
}

static void
print_plan(const struct application *application)
{
	if (application->json)
		return;
	struct buf out;
	buf_init(&out, SHOW_BYTES_MAX);
	apply_show(&application->plan, &out);
	print(&out);
	buf_free(&out);
}

/* What was not done, behind the plan that was shown before. */
static void
print_rest(const struct apply_plan *plan, size_t done)
{
	struct arena arena = ARENA_EMPTY;
	printf("applied %zu of %zu; not applied:\n", done, plan->count);
	for (size_t i = done; i < plan->count; i++)
		printf("  %.*s\n", SLICE_ARG(apply_step_text(&arena, &plan->steps[i])));
	arena_free(&arena);
}

/* What is done is told apart from what only was asked for. */
static void
print_done(const struct apply_plan *plan, const struct apply_outcome *outcome)
{
	size_t done[APPLY_ACTION_COUNT] = {0}, asked = apply_count_held(outcome, false);
	size_t before = apply_count_held(outcome, true);
	for (size_t i = 0; i < outcome->done; i++)
		done[plan->steps[i].action] += apply_ending_of(&outcome->results[i]) == APPLY_ENDED_DONE;
	printf("applied: %zu created, %zu changed, %zu deleted\n", done[APPLY_CREATE], done[APPLY_CHANGE],
	    done[APPLY_DELETE]);
	if (asked + before == 0)
		return;
	struct buf out;
	buf_init(&out, SHOW_BYTES_MAX);
	apply_show_waiting(plan, outcome, &out);
	print(&out);
	buf_free(&out);
	printf("not applied yet: %zu asked for now, %zu asked for before\n", asked, before);
}

static void
print_outcome(const struct application *application, const struct apply_outcome *outcome)
{
	const struct apply_plan *plan = &application->plan;
	if (application->json) {
		struct buf out;
		buf_init(&out, SHOW_BYTES_MAX);
		apply_show_json(plan, outcome, &out);
		print(&out);
		buf_free(&out);
	} else if (outcome->problem != NULL) {
		print_rest(plan, outcome->done);
	} else if (!outcome->dry_run && plan->count > 0) {
		print_done(plan, outcome);
	}
}

static int
run_plan(struct application *application)
{
	struct apply_plan *plan = &application->plan;
	struct apply_result *results = mem_zero(plan->count + 1, sizeof *results);
	struct apply_outcome outcome = {.results = results};
	struct error error = ERROR_NONE;
	application->shown = clock_mono();
	enum error_code code = OK;
	while (code == OK && outcome.done < plan->count) {
		code = apply_step_run(
		    application->client, &plan->steps[outcome.done], outcome.done, &results[outcome.done], &error);
		if (code != OK)
			break;
		outcome.done++;
		show_progress(application, outcome.done);
	}
	if (application->terminal)
		fprintf(stderr, "\r\033[K");
	outcome.problem = code == OK ? NULL : error.text;
	print_outcome(application, &outcome);
	size_t waiting = apply_count_held(&outcome, false) + apply_count_held(&outcome, true);
	if (waiting > 0)
		fprintf(stderr,
		    "vaultbell apply: %zu of the changes wait on the server for a second person to approve them\n",
		    waiting);
	free(results);
	if (code == OK)
		return CLI_GOOD;
	struct arena arena = ARENA_EMPTY;
	struct slice step = apply_step_text(&arena, &plan->steps[outcome.done]);
	int status =
	    cli_misuse(application->arguments, "%.*s: %s; %zu of %zu steps are done, run it again for the rest",
		SLICE_ARG(step), error.text, outcome.done, plan->count);
	arena_free(&arena);
	return status;
}

static enum error_code
make_plan(struct application *application, struct error *error)
{
	const struct cli_arguments *arguments = application->arguments;
	const char *path = cli_value(arguments, "file");
	struct apply_options options = {
	    .prune = cli_given(arguments, "prune"), .rewrite = cli_given(arguments, "rewrite-sensitive")};
	struct buf text;
	buf_init(&text, APPLY_FILE_BYTES_MAX);
	enum error_code code = input_file(path, &text, error);
	if (code == OK)
		code = apply_file_read(
		    strcmp(path, "-") == 0 ? "standard input" : path, buf_slice(&text), &application->file, error);
	buf_free(&text);
	if (code == OK)
		code = apply_file_resolve(&application->file, error);
	if (code == OK)
		code = apply_server_read(
		    application->client, &application->file, NULL, options.prune, &application->server, error);
	if (code == OK)
		code = apply_plan_make(&application->file, &application->server, &options, &application->plan, error);
	for (size_t i = 0; code == OK && i < application->plan.count; i++)
		code = apply_references_check(&application->file, &application->plan.steps[i], error);
	return code;
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct application application = {
	    .arguments = arguments, .json = cli_given(arguments, "json"), .terminal = isatty(STDERR_FILENO) == 1};
	struct buf token;
	buf_init(&token, 4096);
	enum error_code code = post_read_token(arguments, &token, &error);
	if (code == OK)
		code = api_client_new(cli_value(arguments, "url"), token.data, &application.client, &error);
	if (code == OK)
		code = make_plan(&application, &error);
	int status;
	if (code != OK) {
		status = cli_fail(arguments, &error);
	} else {
		print_plan(&application);
		if (cli_given(arguments, "dry-run")) {
			print_outcome(&application, &(struct apply_outcome){.dry_run = true});
			status = application.plan.count > 0 ? CLI_FINDING : CLI_GOOD;
		} else {
			status = run_plan(&application);
		}
	}
	apply_plan_free(&application.plan);
	apply_state_free(&application.file);
	apply_state_free(&application.server);
	api_client_free(application.client);
	if (token.data != NULL)
		explicit_bzero(token.data, token.len);
	buf_free(&token);
	return status;
}

static const struct cli_option options[] = {
    {.name = "file",
	.letter = 'f',
	.argument = "FILE",
	.about = "YAML, as docs/configuration-as-code.md has it; - for standard input",
	.required = true},
    {.name = "url", .argument = "URL", .about = "the server, as in http://127.0.0.1:8080", .required = true},
    {.name = "token-file", .argument = "FILE", .about = "holds the token"},
    {.name = "token", .argument = "T", .about = "the token; other users of the machine may see it", .secret = true},
    {.name = "dry-run", .about = "shows the plan and writes nothing; exit status 1 when there are changes"},
    {.name = "prune", .about = "deletes what the server has and the file has not"},
    {.name = "rewrite-sensitive", .about = "sends sensitive headers again, which cannot be compared"},
    {.name = "json", .about = "prints the plan and what became of it as a JSON object"},
};

const struct cli_command cli_apply = {
    .name = "apply",
    .summary = "make a server's configuration what a file says",
    .details =
	"The token is also taken from VAULTBELL_TOKEN; a platform's, or an organisation's for its own endpoints.\n"
	"Shows the plan first: + create, ~ change (old → new), - delete, ? there but not managed, as it is not in\n"
	"the file. Then applies it: what others need first, deletions last. Stops at the first failure and says\n"
	"what was done and what not; running it again does the rest. Sections that the file does not have are left\n"
	"alone. Exit status 0 when the server is as the file says, 1 with --dry-run when it is not, 2 on misuse or\n"
	"when it could not be made so.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
