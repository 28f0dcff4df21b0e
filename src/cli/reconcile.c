/* `reconcile`: holds the journal, the custodian's records and the ledger against each other, beside a running receiver. */
#include "cli/reconcile.h"

#include "reconcile/keep.h"
#include "reconcile/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRESS_EVERY_US = 2000000 };

static enum error_code
read_time(const struct cli_arguments *arguments, const char *name, struct wall_time *out, struct error *error)
{
	return cli_given(arguments, name) ? input_time(name, cli_value(arguments, name), out, error) : OK;
}

static enum error_code
read_duration(const struct cli_arguments *arguments, const char *name, int64_t *out_us, struct error *error)
{
	int64_t ms;
	enum error_code code = cli_duration(arguments, name, &ms, error);
	if (code == OK && __builtin_mul_overflow(ms, (int64_t)1000, out_us))
		code = error_set(error, ERR_INVALID, "--%s %s: expected a duration of less than 200000 years", name,
		    cli_value(arguments, name));
	return code;
}

static enum error_code
read_rules(const struct cli_arguments *arguments, struct break_rules *rules, struct error *error)
{
	*rules = (struct break_rules){.as_of = clock_wall(), .from = TIME_UNKNOWN, .to = TIME_UNKNOWN};
	enum error_code code = read_time(arguments, "as-of", &rules->as_of, error);
	if (code == OK)
		code = read_time(arguments, "from", &rules->from, error);
	if (code == OK)
		code = read_time(arguments, "to", &rules->to, error);
	if (code == OK && time_known(rules->from) && time_known(rules->to) && rules->from.us >= rules->to.us)
		code = error_set(error, ERR_INVALID, "--from %s: expected a time before --to %s",
		    cli_value(arguments, "from"), cli_value(arguments, "to"));
	if (code == OK)
		code = read_duration(arguments, "tolerance", &rules->tolerance_us, error);
	if (code == OK)
		code = read_duration(arguments, "stuck-after", &rules->stuck_after_us, error);
	return code;
}

/* Only work that takes long is told of. */
static void
show_progress(void *context, const struct records_source *source, uint64_t pages, uint64_t records)
{
	struct reconcile_run *run = context;
	struct mono_time now = clock_mono();
	if (now.us - run->shown.us < PROGRESS_EVERY_US)
		return;
	run->shown = now;
	fprintf(stderr, "vaultbell reconcile: %s: %" PRIu64 " records in %" PRIu64 " pages so far\n", source->name,
	    records, pages);
}

static bool
names_file(const char *text)
{
	return strncmp(text, "csv:", 4) == 0 || strncmp(text, "jsonl:", 6) == 0;
}

static enum error_code
read_source(struct reconcile_run *run, enum side side, struct error *error)
{
	const char *option = side_name(side), *text = cli_value(run->arguments, option);
	struct given_side *given = &run->sides[side];
	enum error_code code;
	given->is_file = names_file(text) || !run->has_config;
	if (given->is_file)
		code = reconcile_source_parse(text, &given->file, error);
	else
		code = records_source_open(&run->config, text, &given->source, error);
	if (code != OK)
		return error_wrap(error, "--%s", option);
	if (given->source != NULL) {
		given->source->progress = show_progress;
		given->source->progress_context = run;
	}
	return OK;
}

enum error_code
reconcile_run_read(struct reconcile_run *run, struct error *error)
{
	struct store *store;
	struct reconcile *reconcile = &run->reconcile;
	enum error_code code = input_store(cli_value(run->arguments, "data"), true, &store, error);
	if (code != OK)
		return code;
	code = reconcile_read_journal(reconcile, store, error);
	store_close(store);
	run->shown = clock_mono();
	for (enum side side = SIDE_CUSTODIAN; code == OK && side <= SIDE_LEDGER; side++) {
		struct given_side *given = &run->sides[side];
		code = given->is_file ? reconcile_read_records(reconcile, side, &given->file, error)
				      : records_read_source(given->source, reconcile, side, error);
	}
	return code;
}

