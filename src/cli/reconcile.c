/* `reconcile`: holds the journal, the custodian's records and the ledger against each other, beside a running receiver. */
#include "cli/arguments.h"
#include "cli/input.h"

#include "reconcile/keep.h"
#include "reconcile/report.h"

#include <errno.h>
#include <stdio.h>

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

static enum error_code
read_source(const struct cli_arguments *arguments, enum side side, struct reconcile_source *source, struct error *error)
{
	const char *name = side_name(side);
	enum error_code code = reconcile_source_parse(cli_value(arguments, name), source, error);
	return code == OK ? OK : error_wrap(error, "--%s", name);
}

static enum error_code
read_sides(const struct cli_arguments *arguments, const struct reconcile_source sources[SIDE_COUNT],
    struct reconcile *reconcile, struct error *error)
{
	struct store *store;
	enum error_code code = input_store(cli_value(arguments, "data"), true, &store, error);
	if (code != OK)
		return code;
	code = reconcile_read_journal(reconcile, store, error);
	store_close(store);
	for (enum side side = SIDE_CUSTODIAN; code == OK && side <= SIDE_LEDGER; side++)
		code = reconcile_read_records(reconcile, side, &sources[side], error);
	return code;
}

static enum error_code
write_file(const struct cli_arguments *arguments, const char *option, const struct reconcile *reconcile,
    void (*report)(const struct reconcile *reconcile, struct report_file *out), struct error *error)
{
	const char *path = cli_value(arguments, option);
	FILE *file = path == NULL ? NULL : fopen(path, "we");
	if (path == NULL)
		return OK;
	if (file == NULL)
		return error_set(
		    error, ERR_IO, "--%s %s: %s; expected a file that can be written", option, path, strerror(errno));
	struct report_file out;
	report_file_init(&out, file);
	report(reconcile, &out);
	bool written = report_file_fini(&out);
	int reason = errno;
	written &= fclose(file) == 0;
	return written ? OK : error_set(error, ERR_IO, "--%s %s: %s", option, path, strerror(reason));
}

static enum error_code
write_reports(const struct cli_arguments *arguments, const struct reconcile *reconcile, struct error *error)
{
	enum error_code code = write_file(arguments, "csv", reconcile, report_csv, error);
	if (code == OK)
		code = write_file(arguments, "html", reconcile, report_html, error);
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

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct break_rules rules;
	struct reconcile_source sources[SIDE_COUNT];
	enum error_code code = read_rules(arguments, &rules, &error);
	for (enum side side = SIDE_CUSTODIAN; code == OK && side <= SIDE_LEDGER; side++)
		code = read_source(arguments, side, &sources[side], &error);
	if (code != OK)
		return cli_fail(arguments, &error);
	struct reconcile reconcile;
	reconcile_init(&reconcile, &rules);
	code = read_sides(arguments, sources, &reconcile, &error);
	if (code == OK) {
		reconcile_run(&reconcile);
		if (cli_given(arguments, "keep"))
			code = keep(arguments, &reconcile, &error);
	}
	if (code == OK) {
		code = write_reports(arguments, &reconcile, &error);
	}
	bool found = reconcile.breaks.count > 0;
	reconcile_fini(&reconcile);
	if (code != OK)
		return cli_fail(arguments, &error);
	return found ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "custodian",
	.argument = "SRC",
	.about = "the custodian's records: csv:FILE or jsonl:FILE",
	.required = true},
    {.name = "ledger",
	.argument = "SRC",
	.about = "the organisation's ledger: csv:FILE or jsonl:FILE",
	.required = true},
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
    .run = run,
};