/* Whoever reads the file finds the report before, or all of this one. */
static enum error_code
write_path(const char *what, const char *path, const struct reconcile *reconcile,
    void (*report)(const struct reconcile *reconcile, struct report_file *out), struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	const char *fresh = arena_printf(&arena, "%s.new", path).ptr;
	struct stat status;
	/* A device or a pipe is written to, not replaced. */
	bool plain = stat(path, &status) != 0 || S_ISREG(status.st_mode);
	FILE *file = fopen(plain ? fresh : path, "we");
	enum error_code code = OK;
	if (file == NULL) {
		code = error_set(
		    error, ERR_IO, "%s %s: %s; expected a file that can be written", what, path, strerror(errno));
	} else {
		struct report_file out;
		report_file_init(&out, file);
		report(reconcile, &out);
		bool written = report_file_fini(&out);
		int reason = errno;
		written &= fclose(file) == 0;
		if (written && plain && rename(fresh, path) != 0) {
			written = false;
			reason = errno;
		}
		if (!written)
			code = error_set(error, ERR_IO, "%s %s: %s", what, path, strerror(reason));
	}
	arena_free(&arena);
	return code;
}

static enum error_code
write_file(const struct cli_arguments *arguments, const char *option, const struct reconcile *reconcile,
    void (*report)(const struct reconcile *reconcile, struct report_file *out), struct error *error)
{
	const char *path = cli_value(arguments, option);
	char what[16];
	snprintf(what, sizeof what, "--%s", option);
	return path == NULL ? OK : write_path(what, path, reconcile, report, error);
}

/* All three forms, under names that stay. */
static enum error_code
write_directory(const char *directory, const struct reconcile *reconcile, struct error *error)
{
	static const struct {
		const char *name;
		void (*report)(const struct reconcile *reconcile, struct report_file *out);
	} files[] = {{"reconciliation.json", report_json}, {"reconciliation.csv", report_csv},
	    {"reconciliation.html", report_html}};
	if (directory == NULL)
		return OK;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return error_set(error, ERR_IO, "--output %s: %s; expected a directory, or a place for one", directory,
		    strerror(errno));
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < COUNT_OF(files); i++) {
		struct arena arena = ARENA_EMPTY;
		const char *path = arena_printf(&arena, "%s/%s", directory, files[i].name).ptr;
		code = write_path("--output", path, reconcile, files[i].report, error);
		arena_free(&arena);
	}
	return code;
}

static enum error_code
write_reports(const struct cli_arguments *arguments, const struct reconcile *reconcile, struct error *error)
{
	enum error_code code = write_file(arguments, "csv", reconcile, report_csv, error);
	if (code == OK)
		code = write_file(arguments, "html", reconcile, report_html, error);
	if (code == OK)
		code = write_directory(cli_value(arguments, "output"), reconcile, error);
	if (code != OK)
		return code;
	struct report_file out;
	report_file_init(&out, stdout);
	if (cli_given(arguments, "json"))
		report_json(reconcile, &out);
	else
		report_table(reconcile, &out);
	return report_file_fini(&out) ? OK : error_set(error, ERR_IO, "standard output: %s", strerror(errno));
}

/* Into the receiver's database, beside whatever runs on it. */
static enum error_code
keep(const struct cli_arguments *arguments, const struct reconcile *reconcile, struct error *error)
{
	struct store *store;
	struct store_break_run tally;
	enum error_code code = input_store(cli_value(arguments, "data"), false, &store, error);
	if (code != OK)
		return code;
	code = reconcile_keep(reconcile, store, clock_wall(), &tally, error);
	store_close(store);
	return code;
}

static enum error_code
prepare(struct reconcile_run *run, struct error *error)
{
	const struct cli_arguments *arguments = run->arguments;
	enum error_code code = read_rules(arguments, &run->rules, error);
	if (code == OK && cli_given(arguments, "config")) {
		code = config_load(cli_value(arguments, "config"), environ, &run->config, error);
		run->has_config = code == OK;
	}
	for (enum side side = SIDE_CUSTODIAN; code == OK && side <= SIDE_LEDGER; side++)
		code = read_source(run, side, error);
	return code;
}

static enum error_code
prepare_sender(struct reconcile_run *run, struct error *error)
{
	const char *name = cli_value(run->arguments, "sender");
	bool repairs = cli_given(run->arguments, "repair");
	if (!repairs && (name != NULL || cli_given(run->arguments, "dry-run")))
		return error_set(error, ERR_INVALID, "--%s goes with --repair", name != NULL ? "sender" : "dry-run");
	enum error_code code = OK;
	if (name != NULL && !run->has_config)
		code = error_set(error, ERR_INVALID, "expected --config FILE, whose `records` has it");
	else if (name != NULL)
		code = records_source_open(&run->config, name, &run->sender, error);
	return code == OK ? OK : error_wrap(error, "--sender %s", name);
}

static enum error_code
compare(struct reconcile_run *run, struct error *error)
{
	reconcile_init(&run->reconcile, &run->rules);
	enum error_code code = reconcile_run_read(run, error);
	if (code == OK)
		reconcile_run(&run->reconcile);
	return code;
}

static enum error_code
finish(struct reconcile_run *run, struct error *error)
{
	enum error_code code = OK;
	if (cli_given(run->arguments, "keep"))
		code = keep(run->arguments, &run->reconcile, error);
	return code == OK ? write_reports(run->arguments, &run->reconcile, error) : code;
}

/* Mends what a machine may, and looks at everything anew. */
static enum error_code
repair(struct reconcile_run *run, struct error *error)
{
	enum error_code code = reconcile_run_repair(run, error);
	if (code != OK || cli_given(run->arguments, "dry-run"))
		return code;
	reconcile_fini(&run->reconcile);
	code = compare(run, error);
	return code == OK ? finish(run, error) : code;
}

static int
run_command(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct reconcile_run run = {.arguments = arguments};
	bool found = false;
	enum error_code code = prepare(&run, &error);
	if (code == OK)
		code = prepare_sender(&run, &error);
	if (code == OK) {
		code = compare(&run, &error);
		if (code == OK)
			code = cli_given(arguments, "repair") ? repair(&run, &error) : finish(&run, &error);
		found = run.reconcile.breaks.count > 0;
		reconcile_fini(&run.reconcile);
	}
	for (enum side side = 0; side < SIDE_COUNT; side++)
		records_source_free(run.sides[side].source);
	records_source_free(run.sender);
	if (run.has_config)
		config_free(&run.config);
	if (code != OK)
		return cli_fail(arguments, &error);
	return found ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "custodian",
	.argument = "SRC",
	.about = "the custodian's records: csv:FILE, jsonl:FILE or a name of --config",
	.required = true},
    {.name = "ledger",
	.argument = "SRC",
	.about = "the organisation's ledger: csv:FILE, jsonl:FILE or a name of --config",
	.required = true},
    {.name = "config", .argument = "FILE", .about = "the YAML file whose `records` names sources"},
    {.name = "from", .argument = "T", .about = "only transactions with a time of T or later"},
    {.name = "to", .argument = "T", .about = "only transactions with a time before T"},
    {.name = "as-of", .argument = "T", .about = "the now of all ages and tolerances; without it, now"},
    {.name = "tolerance",
	.argument = "D",
	.about = "what is younger is not yet missing, mismatched or late",
	.fallback = "10m"},
    {.name = "stuck-after",
	.argument = "D",
	.about = "how long a transaction may be without an end",
	.fallback = "24h"},
    {.name = "csv", .argument = "F", .about = "writes the breaks to a CSV file"},
    {.name = "html", .argument = "F", .about = "writes a report to an HTML file"},
    {.name = "output", .argument = "DIR", .about = "writes reconciliation.json, .csv and .html into it"},
    {.name = "repair",
	.about = "mends what did not come: looks it up, journals it as reconciliation, asks for a replay"},
    {.name = "dry-run", .about = "with --repair: prints what it would do, and does nothing"},
    {.name = "sender",
	.argument = "NAME",
	.about =
	    "with --repair: the vaultbell source of --config that is asked for replays; without it, the custodian"},
    {.name = "wait",
	.argument = "D",
	.about = "with --repair: how long to wait until what was asked for has come",
	.fallback = "30s"},
    {.name = "keep", .about = "keeps the breaks in the receiver's database, for `vaultbell breaks`"},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_reconcile = {
    .name = "reconcile",
    .summary = "compare the journal, the custodian's records and the ledger",
    .details = "Works beside a running receiver and changes nothing, unless --keep is given. Exit status 1 when there "
	       "are breaks. The form of the\n"
	       "records, how they match, and what each class of break means: docs/reconciliation.md.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run_command,
};
